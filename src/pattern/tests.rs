//! Tests of the pattern language.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use super::*;
use crate::compound::{Compound, Operation, VALUES_MAX};
use crate::indicator::Part;

/// What a reduction gives, on one line: look-ups (`~` before those of a part of a pattern), compounds in braces, reasons.
fn reduced(text: &str) -> String {
    let pattern = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let reduction = reduce(&pattern);
    let mark = |part| if part == Part::OfPattern { "~" } else { "" };
    let values =
        reduction.values.iter().map(|(value, part)| format!("{}{}:{value}", mark(*part), value.kind()));
    let compounds = reduction.compounds.iter().map(|compound| format!("{{{compound}}}"));
    let waiting = reduction
        .waiting
        .iter()
        .map(|rest| rest.reason.as_str())
        .map(|word| format!("!{}", word.strip_prefix("not-yet-matched:").unwrap_or(word)));
    values.chain(compounds).chain(waiting).collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn reduce_to(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(reduced(text), *expected, "{text}");
    }
}

#[derive(serde::Deserialize)]
struct Cases {
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
struct Case {
    pattern: String,
    valid: bool,
}

/// What the validator of the STIX committee takes and refuses.
#[test]
fn the_cases_of_the_public_validator() {
    let cases: Cases =
        serde_json::from_str(include_str!("../../tests/corpus/pattern-validator-cases.json")).unwrap();
    let count = |valid| cases.cases.iter().filter(|case| case.valid == valid).count();
    assert_eq!((count(true), count(false)), (118, 51));
    for case in &cases.cases {
        match check(&case.pattern) {
            Ok(pattern) => {
                assert!(case.valid, "{}", case.pattern);
                assert!(!reduced(&case.pattern).is_empty(), "{}", case.pattern);
                assert_eq!(parse(&pattern.to_string()).as_ref(), Ok(&pattern), "{pattern}");
            }
            Err(error) => {
                assert!(!case.valid, "{}: {error}", case.pattern);
                let Error::Syntax { line, column, expected, .. } = error else { panic!("{error}") };
                assert!(line == 1 && column <= case.pattern.chars().count() + 1, "{}", case.pattern);
                assert!(!expected.is_empty(), "{}", case.pattern);
            }
        }
    }
}

#[test]
fn text_form() {
    for (text, expected) in [
        ("[a:b=1]", "[a:b = 1]"),
        ("([a:b == 1])", "[a:b = 1]"),
        ("[(a:b <> 'x')]", "[a:b != 'x']"),
        (
            "[a:b.'c-d'.'e'[*].f[0][-1] NOT IN (1,-2.5,true,h'0aFF',b'QQ==',t'2024-01-01T00:00:00.5Z')]",
            "[a:b.'c-d'.e[*].f[0][-1] NOT IN (1, -2.5, true, h'0aFF', b'QQ==', t'2024-01-01T00:00:00.5Z')]",
        ),
        ("[a:'b c' IN ()]", "[a:'b c' IN ()]"),
        ("[a:'IN' = 'it''", ""),
        ("[a:'IN' = 'it\\'s \\\\ é']", "[a:'IN' = 'it\\'s \\\\ é']"),
        ("[a:b=1 AND a:c=2 OR a:d=3]", "[a:b = 1 AND a:c = 2 OR a:d = 3]"),
        ("[a:b=1 AND (a:c=2 OR a:d=3)]", "[a:b = 1 AND (a:c = 2 OR a:d = 3)]"),
        ("[a:b=1 AND (a:c=2 AND a:d=3)]", "[a:b = 1 AND (a:c = 2 AND a:d = 3)]"),
        ("[EXISTS a:b OR a:c LIKE '%']", "[EXISTS a:b OR a:c LIKE '%']"),
        ("[NOT EXISTS a:b[*] AND (EXISTS a:c)]", "[NOT EXISTS a:b[*] AND EXISTS a:c]"),
        (
            "[a:b=1] OR [a:c=2] AND [a:d=3] FOLLOWEDBY [a:e=4]",
            "[a:b = 1] OR [a:c = 2] AND [a:d = 3] FOLLOWEDBY [a:e = 4]",
        ),
        ("([a:b=1] FOLLOWEDBY [a:c=2]) AND [a:d=3]", "([a:b = 1] FOLLOWEDBY [a:c = 2]) AND [a:d = 3]"),
        (
            "([a:b=1] OR [a:c=2]) WITHIN 5.5 SECONDS REPEATS 2 TIMES",
            "(([a:b = 1] OR [a:c = 2]) WITHIN 5.5 SECONDS) REPEATS 2 TIMES",
        ),
        ("([a:b=1]) WITHIN 5 SECONDS WITHIN 6 SECONDS", "([a:b = 1] WITHIN 5 SECONDS) WITHIN 6 SECONDS"),
        (
            "[a:b=1] START '2024-01-01T00:00:00Z' STOP t'2024-01-01T00:00:00Z'",
            "[a:b = 1] START '2024-01-01T00:00:00Z' STOP t'2024-01-01T00:00:00Z'",
        ),
        (" [ a : b\n>=\t.5 ]// end\n/* more */\u{a0}", "[a:b >= .5]"),
        (
            "[a:b MATCHES'x'AND a:c ISSUBSET'10.0.0.0/8'OR a:d ISSUPERSET '::']",
            "[a:b MATCHES 'x' AND a:c ISSUBSET '10.0.0.0/8' OR a:d ISSUPERSET '::']",
        ),
        (
            "[x-a:b < +1 OR x-a:_c <= b'QQ==' OR x-a:d > h'']",
            "[x-a:b < +1 OR x-a:_c <= b'QQ==' OR x-a:d > h'']",
        ),
    ] {
        match parse(text) {
            Ok(pattern) => {
                assert_eq!(pattern.to_string(), expected, "{text}");
                assert_eq!(parse(expected).as_ref(), Ok(&pattern), "{text}");
            }
            Err(error) => assert_eq!(expected, "", "{text}: {error}"),
        }
    }
}

#[test]
fn errors_say_where_what_and_what_instead() {
    for (text, expected) in [
        ("", "line 1, column 1: found the end, expected '[' or '('"),
        ("file:size = 1", "line 1, column 1: found 'file:size', expected '[' or '('"),
        ("[file:size = ]", "line 1, column 14: found ']', expected a constant"),
        ("[file:size = 1", "line 1, column 15: found the end, expected AND, OR or ']'"),
        ("[file.size = 1]", "line 1, column 6: found '.size', expected ':'"),
        (
            "[file:hashes.SHA-256 = 'x']",
            "line 1, column 14: found 'SHA-256', expected a key (in quotes if it is more than letters, digits and _)",
        ),
        ("[ü:b = 1]", "line 1, column 2: found 'ü:b', expected a token of the patterning language"),
        (
            "[a:b = 'ü' AND\n  a:c ~ 1]",
            "line 2, column 7: found '~', expected a token of the patterning language",
        ),
        ("[a:b = 'x]", "line 1, column 8: found ''x]', expected a string with an end"),
        (
            "[a:b = 'a\\d']",
            "line 1, column 10: found '\\d']', expected \\' or \\\\ (a back-slash is written twice)",
        ),
        ("[a:b = 007]", "line 1, column 8: found '007]', expected a whole number without leading zeros"),
        ("[a:b < true]", "line 1, column 8: found 'true]', expected a constant that has an order"),
        ("[a:b LIKE 1]", "line 1, column 11: found '1]', expected a string"),
        (
            "[a:b NOT EXISTS]",
            "line 1, column 10: found 'EXISTS]', expected '.', '[' or a comparison operator",
        ),
        (
            "[NOT a:b = 1]",
            "line 1, column 6: found 'a:b', expected EXISTS (elsewhere NOT stands between path and operator)",
        ),
        ("[a:b = b'']", "line 1, column 8: found 'b'']', expected base64 in b'...'"),
        ("[a:b IN (1 2)]", "line 1, column 12: found '2)]', expected ',' or ')'"),
        (
            "[a:b = 1] within 2 seconds",
            "line 1, column 11: found 'within', expected AND, OR, FOLLOWEDBY, WITHIN, REPEATS, START or the end",
        ),
        ("[a:b = 1] WITHIN 5 HOURS", "line 1, column 20: found 'HOURS', expected SECONDS"),
        ("[a:b = 1] REPEATS 1.5 TIMES", "line 1, column 19: found '1.5', expected a number of times"),
        (
            "[a:b = 1] REPEATS -1 TIMES",
            "line 1, column 19: found '-1', expected a number that is not negative",
        ),
        ("[a:b = 1] START 1 STOP 2", "line 1, column 17: found '1', expected a timestamp t'...'"),
        (
            "[a:b = 1] REPEATS 1 TIMES REPEATS 2 TIMES",
            "line 1, column 27: found 'REPEATS', expected no second qualifier of that kind",
        ),
        ("([a:b = 1] AND)", "line 1, column 15: found ')', expected '[' or '('"),
        (
            "[a:b = 1])",
            "line 1, column 10: found ')', expected AND, OR, FOLLOWEDBY, WITHIN, REPEATS, START or the end",
        ),
        ("[AND:b = 1]", "line 1, column 2: found 'AND:b', expected an object type"),
        ("[a:b[x] = 1]", "line 1, column 6: found 'x]', expected a list index or '*'"),
        ("[a:b.5 = 1]", "line 1, column 5: found '.5', expected '.', '[' or a comparison operator"),
        ("[a:b = /* x]", "line 1, column 8: found '/*', expected '*/' at the end of the comment"),
        (
            "[a:b = abcdefghijklmnopqrstuvwxyz]",
            "line 1, column 8: found 'abcdefghijklmnopqrstuvwx', expected a constant",
        ),
    ] {
        assert_eq!(parse(text).map_err(|error| error.to_string()), Err(expected.to_owned()), "{text}");
    }
}

#[test]
fn a_check_refuses_what_is_no_digest() {
    let sha256 = "0".repeat(64);
    for (text, expected) in [
        (
            "[file:hashes.MD5 = 'f00']",
            "line 1, column 20: found ''f00']', expected an MD5 digest: 32 hex digits",
        ),
        (
            "[a:b = 1 OR\n file:hashes.'sha-3-224' NOT IN ('x')]",
            "line 2, column 34: found ''x')]', expected a SHA3-224 digest: 56 hex digits",
        ),
        (
            "[process:binary_ref.hashes.'SHA_1' != 'gggggggggggggggggggggggggggggggggggggggg']",
            "line 1, column 39: found ''ggggggggggggggggggggggg', expected a SHA-1 digest: 40 hex digits",
        ),
    ] {
        assert_eq!(check(text).map_err(|error| error.to_string()), Err(expected.to_owned()), "{text}");
        assert!(parse(text).is_ok(), "{text}");
    }
    for fine in [
        &format!("[file:hashes.'SHA-256' IN ('{sha256}')]"),
        "[file:hashes.MD5 LIKE 'f0%' AND file:name = 'f00']",
        "[file:hashes.SSDEEP = '3:a:b' AND file:hashes.MD5 = 5]",
        "[file:hashes = 'x' OR file:hashes.TLSH = 'T1']",
    ] {
        assert!(check(fine).is_ok(), "{fine}");
    }
}

#[test]
fn limits() {
    let nested = |depth: usize| format!("[{}a:b = 1{}]", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&nested(DEPTH_MAX - 1)).is_ok());
    assert_eq!(parse(&nested(DEPTH_MAX)), Err(Error::TooDeep { line: 1, column: DEPTH_MAX + 1 }));
    let nested = |depth: usize| format!("{}[a:b = 1]{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&nested(DEPTH_MAX - 1)).is_ok());
    assert!(matches!(parse(&nested(1_000_000)), Err(Error::TooDeep { .. })));
    let qualified = |count: usize| format!("([a:b = 1]){}", " REPEATS 2 TIMES".repeat(count));
    assert!(parse(&qualified(DEPTH_MAX)).is_ok());
    assert!(matches!(parse(&qualified(DEPTH_MAX + 1)), Err(Error::TooDeep { .. })));
    // each parenthesis with some: what is on the way to an observation counts, what stands beside it does not
    let tower = |level: &str, count: usize| format!("{}[a:b = 1]{}", "(".repeat(count), level.repeat(count));
    assert!(matches!(parse(&tower(")", DEPTH_MAX + 1)), Err(Error::TooDeep { .. })));
    let level = " OR [a:b = 2]) WITHIN 1 SECONDS";
    assert!(parse(&tower(level, DEPTH_MAX - 1)).is_ok());
    assert!(matches!(parse(&tower(&format!("{level} REPEATS 2 TIMES"), 33)), Err(Error::TooDeep { .. })));
    let beside = vec!["([a:b = 1]) WITHIN 1 SECONDS REPEATS 2 TIMES"; 1000].join(" OR ");
    assert!(parse(&beside).is_ok() && parse(&format!("({beside}) WITHIN 5 SECONDS")).is_ok());
    let mut long = "[a:b = 1]".to_owned();
    long.push_str(&" ".repeat(LENGTH_BYTES_MAX - long.len()));
    assert!(parse(&long).is_ok());
    long.push(' ');
    assert_eq!(parse(&long), Err(Error::TooLong { bytes: LENGTH_BYTES_MAX + 1 }));
}

/// The deepest trees that there are, walked by everything that walks trees, on half the stack of a thread.
#[test]
fn the_deepest_pattern_fits_the_stack() {
    let comparisons = |depth: usize| {
        let close = [" OR url:value = 'x.com/y')", " AND domain-name:value = 'a.com')"].concat();
        format!("{}ipv4-addr:value = '1.2.3.4'{}", "((".repeat(depth / 2), close.repeat(depth / 2))
    };
    let deep_inside = format!("[{}]", comparisons(DEPTH_MAX - 2));
    let close = " AND [a:b = 2] OR [a:b = 3]) WITHIN 1 SECONDS FOLLOWEDBY [a:b = 4]";
    let deep_outside = move |depth: usize| {
        format!("{}[{}]{}", "(".repeat(depth), comparisons(DEPTH_MAX - 2 - depth), close.repeat(depth))
    };
    let walk = move || {
        for text in [deep_inside, deep_outside(31), deep_outside(DEPTH_MAX - 2)] {
            let pattern = parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(parse(&pattern.to_string()), Ok(pattern.clone()));
            let Reduction { compounds, .. } = reduce(&pattern);
            assert!(compounds.iter().all(|one| one.holds(|_| true)));
        }
    };
    std::thread::Builder::new().stack_size(1 << 20).spawn(walk).unwrap().join().unwrap();
}

const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";

#[test]
fn equality_in_or_and_subset() {
    reduce_to(&[
        ("[ipv4-addr:value = '1.2.3.4']", "ip:1.2.3.4"),
        ("[ipv4-addr:value = '001.2.3.4']", "ip:1.2.3.4"),
        ("[ipv4-addr:value NOT != '1.2.3.4']", "ip:1.2.3.4"),
        ("[ipv4-addr:value = '1.2.3.0/24']", "network:1.2.3.0/24"),
        ("[ipv4-addr:value = '1.2.3.4/32']", "ip:1.2.3.4"),
        ("[ipv4-addr:value = '2001:DB8::1']", "ip:2001:db8::1"),
        ("[ipv4-addr:value = '1.2.3.0-1.2.3.2']", "network:1.2.3.0/31 ip:1.2.3.2"),
        ("[ipv4-addr:value = '1[.]2.3.4']", "ip:1.2.3.4"),
        ("[ipv4-addr:value = 'evil.com']", "!bad-value"),
        ("[ipv4-addr:value = 5]", "!bad-value"),
        ("[ipv6-addr:value ISSUBSET '2001:db8::/32']", "network:2001:db8::/32"),
        ("[ipv4-addr:value ISSUBSET '10.0.0.0/8']", "network:10.0.0.0/8"),
        ("[ipv4-addr:value NOT ISSUBSET '10.0.0.0/8']", "!negation"),
        (
            "[network-traffic:dst_ref.value ISSUBSET '2001:0db8:dead:beef:0000:0000:0000:0000/64']",
            "network:2001:db8:dead:beef::/64",
        ),
        ("[file:name ISSUBSET 'x']", "!unknown-property"),
        ("[domain-name:value = 'Evil.COM' OR domain-name:value = 'evil.com']", "domain:evil.com"),
        (
            "[domain-name:value = 'a.com'] OR [url:value = 'http://b.com/x' OR (ipv4-addr:value = '1.2.3.4')]",
            "domain:a.com url:http://b.com/x ip:1.2.3.4",
        ),
        ("[domain-name:value IN ('a.com', 'b.com', 'a.com', 'x')]", "domain:a.com domain:b.com !bad-value"),
        ("[domain-name:value NOT IN ('a.com')]", "!negation"),
        ("[domain-name:value IN ()]", "!empty-list"),
        ("[file:hashes.MD5 IN () AND file:name = 'x']", "!empty-list"),
        ("[file:name IN ()]", "!bad-value"),
        ("[domain-name:value = '1.2.3.4']", "ip:1.2.3.4"),
        ("[domain-name:value = 'http://evil.com/a']", "url:http://evil.com/a"),
        ("[url:value = 'evil.com']", "domain:evil.com"),
        ("[url:value = 'hxxp://evil[.]com']", "url:http://evil.com/"),
        ("[email-addr:value = 'Bob@Evil.com']", "email:bob@evil.com"),
    ]);
}

#[test]
fn long_paths() {
    reduce_to(&[
        ("[domain-name:resolves_to_refs[*].value = '1.2.3.4']", "ip:1.2.3.4"),
        ("[network-traffic:src_ref.value = 'evil.com']", "domain:evil.com"),
        ("[network-traffic:dst_ref.value = '1.2.3.4']", "ip:1.2.3.4"),
        (
            "[network-traffic:extensions.'http-request-ext'.request_header.Host = 'evil.com']",
            "domain:evil.com",
        ),
        ("[network-traffic:extensions.'http-request-ext'.request_header.'host' = '1.2.3.4']", "ip:1.2.3.4"),
        (
            "[network-traffic:extensions.'http-request-ext'.request_header.'User-Agent' = 'curl']",
            "!keyed-text",
        ),
        (
            "[email-message:from_ref.value = 'a@b.com' OR email-message:to_refs[*].value = 'c@d.com' OR \
          email-message:sender_ref.value = 'e@f.com' OR email-message:reply_to_refs[0].value = 'g@h.com']",
            "email:a@b.com email:c@d.com email:e@f.com email:g@h.com",
        ),
        ("[email-message:additional_header_fields.'Reply-To' = 'a@b.com']", "email:a@b.com"),
        ("[file:name = 'x.exe']", "!keyed-text"),
        ("[windows-registry-key:key = 'HKLM\\\\a']", "!keyed-text"),
        ("[file:name = 5]", "!bad-value"),
        ("[network-traffic:dst_port = 80]", "!unknown-property"),
        ("[foo:bar = 'x']", "!unknown-property"),
        ("[ipv4-addr:value.x = '1.2.3.4']", "!unknown-property"),
        ("[ipv4-addr:resolves_to_refs[*].value = '1.2.3.4']", "!unknown-property"),
    ]);
}

#[test]
fn digests_by_any_name() {
    let md5 = format!("md5:{MD5}");
    for path in [
        "file:hashes.MD5",
        "file:hashes.'md-5'",
        "file:hashes.md5",
        "artifact:hashes.MD5",
        "x509-certificate:hashes.'MD5'",
        "app:cert.md5",
        "file:hashes[*]",
        "process:binary_ref.hashes.MD5",
    ] {
        assert_eq!(reduced(&format!("[{path} = '{}']", MD5.to_uppercase())), md5, "{path}");
    }
    let sha1 = "0".repeat(40);
    let sha256 = "0".repeat(64);
    assert_eq!(reduced(&format!("[file:hashes.'SHA-1' = '{sha1}']")), format!("sha1:{sha1}"));
    assert_eq!(reduced(&format!("[file:hashes.sha256 = '{sha256}']")), format!("sha256:{sha256}"));
    assert_eq!(reduced(&format!("[file:hashes.'SHA-256' = '{MD5}']")), "!bad-value");
    assert_eq!(reduced(&format!("[app:cert.md5 = '{sha1}']")), format!("sha1:{sha1}"));
    assert_eq!(reduced("[app:cert.issuer = 'x']"), "!unknown-property");
    assert_eq!(reduced("[file:hashes.SSDEEP = '3:a:b']"), "!digest-algorithm");
    assert_eq!(reduced(&format!("[file:hashes.'SHA-224' = '{}']", "0".repeat(56))), "!digest-algorithm");
}

#[test]
fn an_and_is_never_split() {
    reduce_to(&[
        (
            "[domain-name:value = 'a.com' AND domain-name:resolves_to_refs[*].value = '1.2.3.4']",
            "{ip 1.2.3.4 AND domain a.com}",
        ),
        ("[domain-name:value = 'a.com' AND domain-name:value = 'b.com']", "{domain a.com AND domain b.com}"),
        (
            "[domain-name:value = 'a.com' AND (domain-name:value = 'a.com' AND domain-name:value = 'a.com')]",
            "domain:a.com",
        ),
        (
            "[domain-name:value = 'a.com' AND (url:value = 'http://x.com/' OR url:value = 'http://y.com/')]",
            "{domain a.com AND (url http://x.com/ OR url http://y.com/)}",
        ),
        (
            "[domain-name:value = 'a.com' OR domain-name:value = 'b.com' AND file:name = 'x']",
            "domain:a.com !and",
        ),
        ("[domain-name:value = 'a.com'] AND [domain-name:value = 'a.com']", "!observation-and"),
        ("[domain-name:value = 'a.com'] FOLLOWEDBY [domain-name:value = 'b.com']", "!followed-by"),
        (
            "[domain-name:value = 'a.com'] REPEATS 2 TIMES OR [domain-name:value = 'b.com']",
            "domain:b.com !qualifier",
        ),
        ("[domain-name:value != 'a.com']", "!negation"),
        ("[domain-name:value NOT = 'a.com']", "!negation"),
        ("[domain-name:value NOT LIKE 'a.com']", "!negation"),
        ("[file:size > 5]", "!comparison"),
        ("[domain-name:value LIKE '%.a.com']", "!like"),
        ("[domain-name:value MATCHES 'a']", "!matches"),
        ("[EXISTS domain-name:value]", "!exists"),
        ("[ipv4-addr:value ISSUPERSET '10.0.0.0/8']", "!superset"),
    ]);
}

#[test]
fn an_and_over_values_is_a_compound() {
    let md5 = format!("file:hashes.MD5 = '{MD5}'");
    let many = |count: usize| (0..count).map(|n| format!("'n{n}.com'")).collect::<Vec<_>>().join(",");
    let over =
        |count| reduced(&format!("[domain-name:value IN ({}) AND url:value = 'b.com/x']", many(count)));
    assert_eq!(
        reduced(&format!("[{md5} AND domain-name:value = 'a.com']")),
        format!("{{domain a.com AND md5 {MD5}}}")
    );
    assert!(
        over(VALUES_MAX - 1).starts_with("{url b.com/x AND (domain n0.com OR") && over(VALUES_MAX) == "!and"
    );
    reduce_to(&[
        (
            "[ipv4-addr:value ISSUBSET '10.0.0.0/8' AND domain-name:value IN ('b.com', 'a.com')]",
            "{network 10.0.0.0/8 AND (domain a.com OR domain b.com)}",
        ),
        (
            "[ipv4-addr:value = '1.2.3.0-1.2.3.2' AND url:value NOT != 'evil.com']",
            "{domain evil.com AND (ip 1.2.3.2 OR network 1.2.3.0/31)}",
        ),
        // the type of an end says how its value is read
        (
            "[network-traffic:src_ref.type = 'ipv4-addr' AND network-traffic:src_ref.value = '1.2.3.4' AND \
          network-traffic:dst_ref.type = 'domain-name' AND network-traffic:dst_ref.value = 'evil.com']",
            "{ip 1.2.3.4 AND domain evil.com}",
        ),
        (
            "[network-traffic:src_ref.type = 'ipv4-addr' AND network-traffic:src_ref.value = 'evil.com' AND \
          domain-name:value = 'a.com']",
            "!and",
        ),
        ("[network-traffic:src_ref.type = 'ipv4-addr' AND domain-name:value = 'a.com']", "!and"),
        ("[a:b.type = 'ipv4-addr' AND a:b.value = '1.2.3.4' AND domain-name:value = 'a.com']", "!and"),
        (
            "[a:b_ref.type = 'ipv4-addr' AND a:b_ref.type = 'url' AND a:b_ref.value = '1.2.3.4' AND \
          domain-name:value = 'a.com']",
            "!and",
        ),
        // one term that is no value, and the AND waits whole
        ("[domain-name:value = 'a.com' AND (domain-name:value = 'b.com' OR file:name = 'x')]", "!and"),
        ("[domain-name:value = 'a.com' AND url:value != 'http://x.com/']", "!and"),
        ("[domain-name:value = 'a.com' AND EXISTS url:value]", "!and"),
        ("[domain-name:value = 'a.com' AND ipv4-addr:value = 'junk']", "!and"),
        ("[domain-name:value = 'a.com' AND domain-name:value IN ()]", "!and"),
    ]);
}

/// What says nothing goes, and what is left may be a look-up.
#[test]
fn a_compound_holds_nothing_needless() {
    reduce_to(&[
        (
            "[domain-name:value = 'a.com' AND (domain-name:value = 'b.com' OR domain-name:value = 'a.com')]",
            "domain:a.com",
        ),
        (
            "[(domain-name:value = 'b.com' OR domain-name:value = 'a.com') AND domain-name:value IN ('a.com', 'b.com', 'c.com')]",
            "domain:a.com domain:b.com",
        ),
        (
            "[(domain-name:value = 'a.com' OR domain-name:value = 'b.com') AND domain-name:value IN ('a.com', 'c.com')]",
            "domain:a.com {domain b.com AND domain c.com}",
        ),
        (
            "[domain-name:value = 'a.com' OR domain-name:value = 'a.com' AND url:value = 'http://x.com/']",
            "domain:a.com",
        ),
        (
            "[domain-name:value = 'b.com' AND domain-name:value = 'a.com'] OR \
          [domain-name:value = 'a.com' AND domain-name:value = 'b.com']",
            "{domain a.com AND domain b.com}",
        ),
        ("[domain-name:value = 'a.com' AND domain-name:value = 'b.com'] REPEATS 2 TIMES", "!qualifier"),
    ]);
    let pattern =
        parse("[url:value='http://x.com/' AND domain-name:value='a.com' OR url:value='http://y.com/']")
            .unwrap();
    let compounds = reduce(&pattern).compounds;
    assert_eq!(compounds.len(), 1);
    assert_eq!(&*compounds[0].part, "url:value = 'http://x.com/' AND domain-name:value = 'a.com'");
    assert_eq!(compounds[0].program.0, [Operation::Seen(0), Operation::Seen(1), Operation::All(2)]);
}

#[derive(serde::Deserialize)]
struct Pairs {
    cases: Vec<Pair>,
}

#[derive(serde::Deserialize)]
struct Pair {
    a: String,
    b: String,
    equivalent: bool,
}

/// For each set of names seen in one event, whether the pattern holds by its look-ups and compounds; the last pattern's
/// names are `n1.example` to `n4.example`.
fn truths(text: &str) -> Vec<bool> {
    let Reduction { values, compounds, waiting } = reduce(&parse(text).unwrap());
    assert!(waiting.is_empty(), "{text}: {waiting:?}");
    let seen = |set: u32, value: &crate::observable::Observable| {
        (1..=4).any(|n| set & 1 << n != 0 && value.to_string() == format!("n{n}.example"))
    };
    let holds = |set: u32| {
        values.iter().any(|(value, _)| seen(set, value))
            || compounds.iter().any(|one| one.holds(|n| seen(set, &one.values[n])))
    };
    (0..16).map(|set| holds(set << 1)).collect()
}

/// What another library holds to be the same: with names for its properties, and the same look-ups for its addresses.
#[test]
fn the_public_pairs_of_equivalent_patterns() {
    let pairs: Pairs =
        serde_json::from_str(include_str!("../../tests/corpus/pattern-equivalence-cases.json")).unwrap();
    assert_eq!(pairs.cases.len(), 160);
    let (mut same, mut other, mut addresses) = (0, 0, 0);
    for Pair { a, b, equivalent } in &pairs.cases {
        let (first, second) = (parse(a).unwrap(), parse(b).unwrap());
        for pattern in [&first, &second] {
            assert_eq!(parse(&pattern.to_string()).as_ref(), Ok(pattern), "{pattern}");
        }
        let is_of_names = |text: &str| {
            let names = ["a:b=1", "a:b=2", "a:b=3", "a:b=4"];
            let rest = names.iter().fold(text.to_owned(), |text, name| text.replace(name, ""));
            !rest.contains(':')
                && !rest.contains("TIMES")
                && !rest.contains('.')
                && text.matches('[').count() == 1
        };
        if is_of_names(a) && is_of_names(b) {
            let named = |text: &str| {
                (1..=4).fold(text.to_owned(), |text, n| {
                    text.replace(&format!("a:b={n}"), &format!("domain-name:value='n{n}.example'"))
                })
            };
            assert_eq!(truths(&named(a)) == truths(&named(b)), *equivalent, "{a} and {b}");
            *if *equivalent { &mut same } else { &mut other } += 1;
        } else if a.starts_with("[ipv") {
            let reduced = |pattern| {
                let Reduction { values, waiting, .. } = reduce(pattern);
                (values, waiting)
            };
            assert_eq!(reduced(&first) == reduced(&second), *equivalent, "{a} and {b}");
            addresses += 1;
        }
    }
    assert_eq!((same, other, addresses), (25, 3, 25));
}

/// Patterns of the STIX committee's matcher: those that it runs, with or without a result, are patterns. Four have one
/// qualifier twice, which STIX 2.1 and its validator forbid.
#[test]
fn the_patterns_of_the_public_matcher() {
    let cases: Cases =
        serde_json::from_str(include_str!("../../tests/corpus/pattern-matcher-cases.json")).unwrap();
    let is_doubled = |pattern: &str| pattern.contains("] REPEATS") && pattern.contains("TIMES REPEATS");
    let doubled = cases.cases.iter().filter(|case| is_doubled(&case.pattern)).count();
    assert_eq!((cases.cases.len(), doubled), (431, 4));
    for Case { pattern, valid } in &cases.cases {
        let parsed = parse(pattern);
        assert_eq!(parsed.is_ok(), *valid && !is_doubled(pattern), "{pattern}: {parsed:?}");
        if let Ok(pattern) = parsed {
            assert!(!reduced(&pattern.to_string()).is_empty(), "{pattern}");
            assert_eq!(parse(&pattern.to_string()).as_ref(), Ok(&pattern), "{pattern}");
        }
    }
}

#[test]
fn a_digest_stands_for_its_file() {
    let of_file = |other: &str| reduced(&format!("[file:hashes.MD5 = '{MD5}' AND {other}]"));
    let digest = format!("~md5:{MD5}");
    for other in [
        "file:name = 'a.exe'",
        "file:size > 1000",
        "file:name LIKE '%.exe'",
        "EXISTS file:mime_type",
        "file:parent_directory_ref.path = 'C:\\\\'",
        "(file:name = 'a' AND file:mime_type = 'b/c')",
        "file:hashes.SSDEEP = '3:a:b'",
        "file:hashes.'SHA-1' = 'too short'",
    ] {
        assert_eq!(of_file(other), digest, "{other}");
    }
    let sha1 = "0".repeat(40);
    assert_eq!(of_file(&format!("file:hashes.'SHA-1' = '{sha1}'")), format!("{digest} ~sha1:{sha1}"));
    assert_eq!(of_file(&format!("file:hashes.MD5 = '{MD5}'")), format!("md5:{MD5}"));
    assert_eq!(of_file("mutex:name = 'x'"), "!and");
    assert_eq!(of_file("file:name = 'a' AND mutex:name = 'x'"), "!and");
    assert_eq!(of_file("(file:name = 'a' OR file:name = 'b')"), "!and");
    reduce_to(&[
        ("[file:name = 'a' AND file:size = 5]", "!and"),
        ("[file:name = 'a' AND file:hashes.MD5 = 'f00']", "!bad-value"),
        ("[file:name = 'a' AND file:hashes.SSDEEP = '3:a:b']", "!digest-algorithm"),
        ("[file:name = 'a' AND file:hashes.MD5 != 'd41d8cd98f00b204e9800998ecf8427e']", "!and"),
    ]);
}

#[test]
fn endpoints_spelled_out() {
    reduce_to(&[
        (
            "[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '203.0.113.33/32']",
            "ip:203.0.113.33",
        ),
        ("[network-traffic:src_ref.value = '::1' AND network-traffic:src_ref.type = 'ipv6-addr']", "ip:::1"),
        (
            "[network-traffic:dst_ref.type = 'domain-name' AND network-traffic:dst_ref.value = 'evil.com']",
            "domain:evil.com",
        ),
        (
            "[email-message:from_ref.type = 'email-addr' AND email-message:from_ref.value = 'a@b.com']",
            "email:a@b.com",
        ),
        (
            "[email-message:to_refs[*].type = 'email-addr' AND email-message:to_refs[*].value = 'a@b.com']",
            "email:a@b.com",
        ),
        (
            "[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = 'x']",
            "!bad-value",
        ),
        (
            "[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:src_ref.value = '1.2.3.4']",
            "!and",
        ),
        ("[network-traffic:dst_ref.type = 'mac-addr' AND network-traffic:dst_ref.value = '1.2.3.4']", "!and"),
        (
            "[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.type = 'ipv6-addr']",
            "!and",
        ),
        (
            "[network-traffic:dst_ref.type != 'ipv4-addr' AND network-traffic:dst_ref.value = '1.2.3.4']",
            "!and",
        ),
        (
            "[network-traffic:dst_ref.value = '1.2.3.4' AND network-traffic:dst_port = 443]",
            "ip-port:1.2.3.4:443",
        ),
        (
            "[network-traffic:dst_port = '443' AND network-traffic:dst_ref.value = '2001:db8::1']",
            "ip-port:[2001:db8::1]:443",
        ),
        (
            "[network-traffic:src_ref.value = '1.2.3.4' AND network-traffic:src_port = 443 AND \
          network-traffic:src_ref.type = 'ipv4-addr']",
            "ip-port:1.2.3.4:443",
        ),
        ("[network-traffic:src_ref.value = '1.2.3.4' AND network-traffic:dst_port = 443]", "!and"),
        ("[network-traffic:dst_ref.value = 'evil.com' AND network-traffic:dst_port = 443]", "!and"),
        ("[network-traffic:dst_ref.value = '1.2.3.0/24' AND network-traffic:dst_port = 443]", "!and"),
        ("[network-traffic:dst_ref.value = '1.2.3.4' AND network-traffic:dst_port = 0]", "!and"),
        ("[network-traffic:dst_ref.value = '1.2.3.4' AND network-traffic:dst_port > 443]", "!and"),
        (
            "[network-traffic:dst_ref.value = '1.2.3.4' AND network-traffic:dst_port = 443 AND \
          network-traffic:protocols[*] = 'tcp']",
            "!and",
        ),
        ("[network-traffic:dst_port = 80 AND network-traffic:dst_port = 443]", "!and"),
    ]);
}

#[test]
fn what_waits_is_named() {
    let pattern =
        parse("[a:b = 'x' OR domain-name:value IN ('a.com', 'b') OR domain-name:value LIKE 'c%']").unwrap();
    let waiting = reduce(&pattern).waiting;
    let parts: Vec<&str> = waiting.iter().map(|rest| rest.part.as_ref()).collect();
    assert_eq!(parts, ["a:b = 'x'", "domain-name:value = 'b'", "domain-name:value LIKE 'c%'"]);
}

/// A path takes half of the pattern, thousands of literals the other.
#[test]
fn a_long_path_is_written_down_once() {
    let literals = "'x',".repeat(10_000) + "'y'";
    for path in [
        format!("file:'{}'.hashes.MD5", "k".repeat(50_000)),
        format!("domain-name:value{}", "[0]".repeat(60)),
    ] {
        let text = format!("[{path} IN ({literals})]");
        let parts: usize = reduce(&parse(&text).unwrap()).waiting.iter().map(|rest| rest.part.len()).sum();
        assert!(parts <= 2 * text.len(), "{parts}");
    }
    assert!(parse(&format!("[a:b{} = 1]", ".c".repeat(63))).is_ok());
    let long = format!("[a:b{} = 1]", ".c".repeat(64));
    assert!(matches!(parse(&long), Err(Error::TooDeep { .. })));
}

#[test]
fn a_long_and_is_no_long_work() {
    let terms: Vec<String> = (0..100_000).map(|n| format!("a:b={n}")).collect();
    let text = format!("[{}]", terms.join(" AND "));
    assert_eq!(reduced(&text), "!and");
}

fn literal() -> impl Strategy<Value = String> {
    prop_oneof![
        "'([a-z0-9 .:/@\\[\\]ü]|\\\\\\\\|\\\\'){0,12}'",
        "[+-]?(0|[1-9][0-9]{0,5})",
        "[+-]?[0-9]{0,3}\\.[0-9]{1,3}",
        Just("true".to_owned()),
        Just("h'0aFf'".to_owned()),
        Just("b'QUI='".to_owned()),
        Just("t'2024-02-30T23:59:60.123Z'".to_owned()),
    ]
}

fn path() -> impl Strategy<Value = String> {
    let step =
        prop_oneof!["\\.[a-z_]{1,6}", "\\.'([a-z-]|\\\\'){0,6}'", Just("[*]".to_owned()), "\\[-?[1-9]\\]"];
    let known = prop::sample::select(vec![
        "file:hashes.MD5",
        "network-traffic:dst_ref.value",
        "network-traffic:dst_ref.type",
        "network-traffic:dst_port",
        "file:name",
        "ipv4-addr:value",
    ]);
    prop_oneof![
        known.prop_map(str::to_owned),
        ("[a-z][a-z0-9-]{0,5}", "([a-z_]{1,5}|'[a-z -]{0,5}')", prop::collection::vec(step, 0..3))
            .prop_map(|(object, first, steps)| format!("{object}:{first}{}", steps.concat())),
    ]
    .prop_filter("a key that is a keyword", |path| !path.contains("true") && !path.contains("false"))
}

/// A comparison with values, few enough to come again.
fn values() -> impl Strategy<Value = String> {
    let tests = vec![
        "ipv4-addr:value = '198.51.100.1'",
        "ipv4-addr:value ISSUBSET '198.51.100.0/24'",
        "ipv6-addr:value NOT != '2001:db8::1'",
        "domain-name:value IN ('a.example', 'b.example')",
        "domain-name:value = 'a.example'",
        "domain-name:resolves_to_refs[*].value = '198.51.100.1'",
        "url:value = 'http://a.example/x'",
        "network-traffic:dst_ref.type = 'ipv4-addr'",
        "network-traffic:dst_ref.value = '198.51.100.1'",
        "network-traffic:dst_port = 443",
        "email-addr:value = 'x@a.example'",
        "file:hashes.MD5 = 'd41d8cd98f00b204e9800998ecf8427e'",
        "file:hashes.'SHA-1' IN ()",
        "file:hashes.SSDEEP = '3:a:b'",
        "file:name = 'x.exe'",
        "url:value = 'http://a.example/<x>'",
    ];
    prop::sample::select(tests).prop_map(str::to_owned)
}

fn comparison() -> impl Strategy<Value = String> {
    let test = prop_oneof![
        (path(), prop::sample::select(vec!["=", "!=", "<>", "==", "NOT =", " NOT != "]), literal())
            .prop_map(|(path, operator, literal)| format!("{path} {operator}{literal}")),
        (path(), prop::collection::vec(literal(), 0..4))
            .prop_map(|(path, list)| format!("{path} IN({})", list.join(","))),
        (path(), prop::sample::select(vec!["LIKE", "MATCHES", "ISSUBSET", "NOT ISSUPERSET", "ISSUPERSET"]))
            .prop_map(|(path, operator)| format!("{path} {operator}'1.2.3.0/24'")),
        (path(), prop::sample::select(vec!["<", "<=", "> ", "NOT >="]), "-?[1-9]|'[a-z]'")
            .prop_map(|(path, operator, literal)| format!("{path} {operator}{literal}")),
        path().prop_map(|path| format!("EXISTS {path}")),
        path().prop_map(|path| format!("NOT EXISTS {path}")),
        values(),
        values(),
    ];
    joined(test)
}

/// These comparisons, joined by AND and OR.
fn joined(test: impl Strategy<Value = String> + 'static) -> impl Strategy<Value = String> {
    test.prop_recursive(3, 12, 3, |inner| {
        (prop::collection::vec(inner, 2..4), any::<bool>(), any::<bool>()).prop_map(|(all, and, wrapped)| {
            let joined = all.join(if and { " AND " } else { " OR " });
            if wrapped { format!("({joined})") } else { joined }
        })
    })
}

/// All sorts of patterns, as often one whose values are known as any other.
fn pattern() -> impl Strategy<Value = String> {
    prop_oneof![observation(), joined(values()).prop_map(|comparison| format!("[{comparison}]"))]
}

fn observation() -> impl Strategy<Value = String> {
    comparison().prop_map(|comparison| format!("[{comparison}]")).prop_recursive(3, 8, 3, |inner| {
        let joined = (
            prop::collection::vec(inner.clone(), 2..4),
            prop::sample::select(vec![" AND ", " OR ", " FOLLOWEDBY "]),
            any::<bool>(),
        )
            .prop_map(|(all, between, wrapped)| {
                let joined = all.join(between);
                if wrapped { format!("({joined})") } else { joined }
            });
        let qualifier = prop::sample::select(vec![
            "WITHIN 5 SECONDS",
            "REPEATS 3 TIMES",
            "START t'2024-01-01T00:00:00Z' STOP '2025-01-01T00:00:00Z'",
        ]);
        let qualified = (inner, qualifier).prop_map(|(inner, qualifier)| format!("({inner}) {qualifier}"));
        prop_oneof![joined, qualified]
    })
}

/// What the property tests above see: without it they might run over patterns that are all alike.
#[test]
fn the_patterns_of_the_property_tests_are_of_all_sorts() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut look_ups, mut compounds, mut reasons) = (0, 0, std::collections::BTreeSet::new());
    for _ in 0..2_000 {
        let text = pattern().new_tree(&mut runner).unwrap().current();
        let reduction = reduce(&parse(&text).unwrap());
        look_ups += usize::from(!reduction.values.is_empty());
        compounds += usize::from(!reduction.compounds.is_empty());
        reasons.extend(reduction.waiting.iter().map(|rest| rest.reason.as_str()));
    }
    assert!(look_ups > 500 && compounds > 100, "{look_ups} with look-ups, {compounds} with compounds");
    assert_eq!(reasons.len(), 16, "a pattern for every reason: {reasons:?}");
}

