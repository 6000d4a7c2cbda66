//! Which conversation a fact belongs to: other tools name it on every line.
use std::collections::{BTreeMap, HashMap};

use facts::kinds::{Conversation, Name};
use facts::{Address, Facts, Time};

/// Conversations between the same two looked at to find the one that carried a name.
const MOST_LOOKED_AT: usize = 64;

/// Conversations by Community ID and by their two ends, in the order of time.
pub(super) struct Flows<'f> {
    by_id: HashMap<&'f str, Vec<&'f Conversation>>,
    by_ends: HashMap<[Address; 2], Vec<&'f Conversation>>,
}

impl<'f> Flows<'f> {
    pub(super) fn of(facts: &'f Facts) -> Flows<'f> {
        let mut flows = Flows {
            by_id: HashMap::new(),
            by_ends: HashMap::new(),
        };
        for flow in &facts.conversations {
            if let Some(id) = &flow.community_id {
                flows.by_id.entry(id).or_default().push(flow);
            }
            let ends = [flow.client, flow.server];
            flows.by_ends.entry(ends).or_default().push(flow);
        }
        flows
    }

    /// The one of that Community ID that was under way at `time`; a port that is used again gives the same id to several.
    pub(super) fn find(&self, id: Option<&str>, time: Time) -> Option<&'f Conversation> {
        latest(self.by_id.get(id?)?, time)
    }

    /// The name asked for in each conversation under TLS.
    pub(super) fn asked(&self, facts: &'f Facts) -> BTreeMap<u64, &'f str> {
        let mut asked = BTreeMap::new();
        for name in facts.names.iter().filter(|name| name.via == "tls-sni") {
            if let Some(flow) = self.find(name.community_id.as_deref(), name.time) {
                asked.entry(flow.uid.0).or_insert(name.name.as_str());
            }
        }
        asked
    }

    /// The one by which a client used a name at `time`: of its Community ID where the fact has one, else the one of that
    /// protocol between the two.
    pub(super) fn of_name(&self, name: &Name) -> Option<&'f Conversation> {
        if name.community_id.is_some() {
            return self.find(name.community_id.as_deref(), name.time);
        }
        let flows = self.by_ends.get(&[name.client, name.server])?;
        let begun = flows.partition_point(|flow| flow.time <= name.time);
        let latest = flows.iter().take(begun).rev().take(MOST_LOOKED_AT);
        let mut latest = latest.filter(|flow| flow.protocol.as_deref() == Some(&name.via));
        let flow = latest.find(|flow| name.time <= flow.last);
        flow.copied()
    }
}

fn latest<'f>(flows: &[&'f Conversation], time: Time) -> Option<&'f Conversation> {
    let at = flows.partition_point(|flow| flow.time <= time);
    flows.get(at.saturating_sub(1)).copied()
}

/// Both ends of a line, each with its port.
#[derive(Clone, Copy)]
pub(super) struct Ends {
    pub(super) client: (Address, Option<u16>),
    pub(super) server: (Address, Option<u16>),
}

impl Ends {
    pub(super) fn of(flow: &Conversation) -> Ends {
        Ends {
            client: (flow.client, flow.client_port),
            server: (flow.server, flow.server_port),
        }
    }

    /// Those of the conversation, else the two addresses without ports.
    pub(super) fn or(flow: Option<&Conversation>, client: Address, server: Address) -> Ends {
        flow.map_or(
            Ends {
                client: (client, None),
                server: (server, None),
            },
            Ends::of,
        )
    }

    /// Whether both are of the internet protocol: the others' logs know nothing else.
    pub(super) fn are_ip(&self) -> bool {
        self.client.0.ip().is_some() && self.server.0.ip().is_some()
    }
}
