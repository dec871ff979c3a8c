//! What a look-up gives that may be several: networks, URLs, records, all entries; one by one.
//!
//! Is: iterators over a snapshot that read on as they are asked. Is not: the look-up that begins them.
//! Invariant: entries come in their order; networks narrowest first.
//! Fails: never; what cannot be read ends the walk. Costs: a step in a table each.

use std::net::IpAddr;

use crate::index::record::{Record, Rows};
use crate::index::table::text::Cursor;
use crate::index::table::write_url;
use crate::index::{Entry, Snapshot};
use crate::observable::Kind;

/// The networks that contain an address, narrowest first.
#[derive(Clone, Debug)]
pub struct Networks<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) address: IpAddr,
    /// Prefix lengths still to be looked at.
    pub(super) levels: usize,
}

impl Iterator for Networks<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        let (bytes, tables) = (self.snapshot.bytes.as_slice(), &self.snapshot.tables);
        while let Some(level) = self.levels.checked_sub(1) {
            self.levels = level;
            let found = match self.address {
                IpAddr::V4(address) => tables.networks4.covering(bytes, level, address.to_bits()),
                IpAddr::V6(address) => tables
                    .networks6
                    .covering(bytes, level, address.to_bits())
                    .map(|i| tables.networks4.count().saturating_add(i)),
            };
            if let Some(i) = found {
                return Some(self.snapshot.entry(Kind::Network, i));
            }
        }
        None
    }
}

/// URLs that differ in the scheme only.
#[derive(Clone, Debug)]
pub struct Urls<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) cursor: Cursor<'a>,
    pub(super) key: Vec<u8>,
    pub(super) skipped: Vec<u8>,
}

impl Iterator for Urls<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        loop {
            let step = self.cursor.advance()?;
            let scheme = self.cursor.value().strip_prefix(self.key.as_slice())?;
            if !scheme.contains(&b' ') && self.cursor.value() != self.skipped {
                return Some(self.snapshot.entry(Kind::Url, step.number));
            }
        }
    }
}

/// The records of an entry, in order.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) rows: Rows<'a>,
}

impl Iterator for Records<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        let (columns, bytes) = (&self.snapshot.columns, self.snapshot.bytes.as_slice());
        self.rows.find_map(|row| columns.row(bytes, row))
    }
}

/// Every entry of a snapshot, in order.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) next: u32,
    /// Where the table of the kind at hand is read, for kinds of text.
    pub(super) cursor: Option<(Kind, Cursor<'a>)>,
}

impl Iterator for Entries<'_> {
    type Item = (Entry, Kind, String);

    fn next(&mut self) -> Option<(Entry, Kind, String)> {
        let (tables, bytes) = (&self.snapshot.tables, self.snapshot.bytes.as_slice());
        let (kind, _) = tables.place(self.next)?;
        let entry = Entry(self.next);
        self.next += 1;
        let table = match kind {
            Kind::Domain => &tables.names,
            Kind::Url => &tables.urls,
            Kind::Email => &tables.emails,
            _ => return Some((entry, kind, self.snapshot.value(entry))),
        };
        if self.cursor.as_ref().is_none_or(|(of, _)| *of != kind) {
            self.cursor = Some((kind, table.cursor(bytes)));
        }
        let (_, cursor) = self.cursor.as_mut()?;
        cursor.advance()?;
        let mut value = String::new();
        match kind {
            Kind::Url => write_url(&mut value, cursor.value()),
            _ => value.push_str(&String::from_utf8_lossy(cursor.value())),
        }
        Some((entry, kind, value))
    }
}
