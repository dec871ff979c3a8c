//! STIX 1.0 to 1.2.1 in XML -> [`Objects`].
//!
//! Is: a walk over packages, related packages, incidents and reports at any depth, and over the content blocks of saved
//! TAXII 1 messages, in windows of bytes, so that memory holds one object and not the document. Elements are known by
//! their names without prefix, so that the namespaces of MITRE and OASIS, and documents with broken ones, read the same.
//! Is not: I/O or a validator. Embedded formats (`Test_Mechanisms`, raw artifacts) are not looked into.
//! Invariant: a fault never takes more with it than the object it stands in; where it is, is told.
//! Fails: never; [`Reader::finish`] says what is no STIX. A document type declaration ends the reading: entities of
//! the document's own are not read.
//! Costs: one pass; the largest object.

mod content;
mod observable;
mod take;
mod threat;
mod tree;

use std::borrow::Cow;

use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader as Xml, XmlVersion};

use crate::indicator::{Timestamp, Tlp};
use crate::stix::{Found, Objects, UNDATED, tlp};

use self::content::Blocks;
use self::observable::Dialect;
use self::take::{Around, is_object};
use self::tree::{Tree, XSI_TYPE};

/// Bytes of the longest tag, comment or CDATA section that is read; what is longer is passed over.
pub const TOKEN_BYTES_MAX: usize = 64 << 20;

/// Elements in elements; the deepest known documents have 40.
const DEPTH_MAX: usize = 256;

/// Reads a whole document.
pub fn parse(document: &[u8], objects: &mut Objects) -> Found {
    let mut reader = Reader::default();
    reader.read(document, true, objects);
    reader.finish()
}

/// Reads one document, window by window.
#[derive(Debug, Default)]
pub struct Reader {
    /// The open elements.
    open: Open,
    /// Packages, incidents and reports that are open.
    scopes: Vec<Scope>,
    /// The object that is being read, and how deep it stands.
    object: Option<usize>,
    tree: Tree,
    /// The depth of the element that is passed over with all in it.
    passed: Option<usize>,
    /// The depth of the open `Handling` of a scope.
    handling: Option<usize>,
    /// Bytes before the window.
    offset: u64,
    /// Objects so far.
    number: u64,
    dialect: Dialect,
    blocks: Blocks,
    /// The root element was seen.
    begun: bool,
    refused: Option<String>,
    faulty: bool,
    /// Bytes that are no UTF-8 were met; they are told of once, for windows overlap.
    repaired: bool,
}

/// Open elements by their names, in one text.
#[derive(Debug, Default)]
struct Open {
    names: String,
    /// Where each name begins.
    starts: Vec<usize>,
}

impl Open {
    fn len(&self) -> usize {
        self.starts.len()
    }

    fn push(&mut self, name: &str) {
        self.starts.push(self.names.len());
        self.names.push_str(name);
    }

    fn pop(&mut self) {
        if let Some(start) = self.starts.pop() {
            self.names.truncate(start);
        }
    }

    /// The name of the element of this depth, from 1.
    fn name(&self, depth: usize) -> Option<&str> {
        let from = *self.starts.get(depth.checked_sub(1)?)?;
        let to = self.starts.get(depth).copied().unwrap_or(self.names.len());
        self.names.get(from..to)
    }
}

/// What holds objects and says something about all of them.
#[derive(Debug)]
struct Scope {
    depth: usize,
    /// The id under which its marking is found.
    marking: u32,
    tlp: Option<Tlp>,
    time: Timestamp,
}

/// How to go on.
enum Step {
    Past(usize),
    More,
}

impl Reader {
    /// Reads as much of the window as is whole and returns its length; the caller drops that much and appends more.
    /// With `last` nothing follows the window, and all of it is taken. It never returns 0 for a window of
    /// [`TOKEN_BYTES_MAX`] or more.
    pub fn read(&mut self, window: &[u8], last: bool, objects: &mut Objects) -> usize {
        let mut repaired = Vec::new();
        let text = self.text(window, last, &mut repaired, objects);
        objects.survey.format = "STIX";
        let mut at = 0;
        while at < text.len() && self.refused.is_none() {
            let rest = text.get(at..).unwrap_or_default();
            match self.step(rest, self.offset + at as u64, last, objects) {
                Step::Past(length) => at += length,
                Step::More if last => {
                    self.fault("bad-xml", self.offset + text.len() as u64, "cut", objects);
                    at = text.len();
                }
                Step::More if at == 0 && window.len() >= TOKEN_BYTES_MAX => {
                    self.fault("bad-xml", self.offset, "a tag without end", objects);
                    at = text.len();
                }
                Step::More => break,
            }
        }
        if last || self.refused.is_some() {
            at = window.len();
        }
        self.offset += at as u64;
        if last {
            self.end(objects);
        }
        at
    }

