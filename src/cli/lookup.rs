//! `taxiway lookup`: what a value would hit, and what would keep a tag away.
//!
//! Is: a value read by its shape (defanged forms are fine) and asked for as the engine asks for a candidate:
//! itself, the networks around it, the names above it, the host and the other readings of a URL. Besides, what
//! begins with a text, and what is one typo away from it.
//! Is not: a search of events (`filter`).

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use clap::Args;
use clap::builder::PossibleValuesParser;
use serde::Serialize;

use crate::cli::filter::read_at;
use crate::cli::pattern::printable;
use crate::cli::snapshot::{Compounded, Line, Said, Together};
use crate::cli::{NOTHING, intel, usage};
use crate::engine::At;
use crate::engine::token::{Candidate, Tokens, What};
use crate::engine::verify::{Finding, Grade, Verifier};
use crate::index::{Entry, Snapshot};
use crate::indicator::{Part, Timestamp};
use crate::intake::Options;
use crate::observable::{self, Hint, Kind, Network, Observable};
use crate::policy::{self, Claims, Policy, Rule, Surroundings};
use crate::stage::now;

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
    /// Takes the observables of STIX 1 that no indicator points to as indicators
    #[arg(long, requires = "intel")]
    observables: bool,
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
    /// Indicators that need it together with other values: alone it hits none of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    only_with_others: Vec<Share>,
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

/// One indicator of which a value is part of the pattern.
#[derive(Debug, Serialize)]
struct Share {
    grade: &'static str,
    kind: &'static str,
    value: String,
    /// The part of the pattern, as it is printed.
    pattern: Box<str>,
    #[serde(flatten)]
    said: Said,
    set: String,
}

