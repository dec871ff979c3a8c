//! Joins what stands in several objects: names, attributions and markings go into the indicators.
//!
//! Is: the last step of reading, over all feeds at once, since a relation, its two ends and a marking may each stand
//! in another file.
//! Is not: parsing; nor versions of indicators, which a feed settles for itself.
//! Invariant: the order of files and feeds does not change the result. Revoked relations and names do not count.
//! Fails: never; an end that is missing says nothing.
//! Costs: a look-up a relation and feed, and one context for each distinct pair of words and threats, in which a
//! name, stored once, takes 24 bytes.

use std::sync::Arc;

use ahash::{AHashMap, AHashSet};

use crate::indicator::{Context, Id, Indicator, Sightings, ThreatKind, Timestamp, Tlp};
use crate::intake::{Options, Terms, Waiting};
use crate::pattern;
use crate::stix::expression::{self, Expression, Outcome};
use crate::stix::remark::{Remark, Said};
use crate::stix::{Draft, Fate, Kept, Named, Objects, Relation, Standalone, UNDATED, shown};

/// Steps of `attributed-to` that are followed: campaign, intrusion set, threat actor.
const STEPS_MAX: usize = 3;

/// Joins the objects of feeds, given with their numbers; what is left out goes into the tally of its feed.
pub(crate) fn join(feeds: &mut [(u16, Objects)], terms: Terms<'_>) -> (Vec<Indicator>, Vec<Waiting>) {
    let threats = Threats::of(feeds);
    let markings = markings_by_id(feeds);
    let relations = relations(feeds, &threats);
    seek(feeds, terms.options);
    let mut said = said(feeds).into_iter();
    let mut joiner = Joiner::default();
    let mut indicators: Vec<Indicator> = Vec::new();
    let mut waiting = Vec::new();
    for ((feed, objects), relations) in feeds.iter_mut().zip(relations) {
        let marks = marks_by_list(objects, &markings);
        let mut said = said.next().unwrap_or_default().into_iter().peekable();
        let mut relations = relations.into_iter().peekable();
        let drafts = std::mem::take(&mut objects.drafts);
        let finish = |(at, draft): (usize, Draft)| {
            let mut targets = Vec::new();
            while let Some((_, target)) = relations.next_if(|(source, _)| *source as usize == at) {
                targets.push(target);
            }
            let mut remarks = Vec::new();
            while let Some((_, remark)) = said.next_if(|(source, _)| *source as usize == at) {
                remarks.push(remark);
            }
            if draft.fate != Fate::Use {
                waiting.extend(leave_out(*feed, draft, objects));
                return None;
            }
            let mut indicator = draft.indicator;
            if let ([], [one, ..]) = (&*indicator.values, &*indicator.compounds) {
                let example = format!("{}: {}", shown(indicator.id.as_ref()), one.part);
                objects.keep(pattern::Waiting::And.as_str(), draft.place, &example);
            }
            indicator.feed = *feed;
            let marks = marks.get(draft.markings as usize).unwrap_or(&NO_MARKS);
            indicator.tlp = indicator.tlp.max(marks.tlp);
            if !targets.is_empty() || !marks.statements.is_empty() {
                indicator.context =
                    joiner.context(indicator.context, (&targets, &marks.statements), &threats);
            }
            if !remarks.is_empty() {
                indicator.context = remarked(&indicator.context, remarks);
            }
            if !indicator.values.is_empty() {
                objects.account(draft.place).1.used.add(&indicator, terms.scale);
            }
            Some(indicator)
        };
        // Drafts become indicators in place: a million of them are not copied.
        let mut finished: Vec<Indicator> = drafts.into_iter().enumerate().filter_map(finish).collect();
        if indicators.is_empty() {
            indicators = finished;
        } else {
            indicators.append(&mut finished);
        }
    }
    (indicators, waiting)
}

