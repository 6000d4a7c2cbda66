//! The commands, one file each, all alike: arguments, then `run`.
mod facts;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::Error;

/// Judges a marine terminal's crane network against the US maritime advisory on foreign-made port equipment.
#[derive(Debug, Parser)]
#[command(name = "seawall", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// What was seen, as rows.
    Facts(facts::Args),
}

pub fn run(cli: Cli) -> Result<ExitCode, Error> {
    match cli.command {
        Command::Facts(args) => facts::run(&args),
    }
}
