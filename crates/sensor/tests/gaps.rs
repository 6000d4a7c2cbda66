//! Real control traffic seen badly: each capture in which something is done to a controller, with frames lost, out of order
//! and twice. What was asked in frames that are there is still found, and nothing is told that was not asked.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail loudly"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use facts::kinds::Operation;
use facts::{Evidence, Facts};
use lab::net::bytes::Dice;
use sensor::Captures;
use wire::{Frame, Limits, Link, Shard, Worker};

/// A frame of a capture, with the number that it has there.
struct Kept {
    link: Link,
    time: facts::Time,
    data: Vec<u8>,
    wire_len: u32,
    number: u32,
}

fn frames(path: &Path) -> Vec<Kept> {
    let captures = Captures::open(&[path.to_owned()]).unwrap();
    let mut walk = captures.walk();
    let mut frames = Vec::new();
    while let Some(frame) = walk.next() {
        frames.push(Kept {
            link: frame.link,
            time: frame.time,
            data: frame.data.to_vec(),
            wire_len: frame.wire_len,
            number: frame.number,
        });
    }
    frames
}

fn read<'a>(frames: impl Iterator<Item = &'a Kept>) -> Facts {
    let mut worker = Worker::new(Shard::default(), Limits::default());
    for kept in frames {
        worker.frame(&Frame {
            link: kept.link,
            time: kept.time,
            data: &kept.data,
            wire_len: kept.wire_len,
            capture: 0,
            number: kept.number,
        });
    }
    worker.finish().into_facts(vec!["real.pcap".to_owned()])
}

/// Who did what to whom, in which protocol.
type Act = (String, &'static str, String, String);

fn act(row: &Operation) -> Act {
    // What kind of asking it was may depend on the object, which the answer alone does not name.
    let verb = match row.operation.name() {
        "read" | "diagnose" | "identify" => "ask",
        verb => verb,
    };
    (
        row.protocol.clone(),
        verb,
        row.source.to_string(),
        row.target.to_string(),
    )
}

/// What a capture tells of operations.
#[derive(Default)]
struct Told {
    /// How often each was done, whatever to.
    acts: BTreeMap<Act, u64>,
    objects: BTreeSet<(Act, String)>,
    hashes: BTreeSet<(Act, String)>,
}

impl Told {
    fn of(facts: &Facts) -> Told {
        let mut told = Told::default();
        for row in &facts.operations {
            let act = act(row);
            *told.acts.entry(act.clone()).or_default() += row.count;
            let hash = row.content_sha256.iter().cloned();
            told.hashes.extend(hash.map(|hash| (act.clone(), hash)));
            told.objects.insert((act, object(row)));
        }
        told
    }
}

fn object(row: &Operation) -> String {
    row.object.clone().unwrap_or_default()
}

/// Each operation with how often it was done and, if `outcome`, how it ended.
fn rows(facts: &Facts, outcome: bool) -> BTreeMap<String, u64> {
    let mut rows = BTreeMap::new();
    for row in &facts.operations {
        let ended = outcome.then_some(row.outcome);
        let (object, hash) = (&row.object, &row.content_sha256);
        let key = format!("{:?} {object:?} {hash:?} {ended:?}", act(row));
        *rows.entry(key).or_default() += row.count;
    }
    rows
}

/// Objects that have another name where the frame that would have told it was lost: protocol, how the name begins, why.
const CALLED_OTHERWISE: &[(&str, &str, &str)] = &[
    (
        "dnp3",
        "outstation 4 file handle",
        "a file whose opening was lost is known by its handle",
    ),
    (
        "s7comm-plus",
        "PLC program",
        "of a block that was not seen whole no more is known",
    ),
];

/// Captures that tell of more with frames lost: protocol, verb, why.
const COUNTED_OTHERWISE: &[(&str, &str, &str, &str)] = &[(
    "arkime__arkime__s7comm_synthetic.pcap",
    "s7comm",
    "write",
    "it holds an answer without a request: that is odd, but after a loss it is the answer to what was lost",
)];

/// What is told of frames of which some were lost, and is not so.
fn invented(capture: &str, whole: &Told, seen: &Facts) -> Vec<String> {
    let mut wrong = Vec::new();
    for (act, count) in &Told::of(seen).acts {
        let known = whole.acts.get(act).copied().unwrap_or(0);
        let excused = COUNTED_OTHERWISE
            .iter()
            .any(|(of, protocol, verb, _)| *of == capture && act.0 == *protocol && act.1 == *verb);
        if *count > known && !(excused && known > 0) {
            wrong.push(format!("{act:?} {count} times instead of {known}"));
        }
    }
    for row in &seen.operations {
        let (act, object) = (act(row), object(row));
        let called = CALLED_OTHERWISE
            .iter()
            .any(|(protocol, begin, _)| act.0 == *protocol && object.starts_with(begin));
        // Less may be known of an object, but nothing else.
        let mut known = whole.objects.iter();
        if !called && !known.any(|(of, known)| *of == act && known.starts_with(&object)) {
            wrong.push(format!("{act:?} to {object}"));
        }
        if let Some(hash) = &row.content_sha256
            && !whole.hashes.contains(&(act.clone(), hash.clone()))
        {
            wrong.push(format!("{act:?} of content {hash}"));
        }
    }
    wrong
}

/// Operations of which every frame is there and that were not found.
fn missed(whole: &Facts, seen: &Facts, there: &BTreeSet<u32>) -> (u64, Vec<String>) {
    let found = Told::of(seen).objects;
    let (mut intact, mut wrong) = (0, Vec::new());
    for row in &whole.operations {
        let frames = &row.evidence.frames;
        let shown = row.count == 1 && frames.len() < Evidence::MOST;
        if !shown || !frames.iter().all(|one| there.contains(one)) {
            continue;
        }
        intact += 1;
        if !found.contains(&(act(row), object(row))) {
            wrong.push(format!(
                "{:?} to {} in frames {frames:?}",
                act(row),
                object(row)
            ));
        }
    }
    (intact, wrong)
}

/// Captures of the index in which something is done to a controller, with their frames and what they show whole.
struct Capture {
    name: String,
    frames: Vec<Kept>,
    whole: Facts,
}

/// Protocols of offices and of the internet, whose operations are files and settings and not those of controllers.
const NOT_CONTROL: &[&str] = &["ftp", "http", "ntp", "ptp", "smb", "snmp", "tftp"];

impl Capture {
    fn open(path: &Path) -> Option<Capture> {
        let frames = frames(path);
        let whole = read(frames.iter());
        let control = |row: &Operation| !NOT_CONTROL.contains(&row.protocol.as_str());
        whole.operations.iter().any(control).then(|| Capture {
            name: path.file_name().unwrap().to_string_lossy().into_owned(),
            frames,
            whole,
        })
    }
}

/// Runs `check` over all of them on two threads: how much it looked at, and what it complained of.
fn over_all(check: impl Fn(&Capture) -> (u64, Vec<String>) + Sync) -> (u64, Vec<String>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures");
    let Ok(index) = fs::read_to_string(folder.join("INDEX.tsv")) else {
        println!("skipped: no captures");
        return (0, Vec::new());
    };
    let names = index.lines().skip(1);
    let paths: Vec<PathBuf> = names
        .filter_map(|line| Some(folder.join(line.split('\t').next()?)))
        .collect();
    let run = |odd: usize| {
        let mut all = (0, Vec::new());
        for path in paths.iter().skip(odd).step_by(2) {
            if let Some(capture) = Capture::open(path) {
                let (looked_at, wrong) = check(&capture);
                all.0 += looked_at;
                let named = wrong.iter().map(|one| format!("{}: {one}", capture.name));
                all.1.extend(named);
            }
        }
        all
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| run(1));
        let (mut looked_at, mut wrong) = run(0);
        let (more, others) = other.join().unwrap();
        looked_at += more;
        wrong.extend(others);
        (looked_at, wrong)
    })
}

