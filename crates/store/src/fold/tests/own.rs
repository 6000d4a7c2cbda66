use facts::Shared;

use super::*;

/// Whether each row is the MAC's own, in order.
fn own(rows: Vec<AddressFact>, site: &Site) -> Vec<bool> {
    let facts = folded(
        Facts {
            addresses: rows,
            ..Facts::default()
        },
        site,
    );
    facts.addresses.iter().map(|row| row.own.unwrap()).collect()
}

#[test]
fn what_is_behind_a_router_is_not_the_routers() {
    let rows = vec![
        claimed(FW_CONTROL, "10.20.10.1", 10),
        behind(1, FW_CONTROL, "10.20.90.50", 10),
        // It does not count the TTL down.
        address(FW_CONTROL, "10.20.90.51", 10),
        address(FW_CONTROL, "10.20.10.77", 10),
        behind(9, FW_CONTROL, "198.51.100.7", 10),
    ];
    assert_eq!(own(rows, &site("")), [true, false, false, false, false]);
}

#[test]
fn a_router_that_nobody_declared_is_told_by_what_it_carries() {
    let mut rows = vec![claimed(FW_CONTROL, "10.20.10.3", 10)];
    rows.extend((1..9).map(|host| address(FW_CONTROL, &format!("192.168.50.{host}"), 10)));
    let found = own(rows.clone(), &site(""));
    assert_eq!(found.iter().filter(|own| **own).count(), 1, "{found:?}");
    // Without tags and without a site the same holds.
    rows.iter_mut().for_each(|row| row.vlan = None);
    assert_eq!(
        own(rows, &Site::default())
            .iter()
            .filter(|own| **own)
            .count(),
        1
    );
}

#[test]
fn who_claims_an_address_has_it_and_who_carries_it_has_not() {
    let rows = vec![
        claimed(ENG, "10.20.90.60", 90),
        address(FW_CONTROL, "10.20.90.60", 0),
        address(ENG, "10.20.90.60", 0),
    ];
    assert_eq!(own(rows, &site("")), [true, false, true]);
}

#[test]
fn an_answer_for_others_is_no_claim() {
    let one = "00:00:5d:00:00:01";
    let own_one = claimed(one, "10.20.10.66", 10);
    let theirs = AddressFact {
        hops: None,
        ..claimed(one, "10.20.90.60", 10)
    };
    let eng = claimed(ENG, "10.20.90.60", 90);
    let rows = vec![own_one.clone(), theirs.clone(), eng];
    assert_eq!(own(rows, &site("")), [true, false, true]);
    // Its owner need not be seen: the address is of another zone.
    let rows = vec![own_one.clone(), theirs.clone()];
    assert_eq!(own(rows, &site("")), [true, false]);
    // Who has no other address there came with it; who speaks by it from here has it as well.
    assert_eq!(own(vec![theirs.clone()], &site("")), [true]);
    let spoken = AddressFact {
        hops: Some(0),
        ..theirs
    };
    assert_eq!(own(vec![own_one.clone(), spoken], &site("")), [true, true]);
    // What belongs to no zone is nobody's to answer for.
    let stray = claimed(one, "192.168.8.1", 10);
    assert_eq!(own(vec![own_one, stray], &site("")), [true, true]);
}

#[test]
fn an_address_of_another_network_is_carried_and_a_stray_one_is_the_devices() {
    let rows = vec![
        address("00:00:5d:00:00:01", "10.20.10.66", 10),
        // A neighbour by TTL, but its network is another VLAN's.
        address("00:00:5d:00:00:02", "10.20.90.66", 10),
        // An odd TTL alone takes nothing from a host of this network.
        behind(4, "00:00:5d:00:00:03", "10.20.10.67", 10),
        // A private network that the site does not know, straight on this wire.
        address("00:00:5d:00:00:04", "192.168.8.1", 10),
        address("00:00:5d:00:00:05", "fe80::1", 10),
        address("00:00:5d:00:00:06", "", 10),
    ];
    assert_eq!(own(rows, &site("")), [true, false, true, true, true, true]);
}

