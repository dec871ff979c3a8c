//! URLs in canonical form, with or without a scheme.

use crate::observable::Refused;

/// A canonical URL: scheme (if it has one) and the rest, `host[:port]/path[?query]`. The host is a canonical name
/// or address (IPv6 in brackets), a default port is dropped, an empty path is `/`, percent escapes are in upper
/// case, user information and fragment are gone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Url {
    // rest first, so that URLs sort by host and path, then scheme
    rest: Box<str>,
    scheme: Box<str>,
}

impl Url {
    /// Reads a URL that already ends where it ends (see docs/MATCHING.md for how a scanner finds the end).
    /// Without a scheme, `host[:port]` must be followed by `/` or `?`.
    ///
    /// # Errors
    /// [`Refused::Url`].
    pub fn parse(_text: &str) -> Result<Url, Refused> {
        todo!()
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
        todo!()
    }
    /// The host: a canonical name or address, without brackets and port.
    pub fn host(&self) -> &str {
        todo!()
    }
    /// The path with its leading `/`, without the query.
    pub fn path(&self) -> &str {
        todo!()
    }
}
