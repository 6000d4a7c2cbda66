//! Ports of one device that send with a MAC address each, told together by LLDP.
//!
//! A switch announces itself on every port with the port's own MAC address, and names itself the same in all of them: by its
//! chassis, and by the address at which it is managed. Without that one switch would be as many devices as it has ports.
//!
//! What a device says of itself is no proof. So only a MAC address without any IP address of its own, and of the same
//! registered owner as the chassis, becomes a port; whoever has an address stays a device, and the shared chassis is a sign of C3.
//!
//! A port goes to a declared asset only where the chassis' MAC address is that asset's: seen there, or named by the site. The
//! address at which it is managed can be said by anybody; a stranger must not vanish by naming one. So it leads to undeclared
//! devices alone, of the same registered owner. A switch that speaks with another MAC address than its chassis' is whole again
//! once the site names both. (Who pretends the chassis' MAC address of a declared asset could as well send with it.)
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use facts::Mac;
use facts::kinds::{AddressFact, Identity};
use hashbrown::{HashMap, HashSet};

use super::devices::Key;
use super::own::carrier;
use super::places::is_special;

/// Devices on the way from a port to the end of a chain. Real ones have one or two; a made one could be as long as the table.
const MOST_HOPS: usize = 8;

/// What a port says of the device that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Port {
    chassis: Mac,
    /// Where the device is managed.
    address: Option<IpAddr>,
}

/// Ports by their MAC addresses. One that names several chassis is none.
pub(super) fn of(identities: &[Identity]) -> BTreeMap<Mac, Port> {
    let mut told: BTreeMap<Mac, BTreeSet<Mac>> = BTreeMap::new();
    let mut managed: BTreeMap<Mac, BTreeSet<IpAddr>> = BTreeMap::new();
    let said = identities
        .iter()
        .filter(|one| one.attribute == "chassis" && one.source == "lldp");
    for one in said {
        let Some(port) = one.mac else { continue };
        if let Ok(chassis) = one.value.parse::<Mac>() {
            told.entry(port).or_default().insert(chassis);
        }
        managed.entry(port).or_default().extend(one.ip);
    }
    let single = |(port, chassis): (Mac, BTreeSet<Mac>)| {
        let mut chassis = chassis.into_iter();
        let (Some(only), None) = (chassis.next(), chassis.next()) else {
            return None;
        };
        let mut addresses = managed.get(&port).into_iter().flatten();
        let address = match (addresses.next(), addresses.next()) {
            (Some(one), None) => Some(*one),
            _ => None,
        };
        let port_of = Port {
            chassis: only,
            address,
        };
        (only.is_device() && owner(only) == owner(port)).then_some((port, port_of))
    };
    told.into_iter().filter_map(single).collect()
}

/// The registered owner of most MAC addresses, by their first half.
const fn owner(mac: Mac) -> [u8; 3] {
    let [a, b, c, ..] = mac.0;
    [a, b, c]
}

/// For each port without an IP address of its own the device that it belongs to: an undeclared one at the address where it is
/// managed, the one with the chassis' MAC address, or, where several ports name a chassis that nobody saw, one by the
/// chassis' name.
pub(super) fn homes(
    ports: &BTreeMap<Mac, Port>,
    rows: &[AddressFact],
    own: &[bool],
    by_mac: &HashMap<Mac, Key>,
    at: impl Fn(IpAddr) -> Option<Key>,
) -> BTreeMap<Mac, Key> {
    if ports.is_empty() {
        return BTreeMap::new();
    }
    let addressed: HashSet<Mac> = rows
        .iter()
        .zip(own)
        .filter(|(row, own)| **own && row.ip.is_some_and(|ip| !is_special(ip)))
        .map(|(row, _)| carrier(row))
        .collect();
    let mut shared: BTreeMap<Mac, usize> = BTreeMap::new();
    for port in ports.values() {
        *shared.entry(port.chassis).or_default() += 1;
    }
    let home = |(mac, port): (&Mac, &Port)| {
        if addressed.contains(mac) || *by_mac.get(mac)? != Key::Mac(*mac) {
            return None;
        }
        let own_kind =
            |key: &Key| matches!(key, Key::Mac(mac) if owner(*mac) == owner(port.chassis));
        let managed = port.address.and_then(&at).filter(own_kind);
        let seen = by_mac.get(&port.chassis).copied();
        let told = (shared.get(&port.chassis) > Some(&1)).then_some(Key::Mac(port.chassis));
        let home = managed.or(seen).or(told)?;
        (home != Key::Mac(*mac)).then_some((*mac, home))
    };
    let homes: BTreeMap<Mac, Key> = ports.iter().filter_map(home).collect();
    let leads = |mac: &Mac| Some((*mac, end(*mac, &homes)?));
    homes.keys().filter_map(leads).collect()
}

/// Where a port leads, when a chassis may itself be the port of another device: the last of the chain. One that comes back
/// to where it was, or goes on for ever, tells nothing, and the port stays a device.
fn end(port: Mac, homes: &BTreeMap<Mac, Key>) -> Option<Key> {
    let mut home = *homes.get(&port)?;
    for _ in 0..MOST_HOPS {
        let next = match home {
            Key::Mac(chassis) => homes.get(&chassis),
            _ => None,
        };
        let Some(next) = next else { return Some(home) };
        home = *next;
    }
    None
}
