//! Listening: each worker's thread takes its share of the frames from the rings of all interfaces, keeps them on disk,
//! draws one picture of them, and reports.
mod keeping;
pub mod names;
pub mod shedding;
mod vlans;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::Duration;

use facts::Time;
use sensor::live::{self, Card, Counts, Paused, Segments, State, Tap};
use wire::{Limits, Load, Shard, Worker};

use self::keeping::{Ground, Keeping};
use self::names::Names;
use self::shedding::{Level, Shed, Shedding};
use super::queue::Queue;
use super::report::{Report, Source, Untaken};
use crate::clock;

/// Longest wait for packets before a worker looks whether it is to report or to end.
const WAIT: Duration = Duration::from_millis(100);
/// And while packets of one interface wait for those of others.
const SHORT_WAIT: Duration = Duration::from_millis(10);
/// Packets of several interfaces wait this long for those of the others that came before them. A ring hands its packets
/// over after a tenth of a second at the latest.
const PATIENCE: Duration = Duration::from_millis(300);
/// An interface that is gone is looked for this often.
const RETRY: Duration = Duration::from_millis(100);
/// The counters of a network card are read no more often.
const CARD: Duration = Duration::from_secs(1);
/// At the end a worker goes on at least so long, which is when the rings have handed over what was in them, and at most so
/// long, whatever still comes.
const LAST: (Duration, Duration) = (Duration::from_millis(100), Duration::from_millis(200));
/// Where others take over, it may take so long to read what is left to it: their rings hold what comes meanwhile for some seconds.
const LEFT: Duration = Duration::from_secs(2);

/// A worker that takes over from others leaves what they took for so long, by the steady clock: then all that lay in its ring before
/// is read, and the time of day may be set back.
const TAKEN: Duration = Duration::from_secs(10);

/// The packets of a worker where one set of workers takes over from another, both of which have them in their rings: those from
/// the one time on and before the other, in nanoseconds.
#[derive(Debug)]
pub struct Share {
    from: Time,
    until: AtomicI64,
}

impl Share {
    /// All from that time on.
    pub fn from(from: Time) -> Share {
        Share {
            from,
            until: AtomicI64::new(i64::MAX),
        }
    }

    /// From then on they are others' to take. To be said before the worker is told to end.
    pub fn end(&self, until: Time) {
        self.until.store(until.0, Ordering::Relaxed);
    }

