//! The digest of what a snapshot says, and the check of a whole file.
//!
//! Is: the definition of the set version, and everything that `snapshot verify` looks at.
//! Is not: the structure check of `open`, which reads heads only.
//! Invariants: the digest is one of the content (feeds, contexts as they are coded, values with all that their records
//! say, the public-suffix list, the build rules that were switched off): another machine, order of input or coding of
//! tables, columns and filter gives the same.
//! Fails: with [`Error::Damaged`] that names what does not agree.
//! Costs: about 0.2 s a million values.

use std::net::IpAddr;
use std::sync::atomic::AtomicUsize;

use crate::index::filter::{Filter, Hasher};
use crate::index::format::{Header, Meta, Section, damaged, unsound, verify_blocks};
use crate::index::kept::Compounds;
use crate::index::keys::{self, Mark};
use crate::index::record::Columns;
use crate::index::table::ip::{self, Address, Addresses};
use crate::index::table::text::Text;
use crate::index::table::{DIGESTS, Tables};
use crate::index::{Allow, Error, format};
use crate::observable::Kind;

/// The parts of a snapshot that have meaning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Content<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) feeds: &'a [Box<str>],
    pub(crate) tables: &'a Tables,
    pub(crate) columns: &'a Columns,
    pub(crate) compounds: &'a Compounds,
}

/// The seed that goes with a digest.
pub(crate) fn seed(digest: &[u8; 32]) -> u64 {
    digest.last_chunk().map_or(0, |last| u64::from_le_bytes(*last))
}

/// The set version that goes with a digest: its first 16 hexadecimal digits.
pub(crate) fn version(digest: &[u8; 32]) -> String {
    digest.first_chunk().map_or_else(String::new, |first| format!("{:016x}", u64::from_be_bytes(*first)))
}

/// Digest of a content; `None` when a record or value cannot be read.
pub(crate) fn digest(content: Content<'_>, suffix_list: &str, allow: Allow) -> Option<[u8; 32]> {
    let mut sum = Sum { hasher: blake3::Hasher::new(), pending: Vec::with_capacity(Sum::BLOCK + 1024) };
    sum.text(b"taxiway content 1");
    sum.text(suffix_list.as_bytes());
    sum.number(format::allow_bits(allow));
    sum.length(content.feeds.len());
    content.feeds.iter().for_each(|feed| sum.text(feed.as_bytes()));
    sum.table(content.columns.contexts.strings(), content.bytes)?;
    sum.number(content.columns.contexts.count());
    for number in 0..content.columns.contexts.count() {
        sum.text(content.columns.contexts.coded(content.bytes, number)?);
    }
    for kind in Kind::ALL {
        sum.kind(content, kind)?;
    }
    sum.records(content)?;
    sum.compounds(content)?;
    Some(sum.finish())
}

/// A hash of fields, each with its length where that may vary.
struct Sum {
    hasher: blake3::Hasher,
    pending: Vec<u8>,
}

impl Sum {
    const BLOCK: usize = 64 << 10;

    fn raw(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        if self.pending.len() >= Sum::BLOCK {
            self.hasher.update(&self.pending);
            self.pending.clear();
        }
    }

    fn number(&mut self, number: u32) {
        self.raw(&number.to_le_bytes());
    }

    fn length(&mut self, length: usize) {
        self.raw(&(length as u64).to_le_bytes());
    }

    fn text(&mut self, text: &[u8]) {
        self.length(text.len());
        self.raw(text);
    }

    fn table(&mut self, table: &Text, bytes: &[u8]) -> Option<()> {
        self.number(table.count());
        let mut cursor = table.cursor(bytes);
        for _ in 0..table.count() {
            cursor.advance()?;
            self.text(cursor.value());
        }
        Some(())
    }

