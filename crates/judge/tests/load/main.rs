//! A large terminal: a million conversations and ten thousand assets are judged in seconds, and so are a million records.
//!
//! Not part of the everyday run, since it takes a while to make the facts:
//! `cargo test -p judge --release --test load -- --ignored --nocapture --test-threads 1`. The digest that it prints is that of
//! all verdicts with their reasons and evidence: what makes judging faster leaves it as it is.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail loudly"
)]
#![allow(clippy::disallowed_methods, reason = "measures how long judging takes")]
mod records;
mod terminal;

use std::path::Path;
use std::time::Instant;

use facts::kinds::Conversation;
use facts::lists::Lists;
use facts::{Facts, Value};
use judge::{Catalogue, Editions, Page, built_in};
use sha2::{Digest, Sha256};
use store::ledger::{Ledger, Stamp, verify};
use store::{Kept, Limits, Memory, Records, Snapshot};

const CONVERSATIONS: u32 = 1_000_000;
/// As many as a running sensor remembers by itself.
const REMEMBERED: u32 = 260_000;

/// Seconds of processor time that this process has used: other programs do not disturb it.
fn used() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks.filter_map(|n| n.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let (wall, cpu) = (Instant::now(), used());
    let done = work();
    println!(
        "{what:9} {:6.2} s, of the processor {:5.2} s",
        wall.elapsed().as_secs_f64(),
        used() - cpu
    );
    done
}

/// Most memory so far, and now.
fn memory_used(when: &str) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kilobytes.unwrap_or(0) / 1000
    };
    println!("{when:9} {} MB, at most {} MB", of("VmRSS:"), of("VmHWM:"));
}

#[test]
#[ignore = "takes minutes without --release"]
fn a_million_conversations_are_judged_in_seconds() {
    let (mut facts, site) = (terminal::facts(CONVERSATIONS), terminal::site());
    assert!(facts.addresses.len() >= 10_000);
    let lists = Lists::builtin();
    let pages = built_in().unwrap();
    memory_used("facts");
    let mut digest = Sha256::new();
    timed("all", || {
        timed("fold", || store::fold(&mut facts, &site, &lists));
        let snapshot = timed("snapshot", || {
            judge::snapshot(
                &facts,
                &site,
                store::Records::NONE,
                terminal::as_of(),
                &pages,
            )
            .unwrap()
        });
        timed("pages", || judge_all(&snapshot, &mut digest));
        timed("at once", || judge_at_once(&snapshot));
        drop(snapshot);
    });
    memory_used("judged");
    tell(digest);
}

/// As a command judges: side by side, where there are several cores.
fn judge_at_once(snapshot: &Snapshot) -> judge::Assessment {
    let pages = pages();
    let (editions, catalogue) = (Editions::built_in(), Catalogue::built_in());
    judge::assess(
        snapshot,
        &pages,
        &editions.unwrap(),
        &catalogue.unwrap(),
        None,
    )
    .unwrap()
}

/// A page that reads conversations has a million rows made for it. What pages want to know of them is gathered in one walk:
/// the tables `flow` and `log_sent`.
#[test]
fn no_page_reads_the_conversations_one_by_one() {
    let text = "[terminal]\nname = \"Small\"\ntime_zone = \"UTC\"\n".to_owned();
    let site = facts::site::read(&[("site.toml".to_owned(), text)], &[]).unwrap();
    let facts = Facts {
        conversations: vec![Conversation::default()],
        ..Facts::default()
    };
    let pages = built_in().unwrap();
    let (records, then) = (Records::NONE, terminal::as_of());
    let snapshot = judge::snapshot(&facts, &site, records, then, &pages).unwrap();
    let count = |table: &str| {
        let count = snapshot.query(&format!("SELECT COUNT(*) FROM {table}"));
        count.unwrap().rows
    };
    assert_eq!(count("flow"), [[Value::Int(1)]]);
    assert_eq!(count("conversation"), [[Value::Int(0)]]);
}

/// The pages; those of the folder that `SEAWALL_MEASURES` names in the place of the built-in ones, so that what a page asks can be
/// tried without building it in.
fn pages() -> Vec<Page> {
    let mut pages = built_in().unwrap();
    if let Ok(folder) = std::env::var("SEAWALL_MEASURES") {
        for page in &mut pages {
            let name = page
                .file
                .rsplit_once("measures/")
                .map_or("", |(_, name)| name);
            let text = std::fs::read_to_string(Path::new(&folder).join(name)).unwrap();
            *page = Page::parse(&page.file, &text).unwrap();
        }
    }
    pages
}

