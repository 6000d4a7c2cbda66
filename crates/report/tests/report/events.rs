#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests may fail loudly"
)]

use facts::{Mac, Value};
use judge::{Subject, Verdict};
use report::events::{Event, Format, Gone, Health, Origin, Seen, Severity, Trouble, What, changes};
use serde_json::Value as Json;

use crate::sample::{HOSTILE, Sample, at, sample};

fn origin() -> Origin {
    Origin {
        version: "0.1.0".to_owned(),
        terminal: "Harborview".to_owned(),
        time_zone: "America/New_York".to_owned(),
        host: "seawall1".to_owned(),
    }
}

/// The sample, judged that many seconds later.
fn later(sample: &mut Sample, secs: i64) {
    sample.assessment.as_of = sample.assessment.as_of.plus_secs(secs);
}

fn next(sample: &Sample, before: Option<&Seen>) -> (Vec<Event>, Seen) {
    changes(before, &sample.assessment, &sample.context())
}

fn kinds(events: &[Event]) -> Vec<&'static str> {
    events.iter().map(Event::kind).collect()
}

/// The subjects of C9; the first is the download of DB11.
fn modifications(sample: &mut Sample) -> &mut Vec<Subject> {
    let measures = &mut sample.assessment.measures;
    let c9 = measures.iter_mut().find(|measure| measure.id == "C9");
    &mut c9.unwrap().subjects
}

/// The download cites an operation of the facts, seen on VLAN 10.
fn with_ends(sample: &mut Sample) {
    let operation = &mut sample.facts.operations[1];
    operation.source_mac = Some(Mac([0x28, 0x63, 0x36, 0x8a, 0x01, 0x10]));
    operation.vlan = Some(10);
    let time = operation.time;
    let cited = &mut modifications(sample)[0].evidence[0];
    (cited.fact, cited.time) = ("operation 2".to_owned(), Some(time));
}

/// One of every kind of event.
fn every_event() -> Vec<Event> {
    let mut sample = sample();
    with_ends(&mut sample);
    let (mut events, seen) = next(&sample, None);
    later(&mut sample, 1_000);
    let again = at("2026-11-22T04:10:00Z");
    modifications(&mut sample)[0].evidence[0].time = Some(again);
    for measure in &mut sample.assessment.measures {
        match measure.id.as_str() {
            "T1" => {
                measure.verdict = Verdict::Met;
                measure.subjects[0].verdict = Verdict::Met;
                measure.subjects[0].finding = None;
            }
            "C2" => measure.verdict = Verdict::Unproven,
            "C11" => measure.verdict = Verdict::NotApplicable,
            _ => {}
        }
    }
    sample
        .assessment
        .measures
        .retain(|measure| measure.id != "C15");
    events.extend(next(&sample, Some(&seen)).0);
    let time = sample.assessment.as_of;
    events.extend(Trouble::ALL.iter().map(|trouble| {
        let health = Health::new(
            *trouble,
            Some("eth1"),
            format!("What happened to eth1: {HOSTILE}."),
        );
        Event::health(time, health.with("packets", Value::Int(12)))
    }));
    for kind in [
        "finding-opened",
        "finding-seen-again",
        "finding-closed",
        "verdict-changed",
    ] {
        assert!(kinds(&events).contains(&kind), "{kind}");
    }
    events
}

#[test]
fn what_was_announced_is_not_announced_again_even_after_a_restart() {
    let mut sample = sample();
    let (events, seen) = next(&sample, None);
    let opened = kinds(&events)
        .iter()
        .filter(|kind| **kind == "finding-opened")
        .count();
    assert_eq!((opened, seen.open()), (12, 12));
    assert_eq!(
        kinds(&events)
            .iter()
            .filter(|kind| **kind == "verdict-changed")
            .count(),
        15
    );
    let severities: Vec<Severity> = events[..opened]
        .iter()
        .map(|event| event.severity)
        .collect();
    assert!(
        severities.is_sorted_by(|a, b| a >= b),
        "the worst first: {severities:?}"
    );

    let kept = serde_json::to_string(&seen).unwrap();
    let seen: Seen = serde_json::from_str(&kept).unwrap();
    later(&mut sample, 2);
    let (events, again) = next(&sample, Some(&seen));
    assert_eq!(kinds(&events), [""; 0]);
    assert_eq!(again, seen);
}

