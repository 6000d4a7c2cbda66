//! Places: the site's answers to "which zone, which asset", as folding asks them.
use std::collections::BTreeMap;
use std::net::IpAddr;

use facts::kinds::{AddressFact, Capture};
use facts::site::{Asset, Interface, Site, ZoneKind};
use facts::{Mac, Time};
use hashbrown::HashSet;

/// The site, with what folding needs beside its own lookups.
pub(super) struct Places<'a> {
    pub(super) site: &'a Site,
    /// MAC and IP address that one declared interface has.
    declared: HashSet<(Mac, IpAddr)>,
    /// The zones that the sensor of each capture should see.
    watched: Vec<&'a [usize]>,
    /// When each sensor watched, from its first frame to its last, in the order of names.
    spans: BTreeMap<String, (Time, Time)>,
}

impl<'a> Places<'a> {
    pub(super) fn new(site: &'a Site) -> Places<'a> {
        let interfaces = site.assets.iter().flat_map(|asset| &asset.interfaces);
        Places {
            site,
            declared: interfaces
                .filter_map(|one| Some((one.mac?, one.ip?)))
                .collect(),
            watched: Vec::new(),
            spans: BTreeMap::new(),
        }
    }

    /// Remembers what the sensor of each capture should see.
    pub(super) fn watch(&mut self, files: &[Capture]) {
        for (index, file) in files.iter().enumerate() {
            let at = file
                .evidence
                .capture
                .map_or(index, |capture| capture as usize);
            let mut sensors = self.site.sensors.iter();
            let sensor = sensors.find(|one| Some(&one.name) == file.sensor.as_ref());
            if self.watched.len() <= at {
                self.watched.resize(at + 1, &[]);
            }
            if let (Some(slot), Some(sensor)) = (self.watched.get_mut(at), sensor) {
                *slot = &sensor.sees;
            }
            if let (Some(sensor), Some(first), Some(last)) = (sensor, file.time, file.last) {
                let span = self.spans.entry(sensor.name.clone());
                let span = span.or_insert((first, last));
                *span = (span.0.min(first), span.1.max(last));
            }
        }
    }

    /// Two sensors that never watched at the same time, of which one shows the beginning of what lasted from `first` to `last` and one
    /// the end, and nobody what lies between: it lasted that long, or the clock of one is wrong.
    pub(super) fn untimed(&self, first: Time, last: Time) -> Option<[&str; 2]> {
        let spans = || self.spans.iter();
        let (early, (_, ends)) = spans()
            .find(|(_, (from, until))| *from <= first && first <= *until && *until < last)?;
        let (late, (begins, _)) =
            spans().find(|(_, (from, until))| *from <= last && last <= *until && *ends < *from)?;
        let between = spans().any(|(_, (from, until))| from <= ends && begins <= until);
        (!between).then_some([early.as_str(), late.as_str()])
    }

    /// The VLAN in which an address was used. What goes without a tag is where its sensor looks, if the address is of no subnet there
    /// and one zone alone, of one VLAN, has none by which it could be told not to belong to it: cranes that are addressed alike.
    pub(super) fn vlan_of(&self, row: &AddressFact) -> Option<u16> {
        let by_sensor = || {
            let ip = row.ip.filter(|ip| !is_special(*ip))?;
            let sees = self.watched.get(row.evidence.capture? as usize)?;
            let place = self.zone_of_ip(ip).filter(|_| !self.is_placeless(ip))?;
            let mut open = sees.iter().filter(|zone| !self.has_subnets(**zone, ip));
            let (Some(zone), None) = (open.next(), open.next()) else {
                return None;
            };
            match self.site.zones.get(*zone)?.vlans.as_slice() {
                [vlan] if !sees.contains(&place) => Some(*vlan),
                _ => None,
            }
        };
        row.vlan.or_else(by_sensor)
    }

    /// Whether the site gives the address to a device with another MAC address, and this one to nobody. In a VLAN with subnets of its
    /// own that is not the device's, more often its packets are carried on, or it has a second home.
    pub(super) fn is_anothers(&self, ip: IpAddr, mac: Mac, vlan: Option<u16>) -> bool {
        let Some(held) = self.held(ip) else {
            return false;
        };
        let near = match (held.vlan, vlan) {
            (Some(home), Some(vlan)) => home == vlan || self.is_elsewhere(ip, Some(vlan)),
            _ => true,
        };
        near && held.mac.is_some_and(|known| known != mac) && self.asset_of_mac(mac).is_none()
    }

    /// Whether the site declares the address in another VLAN than this, whose zone has no subnets: there it is another device's.
    pub(super) fn is_elsewhere(&self, ip: IpAddr, vlan: Option<u16>) -> bool {
        let home = self.held(ip).and_then(|held| held.vlan);
        let open = |link: usize| !self.has_subnets(link, ip);
        home.is_some() && vlan != home && self.zone_of_vlan(vlan).is_some_and(open)
    }

    /// Whether the address is of another crane's zone by its prefix, and the VLAN of a zone of this kind that has no subnets.
    pub(super) fn is_of_like_crane(&self, ip: IpAddr, vlan: Option<u16>) -> bool {
        let zone = |index: usize| self.site.zones.get(index);
        let link = self
            .zone_of_vlan(vlan)
            .filter(|link| !self.has_subnets(*link, ip));
        let (Some(link), Some(of)) = (link.and_then(zone), self.zone_of_ip(ip).and_then(zone))
        else {
            return false;
        };
        link.kind == of.kind && link.crane.is_some() && of.crane.is_some() && link.crane != of.crane
    }

    /// Whether the site declares the address in this VLAN.
    pub(super) fn is_home(&self, ip: IpAddr, vlan: Option<u16>) -> bool {
        let home = self.held(ip).and_then(|held| held.vlan);
        home.is_some() && vlan == home
    }

    /// The interface that the site declares with the address, of a device that does not join networks by trade.
    fn held(&self, ip: IpAddr) -> Option<&'a Interface> {
        let holder = self.asset(self.asset_of_ip(ip)?)?;
        let mut held = holder.interfaces.iter();
        held.find(|one| one.ip == Some(ip) && !holder.role.joins_networks())
    }

