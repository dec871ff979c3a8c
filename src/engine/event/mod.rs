//! One event -> its strings and where they stand.
//!
//! Is: our own forward walk over one JSON object by the grammar of RFC 8259; it says whether the bytes are one
//! complete object, and gives every string (key or value) with its place and its way down from the root.
//! Is not: a document tree; nothing is copied, values that are no strings are checked and passed over (unless
//! they are asked for).
//! Invariants: no recursion, so depth costs memory and nothing else; ranges lie inside the event and in order.
//! Fails: never; what is no object is told by `None`, and then what was gathered means nothing.
//! Costs: one pass, a step a byte; memory for the strings that can hold an observable and the steps to them.

pub mod child;
pub mod grammar;

use std::ops::Range;

use crate::engine::event::grammar::{Text, bare, beginning, blanks, decoded, is_telling, is_text, string};

/// No node: the root object itself.
const ROOT: u32 = u32::MAX;
/// No node yet: nobody asked for it.
const UNMADE: u32 = u32::MAX - 1;

/// Where the scan has seen something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks<'m> {
    /// Ascending offsets in the batch, each in a token that may give a hit.
    pub ascending: &'m [usize],
    /// Where the event starts in the batch.
    pub start: usize,
}

impl Marks<'_> {
    /// The offset of a mark in the event; past every event behind the last one.
    fn offset(self, number: usize) -> usize {
        self.ascending.get(number).map_or(usize::MAX, |mark| mark.saturating_sub(self.start))
    }
}

/// What a walk keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep<'m> {
    /// Strings with a mark in them.
    Marked(Marks<'m>),
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
    /// The innermost node on the way here whose step is a key; itself if it is one.
    key: u32,
    step: Step,
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    object: bool,
    /// The node of the current value, [`UNMADE`] as long as nobody asked for it. Where it is made, those of the
    /// containers around are.
    child: u32,
    /// The current key or element.
    step: Step,
}

/// A walk over one object. Keeps its memory for the next one.
#[derive(Debug, Default)]
pub struct Walk {
    pieces: Vec<Piece>,
    nodes: Vec<Node>,
    members: Vec<Member>,
    frames: Vec<Frame>,
    noted: Option<(&'static str, usize)>,
    /// The first mark that was not passed: its number and its offset.
    mark: (usize, usize),
}

impl Walk {
    /// Reads an event. The range of the object, braces included, if the event is one object with nothing but
    /// white space around it (and a byte order mark in front), in valid UTF-8.
    pub fn event(&mut self, raw: &[u8], keep: Keep<'_>) -> Option<Range<usize>> {
        let start = raw.strip_prefix(b"\xef\xbb\xbf").map_or(0, |rest| raw.len() - rest.len());
        let start = blanks(raw, start);
        if raw.get(start) != Some(&b'{') || std::str::from_utf8(raw).is_err() {
            return None;
        }
        let end = self.object(raw, start, keep)?;
        (blanks(raw, end) == raw.len()).then_some(start..end)
    }

    /// Reads the object that starts at `start`; where it ends, if it is one.
    pub fn object(&mut self, raw: &[u8], start: usize, keep: Keep<'_>) -> Option<usize> {
        self.clear();
        if let Keep::Marked(marks) = keep {
            let first = marks.ascending.partition_point(|&mark| mark < marks.start + start);
            self.mark = (first, marks.offset(first));
        }
        if raw.get(start) != Some(&b'{') {
            return None;
        }
        let mut at = start;
        loop {
            match self.value(raw, at, keep)? {
                Next::Value(next) => at = next,
                Next::Behind(next) => match self.behind(raw, next, keep)? {
                    Next::Value(next) => at = next,
                    Next::Behind(end) => return Some(end),
                },
            }
        }
    }

