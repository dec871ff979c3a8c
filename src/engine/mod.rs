//! Batch + generation + time -> segments: what the engine is asked and what it answers.
//!
//! Is: the scan that finds events which may hold a listed value (`scan`), and the judge that reads such an event
//! exactly and writes its tag (`judge` with `event`, `token`, `verify`, `tag`).
//! Is not: reading, framing or writing; a parser of events without a hit.
//! Invariants: taking the tags away gives the input back; the same bytes for every tier, read size and thread
//! count. Fails: never; what cannot be read is passed on.

pub mod case;
pub mod event;
pub mod hit;
pub mod join;
pub mod judge;
pub mod moment;
pub mod scalars;
pub mod scan;
pub mod tag;
pub mod token;
pub mod verify;

use std::ops::Range;
use std::sync::Arc;

use crate::engine::event::Marks;
use crate::engine::join::Pairs;
use crate::engine::judge::{Judge, Marked};
use crate::engine::scan::{Sift, Tier};
use crate::indicator::Timestamp;
use crate::live::Generation;

/// How an event is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// One complete JSON object is JSON, all else is text.
    #[default]
    Auto,
    /// JSON objects; what is none passes untagged, its hits counted.
    Json,
    /// Text, always.
    Text,
}

/// The shape of a tag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preset {
    /// Elastic Common Schema: `threat.enrichments[]`.
    #[default]
    Ecs,
    /// One top-level object `taxiway` with arrays of scalars in step.
    Flat,
}

/// The time against which validity is judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum At {
    /// The clock (the `now` of the call).
    #[default]
    Now,
    /// Validity is not looked at.
    Any,
    /// This instant.
    Time(Timestamp),
    /// The event's own time: in this dotted field, or in the first usual one (`@timestamp`, `timestamp`, `ts`,
    /// `time`, `event.created`, `eventTime`) when none is named. An event without a readable time is judged by
    /// the clock and counted.
    Event(Option<Box<str>>),
}

/// What stays the same for a run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How events are read.
    pub format: Format,
    /// The shape of tags.
    pub preset: Preset,
    /// The time that counts.
    pub at: At,
    /// Enrichments of ours in one event at most.
    pub enrichments_max: usize,
    /// Bytes of tag in one event at most.
    pub tag_bytes_max: usize,
    /// Which fields belong together.
    pub pairs: Arc<Pairs>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            format: Format::Auto,
            preset: Preset::Ecs,
            at: At::Now,
            enrichments_max: 16,
            tag_bytes_max: 8 << 10,
            pairs: Arc::default(),
        }
    }
}

/// A block of whole events.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// The bytes; nothing outside is read.
    pub bytes: &'a [u8],
    /// Where events end.
    pub framing: Framing<'a>,
}

impl Batch<'_> {
    /// The event that holds offset `at`, its line end included. It starts at or behind `from`, where an event is
    /// known to start; an offset at the very end is part of the last event.
    pub fn event_around(&self, from: usize, at: usize) -> Range<usize> {
        let bytes = self.bytes;
        match self.framing {
            Framing::Lines => {
                let before = bytes.get(from..at).unwrap_or_default();
                let behind = bytes.get(at..).unwrap_or_default();
                let start = memchr::memrchr(b'\n', before).map_or(from, |i| from + i + 1);
                start..memchr::memchr(b'\n', behind).map_or(bytes.len(), |i| at + i + 1)
            }
            Framing::Ends(ends) => {
                let index = ends.partition_point(|&end| end <= at).min(ends.len().saturating_sub(1));
                let start = index.checked_sub(1).and_then(|i| ends.get(i)).copied().unwrap_or(0);
                start..ends.get(index).copied().unwrap_or(bytes.len())
            }
        }
    }
}

/// Where events end.
#[derive(Clone, Copy, Debug)]
pub enum Framing<'a> {
    /// At `\n` (the last event may lack it); a `\r` before it belongs to the line end.
    Lines,
    /// At these ascending offsets, the last of which is the length of the batch. White space around a JSON
    /// object and a line end behind it belong to its event.
    Ends(&'a [usize]),
}

/// A piece of output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// These bytes of the batch.
    Input(Range<usize>),
    /// These bytes of the tag buffer.
    Tag(Range<usize>),
}

/// What was seen. Names of rules as on the command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events that got a tag.
    pub events_tagged: u64,
    /// Enrichments written, by kind of the indicator (`Kind as usize`).
    pub hits: [u64; 10],
    /// Hits not written, by the name of the rule: `reserved`, `looks-like-file`, `expired`, `not-yet-valid`,
    /// `min-confidence`, `kind`, `field`, `cap`, `line-limit`, `url-limit`, `not-json`, `already-tagged` ...
    pub suppressed: Vec<(&'static str, u64)>,
    /// Events whose tag went under `taxiway` because `threat` was taken by something else.
    pub place_taken: u64,
    /// Events judged by the clock because they have no readable time (`--at event`).
    pub no_event_time: u64,
}

