//! Defanged spellings of feeds, undone.
//!
//! Is: the one place that knows `hxxp`, `[.]`, `(dot)` and their kin. For feeds only.
//! Is not: used on events, ever.
//! Invariant: doing it twice is doing it once.
//! Fails: never; text without such a form is returned as it is, trimmed.
//! Costs: nothing is allocated unless a form is found; one pass.

use std::borrow::Cow;

/// Undoes the defanged spellings that feeds use and trims blanks and one or more pairs of quotes around. For feeds
/// only: events are never refanged.
///
/// In `[ ]`, `( )` or `{ }`: `.` `dot` `:` `@` `at` `/` `://`, blanks around the brackets dropped; `\.`; schemes
/// `hxxp`, `hxxps`, `h**p`, `fxp` in any case and mixture.
pub fn refang(text: &str) -> Cow<'_, str> {
    let text = brackets(trim(text));
    match scheme(&text) {
        Some((scheme, defanged_bytes)) => {
            let behind = text.get(defanged_bytes..).unwrap_or("");
            Cow::Owned(format!("{scheme}{behind}"))
        }
        None => text,
    }
}

fn trim(text: &str) -> &str {
    let mut text = text.trim();
    while let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))
        && let Some(inside) = text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote))
    {
        text = inside.trim();
    }
    text
}

/// Undoes the forms in brackets alone, for a line that is yet to be cut into words.
///
/// Copies the text; where a closing bracket completes a form, the form is replaced in the copy. So a form that only
/// arises by a replacement is seen as well, and one pass is enough.
pub(crate) fn brackets(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    if memchr::memchr3(b'[', b'(', b'{', bytes).is_none() && memchr::memchr(b'\\', bytes).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut after_form = false;
    for c in text.chars() {
        if after_form && c.is_whitespace() {
            continue;
        }
        after_form = false;
        match c {
            ']' | ')' | '}' => match form(&out, c) {
                Some((plain, form_bytes)) => {
                    out.truncate(out.len() - form_bytes);
                    out.truncate(out.trim_end().len());
                    push(&mut out, plain);
                    after_form = true;
                }
                None => out.push(c),
            },
            '.' => push(&mut out, "."),
            _ => out.push(c),
        }
    }
    if out == text { Cow::Borrowed(text) } else { Cow::Owned(out) }
}

/// Appends; a back-slash before a dot goes.
fn push(out: &mut String, plain: &str) {
    if plain == "." {
        out.truncate(out.trim_end_matches('\\').len());
    }
    out.push_str(plain);
}

/// The plain text of the form that `close` completes at the end of `out`, and the bytes of it that stand there.
fn form(out: &str, close: char) -> Option<(&'static str, usize)> {
    let open = match close {
        ']' => '[',
        ')' => '(',
        _ => '{',
    };
    for (inside, plain) in FORMS {
        let Some(start) = out.len().checked_sub(inside.len() + 1) else { continue };
        let Some(tail) = out.get(start..) else { continue };
        if tail.strip_prefix(open).is_some_and(|tail| tail.eq_ignore_ascii_case(inside)) {
            return Some((plain, tail.len()));
        }
    }
    None
}

/// The real scheme in place of a defanged one in front of `://`, and the bytes of the latter.
fn scheme(text: &str) -> Option<(&'static str, usize)> {
    let first = text.as_bytes().first()?;
    if !matches!(first, b'h' | b'H' | b'f' | b'F') {
        return None;
    }
    let (scheme, _behind) = text.get(..text.len().min(16)).unwrap_or(text).split_once("://")?;
    let hidden = scheme.bytes().any(|b| matches!(b, b'x' | b'X' | b'*'));
    let letters_fit = |plain: &str| {
        scheme.len() == plain.len()
            && scheme.bytes().zip(plain.bytes()).all(|(found, plain)| {
                found.eq_ignore_ascii_case(&plain) || plain == b't' && matches!(found, b'x' | b'X' | b'*')
            })
    };
    ["http", "https", "ftp", "ftps"]
        .into_iter()
        .find(|plain| hidden && letters_fit(plain))
        .map(|plain| (plain, scheme.len()))
}

/// What stands between the brackets, and what it stands for.
const FORMS: [(&str, &str); 7] =
    [(".", "."), ("dot", "."), (":", ":"), ("@", "@"), ("at", "@"), ("/", "/"), ("://", "://")];
