//! Streams of bytes -> chunks of whole events.
//!
//! Is: the reading side of the stage: it opens one stream after the other, reads what is there, cuts behind the
//! last whole event and carries the rest over to the next chunk.
//! Is not: a judge of events; a writer.
//! Invariants: the bodies of all chunks, one after the other, are the input; an event never spans two streams;
//! which events are whole, and which are longer than the limit, does not depend on how the bytes were cut into
//! reads. Fails: a stream that breaks off is a fault that is noted; what came before it is handed on.
//! Costs: linear in the length of an event; bytes are searched once for line ends. Memory: one event of at most
//! the line limit, and some.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use memchr::{memchr, memrchr};

use crate::engine::Format;
use crate::stage::input::{Buffer, Input, Origin, Signals};
use crate::stage::objects::{Detector, Shape, Splitter, content_len};

/// Bytes on both sides of a window of a long event that the neighbouring windows see too: no token but a URL can
/// be longer.
pub(crate) const OVERLAP: usize = 16 << 10;
/// Least length of such a window, but for the last one.
const WINDOW: usize = 256 << 10;
/// Buffers that grew beyond this for a long event are given back afterwards.
const KEEP: usize = 2 << 20;

/// How streams are read.
#[derive(Clone, Debug)]
pub(crate) struct Cutting {
    /// `Auto` looks at the first event of each stream.
    pub(crate) format: Format,
    /// Bytes of an event, its line end not counted, above which it is not tagged.
    pub(crate) line_bytes_max: usize,
    /// Bytes that are asked for in one read.
    pub(crate) read_bytes: usize,
}

/// A part of a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Whole events. For objects, `ends` is the range of [`Chunk::ends`] that belongs to them.
    Events { range: Range<usize>, ends: Range<usize> },
    /// A part of an event that is too long: `range` is new, the whole of `window` may be looked at.
    Window { window: Range<usize>, range: Range<usize> },
}

/// Bytes for one worker.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    buffer: Buffer,
    /// What is new in the buffer: before it stands what was handed on already, behind it what is not complete.
    pub(crate) body: Range<usize>,
    /// The body, in order.
    pub(crate) pieces: Vec<Piece>,
    /// Ends of objects, counted from the start of their piece.
    pub(crate) ends: Vec<usize>,
    /// Whether the events are taken as JSON objects over several lines.
    pub(crate) objects: bool,
    /// Objects in it, or what stands in their place.
    pub(crate) object_count: u64,
    /// Whether the last event lacks its line end.
    pub(crate) open_end: bool,
    /// Whether it is the first of a stream.
    pub(crate) first: bool,
    /// Its place in the output.
    pub(crate) ticket: u64,
}

impl Chunk {
    /// All that is in the buffer; ranges of pieces and body count from here.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.buffer.filled()
    }

    fn reset(&mut self) {
        self.buffer.clear(KEEP);
        self.pieces.clear();
        self.ends.clear();
        self.body = 0..0;
        self.object_count = 0;
        self.open_end = false;
    }
}

/// A stream under way.
#[derive(Debug)]
struct Stream {
    origin: Origin,
    input: Input,
    shape: Option<Shape>,
    detector: Detector,
    splitter: Splitter,
    /// Bytes at the front of the carry-over that were handed on already.
    context: usize,
    /// Whether the event under way is known to be too long.
    long: bool,
    /// Whether nothing was handed on yet.
    first: bool,
    ended: bool,
}

/// Tells people something while the run goes on.
pub(crate) type Say = Box<dyn Fn(&str) + Send>;

/// Cuts streams into chunks.
pub(crate) struct Cutter {
    cutting: Cutting,
    origins: VecDeque<Origin>,
    stream: Option<Stream>,
    carry: Vec<u8>,
    signals: Arc<Signals>,
    tickets: u64,
    /// Events that were longer than the limit.
    pub(crate) long_events: u64,
    /// Streams that could not be opened or broke off.
    pub(crate) faults: u64,
    say: Say,
}

impl Cutter {
    /// Reads these streams in this order.
    pub(crate) fn new(cutting: Cutting, origins: Vec<Origin>, signals: Arc<Signals>, say: Say) -> Cutter {
        Cutter {
            cutting,
            origins: origins.into(),
            stream: None,
            carry: Vec::new(),
            signals,
            tickets: 0,
            long_events: 0,
            faults: 0,
            say,
        }
    }

    /// Tells people something.
    pub(crate) fn say(&self, message: &str) {
        (self.say)(message);
    }

    /// What stops the run.
    pub(crate) fn signals(&self) -> Arc<Signals> {
        Arc::clone(&self.signals)
    }

