//! What tshark reads in a capture, held against what is read here: who spoke to whom, in which VLAN, which names, and what
//! was asked in each control protocol.
mod cip;
pub mod differences;
mod ends;
mod few;
mod refused;
mod s7;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use facts::Facts;

use ends::Frame;

/// What tshark tells of each frame that is compared, beside the fields of the modules.
const FIELDS: &[&str] = &[
    "tcp.analysis.retransmission",
    "vlan.id",
    "mbtcp.unit_id",
    "modbus.func_code",
    "dns.qry.name",
    "tls.handshake.extensions_server_name",
    "dhcp.option.hostname",
    "dhcp.fqdn.name",
    "dhcpv6.client_domain",
    "lldp.tlv.system.name",
    "opcua.servicenodeid.numeric",
    "pn_dcp.service_id",
    "pn_dcp.service_type",
    "dnp3.al.func",
    "iec60870_asdu.typeid",
    "iec60870_asdu.causetx",
    "bacapp.type",
    "bacapp.confirmed_service",
    "bacapp.unconfirmed_service",
    "mms.confirmedServiceRequest",
];

/// The fields of each frame, several values apart by `|`; `None` where tshark is not installed. One call a capture: most of
/// its time is its start.
fn tshark(path: &Path) -> Option<Vec<Frame>> {
    let fields = [
        ends::FIELDS,
        refused::FIELDS,
        s7::FIELDS,
        cip::FIELDS,
        few::FIELDS,
        FIELDS,
    ]
    .concat();
    let mut command = Command::new("tshark");
    command
        .args(["-n", "-T", "fields", "-E", "aggregator=|", "-r"])
        .arg(path);
    // Reassembly across gaps is left to tshark; names are not looked up.
    for field in &fields {
        command.args(["-e", field]);
    }
    let output = match command.output() {
        Ok(output) => output,
        Err(_) => {
            eprintln!("skipped: no tshark");
            return None;
        }
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let frame = |line: &str| -> Frame {
        let values = line.split('\t').map(|cell| {
            cell.split('|')
                .filter(|one| !one.is_empty())
                .map(str::to_owned)
                .collect()
        });
        fields.iter().copied().zip(values).collect()
    };
    Some(text.lines().map(frame).collect())
}

type Frames = [Frame];

fn all<'a>(frames: &'a Frames, field: &'a str) -> impl Iterator<Item = &'a String> {
    frames.iter().flat_map(move |frame| &frame[field])
}

/// Requests by what they ask, of frames that go to a server of that protocol.
fn requests(
    frames: &Frames,
    facts: &Facts,
    protocol: &str,
    ask: impl Fn(&Frame) -> Vec<String>,
) -> BTreeMap<String, u64> {
    let servers: BTreeSet<(String, String)> = facts
        .conversations
        .iter()
        .filter(|one| one.protocol.as_deref() == Some(protocol))
        .map(|one| {
            (
                one.server.to_string(),
                one.server_port
                    .map_or(String::new(), |port| port.to_string()),
            )
        })
        .collect();
    let mut count = BTreeMap::new();
    for frame in frames {
        let last = |field: &str| frame[field].last().cloned().unwrap_or_default();
        let to = (last("ip.dst"), last("tcp.dstport"));
        if servers.contains(&to) && frame["tcp.analysis.retransmission"].is_empty() {
            for one in ask(frame) {
                *count.entry(one).or_default() += 1;
            }
        }
    }
    count
}

/// Operations of a protocol, by what `key` makes of them.
fn operations(
    facts: &Facts,
    protocol: &str,
    key: impl Fn(&facts::kinds::Operation) -> Option<String>,
) -> BTreeMap<String, u64> {
    let mut count = BTreeMap::new();
    for row in facts
        .operations
        .iter()
        .filter(|row| row.protocol == protocol)
    {
        if let Some(key) = key(row) {
            *count.entry(key).or_default() += row.count;
        }
    }
    count
}

/// `function 8/1, restart communications` → `8`.
fn function(detail: Option<&String>) -> Option<String> {
    let rest = detail?.strip_prefix("function ")?;
    Some(rest.split(['/', ',', ' ']).next()?.to_owned())
}

fn unit(object: Option<&String>) -> String {
    let word = object
        .and_then(|object| object.strip_prefix("unit "))
        .and_then(|rest| rest.split(' ').next());
    word.unwrap_or_default().to_owned()
}

/// BACnet services by number and name.
const BACNET: &[(&str, &str)] = &[
    ("0", "acknowledgeAlarm"),
    ("3", "getAlarmSummary"),
    ("4", "getEnrollmentSummary"),
    ("5", "subscribeCOV"),
    ("8", "addListElement"),
    ("9", "removeListElement"),
    ("10", "createObject"),
    ("11", "deleteObject"),
    ("12", "readProperty"),
    ("14", "readPropertyMultiple"),
    ("15", "writeProperty"),
    ("16", "writePropertyMultiple"),
    ("17", "deviceCommunicationControl"),
    ("18", "confirmedPrivateTransfer"),
    ("20", "reinitializeDevice"),
    ("26", "readRange"),
    ("27", "lifeSafetyOperation"),
    ("28", "subscribeCOVProperty"),
    ("29", "getEventInformation"),
];

/// Those that tell an event and ask for nothing.
const BACNET_TOLD: &[&str] = &["1", "2", "31"];

/// Unconfirmed BACnet services that ask for something.
const BACNET_UNCONFIRMED: &[(&str, &str)] = &[
    ("4", "unconfirmedPrivateTransfer"),
    ("6", "timeSynchronization"),
    ("7", "who-Has"),
    ("8", "who-Is"),
    ("9", "utcTimeSynchronization"),
];

/// Those that tell something.
const BACNET_UNCONFIRMED_TOLD: &[&str] = &["0", "1", "2", "3", "11"];

/// DCP services.
const DCP: &[(&str, &str)] = &[("3", "get"), ("4", "set"), ("5", "identify")];

/// OPC UA requests by the number of their encoding. Sessions and channels are no operations.
const OPCUA: &[(&str, &str)] = &[
    ("428", "get endpoints"),
    ("488", "add nodes"),
    ("527", "browse"),
    ("554", "browse"),
    ("631", "read"),
    ("673", "write"),
    ("712", "call"),
    ("751", "subscribe"),
    ("787", "create subscription"),
    ("826", "publish"),
];

/// Channels, sessions, the end of a subscription, and faults.
const OPCUA_SESSIONS: &[&str] = &["397", "446", "452", "461", "467", "473", "847"];

/// An OPC UA service that asks, by the number of its encoding; that of an answer is higher by 3. One that has no name here is
/// told by its number, so that nothing falls out of the comparison.
fn opcua(number: &str) -> Option<String> {
    let known = |number: &str| {
        OPCUA_SESSIONS.contains(&number) || OPCUA.iter().any(|(code, _)| *code == number)
    };
    let answered = number.parse::<u32>().ok()?.saturating_sub(3).to_string();
    let other = || (!known(number) && !known(&answered)).then(|| format!("service {number}"));
    named(OPCUA, number).or_else(other)
}

/// What an OPC UA operation was asked with.
fn own_opcua(row: &facts::kinds::Operation) -> &'static str {
    let detail = row.detail.as_deref().unwrap_or_default();
    let first = detail.split([',', ':']).next().unwrap_or_default();
    let named = OPCUA
        .iter()
        .map(|(_, name)| *name)
        .find(|name| *name == first);
    named.unwrap_or(match row.operation.name() {
        "read" => "read",
        "write" => "write",
        "operate" => "call",
        _ => "other",
    })
}

