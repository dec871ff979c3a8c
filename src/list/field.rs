//! Fields of a delimited line (RFC 4180, any delimiter).
//!
//! Is: quotes undone, doubled quotes made one; a quote that is not closed before a delimiter or the end is text.
//! Is not: about what the fields mean.
//! Fails: never. Costs: borrowed unless a quote is doubled.

use std::borrow::Cow;

use memchr::{memchr, memchr2, memmem};

/// A field, trimmed, and what follows its delimiter; nothing when it was the last.
pub(super) struct Field<'a> {
    /// The content.
    pub(super) text: Cow<'a, str>,
    /// Whether it stood in quotes.
    pub(super) quoted: bool,
    /// The rest of the line.
    pub(super) rest: Option<&'a str>,
}

/// Cuts the first field off.
pub(super) fn first(line: &str, delimiter: u8) -> Field<'_> {
    let trimmed = line.trim_start_matches(|c| blank(c, delimiter));
    if let Some(inner) = trimmed.strip_prefix('"')
        && let Some((text, rest)) = quoted(inner, delimiter)
    {
        return Field { text, quoted: true, rest };
    }
    let (text, rest) = match memchr(delimiter, line.as_bytes()) {
        Some(at) => (line.get(..at).unwrap_or_default(), line.get(at + 1..)),
        None => (line, None),
    };
    Field { text: Cow::Borrowed(text.trim()), quoted: false, rest }
}

/// All fields, up to `max`.
pub(super) fn all(line: &str, delimiter: u8, max: usize) -> Vec<Cow<'_, str>> {
    let mut fields = Vec::new();
    let mut rest = Some(line);
    while let Some(line) = rest.filter(|_| fields.len() < max) {
        let field = first(line, delimiter);
        fields.push(field.text);
        rest = field.rest;
    }
    fields
}

/// Where a row ends that may hold quoted fields of several lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// Before the line end at this offset.
    Ends(usize),
    /// Where the text ends.
    Whole,
    /// The text ends inside of quotes.
    Open,
}

/// Finds the end of the first row in one pass.
pub(super) fn row(text: &[u8], delimiter: u8) -> Extent {
    let blanks = |at: usize| {
        let rest = text.get(at..).unwrap_or_default();
        at + rest.iter().take_while(|byte| blank(char::from(**byte), delimiter)).count()
    };
    let mut at = 0;
    loop {
        let start = blanks(at);
        let mut end = None;
        if text.get(start) == Some(&b'"') {
            let Some(close) = closing(text, start + 1) else { return Extent::Open };
            let behind = blanks(close + 1);
            end = match text.get(behind..).unwrap_or_default() {
                [] => return Extent::Whole,
                [byte, ..] if matches!(*byte, b'\n' | b'\r') || *byte == delimiter => Some(behind),
                _ => None,
            };
        }
        // No quotes, or stray ones that say nothing.
        let from = end.unwrap_or(at);
        match memchr2(delimiter, b'\n', text.get(from..).unwrap_or_default()) {
            None => return Extent::Whole,
            Some(found) if text[from + found] == b'\n' => return Extent::Ends(from + found),
            Some(found) => at = from + found + 1,
        }
    }
}

/// The quote that closes what was opened before `at`; doubled ones do not.
fn closing(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr(b'"', text.get(at..)?)?;
        if text.get(at + 1) != Some(&b'"') {
            return Some(at);
        }
        at += 2;
    }
}

/// Cuts a comment off that stands behind blanks: `#`, `;` or `//`.
pub(super) fn without_comment(text: &str) -> &str {
    let end = ["#", ";", "//"].iter().filter_map(|sign| {
        memmem::find_iter(text.as_bytes(), sign)
            .find(|at| *at > 0 && matches!(text.as_bytes()[at - 1], b' ' | b'\t'))
    });
    end.min().and_then(|end| text.get(..end)).unwrap_or(text).trim_end()
}

/// Undoes the quotes of a field from behind the first one on: the text, and the rest behind the delimiter. `None` if
/// they are not closed, or more follows before the delimiter.
fn quoted(inner: &str, delimiter: u8) -> Option<(Cow<'_, str>, Option<&str>)> {
    let close = closing(inner.as_bytes(), 0)?;
    let text = inner.get(..close)?;
    let text = if text.contains('"') { Cow::Owned(text.replace("\"\"", "\"")) } else { Cow::Borrowed(text) };
    let after = inner.get(close + 1..)?.trim_start_matches(|c| blank(c, delimiter));
    match after.as_bytes().first() {
        None => Some((text, None)),
        Some(byte) if *byte == delimiter => Some((text, after.get(1..))),
        Some(_) => None,
    }
}

fn blank(c: char, delimiter: u8) -> bool {
    c == ' ' || (c == '\t' && delimiter != b'\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undoes_quotes() {
        let fields = all(r#"a, "b,c" ,"d ""e""",, f "g" ,"h" i"#, b',', 9);
        assert_eq!(fields, ["a", "b,c", "d \"e\"", "", "f \"g\"", "\"h\" i"]);
        assert_eq!(all("a\t\tb c\t", b'\t', 9), ["a", "", "b c", ""]);
        assert_eq!(all("a;b;c", b';', 2), ["a", "b"]);
    }

    #[test]
    fn finds_the_end_of_a_row() {
        for (text, end) in [
            ("a,\"b", Extent::Open),
            ("\"a\"\"", Extent::Open),
            ("a,\"b\",\"c\"", Extent::Whole),
            ("a,b\"c\"", Extent::Whole),
            ("a,\"b\nc\"\r\nd", Extent::Ends(8)),
            ("a,\"b\nc\" ,\"\n\"\"\n\"\nd", Extent::Ends(15)),
            ("a,\"b\nc\"d,\n", Extent::Ends(4)),
            ("a,\"b\nc\"d", Extent::Ends(4)),
        ] {
            assert_eq!(row(text.as_bytes(), b','), end, "{text}");
        }
        assert_eq!(all(r#""a,b"#, b',', 9), ["\"a", "b"]);
    }

    #[test]
    fn cuts_comments_behind_blanks_only() {
        assert_eq!(without_comment("1.2.3.4 # C2"), "1.2.3.4");
        assert_eq!(without_comment("1.2.3.4\t;c // d"), "1.2.3.4");
        assert_eq!(without_comment("http://evil.com/#a"), "http://evil.com/#a");
        assert_eq!(without_comment("evil.com // x # y"), "evil.com");
    }
}
