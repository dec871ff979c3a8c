//! Candidates -> findings: which entries a candidate hits, and how, by section M8 of docs/MATCHING.md.
//!
//! Is: the table of candidates and indicators, asked of several snapshots in their order.
//! Is not: policy, order, or what is written of a finding.
//! Invariants: a finding's range lies in the string; nothing is looked up for which the prefilter has no key.
//! Fails: never. Costs: some nanoseconds for a candidate that no snapshot knows; a look-up in the tables for each
//! one that it may know. URLs that overlap cost no more than a fixed number of bytes each, whatever their length;
//! what is lost by that is told (M12.6).

use std::fmt::Write;
use std::net::IpAddr;
use std::sync::Arc;

use crate::engine::token::url::host_range;
use crate::engine::token::{Candidate, What};
use crate::index::filter::{KeyKind, Presence};
use crate::index::{Entry, Snapshot};
use crate::observable::{Digest, IpPort, Url, ip, name};

/// How a candidate hits, in the order of preference at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// The same value.
    Exact,
    /// A network that contains the address.
    Network,
    /// A name of which the candidate is a sub-domain.
    ParentDomain,
    /// The URL, but for the scheme.
    UrlAnyScheme,
    /// The URL, but for the query that the candidate has.
    UrlWithoutQuery,
    /// The domain of an e-mail address, or a parent of it.
    EmailDomain,
    /// A digest that a pattern joins with other properties of the same file.
    PartOfPattern,
}

impl Grade {
    /// The name in tags.
    pub const fn as_str(self) -> &'static str {
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

/// An entry that a candidate hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Number of the snapshot in the generation.
    pub snapshot: usize,
    /// The entry.
    pub entry: Entry,
    /// How it is hit.
    pub grade: Grade,
    /// Where the hit is ordered.
    pub place: usize,
    /// First byte of what hits.
    pub start: usize,
    /// Behind its last byte.
    pub end: usize,
}

/// Asks the snapshots. Keeps its memory.
#[derive(Debug, Default)]
pub struct Verifier {
    canonical: String,
    findings: Vec<Finding>,
    url_budget: usize,
    is_limited: bool,
}

/// Longest path of a URL, and longest URL with a query, that is looked up.
const URL_MAX: usize = 8 << 10;
/// Longest host, in bytes, that is looked up: a name in Unicode, or an address with a zone.
const HOST_MAX: usize = 2048;
/// A URL up to this length is always looked up.
const URL_SURE: usize = 512;

impl Verifier {
    /// Starts an event of this length.
    pub fn start(&mut self, length: usize) {
        self.url_budget = (1 << 20) + 16 * length;
    }

    /// What a candidate of `text` hits.
    pub fn candidate(
        &mut self,
        text: &[u8],
        candidate: Candidate,
        snapshots: &[Arc<Snapshot>],
    ) -> &[Finding] {
        self.findings.clear();
        self.is_limited = false;
        match candidate.what {
            What::Address(ip) => self.address(candidate, ip, snapshots),
            What::AddressPort(ip, port) => self.with_port(candidate, ip, port, snapshots),
            What::Name { ascii, mail } => self.name(text, candidate, ascii, mail, snapshots),
            What::Mail { at, ascii } => self.mail(text, candidate, at, ascii, snapshots),
            What::Url { authority, trimmed, short } => {
                self.url(text, candidate, authority, candidate.end, snapshots);
                if trimmed != candidate.end {
                    self.url(text, candidate, authority, trimmed, snapshots);
                }
                if short != trimmed {
                    self.url(text, candidate, authority, short, snapshots);
                }
            }
            What::Digest => self.digest(text, candidate, snapshots),
        }
        &self.findings
    }

    /// What the last candidate hit.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Whether the last candidate is a URL that was not looked up, or not with its query, because of a limit.
    pub fn is_limited(&self) -> bool {
        self.is_limited
    }