#[test]
fn what_is_done_in_frames_that_are_there_is_found_and_nothing_else() {
    let (intact, wrong) = over_all(|capture| {
        let whole = Told::of(&capture.whole);
        let mut all = (0, Vec::new());
        for percent in [1, 5, 20] {
            let mut dice = Dice::new(percent);
            let kept = capture.frames.iter();
            let kept: Vec<&Kept> = kept.filter(|_| dice.below(100) >= percent).collect();
            let seen = read(kept.iter().copied());
            let there = kept.iter().map(|one| one.number).collect();
            let (intact, missed) = missed(&capture.whole, &seen, &there);
            all.0 += intact;
            let wrong = missed.iter().map(|one| format!("not found: {one}"));
            let wrong = wrong.chain(
                invented(&capture.name, &whole, &seen)
                    .into_iter()
                    .map(|one| format!("invented: {one}")),
            );
            all.1
                .extend(wrong.map(|one| format!("{percent} % lost, {one}")));
        }
        all
    });
    println!("{intact} operations in frames that are there");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Captures that tell otherwise out of order, and why.
const ORDER_MATTERS: &[(&str, &str)] = &[(
    "ITI__ICS-Security-Tools__wincc_s300_setup-alarm-read-write.pcapng",
    "lacks the confirmations between the messages: what the numbers of TCP say of the order is lost with them",
)];

/// What differs from the capture as it is.
fn differences(capture: &Capture, seen: &Facts, outcome: bool) -> Vec<String> {
    let (whole, seen) = (rows(&capture.whole, outcome), rows(seen, outcome));
    let keys: BTreeSet<&String> = whole.keys().chain(seen.keys()).collect();
    keys.into_iter()
        .filter(|key| whole.get(*key) != seen.get(*key))
        .map(|key| format!("{key} {:?} became {:?}", whole.get(key), seen.get(key)))
        .collect()
}

#[test]
fn frames_out_of_order_and_frames_seen_twice_tell_the_same() {
    let (operations, wrong) = over_all(|capture| {
        let mut dice = Dice::new(5);
        let mut order: Vec<&Kept> = capture.frames.iter().collect();
        for pair in order.chunks_mut(2) {
            if dice.below(5) == 0 {
                pair.reverse();
            }
        }
        // A datagram has no number: where the answer comes first, the question has none.
        let mut wrong = differences(capture, &read(order.into_iter()), false);
        if ORDER_MATTERS.iter().any(|(name, _)| *name == capture.name) {
            wrong = match wrong.len() {
                0 => vec!["tells the same out of order; take it off the list".to_owned()],
                _ => Vec::new(),
            };
        }
        let twice = capture.frames.iter().flat_map(|one| [one, one]);
        wrong.extend(differences(capture, &read(twice), true));
        (capture.whole.operations.len() as u64, wrong)
    });
    println!("{operations} operations");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
