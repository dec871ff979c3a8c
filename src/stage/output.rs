//! Segments -> a file descriptor.
//!
//! Is: `writev` of ranges of the input and of tags; nothing that did not change is copied.
//! Is not: a buffer: what it was given has been written when it returns.
//! Invariants: all bytes or an error; interrupted and partial writes go on where they stopped.
//! Fails: with what the system says; a closed pipe is `BrokenPipe`. Costs: one system call for up to
//! [`SLICES`] segments.

use std::fs::File;
use std::io::{self, IoSlice};
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use crate::engine::Segment;
use crate::stage::input::enlarge_pipe;

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
pub struct Output(OwnedFd);

impl Output {
    /// Standard output; a large pipe is asked for.
    ///
    /// # Errors
    /// When it cannot be duplicated.
    pub fn stdout() -> io::Result<Output> {
        let fd = rustix::stdio::stdout().try_clone_to_owned()?;
        enlarge_pipe(&fd);
        Ok(Output(fd))
    }

    /// A file, from its current position on.
    pub fn file(file: File) -> Output {
        Output(file.into())
    }

    /// Device and inode if this is a regular file: reading the file that is written would never end.
    pub fn identity(&self) -> Option<(u64, u64)> {
        let stat = rustix::fs::fstat(&self.0).ok()?;
        let regular = rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::RegularFile;
        regular.then_some((stat.st_dev, stat.st_ino))
    }

    /// Writes the segments of an answer.
    pub(crate) fn write(&mut self, bytes: &[u8], answer: &Answer) -> io::Result<()> {
        let mut slices = Vec::with_capacity(answer.segments.len().min(SLICES));
        for segments in answer.segments.chunks(SLICES) {
            slices.clear();
            slices.extend(segments.iter().map(|segment| match segment {
                Segment::Input(range) => IoSlice::new(bytes.get(range.clone()).unwrap_or_default()),
                Segment::Tag(range) => IoSlice::new(answer.tags.get(range.clone()).unwrap_or_default()),
            }));
            self.write_all(&mut slices)?;
        }
        Ok(())
    }

    fn write_all(&self, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
        // Advancing by nothing drops empty slices in front.
        IoSlice::advance_slices(&mut slices, 0);
        while !slices.is_empty() {
            match rustix::io::writev(&self.0, slices) {
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
        let mut fds = [PollFd::new(&self.0, PollFlags::OUT)];
        match rustix::event::poll(&mut fds, None) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
