//! The tables of a snapshot: one for each kind of value, and the numbering of entries over them.
//!
//! Is: where each table lies, which numbers its values have, and the text of a value.
//! Is not: records, checksums, or what a hit means.
//! Invariants: entries are numbered through all kinds in the order of [`Kind::ALL`], within a kind IPv4 before
//! IPv6, then by value.
//! Fails: reading a file whose sections do not fit names the section.
//! Costs: reading is a few hundred bytes of the file and, where there are IPv4 networks, an 8 KiB map.

pub(crate) mod column;
pub(crate) mod digest;
pub(crate) mod ip;
pub(crate) mod search;
pub(crate) mod tail;
pub(crate) mod text;

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use crate::index::Error;
use crate::index::format::{Section, Sections, unsound};
use crate::index::table::digest::Fixed;
use crate::index::table::ip::{Addresses, Networks, Ports, Touched};
use crate::index::table::text::Text;
use crate::observable::Kind;

/// Every table, read but not walked through.
#[derive(Clone, Debug)]
pub(crate) struct Tables {
    pub(crate) ip4: Addresses,
    pub(crate) ip6: Addresses,
    pub(crate) networks4: Networks,
    pub(crate) networks6: Networks,
    pub(crate) touched: Touched,
    pub(crate) ports4: Ports,
    pub(crate) ports6: Ports,
    pub(crate) names: Text,
    pub(crate) urls: Text,
    pub(crate) emails: Text,
    pub(crate) digests: [Fixed; 4],
    pub(crate) exact_only: Addresses,
    /// First entry of each kind, then the number of all.
    firsts: [u32; Kind::ALL.len() + 1],
}

/// The digest kinds with their sections and widths in bytes, in order.
pub(crate) const DIGESTS: [(Kind, Section, usize); 4] = [
    (Kind::Md5, Section::Md5, 16),
    (Kind::Sha1, Section::Sha1, 20),
    (Kind::Sha256, Section::Sha256, 32),
    (Kind::Sha512, Section::Sha512, 64),
];

impl Tables {
    pub(crate) fn read(bytes: &[u8], sections: &Sections) -> Result<Tables, Error> {
        let at = |section| sections.range(section);
        let ip4 = Addresses::read::<u32>(&at(Section::Ip4)).ok_or_else(|| unsound(Section::Ip4))?;
        let ip6 = Addresses::read::<u128>(&at(Section::Ip6)).ok_or_else(|| unsound(Section::Ip6))?;
        let networks4 = Networks::read::<u32>(bytes, at(Section::Networks4));
        let networks6 = Networks::read::<u128>(bytes, at(Section::Networks6));
        let touched = Touched::read(bytes, at(Section::Touched4), &at(Section::Touched6));
        let ports4 = Ports::read::<u32>(&at(Section::Ports4));
        let ports6 = Ports::read::<u128>(&at(Section::Ports6));
        let text = |section| Text::read(bytes, at(section)).ok_or_else(|| unsound(section));
        let [md5, sha1, sha256, sha512] = DIGESTS
            .map(|(_, section, width)| Fixed::read(&at(section), width).ok_or_else(|| unsound(section)));
        let mut tables = Tables {
            ip4,
            ip6,
            networks4: networks4.ok_or_else(|| unsound(Section::Networks4))?,
            networks6: networks6.ok_or_else(|| unsound(Section::Networks6))?,
            touched: touched.ok_or_else(|| unsound(Section::Touched4))?,
            ports4: ports4.ok_or_else(|| unsound(Section::Ports4))?,
            ports6: ports6.ok_or_else(|| unsound(Section::Ports6))?,
            names: text(Section::Names)?,
            urls: text(Section::Urls)?,
            emails: text(Section::Emails)?,
            digests: [md5?, sha1?, sha256?, sha512?],
            exact_only: Addresses::read::<u32>(&at(Section::ExactOnly))
                .ok_or_else(|| unsound(Section::ExactOnly))?,
            firsts: [0; Kind::ALL.len() + 1],
        };
        let mut next = 0u32;
        for (kind, first) in Kind::ALL.into_iter().zip(1..) {
            next = next.checked_add(tables.count_in_table(kind)).ok_or_else(|| {
                Error::Damaged("damaged snapshot: more entries than there are numbers".into())
            })?;
            if let Some(slot) = tables.firsts.get_mut(first) {
                *slot = next;
            }
        }
        Ok(tables)
    }

