//! One line of a list without columns: the spellings of block lists.
//!
//! Is: plain values with a comment behind, hosts files, adblock rules, dnsmasq lines.
//! Is not: about columns; see `layout` and `field`.
//! Invariant: a line gives at least one [`Item`]; comments and blank lines do not come here.
//! Fails: never; what is no value is found out when the value is read. Costs: no allocation.

use crate::observable::{self, Hint, Observable};

/// What a line asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item<'a> {
    /// A value.
    Value(&'a str, Hint),
    /// Something that is left out, with the word under which it is counted.
    Skip(&'a str, &'static str),
}

/// Takes a line apart, trimmed and not blank.
pub(super) fn items<'a>(line: &'a str, mut each: impl FnMut(Item<'a>)) {
    if !line.starts_with('/') && !line.bytes().any(|byte| IS_SPECIAL[usize::from(byte)]) {
        return each(Item::Value(line, Hint::None));
    }
    if let Some(rest) = ["address=/", "server=/", "local=/"].iter().find_map(|start| line.strip_prefix(start))
    {
        return dnsmasq(line, rest, each);
    }
    if let Some(item) = adblock(line) {
        return each(item);
    }
    let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
    let first = words.next().unwrap_or_default();
    if is_sinkhole(first) {
        let mut names =
            words.take_while(|word| !word.starts_with(['#', ';']) && !word.starts_with("//")).peekable();
        if names.peek().is_some() {
            return names.for_each(|name| each(hosts_entry(name)));
        }
    } else if words.next() == Some("-")
        && let Some(last) = words.next()
        && let Some(range) = upto(line, last)
        && is_address(first)
        && is_address(last)
    {
        return each(Item::Value(range, Hint::Ip));
    }
    each(Item::Value(value(first), Hint::None));
}

/// The part of a word before a delimiter, for a second try when the whole is no value: `1.2.3.4,C2`.
pub(super) fn before_delimiter(word: &str) -> Option<&str> {
    word.split_once([',', ';', '|'])
        .map(|(before, _)| before.trim_matches('"'))
        .filter(|before| !before.is_empty())
}

/// A word without the quotes, commas, marks and attached comments that lists put around values.
fn value(word: &str) -> &str {
    let word = word.trim_end_matches(',');
    let word = word.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or(word);
    match word.split_once(['#', ';']) {
        // In a URL both may be part of it.
        Some((before, _)) if !word.contains("://") && !is_path(before) => before,
        _ => word.strip_suffix('^').unwrap_or(word),
    }
}

/// Whether a word has a path, and is no network.
fn is_path(word: &str) -> bool {
    word.split_once('/').is_some_and(|(_, path)| path.is_empty() || !path.bytes().all(|b| b.is_ascii_digit()))
}

fn hosts_entry(name: &str) -> Item<'_> {
    if BOILERPLATE.iter().any(|known| known.eq_ignore_ascii_case(name)) || is_sinkhole(name) {
        Item::Skip(name, "hosts-boilerplate")
    } else {
        Item::Value(value(name), Hint::Domain)
    }
}

/// The addresses that hosts files point blocked names to, and those of their usual first lines.
fn is_sinkhole(word: &str) -> bool {
    match word.as_bytes().first() {
        Some(b'0' | b'1' | b'2' | b':' | b'f' | b'F') => {}
        _ => return false,
    }
    let word = word.split_once('%').map_or(word, |(address, _zone)| address);
    match word.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(a)) => a.is_loopback() || a.is_unspecified() || a.is_broadcast(),
        Ok(std::net::IpAddr::V6(a)) => {
            a.is_loopback() || a.is_unspecified() || a.is_multicast() || a.is_unicast_link_local()
        }
        Err(_) => word == "0",
    }
}

fn is_address(word: &str) -> bool {
    matches!(observable::read(word, Hint::Ip).as_deref(), Ok([Observable::Ip(_)]))
}

/// The line up to the end of one of its words.
fn upto<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let end = (word.as_ptr() as usize).checked_sub(line.as_ptr() as usize)? + word.len();
    line.get(..end)
}

fn dnsmasq<'a>(line: &'a str, rest: &'a str, mut each: impl FnMut(Item<'a>)) {
    let rest = rest.split([' ', '\t']).next().unwrap_or_default();
    let (names, target) = rest.rsplit_once('/').unwrap_or((rest, ""));
    // `server=/name/1.2.3.4` says where to ask, which is no verdict on the name; an address is.
    if !target.is_empty() && !line.starts_with("address=") {
        return each(Item::Skip(line, "exception"));
    }
    for name in names.split('/') {
        each(Item::Value(name, Hint::Domain));
    }
}

fn adblock(line: &str) -> Option<Item<'_>> {
    if line.starts_with("@@") {
        return Some(Item::Skip(line, "exception"));
    }
    if COSMETIC.iter().any(|sign| line.contains(sign)) && !line.contains([' ', '\t']) || is_selector(line) {
        return Some(Item::Skip(line, "cosmetic-rule"));
    }
    if line.starts_with('/') && !line.starts_with("//") {
        return Some(Item::Skip(line, "path-rule"));
    }
    let (anchored, body) = match (line.strip_prefix("||"), line.strip_prefix('|')) {
        (Some(body), _) => (true, body),
        (None, Some(body)) => (false, body),
        (None, None) => return None,
    };
    let body = body.split([' ', '\t']).next().unwrap_or_default();
    let (body, options) = body.rsplit_once('$').unwrap_or((body, ""));
    if options.split(',').any(|option| option == "badfilter") {
        return Some(Item::Skip(line, "exception"));
    }
    let body = body.trim_end_matches(['|', '^', '*']);
    let body = body.strip_prefix("*.").unwrap_or(body);
    if body.contains(['*', '^']) {
        return Some(Item::Skip(line, "wildcard-rule"));
    }
    let hint = if anchored && !body.contains('/') { Hint::None } else { Hint::Url };
    Some(Item::Value(body, hint))
}

