//! From an AND over values to a compound.
//!
//! Is: what an AND comes down to that is no single value: its values, and a program over them ([`Compound`]).
//! Is not: an evaluator, nor the reduction of other patterns (`reduce`).
//! Invariant: the program holds for all values together, for no fewer than two of them, and never for fewer values if
//! not for more. Two compounds that differ in the order of their terms only are equal but for their text.
//! Fails: [`Joined::of`] with `None` where a term is no value: the AND waits.
//! Costs: some comparisons of each two terms, of [`VALUES_MAX`] at most.
//!
//! The rules by which an AND becomes a compound:
//!
//! 1. Each term compares a property that holds an observable by `=`, `IN`, `NOT !=` or `ISSUBSET`, or joins such terms
//!    by AND and OR. Anything else (text, negations, orders, LIKE ...) cannot be seen by a look-up: the AND waits whole.
//! 2. `IN` is an OR of its values, and so is a range of addresses of its networks.
//! 3. `x_ref.type` beside `x_ref.value` says how the value is read and is no term of its own.
//! 4. What says nothing goes: terms twice, and what another term implies (`a AND (a OR b)` is `a`).
//! 5. A value that is enough alone is a look-up, and the compound is what is left without it: `(a OR b) AND (a OR c)` is
//!    the look-up `a` and the compound `b AND c`.

use crate::compound::{Compound, Operation, Program, VALUES_MAX};
use crate::observable::{Hint, Observable};
use crate::pattern::property::{Meaning, meaning};
use crate::pattern::reduce::{address_hint, is_by_reference, is_equality, read, type_hint};
use crate::pattern::{Comparison, Operator, Path, Step, Test};

/// What an AND over values comes down to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Joined {
    /// A value.
    Value(Observable),
    /// Two or more, all of them; none is an `All`.
    All(Vec<Joined>),
    /// Two or more, any of them; none is an `Any`.
    Any(Vec<Joined>),
}

impl Joined {
    /// What a comparison comes down to, if nothing but values is compared.
    pub(crate) fn of(comparison: &Comparison<'_>) -> Option<Joined> {
        Reader { left: VALUES_MAX }.comparison(comparison)
    }

    /// The values each of which is enough alone, and what is left without them.
    pub(crate) fn split(self) -> (Vec<Observable>, Option<Joined>) {
        let mut alone = Vec::new();
        self.each(&mut |value| {
            if !alone.contains(value) && self.holds(value) {
                alone.push(value.clone());
            }
        });
        let rest = self.without(&alone);
        (alone, rest)
    }

    /// Whether this value is enough alone.
    fn holds(&self, seen: &Observable) -> bool {
        match self {
            Joined::Value(value) => value == seen,
            Joined::All(all) => all.iter().all(|one| one.holds(seen)),
            Joined::Any(all) => all.iter().any(|one| one.holds(seen)),
        }
    }

    /// What is left when these values are never seen.
    fn without(self, values: &[Observable]) -> Option<Joined> {
        match self {
            Joined::Value(value) => (!values.contains(&value)).then_some(Joined::Value(value)),
            Joined::All(all) => {
                let left: Option<Vec<Joined>> = all.into_iter().map(|one| one.without(values)).collect();
                Joined::join(true, left?)
            }
            Joined::Any(all) => {
                Joined::join(false, all.into_iter().filter_map(|one| one.without(values)).collect())
            }
        }
    }

    /// As a compound, about this part of a pattern.
    pub(crate) fn compound(&self, part: String) -> Compound {
        let mut values = Vec::new();
        self.each(&mut |value| values.push(value));
        values.sort_unstable();
        values.dedup();
        let mut program = Vec::new();
        self.write(&values, &mut program);
        Compound {
            values: values.into_iter().cloned().collect(),
            program: Program(program),
            part: part.into(),
        }
    }

    fn each<'j>(&'j self, visit: &mut impl FnMut(&'j Observable)) {
        match self {
            Joined::Value(value) => visit(value),
            Joined::All(all) | Joined::Any(all) => all.iter().for_each(|one| one.each(visit)),
        }
    }

    fn write(&self, values: &[&Observable], program: &mut Vec<Operation>) {
        // there are no more of either than VALUES_MAX
        let short = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
        match self {
            Joined::Value(value) => {
                let number = values.binary_search(&value).unwrap_or_default();
                program.push(Operation::Seen(short(number)));
            }
            Joined::All(all) | Joined::Any(all) => {
                for one in all {
                    one.write(values, program);
                }
                let count = short(all.len());
                let is_all = matches!(self, Joined::All(_));
                program.push(if is_all { Operation::All(count) } else { Operation::Any(count) });
            }
        }
    }