    fn count_in_table(&self, kind: Kind) -> u32 {
        let digest = |i: usize| self.digests.get(i).map_or(0, Fixed::count);
        match kind {
            Kind::Ip => self.ip4.count().saturating_add(self.ip6.count()),
            Kind::Network => self.networks4.count().saturating_add(self.networks6.count()),
            Kind::IpPort => self.ports4.count().saturating_add(self.ports6.count()),
            Kind::Domain => self.names.count(),
            Kind::Url => self.urls.count(),
            Kind::Email => self.emails.count(),
            Kind::Md5 => digest(0),
            Kind::Sha1 => digest(1),
            Kind::Sha256 => digest(2),
            Kind::Sha512 => digest(3),
        }
    }

    /// Number of all entries.
    pub(crate) fn entries(&self) -> u32 {
        self.firsts.last().copied().unwrap_or_default()
    }

    /// The first entry of a kind.
    pub(crate) fn first(&self, kind: Kind) -> u32 {
        self.firsts.get(kind as usize).copied().unwrap_or_default()
    }

    /// Number of entries of a kind.
    pub(crate) fn count(&self, kind: Kind) -> u32 {
        let next = self.firsts.get(kind as usize + 1).copied().unwrap_or_default();
        next.saturating_sub(self.first(kind))
    }

    /// Kind and number within the kind; `None` behind the last entry.
    pub(crate) fn place(&self, entry: u32) -> Option<(Kind, u32)> {
        if entry >= self.entries() {
            return None;
        }
        let kind = Kind::ALL.into_iter().rev().find(|kind| self.first(*kind) <= entry)?;
        Some((kind, entry - self.first(kind)))
    }

    /// Appends the canonical text of value number `i` of a kind; `None` when there is none.
    pub(crate) fn value(&self, bytes: &[u8], kind: Kind, i: u32, out: &mut String) -> Option<()> {
        match kind {
            Kind::Ip => write_ip(out, self.address(bytes, i)?),
            Kind::Network => {
                let (address, prefix) = self.network(bytes, i)?;
                write_ip(out, address)?;
                write!(out, "/{prefix}").ok()
            }
            Kind::IpPort => match self.ip_port(bytes, i)? {
                (IpAddr::V4(address), port) => write!(out, "{address}:{port}").ok(),
                (IpAddr::V6(address), port) => write!(out, "[{address}]:{port}").ok(),
            },
            Kind::Domain => text_value(&self.names, bytes, i, out),
            Kind::Email => text_value(&self.emails, bytes, i, out),
            Kind::Url => {
                let mut key = Vec::new();
                self.urls.get(bytes, i, &mut key).then_some(())?;
                write_url(out, &key);
                Some(())
            }
            Kind::Md5 | Kind::Sha1 | Kind::Sha256 | Kind::Sha512 => {
                let (table, _) = self.digest_table(kind)?;
                table.get(bytes, i)?.iter().try_for_each(|byte| write!(out, "{byte:02x}").ok())
            }
        }
    }

    /// Address number `i`, IPv4 first.
    pub(crate) fn address(&self, bytes: &[u8], i: u32) -> Option<IpAddr> {
        match i.checked_sub(self.ip4.count()) {
            None => self.ip4.get::<u32>(bytes, i).map(|n| Ipv4Addr::from(n).into()),
            Some(i) => self.ip6.get::<u128>(bytes, i).map(|n| Ipv6Addr::from(n).into()),
        }
    }

