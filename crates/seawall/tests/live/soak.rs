//! An hour on the cable: control traffic at a steady rate, and a sensor to which things happen at random moments: it is
//! killed, its site changes, its interface goes down, its disk is full. Ignored as a rule, since it takes as long as it is told to:
//!
//! ```sh
//! SEAWALL_SOAK_SECONDS=3600 SEAWALL_SOAK_RATE=430000 cargo test --release -p seawall --test live -- --ignored --nocapture remembers_all
//! ```
//!
//! What it holds: what the sensor remembers in the end equals what an offline run over the same stream gives, except for
//! what was sent in the intervals that the sensor itself reports as not watched, while the interface was down, and what it
//! counts as dropped. Needs root, iproute2 and tcpreplay.
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::thread::{self, sleep};
use std::time::{Duration, SystemTime};

use facts::Time;
use jiff::Timestamp;
use lab::load::{self, Load};
use lab::net::bytes::Dice;
use serde_json::Value;
use wire::{Frame, Limits, Link, Shard, Worker};

use crate::rig::{Cable, Disk, Sensor, events, now, program, run, state, until};
use crate::support::{folder, text};

const SITE: &str = r#"
[terminal]
name = "Soak"
time_zone = "UTC"

[[zone]]
name = "control"
kind = "crane-control"
subnets = ["10.100.0.0/16"]

[[sensor]]
name = "span"
sees = ["control"]
interface = "span0"

[run]
state = "state"
save_every = "1 s"
packets_size = "256 MB"
window = "1 d"

[[output]]
name = "log"
to = "file"
path = "events.jsonl"
"#;

/// What a packet may lie in the kernel's ring before it is read, in seconds.
const IN_FLIGHT: f64 = 0.3;

/// How long after an interface came back the sensor may have it open again, in seconds.
const RETAKEN: f64 = 1.0;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect("a number"))
}

/// The stream goes to the cable and to a decoder as it is made: for an hour of it no disk is large enough.
struct Offline {
    cable: BufWriter<ChildStdin>,
    worker: Worker,
    left: Vec<u8>,
    begun: bool,
    number: u32,
}

impl Offline {
    /// Sends all of it, and gives what is known of it then.
    fn send(load: Load, cable: ChildStdin) -> Told {
        let mut offline = Offline {
            cable: BufWriter::with_capacity(1 << 18, cable),
            worker: Worker::new(Shard::default(), Limits::default()),
            left: Vec::new(),
            begun: false,
            number: 0,
        };
        let mut out = BufWriter::with_capacity(1 << 18, &mut offline);
        load::write(load, &mut out).unwrap();
        out.flush().unwrap();
        drop(out);
        let facts = offline.worker.finish().into_facts(Vec::new());
        let mut told = Told::default();
        for row in &facts.operations {
            let object = row.object.as_deref().unwrap_or_default();
            let key = format!(
                "{} {} {} {} {object}",
                row.source, row.target, row.protocol, row.operation
            );
            told.operations.entry(key).or_default().0 += row.count;
        }
        for row in &facts.conversations {
            told.conversation(
                [row.client.to_string(), row.server.to_string()],
                row.packets_out + row.packets_in,
            );
        }
        told
    }
}

impl Write for Offline {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.cable.write_all(bytes)?;
        let mut left = std::mem::take(&mut self.left);
        left.extend_from_slice(bytes);
        let mut rest = left.as_slice();
        if !self.begun && rest.len() >= 24 {
            (self.begun, rest) = (true, &rest[24..]);
        }
        // A classic pcap record: seconds, a fraction, the captured length, the length on the wire.
        while self.begun && rest.len() >= 16 {
            let field = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().unwrap());
            let end = 16 + field(8) as usize;
            let Some(data) = rest.get(16..end) else { break };
            self.number += 1;
            self.worker.frame(&Frame {
                link: Link::Ethernet,
                time: Time((i64::from(field(0)) * 1_000_000 + i64::from(field(4))) * 1_000),
                data,
                wire_len: field(12),
                capture: 0,
                number: self.number,
            });
            rest = &rest[end..];
        }
        self.left = rest.to_vec();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.cable.flush()
    }
}

/// Rows of `seawall facts`, by what tells them apart, with how many messages (of an operation) or packets (of a
/// conversation) each stands for, and when it was first seen.
#[derive(Debug, Default)]
struct Told {
    operations: BTreeMap<String, (u64, String)>,
    /// By both ends; packets of both directions.
    conversations: BTreeMap<String, u64>,
    packets: u64,
    coverage: Vec<Value>,
}

