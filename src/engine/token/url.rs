//! URLs in a string: where they start, and the ends up to which they are read (M5).
//!
//! Is: the outside of a URL. Is not: its parts; `observable::url` reads those.
//! Invariant: the end of a stretch in which URLs lie is looked for once, however many start in it.

use std::ops::Range;

use crate::engine::token::{
    HIGH, NAME, SCHEME, Starts, Tokens, URL_END, What, char_at, class, escaped_letter, hex_pair, is, is_word,
};

/// A stretch without a character that ends a URL, and what was found in it.
#[derive(Debug, Default)]
pub(super) struct Region {
    start: usize,
    end: usize,
    trimmed: usize,
    /// From here on `cut` is the first `;` or `,`.
    cut_from: usize,
    cut: Option<Cut>,
}

#[derive(Clone, Copy, Debug)]
struct Cut {
    /// Where the `;` or `,` stands, or the end of the region.
    at: usize,
    /// Without trailing punctuation in front of it.
    trimmed: usize,
}

/// The ends up to which a URL is read (M5.3).
#[derive(Clone, Copy, Debug)]
struct Ends {
    whole: usize,
    trimmed: usize,
    short: usize,
}

impl Tokens {
    /// A URL with a scheme, whose `://` stands at `colon`.
    pub(super) fn url(&mut self, text: &[u8], colon: usize) {
        let starts = scheme_starts(text, colon);
        self.count(colon - starts.first);
        if starts.first == colon {
            return;
        }
        let authority = colon + 3;
        let ends = self.ends(text, authority);
        let host = host_start(text, authority, ends.whole);
        self.count(host - authority);
        let good = |&end: &usize| is_authority(text, host, end);
        if [ends.whole, ends.trimmed, ends.short].iter().any(good) {
            self.host = Some(host);
            if text.get(host) == Some(&b'[') {
                self.bracketed.push(host);
            }
        }
        for start in starts.each() {
            let what = What::Url { authority, trimmed: ends.trimmed, short: ends.short };
            self.push(starts.first, start, ends.whole, what);
        }
    }

    /// A URL without a scheme, whose host is the token `start..host_end`.
    pub(super) fn bare_url(&mut self, text: &[u8], place: usize, start: usize, host_end: usize) {
        let Some(behind) = port_end(text, host_end) else { return };
        if matches!(text.get(behind), Some(b'/' | b'?')) {
            let ends = self.ends(text, start);
            let what = What::Url { authority: start, trimmed: ends.trimmed, short: ends.short };
            self.push(place, start, ends.whole, what);
        }
    }

    /// The ends of a URL whose authority starts at `from`.
    fn ends(&mut self, text: &[u8], from: usize) -> Ends {
        if !(self.region.start..self.region.end).contains(&from) {
            let end = region_end(text, from);
            let trimmed = trim(text, from, end);
            self.count(2 * (end - from));
            self.region = Region { start: from, end, trimmed, cut_from: from, cut: None };
        }
        let whole = self.region.end;
        let cut = match self.region.cut {
            Some(cut) if self.region.cut_from <= from && from <= cut.at => cut,
            _ => {
                let rest = text.get(from..whole).unwrap_or_default();
                let length = memchr::memchr2(b';', b',', rest).unwrap_or(rest.len());
                let at = from + length;
                let cut = Cut { at, trimmed: trim(text, from, at) };
                self.count(2 * length);
                self.region.cut_from = from;
                self.region.cut = Some(cut);
                cut
            }
        };
        let mut ends = Ends { whole, trimmed: self.region.trimmed.max(from), short: cut.trimmed.max(from) };
        // the bracket of an IPv6 host is no punctuation
        let host = host_start(text, from, whole);
        if text.get(host) == Some(&b'[')
            && let Some(bracket) = bracket_end(text, host)
        {
            ends.trimmed = ends.trimmed.max(bracket.min(whole));
            if bracket <= cut.at {
                ends.short = ends.short.max(bracket);
            }
        }
        ends
    }
}

