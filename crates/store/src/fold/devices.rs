//! Devices: whose an address is. Declared assets by their interfaces, other devices by their MAC, addresses behind a
//! router by themselves.
//!
//! Addresses outside (zones of kind internet and third-party, public addresses that belong to no zone) are ends of
//! conversations, not assets: nobody wants a row per web server. Nor are groups.
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use facts::kinds::AddressFact;
use facts::{Address, Mac};
use hashbrown::{HashMap, HashSet};

use super::own::{carrier, carries_by_trade};
use super::places::{Places, is_special};
use super::ports::{self, Port};

/// What a device is known by. The order is that of the asset rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Key {
    /// Index of an asset of the site.
    Declared(usize),
    /// Behind a router: nothing but its address is seen.
    Ip(IpAddr),
    Mac(Mac),
}

/// A device and the address rows that tell of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Device {
    pub(super) name: String,
    /// Rows of its own addresses.
    pub(super) own: Vec<usize>,
    /// Rows in which a router carried its address.
    pub(super) carried: Vec<usize>,
    pub(super) macs: BTreeSet<Mac>,
    pub(super) ips: BTreeSet<IpAddr>,
    /// One of its MACs carries addresses of others.
    pub(super) routes: bool,
}

/// Every device, and the ways to find one.
#[derive(Debug, Default)]
pub(super) struct Devices {
    pub(super) all: BTreeMap<Key, Device>,
    by_mac: HashMap<Mac, Key>,
    by_ip: HashMap<IpAddr, Key>,
    /// Addresses that several devices have: the same private network on every crane.
    shared: HashSet<IpAddr>,
    /// Whose such an address is in a VLAN; none where it is several devices' there too.
    by_place: HashMap<(IpAddr, Option<u16>), Option<Key>>,
    /// The VLAN in which a device has such an address.
    home: HashMap<(IpAddr, Key), Option<u16>>,
    /// Key of each address row, where there is one.
    pub(super) of_row: Vec<Option<Key>>,
}

