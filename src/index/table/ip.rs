//! Addresses, networks, addresses with a port.
//!
//! Is: sorted tables of numbers, and the answer to "may a network contain this?" that the scan asks of every
//! address.
//! Is not: policy; reserved ranges are tables like any other here.
//! Invariants: ascending; networks by prefix length, then address, host bits zero.
//! Fails: never; sections whose lengths do not fit are refused when they are read.
//! Costs: an address is one binary search; the networks of an address one for each prefix length that occurs;
//! [`Touched::v4`] is one bit of an 8 KiB map, and another where a network lies in the same /16.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::index::format::Fields;
use crate::index::table::lower_bound;

/// An address as a number: `u32` or `u128`.
pub(crate) trait Address: Copy + Ord {
    /// Bytes of one.
    const LEN: usize;
    /// Bits of one.
    const BITS: u8;
    /// From little-endian bytes, [`Address::LEN`] of them.
    fn read(bytes: &[u8]) -> Option<Self>;
    /// Appends little-endian bytes.
    fn write(self, out: &mut Vec<u8>);
    /// With all bits behind the prefix zero.
    fn masked(self, prefix: u8) -> Self;
}

impl Address for u32 {
    const LEN: usize = 4;
    const BITS: u8 = 32;
    fn read(bytes: &[u8]) -> Option<u32> {
        bytes.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
    }
    fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }
    fn masked(self, prefix: u8) -> u32 {
        self & u32::MAX.checked_shl(32u32.saturating_sub(u32::from(prefix))).unwrap_or(0)
    }
}

impl Address for u128 {
    const LEN: usize = 16;
    const BITS: u8 = 128;
    fn read(bytes: &[u8]) -> Option<u128> {
        bytes.first_chunk().map(|bytes| u128::from_le_bytes(*bytes))
    }
    fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }
    fn masked(self, prefix: u8) -> u128 {
        self & u128::MAX.checked_shl(128u32.saturating_sub(u32::from(prefix))).unwrap_or(0)
    }
}

/// A sorted table of addresses somewhere in the file.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Addresses {
    at: usize,
    count: u32,
}

impl Addresses {
    /// A section of nothing but addresses.
    pub(crate) fn read<A: Address>(range: &Range<usize>) -> Option<Addresses> {
        let count = u32::try_from(range.len() / A::LEN).ok()?;
        range.len().is_multiple_of(A::LEN).then_some(Addresses { at: range.start, count })
    }

    pub(crate) const fn count(&self) -> u32 {
        self.count
    }

    pub(crate) fn get<A: Address>(&self, bytes: &[u8], i: u32) -> Option<A> {
        if i >= self.count {
            return None;
        }
        bytes.get(self.at + A::LEN * i as usize..).and_then(A::read)
    }

    pub(crate) fn find<A: Address>(&self, bytes: &[u8], address: A) -> Option<u32> {
        let i = lower_bound(0..self.count, |i| self.get::<A>(bytes, i).is_some_and(|there| there < address));
        (self.get(bytes, i) == Some(address)).then_some(i)
    }
}

/// Addresses with ports, sorted by both: all addresses, then all ports.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ports {
    addresses: Addresses,
    ports: usize,
}

impl Ports {
    pub(crate) fn read<A: Address>(range: &Range<usize>) -> Option<Ports> {
        let count = u32::try_from(range.len() / (A::LEN + 2)).ok()?;
        let addresses = Addresses { at: range.start, count };
        let ports = range.start + A::LEN * count as usize;
        range.len().is_multiple_of(A::LEN + 2).then_some(Ports { addresses, ports })
    }

    pub(crate) const fn count(&self) -> u32 {
        self.addresses.count
    }

    pub(crate) fn get<A: Address>(&self, bytes: &[u8], i: u32) -> Option<(A, u16)> {
        let address = self.addresses.get(bytes, i)?;
        let port = bytes.get(self.ports + 2 * i as usize..)?.first_chunk()?;
        Some((address, u16::from_le_bytes(*port)))
    }

    pub(crate) fn find<A: Address>(&self, bytes: &[u8], pair: (A, u16)) -> Option<u32> {
        let below = |i| self.get::<A>(bytes, i).is_some_and(|there| there < pair);
        let i = lower_bound(0..self.count(), below);
        (self.get(bytes, i) == Some(pair)).then_some(i)
    }

