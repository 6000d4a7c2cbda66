//! A large terminal by recipe: forty cranes of 250 devices, the networks around them, and a day of traffic.
//!
//! Most of it is what a crane network does all day: controllers poll their drives, data goes to the historian, clocks are
//! set. A part is allowed by nothing: devices that nobody declared, one crane that reaches into another, business computers
//! on the cranes, downloads without a work order. A tenth of the conversations carried operations that are rows of their own.
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use facts::kinds::{
    AddressFact, Capture, Conversation, Identity, Name, Operation, Outcome, RemoteSession, Verb,
};
use facts::site::Site;
use facts::{Address, Evidence, Facts, Grade, Mac, Time, Uid, Words};

const CRANES: u32 = 40;
const DEVICES: u32 = 250;

/// Zones that are no crane's: name, kind, second octet of the subnet.
const AROUND: [(&str, &str, u8); 4] = [
    ("cms", "crane-management", 200),
    ("port", "port-operations", 201),
    ("office", "business", 202),
    ("dmz", "dmz", 203),
];

/// A host by zone and number: those of the cranes first, then those around.
#[derive(Clone, Copy)]
struct Host {
    zone: u32,
    number: u32,
}

const fn on(crane: u32, number: u32) -> Host {
    Host {
        zone: crane,
        number,
    }
}

const fn around(zone: u32, number: u32) -> Host {
    on(CRANES + zone, number)
}

/// Out in the internet.
const fn outside(number: u32) -> Host {
    on(u32::MAX, number)
}

impl Host {
    fn ip(self) -> IpAddr {
        let [.., c, d] = (self.number + 1).to_be_bytes();
        let second = match self.zone.checked_sub(CRANES) {
            _ if self.zone == u32::MAX => return Ipv4Addr::new(203, 0, 113, d).into(),
            None => u8::try_from(self.zone).unwrap_or_default() + 10,
            Some(zone) => AROUND[zone as usize].2,
        };
        Ipv4Addr::new(10, second, c, d).into()
    }

    fn mac(self) -> Mac {
        let [.., c, d] = self.number.to_be_bytes();
        let [.., zone] = self.zone.min(250).to_be_bytes();
        Mac([0, 0x1b, 0x1b, zone, c, d])
    }

    fn vlan(self) -> u16 {
        u16::try_from(self.zone.min(250)).unwrap_or_default() + 10
    }

    fn address(self) -> Address {
        Address::Ip(self.ip())
    }

    /// One device of ten is not in the site file.
    fn is_declared(self) -> bool {
        self.number % 10 != 7
    }

    fn role(self) -> &'static str {
        match (self.zone < CRANES, self.number) {
            (true, 0 | 1) => "plc",
            (true, 2) => "hmi",
            (true, number) if number % 2 == 0 => "remote-io",
            (true, _) => "drive",
            (false, 0) if self.zone == CRANES => "engineering-station",
            (false, 0) if self.zone == CRANES + 3 => "jump-host",
            (false, 0) => "server",
            (false, _) => "workstation",
        }
    }
}

fn at(n: u32) -> Time {
    Time(1_795_273_200_000_000_000 + i64::from(n) * 40_000_000)
}

pub fn as_of() -> Time {
    Time::from_secs(1_795_359_600)
}

