//! The kinds that need little: addresses, names, remote sessions, credentials, certificates, identities, routes.
use std::net::IpAddr;

use facts::kinds::{
    AddressFact, Certificate, Conversation, Credential, Identity, Name, RemoteSession, Route,
};
use facts::lists::Lists;
use facts::site::WorkKind;
use facts::{Address, Shared, Time};
use hashbrown::{HashMap, HashSet};

use super::devices::{Devices, Key};
use super::ends::Ends;
use super::operations::order_for;
use super::own::carrier;
use super::places::{Places, is_special};

/// A name as a row of its own has it.
pub(super) fn text(name: &Option<Shared>) -> Option<String> {
    name.as_deref().map(str::to_owned)
}

pub(super) fn addresses(
    rows: &mut [AddressFact],
    own: &[bool],
    devices: &Devices,
    places: &Places<'_>,
) {
    for ((row, own), key) in rows.iter_mut().zip(own).zip(&devices.of_row) {
        let device = key
            .and_then(|key| devices.get(key))
            .map(|device| device.name.clone());
        row.own = Some(*own);
        row.asset = Some(
            device.unwrap_or_else(|| row.ip.map_or(carrier(row).to_string(), |ip| ip.to_string())),
        );
        // The VLAN in which a router carries an address says nothing of it.
        let home = row.ip.and_then(|ip| devices.home_of(ip, *key));
        let zone = if *own {
            let home = places.zone_of_vlan(home.and(row.vlan.or(home)));
            home.or_else(|| places.zone_of(row.ip, row.vlan))
        } else {
            row.ip.and_then(|ip| places.zone_of_ip(ip))
        };
        row.zone = places.zone_name(zone);
        row.vlan_zone = places.zone_name(places.zone_of_vlan(row.vlan));
    }
}

/// Zones of addresses that no subnet holds, by the VLAN in which their owner uses them.
pub(super) fn zones_by_link(
    rows: &[AddressFact],
    own: &[bool],
    places: &Places<'_>,
) -> HashMap<IpAddr, usize> {
    let mut zones: HashMap<IpAddr, usize> = HashMap::new();
    for (row, _) in rows.iter().zip(own).filter(|(_, own)| **own) {
        let Some(ip) = row
            .ip
            .filter(|ip| !is_special(*ip) && places.zone_of_ip(*ip).is_none())
        else {
            continue;
        };
        if let Some(zone) = places.zone_of(Some(ip), row.vlan) {
            zones
                .entry(ip)
                .and_modify(|known| *known = zone.min(*known))
                .or_insert(zone);
        }
    }
    zones
}

/// Also tells `ends` which addresses go by a third party's name.
pub(super) fn names(rows: &mut [Name], ends: &mut Ends<'_>, lists: &Lists) {
    for row in rows {
        let client = ends.at(row.client, row.client_mac, row.vlan);
        (row.client_asset, row.client_zone) = (Some(client.asset.to_string()), text(&client.zone));
        // An alias leads to the platform as well as its own name does.
        let platforms = &lists.platforms;
        let by_name = platforms
            .of_name(&row.name)
            .or_else(|| row.answers.iter().find_map(|one| platforms.of_name(one)));
        let by_path = || row.path.as_deref().and_then(|path| platforms.of_path(path));
        let by_message = || match row.via.as_str() {
            "soap" => platforms.of_namespace(&row.name),
            "xml-element" => platforms.of_element(&row.name),
            _ => None,
        };
        row.platform = by_name
            .or_else(by_path)
            .or_else(by_message)
            .map(str::to_owned);

        let party = ends.places.site.party_of_name(&row.name);
        row.party = text(&ends.party_name(party));
        let Some(party) = party else { continue };
        if matches!(
            row.via.as_str(),
            "tls-sni" | "tls-certificate" | "http-host"
        ) {
            if let Address::Ip(ip) = row.server {
                ends.is_named(row.client, ip, party);
            }
        } else {
            for ip in row.answer_ips() {
                ends.is_named(row.client, ip, party);
                // Anyone may answer a call to the whole link.
                if row.via == "dns" {
                    ends.is_resolved(ip, party);
                }
            }
        }
    }
}

/// The bytes that the client sent in the conversation that carried a name. One community ID may stand for several
/// conversations of the same ends, one after the other. What another conversation carried is part of that one's bytes, and
/// would count twice where both tell names.
pub(super) fn bytes_of_names<'c>(
    rows: &mut [Name],
    carriers: impl Iterator<Item = &'c Conversation>,
) {
    let mut sent: HashMap<String, Option<u64>> = rows
        .iter()
        .filter_map(|row| Some((row.community_id.clone()?, None)))
        .collect();
    for one in carriers.filter(|one| one.carried_by.is_none()) {
        if let Some(id) = &one.community_id
            && let Some(sum) = sent.get_mut(&**id)
        {
            *sum = Some(sum.unwrap_or(0).saturating_add(one.bytes_out));
        }
    }
    for row in rows {
        let known = row.community_id.as_ref().and_then(|id| sent.get(id));
        row.bytes_out = known.copied().flatten();
    }
}

