//! Keys -> events worth reading: what the prefilter lets through is looked up in the snapshot.

mod exact;

use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;
use std::sync::Arc;

use crate::engine::join::Pairs;
use crate::engine::scan::anchor::{self, Anchors, CHUNK, Carry, Look};
use crate::engine::scan::key::{self, Asked, Key};
use crate::engine::scan::{Classes, Tier, fetch_ahead, join, scalar::Scalar, url};
#[cfg(target_arch = "x86_64")]
use crate::engine::scan::{avx2::Avx2, avx512::Avx512, wide128::Wide128};
use crate::engine::token::{self, Tokens, What};
use crate::index::Snapshot;
use crate::index::filter::{Filter, Hasher, KeyKind, Presence};
use crate::observable::{Digest, Kind};

/// The scan with its scratch memory.
#[derive(Debug)]
pub(crate) struct Sift {
    tier: Tier,
    anchors: Anchors,
    keys: Vec<Key>,
    /// For what only the exact cut can tell: tokens with other characters than ASCII, and IPv6.
    tokens: Tokens,
    /// A run whose escapes are undone.
    decoded: Vec<u8>,
    pairs: Arc<Pairs>,
    /// Whether each line of the data is an event.
    lines: bool,
}

impl Sift {
    /// A scan of this tier; one that the machine lacks is replaced by the best that it has.
    pub(crate) fn new(tier: Tier, pairs: Arc<Pairs>) -> Sift {
        let tier = if tier.is_available() { tier } else { Tier::best() };
        Sift {
            tier,
            anchors: Anchors::new(),
            keys: Vec::with_capacity(CHUNK / 8),
            tokens: Tokens::default(),
            decoded: Vec::new(),
            pairs,
            lines: false,
        }
    }

    /// Adds to `marks` a position inside of every token that may give a hit on `snapshot`, so that a string without a
    /// mark has none. Positions come in no order, and several may lie in one token. `lines` says that each line is an
    /// event of its own.
    pub(crate) fn find(&mut self, data: &[u8], lines: bool, snapshot: &Snapshot, marks: &mut Vec<usize>) {
        self.lines = lines;
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
            tokens: &mut sift.tokens,
            decoded: &mut sift.decoded,
            pairs: &sift.pairs,
            lines: sift.lines,
            marks,
        };
        chunk.keys.clear();
        chunk.names::<C>(&sift.anchors, &mut done);
        chunk.quads::<C>(&sift.anchors);
        chunk.digests::<C>(&sift.anchors, &mut done);
        chunk.ip6(&sift.anchors, &mut done);
        chunk.escapes(&sift.anchors, &mut done);
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
    unicode: usize,
    escapes: usize,
}

