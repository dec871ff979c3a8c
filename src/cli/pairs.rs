//! `--pairs FILE`: keys of hosts, paths and queries that belong together, beside those of docs/MATCHING.md M13.1.
//!
//! Is: a reader of lines. Is not: what is joined, and how (`engine::join`).
//! Fails: with file, line and remedy, before any event is read.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::engine::join::{Pairs, Row};

/// Rows in one file: each is tried for every host of an event.
const ROWS_MAX: usize = 256;
/// Bytes of a key.
const KEY_BYTES_MAX: usize = 128;

/// The pairs of M13.1, and those of the file behind them.
pub(crate) fn read(path: &Path) -> Result<Pairs> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let rows = rows(&text).with_context(|| path.display().to_string())?;
    Ok(Pairs::with(rows))
}

fn rows(text: &str) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let keys: Vec<&str> = line.split_whitespace().collect();
        let (host, path, query) = match keys.as_slice() {
            [host, path] => (*host, *path, ""),
            [host, path, query] => (*host, *path, *query),
            _ => bail!(
                "line {}: expected the keys of host and path, and perhaps of a query, not {} words",
                number + 1,
                keys.len()
            ),
        };
        if let Some(key) = keys.iter().find(|key| key.len() > KEY_BYTES_MAX) {
            bail!("line {}: a key of {} bytes; at most {KEY_BYTES_MAX}", number + 1, key.len());
        }
        if host == path || host == query || path == query {
            bail!("line {}: the keys of host, path and query have to differ", number + 1);
        }
        if rows.len() == ROWS_MAX {
            bail!("line {}: more than {ROWS_MAX} pairs", number + 1);
        }
        rows.push(Row { host: host.into(), path: path.into(), query: query.into() });
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use crate::cli::pairs::{ROWS_MAX, rows};

    fn refused(text: &str) -> String {
        rows(text).unwrap_err().to_string()
    }

    #[test]
    fn one_pair_a_line() {
        let rows = rows("# ours\n\nsite  page\n\tsite_name page_path\tpage_query \r\n").unwrap();
        let told: Vec<_> = rows.iter().map(|row| (&*row.host, &*row.path, &*row.query)).collect();
        assert_eq!(told, [("site", "page", ""), ("site_name", "page_path", "page_query")]);
    }

    #[test]
    fn what_is_wrong_is_told_by_line() {
        assert!(refused("site page\nsite").starts_with("line 2: expected"));
        assert!(refused("a b c d").starts_with("line 1: expected"));
        assert!(refused("a a").contains("have to differ"));
        assert!(refused(&format!("a {}", "b".repeat(129))).contains("129 bytes"));
        assert!(refused(&"a b\n".repeat(ROWS_MAX + 1)).starts_with("line 257: more"));
    }
}
