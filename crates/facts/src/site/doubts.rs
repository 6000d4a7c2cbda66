//! What loads but is probably not meant: warnings of a site.
use std::collections::BTreeSet;

use super::reader::At;
use super::spelling::{closest, hint, listed};
use super::{Place, Problem, Service, Site, file};

/// Services that name a protocol which no decoder knows. They cover nothing, ever.
pub(super) fn protocols(all: &file::File, known: &[&str], warnings: &mut Vec<Problem>) {
    if known.is_empty() {
        return;
    }
    for At { value, place } in all.conduit.0.iter().flat_map(|conduit| &conduit.services.0) {
        let Service::Protocol { protocol, .. } = value else {
            continue;
        };
        if !known.iter().any(|name| name.eq_ignore_ascii_case(protocol)) {
            warnings.push(Problem::new(
                place,
                format!("service \"{value}\" names a protocol that is not recognised on the wire"),
                hint(
                    protocol,
                    known.iter().copied(),
                    "name its port instead, or one of",
                ),
            ));
        }
    }
}

pub(super) fn of(site: &Site, warnings: &mut Vec<Problem>) {
    if site.name.is_empty() {
        let place = Place {
            file: "site.toml".to_owned(),
            line: 0,
        };
        warnings.push(Problem::new(
            &place,
            "no [terminal] names the terminal",
            "add one with name and time_zone",
        ));
    }
    nested_subnets(site, warnings);
    idle_tables(site, warnings);
    interfaces(site, warnings);
    cranes(site, warnings);
}

/// Subnets inside those of another zone. The longest prefix wins, which may or may not be what was meant.
fn nested_subnets(site: &Site, warnings: &mut Vec<Problem>) {
    for (index, zone) in site.zones.iter().enumerate() {
        // `0.0.0.0/0` is there to hold the rest.
        for outer in zone.subnets.iter().filter(|net| net.prefix_len() > 0) {
            let holds = |inner: &&super::Zone| {
                inner
                    .subnets
                    .iter()
                    .any(|net| outer != net && outer.contains(net))
            };
            let others = site
                .zones
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != index)
                .map(|(_, zone)| zone);
            let inside: Vec<&str> = others
                .filter(holds)
                .map(|zone| zone.name.as_str())
                .collect();
            if !inside.is_empty() {
                warnings.push(Problem::new(
                    &zone.place,
                    format!(
                        "subnet {outer} of zone \"{}\" holds subnets of {}",
                        zone.name,
                        listed(inside)
                    ),
                    "the longest prefix wins; nothing to do if that is meant",
                ));
            }
        }
    }
}

/// Tables that can never match anything.
fn idle_tables(site: &Site, warnings: &mut Vec<Problem>) {
    let mut warn = |idle: bool, place: &Place, what: String, remedy: &str| {
        if idle {
            warnings.push(Problem::new(place, what, remedy));
        }
    };
    for zone in &site.zones {
        let what = format!("zone \"{}\" holds no address and no frame", zone.name);
        warn(
            zone.vlans.is_empty() && zone.subnets.is_empty(),
            &zone.place,
            what,
            "give it vlans or subnets",
        );
    }
    for asset in &site.assets {
        let what = format!("asset \"{}\" cannot be recognised", asset.name);
        warn(
            asset.interfaces.is_empty(),
            &asset.place,
            what,
            "give it an interface with ip or mac",
        );
    }
    for party in &site.parties {
        let what = format!("party \"{}\" cannot be recognised", party.name);
        let idle = party.addresses.is_empty() && party.domains.is_empty();
        warn(idle, &party.place, what, "give it addresses or domains");
    }
    for sensor in &site.sensors {
        let what = format!("sensor \"{}\" has no source", sensor.name);
        let idle =
            sensor.captures.is_empty() && sensor.interface.is_none() && sensor.folder.is_none();
        warn(
            idle,
            &sensor.place,
            what,
            "give it captures, interface or folder; until then its zones are not seen",
        );
    }
}

fn is_link_local(ip: std::net::IpAddr) -> bool {
    match ip {
        std::net::IpAddr::V4(ip) => ip.is_link_local(),
        std::net::IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// Interfaces whose address and VLAN do not agree with the zones.
fn interfaces(site: &Site, warnings: &mut Vec<Problem>) {
    let name = |index: usize| site.zones.get(index).map_or("", |zone| zone.name.as_str());
    for asset in &site.assets {
        for interface in &asset.interfaces {
            let by_vlan = interface.vlan.and_then(|vlan| site.zone_of_vlan(vlan));
            let by_ip = interface.ip.and_then(|ip| site.zone_of_ip(ip));
            // A link-local address is on every network: it has no zone of its own (RFC 3927, RFC 4291, 2.5.6).
            let ip = interface.ip.filter(|ip| !is_link_local(*ip));
            match (ip, interface.vlan, by_ip, by_vlan) {
                (Some(ip), Some(vlan), Some(one), Some(other)) if one != other => warnings.push(Problem::new(
                    &asset.place,
                    format!(
                        "interface of \"{}\": {ip} is of zone \"{}\", but VLAN {vlan} is of zone \"{}\"",
                        asset.name,
                        name(one),
                        name(other)
                    ),
                    "mend the address, the VLAN or the zones",
                )),
                (Some(ip), _, None, _) => warnings.push(Problem::new(
                    &asset.place,
                    format!("interface of \"{}\": {ip} is of no zone", asset.name),
                    "add its subnet to a zone",
                )),
                (None, Some(vlan), _, None) => warnings.push(Problem::new(
                    &asset.place,
                    format!("interface of \"{}\": VLAN {vlan} is of no zone", asset.name),
                    "add the VLAN to a zone",
                )),
                _ => {}
            }
        }
    }
}

/// Cranes that are spelt almost as that of a zone.
fn cranes(site: &Site, warnings: &mut Vec<Problem>) {
    let cranes: BTreeSet<&str> = site
        .zones
        .iter()
        .filter_map(|zone| zone.crane.as_deref())
        .collect();
    for asset in &site.assets {
        let Some(crane) = asset
            .crane
            .as_deref()
            .filter(|crane| !cranes.contains(crane))
        else {
            continue;
        };
        // "STS-08" is near "STS-07" and yet another crane: only spellings that differ in case and dashes count.
        let letters = |name: &str| {
            name.chars()
                .filter(|c| c.is_alphanumeric())
                .collect::<String>()
                .to_lowercase()
        };
        let same = cranes
            .iter()
            .copied()
            .filter(|other| letters(other) == letters(crane));
        if let Some(meant) = closest(crane, same) {
            warnings.push(Problem::new(
                &asset.place,
                format!(
                    "asset \"{}\" is of crane \"{crane}\", which no zone names",
                    asset.name
                ),
                format!("did you mean \"{meant}\"?"),
            ));
        }
    }
}
