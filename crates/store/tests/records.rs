//! Records as tables: what was known at one time of what held at another, whoever wrote in whatever order.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may fail loudly"
)]

use std::fs;
use std::path::{Path, PathBuf};

use facts::site::Site;
use facts::{Facts, Time, Value};
use serde_json::json;
use store::ledger::{Content, FILE, Ledger, New, Stamp};
use store::{Kept, Records, Snapshot};

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::remove_dir_all(&folder).ok();
    folder
}

fn at(day: i64) -> Time {
    Time::from_secs(1_790_000_000 + day * 86_400)
}

fn person(id: &str, name: &str, until: Option<Time>) -> New {
    let serde_json::Value::Object(body) = json!({ "name": name, "duties": ["drills", "a;b"] })
    else {
        panic!("an object");
    };
    New {
        kind: "person".to_owned(),
        id: id.to_owned(),
        content: Content::Body(body),
        valid_from: None,
        valid_until: until,
        attachments: Vec::new(),
    }
}

fn stamp(day: i64) -> Stamp<'static> {
    Stamp {
        by: "tester",
        means: "cli",
        now: at(day),
    }
}

fn asked(ledger: &Ledger, known: Time, held: Time, sql: &str) -> Vec<Vec<Value>> {
    let records = Records::of(ledger, known, held);
    let (facts, site) = (Facts::default(), Site::default());
    let snapshot = Snapshot::with_records(&facts, &site, records, held).unwrap();
    snapshot.query(sql).unwrap().rows
}

fn names(ledger: &Ledger, known: Time, held: Time) -> Vec<String> {
    let rows = asked(
        ledger,
        known,
        held,
        "SELECT id || ' ' || name || ' ' || version FROM record_person",
    );
    let text = |row: Vec<Value>| match row.into_iter().next() {
        Some(Value::Text(text)) => text,
        other => panic!("{other:?}"),
    };
    rows.into_iter().map(text).collect()
}

