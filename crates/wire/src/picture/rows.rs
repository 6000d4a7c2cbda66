//! From the picture to rows, in an order that does not depend on who drew which part.
use std::cmp::Reverse;

use facts::kinds::{AddressFact, Certificate, Coverage, Credential, Identity, Name, Oddity, Route};
use facts::{Evidence, Facts, Kind, Time, Words};

use super::{
    AddressKey, AddressRow, CertificateKey, CertificateRow, NameKey, NameRow, Picture, Tally,
    clocks,
};
use crate::flow::Summary;

/// The rows, in the order of every list of facts.
fn sorted<K: Kind>(rows: impl Iterator<Item = K>) -> Vec<K> {
    let mut rows: Vec<K> = rows.collect();
    facts::in_order(&mut rows);
    rows
}

/// When something was told, and what shows it: by that alone most rows of a list are told apart.
pub(crate) type Moment = (Time, Option<u32>, Option<u32>);

impl Tally {
    fn moment(&self) -> Moment {
        let Evidence { capture, frames } = &self.evidence;
        (self.first, *capture, frames.first().copied())
    }
}

/// Rows made before memory is given back.
const AT_ONCE: usize = 4096;

/// The rows of a large table, in the order of every list of facts: what was kept of each goes as its row comes, so that a million
/// are never there twice.
fn consumed<T, K: Kind>(
    mut told: Vec<T>,
    moment: impl Fn(&T) -> Moment,
    mut spell_out: impl FnMut(T) -> K,
) -> Vec<K> {
    told.sort_unstable_by_key(|one| Reverse(moment(one)));
    let mut rows = Vec::with_capacity(told.len());
    while let Some(last) = told.pop() {
        rows.push(spell_out(last));
        if told.len().is_multiple_of(AT_ONCE) {
            told.shrink_to_fit();
        }
    }
    let place = |row: &K| {
        (
            row.span().0,
            row.evidence().capture,
            row.evidence().frames.first().copied(),
        )
    };
    for alike in rows.chunk_by_mut(|a, b| place(a) == place(b)) {
        facts::in_order(alike);
    }
    rows
}

impl Picture {
    /// Everything observed, as facts. `captures` are the base names by index.
    pub fn into_facts(mut self, captures: Vec<String>) -> Facts {
        clocks::tell(&mut self);
        // Nothing is counted on rows any more: what found them need not wait for the rest.
        (self.cyclic, self.pages) = Default::default();
        let name = |(key, row): (NameKey, NameRow)| Name {
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
        };
        let address = |(key, row): (AddressKey, AddressRow)| AddressFact {
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
        };
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
        let mut words = Words::default();
        let conversation = |one: Summary| one.spell_out(&mut words);
        Facts {
            captures,
            names: consumed(self.names.into_rows(), |(_, row)| row.tally.moment(), name),
            addresses: consumed(
                self.addresses.into_rows(),
                |(_, row)| row.tally.moment(),
                address,
            ),
            identities: sorted(identities),
            credentials: sorted(credentials),
            certificates: sorted(self.certificates.into_iter().map(certificate)),
            routes: sorted(routes),
            oddities: sorted(oddities),
            coverage: sorted(reported),
            operations: sorted(self.operations.into_iter()),
            carried_files: sorted(self.files.into_iter()),
            conversations: consumed(self.conversations, Summary::moment, conversation),
            remote_sessions: sorted(self.sessions.into_iter()),
            ..Facts::default()
        }
    }
}

fn certificate((key, row): (CertificateKey, CertificateRow)) -> Certificate {
    let says = row.says.map(|says| *says).unwrap_or_default();
    Certificate {
        time: row.tally.first,
        last: row.tally.last,
        count: row.tally.count,
        client: key.client,
        server: key.server,
        server_port: key.server_port,
        vlan: key.vlan,
        asked_for: key.asked_for.map(String::from),
        by_client: key.by_client,
        sha256: crate::protocols::carried::hex(&key.sha256),
        sha1: crate::protocols::carried::hex(&says.sha1),
        version: says.version,
        serial: says.serial,
        subject: says.subject,
        issuer: says.issuer,
        not_before: says.not_before,
        not_after: says.not_after,
        names: says.names,
        key_algorithm: says.key_algorithm,
        key_bits: says.key_bits,
        curve: says.curve,
        signature: says.signature,
        is_ca: says.is_ca,
        evidence: row.tally.evidence,
        ..Certificate::default()
    }
}

#[test]
fn what_was_told_at_one_moment_stands_by_value_whoever_told_it_first() {
    let told = |detail: &'static str, frame| (detail, Tally::new(Time(5), 0, &[frame]));
    let mut all = vec![told("c", 1), told("b", 2), told("a", 2), told("d", 2)];
    for _ in 0..all.len() {
        all.rotate_left(1);
        let row = |(detail, tally): (&str, Tally)| Oddity {
            time: tally.first,
            detail: Some(detail.to_owned()),
            evidence: tally.evidence,
            ..Oddity::default()
        };
        let rows = consumed(all.clone(), |(_, tally)| tally.moment(), row);
        let details: Vec<_> = rows
            .iter()
            .filter_map(|row| row.detail.as_deref())
            .collect();
        assert_eq!(details, ["c", "a", "b", "d"]);
    }
}