    fn kind(&mut self, content: Content<'_>, kind: Kind) -> Option<()> {
        let Content { bytes, tables, .. } = content;
        self.text(kind.as_str().as_bytes());
        match kind {
            Kind::Ip => {
                let (v4, v6) = (tables.ip4.count(), tables.ip6.count());
                self.addresses((v4, v6), |sum, i| {
                    sum.address(tables.address(bytes, i)?);
                    Some(())
                })
            }
            Kind::Network => {
                let (v4, v6) = (tables.networks4.count(), tables.networks6.count());
                self.addresses((v4, v6), |sum, i| {
                    let (address, prefix) = tables.network(bytes, i)?;
                    sum.address(address);
                    sum.raw(&[prefix]);
                    Some(())
                })
            }
            Kind::IpPort => {
                let (v4, v6) = (tables.ports4.count(), tables.ports6.count());
                self.addresses((v4, v6), |sum, i| {
                    let (address, port) = tables.ip_port(bytes, i)?;
                    sum.address(address);
                    sum.raw(&port.to_le_bytes());
                    Some(())
                })
            }
            Kind::Domain => {
                self.table(&tables.names, bytes)?;
                self.number(tables.exact_only.count());
                (0..tables.exact_only.count()).try_for_each(|i| {
                    self.number(tables.exact_only.get(bytes, i)?);
                    Some(())
                })
            }
            Kind::Url => self.table(&tables.urls, bytes),
            Kind::Email => self.table(&tables.emails, bytes),
            Kind::Md5 | Kind::Sha1 | Kind::Sha256 | Kind::Sha512 => {
                let (table, _) = tables.digest_table(kind)?;
                self.number(table.count());
                (0..table.count()).try_for_each(|i| {
                    self.raw(table.get(bytes, i)?);
                    Some(())
                })
            }
        }
    }

    /// How many of IPv4 and of IPv6, then each.
    fn addresses(
        &mut self,
        (v4, v6): (u32, u32),
        mut each: impl FnMut(&mut Sum, u32) -> Option<()>,
    ) -> Option<()> {
        self.number(v4);
        self.number(v6);
        (0..v4.saturating_add(v6)).try_for_each(|i| each(self, i))
    }

    fn address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(address) => self.raw(&address.octets()),
            IpAddr::V6(address) => self.raw(&address.octets()),
        }
    }

    /// Records, those that say the same one after the other as one with their number.
    fn records(&mut self, content: Content<'_>) -> Option<()> {
        let Content { bytes, tables, columns, .. } = content;
        let (entries, rows) = (tables.entries(), columns.rows());
        self.number(entries);
        self.number(rows);
        let (mut last, mut now, mut run) = (Vec::new(), Vec::new(), 0u32);
        let mut row = 0;
        while row < rows {
            let alike = if row == 0 && columns.is_uniform() { entries.max(1) } else { 1 };
            now.clear();
            if row >= entries {
                now.extend_from_slice(&columns.entry_of(bytes, row)?.to_le_bytes());
            }
            columns.row(bytes, row)?.write(&mut now);
            if run > 0 && now != last {
                self.number(run);
                self.text(&last);
                run = 0;
            }
            std::mem::swap(&mut last, &mut now);
            run += alike;
            row += alike;
        }
        self.number(run);
        self.text(&last);
        Some(())
    }

    /// Nothing where there are none.
    fn compounds(&mut self, content: Content<'_>) -> Option<()> {
        let Content { bytes, compounds, .. } = content;
        if compounds.count() == 0 {
            return Some(());
        }
        self.text(b"compounds 1");
        self.raw(compounds.silent_digest());
        self.number(compounds.count());
        (0..compounds.count()).try_for_each(|number| {
            self.text(compounds.coded(bytes, number)?);
            Some(())
        })
    }

    fn finish(mut self) -> [u8; 32] {
        self.hasher.update(&self.pending);
        self.hasher.finalize().into()
    }
}

/// Checks a whole file that was opened: checksums, tables, records, filter, digest.
pub(crate) fn verify(header: &Header, content: Content<'_>) -> Result<(), Error> {
    let Content { bytes, tables, columns, .. } = content;
    verify_blocks(bytes, &header.sections, &AtomicUsize::new(0))?;
    for (kind, count) in Kind::ALL.into_iter().zip(header.meta.counts) {
        if tables.count(kind) != count {
            return Err(damaged(format!("damaged snapshot: {count} entries of kind {kind} in the header")));
        }
    }
    if header.meta.records != columns.rows() || header.meta.contexts != columns.contexts.count() {
        return Err(damaged("damaged snapshot: other numbers of records or contexts in the header"));
    }
    content.compounds.verify(bytes)?;
    addresses(content)?;
    texts_and_digests(content)?;
    records(content)?;
    filter(header, content)?;
    let Meta { suffix_list, allow, .. } = &header.meta;
    let digest = digest(content, suffix_list, *allow);
    if digest != Some(header.meta.digest) || header.meta.seed != seed(&header.meta.digest) {
        return Err(damaged("damaged snapshot: the content is not that of the set version"));
    }
    Ok(())
}

