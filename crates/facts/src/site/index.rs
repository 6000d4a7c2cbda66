//! What lookups would otherwise search for: built once, at the first lookup.
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::OnceLock;

use ipnet::IpNet;

use super::{End, Site, WorkOrder, ZoneKind};
use crate::{Mac, Time};

/// The tables behind the lookups of a [`Site`].
#[derive(Default)]
pub struct Index(OnceLock<Tables>);

impl Index {
    pub(super) fn of<'s>(&'s self, site: &'s Site) -> &'s Tables {
        self.0.get_or_init(|| Tables::new(site))
    }
}

/// A copy of a site may be changed, so it builds its own.
impl Clone for Index {
    fn clone(&self) -> Index {
        Index::default()
    }
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.get().is_some() {
            "Index(built)"
        } else {
            "Index(not built)"
        })
    }
}

pub(super) struct Tables {
    pub(super) zones: Prefixes,
    pub(super) vlans: HashMap<u16, usize>,
    /// Asset by address.
    pub(super) ips: HashMap<IpAddr, usize>,
    /// Asset and interface by MAC address, in the order of the site.
    pub(super) macs: HashMap<Mac, Vec<(usize, usize)>>,
    /// Zones of each asset's interfaces, each once.
    pub(super) asset_zones: Vec<Vec<usize>>,
    pub(super) parties: Prefixes,
    pub(super) from: Reach,
    pub(super) to: Reach,
    pub(super) orders: Days,
}

impl Tables {
    fn new(site: &Site) -> Tables {
        let mut tables = Tables {
            zones: Prefixes::default(),
            vlans: HashMap::new(),
            ips: HashMap::new(),
            macs: HashMap::new(),
            asset_zones: Vec::new(),
            parties: Prefixes::default(),
            from: Reach::new(site),
            to: Reach::new(site),
            orders: Days::default(),
        };
        for (index, order) in site.work_orders.iter().enumerate() {
            tables.orders.add(order, index);
        }
        for (index, zone) in site.zones.iter().enumerate() {
            zone.subnets
                .iter()
                .for_each(|net| tables.zones.add(*net, index));
            for vlan in &zone.vlans {
                tables.vlans.entry(*vlan).or_insert(index);
            }
        }
        for (index, party) in site.parties.iter().enumerate() {
            party
                .addresses
                .iter()
                .for_each(|net| tables.parties.add(*net, index));
        }
        for (index, asset) in site.assets.iter().enumerate() {
            let mut zones = Vec::new();
            for (at, interface) in asset.interfaces.iter().enumerate() {
                if let Some(ip) = interface.ip {
                    tables.ips.entry(ip).or_insert(index);
                }
                if let Some(mac) = interface.mac {
                    tables.macs.entry(mac).or_default().push((index, at));
                }
                let zone = match interface.ip {
                    Some(ip) => tables.zone_of_ip(site, ip),
                    None => interface
                        .vlan
                        .and_then(|vlan| tables.vlans.get(&vlan).copied()),
                };
                zones.extend(zone.filter(|zone| !zones.contains(zone)));
            }
            tables.asset_zones.push(zones);
        }
        for (index, conduit) in site.conduits.iter().enumerate() {
            conduit
                .from
                .iter()
                .for_each(|end| tables.from.add(end, index));
            conduit.to.iter().for_each(|end| tables.to.add(end, index));
        }
        tables
    }

    /// As [`Site::zone_of_ip`].
    pub(super) fn zone_of_ip(&self, site: &Site, ip: IpAddr) -> Option<usize> {
        let index = self.zones.find(ip)?;
        let zone = site.zones.get(index)?;
        let by_more_than_everything = || {
            let mut subnets = zone.subnets.iter();
            subnets.any(|subnet| subnet.prefix_len() > 0 && subnet.contains(&ip))
        };
        let elsewhere = zone.kind == ZoneKind::Internet && is_private(ip);
        (!elsewhere || by_more_than_everything()).then_some(index)
    }
}

/// Longest prefix match.
#[derive(Default)]
pub(super) struct Prefixes {
    owners: HashMap<IpNet, usize>,
    /// Prefix lengths in use, longest first.
    v4: Vec<u8>,
    v6: Vec<u8>,
}

impl Prefixes {
    fn add(&mut self, net: IpNet, owner: usize) {
        let lengths = if net.addr().is_ipv4() {
            &mut self.v4
        } else {
            &mut self.v6
        };
        if !lengths.contains(&net.prefix_len()) {
            lengths.push(net.prefix_len());
            lengths.sort_unstable_by(|a, b| b.cmp(a));
        }
        self.owners.entry(net.trunc()).or_insert(owner);
    }