    /// Whether the address is listed with any port.
    pub(crate) fn has<A: Address>(&self, bytes: &[u8], address: A) -> bool {
        self.addresses.find(bytes, address).is_some()
    }
}

/// Networks: how many there are of each prefix length, then their addresses.
#[derive(Clone, Debug, Default)]
pub(crate) struct Networks {
    levels: Vec<Level>,
    count: u32,
}

/// The networks of one prefix length.
#[derive(Clone, Copy, Debug)]
struct Level {
    prefix: u8,
    first: u32,
    addresses: Addresses,
}

impl Networks {
    pub(crate) fn read<A: Address>(bytes: &[u8], range: Range<usize>) -> Option<Networks> {
        let mut networks = Networks::default();
        if range.is_empty() {
            return Some(networks);
        }
        let mut counts = Fields::new(bytes.get(range.clone())?);
        let mut at = range.start + 4 * (usize::from(A::BITS) + 1);
        for prefix in 0..=A::BITS {
            let count = counts.u32()?;
            if count > 0 {
                let first = networks.count;
                networks.levels.push(Level { prefix, first, addresses: Addresses { at, count } });
                networks.count = first.checked_add(count)?;
                at = at.checked_add(A::LEN.checked_mul(count as usize)?)?;
            }
        }
        (at == range.end && networks.count > 0).then_some(networks)
    }

    pub(crate) const fn count(&self) -> u32 {
        self.count
    }

    pub(crate) const fn levels(&self) -> usize {
        self.levels.len()
    }

    /// The network of one level (the widest is 0) that contains the address.
    pub(crate) fn covering<A: Address>(&self, bytes: &[u8], level: usize, address: A) -> Option<u32> {
        let level = self.levels.get(level)?;
        Some(level.first + level.addresses.find(bytes, address.masked(level.prefix))?)
    }

    /// Address and prefix length of network number `i`.
    pub(crate) fn get<A: Address>(&self, bytes: &[u8], i: u32) -> Option<(A, u8)> {
        let level = self.levels.iter().rev().find(|level| level.first <= i)?;
        Some((level.addresses.get(bytes, i - level.first)?, level.prefix))
    }
}

/// Writes networks, given by prefix length, then address.
pub(crate) fn write_networks<A: Address>(out: &mut Vec<u8>, networks: &[(u8, A)]) {
    if networks.is_empty() {
        return;
    }
    let mut counts = vec![0u32; usize::from(A::BITS) + 1];
    for (prefix, _) in networks {
        if let Some(count) = counts.get_mut(usize::from(*prefix)) {
            *count += 1;
        }
    }
    for count in &counts {
        out.extend_from_slice(&count.to_le_bytes());
    }
    for (_, address) in networks {
        address.write(out);
    }
}

const TOP: usize = 65536 / 64;
const TOP_BYTES: usize = 65536 / 8;
const LEAF_BYTES: usize = 32;

/// Which blocks of addresses some network touches.
///
/// IPv4: a bit for each /16, then 256 bits for each touched /16, one a /24. IPv6: disjoint ranges of the upper
/// 64 bits, ascending: all first ones, then all last ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Touched {
    /// Words of the upper map, and how many bits are set in the words before each.
    top: Option<Box<[(u64, u32); TOP]>>,
    leaves: Range<usize>,
    firsts: Range<usize>,
    lasts: Range<usize>,
}

impl Touched {
    pub(crate) fn read(bytes: &[u8], v4: Range<usize>, v6: &Range<usize>) -> Option<Touched> {
        let half = v6.start + v6.len() / 2;
        let mut touched = Touched { firsts: v6.start..half, lasts: half..v6.end, ..Touched::default() };
        if !v6.len().is_multiple_of(16) {
            return None;
        }
        if v4.is_empty() {
            return Some(touched);
        }
        let mut words = Fields::new(bytes.get(v4.clone())?);
        let mut top = Box::new([(0, 0); TOP]);
        let mut set = 0;
        for slot in top.iter_mut() {
            let word = words.u64()?;
            *slot = (word, set);
            set += word.count_ones();
        }
        touched.top = Some(top);
        touched.leaves = v4.start + TOP_BYTES..v4.end;
        (touched.leaves.len() == LEAF_BYTES * set as usize).then_some(touched)
    }

