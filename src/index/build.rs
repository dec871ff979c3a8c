//! The builder: indicators in any order -> the bytes of a snapshot file.
//!
//! Is: the build rules applied, values sorted, what is the same joined, sections written.
//! Is not: a reader of feeds, nor the layout of a section (`table`, `record`, `format`).
//! Invariants: the same indicators give the same bytes, whatever the order in which they and their feeds come.
//! Values of one indicator that are refused are counted; one of which all are refused leaves nothing behind.
//! Fails: when a limit of the format is passed (2^32 entries, records or strings; 65,536 feeds).
//! Costs: about 0.25 s a million plain values; some 60 bytes a value of memory while it runs, and the text.

use std::net::IpAddr;

use crate::index::filter::{FilterBuilder, Hasher};
use crate::index::format::{Header, Meta, Section, Writer, damaged, put_varint};
use crate::index::kept::{Compounds, Gathered};
use crate::index::keys::{self, Mark};
use crate::index::record::context;
use crate::index::record::{self, Attributes, Columns, Link};
use crate::index::rules::{self, SUFFIX_LIST, Verdict};
use crate::index::table::ip::{self, Address};
use crate::index::table::tail::Tails;
use crate::index::table::{Tables, text, url_key};
use crate::index::verify::{self, Content};
use crate::index::{Allow, Error, Traits};
use crate::indicator::{Indicator, Part};
use crate::observable::{Digest, Kind, Observable};
use crate::tally::Counts;

/// Bits of the filter for each key.
const FILTER_BITS: usize = 16;

