//! Sorted text: names, URLs, mail addresses, and the strings of contexts.
//!
//! Is: front-coded blocks of 16 values behind an array of the first eight bytes of each block, which a binary
//! search reads without touching the text; frequent ends (`.com`, `/ http`) take one byte.
//! Is not: case folding or any other understanding of what the text is.
//! Invariants: ascending by bytes, each once.
//! Fails: never; text that runs out of its section, or shares more than there is, ends the look-up with `None`.
//! Costs: about 0.6 bytes a value beside the text, which for real domains takes 10 bytes; a look-up is one binary
//! search and on average eight steps in a block, without an allocation.
//!
//! ```text
//! number of values u32 | number of tails u32 | bytes of text u64
//! column: where blocks start | heads u64 ... | tails: length as varint, text | text
//! a value: shared (high half) and own bytes (low half) in one byte, 15 meaning that the excess follows as a
//! varint, shared first; then its own bytes. The first value of a block shares nothing. In a table with tails a
//! last own byte from 0x80 on stands for the tail of that number; 0xff for none, behind text that would be taken
//! for one.
//! ```

use std::cmp::Ordering;
use std::ops::Range;

use crate::index::Error;
use crate::index::format::{Fields, damaged, put_varint};
use crate::index::table::column::{self, Column, Shape};
use crate::index::table::lower_bound;
use crate::index::table::tail::{TAILS_MAX, Tails};

/// Values in a block.
const BLOCK: u32 = 16;
/// Behind own bytes of which the last is 0x80 or more and stands for no tail.
const NO_TAIL: u8 = 0xff;

/// Where a table of text lies in the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Text {
    count: u32,
    starts: Column,
    heads: Range<usize>,
    tails: Vec<Range<usize>>,
    data: Range<usize>,
}

/// The first eight bytes as a number that sorts as they do.
pub(crate) fn head(text: &[u8]) -> u64 {
    if let Some(head) = text.first_chunk::<8>() {
        return u64::from_be_bytes(*head);
    }
    let mut head = [0; 8];
    for (place, byte) in head.iter_mut().zip(text) {
        *place = *byte;
    }
    u64::from_be_bytes(head)
}

/// One value as it stands in a block: what it shares, its own bytes, and a tail.
#[derive(Clone, Copy, Debug)]
struct Coded<'a> {
    shared: usize,
    own: &'a [u8],
    tail: &'a [u8],
    /// What stands behind it.
    rest: &'a [u8],
}

impl<'a> Coded<'a> {
    /// How own bytes and tail compare with these, and how many bytes agree.
    #[inline]
    fn compare(&self, wanted: &[u8]) -> (usize, Ordering) {
        let own = self.own.iter().zip(wanted).take_while(|(a, b)| a == b).count();
        if own < self.own.len() {
            return (own, self.own.get(own).cmp(&wanted.get(own)));
        }
        let behind = wanted.get(own..).unwrap_or_default();
        let tail = self.tail.iter().zip(behind).take_while(|(a, b)| a == b).count();
        (own + tail, self.tail.get(tail).cmp(&behind.get(tail)))
    }

    fn bytes(&self) -> impl Iterator<Item = &'a u8> + use<'a> {
        self.own.iter().chain(self.tail)
    }
}

impl Text {
    /// Reads the head of a section; an empty section is an empty table.
    pub(crate) fn read(bytes: &[u8], range: Range<usize>) -> Option<Text> {
        if range.is_empty() {
            return Some(Text::default());
        }
        let mut fields = Fields::new(bytes.get(range.clone())?);
        let count = fields.u32()?;
        let tail_count = fields.u32()?;
        let data_len = usize::try_from(fields.u64()?).ok()?;
        let blocks = count.div_ceil(BLOCK);
        let (starts, end) = Column::read(bytes, range.start + 16..range.end)?;
        let heads = end..end.checked_add(blocks as usize * 8)?;
        let mut fields = Fields::new(bytes.get(heads.end..range.end)?);
        let mut tails = Vec::new();
        if tail_count as usize > TAILS_MAX {
            return None;
        }
        for _ in 0..tail_count {
            let len = fields.varint()?;
            let start = range.end - fields.rest().len();
            fields.take(len)?;
            tails.push(start..start + len);
        }
        let data = range.end - fields.rest().len()..range.end;
        let sound = count > 0 && starts.len() == blocks && data.len() == data_len;
        sound.then_some(Text { count, starts, heads, tails, data })
    }

