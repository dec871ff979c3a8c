//! Domain names and e-mail addresses.
//!
//! Is: the grammar of names of docs/MATCHING.md (two or more labels of letters, digits, `-`, `_`; 1 to 63 bytes
//! each, 253 in all; the last label not numeric) and their one ASCII form.
//! Is not: a judge of suffixes; whether a name is a public suffix or looks like a file is decided elsewhere.
//! Invariant: lower-case ASCII, no dot at either end; an ASCII label is only lower-cased (so `xn--` labels are
//! kept, decodable or not), a Unicode label becomes its `xn--` form by UTS 46 (non-transitional).
//! Fails: with [`Refused`]; never panics.
//! Costs: one allocation; UTS 46 is entered for labels that are not ASCII only.

use std::fmt;

use icu_properties::CodePointMapData;
use icu_properties::props::{GeneralCategory, GeneralCategoryGroup};
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use crate::observable::Refused;

/// Longest name in bytes, without a final dot.
const NAME_BYTES_MAX: usize = 253;
/// Longest label in bytes.
const LABEL_BYTES_MAX: usize = 63;
/// Longest local part of an e-mail address in bytes.
const LOCAL_BYTES_MAX: usize = 64;
/// Longest text looked at as a Unicode name: each of the 253 bytes of the result can stem from a long mapped
/// sequence, but no honest name is longer than this.
const UNICODE_BYTES_MAX: usize = 2048;

/// A domain name: lower-case ASCII (punycode), two or more labels, no dots at either end, no `*.`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Box<str>);

impl Name {
    /// Reads a name in either spelling (Unicode or punycode); leading `.` or `*.` and trailing dots are dropped.
    ///
    /// # Errors
    /// [`Refused::Domain`].
    pub fn parse(text: &str) -> Result<Name, Refused> {
        let text = text.strip_prefix("*.").or_else(|| text.strip_prefix('.')).unwrap_or(text);
        let text = text.trim_end_matches('.');
        let mut canonical = String::with_capacity(text.len());
        if push_canonical(text, &mut canonical) { Ok(Name(canonical.into())) } else { Err(Refused::Domain) }
    }

    /// The canonical ASCII form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An e-mail address in lower case, its domain canonical.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Email(Box<str>);

impl Email {
    /// Reads an address: a local part of at most 64 letters, digits and `. _ % + -`, an `@`, a domain.
    ///
    /// # Errors
    /// [`Refused::Email`].
    pub fn parse(text: &str) -> Result<Email, Refused> {
        let (local, domain) = text.split_once('@').ok_or(Refused::Email)?;
        if local.is_empty() || local.len() > LOCAL_BYTES_MAX || !local.bytes().all(is_local) {
            return Err(Refused::Email);
        }
        let mut canonical = String::with_capacity(text.len());
        canonical.push_str(local);
        canonical.make_ascii_lowercase();
        canonical.push('@');
        if push_canonical(domain.trim_end_matches('.'), &mut canonical) {
            Ok(Email(canonical.into()))
        } else {
            Err(Refused::Email)
        }
    }

    /// The canonical form, `local@domain`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part behind the `@`: a canonical name.
    pub fn domain(&self) -> &str {
        self.0.split_once('@').map_or("", |(_, domain)| domain)
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Appends the canonical form of a name that has no dot at either end. `false` when it is no name: `out` then
/// holds an undefined tail.
pub(crate) fn push_canonical(text: &str, out: &mut String) -> bool {
    let start = out.len();
    if text.is_ascii() {
        if !is_name(text.as_bytes()) {
            return false;
        }
        out.push_str(text);
    } else {
        if text.len() > UNICODE_BYTES_MAX {
            return false;
        }
        for (n, label) in text.split('.').enumerate() {
            if n > 0 {
                out.push('.');
            }
            if label.is_ascii() {
                out.push_str(label);
            } else if !push_unicode_label(label, out) {
                return false;
            }
        }
        if !out.as_bytes().get(start..).is_some_and(is_name) {
            return false;
        }
    }
    if let Some(canonical) = out.get_mut(start..) {
        canonical.make_ascii_lowercase();
    }
    true
}

/// One label that is not ASCII. A character that UTS 46 maps to a dot (`。` and its kin) makes it no label.
fn push_unicode_label(label: &str, out: &mut String) -> bool {
    let encoded =
        Uts46::new().to_ascii(label.as_bytes(), AsciiDenyList::EMPTY, Hyphens::Allow, DnsLength::Ignore);
    match encoded {
        Ok(ascii) if !ascii.contains('.') => {
            out.push_str(&ascii);
            true
        }
        _ => false,
    }
}

/// Whether these ASCII bytes are two or more labels, the last not numeric.
pub(crate) fn is_name(bytes: &[u8]) -> bool {
    if bytes.len() > NAME_BYTES_MAX {
        return false;
    }
    let mut labels = 1;
    let mut length = 0;
    let mut numeric = true;
    for byte in bytes {
        match byte {
            b'.' => {
                if length == 0 {
                    return false;
                }
                labels += 1;
                length = 0;
                numeric = true;
                continue;
            }
            b'0'..=b'9' => {}
            b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'_' => numeric = false,
            _ => return false,
        }
        length += 1;
        if length > LABEL_BYTES_MAX {
            return false;
        }
    }
    labels >= 2 && length > 0 && !numeric
}

/// Whether a non-ASCII character belongs to a name: alphabetic, number or mark.
pub(crate) fn is_word(letter: char) -> bool {
    letter.is_alphanumeric()
        || GeneralCategoryGroup::Mark.contains(CodePointMapData::<GeneralCategory>::new().get(letter))
}

const fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-')
}
