//! One program, run to its end, and what it cost.
//!
//! A run goes through a small process of its own (this bench once more, with the argument `supervise`), because the
//! kernel's account of finished children holds the sum of their CPU time but the *largest* resident set of them all:
//! a parent with one child sees that child's.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, bail};
use nix::sys::resource::{UsageWho, getrusage};
use serde::{Deserialize, Serialize};

use crate::record::seconds;

/// What a run cost.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Cost {
    /// Seconds from start to end.
    pub(crate) wall: f64,
    /// User and system seconds, children included.
    pub(crate) cpu: f64,
    /// Largest resident set, in bytes.
    pub(crate) memory: u64,
    /// Exit code; none when it was ended by a signal.
    pub(crate) code: Option<i32>,
}

/// In the small process: runs the program with this process's input and output, and prints the cost as one line of
/// JSON on standard error.
#[expect(clippy::print_stderr, reason = "standard output is the program's")]
pub(crate) fn serve(messages: &Path, command: &[OsString]) -> anyhow::Result<()> {
    let [program, arguments @ ..] = command else { bail!("no command") };
    let start = Instant::now();
    let status = Command::new(program)
        .args(arguments)
        .stderr(File::create(messages)?)
        .status()
        .with_context(|| program.display().to_string())?;
    let wall = start.elapsed().as_secs_f64();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let cost = Cost {
        wall,
        cpu: seconds(usage.user_time()) + seconds(usage.system_time()),
        memory: usage.max_rss().unsigned_abs() << 10,
        code: status.code(),
    };
    eprintln!("{}", serde_json::to_string(&cost)?);
    Ok(())
}

/// Where the program's output goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Output<'a> {
    /// To /dev/null.
    Null,
    /// To this file, replaced.
    File(&'a Path),
    /// To a pipe; it is counted.
    Counted {
        /// Bytes of which each occurrence is a tagged event.
        marker: &'a [u8],
    },
}

/// What came out.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    /// Lines.
    pub(crate) lines: u64,
    /// Occurrences of the marker.
    pub(crate) tagged: u64,
}

/// Runs a program through the small process.
pub(crate) fn run(
    command: &[OsString],
    environment: &[(&'static str, OsString)],
    input: Option<&Path>,
    output: &Output<'_>,
    messages: &Path,
) -> anyhow::Result<(Cost, Seen)> {
    let stdin = match input {
        Some(path) => Stdio::from(File::open(path).with_context(|| path.display().to_string())?),
        None => Stdio::null(),
    };
    let stdout = match output {
        Output::Null => Stdio::null(),
        Output::File(path) => Stdio::from(File::create(path)?),
        Output::Counted { .. } => Stdio::piped(),
    };
    let mut child = Command::new(std::env::current_exe()?)
        .arg("supervise")
        .arg(messages)
        .arg("--")
        .args(command)
        .envs(environment.iter().map(|(name, value)| (*name, value.as_os_str())))
        .stdin(stdin)
        .stdout(stdout)
        .stderr(Stdio::piped())
        .spawn()?;
    let seen = match (child.stdout.take(), output) {
        (Some(mut pipe), Output::Counted { marker }) => count(&mut pipe, marker)?,
        _ => Seen::default(),
    };
    let report = child.wait_with_output()?;
    let report = String::from_utf8_lossy(&report.stderr);
    let cost =
        serde_json::from_str(report.trim()).with_context(|| format!("no account: {}", report.trim()))?;
    Ok((cost, seen))
}

/// Counts lines and markers; a marker over the border of two reads is seen, since its start is kept.
fn count(from: &mut dyn Read, marker: &[u8]) -> io::Result<Seen> {
    let finder = memchr::memmem::Finder::new(marker);
    let mut seen = Seen::default();
    let mut buffer = vec![0; 1 << 20];
    let mut kept = 0;
    loop {
        let n = from.read(&mut buffer[kept..])?;
        if n == 0 {
            return Ok(seen);
        }
        let filled = kept + n;
        seen.lines += memchr::memchr_iter(b'\n', &buffer[kept..filled]).count() as u64;
        if marker.is_empty() {
            continue;
        }
        let mut done = 0;
        for at in finder.find_iter(&buffer[..filled]) {
            seen.tagged += 1;
            done = at + marker.len();
        }
        let start = done.max(filled.saturating_sub(marker.len() - 1));
        buffer.copy_within(start..filled, 0);
        kept = filled - start;
    }
}