/// Asks for all values.
pub(crate) fn run(arguments: &Arguments) -> Result<u8> {
    let now = match &arguments.at {
        At::Now => Some(now()),
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
    let together = snapshots.iter().map(|snapshot| Together::of(snapshot));
    let together = together.collect::<Result<Vec<_>>>()?;
    let mut out = io::stdout().lock();
    let mut found = false;
    for query in &arguments.values {
        let mut answer = answer(query, &snapshots, now, arguments.limit)?;
        for (snapshot, together) in snapshots.iter().zip(&together) {
            if let Some(together) = together {
                shares(&mut answer, snapshot, together);
            }
        }
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
fn snapshots(arguments: &Arguments) -> Result<Vec<Arc<Snapshot>>> {
    if arguments.intel.is_empty() && arguments.snapshot.is_empty() {
        return Err(usage(
            "lookup",
            "nothing to ask: name a feed with --intel FEED or a file with --snapshot FILE",
        ));
    }
    let mut snapshots = Vec::new();
    for path in &arguments.snapshot {
        snapshots.push(Arc::new(intel::open_verified(path)?));
    }
    if !arguments.intel.is_empty() {
        let options = Options { observables: arguments.observables };
        let compiled = intel::compile(&arguments.intel, options, intel::allow(&arguments.allow), true)?;
        snapshots.push(Arc::new(Snapshot::from_bytes(compiled.bytes)?));
    }
    Ok(snapshots)
}

fn answer<'a>(
    query: &'a str,
    snapshots: &[Arc<Snapshot>],
    now: Option<Timestamp>,
    limit: usize,
) -> Result<Answer<'a>> {
    let mut answer = Answer {
        query,
        read_as: Vec::new(),
        hits: Vec::new(),
        only_with_others: Vec::new(),
        cut: false,
        problem: None,
    };
    if let Some(prefix) = query.strip_suffix('*') {
        let prefix = spelled(prefix);
        for snapshot in snapshots {
            resembling(&mut answer, snapshot, snapshot.starting_with(&prefix), "prefix", now, limit);
        }
        unspelled(&mut answer, &prefix);
    } else if let Some(text) = query.strip_suffix('~') {
        let text = spelled(text);
        for snapshot in snapshots {
            let entries = snapshot.one_typo_from(&text).map_err(|error| anyhow!("{query}: {error}"))?;
            resembling(&mut answer, snapshot, entries, "one-typo", now, limit);
        }
        unspelled(&mut answer, &text);
    } else {
        exact(&mut answer, snapshots, now);
    }
    Ok(answer)
}

/// Asks for a value of a kind, or else for all that a piece of an event holds.
fn exact(answer: &mut Answer<'_>, snapshots: &[Arc<Snapshot>], now: Option<Timestamp>) {
    let values = match observable::read(answer.query, Hint::None) {
        Ok(values) => values,
        Err(refused) => {
            answer.problem = Some(refused.to_string());
            Vec::new()
        }
    };
    answer.read_as.extend(values.iter().map(ToString::to_string));
    let found = find(&values, answer.query, snapshots);
    for Found { snapshot, entry, grade, rule } in found {
        if let Some(snapshot) = snapshots.get(snapshot) {
            indicators(&mut answer.hits, snapshot, grade.as_str(), entry, rule, now);
        }
    }
    if !answer.hits.is_empty() {
        answer.problem = None;
    } else if let [value] = values.as_slice() {
        let rules: Option<Vec<_>> = snapshots.iter().map(|snapshot| snapshot.refuses(value)).collect();
        answer.problem = rules.and_then(|rules| rules.first().copied()).map(|rule| {
            format!(
                "no set takes it, by the build rule {rule} (`taxiway compile --allow` switches rules off)"
            )
        });
    }
}

/// The entries that these values hit, or else what stands in the text. Several values, those of a range, may lie in one
/// network: each entry is told once.
fn find(values: &[Observable], text: &str, snapshots: &[Arc<Snapshot>]) -> Vec<Found> {
    let mut found = Vec::new();
    for value in values {
        match value {
            Observable::Network(network) => ask_network(&mut found, snapshots, *network),
            _ => ask(&mut found, &value.to_string(), snapshots),
        }
    }
    if values.is_empty() {
        ask(&mut found, &observable::refang(text), snapshots);
    }
    found
}

/// Adds the indicators that need a value together with others. What is searched by its spelling is none.
fn shares(answer: &mut Answer<'_>, snapshot: &Snapshot, together: &Together) {
    if answer.query.ends_with(['*', '~']) {
        return;
    }
    let values = observable::read(answer.query, Hint::None).unwrap_or_default();
    let silent = std::slice::from_ref(&together.silent);
    for Found { entry, grade, .. } in find(&values, answer.query, silent) {
        for kept in together.with(entry) {
            let Compounded { pattern, said, .. } = together.describe(snapshot, kept);
            answer.only_with_others.push(Share {
                grade: grade.as_str(),
                kind: together.silent.kind(entry).as_str(),
                value: together.silent.value(entry),
                pattern,
                said,
                set: snapshot.version().to_owned(),
            });
        }
    }
}

/// An entry that was found.
struct Found {
    /// Number of the snapshot.
    snapshot: usize,
    entry: Entry,
    grade: Grade,
    /// Keeps the tag away.
    rule: Option<Rule>,
}

/// Adds an entry that is not there yet.
fn add(found: &mut Vec<Found>, new: Found) {
    if !found.iter().any(|old| (old.snapshot, old.entry) == (new.snapshot, new.entry)) {
        found.push(new);
    }
}

/// A text to search for, as names and URLs are stored: without a scheme, and in lower case up to the path.
fn spelled(text: &str) -> String {
    let text = observable::refang(text);
    let rest = text.split_once("://").map_or(&*text, |(_, rest)| rest);
    let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    host.to_lowercase() + path
}

/// Says why nothing was found by the spelling of an address or a digest.
fn unspelled(answer: &mut Answer<'_>, text: &str) {
    let number = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':' | b'/' | b'[');
    if answer.hits.is_empty() && text.bytes().all(number) && text.bytes().any(|byte| byte.is_ascii_digit()) {
        answer.problem = Some(String::from(
            "only names, URLs and e-mail addresses are searched by their spelling; ask for an address or digest \
             in full, or for a network such as 192.0.2.0/24",
        ));
    }
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
        let value = snapshot.value(entry);
        let file = snapshot.kind(entry) == Kind::Domain
            && policy::looks_like_file(value.as_bytes(), Surroundings::default());
        answer.read_as.push(value);
        indicators(&mut answer.hits, snapshot, grade, entry, file.then_some(Rule::LooksLikeFile), now);
    }
}

