//! Compounds in a snapshot: kept for later evaluation, with the values that they need.
//!
//! Is: the sections `silent` and `compounds`. The values are *silent entries*: a snapshot of its own inside of the
//! section, so that they are found as entries are, by all grades; the engine does not ask it, so that they neither hit
//! nor cost anything.
//! Is not: the evaluation of a program ([`Program`]), nor a reader of patterns.
//! Invariants: a snapshot without compounds has nothing in either section. Compounds stand in the order of their bytes,
//! each once; each is sound ([`Program::is_sound`]), and its values, feed and context are there: all this is checked
//! when a file is opened. Silent entries have one record that says nothing, and each belongs to a compound.
//! Fails: reading names the section; [`Snapshot::silent`] when there is no memory.
//! Costs: opening reads every compound; one takes its text and some 60 bytes, most of them for its record.
//!
//! ```text
//! silent:     a whole snapshot of the values: one feed without a name, no compounds
//! compounds:  column: where compounds start (one more than there are) | compounds
//! a compound: record | part of the pattern: length, text | values: how many, the entry of each in `silent`
//!             | steps: how many, each 3 * n + (0 seen, 1 all, 2 any). All numbers are varints.
//! ```

use std::ops::Range;

use crate::compound::{Compound, Operation, Program, VALUES_MAX};
use crate::index::format::{Fields, Section, Sections, Writer, damaged, put_varint, unsound};
use crate::index::map::Bytes;
use crate::index::record::Collected;
use crate::index::table::column::{self, Column, Shape};
use crate::index::verify::{self, Content};
use crate::index::{Allow, Builder, Entry, Error, Record, Snapshot, Structure};
use crate::indicator::{Indicator, Part};
use crate::observable::{Kind, Observable};

/// Most steps of a program over [`VALUES_MAX`] values.
const STEPS_MAX: usize = 2 * VALUES_MAX;

/// A compound as a snapshot keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What its indicator says.
    pub record: Record,
    /// Its values: entries of [`Snapshot::silent`], by the numbers that the program has for them.
    pub values: Vec<Entry>,
    /// What has to hold.
    pub program: Program,
    /// The part of the pattern that this is about, as text.
    pub part: Box<str>,
}

/// Where both sections lie.
#[derive(Clone, Debug, Default)]
pub(crate) struct Compounds {
    starts: Column,
    data: Range<usize>,
    silent: Range<usize>,
    /// Silent entries by kind.
    counts: [u32; Kind::ALL.len()],
    digest: [u8; 32],
}

impl Compounds {
    /// Reads and checks both sections, of a file with so many feeds and contexts.
    pub(crate) fn read(
        bytes: &[u8],
        sections: &Sections,
        (feeds, contexts): (u32, u32),
    ) -> Result<Compounds, Error> {
        let (silent, compounds) = (sections.range(Section::Silent), sections.range(Section::Compounds));
        if silent.is_empty() && compounds.is_empty() {
            return Ok(Compounds::default());
        }
        let image = bytes.get(silent.clone()).unwrap_or_default();
        let Structure { header, tables, columns, .. } =
            Structure::read(image).map_err(|_| unsound(Section::Silent))?;
        let inner = [Section::Silent, Section::Compounds];
        if inner.into_iter().any(|section| !header.sections.range(section).is_empty())
            || tables.entries() == 0
            || columns.rows() != tables.entries()
        {
            return Err(unsound(Section::Silent));
        }
        let column = Column::read(bytes, compounds.clone());
        let (starts, data) = column.ok_or_else(|| unsound(Section::Compounds))?;
        let read = Compounds {
            starts,
            data: data..compounds.end,
            silent,
            counts: Kind::ALL.map(|kind| tables.count(kind)),
            digest: header.meta.digest,
        };
        let within = |kept: &Kept| {
            let Record { feed, context_number, part, .. } = kept.record;
            u32::from(feed) < feeds && context_number < contexts && part == Part::Whole
        };
        let mut last: &[u8] = &[];
        for number in 0..read.count() {
            let coded = read.coded(bytes, number).unwrap_or_default();
            if coded <= last || !read.get(bytes, number).is_some_and(|kept| within(&kept)) {
                return Err(unsound(Section::Compounds));
            }
            last = coded;
        }
        let end = read.starts.get(bytes, read.count());
        let whole = read.count() > 0
            && read.starts.get(bytes, 0) == Some(0)
            && end == i64::try_from(read.data.len()).ok();
        if whole { Ok(read) } else { Err(unsound(Section::Compounds)) }
    }

