//! `taxiway inspect`: what feeds hold, file by file, and what becomes of every object.
//!
//! Is: the account of a reading, as a table for people or one JSON object a file. `compile` tells it in short.
//! Is not: a snapshot; values and their order are dropped as soon as they are counted.
//! Invariant: `received` is `used`, `context`, and all that is kept or skipped by reason.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;

use anyhow::{Result, anyhow};
use clap::Args;
use clap::builder::PossibleValuesParser;
use serde::Serialize;

use crate::cli::filter::read_at;
use crate::cli::{TROUBLE, intel, note, usage};
use crate::engine::At;
use crate::index;
use crate::indicator::{ThreatKind, Tlp};
use crate::intake::{self, FileReport, Options, Source, Terms};
use crate::observable::{Kind, Observable};
use crate::stage::now;
use crate::survey::{self, Scale, Span};
use crate::tally::{Counts, EXAMPLES_MAX};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  taxiway inspect feed.json                       what is in it, what is used, what waits and why
  taxiway inspect feeds/ ours=list.csv.gz         each file of a folder, and a list
  taxiway inspect --json feeds/ | jq 'select(.used == 0) | .file'

Files are read together, as --intel reads them: names, markings and versions join across them. One JSON object a
file; `received` is `used` + the sum of `kept` + `context` + the sum of `skipped`.

Exit codes: 0 done, 2 wrong usage, or a file that is missing, unreadable or no feed.")]
pub(crate) struct Arguments {
    /// Feeds: files or folders of STIX, lists, hosts files, CSV; plain or compressed; `-` for standard input
    #[arg(required = true, value_name = "[NAME=]FEED")]
    feeds: Vec<String>,
    /// Takes the observables of STIX 1 that no indicator points to as indicators; they are counted always
    #[arg(long)]
    observables: bool,
    /// Counts entries that a build rule refuses as taken
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = PossibleValuesParser::new(intel::BUILD_RULES))]
    allow: Vec<String>,
    /// By when indicators are counted as expired or not yet valid: now, or a time (RFC 3339)
    #[arg(long, value_name = "now|TIME", value_parser = read_at, default_value = "now")]
    at: At,
    /// Writes one JSON object for each file
    #[arg(long)]
    json: bool,
}

/// What is told of one file.
#[derive(Debug, Serialize)]
pub(crate) struct Account<'a> {
    pub(crate) file: &'a str,
    pub(crate) feed: &'a str,
    /// `STIX`, `list`, `empty`, or nothing if it is not read.
    #[serde(skip_serializing_if = "str::is_empty")]
    format: &'static str,
    /// Versions that the file names.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    versions: &'a [Box<str>],
    #[serde(skip_serializing_if = "str::is_empty")]
    shape: &'static str,
    /// Compressions and encodings, the outermost first.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    decoded_from: &'a [&'static str],
    bytes: u64,
    /// Why it is not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<&'a str>,
    received: u64,
    used: u64,
    context: u64,
    /// Objects by type; lists have none.
    objects: BTreeMap<&'a str, u64>,
    /// Values of the indicators that are used, by kind.
    values: BTreeMap<&'static str, u64>,
    /// Neither used nor lost: in a snapshot for later evaluation.
    kept: Vec<Reason<'a>>,
    skipped: Vec<Reason<'a>>,
    /// Used, but for something in them.
    noted: Vec<Reason<'a>>,
    /// Values that are not taken by a build rule.
    refused_values: Vec<Reason<'a>>,
    names: Names,
    markings: Markings<'a>,
    dates: Dates,
    remarks: Remarks,
    /// Objects with an extension, by its id.
    extensions: BTreeMap<&'a str, u64>,
    /// Objects with a custom property, by its name.
    custom_properties: BTreeMap<&'a str, u64>,
    warnings: &'a [String],
}

