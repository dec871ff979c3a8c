//! Tests of whole judgements, on small snapshots.

use std::sync::Arc;

use super::*;
use crate::index::{Allow, Builder, Snapshot};
use crate::indicator::{Context, Id, Indicator, Part, ThreatKind, Tlp};
use crate::observable::{self, Hint, Kind};
use crate::policy::Policy;

const NOW: Timestamp = Timestamp(1_764_000_000_000_000);

fn listed(feed: u16, value: &str) -> Indicator {
    let values = observable::read(value, Hint::None).unwrap();
    Indicator {
        feed,
        id: None,
        values: values.into_iter().map(|v| (v, Part::Whole)).collect(),
        valid_from: None,
        valid_until: None,
        confidence: None,
        tlp: None,
        context: Arc::default(),
    }
}

fn snapshot(feeds: &[&str], indicators: impl IntoIterator<Item = Indicator>) -> Arc<Snapshot> {
    let feeds: Vec<Box<str>> = feeds.iter().map(|f| (*f).into()).collect();
    let mut builder = Builder::new(&feeds, Allow::default());
    indicators.into_iter().for_each(|i| builder.add(i));
    Arc::new(Snapshot::from_bytes(builder.finish().unwrap().0).unwrap())
}

/// A judge with what it judges by.
struct Court {
    judge: Judge,
    generation: Generation,
    settings: Settings,
    counts: Counts,
}

impl Court {
    fn new(snapshots: Vec<Arc<Snapshot>>) -> Court {
        Court {
            judge: Judge::new(),
            generation: Generation { snapshots, policy: Policy::default() },
            settings: Settings::default(),
            counts: Counts::default(),
        }
    }

    fn of(values: &[&str]) -> Court {
        Court::new(vec![snapshot(&["feed"], values.iter().map(|v| listed(0, v)))])
    }

    /// The offset and the bytes of the tag.
    fn tag(&mut self, event: impl AsRef<[u8]>) -> Option<(usize, Vec<u8>)> {
        let mut tags = b"before".to_vec();
        let event = event.as_ref();
        let at = self.judge.event(event, &self.settings, &self.generation, NOW, &mut tags, &mut self.counts);
        let tag = tags.split_off(6);
        assert_eq!(tags, b"before");
        assert_eq!(at.is_some(), !tag.is_empty());
        Some((at?, tag))
    }

    /// The event with its tag.
    fn tagged(&mut self, event: impl AsRef<[u8]>) -> Vec<u8> {
        let event = event.as_ref();
        let mut out = event.to_vec();
        if let Some((at, tag)) = self.tag(event) {
            assert!(!tag.contains(&b'\n') && !tag.contains(&b'\r'));
            out.splice(at..at, tag);
        }
        out
    }

    /// `field atomic listed grade` of each enrichment of an event after it was tagged.
    fn hits(&mut self, event: impl AsRef<[u8]>) -> Vec<String> {
        self.settings.preset = Preset::Flat;
        let Some((_, tag)) = self.tag(event) else { return Vec::new() };
        let start = tag.iter().position(|b| *b == b'{').unwrap();
        let text = String::from_utf8(tag[start..].to_vec()).unwrap();
        let object: serde_json::Value = serde_json::from_str(&text).unwrap();
        let object = object.get("taxiway").unwrap_or(&object);
        let cell = |name: &str, n: usize| object[name][n].as_str().unwrap().to_owned();
        let rows = object["feed"].as_array().unwrap().len();
        (0..rows).map(|n| ["field", "atomic", "indicator", "grade"].map(|c| cell(c, n)).join(" ")).collect()
    }

    fn suppressed(&self, rule: &str) -> u64 {
        self.counts.suppressed.iter().find(|(name, _)| *name == rule).map_or(0, |(_, n)| *n)
    }
}