#[test]
fn the_same_change_has_the_same_id_and_another_time_another() {
    let mut sample = sample();
    let ids = |sample: &Sample| {
        let (events, _) = next(sample, None);
        events.into_iter().map(|event| event.id).collect::<Vec<_>>()
    };
    let first = ids(&sample);
    assert_eq!(first, ids(&sample));
    let distinct: std::collections::BTreeSet<&String> = first.iter().collect();
    assert_eq!(distinct.len(), first.len());
    later(&mut sample, 2);
    assert!(ids(&sample).iter().all(|id| !first.contains(id)));
}

#[test]
fn a_program_loaded_into_a_controller_is_critical_and_an_attempt_is_high() {
    let mut sample = sample();
    let severity_of_first = |sample: &Sample| {
        let (events, _) = next(sample, None);
        let download = events.into_iter().find(|event| match &event.what {
            What::Opened(finding) => finding.id == "c9-4be1f07a",
            _ => false,
        });
        download.unwrap().severity
    };
    assert_eq!(severity_of_first(&sample), Severity::Critical);
    let count = |name: &str, number| (name.into(), Value::Int(number));
    let facts = modifications(&mut sample)[0].facts.clone();
    modifications(&mut sample)[0]
        .facts
        .extend([count("count", 2), count("refused", 2)]);
    assert_eq!(severity_of_first(&sample), Severity::High);
    // One of two got no answer, the other's was not seen: it may have been carried out.
    modifications(&mut sample)[0].facts = facts;
    modifications(&mut sample)[0]
        .facts
        .extend([count("count", 2), count("unanswered", 1)]);
    assert_eq!(severity_of_first(&sample), Severity::Critical);
}

#[test]
fn a_finding_that_goes_on_is_told_again_after_a_while_and_at_once_when_it_gets_worse() {
    let mut sample = sample();
    modifications(&mut sample)[0].facts.extend([
        ("count".into(), Value::Int(1)),
        ("refused".into(), Value::Int(1)),
    ]);
    let (_, seen) = next(&sample, None);
    later(&mut sample, 60);
    modifications(&mut sample)[0].evidence[0].time = Some(at("2026-11-22T04:01:00Z"));
    let (events, seen) = next(&sample, Some(&seen));
    assert_eq!(kinds(&events), [""; 0], "more of the same, soon after");
    later(&mut sample, 840);
    let (events, seen) = next(&sample, Some(&seen));
    assert_eq!(kinds(&events), ["finding-seen-again"]);
    later(&mut sample, 1);
    modifications(&mut sample)[0]
        .facts
        .retain(|(name, _)| name != "refused");
    let (events, seen) = next(&sample, Some(&seen));
    assert_eq!(kinds(&events), ["finding-seen-again"]);
    assert_eq!(events[0].severity, Severity::Critical);
    later(&mut sample, 3_600);
    assert_eq!(
        kinds(&next(&sample, Some(&seen)).0),
        [""; 0],
        "nothing new was seen"
    );
}

