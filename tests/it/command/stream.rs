//! Events through the program: files, pipes, order, limits, what is told of a run.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::Child;

use crate::command::gzip;
use crate::program::{EVENTS, Program, code, stderr, stdout};

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

#[test]
fn what_does_not_hit_passes_byte_for_byte() {
    let program = Program::new();
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
        let output = program.filter(&[], input);
        assert_eq!(code(&output), 0);
        assert_eq!(output.stdout, input);
        assert!(output.stderr.is_empty(), "{}", stderr(&output));
    }
}

#[test]
fn events_are_tagged_and_taking_the_tags_away_gives_the_input() {
    let program = Program::new();
    let output = program.filter(&[], EVENTS);
    assert_eq!(code(&output), 0);
    let text = stdout(&output);
    assert_eq!(untagged(&text), EVENTS);
    let tagged: Vec<bool> = text.lines().map(|line| line.contains("enrichments")).collect();
    assert_eq!(tagged, [true, false, false, true, true, true, false, true], "{text}");
    let flat = stdout(&program.filter(&["--preset", "flat"], EVENTS));
    assert!(!flat.contains("enrichments") && flat.contains("parent-domain"), "{flat}");
}

#[test]
fn output_is_the_same_for_every_read_size_and_number_of_threads() {
    let program = Program::new();
    let events = program.write("events", (EVENTS.to_owned() + "\n").repeat(3));
    let pretty = program
        .write("pretty", "{\n \"ip\": \"203.0.113.7\"\n}\n\n{\n}\n{\"a\":\"evil.example\"}\n".repeat(5));
    let files = [events.to_str().unwrap(), pretty.to_str().unwrap()];
    let expected = program.filter(&files, "");
    assert_eq!(code(&expected), 0);
    assert!(stdout(&expected).matches("enrichments").count() >= 25);
    for read in ["1", "2", "3", "17", "64", "1000", "1048576"] {
        for threads in ["1", "2", "3"] {
            let more = [&["--read-bytes", read, "--threads", threads][..], &files].concat();
            let output = program.filter(&more, "");
            assert_eq!(output.stdout, expected.stdout, "read {read}, threads {threads}");
        }
    }
}

#[test]
fn objects_over_several_lines_are_tagged_as_json() {
    let program = Program::new();
    let text =
        stdout(&program.filter(&[], "{\n  \"ip\": \"203.0.113.7\"\n}\n{\n  \"ip\": \"192.0.2.1\"\n}\n"));
    assert!(!text.contains("taxiway="), "{text}");
    let objects: Vec<serde_json::Value> =
        serde_json::Deserializer::from_str(&text).into_iter().map(Result::unwrap).collect();
    assert_eq!(objects.len(), 2);
    assert_eq!(objects[0]["threat"]["enrichments"][0]["matched"]["field"], "ip");
    assert!(objects[1].get("threat").is_none());
    let array = program.filter(&[], "[\n{\"a\":1}\n]\n");
    assert!(stderr(&array).contains("jq -c '.[]'"), "{}", stderr(&array));
    assert_eq!((code(&array), stdout(&array).as_str()), (0, "[\n{\"a\":1}\n]\n"));
}

#[test]
fn files_come_in_order_and_no_line_end_is_invented() {
    let program = Program::new();
    program.write("a", "first\nevil.exam");
    program.write("b", "ple\n");
    program.write("c", "");
    let output = program.filter(&["a", "-", "c", "b"], "203.0.113.7");
    assert_eq!(code(&output), 0);
    let text = stdout(&output);
    assert_eq!(text.matches("enrichments").count(), 1, "an event never spans files: {text}");
    assert!(text.starts_with("first\nevil.exam203.0.113.7 taxiway={"), "{text}");
    assert!(text.ends_with("}ple\n"), "{text}");
}

#[test]
fn compressed_events_are_decoded() {
    let program = Program::new();
    let expected = program.filter(&[], EVENTS.repeat(2)).stdout;
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
        program.write("packed", &bytes);
        let from_file = program.filter(&["packed"], "");
        assert_eq!((code(&from_file), from_file.stdout == expected), (0, true), "{}", stderr(&from_file));
        let from_stdin = program.filter(&["--threads", "2"], &bytes);
        assert_eq!((code(&from_stdin), from_stdin.stdout == expected), (0, true));
    }
}

#[test]
fn cut_compressed_events_are_processed_as_far_as_they_go_and_exit_2() {
    let program = Program::new();
    let events: Vec<String> =
        (0..50_000u32).map(|i| format!("{i} {}\n", i.wrapping_mul(2_654_435_761))).collect();
    let mut packed = gzip(format!("203.0.113.7\n{}", events.concat()).as_bytes());
    packed.truncate(packed.len() / 2);
    program.write("cut.gz", &packed);
    program.write("next", "evil.example\n");
    let output = program.filter(&["cut.gz", "next"], "");
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
    let program = Program::new();
    let output = program.filter(&["--only-hits"], EVENTS);
    assert_eq!(code(&output), 0);
    let text = stdout(&output);
    assert!(text.split_inclusive('\n').all(|line| line.contains("enrichments")), "{text}");
    assert_eq!(text.lines().count(), 5);
    for read in ["1", "7"] {
        let same = program.filter(&["--only-hits", "--threads", "2", "--read-bytes", read], EVENTS);
        assert_eq!(same.stdout, output.stdout);
    }
    let none = program.filter(&["--only-hits"], "nothing\n");
    assert_eq!((code(&none), none.stdout.len()), (1, 0));
    let pretty = program.filter(&["--only-hits"], "{\n}\n{\n\"a\":\"evil.example\"\n}\n{\n}\n");
    assert!(stdout(&pretty).starts_with("{\n\"a\":\"evil.example\",\"threat\":"), "{}", stdout(&pretty));
}

#[test]
fn output_goes_where_it_is_told() {
    let program = Program::new();
    let events = program.write("events", EVENTS);
    let expected = program.filter(&["events"], "").stdout;
    let output = program.filter(&["-o", "out", "events"], "");
    assert_eq!((code(&output), output.stdout.len()), (0, 0));
    assert_eq!(fs::read(program.path("out")).unwrap(), expected);

    let onto_itself = program.filter(&["-o", "events", "events"], "");
    assert_eq!(code(&onto_itself), 2);
    assert_eq!(fs::read(&events).unwrap(), EVENTS.as_bytes(), "the input is left alone");

    let full = program.filter(&["-o", "/dev/full", "events"], "");
    assert_eq!(code(&full), 2);
    assert!(stderr(&full).contains("/dev/full"), "{}", stderr(&full));
}

#[test]
fn a_reader_that_goes_away_is_a_clean_end() {
    let program = Program::new();
    program.write("events", "evil.example and more of it\n".repeat(200_000));
    for threads in ["1", "2"] {
        let mut child = program.spawn(&["filter", "--intel", "feed.txt", "--threads", threads, "events"]);
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
    let program = Program::new();
    let mut child = program.spawn(&["filter", "--intel", "feed.txt"]);
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
    let program = Program::new();
    let arguments = ["filter", "--intel", "feed.txt", "--stats", "--max-line-bytes", "1M"];
    let mut child = program.spawn(&arguments);
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
fn statistics_go_to_standard_error() {
    let program = Program::new();
    let output = program.filter(&["--stats"], EVENTS.to_owned() + "\n10.0.0.1 evil.example\n");
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
    let quiet = program.filter(&[], EVENTS);
    assert!(quiet.stderr.is_empty(), "nothing is told to a pipe unasked: {}", stderr(&quiet));
}