fn full() -> Indicator {
    Indicator {
        id: Some(Id::parse("indicator--12345678-9abc-4def-8123-456789abcdef")),
        valid_from: Some(Timestamp(0)),
        valid_until: Some(Timestamp(4_102_444_800_000_000)),
        confidence: Some(85),
        tlp: Some(Tlp::AmberStrict),
        context: Arc::new(Context {
            name: Some("Bad \"thing\"".into()),
            description: Some("Line one\nline two".into()),
            labels: vec!["c2".into(), "x".into()],
            threats: vec![(ThreatKind::Malware, "Poison Ivy".into()), (ThreatKind::Actor, "APT".into())],
            kill_chain: vec!["mitre/delivery".into()],
            references: vec!["https://a.example/1".into(), "https://a.example/2".into()],
        }),
        ..listed(0, "evil.example")
    }
}

#[test]
fn the_whole_tag_of_ecs() {
    let snapshot = snapshot(&["one"], [full()]);
    let version = snapshot.version().to_owned();
    let mut court = Court::new(vec![snapshot]);
    let (at, tag) = court.tag(r#"{"q":"www.evil.example"}"#).unwrap();
    assert_eq!(at, 23);
    let expected = r#","threat":{"enrichments":[{"indicator":{"type":"domain-name","url":{"domain":"evil.example"},"name":"Bad \"thing\"","description":"Line one\nline two","reference":"https://a.example/1","provider":"one","confidence":"High","marking":{"tlp":"AMBER+STRICT"}},"matched":{"atomic":"www.evil.example","field":"q","id":"indicator--12345678-9abc-4def-8123-456789abcdef","index":"taxiway-VERSION","type":"parent-domain"},"taxiway":{"kind":"domain","confidence":85,"labels":["c2","x"],"malware":["Poison Ivy"],"actor":["APT"],"kill_chain":["mitre/delivery"],"references":["https://a.example/2"],"valid_from":"1970-01-01T00:00:00Z","valid_until":"2100-01-01T00:00:00Z"}}]}"#;
    assert_eq!(String::from_utf8(tag).unwrap(), expected.replace("VERSION", &version));
    assert_eq!(court.counts.hits[Kind::Domain as usize], 1);
    assert_eq!(court.counts.events_tagged, 1);
}

#[test]
fn the_whole_tag_of_flat() {
    let snapshot = snapshot(&["one", "two"], [full(), listed(1, "192.0.2.0/24")]);
    let version = snapshot.version().to_owned();
    let mut court = Court::new(vec![snapshot]);
    court.settings.preset = Preset::Flat;
    let (at, tag) = court.tag("192.0.2.1 evil.example").unwrap();
    assert_eq!(at, 22);
    let expected = r#" taxiway={"taxiway":{"feed":["two","one"],"id":["","indicator--12345678-9abc-4def-8123-456789abcdef"],"indicator":["192.0.2.0/24","evil.example"],"kind":["network","domain"],"atomic":["192.0.2.1","evil.example"],"field":["message","message"],"grade":["network","exact"],"confidence":[null,85],"tlp":["","AMBER+STRICT"],"count":2,"set":"VERSION"}}"#;
    assert_eq!(String::from_utf8(tag).unwrap(), expected.replace("VERSION", &version));
}

#[test]
fn where_the_listed_value_stands() {
    let sha256 = "a".repeat(64);
    for (value, event, want) in [
        ("192.0.2.1", "192.0.2.1", r#"{"type":"ipv4-addr","ip":"192.0.2.1","#),
        ("2001:db8::1", "2001:DB8::1", r#"{"type":"ipv6-addr","ip":"2001:db8::1","#),
        ("192.0.2.0/24", "192.0.2.1", r#"{"type":"ipv4-addr","name":"192.0.2.0/24","#),
        ("2001:db8::/32", "2001:db8::1", r#"{"type":"ipv6-addr","name":"2001:db8::/32","#),
        ("192.0.2.1:80", "192.0.2.1:80", r#"{"type":"ipv4-addr","ip":"192.0.2.1","port":80,"#),
        ("[2001:db8::1]:80", "[2001:db8::1]:80", r#"{"type":"ipv6-addr","ip":"2001:db8::1","port":80,"#),
        ("http://a.example/x", "http://a.example/x", r#"{"type":"url","url":{"full":"http://a.example/x"},"#),
        ("a@b.example", "A@b.example", r#"{"type":"email-addr","email":{"address":"a@b.example"},"#),
        (&sha256, &sha256, &format!(r#"{{"type":"file","file":{{"hash":{{"sha256":"{sha256}"}}}},"#)),
    ] {
        let tag = String::from_utf8(Court::of(&[value]).tag(event).unwrap().1).unwrap();
        assert!(tag.contains(&format!("\"indicator\":{want}\"provider\"")), "{tag}");
        assert_eq!(
            tag.contains(&format!("\"indicator\":\"{value}\"")),
            value.contains("/2") || value.contains("/3"),
            "{tag}"
        );
    }
}

#[test]
fn a_tag_goes_behind_the_last_member() {
    for (event, before, behind) in [
        (r#"{"a":"evil.example"@}"#, r#","threat":{"enrichments":["#, "]}"),
        (r#" { "a" : "evil.example"@ } "#, r#","threat":{"enrichments":["#, "]}"),
        (r#"{"threat":{@},"a":"evil.example"}"#, r#""enrichments":["#, "]"),
        (r#"{"threat":{@ },"a":"evil.example"}"#, r#""enrichments":["#, "]"),
        (r#"{"threat":{"x":1@ },"a":"evil.example"}"#, r#","enrichments":["#, "]"),
        (r#"{"threat":{"enrichments":[@]},"a":"evil.example"}"#, "", ""),
        (r#"{"threat":{"enrichments":[@ ]},"a":"evil.example"}"#, "", ""),
        (r#"{"threat":{"enrichments":[{}@ ]},"a":"evil.example"}"#, ",", ""),
        (r#"{"thr\u0065at":{"enrichments":[1@]},"a":"evil.example"}"#, ",", ""),
        (r#"{"threat":1,"threat":{@},"a":"evil.example"}"#, r#""enrichments":["#, "]"),
        (r#"{"threat.enrichments":[],"a":"evil.example"@}"#, r#","threat":{"enrichments":["#, "]}"),
        (r#"{"threat":"high","a":"evil.example"@}"#, r#","taxiway":{"threat":{"enrichments":["#, "]}}"),
        (r#"{"threat":null,"a":"evil.example"@}"#, r#","taxiway":{"threat":{"enrichments":["#, "]}}"),
        (
            r#"{"threat":{},"threat":[],"a":"evil.example"@}"#,
            r#","taxiway":{"threat":{"enrichments":["#,
            "]}}",
        ),
        (
            r#"{"threat":{"enrichments":{}},"a":"evil.example"@}"#,
            r#","taxiway":{"threat":{"enrichments":["#,
            "]}}",
        ),
        (r#"{"threat":1,"taxiway":{"threat":{"enrichments":[@]}},"a":"evil.example"}"#, "", ""),
        (r#"{"threat":1,"taxiway":{"threat":{@}},"a":"evil.example"}"#, r#""enrichments":["#, "]"),
        ("\u{feff}{\"a\":\"evil.example\"@}\r\n", r#","threat":{"enrichments":["#, "]}"),
        ("{\"evil.example\":1@}", r#","threat":{"enrichments":["#, "]}"),
        ("{\"a\":\"evil.example\"} x@", r#" taxiway={"threat":{"enrichments":["#, "]}}"),
        ("[\"evil.example\"]@", r#" taxiway={"threat":{"enrichments":["#, "]}}"),
        ("evil.example \u{0} @", r#" taxiway={"threat":{"enrichments":["#, "]}}"),
    ] {
        let mut court = Court::of(&["evil.example"]);
        let raw = event.replace('@', "");
        let (at, tag) = court.tag(&raw).unwrap();
        let tag = String::from_utf8(tag).unwrap();
        assert_eq!(at, event.find('@').unwrap(), "{event}");
        assert!(tag.starts_with(&format!("{before}{{\"indicator\"")), "{event} {tag}");
        assert!(tag.ends_with(&format!("}}}}{behind}")), "{event} {tag}");
        assert_eq!(
            court.counts.place_taken,
            u64::from(before.contains("taxiway\":") || raw.contains("threat\":1,\"taxiway")),
            "{event}"
        );
    }
}

#[test]
fn where_there_is_no_place_the_event_passes_and_is_counted() {
    for event in [
        r#"{"threat":1,"taxiway":2,"a":"evil.example"}"#,
        r#"{"threat":1,"taxiway":{},"a":"evil.example"}"#,
        r#"{"threat":1,"taxiway":{"threat":[]},"a":"evil.example"}"#,
    ] {
        let mut court = Court::of(&["evil.example"]);
        assert_eq!(court.tag(event), None, "{event}");
        assert_eq!(
            (court.counts.place_taken, court.suppressed("place-taken"), court.counts.events_tagged),
            (1, 1, 0)
        );
    }
    let mut court = Court::of(&["evil.example"]);
    court.settings.preset = Preset::Flat;
    assert_eq!(court.tag(r#"{"taxiway":{"feed":[]},"a":"evil.example"}"#), None);
    assert_eq!(court.suppressed("place-taken"), 1);
}

const EVENTS: [&str; 14] = [
    r#"{"a":"evil.example","b":["evil.example","http://evil.example/a?x","192.0.2.1"],"c":{"evil.example":1}}"#,
    "evil.example http:\\/\\/evil.example\\/a user@evil.example 192.0.2.1:80",
    r#"{"threat":"x","a":"evil.example"}"#,
    r#"{"threat":{"enrichments":[{"indicator":{"url":{"domain":"evil.example"}}}]}}"#,
    r#"{"threat":{"enrichments":[{"indicator":{"provider":"feed","url":{"domain":"evil.example"}},"matched":{"index":"taxiway-x","field":"message","atomic":"www.evil.example"}}]},"z":1}"#,
    r#"x taxiway={"threat":{"enrichments":[{"indicator":{"provider":"feed","url":{"domain":"evil.example"}},"matched":{"index":"taxiway-x","field":"message","atomic":"www.evil.example"}}]}}"#,
    r#"evil.example taxiway={"threat":1}"#,
    r#"evil.example taxiway={"threat":{"enrichments":[]}}"#,
    r#"evil.example taxiway={"taxiway":{"feed":[]}}"#,
    r#"evil.example taxiway={"evil.example":[]} taxiway={}"#,
    r#"{"taxiway":{"feed":["feed"],"id":[""],"indicator":["evil.example"],"kind":[""],"atomic":["evil.example"],"field":["q"],"grade":[""],"confidence":[1],"tlp":[""]},"b":"192.0.2.1"}"#,
    r#"192.0.2.1 taxiway={"taxiway":{"feed":["feed"],"id":[""],"indicator":["evil.example"],"kind":[""],"atomic":["evil.example"],"field":["message"],"grade":[""],"confidence":[1],"tlp":[""]}}"#,
    "[\"\\n\\n\\nevil.example\" \u{2028}www.evil.example",
    r#"{"threat":{"enrichments":[]},"taxiway":{"threat":{"enrichments":[{"indicator":{"provider":"feed","url":{"domain":"evil.example"}},"matched":{"index":"taxiway-x","field":"q","atomic":"www.evil.example"}}]}}}"#,
];

#[test]
fn tagging_twice_changes_nothing() {
    let values = [
        "evil.example",
        "http://evil.example/a",
        "192.0.2.1",
        "192.0.2.0/24",
        "192.0.2.1:80",
        "user@evil.example",
        "192.0.0.0/16",
    ];
    let indicators: Vec<_> = values
        .iter()
        .flat_map(|v| [listed(0, v), listed(0, v), Indicator { confidence: Some(5), ..listed(1, v) }])
        .collect();
    let snapshot = snapshot(&["feed", "two"], indicators.into_iter().chain([full()]));
    let mut tagged = 0;
    for preset in [Preset::Ecs, Preset::Flat] {
        for (enrichments_max, tag_bytes_max) in [(16, 8 << 10), (2, 8 << 10), (16, 900), (1, 400), (16, 40)] {
            for event in EVENTS {
                let mut court = Court::new(vec![Arc::clone(&snapshot)]);
                court.settings = Settings { preset, enrichments_max, tag_bytes_max, ..Settings::default() };
                let once = court.tagged(event);
                tagged += usize::from(once != event.as_bytes());
                assert!(once.len() - event.len() <= tag_bytes_max, "{event}");
                let twice = court.tagged(&once);
                assert_eq!(
                    String::from_utf8(twice).unwrap(),
                    String::from_utf8(once).unwrap(),
                    "{preset:?} {enrichments_max} {tag_bytes_max}"
                );
            }
        }
    }
    assert!(tagged > 60, "{tagged}");
}

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
fn a_line_that_passes_several_filters_again_and_again_grows_no_more() {
    let event = "evil.example 192.0.2.1 user@mail.example";
    for presets in [[Preset::Flat; 3], [Preset::Ecs; 3], [Preset::Flat, Preset::Ecs, Preset::Flat]] {
        let mut hops: Vec<Court> = [("a", "evil.example"), ("b", "192.0.2.1"), ("c", "mail.example")]
            .map(|(feed, value)| Court::new(vec![snapshot(&[feed], [listed(0, value)])]))
            .into();
        for (hop, preset) in hops.iter_mut().zip(presets) {
            hop.settings.preset = preset;
        }
        let once = hops.iter_mut().fold(event.as_bytes().to_vec(), |event, hop| hop.tagged(event));
        let again = (0..3).fold(once.clone(), |event, _| hops.iter_mut().fold(event, |e, h| h.tagged(e)));
        assert_eq!(String::from_utf8(again).unwrap(), String::from_utf8(once).unwrap(), "{presets:?}");
        assert!(hops.iter().all(|hop| (hop.counts.place_taken, hop.counts.events_tagged) == (0, 1)));
        assert!(hops.iter().all(|hop| hop.suppressed("already-tagged") == 3));
    }
    // a feed that grew: only what is new is told in the second tag
    let mut less = Court::of(&["evil.example"]);
    less.settings.preset = Preset::Flat;
    let once = less.tagged(event);
    assert_eq!(Court::of(&["evil.example", "192.0.2.1"]).hits(once), ["message 192.0.2.1 192.0.2.1 exact"]);
}

#[test]
fn imitations_hide_nothing() {
    let values = ["evil.example", "192.0.2.1"];
    let one = |value: &str, field: &str, more: &str| {
        format!(
            r#"{{"indicator":{{"provider":"feed","ip":"{value}","url":{{"domain":"{value}"}}}},"matched":{{"index":"taxiway-0","field":"{field}","atomic":"{value}"}},"x":"{more}"}}"#
        )
    };
    // names what hits nowhere else
    let lie = format!(r#"{{"a":1,"threat":{{"enrichments":[{}]}}}}"#, one("192.0.2.1", "a", "evil.example"));
    assert_eq!(
        Court::of(&values).tag(&lie).map(|(_, tag)| tag.windows(9).filter(|w| w == b"\"matched\"").count()),
        Some(4)
    );
    // names what hits elsewhere: left alone, and the hit in its field not doubled
    let truth = format!(r#"{{"a":"192.0.2.1","threat":{{"enrichments":[{}]}}}}"#, one("192.0.2.1", "a", ""));
    let mut court = Court::of(&values);
    assert_eq!(court.tag(&truth), None);
    assert_eq!(court.suppressed("already-tagged"), 1);
    // many copies of it take no room
    let copies = vec![one("192.0.2.1", "a", ""); 40].join(",");
    let many = format!(r#"{{"a":"192.0.2.1","b":"evil.example","threat":{{"enrichments":[{copies}]}}}}"#);
    assert_eq!(Court::of(&values).hits(&many), ["b evil.example evil.example exact"]);
    let (_, tag) = Court::of(&values).tag(&many).unwrap();
    assert!(String::from_utf8(tag).unwrap().contains("\"atomic\":\"evil.example\""));
    // another field is another hit
    let moved = format!(r#"{{"b":"192.0.2.1","threat":{{"enrichments":[{}]}}}}"#, one("192.0.2.1", "a", ""));
    assert!(Court::of(&values).tag(&moved).is_some());
    // of another tool
    let other = truth.replace("taxiway-0", "tool-0");
    assert_eq!(
        Court::of(&values).tag(&other).map(|(_, tag)| tag.windows(9).filter(|w| w == b"\"matched\"").count()),
        Some(4)
    );
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

proptest::proptest! {
    #[test]
    fn taking_tags_away_gives_the_input_back_and_twice_is_once(
        pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..24),
        preset in proptest::sample::select(&[Preset::Ecs, Preset::Flat][..]),
        format in proptest::sample::select(&[Format::Auto, Format::Text, Format::Json][..]),
    ) {
        let event: Vec<u8> = pieces.concat();
        let mut court = Court::of(&["evil.example", "192.0.2.1", "http://evil.example/a"]);
        court.settings.preset = preset;
        court.settings.format = format;
        let once = court.tagged(&event);
        if once != event {
            let is_json = serde_json::from_slice::<serde_json::Value>(&event).is_ok_and(|v| v.is_object());
            if is_json && format != Format::Text {
                proptest::prop_assert!(serde_json::from_slice::<serde_json::Value>(&once).is_ok());
            }
            proptest::prop_assert_eq!(court.tagged(&once), once);
        }
    }

    #[test]
    fn any_bytes_pass(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..60)) {
        proptest::prop_assert_eq!(Court::of(&["evil.example"]).tagged(&bytes), bytes);
    }
}

const PIECES: &[&[u8]] = &[
    b"{",
    b"}",
    b"\"a\":",
    b"\"threat\":",
    b"\"taxiway\":",
    b"\"enrichments\":",
    b"[",
    b"]",
    b",",
    b"\"evil.example\"",
    b"evil.example",
    b"\"192.0.2.1\"",
    b"http://evil.example/a",
    b" taxiway={",
    b"\"",
    b"\\",
    b"\\/",
    b" ",
    b"\xff",
    b"{\"a\":\"evil.example\"",
    b"{\"threat\":{\"enrichments\":[",
    b"]}}",
    b"1",
    b"null",
];

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

#[test]
#[ignore = "a measurement"]
fn speed() {
    let event = br#"{"_path":"dns","_write_ts":"2018-03-24T17:15:20.866586Z","ts":"2018-03-24T17:15:20.865716Z","uid":"CqKst53mF3det3eDV9","id.orig_h":"10.47.1.100","id.orig_p":41772,"id.resp_h":"10.0.0.100","id.resp_p":53,"proto":"udp","trans_id":36329,"rtt":0.0008699893951416016,"query":"ise.wrccdc.org","qclass":1,"qclass_name":"C_INTERNET","qtype":1,"qtype_name":"A","rcode":0,"rcode_name":"NOERROR","AA":false,"TC":false,"RD":true,"RA":true,"Z":0,"answers":["ise.wrccdc.cpp.edu","134.71.3.16"],"TTLs":[2230.0,41830.0],"rejected":false}"#;
    let mut values: Vec<Indicator> = (0..100_000u32)
        .map(|n| listed(0, &format!("{}.{}.{}.7", 1 + n % 200, n / 200 % 250, n % 251)))
        .collect();
    values.extend((0..100_000u32).map(|n| listed(0, &format!("a{n}.example"))));
    values.push(Indicator { values: listed(0, "134.71.3.16").values, ..full() });
    let mut court = Court::new(vec![snapshot(&["one"], values)]);
    let mut miss = Court::of(&["192.0.2.1"]);
    for round in 0..4 {
        let mut tags = Vec::new();
        let start = std::time::Instant::now();
        for _ in 0..200_000 {
            tags.clear();
            court.judge.event(event, &court.settings, &court.generation, NOW, &mut tags, &mut court.counts);
        }
        let hit = start.elapsed().as_nanos() / 200_000;
        let start = std::time::Instant::now();
        for _ in 0..200_000 {
            miss.judge.event(event, &miss.settings, &miss.generation, NOW, &mut tags, &mut miss.counts);
        }
        let none = start.elapsed().as_nanos() / 200_000;
        let start = std::time::Instant::now();
        let mut walk = Walk::default();
        for _ in 0..200_000 {
            std::hint::black_box(walk.event(event, Keep::Strings));
        }
        println!(
            "round {round}: {} bytes, hit {hit} ns, {} bytes of tag; no hit {none} ns; walk {} ns",
            event.len(),
            tags.len(),
            start.elapsed().as_nanos() / 200_000
        );
    }
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
