//! Cuts one string into candidates by docs/MATCHING.md M2 to M7: character by character, nothing clever.

use std::net::IpAddr;

use crate::reference::canon::{self, Url};
use crate::reference::event::Joined;

/// What a token may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Address(IpAddr),
    AddressPort(IpAddr, u16),
    Name {
        canonical: String,
        /// The domain of an e-mail address (M6.3).
        mail: bool,
        /// Directly after `//` or `@`, or directly before a port (M9.2).
        anchored: bool,
    },
    Url(Url),
    Email(String),
    Digest(String),
}

/// A token of a string, in characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// M12.2.
    pub(crate) place: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) what: What,
}

/// A string with its escapes marked.
pub(crate) struct Text {
    chars: Vec<char>,
    /// Part of a `%HH` (M2.8).
    escape: Vec<bool>,
    /// The letter of M2.6.
    letter: Vec<bool>,
}

/// A reading of a run: M2.6 gives two of them, at one place.
struct Reading {
    place: usize,
    start: usize,
    end: usize,
}

impl Text {
    /// M2.7 is done here; M2.2 was done by the caller.
    pub(crate) fn new(text: &str) -> Text {
        let raw: Vec<char> = text.chars().collect();
        let mut chars = Vec::new();
        for (i, &c) in raw.iter().enumerate() {
            if !(c == '\\' && raw.get(i + 1) == Some(&'/')) {
                chars.push(c);
            }
        }
        Text::marked(chars)
    }

    /// A text that is through M2.7.
    pub(crate) fn plain(text: &str) -> Text {
        Text::marked(text.chars().collect())
    }

    fn marked(chars: Vec<char>) -> Text {
        let mut escape = vec![false; chars.len()];
        let mut i = 0;
        while i < chars.len() {
            let hex = |k: usize| chars.get(k).is_some_and(char::is_ascii_hexdigit);
            if chars[i] == '%' && hex(i + 1) && hex(i + 2) {
                escape[i..i + 3].fill(true);
                i += 3;
            } else {
                i += 1;
            }
        }
        let letter =
            (0..chars.len()).map(|i| i > 0 && chars[i - 1] == '\\' && "nrtbf".contains(chars[i])).collect();
        Text { chars, escape, letter }
    }

    /// Characters of the string after M2.7.
    pub(crate) fn len(&self) -> usize {
        self.chars.len()
    }

    pub(crate) fn slice(&self, start: usize, end: usize) -> String {
        self.chars[start..end].iter().collect()
    }

    /// Whether the candidate is what a text joined of several fields says: by M13.5 a URL without a scheme, at the
    /// start and with all of the host's field as its host and port; by M3.12 an address with port, from end to end.
    pub(crate) fn is_joined(&self, candidate: &Candidate, joined: &Joined) -> bool {
        candidate.start == 0
            && match (&candidate.what, joined) {
                (What::Url(url), Joined::Url(host)) => {
                    let end = self.chars.iter().position(|c| "/?#".contains(*c));
                    url.scheme.is_none() && end == Some(Text::new(host).len())
                }
                (What::AddressPort(..), Joined::AddressPort) => candidate.end == self.len(),
                _ => false,
            }
    }

    /// All candidates, in no order.
    pub(crate) fn candidates(&self) -> Vec<Candidate> {
        let mut found = Vec::new();
        let tails = self.ip6(&mut found);
        self.ip4(&tails, &mut found);
        let schemed = self.urls_with_scheme(&mut found);
        let mails = self.emails(&schemed, &mut found);
        self.names(&schemed, &mails, &mut found);
        self.bare_urls_of_addresses(&schemed, &mut found);
        self.digests(&mut found);
        found
    }

    /// The character, unless it is part of a `%HH`, which is a border.
    fn at(&self, i: usize) -> Option<char> {
        if *self.escape.get(i)? { None } else { Some(self.chars[i]) }
    }

    /// How many digits start here.
    fn digits(&self, start: usize) -> usize {
        (start..self.len()).take_while(|&i| self.at(i).is_some_and(|c| c.is_ascii_digit())).count()
    }

    fn word_at(&self, i: usize) -> bool {
        self.at(i).is_some_and(is_word)
    }

    /// Longest runs of characters for which `class` holds, with both readings of M2.6.
    fn runs(&self, class: impl Fn(char) -> bool) -> Vec<Reading> {
        let mut readings = Vec::new();
        let mut i = 0;
        while i < self.chars.len() {
            let start = i;
            while self.at(i).is_some_and(&class) {
                i += 1;
            }
            if i > start {
                readings.push(Reading { place: start, start, end: i });
                if self.letter[start] && i > start + 1 {
                    readings.push(Reading { place: start, start: start + 1, end: i });
                }
            } else {
                i += 1;
            }
        }
        readings
    }