/// Whether a line is an element-hiding rule with blanks in it: a name, then the sign.
fn is_selector(line: &str) -> bool {
    let Some((name, _)) = line.split_once("##") else { return false };
    !name.is_empty() && !name.contains([' ', '\t', '/'])
}

/// Characters without which a line can only be one plain value.
const IS_SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    let signs = b" \t#;|@=\",^$";
    let mut at = 0;
    while at < signs.len() {
        special[signs[at] as usize] = true;
        at += 1;
    }
    special
};

/// What separates a name from the elements that an adblock rule hides on its pages.
const COSMETIC: [&str; 5] = ["##", "#@#", "#?#", "#$#", "#%#"];

/// Names that hosts files begin with.
const BOILERPLATE: [&str; 11] = [
    "localhost",
    "localhost.localdomain",
    "local",
    "broadcasthost",
    "ip6-localhost",
    "ip6-loopback",
    "ip6-localnet",
    "ip6-mcastprefix",
    "ip6-allnodes",
    "ip6-allrouters",
    "ip6-allhosts",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Vec<Item<'_>> {
        let mut found = Vec::new();
        items(line, |item| found.push(item));
        found
    }
    fn plain(value: &str) -> Vec<Item<'_>> {
        vec![Item::Value(value, Hint::None)]
    }

    #[test]
    fn plain_values_lose_their_comments() {
        for line in [
            "1.2.3.4 # C2",
            "1.2.3.4\t10",
            "1.2.3.4 ; x",
            "1.2.3.4#x",
            "1.2.3.4;x",
            "\"1.2.3.4\",",
            "1.2.3.4",
        ] {
            assert_eq!(of(line), plain("1.2.3.4"), "{line}");
        }
        assert_eq!(of("1.2.3.0/24;SBL1"), plain("1.2.3.0/24"));
        assert_eq!(of("http://evil.com/#a;b # c"), plain("http://evil.com/#a;b"));
        assert_eq!(of("evil.com/a;b"), plain("evil.com/a;b"));
        assert_eq!(of("1.2.3.4 - 1.2.3.9 # x"), [Item::Value("1.2.3.4 - 1.2.3.9", Hint::Ip)]);
        assert_eq!(of("127.0.0.1"), plain("127.0.0.1"));
        assert_eq!(of("127.0.0.1 # me"), plain("127.0.0.1"));
    }

    #[test]
    fn hosts_lines_give_their_names() {
        let names = [Item::Value("evil.com", Hint::Domain), Item::Value("bad.org", Hint::Domain)];
        assert_eq!(of("0.0.0.0 evil.com\tbad.org # x"), names);
        assert_eq!(of("127.0.0.1 evil.com bad.org"), names);
        assert_eq!(of(":: evil.com bad.org"), names);
        for line in ["127.0.0.1 localhost", "::1 ip6-localhost", "fe80::1%lo0 localhost", "0.0.0.0 0.0.0.0"] {
            assert!(matches!(of(line)[..], [Item::Skip(_, "hosts-boilerplate")]), "{line}");
        }
    }

    #[test]
    fn adblock_rules() {
        assert_eq!(of("||evil.com^"), plain("evil.com"));
        assert_eq!(of("||evil.com^$third-party,important"), plain("evil.com"));
        assert_eq!(of("||*.evil.com^"), plain("evil.com"));
        assert_eq!(of("||evil.com/a^"), [Item::Value("evil.com/a", Hint::Url)]);
        assert_eq!(of("|http://evil.com/x|"), [Item::Value("http://evil.com/x", Hint::Url)]);
        assert!(matches!(of("@@||good.com^")[..], [Item::Skip(_, "exception")]));
        assert!(matches!(of("||evil.com^$badfilter")[..], [Item::Skip(_, "exception")]));
        assert!(matches!(of("||ads*.evil.com^")[..], [Item::Skip(_, "wildcard-rule")]));
        assert!(matches!(of("evil.com##.ad > div")[..], [Item::Skip(_, "cosmetic-rule")]));
        assert!(matches!(of("evil.com#@#.ad")[..], [Item::Skip(_, "cosmetic-rule")]));
        assert!(matches!(of("/banner/[0-9]/")[..], [Item::Skip(_, "path-rule")]));
    }

    #[test]
    fn dnsmasq_lines() {
        let names = [Item::Value("evil.com", Hint::Domain), Item::Value("bad.org", Hint::Domain)];
        assert_eq!(of("address=/evil.com/bad.org/0.0.0.0"), names);
        assert_eq!(of("server=/evil.com/"), names[..1]);
        assert_eq!(of("local=/evil.com/"), names[..1]);
        assert!(matches!(of("server=/corp.example/10.0.0.1")[..], [Item::Skip(_, "exception")]));
    }
}
