//! The values of every document, against a second reader in a few lines of Python (`tests/oracle`), over the excerpts
//! in `tests/corpus` and, where `TAXIWAY_CORPUS` is set, all STIX documents in it.
//!
//! Both are to find the same; what they do not is a row in [`DIFFERENCES`], with its reason.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use taxiway::intake::{self, Options, Source};
use taxiway::observable::{self, Hint, Kind};

use crate::corpus::{files, whole};

/// Document (its name without folder, so that versions of one are one row), values that only we find, values that only
/// the other finds, and why.
const DIFFERENCES: &[(&str, usize, usize, &str)] = &[
    ("20210921-d56cf3e.stix2", 36, 36, CERTIFICATES),
    ("20220412-41618a8.stix2", 44, 44, CERTIFICATES),
    ("20220526-8b70292.stix2", 74, 74, CERTIFICATES),
    ("20220810-b9de54f.stix2", 82, 82, CERTIFICATES),
    ("Appendix_G_IOCs_Full.json", 0, 34, "`unconverted_term:...` is no comparison, so the pattern is none"),
    ("STIX_FileHash_Watchlist.xml", 0, 1, "33 digits are no digest"),
    ("boggyserpens.json", 0, 1, "a blank in the URL: no event could hold it (M5.12)"),
    ("or-instead-of-list-as-string.json", 0, 1, "a URL that begins with a quotation mark"),
    ("or-instead-of-list-as-string.xml", 0, 1, "a URL that begins with a quotation mark"),
    ("predator.stix2", 0, 1, "a name of one label"),
    ("vmware-vulnerabilities.json", 0, 1, "a command line in place of a URL"),
];

const CERTIFICATES: &str =
    "SHA-1 digests of certificates under the name md5: of certificates, length says what they are";

#[test]
fn another_reader_finds_the_same_values() {
    if Command::new("python3").arg("--version").output().is_err() {
        println!("skipped, there is no python3: the oracle of STIX documents");
        return;
    }
    let mut documents = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus"));
    if let Some(data) = whole("the oracle of STIX documents on all of them") {
        documents.extend(files(&data.join("stix1")));
        documents.extend(files(&data.join("stix2")));
    }
    let mut found = BTreeSet::new();
    let mut compared = 0;
    for (script, endings) in [("stix1.py", &["xml"][..]), ("stix2.py", &["json", "stix2"])] {
        let ending = |path: &Path| path.extension().and_then(|ending| ending.to_str()).map(str::to_owned);
        let of_script: Vec<PathBuf> = documents
            .iter()
            .filter(|path| ending(path).is_some_and(|ending| endings.contains(&ending.as_str())))
            .cloned()
            .collect();
        let theirs = oracle(script, &of_script);
        for path in &of_script {
            let Some(ours) = ours(path) else { continue };
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let theirs = &theirs[path];
            let (more, less) = (ours.difference(theirs).count(), theirs.difference(&ours).count());
            if more + less > 0 {
                println!(
                    "{}: only here {:?}, only there {:?}",
                    path.display(),
                    ours.difference(theirs).collect::<Vec<_>>(),
                    theirs.difference(&ours).collect::<Vec<_>>()
                );
                found.insert((name, more, less));
            }
            compared += 1;
        }
    }
    assert!(compared >= 12, "only {compared} documents compared");
    let known: BTreeSet<_> =
        DIFFERENCES.iter().map(|(name, more, less, _)| ((*name).to_owned(), *more, *less)).collect();
    let new: Vec<_> = found.difference(&known).collect();
    assert!(new.is_empty(), "differences without a reason: {new:?}");
    let is_whole = std::env::var_os("TAXIWAY_CORPUS").is_some();
    let gone: Vec<_> = known.difference(&found).filter(|_| is_whole).collect();
    assert!(gone.is_empty(), "reasons without a difference: {gone:?}");
}

/// What we find in a document, in canonical form; `None` if it is no feed.
fn ours(path: &Path) -> Option<BTreeSet<String>> {
    let source = Source { name: "feed".into(), path: path.to_owned() };
    let mut found = BTreeSet::new();
    let mut take = |indicator: taxiway::indicator::Indicator| {
        found.extend(indicator.values.iter().map(|(value, _)| value.to_string()));
    };
    let loaded = intake::load_each(&[source], Options { observables: true }, &mut |_| (), &mut take);
    loaded.is_ok().then_some(found)
}

/// What the script finds in the documents, in canonical form where there is one.
fn oracle(script: &str, paths: &[PathBuf]) -> BTreeMap<PathBuf, BTreeSet<String>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle").join(script);
    let output = Command::new("python3").arg("-B").arg(script).args(paths).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    let mut found = BTreeMap::new();
    for line in lines.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let values = row["values"].as_array().into_iter().flatten();
        let values = values.flat_map(|pair| canonical(pair[0].as_str().unwrap(), pair[1].as_str().unwrap()));
        found.insert(PathBuf::from(row["file"].as_str().unwrap()), values.collect());
    }
    assert_eq!(found.len(), paths.len());
    found
}

fn canonical(kind: &str, text: &str) -> Vec<String> {
    let hint = Kind::from_name(kind).map_or(Hint::None, Kind::hint);
    match observable::read(text, hint) {
        Ok(values) => values.iter().map(ToString::to_string).collect(),
        Err(_) => vec![text.to_owned()],
    }
}