    fn until(&self) -> Time {
        Time(self.until.load(Ordering::Relaxed))
    }
}

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
    /// What is put aside under load at the moment, and what was since the worker began.
    pub level: Level,
    pub shed: Shed,
    /// Frames that the network card lost or took in damaged before the kernel saw them, since the worker began. Told by the
    /// first worker.
    pub card_missed: u64,
    /// The VLANs seen since the last report: identifier, frames, time of the last.
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
    share: Arc<Share>,
    stop: Arc<AtomicBool>,
    reports: Sender<Report>,
) -> std::io::Result<JoinHandle<()>> {
    let number = ears.first().map_or(0, |ear| ear.source.worker);
    let name = format!("worker {number}");
    std::thread::Builder::new().name(name).spawn(move || {
        let mut listener = Listener::new(ears, seed, share);
        let mut due = clock::monotonic() + every;
        loop {
            listener.hear();
            let ending = stop.load(Ordering::Relaxed);
            if !ending && (clock::monotonic() < due || !listener.untaken.has_room()) {
                continue;
            }
            due = clock::monotonic() + every;
            let leaves_nothing = ending && listener.empty_rings();
            // Nobody takes reports any more: the keeper is gone, and with it the reason to go on.
            let told = listener
                .reports(ending, leaves_nothing)
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
    shedding: Shedding,
    share: Arc<Share>,
    began: Duration,
    /// When it reported last.
    reported: Time,
    untaken: Untaken,
}

/// One interface: where packets come from and are kept.
struct End {
    source: Source,
    tap: Tap,
    /// When it is looked for again, if it is gone.
    retry: Duration,
    keeping: Keeping,
    lag: Duration,
    card: CardLoss,
    /// As the tap told them last: where the kernel does not, nothing new is known, and nothing old is told once more.
    counts: Counts,
    /// How the interface was when it was not up since the last report: that it was so for a moment only is told too.
    fault: Option<State>,
    /// A packet came that is others' to take.
    is_past: bool,
}

/// What a network card lost since the worker began.
#[derive(Debug, Default)]
struct CardLoss {
    /// Its counter when it was read last; not known before, or on a card that does not tell.
    counter: Option<u64>,
    missed: u64,
    due: Duration,
}

impl CardLoss {
    fn read(&mut self, interface: &str, now: Duration) {
        if now >= self.due {
            self.due = now + CARD;
            // A frame that came in damaged is as lost as one that found no room.
            let lost = |card: Card| card.missed.saturating_add(card.damaged);
            self.note(Card::of(interface).map(lost));
        }
    }

    fn note(&mut self, counter: Option<u64>) {
        let Some(counter) = counter else {
            return;
        };
        let before = self.counter.replace(counter).unwrap_or(counter);
        // An interface that went away and came back counts from nothing.
        let lost = counter.checked_sub(before).unwrap_or(counter);
        self.missed = self.missed.saturating_add(lost);
    }
}

impl Listener {
    fn new(ears: Vec<Ear>, seed: u64, share: Arc<Share>) -> Listener {
        // The kernel has shared the traffic out already, by pairs of hosts.
        let shard = Shard {
            seed,
            ..Shard::default()
        };
        let end = |ear: Ear| {
            let mut end = End {
                keeping: Keeping::new(ear.source.clone(), ear.segments, &ear.folder),
                source: ear.source,
                tap: ear.tap,
                retry: Duration::ZERO,
                lag: Duration::ZERO,
                card: CardLoss::default(),
                counts: Counts::default(),
                fault: None,
                is_past: false,
            };
            end.read_card();
            end
        };
        Listener {
            ends: ears.into_iter().map(end).collect(),
            queue: Queue::default(),
            ground: Ground {
                worker: Worker::new(shard, Limits::live()),
                names: Names::default(),
                level: Level::Nothing,
            },
            shedding: Shedding::default(),
            share,
            began: clock::monotonic(),
            reported: clock::now(),
            untaken: Untaken::default(),
        }
    }

    /// Takes what is in the rings, or waits a moment for it.
    fn hear(&mut self) {
        if self.take() {
            return;
        }
        let wait = if self.queue.is_empty() {
            WAIT
        } else {
            SHORT_WAIT
        };
        self.wait(wait);
    }

    fn wait(&self, at_most: Duration) {
        // On all at once: a quiet interface must not keep a busy one waiting.
        if live::wait(self.ends.iter().map(|end| &end.tap), at_most).is_err() {
            std::thread::sleep(at_most);
        }
    }

    /// Takes a block of packets from each ring that has one; `false` if none had.
    fn take(&mut self) -> bool {
        let Listener {
            ends,
            queue,
            ground,
            shedding,
            share,
            began,
            ..
        } = self;
        let alone = ends.len() == 1;
        let now = clock::monotonic();
        let loads = ends.iter_mut().map(|end| end.tap.load());
        shedding.look(loads.fold(0.0, f64::max), now);
        ground.level = shedding.level();
        let until = share.until();
        let from = match now.saturating_sub(*began) < TAKEN {
            true => share.from,
            false => Time::MIN,
        };
        let mut some = false;
        for (place, end) in ends.iter_mut().enumerate() {
            if !end.tap.is_open() {
                if now < end.retry {
                    continue;
                }
                end.retry = now + RETRY;
            }
            let (keeping, is_past) = (&mut end.keeping, &mut end.is_past);
            let heard = end.tap.packets(Duration::ZERO, &mut |packet| {
                *is_past |= packet.time >= until;
                if packet.time < from || packet.time >= until {
                    return;
                }
                if alone {
                    keeping.take(&packet, ground);
                } else {
                    queue.put(place, &packet, now);
                }
            });
            // What is wrong stands in the tap's state, which the report carries.
            if end.tap.state() != State::Up {
                end.fault = Some(end.tap.state());
            }
            if let Ok(1..) = heard {
                some = true;
                if let (true, Some(last)) = (alone, keeping.last_frame) {
                    end.lag = end.lag.max(behind(last));
                }
            }
        }
        if !alone && let Some(came_by) = now.checked_sub(PATIENCE) {
            self.settle(came_by);
        }
        some
    }

    /// Takes what came before it was to end. Whether that is all that others do not take.
    fn empty_rings(&mut self) -> bool {
        let is_handed_on = self.share.until() < Time(i64::MAX);
        let (at_least, at_most) = LAST;
        let at_most = if is_handed_on { LEFT } else { at_most };
        let begin = clock::monotonic();
        loop {
            let some = self.take();
            let took = clock::monotonic().saturating_sub(begin);
            let mut open = self.ends.iter().filter(|end| end.tap.is_open());
            if is_handed_on && open.all(|end| end.is_past) || (!some && took >= at_least) {
                return is_handed_on;
            }
            if took >= at_most {
                return false;
            }
            if !some {
                self.wait(SHORT_WAIT);
            }
        }
    }

    /// Hands on what was queued by then, in the order of time.
    fn settle(&mut self, came_by: Duration) {
        let Listener {
            ends,
            queue,
            ground,
            ..
        } = self;
        queue.settle(came_by, &mut |place, packet| {
            if let Some(end) = ends.get_mut(place) {
                end.keeping.take(packet, ground);
                end.lag = end.lag.max(behind(packet.time));
            }
        });
    }

    /// A report for each interface; what was seen, on all of them together, goes with the first.
    fn reports(&mut self, ending: bool, leaves_nothing: bool) -> Vec<Report> {
        if ending {
            self.settle(Duration::MAX);
        }
        let now = clock::now();
        let Ground {
            worker,
            names,
            level,
        } = &mut self.ground;
        let level = *level;
        let load = worker.load();
        // At the end every conversation is over, and whatever still waits for an answer did not get one.
        let picture = if ending {
            let fresh = Worker::new(Shard::default(), Limits::live());
            std::mem::replace(worker, fresh).finish()
        } else {
            worker.take()
        };
        let from = std::mem::replace(&mut self.reported, now);
        let coverage = names.coverage(&picture, from, now);
        let mut facts = picture.into_facts(Vec::new());
        facts.coverage.extend(coverage);
        for end in &mut self.ends {
            facts.files.extend(end.keeping.captures(names, now));
            if ending {
                end.card.due = Duration::ZERO;
            }
        }
        names.spell_out(&mut facts);
        let (mut facts, untaken) = (Some(facts), &self.untaken);
        let report = |end: &mut End| Report {
            at: now,
            facts: facts.take().unwrap_or_default(),
            health: Some((
                end.source.clone(),
                end.health(load, level, ending && !leaves_nothing),
            )),
            files: Vec::new(),
            events: Vec::new(),
            receipt: Some(untaken.receipt()),
        };
        self.ends.iter_mut().map(report).collect()
    }
}

fn behind(stamp: Time) -> Duration {
    Duration::from_nanos(u64::try_from(clock::now().since(stamp)).unwrap_or(0))
}

impl End {
    fn read_card(&mut self) {
        // It is one card, however many workers share its packets.
        if self.source.worker == 0 {
            self.card.read(&self.source.interface, clock::monotonic());
        }
    }

    /// `lost`: what still waits in the ring goes with it.
    fn health(&mut self, load: Load, level: Level, lost: bool) -> Health {
        self.read_card();
        self.counts = self.tap.counts().unwrap_or(self.counts);
        let mut counts = self.counts;
        if lost {
            counts.dropped = counts.dropped.saturating_add(counts.left);
        }
        let keeping = &mut self.keeping;
        Health {
            state: self.fault.take().unwrap_or(self.tap.state()),
            problem: self.tap.problem().map(str::to_owned),
            load,
            bytes: keeping.bytes,
            last_frame: keeping.last_frame,
            lag: std::mem::take(&mut self.lag),
            paused: keeping.paused().cloned(),
            not_kept: keeping.left_out(),
            level,
            shed: keeping.shed,
            card_missed: self.card.missed,
            vlans: keeping.vlans.take(),
            counts,
        }
    }
}

#[test]
fn what_a_card_lost_counts_from_the_start_of_the_worker_and_on_when_the_card_comes_back() {
    let mut card = CardLoss::default();
    for (counter, missed) in [
        (Some(100), 0),
        (Some(103), 3),
        (None, 3),
        (Some(2), 5),
        (Some(4), 7),
    ] {
        card.note(counter);
        assert_eq!(card.missed, missed);
    }
}
