//! CODESYS 3: logging in to controllers, downloading and starting applications, files; over TCP, or UDP within a network.
//!
//! Spec: CODESYS library documentation (PlcServiceHeader, CmpFileTransfer and others); "Security research: CODESYS Runtime"
//! (Kaspersky ICS CERT, 2019) for the layers: block driver, datagram, channel, services. Commands by the components' interfaces.
//! Emits: an operation per service with user, application or file; node, device, vendor, version and serial number of controllers.
//! Blind to: services that are encrypted; content that goes on in further blocks; whether a service was refused, but for files;
//! content of applications and files.
//! Tried on: no public capture was found; built from the sources above.
mod services;
mod shell;
#[cfg(test)]
mod tests;
pub mod v2;

use self::services::{Service, known};
use super::asking::Asks;
use crate::reader::text;
use crate::{
    Carrier, Cx, Decoder, Dialogue, Head, Malformed, Op, Probe, Reader, Sender, Side, Step, Verb,
};

pub static DECODER: Decoder = Decoder {
    name: "codesys",
    title: "CODESYS 3",
    carriers: &[
        Carrier::Tcp(11740),
        Carrier::Tcp(11741),
        Carrier::Tcp(11742),
        Carrier::Tcp(11743),
        Carrier::Tcp(1217),
        Carrier::Udp(1740),
        Carrier::Udp(1741),
        Carrier::Udp(1742),
        Carrier::Udp(1743),
    ],
    probe,
    open: || Box::new(Codesys::default()),
    remote: false,
    operations: &[
        Verb::Read,
        Verb::Write,
        Verb::ProgramDownload,
        Verb::ProgramDelete,
        Verb::Start,
        Verb::Stop,
        Verb::ModeChange,
        Verb::Reset,
        Verb::Configure,
        Verb::Authenticate,
        Verb::Operate,
        Verb::FileRead,
        Verb::FileWrite,
        Verb::FileDelete,
        Verb::Diagnose,
        Verb::Identify,
    ],
    about: "Services by component: log-in with user, download, online change, start, stop and reset of applications, files, settings, the controller's shell; what controllers answer to those who look for them.",
    spec: "CODESYS library documentation; Kaspersky ICS CERT, CODESYS Runtime (2019)",
    blind: "encrypted services, content in further blocks, refusals but of files",
};

/// Requests that wait for their answers.
const MOST_WAITING: usize = 32;
/// On TCP each datagram stands behind a mark and its length.
const MAGIC: u32 = 0xe817_0100;
const TCP_HEADER: usize = 8;
const MOST_BLOCK: usize = 0x10000;

/// The router's layer: addresses between, a service of its own.
struct Datagram<'a> {
    service: u8,
    payload: Reader<'a>,
}

const NAME_REQUEST: u8 = 3;
const NAME_ANSWER: u8 = 4;
/// Octets that one may say of its address (services 1 and 2).
const MOST_ADDRESS: usize = 16;
/// To the server of a channel, and to its client.
const TO_SERVER: u8 = 0x40;
const TO_CLIENT: u8 = 0x41;

impl<'a> Datagram<'a> {
    fn read(bytes: &'a [u8]) -> Result<Datagram<'a>, Malformed> {
        let mut r = Reader::new(bytes);
        let (magic, hops) = (r.u8()?, r.u8()?);
        r.check(magic == 0xc5, "magic")?;
        let header = usize::from(hops & 7) * 2;
        r.check(header >= 6, "header length")?;
        let (_, service, _, addresses) = (r.u8()?, r.u8()?, r.u8()?, r.u8()?);
        r.check(matches!(service, 1..=4 | TO_SERVER | TO_CLIENT), "service")?;
        let addresses = usize::from(addresses >> 4) + usize::from(addresses & 0x0f);
        let start = (header + addresses * 2).next_multiple_of(4);
        let mut payload = Reader::new(bytes);
        payload.skip(start)?;
        Ok(Datagram { service, payload })
    }

    /// What it carries has a form of its own: enough at another port. Who looks for its place in the network says hardly more
    /// than that.
    fn is_sane(&self, at_port: bool) -> bool {
        let mut r = self.payload;
        match self.service {
            NAME_REQUEST | NAME_ANSWER => {
                matches!(r.u16_le(), Ok(0xc201..=0xc204 | 0xc280)) && r.left() >= 2
            }
            TO_SERVER | TO_CLIENT => matches!(r.u8(), Ok(0x01..=0x03 | 0x82..=0x84 | 0xc2..=0xc5)),
            _ => at_port && self.payload.left() <= MOST_ADDRESS,
        }
    }
}

fn tcp(r: &mut Reader<'_>) -> Result<usize, Malformed> {
    let magic = r.u32_le()?;
    r.check(magic == MAGIC, "magic")?;
    let length = usize::try_from(r.u32_le()?).unwrap_or(usize::MAX);
    r.check((TCP_HEADER + 6..=MOST_BLOCK).contains(&length), "length")?;
    Ok(length)
}

fn probe(head: &Head<'_>) -> Probe {
    head.read(|r| {
        if !head.udp {
            tcp(r)?;
        }
        let Ok(datagram) = Datagram::read(r.peek()) else {
            return if head.udp {
                Err(Malformed::Bad("datagram"))
            } else {
                Ok(Sender::Unknown)
            };
        };
        let at_port = (1740..=1743).any(|port| head.on(port));
        r.check(
            !head.udp || datagram.is_sane(at_port) && (at_port || datagram.service != TO_CLIENT),
            "datagram",
        )?;
        Ok(match datagram.service {
            NAME_REQUEST | TO_SERVER => Sender::Client,
            NAME_ANSWER | TO_CLIENT => Sender::Server,
            _ => Sender::Unknown,
        })
    })
}

/// Channel, group, command: a channel does one service after the other.
type Key = (u16, u16, u16);

#[derive(Default)]
struct Codesys {
    asks: Asks<Key, (), MOST_WAITING>,
    secured: bool,
}

impl Dialogue for Codesys {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let (start, whole) = if cx.flow.udp {
            (0, bytes.len())
        } else {
            match tcp(&mut Reader::new(bytes)) {
                Ok(whole) => (TCP_HEADER, whole),
                Err(Malformed::Short) => return Step::Need(TCP_HEADER),
                Err(Malformed::Bad(what)) => return Step::Bad(what),
            }
        };
        if whole > bytes.len() {
            return Step::Need(whole);
        }
        let Ok(datagram) = Datagram::read(bytes.get(start..whole).unwrap_or(&[])) else {
            return if cx.flow.udp {
                Step::Bad("datagram")
            } else {
                Step::Took(whole)
            };
        };
        let mut payload = datagram.payload;
        match datagram.service {
            // Who is there asks all; each that answers does it from a flow of its own.
            NAME_REQUEST if side == Side::Client => {
                let op = Op {
                    detail: Some("name service: look for controllers".to_owned()),
                    ..Op::new(Verb::Identify)
                };
                cx.operation(side, op);
            }
            NAME_ANSWER => {
                let _ = node(cx, side, &mut payload);
            }
            TO_SERVER | TO_CLIENT => {
                let _ = self.channel(cx, side, &mut payload);
            }
            _ => {}
        }
        Step::Took(whole)
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        self.asks.close(cx);
    }
}