    /// Whether the candidate may be the host of a URL that some snapshot lists, or is an address that one lists with
    /// a port.
    pub fn may_be_joined(text: &[u8], candidate: Candidate, snapshots: &[Arc<Snapshot>]) -> bool {
        match candidate.what {
            What::Address(ip) => snapshots.iter().any(|snapshot| presence(snapshot, ip).path),
            What::Name { ascii: true, .. } => snapshots.iter().any(|snapshot| {
                let key = snapshot.hasher().text(text, candidate.start, candidate.end, KeyKind::Name);
                snapshot.filter().ask(key).path
            }),
            What::Name { ascii: false, .. } => true,
            _ => false,
        }
    }

    fn push(&mut self, snapshot: usize, entry: Entry, grade: Grade, candidate: Candidate) {
        let Candidate { place, start, end, .. } = candidate;
        self.findings.push(Finding { snapshot, entry, grade, place, start, end });
    }

    fn address(&mut self, candidate: Candidate, ip: IpAddr, snapshots: &[Arc<Snapshot>]) {
        for (number, snapshot) in snapshots.iter().enumerate() {
            if presence(snapshot, ip).listed
                && let Some(entry) = snapshot.ip(ip)
            {
                self.push(number, entry, Grade::Exact, candidate);
            }
            if snapshot.touches(ip) {
                for entry in snapshot.networks(ip) {
                    self.push(number, entry, Grade::Network, candidate);
                }
            }
        }
    }

    fn with_port(&mut self, candidate: Candidate, address: IpAddr, port: u16, snapshots: &[Arc<Snapshot>]) {
        for (number, snapshot) in snapshots.iter().enumerate() {
            if presence(snapshot, address).path
                && let Some(entry) = snapshot.ip_port(IpPort { address, port })
            {
                self.push(number, entry, Grade::Exact, candidate);
            }
        }
    }

    fn name(
        &mut self,
        text: &[u8],
        candidate: Candidate,
        ascii: bool,
        mail: bool,
        snapshots: &[Arc<Snapshot>],
    ) {
        let Some(raw) = text.get(candidate.start..candidate.end) else { return };
        let mut canonical = std::mem::take(&mut self.canonical);
        canonical.clear();
        for (number, snapshot) in snapshots.iter().enumerate() {
            if ascii && !may_know(snapshot, raw) {
                continue;
            }
            if canonical.is_empty() && !push_name(raw, &mut canonical) {
                break;
            }
            self.suffixes(snapshot, number, &canonical, candidate, mail);
        }
        self.canonical = canonical;
    }

    /// Looks the name up, and its parents, from two labels on as long as longer names are listed.
    fn suffixes(
        &mut self,
        snapshot: &Snapshot,
        number: usize,
        canonical: &str,
        candidate: Candidate,
        mail: bool,
    ) {
        let (filter, hasher) = (snapshot.filter(), snapshot.hasher());
        let bytes = canonical.as_bytes();
        let mut start = two_labels(bytes);
        loop {
            let presence = filter.ask(hasher.text(bytes, start, bytes.len(), KeyKind::Name));
            if presence.listed
                && let Some(entry) = canonical.get(start..).and_then(|name| snapshot.name(name))
                && (start == 0 || snapshot.covers_children(entry))
            {
                let grade = match (mail, start) {
                    (true, _) => Grade::EmailDomain,
                    (false, 0) => Grade::Exact,
                    (false, _) => Grade::ParentDomain,
                };
                self.push(number, entry, grade, candidate);
            }
            if start == 0 || !presence.path {
                return;
            }
            start = label_before(bytes, start);
        }
    }

    fn mail(
        &mut self,
        text: &[u8],
        candidate: Candidate,
        at: usize,
        ascii: bool,
        snapshots: &[Arc<Snapshot>],
    ) {
        let Candidate { start, end, .. } = candidate;
        let mut canonical = std::mem::take(&mut self.canonical);
        canonical.clear();
        for (number, snapshot) in snapshots.iter().enumerate() {
            let listed = |bytes: &[u8], start, end| {
                let key = snapshot.hasher().text(bytes, start, end, KeyKind::Email);
                snapshot.filter().ask(key).listed
            };
            if ascii && !listed(text, start, end) {
                continue;
            }
            if canonical.is_empty() {
                let local =
                    text.get(start..=at).and_then(|l| std::str::from_utf8(l).ok()).unwrap_or_default();
                canonical.push_str(local);
                canonical.make_ascii_lowercase();
                if !push_name(text.get(at + 1..end).unwrap_or_default(), &mut canonical) {
                    break;
                }
            }
            if listed(canonical.as_bytes(), 0, canonical.len())
                && let Some(entry) = snapshot.email(&canonical)
            {
                self.push(number, entry, Grade::Exact, candidate);
            }
        }
        self.canonical = canonical;
    }

