//! Threads beside a run of `filter`: one that verifies the snapshots it started with, one that follows files that
//! are replaced.
//!
//! Invariants: a replaced file is opened and verified before it is used; a bad one is told and left alone, the
//! old generation stays. Old generations are dropped here, not on the hot path.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};

use crate::cli::intel;
use crate::index::Snapshot;
use crate::live::{Current, Generation};
use crate::stage::Signals;

/// How often files are looked at.
const PERIOD: Duration = Duration::from_secs(1);

/// A snapshot with the file that it came from; one built in memory has none.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) file: Option<(PathBuf, Stamp)>,
}

/// What changes when a file is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    modified: (i64, i64),
}

impl Stamp {
    /// Looks at a file.
    pub(crate) fn of(path: &Path) -> io::Result<Stamp> {
        let meta = path.metadata()?;
        Ok(Stamp { device: meta.dev(), inode: meta.ino(), modified: (meta.mtime(), meta.mtime_nsec()) })
    }
}

impl Opened {
    /// Opens a file as told. The stamp is taken first, so that a replacement in between is seen later.
    pub(crate) fn open(path: &Path, open: impl Fn(&Path) -> Result<Snapshot>) -> Result<Opened> {
        let stamp = Stamp::of(path).with_context(|| path.display().to_string())?;
        let snapshot = Arc::new(open(path)?);
        Ok(Opened { snapshot, file: Some((path.to_owned(), stamp)) })
    }
}

/// Checks the block checksums of snapshots beside the first events. Damage ends the run.
#[derive(Debug)]
pub(crate) struct Verifier {
    check: Arc<Check>,
    thread: JoinHandle<Result<()>>,
}

/// What is to be checked: each file with the number of the first block that nobody has taken yet.
#[derive(Debug)]
struct Check {
    files: Vec<(PathBuf, Arc<Snapshot>, AtomicUsize)>,
    signals: Arc<Signals>,
}

impl Verifier {
    /// Starts the check; nothing to check is fine.
    pub(crate) fn start(opened: &[Opened], signals: &Arc<Signals>) -> io::Result<Verifier> {
        let file = |one: &Opened| {
            let (path, _) = one.file.as_ref()?;
            Some((path.clone(), Arc::clone(&one.snapshot), AtomicUsize::new(0)))
        };
        let files = opened.iter().filter_map(file).collect();
        let check = Arc::new(Check { files, signals: Arc::clone(signals) });
        let shared = Arc::clone(&check);
        let thread = std::thread::Builder::new().name(String::from("verify")).spawn(move || shared.run())?;
        Ok(Verifier { check, thread })
    }

    /// Helps with what is left, and waits for the outcome.
    pub(crate) fn finish(self) -> Result<()> {
        let own = self.check.run();
        let other = self.thread.join();
        other.unwrap_or_else(|_| Err(anyhow!("the check of the snapshots broke down"))).and(own)
    }
}

impl Check {
    /// Checks blocks until none is left.
    fn run(&self) -> Result<()> {
        for (path, snapshot, next) in &self.files {
            if let Err(error) = snapshot.verify_blocks_from(next) {
                self.signals.stop();
                return Err(intel::damaged(path, &error).context("the run was ended"));
            }
        }
        Ok(())
    }
}

/// Follows snapshot files.
#[derive(Debug)]
pub(crate) struct Follower {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Follower {
    /// Starts to look every second. What has to be told goes to `say`; when all is well, only if not `quiet`.
    pub(crate) fn start(
        opened: Vec<Opened>,
        current: Arc<Current>,
        quiet: bool,
        say: impl Fn(&str) + Send + 'static,
    ) -> io::Result<Follower> {
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new()
            .name(String::from("follow"))
            .spawn(move || follow(opened, &current, quiet, &stopped, &say))?;
        Ok(Follower { stop, thread })
    }

    /// Stops and waits until the thread is gone.
    pub(crate) fn finish(self) {
        drop(self.stop);
        // It tells what it has to tell by itself.
        self.thread.join().ok();
    }
}

fn follow(
    mut opened: Vec<Opened>,
    current: &Current,
    quiet: bool,
    stopped: &Receiver<()>,
    say: &dyn Fn(&str),
) {
    let mut retired: Vec<Arc<Generation>> = Vec::new();
    // Faults told already, so that a bad file is not told every second.
    let mut told: Vec<Option<Stamp>> = vec![None; opened.len()];
    while stopped.recv_timeout(PERIOD) == Err(RecvTimeoutError::Timeout) {
        retired.retain(|generation| Arc::strong_count(generation) > 1);
        let mut news = Vec::new();
        for (one, told) in opened.iter_mut().zip(&mut told) {
            let Some((path, old)) = &one.file else {
                continue;
            };
            // A file that is gone for a moment is one that is about to be replaced.
            let Ok(stamp) = Stamp::of(path) else {
                continue;
            };
            if stamp == *old || *told == Some(stamp) {
                continue;
            }
            match Opened::open(path, intel::open_verified) {
                Ok(new) => {
                    news.push(format!("{}: now set version {}", path.display(), new.snapshot.version()));
                    *one = new;
                }
                Err(error) => {
                    say(&format!("{error:#}; the snapshot before it stays in use"));
                    *told = Some(stamp);
                }
            }
        }
        if !news.is_empty() {
            let policy = current.load().policy.clone();
            let snapshots = opened.iter().map(|one| Arc::clone(&one.snapshot)).collect();
            retired.push(current.swap(Generation { snapshots, policy }));
            // told when it is so: what is read after this line is judged by the new set
            for line in news.iter().filter(|_| !quiet) {
                say(line);
            }
        }
    }
}