    /// Reads the value at the start of `data`.
    #[inline]
    fn coded<'a>(&self, bytes: &'a [u8], data: &'a [u8]) -> Option<Coded<'a>> {
        let (&byte, rest) = data.split_first()?;
        let (mut shared, mut own) = (usize::from(byte >> 4), usize::from(byte & 15));
        let mut fields = Fields::new(rest);
        if shared == 15 {
            shared = fields.varint()?.checked_add(15)?;
        }
        if own == 15 {
            own = fields.varint()?.checked_add(15)?;
        }
        let own = fields.take(own)?;
        let rest = fields.rest();
        if let Some((&last, before)) = own.split_last()
            && last >= 0x80
            && !self.tails.is_empty()
        {
            let tail: &[u8] = match last {
                NO_TAIL => &[],
                number => bytes.get(self.tails.get(usize::from(number & 0x7f))?.clone())?,
            };
            return Some(Coded { shared, own: before, tail, rest });
        }
        Some(Coded { shared, own, tail: &[], rest })
    }

    pub(crate) const fn count(&self) -> u32 {
        self.count
    }

    /// The number of a value.
    pub(crate) fn find(&self, bytes: &[u8], value: &[u8]) -> Option<u32> {
        let block = self.block_of(bytes, value)?;
        let mut rest = self.block(bytes, block)?;
        let first = block * BLOCK;
        let mut agreed = 0;
        for i in 0..BLOCK.min(self.count - first) {
            let coded = self.coded(bytes, rest)?;
            rest = coded.rest;
            // the value before is smaller and agrees in `agreed` bytes: who shares more is smaller too, who
            // shares less is greater
            match (if i == 0 { 0 } else { coded.shared }).cmp(&agreed) {
                Ordering::Greater => continue,
                Ordering::Less => return None,
                Ordering::Equal => {}
            }
            let (common, order) = coded.compare(value.get(agreed..)?);
            match order {
                Ordering::Less => agreed += common,
                Ordering::Equal => return Some(first + i),
                Ordering::Greater => return None,
            }
        }
        None
    }

    /// Writes value number `i` into `out`; `false` when there is none.
    pub(crate) fn get(&self, bytes: &[u8], i: u32, out: &mut Vec<u8>) -> bool {
        let mut cursor = self.at_block(bytes, i / BLOCK);
        while let Some(step) = cursor.advance() {
            if step.number == i {
                out.clear();
                out.extend_from_slice(cursor.value());
                return true;
            }
        }
        false
    }

    /// A cursor before the first value.
    pub(crate) fn cursor<'a>(&'a self, bytes: &'a [u8]) -> Cursor<'a> {
        self.at_block(bytes, 0)
    }

    /// A cursor before the first value that is not less than this.
    pub(crate) fn not_less<'a>(&'a self, bytes: &'a [u8], value: &[u8]) -> Cursor<'a> {
        let mut cursor = self.at_block(bytes, self.block_of(bytes, value).unwrap_or(0));
        while cursor.advance().is_some() {
            if cursor.value() >= value {
                cursor.put_back();
                break;
            }
        }
        cursor
    }

    fn at_block<'a>(&'a self, bytes: &'a [u8], block: u32) -> Cursor<'a> {
        let next = block.saturating_mul(BLOCK);
        Cursor { table: self, bytes, next, rest: &[], value: Vec::new(), held: false, fresh: true }
    }

