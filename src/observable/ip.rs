//! Addresses, networks, address with port.
//!
//! Is: the readers of the spellings that events and feeds use, and the canonical values.
//! Is not: policy; whether an address is private or a network too wide is decided in `policy` and `index`.
//! Invariant: an IPv4-mapped IPv6 address or network is held as IPv4; a [`Network`] has its host bits masked.
//! Fails: with [`Refused`]; never panics.
//! Costs: no allocation, except for [`range`], which returns a list; a dotted quad is one pass over its bytes.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::observable::Refused;

/// A network with its host bits masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Makes a network, masking host bits. IPv4-mapped IPv6 of 96 bits or more becomes IPv4.
    ///
    /// # Errors
    /// [`Refused::Network`] when the prefix is longer than the address.
    pub fn new(address: IpAddr, prefix: u8) -> Result<Network, Refused> {
        let (address, prefix) = match (address, prefix) {
            (IpAddr::V6(v6), 96..=128) => match v6.to_ipv4_mapped() {
                Some(v4) => (IpAddr::V4(v4), prefix - 96),
                None => (address, prefix),
            },
            _ => (address, prefix),
        };
        if prefix > width(address) {
            return Err(Refused::Network);
        }
        Ok(Network { address: mask(address, prefix), prefix })
    }

    /// Reads `address/prefix` and `address/netmask`. A full-length prefix is accepted and kept.
    ///
    /// # Errors
    /// [`Refused::Address`] when there is no address before the slash, [`Refused::Network`] for what stands behind
    /// it: a prefix that is too long, a netmask with holes.
    pub fn parse(text: &str) -> Result<Network, Refused> {
        let (address, length) = text.split_once('/').ok_or(Refused::Network)?;
        let address = parse_unfolded(address).ok_or(Refused::Address)?;
        let prefix = match decimal(length.as_bytes(), 3) {
            Some(bits) => u8::try_from(bits).map_err(|_| Refused::Network)?,
            None => netmask(parse_unfolded(length).ok_or(Refused::Network)?, address)?,
        };
        Network::new(address, prefix)
    }

    /// The first address.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// The prefix length in bits.
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Whether this is one address only (`/32`, `/128`).
    pub fn is_single(&self) -> bool {
        self.prefix == width(self.address)
    }

    /// Whether the address lies inside. An IPv4-mapped address is looked for as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = fold(address);
        address.is_ipv4() == self.address.is_ipv4() && mask(address, self.prefix) == self.address
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// An address with a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IpPort {
    /// The address.
    pub address: IpAddr,
    /// The port, 1 to 65535.
    pub port: u16,
}

impl IpPort {
    /// Reads `1.2.3.4:443` and `[2001:db8::1]:443`.
    ///
    /// # Errors
    /// [`Refused::Address`] when there is no address with a colon, [`Refused::Port`] for the port.
    pub fn parse(text: &str) -> Result<IpPort, Refused> {
        let (address, port) = match text.strip_prefix('[') {
            Some(rest) => rest.split_once("]:").ok_or(Refused::Address)?,
            None => text.split_once(':').ok_or(Refused::Address)?,
        };
        let address = parse(address)?;
        Ok(IpPort { address, port: port_number(port).ok_or(Refused::Port)? })
    }
}

impl fmt::Display for IpPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            IpAddr::V4(v4) => write!(f, "{v4}:{}", self.port),
            IpAddr::V6(v6) => write!(f, "[{v6}]:{}", self.port),
        }
    }
}

/// Reads one address: dotted quad with decimal octets of one to three digits (leading zeros are decimal), every
/// IPv6 spelling of RFC 4291; zone dropped; IPv4-mapped folded to IPv4. Events and feeds alike.
///
/// # Errors
/// [`Refused::Address`].
pub fn parse(text: &str) -> Result<IpAddr, Refused> {
    parse_unfolded(text).map(fold).ok_or(Refused::Address)
}

/// The minimal list of networks that covers exactly the addresses from `first` to `last`, both included, in
/// ascending order. At most 254 of them.
///
/// # Errors
/// [`Refused::Network`] when the range ends before it starts or the families differ.
pub fn range(first: IpAddr, last: IpAddr) -> Result<Vec<Network>, Refused> {
    let (first, last) = (fold(first), fold(last));
    let width = u32::from(width(first));
    let (mut low, high) = (number(first), number(last));
    if first.is_ipv4() != last.is_ipv4() || low > high {
        return Err(Refused::Network);
    }
    let mut networks = Vec::new();
    loop {
        // the largest aligned block that starts at `low` and does not pass `high`
        let aligned = low.trailing_zeros().min(width);
        let fitting = (high - low).checked_add(1).map_or(128, u128::ilog2);
        let bits = aligned.min(fitting);
        let prefix = u8::try_from(width - bits).map_err(|_| Refused::Network)?;
        networks.push(Network { address: address(low, first), prefix });
        let next = 1u128.checked_shl(bits).and_then(|size| low.checked_add(size));
        match next {
            Some(next) if next <= high => low = next,
            _ => return Ok(networks),
        }
    }
}

