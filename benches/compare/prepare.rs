//! Files that the contenders read, made once and kept.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};

use crate::Plan;
use crate::data::{self, made};
use crate::generator::indicators::{self, Shape};
use crate::generator::sysmon::Sysmon;
use crate::generator::text::{Log, Text};
use crate::generator::zeek::Zeek;
use crate::generator::{self, Planted, Source, stix, stix1};

/// The folder of generated data.
#[derive(Debug)]
pub(crate) struct Data {
    folder: PathBuf,
    taxiway: PathBuf,
}

/// A file of events.
#[derive(Clone, Debug)]
pub(crate) struct EventFile {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// How many of its events have a planted hit; unknown of real logs.
    pub(crate) planted: Option<u64>,
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
    /// Zeek-like JSON of http only, hosts and paths in two fields that belong together.
    Http,
    /// The same under a key of the host that belongs to no path, so that nothing is joined.
    HttpApart,
}

impl Data {
    /// The folder that the plan names, made where it is missing.
    pub(crate) fn new(plan: &Plan) -> anyhow::Result<Data> {
        let folder = &plan.place.data;
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        Ok(Data { folder: fs::canonicalize(folder)?, taxiway: plan.taxiway.clone() })
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
    ) -> anyhow::Result<EventFile> {
        let planted = Planted { indicators, rate };
        let mut source: Box<dyn Source> = match kind {
            Events::Zeek => Box::new(Zeek::new(planted)),
            Events::Sysmon => Box::new(Sysmon::new(planted)),
            Events::Http => Box::new(Zeek::http_only(planted, "host")),
            Events::HttpApart => Box::new(Zeek::http_only(planted, "peer")),
            Events::Text => Box::new(Text::new(Log::Mix, planted)),
        };
        let name = format!("{}-{bytes}-{indicators}-{rate}.log", format!("{kind:?}").to_lowercase());
        let path = made(&self.folder, &name, |to| {
            let planted = generator::write_lines(source.as_mut(), bytes, to)?.planted;
            // beside it and first: a file of events is never without its number
            let beside = made(&self.folder, &format!("{name}.planted"), |to| Ok(write!(to, "{planted}")?))?;
            ensure!(fs::read_to_string(beside)? == planted.to_string(), "{name} was made in another way");
            Ok(())
        })?;
        let number = path.with_added_extension("planted");
        let planted = fs::read_to_string(&number).with_context(|| number.display().to_string())?;
        Ok(EventFile { path, planted: Some(planted.parse()?) })
    }

    /// The real text logs of a folder, repeated up to this many bytes.
    pub(crate) fn real(&self, corpus: &Path, log: &str, bytes: u64) -> anyhow::Result<EventFile> {
        let path = made(&self.folder, &format!("real-{log}-{bytes}"), |to| {
            Ok(to.write_all(&data::real_log(corpus, log, bytes)?)?)
        })?;
        Ok(EventFile { path, planted: None })
    }

    /// The mixed list.
    pub(crate) fn list(&self, count: u64) -> anyhow::Result<PathBuf> {
        made(&self.folder, &format!("mixed-{count}.txt"), |to| Ok(indicators::write_list(count, None, to)?))
    }

    /// The URLs of the mixed list.
    pub(crate) fn urls(&self, count: u64) -> anyhow::Result<PathBuf> {
        let only = Some(Shape::Url);
        made(&self.folder, &format!("urls-{count}.txt"), |to| Ok(indicators::write_list(count, only, to)?))
    }

    /// The addresses of the mixed list.
    pub(crate) fn addresses(&self, count: u64) -> anyhow::Result<PathBuf> {
        let only = Some(Shape::Address);
        made(&self.folder, &format!("addresses-{count}.txt"), |to| {
            Ok(indicators::write_list(count, only, to)?)
        })
    }

    /// The mixed list under the header line `value`.
    pub(crate) fn csv(&self, count: u64) -> anyhow::Result<PathBuf> {
        made(&self.folder, &format!("mixed-{count}.csv"), |to| {
            writeln!(to, "value")?;
            Ok(indicators::write_list(count, None, to)?)
        })
    }

    /// The mixed list as STIX 2.1.
    pub(crate) fn bundle(&self, count: u64) -> anyhow::Result<PathBuf> {
        made(&self.folder, &format!("mixed-{count}.json"), |to| Ok(stix::write_bundle(count, to)?))
    }

    /// The beginning of the mixed list as a bundle, with so many bytes of other objects.
    pub(crate) fn padded_bundle(&self, count: u64, bytes: u64) -> anyhow::Result<PathBuf> {
        made(&self.folder, &format!("padded-{count}-{bytes}.json"), |to| {
            Ok(stix::write_padded_bundle(count, bytes, to)?)
        })
    }

    /// The beginning of the mixed list as a STIX 1 package of at least so many bytes.
    pub(crate) fn package(&self, count: u64, bytes: u64) -> anyhow::Result<PathBuf> {
        made(&self.folder, &format!("package-{count}-{bytes}.xml"), |to| {
            Ok(stix1::write_package(count, bytes, to)?)
        })
    }

    /// The snapshot of a feed; built again when the program is newer.
    pub(crate) fn snapshot(&self, feed: &Path) -> anyhow::Result<PathBuf> {
        let to = feed.with_extension("snapshot");
        if is_older(&to, &self.taxiway) {
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

    /// A C program, compiled when it is newer than its result.
    pub(crate) fn compiled(&self, source: &Path, name: &str, libraries: &[&str]) -> anyhow::Result<PathBuf> {
        let to = self.folder.join(name);
        let mut command: Vec<OsString> =
            vec!["cc".into(), "-O2".into(), source.into(), "-o".into(), (&to).into()];
        command.extend(libraries.iter().map(OsString::from));
        call(&command)?;
        Ok(to)
    }
}

/// The prototype's index of a list, beside it; built again when the program is newer.
pub(crate) fn prototype_index(prototype: &Path, list: &Path) -> anyhow::Result<PathBuf> {
    let to = list.with_extension("prototype");
    if is_older(&to, prototype) {
        let twelve_bits = "12".as_ref();
        call(&[prototype.as_os_str(), "compile".as_ref(), list.as_os_str(), to.as_os_str(), twelve_bits])?;
    }
    Ok(to)
}

/// Whether what a program builds is missing or was built by an older one.
fn is_older(built: &Path, program: &Path) -> bool {
    let age = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    age(built).is_none_or(|built| age(program).is_some_and(|program| program > built))
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
