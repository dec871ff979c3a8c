//! From a pattern to look-ups, or the reason why not.
//!
//! Is: the one place that knows which object paths hold what, and which patterns say the same as one value, or as
//! one of several values.
//! Is not: a loss-making approximation: an AND is never split, with the one exception that a digest may stand for
//! a pattern that joins it with other properties of the same file ([`Part::OfPattern`]).
//! An AND over values becomes a [`Compound`] by the rules there.
//! Invariant: whoever sees one of the values has seen what the pattern describes ([`Part::Whole`]), or its file.
//! Fails: never; what gives no look-up is listed with its reason and its text.
//! Costs: one allocation a value; text of parts is made only for those that wait, and together is no longer than some
//! times the pattern.

use std::fmt::Display;

use ahash::AHashSet;

use crate::compound::Compound;
use crate::indicator::Part;
use crate::observable::{self, Hint, IpPort, Observable, Refused};
use crate::pattern::compound::Joined;
use crate::pattern::property::{Meaning, meaning};
use crate::pattern::{Comparison, Literal, Observation, Operator, Path, Pattern, Step, Test};

/// What a pattern comes down to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reduction {
    /// Alternatives, each once, in the order of the pattern.
    pub values: Vec<(Observable, Part)>,
    /// Alternatives of several values at once, each once and without those that never hold without one of the values above.
    pub compounds: Vec<Compound>,
    /// The comparisons that are not looked up, in the order of the pattern, each once.
    pub waiting: Vec<Rest>,
}

/// An alternative of a pattern that is not looked up yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rest {
    /// Why.
    pub reason: Waiting,
    /// The part of the pattern that this is about, as text.
    pub part: Box<str>,
}

/// Why a part of a pattern is not looked up yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Waiting {
    /// Several comparisons have to hold at once, and not all are values: no compound either.
    And,
    /// Several observations are needed.
    ObservationAnd,
    /// Several observations in an order are needed.
    FollowedBy,
    /// WITHIN, REPEATS or START ... STOP.
    Qualifier,
    /// `NOT` or `!=`.
    Negation,
    /// `<`, `<=`, `>`, `>=`.
    Comparison,
    /// LIKE.
    Like,
    /// MATCHES.
    Matches,
    /// EXISTS.
    Exists,
    /// ISSUPERSET.
    Superset,
    /// Text under a known property (file name, registry key ...): not looked up.
    KeyedText,
    /// A digest of an algorithm that is not looked up (ssdeep, SHA-224 ...).
    DigestAlgorithm,
    /// A property that is not known, or a constant of a type that says nothing there.
    UnknownProperty,
    /// A list without a value: nothing is in it.
    EmptyList,
    /// The value is not what its property asks for.
    BadValue(Refused),
}

impl Waiting {
    /// The name under which it is counted.
    pub const fn as_str(self) -> &'static str {
        match self {
            Waiting::And => "not-yet-matched:and",
            Waiting::ObservationAnd => "not-yet-matched:observation-and",
            Waiting::FollowedBy => "not-yet-matched:followed-by",
            Waiting::Qualifier => "not-yet-matched:qualifier",
            Waiting::Negation => "not-yet-matched:negation",
            Waiting::Comparison => "not-yet-matched:comparison",
            Waiting::Like => "not-yet-matched:like",
            Waiting::Matches => "not-yet-matched:matches",
            Waiting::Exists => "not-yet-matched:exists",
            Waiting::Superset => "not-yet-matched:superset",
            Waiting::KeyedText => "not-yet-matched:keyed-text",
            Waiting::DigestAlgorithm => "not-yet-matched:digest-algorithm",
            Waiting::UnknownProperty => "not-yet-matched:unknown-property",
            Waiting::EmptyList => "empty-list",
            Waiting::BadValue(Refused::UrlEnd) => Refused::UrlEnd.as_str(),
            Waiting::BadValue(_) => "bad-value",
        }
    }
}

/// Reduces a pattern to look-ups as far as that loses nothing.
pub fn reduce(pattern: &Pattern<'_>) -> Reduction {
    let mut found = Reduction::default();
    found.observation(&pattern.root);
    if found.values.len() > 1 {
        let mut seen = AHashSet::with_capacity(found.values.len());
        let first: Vec<bool> = found.values.iter().map(|value| seen.insert(value)).collect();
        if first.contains(&false) {
            let mut first = first.into_iter();
            found.values.retain(|_| first.next().unwrap_or(true));
        }
    }
    let Reduction { values, compounds, .. } = &mut found;
    if !compounds.is_empty() {
        let whole: AHashSet<&Observable> =
            values.iter().filter(|(_, part)| *part == Part::Whole).map(|(value, _)| value).collect();
        let mut seen = AHashSet::new();
        compounds.retain(|one| seen.insert((one.values.clone(), one.program.clone())));
        compounds.retain(|one| !one.values.iter().any(|value| whole.contains(value) && one.needs(value)));
    }
    found
}

