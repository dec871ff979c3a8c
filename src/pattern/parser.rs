//! From tokens to the tree.
//!
//! Is: recursive descent over the union of the STIX 2.0 and 2.1 grammars. AND binds tighter than OR, OR tighter
//! than FOLLOWEDBY. `==` and `<>` are read as `=` and `!=`.
//! Is not: a check of values: for [`parse()`] a digest of the wrong length parses, and `reduce` says what is wrong with
//! it. [`check()`], for those who write patterns, refuses it at its place, as the validator of the STIX committee does.
//! Invariant: parentheses are nested [`DEPTH_MAX`] deep at most, and so are qualifiers however parentheses stand between
//! them: neither this nor any walk of the tree can run out of stack.
//! Fails: with [`Error`].
//! Costs: one pass, one token of look-ahead.

use crate::pattern::lexer::{Lexer, Token, Unlexed};
use crate::pattern::property::{self, Spelling};
use crate::pattern::{
    Comparison, Literal, Observation, Operand, Operator, Path, Pattern, Qualifier, Step, Test,
};

/// Longest pattern in bytes. Feeds put thousands of values into one pattern (some 100 bytes each), not more.
pub const LENGTH_BYTES_MAX: usize = 4 << 20;

/// Deepest nesting of parentheses and brackets, most qualifiers on one expression, and most steps of a path. Real
/// patterns stay below ten.
pub const DEPTH_MAX: usize = 64;

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The grammar is broken.
    #[error("line {line}, column {column}: found {found}, expected {expected}")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// Character in the line, from 1.
        column: usize,
        /// What stands there: up to 24 characters, quoted, or `the end`.
        found: Box<str>,
        /// What should stand there.
        expected: &'static str,
    },
    /// Longer than [`LENGTH_BYTES_MAX`].
    #[error("{bytes} bytes long, at most {LENGTH_BYTES_MAX} are read")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// Nested deeper than [`DEPTH_MAX`].
    #[error("line {line}, column {column}: nested deeper than {DEPTH_MAX}")]
    TooDeep {
        /// Line, from 1.
        line: usize,
        /// Character in the line, from 1.
        column: usize,
    },
}

/// Reads a pattern.
///
/// # Errors
/// [`Error`] at the first place where the text cannot go on.
pub fn parse(text: &str) -> Result<Pattern<'_>, Error> {
    read(text, false)
}

/// Reads a pattern as [`parse()`] does, and refuses digests that are none of their algorithm.
///
/// # Errors
/// [`Error`] at the first place where the text cannot go on, or where a digest is none.
pub fn check(text: &str) -> Result<Pattern<'_>, Error> {
    read(text, true)
}

fn read(text: &str, checks_digests: bool) -> Result<Pattern<'_>, Error> {
    if text.len() > LENGTH_BYTES_MAX {
        return Err(Error::TooLong { bytes: text.len() });
    }
    let located = |stop: Stop| {
        let (line, column) = position(text, stop.at);
        match stop.expected {
            Some(expected) => Error::Syntax { line, column, found: found(text, stop.at), expected },
            None => Error::TooDeep { line, column },
        }
    };
    let mut parser = Parser {
        lexer: Lexer::new(text),
        token: Token::End,
        at: 0,
        depth: 0,
        qualifiers: 0,
        checks_digests,
        spelling: None,
    };
    parser.advance().and_then(|_| parser.pattern()).map_err(located)
}

/// Where the parser stopped; without an expectation it was too deep.
struct Stop {
    at: usize,
    expected: Option<&'static str>,
}

impl From<Unlexed> for Stop {
    fn from(unlexed: Unlexed) -> Stop {
        Stop { at: unlexed.at, expected: Some(unlexed.expected) }
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    /// The token that comes next, and where it begins.
    token: Token<'a>,
    at: usize,
    /// Open parentheses and brackets.
    depth: usize,
    /// Most qualifiers around one observation inside the innermost open parenthesis, so far.
    qualifiers: usize,
    checks_digests: bool,
    /// What the strings have to be that come next.
    spelling: Option<Spelling>,
}

impl<'a> Parser<'a> {
    /// Steps to the next token; gives the one that was.
    fn advance(&mut self) -> Result<Token<'a>, Stop> {
        let (at, token) = self.lexer.next()?;
        self.at = at;
        Ok(std::mem::replace(&mut self.token, token))
    }

