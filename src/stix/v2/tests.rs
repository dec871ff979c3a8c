//! STIX 2 documents in every shape, sound and broken.

use super::*;
use crate::indicator::{Id, Timestamp, Tlp};
use crate::stix::{Fate, Kept};

fn read(document: &str) -> Objects {
    let mut objects = Objects::default();
    assert_eq!(parse(document.as_bytes(), &mut objects), Found::Stix, "{document}");
    check(&objects);
    objects
}

/// Everything that was received is a draft, context, or skipped.
fn check(objects: &Objects) {
    let tally = &objects.tally;
    let sum = objects.drafts.len() as u64 + tally.context_total() + tally.skipped.total();
    assert_eq!(tally.received, sum, "{tally:?}");
}

fn used(objects: &Objects) -> usize {
    objects.drafts.iter().filter(|draft| draft.fate == Fate::Use).count()
}

/// An indicator with a number for its id and value, and more properties.
fn indicator(n: u32, more: &str) -> String {
    format!(
        r#"{{"type":"indicator","id":"indicator--00000000-0000-4000-8000-{n:012x}","pattern":"[ipv4-addr:value = '198.51.100.{n}']","valid_from":"2020-01-01T00:00:00Z"{more}}}"#
    )
}

fn bundle(elements: &[String]) -> String {
    format!(r#"{{"type":"bundle","id":"bundle--1","objects":[{}]}}"#, elements.join(","))
}

#[test]
fn all_shapes_of_documents_give_the_same() {
    let [a, b, c] = [1, 2, 3].map(|n| indicator(n, ""));
    for document in [
        bundle(&[a.clone(), b.clone(), c.clone()]),
        format!(r#"{{"more":true,"next":"x","objects":[{a},{b},{c}]}}"#),
        format!(r#"{{"objects":[{a},{b},{c}],"type":"bundle","spec_version":"2.0"}}"#),
        format!("[{a},\n{b},{c}]"),
        format!("{a}\n{b}\n{c}\n"),
        format!("{a}{b} {c}"),
        format!("\u{1e}{a}\n\u{1e}{b}\n\u{1e}{c}\n"),
        format!("{}\n{}", bundle(std::slice::from_ref(&a)), bundle(&[b.clone(), c.clone()])),
        format!("[{},{}]", bundle(&[a.clone(), b.clone()]), bundle(std::slice::from_ref(&c))),
        format!("[[{a}],[[{b}]],{c}]"),
    ] {
        let objects = read(&document);
        assert_eq!(used(&objects), 3, "{document}");
        assert_eq!(objects.tally.received, 3, "{document}");
    }
    assert_eq!(used(&read(&a)), 1);
    for empty in [
        "",
        "  ",
        "{}",
        "[]",
        r#"{"more":false}"#,
        r#"{"type":"bundle","id":"bundle--1"}"#,
        r#"{"objects":[]}"#,
    ] {
        assert_eq!(read(empty).tally.received, 0, "{empty}");
    }
}

#[test]
fn says_what_is_no_stix() {
    for (document, what) in [
        (r#"{"Event":{"id":1}}"#, "keys Event"),
        (r#"{"timestamp":"x","event_type":"dns"}"#, "timestamp, event_type"),
        (r#"[{"ip":"1.2.3.4"}]"#, "keys ip"),
        (r#"["1.2.3.4"]"#, "something else"),
        (r#"{"objects":[{"a":1}]}"#, "keys a"),
    ] {
        let mut objects = Objects::default();
        match parse(document.as_bytes(), &mut objects) {
            Found::Other(found) => assert!(found.contains(what), "{found}"),
            Found::Stix => panic!("{document}"),
        }
    }
    let mut reader = Reader::default();
    let events = r#"{"event":1}"#.repeat(1000);
    reader.read(events.as_bytes(), false, &mut Objects::default());
    assert!(reader.is_hopeless());
}

#[test]
fn reads_the_properties_of_an_indicator() {
    let more = r#","created":"2020-01-01T00:00:00.000Z","modified":"2020-01-02T00:00:00.123456Z",
        "valid_until":"2030-01-01T00:00:00Z","confidence":85,"name":"N","description":"D","labels":["l","l"],
        "indicator_types":["malicious-activity","l"],"kill_chain_phases":[{"kill_chain_name":"k","phase_name":"p"}],
        "external_references":[{"source_name":"s","url":"https://a.example/"},{"source_name":"s"}],
        "object_marking_refs":["marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"],
        "granular_markings":[{"marking_ref":"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1","selectors":["name"]}],
        "pattern_type":"stix","x_own":{"a":[1,{"b":null}]}"#;
    let objects = read(&indicator(1, more));
    let draft = &objects.drafts[0];
    assert_eq!(draft.modified, Timestamp::parse("2020-01-02T00:00:00.123456Z").unwrap());
    let found = &draft.indicator;
    assert!(matches!(found.id, Some(Id::Uuid(_))));
    assert_eq!(found.confidence, Some(85));
    assert_eq!(found.tlp, Some(Tlp::Red));
    assert_eq!(found.valid_until, Timestamp::parse("2030-01-01T00:00:00Z"));
    let context = &found.context;
    assert_eq!((context.name.as_deref(), context.description.as_deref()), (Some("N"), Some("D")));
    assert_eq!(context.labels, ["l".into(), "malicious-activity".into()]);
    assert_eq!(context.kill_chain, ["k/p".into()]);
    assert_eq!(context.references, ["https://a.example/".into()]);
    assert_eq!(objects.tally.noted.total(), 0);
}

#[test]
fn what_is_wrong_is_noted_or_skipped_and_takes_no_neighbour_along() {
    let odd = [
        (r#","confidence":101"#, "bad-confidence"),
        (r#","confidence":-1"#, "bad-confidence"),
        (r#","confidence":"high""#, "bad-confidence"),
        (r#","modified":"yesterday""#, "bad-time"),
        (r#","name":["x"]"#, "bad-name"),
    ];
    for (more, reason) in odd {
        let objects = read(&bundle(&[indicator(1, more), indicator(2, "")]));
        assert_eq!((used(&objects), objects.tally.noted.of(reason)), (2, 1), "{more}");
        assert_eq!(objects.drafts[0].indicator.confidence, None);
    }
    let bad = [
        ("7", "not-an-object"),
        ("null", "not-an-object"),
        (r#""text""#, "not-an-object"),
        ("{}", "no-type"),
        (r#"{"type":7}"#, "no-type"),
        (r#"{"type":"indicator","pattern":"[a:b = 'c']"}"#, "no-id"),
        (r#"{"type":"indicator","id":"indicator--x"}"#, "no-pattern"),
        (r#"{"type":"indicator","id":"indicator--x","pattern":{"a":1}}"#, "no-pattern"),
        (r#"{"type":"indicator","id":}"#, "bad-json"),
        (r#"{"type":"indicator","id":"a" "b":1}"#, "bad-json"),
        (r#"{"type":"indicator,"id":"indicator--x","pattern":"[a:b = 'c']"}"#, "bad-json"),
        (r#"{"type":"indicator","id":"indicator--x","labels":["a"],"confidence":NaN}"#, "bad-json"),
        (r#"{"type":"indicator","id":"indicator--x","labels":["a" "b"]}"#, "bad-json"),
        (r#"{"type":"indicator","id":"indicator--x","description":"a"b","#, "bad-json"),
    ];
    for (element, reason) in bad {
        for document in [
            bundle(&[indicator(1, ""), element.to_owned(), indicator(2, ""), indicator(3, "")]),
            [indicator(1, ""), element.to_owned(), indicator(2, ""), indicator(3, "")].join("\n"),
        ] {
            // By line, a bare word is stray text and a number no object at all.
            if !document.starts_with("{\"type\":\"bundle") && !element.starts_with('{')
                || document.contains("\n{}")
            {
                continue;
            }
            let objects = read(&document);
            assert_eq!(used(&objects), 3, "{document}");
            let held = objects.drafts.iter().filter(|draft| draft.fate == Fate::Skip(reason)).count();
            let skipped = objects.tally.skipped.of(reason) + held as u64;
            assert_eq!(skipped, 1, "{document}\n{:?}", objects.tally);
        }
    }
    let lines = ["{broken", r#"{"type":}"#, r#"{"type":"indicator","id":"#, r#"{"a":1}"#, &indicator(1, "")]
        .join("\n");
    let objects = read(&lines);
    assert_eq!((used(&objects), objects.tally.received), (1, 5), "{:?}", objects.tally);
    let objects = read(&bundle(&[r#"{"type":}"#.into(), r#"{"a" 1}"#.into(), indicator(1, "")]));
    assert_eq!((used(&objects), objects.tally.skipped.of("bad-json")), (1, 2));
    let objects = read(&bundle(&[indicator(1, ""), "7".into()]));
    assert!(objects.tally.skipped.counts().iter().next().unwrap().examples[0].starts_with("object 2"));
}

#[test]
fn a_missing_brace_costs_one_object() {
    let numbered = |n: u32| indicator(n, "").replace(&format!(".100.{n}'"), &format!(".100.{}'", n % 250));
    let mut elements: Vec<String> = (0..500).map(numbered).collect();
    elements[3].pop();
    let whole = bundle(&elements);
    let lines = elements.join("\n");
    for document in [&whole, &whole.replace("},{", "},\n        {"), &lines] {
        for size in [64, 1000, document.len()] {
            let (mut objects, mut reader) = (Objects::default(), Reader::default());
            let (mut from, mut to) = (0, 0);
            while from < document.len() {
                to = (to + size).min(document.len());
                from += reader.read(&document.as_bytes()[from..to], to == document.len(), &mut objects);
            }
            check(&objects);
            assert_eq!((used(&objects), objects.tally.skipped.of("bad-json")), (499, 1), "{size}");
            assert_eq!(objects.tally.received, 500);
        }
    }
    // Two broken ones in a row are two.
    elements[4] = r#"{"type":"indicator" "id":"indicator--x"}"#.to_owned();
    elements[3] = r#"{"type":}"#.to_owned();
    let objects = read(&bundle(&elements));
    assert_eq!((used(&objects), objects.tally.skipped.of("bad-json")), (498, 2));
}

#[test]
fn missing_and_doubled_commas_and_stray_text_are_survived() {
    let [a, b] = [1, 2].map(|n| indicator(n, ""));
    for document in [
        format!(r#"{{"objects":[{a} {b},]}}"#),
        format!(r#"{{"objects":[,{a},,{b}]}}"#),
        format!("{a}\nERROR 500\n{b}"),
        format!("{a}\n]}}\n{b}"),
        format!(r#"{{"type":"bundle" "id":1,"objects":[{a},{b}]}}"#),
    ] {
        assert_eq!(used(&read(&document)), 2, "{document}");
    }
}

#[test]
fn broken_encodings_cost_one_object_at_most() {
    let mut document =
        bundle(&[indicator(1, r#","name":"caf#""#), indicator(2, ""), indicator(3, "")]).into_bytes();
    let hash = document.iter().position(|b| *b == b'#').unwrap();
    document[hash] = 0xe9;
    let mut objects = Objects::default();
    parse(&document, &mut objects);
    check(&objects);
    assert_eq!((used(&objects), objects.tally.noted.of("bad-characters")), (3, 1));
    assert_eq!(objects.drafts[0].indicator.context.name.as_deref(), Some("caf\u{fffd}"));

    let dot = document.windows(3).position(|w| w == b"100").unwrap();
    document[dot] = 0xff;
    let mut objects = Objects::default();
    parse(&document, &mut objects);
    check(&objects);
    assert_eq!((used(&objects), objects.tally.skipped.of("not-utf8")), (2, 1));

    let raw = bundle(&[indicator(1, ",\"description\":\"two\nlines\tand a tab\""), indicator(2, "")]);
    let objects = read(&raw);
    assert_eq!((used(&objects), objects.tally.noted.of("bad-characters")), (2, 1));
}

#[test]
fn versions_settle_in_any_order() {
    let version = |n, time: &str, more: &str| indicator(n, &format!(r#","modified":"{time}"{more}"#));
    let old = version(1, "2020-01-01T00:00:00Z", r#","confidence":1"#);
    let new = version(1, "2020-01-01T00:00:00.001Z", r#","confidence":2"#);
    for elements in [
        [old.clone(), new.clone(), new.clone()],
        [new.clone(), old.clone(), new.clone()],
        [new.clone(), new, old.clone()],
    ] {
        let objects = read(&bundle(&elements));
        assert_eq!(objects.drafts[0].indicator.confidence, Some(2));
        assert_eq!(
            (objects.tally.skipped.of("older-version"), objects.tally.skipped.of("duplicate")),
            (1, 1)
        );
    }
    let revoked = version(1, "2021-01-01T00:00:00Z", r#","revoked":true"#);
    let again = version(1, "2021-01-01T00:00:00Z", "");
    for elements in [[old.clone(), revoked.clone(), again.clone()], [again, revoked, old]] {
        let objects = read(&bundle(&elements));
        assert_eq!(objects.drafts[0].fate, Fate::Skip("revoked"));
        assert_eq!(used(&objects), 0);
    }
    // `created` stands in for `modified`, and anything dated is newer than the undated.
    let objects = read(&bundle(&[
        indicator(1, r#","created":"2021-01-01T00:00:00Z","confidence":3"#),
        indicator(1, r#","modified":"2020-01-01T00:00:00Z""#),
        indicator(1, ""),
    ]));
    assert_eq!(objects.drafts[0].indicator.confidence, Some(3));
    assert_eq!(objects.tally.skipped.of("older-version"), 2);
}

#[test]
fn versions_of_one_time_settle_by_what_they_say() {
    let version = |more: &str| indicator(1, &format!(r#","modified":"2020-01-01T00:00:00Z"{more}"#));
    let pattern = |text: &str| version("").replace("198.51.100.1", text);
    let ways = [
        version(r#","confidence":1"#),
        version(r#","confidence":2,"labels":["x"]"#),
        pattern("198.51.100.77"),
        pattern("nonsense"),
        version(r#","object_marking_refs":["marking-definition--b"]"#),
        version(r#","object_marking_refs":["marking-definition--a"]"#),
        version(r#","object_marking_refs":["marking-definition--a","marking-definition--b"]"#),
    ];
    for one in &ways {
        for other in &ways {
            let said = |elements: &[String]| {
                let objects = read(&bundle(elements));
                assert_eq!(objects.tally.skipped.of("duplicate"), 1);
                let draft = &objects.drafts[0];
                let list =
                    (draft.markings as usize).checked_sub(1).map(|at| objects.marking_lists[at].to_vec());
                let ids: Vec<_> =
                    list.iter().flatten().map(|id| objects.refs[*id as usize].to_string()).collect();
                (draft.indicator.clone(), draft.fate.clone(), ids)
            };
            assert_eq!(said(&[one.clone(), other.clone()]), said(&[other.clone(), one.clone()]));
        }
    }
}

#[test]
fn a_newer_version_without_a_pattern_replaces_the_older() {
    let old = indicator(1, r#","modified":"2020-01-01T00:00:00Z""#);
    let new = old.replace("2020", "2021").replace("\"pattern\"", "\"x_pattern\"");
    for elements in [[old.clone(), new.clone()], [new, old]] {
        let objects = read(&bundle(&elements));
        assert_eq!(objects.drafts[0].fate, Fate::Skip("no-pattern"));
        assert_eq!(objects.tally.skipped.of("older-version"), 1);
    }
}

#[test]
fn patterns_that_give_no_look_up_wait() {
    let with = |pattern: &str, more: &str| {
        let element = format!(r#"{{"type":"indicator","id":"indicator--p","pattern":"{pattern}"{more}}}"#);
        read(&element).drafts.remove(0).fate
    };
    let waits = |pattern: &str, expected: &str| match with(pattern, "") {
        Fate::Wait(kept) => assert_eq!((kept.reason, &*kept.pattern), (expected, pattern)),
        other => panic!("{pattern}: {other:?}"),
    };
    waits("[ipv4-addr:value = '198.51.100.1' AND mutex:name = 'x']", "not-yet-matched:and");
    waits("[mutex:name = 'x']", "not-yet-matched:keyed-text");
    waits("[url:value LIKE 'http://a%']", "not-yet-matched:like");
    waits("[ipv4-addr:value = 'nonsense']", "bad-value");
    waits("[ipv4-addr:value = ", "bad-pattern");
    assert_eq!(
        with("rule x {}", r#","pattern_type":"yara""#),
        Fate::Wait(Kept { reason: "pattern-type", pattern: "yara: rule x {}".into() }.into())
    );
    let times = r#","valid_from":"2020-01-01T00:00:00Z","valid_until":"2020-01-01T00:00:00Z""#;
    assert_eq!(with("[ipv4-addr:value = '198.51.100.1']", times), Fate::Skip("invalid-validity"));
    let objects =
        read(&indicator(1, r#","pattern":"[ipv4-addr:value = '198.51.100.1' OR mutex:name = 'x']""#));
    assert_eq!((used(&objects), objects.tally.noted.of("part-not-yet-matched")), (1, 1));
}

#[test]
fn compounds_go_on_with_their_indicator() {
    let with = |more: &str| {
        let pattern = format!("[ipv4-addr:value = '198.51.100.1' AND url:value = 'a.example/x'{more}]");
        read(&indicator(1, &format!(r#","pattern":"{pattern}""#)))
    };
    let compounds = |objects: &Objects| {
        let draft = &objects.drafts[0];
        assert_eq!(draft.fate, Fate::Use);
        (draft.indicator.values.len(), draft.indicator.compounds.len())
    };
    let alone = with("");
    assert_eq!(compounds(&alone), (0, 1));
    assert_eq!(alone.drafts[0].indicator.compounds[0].to_string(), "ip 198.51.100.1 AND url a.example/x");
    assert_eq!(alone.tally.noted.total(), 0);
    let beside = with(" OR domain-name:value = 'b.example'");
    assert_eq!(compounds(&beside), (1, 1));
    assert_eq!(beside.tally.noted.of("part-kept"), 1);
    let with_rest = with(" OR mutex:name = 'x'");
    assert_eq!(compounds(&with_rest), (0, 1));
    assert_eq!(with_rest.tally.noted.of("part-not-yet-matched"), 1);
}

#[test]
fn two_versions_of_one_time_are_told_apart_by_their_compounds() {
    let version = |host: &str| {
        let pattern = format!("[ipv4-addr:value = '198.51.100.1' AND domain-name:value = '{host}']");
        indicator(1, &format!(r#","pattern":"{pattern}""#))
    };
    let kept = |elements: &[String]| read(&bundle(elements)).drafts.remove(0).indicator.compounds;
    let (a, b) = (version("a.example"), version("b.example"));
    assert_eq!(kept(&[a.clone(), b.clone()]), kept(&[b, a]));
}

#[test]
fn cut_anywhere_keeps_the_whole_objects() {
    let document = bundle(&[indicator(1, r#","name":"ü \" \\ \u00e9""#), indicator(2, ""), indicator(3, "")]);
    let bytes = document.as_bytes();
    let ends: Vec<usize> = (0..bytes.len())
        .filter(|at| {
            matches!(&bytes[*at..], [b'}', b',' | b']', ..])
                && bytes[..*at].ends_with(b"Z\"") | bytes[..*at].ends_with(b"9\"")
        })
        .collect();
    assert_eq!(ends.len(), 3);
    for cut in 0..bytes.len() {
        let mut objects = Objects::default();
        parse(&bytes[..cut], &mut objects);
        check(&objects);
        let whole = ends.iter().filter(|end| **end < cut).count();
        assert_eq!(used(&objects), whole, "cut at {cut}");
        if cut > 0 {
            let warning = &objects.tally.warnings[0];
            assert!(warning.contains(&format!("byte {cut}")), "{warning}");
        }
    }
}

#[test]
fn windows_of_any_size_give_the_same() {
    let document = format!(
        "{}\n{}\n{{broken\n{}",
        bundle(&[indicator(1, ""), indicator(2, r#","description":"x""#)]),
        indicator(3, ""),
        indicator(4, "")
    );
    let bytes = document.as_bytes();
    for size in [1, 2, 3, 7, 64, 199, 1000] {
        let mut objects = Objects::default();
        let mut reader = Reader::default();
        let (mut from, mut to) = (0, 0);
        while from < bytes.len() {
            to = (to + size).min(bytes.len());
            from += reader.read(&bytes[from..to], to == bytes.len(), &mut objects);
        }
        check(&objects);
        assert_eq!(used(&objects), 4, "{size}");
        assert_eq!(reader.finish(), Found::Stix);
    }
}

#[test]
fn hostile_documents_end() {
    let deep = format!(
        r#"{{"type":"indicator","id":"indicator--d","labels":{}1{}}}"#,
        "[".repeat(9999),
        "]".repeat(9999)
    );
    let objects = read(&bundle(&[deep, indicator(1, "")]));
    assert_eq!((used(&objects), objects.tally.skipped.of("bad-json")), (1, 1));
    let nested = format!("{}{}{}", r#"{"objects":["#.repeat(2000), indicator(1, ""), "]}".repeat(2000));
    read(&nested);
    read(&"[".repeat(100_000));
    read(&"{".repeat(100_000));
    read(&r#"{"a":"#.repeat(50_000));
    read(&format!(r#"{{"objects":[{}"#, "{\"a\":[".repeat(20_000)));
    for opening in [r#"{"x":"#, "{\"x\":[\n", "{\"\u{1}\":[\n", r#"{"x":[{},"#] {
        let (mut objects, mut reader) = (Objects::default(), Reader::default());
        let document = format!("{{\"a\":!\n{}!", opening.repeat(20_000));
        reader.read(document.as_bytes(), true, &mut objects);
        check(&objects);
        let most = FAULT_BYTES_FREE + (FAULT_TIMES_MAX + 2) * document.len() as u64;
        assert!(reader.fault_bytes < most, "{opening}");
        assert_eq!(reader.gave_up, objects.tally.warnings.iter().any(|w| w.contains("too many faults")));
    }
    // As many faults as objects are no reason to give up.
    let broken = format!(r#"{{"type":"indicator","x":"{}" "y":1}}"#, "x".repeat(2000));
    let objects = read(&bundle(&vec![broken; 10_000]));
    assert_eq!(objects.tally.skipped.of("bad-json"), 10_000);
    let huge = indicator(1, &format!(r#","description":"{}""#, "x".repeat(2 << 20)));
    let objects = read(&bundle(&[huge, indicator(2, "")]));
    assert_eq!((used(&objects), objects.tally.noted.of("long-text")), (2, 1));
    let labels: Vec<String> = (0..5000).map(|n| format!("\"l{n}\"")).collect();
    let objects = read(&indicator(1, &format!(r#","labels":[{}]"#, labels.join(","))));
    assert!(objects.drafts[0].indicator.context.labels.len() < 100);
}

#[test]
fn an_object_beyond_the_limit_is_passed_over() {
    let mut objects = Objects::default();
    let mut reader = Reader::default();
    let mut window = format!(r#"{{"objects":[{},{{"type":"indicator","x":""#, indicator(1, "")).into_bytes();
    let taken = reader.read(&window, false, &mut objects);
    window.drain(..taken);
    window.resize(OBJECT_BYTES_MAX, b'x');
    assert_eq!(reader.read(&window, false, &mut objects), OBJECT_BYTES_MAX);
    let rest = format!(r#"xxx"}},{}]}}"#, indicator(2, ""));
    reader.read(rest.as_bytes(), true, &mut objects);
    check(&objects);
    assert_eq!((used(&objects), objects.tally.skipped.of("too-large")), (2, 1));
}