pub fn site() -> Site {
    let mut text = "[terminal]\nname = \"Large\"\ntime_zone = \"America/New_York\"\n".to_owned();
    let mut sees = Vec::new();
    let mut zone = |text: &mut String, name: &str, kind: &str, host: Host, crane: &str| {
        let (IpAddr::V4(ip), vlan) = (host.ip(), host.vlan()) else {
            return;
        };
        let [a, b, ..] = ip.octets();
        let more = format!("vlans = [{vlan}]\nsubnets = [\"{a}.{b}.0.0/16\"]\n{crane}");
        writeln!(
            text,
            "[[zone]]\nname = \"{name}\"\nkind = \"{kind}\"\n{more}"
        )
        .unwrap();
        sees.push(name.to_owned());
    };
    for crane in 0..CRANES {
        let name = format!("sts{crane:02}");
        let own = format!("crane = \"STS-{crane:02}\"\n");
        zone(&mut text, &name, "crane-control", on(crane, 0), &own);
    }
    for (number, (name, kind, _)) in (0..).zip(AROUND) {
        zone(&mut text, name, kind, around(number, 0), "");
    }
    text +=
        "[[zone]]\nname = \"internet\"\nkind = \"internet\"\nsubnets = [\"0.0.0.0/0\", \"::/0\"]\n";
    writeln!(
        text,
        "[[sensor]]\nname = \"span\"\ncaptures = [\"span*\"]\nsees = {sees:?}"
    )
    .unwrap();
    let asset = |text: &mut String, host: Host| {
        let (name, role) = (name_of(host), host.role());
        let place = format!("{{ ip = \"{}\", vlan = {} }}", host.ip(), host.vlan());
        writeln!(
            text,
            "[[asset]]\nname = \"{name}\"\nrole = \"{role}\"\ninterface = [{place}]"
        )
        .unwrap();
    };
    for host in every_host().filter(|host| host.is_declared()) {
        asset(&mut text, host);
    }
    let mut conduit = |name: &str, from: &str, to: &str, services: &[&str], more: &str| {
        let ends = format!("from = [\"{from}\"]\nto = [\"{to}\"]\nservices = {services:?}");
        writeln!(
            text,
            "[[conduit]]\nname = \"{name}\"\n{ends}\nbecause = \"FAT\"\n{more}"
        )
        .unwrap();
    };
    for crane in 0..CRANES {
        let zone = format!("zone:sts{crane:02}");
        let (plc, named) = (name_of(on(crane, 0)), |what: &str| {
            format!("{what} of STS-{crane:02}")
        });
        conduit(&named("Cyclic"), &zone, &zone, &["modbus"], "");
        conduit(&named("Blocks"), &plc, &zone, &["s7comm"], "");
        conduit(
            &named("Production data"),
            &plc,
            &name_of(around(1, 0)),
            &["opcua"],
            "",
        );
        conduit(&named("Time"), &zone, &name_of(around(1, 0)), &["ntp"], "");
        let order = "during = \"work-order\"";
        conduit(
            &named("Engineering"),
            &name_of(around(0, 0)),
            &zone,
            &["s7comm"],
            order,
        );
        conduit(
            &named("Screens"),
            &name_of(around(3, 0)),
            &name_of(on(crane, 2)),
            &["rdp"],
            "",
        );
    }
    for crane in 0..CRANES / 2 {
        let ends = format!(
            "sources = [\"{}\"]\ntargets = [\"{}\"]",
            name_of(around(0, 0)),
            name_of(on(crane, 0))
        );
        let times = "from = 2026-11-21T00:00:00Z\nuntil = 2026-11-23T00:00:00Z";
        writeln!(text, "[[work_order]]\nid = \"WO-{crane}\"\n{ends}\noperations = [\"program-download\"]\n{times}").unwrap();
    }
    let protocols = [
        "modbus", "s7comm", "opcua", "ntp", "rdp", "smb", "https", "dns",
    ];
    let site = facts::site::read(&[("site.toml".to_owned(), text)], &protocols);
    site.unwrap_or_else(|problems| panic!("{:?}", problems.first().map(ToString::to_string)))
}

fn name_of(host: Host) -> String {
    match host.zone.checked_sub(CRANES) {
        None => format!("sts{:02}-{}{}", host.zone, host.role(), host.number),
        Some(zone) => format!("{}-{}{}", AROUND[zone as usize].0, host.role(), host.number),
    }
}

/// Any device of the cranes that the site declares.
pub fn asset_name(dice: u64) -> String {
    let [.., high, low] = dice.to_be_bytes();
    let host = on(
        u32::from(high) % CRANES,
        u32::from(low) * 39 % DEVICES / 10 * 10 + u32::from(low) % 7,
    );
    name_of(host)
}

fn every_host() -> impl Iterator<Item = Host> {
    let cranes = (0..CRANES).flat_map(|crane| (0..DEVICES).map(move |number| on(crane, number)));
    cranes.chain((0..4).flat_map(|zone| (0..20).map(move |number| around(zone, number))))
}

/// Numbers without a pattern, the same each time (splitmix64).
fn mixed(n: u32) -> u64 {
    mixed64(u64::from(n))
}

