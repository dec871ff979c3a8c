//! `taxiway pattern check`: what patterns come down to, or where they are wrong.
//!
//! Is: [`pattern::check`] and [`pattern::reduce`] for people, pattern by pattern.
//! Is not: what a feed does with a pattern: there a digest that is none costs that digest, here it is refused.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::cli::{REFUSED, TROUBLE, note};
use crate::compound::Compound;
use crate::indicator::Part;
use crate::intake::{self, Place, Stated, Unstated};
use crate::observable::Observable;
use crate::pattern::{self, DEPTH_MAX, Error, Reduction, Rest, Waiting};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Says of each pattern what it is looked up by, or why not, or where it is wrong
    #[command(after_help = "\
Examples:
  taxiway pattern check patterns.txt
  echo \"[ipv4-addr:value = '203.0.113.7']\" | taxiway pattern check -
  taxiway pattern check --json feed.json | jq -r 'select(.status == \"refused\") | .id'

Exit codes: 0 all are patterns, 1 some are refused, 2 wrong usage, a file that cannot be read or is damaged.")]
    Check {
        /// Files with one pattern a line, or STIX 2; plain or compressed; `-` for standard input
        #[arg(required = true, value_name = "FILE|-")]
        files: Vec<PathBuf>,
        /// Writes one JSON object for each pattern
        #[arg(long)]
        json: bool,
    },
}

/// Runs the action.
pub(crate) fn run(arguments: &Arguments) -> Result<u8> {
    let Action::Check { files, json } = &arguments.action;
    check(files, *json)
}

/// How many patterns there were, and what became of them.
#[derive(Debug, Default)]
struct Counts {
    good: u64,
    refused: u64,
    skipped: u64,
}

fn check(files: &[PathBuf], json: bool) -> Result<u8> {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut counts = Counts::default();
    let mut readable = true;
    for file in files {
        let mut written = Ok(());
        let read = intake::patterns(file, &mut |stated| {
            if written.is_ok() {
                written = tell(&mut out, file, &stated, json, &mut counts);
            }
        });
        written?;
        let told = read.unwrap_or_else(|error| {
            readable = false;
            note(error);
            Vec::new()
        });
        for fault in told {
            readable = false;
            note(format_args!("{}: {}", file.display(), printable(&fault)));
        }
    }
    out.flush()?;
    let Counts { good, refused, skipped } = counts;
    note(format_args!("{good} good, {refused} refused, {skipped} in other languages"));
    Ok(match (readable, refused) {
        (false, _) => TROUBLE,
        (true, 0) => 0,
        (true, _) => REFUSED,
    })
}

/// What is to be said of a pattern.
#[derive(Debug, Serialize)]
struct Verdict<'a> {
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pattern: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    values: Vec<LookUp>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    compounds: Vec<Together>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    waiting: Vec<Waits>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Fault>,
}

/// A value that the pattern is looked up by.
#[derive(Debug, Serialize)]
struct LookUp {
    kind: &'static str,
    value: String,
    /// A digest that stands for a file of which the pattern says more.
    part_of_pattern: bool,
}

/// Values that have to be seen together.
#[derive(Debug, Serialize)]
struct Together {
    reason: &'static str,
    values: Vec<LookUp>,
    /// The values joined by AND and OR.
    joined: String,
    part: Box<str>,
}

/// A part of the pattern that is not looked up.
#[derive(Debug, Serialize)]
struct Waits {
    reason: &'static str,
    part: Box<str>,
}

/// Why it is no pattern, and where: line and character of the pattern, from 1.
#[derive(Debug, Default, Serialize)]
struct Fault {
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<&'static str>,
    message: String,
}

fn tell(
    out: &mut impl Write,
    file: &Path,
    stated: &Stated,
    json: bool,
    counts: &mut Counts,
) -> io::Result<()> {
    let verdict = judge(file, stated);
    match verdict.status {
        GOOD => counts.good += 1,
        SKIPPED => counts.skipped += 1,
        _ => counts.refused += 1,
    }
    if json {
        serde_json::to_writer(&mut *out, &verdict)?;
        return out.write_all(b"\n");
    }
    describe(out, &verdict)
}

fn judge<'a>(file: &Path, stated: &'a Stated) -> Verdict<'a> {
    let (line, id) = match &stated.place {
        Place::Line(number) => (Some(*number), None),
        Place::Indicator(id) => (None, Some(&**id)),
    };
    let mut verdict = Verdict {
        file: file.display().to_string(),
        line,
        id,
        status: REFUSED_STATUS,
        pattern: stated.pattern.as_deref().ok(),
        values: Vec::new(),
        compounds: Vec::new(),
        waiting: Vec::new(),
        error: None,
    };
    match &stated.pattern {
        Ok(text) => match pattern::check(text) {
            Ok(pattern) => {
                verdict.status = GOOD;
                let Reduction { values, compounds, waiting } = pattern::reduce(&pattern);
                let value = |(value, part): (Observable, Part)| LookUp {
                    kind: value.kind().as_str(),
                    value: value.to_string(),
                    part_of_pattern: part == Part::OfPattern,
                };
                verdict.values = values.into_iter().map(value).collect();
                let together = |one: Compound| Together {
                    reason: Waiting::And.as_str(),
                    joined: one.to_string(),
                    values: one.values.into_iter().map(|one| value((one, Part::Whole))).collect(),
                    part: one.part,
                };
                verdict.compounds = compounds.into_iter().map(together).collect();
                let waits = |rest: Rest| Waits { reason: rest.reason.as_str(), part: rest.part };
                verdict.waiting = waiting.into_iter().map(waits).collect();
            }
            Err(error) => verdict.error = Some(fault(error)),
        },
        Err(unstated) => {
            if matches!(unstated, Unstated::Language(_)) {
                verdict.status = SKIPPED;
            }
            let column = match unstated {
                Unstated::NotUtf8 { column } => Some(*column),
                _ => None,
            };
            let line = column.map(|_| 1);
            verdict.error = Some(Fault { line, column, message: unstated.to_string(), ..Fault::default() });
        }
    }
    verdict
}