impl Told {
    fn conversation(&mut self, mut ends: [String; 2], packets: u64) {
        ends.sort();
        *self.conversations.entry(ends.join(" ")).or_default() += packets;
        self.packets += packets;
    }

    fn read(lines: &str) -> Told {
        let mut told = Told::default();
        for line in lines.lines() {
            let row: Value = serde_json::from_str(line).unwrap();
            let named = |columns: &[&str]| {
                let parts: Vec<String> = columns.iter().map(|name| text(&row[*name])).collect();
                parts.join(" ")
            };
            let count = |name: &str| row[name].as_u64().unwrap_or(0);
            match text(&row["kind"]).as_str() {
                "operation" => {
                    // A request whose answer the sensor's death cut off is told as unanswered, and that is what it saw.
                    let key = named(&["source", "target", "protocol", "operation", "object"]);
                    let entry = told.operations.entry(key).or_default();
                    entry.0 += count("count");
                    if entry.1.is_empty() || entry.1 > text(&row["time"]) {
                        entry.1 = text(&row["time"]);
                    }
                }
                "conversation" => {
                    let ends = [text(&row["client"]), text(&row["server"])];
                    told.conversation(ends, count("packets_out") + count("packets_in"));
                }
                "coverage" => told.coverage.push(row),
                _ => {}
            }
        }
        told
    }
}

fn is_marker(operation: &str) -> bool {
    operation.contains(" modbus write ")
}

/// What happens to a sensor, and what did.
struct Mishaps<'test> {
    cable: &'test Cable,
    site: &'test Path,
    disk: &'test Disk,
    dice: Dice,
    sensor: Option<Sensor>,
    /// It was killed while it watched.
    kills: u32,
    /// Other workers took over.
    takeovers: u32,
    /// The interface was down.
    down: Vec<(f64, f64)>,
    full: u32,
}

impl Mishaps<'_> {
    fn happen(&mut self) {
        match self.dice.below(10) {
            0..4 => self.kill(),
            4..6 => {
                let workers = 2 - self.takeovers % 2;
                self.takeovers += 1;
                self.reload(&format!("[run]\nworkers = {workers}"));
            }
            6 => {
                let silence = 60 + self.dice.below(60);
                let declared = fs::read_to_string(self.site.join("site.toml")).unwrap();
                let rest = declared.split_once("[run]\n").unwrap().1;
                let workers = rest.lines().find(|line| line.starts_with("workers"));
                let workers = workers.unwrap_or_default().to_owned();
                self.reload(&format!("[run]\nsilence = \"{silence} s\"\n{workers}"));
            }
            7..9 => {
                let from = seconds(now());
                self.link("down");
                sleep(Duration::from_millis(500 + self.dice.below(5_000)));
                self.link("up");
                self.down.push((from - IN_FLIGHT, seconds(now()) + RETAKEN));
                // Killed at once it could not tell.
                sleep(Duration::from_secs(2));
            }
            _ => self.fill(),
        }
    }

    fn kill(&mut self) {
        self.sensor.take().unwrap().kill();
        self.kills += 1;
        sleep(Duration::from_millis(self.dice.below(4_000)));
        if self.dice.below(3) == 0 {
            // Once more, before it watches or soon after.
            let sensor = Sensor::launch(self.cable, self.site);
            sleep(Duration::from_millis(self.dice.below(1_500)));
            sensor.kill();
        }
        self.sensor = Some(Sensor::start(self.cable, self.site));
    }

    fn reload(&mut self, run: &str) {
        fs::write(self.site.join("site.toml"), SITE.replace("[run]", run)).unwrap();
        let before = events(self.site).len();
        self.sensor.as_ref().unwrap().signal("HUP");
        until("the site is taken", || {
            let events = events(self.site);
            let mut new = events.iter().skip(before);
            new.any(|event| event["event"] == "site-reloaded")
        });
    }

    fn link(&self, state: &str) {
        let here = &self.cable.0;
        assert!(run(&format!("ip -n {here} link set span0 {state}")));
    }

    fn fill(&mut self) {
        self.full += 1;
        let filler = state(self.site).join("filler");
        // As much as there is room for.
        let _ = fs::write(&filler, vec![0; self.disk.megabytes << 20]);
        sleep(Duration::from_secs(5 + self.dice.below(15)));
        fs::remove_file(filler).unwrap();
        sleep(Duration::from_secs(2));
    }
}

