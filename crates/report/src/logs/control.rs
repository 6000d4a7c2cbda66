//! Operations as lines of the logs that Zeek and the ICSNPP parsers (github.com/cisagov/icsnpp) write of control protocols.
//!
//! Each has the columns of theirs that the facts fill, by their names and with their words, and behind these what an
//! operation is here, which is the same in all. Where neither writes a log of a protocol, or one of its messages alone,
//! it is called by the protocol and has the latter columns only. What has no internet address has `srcmac` and `dstmac`, as the log of
//! EtherCAT does.
use std::io;

use facts::kinds::{Operation, Outcome, Verb};

use super::flows::{Ends, Flows};
use super::zeek::{Cell, Log, Pen, Type, head, with};

macro_rules! columns {
    ([$($first:literal: $first_kind:ident),*] [$($own:literal: $kind:ident),* $(,)?]) => {
        &[
            $(($first, Type::$first_kind),)*
            $(($own, Type::$kind),)*
            ("operation", Type::String),
            ("object", Type::String),
            ("function", Type::String),
            ("outcome", Type::String),
            ("content_bytes", Type::Count),
            ("content_sha256", Type::String),
            ("count", Type::Count),
            ("last", Type::Time),
        ]
    };
}

macro_rules! control {
    ($name:ident = $path:literal [$($columns:tt)*]) => {
        const $name: Log = Log {
            path: $path,
            columns: columns!([
                "ts": Time, "uid": String, "id.orig_h": Addr, "id.orig_p": Port, "id.resp_h": Addr, "id.resp_p": Port,
                "is_orig": Bool, "source_h": Addr, "source_p": Port, "destination_h": Addr, "destination_p": Port
            ] [$($columns)*]),
        };
    };
}

control!(MODBUS = "modbus_detailed" ["unit": Count, "func": String, "address": Count, "quantity": Count, "matched": Bool,
    "misc": String]);
control!(S7COMM = "s7comm" ["rosctr_code": Count, "rosctr_name": String, "function_code": String, "function_name": String,
    "subfunction_code": String, "subfunction_name": String, "error_class": String, "error_code": String]);
control!(CIP = "cip" ["direction": String, "cip_service": String, "class_id": String, "class_name": String,
    "instance_id": String, "attribute_id": String]);
control!(DNP3 = "dnp3" ["fc_request": String, "fc_reply": String]);
control!(DNP3_CONTROL = "dnp3_control" ["block_type": String, "function_code": String, "index_number": Count]);
control!(BACNET = "bacnet" ["pdu_service": String, "result_code": String]);
control!(OPCUA = "opcua_binary" ["msg_type": String, "identifier_str": String]);
control!(PROFINET_CM = "profinet_io_cm" ["packet_type": String, "operation_num": String]);
control!(OTHER = "" []);

const LAYER_2: Log = Log {
    path: "",
    columns: columns!(["ts": Time, "srcmac": String, "dstmac": String] []),
};

pub(super) fn operation(row: &Operation, flows: &Flows<'_>, pen: &mut Pen<'_>) -> io::Result<()> {
    let flow = flows.find(row.community_id.as_deref(), row.time);
    let ends = Ends::or(flow, row.source, row.target);
    if !ends.are_ip() {
        let mac = |end: facts::Address| Cell::from(end.to_string());
        let cells = vec![row.time.into(), mac(row.source), mac(row.target)];
        return pen.line(&LAYER_2, &name(&row.protocol), with(cells, tail(row)));
    }
    // Who asked may be the end that was called: the ends of the conversation are not those of the operation.
    let is_orig = ends.client.0 == row.source;
    let (source, destination) = if is_orig {
        (ends.client, ends.server)
    } else {
        (ends.server, ends.client)
    };
    let port = |port: Option<u16>| Cell::from(port.map(u64::from));
    let mut cells = head(row.time, flow, ends);
    cells.extend([
        is_orig.into(),
        source.0.into(),
        port(source.1),
        destination.0.into(),
        port(destination.1),
    ]);
    let (log, own) = own(row);
    let path = if log.path.is_empty() {
        name(&row.protocol)
    } else {
        log.path.to_owned()
    };
    cells.extend(own);
    pen.line(log, &path, with(cells, tail(row)))
}

