//! Fields that say one thing together: the host of a URL stands in one, its path in another (M13).
//!
//! Is: which keys belong together, and the text that their values make. Is not: a walk over the event (`scalars`) or
//! the reading of the text (`token`).
//! Invariant: the keys that belong to a host's key differ from it in their ending only, so that a field is known by
//! the host's own and the row. Fails: never. Costs: a comparison a row.

pub mod line;

use crate::engine::event::Path;

/// Keys that belong together, as endings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The key of the host ends in this.
    pub host: Box<str>,
    /// With this instead it is the key of the path.
    pub path: Box<str>,
    /// With this instead it is the key of the query; there is none if this is empty.
    pub query: Box<str>,
}

impl Row {
    /// The keys of path and query beside a host with this key.
    pub fn beside(&self, key: &str) -> Option<(String, Option<String>)> {
        let start = key.strip_suffix(&*self.host)?;
        let query = Some(format!("{start}{}", self.query)).filter(|_| !self.query.is_empty());
        Some((format!("{start}{}", self.path), query))
    }

    /// The fields that a joined URL stands in, by that of its host; those of path and query.
    pub fn paths(&self, host: &Path, has_query: bool) -> Vec<Path> {
        let start = host.text.strip_suffix(&*self.host).unwrap_or(&host.text);
        let path = |ending: &str| Path { text: format!("{start}{ending}"), indexes: host.indexes.clone() };
        let mut paths = vec![path(&self.path)];
        if has_query {
            paths.push(path(&self.query));
        }
        paths
    }
}

/// All rows, in the order in which they are tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pairs {
    rows: Vec<Row>,
}

impl Default for Pairs {
    /// The table of M13.1.
    fn default() -> Pairs {
        let row = |&(host, path, query): &(&str, &str, &str)| Row {
            host: host.into(),
            path: path.into(),
            query: query.into(),
        };
        Pairs { rows: TABLE.iter().map(row).collect() }
    }
}

impl Pairs {
    /// The table of M13.1 and these rows behind it (M13.10).
    pub fn with(rows: Vec<Row>) -> Pairs {
        let mut pairs = Pairs::default();
        pairs.rows.extend(rows);
        pairs
    }

    /// The row of this number.
    pub fn row(&self, number: usize) -> Option<&Row> {
        self.rows.get(number)
    }

    /// The rows that fit the key of a host, with their numbers.
    pub fn rows_of(&self, key: &str) -> impl Iterator<Item = (usize, &Row)> {
        self.rows.iter().enumerate().filter(move |(_, row)| key.ends_with(&*row.host))
    }

    /// Whether a key that ends in these bytes may be that of a host.
    pub fn may_be_host(&self, key: &[u8]) -> bool {
        self.rows.iter().any(|row| key.ends_with(row.host.as_bytes()))
    }
}

/// Appends path and query to a host; `false` if they are none (M13.2, M13.3).
pub fn push_rest(path: &[u8], query: Option<&[u8]>, text: &mut Vec<u8>) -> Rest {
    let Some(path) = target(path) else { return Rest::None };
    text.extend_from_slice(path);
    match query {
        Some(query) if !matches!(query, b"" | b"-") && memchr::memchr(b'?', path).is_none() => {
            if query.first() != Some(&b'?') {
                text.push(b'?');
            }
            text.extend_from_slice(query);
            Rest::PathAndQuery
        }
        _ => Rest::Path,
    }
}

/// What was appended to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Nothing: there is no path.
    None,
    /// The path, with the query that stands in its field.
    Path,
    /// The path and a query from a field of its own.
    PathAndQuery,
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
const TABLE: [(&str, &str, &str); 21] = [
    ("host", "uri", "args"),
    ("host", "request_uri", ""),
    ("host", "request", ""),
    ("host", "path", "query"),
    ("vhost", "uri", "args"),
    ("vhost", "request_uri", ""),
    ("vhost", "request", ""),
    ("http_host", "uri", "args"),
    ("http_host", "request_uri", ""),
    ("http_host", "request", ""),
    ("server_name", "uri", "args"),
    ("server_name", "request_uri", ""),
    ("server_name", "request", ""),
    ("hostname", "url", ""),
    ("domain", "path", "query"),
    ("domain", "original", ""),
    ("cs-host", "cs-uri-stem", "cs-uri-query"),
    ("csHost", "csUriStem", "csUriQuery"),
    ("dhost", "request", ""),
    ("DestinationHostName", "RequestURL", ""),
    ("authority", "path", ""),
];

#[cfg(test)]
mod tests {
    use crate::engine::join::{Pairs, Rest, push_rest};

    fn joined(path: &str, query: Option<&str>) -> Option<String> {
        let mut text = b"h".to_vec();
        let rest = push_rest(path.as_bytes(), query.map(str::as_bytes), &mut text);
        (rest != Rest::None).then(|| String::from_utf8(text).unwrap())
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
        let beside = |key| pairs.rows_of(key).filter_map(|(_, row)| row.beside(key)).collect::<Vec<_>>();
        assert!(beside("http.hostname").contains(&("http.url".into(), None)));
        assert!(beside("url.domain").contains(&("url.path".into(), Some("url.query".into()))));
        assert!(beside("client").is_empty());
        assert!(pairs.may_be_host(b"{\"http_host") && !pairs.may_be_host(b"{\"hosts"));
    }
}
