//! From the picture to rows, in an order that does not depend on who drew which part.
use facts::kinds::{AddressFact, Coverage, Credential, Identity, Name, Oddity, Route};
use facts::{Facts, Kind};

use super::{Picture, clocks};
use crate::flow::Summary;

/// The rows, in the order of every list of facts.
fn sorted<K: Kind>(rows: impl Iterator<Item = K>) -> Vec<K> {
    let mut rows: Vec<K> = rows.collect();
    facts::in_order(&mut rows);
    rows
}

impl Picture {
    /// Everything observed, as facts. `captures` are the base names by index.
    pub fn into_facts(mut self, captures: Vec<String>) -> Facts {
        clocks::tell(&mut self);
        let names = self.names.into_iter().map(|(key, row)| Name {
            time: row.tally.first,
            last: row.tally.last,
            count: row.tally.count,
            client: key.client,
            client_mac: row.client_mac,
            server: key.server,
            vlan: key.vlan,
            name: key.name,
            via: key.via.to_owned(),
            path: key.path,
            answers: row.answers,
            answered: row.answered,
            community_id: key.community_id,
            evidence: row.tally.evidence,
            ..Name::default()
        });
        let names = sorted(names);
        let addresses = self.addresses.into_iter().map(|(key, row)| AddressFact {
            time: row.tally.first,
            last: row.tally.last,
            mac: key.mac,
            ip: key.ip,
            vlan: key.vlan,
            claimed: row.claimed,
            hops: row.hops,
            packets: row.tally.count,
            evidence: row.tally.evidence,
            ..AddressFact::default()
        });
        let identities = self.identities.into_iter().map(|(key, tally)| Identity {
            time: tally.first,
            last: tally.last,
            mac: key.mac,
            ip: key.ip,
            vlan: key.vlan,
            attribute: key.attribute.to_owned(),
            value: key.value,
            source: key.source.to_owned(),
            grade: Some(key.grade),
            evidence: tally.evidence,
            ..Identity::default()
        });
        let credentials = self.credentials.into_iter().map(|(key, tally)| Credential {
            time: tally.first,
            last: tally.last,
            count: tally.count,
            protocol: key.protocol.to_owned(),
            client: key.client,
            server: key.server,
            asked_for: key.asked_for.map(String::from),
            vlan: key.vlan,
            what: key.what.to_owned(),
            user: key.user,
            is_default: key.is_default,
            evidence: tally.evidence,
            ..Credential::default()
        });
        let routes = self.routes.into_iter().map(|(key, tally)| Route {
            time: tally.first,
            last: tally.last,
            count: tally.count,
            via: key.via.to_owned(),
            mac: key.mac,
            ip: key.ip,
            vlan: key.vlan,
            to_vlan: key.to_vlan,
            gateway: key.gateway,
            detail: key.detail,
            evidence: tally.evidence,
            ..Route::default()
        });
        let oddities = self.oddities.into_iter().map(|(key, tally)| Oddity {
            time: tally.first,
            last: tally.last,
            count: tally.count,
            what: key.what.to_owned(),
            source: key.source,
            target: key.target,
            vlan: key.vlan,
            detail: key.detail,
            evidence: tally.evidence,
        });
        let reported = self.reported.into_iter().map(|(key, tally)| Coverage {
            evidence: tally.evidence,
            ..Coverage::reported(
                key.exporter,
                key.address,
                tally.first,
                tally.last,
                tally.count,
            )
        });
        let conversations = self.conversations.into_iter().map(Summary::spell_out);
        Facts {
            captures,
            addresses: sorted(addresses),
            identities: sorted(identities),
            credentials: sorted(credentials),
            routes: sorted(routes),
            oddities: sorted(oddities),
            coverage: sorted(reported),
            names,
            operations: sorted(self.operations.into_iter()),
            carried_files: sorted(self.files.into_iter()),
            conversations: sorted(conversations),
            remote_sessions: sorted(self.sessions.into_iter()),
            ..Facts::default()
        }
    }
}
