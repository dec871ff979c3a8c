//! `taxiway completions`: a completion script for a shell.

use std::io::{self, Write as _};

use anyhow::Result;
use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::cli::Cli;

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  taxiway completions bash > ~/.local/share/bash-completion/completions/taxiway"
)]
pub(crate) struct Arguments {
    /// The shell
    shell: Shell,
}

/// Writes the script to standard output.
pub(crate) fn run(arguments: &Arguments) -> Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "taxiway", &mut script);
    io::stdout().lock().write_all(&script)?;
    Ok(0)
}
