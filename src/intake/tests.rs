//! Feeds on disk, end to end.

use super::*;
use crate::indicator::{Sightings, ThreatKind, Timestamp, Tlp};
use std::io::Write;
use std::path::PathBuf;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> Source {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), bytes).unwrap();
        self.source(name)
    }
    fn source(&self, name: &str) -> Source {
        Source::parse(self.path(name).to_str().unwrap())
    }
}

fn loaded(sources: &[Source]) -> Loaded {
    let loaded = load(sources).unwrap();
    for (number, report) in (0u16..).zip(&loaded.reports) {
        let count = |rows: &[(&str, u64, Vec<String>)]| rows.iter().map(|(_, count, _)| count).sum::<u64>();
        let (kept, skipped) = (count(&report.kept), count(&report.skipped));
        assert_eq!(report.received, report.used + kept + report.context_objects + skipped, "{report:?}");
        let handed_on = loaded.indicators.iter().filter(|indicator| indicator.feed == number).count();
        assert_eq!(report.used + kept, handed_on as u64);
    }
    loaded
}

fn refusal(source: &Source) -> String {
    let message = load(std::slice::from_ref(source)).unwrap_err().to_string();
    assert!(message.lines().count() <= 3, "{message}");
    assert!(message.contains(source.path.to_str().unwrap()), "{message}");
    message
}

const A: &str = "indicator--00000000-0000-4000-8000-00000000000a";

