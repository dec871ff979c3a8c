//! The snapshot: a compiled, checksummed, memory-mappable file of indicators, and its builder.
//!
//! Is: look-ups of one value, of what contains it, and of what resembles it; the records of what was found.
//! Is not: a decision what a hit means (`policy`), nor a tag (`engine`); it knows no event and no clock.
//! Invariants: a snapshot never changes after it was opened. Entries are numbered in the order of kinds, then of
//! values. The same indicators give the same file, byte for byte.
//! Fails: a file that is cut, of another version or structurally unsound is refused when it is opened; one whose
//! bytes were changed is found by [`Snapshot::verify_blocks`] and [`Snapshot::verify`]. Until then a changed file
//! may give wrong answers, but never a panic, nor a read outside of it.
//! Costs: opening maps the file and reads its header, whatever its size. A look-up is one to three cache misses;
//! the filter in front of it (`filter`) makes look-ups of unlisted values rare.

mod build;
mod entries;
pub mod filter;
mod format;
mod kept;
mod keys;
mod map;
mod record;
mod rules;
mod table;
#[cfg(test)]
mod tests;
mod verify;

use std::net::IpAddr;
use std::path::Path;
use std::sync::atomic::AtomicUsize;

use fst::Automaton;
use fst::automaton::{Levenshtein, Str};

use crate::indicator::Context;
use crate::observable::{IpPort, Kind, Observable};

pub use self::build::{Builder, Report};
pub use self::entries::{Entries, Networks, Records, Urls};
pub use self::format::MAGIC;
pub use self::kept::Kept;
pub use self::map::install;
pub use self::record::Record;

use self::filter::{Filter, Hasher};
use self::format::{Fields, Header, Section, damaged, unsound};
use self::kept::Compounds;
use self::map::Bytes;
use self::record::Columns;
use self::table::search::{Reads, Search};
use self::table::{Tables, url_key};
use self::verify::Content;

/// The number of a listed value, in the order of kinds, then of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry(pub u32);

/// An error of a snapshot file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: Box<str>,
        /// What the system says.
        source: std::io::Error,
    },
    /// Not a snapshot, of a version that is not read, cut, or damaged; or too large to be written.
    #[error("{0}")]
    Damaged(String),
}

/// Build rules that can be switched off (`--allow`), see docs/MATCHING.md, M9.8 to M9.11.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub struct Allow {
    /// Networks wider than /8 (IPv6: /16).
    pub wide_network: bool,
    /// ICANN public suffixes as entries.
    pub public_suffix: bool,
    /// The digests of the empty file.
    pub empty_file: bool,
    /// Two-label names that end in a usual file extension.
    pub file_name: bool,
}

/// What the scan has to look for: kinds that a snapshot has nothing of cost nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub struct Traits {
    /// Some IPv4 address, network, address with port, or URL with such a host.
    pub ip4: bool,
    /// The same for IPv6.
    pub ip6: bool,
    /// Some name, URL with a name, or e-mail address.
    pub names: bool,
    /// Some name (also as host or mail domain) whose last label starts with a digit or a hyphen, or has an
    /// underscore: the scan's cheap anchor does not see those.
    pub odd_names: bool,
    /// Some digest.
    pub digests: bool,
}

/// What a snapshot file says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// The set version.
    pub version: String,
    /// The format version.
    pub format: u32,
    /// The public-suffix list by which it was built.
    pub suffix_list: String,
    /// Build rules that were switched off.
    pub allow: Allow,
    /// Entries by kind.
    pub entries: Vec<(Kind, u32)>,
    /// Records by feed.
    pub feeds: Vec<(Box<str>, u64)>,
    /// All records.
    pub records: u32,
    /// All contexts.
    pub contexts: u32,
    /// Compounds.
    pub compounds: u32,
    /// Silent entries, the values of compounds, by kind.
    pub silent: Vec<(Kind, u32)>,
    /// Bytes by section; all but the header and padding.
    pub sections: Vec<(&'static str, u64)>,
    /// Bytes of the file.
    pub bytes: u64,
}

