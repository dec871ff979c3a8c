//! One event on trial: its hits as they are found, and what they need to be judged.
//!
//! Is: findings joined with the indicators of their entries and with the rules of section M9 that look at the
//! event; texts kept for the tag. Is not: reading (`judge`) or choosing (`hit`).
//! Invariant: a value that stands in a field again and again is kept once (at its first place), and of a field no
//! more than its node, so that memory grows with what is different and not with the event.
//! Costs: nothing until something is found.

use ahash::{AHashMap, AHashSet, RandomState};

use crate::engine::Counts;
use crate::engine::event::{Path, Walk};
use crate::engine::hit::{self, Decoded, Hit};
use crate::engine::join::Pairs;
use crate::engine::token::{self, What};
use crate::engine::verify::{Finding, Grade};
use crate::index::{Entry, Snapshot};
use crate::indicator::Timestamp;
use crate::live::Generation;
use crate::policy::{self, Claims, Policy, Rule, Surroundings};

/// Bytes of the longest text that a tag repeats; a longer one (a URL) ends in `…`, so that it cannot grow beyond
/// what a tag may have and go untold.
const ATOMIC_MAX: usize = 2 << 10;

/// Up to so many things are looked for one by one.
const FEW: usize = 16;

/// Snapshot, entry, field, and the rule that refuses: what is found once in an event.
type SeenKey = (usize, Entry, usize, Option<Rule>);

/// The string in which something was found.
#[derive(Clone, Copy, Debug)]
pub struct Place<'t> {
    /// The string, escapes undone.
    pub text: &'t [u8],
    /// Where it starts in the event, for the order of hits.
    pub string: usize,
    /// Added to places inside of it.
    pub offset: usize,
    /// The field (see [`Case::field`]).
    pub field: Field,
    /// The node of the string, if it is a value of a JSON event.
    pub value: Option<u32>,
}

/// The field of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its number: fields of one path have one.
    pub number: usize,
    /// Whether the policy wants it. Two strings of one path may differ in that: `a.0` may be an array step or a key.
    pub wanted: bool,
}

/// A JSON event and the walk over it: what says where a node is.
#[derive(Clone, Copy, Debug)]
pub struct Ways<'a> {
    /// The walk over the event.
    pub walk: &'a Walk,
    /// The event.
    pub event: &'a [u8],
    /// Which of its fields belong together.
    pub pairs: &'a Pairs,
}

/// Where something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// In the string of this node; anywhere, if the event is a text.
    Node(u32),
    /// In several fields (M13, M3.12).
    Joined {
        /// The node of the host, or of the address.
        first: u32,
        /// The row of [`Pairs`].
        row: usize,
        /// How many other fields of the row.
        others: usize,
    },
}

/// An event and what was found in it.
#[derive(Debug)]
pub struct Case<'a> {
    /// What it is judged by.
    pub generation: &'a Generation,
    /// Hits, in the order in which they were found until they are settled.
    pub hits: Vec<Hit<'a>>,
    /// What is counted; joined with the counts of the worker when the case is closed.
    pub counts: Counts,
    /// Whether every place of a value counts, not only the first of a field.
    pub every_place: bool,
    ways: Option<Ways<'a>>,
    texts: Vec<u8>,
    /// By number: the first way to the field, and the hash of its path.
    fields: Vec<(Way, u64)>,
    hasher: RandomState,
    /// By hash, once there are many.
    field_numbers: AHashMap<u64, usize>,
    seen: Vec<(SeenKey, usize)>,
    seen_many: AHashMap<SeenKey, usize>,
    names: Option<AHashSet<String>>,
}