    fn digest(&mut self, text: &[u8], candidate: Candidate, snapshots: &[Arc<Snapshot>]) {
        let Candidate { start, end, .. } = candidate;
        let mut digest = None;
        for (number, snapshot) in snapshots.iter().enumerate() {
            let key = snapshot.hasher().text(text, end - 16, end, KeyKind::Digest);
            if !snapshot.filter().ask(key).listed {
                continue;
            }
            let read =
                || std::str::from_utf8(text.get(start..end)?).ok().and_then(|t| Digest::parse(t, None).ok());
            if let Some(digest) = digest.get_or_insert_with(read)
                && let Some(entry) = snapshot.digest(digest.bytes())
            {
                self.push(number, entry, Grade::Exact, candidate);
            }
        }
    }

    /// One reading of a URL, up to `end`.
    fn url(
        &mut self,
        text: &[u8],
        candidate: Candidate,
        authority: usize,
        end: usize,
        snapshots: &[Arc<Snapshot>],
    ) {
        let (host, behind) = host_range(text, authority, end);
        let (Some(host), Some(rest)) = (text.get(host), text.get(behind..end)) else { return };
        let has_scheme = authority > candidate.start;
        if host.len() > HOST_MAX || !has_scheme && !matches!(rest.first(), Some(b'/' | b'?')) {
            return;
        }
        let mut canonical = std::mem::take(&mut self.canonical);
        canonical.clear();
        if let Some(host) = push_host(host, &mut canonical) {
            let reading = Reading { candidate: Candidate { end, ..candidate }, path: behind, url: None };
            self.url_of(text, reading, (host, &canonical), snapshots);
        }
        self.canonical = canonical;
    }

    /// One reading of a URL with this host.
    fn url_of(
        &mut self,
        text: &[u8],
        mut reading: Reading,
        (host, name): (Host, &str),
        snapshots: &[Arc<Snapshot>],
    ) {
        let rest = text.get(reading.path..reading.candidate.end).unwrap_or_default();
        let mut path = None;
        for (number, snapshot) in snapshots.iter().enumerate() {
            let (filter, hasher) = (snapshot.filter(), snapshot.hasher());
            let host_presence = match host {
                Host::Address(ip) => presence(snapshot, ip),
                Host::Name => filter.ask(hasher.text(name.as_bytes(), 0, name.len(), KeyKind::Name)),
            };
            if !host_presence.path {
                continue;
            }
            let path = *path.get_or_insert_with(|| path_length(rest));
            let key = rest.get(..path).filter(|path| !path.is_empty()).unwrap_or(b"/");
            if path > URL_MAX || !self.may_spend(path) {
                self.is_limited = true;
                return;
            }
            if filter.ask(hasher.pair(name.as_bytes(), key, KeyKind::Url)).listed {
                let query = reading.path + path;
                if reading.url.is_none() {
                    reading.url = self.read_url(text, reading.candidate, query);
                }
                let Some((url, whole)) = &reading.url else { return };
                self.look_up_url(snapshot, number, url, *whole, reading.candidate);
            }
        }
    }

    /// Whether so many bytes of a URL may be looked at.
    fn may_spend(&mut self, bytes: usize) -> bool {
        if bytes > URL_SURE && bytes > self.url_budget {
            return false;
        }
        self.url_budget = self.url_budget.saturating_sub(bytes);
        true
    }

