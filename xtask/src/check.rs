//! Tests and checks, as a developer and the build machine run them.
use std::path::PathBuf;
use std::process::Command;

use crate::{run, tools};

/// Version of cargo-deny that is installed where none is.
const DENY: &str = "0.20";

pub(crate) fn test() -> Result<(), String> {
    tools::install(tools::FOR_TESTS)?;
    run::run(run::cargo().args(["test", "--workspace", "--no-fail-fast"]))
}

pub(crate) fn check() -> Result<(), String> {
    run::run(run::cargo().args(["fmt", "--all", "--check"]))?;
    run::run(run::cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))?;
    run::run(
        run::cargo()
            .args([
                "doc",
                "--workspace",
                "--no-deps",
                "--document-private-items",
            ])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    deny()
}

/// Licences, sources and bans of everything that is linked. Known holes are not asked for: their database cannot be
/// reached from a build machine without a network, and a check that passes for lack of data would be worse than none.
fn deny() -> Result<(), String> {
    let mut command = match deny_program()? {
        Some(program) => run::command(&program.to_string_lossy()),
        None => {
            return Err(format!(
                "cargo-deny is missing; run `cargo install cargo-deny --version ^{DENY} --locked`"
            ));
        }
    };
    run::run(command.args(["check", "licenses", "bans", "sources"]))
}

/// cargo-deny of the system, or one of our own beside the build.
fn deny_program() -> Result<Option<PathBuf>, String> {
    if tools::has("cargo-deny") {
        return Ok(Some(PathBuf::from("cargo-deny")));
    }
    let folder = run::target().join("tools");
    let program = folder.join("bin").join("cargo-deny");
    if !program.exists() {
        let mut install: Command = run::cargo();
        install.args([
            "install",
            "cargo-deny",
            "--locked",
            "--quiet",
            "--version",
            &format!("^{DENY}"),
        ]);
        // A tool that runs for a second need not be optimised; it builds in a third of the time.
        install.args(["--debug", "--root"]).arg(&folder);
        run::run(&mut install)?;
    }
    Ok(program.exists().then_some(program))
}
