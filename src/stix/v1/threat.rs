//! What indicators point to: TTPs, campaigns and threat actors, and how they lead to each other.
//!
//! Is: the names in them, and the references of a TTP to related TTPs and of a campaign to the actors it is
//! attributed to.
//! Is not: a guess: an actor that was seen to use a TTP is not behind all indicators of it.
//! Invariant: a TTP that holds several threats (malware, patterns, tools) leads to each of them.
//! Fails: never; what has no name has none. Costs: a visit an element.

use std::sync::Arc;

use crate::indicator::{ThreatKind, Timestamp};
use crate::stix::v1::tree::Element;
use crate::stix::{Attribution, Named, Objects};

/// Takes the names of an object that stands under this id, and what it leads to.
pub(super) fn name(element: Element<'_>, id: &str, modified: Timestamp, objects: &mut Objects) {
    let found = match element.name() {
        "TTP" => of_ttp(element),
        "Campaign" => {
            let name = element.find(&["Names", "Name"]).and_then(text);
            one(ThreatKind::Campaign, name.or_else(|| title(element)))
        }
        "Threat_Actor" => one(ThreatKind::Actor, of_actor(element)),
        _ => return,
    };
    for (n, (kind, name)) in found.iter().take(NAMES_MAX).enumerate() {
        let named = Named { kind: *kind, name: Some(Arc::from(*name)), technique: None, modified };
        if n == 0 {
            objects.name(id, named);
        } else {
            let part = format!("{id}#{n}");
            objects.name(&part, named);
            leads(id, &part, modified, objects);
        }
    }
    let related = element.descendants().filter(|inner| is_related(element, *inner));
    for target in related.filter_map(|inner| inner.attribute("idref").or(inner.attribute("id"))) {
        leads(id, target, modified, objects);
    }
}

/// Whether an object inside of another one is one that it leads to.
fn is_related(element: Element<'_>, inner: Element<'_>) -> bool {
    let behind = |list: &str| {
        element.child(list).is_some_and(|list| (list.position()..list.end()).contains(&inner.position()))
    };
    match (element.name(), inner.name()) {
        ("TTP", "TTP") => behind("Related_TTPs"),
        ("Campaign", "Threat_Actor") => behind("Attribution"),
        _ => false,
    }
}

fn leads(source: &str, target: &str, modified: Timestamp, objects: &mut Objects) {
    let (source, target) = (objects.number(source), objects.number(target));
    // relations of STIX 1 have no ids, and nothing revokes them
    objects.attributed.push(Attribution { id: None, modified, source, target });
}

fn one(kind: ThreatKind, name: Option<&str>) -> Vec<(ThreatKind, &str)> {
    name.map(|name| (kind, name)).into_iter().collect()
}

/// The malware, attack patterns, tools and infrastructure in a TTP; its title stands for what has no name.
fn of_ttp(element: Element<'_>) -> Vec<(ThreatKind, &str)> {
    let mut found = Vec::new();
    for (kind, path) in PARTS {
        let [first, second, last] = path;
        let parts = element.find(&[first, second]).into_iter().flat_map(Element::children);
        for part in parts.filter(|part| part.name() == last) {
            let name = part.child("Name").and_then(text).or_else(|| title(part));
            found.extend(name.or_else(|| title(element)).map(|name| (kind, name)));
        }
    }
    if let Some(part) = element.find(&["Resources", "Infrastructure"]) {
        found.extend(title(part).or_else(|| title(element)).map(|name| (ThreatKind::Infrastructure, name)));
    }
    if found.is_empty() && element.child("Victim_Targeting").is_none() {
        return one(ThreatKind::AttackPattern, title(element));
    }
    found.dedup();
    found
}

/// The title of an actor, or the name of the identity it has.
fn of_actor(element: Element<'_>) -> Option<&str> {
    let identity = element.child("Identity");
    let plain = identity.and_then(|identity| identity.child("Name")).and_then(text);
    let names = identity.into_iter().flat_map(Element::descendants);
    let mut names = names.filter(|inner| inner.name() == "NameElement").filter_map(text);
    title(element).or(plain).or_else(|| names.next())
}

fn title(element: Element<'_>) -> Option<&str> {
    element.child("Title").and_then(text)
}

fn text(element: Element<'_>) -> Option<&str> {
    let text = element.text();
    let text = text.get(..text.floor_char_boundary(NAME_BYTES_MAX)).unwrap_or(text);
    (!text.is_empty()).then_some(text)
}

const PARTS: [(ThreatKind, [&str; 3]); 3] = [
    (ThreatKind::Malware, ["Behavior", "Malware", "Malware_Instance"]),
    (ThreatKind::AttackPattern, ["Behavior", "Attack_Patterns", "Attack_Pattern"]),
    (ThreatKind::Tool, ["Resources", "Tools", "Tool"]),
];

/// Threats in one TTP.
const NAMES_MAX: usize = 16;

const NAME_BYTES_MAX: usize = 64 << 10;
