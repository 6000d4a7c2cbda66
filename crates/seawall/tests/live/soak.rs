//! An hour on the cable: control traffic at a steady rate, and a sensor that is killed at random moments. Ignored as a
//! rule, since it takes as long as it is told to:
//!
//! ```sh
//! SEAWALL_SOAK_SECONDS=3600 SEAWALL_SOAK_RATE=430000 cargo test --release -p seawall --test live -- --ignored --nocapture remembers_all
//! ```
//!
//! What it holds: what the sensor remembers in the end equals what an offline run over the same stream gives, except for
//! what was sent in the intervals that the sensor itself reports as not watched. Needs root, iproute2 and tcpreplay.
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufWriter, Write};
use std::process::{Command, Stdio};
use std::thread::{self, sleep};
use std::time::Duration;

use facts::Time;
use jiff::Timestamp;
use lab::load::{self, Load};
use serde_json::Value;
use wire::{Frame, Limits, Link, Shard, Worker};

use crate::rig::{Cable, Sensor, now, state};
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
packets_size = "1 GB"
window = "1 d"

[[output]]
name = "log"
to = "file"
path = "events.jsonl"
"#;

/// What a packet may lie in the kernel's ring before it is read, in seconds.
const IN_FLIGHT: f64 = 0.3;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect("a number"))
}

/// The stream goes to a decoder as it is made: for an hour of it no disk is large enough.
struct Offline {
    worker: Worker,
    left: Vec<u8>,
    begun: bool,
    number: u32,
}

impl Offline {
    fn read(load: Load) -> Told {
        let mut offline = Offline {
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
        Ok(())
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

#[test]
#[ignore = "takes as long as SEAWALL_SOAK_SECONDS says"]
fn a_sensor_that_is_killed_again_and_again_remembers_all_but_what_it_says_it_missed() {
    let Some(cable) = Cable::new("soak") else {
        return;
    };
    let (seconds, rate) = (
        number("SEAWALL_SOAK_SECONDS", 60),
        number("SEAWALL_SOAK_RATE", 20_000),
    );
    let mut dice = lab::net::bytes::Dice::new(number("SEAWALL_SOAK_SEED", 1));
    let load = Load {
        packets: seconds * rate,
        // About seven markers a second, whatever the rate: 1,200 packets are a round, 200 of them ask by Modbus.
        marker_every: (rate / 30).max(1),
        ..Load::default()
    };
    let site = folder("soak");
    fs::write(site.join("site.toml"), SITE).unwrap();

    let mut sensor = Sensor::launch(&cable, &site);
    sleep(Duration::from_secs(2));
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
    let writer = thread::spawn(move || {
        let mut out = BufWriter::with_capacity(1 << 18, input);
        load::write(load, &mut out)
            .and_then(|()| out.flush())
            .unwrap();
    });
    let mut kills = 0u32;
    let mut peak = 0u64;
    let mut next = Duration::from_secs(5 + dice.below(seconds / 10 + 5));
    while replay.try_wait().unwrap().is_none() {
        sleep(Duration::from_millis(250));
        peak = peak.max(sensor.resident());
        if begun.elapsed().unwrap() > next {
            sensor.kill();
            kills += 1;
            sleep(Duration::from_millis(dice.below(4_000)));
            sensor = Sensor::launch(&cable, &site);
            next = begun.elapsed().unwrap() + Duration::from_secs(3 + dice.below(seconds / 10 + 5));
        }
    }
    writer.join().unwrap();
    let took = begun.elapsed().unwrap().as_secs_f64();
    sleep(Duration::from_secs(3));
    sensor.stop();

    let live = Command::new(env!("CARGO_BIN_EXE_seawall"))
        .args(["facts", "--kind", "operation", "--kind", "conversation"])
        .args(["--kind", "coverage", "--state"])
        .arg(state(&site))
        .output()
        .unwrap();
    let live = Told::read(&String::from_utf8(live.stdout).unwrap());
    let offline = Offline::read(load);

    let (arrived, dropped) = (cable.count("rx_packets"), sum(&live.coverage, "drops"));
    // What it reports after the last packet is that it was stopped.
    let last_told = live.operations.values().map(|(_, time)| seconds_of(time));
    let last_told = last_told.fold(0.0, f64::max);
    let mut gaps = gaps(&live.coverage);
    gaps.retain(|(from, _)| *from < last_told);
    let blind: f64 = gaps.iter().map(|(from, until)| until - from).sum();
    println!(
        "{took:.0} s at {:.0} packets/s, {kills} kills: {} sent, {arrived} arrived, {} told, {dropped} dropped, {blind:.1} s not watched in {} intervals, {peak} MB at most",
        load.packets as f64 / took,
        load.packets,
        live.packets,
        gaps.len(),
    );
    assert_eq!(offline.packets, load.packets, "offline, nothing is missing");
    assert_eq!(arrived, load.packets);
    assert!(gaps.len() >= kills as usize, "each kill left its interval");

    // What is there, is right: no operation and no conversation that the offline run does not know, none too often.
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
        assert!(count <= known, "{key}: {count} told, {known} were sent");
    }
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
    let mut lost = 0u32;
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
        let mut before: Option<f64> = None;
        let mut run = 0u32;
        for (_, key) in markers.iter() {
            let Some((_, time)) = live.operations.get(*key) else {
                run += 1;
                continue;
            };
            let now = seconds_of(time);
            if run > 0 {
                lost += run;
                let from = before.unwrap_or(f64::MIN);
                let told = gaps.iter().any(|(begin, end)| *begin < now && *end > from);
                assert!(
                    told || dropped > 0,
                    "{run} markers before {key} ({time}) lack, and no interval says so"
                );
            }
            (before, run) = (Some(now), 0);
        }
        lost += run;
    }
    println!(
        "{lost} of {} markers fell into the intervals",
        by_pair.values().map(Vec::len).sum::<usize>()
    );
}

fn missing(row: &Value) -> u64 {
    let count = |name: &str| row[name].as_u64().unwrap_or(0);
    count("total").saturating_sub(count("good"))
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