impl Reduction {
    fn wait(&mut self, reason: Waiting, part: &dyn Display) {
        self.waiting.push(Rest { reason, part: part.to_string().into() });
    }

    fn observation(&mut self, observation: &Observation<'_>) {
        match observation {
            Observation::One(comparison) => self.comparison(comparison),
            Observation::Or(all) => all.iter().for_each(|one| self.observation(one)),
            Observation::And(_) => self.wait(Waiting::ObservationAnd, observation),
            Observation::FollowedBy(_) => self.wait(Waiting::FollowedBy, observation),
            Observation::Qualified(..) => self.wait(Waiting::Qualifier, observation),
        }
    }

    fn comparison(&mut self, comparison: &Comparison<'_>) {
        match comparison {
            Comparison::Test(test) => self.test(test, Part::Whole),
            Comparison::Exists { .. } => self.wait(Waiting::Exists, comparison),
            Comparison::Or(all) => all.iter().for_each(|one| self.comparison(one)),
            Comparison::And(_) => self.conjunction(comparison),
        }
    }

    /// An AND: reduced only if it says the same as one value, or holds the digest of the file it describes.
    fn conjunction(&mut self, comparison: &Comparison<'_>) {
        let mut terms = Vec::new();
        if !flatten(comparison, &mut terms) {
            return self.wait(Waiting::And, comparison);
        }
        if let [one] = terms.as_slice() {
            return self.comparison(one);
        }
        if terms.iter().all(|term| is_of_file(term)) {
            let mut digests = Reduction::default();
            for test in terms.iter().filter_map(|term| digest_test(term)) {
                digests.test(test, Part::OfPattern);
            }
            if !digests.values.is_empty() {
                return self.values.append(&mut digests.values);
            }
            if !digests.waiting.is_empty() {
                return self.waiting.append(&mut digests.waiting);
            }
        }
        match endpoint(&terms) {
            Some(Ok(found)) => self.values.extend(found.into_iter().map(|value| (value, Part::Whole))),
            Some(Err(refused)) => self.wait(Waiting::BadValue(refused), comparison),
            None => self.joined(comparison),
        }
    }

    fn joined(&mut self, comparison: &Comparison<'_>) {
        let Some(joined) = Joined::of(comparison) else { return self.wait(Waiting::And, comparison) };
        let (alone, rest) = joined.split();
        self.values.extend(alone.into_iter().map(|value| (value, Part::Whole)));
        self.compounds.extend(rest.map(|rest| rest.compound(comparison.to_string())));
    }

    fn test(&mut self, test: &Test<'_>, part: Part) {
        match (test.operator, test.negated) {
            _ if is_equality(test) => {}
            (Operator::IsSubset, false) => return self.subset(test, part),
            (_, true) | (Operator::NotEqual, false) => return self.wait(Waiting::Negation, test),
            (Operator::Like, false) => return self.wait(Waiting::Like, test),
            (Operator::Matches, false) => return self.wait(Waiting::Matches, test),
            (Operator::IsSuperset, false) => return self.wait(Waiting::Superset, test),
            _ => return self.wait(Waiting::Comparison, test),
        }
        match meaning(&test.path) {
            Meaning::Value(hint) => self.values(test, hint, part),
            Meaning::Text if test.operand.literals().iter().any(|literal| string(literal).is_some()) => {
                self.wait(Waiting::KeyedText, test);
            }
            Meaning::Text => self.wait(Waiting::BadValue(Refused::Unknown), test),
            Meaning::OtherDigest => self.wait(Waiting::DigestAlgorithm, test),
            Meaning::Unknown => self.wait(Waiting::UnknownProperty, test),
        }
    }

    /// The values of a comparison. Of those that are none the first is named: a list of thousands does not write down
    /// the path of their property thousands of times.
    fn values(&mut self, test: &Test<'_>, hint: Hint, part: Part) {
        let mut bad = None;
        for literal in test.operand.literals() {
            match read(literal, hint) {
                Ok(found) => self.values.extend(found.into_iter().map(|value| (value, part))),
                Err(refused) => _ = bad.get_or_insert((refused, literal)),
            }
        }
        if test.operand.literals().is_empty() {
            self.wait(Waiting::EmptyList, test);
        }
        if let Some((refused, literal)) = bad {
            self.wait(Waiting::BadValue(refused), &format_args!("{} = {literal}", test.path));
        }
    }

    /// `ISSUBSET '10.0.0.0/8'` on an address is the network.
    fn subset(&mut self, test: &Test<'_>, part: Part) {
        match address_hint(&test.path) {
            Some(hint) => self.values(test, hint, part),
            None => self.wait(Waiting::UnknownProperty, test),
        }
    }
}

