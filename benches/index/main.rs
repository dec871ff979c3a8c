//! The snapshot: build time, bytes an indicator, look-up time, and the time from start to the first tagged event.
//!
//! Is: three sets (1 M mixed values as a list, the same as STIX 2.1, 1.16 M names with their malware), each built by
//! the library from a file; look-ups in random order; cold starts of the program with the snapshot's pages dropped.
//! Is not: the scan; `engine` measures that.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program of its own, for the terminal")]

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

use crate::record::Record;

/// Measures the snapshot.
#[derive(Parser)]
#[command(name = "index")]
struct Plan {
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
    /// Where generated data goes and is kept for the next run.
    #[arg(long, default_value = "target/bench-data")]
    data: PathBuf,
    /// Repetitions.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Size of the mixed list.
    #[arg(long, default_value_t = 1_000_000)]
    indicators: u64,
    /// Size of the large list of the cold start; 0 leaves it out.
    #[arg(long, default_value_t = 10_000_000)]
    largest: u64,
    /// Folder with `lists/maltrail.tsv.zst`: real names in place of generated ones.
    #[arg(long)]
    corpus: Option<PathBuf>,
    /// The program that is started.
    #[arg(long, default_value = env!("CARGO_BIN_EXE_taxiway"))]
    taxiway: PathBuf,
    /// Where the record goes.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/results"))]
    results: PathBuf,
}

fn main() -> ExitCode {
    let plan = Plan::parse();
    if !plan.bench {
        println!("index: run it by `cargo bench --bench index`");
        return ExitCode::SUCCESS;
    }
    match run(&plan) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("index: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(plan: &Plan) -> anyhow::Result<()> {
    std::fs::create_dir_all(&plan.data)?;
    let mut record = Record::new("index", &plan.results);
    println!("\nsets");
    for set in sets::all(plan)? {
        let snapshot = sets::measure(&set, plan, &mut record)?;
        lookup::measure(&set, &snapshot, plan, &mut record);
        record.write()?;
    }
    println!("\nstart");
    start::measure(plan, &mut record)?;
    println!("\nrecord: {}", record.write()?.display());
    Ok(())
}
