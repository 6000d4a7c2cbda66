//! The key of a ledger is replaced: what it signed still holds, and the new one has to be handed on to.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests may fail loudly"
)]
use std::fs;
use std::path::{Path, PathBuf};

use facts::Time;
use serde_json::{Map, json};
use store::ledger::{Content, Head, Ledger, New, Report, Stamp, verify};

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("ledger_key")
        .join(name);
    fs::remove_dir_all(&folder).ok();
    folder
}

fn stamp() -> Stamp<'static> {
    Stamp {
        by: "tester",
        means: "cli",
        now: Time::from_secs(1_790_000_000),
    }
}

fn note(folder: &Path, id: &str) {
    let new = New {
        kind: "visit".to_owned(),
        id: id.to_owned(),
        content: Content::Body(Map::from_iter([("note".to_owned(), json!("…"))])),
        valid_from: None,
        valid_until: None,
        attachments: Vec::new(),
    };
    Ledger::open(folder)
        .unwrap()
        .append(&[new], &stamp())
        .unwrap();
}

fn replace(folder: &Path) {
    let mut ledger = Ledger::open(folder).unwrap();
    ledger
        .begin()
        .unwrap()
        .replace_key("a laptop was lost", &stamp())
        .unwrap();
}

fn checkpoint(folder: &Path) -> Head {
    let ledger = Ledger::open(folder).unwrap();
    Head::parse(&ledger.checkpoint().unwrap().unwrap()).unwrap()
}

fn sound(folder: &Path, checkpoint: Option<&Head>) -> Report {
    let report = verify(folder, checkpoint).unwrap();
    assert!(report.is_sound(), "{report}");
    report
}

#[test]
fn a_replaced_key_is_handed_on_to_and_the_ledger_goes_on() {
    let folder = folder("on");
    note(&folder, "V-1");
    let (old_key, before) = (
        fs::read(folder.join("ledger.key")).unwrap(),
        checkpoint(&folder),
    );
    replace(&folder);
    let between = checkpoint(&folder);
    assert_ne!(between.key, before.key);
    assert_eq!(
        between.before, before.key,
        "both signed the head of that moment"
    );
    note(&folder, "V-2");
    replace(&folder);
    note(&folder, "V-3");
    let report = sound(&folder, Some(&before));
    assert_eq!(report.entries, 5);
    let text = report.to_string();
    assert_eq!(text.matches("the key was replaced at").count(), 2, "{text}");
    assert!(text.contains("by tester (entry 2)"), "{text}");
    assert!(text.contains(&before.key.unwrap().fingerprint()), "{text}");
    assert!(text.contains("earlier key of this ledger"), "{text}");
    // The old key signs no more.
    fs::write(folder.join("ledger.key"), old_key).unwrap();
    let new = Ledger::open(&folder).unwrap().begin().map(|_| ());
    assert!(new.is_err());
}

#[test]
fn whoever_stops_in_the_middle_leaves_a_ledger_that_goes_on() {
    let whole = folder("whole");
    note(&whole, "V-1");
    let old: Vec<(&str, Vec<u8>)> = ["ledger.key", "ledger.pub"]
        .map(|name| (name, fs::read(whole.join(name)).unwrap()))
        .into();
    replace(&whole);
    // The head is in place, neither key was moved; or the private one alone.
    for moved in [0, 1] {
        let folder = folder(&format!("stopped-{moved}"));
        fs::create_dir_all(&folder).unwrap();
        for file in fs::read_dir(&whole).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), folder.join(file.file_name())).unwrap();
        }
        if moved == 0 {
            fs::rename(folder.join("ledger.key"), folder.join("ledger.key.next")).unwrap();
        }
        for (name, bytes) in old.iter().skip(moved) {
            fs::write(folder.join(name), bytes).unwrap();
        }
        assert_eq!(Ledger::open(&folder).unwrap().len(), 2);
        note(&folder, "V-2");
        sound(&folder, None);
        assert!(!folder.join("ledger.key.next").exists());
        assert_eq!(
            fs::read(folder.join("ledger.pub")).unwrap(),
            fs::read(whole.join("ledger.pub")).unwrap()
        );
    }
    // A key that was made and came to nothing.
    fs::write(whole.join("ledger.key.next"), &old[0].1).unwrap();
    note(&whole, "V-2");
    sound(&whole, None);
    assert!(!whole.join("ledger.key.next").exists());
}

