//! `taxiway lookup`: what a value would hit, and what would keep a tag away.
//!
//! Is: a value read by its shape (defanged forms are fine) and asked for as the engine asks for a candidate:
//! itself, the networks around it, the names above it, the host and the other readings of a URL. Besides, what
//! begins with a text, and what is one typo away from it.
//! Is not: a search of events (`filter`).

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, anyhow};
use clap::Args;
use clap::builder::PossibleValuesParser;
use serde::Serialize;

use crate::cli::filter::read_at;
use crate::cli::snapshot::Line;
use crate::cli::{NOTHING, intel, usage};
use crate::engine::At;
use crate::index::{Entry, Record, Snapshot};
use crate::indicator::{Part, Timestamp};
use crate::observable::{self, Hint, IpPort, Network, Observable, Url};
use crate::policy;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  taxiway lookup --snapshot set.taxi 203.0.113.7 'hxxp://evil[.]example/a'
  taxiway lookup --intel feed.json 'paypa*'          what begins so
  taxiway lookup --intel feed.json 'paypal.com~'     what is one typo away
  taxiway lookup --snapshot set.taxi --json evil.example | jq .hits

Exit codes: 0 found, 1 not found, 2 wrong usage, unreadable or damaged input.")]
pub(crate) struct Arguments {
    /// Values: address, network, name, URL, e-mail address, digest; a text with `*` or `~` behind it
    #[arg(required = true, value_name = "VALUE")]
    values: Vec<String>,
    /// A feed to compile and ask; repeatable
    #[arg(short, long, value_name = "[NAME=]FEED")]
    intel: Vec<String>,
    /// A snapshot file to ask; repeatable
    #[arg(short, long, value_name = "FILE")]
    snapshot: Vec<PathBuf>,
    /// When an indicator has to be valid: now, any time, at a time (RFC 3339)
    #[arg(long, value_name = "now|any|TIME", value_parser = read_at, default_value = "now")]
    at: At,
    /// Takes entries that a build rule refuses; with --intel
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = PossibleValuesParser::new(intel::BUILD_RULES))]
    allow: Vec<String>,
    /// Entries shown for a text with `*` or `~` at most
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
    /// Writes one JSON object for each value
    #[arg(long)]
    json: bool,
}

/// What was found for one value.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    query: &'a str,
    /// The values that were asked for, in canonical form.
    read_as: Vec<String>,
    hits: Vec<Hit>,
    /// Whether there is more than the limit.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cut: bool,
    /// Why nothing could be asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// One indicator that a value hits.
#[derive(Debug, Serialize)]
struct Hit {
    grade: &'static str,
    #[serde(flatten)]
    line: Line,
    set: String,
    /// Names of the rules that would keep the tag away.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suppressed: Vec<&'static str>,
}

/// Asks for all values.
pub(crate) fn run(arguments: &Arguments) -> Result<u8> {
    let now = match &arguments.at {
        At::Now => Some(clock()),
        At::Any => None,
        At::Time(time) => Some(*time),
        At::Event(_) => {
            return Err(usage(
                "lookup",
                "there is no event whose time could count: --at now, any, or a time",
            ));
        }
    };
    let snapshots = snapshots(arguments)?;
    let mut out = io::stdout().lock();
    let mut found = false;
    for query in &arguments.values {
        let answer = answer(query, &snapshots, now, arguments.limit)?;
        found |= !answer.hits.is_empty();
        if arguments.json {
            serde_json::to_writer(&mut out, &answer)?;
            out.write_all(b"\n")?;
        } else {
            out.write_all(describe(&answer)?.as_bytes())?;
        }
    }
    Ok(if found { 0 } else { NOTHING })
}

/// All snapshots, verified.
fn snapshots(arguments: &Arguments) -> Result<Vec<Snapshot>> {
    if arguments.intel.is_empty() && arguments.snapshot.is_empty() {
        return Err(usage(
            "lookup",
            "nothing to ask: name a feed with --intel FEED or a file with --snapshot FILE",
        ));
    }
    let mut snapshots = Vec::new();
    for path in &arguments.snapshot {
        let snapshot = intel::open(path)?;
        snapshot.verify_blocks().map_err(|error| intel::named(path, &error))?;
        snapshots.push(snapshot);
    }
    if !arguments.intel.is_empty() {
        let compiled = intel::compile(&arguments.intel, intel::allow(&arguments.allow), true)?;
        snapshots.push(Snapshot::from_bytes(compiled.bytes)?);
    }
    Ok(snapshots)
}

