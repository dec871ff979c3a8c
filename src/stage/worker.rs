//! One worker: a chunk and the current generation -> what is written.
//!
//! Is: engine calls for the pieces of a chunk, the replay after a panic, the choice of tagged events, counting.
//! Is not: reading, ordering, writing.
//! Invariants: without `--only-hits` all bytes of the body are in the answer, in order; after a panic only the
//! event that caused it passes untagged. Fails: never. Costs: what the engine costs, and a few ranges a hit.

use memchr::memchr_iter;

use crate::engine::{Batch, Counts, Engine, Format, Framing, Segment, Settings};
use crate::indicator::Timestamp;
use crate::live::{Current, Generation};
use crate::stage::cut::{Chunk, Piece};
use crate::stage::output::Answer;
use crate::stage::{guarded, now};

/// What was seen by a worker, or by all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Bytes of events.
    pub bytes: u64,
    /// Events; counted only when asked for.
    pub events: u64,
    /// What the engine counted.
    pub counts: Counts,
    /// Events that passed untagged because the engine broke down on them.
    pub panics: u64,
    /// What the first of those had to say.
    pub story: Option<String>,
}

impl Tally {
    /// Hits that policy let through and that are in no tag.
    pub fn untagged_hits(&self) -> u64 {
        untagged(&self.counts)
    }

    /// Adds another tally to this one.
    pub fn add(&mut self, other: &Tally) {
        self.bytes += other.bytes;
        self.events += other.events;
        self.counts.add(&other.counts);
        self.panics += other.panics;
        if self.story.is_none() {
            self.story.clone_from(&other.story);
        }
    }
}

/// Names under which hits are counted that no rule keeps from being tagged; there was only no way to.
const UNTAGGED: [&str; 5] = ["line-limit", "not-json", "place-taken", "cap", "already-tagged"];

fn untagged(counts: &Counts) -> u64 {
    counts.suppressed.iter().filter(|(name, _)| UNTAGGED.contains(name)).map(|(_, n)| n).sum()
}

/// What all workers are told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Orders<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) current: &'a Current,
    /// Only events that hit are written.
    pub(crate) only_hits: bool,
    /// Events are counted.
    pub(crate) count_events: bool,
}

/// A worker.
#[derive(Debug)]
pub(crate) struct Worker<'a> {
    orders: Orders<'a>,
    /// Engines for streams of lines and of objects; made when needed.
    engines: [Option<Engine>; 2],
    pub(crate) tally: Tally,
}

/// Some events of a chunk.
#[derive(Clone, Copy)]
struct Events<'a> {
    batch: Batch<'a>,
    /// Where they stand in the chunk.
    offset: usize,
    objects: bool,
}

