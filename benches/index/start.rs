//! From start to the first tagged event, beyond the start of `true`: warm, and with the snapshot's pages dropped.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, ensure};
use rustix::fs::{Advice, fadvise};

use crate::Plan;
use crate::generator::indicators::{self, Shape};
use crate::generator::random::Random;
use crate::record::{Goal, Record, Row, median};
use crate::sets;

/// One snapshot, warm and cold.
struct Start {
    name: &'static str,
    count: u64,
    warm: Option<Goal>,
    cold: Goal,
}

/// Measures all starts.
pub(crate) fn measure(plan: &Plan, record: &mut Record) -> anyhow::Result<()> {
    let starts = [
        Start {
            name: "1 M",
            count: 1_000_000,
            warm: Some(Goal::most(5.0, 2.0)),
            cold: Goal::most(30.0, 12.0),
        },
        Start { name: "10 M", count: 10_000_000, warm: None, cold: Goal::most(80.0, 35.0) },
    ];
    let mut random = Random::new(31, 0);
    for start in starts.into_iter().filter(|start| start.count <= plan.largest) {
        let snapshot = compiled(plan, start.count)?;
        let (mut nothing, mut warm, mut cold) = (Vec::new(), Vec::new(), Vec::new());
        first_event(plan, &snapshot, start.count, &mut random)?;
        for _ in 0..plan.runs.max(1) * 5 {
            nothing.push(exec_true()?);
            warm.push(first_event(plan, &snapshot, start.count, &mut random)?);
            evict(&snapshot)?;
            cold.push(first_event(plan, &snapshot, start.count, &mut random)?);
        }
        let base = median(&nothing).unwrap_or(0.0);
        let mut row = |what: &str, wall: Vec<f64>, goal: Option<Goal>| {
            let beyond = median(&wall).map(|seconds| ((seconds - base) * 1e3, "ms"));
            let name = format!("{} {what}, first tagged event", start.name);
            let note = format!("beyond {:.2} ms of `true`", base * 1e3);
            record.push(Row {
                group: "start".to_owned(),
                name,
                wall,
                value: beyond,
                goal,
                note,
                ..Row::default()
            });
        };
        row("warm", warm, start.warm);
        row("cold", cold, Some(start.cold));
    }
    Ok(())
}

/// The snapshot of the mixed list, built by the program.
fn compiled(plan: &Plan, count: u64) -> anyhow::Result<PathBuf> {
    let list = sets::mixed(plan, count)?;
    let to = list.with_extension("start.snapshot");
    let built = Command::new(&plan.taxiway).arg("compile").arg(&list).arg("-o").arg(&to).output()?;
    ensure!(built.status.success(), "compile: {}", String::from_utf8_lossy(&built.stderr));
    File::open(&to).with_context(|| to.display().to_string())?.sync_all()?;
    Ok(to)
}

/// Seconds from start to the first bytes of a tagged event. The event is new each time, so that nothing of the last
/// one is warm.
fn first_event(plan: &Plan, snapshot: &Path, count: u64, random: &mut Random) -> anyhow::Result<f64> {
    let name = indicators::one(random, count, Shape::Name);
    let event = format!("{{\"query\":\"{name}\"}}\n");
    let start = Instant::now();
    let mut child = Command::new(&plan.taxiway)
        .args(["filter", "--quiet", "--snapshot"])
        .arg(snapshot)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut input = child.stdin.take().context("no standard input")?;
    input.write_all(event.as_bytes())?;
    let mut output = child.stdout.take().context("no standard output")?;
    let mut answer = vec![0; 64 << 10];
    let n = output.read(&mut answer)?;
    let seconds = start.elapsed().as_secs_f64();
    drop(input);
    let mut rest = Vec::new();
    output.read_to_end(&mut rest)?;
    child.wait()?;
    ensure!(n > event.len(), "the event came without a tag: {}", String::from_utf8_lossy(&answer[..n]));
    Ok(seconds)
}

fn exec_true() -> anyhow::Result<f64> {
    let start = Instant::now();
    let mut child = Command::new("true").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut output = child.stdout.take().context("no standard output")?;
    output.read_to_end(&mut Vec::new())?;
    child.wait()?;
    Ok(start.elapsed().as_secs_f64())
}

/// Drops the pages of a file that is on disk.
fn evict(path: &Path) -> anyhow::Result<()> {
    let file = File::open(path)?;
    fadvise(&file, 0, None, Advice::DontNeed)?;
    Ok(())
}