fn addresses(content: Content<'_>) -> Result<(), Error> {
    let Content { bytes, tables, .. } = content;
    let sound = |section, sound: bool| if sound { Ok(()) } else { Err(unsound(section)) };
    sound(Section::Ip4, ascending::<u32>(&tables.ip4, bytes))?;
    sound(Section::Ip6, ascending::<u128>(&tables.ip6, bytes))?;
    sound(
        Section::Ports4,
        is_ascending((0..tables.ports4.count()).map(|i| tables.ports4.get::<u32>(bytes, i))),
    )?;
    sound(
        Section::Ports6,
        is_ascending((0..tables.ports6.count()).map(|i| tables.ports6.get::<u128>(bytes, i))),
    )?;

    let networks4: Option<Vec<(u8, u32)>> = (0..tables.networks4.count())
        .map(|i| tables.networks4.get::<u32>(bytes, i).map(|(address, prefix)| (prefix, address)))
        .collect();
    let networks6: Option<Vec<(u8, u128)>> = (0..tables.networks6.count())
        .map(|i| tables.networks6.get::<u128>(bytes, i).map(|(address, prefix)| (prefix, address)))
        .collect();
    let networks4 = networks4.filter(|all| are_networks(all)).ok_or_else(|| unsound(Section::Networks4))?;
    let networks6 = networks6.filter(|all| are_networks(all)).ok_or_else(|| unsound(Section::Networks6))?;
    let (mut touched4, mut touched6) = (Vec::new(), Vec::new());
    ip::write_touched4(&mut touched4, networks4.into_iter());
    ip::write_touched6(&mut touched6, networks6.into_iter());
    sound(Section::Touched4, tables.touched.are_v4(bytes, &touched4))?;
    sound(Section::Touched6, tables.touched.are_v6(bytes, &touched6))?;

    let last = tables.exact_only.count().checked_sub(1).and_then(|i| tables.exact_only.get::<u32>(bytes, i));
    let within = last.is_none_or(|last| last < tables.names.count());
    sound(Section::ExactOnly, within && ascending::<u32>(&tables.exact_only, bytes))
}

fn ascending<A: Address>(table: &Addresses, bytes: &[u8]) -> bool {
    is_ascending((0..table.count()).map(|i| table.get::<A>(bytes, i)))
}

fn is_ascending<T: PartialOrd>(values: impl Iterator<Item = Option<T>>) -> bool {
    let mut last = None;
    for value in values {
        if value.is_none() || value <= last {
            return false;
        }
        last = value;
    }
    true
}

fn are_networks<A: Address>(networks: &[(u8, A)]) -> bool {
    networks.is_sorted_by(|a, b| a < b)
        && networks.iter().all(|(prefix, address)| address.masked(*prefix) == *address)
}

fn texts_and_digests(content: Content<'_>) -> Result<(), Error> {
    let Content { bytes, tables, .. } = content;
    let texts =
        [(&tables.names, Section::Names), (&tables.urls, Section::Urls), (&tables.emails, Section::Emails)];
    if let Some((_, section)) = texts.into_iter().find(|(text, _)| !text.is_sound(bytes)) {
        return Err(unsound(section));
    }
    for (table, (_, section, _)) in tables.digests.iter().zip(DIGESTS) {
        if !is_ascending((0..table.count()).map(|i| table.get(bytes, i))) {
            return Err(unsound(section));
        }
    }
    Ok(())
}

fn records(content: Content<'_>) -> Result<(), Error> {
    let Content { bytes, tables, columns, .. } = content;
    if !columns.is_sound(bytes) {
        return Err(unsound(Section::Contexts));
    }
    let mut entry = 0;
    for row in tables.entries()..columns.rows() {
        let next = columns.entry_of(bytes, row).filter(|next| *next >= entry && *next < tables.entries());
        entry = next.ok_or_else(|| unsound(Section::More))?;
    }
    // a row that cannot be read ends the digest with an error
    Ok(())
}

fn filter(header: &Header, content: Content<'_>) -> Result<(), Error> {
    let Content { bytes, tables, .. } = content;
    let filter = Filter::new(bytes.get(header.sections.range(Section::Filter)).unwrap_or_default());
    let mut missing = false;
    let traits = keys::walk(tables, bytes, Hasher::new(header.meta.seed), |mark, key| {
        let present = filter.ask(key);
        missing |= match mark {
            Mark::Listed => !present.listed,
            Mark::Path => !present.path,
        };
    });
    if missing {
        return Err(unsound(Section::Filter));
    }
    if traits != header.meta.traits {
        return Err(damaged("damaged snapshot: other traits in the header than in the tables"));
    }
    Ok(())
}
