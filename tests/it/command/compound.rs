//! Patterns that join values, from the feed to what is told of them.

use std::fs;

use serde_json::Value as Json;

use crate::program::{Program, code, stderr, stdout};

/// Two indicators whose patterns join values, one beside a plain look-up.
const JOINED: &str = r#"{"type": "bundle", "id": "bundle--1", "objects": [
    {"type": "indicator", "id": "indicator--00000000-0000-4000-8000-000000000001", "pattern_type": "stix", "name": "Drop",
     "confidence": 80, "pattern": "[ipv4-addr:value ISSUBSET '203.0.113.0/24' AND domain-name:value = 'evil.example']"},
    {"type": "indicator", "id": "indicator--00000000-0000-4000-8000-000000000002", "pattern_type": "stix",
     "pattern": "[url:value = 'http://x.example/a' AND domain-name:value = 'y.example' OR domain-name:value = 'z.example']"},
    {"type": "indicator", "id": "indicator--00000000-0000-4000-8000-000000000003", "pattern_type": "stix",
     "pattern": "[mutex:name = 'x']"}
]}"#;

#[test]
fn compounds_are_kept_counted_and_shown() {
    let program = Program::new();
    program.write("joined.json", JOINED);
    let compiled = program.run(&["compile", "joined.json", "-o", "set.taxi"], "");
    let text = stdout(&compiled);
    for line in [
        "feed joined: 3 received, 1 used, 1 kept for later evaluation, 0 for context, 1 skipped\n",
        "  3 received = 1 used + 1 kept for later evaluation + 0 for context + 1 not used\n",
        "  kept                  1  not-yet-matched:and\n",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(text.contains("compounds 2 of 4 values, kept for later evaluation"), "{text}");
    assert!(
        stderr(&compiled).contains("2 of 3 received not used: not-yet-matched:keyed-text 1"),
        "{}",
        stderr(&compiled)
    );
    assert!(
        stderr(&compiled).contains("kept for later evaluation: not-yet-matched:and 1"),
        "{}",
        stderr(&compiled)
    );
    let json = program.run(&["compile", "joined.json", "-o", "again.taxi", "--json"], "");
    let report: Json = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((report["compounds"].as_u64(), report["silent"].as_u64()), (Some(2), Some(4)));
    assert_eq!(report["feeds"][0]["kept"][0]["count"], 1);
    assert_eq!(fs::read(program.path("set.taxi")).unwrap(), fs::read(program.path("again.taxi")).unwrap());

    let info: Json =
        serde_json::from_str(&stdout(&program.run(&["snapshot", "info", "set.taxi", "--json"], ""))).unwrap();
    assert_eq!((info["compounds"].as_u64(), info["records"].as_u64()), (Some(2), Some(1)));
    let silent: u64 =
        info["silent"].as_array().unwrap().iter().map(|one| one["count"].as_u64().unwrap()).sum();
    assert_eq!(silent, 4);
    let info = stdout(&program.run(&["snapshot", "info", "set.taxi"], ""));
    assert!(
        info.contains("compounds       2\n") && info.contains("silent domain                      2\n"),
        "{info}"
    );
    assert_eq!(code(&program.run(&["snapshot", "verify", "set.taxi"], "")), 0);

    let lines = |arguments: &[&str]| -> Vec<Json> {
        let dump = stdout(&program.run(&[&["snapshot", "dump", "set.taxi"], arguments].concat(), ""));
        dump.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    assert_eq!(lines(&[]).iter().map(|line| &line["value"]).collect::<Vec<_>>(), ["z.example"]);
    let all = lines(&["--all"]);
    let silent: Vec<&str> = all
        .iter()
        .filter(|line| line["silent"] == true)
        .map(|line| line["value"].as_str().unwrap())
        .collect();
    assert_eq!(silent, ["203.0.113.0/24", "evil.example", "y.example", "http://x.example/a"]);
    let compound = all.iter().find(|line| line["confidence"] == 80 && line["compound"].is_string()).unwrap();
    assert_eq!(compound["compound"], "network 203.0.113.0/24 AND domain evil.example");
    assert_eq!(
        compound["pattern"],
        "ipv4-addr:value ISSUBSET '203.0.113.0/24' AND domain-name:value = 'evil.example'"
    );
    assert_eq!(compound["id"], "indicator--00000000-0000-4000-8000-000000000001");
    assert_eq!(compound["context"]["name"], "Drop");
    assert_eq!((all.len(), lines(&["--all", "--kinds", "url"]).len()), (7, 2));
}

#[test]
fn values_of_compounds_do_not_hit_alone() {
    let program = Program::new();
    program.write("joined.json", JOINED);
    program.write("plain.txt", "z.example\n");
    let events = "203.0.113.9 asked for evil.example\nGET http://x.example/a\ny.example\nz.example\n";
    let output = program.run(&["filter", "--intel", "joined.json"], events);
    let tagged: Vec<bool> = stdout(&output).lines().map(|line| line.contains("taxiway")).collect();
    assert_eq!(tagged, [false, false, false, true], "{}", stdout(&output));

    let lookup = |value: &str| program.run(&["lookup", "--intel", "joined.json", value], "");
    for (value, told) in [
        (
            "203.0.113.9",
            "only with others: network network 203.0.113.0/24  feed joined  indicator--00000000-0000-4000-8000-000000000001",
        ),
        ("203.0.113.0/24", "only with others: exact network 203.0.113.0/24"),
        ("www.evil.example", "only with others: parent-domain domain evil.example"),
        ("http://x.example/a", "in [url:value = 'http://x.example/a' AND domain-name:value = 'y.example']"),
        ("http://y.example/", "only with others: exact domain y.example"),
    ] {
        let output = lookup(value);
        assert_eq!(code(&output), 1, "{value}");
        assert!(
            stdout(&output).contains("not found") && stdout(&output).contains(told),
            "{}",
            stdout(&output)
        );
    }
    let found = lookup("z.example");
    assert_eq!(code(&found), 0);
    assert!(!stdout(&found).contains("only with others"), "{}", stdout(&found));
    assert_eq!(stdout(&lookup("a.example")), "a.example: not found\n");
    let json = program.run(&["lookup", "--intel", "joined.json", "--json", "y.example"], "");
    let answer: Json = serde_json::from_slice(&json.stdout).unwrap();
    let share = &answer["only_with_others"][0];
    assert_eq!(
        (code(&json), &answer["hits"], &share["value"]),
        (1, &Json::Array(Vec::new()), &Json::from("y.example"))
    );
    assert_eq!(share["id"], "indicator--00000000-0000-4000-8000-000000000002");
    assert!(share["pattern"].as_str().unwrap().starts_with("url:value = "), "{answer}");
}
