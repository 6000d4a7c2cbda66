//! `cargo xtask`: the one door to every chore.
mod lists;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask COMMAND

  lists --version DATE --source TEXT FILE...   rebuild crates/facts/data/oui.txt; newest file first
";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let done = match args.next().as_deref() {
        Some("lists") => lists::run(args),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
