//! The slow, obviously right reference: docs/MATCHING.md turned into code without a thought for speed.
//!
//! Is: an event is decoded, every string is cut into tokens, every token is looked up in a hash map.
//! Is not: derived from the engine; nobody who wrote this has read it. Does not know M11 (tags already there), M12.4
//! (caps) and M1.4 to M1.7 (framing): golden cases have those.

mod canon;
mod event;
mod line;
mod marks;
mod token;

use std::collections::HashMap;
use std::net::IpAddr;

use self::canon::Url;
pub(crate) use self::canon::Value;
use self::event::Field;
pub(crate) use self::event::{Format, json_object};
use self::token::{Candidate, Text, What};

/// M8.1, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Grade {
    Exact,
    Network,
    ParentDomain,
    UrlAnyScheme,
    UrlWithoutQuery,
    EmailDomain,
    PartOfPattern,
}

impl Grade {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Grade::Exact => "exact",
            Grade::Network => "network",
            Grade::ParentDomain => "parent-domain",
            Grade::UrlAnyScheme => "url-any-scheme",
            Grade::UrlWithoutQuery => "url-without-query",
            Grade::EmailDomain => "email-domain",
            Grade::PartOfPattern => "part-of-pattern",
        }
    }
}

/// One listed value.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    /// Number and name of the feed.
    pub(crate) feed: (usize, String),
    pub(crate) id: Option<String>,
    pub(crate) value: Value,
    pub(crate) part_of_pattern: bool,
}

/// One enrichment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hit {
    pub(crate) field: String,
    pub(crate) atomic: String,
    /// The listed value in canonical form.
    pub(crate) indicator: String,
    pub(crate) grade: String,
    pub(crate) feed: String,
    pub(crate) id: Option<String>,
}

/// The set of listed values, and what is switched on.
#[derive(Debug)]
pub(crate) struct Reference {
    listed: Vec<Listed>,
    by_value: HashMap<Value, Vec<usize>>,
    by_rest: HashMap<String, Vec<usize>>,
    pub(crate) allow_reserved: bool,
    pub(crate) allow_looks_like_file: bool,
}

/// A hit before M12.
struct Raw {
    place: usize,
    grade: Grade,
    start: usize,
    end: usize,
    listed: usize,
    atomic: String,
}

impl Reference {
    /// Takes the values that M9.8 to M9.11 let in.
    pub(crate) fn new(listed: Vec<Listed>) -> Reference {
        let listed: Vec<Listed> = listed.into_iter().filter(|l| is_entry(&l.value)).collect();
        let mut by_value: HashMap<Value, Vec<usize>> = HashMap::new();
        let mut by_rest: HashMap<String, Vec<usize>> = HashMap::new();
        for (number, one) in listed.iter().enumerate() {
            by_value.entry(one.value.clone()).or_default().push(number);
            if let Value::Url(url) = &one.value {
                by_rest.entry(url.rest.clone()).or_default().push(number);
            }
        }
        Reference { listed, by_value, by_rest, allow_reserved: false, allow_looks_like_file: false }
    }

    /// All enrichments of an event (a line without its line end), in order, without a cap.
    pub(crate) fn hits(&self, event: &[u8], format: Format) -> Vec<Hit> {
        let mut hits: Vec<Hit> = Vec::new();
        let mut seen: Vec<(String, String)> = Vec::new();
        for field in event::fields(event, format) {
            for raw in self.field_hits(&field) {
                let listed = &self.listed[raw.listed];
                let identity = (identity(listed), field.path.clone());
                if seen.contains(&identity) {
                    continue;
                }
                seen.push(identity);
                hits.push(Hit {
                    field: field.path.clone(),
                    atomic: raw.atomic,
                    indicator: listed.value.to_string(),
                    grade: raw.grade.as_str().to_owned(),
                    feed: listed.feed.1.clone(),
                    id: listed.id.clone(),
                });
            }
        }
        hits
    }