    pub(crate) const fn count(&self) -> u32 {
        self.starts.len().saturating_sub(1)
    }

    /// The bytes of a compound.
    pub(crate) fn coded<'a>(&self, bytes: &'a [u8], number: u32) -> Option<&'a [u8]> {
        let start = usize::try_from(self.starts.get(bytes, number)?).ok()?;
        let end = usize::try_from(self.starts.get(bytes, number.checked_add(1)?)?).ok()?;
        bytes.get(self.data.clone())?.get(start..end)
    }

    /// The digest of the silent entries.
    pub(crate) const fn silent_digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Number of silent entries.
    pub(crate) fn values(&self) -> usize {
        self.counts.iter().map(|count| *count as usize).sum()
    }

    fn get(&self, bytes: &[u8], number: u32) -> Option<Kept> {
        let mut fields = Fields::new(self.coded(bytes, number)?);
        let record = Record::read(&mut fields)?;
        let part = fields.varint().and_then(|len| fields.take(len))?;
        let part = std::str::from_utf8(part).ok()?.into();
        let count = fields.varint().filter(|count| *count <= VALUES_MAX)?;
        let mut values = Vec::with_capacity(count);
        for _ in 0..count {
            let entry = fields.varint().filter(|entry| *entry < self.values())?;
            values.push(Entry(u32::try_from(entry).ok()?));
        }
        let count = fields.varint().filter(|count| *count <= STEPS_MAX)?;
        let mut program = Program(Vec::with_capacity(count));
        for _ in 0..count {
            let step = fields.varint()?;
            let number = u16::try_from(step / 3).ok()?;
            program.0.push(match step % 3 {
                0 => Operation::Seen(number),
                1 => Operation::All(number),
                _ => Operation::Any(number),
            });
        }
        let sound = program.is_sound(values.len()) && fields.rest().is_empty();
        sound.then_some(Kept { record, values, program, part })
    }

    /// Checks what opening did not: the silent entries as a snapshot, and that each belongs to a compound.
    pub(crate) fn verify(&self, bytes: &[u8]) -> Result<(), Error> {
        if self.count() == 0 {
            return Ok(());
        }
        let image = bytes.get(self.silent.clone()).unwrap_or_default();
        let Structure { header, feeds, tables, columns, compounds } = Structure::read(image)?;
        let content = Content {
            bytes: image,
            feeds: &feeds,
            tables: &tables,
            columns: &columns,
            compounds: &compounds,
        };
        verify::verify(&header, content).map_err(|_| unsound(Section::Silent))?;
        let mut belongs = vec![false; self.values()];
        for kept in (0..self.count()).filter_map(|number| self.get(bytes, number)) {
            for entry in kept.values {
                if let Some(belongs) = belongs.get_mut(entry.0 as usize) {
                    *belongs = true;
                }
            }
        }
        if belongs.contains(&false) { Err(unsound(Section::Silent)) } else { Ok(()) }
    }
}

impl Snapshot {
    /// Number of compounds.
    pub fn compound_count(&self) -> u32 {
        self.compounds.count()
    }

