//! One STIX 2 object as it stands in a document: the properties that are read, borrowed from it.
//!
//! Is: a decoder that takes any JSON object in one pass. A property of the wrong type is no fault here; unknown,
//! doubled (the last counts) and custom properties are none either.
//! Is not: a judge of what the properties say.
//! Invariant: text is borrowed unless it has escapes; lists and maps keep [`ITEMS_MAX`] items.
//! Fails: on syntax, and on a read property that is nested too deeply; [`decode`] tells a cut from a fault.
//! Costs: one pass; an allocation for a list that is read; the rest is skipped without recursion.

use std::borrow::Cow;
use std::fmt;

use memchr::memchr_iter;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::error::Category;

/// Items kept of one list or map; no feed has use for more labels or references on one object.
pub(super) const ITEMS_MAX: usize = 1024;

/// The value of a property that is read.
#[derive(Debug, Default)]
pub(super) enum Value<'a> {
    /// Not there, or `null`.
    #[default]
    Absent,
    /// Text.
    Text(Cow<'a, str>),
    /// A number.
    Number(f64),
    /// `true` or `false`.
    Flag(bool),
    /// A list.
    List(Vec<Value<'a>>),
    /// An object.
    Map(Vec<(Cow<'a, str>, Value<'a>)>),
}

impl Value<'_> {
    /// The text, if it is text.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether something else stands where text belongs.
    pub(super) fn is_no_text(&self) -> bool {
        !matches!(self, Value::Absent | Value::Text(_))
    }

    /// The items of a list; a value that is no list is a list of itself.
    pub(super) fn items(&self) -> &[Self] {
        match self {
            Value::Absent => &[],
            Value::List(items) => items,
            _ => std::slice::from_ref(self),
        }
    }

    /// The texts among the items.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.items().iter().filter_map(Value::text)
    }

    /// The value under a key; of doubled keys the last.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Value::Map(members) => members.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }
}

/// The properties that are read, of whatever type of object.
#[derive(Debug, Default)]
#[expect(clippy::struct_field_names, reason = "the names of STIX")]
pub(super) struct Object<'a> {
    pub(super) kind: Value<'a>,
    pub(super) id: Value<'a>,
    pub(super) created: Value<'a>,
    pub(super) modified: Value<'a>,
    pub(super) revoked: Value<'a>,
    pub(super) name: Value<'a>,
    pub(super) description: Value<'a>,
    pub(super) aliases: Value<'a>,
    pub(super) labels: Value<'a>,
    pub(super) indicator_types: Value<'a>,
    pub(super) pattern: Value<'a>,
    pub(super) pattern_type: Value<'a>,
    pub(super) valid_from: Value<'a>,
    pub(super) valid_until: Value<'a>,
    pub(super) confidence: Value<'a>,
    pub(super) kill_chain_phases: Value<'a>,
    pub(super) external_references: Value<'a>,
    pub(super) object_marking_refs: Value<'a>,
    pub(super) granular_markings: Value<'a>,
    pub(super) relationship_type: Value<'a>,
    pub(super) source_ref: Value<'a>,
    pub(super) target_ref: Value<'a>,
    pub(super) definition_type: Value<'a>,
    pub(super) definition: Value<'a>,
    pub(super) extensions: Value<'a>,
    pub(super) spec_version: Value<'a>,
    pub(super) sighting_of_ref: Value<'a>,
    pub(super) count: Value<'a>,
    pub(super) last_seen: Value<'a>,
    pub(super) summary: Value<'a>,
    pub(super) object_refs: Value<'a>,
    pub(super) opinion: Value<'a>,
    pub(super) content: Value<'a>,
    pub(super) abstract_: Value<'a>,
    /// Names of custom properties, the first [`ITEMS_MAX`].
    pub(super) custom: Vec<Cow<'a, str>>,
}

impl<'a> Object<'a> {
    /// Whether this is an object of STIX: its type is text and begins its id.
    pub(super) fn is_stix(&self) -> bool {
        let (Some(kind), Some(id)) = (self.kind.text(), self.id.text()) else { return false };
        id.strip_prefix(kind).is_some_and(|rest| rest.starts_with("--"))
    }

