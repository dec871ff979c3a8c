//! Framing over real files: every read size, limit, codec and number of workers gives the same events.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;

use super::*;
use crate::engine::Segment;
use crate::stage::output::{Answer, Output};
use crate::stage::pump::pump;

/// How a run is set up.
#[derive(Clone, Copy, Debug)]
struct Setup {
    format: Format,
    limit: usize,
    read: usize,
    threads: usize,
}

const PLAIN: Setup = Setup { format: Format::Auto, limit: 16 << 20, read: 256 << 10, threads: 1 };

/// What came out.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    output: Vec<u8>,
    /// Events handed on whole.
    events: Vec<Vec<u8>>,
    /// Bytes handed on in windows.
    windows: Vec<u8>,
    long_events: u64,
    objects: u64,
    messages: Vec<String>,
    faults: u64,
}

/// Runs files through workers that change nothing.
fn through(files: &[&[u8]], setup: Setup) -> Seen {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<_> = (0..files.len()).map(|i| folder.path().join(format!("in{i}"))).collect();
    for (path, bytes) in paths.iter().zip(files) {
        std::fs::write(path, bytes).unwrap();
    }
    let mut seen = through_paths(&paths, &folder.path().join("out"), setup);
    let prefix = format!("{}/", folder.path().display());
    for message in &mut seen.messages {
        *message = message.replace(&prefix, "");
    }
    seen
}

fn through_paths(paths: &[std::path::PathBuf], out: &Path, setup: Setup) -> Seen {
    static EMPTY: &[usize] = &[];
    let cutting = Cutting { format: setup.format, line_bytes_max: setup.limit, read_bytes: setup.read };
    let origins = paths.iter().cloned().map(Origin::File).collect();
    let messages = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&messages);
    let say: Say = Box::new(move |message: &str| told.lock().unwrap().push(message.to_owned()));
    let cutter = Cutter::new(cutting, origins, Arc::new(Signals::default()), say);
    let collected = Mutex::new(Vec::new());
    let work = |objects: &mut u64, chunk: &Chunk, answer: &mut Answer| {
        let bytes = chunk.bytes();
        let (mut events, mut windows) = (Vec::new(), Vec::new());
        let mut at = chunk.body.start;
        for piece in &chunk.pieces {
            let range = match piece {
                Piece::Events { range, ends } => {
                    let piece = &bytes[range.clone()];
                    if chunk.objects {
                        let mut start = 0;
                        for &end in chunk.ends.get(ends.clone()).unwrap_or(EMPTY) {
                            events.push(piece[start..end].to_vec());
                            start = end;
                        }
                        assert_eq!(start, piece.len(), "the last end is that of the piece");
                    } else {
                        events.extend(piece.split_inclusive(|&b| b == b'\n').map(<[u8]>::to_vec));
                    }
                    range
                }
                Piece::Window { window, range } => {
                    assert!(window.start <= range.start && range.end <= window.end);
                    assert!(window.start == range.start || range.start - window.start >= OVERLAP);
                    windows.extend_from_slice(&bytes[range.clone()]);
                    range
                }
            };
            assert_eq!(range.start, at, "pieces follow each other");
            at = range.end;
            answer.segments.push(Segment::Input(range.clone()));
        }
        assert_eq!(at, chunk.body.end);
        *objects += chunk.object_count;
        collected.lock().unwrap().push((chunk.ticket, events, windows));
    };
    let mut states = vec![0; setup.threads];
    let (cutter, fault) = pump(cutter, Output::file(File::create(out).unwrap()), &mut states, work);
    assert!(fault.is_none());
    let mut seen = Seen {
        output: std::fs::read(out).unwrap(),
        long_events: cutter.long_events,
        objects: states.iter().sum(),
        faults: cutter.faults,
        ..Seen::default()
    };
    let mut collected = collected.into_inner().unwrap();
    collected.sort();
    for (_, events, windows) in collected {
        seen.events.extend(events);
        seen.windows.extend(windows);
    }
    seen.messages.append(&mut messages.lock().unwrap());
    seen
}

