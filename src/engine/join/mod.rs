//! Fields that say one thing together: the host of a URL stands in one, its path in another (M13); an address in one,
//! its port in another (M3.12).
//!
//! Is: which keys belong together, and the text that their values make. Is not: a walk over the event (`scalars`) or
//! the reading of the text (`token`).
//! Invariant: the keys that belong to a first key differ from it in their ending only, so that a joined field is known
//! by that of the first and the row. Fails: never. Costs: a comparison a row.

pub mod line;

use crate::engine::event::Path;

/// What several fields say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// A URL: host, path, and perhaps query.
    Url,
    /// An address and its port.
    AddressPort,
}

/// Keys that belong together, as endings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What their fields say.
    pub says: Says,
    /// The key of the host, or of the address, ends in this.
    pub first: Box<str>,
    /// With these instead it is the key of the path and that of the query, or that of the port.
    pub others: Vec<Box<str>>,
}

impl Row {
    /// The keys beside this first one; `None` if it has not the row's ending.
    fn beside(&self, key: &str) -> Option<Vec<String>> {
        let start = key.strip_suffix(&*self.first)?;
        Some(self.others.iter().map(|ending| format!("{start}{ending}")).collect())
    }

    /// The fields beside the first one, whose path is given: so many of the row.
    pub fn paths(&self, first: &Path, fields: usize) -> impl Iterator<Item = Path> {
        let start = first.text.strip_suffix(&*self.first).unwrap_or(&first.text);
        let path = move |ending| Path { text: format!("{start}{ending}"), indexes: first.indexes.clone() };
        self.others.iter().take(fields).map(path)
    }
}

/// All rows, in the order in which they are tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pairs {
    rows: Vec<Row>,
}

impl Default for Pairs {
    /// The tables of M13.1 and M3.12.
    fn default() -> Pairs {
        let urls = URLS.iter().map(|(host, others)| (Says::Url, *host, *others));
        let ports = PORTS.iter().map(|(address, others)| (Says::AddressPort, *address, *others));
        let row = |(says, first, others): (Says, &str, &[&str])| Row {
            says,
            first: first.into(),
            others: others.iter().map(|&ending| ending.into()).collect(),
        };
        Pairs { rows: urls.chain(ports).map(row).collect() }
    }
}

impl Pairs {
    /// The tables of M13.1 and M3.12, and these rows behind them (M13.10).
    pub fn with(rows: Vec<Row>) -> Pairs {
        let mut pairs = Pairs::default();
        pairs.rows.extend(rows);
        pairs
    }

    /// The row of this number.
    pub fn row(&self, number: usize) -> Option<&Row> {
        self.rows.get(number)
    }

    /// The numbers of the rows that fit a first key, with the keys that belong to it.
    pub fn beside(&self, says: Says, key: &str) -> impl Iterator<Item = (usize, Vec<String>)> {
        let rows = self.rows.iter().enumerate().filter(move |(_, row)| row.says == says);
        rows.filter_map(move |(number, row)| Some((number, row.beside(key)?)))
    }

    /// The endings of the second keys of the rows that fit what a first key ends in.
    pub fn second_endings(&self, says: Says, key: &[u8]) -> impl Iterator<Item = &str> {
        let rows =
            self.rows.iter().filter(move |row| row.says == says && key.ends_with(row.first.as_bytes()));
        rows.filter_map(|row| row.others.first().map(AsRef::as_ref))
    }

    /// Whether a key that ends in these bytes may be the first of its row.
    pub fn may_be_first(&self, says: Says, key: &[u8]) -> bool {
        self.second_endings(says, key).next().is_some()
    }
}

/// The port that a scalar is: a whole number from 1 to 65535, in digits.
pub fn port(scalar: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(scalar).ok()?;
    let is_number = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|&port| port > 0 && is_number)
}

/// Makes an address one with this port, as M3.11 has them; `false` if it is none.
pub fn push_port(scalar: &[u8], address: &mut Vec<u8>) -> bool {
    let Some(port) = port(scalar) else { return false };
    if address.contains(&b':') {
        address.insert(0, b'[');
        address.push(b']');
    }
    address.push(b':');
    address.extend_from_slice(port.to_string().as_bytes());
    true
}

/// Appends path and query to a host, and gives the number of fields they are from; none if there is no path (M13.2,
/// M13.3).
pub fn push_rest(path: &[u8], query: Option<&[u8]>, text: &mut Vec<u8>) -> usize {
    let Some(path) = target(path) else { return 0 };
    text.extend_from_slice(path);
    match query {
        Some(query) if !matches!(query, b"" | b"-") && memchr::memchr(b'?', path).is_none() => {
            if query.first() != Some(&b'?') {
                text.push(b'?');
            }
            text.extend_from_slice(query);
            2
        }
        _ => 1,
    }
}

/// Whether a path starts here; its slash may have a back-slash in front (M2.7).
fn is_path(text: &[u8]) -> bool {
    text.starts_with(b"/") || text.starts_with(b"\\/")
}