    /// The property with this name, by its length first: a dozen names an object are looked for.
    fn property(&mut self, name: &str) -> Option<&mut Value<'a>> {
        Some(match (name.len(), name) {
            (2, "id") => &mut self.id,
            (4, "type") => &mut self.kind,
            (4, "name") => &mut self.name,
            (5, "count") => &mut self.count,
            (6, "labels") => &mut self.labels,
            (7, "created") => &mut self.created,
            (7, "revoked") => &mut self.revoked,
            (7, "aliases") => &mut self.aliases,
            (7, "pattern") => &mut self.pattern,
            (7, "summary") => &mut self.summary,
            (7, "opinion") => &mut self.opinion,
            (7, "content") => &mut self.content,
            (8, "modified") => &mut self.modified,
            (8, "abstract") => &mut self.abstract_,
            (9, "last_seen") => &mut self.last_seen,
            (10, "valid_from") => &mut self.valid_from,
            (10, "confidence") => &mut self.confidence,
            (10, "source_ref") => &mut self.source_ref,
            (10, "target_ref") => &mut self.target_ref,
            (10, "definition") => &mut self.definition,
            (10, "extensions") => &mut self.extensions,
            (11, "description") => &mut self.description,
            (11, "valid_until") => &mut self.valid_until,
            (11, "object_refs") => &mut self.object_refs,
            (12, "pattern_type") => &mut self.pattern_type,
            (12, "spec_version") => &mut self.spec_version,
            (15, "sighting_of_ref") => &mut self.sighting_of_ref,
            (15, "indicator_types") => &mut self.indicator_types,
            (15, "definition_type") => &mut self.definition_type,
            (17, "kill_chain_phases") => &mut self.kill_chain_phases,
            (17, "granular_markings") => &mut self.granular_markings,
            (17, "relationship_type") => &mut self.relationship_type,
            (19, "external_references") => &mut self.external_references,
            (19, "object_marking_refs") => &mut self.object_marking_refs,
            _ => return None,
        })
    }
}

/// Why there is no object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It has an array under `objects` and no type but `bundle`: a bundle or an envelope, to be walked into.
    Container,
    /// The slice ends first.
    Cut,
    /// Not JSON, or nested too deeply.
    Syntax,
}

/// Decodes the object at the start of what is known to be UTF-8, if it is whole and sound; the quick way of
/// [`decode`]. It fills an empty object in its place, as one is a kilobyte that is not to be moved from hand to hand;
/// where it fails, part of the object is filled.
pub(super) fn decode_text<'a>(text: &'a str, object: &mut Object<'a>) -> Option<usize> {
    let mut values = serde_json::Deserializer::from_str(text);
    values.deserialize_map(Members(object)).ok()?;
    Some(values.into_iter::<IgnoredAny>().byte_offset())
}

/// Decodes the object at the start of the slice; returns it with its length, or the failure and what was read up to it.
pub(super) fn decode(bytes: &[u8]) -> Result<(Object<'_>, usize), (Failure, usize)> {
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<Object<'_>>();
    match values.next() {
        Some(Ok(object)) => Ok((object, values.byte_offset())),
        Some(Err(error)) => {
            let failure = match error.classify() {
                Category::Data => Failure::Container,
                Category::Eof => Failure::Cut,
                Category::Syntax | Category::Io => Failure::Syntax,
            };
            let earlier = error.line().checked_sub(2);
            let start =
                earlier.and_then(|lines| memchr_iter(b'\n', bytes).nth(lines)).map_or(0, |end| end + 1);
            Err((failure, start + error.column()))
        }
        None => Err((Failure::Cut, bytes.len())),
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut object = Object::default();
        deserializer.deserialize_map(Members(&mut object))?;
        Ok(object)
    }
}

/// Takes the members of an object.
struct Members<'o, 'a>(&'o mut Object<'a>);

impl<'de> Visitor<'de> for Members<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let object = self.0;
        while let Some(Name(name)) = map.next_key()? {
            if name == "objects" && object.kind.text().is_none_or(|kind| kind == "bundle") {
                map.next_value_seed(NoList)?;
            } else if let Some(property) = object.property(&name) {
                *property = map.next_value()?;
            } else {
                map.next_value::<IgnoredAny>()?;
                if name.starts_with("x_") && object.custom.len() < ITEMS_MAX {
                    object.custom.push(name);
                }
            }
        }
        Ok(())
    }
}

