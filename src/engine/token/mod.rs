//! One string -> its candidates, by sections M2 to M7 of docs/MATCHING.md.
//!
//! Is: the exact cut into whole tokens, each with its kind, its range and its place. Escapes of JSON are undone
//! before (`event`), `\/` as well ([`join_slashes`]).
//! Is not: canonical forms or look-ups (`verify`); nor a judgement of whether a name or URL is one in every
//! detail: what `observable` refuses later is no candidate.
//! Invariants: ranges lie in the string, on borders of characters.
//! Fails: never. Costs: a few steps a byte, linear in the string whatever it holds; no memory a token.

mod colons;
pub mod url;

use std::net::{IpAddr, Ipv4Addr};

use crate::observable::name::is_word;

use self::url::Region;
use crate::observable::name;

/// A whole token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Where hits of it are ordered: its start, or that of the reading that starts first (M12.2).
    pub place: usize,
    /// First byte.
    pub start: usize,
    /// Behind the last byte.
    pub end: usize,
    /// What it is.
    pub what: What,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// An address.
    Address(IpAddr),
    /// An address with a port.
    AddressPort(IpAddr, u16),
    /// A name.
    Name {
        /// Whether it is of ASCII characters only: then it is a name, otherwise UTS 46 has the last word.
        ascii: bool,
        /// Whether it is the domain of an e-mail address.
        mail: bool,
    },
    /// An e-mail address.
    Mail {
        /// Where its `@` stands.
        at: usize,
        /// Whether its domain is of ASCII characters only.
        ascii: bool,
    },
    /// A URL, to be read up to each of three ends: the candidate's, and these.
    Url {
        /// Where host (or user information) starts: behind `://`, or at the start.
        authority: usize,
        /// The end without trailing punctuation.
        trimmed: usize,
        /// The end before the first `;` or `,`; `trimmed` if there is none.
        short: usize,
    },
    /// A digest.
    Digest,
}

/// A reader of strings. Keeps its memory for the next one.
#[derive(Debug, Default)]
pub struct Tokens {
    candidates: Vec<Candidate>,
    /// Dotted tails of IPv6 addresses: where they start.
    tails: Vec<usize>,
    /// Where the host of the last URL with a scheme starts.
    host: Option<usize>,
    /// Where such hosts start with a bracket.
    bracketed: Vec<usize>,
    region: Region,
    /// Bytes looked at, each as often as it was: what the tests of linear cost compare.
    #[cfg(test)]
    work: usize,
}

/// A run of characters that names are made of.
#[derive(Clone, Copy, Debug)]
struct Run {
    start: usize,
    end: usize,
    dots: usize,
    ascii: bool,
    digits: bool,
}

/// Where a token may start: one place, or two readings (M2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Starts {
    first: usize,
    second: Option<usize>,
}

impl Starts {
    fn each(self) -> impl Iterator<Item = usize> {
        std::iter::once(self.first).chain(self.second)
    }
    fn last(self) -> usize {
        self.second.unwrap_or(self.first)
    }
}

impl Tokens {
    /// Reads a string.
    pub fn read(&mut self, text: &[u8]) -> &[Candidate] {
        self.clear();
        let mut at = 0;
        let mut colons = 0;
        while let Some(&byte) = text.get(at) {
            let class = class(byte);
            if class & (NAME | HIGH) == 0 {
                colons += usize::from(byte == b':');
                at += 1;
                continue;
            }
            let run = run(text, at);
            self.count(run.end - at + 1);
            if run.end == at {
                at += char_at(text, at).map_or(1, |(_, width)| width);
                continue;
            }
            self.run(text, run);
            at = run.end;
        }
        if colons >= 2 {
            self.colons(text);
            self.drop_tails();
        }
        &self.candidates
    }

    fn clear(&mut self) {
        self.candidates.clear();
        self.tails.clear();
        self.bracketed.clear();
        self.host = None;
        self.region = Region::default();
    }

    /// The candidates of the string that was read last.
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// Gives memory back that only a very large string needed.
    pub fn shrink(&mut self) {
        self.candidates.clear();
        self.candidates.shrink_to(1 << 12);
        self.tails.shrink_to(1 << 12);
        self.bracketed.shrink_to(1 << 12);
    }