fn answer<'a>(
    query: &'a str,
    snapshots: &[Snapshot],
    now: Option<Timestamp>,
    limit: usize,
) -> Result<Answer<'a>> {
    let mut answer = Answer { query, read_as: Vec::new(), hits: Vec::new(), cut: false, problem: None };
    if let Some(prefix) = query.strip_suffix('*') {
        let prefix = spelled(prefix);
        for snapshot in snapshots {
            resembling(&mut answer, snapshot, snapshot.starting_with(&prefix), "prefix", now, limit);
        }
    } else if let Some(text) = query.strip_suffix('~') {
        let text = spelled(text);
        for snapshot in snapshots {
            let entries = snapshot.one_typo_from(&text).map_err(|error| anyhow!("{query}: {error}"))?;
            resembling(&mut answer, snapshot, entries, "one-typo", now, limit);
        }
    } else {
        let values = match observable::read(query, Hint::None) {
            Ok(values) => values,
            Err(refused) => {
                answer.problem = Some(refused.to_string());
                return Ok(answer);
            }
        };
        for value in values {
            answer.read_as.push(value.to_string());
            for snapshot in snapshots {
                let mut seen = Vec::new();
                ask(snapshot, &value, &mut seen);
                for (grade, entry, rule) in seen {
                    indicators(&mut answer.hits, snapshot, grade, entry, rule, now);
                }
            }
        }
    }
    Ok(answer)
}

/// A text to search for: as names and URLs are stored, lower case and without a scheme.
fn spelled(text: &str) -> String {
    let text = observable::refang(text).to_lowercase();
    text.split_once("://").map_or(text.as_str(), |(_, rest)| rest).to_owned()
}

/// Takes entries that were found by their spelling, up to the limit.
fn resembling(
    answer: &mut Answer<'_>,
    snapshot: &Snapshot,
    entries: impl Iterator<Item = Entry>,
    grade: &'static str,
    now: Option<Timestamp>,
    limit: usize,
) {
    for entry in entries {
        if answer.read_as.len() >= limit {
            answer.cut = true;
            return;
        }
        answer.read_as.push(snapshot.value(entry));
        indicators(&mut answer.hits, snapshot, grade, entry, None, now);
    }
}

/// An entry with its grade and the rule that suppresses all its hits.
type Found = (&'static str, Entry, Option<&'static str>);

/// Asks for a value as for a candidate (docs/MATCHING.md section 2).
fn ask(snapshot: &Snapshot, value: &Observable, found: &mut Vec<Found>) {
    match value {
        Observable::Ip(address) => ask_address(snapshot, *address, found),
        Observable::Network(network) => ask_network(snapshot, *network, found),
        Observable::IpPort(pair) => {
            let rule = reserved(pair.address);
            found.extend(snapshot.ip_port(*pair).map(|entry| ("exact", entry, rule)));
            ask_address(snapshot, pair.address, found);
        }
        Observable::Domain(name) => ask_name(snapshot, name.as_str(), ["exact", "parent-domain"], found),
        Observable::Url(url) => ask_url(snapshot, url, found),
        Observable::Email(email) => {
            found.extend(snapshot.email(email.as_str()).map(|entry| ("exact", entry, None)));
            ask_name(snapshot, email.domain(), ["email-domain"; 2], found);
        }
        Observable::Digest(digest) => {
            found.extend(snapshot.digest(digest.bytes()).map(|entry| ("exact", entry, None)));
        }
        Observable::Text(_) => {}
    }
}

fn reserved(address: IpAddr) -> Option<&'static str> {
    policy::is_reserved(address).then_some("reserved")
}

fn ask_address(snapshot: &Snapshot, address: IpAddr, found: &mut Vec<Found>) {
    let rule = reserved(address);
    found.extend(snapshot.ip(address).map(|entry| ("exact", entry, rule)));
    found.extend(snapshot.networks(address).map(|entry| ("network", entry, rule)));
}

/// A network is no candidate of its own; what is asked is which entries hold all of it.
fn ask_network(snapshot: &Snapshot, network: Network, found: &mut Vec<Found>) {
    let text = network.to_string();
    for entry in snapshot.networks(network.address()) {
        let value = snapshot.value(entry);
        if value == text {
            found.push(("exact", entry, None));
        } else if Network::parse(&value).is_ok_and(|other| other.prefix() < network.prefix()) {
            found.push(("network", entry, None));
        }
    }
}

