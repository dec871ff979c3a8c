//! Keys -> events worth reading: what the prefilter lets through is looked up in the snapshot.

use std::net::{IpAddr, Ipv4Addr};

use crate::engine::scan::anchor::{self, Anchors, CHUNK, Carry, Look};
use crate::engine::scan::key::{self, Asked, Key};
use crate::engine::scan::{Classes, Tier, fetch_ahead, scalar::Scalar};
#[cfg(target_arch = "x86_64")]
use crate::engine::scan::{avx2::Avx2, avx512::Avx512, wide128::Wide128};
use crate::index::Snapshot;
use crate::index::filter::{Filter, Hasher, KeyKind, Presence};
use crate::observable::{Kind, Name};

/// Bytes of a URL looked at before the event is read in any case.
const URL_BYTES: usize = 4 << 10;

/// The scan with its scratch memory.
#[derive(Debug)]
pub(crate) struct Sift {
    tier: Tier,
    anchors: Anchors,
    keys: Vec<Key>,
}

impl Sift {
    /// A scan of this tier; one that the machine lacks is replaced by the best that it has.
    pub(crate) fn new(tier: Tier) -> Sift {
        let tier = if tier.is_available() { tier } else { Tier::best() };
        Sift { tier, anchors: Anchors::new(), keys: Vec::with_capacity(CHUNK / 8) }
    }

    /// Adds to `marks` a position inside of every event that may hold a value listed in `snapshot`. Positions
    /// come in no order, and several may lie in one event.
    pub(crate) fn find(&mut self, data: &[u8], snapshot: &Snapshot, marks: &mut Vec<usize>) {
        match self.tier {
            #[cfg(target_arch = "x86_64")]
            Tier::Avx512 => enter::avx512(self, data, snapshot, marks),
            #[cfg(target_arch = "x86_64")]
            Tier::Avx2 => enter::avx2(self, data, snapshot, marks),
            #[cfg(target_arch = "x86_64")]
            Tier::Wide128 => enter::wide128(self, data, snapshot, marks),
            _ => run::<Scalar>(self, data, snapshot, marks),
        }
    }
}

/// Into the function of a tier: everything below is inlined there and compiled for its features.
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "entering a function compiled for features that were checked")]
mod enter {
    use crate::engine::scan::sift::{Avx2, Avx512, Sift, Snapshot, Wide128, run};

    pub(super) fn avx512(sift: &mut Sift, data: &[u8], snapshot: &Snapshot, marks: &mut Vec<usize>) {
        #[target_feature(enable = "avx512f,avx512bw,avx2,bmi1,bmi2,lzcnt,popcnt")]
        fn inner(sift: &mut Sift, data: &[u8], snapshot: &Snapshot, marks: &mut Vec<usize>) {
            run::<Avx512>(sift, data, snapshot, marks);
        }
        // SAFETY: `Sift::new` checked that the machine has these features.
        unsafe { inner(sift, data, snapshot, marks) }
    }

    pub(super) fn avx2(sift: &mut Sift, data: &[u8], snapshot: &Snapshot, marks: &mut Vec<usize>) {
        #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
        fn inner(sift: &mut Sift, data: &[u8], snapshot: &Snapshot, marks: &mut Vec<usize>) {
            run::<Avx2>(sift, data, snapshot, marks);
        }
        // SAFETY: `Sift::new` checked that the machine has these features.
        unsafe { inner(sift, data, snapshot, marks) }
    }

