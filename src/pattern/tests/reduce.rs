//! What patterns come down to: look-ups, compounds, reasons.

use super::*;

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

/// What another library holds to be the same: with names for its properties, and the same look-ups for its addresses.
#[test]
fn the_public_pairs_of_equivalent_patterns() {
    let pairs: Pairs =
        serde_json::from_str(include_str!("../../../tests/corpus/pattern-equivalence-cases.json")).unwrap();
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
        serde_json::from_str(include_str!("../../../tests/corpus/pattern-matcher-cases.json")).unwrap();
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
