//! `taxiway filter`: events in, tagged events out.

use std::fs::File;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::cli::follow::{Follower, Opened, Verifier};
use crate::cli::intel::Inputs;
use crate::cli::{NOTHING, TROUBLE, byte_count, intel, note, pairs, stats, usage};
use crate::engine::join::Pairs;
use crate::engine::{At, Settings};
use crate::index::Snapshot;
use crate::indicator::Timestamp;
use crate::intake::{self, Source};
use crate::live::{Current, Generation};
use crate::observable::Kind;
use crate::policy::Policy;
use crate::stage::stdio::{LINE_BYTES_MAX, Options, READ_BYTES, Summary, THREADS_MAX, run as run_stage};
use crate::stage::{Origin, Output, Signals};

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub(crate) struct Arguments {
    /// Event files, plain, gzip, zstd, bzip2 or xz; standard input when there is none, or for `-`
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// A feed to compile and use: file or folder of STIX, lists, hosts files, CSV; repeatable
    #[arg(short, long, value_name = "[NAME=]FEED", help_heading = "Indicators")]
    intel: Vec<String>,
    /// Takes the observables of STIX 1 that no indicator points to as indicators; they are counted always
    #[arg(long, requires = "intel", help_heading = "Indicators")]
    observables: bool,
    /// A snapshot file made by `taxiway compile`; repeatable
    #[arg(short, long, value_name = "FILE", help_heading = "Indicators")]
    snapshot: Vec<PathBuf>,
    /// Takes up a snapshot file that was replaced, within a second or two
    #[arg(long, requires = "snapshot", help_heading = "Indicators")]
    follow: bool,
    /// Where events go instead of standard output
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,
    /// The shape of tags: `threat.enrichments` of the Elastic Common Schema, or one flat object `taxiway`
    #[arg(long, value_enum, default_value_t, help_heading = "Output")]
    preset: Preset,
    /// Writes events that hit only, also those that cannot be tagged; exit code 1 when there is none
    #[arg(long, help_heading = "Output")]
    only_hits: bool,
    /// How events are read: by what they are, always as JSON objects, always as lines of text
    #[arg(long, value_enum, default_value_t, help_heading = "Events")]
    format: Format,
    /// More keys of fields that belong together, one pair a line: HOST-KEY PATH-KEY [QUERY-KEY], ADDRESS-KEY :PORT-KEY
    #[arg(long, value_name = "FILE", help_heading = "Events")]
    pairs: Option<PathBuf>,
    /// Bytes of an event above which it is searched and counted, but not tagged
    #[arg(long, value_name = "BYTES", value_parser = byte_count, default_value_t = LINE_BYTES_MAX, help_heading = "Events")]
    max_line_bytes: usize,
    /// Threads that work on events, at most 256; 0 for one a core
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = read_threads)]
    threads: usize,
    /// Writes counts to standard error at the end, also when Ctrl-C or SIGTERM is the end
    #[arg(long)]
    stats: bool,
    /// Says nothing but what went wrong
    #[arg(short, long)]
    quiet: bool,
    /// Bytes asked for in one read
    #[arg(long, value_name = "BYTES", value_parser = byte_count, default_value_t = READ_BYTES, hide = true)]
    read_bytes: usize,
    // Behind all others: the headings of these would be theirs.
    #[command(flatten)]
    rules: Rules,
    #[command(flatten)]
    tags: Tags,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "What is tagged")]
pub(crate) struct Rules {
    /// Only these fields, with all below them (`client.ip`, `dns.answers`); comma-separated
    #[arg(long, value_name = "FIELD", value_delimiter = ',')]
    fields: Vec<String>,
    /// Not these fields, nor what is below them; comma-separated
    #[arg(long, value_name = "FIELD", value_delimiter = ',')]
    exclude_fields: Vec<String>,
    /// Only indicators of these kinds; comma-separated
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = PossibleValuesParser::new(Kind::ALL.map(Kind::as_str)))]
    kinds: Vec<String>,
    /// Only indicators of at least this confidence, and those that state none
    #[arg(long, value_name = "0..100", value_parser = clap::value_parser!(u8).range(0..=100))]
    min_confidence: Option<u8>,
    /// Switches off a rule that suppresses; by the name that --stats counts; repeatable
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = PossibleValuesParser::new(
        intel::BUILD_RULES.into_iter().chain(intel::HIT_RULES)
    ))]
    allow: Vec<String>,
    /// When an indicator has to be valid: now, any time, at the event's own time (in a field), at a time (RFC 3339)
    #[arg(long, value_name = "now|any|event[:FIELD]|TIME", value_parser = read_at, default_value = "now")]
    at: At,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Limits of tags")]
