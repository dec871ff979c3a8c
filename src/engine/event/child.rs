//! Members of an object, elements of an array: for the few containers of an event where a tag may be.
//!
//! Is: one level of a container that was walked over before. Is not: a check of the grammar.
//! Invariant: every container that is asked for was read by a walk; for other bytes the answer is of no use, but an
//! answer. Costs: one pass over the container.

use std::ops::Range;

use crate::engine::event::grammar::{bare, blanks, decoded, string};

/// The children of a container that was walked over: its members or elements, in order. Empty for anything else.
pub fn children(raw: &[u8], container: Range<usize>) -> Vec<Child> {
    let mut children = Vec::new();
    let object = match raw.get(container.start) {
        Some(b'{') => true,
        Some(b'[') => false,
        _ => return children,
    };
    let mut at = blanks(raw, container.start + 1);
    while at + 1 < container.end {
        let mut key = None;
        if object {
            let Some(text) = string(raw, at + 1) else { break };
            key = Some(decoded(raw.get(at + 1..text.end).unwrap_or_default(), text.escaped));
            at = blanks(raw, blanks(raw, text.end + 1) + 1);
        }
        let Some(end) = skip(raw, at) else { break };
        children.push(Child { key, value: at..end });
        at = blanks(raw, blanks(raw, end) + 1);
    }
    children
}

/// A member or an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// The key of a member, decoded.
    pub key: Option<String>,
    /// The bytes of the value.
    pub value: Range<usize>,
}

/// Where the value at `at` ends.
fn skip(raw: &[u8], at: usize) -> Option<usize> {
    let mut at = at;
    let mut depth = 0usize;
    loop {
        match *raw.get(at)? {
            b'"' => at = string(raw, at + 1)?.end + 1,
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                at += 1;
            }
            first if depth == 0 => at = bare(raw, at, first)?,
            _ => at += 1,
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

/// The text of a child that is a string.
pub fn text_of(raw: &[u8], child: &Child) -> Option<String> {
    let inner = raw.get(child.value.clone())?.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    Some(decoded(inner, inner.contains(&b'\\')))
}
