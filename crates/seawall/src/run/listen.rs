//! Listening: each worker's thread takes its share of the frames from the rings of all interfaces, keeps them on disk,
//! draws one picture of them, and reports.
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::Duration;

use facts::kinds::Capture;
use facts::{Evidence, Time};
use sensor::live::{Counts, Packet, Paused, SegmentInfo, Segments, State, Tap};
use wire::{Limits, Load, Shard, Worker};

use super::queue::Queue;
use super::report::{Report, Source};
use crate::clock;

/// Longest wait for packets before a worker looks whether it is to report or to end.
const WAIT: Duration = Duration::from_millis(100);
/// Packets of several interfaces wait this long, in nanoseconds, for those of the others that came before them. A ring
/// hands its packets over after a tenth of a second at the latest.
const PATIENCE: i64 = 300_000_000;

/// One interface of a worker, and where its packets are kept.
pub struct Ear {
    pub source: Source,
    pub tap: Tap,
    pub segments: Segments,
    /// Where the segments lie.
    pub folder: PathBuf,
}

/// What a worker tells of its health beside the facts.
#[derive(Clone, Debug)]
pub struct Health {
    pub state: State,
    /// Why no packets come in though the interface is there.
    pub problem: Option<String>,
    pub counts: Counts,
    pub load: Load,
    /// Bytes of all frames since the worker began.
    pub bytes: u64,
    pub last_frame: Option<Time>,
    /// The longest time since the last report from a frame's stamp to its decoding.
    pub lag: Duration,
    pub paused: Option<Paused>,
    /// Frames that the ring on disk could not take.
    pub not_kept: u64,
    pub card_missed: u64,
    pub vlans: Vec<(u16, u64, Time)>,
}

impl Health {
    /// How full the ring is, 0 to 1.
    pub fn fill(&self) -> f64 {
        f64::from(self.counts.waiting) / f64::from(self.counts.blocks.max(1))
    }
}

/// Starts a worker's thread. It listens on its share of every interface, so that what two sensors saw of one connection is
/// one. It ends when `stop` is set, after a last report.
pub fn start(
    ears: Vec<Ear>,
    seed: u64,
    every: Duration,
    stop: Arc<AtomicBool>,
    reports: Sender<Report>,
) -> std::io::Result<JoinHandle<()>> {
    let number = ears.first().map_or(0, |ear| ear.source.worker);
    let name = format!("worker {number}");
    std::thread::Builder::new().name(name).spawn(move || {
        let mut listener = Listener::new(ears, seed);
        let mut due = clock::monotonic() + every;
        loop {
            listener.hear();
            let ending = stop.load(Ordering::Relaxed);
            if !ending && clock::monotonic() < due {
                continue;
            }
            due = clock::monotonic() + every;
            // Nobody takes reports any more: the keeper is gone, and with it the reason to go on.
            let told = listener
                .reports(ending)
                .into_iter()
                .all(|report| reports.send(report).is_ok());
            if ending || !told {
                break;
            }
        }
    })
}

struct Listener {
    ends: Vec<End>,
    /// Packets of several interfaces, until it is sure which was first; unused for one interface.
    queue: Queue,
    ground: Ground,
}

/// One interface: where packets come from and are kept.
struct End {
    source: Source,
    tap: Tap,
    keeping: Keeping,
    lag: Duration,
}

/// Where the packets of one interface are kept, and what was counted on the way.
struct Keeping {
    segments: Segments,
    folder: String,
    /// The segment being filled: its number, and its index in the names.
    current: Option<(u64, u32)>,
    /// Index in the names of what could not be kept, once there was such a thing, and how many frames that were.
    loose: Option<u32>,
    left_out: u32,
    bytes: u64,
    last_frame: Option<Time>,
    label: String,
}

/// What all interfaces of a worker share.
struct Ground {
    worker: Worker,
    /// Names of captures by the index that evidence uses.
    names: Vec<String>,
}

impl Ground {
    fn name(&mut self, name: String) -> u32 {
        self.names.push(name);
        u32::try_from(self.names.len() - 1).unwrap_or(u32::MAX)
    }
}

impl Keeping {
    /// The whole way of a packet: onto the disk, and into the picture.
    fn take(&mut self, packet: &Packet<'_>, ground: &mut Ground) {
        let (capture, number) = match self.segments.write(packet) {
            Some(place) => {
                let index = match self.current {
                    Some((segment, index)) if segment == place.segment => index,
                    _ => {
                        let name = self
                            .segments
                            .current()
                            .map_or_else(String::new, |info| info.name.clone());
                        let index = ground.name(name);
                        self.current = Some((place.segment, index));
                        index
                    }
                };
                (index, place.frame)
            }
            None => {
                let index = match self.loose {
                    Some(index) => index,
                    None => *self
                        .loose
                        .insert(ground.name(format!("{}_not-kept", self.label))),
                };
                self.left_out = self.left_out.saturating_add(1);
                (index, self.left_out)
            }
        };
        self.bytes += u64::from(packet.wire_len);
        self.last_frame = Some(packet.time);
        ground.worker.frame(&packet.frame(capture, number));
    }
}

