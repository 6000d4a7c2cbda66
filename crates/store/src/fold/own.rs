//! Own and carried addresses: which IP addresses are the MAC's own, and which it only carries for others.
//!
//! A router's MAC sends packets of many addresses; those behind it are not its own, and no new devices of that VLAN. What
//! decides, best first: the interfaces that the site declares; a claim by ARP, neighbour discovery or DHCP; another MAC
//! that has the better claim; a role that carries by trade; whether the address fits the network of the VLAN; and last
//! the distance by TTL together with how much the MAC carries. Firewalls that do not count down the TTL are the reason
//! why distance alone proves nothing.
use std::collections::BTreeSet;
use std::net::IpAddr;

use facts::Mac;
use facts::kinds::AddressFact;
use facts::site::{Role, ZoneKind};
use hashbrown::{HashMap, HashSet};

use super::places::{Places, is_private, is_special};

/// A MAC that sends for more addresses than this without claiming them is a router, not a device with several addresses.
const FEW: usize = 4;

/// A distance from here on is a TTL of at most 4: not a host far away, but one that means to stay on its link.
pub(super) const LINK_SCOPE: u8 = 28;

/// The MAC address that sent a row's packets; all zero, which is no device's, in captures without a link layer.
pub(super) fn carrier(row: &AddressFact) -> Mac {
    row.mac.unwrap_or_default()
}

/// MAC addresses that routers share: VRRP (RFC 9568, 7.3), HSRP versions 1 and 2, GLBP.
pub(super) fn is_virtual_router(mac: Mac) -> bool {
    matches!(
        mac.0,
        [0x00, 0x00, 0x5e, 0x00, 0x01 | 0x02, _]
            | [0x00, 0x00, 0x0c, 0x07, 0xac, _]
            | [0x00, 0x00, 0x0c, 0x9f, 0xf0..=0xff, _]
            | [0x00, 0x07, 0xb4, _, _, _]
    )
}

/// For each address row whether the address is the MAC's own.
pub(super) fn judge(rows: &[AddressFact], places: &Places<'_>) -> Vec<bool> {
    let evidence = Evidence::gather(rows, places);
    let mut own: Vec<bool> = rows
        .iter()
        .map(|row| evidence.is_own(row, places))
        .collect();
    // Of several MACs that could own an address without having claimed it, those that carry least do.
    let mut least: HashMap<IpAddr, usize> = HashMap::new();
    let unclaimed = |row: &AddressFact| row.ip.filter(|ip| !row.claimed && !is_special(*ip));
    for (row, _) in rows.iter().zip(&own).filter(|(_, own)| **own) {
        if let Some(ip) = unclaimed(row) {
            let carries = evidence.carries(carrier(row));
            least
                .entry(ip)
                .and_modify(|least| *least = carries.min(*least))
                .or_insert(carries);
        }
    }
    for (row, own) in rows.iter().zip(&mut own) {
        if let Some(ip) = unclaimed(row) {
            *own &= least
                .get(&ip)
                .is_none_or(|least| evidence.carries(carrier(row)) <= *least);
        }
    }
    own
}

/// What all rows together tell of one.
struct Evidence {
    /// Addresses that a MAC sent for without claiming them.
    carries: HashMap<Mac, BTreeSet<IpAddr>>,
    /// MACs that have the best claim on an address: the declared one if it was seen with it, else who claimed it.
    homes: HashMap<IpAddr, BTreeSet<Mac>>,
    /// MACs of declared assets that carry by trade, by what the site declares or by the declared address they claim.
    carriers: HashMap<Mac, usize>,
    /// MACs that claimed any address.
    claimants: HashSet<Mac>,
    /// MACs by VLAN and network of their addresses.
    networks: HashMap<(Option<u16>, u128), BTreeSet<Mac>>,
    /// Addresses for which a MAC answers, and which are others' (proxy ARP): these claims prove nothing.
    proxied: HashSet<(Mac, IpAddr)>,
}

impl Evidence {
    fn gather(rows: &[AddressFact], places: &Places<'_>) -> Evidence {
        let proxied = proxied(rows, places);
        let mut carries: HashMap<Mac, BTreeSet<IpAddr>> = HashMap::new();
        let mut homes: HashMap<IpAddr, BTreeSet<Mac>> = HashMap::new();
        let mut declared: HashMap<IpAddr, BTreeSet<Mac>> = HashMap::new();
        let mut carriers: HashMap<Mac, usize> = HashMap::new();
        let mut claimants: HashSet<Mac> = HashSet::new();
        let mut networks: HashMap<(Option<u16>, u128), BTreeSet<Mac>> = HashMap::new();
        for row in rows {
            let by_claim = || {
                row.ip
                    .filter(|_| row.claimed)
                    .and_then(|ip| places.asset_of_ip(ip))
            };
            if let Some(asset) = places
                .asset_of_mac(carrier(row))
                .or_else(by_claim)
                .filter(|one| carries_by_trade(places, *one))
            {
                carriers
                    .entry(carrier(row))
                    .and_modify(|known| *known = asset.min(*known))
                    .or_insert(asset);
            }
            let Some(ip) = row.ip.filter(|ip| !is_special(*ip)) else {
                continue;
            };
            let around = networks.entry((row.vlan, network(ip))).or_default();
            around.insert(carrier(row));
            if row.claimed {
                claimants.insert(carrier(row));
            }
            // A claim on another crane's like address takes nothing from who has it here.
            let of_twin = || {
                places
                    .twin_of(ip, carrier(row), places.vlan_of(row))
                    .is_some()
            };
            if row.claimed && !proxied.contains(&(carrier(row), ip)) && !of_twin() {
                homes.entry(ip).or_default().insert(carrier(row));
            }
            if places.declares(carrier(row), ip) {
                declared.entry(ip).or_default().insert(carrier(row));
            }
            if !row.claimed {
                carries.entry(carrier(row)).or_default().insert(ip);
            }
        }
        homes.extend(declared);
        Evidence {
            carries,
            homes,
            carriers,
            claimants,
            networks,
            proxied,
        }
    }

