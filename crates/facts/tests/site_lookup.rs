//! A site answers: which zone, which asset, which third party, who allowed this.
use std::net::IpAddr;

use facts::kinds::Verb;
use facts::site::{Conduit, Service, Site, Who, WorkKind, WorkOrder, read};
use facts::{Mac, Time};

/// Two cranes' zones around a router and a jump host, with every kind of end in its conduits and work orders.
const SITE: &str = r#"
[terminal]
name = "Harborview"
[[zone]]
name = "control"
kind = "crane-control"
vlans = [10]
subnets = ["10.20.10.0/24", "fd00:20:10::/64"]
[[zone]]
name = "cameras"
kind = "crane-auxiliary"
vlans = [30]
subnets = ["10.20.30.0/24"]
[[zone]]
name = "yard"
kind = "port-operations"
vlans = [100]
subnets = ["10.20.0.0/16"]
[[zone]]
name = "internet"
kind = "internet"
subnets = ["0.0.0.0/0", "::/0"]
[[asset]]
name = "plc1"
role = "plc"
interface = [{ mac = "28:63:36:8a:01:10", ip = "10.20.10.10", vlan = 10 }]
[[asset]]
name = "eng1"
role = "engineering-station"
interface = [{ ip = "10.20.1.50" }]
[[asset]]
name = "cam1"
role = "camera"
interface = [{ mac = "44:19:b6:02:00:01", vlan = 30 }]
[[asset]]
name = "io1"
role = "remote-io"
interface = [{ mac = "28:63:36:8a:01:20" }]
[[asset]]
name = "router1"
role = "router"
interface = [{ mac = "00:1b:1b:00:00:01", vlan = 10 }, { mac = "00:1b:1b:00:00:01", vlan = 30 }, { ip = "10.20.1.1" }]
[[party]]
name = "vendor-a"
addresses = ["203.0.113.0/24"]
domains = ["vendor-a.example"]
[[party]]
name = "vendor-a-cloud"
addresses = ["203.0.113.45"]
domains = ["cloud.vendor-a.example"]
[[conduit]]
name = "programming"
from = ["eng1"]
to = ["plc1"]
services = ["s7comm"]
because = "C-1"
during = "work-order"
[[conduit]]
name = "video"
from = ["zone:yard"]
to = ["zone:cameras"]
services = ["rtsp"]
because = "C-2"
valid_from = 2026-01-01T00:00:00Z
valid_until = 2026-12-31T23:59:59Z
[[conduit]]
name = "support"
from = ["party:vendor-a"]
to = ["10.20.1.0/24", "plc1"]
services = ["tcp/443"]
because = "C-3"
[[conduit]]
name = "yard to control"
from = ["zone:yard"]
to = ["zone:control"]
services = ["opcua:read"]
because = "C-4"
[[work_order]]
id = "WO-1"
sources = ["eng1"]
targets = ["plc1"]
operations = ["program-download", "stop", "remote-session"]
from = 2026-11-21T08:00:00Z
until = 2026-11-21T10:00:00Z
[[work_order]]
id = "WO-2"
sources = ["eng1"]
targets = ["zone:control"]
operations = ["start"]
from = 2026-11-21T09:00:00Z
until = 2026-11-21T12:00:00Z
[[work_order]]
id = "WO-3"
sources = ["party:vendor-a"]
targets = ["cam1"]
operations = ["firmware-update", "file"]
from = 2026-12-01T00:00:00Z
until = 2026-12-02T00:00:00Z
"#;

fn site() -> Site {
    read(&[("site.toml".to_owned(), SITE.to_owned())], &[]).unwrap_or_default()
}

fn ip(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}

fn mac(text: &str) -> Option<Mac> {
    text.parse().ok()
}

#[test]
fn a_device_whose_private_address_is_in_no_subnet_is_not_of_the_internet() {
    let gate = "[[asset]]\nname = \"gate\"\nrole = \"router\"\ninterface = [{ mac = \"00:60:65:00:00:01\", ip = \"192.168.1.1\" }]\n";
    let files = [
        ("site.toml".to_owned(), SITE.to_owned()),
        ("gate.toml".to_owned(), gate.to_owned()),
    ];
    let site = read(&files, &[]).unwrap();
    // A frame below IP, in a VLAN that no zone lists.
    let who = site.who(None, mac("00:60:65:00:00:01"), Some(77));
    let asset = who.asset.unwrap();
    assert_eq!(site.assets[asset].name, "gate");
    assert_eq!(
        (who.zone, site.zones_of_asset(asset)),
        (None, [].as_slice())
    );
}