impl<'a> Worker<'a> {
    pub(crate) fn new(orders: Orders<'a>) -> Worker<'a> {
        Worker { orders, engines: [None, None], tally: Tally::default() }
    }

    /// Works on a chunk.
    pub(crate) fn work(&mut self, chunk: &Chunk, answer: &mut Answer) {
        let generation = self.orders.current.load();
        let now = now();
        let bytes = chunk.bytes();
        for piece in &chunk.pieces {
            match piece {
                Piece::Events { range, ends } => {
                    let framing = if chunk.objects {
                        Framing::Ends(chunk.ends.get(ends.clone()).unwrap_or_default())
                    } else {
                        Framing::Lines
                    };
                    let batch = Batch { bytes: bytes.get(range.clone()).unwrap_or_default(), framing };
                    let events = Events { batch, offset: range.start, objects: chunk.objects };
                    self.events(events, &generation, now, answer);
                }
                Piece::Window { window, range } => {
                    let inner = range.start - window.start..range.end - window.start;
                    let outcome = {
                        let engine = self.engine(chunk.objects);
                        let window = bytes.get(window.clone()).unwrap_or_default();
                        guarded(|| engine.window(window, inner, &generation, now))
                    };
                    self.settle(outcome, chunk.objects);
                    if !self.orders.only_hits {
                        push(answer, Segment::Input(range.clone()));
                    }
                }
            }
        }
        let body = bytes.get(chunk.body.clone()).unwrap_or_default();
        self.tally.bytes += body.len() as u64;
        if self.orders.count_events {
            self.tally.events += if chunk.objects {
                chunk.object_count
            } else {
                memchr_iter(b'\n', body).count() as u64 + u64::from(chunk.open_end)
            };
        }
    }

    fn engine(&mut self, objects: bool) -> &mut Engine {
        let settings = self.orders.settings;
        let [lines, others] = &mut self.engines;
        let slot = if objects { others } else { lines };
        slot.get_or_insert_with(|| {
            let format = if objects { Format::Json } else { settings.format };
            Engine::new(Settings { format, ..settings.clone() })
        })
    }

    /// Takes what the engine counted; after a panic, drops the engine and counts an event. What was counted.
    fn settle(&mut self, outcome: Result<(), String>, objects: bool) -> Option<Counts> {
        match outcome {
            Ok(()) => {
                let counts = self.engine(objects).take_counts();
                self.tally.counts.add(&counts);
                Some(counts)
            }
            Err(story) => {
                self.drop_engine(objects);
                self.tally.panics += 1;
                self.tally.story.get_or_insert(story);
                None
            }
        }
    }

    fn drop_engine(&mut self, objects: bool) {
        let [lines, others] = &mut self.engines;
        *(if objects { others } else { lines }) = None;
    }

    /// All events at once. One by one if the engine panics, so that one crafted event does not hide its
    /// neighbours, and if only events that hit are wanted and some did that have no tag to tell them by.
    fn events(&mut self, events: Events<'_>, generation: &Generation, now: Timestamp, answer: &mut Answer) {
        let only_hits = self.orders.only_hits;
        let engine = self.engine(events.objects);
        if guarded(|| engine.process(events.batch, generation, now)).is_ok() {
            let counts = engine.take_counts();
            if !only_hits || untagged(&counts) == 0 {
                take_over(engine, events, only_hits, answer);
                self.tally.counts.add(&counts);
                return;
            }
        } else {
            self.drop_engine(events.objects);
        }
        one_by_one(events, |event| {
            let engine = self.engine(event.objects);
            let outcome = guarded(|| engine.process(event.batch, generation, now));
            match self.settle(outcome, event.objects) {
                Some(counts) if !only_hits || counts.events_tagged > 0 || untagged(&counts) > 0 => {
                    take_over(self.engine(event.objects), event, false, answer);
                }
                None if !only_hits => {
                    push(answer, Segment::Input(event.offset..event.offset + event.batch.bytes.len()));
                }
                _ => {}
            }
        });
    }
}

/// Takes over what the engine answered: all events, or those with a tag.
fn take_over(engine: &Engine, events: Events<'_>, tagged: bool, answer: &mut Answer) {
    let base = answer.tags.len();
    answer.tags.extend_from_slice(engine.tags());
    if tagged {
        tagged_only(engine.segments(), events, base, answer);
    } else {
        for segment in engine.segments() {
            push(answer, moved(segment, events.offset, base));
        }
    }
}

/// Hands on each event as a batch of its own.
fn one_by_one(events: Events<'_>, mut each: impl FnMut(Events<'_>)) {
    let Batch { bytes, .. } = events.batch;
    let mut start = 0;
    while start < bytes.len() {
        let end = events.batch.event_around(start, start).end;
        let single = bytes.get(start..end).unwrap_or_default();
        let ends = [single.len()];
        let framing = if events.objects { Framing::Ends(&ends) } else { Framing::Lines };
        each(Events { batch: Batch { bytes: single, framing }, offset: events.offset + start, ..events });
        start = end;
    }
}

/// Takes over the events that have a tag, and no others.
fn tagged_only(segments: &[Segment], events: Events<'_>, base: usize, answer: &mut Answer) {
    let Events { batch, offset, .. } = events;
    // Where the next tag goes in; what is to be written of the event of the last tag.
    let (mut at, mut rest) = (0, 0..0);
    for segment in segments {
        match segment {
            Segment::Input(range) => at = range.end,
            Segment::Tag(_) => {
                if at >= rest.end {
                    push(answer, Segment::Input(offset + rest.start..offset + rest.end));
                    let event = batch.event_around(rest.end, at);
                    rest = event.start.max(rest.end)..event.end;
                }
                push(answer, Segment::Input(offset + rest.start..offset + at));
                push(answer, moved(segment, offset, base));
                rest.start = at;
            }
        }
    }
    push(answer, Segment::Input(offset + rest.start..offset + rest.end));
}

