//! The file: header, section table, block checksums.
//!
//! Is: where things lie in a snapshot file, and whether its bytes are those that were written.
//! Is not: the meaning of a section (`table`, `record`).
//! Invariants: little-endian; every kind of section stands in the file once, in the order of [`Section::ALL`],
//! at a multiple of 64 bytes; sections and the padding behind them cover the file from the header to its last
//! byte. No build time and no fact about a machine is in the file: the same content gives the same bytes.
//! Fails: with [`Error::Damaged`] that names the section.
//! Costs: reading the header is a few hundred bytes; checking all blocks is about 0.1 s a gigabyte.
//!
//! ```text
//! 0    magic                          8 bytes
//! 8    format version                 u32
//! 12   number of sections             u32
//! 16   length of the file             u64
//! 24   digest of the content          32 bytes
//! 56   seed of the hasher             u64
//! 64   build rules switched off       u32   1 wide-network, 2 public-suffix, 4 empty-file, 8 file-name
//! 68   traits                         u32   1 ip4, 2 ip6, 4 names, 8 odd names, 16 digests
//! 72   public-suffix list             24 bytes of text, zeros behind
//! 96   entries by kind                10 x u32
//! 136  records                        u32
//! 140  contexts                       u32
//! 144  CRC-32C of the last section    u32   (the checksums)
//! 148  zero                           u32
//! 152  sections                       n x (offset u64, length u64)
//! ..   zeros
//! end  CRC-32C of the header          u32   the last four bytes before the first section
//! ```
//!
//! The last section holds one CRC-32C for every 64 KiB of every other section, each section with the padding
//! behind it.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::index::{Allow, Error, Traits};

/// The first bytes of every snapshot file.
pub const MAGIC: [u8; 8] = *b"\x89taxiway";
/// The version that is written.
pub(crate) const VERSION: u32 = 1;
/// The oldest version that is read: N - 1, once there is one.
const OLDEST: u32 = 1;

const ALIGN: usize = 64;
const CRC_BLOCK: usize = 64 << 10;
const FIXED: usize = 152;
const COUNTS: usize = 10;
const SUFFIX_LIST: usize = 24;
const HEADER: usize = (FIXED + 16 * Section::ALL.len() + 4).next_multiple_of(ALIGN);

/// The kinds of sections, in the order in which they stand in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Section {
    Feeds,
    Strings,
    Contexts,
    Ip4,
    Ip6,
    Networks4,
    Networks6,
    Touched4,
    Touched6,
    Ports4,
    Ports6,
    Names,
    Urls,
    Emails,
    Md5,
    Sha1,
    Sha256,
    Sha512,
    ExactOnly,
    /// Values of compounds, which never tag alone: a snapshot of their own.
    Silent,
    /// Patterns that join several values.
    Compounds,
    More,
    Feed,
    Id,
    ValidFrom,
    ValidUntil,
    Confidence,
    Tlp,
    Part,
    Context,
    Uuids,
    IdTexts,
    Filter,
    Checksums,
}