/// A compiled set of indicators.
#[derive(Debug)]
pub struct Snapshot {
    bytes: Bytes,
    header: Header,
    feeds: Vec<Box<str>>,
    tables: Tables,
    columns: Columns,
    compounds: Compounds,
    version: String,
}

/// The build rule that keeps a value out of a set that is built with these switches.
pub fn refuses(value: &Observable, allow: Allow) -> Option<&'static str> {
    match rules::judge(value, allow) {
        rules::Verdict::Refused(rule) => Some(rule),
        rules::Verdict::Taken | rules::Verdict::ExactOnly => None,
    }
}

/// What opening reads of a file.
struct Structure {
    header: Header,
    feeds: Vec<Box<str>>,
    tables: Tables,
    columns: Columns,
    compounds: Compounds,
}

impl Structure {
    /// Reads all but the compounds, whose values have such a structure of their own.
    fn read(bytes: &[u8]) -> Result<Structure, Error> {
        let header = Header::read(bytes)?;
        let tables = Tables::read(bytes, &header.sections)?;
        let feeds = read_feeds(bytes.get(header.sections.range(Section::Feeds)).unwrap_or_default())?;
        let feed_count = u32::try_from(feeds.len()).map_err(|_| unsound(Section::Feeds))?;
        let columns = Columns::read(bytes, &header.sections, tables.entries(), feed_count)?;
        Ok(Structure { header, feeds, tables, columns, compounds: Compounds::default() })
    }
}

impl Snapshot {
    /// Opens a file: maps it when it is above 1 MiB, reads it otherwise. Structure is checked, checksums are not.
    ///
    /// # Errors
    /// [`Error`], naming the file.
    pub fn open(path: &Path) -> Result<Snapshot, Error> {
        let io = |source| Error::Io { path: path.display().to_string().into(), source };
        Snapshot::read(Bytes::open(path).map_err(io)?).map_err(|error| match error {
            Error::Damaged(what) => Error::Damaged(format!("{}: {what}", path.display())),
            io @ Error::Io { .. } => io,
        })
    }

