//! What the real captures show of each protocol: every frame has a class, by its content or by the number in its header (a
//! port alone is none), and `docs/tried.tsv` holds for each protocol on how much of them it was tried. `UPDATE=1`
//! rewrites that file, from which the reference of protocols is made.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use facts::Facts;
use sensor::Captures;
use wire::protocols;

/// Of a hundred frames of Ethernet captures, so many have a class.
const OF_A_HUNDRED: u64 = 99;

/// Frames with a class, and all.
fn classified(facts: &Facts) -> (u64, u64) {
    let rows = facts.coverage.iter().filter(|row| row.what == "classified");
    rows.fold((0, 0), |(good, total), row| {
        (good + row.good, total + row.total)
    })
}

/// What was seen of a protocol in all captures.
#[derive(Default)]
struct Tried {
    captures: u64,
    frames: u64,
    operations: u64,
    /// By name, without the protocol's.
    oddities: BTreeMap<String, u64>,
}

/// By protocol, in the order of the names.
type AllTried = BTreeMap<&'static str, Tried>;

/// Adds what one capture shows.
fn add(tried: &mut AllTried, facts: &Facts) {
    let mut here = AllTried::new();
    let read = |name: &str| protocols::by_name(name).map(|decoder| decoder.name);
    for row in &facts.conversations {
        if let Some(name) = row.protocol.as_deref().and_then(read) {
            let one = here.entry(name).or_default();
            one.frames += row.packets_out + row.packets_in;
        }
    }
    for row in &facts.operations {
        if let Some(name) = read(&row.protocol) {
            here.entry(name).or_default().operations += row.count;
        }
    }
    for row in &facts.oddities {
        let (area, what) = row.what.split_once('.').unwrap();
        // What the engine could not read says in its detail whose it was.
        let area = match row.detail.as_deref().and_then(|one| one.split_once(':')) {
            Some((name, _)) if area == "protocol" => name,
            _ => area,
        };
        if let Some(name) = read(area) {
            let oddities = &mut here.entry(name).or_default().oddities;
            *oddities.entry(what.replace('_', " ")).or_default() += row.count;
        }
    }
    for (name, one) in here {
        let all = tried.entry(name).or_default();
        all.captures += 1;
        all.frames += one.frames;
        all.operations += one.operations;
        for (what, count) in one.oddities {
            *all.oddities.entry(what).or_default() += count;
        }
    }
}

fn sheet(tried: &AllTried) -> String {
    let mut sheet = String::from("protocol\tcaptures\tframes\toperations\toddities\n");
    for (name, one) in tried {
        let oddities = one.oddities.iter();
        let oddities: Vec<String> = oddities
            .map(|(what, count)| format!("{what} {count}"))
            .collect();
        writeln!(
            sheet,
            "{name}\t{}\t{}\t{}\t{}",
            one.captures,
            one.frames,
            one.operations,
            oddities.join(", ")
        )
        .unwrap();
    }
    sheet
}

/// The facts of each capture of the index, in its order; nothing where there are no captures.
fn seen(mut each: impl FnMut(&str, Facts)) -> bool {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures");
    let Ok(index) = fs::read_to_string(folder.join("INDEX.tsv")) else {
        println!("skipped: no captures");
        return false;
    };
    let names = index.lines().skip(1);
    for name in names.filter_map(|line| line.split('\t').next()) {
        if let Ok(captures) = Captures::open(&[folder.join(name)]) {
            let facts = sensor::observe(&captures, 1, 0, &|_, _| {}).unwrap();
            each(name, facts);
        }
    }
    true
}

#[test]
fn of_a_hundred_frames_of_real_ethernet_ninety_nine_have_a_class_and_the_figures_of_each_protocol_are_current()
 {
    let (mut good, mut total, mut worst) = (0, 0, Vec::new());
    let mut tried = AllTried::new();
    let there = seen(|name, facts| {
        add(&mut tried, &facts);
        let ethernet = |links: &[String]| links.iter().all(|link| link == "Ethernet");
        if facts.files.iter().all(|file| ethernet(&file.links)) {
            let (known, all) = classified(&facts);
            assert!(known <= all, "{name}");
            worst.push((all - known, all, name.to_owned()));
            (good, total) = (good + known, total + all);
        }
    });
    if !there {
        return;
    }
    worst.sort();
    let worst: Vec<String> = (worst.iter().rev().take(8))
        .map(|(without, all, name)| format!("{without} of {all} without a class: {name}"))
        .collect();
    println!(
        "{good} of {total} frames have a class\n{}",
        worst.join("\n")
    );
    assert!(total > 0, "the index names no capture that is here");
    assert!(
        good * 100 >= total * OF_A_HUNDRED,
        "{good} of {total} frames have a class\n{}",
        worst.join("\n")
    );
    current(&sheet(&tried));
}

fn current(made: &str) {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/tried.tsv");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, made).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    let changed = made
        .lines()
        .filter(|line| !kept.lines().any(|one| one == *line));
    let changed: Vec<&str> = changed.take(8).collect();
    assert!(
        kept == made,
        "docs/tried.tsv is not what the captures give; run `cargo xtask tried` and read the diff\n{}",
        changed.join("\n")
    );
}
