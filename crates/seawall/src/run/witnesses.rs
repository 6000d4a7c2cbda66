//! The threads that witness: a listener per worker of each interface, and one reader of finished captures.
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::Duration;

use facts::Time;
use facts::site::{Site, Timestamps};
use sensor::live::{self, Rotation, Segments, Tap};

use super::folders::{self, Folder};
use super::listen::{self, Ear, Share};
use super::report::{Read, Report, Source};
use super::state::State;
use crate::clock;
use crate::error::Error;
use crate::output;

/// A segment of the ring of packets is full after so many bytes, or seconds.
const SEGMENT: Rotation = Rotation {
    bytes: 64_000_000,
    seconds: 600,
};

/// Interfaces that are open, before anything runs.
pub struct Doors {
    taps: Vec<(Source, Tap)>,
}

impl Doors {
    /// Opens every interface that a sensor of the site names; with `patient`, one that is not there is waited for. Needs
    /// CAP_NET_RAW.
    pub fn open(site: &Site, patient: bool) -> Result<Doors, Error> {
        let mut taps = Vec::new();
        for sensor in &site.sensors {
            let Some(interface) = &sensor.interface else {
                continue;
            };
            let options = live::Options {
                workers: usize::from(site.run.workers),
                hardware_time: sensor.timestamps == Timestamps::Hardware,
                patient,
                ring_bytes: usize::try_from(site.run.ring).unwrap_or(usize::MAX),
                ..live::Options::new(interface)
            };
            for (worker, tap) in live::open(&options)?.into_iter().enumerate() {
                if let (0, Some(remark)) = (worker, tap.remark().or(tap.problem())) {
                    output::say(remark);
                }
                let source = Source {
                    sensor: sensor.name.clone(),
                    label: sensor.label(),
                    interface: interface.clone(),
                    worker,
                };
                taps.push((source, tap));
            }
        }
        Ok(Doors { taps })
    }

    pub fn interfaces(&self) -> impl Iterator<Item = &str> {
        let first = self.taps.iter().filter(|(source, _)| source.worker == 0);
        first.map(|(source, _)| source.interface.as_str())
    }
}

/// What the threads that run were started for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Plan {
    /// Sensor, interface, whether the card stamps.
    interfaces: Vec<(String, String, bool)>,
    /// Sensor, folder, patterns.
    folders: Vec<Folder>,
    workers: u16,
    ring: u64,
    pace: i64,
}

impl Plan {
    fn of(site: &Site) -> Plan {
        let mut plan = Plan {
            interfaces: Vec::new(),
            folders: Vec::new(),
            workers: site.run.workers,
            ring: site.run.ring,
            pace: site.run.judge_every,
        };
        for sensor in &site.sensors {
            if let Some(interface) = &sensor.interface {
                let stamps = sensor.timestamps == Timestamps::Hardware;
                plan.interfaces
                    .push((sensor.name.clone(), interface.clone(), stamps));
            }
            if let Some(folder) = &sensor.folder {
                plan.folders.push(Folder {
                    sensor: sensor.name.clone(),
                    path: PathBuf::from(folder),
                    patterns: sensor.captures.clone(),
                });
            }
        }
        plan
    }
}

/// The threads that witness.
pub struct Witnesses {
    plan: Plan,
    threads: Vec<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    /// Of the packets: those of the listeners that run.
    share: Arc<Share>,
    seed: u64,
    /// Kept so that the keeper's end of the channel stays open between two sets of threads.
    reports: Sender<Report>,
}

impl Witnesses {
    /// Listens. Whoever has a history to load does so meanwhile: rings that nobody reads overflow within seconds.
    pub fn start(
        doors: Doors,
        site: &Site,
        state: &State,
        seed: u64,
        reports: Sender<Report>,
    ) -> Result<Witnesses, Error> {
        let mut witnesses = Witnesses {
            plan: Plan::of(site),
            threads: Vec::new(),
            stop: Arc::default(),
            share: Arc::new(Share::from(Time::MIN)),
            seed,
            reports,
        };
        witnesses.listen(doors, state)?;
        Ok(witnesses)
    }

