//! How many packets a second come in before the first is dropped. A measurement, so nothing asserts a figure:
//!
//! `cargo test --release -p sensor --test live -- --ignored --nocapture rate`
//!
//! Needs tcpreplay and a capture, named by `SEAWALL_RATE_CAPTURE`; without one, Modbus between eight pairs of hosts is made
//! by recipe. `SEAWALL_RATE_SECONDS` (2) is how long each rate is held. Sender, kernel and workers share the machine: on
//! one with few cores the sender limits the figure, which shows where the rate that came about is below the one asked for.
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use facts::Time;
use sensor::live::{Counts, Options, Rotation, Segments, Tap, open, trim};
use wire::{Shard, Worker};

use crate::disk::folder;
use crate::net::{Link, frame, udp, within};

/// Packets a second, from one try to the next until packets are dropped.
const RATES: [u32; 12] = [
    50_000, 100_000, 150_000, 200_000, 300_000, 400_000, 500_000, 600_000, 800_000, 1_000_000,
    1_300_000, 1_600_000,
];

#[derive(Clone, Copy, Debug)]
enum Work {
    /// Each packet is looked at, no more.
    Count,
    /// Decoded, and written to the ring of segments.
    Decode,
    DecodeAndWrite,
}

#[test]
#[ignore = "a measurement"]
fn rate() {
    if Command::new("tcpreplay").arg("--version").output().is_err() {
        return println!("skipped: tcpreplay is not installed");
    }
    let Some(link) = Link::new() else { return };
    let capture = env::var_os("SEAWALL_RATE_CAPTURE").map_or_else(recipe, PathBuf::from);
    println!("{}", capture.display());
    println!("taps  work             asked/s      sent/s     dropped   ns/packet");
    for workers in [1, 2] {
        for work in [Work::Count, Work::Decode, Work::DecodeAndWrite] {
            for rate in RATES {
                let Held {
                    sent,
                    seconds,
                    dropped,
                    nanoseconds,
                } = hold(&link, &capture, rate, workers, work);
                let came = sent as f64 / seconds;
                println!(
                    "{workers:>4}  {:<14} {rate:>9} {came:>11.0} {dropped:>11} {nanoseconds:>11.0}",
                    format!("{work:?}"),
                );
                if dropped > 0 || came < f64::from(rate) * 0.7 {
                    break;
                }
            }
        }
    }
}

/// What came of a rate.
struct Held {
    sent: u64,
    /// From the first packet to the last.
    seconds: f64,
    dropped: u64,
    /// Processor time of all workers, per packet.
    nanoseconds: f64,
}

/// Holds a rate for a while, by tcpreplay.
fn hold(link: &Link, capture: &Path, rate: u32, workers: usize, work: Work) -> Held {
    let options = Options {
        workers,
        ..Options::new("tap0")
    };
    let seconds = seconds();
    under(link, &options, work, || {
        let mut replay = Command::new("ip");
        replay
            .args([
                "netns",
                "exec",
                &link.sender,
                "tcpreplay",
                "-q",
                "-i",
                "out0",
            ])
            .args(["--preload-pcap", "--loop=100000", "--no-flow-stats"])
            .arg(format!("--pps={rate}"))
            .arg(format!("--limit={}", u64::from(rate) * seconds))
            .arg(capture)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        assert!(replay.status().unwrap().success());
    })
}

/// How long each rate is held.
fn seconds() -> u64 {
    env::var("SEAWALL_RATE_SECONDS").map_or(2, |text| text.parse().unwrap())
}

/// What workers make of what `send` sends.
fn under(link: &Link, options: &Options, work: Work, send: impl FnOnce()) -> Held {
    let taps = within(&link.sensor, || open(options)).unwrap();
    let dir = folder("rate");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (stop, dir) = (&stop, &dir);
        let running: Vec<_> = taps
            .into_iter()
            .enumerate()
            .map(|(number, tap)| scope.spawn(move || take(tap, number, work, dir, stop)))
            .collect();
        scope.spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                trim(dir, 512 << 20).unwrap();
                std::thread::sleep(Duration::from_millis(200));
            }
        });
        let before = received(link);
        send();
        stop.store(true, Ordering::Relaxed);
        let taken: Vec<Taken> = running
            .into_iter()
            .map(|worker| worker.join().unwrap())
            .collect();
        let first = taken.iter().map(|one| one.first).min().unwrap();
        let last = taken.iter().map(|one| one.last).max().unwrap();
        let seconds = last.since(first) as f64 / 1e9;
        let busy: f64 = taken.iter().map(|one| one.busy).sum();
        let sent = received(link) - before;
        Held {
            sent,
            seconds,
            dropped: taken.iter().map(|one| one.counts.dropped).sum(),
            nanoseconds: busy * 1e9 / sent as f64,
        }
    })
}

