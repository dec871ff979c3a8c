//! One event -> its strings and where they stand.
//!
//! Is: our own forward walk over one JSON object by the grammar of RFC 8259; it says whether the bytes are one
//! complete object, and gives every string (key or value) with its place and its way down from the root.
//! Is not: a document tree; nothing is copied, values that are no strings are checked and passed over (unless
//! they are asked for).
//! Invariants: no recursion, so depth costs memory and nothing else; ranges lie inside the event and in order.
//! Fails: never; what is no object is told by `None`, and then what was gathered means nothing.
//! Costs: one pass, a step a byte; memory for the strings that can hold an observable and the steps to them.

use std::ops::Range;

/// No node: the root object itself.
const ROOT: u32 = u32::MAX;

/// What a walk keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Strings that can hold an observable.
    Strings,
    /// These, and every other value that is no container: numbers, literals, short strings.
    Scalars,
}

/// One string, or another scalar when those are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// First byte, behind the quote if it is a string.
    pub start: usize,
    /// Behind the last byte; the closing quote stands here if it is a string.
    pub end: usize,
    /// The way to it: pass it to [`Walk::path`].
    pub node: u32,
    /// A key, a value, or a number or literal.
    pub role: Role,
    /// Whether escapes have to be undone.
    pub escaped: bool,
}

/// What a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The key of a member.
    Key,
    /// A string that is a value.
    Value,
    /// A number or literal.
    Bare,
}

/// A member of the root object, noted because a tag may go there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The key, decoded: one of [`NOTED`].
    pub key: &'static str,
    /// The bytes of the value.
    pub value: Range<usize>,
}

/// Keys of the root object whose values are noted.
pub const NOTED: [&str; 2] = ["threat", "taxiway"];

#[derive(Clone, Copy, Debug)]
enum Step {
    Key { start: usize, end: usize, escaped: bool },
    Index(usize),
}

#[derive(Clone, Copy, Debug)]
struct Node {
    parent: u32,
    step: Step,
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    object: bool,
    /// The container's own node.
    node: u32,
    /// In an object the node of the current key.
    child: u32,
    /// In an array the number of the current element.
    index: usize,
}

/// A walk over one object. Keeps its memory for the next one.
#[derive(Debug, Default)]
pub struct Walk {
    pieces: Vec<Piece>,
    nodes: Vec<Node>,
    members: Vec<Member>,
    frames: Vec<Frame>,
    noted: Option<(&'static str, usize)>,
}

impl Walk {
    /// Reads an event. The range of the object, braces included, if the event is one object with nothing but
    /// white space around it (and a byte order mark in front), in valid UTF-8.
    pub fn event(&mut self, raw: &[u8], keep: Keep) -> Option<Range<usize>> {
        let start = raw.strip_prefix(b"\xef\xbb\xbf").map_or(0, |rest| raw.len() - rest.len());
        let start = blanks(raw, start);
        if raw.get(start) != Some(&b'{') || std::str::from_utf8(raw).is_err() {
            return None;
        }
        let end = self.object(raw, start, keep)?;
        (blanks(raw, end) == raw.len()).then_some(start..end)
    }

    /// Reads the object that starts at `start`; where it ends, if it is one.
    pub fn object(&mut self, raw: &[u8], start: usize, keep: Keep) -> Option<usize> {
        self.pieces.clear();
        self.nodes.clear();
        self.members.clear();
        self.frames.clear();
        self.noted = None;
        if raw.get(start) != Some(&b'{') {
            return None;
        }
        let mut at = start;
        loop {
            match self.value(raw, at, keep)? {
                Next::Value(next) => at = next,
                Next::Behind(next) => match self.behind(raw, next)? {
                    Next::Value(next) => at = next,
                    Next::Behind(end) => return Some(end),
                },
            }
        }
    }