/// What a value hits: it is cut into candidates and these are looked up by the code that reads events.
fn ask(found: &mut Vec<Found>, text: &str, snapshots: &[Arc<Snapshot>]) {
    let bytes = text.as_bytes();
    let (mut tokens, mut verifier) = (Tokens::default(), Verifier::default());
    verifier.start(bytes.len());
    let mut here = Vec::new();
    for &candidate in tokens.read(bytes) {
        let rule = rule(bytes, candidate);
        for &Finding { snapshot, entry, grade, .. } in verifier.candidate(bytes, candidate, snapshots) {
            add(&mut here, Found { snapshot, entry, grade, rule });
        }
    }
    here.sort_by_key(|one| one.grade);
    for one in here {
        add(found, one);
    }
}

/// The rule that suppresses all hits of a candidate, if it stands in an event as it was given.
fn rule(text: &[u8], candidate: Candidate) -> Option<Rule> {
    match candidate.what {
        What::Address(address) | What::AddressPort(address, _) => {
            policy::is_reserved(address).then_some(Rule::Reserved)
        }
        What::Name { .. } => {
            let before = text.get(..candidate.start).unwrap_or_default();
            let behind = text.get(candidate.end..).unwrap_or_default();
            let surroundings = Surroundings {
                behind_mark: before.ends_with(b"//") || before.ends_with(b"@"),
                before_port: behind.starts_with(b":"),
                whole_value_of: None,
            };
            let name = text.get(candidate.start..candidate.end).unwrap_or_default();
            policy::looks_like_file(name, surroundings).then_some(Rule::LooksLikeFile)
        }
        _ => None,
    }
}

/// A network is no candidate of its own; what is asked is which entries hold all of it. In an event it is the
/// address that it begins with (M3.14), and that is what the rule sees.
fn ask_network(found: &mut Vec<Found>, snapshots: &[Arc<Snapshot>], network: Network) {
    let rule = policy::is_reserved(network.address()).then_some(Rule::Reserved);
    for (number, snapshot) in snapshots.iter().enumerate() {
        for entry in snapshot.networks(network.address()) {
            let grade = match Network::parse(&snapshot.value(entry)) {
                Ok(other) if other == network => Grade::Exact,
                Ok(other) if other.prefix() < network.prefix() => Grade::Network,
                _ => continue,
            };
            add(found, Found { snapshot: number, entry, grade, rule });
        }
    }
}

/// Adds the indicators of an entry.
fn indicators(
    hits: &mut Vec<Hit>,
    snapshot: &Snapshot,
    grade: &'static str,
    entry: Entry,
    rule: Option<Rule>,
    now: Option<Timestamp>,
) {
    let (kind, value) = (snapshot.kind(entry), snapshot.value(entry));
    for record in snapshot.records(entry) {
        let exact = grade == Grade::Exact.as_str();
        let grade =
            if exact && record.part == Part::OfPattern { Grade::PartOfPattern.as_str() } else { grade };
        let claims = Claims {
            confidence: record.confidence,
            valid_from: record.valid_from,
            valid_until: record.valid_until,
        };
        let rules = rule.into_iter().chain(Policy::default().refuses(claims, now));
        hits.push(Hit {
            grade,
            line: Line::new(snapshot, kind, &value, &record),
            set: snapshot.version().to_owned(),
            suppressed: rules.map(Rule::as_str).collect(),
        });
    }
}

fn describe(answer: &Answer<'_>) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    match (&answer.problem, answer.hits.len()) {
        (Some(problem), 0) => writeln!(out, "{}: not found: {problem}", answer.query)?,
        (None, 0) => writeln!(out, "{}: not found", answer.query)?,
        (_, 1) => writeln!(out, "{}: 1 hit", answer.query)?,
        (_, n) => writeln!(out, "{}: {n} hits", answer.query)?,
    }
    for Hit { grade, line, suppressed, .. } in &answer.hits {
        write!(out, "  {grade} {} {}", line.kind, line.value)?;
        line.said.describe(&mut out)?;
        if !suppressed.is_empty() {
            write!(out, "  NOT TAGGED: {}", suppressed.join(", "))?;
        }
        writeln!(out)?;
    }
    for Share { grade, kind, value, pattern, said, .. } in &answer.only_with_others {
        write!(out, "  only with others: {grade} {kind} {value}")?;
        said.describe(&mut out)?;
        writeln!(out, "  in [{}]", printable(pattern))?;
    }
    if answer.cut {
        writeln!(out, "  ... more than {} entries (--limit)", answer.read_as.len())?;
    }
    Ok(out)
}
