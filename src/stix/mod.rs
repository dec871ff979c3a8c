//! STIX documents -> objects: indicators and what is said about them, not joined yet.
//!
//! Is: [`Objects`], what all documents of one feed said, with versions settled (the newest of an id stands) and
//! every object accounted for; and the readers: [`v1`] for STIX 1.0 to 1.2.1, [`v2`] for STIX 2.0 and 2.1.
//! Is not: I/O, decompression, or the joining of names, markings and relations (`intake::resolve`).
//! Invariant: an id has at most one [`Draft`]; which one does not depend on the order in which versions came.
//! Fails: never as a whole; what cannot be read is counted with reason and place in the tally.
//! Costs: the kept indicators, one map entry an id, and one copy of each distinct context.

pub mod expression;
pub mod packed;
pub mod remark;
pub mod tlp;
pub mod v1;
pub mod v2;
pub mod words;

use std::cmp::Ordering;
use std::sync::Arc;

use ahash::{AHashMap, RandomState};

use crate::indicator::{Context, Id, Indicator, Part, ThreatKind, Timestamp, Tlp};
use crate::observable::Observable;
use crate::survey::Survey;
use crate::tally::Tally;

use self::expression::{Expression, Outcome};
use self::remark::Remark;
use self::words::{Contexts, Words};

/// What the documents of one feed said.
#[derive(Debug, Default)]
pub struct Objects {
    /// Indicators, one an id.
    pub drafts: Vec<Draft>,
    /// Ids that relations, names and markings are about, by their numbers.
    pub refs: Vec<Arc<str>>,
    /// Named threats by the number of their id.
    pub names: AHashMap<u32, Named>,
    /// `indicates`, from an indicator to a threat.
    pub indicates: Vec<Relation>,
    /// `attributed-to`, from a threat to a threat, by the numbers of their ids.
    pub attributed: Vec<Attribution>,
    /// Relations that were revoked: the newest revoked version of each.
    pub revoked_relations: AHashMap<Id, Timestamp>,
    /// TLP of marking definitions by the number of their id.
    pub markings: AHashMap<u32, Tlp>,
    /// Distinct lists of markings that are not built in; [`Draft::markings`] counts from one.
    pub marking_lists: Vec<Box<[u32]>>,
    /// Statements of marking definitions by the number of their id.
    pub statements: AHashMap<u32, Arc<str>>,
    /// Sightings, notes and opinions by their ids, type included.
    pub remarks: AHashMap<Box<str>, Remark>,
    /// What STIX 1 observables and objects with an id look for.
    pub definitions: AHashMap<Box<str>, Arc<Expression>>,
    /// STIX 1 observables that stand in no indicator.
    pub observables: Vec<Standalone>,
    /// The accounting of the present file.
    pub tally: Tally,
    /// What else is known of it.
    pub survey: Survey,
    /// The same of the files before it.
    closed: Vec<(Tally, Survey)>,
    /// For those who ask for them by putting a list here: the patterns of all indicators, used or not.
    pub stated: Option<Vec<Stated>>,
    /// Where in `drafts` an id stands, by a hash of it; ids that share one follow each other in hash numbers.
    places: AHashMap<u64, u32>,
    ref_numbers: AHashMap<Arc<str>, u32>,
    hasher: RandomState,
    list_numbers: AHashMap<Box<[u32]>, u32>,
    /// Names of files and of documents in them, each with the number of its account.
    files: Vec<(Box<str>, usize)>,
    contexts: Contexts,
}

/// What a document turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// STIX of the version that was asked for, if only an empty bundle or package.
    Stix,
    /// Something else, or not read: what it is, in words.
    Other(String),
}

/// An indicator as one document has it: the context holds no threats yet and `feed` is 0.
#[derive(Clone, Debug)]
pub struct Draft {
    /// What goes on when all is well.
    pub indicator: Indicator,
    /// The version; indicators without one are older than all that have one.
    pub modified: Timestamp,
    /// Whether it goes on.
    pub fate: Fate,
    /// Number of a list of markings that are not built in, counted from one; 0 is none.
    pub markings: u32,
    /// Where it stood.
    pub place: Place,
}

/// What becomes of the newest version of an indicator.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It is handed on.
    Use,
    /// It is left out, and takes the older versions with it.
    Skip(&'static str),
    /// The same, and its pattern is kept: it cannot be matched, or not yet.
    Wait(Box<Kept>),
    /// What it looks for is known once the definitions of all documents are.
    Seek(Arc<Expression>),
}

