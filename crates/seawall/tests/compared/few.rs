//! Protocols of which there are few captures: what was asked, by the number that the protocol gives it.
use std::collections::{BTreeMap, BTreeSet};

use facts::Facts;

use super::ends::Frame;
use super::{all, asked, operations};

pub(super) const FIELDS: &[&str] = &[
    "omron.icf",
    "omron.command",
    "hart_ip.message_type",
    "hart_ip.pt.command",
    "ams.cmdid",
    "ams.state_response",
    "synphasor.command",
    "sbus.att",
    "sbus.cmd",
    "mqtt.topic",
];

/// A number as the fields have it, hexadecimal or not.
fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// ADS commands by what they are called.
const ADS: &[(&str, u32)] = &[
    ("read device info", 1),
    ("read", 2),
    ("write", 3),
    ("read state", 4),
    ("write control", 5),
    ("add notification", 6),
    ("delete notification", 7),
    ("read write", 9),
];

type Counts = BTreeMap<String, u64>;

/// Protocol, and how often each number was asked by tshark and here.
pub(super) fn asked_by_number(frames: &[Frame], facts: &Facts) -> Vec<(&'static str, [Counts; 2])> {
    // Numbers of one field, where those of another say that it is a request.
    let theirs = |field: &'static str, kind: &'static str, asks: fn(u32) -> bool| {
        asked(frames, move |frame| {
            let kinds = frame[kind].iter();
            let asked = kinds.zip(&frame[field]);
            let asked = asked.filter(|(kind, _)| number(kind).is_some_and(asks));
            asked
                .filter_map(|(_, value)| Some(number(value)?.to_string()))
                .collect()
        })
    };
    let first = |row: &facts::kinds::Operation, before: &str| -> Option<String> {
        let rest = row.detail.as_deref()?.strip_prefix(before)?;
        Some(rest.split([',', ' ']).next()?.to_owned())
    };
    vec![
        (
            "fins",
            [
                theirs("omron.command", "omron.icf", |flags| flags & 0x40 == 0),
                operations(facts, "fins", |row| {
                    let digits = first(row, "")?;
                    Some(u32::from_str_radix(&digits, 16).ok()?.to_string())
                }),
            ],
        ),
        (
            "hart-ip",
            [
                theirs("hart_ip.pt.command", "hart_ip.message_type", |kind| {
                    kind == 0
                }),
                operations(facts, "hart-ip", |row| first(row, "command ")),
            ],
        ),
        (
            "ads",
            [
                theirs("ams.cmdid", "ams.state_response", |answers| answers == 0),
                operations(facts, "ads", |row| {
                    let words = row.detail.as_deref()?.split(',').next()?;
                    let known = ADS.iter().find(|(name, _)| *name == words)?;
                    Some(known.1.to_string())
                }),
            ],
        ),
        (
            "s-bus",
            [
                theirs("sbus.cmd", "sbus.att", |kind| kind == 0),
                operations(facts, "s-bus", |row| first(row, "command ")),
            ],
        ),
        (
            "synchrophasor",
            [
                theirs("synphasor.command", "synphasor.command", |_| true),
                operations(facts, "synchrophasor", |row| {
                    let (_, rest) = row.detail.as_deref()?.split_once('(')?;
                    Some(rest.split(')').next()?.to_owned())
                }),
            ],
        ),
    ]
}

/// Topics of MQTT.
pub(super) fn topics(frames: &[Frame], facts: &Facts) -> [BTreeSet<String>; 2] {
    let ours = operations(facts, "mqtt", |row| row.object.clone());
    [
        all(frames, "mqtt.topic").cloned().collect(),
        ours.into_keys().collect(),
    ]
}
