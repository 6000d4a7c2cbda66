//! What Suricata calls things, and the objects of its events as far as the facts fill them.
use facts::kinds::{Conversation, Operation, RemoteSession, Verb};
use serde_json::{Value as Json, json};

use super::session::{self, Ssh, Vnc};

/// Its names of protocols (`app_proto`, `event_type`), where they differ from the decoders'.
pub(super) fn protocol(name: &str) -> &str {
    match name {
        "vnc" => "rfb",
        "kerberos" => "krb5",
        "mdns" | "llmnr" => "dns",
        other => other,
    }
}

/// Its names of what carries a flow: those of IANA's list as it spells them, else the number in three digits.
pub(super) fn transport(name: &str) -> String {
    match name {
        "icmp6" => "IPv6-ICMP".to_owned(),
        "ip/132" => "SCTP".to_owned(),
        "ip/47" => "GRE".to_owned(),
        "ip/50" => "ESP".to_owned(),
        "ip/51" => "AH".to_owned(),
        "ip/2" => "IGMP".to_owned(),
        other => match other.strip_prefix("ip/") {
            Some(number) => format!("{number:0>3}"),
            None => other.to_uppercase(),
        },
    }
}

/// Its names of versions of TLS.
pub(super) fn tls_version(flow: Option<&Conversation>) -> Option<String> {
    let version = flow?.variant.as_deref()?;
    Some(match version {
        "1.0" => "TLSv1".to_owned(),
        "1.1" | "1.2" | "1.3" => format!("TLS {version}"),
        other => other.to_owned(),
    })
}

/// Kind of an anomaly: in a packet's headers, or in what a protocol says.
pub(super) fn anomaly(what: &str) -> &'static str {
    match what.split('.').next() {
        Some("ip" | "link" | "arp" | "transport" | "vlan") => "decode",
        _ => "applayer",
    }
}

/// The object of a remote session's event.
pub(super) fn session(row: &RemoteSession) -> Option<Json> {
    let detail = row.detail.as_deref();
    Some(match row.protocol.as_str() {
        "ssh" => {
            let ssh = Ssh::of(detail);
            // It cuts the comments off.
            let software = |of: Option<&str>| {
                let software = of?.split(' ').next();
                Some(json!({ "software_version": software }))
            };
            json!({ "client": software(ssh.client), "server": software(ssh.server) })
        }
        "rdp" => {
            let protocol = session::rdp(detail).0.map(|security| match security {
                "tls" => "ssl",
                "nla" => "hybrid",
                other => other,
            });
            json!({ "cookie": row.user, "protocol": protocol })
        }
        "vnc" => {
            let vnc = Vnc::of(detail);
            let version = vnc.version.map(
                |(major, minor)| json!({ "major": format!("{major:03}"), "minor": format!("{minor:03}") }),
            );
            let security = vnc.security.map(|kind| json!({ "security_type": kind }));
            json!({ "server_protocol_version": version, "authentication": security,
                "server_security_failure_reason": vnc.refused })
        }
        _ => return None,
    })
}

/// The object of an operation's event.
pub(super) fn operation(row: &Operation, flow: Option<&Conversation>) -> Option<Json> {
    let object = row.object.as_deref();
    Some(match row.protocol.as_str() {
        "modbus" => modbus(row)?,
        "dnp3" => dnp3(row)?,
        "tftp" => {
            let packet = match row.operation {
                Verb::FileWrite => "write",
                _ => "read",
            };
            let mode = row
                .detail
                .as_deref()
                .and_then(|detail| detail.split(", ").next());
            json!({ "packet": packet, "file": object, "mode": mode })
        }
        "ftp" => {
            let command = match row.operation {
                Verb::FileRead => Some("RETR"),
                Verb::FileWrite => Some("STOR"),
                Verb::FileDelete => Some("DELE"),
                _ => None,
            };
            json!({ "command": command, "command_data": object })
        }
        "smb" => json!({ "filename": object }),
        "snmp" => {
            let version = match flow.and_then(|flow| flow.variant.as_deref()) {
                Some("v1") => Some(1),
                Some("v2c") => Some(2),
                Some("v3") => Some(3),
                _ => None,
            };
            let asked = row
                .detail
                .as_deref()
                .and_then(|detail| detail.split(", ").next());
            let kind = asked.and_then(|asked| match asked {
                "get" => Some("get_request"),
                "get-next" => Some("get_next_request"),
                "get-bulk" => Some("get_bulk_request"),
                "set" => Some("set_request"),
                _ => None,
            });
            let vars: Option<Vec<&str>> = object.map(|object| object.split(", ").collect());
            json!({ "version": version, "pdu_type": kind, "vars": vars })
        }
        "http" => json!({ "url": object.filter(|object| object.starts_with('/')) }),
        _ => return None,
    })
}

