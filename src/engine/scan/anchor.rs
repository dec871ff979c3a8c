//! Anchors: the places at which a candidate may end (names, dotted quads) or lies (digests, IPv6, `\u` escapes).
//!
//! Bit tricks on class masks, 64 bytes at a time. A run of ones that starts at a set bit of `start` is found by
//! addition: `run + start` carries through the run and leaves a one behind it. Carries cross blocks, so that
//! where blocks begin makes no difference.

use crate::engine::scan::{BLOCK, Classes, Masks};

/// Bytes scanned before their candidates are looked up; positions fit the caches.
pub(super) const CHUNK: usize = 32 << 10;

/// What is looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(super) struct Look {
    pub(super) names: bool,
    /// Last labels that start with a digit or hyphen, or have an underscore, count as well.
    pub(super) odd_names: bool,
    pub(super) ip4: bool,
    pub(super) ip6: bool,
    pub(super) digests: bool,
}

impl Look {
    /// What a mixed list needs.
    const ALL: Look = Look { names: true, odd_names: false, ip4: true, ip6: true, digests: true };
}

/// A list of positions relative to the chunk, written without a check for each.
#[derive(Debug)]
pub(super) struct Positions {
    slots: Box<[u32]>,
    len: usize,
}

impl Positions {
    fn new(per_chunk: usize) -> Positions {
        Positions { slots: vec![0; per_chunk + 2 * BLOCK].into_boxed_slice(), len: 0 }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.slots.iter().take(self.len).map(|&at| at as usize)
    }

    fn writer(&mut self) -> Writer<'_> {
        Writer { free: &mut self.slots, written: 0 }
    }
}

/// Fills a list of positions.
#[derive(Debug)]
struct Writer<'a> {
    free: &'a mut [u32],
    written: usize,
}

impl Writer<'_> {
    /// Adds the positions of set bits. Two are written in any case: most blocks have at most two.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "inner loop, per tier")]
    fn put(&mut self, mut bits: u64, at: u32) {
        let Some(free) = self.free.get_mut(self.written..).and_then(|s| s.first_chunk_mut::<BLOCK>()) else {
            return;
        };
        let count = bits.count_ones() as usize;
        free[0] = at + bits.trailing_zeros();
        bits &= bits.wrapping_sub(1);
        free[1] = at + bits.trailing_zeros();
        if count > 2 {
            bits &= bits.wrapping_sub(1);
            for slot in free.iter_mut().take(count).skip(2) {
                *slot = at + bits.trailing_zeros();
                bits &= bits.wrapping_sub(1);
            }
        }
        self.written += count;
    }
}

/// Positions found in one chunk.
#[derive(Debug)]
pub(super) struct Anchors {
    /// Behind the last label of a name.
    pub(super) names: Positions,
    /// Behind a run of digits and dots with at least two close dots.
    pub(super) quads: Positions,
    /// At 16 aligned hexadecimal digits.
    pub(super) digests: Positions,
    /// At a block that, with the block before, may hold an IPv6 address.
    pub(super) ip6: Positions,
    /// At a back-slash before `u` (or at the end of a block).
    pub(super) escapes: Positions,
}

impl Anchors {
    pub(super) fn new() -> Anchors {
        Anchors {
            names: Positions::new(CHUNK),
            quads: Positions::new(CHUNK),
            digests: Positions::new(CHUNK / 16),
            ip6: Positions::new(CHUNK / BLOCK),
            escapes: Positions::new(CHUNK),
        }
    }
}

/// What one block tells the next.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Carry {
    label_before: u64,
    dot_before: u64,
    name_run: u64,
    ascii_run: u64,
    quad_run: u64,
    group_before: u64,
    colon_groups: u32,
}

/// The anchors of one chunk of `data`, from `from` to `to`. Chunks follow each other without gaps and are whole
/// blocks but for the last, which ends at the end of `data`.
#[inline(always)]
#[expect(clippy::inline_always, reason = "has to land in the tier's entry function")]
pub(super) fn find<C: Classes>(
    data: &[u8],
    from: usize,
    to: usize,
    look: Look,
    carry: &mut Carry,
    anchors: &mut Anchors,
) {
    if look == Look::ALL {
        walk::<C>(data, from, to, Look::ALL, carry, anchors);
    } else {
        walk::<C>(data, from, to, look, carry, anchors);
    }
}

/// [`find`], compiled once for the usual [`Look`] and once for all others.
#[inline(always)]
#[expect(clippy::inline_always, reason = "has to land in the tier's entry function")]
#[expect(clippy::cast_possible_truncation, reason = "below CHUNK + BLOCK")]
fn walk<C: Classes>(
    data: &[u8],
    from: usize,
    to: usize,
    look: Look,
    carry: &mut Carry,
    anchors: &mut Anchors,
) {
    let mut state = *carry;
    let mut writers = Writers {
        names: anchors.names.writer(),
        quads: anchors.quads.writer(),
        digests: anchors.digests.writer(),
        ip6: anchors.ip6.writer(),
        escapes: anchors.escapes.writer(),
    };
    let (blocks, rest) = data.get(from..to).unwrap_or_default().as_chunks::<BLOCK>();
    let mut at = 0;
    for block in blocks {
        one_block(C::classify(block), block, at, look, &mut state, &mut writers);
        at += BLOCK as u32;
    }
    if to == data.len() {
        // zeros are of no class: what runs up to the end is ended
        let mut block = [0u8; BLOCK];
        if let Some(start) = block.get_mut(..rest.len()) {
            start.copy_from_slice(rest);
        }
        one_block(C::classify(&block), &block, at, look, &mut state, &mut writers);
    }
    *carry = state;
    let written =
        [&writers.names, &writers.quads, &writers.digests, &writers.ip6, &writers.escapes].map(|w| w.written);
    [anchors.names.len, anchors.quads.len, anchors.digests.len, anchors.ip6.len, anchors.escapes.len] =
        written;
}

