//! How the sensor fares, in numbers: handed in by the loop that runs it, given out for Prometheus and as a word of health.
//!
//! Written to a file for node_exporter's textfile collector, and served over HTTP only where the site asks for it.
mod health;
mod prometheus;
mod server;

use std::path::Path;
use std::time::Duration;

use facts::Time;
use judge::Verdict;

use super::listen::shedding::Level;
use super::sinks::Counts;
use crate::error::Error;

pub use health::Health;
pub use server::{Listen, Server};

/// Everything, as of one moment. Counters count since the start of the process.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    pub version: String,
    pub now: Time,
    pub uptime: Duration,
    /// Memory that the process occupies; [`resident_bytes`] reads it.
    pub resident_bytes: Option<u64>,
    pub interfaces: Vec<Interface>,
    /// Sensors that are folders of captures.
    pub folders: usize,
    pub workers: Vec<Worker>,
    pub vlans: Vec<Vlan>,
    /// Packets left out by the rule for overload, by class.
    pub shed: Vec<(String, u64)>,
    pub history: Option<History>,
    pub packets: Option<PacketRing>,
    pub judge: Option<Judge>,
    pub measures: Vec<Measure>,
    pub sinks: Vec<SinkState>,
}

/// An interface of a sensor.
#[derive(Clone, Debug, Default)]
pub struct Interface {
    pub sensor: String,
    pub interface: String,
    pub up: bool,
    pub packets: u64,
    pub bytes: u64,
    /// Packets that the kernel had no room for.
    pub kernel_drops: u64,
    /// Of those, how many since the last interval.
    pub kernel_drops_lately: u64,
    /// Packets that the network card lost or took in damaged, and how many since the last interval.
    pub card_missed: u64,
    pub card_missed_lately: u64,
    /// How full the capture ring was at most since the last interval, 0 to 1.
    pub ring_fill: f64,
    /// From a packet's time stamp to its decoding, at most since the last interval.
    pub lag: Duration,
    /// What is put aside under load at the moment.
    pub shedding: Level,
    /// Why packets do not get into the ring on disk, where they do not.
    pub not_kept: Option<String>,
}

/// A worker of the sensor.
#[derive(Clone, Copy, Debug, Default)]
pub struct Worker {
    pub packets: u64,
    pub packets_per_second: f64,
    /// Flows in its table.
    pub flows: u64,
    /// Bytes that wait in its streams for what comes before them.
    pub waiting_bytes: u64,
}

/// A VLAN, seen or expected.
#[derive(Clone, Debug, Default)]
pub struct Vlan {
    pub sensor: String,
    /// `None` for untagged frames.
    pub vlan: Option<u16>,
    pub frames: u64,
    /// Since its last frame, or since the start where there was none.
    pub silence: Duration,
    /// A zone of the site that the sensor should see has this VLAN.
    pub expected: bool,
}

/// The history on disk.
#[derive(Clone, Debug, Default)]
pub struct History {
    pub last_write: Option<Time>,
    pub bytes: u64,
    pub state: HistoryState,
}

/// Whether the history grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HistoryState {
    #[default]
    Writing,
    /// The disk has no room.
    Full,
    /// Something else is wrong with it.
    Failed,
}

impl HistoryState {
    pub const ALL: [HistoryState; 3] = [
        HistoryState::Writing,
        HistoryState::Full,
        HistoryState::Failed,
    ];

    pub const fn word(self) -> &'static str {
        match self {
            HistoryState::Writing => "writing",
            HistoryState::Full => "full",
            HistoryState::Failed => "failed",
        }
    }
}

/// The ring of packets on disk.
#[derive(Clone, Copy, Debug, Default)]
pub struct PacketRing {
    pub bytes: u64,
    pub oldest: Option<Time>,
}

/// The last judging.
#[derive(Clone, Copy, Debug, Default)]
pub struct Judge {
    pub took: Duration,
    pub at: Time,
    /// How often it should be.
    pub every: Duration,
}

