//! Where JSON objects end that run over several lines.
//!
//! Is: a splitter that keeps its state from read to read; the test whether a stream is such a stream.
//! Is not: a JSON parser. It follows strings, escapes and brackets, and leaves it to the engine to say what is an
//! object; what stands between objects ends at its line end.
//! Invariants: every byte belongs to exactly one event; the ends are the same however the bytes are cut into
//! reads. Broken objects do not swallow their successors: a line end inside a string ends the event, and so does
//! a line that starts with `{` where JSON allows none. Fails: never. Costs: linear, each byte looked at once
//! (the blanks before such a `{` twice).

use memchr::memchr3;

/// Levels of nesting for which it is remembered whether they are objects or arrays.
const LEVELS_MAX: u32 = 4096;

/// Where the splitter stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Before the first byte of an event that is not blank.
    #[default]
    Before,
    /// Inside brackets.
    Inside,
    /// Inside a string.
    Text,
    /// Behind a back-slash in a string.
    Escape,
    /// Behind the bracket that closed the event; blanks and the line end may follow.
    After,
    /// In something that is neither object nor array: to the line end.
    Other,
}

/// Finds the ends of events.
#[derive(Debug, Default)]
pub(crate) struct Splitter {
    state: State,
    depth: u32,
    /// One bit a level, set for arrays.
    arrays: Vec<u64>,
    /// The last byte inside brackets that is neither blank nor part of a string.
    last: u8,
    /// Where the line under way starts.
    line: usize,
    /// Whether only blanks were seen on it.
    line_blank: bool,
    /// Events that are not blank, so far.
    pub(crate) events: u64,
    /// Ends that were found by giving up on a broken event.
    pub(crate) broken: u64,
}

impl Splitter {
    /// Looks at `bytes` from `from` on, all before it having been looked at, and adds the ends that it finds.
    pub(crate) fn scan(&mut self, bytes: &[u8], from: usize, ends: &mut Vec<usize>) {
        let mut at = from;
        while let Some(&byte) = bytes.get(at) {
            match self.state {
                State::Before => at = self.before(byte, at, ends),
                State::Inside => at = self.inside(byte, at, ends),
                State::Text => {
                    let rest = bytes.get(at..).unwrap_or_default();
                    let Some(i) = memchr3(b'"', b'\\', b'\n', rest) else {
                        return;
                    };
                    at += i + 1;
                    match rest.get(i) {
                        Some(b'"') => self.state = State::Inside,
                        Some(b'\\') => self.state = State::Escape,
                        _ => self.give_up(at, ends),
                    }
                }
                State::Escape => {
                    at += 1;
                    if byte == b'\n' {
                        self.give_up(at, ends);
                    } else {
                        self.state = State::Text;
                    }
                }
                State::After => match byte {
                    b' ' | b'\t' | b'\r' => at += 1,
                    b'\n' => {
                        at += 1;
                        self.end(at, ends);
                    }
                    _ => self.end(at, ends),
                },
                State::Other => {
                    let rest = bytes.get(at..).unwrap_or_default();
                    let Some(i) = memchr::memchr(b'\n', rest) else {
                        return;
                    };
                    at += i + 1;
                    self.end(at, ends);
                }
            }
        }
    }

    /// Says that the first `n` bytes of the buffer are gone.
    pub(crate) fn shift(&mut self, n: usize) {
        self.line = self.line.saturating_sub(n);
    }

    /// Closes the stream: whether an event was under way that is not blank.
    pub(crate) fn close(&mut self) {
        if self.state != State::Before {
            self.events += 1;
        }
        *self = Splitter { events: self.events, broken: self.broken, ..Splitter::default() };
    }

    /// How much of the `len` bytes is sure to belong to the event under way: blanks at the start of a line may
    /// turn out to belong to the next.
    pub(crate) fn sure(&self, len: usize) -> usize {
        if self.state == State::Inside && self.line_blank { self.line.min(len) } else { len }
    }