/// How the operand of ISSUBSET is read: where a name could stand as well, the operator says that it is an address.
pub(crate) fn address_hint(path: &Path<'_>) -> Option<Hint> {
    matches!(meaning(path), Meaning::Value(Hint::Ip | Hint::Domain)).then_some(Hint::Ip)
}

/// The terms of nested ANDs, each once. `false` when there are more than [`TERMS_MAX`].
fn flatten<'p, 'a>(comparison: &'p Comparison<'a>, terms: &mut Vec<&'p Comparison<'a>>) -> bool {
    match comparison {
        Comparison::And(all) => all.iter().all(|one| flatten(one, terms)),
        other => {
            if !terms.contains(&other) {
                terms.push(other);
            }
            terms.len() <= TERMS_MAX
        }
    }
}

/// Most terms of an AND that are compared with each other; a longer one waits.
const TERMS_MAX: usize = 64;

pub(crate) fn is_equality(test: &Test<'_>) -> bool {
    matches!(
        (test.operator, test.negated),
        (Operator::Equal | Operator::In, false) | (Operator::NotEqual, true)
    )
}

fn is_of_file(term: &Comparison<'_>) -> bool {
    match term {
        Comparison::Test(Test { path, .. }) | Comparison::Exists { path, .. } => path.object == "file",
        Comparison::And(_) | Comparison::Or(_) => false,
    }
}

/// The test, if it gives a digest of the file itself.
fn digest_test<'p, 'a>(term: &'p Comparison<'a>) -> Option<&'p Test<'a>> {
    let Comparison::Test(test) = term else { return None };
    (is_equality(test) && test.path.keys().next() == Some("hashes")).then_some(test)
}

/// One end of a connection or of a mail, spelled out: `dst_ref.value` with `dst_ref.type`, and for traffic with
/// `dst_port`. `None` when the terms are something else.
fn endpoint(terms: &[&Comparison<'_>]) -> Option<Result<Vec<Observable>, Refused>> {
    let mut reference = None;
    let (mut value, mut hint, mut port) = (None, None, None);
    for term in terms {
        let Comparison::Test(test) = term else { return None };
        let (true, [literal]) = (is_equality(test), test.operand.literals()) else { return None };
        let (Step::Key(last), prefix) = test.path.steps.split_last()? else { return None };
        let slot_was_free = match (last.as_ref(), prefix.is_empty()) {
            ("value", false) => value.replace(literal).is_none(),
            ("type", false) => hint.replace(type_hint(literal)?).is_none(),
            ("src_port" | "dst_port", true) if test.path.object == "network-traffic" => {
                port.replace((last.get(..3)?, port_number(literal)?)).is_none()
            }
            _ => return None,
        };
        let this = (test.path.object, prefix);
        if !slot_was_free || !prefix.is_empty() && *reference.get_or_insert(this) != this {
            return None;
        }
    }
    let ((object, prefix), value) = (reference?, value?);
    if !is_by_reference(prefix) {
        return None;
    }
    let Some((side, port)) = port else { return Some(read(value, hint?)) };
    let of_that_side = match prefix {
        [Step::Key(key)] => object == "network-traffic" && key.strip_suffix("_ref") == Some(side),
        _ => false,
    };
    match read(value, Hint::Ip).ok()?.as_slice() {
        [Observable::Ip(address)] if of_that_side => {
            Some(Ok(vec![Observable::IpPort(IpPort { address: *address, port })]))
        }
        _ => None,
    }
}

/// Whether a reference stands among these steps, so that what follows is said of another object.
pub(crate) fn is_by_reference(steps: &[Step<'_>]) -> bool {
    let is_reference = |key: &str| key.ends_with("_ref") || key.ends_with("_refs");
    steps.iter().any(|step| matches!(step, Step::Key(key) if is_reference(key)))
}

/// What a `..._ref.type` says about the value beside it.
pub(crate) fn type_hint(literal: &Literal<'_>) -> Option<Hint> {
    match string(literal)? {
        "ipv4-addr" | "ipv6-addr" => Some(Hint::Ip),
        "domain-name" => Some(Hint::Domain),
        "email-addr" => Some(Hint::Email),
        "url" => Some(Hint::Url),
        _ => None,
    }
}

fn port_number(literal: &Literal<'_>) -> Option<u16> {
    match literal {
        Literal::Int(text) => text.parse().ok().filter(|port| *port != 0),
        Literal::String(text) => text.parse().ok().filter(|port| *port != 0),
        _ => None,
    }
}

fn string<'l>(literal: &'l Literal<'_>) -> Option<&'l str> {
    match literal {
        Literal::String(text) => Some(text),
        _ => None,
    }
}

pub(crate) fn read(literal: &Literal<'_>, hint: Hint) -> Result<Vec<Observable>, Refused> {
    observable::read(string(literal).ok_or(Refused::Unknown)?, hint)
}
