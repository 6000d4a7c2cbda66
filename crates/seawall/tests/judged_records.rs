//! What people recorded is judged: verdicts that rest on the ledger, at two times, with the terminal's own periods.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests may fail loudly"
)]
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::{AS_OF, Assessment, Run, folder, seawall, text};

const SITE: &str = r#"
[terminal]
name = "Test"
time_zone = "America/New_York"
[[zone]]
name = "control"
kind = "crane-control"
crane = "STS-07"
vlans = [10]
subnets = ["10.20.10.0/24"]
[[asset]]
name = "cms1"
role = "cms"
interface = [{ ip = "10.20.10.10" }]
[[sensor]]
name = "span"
sees = ["control"]
captures = ["*"]
"#;

struct Desk(PathBuf);

impl Desk {
    /// A site whose one required item was backed up and restored in 2029.
    fn new(name: &str) -> Desk {
        let desk = Desk(folder(name));
        fs::write(desk.0.join("site.toml"), SITE).unwrap();
        let hash = "00".repeat(32);
        for words in [
            "person --id ada name=Ada",
            "required-item --id disk device=cms1 what=os-image name=disk backup_days=30 test_days=180 owner=ada",
            &format!(
                "backup --id b1 item=disk taken=2029-09-20T06:00:00Z sha256={hash} bytes=9 read_back=yes"
            ),
            "restore-test --id t1 backup=b1 done=2029-10-01T12:00:00Z onto=bench outcome=passed minutes=90 tester=ada",
        ] {
            let site = ["--site", desk.0.to_str().unwrap()];
            let run = seawall(["record"].into_iter().chain(words.split(' ')).chain(site));
            assert_eq!(run.status, 0, "{words}: {}", run.err);
        }
        desk
    }

    fn run(&self, command: &str, words: &str) -> Run {
        let site = self.0.to_str().unwrap();
        seawall([command, site].into_iter().chain(words.split_whitespace()))
    }

    fn r3(&self, words: &str) -> Value {
        let run = self.run("assess", &format!("--format json {words}"));
        assert_eq!(run.status, 0, "{}", run.err);
        let tree: Value = serde_json::from_str(&run.out).unwrap();
        let measures = tree["measures"].as_array().unwrap();
        let found = measures.iter().find(|one| one["id"] == "R3").unwrap();
        found["subjects"][0].clone()
    }
}

#[test]
fn a_restore_test_is_judged_by_what_was_known_and_cited_with_its_entry() {
    let desk = Desk::new("judged-records");
    let found = desk.r3("--as-of 2030-01-01T00:00:00Z");
    assert_eq!(found["verdict"], "met", "{found}");
    assert_eq!(found["due"], "2030-03-30T12:00:00.000000000Z");
    assert_eq!(found["who"], "ada");
    let cited: Vec<&str> = found["evidence"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["record"].as_str().unwrap())
        .collect();
    assert_eq!(
        cited,
        ["required-item/disk", "restore-test/t1", "backup/b1"]
    );
    let test = &found["evidence"][1];
    assert_eq!(test["entry"], 4);
    let line = fs::read_to_string(desk.0.join("ledger/ledger.jsonl")).unwrap();
    let entry: Value = serde_json::from_str(line.lines().nth(3).unwrap()).unwrap();
    let hash = format!("sha256:{}", test["sha256"].as_str().unwrap());
    assert_eq!(hash, entry["hash"].as_str().unwrap());
    assert_eq!(test["by"], entry["by"]);

    // Later, nobody having tested again, it is overdue; and before anything was recorded, nothing was known.
    let found = desk.r3("--as-of 2030-04-30T00:00:00Z");
    assert_eq!(found["verdict"], "not met", "{found}");
    assert!(
        found["reason"]
            .as_str()
            .unwrap()
            .contains("30 days overdue")
    );
    let found = desk.r3("--as-of 2030-01-01T00:00:00Z --known-at 2020-01-01T00:00:00Z");
    assert_eq!(found["verdict"], "unproven", "{found}");
    assert!(
        found["reason"]
            .as_str()
            .unwrap()
            .contains("seawall record required-item")
    );
    let query = "SELECT r.outcome, b.item FROM record_restore_test r JOIN record_backup b ON b.id = r.backup";
    let site = desk.0.to_str().unwrap();
    let rows = seawall(["sql", site, "--format", "jsonl", query]);
    assert_eq!(rows.out, "{\"outcome\":\"passed\",\"item\":\"disk\"}\n");
}

