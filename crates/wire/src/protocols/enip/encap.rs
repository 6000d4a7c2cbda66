//! EtherNet/IP encapsulation: the header, and the items of its common packet format.
//!
//! CIP Networks Library Volume 2, 2-3 (header), 2-6 (common packet format).
use crate::{Malformed, Reader, Sender};

pub(super) const HEADER: usize = 24;
/// Items of one packet; real ones have two to four.
const MOST_ITEMS: u16 = 16;

pub(super) mod command {
    pub(in crate::protocols::enip) const NOP: u16 = 0x00;
    pub(in crate::protocols::enip) const LIST_SERVICES: u16 = 0x04;
    pub(in crate::protocols::enip) const LIST_IDENTITY: u16 = 0x63;
    pub(in crate::protocols::enip) const LIST_INTERFACES: u16 = 0x64;
    pub(in crate::protocols::enip) const REGISTER: u16 = 0x65;
    pub(in crate::protocols::enip) const UNREGISTER: u16 = 0x66;
    pub(in crate::protocols::enip) const SEND_RR_DATA: u16 = 0x6f;
    pub(in crate::protocols::enip) const SEND_UNIT_DATA: u16 = 0x70;
    pub(in crate::protocols::enip) const INDICATE_STATUS: u16 = 0x72;
    pub(in crate::protocols::enip) const CANCEL: u16 = 0x73;
}

pub(super) mod item {
    pub(in crate::protocols::enip) const NULL: u16 = 0x0000;
    pub(in crate::protocols::enip) const IDENTITY: u16 = 0x000c;
    pub(in crate::protocols::enip) const CONNECTED_ADDRESS: u16 = 0x00a1;
    pub(in crate::protocols::enip) const CONNECTED_DATA: u16 = 0x00b1;
    pub(in crate::protocols::enip) const UNCONNECTED_DATA: u16 = 0x00b2;
    pub(in crate::protocols::enip) const SERVICES: u16 = 0x0100;
    pub(in crate::protocols::enip) const SOCKET_TO_TARGET: u16 = 0x8000;
    pub(in crate::protocols::enip) const SOCKET_TO_ORIGIN: u16 = 0x8001;
    pub(in crate::protocols::enip) const SEQUENCED_ADDRESS: u16 = 0x8002;
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub command: u16,
    /// Bytes that follow the header.
    pub length: usize,
    pub session: u32,
    pub status: u32,
    /// The sender's own mark, returned in the answer.
    pub context: [u8; 8],
}

impl Header {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Header, Malformed> {
        let command = r.u16_le()?;
        let known = matches!(
            command,
            0x00 | 0x04 | 0x63..=0x66 | 0x6f | 0x70 | 0x72 | 0x73
        );
        r.check(known || legacy(command), "command")?;
        let length = usize::from(r.u16_le()?);
        let session = r.u32_le()?;
        let status = r.u32_le()?;
        r.check(status <= 0xffff, "status")?;
        let context = r.array()?;
        let options = r.u32_le()?;
        // 2-3.2: a receiver discards packets whose options are not 0.
        r.check(options == 0, "options")?;
        Ok(Header {
            command,
            length,
            session,
            status,
            context,
        })
    }
}

/// Commands that are set aside for what Rockwell's tools spoke before there was a standard (Volume 2, 2-3.2). They still send
/// some of them, in front of those that the standard has.
const fn legacy(command: u16) -> bool {
    matches!(command, 0x01..=0x03 | 0x05 | 0x67..=0x6e | 0x71 | 0x74..=0xc7)
}

/// The items of interest of a common packet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Packet<'a> {
    /// Connection, of connected messages.
    pub connection: Option<u32>,
    /// A message of the connection, with its sequence count in front.
    pub connected: Option<&'a [u8]>,
    /// A message outside of any connection.
    pub unconnected: Option<&'a [u8]>,
    /// Where implicit data of an opened connection goes.
    pub socket: Option<&'a [u8]>,
}

