//! EDP: how a router or gateway of Digi lets itself be managed over the internet, where that is not in TLS.
//!
//! Spec: Digi's published Cloud Connector (message types of "MT version 2", operations of its security layer): a type and a
//! length of two octets each; ports 3197 (in the clear) and 3199 (TLS) as registered.
//! Emits: a remote session; the device's id, the server that it means to reach, and that a password went in the clear.
//! Blind to: what is done (commands, settings, firmware); devices that speak it in TLS, which their names tell.
use crate::reader::text;
use crate::{Carrier, Cx, Decoder, Dialogue, Head, Malformed, Probe, Reader, Sender, Side, Step};

pub(crate) static DECODER: Decoder = Decoder {
    name: "digi-edp",
    title: "EDP (Digi Remote Manager)",
    carriers: &[Carrier::Tcp(PORT)],
    probe,
    open: || Box::new(Edp::default()),
    remote: true,
    operations: &[],
    about: "Remote sessions of devices that let themselves be managed: their id, the server they mean, whether a password went in the clear.",
    spec: "message types and security operations of Digi's published Cloud Connector",
    blind: "what is done, and devices that speak it in TLS",
};

const PORT: u16 = 3197;

/// Types of messages.
mod kind {
    /// Has an octet where others have a length.
    pub(super) const OLD_ANSWER: u16 = 0x0001;
    pub(super) const VERSION: u16 = 0x0004;
    pub(super) const VERSION_OK: u16 = 0x0010;
    pub(super) const OVERLOAD: u16 = 0x0012;
    pub(super) const RECEIVE_INTERVAL: u16 = 0x0020;
    pub(super) const WAIT: u16 = 0x0022;
    pub(super) const KEEPALIVE: u16 = 0x0030;
    pub(super) const PAYLOAD: u16 = 0x0040;
}

/// Operations of the security layer, the first octet of a payload.
mod operation {
    pub(super) const DEVICE_ID: u8 = 0x81;
    pub(super) const URL: u8 = 0x86;
    pub(super) const PASSWORD: u8 = 0x88;
}

/// Octets of a device's id.
const ID: usize = 16;

/// The version opens a session, at any port; what follows counts at its own.
fn probe(head: &Head<'_>) -> Probe {
    if head.udp {
        return Probe::NotOurs;
    }
    head.read(|r| {
        let (kind, length) = (r.u16()?, r.u16()?);
        match kind {
            kind::VERSION => {
                let version = r.u32()?;
                let opens = head.first && length == 4 && (1..16).contains(&version);
                r.check(opens, "version")?;
                Ok(Sender::Client)
            }
            kind::VERSION_OK..=kind::OVERLOAD if head.from == PORT && length <= 16 => {
                Ok(Sender::Server)
            }
            kind::RECEIVE_INTERVAL..=kind::WAIT if head.to == PORT && length == 2 => {
                Ok(Sender::Client)
            }
            _ => Err(Malformed::Bad("message type")),
        }
    })
}

#[derive(Default)]
struct Edp {
    told: bool,
}

impl Dialogue for Edp {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        if !std::mem::replace(&mut self.told, true) {
            cx.session(None, None);
        }
        let mut r = Reader::new(bytes);
        let (Ok(kind), Ok(length)) = (r.u16(), r.u16()) else {
            return Step::Need(4);
        };
        let length = match kind {
            kind::OLD_ANSWER => return Step::Done,
            kind::VERSION
            | kind::VERSION_OK..=kind::OVERLOAD
            | kind::RECEIVE_INTERVAL..=kind::WAIT
            | kind::KEEPALIVE
            | kind::PAYLOAD => usize::from(length),
            _ => return Step::Bad("message type"),
        };
        let Ok(payload) = r.bytes(length) else {
            return Step::Need(4 + length);
        };
        if kind == kind::PAYLOAD && side == Side::Client {
            tell(cx, payload);
        }
        Step::Took(4 + length)
    }
}

fn tell(cx: &mut Cx<'_>, payload: &[u8]) {
    match payload {
        [operation::DEVICE_ID, id @ ..] if id.len() == ID => {
            // As it stands on the device: four groups of eight digits.
            let (words, _) = id.as_chunks::<4>();
            let groups: Vec<String> = words
                .iter()
                .map(|word| format!("{:08X}", u32::from_be_bytes(*word)))
                .collect();
            cx.identity(Side::Client, "serial", groups.join("-"));
            cx.identity(
                Side::Client,
                "role",
                "device managed by Digi Remote Manager",
            );
        }
        // A length of two octets, then `en://` and the host.
        [operation::URL, rest @ ..] => {
            let start = rest.windows(5).position(|part| part == b"en://");
            let host = start.and_then(|start| rest.get(start + 5..));
            if let Some(host) = host.and_then(|host| text(host, 96)) {
                cx.session(None, Some(format!("managed by {host}")));
            }
        }
        [operation::PASSWORD, rest @ ..] if !rest.is_empty() => {
            cx.credential("password", None, false);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::{Client, Server};
    use crate::testing::{check, check_at};

    #[test]
    fn a_device_says_who_it_is_and_by_whom_it_is_managed() {
        check_at(
            &DECODER,
            40001,
            &[
                // Version 2; keepalive intervals and waits; identity with a password; id; server; password.
                (Client, "0004 0004 00000002"),
                (Server, "0010 0000"),
                (Client, "0020 0002 003c 0021 0002 003c 0022 0002 0005"),
                (Client, "0040 0002 80 02"),
                (
                    Client,
                    "0040 0011 81 00000000 00000000 00409dff ff123456 0040 000f 86 000c 656e3a2f2f 6d2e65782e636f",
                ),
                (Client, "0040 0005 88 0002 7077"),
                (Server, "0030 0000"),
            ],
            expect![[r#"
                conversation protocol=digi-edp state=answered packets=5/2 bytes=81/8
                identity 10.0.0.1 role=device managed by Digi Remote Manager stated
                identity 10.0.0.1 serial=00000000-00000000-00409DFF-FF123456 stated
                remote_session protocol=digi-edp client=10.0.0.1 server=10.0.0.2 server_port=40001 detail=managed by m.ex.co bytes=89 frames=Numbers([1, 2, 3, 4, 5, 6, 7])
                credential protocol=digi-edp client=10.0.0.1 server=10.0.0.2 what=password frames=Numbers([6])
            "#]],
        );
    }

    #[test]
    fn lengths_that_lie_and_types_that_are_none_are_no_session_to_trust() {
        check(
            &DECODER,
            &[
                (Client, "0004 0004 00000002"),
                (
                    Client,
                    "0040 0000 0040 0001 81 0040 0003 86 ffff 7777 0000 0040 ffff 81",
                ),
                (Server, "0001 02"),
            ],
            expect![[r#"
                conversation protocol=digi-edp state=answered packets=2/1 bytes=33/3
                remote_session protocol=digi-edp client=10.0.0.1 server=10.0.0.2 server_port=3197 bytes=36 frames=Numbers([1, 2, 3])
                oddity what=protocol.malformed detail=digi-edp: message type frames=Numbers([2])
            "#]],
        );
    }
}
