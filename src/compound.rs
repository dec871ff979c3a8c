//! Compounds: patterns that need several values within one observation.
//!
//! Is: the values, and a program over them that says whether those that were seen together suffice. In a snapshot the
//! values are silent entries: alone none of them hits.
//! Is not: how a pattern becomes one (`pattern`), nor a look at events; whether a value was seen is the caller's answer.
//! Invariant: what was made of a pattern holds for all values together, and never for fewer values if not for more.
//! Fails: never; a program that is not sound ([`Program::is_sound`]) holds for whatever is left of it.
//! Costs: a step of the program is a few nanoseconds.

use std::fmt::{Display, Formatter, Result};

use crate::observable::Observable;

/// Most values of a compound, counted as often as the pattern has them. Real ones have fewer than ten.
pub const VALUES_MAX: usize = 256;

/// Several values of one observation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Compound {
    /// The values, sorted, each once.
    pub values: Vec<Observable>,
    /// What has to hold.
    pub program: Program,
    /// The part of the pattern that this is about, as text.
    pub part: Box<str>,
}

/// What has to hold of numbered values, in postfix order.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Program(pub Vec<Operation>);

/// One step of a program, on a stack of truth values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// Puts on top whether the value with this number was seen.
    Seen(u16),
    /// Replaces that many, two or more, by whether all hold.
    All(u16),
    /// Replaces that many, two or more, by whether one holds.
    Any(u16),
}

impl Program {
    /// Whether the values that were seen together suffice; `seen` is asked by their numbers.
    pub fn holds(&self, seen: impl Fn(usize) -> bool) -> bool {
        let mut stack = Vec::new();
        for operation in &self.0 {
            let (count, all) = match *operation {
                Operation::Seen(value) => {
                    stack.push(seen(value.into()));
                    continue;
                }
                Operation::All(count) => (count, true),
                Operation::Any(count) => (count, false),
            };
            let operands = stack.split_off(stack.len().saturating_sub(count.into()));
            stack.push(if all { !operands.contains(&false) } else { operands.contains(&true) });
        }
        stack.pop().unwrap_or(false)
    }

    /// Whether it is one statement about so many values, of which it leaves out none.
    pub fn is_sound(&self, values: usize) -> bool {
        let mut named = vec![false; values];
        let mut depth = 0usize;
        for operation in &self.0 {
            depth = match *operation {
                Operation::Seen(value) => {
                    let Some(named) = named.get_mut(usize::from(value)) else { return false };
                    *named = true;
                    depth + 1
                }
                Operation::All(count) | Operation::Any(count) => {
                    let count = usize::from(count);
                    if count < 2 || count > depth {
                        return false;
                    }
                    depth - count + 1
                }
            };
        }
        depth == 1 && !named.contains(&false)
    }

    /// As text: values joined by AND and OR; `write` says what a value is called.
    pub fn describe(&self, name: impl Fn(usize) -> String) -> String {
        // text, and whether it stands in parentheses inside another operation
        let mut stack: Vec<(String, bool)> = Vec::new();
        for operation in &self.0 {
            let (count, between) = match *operation {
                Operation::Seen(number) => {
                    stack.push((name(number.into()), false));
                    continue;
                }
                Operation::All(count) => (count, " AND "),
                Operation::Any(count) => (count, " OR "),
            };
            let mut text = String::new();
            let operands = stack.split_off(stack.len().saturating_sub(count.into()));
            for (n, (operand, joined)) in operands.into_iter().enumerate() {
                let (open, close) = if joined { ("(", ")") } else { ("", "") };
                for piece in [if n > 0 { between } else { "" }, open, &operand, close] {
                    text.push_str(piece);
                }
            }
            stack.push((text, true));
        }
        stack.pop().map_or_else(String::new, |(text, _)| text)
    }
}

impl Compound {
    /// Whether the values that were seen together suffice; `seen` is asked by their numbers.
    pub fn holds(&self, seen: impl Fn(usize) -> bool) -> bool {
        self.program.holds(seen)
    }

    /// Whether it never holds without this value.
    pub fn needs(&self, value: &Observable) -> bool {
        self.values.binary_search(value).is_ok_and(|number| !self.holds(|other| other != number))
    }
}

/// The values with their kinds, joined by AND and OR.
impl Display for Compound {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let name = |number: usize| {
            let value = self.values.get(number);
            value.map_or_else(String::new, |value| format!("{} {value}", value.kind()))
        };
        f.write_str(&self.program.describe(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Operation::{All, Any, Seen};

    #[test]
    fn sound_programs_and_others() {
        let sound = |program: &[Operation], values| Program(program.to_vec()).is_sound(values);
        assert!(sound(&[Seen(0)], 1));
        assert!(sound(&[Seen(0), Seen(1), All(2)], 2));
        assert!(sound(&[Seen(0), Seen(1), Seen(2), Any(2), All(2)], 3));
        assert!(sound(&[Seen(0), Seen(0), Seen(1), All(2), Any(2)], 2));
        for (program, values) in [
            (&[][..], 0),
            (&[], 1),
            (&[Seen(1)], 1),
            (&[Seen(0)], 2),
            (&[Seen(0), Seen(1)], 2),
            (&[Seen(0), All(1)], 1),
            (&[Seen(0), Any(0)], 1),
            (&[Seen(0), Seen(1), All(3)], 2),
            (&[All(2), Seen(0), Seen(1)], 2),
            (&[Seen(0), Seen(1), Any(u16::MAX)], 2),
        ] {
            assert!(!sound(program, values), "{program:?} over {values}");
            // whatever it is, it ends
            Program(program.to_vec()).holds(|_| true);
            Program(program.to_vec()).describe(|n| n.to_string());
        }
    }

    #[test]
    fn a_program_as_text() {
        let program = Program(vec![Seen(0), Seen(1), Seen(2), Any(2), All(2)]);
        assert_eq!(program.describe(|n| n.to_string()), "0 AND (1 OR 2)");
        assert!(program.holds(|n| n != 1) && !program.holds(|n| n != 0) && !program.holds(|n| n == 0));
    }
}
