//! Addresses from which a network device reports traffic and of which no frame was captured: what flow records (NetFlow, IPFIX,
//! sFlow) say is second-hand, and counts for this alone. It takes a `met` back, and never makes one.
//!
//! Anybody can send such a record, and one that came early tells of a flow that was over before the captures began, twice if it was captured
//! twice. So only devices that the site names are believed, and only where their records of an address came over [`SPAN`].
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use facts::Time;
use facts::kinds::{AddressFact, Coverage};
use facts::site::ZoneKind;

use super::places::Places;

/// Seconds between the first record of an address and the last. A flow that ended before the captures began is told within the
/// time for which devices keep one that is silent, 15 seconds where nobody set another (Cisco IOS, `ip flow-cache timeout
/// inactive`), with as much again for each of the delays up to the capture.
const SPAN: i64 = 60;

/// Addresses that are named.
const NAMED: usize = 3;

/// Those of a zone, and when the first and the last record of them came.
#[derive(Default)]
struct Unseen {
    addresses: BTreeSet<IpAddr>,
    exporters: BTreeSet<String>,
    first: Option<Time>,
    last: Option<Time>,
}

/// A row for each zone with such addresses. Of the rows of reports those stay that say so; the rest did their duty.
pub(super) fn judge(
    rows: &mut Vec<Coverage>,
    addresses: &[AddressFact],
    places: &Places<'_>,
) -> Vec<Coverage> {
    let seen: BTreeSet<IpAddr> = addresses.iter().filter_map(|row| row.ip).collect();
    let believed = |exporter: &str| {
        let ip: Option<IpAddr> = exporter.parse().ok();
        let mut interfaces = places.site.assets.iter().flat_map(|one| &one.interfaces);
        ip.is_some() && interfaces.any(|one| one.ip == ip)
    };
    let mut records: BTreeMap<IpAddr, (Time, Time)> = BTreeMap::new();
    for row in rows.iter() {
        if let Some((address, exporter)) = row.of_report()
            && let Some((first, last)) = row.time.zip(row.last)
            && believed(exporter)
        {
            let span = records.entry(address).or_insert((first, last));
            *span = (span.0.min(first), span.1.max(last));
        }
    }
    let zone_of = |address: IpAddr| {
        let span = records.get(&address);
        let enough = span.is_some_and(|(first, last)| last.since(*first) >= SPAN * 1_000_000_000);
        let zone = places
            .zone_of_ip(address)
            .filter(|_| enough && !seen.contains(&address));
        let zone = places.site.zones.get(zone?)?;
        // What the terminal does not hold in its own hands needs no sensor.
        let elsewhere = matches!(
            zone.kind,
            ZoneKind::Internet | ZoneKind::ThirdParty | ZoneKind::Business
        );
        (!elsewhere).then(|| zone.name.clone())
    };
    let mut zones: BTreeMap<String, Unseen> = BTreeMap::new();
    rows.retain(|row| {
        if row.what != "reported" {
            return true;
        }
        let told = row
            .of_report()
            .filter(|(_, exporter)| believed(exporter))
            .and_then(|(address, exporter)| Some((address, exporter, zone_of(address)?)));
        let Some((address, exporter, zone)) = told else {
            return false;
        };
        let unseen = zones.entry(zone).or_default();
        unseen.addresses.insert(address);
        unseen.exporters.insert(exporter.to_owned());
        unseen.first = row.time.into_iter().chain(unseen.first).min();
        unseen.last = row.last.max(unseen.last);
        true
    });
    zones
        .into_iter()
        .map(|(zone, unseen)| of_zone(zone, &unseen))
        .collect()
}

fn of_zone(zone: String, unseen: &Unseen) -> Coverage {
    let listed = |names: Vec<String>| {
        let rest = if names.len() > NAMED {
            " and others"
        } else {
            ""
        };
        let first: Vec<String> = names.into_iter().take(NAMED).collect();
        format!("{}{rest}", first.join(", "))
    };
    let addresses = listed(unseen.addresses.iter().map(IpAddr::to_string).collect());
    let exporters = listed(unseen.exporters.iter().cloned().collect());
    let report = if unseen.exporters.len() > 1 {
        "report"
    } else {
        "reports"
    };
    Coverage {
        time: unseen.first,
        last: unseen.last,
        zone: Some(zone),
        what: "directions".to_owned(),
        part: Some("reported".to_owned()),
        good: 0,
        total: unseen.addresses.len() as u64,
        state: "none".to_owned(),
        detail: Some(format!(
            "{exporters} {report} traffic from {addresses}, of which no frame was captured"
        )),
        ..Coverage::default()
    }
}
