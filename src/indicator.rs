//! What is known: an indicator of a feed, resolved, ready for the index; and its context.
//!
//! Is: plain values shared by intake, index and engine.
//! Is not: parsing or storage.
//! Invariant: times are instants in microseconds since 1970-01-01T00:00:00Z, confidence is 0 to 100.

use std::fmt;
use std::sync::Arc;

use crate::compound::Compound;
use crate::observable::Observable;

/// An instant: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Reads an RFC 3339 date and time with any number of fraction digits; digits beyond six are dropped.
    pub fn parse(text: &str) -> Option<Timestamp> {
        let text = text.trim();
        if let Some(usual) = Timestamp::parse_usual(text.as_bytes()) {
            return Some(usual);
        }
        let instant: jiff::Timestamp = text.parse().ok()?;
        Some(Timestamp(instant.as_microsecond()))
    }

    /// `YYYY-MM-DDThh:mm:ss[.f]Z`, or `+00:00` instead of `Z`: the spelling of nearly all feeds, to the last second of the year 9999, which stands
    /// for "no end" in many of them.
    fn parse_usual(text: &[u8]) -> Option<Timestamp> {
        let utc = text.strip_suffix(b"Z").or_else(|| text.strip_suffix(b"+00:00"))?;
        let (clock, fraction) = utc.split_at_checked(19)?;
        let number = |from: usize, to: usize| {
            let digits = clock.get(from..to)?;
            let value =
                |sum, b: &u8| if b.is_ascii_digit() { Some(sum * 10 + i64::from(b - b'0')) } else { None };
            digits.iter().try_fold(0i64, value)
        };
        let signs = [clock[4], clock[7], clock[10], clock[13], clock[16]];
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days_in_month = match month {
            2 => 28 + i64::from(leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        if signs != *b"--T::"
            || !(1..=days_in_month).contains(&day)
            || hour > 23
            || minute > 59
            || second > 59
        {
            return None;
        }
        let mut micros = 0;
        if let Some((point, digits)) = fraction.split_first() {
            if *point != b'.' || digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
                return None;
            }
            let six = digits.iter().copied().chain(std::iter::repeat(b'0')).take(6);
            micros = six.fold(0, |sum, b| sum * 10 + i64::from(b - b'0'));
        }
        // Days since 1970-01-01, with years that begin in March.
        let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let century = year.div_euclid(100);
        let days =
            year * 365 + year.div_euclid(4) - century + year.div_euclid(400) + (month * 153 + 2) / 5 + day
                - 719_469;
        Some(Timestamp((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000 + micros))
    }
}

impl fmt::Display for Timestamp {
    /// `2026-11-24T10:55:18Z`, with a fraction of up to six digits where there is one, without zeros at its end. Years
    /// before 0 have a sign and six digits; what lies outside of four-digit years is a number of microseconds,
    /// `253402300800000000us`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A time without a zone: instants of `jiff` leave out the last day and a half of the year 9999, which stands
        // for "no end" in many feeds.
        let epoch = jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0);
        match epoch.checked_add(jiff::SignedDuration::from_micros(self.0)) {
            Ok(time) => write!(f, "{time}Z"),
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

impl Id {
    /// Writes the id as it was read.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Id::Text(text) => out.extend_from_slice(text.as_bytes()),
            Id::Uuid(bytes) => {
                out.extend_from_slice(b"indicator--");
                for (n, byte) in bytes.iter().enumerate() {
                    if matches!(n, 4 | 6 | 8 | 10) {
                        out.push(b'-');
                    }
                    out.extend([byte >> 4, byte & 15].map(|digit| DIGITS[usize::from(digit)]));
                }
            }
        }
    }
}

impl fmt::Display for Id {
    /// As [`Id::write`] does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Id::Text(text) = self {
            return f.write_str(text);
        }
        let mut text = Vec::with_capacity(47);
        self.write(&mut text);
        f.write_str(str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

/// The 16 bytes of a lower-case UUID in its usual spelling; anything else is `None`, so that an id is always
/// written back as it was read.
pub(crate) fn uuid(text: &str) -> Option<[u8; 16]> {
    let text = text.as_bytes();
    if text.len() != 36 || [8, 13, 18, 23].iter().any(|dash| text[*dash] != b'-') {
        return None;
    }
    let starts = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
    let mut bytes = [0u8; 16];
    let mut bad = 0;
    for (byte, start) in bytes.iter_mut().zip(starts) {
        let (high, low) = (HEX[usize::from(text[start])], HEX[usize::from(text[start + 1])]);
        bad |= high | low;
        *byte = high << 4 | low & 15;
    }
    (bad < 16).then_some(bytes)
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The value of each lower-case hex digit; 255 for all else.
const HEX: [u8; 256] = {
    let mut values = [255; 256];
    let mut n = 0u8;
    while n < 16 {
        values[DIGITS[n as usize] as usize] = n;
        n += 1;
    }
    values
};

/// A confidence from 0 to 100, with or without a fraction or a percent sign.
pub fn confidence(text: &str) -> Option<u8> {
    let number: f64 = text.strip_suffix('%').unwrap_or(text).trim().parse().ok()?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked just before")]
    (0.0..=100.0).contains(&number).then_some(number as u8)
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
    pub threats: Vec<(ThreatKind, Arc<str>)>,
    /// Kill-chain phases as `chain/phase`.
    pub kill_chain: Vec<Box<str>>,
    /// URLs of external references.
    pub references: Vec<Box<str>>,
    /// What few indicators have.
    pub remarks: Option<Box<Remarks>>,
}

/// What is said of few indicators, most of it by objects of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Remarks {
    /// Ids of ATT&CK techniques, such as `T1071.001`; sorted, each once.
    pub techniques: Vec<Box<str>>,
    /// Statements of its markings: copyright, terms of use; sorted, each once.
    pub statements: Vec<Box<str>>,
    /// Notes on it, the newest first.
    pub notes: Vec<Box<str>>,
    /// How often it was seen.
    pub sightings: Option<Sightings>,
    /// How many opinions on it are of each of [`OPINIONS`].
    pub opinions: [u32; 5],
}

/// How often an indicator was seen by those who tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sightings {
    /// How often; 0 says that it was looked for and not seen.
    pub count: u64,
    /// When it was last.
    pub last_seen: Option<Timestamp>,
}