    /// M3.2, in front.
    fn border_before(&self, start: usize) -> bool {
        let free = |i: usize| !self.word_at(i) || self.letter[i];
        match start.checked_sub(1) {
            None => true,
            Some(i) if self.at(i) == Some('.') => i.checked_sub(1).is_none_or(free),
            Some(i) => free(i),
        }
    }

    /// M3.2, behind.
    fn border_after(&self, end: usize) -> bool {
        let word = self.word_at(end) || (self.at(end) == Some('.') && self.word_at(end + 1));
        !word
    }

    /// Where a dotted quad that starts here ends.
    fn quad_end(&self, start: usize) -> Option<usize> {
        let mut i = start;
        for octet in 0..4 {
            if octet > 0 {
                (self.at(i) == Some('.')).then_some(())?;
                i += 1;
            }
            let digits = (i..i + 3).take_while(|&k| self.at(k).is_some_and(|c| c.is_ascii_digit())).count();
            (digits > 0).then_some(())?;
            i += digits;
        }
        let address = canon::ip4(&self.slice(start, i));
        (address.is_some() && self.border_after(i)).then_some(i)
    }

    /// The end and the number of `:port` at this place (M3.11).
    fn port(&self, colon: usize) -> Option<(usize, u16)> {
        (self.at(colon) == Some(':')).then_some(())?;
        let start = colon + 1;
        let digits = self.digits(start);
        let end = start + digits;
        if !(1..=5).contains(&digits) || !self.border_after(end) {
            return None;
        }
        let port: u16 = self.slice(start, end).parse().ok()?;
        (port > 0).then_some((end, port))
    }

    /// An address, and the same with its port.
    fn push_address(&self, start: usize, end: usize, address: IpAddr, found: &mut Vec<Candidate>) {
        found.push(Candidate { place: start, start, end, what: What::Address(address) });
        if let Some((port_end, port)) = self.port(end) {
            found.push(Candidate {
                place: start,
                start,
                end: port_end,
                what: What::AddressPort(address, port),
            });
        }
    }

    /// M3.1 to M3.3, M3.8.
    fn ip4(&self, tails: &[usize], found: &mut Vec<Candidate>) {
        for start in 0..self.chars.len() {
            if self.at(start).is_some_and(|c| c.is_ascii_digit())
                && self.border_before(start)
                && !tails.contains(&start)
                && let Some(end) = self.quad_end(start)
                && let Some(address) = canon::ip4(&self.slice(start, end))
            {
                self.push_address(start, end, IpAddr::V4(address), found);
            }
        }
    }

    /// M3.4 to M3.11; gives the starts of dotted tails.
    fn ip6(&self, found: &mut Vec<Candidate>) -> Vec<usize> {
        let mut tails = Vec::new();
        for run in self.runs(|c| is_word(c) || c == ':') {
            // M2.6: what cannot start with the letter starts behind it
            let piece = (run.start..run.end).take_while(|&i| self.chars[i] != ':');
            let group =
                piece.clone().count() <= 4 && piece.clone().all(|i| self.chars[i].is_ascii_hexdigit());
            if self.letter[run.start] && !group {
                continue;
            }
            for (start, end) in self.ip6_stretches(&run) {
                let Some((start, end)) = self.ip6_in(start, end) else { continue };
                let text = self.slice(start, end);
                let Some(address) = canon::ip6(&text).map(canon::fold) else { continue };
                let what = What::Address(address);
                if text.contains('.') {
                    let digits = text.chars().rev().take_while(|&c| c != ':').count();
                    tails.push(end - digits);
                    self.push_address(start, end, address, found);
                } else {
                    found.push(Candidate { place: start, start, end, what });
                }
                if let Some((port_start, port_end, port)) = self.bracketed_port(start, end) {
                    let what = What::AddressPort(address, port);
                    found.push(Candidate { place: port_start, start: port_start, end: port_end, what });
                }
            }
        }
        tails
    }

