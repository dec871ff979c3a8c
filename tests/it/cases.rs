//! Golden cases: one folder a rule of docs/MATCHING.md, run through the real program.
//!
//! A folder holds `feed*` (lists or STIX, in the order of their names), `events*`, perhaps `args` (one a line),
//! `expected.hits` and `expected.out`.
//!
//! `expected.suppressed` has the hits that `--stats` counts as not written, a rule and its number a line; cases of M9
//! have it wherever something is suppressed.
//!
//! `expected.hits` is written by hand and is the truth: one line a hit, `event field atomic indicator grade feed id`,
//! events counted from 1, hits in the order of M12.3; `#` starts a comment line. A blank inside a word is written
//! `\s`. The feed may be left out where there is one only, the id where there is none. `expected.out` has the exact bytes and is rewritten by `UPDATE_EXPECT=1`, but only where the hits are
//! right.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::reference::{Format, Hit, Listed, Reference, Value};
use crate::tagged;

/// Rules (and cases of rules) that the reference does not know: framing, the feed's words beside the value, policy
/// beyond M9.2, what was allowed at build, tags already there, the places of M10.3, limits, more pairs.
const UNKNOWN_TO_THE_REFERENCE: [&str; 20] = [
    "M1.5-",
    "M8.1-part-of-pattern",
    "M8.4-",
    "M8.6-",
    "M9.3-",
    "M9.4-",
    "M9.5-",
    "M9.6-",
    "M9.7-",
    "M9.8-wide-networks-allowed",
    "M13.10-",
    "M9.9-public-suffixes-allowed",
    "M9.10-empty-file-allowed",
    "M9.11-file-names-allowed",
    "M10.3-",
    "M11.",
    "M12.1-indicator-with-an-id",
    "M12.1-rows-that-differ",
    "M12.4-",
    "M12.6-",
];