impl Section {
    pub(crate) const ALL: [Section; 34] = [
        Section::Feeds,
        Section::Strings,
        Section::Contexts,
        Section::Ip4,
        Section::Ip6,
        Section::Networks4,
        Section::Networks6,
        Section::Touched4,
        Section::Touched6,
        Section::Ports4,
        Section::Ports6,
        Section::Names,
        Section::Urls,
        Section::Emails,
        Section::Md5,
        Section::Sha1,
        Section::Sha256,
        Section::Sha512,
        Section::ExactOnly,
        Section::Silent,
        Section::Compounds,
        Section::More,
        Section::Feed,
        Section::Id,
        Section::ValidFrom,
        Section::ValidUntil,
        Section::Confidence,
        Section::Tlp,
        Section::Part,
        Section::Context,
        Section::Uuids,
        Section::IdTexts,
        Section::Filter,
        Section::Checksums,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Section::Feeds => "feeds",
            Section::Ip4 => "ip4",
            Section::Ip6 => "ip6",
            Section::Networks4 => "networks4",
            Section::Networks6 => "networks6",
            Section::Touched4 => "touched4",
            Section::Touched6 => "touched6",
            Section::Ports4 => "ports4",
            Section::Ports6 => "ports6",
            Section::Names => "domains",
            Section::Urls => "urls",
            Section::Emails => "emails",
            Section::Md5 => "md5",
            Section::Sha1 => "sha1",
            Section::Sha256 => "sha256",
            Section::Sha512 => "sha512",
            Section::ExactOnly => "exact-only",
            Section::Silent => "silent",
            Section::Compounds => "compounds",
            Section::More => "more-records",
            Section::Feed => "record-feed",
            Section::Id => "record-id",
            Section::ValidFrom => "record-valid-from",
            Section::ValidUntil => "record-valid-until",
            Section::Confidence => "record-confidence",
            Section::Tlp => "record-tlp",
            Section::Part => "record-part",
            Section::Context => "record-context",
            Section::Uuids => "uuids",
            Section::IdTexts => "other-ids",
            Section::Strings => "strings",
            Section::Contexts => "contexts",
            Section::Filter => "filter",
            Section::Checksums => "checksums",
        }
    }
}

/// Where the sections lie.
#[derive(Clone, Debug)]
pub(crate) struct Sections([Range<usize>; Section::ALL.len()]);

impl Sections {
    pub(crate) fn range(&self, section: Section) -> Range<usize> {
        self.0.get(section as usize).cloned().unwrap_or_default()
    }

    /// Names and lengths, in order.
    pub(crate) fn lengths(&self) -> impl Iterator<Item = (Section, usize)> + '_ {
        Section::ALL.into_iter().zip(&self.0).map(|(section, range)| (section, range.len()))
    }

    /// A section with the padding behind it.
    fn extent(&self, section: Section) -> Range<usize> {
        let start = self.range(section).start;
        let end = self.0.get(section as usize + 1).map_or(self.range(section).end, |next| next.start);
        start..end
    }
}

/// What the header says besides the place of things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Meta {
    pub(crate) digest: [u8; 32],
    pub(crate) seed: u64,
    pub(crate) allow: Allow,
    pub(crate) traits: Traits,
    pub(crate) suffix_list: Box<str>,
    pub(crate) counts: [u32; COUNTS],
    pub(crate) records: u32,
    pub(crate) contexts: u32,
}

/// A header that was read and found sound.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub(crate) version: u32,
    pub(crate) meta: Meta,
    pub(crate) sections: Sections,
}

/// Bytes from which [`file_length`] is known.
pub(crate) const LENGTH_KNOWN_AT: u64 = 24;

/// How long the file is that begins with these bytes, if it is a snapshot.
pub(crate) fn file_length(head: &[u8]) -> Option<u64> {
    let mut fields = Fields::new(head);
    let is_snapshot = fields.array::<8>()? == MAGIC;
    fields.u64()?;
    let length = fields.u64()?;
    is_snapshot.then_some(length)
}

