//! Tags already there: tagging again, imitations, any bytes.

use super::*;

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
