//! The prefilter: one split-block Bloom filter for all kinds, and the keys that are asked of it.
//!
//! Is: the one definition of the keys that the builder puts in and the scan asks for.
//! Is not: an answer. A key that is present may be absent from the tables; one that is absent is not listed.
//! Invariants: two marks a key, *listed* (a table may hold this value) and *path* (a listed name, URL host or
//! mail domain ends in these labels, a URL begins with this host and start of a path, or a URL or an address with
//! a port has this address); both lie in the same 32-byte block, so that one cache line answers both.
//! Fails: never; an index into the blocks is in range whatever the file holds.
//! Costs: about 2 ns an answer when the block is in cache.
//!
//! Block choice and bit choice follow the split-block Bloom filter of the Apache Parquet format (its eight salt
//! constants included); the second mark is ours.

/// Bytes of a block.
pub const BLOCK: usize = 32;

const SALT: [u32; 8] =
    [0x47b6_137b, 0x4497_4d91, 0x8824_ad5b, 0xa2b7_289d, 0x7054_95c7, 0x2df1_424b, 0x9efc_4947, 0x5c6b_fb31];

/// The five bits of the product of the low half of a key and a salt that choose the bit of a lane: for *listed*
/// as in Parquet the uppermost, for *path* the next five.
const LISTED: u32 = 27;
const PATH: u32 = 22;

/// Bytes of a URL's path, its first slash among them, by which a longer one is marked as a path.
pub const URL_START: usize = 16;

/// Hashes of values, seeded for one snapshot. ASCII letters hash the same in either case: text is folded with
/// `0x20` before it is mixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hasher {
    seed: u64,
}

const K1: u64 = 0x9e37_79b9_7f4a_7c15;
const K2: u64 = 0xd6e8_feb8_6659_fd93;
const K3: u64 = 0xa076_1d64_78bd_642f;
const FOLD: u128 = 0x2020_2020_2020_2020_2020_2020_2020_2020;

#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the scan's inner loop, per tier")]
#[expect(clippy::cast_possible_truncation, reason = "the halves of the product are wanted")]
fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product >> 64) as u64 ^ product as u64
}

/// What a key is of: keys of different kinds never meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum KeyKind {
    /// A name or the last labels of one.
    Name = 1,
    /// `host` + `/path` of a URL.
    Url = 2,
    /// `local@domain`.
    Email = 3,
    /// The last 16 hex digits of a digest.
    Digest = 4,
}

impl Hasher {
    /// A hasher with this seed.
    pub const fn new(seed: u64) -> Hasher {
        Hasher { seed }
    }

    /// The key of text that ends at `end` in `data` and starts at `start`. Reads up to 16 bytes at a time, the
    /// bytes before `start` included where there are some; they do not influence the key.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "part of the scan's inner loop, per tier")]
    #[expect(clippy::cast_possible_truncation, reason = "the halves are wanted")]
    pub fn text(self, data: &[u8], start: usize, end: usize, kind: KeyKind) -> u64 {
        let mut len = end.wrapping_sub(start);
        let mut end = end;
        let mut hash = self.seed ^ (len as u64 ^ (kind as u64) << 56).wrapping_mul(K3);
        while len > 16 {
            let lane = lane(data, end) | FOLD;
            hash = mix(lane as u64 ^ K1 ^ hash, (lane >> 64) as u64 ^ K2);
            end -= 16;
            len -= 16;
        }
        let lane = if len == 0 { 0 } else { (lane(data, end) | FOLD) >> (8 * (16 - len)) };
        mix(lane as u64 ^ K1 ^ hash, (lane >> 64) as u64 ^ K2 ^ hash.rotate_left(32))
    }

    /// The key of two pieces of text, one after the other: `host` and `/path` of a URL.
    pub fn pair(self, first: &[u8], second: &[u8], kind: KeyKind) -> u64 {
        self.join(self.text(first, 0, first.len(), kind), second, kind)
    }

    /// The key of two pieces of text of which the first one's own key is known.
    pub fn join(self, first: u64, second: &[u8], kind: KeyKind) -> u64 {
        let second = self.text(second, 0, second.len(), kind);
        mix(first ^ K3, second.rotate_left(17) ^ K1)
    }

