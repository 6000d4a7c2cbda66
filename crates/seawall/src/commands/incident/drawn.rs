//! What the ledger says of incidents at a moment.
use std::collections::BTreeMap;

use facts::Time;
use facts::records::{Contact, Incident, Person, Record, ReportSent, ReportingProfile};
use serde_json::{Map, Value as Json};
use store::ledger::Ledger;

use crate::commands::record::body_of;

/// Records of a ledger that reports draw on, by id.
pub(super) struct Drawn {
    pub(super) people: BTreeMap<String, Person>,
    pub(super) profile: Option<ReportingProfile>,
    pub(super) contacts: Vec<(String, Contact)>,
    pub(super) incidents: Vec<(String, Incident)>,
    pub(super) sent: Vec<(String, ReportSent)>,
}

impl Drawn {
    /// What was recorded by one time, but for what is withdrawn `now`; if another is given, of that what held then, and nothing
    /// that came later.
    pub(super) fn of(ledger: &Ledger, known: Time, as_of: Option<Time>, now: Time) -> Drawn {
        fn read<R: Record>(kind: &str, body: &Map<String, Json>) -> Option<R> {
            (kind == R::INFO.name)
                .then(|| R::from_body(body).ok())
                .flatten()
        }
        let mut drawn = Drawn {
            people: BTreeMap::new(),
            profile: None,
            contacts: Vec::new(),
            incidents: Vec::new(),
            sent: Vec::new(),
        };
        let entries = match as_of {
            Some(_) => ledger.as_of(known, as_of),
            None => ledger.known(known, now),
        };
        for entry in entries {
            let (kind, id) = (entry.kind, || entry.id.to_owned());
            let body = body_of(&entry).unwrap_or_default();
            drawn
                .people
                .extend(read(kind, &body).map(|one| (id(), one)));
            drawn
                .contacts
                .extend(read(kind, &body).map(|one| (id(), one)));
            drawn
                .incidents
                .extend(read(kind, &body).map(|one| (id(), one)));
            drawn.sent.extend(read(kind, &body).map(|one| (id(), one)));
            drawn.profile = drawn.profile.or_else(|| read(kind, &body));
        }
        // Recorded since, records tell of moments that were still to come.
        if let Some(as_of) = as_of {
            drawn.incidents.retain(|(_, one)| one.detected <= as_of);
            drawn.sent.retain(|(_, one)| one.sent <= as_of);
            for (_, incident) in &mut drawn.incidents {
                incident.closed = incident.closed.filter(|closed| *closed <= as_of);
            }
        }
        drawn
    }
}

pub(super) fn sent_of(drawn: &Drawn, incident: &str) -> Vec<(String, ReportSent)> {
    let of_it = drawn
        .sent
        .iter()
        .filter(|(_, sent)| sent.incident.0 == incident);
    let mut sent: Vec<(String, ReportSent)> = of_it.cloned().collect();
    sent.sort_by_key(|(id, sent)| (sent.sent, id.clone()));
    sent
}
