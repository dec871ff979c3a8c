//! Records: one for each indicator of an entry, in columns.
//!
//! Is: feed, id, validity, confidence, marking and number of the context, the same for every shape of tag.
//! Is not: a rendered tag.
//! Invariants: the first record of entry `i` is row `i`; further ones stand behind, ordered by entry; the records
//! of an entry are ordered by feed, then id, and no two are the same. A column that says the same of all records
//! takes 32 bytes; an id of the usual kind takes 16 bytes once.
//! Fails: a row that points to no feed, id or context is left out.
//! Costs: a record is eight reads of packed integers, some 30 ns, and the text of its id where it is no UUID.

pub(crate) mod context;

use std::ops::Range;

use crate::index::Error;
use crate::index::format::{Fields, Section, Sections, Writer, unsound};
use crate::index::record::context::Contexts;
use crate::index::table::column::{self, Column, Shape};
use crate::index::table::text::{self, Text};
use crate::indicator::{Id, Part, Timestamp, Tlp};

/// One indicator of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
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
    /// Number of the context, for caches; `Snapshot::context` decodes it.
    pub context_number: u32,
}

impl Record {
    /// Writes all fields, for digests and where a record stands alone.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.feed.to_le_bytes());
        match &self.id {
            None => out.push(0),
            Some(Id::Uuid(uuid)) => {
                out.push(1);
                out.extend_from_slice(uuid);
            }
            Some(Id::Text(text)) => {
                out.push(2);
                out.extend_from_slice(&(text.len() as u64).to_le_bytes());
                out.extend_from_slice(text.as_bytes());
            }
        }
        for time in [self.valid_from, self.valid_until] {
            out.push(u8::from(time.is_some()));
            out.extend_from_slice(&time.map_or(0, |time| time.0).to_le_bytes());
        }
        out.push(self.confidence.unwrap_or(u8::MAX));
        out.push(self.tlp.map_or(0, |tlp| tlp as u8));
        out.push(self.part as u8);
        out.extend_from_slice(&self.context_number.to_le_bytes());
    }

    /// Reads what [`Record::write`] wrote; whether feed and context are there is for the caller to see.
    pub(crate) fn read(fields: &mut Fields<'_>) -> Option<Record> {
        let feed = u16::from_le_bytes(fields.array()?);
        let id = match fields.array()? {
            [0] => None,
            [1] => Some(Id::Uuid(fields.array()?)),
            [2] => {
                let len = usize::try_from(fields.u64()?).ok()?;
                Some(Id::Text(std::str::from_utf8(fields.take(len)?).ok()?.into()))
            }
            _ => return None,
        };
        let mut times = [None; 2];
        for time in &mut times {
            let ([some], micros) = (fields.array()?, fields.u64()?.cast_signed());
            *time = match some {
                0 if micros == 0 => None,
                1 => Some(Timestamp(micros)),
                _ => return None,
            };
        }
        let [confidence, tlp, part] = fields.array()?;
        let [valid_from, valid_until] = times;
        Some(Record {
            feed,
            id,
            valid_from,
            valid_until,
            confidence: (confidence != u8::MAX).then_some(confidence),
            tlp: if tlp == 0 { None } else { Some(Tlp::from_u8(tlp)?) },
            part: match part {
                0 => Part::Whole,
                1 => Part::OfPattern,
                _ => return None,
            },
            context_number: fields.u32()?,
        })
    }
}

/// The columns of a snapshot file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Columns {
    entries: u32,
    feeds: u32,
    more: Column,
    feed: Column,
    id: Column,
    valid_from: Column,
    valid_until: Column,
    confidence: Column,
    tlp: Column,
    part: Column,
    context: Column,
    uuids: Range<usize>,
    id_texts: Text,
    pub(crate) contexts: Contexts,
}