/// What became of the values given to a builder.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The set version.
    pub version: String,
    /// Entries by kind.
    pub entries: Vec<(Kind, u64)>,
    /// Records (a value in two indicators has two).
    pub records: u64,
    /// Compounds kept for later evaluation.
    pub compounds: u64,
    /// Their values, each once: silent entries.
    pub silent: u64,
    /// Values not taken, by the name of the rule (`wide-network`, `public-suffix`, `empty-file`, `file-name`), with up
    /// to three examples each.
    pub refused: Vec<(&'static str, u64, Vec<String>)>,
    /// Strings of contexts that were cut, or left out, because they were longer than 64 KiB, or their context
    /// longer than 1 MiB.
    pub cut: u64,
    /// Bytes by section of the file; all but the header and padding.
    pub bytes: Vec<(&'static str, u64)>,
}

/// Takes indicators and writes a snapshot.
#[derive(Debug, Default)]
pub struct Builder {
    /// Names of the feeds in the file: sorted, each once.
    feeds: Vec<Box<str>>,
    /// Number in the file by number in the indicators.
    feed_numbers: Vec<usize>,
    allow: Allow,
    records: record::Collected,
    contexts: context::Collected,
    values: Values,
    compounds: Gathered,
    exact_only: Vec<Box<str>>,
    refused: Counts,
    failed: Option<Error>,
}

impl Builder {
    /// A builder for feeds with these names (numbers in [`Indicator::feed`] point here). Feeds of the same name
    /// are one.
    pub fn new(feeds: &[Box<str>], allow: Allow) -> Builder {
        let mut sorted = feeds.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let feed_numbers = feeds.iter().map(|feed| sorted.binary_search(feed).unwrap_or_default()).collect();
        Builder { feeds: sorted, feed_numbers, allow, ..Builder::default() }
    }

    /// Adds an indicator.
    pub fn add(&mut self, indicator: Indicator) {
        if let Err(error) = self.try_add(indicator) {
            self.failed.get_or_insert(error);
        }
    }

    fn try_add(&mut self, mut indicator: Indicator) -> Result<(), Error> {
        let mut attributes = None;
        for (value, part) in std::mem::take(&mut indicator.values) {
            match rules::judge(&value, self.allow) {
                Verdict::Refused(rule) => {
                    self.refused.add(rule, || value.to_string());
                    continue;
                }
                Verdict::ExactOnly => {
                    if let Observable::Domain(name) = &value {
                        self.exact_only.push(name.as_str().into());
                    }
                }
                Verdict::Taken => {}
            }
            let attributes = match attributes {
                Some(attributes) => attributes,
                None => *attributes.insert(self.attributes(&mut indicator)?),
            };
            self.values.add(value, link(attributes, part)?)?;
        }
        for compound in std::mem::take(&mut indicator.compounds) {
            let attributes = match attributes {
                Some(attributes) => attributes,
                None => *attributes.insert(self.attributes(&mut indicator)?),
            };
            self.compounds.add(compound, attributes)?;
        }
        Ok(())
    }

    /// The number of what an indicator says of its values.
    fn attributes(&mut self, indicator: &mut Indicator) -> Result<usize, Error> {
        let feed = self.feed_numbers.get(usize::from(indicator.feed)).copied();
        let feed = feed.ok_or_else(|| damaged(format!("feed number {} has no name", indicator.feed)))?;
        let id = match indicator.id.take() {
            None => None,
            Some(id) => {
                self.records.ids.push(id);
                Some(
                    u32::try_from(self.records.ids.len() - 1)
                        .map_err(|_| damaged("more ids than numbers"))?,
                )
            }
        };
        let attributes = Attributes {
            feed: u16::try_from(feed).map_err(|_| damaged("more than 65,536 feeds"))?,
            id,
            valid_from: indicator.valid_from,
            valid_until: indicator.valid_until,
            confidence: indicator.confidence,
            tlp: indicator.tlp,
            context: self.contexts.number(&indicator.context)?,
        };
        if self.records.attributes.last() != Some(&attributes) {
            self.records.attributes.push(attributes);
        }
        Ok(self.records.attributes.len() - 1)
    }

    /// Sorts, joins and writes.
    ///
    /// # Errors
    /// [`Error::Damaged`] when a limit of the format is passed, naming it.
    pub fn finish(self) -> Result<(Vec<u8>, Report), Error> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let mut file = Writer::new(self.values.bytes());
        let out = file.section(Section::Feeds);
        for feed in &self.feeds {
            put_varint(out, feed.len());
            out.extend_from_slice(feed.as_bytes());
        }
        let cut = self.contexts.cut();
        let context_numbers = self.contexts.write(&mut file)?;
        let mut records = self.records;
        for attributes in &mut records.attributes {
            attributes.context =
                context_numbers.get(attributes.context as usize).copied().unwrap_or_default();
        }
        let mut rows = Rows { records: &records, first: Vec::new(), more: Vec::new(), scratch: Vec::new() };
        self.values.write(&mut file, &mut rows, self.exact_only)?;
        let Rows { first, more, .. } = rows;
        self.compounds.write(&mut file, &records)?;
        records.write(&mut file, &first, &more)?.write(&mut file)?;
        drop((first, more));

        let (meta, compounds) = complete(&mut file, &self.feeds, self.allow)?;
        let bytes = file.finish(&meta);
        let header = Header::read(&bytes)?;
        let report = Report {
            version: verify::version(&meta.digest),
            entries: Kind::ALL.into_iter().zip(meta.counts.map(u64::from)).collect(),
            records: u64::from(meta.records),
            compounds: compounds.count().into(),
            silent: compounds.values() as u64,
            refused: self.refused.into_rows(),
            cut,
            bytes: header.sections.lengths().map(|(section, len)| (section.as_str(), len as u64)).collect(),
        };
        Ok((bytes, report))
    }
}

