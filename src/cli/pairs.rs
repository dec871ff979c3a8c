//! `--pairs FILE`: keys that belong together (hosts, paths and queries; addresses and ports), beside those of
//! docs/MATCHING.md M13.1 and M3.12.
//!
//! Is: a reader of lines. Is not: what is joined, and how (`engine::join`).
//! Fails: with file, line and remedy, before any event is read.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::engine::join::{Pairs, Row, Says};

/// Rows in one file: each is tried for every host and address of an event.
const ROWS_MAX: usize = 256;
/// Bytes of a key.
const KEY_BYTES_MAX: usize = 128;

/// The pairs of the tables, and those of the file behind them.
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
        let port = keys.get(1).and_then(|key| key.strip_prefix(':')).filter(|key| !key.is_empty());
        let (says, first, others) = match (keys.as_slice(), port) {
            ([address, _], Some(port)) => (Says::AddressPort, *address, vec![port]),
            ([host, others @ ..], None) if matches!(others.len(), 1 | 2) && !line.contains(':') => {
                (Says::Url, *host, others.to_vec())
            }
            _ => bail!(
                "line {}: expected HOST-KEY PATH-KEY, perhaps with a QUERY-KEY, or ADDRESS-KEY :PORT-KEY",
                number + 1
            ),
        };
        if let Some(key) = keys.iter().find(|key| key.len() > KEY_BYTES_MAX) {
            bail!("line {}: a key of {} bytes; at most {KEY_BYTES_MAX}", number + 1, key.len());
        }
        if others.contains(&first) || matches!(others.as_slice(), [path, query] if path == query) {
            bail!("line {}: keys that belong together have to differ", number + 1);
        }
        if rows.len() == ROWS_MAX {
            bail!("line {}: more than {ROWS_MAX} pairs", number + 1);
        }
        rows.push(Row { says, first: first.into(), others: others.into_iter().map(Box::from).collect() });
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use crate::cli::pairs::{ROWS_MAX, rows};
    use crate::engine::join::Says;

    fn refused(text: &str) -> String {
        rows(text).unwrap_err().to_string()
    }

    #[test]
    fn one_pair_a_line() {
        let rows =
            rows("# ours\n\nsite  page\n\tsite_name page_path\tpage_query \r\npeer :peer_port").unwrap();
        let told: Vec<_> = rows.iter().map(|row| (row.says, &*row.first, row.others.join(" "))).collect();
        assert_eq!(
            told,
            [
                (Says::Url, "site", "page".to_owned()),
                (Says::Url, "site_name", "page_path page_query".to_owned()),
                (Says::AddressPort, "peer", "peer_port".to_owned()),
            ]
        );
    }

    #[test]
    fn what_is_wrong_is_told_by_line() {
        assert!(refused("site page\nsite").starts_with("line 2: expected"));
        assert!(refused("a b c d").starts_with("line 1: expected"));
        assert!(refused("a :b c").starts_with("line 1: expected"));
        assert!(refused("a :").starts_with("line 1: expected"));
        assert!(refused("a a").contains("have to differ"));
        assert!(refused("a b b").contains("have to differ"));
        assert!(refused("a :a").contains("have to differ"));
        assert!(refused(&format!("a {}", "b".repeat(129))).contains("129 bytes"));
        assert!(refused(&"a b\n".repeat(ROWS_MAX + 1)).starts_with("line 257: more"));
    }
}