impl Header {
    /// Reads and checks the header: magic, version, its own checksum, and that the sections tile the file.
    pub(crate) fn read(bytes: &[u8]) -> Result<Header, Error> {
        let mut fields = Fields::new(bytes);
        if fields.array::<8>() != Some(MAGIC) {
            return Err(damaged("not a snapshot file"));
        }
        let version = fields.u32().ok_or_else(cut)?;
        if !(OLDEST..=VERSION).contains(&version) {
            return Err(damaged(format!(
                "snapshot of format version {version}; this program reads {OLDEST} to {VERSION}: compile it again"
            )));
        }
        let header = bytes.get(..HEADER).ok_or_else(cut)?;
        let (checked, crc) = header.split_last_chunk::<4>().ok_or_else(cut)?;
        if crc32c::crc32c(checked) != u32::from_le_bytes(*crc) {
            return Err(damaged("damaged snapshot: the header's checksum does not agree"));
        }
        let sections = fields.u32().ok_or_else(cut)?;
        let file_len = fields.u64().ok_or_else(cut)?;
        if sections as usize != Section::ALL.len() {
            return Err(damaged(format!("damaged snapshot: {sections} sections in the header")));
        }
        if file_len != bytes.len() as u64 {
            let len = bytes.len();
            return Err(damaged(format!("damaged snapshot: {len} bytes instead of {file_len}")));
        }
        let meta = read_meta(&mut fields).ok_or_else(|| {
            damaged("damaged snapshot: the header says what this version does not know (rules or traits)")
        })?;
        let sections = read_sections(bytes.len(), &mut fields)?;
        Ok(Header { version, meta, sections })
    }
}

fn read_meta(fields: &mut Fields<'_>) -> Option<Meta> {
    let digest = fields.array()?;
    let seed = fields.u64()?;
    let allow = allow_from_bits(fields.u32()?)?;
    let traits = traits_from_bits(fields.u32()?)?;
    let text = fields.array::<SUFFIX_LIST>()?;
    let suffix_list = std::str::from_utf8(&text).ok()?.trim_end_matches('\0').into();
    let mut counts = [0; COUNTS];
    for count in &mut counts {
        *count = fields.u32()?;
    }
    Some(Meta {
        digest,
        seed,
        allow,
        traits,
        suffix_list,
        counts,
        records: fields.u32()?,
        contexts: fields.u32()?,
    })
}

fn read_sections(file_len: usize, fields: &mut Fields<'_>) -> Result<Sections, Error> {
    fields.u64().ok_or_else(cut)?;
    let mut sections = Sections([const { 0..0 }; Section::ALL.len()]);
    let mut at = HEADER;
    for (section, range) in Section::ALL.into_iter().zip(&mut sections.0) {
        let place = || damaged(format!("damaged snapshot: section {} is out of place", section.as_str()));
        let start = fields.u64().and_then(|n| usize::try_from(n).ok()).ok_or_else(place)?;
        let len = fields.u64().and_then(|n| usize::try_from(n).ok()).ok_or_else(place)?;
        let end = start.checked_add(len).filter(|&end| end <= file_len).ok_or_else(place)?;
        if start != at {
            return Err(place());
        }
        at = end.next_multiple_of(ALIGN);
        *range = start..end;
    }
    if sections.range(Section::Checksums).end != file_len {
        return Err(damaged("damaged snapshot: bytes behind the last section"));
    }
    Ok(sections)
}

/// Checks the checksum of every block that nobody has taken yet; `next` is the number of the first such block.
pub(crate) fn verify_blocks(bytes: &[u8], sections: &Sections, next: &AtomicUsize) -> Result<(), Error> {
    let sums = bytes.get(sections.range(Section::Checksums)).ok_or_else(cut)?;
    let expected = Fields::new(bytes.get(FIXED - 8..).unwrap_or_default()).u32();
    if expected != Some(crc32c::crc32c(sums)) {
        return Err(damaged("damaged snapshot: section checksums, its checksum does not agree"));
    }
    let mut sums = Fields::new(sums);
    let (mut number, mut mine) = (0, next.fetch_add(1, Ordering::Relaxed));
    for section in checked_sections() {
        let extent = bytes.get(sections.extent(section)).ok_or_else(cut)?;
        for (i, block) in extent.chunks(CRC_BLOCK).enumerate() {
            let (sum, taken) = (sums.u32(), number == mine);
            number += 1;
            if taken {
                mine = next.fetch_add(1, Ordering::Relaxed);
            }
            if taken && sum != Some(crc32c::crc32c(block)) {
                let name = section.as_str();
                return Err(damaged(format!(
                    "damaged snapshot: section {name}, block {i}: checksum does not agree"
                )));
            }
        }
    }
    if sums.rest().is_empty() { Ok(()) } else { Err(damaged("damaged snapshot: checksums of no block")) }
}