    fn stop<T>(&self, expected: &'static str) -> Result<T, Stop> {
        Err(Stop { at: self.at, expected: Some(expected) })
    }

    fn expect(&mut self, token: &Token<'_>, expected: &'static str) -> Result<(), Stop> {
        if self.token != *token {
            return self.stop(expected);
        }
        self.advance().map(|_| ())
    }

    /// Steps over a keyword if it is the next token.
    fn keyword(&mut self, word: &str) -> Result<bool, Stop> {
        let here = matches!(&self.token, Token::Word(found) if *found == word);
        if here {
            self.advance()?;
        }
        Ok(here)
    }

    fn pattern(&mut self) -> Result<Pattern<'a>, Stop> {
        let root = self.followed_by()?;
        match self.token {
            Token::End => Ok(Pattern { root }),
            _ => self.stop("AND, OR, FOLLOWEDBY, WITHIN, REPEATS, START or the end"),
        }
    }

    /// One or more of the next tighter level with `word` between them.
    fn joined<T>(
        &mut self,
        word: &str,
        operand: fn(&mut Parser<'a>) -> Result<T, Stop>,
        join: fn(Vec<T>) -> T,
    ) -> Result<T, Stop> {
        let first = operand(self)?;
        if !self.keyword(word)? {
            return Ok(first);
        }
        let mut all = vec![first, operand(self)?];
        while self.keyword(word)? {
            all.push(operand(self)?);
        }
        Ok(join(all))
    }

    fn followed_by(&mut self) -> Result<Observation<'a>, Stop> {
        self.joined("FOLLOWEDBY", Self::observation_or, Observation::FollowedBy)
    }

    fn observation_or(&mut self) -> Result<Observation<'a>, Stop> {
        self.joined("OR", Self::observation_and, Observation::Or)
    }

    fn observation_and(&mut self) -> Result<Observation<'a>, Stop> {
        self.joined("AND", Self::qualified, Observation::And)
    }

    fn comparison_or(&mut self) -> Result<Comparison<'a>, Stop> {
        self.joined("OR", Self::comparison_and, Comparison::Or)
    }

    fn comparison_and(&mut self) -> Result<Comparison<'a>, Stop> {
        self.joined("AND", Self::comparison, Comparison::And)
    }

    /// Goes one level down, over the token that opens it.
    fn enter(&mut self) -> Result<(), Stop> {
        if self.depth == DEPTH_MAX {
            return Err(Stop { at: self.at, expected: None });
        }
        self.depth += 1;
        self.advance().map(|_| ())
    }

    fn leave(&mut self, token: &Token<'_>, expected: &'static str) -> Result<(), Stop> {
        self.depth -= 1;
        self.expect(token, expected)
    }

    fn qualified(&mut self) -> Result<Observation<'a>, Stop> {
        let bracketed = self.token == Token::OpenBracket;
        let beside = std::mem::take(&mut self.qualifiers);
        let mut observation = match self.token {
            Token::OpenBracket => {
                self.enter()?;
                let comparison = self.comparison_or()?;
                self.leave(&Token::CloseBracket, "AND, OR or ']'")?;
                Observation::One(comparison)
            }
            Token::OpenParen => {
                self.enter()?;
                let inside = self.followed_by()?;
                self.leave(&Token::CloseParen, "AND, OR, FOLLOWEDBY, a qualifier or ')'")?;
                inside
            }
            _ => return self.stop("'[' or '('"),
        };
        let mut seen = Vec::new();
        loop {
            let at = self.at;
            let Some(qualifier) = self.qualifier()? else {
                self.qualifiers = self.qualifiers.max(beside);
                return Ok(observation);
            };
            let kind = std::mem::discriminant(&qualifier);
            // STIX 2.1: one of each kind on a bracketed observation
            if bracketed && seen.contains(&kind) {
                return Err(Stop { at, expected: Some("no second qualifier of that kind") });
            }
            seen.push(kind);
            self.qualifiers += 1;
            if self.qualifiers > DEPTH_MAX {
                return Err(Stop { at, expected: None });
            }
            observation = Observation::Qualified(Box::new(observation), qualifier);
        }
    }

    fn qualifier(&mut self) -> Result<Option<Qualifier<'a>>, Stop> {
        let Token::Word(word) = self.token else { return Ok(None) };
        let qualifier = match word {
            "WITHIN" => {
                self.advance()?;
                let (Token::Int(number) | Token::Float(number)) = self.token else {
                    return self.stop("a number of seconds");
                };
                self.unsigned(number)?;
                self.unit("SECONDS", "SECONDS")?;
                Qualifier::Within(number)
            }
            "REPEATS" => {
                self.advance()?;
                let Token::Int(number) = self.token else { return self.stop("a number of times") };
                self.unsigned(number)?;
                self.unit("TIMES", "TIMES")?;
                Qualifier::Repeats(number)
            }
            "START" => {
                self.advance()?;
                let start = self.instant()?;
                self.unit("STOP", "STOP")?;
                Qualifier::StartStop(start, self.instant()?)
            }
            _ => return Ok(None),
        };
        Ok(Some(qualifier))
    }

    fn unsigned(&mut self, number: &str) -> Result<(), Stop> {
        if number.starts_with('-') {
            return self.stop("a number that is not negative");
        }
        self.advance().map(|_| ())
    }

    fn unit(&mut self, word: &str, expected: &'static str) -> Result<(), Stop> {
        if self.keyword(word)? { Ok(()) } else { self.stop(expected) }
    }

    fn instant(&mut self) -> Result<Literal<'a>, Stop> {
        match self.token {
            Token::Timestamp(_) | Token::String(_) => self.literal(),
            _ => self.stop("a timestamp t'...'"),
        }
    }

    fn comparison(&mut self) -> Result<Comparison<'a>, Stop> {
        match self.token {
            Token::OpenParen => {
                self.enter()?;
                let inside = self.comparison_or()?;
                self.leave(&Token::CloseParen, "AND, OR or ')'")?;
                Ok(inside)
            }
            Token::Word("EXISTS") => {
                self.advance()?;
                Ok(Comparison::Exists { path: self.path()?, negated: false })
            }
            // STIX 2.1
            Token::Word("NOT") => {
                self.advance()?;
                if !self.keyword("EXISTS")? {
                    return self.stop("EXISTS (elsewhere NOT stands between path and operator)");
                }
                Ok(Comparison::Exists { path: self.path()?, negated: true })
            }
            Token::Word(_) => self.test().map(Comparison::Test),
            _ => self.stop("an object path, EXISTS or '('"),
        }
    }

    fn test(&mut self) -> Result<Test<'a>, Stop> {
        let path = self.path()?;
        let negated = self.keyword("NOT")?;
        let operator = match self.token {
            Token::Equal => Operator::Equal,
            Token::NotEqual => Operator::NotEqual,
            Token::Less => Operator::Less,
            Token::LessOrEqual => Operator::LessOrEqual,
            Token::Greater => Operator::Greater,
            Token::GreaterOrEqual => Operator::GreaterOrEqual,
            Token::Word("IN") => Operator::In,
            Token::Word("LIKE") => Operator::Like,
            Token::Word("MATCHES") => Operator::Matches,
            Token::Word("ISSUBSET") => Operator::IsSubset,
            Token::Word("ISSUPERSET") => Operator::IsSuperset,
            _ => return self.stop("'.', '[' or a comparison operator"),
        };
        self.advance()?;
        self.spelling = match operator {
            Operator::Equal | Operator::NotEqual | Operator::In if self.checks_digests => {
                property::spelling(&path)
            }
            _ => None,
        };
        let operand = match operator {
            Operator::Equal | Operator::NotEqual => Operand::One(self.literal()?),
            Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual => {
                if matches!(self.token, Token::Word(_)) {
                    return self.stop("a constant that has an order");
                }
                Operand::One(self.literal()?)
            }
            Operator::In => Operand::List(self.list()?),
            Operator::Like | Operator::Matches | Operator::IsSubset | Operator::IsSuperset => {
                if !matches!(self.token, Token::String(_)) {
                    return self.stop("a string");
                }
                Operand::One(self.literal()?)
            }
        };
        Ok(Test { path, negated, operator, operand })
    }

    fn list(&mut self) -> Result<Vec<Literal<'a>>, Stop> {
        self.expect(&Token::OpenParen, "'('")?;
        let mut all = Vec::new();
        if self.token != Token::CloseParen {
            all.push(self.literal()?);
            while self.token == Token::Comma {
                self.advance()?;
                all.push(self.literal()?);
            }
        }
        self.expect(&Token::CloseParen, "',' or ')'")?;
        Ok(all)
    }

    fn literal(&mut self) -> Result<Literal<'a>, Stop> {
        match &self.token {
            Token::String(text) if self.spelling.is_some_and(|spelling| !spelling.fits(text)) => {
                return self.stop(self.spelling.map_or("", |spelling| spelling.name));
            }
            Token::String(_)
            | Token::Int(_)
            | Token::Float(_)
            | Token::Hex(_)
            | Token::Binary(_)
            | Token::Timestamp(_)
            | Token::Word("true" | "false") => {}
            _ => return self.stop("a constant"),
        }
        Ok(match self.advance()? {
            Token::String(text) => Literal::String(text),
            Token::Int(text) => Literal::Int(text),
            Token::Float(text) => Literal::Float(text),
            Token::Hex(text) => Literal::Hex(text),
            Token::Binary(text) => Literal::Binary(text),
            Token::Timestamp(text) => Literal::Timestamp(text),
            other => Literal::Bool(other == Token::Word("true")),
        })
    }

    fn path(&mut self) -> Result<Path<'a>, Stop> {
        let Token::Word(object) = self.token else { return self.stop("an object type") };
        if is_keyword(object) {
            return self.stop("an object type");
        }
        self.advance()?;
        self.expect(&Token::Colon, "':'")?;
        let mut steps = Vec::with_capacity(2);
        steps.push(self.key()?);
        loop {
            match self.token {
                Token::Dot => {
                    self.advance()?;
                    steps.push(self.key()?);
                }
                Token::OpenBracket => {
                    self.advance()?;
                    steps.push(match self.token {
                        Token::Star => Step::Any,
                        Token::Int(index) => Step::Index(index),
                        _ => return self.stop("a list index or '*'"),
                    });
                    self.advance()?;
                    self.expect(&Token::CloseBracket, "']'")?;
                }
                _ => return Ok(Path { object, steps }),
            }
            if steps.len() > DEPTH_MAX {
                return Err(Stop { at: self.at, expected: None });
            }
        }
    }

    fn key(&mut self) -> Result<Step<'a>, Stop> {
        match &self.token {
            Token::Word(word) if !word.contains('-') && !is_keyword(word) => {}
            Token::String(_) => {}
            _ => return self.stop("a key (in quotes if it is more than letters, digits and _)"),
        }
        match self.advance()? {
            Token::Word(word) => Ok(Step::Key(word.into())),
            Token::String(text) => Ok(Step::Key(text)),
            _ => self.stop("a key"),
        }
    }
}

/// Words that the grammar keeps for itself; as keys they stand in quotes.
pub(crate) fn is_keyword(word: &str) -> bool {
    matches!(
        word,
        "AND"
            | "OR"
            | "NOT"
            | "FOLLOWEDBY"
            | "LIKE"
            | "MATCHES"
            | "ISSUPERSET"
            | "ISSUBSET"
            | "EXISTS"
            | "LAST"
            | "IN"
            | "START"
            | "STOP"
            | "SECONDS"
            | "TIMES"
            | "true"
            | "false"
            | "WITHIN"
            | "REPEATS"
    )
}

/// Line and column, from 1, of a byte offset.
fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or(before).chars().count() + 1;
    (line, column)
}

/// The text at a byte offset up to the next blank, quoted and shortened.
fn found(text: &str, at: usize) -> Box<str> {
    let rest = text.get(at..).unwrap_or("");
    let end = rest
        .char_indices()
        .enumerate()
        .find(|(n, (_, c))| *n >= 24 || *n > 0 && c.is_whitespace())
        .map_or(rest.len(), |(_, (at, _))| at);
    match rest.get(..end) {
        None | Some("") => "the end".into(),
        Some(word) => format!("'{word}'").into(),
    }
}
