//! `seawall learn`: a draft site folder from captures.
use std::path::PathBuf;
use std::process::ExitCode;

use crate::draft;
use crate::error::Error;
use crate::input::{self, Terminal, Witness};
use crate::output;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Captures, or folders of captures.
    #[arg(value_name = "CAPTURE", required = true)]
    captures: Vec<PathBuf>,
    /// The folder to make.
    #[arg(long, short, value_name = "DIR", default_value = "site")]
    output: PathBuf,
    /// Workers that read at the same time; one per core if not given.
    #[arg(long, value_name = "N", value_parser = crate::input::workers)]
    workers: Option<usize>,
}

pub fn run(args: &Args) -> Result<ExitCode, Error> {
    let file = args.output.join("site.toml");
    // A site file is a person's work: it is never written over.
    if file.exists() {
        return Err(Error::Exists { path: file });
    }
    let captures = Witness::Captures(input::open(&args.captures)?).without_hashes();
    let (facts, notes) = Terminal::none().facts(&captures, args.workers, crate::clock::now())?;
    for note in notes {
        output::say(note);
    }
    let fail = |source| Error::WriteFile {
        path: file.clone(),
        source,
    };
    std::fs::create_dir_all(&args.output).map_err(fail)?;
    std::fs::write(&file, draft::draft(&facts)).map_err(fail)?;
    let devices = facts.assets.len();
    output::line(&format!(
        "{}: drafted from {} conversations of {devices} devices; go through every line marked \"decide\", then run\n  seawall assess {} CAPTURE...",
        file.display(),
        facts.conversations.len(),
        args.output.display(),
    ))?;
    Ok(ExitCode::SUCCESS)
}
