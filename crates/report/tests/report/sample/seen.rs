//! What was seen of it.

use facts::kinds::{Asset as AssetFact, Conversation, Coverage, Oddity, Operation, Outcome, Verb};
use facts::site::Role;
use facts::{Address, Evidence, Facts, Grade};

use super::{HOSTILE, at, texts};

fn ip(text: &str) -> Address {
    text.parse()
        .map_or_else(|_| Address::default(), Address::Ip)
}

#[derive(Clone, Copy)]
struct Talk(
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    Option<&'static str>,
    u32,
);

pub(super) fn facts() -> Facts {
    let talks = [
        Talk(
            "10.40.0.5",
            "rcms1",
            "remote-ops",
            "10.20.10.10",
            "plc1",
            "sts07-control",
            Some("RCMS reads"),
            812,
        ),
        Talk(
            "10.50.0.8",
            "tos1",
            "tos",
            "10.20.10.10",
            "plc1",
            "sts07-control",
            Some("TOS job"),
            40,
        ),
        Talk(
            "10.40.0.6",
            "view1",
            "remote-ops",
            "10.20.30.4",
            "cam1",
            "sts07-video",
            Some("Cabin video"),
            55,
        ),
        Talk(
            "10.60.0.9",
            "tos-report",
            "business",
            "10.20.10.10",
            "plc1",
            "sts07-control",
            None,
            1204,
        ),
        Talk(
            "10.60.0.9",
            "tos-report",
            "business",
            "198.51.100.7",
            "198.51.100.7",
            "internet",
            None,
            2001,
        ),
        Talk(
            "10.60.0.7",
            "10.60.0.7",
            "business",
            "10.50.0.8",
            "tos1",
            "tos",
            None,
            3001,
        ),
    ];
    let services = ["s7comm", "modbus", "rtsp", "modbus", "tls", "smb"];
    let conversations = talks
        .iter()
        .zip(services)
        .map(|(talk, service)| Conversation {
            time: at("2026-11-21T08:40:02Z"),
            last: at("2026-11-21T08:41:00Z"),
            transport: "tcp".into(),
            client: ip(talk.0),
            client_asset: Some(talk.1.into()),
            client_zone: Some(talk.2.into()),
            server: ip(talk.3),
            server_asset: Some(talk.4.into()),
            server_zone: Some(talk.5.into()),
            protocol: Some(service.into()),
            state: "answered".into(),
            crosses: true,
            conduit: talk.6.map(Into::into),
            evidence: Evidence::one(0, talk.7),
            ..Conversation::default()
        });
    let asset = |name: &str, role: Role, zone: &str, address: &str, declared: bool| AssetFact {
        name: name.to_owned(),
        declared,
        seen: true,
        time: Some(at("2026-11-21T02:58:00Z")),
        last: Some(at("2026-11-21T14:32:00Z")),
        packets: 12_345,
        macs: texts(&["28:63:36:8a:01:10"]),
        ips: texts(&[address]),
        vlans: vec![10],
        zones: texts(&[zone]),
        zone: Some(zone.to_owned()),
        crane: zone.starts_with("sts07").then(|| "STS-07".to_owned()),
        role: Some(role.word().to_owned()),
        role_grade: Some(if declared {
            Grade::Declared
        } else {
            Grade::Inferred
        }),
        role_why: (!declared).then(|| "speaks s7comm as a client".to_owned()),
        maker: Some("Siemens AG".to_owned()),
        maker_grade: Some(Grade::Inferred),
        maker_why: Some("oui 28:63:36/24".to_owned()),
        model: declared.then(|| "CPU 317-2 PN/DP".to_owned()),
        firmware: declared.then(|| "V3.2.7".to_owned()),
        ..AssetFact::default()
    };
    let mut stranger = asset(
        "10.20.10.99",
        Role::Workstation,
        "sts07-control",
        "10.20.10.99",
        false,
    );
    stranger.hostnames = texts(&[HOSTILE]);
    let mut camera = asset("cam1", Role::Camera, "sts07-video", "10.20.30.4", true);
    camera.maker = Some("Hangzhou Hikvision Digital Technology".to_owned());
    camera.supplier = Some("Hikvision".to_owned());
    camera.trust = Some("untrusted".to_owned());
    camera.lists = texts(&["FY2019 NDAA 889"]);
    Facts {
        captures: texts(&["span-0001.pcap", "span-0002.pcap"]),
        assets: vec![
            asset("plc1", Role::Plc, "sts07-control", "10.20.10.10", true),
            asset("hmi1", Role::Hmi, "sts07-control", "10.20.10.20", true),
            asset("rcms1", Role::Rcms, "remote-ops", "10.40.0.5", true),
            asset("tos1", Role::Tos, "tos", "10.50.0.8", true),
            asset("tos-report", Role::Server, "business", "10.60.0.9", true),
            camera,
            stranger,
        ],
        conversations: conversations.collect(),
        operations: vec![
            operation(Verb::Read, "DB1", 4_211, Some("RCMS reads"), None),
            operation(Verb::ProgramDownload, "DB11", 1, None, None),
            operation(Verb::Stop, "CPU", 1, None, Some("WO-1234")),
        ],
        coverage: vec![
            coverage("sts07-control", "frames", 48_211, 48_211, "complete", None),
            coverage(
                "sts07-control",
                "streams",
                90_112,
                91_400,
                "partial",
                Some("1,288 bytes were acknowledged but not captured."),
            ),
            coverage(
                "sts08-control",
                "frames",
                0,
                0,
                "none",
                Some("no sensor sees this zone."),
            ),
        ],
        oddities: vec![Oddity {
            time: at("2026-11-21T08:40:02Z"),
            last: at("2026-11-21T08:41:00Z"),
            count: 3,
            what: "modbus.answer_without_request".to_owned(),
            source: Some(ip("10.20.10.10")),
            target: Some(ip("10.60.0.9")),
            detail: Some("transaction 7".to_owned()),
            evidence: Evidence::one(0, 1210),
            ..Oddity::default()
        }],
        ..Facts::default()
    }
}