#[test]
fn lines_come_out_as_they_went_in_whatever_the_reads_and_workers() {
    let first = b"one\r\n\n\0two\nlast without end";
    let second = b"\nalpha\nbeta\n";
    let expected: Vec<&[u8]> =
        vec![b"one\r\n", b"\n", b"\0two\n", b"last without end", b"\n", b"alpha\n", b"beta\n"];
    for read in [1, 2, 3, 7, 4096] {
        for threads in [1, 2, 4] {
            let seen = through(&[first, b"", second], Setup { read, threads, ..PLAIN });
            assert_eq!(seen.output, [first.as_slice(), b"\n", second].concat(), "{read} {threads}");
            assert_eq!(seen.events, expected, "{read} {threads}");
        }
    }
}

#[test]
fn an_event_of_the_limit_is_whole_and_one_byte_more_is_not() {
    let text = b"12345\n123456\n\n12345\r\n123456\n12345\r";
    let mut first = None;
    for read in [1, 2, 5, 6, 7, 100] {
        let seen = through(&[text], Setup { limit: 5, read, ..PLAIN });
        assert_eq!(seen.output, text);
        assert_eq!(seen.long_events, 2);
        assert_eq!(seen.windows, b"123456\n123456\n");
        assert_eq!(seen, *first.get_or_insert_with(|| through(&[text], Setup { limit: 5, ..PLAIN })));
    }
}

#[test]
fn a_long_event_goes_through_in_windows_of_bounded_size() {
    let mut text = b"before\n".to_vec();
    text.extend(std::iter::repeat_n(b'x', 3 << 20));
    text.extend_from_slice(b"\nbehind\n");
    text.extend(std::iter::repeat_n(b'y', 1 << 20));
    for read in [10_000, 256 << 10] {
        for threads in [1, 2] {
            let seen = through(&[&text], Setup { limit: 100_000, read, threads, ..PLAIN });
            assert!(seen.output == text);
            assert_eq!(seen.long_events, 2);
            assert_eq!(seen.events, [b"before\n".to_vec(), b"behind\n".to_vec()]);
        }
    }
}

#[test]
fn objects_over_lines_are_found_and_cut_whatever_the_reads() {
    let text = b"{\n \"a\": \"}\"\n}\n\n{\"b\":[\n]}{}\nnone\n{\n\"c\": \"too long for it\"}\n{\n}";
    let mut expected = None;
    for read in [1, 2, 3, 10, 1000] {
        let seen = through(&[text], Setup { limit: 20, read, ..PLAIN });
        assert_eq!(seen.output, text);
        assert_eq!(seen.objects, 5, "also what stands in place of an object");
        assert_eq!(seen.long_events, 1);
        assert_eq!(seen.windows, b"{\n\"c\": \"too long for it\"}\n");
        assert_eq!(seen, *expected.get_or_insert_with(|| through(&[text], Setup { limit: 20, ..PLAIN })));
        assert_eq!(seen.events[0], b"{\n \"a\": \"}\"\n}\n");
        assert_eq!(seen.events[2], b"{\"b\":[\n]}{}\n");
        assert_eq!(seen.events.last().unwrap(), b"{\n}");
    }
}

#[test]
fn a_long_object_ends_where_it_ends() {
    let mut text = b"{\n\"a\":\"".to_vec();
    text.extend(std::iter::repeat_n(b'{', 1 << 20));
    text.extend_from_slice(b"\"}\n{\n}\n");
    for read in [9_999, 256 << 10] {
        let setup = Setup { format: Format::Json, limit: 1000, read, ..PLAIN };
        let seen = through(&[&text], setup);
        assert!(seen.output == text);
        assert_eq!((seen.long_events, seen.objects), (1, 2));
        assert_eq!(seen.events, [b"{\n}\n".to_vec()]);
    }
}

#[test]
fn each_stream_is_judged_by_its_own_first_event() {
    let objects = b"{\n\"a\":1\n}\n";
    let lines = b"{\"a\":1}\n{\n}\n";
    let seen = through(&[objects, lines, objects], PLAIN);
    let expected: Vec<&[u8]> = vec![objects, b"{\"a\":1}\n", b"{\n", b"}\n", objects];
    assert_eq!(seen.events, expected);
    let forced = through(&[objects], Setup { format: Format::Text, ..PLAIN });
    assert_eq!(forced.events.len(), 3);
}

