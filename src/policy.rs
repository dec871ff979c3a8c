//! Hit + field + time -> tag, or the name of the rule that suppresses it.
//!
//! Is: docs/MATCHING.md section M9, at the hit. Is not: the build rules (`index`); a reader of events: what a
//! rule has to know of an event is told to it.
//! Invariant: rules are asked in the order of [`Rule::ALL`], and the first one that refuses is counted.
//! Fails: never. Costs: comparisons; names of fields cost a step for each byte of path and name.

use std::net::IpAddr;
use std::ops::Range;

use crate::indicator::Timestamp;
use crate::observable::Kind;

/// Which hits are tagged.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Kinds of indicators that tag; empty means all.
    pub kinds: Vec<Kind>,
    /// Fields that are looked at; empty means all. A name covers the field of this dotted path and all below
    /// it; array steps may be left out, `*` stands for any characters, case counts.
    pub fields: Vec<Box<str>>,
    /// Fields that are not looked at, named in the same way. They win over `fields`.
    pub exclude: Vec<Box<str>>,
    /// Least confidence; an indicator without one passes.
    pub min_confidence: Option<u8>,
    /// `--allow reserved`.
    pub allow_reserved: bool,
    /// `--allow looks-like-file`.
    pub allow_looks_like_file: bool,
}

/// A rule that keeps a hit from being tagged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// The indicator's kind is not wanted.
    Kind,
    /// The field is not wanted.
    Field,
    /// The address is of no use on the Internet.
    Reserved,
    /// The name is more likely one of a file.
    LooksLikeFile,
    /// The indicator's confidence is too low.
    MinConfidence,
    /// The indicator is not valid yet.
    NotYetValid,
    /// The indicator is no longer valid.
    Expired,
}

impl Rule {
    /// All rules, in the order in which they are asked.
    pub const ALL: [Rule; 7] = [
        Rule::Kind,
        Rule::Field,
        Rule::Reserved,
        Rule::LooksLikeFile,
        Rule::MinConfidence,
        Rule::NotYetValid,
        Rule::Expired,
    ];

    /// The name under which hits are counted.
    pub const fn as_str(self) -> &'static str {
        match self {
            Rule::Kind => "kind",
            Rule::Field => "field",
            Rule::Reserved => "reserved",
            Rule::LooksLikeFile => "looks-like-file",
            Rule::MinConfidence => "min-confidence",
            Rule::NotYetValid => "not-yet-valid",
            Rule::Expired => "expired",
        }
    }
}

/// What an indicator says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// 0 to 100.
    pub confidence: Option<u8>,
    /// Valid from this instant on.
    pub valid_from: Option<Timestamp>,
    /// Valid until just before this instant.
    pub valid_until: Option<Timestamp>,
}

impl Policy {
    /// Whether indicators of this kind tag.
    pub fn wants_kind(&self, kind: Kind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }

    /// Whether every field tags.
    pub fn wants_all_fields(&self) -> bool {
        self.fields.is_empty() && self.exclude.is_empty()
    }

    /// Whether this field tags. `indexes` says where array steps stand in the path, each with its leading dot.
    pub fn wants_field(&self, path: &str, indexes: &[Range<usize>]) -> bool {
        let covers = |name: &str| covers(name.as_bytes(), path.as_bytes(), indexes);
        (self.fields.is_empty() || self.fields.iter().any(|name| covers(name)))
            && !self.exclude.iter().any(|name| covers(name))
    }

    /// The rule by which the indicator itself is refused, at this instant (`None`: validity is not looked at).
    pub fn refuses(&self, claims: Claims, at: Option<Timestamp>) -> Option<Rule> {
        if let (Some(least), Some(confidence)) = (self.min_confidence, claims.confidence)
            && confidence < least
        {
            return Some(Rule::MinConfidence);
        }
        let at = at?;
        if claims.valid_from.is_some_and(|from| at < from) {
            return Some(Rule::NotYetValid);
        }
        claims.valid_until.is_some_and(|until| at >= until).then_some(Rule::Expired)
    }
}

