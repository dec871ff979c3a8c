//! Fields of a delimited line (RFC 4180, any delimiter).
//!
//! Is: quotes undone, doubled quotes made one; a quote that is not closed before a delimiter or the end is text.
//! Is not: about what the fields mean.
//! Fails: never. Costs: borrowed unless a quote is doubled.

use std::borrow::Cow;

use memchr::{memchr, memmem};

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
        && let Quoted::Closed { text, rest } = quoted(inner, delimiter)
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

/// Whether a field begins with a quote that the line does not close, so that the next line may belong to it.
pub(super) fn is_open(line: &str, delimiter: u8) -> bool {
    if memchr(b'"', line.as_bytes()).is_none() {
        return false;
    }
    let mut rest = Some(line);
    while let Some(line) = rest {
        let trimmed = line.trim_start_matches(|c| blank(c, delimiter));
        if let Some(inner) = trimmed.strip_prefix('"')
            && matches!(quoted(inner, delimiter), Quoted::Open)
        {
            return true;
        }
        rest = first(line, delimiter).rest;
    }
    false
}

/// Cuts a comment off that stands behind blanks: `#`, `;` or `//`.
pub(super) fn without_comment(text: &str) -> &str {
    let end = ["#", ";", "//"].iter().filter_map(|sign| {
        memmem::find_iter(text.as_bytes(), sign)
            .find(|at| *at > 0 && matches!(text.as_bytes()[at - 1], b' ' | b'\t'))
    });
    end.min().and_then(|end| text.get(..end)).unwrap_or(text).trim_end()
}

enum Quoted<'a> {
    Closed { text: Cow<'a, str>, rest: Option<&'a str> },
    Open,
    /// Closed, but more follows before the delimiter.
    Stray,
}

fn quoted(inner: &str, delimiter: u8) -> Quoted<'_> {
    let bytes = inner.as_bytes();
    let mut doubled = false;
    let mut at = 0;
    loop {
        let Some(found) = memchr(b'"', &bytes[at..]) else { return Quoted::Open };
        at += found;
        if bytes.get(at + 1) != Some(&b'"') {
            break;
        }
        doubled = true;
        at += 2;
    }
    let text = inner.get(..at).unwrap_or_default();
    let text = if doubled { Cow::Owned(text.replace("\"\"", "\"")) } else { Cow::Borrowed(text) };
    let after = inner.get(at + 1..).unwrap_or_default().trim_start_matches(|c| blank(c, delimiter));
    match after.as_bytes().first() {
        None => Quoted::Closed { text, rest: None },
        Some(byte) if *byte == delimiter => Quoted::Closed { text, rest: after.get(1..) },
        Some(_) => Quoted::Stray,
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
    fn knows_open_quotes() {
        assert!(is_open(r#"a,"b"#, b','));
        assert!(is_open("\"a\"\"", b','));
        assert!(!is_open(r#"a,"b","c""#, b','));
        assert!(!is_open(r#"a,b"c"#, b','));
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
