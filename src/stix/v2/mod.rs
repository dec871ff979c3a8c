//! STIX 2.0 and 2.1 in JSON -> [`Objects`].
//!
//! Is: a walk over bundles, TAXII 2 envelopes, arrays, single objects and objects by line, in any order and nesting,
//! in windows of bytes, so that memory holds one object and not the document; every object is decoded by itself.
//! Is not: I/O or a clock; nor a validator (a bad property is noted and left out, the object stays).
//! Invariant: an object that cannot be read never takes its neighbours with it: after one that is no JSON the walk
//! goes on at the next STIX object. All that was received is in the tally.
//! Fails: never; [`Reader::finish`] says what is no STIX at all.
//! Costs: one pass; a second one over objects that cannot be decoded.

mod frame;
mod object;
mod remark;
mod take;

use memchr::memchr;

use crate::stix::{Found, Objects};

use self::frame::Frame;
use self::object::{Failure, Object, Value, decode, decode_text};

/// Bytes of the largest object that is read; a larger one is skipped.
pub const OBJECT_BYTES_MAX: usize = 64 << 20;

/// Containers in containers that are walked into.
const NESTING_MAX: usize = 16;

/// Objects looked at before a document without any STIX is given up.
const STRANGERS_MAX: u64 = 1000;

/// Bytes that may be read again for faults: of what is no JSON, nothing but reading on from the next brace says where
/// the next object begins. Braces in braces up to one fault would take the square of the document.
const FAULT_BYTES_FREE: u64 = 8 << 20;

/// The same for each byte of the document so far; a document of nothing but broken objects takes two.
const FAULT_TIMES_MAX: u64 = 8;

/// Bytes in front of an object that are looked at: a brace, a comma and an indented line end.
const BEHIND_BYTES_MAX: usize = 32;

/// Reads a whole document.
pub fn parse(document: &[u8], objects: &mut Objects) -> Found {
    let mut reader = Reader::default();
    reader.read(document, true, objects);
    reader.finish()
}

/// Reads one document, window by window.
#[derive(Debug, Default)]
pub struct Reader {
    /// Open containers, the innermost last; none between top-level values.
    open: Vec<Level>,
    /// Bytes before the window.
    offset: u64,
    /// Objects so far; the number of the present one.
    number: u64,
    /// Objects that are STIX, and bundles.
    stix: u64,
    /// Well-formed values that are no STIX.
    strangers: u64,
    /// What the first stranger is.
    stranger: Option<String>,
    /// Looking for the next object after a fault.
    astray: bool,
    /// Something was lost on the way, so an open end is no surprise.
    faulty: bool,
    /// Bytes read for nothing so far.
    fault_bytes: u64,
    /// They became too many.
    gave_up: bool,
    /// What holds the objects.
    shape: Option<&'static str>,
}

/// Where the walk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    /// Among the members of a bundle or envelope.
    Members,
    /// Among the elements of an array.
    Elements,
}

/// The rest of a window.
#[derive(Clone, Copy)]
struct Rest<'w> {
    bytes: &'w [u8],
    /// As much of it as is known to be UTF-8; may be less.
    text: &'w str,
}

/// How to go on.
enum Step {
    /// After that many bytes.
    Past(usize),
    /// With a longer window.
    More,
}

impl Reader {
    /// Reads as much of the window as is whole and returns its length; the caller drops that much and appends more.
    /// With `last` nothing follows the window, and all of it is taken. It never returns 0 for a window of
    /// [`OBJECT_BYTES_MAX`] or more.
    pub fn read(&mut self, window: &[u8], last: bool, objects: &mut Objects) -> usize {
        let text = match str::from_utf8(window) {
            Ok(text) => text,
            Err(fault) => str::from_utf8(&window[..fault.valid_up_to()]).unwrap_or_default(),
        };
        let mut at = 0;
        while at < window.len() {
            let rest = Rest { bytes: &window[at..], text: text.get(at..).unwrap_or_default() };
            match self.step(rest, self.offset + at as u64, last, objects) {
                Step::Past(length) => at += length,
                Step::More if last => {
                    self.cut(self.offset + window.len() as u64, objects);
                    at = window.len();
                }
                Step::More if at == 0 && window.len() >= OBJECT_BYTES_MAX => {
                    self.skip("too-large", objects, || format!("more than {OBJECT_BYTES_MAX} bytes"));
                    self.lose();
                    at = window.len();
                }
                Step::More => break,
            }
        }
        self.offset += at as u64;
        if last {
            objects.survey.format = "STIX";
            objects.survey.shape = self.shape();
            if objects.survey.versions.is_empty() && self.stix > 0 {
                objects.survey.version("2.0");
            }
        }
        if last && !self.open.is_empty() {
            self.cut(self.offset, objects);
        }
        at
    }

