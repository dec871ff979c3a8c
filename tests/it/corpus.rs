//! Real logs and real feeds: the excerpts in `tests/corpus`, and the whole data where `TAXIWAY_CORPUS` is set.
//!
//! Without it the larger tests say by name what they skip.
#![expect(clippy::print_stdout, reason = "tests say what they skip and what they found")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use taxiway::intake::{self, Source};

use crate::program::{self, Program};
use crate::reference::{Format, Hit, Listed, Reference, Value};
use crate::tagged;

fn excerpts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

/// The folder with the whole data.
pub(crate) fn whole(what_is_skipped: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("TAXIWAY_CORPUS").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped, TAXIWAY_CORPUS is not set: {what_is_skipped}");
    }
    folder
}

/// All files below a folder, in order.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Bytes of a file, decompressed if it ends in `.zst`.
fn read(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    if path.extension().is_some_and(|e| e == "zst") {
        return zstd::decode_all(&bytes[..]).unwrap();
    }
    bytes
}

fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = bytes.split(|&b| b == b'\n').collect();
    if lines.last().is_some_and(|l| l.is_empty()) {
        lines.pop();
    }
    lines
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().split('.').next().unwrap().to_owned()
}

/// The values of a list as its first or (behind a type word) second column.
fn reference(feeds: &[PathBuf], keep: impl Fn(&Value) -> bool) -> Reference {
    let mut listed = Vec::new();
    for (number, path) in feeds.iter().enumerate() {
        let bytes = read(path);
        let mut seen = BTreeSet::new();
        for line in String::from_utf8_lossy(&bytes).lines() {
            let columns: Vec<&str> = line.split('\t').collect();
            if line.starts_with('#') || line.is_empty() || !seen.insert(line.to_owned()) {
                continue;
            }
            let typed = ["cidr", "domain", "ip", "ip-port", "url"].contains(&columns[0]);
            let Some(value) = Value::read(columns[usize::from(typed)]) else { continue };
            if keep(&value) {
                let feed = (number, name(path));
                listed.push(Listed { feed, id: None, value, part_of_pattern: false });
            }
        }
    }
    Reference::new(listed)
}

/// The program with these feeds, compiled once for several logs.
struct Compiled(Program);

impl Compiled {
    fn of(feeds: &[PathBuf]) -> Compiled {
        let program = Program::new();
        let feeds = feeds.iter().map(|feed| feed.to_str().unwrap());
        let arguments: Vec<&str> = ["compile", "-o", "snapshot"].into_iter().chain(feeds).collect();
        let output = program.run(&arguments, "");
        assert_eq!(program::code(&output), 0, "{}", program::stderr(&output));
        Compiled(program)
    }

    fn filter(&self, log: &Path, more: &[&str]) -> Vec<u8> {
        let arguments = ["filter", "--quiet", "--preset", "flat", "--snapshot", "snapshot"];
        let output = self.0.run(&[&arguments, more, &[log.to_str().unwrap()]].concat(), "");
        assert_eq!(program::code(&output), 0, "{}", program::stderr(&output));
        output.stdout
    }
}

/// Field, text, listed value and grade: rows of a list that differ in their names only would look alike.
fn key(hit: &Hit) -> [String; 5] {
    let Hit { field, atomic, indicator, grade, feed, .. } = hit.clone();
    [field, atomic, indicator, grade, feed]
}

/// Runs the program over a log and compares with the reference; gives all hits.
fn compare(reference: &Reference, compiled: &Compiled, log: &Path, more: &[&str]) -> Vec<Hit> {
    let input = read(log);
    let output = compiled.filter(log, more);
    let (before, after) = (lines(&input), lines(&output));
    assert_eq!(before.len(), after.len(), "{}", log.display());
    let mut all = Vec::new();
    let mut failures = Vec::new();
    for (event, line) in before.iter().zip(after) {
        assert!(tagged::inserted(event, line).is_some(), "more than a tag: {}", line.escape_ascii());
        let got = tagged::hits(line);
        let expected = reference.hits(event, Format::Auto);
        let told: BTreeSet<_> = got.iter().map(key).collect();
        let wanted: BTreeSet<_> = expected.iter().map(key).collect();
        if told != wanted {
            let missing: Vec<_> = wanted.difference(&told).collect();
            let more: Vec<_> = told.difference(&wanted).collect();
            failures.push(format!("{}\n  missing {missing:?}\n  too much {more:?}", event.escape_ascii()));
        }
        all.extend(got);
    }
    assert!(
        failures.is_empty(),
        "{}: {} events differ:\n{}",
        log.display(),
        failures.len(),
        failures[..failures.len().min(5)].join("\n")
    );
    all
}

fn atomics(hits: &[Hit]) -> BTreeSet<&str> {
    hits.iter().map(|h| h.atomic.as_str()).collect()
}

#[test]
fn excerpts_give_what_the_reference_finds() {
    let folder = excerpts();
    let feeds = [folder.join("ipsum.txt"), folder.join("maltrail.tsv")];
    let reference = reference(&feeds, |_| true);
    let compiled = Compiled::of(&feeds);
    let mut found = Vec::new();
    for log in ["eve-alerts.ndjson", "auth.log", "apache-access.log"] {
        let hits = compare(&reference, &compiled, &folder.join(log), &[]);
        assert!(log == "apache-access.log" || !hits.is_empty(), "{log}: no hit");
        found.extend(hits);
    }
    let found = atomics(&found);
    for wanted in [
        "66.240.236.119",
        "71.6.199.23",
        "80.82.77.33",
        "80.82.77.139",
        "198.20.69.74",
        "api.opencandy.com",
        "www.r57c99.com",
        "checkip.dyndns.com",
    ] {
        assert!(found.contains(wanted), "{wanted} is not found");
    }
}

