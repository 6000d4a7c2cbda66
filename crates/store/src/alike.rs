//! Conversations that are alike in all that flows are told apart by, brought together before devices and zones are known.
//!
//! There are up to a million conversations and some thousand flows. What makes two conversations one flow is partly known only once
//! tables are filled and devices derived; what makes them alike, at once. So this walk goes on beside the other work.
use std::hash::{BuildHasher, Hash};

use facts::kinds::Conversation;
use facts::{Address, Facts, Mac};
use hashbrown::{DefaultHashBuilder, HashTable};

use crate::context::Context;
use crate::flow::{Flows, Talk, Tally};
use crate::threads;

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

/// Conversations for which a thread is worth it, in chunks.
const LEAST: usize = 8;
const CHUNK: usize = 4096;

/// Gathers what is alike in a share of the conversations.
#[derive(Default)]
struct Gathering {
    alike: Alike,
    /// Groups by the hash of all that they have in common.
    table: HashTable<(u64, usize)>,
}

impl Alike {
    /// Looks at all conversations, once, on every core.
    pub(crate) fn gather(facts: &Facts, context: &Context<'_>) -> Alike {
        let captures = facts.captures.iter();
        let snapped: Vec<bool> = captures.map(|name| context.is_snapped(name)).collect();
        let hasher = DefaultHashBuilder::default();
        let mut chunks: Vec<&[Conversation]> = facts.conversations.chunks(CHUNK).collect();
        let shares = threads::in_shares(&mut chunks, LEAST, |begin, chunks| {
            let mut gathering = Gathering::default();
            for (nth, chunk) in (begin..).zip(chunks) {
                gathering.look_at(nth * CHUNK, chunk, (facts, context), &snapped, &hasher);
            }
            gathering
        });
        let all = shares.into_iter().reduce(|mut all, share| {
            all.add(share, &hasher);
            all
        });
        all.unwrap_or_default().alike
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

impl Gathering {
    fn look_at(
        &mut self,
        begin: usize,
        conversations: &[Conversation],
        (facts, context): (&Facts, &Context<'_>),
        snapped: &[bool],
        hasher: &DefaultHashBuilder,
    ) {
        let carried = |one: &Conversation| {
            let carried = context.carried(one.community_id.as_deref());
            carried.map(|carried| carried.said(one.uid))
        };
        let mut keys = Vec::new();
        for (nth, some) in conversations.chunks(AT_ONCE).enumerate() {
            // First what has to be read of all of them, then what has to be found: so one need not wait for the other.
            keys.clear();
            keys.extend(some.iter().map(|one| {
                let (ends, said) = (ends(one), hasher.hash_one((said(one), carried(one))));
                (ends, said, hasher.hash_one((ends, said)))
            }));
            for ((at, one), (ends, said, hash)) in (begin + nth * AT_ONCE..).zip(some).zip(&keys) {
                let talk = Talk::of(one, &facts.captures);
                let shortened = one.evidence.capture.and_then(|at| snapped.get(at as usize));
                let group = self.group(*hash, (ends, *said), at);
                if let Some(group) = self.alike.groups.get_mut(group) {
                    group.tally.count(id(at), &talk, shortened == Some(&true));
                }
                if talk.hands_a_log_on() {
                    self.alike.logs.push(at);
                }
            }
        }
    }

    /// The group of a conversation, a new one where none is like it.
    fn group(&mut self, hash: u64, (ends, said): (&Ends, u64), at: usize) -> usize {
        let groups = &mut self.alike.groups;
        let same = |(_, group): &(u64, usize)| {
            let group = groups.get(*group);
            group.is_some_and(|group| group.said == said && group.ends == *ends)
        };
        if let Some((_, group)) = self.table.find(hash, same) {
            return *group;
        }
        let group = groups.len();
        self.table
            .insert_unique(hash, (hash, group), |(hash, _)| *hash);
        groups.push(Group {
            first: at,
            ends: *ends,
            said,
            tally: Tally::default(),
        });
        group
    }

    /// Takes in what was gathered of the conversations behind these.
    fn add(&mut self, other: Gathering, hasher: &DefaultHashBuilder) {
        for group in other.alike.groups {
            let hash = hasher.hash_one((group.ends, group.said));
            let known = self.group(hash, (&group.ends, group.said), group.first);
            if let Some(known) = self.alike.groups.get_mut(known) {
                known.tally.add(group.tally);
            }
        }
        self.alike.logs.extend(other.alike.logs);
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
        &one.forwarders,
    );
    let client = (&one.client_asset, &one.client_zone, &one.client_party);
    let server = (&one.server_asset, &one.server_zone, &one.server_party);
    let judged = (one.crosses, &one.conduit, &one.reason, one.without_order);
    (by_wire, client, server, judged)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "tests may fail loudly")]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use facts::kinds::{Capture, Name, Operation, RemoteSession, Verb};
    use facts::{Evidence, Shared, Time, Uid};
    use rusqlite::Connection;

    use super::*;
    use crate::context::Known;
    use crate::{loading, schema};

    /// Conversations of few ends that differ in whatever flows are told apart by, some of which carried something.
    fn facts() -> Facts {
        let mut state = 7u32;
        let mut pick = |of: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as usize % of
        };
        let host = |n: usize| Address::Ip(IpAddr::V4(Ipv4Addr::new(198, 51, 100, n as u8)));
        let mac = |n: usize| Some(Mac([2, 0, 0, 0, 0, n as u8]));
        let text = |texts: &[&str], n: usize| Shared::from(texts[n]);
        let maybe = |texts: &[&str], n: usize| texts.get(n).map(|text| Shared::from(*text));
        let mut facts = Facts {
            captures: vec!["whole".to_owned(), "short".to_owned()],
            ..Facts::default()
        };
        facts.files = vec![Capture {
            name: "short".to_owned(),
            snapped: 9,
            ..Capture::default()
        }];
        for n in 0..70_000 {
            let time = Time::from_secs(1_790_000_000 + i64::from(n));
            facts.conversations.push(Conversation {
                time,
                last: time,
                uid: Uid(pick(50) as u64),
                community_id: maybe(&["1:a", "1:b", "1:c", "1:d"], pick(12))
                    .map(|id| (&*id).into()),
                transport: text(&["tcp", "udp"], pick(2)),
                client: host(pick(3)),
                client_mac: mac(pick(2)),
                server: host(10 + pick(3)),
                server_mac: mac(pick(2)),
                server_port: [Some(102), Some(514), None][pick(3)],
                forwarders: mac(7).into_iter().take(usize::from(pick(8) == 0)).collect(),
                protocol: maybe(&["s7comm", "syslog"], pick(3)),
                variant: maybe(&["v2c"], pick(6)),
                state: ["answered", "refused", "one-sided"][pick(3)].into(),
                packets_out: pick(3) as u64,
                bytes_out: pick(2) as u64,
                parent: maybe(&["ftp"], pick(9)),
                carried_by: maybe(&["socks"], pick(9)),
                client_asset: maybe(&["plc1"], pick(2)),
                server_zone: maybe(&["crane", "office"], pick(3)),
                conduit: maybe(&["polling"], pick(3)),
                reason: maybe(&["answers"], pick(4)),
                without_order: ["passed", "unclear"]
                    .get(pick(6))
                    .map(|word| (*word).into()),
                crosses: pick(2) == 1,
                evidence: Evidence::whole(pick(2) as u32),
                ..Conversation::default()
            });
        }
        let id = |id: &str| Some(id.to_owned());
        facts.operations.push(Operation {
            modifies: true,
            operation: Verb::Write,
            community_id: id("1:a"),
            ..Operation::default()
        });
        facts.remote_sessions.push(RemoteSession {
            uid: Uid(3),
            protocol: "vnc".to_owned(),
            work_order: id("WO-1"),
            community_id: id("1:b"),
            ..RemoteSession::default()
        });
        facts.names.push(Name {
            via: "tls-sni".to_owned(),
            platform: id("LOGINK"),
            answers: vec!["198.51.100.11".to_owned()],
            community_id: id("1:c"),
            ..Name::default()
        });
        facts
    }

