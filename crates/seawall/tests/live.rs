//! `seawall run` on a cable of its own: in a network namespace that the test makes, with tcpreplay at the other end. Needs
//! root, iproute2 and tcpreplay; without them the tests say "skipped".
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail loudly"
)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use lab::{Scenario, harborview};
use serde_json::Value;
use support::{folder, seawall, text};

/// How long something may take that should take a moment; the machine may be busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);

fn run(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let output = Command::new(words.next().unwrap()).args(words).output();
    output.is_ok_and(|output| output.status.success())
}

/// A namespace with a cable in it: traffic goes in at `src0`, the sensor listens on `span0`.
struct Cable(String);

impl Cable {
    /// `None` where none can be made, which is then said.
    fn new(name: &str) -> Option<Cable> {
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

    fn inside(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.0, program]);
        command
    }

    fn play(&self, capture: &Path, mbps: u32) {
        let mut command = self.inside("tcpreplay");
        command
            .args(["-q", "-i", "src0", &format!("--mbps={mbps}")])
            .arg(capture);
        let output = command.output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Frames that left through the sensor's interface.
    fn sent_by_sensor(&self) -> u64 {
        let mut command = self.inside("cat");
        let output = command
            .arg("/sys/class/net/span0/statistics/tx_packets")
            .output()
            .unwrap();
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

/// A sensor that runs; it ends with this.
struct Sensor {
    child: Child,
    site: PathBuf,
}

impl Sensor {
    /// Starts one, and waits until it watches.
    fn start(cable: &Cable, site: &Path) -> Sensor {
        let before = events(site).len();
        let mut command = cable.inside(env!("CARGO_BIN_EXE_seawall"));
        let child = command
            .arg("run")
            .arg(site)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let sensor = Sensor {
            child,
            site: site.to_owned(),
        };
        until("it watches", || {
            events(&sensor.site)
                .iter()
                .skip(before)
                .any(|event| event["event"] == "sensor-started")
        });
        sensor
    }

    fn signal(&self, signal: &str) {
        assert!(run(&format!("kill -{signal} {}", self.child.id())));
    }

    fn stop(mut self) {
        self.signal("TERM");
        assert!(self.child.wait().unwrap().success(), "it ends in order");
    }

    fn kill(mut self) {
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

fn until(what: &str, done: impl Fn() -> bool) {
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
fn events(site: &Path) -> Vec<Value> {
    let lines = fs::read_to_string(site.join("events.jsonl")).unwrap_or_default();
    lines
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// The sample terminal with its crane sensor on the cable, and the other sensor left out; and the capture to play.
fn terminal(scenario: &Scenario, name: &str, run: &str) -> (PathBuf, PathBuf) {
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
fn rows(arguments: &[&Path], kind: &str) -> BTreeSet<String> {
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
fn remembered(site: &Path, kind: &str) -> BTreeSet<String> {
    rows(&["--state".as_ref(), &state(site)], kind)
}

/// What an offline run over the same packets gives: those that the sensor kept.
fn offline(site: &Path, kind: &str) -> BTreeSet<String> {
    rows(&[&state(site).join("packets")], kind)
}

/// Operations that were answered: whether the others ever will be is not known before the end.
fn answered(operations: BTreeSet<String>) -> BTreeSet<String> {
    operations
        .into_iter()
        .filter(|row| !row.contains("unanswered"))
        .collect()
}

fn state(site: &Path) -> PathBuf {
    site.join("state")
}

#[test]
fn what_passes_is_remembered_judged_and_told_and_nothing_is_sent() {
    let Some(cable) = Cable::new("bad") else {
        return;
    };
    let (site, capture) = terminal(&harborview::bad_day(), "bad-day", "save_every = \"1 s\"");
    let sensor = Sensor::start(&cable, &site);
    cable.play(&capture, 8);
    let modified =
        |event: &Value| event["event"] == "finding-opened" && event["measure"]["id"] == "C9";
    until("a change of a controller is told", || {
        events(&site).iter().any(modified)
    });
    sensor.stop();
    assert_eq!(cable.sent_by_sensor(), 0, "a sensor never sends");

    // The same as one offline run over the same packets.
    for kind in [
        "conversation",
        "operation",
        "name",
        "remote-session",
        "credential",
        "identity",
        "route",
        "address",
    ] {
        let (live, offline) = (remembered(&site, kind), offline(&site, kind));
        assert!(!offline.is_empty(), "{kind}");
        let differ: Vec<_> = live.symmetric_difference(&offline).take(4).collect();
        assert!(differ.is_empty(), "{kind}: {differ:#?}");
    }

    // The packets of a finding were kept apart, and are those that an offline run finds.
    let told = events(&site);
    let finding = told.iter().find(|event| modified(event)).unwrap();
    let id = text(&finding["finding"]);
    let cut = site.join("cut.pcapng");
    let run = seawall([
        "packets".as_ref(),
        site.as_os_str(),
        "--finding".as_ref(),
        id.as_ref(),
        "-o".as_ref(),
        cut.as_os_str(),
    ]);
    assert_eq!(run.status, 0, "{}", run.err);
    assert!(
        !rows(&[&cut], "operation").is_empty(),
        "the cut shows the operation"
    );
}

#[test]
fn a_killed_sensor_loses_nothing_that_was_saved_and_says_when_nobody_watched() {
    let Some(cable) = Cable::new("kill") else {
        return;
    };
    let (site, capture) = terminal(&harborview::bad_day(), "kill", "save_every = \"1 s\"");
    let sensor = Sensor::start(&cable, &site);
    cable.play(&capture, 8);
    until("all is saved", || {
        let there = offline(&site, "conversation").len() == rows(&[&capture], "conversation").len();
        there && answered(remembered(&site, "operation")) == answered(offline(&site, "operation"))
    });
    until("findings are told", || {
        events(&site)
            .iter()
            .any(|event| event["measure"]["id"] == "C9")
    });
    sensor.kill();
    let opened = |events: &[Value]| {
        let opened = events
            .iter()
            .filter(|event| event["event"] == "finding-opened");
        opened
            .map(|event| text(&event["finding"]))
            .collect::<Vec<_>>()
    };
    sleep(Duration::from_secs(2));
    let sensor = Sensor::start(&cable, &site);
    until("the gap is told", || {
        events(&site)
            .iter()
            .any(|event| text(&event["detail"]).contains("Nobody was watching from"))
    });
    assert_eq!(
        answered(remembered(&site, "operation")),
        answered(offline(&site, "operation"))
    );
    // A site with a mistake is refused, and the old one goes on.
    let declared = fs::read_to_string(site.join("site.toml")).unwrap();
    fs::write(
        site.join("site.toml"),
        format!("{declared}\n[[zone]]\ncolour = 3\n"),
    )
    .unwrap();
    sensor.signal("HUP");
    until("a broken site is refused", || {
        events(&site)
            .iter()
            .any(|event| event["event"] == "site-refused")
    });
    fs::write(site.join("site.toml"), declared).unwrap();
    sensor.signal("HUP");
    until("a mended one is taken", || {
        events(&site)
            .iter()
            .any(|event| event["event"] == "site-reloaded")
    });
    let second = seawall(["run".as_ref(), site.as_os_str()]);
    assert_eq!(
        second.status, 1,
        "two runs on one state folder: {}",
        second.err
    );
    sensor.stop();
    let mut told = opened(&events(&site));
    let all = told.len();
    told.sort();
    told.dedup();
    assert_eq!(told.len(), all, "no finding is told as new twice");
    let gaps = remembered(&site, "coverage");
    assert!(
        gaps.iter()
            .any(|row| row.contains("\"watching\"") && row.contains("\"ended\"")),
        "{gaps:?}"
    );
}

#[test]
fn what_the_kernel_drops_leaves_nothing_met() {
    let Some(cable) = Cable::new("drops") else {
        return;
    };
    let (site, capture) = terminal(&harborview::clean_day(), "drops", "ring = \"16 MB\"");
    let sensor = Sensor::start(&cable, &site);
    cable.play(&capture, 8);
    // Subjects of a measure that rests on every frame of the crane zones.
    let met = || {
        let json = fs::read_to_string(state(&site).join("verdicts.json")).unwrap_or_default();
        let all: Value = serde_json::from_str(&json).unwrap_or_default();
        let measures = all["measures"].as_array().into_iter().flatten();
        let subjects = measures
            .filter(|one| one["id"] == "C15")
            .filter_map(|one| one["subjects"].as_array());
        subjects
            .flatten()
            .filter(|subject| subject["verdict"] == "met")
            .count()
    };
    until("control is shown to be apart", || met() > 0);
    // A sensor that stands still: its ring overflows.
    sensor.signal("STOP");
    for _ in 0..4 {
        cable.play(&capture, 5);
    }
    sensor.signal("CONT");
    until("the drops are told", || {
        events(&site).iter().any(|event| event["event"] == "drops")
    });
    until("nothing is met on what was not seen", || met() == 0);
    sensor.stop();
}

#[test]
fn finished_captures_are_read_as_they_come() {
    let site = folder("folders");
    let scenario = harborview::bad_day();
    let arrive = site.join("arrive");
    fs::create_dir_all(&arrive).unwrap();
    let text = scenario.site.replace(
        "captures = [\"crane",
        "folder = \"arrive\"\ncaptures = [\"crane",
    );
    let text = text.replace(
        "captures = [\"core",
        "folder = \"arrive\"\ncaptures = [\"core",
    );
    let text = format!(
        "{text}\n[run]\nstate = \"state\"\nwindow = \"3650 d\"\n[[output]]\nname = \"log\"\nto = \"file\"\npath = \"events.jsonl\"\n"
    );
    fs::write(site.join("site.toml"), text).unwrap();
    let start = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seawall"));
        let child = command
            .arg("run")
            .arg(&site)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Sensor {
            child,
            site: site.clone(),
        }
    };
    let sensor = start();
    until("it watches", || !events(&site).is_empty());
    scenario.write_captures(&arrive).unwrap();
    until("what the captures show is told", || {
        events(&site)
            .iter()
            .any(|event| event["measure"]["id"] == "C9" && event["event"] == "finding-opened")
    });
    sensor.stop();
    let counted = remembered(&site, "operation");
    // What was read is not read again.
    let before = events(&site).len();
    let sensor = start();
    until("it watches again", || events(&site).len() > before);
    sleep(Duration::from_secs(8));
    sensor.stop();
    assert_eq!(remembered(&site, "operation"), counted);
}