fn modbus(row: &Operation) -> Option<Json> {
    let rest = row.detail.as_deref()?.strip_prefix("function ")?;
    let function: u8 = rest.split([',', '/']).next()?.parse().ok()?;
    let name = match function {
        1 => "RdCoils",
        2 => "RdDiscreteInputs",
        3 => "RdHoldRegs",
        4 => "RdInputRegs",
        5 => "WrSingleCoil",
        6 => "WrSingleReg",
        7 => "RdExcStatus",
        8 => "Diagnostic",
        15 => "WrMultCoils",
        16 => "WrMultRegs",
        17 => "ReportServerID",
        20 => "RdFileRec",
        21 => "WrFileRec",
        22 => "MaskWrReg",
        23 => "RdWrMultRegs",
        24 => "RdFIFOQueue",
        43 => "MEI",
        _ => return None,
    };
    let object = row.object.as_deref().unwrap_or_default();
    let unit = object
        .strip_prefix("unit ")
        .and_then(|rest| rest.split(' ').next());
    let unit: Option<u8> = unit.and_then(|unit| unit.parse().ok());
    let mut request = json!({ "unit_id": unit, "function_raw": function, "function_code": name });
    let place = object.rsplit_once(' ').map(|(_, place)| place);
    let range = place
        .filter(|_| matches!(function, 1..=4))
        .and_then(|place| {
            let (from, to) = place.split_once('-').unwrap_or((place, place));
            Some((from.parse::<u32>().ok()?, to.parse::<u32>().ok()?))
        });
    if let (Some((from, to)), Some(request)) = (range, request.as_object_mut()) {
        let quantity = to.saturating_sub(from).saturating_add(1);
        request.insert(
            "read".to_owned(),
            json!({ "address": from, "quantity": quantity }),
        );
    }
    Some(json!({ "request": request }))
}

/// `outstation 1 g60v2, g60v3` and `function 1, read, classes`.
fn dnp3(row: &Operation) -> Option<Json> {
    let rest = row.detail.as_deref()?.strip_prefix("function ")?;
    let function: u8 = rest.split(',').next()?.parse().ok()?;
    let object = row.object.as_deref().unwrap_or_default();
    let station = object.strip_prefix("outstation ");
    let station: Option<u16> = station.and_then(|rest| rest.split(' ').next()?.parse().ok());
    let objects = object.split([' ', ',']).filter_map(|word| {
        let (group, variation) = word.strip_prefix('g')?.split_once('v')?;
        let variation = variation.split('[').next()?;
        let (group, variation): (u8, u8) = (group.parse().ok()?, variation.parse().ok()?);
        Some(json!({ "group": group, "variation": variation }))
    });
    let objects: Vec<Json> = objects.collect();
    Some(json!({
        "type": "request", "dst": station,
        "application": { "function_code": function, "objects": objects },
    }))
}

#[test]
fn objects_are_those_that_suricata_writes_of_the_same_messages() {
    // What version 7.0.10 has of the same captures, as far as the facts tell it.
    let told = |protocol: &str, verb: Verb, object: &str, detail: &str| {
        let row = Operation {
            protocol: protocol.to_owned(),
            operation: verb,
            object: Some(object.to_owned()),
            detail: Some(detail.to_owned()),
            ..Operation::default()
        };
        let flow = Conversation {
            variant: Some("v1".into()),
            ..Conversation::default()
        };
        operation(&row, Some(&flow)).unwrap()
    };
    assert_eq!(
        told(
            "modbus",
            Verb::Read,
            "unit 1 coils 10-109",
            "function 1, illegal data address"
        ),
        json!({ "request": { "unit_id": 1, "function_raw": 1, "function_code": "RdCoils",
            "read": { "address": 10, "quantity": 100 } } })
    );
    assert_eq!(
        told(
            "dnp3",
            Verb::Read,
            "outstation 1 g60v1, g12v1[3]",
            "function 1, read, classes"
        ),
        json!({ "type": "request", "dst": 1, "application": { "function_code": 1,
            "objects": [{ "group": 60, "variation": 1 }, { "group": 12, "variation": 1 }] } })
    );
    assert_eq!(
        told("tftp", Verb::FileRead, "rfc1350.txt", "octet"),
        json!({ "packet": "read", "file": "rfc1350.txt", "mode": "octet" })
    );
    assert_eq!(
        told("snmp", Verb::Read, "1.3.6.1.2.1.1.4.0", "get-next"),
        json!({ "version": 1, "pdu_type": "get_next_request", "vars": ["1.3.6.1.2.1.1.4.0"] })
    );
    let of = |protocol: &str, user: Option<&str>, detail: &str| {
        session(&RemoteSession {
            protocol: protocol.to_owned(),
            user: user.map(str::to_owned),
            detail: Some(detail.to_owned()),
            ..RemoteSession::default()
        })
        .unwrap()
    };
    assert_eq!(
        of(
            "ssh",
            None,
            "client OpenSSH_6.2; server OpenSSH_6.7p1 Debian-3; by sizes: login refused once"
        ),
        json!({ "client": { "software_version": "OpenSSH_6.2" }, "server": { "software_version": "OpenSSH_6.7p1" } })
    );
    assert_eq!(
        of(
            "rdp",
            Some("Administr"),
            "offered rdp; selected rdp; client build 2600"
        ),
        json!({ "cookie": "Administr", "protocol": "rdp" })
    );
    assert_eq!(
        of(
            "vnc",
            None,
            "version 3.889; offers apple-dh; security apple-dh; authentication refused"
        ),
        json!({ "server_protocol_version": { "major": "003", "minor": "889" },
            "authentication": { "security_type": 30 }, "server_security_failure_reason": null })
    );
    assert_eq!(transport("ip/89"), "089");
}
