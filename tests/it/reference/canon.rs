//! Canonical forms by docs/MATCHING.md M3, M4, M5, M6, M7, in the plainest way, from text that is already cut out.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::reference::marks::is_mark;

/// What can be listed or seen.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Value {
    Ip(IpAddr),
    Network(IpAddr, u8),
    IpPort(IpAddr, u16),
    Domain(String),
    Url(Url),
    Email(String),
    Digest(String),
}

/// A URL: scheme, and `host[:port]/path[?query]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Url {
    pub(crate) scheme: Option<String>,
    pub(crate) rest: String,
}

impl Url {
    /// All before the `?`, if there is one.
    pub(crate) fn before_query(&self) -> Option<&str> {
        self.rest.split_once('?').map(|(before, _)| before)
    }
}

impl Value {
    /// Reads a value of a feed by its shape. Nothing is refanged.
    pub(crate) fn read(text: &str) -> Option<Value> {
        let chars: Vec<char> = text.chars().collect();
        if let Some(digest) = digest(&chars) {
            return Some(Value::Digest(digest));
        }
        if let Some(address) = address(text) {
            return Some(Value::Ip(address));
        }
        if let Some(network) = network(text) {
            return Some(network);
        }
        // M3.11: an IPv6 address takes a port in brackets only
        let host = |host: &str| match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
            Some(inner) => address(inner),
            None => ip4(host).map(IpAddr::V4),
        };
        if let Some((before, port)) = text.rsplit_once(':')
            && let Ok(port) = port.parse::<u16>()
            && let Some(address) = host(before)
        {
            return Some(Value::IpPort(address, port));
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            let rest: Vec<char> = rest.chars().collect();
            return url(Some(scheme), &rest).map(Value::Url);
        }
        if text.contains(['/', '?']) {
            return url(None, &chars).map(Value::Url);
        }
        if let Some((local, domain)) = text.split_once('@') {
            return Some(Value::Email(email(local, domain)?));
        }
        let bare: Vec<char> = text.trim_start_matches("*.").chars().collect();
        name(&bare).map(Value::Domain)
    }

    /// The kind, as on the command line.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Value::Ip(_) => "ip",
            Value::Network(..) => "network",
            Value::IpPort(..) => "ip-port",
            Value::Domain(_) => "domain",
            Value::Url(_) => "url",
            Value::Email(_) => "email",
            Value::Digest(d) => match d.len() {
                32 => "md5",
                40 => "sha1",
                64 => "sha256",
                _ => "sha512",
            },
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Ip(a) => write!(f, "{a}"),
            Value::Network(a, prefix) => write!(f, "{a}/{prefix}"),
            Value::IpPort(IpAddr::V4(a), port) => write!(f, "{a}:{port}"),
            Value::IpPort(IpAddr::V6(a), port) => write!(f, "[{a}]:{port}"),
            Value::Domain(text) | Value::Email(text) | Value::Digest(text) => f.write_str(text),
            Value::Url(Url { scheme: Some(scheme), rest }) => write!(f, "{scheme}://{rest}"),
            Value::Url(Url { scheme: None, rest }) => f.write_str(rest),
        }
    }
}

/// M3.1: four decimal octets, nothing else.
pub(crate) fn ip4(text: &str) -> Option<Ipv4Addr> {
    let octets: Vec<&str> = text.split('.').collect();
    if octets.len() != 4 {
        return None;
    }
    let mut bytes = [0u8; 4];
    for (byte, octet) in bytes.iter_mut().zip(octets) {
        if octet.is_empty() || octet.len() > 3 || !octet.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        *byte = u8::try_from(octet.parse::<u32>().ok()?).ok()?;
    }
    Some(Ipv4Addr::from(bytes))
}

/// M3.4: one IPv6 address, without zone and brackets. Not folded.
pub(crate) fn ip6(text: &str) -> Option<Ipv6Addr> {
    let (head, tail) = text.rsplit_once(':')?;
    if !tail.contains('.') {
        return text.parse().ok();
    }
    let [a, b, c, d] = ip4(tail)?.octets();
    format!("{head}:{a:02x}{b:02x}:{c:02x}{d:02x}").parse().ok()
}

/// M3.10: an IPv4-mapped address is the IPv4 address.
pub(crate) fn fold(address: Ipv6Addr) -> IpAddr {
    address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4)
}

/// An address of either family; a zone is dropped.
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    if let Some(address) = ip4(text) {
        return Some(IpAddr::V4(address));
    }
    let text = text.split_once('%').map_or(text, |(before, _)| before);
    ip6(text).map(fold)
}

fn network(text: &str) -> Option<Value> {
    let (host, prefix) = text.split_once('/')?;
    let address = address(host)?;
    let prefix: u8 = prefix.parse().ok()?;
    let masked = mask(address, prefix)?;
    // M3.15
    let one = prefix == if address.is_ipv4() { 32 } else { 128 };
    Some(if one { Value::Ip(masked) } else { Value::Network(masked, prefix) })
}

/// The address with all bits behind the prefix set to zero.
pub(crate) fn mask(address: IpAddr, prefix: u8) -> Option<IpAddr> {
    match address {
        IpAddr::V4(a) if prefix <= 32 => {
            let keep = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
            Some(IpAddr::V4(Ipv4Addr::from(u32::from(a) & keep)))
        }
        IpAddr::V6(a) if prefix <= 128 => {
            let keep = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
            Some(IpAddr::V6(Ipv6Addr::from(u128::from(a) & keep)))
        }
        _ => None,
    }
}

