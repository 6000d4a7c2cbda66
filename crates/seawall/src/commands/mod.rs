//! The commands, one file each, all alike: arguments, then `run`.
mod assess;
mod due;
mod explain;
mod facts;
mod findings;
mod incident;
mod learn;
mod ledger;
mod measures;
mod packets;
pub mod record;
mod records;
mod run;
mod sql;

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
    /// The verdicts: does each measure of the advisory hold, and how do we know?
    Assess(assess::Args),
    /// What falls due when, by person.
    Due(due::Args),
    /// What was seen, as rows.
    Facts(facts::Args),
    /// Watch: listen on the site's interfaces, judge every second, tell what changes.
    Run(run::Args),
    /// A draft site folder from captures.
    Learn(learn::Args),
    /// Any query over the facts.
    Sql(sql::Args),
    /// The packets behind a finding.
    Packets(packets::Args),
    /// A finding in words: what was seen, what might have allowed it, what to do.
    Explain(explain::Args),
    /// What is found and how it stands: open, in hand, accepted for a time, resolved.
    Findings(findings::Args),
    /// Open an incident from findings, write its reports, keep what was sent, see what is owed to whom.
    Incident(incident::Args),
    /// Record what people declare: contracts, grants, visits, backups, drills.
    Record(record::Args),
    /// What was recorded, as rows.
    Records(records::Args),
    /// Verify, copy and merge the ledger in which records lie.
    Ledger(ledger::Args),
    /// The catalogue of measures, or one page.
    Measures(measures::Args),
}

pub fn run(cli: Cli) -> Result<ExitCode, Error> {
    match cli.command {
        Command::Assess(args) => assess::run(&args),
        Command::Due(args) => due::run(&args),
        Command::Facts(args) => facts::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Learn(args) => learn::run(&args),
        Command::Sql(args) => sql::run(&args),
        Command::Packets(args) => packets::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Findings(args) => findings::run(&args),
        Command::Incident(args) => incident::run(&args),
        Command::Record(args) => record::run(&args),
        Command::Records(args) => records::run(&args),
        Command::Ledger(args) => ledger::run(&args),
        Command::Measures(args) => measures::run(&args),
    }
}
