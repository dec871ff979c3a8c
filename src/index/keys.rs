//! The keys that a snapshot's filter holds: what the scan may ask for and must not miss.
//!
//! Is: the other half of the contract in `filter`, used when a snapshot is built and when one is verified.
//! Is not: the filter.
//! Invariants, with the marks of `filter`:
//! - an address: listed; an address with a port, or as host of a URL: path; networks are not in the filter
//!   (`Snapshot::touches`);
//! - a domain: listed, and each proper suffix of two or more labels path;
//! - a URL: host and path without query and port listed; the same with the start of a path of more than
//!   [`URL_START`] bytes path; the host, if it is a name, and each suffix of it of two or more labels path;
//! - a mail address: itself listed; its domain, and each suffix of it of two or more labels, path;
//! - a digest: its last 16 hexadecimal digits listed.
//!
//! Fails: never; what cannot be read has no keys.
//! Costs: about 30 ns a value.

use std::net::IpAddr;

use crate::index::Traits;
use crate::index::filter::{Hasher, KeyKind, URL_START};
use crate::index::table::{Tables, host_and_path, split_url_key};

/// How a key is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Listed,
    Path,
}

/// Gives every key to `put` (some more than once), and says what there is to look for.
pub(crate) fn walk(tables: &Tables, bytes: &[u8], hasher: Hasher, put: impl FnMut(Mark, u64)) -> Traits {
    let mut walk = Walk { hasher, put, traits: Traits::default() };
    walk.addresses(tables, bytes);
    walk.text(tables, bytes);
    walk.digests(tables, bytes);
    walk.traits
}

struct Walk<F> {
    hasher: Hasher,
    put: F,
    traits: Traits,
}

impl<F: FnMut(Mark, u64)> Walk<F> {
    fn addresses(&mut self, tables: &Tables, bytes: &[u8]) {
        let count = tables.ip4.count() + tables.ip6.count();
        for address in (0..count).filter_map(|i| tables.address(bytes, i)) {
            self.address(Mark::Listed, address);
        }
        let count = tables.ports4.count() + tables.ports6.count();
        for (address, _) in (0..count).filter_map(|i| tables.ip_port(bytes, i)) {
            self.address(Mark::Path, address);
        }
        self.traits.ip4 |= tables.networks4.count() > 0;
        self.traits.ip6 |= tables.networks6.count() > 0;
    }

    fn address(&mut self, mark: Mark, address: IpAddr) {
        match address {
            IpAddr::V4(address) => {
                self.traits.ip4 = true;
                (self.put)(mark, self.hasher.ip4(address.to_bits()));
            }
            IpAddr::V6(address) => {
                self.traits.ip6 = true;
                (self.put)(mark, self.hasher.ip6(address.to_bits()));
            }
        }
    }

    fn text(&mut self, tables: &Tables, bytes: &[u8]) {
        let mut names = tables.names.cursor(bytes);
        while names.advance().is_some() {
            let name = names.value();
            self.name(name);
            (self.put)(Mark::Listed, self.hasher.text(name, 0, name.len(), KeyKind::Name));
            self.suffixes(name, false);
        }
        let mut urls = tables.urls.cursor(bytes);
        while urls.advance().is_some() {
            let (host, path) = host_and_path(split_url_key(urls.value()).1);
            (self.put)(Mark::Listed, self.hasher.pair(host, path, KeyKind::Url));
            if let Some((start, [_, ..])) = path.split_first_chunk::<URL_START>() {
                (self.put)(Mark::Path, self.hasher.pair(host, start, KeyKind::Url));
            }
            if let Some(address) = address(host) {
                self.address(Mark::Path, address);
            } else {
                self.name(host);
                self.suffixes(host, true);
            }
        }
        let mut emails = tables.emails.cursor(bytes);
        while emails.advance().is_some() {
            let email = emails.value();
            (self.put)(Mark::Listed, self.hasher.text(email, 0, email.len(), KeyKind::Email));
            let at = email.iter().rposition(|&byte| byte == b'@').map_or(0, |at| at + 1);
            let domain = email.get(at..).unwrap_or_default();
            self.name(domain);
            self.suffixes(domain, true);
        }
    }

    /// Path keys of the suffixes of two or more labels, the whole name among them or not.
    fn suffixes(&mut self, name: &[u8], whole: bool) {
        let last_dot = name.iter().rposition(|&byte| byte == b'.').unwrap_or(0);
        if whole && last_dot > 0 {
            (self.put)(Mark::Path, self.hasher.text(name, 0, name.len(), KeyKind::Name));
        }
        for (at, _) in name.iter().enumerate().take(last_dot).filter(|(_, byte)| **byte == b'.') {
            (self.put)(Mark::Path, self.hasher.text(name, at + 1, name.len(), KeyKind::Name));
        }
    }

    fn name(&mut self, name: &[u8]) {
        self.traits.names = true;
        let last = name.rsplit(|&byte| byte == b'.').next().unwrap_or_default();
        let odd_start = last.first().is_some_and(|&byte| byte.is_ascii_digit() || byte == b'-');
        self.traits.odd_names |= odd_start || last.contains(&b'_');
    }

    fn digests(&mut self, tables: &Tables, bytes: &[u8]) {
        for table in &tables.digests {
            self.traits.digests |= table.count() > 0;
            for digest in (0..table.count()).filter_map(|i| table.get(bytes, i)) {
                (self.put)(Mark::Listed, digest_key(self.hasher, digest));
            }
        }
    }
}

fn digest_key(hasher: Hasher, digest: &[u8]) -> u64 {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; 16];
    let last = digest.last_chunk::<8>().copied().unwrap_or_default();
    for (pair, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(last) {
        *pair = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
    }
    hasher.text(&text, 0, text.len(), KeyKind::Digest)
}

/// The host of a URL, if it is an address.
fn address(host: &[u8]) -> Option<IpAddr> {
    let (first, last) = (host.first()?, host.last()?);
    let may_be = host.contains(&b':') || (first.is_ascii_digit() && last.is_ascii_digit());
    may_be.then(|| std::str::from_utf8(host).ok()?.parse().ok())?
}
