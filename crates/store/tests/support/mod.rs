//! What tests of memory and history have in common.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests may fail loudly; each test file uses its own part"
)]

use std::path::{Path, PathBuf};

use facts::kinds::{Conversation, Operation, Verb};
use facts::{Address, Evidence, Facts, Time, Uid};
use lab::Scenario;
use wire::{Frame, Limits, Link, Shard, Worker};

/// A folder of the test's own, gone when the test is over.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("seawall-{name}-{}", std::process::id()));
        drop(std::fs::remove_dir_all(&path));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl std::ops::Deref for Folder {
    type Target = Path;
    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// Reads a scenario, and tells after each `stride` frames (and at the end); 0 tells at the end only.
pub fn tellings(scenario: &Scenario, stride: usize) -> Vec<Facts> {
    let names: Vec<String> = scenario.files().into_iter().map(|(name, _)| name).collect();
    let mut worker = Worker::new(Shard::default(), Limits::live());
    let (mut told, mut count) = (Vec::new(), 0);
    for (capture, index) in scenario.captures.iter().zip(0u32..) {
        for (frame, number) in capture.frames.iter().zip(1u32..) {
            worker.frame(&Frame {
                link: Link::Ethernet,
                time: Time(frame.at * 1000),
                data: &frame.bytes,
                wire_len: u32::try_from(frame.length).unwrap(),
                capture: index,
                number,
            });
            count += 1;
            if stride > 0 && count % stride == 0 {
                told.push(worker.take().into_facts(names.clone()));
            }
        }
    }
    told.push(worker.finish().into_facts(names.clone()));
    told
}

/// Noon of 22 November 2026, UTC.
pub const NOON: Time = Time::from_secs(1_795_348_800);
pub const DAY: i64 = 86_400;

fn ip(text: &str) -> Address {
    text.parse().unwrap()
}

/// A stop of a controller: an event of its own.
pub fn stop(at: Time, object: &str) -> Operation {
    Operation {
        time: at,
        last: at,
        count: 1,
        source: ip("10.20.90.50"),
        target: ip("10.20.10.10"),
        protocol: "s7comm".to_owned(),
        operation: Verb::Stop,
        object: Some(object.to_owned()),
        evidence: Evidence::one(0, 7),
        ..Operation::default()
    }
}

/// A cyclic read, seen `count` times.
pub fn read(at: Time, count: u64, frame: u32) -> Operation {
    Operation {
        operation: Verb::Read,
        count,
        evidence: Evidence::one(0, frame),
        ..stop(at, "DB10")
    }
}

/// A conversation as it stands after so many packets.
pub fn conversation(uid: u64, begin: Time, last: Time, packets: u64) -> Conversation {
    Conversation {
        time: begin,
        last,
        uid: Uid(uid),
        transport: "tcp".into(),
        client: ip("10.20.90.50"),
        server: ip("10.20.10.10"),
        server_port: Some(102),
        state: "answered".into(),
        direction: "handshake".into(),
        packets_out: packets,
        evidence: Evidence::one(0, 1),
        ..Conversation::default()
    }
}

pub fn told(operations: Vec<Operation>, conversations: Vec<Conversation>) -> Facts {
    Facts {
        captures: vec!["span.pcap".to_owned()],
        operations,
        conversations,
        ..Facts::default()
    }
}
