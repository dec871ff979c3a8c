//! Passes over bytes, by turns.

use std::ops::Range;
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use taxiway::engine::{Batch, Engine, Framing};
use taxiway::indicator::Timestamp;
use taxiway::live::Generation;

use crate::record::{Goal, Record, Row, float, median};

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
    hits: u64,
}

impl<'a> Contender<'a> {
    /// A contender; a pass gives back the number of hits.
    pub(crate) fn new(
        name: impl Into<String>,
        bytes: usize,
        pass: impl FnMut() -> u64 + 'a,
    ) -> Contender<'a> {
        let (wall, cpu) = (Vec::new(), Vec::new());
        Contender { name: name.into(), bytes, pass: Box::new(pass), wall, cpu, hits: 0 }
    }

    /// Our engine over batches of whole lines.
    pub(crate) fn engine(
        name: impl Into<String>,
        mut engine: Engine,
        bytes: &'a [u8],
        generation: &'a Generation,
    ) -> Contender<'a> {
        let batches = batches(bytes);
        Contender::new(name, bytes.len(), move || {
            for range in &batches {
                let batch = Batch { bytes: &bytes[range.clone()], framing: Framing::Lines };
                engine.process(batch, generation, NOW);
            }
            engine.take_counts().events_tagged
        })
    }

    fn run(&mut self) {
        let (start, used) = (Instant::now(), thread_seconds());
        self.hits = (self.pass)();
        self.cpu.push(thread_seconds() - used);
        self.wall.push(start.elapsed().as_secs_f64());
    }
}

/// Bytes a second of one over those of another.
pub(crate) struct Claim {
    /// The faster one, it is hoped.
    pub(crate) subject: String,
    /// The other one.
    pub(crate) against: String,
    /// The goal, if one was set.
    pub(crate) goal: Option<Goal>,
}

impl Claim {
    /// A claim with a goal.
    pub(crate) fn new(subject: impl Into<String>, against: impl Into<String>, goal: Goal) -> Claim {
        Claim { subject: subject.into(), against: against.into(), goal: Some(goal) }
    }
}

/// Lets all run by turns, after one pass each that is not counted.
pub(crate) fn measure(
    group: &str,
    mut contenders: Vec<Contender<'_>>,
    claims: &[Claim],
    runs: usize,
    record: &mut Record,
) {
    for contender in &mut contenders {
        (contender.pass)();
    }
    for _ in 0..runs {
        contenders.iter_mut().for_each(Contender::run);
    }
    for contender in &contenders {
        record.push(Row {
            group: group.to_owned(),
            name: contender.name.clone(),
            bytes: contender.bytes as u64,
            wall: contender.wall.clone(),
            cpu: contender.cpu.clone(),
            note: format!("{} hits", contender.hits),
            ..Row::default()
        });
    }
    let rate = |name: &str| {
        let contender = contenders.iter().find(|contender| contender.name == name)?;
        Some(float(contender.bytes as u64) / median(&contender.cpu)?)
    };
    for claim in claims {
        let (Some(subject), Some(against)) = (rate(&claim.subject), rate(&claim.against)) else { continue };
        record.push(Row {
            group: group.to_owned(),
            name: format!("{} / {}", claim.subject, claim.against),
            value: Some((subject / against, "x")),
            goal: claim.goal,
            ..Row::default()
        });
    }
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
    [usage.user_time(), usage.system_time()]
        .into_iter()
        .map(|time| float(time.tv_sec().unsigned_abs()) + float(time.tv_usec().unsigned_abs()) / 1e6)
        .sum()
}
