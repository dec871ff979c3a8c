//! Lists -> indicators: plain values, hosts files, adblock and dnsmasq lines, CSV and TSV.
//!
//! Is: a reader in windows of bytes that finds out the layout from the head of a file and reads line by line.
//! Is not: I/O or decompression; the canonical form of values is made by `observable`.
//! Invariant: a line with a value is one object received (a hosts line with several names is several); it becomes an
//! indicator, or is counted with reason and line. Blank lines and comments are not received.
//! Fails: never; a bad line takes no other with it.
//! Costs: one pass, what is kept, and 16 bytes an indicator to find repetitions.

mod field;
mod layout;
mod line;
mod word;

use std::borrow::Cow;
use std::hint::black_box;
use std::sync::Arc;

use ahash::{AHashMap, AHashSet, RandomState};
use memchr::memchr;

use crate::indicator::{self, Context, Indicator, Part, ThreatKind};
use crate::observable::{self, Hint, Observable, Refused, refang};
use crate::tally::Tally;

use self::field::Extent;
use self::layout::{Layout, Table};
use self::line::Item;
use self::word::Said;

/// Bytes of the longest line that is read; a longer one is skipped.
pub const LINE_BYTES_MAX: usize = 1 << 20;

/// Bytes that a window should have at least, unless the file ends, for the layout to be found.
pub const HEAD_BYTES: usize = 64 << 10;

/// Bytes that a quoted field may go on over further lines.
const QUOTED_BYTES_MAX: usize = 64 << 10;

/// Bytes that may be looked at for the end of quoted fields, again for each line with a stray quote ...
const LOOK_BYTES_FREE: u64 = 1 << 20;

/// ... and for each byte of the list so far. After that a row is a line.
const LOOK_TIMES_MAX: u64 = 8;

/// What the lists of one feed said.
#[derive(Debug, Default)]
pub struct Entries {
    /// Indicators, in the order of the lists. Whoever has used them may take them out at any time.
    pub indicators: Vec<Indicator>,
    /// How many there were so far, those that were taken out included.
    pub used: u64,
    /// The accounting.
    pub tally: Tally,
    seen: AHashSet<Hash>,
    hashers: [RandomState; 2],
    /// Hash and line of each of the last indicators, of which is not known yet whether they were said before.
    fresh: Vec<(Hash, u64)>,
    contexts: AHashMap<Box<str>, Arc<Context>>,
    plain: Arc<Context>,
}

/// What tells one indicator from another: 128 bits tell a thousand million of them apart but for one chance in 10^20.
type Hash = [u64; 2];

/// How many are looked for at once in what was said before: as many reads as a processor has under way, and some.
const LOOKED_FOR: usize = 64;

/// Reads one list, window by window.
#[derive(Debug)]
pub struct Reader {
    /// The name of the file, for examples.
    file: Box<str>,
    /// Known from the first window on.
    layout: Option<Layout>,
    /// Lines so far.
    line: u64,
    /// In the rest of a line that is too long.
    too_long: bool,
    /// Bytes so far.
    passed: u64,
    /// Bytes looked at for the end of quoted fields.
    looked_at: u64,
}

/// What a line says of its value.
#[derive(Clone, Copy, Debug, Default)]
struct Remarks<'a> {
    /// Name of the threat; empty if there is none.
    name: &'a str,
    /// 0 to 100.
    confidence: Option<u8>,
}

/// Reads a whole list.
pub fn parse(list: &[u8], file: &str, entries: &mut Entries) {
    Reader::new(file).read(list, End::Whole, entries);
}

/// How a window ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// More follows.
    More,
    /// The file is at its end.
    Whole,
    /// The file is known to be cut here: a line without its end may be half a value.
    Cut,
}

/// Whether text that begins like this is a list at all: at least one of ten lines gives a value, or there are none
/// but comments.
pub fn is_plausible(head: &[u8]) -> bool {
    let mut entries = Entries::default();
    parse(head.get(..HEAD_BYTES).unwrap_or(head), "", &mut entries);
    entries.tally.received == 0 || entries.used * 10 >= entries.tally.received
}

impl Reader {
    /// A reader for a file with this name.
    pub fn new(file: &str) -> Reader {
        Reader { file: file.into(), layout: None, line: 1, too_long: false, passed: 0, looked_at: 0 }
    }

