//! Listening: one thread per worker takes frames from the ring, keeps them on disk, draws its picture, and reports.
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::Duration;

use facts::kinds::Capture;
use facts::{Evidence, Time};
use sensor::live::{Counts, Paused, SegmentInfo, Segments, State, Tap};
use wire::{Limits, Load, Shard, Worker};

use super::report::{Report, Source};
use crate::clock;

/// Longest wait for packets before a worker looks whether it is to report or to end.
const WAIT: Duration = Duration::from_millis(100);

/// One worker's way in, and where its packets are kept.
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
}

impl Health {
    /// How full the ring is, 0 to 1.
    pub fn fill(&self) -> f64 {
        f64::from(self.counts.waiting) / f64::from(self.counts.blocks.max(1))
    }
}

/// Starts the worker's thread. It ends when `stop` is set, after a last report.
pub fn start(
    ear: Ear,
    seed: u64,
    every: Duration,
    stop: Arc<AtomicBool>,
    reports: Sender<Report>,
) -> std::io::Result<JoinHandle<()>> {
    let name = format!("{} {}", ear.source.interface, ear.source.worker);
    std::thread::Builder::new().name(name).spawn(move || {
        let mut listener = Listener::new(ear, seed);
        let mut due = clock::monotonic() + every;
        loop {
            listener.hear();
            let ending = stop.load(Ordering::Relaxed);
            if !ending && clock::monotonic() < due {
                continue;
            }
            due = clock::monotonic() + every;
            // Nobody listens any more: the keeper is gone, and so is the reason to go on.
            if reports.send(listener.report()).is_err() || ending {
                break;
            }
        }
    })
}

struct Listener {
    source: Source,
    tap: Tap,
    segments: Segments,
    folder: String,
    worker: Worker,
    /// Names of captures by the index that evidence uses: the segments, and one for what could not be kept.
    names: Vec<String>,
    /// The segment at the end of `names`, by number.
    current: Option<u64>,
    /// Frames that were not kept, numbered for the worker.
    loose: u32,
    bytes: u64,
    last_frame: Option<Time>,
    lag: Duration,
}

/// Index of what could not be kept in `names`.
const LOOSE: u32 = 0;

impl Listener {
    fn new(ear: Ear, seed: u64) -> Listener {
        let Ear {
            source,
            tap,
            segments,
            folder,
        } = ear;
        // The kernel has shared the traffic out already, by pairs of hosts.
        let shard = Shard {
            seed,
            ..Shard::default()
        };
        let names = vec![format!("{}_not-kept", source.label)];
        Listener {
            source,
            tap,
            segments,
            folder: folder.display().to_string(),
            worker: Worker::new(shard, Limits::live()),
            names,
            current: None,
            loose: 0,
            bytes: 0,
            last_frame: None,
            lag: Duration::ZERO,
        }
    }

    /// Takes what is in the ring, or waits a moment for it.
    fn hear(&mut self) {
        let Listener {
            tap,
            segments,
            worker,
            names,
            current,
            loose,
            bytes,
            last_frame,
            ..
        } = self;
        let heard = tap.packets(WAIT, &mut |packet| {
            let (index, number) = match segments.write(&packet) {
                Some(place) => {
                    if *current != Some(place.segment) {
                        *current = Some(place.segment);
                        names.extend(segments.current().map(|info| info.name.clone()));
                    }
                    (names.len() - 1, place.frame)
                }
                None => {
                    *loose = loose.saturating_add(1);
                    (LOOSE as usize, *loose)
                }
            };
            *bytes += u64::from(packet.wire_len);
            *last_frame = Some(packet.time);
            let capture = u32::try_from(index).unwrap_or(LOOSE);
            worker.frame(&packet.frame(capture, number));
        });
        if let (Ok(1..), Some(last)) = (&heard, *last_frame) {
            let behind = u64::try_from(clock::now().since(last)).unwrap_or(0);
            self.lag = self.lag.max(Duration::from_nanos(behind));
        }
        // What is wrong stands in the tap's state, which the report carries; a pause keeps a broken one from spinning.
        if heard.is_err() {
            std::thread::sleep(WAIT);
        }
    }

    fn report(&mut self) -> Report {
        let now = clock::now();
        self.segments.flush(now);
        let mut facts = self.worker.take().into_facts(self.names.clone());
        facts.files = self.captures();
        let health = Health {
            state: self.tap.state(),
            problem: self.tap.problem().map(str::to_owned),
            counts: self.tap.counts().unwrap_or_default(),
            load: self.worker.load(),
            bytes: self.bytes,
            last_frame: self.last_frame,
            lag: std::mem::take(&mut self.lag),
            paused: self.segments.paused().cloned(),
            not_kept: self.segments.left_out(),
        };
        Report {
            at: now,
            facts,
            health: Some((self.source.clone(), health)),
            files: Vec::new(),
        }
    }

    /// The segments that frames went to since the last report, as captures.
    fn captures(&mut self) -> Vec<Capture> {
        let finished = self.segments.finished();
        let current = self.segments.current().cloned();
        finished
            .iter()
            .chain(&current)
            .map(|segment| self.capture(segment))
            .collect()
    }

    fn capture(&self, segment: &SegmentInfo) -> Capture {
        let index = self.names.iter().rposition(|name| *name == segment.name);
        Capture {
            name: segment.name.clone(),
            folder: Some(self.folder.clone()),
            bytes: segment.bytes,
            format: "pcapng".to_owned(),
            links: vec!["Ethernet".to_owned()],
            packets: u64::from(segment.packets),
            time: Some(segment.first),
            last: Some(segment.last),
            sensor: Some(self.source.sensor.clone()),
            evidence: Evidence {
                capture: index.and_then(|index| u32::try_from(index).ok()),
                frames: Vec::new(),
            },
            ..Capture::default()
        }
    }
}
