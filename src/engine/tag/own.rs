//! Enrichments that are already in an event and look like ours (M11).
//!
//! Is: what they name and where their bytes are. Is not: the decision whether they are ours; the judge knows what
//! hits outside of them.
//! Invariant: spans of one event do not overlap and are in order.
//! Costs: nothing for an event without a member `threat` or `taxiway`.

use std::ops::Range;

use crate::engine::event::child::{Child, children, text_of};
use crate::engine::hit::name;
use crate::engine::tag::flat::COLUMNS;
use crate::engine::tag::place::{Place, Root};

/// An enrichment that looks like ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookalike {
    /// Its bytes: one span, or one a column.
    pub spans: Vec<Range<usize>>,
    /// The indicator that it names (see [`name`]).
    pub name: String,
    /// The field that it names.
    pub field: String,
}

/// What looks like ours in an object: the elements at their place, and the rows of the preset `flat`.
pub fn alike(raw: &[u8], root: &Root, place: &Place) -> (Vec<Lookalike>, Vec<Lookalike>) {
    let elements = place.enrichments.as_ref().map(|array| elements(raw, array));
    let rows = root.taxiway.as_ref().map(|taxiway| rows(raw, taxiway));
    (elements.unwrap_or_default(), rows.unwrap_or_default())
}

/// The elements of an array `threat.enrichments` that look like ours.
fn elements(raw: &[u8], array: &Range<usize>) -> Vec<Lookalike> {
    children(raw, array.clone()).into_iter().filter_map(|element| read_element(raw, element.value)).collect()
}

/// The rows of a member `taxiway` of the preset `flat`, if that is what it is.
pub fn rows(raw: &[u8], object: &Range<usize>) -> Vec<Lookalike> {
    read_rows(raw, object).unwrap_or_default()
}

fn read_element(raw: &[u8], span: Range<usize>) -> Option<Lookalike> {
    let members = children(raw, span.clone());
    let indicator = object(raw, &members, "indicator")?;
    let matched = object(raw, &members, "matched")?;
    if !text(raw, &matched, "index")?.starts_with("taxiway-") {
        return None;
    }
    let feed = text(raw, &indicator, "provider")?;
    let field = text(raw, &matched, "field")?;
    let id = text(raw, &matched, "id");
    let value = match &id {
        Some(_) => String::new(),
        None => listed_value(raw, &members, &indicator)?,
    };
    Some(Lookalike { spans: vec![span], name: name(&feed, id.as_deref(), &value), field })
}

/// The listed value of an enrichment, wherever its kind has it.
fn listed_value(raw: &[u8], members: &[Child], indicator: &[Child]) -> Option<String> {
    let inner = |of: &[Child], key: &str, name: &str| text(raw, &object(raw, of, key)?, name);
    if let Some(network) = inner(members, "taxiway", "indicator") {
        return Some(network);
    }
    if let Some(address) = text(raw, indicator, "ip") {
        let Some(port) = find(indicator, "port") else { return Some(address) };
        let port = String::from_utf8_lossy(raw.get(port.value.clone())?).into_owned();
        return Some(if address.contains(':') {
            format!("[{address}]:{port}")
        } else {
            format!("{address}:{port}")
        });
    }
    inner(indicator, "url", "domain")
        .or_else(|| inner(indicator, "url", "full"))
        .or_else(|| inner(indicator, "email", "address"))
        .or_else(|| {
            let hash = object(raw, &object(raw, indicator, "file")?, "hash")?;
            hash.first().and_then(|digest| text_of(raw, digest))
        })
}

fn read_rows(raw: &[u8], span: &Range<usize>) -> Option<Vec<Lookalike>> {
    let members = children(raw, span.clone());
    let columns: Vec<Vec<Child>> = COLUMNS
        .iter()
        .map(|name| {
            let column = find(&members, name)?.value.clone();
            (raw.get(column.start) == Some(&b'[')).then(|| children(raw, column))
        })
        .collect::<Option<_>>()?;
    let [feeds, ids, values, _, _, fields, ..] = columns.as_slice() else { return None };
    if columns.iter().any(|column| column.len() != feeds.len()) {
        return None;
    }
    let mut rows = Vec::new();
    for (n, feed) in feeds.iter().enumerate() {
        let cell = |column: &[Child]| text_of(raw, column.get(n)?);
        let (Some(feed), Some(id), Some(value), Some(field)) =
            (text_of(raw, feed), cell(ids), cell(values), cell(fields))
        else {
            continue;
        };
        let id = Some(id).filter(|id| !id.is_empty());
        let mut spans: Vec<_> = columns.iter().filter_map(|c| c.get(n)).map(|c| c.value.clone()).collect();
        spans.sort_by_key(|span| span.start);
        rows.push(Lookalike { spans, name: name(&feed, id.as_deref(), &value), field });
    }
    Some(rows)
}

fn find<'c>(members: &'c [Child], key: &str) -> Option<&'c Child> {
    members.iter().rev().find(|member| member.key.as_deref() == Some(key))
}

fn object(raw: &[u8], members: &[Child], key: &str) -> Option<Vec<Child>> {
    let value = find(members, key)?.value.clone();
    (raw.get(value.start) == Some(&b'{')).then(|| children(raw, value))
}

fn text(raw: &[u8], members: &[Child], key: &str) -> Option<String> {
    text_of(raw, find(members, key)?)
}
