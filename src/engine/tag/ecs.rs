//! The preset `ecs`: elements of `threat.enrichments`.
//!
//! Is: one object a hit, by the names of Elastic Common Schema 8 (`indicator.*`, `matched.*`); what it has no name
//! for stands in the object's own `taxiway`.
//! Is not: the array around it. Invariant: `indicator` and `matched` have only published names; the listed value
//! is in `indicator`, under the name of its kind. A network goes to `indicator.name` if the feed gives no other
//! name, and to `taxiway.indicator` always, because ECS has no field for one (`indicator.ip` takes an address).
//! Costs: a context is written once and kept, up to `KEPT` of them.

use ahash::AHashMap;

use crate::engine::tag::{self, Shown, key, member, members, number};
use crate::index::Snapshot;
use crate::indicator::{Context, Sightings, ThreatKind};
use crate::observable::Kind;

/// Contexts kept in memory.
const KEPT: usize = 4096;
/// Bytes of a description that go into a tag.
const DESCRIPTION_MAX: usize = 1024;

/// Contexts that were written before.
#[derive(Debug, Default)]
pub struct Contexts {
    versions: Vec<Box<str>>,
    parts: AHashMap<(usize, u32), Parts>,
}

/// What a context gives to each of the two objects.
#[derive(Debug, Default)]
struct Parts {
    named: bool,
    indicator: Vec<u8>,
    taxiway: Vec<u8>,
}

impl Contexts {
    /// Forgets what is of other snapshots than these.
    pub fn keep<'s>(&mut self, versions: impl Iterator<Item = &'s str> + Clone) {
        if !self.versions.iter().map(AsRef::as_ref).eq(versions.clone()) {
            self.versions = versions.map(Into::into).collect();
            self.parts.clear();
        }
    }

    fn of(&mut self, number: usize, snapshot: &Snapshot, context: u32) -> &Parts {
        if self.parts.len() >= KEPT && !self.parts.contains_key(&(number, context)) {
            self.parts.clear();
        }
        self.parts.entry((number, context)).or_insert_with(|| write_context(&snapshot.context(context)))
    }

    /// Writes one enrichment. `count` is the number of all hits, for the first one written if some are left out.
    pub fn enrichment(&mut self, out: &mut Vec<u8>, shown: &Shown<'_>, count: Option<u64>) {
        let hit = shown.hit;
        let parts = self.of(hit.finding.snapshot, hit.snapshot, hit.record.context_number);
        let value = hit.value();
        out.extend_from_slice(b"{\"indicator\":{");
        indicator(out, shown, value, parts);
        out.extend_from_slice(b"},\"matched\":{");
        matched(out, shown);
        out.extend_from_slice(b"},\"taxiway\":{");
        member(out, "kind", hit.kind.as_str().as_bytes());
        if hit.kind == Kind::Network {
            member(out, "indicator", value.as_bytes());
        }
        if let Some(confidence) = hit.record.confidence {
            key(out, "confidence");
            number(out, confidence.into());
        }
        if !parts.taxiway.is_empty() {
            out.push(b',');
            out.extend_from_slice(&parts.taxiway);
        }
        if let Some(from) = hit.record.valid_from {
            key(out, "valid_from");
            tag::instant(out, from);
        }
        if let Some(until) = hit.record.valid_until {
            key(out, "valid_until");
            tag::instant(out, until);
        }
        if let Some(count) = count {
            key(out, "count");
            number(out, count);
        }
        out.extend_from_slice(b"}}");
    }
}

fn indicator(out: &mut Vec<u8>, shown: &Shown<'_>, value: &str, parts: &Parts) {
    let hit = shown.hit;
    let text = value.as_bytes();
    member(out, "type", stix_type(hit.kind, value).as_bytes());
    match hit.kind {
        Kind::Ip => member(out, "ip", text),
        Kind::IpPort => {
            let (address, port) = value.rsplit_once(':').unwrap_or((value, ""));
            member(out, "ip", address.trim_matches(['[', ']']).as_bytes());
            key(out, "port");
            number(out, port.parse().unwrap_or(0));
        }
        Kind::Network if parts.named => {}
        Kind::Network => member(out, "name", text),
        Kind::Domain => nested(out, &["url"], "domain", text),
        Kind::Url => nested(out, &["url"], "full", text),
        Kind::Email => nested(out, &["email"], "address", text),
        Kind::Md5 | Kind::Sha1 | Kind::Sha256 | Kind::Sha512 => {
            nested(out, &["file", "hash"], hit.kind.as_str(), text);
        }
    }
    if !parts.indicator.is_empty() {
        out.push(b',');
        out.extend_from_slice(&parts.indicator);
    }
    member(out, "provider", hit.feed.as_bytes());
    if let Some(confidence) = hit.record.confidence {
        member(out, "confidence", confidence_word(confidence).as_bytes());
    }
    if let Some(tlp) = hit.record.tlp {
        nested(out, &["marking"], "tlp", tlp.as_str().as_bytes());
    }
}