/// What an operation is here.
fn tail(row: &Operation) -> Vec<Cell> {
    vec![
        row.operation.name().into(),
        row.object.as_deref().into(),
        row.detail.as_deref().into(),
        row.outcome.map(Outcome::name).into(),
        row.content_bytes.into(),
        row.content_sha256.as_deref().into(),
        row.count.into(),
        row.last.into(),
    ]
}

/// The log of a protocol that has none of its own columns here.
fn name(protocol: &str) -> String {
    match protocol {
        "fins" => "omron_fins_general".to_owned(),
        "hart-ip" => "hart_ip_general".to_owned(),
        "ethercat" => "ecat_registers".to_owned(),
        "synchrophasor" => "synchrophasor_cmd".to_owned(),
        // These have logs of Zeek's own, of other columns.
        "conn" | "dns" | "ssl" | "http" | "ssh" | "rdp" | "rfb" | "files" | "weird" | "notice"
        | "software" | "ftp" | "ntp" | "snmp" | "mqtt" | "sip" => {
            format!("{}_operations", protocol.replace('-', "_"))
        }
        other => other.replace('-', "_"),
    }
}

/// The log and its own columns.
fn own(row: &Operation) -> (&'static Log, Vec<Cell>) {
    let words = Words::of(row);
    match row.protocol.as_str() {
        "modbus" | "modbus-rtu" => (&MODBUS, modbus(row, &words)),
        "s7comm" => (&S7COMM, s7comm(row, &words)),
        "enip" | "enip-io" => (&CIP, cip(&words)),
        "dnp3" if row.operation == Verb::Operate => (&DNP3_CONTROL, dnp3_control(&words)),
        "dnp3" => {
            let reply = words.answered.then_some("RESPONSE");
            (&DNP3, vec![dnp3_function(&words).into(), reply.into()])
        }
        "bacnet" => {
            let refused = words.refusal().map(|word| word.replace(' ', "-"));
            (
                &BACNET,
                vec![words.first().map(snake).into(), refused.into()],
            )
        }
        "opcua" => (&OPCUA, vec!["MSG".into(), opcua(row, &words).into()]),
        "profinet-cm" => (
            &PROFINET_CM,
            vec!["Request".into(), profinet(row, &words).into()],
        ),
        _ => (&OTHER, Vec::new()),
    }
}

/// The texts of an operation, taken apart.
struct Words<'r> {
    object: &'r str,
    detail: &'r str,
    answered: bool,
    refused: bool,
}

impl<'r> Words<'r> {
    fn of(row: &'r Operation) -> Words<'r> {
        Words {
            object: row.object.as_deref().unwrap_or_default(),
            detail: row.detail.as_deref().unwrap_or_default(),
            answered: matches!(row.outcome, Some(Outcome::Ok | Outcome::Refused)),
            refused: row.outcome == Some(Outcome::Refused),
        }
    }

    /// What the protocol calls it: the detail as far as the first comma.
    fn first(&self) -> Option<&'r str> {
        let first = self.detail.split(", ").next();
        first.filter(|first| !first.is_empty())
    }

    /// Why it was refused: the last of the detail.
    fn refusal(&self) -> Option<&'r str> {
        let last = self.detail.rsplit_once(", ");
        last.map(|(_, last)| last).filter(|_| self.refused)
    }

    /// The number behind `function ` at the detail's beginning.
    fn function(&self) -> Option<u8> {
        let rest = self.detail.strip_prefix("function ")?;
        let digits = rest.split([',', '/', ' ']).next()?;
        match digits.strip_prefix("0x") {
            Some(digits) => u8::from_str_radix(digits, 16).ok(),
            None => digits.parse().ok(),
        }
    }
}

fn hex(code: u8) -> String {
    format!("0x{code:02x}")
}

