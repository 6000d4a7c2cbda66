//! The texts of an incident: nothing made up, nothing hidden by half, and who is owed what since when.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

use facts::Time;
use facts::lists::Reporting;
use facts::records::{Addressee, Incident, Record, ReportSent};
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
        nrc.contains("] (10.20.7.10) loaded") && nrc.contains("plc7-spare and"),
        "{nrc}"
    );
    assert!(cgcyber.contains("sha256 [hash 1]"), "{cgcyber}");
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
