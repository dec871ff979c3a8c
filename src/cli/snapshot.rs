//! `taxiway snapshot`: `info`, `verify` and `dump` of snapshot files.

use std::fmt::{self, Write as _};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::cli::{TROUBLE, intel, note};
use crate::index::{Entry, Kept, Record, Snapshot};
use crate::indicator::{Context, OPINIONS, Part, ThreatKind};
use crate::observable::Kind;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Says what is in a snapshot
    Info {
        /// The snapshot
        file: PathBuf,
        /// Writes one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Checks every byte of a snapshot; exit code 2 when it is damaged
    Verify {
        /// The snapshots
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Writes the entries of a snapshot as JSON lines, one for each indicator of a value
    #[command(after_help = "Example:\n  taxiway snapshot dump set.taxi --kinds ip,network | jq -r .value")]
    Dump {
        /// The snapshot
        file: PathBuf,
        /// Only these kinds
        #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = PossibleValuesParser::new(Kind::ALL.map(Kind::as_str)))]
        kinds: Vec<String>,
        /// Also what is kept for later evaluation: silent entries, and the compounds that they belong to
        #[arg(long)]
        all: bool,
    },
}

/// Runs one of the actions.
pub(crate) fn run(arguments: &Arguments) -> Result<u8> {
    match &arguments.action {
        Action::Info { file, json } => info(file, *json)?,
        Action::Verify { files } => return Ok(verify(files)),
        Action::Dump { file, kinds, all } => dump(file, kinds, *all)?,
    }
    Ok(0)
}

/// Tells of every file what there is to tell.
fn verify(files: &[PathBuf]) -> u8 {
    let sound = |file: &PathBuf| {
        let snapshot = Snapshot::open(file)?;
        snapshot.verify().map_err(|error| intel::damaged(file, &error))?;
        anyhow::Ok(snapshot)
    };
    let mut code = 0;
    for file in files {
        match sound(file) {
            Ok(snapshot) => {
                note(format_args!("{}: sound, set version {}", file.display(), snapshot.version()));
            }
            Err(error) => {
                note(format_args!("{error:#}"));
                code = TROUBLE;
            }
        }
    }
    code
}

#[derive(Debug, Serialize)]
struct Info {
    file: String,
    version: String,
    format: u32,
    suffix_list: String,
    allow: Vec<&'static str>,
    bytes: u64,
    records: u32,
    contexts: u32,
    entries: Vec<Count<u32>>,
    compounds: u32,
    silent: Vec<Count<u32>>,
    feeds: Vec<Count<u64>>,
    sections: Vec<Count<u64>>,
}

#[derive(Debug, Serialize)]
struct Count<N> {
    name: String,
    count: N,
}

fn info(file: &Path, json: bool) -> Result<()> {
    let snapshot = Snapshot::open(file)?;
    let info = snapshot.info();
    let by_kind = |counts: Vec<(Kind, u32)>| {
        counts.into_iter().map(|(kind, count)| Count { name: kind.to_string(), count }).collect()
    };
    let info = Info {
        file: file.display().to_string(),
        version: info.version,
        format: info.format,
        suffix_list: info.suffix_list,
        allow: intel::allowed(info.allow),
        bytes: info.bytes,
        records: info.records,
        contexts: info.contexts,
        entries: by_kind(info.entries),
        compounds: info.compounds,
        silent: by_kind(info.silent),
        feeds: info.feeds.into_iter().map(|(name, count)| Count { name: name.into(), count }).collect(),
        sections: info.sections.into_iter().map(|(name, count)| Count { name: name.into(), count }).collect(),
    };
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer(&mut out, &info)?;
        writeln!(out)?;
        return Ok(());
    }
    writeln!(out, "file            {}", info.file)?;
    writeln!(out, "set version     {}", info.version)?;
    writeln!(out, "format version  {}", info.format)?;
    writeln!(out, "suffix list     {}", info.suffix_list)?;
    let allow = if info.allow.is_empty() { String::from("-") } else { info.allow.join(" ") };
    writeln!(out, "built with      {allow}")?;
    writeln!(out, "bytes           {}", info.bytes)?;
    writeln!(out, "records         {}", info.records)?;
    writeln!(out, "contexts        {}", info.contexts)?;
    for Count { name, count } in info.entries.iter().filter(|entries| entries.count > 0) {
        writeln!(out, "kind {name:<18} {count:>12}")?;
    }
    if info.compounds > 0 {
        writeln!(out, "compounds       {}", info.compounds)?;
    }
    for Count { name, count } in info.silent.iter().filter(|entries| entries.count > 0) {
        writeln!(out, "silent {name:<16} {count:>12}")?;
    }
    for Count { name, count } in &info.feeds {
        writeln!(out, "feed {name:<18} {count:>12}")?;
    }
    for Count { name, count } in info.sections.iter().filter(|section| section.count > 0) {
        writeln!(out, "section {name:<15} {count:>12} bytes")?;
    }
    Ok(())
}

