//! The command from outside: arguments, exit codes, streams, files, pipes.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A folder with a feed of one kind each.
struct Place {
    folder: TempDir,
}

const FEED: &str =
    "evil.example\n203.0.113.7\n198.51.100.0/24\nhttp://bad.example/a/b\n44d88612fea8a8f36de82e1278abb02f\n";

/// Events that hit and others, text and JSON, with all that lines may have.
const EVENTS: &str = "{\"id\":1,\"ip\":\"203.0.113.7\"}\n\
    {\"id\":2,\"ip\":\"192.0.2.1\"}\n\
    \n\
    Nov 24 host sshd[7]: from 198.51.100.9 port 22\r\n\
    plain line with www.evil.example in it\n\
    { \"nested\" : { \"url\" : \"http:\\/\\/bad.example\\/a\\/b\" } }  \n\
    caf\u{e9} \u{1f600} nothing here\n\
    last line, evil.example, without end";

impl Place {
    fn new() -> Place {
        let place = Place { folder: tempfile::tempdir().unwrap() };
        place.write("feed.txt", FEED);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_taxiway"));
        command.args(arguments).current_dir(self.folder.path()).env_remove("RUST_BACKTRACE");
        command
    }

    /// Runs to the end with this standard input.
    fn run(&self, arguments: &[&str], input: impl AsRef<[u8]>) -> Output {
        let mut child = self.spawn(arguments);
        let mut stdin = child.stdin.take().unwrap();
        let input = input.as_ref().to_vec();
        let writer = std::thread::spawn(move || stdin.write_all(&input).ok());
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        output
    }

    fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// `filter --intel feed.txt` and more.
    fn filter(&self, more: &[&str], input: impl AsRef<[u8]>) -> Output {
        self.run(&[&["filter", "--intel", "feed.txt"], more].concat(), input)
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("ended by {:?}", output.status))
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Takes tags away line by line: one run of bytes each that starts like a tag of ours and ends the line or the
/// object.
fn untagged(text: &str) -> String {
    let mut out = String::new();
    for line in text.split_inclusive('\n') {
        let (body, end) = line.split_at(line.trim_end_matches(['\r', '\n']).len());
        let in_text = body.split_once(" taxiway={").map(|(before, _)| (before, ""));
        let in_json = body.split_once(",\"threat\":{\"enrichments\":[").map(|(before, tag)| {
            // the tag is the last member of the object
            let closed = tag.trim_end().strip_suffix('}').unwrap();
            let blanks = closed.trim_end().len();
            (before, tag.split_at(blanks).1)
        });
        let (before, behind) = in_text.or(in_json).unwrap_or((body, ""));
        out.extend([before, behind, end]);
    }
    out
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn usage_errors_exit_2_and_name_the_remedy() {
    let place = Place::new();
    let cases: [(&[&str], &str); 12] = [
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
    ];
    for (arguments, expected) in cases {
        let output = place.run(arguments, "evil.example\n");
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}: nothing before the first event");
        let told = stderr(&output);
        assert!(expected.split('|').any(|word| told.contains(word)), "{arguments:?}: {told}");
        assert!(!told.contains("panicked"), "{told}");
    }
}

#[test]
fn help_and_version_are_no_errors() {
    let place = Place::new();
    for arguments in [
        &["--help"][..],
        &["filter", "--help"],
        &["compile", "--help"],
        &["lookup", "--help"],
        &["snapshot", "dump", "--help"],
        &["completions", "bash"],
    ] {
        let output = place.run(arguments, "");
        assert_eq!(code(&output), 0, "{arguments:?}");
        assert!(stdout(&output).contains("taxiway"), "{arguments:?}");
        assert!(output.stderr.is_empty());
    }
    let version = stdout(&place.run(&["--version"], ""));
    assert_eq!(version, format!("taxiway {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn what_does_not_hit_passes_byte_for_byte() {
    let place = Place::new();
    let inputs: [&[u8]; 9] = [
        b"",
        b"\n",
        b"\n\n\r\n",
        b"no end",
        b"one\r\ntwo\r\n",
        b"nul \0 in \0\0 it\n\0",
        b"\xff\xfe broken \xc3\n{\"a\":\"\xff\"}\n",
        b"{\n  \"pretty\": [\n    1\n  ]\n}\n{\n}\n",
        b"{\"a\":1",
    ];
    for input in inputs {
        let output = place.filter(&[], input);
        assert_eq!(code(&output), 0);
        assert_eq!(output.stdout, input);
        assert!(output.stderr.is_empty(), "{}", stderr(&output));
    }
}

#[test]
fn events_are_tagged_and_taking_the_tags_away_gives_the_input() {
    let place = Place::new();
    let output = place.filter(&[], EVENTS);
    assert_eq!(code(&output), 0);
    let text = stdout(&output);
    assert_eq!(untagged(&text), EVENTS);
    let tagged: Vec<bool> = text.lines().map(|line| line.contains("enrichments")).collect();
    assert_eq!(tagged, [true, false, false, true, true, true, false, true], "{text}");
    let flat = stdout(&place.filter(&["--preset", "flat"], EVENTS));
    assert!(!flat.contains("enrichments") && flat.contains("parent-domain"), "{flat}");
}

#[test]
fn output_is_the_same_for_every_read_size_and_number_of_threads() {
    let place = Place::new();
    let events = place.write("events", (EVENTS.to_owned() + "\n").repeat(3));
    let pretty =
        place.write("pretty", "{\n \"ip\": \"203.0.113.7\"\n}\n\n{\n}\n{\"a\":\"evil.example\"}\n".repeat(5));
    let files = [events.to_str().unwrap(), pretty.to_str().unwrap()];
    let expected = place.filter(&files, "");
    assert_eq!(code(&expected), 0);
    assert!(stdout(&expected).matches("enrichments").count() >= 25);
    for read in ["1", "2", "3", "17", "64", "1000", "1048576"] {
        for threads in ["1", "2", "3"] {
            let more = [&["--read-bytes", read, "--threads", threads][..], &files].concat();
            let output = place.filter(&more, "");
            assert_eq!(output.stdout, expected.stdout, "read {read}, threads {threads}");
        }
    }
}

#[test]
fn objects_over_several_lines_are_tagged_as_json() {
    let place = Place::new();
    let text = stdout(&place.filter(&[], "{\n  \"ip\": \"203.0.113.7\"\n}\n{\n  \"ip\": \"192.0.2.1\"\n}\n"));
    assert!(!text.contains("taxiway="), "{text}");
    let objects: Vec<serde_json::Value> =
        serde_json::Deserializer::from_str(&text).into_iter().map(Result::unwrap).collect();
    assert_eq!(objects.len(), 2);
    assert_eq!(objects[0]["threat"]["enrichments"][0]["matched"]["field"], "ip");
    assert!(objects[1].get("threat").is_none());
    let array = place.filter(&[], "[\n{\"a\":1}\n]\n");
    assert!(stderr(&array).contains("jq -c '.[]'"), "{}", stderr(&array));
    assert_eq!((code(&array), stdout(&array).as_str()), (0, "[\n{\"a\":1}\n]\n"));
}

#[test]
fn files_come_in_order_and_no_line_end_is_invented() {
    let place = Place::new();
    place.write("a", "first\nevil.exam");
    place.write("b", "ple\n");
    place.write("c", "");
    let output = place.filter(&["a", "-", "c", "b"], "203.0.113.7");
    assert_eq!(code(&output), 0);
    let text = stdout(&output);
    assert_eq!(text.matches("enrichments").count(), 1, "an event never spans files: {text}");
    assert!(text.starts_with("first\nevil.exam203.0.113.7 taxiway={"), "{text}");
    assert!(text.ends_with("}ple\n"), "{text}");
}

#[test]
fn compressed_events_are_decoded() {
    let place = Place::new();
    let expected = place.filter(&[], EVENTS.repeat(2)).stdout;
    let events = EVENTS.as_bytes();
    let mut bz = ::bzip2::write::BzEncoder::new(Vec::new(), ::bzip2::Compression::fast());
    bz.write_all(EVENTS.repeat(2).as_bytes()).unwrap();
    let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
    xz.write_all(EVENTS.repeat(2).as_bytes()).unwrap();
    let packed = [
        [gzip(events), gzip(events)].concat(),
        [zstd::encode_all(events, 1).unwrap(), zstd::encode_all(events, 1).unwrap()].concat(),
        bz.finish().unwrap(),
        xz.finish().unwrap(),
    ];
    for bytes in packed {
        // the name does not matter
        place.write("packed", &bytes);
        let from_file = place.filter(&["packed"], "");
        assert_eq!((code(&from_file), from_file.stdout == expected), (0, true), "{}", stderr(&from_file));
        let from_stdin = place.filter(&["--threads", "2"], &bytes);
        assert_eq!((code(&from_stdin), from_stdin.stdout == expected), (0, true));
    }
}

#[test]
fn cut_compressed_events_are_processed_as_far_as_they_go_and_exit_2() {
    let place = Place::new();
    let events: Vec<String> =
        (0..50_000u32).map(|i| format!("{i} {}\n", i.wrapping_mul(2_654_435_761))).collect();
    let mut packed = gzip(format!("203.0.113.7\n{}", events.concat()).as_bytes());
    packed.truncate(packed.len() / 2);
    place.write("cut.gz", &packed);
    place.write("next", "evil.example\n");
    let output = place.filter(&["cut.gz", "next"], "");
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("cut.gz"), "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.starts_with("203.0.113.7 taxiway="));
    assert!(
        text.trim_end().ends_with('}') && text.contains("evil.example taxiway="),
        "the next file is processed"
    );
}

#[test]
fn only_hits_behaves_as_grep() {
    let place = Place::new();
    let output = place.filter(&["--only-hits"], EVENTS);
    assert_eq!(code(&output), 0);
    let text = stdout(&output);
    assert!(text.split_inclusive('\n').all(|line| line.contains("enrichments")), "{text}");
    assert_eq!(text.lines().count(), 5);
    for read in ["1", "7"] {
        let same = place.filter(&["--only-hits", "--threads", "2", "--read-bytes", read], EVENTS);
        assert_eq!(same.stdout, output.stdout);
    }
    let none = place.filter(&["--only-hits"], "nothing\n");
    assert_eq!((code(&none), none.stdout.len()), (1, 0));
    let pretty = place.filter(&["--only-hits"], "{\n}\n{\n\"a\":\"evil.example\"\n}\n{\n}\n");
    assert!(stdout(&pretty).starts_with("{\n\"a\":\"evil.example\",\"threat\":"), "{}", stdout(&pretty));
}

#[test]
fn output_goes_where_it_is_told() {
    let place = Place::new();
    let events = place.write("events", EVENTS);
    let expected = place.filter(&["events"], "").stdout;
    let output = place.filter(&["-o", "out", "events"], "");
    assert_eq!((code(&output), output.stdout.len()), (0, 0));
    assert_eq!(fs::read(place.path("out")).unwrap(), expected);

    let onto_itself = place.filter(&["-o", "events", "events"], "");
    assert_eq!(code(&onto_itself), 2);
    assert_eq!(fs::read(&events).unwrap(), EVENTS.as_bytes(), "the input is left alone");

    let full = place.filter(&["-o", "/dev/full", "events"], "");
    assert_eq!(code(&full), 2);
    assert!(stderr(&full).contains("/dev/full"), "{}", stderr(&full));
}

#[test]
fn a_reader_that_goes_away_is_a_clean_end() {
    let place = Place::new();
    place.write("events", "evil.example and more of it\n".repeat(200_000));
    for threads in ["1", "2"] {
        let mut child = place.spawn(&["filter", "--intel", "feed.txt", "--threads", threads, "events"]);
        let mut line = String::new();
        let mut reader = BufReader::new(child.stdout.take().unwrap());
        reader.read_line(&mut line).unwrap();
        assert!(line.starts_with("evil.example"));
        drop(reader);
        let output = child.wait_with_output().unwrap();
        assert_eq!((code(&output), stderr(&output).as_str()), (0, ""));
    }
}

#[test]
fn events_come_out_as_they_come_in() {
    let place = Place::new();
    let mut child = place.spawn(&["filter", "--intel", "feed.txt"]);
    let mut stdin = child.stdin.take().unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    for event in ["one evil.example\n", "{\"ip\":\"203.0.113.7\"}\n", "three\n"] {
        stdin.write_all(event.as_bytes()).unwrap();
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        assert_eq!(untagged(&line), event, "not held back until more comes");
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

/// The peak of a process's memory so far, in MiB.
fn peak(child: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() >> 10
}

#[test]
fn a_line_without_end_takes_bounded_memory_and_its_hits_are_counted() {
    let place = Place::new();
    let arguments = ["filter", "--intel", "feed.txt", "--stats", "--max-line-bytes", "1M"];
    let mut child = place.spawn(&arguments);
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let (mut block, mut total, mut tagged) = (vec![0; 1 << 16], 0, false);
        loop {
            let n = stdout.read(&mut block).unwrap();
            if n == 0 {
                return (total, tagged);
            }
            total += n;
            tagged |= block[..n].windows(8).any(|w| w == b"taxiway=");
        }
    });
    let block = [b"xxxxxxx ".repeat(130_000), b"evil.example ".to_vec()].concat();
    let mut written = 0;
    while written < 100 << 20 {
        stdin.write_all(&block).unwrap();
        written += block.len();
    }
    let peak = peak(&child);
    drop(stdin);
    let (total, tagged) = reader.join().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 0);
    assert_eq!((total, tagged), (written, false), "written through, untagged");
    assert!(peak < 32, "{peak} MiB");
    let told = stderr(&output);
    let hits = written / block.len();
    let line = told.lines().find(|line| line.starts_with("suppressed line-limit")).unwrap();
    assert_eq!(line.split_whitespace().last().unwrap(), hits.to_string(), "each hit once: {told}");
}

#[test]
fn a_snapshot_gives_the_same_output_as_its_feeds() {
    let place = Place::new();
    let compiled = place.run(&["compile", "feed.txt", "-o", "set.taxi"], "");
    assert_eq!(code(&compiled), 0, "{}", stderr(&compiled));
    assert!(stdout(&compiled).contains("5 received, 5 used"), "{}", stdout(&compiled));
    let again = place.run(&["compile", "feed.txt", "-o", "-"], "");
    assert_eq!(fs::read(place.path("set.taxi")).unwrap(), again.stdout, "the same bytes");
    let from_feed = place.filter(&[], EVENTS);
    let from_file = place.run(&["filter", "--snapshot", "set.taxi"], EVENTS);
    assert_eq!((code(&from_file), stdout(&from_file)), (0, stdout(&from_feed)));
    let json = place.run(&["compile", "feed.txt", "-o", "other.taxi", "--json"], "");
    let report: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(report["records"], 5);
    assert_eq!(report["feeds"][0]["used"], 5);
}

#[test]
fn a_damaged_snapshot_exits_2_wherever_the_damage_is() {
    let place = Place::new();
    assert_eq!(code(&place.run(&["compile", "feed.txt", "-o", "set.taxi"], "")), 0);
    let sound = fs::read(place.path("set.taxi")).unwrap();
    assert_eq!(code(&place.run(&["snapshot", "verify", "set.taxi"], "")), 0);
    for at in [0, 9, sound.len() / 2, sound.len() - 5] {
        let mut bytes = sound.clone();
        bytes[at] ^= 0x10;
        place.write("bad.taxi", &bytes);
        for arguments in [
            &["filter", "--snapshot", "bad.taxi"][..],
            &["snapshot", "verify", "bad.taxi"],
            &["lookup", "--snapshot", "bad.taxi", "evil.example"],
        ] {
            let output = place.run(arguments, "evil.example\n");
            assert_eq!(code(&output), 2, "{arguments:?} at {at}: {}", stderr(&output));
            assert!(stderr(&output).contains("bad.taxi"), "{}", stderr(&output));
        }
    }
    place.write("cut.taxi", &sound[..sound.len() / 2]);
    let output = place.run(&["filter", "--snapshot", "cut.taxi"], "evil.example\n");
    assert_eq!((code(&output), output.stdout.len()), (2, 0));
}

#[test]
fn damage_ends_a_run_that_waits_for_events() {
    let place = Place::new();
    let many: Vec<String> = (0..20_000).map(|i| format!("name{i}.example\n")).collect();
    place.write("many.txt", many.concat());
    assert_eq!(code(&place.run(&["compile", "many.txt", "-o", "set.taxi"], "")), 0);
    let mut bytes = fs::read(place.path("set.taxi")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    place.write("set.taxi", &bytes);
    let mut child = place.spawn(&["filter", "--snapshot", "set.taxi"]);
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
    let place = Place::new();
    place.write("other.txt", "nothing.example\n");
    assert_eq!(code(&place.run(&["compile", "other.txt", "-o", "set.taxi"], "")), 0);
    let mut child = place.spawn(&["filter", "--snapshot", "set.taxi", "--follow"]);
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
    place.write("damaged", "not a snapshot");
    fs::rename(place.path("damaged"), place.path("set.taxi")).unwrap();
    wait_for(&mut err, "stays in use");
    assert_eq!(ask(&mut stdin), "evil.example\n");
    assert_eq!(code(&place.run(&["compile", "feed.txt", "-o", "set.taxi"], "")), 0);
    wait_for(&mut err, "now set version");
    assert!(ask(&mut stdin).contains("enrichments"));
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn statistics_go_to_standard_error() {
    let place = Place::new();
    let output = place.filter(&["--stats"], EVENTS.to_owned() + "\n10.0.0.1 evil.example\n");
    let told = stderr(&output);
    let count = |name: &str| {
        let line = told.lines().find(|line| line.split_whitespace().rev().skip(1).eq(name.split(' ').rev()));
        line.unwrap_or_else(|| panic!("{name} in {told}"))
            .split_whitespace()
            .last()
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    assert_eq!(count("events"), 9);
    assert_eq!(count("events tagged"), 6);
    assert_eq!(count("hits ip"), 1);
    assert_eq!(count("hits network"), 1);
    assert_eq!(count("hits domain"), 3);
    assert_eq!(count("hits url"), 1);
    assert_eq!(count("bytes"), EVENTS.len() as u64 + 23);
    let quiet = place.filter(&[], EVENTS);
    assert!(quiet.stderr.is_empty(), "nothing is told to a pipe unasked: {}", stderr(&quiet));
}

#[test]
fn values_are_looked_up_as_candidates_are() {
    let place = Place::new();
    let ask = |values: &[&str]| place.run(&[&["lookup", "--intel", "feed.txt"], values].concat(), "");
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
fn a_snapshot_is_dumped_and_described() {
    let place = Place::new();
    place.write("more.csv", "type,value,name,confidence\ndomain,evil.example,Evil,80\n");
    let compiled = place.run(&["compile", "feed.txt", "named=more.csv", "-o", "set.taxi"], "");
    assert_eq!(code(&compiled), 0, "{}", stderr(&compiled));
    let dump = stdout(&place.run(&["snapshot", "dump", "set.taxi", "--kinds", "domain"], ""));
    let lines: Vec<serde_json::Value> =
        dump.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "one line for each indicator of a value: {dump}");
    assert!(lines.iter().all(|line| line["kind"] == "domain" && line["value"] == "evil.example"));
    assert_eq!(lines[1]["feed"], "named");
    assert_eq!(lines[1]["confidence"], 80);
    let info = stdout(&place.run(&["snapshot", "info", "set.taxi", "--json"], ""));
    let info: serde_json::Value = serde_json::from_str(&info).unwrap();
    assert_eq!(info["records"], 6);
    assert_eq!(info["feeds"].as_array().unwrap().len(), 2);
}

#[test]
fn a_broken_feed_is_told_and_its_good_objects_are_used() {
    let place = Place::new();
    let mut packed = gzip(("evil.example\n".to_owned() + &"x\n".repeat(100_000)).as_bytes());
    packed.truncate(packed.len() - 6);
    place.write("cut.txt.gz", &packed);
    let output = place.run(&["filter", "--intel", "cut.txt.gz"], "evil.example\n");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).contains("enrichments"));
    assert!((1..=3).contains(&stderr(&output).lines().count()), "{}", stderr(&output));
    place.write("empty.txt", "");
    let empty = place.run(&["filter", "--intel", "empty.txt"], "evil.example\n");
    assert_eq!((code(&empty), stdout(&empty).as_str()), (0, "evil.example\n"));
    assert!(stderr(&empty).contains("empty"), "{}", stderr(&empty));
}

#[test]
fn a_feed_may_come_from_standard_input() {
    let place = Place::new();
    place.write("events", "evil.example\n");
    let output = place.run(&["filter", "--intel", "mine=-", "events"], FEED);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).contains("\"provider\":\"mine\""), "{}", stdout(&output));
}

#[test]
fn nothing_is_left_beside_the_snapshot() {
    let place = Place::new();
    assert_eq!(code(&place.run(&["compile", "feed.txt", "-o", "set.taxi"], "")), 0);
    let missing = place.run(&["compile", "feed.txt", "-o", "no/such/folder/set.taxi"], "");
    assert_eq!(code(&missing), 2);
    assert!(stderr(&missing).contains("no/such/folder"), "{}", stderr(&missing));
    let mut names: Vec<_> = fs::read_dir(Path::new(place.folder.path()))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["feed.txt", "set.taxi"]);
}
