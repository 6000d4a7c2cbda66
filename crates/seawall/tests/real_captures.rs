//! Captures that others made: every one is read, control operations are found where they are and nowhere else, and what is
//! read agrees with tshark.
// Long because what differs from tshark, each with its reason, is read beside the test that holds it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests may fail loudly"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use facts::Facts;
use support::{base_name, real_captures, seawall};

fn read(path: &Path) -> Facts {
    let captures = sensor::Captures::open(&[path.to_owned()]).unwrap();
    sensor::observe(&captures, 1, 0, &|_, _| {}).unwrap()
}

/// Runs `check` over all captures on two threads and gives what it complained of, in the order of the captures.
fn complaints(check: impl Fn(&Path) -> Vec<String> + Sync) -> Vec<String> {
    let captures = real_captures();
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

/// What tshark tells of each frame that is compared.
const FIELDS: &[&str] = &[
    "frame.protocols",
    "ip.src",
    "ipv6.src",
    "ip.dst",
    "ipv6.dst",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.analysis.retransmission",
    "vlan.id",
    "mbtcp.unit_id",
    "modbus.func_code",
    "s7comm.header.rosctr",
    "s7comm.param.func",
    "dns.qry.name",
    "tls.handshake.extensions_server_name",
    "dhcp.option.hostname",
    "dhcp.fqdn.name",
    "dhcpv6.client_domain",
    "lldp.tlv.system.name",
    "cip.service",
    "dnp3.al.func",
    "iec60870_asdu.typeid",
    "iec60870_asdu.causetx",
    "bacapp.type",
    "bacapp.confirmed_service",
    "mms.confirmedServiceRequest",
];

/// The fields of each frame, several values apart by `|`; `None` where tshark is not installed.
fn tshark(path: &Path) -> Option<Vec<BTreeMap<&'static str, Vec<String>>>> {
    let mut command = Command::new("tshark");
    command
        .args(["-n", "-T", "fields", "-E", "aggregator=|", "-r"])
        .arg(path);
    // Reassembly across gaps is left to tshark; names are not looked up.
    for field in FIELDS {
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
    let frame = |line: &str| -> BTreeMap<&'static str, Vec<String>> {
        let values = line.split('\t').map(|cell| {
            cell.split('|')
                .filter(|one| !one.is_empty())
                .map(str::to_owned)
                .collect()
        });
        FIELDS.iter().copied().zip(values).collect()
    };
    Some(text.lines().map(frame).collect())
}

type Frames = [BTreeMap<&'static str, Vec<String>>];

fn all<'a>(frames: &'a Frames, field: &'a str) -> impl Iterator<Item = &'a String> {
    frames.iter().flat_map(move |frame| &frame[field])
}

/// Both ends of a TCP connection, in order.
fn ends(one: (String, String), two: (String, String)) -> String {
    let (low, high) = if one <= two { (one, two) } else { (two, one) };
    format!("{}:{} {}:{}", low.0, low.1, high.0, high.1)
}

fn connections(frames: &Frames) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    for frame in frames {
        // What an ICMP error quotes is no packet of the connection.
        let quoted = frame["frame.protocols"]
            .iter()
            .any(|one| one.contains("icmp"));
        let last = |field: &str| frame[field].last().cloned();
        let end = |four: &str, six: &str, port: &str| {
            // Inside of a tunnel the innermost address counts, be it of either version.
            let inner = frame["frame.protocols"]
                .first()?
                .rsplit(':')
                .find(|one| matches!(*one, "ip" | "ipv6"))?
                .to_owned();
            Some((
                if inner == "ip" {
                    last(four)?
                } else {
                    last(six)?
                },
                last(port)?,
            ))
        };
        if let (Some(one), Some(two), false) = (
            end("ip.src", "ipv6.src", "tcp.srcport"),
            end("ip.dst", "ipv6.dst", "tcp.dstport"),
            quoted,
        ) {
            seen.insert(ends(one, two));
        }
    }
    seen
}

fn own_connections(facts: &Facts) -> BTreeSet<String> {
    let tcp = facts
        .conversations
        .iter()
        .filter(|one| one.transport == "tcp");
    let port = |port: Option<u16>| port.map_or(String::new(), |port| port.to_string());
    tcp.map(|one| {
        ends(
            (one.client.to_string(), port(one.client_port)),
            (one.server.to_string(), port(one.server_port)),
        )
    })
    .collect()
}