/// A line of a dump; also what `lookup --json` says about an indicator.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) kind: &'static str,
    pub(crate) value: String,
    /// The value is part of a compound and does not hit alone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    silent: bool,
    #[serde(flatten)]
    pub(crate) said: Said,
}

/// What an indicator says, as it is written.
#[derive(Debug, Serialize)]
pub(crate) struct Said {
    feed: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tlp: Option<&'static str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    part_of_pattern: bool,
    #[serde(skip_serializing_if = "Described::is_empty")]
    context: Described,
}

/// A context, as it is written.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(crate) struct Described {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<Box<str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    labels: Vec<Box<str>>,
    /// Names by what they are, in the order in which tags have them.
    #[serde(flatten)]
    threats: std::collections::BTreeMap<&'static str, Vec<Box<str>>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    kill_chain: Vec<Box<str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    references: Vec<Box<str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    techniques: Vec<Box<str>>,
    /// Statements of markings.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    statements: Vec<Box<str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sightings: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen: Option<String>,
    /// How many opinions are of each kind.
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    opinions: std::collections::BTreeMap<&'static str, u32>,
}

impl Described {
    fn new(context: Context) -> Described {
        let mut threats = std::collections::BTreeMap::<_, Vec<_>>::new();
        for (kind, name) in context.threats {
            threats.entry(ThreatKind::as_str(kind)).or_default().push((&*name).into());
        }
        let remarks = context.remarks.map(|remarks| *remarks).unwrap_or_default();
        let opinions = OPINIONS.into_iter().zip(remarks.opinions).filter(|(_, count)| *count > 0);
        Described {
            name: context.name,
            description: context.description,
            labels: context.labels,
            threats,
            kill_chain: context.kill_chain,
            references: context.references,
            techniques: remarks.techniques,
            statements: remarks.statements,
            notes: remarks.notes,
            sightings: remarks.sightings.map(|seen| seen.count),
            last_seen: remarks.sightings.and_then(|seen| seen.last_seen).map(|time| time.to_string()),
            opinions: opinions.collect(),
        }
    }

    fn is_empty(&self) -> bool {
        *self == Described::default()
    }
}

impl Line {
    /// All that is known of one indicator of a value.
    pub(crate) fn new(snapshot: &Snapshot, kind: Kind, value: &str, record: &Record) -> Line {
        let said = Said::new(snapshot, record);
        Line { kind: kind.as_str(), value: value.to_owned(), silent: false, said }
    }
}

impl Said {
    fn new(snapshot: &Snapshot, record: &Record) -> Said {
        let feed = snapshot.feeds().get(usize::from(record.feed));
        Said {
            feed: feed.map(ToString::to_string).unwrap_or_default(),
            id: record.id.as_ref().map(ToString::to_string),
            valid_from: record.valid_from.map(|time| time.to_string()),
            valid_until: record.valid_until.map(|time| time.to_string()),
            confidence: record.confidence,
            tlp: record.tlp.map(crate::indicator::Tlp::as_str),
            part_of_pattern: record.part == Part::OfPattern,
            context: Described::new(snapshot.context(record.context_number)),
        }
    }

