use super::*;

const SENSOR: &str = r#"
[[sensor]]
name = "crane-span"
sees = ["control", "cameras"]
captures = ["span*.pcap"]
"#;

const CAMERA: &str = "00:40:8c:00:00:30";
const RECORDER: &str = "00:40:8c:00:00:31";
const ALL: &str = "ff:ff:ff:ff:ff:ff";

/// Packets of one way in the cameras' VLAN, at the level of `transport`.
fn spoken(transport: &str, to: &str, packets_out: u64) -> Conversation {
    Conversation {
        transport: transport.into(),
        client_mac: CAMERA.parse().ok(),
        server_mac: to.parse().ok(),
        vlan: Some(30),
        vlans: vec![30].into(),
        packets_out,
        packets_in: 0,
        bytes_in: 0,
        state: match transport {
            "udp" => "unanswered".into(),
            _ => "one-way".into(),
        },
        ..tcp(CAMERA, to, 0, "")
    }
}

/// The rows of VLANs in the coverage of these facts beside a control VLAN that is whole: zone, what, part, sentence.
fn told(conversations: &[Conversation], identities: &[Identity]) -> Vec<[String; 4]> {
    let plc = tcp("10.20.10.20", "10.20.10.10", 102, "s7comm");
    let mut addresses = vec![
        claimed(PLC, "10.20.10.10", 10),
        claimed(HMI, "10.20.10.20", 10),
    ];
    if !conversations.is_empty() {
        addresses.push(claimed(CAMERA, "10.20.30.10", 30));
    }
    let facts = Facts {
        captures: vec!["span.pcap".to_owned()],
        files: vec![capture("span.pcap")],
        addresses,
        conversations: [&[plc], conversations].concat(),
        identities: identities.to_vec(),
        ..Facts::default()
    };
    let site = site(SENSOR);
    let facts = folded(facts, &site);
    assert_eq!(folded(facts.clone(), &site), facts, "judged twice");
    let rows = facts.coverage.into_iter();
    let of_vlans = rows.filter(|row| row.of_vlan().is_some());
    of_vlans
        .map(|row| {
            assert_eq!((row.good, row.state.as_str()), (0, "none"));
            [
                row.zone.unwrap(),
                row.what,
                row.part.unwrap(),
                row.detail.unwrap(),
            ]
        })
        .collect()
}

#[test]
fn a_vlan_in_which_nobody_is_seen_to_be_answered_is_only_spoken_into() {
    let lack = |frames| {
        let detail = format!(
            "of VLAN 30 only what is sent to everybody was captured: {frames} frames, and nobody in it was seen to be answered"
        );
        [["cameras", "directions", "vlan/30", &detail].map(str::to_owned)]
    };
    let asks = spoken("ethertype/0x0806", ALL, 12);
    let floods = spoken("udp", RECORDER, 8);
    assert_eq!(told(&[asks.clone(), floods.clone()], &[]), lack(20));
    // By either alone, if there are enough.
    assert_eq!(told(&[spoken("ethertype/0x0806", ALL, 16)], &[]), lack(16));
    assert_eq!(told(&[spoken("udp", RECORDER, 15)], &[]).len(), 0);
    assert_eq!(told(&[spoken("udp", RECORDER, 16)], &[]), lack(16));
    // Logs, traps and flow records are answered by nobody.
    let log = Conversation {
        state: "one-way".into(),
        ..spoken("udp", RECORDER, 5000)
    };
    assert_eq!(told(&[log], &[]).len(), 0);
    // One answer shows that the others would be seen; so does a frame to a device that was heard.
    let answered = Conversation {
        packets_in: 1,
        ..spoken("udp", RECORDER, 1)
    };
    assert_eq!(
        told(&[asks.clone(), floods.clone(), answered], &[]).len(),
        0
    );
    let heard = spoken("ethertype/0x0806", CAMERA, 1);
    assert_eq!(told(&[asks.clone(), floods, heard], &[]).len(), 0);
    // Groups may be all that a VLAN is for, and a VLAN of no zone is nobody's.
    let group = spoken("ethertype/0x88b8", "01:0c:cd:01:00:01", 5000);
    assert_eq!(told(&[group], &[]).len(), 0);
    let elsewhere = Conversation {
        vlan: Some(77),
        vlans: vec![77].into(),
        ..spoken("ethertype/0x0806", ALL, 5000)
    };
    assert_eq!(told(&[elsewhere], &[]).len(), 0);
}

