//! Ends: what the site and the devices say of one end of a conversation, worked out once per address.
use std::net::IpAddr;
use std::rc::Rc;

use facts::kinds::Conversation;
use facts::site::Who;
use facts::{Address, Mac, Shared};
use hashbrown::HashMap;

use super::devices::{Devices, Key};
use super::places::{Places, is_special};

/// One end as the columns need it.
#[derive(Clone, Debug)]
pub(super) struct End {
    /// Number of this end among all: the same again for the same address.
    pub(super) id: usize,
    pub(super) who: Who,
    /// The device there, where one is known.
    pub(super) device: Option<Key>,
    /// Name of the asset, else the address.
    pub(super) asset: Shared,
    pub(super) zone: Option<Shared>,
    pub(super) party: Option<Shared>,
    /// Broadcast or multicast.
    pub(super) group: bool,
}

/// Every end asked for so far.
pub(super) struct Ends<'a> {
    pub(super) places: &'a Places<'a>,
    devices: &'a Devices,
    /// Zones of undeclared addresses that belong to no subnet, by the VLAN in which their owner uses them.
    by_link: HashMap<IpAddr, usize>,
    /// Parties by the name that a client looked up, by client and address.
    named: HashMap<(Address, IpAddr), usize>,
    /// Parties by an address that a resolver gave for a name of theirs, whoever asked.
    resolved: HashMap<IpAddr, usize>,
    known: HashMap<(Address, Option<Mac>, Option<u16>), Rc<End>>,
    /// Those to which proxies were to lead, by the name that was asked for.
    led: HashMap<String, Rc<End>>,
    /// Names of the site's zones and parties, in memory once for all ends that bear them: a million rows count who holds one.
    zone_names: Vec<Shared>,
    party_names: Vec<Shared>,
}

