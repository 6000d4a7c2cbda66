//! EtherNet/IP: its lists, and every CIP service with the class that it is asked of, through routes and within packets of
//! several.
use std::collections::{BTreeMap, BTreeSet};

use facts::Facts;
use facts::kinds::Operation;

use super::ends::Frame;
use super::{Frames, asked, named, operations, own, requests};

pub const FIELDS: &[&str] = &[
    "cip.service",
    "cip.rr",
    "cip.class",
    "cip.cm.sc",
    "cip.cm.otapi",
    "cip.cm.toapi",
    "cip.cm.fwo.transport",
    "cip.cm.conn_serial_num",
    "enip.command",
    "enip.length",
];

/// The commands that list, by number and name.
const LISTS: &[(&str, &str)] = &[
    ("0x0004", "ListServices"),
    ("0x0063", "ListIdentity"),
    ("0x0064", "ListInterfaces"),
];

/// Services by code and name. Others are told by their number.
const SERVICES: &[(u8, &str)] = &[
    (0x01, "Get Attributes All"),
    (0x02, "Set Attributes All"),
    (0x03, "Get Attribute List"),
    (0x04, "Set Attribute List"),
    (0x05, "Reset"),
    (0x06, "Start"),
    (0x07, "Stop"),
    (0x08, "Create"),
    (0x09, "Delete"),
    (0x0e, "Get Attribute Single"),
    (0x10, "Set Attribute Single"),
    (0x18, "Get Member"),
    (0x55, "Get Instance Attribute List"),
];

/// Services on tags.
const TAGS: &[(u8, &str)] = &[
    (0x4c, "Read Tag"),
    (0x4d, "Write Tag"),
    (0x4e, "Read Modify Write Tag"),
    (0x52, "Read Tag Fragmented"),
    (0x53, "Write Tag Fragmented"),
];

/// Classes of CIP objects by code and name.
const CLASSES: &[(u32, &str)] = &[
    (0x01, "Identity"),
    (0x02, "Message Router"),
    (0x04, "Assembly"),
    (0x06, "Connection Manager"),
    (0x37, "File"),
    (0x67, "PCCC"),
    (0x68, "Program"),
    (0x69, "Module"),
    (0x6b, "Symbol"),
    (0x6c, "Template"),
    (0x6d, "Routine"),
    (0x70, "Task"),
    (0x72, "Tag List"),
    (0x8b, "Wall Clock Time"),
    (0x8e, "Controller"),
    (0xa1, "firmware"),
    (0xf4, "Port"),
    (0xf5, "TCP/IP Interface"),
    (0xf6, "Ethernet Link"),
];

/// What passes a request on is no object of it: the Message Router and the Connection Manager.
const CARRIERS: &[u32] = &[0x02, 0x06];

fn hex(text: &str) -> Option<u32> {
    u32::from_str_radix(text.trim_start_matches("0x"), 16).ok()
}

fn code(class: u32) -> String {
    format!("{class:#04x}")
}

fn classes_of(frame: &Frame) -> impl Iterator<Item = u32> {
    let codes = frame["cip.class"].iter().filter_map(|one| hex(one));
    codes.filter(|code| !CARRIERS.contains(code))
}

/// Classes of which something is asked.
fn classes(frames: &Frames) -> BTreeSet<String> {
    let asked = frames
        .iter()
        .filter(|frame| frame["cip.rr"].iter().any(|one| one == "0x00"));
    asked.flat_map(classes_of).map(code).collect()
}

