//! Tests of whole snapshots.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::index::filter::KeyKind;
use crate::indicator::{Id, Indicator, Part, Remarks, Sightings, ThreatKind, Timestamp, Tlp};
use crate::observable::{self, Digest, Email, Hint, Name, Network, Observable, Url};

mod build;
mod files;
mod hostile;
mod kept;
mod three_ways;

/// One value of every kind and family, and what stands close to them.
const EVERY_KIND: [&str; 32] = [
    "198.51.100.7",
    "198.51.100.8",
    "0.0.0.0",
    "255.255.255.255",
    "2001:db8::7",
    "::",
    "203.0.113.0/24",
    "203.0.112.0/20",
    "203.0.113.64/26",
    "2001:db8:1::/48",
    "2001:db8::/32",
    "198.51.100.7:443",
    "198.51.100.7:8080",
    "[2001:db8::7]:443",
    "evil.example",
    "www.evil.example",
    "github.io",
    "xn--bcher-kva.example",
    "http://evil.example/a",
    "https://evil.example/a",
    "evil.example/a",
    "http://evil.example/a?b=c",
    "ftp://198.51.100.7:2121/x",
    "http://[2001:db8::7]/",
    "someone@evil.example",
    "d41d8cd98f00b204e9800998ecf8427f",
    "da39a3ee5e6b4b0d3255bfef95601890afd80700",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b856",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b857",
    "0f83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce\
     47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
    "http://evil.example/sixteen-bytes-a",
    "http://evil.example/seventeen-bytes-?b=c",
];

fn value(text: &str) -> Observable {
    let mut values = observable::read(text, Hint::None).unwrap_or_else(|why| panic!("{text}: {why}"));
    assert_eq!(values.len(), 1, "{text}");
    values.remove(0)
}

fn plain(feed: u16, value: Observable) -> Indicator {
    Indicator {
        feed,
        id: None,
        values: vec![(value, Part::Whole)],
        compounds: Box::default(),
        valid_from: None,
        valid_until: None,
        confidence: None,
        tlp: None,
        context: Arc::default(),
    }
}

fn feeds(names: &[&str]) -> Vec<Box<str>> {
    names.iter().map(|name| Box::from(*name)).collect()
}

fn built(names: &[&str], indicators: impl IntoIterator<Item = Indicator>) -> (Vec<u8>, Report) {
    let mut builder = Builder::new(&feeds(names), Allow::default());
    for indicator in indicators {
        builder.add(indicator);
    }
    builder.finish().unwrap()
}

fn opened(names: &[&str], indicators: impl IntoIterator<Item = Indicator>) -> Snapshot {
    let snapshot = Snapshot::from_bytes(built(names, indicators).0).unwrap();
    snapshot.verify().unwrap();
    snapshot
}

fn listed(values: &[&str]) -> Snapshot {
    opened(&["list"], values.iter().map(|text| plain(0, value(text))))
}

/// The entry of a value, by the look-up of its kind.
fn find(snapshot: &Snapshot, value: &Observable) -> Option<Entry> {
    snapshot.find(value)
}

