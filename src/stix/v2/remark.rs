//! Sightings, notes and opinions: what is read of them.
//!
//! Is: the properties that say something about indicators.
//! Is not: versions of them, nor joining.
//! Invariant: what is about no indicator is context and nothing more.
//! Fails: never; a bad property is noted and left out. Costs: an id for each indicator that is spoken of.

use std::sync::Arc;

use crate::indicator::{Id, OPINIONS};
use crate::stix::remark::{Remark, Said};
use crate::stix::v2::object::Value;
use crate::stix::v2::take::Taker;

/// Bytes kept of a note.
const NOTE_BYTES_MAX: usize = 1024;

/// How often a sighting may say that something was seen (STIX 2.1 section 5.2).
const COUNT_MAX: f64 = 999_999_999.0;

impl Taker<'_, '_> {
    pub(super) fn remark(&mut self, id: &str, kind: &str) {
        let object = self.object;
        let refs = if kind == "sighting" { &object.sighting_of_ref } else { &object.object_refs };
        let about: Box<[Id]> =
            refs.texts().filter(|id| id.starts_with("indicator--")).map(Id::parse).collect();
        let said = match kind {
            _ if self.is_revoked() => Some(Said::Revoked),
            _ if about.is_empty() => None,
            "sighting" => Some(self.sighting()),
            "note" => self.written(),
            _ => self.opinion(),
        };
        if let Some(said) = said {
            let modified = self.version();
            self.objects.remark(id, Remark { modified, about, said });
        }
    }

    fn sighting(&mut self) -> Said {
        let count = match self.object.count {
            Value::Absent => 1,
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "checked just before"
            )]
            Value::Number(count) if (0.0..=COUNT_MAX).contains(&count) => count as u64,
            _ => {
                self.note("bad-count");
                1
            }
        };
        let last_seen = self.time("last_seen", &self.object.last_seen);
        Said::Seen { count, last_seen, summary: matches!(self.object.summary, Value::Flag(true)) }
    }

    /// The short form of a note if it has one.
    fn written(&mut self) -> Option<Said> {
        let texts = [&self.object.abstract_, &self.object.content];
        let text = texts.into_iter().filter_map(Value::text).map(str::trim).find(|text| !text.is_empty());
        let Some(text) = text else {
            self.note("empty-note");
            return None;
        };
        let short = text.get(..text.floor_char_boundary(NOTE_BYTES_MAX)).unwrap_or(text);
        let mark = if short.len() < text.len() { "…" } else { "" };
        Some(Said::Note(Arc::from(format!("{short}{mark}"))))
    }

    fn opinion(&mut self) -> Option<Said> {
        let word = self.object.opinion.text().map(str::trim);
        let place = OPINIONS.iter().position(|known| Some(*known) == word);
        let Some(place) = place.and_then(|place| u8::try_from(place).ok()) else {
            self.note("bad-opinion");
            return None;
        };
        Some(Said::Opinion(place))
    }
}