fn fault(error: Error) -> Fault {
    match error {
        Error::Syntax { line, column, found, expected } => Fault {
            line: Some(line),
            column: Some(column),
            message: format!("found {found}, expected {expected}"),
            found: Some(found),
            expected: Some(expected),
        },
        Error::TooDeep { line, column } => Fault {
            line: Some(line),
            column: Some(column),
            message: format!("nested deeper than {DEPTH_MAX}"),
            ..Fault::default()
        },
        Error::TooLong { .. } => Fault { message: error.to_string(), ..Fault::default() },
    }
}

fn describe(out: &mut impl Write, verdict: &Verdict<'_>) -> io::Result<()> {
    let Verdict { file, line, id, values, waiting, .. } = verdict;
    write!(out, "{}: ", printable(file))?;
    match (line, id) {
        (Some(line), _) => write!(out, "line {line}: ")?,
        (None, id) => write!(out, "{}: ", printable(id.unwrap_or_default()))?,
    }
    if let Some(fault) = &verdict.error {
        write!(out, "{}: ", verdict.status)?;
        if let (Some(inner), Some(column)) = (fault.line, fault.column) {
            // a pattern on a line of its own has no lines but that one
            let line = line.unwrap_or(inner as u64);
            write!(out, "line {line}, column {column}: ")?;
        }
        writeln!(out, "{}", printable(&fault.message))?;
        return point(out, verdict.pattern.unwrap_or_default(), fault);
    }
    let shown = values.iter().take(SHOWN_MAX).map(|value| {
        let part = if value.part_of_pattern { " (part of the pattern)" } else { "" };
        format!("{} {}{part}", value.kind, value.value)
    });
    let mut shown: Vec<String> = shown.collect();
    if values.len() > SHOWN_MAX {
        shown.push(format!("and {} more", values.len() - SHOWN_MAX));
    }
    if shown.is_empty() {
        writeln!(out, "{GOOD}, no look-up")?;
    } else {
        writeln!(out, "{GOOD}: {}", printable(&shown.join(", ")))?;
    }
    for Together { reason, joined, .. } in verdict.compounds.iter().take(SHOWN_MAX) {
        writeln!(out, "    {reason}: compound: {}", cut(&printable(joined)))?;
    }
    for Waits { reason, part } in waiting.iter().take(SHOWN_MAX) {
        writeln!(out, "    {reason}: {}", cut(&printable(part)))?;
    }
    if waiting.len() > SHOWN_MAX {
        writeln!(out, "    and {} more", waiting.len() - SHOWN_MAX)?;
    }
    Ok(())
}

/// The line of the pattern with the fault in it, as much as fits a terminal, and a caret below.
fn point(out: &mut impl Write, pattern: &str, fault: &Fault) -> io::Result<()> {
    let (Some(line), Some(column)) = (fault.line, fault.column) else { return Ok(()) };
    let Some(text) = pattern.split('\n').nth(line - 1).filter(|_| !pattern.is_empty()) else { return Ok(()) };
    let first = column.saturating_sub(BEFORE_MAX + 1);
    let before = if first > 0 { "..." } else { "" };
    let mut rest = text.chars().skip(first);
    let shown: String = rest.by_ref().take(BEFORE_MAX + BEHIND_MAX).collect();
    let behind = if rest.next().is_some() { "..." } else { "" };
    writeln!(out, "    {before}{}{behind}", printable(&shown))?;
    writeln!(out, "    {}^", " ".repeat(before.len() + column - 1 - first))
}

/// What comes from a file may hold anything; a terminal gets no control characters of it.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn cut(text: &str) -> String {
    let mut line: String = text.chars().take(PART_MAX).collect();
    if line.len() < text.len() {
        line.push_str("...");
    }
    line
}

const GOOD: &str = "good";
const REFUSED_STATUS: &str = "refused";
const SKIPPED: &str = "skipped";

/// Values and parts of one pattern shown to people; `--json` has all.
const SHOWN_MAX: usize = 16;

/// Characters of a part shown to people.
const PART_MAX: usize = 200;

/// Characters shown before a fault, and from it on.
const BEFORE_MAX: usize = 60;
const BEHIND_MAX: usize = 40;
