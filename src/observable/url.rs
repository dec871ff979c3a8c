//! URLs in canonical form, with or without a scheme.
//!
//! Is: the one reader of URLs, for feeds and for candidates of events alike.
//! Is not: a WHATWG parser: no dot segments are removed, no query is sorted, nothing is percent-encoded or
//! decoded, and a host is a name of two labels or more, or an address in its usual spelling.
//! Invariant: `rest` is `host[:port]/path[?query]`, host and port canonical; scheme in lower case.
//! Fails: with [`Refused::Url`] or [`Refused::UrlEnd`]; never panics.
//! Costs: one allocation, a second one for a scheme other than http, https, ftp, ws, wss.

use std::borrow::Cow;
use std::fmt;
use std::fmt::Write;
use std::net::IpAddr;

use crate::observable::{Refused, ip, name};

/// A canonical URL: scheme (if it has one) and the rest, `host[:port]/path[?query]`. The host is a canonical name
/// or address (IPv6 in brackets), a default port is dropped, an empty path is `/`, percent escapes are in upper
/// case, user information and fragment are gone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Url {
    // rest first, so that URLs sort by host and path, then scheme
    rest: Box<str>,
    scheme: Cow<'static, str>,
}

impl Url {
    /// Reads a URL that already ends where it ends (see docs/MATCHING.md for how a scanner finds the end).
    /// Without a scheme, `host[:port]` must be followed by `/` or `?`; `//` in front of it is dropped.
    ///
    /// # Errors
    /// [`Refused::Url`], for white space and control characters too; [`Refused::UrlEnd`] for other characters at which
    /// a URL in an event ends.
    pub fn parse(text: &str) -> Result<Url, Refused> {
        let (scheme, behind) = split_scheme(text);
        let (relative, behind) = match behind.strip_prefix("//") {
            Some(behind) if scheme.is_none() => (true, behind),
            _ => (false, behind),
        };
        let end = behind.bytes().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(behind.len());
        let (authority, tail) = behind.split_at_checked(end).ok_or(Refused::Url)?;
        let (tail, _fragment) = tail.split_once('#').unwrap_or((tail, ""));
        if scheme.is_none() && tail.is_empty() {
            return Err(Refused::Url);
        }
        let host = match authority.rsplit_once('@') {
            Some((_user, host)) if scheme.is_some() || relative => host,
            Some(_) => return Err(Refused::Url),
            None => authority,
        };
        let scheme = scheme.map_or(Cow::Borrowed(""), canonical_scheme);
        let mut rest = String::with_capacity(host.len() + tail.len().max(1));
        push_host_and_port(host, &scheme, &mut rest)?;
        push_path(tail, &mut rest)?;
        Ok(Url { rest: rest.into(), scheme })
    }

    /// The scheme in lower case, without `://`.
    pub fn scheme(&self) -> Option<&str> {
        (!self.scheme.is_empty()).then_some(&self.scheme)
    }

    /// `host[:port]/path[?query]`.
    pub fn rest(&self) -> &str {
        &self.rest
    }

    /// `host[:port]/path`, or `None` when there is no query.
    pub fn rest_without_query(&self) -> Option<&str> {
        self.rest.split_once('?').map(|(rest, _query)| rest)
    }

    /// The host: a canonical name or address, without brackets and port.
    pub fn host(&self) -> &str {
        self.split_host().0
    }

    /// The port, unless it is the default one.
    pub fn port(&self) -> Option<u16> {
        let (_host, behind) = self.split_host();
        let (port, _path) = behind.strip_prefix(':')?.split_once('/')?;
        ip::port_number(port)
    }

    /// The path with its leading `/`, without the query.
    pub fn path(&self) -> &str {
        let rest = self.rest_without_query().unwrap_or(&self.rest);
        rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/")
    }

    /// The host without brackets, and what follows it.
    fn split_host(&self) -> (&str, &str) {
        if let Some(rest) = self.rest.strip_prefix('[') {
            return rest.split_once(']').unwrap_or((rest, ""));
        }
        let end = self.rest.find([':', '/']).unwrap_or(self.rest.len());
        self.rest.split_at_checked(end).unwrap_or((&self.rest, ""))
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.scheme.is_empty() {
            f.write_str(&self.scheme)?;
            f.write_str("://")?;
        }
        f.write_str(&self.rest)
    }
}