#[test]
fn what_falls_due_is_told_by_person_and_to_calendars() {
    let desk = Desk::new("due-records");
    let as_of = "--as-of 2030-03-01T00:00:00Z";
    let text = desk.run("due", as_of).out;
    assert!(text.contains("Ada (ada)\n"), "{text}");
    assert!(text.contains("2030-03-30  due in 30 days"), "{text}");
    assert!(
        text.starts_with("As of 2030-02-28 19:00:00 EST: "),
        "{text}"
    );
    assert!(text.contains(" overdue, 1 due within 30 days, "), "{text}");
    assert!(text.contains("\n  R3   Backups and "), "what R3 is: {text}");
    let none = desk.run("due", &format!("{as_of} --within 1")).out;
    assert!(!none.contains("R3"), "{none}");
    let calendar = desk.run("due", &format!("{as_of} --format ical")).out;
    assert!(
        calendar.contains("SUMMARY:R3: disk of cms1 is due\r\n"),
        "{calendar}"
    );
    let uid = |calendar: &str| {
        let mut lines = calendar.lines().map(str::to_owned);
        lines.find(|line| line.starts_with("UID:")).unwrap()
    };
    let later = desk
        .run("due", "--as-of 2030-03-02T00:00:00Z --format ical")
        .out;
    assert_eq!(uid(&calendar), uid(&later), "a calendar knows it again");
    assert_ne!(calendar, later);
}

#[test]
fn a_terminal_sets_its_own_periods_and_no_others() {
    let desk = Desk::new("own-periods");
    fs::write(
        desk.0.join("measures.toml"),
        "[parameters]\nR3.test_days = 90\n",
    )
    .unwrap();
    let found = desk.r3("--as-of 2030-01-01T00:00:00Z");
    assert_eq!(found["verdict"], "not met", "{found}");
    fs::write(
        desk.0.join("measures.toml"),
        "[parameters]\nR3.test_days = 90\nR3.tested = 1\nR9.x = 1\n",
    )
    .unwrap();
    let run = desk.run("assess", "--as-of 2030-01-01T00:00:00Z");
    assert_eq!(run.status, 1);
    for part in [
        "measures.toml:3: R3 has no parameter \"tested\"; parameters of R3 are notice_days, test_days",
        "measures.toml:4: \"R9\" in [parameters] is no measure with a page",
    ] {
        assert!(run.err.contains(part), "{}", run.err);
    }
}

#[test]
fn what_is_declared_not_to_concern_the_terminal_is_told_as_such_for_its_time_and_hides_no_finding()
{
    let desk = Desk::new("not-applicable");
    let site = desk.0.to_str().unwrap();
    for (id, measure, reason) in [
        ("NA-1", "t2", "no screening equipment stands here."),
        ("NA-2", "R3", "somebody said so"),
    ] {
        let (measure, reason) = (format!("measure={measure}"), format!("reason={reason}"));
        let words = ["record", "not-applicable", "--site", site, "--id", id];
        let more = [&measure, &reason, "declared_by=ada"];
        let days = ["declared=2030-01-01", "ends=2030-06-30"];
        let run = seawall(words.into_iter().chain(more).chain(days));
        assert_eq!(run.status, 0, "{}", run.err);
    }
    let of = |measure: &str, at: &str| {
        let run = desk.run("assess", &format!("--format json --as-of {at}"));
        let tree: Value = serde_json::from_str(&run.out).unwrap();
        let measures = tree["measures"].as_array().unwrap();
        let found = measures.iter().find(|one| one["id"] == measure).unwrap();
        (text(&found["verdict"]), found["subjects"].clone())
    };
    assert_eq!(of("T2", "2029-12-31T00:00:00Z").0, "unproven");
    // By the calendar of the terminal, its last day is not over.
    for at in ["2030-02-01T00:00:00Z", "2030-07-01T03:00:00Z"] {
        let (verdict, subjects) = of("T2", at);
        assert_eq!(verdict, "not applicable");
        assert_eq!(subjects.as_array().unwrap().len(), 1);
        assert_eq!(
            subjects[0]["reason"],
            "This does not concern the terminal, as declared by Ada on 2030-01-01, until 2030-06-30 (NA-1): no screening equipment stands here."
        );
        assert_eq!(subjects[0]["evidence"][0]["record"], "not-applicable/NA-1");
        assert_eq!(subjects[0]["who"], "ada");
        assert!(text(&subjects[0]["rests_on"][0]).starts_with("Without that declaration: "));
    }
    assert_eq!(of("T2", "2030-07-01T05:00:00Z").0, "unproven");
    // What is met may be declared away; what is found stays, and says who declared otherwise.
    assert_eq!(of("R3", "2030-02-01T00:00:00Z").0, "not applicable");
    let (verdict, subjects) = of("R3", "2030-04-30T00:00:00Z");
    assert_eq!(verdict, "not met");
    let reason = text(&subjects[0]["reason"]);
    assert!(reason.contains("30 days overdue"), "{reason}");
    assert!(reason.contains("NA-2 declares"), "{reason}");
    let shown = desk.run("assess", "--as-of 2030-02-01T00:00:00Z").out;
    assert!(shown.contains("NOT APPLICABLE 2"), "{shown}");
    // Whoever wrote a name that nothing has thinks that it holds.
    for (id, measure, subject) in [("NA-4", "T22", "x"), ("NA-5", "R1", "disc of cms1")] {
        let (measure, subject) = (format!("measure={measure}"), format!("subject={subject}"));
        let words = [
            "record",
            "not-applicable",
            "--site",
            site,
            "--id",
            id,
            "reason=x",
        ];
        let more = [
            &measure,
            &subject,
            "declared_by=ada",
            "declared=2029-09-01",
            "ends=2030-06-30",
        ];
        let run = seawall(words.into_iter().chain(more));
        assert_eq!(run.status, 0, "{}", run.err);
    }
    let shown = desk
        .run("assess", "--format json --as-of 2029-10-01T00:00:00Z")
        .out;
    for note in [
        "Record not-applicable/NA-4 names \\\"T22\\\", which is no measure",
        "Record not-applicable/NA-5 names \\\"disc of cms1\\\", which is no subject of R1 now",
    ] {
        assert!(shown.contains(note), "{note}: {shown}");
    }
    // A subject of a measure, by the name that the report gives it.
    let words = "record not-applicable --id NA-3 measure=R1 declared_by=ada declared=2029-09-01 ends=2030-06-30";
    let subject = [
        "subject=disk of cms1",
        "reason=the station goes",
        "--site",
        site,
    ];
    let run = seawall(words.split(' ').chain(subject));
    assert_eq!(run.status, 0, "{}", run.err);
    let (_, subjects) = of("R1", "2029-10-01T00:00:00Z");
    assert_eq!(subjects[0]["verdict"], "not applicable", "{subjects:#}");
}

