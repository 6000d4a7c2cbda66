//! VLANs that a sensor shows from outside alone, and VLANs that it does not show though a switch says that they are there.
//!
//! A port that was taken for a mirror of a VLAN, and is only a member of it, shows what a switch sends to everybody: broadcasts,
//! groups, and frames to a MAC address that the switch does not know (yet). Frames there are then, and hosts, but nobody is ever seen to be
//! answered. So a VLAN is *spoken into* where, by one sensor, at least [`ENOUGH`] frames of it were seen, and
//! - no conversation in it had packets both ways, and no frame of it went to a MAC address that was heard in it; and
//! - something in it asked for an answer: frames that went to one MAC address (unless they are datagrams that ask for none), or questions by ARP.
//!
//! A sensor that need not see the zone, beside one that shows the VLAN whole, is no lack: a mirrored trunk carries the floods of every VLAN.
//! Groups alone are no sign: cyclic data may be all that a VLAN is for. It counts as `directions` of its zone.
//!
//! A VLAN is *announced* where a device names it (LLDP, CDP). It counts as `frames` of its zone where a sensor that should see the zone
//! shows tags of other VLANs but none of this, and nothing of the zone untagged: that may be it, since the VLAN of an access port goes
//! without a tag. Switches name VLANs in which nobody is, too. So where the zone's other VLANs are seen to be in use, one of which
//! nothing but a switch's word tells (no declared interface, no address, no frame at any sensor) is none that is missing. VLANs of no
//! zone are nobody's: no verdict rests on them.
use std::collections::{BTreeMap, BTreeSet};

use facts::kinds::{Conversation, Coverage, Facts, Identity};
use facts::{Mac, Time};
use hashbrown::HashMap;

use super::places::Places;
use super::unheard;

/// Frames in a VLAN from which on somebody should have been seen to be answered.
const ENOUGH: u64 = 16;

/// Sensor (its place among those that have captures, 0 for none) and VLAN, `None` for untagged.
type Place = (usize, Option<u16>);

/// What was seen of a VLAN.
#[derive(Clone, Copy, Debug)]
struct Seen {
    first: Time,
    last: Time,
    frames: u64,
    /// Both ends of something were seen.
    whole: bool,
    /// Somebody asked by ARP, or spoke to one alone.
    asked: bool,
}

impl Seen {
    fn add(&mut self, other: &Seen) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.frames = self.frames.saturating_add(other.frames);
        self.whole |= other.whole;
        self.asked |= other.asked;
    }
}

/// What conversations show of each VLAN. A sensor has at most 4096 of them.
#[derive(Debug, Default)]
pub(super) struct Tags {
    vlans: HashMap<Place, Seen>,
    /// Sensors and zones of which frames without a tag were seen.
    untagged: BTreeSet<(usize, usize)>,
}

impl Tags {
    pub(super) fn add_conversation(
        &mut self,
        one: &Conversation,
        sensor: usize,
        zones: [Option<usize>; 2],
    ) {
        if one.carried_by.is_some() {
            return;
        }
        if one.vlan.is_none() && one.vlans.is_empty() {
            for zone in zones.into_iter().flatten() {
                self.untagged.insert((sensor, zone));
            }
            return;
        }
        let alone = unheard::is_silent(one) && !unheard::asks_nothing(one);
        let seen = Seen {
            first: one.time,
            last: one.last,
            frames: one.packets_out,
            // Who was spoken to in vain may yet be heard elsewhere in the VLAN.
            whole: one.packets_in > 0,
            asked: alone || one.transport == "ethertype/0x0806",
        };
        self.put((sensor, one.vlan), &seen);
        for vlan in one.vlans.iter().filter(|vlan| Some(**vlan) != one.vlan) {
            self.put((sensor, Some(*vlan)), &seen);
        }
    }

    fn put(&mut self, place: Place, seen: &Seen) {
        let known = self.vlans.get_mut(&place);
        match known {
            Some(known) => known.add(seen),
            None => {
                self.vlans.insert(place, *seen);
            }
        }
    }

    pub(super) fn add(&mut self, other: Tags) {
        for (place, seen) in &other.vlans {
            self.put(*place, seen);
        }
        self.untagged.extend(other.untagged);
    }

    /// Somebody is in the VLAN, as far as anything but a switch's word tells; or it is all that its zone is.
    fn is_used(&self, vlan: u16, zone: usize, facts: &Facts, places: &Places<'_>) -> bool {
        let shown = |vlan: u16| self.vlans.keys().any(|(_, other)| *other == Some(vlan));
        let mut interfaces = places.site.assets.iter().flat_map(|one| &one.interfaces);
        let of_zone = places
            .site
            .zones
            .get(zone)
            .map_or(&[][..], |zone| &zone.vlans);
        let beside = of_zone.iter().any(|other| *other != vlan && shown(*other));
        shown(vlan)
            || !beside
            || interfaces.any(|one| one.vlan == Some(vlan))
            || facts.addresses.iter().any(|row| row.vlan == Some(vlan))
    }

    fn showed(&self, sensor: usize, vlan: u16) -> bool {
        self.vlans.contains_key(&(sensor, Some(vlan)))
    }