/// The rate at which the first packet is dropped, sought by halves, with a sender that is faster than tcpreplay: many
/// frames a call, past the queue of the interface, from `SEAWALL_RATE_SENDERS` (1) threads. `SEAWALL_RATE_RING` (64) is the
/// ring in MiB: a smaller one shows what a burst of that length does.
///
/// `cargo test --release -p sensor --test live -- --ignored --nocapture first_drop`
#[test]
#[ignore = "a measurement"]
fn first_drop() {
    let Some(link) = Link::new() else { return };
    let number = |name: &str, plain: usize| {
        env::var(name).map_or(plain, |text| text.parse::<usize>().unwrap())
    };
    let senders = number("SEAWALL_RATE_SENDERS", 1).max(1);
    let ring = number("SEAWALL_RATE_RING", 64);
    let frames: Vec<Vec<u8>> = (0..512u32).map(modbus).collect();
    println!("one tap, ring of {ring} MiB, {senders} threads send");
    println!("work             asked/s      sent/s     dropped   ns/packet");
    for work in [Work::Count, Work::Decode, Work::DecodeAndWrite] {
        let options = Options {
            ring_bytes: ring << 20,
            ..Options::new("tap0")
        };
        let tried = |rate: f64| {
            let held = under(&link, &options, work, || {
                std::thread::scope(|scope| {
                    for _ in 0..senders {
                        scope.spawn(|| push(&link, &frames, rate / senders as f64));
                    }
                });
            });
            let came = held.sent as f64 / held.seconds;
            println!(
                "{:<14} {rate:>9.0} {came:>11.0} {:>11} {:>11.0}",
                format!("{work:?}"),
                held.dropped,
                held.nanoseconds
            );
            (held.dropped > 0, came)
        };
        let (mut whole, mut rate) = (0.0, 200_000.0);
        let lost = loop {
            let (dropped, came) = tried(rate);
            if dropped {
                break Some(rate);
            }
            whole = came;
            if came < rate * 0.7 {
                break None;
            }
            rate *= 1.5;
        };
        let Some(mut lost) = lost else {
            println!("{work:?}: no drop up to {whole:.0}/s, which is what the sender manages");
            continue;
        };
        for _ in 0..4 {
            let middle = f64::midpoint(whole, lost);
            match tried(middle) {
                (true, _) => lost = middle,
                (false, came) => whole = came.min(middle),
            }
        }
        println!("{work:?}: no drop at {whole:.0}/s, the first by {lost:.0}/s");
    }
}

#[allow(clippy::disallowed_methods)] // It measures.
fn now() -> Instant {
    Instant::now()
}

/// Sends frames at a rate for a while.
fn push(link: &Link, frames: &[Vec<u8>], rate: f64) {
    let sender = link.sender();
    sender.hurry();
    let begin = now();
    let all = Duration::from_secs(seconds());
    let mut sent = 0.0;
    for batch in frames.chunks(64).cycle() {
        if now() - begin >= all {
            return;
        }
        // Ahead of its time, it waits without giving up the processor: a batch is sooner due than a thread wakes up.
        while sent > (now() - begin).as_secs_f64() * rate {
            std::hint::spin_loop();
        }
        sent += sender.send_many(batch).max(1) as f64;
    }
}

/// What a worker saw.
struct Taken {
    counts: Counts,
    first: Time,
    last: Time,
    /// Seconds of processor time.
    busy: f64,
}

/// A worker of `seawall run`, in short.
fn take(mut tap: Tap, number: usize, work: Work, dir: &Path, stop: &AtomicBool) -> Taken {
    let rotation = Rotation {
        bytes: 64 << 20,
        seconds: 60,
    };
    let mut segments = Segments::open(dir, "rate", number, rotation).unwrap();
    let mut worker = Worker::new(Shard::default(), wire::Limits::live());
    let before = processor_time();
    let (mut first, mut last) = (Time::MAX, Time::MIN);
    let mut take = |wait: u64| {
        let mut each = |packet: sensor::live::Packet<'_>| {
            first = first.min(packet.time);
            last = packet.time;
            let place = match work {
                Work::DecodeAndWrite => segments.write(&packet),
                _ => None,
            };
            if !matches!(work, Work::Count) {
                let frame = place.map_or(0, |place| place.frame);
                worker.frame(&packet.frame(0, frame));
            }
        };
        tap.packets(Duration::from_millis(wait), &mut each).unwrap()
    };
    while !stop.load(Ordering::Relaxed) {
        take(50);
    }
    while take(100) > 0 {}
    let counts = tap.counts().unwrap();
    if segments.left_out() > 0 {
        println!("{} packets were not written", segments.left_out());
    }
    Taken {
        counts,
        first,
        last,
        busy: processor_time() - before,
    }
}

/// Of this thread, in user and kernel mode.
fn processor_time() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let nanoseconds: u64 = text.split(' ').next().unwrap().parse().unwrap();
    nanoseconds as f64 / 1e9
}

/// Packets that the sensor's interface took in, read or not.
fn received(link: &Link) -> u64 {
    let told = crate::net::run(&format!("ip -n {} -s -j link show dev tap0", link.sensor));
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    told[0]["stats64"]["rx"]["packets"].as_u64().unwrap()
}

/// A request of Modbus to one of eight hosts.
fn modbus(n: u32) -> Vec<u8> {
    let (a, b) = ([10, 0, 0, 1], [10, 0, 1, (n % 8) as u8]);
    let request = udp(1000, 502, &[0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 10]);
    frame(&[0x8100_000a], a.into(), b.into(), &request)
}

/// Requests of Modbus, in one file.
fn recipe() -> PathBuf {
    let mut bytes = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0".to_vec();
    for n in 0..100_000u32 {
        let packet = modbus(n);
        for word in [n / 1000, n % 1000, packet.len() as u32, packet.len() as u32] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(packet);
    }
    let path = folder("rate recipe").join("modbus.pcap");
    fs::write(&path, bytes).unwrap();
    path
}