/// A STIX 1 observable that stands in no indicator; one may refer to it.
#[derive(Clone, Debug)]
pub struct Standalone {
    /// Its id.
    pub id: Option<Box<str>>,
    /// What it looks for.
    pub expression: Arc<Expression>,
    /// Where it stood.
    pub place: Place,
    /// Its own marking.
    pub tlp: Option<Tlp>,
    /// Number of the list of markings of what it stands in.
    pub markings: u32,
    /// Its title.
    pub context: Arc<Context>,
}

/// Where a version of an indicator is to stand.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    hash: u64,
    /// Of the version that is there.
    place: Option<u32>,
}

/// The pattern of an indicator as its object has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stated {
    /// The indicator's id, or which object it is if it has none.
    pub name: Box<str>,
    /// `pattern_type`.
    pub language: Option<Box<str>>,
    /// `pattern`.
    pub pattern: Option<Box<str>>,
}

/// A pattern that is kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kept {
    /// The word under which it is counted.
    pub reason: &'static str,
    /// The pattern.
    pub pattern: Box<str>,
}

/// A place in a feed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Number of the file or of the document in it, in the order read.
    file: u32,
    /// Number of the object in it, from one.
    object: u32,
}

/// The name of a threat, from the newest version of its object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// What it is.
    pub kind: ThreatKind,
    /// Its name; `None` where the object has none or was revoked.
    pub name: Option<Arc<str>>,
    /// The id of the technique that it is, such as `T1071.001`.
    pub technique: Option<Box<str>>,
    /// The version.
    pub modified: Timestamp,
}

impl Named {
    /// Whether this counts and not the other: the newest does, of two of one time the revoked one, then the first by
    /// name, so that the order of objects and feeds does not matter.
    pub fn supersedes(&self, other: &Named) -> bool {
        let order = |named: &Named| {
            (std::cmp::Reverse(named.modified), named.name.clone(), named.kind, named.technique.clone())
        };
        order(self) < order(other)
    }
}

/// `indicates`: an indicator points to a threat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// Id of the relation itself, if it has one, by which versions of it are known; one that is no UUID is kept as text.
    pub id: Option<Id>,
    /// The version.
    pub modified: Timestamp,
    /// The indicator.
    pub source: Id,
    /// Number of the threat's id in [`Objects::refs`].
    pub target: u32,
}

/// `attributed-to`: a threat is the work of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribution {
    /// Id of the relation itself, if it has one.
    pub id: Option<Id>,
    /// The version.
    pub modified: Timestamp,
    /// The work.
    pub source: u32,
    /// Whose work it is.
    pub target: u32,
}

/// The time of objects that give none.
pub const UNDATED: Timestamp = Timestamp(i64::MIN);

impl Objects {
    /// Says that a new file begins; its name stands in examples from here on.
    pub fn begin(&mut self, file: &str) {
        if !self.files.is_empty() {
            self.closed.push((std::mem::take(&mut self.tally), std::mem::take(&mut self.survey)));
        }
        self.name_part(file);
    }

    /// Says that a document inside of the present file begins, or goes on: its name stands in examples from here on, and
    /// the accounting stays that of the file.
    pub fn name_part(&mut self, name: &str) {
        self.files.push((name.into(), self.closed.len()));
    }

    /// The accounting of the file in which a place is, and what else is known of it.
    pub fn account(&mut self, place: Place) -> (&mut Tally, &mut Survey) {
        let number = self.files.get(place.file as usize).map_or(self.closed.len(), |(_, number)| *number);
        match self.closed.get_mut(number) {
            Some((tally, survey)) => (tally, survey),
            None => (&mut self.tally, &mut self.survey),
        }
    }

    /// The accounting of all files, in the order in which they began.
    pub fn into_accounts(self) -> impl Iterator<Item = (Tally, Survey)> {
        self.closed.into_iter().chain(std::iter::once((self.tally, self.survey)))
    }

    /// The name of the present file.
    pub fn file(&self) -> &str {
        self.files.last().map_or("", |(name, _)| name)
    }

    /// The place of an object of the present file.
    pub fn place(&self, object: u64) -> Place {
        let file = u32::try_from(self.files.len().saturating_sub(1)).unwrap_or(u32::MAX);
        Place { file, object: u32::try_from(object).unwrap_or(u32::MAX) }
    }

