use super::*;

#[test]
fn every_declared_asset_has_a_row_seen_or_not() {
    let addresses = vec![claimed(HMI, "10.20.10.20", 10), address(HMI, "", 10)];
    let facts = folded(
        Facts {
            addresses,
            ..Facts::default()
        },
        &site(""),
    );
    assert_eq!(
        facts
            .assets
            .iter()
            .map(|asset| asset.name.as_str())
            .collect::<Vec<_>>(),
        ["plc1", "hmi1", "eng1", "fw1"]
    );
    let plc = asset(&facts, "plc1");
    assert_eq!(
        (plc.seen, plc.time, plc.packets, plc.mac),
        (false, None, 0, None)
    );
    assert_eq!(
        (
            plc.ips.as_slice(),
            plc.zone.as_deref(),
            plc.crane.as_deref()
        ),
        (
            ["10.20.10.10".to_owned()].as_slice(),
            Some("control"),
            Some("STS-07")
        )
    );
    assert_eq!(
        (plc.role.as_deref(), plc.role_grade),
        (Some("plc"), Some(Grade::Declared))
    );
    let hmi = asset(&facts, "hmi1");
    assert_eq!(
        (hmi.seen, hmi.packets, hmi.vlans.as_slice()),
        (true, 20, [10].as_slice())
    );
    assert_eq!(hmi.crane.as_deref(), Some("STS-07"), "by its zone");
    assert_eq!(
        hmi.macs,
        [HMI],
        "the MAC that owns a declared address is the asset's"
    );
}

#[test]
fn a_link_local_address_that_the_site_declares_is_its_asset_s_in_that_vlan() {
    const JOYSTICK: &str = "00:80:63:00:00:05";
    let declared = "[[asset]]\nname = \"joystick\"\nrole = \"other\"\ninterface = [{ ip = \"169.254.10.5\", vlan = 10 }]\n";
    let seen = |vlan: u16| {
        let facts = Facts {
            addresses: vec![
                claimed(JOYSTICK, "169.254.10.5", vlan),
                address(JOYSTICK, "", vlan),
            ],
            conversations: vec![Conversation {
                client_mac: Some(mac(JOYSTICK)),
                vlan: Some(vlan),
                ..tcp("169.254.10.5", "10.20.10.10", 102, "s7comm")
            }],
            ..Facts::default()
        };
        let facts = folded(facts, &site(declared));
        let all = facts.assets.iter().filter(|asset| asset.seen);
        let names: Vec<_> = all
            .map(|asset| (asset.name.clone(), asset.declared))
            .collect();
        names
    };
    assert_eq!(seen(10), [("joystick".to_owned(), true)]);
    // Every network may have that address: in another VLAN it is somebody else's.
    assert_eq!(seen(30), [("169.254.10.5".to_owned(), false)]);
}

/// A declared panel with homes in two zones, and a stranger, whose other home is there.
fn two_homed(other: &str, vlan: u16) -> Vec<AddressFact> {
    const STRANGER: &str = "00:00:5d:00:00:09";
    vec![
        claimed(HMI, "10.20.10.20", 10),
        claimed(HMI, "10.20.30.20", 30),
        claimed(STRANGER, "10.20.10.99", 10),
        claimed(STRANGER, other, vlan),
    ]
}

#[test]
fn one_mac_with_homes_in_two_zones_is_one_device_of_both() {
    let addresses = two_homed("10.20.90.99", 90);
    let facts = folded(
        Facts {
            addresses,
            ..Facts::default()
        },
        &site(""),
    );
    assert_eq!(asset(&facts, "hmi1").zones, ["control", "cameras"]);
    assert_eq!(strangers(&facts), ["10.20.10.99"]);
    assert_eq!(asset(&facts, "10.20.10.99").zones, ["control", "port"]);
    assert!(!asset(&facts, "10.20.10.99").routes);
    assert_eq!(facts.addresses[3].asset.as_deref(), Some("10.20.10.99"));
}

