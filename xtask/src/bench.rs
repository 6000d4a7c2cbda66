//! Whole runs on generated traffic, beside programs that do less and programs that do more.
//!
//! All run in turn on the same file in the same run, several times; the medians count, since single runs vary with
//! whatever else the machine does, and their ratios are the result. Nothing is written to the tree.
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lab::load::{self, Load};

use crate::{run, tools};

/// Times that each program runs.
const RUNS: usize = 5;

const PACKETS: u64 = 1_000_000;

/// Between two looks at the memory of a program under test.
const LOOK: Duration = Duration::from_millis(3);

/// Times that a program is started to see how long that takes.
const STARTS: usize = 20;

/// A program under test, and how it is called on a capture.
struct Runner {
    name: String,
    command: Box<dyn Fn(&Path) -> Command>,
}

/// What a run took.
#[derive(Clone, Copy, Default)]
struct Cost {
    seconds: f64,
    /// Most memory that it had at any time, in KiB; `None` where the system does not tell.
    memory: Option<u64>,
}

pub(crate) fn run(mut args: impl Iterator<Item = String>) -> Result<(), String> {
    let packets = match args.next() {
        Some(text) => text
            .parse()
            .map_err(|_| format!("{text:?} is not a number of packets"))?,
        None => PACKETS,
    };
    tools::install(tools::PEERS)?;
    run::run(run::cargo().args(["build", "--release", "--package", "seawall"]))?;
    let folder = run::target().join("bench");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let bench = Bench { folder };

    for (name, video_percent) in [("control", 0), ("control and video", 40)] {
        let load = Load {
            packets,
            video_percent,
            ..Load::default()
        };
        let file = bench.make(name, packets, |out| load::write(load, out))?;
        beside_peers(&file, packets)?;
    }

    let load = Load {
        packets,
        ..Load::default()
    };
    let file = bench.make("mixed", packets, |out| load::write_mixed(load, out))?;
    beside_peers(&file, packets)?;

    println!("\nMemory: the same hosts, ten times as long");
    let mut memory = Vec::new();
    for packets in [packets, packets.saturating_mul(10)] {
        let load = Load {
            packets,
            ..Load::default()
        };
        let file = bench.make("control", packets, |out| load::write(load, out))?;
        memory.push(memory_of(&file)?);
        std::fs::remove_file(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    if let [one, ten] = memory.as_slice() {
        println!("{} MB where it was {} MB", megabytes(*ten), megabytes(*one));
    }

    println!("\nMemory: short connections between the same hosts");
    let mut memory = Vec::new();
    for flows in [100_000u64, 1_000_000] {
        let file = bench.make("short", flows.saturating_mul(load::SHORT), |out| {
            load::write_short(flows, out)
        })?;
        memory.push(memory_of(&file)?);
        std::fs::remove_file(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    if let [few, many] = memory.as_slice() {
        let bytes = many.saturating_sub(*few).saturating_mul(1024) / 900_000;
        println!("{bytes} bytes per connection");
    }

    println!("\nStart: medians of {STARTS}");
    for argument in ["--version", "measures"] {
        let mut times = Vec::new();
        for _ in 0..STARTS {
            times.push(cost(seawall().arg(argument))?.seconds);
        }
        println!("seawall {argument}: {:.1} ms", median(times) * 1000.0);
    }
    Ok(())
}

struct Bench {
    folder: PathBuf,
}

impl Bench {
    fn make(
        &self,
        name: &str,
        packets: u64,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> Result<PathBuf, String> {
        let file = self
            .folder
            .join(format!("{}-{packets}.pcap", name.replace(' ', "-")));
        let fail = |error: io::Error| format!("{}: {error}", file.display());
        let mut out = BufWriter::new(File::create(&file).map_err(fail)?);
        write(&mut out).map_err(fail)?;
        out.flush().map_err(fail)?;
        let bytes = std::fs::metadata(&file).map_err(fail)?.len();
        println!("\n{name}: {packets} packets, {} MB", bytes / 1_000_000);
        Ok(file)
    }
}

fn beside_peers(file: &Path, packets: u64) -> Result<(), String> {
    let runners = runners();
    let mut costs: Vec<Vec<Cost>> = vec![Vec::new(); runners.len()];
    // In turn, so that a slow minute of the machine is shared by all.
    for _ in 0..RUNS {
        for (runner, costs) in runners.iter().zip(&mut costs) {
            costs.push(cost(&mut (runner.command)(file))?);
        }
    }
    let seconds: Vec<f64> = costs
        .iter()
        .map(|costs| median(costs.iter().map(|cost| cost.seconds).collect()))
        .collect();
    let of = |name: &str| {
        let found = runners.iter().zip(&seconds);
        let mut found = found.filter(|(runner, _)| runner.name.starts_with(name));
        found.next().map(|(_, seconds)| *seconds)
    };
    let floor = of("tcpdump");
    println!("\n| medians of {RUNS} | seconds | packets/s | of tcpdump's time | most memory, MB |");
    println!("|---|---|---|---|---|");
    for ((runner, seconds), costs) in runners.iter().zip(&seconds).zip(&costs) {
        #[allow(clippy::cast_precision_loss, reason = "shown to three digits")]
        let rate = packets as f64 / seconds / 1e6;
        let ratio = floor.map_or("-".to_owned(), |floor| format!("{:.2}", seconds / floor));
        let memory = costs.iter().filter_map(|cost| cost.memory).max();
        let memory = memory.map_or("-".to_owned(), megabytes);
        println!(
            "| {} | {seconds:.3} | {rate:.2} M | {ratio} | {memory} |",
            runner.name
        );
    }
    if let (Some(one), Some(two)) = (of(&facts(1).name), of(&facts(2).name)) {
        println!("\ntwo workers: {:.2} times as fast as one", one / two);
    }
    Ok(())
}

/// The most memory that one worker took, in KiB.
fn memory_of(file: &Path) -> Result<u64, String> {
    let Cost { seconds, memory } = cost(&mut (facts(1).command)(file))?;
    let memory = memory.ok_or("this system does not tell how much memory a program took")?;
    println!("seawall facts: {seconds:.2} s, {} MB", megabytes(memory));
    Ok(memory)
}

fn megabytes(kibibytes: u64) -> String {
    let tenths = kibibytes * 1024 / 100_000;
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn seawall() -> Command {
    let path = run::target().join("release").join("seawall");
    run::command(&path.to_string_lossy())
}

fn facts(workers: usize) -> Runner {
    let s = if workers == 1 { "" } else { "s" };
    Runner {
        name: format!("seawall facts, {workers} worker{s}"),
        command: Box::new(move |file| {
            let mut command = seawall();
            command.arg("facts").arg(file);
            command.args(["--workers", &workers.to_string()]);
            command
        }),
    }
}

/// Seawall by workers, and the peers that are here; those that are not are said to be absent.
fn runners() -> Vec<Runner> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let counts = BTreeSet::from([1, cores.min(2), cores]);
    let mut runners: Vec<Runner> = counts.into_iter().map(facts).collect();
    for words in [
        &["cat"][..],
        &["tcpdump", "-w", "/dev/null", "-r"],
        &["ndpiReader", "-q", "-i"],
        &["argus", "-X", "-w", "/dev/null", "-r"],
        &["tshark", "-n", "-q", "-z", "io,phs", "-r"],
    ] {
        let [program, arguments @ ..] = words else {
            continue;
        };
        if !tools::has(program) {
            println!("absent: {program}");
            continue;
        }
        runners.push(Runner {
            name: words.join(" "),
            command: Box::new(move |file| {
                let mut command = run::command(program);
                command.args(arguments).arg(file);
                command
            }),
        });
    }
    runners
}

fn cost(command: &mut Command) -> Result<Cost, String> {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    #[allow(clippy::disallowed_methods, reason = "a bench measures")]
    let start = std::time::Instant::now();
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let over = AtomicBool::new(false);
    let (ended, memory) = std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut most = None;
            while !over.load(Ordering::Relaxed) {
                most = most.max(memory_at(&status));
                std::thread::sleep(LOOK);
            }
            most
        });
        let ended = child.wait();
        let seconds = start.elapsed().as_secs_f64();
        over.store(true, Ordering::Relaxed);
        (ended.map(|status| (status, seconds)), watch.join())
    });
    let (status, seconds) = ended.map_err(|error| error.to_string())?;
    if status.success() {
        let memory = memory.unwrap_or_default();
        Ok(Cost { seconds, memory })
    } else {
        Err(format!("{command:?}: {status}"))
    }
}

/// The most memory that a process has had so far, in KiB, as Linux tells it.
fn memory_at(status: &Path) -> Option<u64> {
    let text = std::fs::read_to_string(status).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}
