//! `taxiway inspect`: goldens of the excerpts, the account of every STIX file there is, broken input.
//!
//! Expected tables are in `tests/corpus/inspect`; `UPDATE_EXPECT=1` rewrites them: read the diff.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::command::gzip;
use crate::program::{Program, code, stderr, stdout};

const AT: [&str; 3] = ["inspect", "--at", "2026-11-01T00:00:00Z"];

const GOLDEN: [&str; 9] = [
    "tests/corpus/ipsum.txt",
    "tests/corpus/maltrail.tsv",
    "tests/corpus/mvt-darksword.stix2",
    "tests/corpus/mvt-rcs.stix2",
    "tests/corpus/unit42-hellokitty.json",
    "tests/corpus/unit42-pikabot.json",
    "tests/corpus/inspect/all-that-says-something.json",
    "tests/corpus/stix1/misp-event.xml",
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

/// Received is used, kept, context and skipped, and all that is used has one marking or none.
fn check(account: &Json) {
    let number = |name: &str| account[name].as_u64().unwrap();
    let sum = |name: &str| -> u64 {
        account[name].as_array().unwrap().iter().map(|reason| reason["count"].as_u64().unwrap()).sum()
    };
    let accounted = number("used") + sum("kept") + number("context") + sum("skipped");
    assert_eq!(number("received"), accounted, "{account}");
    let tlp: u64 =
        account["markings"]["tlp"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!(tlp, number("used"), "{account}");
    for reason in ["kept", "skipped"].into_iter().flat_map(|name| account[name].as_array().unwrap()) {
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
fn objects_of_every_stix_1_file_are_accounted_for() {
    let mut files: Vec<PathBuf> =
        fs::read_dir(root().join("tests/corpus/stix1")).unwrap().map(|entry| entry.unwrap().path()).collect();
    if let Some(data) = std::env::var_os("TAXIWAY_CORPUS").map(PathBuf::from) {
        let mut folders = vec![data.join("stix1")];
        while let Some(folder) = folders.pop() {
            for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if path.is_dir() { folders.push(path) } else { files.push(path) }
            }
        }
    }
    files.retain(|path| path.extension().is_some_and(|ending| ending == "xml"));
    files.sort();
    let sources: Vec<String> =
        files.iter().enumerate().map(|(number, path)| format!("f{number}={}", path.display())).collect();
    let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
    let mut received = 0;
    for more in [&["--json"][..], &["--json", "--observables"]] {
        // Once in feeds of their own and once together, where observables settle in other files than they stand in.
        let together: Vec<String> = files.iter().map(|path| format!("feed={}", path.display())).collect();
        let together: Vec<&str> = together.iter().map(String::as_str).collect();
        for sources in [&sources, &together] {
            let output = inspect(&[more, sources].concat());
            let accounts = accounts(&output);
            assert_eq!(accounts.len(), files.len());
            for account in accounts.iter().filter(|account| account.get("refused").is_none()) {
                check(account);
                assert_eq!(account["format"], "STIX", "{account}");
                received += account["received"].as_u64().unwrap();
            }
        }
    }
    println!("{received} objects of {} files, read four times", files.len());
    assert!(received > 100);
}

#[test]
fn blocks_and_packings_count_with_their_file() {
    let program = Program::new();
    let package = |n: u8| {
        format!(
            "<stix:STIX_Package xmlns:stix='http://stix.mitre.org/stix-1' version='1.{n}'><Indicator id='a:{n}' timestamp='2015-01-0{n}T00:00:00Z'><Observable><Object><Properties xsi:type='A:AddressObjectType'><Address_Value>198.51.100.{n}</Address_Value></Properties></Object></Observable></Indicator><Observable id='a:o{n}'/></stix:STIX_Package>"
        )
    };
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let blocks =
        [1, 2].map(|n| format!("<Content_Block><Content>{}</Content></Content_Block>", escaped(&package(n))));
    fs::create_dir(program.path("feed")).unwrap();
    program.write("feed/1.xml", package(3));
    program.write(
        "feed/2.xml",
        escaped(&format!(
            "<Poll_Response xmlns='http://taxii.mitre.org/messages/taxii_xml_binding-1.1'>{}</Poll_Response>",
            blocks.concat()
        )),
    );
    program.write("feed/3.txt", "evil.example\n");
    let output = program.run(&["inspect", "--json", "feed"], "");
    let accounts = accounts(&output);
    accounts.iter().for_each(check);
    let told: Vec<Json> = accounts
        .iter()
        .map(|a| serde_json::json!([a["received"], a["used"], a["versions"], a["shape"], a["decoded_from"]]))
        .collect();
    assert_eq!(
        told,
        [
            serde_json::json!([2, 1, ["1.3"], "package", null]),
            serde_json::json!([4, 2, ["1.1", "1.2"], "TAXII 1 message", ["escaped markup"]]),
            serde_json::json!([1, 1, null, "one value a line", null]),
        ]
    );
    assert_eq!(accounts[1]["objects"], serde_json::json!({"indicator": 2, "observable": 2}));
    assert_eq!(accounts[1]["dates"]["modified"][1], "2015-01-02T00:00:00Z");
    let example = accounts[1]["skipped"][0]["examples"][0].as_str().unwrap();
    assert!(example.starts_with("feed/2.xml, content block 1: object "), "{example}");
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