    /// `object 3`, after the name of the file if it has one.
    pub fn describe(&self, place: Place) -> String {
        match self.files.get(place.file as usize) {
            Some((file, _)) if !file.is_empty() => format!("{file}: object {}", place.object),
            _ => format!("object {}", place.object),
        }
    }

    /// Where in `drafts` an id stands.
    pub fn find(&self, id: &Id) -> Option<u32> {
        self.hashed(id).1
    }

    /// The hash under which an id stands or is to stand, and its place if it has one.
    fn hashed(&self, id: &Id) -> (u64, Option<u32>) {
        let mut hash = self.hasher.hash_one(id);
        while let Some(place) = self.places.get(&hash) {
            if self.drafts[*place as usize].indicator.id.as_ref() == Some(id) {
                return (hash, Some(*place));
            }
            hash = hash.wrapping_add(1);
        }
        (hash, None)
    }

    /// Where a version of this time is to stand.
    ///
    /// # Errors
    /// The word under which it is counted if a version is known that it does not replace, whatever it says.
    pub fn slot(&self, id: &Id, modified: Timestamp) -> Result<Slot, &'static str> {
        let (hash, place) = self.hashed(id);
        let Some(held) = place.map(|place| &self.drafts[place as usize]) else {
            return Ok(Slot { hash, place });
        };
        match modified.cmp(&held.modified) {
            Ordering::Less => Err("older-version"),
            Ordering::Equal if held.fate == Fate::Skip(REVOKED) => Err("duplicate"),
            Ordering::Equal | Ordering::Greater => Ok(Slot { hash, place }),
        }
    }

    /// Which of two versions of one time counts, the smaller one: by what they say, a revoked one first, so that the
    /// order of objects and files does not matter.
    fn compare(&self, a: &Draft, b: &Draft) -> Ordering {
        let list = |draft: &Draft| {
            let at = (draft.markings as usize).checked_sub(1);
            at.and_then(|at| self.marking_lists.get(at)).map_or(&[][..], |list| list)
        };
        let ids = |draft: &Draft| {
            let mut ids: Vec<&str> = list(draft).iter().map(|number| &*self.refs[*number as usize]).collect();
            ids.sort_unstable();
            ids
        };
        let is_used = |draft: &Draft| draft.fate != Fate::Skip(REVOKED);
        let (left, right) = (&a.indicator, &b.indicator);
        is_used(a)
            .cmp(&is_used(b))
            .then_with(|| a.fate.cmp(&b.fate))
            .then_with(|| left.values.len().cmp(&right.values.len()))
            .then_with(|| left.values.cmp(&right.values))
            .then_with(|| left.compounds.cmp(&right.compounds))
            .then_with(|| (left.valid_from, left.valid_until).cmp(&(right.valid_from, right.valid_until)))
            .then_with(|| (left.confidence, left.tlp).cmp(&(right.confidence, right.tlp)))
            .then_with(|| left.context.cmp(&right.context))
            .then_with(|| list(a).len().cmp(&list(b).len()))
            .then_with(|| if a.markings == b.markings { Ordering::Equal } else { ids(a).cmp(&ids(b)) })
    }

    /// Takes an indicator where [`Objects::slot`] just said. Of two versions one is counted as left out.
    pub fn push(&mut self, draft: Draft, slot: Slot) {
        let Some(at) = slot.place else {
            self.places.insert(slot.hash, u32::try_from(self.drafts.len()).unwrap_or(u32::MAX));
            self.drafts.push(draft);
            return;
        };
        let held = &self.drafts[at as usize];
        let is_tie = held.modified == draft.modified;
        let left_out = if is_tie && self.compare(held, &draft).is_le() {
            draft
        } else {
            std::mem::replace(&mut self.drafts[at as usize], draft)
        };
        let reason = if is_tie { "duplicate" } else { "older-version" };
        self.skip(reason, left_out.place, &shown(left_out.indicator.id.as_ref()));
    }

    /// Takes an indicator that may have no id and so no versions.
    pub fn take(&mut self, draft: Draft) {
        let Some(id) = &draft.indicator.id else { return self.drafts.push(draft) };
        match self.slot(id, draft.modified) {
            Ok(slot) => self.push(draft, slot),
            Err(reason) => self.skip(reason, draft.place, &shown(draft.indicator.id.as_ref())),
        }
    }

    /// Notes what is defined under an id. Of several definitions the first by what they say counts, so that the order
    /// of documents does not matter.
    pub fn define(&mut self, id: &str, expression: &Arc<Expression>) {
        let held = self.definitions.entry(id.into()).or_insert_with(|| Arc::clone(expression));
        if **held > **expression {
            *held = Arc::clone(expression);
        }
    }

    /// The values of an indicator and its fate, from what its expression came down to.
    pub fn settle(&mut self, outcome: Outcome, place: Place) -> (Vec<(Observable, Part)>, Fate) {
        let Outcome { values, waiting } = outcome;
        match waiting {
            Some((_, part)) if !values.is_empty() => self.note("part-not-yet-matched", place, &part),
            Some((reason, pattern)) => return (values, Fate::Wait(Kept { reason, pattern }.into())),
            None if values.is_empty() => return (values, Fate::Skip("no-observable")),
            None => {}
        }
        (values, Fate::Use)
    }

    /// Marks what has this number; the strictest counts.
    pub fn mark(&mut self, number: u32, tlp: Tlp) {
        let strictest = self.markings.entry(number).or_insert(tlp);
        *strictest = tlp.max(*strictest);
    }

    /// Counts an object as left out.
    pub fn skip(&mut self, reason: &'static str, place: Place, culprit: &str) {
        if self.account(place).0.skipped.count(reason) {
            let example = format!("{}: {culprit}", self.describe(place));
            self.account(place).0.skipped.example(reason, example);
        }
    }

    /// Counts an indicator that is kept for later evaluation.
    pub fn keep(&mut self, reason: &'static str, place: Place, culprit: &str) {
        if self.account(place).0.kept.count(reason) {
            let example = format!("{}: {culprit}", self.describe(place));
            self.account(place).0.kept.example(reason, example);
        }
    }

    /// Counts something wrong in an object that is used all the same.
    pub fn note(&mut self, reason: &'static str, place: Place, culprit: &str) {
        if self.account(place).0.noted.count(reason) {
            let example = format!("{}: {culprit}", self.describe(place));
            self.account(place).0.noted.example(reason, example);
        }
    }

    /// The number of an id.
    pub fn number(&mut self, id: &str) -> u32 {
        if let Some(number) = self.ref_numbers.get(id) {
            return *number;
        }
        let number = u32::try_from(self.refs.len()).unwrap_or(u32::MAX);
        let id: Arc<str> = id.into();
        self.refs.push(Arc::clone(&id));
        self.ref_numbers.insert(id, number);
        number
    }

    /// Takes the name of a threat, if it is of a newer version than the one that is known.
    pub fn name(&mut self, id: &str, named: Named) {
        let number = self.number(id);
        if self.names.get(&number).is_none_or(|held| named.supersedes(held)) {
            self.names.insert(number, named);
        }
    }

    /// Takes the statement of a marking definition. Of several the first by its text counts.
    pub fn state(&mut self, id: &str, statement: &str) {
        let number = self.number(id);
        match self.statements.get_mut(&number) {
            Some(held) if **held <= *statement => {}
            Some(held) => *held = statement.into(),
            None => _ = self.statements.insert(number, statement.into()),
        }
    }

    /// Takes a sighting, note or opinion, if it is of a newer version than the one that is known.
    pub fn remark(&mut self, id: &str, remark: Remark) {
        match self.remarks.get_mut(id) {
            Some(held) if remark.supersedes(held) => *held = remark,
            Some(_) => {}
            None => _ = self.remarks.insert(id.into(), remark),
        }
    }

    /// Notes that a relation was revoked at this version; without an id that says nothing about others.
    pub fn revoke_relation(&mut self, id: Option<Id>, modified: Timestamp) {
        let Some(id) = id else { return };
        let newest = self.revoked_relations.entry(id).or_insert(modified);
        *newest = modified.max(*newest);
    }

    /// The number of a list of markings, counted from one; an empty list is 0.
    pub fn marking_list(&mut self, list: &[u32]) -> u32 {
        if list.is_empty() {
            return 0;
        }
        if let Some(number) = self.list_numbers.get(list) {
            return *number;
        }
        self.marking_lists.push(list.into());
        let number = u32::try_from(self.marking_lists.len()).unwrap_or(u32::MAX);
        self.list_numbers.insert(list.into(), number);
        number
    }

    /// The one copy of a context with these words.
    pub fn context(&mut self, words: &Words<'_>) -> Arc<Context> {
        self.contexts.get(words)
    }
}

/// An id for people.
pub fn shown(id: Option<&Id>) -> String {
    id.map_or_else(String::new, ToString::to_string)
}

/// The word under which revoked indicators are counted.
pub const REVOKED: &str = "revoked";
