//! A large terminal: a million conversations and ten thousand assets are judged in seconds.
//!
//! Not part of the everyday run, since it takes a while to make the facts:
//! `cargo test -p judge --release --test load -- --ignored --nocapture`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests may fail loudly"
)]
#![allow(clippy::disallowed_methods, reason = "measures how long judging takes")]

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use facts::kinds::{AddressFact, Capture, Conversation, Operation, Verb};
use facts::lists::Lists;
use facts::site::Site;
use facts::{Address, Evidence, Facts, Mac, Time, Uid};
use judge::{Catalogue, Editions, built_in};

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

fn vlan_of(asset: u32) -> u16 {
    u16::try_from(asset % CRANES).unwrap() + 10
}

fn at(n: u32) -> Time {
    Time::from_secs(1_795_273_200 + i64::from(n) / 100)
}

fn mac(asset: u32) -> Mac {
    let [_, b, c, d] = asset.to_be_bytes();
    Mac([0, 0x1b, 0x1b, b, c, d])
}

fn site() -> Site {
    let mut text = "[terminal]\nname = \"Large\"\ntime_zone = \"UTC\"\n".to_owned();
    let mut sees = Vec::new();
    for crane in 0..CRANES {
        let (zone, vlan) = (zone_of(crane), vlan_of(crane));
        write!(
            text,
            r#"
            [[zone]]
            name = "{zone}"
            kind = "crane-control"
            crane = "STS-{crane:02}"
            vlans = [{vlan}]
            [[conduit]]
            name = "Cyclic of {zone}"
            from = ["zone:{zone}"]
            to = ["zone:{zone}"]
            services = ["modbus"]
            because = "FAT"
            "#
        )
        .unwrap();
        sees.push(zone);
    }
    write!(
        text,
        "\n[[sensor]]\nname = \"span\"\ncaptures = [\"span*\"]\nsees = {sees:?}\n"
    )
    .unwrap();
    for asset in (0..ASSETS).filter(|asset| asset % 5 != 0) {
        let (ip, vlan, role) = (
            ip(asset),
            vlan_of(asset),
            if asset % 9 == 0 { "plc" } else { "drive" },
        );
        write!(
            text,
            "\n[[asset]]\nname = \"device{asset}\"\nrole = \"{role}\"\ninterface = [{{ ip = \"{ip}\", vlan = {vlan} }}]\n"
        )
        .unwrap();
    }
    let site = facts::site::read(&[("site.toml".to_owned(), text)], &["modbus", "s7comm"]);
    site.unwrap_or_else(|problems| panic!("{:?}", problems.first().map(ToString::to_string)))
}

/// What a witness tells, nothing of it judged yet.
fn facts() -> Facts {
    let mut facts = Facts {
        captures: vec!["span.pcap".into()],
        files: vec![Capture {
            name: "span.pcap".into(),
            packets: u64::from(CONVERSATIONS) * 20,
            time: Some(at(0)),
            last: Some(at(CONVERSATIONS)),
            ..Capture::default()
        }],
        ..Facts::default()
    };
    for asset in 0..ASSETS {
        facts.addresses.push(AddressFact {
            time: at(0),
            last: at(CONVERSATIONS),
            mac: Some(mac(asset)),
            ip: Some(ip(asset)),
            vlan: Some(vlan_of(asset)),
            claimed: true,
            hops: Some(0),
            packets: 100,
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
        let (protocol, port) = if n % 7 == 0 {
            ("s7comm", 102)
        } else {
            ("modbus", 502)
        };
        facts.conversations.push(Conversation {
            time: at(n),
            last: at(n + 100),
            uid: Uid(u64::from(n)),
            community_id: Some(format!("1:{n:027x}=")),
            transport: "tcp".into(),
            client: Address::Ip(ip(client)),
            client_port: Some(40_000),
            client_mac: Some(mac(client)),
            server: Address::Ip(ip(server)),
            server_port: Some(port),
            server_mac: Some(mac(server)),
            vlan: Some(vlan_of(client)),
            vlans: vec![vlan_of(client)],
            protocol: Some(protocol.into()),
            state: "answered".into(),
            direction: "handshake".into(),
            packets_out: 10,
            packets_in: 10,
            bytes_out: 100,
            bytes_in: 100,
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
                vlan: Some(vlan_of(client)),
                protocol: protocol.into(),
                operation: Verb::Write,
                community_id: Some(format!("1:{n:027x}=")),
                evidence: Evidence::one(0, n + 1),
                ..Operation::default()
            });
        }
    }
    facts
}

/// Seconds of processor time that this thread has used: other programs do not disturb it.
fn used() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks.filter_map(|n| n.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let (wall, cpu) = (Instant::now(), used());
    let done = work();
    println!(
        "{what:9} {:6.2} s, of the processor {:5.2} s",
        wall.elapsed().as_secs_f64(),
        used() - cpu
    );
    done
}

#[test]
#[ignore = "takes minutes without --release"]
fn a_million_conversations_are_judged_in_seconds() {
    let (mut facts, site) = (facts(), site());
    let lists = Lists::builtin();
    let pages = built_in().unwrap();
    let (editions, catalogue) = (
        Editions::built_in().unwrap(),
        Catalogue::built_in().unwrap(),
    );
    timed("all", || {
        timed("fold", || store::fold(&mut facts, &site, &lists));
        let snapshot = timed("snapshot", || {
            judge::snapshot(
                &facts,
                &site,
                store::Records::NONE,
                Time::from_secs(1_795_359_600),
                &pages,
            )
            .unwrap()
        });
        for page in pages.chunks(1) {
            let id = page.iter().map(|page| page.id.as_str()).collect::<String>();
            let judged = timed(&id, || {
                judge::assess(&snapshot, page, &editions, &catalogue, None).unwrap()
            });
            println!("{:9} {}", "", judged.measures.first().unwrap().summary);
        }
    });
    let peak = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!(
        "{}",
        peak.lines()
            .find(|line| line.starts_with("VmHWM"))
            .unwrap_or_default()
    );
}