/// The checksum of every block.
fn block_sums(bytes: &[u8], sections: &Sections) -> Vec<u8> {
    let mut sums = Vec::new();
    for section in checked_sections() {
        for block in bytes.get(sections.extent(section)).unwrap_or_default().chunks(CRC_BLOCK) {
            sums.extend_from_slice(&crc32c::crc32c(block).to_le_bytes());
        }
    }
    sums
}

/// Makes all checksums agree with what is there, as a hostile author would.
#[cfg(test)]
pub(crate) fn reseal(bytes: &mut [u8]) {
    fn seal(bytes: &mut [u8]) {
        if bytes.len() < HEADER {
            return;
        }
        let crc = crc32c::crc32c(&bytes[..HEADER - 4]);
        bytes[HEADER - 4..HEADER].copy_from_slice(&crc.to_le_bytes());
    }
    seal(bytes);
    let Ok(header) = Header::read(bytes) else { return };
    let sums = block_sums(bytes, &header.sections);
    let place = header.sections.range(Section::Checksums);
    if sums.len() == place.len() {
        bytes[place].copy_from_slice(&sums);
        bytes[FIXED - 8..FIXED - 4].copy_from_slice(&crc32c::crc32c(&sums).to_le_bytes());
    }
    seal(bytes);
}

fn checked_sections() -> impl Iterator<Item = Section> {
    Section::ALL.into_iter().filter(|&section| section != Section::Checksums)
}

/// Writes sections one after the other, then the header.
#[derive(Debug)]
pub(crate) struct Writer {
    out: Vec<u8>,
    starts: Vec<usize>,
    ends: Vec<usize>,
}

impl Writer {
    pub(crate) fn new(capacity: usize) -> Writer {
        let mut out = Vec::with_capacity(capacity);
        out.resize(HEADER, 0);
        Writer { out, starts: Vec::new(), ends: Vec::new() }
    }

    /// Begins a section and ends the one before; those left out are empty. To be called in the order of
    /// [`Section::ALL`].
    pub(crate) fn section(&mut self, section: Section) -> &mut Vec<u8> {
        debug_assert!(self.starts.len() <= section as usize, "sections are written in order");
        while self.starts.len() <= section as usize {
            self.end();
            self.starts.push(self.out.len());
        }
        &mut self.out
    }

    fn end(&mut self) {
        if self.ends.len() < self.starts.len() {
            self.ends.push(self.out.len());
            self.out.resize(self.out.len().next_multiple_of(ALIGN), 0);
        }
    }

    /// What is written so far, and where; the open section is ended.
    pub(crate) fn so_far(&mut self) -> (&[u8], Sections) {
        self.end();
        let mut sections = Sections([const { 0..0 }; Section::ALL.len()]);
        for (range, (&start, &end)) in sections.0.iter_mut().zip(self.starts.iter().zip(&self.ends)) {
            *range = start..end;
        }
        (&self.out, sections)
    }

    /// Adds checksums and header.
    pub(crate) fn finish(mut self, meta: &Meta) -> Vec<u8> {
        self.section(Section::Checksums);
        let sections = self.so_far().1;
        let sums = block_sums(&self.out, &sections);
        self.out.extend_from_slice(&sums);
        self.ends.pop();
        self.ends.push(self.out.len());
        let header = header(meta, crc32c::crc32c(&sums), self.out.len(), self.starts.iter().zip(&self.ends));
        if let Some(place) = self.out.get_mut(..HEADER) {
            place.copy_from_slice(&header);
        }
        self.out
    }
}

