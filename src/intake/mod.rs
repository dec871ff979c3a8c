//! Any file -> indicators: sniffing, decompression, folders, and joining what belongs together.
//!
//! Is: the way in for files, folders and standard input; every feed comes out with its report.
//! Is not: the grammar of a format ([`crate::stix`], [`crate::list`]), nor fetching.
//! Invariant: `received == used + sum(kept) + context_objects + sum(skipped)` for every feed. Two arguments with one
//! name are one feed: versions, names and relations join across its files.
//! Fails: with [`Error`] if a feed is missing, unreadable, or of a kind that is not read. Good objects of a broken
//! file are kept and the fault is told.
//! Costs: what is kept, and a window of bytes that holds at least one object.

mod decode;
mod patterns;
mod resolve;
mod sniff;
mod source;

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use crate::indicator::{Id, Indicator};
use crate::list::{self, End};
use crate::stix::{self, v1, v2};
use crate::survey::{Scale, Survey};
use crate::tally::{Counts, Tally, shortened};

use self::sniff::Content;
use self::source::{Files, STDIN};

pub use self::patterns::{Place, Stated, Unstated, patterns};

/// A feed as named on the command line: `NAME=FILE`, `FILE`, a folder, or `-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The name in tags.
    pub name: Box<str>,
    /// File, folder, or `-` for standard input.
    pub path: std::path::PathBuf,
}

impl Source {
    /// Reads `NAME=FILE`, `FILE` or `-`. A name has no `/`; text that is the path of a file is no name. Without a
    /// name it is the file's name without folder and endings (`conn.json.gz` -> `conn`), a folder's name as it is, and
    /// `stdin` for standard input.
    pub fn parse(text: &str) -> Source {
        let (name, path) = source::parse(text);
        Source { name, path }
    }

    /// The files that it consists of, as far as they can be listed.
    pub fn files(&self) -> Vec<std::path::PathBuf> {
        match Files::of(&self.path) {
            Ok(files) if self.path.is_dir() => files.paths,
            _ => vec![self.path.clone()],
        }
    }
}

/// What is taken of feeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Observables of STIX 1 that no indicator points to are indicators too; without it they are counted only.
    pub observables: bool,
}

/// What became of the objects of one feed.
#[derive(Debug, Default)]
pub struct FeedReport {
    /// The feed.
    pub name: Box<str>,
    /// Objects or lines with a value received.
    pub received: u64,
    /// Indicators handed on that give something to look up.
    pub used: u64,
    /// Indicators handed on that give nothing to look up, but compounds for later evaluation: by reason, with up to
    /// three examples each.
    pub kept: Vec<(&'static str, u64, Vec<String>)>,
    /// Other objects that were read into context (relationships, malware, identities ...).
    pub context_objects: u64,
    /// The same by type, the most frequent first.
    pub context_types: Vec<(Box<str>, u64)>,
    /// Not used, by reason, with up to three examples each.
    /// `received == used + sum(kept) + context_objects + sum(skipped)`.
    pub skipped: Vec<(&'static str, u64, Vec<String>)>,
    /// Used, but without something in them that was wrong, by reason, with up to three examples each.
    pub noted: Vec<(&'static str, u64, Vec<String>)>,
    /// Messages for people (cut file, empty feed, other files inside a folder ...).
    pub warnings: Vec<String>,
    /// The same by file, and what else is known of each.
    pub files: Vec<FileReport>,
}

/// What became of the objects of one file.
#[derive(Debug, Default)]
pub struct FileReport {
    /// The file, as it is named in examples; `standard input`.
    pub name: Box<str>,
    /// Compressions and encodings that were undone, the outermost first.
    pub decoded: Vec<&'static str>,
    /// Bytes that were read, decompressed.
    pub bytes: u64,
    /// What became of its objects: `received == survey.used.indicators + kept + context + skipped`.
    pub tally: Tally,
    /// What else is known of it.
    pub survey: Survey,
    /// Why it is not read.
    pub refused: Option<String>,
    /// Whether it is one of a folder, whose files are passed over if they are no feeds.
    pub among: bool,
}

/// How feeds are read.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    /// What is taken of them.
    pub options: Options,
    /// By what indicators are counted.
    pub scale: Scale<'a>,
    /// Whether a feed that is refused stands in its report, and the others are read.
    pub keep_going: bool,
}

/// An indicator whose pattern is kept, but gives nothing to look up yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Number of the feed.
    pub feed: u16,
    /// The feed's id for it.
    pub id: Option<Id>,
    /// The word under which it is counted, such as `not-yet-matched:and`.
    pub reason: &'static str,
    /// The pattern.
    pub pattern: Box<str>,
}

/// All that was read.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Names of feeds, by number.
    pub feeds: Vec<Box<str>>,
    /// Resolved indicators.
    pub indicators: Vec<Indicator>,
    /// Indicators that are not matched yet; each is counted in its feed's report.
    pub waiting: Vec<Waiting>,
    /// One report a feed.
    pub reports: Vec<FeedReport>,
}

