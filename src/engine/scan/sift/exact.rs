//! Runs that only the exact cut can read: with `\u` escapes, or with other characters than ASCII.
//!
//! Is: such a run decoded where need be, cut by [`Tokens`](crate::engine::token::Tokens), its tokens looked up.
//! Is not: a judgement; a token that is listed is a mark. Invariant: no byte is read twice, whatever stands there.
//! Fails: never. Costs: some hundred nanoseconds a run.

use crate::engine::event::grammar::undo_escapes;
use crate::engine::scan::anchor::Anchors;
use crate::engine::scan::key;
use crate::engine::scan::sift::{Chunk, Done};
use crate::engine::token::What;
use crate::index::filter::KeyKind;
use crate::observable::Name;

impl Chunk<'_> {
    /// A `\u` escape may stand for any letter of a token: the run around it is decoded and cut. What it may hide of
    /// a URL's path or the local part of a mail address is asked for where their names are.
    pub(super) fn escapes(&mut self, anchors: &Anchors, done: &mut Done) {
        for at in anchors.escapes.iter() {
            let at = self.from + at;
            if at < done.escapes || !self.is_letter_escape(at) || !odd_backslashes(self.data, at) {
                continue;
            }
            let mut start = at;
            while start > done.escapes && self.data.get(start - 1).is_some_and(|&b| is_part(b)) {
                start -= 1;
            }
            // back-slashes in front escape its first letter, or stand for one that may be read as doing so
            while start > done.escapes && self.data.get(start - 1) == Some(&b'\\') {
                start -= 1;
            }
            let mut end = at;
            loop {
                end += match self.data.get(end) {
                    Some(b'\\') if self.is_letter_escape(end) => 6,
                    Some(&byte) if is_part(byte) => 1,
                    _ => break,
                }
            }
            done.escapes = end;
            if self.is_decoded_listed(start, end) {
                self.marks.push(at);
            }
        }
    }

    fn is_letter_escape(&self, at: usize) -> bool {
        let escape = self.data.get(at + 1..at + 6);
        escape.is_some_and(|e| e.first() == Some(&b'u') && e.iter().skip(1).all(u8::is_ascii_hexdigit))
    }

    /// Whether something listed, or the name of it, is among the tokens of what these bytes stand for in JSON.
    fn is_decoded_listed(&mut self, start: usize, end: usize) -> bool {
        let mut text = std::mem::take(self.decoded);
        text.clear();
        undo_escapes(self.data.get(start..end).unwrap_or_default(), &mut text);
        let may_be = text.len() >= 32 || memchr::memchr2(b'.', b':', &text).is_some();
        let mut tokens = std::mem::take(self.tokens);
        let listed = may_be
            && tokens.read(&text).iter().any(|candidate| {
                let text = text.get(candidate.start..candidate.end).unwrap_or_default();
                match candidate.what {
                    What::Name { .. } => self.is_name_listed(text),
                    What::Address(address) | What::AddressPort(address, _) => self.is_listed_address(address),
                    What::Digest => self.is_digest_listed(text),
                    // their names are tokens of their own
                    What::Mail { .. } | What::Url { .. } => false,
                }
            });
        *self.tokens = tokens;
        *self.decoded = text;
        listed
    }

    /// A run that names with other characters than ASCII may be in, by the exact cut.
    #[cold]
    #[inline(never)]
    pub(super) fn unicode_run(&mut self, end: usize, done: &mut Done) {
        if end <= done.unicode {
            return;
        }
        let region = self.region(end, end, done.unicode, |b| key::in_label(b) || b == b'.');
        done.unicode = region.end;
        let from = region.start.saturating_sub(1);
        let text = self.data.get(from..region.end).unwrap_or_default();
        let mut tokens = std::mem::take(self.tokens);
        for candidate in tokens.read(text) {
            let name = text
                .get(candidate.start..candidate.end)
                .filter(|_| matches!(candidate.what, What::Name { .. }));
            if name.is_some_and(|name| self.is_name_listed(name)) {
                self.marks.push(from + candidate.start);
            }
        }
        *self.tokens = tokens;
    }

    fn is_name_listed(&self, text: &[u8]) -> bool {
        let name = std::str::from_utf8(text).ok().and_then(|text| Name::parse(text).ok());
        name.is_some_and(|name| self.is_canonical_name(name.as_str()))
    }

    /// Whether the name, or one that it ends in, is listed or the end of something listed.
    pub(super) fn is_canonical_name(&self, name: &str) -> bool {
        let mut starts = name.rmatch_indices('.').map(|(at, _)| at + 1).skip(1).chain([0]);
        starts.find_map(|start| {
            let presence =
                self.filter.ask(self.hasher.text(name.as_bytes(), start, name.len(), KeyKind::Name));
            let listed = || name.get(start..).is_some_and(|text| self.snapshot.name(text).is_some());
            if presence.listed && listed() || presence.path && start == 0 {
                Some(true)
            } else {
                (!presence.path).then_some(false)
            }
        }) == Some(true)
    }
}

/// Whether a byte may be part of a run whose escapes are undone.
fn is_part(byte: u8) -> bool {
    key::in_label(byte) || matches!(byte, b'.' | b':' | b'%')
}

fn odd_backslashes(data: &[u8], at: usize) -> bool {
    let before = data.get(..at).unwrap_or_default();
    before.iter().rev().take_while(|&&b| b == b'\\').count() % 2 == 0
}
