//! What the keeper has history do: it is told, written, made up for, and looked back into.
use facts::{Facts, Time};
use report::events::{Event, Health as Told, Trouble};
use store::history;
use store::{Limits, Memory};

use super::super::folders;
use super::super::health::tell;
use super::super::historian::Done;
use super::super::metrics::HistoryState;
use super::super::report::Read;
use super::{Keeper, STEP};
use crate::clock;
use crate::error;
use crate::output;

impl Keeper {
    /// History counts as watched up to where it has been told all of it: what came since would be lost with the process.
    pub(super) fn tell_history(&mut self, facts: Facts, read: Vec<Read>, now: Time) {
        let until = self.watchers.reported_until(now);
        self.history.tell(facts, read, now, until);
    }

    /// Takes note of a write of history that is over, or does not get through.
    pub(super) fn look_after_history(&mut self) {
        let now = clock::now();
        if let Some(done) = self.history.done() {
            self.note_saved(done, now);
        }
        if let Some(since) = self.history.is_stuck().filter(|_| self.unsaved.is_none()) {
            let detail = format!(
                "History cannot be written: the disk has not taken what was handed to it {} s ago. Judging goes on.",
                since.as_secs()
            );
            self.unsaved = Some((now, HistoryState::Failed));
            self.tell(vec![tell(now, Trouble::DiskFull, "history", detail)]);
        }
    }

    /// Makes the state folder anew where somebody removed it.
    pub(super) fn look_after_state(&mut self, now: Time) {
        if self.state.is_there() {
            self.is_stateless = false;
            return;
        }
        let folder = self.state.root().display().to_string();
        let what = match self.state.again() {
            Ok(state) => {
                self.state = state;
                "it was made anew".to_owned()
            }
            Err(_) if self.is_stateless => return,
            Err(error) => {
                self.is_stateless = true;
                format!("it cannot be made anew: {}", error::chain(&error))
            }
        };
        let detail = format!(
            "The state folder {folder} was removed or replaced while Seawall ran, with the history and the packets in it; {what}. Judging goes on by what is in memory."
        );
        let told = Told::new(Trouble::DiskFull, Some("state"), detail).advise(
            "Find out who removed it; put back what was copied of its history while Seawall is stopped.",
        );
        self.tell(vec![Event::health(now, told)]);
    }

    /// Writes history and waits for it: where what comes next rests on it.
    pub(super) fn save_and_wait(&mut self, now: Time) {
        if let Some(done) = self.history.write(now) {
            self.note_saved(done, now);
        }
    }

    fn note_saved(&mut self, done: Done, now: Time) {
        match done.outcome {
            Ok(written) => {
                self.saved = Some(now);
                if let Err(error) = folders::remember(&self.state.file(folders::READ), &done.read) {
                    output::say(format_args!(
                        "captures that were read cannot be written down: {error}"
                    ));
                    self.history.remember_later(done.read);
                }
                for note in written.notes {
                    output::say(note);
                }
                if let Some((since, _)) = self.unsaved.take() {
                    let detail = format!(
                        "History is written again; what had waited since {since} is in it."
                    );
                    self.tell(vec![tell(now, Trouble::DiskWorks, "history", detail)]);
                }
            }
            Err(error) if self.unsaved.is_none() => {
                let state = match error {
                    history::Error::Full { .. } => HistoryState::Full,
                    _ => HistoryState::Failed,
                };
                self.unsaved = Some((now, state));
                let detail = format!(
                    "History cannot be written: {}. Judging goes on.",
                    error::chain(&error)
                );
                self.tell(vec![tell(now, Trouble::DiskFull, "history", detail)]);
            }
            Err(_) => {}
        }
    }

    pub(super) fn tell_of_gap(&mut self, now: Time) {
        let begin = Time(now.0.saturating_sub(self.terminal.site.run.window));
        let Some(Ok(gaps)) = self.history.gaps(begin, now) else {
            return;
        };
        if let Some(gap) = gaps.last().filter(|gap| gap.until.since(now).abs() < STEP) {
            let detail = format!("Nobody was watching from {} to {}.", gap.from, gap.until);
            self.tell(vec![Event::health(
                now,
                Told::new(Trouble::NotWatching, Some("seawall"), detail),
            )]);
        }
    }

    /// The window begins earlier than it did: what was forgotten of it is in the history.
    pub(super) fn look_back(&mut self, now: Time, until: Time) {
        self.save_and_wait(now);
        // What cannot be written is in memory alone.
        if self.unsaved.is_some() {
            return;
        }
        let begin = Time(now.0.saturating_sub(self.terminal.site.run.window));
        let Some(history) = self.history.history() else {
            return;
        };
        match history.load(begin, until, &Limits::default()) {
            Ok(recalled) => {
                for problem in &recalled.problems {
                    output::say(problem);
                }
                self.memory = Memory::new(&Limits::default());
                self.memory.absorb(recalled.facts);
                self.gaps = recalled.gaps.iter().map(history::Gap::coverage).collect();
            }
            Err(error) => output::say(error::chain(&error)),
        }
    }
}