    /// Fills a chunk; `false` when there is nothing more, or the run was stopped.
    pub(crate) fn next(&mut self, chunk: &mut Chunk) -> bool {
        while !self.signals.is_stopped() {
            if self.stream.is_some() {
                if self.fill(chunk) {
                    chunk.ticket = self.tickets;
                    self.tickets += 1;
                    return true;
                }
                self.stream = None;
            } else {
                let Some(origin) = self.origins.pop_front() else {
                    return false;
                };
                self.open(origin);
            }
        }
        false
    }

    fn open(&mut self, origin: Origin) {
        let input = match Input::open(&origin, self.cutting.read_bytes, &self.signals) {
            Ok(input) => input,
            Err(error) => {
                self.say(&format!("{}: {error}", origin.name()));
                self.faults += 1;
                return;
            }
        };
        self.stream = Some(Stream {
            origin,
            input,
            shape: None,
            detector: Detector::default(),
            splitter: Splitter::new(self.cutting.line_bytes_max),
            context: 0,
            long: false,
            first: true,
            ended: false,
        });
    }

    /// Reads until there is a whole event, a window of a long one, or the end; `false` at the end.
    fn fill(&mut self, chunk: &mut Chunk) -> bool {
        let Cutter { cutting, stream, carry, signals, long_events, faults, say, .. } = self;
        let Some(stream) = stream else {
            return false;
        };
        chunk.reset();
        chunk.buffer.append(carry);
        carry.clear();
        if stream.ended {
            return false;
        }
        let mut scanned = chunk.buffer.len();
        loop {
            match stream.input.read(&mut chunk.buffer, cutting.read_bytes) {
                // What was read is handed on, also when the run was stopped meanwhile.
                Ok(0) if signals.is_stopped() => return false,
                Ok(n) => stream.ended = n == 0,
                Err(error) => {
                    say(&format!("{}: {}", stream.origin.name(), explain(&error)));
                    *faults += 1;
                    stream.ended = true;
                }
            }
            if stream.shape.is_none() {
                if !stream.decide(chunk, cutting, say) {
                    continue;
                }
                scanned = 0;
            }
            if stream.cut(chunk, scanned, cutting, carry, long_events) {
                chunk.first = std::mem::take(&mut stream.first);
                return true;
            }
            if stream.ended {
                return false;
            }
            scanned = chunk.buffer.len();
        }
    }
}

impl Stream {
    /// Settles what the stream is; `false` when more has to be read first.
    fn decide(&mut self, chunk: &Chunk, cutting: &Cutting, say: &Say) -> bool {
        let decided = match cutting.format {
            Format::Text => Some(Shape::Lines),
            Format::Auto | Format::Json => {
                self.detector.decide(chunk.buffer.filled(), cutting.line_bytes_max, self.ended)
            }
        };
        // The shape is known for JSON; what is looked for is the array.
        let Some(shape) = decided else {
            return false;
        };
        if self.detector.array {
            say(&format!(
                "{}: the stream is one JSON array, not one object behind the other; to have its objects tagged: \
                 jq -c '.[]' FILE | taxiway filter ...",
                self.origin.name()
            ));
        }
        self.shape = Some(if cutting.format == Format::Json { Shape::Objects } else { shape });
        true
    }

    /// Cuts behind the last whole event, the bytes before `scanned` being known to hold no end. `false` when
    /// more has to be read first.
    fn cut(
        &mut self,
        chunk: &mut Chunk,
        scanned: usize,
        cutting: &Cutting,
        carry: &mut Vec<u8>,
        long_events: &mut u64,
    ) -> bool {
        chunk.objects = self.shape == Some(Shape::Objects);
        let filled = chunk.buffer.len();
        let events_before = self.splitter.events;
        let cut = self.last_end(chunk, scanned);
        chunk.object_count = self.splitter.events - events_before;
        let Some(cut) = cut else {
            return self.window(chunk, cutting, carry);
        };
        if cut <= self.context {
            chunk.ends.clear();
            *long_events += u64::from(std::mem::take(&mut self.long));
            return false;
        }
        let start = std::mem::take(&mut self.context);
        chunk.body = start..cut;
        let mut arrange = Arrange {
            chunk,
            at: start,
            from: scanned.max(start),
            limit: cutting.line_bytes_max,
            next_end: 0,
        };
        if std::mem::take(&mut self.long) {
            arrange.long_event();
            *long_events += 1;
        }
        *long_events += arrange.events();
        chunk.open_end = self.ended && chunk.buffer.filled().get(cut - 1) != Some(&b'\n');
        let rest = chunk.buffer.filled().get(cut..filled).unwrap_or_default();
        carry.extend_from_slice(rest);
        chunk.buffer.truncate(cut);
        self.splitter.shift(cut);
        true
    }

