//! Conversations that are alike in all that flows are told apart by, brought together before devices and zones are known.
//!
//! There are up to a million conversations and some thousand flows. What makes two conversations one flow is partly known only once
//! tables are filled and devices derived; what makes them alike, at once. So this walk goes on beside the other work.
use std::hash::{BuildHasher, Hash};

use facts::kinds::Conversation;
use facts::{Address, Facts, Mac};
use hashbrown::{DefaultHashBuilder, HashSet, HashTable};

use crate::context::Context;
use crate::flow::{Flows, Talk, Tally};

/// Conversations by what they have in common, in the order of the first of each.
#[derive(Debug, Default)]
pub(crate) struct Alike {
    groups: Vec<Group>,
    /// Those that hand a log on, each a row of its own.
    logs: Vec<usize>,
}

#[derive(Debug)]
struct Group {
    first: usize,
    ends: Ends,
    /// Hash of all that was said and judged of them.
    said: u64,
    tally: Tally,
}

/// Addresses, the MAC addresses that carried them, and the port of the server.
type Ends = (Address, Option<Mac>, Address, Option<Mac>, Option<u16>);

/// Conversations that are looked at before they are looked up.
const AT_ONCE: usize = 32;

/// The number of a conversation as rows name it.
fn id(at: usize) -> i64 {
    i64::try_from(at).map_or(i64::MAX, |at| at.saturating_add(1))
}

impl Alike {
    /// Looks at all conversations, once.
    pub(crate) fn gather(facts: &Facts, context: &Context) -> Alike {
        let all = &facts.conversations;
        let captures = facts.captures.iter();
        let snapped: Vec<bool> = captures.map(|name| context.is_snapped(name)).collect();
        let hasher = DefaultHashBuilder::default();
        // Most carried nothing, and a small set of hashes tells that sooner than the ids themselves.
        let carriers: HashSet<u64> = context.ids().map(|id| hasher.hash_one(id)).collect();
        let carried = |one: &Conversation| {
            let id = one.community_id.as_deref();
            let id = id.filter(|id| carriers.contains(&hasher.hash_one(id)));
            context.carried(id).map(|carried| carried.said(one.uid))
        };
        let mut alike = Alike::default();
        let mut table: HashTable<(u64, usize)> = HashTable::new();
        let mut keys = Vec::new();
        for (nth, some) in all.chunks(AT_ONCE).enumerate() {
            // First what has to be read of all of them, then what has to be found: so one need not wait for the other.
            keys.clear();
            keys.extend(some.iter().map(|one| {
                let (ends, said) = (ends(one), hasher.hash_one((said(one), carried(one))));
                (ends, said, hasher.hash_one((ends, said)))
            }));
            for ((at, one), (ends, said, hash)) in (nth * AT_ONCE..).zip(some).zip(&keys) {
                let talk = Talk::of(one, &facts.captures);
                let shortened = one.evidence.capture.and_then(|at| snapped.get(at as usize));
                let same = |(_, group): &(u64, usize)| {
                    let group = alike.groups.get(*group);
                    group.is_some_and(|group| group.said == *said && group.ends == *ends)
                };
                let known = table.find(*hash, same);
                let group = known.map_or(alike.groups.len(), |(_, group)| *group);
                if group == alike.groups.len() {
                    table.insert_unique(*hash, (*hash, group), |(hash, _)| *hash);
                    alike.groups.push(Group {
                        first: at,
                        ends: *ends,
                        said: *said,
                        tally: Tally::default(),
                    });
                }
                if let Some(group) = alike.groups.get_mut(group) {
                    group.tally.count(id(at), &talk, shortened == Some(&true));
                }
                if talk.hands_a_log_on() {
                    alike.logs.push(at);
                }
            }
        }
        alike
    }

    /// Adds all of them to the flows.
    pub(crate) fn add_to<'f>(self, flows: &mut Flows<'f>, facts: &'f Facts) {
        let talk = |at: usize| {
            facts
                .conversations
                .get(at)
                .map(|one| Talk::of(one, &facts.captures))
        };
        for Group { first, tally, .. } in self.groups {
            if let Some(talk) = talk(first) {
                flows.add_alike(&talk, tally);
            }
        }
        for at in self.logs {
            if let Some(talk) = talk(at) {
                flows.add_log(id(at), &talk);
            }
        }
    }
}

fn ends(one: &Conversation) -> Ends {
    let (client, server) = (one.client, one.server);
    (
        client,
        one.client_mac,
        server,
        one.server_mac,
        one.server_port,
    )
}

/// All else that flows are told apart by. There are no two of them with the same hash but by chance (one of 2^64, and with the
/// same ends): nobody who speaks on the wire knows the seed.
fn said(one: &Conversation) -> impl Hash + '_ {
    let by_wire = (
        &one.transport,
        &one.protocol,
        &one.assumed,
        &one.variant,
        &one.parent,
        &one.carried_by,
    );
    let client = (&one.client_asset, &one.client_zone, &one.client_party);
    let server = (&one.server_asset, &one.server_zone, &one.server_party);
    (
        by_wire,
        client,
        server,
        one.crosses,
        &one.conduit,
        &one.reason,
    )
}