/// Requests by what they ask, of frames that go to a server of that protocol.
fn requests(
    frames: &Frames,
    facts: &Facts,
    protocol: &str,
    ask: impl Fn(&BTreeMap<&'static str, Vec<String>>) -> Vec<String>,
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

/// CIP services that mean the same for every object, by code and name.
const CIP: &[(&str, &str)] = &[
    ("0x01", "Get Attributes All"),
    ("0x0e", "Get Attribute Single"),
    ("0x10", "Set Attribute Single"),
];

/// BACnet services by number and name, of those that are asked often.
const BACNET: &[(&str, &str)] = &[
    ("12", "readProperty"),
    ("14", "readPropertyMultiple"),
    ("15", "writeProperty"),
    ("20", "reinitializeDevice"),
];

/// MMS services by number and name, of those that are asked often.
const MMS: &[(&str, &str)] = &[
    ("1", "getNameList"),
    ("2", "identify"),
    ("4", "read"),
    ("5", "write"),
    ("40", "start"),
    ("41", "stop"),
    ("44", "kill"),
];

/// Requests of a protocol that runs over any port, by what `ask` finds in a frame.
fn asked(
    frames: &Frames,
    ask: impl Fn(&BTreeMap<&'static str, Vec<String>>) -> Vec<String>,
) -> BTreeMap<String, u64> {
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

/// How one capture differs: what, only tshark's, only ours.
fn compare(path: &Path) -> Vec<(&'static str, String)> {
    let Some(frames) = tshark(path) else {
        return Vec::new();
    };
    let facts = read(path);
    let mut told = Vec::new();
    let mut differ = |what: &'static str, theirs: BTreeSet<String>, ours: BTreeSet<String>| {
        let only = |a: &BTreeSet<String>, b: &BTreeSet<String>| {
            a.difference(b)
                .take(4)
                .cloned()
                .collect::<Vec<_>>()
                .join(", ")
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

    differ("connections", connections(&frames), own_connections(&facts));
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

    let theirs = requests(&frames, &facts, "s7comm", |frame| {
        let jobs = frame["s7comm.header.rosctr"]
            .iter()
            .filter(|one| *one == "1")
            .count();
        frame["s7comm.param.func"]
            .iter()
            .take(jobs)
            .filter(|one| matches!(one.as_str(), "0x04" | "0x05" | "0x29"))
            .cloned()
            .collect()
    });
    let ours = operations(&facts, "s7comm", |row| {
        function(row.detail.as_ref()).filter(|one| matches!(one.as_str(), "0x04" | "0x05" | "0x29"))
    });
    differ("s7comm", counted(theirs), counted(ours));

    let named: BTreeMap<&str, &str> = CIP.iter().copied().collect();
    let theirs = requests(&frames, &facts, "enip", |frame| {
        // The highest bit tells a response (it is no name of a service then).
        let asked = frame["cip.service"].iter();
        asked
            .filter_map(|service| named.get(service.as_str()).map(|name| (*name).to_owned()))
            .collect()
    });
    let ours = operations(&facts, "enip", |row| {
        let detail = row.detail.as_ref()?;
        CIP.iter()
            .map(|(_, name)| *name)
            .find(|name| detail.split(',').next() == Some(name))
            .map(str::to_owned)
    });
    differ("cip", counted(theirs), counted(ours));

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

    let name = |known: &[(&str, &str)], number: &String| {
        let named = known.iter().find(|(code, _)| code == number);
        named.map(|(_, name)| (*name).to_owned())
    };
    let theirs = asked(&frames, |frame| {
        let kinds = frame["bacapp.type"].iter().filter(|kind| *kind == "0");
        let services = frame["bacapp.confirmed_service"].iter();
        kinds
            .zip(services)
            .filter_map(|(_, service)| name(BACNET, service))
            .collect()
    });
    let ours = operations(&facts, "bacnet", |row| service(BACNET, row.detail.as_ref()));
    differ("bacnet", counted(theirs), counted(ours));

    let theirs = asked(&frames, |frame| {
        let services = frame["mms.confirmedServiceRequest"].iter();
        services.filter_map(|service| name(MMS, service)).collect()
    });
    let ours = operations(&facts, "mms", |row| service(MMS, row.detail.as_ref()));
    differ("mms", counted(theirs), counted(ours));

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
    told
}

/// Where we and tshark differ, and why that is right.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    (
        "AgentCarter1__S7comm-Plus-Anomaly-Detection__1.pcapng",
        "modbus",
        "two masters speak at other ports, which tshark does not look into",
    ),
    (
        "AgentCarter1__S7comm-Plus-Anomaly-Detection__1.pcapng",
        "lldp",
        "a stock text stands where the name should; PROFINET devices name themselves in the chassis ID",
    ),
    (
        "ControlThings-io__ct-samples__BACnet-MSTP-SNAP-Mixed.cap",
        "bacnet",
        "frames of a serial bus in a maker's wrapper, which are counted under its SNAP number",
    ),
    (
        "ITI__ICS-Security-Tools__cip-eth-set-2.pcap",
        "cip",
        "the answer alone was captured; it tells what was asked",
    ),
    (
        "ITI__ICS-Security-Tools__dnp3_read_p20001.pcap",
        "dnp3",
        "at another port, where tshark does not look",
    ),
    (
        "ITI__ICS-Security-Tools__file_list_directory.pcap",
        "dnp3",
        "the blocks of a file are one operation with its opening",
    ),
    (
        "ITI__ICS-Security-Tools__file_read.pcap",
        "dnp3",
        "the blocks of a file are one operation with its opening",
    ),
    (
        "ITI__ICS-Security-Tools__file_write.pcap",
        "dnp3",
        "the blocks of a file are one operation with its opening",
    ),
    (
        "ITI__ICS-Security-Tools__fuzz-72.pcap",
        "modbus",
        "a function code that the specification does not have",
    ),
    (
        "arkime__arkime__socks5-reverse.pcap",
        "connections",
        "what the proxy passes on is a conversation with the destination that was asked for",
    ),
    (
        "cisagov__icsnpp-modbus__modbus_example.pcap",
        "modbus",
        "file records with a byte count of 0, which the specification does not allow",
    ),
    (
        "digitalbond__Quickdraw-Snort__modicon_test.pcap",
        "modbus",
        "one message is longer than the specification allows",
    ),
    (
        "idaholab__Malcolm-Test-Artifacts__BACnet_device_control.pcap",
        "bacnet",
        "requests that the client repeated unanswered, and frames that were captured twice, count once",
    ),
    (
        "ntop__nDPI__badpackets.pcap",
        "dns",
        "fragments of which the rest is missing, and answers to questions that were not captured",
    ),
    (
        "ntop__nDPI__dns-tunnel-iodine.pcap",
        "dns",
        "bytes that are no text are written otherwise",
    ),
    (
        "ntop__nDPI__fuzz-2006-09-29-28586.pcap",
        "connections",
        "a damaged header",
    ),
    (
        "ntop__nDPI__malformed_dns.pcap",
        "dns",
        "a message for tshark's reader, not a name",
    ),
    (
        "seladb__PcapPlusPlus__NullLoopback.pcap",
        "dns",
        "a loopback header of no system known",
    ),
    (
        "the-tcpdump-group__tcpdump__LINKTYPE_PKTAP.pcap",
        "dns",
        "a link type that is not decoded, and said so",
    ),
    (
        "zeek__zeek__llc.pcap",
        "connections",
        "FDDI: a link type that is not decoded, and said so",
    ),
    (
        "zeek__zeek__nflog-http.pcap",
        "connections",
        "a link type that is not decoded, and said so",
    ),
    (
        "zeek__zeek__radiotap.pcap",
        "dns",
        "a link type that is not decoded, and said so",
    ),
];

#[test]
fn fields_agree_with_tshark() {
    let wrong = complaints(|path| {
        let name = base_name(path);
        let found = compare(path);
        let explained = |what: &str| {
            DIFFERENCES
                .iter()
                .any(|(file, of, _)| *file == name && *of == what)
        };
        let mut wrong: Vec<String> = found
            .iter()
            .filter(|(what, _)| !explained(what))
            .map(|(what, difference)| format!("{name}: {what}: {difference}"))
            .collect();
        let gone = DIFFERENCES
            .iter()
            .filter(|(file, of, _)| *file == name && !found.iter().any(|(what, _)| what == of));
        wrong.extend(
            gone.map(|(_, of, _)| format!("{name}: {of} agrees now; take it off the list")),
        );
        wrong
    });
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
