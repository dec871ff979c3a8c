//! The content blocks of a TAXII 1 message: documents as markup, or packed into text.
//!
//! Is: what stands in `Content` as text (escaped, CDATA, base64, `\x` hex), read as the STIX 1 or STIX 2 that it is;
//! and the account of blocks that are encrypted or hold something else.
//! Is not: the reading of markup that stands in `Content` as it is: the walk goes on into it.
//! Invariant: a block is read, or counted with its reason.
//! Fails: never. Costs: the text of one block.

use std::borrow::Cow;

use quick_xml::events::BytesStart;

use crate::stix::v1::take::is_object;
use crate::stix::v1::{Open, Reader, attribute};
use crate::stix::{Found, Objects, packed, v2};

/// Bytes of text in one block that are read.
pub(super) const TEXT_BYTES_MAX: usize = 64 << 20;

/// Documents packed in content blocks of documents that are packed in content blocks.
const LEVELS_MAX: u8 = 3;

/// The content blocks of one document.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    /// Blocks so far.
    number: u64,
    /// The depth of the open `Content`.
    depth: Option<usize>,
    /// By what it says of itself.
    is_encrypted: bool,
    /// Text in it.
    text: String,
    is_too_long: bool,
    /// Content blocks around this document.
    level: u8,
}

impl Blocks {
    /// Notes an element of a message. Says whether to pass over it: something else than STIX in a block.
    pub(super) fn start(
        &mut self,
        start: &BytesStart<'_>,
        open: &Open,
        number: &mut u64,
        objects: &mut Objects,
    ) -> bool {
        let depth = open.len();
        let parent = open.name(depth - 1);
        let name = open.name(depth).unwrap_or_default();
        match (name, self.depth) {
            ("Content_Block", None) => self.is_encrypted = false,
            ("Content_Binding", None) => {
                let binding = attribute(start, "binding_id");
                self.is_encrypted = binding.is_some_and(|binding| is_encryption(&binding));
            }
            ("Content", None) if parent.is_none_or(|parent| parent == "Content_Block") => {
                self.number += 1;
                self.depth = Some(depth);
            }
            ("Poll_Response", None) if attribute(start, "more").is_some_and(|more| more == "true") => {
                let file = objects.file();
                let warning =
                    format!("{file}: a part of the answer to a poll: the other parts are elsewhere");
                objects.tally.warnings.push(warning);
            }
            (_, Some(content)) if depth == content + 1 => {
                let reason = if self.is_encrypted || name == "EncryptedData" {
                    "encrypted"
                } else if is_object(name) || ROOTS.contains(&name) {
                    return false;
                } else {
                    "not-stix"
                };
                self.leave_out(reason, name, number, objects);
                return true;
            }
            _ => {}
        }
        false
    }

    /// Notes text outside of objects, in an element of this depth.
    pub(super) fn append(&mut self, text: &str, depth: usize) {
        if self.depth != Some(depth) {
            return;
        }
        if self.text.len() + text.len() > TEXT_BYTES_MAX {
            self.is_too_long = true;
        } else {
            self.text.push_str(text);
        }
    }

    /// Reads the text of the block that ends at this depth.
    pub(super) fn close(&mut self, depth: usize, number: &mut u64, objects: &mut Objects) {
        if self.depth != Some(depth) {
            return;
        }
        self.depth = None;
        let text = std::mem::take(&mut self.text);
        if text.trim().is_empty() {
            return;
        }
        if std::mem::take(&mut self.is_too_long) {
            return self.leave_out("too-large", "content", number, objects);
        }
        if self.is_encrypted {
            return self.leave_out("encrypted", "content", number, objects);
        }
        let document = packed::unpacked(text.trim().as_bytes());
        let document = match document.as_ref() {
            [0xef, 0xbb, 0xbf, rest @ ..] => Cow::Borrowed(rest),
            _ => document,
        };
        let file = objects.file().to_owned();
        let outer = std::mem::take(&mut objects.tally);
        let (format, shape) = (objects.survey.format, objects.survey.shape);
        objects.name_part(&format!("{file}, content block {}", self.number));
        let is_read = self.level < LEVELS_MAX && self.read(&document, objects);
        objects.name_part(&file);
        (objects.survey.format, objects.survey.shape) = (format, shape);
        let inner = std::mem::replace(&mut objects.tally, outer);
        if is_read {
            objects.tally.absorb(inner);
        } else {
            let excerpt: String = String::from_utf8_lossy(&document).chars().take(60).collect();
            self.leave_out("not-stix", &excerpt, number, objects);
        }
    }

    /// Reads a document; says whether it is one.
    fn read(&self, document: &[u8], objects: &mut Objects) -> bool {
        match document.trim_ascii_start() {
            [b'<', ..] => {
                let blocks = Blocks { level: self.level + 1, ..Blocks::default() };
                let mut reader = Reader { blocks, ..Reader::default() };
                reader.read(document, true, objects);
                match reader.finish() {
                    Found::Other(what) if objects.tally.received > 0 => {
                        let warning = format!("{}: {what}", objects.file());
                        objects.tally.warnings.push(warning);
                        true
                    }
                    found => objects.tally.received > 0 || is_package(&found, document),
                }
            }
            [b'{' | b'[', ..] => v2::parse(document, objects) == Found::Stix,
            _ => false,
        }
    }

    fn leave_out(&self, reason: &'static str, what: &str, number: &mut u64, objects: &mut Objects) {
        *number += 1;
        objects.tally.received += 1;
        let culprit = format!("content block {}: {what}", self.number);
        objects.skip(reason, objects.place(*number), &culprit);
    }
}

/// Whether a document without any object is STIX all the same: an empty package.
fn is_package(found: &Found, document: &[u8]) -> bool {
    *found == Found::Stix && memchr::memmem::find(document, b"STIX_Package").is_some()
}

fn is_encryption(binding: &str) -> bool {
    binding.contains("xmlenc") || binding.contains("pkcs7")
}

/// What holds objects and may stand in a block by itself, beside the objects themselves.
const ROOTS: [&str; 8] = [
    "STIX_Package",
    "Package",
    "Indicators",
    "Observables",
    "Incidents",
    "Incident",
    "Report",
    "Related_Packages",
];
