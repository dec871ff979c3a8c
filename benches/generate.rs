//! Writes what the other benches read, and what a person wants to try by hand.
//!
//! ```text
//! cargo bench --bench generate -- events 1000000000 events.ndjson 1000000 0.001
//! cargo bench --bench generate -- indicators 1000000 list.txt
//! ```

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program of its own, for the terminal")]

mod generator;

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand, ValueEnum};

use crate::generator::adversarial::{Adversary, Attack};
use crate::generator::sysmon::Sysmon;
use crate::generator::text::{Log, Text};
use crate::generator::zeek::Zeek;
use crate::generator::{Planted, Source, Written, indicators, stix, stix1};

/// Deterministic indicators and events: the same arguments give the same bytes anywhere.
#[derive(Parser)]
#[command(name = "generate")]
struct Arguments {
    /// Given by `cargo bench`.
    #[arg(long, hide = true, global = true)]
    bench: bool,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Subcommand)]
enum What {
    /// Events of at least this many bytes.
    Events {
        /// Bytes.
        bytes: u64,
        /// File to write.
        file: PathBuf,
        /// Length of the list of indicators that hits come from.
        indicators: u64,
        /// Share of events with a hit, 0 to 1.
        rate: f64,
        /// Sysmon-like JSON instead of Zeek-like.
        #[arg(long, conflicts_with = "text")]
        sysmon: bool,
        /// Zeek-like JSON of http only, with URLs in two fields as hits.
        #[arg(long, conflicts_with_all = ["text", "sysmon"])]
        http: bool,
        /// A text log.
        #[arg(long)]
        text: Option<Log>,
        /// All events in one line.
        #[arg(long)]
        one_line: bool,
    },
    /// A feed of this many indicators.
    Indicators {
        /// How many.
        count: u64,
        /// File to write.
        file: PathBuf,
        /// What kind of feed.
        #[arg(long, default_value = "mixed")]
        feed: Feed,
    },
    /// Input made to be slow.
    Adversarial {
        /// What is repeated.
        attack: Attack,
        /// Bytes.
        bytes: u64,
        /// File to write.
        file: PathBuf,
        /// Length of the list of indicators that `near` comes close to.
        #[arg(default_value_t = 1_000_000)]
        indicators: u64,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Feed {
    /// 40 % IPv4, 33 % names, 17 % URLs, 9.5 % digests, 0.5 % e-mail addresses, one a line.
    Mixed,
    /// The same as a STIX 2.1 bundle with validity, confidence and 3,000 names of malware.
    Stix,
    /// The same as a STIX 1.1.1 package.
    Stix1,
    /// The IPv4 addresses of the mixed list only.
    Addresses,
    /// The URLs of the mixed list only.
    Urls,
    /// Names with their malware, as CSV.
    Named,
    /// IPv4 networks.
    Networks,
    /// IPv6 addresses and networks.
    Ip6,
}

fn main() -> ExitCode {
    let Some(what) = Arguments::parse().what else {
        println!("generate: say what, for example: cargo bench --bench generate -- --help");
        return ExitCode::SUCCESS;
    };
    match run(&what) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("generate: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(what: &What) -> anyhow::Result<()> {
    match what {
        What::Events { bytes, file, indicators, rate, sysmon, http, text, one_line } => {
            let planted = Planted { indicators: *indicators, rate: *rate };
            let mut source: Box<dyn Source> = match (sysmon, text) {
                (true, _) => Box::new(Sysmon::new(planted)),
                (false, Some(log)) => Box::new(Text::new(*log, planted)),
                (false, None) if *http => Box::new(Zeek::http_only(planted, "host")),
                (false, None) => Box::new(Zeek::new(planted)),
            };
            let mut to = create(file)?;
            report(if *one_line {
                generator::write_long_line(source.as_mut(), *bytes, &mut to)?
            } else {
                generator::write_lines(source.as_mut(), *bytes, &mut to)?
            });
        }
        What::Indicators { count, file, feed } => {
            let mut to = create(file)?;
            match feed {
                Feed::Mixed => indicators::write_list(*count, None, &mut to),
                Feed::Stix => stix::write_bundle(*count, &mut to),
                Feed::Stix1 => stix1::write_package(*count, 0, &mut to),
                Feed::Addresses => indicators::write_list(*count, Some(indicators::Shape::Address), &mut to),
                Feed::Urls => indicators::write_list(*count, Some(indicators::Shape::Url), &mut to),
                Feed::Named => indicators::write_named(*count, &mut to),
                Feed::Networks => indicators::write_networks(*count, &mut to),
                Feed::Ip6 => indicators::write_ip6(*count, &mut to),
            }?;
        }
        What::Adversarial { attack, bytes, file, indicators } => {
            let mut source = Adversary::new(*attack, Planted { indicators: *indicators, rate: 0.0 });
            report(generator::write_lines(&mut source, *bytes, &mut create(file)?)?);
        }
    }
    Ok(())
}

fn report(written: Written) {
    let Written { events, bytes, planted } = written;
    println!("{events} events, {bytes} bytes, {planted} with a hit, version {}", generator::VERSION);
}

fn create(path: &Path) -> anyhow::Result<BufWriter<File>> {
    let file = File::create(path).with_context(|| path.display().to_string())?;
    Ok(BufWriter::with_capacity(1 << 20, file))
}