fn header<'a>(
    meta: &Meta,
    sums: u32,
    file_len: usize,
    sections: impl Iterator<Item = (&'a usize, &'a usize)>,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&number(Section::ALL.len()).to_le_bytes());
    out.extend_from_slice(&(file_len as u64).to_le_bytes());
    out.extend_from_slice(&meta.digest);
    out.extend_from_slice(&meta.seed.to_le_bytes());
    out.extend_from_slice(&allow_bits(meta.allow).to_le_bytes());
    out.extend_from_slice(&traits_bits(meta.traits).to_le_bytes());
    let mut text = [0; SUFFIX_LIST];
    for (place, byte) in text.iter_mut().zip(meta.suffix_list.bytes()) {
        *place = byte;
    }
    out.extend_from_slice(&text);
    for count in meta.counts {
        out.extend_from_slice(&count.to_le_bytes());
    }
    out.extend_from_slice(&meta.records.to_le_bytes());
    out.extend_from_slice(&meta.contexts.to_le_bytes());
    out.extend_from_slice(&sums.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    for (&start, &end) in sections {
        out.extend_from_slice(&(start as u64).to_le_bytes());
        out.extend_from_slice(&((end - start) as u64).to_le_bytes());
    }
    out.resize(HEADER - 4, 0);
    let crc = crc32c::crc32c(&out);
    out.extend_from_slice(&crc.to_le_bytes());
    out
}

#[expect(clippy::cast_possible_truncation, reason = "a number of sections")]
const fn number(n: usize) -> u32 {
    n as u32
}

/// The bits under which build rules stand in the header and in the digest.
pub(crate) fn allow_bits(allow: Allow) -> u32 {
    u32::from(allow.wide_network)
        | u32::from(allow.public_suffix) << 1
        | u32::from(allow.empty_file) << 2
        | u32::from(allow.file_name) << 3
}

fn allow_from_bits(bits: u32) -> Option<Allow> {
    let allow = Allow {
        wide_network: bits & 1 != 0,
        public_suffix: bits & 2 != 0,
        empty_file: bits & 4 != 0,
        file_name: bits & 8 != 0,
    };
    (bits >> 4 == 0).then_some(allow)
}

fn traits_bits(traits: Traits) -> u32 {
    u32::from(traits.ip4)
        | u32::from(traits.ip6) << 1
        | u32::from(traits.names) << 2
        | u32::from(traits.odd_names) << 3
        | u32::from(traits.digests) << 4
}

fn traits_from_bits(bits: u32) -> Option<Traits> {
    let traits = Traits {
        ip4: bits & 1 != 0,
        ip6: bits & 2 != 0,
        names: bits & 4 != 0,
        odd_names: bits & 8 != 0,
        digests: bits & 16 != 0,
    };
    (bits >> 5 == 0).then_some(traits)
}

/// Reads fields one after the other; `None` behind the end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a> {
    bytes: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Fields<'a> {
        Fields { bytes }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.bytes.split_first_chunk()?;
        self.bytes = rest;
        Some(*array)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// A number of seven bits a byte, the lowest first, at most nine bytes.
    pub(crate) fn varint(&mut self) -> Option<usize> {
        let mut value = 0u64;
        for shift in (0..63).step_by(7) {
            let (&byte, rest) = self.bytes.split_first()?;
            self.bytes = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return usize::try_from(value).ok();
            }
        }
        None
    }

    pub(crate) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(len)?;
        self.bytes = rest;
        Some(taken)
    }

    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.bytes
    }
}

/// Writes a number of seven bits a byte, the lowest first.
#[expect(clippy::cast_possible_truncation, reason = "seven bits at a time")]
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// An error with these words.
pub(crate) fn damaged(what: impl Into<String>) -> Error {
    Error::Damaged(what.into())
}

fn cut() -> Error {
    damaged("damaged snapshot: cut in the header")
}

/// The error of a section that does not hold what its kind says.
pub(crate) fn unsound(section: Section) -> Error {
    damaged(format!("damaged snapshot: section {} is unsound", section.as_str()))
}
