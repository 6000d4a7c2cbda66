//! `seawall ledger`: whether the ledger is what was recorded, and copies of it.
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use store::ledger::{self, Head, Ledger, Stamp};

use super::record::begin;
use super::record::place::{self, Place};
use crate::error::Error;
use crate::output;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check every entry, the chain, the signed head and every attached file; exit with 1 if anything is wrong.
    Verify {
        /// A checkpoint that was kept elsewhere: what it saw must still be there.
        #[arg(long, value_name = "FILE")]
        checkpoint: Option<PathBuf>,
        #[command(flatten)]
        place: Place,
    },
    /// The key that signs the ledger.
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Print the signed head, one line to be kept elsewhere.
    Checkpoint {
        /// Write to this file instead of standard output.
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        place: Place,
    },
    /// Print the entries as JSON lines, or write a copy of all of it that can be verified by itself.
    Export {
        /// The folder to make.
        #[arg(long, short, value_name = "DIR")]
        output: Option<PathBuf>,
        #[command(flatten)]
        place: Place,
    },
    /// Bring in another ledger's export: all of it, or nothing where both say different things of a record.
    Import {
        /// The folder or file that `export` wrote.
        #[arg(value_name = "EXPORT")]
        export: PathBuf,
        /// Who imports; the system's name of this user if not given.
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Put a new key in the place of the old one: both sign the entry that says so, then the old one is gone.
    Replace {
        /// Why.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Who replaces it; the system's name of this user if not given.
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
        #[command(flatten)]
        place: Place,
    },
}

pub fn run(args: &Args) -> Result<ExitCode, Error> {
    match &args.command {
        Command::Key {
            command: KeyCommand::Replace { reason, by, place },
        } => replace_key(place, reason, by.clone())?,
        Command::Verify { checkpoint, place } => return verify(place, checkpoint.as_deref()),
        Command::Checkpoint { output, place } => {
            let ledger = place.open()?;
            let Some(line) = ledger.checkpoint()? else {
                return Err(Error::EmptyLedger {
                    path: ledger.folder().to_owned(),
                });
            };
            output::write(output.as_deref(), &line)?;
        }
        Command::Export {
            output: None,
            place,
        } => {
            let ledger = place.open()?;
            output::write(None, &String::from_utf8_lossy(ledger.text()))?;
        }
        Command::Export {
            output: Some(into),
            place,
        } => {
            if into.exists() {
                return Err(Error::Exists { path: into.clone() });
            }
            let entries = Ledger::export(&place.folder()?, into)?;
            output::line(&format!("{}: {entries} entries", into.display()))?;
        }
        Command::Import { export, by, place } => import(export, by.clone(), place)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn replace_key(place: &Place, reason: &str, by: Option<String>) -> Result<(), Error> {
    let by = by.unwrap_or_else(place::user);
    let stamp = Stamp {
        by: &by,
        means: "cli",
        now: crate::clock::now(),
    };
    let mut ledger = place.open()?;
    let replaced = begin(&mut ledger)?.replace_key(reason, &stamp)?;
    output::line(&format!(
        "the key {} signs no more",
        replaced.old.fingerprint()
    ))?;
    output::line(&format!(
        "the key {} signs from now on",
        replaced.new.fingerprint()
    ))?;
    output::line(
        "put the new ledger.key into the backup, and keep a checkpoint elsewhere: seawall ledger checkpoint",
    )?;
    Ok(())
}

fn verify(place: &Place, checkpoint: Option<&Path>) -> Result<ExitCode, Error> {
    let checkpoint = match checkpoint {
        None => None,
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|source| Error::ReadRecords {
                path: path.to_owned(),
                source,
            })?;
            let head = Head::parse(&text).map_err(|what| Error::BadCheckpoint {
                path: path.to_owned(),
                what,
            })?;
            Some(head)
        }
    };
    let report = ledger::verify(&place.folder()?, checkpoint.as_ref())?;
    output::write(None, &report.to_string())?;
    Ok(ExitCode::from(u8::from(!report.is_sound())))
}

fn import(export: &Path, by: Option<String>, place: &Place) -> Result<(), Error> {
    let (folder, file) = match export.is_dir() {
        true => (Some(export), export.join(ledger::FILE)),
        false => (None, export.to_owned()),
    };
    // A whole export has a signed head: its end is then known to be its end.
    if let Some(folder) = folder {
        let report = ledger::verify(folder, None)?;
        if let Some(problem) = report.problems.first() {
            return Err(ledger::Error::Unsound {
                path: folder.to_owned(),
                first: problem.to_string(),
            }
            .into());
        }
    }
    let by = by.unwrap_or_else(place::user);
    let stamp = Stamp {
        by: &by,
        means: "import",
        now: crate::clock::now(),
    };
    let mut ledger = place.open()?;
    let done = begin(&mut ledger)?.import(&file, &stamp)?;
    output::line(&format!(
        "{}: {} entries added, {} records known already, {} files brought along",
        export.display(),
        done.added,
        done.known,
        done.attachments
    ))?;
    Ok(())
}
