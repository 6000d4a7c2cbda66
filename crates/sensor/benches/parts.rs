//! What the parts of a run cost, one by one: `cargo bench -p sensor`. Whole runs beside other programs: `cargo xtask bench`.
//!
//! Traffic is that of `lab::load`; times are per frame where a bench counts frames.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench may fail loudly"
)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use facts::Time;
use lab::load::{Load, write};
use sensor::{Capture, Captures, observe};
use wire::{Frame, Limits, Link, Shard, Worker};

const FRAMES: u64 = 60_000;

fn main() {
    divan::main();
}

/// The capture that all benches read, as a file.
static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("parts.pcap");
    std::fs::write(&path, content()).unwrap();
    path
});

static PACKED: LazyLock<PathBuf> = LazyLock::new(|| {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("parts.pcap.gz");
    let file = std::fs::File::create(&path).unwrap();
    let mut out = flate2::write::GzEncoder::new(file, flate2::Compression::default());
    out.write_all(&content()).unwrap();
    out.finish().unwrap();
    path
});

fn content() -> Vec<u8> {
    let load = Load {
        packets: FRAMES,
        ..Load::default()
    };
    let mut bytes = Vec::new();
    write(load, &mut bytes).unwrap();
    bytes
}

/// A frame that stays.
struct Kept {
    time: Time,
    number: u32,
    data: Vec<u8>,
}

impl Kept {
    fn frame(&self) -> Frame<'_> {
        Frame {
            link: Link::Ethernet,
            time: self.time,
            data: &self.data,
            wire_len: self.data.len() as u32,
            capture: 0,
            number: self.number,
        }
    }
}

/// The frames of connections to that port of servers (all, if it is 0), with payload or without.
fn frames(port: u16, payload: bool) -> Vec<Kept> {
    let mut walk = Capture::open(&*FILE).unwrap().frames(0).unwrap();
    let mut kept = Vec::new();
    while let Some(frame) = walk.next() {
        // Ethernet with one tag, IPv4 and TCP without options.
        let ports = [38, 40].map(|at| u16::from_be_bytes([frame.data[at], frame.data[at + 1]]));
        let carries = frame.data[51] & 0x08 != 0;
        if (port == 0 || ports.contains(&port)) && carries == payload {
            kept.push(Kept {
                time: frame.time,
                number: frame.number,
                data: frame.data.to_vec(),
            });
        }
    }
    kept
}

#[divan::bench(sample_count = 20)]
fn scan_a_pcap(bencher: Bencher<'_, '_>) {
    let capture = Capture::open(&*FILE).unwrap();
    bencher
        .counter(ItemsCount::new(FRAMES))
        .bench(|| drain(&capture));
}

#[divan::bench(sample_count = 20)]
fn scan_a_packed_pcap(bencher: Bencher<'_, '_>) {
    let capture = Capture::open(&*PACKED).unwrap();
    bencher
        .counter(ItemsCount::new(FRAMES))
        .bench(|| drain(&capture));
}

fn drain(capture: &Capture) -> usize {
    let mut frames = capture.frames(0).unwrap();
    let mut bytes = 0;
    while let Some(frame) = frames.next() {
        bytes += frame.data.len();
    }
    bytes
}

#[divan::bench(sample_count = 20)]
fn hash_a_pcap(bencher: Bencher<'_, '_>) {
    bencher
        .counter(ItemsCount::new(FRAMES))
        .with_inputs(|| Capture::open(&*FILE).unwrap())
        .bench_refs(|capture| capture.sha256().unwrap().len());
}

/// Link and IP, as far as it takes to know the two hosts.
#[divan::bench(sample_count = 20)]
fn find_the_owner(bencher: Bencher<'_, '_>) {
    let frames = frames(0, true);
    bencher.counter(ItemsCount::new(frames.len())).bench(|| {
        for kept in &frames {
            black_box(wire::owner(&kept.frame(), 2));
        }
    });
}

/// A frame of somebody else: link and IP opened, and dropped.
#[divan::bench(sample_count = 20)]
fn drop_a_frame(bencher: Bencher<'_, '_>) {
    let frames = frames(0, true);
    let shard = |index| Shard {
        index,
        of: 2,
        seed: 0,
    };
    let others: Vec<&Kept> = frames
        .iter()
        .filter(|kept| wire::owner(&kept.frame(), 2) == Some(1))
        .collect();
    bencher
        .counter(ItemsCount::new(others.len()))
        .with_inputs(|| Worker::new(shard(0), Limits::default()))
        .bench_refs(|worker| others.iter().for_each(|kept| worker.frame(&kept.frame())));
}

/// Segments without payload: link, IP, TCP, the flow looked up, and nothing to dissect.
#[divan::bench(sample_count = 20)]
fn look_up_flows(bencher: Bencher<'_, '_>) {
    let handshakes = frames(0, false);
    let last: Vec<&Kept> = handshakes.iter().skip(2).step_by(3).collect();
    let repeated: Vec<&Kept> = (0..20).flat_map(|_| last.iter().copied()).collect();
    work(bencher, &repeated, &handshakes);
}

#[divan::bench(args = [502, 102, 44_818], sample_count = 20)]
fn dissect_messages_of_port(bencher: Bencher<'_, '_>, port: u16) {
    let messages = frames(port, true);
    let messages: Vec<&Kept> = messages.iter().collect();
    work(bencher, &messages, &frames(port, false));
}

/// Time of a worker on frames, after those that open their flows.
fn work(bencher: Bencher<'_, '_>, frames: &[&Kept], before: &[Kept]) {
    bencher
        .counter(ItemsCount::new(frames.len()))
        .with_inputs(|| {
            let mut worker = Worker::new(Shard::default(), Limits::default());
            before.iter().for_each(|kept| worker.frame(&kept.frame()));
            worker
        })
        .bench_refs(|worker| frames.iter().for_each(|kept| worker.frame(&kept.frame())));
}

#[divan::bench(args = [1, 2], sample_count = 20)]
fn all_of_it_with_workers(bencher: Bencher<'_, '_>, workers: usize) {
    bencher
        .counter(ItemsCount::new(FRAMES))
        .with_inputs(|| Captures::open(&[&*FILE]).unwrap())
        .bench_refs(|captures| observe(captures, workers, 0, &|_, _| {}).unwrap());
}