fn indicator(more: &str) -> String {
    format!(r#"{{"type":"indicator","id":"{A}","pattern":"[domain-name:value = 'evil.com']"{more}}}"#)
}
fn relation(number: u32, kind: &str, from: &str, to: &str, more: &str) -> String {
    format!(
        r#"{{"type":"relationship","id":"relationship--00000000-0000-4000-8000-{number:012}","modified":"2020-01-01T00:00:00Z","relationship_type":"{kind}","source_ref":"{from}","target_ref":"{to}"{more}}}"#
    )
}

#[test]
fn names_join_across_files_and_feeds() {
    let folder = Folder::new();
    let campaign = r#"{"type":"campaign","id":"campaign--1","name":"C","modified":"2020-01-01T00:00:00Z"}"#;
    let renamed = r#"{"type":"campaign","id":"campaign--1","name":"C2","modified":"2021-01-01T00:00:00Z"}"#;
    let set = r#"{"type":"intrusion-set","id":"intrusion-set--1","name":"APT"}"#;
    let malware = r#"{"type":"malware","id":"malware--1","name":"M"}"#;
    let gone = r#"{"type":"malware","id":"malware--2","name":"Gone","revoked":true}"#;
    folder.write("feed/1.json", relation(1, "indicates", A, "campaign--1", ""));
    folder.write("feed/2.json", [renamed, campaign].join("\n"));
    folder.write("feed/3.json", indicator(""));
    folder.write(
        "feed/4.json",
        [relation(2, "indicates", A, "malware--1", ""), relation(3, "indicates", A, "malware--2", "")]
            .join("\n"),
    );
    folder.write("feed/5.json", relation(4, "indicates", A, "malware--3", ""));
    let other = folder.write(
        "other.json",
        [malware, gone, set, &relation(5, "attributed-to", "campaign--1", "intrusion-set--1", "")].join("\n"),
    );
    for sources in [[folder.source("feed"), other.clone()], [other.clone(), folder.source("feed")]] {
        let loaded = loaded(&sources);
        assert_eq!(loaded.indicators.len(), 1);
        let threats = &loaded.indicators[0].context.threats;
        let expected = [
            (ThreatKind::Malware, "M".into()),
            (ThreatKind::Actor, "APT".into()),
            (ThreatKind::Campaign, "C2".into()),
        ];
        assert_eq!(threats, &expected);
        assert_eq!(&*loaded.feeds[usize::from(loaded.indicators[0].feed)], "feed");
    }
}

#[test]
fn revoked_relations_do_not_count() {
    let folder = Folder::new();
    let malware = r#"{"type":"malware","id":"malware--1","name":"M"}"#;
    let objects = |last: &str| {
        [malware, &indicator(""), &relation(1, "indicates", A, "malware--1", ""), last].join("\n")
    };
    let newer = |more: &str| relation(1, "indicates", A, "malware--1", more).replace("2020", "2021");
    let revoked = folder.write("a.json", objects(&newer(r#","revoked":true"#)));
    assert!(loaded(&[revoked]).indicators[0].context.threats.is_empty());
    let again = folder.write("b.json", objects(&newer("")));
    assert_eq!(loaded(&[again]).indicators[0].context.threats.len(), 1);
}

/// Everything is attributed to everyone, which is a few hundred names an indicator if all are kept.
#[test]
fn an_attribution_of_all_to_all_is_bounded() {
    let folder = Folder::new();
    let actor = |n| format!(r#"{{"type":"threat-actor","id":"threat-actor--{n:03}","name":"Actor {n}"}}"#);
    let mut objects = vec![indicator("")];
    objects.extend((0..300).map(actor));
    let pairs = (0..300).flat_map(|a| (a / 10 * 10..a / 10 * 10 + 60).map(move |b| (a, b % 300)));
    for (number, (a, b)) in (2..).zip(pairs) {
        let (a, b) = (format!("threat-actor--{a:03}"), format!("threat-actor--{b:03}"));
        objects.push(relation(number, "attributed-to", &a, &b, ""));
    }
    for n in 0..300 {
        objects.push(indicator(&format!(r#","name":"{n}""#)).replace(A, &format!("indicator--{n}")));
        let (a, b) = (format!("indicator--{n}"), format!("threat-actor--{n:03}"));
        objects.push(relation(100_000 + n, "indicates", &a, &b, ""));
    }
    let feed = folder.write("f.json", objects.join("\n"));
    objects.reverse();
    let reversed = folder.write("r.json", objects.join("\n"));
    let (one, other) = (loaded(&[feed]), loaded(&[reversed]));
    for indicator in &one.indicators {
        let threats = &indicator.context.threats;
        assert!(threats.len() <= 33, "{}", threats.len());
        let twin = other.indicators.iter().find(|twin| twin.id == indicator.id).unwrap();
        assert_eq!(twin.context.threats, *threats);
    }
    let name = |n: usize| {
        let threats = &one.indicators[n].context.threats;
        threats.iter().find(|(_, name)| &**name == "Actor 9").unwrap().1.as_ptr()
    };
    assert_eq!(name(1), name(2));
}

#[test]
fn the_strictest_marking_wins() {
    let folder = Folder::new();
    let own = r#"{"type":"marking-definition","id":"marking-definition--own","definition_type":"tlp","definition":{"tlp":"amber"}}"#;
    let second = r#"{"type":"marking-definition","id":"marking-definition--own2","name":"TLP:AMBER+STRICT",
        "extensions":{"extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d":{"extension_type":"property-extension","tlp_2_0":"amber+strict"}}}"#;
    let green = "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da";
    folder.write("m.json", [own, second].join(""));
    let marked = |ids: &[&str]| {
        let feed = folder.write("f.json", indicator(&format!(r#","object_marking_refs":{ids:?}"#)));
        loaded(&[feed, folder.source("m.json")]).indicators[0].tlp
    };
    assert_eq!(marked(&[green]), Some(Tlp::Green));
    assert_eq!(marked(&[green, "marking-definition--own"]), Some(Tlp::Amber));
    assert_eq!(
        marked(&["marking-definition--own2", "marking-definition--own", green]),
        Some(Tlp::AmberStrict)
    );
    assert_eq!(marked(&["marking-definition--statement"]), None);
}

#[test]
fn sources_of_one_name_are_one_feed() {
    let folder = Folder::new();
    let old = folder.write("x/feed.json", indicator(r#","modified":"2020-01-01T00:00:00Z","confidence":1"#));
    let new = folder.write("y/feed.json", indicator(r#","modified":"2021-01-01T00:00:00Z","confidence":2"#));
    for sources in [[old.clone(), new.clone()], [new.clone(), old.clone()]] {
        let loaded = loaded(&sources);
        assert_eq!((loaded.feeds.len(), loaded.indicators.len()), (1, 1));
        assert_eq!(loaded.indicators[0].confidence, Some(2));
        assert_eq!(loaded.reports[0].skipped[0].0, "older-version");
    }
    let apart = Source { name: "z".into(), ..new };
    assert_eq!(loaded(&[old, apart]).indicators.len(), 2);
}

#[test]
fn waiting_and_revoked_indicators_are_accounted_for() {
    let folder = Folder::new();
    let waits = r#"{"type":"indicator","id":"indicator--w","pattern":"[mutex:name = 'x']"}"#;
    let feed = folder.write("f.json", [indicator(r#","revoked":true"#), waits.to_owned()].join("\n"));
    let loaded = loaded(&[feed]);
    assert_eq!(loaded.waiting[0].reason, "not-yet-matched:keyed-text");
    assert_eq!(&*loaded.waiting[0].pattern, "[mutex:name = 'x']");
    let report = &loaded.reports[0];
    let reasons: Vec<&str> = report.skipped.iter().map(|(reason, ..)| *reason).collect();
    assert_eq!(reasons, ["not-yet-matched:keyed-text", "revoked"]);
    assert!(report.skipped[0].2[0].contains("object 2: indicator--w"), "{report:?}");
    assert!(report.warnings[0].contains("no indicators that can be used"), "{report:?}");
}

#[test]
fn indicators_of_compounds_are_kept_and_accounted_for() {
    let folder = Folder::new();
    let kept = r#"{"type":"indicator","id":"indicator--k","pattern":"[url:value = 'a.example/x' AND ipv4-addr:value = '198.51.100.1']"}"#;
    let feed = folder.write("f.json", [indicator(""), kept.to_owned()].join("\n"));
    let loaded = loaded(&[feed]);
    assert_eq!((loaded.indicators.len(), loaded.waiting.len()), (2, 0));
    let report = &loaded.reports[0];
    assert_eq!((report.received, report.used, report.skipped.len()), (2, 1, 0));
    let (reason, count, examples) = &report.kept[0];
    assert_eq!((*reason, *count), ("not-yet-matched:and", 1));
    assert!(examples[0].contains("object 2: indicator--k: url:value = 'a.example/x' AND"), "{examples:?}");
}

#[test]
fn compressed_cut_and_empty_feeds() {
    let folder = Folder::new();
    let lines: Vec<String> =
        (0..20_000u32).map(|n| format!("{:08x}.example", n.wrapping_mul(2_654_435_761))).collect();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(lines.join("\n").as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let whole = folder.write("names.without.ending", &gzip);
    assert_eq!(loaded(&[whole]).indicators.len(), 20_000);
    let cut = loaded(&[folder.write("cut.txt.gz", &gzip[..gzip.len() / 2])]);
    assert_eq!(&*cut.feeds[0], "cut");
    assert!((5_000..20_000).contains(&cut.indicators.len()));
    assert!(
        cut.reports[0].warnings[0].contains("the compressed data is cut"),
        "{:?}",
        cut.reports[0].warnings
    );
    let mut stored = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    stored.write_all(b"1.2.3.4\n1.2.3.45\n").unwrap();
    let stored = stored.finish().unwrap();
    let half = loaded(&[folder.write("half.gz", &stored[..stored.len() - 10])]);
    assert_eq!((half.indicators.len(), half.reports[0].skipped[0].0), (1, "cut"), "{:?}", half.reports[0]);
    for length in [2, 5] {
        let stub = loaded(&[folder.write("stub.gz", &gzip[..length])]);
        assert_eq!(stub.reports[0].warnings.len(), 2, "{:?}", stub.reports[0].warnings);
    }
    let memory = Source::parse("/proc/self/mem");
    if memory.path.exists() {
        assert!(refusal(&memory).contains("cannot be read"));
    }
    for empty in
        ["", "\n \n", "# only comments\n", "{}", r#"{"type":"bundle","id":"bundle--1","objects":[]}"#]
    {
        let loaded = loaded(&[folder.write("empty.json", empty)]);
        assert!(loaded.reports[0].warnings[0].contains("holds no indicators"), "{empty}");
    }
    let cut = indicator(r#","name":"x""#) + "\n" + indicator("").get(..60).unwrap();
    let cut = loaded(&[folder.write("cut.json", cut)]);
    assert_eq!(cut.indicators.len(), 1);
    assert!(cut.reports[0].warnings[0].contains("cut at byte"), "{:?}", cut.reports[0]);
}

#[test]
fn what_is_no_feed_is_refused_alone_and_skipped_in_a_folder() {
    let folder = Folder::new();
    let status = r#"<t:Status_Message xmlns:t="http://taxii.mitre.org/messages/taxii_xml_binding-1.1">"#;
    assert!(refusal(&folder.write("d/one.xml", status)).contains("TAXII 1"));
    let entities = "<!DOCTYPE x [<!ENTITY a 'b'>]><STIX_Package>&a;</STIX_Package>";
    assert!(refusal(&folder.write("entities.xml", entities)).contains("DOCTYPE"));
    assert!(refusal(&folder.write("d/page.json", "<!doctype html><html>")).contains("HTML"));
    assert!(refusal(&folder.write("d/pic.txt", b"\x89PNG\r\n\x1a\n\0\0")).contains("PNG"));
    assert!(
        refusal(&folder.write("d/misp.json", r#"{"Event":{}}"#))
            .contains("not STIX: a JSON object with the keys Event")
    );
    assert!(refusal(&folder.source("none.json")).contains("no such file"));
    folder.write("d/notes.txt", "These are notes.\nNothing to see here.\n");
    folder.write("d/README.md", "evil.org\n");
    folder.write("d/list.txt", "evil.com\n");
    let loaded = loaded(&[folder.source("d")]);
    assert_eq!(&*loaded.feeds[0], "d");
    let report = &loaded.reports[0];
    assert_eq!((report.received, report.used, report.warnings.len()), (1, 1, 6), "{report:?}");
    assert!(report.warnings.iter().any(|w| w.contains("one.xml: skipped: a TAXII 1")), "{report:?}");
}

#[test]
fn a_missing_feed_is_told_before_others_are_read() {
    let folder = Folder::new();
    let good = folder.write("good.txt", "evil.com\n");
    let none = folder.source("none.txt");
    assert!(load(&[good, none]).is_err());
}

#[test]
fn broken_objects_give_one_message() {
    let folder = Folder::new();
    let feed = folder.write("f.json", format!("{}\n{{\"type\":}}\n{{\"type\":}}\n", indicator("")));
    let report = loaded(&[feed]).reports.remove(0);
    assert_eq!(report.used, 1);
    assert!(report.warnings[0].starts_with("2 broken (2 bad-json)"), "{:?}", report.warnings);
}

fn stix_1(inner: &str) -> String {
    format!(
        "<stix:STIX_Package xmlns:stix='http://stix.mitre.org/stix-1' version='1.2'>{inner}</stix:STIX_Package>"
    )
}

fn stix_1_address(id: &str, value: &str) -> String {
    format!(
        "<Observable id='{id}'><Object><Properties xsi:type='A:AddressObjectType'><Address_Value>{value}</Address_Value></Properties></Object></Observable>"
    )
}

#[test]
fn stix_1_joins_across_documents() {
    let indicator = "<Indicator id='a:i'><Observable idref='a:o'/><Indicated_TTP><TTP idref='a:t'/></Indicated_TTP><Related_Campaigns><Related_Campaign><Campaign idref='a:c'/></Related_Campaign></Related_Campaigns></Indicator><Indicator id='a:lost'><Observable idref='a:nothing'/></Indicator>";
    let ttp = "<TTP id='a:t'><Title>T</Title><Behavior><Malware><Malware_Instance><Name>PIVY</Name></Malware_Instance><Malware_Instance><Title>Other</Title></Malware_Instance></Malware></Behavior><Related_TTPs><Related_TTP><TTP idref='a:u'/></Related_TTP></Related_TTPs></TTP><TTP id='a:u'><Title>Spear phishing</Title></TTP>";
    let campaign = "<Campaign id='a:c'><Title>Storm</Title><Attribution><Attributed_Threat_Actor><Threat_Actor idref='a:ta'/></Attributed_Threat_Actor></Attribution></Campaign><Threat_Actor id='a:ta'><Identity><Name>Mallory</Name></Identity></Threat_Actor>";
    let observables = [stix_1_address("a:o", "198.51.100.1"), stix_1_address("a:p", "198.51.100.2")].concat();
    let parts = [indicator, ttp, campaign, &observables];
    let expected = [
        (ThreatKind::Malware, "Other"),
        (ThreatKind::Malware, "PIVY"),
        (ThreatKind::Actor, "Mallory"),
        (ThreatKind::Campaign, "Storm"),
        (ThreatKind::AttackPattern, "Spear phishing"),
    ];
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]] {
        let folder = Folder::new();
        for (n, part) in order.iter().enumerate() {
            folder.write(&format!("d/{n}.xml"), stix_1(parts[*part]));
        }
        let loaded = loaded(&[folder.source("d")]);
        assert_eq!(loaded.indicators.len(), 1);
        let found = &loaded.indicators[0];
        assert_eq!(found.values[0].0.to_string(), "198.51.100.1");
        let threats: Vec<_> = found.context.threats.iter().map(|(kind, name)| (*kind, &**name)).collect();
        assert_eq!(threats, expected);
        let report = &loaded.reports[0];
        let skipped: Vec<_> = report.skipped.iter().map(|(reason, count, _)| (*reason, *count)).collect();
        assert_eq!(skipped, [("no-indicator", 1), ("unresolved-reference", 1)]);
        assert_eq!((report.received, report.context_objects), (8, 5));
    }
}

#[test]
fn stix_1_relations_of_older_indicators_count_as_well() {
    let folder = Folder::new();
    let indicator = |number: u32, time: &str, threat: &str| {
        format!(
            "<Indicator id='e:i-{number}' timestamp='{time}'><Observable><Object>\
             <Properties xsi:type='D:DomainNameObjectType'><Value>{threat}{number}.com</Value></Properties></Object></Observable>\
             <Indicated_TTP><TTP idref='e:{threat}'/></Indicated_TTP></Indicator>"
        )
    };
    let threat = |name: &str| format!("<TTP id='e:{name}'><Title>{name}</Title></TTP>");
    let inner = [
        threat("old"),
        threat("new"),
        indicator(1, "2020-01-01T00:00:00Z", "old"),
        indicator(2, "2024-01-01T00:00:00Z", "new"),
        indicator(3, "2022-01-01T00:00:00Z", "old"),
    ];
    let package = format!(
        "<STIX_Package xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' version='1.2'>{}</STIX_Package>",
        inner.concat()
    );
    let loaded = loaded(&[folder.write("a.xml", package)]);
    let names: Vec<_> = loaded.indicators.iter().map(|one| one.context.threats.clone()).collect();
    let named = |name: &str| vec![(ThreatKind::AttackPattern, name.into())];
    assert_eq!(names, [named("old"), named("new"), named("old")]);
}

/// What has no id has no versions: to revoke such a relation says nothing about those of another document.
#[test]
fn revoking_a_relation_without_an_id_revokes_no_other() {
    let folder = Folder::new();
    let package = "<STIX_Package xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' version='1.2'>\
                   <TTP id='e:t'><Title>T</Title></TTP><Indicator id='e:i' timestamp='2020-01-01T00:00:00Z'><Observable><Object>\
                   <Properties xsi:type='D:DomainNameObjectType'><Value>evil.com</Value></Properties></Object></Observable>\
                   <Indicated_TTP><TTP idref='e:t'/></Indicated_TTP></Indicator></STIX_Package>";
    let revoked = r#"{"type":"relationship","id":"","modified":"2024-01-01T00:00:00Z","revoked":true,
                      "relationship_type":"indicates","source_ref":"indicator--1","target_ref":"malware--1"}"#;
    let other = [indicator("").as_str(), revoked].join("\n");
    let loaded = loaded(&[folder.write("a.xml", package), folder.write("b.json", other)]);
    let of_first = loaded.indicators.iter().find(|indicator| indicator.feed == 0).unwrap();
    assert_eq!(of_first.context.threats, [(ThreatKind::AttackPattern, "T".into())]);
}

#[test]
fn stix_1_observables_without_an_indicator_are_used_when_asked_for() {
    let folder = Folder::new();
    let both = "<Observable id='a:and'><Observable_Composition operator='AND'><Observable idref='a:x'/><Observable idref='a:y'/></Observable_Composition></Observable>";
    let observables = [
        stix_1_address("a:o", "198.51.100.1"),
        stix_1_address("a:p", "198.51.100.2"),
        // parts of an AND are none on their own, wherever they stand
        stix_1_address("a:x", "198.51.100.3"),
        stix_1_address("a:y", "198.51.100.4"),
        both.to_owned(),
        stix_1_address("a:bad", "nonsense"),
        stix_1_address("a:p", "198.51.100.2"),
    ];
    let marking = "<STIX_Header><Handling><Marking><Marking_Structure color='AMBER'/></Marking></Handling></STIX_Header>";
    let indicator = "<Indicator id='a:i'><Observable idref='a:o'/></Indicator>";
    let source = folder.write("f.xml", stix_1(&format!("{marking}{indicator}{}", observables.concat())));
    let load = |observables| {
        let mut indicators = Vec::new();
        let sources = std::slice::from_ref(&source);
        let mut take = |indicator| indicators.push(indicator);
        let options = Options { observables };
        let (mut reports, waiting) = load_each(sources, options, &mut |_| (), &mut take).unwrap();
        let report = reports.remove(0);
        let skipped: u64 = report.skipped.iter().map(|(_, count, _)| count).sum();
        assert_eq!(report.received, report.used + report.context_objects + skipped, "{report:?}");
        let values: Vec<_> = indicators.iter().map(|found| found.values[0].0.to_string()).collect();
        assert!(indicators.iter().all(|found| found.tlp == Some(Tlp::Amber)));
        let mut rows: Vec<_> = report.skipped.iter().map(|(reason, count, _)| (*reason, *count)).collect();
        rows.sort_unstable();
        (values, rows, report.context_objects, waiting.len())
    };
    assert_eq!(load(false), (vec!["198.51.100.1".to_owned()], vec![("no-indicator", 6)], 1, 0));
    let skipped = vec![("bad-value", 1), ("duplicate", 1), ("not-yet-matched:and", 1)];
    assert_eq!(load(true), (vec!["198.51.100.1".to_owned(), "198.51.100.2".to_owned()], skipped, 3, 1));
    let alone = folder.write("g.xml", stix_1(&observables.concat()));
    let report = loaded(&[alone]).reports.remove(0);
    assert!(report.warnings[0].contains("of its 7 observables"), "{:?}", report.warnings);
}

#[test]
fn messages_of_taxii_1_are_read_by_their_blocks() {
    let folder = Folder::new();
    let package = |n: u8| {
        stix_1(&format!(
            "<Indicator id='a:{n}'>{}</Indicator>",
            stix_1_address("a:o", &format!("198.51.100.{n}"))
        ))
    };
    let hex = |text: &str| {
        let digits = text.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        format!("\\x{digits}")
    };
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let block = |binding: &str, content: &str| {
        format!(
            "<t:Content_Block><t:Content_Binding binding_id='{binding}'/><t:Content>{content}</t:Content><t:Padding>x</t:Padding></t:Content_Block>"
        )
    };
    let bundle = indicator("").replace("evil", "json");
    let blocks = [
        block("urn:stix.mitre.org:xml:1.2", &package(1)),
        block("urn:stix.mitre.org:xml:1.2", &escaped(&package(2))),
        block("urn:stix.mitre.org:xml:1.2", &format!("<![CDATA[{}]]>", package(3))),
        block("urn:stix.mitre.org:xml:1.2", &hex(&package(4))),
        block("urn:stix.mitre.org:xml:1.2", &escaped(&escaped(&package(5)))),
        block(
            "urn:stix.mitre.org:xml:1.2",
            "PHN0aXg6U1RJWF9QYWNrYWdlIHhtbG5zOnN0aXg9Imh0dHA6Ly9zdGl4Lm1pdHJlLm9y\nZy9zdGl4LTEiPjxzdGl4OkluZGljYXRvciBpZD0iYTo2Ii8+PC9zdGl4OlNUSVhfUGFj\na2FnZT4=",
        ),
        block("urn:stix.mitre.org:json:2.1", &bundle),
        block("urn:oasis:names:tc:emergency:cap:1.1", "<alert><status/></alert>"),
        block("http://www.w3.org/2001/04/xmlenc#", "<x:EncryptedData/>"),
        block("application/x-pkcs7-mime", "TUlNRQ=="),
        block("urn:stix.mitre.org:xml:1.2", "no document"),
    ];
    let message = format!(
        "<t:Poll_Response xmlns:t='http://taxii.mitre.org/messages/taxii_xml_binding-1.1' more='true'><t:Message>x</t:Message>{}</t:Poll_Response>",
        blocks.concat()
    );
    for file in [message.clone(), hex(&message), escaped(&message)] {
        let loaded = loaded(&[folder.write("poll.xml", file)]);
        let report = &loaded.reports[0];
        let mut rows: Vec<_> = report.skipped.iter().map(|(reason, count, _)| (*reason, *count)).collect();
        rows.sort_unstable();
        assert_eq!(rows, [("encrypted", 2), ("no-observable", 1), ("not-stix", 2)], "{report:?}");
        assert_eq!((report.received, report.used), (11, 6), "{report:?}");
        assert!(report.warnings.iter().any(|warning| warning.contains("a part of the answer")), "{report:?}");
        assert!(report.skipped.iter().any(|(.., examples)| examples[0].contains("content block 8: alert")));
    }
}

/// A sighting, note or opinion on [`A`].
fn remark(kind: &str, number: u32, modified: &str, more: &str) -> String {
    format!(
        r#"{{"type":"{kind}","id":"{kind}--00000000-0000-4000-8000-{number:012}","modified":"{modified}T00:00:00Z","sighting_of_ref":"{A}","object_refs":["{A}"]{more}}}"#
    )
}

#[test]
fn remarks_join_across_files_and_feeds_and_the_newest_version_counts() {
    let folder = Folder::new();
    let parts = [
        indicator(""),
        remark("sighting", 1, "2020-01-01", r#","count":3,"last_seen":"2020-01-05T00:00:00Z""#),
        remark("sighting", 1, "2020-01-02", r#","count":4,"last_seen":"2020-01-06T00:00:00Z""#),
        remark("sighting", 2, "2020-01-01", r#","count":-1"#),
        remark("sighting", 3, "2020-01-01", r#","count":50"#),
        remark("sighting", 3, "2020-01-02", r#","revoked":true"#),
        remark("note", 1, "2020-01-01", r#","content":"old""#),
        remark("note", 1, "2020-01-02", r#","content":"new""#),
        remark("note", 2, "2020-01-03", r#","content":" ","abstract":3"#),
        remark("opinion", 1, "2020-01-01", r#","opinion":"agree""#),
        remark("opinion", 2, "2020-01-01", r#","opinion":"disagree""#),
        remark("opinion", 2, "2020-01-01", r#","opinion":"disagree","revoked":true"#),
        remark("opinion", 3, "2020-01-01", r#","opinion":["agree"]"#),
    ];
    for turn in 0..parts.len() {
        let mut sources = Vec::new();
        for (number, part) in parts.iter().enumerate() {
            let at = (number + turn) % parts.len();
            let name = if number % 2 == 0 { format!("one/{at:02}.json") } else { format!("f{at:02}.json") };
            sources.push(folder.write(&name, part));
        }
        sources.sort_by(|a, b| a.path.cmp(&b.path));
        sources.retain(|source| !source.path.starts_with(folder.path("one")));
        sources.push(folder.source("one"));
        let loaded = loaded(&sources);
        assert_eq!(loaded.indicators.len(), 1);
        let remarks = loaded.indicators[0].context.remarks.as_deref().unwrap();
        let last_seen = Timestamp::parse("2020-01-06T00:00:00Z");
        assert_eq!(remarks.sightings, Some(Sightings { count: 5, last_seen }));
        assert_eq!(remarks.notes, ["new".into()]);
        assert_eq!(remarks.opinions, [0, 0, 0, 1, 0]);
        fs::remove_dir_all(folder.path("one")).unwrap();
    }
}

#[test]
fn of_a_relation_the_newest_version_counts_wherever_it_stands() {
    let folder = Folder::new();
    let newer = relation(1, "indicates", A, "malware--2", "").replace("2020-01-01", "2021-01-01");
    let malware = |n: u32| format!(r#"{{"type":"malware","id":"malware--{n}","name":"M{n}"}}"#);
    let parts = [indicator(""), malware(1), malware(2), relation(1, "indicates", A, "malware--1", ""), newer];
    for turn in 0..parts.len() {
        for (number, part) in parts.iter().enumerate() {
            folder.write(&format!("feed/{}.json", (number + turn) % parts.len()), part);
        }
        let loaded = loaded(&[folder.source("feed")]);
        assert_eq!(loaded.indicators[0].context.threats, [(ThreatKind::Malware, "M2".into())]);
    }
}

#[test]
fn statements_and_granular_markings_join_across_files() {
    let folder = Folder::new();
    let marking = r#"{"type":"marking-definition","id":"marking-definition--1","definition_type":"statement","definition":{"statement":" Ours "}}"#;
    let second = r#"{"type":"marking-definition","id":"marking-definition--2","definition_type":"tlp","definition":{"tlp":"red"}}"#;
    folder.write("feed/1.json", [second, marking].join("\n"));
    folder.write(
        "feed/2.json",
        indicator(
            r#","object_marking_refs":["marking-definition--1","marking-definition--3"],"granular_markings":[{"marking_ref":"marking-definition--2","selectors":["pattern"]},{"lang":"de","selectors":["name"]},7]"#,
        ),
    );
    let loaded = loaded(&[folder.source("feed")]);
    let found = &loaded.indicators[0];
    assert_eq!(found.tlp, Some(Tlp::Red));
    assert_eq!(found.context.remarks.as_deref().unwrap().statements, ["Ours".into()]);
    let survey = &loaded.reports[0].files[1].survey;
    assert_eq!((survey.marked, survey.marked_in_part, survey.marked_patterns), (1, 1, 1));
    assert_eq!(survey.used.statements, [("Ours".into(), 1)]);
}

#[test]
fn each_file_has_its_own_account() {
    let folder = Folder::new();
    let newer = |more: &str| indicator(&format!(r#","modified":"2022-01-01T00:00:00Z"{more}"#));
    folder.write("feed/1.json", indicator(""));
    folder.write("feed/2.txt", "evil.com\nevil.com\n1.2.3.4,\n");
    folder.write("feed/3.json", [newer(""), newer(r#","revoked":true"#), "{!".to_owned()].join("\n"));
    folder.write("feed/4.json", r#"{"some":"thing","else":[]}"#);
    folder.write("feed/5.json", r#"{"type":"malware","id":"malware--1","name":"M","x_one":1,"x_two":{}}"#);
    let loaded = loaded(&[folder.source("feed")]);
    let told: Vec<_> = loaded.reports[0]
        .files
        .iter()
        .map(|file| {
            let tally = &file.tally;
            let [used, received] = [file.survey.used.indicators, tally.received];
            let others = tally.kept.total() + tally.context_total() + tally.skipped.total();
            assert_eq!(received, used + others, "{file:?}");
            let mut skipped: Vec<_> = tally.skipped.counts().iter().map(|count| count.reason).collect();
            skipped.sort_unstable();
            (received, used, skipped.join(" "), file.refused.is_some())
        })
        .collect();
    let row = |received, used, skipped: &str, refused| (received, used, skipped.to_owned(), refused);
    assert_eq!(
        told,
        [
            row(1, 0, "older-version", false),
            row(3, 2, "duplicate", false),
            row(3, 0, "bad-json duplicate revoked", false),
            row(0, 0, "", true),
            row(1, 0, "", false),
        ]
    );
    let last = &loaded.reports[0].files[4].survey;
    assert_eq!(last.custom_properties, [("x_one".into(), 1), ("x_two".into(), 1)]);
}

#[test]
fn going_on_after_a_feed_that_is_refused() {
    let folder = Folder::new();
    let sources =
        [folder.source("missing.json"), folder.write("a.pdf", "%PDF-"), folder.write("b.txt", "evil.com")];
    let scale = Scale { now: Timestamp(0), refuses: &|_| None };
    let terms = Terms { options: Options::default(), scale, keep_going: true };
    let mut count = 0;
    let (reports, _) = load_by(&sources, terms, &mut |_| (), &mut |_| count += 1).unwrap();
    assert_eq!(count, 1);
    let files: Vec<_> = reports.iter().map(|report| &report.files[..]).collect();
    assert!(files.iter().all(|files| files.len() == 1), "{files:?}");
    assert!(files[0][0].refused.as_deref().unwrap().contains("no such file"));
    assert!(files[1][0].refused.as_deref().unwrap().contains("PDF"));
    assert_eq!((files[2][0].refused.as_deref(), files[2][0].survey.used.indicators), (None, 1));
}