#[test]
fn the_program_gives_what_the_cases_expect() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let failures: Vec<String> = all().iter().flat_map(|case| case.check_program(update)).collect();
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn the_reference_gives_what_the_cases_expect() {
    let mut failures = Vec::new();
    for case in all() {
        if UNKNOWN_TO_THE_REFERENCE.iter().any(|rule| case.name.starts_with(rule)) {
            continue;
        }
        let reference = case.reference();
        let format = if case.args.iter().any(|a| a == "text") { Format::Text } else { Format::Auto };
        let hits = case.events.iter().map(|e| reference.hits(e, format)).collect::<Vec<_>>();
        failures.extend(case.compare("reference", &hits));
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

/// Every rule that says something about an event has a case; the others are named here with their place.
#[test]
fn every_rule_has_a_case() {
    const ELSEWHERE: [(&str, &str); 7] = [
        ("M1.4", "stage: the first event of a stream; the case M1.5 has objects over several lines"),
        ("M1.7", "stage: lines beyond the limit"),
        ("M5.12", "observable: reading values of a feed"),
        ("M10.2", "every case is run with the preset flat"),
        ("M10.4", "checked for every event of every case"),
        ("M12.5", "tests/it/differential/"),
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

/// Candidate and grade of each row of the table of M8.1 are those of a hit of some case, and of no other.
#[test]
fn every_row_of_the_table_of_grades_has_a_hit() {
    /// No feed can say `port = "ignore"` in this version.
    const LATER: (&str, &str) = ("address with port", "address-any-port");
    let text = fs::read_to_string(root().join("docs/MATCHING.md")).unwrap();
    let section = text.split("- **M8.1**").nth(1).unwrap().split("- **M8.2**").next().unwrap();
    let rows = section.lines().filter_map(|line| line.trim().strip_prefix('|')?.strip_suffix('|'));
    let table: BTreeSet<(String, String)> = rows
        .map(|row| row.split('|').map(str::trim).collect::<Vec<_>>())
        .filter_map(|row| {
            Some((row[0].to_owned(), row[2].strip_prefix('`')?.trim_end_matches('`').to_owned()))
        })
        .filter(|(candidate, grade)| (candidate.as_str(), grade.as_str()) != LATER)
        .collect();
    let hits = all().into_iter().flat_map(|case| case.expected).flatten();
    let seen: BTreeSet<(String, String)> = hits.map(|hit| (candidate(&hit).to_owned(), hit.grade)).collect();
    assert!(table.len() >= 11, "{table:?}");
    assert_eq!(table, seen);
}

/// The first column of the table of M8.1, by the kind that is listed.
fn candidate(hit: &Hit) -> &'static str {
    match (Value::read(&hit.indicator).unwrap().kind(), hit.grade.as_str()) {
        ("ip" | "network", _) => "address",
        ("ip-port", _) => "address with port",
        ("domain", "email-domain") | ("email", _) => "e-mail address",
        ("domain", _) => "name",
        ("url", "url-without-query") => "URL with a query",
        ("url", _) => "URL",
        _ => "digest",
    }
}

struct Case {
    name: String,
    folder: PathBuf,
    feeds: Vec<PathBuf>,
    events_file: PathBuf,
    input: Vec<u8>,
    events: Vec<Vec<u8>>,
    args: Vec<String>,
    /// Objects over several lines instead of lines.
    json: bool,
    /// By event.
    expected: Vec<Vec<Hit>>,
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
        let json = args.join(" ").contains("--format json");
        let events = if json { documents(&input) } else { lines(&input) };
        let feeds = named("feed");
        let mut expected = vec![Vec::new(); events.len()];
        for line in fs::read_to_string(folder.join("expected.hits")).unwrap().lines() {
            if line.starts_with('#') || line.is_empty() {
                continue;
            }
            let words: Vec<String> = line.split_whitespace().map(|w| w.replace("\\s", " ")).collect();
            let [event, field, atomic, indicator, grade, rest @ ..] = words.as_slice() else {
                panic!("{name}: expected.hits has five words a line, or more, not {words:?}");
            };
            let feed = match (rest, feeds.as_slice()) {
                ([feed, ..], _) => feed.clone(),
                ([], [feed]) => stem(feed),
                _ => panic!("{name}: there are several feeds: {line}"),
            };
            let hit = Hit {
                field: field.clone(),
                atomic: atomic.clone(),
                indicator: indicator.clone(),
                grade: grade.clone(),
                feed,
                id: rest.get(1).cloned(),
            };
            let event: usize = event.parse().unwrap();
            expected.get_mut(event - 1).unwrap_or_else(|| panic!("{name}: no event {event}")).push(hit);
        }
        Case { name, folder, feeds, events_file, input, events, args, json, expected }
    }

    /// Runs the program over the events of the case, or over others on standard input.
    fn run(&self, more: &[&str], others: Option<&[u8]>) -> Result<Vec<u8>, String> {
        self.output(more, others).map(|output| output.stdout)
    }

    fn output(&self, more: &[&str], others: Option<&[u8]>) -> Result<Output, String> {
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
        Ok(output)
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
                let events = if self.json { documents(&output) } else { lines(&output) };
                let hits: Vec<Vec<Hit>> = events.iter().map(|e| tagged::hits(e)).collect();
                failures.extend(self.compare("program", &hits));
            }
        }
        failures.extend(self.check_counts());
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

    /// M9: what is not written is counted under the name of its rule.
    fn check_counts(&self) -> Option<String> {
        let path = self.folder.join("expected.suppressed");
        if !path.exists() && !self.name.starts_with("M9.") {
            return None;
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        let output = match self.output(&["--stats"], None) {
            Ok(output) => String::from_utf8(output.stderr).unwrap(),
            Err(message) => return Some(format!("{}: {message}", self.name)),
        };
        let counts = output.lines().filter_map(|line| line.strip_prefix("suppressed "));
        let told: String =
            counts.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n").collect();
        (told != expected).then(|| format!("{}: suppressed:\n{told}expected:\n{expected}", self.name))
    }

    /// M10.4, M10.5, M10.7: one tag is put into an event with hits and nothing into others, line ends and what
    /// stands between events included.
    fn only_insertions(&self, output: &[u8]) -> Vec<String> {
        let (before, after) = (self.pieces(&self.input), self.pieces(output));
        if before.len() != after.len() {
            return vec![format!("{}: {} events in, {} out", self.name, before.len(), after.len())];
        }
        let changed = before.iter().zip(after).enumerate().filter_map(|(i, (before, after))| {
            let tag = tagged::inserted(before, after);
            let hits = self.expected.get(i).map_or(0, Vec::len);
            let whole = tag.is_some_and(|tag| hits > 0 || tag.is_empty());
            (!whole).then(|| format!("{} event {}: more than a tag was changed", self.name, i + 1))
        });
        changed.collect()
    }

    /// The events with all that stands between them: put together they are all bytes.
    fn pieces<'a>(&self, bytes: &'a [u8]) -> Vec<&'a [u8]> {
        if !self.json {
            return bytes.split_inclusive(|&b| b == b'\n').collect();
        }
        let mut start = 0;
        let ends = ends(bytes).into_iter().chain([bytes.len()]);
        ends.map(|end| &bytes[std::mem::replace(&mut start, end)..end]).collect()
    }

    fn compare(&self, who: &str, hits: &[Vec<Hit>]) -> Vec<String> {
        let mut failures = Vec::new();
        for event in 0..hits.len().max(self.expected.len()) {
            let told = hits.get(event).map(Vec::as_slice).unwrap_or_default();
            let expected = self.expected.get(event).map(Vec::as_slice).unwrap_or_default();
            if told != expected {
                let text = self.events.get(event).map(|e| String::from_utf8_lossy(e).into_owned());
                let mut message =
                    format!("{} event {} ({who}): {}", self.name, event + 1, text.unwrap_or_default());
                for (what, hits) in [("expected", expected), ("got     ", told)] {
                    message.extend(hits.iter().map(|hit| format!("\n    {what} {}", words(hit))));
                }
                failures.push(message);
            }
        }
        failures
    }

    /// The reference with the lists of this case.
    fn reference(&self) -> Reference {
        let mut listed = Vec::new();
        for (number, path) in self.feeds.iter().enumerate() {
            assert!(path.extension().is_some_and(|e| e == "txt"), "{}: the reference reads lists", self.name);
            for line in fs::read_to_string(path).unwrap().lines() {
                if line.is_empty() || line.starts_with('#') {
                    continue;
                }
                let value = Value::read(line).unwrap_or_else(|| panic!("{}: {line:?}", self.name));
                listed.push(Listed { feed: (number, stem(path)), id: None, value, part_of_pattern: false });
            }
        }
        let mut reference = Reference::new(listed);
        for pair in self.args.chunks(2) {
            match [pair[0].as_str(), pair[1].as_str()] {
                ["--allow", "reserved"] => reference.allow_reserved = true,
                ["--allow", "looks-like-file"] => reference.allow_looks_like_file = true,
                ["--format", "text"] | ["--preset", _] => {}
                other => panic!("{}: the reference does not know {other:?}", self.name),
            }
        }
        reference
    }
}

/// The name of a feed is that of its file.
fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

fn words(hit: &Hit) -> String {
    let Hit { field, atomic, indicator, grade, feed, id } = hit;
    [field, atomic, indicator, grade, feed, id.as_ref().unwrap_or(&String::new())]
        .map(String::as_str)
        .join("  ")
}

/// The JSON objects of `--format json`, one after the other; what is no object ends the list.
fn documents(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut start = 0;
    let ends = ends(bytes).into_iter();
    ends.map(|end| bytes[std::mem::replace(&mut start, end)..end].trim_ascii().to_vec()).collect()
}

/// Where the JSON objects end.
fn ends(bytes: &[u8]) -> Vec<usize> {
    let mut stream = serde_json::Deserializer::from_slice(bytes).into_iter::<serde::de::IgnoredAny>();
    let mut ends = Vec::new();
    while let Some(Ok(_)) = stream.next() {
        ends.push(stream.byte_offset());
    }
    ends
}