struct Tags {
    /// Enrichments in one event at most
    #[arg(long, value_name = "N", default_value_t = Settings::default().enrichments_max)]
    max_enrichments: usize,
    /// Bytes of tag in one event at most
    #[arg(long, value_name = "BYTES", value_parser = byte_count, default_value_t = Settings::default().tag_bytes_max)]
    max_tag_bytes: usize,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Preset {
    #[default]
    Ecs,
    Flat,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    #[default]
    Auto,
    Json,
    Text,
}

const EXAMPLES: &str = "\
Examples:
  taxiway filter --intel feed.json conn.log.gz > tagged
  taxiway filter --intel stix/ --intel ours=list.csv --only-hits *.json.zst | jq .threat
  tail -F /var/log/suricata/eve.json | taxiway filter --snapshot set.taxi --follow --preset flat
  taxiway filter --intel feed.json --at event --stats old.json > tagged

Exit codes: 0 done, 1 nothing hit (--only-hits), 2 wrong usage, unreadable or damaged input, failed output.";

/// Reads `--threads`.
fn read_threads(text: &str) -> Result<usize, String> {
    let threads = text.parse().ok().filter(|threads| *threads <= THREADS_MAX);
    threads.ok_or_else(|| format!("expected a number from 0 to {THREADS_MAX}"))
}

/// Reads `--at`.
pub(crate) fn read_at(text: &str) -> Result<At, String> {
    Ok(match text {
        "now" => At::Now,
        "any" => At::Any,
        "event" => At::Event(None),
        _ => match text.strip_prefix("event:") {
            Some("") => return Err(String::from("a field has to follow 'event:'")),
            Some(field) => At::Event(Some(field.into())),
            None => At::Time(read_time(text)?),
        },
    })
}

fn read_time(text: &str) -> Result<Timestamp, String> {
    let midnight = || Timestamp::parse(&format!("{}T00:00:00Z", text.trim()));
    Timestamp::parse(text).or_else(midnight).ok_or_else(|| {
        String::from(
            "expected now, any, event, event:FIELD, or a time such as 2026-01-31T12:00:00Z or 2026-01-31",
        )
    })
}

/// The rules that hold at the hit.
fn policy(rules: &Rules) -> Policy {
    let allows = |name: &str| rules.allow.iter().any(|given| given == name);
    Policy {
        kinds: rules.kinds.iter().filter_map(|name| Kind::from_name(name)).collect(),
        fields: rules.fields.iter().map(|name| name.as_str().into()).collect(),
        exclude: rules.exclude_fields.iter().map(|name| name.as_str().into()).collect(),
        min_confidence: rules.min_confidence,
        allow_reserved: allows("reserved"),
        allow_looks_like_file: allows("looks-like-file"),
    }
}

/// Runs the filter.
pub(crate) fn run(arguments: &Arguments) -> Result<u8> {
    check(arguments)?;
    let origins = origins(&arguments.files)?;
    let inputs = inputs(arguments, &origins);
    let pairs = match &arguments.pairs {
        Some(path) => Arc::new(pairs::read(path)?),
        None => Arc::default(),
    };
    let mut opened = Vec::new();
    for path in &arguments.snapshot {
        opened.push(Opened::open(path, |path| Ok(Snapshot::open(path)?))?);
    }
    if !arguments.intel.is_empty() {
        let options = intake::Options { observables: arguments.observables };
        let allow = intel::allow(&arguments.rules.allow);
        let compiled = intel::compile(&arguments.intel, options, allow, arguments.quiet)?;
        let snapshot = Arc::new(Snapshot::from_bytes(compiled.bytes)?);
        opened.push(Opened { snapshot, file: None });
    }
    let output = output(arguments.output.as_deref(), &inputs)?;
    let snapshots = opened.iter().map(|one| Arc::clone(&one.snapshot)).collect();
    let current = Arc::new(Current::new(Generation { snapshots, policy: policy(&arguments.rules) }));
    let signals = Arc::new(Signals::default());
    let progress = Progress::start(arguments, &signals);
    let verifier = Verifier::start(&opened, &signals).context("no thread to check the snapshots")?;
    let follower = if arguments.follow {
        let follower = Follower::start(opened, Arc::clone(&current), arguments.quiet, progress.teller());
        Some(follower.context("no thread to follow the snapshots")?)
    } else {
        drop(opened);
        None
    };
    end_by_signal(&signals)?;
    let start = Instant::now();
    let options = options(arguments, origins, pairs);
    let summary = run_stage(&options, output, &current, &signals, progress.teller());
    let took = start.elapsed();
    if let Some(follower) = follower {
        follower.finish();
    }
    progress.finish();
    let verified = verifier.finish();
    report(arguments, &summary, took)?;
    verified?;
    outcome(arguments, summary)
}

/// Has Ctrl-C and SIGTERM end the run: whole events that were read are written, and the summary is
/// told. A second one ends the program at once.
fn end_by_signal(signals: &Signals) -> io::Result<()> {
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_default(signal, signals.stop_flag())?;
        flag::register(signal, signals.stop_flag())?;
    }
    Ok(())
}