    /// How the lines are laid out, once that is known.
    pub fn shape(&self) -> &'static str {
        match &self.layout {
            None => "empty",
            Some(Layout::Lines) => "one value a line",
            Some(Layout::Table(table)) => table.shape(),
        }
    }

    /// Reads the whole lines of the window and returns their length; the caller drops that much and appends more.
    /// At the end of the file all of it is taken. It never returns 0 for a window of more than [`LINE_BYTES_MAX`].
    pub fn read(&mut self, window: &[u8], end: End, entries: &mut Entries) -> usize {
        let last = end != End::More;
        let layout = self.layout.take().unwrap_or_else(|| Layout::find(&head(window, last)));
        let mut at = 0;
        while let Some(rest) = window.get(at..).filter(|rest| !rest.is_empty()) {
            let Some(length) = self.line_length(rest, last, &layout) else { break };
            let line = &rest[..length];
            if self.too_long {
                // The start of this line was counted with an earlier window.
            } else if end == End::Cut && !line.ends_with(b"\n") {
                if !matches!(line.trim_ascii_start(), [] | [b'#', ..]) {
                    entries.tally.received += 1;
                    entries.skip("cut", &self.file, self.line, &String::from_utf8_lossy(line));
                }
            } else if length > LINE_BYTES_MAX {
                entries.tally.received += 1;
                entries.skip("too-long", &self.file, self.line, "");
            } else {
                self.take(line, &layout, entries);
            }
            self.too_long = !line.ends_with(b"\n");
            self.line += match layout {
                Layout::Lines => u64::from(line.ends_with(b"\n")),
                Layout::Table(_) => memchr::memchr_iter(b'\n', line).count() as u64,
            };
            at += length;
            self.passed += length as u64;
        }
        self.layout = Some(layout);
        entries.settle(&self.file);
        at
    }

    /// Length of the line at the start, with its end and with the further lines that a quoted field goes on over;
    /// `None` if more has to be known. The start of a line that is too long counts as one.
    fn line_length(&mut self, rest: &[u8], last: bool, layout: &Layout) -> Option<usize> {
        let Some(end) = memchr(b'\n', rest) else {
            return (last || self.too_long || rest.len() > LINE_BYTES_MAX).then_some(rest.len());
        };
        let Layout::Table(table) = layout else { return Some(end + 1) };
        if memchr(b'"', &rest[..end]).is_none()
            || self.looked_at > LOOK_BYTES_FREE + LOOK_TIMES_MAX * self.passed
        {
            return Some(end + 1);
        }
        let near = rest.get(..=QUOTED_BYTES_MAX).unwrap_or(rest);
        let is_all = near.len() == rest.len();
        let row = match field::row(near, table.delimiter) {
            Extent::Ends(row) => Some(row),
            Extent::Whole | Extent::Open if is_all && !last => return None,
            Extent::Whole if is_all => Some(rest.len()),
            Extent::Whole | Extent::Open => None,
        };
        self.looked_at += row.unwrap_or(near.len()) as u64;
        // With an odd number of quotes it is a stray one that met another, and no field over two lines.
        let is_even = |row| memchr::memchr_iter(b'"', &rest[..row]).count().is_multiple_of(2);
        let several = row.filter(|row| *row > end && is_even(*row));
        Some(several.map_or(end + 1, |row| rest.len().min(row + 1)))
    }

    fn take(&self, line: &[u8], layout: &Layout, entries: &mut Entries) {
        let text = str::from_utf8(line).map_or_else(|_| String::from_utf8_lossy(line), Cow::Borrowed);
        let text = text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\u{feff}');
        if text.is_empty() || text.starts_with('#') || layout::is_comment(text) {
            return;
        }
        match layout {
            // Before words are told apart: `evil [.] example` is one, and `evil` none.
            Layout::Lines => line::items(&refang::brackets(text), |item| match item {
                Item::Value(value, hint) => {
                    entries.tally.received += 1;
                    self.value(read_first(value, hint), value, Remarks::default(), entries);
                }
                Item::Skip(culprit, reason) => {
                    entries.tally.received += 1;
                    entries.skip(reason, &self.file, self.line, culprit);
                }
            }),
            Layout::Table(table) => {
                if table.header.as_deref() != Some(text) {
                    entries.tally.received += 1;
                    self.row(text, table, entries);
                }
            }
        }
    }

    fn row(&self, text: &str, table: &Table, entries: &mut Entries) {
        let row = Row::new(text, table);
        let Some(value) = row.value else {
            return entries.skip("missing-column", &self.file, self.line, text);
        };
        let confidence = match row.confidence.as_deref().map(str::trim) {
            None | Some("") => None,
            Some(text) => {
                let confidence = indicator::confidence(text);
                if confidence.is_none() && entries.tally.noted.count("bad-confidence") {
                    let example = format!("{}: line {}: {text}", self.file, self.line);
                    entries.tally.noted.example("bad-confidence", example);
                }
                confidence
            }
        };
        let name = row.name.as_deref().map_or("", str::trim);
        let remarks = Remarks { name: if name == "-" { "" } else { name }, confidence };
        let kind = row.kind.as_deref().unwrap_or_default();
        let read = match word::kind(kind) {
            Said::Unread => return entries.skip("not-yet-matched:type", &self.file, self.line, kind),
            Said::Kind(Hint::IpPort) => observable::read(&value.replace('|', ":"), Hint::IpPort),
            Said::Kind(hint) => observable::read(&value, hint),
            Said::Unknown => match word::pair(kind, &value) {
                Some(parts) => {
                    let read: Result<Vec<_>, _> =
                        parts.into_iter().map(|(hint, part)| observable::read(part, hint)).collect();
                    read.map(|values| values.into_iter().flatten().collect())
                }
                None if table.kind.is_none() => read_first(&value, table.hint),
                None => observable::read(&value, table.hint),
            },
        };
        self.value(read, &value, remarks, entries);
    }

    fn value(
        &self,
        read: Result<Vec<Observable>, Refused>,
        text: &str,
        remarks: Remarks<'_>,
        entries: &mut Entries,
    ) {
        match read {
            Ok(values) => entries.add(values, remarks, self.line),
            Err(refused) => entries.skip(refused.as_str(), &self.file, self.line, text),
        }
    }
}

