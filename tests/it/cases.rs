//! Golden cases: one folder a rule of docs/MATCHING.md, run through the real program.
//!
//! A folder holds `feed*` (lists or STIX, in the order of their names), `events*`, perhaps `args` (one a line),
//! `expected.hits` and `expected.out`.
//!
//! `expected.hits` is written by hand and is the truth: one line a hit, `event field atomic indicator grade`,
//! events counted from 1, hits in the order of M12.3; `#` starts a comment line. A blank inside a word is written
//! `\s`. `expected.out` has the exact bytes and is rewritten by `UPDATE_EXPECT=1`, but only where the hits are
//! right.

use std::fs;
use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::reference::{Format, Hit, Listed, Reference, Value};
use crate::tagged;

#[test]
fn the_program_gives_what_the_cases_expect() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let failures: Vec<String> = all().iter().flat_map(|case| case.check_program(update)).collect();
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn the_reference_gives_what_the_cases_expect() {
    let mut failures = Vec::new();
    let mut checked = 0;
    for case in all() {
        let Some(reference) = case.reference() else { continue };
        let format = if case.args.iter().any(|a| a == "text") { Format::Text } else { Format::Auto };
        let hits = case.events.iter().map(|e| reference.hits(e, format)).collect::<Vec<_>>();
        failures.extend(case.compare("reference", &hits));
        checked += 1;
    }
    assert!(checked > 40, "only {checked} cases were compared");
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

/// Every rule that says something about an event has a case; the others are named here with their place.
#[test]
fn every_rule_has_a_case() {
    const ELSEWHERE: [(&str, &str); 9] = [
        ("M1.4", "stage: the first event of a stream; the case M1.5 has objects over several lines"),
        ("M1.7", "stage: lines beyond the limit"),
        ("M5.12", "observable: reading values of a feed"),
        ("M8.4", "pattern and index: compounds; the exception has the case M8.1-part-of-pattern"),
        ("M9.7", "not in this version, apart from revoked indicators"),
        ("M10.2", "every case is run with the preset flat"),
        ("M10.4", "checked for every event of every case"),
        ("M12.5", "tests/it/differential.rs"),
        ("M11.1", "every case is run again on its own output"),
    ];
    let text = fs::read_to_string(root().join("docs/MATCHING.md")).unwrap();
    let names: Vec<String> = all().into_iter().map(|c| c.name).collect();
    let mut missing = Vec::new();
    for line in text.lines() {
        let Some(rule) = line.strip_prefix("- **M").and_then(|l| l.split_once("**")).map(|(r, _)| r) else {
            continue;
        };
        let rule = format!("M{rule}");
        let cased = names.iter().any(|n| n.strip_prefix(&rule).is_some_and(|r| r.starts_with('-')));
        if !cased && !ELSEWHERE.iter().any(|(r, _)| *r == rule) {
            missing.push(rule);
        }
    }
    assert!(missing.is_empty(), "no case for {missing:?}");
}

struct Case {
    name: String,
    folder: PathBuf,
    feeds: Vec<PathBuf>,
    events_file: PathBuf,
    input: Vec<u8>,
    events: Vec<Vec<u8>>,
    args: Vec<String>,
    /// Field, atomic, indicator, grade by event.
    expected: Vec<Vec<[String; 4]>>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn all() -> Vec<Case> {
    let folder = root().join("tests/cases");
    let mut folders: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    folders.retain(|f| f.is_dir());
    folders.sort();
    assert!(!folders.is_empty());
    folders.into_iter().map(Case::read).collect()
}

/// Lines without their line ends.
fn lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> =
        bytes.split(|&b| b == b'\n').map(|l| l.strip_suffix(b"\r").unwrap_or(l).to_vec()).collect();
    if lines.last().is_some_and(Vec::is_empty) {
        lines.pop();
    }
    lines
}

impl Case {
    fn read(folder: PathBuf) -> Case {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let mut files: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect();
        files.sort();
        let named = |prefix: &str| -> Vec<PathBuf> {
            let fits = |f: &&PathBuf| f.file_name().unwrap().to_string_lossy().starts_with(prefix);
            files.iter().filter(fits).cloned().collect()
        };
        let events_file = named("events").pop().unwrap_or_else(|| panic!("{name}: no events"));
        let input = fs::read(&events_file).unwrap();
        let args = fs::read_to_string(folder.join("args")).unwrap_or_default();
        let args: Vec<String> = args.lines().map(str::to_owned).collect();
        let events = if args.join(" ").contains("--format json") { documents(&input) } else { lines(&input) };
        let mut expected = vec![Vec::new(); events.len()];
        for line in fs::read_to_string(folder.join("expected.hits")).unwrap().lines() {
            if line.starts_with('#') || line.is_empty() {
                continue;
            }
            let words: Vec<String> = line.split_whitespace().map(|w| w.replace("\\s", " ")).collect();
            let [event, field, atomic, indicator, grade] = words.try_into().unwrap_or_else(|w| {
                panic!("{name}: expected.hits has five words a line, not {w:?}");
            });
            let event: usize = event.parse().unwrap();
            let hits = expected.get_mut(event - 1).unwrap_or_else(|| panic!("{name}: no event {event}"));
            hits.push([field, atomic, indicator, grade]);
        }
        Case { feeds: named("feed"), name, folder, events_file, input, events, args, expected }
    }

    /// Runs the program over the events of the case, or over others on standard input.
    fn run(&self, more: &[&str], others: Option<&[u8]>) -> Result<Vec<u8>, String> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_taxiway"));
        command.arg("filter").arg("--quiet");
        for feed in &self.feeds {
            command.arg("--intel").arg(feed);
        }
        command.args(&self.args).args(more).current_dir(&self.folder);
        match others {
            Some(bytes) => {
                let mut file = tempfile::tempfile().unwrap();
                file.write_all(bytes).unwrap();
                file.rewind().unwrap();
                command.stdin(file);
            }
            None => {
                command.stdin(Stdio::null()).arg(&self.events_file);
            }
        }
        let output = command.output().unwrap();
        if !output.status.success() {
            return Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim()));
        }
        Ok(output.stdout)
    }

    fn check_program(&self, update: bool) -> Vec<String> {
        // the flat preset tells the listed value of every kind in one place
        let preset: &[&str] =
            if self.args.iter().any(|a| a == "--preset") { &[] } else { &["--preset", "flat"] };
        let mut failures = Vec::new();
        match self.run(preset, None) {
            Err(message) => return vec![format!("{}: {message}", self.name)],
            Ok(output) => {
                failures.extend(self.only_insertions(&output));
                let events = if self.args.join(" ").contains("--format json") {
                    documents(&output)
                } else {
                    lines(&output)
                };
                let hits: Vec<Vec<Hit>> = events.iter().map(|e| tagged::hits(e)).collect();
                failures.extend(self.compare("program", &hits));
            }
        }
        let path = self.folder.join("expected.out");
        match self.run(&[], None) {
            Err(message) => failures.push(format!("{}: {message}", self.name)),
            Ok(output) => {
                failures.extend(self.only_insertions(&output));
                match self.run(&[], Some(&output)) {
                    Ok(second) if second == output => {}
                    Ok(_) => failures.push(format!("{}: tagging twice changes something (M11.1)", self.name)),
                    Err(message) => failures.push(format!("{} on its own output: {message}", self.name)),
                }
                if update && failures.is_empty() {
                    fs::write(&path, &output).unwrap();
                }
                if fs::read(&path).unwrap_or_default() != output {
                    let output = String::from_utf8_lossy(&output).into_owned();
                    failures.push(format!("{}: other bytes than expected.out:\n{output}", self.name));
                }
            }
        }
        failures
    }

    /// M10.4, M10.5, M10.7: nothing but tags is put in, and line ends stay.
    fn only_insertions(&self, output: &[u8]) -> Vec<String> {
        if self.args.join(" ").contains("--format json") {
            let gone = tagged::inserted(&self.input, output).is_none() && documents(&self.input).len() == 1;
            return gone.then(|| format!("{}: more than a tag was changed", self.name)).into_iter().collect();
        }
        let before: Vec<&[u8]> = self.input.split_inclusive(|&b| b == b'\n').collect();
        let after: Vec<&[u8]> = output.split_inclusive(|&b| b == b'\n').collect();
        if before.len() != after.len() {
            return vec![format!("{}: {} lines in, {} out", self.name, before.len(), after.len())];
        }
        let changed = before.iter().zip(after).enumerate().filter_map(|(i, (before, after))| {
            let whole = tagged::inserted(before, after).is_some();
            (!whole).then(|| format!("{} event {}: more than a tag was changed", self.name, i + 1))
        });
        changed.collect()
    }

    fn compare(&self, who: &str, hits: &[Vec<Hit>]) -> Vec<String> {
        let mut failures = Vec::new();
        for event in 0..hits.len().max(self.expected.len()) {
            let told: Vec<[String; 4]> = hits.get(event).into_iter().flatten().map(words).collect();
            let expected = self.expected.get(event).cloned().unwrap_or_default();
            if told != expected {
                let text = self.events.get(event).map(|e| String::from_utf8_lossy(e).into_owned());
                let mut message =
                    format!("{} event {} ({who}): {}", self.name, event + 1, text.unwrap_or_default());
                for (what, hits) in [("expected", &expected), ("got     ", &told)] {
                    message.extend(hits.iter().map(|hit| format!("\n    {what} {}", hit.join("  "))));
                }
                failures.push(message);
            }
        }
        failures
    }

    /// The reference with the lists of this case; `None` where the case needs what the reference does not know.
    fn reference(&self) -> Option<Reference> {
        const UNKNOWN: [&str; 6] = ["M1.5-", "M8.6-", "M9.3-", "M11.", "M12.4-", "M10.3-"];
        if UNKNOWN.iter().any(|p| self.name.starts_with(p)) {
            return None;
        }
        let mut listed = Vec::new();
        for (number, path) in self.feeds.iter().enumerate() {
            if path.extension().is_none_or(|e| e != "txt") {
                return None;
            }
            let feed = (number, path.file_stem().unwrap().to_string_lossy().into_owned());
            for line in fs::read_to_string(path).unwrap().lines() {
                if line.is_empty() || line.starts_with('#') {
                    continue;
                }
                let value = Value::read(line).unwrap_or_else(|| panic!("{}: {line:?}", self.name));
                listed.push(Listed { feed: feed.clone(), id: None, value, part_of_pattern: false });
            }
        }
        let mut reference = Reference::new(listed);
        let mut args = self.args.iter().map(String::as_str);
        while let Some(arg) = args.next() {
            match (arg, args.next()?) {
                ("--allow", "reserved") => reference.allow_reserved = true,
                ("--allow", "looks-like-file") => reference.allow_looks_like_file = true,
                ("--format", "text") => {}
                _ => return None,
            }
        }
        Some(reference)
    }
}

fn words(hit: &Hit) -> [String; 4] {
    [hit.field.clone(), hit.atomic.clone(), hit.indicator.clone(), hit.grade.clone()]
}

/// The JSON objects of `--format json`, one after the other; what is no object ends the list.
fn documents(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut stream = serde_json::Deserializer::from_slice(bytes).into_iter::<serde::de::IgnoredAny>();
    let mut ends = Vec::new();
    while let Some(Ok(_)) = stream.next() {
        ends.push(stream.byte_offset());
    }
    let mut start = 0;
    let mut documents = Vec::new();
    for end in ends {
        documents.push(bytes[start..end].trim_ascii().to_vec());
        start = end;
    }
    documents
}