#[test]
fn an_address_is_of_the_zone_with_the_longest_prefix() {
    let site = site();
    let zone = |address: &str, vlan| {
        site.zone_of(ip(address), vlan)
            .map_or("none", |index| &site.zones[index].name)
    };
    assert_eq!(zone("10.20.10.7", None), "control");
    assert_eq!(zone("10.20.11.7", None), "yard");
    assert_eq!(zone("203.0.113.1", None), "internet");
    assert_eq!(
        zone("192.168.1.1", None),
        "none",
        "a private address is not of the internet, whose prefix holds everything"
    );
    assert_eq!(zone("fd00:20:10::7", None), "control");
    assert_eq!(zone("2001:db8::1", None), "internet");
    assert_eq!(
        zone("10.20.30.7", Some(10)),
        "cameras",
        "the address decides before the VLAN"
    );
    assert_eq!(
        zone("", Some(10)),
        "control",
        "without an address the VLAN decides"
    );
    assert_eq!(zone("", None), "none");
    for stays in [
        "fe80::1",
        "169.254.7.7",
        "224.0.0.251",
        "255.255.255.255",
        "0.0.0.0",
        "ff02::fb",
    ] {
        assert_eq!(
            zone(stays, Some(30)),
            "cameras",
            "{stays} never leaves its link"
        );
        assert_eq!(zone(stays, None), "none", "{stays} is not the internet");
    }
}

#[test]
fn an_address_of_no_zone_is_of_none_whatever_its_vlan() {
    let mut site = site();
    site.zones.pop();
    let site = site.clone();
    assert_eq!(site.zone_of(ip("192.168.1.1"), Some(10)), None);
    assert_eq!(site.who(ip("192.168.1.1"), None, Some(10)).zone, None);
}

#[test]
fn an_asset_is_known_by_address_else_by_mac() {
    let site = site();
    let asset = |address: &str, hard: &str, vlan| {
        site.asset_of(ip(address), mac(hard), vlan)
            .map_or("none", |index| &site.assets[index].name)
    };
    let (plc, camera, io, router) = (
        "28:63:36:8a:01:10",
        "44:19:b6:02:00:01",
        "28:63:36:8a:01:20",
        "00:1b:1b:00:00:01",
    );
    assert_eq!(asset("10.20.10.10", "", Some(10)), "plc1");
    assert_eq!(
        asset("10.20.10.10", router, Some(30)),
        "plc1",
        "routed: another VLAN, the router's MAC"
    );
    assert_eq!(asset("", plc, Some(10)), "plc1");
    assert_eq!(asset("", plc, None), "plc1");
    assert_eq!(
        asset("", plc, Some(30)),
        "none",
        "its MAC in another VLAN is not it"
    );
    assert_eq!(asset("fe80::10", plc, Some(10)), "plc1");
    assert_eq!(
        asset("10.20.10.11", plc, Some(10)),
        "none",
        "it declares another address"
    );
    assert_eq!(
        asset("10.20.30.77", camera, Some(30)),
        "cam1",
        "it declares no address"
    );
    assert_eq!(
        asset("10.20.10.77", camera, Some(30)),
        "none",
        "an address of another zone: forwarded"
    );
    assert_eq!(asset("10.20.10.78", io, None), "io1");
    assert_eq!(
        asset("10.20.30.99", router, Some(10)),
        "none",
        "what is behind the router is not the router"
    );
    assert_eq!(
        asset("10.20.30.99", router, Some(30)),
        "router1",
        "an address of its own link"
    );
    assert_eq!(asset("198.51.100.1", router, None), "none");
    assert_eq!(
        asset("224.0.0.1", plc, Some(10)),
        "none",
        "a group is no asset"
    );
}

#[test]
fn a_third_party_is_known_by_its_longest_prefix_or_domain() {
    let site = site();
    let party = |index: Option<usize>| index.map_or("none", |index| &site.parties[index].name);
    assert_eq!(
        party(site.party_of_ip(ip("203.0.113.7").unwrap())),
        "vendor-a"
    );
    assert_eq!(
        party(site.party_of_ip(ip("203.0.113.45").unwrap())),
        "vendor-a-cloud"
    );
    assert_eq!(party(site.party_of_ip(ip("203.0.114.7").unwrap())), "none");
    assert_eq!(
        party(site.party_of_name("www.vendor-a.example")),
        "vendor-a"
    );
    assert_eq!(
        party(site.party_of_name("x.cloud.vendor-a.example.")),
        "vendor-a-cloud"
    );
    assert_eq!(party(site.party_of_name("myvendor-a.example")), "none");
}

