//! Anchors -> keys: what to ask the prefilter for a candidate, by the least work that loses none.
//!
//! A name is asked by its last two labels, an address by its value, a digest by its last 16 digits. Borders are
//! not judged here, but where escapes (`\n`, `%20`) hide the start of a token both readings are asked.

use crate::engine::scan::Classes;
use crate::index::filter::{Hasher, KeyKind};

/// What a key is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Asked {
    Name,
    Ip4,
    Digest,
}

/// A key with the place of its candidate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) hash: u64,
    /// End of the candidate, relative to the chunk.
    pub(super) end: u32,
    /// Length of the text asked (names, digests), or the address.
    pub(super) what: u32,
    pub(super) asked: Asked,
}

/// Whether a byte can stand in a label.
pub(super) fn in_label(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' || byte >= 0x80
}

fn byte_before(data: &[u8], at: usize) -> Option<u8> {
    data.get(at.checked_sub(1)?).copied()
}

/// The last two labels of the name that ends at `end`: where they start, and whether a byte above 0x7f is in
/// them. `None` when there are no two.
#[inline(always)]
#[expect(clippy::inline_always, reason = "has to land in the tier's entry function")]
pub(super) fn two_labels<C: Classes>(data: &[u8], end: usize) -> Option<(usize, bool)> {
    if let Some(window) = data.get(..end).and_then(|s| s.last_chunk::<32>()) {
        let (mut delimiters, high) = C::delimiters(window);
        delimiters &= !(0x8000_0000u32.checked_shr(delimiters.leading_zeros()).unwrap_or(0));
        if delimiters != 0 {
            let first = 32 - delimiters.leading_zeros();
            let start = end - 32 + first as usize;
            return Some((start, high.checked_shr(first).unwrap_or(0) != 0));
        }
    }
    two_labels_slow(data, end)
}

#[cold]
fn two_labels_slow(data: &[u8], end: usize) -> Option<(usize, bool)> {
    let mut start = end;
    let mut dots = 0;
    let mut high = false;
    // two labels have at most 127 bytes; a Unicode label more, in bytes
    for &byte in data.get(..end)?.iter().rev().take(600) {
        if !in_label(byte) {
            if byte == b'.' && dots == 0 {
                dots = 1;
            } else {
                break;
            }
        }
        high |= byte >= 0x80;
        start -= 1;
    }
    (dots == 1).then_some((start, high))
}

/// The IPv4 address that ends at `end` (behind its trailing dots), if the run of digits and dots before it is just
/// that.
#[inline(always)]
#[expect(clippy::inline_always, reason = "has to land in the tier's entry function")]
pub(super) fn quad<C: Classes>(data: &[u8], end: usize) -> Option<u32> {
    let padded;
    let window = if let Some(window) = data.get(..end).and_then(|s| s.last_chunk::<32>()) {
        window
    } else {
        padded = padded_window(data, end);
        &padded
    };
    let (digits, dots) = C::digits_and_dots(window);
    let run = (digits | dots).leading_ones();
    if run == 32 {
        return None;
    }
    // the run, without dots at its ends
    let low = 32 - run;
    let mut dots = dots & u32::MAX.checked_shl(low).unwrap_or(0);
    let digits = digits & u32::MAX.checked_shl(low).unwrap_or(0);
    let first = digits.trailing_zeros();
    let last = 32 - digits.leading_zeros();
    dots &= u32::MAX.checked_shl(first).unwrap_or(0);
    dots &= u32::MAX.checked_shr(32 - last).unwrap_or(0);
    if dots.count_ones() != 3 {
        return None;
    }
    let before = byte_before(data, (end + first as usize).saturating_sub(32));
    let plain = before.is_none_or(|b| !(b.is_ascii_alphanumeric() || b == b'_' || b == b'%'));
    let first = if plain { first } else { hidden_start(data, end, first, window)? };
    octets(window, first, last, dots)
}

#[cold]
fn padded_window(data: &[u8], end: usize) -> [u8; 32] {
    let mut padded = [0; 32];
    if let Some(bytes) = data.get(..end) {
        padded[32 - bytes.len().min(32)..].copy_from_slice(bytes);
    }
    padded
}

