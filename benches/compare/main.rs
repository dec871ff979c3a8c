//! Whole programs side by side: events from a file in the page cache, output to /dev/null, alternating runs.
//!
//! Is: Taxiway, the bare copy loop, a prototype when one is given, and every rival that is found; ratios of medians
//! of wall and CPU seconds, peak memory, and a record in `benches/results/`.
//! Is not: a test of correctness, though each contender's output is counted once before it is timed.
//!
//! ```text
//! cargo bench --bench compare -- --rivals FOLDER --venv FOLDER --prototype PATH
//! ```

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program of its own, for the terminal")]

mod contender;
mod copy;
#[path = "../generator/mod.rs"]
#[expect(dead_code, reason = "some of the generators are for other benches")]
mod generator;
mod groups;
mod prepare;
#[path = "../record.rs"]
mod record;
mod rivals;
mod supervise;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::contender::Group;
use crate::record::Record;

/// Compares whole programs.
#[derive(Parser)]
#[command(name = "compare", args_conflicts_with_subcommands = true)]
struct Arguments {
    /// Given by `cargo bench`.
    #[arg(long, hide = true, global = true)]
    bench: bool,
    #[command(subcommand)]
    part: Option<Part>,
    #[command(flatten)]
    plan: Plan,
}

#[derive(Subcommand)]
enum Part {
    /// The floor: 256 KiB reads from a file, written to standard output.
    Copy {
        /// File to read.
        file: PathBuf,
    },
    /// Runs one program and prints what it cost.
    #[command(hide = true)]
    Supervise {
        /// Where the program's messages go.
        messages: PathBuf,
        /// The program and its arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        command: Vec<OsString>,
    },
}

/// What to run.
#[derive(Args)]
struct Plan {
    /// Where generated data goes and is kept for the next run.
    #[arg(long, default_value = "target/bench-data")]
    data: PathBuf,
    /// Bytes of events; slow rivals get a tenth, and Taxiway beside them too.
    #[arg(long, default_value_t = 1_000_000_000)]
    bytes: u64,
    /// Runs of each contender.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Only these groups: floors, lists, engines, hyperscan, self, real, compile.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Only rivals whose name contains one of these.
    #[arg(long, value_delimiter = ',')]
    rival: Vec<String>,
    /// Folder of programs, searched before the PATH.
    #[arg(long)]
    rivals: Option<PathBuf>,
    /// Python environment with chdb, polars, duckdb.
    #[arg(long)]
    venv: Option<PathBuf>,
    /// The prototype's program `enrich`.
    #[arg(long)]
    prototype: Option<PathBuf>,
    /// Folder with `logs/*.zst`: real text logs, repeated, for the group `real`.
    #[arg(long)]
    corpus: Option<PathBuf>,
    /// The program that is compared.
    #[arg(long, default_value = env!("CARGO_BIN_EXE_taxiway"))]
    taxiway: PathBuf,
    /// Where the record goes.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/results"))]
    results: PathBuf,
    /// Largest list: the 10 M list needs 1 GB of disk and memory for building.
    #[arg(long, default_value_t = 10_000_000)]
    largest: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.part {
        Some(Part::Copy { file }) => copy::run(&file),
        Some(Part::Supervise { messages, command }) => supervise::serve(&messages, &command),
        None if !arguments.bench => {
            println!("compare: run it by `cargo bench --bench compare`");
            return ExitCode::SUCCESS;
        }
        None => run(&arguments.plan),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(plan: &Plan) -> anyhow::Result<()> {
    let data = prepare::Data::new(plan)?;
    let mut record = Record::new("compare", &plan.results);
    for (name, build) in groups::ALL {
        if plan.only.is_empty() || plan.only.iter().any(|only| only == name) {
            println!("\n{name}");
            match build(plan, &data) {
                Ok(groups) => {
                    for group in groups {
                        measure(group, plan, &data, &mut record)?;
                        record.write()?;
                    }
                }
                Err(error) => println!("  skipped: {error:#}"),
            }
        }
    }
    println!("\nrecord: {}", record.write()?.display());
    Ok(())
}

fn measure(mut group: Group, plan: &Plan, data: &prepare::Data, record: &mut Record) -> anyhow::Result<()> {
    for (rival, why) in &group.skipped {
        println!("  {rival:<44} skipped: {why}");
    }
    group.check(data)?;
    for _ in 0..plan.runs {
        for contender in &mut group.contenders {
            contender.run(data)?;
        }
    }
    for row in group.rows() {
        record.push(row);
    }
    Ok(())
}