    /// The last block whose first value is not greater.
    fn block_of(&self, bytes: &[u8], value: &[u8]) -> Option<u32> {
        let (heads, _) = bytes.get(self.heads.clone())?.as_chunks::<8>();
        let wanted = head(value);
        let from = heads.partition_point(|head| u64::from_le_bytes(*head) < wanted);
        // blocks whose first eight bytes are the same: whole values decide
        let alike = heads.get(from..)?;
        let same = alike.partition_point(|head| u64::from_le_bytes(*head) <= wanted);
        let (from, to) = (u32::try_from(from).ok()?, u32::try_from(from + same).ok()?);
        let not_greater = |block: u32| {
            let first = self.block(bytes, block).and_then(|block| self.coded(bytes, block));
            first.is_some_and(|first| first.compare(value).1.is_le())
        };
        lower_bound(from..to, not_greater).checked_sub(1)
    }

    /// The text from the start of a block on.
    fn block<'a>(&self, bytes: &'a [u8], block: u32) -> Option<&'a [u8]> {
        let start = usize::try_from(self.starts.get(bytes, block)?).ok()?;
        bytes.get(self.data.clone())?.get(start..)
    }

    /// Whether all that is redundant agrees: heads, starts of blocks, order, and that nothing is left over.
    pub(crate) fn is_sound(&self, bytes: &[u8]) -> bool {
        let Some(data) = bytes.get(self.data.clone()) else { return false };
        let (heads, _) = bytes.get(self.heads.clone()).unwrap_or_default().as_chunks::<8>();
        let (mut rest, mut value) = (data, Vec::new());
        for number in 0..self.count {
            let start = data.len() - rest.len();
            let Some(coded) = self.coded(bytes, rest) else { return false };
            rest = coded.rest;
            let ascending =
                number == 0 || coded.compare(value.get(coded.shared..).unwrap_or_default()).1.is_gt();
            if coded.shared > value.len() || !ascending {
                return false;
            }
            value.truncate(coded.shared);
            value.extend(coded.bytes());
            if number % BLOCK == 0 {
                let head_there = heads.get((number / BLOCK) as usize).map(|head| u64::from_le_bytes(*head));
                let start_there = self.starts.get(bytes, number / BLOCK);
                if coded.shared != 0
                    || head_there != Some(head(&value))
                    || start_there != i64::try_from(start).ok()
                {
                    return false;
                }
            }
            if std::str::from_utf8(&value).is_err() {
                return false;
            }
        }
        rest.is_empty()
    }
}

/// Walks over values in order.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    table: &'a Text,
    bytes: &'a [u8],
    next: u32,
    rest: &'a [u8],
    value: Vec<u8>,
    held: bool,
    fresh: bool,
}

/// One step of a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// The value's number.
    pub(crate) number: u32,
    /// Bytes that are the same as in the value of the step before (at least); 0 in the first step.
    pub(crate) shared: usize,
}

impl Cursor<'_> {
    /// Goes to the next value.
    pub(crate) fn advance(&mut self) -> Option<Step> {
        if self.held {
            self.held = false;
            return Some(Step { number: self.next.checked_sub(1)?, shared: 0 });
        }
        let number = self.next;
        if number >= self.table.count {
            return None;
        }
        let first = number.is_multiple_of(BLOCK);
        if first {
            self.rest = self.table.block(self.bytes, number / BLOCK)?;
        }
        let coded = self.table.coded(self.bytes, self.rest)?;
        self.rest = coded.rest;
        let kept = if first { 0 } else { coded.shared.min(self.value.len()) };
        let shared = if first && !self.fresh {
            self.value.iter().zip(coded.bytes()).take_while(|(a, b)| a == b).count()
        } else {
            kept
        };
        self.value.truncate(kept);
        self.value.extend_from_slice(coded.own);
        self.value.extend_from_slice(coded.tail);
        self.next += 1;
        let shared = if self.fresh { 0 } else { shared };
        self.fresh = false;
        Some(Step { number, shared })
    }

    /// The value of the last step.
    pub(crate) fn value(&self) -> &[u8] {
        &self.value
    }

    /// The number of the value that comes next.
    pub(crate) const fn next(&self) -> u32 {
        if self.held { self.next.saturating_sub(1) } else { self.next }
    }

    /// Whether the next value starts a block.
    pub(crate) const fn at_border(&self) -> bool {
        self.next.is_multiple_of(BLOCK)
    }

    /// Lets the next step give the value of the last one once more.
    const fn put_back(&mut self) {
        self.held = true;
    }
}

