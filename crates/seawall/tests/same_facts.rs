//! The facts do not hang on how they were read: on the number of workers, on how the captures are packed, on where one
//! file ends and the next begins.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests may fail loudly"
)]

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use lab::net::Format;
use lab::{Capture, Scenario, harborview, oddments};
use support::{folder, real_captures, seawall};

fn facts(arguments: &[&Path], workers: usize) -> String {
    let mut words: Vec<std::ffi::OsString> = vec!["facts".into(), "--sha256".into()];
    words.extend(arguments.iter().map(|path| path.as_os_str().to_owned()));
    words.extend(["--workers".into(), workers.to_string().into()]);
    let run = seawall(words);
    assert_eq!(run.status, 0, "{}", run.err);
    run.out
}

/// The first lines that differ, for a message that a person can read.
fn difference(one: &str, two: &str) -> Option<String> {
    if one == two {
        return None;
    }
    let (ones, twos): (Vec<&str>, Vec<&str>) = (one.lines().collect(), two.lines().collect());
    let (first, second): (BTreeSet<_>, BTreeSet<_>) =
        (ones.iter().collect(), twos.iter().collect());
    let gone = ones.iter().filter(|line| !second.contains(line)).take(8);
    let new = twos.iter().filter(|line| !first.contains(line)).take(8);
    let told: Vec<String> = gone
        .map(|line| format!("- {line}"))
        .chain(new.map(|line| format!("+ {line}")))
        .collect();
    Some(if told.is_empty() {
        "the order differs".to_owned()
    } else {
        told.join("\n")
    })
}

fn scenarios() -> [Scenario; 3] {
    [
        harborview::clean_day(),
        harborview::bad_day(),
        oddments::scenario(),
    ]
}

#[test]
fn any_number_of_workers_gives_the_same_facts_of_the_sample_terminal() {
    for scenario in scenarios() {
        let site = folder(&format!("workers {}", scenario.name));
        scenario.write_captures(&site).unwrap();
        let one = facts(&[&site], 1);
        for workers in [2, 3, 7] {
            if let Some(difference) = difference(&one, &facts(&[&site], workers)) {
                panic!("{}, {workers} workers\n{difference}", scenario.name);
            }
        }
    }
}

/// A third of the work on a large capture is done for who asks for it.
#[test]
fn the_hash_of_a_capture_is_told_to_who_asks() {
    let capture = folder("hash").join("crane-span.pcap");
    std::fs::write(&capture, crane_span().file()).unwrap();
    let expected = lab::truth::sha256(&std::fs::read(&capture).unwrap());
    let hash = |words: &[&str]| {
        let path = capture.as_os_str().to_owned();
        let words = words.iter().map(std::ffi::OsString::from);
        let run = seawall(["facts".into(), path].into_iter().chain(words));
        assert_eq!(run.status, 0, "{}", run.err);
        let mut rows = run.out.lines().filter(|line| line.contains("\"links\":"));
        let row: serde_json::Value = serde_json::from_str(rows.next().unwrap()).unwrap();
        row["sha256"].as_str().map(str::to_owned)
    };
    assert_eq!(hash(&["--sha256"]), Some(expected.clone()));
    assert_eq!(hash(&["--kind", "capture-file"]), Some(expected));
    assert_eq!(hash(&[]), None);
    let arguments = [
        "facts".as_ref(),
        capture.as_os_str(),
        "--format".as_ref(),
        "eve".as_ref(),
        "--sha256".as_ref(),
    ];
    assert_eq!(seawall(arguments).status, 2);
}

/// All of them at once: their times overlap, and the same addresses come up in many.
#[test]
fn any_number_of_workers_gives_the_same_facts_of_real_captures() {
    let captures = real_captures();
    if captures.is_empty() {
        return;
    }
    let paths: Vec<&Path> = captures.iter().map(PathBuf::as_path).collect();
    if let Some(difference) = difference(&facts(&paths, 1), &facts(&paths, 3)) {
        panic!("{difference}");
    }
}

/// Packs a file with that tool; `None` where the tool is not installed.
fn packed(tool: &str, file: &Path) -> Option<PathBuf> {
    let Ok(output) = Command::new(tool).arg("-c").arg(file).output() else {
        eprintln!("skipped: no {tool}");
        return None;
    };
    assert!(output.status.success());
    // The name stays, since facts cite it; content tells how it is packed.
    let folder = folder(&format!("packed by {tool}"));
    let packed = folder.join(file.file_name().unwrap());
    std::fs::write(&packed, output.stdout).unwrap();
    Some(packed)
}

fn crane_span() -> Capture {
    harborview::bad_day().captures.remove(0)
}

#[test]
fn packing_changes_no_fact() {
    let plain = folder("packed by nothing").join("crane-span.pcap");
    let whole = crane_span();
    std::fs::write(&plain, whole.file()).unwrap();
    let facts_of = |path: &Path| without_file_rows(&facts(&[path], 1));
    let expected = facts_of(&plain);
    let mut files: Vec<PathBuf> = ["gzip", "zstd"]
        .iter()
        .filter_map(|tool| packed(tool, &plain))
        .collect();
    let converted = folder("converted").join("crane-span.pcap");
    std::fs::write(&converted, lab::converted(&whole, Format::PcapNg).file()).unwrap();
    files.push(converted);
    for file in files {
        if let Some(difference) = difference(&expected, &facts_of(&file)) {
            panic!("{}\n{difference}", file.display());
        }
    }
}

/// The rows that speak of the files themselves (their hash, their format) are left out.
fn without_file_rows(facts: &str) -> String {
    facts
        .lines()
        .filter(|line| !line.starts_with("{\"kind\":\"capture_file\""))
        .map(|line| format!("{line}\n"))
        .collect()
}

#[test]
fn a_capture_cut_in_several_files_gives_the_facts_of_the_whole() {
    let whole = crane_span();
    let (one, many) = (folder("whole"), folder("in parts"));
    std::fs::write(one.join("crane-span.pcap"), whole.file()).unwrap();
    for (nth, frames) in whole.frames.chunks(1_500).enumerate() {
        let part = Capture {
            name: format!("crane-span-{nth:02}.pcap"),
            format: whole.format,
            frames: frames.to_vec(),
        };
        std::fs::write(many.join(&part.name), part.file()).unwrap();
    }
    // Where a frame stands differs, and nothing else may.
    let placeless = |facts: String| -> String {
        let mut rows: Vec<String> = facts
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .filter(|row| !matches!(row["kind"].as_str(), Some("capture_file" | "coverage")))
            .map(|mut row| {
                let row = row.as_object_mut().unwrap();
                row.remove("capture");
                row.remove("frames");
                serde_json::to_string(row).unwrap()
            })
            .collect();
        rows.sort();
        rows.join("\n")
    };
    if let Some(difference) = difference(
        &placeless(facts(&[&one], 1)),
        &placeless(facts(&[&many], 2)),
    ) {
        panic!("{difference}");
    }
}
