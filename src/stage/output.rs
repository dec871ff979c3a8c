//! Segments -> a file descriptor.
//!
//! Is: `writev` of ranges of the input and of tags; nothing that did not change is copied.
//! Is not: a buffer: what it was given has been written when it returns.
//! Invariants: all bytes or an error; interrupted and partial writes go on where they stopped.
//! Fails: with what the system says; a closed pipe is `BrokenPipe`. Costs: one system call for up to
//! [`SLICES`] segments.

use std::fs::File;
use std::io::{self, IoSlice};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use crate::engine::Segment;
use crate::stage::cut::Chunk;
use crate::stage::input::{enlarge_pipe, identity};

/// Segments in one call: what the system takes at most.
const SLICES: usize = 1024;

/// What becomes of the bytes of a chunk.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// Pieces of output; ranges of the chunk's bytes and of `tags`.
    pub(crate) segments: Vec<Segment>,
    /// Bytes of tags.
    pub(crate) tags: Vec<u8>,
}

impl Answer {
    pub(crate) fn clear(&mut self) {
        self.segments.clear();
        self.tags.clear();
    }
}

/// Where events go.
#[derive(Debug)]
pub struct Output {
    file: File,
    /// Whether the last event that was written lacks its line end.
    open_end: bool,
    /// Whether a stream has begun since.
    next_stream: bool,
}

impl Output {
    /// Standard output; a large pipe is asked for.
    ///
    /// # Errors
    /// When it cannot be duplicated.
    pub fn stdout() -> io::Result<Output> {
        let fd = rustix::stdio::stdout().try_clone_to_owned()?;
        enlarge_pipe(&fd);
        Ok(Output::file(fd.into()))
    }

    /// A file, from its current position on.
    pub fn file(file: File) -> Output {
        Output { file, open_end: false, next_stream: false }
    }

    /// Device and inode if this is a regular file: reading the file that is written would never end.
    pub fn identity(&self) -> Option<(u64, u64)> {
        identity(&self.file)
    }

    /// Writes the answer to a chunk. The last event of a stream gets its line end when one of another stream
    /// follows, so that no two become one.
    pub(crate) fn write(&mut self, chunk: &Chunk, answer: &Answer) -> io::Result<()> {
        let part = |segment: &Segment| match segment {
            Segment::Input(range) => chunk.bytes().get(range.clone()).unwrap_or_default(),
            Segment::Tag(range) => answer.tags.get(range.clone()).unwrap_or_default(),
        };
        self.next_stream |= chunk.first;
        let Some(&last) = answer.segments.iter().rev().find_map(|segment| part(segment).last()) else {
            return Ok(());
        };
        let mut slices = Vec::with_capacity(SLICES.min(1 + answer.segments.len()));
        if std::mem::take(&mut self.next_stream) && self.open_end {
            slices.push(IoSlice::new(b"\n"));
        }
        self.open_end = last != b'\n';
        for segment in &answer.segments {
            if slices.len() == SLICES {
                self.write_all(&mut slices)?;
                slices.clear();
            }
            slices.push(IoSlice::new(part(segment)));
        }
        self.write_all(&mut slices)
    }

    fn write_all(&self, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
        // Advancing by nothing drops empty slices in front.
        IoSlice::advance_slices(&mut slices, 0);
        while !slices.is_empty() {
            match rustix::io::writev(&self.file, slices) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => IoSlice::advance_slices(&mut slices, n),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => self.wait()?,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Waits until a descriptor that does not block takes bytes again.
    fn wait(&self) -> io::Result<()> {
        let mut fds = [PollFd::new(&self.file, PollFlags::OUT)];
        match rustix::event::poll(&mut fds, None) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
