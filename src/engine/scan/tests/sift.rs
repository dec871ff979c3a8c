//! The whole scan: the same marks on every tier of the machine, over more than two chunks.

use std::sync::Arc;

use crate::engine::scan::anchor::CHUNK;
use crate::engine::scan::{Sift, Tier};
use crate::index::{Allow, Builder, Snapshot};
use crate::indicator::{Context, Indicator, Part};
use crate::observable::{self, Hint};

/// One of every kind, and names that switch on what is looked for on demand only.
const LISTED: &[&str] = &[
    "192.0.2.1",
    "2001:db8::1",
    "198.51.100.0/24",
    "2001:db8:5::/48",
    "192.0.2.9:443",
    "evil.example",
    "odd_name.1st",
    "b\u{fc}cher.example",
    "http://evil.test/a?b",
    "bad@mail.example",
    "0cc175b9c0f1b6a831c399e269772661",
    "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
];

/// What stands around them in logs.
const PIECES: &[&str] = &[
    " ",
    " ",
    "\"",
    ".",
    "..",
    ":",
    "::",
    "/",
    "//",
    "@",
    "-",
    "_",
    "%20",
    "%2F",
    "\\n",
    "\\t",
    "\\/",
    "\\u002e",
    "\\",
    "\n",
    "\",\"",
    "\":\"",
    "{\"",
    "\"}\n",
    "www.",
    "harmless.test",
    "id.orig_h",
    "1.2",
    "10.1.2.3",
    "::ffff:",
    "face:",
    "std::vector",
    "00:11:22:33:44:55",
    "0123456789abcdef",
    "http://",
    "?u=",
    "user@",
    "\u{e9}",
    "\u{1f600}",
    "\u{201c}",
    "\u{4f8b}.",
    "GET /index.html HTTP/1.1",
    "2026-01-01T00:00:00Z",
    "\u{0}",
];

/// Small and the same everywhere: xorshift.
fn dice(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % below
    }
}

/// So many bytes of an alphabet.
pub(super) fn bytes(seed: u64, length: usize, alphabet: &[u8]) -> Vec<u8> {
    let mut below = dice(seed);
    (0..length).map(|_| alphabet[below(alphabet.len())]).collect()
}

/// At least so many bytes of listed values and what stands around them.
fn log(seed: u64, length: usize) -> Vec<u8> {
    let mut below = dice(seed);
    let mut text = String::new();
    while text.len() < length {
        let list = if below(6) == 0 { LISTED } else { PIECES };
        let piece = list[below(list.len())];
        match below(16) {
            0 => text.push_str(&piece.to_ascii_uppercase()),
            1 => text.extend(piece.chars().take(below(piece.len()))),
            _ => text.push_str(piece),
        }
    }
    text.into_bytes()
}

fn snapshot() -> Snapshot {
    let mut builder = Builder::new(&["test".into()], Allow::default());
    for value in LISTED {
        builder.add(Indicator {
            feed: 0,
            id: None,
            values: observable::read(value, Hint::None)
                .unwrap()
                .into_iter()
                .map(|v| (v, Part::Whole))
                .collect(),
            compounds: Box::default(),
            valid_from: None,
            valid_until: None,
            confidence: None,
            tlp: None,
            context: Arc::new(Context::default()),
        });
    }
    Snapshot::from_bytes(builder.finish().unwrap().0).unwrap()
}

#[test]
fn every_tier_marks_the_same_places() {
    let snapshot = snapshot();
    let any: Vec<u8> = (0..=255).collect();
    let marks = |tier: Tier, data: &[u8]| {
        let mut marks = Vec::new();
        Sift::new(tier, Arc::default()).find(data, true, &snapshot, &mut marks);
        marks.sort_unstable();
        marks
    };
    for seed in 1..=4u64 {
        let length = 2 * CHUNK + usize::try_from(seed).unwrap() * 777;
        for (what, data) in [
            ("any bytes", bytes(seed, length, &any)),
            ("bytes of tokens", bytes(seed, length, b"0123456789abcdef.:/@%\\un-_ \n\xc3\xbc")),
            ("a log", log(seed, length)),
        ] {
            let expected = marks(Tier::Scalar, &data);
            assert!(what != "a log" || expected.len() > 100, "{} marks", expected.len());
            assert!(expected.iter().all(|at| *at < data.len()));
            for tier in Tier::ALL.into_iter().filter(|tier| tier.is_available()) {
                let got = marks(tier, &data);
                let first = got.iter().zip(&expected).find(|(a, b)| a != b);
                assert!(got == expected, "{what}, seed {seed}, {tier:?}: first difference {first:?}");
            }
        }
    }
}

/// A host of a listed URL is marked where a path beside it may be listed, and where the event is not seen whole.
#[test]
fn hosts_are_marked_for_paths_of_their_lines() {
    let snapshot = snapshot();
    let is_marked = |data: &str, lines: bool| {
        let mut marks = Vec::new();
        Sift::new(Tier::Scalar, Arc::default()).find(data.as_bytes(), lines, &snapshot, &mut marks);
        !marks.is_empty()
    };
    let far = format!("{{\"host\":\"evil.test\",\"x\":\"{}\",\"uri\":\"/a\"}}", "y".repeat(5000));
    for (line, expected) in [
        (r#"{"host":"evil.test","uri":"/a"}"#, true),
        (r#"{"uri":"/a;x","host":"evil.test:8080"}"#, true),
        (r#"{"host" : "evil.test.", "uri" : "\/a"}"#, true),
        (r#"{"host":"evil.test","request":"GET /a HTTP/1.1"}"#, true),
        (r#"{"host":"evil.test","\u0075ri":"/b"}"#, true),
        (r#"{"\u0068ost":"evil.test"}"#, true),
        (&far, true),
        (r#"{"host":"evil.test","uri":"/b"}"#, false),
        (r#"{"host":"evil.test","request":"GET /b HTTP/1.1"}"#, false),
        (r#"{"host":"evil.test","uri":"a"}"#, false),
        (r#"{"host":"evil.test","url":"/a"}"#, false),
        (r#"{"hosts":"evil.test","uri":"/a"}"#, false),
        ("{\"host\":\"evil.test\",\n\"uri\":\"/a\"}", false),
    ] {
        let line = format!("{{}}\n{line}\n{{\"uri\":\"/a\"}}");
        assert_eq!(is_marked(&line, true), expected, "{line}");
        let is_host = !line.contains("hosts");
        assert_eq!(is_marked(&line, false), is_host, "not in lines: {line}");
    }
}
