//! TLS and DTLS by behaviour.
use expect_test::expect;

use super::*;
use crate::Side::{Client, Server};
use crate::testing::{check, check_at, hex, render, run};

/// A hello for hmi.example with three suites, groups, ALPN h2, signature algorithms and versions 1.3 and 1.2.
fn client_hello_hex() -> String {
    let extensions = "0000 0010 000e 00 000b 686d692e6578616d706c65
        000a 0004 0002 001d
        0010 0005 0003 02 6832
        000d 0006 0004 0403 0804
        002b 0005 04 0304 0303";
    let body = format!(
        "0303 {random} 00 0006 1301 c02b 0a0a 01 00 {length:04x} {extensions}",
        random = "11".repeat(32),
        length = hex(extensions).len(),
    );
    message("01", &body)
}

fn message(kind: &str, body: &str) -> String {
    format!("{kind} {:06x} {body}", hex(body).len())
}

fn record(kind: &str, data: &str) -> String {
    format!("{kind} 0303 {:04x} {data}", hex(data).len())
}

/// A self-signed certificate of "O=Acme Cranes, CN=hmi.acme.example" with two alternative names.
const CERTIFICATE: &str = "
    308201e930820190a0030201020214486edeca7a4b7dcc40064f519ea8fac9cfcfe9ce300a06082a8648ce3d040302303131143012060355040a
    0c0b41636d65204372616e65733119301706035504030c10686d692e61636d652e6578616d706c65301e170d3236313132313233323030335a17
    0d3436313131363233323030335a303131143012060355040a0c0b41636d65204372616e65733119301706035504030c10686d692e61636d652e
    6578616d706c653059301306072a8648ce3d020106082a8648ce3d0301070342000409e8c13a861a6587719a1261ec42b6d41d24946a9623cb0a
    c6f399ea34f21be2bdca92469063c938cfafa9278199744eb907177ebe99526006a707a5862ce9a1a38185308182301d0603551d0e041604146f
    ac6ec7e7e3844728b62a5b3ac6359c7f758621301f0603551d230418301680146fac6ec7e7e3844728b62a5b3ac6359c7f758621300f0603551d
    130101ff040530030101ff302f0603551d11042830268210686d692e61636d652e6578616d706c6582122a2e686d692e61636d652e6578616d70
    6c65300a06082a8648ce3d04030203470030440220749b770813164a10324e0556f66ded32db0e6ca3e9e22702272854a0edda0b4502204d4fc8
    a8448abe035121e1fa6064d5b7558aa6fb0af2a93ee968a468c86a739c";

