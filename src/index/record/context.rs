//! Contexts: what indicators point to, each stored once.
//!
//! Is: the coding of [`Context`] values over one sorted table of their strings.
//! Is not: text for a tag; `engine` renders that.
//! Invariants: contexts stand in the order of their values, each once; so do strings. A string is at most 64 KiB
//! long and a context at most 1 MiB: a tag is far shorter, and a crafted feed or file cannot ask for more memory.
//! Fails: reading a damaged context gives `None`.
//! Costs: a few bytes a context beside new strings; decoding is one look-up in the table a string.
//!
//! ```text
//! column: where contexts start (one more than there are) | contexts
//! a context: name, description (0: none, else number of the string + 1), then labels, threats, kill chain,
//! references: how many, and the number of each; before a threat's the byte of its kind. Where there are remarks,
//! techniques, statements and notes in the same way, sightings (0: none, else 1 or, if a last time follows in eight
//! bytes, 2; then how many), and the number of opinions of each kind. All varints.
//! ```

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::index::Error;
use crate::index::format::{Fields, Section, Writer, put_varint};
use crate::index::table::column::{self, Column, Shape};
use crate::index::table::text::{self, Text};
use crate::indicator::{Context, Remarks, Sightings, ThreatKind, Timestamp};

const STRING_MAX: usize = 64 << 10;
const CONTEXT_MAX: usize = 1 << 20;

/// Where the contexts lie in the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Contexts {
    strings: Text,
    starts: Column,
    data: Range<usize>,
}

impl Contexts {
    pub(crate) fn read(bytes: &[u8], strings: Range<usize>, contexts: Range<usize>) -> Option<Contexts> {
        let strings = Text::read(bytes, strings)?;
        let (starts, data) = Column::read(bytes, contexts.clone())?;
        Some(Contexts { strings, starts, data: data..contexts.end })
    }

    pub(crate) const fn count(&self) -> u32 {
        self.starts.len().saturating_sub(1)
    }

    pub(crate) const fn strings(&self) -> &Text {
        &self.strings
    }

    /// Context number `number`.
    pub(crate) fn get(&self, bytes: &[u8], number: u32) -> Option<Context> {
        let fields = Fields::new(self.slice(bytes, number)?);
        let mut decoder = Decoder { contexts: self, bytes, fields, left: CONTEXT_MAX };
        let context = decoder.context()?;
        decoder.fields.rest().is_empty().then_some(context)
    }

    /// The coded form of a context, when it is sound: numbers of strings that are there, nothing left over.
    pub(crate) fn coded<'a>(&self, bytes: &'a [u8], number: u32) -> Option<&'a [u8]> {
        let coded = self.slice(bytes, number)?;
        let mut fields = Fields::new(coded);
        let strings = self.strings.count() as usize;
        let string = |fields: &mut Fields<'_>, least| {
            fields.varint().filter(|number| *number < strings + least).map(|_| ())
        };
        string(&mut fields, 1)?;
        string(&mut fields, 1)?;
        for list in 0..4 {
            for _ in 0..fields.varint()? {
                if list == 1 {
                    let [kind] = fields.array()?;
                    ThreatKind::ALL.into_iter().find(|known| *known as u8 == kind)?;
                }
                string(&mut fields, 0)?;
            }
        }
        if !fields.rest().is_empty() {
            for _ in 0..3 {
                for _ in 0..fields.varint()? {
                    string(&mut fields, 0)?;
                }
            }
            sightings(&mut fields)?;
            opinions(&mut fields)?;
        }
        fields.rest().is_empty().then_some(coded)
    }

    fn slice<'a>(&self, bytes: &'a [u8], number: u32) -> Option<&'a [u8]> {
        let start = usize::try_from(self.starts.get(bytes, number)?).ok()?;
        let end = usize::try_from(self.starts.get(bytes, number.checked_add(1)?)?).ok()?;
        bytes.get(self.data.clone())?.get(start..end)
    }

    /// Whether contexts follow each other without a gap up to the end.
    pub(crate) fn is_sound(&self, bytes: &[u8]) -> bool {
        let last = self.starts.len().checked_sub(1);
        let end = last.map_or(Some(0), |last| self.starts.get(bytes, last));
        let first = last.map_or(Some(0), |_| self.starts.get(bytes, 0));
        first == Some(0) && end == i64::try_from(self.data.len()).ok()
    }
}

struct Decoder<'a> {
    contexts: &'a Contexts,
    bytes: &'a [u8],
    fields: Fields<'a>,
    left: usize,
}

