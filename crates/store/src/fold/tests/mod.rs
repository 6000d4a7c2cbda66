//! A small terminal and what could be seen of it, built by hand.
mod assets;
mod conversations;
mod coverage;
mod files;
mod operations;
mod own;
mod tags;
mod whole;

use facts::kinds::{
    AddressFact, Asset, Capture, Conversation, Coverage, Identity, Operation, Route, Verb,
};
use facts::lists::Lists;
use facts::site::Site;
use facts::{Address, Evidence, Facts, Grade, Mac, Time};

/// Two zones of a crane, one of the port, the internet; a firewall without declared MAC addresses joins them.
const SITE: &str = r#"
[terminal]
name = "Harborview"
time_zone = "UTC"

[[zone]]
name = "control"
kind = "crane-control"
crane = "STS-07"
vlans = [10]
subnets = ["10.20.10.0/24"]

[[zone]]
name = "cameras"
kind = "crane-auxiliary"
crane = "STS-07"
vlans = [30]
subnets = ["10.20.30.0/24"]

[[zone]]
name = "port"
kind = "port-operations"
vlans = [90]
subnets = ["10.20.90.0/24"]

[[zone]]
name = "internet"
kind = "internet"
subnets = ["0.0.0.0/0", "::/0"]

[[asset]]
name = "plc1"
role = "plc"
crane = "STS-07"
supplier = "Siemens"
interface = [{ mac = "28:63:36:00:00:10", ip = "10.20.10.10", vlan = 10 }]

[[asset]]
name = "hmi1"
role = "hmi"
interface = [{ ip = "10.20.10.20", vlan = 10 }]

[[asset]]
name = "eng1"
role = "engineering-station"
interface = [{ ip = "10.20.90.50", vlan = 90 }]

[[asset]]
name = "fw1"
role = "firewall"
interface = [{ ip = "10.20.10.1", vlan = 10 }, { ip = "10.20.90.1", vlan = 90 }]

[[party]]
name = "vendor"
addresses = ["203.0.113.0/24"]
domains = ["vendor.example"]
"#;

const PLC: &str = "28:63:36:00:00:10";
const HMI: &str = "28:63:36:00:00:20";
const ENG: &str = "28:63:36:00:00:50";
const FW_CONTROL: &str = "00:09:0f:00:00:01";
const FW_PORT: &str = "00:09:0f:00:00:02";

/// The site, with more text at its end.
fn site(more: &str) -> Site {
    let text = format!("{SITE}\n{more}");
    facts::site::read(&[("site.toml".to_owned(), text)], &[]).unwrap()
}

fn folded(mut facts: Facts, site: &Site) -> Facts {
    super::fold(&mut facts, site, &Lists::builtin().with_site(site));
    facts
}

fn mac(text: &str) -> Mac {
    text.parse().unwrap()
}

/// An IP address, else a MAC address.
fn at(text: &str) -> Address {
    text.parse()
        .map_or_else(|_| Address::Mac(mac(text)), Address::Ip)
}

/// Seconds after 2026-11-21T08:00:00Z.
fn time(seconds: i64) -> Time {
    Time::parse("2026-11-21T08:00:00Z")
        .unwrap()
        .plus_secs(seconds)
}

/// An address in use in a VLAN (0: untagged), neither claimed nor behind a router.
fn address(of: &str, ip: &str, vlan: u16) -> AddressFact {
    AddressFact {
        time: time(0),
        last: time(60),
        mac: Some(mac(of)),
        ip: ip.parse().ok(),
        vlan: Some(vlan).filter(|vlan| *vlan > 0),
        hops: ip.parse::<std::net::IpAddr>().ok().map(|_| 0),
        packets: 10,
        evidence: Evidence::one(0, 1),
        ..AddressFact::default()
    }
}

fn claimed(of: &str, ip: &str, vlan: u16) -> AddressFact {
    AddressFact {
        claimed: true,
        ..address(of, ip, vlan)
    }
}

fn behind(hops: u8, of: &str, ip: &str, vlan: u16) -> AddressFact {
    AddressFact {
        hops: Some(hops),
        ..address(of, ip, vlan)
    }
}

/// A TCP connection with its handshake, answered.
fn tcp(client: &str, server: &str, port: u16, protocol: &str) -> Conversation {
    Conversation {
        time: time(0),
        last: time(60),
        community_id: Some(format!("1:{client}>{server}:{port}").into()),
        transport: "tcp".into(),
        client: at(client),
        client_port: Some(50_000),
        server: at(server),
        server_port: Some(port),
        vlan: Some(10),
        vlans: vec![10].into(),
        protocol: Some(protocol)
            .filter(|name| !name.is_empty())
            .map(Into::into),
        direction: "handshake".into(),
        state: "answered".into(),
        packets_out: 10,
        packets_in: 10,
        bytes_out: 1000,
        bytes_in: 1000,
        evidence: Evidence::one(0, 2),
        ..Conversation::default()
    }
}

fn operation(source: &str, target: &str, verb: Verb) -> Operation {
    Operation {
        time: time(10),
        last: time(10),
        count: 1,
        source: at(source),
        target: at(target),
        protocol: "s7comm".to_owned(),
        operation: verb,
        ..Operation::default()
    }
}

fn identity(of: &str, ip: &str, attribute: &str, value: &str) -> Identity {
    Identity {
        mac: of.parse().ok(),
        ip: ip.parse().ok(),
        attribute: attribute.to_owned(),
        value: value.to_owned(),
        source: "lldp".to_owned(),
        grade: Some(Grade::Stated),
        ..Identity::default()
    }
}

fn route(via: &str, of: &str, ip: &str) -> Route {
    Route {
        via: via.to_owned(),
        mac: of.parse().ok(),
        ip: ip.parse().ok(),
        ..Route::default()
    }
}

fn capture(name: &str) -> Capture {
    Capture {
        name: name.to_owned(),
        packets: 100,
        time: Some(time(0)),
        last: Some(time(600)),
        ..Capture::default()
    }
}

/// The one asset of that name.
fn asset<'a>(facts: &'a Facts, name: &str) -> &'a Asset {
    let mut found = facts.assets.iter().filter(|asset| asset.name == name);
    let names = || {
        facts
            .assets
            .iter()
            .map(|asset| asset.name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let one = found
        .next()
        .unwrap_or_else(|| panic!("no asset {name} among {}", names()));
    assert_eq!(found.next(), None, "two assets {name}");
    one
}

/// Names of the assets that nobody declared.
fn strangers(facts: &Facts) -> Vec<&str> {
    facts
        .assets
        .iter()
        .filter(|asset| !asset.declared)
        .map(|asset| asset.name.as_str())
        .collect()
}

/// The one coverage row of that sensor, zone and what.
fn covered<'a>(facts: &'a Facts, sensor: &str, zone: &str, what: &str) -> &'a Coverage {
    let is_it = |row: &&Coverage| {
        row.sensor.as_deref().unwrap_or_default() == sensor
            && row.zone.as_deref().unwrap_or_default() == zone
            && row.what == what
    };
    let found: Vec<&Coverage> = facts.coverage.iter().filter(is_it).collect();
    assert_eq!(
        found.len(),
        1,
        "{sensor} {zone} {what}: {:#?}",
        facts.coverage
    );
    found[0]
}
