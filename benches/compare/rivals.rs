//! Finding rivals and writing their command lines. `rivals/README.md` says where each comes from and how its
//! semantics differ.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Plan;
use crate::contender::Contender;
use crate::prepare::{Data, prototype_index};

/// A rival, or its name and why it does not run.
pub(crate) type Found = Result<Contender, (String, String)>;

/// Where the scripts and configurations are.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/compare/rivals");

/// What the stream processors leave out.
const FIELDS_ONLY: &str = "ten fields, exact; re-serialises";

/// Builds a contender; any error is the reason for its absence.
fn found(name: &str, plan: &Plan, build: impl FnOnce() -> anyhow::Result<Contender>) -> Found {
    let wanted = plan.rival.is_empty() || plan.rival.iter().any(|part| name.contains(part.as_str()));
    if !wanted {
        return Err((name.to_owned(), "not asked for".to_owned()));
    }
    build().map_err(|error| (name.to_owned(), format!("{error:#}")))
}

/// The floor.
pub(crate) fn copy_loop(plan: &Plan, events: &Path) -> Found {
    found("copy loop", plan, || {
        let this = std::env::current_exe()?.into_os_string();
        let mut copy = Contender::new("copy loop", events, vec![this, "copy".into(), events.into()]);
        copy.note = "256 KiB read and write".into();
        copy.least = 0.0;
        Ok(copy)
    })
}

/// `wc -l`.
pub(crate) fn wc(plan: &Plan, events: &Path) -> Found {
    found("wc -l", plan, || {
        let program = program(plan, "wc")?;
        let mut wc =
            Contender::new("wc -l", events, vec![program.clone().into(), "-l".into(), events.into()]);
        wc.version = version(&program);
        wc.least = 0.0;
        Ok(wc)
    })
}

/// The prototype, one thread.
pub(crate) fn prototype(plan: &Plan, list: &Path, events: &Path) -> Found {
    found("prototype", plan, || {
        let path = plan.prototype.as_deref().ok_or_else(|| anyhow::anyhow!("no --prototype given"))?;
        let index = prototype_index(path, list)?;
        let mut command: Vec<OsString> = vec![path.into(), index.into(), "1".into()];
        if !is_x86_feature("avx512vbmi") {
            command.push("avx2".into());
        }
        let mut prototype = Contender::new("prototype", events, command);
        prototype.by_stdin = true;
        prototype.marker = "\"ti\":[";
        prototype.note = "no IPv6, networks, escapes, policy".into();
        Ok(prototype)
    })
}

fn is_x86_feature(flag: &str) -> bool {
    std::fs::read_to_string("/proc/cpuinfo")
        .is_ok_and(|info| info.split_whitespace().any(|word| word == flag))
}

/// ripgrep with the list as fixed strings.
pub(crate) fn ripgrep(plan: &Plan, name: &str, list: &Path, events: &Path) -> Found {
    found(name, plan, || {
        let program = program(plan, "rg")?;
        let mut command: Vec<OsString> = vec![program.clone().into()];
        command.extend(["-j1", "--no-config", "-F", "-f"].map(OsString::from));
        command.extend([OsString::from(list), events.into()]);
        let mut rg = Contender::new(name, events, command);
        rg.version = version(&program);
        rg.marker = "";
        rg.note = "substrings; prints hits only".into();
        Ok(rg)
    })
}

/// GNU grep with the list as fixed strings.
pub(crate) fn grep(plan: &Plan, name: &str, list: &Path, events: &Path) -> Found {
    found(name, plan, || {
        let program = program(plan, "grep")?;
        let command = vec![program.clone().into(), "-F".into(), "-f".into(), list.into(), events.into()];
        let mut grep = Contender::new(name, events, command);
        grep.environment = vec![("LC_ALL", "C".into())];
        grep.version = version(&program);
        grep.to_file = true;
        grep.marker = "";
        grep.note = "substrings; prints hits only, to a file".into();
        Ok(grep)
    })
}

/// grepcidr with the addresses of the list.
pub(crate) fn grepcidr(plan: &Plan, addresses: &Path, events: &Path) -> Found {
    found("grepcidr", plan, || {
        let program = program(plan, "grepcidr")?;
        let command = vec![program.into(), "-f".into(), addresses.into(), events.into()];
        let mut grepcidr = Contender::new("grepcidr", events, command);
        grepcidr.marker = "";
        grepcidr.least = 0.25;
        grepcidr.note = "IPv4 only; prints hits only".into();
        Ok(grepcidr)
    })
}

/// jq with the list as an object.
pub(crate) fn jq(plan: &Plan, list: &Path, events: &Path) -> Found {
    found("jq", plan, || {
        let program = program(plan, "jq")?;
        let mut command: Vec<OsString> = vec![program.clone().into()];
        command.extend(["-n", "-c", "--rawfile", "list"].map(OsString::from));
        command.extend([list.into(), "-f".into(), script("jq.jq"), events.into()]);
        let mut jq = Contender::new("jq", events, command);
        jq.version = version(&program);
        jq.note = FIELDS_ONLY.into();
        Ok(jq)
    })
}