#[test]
fn an_array_is_told_with_the_remedy() {
    let text = b"[\n{\"a\":1},\n{\"b\":2}\n]\n";
    let seen = through(&[text], PLAIN);
    assert_eq!(seen.output, text);
    assert_eq!(seen.messages.len(), 1);
    assert!(seen.messages[0].starts_with("in0: ") && seen.messages[0].contains("jq -c '.[]'"));
    assert_eq!(seen.faults, 0);
    assert_eq!(seen.events.len(), 4);
    let json = through(&[text], Setup { format: Format::Json, ..PLAIN });
    assert_eq!(json.events, [text.to_vec()]);
    assert_eq!(json.messages.len(), 1);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ::bzip2::write::BzEncoder::new(Vec::new(), ::bzip2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ::zstd::encode_all(bytes, 1).unwrap()
}

/// Lines that compress, but not to nothing.
fn lines(n: u32) -> Vec<u8> {
    (0..n).flat_map(|i| format!("{} {}\n", i, i.wrapping_mul(2_654_435_761)).into_bytes()).collect()
}

#[test]
fn compressed_streams_are_decoded_with_all_their_members() {
    let (first, second) = (lines(40_000), lines(3));
    let whole = [first.as_slice(), &second].concat();
    for pack in [gzip, bzip2, xz, zstd] {
        let packed = [pack(&first), pack(&second)].concat();
        for read in [1, 256 << 10] {
            let seen = through(&[&packed], Setup { read, ..PLAIN });
            assert!(seen.output == whole, "{:?}", seen.messages);
            assert_eq!((seen.faults, seen.messages.len()), (0, 0));
        }
        assert!(through(&[&pack(b"")], PLAIN).output.is_empty());
    }
    let padded = [gzip(&second), vec![0; 1000], gzip(&second), vec![0; 512]].concat();
    assert_eq!(through(&[&padded], PLAIN).output, [second.as_slice(), &second].concat());
}

#[test]
fn what_came_before_a_cut_is_processed_and_the_fault_is_told() {
    let text = lines(200_000);
    for pack in [gzip, bzip2, xz, zstd] {
        let mut packed = pack(&text);
        packed.truncate(packed.len() * 2 / 3);
        let seen = through(&[&packed, b"next\n"], PLAIN);
        assert_eq!(seen.faults, 1, "{:?}", packed.get(..4));
        assert_eq!(seen.messages.len(), 1);
        assert!(seen.messages[0].starts_with("in0: "), "{:?}", seen.messages);
        let got = seen.output.strip_suffix(b"next\n").unwrap();
        let got = got.strip_suffix(b"\n").unwrap();
        assert!(!got.is_empty() && text.starts_with(got));
    }
    let mut broken = gzip(&text);
    let middle = broken.len() / 2;
    broken[middle..middle + 64].fill(0x55);
    assert_eq!(through(&[&broken], PLAIN).faults, 1);
    let garbage = [gzip(b"one\n"), b"garbage".to_vec()].concat();
    let seen = through(&[&garbage], PLAIN);
    assert_eq!((seen.output.as_slice(), seen.faults), (b"one\n".as_slice(), 1));
}

#[test]
fn text_that_resembles_compression_is_text() {
    for text in ["BZh9 not bzip2\n", "B", "BZ", "P*M", "(\n", "\u{1f}\u{8}x\n"] {
        for read in [1, 1000] {
            let seen = through(&[text.as_bytes()], Setup { read, ..PLAIN });
            assert_eq!(seen.output, text.as_bytes());
            assert_eq!(seen.faults, 0);
        }
    }
}

#[test]
fn a_stream_that_is_missing_does_not_stop_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let (missing, there) = (folder.path().join("missing"), folder.path().join("there"));
    std::fs::write(&there, "x\n").unwrap();
    let seen = through_paths(&[missing, there], &folder.path().join("out"), PLAIN);
    assert_eq!((seen.output.as_slice(), seen.faults), (b"x\n".as_slice(), 1));
    assert!(seen.messages[0].contains("missing: "));
}