#[test]
fn a_router_in_front_leaves_the_device_its_address() {
    let addresses = vec![
        claimed(ENG, "10.20.90.50", 90),
        claimed(FW_PORT, "10.20.90.1", 90),
        claimed(FW_CONTROL, "10.20.10.1", 10),
        behind(1, FW_CONTROL, "10.20.90.50", 10),
        behind(1, FW_CONTROL, "10.20.90.99", 10),
        behind(12, FW_CONTROL, "203.0.113.9", 10),
        behind(12, FW_CONTROL, "198.51.100.9", 10),
    ];
    let facts = folded(
        Facts {
            addresses,
            ..Facts::default()
        },
        &site(""),
    );
    let eng = asset(&facts, "eng1");
    assert_eq!(
        (eng.macs.as_slice(), eng.zones.as_slice(), eng.routes),
        (
            [ENG.to_owned()].as_slice(),
            ["port".to_owned()].as_slice(),
            false
        )
    );
    let fw = asset(&facts, "fw1");
    assert_eq!((fw.macs.len(), fw.routes, fw.zones.len()), (2, true, 2));
    // Behind the firewall is one host that nobody declared; the internet and the vendor are ends, not assets.
    assert_eq!(strangers(&facts), ["10.20.90.99"]);
    let remote = asset(&facts, "10.20.90.99");
    assert_eq!(
        (
            remote.remote,
            remote.mac,
            remote.macs.len(),
            remote.zone.as_deref()
        ),
        (true, None, 0, Some("port"))
    );
    assert_eq!(facts.addresses[3].asset.as_deref(), Some("eng1"));
    assert_eq!(facts.addresses[5].zone.as_deref(), Some("internet"));
    assert_eq!(facts.addresses[5].vlan_zone.as_deref(), Some("control"));
}

#[test]
fn captures_without_macs_know_addresses_only() {
    let rows = vec![
        address("00:00:00:00:00:00", "10.20.10.10", 0),
        address("00:00:00:00:00:00", "10.20.10.77", 0),
    ];
    let facts = folded(
        Facts {
            addresses: rows,
            ..Facts::default()
        },
        &site(""),
    );
    assert!(asset(&facts, "plc1").remote && asset(&facts, "plc1").seen);
    assert_eq!(strangers(&facts), ["10.20.10.77"]);
    assert!(
        facts
            .assets
            .iter()
            .all(|asset| !asset.routes && !asset.macs.contains(&"00:00:00:00:00:00".to_owned()))
    );
}

#[test]
fn a_firewall_that_only_forwards_is_still_the_declared_one() {
    let quiet = |more: Vec<AddressFact>| {
        let mut addresses = vec![
            behind(1, FW_CONTROL, "10.20.90.50", 10),
            behind(1, FW_CONTROL, "10.20.90.51", 10),
        ];
        addresses.extend(more);
        let routes = vec![Route {
            vlan: Some(90),
            to_vlan: Some(10),
            ..route("forwards", FW_CONTROL, "")
        }];
        folded(
            Facts {
                addresses,
                routes,
                ..Facts::default()
            },
            &site(""),
        )
    };
    let facts = quiet(vec![]);
    assert_eq!(facts.routes[0].asset.as_deref(), Some("fw1"));
    assert_eq!(
        (
            facts.routes[0].zone.as_deref(),
            facts.routes[0].to_zone.as_deref()
        ),
        (Some("port"), Some("control"))
    );
    assert!(asset(&facts, "fw1").routes);
    // The declared one shows itself: then this is another.
    let facts = quiet(vec![claimed("00:09:0f:00:00:77", "10.20.10.1", 10)]);
    assert_eq!(facts.routes[0].asset.as_deref(), Some(FW_CONTROL));
    // Two that carry: who can tell.
    let facts = quiet(vec![behind(1, "00:09:0f:00:00:78", "10.20.90.52", 10)]);
    assert_eq!(facts.routes[0].asset.as_deref(), Some(FW_CONTROL));
}

#[test]
fn a_ttl_that_keeps_to_the_link_is_no_distance() {
    let rows = vec![
        behind(31, "00:00:5d:00:00:01", "10.20.10.66", 0),
        behind(3, "00:00:5d:00:00:02", "10.20.99.67", 0),
    ];
    assert_eq!(own(rows, &Site::default()), [true, false]);
}