/// Why nothing could be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Missing, unreadable, or of a kind that is not read.
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
pub fn load(sources: &[Source]) -> Result<Loaded, Error> {
    let mut indicators = Vec::new();
    let mut take = |indicator| indicators.push(indicator);
    let (reports, waiting) = load_each(sources, Options::default(), &mut |_bytes| (), &mut take)?;
    Ok(Loaded { feeds: names(sources), indicators, waiting, reports })
}

/// Names of the feeds, by number: two sources with one name are one feed.
pub fn names(sources: &[Source]) -> Vec<Box<str>> {
    let mut names: Vec<Box<str>> = Vec::new();
    for source in sources {
        if !names.contains(&source.name) {
            names.push(source.name.clone());
        }
    }
    names
}

/// Reads feeds and gives each indicator to `take` as soon as it is known: those of lists while they are read. Tells
/// `watch` how many bytes (decompressed) were read since it last told. Returns a report a feed, and what is not
/// matched yet; feeds have their numbers from [`names`].
///
/// # Errors
/// [`Error`] for the first feed that is missing, unreadable or refused; what `take` was given is then to be dropped.
pub fn load_each(
    sources: &[Source],
    options: Options,
    watch: &mut dyn FnMut(u64),
    take: &mut dyn FnMut(Indicator),
) -> Result<(Vec<FeedReport>, Vec<Waiting>), Error> {
    let scale = Scale { now: stix::UNDATED, refuses: &|_| None };
    load_by(sources, Terms { options, scale, keep_going: false }, watch, take)
}

/// As [`load_each`], by terms of the caller.
///
/// # Errors
/// [`Error`] for more feeds than there are numbers and, unless it is to keep going, as [`load_each`].
pub fn load_by(
    sources: &[Source],
    terms: Terms<'_>,
    watch: &mut dyn FnMut(u64),
    take: &mut dyn FnMut(Indicator),
) -> Result<(Vec<FeedReport>, Vec<Waiting>), Error> {
    // All that can be known without reading is known before hours of reading.
    for source in sources.iter().filter(|source| *source.path != *STDIN && !terms.keep_going) {
        fs::metadata(&source.path).map_err(|error| refused(&source.path, &unreadable(&error)))?;
    }
    let names = names(sources);
    if let Some(source) = sources.first().filter(|_| names.len() > usize::from(u16::MAX)) {
        return Err(refused(&source.path, &format!("more than {} feeds", u16::MAX)));
    }
    let mut feeds: Vec<Feed<'_>> =
        (0..).zip(names).map(|(number, name)| Feed::new(number, name, terms.scale)).collect();
    for source in sources {
        if let Some(feed) = feeds.iter_mut().find(|feed| feed.name == source.name) {
            match feed.read(&source.path, watch, take) {
                Err(Error::Refused { feed: name, message }) if terms.keep_going => {
                    feed.refuse(&name, message, false);
                }
                read => read?,
            }
        }
    }
    Ok(finish(feeds, terms, take))
}

