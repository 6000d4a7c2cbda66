//! What may stand only once: a VLAN or subnet in one zone, an address or MAC on one asset, an address at one party.
use std::collections::BTreeMap;

use super::reader::At;
use super::{Place, Problem, file};

pub(super) fn check(all: &file::File, problems: &mut Vec<Problem>) {
    let mut vlans = Once::new(
        "VLAN",
        "zone",
        "a VLAN belongs to one zone; take it out of the other",
    );
    let mut subnets = Once::new(
        "subnet",
        "zone",
        "a subnet belongs to one zone; take it out of the other",
    );
    for zone in &all.zone.0 {
        for vlan in &zone.vlans.0 {
            vlans.claim(vlan.value.0, &vlan.place, &zone.name, problems);
        }
        for subnet in &zone.subnets.0 {
            subnets.claim(subnet.value.0, &subnet.place, &zone.name, problems);
        }
    }

    let mut ips = Once::new(
        "IP address",
        "asset",
        "an address belongs to one interface; mend the one that is wrong, or give MAC address and VLAN alone where several cranes use the same addresses",
    );
    // A machine may well use one MAC address in several VLANs.
    let mut macs = Once::new(
        "MAC address",
        "asset",
        "a MAC address belongs to one asset; mend the one that is wrong",
    );
    macs.again_at_same = true;
    for asset in &all.asset.0 {
        for interface in &asset.interface.0 {
            if let Some(ip) = &interface.ip.0 {
                ips.claim(ip.value, &ip.place, &asset.name, problems);
            }
            if let Some(mac) = &interface.mac.0 {
                macs.claim(mac.value, &mac.place, &asset.name, problems);
            }
        }
    }

    let mut nets = Once::new(
        "address",
        "party",
        "an address belongs to one party; take it out of the other",
    );
    for party in &all.party.0 {
        for net in &party.addresses.0 {
            nets.claim(net.value.0, &net.place, &party.name, problems);
        }
    }
}

/// Who claimed what first.
struct Once<'a, T> {
    what: &'static str,
    owner: &'static str,
    remedy: &'static str,
    /// Whether the same owner may claim it again.
    again_at_same: bool,
    first: BTreeMap<T, (&'a At<String>, &'a Place)>,
}

impl<'a, T: Ord + std::fmt::Display> Once<'a, T> {
    fn new(what: &'static str, owner: &'static str, remedy: &'static str) -> Once<'a, T> {
        Once {
            what,
            owner,
            remedy,
            again_at_same: false,
            first: BTreeMap::new(),
        }
    }

    fn claim(&mut self, one: T, place: &'a Place, by: &'a At<String>, problems: &mut Vec<Problem>) {
        let Some((owner, earlier)) = self.first.get(&one) else {
            self.first.insert(one, (by, place));
            return;
        };
        let (what, kind, name) = (self.what, self.owner, &by.value);
        if owner.place != by.place {
            problems.push(Problem::new(
                place,
                format!(
                    "{what} {one} of {kind} \"{name}\" is that of {kind} \"{}\" too, at {earlier}",
                    owner.value
                ),
                self.remedy,
            ));
        } else if !self.again_at_same {
            problems.push(Problem::new(
                place,
                format!("{what} {one} stands twice in {kind} \"{name}\", first at {earlier}"),
                "delete one of them",
            ));
        }
    }
}
