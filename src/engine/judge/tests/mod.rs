//! Tests of whole judgements, on small snapshots.

mod court;
mod own;
mod place;

use std::sync::Arc;

use self::court::{Court, NOW, full, listed, snapshot};
use super::*;
use crate::index::{Allow, Builder, Snapshot};
use crate::indicator::{Context, Id, Indicator, Part, Remarks, Sightings, ThreatKind, Tlp};
use crate::observable::{self, Hint, Kind};
use crate::policy::Policy;

#[test]
fn what_was_left_out_is_counted_and_told() {
    let values: Vec<String> = (1..=20).map(|n| format!("192.0.2.{n}")).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let mut court = Court::of(&values);
    let event = values.join(" ");
    let once = String::from_utf8(court.tagged(&event)).unwrap();
    assert_eq!(once.matches("\"matched\"").count(), 16);
    assert_eq!(once.matches("\"count\":20").count(), 1);
    assert!(once.find("\"count\":20") < once.find("192.0.2.2\""), "in the first one");
    assert_eq!((court.suppressed("cap"), court.suppressed("already-tagged")), (4, 0));
    assert_eq!(court.tag(&once), None);
    assert_eq!((court.suppressed("cap"), court.suppressed("already-tagged")), (8, 16));
    // a later pass that knows more adds no more than the limit
    let mut less = Court::of(&values[5..10]);
    let some = less.tagged(&event);
    assert_eq!(String::from_utf8(court.tagged(some)).unwrap().matches("\"matched\"").count(), 16);
}

#[test]
fn grades_and_ties() {
    let mut court = Court::of(&[
        "evil.example",
        "http://evil.example/a",
        "user@evil.example",
        "192.0.2.0/24",
        "192.0.0.0/16",
        "192.0.2.1:80",
        "192.0.2.1",
    ]);
    assert_eq!(
        court.hits("192.0.2.1:80"),
        [
            "message 192.0.2.1 192.0.2.1 exact",
            "message 192.0.2.1 192.0.0.0/16 network",
            "message 192.0.2.1 192.0.2.0/24 network",
            "message 192.0.2.1:80 192.0.2.1:80 exact",
        ]
    );
    assert_eq!(court.hits("user@a.evil.example"), ["message a.evil.example evil.example email-domain"]);
    assert_eq!(
        court.hits("\\nuser@evil.example"),
        [
            "message user@evil.example user@evil.example exact",
            "message evil.example evil.example email-domain"
        ]
    );
    assert_eq!(
        court.hits(r"\nhttp://evil.example/a")[0],
        "message http://evil.example/a http://evil.example/a exact",
        "one place, the better grade"
    );
    assert_eq!(
        court.hits("evil.example/a"),
        [
            "message evil.example evil.example exact",
            "message evil.example/a http://evil.example/a url-any-scheme"
        ]
    );
    assert_eq!(
        court.hits("https://x@evil.example/a?b#c")[0],
        "message https://x@evil.example/a?b#c http://evil.example/a url-without-query"
    );
    assert_eq!(
        court.hits("(http://evil.example/a;b),")[0],
        "message http://evil.example/a http://evil.example/a exact"
    );
    assert_eq!(
        court.hits("https://evil.example/b http://evil.example/A"),
        ["message evil.example evil.example exact"]
    );
    assert_eq!(court.hits("{\"a\":\"EVIL.EXAMPLE.\"}"), ["a EVIL.EXAMPLE evil.example exact"]);
    assert_eq!(
        court.hits(
            "{\"a\":\"www.evil.example and evil.example\",\"b\":{\"evil.example\":[\"evil.example\"]}}"
        ),
        [
            "a www.evil.example evil.example parent-domain",
            "b.evil.example evil.example evil.example exact",
            "b.evil.example.0 evil.example evil.example exact",
        ]
    );
}

