//! Writes the sample terminal's site file and captures: `cargo run -p lab --example harborview -- FOLDER [clean|bad]`.
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), day) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: harborview FOLDER [clean|bad]");
        return ExitCode::from(2);
    };
    let scenario = match day.as_deref() {
        None | Some("clean") => lab::harborview::clean_day(),
        Some("bad") => lab::harborview::bad_day(),
        Some(other) => {
            eprintln!("unknown day `{other}`: expected `clean` or `bad`");
            return ExitCode::from(2);
        }
    };
    match scenario.write(Path::new(&folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot write to {folder}: {error}");
            ExitCode::FAILURE
        }
    }
}
