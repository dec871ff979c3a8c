//! `taxiway inspect`: goldens of the excerpts, the account of every STIX 2 file there is, broken input.
//!
//! Expected tables are in `tests/corpus/inspect`; `UPDATE_EXPECT=1` rewrites them: read the diff.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::command::gzip;
use crate::program::{Program, code, stderr, stdout};

const AT: [&str; 3] = ["inspect", "--at", "2026-11-01T00:00:00Z"];

const GOLDEN: [&str; 8] = [
    "tests/corpus/ipsum.txt",
    "tests/corpus/maltrail.tsv",
    "tests/corpus/mvt-darksword.stix2",
    "tests/corpus/mvt-rcs.stix2",
    "tests/corpus/unit42-hellokitty.json",
    "tests/corpus/unit42-pikabot.json",
    "tests/corpus/inspect/all-that-says-something.json",
    "docs/sample/feed.json",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs in the folder of the project, so that names of files are the same everywhere.
fn inspect(arguments: &[&str]) -> std::process::Output {
    let program = Program::new();
    program.command(&[&AT, arguments].concat()).current_dir(root()).output().unwrap()
}

fn accounts(output: &std::process::Output) -> Vec<Json> {
    stdout(output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Received is used, context and skipped, and indicators are used or skipped.
fn check(account: &Json) {
    let number = |name: &str| account[name].as_u64().unwrap();
    let skipped: u64 =
        account["skipped"].as_array().unwrap().iter().map(|r| r["count"].as_u64().unwrap()).sum();
    assert_eq!(number("received"), number("used") + number("context") + skipped, "{account}");
    let tlp: u64 =
        account["markings"]["tlp"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!(tlp, number("used"), "{account}");
    for reason in account["skipped"].as_array().unwrap() {
        let examples = reason["examples"].as_array().unwrap().len() as u64;
        assert_eq!(examples, reason["count"].as_u64().unwrap().min(3), "{account}");
    }
}

#[test]
fn the_table_of_each_excerpt_is_as_expected() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    for file in GOLDEN {
        let name = file.rsplit('/').next().unwrap();
        for (ending, arguments) in [("txt", &[file][..]), ("json", &["--json", file])] {
            let output = inspect(arguments);
            assert_eq!((code(&output), stderr(&output).as_str()), (0, ""), "{file}");
            let expected = root().join(format!("tests/corpus/inspect/{name}.expected.{ending}"));
            if update {
                fs::write(&expected, &output.stdout).unwrap();
            }
            let told = fs::read_to_string(&expected).unwrap_or_default();
            assert_eq!(stdout(&output), told, "{}", expected.display());
            if ending == "json" {
                accounts(&output).iter().for_each(check);
            }
        }
    }
}

#[test]
fn objects_of_every_stix_2_file_are_accounted_for() {
    let Some(data) = std::env::var_os("TAXIWAY_CORPUS").map(PathBuf::from) else {
        println!("skipped, TAXIWAY_CORPUS is not set: the account of all STIX 2 files");
        return;
    };
    let mut files = Vec::new();
    for folder in fs::read_dir(data.join("stix2")).unwrap() {
        files.extend(fs::read_dir(folder.unwrap().path()).unwrap().map(|entry| entry.unwrap().path()));
    }
    files.sort();
    assert!(files.len() > 100, "only {} files", files.len());
    let mut received = 0;
    // In feeds of their own, so that no file is a version of another.
    for (number, path) in files.iter().enumerate() {
        let text = fs::read(path).unwrap();
        let Ok(Json::Object(document)) = serde_json::from_slice(&text) else { continue };
        let Some(objects) = document.get("objects").and_then(Json::as_array) else { continue };
        let output = inspect(&["--json", &format!("f{number}={}", path.display())]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let account = &accounts(&output)[0];
        check(account);
        assert_eq!(account["received"], objects.len(), "{}", path.display());
        let mut types = std::collections::BTreeMap::<&str, u64>::new();
        for object in objects {
            *types.entry(object["type"].as_str().unwrap()).or_default() += 1;
        }
        assert_eq!(account["objects"], serde_json::to_value(types).unwrap(), "{}", path.display());
        assert_eq!(account["bytes"], text.len(), "{}", path.display());
        received += objects.len();
    }
    println!("{received} objects of {} files", files.len());
    assert!(received > 50_000);
}

#[test]
fn one_object_a_file_and_2_for_what_is_no_feed() {
    let program = Program::new();
    fs::create_dir(program.path("feeds")).unwrap();
    program.write("feeds/1.txt", "one.example\ntwo.example\nnot a value\n");
    program.write("feeds/2.html", "<html>");
    program.write("feeds/3.pdf", "%PDF-1.4");
    program.write("feeds/4.json.gz", gzip(br#"{"type":"bundle","objects":[{"type":"indicator","id"#));
    let output = program.run(&["inspect", "--json", "feeds", "missing.json", "x=-"], "three.example\n");
    assert_eq!(code(&output), 2);
    assert_eq!(stderr(&output), "taxiway: missing.json: no such file or folder\n");
    let accounts = accounts(&output);
    accounts.iter().for_each(check);
    let told: Vec<String> = accounts
        .iter()
        .map(|a| {
            format!("{} {} {} {} {}", a["file"], a["feed"], a["format"], a["used"], a["refused"].is_string())
        })
        .collect();
    assert_eq!(
        told,
        [
            r#""feeds/1.txt" "feeds" "list" 2 false"#,
            r#""feeds/3.pdf" "feeds" null 0 true"#,
            r#""feeds/4.json.gz" "feeds" "STIX" 0 false"#,
            r#""missing.json" "missing" null 0 true"#,
            r#""standard input" "x" "list" 1 false"#,
        ]
    );
    assert_eq!(accounts[2]["decoded_from"], serde_json::json!(["gzip"]));
    assert_eq!(accounts[2]["skipped"][0]["reason"], "cut");
    for (arguments, word) in
        [(&["inspect"][..], "FEED"), (&["inspect", "--at", "any", "feed.txt"], "--at now")]
    {
        let output = program.run(arguments, "");
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(stderr(&output).contains(word), "{}", stderr(&output));
    }
}

#[test]
fn compile_tells_the_same_in_short() {
    let program = Program::new();
    let feed = root().join("docs/sample/feed.json");
    let feed = feed.to_str().unwrap();
    let output = program.run(&["compile", feed, "feed.txt", "-o", "set.taxi"], "");
    assert!(
        stdout(&output).contains("24 received = 9 used + 14 for context + 1 not used"),
        "{}",
        stdout(&output)
    );
    let output = program.run(&["compile", "--json", feed, "feed.txt", "-o", "set.taxi"], "");
    let report: Json = serde_json::from_slice(&output.stdout).unwrap();
    let files = report["files"].as_array().unwrap();
    assert_eq!(files.len(), 2);
    files.iter().for_each(check);
    let own = &accounts(&program.run(&["inspect", "--json", feed], ""))[0];
    assert_eq!(&files[0], own);
}

#[test]
fn what_the_build_refuses_is_told_of_its_file() {
    let program = Program::new();
    program.write("a.txt", "co.uk\nevil.example\n0.0.0.0/1\n");
    let output = program.run(&["inspect", "--json", "a.txt"], "");
    let reasons: Vec<String> = accounts(&output)[0]["refused_values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reason| format!("{} {} {}", reason["reason"], reason["count"], reason["examples"][0]))
        .collect();
    assert_eq!(reasons, [r#""public-suffix" 1 "co.uk""#, r#""wide-network" 1 "0.0.0.0/1""#]);
    let output = program.run(&["inspect", "--json", "--allow", "public-suffix,wide-network", "a.txt"], "");
    assert_eq!(accounts(&output)[0]["refused_values"], serde_json::json!([]));
}

#[test]
fn remarks_are_shown_by_look_ups_and_dumps_and_some_in_tags() {
    let program = Program::new();
    let feed = root().join("tests/corpus/inspect/all-that-says-something.json");
    let feed = feed.to_str().unwrap();
    let output = program.run(&["lookup", "--json", "--at", "any", "--intel", feed, "seen.example"], "");
    let answer: Json = serde_json::from_slice(&output.stdout).unwrap();
    let hit = &answer["hits"][0];
    let context = &hit["context"];
    assert_eq!(hit["tlp"], "AMBER+STRICT");
    assert_eq!(context["sightings"], 12);
    assert_eq!(context["last_seen"], "2026-10-03T00:00:00Z");
    assert_eq!(context["techniques"], serde_json::json!(["T1071", "T1071.001", "T1105"]));
    assert_eq!(context["statements"], serde_json::json!(["Copyright 2026, Example"]));
    assert_eq!(context["notes"], serde_json::json!(["A later note", "An earlier note"]));
    assert_eq!(context["opinions"], serde_json::json!({"agree": 1, "strongly-disagree": 1}));
    assert_eq!(context["malware"], serde_json::json!(["Otter"]));
    assert_eq!(context["tool"], serde_json::json!(["Shovel"]));
    assert_eq!(context["actor"], serde_json::json!(["Heron", "Heron set"]));
    let text = stdout(&program.run(&["lookup", "--at", "any", "--intel", feed, "seen.example"], ""));
    for word in ["seen 12", "last 2026-10-03", "opinion agree 1", "note A later note", "marked Copyright"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert_eq!(code(&program.run(&["lookup", "--intel", feed, "gone.example"], "")), 1);
    let tagged = program.run(&["filter", "--at", "any", "--intel", feed], "{\"q\":\"seen.example\"}\n");
    let event: Json = serde_json::from_slice(&tagged.stdout).unwrap();
    let element = &event["threat"]["enrichments"][0];
    assert_eq!(element["indicator"]["sightings"], 12);
    assert_eq!(element["indicator"]["last_seen"], "2026-10-03T00:00:00Z");
    assert_eq!(element["taxiway"]["technique"], serde_json::json!(["T1071", "T1071.001", "T1105"]));
    let tag = element.to_string();
    assert!(!tag.contains("note") && !tag.contains("Copyright"), "tags stay small: {tag}");
}
