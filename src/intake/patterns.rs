//! The patterns of a file as they stand, used or not: one a line, or those of the indicators of a STIX 2 document.
//!
//! Is: the way in for those who look at patterns; what [`crate::intake::load`] leaves out (older versions, revoked
//! indicators, other languages) is here too.
//! Is not: a judge of patterns.
//! Invariant: patterns come in the order of the file, each once.
//! Fails: with [`Error`] if the file cannot be read or is something else; what is broken in the middle is told.
//! Costs: a window of bytes that holds one line or object, and for a document what a feed of it takes.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::intake::sniff::{self, Content};
use crate::intake::source::STDIN;
use crate::intake::{Error, Window, decode, faults, not_stix, refused, refused_feed, unreadable};
use crate::list::End;
use crate::pattern::LENGTH_BYTES_MAX;
use crate::stix::{self, v2};

/// A pattern and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stated {
    /// Line or indicator.
    pub place: Place,
    /// Its text, or why there is none.
    pub pattern: Result<Box<str>, Unstated>,
}

/// Where a pattern stands in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// On a line of its own; from 1.
    Line(u64),
    /// In an indicator: its id, or what object it is if it has none.
    Indicator(Box<str>),
}

/// Why there is no text of a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unstated {
    /// An indicator without one.
    #[error("the indicator has no pattern")]
    Missing,
    /// An indicator in another language.
    #[error("not a STIX pattern: pattern_type is {0}")]
    Language(Box<str>),
    /// A line that is not UTF-8.
    #[error("not valid UTF-8")]
    NotUtf8 {
        /// The character that is none, from 1.
        column: usize,
    },
    /// A line that is longer than any pattern may be.
    #[error("a line of {bytes} bytes, at most {LENGTH_BYTES_MAX} are read")]
    TooLong {
        /// How long it is.
        bytes: u64,
    },
}

/// Reads the patterns of a file, `-` for standard input, and gives them to `visit` one by one. What was wrong with the
/// file on the way is returned.
///
/// A file that begins as JSON does is a STIX 2 document. In other text each line is a pattern but for empty ones and
/// those that begin with `#` or `//`.
///
/// # Errors
/// [`Error`] if the file is missing, unreadable, or neither STIX 2 nor text.
pub fn patterns(path: &Path, visit: &mut dyn FnMut(Stated)) -> Result<Vec<String>, Error> {
    if path == Path::new(STDIN) {
        let read = stream(Box::new(io::stdin()), visit);
        return read.map_err(|message| refused_feed("standard input".to_owned(), &message));
    }
    let file = File::open(path).map_err(|error| refused(path, &unreadable(&error)))?;
    stream(Box::new(file), visit).map_err(|message| refused(path, &message))
}

fn stream(raw: Box<dyn Read>, visit: &mut dyn FnMut(Stated)) -> Result<Vec<String>, String> {
    let reader = decode::decoded(raw, &mut Vec::new()).map_err(|error| match error.raw_os_error() {
        Some(_) => unreadable(&error),
        None => decode::fault(&error),
    })?;
    let mut window = Window::new(reader);
    window.fill();
    if let Some(error) = window.error.as_ref().filter(|error| error.raw_os_error().is_some()) {
        return Err(unreadable(error));
    }
    let mut faults = Vec::new();
    match sniff::content(window.bytes(), window.ended) {
        Content::Empty => {}
        Content::Refused(what) => return Err(what),
        Content::Stix1 => {
            return Err("STIX 1, which has no patterns\n`taxiway compile` tells what is in it".to_owned());
        }
        Content::Json if is_document(window.bytes()) => faults = document(&mut window, visit)?,
        Content::Json | Content::List => lines(&mut window, visit),
    }
    if let Some(error) = &window.error {
        faults.push(format!("{}; what is whole before it is read", decode::fault(error)));
    }
    Ok(faults)
}

/// Whether objects, or nothing, stand in the brackets that a file begins with. A pattern begins with a bracket too, and
/// one that is broken may well begin with two.
fn is_document(head: &[u8]) -> bool {
    let inside = head.iter().find(|byte| !(**byte == b'[' || byte.is_ascii_whitespace()));
    matches!(inside, Some(b'{' | b']'))
}

fn document(window: &mut Window, visit: &mut dyn FnMut(Stated)) -> Result<Vec<String>, String> {
    let mut objects = stix::Objects::default();
    objects.stated = Some(Vec::new());
    let mut reader = v2::Reader::default();
    window.each(&mut |_bytes| (), |bytes, end| {
        let taken = reader.read(bytes, end != End::More, &mut objects);
        for stated in objects.stated.iter_mut().flat_map(std::mem::take) {
            visit(of_indicator(stated));
        }
        (!reader.is_hopeless()).then_some(taken)
    });
    match reader.finish() {
        stix::Found::Other(what) => Err(not_stix(&what)),
        stix::Found::Stix => {
            let mut told = objects.tally.warnings;
            told.extend(faults(&objects.tally.skipped));
            Ok(told)
        }
    }
}

fn of_indicator(stated: stix::Stated) -> Stated {
    let stix = |language: &&str| language.trim().eq_ignore_ascii_case("stix");
    let pattern = match (stated.language.as_deref(), stated.pattern) {
        (Some(language), _) if !stix(&language) => Err(Unstated::Language(language.into())),
        (_, Some(pattern)) => Ok(pattern),
        (_, None) => Err(Unstated::Missing),
    };
    Stated { place: Place::Indicator(stated.name), pattern }
}

