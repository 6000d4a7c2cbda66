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
    let state = |wanted: &str| {
        by_path["conn"]
            .iter()
            .any(|one| one["conn_state"] == wanted)
    };
    assert!(state("SF") && state("S0") && state("REJ"));
    // Those of layer 2 too: the log of EtherCAT has MAC addresses as ends.
    let operations = support::facts(&[&captures]).remove("operation").unwrap();
    let with_operation = told.iter().filter(|line| line["operation"].is_string());
    assert_eq!(with_operation.count(), operations.len());
    let files = facts(&captures, "file", "source");
    assert_eq!(by_path["files"].len(), files.len());
    for path in [
        "modbus_detailed",
        "s7comm",
        "cip",
        "dns",
        "ssl",
        "x509",
        "notice",
    ] {
        assert!(by_path.contains_key(path), "{path}");
    }
    let uids: BTreeSet<String> = by_path["conn"]
        .iter()
        .map(|line| text(&line["uid"]))
        .collect();
    assert_eq!(uids.len(), flows.len(), "each conversation has its own");
    let read = by_path["modbus_detailed"].iter();
    let read = read.filter(|line| line["func"] == "READ_HOLDING_REGISTERS");
    assert!(read.clone().count() > 0);
    for line in read {
        assert!(line["unit"].is_u64() && line["quantity"].is_u64(), "{line}");
    }
    // What a server shows in the clear stands in a log of its own, and with the connections that showed it.
    let known: BTreeSet<String> = (by_path["x509"].iter())
        .map(|line| text(&line["fingerprint"]))
        .collect();
    let mut shown = 0;
    for line in &by_path["ssl"] {
        let sealed = line["version"] == "TLSv13" || !line["established"].as_bool().unwrap();
        let chain = line["cert_chain_fps"].as_array();
        assert_eq!(chain.is_none(), sealed, "{line}");
        for fingerprint in chain.into_iter().flatten() {
            assert!(known.contains(&text(fingerprint)), "{line}");
            shown += 1;
        }
    }
    assert!(shown > 0);
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
            event["seawall"]["operation"] == row["operation"]
                && event["src_ip"] == row["source"]
                && event["pcap_cnt"] == row["frames"][0]
                && flows.contains(&event["flow_id"].as_u64().unwrap())
        });
        assert!(same, "{row}");
    }
    assert!(of("dns").iter().all(|event| event["flow_id"].is_u64()));
    let certificates = facts(&captures, "certificate", "server");
    let events = of("tls");
    let shown: Vec<&&Value> = (events.iter())
        .filter(|event| event["tls"]["subject"].is_string())
        .collect();
    assert!(!shown.is_empty());
    for event in shown {
        let own = certificates.iter().any(|row| {
            let digits = text(&event["tls"]["fingerprint"]).replace(':', "");
            row["sha1"] == digits
                && row["subject"] == event["tls"]["subject"]
                && row["issuer"] == event["tls"]["issuerdn"]
                && row["server"] == event["dest_ip"]
        });
        assert!(own, "{event}");
    }
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

#[test]
fn lone_answers_sctp_and_ports_the_other_way_round_have_the_community_id_of_the_reference() {
    // From the EtherType on; the ids are those that the specification's own Python module gives (`communityid` 1.5).
    let frames = [
        // ICMP: an echo reply alone, a timestamp request from the higher address, an error.
        (
            "08004500002400010000400166d60a0000010a00000200000000000700016162636465666768",
            "1:E5tNYkCqpM09ZPfoLcq+JJj0QuQ=",
        ),
        (
            "08004500002400010000400166d20a0000040a0000030d000000000700016162636465666768",
            "1:Nuy+Jij3oxlpZDlAm4aPanM/Lns=",
        ),
        (
            "08004500002400010000400166ce0a0000060a00000503010000000700016162636465666768",
            "1:7doQ8aJOcCYvr4nWiWBhEcTkvXc=",
        ),
        // ICMPv6: an echo reply alone, a neighbour advertisement.
        (
            "86dd6000000000103afffd000000000000000000000000000002fd00000000000000000000000000000181000000000700016162636465666768",
            "1:cHVm51rRL0MQihNiyq5ZLwFkyko=",
        ),
        (
            "86dd6000000000103afffd000000000000000000000000000004fd00000000000000000000000000000388000000000700016162636465666768",
            "1:xRnY/DrnqcMLxpKzJ/qbvLo0iOY=",
        ),
        // SCTP, an INIT over each version of IP.
        (
            "08004500003400010000408466370a0000080a0000070b59000100000001000000020100001400000009000003e80001000100000005",
            "1:hwwSHQK+ZQMEYuyCaOgbXKNODnk=",
        ),
        (
            "86dd60000000002084fffd000000000000000000000000000005fd0000000000000000000000000000060001ffff00000001000000020100001400000009000003e80001000100000005",
            "1:doF3n2qBVmgPDggpaY/6Cn1HmcI=",
        ),
        // Ports whose order as bytes is not that of the addresses; one address at both ends.
        (
            "86dd60000000000c11fffd000000000000000000000000000008fd000000000000000000000000000007010000ff000c00007a7a7a7a",
            "1:z2LVBUtyoVx03QUQTuAeArBIgpw=",
        ),
        (
            "08004500002800010000400666bd0a00000a0a00000900ff010000000001000000005002006400000000",
            "1:eCa+OA6N7e40ZqbKRp+3GdMKZGI=",
        ),
        (
            "08004500002800010000400666ba0a00000b0a00000b138801f600000001000000005002006400000000",
            "1:bJiz+Z8noHRKGjNWsZAG7g7s3Vw=",
        ),
        // No ports at all.
        (
            "08004500003000010000403266830a00000d0a00000c01020304000000017878787878787878787878787878787878787878",
            "1:4mY11Y3272kEIepNiGemnYaDoqA=",
        ),
    ];
    let mut file = [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1]
        .map(u32::to_le_bytes)
        .concat();
    for (at, (frame, _)) in (1_700_000_000_u32..).zip(frames) {
        let pairs = frame.as_bytes().chunks(2);
        let bytes =
            pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap());
        let frame: Vec<u8> = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]
            .into_iter()
            .chain(bytes)
            .collect();
        let length = u32::try_from(frame.len()).unwrap();
        file.extend([at, 0, length, length].map(u32::to_le_bytes).concat());
        file.extend(frame);
    }
    let folder = folder("community-odd");
    fs::write(folder.join("odd.pcap"), file).unwrap();
    let told: BTreeSet<String> = facts(&folder, "conversation", "client")
        .iter()
        .map(|row| text(&row["community_id"]))
        .collect();
    let expected: BTreeSet<String> = frames.iter().map(|(_, id)| (*id).to_owned()).collect();
    assert_eq!(told, expected);
}
