//! What one file of a feed holds, beside the counts of its tally: formats, kinds, names, markings, dates.
//!
//! Is: the facts that `inspect` tells of a file, filled by the parsers while they read and by the joining at the end.
//! Is not: what becomes of objects ([`crate::tally`]), nor their content.
//! Invariant: words that come from the feed are bounded in number and length. The clock comes from the caller.
//! Fails: never. Costs: a few comparisons an object, and an entry a distinct name.

use std::sync::Arc;

use ahash::{AHashMap, AHashSet};

use crate::indicator::{Context, Indicator, ThreatKind, Timestamp, Tlp};
use crate::observable::{Kind, Observable};
use crate::tally::{Counts, count_word, shortened};

/// Versions that are told of one file.
const VERSIONS_MAX: usize = 8;

/// Statements of markings that are told of one file.
const STATEMENTS_MAX: usize = 16;

/// The earliest and the latest of some times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The earliest and the latest, if there are any.
    pub ends: Option<(Timestamp, Timestamp)>,
}

impl Span {
    /// Takes one more time.
    pub fn add(&mut self, time: Option<Timestamp>) {
        if let Some(time) = time {
            let (oldest, newest) = self.ends.unwrap_or((time, time));
            self.ends = Some((oldest.min(time), newest.max(time)));
        }
    }
}

/// What is known of one file.
#[derive(Debug, Default)]
pub struct Survey {
    /// `STIX`, `list`; empty if it was not read.
    pub format: &'static str,
    /// How it is laid out: `bundle`, `envelope`, `CSV with a header` ...
    pub shape: &'static str,
    /// Versions of the format that it names itself, in the order in which they came up.
    pub versions: Vec<Box<str>>,
    /// Indicators that came, whatever becomes of them.
    pub indicators: u64,
    /// Observables of STIX 1 that stand in no indicator and that none refers to.
    pub observables: u64,
    /// When its objects were made.
    pub created: Span,
    /// When their versions were.
    pub modified: Span,
    /// Objects with markings.
    pub marked: u64,
    /// Objects with markings of some of their properties.
    pub marked_in_part: u64,
    /// Indicators whose pattern is marked by itself.
    pub marked_patterns: u64,
    /// Objects with an extension, by its id.
    pub extensions: Vec<(Box<str>, u64)>,
    /// Objects with a custom property (`x_...`), by its name.
    pub custom_properties: Vec<(Box<str>, u64)>,
    /// Of the indicators that are used.
    pub used: Used,
}

/// What is known of the indicators of one file that are used.
#[derive(Debug, Default)]
pub struct Used {
    /// How many there are.
    pub indicators: u64,
    /// Their values by kind, in the order of [`Kind::ALL`].
    pub kinds: [u64; Kind::ALL.len()],
    /// Values that the build rules do not take, by rule.
    pub refused: Counts,
    /// By marking, in the order of [`Tlp`]; the first is of those without.
    pub tlp: [u64; 7],
    /// By statement of their markings; a statement beyond the first 16 is counted with `other`.
    pub statements: Vec<(Box<str>, u64)>,
    /// Those with the name of a threat.
    pub named: u64,
    /// Distinct names by what they are.
    pub names: [u64; ThreatKind::ALL.len()],
    /// Those with a phase of a kill chain.
    pub kill_chain: u64,
    /// Those with the id of a technique.
    pub techniques: u64,
    /// Those that were seen, with notes, with opinions.
    pub remarked: [u64; 3],
    /// From when they are valid.
    pub valid_from: Span,
    /// Until when.
    pub valid_until: Span,
    /// Those without an end.
    pub endless: u64,
    /// Those that are valid no more.
    pub expired: u64,
    /// Those that are not valid yet.
    pub coming: u64,
    /// Contexts that were counted, kept alive so that an address stands for one of them.
    contexts: AHashMap<usize, Arc<Context>>,
    distinct: AHashSet<(ThreatKind, Arc<str>)>,
}

/// What counting takes from the caller.
#[derive(Clone, Copy)]
pub struct Scale<'a> {
    /// The time by which indicators are valid.
    pub now: Timestamp,
    /// The name of the build rule that does not take a value.
    pub refuses: &'a dyn Fn(&Observable) -> Option<&'static str>,
}

impl Survey {
    /// Takes a version that the file names, if it is one.
    pub fn version(&mut self, version: &str) {
        let is_number = version.len() <= 16 && version.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        if self.versions.iter().all(|known| **known != *version)
            && is_number
            && !version.is_empty()
            && self.versions.len() < VERSIONS_MAX
        {
            self.versions.push(version.into());
        }
    }

    /// Counts an object with this extension.
    pub fn extension(&mut self, id: &str) {
        count_word(&mut self.extensions, id, 1);
    }

    /// Counts an object with this custom property.
    pub fn custom_property(&mut self, name: &str) {
        count_word(&mut self.custom_properties, name, 1);
    }
}

impl Used {
    /// Counts an indicator that is used.
    pub fn add(&mut self, indicator: &Indicator, scale: Scale<'_>) {
        self.indicators += 1;
        for (value, _) in &indicator.values {
            self.kinds[value.kind() as usize] += 1;
            if let Some(rule) = (scale.refuses)(value) {
                self.refused.add(rule, || value.to_string());
            }
        }
        self.tlp[indicator.tlp.map_or(0, |tlp| tlp as usize)] += 1;
        self.valid_from.add(indicator.valid_from);
        self.valid_until.add(indicator.valid_until);
        self.endless += u64::from(indicator.valid_until.is_none());
        self.expired += u64::from(indicator.valid_until.is_some_and(|until| until <= scale.now));
        self.coming += u64::from(indicator.valid_from.is_some_and(|from| from > scale.now));
        self.context(&indicator.context);
    }

    fn context(&mut self, context: &Arc<Context>) {
        self.kill_chain += u64::from(!context.kill_chain.is_empty());
        if let Some(remarks) = &context.remarks {
            self.techniques += u64::from(!remarks.techniques.is_empty());
            self.remarked[0] += u64::from(remarks.sightings.is_some());
            self.remarked[1] += u64::from(!remarks.notes.is_empty());
            self.remarked[2] += u64::from(remarks.opinions.iter().any(|count| *count > 0));
            for statement in &remarks.statements {
                let statement = shortened(statement.to_string());
                let known = self.statements.iter().any(|(known, _)| **known == *statement);
                let is_told = known || self.statements.len() < STATEMENTS_MAX;
                count_word(&mut self.statements, if is_told { &statement } else { "other" }, 1);
            }
        }
        if context.threats.is_empty() {
            return;
        }
        self.named += 1;
        let address = Arc::as_ptr(context).addr();
        if !self.contexts.contains_key(&address) {
            self.contexts.insert(address, Arc::clone(context));
            for (kind, name) in &context.threats {
                if self.distinct.insert((*kind, Arc::clone(name))) {
                    self.names[*kind as usize - 1] += 1;
                }
            }
        }
    }
}

/// The names of [`Used::tlp`].
pub const TLP: [Option<Tlp>; 7] = [
    None,
    Some(Tlp::White),
    Some(Tlp::Clear),
    Some(Tlp::Green),
    Some(Tlp::Amber),
    Some(Tlp::AmberStrict),
    Some(Tlp::Red),
];
