//! Packets per second on generated control traffic, beside tcpdump, which only copies, and tshark, which dissects.
//!
//! All run in turn on the same file in the same run, several times; the medians count, since single runs vary with
//! whatever else the machine does. Nothing is written to the tree.
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use lab::load::{Load, write};

use crate::{run, tools};

/// Times that each program runs.
const RUNS: usize = 5;

/// A program under test, and how it is called on a capture.
struct Runner {
    name: String,
    command: Box<dyn Fn(&Path) -> Command>,
}

pub(crate) fn run(mut args: impl Iterator<Item = String>) -> Result<(), String> {
    let packets = match args.next() {
        Some(text) => text
            .parse()
            .map_err(|_| format!("{text:?} is not a number of packets"))?,
        None => Load::default().packets,
    };
    tools::install()?;
    run::run(run::cargo().args(["build", "--release", "--package", "seawall"]))?;
    let folder = run::target().join("bench");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for (name, video_percent) in [("control", 0), ("control and video", 40)] {
        let file = folder.join(format!("{}.pcap", name.replace(' ', "-")));
        let load = Load {
            packets,
            video_percent,
            ..Load::default()
        };
        let bytes = make(load, &file)?;
        println!(
            "\n{name}: {packets} packets, {} MB; medians of {RUNS} runs",
            bytes / 1_000_000
        );
        measure(&file, packets)?;
    }
    Ok(())
}

fn make(load: Load, file: &Path) -> Result<u64, String> {
    let fail = |error: std::io::Error| format!("{}: {error}", file.display());
    let mut out = std::io::BufWriter::new(std::fs::File::create(file).map_err(fail)?);
    write(load, &mut out).map_err(fail)?;
    out.into_inner().map_err(|error| fail(error.into_error()))?;
    Ok(std::fs::metadata(file).map_err(fail)?.len())
}

fn measure(file: &Path, packets: u64) -> Result<(), String> {
    let runners = runners();
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); runners.len()];
    // In turn, so that a slow minute of the machine is shared by all.
    for _ in 0..RUNS {
        for (runner, times) in runners.iter().zip(&mut times) {
            times.push(time(&mut (runner.command)(file))?);
        }
    }
    let medians: Vec<f64> = times.into_iter().map(median).collect();
    let own = medians.first().copied().unwrap_or_default();
    println!(
        "{:<26} {:>9} {:>14} {:>22}",
        "", "seconds", "packets/s", "time of seawall, 1 worker"
    );
    for (runner, seconds) in runners.iter().zip(&medians) {
        #[allow(clippy::cast_precision_loss, reason = "shown to three digits")]
        let rate = packets as f64 / seconds;
        println!(
            "{:<26} {seconds:>9.3} {rate:>14.0} {:>21.2}x",
            runner.name,
            seconds / own
        );
    }
    Ok(())
}

fn runners() -> Vec<Runner> {
    let seawall = run::target().join("release").join("seawall");
    let facts = |workers: usize| {
        let seawall: PathBuf = seawall.clone();
        Runner {
            name: format!(
                "seawall facts, {workers} worker{}",
                if workers == 1 { "" } else { "s" }
            ),
            command: Box::new(move |file| {
                let mut command = run::command(&seawall.to_string_lossy());
                command.arg("facts").arg(file);
                command.args(["--kind", "operation", "--workers", &workers.to_string()]);
                command
            }),
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut runners = vec![facts(1)];
    if cores > 1 {
        runners.push(facts(cores));
    }
    if tools::has("tcpdump") {
        runners.push(Runner {
            name: "tcpdump -r -w /dev/null".to_owned(),
            command: Box::new(|file| {
                let mut command = run::command("tcpdump");
                command.arg("-r").arg(file).args(["-w", "/dev/null"]);
                command
            }),
        });
    }
    if tools::has("tshark") {
        runners.push(Runner {
            name: "tshark -n -q -z io,phs".to_owned(),
            command: Box::new(|file| {
                let mut command = run::command("tshark");
                command.args(["-n", "-q", "-z", "io,phs", "-r"]).arg(file);
                command
            }),
        });
    }
    runners
}

fn time(command: &mut Command) -> Result<Duration, String> {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    #[allow(clippy::disallowed_methods, reason = "a bench measures")]
    let start = std::time::Instant::now();
    let status = command.status().map_err(|error| error.to_string())?;
    let time = start.elapsed();
    if status.success() {
        Ok(time)
    } else {
        Err(format!("{command:?}: {status}"))
    }
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times
        .get(times.len() / 2)
        .map_or(f64::NAN, Duration::as_secs_f64)
}