impl Devices {
    pub(super) fn gather(
        rows: &[AddressFact],
        own: &[bool],
        ports: &BTreeMap<Mac, Port>,
        places: &Places<'_>,
    ) -> Devices {
        let mut devices = Devices::default();
        for (index, asset) in places.site.assets.iter().enumerate() {
            devices.all.insert(
                Key::Declared(index),
                Device {
                    name: asset.name.clone(),
                    ..Device::default()
                },
            );
            for mac in asset
                .interfaces
                .iter()
                .filter_map(|interface| interface.mac)
            {
                devices.by_mac.entry(mac).or_insert(Key::Declared(index));
            }
        }
        // Addresses whose declared devices were seen by the MAC address that is declared with it.
        let present: HashSet<IpAddr> = rows
            .iter()
            .filter_map(|row| row.ip.filter(|ip| places.declares(carrier(row), *ip)))
            .collect();
        // Who uses the address of a device that is here, or of one that is elsewhere, by another MAC address is not that device.
        let stranger = |row: &AddressFact| {
            let vlan = places.vlan_of(row);
            row.ip.is_some_and(|ip| {
                (present.contains(&ip) || places.is_elsewhere(ip, vlan))
                    && places.is_anothers(ip, carrier(row), vlan)
                    && !super::own::is_virtual_router(carrier(row))
            })
        };
        // The MAC that owns a declared IP address is the asset's, though the site does not name the MAC.
        let mut owners: BTreeMap<Mac, usize> = BTreeMap::new();
        for (row, _) in rows.iter().zip(own).filter(|(_, own)| **own) {
            let declared = places.asset_of_mac(carrier(row));
            let by_ip = || {
                row.ip
                    .filter(|ip| !is_special(*ip) && !stranger(row))
                    .and_then(|ip| places.asset_of_ip(ip))
            };
            let on_link = || places.asset_on_link(row.ip?, row.vlan);
            if let Some(asset) = declared.or_else(by_ip).or_else(on_link) {
                owners
                    .entry(carrier(row))
                    .and_modify(|known| *known = asset.min(*known))
                    .or_insert(asset);
            }
        }
        for (mac, asset) in silent_carriers(rows, own, places) {
            owners.entry(mac).or_insert(asset);
            devices.by_mac.insert(mac, Key::Declared(asset));
            devices
                .all
                .entry(Key::Declared(asset))
                .or_default()
                .macs
                .insert(mac);
        }
        let mut keys: Vec<Option<Key>> = Vec::with_capacity(rows.len());
        for (row, own) in rows.iter().zip(own) {
            let ip = row.ip.filter(|ip| !is_special(*ip));
            let twin = || places.twin_of(ip?, carrier(row), places.vlan_of(row));
            let declared = own.then(twin).flatten();
            let holder = || places.asset_of_ip(ip?).filter(|_| !*own || !stranger(row));
            let declared = declared.or_else(holder);
            let declared = declared.map(Key::Declared);
            let key = if *own {
                let by_mac = || {
                    owners
                        .get(&carrier(row))
                        .map_or(Key::Mac(carrier(row)), |asset| Key::Declared(*asset))
                };
                carrier(row)
                    .is_device()
                    .then(|| declared.unwrap_or_else(by_mac))
            } else {
                declared
            };
            if *own && stranger(row) {
                // Its declared device has it too, seen or not.
                devices.shared.extend(ip);
            }
            if let (Some(key), true) = (key, *own) {
                let home = devices.by_mac.entry(carrier(row)).or_insert(key);
                *home = key.min(*home);
                if let Some(ip) = ip {
                    let home = devices.by_ip.entry(ip).or_insert(key);
                    if *home != key {
                        devices.shared.insert(ip);
                    }
                    *home = key.min(*home);
                }
            }
            keys.push(key);
        }
        for ((row, _), key) in rows
            .iter()
            .zip(own)
            .zip(&keys)
            .filter(|((_, own), _)| **own)
        {
            let vlan = places.vlan_of(row);
            let ip = row.ip.filter(|ip| {
                devices.is_shared(*ip) || vlan != row.vlan || places.is_of_like_crane(*ip, vlan)
            });
            let (Some(ip), Some(key)) = (ip, *key) else {
                continue;
            };
            let here = devices.by_place.entry((ip, row.vlan));
            let here = here.or_insert(Some(key));
            *here = here.filter(|known| *known == key);
            // A stranger with an address of another zone keeps that one's: that is how it is told.
            let link = places.zone_of_vlan(vlan);
            let foreign = link.is_some_and(|link| places.has_subnets(link, ip));
            // What goes without a tag is where the site says.
            let said = || match key {
                Key::Declared(asset) => places.vlan_of_mac(asset, carrier(row)),
                Key::Ip(_) | Key::Mac(_) => None,
            };
            if matches!(key, Key::Declared(_)) || !foreign {
                let home = vlan.or_else(said);
                devices.home.entry((ip, key)).or_insert(home);
            }
        }
        for ((row, own), key) in rows.iter().zip(own).zip(&mut keys) {
            if let (None, false, Some(ip)) = (*key, *own, row.ip) {
                let behind =
                    || (!places.is_outside(ip) && !places.is_party(ip)).then_some(Key::Ip(ip));
                *key = devices.by_ip.get(&ip).copied().or_else(behind);
            }
        }
        let at = |ip: IpAddr| devices.by_ip.get(&ip).filter(|_| !devices.is_shared(ip));
        let homes = ports::homes(ports, rows, own, &devices.by_mac, |ip| at(ip).copied());
        for key in keys.iter_mut().flatten() {
            if let Key::Mac(mac) = *key {
                *key = homes.get(&mac).copied().unwrap_or(*key);
            }
        }
        devices.by_mac.extend(homes);
        for (index, ((row, own), key)) in rows.iter().zip(own).zip(&keys).enumerate() {
            if !*own && let Some(carrier) = devices.by_mac.get(&carrier(row)) {
                devices.all.entry(*carrier).or_default().routes = true;
            }
            let Some(key) = *key else { continue };
            let device = devices.all.entry(key).or_default();
            if *own {
                device.own.push(index);
                device.macs.insert(carrier(row));
                device.routes |= super::own::is_virtual_router(carrier(row));
            } else {
                device.carried.push(index);
            }
            device.ips.extend(row.ip.filter(|ip| !ip.is_unspecified()));
        }
        for (key, device) in &devices.all {
            for ip in device.ips.iter().filter(|ip| !is_special(**ip)) {
                devices.by_ip.entry(*ip).or_insert(*key);
            }
        }
        devices.of_row = keys;
        devices.name_undeclared(places);
        devices
    }

    /// Undeclared devices are called by their first IP address, else by their MAC; two with the same IP address by both.
    fn name_undeclared(&mut self, places: &Places<'_>) {
        // What a declared device goes by is not another's name.
        let held = places.site.assets.iter().flat_map(|one| &one.interfaces);
        let held: HashSet<IpAddr> = held
            .filter_map(|one| one.ip.filter(|ip| !is_special(*ip)))
            .collect();
        let mut taken: HashMap<String, usize> = held.iter().map(|ip| (ip.to_string(), 1)).collect();
        for (key, device) in &mut self.all {
            let of_own = || {
                let free = device.ips.iter().filter(|ip| !held.contains(*ip));
                first_ip(free).or_else(|| first_ip(&device.ips))
            };
            device.name = match *key {
                Key::Declared(_) => continue,
                Key::Ip(ip) => ip.to_string(),
                Key::Mac(mac) => of_own().map_or(mac.to_string(), |ip| ip.to_string()),
            };
            *taken.entry(device.name.clone()).or_default() += 1;
        }
        for (key, device) in &mut self.all {
            if let Key::Mac(mac) = key
                && taken.get(&device.name).is_some_and(|count| *count > 1)
            {
                device.name = format!("{} ({mac})", device.name);
            }
        }
    }

