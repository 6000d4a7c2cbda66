//! A blind sensor must not look like a clean network: whatever a live witness says it did not see, `met` does not survive.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests may fail loudly"
)]

use facts::kinds::{AddressFact, Capture, Conversation, Coverage};
use facts::lists::Lists;
use facts::{Evidence, Facts, Time};
use judge::{Assessment, Catalogue, Editions, Verdict, built_in};
use store::Snapshot;

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

[[asset]]
name = "plc1"
role = "plc"
crane = "STS-07"
supplier = "Siemens"
interface = [{ mac = "28:63:36:00:00:10", ip = "10.20.10.10", vlan = 10 }]

[[asset]]
name = "hmi1"
role = "hmi"
interface = [{ mac = "28:63:36:00:00:20", ip = "10.20.10.20", vlan = 10 }]

[[conduit]]
name = "HMI reads"
from = ["hmi1"]
to = ["plc1"]
services = ["s7comm"]
because = "FAT"

[[sensor]]
name = "span"
sees = ["control"]
captures = ["span*"]
"#;

fn at(seconds: i64) -> Time {
    Time::parse("2026-11-21T08:00:00Z")
        .unwrap()
        .plus_secs(seconds)
}

/// A minute on the control network, all of it seen.
fn seen() -> Facts {
    let address = |host: u8| AddressFact {
        time: at(0),
        last: at(60),
        mac: format!("28:63:36:00:00:{host}").parse().ok(),
        ip: format!("10.20.10.{host}").parse().ok(),
        vlan: Some(10),
        claimed: true,
        hops: Some(0),
        packets: 10,
        evidence: Evidence::one(0, 1),
        ..AddressFact::default()
    };
    Facts {
        captures: vec!["span.pcap".to_owned()],
        files: vec![Capture {
            name: "span.pcap".to_owned(),
            packets: 100,
            time: Some(at(0)),
            last: Some(at(60)),
            ..Capture::default()
        }],
        addresses: vec![address(10), address(20)],
        conversations: vec![Conversation {
            time: at(0),
            last: at(60),
            transport: "tcp".into(),
            client: "10.20.10.20".parse().unwrap(),
            server: "10.20.10.10".parse().unwrap(),
            server_port: Some(102),
            vlan: Some(10),
            vlans: vec![10].into(),
            protocol: Some("s7comm".into()),
            direction: "handshake".into(),
            state: "answered".into(),
            packets_out: 10,
            packets_in: 10,
            bytes_out: 100,
            bytes_in: 100,
            evidence: Evidence::one(0, 2),
            ..Conversation::default()
        }],
        ..Facts::default()
    }
}

/// The verdicts of the pages that need any coverage at all.
fn judged(coverage: Vec<Coverage>) -> Assessment {
    let site =
        facts::site::read(&[("site.toml".to_owned(), SITE.to_owned())], &["s7comm"]).unwrap();
    let mut facts = seen();
    facts.coverage = coverage;
    store::fold(&mut facts, &site, &Lists::builtin().with_site(&site));
    let snapshot = Snapshot::new(&facts, &site, at(60)).unwrap();
    let pages: Vec<_> = built_in()
        .unwrap()
        .into_iter()
        .filter(|page| !page.needs.is_empty())
        .collect();
    let (editions, catalogue) = (
        Editions::built_in().unwrap(),
        Catalogue::built_in().unwrap(),
    );
    judge::assess(&snapshot, &pages, &editions, &catalogue, None).unwrap()
}

fn reasons(assessment: &Assessment, verdict: Verdict) -> Vec<&str> {
    let subjects = assessment
        .measures
        .iter()
        .flat_map(|measure| &measure.subjects);
    let those = subjects.filter(|subject| subject.verdict == verdict);
    those.map(|subject| subject.reason.as_str()).collect()
}

#[test]
fn met_does_not_survive_what_the_witness_did_not_see() {
    let whole = judged(vec![
        Coverage::drops("span", "eth1", at(0), at(60), 1000, 0),
        Coverage::shedding("span", "bulk", at(0), at(60), 1000, 0),
    ]);
    let met = reasons(&whole, Verdict::Met).len();
    assert!(met > 5, "{met} met");
    let (from, until) = (at(20), at(30));
    for (row, said) in [
        (
            Coverage::not_watching(None, from, until, "ended"),
            "nobody was watching from 2026-11-21 08:00:20 UTC",
        ),
        (
            Coverage::not_watching(Some("span"), from, until, "paused"),
            "sensor span was not watching from",
        ),
        (
            Coverage::drops("span", "eth1", from, until, 999, 1),
            "1 of 1000 frames were dropped",
        ),
        (
            Coverage::shedding("span", "bulk", from, until, 10, 5),
            "5 of 15 frames of bulk were put aside",
        ),
        (
            Coverage::silence("span", None, from, until),
            "sensor span saw no frame for 10 s",
        ),
        (
            Coverage::silence("span", Some(10), from, until),
            "saw no frame of VLAN 10",
        ),
        (
            Coverage::history(from, until, 10, 3),
            "3 of 13 rows were given up",
        ),
    ] {
        let what = row.what.clone();
        let blind = judged(vec![row]);
        assert_eq!(reasons(&blind, Verdict::Met), Vec::<&str>::new(), "{what}");
        let unproven = reasons(&blind, Verdict::Unproven);
        let told = unproven
            .iter()
            .filter(|reason| reason.contains(said))
            .count();
        assert_eq!(told, met, "{what}: {unproven:#?}");
    }
    // What another sensor missed is its own affair, and so is what nobody is judged by.
    let other = judged(vec![
        Coverage::drops("elsewhere", "eth2", from, until, 9, 1),
        Coverage::silence("span", Some(77), from, until),
    ]);
    assert_eq!(reasons(&other, Verdict::Met).len(), met);
}