    /// Whether reading on is useless.
    pub fn is_hopeless(&self) -> bool {
        self.refused.is_some()
    }

    /// Says what the document was.
    pub fn finish(self) -> Found {
        match self.refused {
            Some(what) => Found::Other(what),
            None if self.begun => Found::Stix,
            None => Found::Other("markup without an element".to_owned()),
        }
    }

    /// The window as text. Bytes that are no UTF-8 become control characters one by one, so that places stay.
    fn text<'w>(
        &mut self,
        window: &'w [u8],
        last: bool,
        repaired: &'w mut Vec<u8>,
        objects: &mut Objects,
    ) -> &'w str {
        let fault = match str::from_utf8(window) {
            Ok(text) => return text,
            Err(fault) => fault,
        };
        if fault.error_len().is_none() && !last {
            return str::from_utf8(window.get(..fault.valid_up_to()).unwrap_or_default()).unwrap_or_default();
        }
        if !self.repaired {
            self.repaired = true;
            self.fault("bad-characters", self.offset + fault.valid_up_to() as u64, "not UTF-8", objects);
        }
        repaired.extend_from_slice(window);
        let mut from = 0;
        while let Err(fault) = str::from_utf8(repaired.get(from..).unwrap_or_default()) {
            let bad = from + fault.valid_up_to();
            let Some(length) = fault.error_len() else {
                repaired.truncate(bad);
                break;
            };
            for byte in repaired.iter_mut().skip(bad).take(length) {
                *byte = BAD;
            }
            from = bad + length;
        }
        str::from_utf8(repaired).unwrap_or_default()
    }

    fn step(&mut self, rest: &str, at: u64, last: bool, objects: &mut Objects) -> Step {
        let mut xml = Xml::from_str(rest);
        let config = xml.config_mut();
        config.check_end_names = false;
        config.allow_unmatched_ends = true;
        config.allow_dangling_amp = true;
        let mut past = 0;
        loop {
            let event = xml.read_event();
            let position = usize::try_from(xml.buffer_position()).unwrap_or(usize::MAX).min(rest.len());
            match event {
                Ok(Event::Eof) => return Step::Past(rest.len()),
                Ok(event) => {
                    // Text and references may go on behind the window. What is cut there would be joined in another
                    // way than what is not, so only text that is too long anyway is.
                    let goes_on = match &event {
                        Event::GeneralRef(_) => true,
                        Event::Text(text) => text.len() < TOKEN_BYTES_MAX,
                        _ => false,
                    };
                    if goes_on && position == rest.len() && !last {
                        return if past > 0 { Step::Past(past) } else { Step::More };
                    }
                    self.event(&event, at + past as u64, objects);
                    past = position;
                    if self.refused.is_some() {
                        return Step::Past(past);
                    }
                }
                Err(_) if past > 0 => return Step::Past(past),
                Err(quick_xml::Error::Syntax(quick_xml::errors::SyntaxError::InvalidBangMarkup))
                    if last || rest.len() > 9 =>
                {
                    self.fault("bad-xml", at, "no markup", objects);
                    return Step::Past(1);
                }
                Err(_) if last => {
                    // what cannot be a token is text from its first character on
                    let next =
                        rest.get(1..).and_then(|rest| rest.find('<')).map_or(rest.len(), |next| next + 1);
                    self.fault("bad-xml", at, "a tag without end", objects);
                    return Step::Past(next);
                }
                Err(_) => return Step::More,
            }
        }
    }

    fn event(&mut self, event: &Event<'_>, at: u64, objects: &mut Objects) {
        match event {
            Event::Start(start) => self.start(start, at, objects),
            Event::Empty(start) => {
                self.start(start, at, objects);
                self.close(objects);
            }
            Event::End(end) => self.ended(end.local_name().as_ref(), at, objects),
            Event::Text(text) => self.append(text),
            Event::CData(text) => self.append(text),
            Event::GeneralRef(reference) => {
                let known = match reference.resolve_char_ref() {
                    Ok(Some(character)) => Some(character),
                    Ok(None) => resolve_predefined_entity(reference).and_then(|text| text.chars().next()),
                    Err(_) => None,
                };
                if known.is_none() {
                    self.fault("bad-xml", at, "an entity that is not known", objects);
                }
                self.append(known.unwrap_or(char::REPLACEMENT_CHARACTER).encode_utf8(&mut [0; 4]));
            }
            Event::DocType(_) => {
                self.refused = Some(
                    "XML with a document type declaration, which may define entities: not read\n\
                     remove the declaration (<!DOCTYPE ...>)"
                        .to_owned(),
                );
            }
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::Eof => {}
        }
    }

    fn start(&mut self, start: &BytesStart<'_>, at: u64, objects: &mut Objects) {
        let name = start.local_name();
        let name: &str = name.as_ref();
        self.open.push(name);
        let depth = self.open.len();
        if self.passed.is_some() {
            return;
        }
        if depth > DEPTH_MAX {
            self.fault("bad-xml", at, "elements in elements too deep", objects);
            self.passed = Some(depth);
            return;
        }
        if !self.begun {
            self.begun = true;
            objects.survey.shape = shape(name);
        }
        if matches!(name, "Test_Mechanisms" | "Test_Mechanism" | "Raw_Artifact" | "Packed_Data") {
            self.passed = Some(depth);
            if self.object.is_some() {
                self.tree.start(name, std::iter::empty());
                self.tree.finish();
            }
            return;
        }
        if let Some(key) = bad_attribute(start) {
            self.fault("bad-xml", at, key, objects);
        }
        if self.object.is_some() {
            return self.node(start, name);
        }
        if self.blocks.start(start, &self.open, &mut self.number, objects) {
            self.passed = Some(depth);
            return;
        }
        if is_object(name) {
            self.object = Some(depth);
            self.tree.clear();
            return self.node(start, name);
        }
        match name {
            "STIX_Package" | "Package" | "Incident" | "Report" => self.scope(start, name, at, objects),
            "Handling" => self.handling = self.handling.or(Some(depth)),
            _ => {}
        }
        if self.handling.is_some()
            && let Some(colour) = attribute(start, "color").and_then(|colour| tlp::from_word(&colour))
            && let Some(scope) = self.scopes.last_mut()
        {
            scope.tlp = scope.tlp.max(Some(colour));
        }
    }

    fn node(&mut self, start: &BytesStart<'_>, name: &str) {
        if self.tree.is_full() {
            self.passed = Some(self.open.len());
            return;
        }
        self.tree.start(name, pairs(start));
    }

    fn scope(&mut self, start: &BytesStart<'_>, name: &str, at: u64, objects: &mut Objects) {
        let depth = self.open.len();
        let inherited = self.scopes.last().map_or(UNDATED, |scope| scope.time);
        let time = attribute(start, "timestamp").and_then(|time| take::instant(&time)).unwrap_or(inherited);
        let id = format!("{}#{at}", objects.file());
        let marking = objects.number(&id);
        self.scopes.push(Scope { depth, marking, tlp: None, time });
        if matches!(name, "STIX_Package" | "Package") {
            let version = attribute(start, "version");
            let version =
                version.as_deref().map(|version| version.trim().trim_start_matches("stix-").to_owned());
            objects.survey.version(version.as_deref().unwrap_or_default());
            self.dialect.plain_commas =
                version.as_deref().is_none_or(|version| version == "1.0" || version == "1.0.0");
        }
        if name != "STIX_Package" && name != "Package" && attribute(start, "idref").is_none() {
            self.number += 1;
            objects.tally.received += 1;
            objects.tally.context(&name.to_lowercase());
        }
    }

    fn append(&mut self, text: &str) {
        if self.passed.is_some() || self.object.is_some() && self.tree.is_full() {
            return;
        }
        if self.object.is_none() {
            return self.blocks.append(text, self.open.len());
        }
        if text.contains(char::from(BAD)) {
            self.tree.append(&text.replace(char::from(BAD), "\u{fffd}"));
        } else {
            self.tree.append(text);
        }
    }

    /// An end tag: it closes the innermost element of its name, and all that was left open in it.
    fn ended(&mut self, name: &str, at: u64, objects: &mut Objects) {
        let depth = self.open.len();
        if self.open.name(depth) == Some(name) {
            return self.close(objects);
        }
        let Some(depth) = (1..depth).rev().find(|depth| self.open.name(*depth) == Some(name)) else {
            return self.fault("bad-xml", at, "an end tag without a start", objects);
        };
        self.fault("bad-xml", at, "an element without its end", objects);
        while self.open.len() >= depth {
            self.close(objects);
        }
    }

    fn close(&mut self, objects: &mut Objects) {
        let depth = self.open.len();
        self.open.pop();
        if let Some(passed) = self.passed {
            if passed == depth {
                self.passed = None;
            }
            return;
        }
        if self.object.is_some() {
            if self.tree.finish() {
                self.object = None;
                self.taken(objects);
            }
            return;
        }
        if self.handling == Some(depth) {
            self.handling = None;
        }
        self.blocks.close(depth, &mut self.number, objects);
        if self.scopes.last().is_some_and(|scope| scope.depth == depth)
            && let Some(scope) = self.scopes.pop()
            && let Some(tlp) = scope.tlp
        {
            objects.mark(scope.marking, tlp);
        }
    }

    fn taken(&mut self, objects: &mut Objects) {
        if self.tree.is_full() {
            self.number += 1;
            objects.tally.received += 1;
            let root = self.tree.root();
            let id = root.attribute("id").unwrap_or(root.name()).to_owned();
            objects.skip("too-large", objects.place(self.number), &id);
            self.tree = Tree::default();
            return;
        }
        let markings: Vec<u32> = self.scopes.iter().map(|scope| scope.marking).collect();
        let time = self.scopes.last().map_or(UNDATED, |scope| scope.time);
        let around = Around { dialect: self.dialect, markings: &markings, time };
        take::object(self.tree.root(), around, &mut self.number, objects);
    }

    /// What is open at the end of the document is closed: an object that is cut is left out, for what it lacks might
    /// be the other half of an AND.
    fn end(&mut self, objects: &mut Objects) {
        if self.open.len() == 0 || self.refused.is_some() {
            return;
        }
        if self.object.take().is_some() {
            self.number += 1;
            objects.tally.received += 1;
            let root = self.tree.root();
            let id = root.attribute("id").unwrap_or(root.name()).to_owned();
            objects.skip("cut", objects.place(self.number), &id);
        }
        self.passed = None;
        let file = objects.file();
        let warning = format!("{file}: cut at byte {}; what is whole before it is used", self.offset);
        objects.tally.warnings.push(warning);
        while self.open.len() > 0 {
            self.close(objects);
        }
    }

    /// Counts a fault by its place, and warns of the first of a document.
    fn fault(&mut self, reason: &'static str, at: u64, what: &str, objects: &mut Objects) {
        let text = format!("{}: byte {at}: {what}", objects.file());
        if objects.tally.noted.count(reason) {
            objects.tally.noted.example(reason, text.clone());
        }
        if !self.faulty {
            self.faulty = true;
            objects.tally.warnings.push(format!("{text}; read all the same"));
        }
    }
}

