//! Passes over bytes, by turns.

use std::ops::{Range, RangeInclusive};
use std::time::Instant;

use anyhow::ensure;
use nix::sys::resource::{UsageWho, getrusage};
use taxiway::engine::{Batch, Engine, Framing};
use taxiway::indicator::Timestamp;
use taxiway::live::Generation;

use crate::record::{Goal, Record, Row, float, median, seconds};
use crate::set::Lines;

/// The time against which validity is judged: 2026-07-01.
pub(crate) const NOW: Timestamp = Timestamp(1_782_864_000_000_000);

/// Bytes that the filter reads at once.
pub(crate) const READ: usize = 256 << 10;

/// Something that goes over bytes.
pub(crate) struct Contender<'a> {
    /// Name in the table.
    pub(crate) name: String,
    /// Bytes of one pass.
    pub(crate) bytes: usize,
    pass: Box<dyn FnMut() -> u64 + 'a>,
    wall: Vec<f64>,
    cpu: Vec<f64>,
    expected: RangeInclusive<u64>,
}

impl<'a> Contender<'a> {
    /// A contender; a pass gives back the number of hits, which has to be among those expected.
    pub(crate) fn new(
        name: impl Into<String>,
        bytes: usize,
        expected: RangeInclusive<u64>,
        pass: impl FnMut() -> u64 + 'a,
    ) -> Contender<'a> {
        let (wall, cpu) = (Vec::new(), Vec::new());
        Contender { name: name.into(), bytes, pass: Box::new(pass), wall, cpu, expected }
    }

    /// Our engine over batches of whole lines.
    pub(crate) fn engine(
        name: impl Into<String>,
        mut engine: Engine,
        events: &'a Lines,
        generation: &'a Generation,
    ) -> Contender<'a> {
        let bytes = events.bytes.as_slice();
        let batches = batches(bytes);
        Contender::new(name, bytes.len(), events.planted.clone(), move || {
            for range in &batches {
                let batch = Batch { bytes: &bytes[range.clone()], framing: Framing::Lines };
                engine.process(batch, generation, NOW);
            }
            engine.take_counts().events_tagged
        })
    }

    fn run(&mut self) {
        let (start, used) = (Instant::now(), thread_seconds());
        (self.pass)();
        self.cpu.push(thread_seconds() - used);
        self.wall.push(start.elapsed().as_secs_f64());
    }
}

/// What is concluded.
pub(crate) struct Claim {
    subject: String,
    what: What,
    goal: Option<Goal>,
}

enum What {
    /// Bytes a second over those of another.
    Over(String),
    /// Microseconds for each of so many things.
    Each(u64),
}

impl Claim {
    /// The subject is faster, it is hoped.
    pub(crate) fn new(subject: impl Into<String>, against: impl Into<String>, goal: Goal) -> Claim {
        Claim { subject: subject.into(), what: What::Over(against.into()), goal: Some(goal) }
    }

    /// What each of the things costs that a pass is made of.
    pub(crate) fn each(subject: impl Into<String>, things: u64, goal: Option<Goal>) -> Claim {
        Claim { subject: subject.into(), what: What::Each(things), goal }
    }
}

/// Lets all run by turns, after one pass each that is not timed: there the number of hits has to be right.
pub(crate) fn measure(
    group: &str,
    mut contenders: Vec<Contender<'_>>,
    claims: &[Claim],
    runs: usize,
    record: &mut Record,
) -> anyhow::Result<()> {
    let mut hits = Vec::new();
    for contender in &mut contenders {
        let found = (contender.pass)();
        let expected = &contender.expected;
        ensure!(expected.contains(&found), "{group}, {}: {found} hits, not {expected:?}", contender.name);
        hits.push(found);
    }
    for _ in 0..runs {
        contenders.iter_mut().for_each(Contender::run);
    }
    for (contender, hits) in contenders.iter().zip(hits) {
        record.push(Row {
            group: group.to_owned(),
            name: contender.name.clone(),
            bytes: contender.bytes as u64,
            wall: contender.wall.clone(),
            cpu: contender.cpu.clone(),
            note: format!("{hits} hits"),
            ..Row::default()
        });
    }
    let find = |name: &str| {
        let contender = contenders.iter().find(|contender| contender.name == name)?;
        Some((float(contender.bytes as u64), median(&contender.cpu)?))
    };
    for Claim { subject, what, goal } in claims {
        let Some((bytes, seconds)) = find(subject) else { continue };
        let (name, value) = match what {
            What::Over(against) => {
                let Some((their_bytes, their_seconds)) = find(against) else { continue };
                let ratio = bytes / seconds / (their_bytes / their_seconds);
                (format!("{subject} / {against}"), (ratio, "x"))
            }
            What::Each(things) => (format!("{subject}, each"), (seconds / float(*things) * 1e6, "us")),
        };
        let (group, value, goal) = (group.to_owned(), Some(value), *goal);
        record.push(Row { group, name, value, goal, ..Row::default() });
    }
    Ok(())
}

/// Whole lines, up to [`READ`] bytes; a longer line alone.
pub(crate) fn batches(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut start = 0;
    while start < bytes.len() {
        let window = &bytes[start..bytes.len().min(start + READ)];
        let end = match memchr::memrchr(b'\n', window) {
            Some(at) => start + at + 1,
            None => memchr::memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |at| start + at + 1),
        };
        ranges.push(start..end);
        start = end;
    }
    ranges
}

/// The lines, without their ends.
pub(crate) fn lines(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut start = 0;
    let ends = memchr::memchr_iter(b'\n', bytes);
    ends.map(|end| std::mem::replace(&mut start, end + 1)..end).collect()
}

/// User and system seconds of this thread.
fn thread_seconds() -> f64 {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_THREAD) else { return 0.0 };
    seconds(usage.user_time()) + seconds(usage.system_time())
}