    /// A value that starts at `at`: where its first inner value starts, or what is behind it.
    fn value(&mut self, raw: &[u8], at: usize, keep: Keep) -> Option<Next> {
        let all = keep == Keep::Scalars;
        match *raw.get(at)? {
            b'"' => {
                let text = string(raw, at + 1)?;
                if all || text.telling {
                    let node = self.value_node();
                    let Text { end, escaped, .. } = text;
                    self.pieces.push(Piece { start: at + 1, end, node, role: Role::Value, escaped });
                }
                Some(Next::Behind(text.end + 1))
            }
            b'{' => {
                let node = if self.frames.is_empty() { ROOT } else { self.value_node() };
                let first = blanks(raw, at + 1);
                if raw.get(first) == Some(&b'}') {
                    return Some(Next::Behind(first + 1));
                }
                self.frames.push(Frame { object: true, node, child: node, index: 0 });
                self.key(raw, first).map(Next::Value)
            }
            b'[' => {
                let node = self.value_node();
                let first = blanks(raw, at + 1);
                if raw.get(first) == Some(&b']') {
                    return Some(Next::Behind(first + 1));
                }
                self.frames.push(Frame { object: false, node, child: node, index: 0 });
                Some(Next::Value(first))
            }
            first => {
                let end = bare(raw, at, first)?;
                if all {
                    let node = self.value_node();
                    self.pieces.push(Piece { start: at, end, node, role: Role::Bare, escaped: false });
                }
                Some(Next::Behind(end))
            }
        }
    }

    /// What follows a value that ends at `at`: the next value, or the end of the root.
    fn behind(&mut self, raw: &[u8], at: usize) -> Option<Next> {
        let mut at = at;
        loop {
            if self.frames.len() == 1
                && let Some((key, start)) = self.noted.take()
            {
                self.members.push(Member { key, value: start..at });
            }
            let Some(frame) = self.frames.last_mut() else { return Some(Next::Behind(at)) };
            let next = blanks(raw, at);
            match (*raw.get(next)?, frame.object) {
                (b',', true) => {
                    let key = blanks(raw, next + 1);
                    return self.key(raw, key).map(Next::Value);
                }
                (b',', false) => {
                    frame.index += 1;
                    return Some(Next::Value(blanks(raw, next + 1)));
                }
                (b'}', true) | (b']', false) => {
                    self.frames.pop();
                    at = next + 1;
                }
                _ => return None,
            }
        }
    }

    /// A key and its colon; where the value starts.
    fn key(&mut self, raw: &[u8], at: usize) -> Option<usize> {
        if raw.get(at) != Some(&b'"') {
            return None;
        }
        let Text { end, escaped, telling } = string(raw, at + 1)?;
        let start = at + 1;
        let colon = blanks(raw, end + 1);
        if raw.get(colon) != Some(&b':') {
            return None;
        }
        let value = blanks(raw, colon + 1);
        let root = self.frames.len() == 1;
        let frame = self.frames.last_mut()?;
        let node = u32::try_from(self.nodes.len()).ok().filter(|&n| n != ROOT)?;
        self.nodes.push(Node { parent: frame.node, step: Step::Key { start, end, escaped } });
        frame.child = node;
        if telling {
            self.pieces.push(Piece { start, end, node, role: Role::Key, escaped });
        }
        if root {
            let key = raw.get(start..end)?;
            self.noted = NOTED.into_iter().find(|name| is_text(key, escaped, name)).map(|name| (name, value));
        }
        Some(value)
    }

    /// The node of the value that is being read.
    fn value_node(&mut self) -> u32 {
        let Some(frame) = self.frames.last() else { return ROOT };
        if frame.object {
            return frame.child;
        }
        let (parent, step) = (frame.node, Step::Index(frame.index));
        match u32::try_from(self.nodes.len()) {
            Ok(node) if node != ROOT => {
                self.nodes.push(Node { parent, step });
                node
            }
            _ => frame.node,
        }
    }

    /// What was kept, in the order of the event.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// The noted members of the root, in the order of the event.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Gives memory back that only a very large event needed.
    pub fn shrink(&mut self) {
        const KEPT: usize = 1 << 14;
        self.pieces.clear();
        self.nodes.clear();
        self.pieces.shrink_to(KEPT);
        self.nodes.shrink_to(KEPT);
        self.frames.shrink_to(KEPT);
    }