    fn listen(&mut self, doors: Doors, state: &State) -> Result<(), Error> {
        self.stop = Arc::default();
        // Twice per judgement, so that what is seen is judged within one and a half times its interval.
        let nanos = u64::try_from(self.plan.pace / 2).unwrap_or(1);
        let every = Duration::from_nanos(nanos).max(Duration::from_millis(50));
        // The kernel deals each interface out by the same rule: all that two hosts say comes to one worker, wherever it is seen.
        let mut workers: BTreeMap<usize, Vec<Ear>> = BTreeMap::new();
        for (source, tap) in doors.taps {
            let folder = state.packets();
            let segments = Segments::open(&folder, &source.label, source.worker, SEGMENT)?;
            workers.entry(source.worker).or_default().push(Ear {
                source,
                tap,
                segments,
                folder,
            });
        }
        for ears in workers.into_values() {
            let (stop, reports) = (Arc::clone(&self.stop), self.reports.clone());
            let thread = listen::start(
                ears,
                self.seed,
                every,
                Arc::clone(&self.share),
                stop,
                reports,
            )
            .map_err(Error::Thread)?;
            self.threads.push(thread);
        }
        Ok(())
    }

    /// Reads the captures that come into folders from now on as well. `read` are those that were read by then.
    pub fn read_folders(&mut self, read: Vec<Read>) -> Result<(), Error> {
        if !self.plan.folders.is_empty() {
            let (stop, reports) = (Arc::clone(&self.stop), self.reports.clone());
            let plan = self.plan.folders.clone();
            let thread =
                folders::start(plan, read, self.seed, stop, reports).map_err(Error::Thread)?;
            self.threads.push(thread);
        }
        Ok(())
    }

    pub fn are_those_of(&self, site: &Site) -> bool {
        self.plan == Plan::of(site)
    }

    /// As [`Witnesses::stop`], where the interfaces are open anew already: what comes from now on is for those that follow. When
    /// that is, for [`Witnesses::replace`].
    pub fn hand_on(&mut self) -> (Time, bool) {
        let now = clock::now();
        self.share.end(now);
        (now, self.stop())
    }

    /// Listens for another site, once the threads of the one before were stopped: to what came from then on. Folders are read
    /// once it is told what was read of them.
    pub fn replace(
        &mut self,
        stopped: Time,
        doors: Doors,
        site: &Site,
        state: &State,
    ) -> Result<(), Error> {
        self.plan = Plan::of(site);
        self.share = Arc::new(Share::from(stopped));
        self.listen(doors, state)
    }

    /// Tells the threads to end, and waits until each has sent its last report. `false` where one ended without it: it
    /// panicked, and what it saw last is lost.
    pub fn stop(&mut self) -> bool {
        self.stop.store(true, Ordering::Relaxed);
        let ends = self.threads.drain(..).map(JoinHandle::join);
        ends.fold(true, |all, end| all & end.is_ok())
    }

    /// Whether a thread ended that nobody told to: half of what is to be watched would be left.
    pub fn has_lost_one(&self) -> bool {
        self.threads.iter().any(JoinHandle::is_finished)
    }

    /// What is watched, for people.
    pub fn names(&self) -> Vec<String> {
        let interfaces = self
            .plan
            .interfaces
            .iter()
            .map(|(sensor, interface, _)| format!("{sensor} on {interface}"));
        let folders = self
            .plan
            .folders
            .iter()
            .map(|folder| format!("{} in {}", folder.sensor, folder.path.display()));
        interfaces.chain(folders).collect()
    }
}

#[test]
fn a_thread_that_panicked_is_missed_when_all_are_told_to_end() {
    let site = Site::default();
    let (reports, _) = std::sync::mpsc::channel();
    let mut witnesses = Witnesses {
        plan: Plan::of(&site),
        threads: Vec::new(),
        stop: Arc::default(),
        share: Arc::new(Share::from(Time::MIN)),
        seed: 0,
        reports,
    };
    let well = || std::thread::spawn(|| {});
    // Unwound without a word.
    let ill = || std::thread::spawn(|| std::panic::resume_unwind(Box::new(())));
    witnesses.threads = vec![well(), well()];
    assert!(witnesses.stop());
    witnesses.threads = vec![ill(), well()];
    assert!(!witnesses.stop());
    assert!(witnesses.threads.is_empty(), "all were waited for");
}
