//! Whole programs side by side: events from a file in the page cache, output to /dev/null, alternating runs.
//!
//! Is: Taxiway, the bare copy loop, a prototype when one is given, and every rival that is found; ratios of medians
//! of wall and CPU seconds, peak memory, and a record in `benches/results/`.
//! Is not: a test of correctness, though each contender's output is counted once before it is timed.
//!
//! ```text
//! cargo bench --bench compare -- --rivals FOLDER --venv FOLDER --prototype PATH
//! ```

#![expect(clippy::print_stdout, reason = "a program of its own, for the terminal")]

mod contender;
mod copy;
#[path = "../data.rs"]
mod data;
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

use anyhow::ensure;
use clap::{Args, Parser, Subcommand};

use crate::contender::Group;
use crate::data::Where;
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
    #[command(flatten)]
    place: Where,
    /// Bytes of events; slow rivals get a tenth, and Taxiway beside them too.
    #[arg(long, default_value_t = 1_000_000_000)]
    bytes: u64,
    /// Runs of each contender.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Seconds for the runs of one contender, after which three have to do.
    #[arg(long, default_value_t = 30.0)]
    patience: f64,
    /// Only these groups: floors, lists, engines, hyperscan, self, real, compile, feeds.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Only rivals whose name contains one of these.
    #[arg(long, value_delimiter = ',')]
    rival: Vec<String>,
    /// Folder of programs, searched before the PATH.
    #[arg(long)]
    rivals: Option<PathBuf>,
    /// Python environment with chdb, polars, duckdb, stix2.
    #[arg(long)]
    venv: Option<PathBuf>,
    /// The prototype's program `enrich`.
    #[arg(long)]
    prototype: Option<PathBuf>,
    /// The program that is compared.
    #[arg(long, default_value = env!("CARGO_BIN_EXE_taxiway"))]
    taxiway: PathBuf,
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
    record::exit("compare", done)
}

fn run(plan: &Plan) -> anyhow::Result<()> {
    let wanted = record::wanted(&plan.only, &groups::ALL.map(|(name, _)| name))?;
    let data = prepare::Data::new(plan)?;
    let mut record = Record::new("compare", &plan.place.results);
    let mut failures = Vec::new();
    for (name, build) in groups::ALL.into_iter().filter(|(name, _)| wanted(name)) {
        println!("\n{name}");
        match build(plan, &data) {
            Ok(groups) => {
                for mut group in groups {
                    if let Err(error) = measure(&mut group, plan, &data, &mut record) {
                        println!("  FAILED: {error:#}");
                        failures.push(group.name);
                    }
                    record.write()?;
                }
            }
            Err(error) => println!("  skipped: {error:#}"),
        }
    }
    println!("\nrecord: {}", record.write()?.display());
    ensure!(failures.is_empty(), "of ours failed: {}", failures.join(", "));
    Ok(())
}

fn measure(group: &mut Group, plan: &Plan, data: &prepare::Data, record: &mut Record) -> anyhow::Result<()> {
    for (rival, why) in &group.skipped {
        println!("  {rival:<44} skipped: {why}");
    }
    group.each(|contender| contender.check(data))?;
    for _ in 0..plan.runs {
        group.each(|contender| contender.run(plan, data))?;
    }
    for row in group.rows() {
        record.push(row);
    }
    Ok(())
}