    pub(super) fn wide128(sift: &mut Sift, data: &[u8], snapshot: &Snapshot, marks: &mut Vec<usize>) {
        #[target_feature(enable = "sse4.2,ssse3,popcnt")]
        fn inner(sift: &mut Sift, data: &[u8], snapshot: &Snapshot, marks: &mut Vec<usize>) {
            run::<Wide128>(sift, data, snapshot, marks);
        }
        // SAFETY: `Sift::new` checked that the machine has these features.
        unsafe { inner(sift, data, snapshot, marks) }
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "has to land in the tier's entry function")]
fn run<C: Classes>(sift: &mut Sift, data: &[u8], snapshot: &Snapshot, marks: &mut Vec<usize>) {
    let traits = snapshot.traits();
    let look = Look {
        names: traits.names,
        odd_names: traits.odd_names,
        ip4: traits.ip4,
        ip6: traits.ip4 || traits.ip6,
        digests: traits.digests,
    };
    let mut carry = Carry::default();
    let mut done = Done::default();
    let mut from = 0;
    loop {
        let to = (from + CHUNK).min(data.len());
        anchor::find::<C>(data, from, to, look, &mut carry, &mut sift.anchors);
        let mut chunk = Chunk {
            data,
            from,
            snapshot,
            hasher: snapshot.hasher(),
            filter: snapshot.filter(),
            networks: snapshot.count(Kind::Network) > 0,
            keys: &mut sift.keys,
            marks,
        };
        chunk.keys.clear();
        chunk.names::<C>(&sift.anchors);
        chunk.quads::<C>(&sift.anchors);
        chunk.digests::<C>(&sift.anchors, &mut done);
        chunk.ip6(&sift.anchors, &mut done, to);
        chunk.escapes(&sift.anchors);
        chunk.ask();
        from = to;
        if from == data.len() {
            return;
        }
    }
}

/// Up to where runs that may cross chunks have been read.
#[derive(Debug, Default)]
struct Done {
    hex: usize,
    ip6: usize,
}

struct Chunk<'a> {
    data: &'a [u8],
    from: usize,
    snapshot: &'a Snapshot,
    hasher: Hasher,
    filter: Filter<'a>,
    networks: bool,
    keys: &'a mut Vec<Key>,
    marks: &'a mut Vec<usize>,
}