impl Decoder<'_> {
    fn context(&mut self) -> Option<Context> {
        let mut context =
            Context { name: self.optional()?, description: self.optional()?, ..Context::default() };
        context.labels = self.strings()?;
        for _ in 0..self.fields.varint()? {
            let [kind] = self.fields.array()?;
            let kind = ThreatKind::ALL.into_iter().find(|known| *known as u8 == kind)?;
            let number = self.fields.varint()?;
            context.threats.push((kind, self.string(number)?.into()));
        }
        context.kill_chain = self.strings()?;
        context.references = self.strings()?;
        if !self.fields.rest().is_empty() {
            let remarks = Remarks {
                techniques: self.strings()?,
                statements: self.strings()?,
                notes: self.strings()?,
                sightings: sightings(&mut self.fields)?,
                opinions: opinions(&mut self.fields)?,
            };
            context.remarks = Some(Box::new(remarks));
        }
        Some(context)
    }

    #[expect(clippy::option_option, reason = "outside: cut bytes; inside: an absent string")]
    fn optional(&mut self) -> Option<Option<Box<str>>> {
        match self.fields.varint()?.checked_sub(1) {
            Some(number) => Some(Some(self.string(number)?)),
            None => Some(None),
        }
    }

    fn strings(&mut self) -> Option<Vec<Box<str>>> {
        let mut strings = Vec::new();
        for _ in 0..self.fields.varint()? {
            let number = self.fields.varint()?;
            strings.push(self.string(number)?);
        }
        Some(strings)
    }

    fn string(&mut self, number: usize) -> Option<Box<str>> {
        let mut text = Vec::new();
        if !self.contexts.strings.get(self.bytes, u32::try_from(number).ok()?, &mut text) {
            return None;
        }
        self.left = self.left.checked_sub(text.len() + 1)?;
        String::from_utf8(text).ok().map(String::into_boxed_str)
    }
}

#[expect(clippy::option_option, reason = "outside: cut bytes; inside: none")]
fn sightings(fields: &mut Fields<'_>) -> Option<Option<Sightings>> {
    let last_seen = match fields.varint()? {
        0 => return Some(None),
        1 => None,
        2 => Some(Timestamp(i64::from_le_bytes(fields.array()?))),
        _ => return None,
    };
    Some(Some(Sightings { count: fields.varint()? as u64, last_seen }))
}

fn opinions(fields: &mut Fields<'_>) -> Option<[u32; 5]> {
    let mut opinions = [0; 5];
    for count in &mut opinions {
        *count = u32::try_from(fields.varint()?).ok()?;
    }
    Some(opinions)
}

/// Contexts that are being collected: by address first, as most indicators share theirs, then by value.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    // keeps each alive, so that an address stands for one value as long as this lives
    by_address: HashMap<usize, (Arc<Context>, u32), ahash::RandomState>,
    by_value: HashMap<Arc<Context>, u32, ahash::RandomState>,
    last: Option<(Arc<Context>, u32)>,
    cut: u64,
}

impl Collected {
    /// The number of a context, for now.
    pub(crate) fn number(&mut self, context: &Arc<Context>) -> Result<u32, Error> {
        if let Some((last, number)) = &self.last
            && Arc::ptr_eq(last, context)
        {
            return Ok(*number);
        }
        let address = Arc::as_ptr(context).addr();
        let number = match self.by_address.get(&address) {
            Some((_, number)) => *number,
            None => self.add(address, context)?,
        };
        self.last = Some((Arc::clone(context), number));
        Ok(number)
    }

    fn add(&mut self, address: usize, context: &Arc<Context>) -> Result<u32, Error> {
        let (clipped, cut) = clip(context);
        self.cut += u64::from(cut);
        let next = u32::try_from(self.by_value.len())
            .ok()
            .filter(|&next| next < u32::MAX - 1)
            .ok_or_else(|| Error::Damaged("more contexts than a snapshot holds".into()))?;
        let number = *self.by_value.entry(clipped).or_insert(next);
        if Arc::strong_count(context) > 1 {
            self.by_address.insert(address, (Arc::clone(context), number));
        }
        Ok(number)
    }

    /// Strings that were cut, or left out, because they passed the limit.
    pub(crate) const fn cut(&self) -> u64 {
        self.cut
    }

