//! Tokens of the patterning language.
//!
//! Is: a lexer that hands out one token at a time, borrowed from the text.
//! Is not: aware of the grammar; keywords are words.
//! Invariant: tokens come in the order of the text and never overlap; at the end [`Token::End`] comes for ever.
//! Fails: with [`Unlexed`], which says where and what was wrong.
//! Costs: one pass; a string with an escape in it is the only token that allocates.

use std::borrow::Cow;

/// One token. Words are keywords, object types and keys alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    OpenBracket,
    CloseBracket,
    OpenParen,
    CloseParen,
    Colon,
    Dot,
    Comma,
    Star,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Word(&'a str),
    String(Cow<'a, str>),
    Int(&'a str),
    Float(&'a str),
    Hex(&'a str),
    Binary(&'a str),
    Timestamp(&'a str),
    End,
}

/// Where no token could be read, and what would have been one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unlexed {
    /// Byte offset in the text.
    pub(crate) at: usize,
    /// What was expected there.
    pub(crate) expected: &'static str,
}

/// Reads tokens from a text.
pub(crate) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a str) -> Lexer<'a> {
        Lexer { text, at: 0 }
    }

    /// The next token with the byte offset at which it begins.
    pub(crate) fn next(&mut self) -> Result<(usize, Token<'a>), Unlexed> {
        self.skip_blanks()?;
        let start = self.at;
        let Some(first) = self.byte(0) else { return Ok((start, Token::End)) };
        let token = match first {
            b'[' => self.take(1, Token::OpenBracket),
            b']' => self.take(1, Token::CloseBracket),
            b'(' => self.take(1, Token::OpenParen),
            b')' => self.take(1, Token::CloseParen),
            b':' => self.take(1, Token::Colon),
            b',' => self.take(1, Token::Comma),
            b'*' => self.take(1, Token::Star),
            b'=' => self.take(if self.byte(1) == Some(b'=') { 2 } else { 1 }, Token::Equal),
            b'!' if self.byte(1) == Some(b'=') => self.take(2, Token::NotEqual),
            b'<' => match self.byte(1) {
                Some(b'>') => self.take(2, Token::NotEqual),
                Some(b'=') => self.take(2, Token::LessOrEqual),
                _ => self.take(1, Token::Less),
            },
            b'>' if self.byte(1) == Some(b'=') => self.take(2, Token::GreaterOrEqual),
            b'>' => self.take(1, Token::Greater),
            b'.' if !self.byte(1).is_some_and(|b| b.is_ascii_digit()) => self.take(1, Token::Dot),
            b'0'..=b'9' | b'+' | b'-' | b'.' => self.number()?,
            b'\'' => self.string()?,
            b'h' | b'b' | b't' if self.byte(1) == Some(b'\'') => self.prefixed(first)?,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.word(),
            _ => return Err(Unlexed { at: start, expected: "a token of the patterning language" }),
        };
        Ok((start, token))
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn take(&mut self, bytes: usize, token: Token<'a>) -> Token<'a> {
        self.at += bytes;
        token
    }

    /// The text from `start` to where the lexer stands.
    fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// White space and comments (`/* */`, `//` to the end of the line).
    fn skip_blanks(&mut self) -> Result<(), Unlexed> {
        while let Some(byte) = self.byte(0) {
            match byte {
                b' ' | b'\t'..=b'\r' => self.at += 1,
                b'/' if self.byte(1) == Some(b'*') => {
                    let inside = self.rest().get(2..).unwrap_or_default();
                    let Some(length) = memchr::memmem::find(inside, b"*/") else {
                        return Err(Unlexed { at: self.at, expected: "'*/' at the end of the comment" });
                    };
                    self.at += length + 4;
                }
                b'/' if self.byte(1) == Some(b'/') => {
                    self.at += memchr::memchr2(b'\n', b'\r', self.rest()).unwrap_or(self.rest().len());
                }
                0x80.. => match self.text.get(self.at..).and_then(|text| text.chars().next()) {
                    Some(c) if c.is_whitespace() => self.at += c.len_utf8(),
                    _ => return Ok(()),
                },
                _ => return Ok(()),
            }
        }
        Ok(())
    }

    fn word(&mut self) -> Token<'a> {
        let start = self.at;
        let rest = self.rest();
        self.at += rest
            .iter()
            .position(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')))
            .unwrap_or(rest.len());
        Token::Word(self.since(start))
    }

    /// `[+-]? (0 | [1-9][0-9]*)` or `[+-]? [0-9]* . [0-9]+`
    fn number(&mut self) -> Result<Token<'a>, Unlexed> {
        let start = self.at;
        if matches!(self.byte(0), Some(b'+' | b'-')) {
            self.at += 1;
        }
        let first = self.byte(0);
        let whole = self.digits();
        if self.byte(0) == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return Err(Unlexed { at: self.at, expected: "a digit behind the decimal point" });
            }
            return Ok(Token::Float(self.since(start)));
        }
        match whole {
            0 => Err(Unlexed { at: start, expected: "a number behind the sign" }),
            2.. if first == Some(b'0') => {
                Err(Unlexed { at: start, expected: "a whole number without leading zeros" })
            }
            _ => Ok(Token::Int(self.since(start))),
        }
    }

    fn digits(&mut self) -> usize {
        let rest = self.rest();
        let count = rest.iter().position(|b| !b.is_ascii_digit()).unwrap_or(rest.len());
        self.at += count;
        count
    }

    /// `'...'` with the escapes `\'` and `\\`.
    fn string(&mut self) -> Result<Token<'a>, Unlexed> {
        let opening = self.at;
        self.at += 1;
        let mut start = self.at;
        let mut decoded: Option<String> = None;
        loop {
            let Some(length) = memchr::memchr2(b'\'', b'\\', self.rest()) else {
                return Err(Unlexed { at: opening, expected: "a string with an end" });
            };
            self.at += length;
            let piece = self.since(start);
            if self.byte(0) == Some(b'\'') {
                self.at += 1;
                return Ok(Token::String(match decoded {
                    None => Cow::Borrowed(piece),
                    Some(decoded) => Cow::Owned(decoded + piece),
                }));
            }
            if !matches!(self.byte(1), Some(b'\'' | b'\\')) {
                return Err(Unlexed { at: self.at, expected: "\\' or \\\\ (a back-slash is written twice)" });
            }
            decoded.get_or_insert_default().push_str(piece);
            // the escaped character begins the next piece
            start = self.at + 1;
            self.at += 2;
        }
    }

    /// `h'...'`, `b'...'`, `t'...'`
    fn prefixed(&mut self, prefix: u8) -> Result<Token<'a>, Unlexed> {
        let opening = self.at;
        self.at += 2;
        let start = self.at;
        let Some(length) = memchr::memchr(b'\'', self.rest()) else {
            return Err(Unlexed { at: opening, expected: "a constant with an end" });
        };
        self.at += length;
        let inside = self.since(start);
        self.at += 1;
        match prefix {
            b'h' if is_hex(inside) => Ok(Token::Hex(inside)),
            b'b' if is_base64(inside) => Ok(Token::Binary(inside)),
            b't' if is_timestamp(inside) => Ok(Token::Timestamp(inside)),
            b'h' => Err(Unlexed { at: opening, expected: "pairs of hex digits in h'...'" }),
            b'b' => Err(Unlexed { at: opening, expected: "base64 in b'...'" }),
            _ => Err(Unlexed { at: opening, expected: "t'YYYY-MM-DDThh:mm:ss[.s]Z'" }),
        }
    }
}

