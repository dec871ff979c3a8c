//! What can be seen in an event and listed by a feed, in one canonical form.
//!
//! Is: the types of observables and their only constructors. Canonical form (lower case, punycode, parsed
//! addresses, masked networks, decoded digests) is made here and nowhere else.
//! Is not: a scanner; nothing here looks for an observable inside other text.
//! Invariant: `canon(canon(x)) == canon(x)`: reading the `Display` form under [`Kind::hint`] gives the same value.
//! Fails: with a [`Refused`] that names the reason; never panics.
//! Costs: one allocation a value at most for names, URLs and mail addresses; none for addresses and digests.

pub mod digest;
pub mod ip;
pub mod name;
pub mod url;

pub(crate) mod refang;

use std::fmt;
use std::net::IpAddr;

pub use self::digest::{Algorithm, Digest};
pub use self::ip::{IpPort, Network};
pub use self::name::{Email, Name};
pub use self::refang::refang;
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

    /// What [`read`] has to be told to read the text form of a value of this kind back.
    pub const fn hint(self) -> Hint {
        match self {
            Kind::Ip | Kind::Network => Hint::Ip,
            Kind::IpPort => Hint::IpPort,
            Kind::Domain => Hint::Domain,
            Kind::Url => Hint::Url,
            Kind::Email => Hint::Email,
            Kind::Md5 => Hint::Digest(Some(Algorithm::Md5)),
            Kind::Sha1 => Hint::Digest(Some(Algorithm::Sha1)),
            Kind::Sha256 => Hint::Digest(Some(Algorithm::Sha256)),
            Kind::Sha512 => Hint::Digest(Some(Algorithm::Sha512)),
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
}

impl Observable {
    /// The kind under which this is looked up.
    pub fn kind(&self) -> Kind {
        match self {
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
        }
    }
}

impl fmt::Display for Observable {
    /// The canonical text; [`read`] with [`Kind::hint`] gives the same value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Observable::Ip(v) => v.fmt(f),
            Observable::Network(v) => v.fmt(f),
            Observable::IpPort(v) => v.fmt(f),
            Observable::Domain(v) => v.fmt(f),
            Observable::Url(v) => v.fmt(f),
            Observable::Email(v) => v.fmt(f),
            Observable::Digest(v) => v.fmt(f),
        }
    }
}

impl From<Network> for Observable {
    /// A full-length network is its one address.
    fn from(network: Network) -> Observable {
        if network.is_single() { Observable::Ip(network.address()) } else { Observable::Network(network) }
    }
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
    /// A URL with a character in it at which URLs in events end: none could hold it.
    #[error("a URL that holds what ends a URL in an event")]
    UrlEnd,
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

impl Refused {
    /// The word under which refusals are counted.
    pub const fn as_str(self) -> &'static str {
        match self {
            Refused::Empty => "empty-value",
            Refused::Address => "not-an-address",
            Refused::Network => "not-a-network",
            Refused::Port => "not-a-port",
            Refused::Domain => "not-a-domain",
            Refused::Url => "not-a-url",
            Refused::UrlEnd => "url-end",
            Refused::Email => "not-an-email",
            Refused::Digest => "not-a-digest",
            Refused::Unknown => "not-a-value",
        }
    }
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
    /// A URL (a bare name or address is what it is: M5.12).
    Url,
    /// An e-mail address.
    Email,
    /// A digest by a named algorithm, or by length.
    Digest(Option<Algorithm>),
}

/// Reads one value of a feed (defanged forms allowed). A range with a dash gives several networks, all else one
/// value; a full-length network is its address.
///
/// [`Hint::None`] decides by shape, the first that fits: address, network, range, address with port, digest (32,
/// 40, 64 or 128 hex digits), URL with a scheme, e-mail address, URL without a scheme (`host/`, `host?`,
/// `host:port`), name. An address with a slash and digits that are no prefix length is refused, not a URL.
/// [`Hint::Ip`] takes the first four of these. [`Hint::Url`] takes URLs, and what has neither
/// scheme nor path as address, address with port or name. [`Hint::Domain`] takes a name, and else what it is by
/// shape, digests and e-mail addresses excepted: feeds put addresses and URLs under a domain type.
///
/// # Errors
/// [`Refused`] with the reason.
pub fn read(text: &str, hint: Hint) -> Result<Vec<Observable>, Refused> {
    let text = refang(text);
    let text = text.as_ref();
    if text.is_empty() {
        return Err(Refused::Empty);
    }
    match hint {
        Hint::None => by_shape(text),
        Hint::Ip => addresses(text),
        Hint::IpPort => IpPort::parse(text).map(|v| vec![Observable::IpPort(v)]),
        Hint::Domain => match Name::parse(text) {
            Ok(name) => Ok(vec![Observable::Domain(name)]),
            Err(refused) => addresses(text)
                .or_else(|_| url(text).map(|v| vec![v]))
                .map_err(|found| if found == Refused::UrlEnd { found } else { refused }),
        },
        Hint::Url => url(text).map(|v| vec![v]),
        Hint::Email => Email::parse(text).map(|v| vec![Observable::Email(v)]),
        Hint::Digest(algorithm) => Digest::parse(text, algorithm).map(|v| vec![Observable::Digest(v)]),
    }
}