/// Where the anchors of a chunk are written.
#[derive(Debug)]
struct Writers<'a> {
    names: Writer<'a>,
    quads: Writer<'a>,
    digests: Writer<'a>,
    ip6: Writer<'a>,
    escapes: Writer<'a>,
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "has to land in the tier's entry function")]
fn one_block(
    m: Masks,
    block: &[u8; BLOCK],
    at: u32,
    look: Look,
    carry: &mut Carry,
    anchors: &mut Writers<'_>,
) {
    if look.names {
        anchors.names.put(name_ends(m, look.odd_names, carry), at);
    }
    if look.ip4 {
        anchors.quads.put(quad_ends(m, carry), at);
    }
    if look.digests {
        let runs = hex_runs(m);
        if runs != 0 {
            anchors.digests.put(runs, at);
        }
    }
    if look.ip6 && ip6_near(m, carry) {
        anchors.ip6.put(1, at);
    }
    if m.backslash != 0 {
        anchors.escapes.put(before_u(m.backslash, block), at);
    }
}

/// Behind the last label: it starts with a letter (or a byte above 0x7f) right after a dot that follows a label,
/// and ends at a byte that is no part of a name, or at a dot that leads to no further label.
#[inline(always)]
#[expect(clippy::inline_always, reason = "has to land in the tier's entry function")]
fn name_ends(m: Masks, odd: bool, carry: &mut Carry) -> u64 {
    let part = m.label | m.underscore;
    let (run, first) = if odd { (part, part) } else { (m.label, m.alpha | m.high) };

    let inner_dot = m.dot & (part << 1 | carry.label_before);
    carry.label_before = part >> 63;
    let start = (inner_dot << 1 | carry.dot_before) & first;
    carry.dot_before = inner_dot >> 63;

    let ascii_run = carry.ascii_run;
    let ascii_only = m.high == 0 && ascii_run == carry.name_run;
    let sum = behind(run, start, &mut carry.name_run);
    carry.ascii_run = carry.name_run;
    // a dot at the end of the block may be the last one
    let ends = sum & !(part | m.dot & part >> 1);
    if ascii_only {
        return ends;
    }
    // a byte above 0x7f may be a border (a quote, a dash, an emoji) in the middle of what looks like one token
    let ascii = run & !m.high;
    carry.ascii_run = ascii_run;
    ends | behind(ascii, start & ascii, &mut carry.ascii_run) & !ascii & m.high
}

/// The bit behind each run of ones in `run` that has a bit of `start` in it or goes on from the block before; and
/// bits in the runs that mean nothing.
#[inline(always)]
#[expect(clippy::inline_always, reason = "has to land in the tier's entry function")]
fn behind(run: u64, start: u64, carry: &mut u64) -> u64 {
    let (sum, over) = run.overflowing_add(start | *carry);
    *carry = u64::from(over);
    sum
}

/// Behind a run of digits and dots in which a dot follows a digit and another dot two to four bytes before.
#[inline(always)]
#[expect(clippy::inline_always, reason = "has to land in the tier's entry function")]
fn quad_ends(m: Masks, carry: &mut Carry) -> u64 {
    // of the three dots the first two or the last two stand in one block: nothing is carried over
    let near_dot = (m.dot | m.dot << 1 | m.dot << 2) << 2;
    let start = m.dot & m.digit << 1 & near_dot;

    let run = m.digit | m.dot;
    let ends = behind(run, start, &mut carry.quad_run) & !run;
    let words = ends & (m.alpha | m.underscore);
    // two dots are a border, whatever follows; those of the block before are not known
    let dots = m.dot << 1 & m.dot << 2 | 3;
    if words == 0 { ends } else { ends & !(words & !dots) }
}

/// A one in each of four lanes of 16 bits.
const EACH: u64 = 0x0001_0001_0001_0001;

/// The first of 16 aligned hexadecimal digits.
#[inline(always)]
#[expect(clippy::inline_always, reason = "has to land in the tier's entry function")]
fn hex_runs(m: Masks) -> u64 {
    // only fifteen ones carry into the sixteenth bit
    let fifteen = (m.hex & (0x7fff * EACH)) + EACH;
    (fifteen & m.hex & (0x8000 * EACH)) >> 15
}

/// Two colons side by side, or one between hexadecimal digits, the fifth with those of the block before: an
/// address without `::` has seven of them (six with a dotted tail), and one may be lost at the border of blocks. What
/// the block before ends with counts as either.
#[inline(always)]
#[expect(clippy::inline_always, reason = "has to land in the tier's entry function")]
fn ip6_near(m: Masks, carry: &mut Carry) -> bool {
    let before = (m.colon | m.hex) << 1 | carry.group_before;
    carry.group_before = (m.colon | m.hex) >> 63;
    if m.colon & before == 0 {
        carry.colon_groups = 0;
        return false;
    }
    let double = m.colon & before & !(m.hex << 1);
    let groups = (m.colon & before & (m.hex >> 1 | 1 << 63)).count_ones();
    let groups_before = std::mem::replace(&mut carry.colon_groups, groups);
    double != 0 || groups + groups_before >= 5
}

/// The back-slashes that stand before `u` or at the end of the block.
fn before_u(mut backslashes: u64, block: &[u8; BLOCK]) -> u64 {
    let mut found = 0;
    while backslashes != 0 {
        let bit = backslashes & backslashes.wrapping_neg();
        let next = block.get(bit.trailing_zeros() as usize + 1);
        if next.is_none_or(|&byte| byte == b'u') {
            found |= bit;
        }
        backslashes ^= bit;
    }
    found
}