/// The word under which observables of STIX 1 are counted that stand in no indicator.
pub(crate) const NO_INDICATOR: &str = "no-indicator";

/// Brings down what STIX 1 indicators look for, with the definitions of all feeds, those of its own feed first; and
/// counts the observables that stand in no indicator: as context if one refers to them.
fn seek(feeds: &mut [(u16, Objects)], options: Options) {
    let Sought { outcomes, alone } = sought(feeds, options);
    for (((_, objects), outcomes), alone) in feeds.iter_mut().zip(outcomes).zip(alone) {
        for (draft, outcome) in outcomes {
            let place = objects.drafts[draft].place;
            let (values, fate) = objects.settle(outcome, place);
            let draft = &mut objects.drafts[draft];
            draft.indicator.values = values;
            draft.fate = fate;
        }
        for (observable, role) in std::mem::take(&mut objects.observables).into_iter().zip(alone) {
            match role {
                Role::Context => objects.account(observable.place).0.context("observable"),
                Role::Idle => {
                    objects.account(observable.place).1.observables += 1;
                    let id = observable.id.as_deref().unwrap_or_default();
                    objects.skip(NO_INDICATOR, observable.place, id);
                }
                Role::Indicator(outcome) => {
                    objects.account(observable.place).1.observables += 1;
                    take(observable, outcome, objects);
                }
            }
        }
    }
}

/// Takes an observable as an indicator.
fn take(observable: Standalone, outcome: Outcome, objects: &mut Objects) {
    let Standalone { id, place, tlp, markings, context, .. } = observable;
    let (values, fate) = objects.settle(outcome, place);
    let id = id.map(|id| Id::parse(&id));
    let indicator = Indicator {
        feed: 0,
        id,
        values,
        compounds: Box::default(),
        valid_from: None,
        valid_until: None,
        confidence: None,
        tlp,
        context,
    };
    objects.take(Draft { indicator, modified: UNDATED, fate, markings, place });
}

/// What an observable is that stands in no indicator.
enum Role {
    /// An indicator, or an observable that is one itself, refers to it.
    Context,
    /// Nothing refers to it.
    Idle,
    /// It is one itself.
    Indicator(Outcome),
}

/// What the open expressions of all feeds come down to.
struct Sought {
    /// For each feed, by the number of the draft.
    outcomes: Vec<Vec<(usize, Outcome)>>,
    /// For each feed and observable in no indicator.
    alone: Vec<Vec<Role>>,
}

fn sought(feeds: &[(u16, Objects)], options: Options) -> Sought {
    let reduce = |own: &Objects, expression: &Expression| {
        expression::reduce(expression, &|id| defined(feeds, own, id))
    };
    let outcomes = |own: &Objects| {
        let open = own.drafts.iter().enumerate().filter_map(|(at, draft)| match &draft.fate {
            Fate::Seek(expression) => Some((at, reduce(own, expression))),
            _ => None,
        });
        open.collect()
    };
    let referred = referred(feeds, options);
    let roles = |own: &Objects| {
        let role = |observable: &Standalone| match &observable.id {
            Some(id) if referred.contains(id) => Role::Context,
            _ if options.observables => Role::Indicator(reduce(own, &observable.expression)),
            _ => Role::Idle,
        };
        own.observables.iter().map(role).collect()
    };
    Sought {
        outcomes: feeds.iter().map(|(_, objects)| outcomes(objects)).collect(),
        alone: feeds.iter().map(|(_, objects)| roles(objects)).collect(),
    }
}

