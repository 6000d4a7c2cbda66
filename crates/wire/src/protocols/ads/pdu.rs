//! AMS frames and ADS commands, as bytes.
use crate::{Malformed, Reader, Verb};

/// Reserved and length of AMS/TCP.
pub(super) const TCP_HEADER: usize = 6;
/// AMS header.
const HEADER: usize = 32;
/// A file or a symbol table goes in one message; the engine puts together a little more than this.
const MOST: usize = (1 << 20) - 64;

#[derive(Clone, Copy)]
pub(super) struct Ams<'a> {
    pub target: NetId,
    pub target_port: u16,
    pub source: NetId,
    pub source_port: u16,
    pub command: u16,
    pub response: bool,
    pub error: u32,
    pub invoke: u32,
    pub data: &'a [u8],
    /// Octets of the whole on TCP.
    pub length: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct NetId(pub [u8; 6]);

impl std::fmt::Display for NetId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts: Vec<String> = self.0.iter().map(u8::to_string).collect();
        f.write_str(&parts.join("."))
    }
}

impl<'a> Ams<'a> {
    /// Infosys, ADS specification, AMS/TCP and AMS header. `Ok(None)`: a message to the local router, of no interest.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Result<Ams<'a>, usize>, Malformed> {
        let mut r = Reader::new(bytes);
        let kind = r.u16_le()?;
        let length = usize::try_from(r.u32_le()?).unwrap_or(usize::MAX);
        let whole = length.saturating_add(TCP_HEADER);
        // Port open, close, notes of the router.
        if matches!(kind, 1 | 0x1000..=0x1002) && length <= 64 {
            return Ok(Err(whole));
        }
        r.check(kind == 0, "reserved")?;
        r.check((HEADER..=MOST).contains(&length), "length")?;
        let (target, target_port) = (NetId(r.array()?), r.u16_le()?);
        let (source, source_port) = (NetId(r.array()?), r.u16_le()?);
        let (command, flags) = (r.u16_le()?, r.u16_le()?);
        let size = r.u32_le()?;
        r.check(command <= 9, "command")?;
        r.check(flags & 0x0004 != 0 && flags & 0xfe00 == 0, "state flags")?;
        r.check(
            usize::try_from(size) == Ok(length - HEADER),
            "length of data",
        )?;
        let (error, invoke) = (r.u32_le()?, r.u32_le()?);
        let data = r.peek();
        Ok(Ok(Ams {
            target,
            target_port,
            source,
            source_port,
            command,
            response: flags & 1 != 0,
            error,
            invoke,
            data: data
                .get(..(length - HEADER).min(data.len()))
                .unwrap_or(data),
            length: whole,
        }))
    }
}

/// What a request asks.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Request {
    pub group: u32,
    pub offset: u32,
    /// Octets asked for.
    pub read: u32,
    /// Where the octets written begin in the data, and how many they are.
    pub content: (usize, usize),
    /// State to set, and state of the device.
    pub state: u16,
}

impl Request {
    pub(super) fn read(command: u16, data: &[u8]) -> Result<Request, Malformed> {
        let mut r = Reader::new(data);
        let mut request = Request::default();
        let length = |length: u32| usize::try_from(length).unwrap_or(usize::MAX);
        match command {
            2 => {
                (request.group, request.offset, request.read) =
                    (r.u32_le()?, r.u32_le()?, r.u32_le()?);
            }
            3 => {
                (request.group, request.offset) = (r.u32_le()?, r.u32_le()?);
                request.content = (12, length(r.u32_le()?));
            }
            5 => {
                request.state = r.u16_le()?;
                r.skip(2)?;
                request.content = (8, length(r.u32_le()?));
            }
            6 => {
                (request.group, request.offset, request.read) =
                    (r.u32_le()?, r.u32_le()?, r.u32_le()?);
            }
            7 => request.offset = r.u32_le()?,
            9 => {
                (request.group, request.offset, request.read) =
                    (r.u32_le()?, r.u32_le()?, r.u32_le()?);
                request.content = (16, length(r.u32_le()?));
            }
            _ => {}
        }
        let (start, count) = request.content;
        r.check(
            count == 0 || start.saturating_add(count) <= data.len(),
            "length of content",
        )?;
        Ok(request)
    }

