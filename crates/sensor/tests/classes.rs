//! Every frame has a class, by its content or by the number in its header; a port alone is none. Held against the real captures.
use std::fs;
use std::path::Path;

use facts::Facts;
use sensor::Captures;

/// Of a hundred frames of Ethernet captures, so many have a class.
const OF_A_HUNDRED: u64 = 99;

/// Frames with a class, and all.
fn classified(facts: &Facts) -> (u64, u64) {
    let rows = facts.coverage.iter().filter(|row| row.what == "classified");
    rows.fold((0, 0), |(good, total), row| {
        (good + row.good, total + row.total)
    })
}

#[test]
fn of_a_hundred_frames_of_real_ethernet_ninety_nine_have_a_class() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures");
    let Ok(index) = fs::read_to_string(folder.join("INDEX.tsv")) else {
        println!("skipped: no captures");
        return;
    };
    let (mut good, mut total, mut worst) = (0, 0, Vec::new());
    for name in index
        .lines()
        .skip(1)
        .filter_map(|line| line.split('\t').next())
    {
        let Ok(captures) = Captures::open(&[folder.join(name)]) else {
            continue;
        };
        let facts = sensor::observe(&captures, 1, 0, &|_, _| {}).unwrap();
        let ethernet = |links: &[String]| links.iter().all(|link| link == "Ethernet");
        if !facts.files.iter().all(|file| ethernet(&file.links)) {
            continue;
        }
        let (known, all) = classified(&facts);
        assert!(known <= all, "{name}");
        worst.push((all - known, all, name.to_owned()));
        (good, total) = (good + known, total + all);
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
}