    pub(super) fn has_site(&self) -> bool {
        !self.site.zones.is_empty()
    }

    /// Whether the site declares an interface with just these two.
    pub(super) fn declares(&self, mac: Mac, ip: IpAddr) -> bool {
        self.declared.contains(&(mac, ip))
    }

    pub(super) fn asset_of_ip(&self, ip: IpAddr) -> Option<usize> {
        self.site.asset_of(Some(ip), None, None)
    }

    pub(super) fn asset_of_mac(&self, mac: Mac) -> Option<usize> {
        self.site.asset_of(None, Some(mac), None)
    }

    /// The asset of which the site declares this link-local address: any network may have it, so that a VLAN which the interface
    /// names has to be this one.
    pub(super) fn asset_on_link(&self, ip: IpAddr, vlan: Option<u16>) -> Option<usize> {
        let on_link = match ip {
            IpAddr::V4(ip) => ip.is_link_local(),
            IpAddr::V6(ip) => ip.is_unicast_link_local(),
        };
        let asset = self.asset_of_ip(ip).filter(|_| on_link)?;
        let mut interfaces = self.asset(asset)?.interfaces.iter();
        let is_here = interfaces
            .any(|one| one.ip == Some(ip) && one.vlan.is_none_or(|home| vlan == Some(home)));
        is_here.then_some(asset)
    }

    /// The asset that the site knows by this MAC address in this VLAN, without an IP address, where the one that declares the IP
    /// address is of another VLAN: cranes that are built alike are often addressed alike. A frame without a tag is of the VLAN in
    /// which that MAC address is declared.
    pub(super) fn twin_of(&self, ip: IpAddr, mac: Mac, vlan: Option<u16>) -> Option<usize> {
        let (holder, other) = (self.asset_of_ip(ip)?, self.asset_of_mac(mac)?);
        let mut held = self.asset(holder)?.interfaces.iter();
        let home = held.find(|one| one.ip == Some(ip))?.vlan?;
        let mut others = self.asset(other)?.interfaces.iter();
        let is_here = others.any(|one| {
            let here = vlan.or(one.vlan);
            one.mac == Some(mac) && one.ip.is_none() && one.vlan == here && here != Some(home)
        });
        is_here.then_some(other)
    }

