//! Remote Desktop Protocol: whose desktop, asked for by which name, secured how.
//!
//! Spec: [MS-RDPBCGR] 2.2.1 (connection sequence), [MS-RDPEUDP] 2.2.2.1; RFC 1006 and X.224 below.
//! Emits: the remote session with cookie name, requested and selected security; the client's computer name and a
//! clear-text password where standard security leaves them open.
//! Blind to: everything after TLS begins; RDP Gateway (it is HTTPS).
mod pdu;

use self::pdu::{Answer, Mcs, Request, Tpdu};
use crate::{Carrier, Cx, Decoder, Dialogue, Head, Malformed, Probe, Reader, Sender, Side, Step};

pub static DECODER: Decoder = Decoder {
    name: "rdp",
    title: "Remote Desktop Protocol",
    carriers: &[Carrier::Tcp(PORT), Carrier::Udp(PORT)],
    probe,
    open: || Box::new(Rdp::default()),
    remote: true,
    operations: &[],
    about: "Remote sessions with user name of the cookie, security offered, selected or refused; the client's computer name; \
            clear-text passwords of unencrypted sessions.",
    spec: "[MS-RDPBCGR], [MS-RDPEUDP]",
    blind: "everything inside TLS; RDP Gateway",
};

const PORT: u16 = 3389;

/// S7comm and MMS begin with TPKT and X.224 too: the content must be what only RDP puts there.
fn probe(head: &Head<'_>) -> Probe {
    if head.udp {
        return match pdu::udp_syn(head.bytes) {
            Some(true) => Probe::Ours(Sender::Client),
            Some(false) => Probe::Ours(Sender::Server),
            None => Probe::NotOurs,
        };
    }
    match head.bytes {
        [3, 0, ..] => head.read(|r| {
            let tpdu = Tpdu::read(r)?;
            let no = Err(Malformed::Bad("not RDP"));
            match tpdu {
                Tpdu::Request(variable) => match Request::read(variable) {
                    Ok(request) if request.is_telling() || head.on(PORT) => Ok(Sender::Client),
                    _ => no,
                },
                Tpdu::Confirm(variable) => match Answer::read(variable) {
                    Ok(Answer::Standard) if !head.on(PORT) => no,
                    Ok(_) => Ok(Sender::Server),
                    Err(_) => no,
                },
                Tpdu::Data(data) => match Mcs::read(data) {
                    Some(Mcs::ConnectInitial(rest)) if pdu::client(rest).is_some() => {
                        Ok(Sender::Client)
                    }
                    Some(Mcs::ClientData(_)) => Ok(Sender::Client),
                    Some(Mcs::ServerData) => Ok(Sender::Server),
                    Some(Mcs::ConnectInitial(_) | Mcs::ClientSetup) if head.on(PORT) => {
                        Ok(Sender::Client)
                    }
                    Some(Mcs::ConnectResponse | Mcs::ServerSetup) if head.on(PORT) => {
                        Ok(Sender::Server)
                    }
                    _ => no,
                },
                Tpdu::Disconnect => no,
            }
        }),
        // In the middle of a session the port must help: fast-path says little, TLS says nothing of what it carries.
        [0x17, 3, 0..=4, ..] if head.on(PORT) && !head.first => Probe::Ours(Sender::Unknown),
        [..] if head.on(PORT) && !head.first => head.read(|r| {
            let length = pdu::fast_path(r)?;
            let next = Reader::new(head.bytes).peek().get(length..);
            match next {
                Some([] | [0 | 4 | 8 | 3, ..]) => Ok(Sender::Unknown),
                _ => Err(Malformed::Bad("fast-path length")),
            }
        }),
        _ => Probe::NotOurs,
    }
}

/// One session: whether what follows is encrypted.
#[derive(Default)]
struct Rdp {
    told: bool,
    encrypted: bool,
}