impl Entries {
    fn add(&mut self, values: Vec<Observable>, remarks: Remarks<'_>, line: u64) {
        let context = self.context(remarks.name);
        let values: Vec<(Observable, Part)> = values.into_iter().map(|value| (value, Part::Whole)).collect();
        let said = (&values, Arc::as_ptr(&context), remarks.confidence);
        self.fresh.push(([self.hashers[0].hash_one(said), self.hashers[1].hash_one(said)], line));
        self.indicators.push(Indicator {
            feed: 0,
            id: None,
            values,
            compounds: Box::default(),
            valid_from: None,
            valid_until: None,
            confidence: remarks.confidence,
            tlp: None,
            context,
        });
    }

    /// Takes those of the last indicators out that repeat what was said before.
    fn settle(&mut self, file: &str) {
        let fresh = std::mem::take(&mut self.fresh);
        let mut is_new = Vec::with_capacity(fresh.len());
        for some in fresh.chunks(LOOKED_FOR) {
            // Looks that do not wait for one another bring all of it near; one by one, each would wait for memory.
            black_box(some.iter().filter(|(hash, _)| self.seen.contains(hash)).count());
            is_new.extend(some.iter().map(|(hash, _)| self.seen.insert(*hash)));
        }
        self.used += is_new.iter().filter(|new| **new).count() as u64;
        let first = self.indicators.len() - fresh.len();
        let mut verdicts = is_new.iter();
        let repeated = self.indicators.extract_if(first.., |_| verdicts.next() == Some(&false));
        let lines = fresh.iter().zip(&is_new).filter(|(_, new)| !**new).map(|((_, line), _)| line);
        for (indicator, line) in repeated.zip(lines) {
            if self.tally.skipped.count("duplicate")
                && let Some((value, _)) = indicator.values.first()
            {
                self.tally.skipped.example("duplicate", format!("{file}: line {line}: {value}"));
            }
        }
    }

    fn context(&mut self, name: &str) -> Arc<Context> {
        if name.is_empty() {
            return Arc::clone(&self.plain);
        }
        if let Some(context) = self.contexts.get(name) {
            return Arc::clone(context);
        }
        let threats = vec![(ThreatKind::Malware, name.into())];
        let context = Arc::new(Context { threats, ..Context::default() });
        self.contexts.insert(name.into(), Arc::clone(&context));
        context
    }

    fn skip(&mut self, reason: &'static str, file: &str, line: u64, culprit: &str) {
        if self.tally.skipped.count(reason) {
            let culprit = if culprit.is_empty() { String::new() } else { format!(": {culprit}") };
            self.tally.skipped.example(reason, format!("{file}: line {line}{culprit}"));
        }
    }
}

/// The fields of a row that are read.
struct Row<'a> {
    value: Option<Cow<'a, str>>,
    kind: Option<Cow<'a, str>>,
    name: Option<Cow<'a, str>>,
    confidence: Option<Cow<'a, str>>,
}

impl<'a> Row<'a> {
    fn new(text: &'a str, table: &Table) -> Row<'a> {
        let mut row = Row { value: None, kind: None, name: None, confidence: None };
        let last = [Some(table.value), table.kind, table.name, table.confidence].into_iter().max().flatten();
        let mut rest = Some(text);
        for column in 0..=last.unwrap_or(0) {
            let Some(line) = rest else { break };
            let mut field = field::first(line, table.delimiter);
            if !field.quoted {
                field.text = without_comment(field.text);
            }
            rest = field.rest;
            let text = field.text;
            if column == table.value {
                row.value = Some(text);
            } else if Some(column) == table.kind {
                row.kind = Some(text);
            } else if Some(column) == table.name {
                row.name = Some(text);
            } else if Some(column) == table.confidence {
                row.confidence = Some(text);
            }
        }
        row
    }
}

/// Reads a value or, where that is none, what stands in it before a delimiter.
fn read_first(value: &str, hint: Hint) -> Result<Vec<Observable>, Refused> {
    let again = || line::before_delimiter(value).map(|value| observable::read(value, hint));
    observable::read(value, hint).or_else(|refused| match refused {
        Refused::UrlEnd => Err(refused),
        _ => again().unwrap_or(Err(refused)),
    })
}

fn without_comment(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(field::without_comment(text)),
        Cow::Owned(text) => Cow::Owned(text),
    }
}

/// The part of the first window from which the layout is found: whole lines, if there are any.
fn head(window: &[u8], last: bool) -> Cow<'_, str> {
    let head = window.get(..HEAD_BYTES).unwrap_or(window);
    let whole = if last && head.len() == window.len() { None } else { memchr::memrchr(b'\n', head) };
    String::from_utf8_lossy(whole.and_then(|end| head.get(..end)).unwrap_or(head))
}

#[cfg(test)]
mod tests;
