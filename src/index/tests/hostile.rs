//! Files that were cut, flipped, overwritten, or made to deceive.

use std::ops::Range;

use super::*;
use crate::index::format::{Section, Sections};

/// Small numbers without a dependency: the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % sides
    }
}

fn small() -> Vec<u8> {
    // networks only in one place: the map of touched blocks is most of the file otherwise
    built(&["zebra", "ant"], rich()).0
}

/// As [`small`], with compounds; their values are of all kinds but networks.
fn with_compounds() -> Vec<u8> {
    built(&["zebra", "ant"], rich().into_iter().chain(kept::some())).0
}

fn sections(bytes: &[u8]) -> Sections {
    Header::read(bytes).unwrap().sections
}

/// Every answer that a snapshot gives, to compare.
fn answers(snapshot: &Snapshot) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for text in EVERY_KIND {
        let value = value(text);
        let entry = find(snapshot, &value);
        all.push(format!("{entry:?}"));
        if let Some(entry) = entry {
            all.push(format!("{:?} {}", snapshot.kind(entry), snapshot.value(entry)));
            all.push(format!("{}", snapshot.covers_children(entry)));
            for record in snapshot.records(entry).take(64) {
                all.push(format!("{record:?} {:?}", snapshot.context(record.context_number)));
                all.push(format!("{:?}", snapshot.feeds()[usize::from(record.feed)]));
            }
        }
    }
    for text in ["203.0.113.70", "2001:db8:1::1", "9.9.9.9"] {
        let address = text.parse().unwrap();
        all.push(format!(
            "{} {:?}",
            snapshot.touches(address),
            snapshot.networks(address).collect::<Vec<_>>()
        ));
    }
    all.push(format!("{:?}", snapshot.urls_any_scheme(None, "evil.example/a").collect::<Vec<_>>()));
    all.push(format!("{:?}", snapshot.starting_with("e").collect::<Vec<_>>()));
    all.push(format!("{:?}", snapshot.one_typo_from("evil.exampl").unwrap().collect::<Vec<_>>()));
    all.push(format!("{:?}", snapshot.entries().take(100).collect::<Vec<_>>()));
    all.extend(snapshot.compounds().map(|kept| format!("{kept:?} {:?}", kept.program.holds(|n| n != 1))));
    // the values of compounds answer as all others do
    if let Some(silent) = snapshot.silent().unwrap() {
        assert_eq!(silent.compound_count(), 0);
        all.extend(answers(&silent));
    }
    all
}

/// Opening or verifying gives an error, or the answers are the right ones.
fn is_safe(bytes: Vec<u8>, right: &[String], what: &str) {
    let Ok(snapshot) = Snapshot::from_bytes(bytes) else { return };
    let verified = snapshot.verify();
    // whatever was found: looking must not panic
    let given = answers(&snapshot);
    if verified.is_ok() {
        assert_eq!(given, right, "{what}");
    }
    snapshot.info();
    snapshot.silent_counts().for_each(drop);
}

#[test]
fn every_flipped_bit_is_found() {
    let bytes = small();
    each_flipped_bit_is_found(&bytes, 0..bytes.len());
    let bytes = with_compounds();
    for section in [Section::Silent, Section::Compounds] {
        each_flipped_bit_is_found(&bytes, sections(&bytes).range(section));
    }
}

fn each_flipped_bit_is_found(bytes: &[u8], places: Range<usize>) {
    let mut changed = bytes.to_vec();
    for at in places {
        for bit in [1u8, 0x10, 0x80] {
            changed[at] ^= bit;
            let found = Snapshot::from_bytes(changed.clone()).and_then(|snapshot| snapshot.verify());
            assert!(found.is_err(), "byte {at}, bit {bit:#x}");
            changed[at] ^= bit;
        }
    }
    for more in [1, 63, 64, 70_000] {
        let mut longer = bytes.to_vec();
        longer.resize(bytes.len() + more, 0);
        assert!(Snapshot::from_bytes(longer).is_err(), "{more} bytes more");
    }
}

#[test]
fn cut_files_are_refused() {
    for bytes in [small(), with_compounds()] {
        cuts_are_refused(&bytes);
    }
}

