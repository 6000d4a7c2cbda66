//! NetBIOS datagram service: what computers call themselves when they announce themselves to their network.
//!
//! Spec: RFC 1002, 4.4 (datagrams); [MS-BRWS] 2.2 (announcements in a mailslot).
//! Emits: host names, announced versions and comments of those who announce themselves.
//! Blind to: fragmented datagrams; mailslots other than that of the browser.
use crate::reader::text;
use crate::{Carrier, Cx, Decoder, Dialogue, Head, Malformed, Probe, Reader, Sender, Side, Step};

use super::netbios;

pub static DECODER: Decoder = Decoder {
    name: "nbdgm",
    title: "NetBIOS datagram service",
    carriers: &[Carrier::Udp(138)],
    probe,
    open: || Box::new(Datagrams),
    remote: false,
    operations: &[],
    about: "Computer names, announced versions and comments from NetBIOS datagrams and browser announcements.",
    spec: "RFC 1002; [MS-BRWS]",
    blind: "fragmented datagrams; what mailslots other than the browser's carry",
};

fn probe(head: &Head<'_>) -> Probe {
    head.read(|r| {
        let names = matches!(head.bytes, [0x10..=0x12, ..]);
        // Errors and queries say little of themselves.
        r.check(names || head.on(138), "datagram type")?;
        Datagram::read(r)?;
        Ok(Sender::Client)
    })
}

struct Datagram<'a> {
    /// The name of the sender, where it is a computer's own.
    host: Option<String>,
    user_data: &'a [u8],
}

impl<'a> Datagram<'a> {
    fn read(r: &mut Reader<'a>) -> Result<Datagram<'a>, Malformed> {
        let kind = r.u8()?;
        r.check((0x10..=0x16).contains(&kind), "datagram type")?;
        let flags = r.u8()?;
        r.check(flags & 0xf0 == 0, "datagram flags")?;
        r.skip(2 + 4 + 2)?;
        match kind {
            // Direct unique, direct group, broadcast: a first fragment names both ends.
            0x10..=0x12 => {
                let _length = r.u16()?;
                let offset = r.u16()?;
                r.check(offset == 0, "datagram fragment")?;
                let from = netbios::name(r)?;
                let _to = netbios::name(r)?;
                let own = matches!(from.suffix, 0x00 | 0x03 | 0x20);
                Ok(Datagram {
                    host: from.name.filter(|_| own),
                    user_data: r.rest(),
                })
            }
            // Error, queries and their answers.
            0x13 => {
                r.u8()?;
                Ok(Datagram {
                    host: None,
                    user_data: &[],
                })
            }
            _ => {
                netbios::name(r)?;
                Ok(Datagram {
                    host: None,
                    user_data: &[],
                })
            }
        }
    }
}

/// What a browser announces ([MS-BRWS] 2.2.1, 2.2.6).
struct Announcement {
    host: Option<String>,
    version: (u8, u8),
    comment: Option<String>,
}

/// The mailslot's data begins behind its name.
fn announcement(user_data: &[u8]) -> Option<Announcement> {
    const SLOT: &[u8] = b"\\MAILSLOT\\BROWSE\0";
    let smb = user_data.strip_prefix(b"\xffSMB\x25")?;
    let slot = smb.windows(SLOT.len()).position(|part| part == SLOT)?;
    let mut r = Reader::new(smb.get(slot + SLOT.len()..)?);
    let command = r.u8().ok()?;
    // Host and local master announcements; a domain's announcement names no computer here.
    if !matches!(command, 0x01 | 0x0f) {
        return None;
    }
    r.skip(5).ok()?;
    let host = r.bytes(16).ok()?;
    let host = host.split(|byte| *byte == 0).next().unwrap_or(host);
    let version = (r.u8().ok()?, r.u8().ok()?);
    let comment = r.skip(8).ok().map(|()| r.rest());
    let comment = comment.map(|rest| rest.split(|byte| *byte == 0).next().unwrap_or(rest));
    Some(Announcement {
        host: text(host, 16),
        version,
        comment: comment.and_then(|comment| text(comment, 80)),
    })
}

struct Datagrams;

impl Dialogue for Datagrams {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let datagram = match Datagram::read(&mut Reader::new(bytes)) {
            Ok(datagram) => datagram,
            Err(error) => return Step::from_error(error, bytes.len()),
        };
        // RFC 1002, 5.3: only a query to a distribution server is answered.
        if bytes.first() != Some(&0x14) {
            cx.asks_nothing();
        }
        let announced = announcement(datagram.user_data);
        let host = announced
            .as_ref()
            .and_then(|announced| announced.host.clone());
        if let Some(host) = host.or(datagram.host) {
            cx.identity(side, "hostname", host);
        }
        if let Some(announced) = announced {
            if announced.version != (0, 0) {
                let (major, minor) = announced.version;
                cx.identity(
                    side,
                    "os",
                    format!("Windows {major}.{minor} (as announced)"),
                );
            }
            if let Some(comment) = announced.comment {
                cx.identity(side, "system", comment);
            }
        }
        Step::Took(bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::Client;
    use crate::testing::{render, run};

    #[test]
    fn an_announcement_names_the_computer_and_its_system() {
        let mut datagram = vec![0x11, 0x0a, 0x80, 0x01, 10, 0, 0, 1, 0, 138, 0, 0xbb, 0, 0];
        datagram.extend_from_slice(b"\x20EDENFDDADHCACACACACACACACACACAAA\0");
        datagram.extend_from_slice(b"\x20FHEPFCELEHFCEPFFFACACACACACACABN\0");
        datagram.extend_from_slice(b"\xffSMB\x25");
        datagram.extend_from_slice(&[0; 60]);
        datagram
            .extend_from_slice(b"\\MAILSLOT\\BROWSE\0\x01\0\0\0\0\0CMS07\0\0\0\0\0\0\0\0\0\0\0");
        datagram.extend_from_slice(b"\x06\x01\x03\x10\0\0\x0f\x01\x55\xaaspreader\0");
        expect![[r#"
            conversation protocol=nbdgm state=one-way packets=1/0 bytes=205/0
            identity 10.0.0.1 hostname=CMS07 stated
            identity 10.0.0.1 os=Windows 6.1 (as announced) stated
            identity 10.0.0.1 system=spreader stated
        "#]]
        .assert_eq(&render(&run(&DECODER, None, &[(Client, datagram)])));
    }
}
