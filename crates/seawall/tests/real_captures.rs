//! Captures that others made: every one is read, control operations are found where they are and nowhere else, and what is
//! read agrees with tshark.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests may fail loudly"
)]

mod compared;
mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use compared::differences::DIFFERENCES;
use facts::Facts;
use support::{base_name, real_captures, seawall};

fn read(path: &Path) -> Facts {
    let captures = sensor::Captures::open(&[path.to_owned()]).unwrap();
    sensor::observe(&captures, 1, 0, &|_, _| {}).unwrap()
}

/// Runs `check` over all captures on two threads and gives what it complained of, in the order of the captures.
/// `CAPTURES=dnp3,s7` asks only of those with such a part in their name: asking tshark of all takes a while.
fn complaints(check: impl Fn(&Path) -> Vec<String> + Sync) -> Vec<String> {
    let mut captures = real_captures();
    if let Ok(parts) = std::env::var("CAPTURES") {
        captures.retain(|path| parts.split(',').any(|part| base_name(path).contains(part)));
    }
    let (even, odd): (Vec<_>, Vec<_>) = captures
        .iter()
        .enumerate()
        .partition(|(nth, _)| nth % 2 == 0);
    let run = |part: Vec<(usize, &PathBuf)>| -> Vec<(usize, Vec<String>)> {
        part.into_iter()
            .map(|(nth, path)| (nth, check(path)))
            .collect()
    };
    let mut told = std::thread::scope(|scope| {
        let other = scope.spawn(|| run(odd));
        let mut told = run(even);
        told.extend(other.join().unwrap());
        told
    });
    told.sort();
    told.into_iter()
        .flat_map(|(_, complaints)| complaints)
        .collect()
}

#[test]
fn the_program_reads_all_of_them() {
    let captures = real_captures();
    if captures.is_empty() {
        return;
    }
    let folder = captures[0].parent().unwrap();
    let run = seawall([
        "facts".as_ref(),
        folder.as_os_str(),
        "--kind".as_ref(),
        "capture-file".as_ref(),
    ]);
    assert_eq!(run.status, 0, "{}", run.err);
    assert_eq!(run.out.lines().count(), captures.len(), "a row for each");
}

#[test]
fn a_tunnel_in_names_is_told_where_one_is_and_nowhere_else() {
    let (site, lists) = (facts::site::Site::default(), facts::lists::Lists::builtin());
    let wrong = complaints(|path| {
        let small = std::fs::metadata(path).unwrap().len() < 1 << 20;
        let name = base_name(path);
        if !small {
            return Vec::new();
        }
        let mut facts = read(path);
        store::fold(&mut facts, &site, &lists);
        let odd = facts.oddities.into_iter();
        let told: Vec<String> = odd
            .filter(|one| one.what == "dns.tunnel_sign")
            .filter_map(|one| one.detail)
            .collect();
        let known = match name.as_str() {
            "ntop__nDPI__dns-tunnel-iodine.pcap" => {
                let known = "many long names, each asked for anew, below pirate.sea";
                told.iter().any(|one| one == known)
            }
            _ => told.is_empty() || name.contains("tunnel") || name.contains("dns_txt"),
        };
        if known {
            Vec::new()
        } else {
            vec![format!("{name}: {told:?}")]
        }
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Control operations of the index, of protocols that are read in detail: what an operation of ours may say it as.
const CONTROL: &[(&str, &[&str])] = &[
    ("plc-start", &["start"]),
    ("plc-stop", &["stop"]),
    ("program-download", &["program-download"]),
    ("program-upload", &["program-upload"]),
    ("set-time", &["set-clock"]),
    // DNP3 sets the clock and carries files by writing objects.
    ("variable-write", &["write", "set-clock", "file-write"]),
    ("dcp-set", &["configure"]),
    ("firmware", &["firmware-update"]),
    ("lock/unlock", &["lock", "unlock"]),
    ("restart", &["reset"]),
    ("route-add", &["configure"]),
    ("file-write/delete", &["file-write", "file-delete"]),
    ("operate", &["operate"]),
    ("pn-param-write", &["parameter-change", "write"]),
];

/// What carries control operations in the protocols of this version, as tshark calls them.
const READ_IN_DETAIL: &[&str] = &[
    "ams",
    "omron",
    "modbus",
    "s7comm",
    "cip",
    "enip",
    "pn_dcp",
    "opcua",
    "dnp3",
    "iec60870_104",
    "bacapp",
    "mms",
];

/// What the index says of captures whose protocols tshark does not name.
const DESCRIBED_IN_DETAIL: &[&str] = &["S7comm-plus", "PROFINET IO-CM"];

/// Operations that the index lists and that are something else on the wire, with the reason.
const NOT_READ: &[(&str, &str, &str)] = &[
    (
        "digitalbond__Quickdraw-Snort__modicon_test.pcap",
        "program-download",
        "functions 0x33 to 0x35 of UMAS: the blocks come in the answers, the program leaves the controller",
    ),
    (
        "ITI__ICS-Security-Tools__S7-1200-Uploading-OB1-TIAV12.pcap",
        "program-upload",
        "OB1 stands in the request of a CreateObject: it enters the controller",
    ),
    (
        "ITI__ICS-Security-Tools__invokeid12.pcapng",
        "route-add",
        "its two datagrams at port 48899 are a question for the server's name and its answer",
    ),
];

struct Row {
    file: String,
    protocols: BTreeSet<String>,
    description: String,
    operations: Vec<String>,
}

fn index() -> Vec<Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures/INDEX.tsv");
    let Ok(text) = std::fs::read_to_string(path) else {
        eprintln!("skipped: no captures");
        return Vec::new();
    };
    text.lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            Row {
                file: cells[0].to_owned(),
                protocols: cells[6]
                    .split(' ')
                    .filter_map(|one| one.split(':').next())
                    .map(str::to_owned)
                    .collect(),
                description: cells[7].to_owned(),
                operations: cells
                    .get(8)
                    .into_iter()
                    .flat_map(|one| one.split(','))
                    .filter(|one| !one.is_empty())
                    .map(str::to_owned)
                    .collect(),
            }
        })
        .collect()
}

