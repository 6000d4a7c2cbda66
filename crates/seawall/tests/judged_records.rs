//! What people recorded is judged: verdicts that rest on the ledger, at two times, with the terminal's own periods.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests may fail loudly"
)]
mod support;

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use support::{Run, folder, seawall};

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
                "backup --id b1 item=disk taken=2029-12-20T06:00:00Z sha256={hash} bytes=9 read_back=yes"
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
        seawall([command, site].into_iter().chain(words.split(' ')))
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