    /// The dotted path of a node; array steps are numbers.
    pub fn path(&self, raw: &[u8], node: u32) -> Path {
        let mut steps = Vec::with_capacity(8);
        let mut at = node;
        while let Some(node) = self.nodes.get(at as usize) {
            steps.push(node.step);
            at = node.parent;
        }
        let mut path = Path::default();
        for step in steps.iter().rev() {
            let before = path.text.len();
            if before > 0 {
                path.text.push('.');
            }
            match *step {
                Step::Key { start, end, escaped } => {
                    path.text.push_str(&decoded(raw.get(start..end).unwrap_or_default(), escaped));
                }
                Step::Index(index) => {
                    path.text.push_str(&index.to_string());
                    path.indexes.push(before..path.text.len());
                }
            }
        }
        path
    }

    /// The innermost key on the way to a node, decoded; empty for the root.
    pub fn innermost_key(&self, raw: &[u8], node: u32) -> String {
        let mut at = node;
        while let Some(node) = self.nodes.get(at as usize) {
            if let Step::Key { start, end, escaped } = node.step {
                return decoded(raw.get(start..end).unwrap_or_default(), escaped);
            }
            at = node.parent;
        }
        String::new()
    }

    /// The key of a value that is the value of a member, not an element of an array.
    pub fn own_key(&self, raw: &[u8], node: u32) -> Option<String> {
        match self.nodes.get(node as usize)?.step {
            Step::Key { start, end, escaped } => Some(decoded(raw.get(start..end)?, escaped)),
            Step::Index(_) => None,
        }
    }

    /// Scalars that are members of the object in which `node` is a member, with this key; in order. Needs
    /// [`Keep::Scalars`].
    pub fn siblings<'w>(
        &'w self,
        raw: &'w [u8],
        node: u32,
        key: &'w str,
    ) -> impl Iterator<Item = &'w Piece> + 'w {
        let parent = self.nodes.get(node as usize).map(|n| n.parent);
        self.pieces.iter().filter(move |piece| {
            piece.role != Role::Key
                && self.nodes.get(piece.node as usize).is_some_and(|node| {
                    Some(node.parent) == parent
                        && matches!(node.step, Step::Key { start, end, escaped }
                            if raw.get(start..end).is_some_and(|k| is_text(k, escaped, key)))
                })
        })
    }

    /// The first scalar with this dotted path. Needs [`Keep::Scalars`].
    pub fn find(&self, raw: &[u8], path: &str) -> Option<&Piece> {
        self.pieces.iter().find(|piece| piece.role != Role::Key && self.is_path(raw, piece.node, path))
    }

    fn is_path(&self, raw: &[u8], node: u32, path: &str) -> bool {
        let mut rest = path.as_bytes();
        let mut at = node;
        while let Some(node) = self.nodes.get(at as usize) {
            let before = match node.step {
                Step::Key { start, end, escaped: false } => {
                    rest.strip_suffix(raw.get(start..end).unwrap_or_default())
                }
                Step::Key { start, end, .. } => {
                    rest.strip_suffix(decoded(raw.get(start..end).unwrap_or_default(), true).as_bytes())
                }
                Step::Index(index) => rest.strip_suffix(index.to_string().as_bytes()),
            };
            let Some(before) = before else { return false };
            at = node.parent;
            if self.nodes.get(at as usize).is_none() {
                return before.is_empty();
            }
            let Some(before) = before.strip_suffix(b".") else { return false };
            rest = before;
        }
        false
    }
}

/// A dotted path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path {
    /// Keys and array steps, joined by dots.
    pub text: String,
    /// Where array steps stand in it, the dot in front included.
    pub indexes: Vec<Range<usize>>,
}

/// Where a walk goes on.
enum Next {
    /// A value starts here.
    Value(usize),
    /// A value ended here.
    Behind(usize),
}

/// Where white space that starts at `at` ends.
pub fn blanks(raw: &[u8], at: usize) -> usize {
    let mut at = at;
    while matches!(raw.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

struct Text {
    /// Where the closing quote stands.
    end: usize,
    escaped: bool,
    /// Whether an observable can be inside.
    telling: bool,
}

const STOP: u8 = 1;
const TELLING: u8 = 2;
/// A string without dot, colon or escape has to be this long to hold an observable: the shortest digest.
const DIGEST_MIN: usize = 32;

/// Classes of bytes inside a string.
const INSIDE: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = STOP;
        byte += 1;
    }
    table[b'"' as usize] = STOP;
    table[b'\\' as usize] = STOP;
    table[b'.' as usize] = TELLING;
    table[b':' as usize] = TELLING;
    table
};