#[test]
fn control_operations_are_found() {
    let rows = index();
    let wrong = complaints(|path| {
        let row = rows.iter().find(|row| row.file == base_name(path)).unwrap();
        let facts = read(path);
        let seen: BTreeSet<&str> = facts
            .operations
            .iter()
            .map(|row| row.operation.name())
            .collect();
        let mut wrong = Vec::new();
        for listed in &row.operations {
            let Some((_, names)) = CONTROL.iter().find(|(name, _)| name == listed) else {
                continue;
            };
            let in_detail = READ_IN_DETAIL
                .iter()
                .any(|one| row.protocols.contains(*one))
                || DESCRIBED_IN_DETAIL
                    .iter()
                    .any(|one| row.description.contains(one));
            let known = NOT_READ
                .iter()
                .any(|(file, operation, _)| *file == row.file && operation == listed);
            let found = names.iter().any(|name| seen.contains(name));
            if in_detail && found == known {
                wrong.push(format!(
                    "{}: {listed}: {} among {seen:?} ({})",
                    row.file,
                    if found {
                        "found after all"
                    } else {
                        "not found"
                    },
                    row.description
                ));
            }
        }
        wrong
    });
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// What tshark may name in a capture in which someone speaks to a controller or a field device.
const CONTROL_PROTOCOLS: &[&str] = &[
    "modbus",
    "mbtcp",
    "mbrtu",
    "s7comm",
    "s7comm-plus",
    "tpkt",
    "cotp",
    "cip",
    "enip",
    "cipcm",
    "cipio",
    "pn_rt",
    "pn_dcp",
    "pn_io",
    "opcua",
    "dcerpc",
    "ams",
    "ecat",
    "epl",
    "hart_ip",
    "omron",
    "sbus",
    "dnp3",
    "iec60870_104",
    "bacapp",
    "bvlc",
    "mms",
];

/// Captures with control traffic at a port where tshark does not look for it, or of DLMS, which it does not read.
const TSHARK_MISSES: &[&str] = &[
    "ControlThings-io__ct-samples__dlms.pcap",
    "ITI__ICS-Security-Tools__dnp3_read_p20001.pcap",
    "ntop__nDPI__dlms.pcap",
];

#[test]
fn captures_without_control_traffic_give_no_control_operation() {
    let rows = index();
    let wrong = complaints(|path| {
        let row = rows.iter().find(|row| row.file == base_name(path)).unwrap();
        if CONTROL_PROTOCOLS
            .iter()
            .any(|one| row.protocols.contains(*one))
            || TSHARK_MISSES.contains(&row.file.as_str())
        {
            return Vec::new();
        }
        let control = |protocol: &str| {
            [
                "modbus",
                "modbus-rtu",
                "s7comm",
                "s7comm-plus",
                "enip",
                "cip",
                "cip-io",
                "profinet-dcp",
                "profinet",
                "profinet-cm",
                "opcua",
                "ads",
                "codesys",
                "ethercat",
                "fins",
                "ge-srtp",
                "hart-ip",
                "powerlink",
                "s-bus",
                "slmp",
                "tristation",
                "dnp3",
                "iec104",
                "bacnet",
                "mms",
                "dlms",
            ]
            .contains(&protocol)
        };
        let facts = read(path);
        let seen = facts.operations.iter().filter(|one| control(&one.protocol));
        seen.map(|one| {
            format!(
                "{}: {} {} ({})",
                row.file,
                one.protocol,
                one.operation.name(),
                row.description
            )
        })
        .collect()
    });
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn fields_agree_with_tshark() {
    let wrong = complaints(|path| {
        let name = base_name(path);
        let Some(found) = compared::compare(path, &read) else {
            return Vec::new();
        };
        let explained = |what: &str| {
            let mut known = DIFFERENCES.iter();
            known.find(|(file, of, ..)| *file == name && *of == what)
        };
        let mut wrong = Vec::new();
        for (what, difference) in &found {
            match explained(what) {
                Some((.., known)) if known == difference => {}
                Some((.., reason, known)) => wrong.push(format!(
                    "{name}: {what} differs otherwise than explained ({reason}):\n  was {known}\n  now {difference}"
                )),
                None => wrong.push(format!("{name}: {what}: {difference}")),
            }
        }
        let gone = DIFFERENCES
            .iter()
            .filter(|(file, of, ..)| *file == name && !found.iter().any(|(what, _)| what == of));
        wrong.extend(
            gone.map(|(_, of, ..)| format!("{name}: {of} agrees now; take it off the list")),
        );
        wrong
    });
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
