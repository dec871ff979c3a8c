//! Both sides over the same values: the engine that is tested and the reference that knows better.

use std::fmt::Write as _;
use std::sync::Arc;

use taxiway::engine::scan::Tier;
use taxiway::engine::{At, Batch, Engine, Framing, Preset, Segment, Settings};
use taxiway::index::{Allow, Builder, Snapshot};
use taxiway::indicator::{Context, Id, Indicator, Part, Timestamp};
use taxiway::live::Generation;
use taxiway::observable::{self, Hint};
use taxiway::policy::Policy;

use crate::differential::dice::Dice;
use crate::differential::words::LISTABLE;
use crate::reference::{Format, Hit, Listed, Reference, Value};
use crate::tagged;

const NOW: Timestamp = Timestamp(1_764_000_000_000_000);

/// The same values for both sides.
pub(crate) struct Sides {
    pub(crate) reference: Reference,
    pub(crate) generation: Generation,
    pub(crate) told: String,
}

const FEEDS: [&str; 2] = ["one", "two"];

/// A listed value with the number of its feed and perhaps an id.
type Row = (usize, &'static str, Option<String>);

/// A sparse set has a handful of values: an event is then read for the sake of that one value only, so that what
/// the scan loses is seen.
pub(crate) fn sides(dice: &mut Dice, allow: bool, sparse: bool) -> Sides {
    let mut rows = Vec::new();
    for (number, text) in LISTABLE.iter().enumerate() {
        for feed in 0..FEEDS.len() {
            if dice.one_in(if feed == 0 { 2 } else { 6 }) || (sparse && !dice.one_in(12)) {
                continue;
            }
            if feed == 1 && !dice.one_in(4) {
                continue;
            }
            let id = dice.one_in(3).then(|| format!("indicator--00000000-0000-4000-8000-{number:012}"));
            rows.push((feed, *text, id));
        }
    }
    built(rows, allow)
}

/// A set of this one value, with nothing suppressed.
pub(crate) fn only(value: &'static str) -> Sides {
    built(vec![(0, value, None)], true)
}

fn built(rows: Vec<Row>, allow: bool) -> Sides {
    let mut builder = Builder::new(&FEEDS.map(Box::from), Allow::default());
    let mut listed = Vec::new();
    let mut told = String::new();
    for (feed, text, id) in rows {
        let name = FEEDS[feed];
        write!(told, "{name}:{text} ").unwrap();
        let values = observable::read(text, Hint::None).unwrap();
        builder.add(Indicator {
            feed: u16::try_from(feed).unwrap(),
            id: id.as_deref().map(Id::parse),
            values: values.into_iter().map(|v| (v, Part::Whole)).collect(),
            compounds: Box::default(),
            valid_from: None,
            valid_until: None,
            confidence: None,
            tlp: None,
            context: Arc::new(Context::default()),
        });
        let value = Value::read(text).unwrap();
        listed.push(Listed { feed: (feed, name.to_owned()), id, value, part_of_pattern: false });
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

pub(crate) fn tiers() -> Vec<Tier> {
    Tier::ALL.into_iter().filter(|t| t.is_available()).collect()
}

pub(crate) fn engine(tier: Tier) -> Engine {
    let settings = Settings {
        preset: Preset::Flat,
        at: At::Any,
        enrichments_max: 10_000,
        tag_bytes_max: 1 << 24,
        ..Settings::default()
    };
    Engine::with_tier(settings, tier)
}

pub(crate) fn process(
    engine: &mut Engine,
    generation: &Generation,
    bytes: &[u8],
    framing: Framing<'_>,
) -> Vec<u8> {
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
pub(crate) fn judge(sides: &Sides, event: &[u8], output: &[u8]) -> Option<String> {
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

pub(crate) fn joined<'a>(events: impl IntoIterator<Item = &'a Vec<u8>>) -> Vec<u8> {
    events.into_iter().flat_map(|e| e.iter().copied().chain([b'\n'])).collect()
}

pub(crate) fn split(output: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = output.split(|&b| b == b'\n').collect();
    lines.pop();
    lines
}
