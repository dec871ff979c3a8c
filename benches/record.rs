//! Results of benches: a table on the terminal and rows in `benches/results/<machine>/<date>.csv`.
//!
//! Is: medians, ratios, and what is needed to run the same again (machine, commit, command).
//! Is not: measuring.
//! Invariant: a row is written only for what was run; nothing is filled in.
//! Fails: when the file cannot be written.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, ensure};
use nix::sys::time::TimeVal;

/// What was asked of a result: at least (or at most) this, and the aim.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Goal {
    /// The limit that has to be kept.
    pub(crate) limit: f64,
    /// What is aimed for.
    pub(crate) aim: f64,
    /// Smaller is better (seconds, bytes) instead of larger (ratios, rates).
    pub(crate) smaller: bool,
}

impl Goal {
    /// Larger is better.
    pub(crate) const fn least(limit: f64, aim: f64) -> Goal {
        Goal { limit, aim, smaller: false }
    }

    /// Smaller is better.
    pub(crate) const fn most(limit: f64, aim: f64) -> Goal {
        Goal { limit, aim, smaller: true }
    }

    fn verdict(self, value: f64) -> &'static str {
        let better = |than: f64| if self.smaller { value <= than } else { value >= than };
        match (better(self.aim), better(self.limit)) {
            (true, _) => "aim",
            (false, true) => "ok",
            (false, false) => "MISSED",
        }
    }
}

/// One line of results.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    /// Group of things that ran by turns.
    pub(crate) group: String,
    /// What ran, or what is compared with what.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: String,
    /// Bytes read in one run.
    pub(crate) bytes: u64,
    /// Seconds of each run.
    pub(crate) wall: Vec<f64>,
    /// User and system seconds of each run.
    pub(crate) cpu: Vec<f64>,
    /// Largest resident set of all runs, in bytes.
    pub(crate) memory: u64,
    /// The figure that is compared with the goal, and its unit (`x`, `s`, `ns`, `B` ...).
    pub(crate) value: Option<(f64, &'static str)>,
    /// The goal.
    pub(crate) goal: Option<Goal>,
    /// How semantics differ, or why it did not run.
    pub(crate) note: String,
    /// The command.
    pub(crate) command: String,
}

/// The results of one bench that are not written yet.
#[derive(Debug)]
pub(crate) struct Record {
    bench: &'static str,
    folder: PathBuf,
    rows: Vec<Row>,
}

impl Record {
    /// Results of this bench, to be written below this folder.
    pub(crate) fn new(bench: &'static str, folder: &Path) -> Record {
        Record { bench, folder: folder.to_owned(), rows: Vec::new() }
    }

    /// Prints a row and keeps it.
    #[expect(clippy::print_stdout, reason = "the table of the bench")]
    pub(crate) fn push(&mut self, row: Row) {
        println!("{}", line(&row));
        self.rows.push(row);
    }

    /// Appends the rows since the last call to the file of the day; gives back its path. Called after each group, so
    /// that a run that is stopped has lost little.
    pub(crate) fn write(&mut self) -> anyhow::Result<PathBuf> {
        let now = jiff::Timestamp::now().to_string();
        let folder = self.folder.join(machine());
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let path = folder.join(format!("{}.csv", now.get(..10).unwrap_or("undated")));
        let mut text = String::new();
        if !path.exists() {
            text.push_str(
                "time,commit,bench,group,name,version,bytes,runs,wall_median_s,wall_min_s,wall_max_s,\
                 cpu_median_s,memory_bytes,value,unit,limit,aim,note,command\n",
            );
        }
        let commit = commit();
        for row in &self.rows {
            let number = |n: Option<f64>| n.map(|n| format!("{n:.6}")).unwrap_or_default();
            let low = row.wall.iter().copied().reduce(f64::min);
            let high = row.wall.iter().copied().reduce(f64::max);
            let fields = [
                now.clone(),
                commit.clone(),
                self.bench.to_owned(),
                row.group.clone(),
                row.name.clone(),
                row.version.clone(),
                row.bytes.to_string(),
                row.wall.len().to_string(),
                number(median(&row.wall)),
                number(low),
                number(high),
                number(median(&row.cpu)),
                row.memory.to_string(),
                number(row.value.map(|(value, _)| value)),
                row.value.map(|(_, unit)| unit.to_owned()).unwrap_or_default(),
                number(row.goal.map(|goal| goal.limit)),
                number(row.goal.map(|goal| goal.aim)),
                row.note.clone(),
                row.command.clone(),
            ];
            let quoted: Vec<String> = fields.iter().map(|field| quote(field)).collect();
            writeln!(text, "{}", quoted.join(","))?;
        }
        let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
        file.write_all(text.as_bytes()).with_context(|| path.display().to_string())?;
        self.rows.clear();
        Ok(path)
    }
}