    /// Joins by AND (`all`) or OR, without what says nothing. `None` for nothing at all.
    fn join(all: bool, terms: Vec<Joined>) -> Option<Joined> {
        let mut flat = Vec::with_capacity(terms.len());
        for term in terms {
            match (all, term) {
                (true, Joined::All(inner)) | (false, Joined::Any(inner)) => flat.extend(inner),
                (_, other) => flat.push(other),
            }
        }
        flat.sort_unstable();
        flat.dedup();
        // `a AND (a OR b)` and `a OR (a AND b)` are `a`, and so with several
        let needless = |term: &Joined| {
            let parts = term.parts();
            flat.iter().any(|other| {
                let (mine, others) = (parts.len(), other.parts());
                other != term && others.len() <= mine && others.iter().all(|part| parts.contains(part))
            })
        };
        let kept: Vec<bool> = flat.iter().map(|term| !needless(term)).collect();
        let mut kept = kept.into_iter();
        flat.retain(|_| kept.next().unwrap_or(true));
        if flat.len() < 2 {
            return flat.pop();
        }
        Some(if all { Joined::All(flat) } else { Joined::Any(flat) })
    }

    /// The terms of a term; a value is one of itself.
    fn parts(&self) -> &[Joined] {
        match self {
            Joined::Value(_) => std::slice::from_ref(self),
            Joined::All(all) | Joined::Any(all) => all,
        }
    }
}

/// Reads comparisons as values.
struct Reader {
    /// How many more values there may be.
    left: usize,
}

impl Reader {
    fn comparison(&mut self, comparison: &Comparison<'_>) -> Option<Joined> {
        match comparison {
            Comparison::Test(test) => self.test(test, None),
            Comparison::Exists { .. } => None,
            Comparison::And(all) => self.and(all),
            Comparison::Or(all) => {
                let terms: Option<Vec<Joined>> = all.iter().map(|one| self.comparison(one)).collect();
                Joined::join(false, terms?)
            }
        }
    }

    fn and(&mut self, all: &[Comparison<'_>]) -> Option<Joined> {
        let mut terms = Vec::with_capacity(all.len());
        let types: Vec<(Reference<'_, '_>, Hint)> = all.iter().filter_map(type_test).collect();
        for one in all {
            let Comparison::Test(test) = one else {
                terms.push(self.comparison(one)?);
                continue;
            };
            let here = reference(&test.path, "value");
            let mut hints = types.iter().filter(|(of, _)| Some(*of) == here).map(|(_, hint)| *hint);
            match (type_test(one), hints.next()) {
                // says how the value beside it is read
                (Some((of, _)), _) => {
                    let is_beside = |other: &Comparison<'_>| match other {
                        Comparison::Test(test) => reference(&test.path, "value") == Some(of),
                        _ => false,
                    };
                    if !all.iter().any(is_beside) {
                        return None;
                    }
                }
                (None, Some(hint)) if hints.any(|other| other != hint) => return None,
                (None, hint) => terms.push(self.test(test, hint)?),
            }
        }
        Joined::join(true, terms)
    }

    fn test(&mut self, test: &Test<'_>, typed: Option<Hint>) -> Option<Joined> {
        let is_subset = test.operator == Operator::IsSubset && !test.negated;
        if !is_subset && !is_equality(test) {
            return None;
        }
        let hint = match meaning(&test.path) {
            _ if is_subset => address_hint(&test.path)?,
            Meaning::Value(hint) => typed.unwrap_or(hint),
            _ => typed?,
        };
        let mut values = Vec::new();
        for literal in test.operand.literals() {
            let found = read(literal, hint).ok()?;
            self.left = self.left.checked_sub(found.len())?;
            values.extend(found.into_iter().map(Joined::Value));
        }
        Joined::join(false, values)
    }
}

/// The object type and the steps up to a reference.
type Reference<'p, 'a> = (&'a str, &'p [Step<'a>]);

/// What a path leads to before its last key, if that is this one and said of an object that is referred to.
fn reference<'p, 'a>(path: &'p Path<'a>, last: &str) -> Option<Reference<'p, 'a>> {
    match path.steps.split_last()? {
        (Step::Key(key), before) if key == last && is_by_reference(before) => Some((path.object, before)),
        _ => None,
    }
}

/// `x_ref.type = '...'`, with how a value of that type is read.
fn type_test<'p, 'a>(comparison: &'p Comparison<'a>) -> Option<(Reference<'p, 'a>, Hint)> {
    let Comparison::Test(test) = comparison else { return None };
    let (true, [literal]) = (is_equality(test), test.operand.literals()) else { return None };
    Some((reference(&test.path, "type")?, type_hint(literal)?))
}