/// The ids that indicators refer to, in one step or several; and observables, where these are indicators as well.
fn referred(feeds: &[(u16, Objects)], options: Options) -> AHashSet<Box<str>> {
    let mut referred: AHashSet<Box<str>> = AHashSet::new();
    for (_, own) in feeds {
        let sought = own.drafts.iter().filter_map(|draft| match &draft.fate {
            Fate::Seek(expression) => Some(expression),
            _ => None,
        });
        let alone = own.observables.iter().filter(|_| options.observables).map(|alone| &alone.expression);
        let mut open: Vec<Arc<Expression>> = sought.chain(alone).cloned().collect();
        while let Some(expression) = open.pop() {
            let mut ids = Vec::new();
            expression.references(&mut ids);
            for id in ids {
                if referred.insert(id.into()) {
                    open.extend(defined(feeds, own, id));
                }
            }
        }
    }
    referred
}

/// What is looked for under an id, by the feed that asks, or else by the first that says it.
fn defined(feeds: &[(u16, Objects)], own: &Objects, id: &str) -> Option<Arc<Expression>> {
    let others = feeds.iter().map(|(_, objects)| objects);
    std::iter::once(own).chain(others).find_map(|objects| definition(objects, id))
}

/// What a feed says is looked for under an id.
fn definition(objects: &Objects, id: &str) -> Option<Arc<Expression>> {
    if let Some(known) = objects.definitions.get(id) {
        return Some(Arc::clone(known));
    }
    let draft = &objects.drafts[objects.find(&Id::parse(id))? as usize];
    match &draft.fate {
        Fate::Seek(expression) => Some(Arc::clone(expression)),
        Fate::Use => Some(Arc::new(Expression::Values(draft.indicator.values.clone().into()))),
        Fate::Wait(kept) => Some(Arc::new(Expression::Wait(kept.reason, kept.pattern.clone()))),
        Fate::Skip(_) => None,
    }
}

/// Counts an indicator that is not used; gives it back if it waits.
fn leave_out(feed: u16, draft: Draft, objects: &mut Objects) -> Option<Waiting> {
    let id = draft.indicator.id;
    match draft.fate {
        Fate::Use | Fate::Seek(_) => None,
        Fate::Skip(reason) => {
            objects.skip(reason, draft.place, &shown(id.as_ref()));
            None
        }
        Fate::Wait(kept) => {
            let Kept { reason, pattern } = *kept;
            objects.skip(reason, draft.place, &format!("{}: {pattern}", shown(id.as_ref())));
            reason.starts_with("not-yet-matched").then_some(Waiting { feed, id, reason, pattern })
        }
    }
}

/// Threats of all feeds, numbered in the order of their ids.
struct Threats {
    numbers: AHashMap<Box<str>, u32>,
    /// By number: what each is called; `None` if it has no name, or only authors.
    names: Vec<Option<(ThreatKind, Arc<str>)>>,
    /// By number: the id of the technique that it is.
    techniques: Vec<Option<Box<str>>>,
    /// By number: whom each is attributed to, the first [`AUTHORS_MAX`].
    authors: Vec<Box<[u32]>>,
}

impl Threats {
    fn of(feeds: &[(u16, Objects)]) -> Threats {
        let mut newest: AHashMap<&str, &Named> = AHashMap::new();
        let mut attributed: AHashMap<&str, Vec<&str>> = AHashMap::new();
        for (_, objects) in feeds {
            let ids = &objects.refs;
            for (number, named) in &objects.names {
                let held = newest.entry(&ids[*number as usize]).or_insert(named);
                if named.supersedes(held) {
                    *held = named;
                }
            }
            for relation in &objects.attributed {
                if !is_revoked(feeds, relation.id.as_ref(), relation.modified) {
                    let authors = attributed.entry(&*ids[relation.source as usize]).or_default();
                    authors.push(&*ids[relation.target as usize]);
                }
            }
        }
        let mut ids: Vec<&str> = newest.keys().chain(attributed.keys()).copied().collect();
        ids.sort_unstable();
        ids.dedup();
        let numbers: AHashMap<Box<str>, u32> = ids.iter().copied().map(Into::into).zip(0..).collect();
        let name = |id: &&str| newest.get(*id).and_then(|named| Some((named.kind, named.name.clone()?)));
        let authors = |id: &&str| {
            let authors = attributed.get(*id).map_or(&[][..], Vec::as_slice);
            let mut authors: Vec<u32> = authors.iter().filter_map(|id| numbers.get(*id).copied()).collect();
            authors.sort_unstable();
            authors.dedup();
            authors.truncate(AUTHORS_MAX);
            authors.into()
        };
        let technique = |id: &&str| newest.get(*id).and_then(|named| named.technique.clone());
        let techniques = ids.iter().map(technique).collect();
        let (names, authors) = (ids.iter().map(name).collect(), ids.iter().map(authors).collect());
        Threats { numbers, names, techniques, authors }
    }

