//! One event as strings with their fields: docs/MATCHING.md M1, M2.1 to M2.4 and M13.

/// A string of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    /// M10.6.
    pub(crate) path: String,
    /// The innermost key; empty for text.
    pub(crate) key: String,
    /// The string is a value of JSON (not a key, not text).
    pub(crate) value: bool,
    /// The string, escapes undone.
    pub(crate) text: String,
    /// The text is joined of several fields (M13, M3.12).
    pub(crate) joined: Option<Joined>,
}

/// What a text is joined of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Joined {
    /// This host, and a path.
    Url(String),
    /// An address and a port.
    AddressPort,
}

/// How events are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Auto,
    Text,
}

/// The strings of an event (a line without its line end), in order.
pub(crate) fn fields(event: &[u8], format: Format) -> Vec<Field> {
    if format == Format::Auto
        && let Some(json) = json_object(event)
    {
        let mut walk = Walk { chars: json.chars().collect(), at: 0, fields: Vec::new() };
        walk.value(&mut Vec::new(), "");
        return walk.fields;
    }
    let text = String::from_utf8_lossy(event).into_owned();
    vec![Field { path: "message".into(), key: String::new(), value: false, text, joined: None }]
}

/// M1.2.
pub(crate) fn json_object(event: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(event).ok()?;
    let blank = |c| matches!(c, ' ' | '\t' | '\r' | '\n');
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_matches(blank);
    let whole = text.starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    whole.then_some(text)
}

/// A walk over JSON that is known to be right.
struct Walk {
    chars: Vec<char>,
    at: usize,
    fields: Vec<Field>,
}

impl Walk {
    fn blanks(&mut self) {
        while self.chars[self.at].is_ascii_whitespace() {
            self.at += 1;
        }
    }

    fn take(&mut self) -> char {
        self.at += 1;
        self.chars[self.at - 1]
    }

    fn push(&mut self, path: &[String], key: &str, value: bool, text: String) {
        self.fields.push(Field { path: path.join("."), key: key.into(), value, text, joined: None });
    }

    /// M13, M3.12: the fields that are joined of the scalars of an object, each behind that of its host or address.
    fn join(&mut self, path: &[String], members: &[(String, String, Option<usize>)]) {
        // M13.4
        let first = |key: &str| members.iter().find(|(k, _, string)| k == key && string.is_some());
        let mut joined: Vec<(usize, Field)> = Vec::new();
        let mut push = |number: usize, keys: &[String], text: String, of: Joined| {
            let names: Vec<String> =
                keys.iter().map(|k| [path, std::slice::from_ref(k)].concat().join(".")).collect();
            let (path, key) = (names.join("+"), String::new());
            joined.push((number + 1, Field { path, key, value: false, text, joined: Some(of) }));
        };
        for (key, host, number) in members {
            let Some(number) = *number else { continue };
            for (host_end, path_end, query_end) in JOINED {
                let Some(start) = key.strip_suffix(host_end) else { continue };
                let path_key = format!("{start}{path_end}");
                let Some((_, rest, _)) = first(&path_key) else { continue };
                let Some(target) = target(rest) else { continue };
                let mut keys = vec![key.clone(), path_key];
                let mut text = format!("{host}{target}");
                let query_key = format!("{start}{query_end}");
                if let Some((_, query, _)) = first(&query_key).filter(|_| !query_end.is_empty())
                    && !target.contains('?')
                    && !query.is_empty()
                    && query != "-"
                {
                    text.push('?');
                    text.push_str(query.strip_prefix('?').unwrap_or(query));
                    keys.push(query_key);
                }
                if first(key).is_some_and(|(_, _, first)| *first == Some(number)) {
                    push(number, &keys, text, Joined::Url(host.clone()));
                }
            }
            for port_key in port_keys(key) {
                let port =
                    members.iter().filter(|(k, ..)| *k == port_key).find_map(|(_, s, _)| whole_port(s));
                if let Some(port) = port {
                    let keys = [key.clone(), port_key];
                    push(number, &keys, with_port(host, port), Joined::AddressPort);
                }
            }
        }
        // from behind, so that the numbers stay right; of one host in the order of the table
        joined.sort_by_key(|(at, _)| *at);
        for (at, field) in joined.into_iter().rev() {
            self.fields.insert(at, field);
        }
    }

