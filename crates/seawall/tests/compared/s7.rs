//! S7comm: jobs, blocks, status lists and the functions of userdata, each by the word that stands for it.
use std::collections::{BTreeMap, BTreeSet};

use facts::Facts;
use facts::kinds::Operation;

use super::ends::Frame;
use super::{Frames, function, operations, own, requests};

pub const FIELDS: &[&str] = &[
    "s7comm.header.rosctr",
    "s7comm.param.func",
    "s7comm.param.pistart.servicename",
    "s7comm.data.blockcontrol.block_type",
    "s7comm.data.blockcontrol.block_number",
    "s7comm.param.userdata.type",
    "s7comm.param.userdata.funcgroup",
    "s7comm.param.userdata.subfunc",
    "s7comm.param.userdata.seq_num",
    "s7comm.data.userdata.szl_id",
    "s7comm.data.userdata.szl_index",
];

/// What a function of userdata is to say here, by group and function: the operation, and the words in front of its detail.
/// Groups: 1 test and programmer's commands, 2 cyclic data, 3 blocks, 4 the processor, 5 security, 6 partner's blocks, 7 clock.
const USERDATA: &[(&str, &str, &str, &str)] = &[
    ("1", "1", "diagnose", "block status"),
    ("1", "2", "diagnose", "variable status"),
    ("1", "8", "write", "modify variable"),
    ("1", "9", "write", "force"),
    ("1", "12", "reset", "memory reset"),
    ("1", "13", "diagnose", "disable test job"),
    ("1", "14", "diagnose", "enable test job"),
    ("1", "15", "diagnose", "delete test job"),
    ("1", "16", "diagnose", "list of test jobs"),
    ("1", "19", "diagnose", "block status"),
    ("1", "22", "diagnose", "flash lamp"),
    ("2", "1", "read", "subscribe to cyclic data"),
    ("2", "5", "read", "subscribe to cyclic data"),
    ("3", "1", "diagnose", "list blocks"),
    ("3", "2", "diagnose", "list blocks of type"),
    ("3", "3", "diagnose", "block information"),
    ("4", "2", "diagnose", "message service"),
    ("4", "11", "write", "acknowledge alarms"),
    ("4", "19", "read", "query alarms"),
    ("5", "1", "authenticate", "password"),
    ("5", "2", "lock", "end of the password's rights"),
    ("7", "1", "read", "read clock"),
    ("7", "2", "set-clock", "set clock"),
    ("7", "3", "read", "read clock"),
    ("7", "4", "set-clock", "set clock"),
];

/// What a service that works on programs is to be here.
const SERVICES: &[(&str, &str)] = &[
    ("P_PROGRAM", "start"),
    ("_DELE", "program-delete"),
    ("_INSE", "program-download"),
];

/// Jobs that are one request and one answer.
const JOBS: &[&str] = &["0x04", "0x05", "0x29"];