/// Reads a string whose first byte behind the quote is at `start`.
fn string(raw: &[u8], start: usize) -> Option<Text> {
    let mut at = start;
    let mut classes = 0;
    let mut escaped = false;
    loop {
        let byte = *raw.get(at)?;
        let class = INSIDE[usize::from(byte)];
        classes |= class;
        if class & STOP == 0 {
            at += 1;
            continue;
        }
        match byte {
            b'"' => break,
            b'\\' => {
                escaped = true;
                at += match *raw.get(at + 1)? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 2,
                    b'u' if hex4(raw, at + 2).is_some() => 6,
                    _ => return None,
                };
            }
            _ => return None,
        }
    }
    let telling = escaped || classes & TELLING != 0 || at - start >= DIGEST_MIN;
    Some(Text { end: at, escaped, telling })
}

fn hex4(raw: &[u8], at: usize) -> Option<u32> {
    raw.get(at..at + 4)?.iter().try_fold(0, |n, &b| Some(n << 4 | char::from(b).to_digit(16)?))
}

/// Reads a number or a literal; where it ends.
fn bare(raw: &[u8], at: usize, first: u8) -> Option<usize> {
    let literal: &[u8] = match first {
        b't' => b"true",
        b'f' => b"false",
        b'n' => b"null",
        _ => return number(raw, at),
    };
    let end = at + literal.len();
    (raw.get(at..end) == Some(literal)).then_some(end)
}

fn number(raw: &[u8], at: usize) -> Option<usize> {
    let mut at = at + usize::from(raw.get(at) == Some(&b'-'));
    at = match raw.get(at)? {
        b'0' => at + 1,
        b'1'..=b'9' => digits(raw, at)?,
        _ => return None,
    };
    if raw.get(at) == Some(&b'.') {
        at = digits(raw, at + 1)?;
    }
    if matches!(raw.get(at), Some(b'e' | b'E')) {
        at += 1 + usize::from(matches!(raw.get(at + 1), Some(b'+' | b'-')));
        at = digits(raw, at)?;
    }
    Some(at)
}

/// One digit or more; where they end.
fn digits(raw: &[u8], at: usize) -> Option<usize> {
    let count = raw.get(at..)?.iter().take_while(|b| b.is_ascii_digit()).count();
    (count > 0).then_some(at + count)
}

/// Undoes the escapes of a string that was walked over; appends to `out`. Half a surrogate pair becomes U+FFFD.
pub fn undo_escapes(raw: &[u8], out: &mut Vec<u8>) {
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let (plain, escape) = rest.split_at(at);
        out.extend_from_slice(plain);
        let byte = escape.get(1).copied().unwrap_or(b'\\');
        let mut taken = 2;
        match byte {
            b'b' => out.push(0x08),
            b'f' => out.push(0x0c),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'u' => {
                let (letter, length) = unicode(escape);
                taken = length;
                out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            }
            byte => out.push(byte),
        }
        rest = escape.get(taken..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

/// The character of `\uXXXX`, or of two of them, and the bytes it takes.
fn unicode(escape: &[u8]) -> (char, usize) {
    let first = hex4(escape, 2).unwrap_or(0xfffd);
    if let 0xd800..=0xdbff = first
        && escape.get(6..8) == Some(b"\\u")
        && let Some(second @ 0xdc00..=0xdfff) = hex4(escape, 8)
    {
        let both = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return (char::from_u32(both).unwrap_or(char::REPLACEMENT_CHARACTER), 12);
    }
    (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 6)
}

/// The text of a string of an event.
pub fn decoded(raw: &[u8], escaped: bool) -> String {
    if !escaped {
        return String::from_utf8_lossy(raw).into_owned();
    }
    let mut out = Vec::with_capacity(raw.len());
    undo_escapes(raw, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

fn is_text(raw: &[u8], escaped: bool, text: &str) -> bool {
    if escaped { decoded(raw, true) == text } else { raw == text.as_bytes() }
}

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

#[cfg(test)]
mod tests;
