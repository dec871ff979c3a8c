//! Tests of the walk.

use super::*;
use crate::engine::event::child::children;

fn walk(raw: &str) -> Option<Vec<(String, String, Role)>> {
    let mut walk = Walk::default();
    let raw = raw.as_bytes();
    walk.event(raw, Keep::Scalars)?;
    Some(
        walk.pieces()
            .iter()
            .map(|p| {
                let text = decoded(&raw[p.start..p.end], p.escaped);
                (walk.path(raw, p.node).text, text, p.role)
            })
            .collect(),
    )
}

#[test]
fn strings_have_their_dotted_paths() {
    let found =
        walk(r#"{"a":{"b.c":["x.y",{"d":"1.2.3.4"}],"e":-1.5e+3},"k.ey":"","f":[[],{},[null]]}"#).unwrap();
    let at =
        |path: &str| found.iter().find(|(p, _, r)| p == path && *r != Role::Key).map(|(_, t, _)| t.as_str());
    assert_eq!(at("a.b.c.0"), Some("x.y"));
    assert_eq!(at("a.b.c.1.d"), Some("1.2.3.4"));
    assert_eq!(at("a.e"), Some("-1.5e+3"));
    assert_eq!(at("k.ey"), Some(""));
    assert_eq!(at("f.2.0"), Some("null"));
    let keys: Vec<_> =
        found.iter().filter(|(_, _, r)| *r == Role::Key).map(|(p, t, _)| (p.as_str(), t.as_str())).collect();
    assert_eq!(keys, [("a.b.c", "b.c"), ("k.ey", "k.ey")], "a key stands at its own path");
}

#[test]
fn escapes_are_undone_once() {
    let found = walk(r#"{"m":"a\/b\n\t\"\\n\u002e\u00e9\ud83d\ude00\ud83d x\ude00"}"#).unwrap();
    assert_eq!(found[0].1, "a/b\n\t\"\\n.\u{e9}\u{1f600}\u{fffd} x\u{fffd}");
}

#[test]
fn only_one_complete_object_is_an_event() {
    for good in [
        "{}",
        " {\r\n\t} \n",
        "\u{feff}{}",
        "\u{feff} {\"a\":1} ",
        r#"{"a":[1,-0,0.5,1E5,true,false,null,"",{}]}"#,
        "{\"a\":\"\u{7f}\"}",
    ] {
        assert!(walk(good).is_some(), "{good:?}");
    }
    for bad in [
        "",
        " ",
        "[]",
        "\"a\"",
        "1",
        "null",
        "{}{}",
        "{} x",
        "{",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{a:1}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":+1}",
        "{\"a\":1e}",
        "{\"a\":-}",
        "{\"a\":NaN}",
        "{\"a\":tru}",
        "{\"a\":truee}",
        "{\"a\":\"\t\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"b}",
        "{\"a\":[1,]}",
        "{\"a\":[1}",
        "{\"a\":{]}",
        "{\"a\":1]",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        " \u{feff}{}",
        "{\"a\":\"\u{1}\"}",
        "{}\0",
        "\u{feff}\u{feff}{}",
    ] {
        assert!(walk(bad).is_none(), "{bad:?}");
    }
    let mut walk = Walk::default();
    assert_eq!(walk.event(b"{\"a\":\"\xff\"}", Keep::Strings), None, "not UTF-8");
    assert_eq!(walk.event(b" {\"a\":1} ", Keep::Strings), Some(1..8));
}

#[test]
fn agrees_with_another_parser() {
    let pieces =
        ["{", "}", "[", "]", ",", ":", "\"a\"", "\"\\u00\"", "1", "-", "0", ".", "e", "null", " ", "\""];
    let mut seed = 7u64;
    let mut seen = [0; 2];
    for _ in 0..20_000 {
        let mut text = String::from("{\"k\":");
        for _ in 0..=seed >> 62 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push_str(pieces[(seed >> 33) as usize % pieces.len()]);
        }
        text.push('}');
        let theirs = serde_json::from_str::<serde_json::Value>(&text).is_ok();
        assert_eq!(walk(&text).is_some(), theirs, "{text}");
        seen[usize::from(theirs)] += 1;
    }
    assert!(seen[0] > 100 && seen[1] > 100, "{seen:?}");
}

#[test]
fn depth_costs_no_stack() {
    let deep = format!("{{\"a\":{}\"x.y\"{}}}", "[".repeat(200_000), "]".repeat(200_000));
    let mut walk = Walk::default();
    assert!(walk.event(deep.as_bytes(), Keep::Strings).is_some());
    assert_eq!(walk.pieces().len(), 1);
    assert!(walk.event(&deep.as_bytes()[..deep.len() - 2], Keep::Strings).is_none());
}