/// Usage that the parser of arguments cannot see.
fn check(arguments: &Arguments) -> Result<()> {
    if arguments.intel.is_empty() && arguments.snapshot.is_empty() {
        return Err(usage(
            "filter",
            "no indicators: name a feed with --intel FEED (a file or folder of STIX, lists, CSV), or a file \
             made by `taxiway compile` with --snapshot FILE",
        ));
    }
    let stdin = Path::new("-");
    let feed = |text: &String| Source::parse(text).path == stdin;
    let events = arguments.files.is_empty() || arguments.files.iter().any(|file| file == stdin);
    if events && arguments.intel.iter().any(feed) {
        return Err(usage(
            "filter",
            "standard input cannot be both a feed and the events: name an event file",
        ));
    }
    let build_rules = arguments.rules.allow.iter().filter(|name| intel::BUILD_RULES.contains(&name.as_str()));
    if arguments.intel.is_empty() {
        for name in build_rules {
            note(format_args!(
                "--allow {name} has no effect on a snapshot: it is a rule of `taxiway compile`"
            ));
        }
    }
    Ok(())
}

/// The streams; each file has to be there before the first event is read.
fn origins(files: &[PathBuf]) -> Result<Vec<Origin>> {
    if files.is_empty() {
        return Ok(vec![Origin::Stdin]);
    }
    files
        .iter()
        .map(|path| {
            if path == Path::new("-") {
                return Ok(Origin::Stdin);
            }
            let meta = path.metadata().with_context(|| path.display().to_string())?;
            if meta.is_dir() {
                return Err(anyhow!("{}: is a directory; name the files in it", path.display()));
            }
            if meta.is_file() {
                File::open(path).with_context(|| path.display().to_string())?;
            }
            Ok(Origin::File(path.clone()))
        })
        .collect()
}

/// All files that a run reads.
fn inputs(arguments: &Arguments, origins: &[Origin]) -> Inputs {
    let mut inputs = Inputs::of_feeds(&arguments.intel);
    for path in &arguments.snapshot {
        inputs.add("a snapshot", &Origin::File(path.clone()));
    }
    if let Some(path) = &arguments.pairs {
        inputs.add("the pairs", &Origin::File(path.clone()));
    }
    for origin in origins {
        inputs.add("an input", origin);
    }
    inputs
}

/// Opens the output, which must be none of the files that are read.
fn output(path: Option<&Path>, inputs: &Inputs) -> Result<Output> {
    let output = match path.filter(|path| *path != Path::new("-")) {
        None => Output::stdout().context("standard output")?,
        Some(path) => {
            // before the file is emptied
            inputs.refuse(Origin::File(path.to_owned()).identity())?;
            Output::file(File::create(path).with_context(|| path.display().to_string())?)
        }
    };
    inputs.refuse(output.identity())?;
    Ok(output)
}

fn options(arguments: &Arguments, origins: Vec<Origin>, pairs: Arc<Pairs>) -> Options {
    let threads = match arguments.threads {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        n => n,
    };
    Options {
        origins,
        settings: Settings {
            format: match arguments.format {
                Format::Auto => crate::engine::Format::Auto,
                Format::Json => crate::engine::Format::Json,
                Format::Text => crate::engine::Format::Text,
            },
            preset: match arguments.preset {
                Preset::Ecs => crate::engine::Preset::Ecs,
                Preset::Flat => crate::engine::Preset::Flat,
            },
            at: arguments.rules.at.clone(),
            enrichments_max: arguments.tags.max_enrichments,
            tag_bytes_max: arguments.tags.max_tag_bytes,
            pairs,
        },
        threads,
        only_hits: arguments.only_hits,
        count_events: arguments.stats,
        line_bytes_max: arguments.max_line_bytes,
        read_bytes: arguments.read_bytes,
    }
}