#[test]
fn among_neighbours_of_its_network_an_odd_ttl_is_a_habit() {
    let plc = || behind(2, PLC, "192.168.1.10", 0);
    let hmi = || address(HMI, "192.168.1.20", 0);
    assert_eq!(own(vec![plc(), hmi()], &Site::default()), [true, true]);
    // Alone, of another network, or beside an address of its own it is carried.
    assert_eq!(own(vec![plc()], &Site::default()), [false]);
    assert_eq!(
        own(
            vec![plc(), address(HMI, "192.168.2.20", 0)],
            &Site::default()
        ),
        [false, true]
    );
    assert_eq!(
        own(
            vec![plc(), hmi(), claimed(PLC, "192.168.2.1", 0)],
            &Site::default()
        ),
        [false, true, true]
    );
}

#[test]
fn a_declared_router_routes_though_none_of_its_own_packets_is_seen() {
    let router = "[[asset]]\nname = \"r1\"\nrole = \"router\"\ninterface = [{ mac = \"00:09:0f:00:00:33\", ip = \"10.20.30.1\", vlan = 30 }]\n";
    let addresses = vec![behind(1, "00:09:0f:00:00:33", "10.20.10.10", 30)];
    let facts = folded(
        Facts {
            addresses,
            ..Facts::default()
        },
        &site(router),
    );
    assert!(asset(&facts, "r1").routes && !asset(&facts, "r1").seen);
}

#[test]
fn of_devices_with_the_same_address_the_one_of_that_vlan_is_meant() {
    let twins = r#"
[[zone]]
name = "other"
kind = "crane-control"
crane = "STS-09"
vlans = [20]

[[asset]]
name = "panel7"
role = "hmi"
interface = [{ mac = "28:63:36:00:07:20", vlan = 10 }]

[[asset]]
name = "panel9"
role = "hmi"
interface = [{ mac = "28:63:36:00:09:20", vlan = 20 }]
"#;
    let secret = |vlan: u16| facts::kinds::Credential {
        client: at("10.20.90.50"),
        server: at("192.168.0.20"),
        vlan: Some(vlan),
        ..Default::default()
    };
    let session = facts::kinds::RemoteSession {
        time: time(0),
        client: at("10.20.90.50"),
        server: at("192.168.0.20"),
        vlan: Some(90),
        community_id: Some("1:rdp".to_owned()),
        ..Default::default()
    };
    let on = Conversation {
        community_id: Some("1:rdp".into()),
        server_mac: Some(mac("28:63:36:00:09:20")),
        vlan: Some(90),
        ..tcp("10.20.90.50", "192.168.0.20", 3389, "rdp")
    };
    let facts = Facts {
        addresses: vec![
            claimed("28:63:36:00:07:20", "192.168.0.20", 10),
            claimed("28:63:36:00:09:20", "192.168.0.20", 20),
        ],
        credentials: [10, 20, 90].map(secret).into(),
        conversations: vec![on],
        remote_sessions: vec![session],
        ..Facts::default()
    };
    let folded = folded(facts, &site(twins));
    let told = folded.credentials.iter();
    let told: Vec<_> = told.filter_map(|one| one.server_asset.as_deref()).collect();
    let unsaid = "192.168.0.20";
    assert_eq!(
        told,
        ["panel7", "panel9", unsaid],
        "whose it is elsewhere nothing says"
    );
    assert_eq!(
        folded.remote_sessions[0].server_asset.as_deref(),
        Some("panel9")
    );
}

