//! Joins what stands in several objects: names, attributions and markings go into the indicators.
//!
//! Is: the last step of reading, over all feeds at once, since a relation, its two ends and a marking may each stand
//! in another file.
//! Is not: parsing; nor versions of indicators, which a feed settles for itself.
//! Invariant: the order of files and feeds does not change the result. Revoked relations and names do not count.
//! Fails: never; an end that is missing says nothing.
//! Costs: a look-up a relation and feed, and one context for each distinct pair of words and threats.

use std::sync::Arc;

use ahash::AHashMap;

use crate::indicator::{Context, Id, Indicator, ThreatKind, Timestamp, Tlp};
use crate::intake::Waiting;
use crate::stix::{Draft, Fate, Kept, Named, Objects, shown};

/// Steps of `attributed-to` that are followed: campaign, intrusion set, threat actor.
const STEPS_MAX: usize = 3;

/// Joins the objects of feeds, given with their numbers; what is left out goes into the tally of its feed.
pub(crate) fn join(feeds: &mut [(u16, Objects)]) -> (Vec<Indicator>, Vec<Waiting>) {
    let threats = Threats::of(feeds);
    let markings = markings_by_id(feeds);
    let relations = relations(feeds, &threats);
    let mut joiner = Joiner::default();
    let mut indicators: Vec<Indicator> = Vec::new();
    let mut waiting = Vec::new();
    for ((feed, objects), relations) in feeds.iter_mut().zip(relations) {
        let tlp = strictest_by_list(objects, &markings);
        let mut relations = relations.into_iter().peekable();
        let drafts = std::mem::take(&mut objects.drafts);
        let finish = |(at, draft): (usize, Draft)| {
            let mut targets = Vec::new();
            while let Some((_, target)) = relations.next_if(|(source, _)| *source as usize == at) {
                targets.push(target);
            }
            if draft.fate != Fate::Use {
                waiting.extend(leave_out(*feed, draft, objects));
                return None;
            }
            let mut indicator = draft.indicator;
            indicator.feed = *feed;
            indicator.tlp = indicator.tlp.max(tlp.get(draft.markings as usize).copied().flatten());
            if !targets.is_empty() {
                indicator.context = joiner.context(indicator.context, &targets, &threats);
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

/// Counts an indicator that is not used; gives it back if it waits.
fn leave_out(feed: u16, draft: Draft, objects: &mut Objects) -> Option<Waiting> {
    let id = draft.indicator.id;
    match draft.fate {
        Fate::Use => None,
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

/// Numbered ids of threats, over all feeds, with what each stands for.
struct Threats {
    numbers: AHashMap<Box<str>, u32>,
    /// By number: the names, with those of whom it is attributed to.
    names: Vec<Vec<(ThreatKind, Box<str>)>>,
}

impl Threats {
    fn of(feeds: &[(u16, Objects)]) -> Threats {
        let mut newest: AHashMap<&str, &Named> = AHashMap::new();
        let mut attributed: AHashMap<&str, Vec<&str>> = AHashMap::new();
        for (_, objects) in feeds {
            let ids = ids_by_number(objects);
            for (number, named) in &objects.names {
                let held = newest.entry(ids[*number as usize]).or_insert(named);
                let newer = named.modified > held.modified;
                // Of two with one time the revoked one counts, then the first by name: no order of feeds.
                let tie = named.modified == held.modified
                    && (named.name.as_ref(), named.kind) < (held.name.as_ref(), held.kind);
                if newer || tie {
                    *held = named;
                }
            }
            for relation in &objects.attributed {
                if !is_revoked(feeds, &relation.id, relation.modified) {
                    attributed
                        .entry(ids[relation.source as usize])
                        .or_default()
                        .push(ids[relation.target as usize]);
                }
            }
        }
        let mut numbers = AHashMap::new();
        let mut names = Vec::new();
        for id in newest.keys().chain(attributed.keys()) {
            if !numbers.contains_key(*id) {
                numbers.insert((*id).into(), u32::try_from(names.len()).unwrap_or(u32::MAX));
                names.push(with_authors(id, &newest, &attributed));
            }
        }
        Threats { numbers, names }
    }
}

/// The names that an id stands for: its own and, some steps on, those of whom it is attributed to.
fn with_authors(
    id: &str,
    newest: &AHashMap<&str, &Named>,
    attributed: &AHashMap<&str, Vec<&str>>,
) -> Vec<(ThreatKind, Box<str>)> {
    let mut ids = vec![id];
    let mut from = 0;
    for _ in 0..STEPS_MAX {
        let next: Vec<&str> =
            ids[from..].iter().filter_map(|id| attributed.get(id)).flatten().copied().collect();
        from = ids.len();
        for id in next {
            if !ids.contains(&id) && ids.len() < AUTHORS_MAX {
                ids.push(id);
            }
        }
    }
    let named = ids.into_iter().filter_map(|id| newest.get(id));
    named.filter_map(|named| Some((named.kind, named.name.clone()?))).collect()
}

/// For each feed the relations of its indicators: number of the draft and of the threat, sorted, each once.
fn relations(feeds: &[(u16, Objects)], threats: &Threats) -> Vec<Vec<(u32, u32)>> {
    let mut found: Vec<Vec<(u32, u32)>> = vec![Vec::new(); feeds.len()];
    for (_, objects) in feeds {
        let numbers: Vec<Option<u32>> =
            ids_by_number(objects).into_iter().map(|id| threats.numbers.get(id).copied()).collect();
        for relation in &objects.indicates {
            let Some(threat) = numbers[relation.target as usize] else { continue };
            if is_revoked(feeds, &relation.id, relation.modified) {
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

fn is_revoked(feeds: &[(u16, Objects)], relation: &Id, modified: Timestamp) -> bool {
    feeds.iter().any(|(_, objects)| {
        !objects.revoked_relations.is_empty()
            && objects.revoked_relations.get(relation).is_some_and(|revoked| *revoked >= modified)
    })
}

/// The ids of a feed by their numbers.
fn ids_by_number(objects: &Objects) -> Vec<&str> {
    let mut ids = vec![""; objects.refs.len()];
    for (id, number) in &objects.refs {
        ids[*number as usize] = id;
    }
    ids
}

/// The strictest TLP that any feed gives a marking.
fn markings_by_id(feeds: &[(u16, Objects)]) -> AHashMap<Box<str>, Tlp> {
    let mut markings: AHashMap<Box<str>, Tlp> = AHashMap::new();
    for (_, objects) in feeds {
        for (id, number) in &objects.refs {
            if let Some(tlp) = objects.markings.get(number) {
                let strictest = markings.entry(id.clone()).or_insert(*tlp);
                *strictest = (*strictest).max(*tlp);
            }
        }
    }
    markings
}

/// The strictest TLP of each list of markings of a feed, counted from one.
fn strictest_by_list(objects: &Objects, markings: &AHashMap<Box<str>, Tlp>) -> Vec<Option<Tlp>> {
    let ids = ids_by_number(objects);
    let strictest =
        |list: &[u32]| list.iter().filter_map(|number| markings.get(ids[*number as usize])).max().copied();
    std::iter::once(None).chain(objects.marking_lists.iter().map(|list| strictest(list))).collect()
}

/// Contexts with threats, one for each distinct pair of words and threats.
#[derive(Default)]
struct Joiner {
    lists: AHashMap<Box<[u32]>, u32>,
    joined: AHashMap<(usize, u32), Arc<Context>>,
    /// Keeps the contexts alive whose addresses are keys.
    kept: Vec<Arc<Context>>,
}

impl Joiner {
    fn context(&mut self, words: Arc<Context>, targets: &[u32], threats: &Threats) -> Arc<Context> {
        let next = u32::try_from(self.lists.len()).unwrap_or(u32::MAX);
        let list = match self.lists.get(targets) {
            Some(list) => *list,
            None => *self.lists.entry(targets.into()).or_insert(next),
        };
        let key = (Arc::as_ptr(&words) as usize, list);
        if let Some(context) = self.joined.get(&key) {
            return Arc::clone(context);
        }
        let mut names: Vec<_> =
            targets.iter().flat_map(|target| threats.names[*target as usize].iter().cloned()).collect();
        names.sort_unstable();
        names.dedup();
        names.truncate(THREATS_MAX);
        let context = if names.is_empty() {
            Arc::clone(&words)
        } else {
            Arc::new(Context { threats: names, ..Context::clone(&words) })
        };
        self.joined.insert(key, Arc::clone(&context));
        self.kept.push(words);
        context
    }
}

/// Ids that one threat is attributed to, directly or not.
const AUTHORS_MAX: usize = 256;

/// Names kept of one indicator.
const THREATS_MAX: usize = 256;