    /// Gives the scalar as text, for the mapped port.
    fn value(&mut self, path: &mut Vec<String>, key: &str) -> Option<String> {
        self.blanks();
        match self.chars[self.at] {
            '{' => {
                self.object(path);
                None
            }
            '[' => {
                self.array(path, key);
                None
            }
            '"' => {
                let text = self.string();
                self.push(path, key, true, text.clone());
                Some(text)
            }
            _ => {
                let mut text = String::new();
                while self.at < self.chars.len() && !",]} \t\r\n".contains(self.chars[self.at]) {
                    text.push(self.take());
                }
                Some(text)
            }
        }
    }

    fn object(&mut self, path: &mut Vec<String>) {
        self.at += 1;
        // key, its scalar, and the number of the field if it is a string
        let mut members: Vec<(String, String, Option<usize>)> = Vec::new();
        loop {
            self.blanks();
            match self.take() {
                '}' => break,
                ',' => continue,
                _ => self.at -= 1,
            }
            let key = self.string();
            path.push(key.clone());
            self.push(path, &key, false, key.clone());
            self.blanks();
            self.at += 1;
            let number = self.fields.len();
            if let Some(scalar) = self.value(path, &key) {
                let string = (self.fields.len() > number).then_some(number);
                members.push((key, scalar, string));
            }
            path.pop();
        }
        self.join(path, &members);
    }

    fn array(&mut self, path: &mut Vec<String>, key: &str) {
        self.at += 1;
        for step in 0.. {
            self.blanks();
            match self.take() {
                ']' => return,
                ',' => {}
                _ => self.at -= 1,
            }
            path.push(step.to_string());
            self.value(path, key);
            path.pop();
        }
    }

    fn string(&mut self) -> String {
        let mut units: Vec<u16> = Vec::new();
        self.at += 1;
        loop {
            match self.take() {
                '"' => return String::from_utf16_lossy(&units),
                '\\' => match self.take() {
                    'u' => {
                        let hex: String = (0..4).map(|_| self.take()).collect();
                        units.extend(u16::from_str_radix(&hex, 16));
                    }
                    c => {
                        let c = match c {
                            'n' => '\n',
                            'r' => '\r',
                            't' => '\t',
                            'b' => '\u{8}',
                            'f' => '\u{c}',
                            other => other,
                        };
                        units.extend(c.encode_utf16(&mut [0; 2]).iter());
                    }
                },
                c => units.extend(c.encode_utf16(&mut [0; 2]).iter()),
            }
        }
    }
}

/// M3.12: keys that may hold the port of an address under this key.
pub(crate) fn port_keys(key: &str) -> Vec<String> {
    const ENDINGS: [(&str, &str); 16] = [
        ("_h", "_p"),
        ("ip", "port"),
        ("Ip", "Port"),
        ("IP", "Port"),
        ("address", "port"),
        ("addr", "port"),
        ("Address", "Port"),
        ("Addr", "Port"),
        ("src", "spt"),
        ("dst", "dpt"),
        ("src", "srcPort"),
        ("dst", "dstPort"),
        ("src", "src_port"),
        ("dest", "dest_port"),
        ("SRC", "SPT"),
        ("DST", "DPT"),
    ];
    ENDINGS.iter().filter_map(|(from, to)| Some(format!("{}{to}", key.strip_suffix(from)?))).collect()
}

pub(crate) fn whole_port(scalar: &str) -> Option<u16> {
    let digits = !scalar.is_empty() && scalar.bytes().all(|b| b.is_ascii_digit());
    scalar.parse().ok().filter(|&port| digits && port > 0)
}

/// Address and port as M3.11 has them.
pub(crate) fn with_port(address: &str, port: u16) -> String {
    if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}

/// M13.2.
pub(crate) fn target(text: &str) -> Option<&str> {
    let is_path = |text: &str| text.starts_with('/') || text.starts_with("\\/");
    if is_path(text) {
        return Some(text);
    }
    let (method, rest) = text.split_once(' ')?;
    let (target, protocol) = rest.split_once(' ')?;
    let method_fits = !method.is_empty() && method.chars().all(|c| c.is_ascii_uppercase());
    (method_fits && is_path(target) && protocol.starts_with("HTTP/")).then_some(target)
}

/// M13.1: the endings of the keys of host, path and query.
pub(crate) const JOINED: [(&str, &str, &str); 21] = [
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
