//! The terminals of JSON: white space, strings, numbers, literals.
//!
//! Is: RFC 8259 to the letter; half a surrogate pair is accepted and read as U+FFFD. Is not: objects and arrays.
//! Fails: with `None` where the grammar does. Costs: a few steps for sixteen bytes of a string.

/// Where white space that starts at `at` ends.
#[inline]
pub fn blanks(raw: &[u8], at: usize) -> usize {
    let mut at = at;
    while matches!(raw.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// A string that was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text {
    /// Where the closing quote stands.
    pub(super) end: usize,
    /// Whether it has escapes.
    pub(super) escaped: bool,
}

/// A string without dot, colon or escape has to be this long to hold an observable: the shortest digest.
const DIGEST_MIN: usize = 32;

/// Reads a string whose first byte behind the quote is at `start`.
pub(super) fn string(raw: &[u8], start: usize) -> Option<Text> {
    let mut at = start;
    let mut escaped = false;
    loop {
        if let Some(word) = raw.get(at..).and_then(|rest| rest.first_chunk::<16>()) {
            let word = u128::from_le_bytes(*word);
            let stops = stops(word);
            if stops == 0 {
                at += 16;
                continue;
            }
            at += (stops.trailing_zeros() / 8) as usize;
        }
        let byte = *raw.get(at)?;
        match byte {
            b'"' => break,
            b'\\' => {
                escaped = true;
                at += match *raw.get(at + 1)? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 2,
                    b'u' if hex4(raw, at + 2).is_some() => 6,
                    _ => return None,
                };
            }
            ..0x20 => return None,
            _ => at += 1,
        }
    }
    Some(Text { end: at, escaped })
}

/// Whether an observable can be in a string.
pub(super) fn is_telling(raw: &[u8], escaped: bool) -> bool {
    escaped || raw.len() >= DIGEST_MIN || memchr::memchr2(b'.', b':', raw).is_some()
}

/// The high bit of each byte that ends a run of plain characters: a quote, a back-slash, a control character. Bits
/// above the first one may be wrong.
fn stops(word: u128) -> u128 {
    let control = word.wrapping_sub(EACH * 0x20) & !word;
    (control | zeros(word ^ (EACH * u128::from(b'"'))) | zeros(word ^ (EACH * u128::from(b'\\'))))
        & (EACH << 7)
}

/// The high bit of each byte that is zero; bits above the first one may be wrong.
fn zeros(word: u128) -> u128 {
    word.wrapping_sub(EACH) & !word
}

const EACH: u128 = 0x0101_0101_0101_0101_0101_0101_0101_0101;

fn hex4(raw: &[u8], at: usize) -> Option<u32> {
    raw.get(at..at + 4)?.iter().try_fold(0, |n, &b| Some(n << 4 | char::from(b).to_digit(16)?))
}

/// Reads a number or a literal; where it ends.
pub(super) fn bare(raw: &[u8], at: usize, first: u8) -> Option<usize> {
    let literal: &[u8] = match first {
        b't' => b"true",
        b'f' => b"false",
        b'n' => b"null",
        _ => return number(raw, at),
    };
    let end = at + literal.len();
    (raw.get(at..end) == Some(literal)).then_some(end)
}

fn number(raw: &[u8], at: usize) -> Option<usize> {
    let mut at = at + usize::from(raw.get(at) == Some(&b'-'));
    at = match raw.get(at)? {
        b'0' => at + 1,
        b'1'..=b'9' => digits(raw, at)?,
        _ => return None,
    };
    if raw.get(at) == Some(&b'.') {
        at = digits(raw, at + 1)?;
    }
    if matches!(raw.get(at), Some(b'e' | b'E')) {
        at += 1 + usize::from(matches!(raw.get(at + 1), Some(b'+' | b'-')));
        at = digits(raw, at)?;
    }
    Some(at)
}

/// One digit or more; where they end.
fn digits(raw: &[u8], at: usize) -> Option<usize> {
    let count = raw.get(at..)?.iter().take_while(|b| b.is_ascii_digit()).count();
    (count > 0).then_some(at + count)
}

/// Undoes the escapes of a string that was walked over; appends to `out`. Half a surrogate pair becomes U+FFFD.
pub fn undo_escapes(raw: &[u8], out: &mut Vec<u8>) {
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let (plain, escape) = rest.split_at(at);
        out.extend_from_slice(plain);
        let byte = escape.get(1).copied().unwrap_or(b'\\');
        let mut taken = 2;
        match byte {
            b'b' => out.push(0x08),
            b'f' => out.push(0x0c),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'u' => {
                let (letter, length) = unicode(escape);
                taken = length;
                out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            }
            byte => out.push(byte),
        }
        rest = escape.get(taken..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

/// The character of `\uXXXX`, or of two of them, and the bytes it takes.
fn unicode(escape: &[u8]) -> (char, usize) {
    let first = hex4(escape, 2).unwrap_or(0xfffd);
    if let 0xd800..=0xdbff = first
        && escape.get(6..8) == Some(b"\\u")
        && let Some(second @ 0xdc00..=0xdfff) = hex4(escape, 8)
    {
        let both = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return (char::from_u32(both).unwrap_or(char::REPLACEMENT_CHARACTER), 12);
    }
    (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 6)
}

/// The beginning of a string, up to about `max` bytes; no escape is cut.
pub(super) fn beginning(raw: &[u8], escaped: bool, max: usize) -> &[u8] {
    let mut at = max;
    if escaped && raw.len() > max {
        at = 0;
        while at < max {
            at += match (raw.get(at), raw.get(at + 1)) {
                (Some(b'\\'), Some(b'u')) => 6,
                (Some(b'\\'), _) => 2,
                _ => 1,
            };
        }
    }
    raw.get(..at).unwrap_or(raw)
}

/// The text of a string of an event.
pub fn decoded(raw: &[u8], escaped: bool) -> String {
    if !escaped {
        return String::from_utf8_lossy(raw).into_owned();
    }
    let mut out = Vec::with_capacity(raw.len());
    undo_escapes(raw, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// Whether a string of an event is this text.
pub(super) fn is_text(raw: &[u8], escaped: bool, text: &str) -> bool {
    if escaped { decoded(raw, true) == text } else { raw == text.as_bytes() }
}
