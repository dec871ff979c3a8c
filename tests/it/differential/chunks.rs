//! Where the scan's chunks end: it looks anchors up every 32 KiB (`CHUNK` in `src/engine/scan/anchor.rs`), so a batch
//! has to be longer than that before anything can be lost between two of them.

use taxiway::engine::Framing;
use taxiway::engine::scan::Tier;

use crate::differential::dice::Dice;
use crate::differential::rounds;
use crate::differential::sides::{Sides, engine, joined, judge, only, process, sides, split, tiers};
use crate::differential::words::LISTABLE;
use crate::reference::Format;

const CHUNK: usize = 32 << 10;

/// Chunk borders in a batch of these tests: with what follows the last one it has more than 100 KiB.
const BORDERS: usize = 3;

/// Text without a hit, ends and beginnings of tokens included, `from` to `to` of an endless run of lines.
fn filler(from: usize, to: usize) -> Vec<u8> {
    const LINES: &[u8] =
        b"plain words, 1.2 and so.on\n{\"n\":12,\"t\":\"a\\\\b c_d\"}\n0123 abcdef face:1 x\n- -\n";
    (from..to).map(|at| LINES[at % LINES.len()]).collect()
}

/// A batch with one value at `offset` bytes from each border, in text or in JSON, and the events that hold it.
fn batch(value: &str, offsets: &[isize; BORDERS], json: bool) -> (Vec<u8>, Vec<Vec<u8>>) {
    let (before, behind) = if json { ("{\"h\":\"", "\"}") } else { ("seen ", " end") };
    let mut bytes = Vec::new();
    let mut events = Vec::new();
    for (k, offset) in offsets.iter().enumerate() {
        let start = ((k + 1) * CHUNK).strict_add_signed(*offset) - before.len();
        bytes.extend(filler(bytes.len(), start - 1));
        bytes.push(b'\n');
        let event = format!("{before}{value}{behind}").into_bytes();
        bytes.extend_from_slice(&event);
        bytes.push(b'\n');
        events.push(event);
    }
    bytes.extend(filler(bytes.len(), BORDERS * CHUNK + (5 << 10)));
    assert!(bytes.len() > 100 << 10);
    (bytes, events)
}

/// Takes the tags away where `events` stand and compares everything with the reference.
fn check(sides: &Sides, tier: Tier, bytes: &[u8], events: &[Vec<u8>]) -> Result<(), String> {
    let output = process(&mut engine(tier), &sides.generation, bytes, Framing::Lines);
    let (mut input, mut rest) = (bytes, output.as_slice());
    for event in events {
        let at = memchr::memmem::find(input, event).ok_or("the event is not there")?;
        if rest.get(..at) != input.get(..at) {
            return Err("what is before the event was changed".into());
        }
        let line = rest[at..].split(|&b| b == b'\n').next().unwrap_or_default();
        if let Some(problem) = judge(sides, event, line) {
            return Err(problem);
        }
        rest = &rest[at + line.len()..];
        input = &input[at + event.len()..];
    }
    if rest == input { Ok(()) } else { Err("what is behind the events was changed".into()) }
}

/// A set of one value, so that nothing else can bring its event to the judge.
#[test]
fn a_value_is_found_wherever_a_chunk_ends() {
    let offsets: Vec<isize> = (-90..=5).collect();
    let (whole, rest) = offsets.as_chunks::<BORDERS>();
    assert!(rest.is_empty());
    std::thread::scope(|scope| {
        for tier in tiers() {
            scope.spawn(move || {
                let mut listed = 0;
                for value in LISTABLE {
                    let sides = only(value);
                    listed += usize::from(!sides.reference.hits(value.as_bytes(), Format::Auto).is_empty());
                    for (i, offsets) in whole.iter().enumerate() {
                        let (bytes, events) = batch(value, offsets, i % 2 == 1);
                        let result = check(&sides, tier, &bytes, &events);
                        assert!(result.is_ok(), "{value}, {tier:?}, {offsets:?}: {}", result.unwrap_err());
                    }
                }
                assert!(listed >= 45, "only {listed} values are found at all");
            });
        }
    });
}

/// Generated events, each judged alone by the first test of `differential`, over and over until they fill chunks.
#[test]
fn events_in_a_long_batch_get_what_they_get_alone() {
    for seed in 200..200 + rounds(4) {
        let mut dice = Dice::new(seed as u64);
        let sides = sides(&mut dice, true, seed % 2 == 1);
        let events: Vec<Vec<u8>> = (0..60).map(|_| dice.event()).collect();
        let order: Vec<usize> = (0..3000).map(|_| dice.below(events.len())).collect();
        let bytes = joined(order.iter().map(|&i| &events[i]));
        assert!(bytes.len() > 3 * CHUNK, "{} bytes", bytes.len());
        for tier in tiers() {
            let mut engine = engine(tier);
            let alone: Vec<Vec<u8>> = events
                .iter()
                .map(|e| process(&mut engine, &sides.generation, &joined([e]), Framing::Lines))
                .collect();
            for (event, line) in events.iter().zip(&alone) {
                let problem = judge(&sides, event, line.strip_suffix(b"\n").unwrap());
                assert!(problem.is_none(), "{}\n  seed {seed}, feeds {}", problem.unwrap(), sides.told);
            }
            let output = process(&mut engine, &sides.generation, &bytes, Framing::Lines);
            let lines = split(&output);
            assert_eq!(lines.len(), order.len());
            for (at, (&i, line)) in order.iter().zip(lines).enumerate() {
                let same = Some(line) == alone[i].strip_suffix(b"\n");
                assert!(same, "event {at}, {tier:?}, seed {seed}: {}", events[i].escape_ascii());
            }
        }
    }
}
