//! Ethernet POWERLINK: objects read and written, states commanded, devices that identify themselves; on layer 2, and the
//! objects over UDP.
//!
//! Spec: EPSG DS 301, 4.6 (frames), 6.3 (service data), 7.3 (network management).
//! Emits: an operation per object access and its answer; network management commands; model, serial number and host name from
//! identification.
//! Blind to: process data (requests and responses of the cycle are counted only); objects moved in segments beyond the first.
//! Tried on: `EmreEkin__ICS-Pcaps__epl.pcap` (UDP); no public capture of the cycle was found.
use super::asking::Asks;
use crate::reader::text;
use crate::{
    Carrier, Cx, Decoder, Dialogue, Head, Malformed, Op, Probe, Reader, Sender, Side, Step, Verb,
};

pub static DECODER: Decoder = Decoder {
    name: "powerlink",
    title: "Ethernet POWERLINK",
    carriers: &[Carrier::EtherType(0x88ab), Carrier::Udp(3819)],
    probe,
    open: || Box::new(Powerlink::default()),
    remote: false,
    operations: &[
        Verb::Read,
        Verb::ParameterChange,
        Verb::FileRead,
        Verb::FileWrite,
        Verb::Start,
        Verb::Stop,
        Verb::ModeChange,
        Verb::Reset,
        Verb::Identify,
    ],
    about: "Objects read and written by index with their answers, network management commands (start, stop, reset of nodes), identification of devices.",
    spec: "EPSG DS 301",
    blind: "process data of the cycle, objects in segments beyond the first",
};

/// Requests that wait for their answers.
const MOST_WAITING: usize = 32;
/// EPSG DS 301, 4.6.1.1: asynchronous send.
const ASND: u8 = 6;

/// EPSG DS 301, 6.3.2: sequence layer, then command layer.
struct Sdo<'a> {
    connecting: bool,
    transaction: u8,
    response: bool,
    aborted: bool,
    segmentation: u8,
    command: u8,
    data: &'a [u8],
}

impl<'a> Sdo<'a> {
    fn read(r: &mut Reader<'a>) -> Result<Option<Sdo<'a>>, Malformed> {
        let (received, sent) = (r.u8()?, r.u8()?);
        let zero = r.u16()?;
        r.check(zero == 0, "sequence layer")?;
        let connecting = received & 3 != 2 || sent & 3 < 2;
        if r.left() < 8 {
            return Ok(None);
        }
        r.skip(1)?;
        let (transaction, flags, command) = (r.u8()?, r.u8()?, r.u8()?);
        let length = usize::from(r.u16_le()?);
        r.skip(2)?;
        let segmentation = flags >> 4 & 3;
        if segmentation == 1 {
            r.skip(4)?;
        }
        Ok(Some(Sdo {
            connecting,
            transaction,
            response: flags & 0x80 != 0,
            aborted: flags & 0x40 != 0,
            segmentation,
            command,
            data: r.bytes(length.min(r.left()))?,
        }))
    }
}

fn probe(head: &Head<'_>) -> Probe {
    if !head.udp {
        return Probe::NotOurs;
    }
    head.read(|r| {
        let (kind, _, _, service) = (r.u8()?, r.u8()?, r.u8()?, r.u8()?);
        r.check(kind == ASND && service == 5 && head.on(3819), "service")?;
        let sdo = Sdo::read(r)?;
        Ok(match sdo {
            Some(sdo) if sdo.response => Sender::Server,
            Some(sdo) if sdo.command != 0 => Sender::Client,
            _ => Sender::Unknown,
        })
    })
}

#[derive(Default)]
struct Powerlink {
    asks: Asks<u8, (), MOST_WAITING>,
    identified: bool,
}

impl Dialogue for Powerlink {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        match self.read(cx, side, &mut Reader::new(bytes)) {
            Ok(()) => Step::Took(bytes.len()),
            Err(error) => Step::from_error(error, bytes.len()),
        }
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        self.asks.close(cx);
    }
}

