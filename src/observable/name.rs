//! Domain names and e-mail addresses.

use crate::observable::Refused;

/// A domain name: lower-case ASCII (punycode), two or more labels, no dots at either end, no `*.`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Box<str>);

impl Name {
    /// Reads a name in either spelling (Unicode or punycode); leading `.` or `*.` and trailing dots are dropped.
    ///
    /// # Errors
    /// [`Refused::Domain`].
    pub fn parse(_text: &str) -> Result<Name, Refused> {
        todo!()
    }
    /// The canonical ASCII form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An e-mail address in lower case, its domain canonical.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Email(Box<str>);

impl Email {
    /// Reads an address.
    ///
    /// # Errors
    /// [`Refused::Email`].
    pub fn parse(_text: &str) -> Result<Email, Refused> {
        todo!()
    }
    /// The canonical form, `local@domain`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// The part behind the `@`: a canonical name.
    pub fn domain(&self) -> &str {
        todo!()
    }
}