/// Whether it is said, at each moment.
fn told(desk: &Desk, command: &str, more: &str, said: &str, at: &[(&str, bool)]) {
    for (moment, wanted) in at {
        let run = desk.run(command, format!("{more} {moment}").trim());
        assert_eq!(
            run.out.contains(said),
            *wanted,
            "{command} {moment}: {}{}",
            run.out,
            run.err
        );
    }
}

/// Nothing was recorded by then.
const BEFORE: &str = "--known-at 2021-01-01T00:00:00Z";

#[test]
fn every_command_that_judges_or_shows_asks_for_a_moment_and_for_what_was_known_by_then() {
    let desk = Desk::new("moments");
    let late = "--as-of 2030-04-30T00:00:00Z";
    let unknown = format!("{late} {BEFORE}");
    let early = "--as-of 2030-01-01T00:00:00Z";
    told(
        &desk,
        "due",
        "",
        "disk of cms1",
        &[(late, true), (&unknown, false)],
    );
    let overdue = [(late, true), (early, false), (&unknown, false)];
    told(&desk, "findings", "", "2029-10-01", &overdue);
    let finding = text(&desk.r3(late)["finding"]);
    let site = desk.0.to_str().unwrap();
    for (moment, wanted) in overdue {
        let explained = seawall(
            ["explain", site, &finding]
                .into_iter()
                .chain(moment.split(' ')),
        );
        assert_eq!(
            explained.out.contains("2029-10-01"),
            wanted,
            "{}",
            explained.err
        );
        let file = desk.0.join("packets.pcapng");
        let packets = [
            "packets",
            site,
            "--finding",
            &finding,
            "-o",
            file.to_str().unwrap(),
        ];
        let packets = seawall(packets.into_iter().chain(moment.split(' ')));
        assert_eq!(
            packets.out.contains("rests on the site file or on records"),
            wanted,
            "{}",
            packets.err
        );
        let query = "SELECT 'n=' || COUNT(*) FROM record_backup WHERE taken <= '2030'";
        let rows = seawall(["sql", site, query].into_iter().chain(moment.split(' ')));
        assert_eq!(
            rows.out.contains("n=1"),
            !moment.contains(BEFORE),
            "{}",
            rows.err
        );
    }
    // An incident as it stood: not noticed yet, open, over.
    let incident = [
        "record",
        "incident",
        "--id",
        "INC-1",
        "what=suspicious-activity",
        "detected=2029-12-20T06:00:00Z",
        "narrative=x",
        "noticed_by=x",
        "ssi=no",
        "closed=2030-02-01T00:00:00Z",
        "--site",
        site,
    ];
    assert_eq!(seawall(incident).status, 0);
    let open = [
        ("--as-of 2029-12-01T00:00:00Z", false),
        (early, true),
        (late, false),
        (&format!("{early} {BEFORE}"), false),
    ];
    told(&desk, "incident", "show", "INC-1 open", &open);
    told(&desk, "incident", "", "INC-1 open", &open);
    let misplaced = desk.run("incident", &format!("{early} show INC-1"));
    assert!(misplaced.err.contains("belong behind"), "{}", misplaced.err);
    let opened = desk.run(
        "incident",
        &format!("open --id INC-2 --finding {finding} {unknown}"),
    );
    assert!(
        opened.err.contains("no finding is called"),
        "{}",
        opened.err
    );
    told(
        &desk,
        "incident",
        "show",
        "INC-1 closed",
        &[(late, true), (early, false)],
    );
    let report = format!("report INC-1 --to fbi {early}");
    told(
        &desk,
        "incident",
        &report,
        "\n",
        &[("", true), (BEFORE, false)],
    );
    // Verdicts as they were recorded, of a time before.
    let then = "--as-of 2022-06-01T00:00:00Z";
    let run = desk.run(
        "assess",
        &format!("--record {then} --known-at 2100-01-01T00:00:00Z"),
    );
    assert_eq!(run.status, 0, "{}", run.err);
    let now = "--known-at 2100-01-01T00:00:00Z";
    let series = [
        ("", true),
        (&format!("{then} {now}"), true),
        (then, false),
        (&format!("--as-of 2022-05-31T00:00:00Z {now}"), false),
    ];
    told(&desk, "findings", "--series --measure R3", "R3", &series);
}