fn lines(window: &mut Window, visit: &mut dyn FnMut(Stated)) {
    let mut number = 0;
    // of a line that is too long to be kept
    let mut passed = 0;
    window.each(&mut |_bytes| (), |bytes, end| {
        let mut taken = 0;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let whole = line.ends_with(b"\n") || end != End::More;
            if !whole && line.len() <= LENGTH_BYTES_MAX + LINE_END_BYTES {
                break;
            }
            taken += line.len();
            passed += line.len() as u64;
            if whole {
                number += 1;
                if let Some(pattern) = of_line(line, std::mem::take(&mut passed)) {
                    visit(Stated { place: Place::Line(number), pattern });
                }
            }
        }
        Some(taken)
    });
}

/// The pattern on a line, or on one of `bytes` of which this is the end.
fn of_line(line: &[u8], bytes: u64) -> Option<Result<Box<str>, Unstated>> {
    if bytes > (LENGTH_BYTES_MAX + LINE_END_BYTES) as u64 {
        return Some(Err(Unstated::TooLong { bytes }));
    }
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match str::from_utf8(line) {
        Ok(text) => {
            let pattern = text.trim_start();
            let is_none = pattern.is_empty() || pattern.starts_with('#') || pattern.starts_with("//");
            (!is_none).then(|| Ok(text.into()))
        }
        Err(fault) => {
            let before = line.get(..fault.valid_up_to()).unwrap_or_default();
            let column = String::from_utf8_lossy(before).chars().count() + 1;
            Some(Err(Unstated::NotUtf8 { column }))
        }
    }
}

/// A carriage return and a line feed.
const LINE_END_BYTES: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn read(bytes: &[u8]) -> (Vec<Stated>, Result<Vec<String>, String>) {
        let mut found = Vec::new();
        let told = stream(Box::new(Cursor::new(bytes.to_vec())), &mut |stated| found.push(stated));
        (found, told)
    }

    fn lines_of(bytes: &[u8]) -> Vec<(u64, Result<Box<str>, Unstated>)> {
        let (found, told) = read(bytes);
        assert_eq!(told, Ok(Vec::new()));
        let line = |stated: Stated| match stated.place {
            Place::Line(number) => (number, stated.pattern),
            Place::Indicator(id) => panic!("{id}"),
        };
        found.into_iter().map(line).collect()
    }

    #[test]
    fn a_line_is_a_pattern() {
        let found = lines_of(b"\xef\xbb\xbf[a:b = 1]\r\n\n  # no\n // no\n [a:b = '\xe9']\n[a:b =");
        assert_eq!(
            found,
            [
                (1, Ok("[a:b = 1]".into())),
                (5, Err(Unstated::NotUtf8 { column: 10 })),
                (6, Ok("[a:b =".into()))
            ]
        );
        for odd in ["[[a:b = 1]]", "[\"a\" = 1]", "[] x", "([a:b = 1])"] {
            let found = lines_of(format!("{odd}\n").as_bytes());
            assert_eq!(found, [(1, Ok(odd.into()))]);
        }
        assert_eq!(lines_of(b" \n"), []);
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over() {
        let most = format!("[a:b = '{}']", "x".repeat(LENGTH_BYTES_MAX - 11));
        let long = "y".repeat(3 * LENGTH_BYTES_MAX);
        let found = lines_of(format!("{most}\r\n{long}\n[a:b = 1]\n{long}").as_bytes());
        let bytes = long.len() as u64;
        assert_eq!(
            found,
            [
                (1, Ok(most.into())),
                (2, Err(Unstated::TooLong { bytes: bytes + 1 })),
                (3, Ok("[a:b = 1]".into())),
                (4, Err(Unstated::TooLong { bytes })),
            ]
        );
    }

    #[test]
    fn every_indicator_of_a_document_is_there() {
        let document = r#"{"type": "bundle", "id": "bundle--1", "objects": [
            {"type": "indicator", "id": "indicator--1", "modified": "2024-01-01T00:00:00Z", "pattern": "[a:b = 1]"},
            {"type": "indicator", "id": "indicator--1", "modified": "2023-01-01T00:00:00Z", "pattern": "[a:b = 2]"},
            {"type": "indicator", "id": "indicator--2", "revoked": true, "pattern": "[a:b = 3]", "pattern_type": "Stix"},
            {"type": "indicator", "id": "indicator--3", "pattern_type": "yara", "pattern": "rule x"},
            {"type": "malware", "id": "malware--1", "pattern": "no"},
            {"type": "indicator", "pattern": 5}]}"#;
        let (found, told) = read(document.as_bytes());
        assert_eq!(told, Ok(Vec::new()));
        let place = |stated: &Stated| match &stated.place {
            Place::Indicator(id) => id.to_string(),
            Place::Line(number) => panic!("{number}"),
        };
        let places: Vec<String> = found.iter().map(place).collect();
        assert_eq!(places, ["indicator--1", "indicator--1", "indicator--2", "indicator--3", "object 6"]);
        let patterns: Vec<_> = found.into_iter().map(|stated| stated.pattern).collect();
        assert_eq!(
            patterns,
            [
                Ok("[a:b = 1]".into()),
                Ok("[a:b = 2]".into()),
                Ok("[a:b = 3]".into()),
                Err(Unstated::Language("yara".into())),
                Err(Unstated::Missing)
            ]
        );
        // what is whole before the fault is read, and the fault is told
        let (found, told) = read(document.get(..300).unwrap().as_bytes());
        assert_eq!((found.len(), told.unwrap().len()), (2, 1));
        assert!(read(b"{\"a\": 1}").1.unwrap_err().contains("not STIX"));
        assert!(read(b"<html>").1.is_err());
        assert_eq!(read(b"[]").1, Ok(Vec::new()));
    }
}
