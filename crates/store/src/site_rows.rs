//! The site as rows.
use std::net::IpAddr;

use facts::site::{Asset, End, Interface, Place, Service, Site, Zone};
use facts::{Time, Value};
use ipnet::IpNet;

fn text(text: impl ToString) -> Value {
    Value::Text(text.to_string())
}

fn maybe<T: ToString>(value: Option<T>) -> Value {
    value.map_or(Value::Null, text)
}

fn list<T: ToString>(values: impl IntoIterator<Item = T>) -> Value {
    Value::List(values.into_iter().map(|value| value.to_string()).collect())
}

fn place(place: &Place) -> [Value; 2] {
    [text(&place.file), Value::Int(i64::from(place.line))]
}

fn zone_of_ip(site: &Site, ip: IpAddr) -> Option<&Zone> {
    site.zones.get(site.zone_of_ip(ip)?)
}

/// The zone of an interface: by its address, else by its VLAN.
fn zone_of(site: &Site, interface: &Interface) -> Option<String> {
    let by_ip = interface.ip.and_then(|ip| site.zone_of_ip(ip));
    let index = by_ip.or_else(|| site.zone_of_vlan(interface.vlan?))?;
    site.zones.get(index).map(|zone| zone.name.clone())
}

fn zones_of(site: &Site, asset: &Asset) -> Vec<String> {
    let mut zones: Vec<String> = Vec::new();
    for zone in asset
        .interfaces
        .iter()
        .filter_map(|interface| zone_of(site, interface))
    {
        if !zones.contains(&zone) {
            zones.push(zone);
        }
    }
    zones
}

/// What an end of a conduit stands for: as written, and one (asset, zone, party) per zone of it.
fn end(site: &Site, end: &End) -> (String, Vec<[Value; 3]>) {
    let net_zone = |net: &IpNet| maybe(zone_of_ip(site, net.addr()).map(|zone| &zone.name));
    match end {
        End::Asset(index) => match site.assets.get(*index) {
            Some(asset) => {
                let zones = zones_of(site, asset);
                let rows = zones
                    .iter()
                    .map(|zone| [text(&asset.name), text(zone), Value::Null])
                    .collect::<Vec<_>>();
                let rows = if rows.is_empty() {
                    vec![[text(&asset.name), Value::Null, Value::Null]]
                } else {
                    rows
                };
                (asset.name.clone(), rows)
            }
            None => (String::new(), Vec::new()),
        },
        End::Zone(index) => match site.zones.get(*index) {
            Some(zone) => (
                format!("zone:{}", zone.name),
                vec![[Value::Null, text(&zone.name), Value::Null]],
            ),
            None => (String::new(), Vec::new()),
        },
        End::Party(index) => match site.parties.get(*index) {
            Some(party) => {
                let zone = party.addresses.first().map_or(Value::Null, net_zone);
                (
                    format!("party:{}", party.name),
                    vec![[Value::Null, zone, text(&party.name)]],
                )
            }
            None => (String::new(), Vec::new()),
        },
        End::Net(net) => (
            net.to_string(),
            vec![[Value::Null, net_zone(net), Value::Null]],
        ),
    }
}

fn ends(site: &Site, ends: &[End]) -> Value {
    list(ends.iter().map(|one| end(site, one).0))
}

fn service(service: &Service) -> String {
    match service {
        Service::Any => "any".to_owned(),
        Service::Port { udp, port } => format!("{}/{port}", if *udp { "udp" } else { "tcp" }),
        Service::EtherType(number) => format!("ethertype/0x{number:04x}"),
        Service::Protocol {
            protocol,
            part: None,
        } => protocol.clone(),
        Service::Protocol {
            protocol,
            part: Some(part),
        } => {
            let part = match part {
                facts::site::Part::Operation(verb) => verb.name(),
                facts::site::Part::Modify => "modify",
                facts::site::Part::Variant(variant) => variant.as_str(),
            };
            format!("{protocol}:{part}")
        }
    }
}