impl Columns {
    pub(crate) fn read(
        bytes: &[u8],
        sections: &Sections,
        entries: u32,
        feeds: u32,
    ) -> Result<Columns, Error> {
        let column = |section| {
            let range = sections.range(section);
            let (column, end) = Column::read(bytes, range.clone()).ok_or_else(|| unsound(section))?;
            if end == range.end { Ok(column) } else { Err(unsound(section)) }
        };
        let more = column(Section::More)?;
        let rows = entries.checked_add(more.len()).ok_or_else(|| unsound(Section::More))?;
        let row_column = |section| {
            let column = column(section)?;
            if column.len() == rows { Ok(column) } else { Err(unsound(section)) }
        };
        let uuids = sections.range(Section::Uuids);
        if !uuids.len().is_multiple_of(16) {
            return Err(unsound(Section::Uuids));
        }
        let strings = sections.range(Section::Strings);
        let contexts = Contexts::read(bytes, strings, sections.range(Section::Contexts));
        Ok(Columns {
            entries,
            feeds,
            more,
            feed: row_column(Section::Feed)?,
            id: row_column(Section::Id)?,
            valid_from: row_column(Section::ValidFrom)?,
            valid_until: row_column(Section::ValidUntil)?,
            confidence: row_column(Section::Confidence)?,
            tlp: row_column(Section::Tlp)?,
            part: row_column(Section::Part)?,
            context: row_column(Section::Context)?,
            uuids,
            id_texts: Text::read(bytes, sections.range(Section::IdTexts))
                .ok_or_else(|| unsound(Section::IdTexts))?,
            contexts: contexts.ok_or_else(|| unsound(Section::Contexts))?,
        })
    }

    /// Number of feeds.
    pub(crate) const fn feeds(&self) -> u32 {
        self.feeds
    }

    /// Number of all records.
    pub(crate) const fn rows(&self) -> u32 {
        self.entries.saturating_add(self.more.len())
    }

    /// The entry that a row is about.
    pub(crate) fn entry_of(&self, bytes: &[u8], row: u32) -> Option<u32> {
        match row.checked_sub(self.entries) {
            Some(more) => u32::try_from(self.more.get(bytes, more)?).ok(),
            None => Some(row),
        }
    }

    /// The feed of a row.
    pub(crate) fn feed_of(&self, bytes: &[u8], row: u32) -> Option<u16> {
        let feed = u16::try_from(self.feed.get(bytes, row)?).ok()?;
        (u32::from(feed) < self.feeds).then_some(feed)
    }

    /// One row; `None` when it points to something that is not there.
    pub(crate) fn row(&self, bytes: &[u8], row: u32) -> Option<Record> {
        let context_number = u32::try_from(self.context.get(bytes, row)?).ok()?;
        if context_number >= self.contexts.count() {
            return None;
        }
        let small = |column: &Column| match column.get(bytes, row) {
            Some(value) => u8::try_from(value).ok().map(Some),
            None => Some(None),
        };
        let id = match self.id.get(bytes, row) {
            Some(number) => Some(self.id(bytes, u32::try_from(number).ok()?)?),
            None => None,
        };
        Some(Record {
            feed: self.feed_of(bytes, row)?,
            id,
            valid_from: self.valid_from.get(bytes, row).map(Timestamp),
            valid_until: self.valid_until.get(bytes, row).map(Timestamp),
            confidence: small(&self.confidence)?,
            tlp: match small(&self.tlp)? {
                Some(tlp) => Some(Tlp::from_u8(tlp)?),
                None => None,
            },
            part: match self.part.get(bytes, row)? {
                0 => Part::Whole,
                1 => Part::OfPattern,
                _ => return None,
            },
            context_number,
        })
    }

    fn id(&self, bytes: &[u8], number: u32) -> Option<Id> {
        let uuids = bytes.get(self.uuids.clone())?.as_chunks::<16>().0;
        if let Some(uuid) = uuids.get(number as usize) {
            return Some(Id::Uuid(*uuid));
        }
        let text_number = number.checked_sub(u32::try_from(uuids.len()).ok()?)?;
        let mut text = Vec::new();
        if !self.id_texts.get(bytes, text_number, &mut text) {
            return None;
        }
        String::from_utf8(text).ok().map(|text| Id::Text(text.into()))
    }

    /// The rows of an entry.
    pub(crate) fn rows_of<'a>(&'a self, bytes: &'a [u8], entry: u32) -> Rows<'a> {
        let first = (entry < self.entries).then_some(entry);
        Rows { columns: self, bytes, entry, first, more: None }
    }

    /// Whether all rows say the same.
    pub(crate) fn is_uniform(&self) -> bool {
        let columns = [
            &self.feed,
            &self.id,
            &self.valid_from,
            &self.valid_until,
            &self.confidence,
            &self.tlp,
            &self.part,
            &self.context,
        ];
        columns.into_iter().all(Column::is_constant)
    }

    /// Whether what is not read row by row agrees.
    pub(crate) fn is_sound(&self, bytes: &[u8]) -> bool {
        self.id_texts.is_sound(bytes)
            && self.contexts.is_sound(bytes)
            && self.contexts.strings().is_sound(bytes)
    }
}

