//! The keeper: takes what the witnesses report, remembers it, judges it and tells what changed. What
//! of it concerns history is in `saving`, a site that changes in `reload`.
mod reload;
mod saving;

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use facts::kinds::Coverage;
use facts::site::OutputKind;
use facts::{Facts, Time};
use report::events::{Event, Origin, Trouble};
use store::Memory;

use super::damping::Damping;
use super::health::{Watchers, tell};
use super::historian::Historian;
use super::metrics::{self, HistoryState, PacketRing};
use super::notify::Notify;
use super::outputs::{Moment, Outputs};
use super::report::Report;
use super::rounds::Round;
use super::signals::Signals;
use super::state::State;
use super::verdicts::Verdicts;
use super::witnesses::Witnesses;
use crate::clock;
use crate::error::{self, Error};
use crate::input::Terminal;
use crate::output;

/// A judgement that takes long is not begun again before this many times its length has passed.
const REST: u32 = 2;
/// A change of a device waits for no longer than this after a judgement.
const BREATH: Duration = Duration::from_millis(250);
/// Between two looks at when nobody was watching, and at what may be forgotten.
const TIDY: Duration = Duration::from_secs(60);
/// Sensors that the first event names.
const MOST_NAMED: usize = 16;
/// A time of day that moved against the steady clock by more than this was set, in nanoseconds.
const STEP: i64 = 2_000_000_000;

/// How much of what there is to judge is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// What a change of a device may have to do with.
    Urgent,
    Usual,
    /// All of it, at the end.
    Last,
}

/// All that goes on while Seawall runs, but for the threads that witness.
pub struct Keeper {
    pub state: State,
    pub terminal: Terminal,
    pub memory: Memory,
    pub history: Historian,
    pub watchers: Watchers,
    pub verdicts: Verdicts,
    pub outputs: Outputs,
    pub notify: Notify,
    pub timetable: Timetable,
    /// When nobody was watching, as coverage.
    pub gaps: Vec<Coverage>,
    /// Since when history could not be written, and why.
    pub unsaved: Option<(Time, HistoryState)>,
    pub saved: Option<Time>,
    /// That the state folder is gone and cannot be made anew was told.
    pub is_stateless: bool,
    /// Something was judged since the start.
    pub judged: bool,
    /// What toggles.
    pub damping: Damping,
}

/// What is due when, on the steady clock.
pub struct Timetable {
    judge: Duration,
    save: Duration,
    tidy: Duration,
    tell: Duration,
    /// Something came that was not judged yet.
    news: bool,
    /// A device was changed: that is judged as soon as the judge has rested.
    urgent: bool,
    rested: Duration,
    /// The time of day minus the steady clock, to notice that it was set.
    offset: i64,
}

impl Timetable {
    pub fn new() -> Timetable {
        let now = clock::monotonic();
        Timetable {
            judge: now,
            save: now,
            tidy: now,
            tell: now,
            news: true,
            urgent: false,
            rested: now,
            offset: offset(),
        }
    }

    fn next(&self) -> Duration {
        self.judging().min(self.save).min(self.tidy).min(self.tell)
    }

    /// When is to be judged next.
    fn judging(&self) -> Duration {
        match self.urgent {
            true => self.rested.min(self.judge),
            false => self.judge,
        }
    }
}

fn offset() -> i64 {
    let steady = i64::try_from(clock::monotonic().as_nanos()).unwrap_or(i64::MAX);
    clock::now().0.saturating_sub(steady)
}

/// Whether a report tells of anything that was not judged: all but that a worker is well and nothing came. What follows from
/// the time alone is judged once a minute.
fn is_news(report: &Report) -> bool {
    let Facts {
        captures: _,
        files: _,
        coverage,
        assets,
        addresses,
        conversations,
        operations,
        names,
        remote_sessions,
        credentials,
        certificates,
        identities,
        routes,
        oddities,
        carried_files,
    } = &report.facts;
    let is_quiet = assets.is_empty()
        && addresses.is_empty()
        && conversations.is_empty()
        && operations.is_empty()
        && names.is_empty()
        && remote_sessions.is_empty()
        && credentials.is_empty()
        && certificates.is_empty()
        && identities.is_empty()
        && routes.is_empty()
        && oddities.is_empty()
        && carried_files.is_empty()
        && coverage.iter().all(|row| row.state == "complete");
    !is_quiet || !report.files.is_empty() || !report.events.is_empty()
}