struct Chunk<'a> {
    data: &'a [u8],
    from: usize,
    snapshot: &'a Snapshot,
    hasher: Hasher,
    filter: Filter<'a>,
    networks: bool,
    keys: &'a mut Vec<Key>,
    tokens: &'a mut Tokens,
    decoded: &'a mut Vec<u8>,
    pairs: &'a Pairs,
    lines: bool,
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
    fn names<C: Classes>(&mut self, anchors: &Anchors, done: &mut Done) {
        for at in anchors.names.iter() {
            let end = self.from + at;
            let Some((start, high)) = key::two_labels::<C>(self.data, end) else { continue };
            if high {
                self.unicode_run(end, done);
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
        if let Some(start) = token::other_start(self.data, start) {
            let hash = self.hasher.text(self.data, start, end, KeyKind::Name);
            self.push(hash, end, (end - start) as u32, Asked::Name);
        }
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "has to land in the tier's entry function")]
    fn quads<C: Classes>(&mut self, anchors: &Anchors) {
        for at in anchors.quads.iter() {
            let end = self.from + at;
            let Some(address) = key::quad::<C>(self.data, end) else {
                self.quads_between_dots(end);
                continue;
            };
            self.push(self.hasher.ip4(address), end, address, Asked::Ip4);
            if self.networks && self.snapshot.touches(IpAddr::V4(Ipv4Addr::from(address))) {
                self.networks_of(IpAddr::V4(Ipv4Addr::from(address)), end);
            }
        }
    }

    /// Two dots are a border: in the run of digits and dots that ends at `end` there may be more than its last
    /// address. Found by the exact cut.
    #[cold]
    #[inline(never)]
    fn quads_between_dots(&mut self, end: usize) {
        let run = self.region(end, end, 0, |b| b == b'.' || b.is_ascii_digit());
        let bytes = self.data.get(run.clone()).unwrap_or_default();
        if !bytes.windows(2).any(|pair| pair == b"..") {
            return;
        }
        // with what may be an escape in front, and the border behind
        let from = run.start.saturating_sub(4);
        let text = self.data.get(from..self.data.len().min(run.end + 4)).unwrap_or_default();
        let mut tokens = std::mem::take(self.tokens);
        for candidate in tokens.read(text) {
            if let What::Address(address) | What::AddressPort(address, _) = candidate.what
                && self.is_listed_address(address)
            {
                self.marks.push(from + candidate.start);
            }
        }
        *self.tokens = tokens;
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

    /// IPv6 addresses near the anchors, by the exact cut: of raw bytes it finds all that it would find of decoded
    /// ones, because escapes are borders or are read both ways.
    fn ip6(&mut self, anchors: &Anchors, done: &mut Done) {
        for at in anchors.ip6.iter() {
            let at = self.from + at;
            let part = |b: u8| b == b':' || b == b'.' || key::in_label(b);
            let region = self.region(at.saturating_sub(64), (at + 64).min(self.data.len()), done.ip6, part);
            done.ip6 = region.end;
            let from = region.start.saturating_sub(1);
            let text = self.data.get(from..region.end).unwrap_or_default();
            let mut tokens = std::mem::take(self.tokens);
            for candidate in tokens.read_colons(text) {
                let (What::Address(address) | What::AddressPort(address, _)) = candidate.what else {
                    continue;
                };
                if self.is_listed_address(address) {
                    self.marks.push(from + candidate.start);
                }
            }
            *self.tokens = tokens;
        }
    }

    fn is_listed_address(&self, address: IpAddr) -> bool {
        let presence = self.filter.ask(match address {
            IpAddr::V4(v4) => self.hasher.ip4(v4.to_bits()),
            IpAddr::V6(v6) => self.hasher.ip6(v6.to_bits()),
        });
        presence.path && self.snapshot.is_part_of_more(address)
            || presence.listed && self.snapshot.ip(address).is_some()
            || self.networks && self.snapshot.networks(address).next().is_some()
    }

    /// The bytes from `start` to `end`, and those around them that are part of the same runs; none before `done`.
    fn region(&self, start: usize, end: usize, done: usize, part: impl Fn(u8) -> bool) -> Range<usize> {
        let is_part = |at: usize| self.data.get(at).is_some_and(|&b| part(b));
        let mut start = start.max(done);
        while start > done && is_part(start - 1) {
            start -= 1;
        }
        let mut end = end.max(start);
        while is_part(end) {
            end += 1;
        }
        start..end
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "has to land in the tier's entry function")]
    fn ask(&mut self) {
        let keys = std::mem::take(self.keys);
        for key in &keys {
            let presence = self.filter.ask(key.hash);
            if presence.listed || presence.path {
                self.present(key, presence);
            }
        }
        *self.keys = keys;
    }

    #[inline(never)]
    fn present(&mut self, key: &Key, presence: Presence) {
        let Presence { listed, path } = presence;
        let end = self.from + key.end as usize;
        match key.asked {
            Asked::Name => {
                if self.name(end - key.what as usize, end, presence) {
                    self.marks.push(end - 1);
                }
            }
            Asked::Ip4 => {
                let address = IpAddr::V4(Ipv4Addr::from(key.what));
                if listed && self.snapshot.ip(address).is_some()
                    || path && self.is_part_of_more_ip4(address, end)
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
        [32, 40, 64, 128].into_iter().any(|digits| {
            let text =
                end.checked_sub(digits).filter(|at| *at >= start).and_then(|at| self.data.get(at..end));
            text.is_some_and(|text| self.is_digest_listed(text))
        })
    }

    fn is_digest_listed(&self, text: &[u8]) -> bool {
        let digest = std::str::from_utf8(text).ok().and_then(|text| Digest::parse(text, None).ok());
        digest.is_some_and(|digest| self.snapshot.digest(digest.bytes()).is_some())
    }

    /// Walks a name from its last two labels to the left, as long as a listed name goes on.
    fn name(&self, mut start: usize, end: usize, mut presence: Presence) -> bool {
        loop {
            let first = !self.label_before(start);
            // without the letter of an escape, the dot behind it is a leading one
            let may_be_first =
                first || start.checked_sub(2).is_some_and(|at| token::escaped_letter(self.data, at));
            if presence.listed && self.is_listed_name(start, end, may_be_first)
                || may_be_first && presence.path && self.is_part_of_more(start, end)
            {
                return true;
            }
            if first {
                return token::other_start(self.data, start).is_some_and(|start| {
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

    /// Whether a dot and another label stand before `start`; a `%HH` in front of the dot is none.
    fn label_before(&self, start: usize) -> bool {
        let escape = start.checked_sub(4).and_then(|at| self.data.get(at..start - 1));
        let escape = escape
            .is_some_and(|e| matches!(e, [b'%', a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit()));
        !escape
            && start >= 2
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

    /// Whether the address is listed with a port, which may stand in another field, or is the host of a listed URL,
    /// as far as keys tell.
    fn is_part_of_more_ip4(&self, address: IpAddr, end: usize) -> bool {
        let host = address.to_string();
        let host = self.hasher.text(host.as_bytes(), 0, host.len(), KeyKind::Url);
        let rest = self.data.get(end..).unwrap_or_default();
        let digits = |b: &&u8| b.is_ascii_digit() || **b == b'.';
        let text = self.data.get(..end).unwrap_or_default();
        let start = end - text.iter().rev().take(16).take_while(digits).count();
        self.snapshot.has_ports(address)
            || url::may_be_listed(host, rest, self.hasher, self.filter)
            || self.may_be_joined(host, start, end)
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
        let host = self.hasher.text(self.data, start, end, KeyKind::Url);
        let rest = self.data.get(after..).unwrap_or_default();
        in_url && url::may_be_listed(host, rest, self.hasher, self.filter)
            || self.may_be_joined(host, start, after)
    }

    /// Whether what stands from `start` to `end`, a host with this key, may be that of a listed URL in several fields.
    fn may_be_joined(&self, host: u64, start: usize, end: usize) -> bool {
        let [before, behind] = [self.data.get(..start), self.data.get(end..)].map(Option::unwrap_or_default);
        let is_listed = |path: &[u8]| url::may_be_listed(host, path, self.hasher, self.filter);
        join::may_be_joined(before, behind, self.pairs, self.lines, is_listed)
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
        self.filter.ask(self.hasher.text(self.data, start, end, KeyKind::Email)).listed
    }
}