    /// Reads the URL, and says whether wholly; if it is too long, only up to its query, which starts at `query`.
    fn read_url(&mut self, text: &[u8], candidate: Candidate, query: usize) -> Option<(Url, bool)> {
        let Candidate { start, end, .. } = candidate;
        let whole = end - start <= URL_MAX && self.may_spend(end - start);
        self.is_limited |= !whole;
        let end = if whole || text.get(query) != Some(&b'?') { end } else { query + 1 };
        if end - start > 2 * URL_MAX {
            return None;
        }
        let url = Url::parse(std::str::from_utf8(text.get(start..end)?).ok()?).ok()?;
        Some((url, whole))
    }

    fn look_up_url(
        &mut self,
        snapshot: &Snapshot,
        number: usize,
        url: &Url,
        whole: bool,
        candidate: Candidate,
    ) {
        let scheme = url.scheme();
        if whole {
            if let Some(entry) = snapshot.url(scheme, url.rest()) {
                self.push(number, entry, Grade::Exact, candidate);
            }
            for entry in snapshot.urls_any_scheme(scheme, url.rest()) {
                self.push(number, entry, Grade::UrlAnyScheme, candidate);
            }
        }
        if let Some(rest) = url.rest_without_query() {
            if let Some(entry) = snapshot.url(scheme, rest) {
                self.push(number, entry, Grade::UrlWithoutQuery, candidate);
            }
            for entry in snapshot.urls_any_scheme(scheme, rest) {
                self.push(number, entry, Grade::UrlWithoutQuery, candidate);
            }
        }
    }
}

/// One reading of a URL.
struct Reading {
    /// Up to its own end.
    candidate: Candidate,
    /// Where path, query or fragment starts.
    path: usize,
    /// The URL, once it was read; and whether its query was, which may be too long.
    url: Option<(Url, bool)>,
}

/// Bytes of a path, without query and fragment; more than [`URL_MAX`] if there are more.
fn path_length(rest: &[u8]) -> usize {
    let rest = rest.get(..URL_MAX + 1).unwrap_or(rest);
    memchr::memchr2(b'?', b'#', rest).unwrap_or(rest.len())
}

fn presence(snapshot: &Snapshot, ip: IpAddr) -> Presence {
    let hasher = snapshot.hasher();
    let key = match ip {
        IpAddr::V4(v4) => hasher.ip4(v4.to_bits()),
        IpAddr::V6(v6) => hasher.ip6(v6.to_bits()),
    };
    snapshot.filter().ask(key)
}

/// Whether the snapshot may list the name or a parent of it, as far as the last two labels tell.
fn may_know(snapshot: &Snapshot, name: &[u8]) -> bool {
    let key = snapshot.hasher().text(name, two_labels(name), name.len(), KeyKind::Name);
    let presence = snapshot.filter().ask(key);
    presence.listed || presence.path
}

/// Where the last two labels start.
fn two_labels(name: &[u8]) -> usize {
    let last = label_before(name, name.len() + 1);
    label_before(name, last)
}

/// Where the label starts that ends before the dot in front of `start`.
fn label_before(name: &[u8], start: usize) -> usize {
    let before = start.checked_sub(1).and_then(|end| name.get(..end)).unwrap_or_default();
    memchr::memrchr(b'.', before).map_or(0, |dot| dot + 1)
}

fn push_name(raw: &[u8], out: &mut String) -> bool {
    std::str::from_utf8(raw).is_ok_and(|text| name::push_canonical(text, out))
}

/// The host of a URL.
#[derive(Clone, Copy, Debug)]
enum Host {
    Name,
    Address(IpAddr),
}

/// Writes the host as a URL in canonical form has it, without brackets.
fn push_host(raw: &[u8], out: &mut String) -> Option<Host> {
    let text = std::str::from_utf8(raw).ok()?;
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    let bare = bare.trim_end_matches('.');
    if (text.starts_with('[') || bare.ends_with(|c: char| c.is_ascii_digit()))
        && let Ok(address) = ip::parse(bare)
    {
        write!(out, "{address}").ok()?;
        return Some(Host::Address(address));
    }
    name::push_canonical(bare, out).then_some(Host::Name)
}