    /// A value that starts at `at`: where its first inner value starts, or what is behind it.
    fn value(&mut self, raw: &[u8], at: usize, keep: Keep<'_>) -> Option<Next> {
        let all = keep == Keep::Scalars;
        match *raw.get(at)? {
            b'"' => {
                let text = string(raw, at + 1)?;
                if all || self.is_wanted(raw, at + 1, text, keep) {
                    let node = self.value_node();
                    let Text { end, escaped } = text;
                    self.pieces.push(Piece { start: at + 1, end, node, role: Role::Value, escaped });
                }
                Some(Next::Behind(text.end + 1))
            }
            b'{' => {
                let first = blanks(raw, at + 1);
                if raw.get(first) == Some(&b'}') {
                    return Some(Next::Behind(first + 1));
                }
                self.enter(true);
                self.key(raw, first, keep).map(Next::Value)
            }
            b'[' => {
                let first = blanks(raw, at + 1);
                if raw.get(first) == Some(&b']') {
                    return Some(Next::Behind(first + 1));
                }
                self.enter(false);
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

    /// Whether a string is kept: of keys and values, those in which something may be found.
    fn is_wanted(&mut self, raw: &[u8], start: usize, text: Text, keep: Keep<'_>) -> bool {
        match keep {
            Keep::Strings | Keep::Scalars => {
                raw.get(start..text.end).is_some_and(|raw| is_telling(raw, text.escaped))
            }
            Keep::Marked(marks) => {
                while self.mark.1 < start {
                    self.mark = (self.mark.0 + 1, marks.offset(self.mark.0 + 1));
                }
                self.mark.1 < text.end
            }
        }
    }

    /// Goes into a container that is not empty.
    fn enter(&mut self, object: bool) {
        self.frames.push(Frame { object, child: UNMADE, step: Step::Index(0) });
    }

    /// What follows a value that ends at `at`: the next value, or the end of the root.
    fn behind(&mut self, raw: &[u8], at: usize, keep: Keep<'_>) -> Option<Next> {
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
                    return self.key(raw, key, keep).map(Next::Value);
                }
                (b',', false) => {
                    if let Step::Index(index) = &mut frame.step {
                        *index += 1;
                    }
                    frame.child = UNMADE;
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
    fn key(&mut self, raw: &[u8], at: usize, keep: Keep<'_>) -> Option<usize> {
        if raw.get(at) != Some(&b'"') {
            return None;
        }
        let text = string(raw, at + 1)?;
        let Text { end, escaped } = text;
        let start = at + 1;
        let colon = blanks(raw, end + 1);
        if raw.get(colon) != Some(&b':') {
            return None;
        }
        let value = blanks(raw, colon + 1);
        let root = self.frames.len() == 1;
        let frame = self.frames.last_mut()?;
        frame.step = Step::Key { start, end, escaped };
        frame.child = UNMADE;
        if self.is_wanted(raw, start, text, keep) {
            let node = self.value_node();
            self.pieces.push(Piece { start, end, node, role: Role::Key, escaped });
        }
        let key = raw.get(start..end)?;
        if root && (escaped || key.first() == Some(&b't')) {
            self.noted = NOTED.into_iter().find(|name| is_text(key, escaped, name)).map(|name| (name, value));
        }
        Some(value)
    }

    /// The node of the value that is being read; made with those of the containers around it, unless they are
    /// there.
    fn value_node(&mut self) -> u32 {
        let unmade = self.frames.iter().rev().take_while(|frame| frame.child == UNMADE).count();
        let first = self.frames.len() - unmade;
        let mut parent = first.checked_sub(1).and_then(|n| self.frames.get(n)).map_or(ROOT, |f| f.child);
        for frame in self.frames.iter_mut().skip(first) {
            // an event of four thousand million strings does not fit in memory
            let node = u32::try_from(self.nodes.len()).unwrap_or(ROOT);
            let key = match frame.step {
                Step::Key { .. } => node,
                Step::Index(_) => self.nodes.get(parent as usize).map_or(ROOT, |parent| parent.key),
            };
            self.nodes.push(Node { parent, key, step: frame.step });
            frame.child = node;
            parent = node;
        }
        parent
    }

    /// What was kept, in the order of the event.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// The noted members of the root, in the order of the event.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    fn clear(&mut self) {
        self.pieces.clear();
        self.nodes.clear();
        self.members.clear();
        self.frames.clear();
        self.noted = None;
    }

    /// Gives memory back that only a very large event needed.
    pub fn shrink(&mut self) {
        const KEPT: usize = 1 << 14;
        self.clear();
        self.pieces.shrink_to(KEPT);
        self.nodes.shrink_to(KEPT);
        self.members.shrink_to(KEPT);
        self.frames.shrink_to(KEPT);
    }

    /// The dotted path of a node; array steps are numbers. Of one longer than [`PATH_MAX`] bytes the innermost
    /// steps, behind `…`: so that a deep event costs no more than a wide one.
    pub fn path(&self, raw: &[u8], node: u32) -> Path {
        let mut steps = [0; STEPS];
        let mut more = Vec::new();
        let mut count = 0;
        let mut length = 0;
        let mut at = node;
        while let Some(node) = self.nodes.get(at as usize)
            && length <= PATH_MAX
        {
            match steps.get_mut(count) {
                Some(step) => *step = at,
                None => more.push(at),
            }
            count += 1;
            length += match node.step {
                Step::Key { start, end, .. } => 1 + (end - start).min(PATH_MAX),
                Step::Index(_) => 2,
            };
            at = node.parent;
        }
        let mut path = Path { text: String::with_capacity(length + 4), indexes: Vec::new() };
        if at != ROOT {
            path.text.push('…');
        }
        let near = steps.get(..count.min(STEPS)).unwrap_or_default();
        for node in more.iter().rev().chain(near.iter().rev()) {
            let before = path.text.len();
            if before > 0 {
                path.text.push('.');
            }
            match self.nodes.get(*node as usize).map(|node| node.step) {
                Some(Step::Key { start, end, escaped: false }) => {
                    let key = beginning(raw.get(start..end).unwrap_or_default(), false, PATH_MAX);
                    path.text.push_str(&String::from_utf8_lossy(key));
                }
                Some(Step::Key { start, end, escaped }) => {
                    path.text.push_str(&key_text(raw, start, end, escaped));
                }
                Some(Step::Index(index)) => {
                    path.text.push_str(&index.to_string());
                    path.indexes.push(before..path.text.len());
                }
                None => {}
            }
        }
        path
    }

    /// The innermost key on the way to a node, decoded; empty for the root.
    pub fn innermost_key(&self, raw: &[u8], node: u32) -> String {
        let key = self.nodes.get(node as usize).and_then(|node| self.nodes.get(node.key as usize));
        match key.map(|node| node.step) {
            Some(Step::Key { start, end, escaped }) => key_text(raw, start, end, escaped),
            _ => String::new(),
        }
    }

    /// The key of a value that is the value of a member, not an element of an array; and the number of the object,
    /// the same for all its members.
    pub fn member(&self, raw: &[u8], node: u32) -> Option<(u32, String)> {
        let node = self.nodes.get(node as usize)?;
        match node.step {
            Step::Key { start, end, escaped } => Some((node.parent, key_text(raw, start, end, escaped))),
            Step::Index(_) => None,
        }
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
                // six bytes of an escaped key are one of its text at least
                Step::Key { start, end, .. } if end - start > 6 * rest.len() => None,
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

/// Steps of a path that need no memory.
const STEPS: usize = 16;

/// Bytes of the longest path, and of the longest key in one.
pub const PATH_MAX: usize = 1 << 10;

fn key_text(raw: &[u8], start: usize, end: usize, escaped: bool) -> String {
    let key = raw.get(start..end).unwrap_or_default();
    decoded(beginning(key, escaped, PATH_MAX), escaped)
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

#[cfg(test)]
mod tests;
