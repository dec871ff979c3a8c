//! The generator: seeded dice that roll texts, JSON and events from the words.

use std::fmt::Write as _;

use crate::differential::words::{
    ADDRESSES, BORDERS, HOSTS, JOINED_KEYS, KEYS, LISTABLE, OTHERS, PATHS, PORT_KEYS, PORTS, QUERIES,
};

/// Small and the same everywhere: xorshift.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % n
    }
    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
    pub(crate) fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }

    /// A string of pieces.
    pub(crate) fn text(&mut self) -> String {
        let mut text = String::new();
        for _ in 0..=self.below(4) {
            text.push_str(self.pick(BORDERS));
            let listed = self.below(3) > 0;
            let piece = self.pick(if listed { LISTABLE } else { OTHERS });
            match self.below(12) {
                0 => text.push_str(&piece.to_uppercase()),
                1 => {
                    let cut = self.below(piece.chars().count() + 1);
                    text.extend(piece.chars().take(cut));
                }
                2 => text.push_str(&piece.replace("://", ":\\/\\/")),
                _ => text.push_str(piece),
            }
            text.push_str(self.pick(BORDERS));
        }
        text
    }

    /// A JSON string, some characters escaped without need.
    pub(crate) fn quoted(&mut self, text: &str) -> String {
        let mut quoted = String::from("\"");
        for c in text.chars() {
            match c {
                '"' | '\\' => quoted.extend(['\\', c]),
                '/' if self.one_in(3) => quoted.push_str("\\/"),
                c if c < ' ' || self.one_in(40) => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        write!(quoted, "\\u{unit:04x}").unwrap();
                    }
                }
                c => quoted.push(c),
            }
        }
        quoted.push('"');
        quoted
    }

    pub(crate) fn json(&mut self, depth: usize) -> String {
        match self.below(if depth > 2 { 5 } else { 8 }) {
            0 => self.below(1000).to_string(),
            1 => "443".into(),
            2 | 3 => {
                let whole = self.pick(LISTABLE);
                self.quoted(whole)
            }
            4 => {
                let text = self.text();
                self.quoted(&text)
            }
            5 => {
                let inner = self.object(depth + 1);
                self.quoted(&inner)
            }
            6 => {
                let elements: Vec<String> = (0..self.below(3)).map(|_| self.json(depth + 1)).collect();
                format!("[{}]", elements.join(", "))
            }
            _ => self.object(depth + 1),
        }
    }

    pub(crate) fn object(&mut self, depth: usize) -> String {
        let mut members = Vec::new();
        for _ in 0..=self.below(4) {
            let key = self.pick(KEYS);
            members.push(format!("{}:{}", self.quoted(key), self.json(depth)));
        }
        while self.one_in(3) {
            members.extend(if self.one_in(3) { self.joined_port() } else { self.joined() });
        }
        if self.one_in(3) && members.len() > 1 {
            let last = members.pop().unwrap();
            members.insert(self.below(members.len()), last);
        }
        let blank = if self.one_in(4) { " " } else { "" };
        format!("{{{blank}{}{blank}}}", members.join(&format!("{blank},")))
    }

    /// Members that may be a URL in several fields.
    fn joined(&mut self) -> Vec<String> {
        let keys = JOINED_KEYS[self.below(JOINED_KEYS.len())];
        let mut members = Vec::new();
        for (key, words) in keys.iter().zip([HOSTS, PATHS, QUERIES]) {
            if key.is_empty() || self.one_in(10) {
                continue;
            }
            // the first two are what is listed most often
            let words = if self.one_in(2) { &words[..2] } else { words };
            let mut value = self.pick(words).to_owned();
            if self.one_in(12) {
                value.push_str(self.pick(BORDERS));
            }
            let value = if self.one_in(20) { self.below(9).to_string() } else { self.quoted(&value) };
            members.push(format!("{}:{value}", self.quoted(key)));
        }
        members
    }

    /// Words of which the first, what is listed most often, come more often.
    fn rather<'a>(&mut self, words: &[&'a str]) -> &'a str {
        let words = if self.one_in(2) { &words[..2] } else { words };
        self.pick(words)
    }

    /// Members that may be an address and its port.
    fn joined_port(&mut self) -> Vec<String> {
        let [address_key, port_key] = PORT_KEYS[self.below(PORT_KEYS.len())];
        let mut address = self.rather(ADDRESSES).to_owned();
        if self.one_in(12) {
            address.push_str(self.pick(BORDERS));
        }
        let port = self.rather(PORTS);
        let is_number = serde_json::from_str::<serde_json::Number>(port).is_ok();
        let port = if is_number && !self.one_in(3) { port.to_owned() } else { self.quoted(port) };
        let mut members = vec![
            format!("{}:{}", self.quoted(address_key), self.quoted(&address)),
            format!("{}:{port}", self.quoted(port_key)),
        ];
        if self.one_in(3) {
            members.reverse();
        }
        members
    }

    /// A line of a log that may hold an address and its port in two fields.
    fn line_of_ports(&mut self) -> String {
        let [address_key, port_key] = PORT_KEYS[self.below(PORT_KEYS.len())];
        let (address, port) = (self.rather(ADDRESSES), self.rather(PORTS));
        let spoiled = if self.one_in(3) { self.pick(BORDERS) } else { "" };
        match self.below(3) {
            0 => format!("CEF:0|v|p|1|1|x|5|{address_key}={address}{spoiled} {port_key}={port}"),
            1 => format!("{port_key}=\"{port}\"\t{spoiled}{address_key}=\"{address}\" {port_key}=443"),
            _ => format!("kernel: IN=eth0 {address_key}={address} {spoiled}{port_key}={port} LEN=1"),
        }
    }

    /// A line of a log that may hold a URL in several fields.
    fn line(&mut self) -> String {
        let near = self.one_in(3);
        let mut word = |near: &[&'static str]| -> &'static str {
            let listed = if self.one_in(2) { &near[..2] } else { near };
            listed[self.below(listed.len())]
        };
        let (host, path, query) = (word(HOSTS), word(PATHS), word(QUERIES));
        let spoiled = if near { self.pick(BORDERS).to_owned() } else { String::new() };
        let keys = JOINED_KEYS[self.below(JOINED_KEYS.len())];
        match self.below(8) {
            0 => format!("CEF:0|v|p|1|1|x|5|{}={host}{spoiled} {}={path}", keys[0], keys[1]),
            1 => format!("{}=\"{path}\"\t{}={query} {spoiled}{}=\"{host}\"", keys[1], keys[2], keys[0]),
            2 => format!("{}={path} {}={host} {}={host}", keys[1], keys[0], keys[0]),
            3 => format!("{host}{spoiled} 192.0.2.9 - - \"GET {path} HTTP/1.1\" 200 \"UA\""),
            4 => format!("192.0.2.9 - - \"GET {path} HTTP/1.1\" 200 {spoiled} \"{host}\""),
            5 => format!("192.0.2.9 \"{path}\" 200 \"-\" {spoiled}{host}"),
            6 => format!("2026-01-31 00:00:00 192.0.2.9 GET {path} {query} 80 {host}{spoiled} 200"),
            _ => format!("2026-01-31 00:00:00 {host} {spoiled} POST {path} - 200"),
        }
    }

    /// A line without its line end.
    pub(crate) fn event(&mut self) -> Vec<u8> {
        let mut event = match self.below(8) {
            0..4 => self.object(0),
            4 if self.one_in(3) => self.line_of_ports(),
            4 => self.line(),
            _ => self.text(),
        }
        .into_bytes();
        if self.one_in(12) && !event.is_empty() {
            let at = self.below(event.len());
            event[at] = 0xff;
        }
        if self.one_in(30) {
            event.truncate(self.below(event.len() + 1));
        }
        event.retain(|&b| b != b'\n');
        // a line end takes a carriage return with it
        while event.last() == Some(&b'\r') {
            event.pop();
        }
        event
    }
}