    /// The VLAN in which the site declares that MAC address of an asset.
    pub(super) fn vlan_of_mac(&self, asset: usize, mac: Mac) -> Option<u16> {
        let mut interfaces = self.asset(asset)?.interfaces.iter();
        interfaces.find(|one| one.mac == Some(mac))?.vlan
    }

    pub(super) fn asset(&self, index: usize) -> Option<&'a Asset> {
        self.site.assets.get(index)
    }

    pub(super) fn zone_of_ip(&self, ip: IpAddr) -> Option<usize> {
        self.site.zone_of_ip(ip)
    }

    pub(super) fn zone_of_vlan(&self, vlan: Option<u16>) -> Option<usize> {
        self.site.zone_of_vlan(vlan?)
    }

    /// The zone of an address used in a VLAN: by prefix; else by the VLAN, if its zone has no subnets by which the
    /// address could be told not to belong to it.
    pub(super) fn zone_of(&self, ip: Option<IpAddr>, vlan: Option<u16>) -> Option<usize> {
        self.site.zone_of(ip, vlan).or_else(|| {
            let link = self.zone_of_vlan(vlan)?;
            ip.is_some_and(|ip| !self.has_subnets(link, ip))
                .then_some(link)
        })
    }

    /// Whether the zone has subnets of the address's family.
    pub(super) fn has_subnets(&self, zone: usize, ip: IpAddr) -> bool {
        let zone = self.site.zones.get(zone);
        zone.is_some_and(|zone| {
            zone.subnets
                .iter()
                .any(|net| net.addr().is_ipv4() == ip.is_ipv4())
        })
    }

    pub(super) fn zone_name(&self, zone: Option<usize>) -> Option<String> {
        self.site.zones.get(zone?).map(|zone| zone.name.clone())
    }

    /// Not of the terminal: in a zone of kind internet or third-party, or a public address that belongs to no zone.
    pub(super) fn is_outside(&self, ip: IpAddr) -> bool {
        match self
            .zone_of_ip(ip)
            .and_then(|zone| self.site.zones.get(zone))
        {
            Some(zone) => matches!(zone.kind, ZoneKind::Internet | ZoneKind::ThirdParty),
            None => !is_private(ip),
        }
    }

    /// Whether only the rest of the world holds the address though it is none of the internet's: it says where its device
    /// is not, but not where it is.
    pub(super) fn is_placeless(&self, ip: IpAddr) -> bool {
        let zone = self
            .zone_of_ip(ip)
            .and_then(|zone| self.site.zones.get(zone));
        zone.is_none_or(|zone| zone.kind == ZoneKind::Internet) && (ip.is_ipv6() || is_private(ip))
    }

    pub(super) fn is_party(&self, ip: IpAddr) -> bool {
        self.site.party_of_ip(ip).is_some()
    }
}

/// An address that is nobody's for good or no single device's: unspecified, link-local, loopback, multicast, broadcast.
pub(super) fn is_special(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            ip.is_unspecified()
                || ip.is_link_local()
                || ip.is_loopback()
                || ip.is_multicast()
                || ip.is_broadcast()
        }
        IpAddr::V6(ip) => {
            ip.is_unspecified()
                || ip.is_unicast_link_local()
                || ip.is_loopback()
                || ip.is_multicast()
        }
    }
}

/// An address that is not routed on the internet (RFC 1918, RFC 6598, RFC 4193, link-local).
pub(super) fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let shared = matches!(ip.octets(), [100, 64..=127, _, _]);
            ip.is_private() || ip.is_link_local() || ip.is_loopback() || shared
        }
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_loopback(),
    }
}