#[test]
fn only_the_way_to_a_string_costs_memory() {
    let raw =
        format!(r#"{{"a":[{}{{"b":[[1],"x.y",{{}}]}}],"c":[1]}}"#, r#"[],[0],{},{"z":[[]]},"#.repeat(100));
    let mut walk = Walk::default();
    walk.event(raw.as_bytes(), Keep::Strings).unwrap();
    assert_eq!(walk.nodes.len(), 4, "a, 400, b, 1");
    let piece = walk.pieces()[0];
    assert_eq!(walk.path(raw.as_bytes(), piece.node).text, "a.400.b.1");
    assert_eq!(walk.innermost_key(raw.as_bytes(), piece.node), "b");
    let many = format!(
        r#"{{{}"d":{}"x.y"{}}}"#,
        r#""threat":1,"#.repeat(40_000),
        "[".repeat(40_000),
        "]".repeat(40_000)
    );
    walk.event(many.as_bytes(), Keep::Strings).unwrap();
    assert_eq!(walk.innermost_key(many.as_bytes(), walk.pieces()[0].node), "d", "in one step");
    let of_piece = walk.nodes[walk.pieces()[0].node as usize];
    assert!(matches!(walk.nodes[of_piece.key as usize].step, Step::Key { .. }));
    walk.event(&many.as_bytes()[..many.len() / 2], Keep::Strings);
    walk.shrink();
    let kept =
        [walk.members.capacity(), walk.frames.capacity(), walk.nodes.capacity(), walk.pieces.capacity()];
    assert!(kept.iter().all(|&n| n <= 1 << 14), "{kept:?}");
}

#[test]
fn a_long_key_is_not_decoded_for_a_short_path() {
    let raw = format!(r#"{{"\u0074{}":{{"t":1}},"\u0074s":{{"\u0074":2}}}}"#, r"\u0073".repeat(1_000));
    let mut walk = Walk::default();
    walk.event(raw.as_bytes(), Keep::Scalars).unwrap();
    let found =
        |path| walk.find(raw.as_bytes(), path).and_then(|p| raw.get(p.start..p.end)).map(str::to_owned);
    assert_eq!([found("ts.t"), found("s.t"), found("tss.t")], [Some("2".into()), None, None]);
    assert_eq!(found(&format!("t{}.t", "s".repeat(1_000))), Some("1".into()));
    // were it decoded for each value, this would take an hour
    let many = format!(r#"{{"{}":{{{}"t":2}}}}"#, r"\u0073".repeat(200_000), r#""t":1,"#.repeat(200_000));
    walk.event(many.as_bytes(), Keep::Scalars).unwrap();
    assert_eq!(walk.find(many.as_bytes(), "s.t"), None);
}

#[test]
fn strings_that_can_hold_nothing_are_left_out() {
    let raw = br#"{"proto":"tcp","n":1,"q":"a.b","h":"0123456789abcdef0123456789abcdef","e":"\u0041"}"#;
    let mut walk = Walk::default();
    walk.event(raw, Keep::Strings).unwrap();
    let kept: Vec<_> = walk.pieces().iter().map(|p| walk.path(raw, p.node).text).collect();
    assert_eq!(kept, ["q", "h", "e"]);
}

#[test]
fn siblings_and_paths_find_scalars() {
    let raw = br#"{"a":{"ip":"1.2.3.4","port":80},"b":{"port":"x","p\u006frt":443,"ip":"1.2.3.4"},"ts":1.5}"#;
    let mut walk = Walk::default();
    walk.event(raw, Keep::Scalars).unwrap();
    let ip = walk.pieces().iter().filter(|p| raw[p.start..p.end] == *b"1.2.3.4").nth(1).unwrap();
    let (object, key) = walk.member(raw, ip.node).unwrap();
    assert_eq!(key, "ip");
    let beside =
        |p: &&Piece| p.role != Role::Key && walk.member(raw, p.node).is_some_and(|(o, _)| o == object);
    let members: Vec<_> = walk.pieces().iter().filter(beside).map(|p| &raw[p.start..p.end]).collect();
    assert_eq!(members, [&b"x"[..], b"443", b"1.2.3.4"]);
    assert_eq!(walk.find(raw, "a.port").map(|p| &raw[p.start..p.end]), Some(&b"80"[..]));
    assert_eq!(walk.find(raw, "ts").map(|p| &raw[p.start..p.end]), Some(&b"1.5"[..]));
    assert_eq!(walk.find(raw, "port"), None);
    assert_eq!(walk.find(raw, "xa.port"), None);
}

#[test]
fn members_and_children_are_where_they_are() {
    let raw = br#"{ "threat" : {"x":[1, "a"]} , "t\u0061xiway":[], "threat":3 }"#;
    let mut walk = Walk::default();
    walk.event(raw, Keep::Strings).unwrap();
    let noted: Vec<_> = walk.members().iter().map(|m| (m.key, &raw[m.value.clone()])).collect();
    assert_eq!(noted, [("threat", &br#"{"x":[1, "a"]}"#[..]), ("taxiway", b"[]"), ("threat", b"3")]);
    let inner = children(raw, walk.members()[0].value.clone());
    assert_eq!(inner[0].key.as_deref(), Some("x"));
    let items: Vec<_> =
        children(raw, inner[0].value.clone()).iter().map(|c| raw[c.value.clone()].to_vec()).collect();
    assert_eq!(items, [b"1".to_vec(), b"\"a\"".to_vec()]);
    assert_eq!(children(raw, walk.members()[2].value.clone()), []);
    assert_eq!(children(b"[ ]", 0..3), []);
    assert_eq!(children(b"{}", 0..2), []);
}

#[test]
fn paths_are_bounded() {
    let deep = format!("{}\"x\":\"a.b\"{}", "{\"k\":".repeat(9_000) + "{", "}".repeat(9_001));
    let mut walk = Walk::default();
    walk.event(deep.as_bytes(), Keep::Strings).unwrap();
    let path = walk.path(deep.as_bytes(), walk.pieces()[0].node).text;
    assert!(
        path.starts_with("….k.k.") && path.ends_with(".k.x") && path.len() < PATH_MAX + 64,
        "{}",
        path.len()
    );
    let wide = format!("{{\"{}\":\"a.b\"}}", "\\u0041\\n".repeat(2_000));
    walk.event(wide.as_bytes(), Keep::Strings).unwrap();
    let path = walk.path(wide.as_bytes(), walk.pieces()[1].node).text;
    assert!(
        path.starts_with("A\nA\n") && path.len() <= PATH_MAX && path.trim_matches(['A', '\n']).is_empty()
    );
}