/// Reads back what was written, for its digest, and adds the filter, whose seed the digest gives.
fn complete(file: &mut Writer, feeds: &[Box<str>], allow: Allow) -> Result<(Meta, Compounds), Error> {
    let (bytes, sections) = file.so_far();
    let tables = Tables::read(bytes, &sections)?;
    let feed_count = u32::try_from(feeds.len()).map_err(|_| damaged("more than 65,536 feeds"))?;
    let columns = Columns::read(bytes, &sections, tables.entries(), feed_count)?;
    let compounds = Compounds::read(bytes, &sections, (feed_count, columns.contexts.count()))?;
    let content = Content { bytes, feeds, tables: &tables, columns: &columns, compounds: &compounds };
    let digest = verify::digest(content, SUFFIX_LIST, allow);
    let digest = digest.ok_or_else(|| damaged("what was written cannot be read back"))?;
    let seed = verify::seed(&digest);
    let (filter, traits) = filter(&tables, bytes, Hasher::new(seed));
    let meta = Meta {
        digest,
        seed,
        allow,
        traits,
        suffix_list: SUFFIX_LIST.into(),
        counts: Kind::ALL.map(|kind| tables.count(kind)),
        records: columns.rows(),
        contexts: columns.contexts.count(),
    };
    file.section(Section::Filter).extend_from_slice(&filter);
    Ok((meta, compounds))
}

fn filter(tables: &Tables, bytes: &[u8], hasher: Hasher) -> (Vec<u8>, Traits) {
    let mut listed = Vec::with_capacity(tables.entries() as usize);
    let mut paths = Vec::new();
    let traits = keys::walk(tables, bytes, hasher, |mark, key| match mark {
        Mark::Listed => listed.push(key),
        Mark::Path => paths.push(key),
    });
    // in order of the block, which the upper half of a key decides: memory is then written from front to back
    for keys in [&mut listed, &mut paths] {
        keys.sort_unstable();
        keys.dedup();
    }
    let mut filter = FilterBuilder::new(listed.len() + paths.len(), FILTER_BITS);
    for key in listed {
        filter.list(key);
    }
    for key in paths {
        filter.path(key);
    }
    (filter.finish(), traits)
}

fn link(attributes: usize, part: Part) -> Result<Link, Error> {
    Link::new(attributes, part).ok_or_else(|| damaged("more than 2^31 indicators"))
}

/// Links of all entries, in the order of entries.
struct Rows<'a> {
    records: &'a record::Collected,
    first: Vec<Link>,
    more: Vec<(u32, Link)>,
    scratch: Vec<Link>,
}

impl Rows<'_> {
    /// The next entry has these links.
    fn entry(&mut self, links: impl Iterator<Item = Link>) -> Result<(), Error> {
        self.scratch.clear();
        self.scratch.extend(links);
        self.records.settle(&mut self.scratch);
        let entry = u32::try_from(self.first.len()).map_err(|_| damaged("more than 2^32 entries"))?;
        let (first, more) = self.scratch.split_first().ok_or_else(|| damaged("an entry without a record"))?;
        self.first.push(*first);
        self.more.extend(more.iter().map(|link| (entry, *link)));
        Ok(())
    }

    /// The next entries are these values, to be sorted; `put` gets each once.
    fn entries<T: Ord>(&mut self, mut values: Vec<(T, Link)>, mut put: impl FnMut(&T)) -> Result<(), Error> {
        values.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        for alike in values.chunk_by(|a, b| a.0 == b.0) {
            self.entry(alike.iter().map(|(_, link)| *link))?;
            if let Some((value, _)) = alike.first() {
                put(value);
            }
        }
        Ok(())
    }
}

/// All values that were taken, by table.
#[derive(Debug, Default)]
struct Values {
    ip4: Vec<(u32, Link)>,
    ip6: Vec<(u128, Link)>,
    networks4: Vec<((u8, u32), Link)>,
    networks6: Vec<((u8, u128), Link)>,
    ports4: Vec<((u32, u16), Link)>,
    ports6: Vec<((u128, u16), Link)>,
    names: Texts,
    urls: Texts,
    emails: Texts,
    md5: Vec<([u8; 16], Link)>,
    sha1: Vec<([u8; 20], Link)>,
    sha256: Vec<([u8; 32], Link)>,
    sha512: Vec<([u8; 64], Link)>,
}