impl Codesys {
    /// Blocks of a channel; only the first of a message holds the header of its service.
    fn channel(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        r: &mut Reader<'_>,
    ) -> Result<(), Malformed> {
        let (kind, flags) = (r.u8()?, r.u8()?);
        if kind != 1 || flags & 1 == 0 {
            return Ok(());
        }
        let channel = r.u16_le()?;
        // Numbers of the block and of the one acknowledged; then length and checksum of the message.
        r.skip(16)?;
        let service = Service::read(r)?;
        if service.secured {
            if !std::mem::replace(&mut self.secured, true) {
                cx.variant("secured");
            }
            return Ok(());
        }
        let key = (channel, service.group, service.command);
        if service.response {
            let Some(asked) = self.asks.take(cx, side, key) else {
                return Ok(());
            };
            // The file component names its errors; others do in ways of their own.
            match (service.group, service.number(0x08)) {
                (8, Some(0)) => self.asks.done(cx, asked),
                (8, Some(code)) => self.asks.refused(cx, asked, &format!("error {code:x}h")),
                _ => self.asks.answered(cx, asked),
            }
            return Ok(());
        }
        let Some((name, verb)) = known(service.group, service.command) else {
            return Ok(());
        };
        let object = match (service.group, service.command) {
            // The user of a log-in, the names of applications and files.
            (1, 2 | 8) => service.text(&[0x10]).map(|user| format!("user {user}")),
            (1, 9) => service.text(&[0x58, 0x10, 0x01]),
            (8, _) => service.text(&[0x01, 0x0b]),
            (2, _) => service.text(&[0x01, 0x10, 0x11, 0x21]),
            (0x11, _) => service.text(&[0x10]),
            _ => None,
        };
        let (verb, object) = match (service.group, object) {
            (0x11, Some(line)) => {
                let (verb, line) = shell::command(&line);
                (verb, Some(line))
            }
            (_, object) => (verb, object),
        };
        let [a, b] = service.group.to_le_bytes();
        let [c, d] = service.command.to_le_bytes();
        let what = [
            &[a, b, c, d],
            object.as_deref().unwrap_or_default().as_bytes(),
        ]
        .concat();
        let detail = format!("{name} ({:x}h/{:x}h)", service.group, service.command);
        let bytes = (matches!(verb, Verb::ProgramDownload | Verb::Write) && service.length > 0)
            .then_some(u64::from(service.length));
        self.asks.ask(cx, side, key, (), &what, || Op {
            object,
            detail: Some(detail),
            content_bytes: bytes,
            ..Op::new(verb)
        });
        Ok(())
    }
}

/// What a controller answers to those who look for it, version 4.
fn node(cx: &mut Cx<'_>, side: Side, r: &mut Reader<'_>) -> Result<(), Malformed> {
    let (package, version) = (r.u16_le()?, r.u16_le()?);
    r.check(package == 0xc280 && version == 0x0400, "identification")?;
    // Number of the request, channels, order of octets.
    r.skip(8)?;
    let parent = usize::from(r.u16_le()?);
    let names = [r.u16_le()?, r.u16_le()?, r.u16_le()?];
    r.skip(8)?;
    let target = r.u32_le()?;
    r.skip(4)?;
    let serial = usize::from(r.u8()?);
    r.skip(11 + parent)?;
    for (attribute, length) in ["hostname", "model", "maker"].into_iter().zip(names) {
        let name: Vec<u8> = r
            .bytes(usize::from(length) * 2)?
            .iter()
            .copied()
            .filter(|byte| *byte != 0)
            .collect();
        r.skip(2)?;
        if let Some(name) = text(&name, 64) {
            cx.identity(side, attribute, name);
        }
    }
    let [a, b, c, d] = target.to_be_bytes();
    cx.identity(side, "firmware", format!("{a}.{b}.{c}.{d}"));
    if let Some(serial) = text(r.bytes(serial)?, 32) {
        cx.identity(side, "serial", serial);
    }
    Ok(())
}