impl<'a> Packet<'a> {
    /// The items behind interface handle and timeout.
    pub(super) fn read(r: &mut Reader<'a>) -> Result<Packet<'a>, Malformed> {
        let interface = r.u32_le()?;
        r.check(interface == 0, "interface handle")?;
        r.skip(2)?;
        let mut packet = Packet::default();
        items(r, |kind, data| match kind {
            item::CONNECTED_ADDRESS => {
                packet.connection = Reader::new(data).u32_le().ok();
            }
            item::CONNECTED_DATA => packet.connected = Some(data),
            item::UNCONNECTED_DATA => packet.unconnected = Some(data),
            item::SOCKET_TO_ORIGIN | item::SOCKET_TO_TARGET => packet.socket = Some(data),
            _ => {}
        })?;
        Ok(packet)
    }

    /// The message itself, without the sequence count.
    pub(super) fn message(&self) -> &'a [u8] {
        match (self.unconnected, self.connected) {
            (Some(message), _) => message,
            (None, Some(connected)) => connected.get(2..).unwrap_or(&[]),
            (None, None) => &[],
        }
    }
}

/// Calls `each` with every item: type and content.
pub(super) fn items<'a>(
    r: &mut Reader<'a>,
    mut each: impl FnMut(u16, &'a [u8]),
) -> Result<(), Malformed> {
    let count = r.u16_le()?;
    r.check(count <= MOST_ITEMS, "items")?;
    for _ in 0..count {
        let kind = r.u16_le()?;
        let known = matches!(
            kind,
            item::NULL
                | item::IDENTITY
                | 0x0086
                | item::CONNECTED_ADDRESS
                | item::CONNECTED_DATA
                | item::UNCONNECTED_DATA
                | item::SERVICES
                | item::SOCKET_TO_TARGET
                | item::SOCKET_TO_ORIGIN
                | item::SEQUENCED_ADDRESS
                | 0x8003
        );
        r.check(known, "item type")?;
        let length = usize::from(r.u16_le()?);
        each(kind, r.bytes(length)?);
    }
    Ok(())
}

/// Whether bytes are a message of this encapsulation, and who sent it. `here` says that the port speaks for it too:
/// some messages are little more than their header.
pub(super) fn recognise(r: &mut Reader<'_>, here: bool) -> Result<Sender, Malformed> {
    let header = Header::read(r)?;
    match header.command {
        command::REGISTER => {
            r.check(header.length == 4, "length")?;
            let version = r.u16_le()?;
            r.check(version == 1, "version")?;
            let options = r.u16_le()?;
            r.check(options == 0, "options")?;
            // The target gives the session its number.
            Ok(if header.session == 0 && header.status == 0 {
                Sender::Client
            } else {
                Sender::Server
            })
        }
        command::SEND_RR_DATA | command::SEND_UNIT_DATA => {
            if header.length == 0 {
                r.check(header.status != 0, "length")?;
                return Ok(Sender::Server);
            }
            let mut body = r.sub(header.length)?;
            let packet = whole(Packet::read(&mut body))?;
            body.check(body.is_empty(), "items")?;
            match packet.message() {
                [] => {
                    body.check(here, "no message")?;
                    Ok(Sender::Unknown)
                }
                [service, ..] if service & 0x80 != 0 => Ok(Sender::Server),
                _ => Ok(Sender::Client),
            }
        }
        command::LIST_SERVICES | command::LIST_IDENTITY | command::LIST_INTERFACES => {
            if header.length == 0 {
                let plain = header.status == 0 && (here || header.session == 0);
                r.check(plain, "list request")?;
                return Ok(Sender::Client);
            }
            let mut body = r.sub(header.length)?;
            whole(items(&mut body, |_, _| {}))?;
            body.check(body.is_empty(), "items")?;
            Ok(Sender::Server)
        }
        command::UNREGISTER if here && header.length == 0 => Ok(Sender::Client),
        command if here && legacy(command) && header.length == 0 && header.status == 0 => {
            Ok(Sender::Client)
        }
        _ => Err(Malformed::Bad("command")),
    }
}

/// What is missing inside a body that is there as a whole will not come.
fn whole<T>(read: Result<T, Malformed>) -> Result<T, Malformed> {
    read.map_err(|error| match error {
        Malformed::Short => Malformed::Bad("items"),
        bad => bad,
    })
}

/// What a status other than 0 says (2-3.2).
pub(super) fn status(code: u32) -> String {
    let known = match code {
        0x01 => "command not supported",
        0x02 => "out of memory",
        0x03 => "bad data",
        0x64 => "invalid session",
        0x65 => "bad length",
        0x69 => "protocol revision not supported",
        _ => return format!("encapsulation status 0x{code:04x}"),
    };
    format!("encapsulation status 0x{code:02x} {known}")
}