/// Where the address starts when a word character or `%` stands before its digits: behind an escape, or nowhere.
#[cold]
fn hidden_start(data: &[u8], end: usize, first: u32, window: &[u8; 32]) -> Option<u32> {
    let start = (end + first as usize).checked_sub(32)?;
    let two = |at: usize| data.get(at..at + 2);
    match byte_before(data, start)? {
        b'%' if two(start)?.iter().all(u8::is_ascii_hexdigit) => {
            // `%201.2.3.4`: the two digits are not part of it
            let rest = window.get(first as usize + 2)?;
            rest.is_ascii_digit().then_some(first + 2)
        }
        b'n' | b'r' | b't' | b'b' | b'f' if byte_before(data, start - 1) == Some(b'\\') => Some(first),
        b if b.is_ascii_hexdigit() => {
            if byte_before(data, start - 1) == Some(b'%') {
                // `%F1.2.3.4` has its second digit at the start of the run; `%2F` ends before it
                return Some(first + 1);
            }
            let percent = start.checked_sub(3).and_then(|at| data.get(at..start));
            matches!(percent, Some([b'%', a, _]) if a.is_ascii_hexdigit()).then_some(first)
        }
        _ => None,
    }
}

/// Four octets of one to three digits, none above 255. All four at once, in steps that compilers put side by side.
#[inline(always)]
#[expect(clippy::inline_always, reason = "has to land in the tier's entry function")]
fn octets(window: &[u8; 32], first: u32, last: u32, dots: u32) -> Option<u32> {
    let p1 = dots.trailing_zeros();
    let dots = dots & dots.wrapping_sub(1);
    let p2 = dots.trailing_zeros();
    let p3 = (dots & dots.wrapping_sub(1)).trailing_zeros();
    let ends = [p1, p2, p3, last];
    let starts = [first, p1 + 1, p2 + 1, p3 + 1];
    let mut words = [0u32; 4];
    for (word, end) in words.iter_mut().zip(ends) {
        *word = u32::from_le_bytes(*window.get(..end as usize)?.last_chunk::<4>()?);
    }
    let mut bad = 0;
    let mut values = [0u32; 4];
    for (((value, word), start), end) in values.iter_mut().zip(words).zip(starts).zip(ends) {
        let len = end.wrapping_sub(start);
        // the digits stand in the upper bytes; what is before them is shifted out
        let shift = 32u32.wrapping_sub(8 * len) & 31;
        let digits = word >> shift << shift & 0x0f0f_0f00;
        *value = (digits >> 8 & 15) * 100 + (digits >> 16 & 15) * 10 + (digits >> 24);
        bad |= u32::from(*value > 255) | u32::from(len.wrapping_sub(1) > 2);
    }
    let [a, b, c, d] = values;
    (bad == 0).then_some(a << 24 | b << 16 | c << 8 | d)
}

/// Start and end of the run of hexadecimal digits around `at`, where 16 of them stand.
#[inline(always)]
#[expect(clippy::inline_always, reason = "has to land in the tier's entry function")]
pub(super) fn hex_run<C: Classes>(data: &[u8], at: usize) -> (usize, usize) {
    let mut start = at;
    while byte_before(data, start).is_some_and(|b| b.is_ascii_hexdigit()) {
        start -= 1;
    }
    let mut end = at + 16;
    while let Some(block) = data.get(end..).and_then(|s| s.first_chunk::<64>()) {
        let run = C::classify(block).hex.trailing_ones();
        end += run as usize;
        if run < 64 {
            return (start, end);
        }
    }
    while data.get(end).is_some_and(u8::is_ascii_hexdigit) {
        end += 1;
    }
    (start, end)
}

/// Whether a run of hexadecimal digits may be a digest: of a digest's length and between borders, or longer by
/// what an escape in front of it adds.
#[inline(always)]
#[expect(clippy::inline_always, reason = "has to land in the tier's entry function")]
pub(super) fn is_digest(data: &[u8], start: usize, end: usize) -> bool {
    let word = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
    if word(data.get(end).copied()) {
        return false;
    }
    let fits = |len: usize| matches!(len, 32 | 40 | 64 | 128);
    let before = byte_before(data, start);
    if fits(end - start) && !word(before) && before != Some(b'%') {
        return true;
    }
    hidden_digest(data, start, end)
}

#[cold]
fn hidden_digest(data: &[u8], start: usize, end: usize) -> bool {
    let fits = |len: usize| matches!(len, 32 | 40 | 64 | 128);
    let len = end - start;
    match byte_before(data, start) {
        Some(b'%') => fits(len) || fits(len - 2),
        Some(b'\\') => fits(len) || fits(len - 1),
        Some(b'n' | b'r' | b't') => fits(len) && byte_before(data, start - 1) == Some(b'\\'),
        _ => false,
    }
}

/// The key of a digest's text.
#[inline(always)]
#[expect(clippy::inline_always, reason = "has to land in the tier's entry function")]
pub(super) fn digest_key(hasher: Hasher, data: &[u8], end: usize) -> u64 {
    hasher.text(data, end - 16, end, KeyKind::Digest)
}
