use super::*;

const SENSORS: &str = r#"
[[sensor]]
name = "crane-span"
sees = ["control", "cameras"]
captures = ["span*.pcap"]

[[sensor]]
name = "port-tap"
sees = ["port"]
captures = ["tap-?.pcap"]
"#;

/// A day on the control VLAN, one capture.
fn seen() -> Facts {
    Facts {
        captures: vec!["span-1.pcap".to_owned()],
        files: vec![capture("span-1.pcap")],
        addresses: vec![
            claimed(PLC, "10.20.10.10", 10),
            claimed(HMI, "10.20.10.20", 10),
        ],
        conversations: vec![tcp("10.20.10.20", "10.20.10.10", 102, "s7comm")],
        ..Facts::default()
    }
}

#[test]
fn a_sensor_that_saw_its_zone_covers_it() {
    let facts = folded(seen(), &site(SENSORS));
    assert_eq!(facts.files[0].sensor.as_deref(), Some("crane-span"));
    let whole = covered(&facts, "crane-span", "", "capture");
    assert_eq!(
        (whole.state.as_str(), whole.good, whole.total, &whole.detail),
        ("complete", 100, 100, &None)
    );
    let frames = covered(&facts, "crane-span", "control", "frames");
    assert_eq!(
        (frames.state.as_str(), frames.good, frames.time),
        ("complete", 20, Some(time(0)))
    );
    let streams = covered(&facts, "crane-span", "control", "streams");
    assert_eq!(
        (streams.state.as_str(), streams.good, streams.total),
        ("complete", 2000, 2000)
    );
    let directions = covered(&facts, "crane-span", "control", "directions");
    assert_eq!(
        (directions.state.as_str(), directions.good, directions.total),
        ("complete", 1, 1)
    );
}

#[test]
fn a_zone_without_a_frame_is_not_covered() {
    let facts = folded(seen(), &site(SENSORS));
    for what in ["frames", "streams", "directions"] {
        let row = covered(&facts, "crane-span", "cameras", what);
        assert_eq!(
            (row.state.as_str(), row.good, row.total),
            ("none", 0, 0),
            "{what}"
        );
        assert!(
            row.detail
                .as_ref()
                .unwrap()
                .contains("no frame of this zone was seen")
        );
    }
    let none = folded(Facts::default(), &site(SENSORS));
    assert_eq!(
        covered(&none, "crane-span", "control", "frames").state,
        "none"
    );
}

#[test]
fn a_vlan_that_the_mirror_leaves_out_is_not_covered_by_what_its_devices_say_to_their_switch() {
    // LLDP bears no tag, and whoever comes from elsewhere comes in another VLAN.
    let lldp = Conversation {
        transport: "ethertype/0x88cc".into(),
        vlan: None,
        vlans: Default::default(),
        ..tcp(PLC, "01:80:c2:00:00:0e", 0, "lldp")
    };
    let routed = Conversation {
        vlan: Some(90),
        vlans: vec![90].into(),
        ..tcp("10.20.90.50", "10.20.10.10", 102, "s7comm")
    };
    let without = Facts {
        addresses: vec![
            address(PLC, "", 0),
            behind(1, FW_PORT, "10.20.10.10", 90),
            claimed(ENG, "10.20.90.50", 90),
        ],
        conversations: vec![lldp.clone(), routed],
        ..seen()
    };
    let facts = folded(without, &site(SENSORS));
    let frames = covered(&facts, "crane-span", "control", "frames");
    assert_eq!((frames.state.as_str(), frames.good), ("none", 0));
    let mut whole = seen();
    whole.conversations.push(lldp);
    let facts = folded(whole, &site(SENSORS));
    let frames = covered(&facts, "crane-span", "control", "frames");
    assert_eq!((frames.state.as_str(), frames.good), ("complete", 20));
}

#[test]
fn a_zone_that_no_capture_of_its_sensor_shows_is_partial_at_best() {
    let mut facts = seen();
    facts.addresses.push(claimed(ENG, "10.20.90.50", 90));
    let facts = folded(facts, &site(SENSORS));
    let row = covered(&facts, "port-tap", "port", "frames");
    assert_eq!(
        (row.state.as_str(), row.detail.as_deref()),
        ("partial", Some("no capture of sensor port-tap was given"))
    );
}