#[test]
fn a_replacement_that_was_made_up_is_found() {
    let folder = folder("made-up");
    note(&folder, "V-1");
    // Whoever may record writes an entry of that kind by hand, with keys of their own.
    let key = |digit: &str| format!("ed25519:{}", digit.repeat(64));
    let body = json!({
        "after": "sha256:00", "old": key("1"), "new": key("2"), "reason": "…",
        "signature_old": "ed25519:11", "signature_new": "ed25519:22",
    });
    let new = New {
        kind: "ledger-key".to_owned(),
        id: "signing".to_owned(),
        content: Content::Body(body.as_object().unwrap().clone()),
        valid_from: None,
        valid_until: None,
        attachments: Vec::new(),
    };
    Ledger::open(&folder)
        .unwrap()
        .append(&[new], &stamp())
        .unwrap();
    let report = verify(&folder, None).unwrap();
    assert!(!report.is_sound());
    assert_eq!(report.problems[0].line, Some(2));
    assert!(
        report.problems[0].what.contains("another entry"),
        "{report}"
    );
    // Nothing to replace where nothing was signed; and a reason is asked.
    let empty = self::folder("empty");
    let mut ledger = Ledger::open(&empty).unwrap();
    assert!(ledger.begin().unwrap().replace_key("…", &stamp()).is_err());
    let mut ledger = Ledger::open(&folder).unwrap();
    assert!(ledger.begin().unwrap().replace_key(" ", &stamp()).is_err());
}

#[test]
fn a_ledger_imported_whole_may_replace_its_key_and_nobody_else_may_sign_it() {
    let (source, into) = (folder("whole-source"), folder("whole-into"));
    note(&source, "V-1");
    replace(&source);
    replace(&source);
    let import = |into: &Path| {
        let mut ledger = Ledger::open(into).unwrap();
        let file = source.join("ledger.jsonl");
        ledger.begin().unwrap().import(&file, &stamp()).unwrap();
    };
    import(&into);
    let exported = fs::read(source.join("ledger.jsonl")).unwrap();
    let imported = fs::read(into.join("ledger.jsonl")).unwrap();
    assert!(imported.starts_with(&exported), "byte by byte");
    let text = sound(&into, None).to_string();
    assert!(text.contains("was imported whole at"), "{text}");
    let before = checkpoint(&into);
    note(&into, "V-2");
    replace(&into);
    sound(&into, Some(&before));
    import(&into);

    // Whoever has the key that was replaced goes on with it.
    let (source, old) = (folder("whole-new"), folder("whole-old"));
    note(&source, "V-1");
    fs::create_dir_all(&old).unwrap();
    for file in fs::read_dir(&source).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), old.join(file.file_name())).unwrap();
    }
    replace(&source);
    let ledger = Ledger::open(&source).unwrap();
    let replaced = ledger.entries().last().unwrap();
    let new = New {
        kind: replaced.kind.to_owned(),
        id: replaced.id.to_owned(),
        content: Content::Body(replaced.body().unwrap().as_object().unwrap().clone()),
        valid_from: None,
        valid_until: None,
        attachments: Vec::new(),
    };
    let mut ledger = Ledger::open(&old).unwrap();
    ledger.append(&[new], &stamp()).unwrap();
    let report = verify(&old, None).unwrap();
    assert!(
        report.problems[0].what.contains("signed by another key"),
        "{report}"
    );
}
