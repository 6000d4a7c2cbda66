//! The texts of an incident: nothing made up, nothing hidden by half, and who is owed what since when.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

use facts::Time;
use facts::lists::Reporting;
use facts::records::{Addressee, Contact, Incident, Person, Record, ReportSent, ReportingProfile};
use facts::site::Site;
use report::incident::{Case, Hide, Redactor, Told, duties, report};
use serde_json::json;

use crate::sample::sample;

fn at(text: &str) -> Time {
    Time::parse(text).unwrap()
}

fn incident(more: serde_json::Value) -> Incident {
    let mut body = json!({
        "what": "cyber-incident", "detected": "2026-11-21T08:00:00.000000000Z",
        "narrative": "plc7 (10.20.7.10) loaded a block from 10.20.7.1 at 08:00:00; plc7-spare and 110.20.7.10 did not.\n10.20.7.10: twice.",
        "noticed_by": "Seawall, finding C9-3849aa7b0c",
        "indicators": ["mac 00:1b:54:9e:00:01", "address fe80::1", "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
        "ssi": false,
    });
    let more = more.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(more);
    Incident::from_body(body.as_object().unwrap()).unwrap()
}

fn case<'a>(
    incident: &'a Incident,
    sent: &'a [(String, ReportSent)],
    site: &'a Site,
    lists: &'a Reporting,
) -> Case<'a> {
    Case {
        id: "INC-1",
        incident,
        reporter: None,
        profile: None,
        reachable: None,
        contacts: &[],
        sent,
        site,
        lists,
        now: at("2026-11-21T09:30:00Z"),
    }
}

#[test]
fn what_is_hidden_is_hidden_whole_and_alike_everywhere() {
    let (mut site, lists) = (sample().site, Reporting::builtin());
    let mut asset = site.assets[0].clone();
    asset.name = "plc7".to_owned();
    site.assets.push(asset);
    let incident = incident(json!({}));
    let case = case(&incident, &[], &site, &lists);
    let text = |hide: &[Hide]| {
        let redactor = Redactor::new(&case, hide, &[], &[]);
        let one_line = |to| {
            report(&case, to, &redactor)
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        };
        (one_line(Addressee::Nrc), one_line(Addressee::Cgcyber))
    };
    let (nrc, cgcyber) = text(&[Hide::Addresses]);
    // A longer address that holds a shorter one is its own; a time of day and the finding's name are none.
    assert!(
        nrc.contains("plc7 ([address 3]) loaded a block from [address 2] at 08:00:00; plc7-spare and [address 4] did not. [address 3]: twice."),
        "{nrc}"
    );
    assert!(nrc.contains("C9-3849aa7b0c"), "{nrc}");
    assert!(
        cgcyber.contains("mac [address 1]; address [address 5]; sha256 e3b0"),
        "{cgcyber}"
    );
    let (nrc, cgcyber) = text(&[Hide::Names, Hide::Hashes]);
    assert!(
        nrc.contains("] (10.20.7.10) loaded") && nrc.contains("]-spare and"),
        "{nrc}"
    );
    assert!(cgcyber.contains("sha256 [hash 2]"), "{cgcyber}");
    assert!(nrc.contains("finding [hash 1]"), "{nrc}");
    assert!(text(&[]).0.contains("plc7 (10.20.7.10)"));
}

#[test]
fn no_form_in_which_an_address_a_hash_an_account_or_a_name_is_written_shows_it() {
    let (mut site, lists) = (sample().site, Reporting::builtin());
    let mut asset = site.assets[0].clone();
    asset.name = "plc1".to_owned();
    site.assets.push(asset);
    let hash = "a".repeat(64);
    let incident = incident(json!({
        "narrative": "PLC1 spoke to 203.0.113.9:4444 and 198.51.100.1-198.51.100.9.",
        "indicators": [format!("sha256:{hash}"), "at 10.0.0.0/8"],
        "accounts": ["svc-crane"],
    }));
    let case = case(&incident, &[], &site, &lists);
    let redactor = Redactor::new(&case, Hide::ALL, &[], &[]);
    let told = [
        Addressee::Nrc,
        Addressee::Cgcyber,
        Addressee::Cisa,
        Addressee::Fbi,
    ];
    let texts: String = told.map(|to| report(&case, to, &redactor)).concat();
    let shown = [
        "203.0.113.9",
        "198.51.100",
        "10.0.0.0",
        &hash,
        "svc-crane",
        "PLC1",
    ];
    for word in shown {
        assert!(!texts.contains(word), "{word}: {texts}");
    }
    assert!(
        texts.contains(":4444") && texts.contains("sha256:[hash 1]"),
        "{texts}"
    );
    let open = report(&case, Addressee::Cgcyber, &Redactor::default());
    assert!(open.contains("svc-crane") && open.contains(&hash), "{open}");
}