/// Tells what has to be told after a run.
fn report(arguments: &Arguments, summary: &Summary, took: Duration) -> Result<()> {
    if summary.tally.panics > 0 {
        let story = summary.tally.story.as_deref().unwrap_or("no more is known");
        note(format_args!(
            "{} events passed untagged because the engine broke down on them, which is a bug: {story}",
            summary.tally.panics
        ));
    }
    let lost = summary.tally.counts.suppressed.iter().find(|(rule, _)| *rule == "line-limit");
    if let (true, Some((_, hits))) = (arguments.only_hits, lost) {
        note(format_args!(
            "{hits} hits are not in the output: their events are longer than {} bytes (--max-line-bytes)",
            arguments.max_line_bytes
        ));
    } else if summary.long_events > 0 && !arguments.quiet && !arguments.only_hits {
        note(format_args!(
            "{} events passed untagged because they are longer than {} bytes (--max-line-bytes)",
            summary.long_events, arguments.max_line_bytes
        ));
    }
    if arguments.stats {
        io::stderr().lock().write_all(stats::table(summary, took)?.as_bytes()).ok();
    } else if !arguments.quiet && io::stderr().is_terminal() {
        note(stats::sentence(summary, took));
    }
    Ok(())
}

/// The exit code.
fn outcome(arguments: &Arguments, summary: Summary) -> Result<u8> {
    if let Some(error) = summary.error {
        let name = arguments.output.as_ref().map_or("standard output".into(), |path| path.to_string_lossy());
        return Err(error).context(format!("{name}: not all events were written"));
    }
    Ok(if summary.faults > 0 {
        TROUBLE
    } else if arguments.only_hits
        && summary.tally.counts.events_tagged == 0
        && summary.tally.untagged_hits() == 0
    {
        NOTHING
    } else {
        0
    })
}

/// A progress bar when somebody looks on and the amount is known.
struct Progress {
    bar: ProgressBar,
    ticker: Option<(std::sync::mpsc::Sender<()>, std::thread::JoinHandle<()>)>,
}

impl Progress {
    fn start(arguments: &Arguments, signals: &Arc<Signals>) -> Progress {
        let seen = !arguments.quiet
            && io::stderr().is_terminal()
            && (arguments.output.is_some() || !io::stdout().is_terminal());
        let sizes = arguments.files.iter().map(|file| {
            let meta = file.metadata().ok()?;
            meta.is_file().then_some(meta.len())
        });
        let total = sizes.sum::<Option<u64>>().filter(|total| *total > 0);
        let (true, Some(total)) = (seen, total) else {
            return Progress { bar: ProgressBar::hidden(), ticker: None };
        };
        let style =
            ProgressStyle::with_template("{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left");
        let bar = ProgressBar::new(total).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let (stop, stopped) = channel();
        let (shown, signals) = (bar.clone(), Arc::clone(signals));
        let tick = move || {
            while stopped.recv_timeout(Duration::from_millis(100)) == Err(RecvTimeoutError::Timeout) {
                shown.set_position(signals.taken());
            }
        };
        let ticker = std::thread::Builder::new().name(String::from("progress")).spawn(tick).ok();
        Progress { bar, ticker: ticker.map(|thread| (stop, thread)) }
    }

    /// Tells something without tearing the bar.
    fn teller(&self) -> impl Fn(&str) + Send + 'static {
        let bar = self.bar.clone();
        move |message| bar.suspend(|| note(message))
    }

    fn finish(self) {
        if let Some((stop, thread)) = self.ticker {
            drop(stop);
            thread.join().ok();
        }
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_that_counts_is_read() {
        assert_eq!(read_at("now"), Ok(At::Now));
        assert_eq!(read_at("any"), Ok(At::Any));
        assert_eq!(read_at("event"), Ok(At::Event(None)));
        assert_eq!(read_at("event:a.b"), Ok(At::Event(Some("a.b".into()))));
        assert_eq!(read_at("1970-01-01T00:00:01Z"), Ok(At::Time(Timestamp(1_000_000))));
        assert_eq!(read_at("1970-01-02"), Ok(At::Time(Timestamp(86_400_000_000))));
        for wrong in ["", "event:", "never", "12"] {
            assert!(read_at(wrong).is_err(), "{wrong}");
        }
    }
}