/// How many first bytes are the same.
fn common(a: &[u8], b: &[u8]) -> usize {
    let mut same = 0;
    for (a, b) in a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0) {
        let differ = u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
        if differ != 0 {
            return same + (differ.trailing_zeros() / 8) as usize;
        }
        same += 8;
    }
    let rest = a.iter().skip(same).zip(b.iter().skip(same));
    same + rest.take_while(|(a, b)| a == b).count()
}

/// Writes a table; values come in ascending order.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    count: u32,
    starts: Vec<u64>,
    heads: Vec<u64>,
    data: Vec<u8>,
    last: Vec<u8>,
    tails: Tails,
}

impl Writer {
    /// A writer that stores these tails once.
    pub(crate) fn new(tails: Tails) -> Writer {
        Writer { tails, ..Writer::default() }
    }

    pub(crate) fn push(&mut self, value: &[u8]) {
        let mut shared = 0;
        if self.count.is_multiple_of(BLOCK) {
            self.starts.push(self.data.len() as u64);
            self.heads.push(head(value));
        } else {
            shared = common(&self.last, value);
        }
        let own = value.get(shared..).unwrap_or_default();
        let (before, mark) = match self.tails.split(own) {
            Some((before, mark)) => (before, Some(mark)),
            None if !self.tails.texts().is_empty() && own.last() >= Some(&0x80) => (own, Some(NO_TAIL)),
            None => (own, None),
        };
        let stored = before.len() + usize::from(mark.is_some());
        let (high, low) = (shared.min(15), stored.min(15));
        self.data.push(u8::try_from(high << 4 | low).unwrap_or_default());
        if let Some(more) = shared.checked_sub(15) {
            put_varint(&mut self.data, more);
        }
        if let Some(more) = stored.checked_sub(15) {
            put_varint(&mut self.data, more);
        }
        self.data.extend_from_slice(before);
        self.data.extend(mark);
        self.last.truncate(shared);
        self.last.extend_from_slice(own);
        self.count += 1;
    }