    /// M3.5 and M3.7: stretches of a run that hold nothing but groups, empty pieces and a dotted tail.
    fn ip6_stretches(&self, run: &Reading) -> Vec<(usize, usize)> {
        let mut pieces = Vec::new();
        let mut start = run.start;
        for i in run.start..=run.end {
            if i == run.end || self.chars[i] == ':' {
                pieces.push((start, i));
                start = i + 1;
            }
        }
        let mut stretches = Vec::new();
        let mut open: Option<(usize, usize)> = None;
        for (start, end) in pieces {
            let hex = end - start <= 4 && (start..end).all(|i| self.chars[i].is_ascii_hexdigit());
            let end =
                if end == run.end && self.dotted_tail(start, end) { self.quad_end(start) } else { Some(end) };
            match end {
                Some(end) if hex => open = Some((open.map_or(start, |(s, _)| s), end)),
                Some(_) => stretches.extend(open.take()),
                None => open = None,
            }
        }
        stretches.extend(open);
        stretches
    }

    /// M3.7: whether a piece at the end of a run is the start of a dotted tail, good or bad.
    fn dotted_tail(&self, start: usize, end: usize) -> bool {
        let digit = |i: usize| self.at(i).is_some_and(|c| c.is_ascii_digit());
        let number = (1..=3).contains(&(end - start)) && (start..end).all(digit);
        let second = end + 1 + self.digits(end + 1);
        number
            && self.at(end) == Some('.')
            && second > end + 1
            && self.at(second) == Some('.')
            && digit(second + 1)
    }

    /// M3.6.
    fn ip6_in(&self, start: usize, end: usize) -> Option<(usize, usize)> {
        let front = usize::from(end > start && self.chars[start] == ':');
        let behind = usize::from(end > start && self.chars[end - 1] == ':');
        [(0, 0), (front, 0), (0, behind), (front, behind)]
            .into_iter()
            .map(|(f, b)| (start + f, end - b))
            .find(|&(s, e)| s < e && canon::ip6(&self.slice(s, e)).is_some())
    }

    /// M3.11: `[address]:port` around an address, a zone allowed.
    fn bracketed_port(&self, start: usize, end: usize) -> Option<(usize, usize, u16)> {
        let open = start.checked_sub(1).filter(|&i| self.chars[i] == '[')?;
        let close = self.close_bracket(end)?;
        let (port_end, port) = self.port(close + 1)?;
        Some((open, port_end, port))
    }

    /// The `]` behind an address, over a zone.
    fn close_bracket(&self, end: usize) -> Option<usize> {
        let mut i = end;
        if self.chars.get(i) == Some(&'%') {
            let zone = |c: &char| c.is_ascii_alphanumeric() || "%._~-".contains(*c);
            while self.chars.get(i).is_some_and(zone) {
                i += 1;
            }
        }
        (self.chars.get(i) == Some(&']')).then_some(i)
    }

    /// M5.1 to M5.4. Gives, for each that is a URL, where the part behind `://` and its host start.
    fn urls_with_scheme(&self, found: &mut Vec<Candidate>) -> Vec<(usize, usize)> {
        let mut hosts = Vec::new();
        for colon in 0..self.chars.len() {
            if self.chars[colon..].iter().take(3).collect::<String>() != "://" {
                continue;
            }
            let in_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
            let length = (0..colon).rev().take_while(|&i| self.at(i).is_some_and(in_scheme)).count();
            let run = colon - length;
            let first_letter = |from: usize| (from..colon).find(|&i| self.chars[i].is_ascii_alphabetic());
            let mut starts: Vec<usize> = first_letter(run).into_iter().collect();
            if length > 0 && self.letter[run] {
                starts.extend(first_letter(run + 1));
            }
            let body = colon + 3;
            for &start in &starts {
                for end in self.url_ends(body) {
                    let scheme = self.slice(start, colon);
                    if let Some(url) = canon::url(Some(&scheme), &self.chars[body..end]) {
                        hosts.push((body, body + canon::host_start(&self.chars[body..end])));
                        let place = starts[0];
                        found.push(Candidate { place, start, end, what: What::Url(url) });
                    }
                }
            }
        }
        hosts
    }

    /// M5.2 and M5.3: where a URL whose host (or user information) starts at `body` may end.
    fn url_ends(&self, body: usize) -> Vec<usize> {
        let stop = |c: char| {
            c.is_whitespace()
                || c.is_control()
                || "\"'<>`{}|^\\".contains(c)
                || (!c.is_ascii() && !canon::unicode_word(c))
        };
        let whole = (body..self.len()).find(|&i| stop(self.chars[i])).unwrap_or(self.len());
        let cut = (body..whole).find(|&i| ";,".contains(self.chars[i])).unwrap_or(whole);
        let mut ends = vec![whole, self.trimmed(body, whole), self.trimmed(body, cut)];
        ends.dedup();
        ends
    }