    /// The techniques among these threats.
    fn techniques(&self, targets: &[u32]) -> impl Iterator<Item = Box<str>> {
        let targets = targets.iter().take(TARGETS_MAX);
        targets.filter_map(|number| self.techniques[*number as usize].clone())
    }

    /// The names of these threats and, some steps on, of those whom they are attributed to: sorted, each once.
    fn names(&self, targets: &[u32]) -> Vec<(ThreatKind, Arc<str>)> {
        let mut found: Vec<u32> = targets.iter().copied().take(TARGETS_MAX).collect();
        let mut seen: AHashSet<u32> = found.iter().copied().collect();
        let most = found.len() + AUTHORS_MAX;
        let mut from = 0;
        for _ in 0..STEPS_MAX {
            let to = found.len();
            for at in from..to {
                for author in &self.authors[found[at] as usize] {
                    if found.len() < most && seen.insert(*author) {
                        found.push(*author);
                    }
                }
            }
            from = to;
        }
        let mut names: Vec<_> =
            found.into_iter().filter_map(|number| self.names[number as usize].clone()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// For each feed the relations of its indicators: number of the draft and of the threat, sorted, each once.
fn relations(feeds: &[(u16, Objects)], threats: &Threats) -> Vec<Vec<(u32, u32)>> {
    let mut found: Vec<Vec<(u32, u32)>> = vec![Vec::new(); feeds.len()];
    let superseded = superseded(feeds);
    for (feed, (_, objects)) in feeds.iter().enumerate() {
        let numbers: Vec<Option<u32>> =
            objects.refs.iter().map(|id| threats.numbers.get(&**id).copied()).collect();
        for (at, relation) in objects.indicates.iter().enumerate() {
            let Some(threat) = numbers[relation.target as usize] else { continue };
            if superseded.contains(&(feed, at)) || is_revoked(feeds, relation.id.as_ref(), relation.modified)
            {
                continue;
            }
            for ((_, objects), found) in feeds.iter().zip(&mut found) {
                if let Some(draft) = objects.find(&relation.source) {
                    found.push((draft, threat));
                }
            }
        }
    }
    for pairs in &mut found {
        pairs.sort_unstable();
        pairs.dedup();
    }
    found
}

/// Relations of which another feed or file has a newer version: number of the feed and of the relation.
fn superseded(feeds: &[(u16, Objects)]) -> AHashSet<(usize, usize)> {
    let relation =
        |(_, feed, at): &(u64, u32, u32)| -> &Relation { &feeds[*feed as usize].1.indicates[*at as usize] };
    let hasher = ahash::RandomState::new();
    let mut order: Vec<(u64, u32, u32)> = Vec::new();
    for (feed, (_, objects)) in (0..).zip(feeds) {
        // those without an id, as all of STIX 1 are, are no versions of each other
        let with_id = (0..).zip(&objects.indicates).filter_map(|(at, one)| Some((at, one.id.as_ref()?)));
        order.extend(with_id.map(|(at, id)| (hasher.hash_one(id), feed, at)));
    }
    // Sorted, as a million look-ups in a hash map would be a million cache misses.
    order.sort_unstable_by_key(|one| one.0);
    let mut superseded = AHashSet::new();
    for alike in order.chunk_by(|a, b| a.0 == b.0).filter(|alike| alike.len() > 1) {
        let mut newest: AHashMap<&Option<Id>, Timestamp> = AHashMap::new();
        for one in alike.iter().map(relation) {
            let held = newest.entry(&one.id).or_insert(one.modified);
            *held = one.modified.max(*held);
        }
        let older = alike.iter().filter(|one| {
            let one = relation(one);
            newest.get(&one.id).is_some_and(|newest| one.modified < *newest)
        });
        superseded.extend(older.map(|(_, feed, at)| (*feed as usize, *at as usize)));
    }
    superseded
}

/// For each feed what is said about its indicators: number of the draft and the newest version of a remark, sorted.
fn said(feeds: &[(u16, Objects)]) -> Vec<Vec<(u32, Remark)>> {
    let mut newest: AHashMap<&str, &Remark> = AHashMap::new();
    for (_, objects) in feeds {
        for (id, remark) in &objects.remarks {
            let held = newest.entry(id).or_insert(remark);
            if remark.supersedes(held) {
                *held = remark;
            }
        }
    }
    let mut ids: Vec<(&str, &Remark)> = newest.into_iter().collect();
    ids.sort_unstable_by_key(|(id, _)| *id);
    let mut found: Vec<Vec<(u32, Remark)>> = vec![Vec::new(); feeds.len()];
    for (_, remark) in ids.into_iter().filter(|(_, remark)| remark.said != Said::Revoked) {
        for ((_, objects), found) in feeds.iter().zip(&mut found) {
            let mut drafts: Vec<u32> = remark.about.iter().filter_map(|id| objects.find(id)).collect();
            drafts.sort_unstable();
            drafts.dedup();
            let bare = Remark { about: Box::default(), ..remark.clone() };
            found.extend(drafts.into_iter().map(|draft| (draft, bare.clone())));
        }
    }
    for said in &mut found {
        said.sort_by_key(|(draft, _)| *draft);
    }
    found
}

/// A context with what remarks say besides.
fn remarked(context: &Context, mut said: Vec<Remark>) -> Arc<Context> {
    let mut remarks = context.remarks.as_deref().cloned().unwrap_or_default();
    let mut summed: Option<u64> = None;
    let mut single: Option<u64> = None;
    let mut newest = None;
    said.sort_by_key(|remark| std::cmp::Reverse(remark.modified));
    for remark in said {
        match remark.said {
            Said::Seen { count, last_seen, summary } => {
                newest = newest.max(last_seen);
                if summary {
                    summed = summed.max(Some(count));
                } else {
                    single = Some(single.unwrap_or_default().saturating_add(count));
                }
            }
            Said::Note(text) if remarks.notes.len() < NOTES_MAX => {
                if !remarks.notes.iter().any(|known| **known == *text) {
                    remarks.notes.push((&*text).into());
                }
            }
            Said::Note(_) | Said::Revoked => {}
            Said::Opinion(place) => remarks.opinions[usize::from(place)] += 1,
        }
    }
    // A summary repeats what single sightings tell, as far as they are known.
    remarks.sightings = summed.max(single).map(|count| Sightings { count, last_seen: newest });
    Arc::new(Context { remarks: Some(Box::new(remarks)), ..context.clone() })
}

fn is_revoked(feeds: &[(u16, Objects)], relation: Option<&Id>, modified: Timestamp) -> bool {
    let Some(relation) = relation else { return false };
    feeds.iter().any(|(_, objects)| {
        !objects.revoked_relations.is_empty()
            && objects.revoked_relations.get(relation).is_some_and(|revoked| *revoked >= modified)
    })
}

/// What markings say.
#[derive(Clone, Debug, Default)]
struct Marks {
    /// The strictest.
    tlp: Option<Tlp>,
    /// Sorted, each once.
    statements: Vec<Arc<str>>,
}

static NO_MARKS: Marks = Marks { tlp: None, statements: Vec::new() };

/// What any feed says of a marking: the strictest TLP, all statements.
fn markings_by_id(feeds: &[(u16, Objects)]) -> AHashMap<Arc<str>, Marks> {
    let mut markings: AHashMap<Arc<str>, Marks> = AHashMap::new();
    for (_, objects) in feeds {
        for (number, tlp) in &objects.markings {
            let marks = markings.entry(Arc::clone(&objects.refs[*number as usize])).or_default();
            marks.tlp = marks.tlp.max(Some(*tlp));
        }
        for (number, statement) in &objects.statements {
            let marks = markings.entry(Arc::clone(&objects.refs[*number as usize])).or_default();
            marks.statements.push(Arc::clone(statement));
        }
    }
    markings
}

/// What each list of markings of a feed says, counted from one.
fn marks_by_list(objects: &Objects, markings: &AHashMap<Arc<str>, Marks>) -> Vec<Marks> {
    let said = |list: &[u32]| {
        let mut all = Marks::default();
        for marks in list.iter().filter_map(|number| markings.get(&*objects.refs[*number as usize])) {
            all.tlp = all.tlp.max(marks.tlp);
            all.statements.extend(marks.statements.iter().cloned());
        }
        all.statements.sort_unstable();
        all.statements.dedup();
        all.statements.truncate(STATEMENTS_MAX);
        all
    };
    std::iter::once(Marks::default()).chain(objects.marking_lists.iter().map(|list| said(list))).collect()
}

/// Contexts with threats and statements, one for each distinct combination with words.
#[derive(Default)]
struct Joiner {
    lists: AHashMap<Box<[u32]>, u32>,
    statements: AHashMap<Vec<Arc<str>>, u32>,
    joined: AHashMap<(usize, u32, u32), Arc<Context>>,
    /// Keeps the contexts alive whose addresses are keys.
    kept: Vec<Arc<Context>>,
}

impl Joiner {
    fn context(
        &mut self,
        words: Arc<Context>,
        (targets, statements): (&[u32], &[Arc<str>]),
        threats: &Threats,
    ) -> Arc<Context> {
        let next = u32::try_from(self.lists.len()).unwrap_or(u32::MAX);
        let list = match self.lists.get(targets) {
            Some(list) => *list,
            None => *self.lists.entry(targets.into()).or_insert(next),
        };
        let next = u32::try_from(self.statements.len()).unwrap_or(u32::MAX);
        let stated = match self.statements.get(statements) {
            Some(stated) => *stated,
            None => *self.statements.entry(statements.to_vec()).or_insert(next),
        };
        let key = (Arc::as_ptr(&words) as usize, list, stated);
        if let Some(context) = self.joined.get(&key) {
            return Arc::clone(context);
        }
        let names = threats.names(targets);
        let mut remarks = words.remarks.as_deref().cloned().unwrap_or_default();
        remarks.techniques.extend(threats.techniques(targets));
        remarks.techniques.sort_unstable();
        remarks.techniques.dedup();
        remarks.statements.extend(statements.iter().map(|statement| (&**statement).into()));
        let remarks = (!remarks.is_empty()).then(|| Box::new(remarks));
        let context = if names.is_empty() && remarks == words.remarks {
            Arc::clone(&words)
        } else {
            Arc::new(Context { threats: names, remarks, ..Context::clone(&words) })
        };
        self.joined.insert(key, Arc::clone(&context));
        self.kept.push(words);
        context
    }
}

/// Threats of one indicator that are named.
const TARGETS_MAX: usize = 256;

/// Those whom one threat, and the threats of one indicator, are attributed to that are named: a few lines of a hostile
/// feed that attribute everything to everyone make no tag of all of it.
const AUTHORS_MAX: usize = 32;

/// Notes kept of one indicator.
const NOTES_MAX: usize = 8;

/// Statements kept of one indicator.
const STATEMENTS_MAX: usize = 8;