    /// Whether the object or array under way is closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.state == State::After
    }

    fn before(&mut self, byte: u8, at: usize, ends: &mut Vec<usize>) -> usize {
        match byte {
            // blanks and the bytes of a byte order mark
            b' ' | b'\t' | b'\r' | 0xef | 0xbb | 0xbf => {}
            b'\n' => ends.push(at + 1),
            b'{' | b'[' => {
                self.state = State::Inside;
                self.line_blank = false;
                self.open(byte);
            }
            _ => self.state = State::Other,
        }
        at + 1
    }

    fn inside(&mut self, byte: u8, at: usize, ends: &mut Vec<usize>) -> usize {
        match byte {
            b' ' | b'\t' | b'\r' => return at + 1,
            b'\n' => {
                self.line = at + 1;
                self.line_blank = true;
                return at + 1;
            }
            b'{' if self.line_blank && !self.allows_object() => {
                let line = self.line;
                self.give_up(line, ends);
                return line;
            }
            b'{' | b'[' => self.open(byte),
            b'}' | b']' => {
                self.depth -= 1;
                self.last = byte;
                if self.depth == 0 {
                    self.state = State::After;
                }
            }
            b'"' => {
                self.last = byte;
                self.state = State::Text;
            }
            _ => self.last = byte,
        }
        self.line_blank = false;
        at + 1
    }

    fn open(&mut self, byte: u8) {
        if self.depth < LEVELS_MAX {
            let (word, bit) = (self.depth as usize / 64, self.depth % 64);
            if self.arrays.len() <= word {
                self.arrays.resize(word + 1, 0);
            }
            if let Some(word) = self.arrays.get_mut(word) {
                *word = *word & !(1 << bit) | u64::from(byte == b'[') << bit;
            }
        }
        self.depth = self.depth.saturating_add(1);
        self.last = byte;
    }

    /// Whether JSON allows an object at this place: behind a colon in an object; first or behind a comma in an
    /// array.
    fn allows_object(&self) -> bool {
        let level = self.depth.saturating_sub(1);
        if level >= LEVELS_MAX {
            return true;
        }
        let array = self.arrays.get(level as usize / 64).is_some_and(|word| word >> (level % 64) & 1 == 1);
        if array { matches!(self.last, b'[' | b',') } else { self.last == b':' }
    }

    fn give_up(&mut self, at: usize, ends: &mut Vec<usize>) {
        self.broken += 1;
        self.end(at, ends);
    }

    fn end(&mut self, at: usize, ends: &mut Vec<usize>) {
        self.events += 1;
        ends.push(at);
        self.state = State::Before;
        self.depth = 0;
        self.last = 0;
    }
}

/// What a stream turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One event a line.
    Lines,
    /// Objects that run over lines.
    Objects,
}

/// Decides by its first event what a stream is (docs/MATCHING.md section 4).
#[derive(Debug, Default)]
pub(crate) struct Detector {
    splitter: Splitter,
    scanned: usize,
    start: usize,
    /// Whether the stream starts like one JSON array.
    pub(crate) array: bool,
}

impl Detector {
    /// Looks at the beginning of a stream, all of it from its first byte on; `None` when more is needed. `limit`
    /// is the line limit, `ended` says that there is no more.
    pub(crate) fn decide(&mut self, bytes: &[u8], limit: usize, ended: bool) -> Option<Shape> {
        let Some(first) = self.first(bytes) else {
            return (ended || bytes.len() > limit).then_some(Shape::Lines);
        };
        let mut behind = bytes.iter().skip(self.start + 1).filter(|byte| !byte.is_ascii_whitespace());
        let next = match behind.next() {
            Some(&next) => next,
            None if first == b'{' || first == b'[' => {
                return (ended || bytes.len() > limit).then_some(Shape::Lines);
            }
            None => 0,
        };
        if first == b'[' {
            self.array = matches!(next, b'{' | b'"');
        }
        if first != b'{' || !matches!(next, b'"' | b'}') {
            return Some(Shape::Lines);
        }
        let mut ends = Vec::new();
        self.splitter.scan(bytes, self.scanned, &mut ends);
        self.scanned = bytes.len();
        ends.retain(|&end| end > self.start);
        let end = match ends.first() {
            _ if self.splitter.broken > 0 => return Some(Shape::Lines),
            Some(&end) => end,
            None if ended && self.splitter.is_closed() => bytes.len(),
            None => return (ended || bytes.len() - self.start > limit).then_some(Shape::Lines),
        };
        let event = bytes.get(self.start..end).unwrap_or_default().trim_ascii();
        let whole = event.len() <= limit && memchr::memchr(b'\n', event).is_some() && is_json(event);
        Some(if whole { Shape::Objects } else { Shape::Lines })
    }