/// A reason, how often, and up to three examples.
#[derive(Debug, Serialize)]
pub(crate) struct Reason<'a> {
    #[serde(rename = "reason")]
    pub(crate) word: &'static str,
    pub(crate) count: u64,
    pub(crate) examples: &'a [String],
}

#[derive(Debug, Serialize)]
struct Names {
    /// Indicators with at least one name.
    indicators: u64,
    /// Distinct names by what they are.
    distinct: BTreeMap<&'static str, u64>,
}

#[derive(Debug, Serialize)]
struct Markings<'a> {
    /// Indicators that are used, by TLP.
    tlp: BTreeMap<&'static str, u64>,
    /// The same by statement.
    statements: BTreeMap<&'a str, u64>,
    objects: u64,
    objects_in_part: u64,
    patterns: u64,
}

#[derive(Debug, Serialize)]
struct Dates {
    created: Option<[String; 2]>,
    modified: Option<[String; 2]>,
    valid_from: Option<[String; 2]>,
    valid_until: Option<[String; 2]>,
    without_end: u64,
    expired: u64,
    not_yet_valid: u64,
}

/// Indicators that are used and have such a thing.
#[derive(Debug, Serialize)]
struct Remarks {
    kill_chain: u64,
    techniques: u64,
    sightings: u64,
    notes: u64,
    opinions: u64,
}

/// Reads feeds and tells what is in them.
pub(crate) fn run(arguments: &Arguments) -> Result<u8> {
    let sources: Vec<Source> = arguments.feeds.iter().map(|feed| Source::parse(feed)).collect();
    if sources.iter().filter(|source| source.path == Path::new("-")).count() > 1 {
        return Err(anyhow!("standard input can be one feed only"));
    }
    let now = match &arguments.at {
        At::Now => now(),
        At::Time(time) => *time,
        At::Any | At::Event(_) => return Err(usage("inspect", "one time is needed: --at now, or a time")),
    };
    let allow = intel::allow(&arguments.allow);
    let refuses = |value: &Observable| index::refuses(value, allow);
    let scale = Scale { now, refuses: &refuses };
    let spinner = intel::spinner("reading feeds", false);
    let options = Options { observables: arguments.observables };
    let terms = Terms { options, scale, keep_going: true };
    let read = intake::load_by(&sources, terms, &mut |bytes| spinner.inc(bytes), &mut drop);
    spinner.finish_and_clear();
    let (reports, _waiting) = read?;
    let mut out = io::stdout().lock();
    let mut code = 0;
    for report in &reports {
        for file in &report.files {
            let account = Account::new(&report.name, file);
            if arguments.json {
                serde_json::to_writer(&mut out, &account)?;
                out.write_all(b"\n")?;
            } else {
                out.write_all(account.describe(false)?.as_bytes())?;
            }
            if let Some(message) = file.refused.as_ref().filter(|_| !file.among) {
                note(format_args!("{}: {}", file.name, message.replace('\n', "; ")));
                code = TROUBLE;
            }
        }
    }
    Ok(code)
}

