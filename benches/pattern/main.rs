//! The patterning language: patterns a second on one thread, read, reduced, and written again.
//!
//! Is: the public test cases of the committee's programs (`tests/corpus`), which have every construct there is, and the
//! patterns of real indicators: those of `tests/corpus`, and of `stix2/` of a corpus where there is one.
//! Is not: the reading of a feed; JSON has no part in it.

#![expect(clippy::print_stdout, reason = "a program of its own, for the terminal")]

#[path = "../data.rs"]
#[expect(dead_code, reason = "written for all benches")]
mod data;
#[path = "../generator/mod.rs"]
#[expect(dead_code, reason = "some of the generators are for other benches")]
mod generator;
#[path = "../record.rs"]
#[expect(dead_code, reason = "written for all benches")]
mod record;

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use clap::Parser;
use nix::sys::resource::{UsageWho, getrusage};
use taxiway::intake;
use taxiway::pattern::{self, Pattern, Reduction};

use crate::data::Where;
use crate::record::{Goal, Record, Row, float, median, seconds};

/// Measures the patterning language.
#[derive(Parser)]
#[command(name = "pattern")]
struct Plan {
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
    #[command(flatten)]
    place: Where,
    /// Only these groups: cases, real.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Repetitions.
    #[arg(long, default_value_t = 5)]
    runs: usize,
}

/// Patterns read in one run, in thousands a second: what was asked for, and twice that.
const GOAL: Goal = Goal::least(200.0, 400.0);

/// Patterns of a run at least: the files have some hundreds to some thousands.
const PATTERNS_MIN: usize = 400_000;

fn main() -> ExitCode {
    let plan = Plan::parse();
    if !plan.bench {
        println!("pattern: run it by `cargo bench --bench pattern`");
        return ExitCode::SUCCESS;
    }
    record::exit("pattern", run(&plan))
}

fn run(plan: &Plan) -> anyhow::Result<()> {
    let wanted = record::wanted(&plan.only, &["cases", "real"])?;
    let mut record = Record::new("pattern", &plan.place.results);
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    if wanted("cases") {
        println!("\ncases");
        measure("cases", &cases(&tests)?, plan.runs, &mut record)?;
        record.write()?;
    }
    if wanted("real") {
        println!("\nreal");
        let mut files = Vec::new();
        files_of(&tests, &mut files)?;
        if let Some(corpus) = &plan.place.corpus {
            files_of(&corpus.join("stix2"), &mut files)?;
        }
        measure("real", &real(&files)?, plan.runs, &mut record)?;
    }
    println!("\nrecord: {}", record.write()?.display());
    Ok(())
}

/// The patterns of the three files of cases that are patterns.
fn cases(folder: &Path) -> anyhow::Result<Vec<Box<str>>> {
    let mut all = Vec::new();
    for file in
        ["pattern-validator-cases.json", "pattern-matcher-cases.json", "pattern-equivalence-cases.json"]
    {
        let path = folder.join(file);
        let text = std::fs::read(&path).with_context(|| path.display().to_string())?;
        let cases: serde_json::Value = serde_json::from_slice(&text)?;
        let cases = cases.get("cases").and_then(serde_json::Value::as_array);
        let cases = cases.with_context(|| format!("{file}: no cases"))?;
        let texts = cases.iter().flat_map(|case| ["pattern", "a", "b"].map(|key| case.get(key)?.as_str()));
        all.extend(texts.flatten().filter(|text| pattern::check(text).is_ok()).map(Into::into));
    }
    ensure!(all.len() > 600, "only {} patterns in the cases", all.len());
    Ok(all)
}

/// STIX files of a folder and of those in it, in order.
fn files_of(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    paths.sort();
    for path in paths {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if path.is_dir() {
            files_of(&path, files)?;
        } else if !name.starts_with("pattern-") && [".json", ".stix2"].iter().any(|end| name.ends_with(end)) {
            files.push(path);
        }
    }
    Ok(())
}

/// The patterns of the indicators in these files.
fn real(files: &[PathBuf]) -> anyhow::Result<Vec<Box<str>>> {
    let mut all: Vec<Box<str>> = Vec::new();
    for file in files {
        let told = intake::patterns(file, &mut |stated| all.extend(stated.pattern.ok()))?;
        ensure!(told.is_empty(), "{}: {told:?}", file.display());
    }
    ensure!(!all.is_empty(), "no patterns in the files");
    Ok(all)
}

/// Something that is done with a text; gives back how many are patterns, or are used.
type Work = fn(&str) -> usize;

fn measure(group: &str, patterns: &[Box<str>], runs: usize, record: &mut Record) -> anyhow::Result<()> {
    let read = |text: &str| usize::from(black_box(pattern::parse(text)).is_ok());
    let works: [(&str, Work, Option<Goal>); 3] = [
        ("read", read, Some(GOAL)),
        ("read and reduced", |text| with(text, |pattern| said(&pattern::reduce(pattern))), Some(GOAL)),
        ("read and written", |text| with(text, |pattern| pattern.to_string().len().min(1)), None),
    ];
    let rounds = PATTERNS_MIN.div_ceil(patterns.len());
    let bytes: usize = patterns.iter().map(|text| text.len()).sum();
    let good = patterns.iter().filter(|text| pattern::parse(text).is_ok()).count();
    ensure!(good == patterns.len(), "{group}: {good} of {} are patterns", patterns.len());
    let mut times = vec![(Vec::new(), Vec::new()); works.len()];
    for run in 0..=runs {
        for ((name, work, _), (wall, cpu)) in works.iter().zip(&mut times) {
            let (start, used) = (Instant::now(), thread_seconds());
            let mut count = 0;
            for _ in 0..rounds {
                count += patterns.iter().map(|text| work(text)).sum::<usize>();
            }
            ensure!(count == rounds * patterns.len(), "{group}, {name}: {count} came out of it");
            // the first is not counted
            if run > 0 {
                cpu.push(thread_seconds() - used);
                wall.push(start.elapsed().as_secs_f64());
            }
        }
    }
    for ((name, _, goal), (wall, cpu)) in works.into_iter().zip(times) {
        let thousands = float((rounds * patterns.len()) as u64) / 1000.0;
        record.push(Row {
            group: group.to_owned(),
            name: name.to_owned(),
            bytes: (bytes * rounds) as u64,
            value: median(&cpu).map(|seconds| (thousands / seconds, "k patterns/s")),
            goal,
            note: format!("{} patterns of {} bytes on average", patterns.len(), bytes / patterns.len()),
            wall,
            cpu,
            ..Row::default()
        });
    }
    Ok(())
}

fn with(text: &str, work: impl FnOnce(&Pattern<'_>) -> usize) -> usize {
    pattern::parse(text).map_or(0, |pattern| black_box(work(&pattern)))
}

/// Whether a reduction says something: it has to.
fn said(reduction: &Reduction) -> usize {
    (reduction.values.len() + reduction.compounds.len() + reduction.waiting.len()).min(1)
}

fn thread_seconds() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_THREAD);
    usage.map_or(0.0, |usage| seconds(usage.user_time()) + seconds(usage.system_time()))
}
