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

use std::collections::HashMap;
use std::ops::Range;

use crate::index::Error;
use crate::index::format::{Section, Sections, Writer, unsound};
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
        let rows: Vec<(&Attributes, u8)> = links
            .take(if uniform { 1 } else { usize::MAX })
            .filter_map(|link| Some((attributes.get(link.attributes())?, link.part())))
            .collect();
        let mut put = |section, shape, value: &dyn Fn(&Attributes, u8) -> Option<i64>| {
            let out = file.section(section);
            let values: Vec<Option<i64>> = rows.iter().map(|(a, part)| value(a, *part)).collect();
            match values.first() {
                Some(value) if uniform => column::write_constant(out, *value, first.len()),
                _ => column::write(out, values.iter().copied(), shape),
            }
        };
        let mut ids = Ids::of(&ids, rows.iter().map(|(a, _)| a.id));
        put(Section::Feed, Shape::Flat, &|a, _| Some(i64::from(a.feed)))?;
        put(Section::Id, Shape::Line, &|a, _| ids.number(a.id?))?;
        put(Section::ValidFrom, Shape::Flat, &|a, _| Some(a.valid_from?.0))?;
        put(Section::ValidUntil, Shape::Flat, &|a, _| Some(a.valid_until?.0))?;
        put(Section::Confidence, Shape::Flat, &|a, _| a.confidence.map(i64::from))?;
        put(Section::Tlp, Shape::Flat, &|a, _| a.tlp.map(|tlp| i64::from(tlp as u8)))?;
        put(Section::Part, Shape::Flat, &|_, part| Some(i64::from(part)))?;
        put(Section::Context, Shape::Flat, &|a, _| Some(i64::from(a.context)))?;
        ids.numbers = Vec::new();
        Ok(ids)
    }
}

/// Ids, each once: UUIDs in the order in which rows use them, then all others in order.
#[derive(Debug)]
pub(crate) struct Ids {
    /// Final number by number in the builder's list.
    numbers: Vec<u32>,
    uuids: Vec<[u8; 16]>,
    texts: Vec<Box<str>>,
}

impl Ids {
    fn of(ids: &[Id], used: impl Iterator<Item = Option<u32>>) -> Ids {
        const NONE: u32 = u32::MAX;
        let mut numbers = vec![NONE; ids.len()];
        let mut uuids = Vec::new();
        let mut seen: HashMap<[u8; 16], u32, ahash::RandomState> = HashMap::default();
        for id in used.flatten() {
            let Some(number) = numbers.get_mut(id as usize).filter(|number| **number == NONE) else {
                continue;
            };
            if let Some(Id::Uuid(uuid)) = ids.get(id as usize) {
                *number = *seen.entry(*uuid).or_insert_with(|| {
                    uuids.push(*uuid);
                    u32::try_from(uuids.len() - 1).unwrap_or(NONE)
                });
            }
        }
        let mut texts: Vec<Box<str>> = Vec::new();
        let mut order: Vec<(&str, usize)> = Vec::new();
        for (i, id) in ids.iter().enumerate() {
            if let Id::Text(text) = id {
                order.push((text, i));
            }
        }
        order.sort_unstable();
        for (text, i) in order {
            if texts.last().is_none_or(|last| **last != *text) {
                texts.push(text.into());
            }
            if let Some(number) = numbers.get_mut(i) {
                *number = u32::try_from(uuids.len() + texts.len() - 1).unwrap_or(NONE);
            }
        }
        Ids { numbers, uuids, texts }
    }

    fn number(&self, id: u32) -> Option<i64> {
        self.numbers.get(id as usize).map(|number| i64::from(*number))
    }

    /// Writes both sections.
    ///
    /// # Errors
    /// [`Error::Damaged`] when a limit of the format is passed.
    pub(crate) fn write(&self, file: &mut Writer) -> Result<(), Error> {
        let out = file.section(Section::Uuids);
        self.uuids.iter().for_each(|uuid| out.extend_from_slice(uuid));
        let mut writer = text::Writer::default();
        self.texts.iter().for_each(|text| writer.push(text.as_bytes()));
        writer.finish(file.section(Section::IdTexts))
    }
}