fn by_shape(text: &str) -> Result<Vec<Observable>, Refused> {
    // what most lists hold is decided first; this changes the cost, not the answer
    if can_only_be_a_name(text.as_bytes()) {
        return Name::parse(text).map(|name| vec![Observable::Domain(name)]).map_err(|_| Refused::Unknown);
    }
    let has_scheme = url::split_scheme(text).0.is_some();
    let is_plain = !has_scheme && !text.bytes().any(|b| matches!(b, b':' | b'/' | b'?' | b'#' | b'@'));
    let mut refused = Refused::Unknown;
    if !has_scheme {
        let may_be_range = text.contains('-') && text.starts_with(|c: char| c.is_ascii_digit());
        let addresses = match ip::parse(text) {
            Err(reason) if is_plain && !may_be_range => Err(reason),
            Err(_) => addresses(text),
            Ok(address) => Ok(vec![Observable::Ip(address)]),
        };
        match addresses {
            Ok(found) => return Ok(found),
            // `1.2.3.4/33` is no URL
            Err(Refused::Network) if text.ends_with(|c: char| c.is_ascii_digit()) && !is_path(text) => {
                return Err(Refused::Network);
            }
            Err(Refused::Port) => refused = Refused::Port,
            Err(_) => {}
        }
        if let Ok(digest) = Digest::parse(text, None) {
            return Ok(vec![Observable::Digest(digest)]);
        }
        if let Ok(email) = Email::parse(text) {
            return Ok(vec![Observable::Email(email)]);
        }
    }
    if is_plain {
        return Name::parse(text).map(|name| vec![Observable::Domain(name)]).map_err(|_| refused);
    }
    url(text).map(|found| vec![found]).map_err(|found| if found == Refused::UrlEnd { found } else { refused })
}

/// Whether text has the letters of a name, a dot, so that it is no digest, and a letter at its end, so that it is no
/// address or range of addresses.
fn can_only_be_a_name(text: &[u8]) -> bool {
    let mut dots = 0;
    let plain = |byte: &u8| {
        dots += usize::from(*byte == b'.');
        byte.is_ascii_alphanumeric() || matches!(*byte, b'.' | b'-' | b'_')
    };
    text.last().is_some_and(u8::is_ascii_alphabetic) && text.iter().all(plain) && dots > 0
}

/// Whether more than digits stand behind the first slash.
fn is_path(text: &str) -> bool {
    text.split_once('/').is_some_and(|(_, behind)| !behind.bytes().all(|b| b.is_ascii_digit()))
}

/// Address (also in brackets), network, range, address with port. The reason is that of the shape it comes nearest
/// to.
fn addresses(text: &str) -> Result<Vec<Observable>, Refused> {
    if let Some(address) = address(text) {
        return Ok(vec![Observable::Ip(address)]);
    }
    if text.contains('/') {
        return Network::parse(text).map(|network| vec![Observable::from(network)]);
    }
    if let Some((first, last)) = text.split_once('-')
        && let (Ok(first), Ok(last)) = (ip::parse(first.trim()), ip::parse(last.trim()))
    {
        return ip::range(first, last).map(|found| found.into_iter().map(Observable::from).collect());
    }
    IpPort::parse(text).map(|found| vec![Observable::IpPort(found)])
}

fn address(text: &str) -> Option<IpAddr> {
    let bracketed =
        text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).filter(|t| t.contains(':'));
    ip::parse(bracketed.unwrap_or(text)).ok()
}

/// A URL; without scheme and path what stands there: an address, an address with a port, a name. A name with a port
/// is the URL of its root.
fn url(text: &str) -> Result<Observable, Refused> {
    match Url::parse(text) {
        Ok(url) => return Ok(Observable::Url(url)),
        Err(Refused::UrlEnd) => return Err(Refused::UrlEnd),
        Err(_) => {}
    }
    let text = text.strip_prefix("//").unwrap_or(text);
    let (host, _fragment) = text.split_once('#').unwrap_or((text, ""));
    if let Some(address) = address(host) {
        return Ok(Observable::Ip(address));
    }
    if let Ok(found) = IpPort::parse(host) {
        return Ok(Observable::IpPort(found));
    }
    if let Ok(name) = Name::parse(host) {
        return Ok(Observable::Domain(name));
    }
    match host.rsplit_once(':') {
        Some((_name, port)) if ip::port_number(port).is_some() => {
            Url::parse(&format!("{host}/")).map(Observable::Url)
        }
        _ => Err(Refused::Url),
    }
}

#[cfg(test)]
mod tests;