#[test]
fn frames_alone_do_not_say_that_a_sensor_sees_everything() {
    let facts = folded(seen(), &site(""));
    let row = covered(&facts, "", "control", "frames");
    assert_eq!((row.state.as_str(), row.good), ("partial", 20));
    assert!(row.detail.as_ref().unwrap().contains("declares no sensor"));
    let other = "[[sensor]]\nname = \"tap\"\nsees = [\"port\"]\ncaptures = [\"*\"]\n";
    let facts = folded(seen(), &site(other));
    assert_eq!(covered(&facts, "", "control", "frames").state, "partial");
}

#[test]
fn zones_outside_need_no_sensor() {
    let mut facts = seen();
    facts.conversations.push(Conversation {
        vlan: None,
        vlans: Vec::new().into(),
        ..tcp("10.20.10.20", "198.51.100.1", 443, "tls")
    });
    let facts = folded(facts, &site(SENSORS));
    assert_eq!(covered(&facts, "", "internet", "frames").state, "complete");
    let quiet = folded(seen(), &site(SENSORS));
    assert!(
        quiet
            .coverage
            .iter()
            .all(|row| row.zone.as_deref() != Some("internet")),
        "no frame, no row"
    );
}

#[test]
fn damage_of_a_capture_reaches_every_zone_of_its_sensor() {
    let damages: [fn(&mut Capture); 3] = [
        |file| file.problems.push("cut off after 1000 bytes".to_owned()),
        |file| file.snapped = 3,
        |file| file.undecoded = 1,
    ];
    for damage in damages {
        let mut facts = seen();
        damage(&mut facts.files[0]);
        let facts = folded(facts, &site(SENSORS));
        assert_eq!(
            covered(&facts, "crane-span", "", "capture").state,
            "partial"
        );
        for what in ["frames", "streams", "directions"] {
            let row = covered(&facts, "crane-span", "control", what);
            assert_eq!(
                (row.state.as_str(), row.detail.as_deref()),
                ("partial", Some("not whole: span-1.pcap")),
                "{what}"
            );
        }
    }
}

#[test]
fn lost_bytes_and_missing_directions_are_partial() {
    for (lost, state) in [(0, "complete"), (2, "complete"), (3, "partial")] {
        let mut facts = seen();
        facts.conversations[0].lost_bytes = lost;
        let facts = folded(facts, &site(SENSORS));
        assert_eq!(
            covered(&facts, "crane-span", "control", "streams").state,
            state,
            "{lost} of 2000"
        );
    }
    let mut facts = seen();
    facts.conversations.push(Conversation {
        state: "one-sided".into(),
        ..tcp("10.20.10.20", "10.20.10.10", 80, "http")
    });
    let facts = folded(facts, &site(SENSORS));
    let row = covered(&facts, "crane-span", "control", "directions");
    assert_eq!((row.state.as_str(), row.good, row.total), ("partial", 1, 2));
    assert_eq!(
        row.detail.as_deref(),
        Some("1 of 2 TCP conversations were captured one way only")
    );
}

#[test]
fn without_tcp_streams_are_as_complete_as_the_frames() {
    let facts = Facts {
        conversations: vec![],
        ..seen()
    };
    let facts = folded(facts, &site(SENSORS));
    let row = covered(&facts, "crane-span", "control", "streams");
    assert_eq!(
        (row.state.as_str(), row.good, row.total),
        ("complete", 0, 0)
    );
    let facts = folded(
        Facts {
            conversations: vec![],
            ..seen()
        },
        &site(""),
    );
    assert_eq!(covered(&facts, "", "control", "streams").state, "partial");
}

#[test]
fn what_the_witness_wrote_of_a_capture_stays_and_learns_its_sensor() {
    let mut facts = seen();
    let row = |what: &str| Coverage {
        what: what.to_owned(),
        evidence: Evidence::one(0, 1),
        ..Coverage::default()
    };
    facts.coverage = vec![row("classified"), row("capture")];
    let facts = folded(facts, &site(SENSORS));
    assert_eq!(
        covered(&facts, "crane-span", "", "classified").what,
        "classified"
    );
    assert_eq!(
        covered(&facts, "crane-span", "", "capture").total,
        100,
        "one row per capture"
    );
}

