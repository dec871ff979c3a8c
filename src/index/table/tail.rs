//! Frequent ends of text: `.com`, `.duckdns.org`, `/ http`.
//!
//! Is: the choice of the ends that a table of text stores once, and the search for them while it is written.
//! Is not: reading; a table reads its tails by number (`text`).
//! Invariants: the same values give the same tails. A tail is longer than a byte and pays for itself.
//! Fails: never. Costs: a look at 16,384 values, then a walk of a few steps for each value written.

use std::collections::HashMap;

/// Tails of a table at most; their marks are bytes from 0x80 on, of which the last means none.
pub(crate) const TAILS_MAX: usize = 127;

/// Ends of values that are frequent enough to be stored once.
#[derive(Debug, Default)]
pub(crate) struct Tails {
    texts: Vec<Box<[u8]>>,
    nodes: Vec<Node>,
}

/// Where a walk over a value from its last byte to the left has come to.
#[derive(Clone, Debug)]
struct Node {
    /// The node behind each byte; 0 for none, as no walk comes back to the first.
    next: Box<[u16; 256]>,
    /// The tail that the bytes walked over are.
    mark: Option<u8>,
}

impl Tails {
    /// Values looked at to find frequent ends.
    const SAMPLE: usize = 1 << 14;
    /// Ends of a value that are tried.
    const DEPTH: usize = 3;
    /// Bytes of a tail at most.
    const LEN_MAX: usize = 64;

    /// The tails that save most in these values, of which an even sample is looked at.
    pub(crate) fn of<'a>(values: impl ExactSizeIterator<Item = &'a [u8]>) -> Tails {
        let step = values.len().div_ceil(Tails::SAMPLE).max(1);
        let mut counts: HashMap<&[u8], usize, ahash::RandomState> = HashMap::default();
        for value in values.step_by(step) {
            ends(value).for_each(|end| *counts.entry(end).or_default() += 1);
        }
        // what it saves, against what storing it once costs
        let mut gains: Vec<(usize, &[u8])> = counts
            .into_iter()
            .filter(|(end, count)| *count > 1 && (2..=Tails::LEN_MAX).contains(&end.len()))
            .map(|(end, count)| (count * step * (end.len() - 1), end))
            .filter(|(saved, end)| *saved > 2 * end.len())
            .collect();
        gains.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
        let mut tails = Tails::default();
        for (number, (_, end)) in (0u8..).zip(gains).take(TAILS_MAX) {
            tails.add(end, 0x80 | number);
        }
        tails
    }

    /// The tails, by number.
    pub(crate) fn texts(&self) -> &[Box<[u8]>] {
        &self.texts
    }

    fn add(&mut self, tail: &[u8], mark: u8) {
        self.texts.push(tail.into());
        let node = || Node { next: Box::new([0; 256]), mark: None };
        if self.nodes.is_empty() {
            self.nodes.push(node());
        }
        let mut at = 0;
        for &byte in tail.iter().rev() {
            let fresh = u16::try_from(self.nodes.len()).unwrap_or_default();
            let Some(next) = self.nodes.get_mut(at).map(|node| &mut node.next[usize::from(byte)]) else {
                return;
            };
            if *next == 0 {
                *next = fresh;
                at = usize::from(fresh);
                self.nodes.push(node());
            } else {
                at = usize::from(*next);
            }
        }
        if let Some(node) = self.nodes.get_mut(at) {
            node.mark = Some(mark);
        }
    }

    /// The longest tail that ends these bytes: what stands before it, and its mark.
    pub(crate) fn split<'a>(&self, own: &'a [u8]) -> Option<(&'a [u8], u8)> {
        let (mut node, mut found) = (self.nodes.first()?, None);
        for (at, &byte) in own.iter().enumerate().rev() {
            let next = usize::from(node.next[usize::from(byte)]);
            if next == 0 {
                break;
            }
            node = self.nodes.get(next)?;
            if let Some(mark) = node.mark {
                found = Some((at, mark));
            }
        }
        found.and_then(|(at, mark)| Some((own.get(..at)?, mark)))
    }
}

/// The last one, two, three ... parts of a value, each with the border before it.
fn ends(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let borders =
        value.iter().enumerate().rev().filter(|(_, byte)| matches!(byte, b'.' | b'/' | b' ' | b'@'));
    borders.take(Tails::DEPTH).filter_map(|(at, _)| value.get(at..))
}
