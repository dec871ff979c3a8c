//! One stream of event bytes: a file or standard input, plain or compressed.
//!
//! Is: opening, recognising compression by its first bytes, reading what is there without waiting for more.
//! Is not: framing (`cut`), decoding itself (`decode`).
//! Invariants: bytes come in order, none is lost when a fault ends the stream early; a read never asks for more
//! than it was told to. Fails: with a message that names the file. Costs: one system call a read; compressed
//! streams are decoded on a thread of their own and copied once.

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

use crate::codec::{Codec, Head};
use crate::stage::decode::Decoder;

/// Size that is asked for pipes: up to three times the throughput of the default.
#[cfg(target_os = "linux")]
const PIPE_BYTES: usize = 1 << 20;

/// How often a read that waits looks whether the run was stopped.
const LOOK_UP: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Where events come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Standard input.
    Stdin,
    /// A file.
    File(PathBuf),
}

impl Origin {
    /// The name in messages.
    pub fn name(&self) -> String {
        match self {
            Origin::Stdin => String::from("standard input"),
            Origin::File(path) => path.display().to_string(),
        }
    }

    /// Device and inode if this is a regular file, and can be opened.
    pub fn identity(&self) -> Option<(u64, u64)> {
        match self {
            Origin::Stdin => identity(&rustix::stdio::stdin().try_clone_to_owned().ok()?.into()),
            Origin::File(path) => path.metadata().ok().as_ref().and_then(regular),
        }
    }

    fn open(&self) -> io::Result<OwnedFd> {
        match self {
            Origin::Stdin => rustix::stdio::stdin().try_clone_to_owned(),
            Origin::File(path) => File::open(path).map(OwnedFd::from),
        }
    }
}

/// Device and inode of a regular file.
pub(crate) fn identity(file: &File) -> Option<(u64, u64)> {
    regular(&file.metadata().ok()?)
}

fn regular(meta: &Metadata) -> Option<(u64, u64)> {
    meta.is_file().then(|| (meta.dev(), meta.ino()))
}

/// What other threads tell a running stage, and what it tells them.
#[derive(Debug, Default)]
pub struct Signals {
    /// Set to end the run before its input ends; a read that may block for long looks at it every [`LOOK_UP`].
    stop: Arc<AtomicBool>,
    /// Bytes taken from the files, compressed where they are.
    taken: AtomicU64,
}

impl Signals {
    /// What [`Signals::stop`] sets, for those who cannot call it.
    pub fn stop_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }
    /// Ends the run after the chunks under way.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }
    /// Whether the run has to end.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
    /// Bytes taken from the files so far, compressed where they are.
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }
    pub(crate) fn take(&self, n: usize) {
        self.taken.fetch_add(n as u64, Ordering::Relaxed);
    }
}

/// A growing buffer whose memory is reused: the first `len` bytes are filled.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    len: usize,
}

impl Buffer {
    /// What is filled.
    pub(crate) fn filled(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
    /// How much is filled.
    pub(crate) fn len(&self) -> usize {
        self.len
    }
    /// Forgets the content; memory beyond `keep` bytes is given back.
    pub(crate) fn clear(&mut self, keep: usize) {
        self.len = 0;
        if self.bytes.len() > keep {
            self.bytes = Vec::new();
        }
    }
    /// Adds bytes behind.
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        self.room(bytes.len()).copy_from_slice(bytes);
        self.len += bytes.len();
    }
    /// Shortens to `len`.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }
    /// Exactly `n` bytes of room behind what is filled; memory grows by a quarter at least, so that a long event
    /// costs linear time. It is taken as zeros from the system, so that what nobody fills is not even touched:
    /// of one small event that is most of it.
    fn room(&mut self, n: usize) -> &mut [u8] {
        let need = self.len + n;
        if self.bytes.len() < need {
            let mut grown = vec![0; need.max(self.bytes.len() + self.bytes.len() / 4)];
            if let Some(front) = grown.get_mut(..self.len) {
                front.copy_from_slice(self.filled());
            }
            self.bytes = grown;
        }
        self.bytes.get_mut(self.len..need).unwrap_or_default()
    }
}

/// An open stream.
#[derive(Debug)]
pub(crate) struct Input {
    kind: Kind,
    signals: Arc<Signals>,
}