#[test]
fn what_joins_zones_of_several_cranes_is_of_no_single_one() {
    let more = r#"
[[zone]]
name = "control8"
kind = "crane-control"
crane = "STS-08"
vlans = [20]
subnets = ["10.20.20.0/24"]

[[asset]]
name = "fw2"
role = "firewall"
interface = [{ ip = "10.20.10.2", vlan = 10 }, { ip = "10.20.30.2", vlan = 30 }, { ip = "10.20.20.2", vlan = 20 }]

[[asset]]
name = "spare"
role = "plc"
crane = "STS-08"
interface = [{ ip = "10.20.10.3", vlan = 10 }]
"#;
    let addresses = two_homed("10.20.20.99", 20);
    let facts = folded(
        Facts {
            addresses,
            ..Facts::default()
        },
        &site(more),
    );
    let crane = |name: &str| asset(&facts, name).crane.clone();
    assert_eq!(crane("fw2"), None, "declared in both");
    assert_eq!(crane("10.20.10.99"), None, "seen in both");
    assert_eq!(crane("hmi1").as_deref(), Some("STS-07"), "two zones of one");
    assert_eq!(
        crane("fw1").as_deref(),
        Some("STS-07"),
        "the port is no crane"
    );
    assert_eq!(crane("spare").as_deref(), Some("STS-08"), "declared so");
}

#[test]
fn one_address_on_two_macs_is_one_declared_asset_but_two_strangers() {
    let addresses = vec![
        claimed(HMI, "10.20.10.20", 10),
        claimed("00:00:5d:00:00:01", "10.20.10.20", 10),
        claimed("00:00:5d:00:00:02", "10.20.10.88", 10),
        claimed("00:00:5d:00:00:03", "10.20.10.88", 10),
    ];
    let facts = folded(
        Facts {
            addresses,
            ..Facts::default()
        },
        &site(""),
    );
    assert_eq!(asset(&facts, "hmi1").macs.len(), 2);
    assert_eq!(
        strangers(&facts),
        [
            "10.20.10.88 (00:00:5d:00:00:02)",
            "10.20.10.88 (00:00:5d:00:00:03)"
        ]
    );
}

#[test]
fn an_undeclared_camera_is_known_by_its_mac_prefix() {
    let addresses = vec![claimed("44:19:b6:02:00:07", "10.20.10.77", 10)];
    let facts = folded(
        Facts {
            addresses,
            ..Facts::default()
        },
        &site(""),
    );
    let camera = asset(&facts, "10.20.10.77");
    assert_eq!(
        camera.maker.as_deref(),
        Some("Hangzhou Hikvision Digital Technology Co.,Ltd.")
    );
    assert_eq!(
        (camera.maker_grade, camera.maker_why.as_deref()),
        (Some(Grade::Inferred), Some("oui 44:19:b6/24"))
    );
    assert_eq!(
        (camera.supplier.as_deref(), camera.trust.as_deref()),
        (Some("Hikvision"), Some("untrusted"))
    );
    assert_eq!(camera.lists, ["FY2019 NDAA 889"]);
    assert_eq!(
        (camera.role.as_deref(), camera.role_grade),
        (Some("camera"), Some(Grade::Inferred))
    );
    assert_eq!(
        (
            camera.zone.as_deref(),
            camera.crane.as_deref(),
            camera.declared
        ),
        (Some("control"), Some("STS-07"), false)
    );
}

#[test]
fn the_maker_is_declared_before_stated_before_inferred() {
    let addresses = vec![
        claimed(PLC, "10.20.10.10", 10),
        claimed("28:63:36:00:00:77", "10.20.10.77", 10),
        claimed("28:63:36:00:00:78", "10.20.10.78", 10),
    ];
    let identities = vec![
        identity(PLC, "10.20.10.10", "maker", "Dahua"),
        identity(
            "28:63:36:00:00:77",
            "",
            "maker",
            "Zhejiang Dahua Technology Co., Ltd.",
        ),
        identity("28:63:36:00:00:77", "", "model", "IPC-HFW"),
        Identity {
            last: time(9),
            ..identity("", "10.20.10.77", "firmware", "2.0")
        },
        Identity {
            last: time(5),
            ..identity("", "10.20.10.77", "firmware", "1.0")
        },
        identity("", "10.20.10.77", "hostname", "CAM-7"),
    ];
    let facts = folded(
        Facts {
            addresses,
            identities,
            ..Facts::default()
        },
        &site(""),
    );
    let plc = asset(&facts, "plc1");
    assert_eq!(
        (plc.maker.as_deref(), plc.maker_grade, plc.trust.as_deref()),
        (Some("Siemens"), Some(Grade::Declared), None)
    );
    let stated = asset(&facts, "10.20.10.77");
    assert_eq!(
        (stated.maker_grade, stated.maker_why.as_deref()),
        (Some(Grade::Stated), Some("lldp"))
    );
    assert_eq!(
        (stated.supplier.as_deref(), stated.trust.as_deref()),
        (Some("Dahua"), Some("untrusted"))
    );
    assert_eq!(
        (stated.model.as_deref(), stated.firmware.as_deref()),
        (Some("IPC-HFW"), Some("2.0")),
        "the latest counts"
    );
    assert_eq!(stated.hostnames, ["CAM-7"]);
    let inferred = asset(&facts, "10.20.10.78");
    assert_eq!(
        (inferred.supplier.as_deref(), inferred.trust.as_deref()),
        (Some("Siemens"), None)
    );
    assert_eq!(facts.identities[0].asset.as_deref(), Some("plc1"));
    assert_eq!(facts.identities[1].asset.as_deref(), Some("10.20.10.77"));
}