/// Jobs and userdata of the same frame stand one behind the other in each of tshark's fields.
fn asked(frame: &Frame) -> Vec<String> {
    let is_job = |kind: &&String| *kind == "1";
    let jobs = frame["s7comm.header.rosctr"].iter().filter(is_job).count();
    let functions = frame["s7comm.param.func"].iter().take(jobs);
    let mut found: Vec<String> = functions
        .filter(|one| JOBS.contains(&one.as_str()))
        .cloned()
        .collect();
    // Stop names a service as well; what it is told as is known by its function.
    if frame["s7comm.param.func"].iter().any(|one| one == "0x28") {
        let services = frame["s7comm.param.func"].iter().take(jobs);
        let services = services.filter(|one| *one == "0x28").count();
        let names = frame["s7comm.param.pistart.servicename"].iter();
        let names = names.map(String::as_str).chain(std::iter::repeat(""));
        found.extend(names.take(services).map(|name| {
            let known = SERVICES.iter().find(|(known, _)| *known == name);
            let name = if name.is_empty() {
                "without a name"
            } else {
                name
            };
            format!("{name} {}", known.map_or("configure", |(_, word)| word))
        }));
    }

    let mut lists = frame["s7comm.data.userdata.szl_id"]
        .iter()
        .zip(&frame["s7comm.data.userdata.szl_index"]);
    let kinds = frame["s7comm.param.userdata.type"].iter();
    let of = frame["s7comm.param.userdata.funcgroup"]
        .iter()
        .zip(&frame["s7comm.param.userdata.subfunc"])
        .zip(&frame["s7comm.param.userdata.seq_num"]);
    for (kind, ((group, function), number)) in kinds.zip(of) {
        let first = number == "0";
        match (kind.as_str(), group.as_str(), function.as_str()) {
            // A request for the parts of a list that did not go into the first answer belongs to the first request.
            ("4", "4", "1") if first => {
                found.extend(lists.next().map(|(list, index)| format!("{list} {index}")));
            }
            ("4", "3" | "4", "1" | "2") if !first => {}
            ("4", ..) => {
                let known = USERDATA
                    .iter()
                    .find(|(of, one, ..)| of == group && one == function);
                found.push(match known {
                    Some((_, _, operation, what)) => format!("{operation} {what}"),
                    None => format!("group {group} function {function}"),
                });
            }
            _ => {}
        }
    }
    found
}

/// The same of an operation.
fn told(row: &Operation) -> Option<String> {
    let detail = row.detail.as_ref()?;
    let first = detail.split(',').next()?;
    let word = row.operation.name();
    if let Some(function) = function(Some(detail)) {
        return Some(function);
    }
    if let Some(list) = row.object.as_ref().and_then(|one| one.strip_prefix("SZL ")) {
        return Some(list.replace("index ", ""));
    }
    if let Some(service) = first.strip_prefix("program service ") {
        return Some(format!("{service} {word}"));
    }
    match word {
        // At the end of a download the block is inserted.
        "program-download" if detail.contains("inserted") => Some(format!("_INSE {word}")),
        "program-download" | "program-upload" => None,
        _ => Some(format!("{word} {first}")),
    }
}

/// Blocks that a station begins to load (0x1a) or to fetch (0x1d), as `load DB1`.
fn blocks(frames: &Frames) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    for frame in frames {
        let loads = match frame["s7comm.param.func"].first().map(String::as_str) {
            Some("0x1a") => "load",
            Some("0x1d") => "fetch",
            _ => continue,
        };
        let job = frame["s7comm.header.rosctr"].first().map(String::as_str) == Some("1");
        let kinds = frame["s7comm.data.blockcontrol.block_type"].iter();
        for (kind, number) in kinds.zip(&frame["s7comm.data.blockcontrol.block_number"]) {
            let kind = BLOCKS.iter().find(|(code, _)| kind.ends_with(code));
            if let (Some((_, kind)), Ok(number), true) = (kind, number.parse::<u32>(), job) {
                seen.insert(format!("{loads} {kind}{number}"));
            }
        }
    }
    seen
}

/// Kinds of block by the character that stands for them on the wire.
const BLOCKS: &[(&str, &str)] = &[
    ("8", "OB"),
    ("A", "DB"),
    ("B", "SDB"),
    ("C", "FC"),
    ("D", "SFC"),
    ("E", "FB"),
    ("F", "SFB"),
];

fn own_blocks(facts: &Facts) -> BTreeSet<String> {
    let blocks = own(facts, "s7comm").filter_map(|row| {
        let loads = match row.operation.name() {
            "program-download" => "load",
            "program-upload" => "fetch",
            _ => return None,
        };
        Some(format!("{loads} {}", row.object.as_deref()?))
    });
    blocks.collect()
}

/// What was asked, as often as it was: tshark's and ours.
pub fn questions(frames: &Frames, facts: &Facts) -> [BTreeMap<String, u64>; 2] {
    [
        requests(frames, facts, "s7comm", asked),
        operations(facts, "s7comm", told),
    ]
}

/// The blocks: tshark's and ours.
pub fn transfers(frames: &Frames, facts: &Facts) -> [BTreeSet<String>; 2] {
    [blocks(frames), own_blocks(facts)]
}
