//! `seawall run`: watches a terminal until it is stopped.
use std::path::PathBuf;
use std::process::ExitCode;

use crate::error::Error;
use crate::input::Terminal;
use crate::run;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The site folder, with its site.toml. Its sensors say where to listen, `[run]` how, `[[output]]` whom to tell.
    #[arg(value_name = "SITE")]
    site: PathBuf,
    /// Folder of what is remembered: history, packets, evidence. The one that the site names, if not given.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Open everything, say whether it can be done, and end.
    #[arg(long)]
    check: bool,
}

pub fn run(args: &Args) -> Result<ExitCode, Error> {
    let terminal = Terminal::load(&args.site)?;
    let state = match &args.state {
        Some(state) => state.clone(),
        None => terminal.state(),
    };
    run::run(terminal, &state, args.check)?;
    Ok(ExitCode::SUCCESS)
}