    /// The VLAN is whole at another sensor, and this one need not see its zone: a mirrored trunk carries the floods of every VLAN.
    fn is_others(
        &self,
        sensor: usize,
        vlan: Option<u16>,
        names: &[String],
        places: &Places<'_>,
    ) -> bool {
        let zone = places.zone_of_vlan(vlan);
        let own = name(names, sensor);
        let mut declared = places.site.sensors.iter();
        let asked = declared.any(|one| {
            Some(&one.name) == own.as_ref() && zone.is_some_and(|zone| one.sees.contains(&zone))
        });
        let mut all = self.vlans.iter();
        !asked && all.any(|((of, other), seen)| *of != sensor && *other == vlan && seen.whole)
    }

    /// A row for each VLAN of a zone that a sensor shows from outside alone. `silent` are the conversations in which nobody
    /// answered, each with its sensor; `names` are the sensors'.
    pub(super) fn spoken_into<'c>(
        &self,
        facts: &Facts,
        silent: impl Iterator<Item = (&'c Conversation, usize)>,
        names: &[String],
        places: &Places<'_>,
    ) -> Vec<Coverage> {
        let mut open: BTreeMap<Place, Seen> = self
            .vlans
            .iter()
            .filter(|((_, vlan), seen)| {
                let known = seen.asked && !seen.whole && seen.frames >= ENOUGH;
                known && places.zone_of_vlan(*vlan).is_some()
            })
            .filter(|((sensor, vlan), _)| !self.is_others(*sensor, *vlan, names, places))
            .map(|(place, seen)| (*place, *seen))
            .collect();
        if open.is_empty() {
            return Vec::new();
        }
        let rows = facts.addresses.iter();
        let heard: BTreeSet<(Option<u16>, Mac)> =
            rows.filter_map(|row| Some((row.vlan, row.mac?))).collect();
        for (one, sensor) in silent {
            if one
                .server_mac
                .is_some_and(|mac| heard.contains(&(one.vlan, mac)))
            {
                open.remove(&(sensor, one.vlan));
            }
        }
        let rows = open.into_iter().filter_map(|((sensor, vlan), seen)| {
            let vlan = vlan?;
            let zone = places.zone_name(places.zone_of_vlan(Some(vlan)))?;
            let detail = format!(
                "of VLAN {vlan} only what is sent to everybody was captured: {} frames, and nobody in it was seen to be answered",
                seen.frames
            );
            Some(Coverage {
                time: Some(seen.first),
                last: Some(seen.last),
                sensor: name(names, sensor),
                what: "directions".to_owned(),
                total: seen.frames,
                ..lacking(vlan, zone, detail)
            })
        });
        rows.collect()
    }

    /// A row for each VLAN of a zone that a device names and a sensor that should see the zone does not show.
    pub(super) fn announced(
        &self,
        facts: &Facts,
        names: &[String],
        places: &Places<'_>,
    ) -> Vec<Coverage> {
        let mut first: BTreeMap<u16, &Identity> = BTreeMap::new();
        let named = facts.identities.iter();
        for one in named.filter(|one| one.attribute == "vlans") {
            for vlan in numbers(&one.value) {
                let rank = |one: &Identity| (one.time, one.mac, one.ip, one.source.clone());
                let known = first.entry(vlan).or_insert(one);
                if rank(one) < rank(known) {
                    *known = one;
                }
            }
        }
        let mut rows = Vec::new();
        for (vlan, by) in first {
            let zone = places.zone_of_vlan(Some(vlan));
            let Some(zone) = zone.filter(|zone| self.is_used(vlan, *zone, facts, places)) else {
                continue;
            };
            for (number, sensor) in (1..).zip(names) {
                let declared = places.site.sensors.iter();
                let mut sees = declared.filter(|one| one.name == *sensor);
                if !sees.any(|one| one.sees.contains(&zone))
                    || self.showed(number, vlan)
                    || !self.vlans.keys().any(|(of, _)| *of == number)
                    || self.untagged.contains(&(number, zone))
                {
                    continue;
                }
                let Some(zone) = places.zone_name(Some(zone)) else {
                    continue;
                };
                let who = by
                    .mac
                    .map(|mac| mac.to_string())
                    .or_else(|| by.ip.map(|ip| ip.to_string()))
                    .unwrap_or_else(|| "a device".to_owned());
                let detail = format!(
                    "{who} says by {} that it is in VLAN {vlan}, and sensor {sensor} saw no frame of that",
                    by.source.to_uppercase()
                );
                rows.push(Coverage {
                    time: Some(by.time),
                    last: Some(by.last),
                    sensor: Some(sensor.clone()),
                    what: "frames".to_owned(),
                    evidence: by.evidence.clone(),
                    ..lacking(vlan, zone, detail)
                });
            }
        }
        rows
    }
}

fn lacking(vlan: u16, zone: String, detail: String) -> Coverage {
    Coverage {
        zone: Some(zone),
        part: Some(format!("vlan/{vlan}")),
        state: "none".to_owned(),
        detail: Some(detail),
        ..Coverage::default()
    }
}

fn name(names: &[String], sensor: usize) -> Option<String> {
    names.get(sensor.checked_sub(1)?).cloned()
}

/// `10 (cranes), 20` → 10, 20. What is in brackets is anybody's words, but never a comma.
fn numbers(text: &str) -> impl Iterator<Item = u16> {
    text.split(',').filter_map(|part| {
        let number = part.trim().split(' ').next()?;
        number.parse().ok().filter(|vlan| (1..=4094).contains(vlan))
    })
}