fn named(known: &[(&str, &str)], number: &str) -> Option<String> {
    let named = known.iter().find(|(code, _)| *code == number);
    named.map(|(_, name)| (*name).to_owned())
}

/// The name of a service, or its number where it has none here and is not of those that are left out.
fn named_or_not(known: &[(&str, &str)], left_out: &[&str], number: &str) -> Option<String> {
    let other = || (!left_out.contains(&number)).then(|| format!("service {number}"));
    named(known, number).or_else(other)
}

fn own<'a>(
    facts: &'a Facts,
    protocol: &'a str,
) -> impl Iterator<Item = &'a facts::kinds::Operation> {
    let rows = facts.operations.iter();
    rows.filter(move |row| row.protocol == protocol)
}

/// MMS services by number and name.
const MMS: &[(&str, &str)] = &[
    ("0", "status"),
    ("1", "getNameList"),
    ("2", "identify"),
    ("4", "read"),
    ("5", "write"),
    ("6", "getVariableAccessAttributes"),
    ("11", "defineNamedVariableList"),
    ("12", "getNamedVariableListAttributes"),
    ("13", "deleteNamedVariableList"),
    ("19", "takeControl"),
    ("20", "relinquishControl"),
    ("26", "initiateDownloadSequence"),
    ("29", "initiateUploadSequence"),
    ("40", "start"),
    ("41", "stop"),
    ("42", "resume"),
    ("43", "reset"),
    ("44", "kill"),
];

/// Pieces and ends of a transfer, which is told as one by its begin.
const MMS_OF_TRANSFERS: &[&str] = &["27", "28", "30", "31"];