/// The rows of one entry, in order.
#[derive(Clone, Debug)]
pub(crate) struct Rows<'a> {
    columns: &'a Columns,
    bytes: &'a [u8],
    entry: u32,
    first: Option<u32>,
    more: Option<u32>,
}

impl Iterator for Rows<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        let more = &self.columns.more;
        if self.entry >= self.columns.entries || more.len() == 0 {
            return None;
        }
        let at = match self.more {
            Some(at) => at,
            None => more.lower_bound(self.bytes, i64::from(self.entry)),
        };
        let found = more.get(self.bytes, at)? == i64::from(self.entry);
        self.more = Some(at.saturating_add(1));
        found.then_some(self.columns.entries.saturating_add(at))
    }
}

/// What an indicator says of all its values, while a snapshot is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attributes {
    pub(crate) feed: u16,
    /// Number in the builder's list of ids.
    pub(crate) id: Option<u32>,
    pub(crate) valid_from: Option<Timestamp>,
    pub(crate) valid_until: Option<Timestamp>,
    pub(crate) confidence: Option<u8>,
    pub(crate) tlp: Option<Tlp>,
    pub(crate) context: u32,
}

/// A value's link to its attributes: their number, and whether the value is a part of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link(u32);

impl Link {
    /// `None` when there are more attributes than a snapshot holds.
    pub(crate) fn new(attributes: usize, part: Part) -> Option<Link> {
        let number = u32::try_from(attributes).ok().filter(|&n| n < 1 << 31)?;
        Some(Link(number << 1 | u32::from(part == Part::OfPattern)))
    }

    const fn attributes(self) -> usize {
        (self.0 >> 1) as usize
    }

    const fn part(self) -> u8 {
        (self.0 & 1) as u8
    }
}

/// Attributes and ids of everything that was added.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    pub(crate) attributes: Vec<Attributes>,
    pub(crate) ids: Vec<Id>,
}

impl Collected {
    fn get(&self, link: Link) -> Option<&Attributes> {
        self.attributes.get(link.attributes())
    }

    fn id(&self, attributes: &Attributes) -> Option<&Id> {
        attributes.id.and_then(|id| self.ids.get(id as usize))
    }

    /// What an indicator with these attributes says, of all of a pattern.
    pub(crate) fn record(&self, attributes: usize) -> Option<Record> {
        let said = self.attributes.get(attributes)?;
        Some(Record {
            feed: said.feed,
            id: self.id(said).cloned(),
            valid_from: said.valid_from,
            valid_until: said.valid_until,
            confidence: said.confidence,
            tlp: said.tlp,
            part: Part::Whole,
            context_number: said.context,
        })
    }

    /// Puts the links of one value in order and leaves out those that say the same.
    pub(crate) fn settle(&self, links: &mut Vec<Link>) {
        if links.len() < 2 {
            return;
        }
        links.sort_unstable_by(|a, b| self.key(*a).cmp(&self.key(*b)));
        links.dedup_by(|a, b| self.key(*a) == self.key(*b));
    }

    #[expect(clippy::type_complexity, reason = "a key to sort by")]
    fn key(
        &self,
        link: Link,
    ) -> Option<(u16, Option<&Id>, Option<Timestamp>, Option<Timestamp>, Option<u8>, Option<Tlp>, u8, u32)>
    {
        let a = self.get(link)?;
        Some((a.feed, self.id(a), a.valid_from, a.valid_until, a.confidence, a.tlp, link.part(), a.context))
    }

