//! Hits -> bytes: the shapes of a tag, where it goes, and what of it is already there.
//!
//! Is: sections M10 to M12 of docs/MATCHING.md. Is not: a choice of hits.
//! Invariants: a tag is one run of bytes without a line break, JSON by itself; taking it out gives the event back.
//! Fails: never; an event without a place stays as it is. Costs: about a byte copied for a byte written.

pub mod ecs;
pub mod flat;
pub mod own;
pub mod place;

use ahash::AHashMap;

use crate::engine::case::Case;
use crate::engine::hit::Hit;
use crate::engine::tag::ecs::Contexts;
use crate::engine::tag::own::Lookalike;
use crate::engine::tag::place::Splice;
use crate::engine::{Preset, Settings};
use crate::indicator::Timestamp;

/// A hit and what a tag says of the event.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// The hit.
    pub hit: &'a Hit<'a>,
    /// The token, as the event has it after undoing escapes.
    pub atomic: &'a [u8],
    /// The dotted path of its field.
    pub field: &'a str,
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
    let mut sheet = Sheet { contexts, settings, all: case.hits.len() as u64, first: None };
    let show = |number: usize| -> Option<Shown<'_>> {
        let hit = case.hits.get(number)?;
        let (atomic, field) = (case.atomic(hit), case.path(hit.field));
        Some(Shown { hit, atomic, field, occurred: target.occurred })
    };
    let taken = there.iter().filter(|there| **there).count();
    let fresh = there.len() - taken;
    let mut bytes = around(settings.preset);
    if fresh > 0 {
        for number in (0..there.len()).filter(|n| there.get(*n) == Some(&true)) {
            bytes += show(number).map_or(0, |shown| sheet.size(&shown));
        }
    }
    let start = tags.len();
    let mut body = Body::default();
    let mut written = Vec::new();
    for number in (0..there.len()).filter(|n| there.get(*n) == Some(&false)) {
        if taken + written.len() >= settings.enrichments_max {
            break;
        }
        let Some(shown) = show(number) else { break };
        if let Some(size) = sheet.add(&mut body, &shown, settings.tag_bytes_max.saturating_sub(bytes)) {
            bytes += size;
            written.push(number);
        }
    }
    let left = fresh - written.len();
    let at = match (written.first(), target.splice) {
        (Some(first), Some(splice)) => {
            let set = set_of(case, &written);
            sheet.first = show(*first).filter(|_| left > 0);
            sheet.finish(&body, splice, target.suffix, &set, tags);
            Some(splice.at)
        }
        _ => None,
    };
    debug_assert!(at.is_none() || tags.len() > start, "a tag has bytes");
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

/// Which hits an enrichment of ours already tells.
fn already(case: &Case<'_>, ours: &[Lookalike]) -> Vec<bool> {
    if ours.is_empty() {
        return vec![false; case.hits.len()];
    }
    let mut told: AHashMap<(String, &str), usize> = AHashMap::new();
    for alike in ours {
        *told.entry((alike.name.clone(), &alike.field)).or_default() += 1;
    }
    let is_told = |hit: &Hit<'_>| match told.get_mut(&(hit.name(), case.path(hit.field))) {
        Some(left @ 1..) => {
            *left -= 1;
            true
        }
        _ => false,
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

/// What is written of a tag so far.
#[derive(Debug, Default)]
struct Body {
    /// Preset `ecs`: the enrichments with commas between them.
    bytes: Vec<u8>,
    /// Where the first one ends.
    first: usize,
    /// Preset `flat`: the rows.
    rows: Vec<[Vec<u8>; 9]>,
}

/// How a tag is written.
struct Sheet<'s> {
    contexts: &'s mut Contexts,
    settings: &'s Settings,
    /// The number of all hits.
    all: u64,
    /// The first enrichment, if it has to say that number.
    first: Option<Shown<'s>>,
}

impl Sheet<'_> {
    /// Adds a hit if it takes no more than `room` bytes; gives how many it takes.
    fn add(&mut self, body: &mut Body, shown: &Shown<'_>, room: usize) -> Option<usize> {
        match self.settings.preset {
            Preset::Ecs => {
                let before = body.bytes.len();
                if before > 0 {
                    body.bytes.push(b',');
                }
                let start = body.bytes.len();
                self.contexts.enrichment(&mut body.bytes, shown, None);
                let size = body.bytes.len() - start + 1;
                if size > room {
                    body.bytes.truncate(before);
                    return None;
                }
                if before == 0 {
                    body.first = body.bytes.len();
                }
                Some(size)
            }
            Preset::Flat => {
                let row = flat::row(shown);
                let size = row.iter().map(|cell| cell.len() + 1).sum();
                (size <= room).then(|| {
                    body.rows.push(row);
                    size
                })
            }
        }
    }

    /// The bytes that a hit takes.
    fn size(&mut self, shown: &Shown<'_>) -> usize {
        self.add(&mut Body::default(), shown, usize::MAX).unwrap_or(0)
    }

    /// Writes the run of bytes that goes in at the splice.
    fn finish(&mut self, body: &Body, splice: Splice, suffix: bool, set: &str, tags: &mut Vec<u8>) {
        if splice.comma {
            tags.push(b',');
        }
        tags.extend_from_slice(splice.before.as_bytes());
        match self.settings.preset {
            Preset::Ecs => {
                if suffix {
                    tags.extend_from_slice(b" taxiway={\"threat\":{\"enrichments\":[");
                }
                match self.first.take() {
                    Some(first) => {
                        self.contexts.enrichment(tags, &first, Some(self.all));
                        tags.extend_from_slice(body.bytes.get(body.first..).unwrap_or_default());
                    }
                    None => tags.extend_from_slice(&body.bytes),
                }
                if suffix {
                    tags.extend_from_slice(b"]}}");
                }
            }
            Preset::Flat => {
                if suffix {
                    tags.extend_from_slice(b" taxiway={\"taxiway\":");
                }
                flat::object(tags, &body.rows, self.all, set);
                if suffix {
                    tags.push(b'}');
                }
            }
        }
        tags.extend_from_slice(splice.behind.as_bytes());
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
            let hex = |shift: u32| b"0123456789abcdef"[(u32::from(letter) >> shift & 15) as usize];
            out.extend_from_slice(&[b'\\', b'u', hex(12), hex(8), hex(4), hex(0)]);
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

#[cfg(test)]
mod tests;
