//! TeamViewer: that its own protocol is spoken, by content.
//!
//! Spec: none is public; the two magic numbers with their command and length stand in the clear in every message
//! (17 24 in the older, 11 30 in the newer protocol), as Wireshark's and nDPI's users have described them.
//! Emits: the remote session.
//! Blind to: sessions over TLS or HTTP (told by the names that they look up); who is on which side, and what is done.
use crate::{Carrier, Cx, Decoder, Dialogue, Head, Malformed, Probe, Reader, Sender, Side, Step};

pub static DECODER: Decoder = Decoder {
    name: "teamviewer",
    title: "TeamViewer",
    carriers: &[Carrier::Tcp(PORT), Carrier::Udp(PORT)],
    probe,
    open: || Box::new(TeamViewer::default()),
    remote: true,
    operations: &[],
    about: "Remote sessions by TeamViewer's own protocol, direct or by its relays.",
    spec: "no public specification; message headers as observed",
    blind: "sessions over TLS or HTTP, which names tell; what is done in a session",
};

const PORT: u16 = 5938;

fn probe(head: &Head<'_>) -> Probe {
    if head.udp {
        // Direct connections, at any port: 11 octets, then the older header, whose length fills the datagram.
        let ours = head.bytes.split_at_checked(11).is_some_and(|(_, rest)| {
            let header = Header::read(&mut Reader::new(rest));
            matches!(header, Ok(Header::Old { length, .. }) if length == rest.len())
        });
        return if ours {
            Probe::Ours(Sender::Unknown)
        } else {
            Probe::NotOurs
        };
    }
    head.read(|r| {
        let header = Header::read(r)?;
        // At another port the header must be one of the few that open a connection.
        let opens = matches!(header, Header::Old { command: 0x0a, .. });
        r.check(head.on(PORT) || opens && head.first, "port")?;
        Ok(if opens {
            Sender::Client
        } else {
            Sender::Unknown
        })
    })
}

/// How a message begins.
enum Header {
    Old { command: u8, length: usize },
    New { length: usize },
}

impl Header {
    const OLD: usize = 5;
    const NEW: usize = 24;

    fn read(r: &mut Reader<'_>) -> Result<Header, Malformed> {
        match r.u16()? {
            0x1724 => Ok(Header::Old {
                command: r.u8()?,
                length: Header::OLD + usize::from(r.u16_le()?),
            }),
            0x1130 => {
                let (_command, zero) = (r.u8()?, r.u8()?);
                let length = r.u32_le()?;
                r.skip(8)?;
                let head = (r.u32_le()?, r.u32_le()?);
                r.check(zero == 0 && head.1 == 24 && length < 1 << 24, "header")?;
                Ok(Header::New {
                    length: Header::NEW + usize::try_from(length).unwrap_or(usize::MAX),
                })
            }
            _ => Err(Malformed::Bad("magic")),
        }
    }

    const fn length(&self) -> usize {
        match self {
            Header::Old { length, .. } | Header::New { length } => *length,
        }
    }
}

#[derive(Default)]
struct TeamViewer {
    told: bool,
}

impl Dialogue for TeamViewer {
    fn message(&mut self, cx: &mut Cx<'_>, _side: Side, bytes: &[u8]) -> Step {
        if !self.told {
            self.told = true;
            cx.session(None, None);
        }
        if cx.flow.udp {
            cx.session(None, Some("direct, over UDP".to_owned()));
            return Step::Done;
        }
        match Header::read(&mut Reader::new(bytes)) {
            Ok(header) => Step::Skip(header.length() as u64),
            Err(error) => Step::from_error(error, bytes.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::{Client, Server};
    use crate::testing::{check, check_at, hex};
    use crate::{Head, Probe, Sender};

    #[test]
    fn a_session_is_recognised_by_its_first_message_at_any_port() {
        check_at(
            &DECODER,
            8443,
            &[
                (Client, "1724 0a 0400 00000000 1724 28 0200 0000"),
                (
                    Server,
                    "1130 36 00 02000000 01000000 00000000 1b000000 18000000 ffff",
                ),
            ],
            expect![[r#"
                conversation protocol=teamviewer state=answered packets=1/1 bytes=16/26
                remote_session protocol=teamviewer client=10.0.0.1 server=10.0.0.2 server_port=8443 bytes=42 frames=Numbers([1, 2])
            "#]],
        );
    }

    #[test]
    fn a_session_under_way_is_recognised_at_its_port() {
        check(
            &DECODER,
            &[(
                Server,
                "1130 3c 00 02000000 05000000 00000000 1b000000 18000000 ffff",
            )],
            expect![[r#"
                conversation protocol=teamviewer state=unanswered packets=0/1 bytes=0/26
                remote_session protocol=teamviewer client=10.0.0.1 server=10.0.0.2 server_port=5938 bytes=26 frames=Numbers([1])
            "#]],
        );
    }

    #[test]
    fn datagrams_must_state_their_own_length() {
        let probe = |text: &str| {
            let bytes = hex(text);
            (DECODER.probe)(&Head {
                bytes: &bytes,
                udp: true,
                from: 40000,
                to: 50000,
                first: true,
                open: false,
            })
        };
        let direct = "00000000000000004426 03 1724 73 0400 00000000";
        assert_eq!(probe(direct), Probe::Ours(Sender::Unknown));
        assert_eq!(probe(&format!("{direct}00")), Probe::NotOurs);
    }
}
