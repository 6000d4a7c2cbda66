//! Forty zones and many rows: still drawn, folded with a count.
use facts::kinds::{Asset, Conversation};
use facts::site::{Site, Zone, ZoneKind};
use facts::{Evidence, Facts};
use judge::{Cited, Subject, Verdict};
use report::{Context, html};

use crate::sample::{at, sample};

fn zone(name: String, kind: ZoneKind, crane: Option<String>) -> Zone {
    Zone {
        name,
        kind,
        crane,
        vlans: Vec::new(),
        subnets: Vec::new(),
        for_untrusted_suppliers: false,
        place: Default::default(),
    }
}

fn forty() -> Site {
    let mut site = Site::default();
    for crane in 1..=10 {
        for (part, kind) in [
            ("control", ZoneKind::CraneControl),
            ("video", ZoneKind::CraneAuxiliary),
            ("cms", ZoneKind::CraneManagement),
        ] {
            site.zones.push(zone(
                format!("sts{crane:02}-{part}"),
                kind,
                Some(format!("STS-{crane:02}")),
            ));
        }
    }
    for (name, kind) in [
        ("remote-ops", ZoneKind::RemoteOperations),
        ("rcms", ZoneKind::RemoteOperations),
        ("tos", ZoneKind::PortOperations),
        ("gate", ZoneKind::PortOperations),
        ("yard", ZoneKind::PortOperations),
        ("dmz", ZoneKind::Dmz),
        ("office", ZoneKind::Business),
        ("crane-maker", ZoneKind::ThirdParty),
        ("drive-maker", ZoneKind::ThirdParty),
        ("internet", ZoneKind::Internet),
    ] {
        site.zones.push(zone(name.to_owned(), kind, None));
    }
    site
}

#[test]
fn forty_zones_are_drawn_and_long_tables_say_what_they_leave_off() {
    let sample = sample();
    let site = forty();
    let mut facts = Facts {
        captures: vec!["span.pcap".to_owned()],
        ..Facts::default()
    };
    let talk =
        |from: &str, to: &str, protocol: &str, conduit: Option<&str>, frame: u32| Conversation {
            time: at("2026-11-21T08:40:02Z"),
            transport: "tcp".into(),
            client_asset: Some(format!("{from}-host").into()),
            client_zone: Some(from.into()),
            server_asset: Some(format!("{to}-host").into()),
            server_zone: (to != "nowhere").then(|| to.into()),
            protocol: Some(protocol.into()),
            state: "answered".into(),
            crosses: true,
            conduit: conduit.map(Into::into),
            evidence: Evidence::one(0, frame),
            ..Conversation::default()
        };
    for crane in 1..=10 {
        let zone = |part| format!("sts{crane:02}-{part}");
        facts
            .conversations
            .push(talk("tos", &zone("control"), "modbus", Some("job"), 1));
        facts
            .conversations
            .push(talk("rcms", &zone("cms"), "opcua", Some("rcms"), 1));
        facts
            .conversations
            .push(talk("remote-ops", &zone("video"), "rtsp", Some("video"), 1));
        facts.conversations.push(talk(
            &zone("cms"),
            &zone("control"),
            "s7comm",
            Some("cms"),
            1,
        ));
    }
    facts
        .conversations
        .push(talk("sts03-video", "internet", "tls", None, 7));
    facts
        .conversations
        .push(talk("sts04-cms", "nowhere", "dns", None, 8));
    facts
        .conversations
        .push(talk("office", "sts05-control", "smb", None, 9));
    facts
        .conversations
        .push(talk("office", "internet", "tls", None, 10));
    // A scan tries a thousand ports and finds one open.
    for port in 0..1_000 {
        facts.conversations.push(Conversation {
            server_port: Some(port),
            protocol: (port == 502).then(|| "modbus".into()),
            conduit: None,
            ..talk("yard", "sts06-control", "", None, 11)
        });
    }
    facts.assets = (0..2_100)
        .map(|n| Asset {
            name: format!("host{n:04}"),
            declared: true,
            ..Asset::default()
        })
        .collect();
    let mut assessment = sample.assessment.clone();
    assessment
        .measures
        .retain(|measure| measure.id == "C1" || measure.id == "C9");
    for (nth, measure) in assessment.measures.iter_mut().enumerate() {
        measure.verdict = Verdict::NotMet;
        measure.subjects = (0..3)
            .map(|n| Subject {
                subject: format!("pair {n}"),
                verdict: Verdict::NotMet,
                reason: format!("Pair {n} talks, and no conduit names it."),
                assets: Vec::new(),
                facts: Vec::new(),
                finding: Some(format!("f-{nth}-{n}")),
                evidence: vec![Cited {
                    capture: "span.pcap".to_owned(),
                    frames: vec![7 + n],
                    time: None,
                    fact: String::new(),
                }],
                records: Vec::new(),
                due: None,
                who: None,
                rests_on: Vec::new(),
            })
            .collect();
    }
    let context = Context {
        site: &site,
        facts: &facts,
        ..sample.context()
    };
    let page = html(&assessment, &context);
    for zone in &site.zones {
        assert!(
            page.contains(&format!(">{}</text>", zone.name)),
            "{}",
            zone.name
        );
    }
    assert!(
        page.contains(">no zone</text>"),
        "an address of no zone stands on the map"
    );
    assert_eq!(
        page.matches("class=\"edge breaks\"").count(),
        3 + 1,
        "three, and the legend's"
    );
    assert!(page.contains("sts03-video → internet: tls; breaks C1, C9"));
    assert!(page.contains("100 more rows are not shown here"));
    let scan = "yard → sts06-control: modbus, tcp/0, ";
    let tip = page.split(scan).nth(1).unwrap_or_default();
    let tip = tip.split('<').next().unwrap_or_default();
    assert!(
        tip.len() < 200 && tip.contains(" and 988 more;"),
        "what was found open comes before what was tried: {tip}"
    );
    std::fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/large.html"), page).unwrap();
}