    fn trimmed(&self, body: usize, end: usize) -> usize {
        let mut end = end;
        while end > body && ".,;:!?)]".contains(self.chars[end - 1]) && !self.closes_host(body, end - 1) {
            end -= 1;
        }
        end
    }

    /// Whether this is the `]` of an IPv6 host.
    fn closes_host(&self, body: usize, at: usize) -> bool {
        let before = &self.chars[body..at];
        let host = &before[canon::host_start(before)..];
        self.chars[at] == ']'
            && !before.iter().any(|c| "/?#".contains(*c))
            && host.first() == Some(&'[')
            && !host.contains(&']')
    }

    /// M5.5: a URL without a scheme whose host starts at `host` and ends at `end`.
    fn bare_url(&self, place: usize, host: usize, end: usize, found: &mut Vec<Candidate>) {
        let mut behind = end;
        if self.at(end) == Some(':') {
            let digits = self.digits(end + 1);
            behind = end + 1 + digits;
        }
        if !matches!(self.at(behind), Some('/' | '?')) {
            return;
        }
        for stop in self.url_ends(host) {
            if stop > behind
                && let Some(url) = canon::url(None, &self.chars[host..stop])
            {
                found.push(Candidate { place, start: host, end: stop, what: What::Url(url) });
            }
        }
    }

    /// M5.5 for addresses.
    fn bare_urls_of_addresses(&self, schemed: &[(usize, usize)], found: &mut Vec<Candidate>) {
        for address in found.clone() {
            if !matches!(address.what, What::Address(_)) {
                continue;
            }
            let Candidate { start, end, .. } = address;
            let open = start.checked_sub(1).filter(|&i| self.chars[i] == '[');
            let (host, behind) = match (open, self.close_bracket(end)) {
                (Some(open), Some(close)) if self.slice(start, end).contains(':') => (open, close + 1),
                _ if !self.slice(start, end).contains(':') => (start, end),
                _ => continue,
            };
            if !schemed.iter().any(|&(_, h)| h == host) {
                self.bare_url(host, host, behind, found);
            }
        }
    }

    /// M6.1, M6.2, M6.4. Gives the starts of domains of e-mail addresses.
    fn emails(&self, schemed: &[(usize, usize)], found: &mut Vec<Candidate>) -> Vec<usize> {
        let mut domains = Vec::new();
        for local in self.runs(|c| c.is_ascii_alphanumeric() || "._%+-".contains(c)) {
            let at = local.end;
            let user_information = schemed.iter().any(|&(body, host)| body <= at && at < host);
            if self.at(at) != Some('@') || user_information {
                continue;
            }
            let in_name = |i: &usize| self.at(*i).is_some_and(|c| canon::in_label(c) || c == '.');
            let domain_end = at + 1 + (at + 1..self.len()).take_while(in_name).count();
            let domain = self.slice(at + 1, domain_end);
            if let Some(email) = canon::email(&self.slice(local.start, at), &domain) {
                let end = at + 1 + domain.trim_end_matches('.').chars().count();
                domains.push(at + 1);
                found.push(Candidate {
                    place: local.place,
                    start: local.start,
                    end,
                    what: What::Email(email),
                });
            }
        }
        domains
    }

    /// M4, and M5.5 for names.
    fn names(&self, schemed: &[(usize, usize)], mails: &[usize], found: &mut Vec<Candidate>) {
        for run in self.runs(|c| canon::in_label(c) || c == '.') {
            let Some(canonical) = canon::name(&self.chars[run.start..run.end]) else { continue };
            let dots = self.chars[..run.end].iter().rev().take_while(|&&c| c == '.').count();
            let (start, end) = (run.start + usize::from(self.chars[run.start] == '.'), run.end - dots);
            let place = run.place + (start - run.start).min(usize::from(run.place == run.start));
            let behind = |mark: &str| self.slice(0, start).ends_with(mark);
            let anchored = behind("//") || behind("@") || self.port(end).is_some();
            let mail = mails.contains(&run.start);
            found.push(Candidate { place, start, end, what: What::Name { canonical, mail, anchored } });
            if !schemed.iter().any(|&(_, host)| host == run.start) {
                self.bare_url(place, start, run.end, found);
            }
        }
    }

    /// M7.
    fn digests(&self, found: &mut Vec<Candidate>) {
        for run in self.runs(|c| c.is_ascii_alphanumeric()) {
            if let Some(digest) = canon::digest(&self.chars[run.start..run.end]) {
                let Reading { place, start, end } = run;
                found.push(Candidate { place, start, end, what: What::Digest(digest) });
            }
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
