//! One event, read exactly: candidates by docs/MATCHING.md, look-ups, policy, tag.
//!
//! Is: the reading of one event from its bytes to its tag. Is not: the search for events that are worth it
//! (`scan`).
//! Invariants: what is written depends on the event, the generation, the settings and `now` only; judging an event
//! that was tagged by the same writes nothing (M11.1).
//! Fails: never; what is no object is text. Costs: some steps a byte of the event, some hundred nanoseconds a hit.

use std::borrow::Cow;
use std::ops::Range;

use crate::engine::case::{Case, Place, Way, Ways};
use crate::engine::event::grammar::undo_escapes;
use crate::engine::event::{Keep, Marks, Piece, Role, Walk};
use crate::engine::join::line::{self, Joined};
use crate::engine::join::{Says, push_port, push_rest};
use crate::engine::scalars::Scalars;
use crate::engine::tag::ecs::Contexts;
use crate::engine::tag::own::{self, Lookalike};
use crate::engine::tag::place::{self, Root, Splice};
use crate::engine::tag::{Target, write};
use crate::engine::token::url::host_range;
use crate::engine::token::{Candidate, Tokens, What, join_slashes};
use crate::engine::verify::Verifier;
use crate::engine::{At, Counts, Format, Preset, Settings, moment};
use crate::indicator::Timestamp;
use crate::live::Generation;

/// Reads events exactly. Holds scratch memory; one a worker.
#[derive(Debug, Default)]
pub struct Judge {
    walk: Walk,
    scalars: Scalars,
    tokens: Tokens,
    verifier: Verifier,
    contexts: Contexts,
    text: Vec<u8>,
    taken: Vec<usize>,
    /// Where URLs start that were not looked up because of a limit.
    limited: Vec<usize>,
}

/// An event without its line end, and where in it the scan has seen something.
#[derive(Clone, Copy, Debug)]
pub struct Marked<'e> {
    /// The event.
    pub bytes: &'e [u8],
    /// `None` when there may be something anywhere.
    pub marks: Option<Marks<'e>>,
}

/// What stays the same while an event is judged.
#[derive(Clone, Copy)]
struct Trial<'e> {
    event: &'e [u8],
    settings: &'e Settings,
    generation: &'e Generation,
    now: Timestamp,
}

/// Memory that is kept from event to event.
const SCRATCH_MAX: usize = 1 << 20;

impl Judge {
    /// A judge.
    pub fn new() -> Judge {
        Judge::default()
    }

    /// Judges one event. When it gets a tag, the bytes are appended to `tags` and the offset in the event at which
    /// they go in is returned. Strings of an object that have no mark are not read.
    pub fn event(
        &mut self,
        marked: Marked<'_>,
        settings: &Settings,
        generation: &Generation,
        now: Timestamp,
        tags: &mut Vec<u8>,
        counts: &mut Counts,
    ) -> Option<usize> {
        let event = marked.bytes;
        self.contexts.keep(generation.snapshots.iter().map(|snapshot| snapshot.version()));
        self.scalars.forget();
        self.limited.clear();
        self.verifier.start(event.len());
        let trial = Trial { event, settings, generation, now };
        // taken out, so that the case can hold it while the rest of the judge works
        let mut walk = std::mem::take(&mut self.walk);
        let object = match settings.format {
            Format::Text => None,
            Format::Auto | Format::Json => {
                walk.event(event, marked.marks.map_or(Keep::Strings, Keep::Marked))
            }
        };
        let splice = match object {
            Some(object) => self.json(trial, &walk, object, tags, counts),
            None if settings.format == Format::Json => self.no_json(trial, counts),
            None => self.text(trial, &mut walk, tags, counts),
        };
        self.walk = walk;
        if !self.limited.is_empty() {
            counts.suppress("url-limit", self.limited.len() as u64);
        }
        if event.len() > SCRATCH_MAX {
            self.shrink();
        }
        splice
    }

    /// Counts the hits of a window of an event that is too long to be tagged, as text, under `line-limit`: those
    /// whose first byte lies in `range`. Every place counts, because fields of other windows are not known.
    pub fn window(
        &mut self,
        window: &[u8],
        range: Range<usize>,
        settings: &Settings,
        generation: &Generation,
        now: Timestamp,
        counts: &mut Counts,
    ) {
        let trial = Trial { event: window, settings, generation, now };
        let mut case = Case::new(generation, None);
        case.every_place = true;
        self.limited.clear();
        self.verifier.start(window.len());
        self.gap(&mut case, window, 0..window.len());
        // a back-slash that was taken out stood before the `/` at this offset
        let taken = &self.taken;
        let raw = |at: usize| at + taken.partition_point(|&slash| slash <= at);
        case.hits.retain(|hit| range.contains(&raw(hit.finding.start)));
        let limited = self.limited.iter().filter(|&&start| range.contains(&raw(start))).count();
        for hit in &mut case.hits {
            // hits at other places are other hits
            hit.field = hit.finding.place;
        }
        self.settle(trial, &mut case, false);
        if !case.hits.is_empty() {
            counts.suppress("line-limit", case.hits.len() as u64);
        }
        if limited > 0 {
            counts.suppress("url-limit", limited as u64);
        }
        if window.len() > SCRATCH_MAX {
            self.shrink();
        }
    }