/// A measure as last judged.
#[derive(Clone, Debug)]
pub struct Measure {
    pub id: String,
    pub verdict: Verdict,
    pub findings: usize,
}

/// A way out for events.
#[derive(Clone, Debug, Default)]
pub struct SinkState {
    pub name: String,
    pub counts: Counts,
    pub problem: Option<String>,
}

impl Metrics {
    /// The text that Prometheus reads, format 0.0.4.
    pub fn prometheus(&self) -> String {
        prometheus::text(self)
    }

    /// Whether all is well, and if not, why.
    pub fn health(&self) -> Health {
        health::of(self)
    }

    /// Writes `seawall.prom` or whatever it is called, whole or not at all: the collector never reads half of it.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        crate::output::write(Some(path), &self.prometheus())
    }
}

/// Memory that this process occupies. `statm` counts pages, whose size only the C library tells; `status` says kB.
pub fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes.saturating_mul(1024))
}

#[cfg(test)]
mod testing {
    //! A sensor with everything that there is to tell.
    use super::*;

    pub(super) fn well() -> Metrics {
        let now = Time::parse("2026-11-21T07:12:44.5Z").unwrap();
        Metrics {
            version: "0.1.0".to_owned(),
            now,
            uptime: Duration::from_millis(90_500),
            resident_bytes: Some(104_857_600),
            interfaces: vec![Interface {
                sensor: "crane-span".to_owned(),
                interface: "eth1".to_owned(),
                up: true,
                packets: 5_500_000,
                bytes: 700_000_000,
                ring_fill: 0.03,
                lag: Duration::from_micros(1_500),
                ..Interface::default()
            }],
            folders: 0,
            workers: vec![Worker {
                packets: 5_500_000,
                packets_per_second: 61_111.5,
                flows: 340,
                waiting_bytes: 0,
            }],
            vlans: vec![
                Vlan {
                    sensor: "crane-span".to_owned(),
                    vlan: Some(10),
                    frames: 12,
                    silence: Duration::from_secs(1),
                    expected: true,
                },
                Vlan {
                    sensor: "crane-span".to_owned(),
                    vlan: None,
                    frames: 0,
                    silence: Duration::from_secs(90),
                    expected: false,
                },
            ],
            shed: vec![("bulk".to_owned(), 0)],
            history: Some(History {
                last_write: Some(now),
                bytes: 4_096,
                state: HistoryState::Writing,
            }),
            packets: Some(PacketRing {
                bytes: 1 << 30,
                oldest: Some(now.plus_secs(-3_600)),
            }),
            judge: Some(Judge {
                took: Duration::from_millis(120),
                at: now,
                every: Duration::from_secs(2),
            }),
            measures: vec![
                Measure {
                    id: "C9".to_owned(),
                    verdict: Verdict::NotMet,
                    findings: 2,
                },
                Measure {
                    id: "C10".to_owned(),
                    verdict: Verdict::Met,
                    findings: 0,
                },
            ],
            sinks: vec![SinkState {
                name: "syslog tls://logs.example:6514".to_owned(),
                counts: Counts {
                    sent: 17,
                    working: true,
                    ..Counts::default()
                },
                problem: None,
            }],
        }
    }
}

#[test]
fn the_file_is_replaced_whole_and_memory_is_read() {
    let folder = super::sinks::testing::folder("metrics");
    let path = folder.join("seawall.prom");
    std::fs::write(&path, "old").unwrap();
    let metrics = testing::well();
    metrics.write(&path).unwrap();
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        metrics.prometheus()
    );
    assert_eq!(
        std::fs::read_dir(&folder).unwrap().count(),
        1,
        "nothing is left beside it"
    );
    std::fs::remove_dir_all(folder).unwrap();
    assert!(resident_bytes().unwrap() > 1_000_000);
}