fn is_hex(text: &str) -> bool {
    text.len().is_multiple_of(2) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Groups of four, at least one, the last one padded by one or two `=`.
fn is_base64(text: &str) -> bool {
    let unpadded = text.trim_end_matches('=');
    !text.is_empty()
        && text.len().is_multiple_of(4)
        && text.len() - unpadded.len() <= 2
        && unpadded.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))
}

/// By the grammar of the language: no calendar is asked, so `02-30` is one.
fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    let Some((fixed, behind)) = bytes.split_at_checked(19) else { return false };
    let digits = |range: std::ops::Range<usize>| {
        fixed.get(range).and_then(|digits| {
            digits.iter().try_fold(0u32, |n, b| b.is_ascii_digit().then(|| n * 10 + u32::from(b - b'0')))
        })
    };
    let within = |range, low, high| digits(range).is_some_and(|n| (low..=high).contains(&n));
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    let fraction = match behind {
        [b'.', fraction @ .., b'Z'] => !fraction.is_empty() && fraction.iter().all(u8::is_ascii_digit),
        _ => behind == b"Z",
    };
    separators.into_iter().all(|(at, byte)| fixed.get(at) == Some(&byte))
        && within(0..4, 0, 9999)
        && within(5..7, 1, 12)
        && within(8..10, 1, 31)
        && within(11..13, 0, 23)
        && within(14..16, 0, 59)
        && within(17..19, 0, 60)
        && fraction
}