    /// Whether these are the bytes that stand for IPv4.
    pub(crate) fn are_v4(&self, bytes: &[u8], expected: &[u8]) -> bool {
        let start = if self.top.is_some() { self.leaves.start - TOP_BYTES } else { self.leaves.start };
        bytes.get(start..self.leaves.end) == Some(expected)
    }

    /// Whether these are the bytes that stand for IPv6.
    pub(crate) fn are_v6(&self, bytes: &[u8], expected: &[u8]) -> bool {
        bytes.get(self.firsts.start..self.lasts.end) == Some(expected)
    }

    /// Whether some network touches the /24 of this address.
    #[inline]
    pub(crate) fn v4(&self, bytes: &[u8], address: u32) -> bool {
        let Some(top) = &self.top else { return false };
        let Some(&(word, before)) = top.get((address >> 22) as usize) else { return false };
        let bit = 1u64 << (address >> 16 & 63);
        word & bit != 0 && self.leaf(bytes, before + (word & (bit - 1)).count_ones(), address)
    }

    fn leaf(&self, bytes: &[u8], number: u32, address: u32) -> bool {
        let byte = (address >> 8 & 255) as usize;
        let at = self.leaves.start + LEAF_BYTES * number as usize + byte / 8;
        bytes.get(at).is_some_and(|bits| bits >> (byte % 8) & 1 != 0)
    }

    /// Whether some network touches the /64 of this address.
    pub(crate) fn v6(&self, bytes: &[u8], address: u128) -> bool {
        let upper = (address >> 64) as u64;
        let firsts = bytes.get(self.firsts.clone()).unwrap_or_default().as_chunks::<8>().0;
        let lasts = bytes.get(self.lasts.clone()).unwrap_or_default().as_chunks::<8>().0;
        let behind = firsts.partition_point(|first| u64::from_le_bytes(*first) <= upper);
        let Some(last) = behind.checked_sub(1).and_then(|i| lasts.get(i)) else { return false };
        upper <= u64::from_le_bytes(*last)
    }
}

/// Writes which /24s of IPv4 the networks touch.
pub(crate) fn write_touched4(out: &mut Vec<u8>, networks: impl Iterator<Item = (u8, u32)>) {
    let mut blocks: BTreeMap<u32, [u8; LEAF_BYTES]> = BTreeMap::new();
    for (prefix, address) in networks {
        let first = address.masked(prefix) >> 8;
        let last = (address | !u32::MAX.masked(prefix)) >> 8;
        for block in first >> 8..=last >> 8 {
            let leaf = blocks.entry(block).or_default();
            let low = if block == first >> 8 { first & 255 } else { 0 };
            let high = if block == last >> 8 { last & 255 } else { 255 };
            for bit in low..=high {
                leaf[bit as usize / 8] |= 1 << (bit % 8);
            }
        }
    }
    if blocks.is_empty() {
        return;
    }
    let mut top = [0u8; TOP_BYTES];
    for block in blocks.keys() {
        top[*block as usize / 8] |= 1 << (block % 8);
    }
    out.extend_from_slice(&top);
    for leaf in blocks.values() {
        out.extend_from_slice(leaf);
    }
}

/// Writes which /64s of IPv6 the networks touch, as ranges.
pub(crate) fn write_touched6(out: &mut Vec<u8>, networks: impl Iterator<Item = (u8, u128)>) {
    let mut ranges: Vec<(u64, u64)> = networks
        .map(|(prefix, address)| (address.masked(prefix), address | !u128::MAX.masked(prefix)))
        .map(|(first, last)| ((first >> 64) as u64, (last >> 64) as u64))
        .collect();
    ranges.sort_unstable();
    ranges.dedup_by(|next, kept| {
        let joined = next.0 <= kept.1.saturating_add(1);
        if joined {
            kept.1 = kept.1.max(next.1);
        }
        joined
    });
    for (first, _) in &ranges {
        out.extend_from_slice(&first.to_le_bytes());
    }
    for (_, last) in &ranges {
        out.extend_from_slice(&last.to_le_bytes());
    }
}