/// Whether a report tells that a device was changed, or that somebody tried to.
fn changes_a_device(report: &Report) -> bool {
    let mut operations = report.facts.operations.iter();
    operations.any(|one| one.operation.modifies())
}

fn span(nanos: i64) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(1))
}

impl Keeper {
    /// Goes on until it is told to stop, or until every witness has ended.
    pub fn run(
        mut self,
        mut witnesses: Witnesses,
        reports: &Receiver<Report>,
        signals: &Signals,
    ) -> Result<(), Error> {
        let now = clock::now();
        let mut names = witnesses.names();
        let more = names.len().saturating_sub(MOST_NAMED);
        names.truncate(MOST_NAMED);
        let names = names.join(", ");
        let more = match more {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let started = format!("Watching {} by {names}{more}.", self.terminal.site.name);
        let outputs = &self.terminal.site.outputs;
        if !outputs.is_empty()
            && outputs
                .iter()
                .all(|output| output.to != OutputKind::Journal)
        {
            // Who looks at the screen or the journal is not to take silence for a fault.
            let names: Vec<&str> = outputs.iter().map(|output| output.name.as_str()).collect();
            output::say(format_args!(
                "{started} Events go to {} alone, not here.",
                names.join(", ")
            ));
        }
        self.tell(vec![tell(now, Trouble::SensorStarted, "seawall", started)]);
        self.tell_of_gap(now);
        self.notify.ready();
        let mut outcome = Ok(());
        while !signals.stop() {
            let wait = self.timetable.next().saturating_sub(clock::monotonic());
            match reports.recv_timeout(wait.min(Duration::from_millis(200))) {
                Ok(report) => {
                    self.take(report);
                    while let Ok(report) = reports.try_recv() {
                        self.take(report);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if witnesses.has_lost_one() || self.history.is_lost() || self.verdicts.is_lost() {
                outcome = Err(Error::WitnessLost);
                break;
            }
            if signals.reload()
                && let Err(error) = self.reload(&mut witnesses, reports)
            {
                outcome = Err(error);
                break;
            }
            self.notice_clock();
            self.look_after_history();
            self.do_what_is_due();
            // A worker that hangs is as blind as a keeper that does.
            if !self.watchers.has_hung() {
                self.notify.alive();
            }
        }
        self.notify.stopping();
        // The channel ends with the last who could report.
        let all_ended = witnesses.stop();
        drop(witnesses);
        while let Ok(report) = reports.recv() {
            self.take(report);
        }
        let now = clock::now();
        self.save_and_wait(now);
        // Who stopped it is to know that not all that was seen is told.
        if (!all_ended || self.history.is_lost()) && outcome.is_ok() {
            outcome = Err(Error::WitnessLost);
        }
        self.judge(now, Pace::Last);
        let stopped = tell(
            now,
            Trouble::SensorStopped,
            "seawall",
            "Seawall was stopped; nobody watches now.",
        );
        let mut last = self.damping.rest();
        last.push(stopped);
        self.tell(last);
        self.keep_told();
        self.outputs.drain();
        let closed = self.history.close(clock::now());
        for problem in self.verdicts.finish(clock::now()) {
            output::say(problem);
        }
        closed?;
        outcome
    }

    fn take(&mut self, mut report: Report) {
        let mut events = self.watchers.note(&mut report);
        events.append(&mut report.events);
        let events = self.damping.pass(events, clock::monotonic());
        self.tell(events);
        self.timetable.news |= is_news(&report);
        let known = self.memory.operations();
        let changes = changes_a_device(&report);
        self.memory.absorb(report.facts.clone());
        // What goes on all day is told as a count on what is known, with no hurry.
        self.timetable.urgent |= changes && self.memory.operations() > known;
        self.tell_history(report.facts, report.files, report.at);
    }

    fn do_what_is_due(&mut self) {
        let (steady, now) = (clock::monotonic(), clock::now());
        let run = &self.terminal.site.run;
        let (every, save_every) = (span(run.judge_every), span(run.save_every));
        if steady >= self.timetable.judging() {
            let pace = match std::mem::take(&mut self.timetable.urgent) {
                true => Pace::Urgent,
                false => Pace::Usual,
            };
            self.timetable.news |= self.verdicts.is_recorded_anew(&self.terminal, now);
            if self.timetable.news || self.verdicts.is_behind() {
                self.judge(now, pace);
            } else {
                self.outputs.unchanged(now);
                for problem in self.verdicts.tend(now) {
                    output::say(problem);
                }
            }
            let took = clock::monotonic().saturating_sub(steady);
            self.timetable.rested = steady + took + took.min(BREATH);
            self.timetable.judge = (steady + took.saturating_mul(REST)).max(steady + every);
            // What came meanwhile is taken first: who judged for long must not think that the others were silent.
            return;
        }
        if steady >= self.timetable.save {
            self.timetable.save = steady + save_every;
            // Somebody is watching, even where there was nothing to report.
            self.tell_history(Facts::default(), Vec::new(), now);
            self.history.begin(now);
        }
        if steady >= self.timetable.tidy {
            self.timetable.tidy = steady + TIDY;
            self.tidy(now);
        }
        if steady >= self.timetable.tell {
            self.timetable.tell = steady + Duration::from_secs(5);
            self.look_after_state(now);
            let (rows, events) = self.watchers.silences(now);
            if !rows.is_empty() {
                let silent = Facts {
                    coverage: rows,
                    ..Facts::default()
                };
                self.memory.absorb(silent.clone());
                self.tell_history(silent, Vec::new(), now);
                self.timetable.news = true;
            }
            self.tell(events);
            let rested = self.damping.due(steady);
            self.tell(rested);
            self.keep_told();
            self.measure(now);
        }
    }

    fn judge(&mut self, now: Time, pace: Pace) {
        let began = clock::monotonic();
        let round = Round {
            now,
            steady: began,
            has_news: std::mem::take(&mut self.timetable.news),
            is_urgent: pace == Pace::Urgent,
            is_last: pace == Pace::Last,
        };
        let judgement = self.memory.lend(|facts| {
            facts.coverage.extend(self.history.coverage(now));
            facts.coverage.extend(self.gaps.iter().cloned());
            self.verdicts.judge(facts, &self.terminal, &round)
        });
        match judgement {
            Ok(None) => {
                // The next beat tries again.
                self.timetable.news = true;
                self.notify
                    .status("the ledger is being written to; not judged yet");
                self.tell_of_ledger(now);
            }
            Ok(Some(judgement)) => {
                self.judged = true;
                let events = self.damping.pass(judgement.events, clock::monotonic());
                self.tell(events);
                self.tell_of_ledger(now);
                self.verdicts.told(judgement.seen);
                self.keep_told();
                for problem in self.verdicts.file(judgement.papers, now) {
                    output::say(problem);
                }
                self.notify.status(&super::status(&judgement.assessment));
                let every = span(self.terminal.site.run.judge_every);
                let took = clock::monotonic().saturating_sub(began);
                self.outputs.judged(&judgement.assessment, took, every);
            }
            Err(error) => {
                let detail = format!(
                    "What was seen could not be judged: {}",
                    error::chain(&error)
                );
                self.tell(vec![tell(now, Trouble::NotWatching, "judge", detail)]);
            }
        }
    }

    /// What was recorded is not what is judged by, or is another than it was: that changes verdicts.
    fn tell_of_ledger(&mut self, now: Time) {
        if let Some(trouble) = self.verdicts.trouble() {
            output::say(&trouble);
            self.tell(vec![tell(now, Trouble::LedgerTrouble, "ledger", trouble)]);
        }
    }

    /// Writes down what was told, unless something is held back: were it written down as known, and Seawall killed, nobody
    /// would ever be told of it.
    fn keep_told(&mut self) {
        if !self.damping.is_holding() {
            self.verdicts.keep_told();
        }
    }

    /// Forgets what lies before the window, and the packets beyond their room.
    fn tidy(&mut self, now: Time) {
        let run = &self.terminal.site.run;
        let begin = Time(now.0.saturating_sub(run.window));
        self.memory.forget(begin);
        if let Some(Ok(gaps)) = self.history.gaps(begin, now) {
            self.gaps = gaps.iter().map(store::history::Gap::coverage).collect();
        }
        // Before the first judgement nothing is known to be open.
        if self.judged {
            self.verdicts.trim(run.kept_size);
        }
        match sensor::live::trim(&self.state.packets(), run.packets_size) {
            Ok(trimmed) => {
                self.outputs.packets(PacketRing {
                    bytes: trimmed.bytes,
                    oldest: self.oldest_packet(),
                });
                for problem in trimmed.problems {
                    output::say(problem);
                }
            }
            Err(error) => output::say(error::chain(&error)),
        }
        self.timetable.news = true;
    }

    /// When the oldest file of the ring on disk was written last: packets from before that are there.
    fn oldest_packet(&self) -> Option<Time> {
        let entries = std::fs::read_dir(self.state.packets()).ok()?;
        let written = entries
            .flatten()
            .filter_map(|entry| entry.metadata().ok()?.modified().ok());
        let since = written.min()?.duration_since(std::time::UNIX_EPOCH).ok()?;
        i64::try_from(since.as_nanos()).ok().map(Time)
    }

    fn notice_clock(&mut self) {
        let offset = offset();
        let step = offset.saturating_sub(self.timetable.offset);
        // A clock that is steered drifts slowly; that is no step.
        self.timetable.offset = offset;
        if step.abs() > STEP {
            let detail = format!(
                "The machine's clock was set {} by {:.1} s.",
                if step > 0 { "forward" } else { "back" },
                Duration::from_nanos(step.unsigned_abs()).as_secs_f64()
            );
            let now = clock::now();
            let unset = Time(now.0.saturating_sub(step));
            self.tell(vec![tell(now, Trouble::ClockStepped, "clock", detail)]);
            // These times happened twice, or never: what rests on them is not sure.
            let (from, until) = (unset.min(now), unset.max(now));
            let step = Facts {
                coverage: vec![Coverage::not_watching(None, from, until, "clock")],
                ..Facts::default()
            };
            self.memory.absorb(step.clone());
            self.tell_history(step, Vec::new(), now);
            self.timetable.news = true;
            // Another window begins.
            self.timetable.tidy = clock::monotonic();
            if now < unset {
                self.look_back(now, unset);
            }
        }
    }

    fn tell(&mut self, events: Vec<Event>) {
        if events.is_empty() {
            return;
        }
        let origin = Origin {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            terminal: self.terminal.site.name.clone(),
            time_zone: self.terminal.site.time_zone.clone(),
            host: super::host(),
        };
        self.outputs.send(&events, &origin);
    }

    fn measure(&mut self, now: Time) {
        let folder = std::fs::read_dir(self.state.history())
            .into_iter()
            .flatten()
            .flatten();
        let bytes = folder
            .filter_map(|entry| entry.metadata().ok())
            .map(|meta| meta.len())
            .sum();
        self.outputs.measure(Moment {
            now,
            watchers: &self.watchers,
            history: metrics::History {
                last_write: self.saved,
                bytes,
                state: self
                    .unsaved
                    .map_or(HistoryState::Writing, |(_, state)| state),
            },
        });
        self.watchers.measured();
    }
}

#[test]
fn a_quiet_interval_is_no_news_and_a_frame_or_a_lost_one_is() {
    let report = |facts| Report {
        at: Time(0),
        facts,
        health: None,
        files: Vec::new(),
        events: Vec::new(),
        receipt: None,
    };
    let drops = |dropped| Facts {
        coverage: vec![Coverage::drops(
            "span",
            "eth1",
            Time(0),
            Time(1),
            0,
            dropped,
        )],
        ..Facts::default()
    };
    assert!(!is_news(&report(Facts::default())));
    assert!(!is_news(&report(drops(0))));
    assert!(is_news(&report(drops(1))));
    let seen = Facts {
        addresses: vec![facts::kinds::AddressFact::default()],
        ..Facts::default()
    };
    assert!(is_news(&report(seen)));
}