#[test]
fn one_hit_for_each_indicator_and_field() {
    let both = Indicator {
        id: Some(Id::parse("x")),
        values: ["192.0.2.1", "evil.example"]
            .map(|v| (observable::read(v, Hint::None).unwrap().remove(0), Part::Whole))
            .to_vec(),
        ..listed(0, "evil.example")
    };
    let other = Indicator { confidence: Some(1), ..listed(1, "evil.example") };
    let mut court =
        Court::new(vec![snapshot(&["b", "a"], [both, other.clone(), other, listed(1, "evil.example")])]);
    assert_eq!(
        court.hits("evil.example 192.0.2.1"),
        [
            "message evil.example evil.example exact",
            "message evil.example evil.example exact",
            "message evil.example evil.example exact",
        ],
        "one with an id, two rows that differ; feeds in their order"
    );
    assert_eq!(
        court.hits("192.0.2.1 evil.example").first().map(String::as_str),
        Some("message 192.0.2.1 192.0.2.1 exact")
    );
}

#[test]
fn several_snapshots_are_asked_in_order() {
    let (a, b) = (
        snapshot(&["a", "x"], [listed(0, "evil.example"), listed(1, "192.0.2.1")]),
        snapshot(&["x"], [listed(0, "192.0.2.1"), listed(0, "http://evil.example/")]),
    );
    let set = format!("{}+{}", a.version(), b.version());
    let mut court = Court::new(vec![a, b]);
    assert_eq!(
        court.hits("http://evil.example/ 192.0.2.1"),
        [
            "message http://evil.example/ http://evil.example/ exact",
            "message evil.example evil.example exact",
            "message 192.0.2.1 192.0.2.1 exact",
        ],
        "the same row in two snapshots is one"
    );
    let (_, tag) = court.tag("http://evil.example/").unwrap();
    let sets = String::from_utf8(tag).unwrap();
    assert!(sets.contains("\"set\":") && set.split('+').all(|version| sets.contains(version)), "{sets}");
}

#[test]
fn part_of_a_pattern() {
    let md5 = "0cc175b9c0f1b6a831c399e269772661";
    let mut part = listed(0, md5);
    part.values[0].1 = Part::OfPattern;
    assert_eq!(
        Court::new(vec![snapshot(&["f"], [part])]).hits(md5),
        [format!("message {md5} {md5} part-of-pattern")]
    );
}

