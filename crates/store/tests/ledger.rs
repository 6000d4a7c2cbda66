//! The ledger as others rely on it: what was acknowledged stays, what was changed is found, at its place.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may fail loudly"
)]

use std::collections::HashSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use facts::Time;
use serde_json::json;
use store::ledger::{Content, Error, FILE, Head, Ledger, New, Report, Stamp, verify};

/// A folder of this name that is not there yet.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("ledger")
        .join(name);
    fs::remove_dir_all(&folder).ok();
    fs::create_dir_all(folder.parent().unwrap()).unwrap();
    folder
}

fn at(seconds: i64) -> Time {
    Time::from_secs(1_790_000_000 + seconds)
}

fn stamp(now: Time) -> Stamp<'static> {
    Stamp {
        by: "tester",
        means: "cli",
        now,
    }
}

fn new(kind: &str, id: &str, note: &str) -> New {
    let serde_json::Value::Object(body) = json!({ "note": note, "count": note.len() }) else {
        panic!("an object");
    };
    New {
        kind: kind.to_owned(),
        id: id.to_owned(),
        content: Content::Body(body),
        valid_from: None,
        valid_until: None,
        attachments: Vec::new(),
    }
}

/// A ledger of that many entries, each a record of its own.
fn filled(name: &str, entries: usize) -> PathBuf {
    let folder = folder(name);
    let records: Vec<New> = (1..=entries)
        .map(|number| {
            new(
                "visit",
                &format!("V-{number}"),
                &format!("visit \"{number}\"\nof many"),
            )
        })
        .collect();
    let written = Ledger::open(&folder)
        .unwrap()
        .append(&records, &stamp(at(0)));
    assert_eq!(written.unwrap().entries, Some((1, entries as u64)));
    folder
}

fn sound(folder: &Path) -> Report {
    let report = verify(folder, None).unwrap();
    assert!(report.is_sound(), "{report}");
    report
}

/// The first problem's line and words.
fn first(folder: &Path) -> (Option<u64>, String) {
    let report = verify(folder, None).unwrap();
    let problem = report
        .problems
        .first()
        .unwrap_or_else(|| panic!("{report}"));
    assert!(
        Ledger::open(folder).is_err() || problem.file != FILE,
        "opened in spite of {problem}"
    );
    (problem.line, problem.to_string())
}