    #[cfg(test)]
    fn count(&mut self, bytes: usize) {
        self.work += bytes;
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, clippy::needless_pass_by_ref_mut, reason = "counts in tests only")]
    fn count(&mut self, _bytes: usize) {}

    fn push(&mut self, place: usize, start: usize, end: usize, what: What) {
        self.candidates.push(Candidate { place, start, end, what });
    }

    fn run(&mut self, text: &[u8], run: Run) {
        let starts = starts(text, run.start);
        if run.dots > 0 {
            if run.dots >= 3 && run.digits {
                self.quads(text, run, starts);
            }
            self.names(text, run, starts);
        }
        if run.end - run.start >= 32 {
            self.digests(text, run, starts);
        }
        if text.get(run.end..run.end + 3) == Some(b"://") {
            self.url(text, run.end);
        }
    }

    /// Names (M4), and what ends or starts with one: e-mail addresses (M6), URLs without a scheme (M5.5).
    fn names(&mut self, text: &[u8], run: Run, starts: Starts) {
        let is_host = self.host == Some(run.start);
        let dots = bytes(text, run.start, run.end).iter().rev().take_while(|b| **b == b'.').count();
        let end = run.end - dots;
        for begin in starts.each() {
            let start = begin + usize::from(text.get(begin) == Some(&b'.'));
            if !may_be_name(bytes(text, start, end), run.ascii) {
                continue;
            }
            let place = if starts.second.is_some() { starts.first } else { start };
            let mail = !is_host && start == run.start && self.mail(text, start, end, run.ascii);
            self.push(place, start, end, What::Name { ascii: run.ascii, mail });
            if !is_host {
                self.bare_url(text, place, start, run.end);
            }
        }
    }

    /// The e-mail address whose domain is `start..end`; whether there is one.
    fn mail(&mut self, text: &[u8], start: usize, end: usize, ascii: bool) -> bool {
        let Some(at) = start.checked_sub(1).filter(|&at| text.get(at) == Some(&b'@')) else { return false };
        let mut local = at;
        while at - local <= LOCAL_MAX + 1
            && let Some(before) = local.checked_sub(1)
            && is(text, before, LOCAL)
        {
            if text.get(before) == Some(&b'%') && hex_pair(text, local) && local + 2 <= at {
                local += 2;
                break;
            }
            local = before;
        }
        let second = Some(local + 1).filter(|_| local < at && escaped_letter(text, local));
        let starts = Starts { first: local, second };
        let mut found = false;
        for local in starts.each() {
            if (1..=LOCAL_MAX).contains(&(at - local)) {
                self.push(starts.first, local, end, What::Mail { at, ascii });
                found = true;
            }
        }
        found
    }

    /// IPv4 addresses (M3.1 to M3.3) in a run, each with its port or as the host of a URL without a scheme.
    fn quads(&mut self, text: &[u8], run: Run, starts: Starts) {
        let mut at = starts.last();
        while at < run.end {
            if !is(text, at, WORD) {
                at += 1;
                continue;
            }
            let start = at;
            let (end, address) = dotted(text, start, run.end);
            at = end;
            let Some(address) = address else { continue };
            let ip = IpAddr::V4(address);
            self.push(start, start, end, What::Address(ip));
            if let Some((port, behind)) = port(text, end) {
                self.push(start, start, behind, What::AddressPort(ip, port));
            }
            if self.host != Some(start) {
                self.bare_url(text, start, start, end);
            }
        }
    }

    /// Digests (M7) in a run.
    fn digests(&mut self, text: &[u8], run: Run, starts: Starts) {
        let mut at = starts.first;
        while at < run.end {
            let part = bytes(text, at, run.end);
            let length = part.iter().take_while(|b| b.is_ascii_alphanumeric()).count();
            let end = at + length;
            let second = starts.second.filter(|_| at == starts.first);
            for start in std::iter::once(at).chain(second) {
                let token = bytes(text, start, end);
                if matches!(token.len(), 32 | 40 | 64 | 128) && token.iter().all(u8::is_ascii_hexdigit) {
                    self.push(at, start, end, What::Digest);
                }
            }
            at = end + 1;
        }
    }
}

/// Longest local part of an e-mail address (M6.1).
const LOCAL_MAX: usize = 64;

const WORD: u8 = 1;
const NAME: u8 = 2;
const HIGH: u8 = 4;
const LOCAL: u8 = 8;
const DIGIT: u8 = 16;
const SCHEME: u8 = 32;
const URL_END: u8 = 64;

/// Classes of bytes.
const CLASSES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let b = byte as u8;
        table[byte] = match b {
            b'0'..=b'9' => WORD | NAME | LOCAL | DIGIT | SCHEME,
            b'a'..=b'z' | b'A'..=b'Z' => WORD | NAME | LOCAL | SCHEME,
            b'_' => WORD | NAME | LOCAL,
            b'-' | b'.' => NAME | LOCAL | SCHEME,
            b'+' => LOCAL | SCHEME,
            b'%' => LOCAL,
            0x80.. => HIGH,
            0..=b' ' | 0x7f | b'"' | b'\'' | b'<' | b'>' | b'`' | b'{' | b'}' | b'|' | b'^' | b'\\' => {
                URL_END
            }
            _ => 0,
        };
        byte += 1;
    }
    table
};

fn class(byte: u8) -> u8 {
    CLASSES[usize::from(byte)]
}

fn is(text: &[u8], at: usize, wanted: u8) -> bool {
    text.get(at).is_some_and(|&b| class(b) & wanted != 0)
}

fn bytes(text: &[u8], start: usize, end: usize) -> &[u8] {
    text.get(start..end).unwrap_or_default()
}