#[test]
fn what_no_record_says_is_not_known_and_only_marked_texts_carry_the_marking() {
    let (site, lists) = (sample().site, Reporting::builtin());
    let open = incident(json!({}));
    let marked = incident(json!({ "ssi": true, "impact": "stopped" }));
    let text = |incident: &Incident| {
        let case = case(incident, &[], &site, &lists);
        report(&case, Addressee::Cisa, &Redactor::default())
    };
    let plain = text(&open);
    for field in [
        "2 Location",
        "6 Organisation",
        "8 Severity",
        "Functional impact",
        "Attack vector",
    ] {
        assert!(
            plain.contains(&format!("{field}\n    not known\n")),
            "{field}: {plain}"
        );
    }
    assert!(!plain.contains("SENSITIVE"));
    let marked = text(&marked);
    assert!(marked.starts_with("SENSITIVE SECURITY INFORMATION\n"));
    assert!(
        marked.contains("Functional impact\n    denial of critical services\n"),
        "{marked}"
    );
    assert!(marked.lines().all(|line| line.chars().count() <= 80));
}

#[test]
fn a_duty_with_a_number_is_late_when_that_has_passed() {
    let (site, mut lists) = (sample().site, Reporting::builtin());
    // As if the proposed rule were in force, with an hour.
    for rule in &mut lists.rules {
        if rule.within_hours.is_some() {
            (rule.proposed, rule.within_hours) = (false, Some(1));
        }
    }
    let incident = incident(json!({}));
    let sent = |time: &str| {
        let body = json!({
            "incident": "INC-1", "addressee": "cisa", "sent": time, "channel": "phone", "sender": "jane",
        });
        vec![(
            "R-1".to_owned(),
            ReportSent::from_body(body.as_object().unwrap()).unwrap(),
        )]
    };
    let find = |sent: &[(String, ReportSent)]| {
        let case = case(&incident, sent, &site, &lists);
        let duty = duties(&case)
            .into_iter()
            .find(|duty| duty.due.is_some())
            .unwrap();
        (
            duty.is_owed(),
            duty.is_late(case.now),
            matches!(duty.told, Told::Sent { .. }),
        )
    };
    assert_eq!(find(&[]), (true, true, false), "90 minutes have passed");
    assert_eq!(
        find(&sent("2026-11-21T08:50:00.000000000Z")),
        (false, false, true)
    );
    assert_eq!(
        find(&sent("2026-11-21T09:10:00.000000000Z")),
        (false, true, true)
    );
}