impl Values {
    fn add(&mut self, value: Observable, link: Link) -> Result<(), Error> {
        match value {
            Observable::Ip(address) => self.add_address(address, link),
            Observable::Network(network) => match (network.address(), network.prefix()) {
                (address @ IpAddr::V4(_), 32) | (address @ IpAddr::V6(_), 128) => {
                    self.add_address(address, link);
                }
                (IpAddr::V4(address), prefix) => self.networks4.push(((prefix, address.to_bits()), link)),
                (IpAddr::V6(address), prefix) => self.networks6.push(((prefix, address.to_bits()), link)),
            },
            Observable::IpPort(pair) => match pair.address {
                IpAddr::V4(address) => self.ports4.push(((address.to_bits(), pair.port), link)),
                IpAddr::V6(address) => self.ports6.push(((address.to_bits(), pair.port), link)),
            },
            Observable::Domain(name) => {
                self.names.add(link, |out| out.extend_from_slice(name.as_str().as_bytes()))?;
            }
            Observable::Email(email) => {
                self.emails.add(link, |out| out.extend_from_slice(email.as_str().as_bytes()))?;
            }
            Observable::Url(url) => self.urls.add(link, |out| url_key(url.scheme(), url.rest(), out))?,
            Observable::Digest(digest) => self.add_digest(&digest, link),
        }
        Ok(())
    }

    fn add_address(&mut self, address: IpAddr, link: Link) {
        match address {
            IpAddr::V4(address) => self.ip4.push((address.to_bits(), link)),
            IpAddr::V6(address) => self.ip6.push((address.to_bits(), link)),
        }
    }

    fn add_digest(&mut self, digest: &Digest, link: Link) {
        fn push<const N: usize>(table: &mut Vec<([u8; N], Link)>, bytes: &[u8], link: Link) {
            if let Ok(bytes) = bytes.try_into() {
                table.push((bytes, link));
            }
        }
        // the length chooses the table
        let bytes = digest.bytes();
        push(&mut self.md5, bytes, link);
        push(&mut self.sha1, bytes, link);
        push(&mut self.sha256, bytes, link);
        push(&mut self.sha512, bytes, link);
    }

    /// About how long the file will be.
    fn bytes(&self) -> usize {
        let text = self.names.arena.len() + self.urls.arena.len() + self.emails.arena.len();
        text + 8 * self.ip4.len() + 32 * (self.sha256.len() + self.sha1.len() + self.md5.len()) + (1 << 16)
    }

    fn write(self, file: &mut Writer, rows: &mut Rows<'_>, exact_only: Vec<Box<str>>) -> Result<(), Error> {
        let out = file.section(Section::Ip4);
        rows.entries(self.ip4, |address| address.write(out))?;
        let out = file.section(Section::Ip6);
        rows.entries(self.ip6, |address| address.write(out))?;
        write_networks(file, rows, self.networks4, self.networks6)?;
        write_ports(file.section(Section::Ports4), rows, self.ports4)?;
        write_ports(file.section(Section::Ports6), rows, self.ports6)?;
        let exact_only = self.names.write(file.section(Section::Names), rows, exact_only)?;
        self.urls.write(file.section(Section::Urls), rows, Vec::new())?;
        self.emails.write(file.section(Section::Emails), rows, Vec::new())?;
        let out = file.section(Section::Md5);
        rows.entries(self.md5, |digest| out.extend_from_slice(digest))?;
        let out = file.section(Section::Sha1);
        rows.entries(self.sha1, |digest| out.extend_from_slice(digest))?;
        let out = file.section(Section::Sha256);
        rows.entries(self.sha256, |digest| out.extend_from_slice(digest))?;
        let out = file.section(Section::Sha512);
        rows.entries(self.sha512, |digest| out.extend_from_slice(digest))?;
        let out = file.section(Section::ExactOnly);
        for number in &exact_only {
            out.extend_from_slice(&number.to_le_bytes());
        }
        Ok(())
    }
}

