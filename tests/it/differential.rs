//! The engine against the slow reference, over generated feeds and events.
//!
//! Events are put together from pieces that make trouble: listed values and near misses between borders, escapes,
//! other scripts, URLs in URLs, JSON in JSON, spellings of addresses. The generator is ours and starts from fixed
//! seeds, so a failure comes back; `TAXIWAY_ROUNDS` asks for more rounds than the usual.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use taxiway::engine::scan::Tier;
use taxiway::engine::{At, Batch, Engine, Framing, Preset, Segment, Settings};
use taxiway::index::{Allow, Builder, Snapshot};
use taxiway::indicator::{Context, Id, Indicator, Part, Timestamp};
use taxiway::live::Generation;
use taxiway::observable::{self, Hint};
use taxiway::policy::Policy;

use crate::reference::{Format, Hit, Listed, Reference, Value};
use crate::tagged;

const NOW: Timestamp = Timestamp(1_764_000_000_000_000);

/// Values that a generated feed may list.
const LISTABLE: &[&str] = &[
    "192.0.2.1",
    "198.51.100.7",
    "10.1.2.3",
    "2001:db8::1",
    "2001:db8:0:1::c000:201",
    "fe80::1",
    "192.0.2.0/24",
    "192.0.0.0/16",
    "198.51.100.7/32",
    "2001:db8::/32",
    "10.0.0.0/8",
    "192.0.2.1:443",
    "203.0.113.9:80",
    "[2001:db8::1]:443",
    "evil.example",
    "a.evil.example",
    "nevil.example",
    "bad-one.test",
    "under_score.example",
    "b\u{fc}cher.example",
    "xn--bcher-kva.test",
    "1st.example",
    "evil.1x",
    "x.co.uk",
    "github.io",
    "some.github.io",
    "evil.zip",
    "install.sh",
    "evil.onion",
    "t.co",
    "mail.example",
    "2fevil.example",
    "http://evil.example/a",
    "https://evil.example/",
    "http://evil.example/a?x=1",
    "http://evil.example:8080/a",
    "evil.example/b",
    "192.0.2.1/x",
    "http://192.0.2.1/x",
    "http://[2001:db8::1]/x",
    "ftp://mail.example/%2Fx",
    "http://b\u{fc}cher.example/?q",
    "bad@mail.example",
    "bad+tag@evil.example",
    "n.b@mail.example",
    "0cc175b9c0f1b6a831c399e269772661",
    "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8",
    "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
    "1f40fc92da241694750979ee6cf582f2d5d7d28e18335de05abc54d0560e0f5302860c652bf08d560252aa5e74210546f369fbbbce8c12cfc7957b2652fe9a75",
    "d41d8cd98f00b204e9800998ecf8427e",
    "chrome.exe",
];

/// Other things that stand in events.
const OTHERS: &[&str] = &[
    "192.000.002.001",
    "192.0.2.99",
    "192.0.2.256",
    "::ffff:192.0.2.1",
    "::ffff:c000:201",
    "2001:DB8:0:0::1",
    "2001:0db8:0000:0000:0000:0000:0000:0001",
    "2001:db8::0.0.0.1",
    "2001:db8:0:1::192.0.2.1",
    "[2001:db8::1%eth0]:443",
    "::192.0.2.1",
    "std::vector",
    "00:11:22:33:44:55",
    "face",
    "client",
    "deep.a.evil.example",
    "EVIL.Example",
    "bu\u{308}cher.example",
    "XN--BCHER-KVA.example",
    "\u{ff45}vil.example",
    "evil.examples",
    "example",
    "user@sub.mail.example",
    "BAD@MAIL.example",
    "http://user:p@evil.example/a",
    "hxxp://evil.example/a",
    "http://evil.example:80/a#f",
    "https://evil.example",
    "http://evil.example./a?y=2",
    "http://x.test/?u=http://evil.example/a",
    "http://x.test/evil.example/b",
    "evil.example:443/b?z",
    "evil.example?x=1",
    "http://evil.example/%2f",
    "0CC175B9C0F1B6A831C399E269772661",
    "0cc175b9c0f1b6a831c399e2697726611",
    "203.0.113.9:8080",
    "192.0.2.1:443",
    "GET /index HTTP/1.1",
    "",
];