    /// Writes all sections from `More` to `Context`; `first` has one link an entry, `more` the further ones with
    /// their entry, in order. The ids follow with [`Ids::write`].
    ///
    /// # Errors
    /// [`Error::Damaged`] when a limit of the format is passed.
    pub(crate) fn write(self, file: &mut Writer, first: &[Link], more: &[(u32, Link)]) -> Result<Ids, Error> {
        let entries = more.iter().map(|(entry, _)| Some(i64::from(*entry)));
        column::write(file.section(Section::More), entries, Shape::Flat)?;
        let Collected { attributes, ids } = self;
        let links = first.iter().chain(more.iter().map(|(_, link)| link));
        // a plain list says the same of all its values: they need not be gone through one by one
        let uniform = more.is_empty() && first.iter().all(|link| Some(link) == first.first());
        let rows: Vec<(Attributes, u8)> = links
            .take(if uniform { 1 } else { usize::MAX })
            .filter_map(|link| Some((*attributes.get(link.attributes())?, link.part())))
            .collect();
        drop(attributes);
        let ids = Ids::of(&ids, rows.iter().map(|(a, _)| a.id));
        let mut put = |section, shape, values: &[Option<i64>]| {
            let out = file.section(section);
            match values.first() {
                Some(value) if uniform => column::write_constant(out, *value, first.len()),
                _ => column::write(out, values.iter().copied(), shape),
            }
        };
        let flat = |value: &dyn Fn(&Attributes) -> Option<i64>| -> Vec<Option<i64>> {
            rows.iter().map(|(a, _)| value(a)).collect()
        };
        let parts: Vec<Option<i64>> = rows.iter().map(|(_, part)| Some(i64::from(*part))).collect();
        put(Section::Feed, Shape::Flat, &flat(&|a| Some(i64::from(a.feed))))?;
        put(Section::Id, Shape::Line, &ids.numbers)?;
        put(Section::ValidFrom, Shape::Flat, &flat(&|a| Some(a.valid_from?.0)))?;
        put(Section::ValidUntil, Shape::Flat, &flat(&|a| Some(a.valid_until?.0)))?;
        put(Section::Confidence, Shape::Flat, &flat(&|a| a.confidence.map(i64::from)))?;
        put(Section::Tlp, Shape::Flat, &flat(&|a| a.tlp.map(|tlp| i64::from(tlp as u8))))?;
        put(Section::Part, Shape::Flat, &parts)?;
        put(Section::Context, Shape::Flat, &flat(&|a| Some(i64::from(a.context))))?;
        Ok(ids)
    }
}

/// Ids, each once: UUIDs in the order in which rows use them, then all others in order.
#[derive(Debug)]
pub(crate) struct Ids {
    /// The number of each row's id.
    numbers: Vec<Option<i64>>,
    uuids: Vec<[u8; 16]>,
    texts: Vec<Box<str>>,
}

impl Ids {
    /// The ids that rows use, given by their number in `ids`.
    fn of(ids: &[Id], used: impl ExactSizeIterator<Item = Option<u32>>) -> Ids {
        let mut numbers = vec![None; used.len()];
        let (mut by_uuid, mut by_text) = (Vec::new(), Vec::new());
        for (row, id) in used.enumerate() {
            match id.and_then(|id| ids.get(id as usize)) {
                Some(Id::Uuid(uuid)) => by_uuid.push((u128::from_be_bytes(*uuid), row)),
                Some(Id::Text(text)) => by_text.push((&**text, row)),
                None => {}
            }
        }
        // sorted, as a million look-ups in a hash map would be a million cache misses
        let rows = by_uuid.clone();
        by_uuid.sort_unstable();
        let mut firsts: Vec<(usize, usize)> = Vec::new();
        for alike in by_uuid.chunk_by(|a, b| a.0 == b.0) {
            if let [(_, first), others @ ..] = alike {
                firsts.extend(others.iter().map(|(_, row)| (*row, *first)));
            }
        }
        firsts.sort_unstable();
        let mut firsts = firsts.into_iter().peekable();
        let mut uuids: Vec<[u8; 16]> = Vec::with_capacity(rows.len());
        for (uuid, row) in rows {
            let number = if let Some((_, first)) = firsts.next_if(|(again, _)| *again == row) {
                numbers.get(first).copied().flatten()
            } else {
                uuids.push(uuid.to_be_bytes());
                i64::try_from(uuids.len() - 1).ok()
            };
            if let Some(slot) = numbers.get_mut(row) {
                *slot = number;
            }
        }
        by_text.sort_unstable();
        let mut texts: Vec<Box<str>> = Vec::new();
        for (text, row) in by_text {
            if texts.last().is_none_or(|last| **last != *text) {
                texts.push(text.into());
            }
            if let Some(slot) = numbers.get_mut(row) {
                *slot = i64::try_from(uuids.len() + texts.len() - 1).ok();
            }
        }
        Ids { numbers, uuids, texts }
    }

    /// Writes both sections.
    ///
    /// # Errors
    /// [`Error::Damaged`] when a limit of the format is passed.
    pub(crate) fn write(&self, file: &mut Writer) -> Result<(), Error> {
        let out = file.section(Section::Uuids);
        out.extend_from_slice(self.uuids.as_flattened());
        let mut writer = text::Writer::default();
        for text in &self.texts {
            writer.push(text.as_bytes());
        }
        writer.finish(file.section(Section::IdTexts))
    }
}
