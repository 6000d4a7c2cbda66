//! Programs that tests and the bench compare with, installed where they are missing.
use std::process::Stdio;

use crate::run;

/// Programs, and the system's packages that they come in: the tests that use them say "skipped" without them.
pub(crate) const FOR_TESTS: &[(&str, &str)] = &[
    ("tshark", "tshark"),
    ("tcpdump", "tcpdump"),
    ("tcpreplay", "tcpreplay"),
    ("ip", "iproute2"),
];

/// Those that the bench runs beside Seawall.
pub(crate) const PEERS: &[(&str, &str)] = &[
    ("tshark", "tshark"),
    ("tcpdump", "tcpdump"),
    ("ndpiReader", "libndpi-bin"),
    ("argus", "argus-server"),
];

/// Whether a program can be started.
pub(crate) fn has(program: &str) -> bool {
    let mut command = run::command(program);
    command.arg(if program == "ip" {
        "-Version"
    } else {
        "--version"
    });
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok()
}

/// Installs what is missing with apt-get, as root or by sudo. Where neither is possible it says what is missing and goes
/// on: tests pass without, they only compare less.
pub(crate) fn install(programs: &[(&str, &'static str)]) -> Result<(), String> {
    let missing: Vec<&str> = programs
        .iter()
        .filter(|(program, _)| !has(program))
        .map(|(_, package)| *package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let words = missing.join(" ");
    let done = apt(&["update", "-q"]).and_then(|()| {
        apt(&[
            &["install", "-y", "-q", "--no-install-recommends"],
            &missing[..],
        ]
        .concat())
    });
    if let Err(error) = done {
        eprintln!("could not install {words}: {error}");
        eprintln!(
            "what compares with them says so and goes on; to have it compare: sudo apt-get install {words}"
        );
    }
    Ok(())
}

fn apt(arguments: &[&str]) -> Result<(), String> {
    if !has("apt-get") {
        return Err("there is no apt-get here".to_owned());
    }
    let root = run::output(run::command("id").arg("-u"))?.trim() == "0";
    let mut command = if root {
        run::command("env")
    } else if has("sudo") {
        let mut command = run::command("sudo");
        // In a run without a person there is nobody to ask for a password.
        command.args(if std::env::var_os("CI").is_some() {
            &["-n", "env"][..]
        } else {
            &["env"][..]
        });
        command.stdin(Stdio::inherit());
        command
    } else {
        return Err("neither root nor sudo".to_owned());
    };
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    run::run(command.args(arguments).stdout(Stdio::null()))
}