/// A narrative may name who, and what, the ledger knew or held only after the moment looked at.
#[test]
fn a_report_of_an_earlier_moment_hides_what_was_recorded_since() {
    let desk = Desk::new("redacted");
    let site = desk.0.to_str().unwrap();
    let hash = format!("sha256={}", "11".repeat(32));
    let since = ["--valid-from", "2030-06-01T00:00:00Z"];
    let person = ["person", "--id", "zoe", "name=Zoe Zander"];
    let backup = [
        "backup",
        "--id",
        "b9",
        "item=disk",
        "taken=2030-06-02T06:00:00Z",
        &hash,
        "bytes=9",
        "read_back=yes",
        "serial=SN-4711",
    ];
    let incident = [
        "incident",
        "--id",
        "INC-1",
        "what=suspicious-activity",
        "detected=2029-12-20T06:00:00Z",
        "narrative=Zoe Zander opened device SN-4711.",
        "noticed_by=x",
        "ssi=no",
    ];
    for words in [
        [&person[..], &since].concat(),
        [&backup[..], &since].concat(),
        incident.to_vec(),
    ] {
        let run = seawall([&["record", "--site", site], &words[..]].concat());
        assert_eq!(run.status, 0, "{words:?}: {}", run.err);
    }
    let report =
        "report INC-1 --to fbi --as-of 2030-01-01T00:00:00Z --known-at 2100-01-01T00:00:00Z";
    let open = desk.run("incident", report).out;
    let hidden = desk
        .run("incident", &format!("{report} --redact people,serials"))
        .out;
    for word in ["Zoe Zander", "SN-4711"] {
        assert!(open.contains(word), "{open}");
        assert!(!hidden.contains(word), "{hidden}");
    }
}

