//! What stands in several fields of a text: `key=value` (M13.7) and the lines of web servers (M13.8).
//!
//! Is: hosts and paths, addresses and ports of a text, put together. Is not: a parser of any one format.
//! Invariant: a place lies in the text. Fails: never. Costs: one pass over the text, and a copy of a path for each host;
//! a path belongs to no more hosts than there are rows, or words of a line that may be hosts.

use ahash::AHashMap;

use crate::engine::join::{Pairs, Says, is_path, push_port, push_rest, target};

/// A host with the path that belongs to it, or an address with its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// Which of both.
    pub says: Says,
    /// Where host or address stands.
    pub place: usize,
    /// Both, and perhaps a query.
    pub text: Vec<u8>,
    /// Bytes of the value that host or address is.
    pub first: usize,
}

/// Words of a line of IIS that may be its host; it has two dozen fields.
const HOSTS_MAX: usize = 32;

/// All that may be URLs, or addresses with a port, in several fields of a text, in no order.
pub fn joined(text: &[u8], pairs: &Pairs) -> Vec<Joined> {
    let mut found = of_members(text, pairs);
    of_request(text, &mut found);
    found
}

/// A value, and where it starts.
type Value<'t> = (usize, &'t [u8]);

fn of_members(text: &[u8], pairs: &Pairs) -> Vec<Joined> {
    let mut found = Vec::new();
    let mut members: AHashMap<&str, Value<'_>> = AHashMap::new();
    let mut firsts = Vec::new();
    for equals in memchr::memchr_iter(b'=', text) {
        let Some((key, value)) = member(text, equals) else { continue };
        if !members.contains_key(key) {
            let may_be = |says: &Says| pairs.may_be_first(*says, key.as_bytes());
            firsts.extend(
                [Says::Url, Says::AddressPort].into_iter().filter(may_be).map(|says| (says, key, value)),
            );
            members.insert(key, value);
        }
    }
    for (says, key, (place, first)) in firsts {
        for (_, keys) in pairs.beside(says, key) {
            let mut others = keys.iter().map(|key| members.get(&**key).map(|(_, value)| *value));
            let Some(Some(second)) = others.next() else { continue };
            let mut text = first.to_vec();
            let is_joined = match says {
                Says::Url => push_rest(second, others.next().flatten(), &mut text) > 0,
                Says::AddressPort => push_port(second, &mut text),
            };
            if is_joined {
                found.push(Joined { says, place, text, first: first.len() });
            }
        }
    }
    found
}

/// The key before the `=` at `equals`, and the value behind it.
fn member(text: &[u8], equals: usize) -> Option<(&str, Value<'_>)> {
    let (before, behind) = (text.get(..equals)?, text.get(equals + 1..)?);
    let in_key = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    let start = equals - before.iter().rev().take_while(in_key).count();
    let border = start.checked_sub(1).and_then(|at| before.get(at)).copied();
    if start == equals || !border.is_none_or(|b| b == b'|' || is_blank(b)) {
        return None;
    }
    let key = std::str::from_utf8(before.get(start..)?).ok()?;
    let value = match behind.strip_prefix(b"\"") {
        Some(quoted) => (equals + 2, quoted.get(..memchr::memchr(b'"', quoted)?)?),
        None => (equals + 1, behind.split(|b| is_blank(*b)).next()?),
    };
    Some((key, value))
}

/// Whether words of a text end before this byte.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

fn words(text: &[u8]) -> impl Iterator<Item = Value<'_>> {
    let mut next = 0;
    text.split(|b| is_blank(*b)).filter_map(move |word| {
        let start = next;
        next += word.len() + 1;
        (!word.is_empty()).then_some((start, word))
    })
}

/// The request in the line of a web server, with the words that may be its host.
fn of_request(text: &[u8], found: &mut Vec<Joined>) {
    let (request, hosts) = if is_dated(text) {
        (iis(text), words(text).take(HOSTS_MAX).collect::<Vec<_>>())
    } else {
        (quoted(text), words(text).next().into_iter().chain(last_word(text)).collect())
    };
    let Some((path, query)) = request else { return };
    for (at, word) in hosts {
        let inner = word.strip_prefix(b"\"").and_then(|word| word.strip_suffix(b"\""));
        let (place, host) = inner.map_or((at, word), |inner| (at + 1, inner));
        let is_name = host.contains(&b'.') && host.iter().any(|b| b.is_ascii_alphabetic() || !b.is_ascii());
        let mut text = host.to_vec();
        if is_name && host.first() != Some(&b'[') && push_rest(path, query, &mut text) > 0 {
            found.push(Joined { says: Says::Url, place, text, first: host.len() });
        }
    }
}