/// What of a terminal a text for others may not give away, however it is written and wherever it stands.
#[test]
fn nothing_of_the_terminal_stands_in_a_text_of_which_all_is_hidden() {
    let (mut site, lists) = (sample().site, Reporting::builtin());
    let mut asset = site.assets[0].clone();
    (asset.name, asset.crane) = ("plc7".to_owned(), Some("STS-07".to_owned()));
    asset.hostnames = vec!["QC7-PLC".to_owned()];
    site.assets.push(asset);
    let record = |kind: &str, body: serde_json::Value| {
        let info = facts::records::kind(kind).unwrap();
        assert_eq!(info.check(body.as_object().unwrap()), [], "{kind}");
        body.as_object().unwrap().clone()
    };
    let person = |name: &str, mail: &str| {
        let body = json!({ "name": name, "phone": "+1 555 0100", "email": mail, "duties": ["electrician"] });
        Person::from_body(&record("person", body)).unwrap()
    };
    let people = [
        (
            "j.roe".to_owned(),
            person("Jane Roe", "jr@harborview.example"),
        ),
        (
            "k.kent".to_owned(),
            person("Kim Kent", "kk@harborview.example"),
        ),
    ];
    let profile = json!({
        "organisation": "Harborview Terminals LLC", "facility_id": "F-77123", "location": "1 Quay Road",
        "cotp_zone": "Sector Harborview Bay", "mtsa": true, "reachable": "k.kent",
    });
    let profile = ReportingProfile::from_body(&record("reporting-profile", profile)).unwrap();
    let contact = json!({
        "addressee": "fbi", "organisation": "Field office", "person": "Agent Smithers", "phone": "+1 555 0111",
        "looked_up": "2026-01-01", "source": "a card",
    });
    let contact = Contact::from_body(&record("contact", contact)).unwrap();
    let contacts = [("C-1".to_owned(), contact)];
    let incident = incident(json!({
        "narrative": "Roe (j.roe) saw STS-07-LAPTOP and qc7-plc-2; KENT wrote to ops@other.example, MAC 0011.22aa.bbcc is 001122aabbcc, \
            [2001:db8::5]:102, ::ffff:10.9.9.9, 10.20.7.0/24 and 10.20.7.1-10.20.7.9; roe logged in. Serial SN-4711x.",
        "reporter": "j.roe", "accounts": ["HARBOR\\svc.crane"], "vector": "svc.crane from plc7",
        "systems": ["plc7", "STS-07"], "actions": ["Kim asked Agent Smithers"],
        "evidence": ["quay span 7.cap frames 3 and 4, sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
        "information": "of Harborview Terminals LLC", "recovery": "by F-77123",
    }));
    let serials = ["SN-4711x".to_owned()];
    let case = Case {
        id: "INC-STS-07-1",
        reporter: Some(&people[0].1),
        reachable: Some(&people[1].1),
        profile: Some(&profile),
        contacts: &contacts,
        ..case(&incident, &[], &site, &lists)
    };
    let texts = |hide: &[Hide]| {
        let redactor = Redactor::new(&case, hide, &people, &serials);
        let told = report::incident::ADDRESSEES.iter();
        let told = told.map(|to| report(&case, *to, &redactor));
        let lines = told.collect::<Vec<_>>().concat();
        lines
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .to_lowercase()
    };
    let (open, hidden) = (texts(&[]), texts(Hide::ALL));
    let shown = [
        "jane",
        "roe",
        "kent",
        "+1 555 0100",
        "harborview",
        "quay road",
        "f-77123",
        "sector harborview bay",
        "smithers",
        "sts-07",
        "qc7-plc",
        "other.example",
        "0011.22aa.bbcc",
        "001122aabbcc",
        "2001:db8::5",
        "10.9.9.9",
        "10.20.7.",
        "sn-4711x",
        "svc.crane",
        "plc7",
        "quay span 7.cap",
        "e3b0c442",
        "c9-3849aa7b0c",
    ];
    for word in shown {
        assert!(
            open.contains(word),
            "{word} is nowhere to be hidden: {open}"
        );
        assert!(!hidden.contains(word), "{word}: {hidden}");
    }
    // A finding's name is a hash of the names of what was found.
    assert!(!texts(&[Hide::Names]).contains("c9-3849aa7b0c"));
    // The number of the facility names it, and is a number.
    for one in [Hide::Names, Hide::Serials] {
        assert!(!texts(&[one]).contains("f-77123"));
    }
}

/// Fields that reports of incidents ask for, and for whom: of 33 CFR 101.305 and NVIC 02-24 Change 1 what the National Response
/// Center asks, for the others what such reports hold; of CISA its ten key elements (2022), then the classes of the Federal
/// Incident Notification Guidelines, which its form (OMB 1670-0037) takes.
#[rustfmt::skip]
const ASKED: &[(Addressee, &[(&str, &str)])] = &[
    (Addressee::Nrc, &[
        ("reporter", "Jane Roe"), ("role", "cybersecurity officer"), ("phone", "+1 555 0100"), ("mail", "jr@h.example"),
        ("organisation", "Harborview LLC"), ("facility", "F-77123"), ("location", "1 Quay Road"), ("zone", "Sector Bay"),
        ("MTSA status", "33 CFR 105 or 106"), ("occurred", "07:00:00 UTC"), ("detected", "08:00:00 UTC"), ("reported", "09:30:00 UTC"),
        ("category", "breach of security"), ("narrative", "it moved"), ("how found", "a monitor"), ("system", "plc7"),
        ("crane", "STS-07"), ("maker", "Siemens"), ("critical", "crane control"), ("impact", "slower"), ("vector", "by modem"),
        ("actions", "unplugged"), ("vendor", "vendor-a"), ("others", "CISA by phone"), ("case number", "case 77"),
        ("status", "open"), ("any hour", "Kim Kent"),
    ]),
    (Addressee::Cgcyber, &[
        ("reporter", "Jane Roe"), ("role", "cybersecurity officer"), ("phone", "+1 555 0100"), ("organisation", "Harborview LLC"),
        ("facility", "F-77123"), ("location", "1 Quay Road"), ("zone", "Sector Bay"), ("MTSA status", "33 CFR 105 or 106"),
        ("occurred", "07:00:00 UTC"), ("detected", "08:00:00 UTC"), ("reported", "09:30:00 UTC"), ("category", "breach of security"),
        ("narrative", "it moved"), ("how found", "a monitor"), ("system", "plc7"), ("crane", "STS-07"), ("maker", "Siemens"),
        ("critical", "crane control"), ("vector", "by modem"), ("indicators", "198.51.100.7"), ("accounts", "svc1"),
        ("impact", "slower"), ("evidence", "span.pcap"), ("actions", "unplugged"), ("vendor", "vendor-a"), ("others", "CISA by phone"),
        ("case number", "case 77"), ("status", "open"),
    ]),
    (Addressee::Cisa, &[
        ("1 date and time", "07:00:00 UTC"), ("2 location", "1 Quay Road"), ("3 type", "breach of security"), ("4 narrative", "it moved"),
        ("5 people", "people 3"), ("5 systems", "systems named 2"), ("6 organisation", "Harborview LLC"), ("7 contact", "Jane Roe"),
        ("7 contact", "jr@h.example"), ("8 severity", "degraded"), ("9 sector", "Maritime"), ("10 others", "CISA by phone"),
        ("functional impact", "significant impact"), ("information impact", "read"), ("recoverability", "two days"),
        ("attack vector", "by modem"), ("observed at", "level 6, critical systems"), ("indicators", "198.51.100.7"),
        ("detected", "08:00:00 UTC"), ("mitigation", "unplugged"), ("status", "open"),
    ]),
    (Addressee::Fbi, &[
        ("victim", "Harborview LLC"), ("facility", "F-77123"), ("location", "1 Quay Road"), ("contact", "Jane Roe"),
        ("phone", "+1 555 0100"), ("category", "breach of security"), ("occurred", "07:00:00 UTC"), ("detected", "08:00:00 UTC"),
        ("reported", "09:30:00 UTC"), ("narrative", "it moved"), ("vector", "by modem"), ("indicators", "198.51.100.7"),
        ("accounts", "svc1"), ("system", "plc7"), ("crane", "STS-07"), ("loss", "slower"), ("data", "read"), ("evidence", "span.pcap"),
        ("actions", "unplugged"), ("vendor", "vendor-a"), ("others", "case 77"), ("status", "open"),
    ]),
];

#[test]
fn each_text_holds_every_field_that_its_addressee_asks_for() {
    let (mut site, lists) = (sample().site, Reporting::builtin());
    let mut asset = site.assets[0].clone();
    (asset.name, asset.supplier) = ("plc7".to_owned(), Some("Siemens".to_owned()));
    site.assets.push(asset);
    let zone = site
        .zones
        .iter_mut()
        .find(|zone| zone.kind == facts::site::ZoneKind::CraneControl);
    zone.unwrap().crane = Some("STS-07".to_owned());
    let body = |value: serde_json::Value| value.as_object().unwrap().clone();
    let person = |name: &str, duty: &str| {
        let value = json!({ "name": name, "phone": "+1 555 0100", "email": "jr@h.example", "duties": [duty] });
        Person::from_body(&body(value)).unwrap()
    };
    let (jane, kim) = (
        person("Jane Roe", "cybersecurity officer"),
        person("Kim Kent", "electrician"),
    );
    let profile = ReportingProfile::from_body(&body(json!({
        "organisation": "Harborview LLC", "facility_id": "F-77123", "location": "1 Quay Road", "cotp_zone": "Sector Bay",
        "mtsa": true, "sector": "Transportation Systems (Maritime)", "reachable": "kim",
    })));
    let profile = profile.unwrap();
    let incident = incident(json!({
        "what": "breach-of-security", "occurred": "2026-11-21T07:00:00.000000000Z", "narrative": "it moved", "noticed_by": "a monitor",
        "systems": ["plc7", "STS-07"], "impact": "degraded", "information": "read", "recovery": "two days", "people": 3,
        "vector": "by modem", "indicators": ["198.51.100.7"], "accounts": ["svc1"], "party": "vendor-a",
        "evidence": ["span.pcap frame 1"], "actions": ["unplugged"],
    }));
    let sent = ReportSent::from_body(&body(json!({
        "incident": "INC-1", "addressee": "cisa", "sent": "2026-11-21T09:00:00.000000000Z", "channel": "phone", "sender": "jane",
        "case_number": "77",
    })));
    let sent = [("R-1".to_owned(), sent.unwrap())];
    let case = Case {
        reporter: Some(&jane),
        reachable: Some(&kim),
        profile: Some(&profile),
        ..case(&incident, &sent, &site, &lists)
    };
    for (to, fields) in ASKED {
        let text = report(&case, *to, &Redactor::default());
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for (field, value) in *fields {
            assert!(
                text.contains(value),
                "{}: {field} ({value}): {text}",
                to.word()
            );
        }
        assert!(!text.contains("not known"), "{}: {text}", to.word());
    }
}