/// The scheme in front of `://`, if what stands there is one, and the text behind it.
pub(crate) fn split_scheme(text: &str) -> (Option<&str>, &str) {
    let end = text.bytes().position(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'+' | b'.' | b'-')));
    let Some((scheme, behind)) = end.and_then(|end| text.split_at_checked(end)) else {
        return (None, text);
    };
    match behind.strip_prefix("://") {
        Some(behind) if scheme.starts_with(|c: char| c.is_ascii_alphabetic()) => (Some(scheme), behind),
        _ => (None, text),
    }
}

fn canonical_scheme(scheme: &str) -> Cow<'static, str> {
    KNOWN_SCHEMES
        .into_iter()
        .find(|(known, _port)| known.eq_ignore_ascii_case(scheme))
        .map_or_else(|| Cow::Owned(scheme.to_ascii_lowercase()), |(known, _port)| Cow::Borrowed(known))
}

/// Whether the port says nothing: the scheme's own, and without a scheme that of http and that of https.
fn is_default_port(scheme: &str, port: u16) -> bool {
    if scheme.is_empty() { matches!(port, 80 | 443) } else { KNOWN_SCHEMES.contains(&(scheme, port)) }
}

fn push_host_and_port(text: &str, scheme: &str, out: &mut String) -> Result<(), Refused> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, behind) = rest.split_once(']').ok_or(Refused::Url)?;
            let port = if behind.is_empty() { "" } else { behind.strip_prefix(':').ok_or(Refused::Url)? };
            push_bracketed(host, out)?;
            ("", port)
        }
        None => text.split_once(':').unwrap_or((text, "")),
    };
    if !host.is_empty() {
        push_host(host, out)?;
    } else if out.is_empty() {
        return Err(Refused::Url);
    }
    if port.is_empty() {
        return Ok(());
    }
    let port = ip::port_number(port).ok_or(Refused::Url)?;
    if is_default_port(scheme, port) {
        return Ok(());
    }
    write!(out, ":{port}").map_err(|_| Refused::Url)
}

/// The address between brackets: IPv6, or IPv4 when it is a mapped one.
fn push_bracketed(host: &str, out: &mut String) -> Result<(), Refused> {
    if !host.contains(':') {
        return Err(Refused::Url);
    }
    match ip::parse(host).map_err(|_| Refused::Url)? {
        IpAddr::V4(v4) => write!(out, "{v4}"),
        IpAddr::V6(v6) => write!(out, "[{v6}]"),
    }
    .map_err(|_| Refused::Url)
}

/// A name, or an IPv4 address.
fn push_host(host: &str, out: &mut String) -> Result<(), Refused> {
    let host = host.trim_end_matches('.');
    if host.ends_with(|c: char| c.is_ascii_digit())
        && let Ok(address) = ip::parse(host)
    {
        return write!(out, "{address}").map_err(|_| Refused::Url);
    }
    if name::push_canonical(host, out) { Ok(()) } else { Err(Refused::Url) }
}

/// Whether a URL in an event ends before this character.
fn ends_a_url(c: char) -> bool {
    match c {
        '\0'..=' ' | '\x7f' | '"' | '\'' | '<' | '>' | '`' | '{' | '}' | '|' | '^' | '\\' => true,
        '!'..='~' => false,
        _ => !name::is_word(c),
    }
}

/// Path and query, percent escapes in upper case.
fn push_path(tail: &str, out: &mut String) -> Result<(), Refused> {
    if let Some(end) = tail.chars().find(|c| ends_a_url(*c)) {
        let is_blank = end.is_whitespace() || end.is_control();
        return Err(if is_blank { Refused::Url } else { Refused::UrlEnd });
    }
    if !tail.starts_with('/') {
        out.push('/');
    }
    if memchr::memchr(b'%', tail.as_bytes()).is_none() {
        out.push_str(tail);
        return Ok(());
    }
    let mut pieces = tail.split('%');
    out.push_str(pieces.next().unwrap_or(""));
    for piece in pieces {
        out.push('%');
        match piece.split_at_checked(2) {
            Some((hex, behind)) if hex.bytes().all(|b| b.is_ascii_hexdigit()) => {
                out.extend(hex.chars().map(|c| c.to_ascii_uppercase()));
                out.push_str(behind);
            }
            _ => out.push_str(piece),
        }
    }
    Ok(())
}

/// Schemes with a default port.
const KNOWN_SCHEMES: [(&str, u16); 5] = [("http", 80), ("https", 443), ("ftp", 21), ("ws", 80), ("wss", 443)];