    /// The owner of the longest prefix that holds `ip`; `0.0.0.0/0` and `::/0` hold no address that stays on its link.
    pub(super) fn find(&self, ip: IpAddr) -> Option<usize> {
        let shortest = u8::from(stays_on_link(ip));
        let lengths = if ip.is_ipv4() { &self.v4 } else { &self.v6 };
        lengths
            .iter()
            .filter(|length| **length >= shortest)
            .find_map(|length| {
                self.owners
                    .get(&IpNet::new(ip, *length).ok()?.trunc())
                    .copied()
            })
    }
}

/// Addresses that no router forwards (RFC 4291, 2.5.6; RFC 3927, 7; RFC 1122, 3.2.1.3), and multicast, which stands for
/// no place: they say nothing about the zone.
pub(super) fn stays_on_link(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            ip.is_link_local() || ip.is_multicast() || ip.is_broadcast() || ip.is_unspecified()
        }
        IpAddr::V6(ip) => ip.is_unicast_link_local() || ip.is_multicast() || ip.is_unspecified(),
    }
}

/// Whether the address is for use inside of networks only (RFC 1918, RFC 6598, RFC 4193, RFC 3927, loopback).
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            let shared = first == 100 && (64..128).contains(&second);
            ip.is_private() || shared || ip.is_link_local() || ip.is_loopback()
        }
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_loopback(),
    }
}

/// Nanoseconds of a day, and days from which on a work order is long.
const DAY: i64 = 86_400_000_000_000;
const LONG: i64 = 31;

/// Work orders by the days on which they are in force: of years there are tens of thousands, and of a day a few.
#[derive(Default)]
pub(super) struct Days {
    days: HashMap<i64, Vec<usize>>,
    long: Vec<usize>,
}

impl Days {
    fn add(&mut self, order: &WorkOrder, index: usize) {
        let day = |time: Time| time.0.div_euclid(DAY);
        let (first, last) = (day(order.from), day(order.until));
        if last - first >= LONG {
            self.long.push(index);
        } else {
            (first..=last).for_each(|day| self.days.entry(day).or_default().push(index));
        }
    }

    /// Those that may be in force at that time, in the order of the site.
    pub(super) fn at(&self, at: Time) -> impl Iterator<Item = usize> + use<'_> {
        let mut short = self.days.get(&at.0.div_euclid(DAY)).into_iter().flatten();
        let mut long = self.long.iter();
        let (mut next_short, mut next_long) = (short.next(), long.next());
        std::iter::from_fn(move || {
            let is_short = match (next_short, next_long) {
                (Some(one), Some(other)) => one < other,
                (one, _) => one.is_some(),
            };
            let next = match is_short {
                true => std::mem::replace(&mut next_short, short.next()),
                false => std::mem::replace(&mut next_long, long.next()),
            };
            next.copied()
        })
    }
}

/// Which conduits name an end, as bits in the order of the site: asking for both ends at once is an `and`.
pub(super) struct Reach {
    assets: Vec<Vec<u64>>,
    zones: Vec<Vec<u64>>,
    parties: Vec<Vec<u64>>,
    /// Conduits that name addresses, outright or by a party: candidates for every end with an address.
    nets: Vec<u64>,
}

impl Reach {
    fn new(site: &Site) -> Reach {
        let empty = vec![0; site.conduits.len().div_ceil(64)];
        Reach {
            assets: vec![empty.clone(); site.assets.len()],
            zones: vec![empty.clone(); site.zones.len()],
            parties: vec![empty.clone(); site.parties.len()],
            nets: empty,
        }
    }

    fn add(&mut self, end: &End, conduit: usize) {
        let set = |bits: Option<&mut Vec<u64>>| {
            if let Some(word) = bits.and_then(|bits| bits.get_mut(conduit / 64)) {
                *word |= 1 << (conduit % 64);
            }
        };
        match end {
            End::Asset(index) => set(self.assets.get_mut(*index)),
            End::Zone(index) => set(self.zones.get_mut(*index)),
            End::Party(index) => {
                set(self.parties.get_mut(*index));
                set(Some(&mut self.nets));
            }
            End::Net(_) => set(Some(&mut self.nets)),
        }
    }

    /// 64 conduits from `64 * word` on that may cover this end.
    pub(super) fn candidates(
        &self,
        word: usize,
        asset: Option<usize>,
        zones: &[usize],
        party: Option<usize>,
        has_ip: bool,
    ) -> u64 {
        let of = |all: &[Vec<u64>], index: usize| {
            all.get(index)
                .and_then(|bits| bits.get(word))
                .copied()
                .unwrap_or(0)
        };
        let asset = asset.map_or(0, |index| of(&self.assets, index));
        let party = party.map_or(0, |index| of(&self.parties, index));
        let zones = zones
            .iter()
            .fold(0, |bits, index| bits | of(&self.zones, *index));
        let nets = if has_ip {
            self.nets.get(word).copied().unwrap_or(0)
        } else {
            0
        };
        asset | party | zones | nets
    }
}
