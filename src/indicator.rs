//! What is known: an indicator of a feed, resolved, ready for the index; and its context.
//!
//! Is: plain values shared by intake, index and engine.
//! Is not: parsing or storage.
//! Invariant: times are instants in microseconds since 1970-01-01T00:00:00Z, confidence is 0 to 100.

use std::fmt;
use std::sync::Arc;

use crate::observable::Observable;

/// An instant: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Reads an RFC 3339 date and time with any number of fraction digits; digits beyond six are dropped.
    pub fn parse(text: &str) -> Option<Timestamp> {
        let instant: jiff::Timestamp = text.trim().parse().ok()?;
        Some(Timestamp(instant.as_microsecond()))
    }
}

impl fmt::Display for Timestamp {
    /// `2026-11-24T10:55:18Z`, with a fraction of three or six digits only where there is one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(t) => write!(f, "{t}"),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

/// Traffic Light Protocol, TLP 1 and 2, from the least to the most restricted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Tlp {
    /// TLP:WHITE of TLP 1.
    White = 1,
    /// TLP:CLEAR of TLP 2.
    Clear = 2,
    /// TLP:GREEN.
    Green = 3,
    /// TLP:AMBER.
    Amber = 4,
    /// TLP:AMBER+STRICT of TLP 2.
    AmberStrict = 5,
    /// TLP:RED.
    Red = 6,
}

impl Tlp {
    /// The ECS value: `WHITE`, `CLEAR`, `GREEN`, `AMBER`, `AMBER+STRICT`, `RED`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Tlp::White => "WHITE",
            Tlp::Clear => "CLEAR",
            Tlp::Green => "GREEN",
            Tlp::Amber => "AMBER",
            Tlp::AmberStrict => "AMBER+STRICT",
            Tlp::Red => "RED",
        }
    }
    /// From the number that a snapshot stores; 0 is "not marked".
    pub const fn from_u8(n: u8) -> Option<Tlp> {
        Some(match n {
            1 => Tlp::White,
            2 => Tlp::Clear,
            3 => Tlp::Green,
            4 => Tlp::Amber,
            5 => Tlp::AmberStrict,
            6 => Tlp::Red,
            _ => return None,
        })
    }
}

/// The identifier that the feed gave the indicator.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Id {
    /// `indicator--<uuid>`: the 16 bytes of the UUID.
    Uuid([u8; 16]),
    /// Anything else, as it is.
    Text(Box<str>),
}

impl Id {
    /// Reads an id; `indicator--<lower-case uuid>` is stored as its bytes, all else as text.
    pub fn parse(text: &str) -> Id {
        match text.strip_prefix("indicator--").and_then(uuid) {
            Some(bytes) => Id::Uuid(bytes),
            None => Id::Text(text.into()),
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Id::Text(text) => f.write_str(text),
            Id::Uuid(bytes) => {
                f.write_str("indicator--")?;
                for (i, byte) in bytes.iter().enumerate() {
                    if matches!(i, 4 | 6 | 8 | 10) {
                        f.write_str("-")?;
                    }
                    write!(f, "{byte:02x}")?;
                }
                Ok(())
            }
        }
    }
}

/// The 16 bytes of a lower-case UUID in its usual spelling; anything else is `None`, so that an id is always
/// written back as it was read.
pub(crate) fn uuid(text: &str) -> Option<[u8; 16]> {
    let text = text.as_bytes();
    if text.len() != 36 {
        return None;
    }
    let mut bytes = [0u8; 16];
    let mut nibbles = 0;
    for (i, &c) in text.iter().enumerate() {
        if matches!(i, 8 | 13 | 18 | 23) {
            if c != b'-' {
                return None;
            }
            continue;
        }
        let digit = match c {
            b'0'..=b'9' => c - b'0',
            b'a'..=b'f' => c - b'a' + 10,
            _ => return None,
        };
        bytes[nibbles / 2] = bytes[nibbles / 2] << 4 | digit;
        nibbles += 1;
    }
    Some(bytes)
}

/// How the value stands in the indicator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The value alone is the indicator.
    Whole,
    /// A digest joined with other properties of the same file: grade `part-of-pattern`.
    OfPattern,
}

/// What a threat is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ThreatKind {
    /// `malware`, or a list's name column.
    Malware = 1,
    /// `threat-actor` or `intrusion-set`.
    Actor = 2,
    /// `campaign`.
    Campaign = 3,
    /// `tool`.
    Tool = 4,
    /// `attack-pattern`.
    AttackPattern = 5,
    /// `infrastructure`.
    Infrastructure = 6,
}

impl ThreatKind {
    /// All kinds, in the order in which a tag writes them.
    pub const ALL: [ThreatKind; 6] = [
        ThreatKind::Malware,
        ThreatKind::Actor,
        ThreatKind::Campaign,
        ThreatKind::Tool,
        ThreatKind::AttackPattern,
        ThreatKind::Infrastructure,
    ];
    /// The key under `taxiway` in a tag: `malware`, `actor`, `campaign`, `tool`, `attack_pattern`,
    /// `infrastructure`.
    pub const fn as_str(self) -> &'static str {
        match self {
            ThreatKind::Malware => "malware",
            ThreatKind::Actor => "actor",
            ThreatKind::Campaign => "campaign",
            ThreatKind::Tool => "tool",
            ThreatKind::AttackPattern => "attack_pattern",
            ThreatKind::Infrastructure => "infrastructure",
        }
    }
}

/// What an indicator points to. Stored once in a snapshot and shared by all indicators that have the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Context {
    /// The indicator's name.
    pub name: Option<Box<str>>,
    /// Its description.
    pub description: Option<Box<str>>,
    /// Labels and indicator types, in the order given, each once.
    pub labels: Vec<Box<str>>,
    /// Names of malware, actors, campaigns ... that it indicates; sorted, each once.
    pub threats: Vec<(ThreatKind, Box<str>)>,
    /// Kill-chain phases as `chain/phase`.
    pub kill_chain: Vec<Box<str>>,
    /// URLs of external references.
    pub references: Vec<Box<str>>,
}

/// One indicator of a feed with all that the index needs. Revoked indicators and older versions are gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Indicator {
    /// Number of the feed in the table that goes with it.
    pub feed: u16,
    /// The feed's id for it; lists give none.
    pub id: Option<Id>,
    /// Its values. Several are alternatives (OR).
    pub values: Vec<(Observable, Part)>,
    /// Valid from this instant on.
    pub valid_from: Option<Timestamp>,
    /// Valid until just before this instant (exclusive: STIX 2.1 section 4.7).
    pub valid_until: Option<Timestamp>,
    /// 0 to 100 (STIX 2.1 appendix A).
    pub confidence: Option<u8>,
    /// The strictest marking.
    pub tlp: Option<Tlp>,
    /// What it points to.
    pub context: Arc<Context>,
}
