//! IPv6 addresses in a string (M3.4 to M3.12).
//!
//! Is: the runs of word characters and colons, cut into whole addresses. Is not: the spelling of an address;
//! `observable::ip` reads that.
//! Invariant: a run is walked once for each of its readings; only pieces short enough to be an address are read.

use std::net::IpAddr;

use crate::engine::token::{Candidate, Starts, Tokens, WORD, What, bytes, dotted, is, port, starts};
use crate::observable::ip;

/// Bytes of the longest spelling: eight groups, or six and a dotted tail.
const ADDRESS_MAX: usize = 45;

impl Tokens {
    /// Reads a string for its IPv6 addresses only.
    pub(in crate::engine) fn read_colons(&mut self, text: &[u8]) -> &[Candidate] {
        self.clear();
        self.colons(text);
        &self.candidates
    }

    /// Finds the addresses of a string.
    pub(super) fn colons(&mut self, text: &[u8]) {
        let mut from = 0;
        while let Some(found) = text.get(from..).and_then(|rest| memchr::memchr(b':', rest)) {
            let colon = from + found;
            let mut start = colon;
            while start > from && is(text, start - 1, WORD) {
                start -= 1;
            }
            let mut end = colon;
            let mut colons = 0;
            let mut doubled = false;
            while let Some(&byte) = text.get(end)
                && (byte == b':' || is(text, end, WORD))
            {
                doubled |= byte == b':' && text.get(end + 1) == Some(&b':');
                colons += usize::from(byte == b':');
                end += 1;
            }
            self.count(end - from);
            // without `::` there are seven colons, or six and a dotted tail
            if doubled || colons >= 6 {
                let mut starts = starts(text, start);
                if let Some(second) = starts.second
                    && !is_group(bytes(text, start, start + piece_length(text, start, end)))
                {
                    // no address starts with the letter
                    starts = Starts { first: second, second: None };
                }
                for start in starts.each() {
                    let place = starts.second.map(|_| starts.first);
                    self.pieces(text, start.min(end), end, place);
                }
            }
            from = end;
        }
    }

    /// Cuts a run at what is no group (M3.5).
    fn pieces(&mut self, text: &[u8], start: usize, end: usize, place: Option<usize>) {
        self.count(end - start);
        let mut from = start;
        let mut at = start;
        let mut place = place;
        while at < end {
            let length = piece_length(text, at, end);
            if length == 0 || is_group(bytes(text, at, at + length)) {
                at += length + 1;
                continue;
            }
            if at > from {
                self.between(text, from, at - 1, place, false);
            }
            place = None;
            from = (at + length + 1).min(end);
            at = from;
        }
        self.between(text, from, end, place, true);
    }

    /// Reads what lies between borders: whole, or without a colon in front, behind, or both (M3.6).
    fn between(&mut self, text: &[u8], start: usize, end: usize, place: Option<usize>, last: bool) {
        let piece = bytes(text, start, end);
        if piece.len() < 2 || piece.len() > ADDRESS_MAX + 2 {
            return;
        }
        let front = usize::from(piece.first() == Some(&b':'));
        let behind = usize::from(piece.last() == Some(&b':'));
        let tail = if last { dotted_tail(text, start, end) } else { Tail::None };
        let (end, behind) = match tail {
            Tail::None => (end, behind),
            Tail::Whole { end, .. } => (end, 0),
            Tail::Broken => return,
        };
        let cuts = [(0, 0), (front, 0), (0, behind), (front, behind)];
        for (front, behind) in cuts {
            let (start, end) = (start + front, end.saturating_sub(behind));
            let Some(address) = address(bytes(text, start, end)) else { continue };
            if let Tail::Whole { start, .. } = tail {
                self.tails.push(start);
            }
            self.push(place.unwrap_or(start), start, end, What::Address(address));
            self.address_port(text, start, end, address, matches!(tail, Tail::Whole { .. }));
            return;
        }
    }

    /// The port of an address: bare behind a dotted tail, in brackets otherwise (M3.11); and the URL that starts
    /// with the brackets (M5.5).
    fn address_port(&mut self, text: &[u8], start: usize, end: usize, ip: IpAddr, tail: bool) {
        if tail && let Some((port, behind)) = port(text, end) {
            self.push(start, start, behind, What::AddressPort(ip, port));
        }
        let Some(bracket) = start.checked_sub(1).filter(|&at| text.get(at) == Some(&b'[')) else { return };
        let mut close = end;
        if text.get(end) == Some(&b'%') {
            let zone = bytes(text, end, text.len().min(end + 64));
            close += zone.iter().take_while(|b| b.is_ascii_alphanumeric() || b"%._~-".contains(b)).count();
        }
        if text.get(close) != Some(&b']') {
            return;
        }
        if let Some((port, behind)) = port(text, close + 1) {
            self.push(bracket, bracket, behind, What::AddressPort(ip, port));
        }
        if close == end && self.bracketed.binary_search(&bracket).is_err() {
            self.bare_url(text, bracket, bracket, close + 1);
        }
    }

    /// Takes out what the dotted tail of an IPv6 address would be on its own (M3.8). Names that start there are no
    /// address, and neither is the local part of an e-mail address.
    pub(super) fn drop_tails(&mut self) {
        if self.tails.is_empty() {
            return;
        }
        self.tails.sort_unstable();
        let tails = std::mem::take(&mut self.tails);
        self.candidates.retain(|c| {
            let is_tail = tails.binary_search(&c.start).is_ok();
            !is_tail || matches!(c.what, What::Name { .. } | What::Mail { .. } | What::Digest)
        });
        self.tails = tails;
    }
}

/// Bytes up to the next colon.
fn piece_length(text: &[u8], at: usize, end: usize) -> usize {
    bytes(text, at, end).iter().take_while(|b| **b != b':').count()
}

fn is_group(piece: &[u8]) -> bool {
    (1..=4).contains(&piece.len()) && piece.iter().all(u8::is_ascii_hexdigit)
}

/// What follows the last group of a run.
#[derive(Clone, Copy, Debug)]
enum Tail {
    None,
    /// A whole IPv4 address.
    Whole {
        start: usize,
        end: usize,
    },
    /// Something dotted that is none.
    Broken,
}

/// The dotted tail of a run that ends at `end` (M3.7).
fn dotted_tail(text: &[u8], start: usize, end: usize) -> Tail {
    let digits = bytes(text, start, end).iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let first = end - digits;
    let piece_starts = first == start || text.get(first.wrapping_sub(1)) == Some(&b':');
    if !(1..=3).contains(&digits) || !piece_starts {
        return Tail::None;
    }
    let mut at = end;
    for _ in 0..2 {
        let more =
            bytes(text, at + 1, text.len().min(at + 5)).iter().take_while(|b| b.is_ascii_digit()).count();
        if text.get(at) != Some(&b'.') || more == 0 {
            return Tail::None;
        }
        at += 1 + more;
    }
    match dotted(text, first, text.len()) {
        (end, Some(_)) => Tail::Whole { start: first, end },
        _ => Tail::Broken,
    }
}

fn address(text: &[u8]) -> Option<IpAddr> {
    if text.len() > ADDRESS_MAX || !text.contains(&b':') {
        return None;
    }
    ip::parse(std::str::from_utf8(text).ok()?).ok()
}
