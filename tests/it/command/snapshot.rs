//! Snapshot files: made, damaged, replaced, looked into.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::time::{Duration, Instant};

use crate::program::{EVENTS, Program, code, stderr, stdout};

#[test]
fn a_snapshot_gives_the_same_output_as_its_feeds() {
    let program = Program::new();
    let compiled = program.run(&["compile", "feed.txt", "-o", "set.taxi"], "");
    assert_eq!(code(&compiled), 0, "{}", stderr(&compiled));
    assert!(stdout(&compiled).contains("5 received, 5 used"), "{}", stdout(&compiled));
    let again = program.run(&["compile", "feed.txt", "-o", "-"], "");
    assert_eq!(fs::read(program.path("set.taxi")).unwrap(), again.stdout, "the same bytes");
    let from_feed = program.filter(&[], EVENTS);
    let from_file = program.run(&["filter", "--snapshot", "set.taxi"], EVENTS);
    assert_eq!((code(&from_file), stdout(&from_file)), (0, stdout(&from_feed)));
    let json = program.run(&["compile", "feed.txt", "-o", "other.taxi", "--json"], "");
    let report: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(report["records"], 5);
    assert_eq!(report["feeds"][0]["used"], 5);
}

#[test]
fn a_damaged_snapshot_exits_2_wherever_the_damage_is() {
    let program = Program::new();
    assert_eq!(code(&program.run(&["compile", "feed.txt", "-o", "set.taxi"], "")), 0);
    let sound = fs::read(program.path("set.taxi")).unwrap();
    assert_eq!(code(&program.run(&["snapshot", "verify", "set.taxi"], "")), 0);
    for at in [0, 9, sound.len() / 2, sound.len() - 5] {
        let mut bytes = sound.clone();
        bytes[at] ^= 0x10;
        program.write("bad.taxi", &bytes);
        for arguments in [
            &["filter", "--snapshot", "bad.taxi"][..],
            &["snapshot", "verify", "bad.taxi"],
            &["lookup", "--snapshot", "bad.taxi", "evil.example"],
        ] {
            let output = program.run(arguments, "evil.example\n");
            assert_eq!(code(&output), 2, "{arguments:?} at {at}: {}", stderr(&output));
            assert!(stderr(&output).contains("bad.taxi"), "{}", stderr(&output));
        }
    }
    program.write("cut.taxi", &sound[..sound.len() / 2]);
    let output = program.run(&["filter", "--snapshot", "cut.taxi"], "evil.example\n");
    assert_eq!((code(&output), output.stdout.len()), (2, 0));
}

#[test]
fn damage_ends_a_run_that_waits_for_events() {
    let program = Program::new();
    let many: Vec<String> = (0..20_000).map(|i| format!("name{i}.example\n")).collect();
    program.write("many.txt", many.concat());
    assert_eq!(code(&program.run(&["compile", "many.txt", "-o", "set.taxi"], "")), 0);
    let mut bytes = fs::read(program.path("set.taxi")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    program.write("set.taxi", &bytes);
    let mut child = program.spawn(&["filter", "--snapshot", "set.taxi"]);
    let stdin = child.stdin.take().unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(start.elapsed() < Duration::from_mins(1), "still waiting for events");
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("set.taxi"), "{}", stderr(&output));
}

/// Waits until standard error says something.
fn wait_for(reader: &mut impl std::io::BufRead, word: &str) {
    let (start, mut line) = (Instant::now(), String::new());
    while !line.contains(word) {
        assert!(start.elapsed() < Duration::from_mins(1), "{word} was never told");
        line.clear();
        assert!(reader.read_line(&mut line).unwrap() > 0, "{word} was not told");
    }
}

#[test]
fn a_snapshot_that_is_replaced_is_followed() {
    let program = Program::new();
    program.write("other.txt", "nothing.example\n");
    assert_eq!(code(&program.run(&["compile", "other.txt", "-o", "set.taxi"], "")), 0);
    let mut child = program.spawn(&["filter", "--snapshot", "set.taxi", "--follow"]);
    let mut stdin = child.stdin.take().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut err = BufReader::new(child.stderr.take().unwrap());
    let mut ask = |stdin: &mut std::process::ChildStdin| {
        stdin.write_all(b"evil.example\n").unwrap();
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        line
    };
    assert_eq!(ask(&mut stdin), "evil.example\n");
    // a damaged file is told and not used
    program.write("damaged", "not a snapshot");
    fs::rename(program.path("damaged"), program.path("set.taxi")).unwrap();
    wait_for(&mut err, "stays in use");
    assert_eq!(ask(&mut stdin), "evil.example\n");
    assert_eq!(code(&program.run(&["compile", "feed.txt", "-o", "set.taxi"], "")), 0);
    wait_for(&mut err, "now set version");
    assert!(ask(&mut stdin).contains("enrichments"));
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_snapshot_is_dumped_and_described() {
    let program = Program::new();
    program.write("more.csv", "type,value,name,confidence\ndomain,evil.example,Evil,80\n");
    let compiled = program.run(&["compile", "feed.txt", "named=more.csv", "-o", "set.taxi"], "");
    assert_eq!(code(&compiled), 0, "{}", stderr(&compiled));
    let dump = stdout(&program.run(&["snapshot", "dump", "set.taxi", "--kinds", "domain"], ""));
    let lines: Vec<serde_json::Value> =
        dump.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "one line for each indicator of a value: {dump}");
    assert!(lines.iter().all(|line| line["kind"] == "domain" && line["value"] == "evil.example"));
    assert_eq!(lines[1]["feed"], "named");
    assert_eq!(lines[1]["confidence"], 80);
    let info = stdout(&program.run(&["snapshot", "info", "set.taxi", "--json"], ""));
    let info: serde_json::Value = serde_json::from_str(&info).unwrap();
    assert_eq!(info["records"], 6);
    assert_eq!(info["feeds"].as_array().unwrap().len(), 2);
}

#[test]
fn nothing_is_left_beside_the_snapshot() {
    let program = Program::new();
    assert_eq!(code(&program.run(&["compile", "feed.txt", "-o", "set.taxi"], "")), 0);
    let missing = program.run(&["compile", "feed.txt", "-o", "no/such/folder/set.taxi"], "");
    assert_eq!(code(&missing), 2);
    assert!(stderr(&missing).contains("no/such/folder"), "{}", stderr(&missing));
    let mut names: Vec<_> = fs::read_dir(program.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["feed.txt", "set.taxi"]);
}