#[test]
fn stix_excerpts_load() {
    for (file, at_least) in [
        ("unit42-pikabot.json", 1),
        ("unit42-hellokitty.json", 5),
        ("mvt-rcs.stix2", 20),
        ("mvt-darksword.stix2", 10),
    ] {
        loads(&excerpts().join(file), at_least);
    }
}

#[test]
fn all_stix_2_folders_load() {
    let Some(data) = whole("STIX 2 folders: unit42, mvt, amnesty, stalkerware") else { return };
    // a part of the patterns says things that are not matched yet
    for (folder, at_least) in [
        ("unit42-playbooks-2.0", 5_000),
        ("mvt-2.1", 1_000),
        ("amnesty-2.1", 3_000),
        ("stalkerware-2.1-history", 500),
    ] {
        loads(&data.join("stix2").join(folder), at_least);
    }
}

/// Loads a feed: every object is accounted for, and nothing is wrong with the files.
fn loads(path: &Path, at_least: usize) {
    const FAULTS: [&str; 10] = [
        "bad-json",
        "cut",
        "encoding",
        "no-id",
        "no-pattern",
        "no-type",
        "not-an-object",
        "stray-text",
        "too-large",
        "too-many",
    ];
    let path = path.to_str().unwrap();
    let loaded = intake::load(&[Source::parse(path)]).unwrap_or_else(|e| panic!("{e}"));
    let report = &loaded.reports[0];
    let skipped: u64 = report.skipped.iter().chain(&report.kept).map(|(_, n, _)| n).sum();
    let accounted = report.used + report.context_objects + skipped;
    println!("{path}: received {}, used {}, {:?}", report.received, report.used, report.skipped);
    assert_eq!(report.received, accounted, "{path}: received and accounted for");
    assert!(report.skipped.iter().all(|(reason, n, _)| !reason.is_empty() && *n > 0), "{path}");
    assert!(!report.skipped.iter().any(|(r, _, _)| FAULTS.contains(r)), "{path}: {:?}", report.skipped);
    // a warning sums up what was skipped, and names the reason
    let named = |w: &String| report.skipped.iter().any(|(reason, _, _)| w.contains(reason));
    assert!(report.warnings.iter().all(named), "{path}: {:?}", report.warnings);
    assert!(loaded.indicators.len() >= at_least, "{path}: only {} indicators", loaded.indicators.len());
}

#[test]
fn addresses_of_ipsum_and_maltrail_are_found_in_the_logs() {
    let Some(data) = whole("ipsum and addresses of maltrail against five logs") else { return };
    let feeds = [data.join("lists/ipsum.txt.zst"), data.join("lists/maltrail.tsv.zst")];
    let addresses = |v: &Value| matches!(v, Value::Ip(_) | Value::Network(..) | Value::IpPort(..));
    let reference = reference(&feeds, addresses);
    let compiled = Compiled::of(&feeds);
    let kinds = ["--kinds", "ip,network,ip-port"];
    for (log, wanted) in [
        ("suricata-eve-alerts.ndjson", &["66.240.236.119", "71.6.199.23", "80.82.77.33"][..]),
        ("auth.log.zst", &["80.82.77.139", "198.20.69.74"][..]),
        ("openssh_2k.log.zst", &["1.237.174.253"][..]),
        ("apache_access.log.zst", &[][..]),
        ("zeek-dns.tsv.zst", &[][..]),
    ] {
        let hits = compare(&reference, &compiled, &data.join("logs").join(log), &kinds);
        let found = atomics(&hits);
        println!("{log}: {} hits of {} addresses", hits.len(), found.len());
        for one in wanted {
            assert!(found.contains(one), "{log}: {one} is not found");
        }
        for never in ["10.0.0.1", "0.0.0.0", "127.0.0.1"] {
            assert!(!found.contains(never), "{log}: {never} is reserved");
        }
    }
}

#[test]
fn domains_of_maltrail_are_found_in_the_alerts_and_nowhere_else() {
    let Some(data) = whole("1.16 million domains of maltrail against alerts, auth.log and openssh_2k.log")
    else {
        return;
    };
    let feeds = [data.join("lists/maltrail.tsv.zst")];
    let reference = reference(&feeds, |v| matches!(v, Value::Domain(_)));
    let compiled = Compiled::of(&feeds);
    let log = |name: &str| data.join("logs").join(name);
    let kinds = ["--kinds", "domain"];
    let alerts = compare(&reference, &compiled, &log("suricata-eve-alerts.ndjson"), &kinds);
    for wanted in ["api.opencandy.com", "www.r57c99.com", "checkip.dyndns.com"] {
        assert!(atomics(&alerts).contains(wanted), "{wanted} is not found");
    }
    for quiet in ["auth.log.zst", "openssh_2k.log.zst"] {
        let hits = compare(&reference, &compiled, &log(quiet), &kinds);
        assert!(hits.is_empty(), "{quiet}: {:?}", atomics(&hits));
    }
    compare(&reference, &compiled, &log("apache_access.log.zst"), &kinds);
}
