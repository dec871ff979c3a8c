//! The STIX 2 patterning language: what a pattern is, how it is read and written.
//!
//! Is: the whole grammar of STIX 2.0 and 2.1 in one parser, the tree, and [`reduce()`], which turns a tree into
//! look-ups and compounds or says why not.
//! Is not: an evaluator; no pattern is ever run against observations here.
//! Invariant: the text form of a tree parses to the same tree; parentheses that say nothing are not in the tree.
//! Fails: [`parse()`] with an [`Error`] that names line, column, what stands there and what should; never panics.
//! Costs: strings are borrowed from the text unless they hold an escape; a single comparison allocates once.

mod compound;
mod lexer;
mod parser;
mod property;
mod reduce;
mod write;

use std::borrow::Cow;

pub use self::parser::{DEPTH_MAX, Error, LENGTH_BYTES_MAX, check, parse};
pub use self::reduce::{Reduction, Rest, Waiting, reduce};

/// A parsed pattern. Borrows from its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern<'a> {
    /// The outermost expression.
    pub root: Observation<'a>,
}

/// What has to be observed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation<'a> {
    /// `[ ... ]`: one observation for which the comparison holds.
    One(Comparison<'a>),
    /// Two or more, all of them.
    And(Vec<Observation<'a>>),
    /// Two or more, any of them.
    Or(Vec<Observation<'a>>),
    /// Two or more, in this order of time.
    FollowedBy(Vec<Observation<'a>>),
    /// With a condition on time or number.
    Qualified(Box<Observation<'a>>, Qualifier<'a>),
}

/// A condition on time or number. Numbers and instants are the text of the pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Qualifier<'a> {
    /// `WITHIN n SECONDS`.
    Within(&'a str),
    /// `REPEATS n TIMES`.
    Repeats(&'a str),
    /// `START t'...' STOP t'...'`; STIX 2.0 has plain strings as well.
    StartStop(Literal<'a>, Literal<'a>),
}

/// What has to hold within one observation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison<'a> {
    /// A property and a value.
    Test(Test<'a>),
    /// `EXISTS path`; STIX 2.1 has `NOT EXISTS path` too.
    Exists {
        /// The property.
        path: Path<'a>,
        /// Whether `NOT` stands before it.
        negated: bool,
    },
    /// Two or more, all of them.
    And(Vec<Comparison<'a>>),
    /// Two or more, any of them.
    Or(Vec<Comparison<'a>>),
}

/// `path [NOT] operator operand`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test<'a> {
    /// The property.
    pub path: Path<'a>,
    /// Whether `NOT` stands before the operator.
    pub negated: bool,
    /// The operator.
    pub operator: Operator,
    /// The value or, for `IN`, the values.
    pub operand: Operand<'a>,
}

/// The operators between a property and a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `=`, also written `==`.
    Equal,
    /// `!=`, also written `<>`.
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `IN`
    In,
    /// `LIKE`
    Like,
    /// `MATCHES`
    Matches,
    /// `ISSUBSET`
    IsSubset,
    /// `ISSUPERSET`
    IsSuperset,
}

/// What stands behind an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand<'a> {
    /// One constant.
    One(Literal<'a>),
    /// The list of `IN`; may be empty.
    List(Vec<Literal<'a>>),
}

impl<'a> Operand<'a> {
    /// The constants.
    pub fn literals(&self) -> &[Literal<'a>] {
        match self {
            Operand::One(literal) => std::slice::from_ref(literal),
            Operand::List(list) => list,
        }
    }
}

/// A constant. Only strings are decoded; all else is the text of the pattern, checked by the grammar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal<'a> {
    /// `'...'`, escapes undone.
    String(Cow<'a, str>),
    /// A whole number, with its sign.
    Int(&'a str),
    /// A number with a point, with its sign.
    Float(&'a str),
    /// `true` or `false`.
    Bool(bool),
    /// `h'...'`: pairs of hex digits.
    Hex(&'a str),
    /// `b'...'`: base64, not empty.
    Binary(&'a str),
    /// `t'...'`: an instant of RFC 3339 in UTC.
    Timestamp(&'a str),
}

/// An object path: `file:hashes.'SHA-256'`, `email-message:to_refs[*].value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path<'a> {
    /// The object type.
    pub object: &'a str,
    /// The steps behind the colon; the first one is a key.
    pub steps: Vec<Step<'a>>,
}

/// One step of an object path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// `.key` or `.'key'`; references are followed by keys that end in `_ref` and `_refs`.
    Key(Cow<'a, str>),
    /// `[n]`; as the text has it.
    Index(&'a str),
    /// `[*]`
    Any,
}

impl Path<'_> {
    /// The keys without the list steps between them.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &str> + Clone {
        self.steps.iter().filter_map(|step| match step {
            Step::Key(key) => Some(key.as_ref()),
            Step::Index(_) | Step::Any => None,
        })
    }
}

#[cfg(test)]
mod tests;
