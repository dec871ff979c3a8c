//! Where JSON objects end that run over several lines.
//!
//! Is: a splitter that keeps its state from read to read; the test whether a stream is such a stream.
//! Is not: a JSON parser. It follows strings, escapes and brackets, and leaves it to the engine to say what is an
//! object; what stands between objects ends at its line end.
//! Invariants: every byte belongs to exactly one event; the ends are the same however the bytes are cut into
//! reads. Broken objects do not swallow their successors: a line end inside a string ends the event, and so does
//! a line that starts with `{` where JSON allows none. Fails: never. Costs: linear, each byte looked at once
//! (the blanks before such a `{` twice).

use memchr::{memchr, memchr3};

use crate::engine::event::{Keep, Walk};

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
    /// Blank lines that follow each other share an end up to so many bytes: a stream of nothing else would take
    /// eight bytes of memory for each of its own.
    blanks_max: usize,
    /// Events that are not blank, so far.
    pub(crate) events: u64,
    /// Ends that were found by giving up on a broken event.
    pub(crate) broken: u64,
}

impl Splitter {
    /// A splitter for a stream with this line limit.
    pub(crate) fn new(line_bytes_max: usize) -> Splitter {
        Splitter { blanks_max: line_bytes_max, ..Splitter::default() }
    }

    /// Looks at `bytes` from `from` on, all before it having been looked at, and adds the ends that it finds.
    pub(crate) fn scan(&mut self, bytes: &[u8], from: usize, ends: &mut Vec<usize>) {
        let (mut at, mut before, mut blanks) = (from, self.events, None);
        while let Some(end) = self.step(bytes, &mut at) {
            let start = ends.last().copied().unwrap_or(0);
            if self.events > before {
                (before, blanks) = (self.events, None);
                ends.push(end);
            } else if let (Some(first), Some(last)) = (blanks, ends.last_mut())
                && end - first <= self.blanks_max
            {
                *last = end;
            } else {
                blanks = Some(start);
                ends.push(end);
            }
        }
    }