/// Indicators that use every column: two feeds, ids of both kinds and none, validity, confidence, marking, parts,
/// shared and single contexts, values in several indicators, indicators of several values.
fn rich() -> Vec<Indicator> {
    let shared = Arc::new(Context {
        name: Some("Spider".into()),
        description: Some("spins\nwebs".into()),
        labels: vec!["malicious-activity".into(), "b".into(), "a".into()],
        threats: vec![(ThreatKind::Malware, "Web".into()), (ThreatKind::Actor, "Spider".into())],
        kill_chain: vec!["chain/phase".into()],
        references: vec!["https://reports.example/1".into()],
        remarks: Some(Box::new(Remarks {
            techniques: vec!["T1071".into(), "T1071.001".into()],
            statements: vec!["Copyright 2026, Example".into()],
            notes: vec!["spins\nwebs".into(), "again".into()],
            sightings: Some(Sightings { count: 999_999_999, last_seen: Some(Timestamp(-1)) }),
            opinions: [1, 0, 0, 0, 300],
        })),
    });
    let mut all = Vec::new();
    for (i, text) in (0u16..).zip(EVERY_KIND) {
        let mut indicator = plain(i % 2, value(text));
        indicator.id = match i % 3 {
            0 => Some(Id::Uuid([u8::try_from(i).unwrap(); 16])),
            1 => Some(Id::Text(format!("other-{i}").into())),
            _ => None,
        };
        indicator.valid_from = (i % 4 != 0).then_some(Timestamp(1_700_000_000_000_000 + i64::from(i) * 1000));
        indicator.valid_until = (i % 5 == 0).then_some(Timestamp(1_800_000_000_000_001 + i64::from(i)));
        indicator.confidence = (i % 2 == 0).then_some(u8::try_from(i * 3).unwrap());
        indicator.tlp = Tlp::from_u8(u8::try_from(i % 7).unwrap());
        indicator.context = match i % 3 {
            0 => Arc::clone(&shared),
            1 => Arc::new(Context { name: Some(format!("number {i}").into()), ..Context::default() }),
            _ => Arc::default(),
        };
        if i % 6 == 0 {
            indicator.values.push((value("www.evil.example"), Part::Whole));
            indicator.values.push((value(EVERY_KIND[25]), Part::OfPattern));
        }
        all.push(indicator);
    }
    all
}

#[test]
fn every_kind_is_found_and_nothing_else() {
    let snapshot = listed(&EVERY_KIND);
    let mut entries = BTreeSet::new();
    for text in EVERY_KIND {
        let value = value(text);
        let entry = find(&snapshot, &value).unwrap_or_else(|| panic!("{text}"));
        assert!(entries.insert(entry), "{text}: entry twice");
        assert_eq!(snapshot.kind(entry), value.kind(), "{text}");
        assert_eq!(snapshot.value(entry), value.to_string());
        assert_eq!(snapshot.records(entry).count(), 1, "{text}");
    }
    let others = [
        "198.51.100.6",
        "198.51.101.7",
        "2001:db8::8",
        "::1",
        "203.0.113.0/25",
        "2001:db8:1::/47",
        "198.51.100.7:444",
        "198.51.100.8:443",
        "[2001:db8::8]:443",
        "evil.exampl",
        "evil.examplf",
        "vil.example",
        "w.evil.example",
        "https://evil.example/a?b=c",
        "http://evil.example/",
        "http://evil.example/a/",
        "http://evil.example/A",
        "ftp://198.51.100.7/x",
        "someone@www.evil.example",
        "d41d8cd98f00b204e9800998ecf8427d",
        "da39a3ee5e6b4b0d3255bfef95601890afd80701",
    ];
    for text in others {
        assert_eq!(find(&snapshot, &value(text)), None, "{text}");
    }
    let dumped: Vec<(Entry, Kind, String)> = snapshot.entries().collect();
    let numbers: Vec<u32> = dumped.iter().map(|(entry, ..)| entry.0).collect();
    assert_eq!(numbers, (0..32).collect::<Vec<_>>());
    assert!(dumped.is_sorted_by_key(|(_, kind, _)| *kind));
    let dumped: BTreeSet<String> = dumped.into_iter().map(|(.., value)| value).collect();
    assert_eq!(dumped, EVERY_KIND.iter().map(|text| value(text).to_string()).collect());
    assert_eq!(snapshot.value(Entry(32)), "");
    assert_eq!(snapshot.records(Entry(32)).count(), 0);
}

#[test]
fn none_and_one() {
    let none = opened(&[], []);
    assert_eq!(none.traits(), Traits::default());
    assert_eq!(none.entries().count(), 0);
    for text in EVERY_KIND {
        let value = value(text);
        assert_eq!(find(&none, &value), None);
        let one = opened(&["one"], [plain(0, value.clone())]);
        assert_eq!(one.entries().count(), 1);
        for other in EVERY_KIND {
            let found = find(&one, &self::value(other));
            assert_eq!(found, (other == text).then_some(Entry(0)), "{other} in a snapshot of {text}");
        }
    }
}

