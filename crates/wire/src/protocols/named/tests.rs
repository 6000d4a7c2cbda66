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
            &protocols::openvpn::DECODER,
            true,
            hex("38 0102030405060708 00 00000000"),
            Client,
        ),
        (
            &protocols::openvpn::DECODER,
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
        (&protocols::socks::DECODER, false, hex("05 02 00 02"), Client),
        (&protocols::socks::DECODER, false, hex("04 01 01bb c0000201 00"), Client),
        (&protocols::flow_export::NETFLOW, true, pad("0005 0001 00000001 66000000 00000000 00000001 0000 0000", 72), Client),
        (&protocols::flow_export::NETFLOW, true, pad("000a 0020 66000000 00000001 00000000 0100 0010", 32), Client),
        (&protocols::flow_export::SFLOW, true, pad("00000005 00000001 c0000201 00000000 00000001 00000001 00000001 00000001 00000004", 44), Client),
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

/// What is told of a dialogue besides the conversation, a line each.
fn told(decoder: &'static Decoder, messages: &[(Side, Vec<u8>)]) -> Vec<String> {
    let facts = crate::testing::render(&crate::testing::run(decoder, None, messages));
    facts
        .lines()
        .filter(|line| !line.starts_with("conversation"))
        .map(|line| line.split(" frames=").next().unwrap_or(line).to_owned())
        .collect()
}

#[test]
fn users_of_remote_control_are_told_where_they_go_in_the_clear() {
    use Side::Client;
    let session = "remote_session protocol=";
    let ends = "client=10.0.0.1 server=10.0.0.2";
    assert_eq!(
        told(&RLOGIN, &[(Client, b"\0op\0root\0xterm/38400\0".to_vec())]),
        [format!(
            "{session}rlogin {ends} server_port=513 user=root detail=as op from there bytes=21"
        )]
    );
    assert_eq!(
        told(
            &RUSTDESK,
            &[(Client, hex("32 0d 0a 09 313233343536373839 10 01"))]
        ),
        [format!(
            "{session}rustdesk {ends} server_port=21116 detail=ready to be reached as 123456789 bytes=15"
        )]
    );
    // RAKP message 1: authentication type 6, payload 12, then numbers, role, and the user ADMIN.
    let rakp = hex(
        "06 00 ff 07 06 12 00000000 00000000 2100 00000000 00000001 000102030405060708090a0b0c0d0e0f 14 0000 05 41444d494e",
    );
    assert_eq!(
        told(&IPMI, &[(Client, rakp)]),
        [format!(
            "{session}ipmi {ends} server_port=623 user=ADMIN detail=log-in by RMCP+ bytes=49"
        )]
    );
}

#[test]
fn a_log_in_that_radmin_2_refuses_is_told_and_version_3_only_named() {
    use Side::{Client, Server};
    let message = |data: &str| {
        let length = hex(data).len();
        hex(&format!("01 {length:08x} 0000001b {data}"))
    };
    let challenge = format!("1b {}", "a5".repeat(32));
    let solved = format!("09 {}", "5a".repeat(32));
    let facts = crate::testing::run(
        &RADMIN,
        None,
        &[
            (Client, message("1b")),
            (Server, message(&challenge)),
            (Client, message(&solved)),
            (Server, message("0b")),
        ],
    );
    let text = crate::testing::render(&facts);
    assert!(
        text.starts_with("conversation protocol=radmin:2 "),
        "{text}"
    );
    let refused = "what=login.refused detail=radmin: wrong password";
    assert!(text.contains(refused), "{text}");
    let first = hex("01 00000001 00000008 08");
    let facts = crate::testing::run(&RADMIN, None, &[(Client, first)]);
    let text = crate::testing::render(&facts);
    assert!(
        text.starts_with("conversation protocol=radmin:3 "),
        "{text}"
    );
    assert!(!text.contains("login.refused"), "{text}");
}

/// A port that must agree makes these of little weight elsewhere.
#[test]
fn what_says_little_of_itself_is_known_at_its_own_port_alone() {
    let search = b"Xc3DDB+1/3i-".map(|byte| if byte == b'-' { b'/' } else { byte });
    let search: Vec<u8> = search.iter().cycle().take(40).copied().collect();
    let sealed = hex("01000000 16 fefd 0000");
    let plain = hex("00 100000 00000000 0001");
    let lookup = hex("c50b40010010004b");
    let camera = [hex("00000020 63000000"), vec![0; 24]].concat();
    let sdk = &protocols::cameras::hikvision::SDK;
    let codesys = &protocols::codesys::DECODER;
    for (decoder, udp, port, bytes) in [
        (&SENTINEL, true, 1947, search),
        (&CAPWAP, true, 5246, sealed),
        (&CAPWAP, true, 5247, plain),
        (codesys, true, 1742, lookup),
        (sdk, false, 8000, camera),
    ] {
        let name = decoder.name;
        assert_ne!(probe(decoder, udp, port, &bytes), Probe::NotOurs, "{name}");
        assert_eq!(probe(decoder, udp, 4000, &bytes), Probe::NotOurs, "{name}");
        let cut = bytes.get(..bytes.len() / 2).unwrap_or_default();
        assert_eq!(
            probe(decoder, udp, port, cut),
            Probe::NotOurs,
            "{name}, cut"
        );
    }
}

#[test]
fn logs_and_tunnels_say_who_they_are() {
    use Side::Client;
    let logs = [
        (
            &b"<34>1 2026-10-11T22:14:15Z cms su - - x"[..],
            "logs of host cms by su",
        ),
        (
            b"<190>Oct  9 22:33:20 sw1 sshd[12]: up",
            "logs of host sw1 by sshd",
        ),
        (b"<190>Oct  9 22:33:20 sshd[12]: up", ""),
        (b"<190>7: *Oct 9: %SYS-5-CONFIG_I: Configured", ""),
    ];
    for (message, service) in logs {
        let service =
            (!service.is_empty()).then(|| format!("identity 10.0.0.1 service={service} stated"));
        assert_eq!(
            told(&SYSLOG, &[(Client, message.to_vec())]),
            Vec::from_iter(service)
        );
    }
    // Start-Control-Connection-Request of host pc by Maker.
    let mut pptp = hex("009c 0001 1a2b3c4d 0001 0000 0100 0000 00000003 00000003 0000 0001 7063");
    pptp.resize(28 + 64, 0);
    pptp.extend(b"Maker");
    pptp.resize(156, 0);
    assert_eq!(
        told(
            &PPTP,
            // In two segments.
            &[(Client, pptp[..70].to_vec()), (Client, pptp[70..].to_vec())]
        ),
        [
            "identity 10.0.0.1 hostname=pc stated",
            "identity 10.0.0.1 software=PPTP by Maker stated"
        ]
    );
    // SCCRQ: message type, then host name lac and vendor Maker.
    let l2tp = hex(
        "c802 0028 0000 0000 0000 0000 8008 0000 0000 0001 8009 0000 0007 6c6163 000b 0000 0008 4d616b6572",
    );
    assert_eq!(
        told(&L2TP, &[(Client, l2tp)]),
        [
            "identity 10.0.0.1 hostname=lac stated",
            "identity 10.0.0.1 software=L2TP by Maker stated"
        ]
    );
    // A binding request with the software zap, padded.
    let stun = hex("0001 0008 2112a442 000102030405060708090a0b 8022 0003 7a6170 00");
    assert_eq!(
        told(&STUN, &[(Client, stun)]),
        ["identity 10.0.0.1 software=zap stated"]
    );
}

#[test]
fn a_collector_of_logs_owes_no_answer_and_a_caller_of_a_relay_is_owed_one() {
    use crate::testing::run;
    let state = |decoder, messages: &[&[u8]]| {
        let messages: Vec<_> = (messages.iter())
            .map(|bytes| (Side::Client, bytes.to_vec()))
            .collect();
        let facts = run(decoder, None, &messages);
        facts.conversations[0].state.to_string()
    };
    let log = b"<34>1 2026-10-11T22:14:15Z cms su - - x".as_slice();
    assert_eq!(state(&SYSLOG, &[log, log]), "one-way");
    let stun = |kind: &str| hex(&format!("{kind} 0000 2112a442 000102030405060708090a0b"));
    assert_eq!(state(&STUN, &[&stun("0011")]), "one-way");
    assert_eq!(state(&STUN, &[&stun("0001")]), "unanswered");
}