#[test]
fn a_table_holds_what_was_known_then_of_what_held_then() {
    let mut ledger = Ledger::open(&folder("two-times")).unwrap();
    let mut other = person("z", "", None);
    other.kind = "kind-of-a-later-version".to_owned();
    ledger
        .append(
            &[
                person("b", "Bea", None),
                person("a", "Ann", Some(at(10))),
                other,
            ],
            &stamp(1),
        )
        .unwrap();
    ledger
        .append(&[person("b", "Beatrix", None)], &stamp(3))
        .unwrap();
    ledger
        .append(&[person("c", "Cleo", None)], &stamp(4))
        .unwrap();
    ledger
        .withdraw("person", "c", "entered twice", &stamp(5))
        .unwrap();
    assert_eq!(names(&ledger, at(0), at(6)), [""; 0]);
    assert_eq!(names(&ledger, at(2), at(6)), ["a Ann 1", "b Bea 1"]);
    assert_eq!(
        names(&ledger, at(4), at(6)),
        ["a Ann 1", "b Beatrix 2", "c Cleo 1"]
    );
    assert_eq!(
        names(&ledger, at(9), at(6)),
        ["a Ann 1", "b Beatrix 2"],
        "withdrawn"
    );
    assert_eq!(
        names(&ledger, at(9), at(10)),
        ["b Beatrix 2"],
        "no longer valid"
    );
    let row = asked(
        &ledger,
        at(9),
        at(6),
        "SELECT recorded_by, means, recorded_at, entry, entry_hash, duties FROM record_person WHERE id = 'b'",
    );
    let text = |text: String| Value::Text(text);
    let entry = ledger.latest("person", "b").unwrap();
    assert_eq!(
        row,
        [[
            text("tester".to_owned()),
            text("cli".to_owned()),
            text(at(3).to_string()),
            Value::Int(4),
            text(entry.hash().unwrap().to_string()),
            text(r#"["drills","a;b"]"#.to_owned()),
        ]]
    );
}

/// All records of three versions, each version in one of these forms, against the rule as one would say it: the last version
/// recorded by then of those that had begun to hold, if it is not a withdrawal and not at its end.
#[test]
fn of_every_history_of_versions_that_one_stands_which_began_last() {
    const FORMS: [(Option<i64>, Option<i64>, bool); 8] = [
        (None, None, false),
        (Some(2), None, false),
        (Some(4), None, false),
        (None, Some(3), false),
        (Some(2), Some(4), false),
        (Some(4), Some(5), false),
        (None, None, true),
        (Some(3), None, true),
    ];
    let forms = || 0..FORMS.len();
    let histories: Vec<[usize; 3]> = forms()
        .flat_map(|a| forms().flat_map(move |b| forms().map(move |c| [a, b, c])))
        .collect();
    let id = |history: &[usize; 3]| history.map(|form| form.to_string()).join("-");
    let mut ledger = Ledger::open(&folder("histories")).unwrap();
    for round in [0, 1, 2] {
        let versions: Vec<New> = histories
            .iter()
            .map(|history| {
                let (from, until, withdrawn) = FORMS[history[round]];
                // A version that says what the one before said would not be one.
                let mut new = person(&id(history), &format!("of round {round}"), until.map(at));
                new.valid_from = from.map(at);
                if withdrawn {
                    new.content = Content::Withdrawn(format!("in round {round}"));
                }
                new
            })
            .collect();
        let day = 10 + i64::try_from(round).unwrap();
        ledger.append(&versions, &stamp(day)).unwrap();
    }
    for known in 9..=12 {
        for held in 1..=6 {
            let stands = |history: &[usize; 3]| {
                let recorded = usize::try_from(known - 9).unwrap();
                let versions: Vec<usize> = (0..recorded).collect();
                let begun = versions.into_iter().rev().find(|round| {
                    let (from, _, _) = FORMS[history[*round]];
                    from.is_none_or(|from| from <= held)
                });
                let round = begun?;
                let (_, until, withdrawn) = FORMS[history[round]];
                let is_over = until.is_some_and(|until| until <= held);
                (!withdrawn && !is_over)
                    .then(|| format!("{} of round {round} {}", id(history), round + 1))
            };
            let mut expected: Vec<String> = histories.iter().filter_map(stands).collect();
            expected.sort();
            assert_eq!(
                names(&ledger, at(known), at(held)),
                expected,
                "known on day {known}, held on day {held}"
            );
        }
    }
    // Of whatever time: the last version.
    let last = histories.iter().filter(|[_, _, form]| !FORMS[*form].2);
    assert_eq!(ledger.as_of(at(12), None).len(), last.count());
}

#[test]
fn the_order_of_import_reaches_no_row() {
    let (one, two) = (folder("import-one"), folder("import-two"));
    for (folder, id) in [(&one, "x"), (&two, "y")] {
        let mut ledger = Ledger::open(folder).unwrap();
        ledger
            .append(&[person(id, "Name", None)], &stamp(1))
            .unwrap();
    }
    let told = |order: [&Path; 2], name: &str| {
        let mut ledger = Ledger::open(&folder(name)).unwrap();
        for from in order {
            let mut writing = ledger.begin().unwrap();
            writing.import(&from.join(FILE), &stamp(2)).unwrap();
        }
        let sql = "SELECT id, name, duties, version FROM record_person";
        asked(&ledger, at(3), at(3), sql)
    };
    let rows = told([&one, &two], "import-there");
    assert_eq!(rows.len(), 2);
    assert_eq!(rows, told([&two, &one], "import-back"));
}

#[test]
fn tables_that_are_kept_say_what_tables_made_anew_say() {
    let mut ledger = Ledger::open(&folder("kept")).unwrap();
    let (kept, facts, site) = (Kept::default(), Facts::default(), Site::default());
    let first = [
        person("a", "Ann", Some(at(10))),
        person("b", "Bea", None),
        person("c", "Cleo", Some(at(12))),
    ];
    ledger.append(&first, &stamp(1)).unwrap();
    let by_name = "SELECT id, name, version, recorded_at FROM record_person";
    let by_duty =
        "SELECT id, duties, valid_until, (SELECT COUNT(*) FROM record_drill) FROM record_person";
    let told = |ledger: &Ledger, known: Time, held: Time, sql: &str| {
        let records = Records::of(ledger, known, held);
        let rows = |records| {
            let snapshot = Snapshot::for_queries(&facts, &site, records, held, [sql]).unwrap();
            snapshot.query(sql).unwrap().rows
        };
        let anew = rows(records);
        assert_eq!(rows(records.kept_in(&kept)), anew, "{known} {held}");
        assert_eq!(asked(ledger, known, held, sql), anew, "{known} {held}");
        anew.len()
    };
    // Time goes on, and back again.
    for (day, sql, rows) in [
        (2, by_name, 3),
        (9, by_name, 3),
        (10, by_name, 2),
        (10, by_duty, 2),
        (11, by_name, 2),
        (12, by_name, 1),
        (2, by_name, 3),
        (0, by_name, 0),
    ] {
        assert_eq!(told(&ledger, at(day), at(day), sql), rows, "day {day}");
    }
    assert_eq!(told(&ledger, at(13), at(2), by_name), 3);
    ledger
        .append(&[person("b", "Beatrix", None)], &stamp(13))
        .unwrap();
    assert_eq!(told(&ledger, at(14), at(2), by_name), 3);
    assert_eq!(told(&ledger, at(12), at(2), by_name), 3);
    // What is recorded while time goes on: somebody new between others, a version for later, one withdrawn and one back.
    let cited = |ledger: &Ledger, now: Time| {
        let records = Records::of(ledger, now, now);
        let ids = ["a", "aa", "b", "c"];
        let cited = |records| {
            let snapshot = Snapshot::for_queries(&facts, &site, records, now, [by_name]).unwrap();
            snapshot.cited("record_person", &ids).unwrap()
        };
        assert_eq!(cited(records.kept_in(&kept)), cited(records), "{now}");
    };
    for (day, new, rows) in [
        (14, person("aa", "Ava", None), 2),
        (15, person("b", "Bettina", Some(at(30))), 2),
        (16, person("c", "Clea", Some(at(18))), 3),
        (17, person("a", "Anna", None), 4),
    ] {
        ledger.append(&[new], &stamp(day)).unwrap();
        assert_eq!(told(&ledger, at(day), at(day), by_name), rows, "day {day}");
        cited(&ledger, at(day));
    }
    ledger
        .withdraw_from("person", "aa", Some(at(19)), "left", &stamp(17))
        .unwrap();
    for (day, rows) in [(18, 3), (19, 2), (29, 2), (30, 1), (40, 1)] {
        assert_eq!(told(&ledger, at(day), at(day), by_name), rows, "day {day}");
        cited(&ledger, at(day));
    }
    let two: Vec<Snapshot> = [by_name; 2]
        .map(|sql| {
            let records = Records::of(&ledger, at(13), at(2)).kept_in(&kept);
            Snapshot::for_queries(&facts, &site, records, at(2), [sql]).unwrap()
        })
        .into();
    for snapshot in &two {
        assert_eq!(snapshot.query(by_name).unwrap().rows.len(), 3);
        assert!(snapshot.query("DELETE FROM record_person").is_err());
    }
}
