//! Records as people keep them: by hand, from a CSV, over time; and the ledger they lie in.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests may fail loudly"
)]
mod support;

use std::fs;
use std::path::{Path, PathBuf};

use support::{Run, folder, seawall};

const SITE: &str = r#"
[terminal]
name = "Test"
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
interface = [{ ip = "10.20.10.10" }]
[[party]]
name = "vendor-a"
addresses = ["203.0.113.45/32"]
domains = ["vendor-a.example"]
[[sensor]]
name = "span"
sees = ["control"]
captures = ["*"]
"#;

/// A site, and the program told to use it.
struct Desk(PathBuf);

impl Desk {
    fn new(name: &str) -> Desk {
        let folder = folder(name);
        fs::write(folder.join("site.toml"), SITE).unwrap();
        Desk(folder)
    }

    fn run(&self, words: &[&str]) -> Run {
        let site = ["--site", self.0.to_str().unwrap()];
        seawall(words.iter().chain(&site))
    }

    /// What it says when all goes well.
    fn says(&self, words: &[&str]) -> String {
        let run = self.run(words);
        assert_eq!(run.status, 0, "{words:?}: {}", run.err);
        run.out
    }

    fn refuses(&self, words: &[&str]) -> String {
        let run = self.run(words);
        assert_ne!(run.status, 0, "{words:?}: {}", run.out);
        run.err
    }