/// What was read of one feed.
struct Feed<'s> {
    number: u16,
    scale: Scale<'s>,
    name: Box<str>,
    objects: stix::Objects,
    entries: list::Entries,
    warnings: Vec<String>,
    files: Vec<FileReport>,
    /// Which of the files are STIX, in the order in which they began.
    stix: Vec<usize>,
}

impl Feed<'_> {
    fn new(number: u16, name: Box<str>, scale: Scale<'_>) -> Feed<'_> {
        Feed {
            number,
            scale,
            name,
            objects: stix::Objects::default(),
            entries: list::Entries::default(),
            warnings: Vec::new(),
            files: Vec::new(),
            stix: Vec::new(),
        }
    }

    /// Notes that a file is not read.
    fn refuse(&mut self, name: &str, message: String, among: bool) {
        // One of which the first bytes were read stands there already.
        if self.files.last().is_none_or(|file| *file.name != *name) {
            self.files.push(FileReport { name: name.into(), ..FileReport::default() });
        }
        if let Some(file) = self.files.last_mut() {
            file.among = among;
            file.refused = Some(message);
        }
    }

    fn read(
        &mut self,
        path: &Path,
        watch: &mut dyn FnMut(u64),
        take: &mut dyn FnMut(Indicator),
    ) -> Result<(), Error> {
        if path == Path::new(STDIN) {
            let read = self.stream(Box::new(io::stdin()), "standard input", false, watch, take);
            return read.map_err(|message| refused_feed("standard input".to_owned(), &message));
        }
        if !path.is_dir() {
            let file = File::open(path).map_err(|error| refused(path, &unreadable(&error)))?;
            let read = self.stream(Box::new(file), &path.display().to_string(), false, watch, take);
            return read.map_err(|message| refused(path, &message));
        }
        let files = Files::of(path).map_err(|error| refused(path, &unreadable(&error)))?;
        self.warnings.extend(files.warnings);
        for path in files.paths {
            let name = path.display().to_string();
            let read = match File::open(&path) {
                Ok(file) => self.stream(Box::new(file), &name, true, watch, take),
                Err(error) => Err(unreadable(&error)),
            };
            if let Err(message) = read {
                self.refuse(&name, message.clone(), true);
                self.warnings.push(shortened(format!("{name}: skipped: {}", message.replace('\n', "; "))));
            }
        }
        Ok(())
    }

    /// Reads one file. `among` others of a folder, text without a single value is no feed.
    fn stream(
        &mut self,
        raw: Box<dyn Read>,
        file: &str,
        among: bool,
        watch: &mut dyn FnMut(u64),
        take: &mut dyn FnMut(Indicator),
    ) -> Result<(), String> {
        self.files.push(FileReport { name: file.into(), among, ..FileReport::default() });
        let at = self.files.len() - 1;
        let mut window = match decode::decoded(raw, &mut self.files[at].decoded) {
            Ok(reader) => Window::new(reader),
            // What the system says, and not a decoder: there is nothing of it.
            Err(error) if error.raw_os_error().is_some() => return Err(unreadable(&error)),
            Err(error) => {
                self.warn(at, format!("{file}: {}", decode::fault(&error)));
                return Ok(());
            }
        };
        window.fill();
        match sniff::content(window.bytes(), window.ended) {
            Content::Empty => self.files[at].survey.format = "empty",
            Content::Refused(what) => return Err(what),
            Content::Json => {
                self.stix.push(at);
                self.stix_2(&mut window, file, watch)?;
            }
            Content::Stix1 => {
                self.stix.push(at);
                self.stix_1(&mut window, file, watch)?;
            }
            Content::List => {
                if among && !list::is_plausible(window.bytes()) {
                    return Err("not a feed: hardly a line of it holds a value".to_owned());
                }
                let mut reader = list::Reader::new(file);
                let used = &mut self.files[at].survey.used;
                window.each(watch, |bytes, end| {
                    let taken = reader.read(bytes, end, &mut self.entries);
                    for indicator in self.entries.indicators.drain(..) {
                        used.add(&indicator, self.scale);
                        take(Indicator { feed: self.number, ..indicator });
                    }
                    Some(taken)
                });
                let file = &mut self.files[at];
                file.tally = std::mem::take(&mut self.entries.tally);
                file.survey.format = "list";
                file.survey.shape = reader.shape();
            }
        }
        self.files[at].bytes = window.passed + window.filled as u64;
        if let Some(error) = window.error {
            self.warn(at, format!("{file}: {}; what is whole before it is used", decode::fault(&error)));
        }
        Ok(())
    }

    fn warn(&mut self, at: usize, message: String) {
        self.files[at].tally.warnings.push(message);
    }

    fn stix_1(&mut self, window: &mut Window, file: &str, watch: &mut dyn FnMut(u64)) -> Result<(), String> {
        self.objects.begin(file);
        let mut reader = v1::Reader::default();
        window.each(watch, |bytes, end| {
            let taken = reader.read(bytes, end != End::More, &mut self.objects);
            (!reader.is_hopeless()).then_some(taken)
        });
        match reader.finish() {
            stix::Found::Stix => Ok(()),
            stix::Found::Other(what) => Err(what),
        }
    }

    fn stix_2(&mut self, window: &mut Window, file: &str, watch: &mut dyn FnMut(u64)) -> Result<(), String> {
        self.objects.begin(file);
        let mut reader = v2::Reader::default();
        window.each(watch, |bytes, end| {
            let taken = reader.read(bytes, end != End::More, &mut self.objects);
            (!reader.is_hopeless()).then_some(taken)
        });
        match reader.finish() {
            stix::Found::Stix => {}
            stix::Found::Other(what) => {
                self.objects.tally = Tally::default();
                self.objects.survey = Survey::default();
                return Err(not_stix(&what));
            }
        }
        Ok(())
    }
}

