//! Beckhoff ADS: symbols, memory, states, files and routes of TwinCAT controllers, over AMS/TCP; discovery and new routes over
//! UDP.
//!
//! Spec: Beckhoff Infosys, ADS specification (AMS/TCP, AMS header, ADS commands), ADS return codes, TcSystemService index
//! groups. The UDP service has no public specification: tags as observed in the captures named below.
//! Emits: an operation per request, with the symbol's name where its handle was seen given; state changes as start, stop,
//! reset, mode-change; files with hash; routes added, with the user; name, version and operating system of controllers; AMS
//! net ids.
//! Blind to: the programming software's own services inside a PLC runtime (online change, login) beyond index group and
//! offset; Secure ADS (TLS, port 8016); MQTT as carrier.
//! Tried on: the four Beckhoff captures of `ITI__ICS-Security-Tools`; commands by kind agree with tshark.
mod discovery;
mod pdu;
#[cfg(test)]
mod tests;

use self::pdu::{Ams, NetId, Request, command_name, error_name, group_name, port_name};
use super::asking::{Asking, Asks, Carried, maker};
use crate::reader::text;
use crate::{
    Carrier, Cx, Decoder, Dialogue, Head, Malformed, Op, Outcome, Probe, Reader, Sender, Side,
    Step, Verb,
};

pub static DECODER: Decoder = Decoder {
    name: "ads",
    title: "Beckhoff ADS (TwinCAT)",
    carriers: &[Carrier::Tcp(48898), Carrier::Udp(48899)],
    probe,
    open: || Box::new(Ads::default()),
    remote: false,
    operations: &[
        Verb::Read,
        Verb::Write,
        Verb::Start,
        Verb::Stop,
        Verb::Reset,
        Verb::ModeChange,
        Verb::Configure,
        Verb::SetClock,
        Verb::ProgramUpload,
        Verb::ProgramDownload,
        Verb::FileRead,
        Verb::FileWrite,
        Verb::FileDelete,
        Verb::Diagnose,
        Verb::Identify,
    ],
    about: "Every ADS command with symbol names, states set, files with hashes, routes added with the user that did it (over UDP, with a password in clear); names, versions and net ids of TwinCAT controllers.",
    spec: "Beckhoff Infosys: ADS specification, ADS return codes, system services",
    blind: "what the programming software does inside a PLC runtime beyond index group and offset, Secure ADS, ADS over MQTT",
};

/// Requests that wait for their answers.
const MOST_WAITING: usize = 64;
/// Symbol names by handle.
const MOST_SYMBOLS: usize = 256;
/// Files open at once.
const MOST_FILES: usize = 16;
/// Port of TwinCAT's system service, which has files, routes and processes.
const SYSTEM_SERVICE: u16 = 10_000;

fn probe(head: &Head<'_>) -> Probe {
    if head.udp {
        return discovery::probe(head);
    }
    head.read(|_| match Ams::read(head.bytes)? {
        Ok(ams) if ams.response => Ok(Sender::Server),
        // A notification comes unasked from the server's side.
        Ok(ams) if ams.command == 8 => Ok(Sender::Server),
        Ok(_) => Ok(Sender::Client),
        Err(_) if head.on(48898) => Ok(Sender::Unknown),
        Err(_) => Err(Malformed::Bad("router")),
    })
}

/// What is remembered of a request: index group and offset, or the service of discovery.
type Tag = (u32, u32);

struct File {
    handle: u32,
    path: Option<String>,
    write: Option<Carried<crate::Asked>>,
    read: Option<Carried<crate::Asked>>,
}

#[derive(Default)]
struct Ads {
    asks: Asks<u32, Tag, MOST_WAITING>,
    /// Port, handle, name; the oldest goes first.
    symbols: std::collections::VecDeque<(u16, u32, String)>,
    files: Vec<File>,
    /// Net ids told of client and server.
    nets: [Option<NetId>; 2],
    identified: bool,
}

impl Dialogue for Ads {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        if cx.flow.udp {
            return self.discovery(cx, side, bytes);
        }
        let ams = match Ams::read(bytes) {
            Ok(Ok(ams)) => ams,
            Ok(Err(length)) => {
                return if length > bytes.len() {
                    Step::Need(length)
                } else {
                    Step::Took(length)
                };
            }
            Err(error) => return Step::from_error(error, bytes.len()),
        };
        if ams.length > bytes.len() {
            return Step::Need(ams.length);
        }
        match (ams.command, ams.response) {
            // Values that were subscribed: the subscription was told.
            (8, _) => {}
            (_, true) => self.answer(cx, side, &ams),
            (_, false) => self.ask(cx, side, &ams),
        }
        Step::Took(ams.length)
    }

    fn gap(&mut self, _: &mut Cx<'_>, _: Side, _: u64) {
        for file in &mut self.files {
            for carried in [&mut file.write, &mut file.read].into_iter().flatten() {
                carried.broke();
            }
        }
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        self.asks.close(cx);
        for file in std::mem::take(&mut self.files) {
            file.tell(cx, Side::Client, false);
        }
    }
}