    /// Writes both sections; gives the final number for each number handed out before.
    ///
    /// # Errors
    /// [`Error::Damaged`] when a limit of the format is passed.
    pub(crate) fn write(self, file: &mut Writer) -> Result<Vec<u32>, Error> {
        drop(self.by_address);
        let mut order: Vec<(Arc<Context>, u32)> = self.by_value.into_iter().collect();
        order.sort_unstable();
        let mut strings: Vec<&str> = order.iter().flat_map(|(context, _)| strings_of(context)).collect();
        strings.sort_unstable();
        strings.dedup();
        let mut writer = text::Writer::default();
        for string in &strings {
            writer.push(string.as_bytes());
        }
        writer.finish(file.section(Section::Strings))?;

        let numbers: HashMap<&str, usize, ahash::RandomState> =
            strings.iter().enumerate().map(|(number, string)| (*string, number)).collect();
        let number = |string: &str| numbers.get(string).copied().unwrap_or_default();
        let mut data = Vec::new();
        let mut starts = vec![0];
        let mut last_numbers = vec![0; order.len()];
        for (rank, (context, earlier)) in (0u32..).zip(&order) {
            encode(&mut data, context, number);
            starts.push(data.len() as u64);
            if let Some(last) = last_numbers.get_mut(*earlier as usize) {
                *last = rank;
            }
        }
        if !order.is_empty() {
            let out = file.section(Section::Contexts);
            column::write(out, starts.iter().map(|start| Some(start.cast_signed())), Shape::Line)?;
            out.extend_from_slice(&data);
        }
        Ok(last_numbers)
    }
}

fn encode(out: &mut Vec<u8>, context: &Context, number: impl Fn(&str) -> usize) {
    let optional = |string: &Option<Box<str>>| string.as_ref().map_or(0, |string| number(string) + 1);
    put_varint(out, optional(&context.name));
    put_varint(out, optional(&context.description));
    let list = |out: &mut Vec<u8>, strings: &[Box<str>]| {
        put_varint(out, strings.len());
        for string in strings {
            put_varint(out, number(string));
        }
    };
    list(out, &context.labels);
    put_varint(out, context.threats.len());
    for (kind, name) in &context.threats {
        out.push(*kind as u8);
        put_varint(out, number(name));
    }
    list(out, &context.kill_chain);
    list(out, &context.references);
    let Some(remarks) = &context.remarks else { return };
    list(out, &remarks.techniques);
    list(out, &remarks.statements);
    list(out, &remarks.notes);
    match remarks.sightings {
        None => put_varint(out, 0),
        Some(Sightings { count, last_seen }) => {
            put_varint(out, if last_seen.is_some() { 2 } else { 1 });
            out.extend(last_seen.iter().flat_map(|time| time.0.to_le_bytes()));
            put_varint(out, usize::try_from(count).unwrap_or(usize::MAX).min(usize::MAX >> 2));
        }
    }
    for count in remarks.opinions {
        put_varint(out, count as usize);
    }
}

/// All strings of a context, in a fixed order.
pub(crate) fn strings_of(context: &Context) -> impl Iterator<Item = &str> {
    let single = context.name.iter().chain(&context.description).chain(&context.labels);
    let threats = context.threats.iter().map(|(_, name)| &**name);
    let remarks = context.remarks.iter();
    let remarks = remarks.flat_map(|said| said.techniques.iter().chain(&said.statements).chain(&said.notes));
    let lists = context.kill_chain.iter().chain(&context.references).chain(remarks);
    single.map(|string| &**string).chain(threats).chain(lists.map(|string| &**string))
}

/// The context itself, or one that keeps to the limits; and how many strings were cut or left out.
fn clip(context: &Arc<Context>) -> (Arc<Context>, u32) {
    let long = strings_of(context).any(|string| string.len() > STRING_MAX);
    let all: usize = strings_of(context).map(|string| string.len() + 1).sum();
    if !long && all <= CONTEXT_MAX {
        return (Arc::clone(context), 0);
    }
    let mut clip = Clip { left: CONTEXT_MAX, cut: 0 };
    let context = Context {
        name: context.name.as_deref().and_then(|string| clip.string(string)),
        description: context.description.as_deref().and_then(|string| clip.string(string)),
        labels: context.labels.iter().filter_map(|string| clip.string(string)).collect(),
        threats: context
            .threats
            .iter()
            .filter_map(|(kind, name)| Some((*kind, clip.string(name)?.into())))
            .collect(),
        kill_chain: context.kill_chain.iter().filter_map(|string| clip.string(string)).collect(),
        references: context.references.iter().filter_map(|string| clip.string(string)).collect(),
        remarks: context.remarks.as_ref().map(|said| {
            Box::new(Remarks {
                techniques: said.techniques.iter().filter_map(|string| clip.string(string)).collect(),
                statements: said.statements.iter().filter_map(|string| clip.string(string)).collect(),
                notes: said.notes.iter().filter_map(|string| clip.string(string)).collect(),
                ..Remarks::clone(said)
            })
        }),
    };
    (Arc::new(context), clip.cut)
}

struct Clip {
    left: usize,
    cut: u32,
}

impl Clip {
    fn string(&mut self, string: &str) -> Option<Box<str>> {
        let kept = string.get(..string.floor_char_boundary(STRING_MAX)).unwrap_or(string);
        let left = self.left.checked_sub(kept.len() + 1);
        self.cut += u32::from(left.is_none() || kept.len() < string.len());
        self.left = left?;
        Some(kept.into())
    }
}
