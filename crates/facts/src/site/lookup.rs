//! Where an address belongs: which zone, which asset, which third party.
use std::net::IpAddr;

use super::index::{Tables, stays_on_link};
use super::{Interface, Party, Sensor, Site, Who, pattern};
use crate::Mac;
use crate::kinds::Name;

impl Site {
    pub(super) fn tables(&self) -> &Tables {
        self.index.of(self)
    }

    /// The zone with the longest prefix that holds the address.
    ///
    /// An address that is not routed on the internet (RFC 6890) is never there: the `/0` of a zone of kind `internet` does
    /// not hold it, so that a modem's private network in a crane VLAN is an address of no zone.
    pub fn zone_of_ip(&self, ip: IpAddr) -> Option<usize> {
        self.tables().zone_of_ip(self, ip)
    }

    /// Index of the zone that lists the VLAN.
    pub fn zone_of_vlan(&self, vlan: u16) -> Option<usize> {
        self.tables().vlans.get(&vlan).copied()
    }

    /// The zone by address; by VLAN where there is no address, or one that stays on its link and that no subnet holds.
    pub fn zone_of(&self, ip: Option<IpAddr>, vlan: Option<u16>) -> Option<usize> {
        let by_vlan = || vlan.and_then(|vlan| self.zone_of_vlan(vlan));
        match ip {
            Some(ip) if stays_on_link(ip) => self.zone_of_ip(ip).or_else(by_vlan),
            Some(ip) => self.zone_of_ip(ip),
            None => by_vlan(),
        }
    }

    /// The asset that has the address, or else that has the MAC address.
    ///
    /// The address counts in whatever VLAN: a routed packet is seen in several. The MAC address counts where there is no
    /// address or one that stays on its link; and where its interface declares no address, unless the address is of another
    /// zone than the VLAN, since the MAC address is then that of a router on the way.
    pub fn asset_of(
        &self,
        ip: Option<IpAddr>,
        mac: Option<Mac>,
        vlan: Option<u16>,
    ) -> Option<usize> {
        if let Some(asset) = ip.and_then(|ip| self.tables().ips.get(&ip)) {
            return Some(*asset);
        }
        let group = match ip {
            Some(IpAddr::V4(ip)) => ip.is_multicast() || ip.is_broadcast(),
            Some(IpAddr::V6(ip)) => ip.is_multicast(),
            None => false,
        };
        let candidates = self.tables().macs.get(&mac.filter(|_| !group)?)?;
        candidates
            .iter()
            .find(|(asset, at)| self.is_at(*asset, *at, ip, vlan))
            .map(|(asset, _)| *asset)
    }

    /// Whether an interface whose MAC address was seen with this address in this VLAN is the one that spoke.
    fn is_at(&self, asset: usize, at: usize, ip: Option<IpAddr>, vlan: Option<u16>) -> bool {
        let Some(asset) = self.assets.get(asset) else {
            return false;
        };
        let Some(Interface {
            ip: declared,
            vlan: home,
            ..
        }) = asset.interfaces.get(at)
        else {
            return false;
        };
        if let (Some(home), Some(vlan)) = (home, vlan)
            && *home != vlan
        {
            return false;
        }
        let Some(ip) = ip.filter(|ip| !stays_on_link(*ip)) else {
            return true;
        };
        let by_ip = self.zone_of_ip(ip);
        let by_vlan = vlan.or(*home).and_then(|vlan| self.zone_of_vlan(vlan));
        let own = match (by_ip, by_vlan) {
            (Some(one), Some(other)) => one == other,
            // What forwards by trade carries the addresses of others more often than its own.
            _ => !asset.role.joins_networks(),
        };
        declared.is_none() && own
    }

    /// The third party with the longest prefix that holds the address.
    pub fn party_of_ip(&self, ip: IpAddr) -> Option<usize> {
        self.tables().parties.find(ip)
    }

    /// The third party to whose domain the name belongs, label by label; the longest domain wins.
    pub fn party_of_name(&self, name: &str) -> Option<usize> {
        let labels = |party: &Party| {
            let domains = party
                .domains
                .iter()
                .filter(|domain| Name::is_within(name, domain));
            domains.map(|domain| domain.split('.').count()).max()
        };
        let owners = self
            .parties
            .iter()
            .enumerate()
            .filter_map(|(index, party)| Some((labels(party)?, index)));
        owners
            .max_by_key(|(labels, index)| (*labels, std::cmp::Reverse(*index)))
            .map(|(_, index)| index)
    }

    /// Everything that the site says of one end of a conversation.
    pub fn who(&self, ip: Option<IpAddr>, mac: Option<Mac>, vlan: Option<u16>) -> Who {
        let asset = self.asset_of(ip, mac, vlan);
        let own_zone = || match self.zones_of_asset(asset?) {
            [only] => Some(*only),
            _ => None,
        };
        // An address that is of no zone is worth knowing; what has none is where its interface is.
        let zone = self.zone_of(ip, vlan).or_else(|| {
            if ip.is_none_or(stays_on_link) {
                own_zone()
            } else {
                None
            }
        });
        Who {
            asset,
            zone,
            party: ip.and_then(|ip| self.party_of_ip(ip)),
            ip,
        }
    }

    /// The zones in which the asset has interfaces, each once, in the order of its interfaces.
    pub fn zones_of_asset(&self, asset: usize) -> &[usize] {
        self.tables()
            .asset_zones
            .get(asset)
            .map_or(&[], Vec::as_slice)
    }

    /// The sensor that wrote a capture, by its base name; the first whose pattern fits.
    pub fn sensor_of(&self, capture: &str) -> Option<usize> {
        self.sensors.iter().position(|sensor| sensor.wrote(capture))
    }
}

impl Sensor {
    /// Whether a capture of this base name is one of the sensor's: by its patterns, or as a piece of the ring of packets
    /// that `seawall run` kept of its interface.
    pub fn wrote(&self, capture: &str) -> bool {
        let kept = || pattern::matches(&format!("{}_????????T??????Z_w*", self.label()), capture);
        self.captures
            .iter()
            .any(|wanted| pattern::matches(wanted, capture))
            || self.interface.is_some() && kept()
    }

    /// The sensor's name as files can bear it.
    pub fn label(&self) -> String {
        let plain = |c: char| {
            if c.is_ascii_alphanumeric() || c == '.' {
                c
            } else {
                '-'
            }
        };
        self.name.chars().map(plain).collect()
    }
}