#[test]
fn a_vlan_that_a_switch_names_and_nobody_saw_is_missing() {
    let says = |value: &str| [identity(FW_PORT, "", "vlans", value)];
    let lack = [[
        "cameras",
        "frames",
        "vlan/30",
        "00:09:0f:00:00:02 says by LLDP that it is in VLAN 30, and sensor crane-span saw no frame of that",
    ]
    .map(str::to_owned)];
    assert_eq!(told(&[], &says("10 (control), 30 (10 cameras)")), lack);
    // It was seen, if only a word of it; it is of no zone, or of a zone that the sensor need not see.
    let word = spoken("udp", CAMERA, 1);
    assert_eq!(told(&[word], &says("30")).len(), 0);
    assert_eq!(told(&[], &says("77, 90, 4095")).len(), 0);
    // What goes without a tag may be of it.
    let untagged = Conversation {
        vlan: None,
        vlans: Vec::new().into(),
        ..tcp("10.20.30.10", "10.20.30.11", 554, "rtsp")
    };
    assert_eq!(told(&[untagged], &says("30")).len(), 0);
}

#[test]
fn a_vlan_that_only_a_switch_names_beside_others_of_its_zone_is_not_missing() {
    let rows = |named: &str, more: &str| {
        let facts = Facts {
            captures: vec!["span.pcap".to_owned()],
            files: vec![capture("span.pcap")],
            addresses: vec![claimed(PLC, "10.20.10.10", 10)],
            conversations: vec![tcp("10.20.10.20", "10.20.10.10", 102, "s7comm")],
            identities: vec![identity(FW_PORT, "", "vlans", named)],
            ..Facts::default()
        };
        let text = format!("{SITE}\n{SENSOR}\n{more}");
        let text = text.replace("vlans = [10]", "vlans = [10, 11]");
        let site = facts::site::read(&[("site.toml".to_owned(), text)], &[]).unwrap();
        let rows = folded(facts, &site).coverage.into_iter();
        rows.filter_map(|row| row.of_vlan()).collect::<Vec<_>>()
    };
    assert_eq!(rows("10, 11", "").len(), 0);
    // All that a zone is; and a VLAN in which the site has somebody.
    assert_eq!(rows("10, 11, 30", ""), [30]);
    let scanner = r#"
[[asset]]
name = "scanner1"
role = "scanner"
interface = [{ mac = "00:40:8c:00:00:77", vlan = 11 }]
"#;
    assert_eq!(rows("10, 11", scanner), [11]);
}

#[test]
fn floods_on_a_mirrored_trunk_are_no_lack_where_another_sensor_shows_the_vlan() {
    let second = r#"
[[sensor]]
name = "camera-span"
sees = ["cameras"]
captures = ["camera*.pcap"]
"#;
    let at = |capture: u32, one: Conversation| Conversation {
        evidence: Evidence {
            capture: Some(capture),
            ..one.evidence.clone()
        },
        ..one
    };
    let rows = |sees: &str| {
        let whole = Conversation {
            packets_in: 40,
            ..spoken("udp", RECORDER, 40)
        };
        let facts = Facts {
            captures: vec!["camera.pcap".to_owned(), "span.pcap".to_owned()],
            files: vec![capture("camera.pcap"), capture("span.pcap")],
            addresses: vec![claimed(CAMERA, "10.20.30.10", 30)],
            conversations: vec![
                at(0, whole),
                at(1, spoken("ethertype/0x0806", ALL, 40)),
                at(1, tcp("10.20.10.20", "10.20.10.10", 102, "s7comm")),
            ],
            ..Facts::default()
        };
        let sensors = SENSOR.replace(r#"["control", "cameras"]"#, sees) + second;
        let rows = folded(facts, &site(&sensors)).coverage.into_iter();
        let of_vlans = rows.filter(|row| row.of_vlan().is_some());
        of_vlans.filter_map(|row| row.sensor).collect::<Vec<_>>()
    };
    assert_eq!(rows(r#"["control"]"#).len(), 0);
    // Who says that it sees the zone has to.
    assert_eq!(rows(r#"["control", "cameras"]"#), ["crane-span"]);
}
