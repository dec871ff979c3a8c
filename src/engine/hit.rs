//! Findings with their indicators: what is one hit, which one is written, in which order.
//!
//! Is: section M12 of docs/MATCHING.md, as far as it says what belongs together and what comes first.
//! Is not: policy or tags. Invariant: after [`settle`] no two hits have the same indicator and field.
//! Fails: never. Costs: two sorts of the hits of an event.

use std::cell::OnceCell;
use std::cmp::Ordering;
use std::fmt::Write;
use std::ops::Range;

use crate::engine::verify::{Finding, Grade};
use crate::index::{Record, Snapshot};
use crate::indicator::{Context, Id};
use crate::observable::Kind;
use crate::policy::Rule;

/// A value of an indicator, seen in an event.
#[derive(Clone, Debug)]
pub struct Hit<'a> {
    /// The snapshot that lists it.
    pub snapshot: &'a Snapshot,
    /// The name of the feed.
    pub feed: &'a str,
    /// The indicator.
    pub record: Record,
    /// The kind of the listed value.
    pub kind: Kind,
    /// What was found, where in its string.
    pub finding: Finding,
    /// Where the string starts in the event.
    pub string: usize,
    /// Number of the field.
    pub field: usize,
    /// The text of the event, in the arena of the case.
    pub atomic: Range<usize>,
    /// Why it is not written.
    pub rule: Option<Rule>,
    /// What was decoded of it, once it was asked for.
    pub decoded: Decoded,
}

/// What of a hit is decoded when it is asked for, and only once.
#[derive(Clone, Debug, Default)]
pub struct Decoded {
    value: OnceCell<String>,
    context: OnceCell<Box<Context>>,
}

impl Hit<'_> {
    /// The listed value in canonical form.
    pub fn value(&self) -> &str {
        self.decoded.value.get_or_init(|| self.snapshot.value(self.finding.entry))
    }

    fn context(&self) -> &Context {
        self.decoded.context.get_or_init(|| Box::new(self.snapshot.context(self.record.context_number)))
    }

    /// The name by which a tag names the indicator: feed and id, or without an id feed and listed value.
    pub fn name(&self) -> String {
        match &self.record.id {
            Some(id) => name(self.feed, Some(&id.to_string()), ""),
            None => name(self.feed, None, self.value()),
        }
    }

    /// Whether two hits are of one indicator: feed and id, or without an id feed, listed value and all else.
    fn same_indicator(&self, other: &Hit<'_>) -> Ordering {
        let by_row = || {
            let (a, b) = (&self.record, &other.record);
            let attributes = |r: &Record| (r.confidence, r.valid_from, r.valid_until, r.tlp, r.part);
            self.same_value(other)
                .then_with(|| attributes(a).cmp(&attributes(b)))
                .then_with(|| self.same_context(other))
        };
        self.feed.cmp(other.feed).then_with(|| match (&self.record.id, &other.record.id) {
            (None, None) => by_row(),
            (a, b) => a.cmp(b),
        })
    }

    // Numbers of a snapshot shorten the way to "the same" only: they order values and contexts in another way than
    // these order themselves, and an order that is half the one and half the other is none.

    fn same_context(&self, other: &Hit<'_>) -> Ordering {
        let is_same = self.finding.snapshot == other.finding.snapshot
            && self.record.context_number == other.record.context_number;
        if is_same { Ordering::Equal } else { self.context().cmp(other.context()) }
    }

    fn same_value(&self, other: &Hit<'_>) -> Ordering {
        let place = |hit: &Hit<'_>| (hit.finding.snapshot, hit.finding.entry);
        if place(self) == place(other) { Ordering::Equal } else { self.by_value(other) }
    }

    fn by_value(&self, other: &Hit<'_>) -> Ordering {
        self.kind.cmp(&other.kind).then_with(|| self.value().cmp(other.value()))
    }

    /// The order in which one of several hits of an indicator in a field is chosen.
    fn preference(&self, other: &Hit<'_>) -> Ordering {
        let key = |hit: &Hit<'_>| {
            let Finding { place, start, end, .. } = hit.finding;
            (hit.string, place, hit.grade(), start, std::cmp::Reverse(end))
        };
        key(self).cmp(&key(other)).then_with(|| self.by_value(other))
    }

    /// The order in which hits are written.
    fn order(&self, other: &Hit<'_>) -> Ordering {
        let key = |hit: &Hit<'_>| (hit.string, hit.finding.place, hit.finding.snapshot, hit.record.feed);
        key(self)
            .cmp(&key(other))
            .then_with(|| by_text(self.record.id.as_ref(), other.record.id.as_ref()))
            .then_with(|| self.by_value(other))
    }

    /// How it was hit.
    pub fn grade(&self) -> Grade {
        match self.record.part {
            crate::indicator::Part::Whole => self.finding.grade,
            crate::indicator::Part::OfPattern => Grade::PartOfPattern,
        }
    }
}

/// The name of an indicator, as one text.
pub fn name(feed: &str, id: Option<&str>, value: &str) -> String {
    let mut name = String::with_capacity(feed.len() + 48);
    let written = match id {
        Some(id) => write!(name, "{feed}\0{id}"),
        None => write!(name, "{feed}\0\0{value}"),
    };
    debug_assert!(written.is_ok(), "a String takes everything");
    name
}

/// Compares ids as text, none first.
fn by_text(a: Option<&Id>, b: Option<&Id>) -> Ordering {
    match (a, b) {
        (Some(Id::Uuid(a)), Some(Id::Uuid(b))) => a.cmp(b),
        (Some(Id::Text(a)), Some(Id::Text(b))) => a.cmp(b),
        (Some(a), Some(b)) => a.to_string().cmp(&b.to_string()),
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}

/// Leaves one hit for each indicator and field (M12.1, M12.2), and one for each rule by which others of them are
/// suppressed; in the order of M12.3.
pub fn settle(hits: &mut Vec<Hit<'_>>) {
    if hits.len() < 2 {
        return;
    }
    let group = |a: &Hit<'_>, b: &Hit<'_>| {
        a.field.cmp(&b.field).then_with(|| a.same_indicator(b)).then_with(|| a.rule.cmp(&b.rule))
    };
    hits.sort_by(|a, b| group(a, b).then_with(|| a.preference(b)));
    hits.dedup_by(|later, first| group(later, first) == Ordering::Equal);
    hits.sort_by(Hit::order);
}