    /// Takes the bytes of a file that was just built.
    ///
    /// # Errors
    /// [`Error::Damaged`]; [`Error::Io`] when there is no memory for them.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Snapshot, Error> {
        let io = |source| Error::Io { path: "memory".into(), source };
        let aligned = Bytes::copy_of(&bytes).map_err(io)?;
        drop(bytes);
        Snapshot::read(aligned)
    }

    fn read(bytes: Bytes) -> Result<Snapshot, Error> {
        let all = bytes.as_slice();
        let Structure { header, feeds, tables, columns, .. } = Structure::read(all)?;
        let known = (columns.feeds(), columns.contexts.count());
        let compounds = Compounds::read(all, &header.sections, known)?;
        let version = verify::version(&header.meta.digest);
        Ok(Snapshot { bytes, header, feeds, tables, columns, compounds, version })
    }

    /// Checks every block checksum: whether the bytes are those that were written. About 0.1 s a gigabyte.
    ///
    /// # Errors
    /// [`Error::Damaged`], naming section and block.
    pub fn verify_blocks(&self) -> Result<(), Error> {
        self.verify_blocks_from(&AtomicUsize::new(0))
    }

    /// [`Snapshot::verify_blocks`] by several threads: each checks the blocks that it takes from `next`, which
    /// starts at 0. When all have returned, all blocks are checked.
    ///
    /// # Errors
    /// [`Error::Damaged`], to the one that found it.
    pub fn verify_blocks_from(&self, next: &AtomicUsize) -> Result<(), Error> {
        format::verify_blocks(self.bytes.as_slice(), &self.header.sections, next)
    }

    /// Checks everything: block checksums, order and agreement of the tables, that the filter misses nothing,
    /// and that the set version is that of the content.
    ///
    /// # Errors
    /// [`Error::Damaged`], naming the section, and the block where there is one.
    pub fn verify(&self) -> Result<(), Error> {
        verify::verify(&self.header, self.content())
    }

    fn content(&self) -> Content<'_> {
        let bytes = self.bytes.as_slice();
        Content {
            bytes,
            feeds: &self.feeds,
            tables: &self.tables,
            columns: &self.columns,
            compounds: &self.compounds,
        }
    }

    /// The set version: 16 hexadecimal digits, the same for the same logical content.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The build rule that kept this value out of the set, if it was in a feed.
    pub fn refuses(&self, value: &Observable) -> Option<&'static str> {
        refuses(value, self.header.meta.allow)
    }

    /// Names of the feeds, by number; in order, each once.
    pub fn feeds(&self) -> &[Box<str>] {
        &self.feeds
    }

    /// What there is to look for.
    pub fn traits(&self) -> Traits {
        self.header.meta.traits
    }

    /// What the file says of itself. Counting the records of feeds walks through all records.
    pub fn info(&self) -> Info {
        let bytes = self.bytes.as_slice();
        let mut feeds: Vec<(Box<str>, u64)> = self.feeds.iter().map(|feed| (feed.clone(), 0)).collect();
        for row in 0..self.columns.rows() {
            let feed = self.columns.feed_of(bytes, row).and_then(|feed| feeds.get_mut(usize::from(feed)));
            if let Some((_, count)) = feed {
                *count += 1;
            }
        }
        let sections = self.header.sections.lengths();
        Info {
            version: self.version.clone(),
            format: self.header.version,
            suffix_list: self.header.meta.suffix_list.to_string(),
            allow: self.header.meta.allow,
            entries: Kind::ALL.into_iter().map(|kind| (kind, self.tables.count(kind))).collect(),
            feeds,
            records: self.columns.rows(),
            contexts: self.columns.contexts.count(),
            compounds: self.compound_count(),
            silent: self.silent_counts().collect(),
            sections: sections.map(|(section, len)| (section.as_str(), len as u64)).collect(),
            bytes: bytes.len() as u64,
        }
    }

    /// The prefilter.
    pub fn filter(&self) -> Filter<'_> {
        let filter = self.header.sections.range(Section::Filter);
        Filter::new(self.bytes.as_slice().get(filter).unwrap_or_default())
    }

    /// The hasher that goes with the prefilter.
    pub fn hasher(&self) -> Hasher {
        Hasher::new(self.header.meta.seed)
    }

    /// Entries of a kind.
    pub fn count(&self, kind: Kind) -> u32 {
        self.tables.count(kind)
    }

    /// Whether some network may contain the address: a cheap answer without false negatives. Exact to the /24
    /// (IPv6: /64).
    #[inline]
    pub fn touches(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.tables.touched.v4(self.bytes.as_slice(), address.to_bits()),
            IpAddr::V6(address) => self.tables.touched.v6(self.bytes.as_slice(), address.to_bits()),
        }
    }

    /// The entry of value number `i` of a kind.
    fn entry(&self, kind: Kind, i: u32) -> Entry {
        Entry(self.tables.first(kind).saturating_add(i))
    }

    /// The address.
    pub fn ip(&self, address: IpAddr) -> Option<Entry> {
        let (bytes, tables) = (self.bytes.as_slice(), &self.tables);
        let i = match address {
            IpAddr::V4(address) => tables.ip4.find(bytes, address.to_bits())?,
            IpAddr::V6(address) => tables.ip4.count() + tables.ip6.find(bytes, address.to_bits())?,
        };
        Some(self.entry(Kind::Ip, i))
    }

    /// Every network that contains the address, narrowest first.
    pub fn networks(&self, address: IpAddr) -> Networks<'_> {
        let levels = match address {
            IpAddr::V4(_) => self.tables.networks4.levels(),
            IpAddr::V6(_) => self.tables.networks6.levels(),
        };
        Networks { snapshot: self, address, levels: if self.touches(address) { levels } else { 0 } }
    }

    /// The address with this port.
    pub fn ip_port(&self, pair: IpPort) -> Option<Entry> {
        let (bytes, tables) = (self.bytes.as_slice(), &self.tables);
        let i = match pair.address {
            IpAddr::V4(address) => tables.ports4.find(bytes, (address.to_bits(), pair.port))?,
            IpAddr::V6(address) => {
                tables.ports4.count() + tables.ports6.find(bytes, (address.to_bits(), pair.port))?
            }
        };
        Some(self.entry(Kind::IpPort, i))
    }

    /// Whether the address is listed with some port.
    pub fn has_ports(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(v4) => self.tables.ports4.has(self.bytes.as_slice(), v4.to_bits()),
            IpAddr::V6(v6) => self.tables.ports6.has(self.bytes.as_slice(), v6.to_bits()),
        }
    }

    /// Whether the address is listed with some port, or as the host of some URL.
    pub fn is_part_of_more(&self, address: IpAddr) -> bool {
        let host = match address {
            IpAddr::V4(v4) => v4.to_string(),
            IpAddr::V6(v6) => format!("[{v6}]"),
        };
        let is_host = |end: &str| {
            let start = format!("{host}{end}");
            let mut cursor = self.tables.urls.not_less(self.bytes.as_slice(), start.as_bytes());
            cursor.advance().is_some() && cursor.value().starts_with(start.as_bytes())
        };
        self.has_ports(address) || is_host("/") || is_host(":")
    }

    /// The name, exactly.
    pub fn name(&self, canonical: &str) -> Option<Entry> {
        let i = self.tables.names.find(self.bytes.as_slice(), canonical.as_bytes())?;
        Some(self.entry(Kind::Domain, i))
    }

    /// Whether the name's entry also covers its sub-domains (not so for private-section suffixes).
    pub fn covers_children(&self, entry: Entry) -> bool {
        match self.tables.place(entry.0) {
            Some((Kind::Domain, i)) => self.tables.exact_only.find(self.bytes.as_slice(), i).is_none(),
            _ => false,
        }
    }

    /// The URL with the same scheme (or, for one without a scheme, without one).
    pub fn url(&self, scheme: Option<&str>, rest: &str) -> Option<Entry> {
        let mut key = Vec::with_capacity(rest.len() + 9);
        url_key(scheme, rest, &mut key);
        Some(self.entry(Kind::Url, self.tables.urls.find(self.bytes.as_slice(), &key)?))
    }

    /// Every URL with this rest and a scheme other than the given one (absent counts as other), by scheme.
    pub fn urls_any_scheme<'a>(&'a self, scheme: Option<&str>, rest: &str) -> Urls<'a> {
        let (mut key, mut skipped) = (Vec::new(), Vec::new());
        url_key(None, rest, &mut key);
        url_key(scheme, rest, &mut skipped);
        let cursor = self.tables.urls.not_less(self.bytes.as_slice(), &key);
        Urls { snapshot: self, cursor, key, skipped }
    }

    /// The e-mail address.
    pub fn email(&self, canonical: &str) -> Option<Entry> {
        let i = self.tables.emails.find(self.bytes.as_slice(), canonical.as_bytes())?;
        Some(self.entry(Kind::Email, i))
    }

    /// The digest.
    pub fn digest(&self, digest: &[u8]) -> Option<Entry> {
        let (kind, ..) = table::DIGESTS.into_iter().find(|(_, _, width)| *width == digest.len())?;
        let (table, _) = self.tables.digest_table(kind)?;
        Some(self.entry(kind, table.find(self.bytes.as_slice(), digest)?))
    }

    /// Names, URLs and mail addresses that begin with this text, in this order. URLs are read without their
    /// scheme.
    pub fn starting_with<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = Entry> + 'a {
        self.search(move || Str::new(prefix).starts_with())
    }

    /// Names, URLs and mail addresses that are this text but for one typo at most: a letter too much, too few or
    /// another. URLs are read without their scheme.
    ///
    /// # Errors
    /// [`Error::Damaged`] when the text is too long to look for (some thousand letters).
    pub fn one_typo_from<'a>(&'a self, text: &str) -> Result<impl Iterator<Item = Entry> + 'a, Error> {
        let automaton = Levenshtein::new(text, 1).map_err(|_| damaged("too long to look for with a typo"))?;
        let automaton = std::sync::Arc::new(automaton);
        Ok(self.search(move || Shared(std::sync::Arc::clone(&automaton))))
    }

    fn search<'a, A: Automaton + 'a>(
        &'a self,
        automaton: impl Fn() -> A + 'a,
    ) -> impl Iterator<Item = Entry> + 'a {
        let tables = [
            (Kind::Domain, &self.tables.names, Reads::Whole),
            (Kind::Url, &self.tables.urls, Reads::BeforeBlank),
            (Kind::Email, &self.tables.emails, Reads::Whole),
        ];
        tables.into_iter().flat_map(move |(kind, table, reads)| {
            let search = Search::new(table, self.bytes.as_slice(), automaton(), reads);
            search.map(move |i| self.entry(kind, i))
        })
    }

    /// The kind of an entry. An entry of another snapshot may be of any kind.
    pub fn kind(&self, entry: Entry) -> Kind {
        self.tables.place(entry.0).map_or(Kind::Ip, |(kind, _)| kind)
    }

    /// The canonical text of an entry; nothing for an entry of another snapshot.
    pub fn value(&self, entry: Entry) -> String {
        let mut out = String::new();
        let written = self
            .tables
            .place(entry.0)
            .and_then(|(kind, i)| self.tables.value(self.bytes.as_slice(), kind, i, &mut out));
        if written.is_some() { out } else { String::new() }
    }

    /// The records of an entry, ordered by feed, then id.
    pub fn records(&self, entry: Entry) -> Records<'_> {
        let bytes = self.bytes.as_slice();
        Records { snapshot: self, rows: self.columns.rows_of(bytes, entry.0) }
    }

    /// Decodes a context; an empty one for a number that no record has.
    pub fn context(&self, number: u32) -> Context {
        self.columns.contexts.get(self.bytes.as_slice(), number).unwrap_or_default()
    }

    /// Every entry with its kind and canonical text, in order.
    pub fn entries(&self) -> Entries<'_> {
        Entries { snapshot: self, next: 0, cursor: None }
    }
}

fn read_feeds(section: &[u8]) -> Result<Vec<Box<str>>, Error> {
    let mut fields = Fields::new(section);
    let mut feeds: Vec<Box<str>> = Vec::new();
    while !fields.rest().is_empty() {
        let feed = fields.varint().and_then(|len| fields.take(len));
        let feed =
            feed.and_then(|feed| std::str::from_utf8(feed).ok()).ok_or_else(|| unsound(Section::Feeds))?;
        if feeds.last().is_some_and(|last| **last >= *feed) {
            return Err(unsound(Section::Feeds));
        }
        feeds.push(feed.into());
    }
    Ok(feeds)
}

/// One automaton for several walks.
struct Shared<A>(std::sync::Arc<A>);

impl<A: Automaton> Automaton for Shared<A> {
    type State = A::State;

    fn start(&self) -> A::State {
        self.0.start()
    }
    fn is_match(&self, state: &A::State) -> bool {
        self.0.is_match(state)
    }
    fn can_match(&self, state: &A::State) -> bool {
        self.0.can_match(state)
    }
    fn accept(&self, state: &A::State, byte: u8) -> A::State {
        self.0.accept(state, byte)
    }
}