fn write_networks(
    file: &mut Writer,
    rows: &mut Rows<'_>,
    networks4: Vec<((u8, u32), Link)>,
    networks6: Vec<((u8, u128), Link)>,
) -> Result<(), Error> {
    let (mut all4, mut all6) = (Vec::new(), Vec::new());
    rows.entries(networks4, |network| all4.push(*network))?;
    rows.entries(networks6, |network| all6.push(*network))?;
    ip::write_networks(file.section(Section::Networks4), &all4);
    ip::write_networks(file.section(Section::Networks6), &all6);
    ip::write_touched4(file.section(Section::Touched4), all4.into_iter());
    ip::write_touched6(file.section(Section::Touched6), all6.into_iter());
    Ok(())
}

fn write_ports<A: Address>(
    out: &mut Vec<u8>,
    rows: &mut Rows<'_>,
    pairs: Vec<((A, u16), Link)>,
) -> Result<(), Error> {
    let mut ports = Vec::with_capacity(pairs.len());
    rows.entries(pairs, |(address, port)| {
        address.write(out);
        ports.push(*port);
    })?;
    for port in &ports {
        out.extend_from_slice(&port.to_le_bytes());
    }
    Ok(())
}

/// Text values: one run of bytes, and where each begins.
#[derive(Debug, Default)]
struct Texts {
    arena: Vec<u8>,
    keys: Vec<Key>,
}

/// One text value; the first eight bytes decide most comparisons.
#[derive(Clone, Copy, Debug)]
struct Key {
    head: u64,
    start: usize,
    len: u32,
    link: Link,
}

impl Texts {
    fn add(&mut self, link: Link, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), Error> {
        let start = self.arena.len();
        write(&mut self.arena);
        let text = self.arena.get(start..).unwrap_or_default();
        let len = u32::try_from(text.len()).map_err(|_| damaged("a value longer than 4 GiB"))?;
        self.keys.push(Key { head: text::head(text), start, len, link });
        Ok(())
    }

    /// The same values in order, one behind the other: what follows reads them from front to back.
    fn sorted(self) -> Texts {
        let Texts { arena, mut keys } = self;
        let text = |key: &Key| arena.get(key.start..key.start + key.len as usize).unwrap_or_default();
        keys.sort_unstable_by(|a, b| a.head.cmp(&b.head).then_with(|| text(a).cmp(text(b))));
        let mut sorted = Vec::with_capacity(arena.len());
        for key in &mut keys {
            let start = sorted.len();
            sorted.extend_from_slice(text(key));
            key.start = start;
        }
        Texts { arena: sorted, keys }
    }

    /// Writes the section; gives the numbers of the values that `marked` has too.
    fn write(
        self,
        out: &mut Vec<u8>,
        rows: &mut Rows<'_>,
        mut marked: Vec<Box<str>>,
    ) -> Result<Vec<u32>, Error> {
        let Texts { arena, keys } = self.sorted();
        let text = |key: &Key| arena.get(key.start..key.start + key.len as usize).unwrap_or_default();
        marked.sort_unstable();
        marked.dedup();
        let mut marked = marked.into_iter().peekable();
        let mut numbers = Vec::new();
        let alike = || keys.chunk_by(|a, b| a.head == b.head && text(a) == text(b));
        // each once: how often feeds repeat a value says nothing about the set
        let distinct: Vec<&[u8]> = alike().filter_map(|alike| alike.first().map(text)).collect();
        let mut writer = text::Writer::new(Tails::of(distinct.into_iter()));
        for (number, alike) in (0u32..).zip(alike()) {
            rows.entry(alike.iter().map(|key| key.link))?;
            let value = alike.first().map(text).unwrap_or_default();
            writer.push(value);
            if marked.next_if(|name| name.as_bytes() == value).is_some() {
                numbers.push(number);
            }
        }
        writer.finish(out)?;
        Ok(numbers)
    }
}