impl Chunk<'_> {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "has to land in the tier's entry function")]
    #[expect(clippy::cast_possible_truncation, reason = "an end lies in the chunk, a length below 1 KiB")]
    fn push(&mut self, hash: u64, end: usize, what: u32, asked: Asked) {
        fetch_ahead(self.filter.block(hash));
        self.keys.push(Key { hash, end: (end - self.from) as u32, what, asked });
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "has to land in the tier's entry function")]
    #[expect(clippy::cast_possible_truncation, reason = "below 1 KiB")]
    fn names<C: Classes>(&mut self, anchors: &Anchors) {
        for at in anchors.names.iter() {
            let end = self.from + at;
            let Some((start, high)) = key::two_labels::<C>(self.data, end) else { continue };
            if high {
                self.unicode_name(end);
                continue;
            }
            let hash = self.hasher.text(self.data, start, end, KeyKind::Name);
            self.push(hash, end, (end - start) as u32, Asked::Name);
            if start > 0 && matches!(self.data.get(start - 1), Some(b'\\' | b'%')) {
                self.hidden_name(start, end);
            }
        }
    }

    /// The other reading of a name whose first label follows an escape.
    #[cold]
    #[inline(never)]
    #[expect(clippy::cast_possible_truncation, reason = "below 1 KiB")]
    fn hidden_name(&mut self, start: usize, end: usize) {
        if let Some(start) = key::other_start(self.data, start) {
            let hash = self.hasher.text(self.data, start, end, KeyKind::Name);
            self.push(hash, end, (end - start) as u32, Asked::Name);
        }
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "has to land in the tier's entry function")]
    fn quads<C: Classes>(&mut self, anchors: &Anchors) {
        for at in anchors.quads.iter() {
            let end = self.from + at;
            let Some(address) = key::quad::<C>(self.data, end) else { continue };
            self.push(self.hasher.ip4(address), end, address, Asked::Ip4);
            if self.networks && self.snapshot.touches(IpAddr::V4(Ipv4Addr::from(address))) {
                self.networks_of(IpAddr::V4(Ipv4Addr::from(address)), end);
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn networks_of(&mut self, address: IpAddr, end: usize) {
        if self.snapshot.networks(address).next().is_some() {
            self.marks.push(end - 1);
        }
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "has to land in the tier's entry function")]
    fn digests<C: Classes>(&mut self, anchors: &Anchors, done: &mut Done) {
        for at in anchors.digests.iter() {
            let at = self.from + at;
            if at < done.hex {
                continue;
            }
            let (start, end) = key::hex_run::<C>(self.data, at);
            done.hex = end;
            if key::is_digest(self.data, start, end) {
                // the run may end in a later chunk: the key is asked with this one all the same
                let hash = key::digest_key(self.hasher, self.data, end);
                self.push(hash, end, 16, Asked::Digest);
            }
        }
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "has to land in the tier's entry function")]
    fn ip6(&mut self, anchors: &Anchors, done: &mut Done, chunk_end: usize) {
        for at in anchors.ip6.iter() {
            self.ip6_block(self.from + at, done, chunk_end);
        }
    }

    #[inline(never)]
    fn ip6_block(&mut self, at: usize, done: &mut Done, _chunk_end: usize) {
        let from = at.saturating_sub(64).max(done.ip6);
        let to = (at + 64).min(self.data.len());
        let (snapshot, hasher, filter, networks) = (self.snapshot, self.hasher, self.filter, self.networks);
        let marks = &mut *self.marks;
        done.ip6 = key::ip6(self.data, from, to, |address, start, _| {
            let key = match address {
                IpAddr::V4(v4) => hasher.ip4(v4.to_bits()),
                IpAddr::V6(v6) => hasher.ip6(v6.to_bits()),
            };
            let presence = filter.ask(key);
            let listed = (presence.path && snapshot.is_part_of_more(address))
                || (presence.listed && snapshot.ip(address).is_some())
                || (networks && snapshot.touches(address) && snapshot.networks(address).next().is_some());
            if listed {
                marks.push(start);
            }
        });
    }

    /// Events with a `\u` escape are read in any case: it may stand for any letter of a token.
    fn escapes(&mut self, anchors: &Anchors) {
        for at in anchors.escapes.iter() {
            let at = self.from + at;
            let digits = self.data.get(at + 2..at + 6);
            if self.data.get(at + 1) == Some(&b'u')
                && digits.is_some_and(|d| d.iter().all(u8::is_ascii_hexdigit))
                && odd_backslashes(self.data, at)
            {
                self.marks.push(at);
            }
        }
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "has to land in the tier's entry function")]
    fn ask(&mut self) {
        let keys = std::mem::take(self.keys);
        for key in &keys {
            let presence = self.filter.ask(key.hash);
            if presence.listed || presence.path {
                self.present(key, presence.listed, presence.path);
            }
        }
        *self.keys = keys;
    }

    #[inline(never)]
    fn present(&mut self, key: &Key, listed: bool, path: bool) {
        let end = self.from + key.end as usize;
        match key.asked {
            Asked::Name => {
                if self.name(end - key.what as usize, end, Presence { listed, path }) {
                    self.marks.push(end - 1);
                }
            }
            Asked::Ip4 => {
                let address = IpAddr::V4(Ipv4Addr::from(key.what));
                // in a URL, or with a port, which may stand in another field
                if listed && self.snapshot.ip(address).is_some()
                    || path && self.snapshot.is_part_of_more(address)
                {
                    self.marks.push(end - 1);
                }
            }
            Asked::Digest => {
                if listed && self.digest(end) {
                    self.marks.push(end - 1);
                }
            }
        }
    }

    fn digest(&self, end: usize) -> bool {
        let mut start = end;
        while start > 0 && end - start < 131 && self.data.get(start - 1).is_some_and(u8::is_ascii_hexdigit) {
            start -= 1;
        }
        let mut bytes = [0u8; 64];
        for len in [16, 20, 32, 64] {
            let Some(text) =
                end.checked_sub(2 * len).filter(|at| *at >= start).and_then(|at| self.data.get(at..end))
            else {
                continue;
            };
            for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
                *byte = pair.iter().fold(0, |sum, &c| sum << 4 | hex_value(c));
            }
            if bytes.get(..len).is_some_and(|raw| self.snapshot.digest(raw).is_some()) {
                return true;
            }
        }
        false
    }

    /// Walks a name from its last two labels to the left, as long as a listed name goes on.
    fn name(&self, mut start: usize, end: usize, mut presence: Presence) -> bool {
        loop {
            let first = !self.label_before(start);
            if presence.listed && self.is_listed_name(start, end, first) {
                return true;
            }
            if first {
                if presence.path && self.is_part_of_more(start, end) {
                    return true;
                }
                return key::other_start(self.data, start).is_some_and(|start| {
                    let presence = self.ask_name(start, end);
                    presence.listed && self.is_listed_name(start, end, true)
                        || presence.path && self.is_part_of_more(start, end)
                });
            }
            if !presence.path {
                return false;
            }
            start -= 1;
            while let Some(&byte) = start.checked_sub(1).and_then(|at| self.data.get(at)) {
                if byte >= 0x80 {
                    // a Unicode label to the left, or a border: the judge knows
                    return true;
                }
                if !key::in_label(byte) {
                    break;
                }
                start -= 1;
            }
            if end - start > 256 {
                return true;
            }
            presence = self.ask_name(start, end);
        }
    }

    fn ask_name(&self, start: usize, end: usize) -> Presence {
        self.filter.ask(self.hasher.text(self.data, start, end, KeyKind::Name))
    }

    /// Whether a dot and another label stand before `start`.
    fn label_before(&self, start: usize) -> bool {
        start >= 2
            && self.data.get(start - 1) == Some(&b'.')
            && self.data.get(start - 2).is_some_and(|&b| key::in_label(b))
    }

    fn is_listed_name(&self, start: usize, end: usize, whole: bool) -> bool {
        let mut lower = [0u8; 256];
        let Some(text) = self.data.get(start..end) else { return false };
        let Some(lower) = lower.get_mut(..text.len()) else { return true };
        for (to, from) in lower.iter_mut().zip(text) {
            *to = from.to_ascii_lowercase();
        }
        let Ok(lower) = std::str::from_utf8(lower) else { return true };
        self.snapshot.name(lower).is_some_and(|entry| whole || self.snapshot.covers_children(entry))
    }

    /// Whether the name is the host of a listed URL or the domain of a listed mail address, as far as keys tell.
    fn is_part_of_more(&self, start: usize, end: usize) -> bool {
        let before = start.checked_sub(1).and_then(|at| self.data.get(at)).copied();
        if before == Some(b'@') && self.is_email(start, end) {
            return true;
        }
        let mut after = end;
        while self.data.get(after) == Some(&b'.') {
            after += 1;
        }
        let behind = self.data.get(after).copied();
        let in_url = matches!(before, Some(b'/' | b'@' | b'\\' | b'%'))
            || start >= 3 && self.data.get(start - 3) == Some(&b'%')
            || matches!(behind, Some(b'/' | b'?' | b':' | b'\\' | b'#'));
        in_url && self.is_url(start, end, after)
    }

    fn is_email(&self, at_name: usize, end: usize) -> bool {
        let local = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'%' | b'+' | b'-');
        let mut start = at_name - 1;
        while start > 0 && self.data.get(start - 1).is_some_and(|&b| local(b)) {
            if self.data.get(start - 1) == Some(&b'%') || at_name - start > 512 {
                return true;
            }
            start -= 1;
        }
        if start > 0 && matches!(self.data.get(start - 1), Some(b'\\' | b'%')) {
            return true;
        }
        let ask =
            |start: usize| self.filter.ask(self.hasher.text(self.data, start, end, KeyKind::Email)).listed;
        ask(start)
    }

    /// Asks for the URL with this host, in both readings of its end.
    fn is_url(&self, start: usize, end: usize, after: usize) -> bool {
        let mut at = after;
        if self.data.get(at) == Some(&b':') {
            at += 1;
            while self.data.get(at).is_some_and(u8::is_ascii_digit) {
                at += 1;
            }
        }
        let Some(host) = self.data.get(start..end) else { return false };
        let mut path = Vec::with_capacity(128);
        let rest = self.data.get(at..).unwrap_or_default();
        for (i, &byte) in rest.iter().enumerate() {
            match byte {
                // `\/` is `/`, however many back-slashes JSON in JSON has made of it
                b'\\' if leads_to_slash(rest, i) => {}
                0..=b' ' | b'"' | b'\'' | b'<' | b'>' | b'`' | b'{' | b'}' | b'|' | b'^' | b'\\' | 0x7f => {
                    break;
                }
                // white space beyond ASCII, or text: the judge knows
                0x80.. => return true,
                _ => path.push(byte),
            }
            if path.len() > URL_BYTES {
                return true;
            }
        }
        let cut = path.iter().position(|b| matches!(b, b';' | b',')).and_then(|at| path.get(..at));
        self.ask_url(host, &path)
            || self.ask_url(host, trim_end(&path))
            || cut.is_some_and(|cut| self.ask_url(host, trim_end(cut)))
    }

    fn ask_url(&self, host: &[u8], rest: &[u8]) -> bool {
        let end = rest.iter().position(|b| matches!(b, b'?' | b'#')).unwrap_or(rest.len());
        let path = rest.get(..end).filter(|p| p.first() == Some(&b'/')).unwrap_or(b"/");
        self.filter.ask(self.hasher.pair(host, path, KeyKind::Url)).listed
    }

    /// A token with bytes above 0x7f: every piece between such bytes that are no letters, read as a name.
    #[cold]
    #[inline(never)]
    fn unicode_name(&mut self, end: usize) {
        let part = |b: u8| key::in_label(b) || b == b'.';
        let mut start = end;
        while start > 0 && end - start < 1024 && self.data.get(start - 1).is_some_and(|&b| part(b)) {
            start -= 1;
        }
        if end - start >= 1024 {
            self.marks.push(end - 1);
            return;
        }
        let starts = [Some(start), key::other_start(self.data, start)];
        let mut tokens = starts.into_iter().flatten().filter_map(|start| self.data.get(start..end));
        if tokens.any(|token| self.unicode_token(token)) {
            self.marks.push(end - 1);
        }
    }

    fn unicode_token(&self, token: &[u8]) -> bool {
        token.utf8_chunks().any(|chunk| {
            let unsure = |c: char| !c.is_ascii() && !c.is_alphanumeric() && !is_border(c);
            let mut pieces = chunk.valid().split(is_border).filter(|piece| piece.contains('.'));
            pieces.any(|piece| piece.contains(unsure) || self.unicode_piece(piece))
        })
    }

    fn unicode_piece(&self, piece: &str) -> bool {
        // no name as it stands, but perhaps one in part: the judge knows
        let Ok(name) = Name::parse(piece) else { return true };
        let name = name.as_str();
        let mut dots = name.rmatch_indices('.').map(|(at, _)| at + 1).skip(1);
        loop {
            let start = dots.next();
            let text = name.get(start.unwrap_or(0)..).unwrap_or(name);
            let hash = self.hasher.text(text.as_bytes(), 0, text.len(), KeyKind::Name);
            let presence = self.filter.ask(hash);
            if presence.listed && self.snapshot.name(text).is_some() || start.is_none() && presence.path {
                return true;
            }
            if start.is_none() || !presence.path {
                return false;
            }
        }
    }
}

