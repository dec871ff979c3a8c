//! What a STIX 1 indicator or observable looks for: values, joined by AND and OR, with references still open.
//!
//! Is: [`Expression`], and [`reduce`], which brings it down to look-ups once all definitions are known.
//! Is not: a reader of XML, nor the STIX 2 pattern language ([`crate::pattern`]).
//! Invariant: an AND of different terms gives no value; whoever sees a value has seen all that was asked for.
//! Fails: never; a reference to nothing, to itself, or beyond the limits has its reason.
//! Costs: one visit a term and reference, [`VISITS_MAX`] at most.

use std::sync::Arc;

use crate::indicator::Part;
use crate::observable::Observable;

/// What has to be seen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Expression {
    /// Any of these values.
    Values(Box<[(Observable, Part)]>),
    /// Something that is not looked up: the word under which it is counted, and what it says.
    Wait(&'static str, Box<str>),
    /// All of these.
    All(Vec<Arc<Expression>>),
    /// Any of these.
    Any(Vec<Arc<Expression>>),
    /// What is defined under this id, here or in another document.
    Reference(Box<str>),
    /// Nothing that says what to look for.
    Nothing,
}

/// What an expression comes down to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The look-ups, each once.
    pub values: Vec<(Observable, Part)>,
    /// The first part that is not looked up: its reason and text.
    pub waiting: Option<(&'static str, Box<str>)>,
}

impl Expression {
    /// Whether it can be brought down without definitions.
    pub fn is_closed(&self) -> bool {
        match self {
            Expression::Reference(_) => false,
            Expression::All(all) | Expression::Any(all) => all.iter().all(|one| one.is_closed()),
            Expression::Values(_) | Expression::Wait(..) | Expression::Nothing => true,
        }
    }

    /// All of these: one that stands alone is itself, equal ones count once.
    pub fn all(mut terms: Vec<Arc<Expression>>) -> Arc<Expression> {
        terms.sort_unstable();
        terms.dedup();
        one_or(terms, Expression::All)
    }

    /// Any of these.
    pub fn any(terms: Vec<Arc<Expression>>) -> Arc<Expression> {
        one_or(terms, Expression::Any)
    }

    /// The ids it refers to.
    pub fn references<'e>(&'e self, found: &mut Vec<&'e str>) {
        match self {
            Expression::Reference(id) => found.push(id),
            Expression::All(all) | Expression::Any(all) => all.iter().for_each(|one| one.references(found)),
            Expression::Values(_) | Expression::Wait(..) | Expression::Nothing => {}
        }
    }
}

fn one_or(mut terms: Vec<Arc<Expression>>, many: fn(Vec<Arc<Expression>>) -> Expression) -> Arc<Expression> {
    match terms.len() {
        0 => Arc::new(Expression::Nothing),
        1 => terms.swap_remove(0),
        _ => Arc::new(many(terms)),
    }
}

/// Brings an expression down to look-ups.
pub fn reduce(expression: &Expression, define: &dyn Fn(&str) -> Option<Arc<Expression>>) -> Outcome {
    let mut reducer = Reducer { define, open: Vec::new(), visits: 0 };
    let mut outcome = Outcome::default();
    reducer.visit(expression, &mut outcome);
    if outcome.values.len() < 2 {
        return outcome;
    }
    let mut seen = ahash::AHashSet::with_capacity(outcome.values.len());
    let first: Vec<bool> = outcome.values.iter().map(|value| seen.insert(value)).collect();
    let mut first = first.into_iter();
    outcome.values.retain(|_| first.next().unwrap_or(true));
    outcome
}

struct Reducer<'d> {
    define: &'d dyn Fn(&str) -> Option<Arc<Expression>>,
    /// Ids whose definitions are being read.
    open: Vec<Box<str>>,
    visits: usize,
}

impl Reducer<'_> {
    fn visit(&mut self, expression: &Expression, outcome: &mut Outcome) {
        self.visits += 1;
        if self.visits > VISITS_MAX || self.open.len() > STEPS_MAX {
            return wait(outcome, "too-many-references", "");
        }
        match expression {
            Expression::Values(values) => outcome.values.extend_from_slice(values),
            Expression::Wait(reason, text) => wait(outcome, reason, text),
            Expression::Any(any) => any.iter().for_each(|one| self.visit(one, outcome)),
            Expression::All(all) => self.all(all, outcome),
            Expression::Reference(id) => self.follow(id, outcome),
            Expression::Nothing => {}
        }
    }

    fn follow(&mut self, id: &str, outcome: &mut Outcome) {
        if self.open.iter().any(|open| **open == *id) {
            return wait(outcome, "circular-reference", id);
        }
        let Some(definition) = (self.define)(id) else {
            return wait(outcome, "unresolved-reference", id);
        };
        self.open.push(id.into());
        self.visit(&definition, outcome);
        self.open.pop();
    }

    /// Terms that come down to the same look-ups are one; different ones are a conjunction and wait.
    fn all(&mut self, all: &[Arc<Expression>], outcome: &mut Outcome) {
        let mut same: Option<Outcome> = None;
        for term in all {
            let mut own = Outcome::default();
            self.visit(term, &mut own);
            if own.waiting.as_ref().is_some_and(|(reason, _)| is_open(reason)) {
                let (reason, text) = own.waiting.unwrap_or_default();
                return wait(outcome, reason, &text);
            }
            if same.as_ref().is_some_and(|same| *same != own) {
                return wait(outcome, AND, &written(all));
            }
            same = Some(own);
        }
        if let Some(same) = same {
            outcome.values.extend(same.values);
            if let Some((reason, text)) = same.waiting {
                wait(outcome, reason, &text);
            }
        }
    }
}

