//! MAC addresses that frames went to and that were never seen to send: a mirror port that shows one way alone.
//!
//! Acknowledgements tell it for TCP; this tells it for what has none: cyclic I/O, datagrams, layer 2. A switch floods a few
//! frames to one that it does not know yet; from [`ENOUGH`] on, whoever sends them knows that somebody is there.
use std::collections::{BTreeMap, BTreeSet};

use facts::kinds::{Conversation, Coverage, Facts};
use facts::{Mac, Time};

use super::own::is_virtual_router;
use super::places::Places;

/// Frames to a MAC address from which on it should have been heard.
const ENOUGH: u64 = 16;

/// MAC addresses that are named.
const NAMED: usize = 3;

/// Frames to a MAC address, and when the first and the last of them were.
type Spoken = (u64, Time, Time);

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
        let (frames, first, last) = there.entry(mac).or_insert((0, one.time, one.last));
        *frames = frames.saturating_add(one.packets_out);
        (*first, *last) = ((*first).min(one.time), (*last).max(one.last));
    }
    let mut rows = Vec::new();
    for ((zone, sensor), mut macs) in unheard {
        macs.retain(|_, (frames, _, _)| *frames >= ENOUGH);
        let Some(first) = macs.values().map(|spoken| spoken.1).min() else {
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
            .fold(0u64, |sum, spoken| sum.saturating_add(spoken.0));
        rows.push(Coverage {
            time: Some(first),
            last: macs.values().map(|spoken| spoken.2).max(),
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