/// Requests of a protocol that runs over any port, by what `ask` finds in a frame.
fn asked(frames: &Frames, ask: impl Fn(&Frame) -> Vec<String>) -> BTreeMap<String, u64> {
    let mut count = BTreeMap::new();
    for frame in frames {
        if frame["tcp.analysis.retransmission"].is_empty() {
            for one in ask(frame) {
                *count.entry(one).or_default() += 1;
            }
        }
    }
    count
}

/// The words of a detail before its first comma or colon, where they are a name of `known`.
fn service(known: &[(&str, &str)], detail: Option<&String>) -> Option<String> {
    let first = detail?.split([',', ':']).next()?;
    let named = known.iter().find(|(_, name)| *name == first);
    named.map(|(_, name)| (*name).to_owned())
}

fn set<'a>(values: impl Iterator<Item = &'a String>) -> BTreeSet<String> {
    values
        .map(|one| one.trim_end_matches('.').to_lowercase())
        .filter(|one| !one.is_empty())
        .collect()
}

fn stated(facts: &Facts, source: &str) -> BTreeSet<String> {
    set(facts
        .identities
        .iter()
        .filter(|one| one.attribute == "hostname" && one.source.starts_with(source))
        .map(|one| &one.value))
}

/// How many values of a difference are told.
const MOST_TOLD: usize = 4;
/// Characters of each.
const MOST_CHARS: usize = 60;

