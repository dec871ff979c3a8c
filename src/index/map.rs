//! The bytes of a snapshot: mapped, or held in memory of their own.
//!
//! Is: the only place that maps files, and how a snapshot file is put in place.
//! Is not: a reader of what the bytes mean.
//! Invariants: the bytes start on a page, so that a 32-byte block of the filter lies in one cache line; they are
//! read-only and private, a change of the file's name (rename, unlink) does not concern them.
//! Fails: with what the system says.
//! Costs: mapping is microseconds whatever the size; pages come in as they are touched.

use std::fs::{self, File, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use memmap2::{Advice, Mmap, MmapMut, MmapOptions};
use tempfile::Builder;

use crate::index::format::{self, LENGTH_KNOWN_AT};

/// Files up to this length are read, longer ones are mapped.
const READ_MAX: u64 = 1 << 20;

/// Read-only bytes that start on a page.
#[derive(Debug)]
pub(crate) struct Bytes(Option<Mmap>);

impl Bytes {
    /// Maps a file longer than 1 MiB; reads a shorter one, and whatever is no regular file.
    pub(crate) fn open(path: &Path) -> io::Result<Bytes> {
        let file = File::open(path)?;
        let meta = file.metadata()?;
        if meta.is_file() && meta.len() > READ_MAX {
            return map(&file);
        }
        let mut bytes = Vec::new();
        (&file).take(LENGTH_KNOWN_AT).read_to_end(&mut bytes)?;
        // of something that is no snapshot, perhaps without an end, no more is read; of one, a byte more than it is
        if let Some(length) = format::file_length(&bytes) {
            let rest = length.saturating_add(1).saturating_sub(LENGTH_KNOWN_AT);
            file.take(rest).read_to_end(&mut bytes)?;
        }
        Bytes::copy_of(&bytes)
    }

    /// Anonymous memory with these bytes, in huge pages where the system gives them.
    pub(crate) fn copy_of(bytes: &[u8]) -> io::Result<Bytes> {
        if bytes.is_empty() {
            return Ok(Bytes(None));
        }
        let mut map = MmapMut::map_anon(bytes.len())?;
        #[cfg(target_os = "linux")]
        if let Err(error) = map.advise(Advice::HugePage) {
            // a kernel without huge pages: small ones do
            drop(error);
        }
        map.copy_from_slice(bytes);
        map.make_read_only().map(|map| Bytes(Some(map)))
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}

#[expect(unsafe_code, reason = "the memory map")]
fn map(file: &File) -> io::Result<Bytes> {
    // SAFETY: the map is read-only and private, and nobody writes through it. What safe Rust may not see is a
    // change of the bytes beneath it: snapshot files are replaced by rename and never rewritten in place
    // (`install` does so, the README asks for it). Where another program cuts the file all the same, the system
    // ends this process with a signal (SIGBUS); where it overwrites bytes, every read here is bounds-checked
    // against the length taken at this moment, no value is used as an index without a check, and no text as
    // UTF-8 without one, so that the worst outcome is a wrong answer.
    unsafe { MmapOptions::new().map_copy_read_only(file) }.map(|map| Bytes(Some(map)))
}

/// Puts a file in place: written beside it, synced, renamed, and the folder synced. Who has the old one open or
/// mapped keeps it. A link stays and what it points to is replaced; a file that was there gives its mode. What is
/// there and is no regular file (a pipe, `/dev/null`) is written to.
///
/// # Errors
/// What the system says; the file that was there stays.
pub fn install(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = target(path)?;
    let before = path.metadata().ok();
    if before.as_ref().is_some_and(|meta| !meta.is_file()) {
        return File::options().write(true).open(path)?.write_all(bytes);
    }
    path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // of a new name, with the mode of any new file, and removed again unless it gets its own name
    let mut part = Builder::new();
    part.prefix(".taxiway.").suffix(".part").permissions(Permissions::from_mode(0o666));
    let mut part = part.tempfile_in(folder)?;
    if let Some(before) = before {
        part.as_file().set_permissions(before.permissions())?;
    }
    part.write_all(bytes)?;
    part.as_file().sync_all()?;
    part.persist(&path)?;
    File::open(folder)?.sync_all()
}

/// What a path stands for where it is a link, to whatever depth the system would follow it.
fn target(path: &Path) -> io::Result<PathBuf> {
    const LINKS_MAX: usize = 40;
    let mut path = path.to_path_buf();
    for _ in 0..LINKS_MAX {
        // links of `/proc` name no file: the system itself has to follow them
        let is_link = path.symlink_metadata().is_ok_and(|meta| meta.is_symlink());
        if !is_link || path.metadata().is_ok_and(|meta| !meta.is_file()) {
            return Ok(path);
        }
        let link = fs::read_link(&path)?;
        path = path.parent().map_or(link.clone(), |folder| folder.join(&link));
    }
    Err(io::Error::other("too many links"))
}
