//! `seawall facts --format zeek` and `--format eve`: what other tools' readers get.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail loudly"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use lab::harborview;
use serde_json::Value;
use support::{folder, seawall, text};

/// The captures of the bad day, in a folder.
fn captures(name: &str) -> PathBuf {
    let folder = folder(name);
    harborview::bad_day().write_captures(&folder).unwrap();
    folder
}

fn lines(captures: &Path, format: &str) -> Vec<Value> {
    let run = seawall([
        "facts".as_ref(),
        captures.as_os_str(),
        "--format".as_ref(),
        format.as_ref(),
    ]);
    assert_eq!(run.status, 0, "{}", run.err);
    let lines = run.out.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Facts of a kind whose ends are internet addresses.
fn facts(captures: &Path, kind: &str, end: &str) -> Vec<Value> {
    let mut rows = support::facts(&[captures]).remove(kind).unwrap_or_default();
    rows.retain(|row| text(&row[end]).parse::<std::net::IpAddr>().is_ok());
    rows
}

#[test]
fn zeek_logs_hold_every_conversation_and_operation_in_both_forms() {
    let captures = captures("zeek");
    let told = lines(&captures, "zeek");
    let mut by_path: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for line in &told {
        by_path.entry(text(&line["_path"])).or_default().push(line);
    }
    let flows = facts(&captures, "conversation", "client");
    assert_eq!(by_path["conn"].len(), flows.len());
    let operations = facts(&captures, "operation", "source");
    let with_operation = told.iter().filter(|line| line["operation"].is_string());
    assert_eq!(with_operation.count(), operations.len());
    let files = facts(&captures, "file", "source");
    assert_eq!(by_path["files"].len(), files.len());
    for path in ["modbus_detailed", "s7comm", "cip", "dns", "ssl", "notice"] {
        assert!(by_path.contains_key(path), "{path}");
    }
    let uids: BTreeSet<String> = by_path["conn"]
        .iter()
        .map(|line| text(&line["uid"]))
        .collect();
    assert_eq!(uids.len(), flows.len(), "each conversation has its own");
    for line in told.iter().filter(|line| line["uid"].is_string()) {
        assert!(uids.contains(&text(&line["uid"])), "{line}");
    }

    let out = captures.join("zeek");
    let run = seawall([
        "facts".as_ref(),
        captures.as_os_str(),
        "--format".as_ref(),
        "zeek".as_ref(),
        "--output".as_ref(),
        out.as_os_str(),
    ]);
    assert_eq!((run.status, run.out.as_str()), (0, ""), "{}", run.err);
    for (path, lines) in by_path {
        let log = fs::read_to_string(out.join(format!("{path}.log"))).unwrap();
        let header = log.lines().find_map(|line| line.strip_prefix("#fields\t"));
        let columns: Vec<&str> = header.unwrap().split('\t').collect();
        let rows: Vec<&str> = log.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(rows.len(), lines.len(), "{path}");
        for (row, line) in rows.iter().zip(lines) {
            let cells: Vec<&str> = row.split('\t').collect();
            assert_eq!(cells.len(), columns.len(), "{path}: {row}");
            for (column, cell) in columns.iter().zip(cells) {
                assert_eq!(
                    cell == "-",
                    line[*column].is_null(),
                    "{path} {column}: {row}"
                );
            }
        }
    }
}

#[test]
fn eve_events_of_a_conversation_bear_its_flow_id() {
    let captures = captures("eve");
    let told = lines(&captures, "eve");
    let of = |kind: &str| -> Vec<&Value> {
        let events = told.iter().filter(|event| event["event_type"] == kind);
        events.collect()
    };
    let flows: BTreeSet<u64> = of("flow")
        .iter()
        .map(|event| event["flow_id"].as_u64().unwrap())
        .collect();
    assert_eq!(
        flows.len(),
        facts(&captures, "conversation", "client").len()
    );
    let operations = facts(&captures, "operation", "source");
    assert!(!operations.is_empty());
    for row in operations {
        let kind = text(&row["protocol"]);
        let same = of(&kind).iter().any(|event| {
            event[&kind]["operation"] == row["operation"]
                && event["src_ip"] == row["source"]
                && event["pcap_cnt"] == row["frames"][0]
                && flows.contains(&event["flow_id"].as_u64().unwrap())
        });
        assert!(same, "{row}");
    }
    assert!(of("dns").iter().all(|event| event["flow_id"].is_u64()));
}

#[test]
fn the_community_ids_are_those_that_tshark_computes() {
    let captures = captures("community");
    let mut by_tshark = BTreeSet::new();
    for entry in fs::read_dir(&captures).unwrap() {
        let output = Command::new("tshark")
            .arg("-r")
            .arg(entry.unwrap().path())
            .args([
                "--enable-protocol",
                "communityid",
                "-T",
                "fields",
                "-e",
                "communityid",
            ])
            .output();
        let Ok(output) = output else {
            println!("skipped: no tshark");
            return;
        };
        let ids = String::from_utf8_lossy(&output.stdout).into_owned();
        // What an ICMP error carries has an id too.
        by_tshark.extend(
            ids.lines()
                .flat_map(|line| line.split(','))
                .map(str::to_owned),
        );
    }
    if by_tshark.iter().all(String::is_empty) {
        println!("skipped: this tshark computes none");
        return;
    }
    for row in facts(&captures, "conversation", "client") {
        let id = text(&row["community_id"]);
        assert!(by_tshark.contains(&id), "{row}");
    }
}