/// `readProperty` and `who-Is` as `read_property` and `who_is`.
fn snake(word: &str) -> String {
    let mut out = String::with_capacity(word.len() + 4);
    for c in word.chars() {
        if c == '-' || c == ' ' {
            out.push('_');
        } else {
            if c.is_ascii_uppercase() && !out.is_empty() && !out.ends_with('_') {
                out.push('_');
            }
            out.push(c.to_ascii_lowercase());
        }
    }
    out
}

/// Zeek's names of function codes (its `modbus` scripts).
fn modbus_function(code: u8) -> Option<&'static str> {
    Some(match code {
        1 => "READ_COILS",
        2 => "READ_DISCRETE_INPUTS",
        3 => "READ_HOLDING_REGISTERS",
        4 => "READ_INPUT_REGISTERS",
        5 => "WRITE_SINGLE_COIL",
        6 => "WRITE_SINGLE_REGISTER",
        7 => "READ_EXCEPTION_STATUS",
        8 => "DIAGNOSTICS",
        11 => "GET_COMM_EVENT_COUNTER",
        12 => "GET_COMM_EVENT_LOG",
        15 => "WRITE_MULTIPLE_COILS",
        16 => "WRITE_MULTIPLE_REGISTERS",
        17 => "REPORT_SLAVE_ID",
        20 => "READ_FILE_RECORD",
        21 => "WRITE_FILE_RECORD",
        22 => "MASK_WRITE_REGISTER",
        23 => "READ_WRITE_MULTIPLE_REGISTERS",
        24 => "READ_FIFO_QUEUE",
        43 => "ENCAP_INTERFACE_TRANSPORT",
        90 => "PROGRAM_UNITY",
        _ => return None,
    })
}

fn modbus(row: &Operation, words: &Words<'_>) -> Vec<Cell> {
    let unit = words.object.strip_prefix("unit ");
    let unit = unit.and_then(|rest| rest.split(' ').next()?.parse::<u64>().ok());
    // UMAS, of function 90, tells its own number first.
    let code = match words.detail.strip_prefix("UMAS ") {
        Some(_) => Some(90),
        None => words.function(),
    };
    let func = code
        .map(|code| modbus_function(code).map_or_else(|| format!("unknown-{code}"), str::to_owned));
    let counted = ["coil", "input", "register", "queue"];
    let place = (words.object.rsplit_once(' '))
        .filter(|(what, _)| counted.iter().any(|word| what.contains(word)));
    let range = place.and_then(|(_, place)| {
        let (from, to) = place.split_once('-').unwrap_or((place, place));
        Some((from.parse::<u64>().ok()?, to.parse::<u64>().ok()?))
    });
    let misc = words.refusal().map(|word| {
        let word = word.replace("server device", "slave device");
        word.to_ascii_uppercase().replace(' ', "_")
    });
    let counts = matches!(code, Some(1..=6 | 15 | 16));
    vec![
        unit.into(),
        func.into(),
        range.map(|(from, _)| from).into(),
        range
            .filter(|_| counts)
            .map(|(from, to)| to.saturating_sub(from).saturating_add(1))
            .into(),
        row.outcome.map(|_| words.answered).into(),
        misc.into(),
    ]
}