/// The end of a bench: what went wrong is told.
#[expect(clippy::print_stderr, reason = "the end of a program for the terminal")]
pub(crate) fn exit(bench: &str, done: anyhow::Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{bench}: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Whether a group is to run: all are when none is named. An unknown name is an error.
pub(crate) fn wanted<'a>(
    only: &'a [String],
    known: &[&str],
) -> anyhow::Result<impl Fn(&str) -> bool + use<'a>> {
    for name in only {
        ensure!(known.contains(&name.as_str()), "no group {name}; there are {}", known.join(", "));
    }
    Ok(|group: &str| only.is_empty() || only.iter().any(|name| name == group))
}

/// User and system times as seconds.
pub(crate) fn seconds(time: TimeVal) -> f64 {
    float(time.tv_sec().unsigned_abs()) + float(time.tv_usec().unsigned_abs()) / 1e6
}

/// The middle value, or the mean of the two middle ones.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    sorted.get(middle.wrapping_sub(1)).map(|lower| f64::midpoint(*lower, upper))
}

/// Bytes or events as a number to calculate with.
#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
pub(crate) fn float(n: u64) -> f64 {
    n as f64
}

fn line(row: &Row) -> String {
    let mut text = format!("  {:<44}", row.name);
    let mut add = |piece: String| text.push_str(&piece);
    if let Some(wall) = median(&row.wall) {
        add(format!(" {wall:>9.4} s"));
        if let Some(cpu) = median(&row.cpu) {
            add(format!(" {cpu:>9.4} cpu s"));
        }
        if row.bytes > 0 {
            add(format!(" {:>7.3} GB/s", float(row.bytes) / wall / 1e9));
        }
    }
    if row.memory > 0 {
        add(format!(" {:>7.1} MB", float(row.memory) / 1e6));
    }
    if let Some((value, unit)) = row.value {
        add(format!(" {value:>10.3} {unit}"));
        if let Some(goal) = row.goal {
            let sign = if goal.smaller { "<=" } else { ">=" };
            add(format!("  ({sign} {}, aim {}) {}", goal.limit, goal.aim, goal.verdict(value)));
        }
    }
    if !row.note.is_empty() {
        add(format!("  {}", row.note));
    }
    text
}

fn quote(field: &str) -> String {
    if field.contains([',', '"', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

/// Processor and number of cores, fit for a file name.
fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .and_then(|rest| rest.split_once(':'))
        .map_or(std::env::consts::ARCH, |(_, model)| model.trim());
    let widest =
        ["avx512bw", "avx2", "sse4_2"].into_iter().find(|flag| info.contains(flag)).unwrap_or("plain");
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("{model} {widest} {cores} cores")
        .to_lowercase()
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join("-")
}

fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let head = git(&["rev-parse", "--short", "HEAD"]).unwrap_or_else(|| "unknown".to_owned());
    let clean = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|s| s.is_empty());
    if clean { head } else { format!("{head}-changed") }
}