/// Whether a name covers a path: the name, with `*` for any characters, is the path or its beginning up to a dot,
/// when any of the array steps are left out.
fn covers(name: &[u8], path: &[u8], indexes: &[Range<usize>]) -> bool {
    // states[n]: the first n bytes of the name can stand for the path up to here
    let mut states = vec![false; name.len() + 1];
    states[0] = true;
    // array steps stand in order: the states in front of the one that ends at `behind`
    let mut steps = indexes.iter().peekable();
    let mut before = Vec::new();
    let mut behind = None;
    for at in 0..=path.len() {
        if behind == Some(at) {
            for (state, other) in states.iter_mut().zip(&before) {
                *state |= other;
            }
        }
        for (n, _) in name.iter().enumerate().filter(|(_, byte)| **byte == b'*') {
            states[n + 1] |= states[n];
        }
        let byte = path.get(at);
        if states[name.len()] && byte.is_none_or(|b| *b == b'.') {
            return true;
        }
        let Some(byte) = byte else { break };
        if let Some(step) = steps.next_if(|step| step.start <= at) {
            behind = Some(step.end);
            before.clone_from(&states);
        }
        for n in (0..=name.len()).rev() {
            let stays = states[n] && name.get(n) == Some(&b'*');
            let comes = n > 0 && states[n - 1] && name[n - 1] != b'*' && name[n - 1] == *byte;
            states[n] = stays || comes;
        }
    }
    false
}

/// Whether the address belongs to a block that is of no use on the Internet (M9.1). Documentation blocks are not
/// among them.
pub fn is_reserved(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            match a {
                0 | 10 | 127 | 224.. => true,
                100 => b & 0xc0 == 64,
                169 => b == 254,
                172 => b & 0xf0 == 16,
                192 => b == 168 || (b, c) == (0, 0),
                198 => b & 0xfe == 18,
                _ => false,
            }
        }
        IpAddr::V6(v6) => {
            let first = v6.segments()[0];
            v6.to_bits() <= 1
                || first & 0xffc0 == 0xfe80
                || first & 0xfe00 == 0xfc00
                || first & 0xff00 == 0xff00
        }
    }
}

/// Where a name stands in the event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Surroundings<'a> {
    /// Directly behind `//` or `@`.
    pub behind_mark: bool,
    /// Directly before `:` and a port.
    pub before_port: bool,
    /// The innermost key of the field whose whole value it is; `None` if it is not one.
    pub whole_value_of: Option<&'a str>,
}

/// Whether a name would be concerned by [`looks_like_file`] at all: two labels, the last one a top-level domain
/// that is a file extension as well.
pub fn is_file_like(name: &[u8]) -> bool {
    let mut labels = name.rsplit(|b| *b == b'.');
    let last = labels.next().unwrap_or_default();
    FILE_LIKE.iter().any(|extension| last.eq_ignore_ascii_case(extension))
        && labels.next().is_some()
        && labels.next().is_none()
}

/// Whether a name looks more like a file (M9.2).
pub fn looks_like_file(name: &[u8], surroundings: Surroundings<'_>) -> bool {
    let is_field_of_names = |key: &str| {
        let key = key.to_ascii_lowercase();
        !FILE_WORDS.iter().any(|word| key.contains(word))
    };
    is_file_like(name)
        && !surroundings.behind_mark
        && !surroundings.before_port
        && !surroundings.whole_value_of.is_some_and(is_field_of_names)
}

/// Top-level domains that are file extensions as well.
const FILE_LIKE: [&[u8]; 8] = [b"zip", b"mov", b"sh", b"py", b"rs", b"md", b"ps", b"so"];

