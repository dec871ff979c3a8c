//! How the lines of a list are laid out: one value a line, or columns.
//!
//! Is: a guess from the head of the file, by a header line (the first line, or the last `#` line before the data)
//! or, without one, by what the columns hold.
//! Is not: about single lines; see `line`.
//! Invariant: the same head gives the same layout. A header holds no value that could be listed.
//! Fails: never; what has no columns is one value a line. Costs: a look at up to [`SAMPLE_LINES`] lines.

use crate::list::field;
use crate::list::word::{self, Column, Said};
use crate::observable::{self, Hint, Observable};

/// Lines looked at to find out the layout.
const SAMPLE_LINES: usize = 200;

/// Columns looked at.
const COLUMNS_MAX: usize = 64;

/// How to read the lines of a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Layout {
    /// One value a line, in one of the many spellings of block lists.
    #[default]
    Lines,
    /// Columns.
    Table(Table),
}

/// Which column holds what, counted from 0.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Table {
    /// What stands between the columns; `None` if there is but one.
    pub(super) delimiter: u8,
    /// The value.
    pub(super) value: usize,
    /// What the name of that column says.
    pub(super) hint: Hint,
    /// The type.
    pub(super) kind: Option<usize>,
    /// The name of the threat.
    pub(super) name: Option<usize>,
    /// The confidence.
    pub(super) confidence: Option<usize>,
    /// The header line itself where it is no comment, so that it is not read as data.
    pub(super) header: Option<Box<str>>,
}

impl Layout {
    /// Finds the layout from the first bytes of a list.
    pub(super) fn find(head: &str) -> Layout {
        let mut comment = None;
        let mut data = Vec::new();
        for line in head.trim_start_matches('\u{feff}').lines().map(str::trim) {
            match line.strip_prefix('#') {
                _ if line.is_empty() || is_comment(line) => {}
                Some(text) if data.is_empty() && text.contains(char::is_alphanumeric) => comment = Some(text),
                Some(_) => {}
                None => data.push(line),
            }
            if data.len() == SAMPLE_LINES {
                break;
            }
        }
        let table = comment
            .and_then(|text| Table::from_header(text.strip_prefix("fields\t").unwrap_or(text), false))
            .filter(|table| {
                let rows = data.iter().filter(|line| field::first(line, table.delimiter).rest.is_some());
                rows.count() * 2 >= data.len()
            })
            .or_else(|| data.first().and_then(|line| Table::from_header(line, true)))
            .or_else(|| Table::from_data(&data));
        table.map_or(Layout::Lines, Layout::Table)
    }
}

impl Table {
    /// What such a table is called.
    pub(super) const fn shape(&self) -> &'static str {
        match self.delimiter {
            b',' => "comma-separated columns",
            b'\t' => "tab-separated columns",
            b';' => "semicolon-separated columns",
            b'|' => "columns between bars",
            _ => "columns",
        }
    }

    /// Reads a header. `own_line` says that it is no comment: then a single column will do, and it has to be told
    /// from data that begins with a type word.
    fn from_header(line: &str, own_line: bool) -> Option<Table> {
        let mut best: Option<(usize, Table)> = None;
        for delimiter in DELIMITERS {
            let names = field::all(line, delimiter, COLUMNS_MAX);
            if names.len() < 2 && !own_line {
                continue;
            }
            let Some(mut table) = Table::from_names(&names, delimiter) else { continue };
            if own_line {
                if is_data(&names) {
                    return None;
                }
                table.header = Some(line.into());
            }
            if best.as_ref().is_none_or(|(columns, _)| names.len() > *columns) {
                best = Some((names.len(), table));
            }
        }
        best.map(|(_, table)| table)
    }

    fn from_names<T: AsRef<str>>(names: &[T], delimiter: u8) -> Option<Table> {
        let mut value: Option<(usize, usize, Hint)> = None;
        let (mut kind, mut name, mut confidence) = (None, None, None);
        for (at, title) in names.iter().enumerate() {
            match word::column(title.as_ref()) {
                Some(Column::Value { rank, hint }) if value.is_none_or(|(best, ..)| rank < best) => {
                    value = Some((rank, at, hint));
                }
                Some(Column::Name(rank)) if name.is_none_or(|(best, _)| rank < best) => {
                    name = Some((rank, at));
                }
                Some(Column::Type) if kind.is_none() => kind = Some(at),
                Some(Column::Confidence) if confidence.is_none() => confidence = Some(at),
                _ => {}
            }
        }
        let (_, value, hint) = value?;
        Some(Table { delimiter, value, hint, kind, name: name.map(|(_, at)| at), confidence, header: None })
    }

    /// Without a header: type, value and name if the first column holds only type words, else the value comes first.
    fn from_data(lines: &[&str]) -> Option<Table> {
        if lines.is_empty() {
            return None;
        }
        let table = |delimiter, kind, value, name| Table {
            delimiter,
            value,
            hint: Hint::None,
            kind,
            name,
            confidence: None,
            header: None,
        };
        for delimiter in DELIMITERS {
            let typed = |line: &&str| {
                let first = field::first(line, delimiter);
                first.rest.is_some() && word::kind(&first.text) != Said::Unknown
            };
            if are_most(lines, typed) {
                return Some(table(delimiter, Some(0), 1, Some(2)));
            }
        }
        // Tabs and blanks end a value anyway; the others may also stand inside of one.
        for delimiter in [b',', b';', b'|'] {
            let valued = |line: &&str| {
                let first = field::first(field::without_comment(line), delimiter);
                first.rest.is_some() && reads(&first.text)
            };
            let whole = |line: &&str| reads(line);
            if are_most(lines, valued) && !(lines.len() == 1 && lines.iter().all(whole)) {
                return Some(table(delimiter, None, 0, None));
            }
        }
        None
    }
}

/// Whether a line is a comment or a section title of an adblock list; `#` lines are told apart by the caller.
pub(super) fn is_comment(line: &str) -> bool {
    match line.as_bytes() {
        [b';' | b'!', ..] => true,
        [b'/', b'/', rest @ ..] => {
            rest.first().is_none_or(u8::is_ascii_whitespace) || observable::read(line, Hint::None).is_err()
        }
        [b'[', .., b']'] => {
            line.as_bytes().get(..8).is_some_and(|start| start.eq_ignore_ascii_case(b"[adblock"))
        }
        _ => false,
    }
}

/// Whether what looks like a header is data: some column holds a value.
fn is_data<T: AsRef<str>>(columns: &[T]) -> bool {
    let typed = columns.first().is_some_and(|first| word::kind(first.as_ref()) != Said::Unknown);
    columns.iter().any(|column| match observable::read(column.as_ref(), Hint::None) {
        // `meta.source` is a name by shape, and a title in Zeek's files.
        Ok(found) => typed || !matches!(found.as_slice(), [Observable::Domain(_)]),
        Err(_) => false,
    })
}

/// Whether nine of ten lines are so: an odd one does not change how all others are read.
fn are_most(lines: &[&str], is: impl Fn(&&str) -> bool) -> bool {
    lines.iter().filter(|line| !is(line)).count() * 10 <= lines.len()
}

fn reads(text: &str) -> bool {
    observable::read(text, Hint::None).is_ok()
}

const DELIMITERS: [u8; 4] = [b'\t', b',', b';', b'|'];