#[test]
fn a_closed_finding_says_whether_it_was_mended_or_only_lost_from_sight() {
    let close = |verdict: Option<Verdict>| {
        let mut sample = sample();
        let (_, seen) = next(&sample, None);
        later(&mut sample, 2);
        let t1 = &mut sample.assessment.measures[0];
        assert_eq!(t1.id, "T1");
        match verdict {
            Some(verdict) => {
                let subject = &mut t1.subjects[0];
                (subject.verdict, subject.finding) = (verdict, None);
                subject.reason = "So it is now.".to_owned();
            }
            None => t1.subjects.clear(),
        }
        let (events, seen) = next(&sample, Some(&seen));
        assert_eq!((kinds(&events), seen.open()), (vec!["finding-closed"], 11));
        let What::Closed(closed) = events[0].what.clone() else {
            panic!()
        };
        (closed.gone, closed.why, events[0].severity)
    };
    let now = "tos-report: So it is now.".to_owned();
    assert_eq!(
        close(Some(Verdict::Met)),
        (Gone::Met, now.clone(), Severity::Info)
    );
    assert_eq!(
        close(Some(Verdict::Unproven)),
        (Gone::Unproven, now, Severity::Medium)
    );
    let (gone, why, _) = close(None);
    assert_eq!(
        (gone, why.as_str()),
        (Gone::NotSeen, "It is no longer seen in what is judged.")
    );
}

#[test]
fn a_flood_of_findings_delays_the_harmless_ones_and_forgets_none() {
    let mut sample = sample();
    let g7 = sample
        .assessment
        .measures
        .iter_mut()
        .find(|measure| measure.id == "G7")
        .unwrap();
    let stranger = g7.subjects[0].clone();
    g7.subjects = (0..21_000)
        .map(|number| Subject {
            subject: format!("stranger {number}"),
            finding: Some(format!("G7-{number:08}")),
            ..stranger.clone()
        })
        .collect();
    let (events, seen) = next(&sample, None);
    let opened: Vec<&Event> = events
        .iter()
        .filter(|event| event.kind() == "finding-opened")
        .collect();
    assert_eq!(opened.len(), 200);
    assert_eq!(
        opened[0].severity,
        Severity::Critical,
        "the worst is not among the delayed"
    );
    later(&mut sample, 2);
    let (events, seen) = next(&sample, Some(&seen));
    assert_eq!(
        (events.len(), seen.open()),
        (200, 400),
        "the next ones, and nothing twice"
    );

    // Once there is no room, the rest is counted, and told once.
    let kept = serde_json::to_value(&seen).unwrap();
    let mut full = kept.clone();
    for number in 0..Seen::MOST - 111 {
        full["findings"][format!("G7-{number:08}")] = kept["findings"]["G7-00000000"].clone();
    }
    let full: Seen = serde_json::from_value(full).unwrap();
    later(&mut sample, 2);
    let (events, seen) = next(&sample, Some(&full));
    assert_eq!(kinds(&events).last(), Some(&"findings-left-out"));
    assert_eq!((seen.open(), seen.left_out()), (Seen::MOST, 1_011));
    later(&mut sample, 2);
    assert_eq!(kinds(&next(&sample, Some(&seen)).0), [""; 0]);

    // What is worse than they are finds room all the same, and is told once.
    let mut worse = modifications(&mut sample)[0].clone();
    worse.finding = Some("c9-00000000".to_owned());
    modifications(&mut sample).push(worse);
    let (events, seen) = next(&sample, Some(&seen));
    assert_eq!(
        (kinds(&events), events[0].severity),
        (vec!["finding-opened"], Severity::Critical)
    );
    assert_eq!((seen.open(), seen.left_out()), (Seen::MOST, 1_012));
    assert_eq!(kinds(&next(&sample, Some(&seen)).0), [""; 0]);
}

#[test]
fn the_line_for_people_tells_what_where_and_what_next_and_never_runs_long() {
    let events = every_event();
    for event in &events {
        let line = Format::Text.line(event, &origin());
        let length = line.chars().count();
        assert!(length <= 400, "{length}: {line}");
        assert!(
            !line.chars().any(|c| c.is_control() || c == '\u{202e}'),
            "{line}"
        );
    }
    let first = Format::Text.line(&events[0], &origin());
    assert_eq!(
        first,
        "CRITICAL C9 not met on crane STS-07: The RCMS rcms1 downloaded program block DB11 to plc1, and no work order \
         names the two at that time. Do next: Keep the crane out of service until the shift supervisor has spoken to \
         whoever holds the source system. [c9-4be1f07a]"
    );
    let c10 = events.iter().find(|event| match &event.what {
        What::Verdict(change) => change.measure.id == "C10",
        _ => false,
    });
    assert_eq!(
        Format::Text.line(c10.unwrap(), &origin()),
        "LOW C10 is unproven (All ingress and egress of the crane network is monitored): No sensor is declared to see \
         zone sts08-control."
    );
    let mut sample = sample();
    modifications(&mut sample)[0].reason = "word ".repeat(400);
    let long = Format::Text.line(&next(&sample, None).0[0], &origin());
    assert!(
        long.contains("word… Do next: Keep the crane") && long.ends_with("[c9-4be1f07a]"),
        "{long}"
    );
}