fn cuts_are_refused(bytes: &[u8]) {
    let mut cuts: Vec<usize> = (0..600).collect();
    for section in Section::ALL {
        let range = sections(bytes).range(section);
        cuts.extend([
            range.start.saturating_sub(1),
            range.start,
            range.start + 1,
            range.end.saturating_sub(1),
            range.end,
        ]);
    }
    let mut dice = Dice(7);
    cuts.extend((0..500).map(|_| dice.roll(bytes.len())));
    for cut in cuts.into_iter().filter(|cut| *cut < bytes.len()) {
        assert!(Snapshot::from_bytes(bytes[..cut].to_vec()).is_err(), "cut at {cut}");
    }
}

#[test]
fn overwritten_files_are_found_or_give_the_same_answers() {
    overwrites_are_found(&small(), 2_000);
    overwrites_are_found(&with_compounds(), 500);
}

fn overwrites_are_found(bytes: &[u8], rounds: usize) {
    let right = answers(&Snapshot::from_bytes(bytes.to_vec()).unwrap());
    let mut dice = Dice(42);
    for round in 0..rounds {
        let mut changed = bytes.to_vec();
        let len = 1 + dice.roll(if round % 2 == 0 { 4 } else { 400 });
        let at = dice.roll(bytes.len());
        for byte in changed.iter_mut().skip(at).take(len) {
            *byte = u8::try_from(dice.roll(256)).unwrap();
        }
        is_safe(changed, &right, &format!("round {round}: {len} bytes at {at}"));
    }
}

/// As above, but the checksums agree: what a hostile author would write. Structure, order and set version are
/// all that is left to find it.
#[test]
fn deceiving_files_are_found_or_give_the_same_answers() {
    let bytes = small();
    let all: Vec<_> =
        sections(&bytes).lengths().filter(|(_, len)| *len > 0).map(|(section, _)| section).collect();
    deceptions_are_found(&bytes, &all, 8_000);
}

#[test]
fn deceiving_files_with_compounds_are_found_or_give_the_same_answers() {
    deceptions_are_found(&with_compounds(), &[Section::Silent, Section::Compounds], 2_000);
}

fn deceptions_are_found(bytes: &[u8], places: &[Section], rounds: usize) {
    let right = answers(&Snapshot::from_bytes(bytes.to_vec()).unwrap());
    let mut dice = Dice(4711);
    for round in 0..rounds {
        let mut changed = bytes.to_vec();
        // each section as often as any other, its head more often than the rest
        let range = sections(bytes).range(places[dice.roll(places.len())]);
        let range = if round % 8 == 0 { 0..600 } else { range };
        let within = if dice.roll(2) == 0 { range.len().min(48) } else { range.len() };
        let at = range.start + dice.roll(within);
        let len = 1 + dice.roll(8);
        let fill = [0, 1, 0x7f, 0x80, 0xff][dice.roll(5)];
        for byte in changed.iter_mut().skip(at).take(len) {
            *byte = if dice.roll(2) == 0 { fill } else { u8::try_from(dice.roll(256)).unwrap() };
        }
        // the silent entries have checksums of their own
        format::reseal(&mut changed[sections(bytes).range(Section::Silent)]);
        format::reseal(&mut changed);
        is_safe(changed, &right, &format!("round {round}: {len} bytes at {at}"));
    }
}

#[test]
fn other_versions_and_other_files_are_refused_by_name() {
    let mut bytes = small();
    let error = |bytes: &[u8]| Snapshot::from_bytes(bytes.to_vec()).unwrap_err().to_string();
    bytes[8] = 2;
    assert!(error(&bytes).contains("format version 2"), "{}", error(&bytes));
    bytes[0] = b'x';
    assert!(error(&bytes).contains("not a snapshot"));
    assert!(error(b"").contains("not a snapshot"));
    assert!(error(b"evil.example\n").contains("not a snapshot"));
}

#[test]
fn a_header_of_a_later_version_is_told_as_such() {
    for at in [64, 68] {
        let mut bytes = built(&["f"], [plain(0, value("evil.example"))]).0;
        bytes[at] |= 0x80;
        format::reseal(&mut bytes);
        let error = Snapshot::from_bytes(bytes).unwrap_err().to_string();
        assert!(error.contains("does not know"), "{error}");
    }
}