/// AND and OR of four names, as text.
fn joined_names() -> impl Strategy<Value = String> {
    let name = (1..=4).prop_map(|n| format!("domain-name:value = 'n{n}.example'"));
    name.prop_recursive(4, 24, 4, |inner| {
        (prop::collection::vec(inner, 2..4), any::<bool>())
            .prop_map(|(all, and)| format!("({})", all.join(if and { " AND " } else { " OR " })))
    })
}

/// What the words of the language say of a comparison of names when these were seen.
fn is_true(comparison: &Comparison<'_>, seen: &dyn Fn(&str) -> bool) -> bool {
    match comparison {
        Comparison::And(all) => all.iter().all(|one| is_true(one, seen)),
        Comparison::Or(all) => all.iter().any(|one| is_true(one, seen)),
        Comparison::Test(Test { operand: Operand::One(Literal::String(name)), .. }) => seen(name),
        other => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn text_form_reads_back(text in observation()) {
        let pattern = parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let shown = pattern.to_string();
        prop_assert_eq!(parse(&shown), Ok(pattern.clone()), "{}", shown);
        prop_assert_eq!(reduce(&parse(&shown).unwrap()), reduce(&pattern), "{}", shown);
    }

    #[test]
    fn every_pattern_has_look_ups_a_compound_or_a_reason(text in pattern()) {
        let Reduction { values, compounds, waiting } = reduce(&parse(&text).unwrap());
        prop_assert!(values.len() + compounds.len() + waiting.len() > 0, "{}", text);
        for (number, value) in values.iter().enumerate() {
            prop_assert!(!values[..number].contains(value), "{:?} comes twice", value);
        }
        for compound in &compounds {
            let Compound { values: needed, program, part } = compound;
            prop_assert!(needed.len() >= 2 && needed.is_sorted_by(|a, b| a < b), "{:?}", needed);
            prop_assert!(program.is_sound(needed.len()) && program.holds(|_| true), "{:?}", program);
            prop_assert!(!(0..needed.len()).any(|alone| program.holds(|n| n == alone)), "{}", compound);
            prop_assert!(!values.iter().any(|(one, part)| *part == Part::Whole && compound.needs(one)));
            // its part alone gives it again
            let again = reduce(&parse(&format!("[{part}]")).unwrap()).compounds;
            prop_assert!(again.contains(compound), "{}", part);
        }
        for rest in &waiting {
            // its part alone waits for the same reason
            let inside = format!("[{}]", rest.part);
            let part = parse(&rest.part).or_else(|_| parse(&inside));
            prop_assert!(part.is_ok(), "{}: {:?}", rest.part, part);
            let reasons: Vec<Waiting> = reduce(&part.unwrap()).waiting.iter().map(|rest| rest.reason).collect();
            prop_assert!(reasons.contains(&rest.reason), "{}: {:?} and {:?}", rest.part, rest.reason, reasons);
        }
    }

    #[test]
    fn look_ups_and_compounds_together_say_what_the_pattern_says(text in joined_names()) {
        let text = format!("[{text}]");
        let Observation::One(comparison) = parse(&text).unwrap().root else { panic!("{text}") };
        let expected: Vec<bool> = (0..16u32)
            .map(|set| is_true(&comparison, &|name| (1..=4).any(|n| set << 1 & 1 << n != 0 && name == format!("n{n}.example"))))
            .collect();
        prop_assert_eq!(truths(&text), expected);
        for compound in reduce(&parse(&text).unwrap()).compounds {
            prop_assert!(compound.values.len() >= 2 && compound.holds(|_| true) && !compound.holds(|_| false));
            for alone in 0..compound.values.len() {
                prop_assert!(!compound.holds(|n| n == alone), "{} needs one only", compound);
            }
        }
    }

    #[test]
    fn nothing_panics(text in "(\\[|\\]|\\(|\\)|'|\\\\|a:b|=| AND |NOT |IN|[+-]?[0-9.]|t'|h'|b'|/\\*|//|\\PC){0,12}") {
        if let Ok(pattern) = parse(&text) {
            let shown = pattern.to_string();
            prop_assert_eq!(parse(&shown), Ok(pattern));
        }
    }

    #[test]
    fn a_broken_pattern_is_an_error_or_another_pattern(text in observation(), at in any::<prop::sample::Index>()) {
        let at = text.char_indices().nth(at.index(text.chars().count())).unwrap();
        let mut broken = text.clone();
        broken.remove(at.0);
        if let Ok(pattern) = parse(&broken) {
            let shown = pattern.to_string();
            prop_assert_eq!(parse(&shown), Ok(pattern.clone()));
            reduce(&pattern);
        }
    }
}
