//! Protocols of single makers against tshark: as many requests of each command, capture by capture.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail loudly"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use facts::Facts;
use support::{base_name, real_captures};

/// A protocol, how tshark tells its requests, the field that holds the command, and how an operation's detail gives it.
struct Compared {
    protocol: &'static str,
    requests: &'static str,
    field: &'static str,
    command: fn(&str) -> Option<String>,
}

const COMPARED: &[Compared] = &[
    Compared {
        protocol: "s-bus",
        requests: "sbus.att == 0",
        field: "sbus.cmd",
        command: |detail| number(detail.strip_prefix("command ")?),
    },
    Compared {
        protocol: "hart-ip",
        requests: "hart_ip.message_type == 0",
        field: "hart_ip.pt.command",
        command: |detail| number(detail.strip_prefix("command ")?),
    },
    Compared {
        protocol: "ads",
        requests: "ams.state_response == 0",
        field: "ams.cmdid",
        command: |detail| {
            let (name, _) = detail.split_once(", ")?;
            let names = [
                "read device info",
                "read",
                "write",
                "read state",
                "write control",
                "add notification",
                "delete notification",
                "notification",
                "read write",
            ];
            let place = names.iter().position(|known| *known == name)?;
            Some((place + 1).to_string())
        },
    },
];

/// The digits at the start.
fn number(text: &str) -> Option<String> {
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    (!digits.is_empty()).then_some(digits)
}

type Counts = BTreeMap<String, u64>;

fn ours(facts: &Facts, compared: &Compared) -> Counts {
    let mut counts = Counts::new();
    for row in &facts.operations {
        // Commands inside a message of several are none to tshark.
        let nested = row.object.as_deref() == Some("the device itself");
        if row.protocol == compared.protocol
            && !nested
            && let Some(command) = row.detail.as_deref().and_then(compared.command)
        {
            *counts.entry(command).or_default() += row.count;
        }
    }
    counts
}

/// `None` where tshark is not installed.
fn tsharks(path: &Path, compared: &Compared) -> Option<Counts> {
    let output = Command::new("tshark")
        .args([
            "-n",
            "-T",
            "fields",
            "-Y",
            compared.requests,
            "-e",
            compared.field,
            "-r",
        ])
        .arg(path)
        .output()
        .ok()?;
    let mut counts = Counts::new();
    for value in String::from_utf8_lossy(&output.stdout).split_whitespace() {
        let value = match value.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16).unwrap().to_string(),
            None => value.to_owned(),
        };
        *counts.entry(value).or_default() += 1;
    }
    Some(counts)
}

#[test]
fn each_command_is_told_as_often_as_tshark_sees_it() {
    let (mut wrong, mut seen) = (Vec::new(), BTreeSet::new());
    let captures = real_captures();
    if captures.is_empty() {
        return;
    }
    for path in captures {
        let captures = sensor::Captures::open(std::slice::from_ref(&path)).unwrap();
        let facts = sensor::observe(&captures, 1, 0, &|_, _| {}).unwrap();
        for compared in COMPARED {
            let ours = ours(&facts, compared);
            if ours.is_empty() {
                continue;
            }
            let Some(theirs) = tsharks(&path, compared) else {
                eprintln!("skipped: no tshark");
                return;
            };
            seen.insert(compared.protocol);
            if ours != theirs {
                let name = base_name(&path);
                wrong.push(format!(
                    "{name}: {} {ours:?} against {theirs:?}",
                    compared.protocol
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert_eq!(seen.len(), COMPARED.len(), "only {seen:?} were found");
}
