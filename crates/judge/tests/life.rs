//! The life of a finding, from being opened to being resolved, and what keeps it from being so.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests may fail loudly"
)]
use facts::Time;
use judge::{Assessment, Cited, Judged, Lives, Recorded, Source, Subject, Verdict};
use serde_json::{Value as Json, json};

const FINDING: &str = "C9-0000000001";
const PLC: &str = "rcms1 → plc9";

fn at(text: &str) -> Time {
    Time::parse(text).unwrap()
}

fn subject(name: &str, verdict: Verdict, seen: Option<&str>) -> Subject {
    Subject {
        subject: name.to_owned(),
        verdict,
        reason: format!("{name} is {verdict}."),
        assets: Vec::new(),
        facts: Vec::new(),
        finding: (verdict == Verdict::NotMet).then(|| FINDING.to_owned()),
        evidence: seen
            .map(|time| Cited {
                capture: "span.pcap".to_owned(),
                frames: vec![812, 815],
                time: Some(at(time)),
                fact: "operation 1".to_owned(),
            })
            .into_iter()
            .collect(),
        records: Vec::new(),
        due: None,
        who: None,
        rests_on: Vec::new(),
    }
}

/// Judged at noon of a day of November, on captures that end that many hours before.
fn judged(day: u8, hours: u8, subjects: Vec<Subject>) -> Assessment {
    let last = at(&format!("2026-11-{day:02}T{:02}:00:00Z", 12 - hours));
    Assessment {
        terminal: "Test".to_owned(),
        time_zone: "America/New_York".to_owned(),
        as_of: at(&format!("2026-11-{day:02}T12:00:00Z")),
        edition: "2024".to_owned(),
        evidence: vec![Source {
            capture: "span.pcap".to_owned(),
            sha256: Some("ab".repeat(32)),
            last: Some(last),
            ..Source::default()
        }],
        measures: vec![Judged {
            id: "C9".to_owned(),
            title: String::new(),
            verdict: subjects.iter().map(|one| one.verdict).max().unwrap(),
            summary: "Told in short.".to_owned(),
            subjects: subjects.into(),
        }],
        not_judged: Vec::new(),
    }
}

fn found(day: u8) -> Assessment {
    let seen = format!("2026-11-{day:02}T07:00:00Z");
    judged(day, 1, vec![subject(PLC, Verdict::NotMet, Some(&seen))])
}

fn clean(day: u8) -> Assessment {
    judged(day, 1, vec![subject("other devices", Verdict::Met, None)])
}

/// What is recorded, in order, and what the records say of it.
#[derive(Default)]
struct Log(Lives, Vec<Recorded>);

impl Log {
    /// Judges, records, and gives state, seen or not, note, and the step recorded.
    fn judge(&mut self, assessment: &Assessment) -> (String, String, String) {
        let standings = self.0.standings(assessment);
        let steps = self.0.steps(assessment, &standings);
        for one in &steps {
            self.0.add(one.kind, &one.id, &one.body, None);
        }
        let again = self.0.standings(assessment);
        assert_eq!(
            self.0.steps(assessment, &again),
            [],
            "recording is idempotent"
        );
        let step = steps.iter().find(|one| one.kind == "finding");
        let step = step.map_or(String::new(), |one| {
            one.body["step"].as_str().unwrap().to_owned()
        });
        self.1.extend(steps);
        let standing = standings.of(FINDING);
        let state = standing.map_or("none", |one| one.state.word());
        let note = standing.and_then(|one| one.note.clone());
        (state.to_owned(), step, note.unwrap_or_default())
    }

    fn say(&mut self, kind: &str, id: &str, body: &Json) {
        self.0.add(kind, id, body.as_object().unwrap(), None);
    }

    fn last(&self) -> &Recorded {
        self.1.iter().rfind(|one| one.kind == "finding").unwrap()
    }
}

fn steps(log: &mut Log, assessment: &Assessment) -> (String, String) {
    let (state, step, _) = log.judge(assessment);
    (state, step)
}

fn pair(state: &str, step: &str) -> (String, String) {
    (state.to_owned(), step.to_owned())
}

#[test]
fn a_finding_is_opened_resolved_by_later_evidence_and_reopened() {
    let mut log = Log::default();
    assert_eq!(steps(&mut log, &found(10)), pair("open", "opened"));
    assert_eq!(
        log.last().body["evidence"][0],
        json!(format!(
            "span.pcap frames 812 815, sha256 {}",
            "ab".repeat(32)
        ))
    );
    assert_eq!(steps(&mut log, &found(11)), pair("open", ""), "nothing new");
    assert_eq!(steps(&mut log, &clean(12)), pair("resolved", "resolved"));
    assert_eq!(steps(&mut log, &clean(13)), pair("resolved", ""));
    assert_eq!(steps(&mut log, &found(14)), pair("open", "reopened"));
    assert_eq!(
        log.last().body["first_seen"],
        json!("2026-11-10T07:00:00.000000000Z")
    );
    // Judging the captures of the tenth once more, later, tells nothing new.
    assert_eq!(steps(&mut log, &clean(15)), pair("resolved", "resolved"));
    let mut old = found(16);
    let evidence = &mut old.measures[0].subjects[0].evidence[0];
    evidence.time = Some(at("2026-11-10T07:00:00Z"));
    old.evidence[0].last = Some(at("2026-11-10T08:00:00Z"));
    assert_eq!(steps(&mut log, &old), pair("resolved", ""));
    // Verdicts: each change.
    let verdicts: Vec<&Json> = log
        .1
        .iter()
        .filter(|one| one.kind == "verdict")
        .map(|one| &one.body["verdict"])
        .collect();
    assert_eq!(verdicts, ["not met", "met", "not met", "met", "not met"]);
}