/// The bytes between a stream and a parser.
struct Window {
    reader: Box<dyn Read>,
    bytes: Vec<u8>,
    filled: usize,
    /// Bytes that parsers took.
    passed: u64,
    ended: bool,
    error: Option<io::Error>,
}

impl Window {
    fn new(reader: Box<dyn Read>) -> Window {
        Window { reader, bytes: vec![0; WINDOW_BYTES], filled: 0, passed: 0, ended: false, error: None }
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.filled).unwrap_or_default()
    }

    /// Reads until the window is full or the stream ends, if only with an error.
    fn fill(&mut self) {
        while !self.ended && self.filled < self.bytes.len() {
            match self.reader.read(&mut self.bytes[self.filled..]) {
                Ok(0) => self.ended = true,
                Ok(count) => self.filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.ended = true;
                    self.error = Some(error);
                }
            }
        }
    }

    /// Gives the stream to a parser, which says how much it took, or `None` when it has seen enough.
    fn each(&mut self, watch: &mut dyn FnMut(u64), mut parse: impl FnMut(&[u8], End) -> Option<usize>) {
        loop {
            self.fill();
            watch(0);
            let end = match &self.error {
                Some(_) => End::Cut,
                None if self.ended => End::Whole,
                None => End::More,
            };
            let Some(taken) = parse(self.bytes(), end) else { return };
            watch(taken as u64);
            if self.ended {
                return;
            }
            self.passed += taken as u64;
            self.bytes.copy_within(taken..self.filled, 0);
            self.filled -= taken;
            if taken == 0 {
                self.bytes.resize(self.bytes.len() * 2, 0);
            }
        }
    }
}