/// The IPv4 address inside an IPv4-mapped one; anything else as it is.
pub fn fold(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

/// A port from 1 to 65535 in one to five decimal digits.
pub(crate) fn port_number(text: &str) -> Option<u16> {
    u16::try_from(decimal(text.as_bytes(), 5)?).ok().filter(|port| *port != 0)
}

fn parse_unfolded(text: &str) -> Option<IpAddr> {
    let bytes = text.as_bytes();
    if let Some(octets) = quad(bytes) {
        return Some(IpAddr::V4(Ipv4Addr::from(octets)));
    }
    let bytes = match bytes.iter().position(|b| *b == b'%') {
        Some(at) if is_zone(&bytes[at + 1..]) => &bytes[..at],
        Some(_) => return None,
        None => bytes,
    };
    groups(bytes).map(|groups| IpAddr::V6(Ipv6Addr::from(groups)))
}

/// Four octets of one to three decimal digits, nothing before or behind.
fn quad(bytes: &[u8]) -> Option<[u8; 4]> {
    let mut octets = [0u8; 4];
    let mut at = 0;
    for (n, octet) in octets.iter_mut().enumerate() {
        if n > 0 {
            if bytes.get(at) != Some(&b'.') {
                return None;
            }
            at += 1;
        }
        let mut value = 0u32;
        let start = at;
        while let Some(digit) = bytes.get(at).filter(|b| b.is_ascii_digit()) {
            if at - start == 3 {
                return None;
            }
            value = value * 10 + u32::from(digit - b'0');
            at += 1;
        }
        if at == start {
            return None;
        }
        *octet = u8::try_from(value).ok()?;
    }
    (at == bytes.len()).then_some(octets)
}

/// Eight groups of one to four hex digits; `::` for one or more groups of zeros; a dotted quad for the last two.
fn groups(bytes: &[u8]) -> Option<[u16; 8]> {
    let mut found = [0u16; 8];
    let mut count = 0;
    let mut gap = None;
    let mut at = 0;
    if bytes.starts_with(b"::") {
        gap = Some(0);
        at = 2;
    }
    while at < bytes.len() {
        if count == 8 {
            return None;
        }
        let (value, digits) = hex_group(&bytes[at..])?;
        match bytes.get(at + digits) {
            Some(b'.') if count <= 6 => {
                let [a, b, c, d] = quad(&bytes[at..])?;
                found[count] = u16::from_be_bytes([a, b]);
                found[count + 1] = u16::from_be_bytes([c, d]);
                count += 2;
                break;
            }
            None => {
                found[count] = value;
                count += 1;
                break;
            }
            Some(b':') => {
                found[count] = value;
                count += 1;
                at += digits + 1;
                match bytes.get(at) {
                    Some(b':') if gap.is_none() => {
                        gap = Some(count);
                        at += 1;
                    }
                    Some(b':') | None => return None,
                    Some(_) => {}
                }
            }
            Some(_) => return None,
        }
    }
    match gap {
        None => (count == 8).then_some(found),
        Some(_) if count == 8 => None,
        Some(gap) => {
            found[gap..].rotate_right(8 - count);
            Some(found)
        }
    }
}

/// The value of the one to four hex digits in front, and how many there are.
fn hex_group(bytes: &[u8]) -> Option<(u16, usize)> {
    let mut value = 0u16;
    let mut digits = 0;
    while let Some(digit) = bytes.get(digits).and_then(|b| char::from(*b).to_digit(16)) {
        if digits == 4 {
            return None;
        }
        value = value << 4 | u16::try_from(digit).ok()?;
        digits += 1;
    }
    (digits > 0).then_some((value, digits))
}

/// RFC 6874: unreserved characters and percent escapes (`%25eth0`, or bare `%eth0`).
fn is_zone(bytes: &[u8]) -> bool {
    !bytes.is_empty()
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'~' | b'-' | b'%'))
}

/// A number of one to `digits_max` (at most nine) decimal digits and nothing else.
fn decimal(bytes: &[u8], digits_max: usize) -> Option<u32> {
    if bytes.is_empty() || bytes.len() > digits_max {
        return None;
    }
    bytes.iter().try_fold(0, |value, b| b.is_ascii_digit().then(|| value * 10 + u32::from(b - b'0')))
}

/// The prefix length that a netmask of the family of `address` stands for.
fn netmask(mask: IpAddr, address: IpAddr) -> Result<u8, Refused> {
    let (ones, whole) = match mask {
        IpAddr::V4(v4) => (v4.to_bits().leading_ones(), v4.to_bits().count_ones()),
        IpAddr::V6(v6) => (v6.to_bits().leading_ones(), v6.to_bits().count_ones()),
    };
    if mask.is_ipv4() != address.is_ipv4() || ones != whole {
        return Err(Refused::Network);
    }
    u8::try_from(ones).map_err(|_| Refused::Network)
}

const fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn mask(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let bits = u32::MAX.checked_shl(32u32.saturating_sub(prefix.into())).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & bits))
        }
        IpAddr::V6(v6) => {
            let bits = u128::MAX.checked_shl(128u32.saturating_sub(prefix.into())).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & bits))
        }
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_bits().into(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// The address with this number, of the family of `like`.
fn address(number: u128, like: IpAddr) -> IpAddr {
    match (like, u32::try_from(number)) {
        (IpAddr::V4(_), Ok(bits)) => IpAddr::V4(Ipv4Addr::from_bits(bits)),
        _ => IpAddr::V6(Ipv6Addr::from_bits(number)),
    }
}
