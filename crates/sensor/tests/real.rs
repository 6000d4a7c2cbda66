//! The real captures beside the project: each is read to its end with as many frames as the index says.
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use sensor::{Capture, Captures};

/// Captures that are damaged or hold what is not decoded, with the problems that must be told.
const TROUBLED: &[(&str, &[&str])] = &[];

#[test]
fn every_real_capture_has_the_frames_that_the_index_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures");
    let Ok(index) = fs::read_to_string(folder.join("INDEX.tsv")) else {
        println!("skipped: no captures");
        return;
    };
    let mut wrong = Vec::new();
    let mut troubled = BTreeMap::new();
    let mut files = 0;
    for line in index.lines().skip(1) {
        let mut columns = line.split('\t');
        let (Some(file), Some(_), Some(packets)) = (columns.next(), columns.next(), columns.next())
        else {
            continue;
        };
        let capture = match Capture::open(folder.join(file)) {
            Ok(capture) => capture,
            Err(error) => {
                wrong.push(error.to_string());
                continue;
            }
        };
        files += 1;
        let mut frames = capture.frames(0).unwrap();
        let mut handed_out = 0;
        while let Some(frame) = frames.next() {
            handed_out += 1;
            assert_eq!(frame.number, handed_out, "{file}");
        }
        let summary = frames.summary();
        if packets != summary.packets.to_string() {
            wrong.push(format!(
                "{file}: {packets} in the index, {} read",
                summary.packets
            ));
        }
        if !summary.problems.is_empty() {
            troubled.insert(file.to_owned(), summary.problems);
        }
    }
    println!("{files} captures");
    assert_eq!(wrong, Vec::<String>::new());
    let expect: BTreeMap<String, Vec<String>> = TROUBLED
        .iter()
        .map(|(file, problems)| {
            (
                (*file).to_owned(),
                problems.iter().map(|p| (*p).to_owned()).collect(),
            )
        })
        .collect();
    assert_eq!(troubled, expect);
}

#[test]
fn a_walk_over_all_of_them_is_in_time_order_but_for_clocks_set_back() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures");
    if !folder.join("INDEX.tsv").exists() {
        println!("skipped: no captures");
        return;
    }
    let captures = Captures::open(&[folder]).unwrap();
    let mut walk = captures.walk();
    // Time may go back only within one capture.
    let mut latest = BTreeMap::new();
    let mut frames = 0u64;
    while let Some(frame) = walk.next() {
        latest.insert(frame.capture, frame.time);
        frames += 1;
    }
    assert_eq!(walk.position().0, walk.position().1);
    let summaries = walk.summaries();
    assert_eq!(
        summaries.iter().map(|summary| summary.packets).sum::<u64>(),
        frames
    );
    assert_eq!(
        latest.len(),
        summaries
            .iter()
            .filter(|summary| summary.packets > 0)
            .count()
    );
}