#[test]
fn records_say_what_the_indicators_said() {
    let indicators = rich();
    let snapshot = opened(&["zebra", "ant"], indicators.clone());
    assert_eq!(snapshot.feeds(), ["ant".into(), "zebra".into()]);
    let mut wanted: BTreeMap<String, BTreeSet<_>> = BTreeMap::new();
    for indicator in &indicators {
        for (value, part) in &indicator.values {
            let record = (
                1 - indicator.feed,
                indicator.id.clone(),
                indicator.valid_from,
                indicator.valid_until,
                indicator.confidence,
                indicator.tlp,
                *part,
                Context::clone(&indicator.context),
            );
            wanted.entry(value.to_string()).or_default().insert(record);
        }
    }
    for (entry, _, value) in snapshot.entries() {
        let found: Vec<_> = snapshot
            .records(entry)
            .map(|r| {
                let context = snapshot.context(r.context_number);
                (r.feed, r.id, r.valid_from, r.valid_until, r.confidence, r.tlp, r.part, context)
            })
            .collect();
        let expected: Vec<_> = wanted.remove(&value).unwrap().into_iter().collect();
        assert_eq!(found.len(), expected.len(), "{value}");
        assert!(found.is_sorted_by_key(|record| (record.0, record.1.clone())), "{value}");
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected.into_iter().collect(), "{value}");
    }
    assert!(wanted.is_empty(), "{wanted:?}");
    let info = snapshot.info();
    assert_eq!(info.records, 32 + 6 * 2);
    assert_eq!(info.feeds.iter().map(|(_, count)| count).sum::<u64>(), u64::from(info.records));
}

#[test]
fn names_that_are_private_suffixes_cover_no_children() {
    let snapshot = listed(&["github.io", "me.github.io", "duckdns.org", "evil.example"]);
    let covers = |name| snapshot.covers_children(snapshot.name(name).unwrap());
    assert!(!covers("github.io") && !covers("duckdns.org"));
    assert!(covers("me.github.io") && covers("evil.example"));
}

#[test]
fn urls_by_scheme() {
    let urls = [
        "a.example/x",
        "http://a.example/x",
        "gopher://a.example/x",
        "http://a.example/x/",
        "http://a.example/xy",
    ];
    let snapshot = listed(&urls);
    let others = |scheme| -> Vec<String> {
        snapshot.urls_any_scheme(scheme, "a.example/x").map(|entry| snapshot.value(entry)).collect()
    };
    assert_eq!(others(Some("https")), ["a.example/x", "gopher://a.example/x", "http://a.example/x"]);
    assert_eq!(others(Some("http")), ["a.example/x", "gopher://a.example/x"]);
    assert_eq!(others(None), ["gopher://a.example/x", "http://a.example/x"]);
    assert_eq!(snapshot.urls_any_scheme(None, "a.example/").count(), 0);
    assert_eq!(snapshot.urls_any_scheme(None, "z.example/").count(), 0);
}

#[test]
fn searches() {
    let snapshot = listed(&[
        "paypal.example",
        "paypa1.example",
        "paypall.example",
        "pay.example",
        "https://paypal.example/login",
        "paypa@mail.example",
        "198.51.100.7",
    ]);
    let values =
        |entries: Vec<Entry>| -> Vec<String> { entries.into_iter().map(|e| snapshot.value(e)).collect() };
    assert_eq!(
        values(snapshot.starting_with("paypa").collect()),
        [
            "paypa1.example",
            "paypal.example",
            "paypall.example",
            "https://paypal.example/login",
            "paypa@mail.example"
        ]
    );
    assert_eq!(values(snapshot.starting_with("zz").collect()), Vec::<String>::new());
    assert_eq!(
        values(snapshot.one_typo_from("paypal.example").unwrap().collect()),
        ["paypa1.example", "paypal.example", "paypall.example"]
    );
    assert_eq!(
        values(snapshot.one_typo_from("paypal.example/log1n").unwrap().collect()),
        ["https://paypal.example/login"]
    );
}