/// How one capture differs: what, only tshark's, only ours. `None` without tshark.
pub fn compare(path: &Path, read: &impl Fn(&Path) -> Facts) -> Option<Vec<(&'static str, String)>> {
    let frames = tshark(path)?;
    let facts = read(path);
    let mut told = Vec::new();
    let mut differ = |what: &'static str, theirs: BTreeSet<String>, ours: BTreeSet<String>| {
        let only = |a: &BTreeSet<String>, b: &BTreeSet<String>| {
            let short = |one: &String| one.chars().take(MOST_CHARS).collect::<String>();
            let alone: Vec<_> = a.difference(b).map(short).collect();
            match alone.split_at_checked(MOST_TOLD) {
                Some((some, rest)) if !rest.is_empty() => {
                    format!("{} and {} more", some.join(", "), rest.len())
                }
                _ => alone.join(", "),
            }
        };
        if theirs != ours {
            told.push((
                what,
                format!(
                    "tshark alone [{}], here alone [{}]",
                    only(&theirs, &ours),
                    only(&ours, &theirs)
                ),
            ));
        }
    };
    let counted = |count: BTreeMap<String, u64>| -> BTreeSet<String> {
        count
            .into_iter()
            .map(|(key, count)| format!("{key} ×{count}"))
            .collect()
    };

    for (what, transport) in [("connections", "tcp"), ("datagrams", "udp")] {
        let theirs = ends::theirs(&frames, transport);
        differ(what, theirs, ends::ours(&facts, transport));
    }
    let theirs = refused::theirs(&frames);
    differ("refused", counted(theirs), counted(refused::ours(&facts)));
    let vlans = facts
        .conversations
        .iter()
        .flat_map(|one| &one.vlans)
        .map(u16::to_string);
    differ(
        "vlans",
        // Of several tags the innermost is the VLAN.
        frames
            .iter()
            .filter_map(|frame| frame["vlan.id"].last())
            .filter(|id| *id != "0")
            .cloned()
            .collect(),
        vlans.collect(),
    );

    let theirs = requests(&frames, &facts, "modbus", |frame| {
        frame["mbtcp.unit_id"]
            .iter()
            .zip(&frame["modbus.func_code"])
            .map(|(unit, function)| format!("unit {unit} function {function}"))
            .collect()
    });
    let ours = operations(&facts, "modbus", |row| {
        Some(format!(
            "unit {} function {}",
            unit(row.object.as_ref()),
            function(row.detail.as_ref())?
        ))
    });
    differ("modbus", counted(theirs), counted(ours));

    let [theirs, ours] = s7::questions(&frames, &facts);
    differ("s7comm", counted(theirs), counted(ours));
    let [theirs, ours] = s7::transfers(&frames, &facts);
    differ("s7comm blocks", theirs, ours);

    let [theirs, ours] = cip::of_classes(&frames, &facts);
    differ("cip classes", theirs, ours);
    let [theirs, ours] = cip::of_services(&frames, &facts);
    differ("cip", counted(theirs), counted(ours));
    let [theirs, ours] = cip::of_lists(&frames, &facts);
    differ("enip", counted(theirs), counted(ours));
    let [theirs, ours] = cip::of_connections(&frames, &facts);
    differ("cip connections", theirs, ours);

    let theirs = asked(&frames, |frame| {
        let services = frame["opcua.servicenodeid.numeric"].iter();
        services.filter_map(|number| opcua(number)).collect()
    });
    let ours = operations(&facts, "opcua", |row| Some(own_opcua(row).to_owned()));
    differ("opcua", counted(theirs), counted(ours));

    let theirs = asked(&frames, |frame| {
        let services = frame["pn_dcp.service_id"].iter();
        // Type 0 asks.
        services
            .zip(&frame["pn_dcp.service_type"])
            .filter(|(_, kind)| *kind == "0")
            .filter_map(|(service, _)| named(DCP, service))
            .collect()
    });
    let ours = operations(&facts, "profinet", |row| {
        let service = match row.operation.name() {
            "identify" => "identify",
            "read" => "get",
            "configure" | "reset" => "set",
            _ => return None,
        };
        Some(service.to_owned())
    });
    differ("dcp", counted(theirs), counted(ours));

    // Opening a file stands for all that follows until it is closed.
    let theirs = asked(&frames, |frame| {
        let asked = frame["dnp3.al.func"].iter();
        asked
            .filter(|code| !matches!(code.as_str(), "0" | "26" | "129" | "130" | "131"))
            .cloned()
            .collect()
    });
    let ours = operations(&facts, "dnp3", |row| function(row.detail.as_ref()));
    differ("dnp3", counted(theirs), counted(ours));

    // Causes 5, 6 and 8 ask; they have a bit for tests and one for refusals above them.
    let theirs = asked(&frames, |frame| {
        frame["iec60870_asdu.typeid"]
            .iter()
            .zip(&frame["iec60870_asdu.causetx"])
            .filter(|(kind, cause)| {
                let kind = kind.parse::<u8>().is_ok_and(|kind| kind > 44 && kind != 70);
                kind && matches!(cause.as_str(), "5" | "6" | "8")
            })
            .map(|(kind, _)| kind.clone())
            .collect()
    });
    let ours = operations(&facts, "iec104", |row| {
        let rest = row.detail.as_ref()?.strip_prefix("type ")?;
        rest.split(' ').next().map(str::to_owned)
    });
    differ("iec104", counted(theirs), counted(ours));

    let theirs = asked(&frames, |frame| {
        let kinds = frame["bacapp.type"].iter().filter(|kind| *kind == "0");
        let services = frame["bacapp.confirmed_service"].iter();
        kinds
            .zip(services)
            .filter_map(|(_, service)| named_or_not(BACNET, BACNET_TOLD, service))
            .collect()
    });
    let ours = operations(&facts, "bacnet", |row| service(BACNET, row.detail.as_ref()));
    differ("bacnet", counted(theirs), counted(ours));
    let theirs = asked(&frames, |frame| {
        let services = frame["bacapp.unconfirmed_service"].iter();
        services
            .filter_map(|service| {
                named_or_not(BACNET_UNCONFIRMED, BACNET_UNCONFIRMED_TOLD, service)
            })
            .collect()
    });
    let ours = operations(&facts, "bacnet", |row| {
        service(BACNET_UNCONFIRMED, row.detail.as_ref())
    });
    differ("bacnet unconfirmed", counted(theirs), counted(ours));

    let theirs = asked(&frames, |frame| {
        let services = frame["mms.confirmedServiceRequest"].iter();
        services
            .filter_map(|service| named_or_not(MMS, MMS_OF_TRANSFERS, service))
            .collect()
    });
    let ours = operations(&facts, "mms", |row| service(MMS, row.detail.as_ref()));
    differ("mms", counted(theirs), counted(ours));

    for (protocol, [theirs, ours]) in few::asked_by_number(&frames, &facts) {
        differ(protocol, counted(theirs), counted(ours));
    }
    let [theirs, ours] = few::topics(&frames, &facts);
    differ("mqtt", theirs, ours);

    let of_dns = frames.iter().filter(|frame| {
        frame["frame.protocols"]
            .iter()
            .any(|one| one.split(':').any(|one| one == "dns"))
    });
    let theirs = set(of_dns.flat_map(|frame| &frame["dns.qry.name"]));
    differ(
        "dns",
        theirs,
        set(facts
            .names
            .iter()
            .filter(|one| one.via == "dns")
            .map(|one| &one.name)),
    );
    let ours = set(facts
        .names
        .iter()
        .filter(|one| one.via == "tls-sni")
        .map(|one| &one.name));
    differ(
        "sni",
        set(all(&frames, "tls.handshake.extensions_server_name")),
        ours,
    );
    differ(
        "dhcp",
        set([
            "dhcp.option.hostname",
            "dhcp.fqdn.name",
            "dhcpv6.client_domain",
        ]
        .iter()
        .flat_map(|field| all(&frames, field))),
        stated(&facts, "dhcp"),
    );
    differ(
        "lldp",
        set(all(&frames, "lldp.tlv.system.name")),
        stated(&facts, "lldp"),
    );
    Some(told)
}
