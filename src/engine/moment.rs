//! The time of an event: which field has it, and how it is read.
//!
//! Is: RFC 3339 and its usual relatives (a space for the `T`, `+0200` for `+02:00`, no zone for UTC), and seconds,
//! milli-, micro- or nanoseconds since 1970 as a number or a string of digits.
//! Is not: a reader of syslog dates. Fails: with `None`. Costs: one walk over the event that keeps all scalars.

use crate::engine::event::grammar::decoded;
use crate::engine::event::{Role, Walk};
use crate::indicator::Timestamp;

/// Fields that usually hold the time, in the order in which they are asked.
const FIELDS: [&str; 6] = ["@timestamp", "timestamp", "ts", "time", "event.created", "eventTime"];

/// The time of an event that was walked with all its scalars: in this field, or in the first usual one that is
/// readable.
pub fn of_event(walk: &Walk, raw: &[u8], field: Option<&str>) -> Option<Timestamp> {
    let usual = if field.is_none() { &FIELDS[..] } else { &[] };
    field.into_iter().chain(usual.iter().copied()).find_map(|path| {
        let piece = walk.find(raw, path)?;
        let text = decoded(raw.get(piece.start..piece.end)?, piece.escaped);
        epoch(&text).or_else(|| if piece.role == Role::Value { date(&text) } else { None })
    })
}

/// A date and time.
fn date(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    Timestamp::parse(text).or_else(|| {
        let bare = text.len() > 10 && text.ends_with(|c: char| c.is_ascii_digit());
        if bare { Timestamp::parse(&format!("{text}Z")) } else { None }
    })
}

/// A number since 1970: its size says the unit.
fn epoch(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || whole.len() > 19 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let units: i64 = whole.parse().ok()?;
    // below 10^11 seconds lies the year 5138, above it as milliseconds the year 1973
    let (per_unit, divisor) = match units {
        0..100_000_000_000 => (1_000_000, 1),
        100_000_000_000..100_000_000_000_000 => (1_000, 1),
        100_000_000_000_000..100_000_000_000_000_000 => (1, 1),
        _ => (1, 1_000),
    };
    let mut micros = units.checked_mul(per_unit)? / divisor;
    let mut scale = per_unit;
    for digit in fraction.bytes() {
        scale /= 10;
        if scale == 0 {
            break;
        }
        micros += i64::from(digit - b'0') * scale;
    }
    Some(Timestamp(micros))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::event::Keep;

    fn at(raw: &str, field: Option<&str>) -> Option<String> {
        let mut walk = Walk::default();
        walk.event(raw.as_bytes(), Keep::Scalars).unwrap();
        of_event(&walk, raw.as_bytes(), field).map(|t| t.to_string())
    }

    #[test]
    fn usual_fields_and_spellings() {
        for (raw, want) in [
            (r#"{"@timestamp":"2026-01-02T03:04:05.678Z","ts":1}"#, "2026-01-02T03:04:05.678Z"),
            (r#"{"timestamp":"2015-03-29T11:01:38.221126-0600"}"#, "2015-03-29T17:01:38.221126Z"),
            (r#"{"ts":1521911720.865716}"#, "2018-03-24T17:15:20.865716Z"),
            (r#"{"ts":"1521911720"}"#, "2018-03-24T17:15:20Z"),
            (r#"{"time":1521911720865}"#, "2018-03-24T17:15:20.865Z"),
            (r#"{"time":1521911720865716}"#, "2018-03-24T17:15:20.865716Z"),
            (r#"{"time":1521911720865716123}"#, "2018-03-24T17:15:20.865716Z"),
            (r#"{"event":{"created":"2026-01-02 03:04:05+01:00"}}"#, "2026-01-02T02:04:05Z"),
            (r#"{"event.created":"2026-01-02T03:04:05"}"#, "2026-01-02T03:04:05Z"),
            (r#"{"@timestamp":"soon","ts":0}"#, "1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(at(raw, None).as_deref(), Some(want), "{raw}");
        }
        for none in [
            r#"{"ts":"x"}"#,
            r#"{"ts":-1}"#,
            r#"{"ts":null}"#,
            r#"{"a":{"ts":1}}"#,
            "{}",
            r#"{"ts":"2026-01-02T03:04:05+99:00"}"#,
        ] {
            assert_eq!(at(none, None), None, "{none}");
        }
        assert_eq!(at(r#"{"ts":1,"a":[{"t":2}]}"#, Some("a.0.t")).as_deref(), Some("1970-01-01T00:00:02Z"));
        assert_eq!(at(r#"{"ts":1}"#, Some("t")), None);
    }
}