    fn shape(&self) -> &'static str {
        self.shape.unwrap_or(if self.number == 1 { "object" } else { "objects by line" })
    }

    /// Whether it is plain by now that this is no STIX, so that reading on is useless.
    pub fn is_hopeless(&self) -> bool {
        self.stix == 0 && self.strangers >= STRANGERS_MAX
    }

    /// Says what the document was.
    pub fn finish(self) -> Found {
        match self.stranger {
            Some(stranger) if self.stix == 0 => Found::Other(stranger),
            _ => Found::Stix,
        }
    }

    fn step(
        &mut self,
        Rest { bytes: rest, text }: Rest<'_>,
        at: u64,
        last: bool,
        objects: &mut Objects,
    ) -> Step {
        if self.astray {
            return self.find_next(rest, at, last, objects);
        }
        if rest[0] == b'{' && self.open.last() != Some(&Level::Members) {
            let mut object = Object::default();
            if let Some(length) = decode_text(text, &mut object) {
                self.take(&object, rest, objects);
                return Step::Past(length);
            }
        }
        match (self.open.last(), rest[0]) {
            (_, b' ' | b'\n' | b'\r' | b'\t') => Step::Past(frame::blanks(rest)),
            (_, b',') | (None, RECORD_SEPARATOR) => Step::Past(1),
            (None | Some(Level::Elements), b'{') => self.object(rest, at, last, objects),
            (None | Some(Level::Elements), b'[') if self.open.len() < NESTING_MAX => {
                self.shape.get_or_insert("array");
                self.open.push(Level::Elements);
                Step::Past(1)
            }
            (Some(Level::Elements), b']') | (Some(Level::Members), b'}') => {
                self.open.pop();
                Step::Past(1)
            }
            (Some(Level::Members), b'"') => self.member(rest, at, objects),
            (Some(Level::Elements), _) => self.no_object(rest, at, objects),
            _ => self.stray(at, objects),
        }
    }

    fn object(&mut self, rest: &[u8], at: u64, last: bool, objects: &mut Objects) -> Step {
        match decode(rest) {
            Ok((object, length)) => {
                self.take(&object, rest, objects);
                Step::Past(length)
            }
            Err((Failure::Container, _)) if self.open.len() < NESTING_MAX => {
                self.open.push(Level::Members);
                Step::Past(1)
            }
            Err((Failure::Cut, _)) if !last => Step::More,
            Err((failure, bytes)) => {
                self.fault_bytes += bytes as u64;
                self.broken(rest, at, (failure, last), objects)
            }
        }
    }

    fn take(&mut self, object: &Object<'_>, bytes: &[u8], objects: &mut Objects) {
        if self.open.is_empty() && is_empty_container(object, bytes) {
            let is_bundle = matches!(object.kind, Value::Text(_));
            self.stix += u64::from(is_bundle);
            self.shape.get_or_insert(if is_bundle { "bundle" } else { "envelope" });
            if let Some(version) = object.spec_version.text() {
                objects.survey.version(version);
            }
            return;
        }
        self.number += 1;
        if object.is_stix() || object.kind.text() == Some("indicator") {
            self.stix += 1;
        } else {
            self.strange(|| format!("a JSON object with the keys {}", frame::keys(bytes, 5).join(", ")));
        }
        take::object(object, objects.place(self.number), objects);
    }

    /// A member of a bundle or envelope, from its key on.
    fn member(&mut self, rest: &[u8], at: u64, objects: &mut Objects) -> Step {
        let Some(key) = frame::string(rest) else { return Step::More };
        let colon = key + frame::blanks(&rest[key..]);
        match rest.get(colon) {
            None => return Step::More,
            Some(b':') => {}
            Some(_) => return self.stray(at, objects),
        }
        let value = colon + 1 + frame::blanks(&rest[colon + 1..]);
        if rest.get(value) == Some(&b'[') && &rest[..key] == b"\"objects\"" && self.open.len() < NESTING_MAX {
            self.shape.get_or_insert("envelope");
            self.open.push(Level::Elements);
            return Step::Past(value + 1);
        }
        match frame::value(&rest[value..]) {
            Frame::Whole(length) => {
                let said = &rest[value..value + length];
                match &rest[..key] {
                    b"\"type\"" if said == b"\"bundle\"" => {
                        self.stix += 1;
                        self.shape = Some("bundle");
                    }
                    b"\"spec_version\"" => {
                        objects.survey.version(str::from_utf8(said).unwrap_or_default().trim_matches('"'));
                    }
                    _ => {}
                }
                Step::Past(value + length)
            }
            Frame::Open => Step::More,
            Frame::Broken(_) => self.stray(at, objects),
        }
    }

    /// A number, text or the like where an object should be, or an array nested too deeply.
    fn no_object(&mut self, rest: &[u8], at: u64, objects: &mut Objects) -> Step {
        match frame::value(rest) {
            Frame::Whole(length) => {
                self.strange(|| "a JSON array of something else than objects".to_owned());
                self.skip("not-an-object", objects, || start_of(&rest[..length]));
                Step::Past(length)
            }
            Frame::Open => Step::More,
            Frame::Broken(_) => self.stray(at, objects),
        }
    }

    /// An object that cannot be decoded.
    fn broken(&mut self, rest: &[u8], at: u64, why: (Failure, bool), objects: &mut Objects) -> Step {
        let (failure, last) = why;
        if failure == Failure::Syntax && self.open.len() < NESTING_MAX && frame::has_objects(rest) {
            self.open.push(Level::Members);
            return Step::Past(1);
        }
        match frame::value(rest) {
            Frame::Whole(length) => {
                self.repair(&rest[..length], objects);
                return Step::Past(length);
            }
            Frame::Open if !last => return Step::More,
            Frame::Open if failure == Failure::Cut => {
                self.skip("cut", objects, || "the file ends inside it".to_owned());
                self.cut(at + rest.len() as u64, objects);
                return Step::Past(rest.len());
            }
            Frame::Open => self.fault_bytes += rest.len() as u64,
            Frame::Broken(bytes) => self.fault_bytes += bytes as u64,
        }
        self.skip("bad-json", objects, || start_of(rest));
        self.lose();
        Step::Past(1)
    }

    /// Tries an object again with what is not UTF-8 replaced and control characters as blanks. It is good enough if
    /// its id and pattern came through unharmed.
    fn repair(&mut self, bytes: &[u8], objects: &mut Objects) {
        let text: String =
            String::from_utf8_lossy(bytes).chars().map(|c| if c < ' ' { ' ' } else { c }).collect();
        let harmed = |value: &Value<'_>| value.text().is_some_and(|text| text.contains('\u{fffd}'));
        match decode(text.as_bytes()) {
            Ok((object, length)) if length == text.len() => {
                if harmed(&object.id) || harmed(&object.pattern) {
                    self.stix += u64::from(object.is_stix());
                    self.skip("not-utf8", objects, || start_of(bytes));
                    return;
                }
                let place = objects.place(self.number + 1);
                objects.note("bad-characters", place, object.id.text().unwrap_or_default());
                self.take(&object, text.as_bytes(), objects);
            }
            _ => self.skip("bad-json", objects, || start_of(bytes)),
        }
    }

    /// After a fault: goes to the next object that is STIX or holds such.
    fn find_next(&mut self, rest: &[u8], start: u64, last: bool, objects: &mut Objects) -> Step {
        let mut from = 0;
        while let Some(found) = memchr(b'{', &rest[from..])
            && !self.gave_up
        {
            let at = from + found;
            if self.fault_bytes > FAULT_BYTES_FREE + FAULT_TIMES_MAX * (start + at as u64) {
                self.gave_up = true;
                let file = objects.file();
                objects.tally.warnings.push(format!("{file}: too many faults; the rest of it is not read"));
                break;
            }
            // Between top-level values a brace at the start of a line begins the next one, good or bad.
            let begins = self.open.is_empty() && at > 0 && rest[at - 1] == b'\n';
            let (failure, bytes) = match decode(&rest[at..]) {
                Ok((object, length)) if !object.is_stix() && !begins => {
                    from = at + length;
                    continue;
                }
                Ok(_) => return self.found(at),
                Err(fault) => fault,
            };
            match failure {
                Failure::Cut if !last => return pass(at),
                Failure::Container => return self.found(at),
                Failure::Syntax if begins || self.is_sibling(&rest[..at]) => return self.found(at),
                Failure::Cut | Failure::Syntax => {
                    self.fault_bytes += bytes as u64;
                    from = at + 1;
                }
            }
        }
        if last { Step::Past(rest.len()) } else { pass(rest.len()) }
    }

    /// The next object after a fault begins after that many bytes.
    fn found(&mut self, at: usize) -> Step {
        self.astray = false;
        if self.open.last() == Some(&Level::Members) {
            self.open.push(Level::Elements);
        }
        Step::Past(at)
    }

    /// Whether an object of an array ends with what was passed over, so that a broken one behind it is the next and
    /// not a part of the one that was lost.
    fn is_sibling(&self, passed: &[u8]) -> bool {
        let tail = passed.get(passed.len().saturating_sub(BEHIND_BYTES_MAX)..).unwrap_or(passed);
        let end = tail.iter().rev().find(|byte| !matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | b','));
        self.open.last() == Some(&Level::Elements) && end == Some(&b'}')
    }

    fn stray(&mut self, at: u64, objects: &mut Objects) -> Step {
        if objects.tally.noted.count("stray-text") {
            let example = format!("{}: byte {at}", objects.file());
            objects.tally.noted.example("stray-text", example);
        }
        self.lose();
        Step::Past(1)
    }

    fn cut(&mut self, at: u64, objects: &mut Objects) {
        if !self.faulty {
            self.faulty = true;
            let file = objects.file();
            objects.tally.warnings.push(format!("{file}: cut at byte {at}; what is whole before it is used"));
        }
    }

    fn lose(&mut self) {
        self.astray = true;
        self.faulty = true;
    }

    fn skip(&mut self, reason: &'static str, objects: &mut Objects, culprit: impl FnOnce() -> String) {
        self.number += 1;
        objects.tally.received += 1;
        objects.skip(reason, objects.place(self.number), &culprit());
    }

    fn strange(&mut self, what: impl FnOnce() -> String) {
        self.strangers += 1;
        self.stranger.get_or_insert_with(what);
    }
}

/// Passes over that many bytes but the last few, which [`Reader::find_next`] looks back at.
const fn pass(bytes: usize) -> Step {
    if bytes <= BEHIND_BYTES_MAX { Step::More } else { Step::Past(bytes - BEHIND_BYTES_MAX) }
}

/// A bundle without objects, or an envelope without: TAXII servers leave `objects` out when there are none.
fn is_empty_container(object: &Object<'_>, bytes: &[u8]) -> bool {
    match object.kind.text() {
        Some(kind) => kind == "bundle",
        None => frame::keys(bytes, 3).iter().all(|key| matches!(*key, "more" | "next")),
    }
}

/// The first bytes of something, for examples.
fn start_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.get(..80).unwrap_or(bytes)).into_owned()
}

/// What stands before each value of a JSON text sequence (RFC 7464).
const RECORD_SEPARATOR: u8 = 0x1e;

#[cfg(test)]
mod tests;