/// What stands between.
const BORDERS: &[&str] = &[
    " ",
    " ",
    " ",
    "",
    "\"",
    "'",
    "(",
    ")",
    "[",
    "]",
    "<",
    ">",
    ",",
    ";",
    ".",
    "..",
    ":",
    "::",
    "/",
    "//",
    "-",
    "_",
    "@",
    "%20",
    "%2F",
    "%3a",
    "%",
    "%%41",
    "\\",
    "\\n",
    "\\t",
    "\\b",
    "\\f",
    "\\/",
    "\\\\n",
    "=",
    "&",
    "?",
    "#",
    "|",
    "{",
    "}",
    "^",
    "`",
    "*.",
    "\u{e9}",
    "\u{2014}",
    "\u{201c}",
    "\u{1f600}",
    "\u{a0}",
    "\u{3002}",
    "\u{301}",
    "\u{200d}",
    "\t",
    "http://",
    "x://",
    "n",
    "f",
    "x",
    "1",
    "user@",
    ":443",
    ":80",
    ":99999",
    "/a",
    "/b?",
    "?x=1",
    ".5",
    "a.",
    ".test",
    "-9",
    "/24",
    "!",
    "+",
    "~",
    "$",
    "\u{0}",
];

const KEYS: &[&str] = &[
    "h",
    "query",
    "src_ip",
    "src_port",
    "id.resp_h",
    "id.resp_p",
    "file_name",
    "uri",
    "a b",
    "ImagePath",
    "SourceIp",
    "SourcePort",
    "evil.example",
    "192.0.2.1",
    "\u{fc}",
];