impl<'a> Account<'a> {
    pub(crate) fn new(feed: &'a str, file: &'a FileReport) -> Account<'a> {
        let FileReport { tally, survey, .. } = file;
        let used = &survey.used;
        let tlp = survey::TLP.into_iter().zip(used.tlp);
        let names = ThreatKind::ALL.into_iter().zip(used.names);
        let values = Kind::ALL.into_iter().zip(used.kinds);
        let mut objects: BTreeMap<&str, u64> = words(&tally.context);
        let context = tally.context_total();
        if survey.indicators > 0 {
            objects.insert("indicator", survey.indicators);
        }
        if survey.observables > 0 {
            *objects.entry("observable").or_default() += survey.observables;
        }
        Account {
            file: &file.name,
            feed,
            format: survey.format,
            versions: &survey.versions,
            shape: survey.shape,
            decoded_from: &file.decoded,
            bytes: file.bytes,
            refused: file.refused.as_deref(),
            received: tally.received,
            used: used.indicators,
            context,
            objects,
            values: some(values.map(|(kind, count)| (kind.as_str(), count))),
            kept: reasons(&tally.kept),
            skipped: reasons(&tally.skipped),
            noted: reasons(&tally.noted),
            refused_values: reasons(&used.refused),
            names: Names {
                indicators: used.named,
                distinct: some(names.map(|(kind, count)| (kind.as_str(), count))),
            },
            markings: Markings {
                tlp: some(tlp.map(|(tlp, count)| (tlp.map_or("none", Tlp::as_str), count))),
                statements: words(&used.statements),
                objects: survey.marked,
                objects_in_part: survey.marked_in_part,
                patterns: survey.marked_patterns,
            },
            dates: Dates {
                created: ends(survey.created),
                modified: ends(survey.modified),
                valid_from: ends(used.valid_from),
                valid_until: ends(used.valid_until),
                without_end: used.endless,
                expired: used.expired,
                not_yet_valid: used.coming,
            },
            remarks: Remarks {
                kill_chain: used.kill_chain,
                techniques: used.techniques,
                sightings: used.remarked[0],
                notes: used.remarked[1],
                opinions: used.remarked[2],
            },
            extensions: words(&survey.extensions),
            custom_properties: words(&survey.custom_properties),
            warnings: &tally.warnings,
        }
    }

    /// The table of a file; in short with one example a reason, without custom properties and dates of
    /// objects.
    pub(crate) fn describe(&self, short: bool) -> Result<String, std::fmt::Error> {
        let mut out = String::new();
        writeln!(out, "{}", self.title())?;
        if let Some(message) = self.refused {
            writeln!(out, "  not read: {}", message.replace('\n', "; "))?;
            return Ok(out);
        }
        let sum = |reasons: &[Reason<'_>]| reasons.iter().map(|reason| reason.count).sum::<u64>();
        write!(out, "  {} received = {} used", self.received, self.used)?;
        if !self.kept.is_empty() {
            write!(out, " + {} kept for later evaluation", sum(&self.kept))?;
        }
        writeln!(out, " + {} for context + {} not used", self.context, sum(&self.skipped))?;
        counts(&mut out, "objects", &self.objects)?;
        counts(&mut out, "values", &self.values)?;
        write_reasons(&mut out, "kept", &self.kept, short)?;
        write_reasons(&mut out, "not used", &self.skipped, short)?;
        write_reasons(&mut out, "used in part", &self.noted, short)?;
        write_reasons(&mut out, "not taken", &self.refused_values, short)?;
        if self.names.indicators > 0 {
            counts(&mut out, "names", &self.names.distinct)?;
            writeln!(out, "  {:<12} {:>10}  indicators", "named", self.names.indicators)?;
        }
        self.describe_markings(&mut out)?;
        self.describe_dates(&mut out, short)?;
        let Remarks { kill_chain, techniques, sightings, notes, opinions } = self.remarks;
        let remarks = [
            ("kill chain", kill_chain),
            ("techniques", techniques),
            ("sightings", sightings),
            ("notes", notes),
            ("opinions", opinions),
        ];
        for (name, count) in remarks.into_iter().filter(|(_, count)| *count > 0) {
            writeln!(out, "  {name:<12} {count:>10}  indicators")?;
        }
        if !short {
            counts(&mut out, "extensions", &self.extensions)?;
            counts(&mut out, "custom", &self.custom_properties)?;
        }
        for warning in self.warnings {
            writeln!(out, "  warning: {}", warning.replace('\n', " "))?;
        }
        Ok(out)
    }

    /// Whether this warning is about this file.
    pub(crate) fn warns(&self, warning: &str) -> bool {
        self.warnings.iter().any(|known| known == warning)
    }

    fn title(&self) -> String {
        let mut title = format!("{} (feed {}): ", self.file, self.feed);
        title.push_str(if self.format.is_empty() { "unknown" } else { self.format });
        if !self.versions.is_empty() {
            title.push(' ');
            title.push_str(&self.versions.join(", "));
        }
        for part in [self.shape].into_iter().chain(self.decoded_from.iter().copied()) {
            if !part.is_empty() {
                title.push_str(", ");
                title.push_str(part);
            }
        }
        title + &format!(", {} bytes", self.bytes)
    }

    fn describe_markings(&self, out: &mut String) -> std::fmt::Result {
        let Markings { tlp, statements, objects_in_part, patterns, .. } = &self.markings;
        if tlp.keys().any(|tlp| *tlp != "none") {
            counts(out, "TLP", tlp)?;
        }
        counts(out, "statements", statements)?;
        if *objects_in_part > 0 {
            writeln!(
                out,
                "  {:<12} {objects_in_part:>10}  objects marked in part, of them {patterns} by their pattern",
                "granular"
            )?;
        }
        Ok(())
    }

    fn describe_dates(&self, out: &mut String, short: bool) -> std::fmt::Result {
        let Dates { created, modified, valid_from, valid_until, without_end, expired, not_yet_valid } =
            &self.dates;
        let spans = [
            ("created", created, !short),
            ("modified", modified, !short),
            ("valid from", valid_from, true),
            ("valid until", valid_until, true),
        ];
        for (name, span, _) in spans.into_iter().filter(|(.., is_told)| *is_told) {
            if let Some([oldest, newest]) = span {
                writeln!(out, "  {name:<12} {oldest} to {newest}")?;
            }
        }
        let validity = [("no end", *without_end), ("expired", *expired), ("not yet", *not_yet_valid)];
        let is_dated = valid_from.is_some() || valid_until.is_some();
        for (name, count) in validity.into_iter().filter(|(_, count)| is_dated && *count > 0) {
            writeln!(out, "  {name:<12} {count:>10}  indicators")?;
        }
        Ok(())
    }
}