    /// An event that is an object.
    fn json(
        &mut self,
        trial: Trial<'_>,
        walk: &Walk,
        object: Range<usize>,
        tags: &mut Vec<u8>,
        counts: &mut Counts,
    ) -> Option<usize> {
        let raw = trial.event;
        let ways = Ways { walk, event: raw, pairs: &trial.settings.pairs };
        let case = &mut Case::new(trial.generation, Some(ways));
        let root = Root::of(walk, object);
        let place = root.enrichments(raw);
        let (elements, rows) = own::alike(raw, &root, &place);
        let alike = in_order(trial.settings.preset, elements, rows);
        let ours = self.pieces(trial, walk, case, alike);
        let occurred = self.settle(trial, case, true);
        let splice = match trial.settings.preset {
            Preset::Ecs => place.splice,
            Preset::Flat => root.flat(raw),
        };
        let second = place.second && trial.settings.preset == Preset::Ecs;
        let target = Target { splice, second, suffix: false, occurred };
        let at = write(&mut self.contexts, case, trial.settings, &ours, target, tags);
        counts.add(&case.counts);
        at
    }

    /// An event that has to be an object and is none: its hits are counted.
    fn no_json(&mut self, trial: Trial<'_>, counts: &mut Counts) -> Option<usize> {
        let case = &mut Case::new(trial.generation, None);
        self.gap(case, trial.event, 0..trial.event.len());
        self.settle(trial, case, false);
        case.suppress("not-json", case.hits.len());
        counts.add(&case.counts);
        None
    }

    /// Reads the strings that were kept but those of enrichments that are ours, and gives these.
    fn pieces(
        &mut self,
        trial: Trial<'_>,
        walk: &Walk,
        case: &mut Case<'_>,
        alike: Vec<Lookalike>,
    ) -> Vec<Lookalike> {
        let spans = spans_of(&alike);
        let mut inside: Vec<Vec<Piece>> = vec![Vec::new(); alike.len()];
        if !alike.is_empty() {
            case.keep_names();
        }
        let mut next = 0;
        for &piece in walk.pieces() {
            while spans.get(next).is_some_and(|(span, _)| span.end <= piece.start) {
                next += 1;
            }
            match spans.get(next) {
                Some((span, of)) if span.contains(&piece.start) => {
                    if let Some(pieces) = inside.get_mut(*of) {
                        pieces.push(piece);
                    }
                }
                _ => self.piece(trial, case, piece),
            }
        }
        let mut ours = Vec::new();
        for (alike, pieces) in alike.into_iter().zip(inside) {
            if case.hits_indicator(&alike.name) {
                ours.push(alike);
            } else {
                for piece in pieces {
                    self.piece(trial, case, piece);
                }
            }
        }
        ours
    }

    /// Reads one string of a JSON event.
    fn piece(&mut self, trial: Trial<'_>, case: &mut Case<'_>, piece: Piece) {
        let Some(raw) = trial.event.get(piece.start..piece.end) else { return };
        let mut buffer = std::mem::take(&mut self.text);
        let text = if piece.escaped {
            buffer.clear();
            undo_escapes(raw, &mut buffer);
            join_slashes(&mut buffer, &mut self.taken);
            buffer.as_slice()
        } else {
            raw
        };
        let mut field = None;
        let mut may_join = false;
        let generation = case.generation;
        let candidates = self.tokens.read(text).len();
        for number in 0..candidates {
            let Some(&candidate) = self.tokens.candidates().get(number) else { break };
            self.verifier.candidate(text, candidate, &generation.snapshots);
            if self.verifier.is_limited() {
                self.limited.push(candidate.start);
            }
            if piece.role == Role::Value && candidate.start <= 1 {
                may_join |= Verifier::may_be_joined(text, candidate, &generation.snapshots);
            }
            if self.verifier.findings().is_empty() {
                continue;
            }
            let field = *field.get_or_insert_with(|| case.field(Way::Node(piece.node)));
            let value = Some(piece.node).filter(|_| piece.role == Role::Value);
            let place = Place { text, string: piece.start, offset: 0, field, value };
            for &finding in self.verifier.findings() {
                case.found(place, candidate.what, finding);
            }
        }
        if may_join {
            self.joined(trial, case, piece, text);
        }
        self.text = buffer;
    }

