//! Conversations are the most by far: they are judged and counted in one walk, in shares, one for each core.
//!
//! What a share is judged by is the same for all, and what is counted adds up, so that nothing hangs on their number.
use std::num::NonZero;
use std::thread;

use facts::kinds::Conversation;
use hashbrown::HashMap;

use super::conversations;
use super::coverage::{Counts, Sensors};
use super::devices::Key;
use super::ends::Ends;
use super::roles::{Deeds, Spoken};

/// Threads at most: the rest of a judgement does not get faster with them.
const MOST: usize = 4;
/// Conversations for which a thread is worth it.
const LEAST: usize = 20_000;

/// What conversations tell of more than themselves.
pub(super) struct Told<'a> {
    pub(super) deeds: HashMap<Key, Deeds>,
    pub(super) counts: Counts<'a>,
}

/// Fills the judged columns of all.
pub(super) fn judge<'a>(
    conversations: &mut [Conversation],
    ends: &Ends<'_>,
    sensors: &'a Sensors,
) -> Told<'a> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let size = conversations.len().div_ceil(cores.min(MOST)).max(LEAST);
    let make = ends.maker();
    let judge = |share: &mut [Conversation]| judge_share(share, make(), sensors);
    thread::scope(|scope| {
        let mut shares = conversations.chunks_mut(size);
        let first = shares.next().unwrap_or_default();
        let others: Vec<_> = shares.map(|share| scope.spawn(|| judge(share))).collect();
        let mut told = judge(first);
        for other in others {
            match other.join() {
                Ok(other) => told.add(other),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        told
    })
}

fn judge_share<'a>(
    conversations: &mut [Conversation],
    mut ends: Ends<'_>,
    sensors: &'a Sensors,
) -> Told<'a> {
    let places = ends.places;
    let mut counts = Counts::new(sensors, places);
    let mut spoken = Spoken::default();
    conversations::fill(conversations, &mut ends, |one, client, server| {
        counts.add_conversation(one, [client.who.zone, server.who.zone], places);
        spoken.add(one, client, server);
    });
    let mut deeds = HashMap::new();
    spoken.tell(&mut deeds);
    Told { deeds, counts }
}

impl Told<'_> {
    fn add(&mut self, other: Told<'_>) {
        self.counts.add(&other.counts);
        for (device, deeds) in other.deeds {
            self.deeds.entry(device).or_default().add(deeds);
        }
    }
}
