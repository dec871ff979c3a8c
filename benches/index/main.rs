//! The snapshot: build time, bytes an indicator, look-up time, and the time from start to the first tagged event.
//!
//! Is: three sets (1 M mixed values as a list, the same as STIX 2.1, 1.16 M names with their malware), each built by
//! the library from a file; look-ups in random order; cold starts of the program with the snapshot's pages dropped.
//! Is not: the scan; `engine` measures that.

#![expect(clippy::print_stdout, reason = "a program of its own, for the terminal")]

#[path = "../data.rs"]
#[expect(dead_code, reason = "written for all benches")]
mod data;
#[path = "../generator/mod.rs"]
#[expect(dead_code, reason = "some of the generators are for other benches")]
mod generator;
mod lookup;
#[path = "../record.rs"]
#[expect(dead_code, reason = "written for all benches")]
mod record;
mod sets;
mod start;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::data::Where;
use crate::record::Record;

/// Measures the snapshot.
#[derive(Parser)]
#[command(name = "index")]
struct Plan {
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
    #[command(flatten)]
    place: Where,
    /// Only these groups: sets, start.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Repetitions.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Size of the mixed list.
    #[arg(long, default_value_t = 1_000_000)]
    indicators: u64,
    /// Size of the large list of the cold start; 0 leaves it out.
    #[arg(long, default_value_t = 10_000_000)]
    largest: u64,
    /// The program that is started.
    #[arg(long, default_value = env!("CARGO_BIN_EXE_taxiway"))]
    taxiway: PathBuf,
}

fn main() -> ExitCode {
    let plan = Plan::parse();
    if !plan.bench {
        println!("index: run it by `cargo bench --bench index`");
        return ExitCode::SUCCESS;
    }
    record::exit("index", run(&plan))
}

fn run(plan: &Plan) -> anyhow::Result<()> {
    let wanted = record::wanted(&plan.only, &["sets", "start"])?;
    let mut record = Record::new("index", &plan.place.results);
    if wanted("sets") {
        println!("\nsets");
        for set in sets::all(plan)? {
            let snapshot = sets::measure(&set, plan, &mut record)?;
            lookup::measure(&set, &snapshot, plan, &mut record)?;
            record.write()?;
        }
    }
    if wanted("start") {
        println!("\nstart");
        start::measure(plan, &mut record)?;
    }
    println!("\nrecord: {}", record.write()?.display());
    Ok(())
}