impl<'a> Case<'a> {
    /// A case without hits, of a JSON event or of a text.
    pub fn new(generation: &'a Generation, ways: Option<Ways<'a>>) -> Case<'a> {
        Case {
            generation,
            hits: Vec::new(),
            counts: Counts::default(),
            every_place: false,
            ways,
            texts: Vec::new(),
            fields: Vec::new(),
            hasher: RandomState::new(),
            field_numbers: AHashMap::new(),
            seen: Vec::new(),
            seen_many: AHashMap::new(),
            names: None,
        }
    }

    /// Has names of indicators kept, for [`Case::hits_indicator`].
    pub fn keep_names(&mut self) {
        self.names = Some(AHashSet::new());
    }

    /// The field at the end of a way. One that is joined is wanted if each of its fields is.
    pub fn field(&mut self, way: Way) -> Field {
        let paths = self.paths_of(way);
        let policy = &self.generation.policy;
        let wanted = policy.wants_all_fields()
            || paths.iter().all(|path| policy.wants_field(&path.text, &path.indexes));
        let text = joined(paths);
        let hash = self.hasher.hash_one(&text);
        let is_it = |&number: &usize| {
            let known = self.fields.get(number);
            known.is_some_and(|&(way, of)| of == hash && joined(self.paths_of(way)) == text)
        };
        let known = if self.fields.len() <= FEW {
            (0..self.fields.len()).find(is_it)
        } else {
            self.field_numbers.get(&hash).copied().filter(is_it)
        };
        let number = known.unwrap_or(self.fields.len());
        if known.is_none() {
            self.fields.push((way, hash));
            if self.fields.len() > FEW {
                let new = if self.field_numbers.is_empty() { 0 } else { number };
                let hashes = self.fields.iter().enumerate().skip(new);
                self.field_numbers.extend(hashes.map(|(number, (_, hash))| (*hash, number)));
            }
        }
        Field { number, wanted }
    }

    /// The key under which a value stands, itself or in an array; `None` if the event is a text.
    pub fn key(&self, node: u32) -> Option<String> {
        self.ways.map(|ways| ways.walk.innermost_key(ways.event, node))
    }

    fn paths_of(&self, way: Way) -> Vec<Path> {
        let Some(Ways { walk, event, pairs }) = self.ways else {
            return vec![Path { text: "message".to_owned(), indexes: Vec::new() }];
        };
        match way {
            Way::Node(node) => vec![walk.path(event, node)],
            Way::Joined { first, row, others } => {
                let mut paths = vec![walk.path(event, first)];
                if let (Some(row), Some(first)) = (pairs.row(row), paths.first().cloned()) {
                    paths.extend(row.paths(&first, others));
                }
                paths
            }
        }
    }

    /// Whether this was found before in this field, at an earlier place.
    fn is_seen(&mut self, key: SeenKey, here: usize) -> bool {
        if self.seen_many.is_empty() {
            if let Some((_, first)) = self.seen.iter_mut().find(|(seen, _)| *seen == key) {
                let is_seen = *first < here;
                *first = here.min(*first);
                return is_seen;
            }
            if self.seen.len() < FEW {
                self.seen.push((key, here));
                return false;
            }
            self.seen_many.extend(self.seen.iter().copied());
        }
        let first = self.seen_many.entry(key).or_insert(here);
        let is_seen = *first < here;
        *first = here.min(*first);
        is_seen
    }

    /// The dotted path of a field.
    pub fn path(&self, field: usize) -> String {
        self.fields.get(field).map_or_else(String::new, |(way, _)| joined(self.paths_of(*way)))
    }

    /// The text that hit.
    pub fn atomic(&self, hit: &Hit<'_>) -> &[u8] {
        self.texts.get(hit.atomic.clone()).unwrap_or_default()
    }

    /// Whether the indicator of this name hit so far, written or not. Names have to be kept.
    pub fn hits_indicator(&self, name: &str) -> bool {
        self.names.as_ref().is_some_and(|names| names.contains(name))
    }

    /// Counts hits that are not written.
    pub fn suppress(&mut self, rule: &'static str, hits: usize) {
        if hits > 0 {
            self.counts.suppress(rule, hits as u64);
        }
    }

    /// Takes a finding: one hit for each indicator of the entry.
    pub fn found(&mut self, place: Place<'_>, what: What, finding: Finding) {
        let generation = self.generation;
        let Some(snapshot) = generation.snapshots.get(finding.snapshot) else { return };
        let kind = snapshot.kind(finding.entry);
        let rule = self.rule(&generation.policy, place, what, finding, snapshot);
        let finding = Finding { place: finding.place + place.offset, ..finding };
        if !self.every_place {
            let key = (finding.snapshot, finding.entry, place.field.number, rule);
            if self.is_seen(key, place.string + finding.place) {
                return;
            }
        }
        let start = self.texts.len();
        let text = place.text.get(finding.start..finding.end).unwrap_or_default();
        if text.len() > ATOMIC_MAX {
            let boundary = (0..=ATOMIC_MAX).rev().find(|&at| text.get(at).is_some_and(|b| b & 0xc0 != 0x80));
            self.texts.extend_from_slice(text.get(..boundary.unwrap_or(0)).unwrap_or_default());
            self.texts.extend_from_slice("…".as_bytes());
        } else {
            self.texts.extend_from_slice(text);
        }
        let atomic = start..self.texts.len();
        for record in snapshot.records(finding.entry) {
            let hit = Hit {
                snapshot,
                feed: snapshot.feeds().get(usize::from(record.feed)).map_or("", AsRef::as_ref),
                record,
                kind,
                finding,
                string: place.string,
                field: place.field.number,
                atomic: atomic.clone(),
                rule,
                decoded: Decoded::default(),
            };
            if let Some(names) = &mut self.names {
                names.insert(hit.name());
            }
            self.hits.push(hit);
        }
    }

    /// The first rule that looks at the event and refuses.
    fn rule(
        &self,
        policy: &Policy,
        place: Place<'_>,
        what: What,
        finding: Finding,
        snapshot: &Snapshot,
    ) -> Option<Rule> {
        let kind = snapshot.kind(finding.entry);
        if !policy.wants_kind(kind) {
            return Some(Rule::Kind);
        }
        if !place.field.wanted {
            return Some(Rule::Field);
        }
        match what {
            What::Address(ip) | What::AddressPort(ip, _)
                if !policy.allow_reserved && policy::is_reserved(ip) =>
            {
                Some(Rule::Reserved)
            }
            What::Name { .. }
                if finding.grade == Grade::Exact
                    && !policy.allow_looks_like_file
                    && self.looks_like_file(place, finding, || snapshot.value(finding.entry)) =>
            {
                Some(Rule::LooksLikeFile)
            }
            _ => None,
        }
    }

    /// Judges the indicators themselves at this instant, counts what is not written and leaves the rest, settled.
    pub fn settle(&mut self, at: Option<Timestamp>) {
        let policy = &self.generation.policy;
        for hit in &mut self.hits {
            if hit.rule.is_none() {
                let record = &hit.record;
                let claims = Claims {
                    confidence: record.confidence,
                    valid_from: record.valid_from,
                    valid_until: record.valid_until,
                };
                hit.rule = policy.refuses(claims, at);
            }
        }
        hit::settle(&mut self.hits);
        let counts = &mut self.counts;
        self.hits.retain(|hit| match hit.rule {
            None => true,
            Some(rule) => {
                counts.suppress(rule.as_str(), 1);
                false
            }
        });
    }

    /// Whether the name that was found looks like a file. What is listed, and the same name, is asked for where the
    /// event has it in other characters.
    fn looks_like_file(&self, place: Place<'_>, finding: Finding, listed: impl FnOnce() -> String) -> bool {
        let text = place.text;
        let (before, name, behind) = (
            text.get(..finding.start).unwrap_or_default(),
            text.get(finding.start..finding.end).unwrap_or_default(),
            text.get(finding.end..).unwrap_or_default(),
        );
        let listed = if name.is_ascii() { String::new() } else { listed() };
        let name = if listed.is_empty() { name } else { listed.as_bytes() };
        if !policy::is_file_like(name) {
            return false;
        }
        let whole = matches!(before, b"" | b".") && behind.iter().all(|b| *b == b'.');
        let key = place.value.filter(|_| whole).and_then(|node| self.key(node));
        let surroundings = Surroundings {
            behind_mark: before.ends_with(b"//") || before.ends_with(b"@"),
            before_port: token::port(text, finding.end).is_some(),
            whole_value_of: key.as_deref(),
        };
        policy::looks_like_file(name, surroundings)
    }
}

/// The name of a field that is made of these.
fn joined(paths: Vec<Path>) -> String {
    let texts: Vec<String> = paths.into_iter().map(|path| path.text).collect();
    texts.join("+")
}
