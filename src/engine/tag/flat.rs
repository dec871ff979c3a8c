//! The preset `flat`: one object with arrays of scalars in step.
//!
//! Is: the object `taxiway`; row *n* of every array is of one hit. Is not: where it goes.
//! Invariant: all arrays of [`COLUMNS`] have one length. What a feed does not give is the empty string (`id`,
//! `tlp`), a missing confidence is `null`.

use crate::engine::tag::{self, Shown, key, number, string};

/// The arrays, in the order in which they are written.
pub const COLUMNS: [&str; 9] =
    ["feed", "id", "indicator", "kind", "atomic", "field", "grade", "confidence", "tlp"];

/// A hit, one value for each of [`COLUMNS`].
pub fn row(shown: &Shown<'_>) -> [Vec<u8>; 9] {
    let hit = shown.hit;
    let text = |text: &[u8]| {
        let mut out = Vec::with_capacity(text.len() + 2);
        string(&mut out, text);
        out
    };
    let id = hit.record.id.as_ref().map_or_else(
        || b"\"\"".to_vec(),
        |id| {
            let mut out = Vec::with_capacity(50);
            tag::id(&mut out, id);
            out
        },
    );
    let confidence = hit.record.confidence.map_or_else(|| "null".to_owned(), |c| c.to_string());
    [
        text(hit.feed.as_bytes()),
        id,
        text(hit.value().as_bytes()),
        text(hit.kind.as_str().as_bytes()),
        text(shown.atomic),
        text(shown.field.as_bytes()),
        text(hit.grade().as_str().as_bytes()),
        confidence.into_bytes(),
        text(hit.record.tlp.map_or("", |tlp| tlp.as_str()).as_bytes()),
    ]
}

/// Bytes that a row takes.
pub fn size(row: &[Vec<u8>; 9]) -> usize {
    row.iter().map(|cell| cell.len() + 1).sum()
}

/// Writes the object: rows, the number of all hits, and the versions of the snapshots that gave them.
pub fn object(out: &mut Vec<u8>, rows: &[[Vec<u8>; 9]], count: u64, set: &str) {
    out.push(b'{');
    for (column, name) in COLUMNS.iter().enumerate() {
        key(out, name);
        out.push(b'[');
        for (n, row) in rows.iter().enumerate() {
            if n > 0 {
                out.push(b',');
            }
            out.extend_from_slice(&row[column]);
        }
        out.push(b']');
    }
    key(out, "count");
    number(out, count);
    key(out, "set");
    string(out, set.as_bytes());
    out.push(b'}');
}
