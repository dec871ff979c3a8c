//! Hits -> bytes: the shapes of a tag, where it goes, and what of it is already there.
//!
//! Is: sections M10 to M12 of docs/MATCHING.md. Is not: a choice of hits.
//! Invariants: a tag is one run of bytes without a line break, JSON by itself; taking it out gives the event back.
//! Fails: never; an event without a place stays as it is. Costs: about a byte copied for a byte written.

pub mod ecs;
pub mod flat;
pub mod own;
pub mod place;

use std::ops::Range;

use ahash::AHashMap;

use crate::engine::case::Case;
use crate::engine::hit::Hit;
use crate::engine::tag::ecs::Contexts;
use crate::engine::tag::own::Lookalike;
use crate::engine::tag::place::Splice;
use crate::engine::{Preset, Settings};
use crate::indicator::{Id, Timestamp};

/// A hit and what a tag says of the event.
#[derive(Clone, Debug)]
pub struct Shown<'a> {
    /// The hit.
    pub hit: &'a Hit<'a>,
    /// The token, as the event has it after undoing escapes.
    pub atomic: &'a [u8],
    /// The dotted path of its field.
    pub field: String,
    /// The event's own time, if validity is judged by it.
    pub occurred: Option<Timestamp>,
}

/// Where and how a tag is written.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Where its content goes; `None` if the place is taken.
    pub splice: Option<Splice>,
    /// Whether that is the second choice.
    pub second: bool,
    /// Whether it is a text's new tag: ` taxiway=` and an object of its own.
    pub suffix: bool,
    /// The event's own time, if validity is judged by it.
    pub occurred: Option<Timestamp>,
}

/// Bytes of a tag that belong to no hit, at most: what is around them, and the number of all hits.
const fn around(preset: Preset) -> usize {
    match preset {
        Preset::Ecs => 96,
        Preset::Flat => 288,
    }
}

/// Writes the tag of a settled case: what is not there yet of its hits, within the limits. Where it goes in, if
/// there is one. What is left out is counted.
pub fn write(
    contexts: &mut Contexts,
    case: &mut Case<'_>,
    settings: &Settings,
    ours: &[Lookalike],
    target: Target,
    tags: &mut Vec<u8>,
) -> Option<usize> {
    if case.hits.is_empty() {
        return None;
    }
    let there = already(case, ours);
    let is_there = |number: &usize| there.get(*number) == Some(&true);
    let all = case.hits.len();
    let show = |number: usize| -> Option<Shown<'_>> {
        let hit = case.hits.get(number)?;
        let (atomic, field) = (case.atomic(hit), case.path(hit.field));
        Some(Shown { hit, atomic, field, occurred: target.occurred })
    };
    let start = tags.len();
    let mut sheet = Sheet::new(contexts, settings.preset, target, tags);
    let taken = (0..all).filter(is_there).count();
    let mut room = settings.tag_bytes_max.saturating_sub(around(settings.preset));
    if taken < all {
        for shown in (0..all).filter(is_there).filter_map(show) {
            room = room.saturating_sub(sheet.size(&shown));
        }
    }
    let mut written = Vec::new();
    for number in (0..all).filter(|number| !is_there(number)) {
        if taken + written.len() >= settings.enrichments_max {
            break;
        }
        let Some(shown) = show(number) else { break };
        if let Some(size) = sheet.add(&shown, room) {
            room -= size;
            written.push(number);
        }
    }
    let left = all - taken - written.len();
    let at = target.splice.map(|splice| splice.at).filter(|_| !written.is_empty());
    if at.is_some() {
        let first = written.first().and_then(|first| show(*first)).filter(|_| left > 0);
        sheet.finish(case, &written, first.as_ref());
    } else {
        tags.truncate(start);
    }
    count(case, &written, at.is_some(), target.second);
    case.suppress("cap", left);
    case.suppress("already-tagged", taken);
    at
}

/// Counts what was written, or could not be because its place is taken.
fn count(case: &mut Case<'_>, written: &[usize], placed: bool, second: bool) {
    if written.is_empty() {
        return;
    }
    case.counts.place_taken += u64::from(second || !placed);
    if !placed {
        case.suppress("place-taken", written.len());
        return;
    }
    case.counts.events_tagged += 1;
    for hit in written.iter().filter_map(|number| case.hits.get(*number)) {
        if let Some(count) = case.counts.hits.get_mut(hit.kind as usize) {
            *count += 1;
        }
    }
}

/// Which hits an enrichment of ours already tells; empty if there is none of ours.
fn already(case: &Case<'_>, ours: &[Lookalike]) -> Vec<bool> {
    if ours.is_empty() {
        return Vec::new();
    }
    let mut told: AHashMap<&str, AHashMap<&str, usize>> = AHashMap::new();
    for alike in ours {
        *told.entry(&alike.name).or_default().entry(&alike.field).or_default() += 1;
    }
    let is_told = |hit: &Hit<'_>| {
        let fields = told.get_mut(hit.name().as_str());
        match fields.and_then(|fields| fields.get_mut(case.path(hit.field).as_str())) {
            Some(left @ 1..) => {
                *left -= 1;
                true
            }
            _ => false,
        }
    };
    case.hits.iter().map(is_told).collect()
}

/// The versions of the snapshots of some hits.
fn set_of(case: &Case<'_>, written: &[usize]) -> String {
    let mut versions: Vec<&str> = Vec::new();
    for version in written.iter().filter_map(|n| case.hits.get(*n)).map(|hit| hit.snapshot.version()) {
        if !versions.contains(&version) {
            versions.push(version);
        }
    }
    versions.join("+")
}

