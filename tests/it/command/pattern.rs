//! `pattern check` from outside: what it says of each pattern, and its exit codes.

use serde_json::Value;

use crate::command::gzip;
use crate::program::{Program, code, stderr, stdout};

#[test]
fn patterns_by_line_get_a_verdict_each() {
    let program = Program::new();
    let patterns = "# ours\n\
        [ipv4-addr:value = '203.0.113.7' OR domain-name:value = 'Evil.example']\r\n\
        \n\
        [domain-name:value = 'a.example' OR domain-name:value LIKE '%.b.example']\n\
        [url:value = 'http://x.example/a'] FOLLOWEDBY [domain-name:value = 'y.example']\n\
        [url:value = 'http://x.example/a' AND domain-name:value IN ('y.example', 'z.example')]\n\
        [file:size = ]\n\
        [file:hashes.'SHA-256' = 'f00']\n";
    program.write("patterns.txt", patterns);
    let output = program.run(&["pattern", "check", "patterns.txt"], "");
    assert_eq!(code(&output), 1);
    assert_eq!(
        stdout(&output),
        "patterns.txt: line 2: good: ip 203.0.113.7, domain evil.example\n\
         patterns.txt: line 4: good: domain a.example\n\
         \x20   not-yet-matched:like: domain-name:value LIKE '%.b.example'\n\
         patterns.txt: line 5: good, no look-up\n\
         \x20   not-yet-matched:followed-by: [url:value = 'http://x.example/a'] FOLLOWEDBY [domain-name:value = 'y.example']\n\
         patterns.txt: line 6: good, no look-up\n\
         \x20   not-yet-matched:and: compound: url http://x.example/a AND (domain y.example OR domain z.example)\n\
         patterns.txt: line 7: refused: line 7, column 14: found ']', expected a constant\n\
         \x20   [file:size = ]\n\
         \x20                ^\n\
         patterns.txt: line 8: refused: line 8, column 26: found ''f00']', expected a SHA-256 digest: 64 hex digits\n\
         \x20   [file:hashes.'SHA-256' = 'f00']\n\
         \x20                            ^\n"
    );
    assert!(stderr(&output).contains("4 good, 2 refused, 0 in other languages"), "{}", stderr(&output));
    let good: String = patterns.lines().take(6).flat_map(|line| [line, "\n"]).collect();
    for input in [good.clone().into_bytes(), gzip(good.as_bytes())] {
        assert_eq!(code(&program.run(&["pattern", "check", "-"], input)), 0);
    }
}

#[test]
fn patterns_of_a_document_get_a_verdict_each() {
    let program = Program::new();
    let bundle = r#"{"type": "bundle", "id": "bundle--1", "objects": [
        {"type": "indicator", "id": "indicator--a", "pattern_type": "stix",
         "pattern": "[ipv4-addr:value =\n  '203.0.113.7' AND\n  file:size ~ 1]"},
        {"type": "indicator", "id": "indicator--b", "pattern_type": "yara", "pattern": "rule x { }"},
        {"type": "indicator", "id": "indicator--c", "pattern": "[file:hashes.MD5 = '44D88612FEA8A8F36DE82E1278ABB02F' AND file:name = 'x']"}]}"#;
    program.write("bundle.json", bundle);
    let output = program.run(&["pattern", "check", "--json", "bundle.json"], "");
    assert_eq!(code(&output), 1);
    let verdicts: Vec<Value> =
        stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |id: &str| verdicts.iter().find(|verdict| verdict["id"] == id).unwrap();
    assert_eq!(verdicts.len(), 3);
    assert_eq!(of("indicator--a")["status"], "refused");
    assert_eq!(of("indicator--a")["error"]["line"], 3);
    assert_eq!(of("indicator--a")["error"]["column"], 13);
    assert_eq!(of("indicator--a")["error"]["expected"], "a token of the patterning language");
    assert_eq!(of("indicator--b")["status"], "skipped");
    assert_eq!(of("indicator--c")["status"], "good");
    assert_eq!(of("indicator--c")["values"][0]["value"], "44d88612fea8a8f36de82e1278abb02f");
    assert_eq!(of("indicator--c")["values"][0]["part_of_pattern"], true);
    let text = stdout(&program.run(&["pattern", "check", "bundle.json"], ""));
    assert!(
        text.contains(
            "bundle.json: indicator--a: refused: line 3, column 13: found '~', expected a token of the patterning \
             language\n      file:size ~ 1]\n                ^\n"
        ),
        "{text}"
    );
    assert!(text.contains("indicator--b: skipped: not a STIX pattern: pattern_type is yara"), "{text}");
}

#[test]
fn what_cannot_be_read_exits_2() {
    let program = Program::new();
    program.write("good.txt", "[a:b = 1]\n");
    program.write("cut.json", r#"{"type": "bundle", "objects": [{"type": "indicator", "id": "indicator--a", "pattern": "[a:b = 1]"}, {"#);
    for (file, told) in [
        ("missing.txt", "missing.txt: no such file"),
        ("cut.json", "cut at byte"),
        (".", "directory"),
        ("taxi", "snapshot"),
    ] {
        program.write("taxi", b"\x89taxiway");
        let output = program.run(&["pattern", "check", file, "good.txt"], "");
        assert_eq!(code(&output), 2, "{file}");
        assert!(stderr(&output).contains(told), "{file}: {}", stderr(&output));
        assert!(stdout(&output).contains("good.txt: line 1: good"), "{file}: {}", stdout(&output));
    }
    assert_eq!(code(&program.run(&["pattern", "check"], "")), 2);
    assert_eq!(code(&program.run(&["pattern"], "")), 2);
}

/// A terminal gets the part around the fault and no control characters.
#[test]
fn a_long_pattern_is_shown_around_its_fault() {
    let program = Program::new();
    let long = format!("[a:b = '\u{1b}[31m{}' AND ? {}]", "x".repeat(200), "y".repeat(200));
    let output = program.run(&["pattern", "check", "-"], long);
    let text = stdout(&output);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    let at = lines[2].find('^').unwrap();
    assert_eq!(lines[1].chars().nth(at), Some('?'), "{text}");
    assert!(lines[1].len() < 120 && lines[1].ends_with("..."), "{text}");
    let output = program.run(&["pattern", "check", "-"], "[a:b = '\u{1b}[31m' AND ?]");
    assert!(!stdout(&output).contains('\u{1b}'), "{}", stdout(&output));
    let deep = format!("{}[a:b = 1]", "(".repeat(100));
    let output = program.run(&["pattern", "check", "-"], deep);
    assert!(stdout(&output).contains("line 1, column 65: nested deeper than 64"), "{}", stdout(&output));
}