fn copy(from: &Path, name: &str) -> PathBuf {
    let to = folder(name);
    fs::create_dir_all(&to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        if entry.path().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
    to
}

fn notes(ledger: &Ledger) -> Vec<String> {
    ledger
        .entries()
        .map(|entry| entry.body().unwrap()["note"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn who_keeps_a_ledger_open_reads_on_where_others_wrote_and_nothing_that_does_not_follow() {
    let folder = filled("follow", 3);
    let mut reader = Ledger::open(&folder).unwrap();
    assert!(
        reader.try_follow().unwrap() && reader.len() == 3,
        "as it was"
    );
    let mut writer = Ledger::open(&folder).unwrap();
    let more = [new("visit", "V-2", "put right"), new("person", "p", "here")];
    writer.append(&more, &stamp(at(9))).unwrap();
    let writing = writer.begin().unwrap();
    assert!(!reader.try_follow().unwrap(), "not waited for");
    drop(writing);
    assert!(reader.try_follow().unwrap());
    assert_eq!(
        (reader.head(), notes(&reader)),
        (writer.head(), notes(&writer))
    );
    assert_eq!(reader.latest("visit", "V-2").unwrap().version, 2);
    // Another ledger in its place, longer and sound in itself: what was read stays.
    let other = filled("follow-other", 9);
    for name in [FILE, "ledger.head", "ledger.pub"] {
        fs::copy(other.join(name), folder.join(name)).unwrap();
    }
    let refused = reader.try_follow().unwrap_err().to_string();
    assert!(refused.contains("does not follow on entry 5"), "{refused}");
    assert_eq!(
        (reader.head(), notes(&reader)),
        (writer.head(), notes(&writer))
    );
}

#[test]
fn what_was_known_and_what_held_at_a_time_are_told_apart() {
    let folder = folder("as-of");
    let mut ledger = Ledger::open(&folder).unwrap();
    assert!(
        ledger.is_empty() && !folder.exists(),
        "reading makes nothing"
    );
    let mut grant = new("grant", "G-1", "until spring");
    (grant.valid_from, grant.valid_until) = (Some(at(100)), Some(at(200)));
    ledger.append(&[grant.clone()], &stamp(at(0))).unwrap();
    grant.valid_until = Some(at(300));
    ledger.append(&[grant], &stamp(at(10))).unwrap();
    ledger
        .append(&[new("person", "p", "here")], &stamp(at(20)))
        .unwrap();
    ledger
        .withdraw("person", "p", "left", &stamp(at(30)))
        .unwrap();

    let told = |ledger: &Ledger, recorded, valid: Option<i64>| -> Vec<(String, u32)> {
        let entries = ledger.as_of(at(recorded), valid.map(at));
        entries
            .iter()
            .map(|one| (one.id.to_owned(), one.version))
            .collect()
    };
    let known = |recorded, valid| told(&ledger, recorded, valid);
    let is = |id: &str, version| (id.to_owned(), version);
    assert_eq!(known(-1, None), []);
    assert_eq!(known(5, None), [is("G-1", 1)]);
    assert_eq!(known(5, Some(250)), [], "then known to end before");
    assert_eq!(known(15, Some(250)), [is("G-1", 2)]);
    assert_eq!(known(15, Some(300)), [], "the end is not within");
    assert_eq!(known(25, None), [is("G-1", 2), is("p", 1)]);
    assert_eq!(known(30, None), [is("G-1", 2)], "withdrawn");
    assert_eq!(
        ledger.latest("person", "p").unwrap().withdrawn.as_deref(),
        Some("left")
    );

    // A version that holds from later on hides nothing of before, and neither does a withdrawal from a time on.
    let mut grant = new("grant", "G-1", "for summer");
    grant.valid_from = Some(at(250));
    ledger.append(&[grant], &stamp(at(40))).unwrap();
    assert_eq!(told(&ledger, 40, Some(249)), [is("G-1", 2)]);
    assert_eq!(told(&ledger, 40, Some(400)), [is("G-1", 3)]);
    assert_eq!(told(&ledger, 40, Some(99)), [], "none had begun");
    ledger
        .withdraw_from("grant", "G-1", Some(at(350)), "left", &stamp(at(50)))
        .unwrap();
    assert_eq!(told(&ledger, 50, Some(349)), [is("G-1", 3)]);
    assert_eq!(told(&ledger, 50, Some(350)), []);
    assert_eq!(
        told(&ledger, 50, None),
        [],
        "of whatever time, it is withdrawn"
    );
    let stands = |now| !ledger.known(at(50), at(now)).is_empty();
    assert!(stands(349) && !stands(350), "until then it is known");
    // It can be brought forward, not put off: what held from then on is over.
    let mut withdraw =
        |from| ledger.withdraw_from("grant", "G-1", Some(at(from)), "left", &stamp(at(50)));
    let refused = withdraw(351).unwrap_err().to_string();
    assert!(refused.contains("is withdrawn already, from "), "{refused}");
    withdraw(320).unwrap();
    assert_eq!(told(&ledger, 50, Some(319)), [is("G-1", 3)]);
    assert_eq!(told(&ledger, 50, Some(320)), []);

    // A clock that steps back puts nothing into the past.
    ledger
        .append(&[new("person", "q", "new")], &stamp(at(1)))
        .unwrap();
    assert_eq!(ledger.entries().last().unwrap().recorded_at(), Some(at(50)));
    // By more than a day, the entry before it is of the future, and what would follow it counts for nobody yet.
    let before = Time(at(50).0 - 86_400_000_000_001);
    let refused = ledger.append(&[new("person", "r", "new")], &stamp(before));
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("set the machine's clock"), "{refused}");
    sound(&folder);
}

#[test]
fn what_says_the_same_is_not_recorded_twice_and_what_is_off_not_at_all() {
    let folder = filled("same", 2);
    let mut ledger = Ledger::open(&folder).unwrap();
    let before = fs::read(folder.join(FILE)).unwrap();
    let again: Vec<New> = ledger
        .entries()
        .map(|entry| {
            new(
                entry.kind,
                entry.id,
                entry.body().unwrap()["note"].as_str().unwrap(),
            )
        })
        .collect();
    let written = ledger.append(&again, &stamp(at(1))).unwrap();
    assert_eq!((written.entries, written.unchanged), (None, 2));
    for (record, word) in [
        (new("Visit", "V-9", ""), "kind"),
        (new("visit", " V-9", ""), "id"),
        (new("visit", "V\"9", ""), "id"),
        (new("visit", "V\n9", ""), "id"),
        (new("visit", "", ""), "id"),
    ] {
        let refused = ledger.append(&[new("visit", "V-8", ""), record], &stamp(at(1)));
        assert!(refused.unwrap_err().to_string().contains(word));
    }
    let mut fraction = new("visit", "V-9", "");
    if let Content::Body(body) = &mut fraction.content {
        body.insert("height".to_owned(), json!(1.5));
    }
    assert!(ledger.append(&[fraction], &stamp(at(1))).is_err());
    assert!(ledger.withdraw("visit", "V-2", " ", &stamp(at(1))).is_err());
    assert!(
        ledger
            .withdraw("visit", "V-7", "why", &stamp(at(1)))
            .is_err()
    );
    assert_eq!(fs::read(folder.join(FILE)).unwrap(), before);
    // Two of one record in one write are two versions.
    let twice = [
        new("visit", "V-1", "a"),
        new("visit", "V-1", "b"),
        new("visit", "V-1", "b"),
    ];
    let written = ledger.append(&twice, &stamp(at(2))).unwrap();
    assert_eq!((written.entries, written.unchanged), (Some((3, 4)), 1));
    assert_eq!(ledger.latest("visit", "V-1").unwrap().version, 3);
    sound(&folder);
}

/// Every state in which the power can fail during a write of two entries: the head to come is signed, and any part of
/// the lines is there.
#[test]
fn a_write_torn_at_any_byte_leaves_what_was_acknowledged_and_nothing_half() {
    let before = filled("torn", 3);
    let after = copy(&before, "torn-after");
    let pair = [new("visit", "V-4", "four"), new("visit", "V-5", "five")];
    Ledger::open(&after)
        .unwrap()
        .append(&pair, &stamp(at(1)))
        .unwrap();
    let old = fs::read(before.join(FILE)).unwrap();
    let lines = fs::read(after.join(FILE)).unwrap()[old.len()..].to_vec();
    let next = fs::read(after.join("ledger.head")).unwrap();
    for cut in 0..=lines.len() {
        let torn = copy(&before, "torn-at");
        fs::write(torn.join("ledger.next"), &next).unwrap();
        fs::write(torn.join(FILE), [&old[..], &lines[..cut]].concat()).unwrap();
        let whole = cut == lines.len();
        let mut ledger = Ledger::open(&torn).unwrap();
        assert_eq!(ledger.len(), if whole { 5 } else { 3 }, "cut at {cut}");
        assert_eq!(
            ledger.notes().is_empty(),
            whole || cut == 0,
            "told at {cut}"
        );
        sound(&torn);
        let more = ledger.append(&[new("visit", "V-6", "six")], &stamp(at(2)));
        assert_eq!(
            more.unwrap().entries,
            if whole { Some((6, 6)) } else { Some((4, 4)) }
        );
        let aside = fs::read(torn.join("ledger.torn-1")).unwrap_or_default();
        assert_eq!(aside, if whole { &[] } else { &lines[..cut] });
        assert_eq!(sound(&torn).entries, ledger.len() as u64);
    }
}

#[test]
fn what_was_moved_removed_added_or_written_anew_is_told_with_its_place() {
    let folder = filled("tampered", 6);
    let path = folder.join(FILE);
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let told = |order: &[usize], line: u64, word: &str| {
        let made: String = order.iter().map(|number| lines[number - 1]).collect();
        fs::write(&path, made).unwrap();
        let (found, words) = first(&folder);
        assert_eq!(found, Some(line), "{order:?}: {words}");
        assert!(words.contains(word), "{order:?}: {words}");
    };
    told(&[1, 2, 4, 3, 5, 6], 3, "entry 3 is missing");
    told(&[1, 2, 4, 5, 6], 3, "entry 3 is missing");
    told(&[1, 2, 5, 6], 3, "entries 3 to 4 are missing");
    told(&[2, 3, 4, 5, 6], 1, "entry 1 is missing");
    told(&[1, 2, 3, 4, 5], 5, "its head signs 6");
    told(&[], 0, "its head signs 6");
    told(&[1, 2, 3, 3, 4, 5, 6], 4, "stands twice");
    fs::write(&path, format!("{text}{}", lines[5])).unwrap();
    assert_eq!(first(&folder).0, Some(7));

    // A ledger of somebody else's making, whole and in order, is not this one.
    let other = filled("tampered-other", 6);
    fs::copy(other.join(FILE), &path).unwrap();
    fs::write(
        &path,
        fs::read_to_string(&path)
            .unwrap()
            .replace("tester", "Tester"),
    )
    .unwrap();
    assert_eq!(first(&folder).0, Some(1));
    let mut anew = Ledger::open(&self::folder("tampered-anew")).unwrap();
    for number in 1..=6 {
        anew.append(
            &[new("visit", &format!("V-{number}"), "forged")],
            &stamp(at(0)),
        )
        .unwrap();
    }
    let forged = fs::read(anew.folder().join(FILE)).unwrap();
    fs::write(&path, &forged).unwrap();
    assert!(
        verify(&folder, None)
            .unwrap()
            .problems
            .iter()
            .any(|one| one.what.contains("head"))
    );
    // Nor does its head help, whose key is another.
    fs::copy(
        anew.folder().join("ledger.head"),
        folder.join("ledger.head"),
    )
    .unwrap();
    assert!(first(&folder).1.contains("another key"));
    // Nor is a ledger in order that is not there, with its head or without.
    fs::remove_file(&path).unwrap();
    assert!(!verify(&folder, None).unwrap().is_sound());
    fs::remove_file(folder.join("ledger.head")).unwrap();
    assert!(!verify(&folder, None).unwrap().is_sound());
    // A head that was changed is no head.
    fs::write(&path, &text).unwrap();
    let head = fs::read_to_string(other.join("ledger.head")).unwrap();
    fs::write(
        folder.join("ledger.head"),
        head.replace("\"seq\":6", "\"seq\":5"),
    )
    .unwrap();
    assert!(first(&folder).1.contains("signature"));
}

#[test]
fn a_checkpoint_tells_that_an_older_folder_was_put_back() {
    let folder = filled("rollback", 4);
    let older = copy(&folder, "rollback-older");
    let mut ledger = Ledger::open(&folder).unwrap();
    ledger
        .append(&[new("visit", "V-5", "five")], &stamp(at(9)))
        .unwrap();
    let checkpoint = Head::parse(&ledger.checkpoint().unwrap().unwrap()).unwrap();
    assert!(verify(&folder, Some(&checkpoint)).unwrap().is_sound());
    ledger
        .append(&[new("visit", "V-6", "six")], &stamp(at(10)))
        .unwrap();
    assert!(
        verify(&folder, Some(&checkpoint)).unwrap().is_sound(),
        "it may go on"
    );
    sound(&older);
    let report = verify(&older, Some(&checkpoint)).unwrap();
    assert!(report.problems[0].what.contains("saw 5"), "{report}");
    // The same key, and another story.
    let mut other = Ledger::open(&older).unwrap();
    other
        .append(&[new("visit", "V-5", "something else")], &stamp(at(9)))
        .unwrap();
    let report = verify(&older, Some(&checkpoint)).unwrap();
    assert_eq!(report.problems[0].line, Some(5), "{report}");
}

#[test]
fn attached_files_are_kept_under_their_hash_and_verified() {
    let folder = folder("attached");
    let mut ledger = Ledger::open(&folder).unwrap();
    let mut writing = ledger.begin().unwrap();
    let photo = writing.attach(Some("cabinet 7.jpg"), b"a photo").unwrap();
    let mut inspection = new("inspection", "I-1", "closed");
    inspection.attachments = vec![photo.clone()];
    writing
        .append(&[inspection.clone()], &stamp(at(0)))
        .unwrap();
    drop(writing);
    assert_eq!(sound(&folder).attachments, 1);
    let copy = self::folder("attached-copy");
    assert_eq!(Ledger::export(&folder, &copy).unwrap(), 1);
    assert_eq!(sound(&copy).attachments, 1);
    assert!(!copy.join("ledger.key").exists());
    // What nobody recorded is told, and changes nothing of what somebody did.
    fs::write(copy.join("attachments/notes.txt"), b"x").unwrap();
    let told = sound(&copy).notes;
    assert_eq!(told, ["attachments/notes.txt belongs to no entry"]);
    let path = folder.join("attachments").join(&photo.sha256);
    fs::write(&path, b"another").unwrap();
    assert!(
        first(&folder)
            .1
            .contains("entry 1 (inspection I-1) was changed")
    );
    fs::remove_file(&path).unwrap();
    assert!(first(&folder).1.contains("missing"));
    inspection.id = "I-2".to_owned();
    let refused = ledger.append(&[inspection], &stamp(at(1)));
    assert!(refused.is_err(), "what is not there cannot be referred to");
}

#[test]
fn an_export_is_imported_byte_by_byte_once_and_in_any_order() {
    let source = filled("import-source", 3);
    let mut ledger = Ledger::open(&source).unwrap();
    let early = copy(&source, "import-early").join(FILE);
    ledger
        .append(&[new("visit", "V-1", "put right")], &stamp(at(5)))
        .unwrap();
    ledger
        .withdraw("visit", "V-2", "entered twice", &stamp(at(6)))
        .unwrap();
    let late = source.join(FILE);
    let import = |into: &Path, file: &Path| {
        let mut ledger = Ledger::open(into).unwrap();
        let stamp = Stamp {
            by: "other",
            means: "import",
            now: at(50),
        };
        let done = ledger
            .begin()
            .unwrap()
            .import(file, &stamp)
            .map(|done| (done.added, done.known));
        sound(into);
        done
    };
    let current = |folder: &Path| -> Vec<(String, String)> {
        let ledger = Ledger::open(folder).unwrap();
        let known = ledger.as_of(Time::MAX, None);
        known
            .iter()
            .map(|one| (one.id.to_owned(), one.body_text().unwrap().to_owned()))
            .collect()
    };

    let empty = folder("import-empty");
    assert_eq!(import(&empty, &late).unwrap(), (5, 0));
    assert_eq!(
        fs::read(empty.join(FILE)).unwrap(),
        fs::read(&late).unwrap()
    );

    for (name, order) in [
        ("import-a", [&early, &late, &late]),
        ("import-b", [&late, &early, &late]),
    ] {
        let into = folder(name);
        let mut own = Ledger::open(&into).unwrap();
        own.append(&[new("person", "own", "was here before")], &stamp(at(0)))
            .unwrap();
        let added: usize = order
            .iter()
            .map(|file| import(&into, file).unwrap().0)
            .sum();
        assert_eq!(added, 5, "each entry once");
        assert_eq!(current(&into)[1..], current(&source));
        let ledger = Ledger::open(&into).unwrap();
        let entry = ledger.latest("visit", "V-1").unwrap();
        assert_eq!((entry.by, entry.means), ("tester", "import"));
        assert_eq!(entry.origin.unwrap().recorded_at, at(5).to_string());
    }

    let apart = copy(&empty, "import-apart");
    let mut own = Ledger::open(&apart).unwrap();
    own.append(&[new("visit", "V-1", "put otherwise")], &stamp(at(60)))
        .unwrap();
    own.append(&[new("visit", "V-9", "mine")], &stamp(at(60)))
        .unwrap();
    ledger
        .append(&[new("visit", "V-1", "put right twice")], &stamp(at(7)))
        .unwrap();
    let before = fs::read(apart.join(FILE)).unwrap();
    let Err(Error::Conflicts { conflicts }) = import(&apart, &late) else {
        panic!("both went on by themselves");
    };
    assert_eq!(conflicts.len(), 1, "{conflicts:?}");
    assert_eq!(fs::read(apart.join(FILE)).unwrap(), before);

    let forged = folder("import-forged");
    fs::write(
        &forged,
        fs::read_to_string(&late)
            .unwrap()
            .replace("put right", "put wrong"),
    )
    .unwrap();
    let refused = import(&folder("import-nothing"), &forged)
        .unwrap_err()
        .to_string();
    assert!(refused.contains("line 4"), "{refused}");
}

#[test]
fn two_who_write_at_once_both_land() {
    const EACH: usize = 25;
    let folder = folder("two");
    let write = |who: &'static str| {
        let mut ledger = Ledger::open(&folder).unwrap();
        for number in 0..EACH {
            let record = new("visit", &format!("{who}-{number}"), who);
            ledger.append(&[record], &stamp(at(0))).unwrap();
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| write("a"));
        scope.spawn(|| write("b"));
    });
    assert_eq!(sound(&folder).entries, 2 * EACH as u64);
    let order = notes(&Ledger::open(&folder).unwrap());
    assert_eq!(order.iter().filter(|who| *who == "a").count(), EACH);
}

#[test]
fn without_its_key_a_ledger_is_read_and_not_written() {
    let folder = filled("no-key", 1);
    let key = folder.join("ledger.key");
    let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(&key).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    fs::remove_file(&key).unwrap();
    let mut ledger = Ledger::open(&folder).unwrap();
    let refused = ledger.append(&[new("visit", "V-2", "")], &stamp(at(1)));
    assert!(matches!(refused, Err(Error::NoKey { .. })));
    assert_eq!(sound(&folder).entries, 1);
    fs::copy(filled("other-key", 1).join("ledger.key"), &key).unwrap();
    let refused = ledger.append(&[new("visit", "V-2", "")], &stamp(at(1)));
    assert!(
        matches!(refused, Err(Error::OtherKey { .. })),
        "{refused:?}"
    );
    assert_eq!(Ledger::open(&folder).unwrap().len(), 1);
}

/// Which folder a child of these tests writes to, and under which name.
const CHILD: &str = "SEAWALL_TEST_LEDGER";
const NAME: &str = "SEAWALL_TEST_NAME";

/// Runs this program once more as a writer, by a shell if `before` says what it does first.
fn child(folder: &Path, name: &str, before: &str) -> Child {
    let script =
        format!("{before} exec \"$0\" --exact writes_until_it_is_stopped --ignored --nocapture");
    Command::new("sh")
        .args(["-c", &script])
        .arg(std::env::current_exe().unwrap())
        .env(CHILD, folder)
        .env(NAME, name)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// What a writer says after each write that was acknowledged: its number, and the last entry; `None` for what else stands
/// there.
fn acknowledged(line: &str) -> Option<(u64, u64)> {
    let (write, entry) = line.strip_prefix("acknowledged ")?.split_once(' ')?;
    Some((write.parse().ok()?, entry.parse().ok()?))
}

/// The ids of a write of that name and number: one to three.
fn ids(name: &str, write: u64) -> Vec<String> {
    let id = |part| format!("{name}.{write}.{part}");
    (0..=write % 3).map(id).collect()
}

#[test]
#[ignore = "a child of the tests below"]
fn writes_until_it_is_stopped() {
    let (Some(folder), Ok(name)) = (std::env::var_os(CHILD), std::env::var(NAME)) else {
        return;
    };
    let mut ledger = Ledger::open(Path::new(&folder)).unwrap();
    for write in 1.. {
        let note = "x".repeat(usize::try_from(write % 300).unwrap());
        let records: Vec<New> = ids(&name, write)
            .iter()
            .map(|id| new("visit", id, &note))
            .collect();
        match ledger.append(&records, &stamp(at(0))) {
            Ok(written) => println!("acknowledged {write} {}", written.entries.unwrap().1),
            Err(error) => {
                println!("refused {error}");
                break;
            }
        }
    }
}

/// Lets a writer go on for so many writes and a while, kills it, and gives the last write that it said was acknowledged.
fn killed_after(mut writer: Child, writes: usize, micros: u64) -> u64 {
    let lines = BufReader::new(writer.stdout.take().unwrap()).lines();
    let mut heard = lines
        .map_while(Result::ok)
        .filter_map(|line| acknowledged(&line));
    let (mut last, _) = heard.nth(writes).unwrap();
    std::thread::sleep(std::time::Duration::from_micros(micros));
    writer.kill().unwrap();
    // What it said before it died counts as well.
    if let Some((write, _)) = heard.last() {
        last = write;
    }
    writer.wait().unwrap();
    last
}

#[test]
fn writers_killed_at_any_moment_leave_all_that_they_acknowledged_and_nothing_half() {
    for ledger in 0..2 {
        let folder = folder(&format!("killed-{ledger}"));
        for round in 0..4 {
            // Two write at once, and each is killed at a moment of its own.
            let writers = [0, 1].map(|one| {
                let name = format!("{ledger}-{round}-{one}");
                let child = child(&folder, &name, "");
                let (writes, micros) = (4 + 7 * round + 9 * one, 137 * (ledger * 8 + round as u64));
                (
                    name,
                    std::thread::spawn(move || killed_after(child, writes, micros)),
                )
            });
            let acked = writers.map(|(name, killed)| (name, killed.join().unwrap()));
            let ledger = Ledger::open(&folder).unwrap();
            let there: HashSet<&str> = ledger.entries().map(|entry| entry.id).collect();
            for (name, acked) in acked {
                let count = |write| {
                    let ids = ids(&name, write);
                    let found = ids.iter().filter(|id| there.contains(id.as_str()));
                    (found.count(), ids.len())
                };
                for write in 1..=acked {
                    let (found, all) = count(write);
                    assert_eq!(found, all, "{name}: {write} of {acked} was acknowledged");
                }
                let (found, all) = count(acked + 1);
                assert!(found == 0 || found == all, "{name}: half of {}", acked + 1);
                assert_eq!(count(acked + 2).0, 0, "{name}");
            }
            sound(&folder);
        }
    }
}

#[test]
fn a_full_disk_stops_a_write_and_leaves_nothing_half() {
    let folder = folder("full");
    // No file may grow beyond 8 blocks of 512 (or 1024) bytes: the line that meets the limit is written in part.
    let mut writer = child(&folder, "full", "trap '' XFSZ; ulimit -f 8;");
    let lines: Vec<String> = BufReader::new(writer.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok)
        .collect();
    writer.wait().unwrap();
    let (_, acked) = lines
        .iter()
        .filter_map(|line| acknowledged(line))
        .next_back()
        .unwrap();
    let refused = lines
        .iter()
        .find(|line| line.starts_with("refused"))
        .unwrap();
    assert!(refused.contains("nothing was recorded"), "{refused}");
    assert_eq!(sound(&folder).entries, acked);
    assert!(!folder.join("ledger.next").exists() && !folder.join("ledger.torn-1").exists());
    let more = Ledger::open(&folder)
        .unwrap()
        .append(&[new("visit", "more", "")], &stamp(at(1)));
    assert_eq!(
        more.unwrap().entries,
        Some((acked + 1, acked + 1)),
        "once there is room"
    );
}
