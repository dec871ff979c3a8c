//! What a run of `filter` has seen, in words.

use std::fmt::{self, Write as _};
use std::time::Duration;

use crate::observable::Kind;
use crate::stage::stdio::Summary;

/// One line a count, for `--stats`: a name, blanks, a number; counts of zero are left out after the first three.
pub(crate) fn table(summary: &Summary, took: Duration) -> Result<String, fmt::Error> {
    let tally = &summary.tally;
    let counts = &tally.counts;
    let mut out = String::new();
    let mut line = |name: &str, count: u64| writeln!(out, "{name:<32} {count:>14}");
    line("events", tally.events)?;
    line("events tagged", counts.events_tagged)?;
    line("bytes", tally.bytes)?;
    for (kind, &count) in Kind::ALL.iter().zip(&counts.hits).filter(|(_, count)| **count > 0) {
        line(&format!("hits {kind}"), count)?;
    }
    let mut suppressed = counts.suppressed.clone();
    suppressed.sort_unstable();
    for (rule, count) in suppressed {
        line(&format!("suppressed {rule}"), count)?;
    }
    let others = [
        ("events too long to be tagged", summary.long_events),
        ("events tagged under taxiway", counts.place_taken),
        ("events without a readable time", counts.no_event_time),
        ("events passed after a panic", tally.panics),
        ("streams that broke off", summary.faults),
    ];
    for (name, count) in others.into_iter().filter(|(_, count)| *count > 0) {
        line(name, count)?;
    }
    line("milliseconds", u64::try_from(took.as_millis()).unwrap_or(u64::MAX))?;
    Ok(out)
}

/// One line for somebody who looks on.
pub(crate) fn sentence(summary: &Summary, took: Duration) -> String {
    let tally = &summary.tally;
    let hits: u64 = tally.counts.hits.iter().sum();
    let suppressed: u64 = tally.counts.suppressed.iter().map(|(_, n)| n).sum();
    format!(
        "{} events tagged, {hits} hits, {suppressed} suppressed; {} in {:.2} s",
        tally.counts.events_tagged,
        indicatif::HumanBytes(tally.bytes),
        took.as_secs_f64()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_what_is_there() {
        let mut summary = Summary::default();
        summary.tally.events = 3;
        summary.tally.counts.hits[Kind::Domain as usize] = 2;
        summary.tally.counts.suppress("reserved", 4);
        summary.long_events = 1;
        let text = table(&summary, Duration::from_millis(5)).unwrap();
        let words: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert!(words.contains(&vec!["events", "3"]));
        assert!(words.contains(&vec!["hits", "domain", "2"]));
        assert!(words.contains(&vec!["suppressed", "reserved", "4"]));
        assert!(words.contains(&vec!["events", "too", "long", "to", "be", "tagged", "1"]));
        assert!(!text.contains("panic") && !text.contains("hits ip"));
    }
}
