//! What has to hold for any bytes: one function a reader, run by the fuzz targets, and by the tests over the files
//! that are kept in `corpus`.

use std::fmt::Debug;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use taxiway::indicator::Indicator;
use taxiway::intake::{self, Source};
use taxiway::list::{self, End, Entries};
use taxiway::observable::{self, Observable};
use taxiway::pattern;
use taxiway::stix::{Fate, Objects, v1, v2};
use taxiway::tally::{Counts, Tally};

/// Reads a STIX 1 document: whole, in small windows, and as a feed with all that follows.
pub fn stix1(data: &[u8]) {
    let mut whole = Objects::default();
    v1::parse(data, &mut whole);
    settled(&whole);
    let (mut parts, mut reader) = (Objects::default(), v1::Reader::default());
    in_windows(data, |window, last| {
        let taken = reader.read(window, last, &mut parts);
        (!reader.is_hopeless()).then_some(taken)
    });
    alike(&whole, &parts);
    if data.trim_ascii_start().starts_with(b"<") {
        feed(data);
    }
}

/// The same for STIX 2.
pub fn stix2(data: &[u8]) {
    let mut whole = Objects::default();
    v2::parse(data, &mut whole);
    settled(&whole);
    let (mut parts, mut reader) = (Objects::default(), v2::Reader::default());
    in_windows(data, |window, last| Some(reader.read(window, last, &mut parts)));
    alike(&whole, &parts);
    if data.trim_ascii_start().starts_with(b"{") {
        feed(data);
    }
}

/// Reads a pattern: what it is written as is the same pattern and means the same; what is none has its place.
pub fn pattern(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    match pattern::parse(text) {
        Ok(read) => {
            let written = read.to_string();
            let again = pattern::parse(&written).unwrap_or_else(|error| panic!("{written}: {error}"));
            assert_eq!(again, read, "{written}");
            let reduced = pattern::reduce(&read);
            assert_eq!(pattern::reduce(&again), reduced, "{written}");
            reduced.values.iter().for_each(|(value, _)| canonical(value));
        }
        Err(pattern::Error::Syntax { line, column, .. } | pattern::Error::TooDeep { line, column }) => {
            let found = text.split('\n').nth(line - 1).unwrap_or_else(|| panic!("no line {line}"));
            assert!((1..=found.chars().count() + 1).contains(&column), "{line}:{column}");
        }
        Err(pattern::Error::TooLong { bytes }) => assert!(bytes > pattern::LENGTH_BYTES_MAX),
    }
}

/// Reads a list: whole, and with its last line cut.
pub fn list(data: &[u8]) {
    let mut whole = Entries::default();
    list::parse(data, "", &mut whole);
    let tally = &whole.tally;
    assert_eq!(tally.received, whole.used + tally.context_total() + tally.skipped.total(), "{tally:?}");
    assert_eq!(whole.used, whole.indicators.len() as u64);
    whole.indicators.iter().for_each(sound);
    let mut cut = Entries::default();
    list::Reader::new("").read(data, End::Cut, &mut cut);
    assert!(cut.used <= whole.used, "a cut list gives more: {cut:?}");
    list::is_plausible(data);
}

/// Gives a document in windows of a size that depends on it, larger where one gives nothing.
fn in_windows(data: &[u8], mut read: impl FnMut(&[u8], bool) -> Option<usize>) {
    let sum = data.iter().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte)));
    let mut size = (data.len() / 64).max(1) + sum % 61;
    let mut from = 0;
    loop {
        let to = (from + size).min(data.len());
        let last = to == data.len();
        let Some(taken) = read(&data[from..to], last) else { return };
        assert!(taken <= to - from);
        if last {
            assert_eq!(taken, to - from, "the last window is taken whole");
            return;
        }
        from += taken;
        if taken == 0 {
            size *= 2;
        }
    }
}

/// Everything that was received is a draft, an observable, context, or skipped.
fn settled(objects: &Objects) {
    let tally = &objects.tally;
    let kept = objects.drafts.len() + objects.observables.len();
    let sum = kept as u64 + tally.context_total() + tally.skipped.total();
    assert_eq!(tally.received, sum, "{tally:?}");
    for draft in objects.drafts.iter().filter(|draft| draft.fate == Fate::Use) {
        sound(&draft.indicator);
    }
}

/// How a document comes does not change what it says.
fn alike(whole: &Objects, parts: &Objects) {
    settled(parts);
    assert_eq!(counted(&whole.tally), counted(&parts.tally));
    assert_eq!(format!("{:?}", whole.drafts), format!("{:?}", parts.drafts));
    assert_eq!(format!("{:?}", whole.observables), format!("{:?}", parts.observables));
}

/// All counts of an account, without examples: an excerpt may end where a window did.
fn counted(tally: &Tally) -> impl PartialEq + Debug {
    let counts = |counts: &Counts| -> Vec<(&str, u64)> {
        let mut rows: Vec<_> = counts.counts().iter().map(|count| (count.reason, count.count)).collect();
        rows.sort_unstable();
        rows
    };
    (tally.received, tally.context.clone(), counts(&tally.skipped), counts(&tally.noted))
}

fn sound(indicator: &Indicator) {
    assert!(!indicator.values.is_empty() || !indicator.compounds.is_empty(), "{indicator:?}");
    assert!(indicator.confidence.is_none_or(|confidence| confidence <= 100), "{indicator:?}");
    indicator.values.iter().for_each(|(value, _)| canonical(value));
}

/// A value reads back as itself.
fn canonical(value: &Observable) {
    let text = value.to_string();
    let again = observable::read(&text, value.kind().hint());
    assert_eq!(again.as_deref(), Ok(std::slice::from_ref(value)), "{text}");
}

/// Reads a document as the program does: what it is, names and references joined, and the account of all of it.
fn feed(data: &[u8]) {
    let path = FOLDER.path().join("feed");
    fs::write(&path, data).unwrap_or_else(|error| panic!("{error}"));
    let source = Source { name: "feed".into(), path };
    let Ok(loaded) = intake::load(&[source]) else { return };
    let report = &loaded.reports[0];
    let [kept, skipped] =
        [&report.kept, &report.skipped].map(|rows| rows.iter().map(|row| row.1).sum::<u64>());
    assert_eq!(report.received, report.used + kept + report.context_objects + skipped, "{report:?}");
    assert_eq!(report.used + kept, loaded.indicators.len() as u64);
    loaded.indicators.iter().for_each(sound);
}

/// In memory where that can be had, since a fuzzer writes ten thousand files a second.
static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let memory = Path::new("/dev/shm");
    let found = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    found.unwrap_or_else(|error| panic!("{error}"))
});