impl Ads {
    fn known_as(&mut self, cx: &mut Cx<'_>, side: Side, net: NetId) {
        let place = self.nets.get_mut(usize::from(side == Side::Server));
        if let Some(place) = place
            && place.is_none()
        {
            *place = Some(net);
            cx.identity(side, "system", format!("AMS net id {net}"));
        }
    }

    fn ask(&mut self, cx: &mut Cx<'_>, side: Side, ams: &Ams<'_>) {
        let Ok(request) = Request::read(ams.command, ams.data) else {
            cx.oddity(
                "ads.bad_request",
                side,
                Some(command_name(ams.command).to_owned()),
            );
            return;
        };
        self.known_as(cx, side, ams.source);
        let system = ams.target_port == SYSTEM_SERVICE;
        if system && request.group == 123 {
            let content = request.content(ams.data);
            if let Some(file) = self.file(cx, request.offset, false) {
                file.write.get_or_insert_with(|| Carried::here(cx)).piece(
                    None,
                    content.len() as u64,
                    content,
                );
            }
        }
        // What names the request: all but the values written, unless these are a name.
        let named = match ams.command {
            3 => ams.data.get(..12),
            9 if !names(request.group, system) => ams.data.get(..16),
            _ => Some(ams.data),
        };
        let (port, command) = (ams.target_port.to_le_bytes(), ams.command.to_le_bytes());
        let what = [&port[..], &command, named.unwrap_or(&[])].concat();
        let tag = (request.group, request.offset);
        let (symbols, nets) = (&self.symbols, &self.nets);
        self.asks.ask(cx, side, ams.invoke, tag, &what, || {
            let own = nets
                .last()
                .copied()
                .flatten()
                .is_none_or(|net| net == ams.target);
            op(ams, &request, symbols, own)
        });
    }

    fn answer(&mut self, cx: &mut Cx<'_>, side: Side, ams: &Ams<'_>) {
        let Some(asked) = self.asks.take(cx, side, ams.invoke) else {
            return;
        };
        let mut r = Reader::new(ams.data);
        let result = r.u32_le().unwrap_or(0);
        let code = if ams.error != 0 { ams.error } else { result };
        if code != 0 {
            // What was not taken is no part of the file.
            let (group, handle) = asked.tag;
            if ams.source_port == SYSTEM_SERVICE && group == 123 {
                let file = self.files.iter_mut().find(|file| file.handle == handle);
                if let Some(carried) = file.and_then(|file| file.write.as_mut()) {
                    carried.broke();
                }
            }
            self.asks.refused(cx, asked, &error_name(code));
            return;
        }
        self.known_as(cx, side, ams.source);
        if ams.source_port == SYSTEM_SERVICE && matches!(asked.tag.0, 120..=123) {
            self.file_answer(cx, asked, ams.data);
            return;
        }
        match (ams.command, asked.tag.0) {
            (1, _) if !self.identified => {
                self.identified = true;
                let _ = device(cx, side, &mut r, ams.source_port);
            }
            (9, 0xf003) => {
                let handle = r.u32_le().and_then(|_| r.u32_le());
                if let (Ok(handle), Some(name)) = (handle, symbol(&asked)) {
                    self.symbols
                        .retain(|known| (known.0, known.1) != (ams.source_port, handle));
                    self.symbols.push_back((ams.source_port, handle, name));
                    if self.symbols.len() > MOST_SYMBOLS {
                        self.symbols.pop_front();
                    }
                }
            }
            _ => {}
        }
        self.asks.done(cx, asked);
    }

    /// Open, close, read and write of the system service: told as one when the file is closed.
    fn file_answer(&mut self, cx: &mut Cx<'_>, asked: Asking<Tag>, data: &[u8]) {
        let mut r = Reader::new(data);
        let (group, offset) = asked.tag;
        match group {
            120 => {
                let handle = r.skip(8).and_then(|()| r.u32_le());
                if let Ok(handle) = handle
                    && let Some(file) = self.file(cx, handle, true)
                {
                    file.path = asked.op().object.clone();
                }
            }
            122 => {
                let content = data.get(8..).unwrap_or(&[]);
                let since = asked.asked;
                if let Some(file) = self.file(cx, offset, false) {
                    file.read
                        .get_or_insert_with(|| Carried::since(since))
                        .piece(None, content.len() as u64, content);
                }
            }
            121 => {
                if let Some(place) = self.files.iter().position(|file| file.handle == offset) {
                    self.files.remove(place).tell(cx, asked.side, true);
                }
            }
            _ => {}
        }
    }

    fn file(&mut self, cx: &mut Cx<'_>, handle: u32, opened: bool) -> Option<&mut File> {
        let mut place = self.files.iter().position(|file| file.handle == handle);
        if opened && let Some(old) = place.take() {
            self.files.remove(old).tell(cx, Side::Client, false);
        }
        if place.is_none() {
            if self.files.len() >= MOST_FILES {
                self.files.remove(0).tell(cx, Side::Client, false);
            }
            self.files.push(File {
                handle,
                path: None,
                write: None,
                read: None,
            });
        }
        let place = place.unwrap_or(self.files.len().saturating_sub(1));
        self.files.get_mut(place)
    }
}