/// A year of paper is entered today: it was recorded today, and says what held then.
#[test]
fn old_paper_holds_for_its_own_time_and_was_recorded_when_it_was_entered() {
    let desk = Desk::new("old-paper");
    let csv = |kind: &str, text: &str| {
        let path = desk.0.join(format!("{kind}.csv"));
        fs::write(&path, text).unwrap();
        let words = [
            "record",
            kind,
            "--csv",
            path.to_str().unwrap(),
            "--site",
            desk.0.to_str().unwrap(),
        ];
        seawall(words)
    };
    let hash = "00".repeat(32);
    let items = "id,device,what,name,backup_days,test_days,owner,valid_from,valid_until\n\
                 old,cms1,os-image,old disk,30,180,ada,2020-03-01T00:00:00Z,2021-01-01T00:00:00Z\n";
    let backups =
        format!("id,item,taken,sha256,bytes,read_back\no1,old,2020-05-20T06:00:00Z,{hash},9,yes\n");
    for (kind, text) in [("required-item", items), ("backup", &backups)] {
        let run = csv(kind, text);
        assert_eq!(run.status, 0, "{}", run.err);
    }
    let r1 = |moment: &str| -> Option<String> {
        let run = desk.run("assess", &format!("--format json {moment}"));
        let judged = Assessment(serde_json::from_str(&run.out).unwrap());
        let mut subjects = judged.subjects().into_iter();
        let found = subjects.find(|one| one[0] == "R1" && one[1] == "old disk of cms1");
        found.map(|[_, _, verdict, _]| verdict)
    };
    let (then, now) = (
        "--as-of 2020-06-01T00:00:00Z",
        "--known-at 2100-01-01T00:00:00Z",
    );
    assert_eq!(r1(then), None, "then nobody could have known");
    assert_eq!(
        r1(&format!("{then} {now}")).as_deref(),
        Some("met"),
        "known now, of then"
    );
    for outside in ["2020-02-01T00:00:00Z", "2021-02-01T00:00:00Z"] {
        assert_eq!(
            r1(&format!("--as-of {outside} {now}")),
            None,
            "it did not hold"
        );
    }
    // No file says when it was recorded: what the ledger wrote itself does.
    let forged = "id,recorded_at,item,taken,sha256,bytes,read_back\n";
    let run = csv(
        "backup",
        &format!("{forged}o2,2020-05-21T00:00:00Z,old,2020-05-21T06:00:00Z,{hash},9,yes\n"),
    );
    assert_eq!(run.status, 0, "{}", run.err);
    let head = fs::read_to_string(desk.0.join("ledger/ledger.head")).unwrap();
    let head: Value = serde_json::from_str(&head).unwrap();
    let lines = fs::read_to_string(desk.0.join("ledger/ledger.jsonl")).unwrap();
    let entry: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!(entry["id"], "o2");
    assert_eq!(entry["recorded_at"], head["time"]);
}

/// What C9 finds on the sample terminal's bad day, with all that was recorded since: reasons by name.
fn c9_findings(site: &Path) -> BTreeMap<String, String> {
    let known = ["--known-at", "2100-01-01T00:00:00Z", "--as-of", AS_OF];
    let site = site.to_str().unwrap();
    let run = seawall(
        ["assess", site, "--format", "json"]
            .into_iter()
            .chain(known),
    );
    assert_eq!(run.status, 0, "{}", run.err);
    let findings = Assessment(serde_json::from_str(&run.out).unwrap()).findings();
    let told = findings.into_iter().filter(|one| one.measure == "C9");
    told.map(|one| (one.id, one.reason)).collect()
}

#[test]
fn a_recorded_work_order_explains_what_it_names_and_adds_no_finding() {
    let site = folder("ordered");
    lab::harborview::bad_day().write(&site).unwrap();
    let before = c9_findings(&site);
    let mut downloads = before
        .iter()
        .filter(|(_, reason)| reason.contains("rcms1 ran program-download"));
    let (download, _) = downloads.next().unwrap();
    for words in [
        &["person", "--id", "ada", "name=Ada"][..],
        &[
            "work-order",
            "--id",
            "WO-9001",
            "sources=rcms1",
            "targets=plc9",
            "operations=program-download",
            "begins=2026-11-01T00:00:00Z",
            "ends=2026-12-01T00:00:00Z",
            "purpose=block DB11",
            "approved_by=ada",
        ],
    ] {
        let place = ["--site", site.to_str().unwrap()];
        let run = seawall(["record"].iter().chain(words).chain(&place));
        assert_eq!(run.status, 0, "{}", run.err);
    }
    let after = c9_findings(&site);
    let gone: Vec<&String> = before
        .keys()
        .filter(|id| !after.contains_key(*id))
        .collect();
    assert_eq!(gone, [download]);
    // Whoever lists the facts sees who explains them, by the records of the same moment.
    for (known, explained) in [
        ("2100-01-01T00:00:00Z", true),
        ("2021-01-01T00:00:00Z", false),
    ] {
        let facts = [
            "facts",
            "--site",
            site.to_str().unwrap(),
            "--kind",
            "operation",
        ];
        let run = seawall(
            facts
                .into_iter()
                .chain(["--as-of", AS_OF, "--known-at", known]),
        );
        assert_eq!(run.status, 0, "{}", run.err);
        assert_eq!(run.out.contains("WO-9001"), explained);
    }
    assert!(after.keys().all(|id| before.contains_key(id)), "{after:?}");
}
