//! Feeds and snapshot files named on the command line -> snapshots.
//!
//! Is: loading, building in memory, and telling what was not used.
//! Fails: for a feed that is missing, unreadable or refused, and a snapshot that is damaged, by name.

use std::io::IsTerminal as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, anyhow};
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::note;
use crate::index::{Allow, Builder, Report, Snapshot};
use crate::intake::{self, FeedReport, Options, Source, Terms};
use crate::stage::{Origin, now};
use crate::survey::Scale;

/// Lines about one feed at most.
const LINES_MAX: usize = 3;

/// Names for `--allow`: build rules.
pub(crate) const BUILD_RULES: [&str; 4] = ["wide-network", "public-suffix", "empty-file", "file-name"];
/// Names for `--allow`: rules at the hit.
pub(crate) const HIT_RULES: [&str; 2] = ["reserved", "looks-like-file"];

/// The switches of [`BUILD_RULES`], in their order.
fn switches(allow: &mut Allow) -> [&mut bool; 4] {
    [&mut allow.wide_network, &mut allow.public_suffix, &mut allow.empty_file, &mut allow.file_name]
}

/// The build rules that these names switch off.
pub(crate) fn allow(names: &[String]) -> Allow {
    let mut allow = Allow::default();
    for (switch, name) in switches(&mut allow).into_iter().zip(BUILD_RULES) {
        *switch = names.iter().any(|given| given == name);
    }
    allow
}

/// The names of the build rules that are switched off.
pub(crate) fn allowed(mut allow: Allow) -> Vec<&'static str> {
    let named = switches(&mut allow).into_iter().zip(BUILD_RULES);
    named.filter_map(|(switch, name)| switch.then_some(name)).collect()
}

/// The files that a run reads: none may be its output. It would be emptied before it is read, changed below a
/// map (the system ends the process for that), or grow while it is read, without an end.
#[derive(Debug, Default)]
pub(crate) struct Inputs(Vec<((u64, u64), String)>);

impl Inputs {
    /// The files of feeds, as they are named on the command line.
    pub(crate) fn of_feeds(feeds: &[String]) -> Inputs {
        let mut inputs = Inputs::default();
        for path in feeds.iter().flat_map(|feed| Source::parse(feed).files()) {
            let stdin = path == Path::new("-");
            inputs.add("a feed", &if stdin { Origin::Stdin } else { Origin::File(path) });
        }
        inputs
    }

    /// One more file; `role` is what it is to the run.
    pub(crate) fn add(&mut self, role: &str, origin: &Origin) {
        if let Some(identity) = origin.identity() {
            self.0.push((identity, format!("{} is both {role} and the output", origin.name())));
        }
    }

    /// Refuses an output that is one of them, by device and inode: whatever its name, or links.
    pub(crate) fn refuse(&self, output: Option<(u64, u64)>) -> Result<()> {
        match self.0.iter().find(|(identity, _)| output == Some(*identity)) {
            Some((_, clash)) => Err(anyhow!("{clash}: name another file for one of the two")),
            None => Ok(()),
        }
    }
}

/// Feeds, compiled.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// One report a feed.
    pub(crate) feeds: Vec<FeedReport>,
    /// What the builder took.
    pub(crate) report: Report,
    /// The snapshot file.
    pub(crate) bytes: Vec<u8>,
}

/// Loads and compiles feeds. `quiet` leaves out what is not a fault of the feeds.
pub(crate) fn compile(feeds: &[String], options: Options, allow: Allow, quiet: bool) -> Result<Compiled> {
    let sources: Vec<Source> = feeds.iter().map(|feed| Source::parse(feed)).collect();
    if sources.iter().filter(|source| source.path == Path::new("-")).count() > 1 {
        return Err(anyhow!("standard input can be one feed only"));
    }
    let spinner = spinner("reading feeds", quiet);
    let mut builder = Builder::new(&intake::names(&sources), allow);
    let mut take = |indicator| builder.add(indicator);
    let scale = Scale { now: now(), refuses: &|_| None };
    let terms = Terms { options, scale, keep_going: false };
    let loaded = intake::load_by(&sources, terms, &mut |bytes| spinner.inc(bytes), &mut take);
    let (reports, _waiting) = loaded.inspect_err(|_| spinner.finish_and_clear())?;
    spinner.set_message("building from");
    let built = builder.finish();
    spinner.finish_and_clear();
    for report in &reports {
        tell(report, quiet);
    }
    let (bytes, report) = built?;
    if !quiet && !report.refused.is_empty() {
        note(format_args!("values not taken by rule: {}", counted(&report.refused)));
    }
    if !quiet && report.cut > 0 {
        note(format_args!("{} texts of contexts were too long and are cut or left out", report.cut));
    }
    Ok(Compiled { feeds: reports, report, bytes })
}

/// Opens a snapshot file and checks its checksums.
pub(crate) fn open_verified(path: &Path) -> Result<Snapshot> {
    let snapshot = Snapshot::open(path)?;
    snapshot.verify_blocks().map_err(|error| damaged(path, &error))?;
    Ok(snapshot)
}

/// What a check of a snapshot found, with the name of the file.
pub(crate) fn damaged(path: &Path, error: &crate::index::Error) -> anyhow::Error {
    anyhow!("{}: {error}", path.display())
}

/// Tells what is wrong with a feed: at most three lines.
fn tell(report: &FeedReport, quiet: bool) {
    let name = &report.name;
    let skipped: u64 = report.skipped.iter().chain(&report.kept).map(|(_, n, _)| n).sum();
    let summary = skipped > 0 && !quiet;
    let room = LINES_MAX - usize::from(summary);
    let (shown, hidden) = if report.warnings.len() > room {
        (room - 1, report.warnings.len() - (room - 1))
    } else {
        (report.warnings.len(), 0)
    };
    for warning in report.warnings.iter().take(shown) {
        note(format_args!("feed {name}: {}", warning.replace('\n', " ")));
    }
    if hidden > 0 {
        note(format_args!("feed {name}: {hidden} more warnings (`taxiway compile` lists them)"));
    }
    if summary {
        let kept = format!("kept for later evaluation: {}", counted(&report.kept));
        let reasons = match (report.skipped.as_slice(), report.kept.as_slice()) {
            (skipped, []) => counted(skipped),
            ([], _) => kept,
            (skipped, _) => counted(skipped) + ", " + &kept,
        };
        note(format_args!("feed {name}: {skipped} of {} received not used: {reasons}", report.received));
    }
}

/// `reason 12 (such as a), other 3 (such as b)`.
fn counted(reasons: &[(&'static str, u64, Vec<String>)]) -> String {
    let mut out = Vec::new();
    for (reason, n, examples) in reasons {
        out.push(match examples.first() {
            Some(example) => format!("{reason} {n} (such as {})", shortened(example)),
            None => format!("{reason} {n}"),
        });
    }
    out.join(", ")
}

/// One line of 80 characters at most.
pub(crate) fn shortened(text: &str) -> String {
    let mut line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(80).collect();
    if line.len() < text.len() {
        line.push_str("...");
    }
    line
}

/// A sign of life when somebody looks on.
pub(crate) fn spinner(message: &'static str, quiet: bool) -> ProgressBar {
    if quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {msg} {bytes}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
    let spinner = ProgressBar::new_spinner().with_style(style).with_message(message);
    spinner.enable_steady_tick(Duration::from_millis(200));
    spinner
}
