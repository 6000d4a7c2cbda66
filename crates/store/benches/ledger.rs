//! How long a large ledger takes: `cargo bench -p store --bench ledger [ENTRIES]`, one million if not said.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a bench measures, and may fail loudly"
)]

use std::path::Path;
use std::time::Instant;

use facts::site::Site;
use facts::{Facts, Time};
use serde_json::json;
use store::ledger::{Content, Ledger, New, Stamp, verify};
use store::{Records, Snapshot};

/// Entries of one write.
const BATCH: u64 = 100_000;

fn main() {
    let words = std::env::args().skip(1);
    let entries: u64 = words
        .filter_map(|word| word.parse().ok())
        .next()
        .unwrap_or(1_000_000);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ledger-bench");
    std::fs::remove_dir_all(&folder).ok();
    let mut ledger = Ledger::open(&folder).unwrap();
    let timed =
        |what: &str, begin: Instant| println!("{what}: {:.2} s", begin.elapsed().as_secs_f64());
    let begin = Instant::now();
    for first in (0..entries).step_by(usize::try_from(BATCH).unwrap()) {
        let records: Vec<New> = (first..entries.min(first + BATCH))
            .map(door_event)
            .collect();
        let stamp = Stamp {
            by: "bench",
            means: "csv:doors.csv",
            now: Time::from_secs(1_790_000_000 + i64::try_from(first).unwrap()),
        };
        ledger.append(&records, &stamp).unwrap();
    }
    timed("append, in writes of 100,000", begin);
    println!(
        "{entries} entries, {} bytes each",
        ledger.text().len() as u64 / entries.max(1)
    );
    drop(ledger);
    let begin = Instant::now();
    let ledger = Ledger::open(&folder).unwrap();
    timed("open, chain checked", begin);
    let begin = Instant::now();
    let known = ledger.as_of(Time::MAX, None).len();
    timed(&format!("as_of, {known} records"), begin);
    let begin = Instant::now();
    let then = Time::from_secs(1_900_000_000);
    let records = Records::of(&ledger, then, then);
    let (facts, site) = (Facts::default(), Site::default());
    let snapshot = Snapshot::with_records(&facts, &site, records, then).unwrap();
    timed("every record as a row", begin);
    drop(snapshot);
    drop(ledger);
    let begin = Instant::now();
    assert!(verify(&folder, None).unwrap().is_sound());
    timed("verify", begin);
    std::fs::remove_dir_all(&folder).unwrap();
}

/// A record as large as most, of which every fifth is told again.
fn door_event(number: u64) -> New {
    let body = json!({
        "badge": format!("B-{}", number % 500),
        "happened": Time::from_secs(1_780_000_000 + i64::try_from(number).unwrap()).to_string(),
        "person": format!("person-{}", number % 300),
        "source": "badge system",
        "target": format!("cabinet-{}", number % 2000),
        "what": "opened",
    });
    New {
        kind: "door-event".to_owned(),
        id: format!("door-{}", number - number % 5 / 4),
        content: Content::Body(body.as_object().unwrap().clone()),
        valid_from: None,
        valid_until: None,
        attachments: Vec::new(),
    }
}