#[test]
fn ports_of_other_fields() {
    for (event, hit) in [
        (r#"{"id.resp_h":"192.0.2.1","id.resp_p":80}"#, "id.resp_h"),
        (r#"{"id":{"resp_p":"80","resp_h":"192.0.2.1"}}"#, "id.resp_h"),
        (r#"{"src_ip":"192.0.2.1","src_port":80}"#, "src_ip"),
        (r#"{"a":[{"destination":{"ip":"192.0.2.1","port":80}}]}"#, "a.0.destination.ip"),
        (r#"{"DestinationIp":"192.0.2.1","DestinationPort":"80"}"#, "DestinationIp"),
        (r#"{"RemoteIP":"192.0.2.1","RemotePort":80}"#, "RemoteIP"),
        (r#"{"srcaddr":"192.0.2.1","srcport":80}"#, "srcaddr"),
        (r#"{"IpAddress":"192.0.2.1","IpPort":"80"}"#, "IpAddress"),
        (r#"{"ip":"::ffff:192.0.2.1","port":"x","port":80}"#, "ip"),
    ] {
        let got = Court::of(&["192.0.2.1:80"]).hits(event);
        assert_eq!(got.len(), 1, "{event}");
        assert!(got[0].starts_with(hit) && got[0].ends_with(" 192.0.2.1:80 exact"), "{got:?}");
    }
    for none in [
        r#"{"src_ip":"192.0.2.1","dest_port":80}"#,
        r#"{"src_ip":"192.0.2.1","src_port":81}"#,
        r#"{"src_ip":"192.0.2.1 ","src_port":80}"#,
        r#"{"src_ip":["192.0.2.1"],"src_port":80}"#,
        r#"{"x":{"src_ip":"192.0.2.1"},"src_port":80}"#,
        r#"{"src_ip":"192.0.2.1","src_port":80.0}"#,
        r#"{"src_ip":"192.0.2.1","src_port":"+80"}"#,
        r#"{"src_ip":"192.0.2.1","src_port":[80]}"#,
        r#"{"src":"192.0.2.1","port":80}"#,
    ] {
        assert_eq!(Court::of(&["192.0.2.1:80"]).hits(none), [""; 0], "{none}");
    }
}

#[test]
fn rules_are_counted_by_name() {
    let mut court = Court::of(&["10.0.0.0/8", "10.1.2.3", "evil.zip", "evil.example", "http://10.1.2.3/"]);
    court.generation.policy.exclude = vec!["skip".into()];
    assert_eq!(court.hits(r#"{"a":"10.1.2.3","b":["10.1.2.3","10.1.2.3"]}"#), [""; 0]);
    assert_eq!(court.suppressed("reserved"), 6, "two entries in three fields");
    assert_eq!(
        court.hits("http://10.1.2.3/"),
        ["message http://10.1.2.3/ http://10.1.2.3/ exact"],
        "a URL is as listed"
    );
    assert_eq!(court.hits(r#"{"file":"evil.zip","m":"see evil.zip"}"#), [""; 0]);
    assert_eq!(court.suppressed("looks-like-file"), 2);
    assert_eq!(court.hits(r#"{"query":"evil.zip.","m":"see evil.zip or http://evil.zip","n":["evil.zip"],"e":"a@evil.zip","p":"evil.zip:80"}"#).len(), 5);
    assert_eq!(
        court.hits(r#"{"skip":{"x":"evil.example"},"skipped":"evil.example"}"#),
        ["skipped evil.example evil.example exact"]
    );
    assert_eq!(court.suppressed("field"), 1);
    court.generation.policy = Policy { kinds: vec![Kind::Ip], allow_reserved: true, ..Policy::default() };
    assert_eq!(court.hits("10.1.2.3 evil.example"), ["message 10.1.2.3 10.1.2.3 exact"]);
    assert_eq!(court.suppressed("kind"), 2);
}

#[test]
fn validity_is_judged_at_the_time_that_counts() {
    let indicator = Indicator {
        valid_from: Some(Timestamp(1_000_000)),
        valid_until: Some(Timestamp(2_000_000)),
        ..listed(0, "evil.example")
    };
    let mut court = Court::new(vec![snapshot(&["f"], [indicator])]);
    let event = r#"{"ts":1.5,"other":"1970-01-01T00:00:02Z","q":"evil.example"}"#;
    for (at, hit, rule) in [
        (At::Now, false, "expired"),
        (At::Any, true, ""),
        (At::Time(Timestamp(1_000_000)), true, ""),
        (At::Time(Timestamp(999_999)), false, "not-yet-valid"),
        (At::Event(None), true, ""),
        (At::Event(Some("ts".into())), true, ""),
        (At::Event(Some("other".into())), false, "expired"),
        (At::Event(Some("none".into())), false, "expired"),
    ] {
        court.settings.at = at.clone();
        let before = court.suppressed(rule);
        let tag = court.tag(event).map(|(_, tag)| String::from_utf8(tag).unwrap());
        assert_eq!(tag.is_some(), hit, "{at:?}");
        assert_eq!(court.suppressed(rule), before + u64::from(!hit));
        assert_eq!(
            tag.is_some_and(|t| t.contains(r#""occurred":"1970-01-01T00:00:01.5"#)),
            hit && matches!(at, At::Event(_)),
            "{at:?}"
        );
    }
    assert_eq!(court.counts.no_event_time, 1);
    court.tag("evil.example 1970-01-01T00:00:01Z");
    assert_eq!(court.counts.no_event_time, 2);
}

#[test]
fn formats() {
    let mut court = Court::of(&["evil.example"]);
    court.settings.format = Format::Json;
    assert_eq!(court.tag("evil.example www.evil.example"), None);
    assert_eq!(court.suppressed("not-json"), 1);
    assert!(court.tag(r#"{"a":"evil.example"}"#).is_some());
    court.settings.format = Format::Text;
    let (at, tag) = court.tag(r#"{"a":"evil.example"}"#).unwrap();
    assert!(at == 20 && tag.starts_with(b" taxiway={"));
    court.settings.format = Format::Auto;
    assert!(
        court.tag(b"{\"a\":\"evil.example \xff\"}").unwrap().1.starts_with(b" taxiway={"),
        "no UTF-8, no JSON"
    );
}

#[test]
fn windows_count_what_starts_in_them() {
    let text = b"evil.example \\/\\/ www.evil.example evil.example 10.0.0.1 x\\/evil.example";
    let mut court = Court::of(&["evil.example", "10.0.0.1"]);
    let mut count = |ranges: &[Range<usize>]| {
        court.counts = Counts::default();
        for range in ranges {
            court.judge.window(
                text,
                range.clone(),
                &court.settings,
                &court.generation,
                NOW,
                &mut court.counts,
            );
        }
        (court.suppressed("line-limit"), court.counts.suppressed.len())
    };
    let whole = 0..text.len();
    assert_eq!(count(std::slice::from_ref(&whole)), (4, 1));
    for cut in whole.clone() {
        assert_eq!(count(&[0..cut, cut..text.len()]), (4, 1), "cut at {cut}");
    }
    assert_eq!(count(std::slice::from_ref(&(1..17))).0, 0);
}

#[test]
fn atomics_are_the_text_of_the_event() {
    let mut court = Court::of(&["evil.example", "http://evil.example/a", "bücher.example"]);
    assert_eq!(
        court.hits(r#"{"a":"ht\u0074p:\/\/EVIL.example\/a","b":"B\u00dcCHER.example"}"#),
        [
            "a http://EVIL.example/a http://evil.example/a exact",
            "a EVIL.example evil.example exact",
            "b BÜCHER.example xn--bcher-kva.example exact",
        ]
    );
    assert_eq!(
        court.hits(r"http:\/\/evil.example\/a")[0],
        "message http://evil.example/a http://evil.example/a exact"
    );
    assert_eq!(court.hits(r"\bｅvil.example %3aevil.example“"), ["message ｅvil.example evil.example exact"]);
    assert_eq!(court.hits("%3aevil.example“"), ["message evil.example evil.example exact"]);
}

#[test]
fn a_value_again_and_again_is_one_hit() {
    let generation = Court::of(&["192.0.2.1", "evil.example"]).generation;
    let mut judge = Judge::new();
    for unit in ["192.0.2.1 ", "a.evil.example/", "http://evil.example/", "x@evil.example,"] {
        let mut case = Case::new(&generation, None);
        judge.gap(&mut case, unit.repeat(2_000).as_bytes(), 0..unit.len() * 2_000);
        assert!((1..=4).contains(&case.hits.len()), "{unit}: {}", case.hits.len());
    }
}

#[test]
fn memory_of_large_events_is_given_back() {
    let mut court = Court::of(&["192.0.2.1"]);
    let large = format!("{{\"a\":[{}\"192.0.2.1\"]}}", "\"a.b\",".repeat(400_000));
    assert!(court.tag(large).is_some());
    assert!(court.judge.walk.pieces().is_empty());
    let window = format!("{}\\/", "http://a.example/\\/ ".repeat(100_000));
    court.judge.window(window.as_bytes(), 0..1, &court.settings, &court.generation, NOW, &mut court.counts);
    assert!(court.judge.text.capacity() + court.judge.taken.capacity() <= 2 * SCRATCH_MAX);
    assert!(court.judge.tokens.candidates().is_empty());
    assert!(court.tag(r#"{"a":"192.0.2.1"}"#).is_some());
}

#[test]
fn long_urls() {
    let mut court = Court::of(&["http://evil.example/a", "http://192.0.2.1/", "http://[2001:db8::1]/"]);
    let query = "q".repeat(20_000);
    assert!(
        court.hits(format!("http://evil.example/a?{query}"))[0]
            .ends_with("http://evil.example/a url-without-query")
    );
    assert_eq!(court.hits(format!("http://evil.example/a{query}")), [""; 0]);
    assert_eq!(court.hits("http://[::ffff:c000:201]:80/#x http://[2001:DB8::1]").len(), 2);
    let nested = "http://evil.example/a?".repeat(4_000);
    let hits = court.hits(&nested);
    assert!(hits.len() == 1 && hits[0].ends_with("… http://evil.example/a url-without-query"), "{hits:?}");
}

#[test]
fn json_in_json() {
    let mut court = Court::of(&["http://evil.example/a", "evil.1x"]);
    assert_eq!(
        court.hits(r#"{"m":"{\"u\":\"http:\\/\\/evil.example\\/a\"}"}"#),
        ["m http://evil.example/a http://evil.example/a exact"]
    );
    assert_eq!(court.hits(b"%%41evil.1x\xffx=1"), ["message evil.1x evil.1x exact"]);
}

#[test]
fn one_feed_in_two_snapshots_gives_each_hit_once() {
    let values: Vec<String> = (1..=40).map(|n| format!("192.0.2.{n}")).collect();
    let named = |value: &String, name: String| Indicator {
        context: Arc::new(Context { name: Some(name.into()), ..Context::default() }),
        ..listed(0, value)
    };
    // numbers order addresses and contexts otherwise than texts do, and other contexts are in between
    let rows = |from: usize| {
        let several = values.iter().flat_map(move |v| [1, 2, 10].map(|n| named(v, format!("name {n}"))));
        let others = (0..from).map(|n| named(&format!("198.51.100.{n}"), format!("name 1{n}")));
        snapshot(&["feed"], several.chain(others))
    };
    let mut court = Court::new(vec![rows(0), rows(30), rows(7)]);
    court.settings.enrichments_max = 1_000;
    court.settings.tag_bytes_max = 1 << 20;
    for event in [values.join(" "), values.iter().rev().cloned().collect::<Vec<_>>().join(" ")] {
        let hits = court.hits(&event);
        assert_eq!(hits.len(), 3 * values.len(), "each row once, from whichever snapshot");
    }
}

#[test]
fn one_path_is_one_field_whether_or_not_each_way_to_it_is_wanted() {
    let mut court = Court::of(&["evil.example", "192.0.2.1"]);
    // once `0` is a key and once an array step, which may be left out
    let event = r#"{"a":{"0":{"b":"evil.example"}},"a":[{"b":"evil.example"}],"a.0":{"b":"evil.example"}}"#;
    assert_eq!(court.hits(event).len(), 1, "one field");
    court.generation.policy.fields = vec!["a.b".into()];
    assert_eq!(court.hits(event), ["a.0.b evil.example evil.example exact"]);
    assert_eq!(court.suppressed("field"), 1);
    let wide = (0..100).map(|n| format!(r#""f{}":"192.0.2.1""#, n % 50)).collect::<Vec<_>>().join(",");
    court.generation.policy.fields.clear();
    court.settings.enrichments_max = 1_000;
    court.settings.tag_bytes_max = 1 << 20;
    assert_eq!(court.hits(format!("{{{wide}}}")).len(), 50);
}

#[test]
fn urls_are_looked_up_within_a_limit_an_event() {
    let mut court = Court::of(&["http://evil.example/a"]);
    let nested = "http://evil.example/a?".repeat(180);
    court.hits(format!(r#"{{"a":"{nested}"}}"#));
    assert_eq!(court.suppressed("url-limit"), 0);
    // each of these strings alone is within it
    court.settings.tag_bytes_max = 1 << 20;
    let many = vec![format!("\"{nested}\""); 40].join(",");
    court.settings.enrichments_max = 1_000;
    assert_eq!(court.hits(format!(r#"{{"a":[{many}]}}"#)).len(), 40, "without their queries");
    assert!(court.suppressed("url-limit") > 1_000);
    let mut lost = |event: String| {
        let before = court.suppressed("url-limit");
        court.tag(event);
        court.suppressed("url-limit") - before
    };
    let long = "p".repeat(9_000);
    assert_eq!(lost(format!("http://evil.example/{long}")), 1);
    assert_eq!(lost(format!("http://evil.example/a?{long}.,")), 1, "one URL, read in three ways");
    assert_eq!(lost(format!("http://other.example/{long}")), 0, "no URL of that host is listed");
    let window = format!("http://evil.example/{long} http://evil.example/{long}");
    for (range, n) in [(0..1, 1), (1..9_022, 1), (0..window.len(), 2), (9_022..window.len(), 0)] {
        let mut counts = Counts::default();
        court.judge.window(window.as_bytes(), range, &court.settings, &court.generation, NOW, &mut counts);
        assert_eq!(counts.suppressed.iter().map(|(_, n)| n).sum::<u64>(), n);
    }
}