#[test]
#[ignore = "takes as long as SEAWALL_SOAK_SECONDS says"]
fn a_sensor_to_which_all_things_happen_remembers_all_but_what_it_says_it_missed() {
    let Some(cable) = Cable::new("soak") else {
        return;
    };
    let (seconds, rate) = (
        number("SEAWALL_SOAK_SECONDS", 60),
        number("SEAWALL_SOAK_RATE", 20_000),
    );
    let load = Load {
        packets: seconds * rate,
        // About seven markers a second, whatever the rate: 1,200 packets are a round, 200 of them ask by Modbus.
        marker_every: (rate / 30).max(1),
        ..Load::default()
    };
    let site = folder("soak");
    fs::write(site.join("site.toml"), SITE).unwrap();
    let disk = Disk::new(&state(&site), 768);
    let mut mishaps = Mishaps {
        cable: &cable,
        site: &site,
        disk: &disk,
        dice: Dice::new(number("SEAWALL_SOAK_SEED", 1)),
        sensor: Some(Sensor::start(&cable, &site)),
        kills: 0,
        takeovers: 0,
        down: Vec::new(),
        full: 0,
    };
    let mut replay = cable.inside("tcpreplay");
    // A thousand bursts a second: packet by packet it would spend its time waiting.
    let bursts = [
        format!("--pps={rate}"),
        format!("--pps-multi={}", (rate / 1_000).max(1)),
    ];
    let replay = replay
        .args(["-q", "--no-flow-stats", "-i", "src0"])
        .args(bursts)
        .arg("-")
        .stdout(Stdio::null());
    let begun = now();
    let mut replay = replay.stdin(Stdio::piped()).spawn().unwrap();
    let input = replay.stdin.take().unwrap();
    let writer = thread::spawn(move || Offline::send(load, input));
    let mut peak = 0u64;
    let pause = |dice: &mut Dice| Duration::from_secs(3 + dice.below((seconds / 10 + 5).min(60)));
    let mut next = pause(&mut mishaps.dice);
    while replay.try_wait().unwrap().is_none() {
        sleep(Duration::from_millis(250));
        peak = peak.max(mishaps.sensor.as_ref().map_or(0, Sensor::resident));
        if begun.elapsed().unwrap() > next {
            mishaps.happen();
            next = begun.elapsed().unwrap() + pause(&mut mishaps.dice);
        }
    }
    let offline = writer.join().unwrap();
    let took = begun.elapsed().unwrap().as_secs_f64();
    let ended = self::seconds(now());
    sleep(Duration::from_secs(3));
    let Mishaps {
        sensor,
        kills,
        takeovers,
        down,
        full,
        ..
    } = mishaps;
    sensor.unwrap().stop();

    let live = Command::new(program())
        .args(["facts", "--kind", "operation", "--kind", "conversation"])
        .args(["--kind", "coverage", "--state"])
        .arg(state(&site))
        .output()
        .unwrap();
    let live = Told::read(&String::from_utf8(live.stdout).unwrap());

    let (arrived, dropped) = (cable.count("rx_packets"), sum(&live.coverage, "drops"));
    // What it reports after the last packet is that it was stopped.
    let mut gaps = gaps(&live.coverage);
    gaps.retain(|(from, _)| *from < ended);
    let silent: u64 = sum(&live.coverage, "silence");
    let not_there: f64 = down.iter().map(|(from, until)| until - from).sum();
    println!(
        "{took:.0} s at {:.0} packets/s, {kills} kills, {takeovers} other workers, {} times down, {full} times full: {} sent, {arrived} arrived, {} told, {dropped} dropped, {} intervals not watched, {silent} s silent, {peak} MB at most",
        load.packets as f64 / took,
        down.len(),
        load.packets,
        live.packets,
        gaps.len(),
    );
    assert_eq!(offline.packets, load.packets, "offline, nothing is missing");
    assert!(arrived == load.packets || !down.is_empty());
    assert!(gaps.len() >= kills as usize, "each kill left its interval");
    let margins = (IN_FLIGHT + RETAKEN + 1.0) * down.len() as f64;
    assert!(
        silent as f64 >= not_there - margins,
        "that it was down is told"
    );
    gaps.extend(down);
    let blind = length(&mut gaps);
    println!("{blind:.1} s in which nobody watched or nothing came");

    // What is there, is right: no operation and no conversation that the offline run does not know, none too often.
    let mut twice = Vec::new();
    for (key, (count, _)) in &live.operations {
        if key.ends_with(' ') {
            // Watching began between a request and its answer, which does not repeat what was asked for.
            assert!(
                offline
                    .operations
                    .keys()
                    .any(|known| known.starts_with(key))
            );
            assert!(*count <= u64::from(kills) + 1, "{key}: {count} times");
            continue;
        }
        let (known, _) = offline
            .operations
            .get(key)
            .unwrap_or_else(|| panic!("invented: {key}"));
        if is_marker(key) && count > known {
            twice.push(key);
        } else {
            assert!(count <= known, "{key}: {count} told, {known} were sent");
        }
    }
    // The two moments of taking a packet differ by less than a microsecond.
    println!("counted twice: {twice:?}");
    assert!(twice.len() <= takeovers as usize);
    for (key, packets) in &live.conversations {
        let known = offline
            .conversations
            .get(key)
            .unwrap_or_else(|| panic!("invented: {key}"));
        assert!(packets <= known, "{key}: {packets} told, {known} were sent");
    }
    for key in offline.operations.keys().filter(|key| !is_marker(key)) {
        assert!(live.operations.contains_key(key), "{key}");
    }
    assert_eq!(
        offline.conversations.keys().collect::<Vec<_>>(),
        live.conversations.keys().collect::<Vec<_>>()
    );

    // What is not there was sent while nobody watched, or dropped and counted.
    let missing = (load.packets - live.packets).saturating_sub(dropped) as f64;
    let explained = (blind + 1.0) * load.packets as f64 / took * 1.1;
    println!("{missing} packets in no conversation; {explained:.0} could be sent in the intervals");
    assert!(
        missing <= explained,
        "missing: {missing}, explained: {explained}"
    );

    // Marker by marker: those of each connection are written in order of time, so that what lacks lies between two that are
    // there, and between these lies an interval that was reported.
    let (mut lost, mut unexplained) = (0u32, 0u64);
    let mut by_pair: BTreeMap<String, Vec<(u64, &String)>> = BTreeMap::new();
    for key in offline.operations.keys().filter(|key| is_marker(key)) {
        let (pair, object) = key.split_once(" modbus write ").unwrap();
        let digits: String = object.chars().filter(char::is_ascii_digit).collect();
        let list = by_pair.entry(pair.to_owned()).or_default();
        list.push((digits.parse().unwrap(), key));
    }
    assert!(!by_pair.is_empty(), "there are markers");
    for markers in by_pair.values_mut() {
        markers.sort();
        let mut before = f64::MIN;
        let mut run = 0u32;
        let told = |key: &String| live.operations.get(key).map(|(_, time)| seconds_of(time));
        let all = markers.iter().map(|(_, key)| (told(key), key.as_str()));
        for (time, key) in all.chain([(Some(ended), "the end")]) {
            let Some(now) = time else {
                run += 1;
                continue;
            };
            lost += run;
            if run > 0
                && !gaps
                    .iter()
                    .any(|(begin, end)| *begin < now && *end > before)
            {
                println!("{run} markers before {key} lack, and no interval says so");
                unexplained += u64::from(run);
            }
            (before, run) = (now, 0);
        }
    }
    println!(
        "{lost} of {} markers lack, {unexplained} of them in no interval",
        by_pair.values().map(Vec::len).sum::<usize>()
    );
    assert!(unexplained <= dropped, "more than was counted as dropped");
}