/// The name of a property. One that is read has no escapes, so a name that cannot be borrowed is copied for nothing
/// but correctness.
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }
            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(name)))
            }
            fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(NameVisitor)
    }
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }
    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }
    fn visit_bool<E>(self, flag: bool) -> Result<Value<'de>, E> {
        Ok(Value::Flag(flag))
    }
    #[expect(clippy::cast_precision_loss, reason = "nothing above 100 is told apart")]
    fn visit_u64<E>(self, number: u64) -> Result<Value<'de>, E> {
        Ok(Value::Number(number as f64))
    }
    #[expect(clippy::cast_precision_loss, reason = "nothing below 0 is told apart")]
    fn visit_i64<E>(self, number: i64) -> Result<Value<'de>, E> {
        Ok(Value::Number(number as f64))
    }
    fn visit_f64<E>(self, number: f64) -> Result<Value<'de>, E> {
        Ok(Value::Number(number))
    }
    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Absent)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value<'de>, A::Error> {
        let mut items = Vec::new();
        while items.len() < ITEMS_MAX {
            let Some(item) = seq.next_element()? else { return Ok(Value::List(items)) };
            items.push(item);
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::List(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value<'de>, A::Error> {
        let mut members = Vec::new();
        while members.len() < ITEMS_MAX {
            let Some(Name(name)) = map.next_key()? else { return Ok(Value::Map(members)) };
            members.push((name, map.next_value()?));
        }
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Map(members))
    }
}

/// Passes over a value, but fails as a fault of data when it is a list.
struct NoList;

impl<'de> DeserializeSeed<'de> for NoList {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NoList {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no list")
    }
    fn visit_str<E>(self, _text: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_bool<E>(self, _flag: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _number: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _number: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _number: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, _seq: A) -> Result<(), A::Error> {
        Err(A::Error::custom("a list"))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_types_and_doubled_keys_are_no_fault() {
        let text =
            br#"{"type":"indicator","id":7,"id":"indicator--x","labels":["a",3,"b"],"confidence":"high",
            "revoked":null,"x_deep":{"a":[{}]},"kill_chain_phases":[{"phase_name":"c2"},null]} tail"#;
        let (object, length) = decode(text).unwrap();
        assert_eq!(length, text.len() - 5);
        assert!(object.is_stix());
        assert_eq!(object.labels.texts().collect::<Vec<_>>(), ["a", "b"]);
        assert!(object.confidence.text().is_some());
        assert!(matches!(object.revoked, Value::Absent));
        assert_eq!(object.kill_chain_phases.items()[0].get("phase_name").unwrap().text(), Some("c2"));
    }

    #[test]
    fn tells_containers_cuts_and_faults_apart() {
        assert_eq!(decode(br#"{"type":"bundle","objects":[{}]}"#).unwrap_err().0, Failure::Container);
        assert_eq!(decode(br#"{"more":true,"objects":["#).unwrap_err().0, Failure::Container);
        assert!(decode(br#"{"type":"observed-data","objects":{"0":{}}}"#).is_ok());
        assert!(decode(br#"{"type":"x-own","objects":[1]}"#).is_ok());
        assert_eq!(decode(br#"{"type":"indic"#).unwrap_err().0, Failure::Cut);
        assert_eq!(decode(br#"{"type":}"#).unwrap_err().0, Failure::Syntax);
        assert_eq!(decode(b"{\"name\":\"\xff\"}").unwrap_err().0, Failure::Syntax);
        for (text, read) in [("{!", 2), ("{\n!", 3), ("{\n\"a\":1,\n\n  \"b\"!}", 16), ("{\"a\":[1,", 8)] {
            assert_eq!(decode(text.as_bytes()).unwrap_err().1, read, "{text}");
        }
    }

    #[test]
    fn depth_is_no_danger() {
        let unread = format!(r#"{{"type":"x","x_own":{}1{}}}"#, "[".repeat(200_000), "]".repeat(200_000));
        assert!(decode(unread.as_bytes()).is_ok());
        let read = format!(r#"{{"type":"x","labels":{}1{}}}"#, "[".repeat(200), "]".repeat(200));
        assert_eq!(decode(read.as_bytes()).unwrap_err().0, Failure::Syntax);
    }
}