    pub(super) fn content<'a>(&self, data: &'a [u8]) -> &'a [u8] {
        let (start, count) = self.content;
        data.get(start..start.saturating_add(count)).unwrap_or(&[])
    }
}

pub(super) const fn command_name(command: u16) -> &'static str {
    match command {
        1 => "read device info",
        2 => "read",
        3 => "write",
        4 => "read state",
        5 => "write control",
        6 => "add notification",
        7 => "delete notification",
        8 => "notification",
        9 => "read write",
        _ => "invalid",
    }
}

/// Infosys, ADS state.
pub(super) fn state_name(state: u16) -> String {
    match state {
        1 => "idle",
        2 => "reset",
        3 => "init",
        4 => "start",
        5 => "run",
        6 => "stop",
        7 => "save configuration",
        8 => "load configuration",
        9 => "power failure",
        10 => "power good",
        11 => "error",
        12 => "shutdown",
        13 => "suspend",
        14 => "resume",
        15 => "config",
        16 => "reconfig",
        other => return format!("state {other}"),
    }
    .to_owned()
}

pub(super) const fn state_verb(state: u16) -> Verb {
    match state {
        4 | 5 | 14 => Verb::Start,
        6 | 12 | 13 => Verb::Stop,
        2 | 3 => Verb::Reset,
        _ => Verb::ModeChange,
    }
}

/// Who is behind an AMS port.
pub(super) fn port_name(port: u16) -> String {
    match port {
        1 => "router".to_owned(),
        100 => "logger".to_owned(),
        110 => "event logger".to_owned(),
        300 => "I/O".to_owned(),
        500 => "NC".to_owned(),
        501 => "NC SAF".to_owned(),
        800..=899 => format!("PLC {port}"),
        900 => "cam switch".to_owned(),
        10_000 => "system service".to_owned(),
        other => format!("port {other}"),
    }
}

/// What an index group names (Infosys: ADS system services, PLC memory, files), and whether reading it or writing it is
/// more than that.
pub(super) const fn group_name(group: u32, system: bool) -> Option<&'static str> {
    Some(match group {
        0xf003 => "symbol handle",
        0xf004 => "symbol value by name",
        0xf005 => "symbol value by handle",
        0xf006 => "release symbol handle",
        0xf007 | 0xf009 => "symbol information by name",
        0xf00b => "symbol table",
        0xf00c | 0xf00f => "symbol table information",
        0xf010 => "data type table",
        0xf020 | 0xf021 | 0xf025 => "inputs",
        0xf030 | 0xf031 | 0xf035 => "outputs",
        0xf080 => "list of reads",
        0xf081 => "list of writes",
        0xf082 => "list of read writes",
        0xf083..=0xf086 => "list",
        0x4020 | 0x4021 => "flags",
        0x4030 | 0x4031 => "retain data",
        0x4040 => "data",
        120 if system => "file open",
        121 if system => "file close",
        122 if system => "file read",
        123 if system => "file write",
        124..=130 if system => "file position or line",
        131 if system => "file delete",
        132 if system => "file rename",
        133 if system => "file find",
        138 | 139 if system => "directory make or remove",
        200 if system => "registry",
        400 if system => "time service",
        500 if system => "start process",
        700 | 701 if system => "system information",
        801 if system => "add route",
        802 if system => "delete route",
        803 if system => "list routes",
        _ => return None,
    })
}

/// Infosys, ADS return codes.
pub(super) fn error_name(code: u32) -> String {
    let what = match code {
        0x06 => "target port not found",
        0x07 => "target machine not found",
        0x08 => "unknown command",
        0x0e => "invalid AMS length",
        0x701 => "service not supported",
        0x702 => "invalid index group",
        0x703 => "invalid index offset",
        0x704 => "access not permitted",
        0x705 => "parameter size not correct",
        0x706 => "invalid data",
        0x707 => "device not ready",
        0x708 => "device busy",
        0x70c => "not found",
        0x710 => "symbol not found",
        0x712 => "device in wrong state",
        0x723 => "access denied",
        _ => "error",
    };
    format!("{what} (code {code:x}h)")
}
