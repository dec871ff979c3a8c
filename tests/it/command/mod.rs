//! The command from outside: arguments, exit codes, feeds, look-ups; patterns, snapshots and streams in files of their own.

mod compound;
mod pattern;
mod snapshot;
mod stream;

use std::io::Write as _;

use crate::program::{FEED, Program, code, stderr, stdout};

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn usage_errors_exit_2_and_name_the_remedy() {
    let program = Program::new();
    let cases: [(&[&str], &str); 14] = [
        (&[], "Usage"),
        (&["filter"], "--intel FEED"),
        (&["filter", "--intel", "feed.txt", "--kinds", "domian"], "domain"),
        (&["filter", "--intel", "feed.txt", "--allow", "reservd"], "reserved"),
        (&["filter", "--intel", "feed.txt", "--at", "yesterday"], "RFC 3339|2026-01-31"),
        (&["filter", "--intel", "feed.txt", "--prest", "ecs"], "--preset"),
        (&["filter", "--intel", "missing.json"], "missing.json"),
        (&["filter", "--snapshot", "missing.taxi"], "missing.taxi"),
        (&["filter", "--snapshot", "feed.txt"], "feed.txt"),
        (&["filter", "--intel", "feed.txt", "missing.log"], "missing.log"),
        (&["filter", "--intel", "feed.txt", "."], "directory"),
        (&["filter", "--intel", "-"], "standard input"),
        (&["filter", "--intel", "feed.txt", "--threads", "257"], "from 0 to 256"),
        (&["filter", "--intel", "feed.txt", "--threads", "-1"], "from 0 to 256|unexpected argument"),
    ];
    for (arguments, expected) in cases {
        let output = program.run(arguments, "evil.example\n");
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}: nothing before the first event");
        let told = stderr(&output);
        assert!(expected.split('|').any(|word| told.contains(word)), "{arguments:?}: {told}");
        assert!(!told.contains("panicked"), "{told}");
    }
}

#[test]
fn help_and_version_are_no_errors() {
    let program = Program::new();
    for arguments in [
        &["--help"][..],
        &["filter", "--help"],
        &["compile", "--help"],
        &["inspect", "--help"],
        &["lookup", "--help"],
        &["pattern", "check", "--help"],
        &["snapshot", "dump", "--help"],
        &["completions", "bash"],
    ] {
        let output = program.run(arguments, "");
        assert_eq!(code(&output), 0, "{arguments:?}");
        assert!(stdout(&output).contains("taxiway"), "{arguments:?}");
        assert!(output.stderr.is_empty());
    }
    let help = stdout(&program.run(&["filter", "--help"], ""));
    let under: Vec<&str> =
        help.split("Options:").nth(1).unwrap().split("\n\n").next().unwrap().lines().collect();
    for option in ["--threads", "--stats", "--quiet"] {
        assert!(under.iter().any(|line| line.contains(option)), "{option} has no heading of its own: {help}");
    }
    let version = stdout(&program.run(&["--version"], ""));
    assert_eq!(version, format!("taxiway {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn values_are_looked_up_as_candidates_are() {
    let program = Program::new();
    let ask = |values: &[&str]| program.run(&[&["lookup", "--intel", "feed.txt"], values].concat(), "");
    let cases = [
        ("203.0.113.7", "exact ip 203.0.113.7"),
        ("198.51.100.9", "network network 198.51.100.0/24"),
        ("a.b.evil[.]example", "parent-domain domain evil.example"),
        ("hxxps://bad.example/a/b?q", "url-without-query url http://bad.example/a/b"),
        ("https://www.evil.example/", "parent-domain domain evil.example"),
        ("x@evil.example", "email-domain domain evil.example"),
        ("44D88612FEA8A8F36DE82E1278ABB02F", "exact md5"),
        ("evil.*", "prefix domain evil.example"),
        ("evll.example~", "one-typo domain evil.example"),
    ];
    for (value, expected) in cases {
        let output = ask(&[value]);
        assert_eq!(code(&output), 0, "{value}: {}", stdout(&output));
        assert!(stdout(&output).contains(expected), "{value}: {}", stdout(&output));
    }
    for value in ["192.0.2.1", "notevil.example", "bad.example", "what"] {
        let output = ask(&[value]);
        assert_eq!(code(&output), 1, "{value}: {}", stdout(&output));
        assert!(stdout(&output).contains("not found"));
    }
    let json = ask(&["--json", "www.evil.example", "nothing.example"]);
    let answers: Vec<serde_json::Value> =
        stdout(&json).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), 2);
    assert_eq!(answers[0]["hits"][0]["feed"], "feed");
    assert_eq!(answers[0]["hits"][0]["grade"], "parent-domain");
    assert_eq!(answers[1]["hits"].as_array().unwrap().len(), 0);
}