#[test]
fn conduits_are_found_by_every_kind_of_end() {
    let site = site();
    let between = |from: &Who, to: &Who| {
        site.conduits_for(from, to)
            .map(|conduit| conduit.name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let who = |address: &str| site.who(ip(address), None, None);
    assert_eq!(
        between(&who("10.20.1.50"), &who("10.20.10.10")),
        "programming, yard to control"
    );
    assert_eq!(
        between(&who("10.20.10.10"), &who("10.20.1.50")),
        "",
        "a conduit has a direction"
    );
    assert_eq!(between(&who("10.20.1.51"), &who("10.20.30.9")), "video");
    assert_eq!(between(&who("203.0.113.9"), &who("10.20.1.9")), "support");
    assert_eq!(
        between(&who("203.0.113.45"), &who("10.20.10.10")),
        "support",
        "also in the prefix of the other party"
    );
    assert_eq!(between(&who("198.51.100.1"), &who("10.20.1.9")), "");
    let named = Who {
        party: Some(0),
        ..who("198.51.100.1")
    };
    assert_eq!(
        between(&named, &who("10.20.1.9")),
        "support",
        "found to be the party by name"
    );
    // On layer 2, without address and VLAN, an asset is where its interfaces are.
    let camera = site.who(None, mac("44:19:b6:02:00:01"), None);
    assert_eq!(between(&who("10.20.1.51"), &camera), "video");
}

#[test]
fn every_conduit_of_a_large_site_is_found_once_and_in_order() {
    let mut site = site();
    let first = site.conduits[0].clone();
    site.conduits = (0..200)
        .map(|n| Conduit {
            name: n.to_string(),
            ..first.clone()
        })
        .collect();
    let site = site.clone();
    let (eng, plc) = (
        site.who(ip("10.20.1.50"), None, None),
        site.who(ip("10.20.10.10"), None, None),
    );
    let names: Vec<&str> = site
        .conduits_for(&eng, &plc)
        .map(|conduit| conduit.name.as_str())
        .collect();
    assert_eq!(names, (0..200).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn a_conduit_is_in_force_between_its_limits() {
    let site = site();
    let at = |text| Time::parse(text).unwrap();
    let video = &site.conduits[1];
    assert!(!video.is_valid_at(at("2025-12-31T23:59:59Z")));
    assert!(video.is_valid_at(at("2026-12-31T23:59:59Z")));
    assert!(!video.is_valid_at(at("2027-01-01T00:00:00Z")));
    assert!(site.conduits[0].is_valid_at(at("2035-01-01T00:00:00Z")));
    assert_eq!(
        site.conduits[0].services,
        ["s7comm".parse::<Service>().unwrap()]
    );
}

#[test]
fn a_work_order_covers_or_the_nearest_says_what_does_not_fit() {
    let site = site();
    let who = |address: &str| site.who(ip(address), None, None);
    let camera = site.who(None, mac("44:19:b6:02:00:01"), Some(30));
    let (eng, plc, other, vendor) = (
        who("10.20.1.50"),
        who("10.20.10.10"),
        who("10.20.1.77"),
        who("203.0.113.9"),
    );
    let asked = |source: &Who, target: &Who, work, at: &str| match site.work_order_for(
        source,
        target,
        work,
        Time::parse(at).unwrap(),
    ) {
        Ok(order) => order.id.clone(),
        Err(Some(near)) => near.to_string(),
        Err(None) => "none".to_owned(),
    };
    let does = WorkKind::Operation;
    let download = does(Verb::ProgramDownload);
    assert_eq!(asked(&eng, &plc, download, "2026-11-21T09:00:00Z"), "WO-1");
    assert_eq!(
        asked(&eng, &plc, download, "2026-11-21T10:00:00Z"),
        "WO-1",
        "the limits belong to it"
    );
    assert_eq!(
        asked(&eng, &plc, does(Verb::Start), "2026-11-21T09:30:00Z"),
        "WO-2",
        "the zone covers its assets"
    );
    assert_eq!(
        asked(&eng, &plc, WorkKind::RemoteSession, "2026-11-21T09:30:00Z"),
        "WO-1"
    );
    for carried in [WorkKind::File, does(Verb::FileWrite), does(Verb::FileRead)] {
        assert_eq!(
            asked(&vendor, &camera, carried, "2026-12-01T12:00:00Z"),
            "WO-3",
            "{carried}"
        );
    }
    assert_ne!(
        asked(
            &vendor,
            &camera,
            does(Verb::FileDelete),
            "2026-12-01T12:00:00Z"
        ),
        "WO-3"
    );
    for (source, target, work, at, near) in [
        (
            &eng,
            &plc,
            download,
            "2026-11-21T11:00:00Z",
            "WO-1 names source and target but ended at 2026-11-21 10:00:00 UTC",
        ),
        (
            &eng,
            &plc,
            download,
            "2026-11-21T07:00:00Z",
            "WO-1 names source and target but does not begin before 2026-11-21 08:00:00 UTC",
        ),
        (
            &eng,
            &plc,
            does(Verb::Reset),
            "2026-11-21T08:30:00Z",
            "WO-1 allows program-download, stop, remote-session, not reset",
        ),
        (
            &eng,
            &plc,
            WorkKind::File,
            "2026-11-21T13:00:00Z",
            "WO-2 allows start, not file, and ended at 2026-11-21 12:00:00 UTC",
        ),
        (
            &other,
            &plc,
            download,
            "2026-11-21T09:00:00Z",
            "WO-1 names plc1 as target, but not 10.20.1.77 as source",
        ),
        (
            &eng,
            &camera,
            download,
            "2026-11-21T09:00:00Z",
            "WO-1 names eng1 as source, but not cam1 as target",
        ),
        (&other, &other, download, "2026-11-21T09:00:00Z", "none"),
    ] {
        assert_eq!(asked(source, target, work, at), near);
    }
    let at = |text| Time::parse(text).unwrap();
    let bare = |first, last| {
        let start = |order: &WorkOrder| order.allows(WorkKind::Operation(Verb::Start));
        site.without_order(&eng, &plc, start, at(first), at(last))
    };
    let noon = "2026-11-21T12:00:00Z";
    assert_eq!(bare("2026-11-21T11:00:00Z", noon), None);
    assert_eq!(
        bare("2026-11-21T11:00:00Z", "2026-11-21T13:00:00Z"),
        Some(at(noon))
    );
}

#[test]
fn protocols_that_nothing_recognises_are_warnings() {
    let text = SITE.replace("\"opcua:read\"", "\"opcu:read\", \"tcp/1\", \"any\"");
    let site = read(
        &[("site.toml".to_owned(), text)],
        &["s7comm", "rtsp", "opcua"],
    )
    .unwrap();
    let told: Vec<String> = site
        .warnings
        .iter()
        .map(ToString::to_string)
        .filter(|text| text.contains("wire"))
        .collect();
    assert_eq!(
        told,
        [
            "site.toml:76: service \"opcu:read\" names a protocol that is not recognised on the wire; did you mean \"opcua\"?"
        ]
    );
}

#[test]
fn captures_belong_to_the_sensor_whose_pattern_fits() {
    let text = format!(
        "{SITE}[[sensor]]\nname = \"a\"\nsees = [\"control\"]\ncaptures = [\"span*.pcap*\"]\n\
         [[sensor]]\nname = \"b\"\nsees = [\"yard\"]\ncaptures = [\"*.pcapng\"]\n"
    );
    let site = read(&[("site.toml".to_owned(), text)], &[]).unwrap();
    assert_eq!(site.sensor_of("span-1.pcapng"), Some(0));
    assert_eq!(site.sensor_of("yard.pcapng"), Some(1));
    assert_eq!(site.sensor_of("yard.pcap"), None);
}

#[test]
fn of_many_work_orders_the_first_that_is_in_force_is_found_however_long_it_lasts() {
    // Each begins an hour after the one before; every fifth lasts for months, the others for six hours.
    let day = 86_400;
    let begin = Time::parse("2026-01-01T00:00:00Z").unwrap();
    let order = |n: i64| {
        let lasts = if n % 5 == 4 { 60 * day } else { 6 * 3600 };
        let from = begin.plus_secs(n * 3600);
        let until = from.plus_secs(lasts);
        format!(
            "[[work_order]]\nid = \"W{n}\"\nsources = [\"eng1\"]\ntargets = [\"plc1\"]\noperations = [\"stop\"]\nfrom = {from}\nuntil = {until}\n"
        )
    };
    let text: String = (0..400).map(order).collect();
    let text = text.replace(".000000000Z", "Z");
    let site = SITE.split("[[conduit]]").next().unwrap().to_owned();
    let site = read(&[("site.toml".to_owned(), site + &text)], &[]).unwrap();
    let who = |name: &str| Who {
        asset: site.assets.iter().position(|asset| asset.name == name),
        ..Who::default()
    };
    let (eng, plc) = (who("eng1"), who("plc1"));
    for half_hours in 0..5_000 {
        let at = begin.plus_secs(half_hours * 1800);
        let slow = site.work_orders.iter().find(|one| one.is_valid_at(at));
        let slow = slow.map(|one| one.id.as_str());
        let found = site.work_orders_at(at).next();
        assert_eq!(found.map(|one| one.id.as_str()), slow, "{at}");
        let found = site.work_order_for(&eng, &plc, WorkKind::Operation(Verb::Stop), at);
        assert_eq!(found.ok().map(|one| one.id.as_str()), slow, "{at}");
    }
}
