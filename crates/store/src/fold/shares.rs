//! Conversations are the most by far: they are judged and counted in one walk, in shares, one for each core.
//!
//! What a share is judged by is the same for all, and what is counted adds up, so that nothing hangs on their number.
use facts::kinds::{Conversation, Facts};
use hashbrown::{HashMap, HashSet};

use super::conversations;
use super::coverage::{Counts, Sensors};
use super::devices::Key;
use super::ends::Ends;
use super::roles::{Deeds, Spoken};
use super::tags::Tags;
use super::{nameless, unheard};
use crate::threads;

/// Conversations for which a thread is worth it.
const LEAST: usize = 20_000;

/// What conversations tell of more than themselves.
pub(super) struct Told<'a> {
    pub(super) deeds: HashMap<Key, Deeds>,
    pub(super) counts: Counts<'a>,
    pub(super) tags: Tags,
    pub(super) picked: Picked,
}

/// The few conversations that others ask for, each list in the order of the conversations. Who walked over all of them
/// instead would wait for the memory that a million take, once more for each question.
#[derive(Debug, Default)]
pub(super) struct Picked {
    /// Those that carried a fact of another kind by community ID, and those without an ID to carry by.
    carriers: Vec<usize>,
    /// Those to somebody who did not answer.
    silent: Vec<usize>,
    /// Those in which nothing was recognised.
    nameless: Vec<usize>,
}

impl Picked {
    pub(super) fn carriers<'c>(
        &self,
        all: &'c [Conversation],
    ) -> impl Iterator<Item = &'c Conversation> {
        self.carriers.iter().filter_map(|at| all.get(*at))
    }

    /// Where the carriers stand.
    pub(super) fn carriers_at(&self) -> impl Iterator<Item = usize> {
        self.carriers.iter().copied()
    }

    pub(super) fn silent<'c>(
        &self,
        all: &'c [Conversation],
    ) -> impl Iterator<Item = &'c Conversation> {
        self.silent.iter().filter_map(|at| all.get(*at))
    }

    pub(super) fn nameless<'c>(
        &self,
        all: &'c [Conversation],
    ) -> impl Iterator<Item = &'c Conversation> {
        self.nameless.iter().filter_map(|at| all.get(*at))
    }

    fn pick(&mut self, at: usize, one: &Conversation, wanted: &HashSet<&str>) {
        let carries = |id: &str| wanted.contains(id);
        if one.community_id.as_deref().is_none_or(carries) {
            self.carriers.push(at);
        }
        if unheard::is_silent(one) {
            self.silent.push(at);
        }
        if nameless::is_nameless(one) {
            self.nameless.push(at);
        }
    }
}

/// Community IDs of facts that a conversation carried.
fn carried(facts: &Facts) -> HashSet<&str> {
    let names = facts.names.iter().map(|one| &one.community_id);
    let operations = facts.operations.iter().map(|one| &one.community_id);
    let files = facts.carried_files.iter().map(|one| &one.community_id);
    let sessions = facts.remote_sessions.iter().map(|one| &one.community_id);
    let all = names.chain(operations).chain(files).chain(sessions);
    all.filter_map(Option::as_deref).collect()
}

/// Fills the judged columns of all.
pub(super) fn judge<'a>(facts: &mut Facts, ends: &Ends<'_>, sensors: &'a Sensors) -> Told<'a> {
    let mut conversations = std::mem::take(&mut facts.conversations);
    let told = judge_all(&mut conversations, ends, sensors, &carried(facts));
    facts.conversations = conversations;
    told
}

fn judge_all<'a>(
    conversations: &mut [Conversation],
    ends: &Ends<'_>,
    sensors: &'a Sensors,
    wanted: &HashSet<&str>,
) -> Told<'a> {
    let make = ends.maker();
    let shares = threads::in_shares(conversations, LEAST, |begin, share| {
        judge_share(begin, share, make(), sensors, wanted)
    });
    let all = shares.into_iter().reduce(|mut told, other| {
        told.add(other);
        told
    });
    all.unwrap_or_else(|| judge_share(0, &mut [], make(), sensors, wanted))
}

fn judge_share<'a>(
    begin: usize,
    conversations: &mut [Conversation],
    mut ends: Ends<'_>,
    sensors: &'a Sensors,
    wanted: &HashSet<&str>,
) -> Told<'a> {
    let places = ends.places;
    let mut counts = Counts::new(sensors, places);
    let mut tags = Tags::default();
    let mut spoken = Spoken::default();
    let mut picked = Picked::default();
    let mut at = begin;
    conversations::fill(conversations, &mut ends, |one, client, server| {
        picked.pick(at, one, wanted);
        at += 1;
        let zones = [client.who.zone, server.who.zone];
        counts.add_conversation(one, zones, places);
        tags.add_conversation(one, sensors.number(&one.evidence), zones);
        spoken.add(one, client, server);
    });
    let mut deeds = HashMap::new();
    spoken.tell(&mut deeds);
    Told {
        deeds,
        counts,
        tags,
        picked,
    }
}

impl Told<'_> {
    fn add(&mut self, other: Told<'_>) {
        self.counts.add(&other.counts);
        self.tags.add(other.tags);
        self.picked.carriers.extend(other.picked.carriers);
        self.picked.silent.extend(other.picked.silent);
        self.picked.nameless.extend(other.picked.nameless);
        for (device, deeds) in other.deeds {
            self.deeds.entry(device).or_default().add(deeds);
        }
    }
}