    /// Reads the URLs whose host, and the addresses with port whose address, is `first`, the text of this string, and
    /// whose other parts stand in fields beside it (M13, M3.12).
    #[cold]
    fn joined(&mut self, trial: Trial<'_>, case: &mut Case<'_>, piece: Piece, first: &[u8]) {
        let (event, pairs, scalars) = (trial.event, &trial.settings.pairs, &mut self.scalars);
        // a second walk over the event is for keys that have a row
        let key = case.key(piece.node).unwrap_or_default();
        if ![Says::Url, Says::AddressPort].iter().any(|says| pairs.may_be_first(*says, key.as_bytes())) {
            return;
        }
        let Some(member) = scalars.member(event, piece.start) else { return };
        let is_first = scalars.string(event, &member).is_some_and(|string| string.start == piece.start);
        let (object, key) = member;
        let mut found = Vec::new();
        for (row, keys) in pairs.beside(Says::Url, &key).filter(|_| is_first) {
            let mut others = keys.into_iter().map(|key| scalars.string(event, &(object, key)));
            let Some(Some(path)) = others.next() else { continue };
            let query = others.next().flatten().map(|query| text_of(event, query));
            let mut text = first.to_vec();
            let others = push_rest(&text_of(event, path), query.as_deref(), &mut text);
            if others > 0 {
                join_slashes(&mut text, &mut self.taken);
                found.push((Says::Url, text, row, others));
            }
        }
        for (row, keys) in pairs.beside(Says::AddressPort, &key) {
            let port = keys.into_iter().next().and_then(|key| scalars.port(event, &(object, key)));
            let mut text = first.to_vec();
            if port.is_some_and(|port| push_port(&text_of(event, port), &mut text)) {
                found.push((Says::AddressPort, text, row, 1));
            }
        }
        for (says, text, row, others) in found {
            let way = Way::Joined { first: piece.node, row, others };
            // behind all that stands in the first field, row by row
            self.joined_string(case, (says, &text, first.len()), (way, piece.end, row));
        }
    }

    /// Reads what stands in several fields of a text (M13.7, M13.8).
    fn joined_text(&mut self, trial: Trial<'_>, case: &mut Case<'_>, range: Range<usize>) {
        let Some(raw) = trial.event.get(range) else { return };
        let mut text = raw.to_vec();
        join_slashes(&mut text, &mut self.taken);
        for Joined { says, place, text, first } in line::joined(&text, &trial.settings.pairs) {
            self.joined_string(case, (says, &text, first), (Way::Node(0), 0, place));
        }
    }

    /// Reads a joined string: the URL at its start, if all up to `first` is its host and port; or the address with
    /// port that it is. What it hits is at the end of this way, in this string of the event at this place.
    fn joined_string(
        &mut self,
        case: &mut Case<'_>,
        (says, text, first): (Says, &[u8], usize),
        (way, string, offset): (Way, usize, usize),
    ) {
        let is_joined = |candidate: &&Candidate| {
            candidate.start == 0
                && match (says, candidate.what) {
                    (Says::Url, What::Url { authority: 0, .. }) => {
                        host_range(text, 0, candidate.end).1 == first
                    }
                    (Says::AddressPort, What::AddressPort(..)) => candidate.end == text.len(),
                    _ => false,
                }
        };
        let Some(&candidate) = self.tokens.read(text).iter().find(is_joined) else { return };
        self.verifier.candidate(text, candidate, &case.generation.snapshots);
        if self.verifier.is_limited() {
            self.limited.push(candidate.start);
        }
        for &finding in self.verifier.findings() {
            let field = case.field(way);
            case.found(Place { text, string, offset, field, value: None }, candidate.what, finding);
        }
    }

    /// An event that is text.
    fn text(
        &mut self,
        trial: Trial<'_>,
        walk: &mut Walk,
        tags: &mut Vec<u8>,
        counts: &mut Counts,
    ) -> Option<usize> {
        let raw = trial.event;
        let case = &mut Case::new(trial.generation, None);
        let preset = trial.settings.preset;
        let (mut elements, mut rows) = (Vec::new(), Vec::new());
        let mut last = None;
        let mut tags_from = raw.len();
        for object in place::suffixes(raw, |at| walk.object(raw, at, Keep::Strings)) {
            walk.object(raw, object.start, Keep::Strings);
            tags_from = tags_from.min(object.start + 1 - place::MARK.len());
            let root = Root::of(walk, object);
            let place = root.enrichments(raw);
            let (more_elements, more_rows) = own::alike(raw, &root, &place);
            elements.extend(more_elements);
            rows.extend(more_rows);
            last = place.splice.filter(|_| place.enrichments.is_some() && !place.second);
        }
        let alike = in_order(preset, elements, rows);
        if !alike.is_empty() {
            case.keep_names();
        }
        self.joined_text(trial, case, 0..tags_from);
        let ours = self.gaps(case, raw, alike);
        let occurred = self.settle(trial, case, true);
        // the array of the last tag is continued; the arrays in step of the preset `flat` cannot be
        let array = last.filter(|_| preset == Preset::Ecs);
        let end = Splice { at: raw.len(), comma: false, before: "", behind: "" };
        let target = Target { splice: array.or(Some(end)), second: false, suffix: array.is_none(), occurred };
        let at = write(&mut self.contexts, case, trial.settings, &ours, target, tags);
        counts.add(&case.counts);
        at
    }

