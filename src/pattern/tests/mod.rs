//! Tests of the pattern language.

mod properties;
mod reduce;

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
        serde_json::from_str(include_str!("../../../tests/corpus/pattern-validator-cases.json")).unwrap();
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