#[test]
fn a_foreign_label_does_not_take_a_device_off_the_list_but_the_site_may() {
    let camera = "[[asset]]\nname = \"cam1\"\nrole = \"camera\"\nsupplier = \"Acme Optics\"\n\
        interface = [{ mac = \"44:19:b6:00:00:01\", ip = \"10.20.30.11\", vlan = 30 }]\n";
    let facts = folded(Facts::default(), &site(camera));
    let cam = asset(&facts, "cam1");
    assert_eq!(
        (
            cam.maker.as_deref(),
            cam.supplier.as_deref(),
            cam.trust.as_deref()
        ),
        (Some("Acme Optics"), Some("Hikvision"), Some("untrusted"))
    );
    assert!(
        cam.maker_why.as_ref().unwrap().contains("oui 44:19:b6/24"),
        "{:?}",
        cam.maker_why
    );
    let trusted = format!("{camera}[[supplier]]\nname = \"Acme Optics\"\ntrust = \"trusted\"\n");
    let facts = folded(Facts::default(), &site(&trusted));
    assert_eq!(
        (
            asset(&facts, "cam1").supplier.as_deref(),
            asset(&facts, "cam1").trust.as_deref()
        ),
        (Some("Acme Optics"), Some("trusted"))
    );
}

#[test]
fn roles_are_guessed_from_what_a_device_states_is_and_does() {
    let macs: Vec<String> = (0..8)
        .map(|index| format!("00:00:5d:00:01:{index:02x}"))
        .collect();
    let mut addresses: Vec<AddressFact> = macs
        .iter()
        .enumerate()
        .map(|(index, mac)| claimed(mac, &format!("10.20.10.{}", 100 + index), 10))
        .collect();
    addresses.push(claimed("00:1e:42:00:00:01", "10.20.10.120", 10)); // Teltonika
    addresses.push(claimed("00:00:5e:00:01:07", "10.20.10.121", 10)); // VRRP
    let facts = Facts {
        addresses,
        conversations: vec![
            tcp("10.20.10.101", "10.20.10.100", 102, "s7comm"),
            tcp("10.20.10.101", "10.20.10.102", 554, "rtsp"),
            Conversation {
                state: "refused".into(),
                ..tcp("10.20.10.101", "10.20.10.103", 102, "s7comm")
            },
            Conversation {
                carried_by: Some("socks".into()),
                ..tcp("10.20.10.101", "10.20.10.103", 102, "s7comm")
            },
        ],
        operations: vec![operation(
            "10.20.10.104",
            "10.20.10.100",
            Verb::ProgramDownload,
        )],
        identities: vec![
            identity(&macs[5], "", "role", "bridge, router"),
            identity(&macs[6], "", "role", "telephone"),
        ],
        routes: vec![
            route("ra", &macs[7], "fe80::7"),
            route("dhcp", &macs[6], "10.20.10.106"),
            Route {
                gateway: "10.20.10.103".parse().ok(),
                ..route("dhcp", &macs[3], "10.20.10.103")
            },
        ],
        ..Facts::default()
    };
    let facts = folded(facts, &site(""));
    let role = |host: u8| asset(&facts, &format!("10.20.10.{host}")).role.as_deref();
    assert_eq!(role(100), Some("plc"));
    assert_eq!(role(101), Some("hmi"));
    assert_eq!(role(102), Some("camera"));
    assert_eq!(
        role(103),
        Some("router"),
        "who refuses s7comm, or passes it on, is no controller"
    );
    assert_eq!(role(104), Some("engineering-station"));
    assert_eq!(role(105), Some("router"));
    assert_eq!(
        asset(&facts, "10.20.10.105").role_grade,
        Some(Grade::Stated)
    );
    assert_eq!(
        role(106),
        Some("server"),
        "a telephone is no role here, but it hands out addresses"
    );
    assert_eq!(role(107), Some("router"));
    assert_eq!(role(120), Some("modem"));
    assert_eq!(role(121), Some("router"));
    assert!(asset(&facts, "10.20.10.121").routes && asset(&facts, "10.20.10.121").maker.is_none());
}

