//! The three sets: made, read, built.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context as _;
use taxiway::index::{Allow, Builder, Snapshot};
use taxiway::intake::{self, Source};

use crate::Plan;
use crate::data::{self, made};
use crate::generator::{indicators, stix};
use crate::record::{Goal, Record, Row, float, median};

/// A feed to build a snapshot of.
#[derive(Debug)]
pub(crate) struct Set {
    /// Name in the table.
    pub(crate) name: &'static str,
    /// The feed.
    pub(crate) feed: PathBuf,
    /// Bytes an indicator.
    bytes: Goal,
}

/// The three sets.
pub(crate) fn all(plan: &Plan) -> anyhow::Result<[Set; 3]> {
    let count = plan.indicators;
    let list = mixed(plan, count)?;
    let bundle =
        made(&plan.place.data, &format!("mixed-{count}.json"), |to| Ok(stix::write_bundle(count, to)?))?;
    let named = match &plan.place.corpus {
        Some(corpus) => real_names(plan, corpus)?,
        None => made(&plan.place.data, "named.csv", |to| Ok(indicators::write_named(1_160_000, to)?))?,
    };
    Ok([
        Set { name: "mixed list", feed: list, bytes: Goal::most(45.0, 28.0) },
        Set { name: "mixed, STIX 2.1", feed: bundle, bytes: Goal::most(70.0, 48.0) },
        Set { name: "names with malware", feed: named, bytes: Goal::most(28.0, 16.0) },
    ])
}

/// The mixed list of this length.
pub(crate) fn mixed(plan: &Plan, count: u64) -> anyhow::Result<PathBuf> {
    made(&plan.place.data, &format!("mixed-{count}.txt"), |to| Ok(indicators::write_list(count, None, to)?))
}

/// The names of the real list of trails, with their malware.
fn real_names(plan: &Plan, corpus: &Path) -> anyhow::Result<PathBuf> {
    let text = String::from_utf8(data::real(corpus, "lists/maltrail.tsv")?)?;
    made(&plan.place.data, "real-names.csv", |to| {
        writeln!(to, "value,malware")?;
        for line in text.lines() {
            if let ["domain", name, malware] = line.split('\t').collect::<Vec<_>>()[..] {
                writeln!(to, "{name},\"{malware}\"")?;
            }
        }
        Ok(())
    })
}

/// Reads and builds, several times; gives back the last snapshot.
pub(crate) fn measure(set: &Set, plan: &Plan, record: &mut Record) -> anyhow::Result<Snapshot> {
    let source = Source { name: "bench".into(), path: set.feed.clone() };
    let (mut reading, mut building, mut verifying) = (Vec::new(), Vec::new(), Vec::new());
    let mut last = None;
    for _ in 0..plan.runs.max(1) {
        let start = Instant::now();
        let loaded = intake::load(std::slice::from_ref(&source))?;
        reading.push(start.elapsed().as_secs_f64());
        let start = Instant::now();
        let mut builder = Builder::new(&loaded.feeds, Allow::default());
        loaded.indicators.into_iter().for_each(|indicator| builder.add(indicator));
        let (bytes, report) = builder.finish()?;
        building.push(start.elapsed().as_secs_f64());
        let size = bytes.len() as u64;
        let snapshot = Snapshot::from_bytes(bytes)?;
        let start = Instant::now();
        snapshot.verify()?;
        verifying.push(start.elapsed().as_secs_f64());
        last = Some((snapshot, report, size));
    }
    let (snapshot, report, size) = last.context("no run")?;
    let entries: u64 = report.entries.iter().map(|(_, count)| count).sum();
    let mut row = |what: &str, wall: Vec<f64>, value, goal, note| {
        let name = format!("{}: {what}", set.name);
        record.push(Row { group: "sets".to_owned(), name, wall, value, goal, note, ..Row::default() });
    };
    let million = |wall: &[f64]| median(wall).map(|seconds| (seconds / float(entries) * 1e6, "s/M"));
    row("read", reading.clone(), million(&reading), None, format!("{} feed bytes", size_of(&set.feed)));
    row("build", building.clone(), million(&building), None, format!("{entries} entries"));
    row("verify", verifying.clone(), million(&verifying), None, String::new());
    let sections: Vec<String> = report.bytes.iter().map(|(name, bytes)| format!("{name} {bytes}")).collect();
    let each = Some((float(size) / float(report.records.max(1)), "B"));
    row("bytes an indicator", Vec::new(), each, Some(set.bytes), sections.join(", "));
    Ok(snapshot)
}

fn size_of(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |data| data.len())
}