/// Kind of message, function and subfunction, by the names of ICSNPP's log.
fn s7comm(row: &Operation, words: &Words<'_>) -> Vec<Cell> {
    let (function, name, sub): (u8, &str, Option<(u8, &str)>) = match words.first() {
        _ if words.object.starts_with("SZL ") => (0x44, "CPU Functions", Some((1, "Read SZL"))),
        Some("message service") => (0x44, "CPU Functions", Some((2, "Message Service"))),
        Some("list blocks") => (0x43, "Block Functions", Some((1, "List Blocks"))),
        Some("list blocks of type") => (0x43, "Block Functions", Some((2, "List Blocks of Type"))),
        Some("block information") => (0x43, "Block Functions", Some((3, "Get Block Info"))),
        Some("read clock") => (0x47, "Time Functions", Some((1, "Read Clock"))),
        Some("set clock") => (0x47, "Time Functions", Some((2, "Set Clock"))),
        Some("password") => (0x45, "Security", Some((1, "PLC Password"))),
        Some(service) if service.starts_with("program service") => (0x28, "PLC Control", None),
        _ => match (words.function(), row.operation) {
            (Some(0x04), _) => (0x04, "Read Variable", None),
            (Some(0x05), _) => (0x05, "Write Variable", None),
            (Some(0x29), _) => (0x29, "PLC Stop", None),
            (None, Verb::ProgramDownload) => (0x1a, "Request Download", None),
            (None, Verb::ProgramUpload) => (0x1d, "Start Upload", None),
            _ => return (0..8).map(|_| Cell::Unset).collect(),
        },
    };
    let userdata = function > 0x40;
    let (rosctr, kind) = if userdata {
        (7, "User-Data")
    } else {
        (1, "Job-Request")
    };
    let name = if userdata {
        format!("Request: {name}")
    } else {
        name.to_owned()
    };
    let error = words.detail.split(", ").find_map(|part| {
        let code = part.strip_prefix("error 0x")?.split(' ').next()?;
        u16::from_str_radix(code, 16).ok().filter(|_| words.refused)
    });
    let [class, code] = error.unwrap_or_default().to_be_bytes();
    vec![
        Cell::Number(rosctr),
        kind.into(),
        hex(function).into(),
        name.into(),
        sub.map(|(code, _)| hex(code)).into(),
        sub.map(|(_, name)| name).into(),
        error.map(|_| error_class(class)).into(),
        error.map(|_| hex(code)).into(),
    ]
}

fn error_class(class: u8) -> String {
    match class {
        0x00 => "No error".to_owned(),
        0x81 => "Application relationship error".to_owned(),
        0x82 => "Object definition error".to_owned(),
        0x84 => "Error on service processing".to_owned(),
        0x85 => "Error on supplies".to_owned(),
        0x87 => "Access error".to_owned(),
        other => format!("Unknown error class-0x{other:02x}"),
    }
}

/// `Identity 1`, `class 0x73 2`, `Assembly 100 attribute 3`.
fn cip(words: &Words<'_>) -> Vec<Cell> {
    let (object, attribute) = match words.object.split_once(" attribute ") {
        Some((object, attribute)) => (object, attribute.parse::<u64>().ok()),
        None => (words.object, None),
    };
    let (class, instance) = match object.rsplit_once(' ') {
        Some((class, number)) => match number.parse::<u64>() {
            Ok(number) => (class, Some(number)),
            Err(_) => (object, None),
        },
        None => (object, None),
    };
    let class_id = class.strip_prefix("class ");
    // A tag is a name too, and no class.
    let tag = words.first().is_some_and(|first| first.contains("Tag"));
    let class_name = Some(class).filter(|name| class_id.is_none() && !name.is_empty() && !tag);
    let code = |number: u64| format!("0x{number:02x}");
    vec![
        "request".into(),
        words.first().into(),
        class_id.into(),
        class_name.into(),
        instance.filter(|_| !tag).map(code).into(),
        attribute.map(code).into(),
    ]
}

