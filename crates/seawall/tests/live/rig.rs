//! A cable in a network namespace, a sensor on it, and what it told.
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use lab::Scenario;
use serde_json::Value;

use crate::support::{folder, seawall};

/// How long something may take that should take a moment; the machine may be busy with other tests.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The machine's time of day, which the files and clocks of these tests are set by.
#[allow(clippy::disallowed_methods)]
pub fn now() -> SystemTime {
    SystemTime::now()
}

pub fn run(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let output = Command::new(words.next().unwrap()).args(words).output();
    output.is_ok_and(|output| output.status.success())
}

/// A library of this source, made in that folder, to be put before the C library. `None` where there is no compiler.
pub fn shim(folder: &Path, source: &str) -> Option<PathBuf> {
    let (file, shim) = (folder.join("shim.c"), folder.join("shim.so"));
    fs::write(&file, source).unwrap();
    let mut compile = Command::new("cc");
    compile
        .args(["-shared", "-fPIC", "-o"])
        .args([&shim, &file]);
    if !compile.status().is_ok_and(|status| status.success()) {
        println!("skipped: no C compiler");
        return None;
    }
    Some(shim)
}

/// The terminal with the folder `arrive`, where what its cranes' sensor captures arrives; with these lines of `[run]` and events in a
/// file. The site, and that folder.
pub fn arriving(scenario: &Scenario, name: &str, run_lines: &str) -> (PathBuf, PathBuf) {
    let site = folder(name);
    let arrive = site.join("arrive");
    fs::create_dir_all(&arrive).unwrap();
    let text = scenario.site.replace(
        "captures = [\"crane",
        "folder = \"arrive\"\ncaptures = [\"crane",
    );
    let output = "[[output]]\nname = \"log\"\nto = \"file\"\npath = \"events.jsonl\"\n";
    let run_section = format!("[run]\nstate = \"state\"\nwindow = \"3650 d\"\n{run_lines}\n");
    fs::write(
        site.join("site.toml"),
        format!("{text}\n{run_section}{output}"),
    )
    .unwrap();
    (site, arrive)
}

/// A namespace with a cable in it: traffic goes in at `src0`, the sensor listens on `span0`.
pub struct Cable(pub String);

impl Cable {
    /// `None` where none can be made, which is then said.
    pub fn new(name: &str) -> Option<Cable> {
        let cable = Cable(format!("seawall-run-{}-{name}", std::process::id()));
        let here = &cable.0;
        let made = run("tcpreplay --version")
            && run(&format!("ip netns add {here}"))
            && run(&format!(
                "ip -n {here} link add src0 mtu 9000 type veth peer name span0 mtu 9000"
            ));
        if !made {
            println!(
                "skipped: no network namespace with tcpreplay (needs root, iproute2 and tcpreplay)"
            );
            return None;
        }
        for end in ["src0", "span0"] {
            assert!(run(&format!(
                "ip -n {here} link set dev {end} arp off addrgenmode none up"
            )));
        }
        Some(cable)
    }

    pub fn inside(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.0]).arg(program);
        command
    }

    pub fn play(&self, capture: &Path, mbps: u32) {
        self.play_at("src0", capture, mbps);
    }

    pub fn play_at(&self, interface: &str, capture: &Path, mbps: u32) {
        let mut command = self.inside("tcpreplay");
        command
            .args(["-q", "-i", interface, &format!("--mbps={mbps}")])
            .arg(capture);
        let output = command.output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Frames that left through the sensor's interface.
    pub fn sent_by_sensor(&self) -> u64 {
        self.count("tx_packets")
    }

    /// What the kernel counted at the sensor's interface.
    pub fn count(&self, what: &str) -> u64 {
        let path = format!("/sys/class/net/span0/statistics/{what}");
        let output = self.inside("cat").arg(path).output().unwrap();
        String::from_utf8_lossy(&output.stdout)
            .trim()
            .parse()
            .unwrap()
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        run(&format!("ip netns del {}", self.0));
    }
}