pub fn mixed64(n: u64) -> u64 {
    let mut z = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

/// What one conversation is: who asked whom by what.
struct Talk {
    client: Host,
    server: Host,
    protocol: &'static str,
    port: u16,
}

fn talk(n: u32) -> Talk {
    let dice = mixed(n);
    let part = |shift: u32, of: u32| u32::try_from((dice >> shift) % u64::from(of)).unwrap_or(0);
    let (crane, device) = (part(10, CRANES), part(20, DEVICES));
    let plc = on(crane, part(30, 2));
    let (client, server, protocol, port) = match part(0, 1000) {
        0..850 => (plc, on(crane, device), "modbus", 502),
        850..920 => (on(crane, 0), on(crane, device), "s7comm", 102),
        920..950 => (on(crane, 0), around(1, 0), "opcua", 4840),
        950..970 => (on(crane, device), around(1, 0), "ntp", 123),
        970..980 => (around(0, 0), plc, "s7comm", 102),
        980..985 => (around(3, 0), on(crane, 2), "rdp", 3389),
        985..992 => (
            on(crane, 0),
            on((crane + 1) % CRANES, part(20, 50)),
            "modbus",
            502,
        ),
        992..996 => (around(2, part(30, 20)), on(crane, device % 20), "smb", 445),
        996..998 => (on(crane, 2), outside(part(30, 8)), "https", 443),
        _ => (around(0, part(30, 20)), on(crane, device % 10), "rdp", 3389),
    };
    Talk {
        client,
        server,
        protocol,
        port,
    }
}

/// What a witness tells of that many conversations, nothing of it judged yet.
pub fn facts(conversations: u32) -> Facts {
    let end = at(conversations);
    let mut facts = Facts {
        captures: vec!["span.pcap".into()],
        files: vec![Capture {
            name: "span.pcap".into(),
            packets: u64::from(conversations) * 20,
            time: Some(at(0)),
            last: Some(end),
            ..Capture::default()
        }],
        ..Facts::default()
    };
    for (n, host) in (1..).zip(every_host()) {
        facts.addresses.push(AddressFact {
            time: at(0),
            last: end,
            mac: Some(host.mac()),
            ip: Some(host.ip()),
            vlan: Some(host.vlan()),
            claimed: true,
            hops: Some(0),
            packets: 100,
            evidence: Evidence::one(0, n),
            ..AddressFact::default()
        });
        for (attribute, value) in [("model", "S7-1500".to_owned()), ("hostname", name_of(host))] {
            facts.identities.push(Identity {
                time: at(n),
                last: at(n),
                mac: Some(host.mac()),
                ip: Some(host.ip()),
                vlan: Some(host.vlan()),
                attribute: attribute.into(),
                value,
                source: "lldp".into(),
                grade: Some(Grade::Stated),
                evidence: Evidence::one(0, n),
                ..Identity::default()
            });
        }
    }
    // As a witness tells them: what many rows say stands in memory once.
    let mut words = Words::default();
    for n in 0..conversations {
        let Talk {
            client,
            server,
            protocol,
            port,
        } = talk(n);
        let is_ntp = protocol == "ntp";
        let id = format!("1:{n:027x}=");
        let (vlan, evidence) = (client.vlan(), Evidence::one(0, n + 1));
        let ports = (40_000 + u16::try_from(n % 20_000).unwrap_or_default(), port);
        facts.conversations.push(Conversation {
            time: at(n),
            last: at(n + 100),
            uid: Uid(u64::from(n)),
            community_id: Some(id.as_str().into()),
            transport: words.word(if is_ntp { "udp" } else { "tcp" }),
            client: client.address(),
            client_port: Some(ports.0),
            client_mac: Some(client.mac()),
            server: server.address(),
            server_port: Some(ports.1),
            server_mac: Some(server.mac()),
            vlan: Some(vlan),
            vlans: vec![vlan].into(),
            protocol: Some(words.word(protocol)),
            state: "answered".into(),
            direction: if is_ntp { "port" } else { "handshake" }.into(),
            packets_out: 10,
            packets_in: 10,
            bytes_out: 100,
            bytes_in: 100,
            evidence: evidence.clone(),
            ..Conversation::default()
        });
        if protocol == "rdp" {
            facts.remote_sessions.push(RemoteSession {
                time: at(n),
                last: at(n + 100),
                uid: Uid(u64::from(n)),
                protocol: protocol.into(),
                client: client.address(),
                client_mac: Some(client.mac()),
                server: server.address(),
                server_port: Some(port),
                vlan: Some(vlan),
                bytes: 200,
                community_id: Some(id.clone()),
                evidence: evidence.clone(),
                ..RemoteSession::default()
            });
        }
        if protocol == "https" {
            facts.names.push(Name {
                time: at(n),
                last: at(n),
                count: 1,
                client: client.address(),
                client_mac: Some(client.mac()),
                server: server.address(),
                vlan: Some(vlan),
                name: format!("cloud{}.example.com", server.number),
                via: "tls-sni".into(),
                community_id: Some(id.clone()),
                evidence: evidence.clone(),
                ..Name::default()
            });
        }
        let is_engineering = protocol == "s7comm" && client.zone == CRANES;
        if is_engineering || n % 10 == 0 && matches!(protocol, "modbus" | "s7comm") {
            facts.operations.push(Operation {
                time: at(n),
                last: at(n),
                count: 1,
                source: client.address(),
                target: server.address(),
                source_mac: Some(client.mac()),
                target_mac: Some(server.mac()),
                vlan: Some(vlan),
                protocol: protocol.into(),
                operation: match (is_engineering, n % 4) {
                    (true, 0) => Verb::ProgramDownload,
                    (true, _) => Verb::Diagnose,
                    (false, 0) => Verb::Read,
                    (false, _) => Verb::Write,
                },
                object: Some(format!("DB{}", n % 8)),
                outcome: Some(Outcome::Ok),
                community_id: Some(id),
                evidence,
                ..Operation::default()
            });
        }
    }
    facts
}
