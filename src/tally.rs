//! What became of the objects of a feed: counts by reason, with a few examples.
//!
//! Is: the accounting that every parser fills while it reads, so that nothing a feed sends disappears silently.
//! Is not: a log; positions stand in the examples, and only in the first few of each reason.
//! Invariant: reasons are short words from the code, never text of the feed, so their number is bounded.
//! Fails: never. Costs: a scan over the reasons seen so far, and text for the examples only.

use std::borrow::Cow;

/// Examples kept of each reason.
pub const EXAMPLES_MAX: usize = 3;

/// Bytes of an example; the rest is cut.
pub const EXAMPLE_BYTES_MAX: usize = 240;

/// How often something was said, and the first few cases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// The word that reports and metrics use.
    pub reason: &'static str,
    /// How often.
    pub count: u64,
    /// Up to [`EXAMPLES_MAX`] cases: place and culprit.
    pub examples: Vec<String>,
}

/// Counts by reason, in the order in which the reasons first came up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(Vec<Count>);

impl Counts {
    /// Counts one case; the example is asked for only while examples are kept.
    pub fn add(&mut self, reason: &'static str, example: impl FnOnce() -> String) {
        if self.count(reason) {
            self.example(reason, example());
        }
    }

    /// Counts one case and says whether an example of it is wanted, for callers that cannot make one in passing.
    pub fn count(&mut self, reason: &'static str) -> bool {
        let count = self.entry(reason);
        count.count += 1;
        count.examples.len() < EXAMPLES_MAX
    }

    /// Keeps an example of a case that was counted.
    pub fn example(&mut self, reason: &'static str, example: String) {
        self.entry(reason).examples.push(shortened(example));
    }

    /// Adds the counts of another part of the same feed.
    pub fn absorb(&mut self, other: Counts) {
        for from in other.0 {
            let count = self.entry(from.reason);
            count.count += from.count;
            let free = EXAMPLES_MAX.saturating_sub(count.examples.len());
            count.examples.extend(from.examples.into_iter().take(free));
        }
    }

    /// All of them together.
    pub fn total(&self) -> u64 {
        self.0.iter().map(|count| count.count).sum()
    }

    /// How often this reason came up.
    pub fn of(&self, reason: &str) -> u64 {
        self.0.iter().find(|count| count.reason == reason).map_or(0, |count| count.count)
    }

    /// The counts, as they came up.
    pub fn counts(&self) -> &[Count] {
        &self.0
    }

    /// Reason, count and examples, the largest first.
    pub fn into_rows(mut self) -> Vec<(&'static str, u64, Vec<String>)> {
        self.0.sort_by(|a, b| b.count.cmp(&a.count).then(a.reason.cmp(b.reason)));
        self.0.into_iter().map(|count| (count.reason, count.count, count.examples)).collect()
    }

    fn entry(&mut self, reason: &'static str) -> &mut Count {
        let found = self.0.iter().position(|count| count.reason == reason);
        let at = found.unwrap_or_else(|| {
            self.0.push(Count { reason, count: 0, examples: Vec::new() });
            self.0.len() - 1
        });
        &mut self.0[at]
    }
}

/// The fate of what was read of a feed.
///
/// `received` is what came; what is in neither `context` nor `skipped` became an indicator. Of those, `kept` give nothing
/// to look up yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Objects, or lines with a value (a hosts line counts its names).
    pub received: u64,
    /// Objects that say something about indicators, and all others that are no indicators, by type.
    pub context: Vec<(Box<str>, u64)>,
    /// Not used, by reason.
    pub skipped: Counts,
    /// Indicators that are kept for later evaluation, by the reason why they give nothing to look up.
    pub kept: Counts,
    /// Used, but something in it was wrong and left out, by reason.
    pub noted: Counts,
    /// Messages about the whole file (cut, broken from here on).
    pub warnings: Vec<String>,
}

impl Tally {
    /// Counts an object of this type as context. Types beyond `TYPES_MAX` are counted together as `other`.
    pub fn context(&mut self, kind: &str) {
        self.add_context(kind, 1);
    }

    /// Objects counted as context.
    pub fn context_total(&self) -> u64 {
        self.context.iter().map(|(_, count)| count).sum()
    }