impl<'a> Ends<'a> {
    pub(super) fn new(
        places: &'a Places<'a>,
        devices: &'a Devices,
        by_link: HashMap<IpAddr, usize>,
    ) -> Ends<'a> {
        let zones = places.site.zones.iter();
        let parties = places.site.parties.iter();
        Ends {
            zone_names: zones.map(|zone| zone.name.as_str().into()).collect(),
            party_names: parties.map(|party| party.name.as_str().into()).collect(),
            places,
            devices,
            by_link,
            named: HashMap::new(),
            resolved: HashMap::new(),
            known: HashMap::new(),
            led: HashMap::new(),
        }
    }

    /// Makes others that know the same names, each for a thread of its own.
    pub(super) fn maker(&self) -> impl Fn() -> Ends<'a> + Sync + use<'a, '_> {
        let (places, devices) = (self.places, self.devices);
        let (by_link, named, resolved) = (&self.by_link, &self.named, &self.resolved);
        move || Ends {
            named: named.clone(),
            resolved: resolved.clone(),
            ..Ends::new(places, devices, by_link.clone())
        }
    }

    /// Remembers that `client` knows `ip` by a name of that third party; of several the first of the site stays.
    pub(super) fn is_named(&mut self, client: Address, ip: IpAddr, party: usize) {
        self.named
            .entry((client, ip))
            .and_modify(|known| *known = party.min(*known))
            .or_insert(party);
    }

    /// Remembers that a resolver gives `ip` for a name of that third party; of several the first of the site stays.
    pub(super) fn is_resolved(&mut self, ip: IpAddr, party: usize) {
        self.resolved
            .entry(ip)
            .and_modify(|known| *known = party.min(*known))
            .or_insert(party);
    }

    /// Knows a third party by name that is known by no address. Who is asked is who the asking one looked up: others may share
    /// the address. Who asks says no name, so that a resolver gives its address for one has to do.
    pub(super) fn by_names(
        &self,
        (client, from): (Address, &mut Rc<End>),
        (server, to): (Address, &mut Rc<End>),
    ) {
        let unknown = |end: &End| end.who.party.is_none();
        let stranger = |end: &End| unknown(end) && end.who.asset.is_none();
        if let Some(ip) = client.ip().filter(|_| stranger(from))
            && let Some(party) = self.resolved.get(&ip)
        {
            self.name(from, *party);
        }
        if let Some(ip) = server.ip().filter(|_| unknown(to))
            && let Some(party) = self.named.get(&(client, ip))
        {
            self.name(to, *party);
        }
    }

    fn name(&self, end: &mut Rc<End>, party: usize) {
        let end = Rc::make_mut(end);
        end.who.party = Some(party);
        end.party = self.party_name(Some(party));
    }

    /// The end at an address. The MAC that carried its packets and the VLAN count only where the address says nothing by
    /// itself: a MAC address, 0.0.0.0, link-local, one that several devices have.
    pub(super) fn at(
        &mut self,
        address: Address,
        carrier: Option<Mac>,
        vlan: Option<u16>,
    ) -> Rc<End> {
        let key = match address {
            Address::Ip(ip) if is_special(ip) || self.devices.is_shared(ip) => {
                (address, carrier, vlan)
            }
            Address::Ip(_) => (address, None, None),
            Address::Mac(_) => (address, None, vlan),
        };
        if let Some(end) = self.known.get(&key) {
            return Rc::clone(end);
        }
        let end = Rc::new(self.work_out(key.0, key.1, key.2));
        self.known.insert(key, Rc::clone(&end));
        end
    }

    /// Where a proxy was to lead a conversation, where that was asked for by name: what allows one to speak to the proxy
    /// does not allow what is behind it. Where the name is none of the site's, whoever allows a proxy allows what proxies
    /// are for.
    pub(super) fn led_to(&mut self, one: &Conversation) -> Option<Rc<End>> {
        let end = self.named(one.asked_for.as_deref())?;
        (end.who.asset.is_some() || one.parent.is_none()).then_some(end)
    }

    /// The end behind a proxy that was asked for by this name.
    pub(super) fn named(&mut self, asked_for: Option<&str>) -> Option<Rc<End>> {
        let name = asked_for?;
        if let Some(end) = self.led.get(name) {
            return Some(Rc::clone(end));
        }
        let end = self.by_name(name);
        self.led.insert(name.to_owned(), Rc::clone(&end));
        Some(end)
    }

    /// The asset that the site calls so, by its whole name; else an end of which nothing but the name is known.
    fn by_name(&mut self, name: &str) -> Rc<End> {
        let site = self.places.site;
        let is = |known: &String| known.trim_end_matches('.').eq_ignore_ascii_case(name);
        let mut assets = site.assets.iter();
        let asset = assets.find(|asset| is(&asset.name) || asset.hostnames.iter().any(is));
        let interfaces = asset.map_or(&[][..], |asset| &asset.interfaces);
        if let Some(ip) = interfaces.iter().find_map(|one| one.ip) {
            return self.at(Address::Ip(ip), None, None);
        }
        // One that gets its address by DHCP is declared by its MAC address alone.
        if let Some((mac, vlan)) = interfaces.iter().find_map(|one| Some((one.mac?, one.vlan))) {
            return self.at(Address::Mac(mac), None, vlan);
        }
        let party = site.party_of_name(name);
        let who = Who {
            party,
            ..Who::default()
        };
        Rc::new(End {
            // Those with an address are counted from the other end.
            id: usize::MAX - self.led.len(),
            who,
            device: None,
            asset: name.into(),
            zone: None,
            party: self.party_name(party),
            group: false,
        })
    }

    fn work_out(&self, address: Address, carrier: Option<Mac>, vlan: Option<u16>) -> End {
        let (site, id) = (self.places.site, self.known.len());
        if address.is_group() {
            let who = Who {
                ip: address.ip(),
                ..Who::default()
            };
            return End {
                id,
                who,
                device: None,
                asset: address.to_string().into(),
                zone: None,
                party: None,
                group: true,
            };
        }
        let key = match address {
            Address::Ip(ip) if self.devices.is_shared(ip) => {
                self.devices.of_several(ip, carrier, vlan)
            }
            _ => self.devices.at(address, carrier),
        };
        let mac = match address {
            Address::Mac(mac) => Some(mac),
            Address::Ip(ip) => carrier.filter(|_| is_special(ip)),
        };
        let mut who = site.who(address.ip(), mac, vlan);
        match key {
            Some(Key::Declared(asset)) => who.asset = Some(asset),
            // Another with the same address.
            Some(Key::Mac(_)) if address.ip().is_some_and(|ip| self.devices.is_shared(ip)) => {
                who.asset = None;
            }
            _ => {}
        }
        // Of devices that are addressed alike each is where it has the address, whatever zone that is of elsewhere.
        let home = address.ip().and_then(|ip| self.devices.home_of(ip, key));
        who.zone = self.places.zone_of_vlan(home).or(who.zone);
        if who.zone.is_none() {
            // Of several owners, one in another VLAN says nothing.
            who.zone = match address.ip() {
                Some(ip) if self.devices.is_shared(ip) => self.places.zone_of(Some(ip), vlan),
                Some(ip) => self.by_link.get(&ip).copied(),
                None => key.and_then(|key| self.zone_by_addresses(key, vlan)),
            };
        }
        let by_device = || {
            key.and_then(|key| self.devices.get(key))
                .map(|device| device.name.clone())
        };
        let by_site = || {
            who.asset
                .and_then(|asset| site.assets.get(asset))
                .map(|asset| asset.name.clone())
        };
        let asset = match address {
            // An undeclared device with several addresses is called here by the one that it used.
            Address::Ip(ip) if !is_special(ip) && !self.devices.is_shared(ip) => {
                by_site().unwrap_or_else(|| ip.to_string())
            }
            _ => by_site()
                .or_else(by_device)
                .unwrap_or_else(|| address.to_string()),
        };
        End {
            id,
            who,
            device: key,
            asset: asset.into(),
            zone: who.zone.and_then(|zone| self.zone_names.get(zone)).cloned(),
            party: self.party_name(who.party),
            group: false,
        }
    }

    /// The zone of a device by the addresses that it has, where the frame itself tells none: it bears no VLAN of a zone and
    /// no address, as what sets names and addresses (DCP) does.
    fn zone_by_addresses(&self, key: Key, vlan: Option<u16>) -> Option<usize> {
        let device = self.devices.get(key)?;
        let ips = device.ips.iter().filter(|ip| !is_special(**ip));
        let mut zones = ips.map(|ip| self.places.zone_of(Some(*ip), vlan));
        let first = zones.next()??;
        zones.all(|zone| zone == Some(first)).then_some(first)
    }

    pub(super) fn party_name(&self, party: Option<usize>) -> Option<Shared> {
        self.party_names.get(party?).cloned()
    }
}