#[test]
fn an_address_that_only_the_rest_of_the_world_holds_is_no_second_home() {
    let addresses = vec![
        claimed(HMI, "10.20.10.20", 10),
        claimed(HMI, "2001:db8::20", 10),
        claimed("00:00:5d:00:00:09", "192.168.8.1", 10),
        claimed("00:00:5d:00:00:08", "203.0.113.77", 10),
    ];
    let facts = folded(
        Facts {
            addresses,
            ..Facts::default()
        },
        &site(""),
    );
    assert_eq!(asset(&facts, "hmi1").zones, ["control"]);
    assert_eq!(
        asset(&facts, "192.168.8.1").zones,
        ["control"],
        "it is in the VLAN, whatever it calls itself"
    );
    assert_eq!(
        asset(&facts, "203.0.113.77").zones,
        ["internet"],
        "a public address on this wire is one"
    );
    assert_eq!(
        (
            facts.addresses[2].zone.as_deref(),
            facts.addresses[2].vlan_zone.as_deref()
        ),
        (None, Some("control")),
        "a private address is of no zone that only the internet would give it"
    );
}

#[test]
fn the_same_address_on_two_cranes_stays_two_devices_each_with_its_own_deeds() {
    let more = r#"
[[zone]]
name = "control-8"
kind = "crane-control"
crane = "STS-08"
vlans = [18]

[[zone]]
name = "control-9"
kind = "crane-control"
crane = "STS-09"
vlans = [19]
"#;
    let (eight, nine) = ("00:1d:9c:00:00:08", "00:1d:9c:00:00:09");
    let addresses = vec![
        address(eight, "192.168.0.10", 18),
        address(nine, "192.168.0.10", 19),
    ];
    let talk = |of: &str, vlan| Conversation {
        server_mac: of.parse().ok(),
        vlan: Some(vlan),
        ..tcp("10.20.10.20", "192.168.0.10", 44_818, "enip")
    };
    let stop = |of: &str, vlan| Operation {
        target_mac: of.parse().ok(),
        vlan: Some(vlan),
        ..operation("10.20.10.20", "192.168.0.10", Verb::Stop)
    };
    let serial = |of: &str, value| identity(of, "192.168.0.10", "serial", value);
    let facts = Facts {
        addresses,
        conversations: vec![talk(eight, 18), talk(nine, 19)],
        operations: vec![stop(eight, 18), stop(nine, 19)],
        identities: vec![serial(eight, "a8"), serial(nine, "b9")],
        ..Facts::default()
    };
    let facts = folded(facts, &site(more));
    let names: Vec<String> = [eight, nine]
        .iter()
        .map(|of| format!("192.168.0.10 ({of})"))
        .collect();
    assert_eq!(strangers(&facts), names);
    let zones = [Some("control-8".to_owned()), Some("control-9".to_owned())];
    let ends: Vec<_> = (facts.conversations.iter())
        .map(|one| {
            let zone = one.server_zone.as_deref().map(str::to_owned);
            (one.server_asset.as_deref().unwrap().to_owned(), zone)
        })
        .collect();
    let expected: Vec<_> = names.iter().cloned().zip(zones).collect();
    assert_eq!(ends, expected);
    let targets: Vec<_> = (facts.operations.iter())
        .map(|one| (one.target_asset.clone().unwrap(), one.target_zone.clone()))
        .collect();
    assert_eq!(targets, expected);
    assert_eq!(asset(&facts, &names[0]).serial.as_deref(), Some("a8"));
    assert_eq!(asset(&facts, &names[1]).serial.as_deref(), Some("b9"));
}

#[test]
fn the_ports_of_one_switch_are_one_device_and_a_host_that_only_says_so_is_not() {
    let lldp = |mac: &str, chassis: &str| Identity {
        mac: Some(mac.parse().unwrap()),
        vlan: Some(10),
        attribute: "chassis".to_owned(),
        value: chassis.to_owned(),
        source: "lldp".to_owned(),
        grade: Some(Grade::Stated),
        ..Identity::default()
    };
    let switch = "00:1b:1b:00:01:00";
    let ports = ["00:1b:1b:00:01:01", "00:1b:1b:00:01:02"];
    // It says that it is of the switch, but has an address; and a port of another maker's.
    let (host, other) = ("00:1b:1b:00:01:03", "00:0e:cf:00:00:09");
    let mut addresses: Vec<_> = ports.iter().map(|port| address(port, "", 10)).collect();
    addresses.push(claimed(host, "10.20.10.77", 10));
    addresses.push(address(other, "", 10));
    let names = ports.iter().chain([&host, &other]);
    let identities = names.map(|port| lldp(port, switch)).collect();
    let facts = folded(
        Facts {
            addresses,
            identities,
            ..Facts::default()
        },
        &site(""),
    );
    let strangers: Vec<(&str, usize)> = facts
        .assets
        .iter()
        .filter(|asset| !asset.declared)
        .map(|asset| (asset.name.as_str(), asset.macs.len()))
        .collect();
    assert_eq!(strangers, [(other, 1), (switch, 2), ("10.20.10.77", 1)]);
}

