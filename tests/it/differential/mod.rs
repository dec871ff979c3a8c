//! The engine against the slow reference, over generated feeds and events.
//!
//! Events are put together from pieces that make trouble: listed values and near misses between borders, escapes,
//! other scripts, URLs in URLs, JSON in JSON, spellings of addresses. The generator is ours and starts from fixed
//! seeds, so a failure comes back; `TAXIWAY_ROUNDS` asks for more rounds than the usual.

mod chunks;
mod dice;
mod sides;
mod words;

use std::io::Write as _;
use std::process::{Command, Stdio};

use taxiway::engine::Framing;
use taxiway::engine::scan::Tier;
use taxiway::observable::{self, Hint};

use crate::differential::dice::Dice;
use crate::differential::sides::{engine, joined, judge, process, sides, split, tiers};
use crate::differential::words::{LISTABLE, OTHERS};
use crate::reference::{Hit, Value};
use crate::tagged;

fn rounds(usual: usize) -> usize {
    std::env::var_os("TAXIWAY_ROUNDS").and_then(|n| n.into_string().ok()?.parse().ok()).unwrap_or(usual)
}

#[test]
fn generated_events_get_the_hits_of_the_reference() {
    let mut failures = Vec::new();
    let mut hits = 0;
    let (mut joined_hits, mut joined_in_text) = ([0; 2], [0; 2]);
    for seed in 0..rounds(24) {
        let mut dice = Dice::new(seed as u64 + 1);
        let sides = sides(&mut dice, seed % 4 == 0, seed % 2 == 1);
        let events: Vec<Vec<u8>> = (0..150).map(|_| dice.event()).collect();
        let output = process(&mut engine(Tier::Scalar), &sides.generation, &joined(&events), Framing::Lines);
        let lines = split(&output);
        assert_eq!(lines.len(), events.len(), "events in and out");
        for (event, line) in events.iter().zip(lines) {
            let told = tagged::hits(line);
            hits += told.len();
            let in_text = |hit: &Hit| {
                hit.field == "message" && memchr::memmem::find(event, hit.atomic.as_bytes()).is_none()
            };
            for hit in &told {
                let of = usize::from(Value::read(&hit.indicator).unwrap().kind() == "ip-port");
                joined_hits[of] += usize::from(hit.field.contains('+'));
                joined_in_text[of] += usize::from(in_text(hit));
            }
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
    for (what, hits) in [("fields", joined_hits), ("text", joined_in_text)] {
        assert!(
            hits[0] > 50 && hits[1] > 10,
            "only {hits:?} hits of URLs and addresses with port joined in {what}"
        );
    }
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
            .map(|v| v.iter().map(|o| (o.kind().as_str(), o.to_string())).collect::<Vec<_>>());
        let reference = Value::read(text).map(|v| vec![(v.kind(), v.to_string())]);
        if ours != reference {
            failures.push(format!("{text:?}: {ours:?}, reference {reference:?}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
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