#[test]
fn a_twin_that_is_declared_by_its_mac_address_is_not_the_one_that_declares_the_ip_address() {
    let twin = r#"
[[zone]]
name = "other"
kind = "crane-control"
crane = "STS-09"
vlans = [20]

[[asset]]
name = "plc9"
role = "plc"
crane = "STS-09"
interface = [{ mac = "28:63:36:00:09:10", vlan = 20 }]

[[work_order]]
id = "WO-7"
sources = ["eng1"]
targets = ["plc1"]
operations = ["stop"]
from = 2026-11-21T08:00:00Z
until = 2026-11-21T10:00:00Z
"#;
    let twins = "28:63:36:00:09:10";
    let stop = |carrier: &str, vlan: Option<u16>| Operation {
        target_mac: Some(mac(carrier)),
        vlan,
        ..operation("10.20.90.50", "10.20.10.10", Verb::Stop)
    };
    let at = |carrier: &str, vlan: Option<u16>| AddressFact {
        vlan,
        ..claimed(carrier, "10.20.10.10", 0)
    };
    // The second time as ports of those VLANs show them, without tags.
    for tags in [[Some(10), Some(20)], [None, None]] {
        let [first, second] = tags;
        let facts = Facts {
            addresses: vec![at(PLC, first), at(twins, second)],
            operations: vec![stop(PLC, first), stop(twins, second)],
            ..Facts::default()
        };
        let folded = folded(facts, &site(twin));
        let told = folded.operations.iter().map(|one| {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            [
                &one.target_asset,
                &one.target_zone,
                &one.crane,
                &one.work_order,
            ]
            .map(text)
        });
        let told: Vec<_> = told.collect();
        assert_eq!(told[0], ["plc1", "control", "STS-07", "WO-7"]);
        assert_eq!(told[1], ["plc9", "other", "STS-09", ""]);
        let zones = folded.addresses.iter().map(|row| row.zone.as_deref());
        assert_eq!(zones.collect::<Vec<_>>(), [Some("control"), Some("other")]);
    }
}

#[test]
fn a_twin_that_is_declared_by_its_mac_address_need_not_claim_its_address() {
    let zone = r#"
[[zone]]
name = "other"
kind = "crane-control"
crane = "STS-09"
vlans = [20]
"#;
    let twin = |name: &str, mac: &str| {
        format!(
            "[[asset]]\nname = \"{name}\"\nrole = \"plc\"\ncrane = \"STS-09\"\ninterface = [{{ mac = \"{mac}\", vlan = 20 }}]\n"
        )
    };
    let (plc9, hmi9) = ("28:63:36:00:09:10", "28:63:36:00:09:20");
    let site = site(&format!(
        "{zone}{}{}",
        twin("plc9", plc9),
        twin("hmi9", hmi9)
    ));
    let talk = |client: &str, server: &str, vlan: u16| Conversation {
        client_mac: Some(mac(client)),
        server_mac: Some(mac(server)),
        vlan: Some(vlan),
        vlans: vec![vlan].into(),
        ..tcp("10.20.10.20", "10.20.10.10", 102, "s7comm")
    };
    let names = |addresses: Vec<AddressFact>| {
        let facts = Facts {
            addresses,
            conversations: vec![talk(HMI, PLC, 10), talk(hmi9, plc9, 20)],
            ..Facts::default()
        };
        let folded = folded(facts, &site);
        let told = folded.conversations.iter();
        let name = |asset: &Option<Shared>| asset.as_deref().unwrap_or_default().to_owned();
        told.map(|one| (name(&one.client_asset), name(&one.server_asset)))
            .collect::<Vec<_>>()
    };
    let first = || {
        vec![
            address(HMI, "10.20.10.20", 10),
            address(PLC, "10.20.10.10", 10),
        ]
    };
    let pair = |client: &str, server: &str| (client.to_owned(), server.to_owned());
    // Nobody claimed by ARP; the controllers of the second crane set out with a TTL of 30.
    let mut both = first();
    both.extend([
        address(hmi9, "10.20.10.20", 20),
        behind(2, plc9, "10.20.10.10", 20),
    ]);
    assert_eq!(names(both), [pair("hmi1", "plc1"), pair("hmi9", "plc9")]);
    // What one of them carries on for the other crane is not its own.
    let mut carried = first();
    carried.extend([
        claimed(hmi9, "10.20.10.20", 20),
        behind(1, hmi9, "10.20.10.10", 20),
    ]);
    let judged = own(carried, &site);
    assert_eq!(judged, [true, true, true, false]);
}

/// Who speaks to the controller at 10.20.10.10 by the panel's address, and where that is.
fn speakers(addresses: Vec<AddressFact>, talks: Vec<Conversation>, site: &Site) -> Vec<String> {
    let facts = Facts {
        addresses,
        conversations: talks,
        files: vec![Capture {
            sensor: Some("nine".to_owned()),
            ..capture("nine.pcap")
        }],
        captures: vec!["nine.pcap".to_owned()],
        ..Facts::default()
    };
    let folded = folded(facts, site);
    let told = folded.conversations.iter();
    told.map(|one| {
        let name = |text: &Option<Shared>| text.as_deref().unwrap_or("-").to_owned();
        format!("{} in {}", name(&one.client_asset), name(&one.client_zone))
    })
    .collect()
}

