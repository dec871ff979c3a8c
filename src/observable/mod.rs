//! What can be seen in an event and listed by a feed, in one canonical form.
//!
//! Is: the types of observables and their only constructors. Canonical form (lower case, punycode, parsed
//! addresses, masked networks, decoded digests) is made here and nowhere else.
//! Is not: a scanner; nothing here looks for an observable inside other text.
//! Invariant: `canon(canon(x)) == canon(x)`: reading the `Display` form gives the same value.
//! Fails: with a [`Refused`] that names the reason; never panics.
//! Costs: one allocation a value at most for names, URLs and mail addresses; none for addresses and digests.

pub mod digest;
pub mod ip;
pub mod name;
pub mod url;

use std::fmt;
use std::net::IpAddr;

pub use self::digest::{Algorithm, Digest};
pub use self::ip::{IpPort, Network};
pub use self::name::{Email, Name};
pub use self::url::Url;

/// The kinds that can be looked up, in the order in which sections of a snapshot and reports list them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// One IPv4 or IPv6 address.
    Ip,
    /// An IPv4 or IPv6 network, host bits masked.
    Network,
    /// An address with a port.
    IpPort,
    /// A domain name of two or more labels.
    Domain,
    /// A URL, with or without a scheme.
    Url,
    /// An e-mail address.
    Email,
    /// An MD5 digest.
    Md5,
    /// A SHA-1 digest.
    Sha1,
    /// A SHA-256 digest.
    Sha256,
    /// A SHA-512 digest.
    Sha512,
}

impl Kind {
    /// All kinds, in order.
    pub const ALL: [Kind; 10] = [
        Kind::Ip,
        Kind::Network,
        Kind::IpPort,
        Kind::Domain,
        Kind::Url,
        Kind::Email,
        Kind::Md5,
        Kind::Sha1,
        Kind::Sha256,
        Kind::Sha512,
    ];

    /// The name used on the command line, in dumps and in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Ip => "ip",
            Kind::Network => "network",
            Kind::IpPort => "ip-port",
            Kind::Domain => "domain",
            Kind::Url => "url",
            Kind::Email => "email",
            Kind::Md5 => "md5",
            Kind::Sha1 => "sha1",
            Kind::Sha256 => "sha256",
            Kind::Sha512 => "sha512",
        }
    }

    /// The kind with this name, if there is one.
    pub fn from_name(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|k| k.as_str() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that can be seen, in canonical form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Observable {
    /// One address; an IPv4-mapped IPv6 address is its IPv4 address.
    Ip(IpAddr),
    /// A network.
    Network(Network),
    /// An address with a port.
    IpPort(IpPort),
    /// A domain name.
    Domain(Name),
    /// A URL.
    Url(Url),
    /// An e-mail address.
    Email(Email),
    /// A file digest.
    Digest(Digest),
    /// Keyed text (registry key, mutex, file name ...): kept and counted, not looked up yet.
    Text(Text),
}

impl Observable {
    /// The kind under which this is looked up; `None` for keyed text.
    pub fn kind(&self) -> Option<Kind> {
        Some(match self {
            Observable::Ip(_) => Kind::Ip,
            Observable::Network(_) => Kind::Network,
            Observable::IpPort(_) => Kind::IpPort,
            Observable::Domain(_) => Kind::Domain,
            Observable::Url(_) => Kind::Url,
            Observable::Email(_) => Kind::Email,
            Observable::Digest(d) => match d.algorithm() {
                Algorithm::Md5 => Kind::Md5,
                Algorithm::Sha1 => Kind::Sha1,
                Algorithm::Sha256 => Kind::Sha256,
                Algorithm::Sha512 => Kind::Sha512,
            },
            Observable::Text(_) => return None,
        })
    }
}

/// Text under a property: `file:name`, `windows-registry-key:key`, `mutex:name` ...
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text {
    /// The STIX object path, such as `file:name`.
    pub property: Box<str>,
    /// The value, as the feed has it.
    pub value: Box<str>,
}

/// Why a value is not what it was said to be. `as_str` gives the word used when refusals are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Refused {
    /// Nothing, or only blanks.
    #[error("empty value")]
    Empty,
    /// Not an IP address.
    #[error("not an IP address")]
    Address,
    /// Not a network: prefix length too large, or a range that ends before it starts.
    #[error("not a network")]
    Network,
    /// Not a port from 1 to 65535.
    #[error("not a port")]
    Port,
    /// Not a domain name of two or more labels.
    #[error("not a domain name of two or more labels")]
    Domain,
    /// Not a URL.
    #[error("not a URL")]
    Url,
    /// Not an e-mail address.
    #[error("not an e-mail address")]
    Email,
    /// Not hexadecimal, or not of the length that its name asks for.
    #[error("not a digest of that length")]
    Digest,
    /// Of no kind that is known.
    #[error("of no known kind")]
    Unknown,
}

/// What a feed says a value is: the column `type`, the STIX object path, or nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// Nothing is said: decided by shape.
    None,
    /// An address, a network, a range or an address with a port.
    Ip,
    /// An address with a port.
    IpPort,
    /// A domain or host name.
    Domain,
    /// A URL (a bare name or address is what it is: MATCHING section 2).
    Url,
    /// An e-mail address.
    Email,
    /// A digest by a named algorithm, or by length.
    Digest(Option<Algorithm>),
}

/// Undoes the defanged spellings that feeds use (`hxxp`, `[.]`, `(dot)`, `[@]` ...) and trims blanks. For feeds
/// only: events are never refanged.
pub fn refang(_text: &str) -> std::borrow::Cow<'_, str> {
    todo!()
}

/// Reads one value of a feed (defanged forms allowed). A range with a dash gives several networks, all else one
/// value.
///
/// # Errors
/// [`Refused`] with the reason.
pub fn read(_text: &str, _hint: Hint) -> Result<Vec<Observable>, Refused> {
    todo!()
}
