//! What stands in several fields of a text: docs/MATCHING.md M13.7 and M13.8.

use crate::reference::event::{JOINED, Joined, port_keys, target, whole_port, with_port};

/// A word or value with the number of its first character.
type Word = (usize, String);

/// The number of the first character of a host or an address, and what is joined. The text is through M2.7.
type Found = (usize, String, Joined);

pub(crate) fn joined(text: &str) -> Vec<Found> {
    let chars: Vec<char> = text.chars().collect();
    let mut found = members(&chars);
    let words = words(&chars);
    let dated = "dddd-dd-dd dd:dd:dd ".chars().enumerate().all(|(i, shape)| {
        chars.get(i).is_some_and(|&c| if shape == 'd' { c.is_ascii_digit() } else { c == shape })
    });
    let (rest, hosts) = if dated {
        let request = words.windows(3).find(|w| {
            w[0].1.chars().all(|c| c.is_ascii_uppercase())
                && (w[1].1.starts_with('/') || w[1].1.starts_with("\\/"))
        });
        (request.map(|w| with_query(&w[1].1, Some(&w[2].1))), words.iter().take(32).collect::<Vec<_>>())
    } else {
        let request = text.split('"').skip(1).find(|piece| target(piece).is_some_and(|t| t != *piece));
        (request.map(|r| with_query(r, None)), words.first().into_iter().chain(words.last()).collect())
    };
    if let Some(Some(rest)) = rest {
        for (at, word) in hosts {
            let quoted = word.len() > 1 && word.starts_with('"') && word.ends_with('"');
            let (at, host) = if quoted { (at + 1, word.trim_matches('"')) } else { (*at, word.as_str()) };
            if !host.starts_with('[') && host.chars().any(|c| c.is_ascii_alphabetic() || !c.is_ascii()) {
                found.push((at, format!("{host}{rest}"), Joined::Url(host.to_owned())));
            }
        }
    }
    found
}

/// M13.2, M13.3.
fn with_query(path: &str, query: Option<&str>) -> Option<String> {
    let path = target(path)?;
    Some(match query {
        Some(query) if !query.is_empty() && query != "-" && !path.contains('?') => {
            format!("{path}?{}", query.strip_prefix('?').unwrap_or(query))
        }
        _ => path.to_owned(),
    })
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

fn words(chars: &[char]) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    for (i, &c) in chars.iter().enumerate().filter(|(_, c)| !is_blank(**c)) {
        match words.last_mut() {
            Some((start, word)) if *start + word.chars().count() == i => word.push(c),
            _ => words.push((i, c.to_string())),
        }
    }
    words
}

/// M13.7.
fn members(chars: &[char]) -> Vec<Found> {
    let mut all: Vec<(String, Word)> = Vec::new();
    for equals in (0..chars.len()).filter(|&i| chars[i] == '=') {
        let mut start = equals;
        while start > 0 && (chars[start - 1].is_ascii_alphanumeric() || "_-.".contains(chars[start - 1])) {
            start -= 1;
        }
        let border = start == 0 || chars[start - 1] == '|' || is_blank(chars[start - 1]);
        if start == equals || !border {
            continue;
        }
        let key: String = chars[start..equals].iter().collect();
        let (from, to) = if chars.get(equals + 1) == Some(&'"') {
            let Some(length) = chars[equals + 2..].iter().position(|&c| c == '"') else { continue };
            (equals + 2, equals + 2 + length)
        } else {
            let rest = &chars[equals + 1..];
            (equals + 1, equals + 1 + rest.iter().position(|&c| is_blank(c)).unwrap_or(rest.len()))
        };
        if !all.iter().any(|(k, _)| *k == key) {
            all.push((key, (from, chars[from..to].iter().collect())));
        }
    }
    let value = |key: &str| all.iter().find(|(k, _)| k == key).map(|(_, (_, value))| value.as_str());
    let mut found = Vec::new();
    for (key, (at, host)) in &all {
        for (host_end, path_end, query_end) in JOINED {
            let Some(start) = key.strip_suffix(host_end) else { continue };
            let Some(path) = value(&format!("{start}{path_end}")) else { continue };
            let query = Some(query_end).filter(|e| !e.is_empty()).and_then(|e| value(&format!("{start}{e}")));
            if let Some(rest) = with_query(path, query) {
                found.push((*at, format!("{host}{rest}"), Joined::Url(host.clone())));
            }
        }
        for port in port_keys(key).iter().filter_map(|port| whole_port(value(port)?)) {
            found.push((*at, with_port(host, port), Joined::AddressPort));
        }
    }
    found
}