impl Powerlink {
    fn read(&mut self, cx: &mut Cx<'_>, side: Side, r: &mut Reader<'_>) -> Result<(), Malformed> {
        let (kind, to, from) = (r.u8()? & 0x7f, r.u8()?, r.u8()?);
        if kind != ASND {
            return Ok(());
        }
        match r.u8()? {
            1 => self.identify(cx, side, from, r),
            4 => {
                let (command, _) = (r.u8()?, r.u8()?);
                self.manage(cx, side, to, command);
                Ok(())
            }
            5 => {
                if let Some(sdo) = Sdo::read(r)? {
                    self.sdo(cx, side, to, &sdo);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn sdo(&mut self, cx: &mut Cx<'_>, side: Side, to: u8, sdo: &Sdo<'_>) {
        let first = sdo.segmentation <= 1;
        if sdo.response {
            if let Some(asked) = self.asks.take(cx, side, sdo.transaction) {
                match (sdo.aborted, sdo.data.first_chunk::<4>()) {
                    (true, Some(code)) => {
                        let why = format!("aborted, code {:08x}", u32::from_le_bytes(*code));
                        self.asks.refused(cx, asked, &why);
                    }
                    (true, None) => self.asks.refused(cx, asked, "aborted"),
                    (false, _) => self.asks.done(cx, asked),
                }
            }
            return;
        }
        let (verb, name) = match sdo.command {
            1 => (Verb::ParameterChange, "write by index"),
            2 => (Verb::Read, "read by index"),
            3 => (Verb::ParameterChange, "write all by index"),
            4 => (Verb::Read, "read all by index"),
            5 => (Verb::ParameterChange, "write by name"),
            6 => (Verb::Read, "read by name"),
            0x20 => (Verb::FileWrite, "file write"),
            0x21 => (Verb::FileRead, "file read"),
            0x31 => (Verb::ParameterChange, "write several by index"),
            0x32 => (Verb::Read, "read several by index"),
            _ => return,
        };
        if !first || sdo.connecting && sdo.data.is_empty() {
            return;
        }
        let node = if to == 0 {
            String::new()
        } else {
            format!("node {to} ")
        };
        let object = match (sdo.command, sdo.data) {
            (1..=4, [low, high, sub, ..]) => {
                let index = u16::from_le_bytes([*low, *high]);
                Some(format!("{node}object {index:04x}h:{sub}"))
            }
            (5 | 6 | 0x20 | 0x21, data) => text(data, 64).map(|name| format!("{node}{name}")),
            _ => None,
        };
        let written = verb
            .modifies()
            .then(|| sdo.data.len().saturating_sub(4) as u64);
        let named = sdo.data.get(..4.min(sdo.data.len())).unwrap_or(&[]);
        let what = [&[to, sdo.command], named].concat();
        self.asks.ask(cx, side, sdo.transaction, (), &what, || Op {
            object,
            detail: Some(name.to_owned()),
            content_bytes: written.filter(|bytes| *bytes > 0),
            ..Op::new(verb)
        });
    }

    /// EPSG DS 301, 7.3.1.2.1: the managing node commands; nothing answers.
    fn manage(&mut self, cx: &mut Cx<'_>, side: Side, to: u8, command: u8) {
        let (verb, name) = match command {
            0x21 => (Verb::Start, "start node"),
            0x22 => (Verb::Stop, "stop node"),
            0x23 => (Verb::ModeChange, "enter pre-operational 2"),
            0x24 => (Verb::ModeChange, "enable ready to operate"),
            0x28 => (Verb::Reset, "reset node"),
            0x29 => (Verb::Reset, "reset communication"),
            0x2a => (Verb::Reset, "reset configuration"),
            0x2b => (Verb::Reset, "software reset"),
            _ => return,
        };
        let object = if to == 255 {
            "all nodes".to_owned()
        } else {
            format!("node {to}")
        };
        let op = Op {
            object: Some(object),
            detail: Some(name.to_owned()),
            ..Op::new(verb)
        };
        cx.operation(side, op);
    }

    /// EPSG DS 301, 7.3.3.2.1: what a node says of itself when asked.
    fn identify(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        node: u8,
        r: &mut Reader<'_>,
    ) -> Result<(), Malformed> {
        if std::mem::replace(&mut self.identified, true) {
            return Ok(());
        }
        r.skip(22)?;
        let (device, vendor, product) = (r.u32_le()?, r.u32_le()?, r.u32_le()?);
        let (revision, serial) = (r.u32_le()?, r.u32_le()?);
        r.skip(36)?;
        let host = text(r.bytes(32)?, 32);
        cx.identity(
            side,
            "model",
            format!("POWERLINK vendor {vendor:08x} product {product:08x} type {device:08x}"),
        );
        if serial != 0 {
            cx.identity(side, "serial", format!("{serial:08x}"));
        }
        cx.identity(
            side,
            "firmware",
            format!("revision {}.{}", revision >> 16, revision & 0xffff),
        );
        cx.identity(side, "system", format!("POWERLINK node {node}"));
        if let Some(host) = host {
            cx.identity(side, "hostname", host);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::{Client, Server};
    use crate::testing::check;
    use crate::{Carrier, Decoder};

    static UDP: Decoder = Decoder {
        carriers: &[Carrier::Udp(3819)],
        ..DECODER
    };

    #[test]
    fn objects_are_read_and_written_over_udp() {
        check(
            &UDP,
            &[
                (Client, "06 0000 05 00 01 0000"), // the sequence layer opens
                (Server, "06 0000 05 01 01 0000"),
                (
                    Client,
                    "06 0000 05 02 06 0000 00 00 00 02 0400 0000 0010 00 00",
                ),
                (
                    Server,
                    "06 0000 05 06 06 0000 00 00 80 02 0400 0000 91010f00",
                ),
                (
                    Client,
                    "06 0000 05 06 0a 0000 00 01 00 01 0800 0000 0610 00 00 e8030000",
                ),
                (Server, "06 0000 05 0a 0a 0000 00 01 80 01 0000 0000"),
                (
                    Client,
                    "06 0000 05 0a 0e 0000 00 02 00 01 0800 0000 3010 01 00 00000000",
                ),
                (
                    Server,
                    "06 0000 05 0e 0e 0000 00 02 c0 01 0400 0000 02000106",
                ),
                (
                    Client,
                    "06 0000 05 0e 12 0000 00 03 00 20 0900 0000 66772e62696e 000000",
                ),
            ],
            expect![[r#"
                conversation protocol=powerlink state=answered packets=5/4 bytes=101/64
                operation read "object 1000h:0" (read by index) ok count=1 frames=[3, 4]
                operation parameter-change "object 1006h:0" (write by index) ok count=1 frames=[5, 6]
                operation parameter-change "object 1030h:1" (write by index, aborted, code 06010002) refused count=1 frames=[7, 8]
                operation file-write "fw.bin" (file write) unanswered count=1 frames=[9]
            "#]],
        );
    }

    #[test]
    fn nodes_are_commanded_and_identify_themselves() {
        let zeros = |count: usize| "00".repeat(count);
        let host = format!("706c6b31{}", zeros(28)); // plk1
        let identity = format!(
            "{} 00000000 12000000 34000000 05000100 0000abcd {} {host}",
            zeros(22),
            zeros(36)
        );
        check(
            &DECODER,
            &[
                (Client, "03 01 f0 00 00 00 00"), // a poll of the cycle
                (Client, "06 05 f0 04 22 00"),
                (Client, "06 ff f0 04 28 00"),
                (Client, &format!("06 f0 05 01 {identity}")),
                (Client, "06 05"),
            ],
            expect![[r#"
                conversation protocol=powerlink state=one-way packets=5/0 bytes=135/0
                operation stop "node 5" (stop node) ? count=1 frames=[2]
                operation reset "all nodes" (reset node) ? count=1 frames=[3]
                identity 02:00:00:00:00:01 firmware=revision 1.5 stated
                identity 02:00:00:00:00:01 hostname=plk1 stated
                identity 02:00:00:00:00:01 model=POWERLINK vendor 00000012 product 00000034 type 00000000 stated
                identity 02:00:00:00:00:01 serial=cdab0000 stated
                identity 02:00:00:00:00:01 system=POWERLINK node 5 stated
                oddity what=protocol.malformed detail=powerlink: truncated frames=Numbers([5])
            "#]],
        );
    }
}