/// M4.1: a character that a name is made of, the dot aside.
pub(crate) fn in_label(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_' || unicode_word(c)
}

/// A Unicode word character.
pub(crate) fn unicode_word(c: char) -> bool {
    !c.is_ascii() && (c.is_alphanumeric() || is_mark(c))
}

/// M4.2, M4.3, M4.5: the canonical name, if the run is one.
pub(crate) fn name(run: &[char]) -> Option<String> {
    if !run.iter().all(|&c| in_label(c) || c == '.') {
        return None;
    }
    let run: String = run.iter().collect();
    let run = run.strip_prefix('.').unwrap_or(&run).trim_end_matches('.');
    let ascii = if run.is_ascii() {
        run.to_ascii_lowercase()
    } else {
        idna::uts46::Uts46::new()
            .to_ascii(
                run.as_bytes(),
                idna::AsciiDenyList::EMPTY,
                idna::uts46::Hyphens::Allow,
                idna::uts46::DnsLength::Ignore,
            )
            .ok()?
            .into_owned()
    };
    let labels: Vec<&str> = ascii.split('.').collect();
    let fits = ascii.len() <= 253
        && labels.len() >= 2
        && labels.iter().all(|l| {
            (1..=63).contains(&l.len())
                && l.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
        })
        && !labels.last()?.bytes().all(|b| b.is_ascii_digit());
    fits.then_some(ascii)
}

/// M6.1, M6.2.
pub(crate) fn email(local: &str, domain: &str) -> Option<String> {
    let local_fits = (1..=64).contains(&local.len())
        && local.bytes().all(|b| b.is_ascii_alphanumeric() || b"._%+-".contains(&b));
    if !local_fits || domain.starts_with('.') {
        return None;
    }
    let domain: Vec<char> = domain.chars().collect();
    Some(format!("{}@{}", local.to_ascii_lowercase(), name(&domain)?))
}

/// M7.1.
pub(crate) fn digest(run: &[char]) -> Option<String> {
    let fits = matches!(run.len(), 32 | 40 | 64 | 128) && run.iter().all(char::is_ascii_hexdigit);
    fits.then(|| run.iter().collect::<String>().to_ascii_lowercase())
}

/// Where the host of a URL starts in what follows `://`: behind the user information (M5.4).
pub(crate) fn host_start(body: &[char]) -> usize {
    let authority = body.iter().position(|c| "/?#".contains(*c)).unwrap_or(body.len());
    body.iter().take(authority).rposition(|&c| c == '@').map_or(0, |at| at + 1)
}

/// M5.4, M5.5, M5.7, M5.8: `body` is what follows `://`, or all of a URL without a scheme.
pub(crate) fn url(scheme: Option<&str>, body: &[char]) -> Option<Url> {
    let scheme = scheme.map(str::to_ascii_lowercase);
    let body: String = body.iter().collect();
    let authority_end = body.find(['/', '?', '#']).unwrap_or(body.len());
    let (authority, tail) = body.split_at(authority_end);
    let host_and_port = authority.rsplit_once('@').map_or(authority, |(_, behind)| behind);
    let (host, port) = if let Some(inner) = host_and_port.strip_prefix('[') {
        let (inner, behind) = inner.split_once(']')?;
        let inner = inner.split_once('%').map_or(inner, |(before, _)| before);
        let host = match fold(ip6(inner)?) {
            IpAddr::V4(a) => a.to_string(),
            IpAddr::V6(a) => format!("[{a}]"),
        };
        (host, if behind.is_empty() { "" } else { behind.strip_prefix(':')? })
    } else {
        let (host, port) = host_and_port.split_once(':').unwrap_or((host_and_port, ""));
        if host.starts_with('.') {
            return None;
        }
        let chars: Vec<char> = host.chars().collect();
        (ip4(host).map(|a| a.to_string()).or_else(|| name(&chars))?, port)
    };
    let port = port_number(port)?;
    let default: &[u32] = match scheme.as_deref() {
        None => &[80, 443],
        Some("http" | "ws") => &[80],
        Some("https" | "wss") => &[443],
        Some("ftp") => &[21],
        Some(_) => &[],
    };
    let port = port.filter(|p| !default.contains(p)).map_or(String::new(), |p| format!(":{p}"));
    let tail = tail.split_once('#').map_or(tail, |(before, _)| before);
    let slash = if tail.starts_with('/') { "" } else { "/" };
    Some(Url { scheme, rest: format!("{host}{port}{slash}{}", upper_escapes(tail)) })
}

/// `None`: no port after all. `Some(None)`: none is given.
#[expect(clippy::option_option, reason = "bad, absent, given")]
fn port_number(text: &str) -> Option<Option<u32>> {
    if text.is_empty() {
        return Some(None);
    }
    let fits = text.len() <= 5 && text.bytes().all(|b| b.is_ascii_digit());
    let port: u32 = text.parse().ok()?;
    (fits && port <= 65535).then_some(Some(port))
}

fn upper_escapes(text: &str) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for i in 0..chars.len().saturating_sub(2) {
        if chars[i] == '%' && chars[i + 1].is_ascii_hexdigit() && chars[i + 2].is_ascii_hexdigit() {
            chars[i + 1].make_ascii_uppercase();
            chars[i + 2].make_ascii_uppercase();
        }
    }
    chars.into_iter().collect()
}