    /// Whether a MAC that sends for this one address alone shares its network with another such MAC on the same wire: then
    /// an odd TTL is a habit of its maker (controllers that start at 30), not a distance.
    fn is_among_neighbours(&self, vlan: Option<u16>, mac: Mac, ip: IpAddr) -> bool {
        let alone = |mac: &Mac| self.carries(*mac) <= 1;
        let around = self.networks.get(&(vlan, network(ip)));
        alone(&mac)
            && !self.claimants.contains(&mac)
            && around.is_some_and(|macs| macs.iter().any(|other| *other != mac && alone(other)))
    }

    fn carries(&self, mac: Mac) -> usize {
        self.carries.get(&mac).map_or(0, BTreeSet::len)
    }

    fn is_own(&self, row: &AddressFact, places: &Places<'_>) -> bool {
        // Captures without MAC addresses (raw IP, loopback) show nobody's own.
        if !carrier(row).is_device() {
            return false;
        }
        let Some(ip) = row.ip.filter(|ip| !is_special(*ip)) else {
            return true;
        };
        if places.declares(carrier(row), ip) {
            return true;
        }
        if row.claimed && !self.proxied.contains(&(carrier(row), ip)) {
            return true;
        }
        let near = row.hops.is_none_or(|hops| hops == 0 || hops >= LINK_SCOPE);
        let among = || self.is_among_neighbours(row.vlan, carrier(row), ip);
        // Who uses a declared device's address from its own VLAN, or from where that device is not, without a router between, is
        // somebody else.
        let vlan = places.vlan_of(row);
        let beside = places.is_home(ip, vlan) || places.is_elsewhere(ip, vlan);
        if beside
            && row.hops == Some(0)
            && self.carries(carrier(row)) <= 1
            && !is_virtual_router(carrier(row))
            && places.is_anothers(ip, carrier(row), vlan)
        {
            return true;
        }
        // Of cranes that are addressed alike, who is declared by its MAC address needs no claim: it speaks here by its own.
        if places.twin_of(ip, carrier(row), vlan).is_some() && (near || among()) {
            return true;
        }
        if self
            .homes
            .get(&ip)
            .is_some_and(|homes| !homes.contains(&carrier(row)))
        {
            return false;
        }
        if is_virtual_router(carrier(row)) {
            return false;
        }
        if let Some(asset) = self.carriers.get(&carrier(row)) {
            return places.asset_of_ip(ip) == Some(*asset);
        }
        let carries = self.carries(carrier(row));
        if places.is_outside(ip) {
            // A gateway's MAC brings the world; a stray device of a private network shows itself alone.
            return near
                && if is_private(ip) {
                    carries <= FEW
                } else {
                    carries <= 1 && !places.has_site()
                };
        }
        match places.zone_of_vlan(row.vlan) {
            Some(link) if places.has_subnets(link, ip) => match places.zone_of_ip(ip) {
                Some(zone) if zone == link => near || carries <= 1,
                Some(_) => false,
                None => near && carries <= FEW,
            },
            _ => (near && carries <= FEW) || among(),
        }
    }
}

/// What MAC addresses claim of other zones, in a VLAN in which they have an address of its zone too (RFC 1027: whoever answers for
/// others is at home where they are asked for). A packet that came from the address without having crossed a router shows
/// that it is a second address of the same device.
fn proxied(rows: &[AddressFact], places: &Places<'_>) -> HashSet<(Mac, IpAddr)> {
    let claims = || rows.iter().filter(|row| row.claimed);
    let place = |row: &AddressFact| {
        let (ip, link) = (row.ip?, places.zone_of_vlan(row.vlan)?);
        let known = ip.is_ipv4() && !is_special(ip) && places.has_subnets(link, ip);
        known.then_some((ip, link, places.zone_of_ip(ip)?))
    };
    let strange: Vec<_> = claims()
        .filter_map(|row| {
            let (ip, link, zone) = place(row)?;
            let there = places.site.zones.get(zone)?;
            let elsewhere = zone != link
                && there.kind != ZoneKind::Internet
                && !row.vlan.is_some_and(|vlan| there.vlans.contains(&vlan));
            let theirs = elsewhere && row.hops != Some(0) && !places.declares(carrier(row), ip);
            theirs.then_some((carrier(row), row.vlan, ip))
        })
        .collect();
    if strange.is_empty() {
        return HashSet::new();
    }
    let at_home: HashSet<(Mac, Option<u16>)> = claims()
        .filter(|row| place(row).is_some_and(|(_, link, zone)| zone == link))
        .map(|row| (carrier(row), row.vlan))
        .collect();
    let strange = strange.into_iter();
    strange
        .filter(|(mac, vlan, _)| at_home.contains(&(*mac, *vlan)))
        .map(|(mac, _, ip)| (mac, ip))
        .collect()
}

/// The usual network of an address, where no site says which: the first 24 bits of IPv4, 64 of IPv6.
fn network(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u128::from(ip.to_bits() >> 8),
        IpAddr::V6(ip) => ip.to_bits() >> 64 << 64,
    }
}

/// Whether the asset carries packets of others by its role.
pub(super) fn carries_by_trade(places: &Places<'_>, asset: usize) -> bool {
    let role = places.asset(asset).map(|asset| asset.role);
    matches!(
        role,
        Some(Role::Router | Role::Firewall | Role::Switch | Role::Modem | Role::Wireless)
    )
}
