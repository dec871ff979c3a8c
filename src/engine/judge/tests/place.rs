//! What a tag holds and where it goes.

use super::*;

#[test]
fn the_whole_tag_of_ecs() {
    let snapshot = snapshot(&["one"], [full()]);
    let version = snapshot.version().to_owned();
    let mut court = Court::new(vec![snapshot]);
    let (at, tag) = court.tag(r#"{"q":"www.evil.example"}"#).unwrap();
    assert_eq!(at, 23);
    let expected = r#","threat":{"enrichments":[{"indicator":{"type":"domain-name","url":{"domain":"evil.example"},"name":"Bad \"thing\"","description":"Line one\nline two","reference":"https://a.example/1","sightings":7,"last_seen":"1970-01-01T00:00:00Z","provider":"one","confidence":"High","marking":{"tlp":"AMBER+STRICT"}},"matched":{"atomic":"www.evil.example","field":"q","id":"indicator--12345678-9abc-4def-8123-456789abcdef","index":"taxiway-VERSION","type":"parent-domain"},"taxiway":{"kind":"domain","confidence":85,"labels":["c2","x"],"malware":["Poison Ivy"],"actor":["APT"],"kill_chain":["mitre/delivery"],"technique":["T1071.001"],"references":["https://a.example/2"],"valid_from":"1970-01-01T00:00:00Z","valid_until":"2100-01-01T00:00:00Z"}}]}"#;
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