/// The keys that the scan asks for, from the values themselves.
fn keys(hasher: Hasher, value: &Observable) -> (Vec<u64>, Vec<u64>) {
    let address = |address: IpAddr| match address {
        IpAddr::V4(v4) => hasher.ip4(v4.to_bits()),
        IpAddr::V6(v6) => hasher.ip6(v6.to_bits()),
    };
    let text = |text: &str, kind| hasher.text(text.as_bytes(), 0, text.len(), kind);
    let suffixes = |name: &str, whole: bool| -> Vec<u64> {
        let labels: Vec<&str> = name.split('.').collect();
        let from = usize::from(!whole);
        (from..labels.len().saturating_sub(1)).map(|i| text(&labels[i..].join("."), KeyKind::Name)).collect()
    };
    match value {
        Observable::Ip(ip) => (vec![address(*ip)], vec![]),
        Observable::IpPort(pair) => (vec![], vec![address(pair.address)]),
        Observable::Domain(name) => {
            (vec![text(name.as_str(), KeyKind::Name)], suffixes(name.as_str(), false))
        }
        Observable::Url(url) => {
            let pair = hasher.pair(url.host().as_bytes(), url.path().as_bytes(), KeyKind::Url);
            let mut paths = match url.host().parse() {
                Ok(ip) => vec![address(ip)],
                Err(_) => suffixes(url.host(), true),
            };
            if url.path().len() > 16 {
                let start = &url.path().as_bytes()[..16];
                paths.push(hasher.pair(url.host().as_bytes(), start, KeyKind::Url));
            }
            (vec![pair], paths)
        }
        Observable::Email(email) => {
            (vec![text(email.as_str(), KeyKind::Email)], suffixes(email.domain(), true))
        }
        Observable::Digest(digest) => {
            let hex = digest.to_string();
            (vec![text(hex.get(hex.len() - 16..).unwrap(), KeyKind::Digest)], vec![])
        }
        Observable::Network(_) => (vec![], vec![]),
    }
}

#[test]
fn the_filter_holds_every_key() {
    let more = ["a.b.c.d.example", "http://x.y.example:8080/p/q?r=s#t", "x.y@m.a.il.example", "q.example?x"];
    let values: Vec<&str> = EVERY_KIND.into_iter().chain(more).collect();
    let snapshot = listed(&values);
    for text in values {
        let (listed, paths) = keys(snapshot.hasher(), &value(text));
        assert!(listed.iter().all(|key| snapshot.filter().ask(*key).listed), "{text}");
        assert!(paths.iter().all(|key| snapshot.filter().ask(*key).path), "{text}");
    }
    // and little else
    let hasher = snapshot.hasher();
    let present = (0..10_000u32).map(|i| snapshot.filter().ask(hasher.ip4(0x0a00_0000 + i)));
    assert!(present.filter(|presence| presence.listed || presence.path).count() < 400);
}

#[test]
fn traits_say_what_there_is() {
    let of = |text: &str| listed(&[text]).traits();
    let none = Traits::default();
    let names = Traits { names: true, ..none };
    for text in ["198.51.100.7", "203.0.113.0/24", "198.51.100.7:80", "http://198.51.100.7/"] {
        assert_eq!(of(text), Traits { ip4: true, ..none }, "{text}");
    }
    for text in ["2001:db8::1", "2001:db8::/32", "[2001:db8::1]:80", "http://[2001:db8::1]/"] {
        assert_eq!(of(text), Traits { ip6: true, ..none }, "{text}");
    }
    for text in ["evil.example", "http://evil.example/", "someone@evil.example", "1-2_3.evil.example"] {
        assert_eq!(of(text), names, "{text}");
    }
    let odd = Traits { odd_names: true, ..names };
    for text in ["evil.9example", "http://evil.9example/", "someone@evil.9example", "evil.exa_mple"] {
        assert_eq!(of(text), odd, "{text}");
    }
    for text in ["xn--bcher-kva.example", "http://a.xn--bcher-kva.example/", "a@xn--bcher-kva.example"] {
        assert_eq!(of(text), names, "{text}");
    }
    assert_eq!(of(EVERY_KIND[25]), Traits { digests: true, ..none });
}