#[test]
fn a_hello_tells_server_name_and_ja4_and_the_answer_the_version() {
    let hello = record("16", &client_hello_hex());
    let answer = format!("0303 {} 00 1301 00 0006 002b 0002 0304", "22".repeat(32));
    let answer = record("16", &message("02", &answer));
    check_at(
        &DECODER,
        5061,
        &[
            (Client, &hello),
            (Server, &answer),
            (Server, "17 0303 0010 00000000000000000000000000000000"),
        ],
        expect![[r#"
            conversation protocol=tls:1.3 state=answered packets=1/2 bytes=112/76
            identity 10.0.0.1 ja4=t13d0205h2_777cda164f4b_fbabbea27ee8 stated
            name client=10.0.0.1 server=10.0.0.2 name=hmi.example via=tls-sni frames=Numbers([1])
        "#]],
    );
}

#[test]
fn a_hello_over_several_segments_and_records_is_put_together() {
    let hello = hex(&client_hello_hex());
    let (first, second) = hello.split_at(40);
    let joined = |part: &[u8]| {
        record(
            "16",
            &part.iter().map(|b| format!("{b:02x}")).collect::<String>(),
        )
    };
    let all = hex(&format!("{}{}", joined(first), joined(second)));
    let (head, tail) = all.split_at(60);
    let facts = run(
        &DECODER,
        None,
        &[(Client, head.to_vec()), (Client, tail.to_vec())],
    );
    expect![[r#"
        conversation protocol=tls state=unanswered packets=2/0 bytes=117/0
        identity 10.0.0.1 ja4=t13d0205h2_777cda164f4b_fbabbea27ee8 stated
        name client=10.0.0.1 server=10.0.0.2 name=hmi.example via=tls-sni frames=Numbers([1, 2])
    "#]]
    .assert_eq(&render(&facts));
}

#[test]
fn a_certificate_tells_names_subject_and_fingerprint() {
    let hello = format!("0303 {} 00 0005 00", "22".repeat(32));
    let der = hex(CERTIFICATE).len();
    let certificates = format!("{:06x} {der:06x} {CERTIFICATE}", der + 3);
    let flight = format!(
        "{} {} {}",
        message("02", &hello),
        message("0b", &certificates),
        message("0e", "")
    );
    check(
        &DECODER,
        &[
            (Server, &record("16", &flight)),
            (Server, "14 0303 0001 01 16 0303 0004 ffffffff"),
        ],
        expect![[r#"
            conversation protocol=tls:1.2 state=unanswered packets=0/2 bytes=0/569
            identity 10.0.0.2 key=sha256:4548c30cf7b01ff114bef35f436a036034eca1b863bd60fb68e394a6aac198bd stated
            identity 10.0.0.2 system=certificate of O=Acme Cranes, CN=hmi.acme.example, self-signed stated
            name client=10.0.0.1 server=10.0.0.2 name=*.hmi.acme.example via=tls-certificate frames=Numbers([1])
            name client=10.0.0.1 server=10.0.0.2 name=hmi.acme.example via=tls-certificate frames=Numbers([1])
            oddity what=tls.weak_cipher detail=cipher suite 0x0005: RC4 frames=Numbers([1])
        "#]],
    );
}

#[test]
fn a_certificate_is_a_fact_of_its_own_with_the_name_that_was_asked_for() {
    let answer = format!("0303 {} 00 0005 00", "22".repeat(32));
    let der = hex(CERTIFICATE).len();
    let certificates = format!("{:06x} {der:06x} {CERTIFICATE}", der + 3);
    let flight = format!(
        "{} {}",
        message("02", &answer),
        message("0b", &certificates)
    );
    let said = [
        (Client, hex(&record("16", &client_hello_hex()))),
        (Server, hex(&record("16", &flight))),
    ];
    let facts = run(&DECODER, Some(443), &said);
    let [row] = facts.certificates.as_slice() else {
        panic!("{:?}", facts.certificates);
    };
    assert_eq!(
        (row.count, row.by_client, row.server_port),
        (1, false, Some(443))
    );
    assert_eq!(row.asked_for.as_deref(), Some("hmi.example"));
    // As `openssl x509` reads it.
    let words = [
        &row.serial,
        &row.subject,
        &row.issuer,
        &row.not_before,
        &row.not_after,
    ];
    assert_eq!(
        words.map(|word| word.as_deref().unwrap()),
        [
            "48:6E:DE:CA:7A:4B:7D:CC:40:06:4F:51:9E:A8:FA:C9:CF:CF:E9:CE",
            "O=Acme Cranes, CN=hmi.acme.example",
            "O=Acme Cranes, CN=hmi.acme.example",
            "2026-11-21T23:20:03Z",
            "2046-11-16T23:20:03Z",
        ]
    );
    let key = [&row.key_algorithm, &row.curve, &row.signature];
    assert_eq!(
        key.map(|word| word.as_deref().unwrap()),
        ["id-ecPublicKey", "prime256v1", "ecdsa-with-SHA256"]
    );
    assert_eq!(
        (row.version, row.key_bits, row.is_ca),
        (Some(3), Some(256), Some(true))
    );
    assert_eq!(row.names, ["hmi.acme.example", "*.hmi.acme.example"]);
    assert_eq!(row.sha1.len(), 40);
    assert!(row.sha256.starts_with("4548c30c"));
    // One that cannot be read is named by its hashes alone.
    let broken = message("0b", "000007 000004 30023000");
    let flight = record("16", &format!("{} {broken}", message("02", &answer)));
    let facts = run(&DECODER, Some(443), &[(Server, hex(&flight))]);
    let broken = facts.certificates.first().unwrap();
    assert_eq!((broken.version, broken.subject.as_deref()), (None, None));
}

#[test]
fn an_ssl2_hello_is_told() {
    let hello = format!(
        "802b 01 0002 0012 0000 0010 {} {}",
        "010080".repeat(6),
        "ab".repeat(16)
    );
    check(
        &DECODER,
        &[(Client, &hello)],
        expect![[r#"
        conversation protocol=tls:ssl2 state=unanswered packets=1/0 bytes=45/0
    "#]],
    );
}

#[test]
fn a_refusal_and_a_heartbeat_that_asks_for_too_much_are_odd() {
    let hello = record("16", &client_hello_hex());
    check(
        &DECODER,
        &[
            (Client, &hello),
            (Client, "18 0302 0003 01 4000"),
            (Server, "15 0303 0002 02 28"),
        ],
        expect![[r#"
            conversation protocol=tls state=answered packets=2/1 bytes=120/7
            identity 10.0.0.1 ja4=t13d0205h2_777cda164f4b_fbabbea27ee8 stated
            name client=10.0.0.1 server=10.0.0.2 name=hmi.example via=tls-sni frames=Numbers([1])
            oddity what=tls.heartbeat_overread frames=Numbers([2])
            oddity what=tls.alert detail=handshake failure frames=Numbers([3])
        "#]],
    );
}

#[test]
fn a_session_under_way_is_recognised_by_its_records() {
    let head = |bytes: &'static [u8]| Head {
        bytes,
        udp: false,
        from: 50000,
        to: 9999,
        first: false,
        open: true,
    };
    let whole = b"\x17\x03\x03\x00\x10................\x17\x03\x03\x00\x20....";
    assert_eq!(probe(&head(whole)), Probe::Ours(Sender::Unknown));
    let not = b"\x17\x03\x03\x00\x10................GET / HTTP";
    assert_eq!(probe(&head(not)), Probe::NotOurs);
}

#[test]
fn dtls_is_read_with_its_cookie_and_fragments() {
    let hello = format!(
        "fefd {} 00 00 0002 c0a8 01 00 0008 0000 0004 0002 00 00",
        "33".repeat(32)
    );
    let length = hex(&hello).len();
    let whole = format!("01 {length:06x} 0000 000000 {length:06x} {hello}");
    let datagram = format!(
        "16 feff 0000 000000000000 {:04x} {whole}",
        hex(&whole).len()
    );
    let answer = format!("fefd {} 00 c0a8 00", "44".repeat(32));
    let (first, second) = answer.split_at(61);
    let (a, b) = (hex(first).len(), hex(second).len());
    let fragment = |part: &str, number: u8, offset: usize| {
        let data = format!(
            "02 {:06x} 0001 {offset:06x} {:06x} {part}",
            a + b,
            hex(part).len()
        );
        format!(
            "16 fefd 0000 0000000000{number:02x} {:04x} {data}",
            hex(&data).len()
        )
    };
    check_at(
        &DTLS,
        20000,
        &[
            (Client, &datagram),
            (Server, &fragment(first, 1, 0)),
            (Server, &fragment(second, 2, a)),
        ],
        expect![[r#"
            conversation protocol=dtls:1.2 state=answered packets=1/2 bytes=77/88
            identity 10.0.0.1 ja4=dd2d010100_7bb309af3d46_000000000000 stated
        "#]],
    );
}
