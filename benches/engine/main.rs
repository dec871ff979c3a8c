//! The engine in memory: tiers, ways to call it, hostile and long input, features, kinds of events, and the two
//! usual ways to do the same with a JSON parser.
//!
//! Is: alternating passes over the same bytes, medians, ratios by CPU time of the thread (wall time is recorded too,
//! but a shared machine distorts it).
//! Is not: reading or writing; `compare` runs whole programs.

#![expect(clippy::print_stdout, reason = "a program of its own, for the terminal")]

#[path = "../data.rs"]
#[expect(dead_code, reason = "written for all benches")]
mod data;
#[path = "../generator/mod.rs"]
#[expect(dead_code, reason = "some of the generators are for other benches")]
mod generator;
mod groups;
mod pass;
#[path = "../record.rs"]
mod record;
mod rivals;
mod set;

use std::process::ExitCode;

use clap::Parser;

use crate::data::Where;
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
    /// Only these groups: tiers, calls, judge, adversarial, long, features, parsers, kinds.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    #[command(flatten)]
    place: Where,
}

fn main() -> ExitCode {
    let plan = Plan::parse();
    if !plan.bench {
        println!("engine: run it by `cargo bench --bench engine`");
        return ExitCode::SUCCESS;
    }
    record::exit("engine", run(&plan))
}

fn run(plan: &Plan) -> anyhow::Result<()> {
    let wanted = record::wanted(&plan.only, &groups::ALL.map(|(name, _)| name))?;
    let mut record = Record::new("engine", &plan.place.results);
    for (name, measure) in groups::ALL {
        if wanted(name) {
            println!("\n{name}");
            measure(plan, &mut record)?;
            record.write()?;
        }
    }
    println!("\nrecord: {}", record.write()?.display());
    Ok(())
}