#[test]
fn contexts_keep_to_their_limits() {
    let long = "ä".repeat(100_000);
    let many: Vec<Box<str>> = (0..40).map(|i| format!("{i}{}", "x".repeat(60_000)).into()).collect();
    let context = Context { name: Some(long.into()), labels: many, ..Context::default() };
    let (bytes, report) =
        built(&["f"], [Indicator { context: Arc::new(context), ..plain(0, value("a.example")) }]);
    let snapshot = Snapshot::from_bytes(bytes).unwrap();
    snapshot.verify().unwrap();
    let kept = snapshot.context(0);
    assert_eq!(kept.name.unwrap().len(), 64 << 10);
    assert_eq!(kept.labels.len(), 16);
    assert_eq!(report.cut, 1 + 24);
}

fn network() -> impl Strategy<Value = (u32, u8)> {
    // crowded around a few places, so that they nest and touch
    (0u32..4, 0u32..1 << 17, 8u8..32)
        .prop_map(|(a, b, prefix)| (0x0a00_0000 + a * 0x0080_0000 + b * 97, prefix))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn networks_agree_with_looking_at_each(
        networks in proptest::collection::vec(network(), 0..60),
        probes in proptest::collection::vec((0usize..60, -3i64..300), 40),
    ) {
        let v4 = |(address, prefix)| Network::new(std::net::Ipv4Addr::from_bits(address).into(), prefix).unwrap();
        // the same in IPv6: 32 bits further down
        let v6 = |(address, prefix): (u32, u8)| {
            let address = std::net::Ipv6Addr::from_bits(u128::from(0x2000_0000u32) << 96 | u128::from(address) << 56);
            Network::new(address.into(), prefix + 40).unwrap()
        };
        let all: BTreeSet<Network> = networks.iter().flat_map(|n| [v4(*n), v6(*n)]).collect();
        let snapshot = opened(&["f"], all.iter().map(|network| plain(0, Observable::Network(*network))));
        for (which, offset) in probes {
            let Some((base, _)) = networks.get(which) else { continue };
            let near = u32::try_from(i64::from(*base) + offset * 131).unwrap();
            let near6 = u128::from(0x2000_0000u32) << 96 | u128::from(near) << 56 | 0x5555;
            let addresses = [IpAddr::from(std::net::Ipv4Addr::from_bits(near)), std::net::Ipv6Addr::from_bits(near6).into()];
            for address in addresses {
                let mut wanted: Vec<Network> = all.iter().filter(|n| n.contains(address)).copied().collect();
                wanted.sort_by_key(|network| std::cmp::Reverse(network.prefix()));
                let wanted: Vec<String> = wanted.iter().map(Network::to_string).collect();
                let found: Vec<String> = snapshot.networks(address).map(|entry| snapshot.value(entry)).collect();
                prop_assert_eq!(&found, &wanted);
                prop_assert!(snapshot.touches(address) || wanted.is_empty());
            }
        }
    }

    #[test]
    fn a_url_comes_apart_as_the_url_does(
        host in "([a-z]{1,3}\\.){1,3}[a-z]{2,3}|10\\.[0-9]\\.0\\.1|\\[2001:db8::[1-9]\\]",
        port in "|:8080",
        tail in "(/[a-z:?@.]{0,6}){0,3}(\\?[a-z/:?]{0,6})?",
    ) {
        let text = format!("http://{host}{port}{tail}");
        let url = Url::parse(&text).unwrap();
        let (host, path) = table::host_and_path(url.rest().as_bytes());
        prop_assert_eq!(host, url.host().as_bytes());
        prop_assert_eq!(path, url.path().as_bytes());
    }

    #[test]
    fn any_set_of_names_is_found(
        names in proptest::collection::btree_set("([a-c]{1,3}\\.){1,4}example", 0..80),
        probes in proptest::collection::vec("([a-c]{1,3}\\.){1,4}example", 30),
    ) {
        let all: BTreeSet<Name> = names.iter().map(|name| Name::parse(name).unwrap()).collect();
        let snapshot = opened(&["f"], all.iter().map(|name| plain(0, Observable::Domain(name.clone()))));
        for name in probes.iter().map(|name| Name::parse(name).unwrap()).chain(all.iter().cloned()) {
            prop_assert_eq!(snapshot.name(name.as_str()).is_some(), all.contains(&name));
        }
    }
}