impl Listener {
    fn new(ears: Vec<Ear>, seed: u64) -> Listener {
        // The kernel has shared the traffic out already, by pairs of hosts.
        let shard = Shard {
            seed,
            ..Shard::default()
        };
        let end = |ear: Ear| End {
            keeping: Keeping {
                segments: ear.segments,
                folder: ear.folder.display().to_string(),
                current: None,
                loose: None,
                left_out: 0,
                bytes: 0,
                last_frame: None,
                label: ear.source.label.clone(),
            },
            source: ear.source,
            tap: ear.tap,
            lag: Duration::ZERO,
        };
        Listener {
            ends: ears.into_iter().map(end).collect(),
            queue: Queue::default(),
            ground: Ground {
                worker: Worker::new(shard, Limits::live()),
                names: Vec::new(),
            },
        }
    }

    /// Takes what is in the rings, or waits a moment for it.
    fn hear(&mut self) {
        let Listener {
            ends,
            queue,
            ground,
        } = self;
        let alone = ends.len() == 1;
        let wait = if alone { WAIT } else { WAIT / 10 };
        for (place, end) in ends.iter_mut().enumerate() {
            let (tap, keeping) = (&mut end.tap, &mut end.keeping);
            let heard = tap.packets(wait, &mut |packet| {
                if alone {
                    keeping.take(&packet, ground);
                } else {
                    queue.put(place, &packet);
                }
            });
            if alone && let (Ok(1..), Some(last)) = (&heard, keeping.last_frame) {
                end.lag = end.lag.max(behind(last));
            }
            // What is wrong stands in the tap's state, which the report carries; a pause keeps a broken one from spinning.
            if heard.is_err() {
                std::thread::sleep(wait);
            }
        }
        if !alone {
            self.settle(Time(clock::now().0.saturating_sub(PATIENCE)));
        }
    }

    /// Hands on what was queued before that time, in the order of time.
    fn settle(&mut self, until: Time) {
        let Listener {
            ends,
            queue,
            ground,
        } = self;
        queue.settle(until, &mut |place, packet| {
            if let Some(end) = ends.get_mut(place) {
                end.keeping.take(packet, ground);
                end.lag = end.lag.max(behind(packet.time));
            }
        });
    }

    /// A report for each interface; what was seen, on all of them together, goes with the first.
    fn reports(&mut self, ending: bool) -> Vec<Report> {
        if ending {
            self.settle(Time::MAX);
        }
        let now = clock::now();
        let load = self.ground.worker.load();
        let names = self.ground.names.clone();
        // At the end every conversation is over, and whatever still waits for an answer did not get one.
        let picture = if ending {
            let fresh = Worker::new(Shard::default(), Limits::live());
            std::mem::replace(&mut self.ground.worker, fresh).finish()
        } else {
            self.ground.worker.take()
        };
        let mut facts = picture.into_facts(names.clone());
        for end in &mut self.ends {
            end.keeping.segments.flush(now);
            facts
                .files
                .extend(end.keeping.captures(&end.source, &names));
        }
        let mut facts = Some(facts);
        let report = |end: &mut End| Report {
            at: now,
            facts: facts.take().unwrap_or_default(),
            health: Some((end.source.clone(), end.health(load))),
            files: Vec::new(),
        };
        self.ends.iter_mut().map(report).collect()
    }
}

fn behind(stamp: Time) -> Duration {
    Duration::from_nanos(u64::try_from(clock::now().since(stamp)).unwrap_or(0))
}

impl End {
    fn health(&mut self, load: Load) -> Health {
        let Keeping {
            segments,
            bytes,
            last_frame,
            ..
        } = &self.keeping;
        Health {
            state: self.tap.state(),
            problem: self.tap.problem().map(str::to_owned),
            load,
            bytes: *bytes,
            last_frame: *last_frame,
            lag: std::mem::take(&mut self.lag),
            paused: segments.paused().cloned(),
            not_kept: segments.left_out(),
            card_missed: 0,
            vlans: Vec::new(),
            counts: self.tap.counts().unwrap_or_default(),
        }
    }
}

impl Keeping {
    /// The segments that frames went to since the last report, as captures.
    fn captures(&mut self, source: &Source, names: &[String]) -> Vec<Capture> {
        let finished = self.segments.finished();
        let current = self.segments.current().cloned();
        let capture = |segment: &SegmentInfo| Capture {
            name: segment.name.clone(),
            folder: Some(self.folder.clone()),
            bytes: segment.bytes,
            format: "pcapng".to_owned(),
            links: vec!["Ethernet".to_owned()],
            packets: u64::from(segment.packets),
            time: Some(segment.first),
            last: Some(segment.last),
            sensor: Some(source.sensor.clone()),
            evidence: Evidence {
                capture: names
                    .iter()
                    .rposition(|name| *name == segment.name)
                    .and_then(|index| u32::try_from(index).ok()),
                frames: Vec::new(),
            },
            ..Capture::default()
        };
        finished.iter().chain(&current).map(capture).collect()
    }
}