/// The path, or that of a request line.
fn target(text: &[u8]) -> Option<&[u8]> {
    if is_path(text) {
        return Some(text);
    }
    let method = text.iter().take_while(|b| b.is_ascii_uppercase()).count();
    let rest = text.get(method..).filter(|_| method > 0)?.strip_prefix(b" ")?;
    let end = memchr::memchr(b' ', rest)?;
    let (target, protocol) = rest.split_at_checked(end)?;
    (is_path(target) && protocol.starts_with(b" HTTP/")).then_some(target)
}

/// Endings of the keys of host, path and query (M13.1).
const URLS: [(&str, &[&str]); 21] = [
    ("host", &["uri", "args"]),
    ("host", &["request_uri"]),
    ("host", &["request"]),
    ("host", &["path", "query"]),
    ("vhost", &["uri", "args"]),
    ("vhost", &["request_uri"]),
    ("vhost", &["request"]),
    ("http_host", &["uri", "args"]),
    ("http_host", &["request_uri"]),
    ("http_host", &["request"]),
    ("server_name", &["uri", "args"]),
    ("server_name", &["request_uri"]),
    ("server_name", &["request"]),
    ("hostname", &["url"]),
    ("domain", &["path", "query"]),
    ("domain", &["original"]),
    ("cs-host", &["cs-uri-stem", "cs-uri-query"]),
    ("csHost", &["csUriStem", "csUriQuery"]),
    ("dhost", &["request"]),
    ("DestinationHostName", &["RequestURL"]),
    ("authority", &["path"]),
];

/// Endings of the keys of address and port (M3.12).
const PORTS: [(&str, &[&str]); 16] = [
    ("_h", &["_p"]),
    ("ip", &["port"]),
    ("Ip", &["Port"]),
    ("IP", &["Port"]),
    ("address", &["port"]),
    ("addr", &["port"]),
    ("Address", &["Port"]),
    ("Addr", &["Port"]),
    ("src", &["spt"]),
    ("dst", &["dpt"]),
    ("src", &["srcPort"]),
    ("dst", &["dstPort"]),
    ("src", &["src_port"]),
    ("dest", &["dest_port"]),
    ("SRC", &["SPT"]),
    ("DST", &["DPT"]),
];

#[cfg(test)]
mod tests {
    use crate::engine::join::{Pairs, Says, push_port, push_rest};

    fn joined(path: &str, query: Option<&str>) -> Option<String> {
        let mut text = b"h".to_vec();
        let fields = push_rest(path.as_bytes(), query.map(str::as_bytes), &mut text);
        (fields > 0).then(|| String::from_utf8(text).unwrap())
    }

    #[test]
    fn a_path_or_the_target_of_a_request_line_is_joined() {
        for (path, query, expected) in [
            ("/a", None, Some("h/a")),
            ("/a", Some("x=1"), Some("h/a?x=1")),
            ("/a", Some("?x=1"), Some("h/a?x=1")),
            ("/a", Some("-"), Some("h/a")),
            ("/a", Some(""), Some("h/a")),
            ("/a?y", Some("x=1"), Some("h/a?y")),
            ("GET /a?y HTTP/1.1", None, Some("h/a?y")),
            ("GET /a", None, None),
            ("get /a HTTP/1.1", None, None),
            ("GET  /a HTTP/1.1", None, None),
            ("GET http://h/a HTTP/1.1", None, None),
            ("", None, None),
            ("-", None, None),
            ("a/b", None, None),
        ] {
            assert_eq!(joined(path, query).as_deref(), expected, "{path} {query:?}");
        }
    }

    #[test]
    fn keys_differ_in_their_endings() {
        let pairs = Pairs::default();
        let beside = |says, key| pairs.beside(says, key).map(|(_, keys)| keys.join(" ")).collect::<Vec<_>>();
        assert!(beside(Says::Url, "http.hostname").contains(&"http.url".into()));
        assert!(beside(Says::Url, "url.domain").contains(&"url.path url.query".into()));
        assert!(beside(Says::Url, "client").is_empty());
        assert_eq!(beside(Says::AddressPort, "id.resp_h"), ["id.resp_p"]);
        assert!(pairs.may_be_first(Says::Url, b"{\"http_host"));
        assert!(!pairs.may_be_first(Says::Url, b"{\"hosts"));
        assert!(!pairs.may_be_first(Says::Url, b"{\"src_ip"));
    }

    #[test]
    fn an_address_and_a_port() {
        let joined = |address: &str, text: &str| {
            let mut joined = address.as_bytes().to_vec();
            push_port(text.as_bytes(), &mut joined).then(|| String::from_utf8(joined).unwrap())
        };
        for (address, text, expected) in [
            ("192.0.2.1", "443", Some("192.0.2.1:443")),
            ("192.0.2.1", "0443", Some("192.0.2.1:443")),
            ("2001:db8::1", "1", Some("[2001:db8::1]:1")),
            ("192.0.2.1", "65536", None),
            ("192.0.2.1", "0", None),
            ("192.0.2.1", "+1", None),
            ("192.0.2.1", "443.0", None),
            ("192.0.2.1", "", None),
        ] {
            assert_eq!(joined(address, text).as_deref(), expected, "{address} {text}");
        }
    }
}