fn matched(out: &mut Vec<u8>, shown: &Shown<'_>) {
    let hit = shown.hit;
    member(out, "atomic", shown.atomic);
    member(out, "field", shown.field.as_bytes());
    if let Some(id) = &hit.record.id {
        key(out, "id");
        tag::id(out, id);
    }
    key(out, "index");
    out.extend_from_slice(b"\"taxiway-");
    out.extend_from_slice(hit.snapshot.version().as_bytes());
    out.push(b'"');
    member(out, "type", hit.grade().as_str().as_bytes());
    if let Some(occurred) = shown.occurred {
        key(out, "occurred");
        tag::instant(out, occurred);
    }
}

fn nested(out: &mut Vec<u8>, path: &[&str], name: &str, text: &[u8]) {
    for step in path {
        key(out, step);
        out.push(b'{');
    }
    member(out, name, text);
    out.extend(path.iter().map(|_| b'}'));
}

fn write_context(context: &Context) -> Parts {
    let mut indicator = vec![b'{'];
    if let Some(name) = &context.name {
        member(&mut indicator, "name", name.as_bytes());
    }
    if let Some(description) = &context.description {
        let short = description.get(..description.floor_char_boundary(DESCRIPTION_MAX)).unwrap_or_default();
        let cut = if short.len() < description.len() { "…" } else { "" };
        member(&mut indicator, "description", format!("{short}{cut}").as_bytes());
    }
    if let Some(reference) = context.references.first() {
        member(&mut indicator, "reference", reference.as_bytes());
    }
    let remarks = context.remarks.as_deref();
    if let Some(Sightings { count, last_seen }) = remarks.and_then(|said| said.sightings) {
        key(&mut indicator, "sightings");
        number(&mut indicator, count);
        if let Some(last_seen) = last_seen {
            key(&mut indicator, "last_seen");
            tag::instant(&mut indicator, last_seen);
        }
    }
    let mut taxiway = vec![b'{'];
    members(&mut taxiway, "labels", context.labels.iter().map(AsRef::as_ref));
    for kind in ThreatKind::ALL {
        let names = context.threats.iter().filter(|(of, _)| *of == kind).map(|(_, name)| name.as_ref());
        members(&mut taxiway, kind.as_str(), names);
    }
    members(&mut taxiway, "kill_chain", context.kill_chain.iter().map(AsRef::as_ref));
    let techniques = remarks.map_or(&[][..], |said| &said.techniques);
    members(&mut taxiway, "technique", techniques.iter().map(AsRef::as_ref));
    members(&mut taxiway, "references", context.references.iter().skip(1).map(AsRef::as_ref));
    Parts { named: context.name.is_some(), indicator: indicator.split_off(1), taxiway: taxiway.split_off(1) }
}

/// The name of the value's type in STIX.
fn stix_type(kind: Kind, value: &str) -> &'static str {
    let six = match kind {
        Kind::IpPort => value.starts_with('['),
        _ => value.contains(':'),
    };
    match kind {
        Kind::Ip | Kind::Network | Kind::IpPort if six => "ipv6-addr",
        Kind::Ip | Kind::Network | Kind::IpPort => "ipv4-addr",
        Kind::Domain => "domain-name",
        Kind::Url => "url",
        Kind::Email => "email-addr",
        Kind::Md5 | Kind::Sha1 | Kind::Sha256 | Kind::Sha512 => "file",
    }
}

/// The word that STIX 2.1 appendix A gives to a confidence.
const fn confidence_word(confidence: u8) -> &'static str {
    match confidence {
        0 => "None",
        1..=29 => "Low",
        30..=69 => "Medium",
        70.. => "High",
    }
}
