//! The command line: arguments, messages, exit codes; one file a sub-command.
//!
//! Is: the place that sees everything, reads arguments and files by name, and talks to people.
//! Is not: where work is done; each sub-command puts modules below together.
//! Invariants: nothing but events (or what was asked for) goes to standard output; everything else goes to
//! standard error. Exit codes: 0 done (a reader that went away is no failure), 1 nothing found (`lookup`,
//! `filter --only-hits`) or something refused (`pattern check`), 2 wrong usage, unreadable or damaged input, failed output.
//! Fails: with one message that names the culprit and, where there is one, the remedy.

mod compile;
mod completions;
mod filter;
mod follow;
mod inspect;
mod intel;
mod lookup;
mod pairs;
mod pattern;
mod snapshot;
mod stats;

use std::fmt::Display;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

/// Exit code when nothing was found.
const NOTHING: u8 = 1;
/// Exit code when some of what was to be checked is wrong.
const REFUSED: u8 = 1;
/// Exit code for wrong usage, unreadable or damaged input, failed output.
const TROUBLE: u8 = 2;

#[derive(Debug, Parser)]
#[command(
    name = "taxiway",
    version,
    about = "Tags streaming log events that contain indicators from threat-intelligence feeds",
    after_help = EXAMPLES,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Tags events that contain an indicator; all others pass byte for byte
    Filter(Box<filter::Arguments>),
    /// Compiles feeds into a snapshot file
    Compile(compile::Arguments),
    /// Says what is in feeds, file by file, and what becomes of every object
    Inspect(inspect::Arguments),
    /// Says what a value would hit, and why it would or would not be tagged
    Lookup(lookup::Arguments),
    /// Checks STIX patterns
    Pattern(pattern::Arguments),
    /// Looks into snapshot files
    Snapshot(snapshot::Arguments),
    /// Writes a completion script for a shell to standard output
    Completions(completions::Arguments),
}

const EXAMPLES: &str = "\
Examples:
  taxiway filter --intel feed.json conn.log.gz > tagged     tag the events of a file
  tail -F eve.json | taxiway filter --intel feeds/          ... of a stream
  taxiway compile feeds/ -o set.taxi                        compile once,
  taxiway filter --snapshot set.taxi --follow < events      start in milliseconds, follow replacements
  taxiway inspect feed.json                                 what is in it, what is used, what waits
  taxiway lookup --snapshot set.taxi evil.example 'paypa*'  ask by hand

Each command has its own --help.";

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    crate::stage::silence_guarded_panics();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help that nobody reads to the end is no failure either.
            error.print().ok();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(TROUBLE));
        }
    };
    let outcome = match cli.command {
        Command::Filter(arguments) => filter::run(&arguments),
        Command::Compile(arguments) => compile::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Lookup(arguments) => lookup::run(&arguments),
        Command::Pattern(arguments) => pattern::run(&arguments),
        Command::Snapshot(arguments) => snapshot::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments),
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            match error.downcast::<clap::Error>() {
                Ok(usage) => {
                    usage.print().ok();
                }
                Err(error) => note(format_args!("{error:#}")),
            }
            ExitCode::from(TROUBLE)
        }
    }
}

/// Tells people something, on standard error.
fn note(message: impl Display) {
    // Nobody is left to be told when this fails.
    writeln!(io::stderr().lock(), "taxiway: {message}").ok();
}

/// Wrong usage that the parser of arguments cannot see.
fn usage(command: &str, message: impl Display) -> anyhow::Error {
    let mut root = Cli::command();
    root.build();
    let command = root.find_subcommand_mut(command);
    match command {
        Some(command) => command.error(clap::error::ErrorKind::MissingRequiredArgument, message).into(),
        None => anyhow::anyhow!("{message}"),
    }
}

/// Whether the reader of standard output went away.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let pipe = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(pipe)
            || cause
                .downcast_ref::<serde_json::Error>()
                .is_some_and(|e| e.io_error_kind() == Some(io::ErrorKind::BrokenPipe))
    })
}

/// Reads a number of bytes: `4096`, `64k`, `16M`, `16MiB`, `1 GB` (powers of 1024).
fn byte_count(text: &str) -> Result<usize, String> {
    let lower = text.trim().to_ascii_lowercase();
    let number = lower.strip_suffix("ib").or_else(|| lower.strip_suffix('b')).unwrap_or(&lower);
    let (digits, shift) = match number.as_bytes() {
        [digits @ .., b'k'] => (digits.len(), 10),
        [digits @ .., b'm'] => (digits.len(), 20),
        [digits @ .., b'g'] => (digits.len(), 30),
        digits => (digits.len(), 0),
    };
    let count: Option<usize> = number.get(..digits).and_then(|digits| digits.trim().parse().ok());
    let count = count.ok_or("expected bytes, such as 65536, 64k or 16M")?;
    match count.checked_mul(1 << shift) {
        Some(0) => Err(String::from("must be at least 1")),
        Some(count) => Ok(count),
        None => Err(String::from("too large")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn byte_counts_have_units() {
        for (text, expected) in [
            ("1", 1),
            ("64k", 65536),
            ("16M", 16 << 20),
            ("16MiB", 16 << 20),
            ("1G", 1 << 30),
            ("1 GB", 1 << 30),
        ] {
            assert_eq!(byte_count(text), Ok(expected), "{text}");
            assert_eq!(byte_count(&text.to_lowercase()), Ok(expected), "{text}");
        }
        for wrong in ["", "0", "k", "-1", "1.5M", "99999999999G", "1GiBiB", "1kk", "é"] {
            assert!(byte_count(wrong).is_err(), "{wrong}");
        }
    }
}
