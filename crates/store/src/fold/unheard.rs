//! MAC addresses that frames went to and that were never seen to send: a mirror port that shows one way alone.
//!
//! Acknowledgements tell it for TCP; this tells it for what has none: cyclic I/O, datagrams, layer 2. A switch floods a few
//! frames to one that it does not know yet; from [`ENOUGH`] on, whoever sends them knows that somebody is there.
//!
//! Datagrams that ask for no answer (logs, traps, flow records) may go to one that says nothing for as long as the sender
//! remembers its MAC address; only then must somebody have told it anew.
use std::collections::{BTreeMap, BTreeSet};

use facts::kinds::{Conversation, Coverage, Facts};
use facts::{Mac, Time};

use super::own::is_virtual_router;
use super::places::Places;

/// Frames to a MAC address from which on it should have been heard.
const ENOUGH: u64 = 16;

/// For how long a MAC address is remembered at most without being asked for, in nanoseconds: four hours where nobody set
/// another time (Cisco IOS, `arp timeout`); hosts do so for minutes (RFC 1122, 2.3.2.1; RFC 4861, 10).
const REMEMBERED: i64 = 4 * 3_600_000_000_000;

/// MAC addresses that are named.
const NAMED: usize = 3;

/// What went to a MAC address.
struct Spoken {
    frames: u64,
    /// Of them, those that ask for an answer, or answer what was asked.
    due: u64,
    first: Time,
    last: Time,
}

impl Spoken {
    /// So much that somebody there must have been heard.
    fn is_enough(&self) -> bool {
        let outlasts = self.last.since(self.first) > REMEMBERED;
        self.due >= ENOUGH || outlasts && self.frames >= ENOUGH
    }
}

/// Nothing that went to the server asked for an answer. What another conversation announced is agreed on by both.
pub(super) fn asks_nothing(one: &Conversation) -> bool {
    one.transport == "udp" && one.state == "one-way" && one.parent.is_none()
}

/// Whether one was spoken to and did not answer.
pub(super) fn is_silent(one: &Conversation) -> bool {
    one.packets_in == 0 && one.server_mac.is_some_and(Mac::is_device)
}

/// A row for each zone and sensor with such addresses. `silent` are the conversations in which nobody answered;
/// `sensor_of` gives the sensor of a capture.
pub(super) fn rows<'a, 'c>(
    facts: &Facts,
    silent: impl Iterator<Item = &'c Conversation>,
    places: &Places<'_>,
    sensor_of: impl Fn(&facts::Evidence) -> Option<&'a str>,
) -> Vec<Coverage> {
    let heard: BTreeSet<Mac> = facts.addresses.iter().filter_map(|row| row.mac).collect();
    let mut unheard: BTreeMap<(String, Option<&str>), BTreeMap<Mac, Spoken>> = BTreeMap::new();
    for one in silent {
        let Some(mac) = one.server_mac else { continue };
        // Routers take packets at an address that they share and send them on from their own.
        if heard.contains(&mac) || is_virtual_router(mac) {
            continue;
        }
        let by_vlan = places.zone_name(places.zone_of_vlan(one.vlan));
        let Some(zone) = by_vlan.or_else(|| one.client_zone.as_deref().map(str::to_owned)) else {
            continue;
        };
        let there = unheard.entry((zone, sensor_of(&one.evidence))).or_default();
        let spoken = there.entry(mac).or_insert(Spoken {
            frames: 0,
            due: 0,
            first: one.time,
            last: one.last,
        });
        spoken.frames = spoken.frames.saturating_add(one.packets_out);
        if !asks_nothing(one) {
            spoken.due = spoken.due.saturating_add(one.packets_out);
        }
        spoken.first = spoken.first.min(one.time);
        spoken.last = spoken.last.max(one.last);
    }
    let mut rows = Vec::new();
    for ((zone, sensor), mut macs) in unheard {
        macs.retain(|_, spoken| spoken.is_enough());
        let Some(first) = macs.values().map(|spoken| spoken.first).min() else {
            continue;
        };
        let named: Vec<String> = macs.keys().take(NAMED).map(Mac::to_string).collect();
        let rest = if macs.len() > NAMED {
            " and others"
        } else {
            ""
        };
        let frames = macs
            .values()
            .fold(0u64, |sum, spoken| sum.saturating_add(spoken.frames));
        rows.push(Coverage {
            time: Some(first),
            last: macs.values().map(|spoken| spoken.last).max(),
            sensor: sensor.map(str::to_owned),
            zone: Some(zone),
            what: "directions".to_owned(),
            part: Some("senders".to_owned()),
            good: 0,
            total: macs.len() as u64,
            state: "none".to_owned(),
            detail: Some(format!(
                "{frames} frames went to {}{rest}, of which no frame was captured",
                named.join(", ")
            )),
            ..Coverage::default()
        });
    }
    rows
}