/// The segment as seen from the chunk and its tag buffer.
fn moved(segment: &Segment, offset: usize, base: usize) -> Segment {
    match segment {
        Segment::Input(range) => Segment::Input(offset + range.start..offset + range.end),
        Segment::Tag(range) => Segment::Tag(base + range.start..base + range.end),
    }
}

/// Adds a segment; ranges of the input that follow each other become one, and empty ones are left out.
fn push(answer: &mut Answer, segment: Segment) {
    if let Segment::Input(range) = &segment
        && range.is_empty()
    {
        return;
    }
    if let (Some(Segment::Input(last)), Segment::Input(next)) = (answer.segments.last_mut(), &segment)
        && last.end == next.start
    {
        last.end = next.end;
        return;
    }
    answer.segments.push(segment);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer_of(bytes: &[u8], framing: Framing<'_>, segments: &[Segment]) -> String {
        let events = Events { batch: Batch { bytes, framing }, offset: 0, objects: false };
        let mut answer = Answer::default();
        tagged_only(segments, events, 0, &mut answer);
        let mut out = String::new();
        for segment in answer.segments {
            match segment {
                Segment::Input(range) => out.push_str(std::str::from_utf8(&bytes[range]).unwrap()),
                Segment::Tag(range) => out.extend(["<", &range.start.to_string(), ">"]),
            }
        }
        out
    }

    #[test]
    fn only_events_with_a_tag_are_taken_over() {
        let bytes = b"one\ntwo\r\n\nthree\nlast";
        let segments = [Segment::Input(0..7), Segment::Tag(0..1), Segment::Input(7..20), Segment::Tag(1..2)];
        assert_eq!(answer_of(bytes, Framing::Lines, &segments), "two<0>\r\nlast<1>");
        let neighbours = [
            Segment::Input(0..3),
            Segment::Tag(0..1),
            Segment::Input(3..7),
            Segment::Tag(1..2),
            Segment::Input(7..20),
        ];
        assert_eq!(answer_of(bytes, Framing::Lines, &neighbours), "one<0>\ntwo<1>\r\n");
        assert_eq!(answer_of(bytes, Framing::Lines, &[Segment::Input(0..20)]), "");
    }

    #[test]
    fn objects_are_taken_over_whole() {
        let bytes = b"{\n}\n{}{\"a\":\n1}\n";
        let ends = [4, 6, 15];
        let segments = [
            Segment::Input(0..2),
            Segment::Tag(0..1),
            Segment::Input(2..13),
            Segment::Tag(1..2),
            Segment::Tag(5..6),
            Segment::Input(13..15),
        ];
        assert_eq!(answer_of(bytes, Framing::Ends(&ends), &segments), "{\n<0>}\n{\"a\":\n1<1><5>}\n");
    }

    #[test]
    fn a_batch_is_replayed_event_by_event() {
        let cases: [(&[u8], Framing<'_>, &[&str]); 3] = [
            (b"one\r\n\nlast", Framing::Lines, &["one\r\n", "\n", "last"]),
            (b"one\n", Framing::Lines, &["one\n"]),
            (b"{\n}\n{}\n", Framing::Ends(&[4, 7]), &["{\n}\n", "{}\n"]),
        ];
        for (bytes, framing, expected) in cases {
            let objects = matches!(framing, Framing::Ends(_));
            let (mut seen, mut at) = (Vec::new(), 100);
            one_by_one(Events { batch: Batch { bytes, framing }, offset: at, objects }, |event| {
                assert_eq!((event.offset, event.objects), (at, objects));
                at += event.batch.bytes.len();
                seen.push(std::str::from_utf8(event.batch.bytes).unwrap().to_owned());
            });
            assert_eq!(seen, expected);
        }
    }

    #[test]
    fn a_panic_is_caught_with_its_story() {
        assert_eq!(guarded(|| 7), Ok(7));
        assert!(guarded(|| panic!("beyond {}", 1)).unwrap_err().contains("beyond 1"));
    }
}