    /// The hits of one string: for each indicator the first in place, then by M12.3.
    fn field_hits(&self, field: &Field) -> Vec<Raw> {
        let text = Text::new(&field.text);
        let mut raw = Vec::new();
        for candidate in text.candidates() {
            if field.joined.as_ref().is_some_and(|joined| !text.is_joined(&candidate, joined)) {
                continue;
            }
            for (listed, grade) in self.look_up(&candidate, &text, field) {
                let Candidate { place, start, end, .. } = candidate;
                raw.push(Raw { place, grade, start, end, listed, atomic: text.slice(start, end) });
            }
        }
        if field.path == "message" && !field.value {
            self.joined_in_line(field, &text, &mut raw);
        }
        raw.sort_by_key(|r| (r.place, r.grade, r.start, usize::MAX - r.end));
        let mut first: Vec<Raw> = Vec::new();
        for hit in raw {
            let same = |r: &Raw| identity(&self.listed[r.listed]) == identity(&self.listed[hit.listed]);
            if !first.iter().any(same) {
                first.push(hit);
            }
        }
        first.sort_by_key(|r| {
            let l = &self.listed[r.listed];
            (r.place, l.feed.0, l.id.clone(), kind_order(&l.value), l.value.to_string())
        });
        first
    }

    /// M13.7 and M13.8.
    fn joined_in_line(&self, field: &Field, text: &Text, raw: &mut Vec<Raw>) {
        for (place, text, of) in line::joined(&text.slice(0, text.len())) {
            let joined = Text::plain(&text);
            for candidate in joined.candidates() {
                if !joined.is_joined(&candidate, &of) {
                    continue;
                }
                for (listed, grade) in self.look_up(&candidate, &joined, field) {
                    let (start, end) = (candidate.start, candidate.end);
                    let atomic = joined.slice(start, end);
                    raw.push(Raw { place: place + candidate.place, grade, start, end, listed, atomic });
                }
            }
        }
    }

    /// M8.1 after M9.1 and M9.2.
    fn look_up(&self, candidate: &Candidate, text: &Text, field: &Field) -> Vec<(usize, Grade)> {
        let mut found = Vec::new();
        match &candidate.what {
            What::Address(address) => {
                if !self.allow_reserved && is_reserved(*address) {
                    return found;
                }
                self.exactly(&Value::Ip(*address), Grade::Exact, &mut found);
                for prefix in 0..=128 {
                    if let Some(masked) = canon::mask(*address, prefix) {
                        self.exactly(&Value::Network(masked, prefix), Grade::Network, &mut found);
                    }
                }
            }
            What::AddressPort(address, port) => {
                if self.allow_reserved || !is_reserved(*address) {
                    self.exactly(&Value::IpPort(*address, *port), Grade::Exact, &mut found);
                }
            }
            What::Name { canonical, mail, anchored } => {
                let whole = field.value && (candidate.start, candidate.end) == (0, text.len());
                let stands_alone = whole && !names_a_file(&field.key);
                if self.allow_looks_like_file || !is_file_like(canonical) || *anchored || stands_alone {
                    self.name(canonical, *mail, &mut found);
                }
            }
            What::Url(url) => self.url(url, &mut found),
            What::Email(email) => self.exactly(&Value::Email(email.clone()), Grade::Exact, &mut found),
            What::Digest(digest) => self.exactly(&Value::Digest(digest.clone()), Grade::Exact, &mut found),
        }
        found
    }

    fn exactly(&self, value: &Value, grade: Grade, found: &mut Vec<(usize, Grade)>) {
        for &number in self.by_value.get(value).into_iter().flatten() {
            let grade = if self.listed[number].part_of_pattern { Grade::PartOfPattern } else { grade };
            found.push((number, grade));
        }
    }