    pub(super) fn get(&self, key: Key) -> Option<&Device> {
        self.all.get(&key)
    }

    /// The VLAN in which the device has an address that several have.
    pub(super) fn home_of(&self, ip: IpAddr, key: Option<Key>) -> Option<u16> {
        self.home.get(&(ip, key?)).copied().flatten()
    }

    fn has(&self, key: Key, ip: IpAddr) -> bool {
        self.get(key).is_some_and(|one| one.ips.contains(&ip))
    }

    pub(super) fn of_mac(&self, mac: Mac) -> Option<Key> {
        self.by_mac.get(&mac).copied()
    }

    /// Whether several devices have that address, so that it takes the MAC to tell whose it is.
    pub(super) fn is_shared(&self, ip: IpAddr) -> bool {
        self.shared.contains(&ip)
    }

    /// The device at an address that several have, where no MAC address of one of them tells which: the one of that VLAN.
    pub(super) fn of_several(
        &self,
        ip: IpAddr,
        carrier: Option<Mac>,
        vlan: Option<u16>,
    ) -> Option<Key> {
        let by_carrier = carrier.and_then(|mac| self.of_mac(mac));
        let by_vlan = || self.by_place.get(&(ip, vlan)).copied().flatten();
        by_carrier.filter(|key| self.has(*key, ip)).or_else(by_vlan)
    }

    /// The device at an address. An address that is nobody's for good (0.0.0.0, link-local) is told by the MAC that
    /// carried it, and so is one that several devices have, if it is of one of them.
    pub(super) fn at(&self, address: Address, carrier: Option<Mac>) -> Option<Key> {
        match address {
            Address::Mac(mac) => self.of_mac(mac),
            Address::Ip(ip) if is_special(ip) && !address.is_group() => self.of_mac(carrier?),
            Address::Ip(ip) => {
                let carrier = carrier.filter(|_| self.is_shared(ip));
                let by_carrier = carrier.and_then(|mac| self.of_mac(mac));
                by_carrier
                    .filter(|key| self.has(*key, ip))
                    .or_else(|| self.by_ip.get(&ip).copied())
            }
        }
    }
}

/// MACs that carry for others and never showed an address of their own, with the declared asset that each must be: the only
/// one that carries by trade in that VLAN's zone, whose own MAC the site does not name and nobody showed either.
fn silent_carriers(
    rows: &[AddressFact],
    own: &[bool],
    places: &Places<'_>,
) -> BTreeMap<Mac, usize> {
    let mut shown: BTreeSet<IpAddr> = BTreeSet::new();
    let mut silent: BTreeMap<Mac, BTreeSet<Option<usize>>> = BTreeMap::new();
    let mut known: BTreeSet<Mac> = BTreeSet::new();
    for (row, own) in rows.iter().zip(own) {
        let Some(mac) = row.mac.filter(|mac| mac.is_device()) else {
            continue;
        };
        match row.ip.filter(|ip| !is_special(*ip)) {
            Some(ip) if *own => {
                shown.insert(ip);
                known.insert(mac);
            }
            Some(_) => {
                let link = places.zone_of_vlan(row.vlan);
                silent.entry(mac).or_default().insert(link);
            }
            None => {}
        }
    }
    silent.retain(|mac, _| !known.contains(mac) && places.asset_of_mac(*mac).is_none());

    let waits = |asset: usize, link: Option<usize>| {
        let interfaces = places
            .asset(asset)
            .map(|asset| asset.interfaces.as_slice())
            .unwrap_or_default();
        interfaces.iter().any(|one| {
            let here = link.is_none() || places.zone_of(one.ip, one.vlan) == link;
            one.mac.is_none() && here && one.ip.is_none_or(|ip| !shown.contains(&ip))
        })
    };
    let mut found = BTreeMap::new();
    for (mac, links) in &silent {
        let rivals = silent
            .values()
            .filter(|theirs| !theirs.is_disjoint(links))
            .count();
        let mut assets = (0..places.site.assets.len()).filter(|asset| {
            carries_by_trade(places, *asset) && links.iter().all(|link| waits(*asset, *link))
        });
        if let (Some(asset), None, 1) = (assets.next(), assets.next(), rivals) {
            found.insert(*mac, asset);
        }
    }
    found
}

/// The address that a device is called by: IPv4 before IPv6, a lasting one before a link-local one, the lowest first.
pub(super) fn first_ip<'a>(ips: impl IntoIterator<Item = &'a IpAddr>) -> Option<IpAddr> {
    ips.into_iter()
        .copied()
        .min_by_key(|ip| (is_special(*ip), ip.is_ipv6(), *ip))
}