    /// The end of the last whole event; at the end of the stream, of all.
    fn last_end(&mut self, chunk: &mut Chunk, scanned: usize) -> Option<usize> {
        let bytes = chunk.buffer.filled();
        if self.shape == Some(Shape::Objects) {
            self.splitter.scan(bytes, scanned, &mut chunk.ends);
            if self.ended {
                self.splitter.close();
                if chunk.ends.last() != Some(&bytes.len()) {
                    chunk.ends.push(bytes.len());
                }
            }
            // A broken event may end where a window has passed already.
            for end in &mut chunk.ends {
                *end = (*end).max(self.context);
            }
            chunk.ends.last().copied()
        } else if self.ended {
            Some(bytes.len())
        } else {
            let new = bytes.get(scanned..).unwrap_or_default();
            memrchr(b'\n', new).map(|i| scanned + i + 1)
        }
    }

    /// Hands on a part of the event under way if that is too long and enough of it is there.
    fn window(&mut self, chunk: &mut Chunk, cutting: &Cutting, carry: &mut Vec<u8>) -> bool {
        let filled = chunk.buffer.len();
        let start = self.context;
        let sure = self.splitter.sure(filled).max(start);
        let content = content_len(chunk.buffer.filled().get(start..sure).unwrap_or_default());
        if content > cutting.line_bytes_max || filled - start > cutting.line_bytes_max.saturating_add(WINDOW)
        {
            self.long = true;
        }
        if !self.long || filled - start < OVERLAP + WINDOW {
            return false;
        }
        let end = filled - OVERLAP;
        chunk.body = start..end;
        chunk.pieces.push(Piece::Window { window: 0..filled, range: start..end });
        carry.extend_from_slice(chunk.buffer.filled().get(end - OVERLAP..).unwrap_or_default());
        self.context = OVERLAP;
        self.splitter.shift(end - OVERLAP);
        true
    }
}

/// Turns the body of a chunk into pieces.
struct Arrange<'a> {
    chunk: &'a mut Chunk,
    /// What is not yet part of a piece starts here.
    at: usize,
    /// There is no line end before.
    from: usize,
    limit: usize,
    /// The first object end that is not yet part of a piece.
    next_end: usize,
}

impl Arrange<'_> {
    /// The rest of an event that is known to be too long.
    fn long_event(&mut self) {
        let end = self.event_end(self.at, self.next_end);
        self.chunk.pieces.push(Piece::Window { window: 0..end, range: self.at..end });
        self.at = end;
        self.next_end += 1;
    }

    /// All other events; gives the number of those that are too long.
    fn events(&mut self) -> u64 {
        let (cut, mut long_events) = (self.chunk.body.end, 0);
        let mut from_end = self.next_end;
        if cut - self.at > self.limit {
            let (mut start, mut index) = (self.at, self.next_end);
            while start < cut {
                let end = self.event_end(start, index);
                let event = self.chunk.buffer.filled().get(start..end).unwrap_or_default();
                if content_len(event) > self.limit {
                    long_events += 1;
                    self.push_events(start, from_end..index);
                    self.chunk.pieces.push(Piece::Window { window: start..end, range: start..end });
                    self.at = end;
                    from_end = index + 1;
                }
                start = end;
                index += 1;
            }
        }
        let ends = self.chunk.ends.len();
        self.push_events(cut, from_end.min(ends)..ends);
        long_events
    }

    fn push_events(&mut self, to: usize, ends: Range<usize>) {
        if self.at >= to {
            return;
        }
        let range = self.at..to;
        let ends = if self.chunk.objects { ends } else { 0..0 };
        for end in self.chunk.ends.get_mut(ends.clone()).unwrap_or_default() {
            *end -= range.start;
        }
        self.chunk.pieces.push(Piece::Events { range, ends });
        self.at = to;
    }

    /// Where the event ends that starts at `start` and has this number among the objects.
    fn event_end(&self, start: usize, index: usize) -> usize {
        let cut = self.chunk.body.end;
        if self.chunk.objects {
            return self.chunk.ends.get(index).copied().unwrap_or(cut);
        }
        let from = start.max(self.from).min(cut);
        let rest = self.chunk.buffer.filled().get(from..cut).unwrap_or_default();
        memchr(b'\n', rest).map_or(cut, |i| from + i + 1)
    }
}

/// Says in words why a stream broke off.
fn explain(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => {
            format!("the compressed data are cut off; what came before was processed ({error})")
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