impl File {
    fn tell(self, cx: &mut Cx<'_>, asker: Side, ended: bool) {
        let path = self.path.unwrap_or_else(|| format!("file {}", self.handle));
        // TwinCAT keeps the programs that it starts with in its Boot folder.
        let lower = path.to_ascii_lowercase();
        let program = lower.contains("\\boot\\") || lower.ends_with(".wbp");
        let verbs = if program {
            [Verb::ProgramDownload, Verb::ProgramUpload]
        } else {
            [Verb::FileWrite, Verb::FileRead]
        };
        let outcome = ended.then_some(Outcome::Ok);
        for ((carried, detail), verb) in [(self.write, "file write"), (self.read, "file read")]
            .into_iter()
            .zip(verbs)
        {
            if let Some(carried) = carried {
                let (path, detail) = (
                    Some(path.clone()),
                    Some(format!("system service, {detail}")),
                );
                carried.tell_as(cx, asker, verb, path, detail, outcome, ended);
            }
        }
    }
}

/// Requests whose octets written are a name, not a value.
const fn names(group: u32, system: bool) -> bool {
    matches!(group, 0xf003 | 0xf004 | 0xf007 | 0xf009) || system
}

fn op(
    ams: &Ams<'_>,
    request: &Request,
    symbols: &std::collections::VecDeque<(u16, u32, String)>,
    own: bool,
) -> Op {
    let system = ams.target_port == SYSTEM_SERVICE;
    let content = request.content(ams.data);
    let group = group_name(request.group, system);
    let verb = match (ams.command, request.group) {
        (1, _) => Verb::Identify,
        (4, _) => Verb::Diagnose,
        (5, _) => pdu::state_verb(request.state),
        (9, 120 | 122) if system => Verb::FileRead,
        (3 | 9, 123 | 132 | 138 | 139) if system => Verb::FileWrite,
        (3 | 9, 131) if system => Verb::FileDelete,
        (3 | 9, 500 | 801 | 802) if system => Verb::Configure,
        (3 | 9, 400) if system => Verb::SetClock,
        (3, 200) if system => Verb::Configure,
        // Given back, not written to.
        (3, 0xf006) | (6 | 7, _) => Verb::Read,
        (3, _) | (9, 0xf081) => Verb::Write,
        (2 | 9, 700 | 701) if system => Verb::Identify,
        _ => Verb::Read,
    };
    let mut op = Op::new(verb);
    let object = match (ams.command, request.group) {
        (1 | 4 | 5, _) => Some(port_name(ams.target_port)),
        (7, _) => Some(format!("notification {}", request.offset)),
        (_, 0xf005) => symbols
            .iter()
            .rev()
            .find(|known| (known.0, known.1) == (ams.target_port, request.offset))
            .map(|known| known.2.clone())
            .or_else(|| Some(format!("symbol handle {:x}h", request.offset))),
        (_, 0xf006) => Some("symbol handle".to_owned()),
        (_, 0xf080..=0xf086) => Some(format!("{} symbols", request.offset)),
        // Several parts are ended by a zero each: key and value of the registry.
        (9, group) if names(group, system) => {
            let parts: Vec<String> = content
                .split(|byte| *byte == 0)
                .filter_map(|part| text(part, 128))
                .collect();
            text(parts.join(" ").as_bytes(), 128)
        }
        (_, group_number) => Some(format!(
            "{} {:x}h",
            group.map_or_else(|| format!("group {group_number:x}h"), str::to_owned),
            request.offset
        )),
    };
    op.object = object;
    let mut detail = format!(
        "{}, {}",
        command_name(ams.command),
        port_name(ams.target_port)
    );
    if ams.command == 5 {
        detail.push_str(&format!(", to {}", pdu::state_name(request.state)));
    }
    if let Some(group) = group {
        detail.push_str(", ");
        detail.push_str(group);
    }
    if !own {
        detail.push_str(&format!(", at net id {}", ams.target));
    }
    op.detail = Some(detail);
    if verb.modifies() && !content.is_empty() {
        op.content_bytes = Some(content.len() as u64);
    }
    op
}

/// The name that a handle was asked for.
fn symbol(asked: &Asking<Tag>) -> Option<String> {
    asked.op().object.clone()
}

/// Infosys, ADS Read Device Info: version, build, name of what is behind the port.
fn device(cx: &mut Cx<'_>, side: Side, r: &mut Reader<'_>, port: u16) -> Result<(), Malformed> {
    let (major, minor, build) = (r.u8()?, r.u8()?, r.u16_le()?);
    if let Some(name) = text(r.bytes(16)?, 16) {
        let behind = port_name(port);
        cx.identity(
            side,
            "software",
            format!("{name} {major}.{minor}.{build} ({behind})"),
        );
        maker(cx, side, "Beckhoff");
    }
    Ok(())
}