/// What a document with this root is.
fn shape(root: &str) -> &'static str {
    match root {
        "STIX_Package" | "Package" => "package",
        "Observables" => "observables",
        "Poll_Response" | "Inbox_Message" => "TAXII 1 message",
        _ => "",
    }
}

/// A declaration or attribute whose name is broken, as in `xmlns:=""`.
fn bad_attribute(start: &BytesStart<'_>) -> Option<&'static str> {
    let raw = start.attributes_raw().as_bytes();
    let is_bad = |at: usize| raw.get(..at).is_some_and(|before| before.trim_ascii_end().ends_with(b":"));
    memchr::memchr_iter(b'=', raw).any(is_bad).then_some("an attribute without a name behind its prefix")
}

/// Attributes with the names under which a tree keeps them; declarations of namespaces are none.
fn pairs<'s>(start: &'s BytesStart<'_>) -> impl Iterator<Item = (&'s str, Cow<'s, str>)> {
    let mut attributes = start.attributes();
    attributes.with_checks(false);
    attributes.filter_map(Result::ok).filter_map(|attribute| {
        let key: &str = attribute.key.0;
        let key = match key.rsplit_once(':') {
            Some(("xmlns", _)) => return None,
            Some((_, "type")) => XSI_TYPE,
            Some((_, local)) => local,
            None if key == "xmlns" => return None,
            None => key,
        };
        let changed = match attribute.normalized_value(XmlVersion::Implicit1_0) {
            Ok(Cow::Owned(value)) => Some(value),
            _ => None,
        };
        Some((key, changed.map_or(attribute.value, Cow::Owned)))
    })
}

fn attribute(start: &BytesStart<'_>, name: &str) -> Option<String> {
    pairs(start).find(|(key, _)| *key == name).map(|(_, value)| value.into_owned())
}

/// What stands for a byte that is no UTF-8 until the text is taken; XML has no such character.
const BAD: u8 = 0x1a;

#[cfg(test)]
mod tests;
