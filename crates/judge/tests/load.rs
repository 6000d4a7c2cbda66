//! A large terminal: a million conversations and ten thousand assets are judged in seconds.
//!
//! Not part of the everyday run, since it takes a while to make the facts:
//! `cargo test -p judge --release --test load -- --ignored --nocapture`.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]
#![allow(clippy::disallowed_methods, reason = "measures how long judging takes")]

use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use facts::kinds::{AddressFact, Asset, Conversation, Coverage, Operation, Verb};
use facts::site::{Place, Sensor, Site, Zone, ZoneKind};
use facts::{Address, Evidence, Facts, Mac, Time};
use judge::{Catalogue, Editions, built_in};
use store::Snapshot;

const CONVERSATIONS: u32 = 1_000_000;
const ASSETS: u32 = 10_000;
const CRANES: u32 = 40;

fn ip(asset: u32) -> IpAddr {
    let [_, b, c, d] = (asset * 7).to_be_bytes();
    IpAddr::V4(Ipv4Addr::new(10, b, c, d))
}

fn zone_of(asset: u32) -> String {
    format!("sts{:02}", asset % CRANES)
}

fn mac(asset: u32) -> Mac {
    let [_, b, c, d] = asset.to_be_bytes();
    Mac([0, 0x1b, 0x1b, b, c, d])
}

fn site() -> Site {
    let place = Place {
        file: "site.toml".into(),
        line: 1,
    };
    let zones = (0..CRANES).map(|crane| Zone {
        name: zone_of(crane),
        kind: ZoneKind::CraneControl,
        crane: Some(format!("STS-{crane:02}")),
        vlans: vec![u16::try_from(crane).unwrap() + 10],
        subnets: Vec::new(),
        for_untrusted_suppliers: false,
        place: place.clone(),
    });
    let zones: Vec<Zone> = zones.collect();
    let sensor = Sensor {
        name: "span".into(),
        sees: (0..zones.len()).collect(),
        captures: Vec::new(),
        interface: None,
        folder: None,
        place,
    };
    Site {
        name: "Large".into(),
        time_zone: "UTC".into(),
        zones,
        sensors: vec![sensor],
        ..Site::default()
    }
}

fn facts() -> Facts {
    let mut facts = Facts {
        captures: vec!["span.pcap".into()],
        ..Facts::default()
    };
    let at = |n: u32| Time::from_secs(1_795_273_200 + i64::from(n) / 100);
    for asset in 0..ASSETS {
        let (name, zone) = (ip(asset).to_string(), Some(zone_of(asset)));
        facts.assets.push(Asset {
            name: name.clone(),
            declared: asset % 500 != 0,
            seen: true,
            zone: zone.clone(),
            role: (asset % 9 == 0).then(|| "plc".to_owned()),
            ..Asset::default()
        });
        facts.addresses.push(AddressFact {
            time: at(0),
            last: at(CONVERSATIONS),
            mac: Some(mac(asset)),
            ip: Some(ip(asset)),
            own: Some(true),
            asset: Some(name),
            zone: zone.clone(),
            vlan_zone: zone,
            evidence: Evidence::one(0, asset + 1),
            ..AddressFact::default()
        });
    }
    for n in 0..CONVERSATIONS {
        let client = (n * 37) % ASSETS;
        // Mostly within a crane; some reach into another.
        let server = if n % 50 == 0 {
            (client + 1) % ASSETS
        } else {
            (client + CRANES * (1 + n % 5)) % ASSETS
        };
        facts.conversations.push(Conversation {
            time: at(n),
            last: at(n + 100),
            community_id: Some(format!("1:{n:x}")),
            transport: "tcp".into(),
            client: Address::Ip(ip(client)),
            client_port: Some(40_000),
            client_mac: Some(mac(client)),
            server: Address::Ip(ip(server)),
            server_port: Some(502),
            server_mac: Some(mac(server)),
            protocol: Some("modbus".into()),
            state: "answered".into(),
            direction: "handshake".into(),
            packets_out: 10,
            packets_in: 10,
            bytes_out: 100,
            bytes_in: 100,
            client_asset: Some(ip(client).to_string()),
            client_zone: Some(zone_of(client)),
            server_asset: Some(ip(server).to_string()),
            server_zone: Some(zone_of(server)),
            crosses: zone_of(client) != zone_of(server),
            conduit: (n % 7 != 0).then(|| "Cyclic".to_owned()),
            evidence: Evidence::one(0, n + 1),
            ..Conversation::default()
        });
        if n % 10 == 0 {
            facts.operations.push(Operation {
                time: at(n),
                last: at(n),
                count: 1,
                source: Address::Ip(ip(client)),
                target: Address::Ip(ip(server)),
                protocol: "modbus".into(),
                operation: Verb::Write,
                modifies: true,
                source_asset: Some(ip(client).to_string()),
                source_zone: Some(zone_of(client)),
                target_asset: Some(ip(server).to_string()),
                target_zone: Some(zone_of(server)),
                conduit: (n % 100 != 0).then(|| "Cyclic".to_owned()),
                evidence: Evidence::one(0, n + 1),
                ..Operation::default()
            });
        }
    }
    for crane in 0..CRANES {
        for what in ["capture", "frames", "streams", "directions"] {
            facts.coverage.push(Coverage {
                sensor: Some("span".into()),
                zone: (what != "capture").then(|| zone_of(crane)),
                what: what.into(),
                good: 100,
                total: 100,
                state: "complete".into(),
                ..Coverage::default()
            });
        }
    }
    facts
}

#[test]
#[ignore = "takes minutes without --release"]
fn a_million_conversations_are_judged_in_seconds() {
    let facts = facts();
    let start = Instant::now();
    let snapshot = Snapshot::new(&facts, &site(), Time::from_secs(1_795_359_600)).unwrap();
    println!("snapshot: {:.2?}", start.elapsed());
    let (editions, catalogue) = (
        Editions::built_in().unwrap(),
        Catalogue::built_in().unwrap(),
    );
    let mut all = std::time::Duration::ZERO;
    for page in built_in().unwrap() {
        let start = Instant::now();
        let judged = judge::assess(
            &snapshot,
            std::slice::from_ref(&page),
            &editions,
            &catalogue,
            None,
        )
        .unwrap();
        println!(
            "{:4} {:.2?} {}",
            page.id,
            start.elapsed(),
            judged.measures.first().unwrap().summary
        );
        all += start.elapsed();
    }
    println!("judged: {all:.2?}");
}