/// A tag that is being written.
struct Sheet<'s> {
    contexts: &'s mut Contexts,
    preset: Preset,
    target: Target,
    tags: &'s mut Vec<u8>,
    /// Where the first enrichment stands in `tags`; where the next one goes as long as there is none.
    first: Range<usize>,
    /// Preset `flat`: the rows.
    rows: Vec<[Vec<u8>; 9]>,
}

impl<'s> Sheet<'s> {
    /// Starts a tag behind what is in the buffer.
    fn new(contexts: &'s mut Contexts, preset: Preset, target: Target, tags: &'s mut Vec<u8>) -> Sheet<'s> {
        if let Some(splice) = target.splice {
            if splice.comma {
                tags.push(b',');
            }
            tags.extend_from_slice(splice.before.as_bytes());
        }
        if target.suffix {
            tags.extend_from_slice(match preset {
                Preset::Ecs => b" taxiway={\"threat\":{\"enrichments\":[",
                Preset::Flat => b" taxiway={\"taxiway\":",
            });
        }
        let first = tags.len()..tags.len();
        Sheet { contexts, preset, target, tags, first, rows: Vec::new() }
    }

    /// Adds a hit if it takes no more than `room` bytes; gives how many it takes.
    fn add(&mut self, shown: &Shown<'_>, room: usize) -> Option<usize> {
        match self.preset {
            Preset::Ecs => {
                let before = self.tags.len();
                if !self.first.is_empty() {
                    self.tags.push(b',');
                }
                let start = self.tags.len();
                self.contexts.enrichment(self.tags, shown, None);
                let size = self.tags.len() - start + 1;
                if size > room {
                    self.tags.truncate(before);
                    return None;
                }
                if self.first.is_empty() {
                    self.first.end = self.tags.len();
                }
                Some(size)
            }
            Preset::Flat => {
                let row = flat::row(shown);
                let size = flat::size(&row);
                (size <= room).then(|| {
                    self.rows.push(row);
                    size
                })
            }
        }
    }

    /// The bytes that a hit takes.
    fn size(&mut self, shown: &Shown<'_>) -> usize {
        match self.preset {
            Preset::Ecs => {
                let start = self.tags.len();
                self.contexts.enrichment(self.tags, shown, None);
                let size = self.tags.len() - start + 1;
                self.tags.truncate(start);
                size
            }
            Preset::Flat => flat::size(&flat::row(shown)),
        }
    }

    /// Ends the tag. `first` is the first hit written, if it has to say how many there are.
    fn finish(&mut self, case: &Case<'_>, written: &[usize], first: Option<&Shown<'_>>) {
        let all = case.hits.len() as u64;
        match self.preset {
            Preset::Ecs => {
                if let Some(first) = first {
                    let mut told = Vec::new();
                    self.contexts.enrichment(&mut told, first, Some(all));
                    self.tags.splice(self.first.clone(), told);
                }
            }
            Preset::Flat => flat::object(self.tags, &self.rows, all, &set_of(case, written)),
        }
        if self.target.suffix {
            self.tags.extend_from_slice(match self.preset {
                Preset::Ecs => b"]}}",
                Preset::Flat => b"}",
            });
        }
        if let Some(splice) = self.target.splice {
            self.tags.extend_from_slice(splice.behind.as_bytes());
        }
    }
}

/// Writes a JSON string. What is no valid UTF-8 becomes U+FFFD; line separators are escaped, so that no reader
/// sees a line end in a tag.
pub fn string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    let plain = |b: &u8| *b >= 0x20 && *b < 0x7f && *b != b'"' && *b != b'\\';
    if text.iter().all(plain) {
        out.extend_from_slice(text);
    } else {
        for letter in String::from_utf8_lossy(text).chars() {
            letter_in_string(out, letter);
        }
    }
    out.push(b'"');
}

fn letter_in_string(out: &mut Vec<u8>, letter: char) {
    match letter {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        '\0'..' ' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => {
            let digit = |shift: u32| hex((u32::from(letter) >> shift & 15) as u8);
            out.extend_from_slice(&[b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]);
        }
        letter => out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

/// Writes a number.
pub fn number(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = number;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Writes `"key":`, with a comma in front unless it is the first member.
pub fn key(out: &mut Vec<u8>, key: &str) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    out.push(b'"');
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"\":");
}

/// Writes a member that is a string.
pub fn member(out: &mut Vec<u8>, name: &str, text: &[u8]) {
    key(out, name);
    string(out, text);
}

/// Writes a member that is an array of strings, unless it is empty.
pub fn members<'t>(out: &mut Vec<u8>, name: &str, texts: impl Iterator<Item = &'t str>) {
    let mut first = true;
    for text in texts {
        if first {
            key(out, name);
        }
        out.push(if first { b'[' } else { b',' });
        string(out, text.as_bytes());
        first = false;
    }
    if !first {
        out.push(b']');
    }
}

/// Writes an instant as a JSON string.
pub fn instant(out: &mut Vec<u8>, instant: Timestamp) {
    out.push(b'"');
    out.extend_from_slice(instant.to_string().as_bytes());
    out.push(b'"');
}

/// Writes an id as a JSON string.
pub fn id(out: &mut Vec<u8>, id: &Id) {
    match id {
        Id::Text(text) => string(out, text.as_bytes()),
        Id::Uuid(_) => {
            out.push(b'"');
            id.write(out);
            out.push(b'"');
        }
    }
}

fn hex(digit: u8) -> u8 {
    b"0123456789abcdef"[usize::from(digit & 15)]
}

#[cfg(test)]
mod tests;