    /// Address and prefix length of network number `i`, IPv4 first.
    pub(crate) fn network(&self, bytes: &[u8], i: u32) -> Option<(IpAddr, u8)> {
        match i.checked_sub(self.networks4.count()) {
            None => self.networks4.get::<u32>(bytes, i).map(|(n, prefix)| (Ipv4Addr::from(n).into(), prefix)),
            Some(i) => {
                self.networks6.get::<u128>(bytes, i).map(|(n, prefix)| (Ipv6Addr::from(n).into(), prefix))
            }
        }
    }

    /// Address with port number `i`, IPv4 first.
    pub(crate) fn ip_port(&self, bytes: &[u8], i: u32) -> Option<(IpAddr, u16)> {
        match i.checked_sub(self.ports4.count()) {
            None => self.ports4.get::<u32>(bytes, i).map(|(n, port)| (Ipv4Addr::from(n).into(), port)),
            Some(i) => self.ports6.get::<u128>(bytes, i).map(|(n, port)| (Ipv6Addr::from(n).into(), port)),
        }
    }

    /// The table of a kind of digest, and its section.
    pub(crate) fn digest_table(&self, kind: Kind) -> Option<(&Fixed, Section)> {
        let i = DIGESTS.iter().position(|(of, ..)| *of == kind)?;
        Some((self.digests.get(i)?, DIGESTS.get(i)?.1))
    }
}

/// The first number in the range that is not below what is looked for, or its end.
pub(crate) fn lower_bound(range: Range<u32>, below: impl Fn(u32) -> bool) -> u32 {
    let Range { start: mut low, end: mut high } = range;
    while low < high {
        let middle = low + (high - low) / 2;
        if below(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

fn write_ip(out: &mut String, address: IpAddr) -> Option<()> {
    write!(out, "{address}").ok()
}

fn text_value(table: &Text, bytes: &[u8], i: u32, out: &mut String) -> Option<()> {
    let mut text = Vec::new();
    table.get(bytes, i, &mut text).then(|| out.push_str(&String::from_utf8_lossy(&text)))
}

/// How a URL stands in its table: what follows the scheme, a blank, and the scheme (nothing for none), so that
/// all schemes of one address are neighbours.
pub(crate) fn url_key(scheme: Option<&str>, rest: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(rest.as_bytes());
    out.push(b' ');
    out.extend_from_slice(scheme.unwrap_or_default().as_bytes());
}

/// Scheme and rest of a URL as it stands in its table.
pub(crate) fn split_url_key(key: &[u8]) -> (&[u8], &[u8]) {
    match key.iter().rposition(|&byte| byte == b' ') {
        Some(at) => (key.get(at + 1..).unwrap_or_default(), key.get(..at).unwrap_or_default()),
        None => (&[], key),
    }
}

/// Appends the canonical text of a URL as it stands in its table.
pub(crate) fn write_url(out: &mut String, key: &[u8]) {
    let (scheme, rest) = split_url_key(key);
    if !scheme.is_empty() {
        out.push_str(&String::from_utf8_lossy(scheme));
        out.push_str("://");
    }
    out.push_str(&String::from_utf8_lossy(rest));
}

/// Host (without brackets and port) and path (without the query) of what follows the scheme of a canonical URL.
pub(crate) fn host_and_path(rest: &[u8]) -> (&[u8], &[u8]) {
    let (host, behind) = match rest.strip_prefix(b"[") {
        Some(inner) => split_before(inner, |byte| byte == b']'),
        None => split_before(rest, |byte| matches!(byte, b':' | b'/' | b'?')),
    };
    let (_port, path) = split_before(behind, |byte| matches!(byte, b'/' | b'?'));
    let (path, _query) = split_before(path, |byte| byte == b'?');
    (host, path)
}

fn split_before(text: &[u8], stop: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let at = text.iter().position(|&byte| stop(byte)).unwrap_or(text.len());
    text.split_at(at)
}