#[test]
fn every_sensor_gives_an_account_of_its_limits() {
    let facts = folded(seen(), &site(SENSORS));
    assert_eq!(
        covered(&facts, "crane-span", "", "limits").state,
        "complete"
    );
    assert_eq!(
        facts
            .coverage
            .iter()
            .filter(|row| row.what == "limits")
            .count(),
        1,
        "none of a sensor without captures"
    );
    let mut full = seen();
    let detail = Some("the table of names was full: 7 did not fit".to_owned());
    let state = "partial".to_owned();
    full.coverage.push(Coverage {
        what: "limits".to_owned(),
        total: 7,
        state,
        detail: detail.clone(),
        ..Coverage::default()
    });
    full.files.push(capture("other.pcap"));
    let site = site(SENSORS);
    let facts = folded(full, &site);
    for sensor in ["crane-span", ""] {
        let row = covered(&facts, sensor, "", "limits");
        assert_eq!((row.state.as_str(), &row.detail), ("partial", &detail));
    }
    assert_eq!(folded(facts.clone(), &site), facts);
}

#[test]
fn what_a_live_witness_says_of_its_blindness_is_told_in_sentences() {
    let mut facts = seen();
    facts.coverage = vec![
        Coverage::drops("crane-span", "eth1", time(0), time(60), 990, 10),
        Coverage::shedding("crane-span", "bulk", time(0), time(9), 0, 7),
        Coverage::silence("crane-span", Some(30), time(60), time(120)),
        Coverage::silence("crane-span", Some(77), time(60), time(120)),
        Coverage::not_watching(None, time(0), time(60), "ended"),
        Coverage::history(time(0), time(60), 5, 1),
        Coverage::drops("port-tap", "eth2", time(0), time(60), 990, 0),
    ];
    let site = site(SENSORS);
    let facts = folded(facts, &site);
    let told = |sensor, zone, what| covered(&facts, sensor, zone, what).detail.as_deref();
    assert_eq!(
        told("crane-span", "", "drops"),
        Some(
            "10 of 1000 frames were dropped before sensor crane-span could read them from eth1, between 2026-11-21 08:00:00 UTC \
             and 2026-11-21 08:01:00 UTC"
        )
    );
    assert_eq!(
        told("crane-span", "", "shedding"),
        Some(
            "7 of 7 frames of bulk were put aside undecoded under load, between 2026-11-21 08:00:00 UTC and 2026-11-21 \
             08:00:09 UTC"
        )
    );
    // A VLAN speaks for its zone; one of no zone for nobody.
    assert_eq!(
        told("crane-span", "cameras", "silence"),
        Some(
            "sensor crane-span saw no frame of VLAN 30 for 60 s between 2026-11-21 08:01:00 UTC and 2026-11-21 08:02:00 UTC"
        )
    );
    assert_eq!(
        facts
            .coverage
            .iter()
            .filter(|row| row.what == "silence")
            .count(),
        1
    );
    assert_eq!(
        told("", "", "watching"),
        Some(
            "nobody was watching from 2026-11-21 08:00:00 UTC to 2026-11-21 08:01:00 UTC (the program ended without a word)"
        )
    );
    assert_eq!(told("port-tap", "", "drops"), None, "nothing was dropped");
    assert_eq!(
        folded(facts.clone(), &site),
        facts,
        "folded again, the same"
    );
}

#[test]
fn frames_without_a_class_are_told_by_their_port_whatever_it_is_usual_for() {
    let account = |capture, good| Coverage {
        what: "classified".to_owned(),
        good,
        total: 100,
        state: if good == 100 { "complete" } else { "partial" }.to_owned(),
        evidence: Evidence::whole(capture),
        ..Coverage::default()
    };
    let assumed = Conversation {
        assumed: Some("s7comm".into()),
        ..tcp("10.20.10.20", "10.20.10.10", 102, "")
    };
    let silent = Conversation {
        bytes_out: 0,
        bytes_in: 0,
        ..tcp("10.20.10.20", "10.20.10.10", 4444, "")
    };
    let facts = Facts {
        captures: vec!["a.pcap".to_owned(), "b.pcap".to_owned()],
        coverage: vec![account(0, 80), account(1, 100)],
        conversations: vec![
            assumed,
            silent,
            tcp("10.20.10.20", "10.20.10.10", 502, "modbus"),
        ],
        ..Facts::default()
    };
    let facts = folded(facts, &site(""));
    let rows = facts.coverage.iter().filter(|row| row.what == "classified");
    let told: Vec<_> = rows.map(|row| row.detail.as_deref()).collect();
    let lack = "20 of 100 frames carry a protocol that has no name here: tcp/102";
    assert_eq!(told, [Some(lack), None]);
}

