//! `taxiway compile`: feeds -> a snapshot file, and a report of what became of every object.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;
use clap::builder::PossibleValuesParser;
use serde::Serialize;

use crate::cli::inspect::{Account, Reason};
use crate::cli::intel::Inputs;
use crate::cli::{intel, usage};
use crate::index;
use crate::intake::Options;
use crate::stage::{Origin, Output};

/// Files of one feed that are told of one by one.
const FILES_MAX: usize = 12;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  taxiway compile feed.json blocklist.txt.gz -o set.taxi
  taxiway compile ours=indicators.csv abuse=feeds/ -o set.taxi --json

The file is written beside FILE and renamed, so programs that have the old one open keep it. The same feeds give
the same bytes. `taxiway inspect` tells more of each file.")]
pub(crate) struct Arguments {
    /// Feeds: files or folders of STIX, lists, hosts files, CSV; plain or compressed; `-` for standard input
    #[arg(required = true, value_name = "[NAME=]FEED")]
    feeds: Vec<String>,
    /// The snapshot file; `-` for standard output (the report then goes to standard error)
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Takes the observables of STIX 1 that no indicator points to as indicators; they are counted always
    #[arg(long)]
    observables: bool,
    /// Takes entries that a build rule refuses
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = PossibleValuesParser::new(intel::BUILD_RULES))]
    allow: Vec<String>,
    /// Writes the report as one JSON object
    #[arg(long)]
    json: bool,
    /// Says nothing but what is wrong with a feed
    #[arg(short, long)]
    quiet: bool,
}

/// What became of the feeds.
#[derive(Debug, Serialize)]
struct Summary<'a> {
    file: String,
    version: &'a str,
    bytes: u64,
    records: u64,
    entries: Vec<Entries>,
    compounds: u64,
    silent: u64,
    sections: Vec<Section>,
    feeds: Vec<Feed<'a>>,
    files: Vec<Account<'a>>,
    refused: Vec<Reason<'a>>,
}

#[derive(Debug, Serialize)]
struct Entries {
    kind: &'static str,
    count: u64,
}

#[derive(Debug, Serialize)]
struct Section {
    section: &'static str,
    bytes: u64,
}

#[derive(Debug, Serialize)]
struct Feed<'a> {
    name: &'a str,
    received: u64,
    used: u64,
    context_objects: u64,
    context_types: Vec<(&'a str, u64)>,
    noted: Vec<Reason<'a>>,
    kept: Vec<Reason<'a>>,
    skipped: Vec<Reason<'a>>,
    warnings: &'a [String],
}

/// Compiles and reports.
pub(crate) fn run(arguments: &Arguments) -> Result<u8> {
    let to_stdout = arguments.output == Path::new("-") || arguments.output == Path::new("/dev/stdout");
    if to_stdout && io::stdout().is_terminal() {
        return Err(usage("compile", "a snapshot is not for the terminal: name a file with -o FILE"));
    }
    let output = if to_stdout {
        Output::stdout()?.identity()
    } else {
        Origin::File(arguments.output.clone()).identity()
    };
    Inputs::of_feeds(&arguments.feeds).refuse(output)?;
    let options = Options { observables: arguments.observables };
    let allow = intel::allow(&arguments.allow);
    let compiled = intel::compile(&arguments.feeds, options, allow, arguments.quiet)?;
    let size = compiled.bytes.len() as u64;
    if to_stdout {
        io::stdout().lock().write_all(&compiled.bytes)?;
    } else {
        index::install(&arguments.output, &compiled.bytes)
            .with_context(|| arguments.output.display().to_string())?;
    }
    let intel::Compiled { feeds, report, .. } = compiled;
    let summary = Summary {
        file: arguments.output.display().to_string(),
        version: &report.version,
        bytes: size,
        records: report.records,
        entries: report.entries.iter().map(|&(kind, count)| Entries { kind: kind.as_str(), count }).collect(),
        compounds: report.compounds,
        silent: report.silent,
        sections: report.bytes.iter().map(|&(section, bytes)| Section { section, bytes }).collect(),
        feeds: feeds
            .iter()
            .map(|feed| Feed {
                name: &feed.name,
                received: feed.received,
                used: feed.used,
                context_objects: feed.context_objects,
                context_types: feed.context_types.iter().map(|(name, count)| (&**name, *count)).collect(),
                noted: reasons(&feed.noted),
                kept: reasons(&feed.kept),
                skipped: reasons(&feed.skipped),
                warnings: &feed.warnings,
            })
            .collect(),
        files: feeds
            .iter()
            .flat_map(|feed| feed.files.iter().map(|file| Account::new(&feed.name, file)))
            .collect(),
        refused: reasons(&report.refused),
    };
    let text = if arguments.json {
        serde_json::to_string(&summary)? + "\n"
    } else if arguments.quiet {
        String::new()
    } else {
        describe(&summary)?
    };
    if to_stdout {
        io::stderr().lock().write_all(text.as_bytes())?;
    } else {
        io::stdout().lock().write_all(text.as_bytes())?;
    }
    Ok(0)
}

