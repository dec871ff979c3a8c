//! The floor of every filter: 256 KiB reads, written out as they are.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;

use anyhow::Context as _;

/// Copies a file to standard output without a buffer of the library in between.
pub(crate) fn run(path: &Path) -> anyhow::Result<()> {
    let mut from = File::open(path).with_context(|| path.display().to_string())?;
    let mut to = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let mut buffer = vec![0; 256 << 10];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(n) => to.write_all(&buffer[..n])?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}