    /// The first byte that is neither blank nor part of a byte order mark.
    fn first(&mut self, bytes: &[u8]) -> Option<u8> {
        let rest = bytes.get(self.start..)?;
        let blank = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, 0xef | 0xbb | 0xbf);
        self.start += rest.iter().take_while(|byte| blank(byte)).count();
        bytes.get(self.start).copied()
    }
}

/// Whether this is one JSON value.
fn is_json(event: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(event).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Splits with every read being `step` bytes long.
    fn split(text: &str, step: usize) -> Vec<&str> {
        let (mut splitter, mut ends) = (Splitter::default(), Vec::new());
        let mut from = 0;
        while from < text.len() {
            let to = text.len().min(from + step);
            splitter.scan(&text.as_bytes()[..to], from, &mut ends);
            from = to;
        }
        if ends.last() != Some(&text.len()) {
            ends.push(text.len());
        }
        let starts = std::iter::once(0).chain(ends.iter().copied());
        starts.zip(ends.iter()).map(|(s, &e)| text.get(s..e).unwrap()).collect()
    }

    #[test]
    fn events_end_behind_their_line_end_for_every_read_size() {
        let cases: [(&str, &[&str]); 8] = [
            ("{\n \"a\": 1\n}\n{\n}\r\n", &["{\n \"a\": 1\n}\n", "{\n}\r\n"]),
            ("{\"a\":1}{\"b\":2} \n", &["{\"a\":1}", "{\"b\":2} \n"]),
            ("{\"a\":\"}\\\"}\"\n}\n", &["{\"a\":\"}\\\"}\"\n}\n"]),
            ("\n\n{}\n\n", &["\n", "\n", "{}\n", "\n"]),
            ("x {\n{}\ny", &["x {\n", "{}\n", "y"]),
            ("[\n{\"a\":1},\n{\"b\":[\n{}]}\n]\n", &["[\n{\"a\":1},\n{\"b\":[\n{}]}\n]\n"]),
            // a string that is not closed, an object that is not closed, an object after a comma
            ("{\"a\":\"x\n{\"b\":1}\n", &["{\"a\":\"x\n", "{\"b\":1}\n"]),
            (
                "{\"a\":1\n  {\"b\":1}\n{\"c\":1,\n{}\n",
                &["{\"a\":1\n", "  {\"b\":1}\n", "{\"c\":1,\n", "{}\n"],
            ),
        ];
        for (text, expected) in cases {
            for step in [1, 2, 3, 7, 1000] {
                assert_eq!(split(text, step), expected, "{text:?} by {step}");
            }
        }
    }

    #[test]
    fn the_first_event_decides_the_shape() {
        let cases = [
            ("{\n\"a\":1}\n", Shape::Objects, false),
            ("\u{feff}\n {\"a\":\n1}", Shape::Objects, false),
            ("{\"a\":1}\n{\n}\n", Shape::Lines, false),
            ("{\"a\":1\n{\"b\":2}\n", Shape::Lines, false),
            ("{\"a\":1,\n{\"b\":2}\n", Shape::Lines, false),
            ("{\n\"a\":1,,}\n", Shape::Lines, false),
            ("{ begin\n}\n", Shape::Lines, false),
            ("[\n{\"a\":1}\n]\n", Shape::Lines, true),
            ("[Sun Dec 04] error\n", Shape::Lines, false),
            ("Dec 4 host x\n{\n}\n", Shape::Lines, false),
            ("{", Shape::Lines, false),
            ("", Shape::Lines, false),
        ];
        for (text, shape, array) in cases {
            for step in [1, 5, 1000] {
                let mut detector = Detector::default();
                let mut to = 0;
                let found = loop {
                    to = text.len().min(to + step);
                    match detector.decide(&text.as_bytes()[..to], 1000, to == text.len()) {
                        Some(shape) => break shape,
                        None => assert!(to < text.len(), "{text:?}"),
                    }
                };
                assert_eq!((found, detector.array), (shape, array), "{text:?} by {step}");
            }
        }
        assert_eq!(Detector::default().decide(b"{\"a\":\n\"123\"}\n", 8, false), Some(Shape::Lines));
    }
}
