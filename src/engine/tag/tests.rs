//! Tests of how a tag is written.

use super::*;

fn quoted(text: impl AsRef<[u8]>) -> String {
    let mut out = Vec::new();
    string(&mut out, text.as_ref());
    String::from_utf8(out).unwrap()
}

#[test]
fn strings_read_back_as_they_were() {
    for text in [
        "",
        "plain",
        "a\"b\\c/d",
        "\u{0}\u{1f}\u{7f}\u{85}\u{9f}",
        "\r\n\t",
        "é😀",
        "\u{2028}\u{2029}",
        "\u{fffd}",
    ] {
        let written = quoted(text);
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
        let breaks = ['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'];
        assert!(!written.contains(breaks), "{written:?}");
    }
    assert_eq!(quoted(b"a\xffb\xc3"), "\"a\u{fffd}b\u{fffd}\"");
}

#[test]
fn numbers_and_members() {
    let mut out = vec![b'{'];
    key(&mut out, "a");
    number(&mut out, 0);
    key(&mut out, "b");
    number(&mut out, u64::MAX);
    member(&mut out, "c", b"x");
    members(&mut out, "d", ["1", "2"].into_iter());
    members(&mut out, "e", std::iter::empty());
    assert_eq!(String::from_utf8(out).unwrap(), r#"{"a":0,"b":18446744073709551615,"c":"x","d":["1","2"]"#);
}

#[test]
fn tags_of_a_text_reach_its_end() {
    use crate::engine::event::{Keep, Walk};
    let starts = |text: &str| {
        let mut walk = Walk::default();
        let tags = place::suffixes(text.as_bytes(), |at| walk.object(text.as_bytes(), at, Keep::Strings));
        tags.into_iter().map(|range| range.start).collect::<Vec<_>>()
    };
    assert_eq!(starts("x taxiway={}"), [10]);
    assert_eq!(starts(r#" taxiway={"a":" taxiway={}"}"#), [9]);
    assert_eq!(starts(r#"x" taxiway={"a taxiway={"b":1}"#), [23]);
    assert_eq!(starts(r#"x taxiway={"a":1} taxiway={} taxiway={"b":" taxiway={} taxiway={"}"#), [10, 26, 37]);
    assert_eq!(starts("taxiway={} taxiway={}"), [19]);
    assert_eq!(starts(" taxiway={}  taxiway={} taxiway=[] taxiway={} taxiway={}"), [43, 54]);
    for none in [
        "taxiway={}",
        " taxiway={} ",
        " taxiway={}x",
        " taxiway=[]",
        " taxiway={",
        " taxiway={}}",
        "x taxiway= {}",
    ] {
        assert_eq!(starts(none), [0; 0], "{none}");
    }
    assert_eq!(starts(&" taxiway={}".repeat(50_000)).len(), 50_000);
    assert_eq!(starts(&format!("{}x}}", " taxiway={}".repeat(50_000))), [0; 0]);
}

#[test]
fn columns_have_to_be_in_step() {
    let row = |n: usize| {
        let columns: Vec<String> = flat::COLUMNS
            .iter()
            .map(|c| format!("\"{c}\":[{}]", vec!["\"x\""; if *c == "tlp" { n } else { 2 }].join(",")))
            .collect();
        format!("{{{}}}", columns.join(","))
    };
    let rows = |text: &str| own::rows(text.as_bytes(), &(0..text.len())).len();
    assert_eq!(
        [rows(&row(2)), rows(&row(1)), rows("{}"), rows("[]"), rows("{\"feed\":[]}")],
        [2, 0, 0, 0, 0]
    );
}

#[test]
fn instants_and_ids_are_json_strings() {
    let mut out = Vec::new();
    instant(&mut out, Timestamp(1_500_000));
    assert_eq!(out, b"\"1970-01-01T00:00:01.5Z\"");
    for text in ["indicator--12345678-9abc-4def-8123-0123456789ab", "indicator--X", "a\"b", ""] {
        let mut out = Vec::new();
        id(&mut out, &Id::parse(text));
        assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
    }
}