/// Whether the text starts with date and time as IIS writes them.
fn is_dated(text: &[u8]) -> bool {
    const SHAPE: &[u8] = b"0000-00-00 00:00:00 ";
    text.get(..SHAPE.len()).is_some_and(|start| {
        start.iter().zip(SHAPE).all(|(b, shape)| if *shape == b'0' { b.is_ascii_digit() } else { b == shape })
    })
}

/// Path and query of the first method, path and query that follow each other as words.
fn iis(text: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let (mut before, mut method) = (&b""[..], &b""[..]);
    for (_, word) in words(text) {
        if is_path(before) && !method.is_empty() && method.iter().all(u8::is_ascii_uppercase) {
            return Some((before, Some(word)));
        }
        (method, before) = (before, word);
    }
    None
}

/// The first request line in quotes.
fn quoted(text: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let mut pieces = text.split(|b| *b == b'"').skip(1);
    pieces.find(|piece| !is_path(piece) && target(piece).is_some()).map(|request| (request, None))
}

fn last_word(text: &[u8]) -> Option<Value<'_>> {
    let text = text.get(..text.len() - text.iter().rev().take_while(|b| is_blank(**b)).count())?;
    let start = text.iter().rposition(|b| is_blank(*b))? + 1;
    Some((start, text.get(start..)?))
}

#[cfg(test)]
mod tests {
    use crate::engine::join::Pairs;
    use crate::engine::join::line::{Joined, joined};

    fn told(text: &str) -> Vec<String> {
        let tell = |one: Joined| {
            let first = text.as_bytes().get(one.place..one.place + one.first).unwrap();
            assert!(one.text.strip_prefix(b"[").unwrap_or(&one.text).starts_with(first), "{text}");
            String::from_utf8(one.text).unwrap()
        };
        joined(text.as_bytes(), &Pairs::default()).into_iter().map(tell).collect()
    }

    #[test]
    fn members_of_a_line() {
        for (line, expected) in [
            ("CEF:0|v|p|1|100|x|5|dhost=evil.example request=/a", vec!["evil.example/a"]),
            ("request=/a dhost=evil.example", vec!["evil.example/a"]),
            ("LEEF:1.0|v|p|1|x|\thost=evil.example\turi=/a", vec!["evil.example/a"]),
            ("host=\"evil.example\" uri=\"/a\"", vec!["evil.example/a"]),
            ("domain=evil.example path=/a query=x=1", vec!["evil.example/a?x=1"]),
            ("host=evil.example host=b.example uri=/a uri=/b", vec!["evil.example/a"]),
            ("host = evil.example uri=/a", vec![]),
            ("(host=evil.example uri=/a", vec![]),
            ("host=\"evil.example uri=/a", vec![]),
            ("src=192.0.2.9 spt=1 dst=192.0.2.1 dpt=443", vec!["192.0.2.9:1", "192.0.2.1:443"]),
            ("dstport=\"443\" dstip=\"2001:db8::1\"", vec!["[2001:db8::1]:443"]),
            ("dst=192.0.2.1 dpt=443/tcp spt=443", vec![]),
        ] {
            assert_eq!(told(line), expected, "{line}");
        }
    }

    #[test]
    fn lines_of_web_servers() {
        for (line, expected) in [
            (
                "evil.example:80 192.0.2.9 - - [x] \"GET /a?x HTTP/1.1\" 200 \"-\" \"UA\"",
                vec!["evil.example:80/a?x"],
            ),
            ("192.0.2.9 - - [x] \"GET /a HTTP/1.1\" 200 \"UA\" \"evil.example\"", vec!["evil.example/a"]),
            ("192.0.2.9 - - [x] \"GET /a HTTP/1.1\" 200 evil.example \"UA\"", vec![]),
            ("evil.example said GET /a HTTP/1.1", vec![]),
            ("2026-01-31 00:00:00 192.0.2.9 GET /a x=1 80 - evil.example 200", vec!["evil.example/a?x=1"]),
            ("2026-01-31 00:00:00 GET /a - evil.example:8080", vec!["evil.example:8080/a"]),
            ("2026-01-31T00:00:00 GET /a - evil.example", vec![]),
        ] {
            assert_eq!(told(line), expected, "{line}");
        }
    }
}