/// One line a count, the largest first, the name before the first.
fn counts(out: &mut String, name: &str, counts: &BTreeMap<&str, u64>) -> std::fmt::Result {
    let mut counts: Vec<(&str, u64)> = counts.iter().map(|(word, count)| (*word, *count)).collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for (at, (word, count)) in counts.into_iter().enumerate() {
        writeln!(out, "  {:<12} {count:>10}  {word}", if at == 0 { name } else { "" })?;
    }
    Ok(())
}

fn write_reasons(out: &mut String, name: &str, reasons: &[Reason<'_>], short: bool) -> std::fmt::Result {
    for (at, Reason { word, count, examples }) in reasons.iter().enumerate() {
        writeln!(out, "  {:<12} {count:>10}  {word}", if at == 0 { name } else { "" })?;
        for example in examples.iter().take(if short { 1 } else { EXAMPLES_MAX }) {
            writeln!(out, "{:27}{}", "", example.replace('\n', " "))?;
        }
    }
    Ok(())
}

/// The counts that are not zero.
fn some(counts: impl Iterator<Item = (&'static str, u64)>) -> BTreeMap<&'static str, u64> {
    counts.filter(|(_, count)| *count > 0).collect()
}

fn words(counts: &[(Box<str>, u64)]) -> BTreeMap<&str, u64> {
    counts.iter().map(|(word, count)| (&**word, *count)).collect()
}

/// The largest first.
fn reasons(counts: &Counts) -> Vec<Reason<'_>> {
    let mut reasons: Vec<Reason<'_>> = counts
        .counts()
        .iter()
        .map(|one| Reason { word: one.reason, count: one.count, examples: &one.examples })
        .collect();
    reasons.sort_by(|a, b| b.count.cmp(&a.count).then(a.word.cmp(b.word)));
    reasons
}

fn ends(span: Span) -> Option<[String; 2]> {
    span.ends.map(|(oldest, newest)| [oldest.to_string(), newest.to_string()])
}