    /// Looks at `bytes` from `at` on until an event or a blank line ends, and says where.
    fn step(&mut self, bytes: &[u8], at: &mut usize) -> Option<usize> {
        while let Some(&byte) = bytes.get(*at) {
            let end = match self.state {
                State::Before => self.before(byte, at),
                State::Inside => self.inside(byte, at),
                State::Text => {
                    let rest = bytes.get(*at..).unwrap_or_default();
                    let found = memchr3(b'"', b'\\', b'\n', rest);
                    *at += found.map_or(rest.len(), |i| i + 1);
                    match found.and_then(|i| rest.get(i)) {
                        Some(b'"') => self.go_on(State::Inside),
                        Some(b'\\') => self.go_on(State::Escape),
                        Some(_) => Some(self.give_up(*at)),
                        None => None,
                    }
                }
                State::Escape => {
                    *at += 1;
                    if byte == b'\n' { Some(self.give_up(*at)) } else { self.go_on(State::Text) }
                }
                State::After => match byte {
                    // What follows an object on its last line belongs to the same event, which then is none.
                    b' ' | b'\t' | b'\r' | b'\n' => {
                        *at += 1;
                        if byte == b'\n' { Some(self.end(*at)) } else { None }
                    }
                    _ => self.go_on(State::Other),
                },
                State::Other => {
                    let rest = bytes.get(*at..).unwrap_or_default();
                    let found = memchr(b'\n', rest);
                    *at += found.map_or(rest.len(), |i| i + 1);
                    if found.is_some() { Some(self.end(*at)) } else { None }
                }
            };
            if end.is_some() {
                return end;
            }
        }
        None
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
        *self = Splitter { events: self.events, broken: self.broken, ..Splitter::new(self.blanks_max) };
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

    fn before(&mut self, byte: u8, at: &mut usize) -> Option<usize> {
        *at += 1;
        match byte {
            // blanks and the bytes of a byte order mark
            b' ' | b'\t' | b'\r' | 0xef | 0xbb | 0xbf => None,
            b'\n' => Some(*at),
            b'{' | b'[' => {
                self.line_blank = false;
                self.open(byte);
                self.go_on(State::Inside)
            }
            _ => self.go_on(State::Other),
        }
    }

    fn inside(&mut self, byte: u8, at: &mut usize) -> Option<usize> {
        *at += 1;
        match byte {
            b' ' | b'\t' | b'\r' => return None,
            b'\n' => {
                self.line = *at;
                self.line_blank = true;
                return None;
            }
            b'{' if self.line_blank && !self.allows_object() => {
                *at = self.line;
                return Some(self.give_up(*at));
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
        None
    }

    fn go_on(&mut self, state: State) -> Option<usize> {
        self.state = state;
        None
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

    fn give_up(&mut self, at: usize) -> usize {
        self.broken += 1;
        self.end(at)
    }

    fn end(&mut self, at: usize) -> usize {
        self.events += 1;
        self.depth = 0;
        self.last = 0;
        self.state = State::Before;
        at
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

/// The length of an event without its line end; the same for its beginning, as far as it is there.
pub(crate) fn content_len(event: &[u8]) -> usize {
    let event = event.strip_suffix(b"\n").unwrap_or(event);
    event.strip_suffix(b"\r").unwrap_or(event).len()
}

/// Decides by its first event what a stream is (M1.4).
#[derive(Debug, Default)]
pub(crate) struct Detector {
    splitter: Splitter,
    /// Where the first event starts, as far as is known.
    start: usize,
    /// Bytes of blanks behind its first byte, as far as is known.
    blanks: usize,
    /// How far the splitter has looked.
    scanned: usize,
    /// Whether the stream starts like one JSON array.
    pub(crate) array: bool,
}

impl Detector {
    /// Looks at the beginning of a stream, all of it from its first byte on; `None` when more is needed. `limit`
    /// is the line limit, `ended` says that there is no more. Each test of the limit gives the same answer before
    /// and after what it waits for is there, so that the size of reads does not matter.
    pub(crate) fn decide(&mut self, bytes: &[u8], limit: usize, ended: bool) -> Option<Shape> {
        let bom = |byte: &u8| matches!(byte, 0xef | 0xbb | 0xbf);
        self.start += blanks(bytes, self.start, bom);
        if self.start > limit {
            return Some(Shape::Lines);
        }
        let event = bytes.get(self.start..).unwrap_or_default();
        let Some(&first @ (b'{' | b'[')) = event.first() else {
            return (ended || !event.is_empty()).then_some(Shape::Lines);
        };
        self.blanks += blanks(event, 1 + self.blanks, |_| false);
        if self.blanks >= limit {
            return Some(Shape::Lines);
        }
        let Some(next) = event.get(1 + self.blanks) else {
            return ended.then_some(Shape::Lines);
        };
        self.array = first == b'[' && matches!(next, b'{' | b'"');
        if first == b'[' || !matches!(next, b'"' | b'}') {
            return Some(Shape::Lines);
        }
        let end = self.splitter.step(event, &mut self.scanned);
        let event = event.get(..end.unwrap_or(event.len())).unwrap_or_default();
        let closed = end.is_some() || ended && self.splitter.is_closed();
        if self.splitter.broken > 0 || content_len(event) > limit || ended && !closed {
            return Some(Shape::Lines);
        }
        let object = || memchr(b'\n', event.trim_ascii()).is_some() && is_object(event.trim_ascii());
        closed.then(|| if object() { Shape::Objects } else { Shape::Lines })
    }
}

/// How many bytes from `from` on are blank, or count as such.
fn blanks(bytes: &[u8], from: usize, or: impl Fn(&u8) -> bool) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    rest.iter().take_while(|byte| byte.is_ascii_whitespace() || or(byte)).count()
}

/// Whether the engine would take this for one JSON object.
fn is_object(event: &[u8]) -> bool {
    Walk::default().event(event, Keep::Strings).is_some()
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
            ("{\"a\":1}{\"b\":2} \n{} x\n{}\t\n", &["{\"a\":1}{\"b\":2} \n", "{} x\n", "{}\t\n"]),
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
            ("{\n\"a\":1}", Shape::Objects, false),
            ("{\n\"a\":1} x\n", Shape::Lines, false),
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
            // what comes behind the first event has no say
            ("{\n\"a\":1}\n{\"b\":\n{\n", Shape::Objects, false),
            ("{\n\"a\":1}\n{\"b\":\"\n", Shape::Objects, false),
            ("{\n}\nno object {\n", Shape::Objects, false),
            ("\n \r\n{\n}\n[\n", Shape::Objects, false),
        ];
        for (text, shape, array) in cases {
            for step in [1, 2, 5, 1000] {
                assert_eq!(detect(text.as_bytes(), step, 1000), (shape, array), "{text:?} by {step}");
            }
        }
    }

    /// What a stream is when it is read in steps, and whether it starts like an array.
    fn detect(text: &[u8], step: usize, limit: usize) -> (Shape, bool) {
        let mut detector = Detector::default();
        let mut to = 0;
        loop {
            to = text.len().min(to + step);
            match detector.decide(&text[..to], limit, to == text.len()) {
                Some(shape) => return (shape, detector.array),
                None => assert!(to < text.len(), "{text:?}"),
            }
        }
    }

    #[test]
    fn the_line_limit_means_the_same_for_every_read_size() {
        let cases = [
            ("{\"a\":\n1}\n", 8, Shape::Objects),
            ("{\"a\":\n1}\r\n", 8, Shape::Objects),
            ("{\"a\":\n1}", 8, Shape::Objects),
            ("{\"a\":\n12}\n", 8, Shape::Lines),
            ("{\"a\":\n1} \n", 8, Shape::Lines),
            ("{\n\n\n}\n", 5, Shape::Objects),
            ("{\n\n\n\n}\n", 5, Shape::Lines),
            ("\n\n\n{\n}\n", 3, Shape::Objects),
            ("\n\n\n\n{\n}\n", 3, Shape::Lines),
        ];
        for (text, limit, shape) in cases {
            // behind it as much as one likes
            for more in ["", "{\n}\n", "x"] {
                let text = if text.ends_with('\n') { [text, more].concat() } else { text.to_owned() };
                for step in [1, 2, 3, 5, 7, 1000] {
                    assert_eq!(detect(text.as_bytes(), step, limit).0, shape, "{text:?} by {step}");
                }
            }
        }
    }

    #[test]
    fn blank_lines_cost_no_memory_each() {
        let text = "\n\r\n".repeat(1000) + "{\n}\n" + &"\n".repeat(1000);
        let (mut splitter, mut ends) = (Splitter::new(600), Vec::new());
        splitter.scan(text.as_bytes(), 0, &mut ends);
        assert_eq!(ends, [600, 1200, 1800, 2400, 3000, 3004, 3604, 4004]);
        assert_eq!(splitter.events, 1);
    }

    /// A detector that looks at all blanks again for each read would need 8 G steps for this.
    #[test]
    fn a_stream_of_blanks_is_looked_at_once() {
        let mut text = vec![b' '; 1 << 20];
        assert_eq!(detect(&text, 64, 8 << 20).0, Shape::Lines);
        text[0] = b'{';
        assert_eq!(detect(&text, 64, 8 << 20).0, Shape::Lines);
    }
}
