//! All values of a text table that an automaton accepts: prefixes and single typos.
//!
//! Is: a walk over the sorted table beside an `fst` automaton, which leaps over what can no longer match.
//! Is not: the look-up of one value (`text`).
//! Invariants: values come in order, each once.
//! Fails: never.
//! Costs: for a prefix, some forty leaps of a microsecond for each of its bytes, then one step a value found.

use fst::Automaton;

use crate::index::table::text::{Cursor, Text};

/// What of a value the automaton reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    /// All of it.
    Whole,
    /// What stands before the last blank: a URL without its scheme.
    BeforeBlank,
}

/// The walk.
pub(crate) struct Search<'a, A: Automaton> {
    table: &'a Text,
    bytes: &'a [u8],
    cursor: Cursor<'a>,
    automaton: A,
    /// After no byte, after one, after two ... of the value at hand.
    states: Vec<A::State>,
    /// The automaton is lost after this many bytes.
    lost: Option<usize>,
    reads: Reads,
}

impl<'a, A: Automaton> Search<'a, A> {
    pub(crate) fn new(table: &'a Text, bytes: &'a [u8], automaton: A, reads: Reads) -> Search<'a, A> {
        let states = vec![automaton.start()];
        Search { table, bytes, cursor: table.cursor(bytes), automaton, states, lost: None, reads }
    }

    /// Goes behind all values that begin with the first `len` bytes of the one at hand.
    fn leap(&mut self, len: usize) {
        let mut behind = self.cursor.value().get(..len).unwrap_or_default().to_vec();
        while let Some(last) = behind.pop() {
            if let Some(next) = last.checked_add(1) {
                behind.push(next);
                break;
            }
        }
        let there = self.table.not_less(self.bytes, &behind);
        if !behind.is_empty() && there.next() > self.cursor.next() {
            self.cursor = there;
            self.lost = None;
        }
    }

    /// Whether the automaton accepts the value at hand, of which `shared` bytes are as before.
    fn accepts(&mut self, shared: usize) -> bool {
        self.states.truncate(shared + 1);
        let value = self.cursor.value();
        let end = match self.reads {
            Reads::Whole => value.len(),
            Reads::BeforeBlank => value.iter().rposition(|&byte| byte == b' ').unwrap_or(value.len()),
        };
        self.states.truncate(end + 1);
        let known = self.states.len() - 1;
        for (at, &byte) in value.iter().enumerate().take(end).skip(known) {
            let Some(state) = self.states.last() else { return false };
            let next = self.automaton.accept(state, byte);
            if !self.automaton.can_match(&next) {
                self.lost = Some(at + 1);
                return false;
            }
            self.states.push(next);
        }
        self.states.last().is_some_and(|state| self.automaton.is_match(state))
    }
}

impl<A: Automaton> Iterator for Search<'_, A> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        if self.states.first().is_none_or(|start| !self.automaton.can_match(start)) {
            return None;
        }
        loop {
            if let Some(len) = self.lost
                && self.cursor.at_border()
            {
                self.leap(len);
            }
            let step = self.cursor.advance()?;
            if self.lost.is_some_and(|len| step.shared >= len) {
                continue;
            }
            self.lost = None;
            if self.accepts(step.shared) {
                return Some(step.number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use fst::automaton::{Levenshtein, Str};

    use super::*;
    use crate::index::table::text::Writer;

    fn table(values: &BTreeSet<String>) -> Vec<u8> {
        let (mut writer, mut out) = (Writer::default(), Vec::new());
        for value in values {
            writer.push(value.as_bytes());
        }
        writer.finish(&mut out).unwrap();
        out
    }

    /// Optimal distance of at most one insertion, deletion or replacement.
    fn one_typo(a: &str, b: &str) -> bool {
        let (a, b) = (a.as_bytes(), b.as_bytes());
        let front = a.iter().zip(b).take_while(|(x, y)| x == y).count();
        let back = a[front..].iter().rev().zip(b[front..].iter().rev()).take_while(|(x, y)| x == y).count();
        (a.len() - front - back).max(b.len() - front - back) <= 1
    }

    #[test]
    fn agrees_with_looking_at_each() {
        // blocks that agree in long prefixes, so that steps, leaps and borders all occur
        let values: BTreeSet<String> = (0u32..4000)
            .map(|i| format!("{}pa{:o}.{}", ["", "pay", "paypal-"][i as usize % 3], i * 37 % 4096, i % 5))
            .collect();
        let bytes = table(&values);
        let table = Text::read(&bytes, 0..bytes.len()).unwrap();
        for prefix in ["", "p", "pay", "paypa7", "paypal-pa1", "zz", "pa77.1", "0"] {
            let found: Vec<u32> =
                Search::new(&table, &bytes, Str::new(prefix).starts_with(), Reads::Whole).collect();
            let wanted: Vec<u32> =
                (0..).zip(&values).filter(|(_, v)| v.starts_with(prefix)).map(|(i, _)| i).collect();
            assert_eq!(found, wanted, "{prefix}");
        }
        for text in ["paypa12.3", "pa7.1", "paypal-pa1234.4", "x"] {
            let automaton = Levenshtein::new(text, 1).unwrap();
            let found: Vec<u32> = Search::new(&table, &bytes, automaton, Reads::Whole).collect();
            let wanted: Vec<u32> =
                (0..).zip(&values).filter(|(_, v)| one_typo(v, text)).map(|(i, _)| i).collect();
            assert_eq!(found, wanted, "{text}");
        }
    }

    #[test]
    fn reads_a_url_without_its_scheme() {
        let values: BTreeSet<String> =
            ["a.com/ ", "a.com/ http", "a.com/ https", "a.com/h http", "a.com/x ftp"]
                .map(str::to_owned)
                .into();
        let bytes = table(&values);
        let table = Text::read(&bytes, 0..bytes.len()).unwrap();
        let found: Vec<u32> = Search::new(&table, &bytes, Str::new("a.com/"), Reads::BeforeBlank).collect();
        assert_eq!(found, [0, 1, 2]);
        let found: Vec<u32> =
            Search::new(&table, &bytes, Str::new("a.com/x").starts_with(), Reads::BeforeBlank).collect();
        assert_eq!(found, [4]);
    }
}