#[test]
fn who_uses_the_address_of_a_declared_device_that_is_here_is_another() {
    let rogue = "00:0e:c6:00:00:01";
    let panel = "[[asset]]\nname = \"panel1\"\nrole = \"hmi\"\ninterface = [{ mac = \"28:63:36:00:01:77\", ip = \"10.20.10.77\", vlan = 10 }]\n";
    let site = site(panel);
    let (own_mac, ip) = ("28:63:36:00:01:77", "10.20.10.77");
    let talk = |client: &str| Conversation {
        client_mac: Some(mac(client)),
        server_mac: Some(mac(PLC)),
        ..tcp(ip, "10.20.10.10", 502, "modbus")
    };
    let both = || vec![talk(own_mac), talk(rogue)];
    let declared = || vec![claimed(own_mac, ip, 10), claimed(PLC, "10.20.10.10", 10)];
    let with = |row: AddressFact| [declared(), vec![row]].concat();
    let apart = [
        "panel1 in control".to_owned(),
        format!("{ip} ({rogue}) in control"),
    ];
    assert_eq!(speakers(with(claimed(rogue, ip, 10)), both(), &site), apart);
    assert_eq!(speakers(with(address(rogue, ip, 10)), both(), &site), apart);
    // It goes by an address of its own, where it has one.
    let two = [
        with(claimed(rogue, ip, 10)),
        vec![claimed(rogue, "10.20.10.99", 10)],
    ]
    .concat();
    let named = ["panel1 in control", "10.20.10.99 in control"];
    assert_eq!(speakers(two, both(), &site), named);
    // A router between, or a device whose declared MAC address is not seen: nobody else.
    let carried = with(behind(1, rogue, ip, 10));
    assert_eq!(speakers(carried, both(), &site), ["panel1 in control"; 2]);
    let exchanged = vec![claimed(rogue, ip, 10), claimed(PLC, "10.20.10.10", 10)];
    assert_eq!(speakers(exchanged, both(), &site), ["panel1 in control"; 2]);
}

#[test]
fn who_nobody_declared_on_a_crane_that_is_addressed_as_another_is_of_that_crane() {
    let rogue = "00:0e:c6:00:00:01";
    let other = r#"
[[zone]]
name = "other"
kind = "crane-control"
crane = "STS-09"
vlans = [20]

[[asset]]
name = "plc9"
role = "plc"
crane = "STS-09"
interface = [{ mac = "28:63:36:00:09:10", vlan = 20 }]

[[asset]]
name = "panel7"
role = "hmi"
interface = [{ mac = "28:63:36:00:01:77", ip = "10.20.10.77", vlan = 10 }]

[[sensor]]
name = "nine"
sees = ["other"]
captures = ["nine.pcap"]
"#;
    let site = site(other);
    let talk = |ip: &str, vlan: Option<u16>| Conversation {
        client_mac: Some(mac(rogue)),
        server_mac: Some(mac("28:63:36:00:09:10")),
        vlan,
        vlans: vlan.into_iter().collect(),
        ..tcp(ip, "10.20.10.10", 502, "modbus")
    };
    // The address of the other crane's panel, and one that nobody has; with tags, and at a port that has none.
    for vlan in [20, 0] {
        for row in [claimed, address] {
            for ip in ["10.20.10.77", "10.20.10.78"] {
                let rows = vec![
                    row(rogue, ip, vlan),
                    claimed("28:63:36:00:09:10", "10.20.10.10", vlan),
                ];
                let talks = vec![talk(ip, Some(vlan).filter(|vlan| *vlan > 0))];
                let name = match ip {
                    "10.20.10.77" => format!("{ip} ({rogue})"),
                    _ => ip.to_owned(),
                };
                let told = speakers(rows, talks, &site);
                assert_eq!(told, [format!("{name} in other")], "{vlan}");
            }
        }
    }
}