#[test]
fn who_is_spoken_to_and_never_heard_shows_a_mirror_port_of_one_way() {
    let udp = |to: &str, packets_out| Conversation {
        transport: "udp".into(),
        server_mac: to.parse().ok(),
        packets_out,
        packets_in: 0,
        state: "unanswered".into(),
        ..tcp("10.20.10.20", "10.20.10.10", 2222, "")
    };
    let told = |conversations| {
        let facts = Facts {
            captures: vec!["a.pcap".to_owned()],
            files: vec![capture("a.pcap")],
            addresses: vec![claimed(HMI, "10.20.10.20", 10)],
            conversations,
            ..Facts::default()
        };
        let facts = folded(facts, &site(""));
        let rows = facts.coverage.into_iter();
        rows.filter(|row| row.part.as_deref() == Some("senders"))
            .map(|row| (row.zone.unwrap(), row.what, row.detail.unwrap()))
            .collect::<Vec<_>>()
    };
    let lack = format!("40 frames went to {PLC}, of which no frame was captured");
    let expected = ("control".to_owned(), "directions".to_owned(), lack);
    assert_eq!(told(vec![udp(PLC, 30), udp(PLC, 10)]), [expected]);
    // A few frames may be flooded to one that is elsewhere; a group never answers; who spoke was heard.
    assert_eq!(
        told(vec![
            udp(PLC, 15),
            udp("01:00:5e:00:00:01", 90),
            udp(HMI, 90)
        ]),
        []
    );
    // Who is told something owes no answer, until the sender must have asked anew where to send it.
    let log = |hours: i64| Conversation {
        state: "one-way".into(),
        last: time(3600 * hours),
        ..udp(PLC, 40)
    };
    assert_eq!(told(vec![log(3)]), []);
    assert_eq!(told(vec![log(5)]).len(), 1);
    // A stream that was agreed on, as cyclic data are, has two ends.
    let agreed = Conversation {
        parent: Some("enip".into()),
        ..log(3)
    };
    assert_eq!(told(vec![agreed]).len(), 1);
}

#[test]
fn a_silence_counts_where_another_sensor_saw_frames_or_a_vlan_spoke_until_then() {
    let minutes = |count: i64| time(60 * count);
    let silent = |capture, from, until| Coverage {
        sensor: None,
        evidence: Evidence::whole(capture),
        ..Coverage::silence("", None, minutes(from), minutes(until))
    };
    let file = |name: &str, from, until| Capture {
        time: Some(minutes(from)),
        last: Some(minutes(until)),
        ..capture(name)
    };
    let told = |coverage, files: Vec<Capture>, addresses| {
        let facts = Facts {
            captures: files.iter().map(|file| file.name.clone()).collect(),
            files,
            coverage,
            addresses,
            ..Facts::default()
        };
        let site = site(SENSORS);
        let facts = folded(facts, &site);
        assert_eq!(folded(facts.clone(), &site), facts);
        let rows = facts.coverage.into_iter();
        rows.filter(|row| row.what == "silence")
            .map(|row| (row.sensor.unwrap(), row.zone, row.good, row.total))
            .collect::<Vec<_>>()
    };
    let span = || "crane-span".to_owned();
    let both = || vec![file("span-1.pcap", 0, 90), file("tap-1.pcap", 0, 90)];
    let long = || silent(0, 30, 50);
    assert_eq!(
        told(vec![long()], both(), vec![]),
        [(span(), None, 0, 1200)]
    );
    // Nobody else was there, or was as quiet, or it was not for long.
    assert_eq!(
        told(vec![long()], vec![file("span-1.pcap", 0, 90)], vec![]),
        []
    );
    assert_eq!(told(vec![long(), silent(1, 20, 40)], both(), vec![]), []);
    assert_eq!(told(vec![silent(0, 30, 35)], both(), vec![]), []);
    // Between two captures of one sensor.
    let parts = vec![
        file("span-1.pcap", 0, 30),
        file("span-2.pcap", 50, 90),
        file("tap-1.pcap", 0, 90),
    ];
    assert_eq!(told(vec![], parts, vec![]), [(span(), None, 0, 1200)]);
    // The other sensor has two captures that follow each other, and then it was silent itself between them.
    let follow = |from| {
        vec![
            file("span-1.pcap", 0, 90),
            file("tap-1.pcap", 0, 40),
            file("tap-2.pcap", from, 90),
        ]
    };
    let one = (span(), None, 0, 1200);
    assert_eq!(
        told(vec![long()], follow(40), vec![]),
        std::slice::from_ref(&one)
    );
    assert_eq!(told(vec![long()], follow(44), vec![]), []);
    // A VLAN in which somebody spoke every second for an hour, and one of a word now and then.
    let vlan =
        |capture, until, frames| Coverage::vlan(capture, 10, minutes(0), minutes(until), frames);
    let fell = |rows| told(rows, both(), vec![]);
    let control = || Some("control".to_owned());
    assert_eq!(
        fell(vec![vlan(0, 60, 3600)]),
        [(span(), control(), 0, 1800)]
    );
    assert_eq!(fell(vec![vlan(0, 60, 30)]), []);
    // It is silent where one sensor goes on to show it, whoever showed it first; one frame was never all the time.
    assert_eq!(
        fell(vec![vlan(0, 60, 3600), vlan(1, 90, 5400)]),
        [(span(), control(), 0, 1800)]
    );
    assert_eq!(fell(vec![vlan(0, 0, 1), vlan(1, 90, 5400)]), []);
    // What addresses did, wherever they were seen first, says nothing of it.
    let spoke = AddressFact {
        time: minutes(0),
        last: minutes(60),
        packets: 3600,
        ..claimed(HMI, "10.20.10.20", 10)
    };
    assert_eq!(told(vec![], both(), vec![spoke]), []);
}

