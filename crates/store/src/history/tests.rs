//! What needs a look behind the door: files of other formats, and a disk without room.
use facts::kinds::{Operation, Verb};
use facts::{Evidence, Facts, Time};
use rusqlite::Connection;

use super::day::{self, Day};
use super::*;

/// Noon of 22 November 2026, UTC.
const NOON: Time = Time::from_secs(1_795_348_800);

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("seawall-{name}-{}", std::process::id()));
        drop(fs::remove_dir_all(&path));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn today(&self) -> PathBuf {
        day::path(&self.0, "2026-11-22")
    }

    fn history(&self) -> Result<History, Error> {
        History::open(&self.0, Options::new("Harborview"), NOON)
    }

    fn stops(&self) -> usize {
        let recalled = recall(&self.0, Time::MIN, Time::MAX, &Limits::default(), 0).unwrap();
        assert_eq!(recalled.problems, Vec::<String>::new());
        recalled.facts.operations.len()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

fn stops(from: i64, many: i64) -> Facts {
    let stop = |n: i64| Operation {
        time: Time(NOON.0 + n),
        last: Time(NOON.0 + n),
        count: 1,
        operation: Verb::Stop,
        detail: Some("x".repeat(200)),
        evidence: Evidence::one(0, 7),
        ..Operation::default()
    };
    Facts {
        captures: vec!["span.pcap".to_owned()],
        operations: (from..from + many).map(stop).collect(),
        ..Facts::default()
    }
}

#[test]
fn a_full_disk_stops_history_and_what_was_told_meanwhile_is_made_up_for() {
    let folder = Folder::new("full");
    let mut history = folder.history().unwrap();
    history.add(&stops(0, 10), NOON).unwrap();
    let pages = "PRAGMA max_page_count";
    let db = history.day.as_ref().unwrap().db();
    let now: i64 = db
        .query_row("PRAGMA page_count", [], |row| row.get(0))
        .unwrap();
    db.query_row(&format!("{pages} = {}", now + 4), [], |_| Ok(()))
        .unwrap();
    let error = history
        .add(&stops(10, 1000), NOON.plus_secs(5))
        .unwrap_err();
    assert!(matches!(error, Error::Full { .. }), "{error}");
    assert!(error.to_string().contains("no room on the disk"), "{error}");
    assert_eq!(folder.stops(), 10, "nothing half");
    assert_eq!(history.waiting_since(), Some(NOON.plus_secs(5)));
    // There is room again.
    let written = history.add(&stops(1010, 1), NOON.plus_secs(10)).unwrap();
    assert_eq!((written.rows, folder.stops()), (1001, 1011));
    assert_eq!(history.waiting_since(), None);
    assert_eq!(history.gaps(NOON, NOON.plus_secs(10)).unwrap(), []);
}

#[test]
fn what_waits_too_long_is_given_up_and_counted() {
    let folder = Folder::new("waits");
    let options = Options {
        waiting: Limits {
            operations: 100,
            ..Limits::default()
        },
        ..Options::new("Harborview")
    };
    let mut history = History::open(&folder.0, options, NOON).unwrap();
    history.tell(stops(0, 250), NOON);
    let now = NOON.plus_secs(5);
    let said = history.coverage(now).unwrap();
    assert_eq!((said.what.as_str(), said.total), ("history", 250));
    history.write(now).unwrap();
    assert_eq!(history.coverage(now), None);
    let facts = history.load(NOON, now, &Limits::default()).unwrap().facts;
    assert_eq!(facts.coverage, [said], "it is told with the facts");
}

#[test]
fn a_file_of_an_earlier_format_is_brought_up_to_date() {
    let folder = Folder::new("earlier");
    {
        let db = Connection::open(folder.today()).unwrap();
        // As it was before formats were counted: no intervals of watching, fewer columns.
        db.execute_batch(
            "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
             INSERT INTO meta VALUES ('terminal', 'Harborview');
             CREATE TABLE operation (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, time TEXT, last TEXT, operation TEXT);
             INSERT INTO operation VALUES (1, x'01', '2026-11-22T11:00:00.000000000Z', '2026-11-22T11:00:00.000000000Z', 'start');",
        )
        .unwrap();
    }
    assert_eq!(folder.stops(), 1, "it can be read as it is");
    folder.history().unwrap().add(&stops(0, 1), NOON).unwrap();
    let recalled = recall(&folder.0, Time::MIN, Time::MAX, &Limits::default(), 0).unwrap();
    let told: Vec<(Verb, u64)> = recalled
        .facts
        .operations
        .iter()
        .map(|one| (one.operation, one.count))
        .collect();
    assert_eq!(told, [(Verb::Start, 0), (Verb::Stop, 1)]);
    let db = Connection::open(folder.today()).unwrap();
    let format: u32 = db
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap();
    assert_eq!(format, layout::FORMAT);
}

#[test]
fn a_row_that_is_older_than_a_column_counts_on_in_it() {
    let folder = Folder::new("younger");
    let reads = Facts {
        operations: vec![Operation {
            operation: Verb::Read,
            ..stops(0, 1).operations.remove(0)
        }],
        ..stops(0, 0)
    };
    let count = || -> u64 {
        let recalled = recall(&folder.0, Time::MIN, Time::MAX, &Limits::default(), 0).unwrap();
        recalled.facts.operations.iter().map(|one| one.count).sum()
    };
    folder.history().unwrap().add(&reads, NOON).unwrap();
    assert_eq!(count(), 1);
    for column in ["count", "last", "frames"] {
        let db = Connection::open(folder.today()).unwrap();
        db.execute_batch(&format!("ALTER TABLE operation DROP COLUMN {column}"))
            .unwrap();
    }
    assert_eq!(count(), 0, "it is not known any more");
    for told in 1..4 {
        folder.history().unwrap().add(&reads, NOON).unwrap();
        assert_eq!(count(), told);
    }
}

#[test]
fn a_file_of_a_later_format_is_left_alone_and_both_formats_are_named() {
    let folder = Folder::new("later");
    folder.history().unwrap().add(&stops(0, 1), NOON).unwrap();
    let later = layout::FORMAT + 1;
    Connection::open(folder.today())
        .unwrap()
        .pragma_update(None, "user_version", later)
        .unwrap();
    let before = fs::read(folder.today()).unwrap();
    for error in [
        folder.history().map(drop).unwrap_err(),
        recall(&folder.0, Time::MIN, Time::MAX, &Limits::default(), 0)
            .map(drop)
            .unwrap_err(),
    ] {
        let told = error.to_string();
        assert!(told.contains(&format!("format {later}")), "{told}");
        assert!(
            told.contains(&format!("up to {}", layout::FORMAT)),
            "{told}"
        );
    }
    assert_eq!(fs::read(folder.today()).unwrap(), before);
}

#[test]
fn the_history_of_another_terminal_is_not_mixed_in() {
    let folder = Folder::new("other");
    folder.history().unwrap().add(&stops(0, 1), NOON).unwrap();
    let error = Day::open(&folder.0, "2026-11-22", "Elsewhere").unwrap_err();
    assert!(
        error
            .to_string()
            .contains("\"Harborview\", not of \"Elsewhere\""),
        "{error}"
    );
}

#[test]
fn a_damaged_file_is_set_aside_and_the_day_goes_on() {
    let folder = Folder::new("damaged");
    fs::write(
        folder.today(),
        "no database at all, but as long as the head of one: ".repeat(9),
    )
    .unwrap();
    let written = folder.history().unwrap().add(&stops(0, 3), NOON).unwrap();
    assert!(
        written.notes[0].contains("was set aside"),
        "{:?}",
        written.notes
    );
    assert_eq!(folder.stops(), 3);
    assert!(folder.today().with_extension("sqlite.damaged-1").exists());
}

#[test]
fn a_row_that_cannot_be_read_is_left_out_and_its_day_is_a_gap() {
    let folder = Folder::new("unreadable");
    let day = 86_400;
    let mut history = folder.history().unwrap();
    for n in 0..3 {
        history
            .add(&stops(n * 1000, 2), NOON.plus_secs(n * day))
            .unwrap();
    }
    drop(history);
    // Words that this version does not know.
    let second = day::path(&folder.0, "2026-11-23");
    let db = Connection::open(second).unwrap();
    db.execute("UPDATE operation SET operation = 'bake' WHERE id = 1", [])
        .unwrap();
    let until = NOON.plus_secs(2 * day);
    let recalled = recall(&folder.0, Time::MIN, until, &Limits::default(), 0).unwrap();
    assert_eq!(recalled.facts.operations.len(), 5);
    let told = "1 row of table operation left out: row 1 holds no operation that can be read";
    assert!(
        recalled.problems[0].ends_with(told),
        "{:?}",
        recalled.problems
    );
    // From its midnight to what the next file tells of.
    let lost = |gap: &Gap| gap.why == "lost" && gap.until == NOON.plus_secs(day);
    assert!(recalled.gaps.iter().any(lost), "{:?}", recalled.gaps);
}

#[test]
fn a_day_that_cannot_be_read_is_a_gap_and_the_others_are_read() {
    let folder = Folder::new("damaged day");
    let day = 86_400;
    let mut history = folder.history().unwrap();
    for n in 0..3 {
        history
            .add(&stops(n * 1000, 2), NOON.plus_secs(n * day))
            .unwrap();
    }
    drop(history);
    fs::write(day::path(&folder.0, "2026-11-23"), [b'x'; 8192]).unwrap();
    let until = NOON.plus_secs(2 * day);
    let recalled = recall(&folder.0, Time::MIN, until, &Limits::default(), 0).unwrap();
    assert_eq!(recalled.facts.operations.len(), 4);
    assert!(
        recalled.problems[0].contains("is damaged"),
        "{:?}",
        recalled.problems
    );
    let lost = |gap: &Gap| gap.why == "lost" && gap.until == NOON.plus_secs(day);
    assert!(recalled.gaps.iter().any(lost), "{:?}", recalled.gaps);
}

/// Tells every half minute from one time to another, as a run does, and writes at the end.
fn watch_on(history: &mut History, from: Time, until: Time) -> Written {
    let mut now = from;
    while now < until {
        history.tell(Facts::default(), now);
        now = now.plus_secs(30);
    }
    history.write(until).unwrap()
}

#[test]
fn a_clock_that_jumps_ahead_is_not_believed_at_once_when_days_are_deleted_for_their_age() {
    let folder = Folder::new("jump");
    let options = Options {
        days: Some(30),
        ..Options::new("Harborview")
    };
    let day = 86_400;
    let mut history = History::open(&folder.0, options.clone(), NOON).unwrap();
    history.add(&stops(0, 3), NOON).unwrap();
    let ahead = NOON.plus_secs(3650 * day);
    let told = watch_on(&mut history, ahead, ahead.plus_secs(3600));
    assert_eq!((told.notes.len(), folder.stops()), (0, 3));
    // Nor does a new start believe it, as on a machine whose clock runs empty.
    drop(history);
    let mut history = History::open(&folder.0, options.clone(), ahead.plus_secs(5 * day)).unwrap();
    let later = ahead.plus_secs(5 * day);
    assert_eq!(
        watch_on(&mut history, later, later.plus_secs(3600))
            .notes
            .len(),
        0
    );
    // Set right again, all is as it was.
    history.add(&stops(10, 2), NOON.plus_secs(3600)).unwrap();
    assert_eq!(folder.stops(), 5);
    // A clock that goes on from there for a day is right.
    let told = watch_on(&mut history, later, later.plus_secs(day + 60));
    let deleted = told.notes.iter().filter(|note| note.contains("2026-11-22"));
    assert_eq!((deleted.count(), folder.stops()), (1, 0), "{told:?}");
}

#[test]
fn a_capture_is_noted_as_read_with_its_facts_or_not_at_all() {
    let folder = Folder::new("read");
    let file = |frames| ReadFile {
        path: "/srv/span.pcap".to_owned(),
        bytes: 10 * frames,
        changed: NOON,
        frames,
        first: Some(NOON),
    };
    let mut history = folder.history().unwrap();
    history.tell(stops(0, 3), NOON);
    history.tell_read([file(3)]);
    assert_eq!(history.files_read().unwrap(), [file(3)]);
    // Killed before it was written: neither is there.
    drop(history);
    let mut history = folder.history().unwrap();
    assert_eq!((history.files_read().unwrap(), folder.stops()), (vec![], 0));
    history.tell(stops(0, 3), NOON);
    history.tell_read([file(3)]);
    // A file that cannot be written keeps both back.
    let lock = Connection::open(folder.today()).unwrap();
    lock.execute_batch("BEGIN EXCLUSIVE").unwrap();
    history.write(NOON).unwrap_err();
    drop(lock);
    history.write(NOON).unwrap();
    // Killed right after: both are. The next day, the file has grown.
    drop(history);
    let tomorrow = NOON.plus_secs(86_400);
    let mut history = History::open(&folder.0, Options::new("Harborview"), tomorrow).unwrap();
    assert_eq!(
        (history.files_read().unwrap(), folder.stops()),
        (vec![file(3)], 3)
    );
    history.tell(stops(3, 2), tomorrow);
    history.tell_read([file(5)]);
    history.write(tomorrow).unwrap();
    assert_eq!(
        (history.files_read().unwrap(), folder.stops()),
        (vec![file(5)], 5)
    );
}

#[test]
fn a_file_of_before_the_first_frame_was_noted_is_read_and_brought_up() {
    let folder = Folder::new("read-before");
    let mut history = folder.history().unwrap();
    let file = |first| ReadFile {
        path: "/srv/span.pcap".to_owned(),
        bytes: 30,
        changed: NOON,
        frames: 3,
        first,
    };
    history.tell_read([file(Some(NOON))]);
    history.write(NOON).unwrap();
    drop(history);
    let before = Connection::open(folder.today()).unwrap();
    let older = "ALTER TABLE read_file DROP COLUMN first";
    before.execute_batch(older).unwrap();
    drop(before);
    let past = day::Past::open(&folder.today()).unwrap();
    assert_eq!(past.read_files().unwrap(), [file(None)], "as it is");
    let mut history = folder.history().unwrap();
    assert_eq!(history.files_read().unwrap(), [file(None)]);
    history.tell_read([file(Some(NOON))]);
    history.write(NOON).unwrap();
    assert_eq!(history.files_read().unwrap(), [file(Some(NOON))]);
}

#[test]
fn gaps_are_known_anew_when_a_file_of_an_earlier_day_changes_or_goes() {
    let folder = Folder::new("looked");
    let mut history = folder.history().unwrap();
    history.add(&Facts::default(), NOON).unwrap();
    let yesterday = NOON.plus_secs(-86_400);
    let mut before = Day::open(&folder.0, &day::of(yesterday), "Harborview").unwrap();
    let mut gap_from = |history: &mut History, last: Option<Time>| {
        if let Some(last) = last {
            let watch = Watch {
                begin: yesterday,
                last,
                end: End::Stopped,
            };
            before
                .add(&Facts::default(), &[], &[watch], "Harborview")
                .unwrap();
        }
        let gaps = history.gaps(Time::MIN, NOON).unwrap();
        gaps.iter().map(|gap| gap.from).collect::<Vec<_>>()
    };
    let hour = yesterday.plus_secs(3600);
    assert_eq!(gap_from(&mut history, Some(hour)), [hour]);
    assert_eq!(history.looked.len(), 2);
    let two = yesterday.plus_secs(7200);
    assert_eq!(gap_from(&mut history, Some(two)), [two]);
    assert_eq!(gap_from(&mut history, None), [two]);
    fs::remove_file(day::path(&folder.0, &day::of(yesterday))).unwrap();
    assert_eq!(gap_from(&mut history, None), []);
    assert_eq!(history.looked.len(), 1);
}

#[test]
fn what_was_seen_and_not_told_before_a_crash_is_in_the_gap() {
    let folder = Folder::new("untold");
    let mut history = folder.history().unwrap();
    history.tell_until(Facts::default(), NOON.plus_secs(5), NOON.plus_secs(4));
    history.write(NOON.plus_secs(5)).unwrap();
    drop(history);
    let again = NOON.plus_secs(9);
    let mut history = History::open(&folder.0, Options::new("Harborview"), again).unwrap();
    let gap = Gap {
        from: NOON.plus_secs(4),
        until: again,
        why: "ended",
    };
    assert_eq!(history.gaps(NOON, again).unwrap(), [gap]);
}