    /// Writes the section; nothing at all for an empty table.
    ///
    /// # Errors
    /// [`Error::Damaged`] when the text passes what a column holds.
    pub(crate) fn finish(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        if self.count == 0 {
            return Ok(());
        }
        i64::try_from(self.data.len()).map_err(|_| damaged("text passes a limit of the snapshot format"))?;
        out.reserve(self.data.len() + self.heads.len() * 12 + 64);
        out.extend_from_slice(&self.count.to_le_bytes());
        let tails = u32::try_from(self.tails.texts().len()).unwrap_or_default();
        out.extend_from_slice(&tails.to_le_bytes());
        out.extend_from_slice(&(self.data.len() as u64).to_le_bytes());
        column::write(out, self.starts.iter().map(|start| Some(start.cast_signed())), Shape::Line)?;
        for head in &self.heads {
            out.extend_from_slice(&head.to_le_bytes());
        }
        for tail in self.tails.texts() {
            put_varint(out, tail.len());
            out.extend_from_slice(tail);
        }
        out.extend_from_slice(&self.data);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn written(values: &BTreeSet<String>, tails: Tails) -> Vec<u8> {
        let (mut writer, mut out) = (Writer::new(tails), Vec::new());
        for value in values {
            writer.push(value.as_bytes());
        }
        writer.finish(&mut out).unwrap();
        out
    }

    fn tails(values: &BTreeSet<String>) -> Tails {
        Tails::of(values.iter().map(String::as_bytes).collect::<Vec<_>>().into_iter())
    }

    fn agrees(values: &BTreeSet<String>, probes: &[String]) {
        agree(values, probes, &written(values, Tails::default()));
        agree(values, probes, &written(values, tails(values)));
    }

    fn agree(values: &BTreeSet<String>, probes: &[String], bytes: &[u8]) {
        let table = Text::read(bytes, 0..bytes.len()).unwrap();
        assert_eq!(table.count() as usize, values.len());
        assert!(table.is_sound(bytes));
        let mut out = Vec::new();
        for (i, value) in (0..).zip(values) {
            assert_eq!(table.find(bytes, value.as_bytes()), Some(i), "{value}");
            assert!(table.get(bytes, i, &mut out) && out == value.as_bytes(), "{value}");
        }
        assert!(!table.get(bytes, table.count(), &mut out));
        for probe in probes {
            assert_eq!(table.find(bytes, probe.as_bytes()).is_some(), values.contains(probe), "{probe}");
            let mut cursor = table.not_less(bytes, probe.as_bytes());
            let found = cursor.advance().map(|_| cursor.value().to_vec());
            let wanted = values.range(probe.clone()..).next().map(|v| v.as_bytes().to_vec());
            assert_eq!(found, wanted, "{probe}");
        }
        let mut cursor = table.cursor(bytes);
        let mut before: Vec<u8> = Vec::new();
        for (i, value) in (0..).zip(values) {
            let step = cursor.advance().unwrap();
            assert_eq!((step.number, cursor.value()), (i, value.as_bytes()));
            assert_eq!(before.get(..step.shared), value.as_bytes().get(..step.shared));
            before = cursor.value().to_vec();
        }
        assert_eq!(cursor.advance(), None);
    }

    #[test]
    fn many_with_the_same_first_bytes() {
        let values: BTreeSet<String> = (0..500).map(|i| format!("www.same-start.example/{i}/")).collect();
        let probes: Vec<String> = (0..500).map(|i| format!("www.same-start.example/{i}")).collect();
        agrees(&values, &probes);
    }

    #[test]
    fn short_empty_and_long() {
        let mut values: BTreeSet<String> = ["", "a", "a\0", "a\0\0", "b", "ü"].map(str::to_owned).into();
        values.insert("a".repeat(100_000));
        values.insert("a".repeat(100_001));
        agrees(&values, &["a".repeat(99_999), "a\0\0\0".into(), "zz".into(), "\u{10ffff}".into()]);
        agrees(&BTreeSet::new(), &["a".into()]);
    }

    #[test]
    fn frequent_ends_are_stored_once() {
        let names: BTreeSet<String> = (0..10_000)
            .map(|i| {
                format!("{:x}{}", i * 7919, [".example", ".tail.example", ".example/ http", ".ü"][i % 4])
            })
            .collect();
        agrees(&names, &["1.example".into(), "1.ü".into(), "1.ý".into(), "1.example/ https".into()]);
        let (plain, short) = (written(&names, Tails::default()), written(&names, tails(&names)));
        assert!(short.len() + 50_000 < plain.len(), "{} and {}", short.len(), plain.len());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn agrees_with_a_set(
            values in proptest::collection::btree_set("[a-cü.]{0,12}", 0..100),
            probes in proptest::collection::vec("[a-cü.]{0,13}", 0..30),
        ) {
            agrees(&values, &probes);
        }

        #[test]
        fn damage_never_panics(
            seed in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..8),
            probe in "[a-c.]{0,13}",
        ) {
            let values: BTreeSet<String> = (0..60).map(|i| format!("{:b}.abc", i * 7)).collect();
            let mut bytes = written(&values, tails(&values));
            for (at, byte) in seed {
                let at = usize::from(at) % bytes.len();
                bytes[at] = byte;
            }
            if let Some(table) = Text::read(&bytes, 0..bytes.len()) {
                table.find(&bytes, probe.as_bytes());
                table.get(&bytes, 17, &mut Vec::new());
                let mut cursor = table.not_less(&bytes, probe.as_bytes());
                while cursor.advance().is_some() {}
                table.is_sound(&bytes);
            }
        }
    }
}