pub(super) fn remote_sessions<'c>(
    rows: &mut [RemoteSession],
    carriers: impl Iterator<Item = &'c Conversation>,
    ends: &mut Ends<'_>,
) {
    let carriers = carriers_of(rows, carriers);
    for (row, carrier) in rows.iter_mut().zip(carriers) {
        let mut client = ends.at(row.client, row.client_mac, row.vlan);
        let mut server = carrier
            .and_then(|carrier| ends.led_to(carrier))
            .unwrap_or_else(|| {
                let mac = carrier.and_then(|carrier| carrier.server_mac);
                ends.at(row.server, mac, row.vlan)
            });
        ends.by_names((row.client, &mut client), (row.server, &mut server));
        let site = ends.places.site;
        row.conduit = carrier
            .and_then(|carrier| carrier.conduit.as_ref())
            .map(ToString::to_string);
        row.work_order = order_for(
            site,
            &client.who,
            &server.who,
            WorkKind::RemoteSession,
            row.time,
            row.last,
        )
        .ok();
        row.client_asset = Some(client.asset.to_string());
        (row.client_zone, row.client_party) = (text(&client.zone), text(&client.party));
        (row.server_asset, row.server_zone) = (Some(server.asset.to_string()), text(&server.zone));
    }
}

/// For each session the conversation that carried it.
fn carriers_of<'c>(
    rows: &[RemoteSession],
    carriers: impl Iterator<Item = &'c Conversation>,
) -> Vec<Option<&'c Conversation>> {
    let wanted: HashSet<&str> = rows
        .iter()
        .filter_map(|row| row.community_id.as_deref())
        .collect();
    let mut known: HashMap<(&str, Time), &Conversation> = HashMap::new();
    for one in carriers {
        if let Some(id) = one.community_id.as_deref().filter(|id| wanted.contains(id)) {
            known.insert((id, one.time), one);
        }
    }
    let of = |row: &RemoteSession| {
        known
            .get(&(row.community_id.as_deref()?, row.time))
            .copied()
    };
    rows.iter().map(of).collect()
}

pub(super) fn credentials(rows: &mut [Credential], ends: &mut Ends<'_>) {
    for row in rows {
        let client = ends.at(row.client, None, row.vlan);
        let server = ends
            .named(row.asked_for.as_deref())
            .unwrap_or_else(|| ends.at(row.server, None, row.vlan));
        (row.client_asset, row.client_zone) = (Some(client.asset.to_string()), text(&client.zone));
        (row.server_asset, row.server_zone) = (Some(server.asset.to_string()), text(&server.zone));
    }
}

pub(super) fn certificates(rows: &mut [Certificate], ends: &mut Ends<'_>) {
    for row in rows {
        let client = ends.at(row.client, None, row.vlan);
        let server = ends.at(row.server, None, row.vlan);
        (row.client_asset, row.client_zone) = (Some(client.asset.to_string()), text(&client.zone));
        (row.server_asset, row.server_zone) = (Some(server.asset.to_string()), text(&server.zone));
    }
}

pub(super) fn identities(rows: &mut [Identity], ends: &mut Ends<'_>) {
    for row in rows {
        let address = row
            .ip
            .filter(|ip| !is_special(*ip))
            .map(Address::Ip)
            .or(row.mac.map(Address::Mac));
        let address = address.or(row.ip.map(Address::Ip));
        row.asset = address.map(|address| ends.at(address, row.mac, row.vlan).asset.to_string());
    }
}

/// The device that an identity tells of.
pub(super) fn told_of(identity: &Identity, devices: &Devices) -> Option<Key> {
    let by_ip = identity
        .ip
        .filter(|ip| !is_special(*ip))
        .and_then(|ip| devices.at(Address::Ip(ip), identity.mac));
    by_ip.or_else(|| identity.mac.and_then(|mac| devices.of_mac(mac)))
}

pub(super) fn routes(rows: &mut [Route], ends: &mut Ends<'_>) {
    for row in rows {
        let address = row
            .ip
            .filter(|ip| !is_special(*ip))
            .map(Address::Ip)
            .or(row.mac.map(Address::Mac));
        let end = address.map(|address| ends.at(address, row.mac, row.vlan));
        let places = ends.places;
        let zone = places
            .zone_of_vlan(row.vlan)
            .or_else(|| end.as_ref().and_then(|end| end.who.zone));
        row.zone = places.zone_name(zone);
        row.to_zone = places.zone_name(places.zone_of_vlan(row.to_vlan));
        row.asset = end.map(|end| end.asset.to_string());
    }
}