/// A file system of its own, so that it can be full; it is gone with this.
pub struct Disk {
    at: PathBuf,
    pub megabytes: usize,
}

impl Disk {
    pub fn new(at: &Path, megabytes: usize) -> Disk {
        fs::create_dir_all(at).unwrap();
        let disk = Disk {
            at: at.to_owned(),
            megabytes,
        };
        disk.mount(&format!("size={megabytes}m"));
        disk
    }

    pub fn grow(&self, megabytes: usize) {
        self.mount(&format!("remount,size={megabytes}m"));
    }

    fn mount(&self, options: &str) {
        let at = self.at.display();
        assert!(run(&format!("mount -t tmpfs -o {options} tmpfs {at}")));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        run(&format!("umount -l {}", self.at.display()));
    }
}

/// The program that is tested: the one built with the tests, or for measuring another that SEAWALL_PROGRAM names.
pub fn program() -> PathBuf {
    std::env::var_os("SEAWALL_PROGRAM")
        .map_or_else(|| env!("CARGO_BIN_EXE_seawall").into(), PathBuf::from)
}

/// A sensor that runs; it ends with this.
pub struct Sensor {
    child: Child,
    site: PathBuf,
}

impl Sensor {
    /// Starts one, and waits until it watches.
    pub fn start(cable: &Cable, site: &Path) -> Sensor {
        Sensor::start_with(cable, site, &[])
    }

    /// And gives it something in its environment.
    pub fn start_with(cable: &Cable, site: &Path, given: &[(&str, &PathBuf)]) -> Sensor {
        let before = events(site).len();
        let sensor = Sensor::launch_with(cable, site, given);
        until("it watches", || {
            events(&sensor.site)
                .iter()
                .skip(before)
                .any(|event| event["event"] == "sensor-started")
        });
        sensor
    }

    /// Starts one, and does not wait.
    pub fn launch(cable: &Cable, site: &Path) -> Sensor {
        Sensor::launch_with(cable, site, &[])
    }

    /// And gives it something in its environment.
    pub fn launch_with(cable: &Cable, site: &Path, given: &[(&str, &PathBuf)]) -> Sensor {
        let mut command = cable.inside(program());
        command.envs(given.iter().copied());
        Sensor::spawn(command, site)
    }

    /// Starts one that watches no cable.
    pub fn begin(site: &Path) -> Sensor {
        Sensor::spawn(Command::new(env!("CARGO_BIN_EXE_seawall")), site)
    }

    /// Starts one that watches no cable and may read only what its user may, also where that is root; another user could not
    /// reach the program everywhere. `None` where that cannot be.
    pub fn begin_bound_by_modes(site: &Path) -> Option<Sensor> {
        let caps = "-dac_override,-dac_read_search";
        let bound = format!("setpriv --bounding-set={caps} --inh-caps={caps}");
        if !run(&format!("{bound} true")) {
            println!("skipped: capabilities cannot be laid down (needs root and setpriv)");
            return None;
        }
        let mut command = Command::new("setpriv");
        command.args(bound.split(' ').skip(1));
        command.arg(env!("CARGO_BIN_EXE_seawall"));
        Some(Sensor::spawn(command, site))
    }

    /// Starts one that watches no cable, and whose standard error leads nowhere any more, as where the journal is gone.
    pub fn begin_unheard(site: &Path) -> Sensor {
        let mut sensor = Sensor::spawn_with(Command::new(program()), site, Stdio::piped());
        drop(sensor.child.stderr.take());
        sensor
    }

    /// Starts one that watches no cable, and whose standard error is full and never read, as that of a terminal that was stopped.
    /// Whoever holds what comes with it could read.
    pub fn begin_unread(site: &Path) -> (Sensor, std::io::PipeReader) {
        let (reader, mut writer) = std::io::pipe().unwrap();
        // As much as a pipe holds (pipe(7)).
        writer.write_all(&[b' '; 65_536]).unwrap();
        let sensor = Sensor::spawn_with(Command::new(program()), site, writer.into());
        (sensor, reader)
    }