/// Whether a character is known to end a token: usual punctuation and symbols. What is neither this nor a letter
/// or digit (combining marks above all) is left to the judge.
fn is_border(c: char) -> bool {
    matches!(c, '\u{80}'..='\u{bf}' | '\u{2000}'..='\u{2bff}' | '\u{3000}'..='\u{303f}'
        | '\u{fe10}'..='\u{fe1f}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ffef}' | '\u{1f000}'..='\u{1faff}')
        && !c.is_alphanumeric()
}

/// Whether the back-slash at `at` and those behind it lead to a slash.
fn leads_to_slash(text: &[u8], at: usize) -> bool {
    let behind = text.get(at..).unwrap_or_default();
    behind.iter().take(64).find(|&&b| b != b'\\') == Some(&b'/')
}

fn hex_value(c: u8) -> u8 {
    (c & 15) + if c.is_ascii_digit() { 0 } else { 9 }
}

fn odd_backslashes(data: &[u8], at: usize) -> bool {
    let before = data.get(..at).unwrap_or_default();
    before.iter().rev().take_while(|&&b| b == b'\\').count() % 2 == 0
}

/// Without the punctuation that ends a sentence.
fn trim_end(mut text: &[u8]) -> &[u8] {
    while let [rest @ .., b'.' | b',' | b';' | b':' | b'!' | b'?' | b')' | b']'] = text {
        text = rest;
    }
    text
}
