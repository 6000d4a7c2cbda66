//! Asset rows: what the site declares joined with what was seen, one row per device.
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use facts::kinds::{AddressFact, Asset, Identity};
use facts::lists::Lists;
use facts::{Grade, Mac};
use hashbrown::HashMap;

use super::devices::{Device, Devices, Key, first_ip};
use super::makers::Made;
use super::places::{Places, is_special};
use super::roles::Deeds;

/// Contradicting values that are told of one device; the identities have all.
const MOST_OTHERWISE: usize = 8;

/// A value without what its writing alone makes different.
fn plain(value: &str) -> String {
    let letters = value.chars().filter(|c| c.is_alphanumeric() || *c == '.');
    let lower: String = letters.flat_map(char::to_lowercase).collect();
    let version = lower
        .strip_prefix('v')
        .map(|rest| rest.trim_start_matches('.'));
    match version {
        Some(version) if version.starts_with(|c: char| c.is_ascii_digit()) => version.to_owned(),
        _ => lower,
    }
}

/// Builds every row, declared assets in the order of the site, then the others by address.
pub(super) fn build(
    rows: &[AddressFact],
    identities: &[Identity],
    devices: &Devices,
    deeds: &HashMap<Key, Deeds>,
    places: &Places<'_>,
    lists: &Lists,
) -> Vec<Asset> {
    let mut stated: BTreeMap<Key, Vec<&Identity>> = BTreeMap::new();
    for identity in identities {
        if let Some(key) = super::others::told_of(identity, devices) {
            stated.entry(key).or_default().push(identity);
        }
    }
    let nothing_done = Deeds::default();
    let mut assets = Vec::with_capacity(devices.all.len());
    for (key, device) in &devices.all {
        let mut said = stated.remove(key).unwrap_or_default();
        said.sort_by(|a, b| (a.time, &a.value, &a.source).cmp(&(b.time, &b.value, &b.source)));
        let seen = Seen {
            key: *key,
            device,
            rows,
            said,
            places,
            devices,
        };
        let mut asset = seen.asset();
        let declared = seen.declared();
        let made = Made::judge(declared, &seen.said, &device.macs, lists);
        let role = match declared {
            Some(one) => Some((
                one.role.word().to_owned(),
                Grade::Declared,
                "site file".to_owned(),
            )),
            None => deeds.get(key).unwrap_or(&nothing_done).role(
                &seen.said,
                device,
                made.supplier.as_ref(),
            ),
        };
        made.fill(&mut asset);
        asset.otherwise = seen.otherwise(&asset);
        if let Some((role, grade, why)) = role {
            (asset.role, asset.role_grade, asset.role_why) = (Some(role), Some(grade), Some(why));
        }
        assets.push(asset);
    }
    assets
}

/// Everything known of one device.
struct Seen<'a> {
    key: Key,
    device: &'a Device,
    rows: &'a [AddressFact],
    /// What it stated of itself, earliest first.
    said: Vec<&'a Identity>,
    places: &'a Places<'a>,
    devices: &'a Devices,
}

