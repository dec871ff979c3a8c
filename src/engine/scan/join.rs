//! Whether a host in the raw bytes may be that of a URL whose path stands in another field (M13).
//!
//! Is: the key before the host and the paths of its line asked of the prefilter. Is not: an answer; the judge joins.
//! Invariant: where what decides goes on beyond the bytes that are looked at, the event is read.
//! Fails: never. Costs: a search of the line for each row of the key, for each host that is listed with a path.

use crate::engine::join::{Pairs, Says};

/// Bytes around a host that are looked at; where its key or its event goes on, the event is read.
const NEAR: usize = 4 << 10;

/// Whether what stands between these bytes may be the host of a URL in several fields (M13), perhaps with a port, that
/// is listed with one of the paths that stand there.
pub(super) fn may_be_joined(
    before: &[u8],
    behind: &[u8],
    pairs: &Pairs,
    lines: bool,
    is_listed: impl Fn(&[u8]) -> bool,
) -> bool {
    let port = match behind.strip_prefix(b":") {
        Some(digits) => 1 + digits.iter().take_while(|b| b.is_ascii_digit()).count(),
        None => 0,
    };
    let behind = behind.get(port..).unwrap_or_default();
    let is_quoted = before.ends_with(b"\"") && behind.starts_with(b"\"");
    let (before, behind) = match (is_quoted, before.split_last(), behind.split_first()) {
        (true, Some((_, before)), Some((_, behind))) => (before, behind),
        _ => (before, behind),
    };
    if is_quoted
        && is_host_value(before, pairs)
        && (!lines || may_have_path(before, behind, pairs, is_listed))
    {
        return true;
    }
    let is_end = |byte: Option<&u8>| byte.is_none_or(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r'));
    match before.strip_suffix(b"=") {
        Some(key) => (is_quoted || is_end(behind.first())) && pairs.may_be_first(Says::Url, key),
        None => is_end(before.last()) && is_end(behind.first()),
    }
}

/// Whether these bytes end in the key of a host and a colon.
fn is_host_value(before: &[u8], pairs: &Pairs) -> bool {
    key_before(before).is_some_and(|key| {
        let near = key.get(key.len().saturating_sub(NEAR)..).unwrap_or_default();
        let near = memchr::memrchr(b'"', near).map(|at| near.get(at..).unwrap_or_default());
        pairs.may_be_first(Says::Url, key) || near.is_none_or(|key| memchr::memchr(b'\\', key).is_some())
    })
}

/// What ends in the key of a member whose value begins behind these bytes.
fn key_before(before: &[u8]) -> Option<&[u8]> {
    before.trim_ascii_end().strip_suffix(b":")?.trim_ascii_end().strip_suffix(b"\"")
}

/// Whether a member of the line, the event, may be the path of the host between these bytes and be listed with it.
#[cold]
fn may_have_path(before: &[u8], behind: &[u8], pairs: &Pairs, is_listed: impl Fn(&[u8]) -> bool) -> bool {
    let from = before.get(before.len().saturating_sub(NEAR)..).unwrap_or_default();
    let to = behind.get(..NEAR).unwrap_or(behind);
    let (start, end) = (memchr::memrchr(b'\n', from), memchr::memchr(b'\n', to));
    if start.is_none() && from.len() < before.len() || end.is_none() && to.len() < behind.len() {
        return true;
    }
    let sides = [from.get(start.map_or(0, |at| at + 1)..), to.get(..end.unwrap_or(to.len()))]
        .map(Option::unwrap_or_default);
    // a key may be written with escapes
    if sides.iter().any(|side| memchr::memmem::find(side, b"\\u").is_some()) {
        return true;
    }
    let key = key_before(before).unwrap_or_default();
    let mut endings = pairs.second_endings(Says::Url, key).peekable();
    if endings.peek().is_none() {
        return true;
    }
    endings.any(|ending| {
        let quoted = format!("{ending}\"");
        let is_path = |value: &[u8]| value_of(value).and_then(path_of).is_some_and(&is_listed);
        let mut values = sides.iter().flat_map(|side| {
            let keys = memchr::memmem::find_iter(side, &quoted);
            keys.filter_map(|at| side.get(at + quoted.len()..))
        });
        ending.contains(['/', '"', '\\']) || values.any(is_path)
    })
}

/// The string whose key ends before these bytes, from its first character on.
fn value_of(behind: &[u8]) -> Option<&[u8]> {
    behind.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")
}

/// What may be the path of a value: its start, or what stands behind a method (M13.2).
fn path_of(value: &[u8]) -> Option<&[u8]> {
    let method = value.iter().take_while(|b| b.is_ascii_uppercase()).count();
    let behind = value.get(method..)?;
    let path = if method > 0 { behind.strip_prefix(b" ")? } else { behind };
    matches!(path.first(), Some(b'/' | b'\\')).then_some(path)
}
