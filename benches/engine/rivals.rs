//! The same job with a JSON parser.
//!
//! Both look at every string of an event as one value, which is less than the engine does: no token inside of a
//! longer text, no address in free text, no escape inside of an escape. Both stop at the first hit of an event.

use std::collections::HashSet;
use std::fmt;
use std::net::Ipv4Addr;
use std::ops::Range;

use ahash::RandomState;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de::DeserializeSeed};
use serde_json::Value;
use taxiway::index::Snapshot;
use taxiway::index::filter::KeyKind;

/// A set of listed values.
pub(crate) type Listed = HashSet<String, RandomState>;

/// Each event becomes a tree, each string is looked up, parents of names too, and each event is written again, with
/// one more key when it has a hit.
pub(crate) fn tree(bytes: &[u8], lines: &[Range<usize>], listed: &Listed) -> u64 {
    let mut hits = 0;
    let mut out = Vec::with_capacity(1 << 20);
    for range in lines {
        let Ok(mut event) = serde_json::from_slice::<Value>(&bytes[range.clone()]) else { continue };
        let hit = in_tree(&event, listed);
        if let (Some(hit), Value::Object(fields)) = (hit, &mut event) {
            hits += 1;
            fields.insert("ti".to_owned(), Value::String(hit));
        }
        if out.len() > 1 << 19 {
            std::hint::black_box(&out);
            out.clear();
        }
        if serde_json::to_writer(&mut out, &event).is_ok() {
            out.push(b'\n');
        }
    }
    std::hint::black_box(&out);
    hits
}

fn in_tree(value: &Value, listed: &Listed) -> Option<String> {
    match value {
        Value::String(text) => with_parents(text).find(|part| listed.contains(*part)).map(str::to_owned),
        Value::Array(items) => items.iter().find_map(|item| in_tree(item, listed)),
        Value::Object(fields) => fields.values().find_map(|field| in_tree(field, listed)),
        _ => None,
    }
}

/// A text, and what follows each of its dots.
fn with_parents(text: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(text), |text| text.split_once('.').map(|(_, parent)| parent))
}

/// Each event is parsed by sonic-rs without a tree, and each string asked of the prefilter and the tables.
pub(crate) fn visitor(bytes: &[u8], lines: &[Range<usize>], snapshot: &Snapshot) -> u64 {
    let mut hits = 0;
    for range in lines {
        let mut seen = Strings { snapshot, hit: false };
        let mut parser = sonic_rs::Deserializer::from_slice(&bytes[range.clone()]);
        if (&mut seen).deserialize(&mut parser).is_ok() {
            hits += u64::from(seen.hit);
        }
    }
    hits
}

struct Strings<'a> {
    snapshot: &'a Snapshot,
    hit: bool,
}

impl Strings<'_> {
    fn look(&mut self, text: &str) {
        self.hit = self.hit || self.is_listed(text);
    }

    fn is_listed(&self, text: &str) -> bool {
        let snapshot = self.snapshot;
        let (filter, hasher) = (snapshot.filter(), snapshot.hasher());
        let key = |start, kind| hasher.text(text.as_bytes(), start, text.len(), kind);
        if let Some((scheme, rest)) = text.split_once("://") {
            let host = rest.find('/').unwrap_or(rest.len());
            let (host, path) = rest.as_bytes().split_at(host);
            let listed = filter.ask(hasher.pair(host, path, KeyKind::Url)).listed;
            return listed && snapshot.url(Some(scheme), rest).is_some();
        }
        if matches!(text.len(), 32 | 40 | 64 | 128) && text.bytes().all(|c| c.is_ascii_hexdigit()) {
            return filter.ask(key(text.len() - 16, KeyKind::Digest)).listed
                && bytes_of(text).is_some_and(|digest| snapshot.digest(&digest).is_some());
        }
        if !text.contains('.') || text.len() > 254 {
            return false;
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            let listed = filter.ask(hasher.ip4(u32::from(address))).listed;
            return listed && snapshot.ip(address.into()).is_some();
        }
        if text.contains('@') {
            return filter.ask(key(0, KeyKind::Email)).listed && snapshot.email(text).is_some();
        }
        self.is_name_listed(text)
    }

    /// From the last two labels to the whole name, as long as some listed name ends in these labels.
    fn is_name_listed(&self, text: &str) -> bool {
        let (filter, hasher) = (self.snapshot.filter(), self.snapshot.hasher());
        let dots = text.bytes().enumerate().rev().filter(|(_, c)| *c == b'.').skip(1);
        for start in dots.map(|(dot, _)| dot + 1).chain(std::iter::once(0)) {
            let present = filter.ask(hasher.text(text.as_bytes(), start, text.len(), KeyKind::Name));
            let name = text.get(start..).unwrap_or_default();
            if present.listed && self.snapshot.name(name).is_some() {
                return true;
            }
            if !present.path {
                return false;
            }
        }
        false
    }
}

fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let digit = |c: u8| char::from(c).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, _) = hex.as_bytes().as_chunks::<2>();
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

impl<'de> DeserializeSeed<'de> for &mut Strings<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<(), D::Error> {
        parser.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Strings<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.look(text);
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(&mut *self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while fields.next_key::<Key>()?.is_some() {
            fields.next_value_seed(&mut *self)?;
        }
        Ok(())
    }
}

/// A key, not looked at.
#[derive(Deserialize)]
#[serde(transparent)]
struct Key(serde::de::IgnoredAny);