impl<'a> Seen<'a> {
    fn declared(&self) -> Option<&'a facts::site::Asset> {
        match self.key {
            Key::Declared(index) => self.places.site.assets.get(index),
            Key::Mac(_) | Key::Ip(_) => None,
        }
    }

    /// Rows by which to count: its own if any were seen, else those in which a router carried its address.
    fn rows(&self) -> impl Iterator<Item = &'a AddressFact> {
        let indexes = if self.device.own.is_empty() {
            &self.device.carried
        } else {
            &self.device.own
        };
        indexes.iter().filter_map(|index| self.rows.get(*index))
    }

    fn asset(&self) -> Asset {
        let declared = self.declared();
        let interfaces = declared
            .map(|one| one.interfaces.as_slice())
            .unwrap_or_default();
        let first = self
            .rows()
            .min_by_key(|row| (row.time, &row.evidence, row.mac, row.ip));
        let is_remote = self.device.own.is_empty() && !self.device.carried.is_empty();

        let mut macs: BTreeSet<Mac> = self.device.macs.clone();
        macs.extend(interfaces.iter().filter_map(|interface| interface.mac));
        let mut ips = self.device.ips.clone();
        ips.extend(interfaces.iter().filter_map(|interface| interface.ip));
        let mut vlans: BTreeSet<u16> = BTreeSet::new();
        if !is_remote {
            vlans.extend(self.rows().filter_map(|row| row.vlan));
        }

        let zones = self.zones(&ips);
        let zone = interfaces
            .iter()
            .find_map(|one| self.places.zone_of(one.ip, one.vlan))
            .or_else(|| first_ip(&ips).and_then(|ip| self.zone_at(ip)))
            .or_else(|| zones.first().copied());
        let crane_of = |zone: usize| self.places.site.zones.get(zone)?.crane.as_ref();
        // What has homes in zones of several cranes is of none of them alone.
        let of_zone = zone.and_then(crane_of).filter(|crane| {
            let mut cranes = zones.iter().filter_map(|zone| crane_of(*zone));
            cranes.all(|other| other == *crane)
        });
        let crane = declared
            .and_then(|one| one.crane.as_ref())
            .or(of_zone)
            .cloned();
        let names = zones
            .iter()
            .filter_map(|zone| self.places.zone_name(Some(*zone)))
            .collect();

        // A captured packet of it may have been carried twice; the fullest view counts.
        let carried_most = || self.rows().map(|row| row.packets).max().unwrap_or(0);
        Asset {
            name: self.device.name.clone(),
            declared: declared.is_some(),
            seen: first.is_some(),
            time: first.map(|row| row.time),
            last: self.rows().map(|row| row.last).max(),
            packets: if is_remote {
                carried_most()
            } else {
                self.rows().map(|row| row.packets).sum()
            },
            macs: macs.iter().map(ToString::to_string).collect(),
            ips: ips.iter().map(ToString::to_string).collect(),
            vlans: vlans.into_iter().collect(),
            zone: self.places.zone_name(zone),
            zones: names,
            crane,
            hostnames: self.hostnames(),
            model: self.latest("model"),
            order_number: self.latest("order_number"),
            firmware: self.latest("firmware"),
            serial: self.latest("serial"),
            routes: self.device.routes,
            remote: is_remote,
            mac: first.filter(|_| !is_remote).and_then(|row| row.mac),
            evidence: first.map(|row| row.evidence.clone()).unwrap_or_default(),
            ..Asset::default()
        }
    }

    /// Zones of its addresses, declared and seen, in the order of the site.
    fn zones(&self, ips: &BTreeSet<IpAddr>) -> Vec<usize> {
        let interfaces = self
            .declared()
            .map(|one| one.interfaces.as_slice())
            .unwrap_or_default();
        let mut zones: BTreeSet<usize> = interfaces
            .iter()
            .filter_map(|one| self.places.zone_of(one.ip, one.vlan))
            .collect();
        zones.extend(ips.iter().filter_map(|ip| self.zone_at(*ip)));
        let own = self
            .device
            .own
            .iter()
            .filter_map(|index| self.rows.get(*index));
        // Without an IP address that tells, the VLAN does; and last the zone that holds the rest of the world.
        if zones.is_empty() {
            zones.extend(own.filter_map(|row| self.places.zone_of_vlan(row.vlan)));
        }
        if zones.is_empty() {
            zones.extend(ips.iter().filter_map(|ip| self.places.zone_of_ip(*ip)));
        }
        zones.into_iter().collect()
    }

    /// Zone of one of its IP addresses: by prefix; else, and for an address that has no place by itself, by the VLAN in
    /// which it uses it.
    fn zone_at(&self, ip: IpAddr) -> Option<usize> {
        if is_special(ip) {
            return None;
        }
        // Of devices that are addressed alike each is where it has the address.
        let home = self.devices.home_of(ip, Some(self.key));
        if let Some(home) = self.places.zone_of_vlan(home) {
            return Some(home);
        }
        if !self.places.is_placeless(ip) {
            return self.places.zone_of_ip(ip);
        }
        let own = self
            .device
            .own
            .iter()
            .filter_map(|index| self.rows.get(*index));
        own.filter(|row| row.ip == Some(ip))
            .find_map(|row| self.places.zone_of_vlan(row.vlan))
    }

    fn hostnames(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .declared()
            .map(|one| one.hostnames.clone())
            .unwrap_or_default();
        let stated: BTreeSet<&str> = self
            .said
            .iter()
            .filter(|identity| identity.attribute == "hostname")
            .map(|identity| identity.value.as_str())
            .collect();
        for name in stated {
            if !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                names.push(name.to_owned());
            }
        }
        names
    }

    /// What contradicts the values that the row has: neither is dropped, since nobody knows here which of them is true.
    fn otherwise(&self, row: &Asset) -> Vec<String> {
        let known = [
            ("maker", &row.maker),
            ("model", &row.model),
            ("order_number", &row.order_number),
            ("firmware", &row.firmware),
            ("serial", &row.serial),
        ];
        let mut told = Vec::new();
        for (attribute, value) in known {
            let mut values: Vec<String> = value.iter().map(|value| plain(value)).collect();
            for one in self.said.iter().filter(|one| one.attribute == attribute) {
                let stated = plain(&one.value);
                // `Siemens` and `SIEMENS AG` are one maker.
                let within = |known: &String| known.contains(&stated) || stated.contains(known);
                let same =
                    |known: &String| *known == stated || (attribute == "maker" && within(known));
                if stated.is_empty() || values.iter().any(same) || told.len() >= MOST_OTHERWISE {
                    continue;
                }
                let when = one.time.local(&self.places.site.time_zone);
                let what = attribute.replace('_', " ");
                told.push(format!("{what} {} (by {}, {when})", one.value, one.source));
                values.push(stated);
            }
        }
        told
    }

    /// What it stated last; the surer grade goes first.
    fn latest(&self, attribute: &str) -> Option<String> {
        let said = self
            .said
            .iter()
            .filter(|identity| identity.attribute == attribute);
        let best = said.max_by_key(|one| {
            (
                std::cmp::Reverse(one.grade.unwrap_or(Grade::Inferred)),
                one.last,
                &one.value,
            )
        });
        best.map(|identity| identity.value.clone())
    }
}