#[test]
fn wide_networks_cover_everything() {
    let mut builder = Builder::new(&feeds(&["f"]), Allow { wide_network: true, ..Allow::default() });
    for text in ["0.0.0.0/0", "::/0", "10.0.0.0/31"] {
        builder.add(plain(0, value(text)));
    }
    let snapshot = Snapshot::from_bytes(builder.finish().unwrap().0).unwrap();
    snapshot.verify().unwrap();
    for (address, count) in [("0.0.0.0", 1), ("255.255.255.255", 1), ("10.0.0.1", 2), ("10.0.0.2", 1)] {
        assert_eq!(snapshot.networks(address.parse().unwrap()).count(), count, "{address}");
        assert!(snapshot.touches(address.parse().unwrap()));
    }
    for address in ["::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8::1"] {
        assert_eq!(snapshot.networks(address.parse().unwrap()).count(), 1, "{address}");
    }
}

#[test]
fn a_network_of_one_address_is_that_address() {
    let single = Network::new("198.51.100.7".parse().unwrap(), 32).unwrap();
    let snapshot = opened(&["f"], [plain(0, Observable::Network(single)), plain(0, value("198.51.100.7"))]);
    assert_eq!(snapshot.count(Kind::Ip), 1);
    assert_eq!(snapshot.count(Kind::Network), 0);
    assert_eq!(snapshot.records(Entry(0)).count(), 1);
}

/// Kept in step with `filter`: whoever changes a hash makes every file of this version unreadable.
#[test]
fn test_vectors_of_the_hash() {
    let hasher = Hasher::new(0x0123_4567_89ab_cdef);
    let text = |text: &str, kind| hasher.text(text.as_bytes(), 0, text.len(), kind);
    let found = [
        text("evil.example", KeyKind::Name),
        text("EVIL.example", KeyKind::Name),
        text("a-rather-long-name-of-more-than-two-lanes.evil.example", KeyKind::Name),
        text("someone@evil.example", KeyKind::Email),
        text("0123456789abcdef", KeyKind::Digest),
        hasher.pair(b"evil.example", b"/a", KeyKind::Url),
        hasher.ip4(0xc633_6407),
        hasher.ip6(0x2001_0db8_0000_0000_0000_0000_0000_0007),
    ];
    assert_eq!(found.map(|key| format!("{key:016x}")), VECTORS);
    assert_eq!(hasher.text(b"xxevil.examplexx", 2, 14, KeyKind::Name), found[0]);
}

const VECTORS: [&str; 8] = [
    "532e7fad36c1e319",
    "532e7fad36c1e319",
    "bb61897d504f830f",
    "c1be49ed34b66914",
    "db7cbbbb8af54bf1",
    "7b5ace3885214e87",
    "3917ebbc093644b4",
    "5d50018877f086de",
];

/// Unused constructors would hide a kind that no test covers.
#[test]
fn the_list_covers_every_kind() {
    let kinds: BTreeSet<Kind> = EVERY_KIND.iter().map(|text| value(text).kind()).collect();
    assert_eq!(kinds.len(), Kind::ALL.len());
    assert!(Digest::parse(EVERY_KIND[25], None).is_ok() && Email::parse(EVERY_KIND[24]).is_ok());
}