/// Whether a reason is about references rather than about what is looked for.
fn is_open(reason: &str) -> bool {
    matches!(reason, "unresolved-reference" | "circular-reference" | "too-many-references")
}

fn wait(outcome: &mut Outcome, reason: &'static str, text: &str) {
    outcome.waiting.get_or_insert_with(|| (reason, text.into()));
}

/// The terms of an AND as text, cut where it becomes long.
fn written(terms: &[Arc<Expression>]) -> String {
    let mut text = String::new();
    write(&mut text, terms, " AND ");
    text
}

fn write(text: &mut String, terms: &[Arc<Expression>], between: &str) {
    for (n, term) in terms.iter().enumerate() {
        if text.len() > WRITTEN_BYTES_MAX {
            text.push_str(" ...");
            return;
        }
        if n > 0 {
            text.push_str(between);
        }
        match &**term {
            Expression::Values(values) => {
                let shown: Vec<String> = values.iter().take(8).map(|(value, _)| value.to_string()).collect();
                text.push_str(&shown.join(" OR "));
            }
            Expression::Wait(_, part) => text.push_str(part),
            Expression::Reference(id) => text.push_str(id),
            Expression::Nothing => text.push_str("nothing"),
            Expression::All(all) => {
                text.push('(');
                write(text, all, " AND ");
                text.push(')');
            }
            Expression::Any(any) => {
                text.push('(');
                write(text, any, " OR ");
                text.push(')');
            }
        }
    }
}

/// The word under which conjunctions are counted.
pub const AND: &str = "not-yet-matched:and";

/// References that lead to references, in a row.
const STEPS_MAX: usize = 32;

/// Terms and references visited for one indicator: a few definitions that name each other twice would double with
/// every step.
pub const VISITS_MAX: usize = 100_000;

const WRITTEN_BYTES_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observable::{self, Hint};

    fn value(text: &str) -> Arc<Expression> {
        let found = observable::read(text, Hint::None).unwrap();
        Arc::new(Expression::Values(found.into_iter().map(|value| (value, Part::Whole)).collect()))
    }

    fn held(expression: &Arc<Expression>) -> Arc<Expression> {
        Arc::clone(expression)
    }

    fn reference(id: &str) -> Arc<Expression> {
        Arc::new(Expression::Reference(id.into()))
    }

    #[test]
    fn or_gives_each_leaf_and_and_none() {
        let (a, b) = (value("198.51.100.1"), value("a.example"));
        let none = |_: &str| None;
        let any = reduce(&Expression::any(vec![held(&a), held(&b), held(&a)]), &none);
        assert_eq!((any.values.len(), any.waiting), (2, None));
        let all = reduce(&Expression::all(vec![held(&a), held(&b)]), &none);
        assert_eq!(all.values, []);
        assert_eq!(all.waiting.unwrap().0, AND);
        let same = reduce(&Expression::all(vec![held(&a), held(&a)]), &none);
        assert_eq!(same.values.len(), 1);
        let inner = Expression::any(vec![Expression::all(vec![held(&a), held(&b)]), b]);
        let nested = reduce(&inner, &none);
        assert_eq!((nested.values.len(), nested.waiting.unwrap().0), (1, AND));
    }

    #[test]
    fn references_are_followed_and_end() {
        let define = |id: &str| match id {
            "a" => Some(value("a.example")),
            "b" => Some(reference("a")),
            "c" => Some(reference("d")),
            "d" => Some(Expression::any(vec![reference("c"), reference("a")])),
            "e" => Some(Arc::new(Expression::Any(vec![reference("f"), reference("f")]))),
            "f" => Some(Arc::new(Expression::Any(vec![reference("g"); 1000]))),
            "g" => Some(Arc::new(Expression::Any(vec![reference("a"); 1000]))),
            _ => None,
        };
        assert_eq!(reduce(&reference("b"), &define).values.len(), 1);
        let circle = reduce(&reference("c"), &define);
        assert_eq!((circle.values.len(), circle.waiting.unwrap().0), (1, "circular-reference"));
        assert_eq!(reduce(&reference("x"), &define).waiting.unwrap().0, "unresolved-reference");
        assert_eq!(reduce(&reference("e"), &define).waiting.unwrap().0, "too-many-references");
        // two names of one thing are one term
        let same = reduce(&Expression::all(vec![reference("a"), reference("b")]), &define);
        assert_eq!((same.values.len(), same.waiting), (1, None));
    }
}
