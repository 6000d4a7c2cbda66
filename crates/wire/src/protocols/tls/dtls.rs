//! DTLS: TLS over datagrams.
//!
//! Spec: RFC 6347 (1.2): records 4.1, handshake 4.2; RFC 9147 (1.3).
//! Emits: what TLS does.
//! Blind to: everything after the handshake; records with connection ids; handshake fragments out of order.
use super::hello::ServerHello;
use super::{
    ClientHello, MOST_HANDSHAKE, MOST_RECORD, certificate, handshake, tell_client, tell_server,
};
use crate::{Carrier, Cx, Decoder, Dialogue, Head, Malformed, Probe, Reader, Sender, Side, Step};

pub(crate) static DECODER: Decoder = Decoder {
    name: "dtls",
    title: "DTLS",
    carriers: &[Carrier::Udp(4433)],
    probe,
    open: || Box::new(Dtls::default()),
    remote: false,
    operations: &[],
    about: "Server names asked for, certificates shown, JA4 of clients, and the version agreed on.",
    spec: "RFC 6347; RFC 9147",
    blind: "everything after the handshake, records with connection ids, handshake fragments out of order",
};

struct Record<'a> {
    kind: u8,
    epoch: u16,
    data: &'a [u8],
}

impl<'a> Record<'a> {
    fn read(r: &mut Reader<'a>) -> Result<Record<'a>, Malformed> {
        let kind = r.u8()?;
        r.check((20..=24).contains(&kind), "record type")?;
        let version = r.u16()?;
        r.check(
            matches!(version, 0xfeff | 0xfefd | 0x0100),
            "record version",
        )?;
        let epoch = r.u16()?;
        r.skip(6)?;
        let length = usize::from(r.u16()?);
        r.check((1..=MOST_RECORD).contains(&length), "record length")?;
        Ok(Record {
            kind,
            epoch,
            data: r.bytes(length)?,
        })
    }
}

/// Records must fill the datagram, and the first must be a hello or belong to what follows one.
fn probe(head: &Head<'_>) -> Probe {
    if !head.udp {
        return Probe::NotOurs;
    }
    head.read(|r| {
        let first = Record::read(r)?;
        while !r.is_empty() {
            Record::read(r)?;
        }
        match (first.kind, first.epoch, first.data.first()) {
            (22, 0, Some(&handshake::CLIENT_HELLO)) => Ok(Sender::Client),
            // 3: hello verify request.
            (22, 0, Some(&(handshake::SERVER_HELLO | 3))) => Ok(Sender::Server),
            (22, 0, Some(11..=16)) | (20, 0, Some(1)) => Ok(Sender::Unknown),
            (21..=24, 1.., _) => Ok(Sender::Unknown),
            _ => Err(Malformed::Bad("record type")),
        }
    })
}

#[derive(Default)]
struct Dtls {
    hello_told: bool,
    /// The name that the client asked for.
    asked_for: Option<Box<str>>,
    client: Vec<u8>,
    server: Vec<u8>,
}

impl Dialogue for Dtls {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        // RFC 7983: STUN and media may share the ports; the first octet tells.
        if !matches!(bytes.first(), Some(20..=63)) {
            return Step::Took(bytes.len());
        }
        let mut r = Reader::new(bytes);
        let record = match Record::read(&mut r) {
            Ok(record) => record,
            Err(error) => return Step::from_error(error, bytes.len()),
        };
        if record.epoch > 0 {
            // Encrypted, and so is whatever else the datagram holds.
            return Step::Took(bytes.len());
        }
        let mut messages = Reader::new(record.data);
        while record.kind == 22 && !messages.is_empty() {
            if let Err(error) = self.fragment(cx, side, &mut messages) {
                return Step::from_error(error, bytes.len());
            }
        }
        Step::Took(r.at())
    }
}

impl Dtls {
    /// RFC 6347, 4.2.2: type, length, sequence, offset and length of the fragment.
    fn fragment(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        r: &mut Reader<'_>,
    ) -> Result<(), Malformed> {
        let (kind, length) = (r.u8()?, r.u24()? as usize);
        r.skip(2)?;
        let (offset, here) = (r.u24()? as usize, r.u24()? as usize);
        let data = r.bytes(here)?;
        r.check(
            length <= MOST_HANDSHAKE && offset + here <= length,
            "fragment",
        )?;
        if here == length {
            return self.tell(cx, side, kind, data);
        }
        let waiting = match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        if offset == 0 {
            waiting.clear();
        }
        if waiting.len() != offset {
            // Lost, repeated or out of order: what was put together so far stays for the rest to come.
            return Ok(());
        }
        waiting.extend_from_slice(data);
        if waiting.len() == length {
            let whole = std::mem::take(waiting);
            return self.tell(cx, side, kind, &whole);
        }
        Ok(())
    }

    fn tell(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        kind: u8,
        body: &[u8],
    ) -> Result<(), Malformed> {
        match kind {
            handshake::CLIENT_HELLO => {
                let hello = ClientHello::read(body, true)?;
                // With the cookie that the server asked for, the same hello comes once more.
                if !std::mem::replace(&mut self.hello_told, true) {
                    self.asked_for = hello.server_name.as_deref().map(Into::into);
                    tell_client(cx, side, &hello, 'd');
                }
            }
            handshake::SERVER_HELLO => tell_server(cx, side, ServerHello::read(body, true)?, false),
            handshake::CERTIFICATE => {
                if let Some(der) = certificate::first(body)? {
                    certificate::tell(cx, side, der, self.asked_for.as_deref());
                }
            }
            _ => {}
        }
        Ok(())
    }
}
