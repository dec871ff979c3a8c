//! The snapshot: a compiled, checksummed, memory-mappable file of indicators, and its builder.
//!
//! (Contract; the index author completes this text.)

pub mod filter;

use std::net::IpAddr;
use std::path::Path;

use crate::indicator::{Context, Id, Indicator, Part, Timestamp, Tlp};
use crate::observable::{Digest, Email, IpPort, Kind, Name, Url};

use self::filter::{Filter, Hasher};

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
    /// Not a snapshot, of a version that is not read, cut, or damaged.
    #[error("{0}")]
    Damaged(String),
}

/// Build rules that can be switched off (`--allow`), see docs/MATCHING.md section 3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    /// Some name (also as host or mail domain) with a punycode label: non-ASCII tokens have to be converted.
    pub unicode_names: bool,
    /// Some digest.
    pub digests: bool,
}

/// One indicator of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Number in the table of feeds.
    pub feed: u16,
    /// Id given by the feed.
    pub id: Option<Id>,
    /// Valid from.
    pub valid_from: Option<Timestamp>,
    /// Valid until, exclusive.
    pub valid_until: Option<Timestamp>,
    /// 0 to 100.
    pub confidence: Option<u8>,
    /// Marking.
    pub tlp: Option<Tlp>,
    /// Whole value or part of a pattern.
    pub part: Part,
    /// Number of the context, for caches.
    pub context_number: u32,
    /// The context's bytes; `Snapshot::context` decodes them.
    pub context: &'a [u8],
}

/// A compiled set of indicators.
#[derive(Debug)]
pub struct Snapshot {}

impl Snapshot {
    /// Opens a file: maps it when it is above 1 MiB, reads it otherwise. Structure is checked, checksums are not.
    ///
    /// # Errors
    /// [`Error`].
    pub fn open(_path: &Path) -> Result<Snapshot, Error> {
        todo!()
    }
    /// Takes the bytes of a file that was just built.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn from_bytes(_bytes: Vec<u8>) -> Result<Snapshot, Error> {
        todo!()
    }
    /// Checks every block checksum and the digest of the content.
    ///
    /// # Errors
    /// [`Error::Damaged`], naming section and block.
    pub fn verify(&self) -> Result<(), Error> {
        todo!()
    }
    /// The set version: hex digits, the same for the same logical content.
    pub fn version(&self) -> &str {
        todo!()
    }
    /// Names of the feeds, by number.
    pub fn feeds(&self) -> &[Box<str>] {
        todo!()
    }
    /// What there is to look for.
    pub fn traits(&self) -> Traits {
        todo!()
    }
    /// The prefilter.
    pub fn filter(&self) -> Filter<'_> {
        todo!()
    }
    /// The hasher that goes with the prefilter.
    pub fn hasher(&self) -> Hasher {
        todo!()
    }
    /// Entries of a kind.
    pub fn count(&self, _kind: Kind) -> u32 {
        todo!()
    }
    /// Whether some network may contain the address: a cheap answer without false negatives.
    pub fn touches(&self, _address: IpAddr) -> bool {
        todo!()
    }
    /// The address.
    pub fn ip(&self, _address: IpAddr) -> Option<Entry> {
        todo!()
    }
    /// Every network that contains the address, narrowest first.
    pub fn networks(&self, _address: IpAddr) -> Vec<Entry> {
        todo!()
    }
    /// The address with this port.
    pub fn ip_port(&self, _pair: IpPort) -> Option<Entry> {
        todo!()
    }
    /// The name, exactly.
    pub fn name(&self, _canonical: &str) -> Option<Entry> {
        todo!()
    }
    /// Whether the name's entry also covers its sub-domains (not so for private-section suffixes).
    pub fn covers_children(&self, _entry: Entry) -> bool {
        todo!()
    }
    /// The URL with the same scheme (or, for one without a scheme, without one).
    pub fn url(&self, _scheme: Option<&str>, _rest: &str) -> Option<Entry> {
        todo!()
    }
    /// Every URL with this rest and a scheme other than the given one (absent counts as other).
    pub fn urls_any_scheme(&self, _scheme: Option<&str>, _rest: &str) -> Vec<Entry> {
        todo!()
    }
    /// The e-mail address.
    pub fn email(&self, _canonical: &str) -> Option<Entry> {
        todo!()
    }
    /// The digest.
    pub fn digest(&self, _bytes: &[u8]) -> Option<Entry> {
        todo!()
    }
    /// The kind of an entry.
    pub fn kind(&self, _entry: Entry) -> Kind {
        todo!()
    }
    /// The canonical text of an entry.
    pub fn value(&self, _entry: Entry) -> String {
        todo!()
    }
    /// The records of an entry, ordered by feed, then id.
    pub fn records(&self, _entry: Entry) -> Vec<Record<'_>> {
        todo!()
    }
    /// Decodes a context.
    pub fn context(&self, _number: u32) -> Context {
        todo!()
    }
}

/// Takes indicators and writes a snapshot.
#[derive(Debug)]
pub struct Builder {}

/// What became of the values given to a builder.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Entries by kind.
    pub entries: Vec<(Kind, u64)>,
    /// Records (a value in two indicators has two).
    pub records: u64,
    /// Values not taken, by the name of the rule (`wide-network`, `public-suffix`, `empty-file`, `file-name`,
    /// `keyed-text`), with up to three examples each.
    pub refused: Vec<(&'static str, u64, Vec<String>)>,
    /// Bytes by section of the file.
    pub bytes: Vec<(&'static str, u64)>,
}

impl Builder {
    /// A builder for feeds with these names (numbers in [`Indicator::feed`] point here).
    pub fn new(_feeds: &[Box<str>], _allow: Allow) -> Builder {
        todo!()
    }
    /// Adds an indicator.
    pub fn add(&mut self, _indicator: Indicator) {
        todo!()
    }
    /// Sorts, joins and writes.
    ///
    /// # Errors
    /// [`Error::Damaged`] when a limit of the format is passed, naming it.
    pub fn finish(self) -> Result<(Vec<u8>, Report), Error> {
        todo!()
    }
}

/// Names used above only in signatures.
#[expect(dead_code, reason = "contract")]
type Unused = (Digest, Email, Name, Url);
