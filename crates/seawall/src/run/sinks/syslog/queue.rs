//! The queue between who has events and the thread that sends them.
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use report::events::Origin;

use super::super::Counts;
use super::line::{Line, Way};
use crate::clock;

/// What waits at most; beyond it the oldest go. Half a day of an outage on a terminal where much happens.
const MOST_WAITING: usize = 10_000;
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// Pause before the next attempt: the first, and the longest after doubling.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Shared by both ends.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// Something came, or is to be stopped or reopened.
    near: Condvar,
    /// Something was sent.
    far: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Taken out by the thread and not sent yet.
    in_hand: bool,
    sent: u64,
    lost: u64,
    /// Of those lost, what the server was not told of.
    untold: u64,
    problem: Option<String>,
    origin: Origin,
    reopen: bool,
    stop: bool,
}

impl State {
    /// Makes room by letting the oldest go.
    fn shrink(&mut self) {
        while self.waiting.len() > MOST_WAITING || self.bytes > MOST_BYTES {
            let Some(oldest) = self.waiting.pop_front() else {
                break;
            };
            self.bytes = self.bytes.saturating_sub(oldest.len());
            self.lost = self.lost.saturating_add(1);
            self.untold = self.untold.saturating_add(1);
        }
    }
}

impl Queue {
    /// A thread that panicked left numbers, and numbers are always whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn put(&self, messages: impl Iterator<Item = Vec<u8>>, origin: &Origin) {
        let messages: Vec<Vec<u8>> = messages.collect();
        let mut state = self.state();
        for message in messages {
            state.bytes = state.bytes.saturating_add(message.len());
            state.waiting.push_back(message);
        }
        state.shrink();
        if state.origin != *origin {
            state.origin = origin.clone();
        }
        self.near.notify_all();
    }

    pub(super) fn counts(&self) -> Counts {
        let state = self.state();
        let waiting = state
            .waiting
            .len()
            .saturating_add(usize::from(state.in_hand));
        Counts {
            sent: state.sent,
            lost: state.lost,
            waiting: u64::try_from(waiting).unwrap_or(u64::MAX),
            working: state.problem.is_none(),
        }
    }

    pub(super) fn problem(&self) -> Option<String> {
        self.state().problem.clone()
    }

    pub(super) fn reopen(&self) {
        self.state().reopen = true;
        self.near.notify_all();
    }

    pub(super) fn stop(&self) {
        self.state().stop = true;
        self.near.notify_all();
    }

    pub(super) fn drain(&self, within: Duration) {
        let busy = |state: &mut State| !state.waiting.is_empty() || state.in_hand;
        let waited = self.far.wait_timeout_while(self.state(), within, busy);
        drop(waited);
    }
}

/// The thread: sends what comes until it is told to stop. `lost` makes the message that says how many are gone.
pub(super) fn run(queue: &Queue, mut way: Way, lost: impl Fn(u64, &Origin) -> Vec<u8>) {
    let mut line: Option<Line> = None;
    let mut pause = FIRST_PAUSE;
    loop {
        let mut state = queue.state();
        while state.waiting.is_empty() && !state.stop && !state.reopen {
            state = queue
                .near
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if state.stop {
            return;
        }
        if std::mem::take(&mut state.reopen) {
            line = None;
            pause = FIRST_PAUSE;
            drop(state);
            // Certificates may have been renewed. Those that cannot be read leave the old ones in place.
            if let Err(problem) = way.reload() {
                queue.state().problem = Some(problem);
            }
            continue;
        }
        let untold = state.untold;
        let origin = state.origin.clone();
        // Only taken once it can be sent: until then the oldest may have to go.
        drop(state);
        let sent = connected(&mut line, &way).and_then(|line| {
            if untold > 0 {
                line.send(&lost(untold, &origin))?;
                let mut state = queue.state();
                state.untold = state.untold.saturating_sub(untold);
            }
            send_oldest(queue, line)
        });
        let mut state = queue.state();
        match sent {
            Ok(()) => {
                state.problem = None;
                pause = FIRST_PAUSE;
                queue.far.notify_all();
            }
            Err(problem) => {
                state.problem = Some(problem);
                line = None;
                rest(queue, state, pause);
                pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
            }
        }
    }
}

fn connected<'a>(line: &'a mut Option<Line>, way: &Way) -> Result<&'a mut Line, String> {
    // A server that went away is noticed before an event is spent on it.
    if line.as_mut().is_some_and(|line| line.check().is_err()) {
        *line = None;
    }
    match line {
        Some(line) => Ok(line),
        None => Ok(line.insert(way.connect()?)),
    }
}

fn send_oldest(queue: &Queue, line: &mut Line) -> Result<(), String> {
    let mut state = queue.state();
    let Some(message) = state.waiting.pop_front() else {
        return Ok(());
    };
    state.bytes = state.bytes.saturating_sub(message.len());
    state.in_hand = true;
    drop(state);
    let sent = line.send(&message);
    let mut state = queue.state();
    state.in_hand = false;
    match sent {
        Ok(()) => state.sent = state.sent.saturating_add(1),
        Err(_) => {
            state.bytes = state.bytes.saturating_add(message.len());
            state.waiting.push_front(message);
            state.shrink();
        }
    }
    sent
}

/// Waits for the pause to pass, or until it is to stop or to reopen; events that come in do not shorten it.
fn rest(queue: &Queue, mut state: MutexGuard<'_, State>, pause: Duration) {
    let until = clock::monotonic().saturating_add(pause);
    while !state.stop && !state.reopen {
        let left = until.saturating_sub(clock::monotonic());
        if left.is_zero() {
            return;
        }
        let waited = queue.near.wait_timeout(state, left);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
}
