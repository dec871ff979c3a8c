//! STIX 1 packages: the excerpts in `tests/corpus/stix1`, and all of `stix1` below `TAXIWAY_CORPUS`.

use std::collections::BTreeSet;
use std::path::Path;

use taxiway::indicator::Indicator;
use taxiway::intake::{self, FeedReport, Source};

use crate::corpus::{files, whole};

/// Indicators and the account of a file or folder, in which nothing is missing.
fn load(path: &Path) -> (Vec<Indicator>, FeedReport) {
    let path = path.to_str().unwrap();
    let mut loaded =
        intake::load(&[Source::parse(&format!("feed={path}"))]).unwrap_or_else(|e| panic!("{e}"));
    let report = loaded.reports.remove(0);
    let [kept, skipped] =
        [&report.kept, &report.skipped].map(|rows| rows.iter().map(|row| row.1).sum::<u64>());
    let settled = report.used + kept + report.context_objects + skipped;
    assert_eq!(report.received, settled, "{path}: {report:?}");
    assert_eq!(report.used + kept, loaded.indicators.len() as u64, "{path}");
    (loaded.indicators, report)
}

fn values(indicators: &[Indicator]) -> BTreeSet<String> {
    indicators.iter().flat_map(|indicator| &indicator.values).map(|(value, _)| value.to_string()).collect()
}

#[test]
fn excerpts_give_their_values() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/stix1");
    for (file, expected) in [
        // OR gives its leaves and those of indicators it refers to, AND none
        ("composite.xml", &["026871ea3d6cbbeb90fea6bf2906cc12", "202.65.222.45", "219.90.112.203"][..]),
        ("indicator-for-c2-ip-address.xml", &["10.0.0.0"]),
        (
            "list-as-string.xml",
            &[
                "http://example.com/foo/malicious1.html",
                "http://example.com/foo/malicious2.html",
                "http://example.com/foo/malicious3.html",
            ],
        ),
        // one of the three begins with a quotation mark
        (
            "or-instead-of-list-as-string.xml",
            &["http://example.com/foo/malicious1.html", "http://example.com/foo/malicious3.html"],
        ),
        ("pattern_id_ref_issue.xml", &["10.0.0.0", "20.0.0.0"]),
        ("socket-address-pattern.xml", &["198.51.100.2"]),
    ] {
        let (indicators, _) = load(&folder.join(file));
        let expected: BTreeSet<String> = expected.iter().map(|value| (*value).to_owned()).collect();
        assert_eq!(values(&indicators), expected, "{file}");
    }
    let (of_1_1, report) = load(&folder.join("misp-event.xml"));
    let (of_1_2, _) = load(&folder.join("misp-event-1.2.xml"));
    assert_eq!(of_1_1, of_1_2);
    // the second attribute is not for detection: it is an observable that no indicator points to
    assert_eq!(values(&of_1_1), BTreeSet::from(["circl.lu".to_owned()]));
    assert_eq!(report.skipped.first().map(|(reason, ..)| *reason), Some("no-indicator"));
}

#[test]
fn one_sample_says_the_same_in_all_versions() {
    let Some(data) = whole("the STIX 1 samples in six versions") else { return };
    let folder = |version: &str| data.join("stix1").join(version);
    for sample in [
        "STIX_IP_Watchlist.xml",
        "STIX_Domain_Watchlist.xml",
        "STIX_URL_Watchlist.xml",
        "STIX_FileHash_Watchlist.xml",
    ] {
        let mut found = BTreeSet::new();
        for version in VERSIONS {
            let (indicators, _) = load(&folder(version).join(sample));
            assert_eq!(indicators.len(), 1, "{version}/{sample}");
            found.insert(values(&indicators));
        }
        assert_eq!(found.len(), 1, "{sample}: {found:?}");
        assert!(!found.first().unwrap().is_empty());
    }
    // The larger packages exist from 1.1 on.
    let mut accounts = BTreeSet::new();
    for version in VERSIONS.get(2..).unwrap() {
        for sample in ["APT1", "Poison Ivy"] {
            let (_, report) = load(&folder(version).join(sample));
            let reports = report.context_types.iter().filter(|(kind, _)| **kind == *"report").map(|(_, n)| n);
            accounts.insert((sample, report.received - reports.sum::<u64>(), report.used));
        }
    }
    assert_eq!(accounts.len(), 2, "{accounts:?}");
}

const VERSIONS: [&str; 6] = ["version_1.0", "version_1.0.1", "v1.1", "v1.1.1", "v1.2", "1.2.1"];

#[test]
fn every_file_is_accounted_for() {
    let Some(data) = whole("all STIX 1 files") else { return };
    let (mut read, mut refused) = (0, Vec::new());
    for path in files(&data.join("stix1")).iter().filter(|path| path.extension().is_some_and(|e| e == "xml"))
    {
        match intake::load(&[Source::parse(&format!("feed={}", path.display()))]) {
            Ok(_) => {
                let (_, report) = load(path);
                assert!(report.received > 0, "{}: {report:?}", path.display());
                assert!(report.noted.iter().all(|(reason, ..)| *reason != "bad-xml"), "{report:?}");
                read += 1;
            }
            Err(error) => refused.push(error.to_string()),
        }
    }
    // fragments of packages without their namespaces, a schema, and another format
    for error in &refused {
        assert!(["STIX_Snippet_", "maec"].iter().any(|word| error.contains(word)), "{error}");
    }
    assert!(read > 200, "only {read}");
}

#[test]
fn idioms_say_what_another_converter_reads_in_them() {
    let Some(data) = whole("STIX 1 idioms against their STIX 2.1 edition") else { return };
    let data = data.join("stix1");
    let mut found = Vec::new();
    for path in files(&data.join("idioms")) {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let (ours, _) = load(&path);
        let theirs = RENAMED.iter().find(|(here, _)| *here == name).map_or(name, |(_, there)| there);
        let theirs = data.join("idioms-expected-2.1").join(format!("{theirs}.json"));
        let (theirs, _) = load(&theirs);
        let (ours, theirs) = (values(&ours), values(&theirs));
        let more = ours.difference(&theirs).count();
        let less = theirs.difference(&ours).count();
        if more + less > 0 {
            println!(
                "{name}: more {:?} less {:?}",
                ours.difference(&theirs).collect::<Vec<_>>(),
                theirs.difference(&ours).collect::<Vec<_>>()
            );
            found.push((name.to_owned(), more, less));
        }
    }
    let expected: Vec<_> =
        DIFFERENCES.iter().map(|(name, more, less, _)| ((*name).to_owned(), *more, *less)).collect();
    assert_eq!(found, expected);
}

/// Idiom, values that only we read, values that only the other converter reads, and why.
const DIFFERENCES: &[(&str, usize, usize, &str)] = &[
    ("issue-271", 18, 0, "digests of files that have a name: each stands for its file, part-of-pattern"),
    ("issue62", 6, 0, "digests of files that have a name and a size"),
    ("taxii-regression-test-14", 3, 0, "digests of a file that has a name, a path and a size"),
];

/// Idioms whose other edition has another name.
const RENAMED: [(&str, &str); 3] = [
    ("custom-object", "custom_object"),
    ("registry-with-user", "registry_with_user"),
    ("x509-observable", "x509-certificate"),
];