/// Words in the keys of fields that hold files.
const FILE_WORDS: [&str; 10] =
    ["file", "path", "image", "process", "cmd", "command", "module", "script", "attach", "uri"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_blocks_end_where_they_end() {
        for inside in [
            "0.0.0.0",
            "0.255.255.255",
            "10.0.0.0",
            "10.255.255.255",
            "100.64.0.0",
            "100.127.255.255",
            "127.0.0.1",
            "169.254.0.1",
            "172.16.0.0",
            "172.31.255.255",
            "192.0.0.0",
            "192.0.0.255",
            "192.168.0.0",
            "192.168.255.255",
            "198.18.0.0",
            "198.19.255.255",
            "224.0.0.0",
            "239.1.1.1",
            "240.0.0.0",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::",
            "febf::1",
            "fc00::1",
            "fdff::1",
            "ff02::1",
        ] {
            assert!(is_reserved(inside.parse().unwrap()), "{inside}");
        }
        for outside in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.0.0.1",
            "128.0.0.1",
            "169.253.0.1",
            "172.15.0.1",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.2.1",
            "192.167.0.1",
            "192.169.0.1",
            "198.17.0.1",
            "198.20.0.0",
            "198.51.100.7",
            "203.0.113.9",
            "223.255.255.255",
            "::2",
            "fe7f::1",
            "fec0::1",
            "fbff::1",
            "fe00::1",
            "2001:db8::1",
        ] {
            assert!(!is_reserved(outside.parse().unwrap()), "{outside}");
        }
    }

    #[test]
    fn names_that_look_like_files() {
        let plain = Surroundings::default();
        for name in ["evil.zip", "EVIL.ZIP", "run.sh", "a.py", "a.rs", "a.md", "a.ps", "a.so", "a.mov"] {
            assert!(looks_like_file(name.as_bytes(), plain), "{name}");
        }
        for name in ["a.evil.zip", "zip", "evil.zip.example", "evil.example", "evilzip", "a.exe"] {
            assert!(!looks_like_file(name.as_bytes(), plain), "{name}");
        }
        let field = |key| Surroundings { whole_value_of: Some(key), ..plain };
        for good in [
            Surroundings { behind_mark: true, ..plain },
            Surroundings { before_port: true, ..plain },
            field("query"),
            field("host.name"),
            field(""),
        ] {
            assert!(!looks_like_file(b"evil.zip", good), "{good:?}");
        }
        for bad in [
            "FileName",
            "path",
            "Image",
            "ProcessName",
            "cmdline",
            "CommandLine",
            "module",
            "script",
            "attachments",
            "uri",
            "file.name",
        ] {
            assert!(looks_like_file(b"evil.zip", field(bad)), "{bad}");
        }
    }

    #[test]
    fn fields_are_covered_by_name() {
        let covered = |name: &str, path: &str, indexes: &[Range<usize>]| {
            covers(name.as_bytes(), path.as_bytes(), indexes)
        };
        for (name, path) in [
            ("a.b", "a.b"),
            ("a", "a.b"),
            ("a.b", "a.b.c"),
            ("id", "id.orig_h"),
            ("*", "a"),
            ("*.b", "a.x.b"),
            ("a*", "abc"),
            ("a.*.c", "a.b.c"),
            ("*_ip", "src_ip"),
            ("a**b", "a.b"),
            ("*", ""),
            ("a*c", "abc.d"),
        ] {
            assert!(covered(name, path, &[]), "{name} {path}");
        }
        for (name, path) in [
            ("a.b", "a"),
            ("a.b", "a.bc"),
            ("a", "ab"),
            ("b", "a.b"),
            ("A", "a"),
            ("*.b", "b"),
            ("a*c", "abd"),
            ("", "a"),
            ("a.", "a.b"),
            ("x*", "a"),
        ] {
            assert!(!covered(name, path, &[]), "{name} {path}");
        }
        // a.0.b.12.c
        let (path, indexes) = ("a.0.b.12.c", [1..3, 5..8]);
        for name in ["a.b.c", "a.0.b.c", "a.b.12.c", "a.0.b.12.c", "a.b", "a", "a.0", "*.c", "a.b.12"] {
            assert!(covered(name, path, &indexes), "{name}");
        }
        for name in ["a.1.b.c", "a.c", "a.b.1", "a.b.0", "a.12", "b.c"] {
            assert!(!covered(name, path, &indexes), "{name}");
        }
    }

    #[test]
    fn array_steps_follow_each_other() {
        let (path, indexes) = ("a.0.1.22.b", [1..3, 3..5, 5..8]);
        for name in ["a.b", "a.0.b", "a.1.b", "a.22.b", "a.0.22.b", "a.1.22", "a.0.1.22.b", "a*b", "a.*.22.b"]
        {
            assert!(covers(name.as_bytes(), path.as_bytes(), &indexes), "{name}");
        }
        for name in ["a.1.0.b", "a.2", "a.0.1.2", "a.22.1", "b", "a.0.0.b"] {
            assert!(!covers(name.as_bytes(), path.as_bytes(), &indexes), "{name}");
        }
    }

    #[test]
    fn exclusion_wins() {
        let policy = Policy { fields: vec!["a".into()], exclude: vec!["a.b".into()], ..Policy::default() };
        assert!(policy.wants_field("a.c", &[]));
        assert!(!policy.wants_field("a.b.c", &[]));
        assert!(!policy.wants_field("b", &[]));
    }

    #[test]
    fn validity_is_half_open_and_confidence_optional() {
        let policy = Policy { min_confidence: Some(50), ..Policy::default() };
        let claims =
            Claims { valid_from: Some(Timestamp(10)), valid_until: Some(Timestamp(20)), confidence: None };
        let at = |n| policy.refuses(claims, Some(Timestamp(n)));
        assert_eq!(
            [at(9), at(10), at(19), at(20)],
            [Some(Rule::NotYetValid), None, None, Some(Rule::Expired)]
        );
        assert_eq!(policy.refuses(claims, None), None);
        assert_eq!(
            policy.refuses(Claims { confidence: Some(49), ..claims }, None),
            Some(Rule::MinConfidence)
        );
        assert_eq!(policy.refuses(Claims { confidence: Some(50), ..claims }, None), None);
    }
}