    /// Adds the tally of another part of the same feed.
    pub fn absorb(&mut self, other: Tally) {
        self.received += other.received;
        for (kind, count) in other.context {
            self.add_context(&kind, count);
        }
        self.skipped.absorb(other.skipped);
        self.kept.absorb(other.kept);
        self.noted.absorb(other.noted);
        self.warnings.extend(other.warnings);
    }

    fn add_context(&mut self, kind: &str, more: u64) {
        count_word(&mut self.context, kind, more);
    }
}

/// Adds to the count of a word of the feed. Words beyond [`TYPES_MAX`] are counted together as `other`.
pub fn count_word(counts: &mut Vec<(Box<str>, u64)>, word: &str, more: u64) {
    let word = printable(word.into(), TYPE_BYTES_MAX);
    let place =
        |counts: &[(Box<str>, u64)], word: &str| counts.iter().position(|(known, _)| **known == *word);
    let known = place(counts, &word);
    let name = if known.is_some() || counts.len() < TYPES_MAX { &word } else { OTHER };
    let at = known.or_else(|| place(counts, name)).unwrap_or_else(|| {
        counts.push((name.into(), 0));
        counts.len() - 1
    });
    counts[at].1 += more;
}

/// Cuts text of a feed to a length that fits a report, and makes control characters visible.
pub fn shortened(text: String) -> String {
    printable(text.into(), EXAMPLE_BYTES_MAX).into_owned()
}

/// Text of which some bytes more than these are cut, and without control characters; doing it twice is doing it once.
fn printable(text: Cow<'_, str>, bytes_max: usize) -> Cow<'_, str> {
    const CUT: &str = "...";
    let is_long = |text: &str| text.len() > bytes_max + CUT.len();
    let has_controls = |text: &str| text.contains(char::is_control);
    if !is_long(&text) && !has_controls(&text) {
        return text;
    }
    let mut text = text.into_owned();
    for _ in 0..2 {
        if is_long(&text) {
            text.truncate(text.floor_char_boundary(bytes_max));
            text.push_str(CUT);
        }
        if has_controls(&text) {
            text = text.replace(char::is_control, "\u{fffd}");
        }
    }
    text.into()
}

/// Types of objects, and other words of a feed, counted by name.
pub const TYPES_MAX: usize = 64;

/// Bytes of the name of a type; those of STIX have at most 20.
const TYPE_BYTES_MAX: usize = 64;

const OTHER: &str = "other";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_all_and_keeps_three_examples() {
        let mut counts = Counts::default();
        for line in 1..=5 {
            counts.add("not-a-domain", || format!("line {line}"));
        }
        counts.add("empty", || "line 9".to_owned());
        assert_eq!(counts.total(), 6);
        assert_eq!(counts.of("not-a-domain"), 5);
        let rows = counts.into_rows();
        assert_eq!(rows[0].2, ["line 1", "line 2", "line 3"]);
        assert_eq!(rows[1].0, "empty");
    }

    #[test]
    fn hostile_types_are_bounded() {
        let mut tally = Tally::default();
        for n in 0..1000 {
            tally.context(&format!("x-{n}"));
        }
        assert_eq!(tally.context_total(), 1000);
        assert!(tally.context.len() <= 65);
        let mut both = Tally::default();
        for n in 0..60 {
            both.context(&format!("y-{n}"));
        }
        both.context("other");
        both.absorb(tally);
        both.context("other");
        assert_eq!(both.context_total(), 1062);
        assert!(both.context.len() <= 65);
        assert_eq!(both.context.iter().filter(|(kind, _)| **kind == *OTHER).count(), 1);
        let mut full = Tally::default();
        (0..64).for_each(|n| full.context(&format!("x-{n}")));
        full.context("other");
        assert_eq!(full.context_total(), 65);
        let mut long = Tally::default();
        for kind in ["x".repeat(100), "\u{1b}".repeat(60), "\u{1b}[31m".to_owned()] {
            long.context(&kind);
            long.context(&kind);
        }
        let mut again = Tally::default();
        again.absorb(long.clone());
        again.absorb(long);
        assert!(again.context.iter().all(|(kind, count)| *count == 4 && kind.len() <= 67), "{again:?}");
        assert_eq!(again.context.len(), 3);
    }

    #[test]
    fn examples_are_short_and_printable() {
        let text = shortened(format!("a\u{1b}[31m{}", "ä".repeat(1000)));
        assert!(text.len() <= EXAMPLE_BYTES_MAX + 8);
        assert!(!text.contains('\u{1b}'));
    }
}