    fn csv(&self, kind: &str, text: impl AsRef<[u8]>) -> Run {
        let path = self.file("given.csv", text);
        self.run(&["record", kind, "--csv", &path])
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn ledger(&self) -> PathBuf {
        self.0.join("ledger/ledger.jsonl")
    }
}

const PERSON: &[&str] = &["record", "person", "--id", "reyes", "name=Maria Reyes"];

#[test]
fn what_is_withdrawn_from_a_later_time_on_is_listed_and_can_be_named_until_then() {
    let desk = Desk::new("leaves-later");
    desk.says(PERSON);
    let leaves = [
        "record",
        "--withdraw",
        "person",
        "reyes",
        "--reason",
        "left",
    ];
    desk.says(&[&leaves[..], &["--valid-from", "2200-01-01T00:00:00Z"]].concat());
    let people = ["records", "person", "--format", "csv"];
    assert!(desk.says(&people).contains("Maria Reyes"));
    let then = [&people[..], &["--as-of", "2200-01-01T00:00:00Z"]].concat();
    assert!(!desk.says(&then).contains("Maria Reyes"));
    // What is amended meanwhile is what holds until then, and it holds no longer.
    let said = desk.says(&["record", "person", "--id", "reyes", "phone=+1 555 0100"]);
    assert!(said.contains("withdrawn from 2200-01-01"), "{said}");
    let amended = desk.says(&people);
    assert!(amended.contains("Maria Reyes") && amended.contains("+1 555 0100"));
    assert!(!desk.says(&then).contains("Maria Reyes"));
    let far = [&then[..4], &["--as-of", "2300-01-01T00:00:00Z"]].concat();
    assert!(desk.run(&far).err.contains("2262-04-11"));
    let review = "record access-review --id a-1 done=2026-01-01 reviewer=reyes targets=plc1";
    let rest = "accounts_compared=yes looked_at=1 removed=0";
    let words: Vec<&str> = review.split(' ').chain(rest.split(' ')).collect();
    desk.says(&words);
    // Who has to go today is withdrawn from today on.
    let said = desk.says(&[&leaves[..], &["--valid-from", "2026-01-02T00:00:00Z"]].concat());
    assert!(said.contains("access-review/a-1 still names it"), "{said}");
    assert!(!desk.says(&people).contains("Maria Reyes"));
    let refused = desk.run(
        &words
            .iter()
            .map(|word| match *word {
                "a-1" => "a-2",
                word => word,
            })
            .collect::<Vec<_>>(),
    );
    assert!(
        refused.status != 0 && refused.err.contains("reyes"),
        "{}",
        refused.err
    );
}

#[test]
fn a_record_is_made_amended_withdrawn_and_its_past_is_kept() {
    let desk = Desk::new("by-hand");
    let said = desk.says(&[PERSON, &["duties=officer; drills", "--by", "admin"]].concat());
    assert_eq!(said, "person reyes is recorded, version 1 (entry 1)\n");
    let said = desk.says(&["record", "person", "--id", "reyes", "phone=+1 555 0100"]);
    assert_eq!(said, "person reyes is recorded, version 2 (entry 2)\n");
    let row = |words: &[&str]| -> Vec<serde_json::Value> {
        let words = [&["records", "person", "--format", "jsonl"], words].concat();
        let lines = desk.says(&words);
        lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let now = &row(&[])[0];
    assert_eq!(now["name"], "Maria Reyes", "what is not named stays");
    assert_eq!(now["duties"], serde_json::json!(["officer", "drills"]));
    assert_eq!(now["phone"], "+1 555 0100");
    assert_eq!(now["left"], serde_json::Value::Null);
    let said = desk.says(&["record", "person", "--id", "reyes", "phone=+1 555 0100"]);
    assert!(said.contains("says that already"), "{said}");
    desk.says(&[
        "record",
        "--withdraw",
        "person",
        "reyes",
        "--reason",
        "entered twice",
    ]);
    assert!(row(&[]).is_empty());
    let history = row(&["--history"]);
    assert_eq!(history.len(), 3);
    assert_eq!(
        (&history[0]["by"], &history[2]["withdrawn"]),
        (&"admin".into(), &"entered twice".into())
    );
    let then = history[1]["recorded_at"].as_str().unwrap();
    assert_eq!(row(&["--known-at", then])[0]["version"], 2);
    assert!(row(&["--known-at", "2020-01-01T00:00:00Z"]).is_empty());
    let photo = desk.file("badge.jpg", "a photo");
    desk.says(
        &[
            PERSON,
            &["--attach", &photo, "--valid-until", "2030-01-01T00:00:00Z"],
        ]
        .concat(),
    );
    assert_eq!(row(&["--as-of", "2029-12-31T00:00:00Z"]).len(), 1);
    assert_eq!(row(&["--as-of", "2030-01-01T00:00:00Z"]).len(), 0);
    let said = desk.says(&["ledger", "verify"]);
    assert!(
        said.starts_with("sound: 4 entries, 1 attached file,"),
        "{said}"
    );
}

#[test]
fn every_mistake_of_a_record_is_told_at_once_and_leaves_no_trace() {
    let desk = Desk::new("by-hand-wrong");
    let err = desk.refuses(&[
        "record",
        "access-grant",
        "--id",
        "G-1",
        "person=reyes",
        "targets=plc2",
        "rihgts=view",
        "path=jumphost",
        "mfa=maybe",
        "granted=2026-02-30",
    ]);
    for words in [
        "person: no person is called \"reyes\"; record a person of that id first",
        "targets: no asset, zone or crane is called \"plc2\"; did you mean \"plc1\"?",
        "rihgts: it is no field of a record of kind access-grant; did you mean \"rights\"?",
        "rights: it is missing",
        "path: \"jumphost\" is none of the words that may stand here; did you mean \"jump-host\"?",
        "mfa: \"maybe\" is neither yes nor no",
        "granted: there is no 2026-02-30 in the calendar",
        "approved_by: it is missing",
        "because: it is missing",
    ] {
        assert!(err.contains(words), "{words}: {err}");
    }
    assert_eq!(err.lines().count(), 10, "{err}");
    assert!(!desk.0.join("ledger").exists());
    assert!(
        desk.refuses(&["record", "persn", "--id", "x"])
            .contains("did you mean \"person\"?")
    );
    let away = seawall([
        "record",
        "cabinet",
        "--id",
        "x",
        "--ledger",
        "elsewhere",
        "--site",
        "nowhere",
    ]);
    assert!(
        away.err.contains("nowhere holds no site.toml"),
        "{}",
        away.err
    );
    assert_eq!(seawall(["records", "--site", "nowhere"]).status, 2);
}

/// Each line has one mistake of its own kind; each gets one message.
#[test]
fn a_csv_with_twenty_kinds_of_mistakes_gets_twenty_messages_and_writes_nothing() {
    let desk = Desk::new("csv-wrong");
    desk.says(PERSON);
    let before = fs::read(desk.ledger()).unwrap();
    let good = "vendor-a,Ann,reyes,service,STS-07,plc1,2026-11-01T08:00:00Z,,,,,,";
    let with = |cell: usize, text: &str| {
        let mut cells: Vec<&str> = good.split(',').collect();
        cells[cell] = text;
        cells.join(",")
    };
    let hash = "0".repeat(63);
    let header = "id,firm,visitors,escort,purpose,cranes,devices,arrived,departed,laptop_sha256,valid_from,valid_until,laptop,laptop";
    let lines = [
        (
            format!("V-1,{}", with(0, "vendor-b")),
            "firm: no party is called \"vendor-b\"; did you mean \"vendor-a\"?",
        ),
        (
            format!("V-2,{}", with(1, "")),
            "visitors: it is empty; fill it in: text",
        ),
        (
            format!("V-3,{}", with(1, "Ann;;Bo")),
            "visitors: a value of the list is empty",
        ),
        (
            format!("V-4,{}", with(1, "Ann; Bo; Ann")),
            "visitors: \"Ann\" stands twice in the list",
        ),
        (
            format!("V-5,{}", with(2, "reyes2")),
            "escort: no person is called \"reyes2\"; did you mean \"reyes\"?",
        ),
        (
            format!("V-6,{}", with(3, "ser\u{1b}vice")),
            "purpose: it holds the control character U+001B",
        ),
        (
            format!("V-7,{}", with(4, "RTG-3")),
            "cranes: no crane is called \"RTG-3\"; declare the crane in the site file first",
        ),
        (
            format!("V-8,{}", with(6, "2026-11-01T08:00:00")),
            "arrived: \"2026-11-01T08:00:00\" has no offset from UTC",
        ),
        (
            format!("V-9,{}", with(6, "11/01/2026")),
            "arrived: \"11/01/2026\" is no time",
        ),
        (
            format!("V-10,{}", with(7, "2026-11-01T07:00:00Z")),
            "departed: 2026-11-01T07:00:00.000000000Z is before arrived",
        ),
        (format!("V-11,{}", with(8, &hash)), "laptop_sha256: \"000"),
        (
            format!("V-12,{}", with(9, "soon")),
            "valid_from: \"soon\" is no time",
        ),
        (
            format!(
                "V-13,{}",
                good.replacen(
                    ",,,,,,",
                    ",,,2026-11-02T00:00:00Z,2026-11-01T00:00:00Z,,",
                    1
                )
            ),
            "valid_until: it is not after valid_from",
        ),
        (format!(",{good}"), "id: it is empty"),
        (format!("V\\15,{good}"), "id: \"V\\\\15\" cannot be an id"),
        (
            format!("V-1,{good}"),
            "id: \"V-1\" stands on line 2 already",
        ),
        (
            format!("V-17,{good},more"),
            "the line has 15 cells, and the header 14",
        ),
        (
            format!("V-18,{}", with(3, "\"a\" b")),
            "something stands behind the quotation mark that ends a cell",
        ),
        (
            format!("V-19,{}", with(3, "a \"b\"")),
            "a quotation mark stands within a cell that does not begin with one",
        ),
        (
            format!("V-20,{}", with(3, "\"open")),
            "a quotation mark opens a cell that does not end",
        ),
    ];
    let text: String = lines.iter().map(|(line, _)| format!("{line}\n")).collect();
    let run = desk.csv("vendor-visit", format!("{header}\n{text}"));
    assert_eq!(run.status, 1);
    let told: Vec<&str> = run.err.lines().skip(1).map(str::trim).collect();
    assert!(
        told[0].starts_with("given.csv:1: the column \"laptop\" stands twice"),
        "{}",
        run.err
    );
    assert_eq!(told.len(), 1 + lines.len(), "{}", run.err);
    for (number, (line, words)) in lines.iter().enumerate() {
        let place = format!("given.csv:{}: {words}", number + 2);
        assert!(
            told[number + 1].starts_with(&place),
            "{line}\n{}\n{place}",
            told[number + 1]
        );
        // Behind what is wrong stands what to do.
        let remedy = told[number + 1].rsplit_once("; ").map(|(_, remedy)| remedy);
        let words = remedy.map_or(0, |remedy| remedy.split(' ').count());
        assert!(words >= 3, "{}", told[number + 1]);
    }
    // Mistakes of headers, of other forms, and of the file itself.
    for (kind, text, words) in [
        (
            "backup",
            "id,item,taken,sha265,bytes,read_back\n",
            vec![
                "1: \"sha265\" is no field of a record of kind backup; did you mean \"sha256\"?",
                "1: the column \"sha256\" is missing",
            ],
        ),
        (
            "component-class",
            "id,name,what,models,installed,least_spares,lead_days,rebuild_days\nx,n,plcs,m,-1,1.5,99999999999999999999,30\n",
            vec![
                "2: what: \"plcs\" is none",
                "2: installed: \"-1\" is below zero",
                "2: least_spares: \"1.5\" is no whole number",
                "2: lead_days: \"99999999999999999999\" is too large",
            ],
        ),
        (
            "person",
            "id,name,started\nx,n,2026-13-01\ny,n,1.2.2026\n",
            vec![
                "2: started: there is no 2026-13-01",
                "3: started: \"1.2.2026\" is no date",
            ],
        ),
        ("person", "", vec!["given.csv: the file is empty"]),
        (
            "person",
            "id;name;duties\nx;n;a\n",
            vec!["1: the cells are separated by \";\"; save it with commas between the cells"],
        ),
    ] {
        let run = desk.csv(kind, text);
        assert_eq!(run.status, 1, "{text}");
        for words in &words {
            assert!(run.err.contains(words), "{words}: {}", run.err);
        }
        assert_eq!(run.err.lines().count(), 1 + words.len(), "{}", run.err);
    }
    assert!(
        desk.csv("person", b"id,name\nx,caf\xe9\n")
            .err
            .contains("given.csv:2: the file is not UTF-8")
    );
    assert_eq!(
        fs::read(desk.ledger()).unwrap(),
        before,
        "nothing was written"
    );
}

#[test]
fn a_csv_is_recorded_once_and_what_is_written_can_be_read_back() {
    let desk = Desk::new("csv");
    let template = desk.says(&["record", "person", "--template"]);
    let lines = "reyes,\"Reyes, Maria\",,officer; drills,'+1 555 0100,,2026-01-05,,,\r\nlee,Lee,vendor-a,,,,,,,2027-01-01T00:00:00Z\r\n";
    let path = desk.file("people.csv", format!("{template}{lines}"));
    let dry = desk.says(&["record", "person", "--csv", &path, "--dry-run"]);
    assert!(dry.contains("2 records; nothing is wrong"), "{dry}");
    assert!(!desk.0.join("ledger").exists());
    let once = desk.says(&["record", "person", "--csv", &path]);
    assert_eq!(
        once,
        "people.csv: 2 records, 2 recorded (entries 1 to 2), 0 said already\n"
    );
    let written = desk.says(&["records", "person", "--format", "csv"]);
    assert!(
        written.contains("'+1 555 0100"),
        "a spreadsheet must not run it: {written}"
    );
    let back = desk.csv("person", &written);
    assert_eq!(
        back.out, "given.csv: 2 records, none recorded, 2 said already\n",
        "{}",
        back.err
    );
    // Records of one file may refer to each other, whichever comes first; what was withdrawn does not come back unasked.
    desk.says(&["record", "--withdraw", "person", "lee", "--reason", "left"]);
    let err = desk.csv("person", &written).err;
    assert!(
        err.contains("person lee was withdrawn by") && err.contains("(left)"),
        "{err}"
    );
    assert!(desk.says(&["records"]).contains("Reyes, Maria"));
}

#[test]
fn a_ledger_is_verified_against_a_checkpoint_exported_and_imported() {
    let desk = Desk::new("copies");
    desk.says(PERSON);
    let checkpoint = desk.file("checkpoint.json", desk.says(&["ledger", "checkpoint"]));
    desk.says(&["record", "person", "--id", "lee", "name=Lee"]);
    let verify = ["ledger", "verify", "--checkpoint", &checkpoint];
    assert!(desk.says(&verify).starts_with("sound: 2 entries"));
    let copy = desk.0.join("copy");
    desk.says(&["ledger", "export", "--output", copy.to_str().unwrap()]);
    let at = |folder: &Path| ["--ledger".to_owned(), folder.to_str().unwrap().to_owned()];
    let run = seawall(
        ["ledger".to_owned(), "verify".to_owned()]
            .into_iter()
            .chain(at(&copy)),
    );
    assert_eq!(run.status, 0, "{}", run.out);
    let other = desk.0.join("other");
    let import = |from: &Path| {
        let words = ["ledger", "import", from.to_str().unwrap()].map(str::to_owned);
        seawall(words.into_iter().chain(at(&other)))
    };
    assert!(import(&copy).out.contains("2 entries added"));
    assert!(
        import(&copy)
            .out
            .contains("0 entries added, 2 records known")
    );
    assert_eq!(
        fs::read(other.join("ledger.jsonl")).unwrap(),
        fs::read(desk.ledger()).unwrap()
    );
    assert_eq!(
        desk.says(&["ledger", "export"]).into_bytes(),
        fs::read(desk.ledger()).unwrap()
    );

    // What a crash left is told, set aside, and does not come back.
    let whole = fs::read(other.join("ledger.jsonl")).unwrap();
    let line = whole
        .split_inclusive(|byte| *byte == b'\n')
        .next()
        .unwrap()
        .len();
    fs::copy(&checkpoint, other.join("ledger.head")).unwrap();
    fs::copy(copy.join("ledger.pub"), other.join("ledger.pub")).unwrap();
    fs::copy(desk.0.join("ledger/ledger.head"), other.join("ledger.next")).unwrap();
    fs::copy(desk.0.join("ledger/ledger.key"), other.join("ledger.key")).unwrap();
    fs::write(other.join("ledger.jsonl"), &whole[..line + 40]).unwrap();
    let run = seawall(["records".to_owned()].into_iter().chain(at(&other)));
    assert!(
        run.err.contains("40 bytes at its end") && run.out.contains("Maria"),
        "{}",
        run.err
    );
    let run = import(&copy);
    assert!(
        run.err.contains("set aside in") && run.out.contains("1 entries added"),
        "{}",
        run.err
    );
    assert_eq!(
        fs::read(other.join("ledger.torn-1")).unwrap(),
        &whole[line..line + 40]
    );

    let cut = fs::read_to_string(copy.join("ledger.jsonl")).unwrap();
    fs::write(
        copy.join("ledger.jsonl"),
        cut.split_inclusive('\n').next().unwrap(),
    )
    .unwrap();
    assert_eq!(
        import(&copy).status,
        1,
        "an export that lost its end is refused"
    );
    let changed = fs::read_to_string(desk.ledger())
        .unwrap()
        .replace("Maria", "Mario");
    fs::write(desk.ledger(), changed).unwrap();
    let run = desk.run(&["ledger", "verify"]);
    assert_eq!(run.status, 1);
    assert!(
        run.out.starts_with("ledger.jsonl:1: entry 1 was changed"),
        "{}",
        run.out
    );
    assert!(
        desk.refuses(PERSON).contains("is broken"),
        "nothing is added to it"
    );
    assert!(
        desk.refuses(&["records"]).contains("is broken"),
        "and nothing read"
    );
}