    fn name(&self, canonical: &str, mail: bool, found: &mut Vec<(usize, Grade)>) {
        let mut name = canonical;
        let mut grade = Grade::Exact;
        loop {
            if grade == Grade::Exact || !is_private_suffix(name) {
                let written = if mail { Grade::EmailDomain } else { grade };
                self.exactly(&Value::Domain(name.into()), written, found);
            }
            let Some((_, parent)) = name.split_once('.') else { return };
            name = parent;
            grade = Grade::ParentDomain;
        }
    }

    fn url(&self, url: &Url, found: &mut Vec<(usize, Grade)>) {
        for &number in self.by_rest.get(&url.rest).into_iter().flatten() {
            let same = self.listed[number].value == Value::Url(url.clone());
            found.push((number, if same { Grade::Exact } else { Grade::UrlAnyScheme }));
        }
        if let Some(before) = url.before_query() {
            for &number in self.by_rest.get(before).into_iter().flatten() {
                found.push((number, Grade::UrlWithoutQuery));
            }
        }
    }
}

/// M12.1.
fn identity(listed: &Listed) -> String {
    match &listed.id {
        Some(id) => format!("{} id {id}", listed.feed.0),
        None => format!("{} value {} {}", listed.feed.0, listed.value.kind(), listed.value),
    }
}

fn kind_order(value: &Value) -> Option<usize> {
    const KINDS: [&str; 10] =
        ["ip", "network", "ip-port", "domain", "url", "email", "md5", "sha1", "sha256", "sha512"];
    KINDS.iter().position(|k| *k == value.kind())
}

/// M9.1.
fn is_reserved(address: IpAddr) -> bool {
    const NETWORKS: [&str; 16] = [
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/128",
        "::1/128",
        "fe80::/10",
        "fc00::/7",
        "ff00::/8",
    ];
    NETWORKS.iter().any(|network| match Value::read(network) {
        Some(Value::Network(first, prefix)) => canon::mask(address, prefix) == Some(first),
        Some(Value::Ip(one)) => address == one,
        _ => unreachable!("written above"),
    })
}

/// M9.2.
fn is_file_like(name: &str) -> bool {
    let labels: Vec<&str> = name.split('.').collect();
    labels.len() == 2 && ["zip", "mov", "sh", "py", "rs", "md", "ps", "so"].contains(&labels[1])
}

fn names_a_file(key: &str) -> bool {
    let key = key.to_lowercase();
    ["file", "path", "image", "process", "cmd", "command", "module", "script", "attach", "uri"]
        .iter()
        .any(|word| key.contains(word))
}

/// M9.8 to M9.11.
fn is_entry(value: &Value) -> bool {
    const FILE_ENDINGS: &str = " exe dll sys bat cmd scr lnk vbs jar apk php html htm js css ico png jpg gif pdf doc \
                                docx xls xlsx txt log json xml csv dat tmp ini iso ";
    match value {
        Value::Network(IpAddr::V4(_), prefix) => *prefix >= 8,
        Value::Network(IpAddr::V6(_), prefix) => *prefix >= 16,
        Value::Domain(name) => {
            let labels: Vec<&str> = name.split('.').collect();
            let file = labels.len() == 2 && FILE_ENDINGS.contains(&format!(" {} ", labels[1]));
            let suffix = psl::suffix(name.as_bytes());
            let public =
                suffix.is_some_and(|s| s.as_bytes() == name.as_bytes() && s.typ() == Some(psl::Type::Icann));
            !file && !public
        }
        Value::Digest(digest) => ![
            "d41d8cd98f00b204e9800998ecf8427e",
            "da39a3ee5e6b4b0d3255bfef95601890afd80709",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
        ]
        .contains(&digest.as_str()),
        _ => true,
    }
}

/// M9.9.
fn is_private_suffix(name: &str) -> bool {
    psl::suffix(name.as_bytes())
        .is_some_and(|s| s.as_bytes() == name.as_bytes() && s.typ() == Some(psl::Type::Private))
}