fn operation(
    verb: Verb,
    object: &str,
    count: u64,
    conduit: Option<&str>,
    order: Option<&str>,
) -> Operation {
    Operation {
        time: at("2026-11-21T07:12:44Z"),
        last: if count > 1 {
            at("2026-11-21T14:12:44Z")
        } else {
            at("2026-11-21T07:12:44Z")
        },
        count,
        source: ip("10.40.0.5"),
        target: ip("10.20.10.10"),
        protocol: "s7comm".to_owned(),
        operation: verb,
        object: Some(object.to_owned()),
        outcome: Some(Outcome::Ok),
        modifies: verb.modifies(),
        source_asset: Some("rcms1".to_owned()),
        target_asset: Some("plc1".to_owned()),
        crane: Some("STS-07".to_owned()),
        conduit: conduit.map(str::to_owned),
        work_order: order.map(str::to_owned),
        reason: (conduit.is_none() && order.is_none())
            .then(|| "work order WO-1234 names eng1, not rcms1, as source".to_owned()),
        evidence: Evidence::one(0, 812),
        ..Operation::default()
    }
}

fn coverage(
    zone: &str,
    what: &str,
    good: u64,
    total: u64,
    state: &str,
    detail: Option<&str>,
) -> Coverage {
    Coverage {
        time: Some(at("2026-11-21T02:58:00Z")),
        last: Some(at("2026-11-21T14:32:00Z")),
        sensor: Some("crane-span".to_owned()),
        zone: Some(zone.to_owned()),
        what: what.to_owned(),
        good,
        total,
        state: state.to_owned(),
        detail: detail.map(str::to_owned),
        ..Coverage::default()
    }
}