    /// The rows of both tables that the flows fill.
    fn rows(flows: &Flows<'_>) -> Vec<String> {
        let mut db = Connection::open_in_memory().unwrap();
        for kind in schema::GATHERED {
            db.execute_batch(&schema::create(kind)).unwrap();
        }
        loading::fill(&mut db, &schema::FLOW, |into| flows.load(into)).unwrap();
        loading::fill(&mut db, &schema::LOG_SENT, |into| flows.load_logs(into)).unwrap();
        let mut all = Vec::new();
        for kind in schema::GATHERED {
            let sql = format!("SELECT * FROM \"{}\" ORDER BY id", kind.name);
            let mut statement = db.prepare(&sql).unwrap();
            let width = statement.column_count();
            let told = statement.query_map([], |row| {
                let cells = (0..width).map(|at| Ok(format!("{:?}", row.get_ref(at)?)));
                cells.collect::<rusqlite::Result<Vec<String>>>()
            });
            all.extend(told.unwrap().map(|row| row.unwrap().join(" ")));
        }
        all
    }

    #[test]
    fn taken_together_they_make_the_flows_that_they_make_one_by_one() {
        let facts = facts();
        let begun = || {
            let mut context = Context::default();
            context.learn(&facts);
            let mut known = Known::default();
            let hidden = ("modem9".to_owned(), false);
            known.hidden_macs.insert(Mac([2, 0, 0, 0, 0, 7]), hidden);
            (context, known)
        };
        let (context, known) = begun();
        let alike = Alike::gather(&facts, &context);
        assert!(alike.groups.len() < facts.conversations.len());
        let mut together = Flows::new(context, known);
        alike.add_to(&mut together, &facts);

        let (context, known) = begun();
        let mut one_by_one = Flows::new(context, known);
        for (at, one) in facts.conversations.iter().enumerate() {
            one_by_one.add(id(at), &Talk::of(one, &facts.captures));
        }
        assert_eq!(rows(&together), rows(&one_by_one));
        assert_eq!(together.cited(), one_by_one.cited());
    }
}