fn finish(
    feeds: Vec<Feed<'_>>,
    terms: Terms<'_>,
    take: &mut dyn FnMut(Indicator),
) -> (Vec<FeedReport>, Vec<Waiting>) {
    let mut objects = Vec::with_capacity(feeds.len());
    let mut others = Vec::with_capacity(feeds.len());
    for feed in feeds {
        objects.push((feed.number, feed.objects));
        others.push((feed.name, feed.files, feed.stix, feed.warnings));
    }
    let (indicators, waiting) = resolve::join(&mut objects, terms);
    indicators.into_iter().for_each(take);
    let mut reports = Vec::with_capacity(others.len());
    for ((_, objects), (name, mut files, stix, warnings)) in objects.into_iter().zip(others) {
        for (at, (mut tally, survey)) in stix.into_iter().zip(objects.into_accounts()) {
            let file = &mut files[at];
            tally.warnings.append(&mut file.tally.warnings);
            (file.tally, file.survey) = (tally, survey);
        }
        reports.push(report(name, files, warnings));
    }
    (reports, waiting)
}

fn report(name: Box<str>, files: Vec<FileReport>, others: Vec<String>) -> FeedReport {
    let mut tally = Tally::default();
    let mut used = 0;
    for file in &files {
        used += file.survey.used.indicators;
        tally.absorb(file.tally.clone());
    }
    let mut warnings = tally.warnings;
    warnings.extend(others);
    warnings.extend(faults(&tally.skipped));
    if used == 0 {
        let what = if tally.received == 0 { "" } else { " that can be used" };
        let observables = match tally.skipped.of(resolve::NO_INDICATOR) {
            0 => String::new(),
            n => {
                format!("; of its {n} observables without an indicator --observables takes those that can be")
            }
        };
        warnings.push(format!("holds no indicators{what}{observables}"));
    }
    let mut context_types = tally.context;
    let context_objects = context_types.iter().map(|(_, count)| count).sum();
    context_types.sort_by(|(a, m), (b, n)| n.cmp(m).then(a.cmp(b)));
    FeedReport {
        name,
        received: tally.received,
        used,
        context_objects,
        context_types,
        kept: tally.kept.into_rows(),
        skipped: tally.skipped.into_rows(),
        noted: tally.noted.into_rows(),
        warnings,
        files,
    }
}

/// One message about objects that are broken, if there are any.
fn faults(skipped: &Counts) -> Option<String> {
    let broken = || skipped.counts().iter().filter(|count| BROKEN.contains(&count.reason));
    let total: u64 = broken().map(|count| count.count).sum();
    let example = broken().max_by_key(|count| count.count)?.examples.first()?;
    let reasons: Vec<String> = broken().map(|count| format!("{} {}", count.count, count.reason)).collect();
    Some(format!("{total} broken ({}), such as {example}", reasons.join(", ")))
}

fn refused(path: &Path, message: &str) -> Error {
    refused_feed(path.display().to_string(), message)
}

/// What comes from the file is cut and made printable before it goes to a terminal.
fn refused_feed(feed: String, message: &str) -> Error {
    let lines: Vec<String> = message.lines().take(2).map(|line| shortened(line.to_owned())).collect();
    Error::Refused { feed, message: lines.join("\n") }
}

fn not_stix(what: &str) -> String {
    format!("not STIX: {what}\nexport the feed as STIX 2 or as a list")
}

fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "no such file or folder".to_owned(),
        ErrorKind::PermissionDenied => "permission to read it is denied".to_owned(),
        _ => format!("cannot be read ({error})"),
    }
}

/// Reasons for which a document is called broken; what else is skipped is told by its count.
const BROKEN: [&str; 5] = ["bad-json", "not-utf8", "too-large", "too-long", "not-an-object"];

/// Bytes of a window to begin with: what fits a processor's second cache.
const WINDOW_BYTES: usize = 256 << 10;

#[cfg(test)]
mod tests;