#[derive(Debug)]
enum Kind {
    /// Bytes as they are; `head` was read while sniffing and `at` bytes of it are given out.
    Plain { fd: OwnedFd, head: Vec<u8>, at: usize, regular: bool },
    /// Decoded elsewhere.
    Coded(Decoder),
}

impl Input {
    /// Opens and sniffs. Waits for as many bytes as are needed to tell text from compression, which is one byte
    /// in nearly every case.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn open(origin: &Origin, read_bytes: usize, signals: &Arc<Signals>) -> io::Result<Input> {
        let fd = origin.open()?;
        let stat = rustix::fs::fstat(&fd)?;
        let file_type = rustix::fs::FileType::from_raw_mode(stat.st_mode);
        if file_type == rustix::fs::FileType::Directory {
            return Err(Errno::ISDIR.into());
        }
        let regular = file_type == rustix::fs::FileType::RegularFile;
        if regular {
            read_ahead(&fd);
        } else if file_type == rustix::fs::FileType::Fifo {
            enlarge_pipe(&fd);
        }
        let mut head = Buffer::default();
        while Codec::sniff(head.filled()) == Head::Short
            && read(&fd, regular, &mut head, read_bytes.max(1), signals)? > 0
        {}
        let head = head.filled().to_vec();
        let kind = match Codec::sniff(&head) {
            Head::Coded(codec) => {
                Kind::Coded(Decoder::start(codec, head, File::from(fd), Arc::clone(signals))?)
            }
            Head::Plain | Head::Short => Kind::Plain { fd, head, at: 0, regular },
        };
        Ok(Input { kind, signals: Arc::clone(signals) })
    }

    /// Appends at most `max` bytes: what is there, without waiting for more; 0 at the end of the stream, and when
    /// the run was stopped.
    ///
    /// # Errors
    /// A read that failed, or compressed data that are cut or broken; what came before it has been delivered.
    pub(crate) fn read(&mut self, into: &mut Buffer, max: usize) -> io::Result<usize> {
        match &mut self.kind {
            Kind::Plain { head, at, .. } if *at < head.len() => {
                let piece = head.get(*at..head.len().min(*at + max)).unwrap_or_default();
                into.append(piece);
                *at += piece.len();
                Ok(piece.len())
            }
            Kind::Plain { fd, regular, .. } => read(fd, *regular, into, max, &self.signals),
            Kind::Coded(decoder) => decoder.read(into, max, &self.signals),
        }
    }
}

/// Asks for a large pipe; a refusal (limit of the user, not a pipe) does no harm.
#[cfg(target_os = "linux")]
pub(crate) fn enlarge_pipe(fd: impl AsFd) {
    rustix::pipe::fcntl_setpipe_size(fd, PIPE_BYTES).ok();
}

/// Pipes have the size that the system gives them.
#[cfg(not(target_os = "linux"))]
pub(crate) fn enlarge_pipe(_fd: impl AsFd) {}

/// Asks the system to read ahead; a refusal does no harm.
#[cfg(target_os = "linux")]
fn read_ahead(fd: impl AsFd) {
    rustix::fs::fadvise(fd, 0, None, rustix::fs::Advice::Sequential).ok();
}

/// The system reads ahead as it likes.
#[cfg(not(target_os = "linux"))]
fn read_ahead(_fd: impl AsFd) {}

/// Reads once, when there is something to read. An interrupted call is repeated.
fn read(fd: &OwnedFd, regular: bool, into: &mut Buffer, max: usize, signals: &Signals) -> io::Result<usize> {
    if !regular {
        wait(fd, signals)?;
    }
    while !signals.is_stopped() {
        match rustix::io::read(fd, into.room(max)) {
            Ok(n) => {
                into.len += n;
                signals.take(n);
                return Ok(n);
            }
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => wait(fd, signals)?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(0)
}

/// Waits until there is something to read, the stream is closed, or the run is stopped.
fn wait(fd: &OwnedFd, signals: &Signals) -> io::Result<()> {
    while !signals.is_stopped() {
        let mut fds = [PollFd::new(fd, PollFlags::IN)];
        match rustix::event::poll(&mut fds, Some(&LOOK_UP)) {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