    /// In a few words, on the line that tells of a hit.
    pub(crate) fn describe(&self, out: &mut String) -> fmt::Result {
        write!(out, "  feed {}", self.feed)?;
        let mut part = |name: &str, value: Option<&str>| match value {
            Some(value) => write!(out, "  {name}{value}"),
            None => Ok(()),
        };
        part("", self.id.as_deref())?;
        part("confidence ", self.confidence.map(|n| n.to_string()).as_deref())?;
        part("TLP:", self.tlp)?;
        part("from ", self.valid_from.as_deref())?;
        part("until ", self.valid_until.as_deref())?;
        let Described { name, sightings, last_seen, opinions, notes, statements, .. } = &self.context;
        part("", name.as_deref())?;
        part("seen ", sightings.map(|n| n.to_string()).as_deref())?;
        part("last ", last_seen.as_deref())?;
        for (opinion, count) in opinions {
            part("opinion ", Some(&format!("{opinion} {count}")))?;
        }
        for note in notes {
            part("note ", Some(&intel::shortened(note)))?;
        }
        for statement in statements {
            part("marked ", Some(&intel::shortened(statement)))?;
        }
        Ok(())
    }
}

fn dump(file: &Path, kinds: &[String], all: bool) -> Result<()> {
    let snapshot = intel::open_verified(file)?;
    let wanted = |kind: Kind| kinds.is_empty() || kinds.iter().any(|name| name == kind.as_str());
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    for (entry, kind, value) in snapshot.entries().filter(|(_, kind, _)| wanted(*kind)) {
        for record in snapshot.records(entry) {
            put(&mut out, &Line::new(&snapshot, kind, &value, &record))?;
        }
    }
    if all && let Some(together) = Together::of(&snapshot)? {
        for (entry, kind, value) in together.silent.entries().filter(|(_, kind, _)| wanted(*kind)) {
            let mut last = None;
            for kept in together.with(entry) {
                if last.replace(&kept.record) != Some(&kept.record) {
                    put(
                        &mut out,
                        &Line { silent: true, ..Line::new(&snapshot, kind, &value, &kept.record) },
                    )?;
                }
            }
        }
        for kept in &together.kept {
            if kept.values.iter().any(|entry| wanted(together.silent.kind(*entry))) {
                put(&mut out, &together.describe(&snapshot, kept))?;
            }
        }
    }
    out.flush()?;
    Ok(())
}

fn put(out: &mut impl io::Write, line: &impl Serialize) -> Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")?;
    Ok(())
}

/// The compounds of a snapshot, and their values.
pub(crate) struct Together {
    kept: Vec<Kept>,
    pub(crate) silent: Arc<Snapshot>,
    /// By silent entry: the compounds that it belongs to.
    belongs: Vec<Vec<usize>>,
}

impl Together {
    /// All of them; `None` when there are none.
    pub(crate) fn of(snapshot: &Snapshot) -> Result<Option<Together>> {
        let Some(silent) = snapshot.silent()? else { return Ok(None) };
        let kept: Vec<Kept> = snapshot.compounds().collect();
        let mut belongs = Vec::<Vec<usize>>::new();
        for (number, kept) in kept.iter().enumerate() {
            for entry in &kept.values {
                let at = entry.0 as usize;
                belongs.resize_with(belongs.len().max(at + 1), Vec::new);
                belongs[at].push(number);
            }
        }
        Ok(Some(Together { kept, silent: Arc::new(silent), belongs }))
    }

    /// The compounds that a silent entry belongs to.
    pub(crate) fn with(&self, entry: Entry) -> impl Iterator<Item = &Kept> {
        let numbers = self.belongs.get(entry.0 as usize).map_or(&[][..], Vec::as_slice);
        numbers.iter().map(|number| &self.kept[*number])
    }

    /// What there is to tell of a compound.
    pub(crate) fn describe(&self, snapshot: &Snapshot, kept: &Kept) -> Compounded {
        let Kept { record, values, program, part } = kept;
        let name = |entry: Entry| format!("{} {}", self.silent.kind(entry), self.silent.value(entry));
        Compounded {
            compound: program
                .describe(|number| values.get(number).map_or_else(String::new, |entry| name(*entry))),
            pattern: part.clone(),
            values: values
                .iter()
                .map(|entry| Value {
                    kind: self.silent.kind(*entry).as_str(),
                    value: self.silent.value(*entry),
                })
                .collect(),
            said: Said::new(snapshot, record),
        }
    }
}

/// A compound of a dump.
#[derive(Debug, Serialize)]
pub(crate) struct Compounded {
    /// Its values joined by AND and OR.
    compound: String,
    /// The part of the pattern that it is, as it is printed.
    pub(crate) pattern: Box<str>,
    values: Vec<Value>,
    #[serde(flatten)]
    pub(crate) said: Said,
}

#[derive(Debug, Serialize)]
struct Value {
    kind: &'static str,
    value: String,
}