#[test]
fn what_a_declaration_resolved_is_there_again_when_that_is_taken_back() {
    let mut log = Log::default();
    log.judge(&found(10));
    assert_eq!(steps(&mut log, &clean(12)), pair("resolved", "resolved"));
    // The same captures, and nobody allows it any more.
    let mut back = found(10);
    back.as_of = at("2026-11-13T12:00:00Z");
    back.evidence = clean(12).evidence;
    assert_eq!(steps(&mut log, &back), pair("open", "reopened"));
}

#[test]
fn a_judgement_as_of_a_later_time_does_not_stop_the_life_of_findings() {
    let mut log = Log::default();
    let recorded = at("2026-11-10T13:00:00Z");
    let mut future = judged(28, 1, vec![subject(PLC, Verdict::NotMet, None)]);
    future.evidence[0].last = Some(at("2026-11-10T11:00:00Z"));
    let standings = log.0.standings(&future);
    for one in log.0.steps(&future, &standings) {
        log.0.add(one.kind, &one.id, &one.body, Some(recorded));
    }
    assert_eq!(steps(&mut log, &clean(12)), pair("resolved", "resolved"));
    let verdict = log.1.iter().find(|one| one.kind == "verdict").unwrap();
    assert_eq!(verdict.body["verdict"], json!("met"));
}

#[test]
fn what_is_out_of_sight_is_not_resolved() {
    let opened = || {
        let mut log = Log::default();
        log.judge(&found(10));
        log
    };
    // The subject, or another of the measure, is unproven.
    for name in [PLC, "other devices"] {
        let blind = judged(
            12,
            1,
            vec![
                subject(name, Verdict::Unproven, None),
                subject("more", Verdict::Met, None),
            ],
        );
        let (state, step, note) = opened().judge(&blind);
        assert_eq!((state.as_str(), step.as_str()), ("open", ""), "{name}");
        assert!(note.contains("not disproved"), "{note}");
    }
    // The captures end before it was last seen.
    let mut old = clean(12);
    old.evidence[0].last = Some(at("2026-11-10T06:00:00Z"));
    let (state, _, note) = opened().judge(&old);
    assert!(
        state == "open" && note.contains("no evidence is later"),
        "{note}"
    );
    // Judged as of an earlier time.
    let (state, step, _) = opened().judge(&clean(9));
    assert_eq!((state.as_str(), step.as_str()), ("open", ""));
    // The measure is not judged any more.
    let mut gone = clean(12);
    gone.measures.clear();
    assert_eq!(opened().judge(&gone).0, "open");
}

#[test]
fn an_exception_holds_until_its_last_day_and_no_measure_is_met_by_it() {
    let mut log = Log::default();
    log.judge(&found(10));
    log.say("exception", "EX-1", &json!({
        "measure": "C9", "subject": PLC, "risk": "…", "reason": "spare part ordered", "approved_by": "jane",
        "decided": "2026-11-11", "ends": "2026-11-12",
    }));
    assert_eq!(
        steps(&mut log, &found(12)),
        pair("accepted", "accepted"),
        "the last day belongs to it"
    );
    assert_eq!(log.last().body["evidence"][0], json!("exception/EX-1"));
    let (state, step, note) = log.judge(&found(13));
    assert_eq!((state.as_str(), step.as_str()), ("open", "reopened"));
    assert_eq!(
        note,
        "The exception EX-1 ended on 2026-11-12, and it is still there."
    );
    // By the finding's name it holds however the subject is spelled, and of another finding it says nothing.
    for (finding, state) in [(FINDING, "accepted"), ("C9-0000000002", "open")] {
        let mut log = Log::default();
        log.say("exception", "EX-3", &json!({
            "measure": "C9", "subject": "rcms1 to plc9", "finding": finding, "risk": "…", "reason": "…",
            "approved_by": "jane", "decided": "2026-11-01", "ends": "2026-12-31",
        }));
        assert_eq!(log.judge(&found(12)).0, state);
    }
    // Of another subject, or decided later, it says nothing.
    for (subject, decided) in [("rcms1 → plc8", "2026-11-01"), (PLC, "2026-11-30")] {
        let mut log = Log::default();
        log.say("exception", "EX-2", &json!({
            "measure": "C9", "subject": subject, "risk": "…", "reason": "…", "approved_by": "jane",
            "decided": decided, "ends": "2026-12-31",
        }));
        assert_eq!(steps(&mut log, &found(12)), pair("open", "opened"));
    }
}

#[test]
fn who_has_it_in_hand_has_it_until_then() {
    let mut log = Log::default();
    log.say("acknowledgement", "ACK-1", &json!({
        "findings": [FINDING], "who": "joe", "since": "2026-11-10T00:00:00.000000000Z", "until": "2026-11-11T00:00:00.000000000Z",
    }));
    assert_eq!(
        steps(&mut log, &found(10)),
        pair("acknowledged", "acknowledged")
    );
    let (state, step, note) = log.judge(&found(11));
    assert_eq!((state.as_str(), step.as_str()), ("open", "reopened"));
    assert!(
        note.starts_with("joe had it in hand until 2026-11-10 19:00:00 EST"),
        "{note}"
    );
}

#[test]
fn a_declaration_that_nothing_concerns_the_terminal_disproves_no_finding() {
    for name in [PLC, "the terminal"] {
        let declared = judged(13, 1, vec![subject(name, Verdict::NotApplicable, None)]);
        let mut log = Log::default();
        log.judge(&found(10));
        let (state, step, note) = log.judge(&declared);
        assert_eq!((state.as_str(), step.as_str()), ("open", ""), "{note}");
        assert!(note.contains("not disproved"), "{note}");
    }
}
