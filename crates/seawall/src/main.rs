//! The command line: the one place where the parts are put together.
// Where nobody reads, these end the program with a panic; `output` does not.
#![cfg_attr(not(test), deny(clippy::print_stderr, clippy::print_stdout))]

mod assessment;
mod clock;
mod commands;
mod draft;
mod error;
mod input;
mod life;
mod output;
mod progress;
mod rows;
mod run;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    // A reader that closes the pipe (`| head`) ends the program quietly, as for any Unix tool.
    let code = match commands::run(commands::Cli::parse()) {
        Ok(code) => code,
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            output::say(error::chain(&error));
            error.exit_code()
        }
    };
    output::finish();
    code
}