/// A script under the Python environment that has the module.
pub(crate) fn python(plan: &Plan, module: &str, file: &str, note: &str, list: &Path, events: &Path) -> Found {
    let arguments = [OsString::from(events), list.into()];
    python_with(plan, module, file, note, events, &arguments)
}

/// The same for a reader of feeds, whose output is one line a value.
pub(crate) fn reader(plan: &Plan, module: &str, file: &str, note: &str, feed: &Path) -> Found {
    let mut reader = python_with(plan, module, file, note, feed, &[feed.into()])?;
    reader.marker = "";
    Ok(reader)
}

fn python_with(
    plan: &Plan,
    module: &str,
    file: &str,
    note: &str,
    events: &Path,
    arguments: &[OsString],
) -> Found {
    found(module, plan, || {
        let python = match &plan.venv {
            Some(venv) => venv.join("bin/python"),
            None => program(plan, "python3")?,
        };
        let top = module.split('.').next().unwrap_or(module);
        let ask = format!("import {module}; print(getattr({top}, '__version__', ''))");
        let answer = Command::new(&python).args(["-c", &ask]).stdin(Stdio::null()).output()?;
        anyhow::ensure!(answer.status.success(), "no module {module} for {}", python.display());
        let mut command = vec![python.into(), script(file)];
        command.extend_from_slice(arguments);
        let mut rival = Contender::new(module, events, command);
        rival.environment = vec![("POLARS_MAX_THREADS", "1".into())];
        rival.version = first_line(&answer.stdout);
        rival.note = note.into();
        Ok(rival)
    })
}

/// Fluent Bit with a Lua table.
pub(crate) fn fluent_bit(plan: &Plan, list: &Path, events: &Path) -> Found {
    found("fluent-bit", plan, || {
        let program = program(plan, "fluent-bit")?;
        // its input of standard input needs a pipe: a file cannot be waited for
        let pipe = "cat \"$3\" | exec \"$1\" -c \"$2\"";
        let mut command: Vec<OsString> = vec!["sh".into(), "-c".into(), pipe.into(), "sh".into()];
        command.extend([program.clone().into(), script("fluent-bit.conf"), events.into()]);
        let mut rival = Contender::new("fluent-bit", events, command);
        rival.environment = vec![("RIVAL_FOLDER", FOLDER.into()), ("RIVAL_LIST", list.into())];
        rival.version = version(&program);
        rival.note = "ten fields, exact; re-serialises; waits for its flush interval".into();
        Ok(rival)
    })
}

/// Vector with a file enrichment table.
pub(crate) fn vector(plan: &Plan, data: &Data, csv: &Path, events: &Path) -> Found {
    found("vector", plan, || {
        let program = program(plan, "vector")?;
        let state = data.scratch("vector");
        std::fs::create_dir_all(&state)?;
        let command = vec![
            program.clone().into(),
            "--quiet".into(),
            "--threads".into(),
            "1".into(),
            "-c".into(),
            script("vector.yaml"),
        ];
        let mut rival = Contender::new("vector", events, command);
        rival.environment = vec![("RIVAL_LIST_CSV", csv.into()), ("RIVAL_STATE", state.into())];
        rival.by_stdin = true;
        rival.version = version(&program);
        rival.note = FIELDS_ONLY.into();
        Ok(rival)
    })
}

/// Benthos with a Go map.
pub(crate) fn benthos(plan: &Plan, list: &Path, events: &Path) -> Found {
    found("benthos", plan, || {
        let program = program(plan, "benthos-intel")?;
        let command = vec![program.into(), "run".into(), script("benthos/config.yaml")];
        let mut rival = Contender::new("benthos", events, command);
        rival.environment = vec![("RIVAL_LIST", list.into())];
        rival.by_stdin = true;
        rival.version = "4.76.0 (go.mod)".into();
        rival.note = FIELDS_ONLY.into();
        Ok(rival)
    })
}

/// Hyperscan with the list as literals.
pub(crate) fn hyperscan(plan: &Plan, data: &Data, list: &Path, events: &Path) -> Found {
    found("hyperscan", plan, || {
        anyhow::ensure!(Path::new("/usr/include/hs/hs.h").exists(), "no hs/hs.h");
        let program = data.compiled(Path::new(&script("hyperscan.c")), "hyperscan", &["-lhs"])?;
        let mut rival = Contender::new("hyperscan", events, vec![program.into(), events.into(), list.into()]);
        rival.marker = " ti\n";
        rival.note = "substrings".into();
        Ok(rival)
    })
}

fn script(name: &str) -> OsString {
    Path::new(FOLDER).join(name).into_os_string()
}

/// The program, from the folder of rivals or the PATH.
fn program(plan: &Plan, name: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = plan.rivals.iter().cloned().collect();
    folders.extend(std::env::split_paths(&path));
    let program = folders.into_iter().map(|folder| folder.join(name)).find(|program| program.is_file());
    program.ok_or_else(|| anyhow::anyhow!("{name} is not installed"))
}

fn version(program: &Path) -> String {
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).output();
    output.map_or_else(|_| String::new(), |output| first_line(&output.stdout))
}

fn first_line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).lines().next().unwrap_or_default().trim().to_owned()
}
