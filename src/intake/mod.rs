//! Any file -> indicators: sniffing, decompression, folders, and joining what belongs together.
//!
//! (Contract; the intake author completes this text.)

use crate::indicator::Indicator;

/// A feed as named on the command line: `NAME=FILE`, `FILE`, a folder, or `-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The name in tags.
    pub name: Box<str>,
    /// File, folder, or `-` for standard input.
    pub path: std::path::PathBuf,
}

impl Source {
    /// Reads `NAME=FILE`, `FILE` or `-`; without a name it is the file's name without folder and endings
    /// (`conn.json.gz` -> `conn`; standard input is `stdin`).
    pub fn parse(_text: &str) -> Source {
        todo!()
    }
}

/// A fault of a feed with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: Box<str>,
    /// `line 12`, `object 3`, `byte 4711`; empty when it is the whole file.
    pub position: String,
    /// Word under which it is counted.
    pub reason: &'static str,
    /// In words, with the culprit.
    pub detail: String,
}

/// What became of the objects of one feed.
#[derive(Clone, Debug, Default)]
pub struct FeedReport {
    /// The feed.
    pub name: Box<str>,
    /// Objects or lines with a value received.
    pub received: u64,
    /// Indicators handed on.
    pub used: u64,
    /// Other objects that were read into context (relationships, malware, identities ...), by type.
    pub context_objects: u64,
    /// Not used, by reason, with up to three examples each. `received == used + context_objects + sum(skipped)`.
    pub skipped: Vec<(&'static str, u64, Vec<String>)>,
    /// Messages for people (cut file, empty feed, STIX 1 file inside a folder ...).
    pub warnings: Vec<String>,
}

/// All that was read.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Names of feeds, by number.
    pub feeds: Vec<Box<str>>,
    /// Resolved indicators.
    pub indicators: Vec<Indicator>,
    /// One report a feed.
    pub reports: Vec<FeedReport>,
}

/// Why nothing could be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Missing, unreadable, or of a kind that is not read (STIX 1 until it is).
    #[error("{feed}: {message}")]
    Refused {
        /// The feed's file.
        feed: String,
        /// At most three lines, with the remedy.
        message: String,
    },
}

/// Reads feeds. Good objects of a broken file are kept and the fault is in the report.
///
/// # Errors
/// [`Error`] for the first feed that is missing, unreadable or refused.
pub fn load(_sources: &[Source]) -> Result<Loaded, Error> {
    todo!()
}