impl Counts {
    /// Counts one hit that is not written.
    pub fn suppress(&mut self, rule: &'static str, n: u64) {
        match self.suppressed.iter_mut().find(|(name, _)| *name == rule) {
            Some((_, count)) => *count += n,
            None => self.suppressed.push((rule, n)),
        }
    }
    /// Adds other counts to these.
    pub fn add(&mut self, other: &Counts) {
        self.events_tagged += other.events_tagged;
        for (mine, theirs) in self.hits.iter_mut().zip(other.hits) {
            *mine += theirs;
        }
        for (rule, n) in &other.suppressed {
            self.suppress(rule, *n);
        }
        self.place_taken += other.place_taken;
        self.no_event_time += other.no_event_time;
    }
}

/// The engine of one worker: scan, judge, and their memory.
#[derive(Debug)]
pub struct Engine {
    settings: Settings,
    sift: Sift,
    judge: Judge,
    marks: Vec<usize>,
    segments: Vec<Segment>,
    tags: Vec<u8>,
    counts: Counts,
}

impl Engine {
    /// An engine that uses the widest tier of this machine.
    pub fn new(settings: Settings) -> Engine {
        Engine::with_tier(settings, Tier::best())
    }

    /// An engine that uses this tier, or the widest of this machine when it lacks it.
    pub fn with_tier(settings: Settings, tier: Tier) -> Engine {
        Engine {
            sift: Sift::new(tier, Arc::clone(&settings.pairs)),
            settings,
            judge: Judge::new(),
            marks: Vec::new(),
            segments: Vec::new(),
            tags: Vec::new(),
            counts: Counts::default(),
        }
    }

    /// Finds and judges; the answer is in [`Engine::segments`] and [`Engine::tags`] until the next call. With no
    /// hit there is one segment, the whole input; for an empty batch none.
    pub fn process(&mut self, batch: Batch<'_>, generation: &Generation, now: Timestamp) {
        self.segments.clear();
        self.tags.clear();
        self.marks.clear();
        let lines = matches!(batch.framing, Framing::Lines);
        for snapshot in &generation.snapshots {
            self.sift.find(batch.bytes, lines, snapshot, &mut self.marks);
        }
        let mut written = 0;
        if !self.marks.is_empty() {
            written = self.judge_marked(batch, generation, now);
        }
        if written < batch.bytes.len() {
            self.segments.push(Segment::Input(written..batch.bytes.len()));
        }
    }

    /// Judges the events in which marks lie; returns up to where segments were made.
    fn judge_marked(&mut self, batch: Batch<'_>, generation: &Generation, now: Timestamp) -> usize {
        self.marks.sort_unstable();
        let mut written = 0;
        let mut judged = 0;
        for &mark in &self.marks {
            if mark < judged {
                continue;
            }
            let event = batch.event_around(judged, mark);
            judged = event.end;
            let bytes = batch.bytes.get(event.clone()).unwrap_or_default();
            let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
            let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
            let tag = self.tags.len();
            let marks = Marks { ascending: &self.marks, start: event.start };
            let marked = Marked { bytes, marks: Some(marks) };
            let (tags, counts) = (&mut self.tags, &mut self.counts);
            let splice = self.judge.event(marked, &self.settings, generation, now, tags, counts);
            if let Some(offset) = splice {
                let at = event.start + offset;
                if at > written {
                    self.segments.push(Segment::Input(written..at));
                }
                self.segments.push(Segment::Tag(tag..self.tags.len()));
                written = at;
            }
        }
        written
    }

    /// Counts the hits of a window of an event that is too long to be tagged: those whose first byte lies in
    /// `range`.
    pub fn window(&mut self, window: &[u8], range: Range<usize>, generation: &Generation, now: Timestamp) {
        self.marks.clear();
        for snapshot in &generation.snapshots {
            self.sift.find(window, false, snapshot, &mut self.marks);
        }
        if !self.marks.is_empty() {
            self.judge.window(window, range, &self.settings, generation, now, &mut self.counts);
        }
    }

    /// Pieces of output, in order.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The tag buffer.
    pub fn tags(&self) -> &[u8] {
        &self.tags
    }

    /// Takes what was counted since the last call.
    pub fn take_counts(&mut self) -> Counts {
        std::mem::take(&mut self.counts)
    }
}
