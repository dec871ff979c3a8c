//! The tag of the preset `ecs` uses published names only.
//!
//! `tests/corpus/ecs-threat-fields.txt` has the names. What ECS has no field for stands under `taxiway`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value as Json;

use crate::program::{self, Program};

#[test]
fn every_field_of_the_tag_is_published() {
    let published = published();
    assert!(published.contains("threat.enrichments.matched.atomic"));
    let mut used = BTreeSet::new();
    for event in tagged_events() {
        fields("threat.enrichments", event.pointer("/threat/enrichments").unwrap(), &mut used);
    }
    let unknown: Vec<&String> = used.difference(&published).collect();
    assert!(unknown.is_empty(), "not published by ECS: {unknown:?}");
    for wanted in [
        "indicator.type",
        "indicator.ip",
        "indicator.url.full",
        "indicator.email.address",
        "indicator.file.hash.sha256",
        "indicator.provider",
        "indicator.confidence",
        "indicator.marking.tlp",
        "matched.atomic",
        "matched.field",
        "matched.id",
        "matched.index",
        "matched.type",
    ] {
        assert!(used.contains(&format!("threat.enrichments.{wanted}")), "{wanted} is never written");
    }
}

#[test]
fn values_that_ecs_enumerates_are_of_its_lists() {
    const TYPES: [&str; 6] = ["domain-name", "email-addr", "file", "ipv4-addr", "ipv6-addr", "url"];
    const CONFIDENCES: [&str; 5] = ["Not Specified", "None", "Low", "Medium", "High"];
    const TLPS: [&str; 6] = ["WHITE", "CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED"];
    let mut seen = 0;
    for event in tagged_events() {
        for element in event.pointer("/threat/enrichments").unwrap().as_array().unwrap() {
            for (pointer, list) in [
                ("/indicator/type", &TYPES[..]),
                ("/indicator/confidence", &CONFIDENCES[..]),
                ("/indicator/marking/tlp", &TLPS[..]),
            ] {
                if let Some(value) = element.pointer(pointer) {
                    assert!(list.contains(&value.as_str().unwrap()), "{pointer} {value}");
                    seen += 1;
                }
            }
            // fields of the type `ip` hold addresses and nothing else
            for pointer in ["/indicator/ip"] {
                if let Some(value) = element.pointer(pointer) {
                    assert!(value.as_str().unwrap().parse::<std::net::IpAddr>().is_ok(), "{value}");
                }
            }
        }
    }
    assert!(seen > 10);
}

#[test]
fn an_unpublished_field_would_be_noticed() {
    let mut used = BTreeSet::new();
    let element = serde_json::json!([{"indicator": {"colour": "red"}, "taxiway": {"actor": "x"}}]);
    fields("threat.enrichments", &element, &mut used);
    assert_eq!(used.into_iter().collect::<Vec<_>>(), ["threat.enrichments.indicator.colour"]);
}

fn published() -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/ecs-threat-fields.txt");
    let text = fs::read_to_string(path).unwrap();
    text.lines().filter(|l| !l.starts_with('#')).map(str::to_owned).collect()
}

/// Dotted names of all leaves, array steps left out, without the object `taxiway` of an element.
fn fields(path: &str, json: &Json, used: &mut BTreeSet<String>) {
    match json {
        Json::Object(members) => {
            for (key, value) in members {
                if !(path == "threat.enrichments" && key == "taxiway") {
                    fields(&format!("{path}.{key}"), value, used);
                }
            }
        }
        Json::Array(elements) => elements.iter().for_each(|e| fields(path, e, used)),
        _ => {
            used.insert(path.to_owned());
        }
    }
}

/// Events with one hit of every kind, by indicators that say all that can be said.
fn tagged_events() -> Vec<Json> {
    let program = Program::new();
    let sha256 = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
    let sha512 = format!("{sha256}{sha256}");
    let patterns = [
        "[ipv4-addr:value = '192.0.2.1']".to_owned(),
        "[ipv6-addr:value = '2001:db8::1']".to_owned(),
        "[ipv4-addr:value = '192.0.2.0/24']".to_owned(),
        "[domain-name:value = 'evil.example']".to_owned(),
        "[url:value = 'http://evil.example/a']".to_owned(),
        "[email-addr:value = 'bad@evil.example']".to_owned(),
        "[file:hashes.MD5 = '0cc175b9c0f1b6a831c399e269772661']".to_owned(),
        "[file:hashes.'SHA-1' = '86f7e437faa5a7fce15d1ddcb9eaeaea377667b8' AND file:name = 'x']".to_owned(),
        format!("[file:hashes.'SHA-256' = '{sha256}']"),
        format!("[file:hashes.'SHA-512' = '{sha512}']"),
    ];
    let mut objects: Vec<Json> = Vec::new();
    for (number, pattern) in patterns.iter().enumerate() {
        let id = format!("indicator--00000000-0000-4000-8000-{number:012}");
        objects.push(serde_json::json!({
            "type": "indicator", "spec_version": "2.1", "id": id, "pattern": pattern, "pattern_type": "stix",
            "created": "2024-01-01T00:00:00Z", "modified": "2024-01-02T00:00:00Z",
            "valid_from": "2024-01-01T00:00:00Z", "name": "a name", "description": "a description",
            "indicator_types": ["malicious-activity"], "labels": ["x"], "confidence": number * 11,
            "kill_chain_phases": [{"kill_chain_name": "k", "phase_name": "p"}],
            "external_references": [{"source_name": "s", "url": "https://x.example/r"}],
            "object_marking_refs": ["marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"],
        }));
        objects.push(serde_json::json!({
            "type": "relationship", "spec_version": "2.1", "relationship_type": "indicates",
            "id": format!("relationship--00000000-0000-4000-8000-{number:012}"),
            "created": "2024-01-01T00:00:00Z", "modified": "2024-01-01T00:00:00Z",
            "source_ref": id, "target_ref": "malware--00000000-0000-4000-8000-000000000000",
        }));
    }
    objects.push(serde_json::json!({
        "type": "malware", "spec_version": "2.1", "id": "malware--00000000-0000-4000-8000-000000000000",
        "created": "2024-01-01T00:00:00Z", "modified": "2024-01-01T00:00:00Z", "name": "Nasty", "is_family": true,
    }));
    let bundle = serde_json::json!({
        "type": "bundle", "id": "bundle--00000000-0000-4000-8000-000000000000", "objects": objects,
    });
    program.write("feed.json", bundle.to_string());
    program.write("list.csv", "type,value,name,confidence\nip-port,192.0.2.1:443,Other,80\n");
    let input = format!(
        "{{\"a\":\"192.0.2.1:443 2001:db8::1\",\"b\":\"http://evil.example/a bad@evil.example\"}}\n\
         {{\"a\":\"0cc175b9c0f1b6a831c399e269772661 86f7e437faa5a7fce15d1ddcb9eaeaea377667b8 {sha256} {sha512}\"}}\n"
    );
    let arguments = ["filter", "--quiet", "--preset", "ecs", "--intel", "feed.json", "--intel", "list.csv"];
    let output = program.run(&arguments, input);
    assert_eq!(program::code(&output), 0, "{}", program::stderr(&output));
    let lines = program::stdout(&output);
    let events: Vec<Json> = lines.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(events.len(), 2);
    events
}
