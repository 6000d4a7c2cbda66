//! Protocols that are recognised by content and named, but not read further.
//!
//! Each is a line of a table: name, ports, and a probe that is as strict as the first message allows. Where a first
//! message gives a password away, that is told too; nothing else is.
mod office;
mod tunnel;
mod windows;

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

// Office and building.
pub static SYSLOG: Decoder = named(
    "syslog",
    "Syslog",
    &[Udp(514), Tcp(601), Tcp(514)],
    office::syslog,
    "RFC 3164, RFC 5424, RFC 6587",
);
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
pub static SIP: Decoder = named(
    "sip",
    "SIP (telephony)",
    &[Udp(5060), Tcp(5060)],
    office::sip,
    "RFC 3261",
);
pub static MQTT: Decoder = Decoder {
    open: || Box::new(Named(office::mqtt_connect)),
    about: "Recognised and named; version and clear-text passwords, by user.",
    ..named(
        "mqtt",
        "MQTT",
        &[Tcp(1883)],
        office::mqtt,
        "MQTT 3.1.1 and 5.0, 3.1",
    )
};
pub static SLP: Decoder = named(
    "slp",
    "Service Location Protocol",
    &[Udp(427), Tcp(427)],
    office::slp,
    "RFC 2608",
);
pub static WS_DISCOVERY: Decoder = named(
    "ws-discovery",
    "WS-Discovery",
    &[Udp(3702)],
    office::ws_discovery,
    "OASIS WS-Discovery 1.1",
);
pub static RADIUS: Decoder = named(
    "radius",
    "RADIUS",
    &[Udp(1812), Udp(1813), Udp(1645), Udp(1646)],
    office::radius,
    "RFC 2865, RFC 2866",
);
pub static STUN: Decoder = named(
    "stun",
    "STUN and TURN",
    &[Udp(3478), Tcp(3478)],
    office::stun,
    "RFC 8489, RFC 3489",
);

// Windows and databases.
pub static LDAP: Decoder = Decoder {
    open: || Box::new(Named(windows::ldap_bind)),
    about: "Recognised and named; clear-text passwords of a simple bind, by user.",
    ..named(
        "ldap",
        "LDAP",
        &[Tcp(389), Udp(389), Tcp(3268)],
        windows::ldap,
        "RFC 4511",
    )
};
pub static KERBEROS: Decoder = named(
    "kerberos",
    "Kerberos",
    &[Udp(88), Tcp(88)],
    windows::kerberos,
    "RFC 4120",
);
pub static MSSQL: Decoder = named(
    "mssql",
    "Microsoft SQL Server (TDS)",
    &[Tcp(1433)],
    windows::mssql,
    "[MS-TDS]",
);
pub static DCERPC: Decoder = named(
    "dcerpc",
    "DCE/RPC (DCOM, OPC classic, PROFINET context management)",
    &[Tcp(135), Udp(135)],
    windows::dcerpc,
    "C706, [MS-RPCE]; IEC 61158-6-10 for PROFINET",
);
pub static RADMIN: Decoder = Decoder {
    remote: true,
    about: "Remote sessions by Radmin.",
    ..named(
        "radmin",
        "Radmin",
        &[Tcp(4899)],
        windows::radmin,
        "no public specification; first messages as observed",
    )
};

// Tunnels.
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
pub static IKE: Decoder = named(
    "ike",
    "IKE and IPsec over UDP",
    &[Udp(500), Udp(4500)],
    tunnel::ike,
    "RFC 7296, RFC 2408, RFC 3948",
);
pub static L2TP: Decoder = named(
    "l2tp",
    "L2TP",
    &[Udp(1701)],
    tunnel::l2tp,
    "RFC 2661, RFC 3931",
);
pub static PPTP: Decoder = named("pptp", "PPTP", &[Tcp(1723)], tunnel::pptp, "RFC 2637");
pub static QUIC: Decoder = named(
    "quic",
    "QUIC",
    &[Udp(443)],
    tunnel::quic,
    "RFC 9000, RFC 9369",
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
                &MQTT,
                false,
                hex("10 0e 0004 4d515454 04 02 003c 0002 6162"),
                Client,
            ),
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
                &LDAP,
                false,
                hex("300c 020101 6007 020103 0400 8000"),
                Client,
            ),
            (&KERBEROS, true, hex("6a09 3007 a103 020105 a200"), Client),
            (
                &MSSQL,
                false,
                hex("12 01 0010 0000 01 00 00 000600 06 ff 0000"),
                Client,
            ),
            (
                &DCERPC,
                false,
                hex("05 00 0b 03 10000000 4800 0000 01000000"),
                Client,
            ),
            (&DCERPC, true, pad("04 00 20 00 10 00 00", 80).into_iter().enumerate().map(|(n, byte)| if matches!(n, 74 | 75) { 0 } else { byte }).collect(), Client),
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
                &WS_DISCOVERY,
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
            (&PPTP, false, hex("009c 0001 1a2b3c4d 0001 0000"), Client),
            (
                &QUIC,
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

    #[test]
    fn passwords_of_mqtt_and_ldap_are_told_by_user() {
        use crate::testing::{render, run};
        let facts = |decoder: &'static Decoder, text: &str| {
            render(&run(decoder, None, &[(Side::Client, hex(text))]))
        };
        // Client id c, user op, password pw.
        let mqtt = facts(
            &MQTT,
            "10 15 0004 4d515454 04 c2 003c 0001 63 0002 6f70 0002 7077",
        );
        assert!(mqtt.contains("protocol=mqtt:3.1.1"), "{mqtt}");
        assert!(mqtt.contains("what=password user=op"), "{mqtt}");
        // Bind as cn=op with a simple password.
        let ldap = facts(&LDAP, "3013 020101 600e 020103 0405 636e3d6f70 8002 7077");
        assert!(ldap.contains("what=password user=cn=op"), "{ldap}");
        let anonymous = facts(&LDAP, "300c 020101 6007 020103 0400 8000");
        assert!(!anonymous.contains("credential"), "{anonymous}");
    }
}
