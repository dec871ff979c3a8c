//! The text form of a pattern: what a person would write, parentheses only where they are needed. Reading it gives
//! the same tree.

use std::fmt::{Display, Formatter, Result, Write};

use crate::pattern::parser::is_keyword;
use crate::pattern::{
    Comparison, Literal, Observation, Operand, Operator, Path, Pattern, Qualifier, Step, Test,
};

impl Display for Pattern<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.root.fmt(f)
    }
}

impl Observation<'_> {
    /// How loosely it binds: what is inside another expression stands in parentheses unless it binds tighter.
    fn looseness(&self) -> u8 {
        match self {
            Observation::One(_) => 0,
            Observation::Qualified(..) => 1,
            Observation::And(_) => 2,
            Observation::Or(_) => 3,
            Observation::FollowedBy(_) => 4,
        }
    }
}

impl Display for Observation<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let inside = |f: &mut Formatter<'_>, inner: &Observation<'_>| {
            parenthesised(f, inner, inner.looseness() >= self.looseness())
        };
        match self {
            Observation::One(comparison) => write!(f, "[{comparison}]"),
            Observation::And(all) => joined(f, all, " AND ", inside),
            Observation::Or(all) => joined(f, all, " OR ", inside),
            Observation::FollowedBy(all) => joined(f, all, " FOLLOWEDBY ", inside),
            Observation::Qualified(inner, qualifier) => {
                inside(f, inner)?;
                write!(f, " {qualifier}")
            }
        }
    }
}

impl Display for Qualifier<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Qualifier::Within(seconds) => write!(f, "WITHIN {seconds} SECONDS"),
            Qualifier::Repeats(times) => write!(f, "REPEATS {times} TIMES"),
            Qualifier::StartStop(start, stop) => write!(f, "START {start} STOP {stop}"),
        }
    }
}

impl Comparison<'_> {
    fn looseness(&self) -> u8 {
        match self {
            Comparison::Test(_) | Comparison::Exists { .. } => 0,
            Comparison::And(_) => 1,
            Comparison::Or(_) => 2,
        }
    }
}

impl Display for Comparison<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let inside = |f: &mut Formatter<'_>, inner: &Comparison<'_>| {
            parenthesised(f, inner, inner.looseness() >= self.looseness())
        };
        match self {
            Comparison::Test(test) => test.fmt(f),
            Comparison::Exists { path, negated: false } => write!(f, "EXISTS {path}"),
            Comparison::Exists { path, negated: true } => write!(f, "NOT EXISTS {path}"),
            Comparison::And(all) => joined(f, all, " AND ", inside),
            Comparison::Or(all) => joined(f, all, " OR ", inside),
        }
    }
}

impl Display for Test<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let not = if self.negated { "NOT " } else { "" };
        write!(f, "{} {not}{} ", self.path, self.operator.as_str())?;
        match &self.operand {
            Operand::One(literal) => literal.fmt(f),
            Operand::List(list) => {
                f.write_char('(')?;
                joined(f, list, ", ", |f, literal| literal.fmt(f))?;
                f.write_char(')')
            }
        }
    }
}

impl Operator {
    /// The operator in the language.
    pub const fn as_str(self) -> &'static str {
        match self {
            Operator::Equal => "=",
            Operator::NotEqual => "!=",
            Operator::Less => "<",
            Operator::LessOrEqual => "<=",
            Operator::Greater => ">",
            Operator::GreaterOrEqual => ">=",
            Operator::In => "IN",
            Operator::Like => "LIKE",
            Operator::Matches => "MATCHES",
            Operator::IsSubset => "ISSUBSET",
            Operator::IsSuperset => "ISSUPERSET",
        }
    }
}

impl Display for Literal<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Literal::String(text) => quoted(f, text),
            Literal::Int(text) | Literal::Float(text) => f.write_str(text),
            Literal::Bool(value) => value.fmt(f),
            Literal::Hex(text) => write!(f, "h'{text}'"),
            Literal::Binary(text) => write!(f, "b'{text}'"),
            Literal::Timestamp(text) => write!(f, "t'{text}'"),
        }
    }
}

impl Display for Path<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}:", self.object)?;
        for (n, step) in self.steps.iter().enumerate() {
            match step {
                Step::Key(key) => {
                    if n > 0 {
                        f.write_char('.')?;
                    }
                    if is_plain(key) { f.write_str(key)? } else { quoted(f, key)? }
                }
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Any => f.write_str("[*]")?,
            }
        }
        Ok(())
    }
}

fn parenthesised(f: &mut Formatter<'_>, inner: &dyn Display, needed: bool) -> Result {
    if needed { write!(f, "({inner})") } else { inner.fmt(f) }
}

fn joined<T>(
    f: &mut Formatter<'_>,
    all: &[T],
    between: &str,
    one: impl Fn(&mut Formatter<'_>, &T) -> Result,
) -> Result {
    for (n, item) in all.iter().enumerate() {
        if n > 0 {
            f.write_str(between)?;
        }
        one(f, item)?;
    }
    Ok(())
}

fn quoted(f: &mut Formatter<'_>, text: &str) -> Result {
    f.write_char('\'')?;
    for c in text.chars() {
        if matches!(c, '\'' | '\\') {
            f.write_char('\\')?;
        }
        f.write_char(c)?;
    }
    f.write_char('\'')
}

/// Whether a key can stand without quotes.
fn is_plain(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !is_keyword(key)
}