#[test]
fn look_ups_say_what_keeps_a_value_quiet() {
    let program = Program::new();
    program.write(
        "more.txt",
        "http://bad.example/Abc/Def\nevil.zip\n10.1.0.0/16\n203.0.113.0/24\n\
         44d88612fea8a8f36de82e1278abb02f\nco.uk\nsetup.exe\n",
    );
    let ask = |value: &str| {
        let output = program.run(&["lookup", "--intel", "more.txt", value], "");
        (code(&output), stdout(&output))
    };
    // what stands behind the host keeps its case
    for value in ["hxxp://BAD.example/Abc/*", "bad.example/Abc/Def~", "bad.example/Abc/Deff~"] {
        assert!(ask(value).1.contains("http://bad.example/Abc/Def"), "{value}: {}", ask(value).1);
    }
    assert_eq!(ask("bad.example/abc/*").0, 1);
    for (value, rule) in [
        ("evil.*", "looks-like-file"),
        ("evil.zap~", "looks-like-file"),
        ("evil.zip", "looks-like-file"),
        ("10.1.2.0/24", "reserved"),
        ("10.1.0.0/16", "reserved"),
        ("10.1.2.3", "reserved"),
    ] {
        let (code, told) = ask(value);
        assert!(code == 0 && told.contains(&format!("NOT TAGGED: {rule}")), "{value}: {told}");
    }
    for (value, reason) in [
        ("203.0.113.*", "in full"),
        ("2001:db8:*", "in full"),
        ("44d88612~", "in full"),
        ("co.uk", "public-suffix"),
        ("setup.exe", "file-name"),
        ("10.0.0.0/7", "wide-network"),
        ("d41d8cd98f00b204e9800998ecf8427e", "empty-file"),
    ] {
        let (code, told) = ask(value);
        assert!(code == 1 && told.contains("not found: ") && told.contains(reason), "{value}: {told}");
    }
    // a range that is several networks and addresses of one listed network
    let (_, told) = ask("203.0.113.1-203.0.113.77");
    assert!(told.contains(": 1 hit\n"), "{told}");
}

#[test]
fn a_broken_feed_is_told_and_its_good_objects_are_used() {
    let program = Program::new();
    let mut packed = gzip(("evil.example\n".to_owned() + &"x\n".repeat(100_000)).as_bytes());
    packed.truncate(packed.len() - 6);
    program.write("cut.txt.gz", &packed);
    let output = program.run(&["filter", "--intel", "cut.txt.gz"], "evil.example\n");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).contains("enrichments"));
    assert!((1..=3).contains(&stderr(&output).lines().count()), "{}", stderr(&output));
    program.write("empty.txt", "");
    let empty = program.run(&["filter", "--intel", "empty.txt"], "evil.example\n");
    assert_eq!((code(&empty), stdout(&empty).as_str()), (0, "evil.example\n"));
    assert!(stderr(&empty).contains("empty"), "{}", stderr(&empty));
}

#[test]
fn a_feed_may_come_from_standard_input() {
    let program = Program::new();
    program.write("events", "evil.example\n");
    let output = program.run(&["filter", "--intel", "mine=-", "events"], FEED);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).contains("\"provider\":\"mine\""), "{}", stdout(&output));
}
