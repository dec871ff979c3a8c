//! What holds for every pattern: generated ones.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use super::*;

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