/// Every row of the site's tables, as `(table, values)`.
pub(crate) fn rows(site: &Site, as_of: Time) -> Vec<(&'static str, Vec<Value>)> {
    let mut rows = vec![(
        "terminal",
        vec![text(&site.name), text(time_zone(site)), text(as_of)],
    )];
    for zone in &site.zones {
        let mut row = vec![
            text(&zone.name),
            text(zone.kind),
            Value::Bool(zone.kind.is_crane()),
            maybe(zone.crane.as_ref()),
            Value::Numbers(zone.vlans.iter().map(|vlan| u64::from(*vlan)).collect()),
            list(&zone.subnets),
            Value::Bool(zone.for_untrusted_suppliers),
        ];
        row.extend(place(&zone.place));
        rows.push(("site_zone", row));
    }
    for asset in &site.assets {
        let mut row = vec![
            text(&asset.name),
            text(asset.role),
            maybe(asset.crane.as_ref()),
            maybe(asset.supplier.as_ref()),
            list(&asset.hostnames),
            list(zones_of(site, asset)),
            Value::Bool(asset.role.joins_networks()),
            Value::Bool(asset.role.is_core_control()),
        ];
        row.extend(place(&asset.place));
        rows.push(("site_asset", row));
        for interface in &asset.interfaces {
            rows.push((
                "site_interface",
                vec![
                    text(&asset.name),
                    maybe(interface.mac),
                    maybe(interface.ip),
                    interface
                        .vlan
                        .map_or(Value::Null, |vlan| Value::Int(i64::from(vlan))),
                    maybe(zone_of(site, interface)),
                ],
            ));
        }
    }
    for conduit in &site.conduits {
        let mut row = vec![
            text(&conduit.name),
            ends(site, &conduit.from),
            ends(site, &conduit.to),
            list(conduit.services.iter().map(service)),
            text(&conduit.because),
            Value::Bool(conduit.during_work_order),
            maybe(conduit.valid_from),
            maybe(conduit.valid_until),
        ];
        row.extend(place(&conduit.place));
        rows.push(("site_conduit", row));
        for from in conduit.from.iter().map(|one| end(site, one)) {
            for to in conduit.to.iter().map(|one| end(site, one)) {
                for source in &from.1 {
                    for target in &to.1 {
                        let mut row = vec![text(&conduit.name), text(&from.0)];
                        row.extend(source.iter().cloned());
                        row.push(text(&to.0));
                        row.extend(target.iter().cloned());
                        rows.push(("site_conduit_pair", row));
                    }
                }
            }
        }
    }
    for order in &site.work_orders {
        let operations = order.operations.iter().map(|verb| verb.name());
        let also = [
            (order.remote_session, "remote-session"),
            (order.file, "file"),
        ];
        let also = also.into_iter().filter(|(on, _)| *on).map(|(_, name)| name);
        let mut row = vec![
            text(&order.id),
            ends(site, &order.sources),
            ends(site, &order.targets),
            list(operations.chain(also)),
            text(order.from),
            text(order.until),
        ];
        row.extend(place(&order.place));
        rows.push(("site_work_order", row));
    }
    for party in &site.parties {
        let access = party
            .access
            .and_then(|index| site.assets.get(index))
            .map(|asset| &asset.name);
        let mut row = vec![
            text(&party.name),
            list(&party.addresses),
            list(&party.domains),
            maybe(party.contract.as_ref()),
            maybe(access),
        ];
        row.extend(place(&party.place));
        rows.push(("site_party", row));
    }
    for supplier in &site.suppliers {
        let mut row = vec![
            text(&supplier.name),
            list(&supplier.names),
            text(supplier.trust),
            list(&supplier.lists),
        ];
        row.extend(place(&supplier.place));
        rows.push(("site_supplier", row));
    }
    for platform in &site.platforms {
        let mut row = vec![text(&platform.name), list(&platform.domains)];
        row.extend(place(&platform.place));
        rows.push(("site_platform", row));
    }
    for sensor in &site.sensors {
        let sees = sensor
            .sees
            .iter()
            .filter_map(|index| site.zones.get(*index))
            .map(|zone| &zone.name);
        let mut row = vec![
            text(&sensor.name),
            list(sees),
            list(&sensor.captures),
            maybe(sensor.interface.as_ref()),
        ];
        row.extend(place(&sensor.place));
        rows.push(("site_sensor", row));
    }
    rows
}

/// The zone in which times are shown; the empty site has none and means UTC.
pub(crate) fn time_zone(site: &Site) -> &str {
    if site.time_zone.is_empty() {
        "UTC"
    } else {
        &site.time_zone
    }
}