#[test]
fn what_came_out_of_another_conversation_shows_no_frame_of_the_zone_it_goes_to() {
    let inside = |lost_bytes| Conversation {
        carried_by: Some("socks".into()),
        vlan: None,
        vlans: Vec::new().into(),
        lost_bytes,
        ..tcp("198.51.100.7", "10.20.10.20", 102, "s7comm")
    };
    let alone = |one| Facts {
        captures: seen().captures,
        files: seen().files,
        conversations: vec![one],
        ..Facts::default()
    };
    let facts = folded(alone(inside(0)), &site(SENSORS));
    for what in ["frames", "directions"] {
        let row = covered(&facts, "crane-span", "control", what);
        assert_eq!((row.state.as_str(), row.total), ("none", 0), "{what}");
    }
    // Beside frames of the zone its losses are the zone's.
    for (lost, state) in [(0, "complete"), (500, "partial")] {
        let mut facts = seen();
        facts.conversations.push(inside(lost));
        let facts = folded(facts, &site(SENSORS));
        let row = covered(&facts, "crane-span", "control", "streams");
        assert_eq!(row.state, state, "{lost} lost");
    }
}

#[test]
fn who_is_only_known_by_a_devices_flow_records_was_not_seen() {
    let by = |exporter: &str, address: &str, (first, last)| {
        let ip = |text: &str| text.parse().unwrap();
        Coverage::reported(ip(exporter), ip(address), time(first), time(last), 5)
    };
    let report = |address: &str, span| by("10.20.10.1", address, span);
    let told = |coverage| {
        let facts = Facts {
            captures: vec!["a.pcap".to_owned()],
            files: vec![capture("a.pcap")],
            addresses: vec![claimed(HMI, "10.20.10.20", 10)],
            coverage,
            ..Facts::default()
        };
        let site = site("");
        let facts = folded(facts, &site);
        assert!(facts.conversations.is_empty() && facts.addresses.len() == 1);
        assert_eq!(folded(facts.clone(), &site), facts);
        let rows = facts.coverage.into_iter();
        rows.filter(|row| row.part.as_deref() == Some("reported"))
            .map(|row| (row.zone.unwrap(), row.state, row.detail.unwrap()))
            .collect::<Vec<_>>()
    };
    let lack = "10.20.10.1 reports traffic from 10.20.10.77, of which no frame was captured";
    assert_eq!(
        told(vec![
            report("10.20.10.77", (0, 30)),
            report("10.20.10.77", (45, 60)),
            // Seen here, too; told of for a moment; of no zone of the terminal; by somebody whom the site does not name.
            report("10.20.10.20", (0, 600)),
            report("10.20.10.78", (0, 59)),
            report("198.51.100.7", (0, 600)),
            by("10.20.10.99", "10.20.10.79", (0, 600)),
        ]),
        [("control".to_owned(), "none".to_owned(), lack.to_owned())]
    );
}