    fn spawn(command: Command, site: &Path) -> Sensor {
        Sensor::spawn_with(command, site, Stdio::null())
    }

    fn spawn_with(mut command: Command, site: &Path, said: Stdio) -> Sensor {
        command.arg("run").arg(site);
        Sensor {
            child: command.stdout(Stdio::null()).stderr(said).spawn().unwrap(),
            site: site.to_owned(),
        }
    }

    /// Megabytes of memory that it has now.
    pub fn resident(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = fs::read_to_string(path).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next());
        let kilobytes = kilobytes.and_then(|text| text.parse::<u64>().ok());
        kilobytes.unwrap_or(0) / 1024
    }

    pub fn signal(&self, signal: &str) {
        assert!(run(&format!("kill -{signal} {}", self.child.id())));
    }

    pub fn stop(self) {
        self.signal("TERM");
        self.ended();
    }

    /// Waits for one that was told to stop.
    pub fn ended(mut self) {
        assert!(self.child.wait().unwrap().success(), "it ends in order");
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Sensor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn until(what: &str, done: impl Fn() -> bool) {
    let step = Duration::from_millis(100);
    for _ in 0..PATIENCE.as_millis() / step.as_millis() {
        if done() {
            return;
        }
        sleep(step);
    }
    panic!("it never came to this: {what}");
}

/// What was told so far.
pub fn events(site: &Path) -> Vec<Value> {
    let lines = fs::read_to_string(site.join("events.jsonl")).unwrap_or_default();
    lines
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// The sample terminal with its crane sensor on the cable, and the other sensor left out; and the capture to play.
pub fn terminal(scenario: &Scenario, name: &str, run: &str) -> (PathBuf, PathBuf) {
    let site = folder(name);
    let captures = folder(&format!("{name}-captures"));
    scenario.write_captures(&captures).unwrap();
    let text = scenario.site.replacen(
        "captures = [\"crane-span*.pcap*\"]",
        "interface = \"span0\"",
        1,
    );
    assert!(
        text.contains("span0"),
        "the sample terminal has a crane sensor"
    );
    let text = format!(
        "{text}\n[run]\nstate = \"state\"\n{run}\n[[output]]\nname = \"log\"\nto = \"file\"\npath = \"events.jsonl\"\n"
    );
    fs::write(site.join("site.toml"), text).unwrap();
    (site, captures.join("crane-span.pcap"))
}

/// Rows of a kind, as `seawall facts` writes them, but for the frames that they cite: of what happens again and again the
/// first ones are cited, and a live sensor tells in intervals.
pub fn rows(arguments: &[&Path], kind: &str) -> BTreeSet<String> {
    let mut words: Vec<std::ffi::OsString> = vec!["facts".into(), "--kind".into(), kind.into()];
    words.extend(arguments.iter().map(|path| path.as_os_str().to_owned()));
    let run = seawall(words);
    assert_eq!(run.status, 0, "{}", run.err);
    let row = |line: &str| {
        let mut row: Value = serde_json::from_str(line).unwrap();
        row.as_object_mut().unwrap().remove("frames");
        row.to_string()
    };
    run.out.lines().map(row).collect()
}

/// What the sensor remembers.
pub fn remembered(site: &Path, kind: &str) -> BTreeSet<String> {
    rows(&["--state".as_ref(), &state(site)], kind)
}

/// What an offline run over the same packets gives: those that the sensor kept.
pub fn offline(site: &Path, kind: &str) -> BTreeSet<String> {
    rows(&[&state(site).join("packets")], kind)
}

/// Operations that were answered: whether the others ever will be is not known before the end.
pub fn answered(operations: BTreeSet<String>) -> BTreeSet<String> {
    operations
        .into_iter()
        .filter(|row| !row.contains("unanswered"))
        .collect()
}

pub fn state(site: &Path) -> PathBuf {
    site.join("state")
}
