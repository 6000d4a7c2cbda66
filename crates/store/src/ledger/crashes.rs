//! What a ledger is after the power failed, or the disk was full, at any step of any write.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests may fail loudly"
)]
use std::path::{Path, PathBuf};

use serde_json::json;

use super::power::{self, Failure, What};
use super::*;

/// Writes, each of which fails before it is made.
const WRITES: usize = 10_000;
/// Steps of a write.
const STEPS: usize = 11;
/// Steps of a write that mends what one before it left.
const MENDING: usize = 19;
/// After so many writes each step has failed after each failure of a step, of either kind.
const ALL: usize = 6 * STEPS * MENDING;

fn folder(name: &str) -> PathBuf {
    let name = format!("seawall-{name}-{}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    std::fs::remove_dir_all(&folder).ok();
    folder
}

fn stamp(write: usize) -> Stamp<'static> {
    Stamp {
        by: "tester",
        means: "cli",
        now: Time::from_secs(1_790_000_000 + i64::try_from(write).unwrap()),
    }
}

/// A write of one to three records, of lengths of their own.
fn records(write: usize) -> Vec<New> {
    let one = |number: usize| {
        let note = "é".repeat((write * 7 + number) % 90);
        let Value::Object(body) = json!({ "note": note, "of": write }) else {
            panic!("an object");
        };
        New {
            kind: "visit".to_owned(),
            id: format!("V-{write}-{number}"),
            content: Content::Body(body),
            valid_from: None,
            valid_until: None,
            attachments: Vec::new(),
        }
    };
    (0..1 + write % 3).map(one).collect()
}

fn entries_of(writes: usize) -> usize {
    (0..writes).map(|write| 1 + write % 3).sum()
}

/// The ends of torn writes that were set aside, which are taken away.
fn set_aside(folder: &Path) -> Vec<Vec<u8>> {
    let files = std::fs::read_dir(folder).unwrap().flatten();
    let torn = files.filter(|file| {
        file.file_name()
            .to_string_lossy()
            .starts_with("ledger.torn-")
    });
    torn.map(|file| {
        let bytes = std::fs::read(file.path()).unwrap();
        std::fs::remove_file(file.path()).unwrap();
        bytes
    })
    .collect()
}

/// What whoever reads the ledger now finds: all of the writes that were acknowledged, of the next all or nothing.
fn whole(folder: &Path, acknowledged: usize) {
    let ledger = Ledger::open(folder).unwrap();
    let report = verify(folder, None).unwrap();
    assert!(report.is_sound() || ledger.is_empty(), "{report}");
    let (all, next) = (entries_of(acknowledged), entries_of(acknowledged + 1));
    assert!(
        [all, next].contains(&ledger.len()),
        "{acknowledged}: {}",
        ledger.len()
    );
    let mut found = ledger.entries();
    for record in (0..=acknowledged).flat_map(records).take(ledger.len()) {
        let entry = found.next().unwrap();
        let Content::Body(body) = record.content else {
            panic!("a body");
        };
        assert_eq!(
            (entry.id, entry.body()),
            (record.id.as_str(), Some(Value::Object(body)))
        );
    }
}

#[test]
fn failures_at_each_step_of_ten_thousand_writes_lose_nothing_and_leave_nothing_half() {
    let folder = folder("crashes");
    let mut ledger = Ledger::open(&folder).unwrap();
    let mut failures = [0; MENDING];
    for write in 0..WRITES {
        let before = ledger.text().len();
        let new = records(write);
        // One failure, and in the first writes another while it is mended.
        let mending = (write < ALL).then_some(write / STEPS % MENDING);
        for step in std::iter::once(write % STEPS).chain(mending) {
            let failure = Failure {
                after: u32::try_from(step).unwrap(),
                what: match write % 3 {
                    2 => What::DiskFull,
                    _ => What::Power,
                },
                part: (write * 131 + step * 37) % 1001,
                zeros: write % 5 == 4,
                loses: write % 2 == 1,
            };
            let done = power::with(failure, || ledger.append(&new, &stamp(write)));
            match done {
                Ok(written) => assert!(written.entries.is_some() || written.unchanged == new.len()),
                Err(_) => failures[step] += 1,
            }
            if write < 3 * STEPS || write % 1000 == 999 {
                whole(&folder, write);
            }
        }
        let never = Failure {
            after: u32::MAX,
            what: What::Power,
            part: 0,
            zeros: false,
            loses: false,
        };
        power::with(never, || ledger.append(&new, &stamp(write))).unwrap();
        assert_eq!(ledger.len(), entries_of(write + 1));
        let lines = ledger.text().get(before..).unwrap();
        for torn in set_aside(&folder) {
            let is_part = lines.starts_with(&torn) || torn.iter().all(|byte| *byte == 0);
            assert!(is_part, "{}", String::from_utf8_lossy(&torn));
        }
    }
    whole(&folder, WRITES - 1);
    assert!(failures.iter().all(|count| *count > 0), "{failures:?}");
    std::fs::remove_dir_all(&folder).unwrap();
}