/// `class 0xac 1` and `Assembly 101 attribute 3` as the code of the class.
fn own_class(object: &str) -> Option<String> {
    if let Some(rest) = object.strip_prefix("class ") {
        return Some(rest.split(' ').next()?.to_owned());
    }
    let named = CLASSES.iter().find(|(_, name)| {
        object
            .strip_prefix(name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    });
    named.map(|(class, _)| code(*class))
}

/// Objects of a program, and what a controller has around it: what is set, made and removed there is told as one piece of work.
const WORKED_ON: &[u32] = &[
    0x64, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x70, 0x73, 0x74, 0x77, 0x7e, 0x8c,
    0x8e, 0xa2, 0xa3, 0xac, 0xb1,
];

/// How a service of a class is told; `None` where it is a part of something longer.
fn told_as(service: u8, class: Option<u32>) -> Option<String> {
    let name = |known: &[(u8, &str)]| {
        let known = known.iter().find(|(code, _)| *code == service);
        known.map(|(_, name)| (*name).to_owned())
    };
    let Some(class) = class else {
        let other = || {
            let service = name(SERVICES).unwrap_or_else(|| format!("{service:#04x}"));
            format!("{service} of a tag")
        };
        return Some(name(TAGS).unwrap_or_else(other));
    };
    match (class, service) {
        // The blocks of firmware and of a file.
        (0xa1, 0x4b..) | (0x37, 0x4b..) => return None,
        // A program is read out, held or released.
        (0x6a, 0x4f) | (0x6d, 0x4c) | (0x74, 0x4b | 0x4c) => return None,
        (0x68 | 0x6a | 0x6b | 0x6c | 0x6d | 0x70 | 0x7e | 0x8c | 0x8d, 0x4b) => return None,
        (0x6b, _) if name(TAGS).is_some() => return name(TAGS),
        (0x72, _) => return Some("tag list".to_owned()),
        (0x6b | 0x6c, 0x55) | (0x6c, 0x4c) => return Some("list of tags and types".to_owned()),
        (_, 0x02 | 0x04 | 0x0d | 0x10) if WORKED_ON.contains(&class) => {
            return Some("set".to_owned());
        }
        (0x6a, 0x50) => return Some("set".to_owned()),
        (_, 0x08) if WORKED_ON.contains(&class) => return Some("created".to_owned()),
        (_, 0x09) if WORKED_ON.contains(&class) => return Some("deleted".to_owned()),
        _ => {}
    }
    let service = name(SERVICES).unwrap_or_else(|| format!("service {service:#04x}"));
    Some(format!("{service} {}", code(class)))
}

/// The classes in the paths of a frame's requests. In front of them stand those of what carries them: the Connection Manager, or
/// the Message Router once as the end of the connection, and once more as what takes several requests.
fn asked_of(frame: &Frame, services: usize) -> Vec<u32> {
    let all: Vec<u32> = frame["cip.class"]
        .iter()
        .filter_map(|one| hex(one))
        .collect();
    let others: Vec<u32> = classes_of(frame).collect();
    match all.as_slice() {
        // Something is asked of the Message Router itself.
        [.., 0x02] if services == 1 && all.len() > 1 => vec![0x02],
        _ => others,
    }
}

/// The services that a frame asks for, without those that only carry others or open connections.
fn services(frame: &Frame) -> Vec<(u8, Option<u32>)> {
    let mut carriers: Vec<u32> = frame["cip.cm.sc"]
        .iter()
        .filter_map(|one| hex(one))
        .collect();
    carriers.push(0x0a);
    let codes = frame["cip.service"].iter().filter_map(|one| hex(one));
    let asked: Vec<u8> = codes
        .filter(|code| !carriers.contains(code))
        .filter_map(|code| u8::try_from(code).ok().filter(|code| *code < 0x80))
        .collect();
    let classes = asked_of(frame, asked.len());
    let each = classes.len() / asked.len().max(1);
    let of = |nth: usize| {
        // Of a path with several classes the last is meant.
        let path = classes.chunks(each.max(1)).nth(nth)?;
        let whole = classes.len() == each * asked.len();
        path.last().copied().filter(|_| whole)
    };
    let asked = asked.iter().enumerate();
    asked.map(|(nth, service)| (*service, of(nth))).collect()
}

fn told(row: &Operation) -> Option<String> {
    let detail = row.detail.as_deref()?.split(',').next()?;
    let class = || own_class(row.object.as_deref()?);
    let is_tag = TAGS.iter().any(|(_, name)| *name == detail);
    if is_tag || matches!(detail, "tag list" | "list of tags and types") {
        return Some(detail.to_owned());
    }
    let numbered = detail
        .strip_suffix(" of the class")
        .or_else(|| detail.strip_prefix("vendor "));
    let named = SERVICES.iter().any(|(_, name)| *name == detail);
    let service = numbered.or(named.then_some(detail))?;
    Some(format!("{service} {}", class().unwrap_or_default()))
}

/// What a change of a program consisted of, from `42 created, 65 set`.
fn worked(facts: &Facts, count: &mut BTreeMap<String, u64>) {
    for row in own(facts, "enip") {
        for part in row.detail.iter().flat_map(|detail| detail.split(", ")) {
            if let Some((number, what @ ("created" | "set" | "deleted"))) = part.split_once(' ')
                && let Ok(number) = number.parse::<u64>()
            {
                *count.entry(what.to_owned()).or_default() += number;
            }
        }
    }
}

/// Classes: tshark's and ours.
pub fn of_classes(frames: &Frames, facts: &Facts) -> [BTreeSet<String>; 2] {
    let ours = own(facts, "enip")
        .filter_map(|row| own_class(row.object.as_deref()?))
        .filter(|class| hex(class).is_none_or(|class| !CARRIERS.contains(&class)));
    [classes(frames), ours.collect()]
}

/// Services, as often as they were asked: tshark's and ours.
pub fn of_services(frames: &Frames, facts: &Facts) -> [BTreeMap<String, u64>; 2] {
    let theirs = requests(frames, facts, "enip", |frame| {
        let services = services(frame).into_iter();
        services
            .filter_map(|(service, class)| told_as(service, class))
            .collect()
    });
    let mut ours = operations(facts, "enip", told);
    worked(facts, &mut ours);
    [theirs, ours]
}

/// The commands that list: tshark's and ours.
pub fn of_lists(frames: &Frames, facts: &Facts) -> [BTreeMap<String, u64>; 2] {
    let theirs = asked(frames, |frame| {
        let empty = frame["enip.command"].iter().zip(&frame["enip.length"]);
        // What is listed comes with a length; the question has none.
        let questions = empty.filter(|(_, length)| *length == "0");
        questions
            .filter_map(|(command, _)| named(LISTS, command))
            .collect()
    });
    let ours = operations(facts, "enip", |row| {
        let detail = row.detail.as_deref()?.split(',').next()?;
        let known = LISTS.iter().find(|(_, name)| *name == detail);
        known.map(|(_, name)| (*name).to_owned())
    });
    [theirs, ours]
}

/// Implicit connections as they were agreed on: device, interval in microseconds towards who opened it, who that is: tshark's and
/// ours.
pub fn of_connections(frames: &Frames, facts: &Facts) -> [BTreeSet<String>; 2] {
    let one = |frame: &Frame, field: &str| frame[field].last().cloned().unwrap_or_default();
    // What kind of connection it is stands in the request alone.
    let number = |frame: &Frame| {
        (
            one(frame, "cip.cm.conn_serial_num"),
            one(frame, "cip.cm.sc"),
        )
    };
    let implicit: BTreeSet<_> = frames
        .iter()
        .filter(|frame| matches!(one(frame, "cip.cm.fwo.transport").as_str(), "0" | "1"))
        .map(number)
        .collect();
    let agreed = frames
        .iter()
        .filter(|frame| !frame["cip.cm.toapi"].is_empty() && implicit.contains(&number(frame)));
    let theirs = agreed.map(|frame| {
        let (device, origin) = (one(frame, "ip.src"), one(frame, "ip.dst"));
        format!(
            "{device} every {} µs to {origin}",
            one(frame, "cip.cm.toapi")
        )
    });
    let ours = facts.identities.iter().filter_map(|row| {
        let (_, every) = row.value.strip_prefix("I/O")?.split_once(" every ")?;
        let every = every.split(',').next()?;
        (row.attribute == "service").then(|| {
            format!(
                "{} every {every}",
                row.ip.map_or(String::new(), |ip| ip.to_string())
            )
        })
    });
    [theirs.collect(), ours.collect()]
}
