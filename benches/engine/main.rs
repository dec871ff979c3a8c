//! The engine in memory: tiers, ways to call it, hostile and long input, features, kinds of events, and the two
//! usual ways to do the same with a JSON parser.
//!
//! Is: alternating passes over the same bytes, medians, ratios by CPU time of the thread (wall time is recorded too,
//! but a shared machine distorts it).
//! Is not: reading or writing; `compare` runs whole programs.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program of its own, for the terminal")]

#[path = "../generator/mod.rs"]
#[expect(dead_code, reason = "some of the generators are for other benches")]
mod generator;
mod groups;
mod pass;
#[path = "../record.rs"]
#[expect(dead_code, reason = "written for all benches")]
mod record;
mod rivals;
mod set;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::record::Record;

/// Measures the engine in memory.
#[derive(Parser)]
#[command(name = "engine")]
struct Plan {
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
    /// Bytes of events.
    #[arg(long, default_value_t = 150_000_000)]
    bytes: u64,
    /// Passes of each contender.
    #[arg(long, default_value_t = 7)]
    runs: usize,
    /// Indicators in the snapshot.
    #[arg(long, default_value_t = 1_000_000)]
    indicators: u64,
    /// Only these groups: tiers, calls, adversarial, long, features, parsers, kinds.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Folder with `logs/*.zst`: real text logs beside the generated ones.
    #[arg(long)]
    corpus: Option<PathBuf>,
    /// Where the record goes.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/results"))]
    results: PathBuf,
}

fn main() -> ExitCode {
    let plan = Plan::parse();
    if !plan.bench {
        println!("engine: run it by `cargo bench --bench engine`");
        return ExitCode::SUCCESS;
    }
    match run(&plan) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("engine: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(plan: &Plan) -> anyhow::Result<()> {
    let mut record = Record::new("engine", &plan.results);
    for (name, measure) in groups::ALL {
        if plan.only.is_empty() || plan.only.iter().any(|only| only == name) {
            println!("\n{name}");
            measure(plan, &mut record)?;
            record.write()?;
        }
    }
    println!("\nrecord: {}", record.write()?.display());
    Ok(())
}
