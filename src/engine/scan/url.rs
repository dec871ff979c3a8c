//! Whether a host in the raw bytes begins a listed URL, as far as the prefilter tells.
//!
//! Is: the three readings of a URL's end (M5.3) asked of the filter. Is not: an answer; the judge reads the URL.
//! Invariant: whatever stands behind the host, only the start of the path is read unless a listed URL of this host
//! goes on the same way. Fails: never. Costs: about 20 ns, for each listed host.

use crate::engine::token::{self, url};
use crate::index::filter::{Filter, Hasher, KeyKind, URL_START};

/// Bytes of a path looked at before the event is read in any case.
const PATH_BYTES: usize = 4 << 10;

/// The start of a path, without the back-slashes that stand before its slashes.
#[derive(Debug)]
struct Path<const N: usize> {
    bytes: [u8; N],
    len: usize,
    /// The path goes on.
    cut: bool,
}

impl<const N: usize> Path<N> {
    /// Reads a path up to a query, a fragment or where the URL ends; `None` if only the judge can tell where it ends.
    fn read(rest: &[u8]) -> Option<Path<N>> {
        let mut path = Path { bytes: [0; N], len: 0, cut: false };
        let mut at = 0;
        while let Some(&byte) = rest.get(at) {
            at += 1;
            match byte {
                // other white space, or a letter
                0x80.. => return None,
                b'\\' => match rest.get(at..).unwrap_or_default() {
                    [b'/', ..] => continue,
                    // any letter
                    [b'u', ..] => return None,
                    // JSON in JSON, where it means a slash, or the end of a URL in text
                    [b'\\', behind @ ..] if is_slash_escaped(behind) => return None,
                    _ => break,
                },
                b'?' | b'#' => break,
                _ if token::ends_url(byte) => break,
                _ => {}
            }
            let Some(slot) = path.bytes.get_mut(path.len) else {
                path.cut = true;
                break;
            };
            *slot = byte;
            path.len += 1;
        }
        Some(path)
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// Whether the URL whose host has this key may be listed; `rest` starts behind the host and the dots after it.
pub(super) fn may_be_listed(host: u64, rest: &[u8], hasher: Hasher, filter: Filter<'_>) -> bool {
    let port = rest
        .strip_prefix(b":")
        .map_or(0, |digits| 1 + digits.iter().take_while(|b| b.is_ascii_digit()).count());
    let rest = rest.get(port..).unwrap_or_default();
    let ask = |path: &[u8]| {
        let path = if path.first() == Some(&b'/') { path } else { b"/" };
        filter.ask(hasher.join(host, path, KeyKind::Url))
    };
    // the readings that end before the path does
    let shorter = |path: &[u8]| {
        let trimmed = path.get(..url::trim(path, 0, path.len())).unwrap_or_default();
        let cut = memchr::memchr2(b';', b',', path).unwrap_or(path.len());
        let short = path.get(..url::trim(path, 0, cut)).unwrap_or_default();
        trimmed != path && ask(trimmed).listed || short != trimmed && ask(short).listed
    };
    let Some(start) = Path::<{ URL_START + 1 }>::read(rest) else { return true };
    let bytes = start.bytes();
    match bytes.first_chunk::<URL_START>() {
        Some(first) if bytes.len() > URL_START && bytes.first() == Some(&b'/') => {
            shorter(bytes) || ask(first).path && goes_on(rest, |path| ask(path).listed || shorter(path))
        }
        _ => ask(bytes).listed || shorter(bytes),
    }
}

/// Whether a slash, or what may stand for one, stands behind no or more back-slashes.
#[cold]
fn is_slash_escaped(text: &[u8]) -> bool {
    matches!(text.iter().find(|b| **b != b'\\'), Some(b'/' | b'u'))
}

#[cold]
#[inline(never)]
fn goes_on(rest: &[u8], listed: impl Fn(&[u8]) -> bool) -> bool {
    Path::<PATH_BYTES>::read(rest).is_none_or(|path| path.cut || listed(path.bytes()))
}

#[cfg(test)]
mod tests {
    use crate::engine::scan::url::{Filter, Hasher, KeyKind, URL_START, may_be_listed};
    use crate::index::filter::FilterBuilder;

    const HOST: &str = "evil.example";

    /// Whether `rest` behind the host may be listed when these paths of it are.
    fn asked(paths: &[&str], rest: &str) -> bool {
        let hasher = Hasher::new(7);
        let mut filter = FilterBuilder::new(64, 64);
        for path in paths.iter().map(|path| path.as_bytes()) {
            filter.list(hasher.pair(HOST.as_bytes(), path, KeyKind::Url));
            if path.len() > URL_START {
                filter.path(hasher.pair(HOST.as_bytes(), &path[..URL_START], KeyKind::Url));
            }
        }
        let filter = filter.finish();
        let host = hasher.text(HOST.as_bytes(), 0, HOST.len(), KeyKind::Url);
        may_be_listed(host, rest.as_bytes(), hasher, Filter::new(&filter))
    }

    #[test]
    fn every_reading_of_the_end_is_asked() {
        // below, at and above the length by which longer paths are marked
        for path in ["/", "/a", "/sixteen-bytes-a", "/seventeen-bytes-", "/of-more-than-two-lanes/and-some"] {
            let twice = path.replace('/', r"\\/");
            assert!(asked(&[path], &twice), "the judge knows what {twice} is");
            let escaped = path.replace('/', r"\/");
            for text in [path, &escaped, &format!(":8080{path}")].map(str::to_owned) {
                for behind in [
                    "",
                    "\"",
                    " ",
                    "?a=/b.",
                    "#c",
                    ".",
                    ".,;:!?)]\"",
                    ");x",
                    ",b=c d",
                    ";.",
                    "\\n",
                    "\\\"",
                    "é",
                    "?é",
                ] {
                    assert!(asked(&[path], &format!("{text}{behind}")), "{text}{behind}");
                }
                for behind in ["b", "/b", "-\"", "b.\""] {
                    assert!(!asked(&[path], &format!("{text}{behind}")), "{text}{behind}");
                }
            }
            let longer = format!("{path}{path}");
            assert!(path == "/" || !asked(&[&longer], path), "{longer} is not {path}");
        }
    }

    #[test]
    fn a_path_of_any_length_is_asked() {
        for length in (1..64).chain(4000..5000) {
            let path = format!("/{}", "x".repeat(length - 1));
            assert!(asked(&[&path], &format!("{path}\"")), "{length}");
            assert!(asked(&[&path], &format!("{path}).")), "{length}");
            assert!(asked(&[&path], &format!("{path},b")), "{length}");
        }
    }

    #[test]
    fn without_a_path_it_is_the_root() {
        for behind in ["", "\"", ":80\"", ":", "?a", "#a", "\\n", "<", "),"] {
            assert!(asked(&["/"], behind), "{behind}");
            assert!(!asked(&["/a"], behind), "{behind}");
        }
    }
}
