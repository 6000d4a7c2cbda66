//! `cargo xtask`: the one door to every chore. `.ci/run` and the README call the same commands.
mod bench;
mod check;
mod demo;
mod docs;
mod lists;
mod picture;
mod records;
mod run;
mod tidy;
mod tools;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask COMMAND

  demo                the main job on the sample terminal: captures, verdicts, report
  test                every test; installs tshark and tcpdump where they are missing
  check               format, lints, links of the docs, licences: everything of `ci` but the tests
  ci                  test, demo and check
  docs                write what is generated under docs/
  tried               measure what the real captures show of each protocol, then docs
  picture             take the README's picture anew; needs chromium
  bench [PACKETS]     time and memory beside cat, tcpdump, ndpiReader, argus and tshark
  lists --version DATE --source TEXT FILE...
                      rebuild crates/facts/data/oui.txt; newest file first
";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let done = match args.next().as_deref() {
        Some("demo") => demo::run(),
        Some("test") => check::test(),
        Some("check") => check::check(),
        Some("ci") => check::test()
            .and_then(|()| demo::run())
            .and_then(|()| check::check()),
        Some("docs") => docs::write(),
        Some("tried") => docs::tried_anew(),
        Some("picture") => picture::run(),
        Some("bench") => bench::run(args),
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
