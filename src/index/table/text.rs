//! Sorted text: names, URLs, mail addresses, and the strings of contexts.
//!
//! Is: front-coded blocks of 16 values behind an array of the first eight bytes of each block, which a binary
//! search reads without touching the text.
//! Is not: case folding or any other understanding of what the text is.
//! Invariants: ascending by bytes, each once.
//! Fails: never; text that runs out of its section, or shares more than there is, ends the look-up with `None`.
//! Costs: about 0.6 bytes a value beside the text, which for real domains takes 8.5 bytes; a look-up is one
//! binary search and on average eight steps in a block, without an allocation.
//!
//! ```text
//! number of values u32 | zero u32 | bytes of text u64 | column: where blocks start | heads u64 ... | text
//! a value: shared (high half) and own bytes (low half) in one byte, 15 meaning that the excess follows as a
//! varint, shared first; then its own bytes. The first value of a block shares nothing.
//! ```

use std::cmp::Ordering;
use std::ops::Range;

use crate::index::Error;
use crate::index::format::{Fields, damaged, put_varint};
use crate::index::table::column::{self, Column, Shape};

/// Values in a block.
const BLOCK: u32 = 16;

/// Where a table of text lies in the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Text {
    count: u32,
    starts: Column,
    heads: Range<usize>,
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

/// One value as it stands in a block.
#[derive(Clone, Copy, Debug)]
struct Coded<'a> {
    shared: usize,
    own: &'a [u8],
    /// What stands behind it.
    rest: &'a [u8],
}

impl<'a> Coded<'a> {
    #[inline]
    fn read(data: &'a [u8]) -> Option<Coded<'a>> {
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
        Some(Coded { shared, own, rest: fields.rest() })
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
        let zero = fields.u32()?;
        let data_len = usize::try_from(fields.u64()?).ok()?;
        let blocks = count.div_ceil(BLOCK);
        let (starts, end) = Column::read(bytes, range.start + 16..range.end)?;
        let heads = end..end.checked_add(blocks as usize * 8)?;
        let data = heads.end..heads.end.checked_add(data_len)?;
        let sound = zero == 0 && count > 0 && starts.len() == blocks && data.end == range.end;
        sound.then_some(Text { count, starts, heads, data })
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
            let coded = Coded::read(rest)?;
            rest = coded.rest;
            // the value before is smaller and agrees in `agreed` bytes: who shares more is smaller too, who
            // shares less is greater
            match (if i == 0 { 0 } else { coded.shared }).cmp(&agreed) {
                Ordering::Greater => continue,
                Ordering::Less => return None,
                Ordering::Equal => {}
            }
            let wanted = value.get(agreed..)?;
            let common = coded.own.iter().zip(wanted).take_while(|(a, b)| a == b).count();
            agreed += common;
            match (coded.own.get(common), wanted.get(common)) {
                (None, None) => return Some(first + i),
                (Some(_), None) => return None,
                (Some(there), Some(wanted)) if there > wanted => return None,
                (None | Some(_), Some(_)) => {}
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
        let (mut low, mut high) = (from, from + same);
        while low < high {
            let middle = low + (high - low) / 2;
            let first = self.block(bytes, u32::try_from(middle).ok()?).and_then(Coded::read)?;
            if first.own <= value {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        u32::try_from(low.checked_sub(1)?).ok()
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
            let Some(coded) = Coded::read(rest) else { return false };
            rest = coded.rest;
            if number % BLOCK == 0 {
                let head_there = heads.get((number / BLOCK) as usize).map(|head| u64::from_le_bytes(*head));
                let start_there = self.starts.get(bytes, number / BLOCK);
                let ascending = number == 0 || value.as_slice() < coded.own;
                if coded.shared != 0
                    || head_there != Some(head(coded.own))
                    || start_there != i64::try_from(start).ok()
                    || !ascending
                {
                    return false;
                }
            } else if coded.shared > value.len() || value.get(coded.shared..).unwrap_or_default() >= coded.own
            {
                return false;
            }
            value.truncate(coded.shared);
            value.extend_from_slice(coded.own);
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
        let coded = Coded::read(self.rest)?;
        self.rest = coded.rest;
        let kept = if first { 0 } else { coded.shared.min(self.value.len()) };
        let shared = if first && !self.fresh {
            self.value.iter().zip(coded.own).take_while(|(a, b)| a == b).count()
        } else {
            kept
        };
        self.value.truncate(kept);
        self.value.extend_from_slice(coded.own);
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

/// Writes a table; values come in ascending order.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    count: u32,
    starts: Vec<u64>,
    heads: Vec<u64>,
    data: Vec<u8>,
    last: Vec<u8>,
}

impl Writer {
    pub(crate) fn push(&mut self, value: &[u8]) {
        let mut shared = 0;
        if self.count.is_multiple_of(BLOCK) {
            self.starts.push(self.data.len() as u64);
            self.heads.push(head(value));
        } else {
            shared = self.last.iter().zip(value).take_while(|(a, b)| a == b).count();
        }
        let own = value.get(shared..).unwrap_or_default();
        let (high, low) = (shared.min(15), own.len().min(15));
        self.data.push(u8::try_from(high << 4 | low).unwrap_or_default());
        if let Some(more) = shared.checked_sub(15) {
            put_varint(&mut self.data, more);
        }
        if let Some(more) = own.len().checked_sub(15) {
            put_varint(&mut self.data, more);
        }
        self.data.extend_from_slice(own);
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
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&(self.data.len() as u64).to_le_bytes());
        column::write(out, self.starts.iter().map(|start| Some(start.cast_signed())), Shape::Line)?;
        for head in &self.heads {
            out.extend_from_slice(&head.to_le_bytes());
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

    fn written<'a>(values: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
        let (mut writer, mut out) = (Writer::default(), Vec::new());
        values.into_iter().for_each(|value| writer.push(value.as_bytes()));
        writer.finish(&mut out).unwrap();
        out
    }

    fn agrees(values: &BTreeSet<String>, probes: &[String]) {
        let bytes = written(values.iter().map(String::as_str));
        let table = Text::read(&bytes, 0..bytes.len()).unwrap();
        assert_eq!(table.count() as usize, values.len());
        assert!(table.is_sound(&bytes));
        let mut out = Vec::new();
        for (i, value) in (0..).zip(values) {
            assert_eq!(table.find(&bytes, value.as_bytes()), Some(i), "{value}");
            assert!(table.get(&bytes, i, &mut out) && out == value.as_bytes(), "{value}");
        }
        assert!(!table.get(&bytes, table.count(), &mut out));
        for probe in probes {
            assert_eq!(table.find(&bytes, probe.as_bytes()).is_some(), values.contains(probe), "{probe}");
            let mut cursor = table.not_less(&bytes, probe.as_bytes());
            let found = cursor.advance().map(|_| cursor.value().to_vec());
            let wanted = values.range(probe.clone()..).next().map(|v| v.as_bytes().to_vec());
            assert_eq!(found, wanted, "{probe}");
        }
        let mut cursor = table.cursor(&bytes);
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

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn agrees_with_a_set(
            values in proptest::collection::btree_set("[a-c.]{0,12}", 0..100),
            probes in proptest::collection::vec("[a-c.]{0,13}", 0..30),
        ) {
            agrees(&values, &probes);
        }

        #[test]
        fn damage_never_panics(
            seed in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..8),
            probe in "[a-c.]{0,13}",
        ) {
            let values: BTreeSet<String> = (0..60).map(|i| format!("{:b}.abc", i * 7)).collect();
            let mut bytes = written(values.iter().map(String::as_str));
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