/// Judges page by page, and adds what each says to the digest.
fn judge_all(snapshot: &Snapshot, digest: &mut Sha256) {
    let pages = pages();
    let (editions, catalogue) = (
        Editions::built_in().unwrap(),
        Catalogue::built_in().unwrap(),
    );
    for page in pages.chunks(1) {
        let id = page.iter().map(|page| page.id.as_str()).collect::<String>();
        let judged = timed(&id, || {
            judge::assess(snapshot, page, &editions, &catalogue, None).unwrap()
        });
        let measure = judged.measures.first().unwrap();
        let told = format!("{measure:?}");
        let own = Sha256::digest(&told);
        println!(
            "{:9} {} [{:02x}{:02x}]",
            "", measure.summary, own[0], own[1]
        );
        digest.update(told);
    }
}

fn tell(digest: Sha256) -> String {
    let digest: Vec<String> = digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    println!("digest    {}", digest.concat());
    digest.concat()
}

/// The ledger is left in the build folder for the next time. `SEAWALL_RECORDS=50000` makes it a smaller one: to hold what pages
/// say before and after a change against each other, also where one of them takes minutes for a million. `SEAWALL_ROUNDS=1` ends it behind the
/// first judgement.
#[test]
#[ignore = "takes minutes without --release"]
fn a_million_records_of_five_years_are_judged_in_seconds() {
    let count = std::env::var("SEAWALL_RECORDS").ok();
    let count = count.map_or(1_000_000, |count| count.parse().unwrap());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("five-years-{count}"));
    let mut ledger = Ledger::open(&folder).unwrap();
    if ledger.is_empty() {
        timed("recorded", || {
            for month in 0..records::MONTHS {
                let (new, now) = records::month(month, count);
                let stamp = Stamp {
                    by: "ada",
                    means: "csv:records.csv",
                    now,
                };
                ledger.append(&new, &stamp).unwrap();
            }
        });
    }
    drop(ledger);
    memory_used("before");
    let ledger = timed("opened", || Ledger::open(&folder).unwrap());
    memory_used("opened");
    println!(
        "{} entries, {} bytes each",
        ledger.len(),
        ledger.text().len() / ledger.len()
    );
    let (mut facts, site) = (terminal::facts(10_000), terminal::site());
    store::fold(&mut facts, &site, &Lists::builtin());
    let pages = pages();
    let (kept, mut told) = (Kept::default(), Vec::new());
    let rounds = std::env::var("SEAWALL_ROUNDS").map_or(3, |count| count.parse().unwrap());
    for round in ["anew", "kept", "again"].into_iter().take(rounds) {
        // What is judged at once is judged a second time: each by itself tells which page takes how long.
        println!("--- {round}");
        let mut digest = Sha256::new();
        timed("all", || {
            let then = terminal::as_of();
            let mut records = Records::of(&ledger, then, then);
            if round != "anew" {
                records = records.kept_in(&kept);
            }
            timed("bodies", || {
                records.bodies(&["work-order", "conduit"]).count()
            });
            let snapshot = timed("snapshot", || {
                judge::snapshot(&facts, &site, records, then, &pages).unwrap()
            });
            timed("pages", || judge_all(&snapshot, &mut digest));
            let together = timed("at once", || judge_at_once(&snapshot));
            let mut alike = Sha256::new();
            for measure in &together.measures {
                alike.update(format!("{measure:?}"));
            }
            assert_eq!(alike.finalize(), digest.clone().finalize());
        });
        memory_used("judged");
        told.push(tell(digest));
    }
    assert!(told.windows(2).all(|two| two[0] == two[1]));
    if std::env::var("SEAWALL_ROUNDS").is_ok() {
        return;
    }
    drop(ledger);
    let report = timed("verified", || verify(&folder, None).unwrap());
    assert!(report.is_sound(), "{report}");
}

#[test]
#[ignore = "takes minutes without --release"]
fn what_a_running_sensor_remembers_is_judged_again_and_again() {
    let site = terminal::site();
    let mut memory = Memory::new(&Limits::default());
    let facts = terminal::facts(REMEMBERED);
    timed("absorb", || memory.absorb(facts));
    let lists = Lists::builtin();
    let pages = built_in().unwrap();
    let (editions, catalogue) = (
        Editions::built_in().unwrap(),
        Catalogue::built_in().unwrap(),
    );
    for _ in 0..3 {
        memory_used("told");
        timed("copied", || drop(memory.facts()));
        timed("lent", || memory.lend(|_| ()));
        let judged = timed("judged", || {
            memory.lend(|facts| {
                store::fold(facts, &site, &lists);
                let snapshot = judge::snapshot(
                    facts,
                    &site,
                    store::Records::NONE,
                    terminal::as_of(),
                    &pages,
                )
                .unwrap();
                judge::assess(&snapshot, &pages, &editions, &catalogue, None).unwrap()
            })
        });
        assert!(judged.measures.len() == pages.len());
    }
    memory_used("judged");
}
