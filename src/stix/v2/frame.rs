//! Where a JSON value ends, and where it stops being JSON.
//!
//! Is: a scan of the grammar (brackets, strings, commas, colons) that tells a whole value from a cut or broken one,
//! for the objects that the decoder refused and for what is skipped.
//! Is not: a decoder; numbers and escapes are not looked into, and raw control characters in strings pass.
//! Invariant: never reads beyond the slice; needs no recursion, whatever the depth.
//! Fails: never. Costs: one pass, and one byte a level of depth.

use memchr::memchr2;

/// How a value goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// It ends before this offset.
    Whole(usize),
    /// The slice ends first.
    Open,
    /// The byte at this offset cannot stand there.
    Broken(usize),
}

/// What may come next.
#[derive(Clone, Copy)]
enum Next {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    CommaOrEnd,
}

/// Finds the end of the value that starts at the first byte.
pub(super) fn value(bytes: &[u8]) -> Frame {
    let mut open: Vec<u8> = Vec::new();
    let mut next = Next::Value;
    let mut at = 0;
    loop {
        at += blanks(&bytes[at..]);
        let Some(&byte) = bytes.get(at) else { return Frame::Open };
        match (next, byte) {
            (Next::Value | Next::ValueOrEnd, b'{') => {
                open.push(byte);
                next = Next::KeyOrEnd;
                at += 1;
                continue;
            }
            (Next::Value | Next::ValueOrEnd, b'[') => {
                open.push(byte);
                next = Next::ValueOrEnd;
                at += 1;
                continue;
            }
            (Next::Key | Next::KeyOrEnd, b'"') => {
                let Some(length) = string(&bytes[at..]) else { return Frame::Open };
                at += length;
                next = Next::Colon;
                continue;
            }
            (Next::Colon, b':') => {
                at += 1;
                next = Next::Value;
                continue;
            }
            (Next::CommaOrEnd, b',') => {
                at += 1;
                next = if open.last() == Some(&b'{') { Next::Key } else { Next::Value };
                continue;
            }
            (Next::CommaOrEnd | Next::KeyOrEnd, b'}') if open.last() == Some(&b'{') => {
                open.pop();
                at += 1;
            }
            (Next::CommaOrEnd | Next::ValueOrEnd, b']') if open.last() == Some(&b'[') => {
                open.pop();
                at += 1;
            }
            (Next::Value | Next::ValueOrEnd, _) => match scalar(&bytes[at..]) {
                Frame::Whole(length) => at += length,
                Frame::Open => return Frame::Open,
                Frame::Broken(offset) => return Frame::Broken(at + offset),
            },
            _ => return Frame::Broken(at),
        }
        if open.is_empty() {
            return Frame::Whole(at);
        }
        next = Next::CommaOrEnd;
    }
}

/// Length of the string that starts at the first byte, with its quotes; `None` if the slice ends first.
pub(super) fn string(bytes: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// Number of blanks at the start.
pub(super) fn blanks(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|b| matches!(b, b' ' | b'\n' | b'\r' | b'\t')).count()
}

/// The keys of the object at the first byte, as far as they are whole and up to `max`.
pub(super) fn keys(bytes: &[u8], max: usize) -> Vec<&str> {
    let mut keys = Vec::new();
    members(bytes, |key, _value| {
        keys.extend(str::from_utf8(key));
        keys.len() < max
    });
    keys
}

/// Whether the object at the first byte has an array under `objects`, as far as the slice goes.
pub(super) fn has_objects(bytes: &[u8]) -> bool {
    let mut found = false;
    members(bytes, |key, value| {
        found = key == b"objects" && value.first() == Some(&b'[');
        !found
    });
    found
}

/// Goes over the members of the object at the first byte, with the raw key and the rest from the value on, while
/// they are well formed and `more` says so.
fn members<'a>(bytes: &'a [u8], mut more: impl FnMut(&'a [u8], &'a [u8]) -> bool) {
    let mut at = 1;
    loop {
        at += blanks(bytes.get(at..).unwrap_or_default());
        if bytes.get(at) != Some(&b'"') {
            return;
        }
        let Some(length) = string(&bytes[at..]) else { return };
        let key = &bytes[at + 1..at + length - 1];
        at += length;
        at += blanks(&bytes[at..]);
        if bytes.get(at) != Some(&b':') {
            return;
        }
        at += 1;
        at += blanks(&bytes[at..]);
        if !more(key, &bytes[at..]) {
            return;
        }
        let Frame::Whole(length) = value(&bytes[at..]) else { return };
        at += length;
        at += blanks(&bytes[at..]);
        if bytes.get(at) != Some(&b',') {
            return;
        }
        at += 1;
    }
}

fn scalar(bytes: &[u8]) -> Frame {
    if bytes.first() == Some(&b'"') {
        return string(bytes).map_or(Frame::Open, Frame::Whole);
    }
    let length =
        bytes.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')).count();
    let word = &bytes[..length];
    let number = word.iter().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    let known = [&b"true"[..], b"false", b"null"];
    if length == bytes.len() && (number || known.iter().any(|w| w.starts_with(word))) {
        return Frame::Open;
    }
    if length > 0 && (number || known.contains(&word)) { Frame::Whole(length) } else { Frame::Broken(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_end_or_the_fault() {
        for whole in ["{}", "[]", "12", "-1.5e3", "true", r#""a\"b\\""#, r#"{"a":[1,{"b":null}],"c":"}"}"#] {
            let mut longer = whole.as_bytes().to_vec();
            longer.extend(b" ,rest");
            assert_eq!(value(&longer), Frame::Whole(whole.len()), "{whole}");
            for cut in 0..whole.len() {
                let frame = value(&whole.as_bytes()[..cut]);
                let number = whole.starts_with(['1', '-']);
                assert!(frame == Frame::Open || number, "{whole} cut at {cut}: {frame:?}");
            }
        }
        assert_eq!(value(br#"{"a" 1}"#), Frame::Broken(5));
        assert_eq!(value(br#"{"a":1,{"b":2}}"#), Frame::Broken(7));
        assert_eq!(value(br#"{"a":NaN}"#), Frame::Broken(5));
        assert_eq!(value(br#"{"a":"b,"c":1}"#), Frame::Broken(9));
        assert_eq!(value(br#"["a"}"#), Frame::Broken(4));
    }

    #[test]
    fn depth_needs_no_stack() {
        let deep = "[".repeat(1_000_000) + &"]".repeat(1_000_000);
        assert_eq!(value(deep.as_bytes()), Frame::Whole(2_000_000));
    }

    #[test]
    fn names_keys() {
        let event = br#"{"timestamp":"x","src_ip":"1.2.3.4","nested":{"objects":[]}}"#;
        assert_eq!(keys(event, 5), ["timestamp", "src_ip", "nested"]);
        assert!(!has_objects(event));
        assert!(has_objects(br#"{"more":true, "objects" : [{}]}"#));
        assert!(!has_objects(br#"{"objects":{"0":{}}}"#));
    }
}