/// Small and the same everywhere: xorshift.
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % n
    }
    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
    fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }

    /// A string of pieces.
    fn text(&mut self) -> String {
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
    fn quoted(&mut self, text: &str) -> String {
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

    fn json(&mut self, depth: usize) -> String {
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

    fn object(&mut self, depth: usize) -> String {
        let mut members = Vec::new();
        for _ in 0..=self.below(4) {
            let key = self.pick(KEYS);
            members.push(format!("{}:{}", self.quoted(key), self.json(depth)));
        }
        let blank = if self.one_in(4) { " " } else { "" };
        format!("{{{blank}{}{blank}}}", members.join(&format!("{blank},")))
    }

    /// A line without its line end.
    fn event(&mut self) -> Vec<u8> {
        let mut event = if self.one_in(2) { self.object(0) } else { self.text() }.into_bytes();
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

/// The same values for both sides.
struct Sides {
    reference: Reference,
    generation: Generation,
    told: String,
}

/// A sparse set has a handful of values: an event is then read for the sake of that one value only, so that what
/// the scan loses is seen.
fn sides(dice: &mut Dice, allow: bool, sparse: bool) -> Sides {
    let feeds: Vec<Box<str>> = vec!["one".into(), "two".into()];
    let mut builder = Builder::new(&feeds, Allow::default());
    let mut listed = Vec::new();
    let mut told = String::new();
    for (number, text) in LISTABLE.iter().enumerate() {
        for (feed, name) in feeds.iter().enumerate() {
            if dice.one_in(if feed == 0 { 2 } else { 6 }) || (sparse && !dice.one_in(12)) {
                continue;
            }
            if feed == 1 && !dice.one_in(4) {
                continue;
            }
            let id = dice.one_in(3).then(|| format!("indicator--00000000-0000-4000-8000-{number:012}"));
            write!(told, "{name}:{text} ").unwrap();
            let values = observable::read(text, Hint::None).unwrap();
            builder.add(Indicator {
                feed: u16::try_from(feed).unwrap(),
                id: id.as_deref().map(Id::parse),
                values: values.into_iter().map(|v| (v, Part::Whole)).collect(),
                valid_from: None,
                valid_until: None,
                confidence: None,
                tlp: None,
                context: Arc::new(Context::default()),
            });
            let value = Value::read(text).unwrap();
            listed.push(Listed { feed: (feed, name.to_string()), id, value, part_of_pattern: false });
        }
    }
    let mut reference = Reference::new(listed);
    reference.allow_reserved = allow;
    reference.allow_looks_like_file = allow;
    let (bytes, _) = builder.finish().unwrap();
    let snapshot = Snapshot::from_bytes(bytes).unwrap();
    snapshot.verify().unwrap();
    let policy = Policy { allow_reserved: allow, allow_looks_like_file: allow, ..Policy::default() };
    Sides { reference, generation: Generation { snapshots: vec![Arc::new(snapshot)], policy }, told }
}

fn tiers() -> Vec<Tier> {
    Tier::ALL.into_iter().filter(|t| t.is_available()).collect()
}

fn engine(tier: Tier) -> Engine {
    let settings = Settings {
        preset: Preset::Flat,
        at: At::Any,
        enrichments_max: 10_000,
        tag_bytes_max: 1 << 24,
        ..Settings::default()
    };
    Engine::with_tier(settings, tier)
}

fn process(engine: &mut Engine, generation: &Generation, bytes: &[u8], framing: Framing<'_>) -> Vec<u8> {
    engine.process(Batch { bytes, framing }, generation, NOW);
    let mut output = Vec::new();
    for segment in engine.segments() {
        output.extend_from_slice(match segment {
            Segment::Input(range) => &bytes[range.clone()],
            Segment::Tag(range) => &engine.tags()[range.clone()],
        });
    }
    output
}

/// What is wrong with the output for these events; `event` and `output` without line ends.
fn judge(sides: &Sides, event: &[u8], output: &[u8]) -> Option<String> {
    let expected = sides.reference.hits(event, Format::Auto);
    let got = tagged::hits(output);
    let tag = tagged::inserted(event, output);
    if tag.is_some() && got == expected && (expected.is_empty() == (event == output)) {
        return None;
    }
    let mut message = format!("event    {}", event.escape_ascii());
    if tag.is_none() {
        write!(message, "\n  more than a tag was changed: {}", output.escape_ascii()).unwrap();
    }
    let line =
        |h: &Hit| format!("{} {:?} {} {} {} {:?}", h.field, h.atomic, h.indicator, h.grade, h.feed, h.id);
    for hit in expected.iter().filter(|h| !got.contains(h)) {
        write!(message, "\n  missing  {}", line(hit)).unwrap();
    }
    for hit in got.iter().filter(|h| !expected.contains(h)) {
        write!(message, "\n  too much {}", line(hit)).unwrap();
    }
    if got.len() == expected.len() && got.iter().all(|h| expected.contains(h)) && got != expected {
        message.push_str("\n  in another order:");
        for (e, g) in expected.iter().zip(&got) {
            write!(message, "\n    {}  |  {}", line(e), line(g)).unwrap();
        }
    }
    Some(message)
}

fn rounds(usual: usize) -> usize {
    std::env::var_os("TAXIWAY_ROUNDS").and_then(|n| n.into_string().ok()?.parse().ok()).unwrap_or(usual)
}

fn joined(events: &[Vec<u8>]) -> Vec<u8> {
    events.iter().flat_map(|e| e.iter().copied().chain([b'\n'])).collect()
}

fn split(output: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = output.split(|&b| b == b'\n').collect();
    lines.pop();
    lines
}

#[test]
fn generated_events_get_the_hits_of_the_reference() {
    let mut failures = Vec::new();
    let mut hits = 0;
    for seed in 0..rounds(24) {
        let mut dice = Dice::new(seed as u64 + 1);
        let sides = sides(&mut dice, seed % 4 == 0, seed % 2 == 1);
        let events: Vec<Vec<u8>> = (0..150).map(|_| dice.event()).collect();
        let output = process(&mut engine(Tier::Scalar), &sides.generation, &joined(&events), Framing::Lines);
        let lines = split(&output);
        assert_eq!(lines.len(), events.len(), "events in and out");
        for (event, line) in events.iter().zip(lines) {
            hits += tagged::hits(line).len();
            failures.extend(
                judge(&sides, event, line).map(|m| format!("{m}\n  seed {seed}, feeds {}", sides.told)),
            );
        }
    }
    assert!(
        failures.is_empty(),
        "{} failures:\n{}",
        failures.len(),
        failures[..failures.len().min(12)].join("\n")
    );
    assert!(hits > 500, "only {hits} hits: the generator proves nothing");
}

#[test]
fn all_tiers_batches_and_framings_give_the_same_bytes() {
    for seed in 100..100 + rounds(4) {
        let mut dice = Dice::new(seed as u64);
        let sides = sides(&mut dice, true, false);
        let generation = &sides.generation;
        let events: Vec<Vec<u8>> = (0..80).map(|_| dice.event()).collect();
        let bytes = joined(&events);
        let expected = process(&mut engine(Tier::Scalar), generation, &bytes, Framing::Lines);
        for tier in tiers() {
            let mut engine = engine(tier);
            let whole = process(&mut engine, generation, &bytes, Framing::Lines);
            assert!(whole == expected, "tier {tier:?}, seed {seed}");
            let again = process(&mut engine, generation, &whole, Framing::Lines);
            assert!(again == whole, "tagging twice changes something, tier {tier:?}, seed {seed}");
            let mut pieces = Vec::new();
            let mut payloads = Vec::new();
            for event in &events {
                let line = [event, &b"\n"[..]].concat();
                pieces.extend(process(&mut engine, generation, &line, Framing::Lines));
                payloads.extend(process(&mut engine, generation, event, Framing::Ends(&[event.len()])));
                payloads.push(b'\n');
            }
            assert!(pieces == expected, "one event at a time, tier {tier:?}, seed {seed}");
            assert!(payloads == expected, "payloads, tier {tier:?}, seed {seed}");
        }
    }
}

/// Every position in a block of 64 bytes, and nothing read beyond the end.
#[test]
fn the_place_in_a_block_does_not_matter() {
    let mut dice = Dice::new(7);
    let sides = sides(&mut dice, true, false);
    let mut events: Vec<Vec<u8>> = LISTABLE.iter().chain(OTHERS).map(|v| v.as_bytes().to_vec()).collect();
    events.extend(LISTABLE.iter().map(|v| format!("{{\"h\":{}}}", dice.quoted(v)).into_bytes()));
    events.extend((0..20).map(|_| dice.event()));
    for event in &events {
        for offset in 0..64 {
            let padding: Vec<u8> = b"x .".iter().copied().cycle().take(offset).chain([b'\n']).collect();
            // the event ends the buffer, without a line end
            let input = [&padding, event].map(Vec::as_slice).concat();
            for tier in tiers() {
                let output = process(&mut engine(tier), &sides.generation, &input, Framing::Lines);
                let (before, after) = output.split_at(padding.len());
                assert!(before == padding);
                let problem = judge(&sides, event, after);
                assert!(problem.is_none(), "offset {offset}, tier {tier:?}: {}", problem.unwrap());
            }
        }
    }
}

#[test]
fn canonical_forms_agree_with_the_reference() {
    let mut failures = Vec::new();
    // the reference does not refang: events are not refanged either
    for text in LISTABLE.iter().chain(OTHERS).filter(|t| !t.starts_with("hxxp")) {
        let ours = observable::read(text, Hint::None)
            .ok()
            .map(|v| v.iter().map(|o| (o.kind().as_str(), text_of(o))).collect::<Vec<_>>());
        let reference = Value::read(text).map(|v| vec![(v.kind(), v.to_string())]);
        if ours != reference {
            failures.push(format!("{text:?}: {ours:?}, reference {reference:?}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn text_of(observable: &observable::Observable) -> String {
    use taxiway::observable::Observable as O;
    match observable {
        O::Ip(a) => a.to_string(),
        O::Network(n) => format!("{}/{}", n.address(), n.prefix()),
        O::IpPort(p) if p.address.is_ipv6() => format!("[{}]:{}", p.address, p.port),
        O::IpPort(p) => format!("{}:{}", p.address, p.port),
        O::Domain(n) => n.as_str().into(),
        O::Url(u) => u.scheme().map_or_else(|| u.rest().to_owned(), |s| format!("{s}://{}", u.rest())),
        O::Email(e) => e.as_str().into(),
        O::Digest(d) => d.bytes().iter().fold(String::new(), |mut hex, b| {
            write!(hex, "{b:02x}").unwrap();
            hex
        }),
    }
}

/// The program, fed through a pipe in pieces of every size, with one thread and two.
#[test]
fn read_sizes_and_threads_do_not_matter() {
    let mut dice = Dice::new(55);
    let folder = tempfile::tempdir().unwrap();
    let feed = folder.path().join("feed.txt");
    std::fs::write(&feed, LISTABLE.join("\n") + "\n").unwrap();
    let events: Vec<Vec<u8>> = (0..60).map(|_| dice.event()).collect();
    let input = [joined(&events), b"no line end evil.example".to_vec()].concat();
    let large: Vec<u8> = input.iter().copied().cycle().take(3 << 20).collect();
    let run = |input: &[u8], size: usize, threads: &str| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_taxiway"))
            .args(["filter", "--quiet", "--threads", threads, "--intel"])
            .arg(&feed)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        let writer = std::thread::spawn(move || {
            for piece in input.chunks(size) {
                stdin.write_all(piece).unwrap();
            }
        });
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        assert!(output.status.success());
        output.stdout
    };
    let expected = run(&input, input.len(), "1");
    assert!(expected.len() > input.len(), "nothing was tagged");
    for size in [1, 2, 63, 64, 65, 4096] {
        for threads in ["1", "2"] {
            assert!(run(&input, size, threads) == expected, "pieces of {size} bytes, {threads} threads");
        }
    }
    let expected = run(&large, large.len(), "1");
    for size in [4096, 65_537, 1 << 20] {
        assert!(run(&large, size, "2") == expected, "pieces of {size} bytes, 2 threads");
    }
}