    /// Every compound, in order.
    pub fn compounds(&self) -> impl Iterator<Item = Kept> + '_ {
        let bytes = self.bytes.as_slice();
        (0..self.compounds.count()).filter_map(move |number| self.compounds.get(bytes, number))
    }

    /// Silent entries by kind.
    pub fn silent_counts(&self) -> impl Iterator<Item = (Kind, u32)> + '_ {
        Kind::ALL.into_iter().zip(self.compounds.counts)
    }

    /// The silent entries as a snapshot, in memory of its own; `None` when there are none.
    ///
    /// # Errors
    /// [`Error::Io`] when there is no memory.
    pub fn silent(&self) -> Result<Option<Snapshot>, Error> {
        if self.compounds.count() == 0 {
            return Ok(None);
        }
        let image = self.bytes.as_slice().get(self.compounds.silent.clone()).unwrap_or_default();
        let io = |source| Error::Io { path: "memory".into(), source };
        Snapshot::read(Bytes::copy_of(image).map_err(io)?).map(Some)
    }

    /// The entry of a value itself, whatever its kind.
    pub fn find(&self, value: &Observable) -> Option<Entry> {
        match value {
            Observable::Ip(address) => self.ip(*address),
            Observable::Network(network) if network.is_single() => self.ip(network.address()),
            Observable::Network(network) => {
                let text = network.to_string();
                self.networks(network.address()).find(|entry| self.value(*entry) == text)
            }
            Observable::IpPort(pair) => self.ip_port(*pair),
            Observable::Domain(name) => self.name(name.as_str()),
            Observable::Url(url) => self.url(url.scheme(), url.rest()),
            Observable::Email(email) => self.email(email.as_str()),
            Observable::Digest(digest) => self.digest(digest.bytes()),
        }
    }
}

/// Compounds that are being collected, with the numbers of their attributes.
#[derive(Debug, Default)]
pub(crate) struct Gathered(Vec<(Compound, usize)>);

impl Gathered {
    /// Adds a compound of an indicator with these attributes.
    ///
    /// # Errors
    /// [`Error::Damaged`] for one that no pattern comes down to.
    pub(crate) fn add(&mut self, compound: Compound, attributes: usize) -> Result<(), Error> {
        let Compound { values, program, .. } = &compound;
        if values.len() > VALUES_MAX || program.0.len() > STEPS_MAX || !program.is_sound(values.len()) {
            return Err(damaged(format!("a compound that is none: {compound}")));
        }
        self.0.push((compound, attributes));
        Ok(())
    }

    /// Writes both sections, or nothing for none. The numbers of contexts have to be final.
    ///
    /// # Errors
    /// [`Error::Damaged`] when a limit of the format is passed.
    pub(crate) fn write(self, file: &mut Writer, records: &Collected) -> Result<(), Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let lost = || damaged("a compound without its record or values");
        let image = self.image()?;
        let silent = Snapshot::from_bytes(image.clone())?;
        let mut all = Vec::with_capacity(self.0.len());
        for (compound, attributes) in &self.0 {
            let mut out = Vec::new();
            records.record(*attributes).ok_or_else(lost)?.write(&mut out);
            put_varint(&mut out, compound.part.len());
            out.extend_from_slice(compound.part.as_bytes());
            put_varint(&mut out, compound.values.len());
            for value in &compound.values {
                put_varint(&mut out, silent.find(value).ok_or_else(lost)?.0 as usize);
            }
            put_varint(&mut out, compound.program.0.len());
            for operation in &compound.program.0 {
                let (number, what) = match *operation {
                    Operation::Seen(number) => (number, 0),
                    Operation::All(number) => (number, 1),
                    Operation::Any(number) => (number, 2),
                };
                put_varint(&mut out, usize::from(number) * 3 + what);
            }
            all.push(out);
        }
        all.sort_unstable();
        all.dedup();
        let mut starts = vec![0];
        starts.extend(all.iter().scan(0u64, |end, one| {
            *end += one.len() as u64;
            Some(*end)
        }));
        file.section(Section::Silent).extend_from_slice(&image);
        let out = file.section(Section::Compounds);
        column::write(out, starts.iter().map(|start| Some(start.cast_signed())), Shape::Line)?;
        out.extend(all.into_iter().flatten());
        Ok(())
    }

    /// The snapshot of all values. No build rule applies: none of them hits alone.
    fn image(&self) -> Result<Vec<u8>, Error> {
        let allow = Allow { wide_network: true, public_suffix: true, empty_file: true, file_name: true };
        let mut builder = Builder::new(&[Box::default()], allow);
        for (compound, _) in &self.0 {
            builder.add(Indicator {
                feed: 0,
                id: None,
                values: compound.values.iter().map(|value| (value.clone(), Part::Whole)).collect(),
                compounds: Box::default(),
                valid_from: None,
                valid_until: None,
                confidence: None,
                tlp: None,
                context: std::sync::Arc::default(),
            });
        }
        builder.finish().map(|(bytes, _)| bytes)
    }
}