/// The run that starts at `start`; empty if no character of a name stands there.
fn run(text: &[u8], start: usize) -> Run {
    let mut run = Run { start, end: start, dots: 0, ascii: true, digits: false };
    let mut seen = 0;
    while let Some(&byte) = text.get(run.end) {
        let class = class(byte);
        if class & NAME != 0 {
            seen |= class;
            run.dots += usize::from(byte == b'.');
            run.end += 1;
        } else if class & HIGH != 0
            && let Some((letter, width)) = char_at(text, run.end)
            && is_word(letter)
        {
            run.ascii = false;
            run.end += width;
        } else {
            break;
        }
    }
    run.digits = seen & DIGIT != 0;
    run
}

/// The character at `at` and its bytes; `None` where there is no valid UTF-8.
fn char_at(text: &[u8], at: usize) -> Option<(char, usize)> {
    let width = match *text.get(at)? {
        0..0x80 => 1,
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0.. => 4,
        _ => return None,
    };
    let letter = std::str::from_utf8(text.get(at..at + width)?).ok()?.chars().next()?;
    Some((letter, width))
}

/// Whether two hexadecimal digits stand at `at`.
fn hex_pair(text: &[u8], at: usize) -> bool {
    bytes(text, at, at + 2).len() == 2 && bytes(text, at, at + 2).iter().all(u8::is_ascii_hexdigit)
}

/// Whether the byte at `at` is the letter of an escape that is still there (M2.6).
pub(super) fn escaped_letter(text: &[u8], at: usize) -> bool {
    matches!(text.get(at), Some(b'n' | b'r' | b't' | b'b' | b'f'))
        && at.checked_sub(1).is_some_and(|before| text.get(before) == Some(&b'\\'))
}

/// Where a token in front of which `start` stands starts instead, or may start as well (M2.6, M2.8).
pub(super) fn other_start(text: &[u8], start: usize) -> Option<usize> {
    let starts = starts(text, start);
    starts.second.or(Some(starts.first)).filter(|&other| other != start)
}

/// Whether a byte ends every URL (M5.2).
pub(super) fn ends_url(byte: u8) -> bool {
    class(byte) & URL_END != 0
}

/// Where the token of a run that starts at `start` may start (M2.6, M2.8).
fn starts(text: &[u8], start: usize) -> Starts {
    match start.checked_sub(1).and_then(|before| text.get(before)) {
        Some(b'%') if hex_pair(text, start) => Starts { first: start + 2, second: None },
        Some(b'\\') if escaped_letter(text, start) => Starts { first: start, second: Some(start + 1) },
        _ => Starts { first: start, second: None },
    }
}

/// Whether this is a name by M4.2 and M4.3; of one with other characters than ASCII only the outside is seen.
fn may_be_name(name: &[u8], ascii: bool) -> bool {
    if ascii { name::is_name(name) } else { name.contains(&b'.') }
}

/// Reads words joined by single dots from `start` on: where they end, and their address if they are one.
fn dotted(text: &[u8], start: usize, limit: usize) -> (usize, Option<Ipv4Addr>) {
    let mut at = start;
    let mut words = 0;
    let mut octets = [0u8; 4];
    let mut good = true;
    loop {
        let word = at;
        let mut value = 0u32;
        while at < limit && is(text, at, WORD) {
            let digit = text.get(at).map_or(10, |b| u32::from(b.wrapping_sub(b'0')));
            good &= digit < 10;
            value = (value * 10 + digit).min(1000);
            at += 1;
        }
        good &= at - word <= 3 && words < 4;
        match (octets.get_mut(words), u8::try_from(value)) {
            (Some(octet), Ok(value)) => *octet = value,
            _ => good = false,
        }
        words += 1;
        if at < limit && text.get(at) == Some(&b'.') && is(text, at + 1, WORD) {
            at += 1;
            continue;
        }
        return (at, (good && words == 4).then_some(Ipv4Addr::from(octets)));
    }
}

/// The port behind an address that ends at `end`, and where it ends (M3.11).
pub fn port(text: &[u8], end: usize) -> Option<(u16, usize)> {
    if text.get(end) != Some(&b':') {
        return None;
    }
    let start = end + 1;
    let mut at = start;
    while at - start < 6 && is(text, at, DIGIT) {
        at += 1;
    }
    let leads_on = is(text, at, WORD) || text.get(at) == Some(&b'.') && is(text, at + 1, WORD);
    let port = std::str::from_utf8(bytes(text, start, at)).ok()?.parse().ok().filter(|&port| port > 0)?;
    (at - start <= 5 && !leads_on).then_some((port, at))
}

/// Makes `/` of each `\/` (M2.7), in place; where a back-slash was taken out, as offsets in the new text.
pub fn join_slashes(text: &mut Vec<u8>, taken: &mut Vec<usize>) {
    taken.clear();
    let Some(first) = memchr::memmem::find(text, b"\\/") else { return };
    let mut to = first;
    let mut from = first;
    while let Some(&byte) = text.get(from) {
        if byte == b'\\' && text.get(from + 1) == Some(&b'/') {
            taken.push(to);
            from += 1;
            continue;
        }
        if let Some(slot) = text.get_mut(to) {
            *slot = byte;
        }
        to += 1;
        from += 1;
    }
    text.truncate(to);
}

#[cfg(test)]
mod tests;
