//! Reads tags back out of events: what was put in, and the hits that it tells.
//!
//! Knows the places and the two presets of docs/MATCHING.md M10, and nothing of how a tag is made.

use serde_json::Value as Json;

use crate::reference::{Hit, json_object};

/// The bytes put into one event, if taking one run of bytes away gives the input back (M10.4).
pub(crate) fn inserted<'a>(input: &[u8], output: &'a [u8]) -> Option<&'a [u8]> {
    let more = output.len().checked_sub(input.len())?;
    let front = input.iter().zip(output).take_while(|(a, b)| a == b).count();
    let (head, rest) = output.split_at_checked(front)?;
    let (tag, tail) = rest.split_at_checked(more)?;
    (head.len() + tail.len() == input.len() && input.ends_with(tail)).then_some(tag)
}

/// The hits of all tags of ours in one event (a line without its line end).
pub(crate) fn hits(event: &[u8]) -> Vec<Hit> {
    if let Some(text) = json_object(event) {
        let json: Json = serde_json::from_str(&whole_surrogates(text)).unwrap();
        let mut hits = told_by(&json);
        if let Some(second) = json.get("taxiway").filter(|t| t.get("threat").is_some()) {
            hits.extend(told_by(second));
        }
        return hits;
    }
    let text = String::from_utf8_lossy(event);
    let Some((_, tag)) = text.rsplit_once(" taxiway={") else { return Vec::new() };
    let json: Json = serde_json::from_str(&format!("{{{tag}")).unwrap_or(Json::Null);
    told_by(&json)
}

/// Halves of surrogate pairs are allowed by JSON's grammar, but not by `serde_json::Value`.
fn whole_surrogates(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let unit = |i: usize| -> Option<u32> {
        (chars.get(i) == Some(&'\\') && chars.get(i + 1) == Some(&'u')).then_some(())?;
        u32::from_str_radix(&chars.get(i + 2..i + 6)?.iter().collect::<String>(), 16).ok()
    };
    let mut whole = String::with_capacity(text.len());
    let mut i = 0;
    while i < chars.len() {
        let pair = matches!(unit(i), Some(0xd800..=0xdbff)) && matches!(unit(i + 6), Some(0xdc00..=0xdfff));
        let length = match unit(i) {
            _ if pair => 12,
            Some(0xd800..=0xdfff) => {
                whole.push('\u{fffd}');
                i += 6;
                continue;
            }
            _ if chars[i] == '\\' => 2,
            _ => 1,
        };
        whole.extend(chars.iter().skip(i).take(length));
        i += length;
    }
    whole
}

fn told_by(json: &Json) -> Vec<Hit> {
    if let Some(flat) = json.get("taxiway").filter(|t| t.get("atomic").is_some()) {
        let length = flat.get("atomic").and_then(Json::as_array).map_or(0, Vec::len);
        return (0..length).map(|i| flat_hit(flat, i)).collect();
    }
    let elements = json.pointer("/threat/enrichments").and_then(Json::as_array);
    let ours = |e: &&Json| string(e, "/matched/index").is_some_and(|i| i.starts_with("taxiway-"));
    elements.into_iter().flatten().filter(ours).map(ecs_hit).collect()
}

fn flat_hit(flat: &Json, i: usize) -> Hit {
    let column = |name: &str| string(flat, &format!("/{name}/{i}"));
    Hit {
        field: column("field").unwrap_or_default(),
        atomic: column("atomic").unwrap_or_default(),
        indicator: column("indicator").unwrap_or_default(),
        grade: column("grade").unwrap_or_default(),
        feed: column("feed").unwrap_or_default(),
        id: column("id"),
    }
}

fn ecs_hit(element: &Json) -> Hit {
    const PLACES: [&str; 8] = [
        "/indicator/url/full",
        "/indicator/email/address",
        "/indicator/file/hash/md5",
        "/indicator/file/hash/sha1",
        "/indicator/file/hash/sha256",
        "/indicator/file/hash/sha512",
        "/indicator/url/domain",
        "/taxiway/indicator",
    ];
    let port = element.pointer("/indicator/port").and_then(Json::as_u64);
    let address = string(element, "/indicator/ip").map(|ip| match port {
        Some(port) if ip.contains(':') => format!("[{ip}]:{port}"),
        Some(port) => format!("{ip}:{port}"),
        None => ip,
    });
    let listed = PLACES.iter().find_map(|p| string(element, p)).or(address);
    Hit {
        field: string(element, "/matched/field").unwrap_or_default(),
        atomic: string(element, "/matched/atomic").unwrap_or_default(),
        indicator: listed.or_else(|| string(element, "/indicator/name")).unwrap_or_default(),
        grade: string(element, "/matched/type").unwrap_or_default(),
        feed: string(element, "/indicator/provider").unwrap_or_default(),
        id: string(element, "/matched/id"),
    }
}

fn string(json: &Json, pointer: &str) -> Option<String> {
    json.pointer(pointer).and_then(Json::as_str).filter(|s| !s.is_empty()).map(str::to_owned)
}

#[test]
fn an_inserted_run_is_found_and_a_changed_byte_is_noticed() {
    assert_eq!(inserted(b"abab", b"abXab"), Some(&b"X"[..]));
    assert_eq!(inserted(b"abab", b"ababab").map(<[u8]>::len), Some(2));
    assert_eq!(inserted(b"abc", b"abc"), Some(&b""[..]));
    assert_eq!(inserted(b"abc", b"aXbYc"), None);
    assert_eq!(inserted(b"abc", b"abd!"), None);
    assert_eq!(inserted(b"abc", b"ab"), None);
}
