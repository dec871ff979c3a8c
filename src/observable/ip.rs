//! Addresses, networks, address with port.

use std::net::IpAddr;

use crate::observable::Refused;

/// A network with its host bits masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Makes a network, masking host bits.
    ///
    /// # Errors
    /// [`Refused::Network`] when the prefix is longer than the address.
    pub fn new(_address: IpAddr, _prefix: u8) -> Result<Network, Refused> {
        todo!()
    }
    /// The first address.
    pub fn address(&self) -> IpAddr {
        self.address
    }
    /// The prefix length in bits.
    pub fn prefix(&self) -> u8 {
        self.prefix
    }
    /// Whether the address lies inside.
    pub fn contains(&self, _address: IpAddr) -> bool {
        todo!()
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

/// Reads one address: dotted quad with decimal octets of one to three digits (leading zeros are decimal), every
/// IPv6 spelling of RFC 4291; zone dropped; IPv4-mapped folded to IPv4. Events and feeds alike.
///
/// # Errors
/// [`Refused::Address`].
pub fn parse(_text: &str) -> Result<IpAddr, Refused> {
    todo!()
}
