//! Build rules: values that a feed lists and no snapshot takes (docs/MATCHING.md, "What is not tagged").
//!
//! Is: the rules that are applied when a snapshot is built, each with its name and its switch.
//! Is not: the rules applied at a hit (`policy`).
//! Invariants: a rule looks at nothing but the value; the public-suffix list is compiled in, its version is
//! [`SUFFIX_LIST`] and part of the set version.
//! Fails: never. Costs: a domain is one look-up in the public-suffix list, some 100 ns.

use psl::{Psl as _, Type};

use crate::index::Allow;
use crate::observable::{Network, Observable};

/// The public-suffix list that is compiled in.
pub(crate) const SUFFIX_LIST: &str = "psl-2.1.247";

/// A network wider than this (IPv4, IPv6) is refused.
const WIDEST: (u8, u8) = (8, 16);

/// What becomes of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Taken,
    /// Taken; sub-domains are somebody else's.
    ExactOnly,
    /// Refused by the rule of this name.
    Refused(&'static str),
}

/// Applies all rules.
pub(crate) fn judge(value: &Observable, allow: Allow) -> Verdict {
    match value {
        Observable::Network(network) if is_wide(network) && !allow.wide_network => {
            Verdict::Refused("wide-network")
        }
        Observable::Domain(name) => judge_name(name.as_str(), allow),
        Observable::Digest(digest) if is_of_nothing(digest.bytes()) && !allow.empty_file => {
            Verdict::Refused("empty-file")
        }
        _ => Verdict::Taken,
    }
}

fn is_wide(network: &Network) -> bool {
    network.prefix() < if network.address().is_ipv4() { WIDEST.0 } else { WIDEST.1 }
}

fn judge_name(name: &str, allow: Allow) -> Verdict {
    let mut labels = name.rsplit('.');
    let (last, second, third) = (labels.next(), labels.next(), labels.next());
    if second.is_some() && third.is_none() && last.is_some_and(is_extension) && !allow.file_name {
        return Verdict::Refused("file-name");
    }
    let suffix = psl::List.find(name.as_bytes().rsplit(|&byte| byte == b'.'));
    match suffix.typ {
        Some(Type::Icann) if suffix.len == name.len() && !allow.public_suffix => {
            Verdict::Refused("public-suffix")
        }
        Some(Type::Private) if suffix.len == name.len() => Verdict::ExactOnly,
        _ => Verdict::Taken,
    }
}

/// Usual file extensions that are no top-level domains: a report that lists such a name means a file.
#[rustfmt::skip]
fn is_extension(label: &str) -> bool {
    matches!(
        label,
        "exe" | "dll" | "sys" | "bat" | "cmd" | "scr" | "lnk" | "vbs" | "jar" | "apk" | "php" | "html" | "htm"
            | "js" | "css" | "ico" | "png" | "jpg" | "gif" | "pdf" | "doc" | "docx" | "xls" | "xlsx" | "txt"
            | "log" | "json" | "xml" | "csv" | "dat" | "tmp" | "ini" | "iso"
    )
}

/// Whether this is a digest of the empty file.
fn is_of_nothing(digest: &[u8]) -> bool {
    let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    EMPTY.iter().any(|empty| digits.clone().map(digit).eq(empty.bytes()))
}

const fn digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

/// MD5, SHA-1, SHA-256 and SHA-512 of no bytes.
const EMPTY: [&str; 4] = [
    "d41d8cd98f00b204e9800998ecf8427e",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce\
     47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str, allow: Allow) -> Verdict {
        judge_name(text, allow)
    }

    #[test]
    fn suffixes() {
        let none = Allow::default();
        let all = Allow { public_suffix: true, ..none };
        // listed, under a wildcard, and in punycode
        for suffix in ["co.uk", "anything.ck", "gov.uk", "xn--55qx5d.cn"] {
            assert_eq!(name(suffix, none), Verdict::Refused("public-suffix"), "{suffix}");
            assert_eq!(name(suffix, all), Verdict::Taken, "{suffix}");
        }
        for suffix in ["github.io", "duckdns.org", "blogspot.com"] {
            assert_eq!(name(suffix, none), Verdict::ExactOnly, "{suffix}");
            assert_eq!(name(suffix, all), Verdict::ExactOnly, "{suffix}");
        }
        // below a suffix, an exception of a wildcard, and top-level domains that are in no list
        for ordinary in ["evil.co.uk", "me.github.io", "www.ck", "a.bazar", "b.bit", "c.onion", "evil.com"] {
            assert_eq!(name(ordinary, none), Verdict::Taken, "{ordinary}");
        }
    }

    #[test]
    fn file_names() {
        let none = Allow::default();
        for file in ["fix-your-files.txt", "a.exe", "x.iso", "x.ini", "index.html"] {
            assert_eq!(name(file, none), Verdict::Refused("file-name"), "{file}");
            assert_eq!(name(file, Allow { file_name: true, ..none }), Verdict::Taken, "{file}");
        }
        // three labels, and extensions that are top-level domains
        for ordinary in ["www.evil.txt", "evil.zip", "evil.sh", "evil.mov", "txt.com"] {
            assert_eq!(name(ordinary, none), Verdict::Taken, "{ordinary}");
        }
    }

    #[test]
    fn version_of_the_suffix_list() {
        let lock = include_str!("../../Cargo.lock");
        let version = SUFFIX_LIST.strip_prefix("psl-").unwrap();
        assert!(
            lock.contains(&format!("name = \"psl\"\nversion = \"{version}\"\n")),
            "SUFFIX_LIST has to follow Cargo.lock"
        );
    }
}