/// The opinions of STIX 2.1 section 5.5, from against to for.
pub const OPINIONS: [&str; 5] = ["strongly-disagree", "disagree", "neutral", "agree", "strongly-agree"];

impl Remarks {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Remarks::default()
    }
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
    /// Further alternatives, each of several values at once: kept for later evaluation.
    pub compounds: Box<[Compound]>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_jiff_reads_them() {
        for text in [
            "1970-01-01T00:00:00Z",
            "2000-02-29T23:59:59.999999Z",
            "2024-02-29T12:00:00.1Z",
            "2100-03-01T00:00:00Z",
            "1969-12-31T23:59:59.5Z",
            "0001-01-01T00:00:00Z",
            "0000-03-01T00:00:00Z",
            "2026-11-24T10:55:18.1234567Z",
        ] {
            let ours = Timestamp::parse_usual(text.as_bytes()).unwrap();
            let theirs: jiff::Timestamp = text.parse().unwrap();
            assert_eq!(ours.0.div_euclid(1), theirs.as_microsecond(), "{text}");
        }
        for day in 0..150_000 {
            let time = Timestamp(day * 86_400_000_000 - 20_000 * 86_400_000_000);
            assert_eq!(Timestamp::parse_usual(time.to_string().as_bytes()), Some(time));
        }
    }

    #[test]
    fn times_are_written_as_jiff_writes_them() {
        let days = (-800_000..2_932_895)
            .step_by(97)
            .map(|day| day * 86_400_000_000 + day * 1_234_567 % 86_400_000_000);
        for micros in
            days.chain([0, 1, 10, 100_000, 999_999, 1_500_000, -1, -86_400_000_000, -62_167_219_200_000_000])
        {
            let theirs = jiff::Timestamp::from_microsecond(micros).unwrap();
            assert_eq!(Timestamp(micros).to_string(), theirs.to_string());
        }
        for (micros, text) in [
            (253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"),
            (253_402_300_800_000_000, "253402300800000000us"),
            (-62_167_219_200_000_001, "-000001-12-31T23:59:59.999999Z"),
            (i64::MAX, "9223372036854775807us"),
            (i64::MIN, "-9223372036854775808us"),
        ] {
            assert_eq!(Timestamp(micros).to_string(), text);
        }
    }

    #[test]
    fn other_spellings_and_none() {
        let noon = Timestamp::parse("2020-01-01T12:00:00Z");
        assert!(noon.is_some());
        for text in ["2020-01-01T13:00:00+01:00", " 2020-01-01t12:00:00z ", "2020-01-01 12:00:00Z"] {
            assert_eq!(Timestamp::parse(text), noon, "{text}");
        }
        for text in [
            "",
            "2020",
            "2021-02-29T00:00:00Z",
            "2020-01-01T24:00:00Z",
            "2020-01-01T00:00:00.Z",
            "2020-01-01",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn ids_are_written_back_as_they_were_read() {
        let id = "indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f";
        assert!(matches!(Id::parse(id), Id::Uuid(bytes) if bytes[0] == 0x8e && bytes[15] == 0x3f));
        for id in [
            id,
            &id.to_uppercase(),
            &id.replace('8', "g"),
            &id.replace("-4cbf", "a4cbf"),
            "indicator--1",
            "x",
        ] {
            assert_eq!(Id::parse(id).to_string(), id);
        }
        assert!(matches!(Id::parse(&id.replace("8e2e", "8E2E")), Id::Text(_)));
    }

    #[test]
    fn the_last_days_of_the_calendar() {
        for text in [
            "9999-12-30T21:59:59Z",
            "9999-12-30T23:00:00Z",
            "9999-12-31T23:59:59Z",
            "9999-12-31T23:59:59.999999Z",
        ] {
            assert_eq!(Timestamp::parse(text).unwrap().to_string(), text);
        }
    }
}
