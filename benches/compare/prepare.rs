//! Files that the contenders read, made once and kept.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use crate::Plan;
use crate::generator::indicators::{self, Shape};
use crate::generator::sysmon::Sysmon;
use crate::generator::text::{Log, Text};
use crate::generator::zeek::Zeek;
use crate::generator::{self, Planted, Source, stix};

/// The folder of generated data.
#[derive(Debug)]
pub(crate) struct Data {
    folder: PathBuf,
    taxiway: PathBuf,
}

/// Which events.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Events {
    /// Zeek-like JSON.
    Zeek,
    /// Sysmon-like JSON.
    Sysmon,
    /// The three text logs.
    Text,
}

impl Data {
    /// The folder that the plan names, made where it is missing.
    pub(crate) fn new(plan: &Plan) -> anyhow::Result<Data> {
        fs::create_dir_all(&plan.data).with_context(|| plan.data.display().to_string())?;
        Ok(Data { folder: fs::canonicalize(&plan.data)?, taxiway: plan.taxiway.clone() })
    }

    /// A file that is overwritten again and again.
    pub(crate) fn scratch(&self, name: &str) -> PathBuf {
        self.folder.join(format!("scratch.{name}"))
    }

    /// Events with hits on the first `indicators` of the mixed list.
    pub(crate) fn events(
        &self,
        kind: Events,
        bytes: u64,
        indicators: u64,
        rate: f64,
    ) -> anyhow::Result<PathBuf> {
        let planted = Planted { indicators, rate };
        let mut source: Box<dyn Source> = match kind {
            Events::Zeek => Box::new(Zeek::new(planted)),
            Events::Sysmon => Box::new(Sysmon::new(planted)),
            Events::Text => Box::new(Text::new(Log::Mix, planted)),
        };
        let name = format!("{}-{bytes}-{indicators}-{rate}.log", format!("{kind:?}").to_lowercase());
        self.made(&name, |to| {
            generator::write_lines(source.as_mut(), bytes, to)?;
            Ok(())
        })
    }

    /// The real text logs of a folder, repeated up to this many bytes.
    pub(crate) fn real(&self, corpus: &Path, log: &str, bytes: u64) -> anyhow::Result<PathBuf> {
        let path = corpus.join("logs").join(format!("{log}.zst"));
        let packed = fs::read(&path).with_context(|| path.display().to_string())?;
        let mut once = zstd::decode_all(packed.as_slice())?;
        if once.last() != Some(&b'\n') {
            once.push(b'\n');
        }
        self.made(&format!("real-{log}-{bytes}"), |to| {
            for _ in 0..bytes.div_ceil(once.len() as u64) {
                to.write_all(&once)?;
            }
            Ok(())
        })
    }

    /// The mixed list.
    pub(crate) fn list(&self, count: u64) -> anyhow::Result<PathBuf> {
        self.made(&format!("mixed-{count}.txt"), |to| Ok(indicators::write_list(count, None, to)?))
    }

    /// The addresses of the mixed list.
    pub(crate) fn addresses(&self, count: u64) -> anyhow::Result<PathBuf> {
        let only = Some(Shape::Address);
        self.made(&format!("addresses-{count}.txt"), |to| Ok(indicators::write_list(count, only, to)?))
    }

    /// The mixed list under the header line `value`.
    pub(crate) fn csv(&self, count: u64) -> anyhow::Result<PathBuf> {
        self.made(&format!("mixed-{count}.csv"), |to| {
            writeln!(to, "value")?;
            Ok(indicators::write_list(count, None, to)?)
        })
    }

    /// The mixed list as STIX 2.1.
    pub(crate) fn bundle(&self, count: u64) -> anyhow::Result<PathBuf> {
        self.made(&format!("mixed-{count}.json"), |to| Ok(stix::write_bundle(count, to)?))
    }

    /// The snapshot of a feed; built again when the program is newer.
    pub(crate) fn snapshot(&self, feed: &Path) -> anyhow::Result<PathBuf> {
        let to = feed.with_extension("snapshot");
        let age = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
        if age(&to).is_none_or(|built| age(&self.taxiway).is_some_and(|program| program > built)) {
            call(&[
                self.taxiway.as_os_str(),
                "compile".as_ref(),
                feed.as_os_str(),
                "-o".as_ref(),
                to.as_os_str(),
            ])?;
        }
        if !to.exists() {
            bail!("{} compile wrote no {}", self.taxiway.display(), to.display());
        }
        Ok(to)
    }

    /// The prototype's index of a list.
    pub(crate) fn prototype_index(&self, prototype: &Path, list: &Path) -> anyhow::Result<PathBuf> {
        let to = self.folder.join("prototype.index");
        if !to.exists() {
            let twelve_bits = "12".as_ref();
            call(&[
                prototype.as_os_str(),
                "compile".as_ref(),
                list.as_os_str(),
                to.as_os_str(),
                twelve_bits,
            ])?;
        }
        Ok(to)
    }

    /// A C program, compiled when it is newer than its result.
    pub(crate) fn compiled(&self, source: &Path, name: &str, libraries: &[&str]) -> anyhow::Result<PathBuf> {
        let to = self.folder.join(name);
        let mut command: Vec<OsString> =
            vec!["cc".into(), "-O2".into(), source.into(), "-o".into(), (&to).into()];
        command.extend(libraries.iter().map(OsString::from));
        call(&command)?;
        Ok(to)
    }

    fn made(
        &self,
        name: &str,
        make: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>,
    ) -> anyhow::Result<PathBuf> {
        let path = self.folder.join(name);
        if !path.exists() {
            let beside = self.folder.join(format!("{name}.part"));
            let mut to = BufWriter::with_capacity(1 << 20, File::create(&beside)?);
            make(&mut to).with_context(|| name.to_owned())?;
            to.flush()?;
            fs::rename(&beside, &path)?;
        }
        Ok(path)
    }
}

/// Runs a program that has to succeed; its output is not wanted.
fn call(command: &[impl AsRef<std::ffi::OsStr>]) -> anyhow::Result<()> {
    let [program, arguments @ ..] = command else { bail!("no command") };
    let program = program.as_ref();
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .output()
        .with_context(|| program.display().to_string())?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{}: {}: {}", program.display(), output.status, said.trim().lines().last().unwrap_or_default());
    }
    Ok(())
}