    /// The key of an IPv4 address.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "part of the scan's inner loop, per tier")]
    pub fn ip4(self, address: u32) -> u64 {
        mix(u64::from(address) ^ K1 ^ self.seed, K2)
    }

    /// The key of an IPv6 address.
    #[expect(clippy::cast_possible_truncation, reason = "the halves are wanted")]
    pub fn ip6(self, address: u128) -> u64 {
        mix(address as u64 ^ K1 ^ self.seed, (address >> 64) as u64 ^ K3)
    }
}

/// The 16 bytes that end at `end`; where there are fewer, zeros stand before them.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the scan's inner loop, per tier")]
fn lane(data: &[u8], end: usize) -> u128 {
    if let Some(bytes) = end.checked_sub(16).and_then(|start| data.get(start..end)) {
        let mut lane = [0u8; 16];
        lane.copy_from_slice(bytes);
        return u128::from_le_bytes(lane);
    }
    short_lane(data, end)
}

#[cold]
fn short_lane(data: &[u8], end: usize) -> u128 {
    let mut lane = [0u8; 16];
    if let Some(bytes) = data.get(..end) {
        lane[16 - end..].copy_from_slice(bytes);
    }
    u128::from_le_bytes(lane)
}

/// The filter of a snapshot.
#[derive(Clone, Copy, Debug)]
pub struct Filter<'a> {
    blocks: &'a [[u8; BLOCK]],
}

/// What the filter says of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presence {
    /// The tables may hold this value.
    pub listed: bool,
    /// A longer listed value may end in this, or contain it.
    pub path: bool,
}

impl<'a> Filter<'a> {
    /// A filter over whole blocks; bytes behind the last whole block are not used. Without a block, nothing is
    /// present.
    pub fn new(bytes: &'a [u8]) -> Filter<'a> {
        Filter { blocks: bytes.as_chunks().0 }
    }

    /// The block of a key, to be fetched ahead; `None` for a filter without blocks.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "part of the scan's inner loop, per tier")]
    pub fn block(&self, key: u64) -> Option<&'a [u8; BLOCK]> {
        self.blocks.get(position(key, self.blocks.len()))
    }

    /// Whether a key is present.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "part of the scan's inner loop, per tier")]
    #[expect(clippy::cast_possible_truncation, reason = "the low half chooses the bits")]
    pub fn ask(&self, key: u64) -> Presence {
        let Some(block) = self.block(key) else { return Presence { listed: false, path: false } };
        let low = key as u32;
        let (lanes, _) = block.as_chunks::<4>();
        let (mut not_listed, mut no_path) = (0u32, 0u32);
        for (lane, salt) in lanes.iter().zip(SALT) {
            let product = low.wrapping_mul(salt);
            let missing = !u32::from_le_bytes(*lane);
            not_listed |= missing & 1 << (product >> LISTED);
            no_path |= missing & 1 << (product >> PATH & 31);
        }
        Presence { listed: not_listed == 0, path: no_path == 0 }
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the scan's inner loop, per tier")]
fn position(key: u64, blocks: usize) -> usize {
    (((key >> 32) * blocks as u64) >> 32) as usize
}

/// A filter that is being filled.
#[derive(Debug)]
pub struct FilterBuilder {
    bytes: Vec<u8>,
}

impl FilterBuilder {
    /// A filter for this number of keys (both marks counted) at this many bits a key.
    pub fn new(keys: usize, bits_per_key: usize) -> FilterBuilder {
        let blocks = (keys * bits_per_key).div_ceil(BLOCK * 8).max(1);
        FilterBuilder { bytes: vec![0; blocks * BLOCK] }
    }

    /// Marks a key as listed.
    pub fn list(&mut self, key: u64) {
        self.set(key, LISTED);
    }

    /// Marks a key as a path.
    pub fn path(&mut self, key: u64) {
        self.set(key, PATH);
    }

    #[expect(clippy::cast_possible_truncation, reason = "the low half chooses the bits")]
    fn set(&mut self, key: u64, mark: u32) {
        let at = position(key, self.bytes.len() / BLOCK) * BLOCK;
        for (i, salt) in SALT.into_iter().enumerate() {
            let bit = (key as u32).wrapping_mul(salt) >> mark & 31;
            self.bytes[at + 4 * i + (bit / 8) as usize] |= 1 << (bit % 8);
        }
    }

    /// The bytes of the section.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }
}
