//! Protocols that are recognised by content and named, but not read further.
//!
//! Each is a line of a table: name, ports, and a probe that is as strict as the first message allows. Where a first
//! message gives a password away, that is told too; nothing else is.
mod office;
mod remote;
mod tunnel;

use crate::{Carrier, Cx, Decoder, Dialogue, Head, Probe, Sender, Side, Step};

use Carrier::{Tcp, Udp};

/// A decoder that only recognises.
pub(super) const fn named(
    name: &'static str,
    title: &'static str,
    carriers: &'static [Carrier],
    probe: fn(&Head<'_>) -> Probe,
    spec: &'static str,
) -> Decoder {
    Decoder {
        name,
        title,
        carriers,
        probe,
        open: || Box::new(Named(|_, _, _| {})),
        remote: false,
        operations: &[],
        about: "Recognised and named.",
        spec,
        blind: "what is said in it",
    }
}

/// The dialogue of all of them: hears the first message, then no more.
struct Named(fn(&mut Cx<'_>, Side, &[u8]));

impl Dialogue for Named {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        (self.0)(cx, side, bytes);
        Step::Done
    }
}

/// A dialogue without a state: every message is read for itself.
pub(super) struct Reads(pub(super) fn(&mut Cx<'_>, Side, &[u8]) -> Step);

impl Dialogue for Reads {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        (self.0)(cx, side, bytes)
    }
}

/// What a probe function of this folder gives: the sender, if it is ours.
pub(super) const fn ours(sender: Option<Sender>) -> Probe {
    match sender {
        Some(sender) => Probe::Ours(sender),
        None => Probe::NotOurs,
    }
}

const fn never(_: &Head<'_>) -> Probe {
    Probe::NotOurs
}

// Announced by others, never told by content.
pub static RTP: Decoder = Decoder {
    about: "Media channels that RTSP announced.",
    ..named(
        "rtp",
        "RTP and RTCP (media)",
        &[Udp(5004)],
        never,
        "RFC 3550",
    )
};
pub static FTP_DATA: Decoder = Decoder {
    about: "Data channels that FTP announced.",
    ..named("ftp-data", "FTP data", &[Tcp(20)], never, "RFC 959")
};

// Office and building.
pub static SYSLOG: Decoder = Decoder {
    open: || Box::new(Reads(office::syslog_told)),
    about: "Hosts that log, by the name in their first messages, and their programs.",
    ..named(
        "syslog",
        "Syslog",
        &[Udp(514), Tcp(601), Tcp(514)],
        office::syslog,
        "RFC 3164, RFC 5424, RFC 6587",
    )
};
pub static LPD: Decoder = named(
    "lpd",
    "Line printer daemon",
    &[Tcp(515)],
    office::lpd,
    "RFC 1179",
);
pub static JETDIRECT: Decoder = named(
    "jetdirect",
    "Raw printing (JetDirect)",
    &[Tcp(9100)],
    office::jetdirect,
    "PJL and PostScript job starts",
);
pub static SIP: Decoder = Decoder {
    open: || Box::new(Reads(office::sip_told)),
    about: "Software and users of telephones, by their registrations and calls.",
    ..named(
        "sip",
        "SIP (telephony)",
        &[Udp(5060), Tcp(5060)],
        office::sip,
        "RFC 3261",
    )
};
pub static SLP: Decoder = named(
    "slp",
    "Service Location Protocol",
    &[Udp(427), Tcp(427)],
    office::slp,
    "RFC 2608",
);
pub static STUN: Decoder = Decoder {
    open: || Box::new(Reads(office::stun_told)),
    about: "Software of both ends; relays (TURN) as variant.",
    ..named(
        "stun",
        "STUN and TURN",
        &[Udp(3478), Tcp(3478)],
        office::stun,
        "RFC 8489, RFC 8656, RFC 3489",
    )
};

// Remote control.
pub static RADMIN: Decoder = Decoder {
    remote: true,
    about: "Remote sessions by Radmin.",
    ..named(
        "radmin",
        "Radmin",
        &[Tcp(4899)],
        remote::radmin,
        "no public specification; first messages as observed",
    )
};

/// A way to work on a host: recognised, and a remote session.
const fn control(
    name: &'static str,
    title: &'static str,
    carriers: &'static [Carrier],
    probe: fn(&Head<'_>) -> Probe,
    spec: &'static str,
) -> Decoder {
    Decoder {
        remote: true,
        about: "Remote sessions, told by their first message.",
        ..named(name, title, carriers, probe, spec)
    }
}

pub static CITRIX: Decoder = control(
    "citrix",
    "Citrix (ICA, Common Gateway Protocol)",
    &[Tcp(1494), Tcp(2598)],
    remote::citrix,
    "no public specification; first messages as observed",
);
pub static DAMEWARE: Decoder = control(
    "dameware",
    "Dameware Mini Remote Control",
    &[Tcp(6129)],
    remote::dameware,
    "no public specification; first messages as observed",
);
pub static X11: Decoder = control(
    "x11",
    "X Window System",
    &[Tcp(6000), Tcp(6001), Tcp(6010)],
    remote::x11,
    "X Window System Protocol, X11R7.7, 8",
);
pub static RUSTDESK: Decoder = Decoder {
    open: || Box::new(Reads(remote::rustdesk_told)),
    about: "That RustDesk waits to be reached, and by which number.",
    ..control(
        "rustdesk",
        "RustDesk",
        &[Udp(21116)],
        remote::rustdesk,
        "messages of the rendezvous protocol, field numbers as published",
    )
};
pub static RLOGIN: Decoder = Decoder {
    open: || Box::new(Reads(remote::rlogin_told)),
    about: "Remote sessions with the users of both ends.",
    ..control("rlogin", "rlogin", &[Tcp(513)], remote::rlogin, "RFC 1282")
};
pub static IPMI: Decoder = Decoder {
    open: || Box::new(Reads(remote::ipmi_told)),
    about: "Remote management of a host below its operating system; users of RMCP+ log-ins.",
    ..control(
        "ipmi",
        "IPMI over LAN (RMCP)",
        &[Udp(623), Udp(664)],
        remote::ipmi,
        "IPMI 2.0, 13; DSP0136 (ASF 2.0)",
    )
};

// Tunnels.
pub static TAILSCALE: Decoder = named(
    "tailscale",
    "Tailscale (path discovery)",
    &[Udp(41641)],
    tunnel::tailscale,
    "format of the discovery messages as published with the program",
);
pub static ZEROTIER: Decoder = named(
    "zerotier",
    "ZeroTier",
    &[Udp(9993)],
    tunnel::zerotier,
    "packet format as published with the program",
);
pub static NEBULA: Decoder = named(
    "nebula",
    "Nebula",
    &[Udp(4242)],
    tunnel::nebula,
    "header format as published with the program",
);
pub static OPENVPN: Decoder = named(
    "openvpn",
    "OpenVPN",
    &[Udp(1194), Tcp(1194)],
    tunnel::openvpn,
    "OpenVPN wire protocol (draft-openvpn-wire-protocol)",
);
pub static WIREGUARD: Decoder = named(
    "wireguard",
    "WireGuard",
    &[Udp(51820)],
    tunnel::wireguard,
    "WireGuard: Next Generation Kernel Network Tunnel, 5.4",
);
pub static L2TP: Decoder = Decoder {
    open: || Box::new(Reads(tunnel::l2tp_told)),
    about: "Host and vendor names of both ends.",
    ..named(
        "l2tp",
        "L2TP",
        &[Udp(1701)],
        tunnel::l2tp,
        "RFC 2661, RFC 3931",
    )
};
pub static PPTP: Decoder = Decoder {
    open: || Box::new(Reads(tunnel::pptp_told)),
    about: "Host and vendor names of both ends.",
    ..named("pptp", "PPTP", &[Tcp(1723)], tunnel::pptp, "RFC 2637")
};
pub static SOCKS: Decoder = Decoder {
    open: || Box::new(Reads(tunnel::socks_told)),
    about: "Conversations through a proxy: for whom, and passwords that it is given in the clear.",
    ..named(
        "socks",
        "SOCKS (proxy)",
        &[Tcp(1080)],
        tunnel::socks,
        "RFC 1928, RFC 1929, SOCKS protocol 4",
    )
};
pub static NETFLOW: Decoder = named(
    "netflow",
    "NetFlow and IPFIX",
    &[Udp(2055), Udp(4739), Udp(9995)],
    office::netflow,
    "RFC 3954, RFC 7011, NetFlow version 5",
);
pub static SFLOW: Decoder = named(
    "sflow",
    "sFlow",
    &[Udp(6343)],
    office::sflow,
    "sFlow version 5",
);
pub static TEREDO: Decoder = named(
    "teredo",
    "Teredo (IPv6 over UDP)",
    &[Udp(3544)],
    tunnel::teredo,
    "RFC 4380",
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocols;
    use crate::testing::hex;

    fn probe(decoder: &Decoder, udp: bool, port: u16, bytes: &[u8]) -> Probe {
        (decoder.probe)(&Head {
            bytes,
            udp,
            from: 50000,
            to: port,
            first: true,
            open: !udp,
        })
    }

    /// First messages, each at a port that says nothing.
    fn first_messages() -> Vec<(&'static Decoder, bool, Vec<u8>, Sender)> {
        use Sender::{Client, Server, Unknown};
        let pad = |text: &str, length: usize| {
            let mut bytes = hex(text);
            bytes.resize(length, 0x5a);
            bytes
        };
        vec![
            (
                &SYSLOG,
                true,
                b"<34>1 2026-10-11T22:14:15Z cms su - - x".to_vec(),
                Client,
            ),
            (
                &SYSLOG,
                true,
                b"<190>Oct  9 22:33:20 sw1 up".to_vec(),
                Client,
            ),
            (
                &JETDIRECT,
                false,
                b"\x1b%-12345X@PJL JOB\r\n".to_vec(),
                Client,
            ),
            (&SIP, true, b"REGISTER sip:pbx SIP/2.0\r\n".to_vec(), Client),
            (&SIP, true, b"SIP/2.0 200 OK\r\n".to_vec(), Server),
            (
                &protocols::mqtt::DECODER,
                false,
                hex("10 0e 0004 4d515454 04 02 003c 0002 6162"),
                Client,
            ),
            (&protocols::amqp::DECODER, false, b"AMQP\0\0\x09\x01".to_vec(), Client),
            (
                &SLP,
                true,
                hex("02 01 000012 2000 000000 0001 0002 656e 0000"),
                Client,
            ),
            (
                &STUN,
                true,
                hex("0001 0000 2112a442 000102030405060708090a0b"),
                Client,
            ),
            (
                &protocols::ldap::DECODER,
                false,
                hex("300c 020101 6007 020103 0400 8000"),
                Client,
            ),
            (&protocols::kerberos::DECODER, true, hex("6a09 3007 a103 020105 a200"), Client),
            (
                &protocols::mssql::DECODER,
                false,
                hex("12 01 0010 0000 01 00 00 000600 06 ff 0000"),
                Client,
            ),
            (
                &protocols::dcerpc::DECODER,
                false,
                hex("05 00 0b 03 10000000 4800 0000 01000000"),
                Client,
            ),
            (&protocols::dcerpc::DECODER, true, pad("04 00 20 00 10 00 00", 80).into_iter().enumerate().map(|(n, byte)| if matches!(n, 74 | 75) { 0 } else { byte }).collect(), Client),
            (&CITRIX, false, b"\x7f\x7fICA\0\x7f\x7fICA\0".to_vec(), Server),
            (&CITRIX, false, b"\x1aCGP/01\0".to_vec(), Client),
            // Version 12.0.
            (&DAMEWARE, false, pad("3011000000000000 0000000000002840", 40), Client),
            (&X11, false, hex("6c00 0b00 0000 0000 0000 0000"), Client),
            (&RUSTDESK, true, hex("32 0d 0a 09 313233343536373839 10 01"), Client),
            (&RLOGIN, false, b"\0op\0root\0xterm/38400\0".to_vec(), Client),
            (&TAILSCALE, true, pad("5453f09f92ac 01", 100), Unknown),
            (
                &ZEROTIER,
                true,
                pad("0102030405060708 aabbccddee 1122334455 00 0000000000000000 01 0c 01 0a 0000 0000000000000000 1122334455 00", 130),
                Unknown,
            ),
            (&NEBULA, true, pad("10000000 00000000 0000000000000001 0a", 90), Client),
            (&RADMIN, false, hex("01 00000001 00000008 08"), Client),
            (
                &OPENVPN,
                true,
                hex("38 0102030405060708 00 00000000"),
                Client,
            ),
            (
                &OPENVPN,
                false,
                hex("002a 38 0102030405060708 000102030405060708090a0b0c0d0e0f10111213 00000001 57a1c15f 00 00000000"),
                Client,
            ),
            (
                &TEREDO,
                true,
                hex("60000000 0002 1120 20010000 4137 9e50 8000 f12a b9c8 2815 2a000000000000000000000000000001 abcd"),
                Unknown,
            ),
            (
                &protocols::cameras::ws_discovery::DECODER,
                true,
                b"<?xml version=\"1.0\"?><s:Envelope xmlns:d=\"http://schemas.xmlsoap.org/ws/2005/04/discovery\">".to_vec(),
                Server,
            ),
            (&protocols::dnp3::DECODER, false, hex("0564 05 c9 0100 0000 de8e"), Client),
            (&protocols::iec104::DECODER, false, hex("6804 07 000000"), Client),
            (&protocols::iec104::DECODER, false, hex("6804 0b 000000"), Server),
            (&protocols::bacnet::DECODER, true, hex("810b 0008 0100 10 08"), Client),
            (&protocols::mms::DECODER, false, hex("0300 001a 02 f0 80 0100 0100 61 0d 30 0b 020103 a0 06 a0 05 0201 01 82 00"), Client),
            (&WIREGUARD, true, pad("01000000 01020304", 148), Client),
            (&WIREGUARD, true, pad("02000000 01020304", 92), Server),
            (&SOCKS, false, hex("05 02 00 02"), Client),
            (&SOCKS, false, hex("04 01 01bb c0000201 00"), Client),
            (&NETFLOW, true, pad("0005 0001 00000001 66000000 00000000 00000001 0000 0000", 72), Client),
            (&NETFLOW, true, pad("000a 0020 66000000 00000001 00000000 0100 0010", 32), Client),
            (&SFLOW, true, pad("00000005 00000001 c0000201 00000000 00000001 00000001 00000001 00000001 00000004", 44), Client),
            (&PPTP, false, hex("009c 0001 1a2b3c4d 0001 0000"), Client),
            (
                &protocols::quic::DECODER,
                true,
                pad("c3 00000001 08 0102030405060708 00 00", 1200),
                Client,
            ),
        ]
    }

    #[test]
    fn a_first_message_is_recognised_at_any_port_and_by_no_other_decoder() {
        for (decoder, udp, bytes, sender) in first_messages() {
            let told = probe(decoder, udp, 40001, &bytes);
            if sender != Sender::Unknown {
                assert_eq!(told, Probe::Ours(sender), "{}", decoder.name);
            }
            assert!(matches!(told, Probe::Ours(_)), "{}", decoder.name);
            let carried = |other: &&&Decoder| {
                other.carriers.iter().any(|carrier| match carrier {
                    Udp(_) => udp,
                    Tcp(_) => !udp,
                    _ => false,
                })
            };
            for other in protocols::ALL.iter().filter(carried) {
                let alone = other.name == decoder.name
                    || !matches!(probe(other, udp, 40001, &bytes), Probe::Ours(_));
                assert!(alone, "{} takes {}", other.name, decoder.name);
            }
        }
    }

    #[test]
    fn no_decoder_takes_what_means_nothing() {
        // Counters, constants and a generator's output: none of it is a protocol.
        let mut state = 0x2545_f491_4f6c_dd1du64;
        let mut noise = |length: usize| -> Vec<u8> {
            (0..length)
                .map(|_| {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    (state >> 32) as u8
                })
                .collect()
        };
        let mut heads: Vec<Vec<u8>> = (0..=255u8).map(|byte| vec![byte; 64]).collect();
        heads.extend((0..20_000).map(|n| noise(8 + n % 120)));
        // At their own port, content decides all the same.
        let at_home = ["dnp3", "iec104", "bacnet", "mms", "dlms"];
        for decoder in protocols::ALL {
            let home = match decoder.carriers.first() {
                Some(Tcp(port) | Udp(port)) if at_home.contains(&decoder.name) => *port,
                _ => 40001,
            };
            for (udp, carries) in [
                (
                    true,
                    decoder
                        .carriers
                        .iter()
                        .any(|carrier| matches!(carrier, Udp(_))),
                ),
                (
                    false,
                    decoder
                        .carriers
                        .iter()
                        .any(|carrier| matches!(carrier, Tcp(_))),
                ),
            ] {
                for bytes in heads.iter().filter(|_| carries) {
                    for port in [40001, home] {
                        let told = probe(decoder, udp, port, bytes);
                        assert!(
                            !matches!(told, Probe::Ours(_)),
                            "{} takes {bytes:02x?}",
                            decoder.name
                        );
                    }
                }
            }
        }
    }
}