fn reasons<'a>(counted: &'a [(&'static str, u64, Vec<String>)]) -> Vec<Reason<'a>> {
    counted.iter().map(|(word, count, examples)| Reason { word, count: *count, examples }).collect()
}

fn describe(summary: &Summary<'_>) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    writeln!(out, "{}: {} bytes, set version {}", summary.file, summary.bytes, summary.version)?;
    for feed in &summary.feeds {
        let count = |reasons: &[Reason<'_>]| reasons.iter().map(|reason| reason.count).sum::<u64>();
        write!(out, "feed {}: {} received, {} used, ", feed.name, feed.received, feed.used)?;
        if !feed.kept.is_empty() {
            write!(out, "{} kept for later evaluation, ", count(&feed.kept))?;
        }
        writeln!(out, "{} for context, {} skipped", feed.context_objects, count(&feed.skipped))?;
        let files = summary.files.iter().filter(|file| file.feed == feed.name);
        let (told, more) = (files.clone().take(FILES_MAX), files.count().saturating_sub(FILES_MAX));
        for file in told {
            out.push_str(&file.describe(true)?);
        }
        if more > 0 {
            writeln!(out, "  {more} more files (`taxiway inspect` lists them)")?;
            write_reasons(&mut out, "kept for later evaluation", &feed.kept)?;
            write_reasons(&mut out, "skipped", &feed.skipped)?;
            write_reasons(&mut out, "used in part", &feed.noted)?;
        }
        let is_told = |warning| summary.files.iter().any(|file| file.warns(warning));
        for warning in feed.warnings.iter().filter(|warning| !is_told(warning)) {
            writeln!(out, "  warning: {}", warning.replace('\n', " "))?;
        }
    }
    writeln!(out, "records {}", summary.records)?;
    for entries in summary.entries.iter().filter(|entries| entries.count > 0) {
        writeln!(out, "  {:<12} {:>12}", entries.kind, entries.count)?;
    }
    if summary.compounds > 0 {
        writeln!(
            out,
            "compounds {} of {} values, kept for later evaluation",
            summary.compounds, summary.silent
        )?;
    }
    if !summary.refused.is_empty() {
        writeln!(out, "values not taken by rule (--allow NAME takes them, where there is such a rule)")?;
        write_reasons(&mut out, "refused", &summary.refused)?;
    }
    writeln!(out, "bytes by section")?;
    for section in summary.sections.iter().filter(|section| section.bytes > 0) {
        writeln!(out, "  {:<20} {:>12}", section.section, section.bytes)?;
    }
    Ok(out)
}

fn write_reasons(out: &mut String, word: &str, reasons: &[Reason<'_>]) -> std::fmt::Result {
    for Reason { word: reason, count, examples } in reasons {
        writeln!(out, "  {word} {reason:<24} {count:>8}")?;
        for example in *examples {
            writeln!(out, "      {}", example.replace('\n', " "))?;
        }
    }
    Ok(())
}