fn ask_name(snapshot: &Snapshot, name: &str, grades: [&'static str; 2], found: &mut Vec<Found>) {
    let [exact, parent] = grades;
    found.extend(snapshot.name(name).map(|entry| (exact, entry, None)));
    let mut rest = name;
    while let Some((_, above)) = rest.split_once('.') {
        let entry = snapshot.name(above).filter(|&entry| snapshot.covers_children(entry));
        found.extend(entry.map(|entry| (parent, entry, None)));
        rest = above;
    }
}

fn ask_url(snapshot: &Snapshot, url: &Url, found: &mut Vec<Found>) {
    found.extend(snapshot.url(url.scheme(), url.rest()).map(|entry| ("exact", entry, None)));
    found.extend(
        snapshot.urls_any_scheme(url.scheme(), url.rest()).map(|entry| ("url-any-scheme", entry, None)),
    );
    if let Some(rest) = url.rest_without_query() {
        let same = snapshot.url(url.scheme(), rest);
        let others = snapshot.urls_any_scheme(url.scheme(), rest);
        found.extend(same.into_iter().chain(others).map(|entry| ("url-without-query", entry, None)));
    }
    let host = url.host();
    match observable::ip::parse(host.trim_start_matches('[').trim_end_matches(']')) {
        Ok(address) => {
            if let Some(port) = url.port() {
                let rule = reserved(address);
                let entry = snapshot.ip_port(IpPort { address, port });
                found.extend(entry.map(|entry| ("exact", entry, rule)));
            }
            ask_address(snapshot, address, found);
        }
        Err(_) => ask_name(snapshot, host, ["exact", "parent-domain"], found),
    }
}

/// Adds the indicators of an entry.
fn indicators(
    hits: &mut Vec<Hit>,
    snapshot: &Snapshot,
    grade: &'static str,
    entry: Entry,
    rule: Option<&'static str>,
    now: Option<Timestamp>,
) {
    let (kind, value) = (snapshot.kind(entry), snapshot.value(entry));
    for record in snapshot.records(entry) {
        let grade =
            if grade == "exact" && record.part == Part::OfPattern { "part-of-pattern" } else { grade };
        let mut suppressed: Vec<&'static str> = rule.into_iter().collect();
        suppressed.extend(now.and_then(|now| invalid(&record, now)));
        let line = Line::new(snapshot, kind, &value, &record);
        hits.push(Hit { grade, line, set: snapshot.version().to_owned(), suppressed });
    }
}

/// The rule by which an indicator is not valid at a time.
fn invalid(record: &Record, now: Timestamp) -> Option<&'static str> {
    if record.valid_from.is_some_and(|from| now < from) {
        return Some("not-yet-valid");
    }
    record.valid_until.is_some_and(|until| now >= until).then_some("expired")
}

fn describe(answer: &Answer<'_>) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    match (&answer.problem, answer.hits.len()) {
        (Some(problem), _) => writeln!(out, "{}: not found: {problem}", answer.query)?,
        (None, 0) => writeln!(out, "{}: not found", answer.query)?,
        (None, 1) => writeln!(out, "{}: 1 hit", answer.query)?,
        (None, n) => writeln!(out, "{}: {n} hits", answer.query)?,
    }
    for Hit { grade, line, suppressed, .. } in &answer.hits {
        write!(out, "  {grade} {} {}  feed {}", line.kind, line.value, line.feed)?;
        let mut part = |name: &str, value: Option<&str>| match value {
            Some(value) => write!(out, "  {name}{value}"),
            None => Ok(()),
        };
        part("", line.id.as_deref())?;
        part("confidence ", line.confidence.map(|n| n.to_string()).as_deref())?;
        part("TLP:", line.tlp)?;
        part("from ", line.valid_from.as_deref())?;
        part("until ", line.valid_until.as_deref())?;
        part("", line.context.name.as_deref())?;
        if !suppressed.is_empty() {
            write!(out, "  NOT TAGGED: {}", suppressed.join(", "))?;
        }
        writeln!(out)?;
    }
    if answer.cut {
        writeln!(out, "  ... more than {} entries (--limit)", answer.read_as.len())?;
    }
    Ok(out)
}

/// The clock.
#[expect(clippy::disallowed_methods, reason = "the entry layer is where the time comes from")]
fn clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