#[test]
fn a_stranger_does_not_become_the_port_of_a_declared_asset_by_naming_its_address() {
    let told = |pairs: &[(&str, &str, &str)], more: Vec<AddressFact>| {
        let identities = pairs.iter().map(|(mac, chassis, ip)| Identity {
            mac: Some(mac.parse().unwrap()),
            ip: ip.parse().ok(),
            attribute: "chassis".to_owned(),
            value: (*chassis).to_owned(),
            source: "lldp".to_owned(),
            ..Identity::default()
        });
        let ports = pairs.iter().map(|(mac, ..)| address(mac, "", 10));
        let facts = Facts {
            identities: identities.collect(),
            addresses: ports.chain(more).collect(),
            ..Facts::default()
        };
        let facts = folded(facts, &site(""));
        let strangers = facts.assets.into_iter().filter(|asset| !asset.declared);
        strangers
            .map(|asset| (asset.name, asset.macs.len()))
            .collect::<Vec<_>>()
    };
    let mac = |last: u8| format!("00:1b:1b:00:01:{last:02x}");
    let [a, b, c, d] = [mac(1), mac(2), mac(3), mac(4)];
    let alone = |mac: &String| (mac.clone(), 1);
    // The address of a declared device of the same maker, and a chassis that nobody saw.
    let hmi = || vec![claimed(HMI, "10.20.10.20", 10)];
    let (near, chassis) = ("28:63:36:00:00:60", "28:63:36:00:00:61");
    assert_eq!(
        told(&[(near, chassis, "10.20.10.20")], hmi()),
        [(near.to_owned(), 1)]
    );
    // The chassis is the declared device's own: its port.
    assert_eq!(told(&[(near, HMI, "10.20.10.20")], hmi()), []);
    // An undeclared switch that speaks IP with one MAC address of its own has its ports, those of another maker not.
    let switch = || vec![claimed(&a, "10.20.10.77", 10)];
    let ports = [(&*b, &*d, "10.20.10.77"), (&*c, &*d, "10.20.10.77")];
    let whole = ("10.20.10.77".to_owned(), 3);
    assert_eq!(told(&ports, switch()), [whole]);
    let foreign = "00:0e:cf:00:00:09";
    let other = [(foreign, "00:0e:cf:00:00:08", "10.20.10.77")];
    assert_eq!(
        told(&other, switch()),
        [(foreign.to_owned(), 1), ("10.20.10.77".to_owned(), 1)]
    );
    // A chain leads to its end; a circle nowhere.
    let chain = [(&*a, &*b, ""), (&*b, &*c, ""), (&*c, &*d, "")];
    let end = vec![address(&d, "", 10)];
    assert_eq!(told(&chain, end), [(d.clone(), 4)]);
    let circle = [(&*a, &*b, ""), (&*b, &*c, ""), (&*c, &*b, "")];
    assert_eq!(told(&circle, vec![]), [alone(&a), alone(&b), alone(&c)]);
}

#[test]
fn values_that_contradict_each_other_are_all_kept_with_their_source() {
    let said = |attribute: &str, value: &str, source: &str, second| Identity {
        source: source.to_owned(),
        time: time(second),
        last: time(second),
        ..identity(HMI, "10.20.10.20", attribute, value)
    };
    let facts = Facts {
        addresses: vec![claimed(HMI, "10.20.10.20", 10)],
        identities: vec![
            said("firmware", "V4.2", "lldp", 9),
            said("firmware", "4.2", "snmp", 8),
            said("firmware", "2.0", "cip", 7),
            said("serial", "A-1", "lldp", 1),
        ],
        ..Facts::default()
    };
    let facts = folded(facts, &site(""));
    let hmi = asset(&facts, "hmi1");
    assert_eq!(hmi.firmware.as_deref(), Some("V4.2"));
    assert_eq!(
        hmi.otherwise,
        ["firmware 2.0 (by cip, 2026-11-21 08:00:07 UTC)"]
    );
}
