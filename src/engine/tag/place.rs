//! Where a tag goes in an event, by M10.1 to M10.5.
//!
//! Is: offsets in the raw event. Is not: what is written there.
//! Invariant: bytes put in at a splice, between its two texts, leave the event an object (or text with one).

use std::ops::Range;

use crate::engine::event::Walk;
use crate::engine::event::child::{Child, children};
use crate::engine::event::grammar::blanks;

/// A place for bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Splice {
    /// Where in the event.
    pub at: usize,
    /// Whether a comma goes first.
    pub comma: bool,
    /// What goes before the content.
    pub before: &'static str,
    /// What goes behind it.
    pub behind: &'static str,
}

/// An object and the two members of it that matter here: the last ones of their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// The object, braces included.
    pub object: Range<usize>,
    /// `threat`.
    pub threat: Option<Range<usize>>,
    /// `taxiway`.
    pub taxiway: Option<Range<usize>>,
}

/// Where elements of `threat.enrichments` go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The place; `None` if both are taken.
    pub splice: Option<Splice>,
    /// The array, if it is there.
    pub enrichments: Option<Range<usize>>,
    /// Whether `threat` was taken.
    pub second: bool,
}

impl Root {
    /// The object that was walked over.
    pub fn of(walk: &Walk, object: Range<usize>) -> Root {
        let last = |key| walk.members().iter().rev().find(|m| m.key == key).map(|m| m.value.clone());
        Root { object, threat: last("threat"), taxiway: last("taxiway") }
    }

    /// The place for elements of `threat.enrichments`: there, or under `taxiway` if `threat` is taken.
    pub fn enrichments(&self, raw: &[u8]) -> Place {
        if let Some((splice, enrichments)) = enrichments(raw, &self.object, self.threat.clone()) {
            return Place { splice: Some(splice), enrichments, second: false };
        }
        let mut place = Place { splice: None, enrichments: None, second: true };
        match &self.taxiway {
            None => {
                let before = "\"taxiway\":{\"threat\":{\"enrichments\":[";
                place.splice = Some(at_end(raw, &self.object, before, "]}}"));
            }
            Some(taxiway) => {
                let threat = last(&children(raw, taxiway.clone()), "threat");
                if threat.is_some()
                    && let Some((splice, array)) = enrichments(raw, taxiway, threat)
                {
                    place.splice = Some(splice);
                    place.enrichments = array;
                }
            }
        }
        place
    }

    /// The place for the member `taxiway` of the preset `flat`.
    pub fn flat(&self, raw: &[u8]) -> Option<Splice> {
        self.taxiway.is_none().then(|| at_end(raw, &self.object, "\"taxiway\":", ""))
    }
}

/// How a tag of a text starts, the brace of its object included (M11.6).
pub const MARK: &[u8] = b" taxiway={";

/// The objects of the tags in which a text ends (M11.6), from the first. The walk over an object is given.
///
/// Linear whatever the text holds: two tries whose walks overlap see quotes the other way round, so at most two
/// walks pass over a byte, and no two of them end at the same one.
pub fn suffixes(text: &[u8], mut object_at: impl FnMut(usize) -> Option<usize>) -> Vec<Range<usize>> {
    let mut tags = Vec::new();
    if text.last() != Some(&b'}') {
        return tags;
    }
    let mut objects: Vec<(usize, usize)> = memchr::memmem::find_iter(text, MARK)
        .map(|at| at + MARK.len() - 1)
        .filter_map(|start| Some((object_at(start)?, start)))
        .collect();
    objects.sort_unstable();
    let mut end = text.len();
    while let Ok(found) = objects.binary_search_by_key(&end, |&(end, _)| end)
        && let Some(&(_, start)) = objects.get(found)
    {
        tags.push(start..end);
        end = start + 1 - MARK.len();
    }
    tags.reverse();
    tags
}

fn last(members: &[Child], key: &str) -> Option<Range<usize>> {
    members.iter().rev().find(|m| m.key.as_deref() == Some(key)).map(|m| m.value.clone())
}

fn enrichments(
    raw: &[u8],
    root: &Range<usize>,
    threat: Option<Range<usize>>,
) -> Option<(Splice, Option<Range<usize>>)> {
    let Some(threat) = threat else {
        return Some((at_end(raw, root, "\"threat\":{\"enrichments\":[", "]}"), None));
    };
    if raw.get(threat.start) != Some(&b'{') {
        return None;
    }
    match last(&children(raw, threat.clone()), "enrichments") {
        None => Some((at_end(raw, &threat, "\"enrichments\":[", "]"), None)),
        Some(array) if raw.get(array.start) == Some(&b'[') => {
            Some((at_end(raw, &array, "", ""), Some(array)))
        }
        Some(_) => None,
    }
}

/// Directly behind the last member or element of a container, or behind its opening bracket.
fn at_end(raw: &[u8], container: &Range<usize>, before: &'static str, behind: &'static str) -> Splice {
    let inside = raw.get(container.start + 1..container.end.saturating_sub(1)).unwrap_or_default();
    let kept = inside.iter().rposition(|b| !matches!(b, b' ' | b'\t' | b'\n' | b'\r')).map_or(0, |at| at + 1);
    debug_assert!(kept > 0 || blanks(raw, container.start + 1) + 1 == container.end, "an empty container");
    Splice { at: container.start + 1 + kept, comma: kept > 0, before, behind }
}