fn missing(row: &Value) -> u64 {
    let count = |name: &str| row[name].as_u64().unwrap_or(0);
    count("total").saturating_sub(count("good"))
}

fn seconds(time: SystemTime) -> f64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs_f64()
}

/// Seconds in at least one of the intervals; puts them in order.
fn length(intervals: &mut [(f64, f64)]) -> f64 {
    intervals.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut sum, mut end) = (0.0, f64::MIN);
    for (from, until) in intervals.iter() {
        sum += (until - from.max(end)).max(0.0);
        end = end.max(*until);
    }
    sum
}

fn seconds_of(time: &str) -> f64 {
    let time: Timestamp = time.parse().unwrap();
    time.as_microsecond() as f64 / 1e6
}

fn sum(coverage: &[Value], what: &str) -> u64 {
    let rows = coverage.iter().filter(|row| row["what"] == what);
    rows.map(missing).sum()
}

/// Intervals that the sensor reports as not watched, with what lay in the ring before each.
fn gaps(coverage: &[Value]) -> Vec<(f64, f64)> {
    let rows = coverage
        .iter()
        .filter(|row| row["what"] == "watching" && missing(row) > 0);
    rows.map(|row| {
        let (first, last) = (text(&row["time"]), text(&row["last"]));
        (seconds_of(&first) - IN_FLIGHT, seconds_of(&last))
    })
    .collect()
}