/// Zeek's names of function codes (its `dnp3` scripts).
fn dnp3_function(words: &Words<'_>) -> Option<&'static str> {
    const NAMES: &[&str] = &[
        "CONFIRM",
        "READ",
        "WRITE",
        "SELECT",
        "OPERATE",
        "DIRECT_OPERATE",
        "DIRECT_OPERATE_NR",
        "IMMED_FREEZE",
        "IMMED_FREEZE_NR",
        "FREEZE_CLEAR",
        "FREEZE_CLEAR_NR",
        "FREEZE_AT_TIME",
        "FREEZE_AT_TIME_NR",
        "COLD_RESTART",
        "WARM_RESTART",
        "INITIALIZE_DATA",
        "INITIALIZE_APPL",
        "START_APPL",
        "STOP_APPL",
        "SAVE_CONFIG",
        "ENABLE_UNSOLICITED",
        "DISABLE_UNSOLICITED",
        "ASSIGN_CLASS",
        "DELAY_MEASURE",
        "RECORD_CURRENT_TIME",
        "OPEN_FILE",
        "CLOSE_FILE",
        "DELETE_FILE",
        "GET_FILE_INFO",
        "AUTHENTICATE_FILE",
        "ABORT_FILE",
        "ACTIVATE_CONFIG",
        "AUTHENTICATE_REQ",
        "AUTHENTICATE_ERR",
    ];
    NAMES.get(usize::from(words.function()?)).copied()
}

/// `outstation 4 g12v1[1]`: group 12 is a relay, 41 an analog output (IEEE 1815, 11.9).
fn dnp3_control(words: &Words<'_>) -> Vec<Cell> {
    let point = words.object.split(' ').find(|word| word.starts_with('g'));
    let point = point.map_or("", |point| point.trim_end_matches(','));
    let block = match point.split('v').next() {
        Some("g12") => Some("Control Relay Output Block"),
        Some("g41") => Some("Analog Output Block"),
        _ => None,
    };
    let index = point.split_once('[');
    let index = index.and_then(|(_, index)| index.strip_suffix(']')?.parse::<u64>().ok());
    vec![block.into(), dnp3_function(words).into(), index.into()]
}

/// The message's name (OPC 10000-4), where the words tell which of several it was.
fn opcua(row: &Operation, words: &Words<'_>) -> Option<&'static str> {
    Some(match (words.first(), row.operation) {
        (Some("browse"), _) => "BrowseRequest",
        (Some("publish"), _) => "PublishRequest",
        (Some("subscribe"), _) => "CreateMonitoredItemsRequest",
        (Some("create subscription"), _) => "CreateSubscriptionRequest",
        (Some("translate paths"), _) => "TranslateBrowsePathsToNodeIdsRequest",
        (Some("history"), _) => "HistoryReadRequest",
        (Some("history update"), _) => "HistoryUpdateRequest",
        (Some("find servers"), _) => "FindServersRequest",
        (Some("get endpoints"), _) => "GetEndpointsRequest",
        (Some("register server"), _) => "RegisterServerRequest",
        (Some("add nodes"), _) => "AddNodesRequest",
        (Some("add references"), _) => "AddReferencesRequest",
        (Some("delete nodes"), _) => "DeleteNodesRequest",
        (Some("delete references"), _) => "DeleteReferencesRequest",
        (Some("query"), _) => return None,
        (_, Verb::Read) => "ReadRequest",
        (_, Verb::Write) => "WriteRequest",
        (_, Verb::Operate) => "CallRequest",
        _ => return None,
    })
}

/// IEC 61158-6-10: the five calls of the interface.
fn profinet(row: &Operation, words: &Words<'_>) -> Option<&'static str> {
    Some(match (words.first(), row.operation) {
        (Some("connect"), _) => "Connect",
        (Some("release"), _) => "Release",
        (Some("control"), _) => "Control",
        (_, Verb::ParameterChange) => "Write",
        (_, Verb::Read | Verb::Identify) => "Read",
        _ => return None,
    })
}

#[test]
fn the_words_of_an_operation_fill_the_columns_that_icsnpp_names() {
    /// The own columns that are filled.
    fn told(protocol: &str, verb: Verb, object: &str, detail: &str, outcome: Outcome) -> String {
        let row = Operation {
            protocol: protocol.to_owned(),
            operation: verb,
            object: Some(object.to_owned()).filter(|object| !object.is_empty()),
            detail: Some(detail.to_owned()).filter(|detail| !detail.is_empty()),
            outcome: Some(outcome),
            ..Operation::default()
        };
        let (log, cells) = own(&row);
        let columns = log.columns.iter().skip(11).zip(cells);
        let filled = columns.filter_map(|((name, _), cell)| {
            let text = super::zeek::text(cell);
            (text != "-").then(|| format!("{name}={text}"))
        });
        format!("{}: {}", log.path, filled.collect::<Vec<_>>().join(" "))
    }
    // Those of ICSNPP are what its parsers write of its own sample captures, in which these operations are.
    let (ok, refused) = (Outcome::Ok, Outcome::Refused);
    let cases = [
        (
            told(
                "modbus",
                Verb::Read,
                "unit 5 holding registers 1-8",
                "function 3",
                ok,
            ),
            "modbus_detailed: unit=5 func=READ_HOLDING_REGISTERS address=1 quantity=8 matched=T",
        ),
        (
            told(
                "modbus",
                Verb::Read,
                "unit 0 holding registers 600-609",
                "function 3, illegal data address",
                refused,
            ),
            "modbus_detailed: unit=0 func=READ_HOLDING_REGISTERS address=600 quantity=10 matched=T misc=ILLEGAL_DATA_ADDRESS",
        ),
        (
            told(
                "modbus",
                Verb::Write,
                "unit 4 holding register 10",
                "function 22",
                ok,
            ),
            "modbus_detailed: unit=4 func=MASK_WRITE_REGISTER address=10 matched=T",
        ),
        (
            told(
                "s7comm",
                Verb::ProgramUpload,
                "SDB1",
                "error 0xd241 not permitted at the current protection level",
                refused,
            ),
            "s7comm: rosctr_code=1 rosctr_name=Job-Request function_code=0x1d function_name=Start Upload \
             error_class=Unknown error class-0xd2 error_code=0x41",
        ),
        (
            told("modbus", Verb::Identify, "unit 2", "function 17", ok),
            "modbus_detailed: unit=2 func=REPORT_SLAVE_ID matched=T",
        ),
        (
            told(
                "s7comm",
                Verb::Identify,
                "SZL 0x001c index 0x0000",
                "component identification",
                ok,
            ),
            "s7comm: rosctr_code=7 rosctr_name=User-Data function_code=0x44 function_name=Request: CPU Functions \
             subfunction_code=0x01 subfunction_name=Read SZL",
        ),
        (
            told("s7comm", Verb::ProgramUpload, "OB1", "", ok),
            "s7comm: rosctr_code=1 rosctr_name=Job-Request function_code=0x1d function_name=Start Upload",
        ),
        (
            told(
                "enip",
                Verb::Identify,
                "Identity 1",
                "Get Attribute List, via port 1 address 0",
                ok,
            ),
            "cip: direction=request cip_service=Get Attribute List class_name=Identity instance_id=0x01",
        ),
        (
            told(
                "enip",
                Verb::Diagnose,
                "class 0x73 1",
                "Get Attribute List",
                ok,
            ),
            "cip: direction=request cip_service=Get Attribute List class_id=0x73 instance_id=0x01",
        ),
        (
            told("enip", Verb::Read, "SPEED 2", "Read Tag", ok),
            "cip: direction=request cip_service=Read Tag",
        ),
        (
            told(
                "dnp3",
                Verb::Read,
                "outstation 1 g60v1",
                "function 1, read, classes",
                ok,
            ),
            "dnp3: fc_request=READ fc_reply=RESPONSE",
        ),
        (
            told(
                "dnp3",
                Verb::Operate,
                "outstation 4 g12v1[8]",
                "function 3, select, control relay: latch on",
                ok,
            ),
            "dnp3_control: block_type=Control Relay Output Block function_code=SELECT index_number=8",
        ),
        (
            told(
                "bacnet",
                Verb::Reset,
                "",
                "reinitializeDevice, abort restore, password failure",
                refused,
            ),
            "bacnet: pdu_service=reinitialize_device result_code=password-failure",
        ),
        (
            told(
                "opcua",
                Verb::Write,
                "ns=1;s=the.answer",
                "user user1, node id unknown",
                refused,
            ),
            "opcua_binary: msg_type=MSG identifier_str=WriteRequest",
        ),
        (
            told(
                "profinet-cm",
                Verb::Configure,
                "IO connection",
                "release",
                ok,
            ),
            "profinet_io_cm: packet_type=Request operation_num=Release",
        ),
    ];
    for (told, expected) in cases {
        assert_eq!(told, expected);
    }
}