impl Dialogue for Rdp {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        if !self.told {
            self.told = true;
            cx.session(None, None);
        }
        if cx.flow.udp {
            cx.session(None, Some("over UDP".to_owned()));
            return Step::Done;
        }
        match bytes {
            [0x16 | 0x17, 3, 0..=4, ..] => {
                if !self.encrypted {
                    self.encrypted = true;
                    cx.session(None, Some("encrypted".to_owned()));
                }
                Step::Done
            }
            [3] => Step::Need(2),
            [3, 0, ..] => self.tpkt(cx, side, bytes),
            _ if self.encrypted => Step::Done,
            _ => {
                let mut r = Reader::new(bytes);
                match pdu::fast_path(&mut r) {
                    Ok(length) => Step::Skip(length as u64),
                    Err(error) => Step::from_error(error, bytes.len()),
                }
            }
        }
    }
}

impl Rdp {
    fn tpkt(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let length = match pdu::tpkt_length(&mut Reader::new(bytes)) {
            Ok(length) => length,
            Err(error) => return Step::from_error(error, bytes.len()),
        };
        if bytes.len() < length {
            return Step::Need(length);
        }
        let tpdu = match Tpdu::read(&mut Reader::new(bytes)) {
            Ok(tpdu) => tpdu,
            Err(Malformed::Short) => return Step::Bad("TPKT length"),
            Err(Malformed::Bad(what)) => return Step::Bad(what),
        };
        match tpdu {
            Tpdu::Request(variable) => match Request::read(variable) {
                Ok(request) => {
                    let offers = pdu::offered(request.offers.unwrap_or(0));
                    cx.session(request.user, Some(format!("offered {offers}")));
                }
                Err(_) => return Step::Bad("connection request"),
            },
            Tpdu::Confirm(variable) => match Answer::read(variable) {
                Ok(Answer::Failed(code)) => {
                    let why = pdu::failure(code);
                    cx.session(None, Some(format!("refused: {why}")));
                }
                Ok(answer) => {
                    let selected = match answer {
                        Answer::Selected(selected) => selected,
                        _ => 0,
                    };
                    let security = pdu::security(selected);
                    cx.variant(security);
                    cx.session(None, Some(format!("selected {security}")));
                    self.encrypted = selected != 0;
                }
                Err(_) => return Step::Bad("connection confirm"),
            },
            Tpdu::Data(data) => match Mcs::read(data) {
                Some(Mcs::ConnectInitial(initial)) => {
                    if let Some((name, build)) = pdu::client(initial) {
                        if let Some(name) = name {
                            cx.identity(Side::Client, "hostname", name);
                        }
                        // Clients that are not Windows leave it empty or fill in anything small.
                        if (2600..1 << 16).contains(&build) {
                            cx.session(None, Some(format!("client build {build}")));
                        }
                    }
                }
                Some(Mcs::ClientData(user_data)) if side == Side::Client => {
                    if let Some(info) = pdu::client_info(user_data) {
                        if info.password {
                            cx.credential("password", info.user.clone(), false);
                        }
                        cx.session(info.user, None);
                    }
                }
                _ => {}
            },
            Tpdu::Disconnect => {}
        }
        Step::Took(length)
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
    fn the_cookie_names_the_user_and_the_answer_the_security() {
        check_at(
            &DECODER,
            13389,
            &[
                // Cookie: mstshash=eve, TLS and NLA offered
                (
                    Client,
                    "0300 0029 24 e0 0000 0000 00 436f6f6b69653a206d737473686173683d657665 0d0a 01 00 0800 03000000",
                ),
                (Server, "0300 0013 0e d0 0000 1234 00 02 1f 0800 02000000"),
                (Client, "16 03 01 00 05 01 00 00 01 00"),
            ],
            expect![[r#"
                conversation protocol=rdp:nla state=answered packets=2/1 bytes=51/19
                remote_session protocol=rdp client=10.0.0.1 server=10.0.0.2 server_port=13389 user=eve detail=offered rdp+tls+nla; selected nla bytes=70 frames=Numbers([1, 2, 3])
            "#]],
        );
    }

    #[test]
    fn a_refused_negotiation_says_why() {
        check(
            &DECODER,
            &[
                (Client, "0300 0013 0e e0 0000 0000 00 01 00 0800 00000000"),
                (Server, "0300 0013 0e d0 0000 1234 00 03 00 0800 05000000"),
            ],
            expect![[r#"
                conversation protocol=rdp state=answered packets=1/1 bytes=19/19
                remote_session protocol=rdp client=10.0.0.1 server=10.0.0.2 server_port=3389 detail=offered rdp; refused: server requires nla bytes=38 frames=Numbers([1, 2])
            "#]],
        );
    }

    #[test]
    fn an_unencrypted_session_gives_computer_name_user_and_that_a_password_was_sent() {
        // Core data with client name CMS1, then a Client Info PDU with user op and a password of three characters.
        let core = "01c0 3800 04000800 0004 0003 01ca 03aa 09040000 280a0000 \
                    43004d0053003100 000000000000000000000000000000000000000000000000";
        let initial = format!("0300 0049 02f080 7f65 82003d 44756361 38 {core}");
        let info = "0300 0032 02f080 64 0007 03eb 70 24 4000 0000 00000000 10000000 0000 0400 0600 0000 0000 \
                    0000 6f007000 0000 6100620063 00";
        check(
            &DECODER,
            &[
                (Client, "0300 000b 06 e0 0000 0000 00"),
                (Server, "0300 000b 06 d0 0000 1234 00"),
                (Client, &initial),
                (Client, info),
            ],
            expect![[r#"
                conversation protocol=rdp:rdp state=answered packets=3/1 bytes=134/11
                identity 10.0.0.1 hostname=CMS1 stated
                remote_session protocol=rdp client=10.0.0.1 server=10.0.0.2 server_port=3389 user=op detail=offered rdp; selected rdp; client build 2600 bytes=145 frames=Numbers([1, 2, 3, 4])
                credential protocol=rdp client=10.0.0.1 server=10.0.0.2 what=password user=op frames=Numbers([4])
            "#]],
        );
    }

    #[test]
    fn other_protocols_over_x224_are_left_alone() {
        let probe = |bytes: &[u8], port| {
            (DECODER.probe)(&Head {
                bytes,
                udp: false,
                from: 50000,
                to: port,
                first: true,
                open: true,
            })
        };
        // S7comm: T-selectors and TPDU size.
        let s7 = hex("0300 0016 11 e0 0000 0001 00 c1020100 c2020102 c0010a");
        assert_eq!(probe(&s7, 102), Probe::NotOurs);
        assert_eq!(probe(&s7, 3389), Probe::NotOurs);
        // A confirm without parameters at another port could be anyone's.
        assert_eq!(
            probe(&hex("0300 000b 06 d0 0000 1234 00"), 102),
            Probe::NotOurs
        );
        // S7comm job, MMS session.
        assert_eq!(probe(&hex("0300 0008 02f080 32"), 102), Probe::NotOurs);
        assert_eq!(probe(&hex("0300 0009 02f080 0100"), 102), Probe::NotOurs);
        // RDP in the middle of a session.
        let data = hex("0300 0010 02f080 68 0001 03eb 70 02 0800");
        assert_eq!(probe(&data, 4000), Probe::Ours(Sender::Server));
    }

    #[test]
    fn rdp_over_udp_is_recognised_by_its_first_datagram() {
        let syn = hex("ffffffff 0040 1801 0b127f15 04d0 04d0 00000000");
        let head = Head {
            bytes: &syn,
            udp: true,
            from: 50000,
            to: 33890,
            first: true,
            open: false,
        };
        assert_eq!((DECODER.probe)(&head), Probe::Ours(Sender::Client));
    }
}