    /// Reads a text but for enrichments that are ours, and gives these.
    fn gaps(&mut self, case: &mut Case<'_>, raw: &[u8], alike: Vec<Lookalike>) -> Vec<Lookalike> {
        let mut from = 0;
        for (span, _) in spans_of(&alike) {
            self.gap(case, raw, from..span.start);
            from = span.end;
        }
        self.gap(case, raw, from..raw.len());
        let mut ours = Vec::new();
        for alike in alike {
            if case.hits_indicator(&alike.name) {
                ours.push(alike);
            } else {
                for span in alike.spans {
                    self.gap(case, raw, span);
                }
            }
        }
        ours
    }

    /// Reads a piece of text.
    fn gap(&mut self, case: &mut Case<'_>, raw: &[u8], range: Range<usize>) {
        let offset = range.start;
        let Some(raw) = raw.get(range) else { return };
        let mut buffer = std::mem::take(&mut self.text);
        self.taken.clear();
        let text = if memchr::memmem::find(raw, b"\\/").is_some() {
            buffer.clear();
            buffer.extend_from_slice(raw);
            join_slashes(&mut buffer, &mut self.taken);
            buffer.as_slice()
        } else {
            raw
        };
        let mut field = None;
        for &candidate in self.tokens.read(text) {
            for &finding in self.verifier.candidate(text, candidate, &case.generation.snapshots) {
                let field = *field.get_or_insert_with(|| case.field(Way::Node(0)));
                let place = Place { text, string: 0, offset, field, value: None };
                case.found(place, candidate.what, finding);
            }
            if self.verifier.is_limited() {
                self.limited.push(candidate.start);
            }
        }
        self.text = buffer;
    }

    /// Settles the hits at the time that counts; gives the event's own time if it is that.
    fn settle(&mut self, trial: Trial<'_>, case: &mut Case<'_>, has_fields: bool) -> Option<Timestamp> {
        if case.hits.is_empty() {
            return None;
        }
        let mut occurred = None;
        let at = match &trial.settings.at {
            At::Now => Some(trial.now),
            At::Any => None,
            At::Time(time) => Some(*time),
            At::Event(field) => {
                if has_fields {
                    let walk = self.scalars.read(trial.event);
                    occurred = moment::of_event(walk, trial.event, field.as_deref());
                }
                case.counts.no_event_time += u64::from(occurred.is_none());
                Some(occurred.unwrap_or(trial.now))
            }
        };
        case.settle(at);
        occurred
    }

    fn shrink(&mut self) {
        self.walk.shrink();
        self.scalars.shrink();
        self.tokens.shrink();
        self.text.clear();
        self.text.shrink_to(SCRATCH_MAX);
        self.taken.clear();
        self.taken.shrink_to(SCRATCH_MAX);
        self.limited.clear();
        self.limited.shrink_to(SCRATCH_MAX);
    }
}

/// The text of a string of the event.
fn text_of(event: &[u8], piece: Piece) -> Cow<'_, [u8]> {
    let raw = event.get(piece.start..piece.end).unwrap_or_default();
    if !piece.escaped {
        return Cow::Borrowed(raw);
    }
    let mut text = Vec::with_capacity(raw.len());
    undo_escapes(raw, &mut text);
    Cow::Owned(text)
}

/// Enrichments that look like ours in the order in which they are judged: those at the place where this preset
/// adds its own come last, because what stands there may have been found in the others.
fn in_order(preset: Preset, elements: Vec<Lookalike>, rows: Vec<Lookalike>) -> Vec<Lookalike> {
    let (mut first, last) = match preset {
        Preset::Ecs => (rows, elements),
        Preset::Flat => (elements, rows),
    };
    first.extend(last);
    first
}

/// All spans, in the order of the event, each with the number of its enrichment.
fn spans_of(alike: &[Lookalike]) -> Vec<(Range<usize>, usize)> {
    let mut spans: Vec<_> = alike
        .iter()
        .enumerate()
        .flat_map(|(of, alike)| alike.spans.iter().map(move |span| (span.clone(), of)))
        .collect();
    spans.sort_by_key(|(span, _)| span.start);
    spans
}

#[cfg(test)]
mod tests;
