//! What benches share: where files are found and kept, and files that are made once.
//!
//! A name of a made file begins with the version of the generators, so that data of an earlier version is never used.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::generator;

/// Where data comes from and results go.
#[derive(Debug, clap::Args)]
pub(crate) struct Where {
    /// Folder with `logs/*.zst`, `lists/*.zst` and `stix2/`: real logs, names and patterns beside the generated ones.
    #[arg(long)]
    pub(crate) corpus: Option<PathBuf>,
    /// Where the record goes.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/results"))]
    pub(crate) results: PathBuf,
    /// Where generated data goes and is kept for the next run.
    #[arg(long, default_value = "target/bench-data")]
    pub(crate) data: PathBuf,
}

/// The real text logs.
pub(crate) const LOGS: [&str; 3] = ["apache_access.log", "auth.log", "openssh_2k.log"];

/// A file of this name in the folder, written by `make` where it is missing.
pub(crate) fn made(
    folder: &Path,
    name: &str,
    make: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>,
) -> anyhow::Result<PathBuf> {
    let name = format!("v{}-{name}", generator::VERSION);
    let path = folder.join(&name);
    if !path.exists() {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let beside = folder.join(format!("{name}.part"));
        let mut to = BufWriter::with_capacity(1 << 20, File::create(&beside)?);
        make(&mut to).with_context(|| name.clone())?;
        to.flush()?;
        fs::rename(&beside, &path)?;
    }
    Ok(path)
}

/// A packed file of the corpus.
pub(crate) fn real(corpus: &Path, name: &str) -> anyhow::Result<Vec<u8>> {
    let path = corpus.join(format!("{name}.zst"));
    let packed = fs::read(&path).with_context(|| path.display().to_string())?;
    Ok(zstd::decode_all(packed.as_slice())?)
}

/// A real log as often as it takes to have this many bytes; each copy ends with a line end.
pub(crate) fn real_log(corpus: &Path, log: &str, bytes: u64) -> anyhow::Result<Vec<u8>> {
    let mut once = real(corpus, &format!("logs/{log}"))?;
    if once.last() != Some(&b'\n') {
        once.push(b'\n');
    }
    Ok(once.repeat(usize::try_from(bytes)?.div_ceil(once.len())))
}