#[test]
fn every_format_is_one_line_of_json_without_a_character_that_hides() {
    for event in every_event() {
        for format in [Format::Json, Format::Ecs, Format::Ocsf] {
            let line = format.line(&event, &origin());
            assert!(
                line.is_ascii() || !line.chars().any(|c| c.is_control() || c == '\u{202e}'),
                "{line}"
            );
            let tree: Json = serde_json::from_str(&line).unwrap();
            // A program may have the name as it was; who shows it to people gets it harmless.
            let raw = values(&tree).iter().any(|text| text.contains('\u{202e}'));
            assert!(!raw || format == Format::Json, "{format}: {line}");
        }
    }
}

fn values(tree: &Json) -> Vec<&str> {
    match tree {
        Json::String(text) => vec![text],
        Json::Array(items) => items.iter().flat_map(values).collect(),
        Json::Object(map) => map.values().flat_map(values).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn json_uses_the_names_of_the_assessment() {
    let events = every_event();
    let tree: Json = serde_json::from_str(&Format::Json.line(&events[0], &origin())).unwrap();
    assert_eq!(tree["event"], "finding-opened");
    assert_eq!(tree["severity"], "critical");
    assert_eq!(tree["measure"]["id"], "C9");
    assert_eq!(tree["finding"], "c9-4be1f07a");
    assert_eq!(tree["cranes"], serde_json::json!(["STS-07"]));
    assert_eq!(tree["facts"]["operation"], "program-download");
    assert_eq!(tree["evidence"][0]["frames"], serde_json::json!([812, 815]));
    assert_eq!(tree["source"]["mac"], "28:63:36:8a:01:10");
    assert_eq!(tree["vlan"], 10);
    assert!(
        tree["do_next"]
            .as_str()
            .unwrap()
            .starts_with("Keep the crane")
    );
    let verdict = events
        .iter()
        .find(|event| event.kind() == "verdict-changed")
        .unwrap();
    let tree: Json = serde_json::from_str(&Format::Json.line(verdict, &origin())).unwrap();
    assert_eq!(
        (&tree["from"], &tree["to"]),
        (&Json::Null, &serde_json::json!("not met"))
    );
    assert_eq!(tree["subjects"], serde_json::json!({ "not met": 1 }));
}

#[test]
fn an_address_is_given_only_where_the_cited_fact_is_the_one_judged() {
    let mut sample = sample();
    with_ends(&mut sample);
    modifications(&mut sample)[0].evidence[0].time = Some(at("2026-11-21T00:00:00Z"));
    let (events, _) = next(&sample, None);
    let What::Opened(finding) = &events[0].what else {
        panic!()
    };
    assert_eq!(finding.ends, report::events::Ends::default());
}

#[test]
fn ecs_has_its_required_fields_and_only_allowed_categories() {
    // Of ECS 8.17: the categories used here, and the types that each expects.
    let expected = [
        ("intrusion_detection", vec!["allowed", "denied", "info"]),
        (
            "configuration",
            vec!["access", "change", "creation", "deletion", "info"],
        ),
        ("process", vec!["access", "change", "end", "info", "start"]),
        ("host", vec!["access", "change", "end", "info", "start"]),
    ];
    for event in every_event() {
        let tree: Json = serde_json::from_str(&Format::Ecs.line(&event, &origin())).unwrap();
        for field in [
            "/@timestamp",
            "/ecs/version",
            "/message",
            "/event/id",
            "/event/action",
            "/event/dataset",
            "/observer/name",
        ] {
            assert!(
                tree.pointer(field).is_some_and(Json::is_string),
                "{field}: {tree}"
            );
        }
        let part = &tree["event"];
        assert!(["alert", "event", "state"].contains(&part["kind"].as_str().unwrap()));
        assert!(part["severity"].is_u64());
        let category = part["category"][0].as_str().unwrap();
        let (_, types) = expected.iter().find(|(name, _)| *name == category).unwrap();
        assert!(types.contains(&part["type"][0].as_str().unwrap()), "{tree}");
        assert_eq!(
            tree.get("rule").is_some(),
            !matches!(event.what, What::Health(_))
        );
        // Labels are keywords: no lists or objects in them.
        let labels = tree["labels"].as_object();
        assert!(
            labels
                .into_iter()
                .flatten()
                .all(|(_, value)| value.is_string()),
            "{tree}"
        );
    }
    let tree: Json = serde_json::from_str(&Format::Ecs.line(&every_event()[0], &origin())).unwrap();
    assert_eq!(tree["event"]["kind"], "alert");
    assert_eq!(tree["source"]["mac"], "28-63-36-8A-01-10");
    assert_eq!(tree["network"]["vlan"]["id"], "10");
    assert_eq!(
        tree["seawall"]["finding"]["facts"]["content_bytes"], "4096",
        "one type for all pages"
    );
    assert_eq!(tree["related"]["ip"].as_array().unwrap().len(), 2);
    assert_eq!(tree["source"]["ip"], tree["related"]["ip"][0]);
}

#[test]
fn ocsf_has_the_required_attributes_of_each_class_and_its_numbers_agree() {
    let number = |tree: &Json, path: &str| {
        tree.pointer(path)
            .and_then(Json::as_i64)
            .unwrap_or_else(|| panic!("{path}: {tree}"))
    };
    let text = |tree: &Json, path: &str| {
        tree.pointer(path)
            .and_then(Json::as_str)
            .map(str::to_owned)
            .unwrap_or_else(|| panic!("{path}: {tree}"))
    };
    let mut classes = std::collections::BTreeSet::new();
    for event in every_event() {
        let tree: Json = serde_json::from_str(&Format::Ocsf.line(&event, &origin())).unwrap();
        let (class, activity) = (number(&tree, "/class_uid"), number(&tree, "/activity_id"));
        assert_eq!(number(&tree, "/type_uid"), class * 100 + activity);
        assert_eq!(number(&tree, "/category_uid"), class / 1000);
        assert_eq!(number(&tree, "/time"), event.time.0 / 1_000_000);
        assert!((1..=5).contains(&number(&tree, "/severity_id")));
        assert_eq!(text(&tree, "/metadata/version"), "1.4.0");
        text(&tree, "/metadata/product/name");
        text(&tree, "/metadata/product/vendor_name");
        assert!(!text(&tree, "/activity_name").is_empty());
        match class {
            2003 => {
                text(&tree, "/finding_info/uid");
                text(&tree, "/compliance/standards/0");
                assert!(
                    (0..=3).contains(&number(&tree, "/compliance/status_id"))
                        || number(&tree, "/compliance/status_id") == 99
                );
            }
            2004 => {
                text(&tree, "/finding_info/uid");
                assert!((1..=3).contains(&activity));
                for observable in tree["observables"].as_array().into_iter().flatten() {
                    // A pointer into the event, and what stands there.
                    let name = text(observable, "/name")
                        .replace("evidences[0].", "/evidences/0/")
                        .replace('.', "/");
                    assert_eq!(text(&tree, &name), text(observable, "/value"));
                    number(observable, "/type_id");
                }
            }
            6002 => assert!(text(&tree, "/app/name") == "Seawall"),
            6008 => {}
            other => panic!("{other}"),
        }
        classes.insert(class);
    }
    assert_eq!(
        classes.into_iter().collect::<Vec<_>>(),
        [2003, 2004, 6002, 6008]
    );
}