/// Where a scheme that ends at `colon` starts; at `colon` if there is none.
fn scheme_starts(text: &[u8], colon: usize) -> Starts {
    let mut start = colon;
    while let Some(before) = start.checked_sub(1)
        && is(text, before, SCHEME)
    {
        start = before;
    }
    let before = start.checked_sub(1).and_then(|before| text.get(before));
    if before == Some(&b'%') && hex_pair(text, start) && start + 2 <= colon {
        start += 2;
    }
    let letter_from = |start: usize| {
        let rest = text.get(start..colon).unwrap_or_default();
        start + rest.iter().take_while(|b| !b.is_ascii_alphabetic()).count()
    };
    let second = escaped_letter(text, start).then(|| letter_from(start + 1)).filter(|&second| second < colon);
    Starts { first: letter_from(start), second }
}

/// Where the host starts in a URL whose authority starts at `authority`: behind the last `@`.
pub(super) fn host_start(text: &[u8], authority: usize, end: usize) -> usize {
    let rest = text.get(authority..end).unwrap_or_default();
    let length = memchr::memchr3(b'/', b'?', b'#', rest).unwrap_or(rest.len());
    let found = rest.get(..length).and_then(|a| memchr::memrchr(b'@', a));
    found.map_or(authority, |at| authority + at + 1)
}

/// Whether a host stands at `host` that ends, with its port, at `end` or before a path, query or fragment.
fn is_authority(text: &[u8], host: usize, end: usize) -> bool {
    let mut at = host;
    if text.get(host) == Some(&b'[') {
        match bracket_end(text, host) {
            Some(bracket) => at = bracket,
            None => return false,
        }
    } else {
        while at < end && is(text, at, NAME | HIGH) {
            at += 1;
        }
    }
    let is_end = |at: usize| at == end || at < end && matches!(text.get(at), Some(b'/' | b'?' | b'#'));
    // what stands behind the end of this reading is no port
    at > host && text.get(host) != Some(&b'.') && (at == end || port_end(text, at).is_some_and(is_end))
}

/// Behind the `]` of the `[` at `host`: an address and a zone are short.
fn bracket_end(text: &[u8], host: usize) -> Option<usize> {
    let rest = text.get(host..)?;
    let rest = rest.get(..64).unwrap_or(rest);
    memchr::memchr(b']', rest).map(|at| host + at + 1)
}

/// Behind the port at `at`, if there is one (M5.4); `None` if what looks like one is none.
fn port_end(text: &[u8], at: usize) -> Option<usize> {
    if text.get(at) != Some(&b':') {
        return Some(at);
    }
    let digits = text.get(at + 1..)?;
    let digits = digits.get(..6).unwrap_or(digits);
    let length = digits.iter().take_while(|b| b.is_ascii_digit()).count();
    let value = digits.get(..length)?.iter().fold(0u32, |n, b| n * 10 + u32::from(b - b'0'));
    (length <= 5 && value <= 65535).then_some(at + 1 + length)
}

/// The first place at or behind `from` where a URL cannot go on (M5.2).
fn region_end(text: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(&byte) = text.get(at) {
        let class = class(byte);
        if class & URL_END != 0 {
            break;
        }
        if class & HIGH != 0 {
            match char_at(text, at) {
                Some((letter, width)) if is_word(letter) => at += width,
                _ => break,
            }
        } else {
            at += 1;
        }
    }
    at
}

/// `end`, or where trailing punctuation before it starts (M5.3).
pub fn trim(text: &[u8], from: usize, end: usize) -> usize {
    let rest = text.get(from..end).unwrap_or_default();
    let punctuation = |b: &&u8| matches!(b, b'.' | b',' | b';' | b':' | b'!' | b'?' | b')' | b']');
    end - rest.iter().rev().take_while(punctuation).count()
}

/// The host of a URL whose authority starts at `authority` and that is read up to `end`; and where its path,
/// query or fragment starts, behind a port. Nothing is said of whether it is a host.
pub fn host_range(text: &[u8], authority: usize, end: usize) -> (Range<usize>, usize) {
    let start = host_start(text, authority, end).min(end);
    let rest = text.get(start..end).unwrap_or_default();
    let behind = memchr::memchr3(b'/', b'?', b'#', rest).map_or(end, |length| start + length);
    let host = text.get(start..behind).unwrap_or_default();
    let length = match host.first() {
        Some(b'[') => memchr::memchr(b']', host).map_or(host.len(), |at| at + 1),
        _ => memchr::memchr(b':', host).unwrap_or(host.len()),
    };
    (start..start + length, behind)
}
