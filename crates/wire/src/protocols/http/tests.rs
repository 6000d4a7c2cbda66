//! HTTP by behaviour.
use expect_test::{Expect, expect};

use super::*;
use crate::Side::{Client, Server};
use crate::testing::{render, run};

fn check(messages: &[(Side, &str)], expect: Expect) {
    let messages: Vec<(Side, Vec<u8>)> = messages
        .iter()
        .map(|(side, text)| (*side, text.as_bytes().to_vec()))
        .collect();
    expect.assert_eq(&render(&run(&DECODER, Some(9080), &messages)));
}

#[test]
fn host_path_and_software_are_told_and_bodies_passed_over() {
    check(
        &[
            (
                Client,
                "POST /a/b?secret=1 HTTP/1.1\r\nHost: Hmi.Example:8080\r\nUser-Agent: curl/8\r\nContent-Length: 5\r\n\r\nGET /GET /c HTTP/1.1\r\nHost: hmi.example\r\nUser-Agent: curl/8\r\n\r\n",
            ),
            (
                Server,
                "HTTP/1.1 200 OK\r\nServer: GoAhead\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nHTTP/\r\n",
            ),
            (Server, "0\r\nTrailer: x\r\n\r\nHTTP/1.1 404 Not"),
            (
                Server,
                " Found\r\nServer: GoAhead\r\nContent-Length: 0\r\n\r\n",
            ),
        ],
        expect![[r#"
            conversation protocol=http state=answered packets=1/3 bytes=157/157
            file page upload "/a/b" ()  10.0.0.1→10.0.0.2 5/5 text c767025d ok frames=[1]
            file page download "/a/b" ()  10.0.0.2→10.0.0.1 5/5 text 3fa9be05 ok frames=[1, 2]
            identity 10.0.0.1 software=curl/8 stated
            identity 10.0.0.2 software=GoAhead stated
            name client=10.0.0.1 server=10.0.0.2 name=hmi.example via=http-host path=/a/b frames=Numbers([1])
            name client=10.0.0.1 server=10.0.0.2 name=hmi.example via=http-host path=/c frames=Numbers([1])
        "#]],
    );
}

#[test]
fn an_answer_alone_tells_who_serves() {
    check(
        &[(Server, "HTTP/1.0 200 OK\r\nServer: Siemens\r\n\r\n<html>")],
        expect![[r#"
            conversation protocol=http state=unanswered packets=0/1 bytes=0/42
            file page download "?" ()  10.0.0.2→10.0.0.1 6/? text - ok frames=[1]
            identity 10.0.0.2 software=Siemens stated
        "#]],
    );
}

#[test]
fn credentials_are_seen_but_never_kept() {
    check(
        &[
            (
                Client,
                // admin:admin, then op:N0tDef@ult
                "GET / HTTP/1.1\r\nHost: cam\r\nAuthorization: Basic YWRtaW46YWRtaW4=\r\n\r\n\
                 GET / HTTP/1.1\r\nHost: cam\r\nAuthorization: Basic b3A6TjB0RGVmQHVsdA==\r\n\r\n",
            ),
            (
                Client,
                "POST /login HTTP/1.1\r\nHost: cam\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 27\r\n\r\nusername=op&",
            ),
            (Client, "password=geheim"),
        ],
        expect![[r#"
            conversation protocol=http state=unanswered packets=3/0 bytes=271/0
            name count=2 client=10.0.0.1 server=10.0.0.2 name=cam via=http-host path=/ frames=Numbers([1])
            name client=10.0.0.1 server=10.0.0.2 name=cam via=http-host path=/login frames=Numbers([2, 3])
            credential protocol=http client=10.0.0.1 server=10.0.0.2 what=basic user=admin is_default=Bool(true) frames=Numbers([1])
            credential protocol=http client=10.0.0.1 server=10.0.0.2 what=basic user=op frames=Numbers([1])
            credential protocol=http client=10.0.0.1 server=10.0.0.2 what=password user=op frames=Numbers([2, 3])
        "#]],
    );
}

#[test]
fn a_file_fetched_is_one_operation_with_its_hash() {
    check(
        &[
            (Client, "GET /fw/v2.bin HTTP/1.1\r\nHost: srv\r\n\r\n"),
            (
                Server,
                "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 6\r\n\r\nabc",
            ),
            (Server, "def"),
        ],
        expect![[r#"
            conversation protocol=http state=answered packets=1/2 bytes=38/84
            operation file-read "/fw/v2.bin" ok content=6 sha256=bef57ec7 count=1 frames=[1, 3]
            file download "/fw/v2.bin" ()  10.0.0.2→10.0.0.1 6/6 text bef57ec7 ok frames=[1, 2, 3]
            name client=10.0.0.1 server=10.0.0.2 name=srv via=http-host path=/fw/v2.bin frames=Numbers([1])
        "#]],
    );
    check(
        &[
            (Client, "GET /fw/v2.bin HTTP/1.1\r\nHost: srv\r\n\r\n"),
            (
                Server,
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\nde",
            ),
            (Server, "f\r\n0\r\n\r\n"),
        ],
        expect![[r#"
            conversation protocol=http state=answered packets=1/2 bytes=38/68
            operation file-read "/fw/v2.bin" ok content=6 sha256=bef57ec7 count=1 frames=[1, 3]
            file download "/fw/v2.bin" ()  10.0.0.2→10.0.0.1 6/6 text bef57ec7 ok frames=[1, 2, 3]
            name client=10.0.0.1 server=10.0.0.2 name=srv via=http-host path=/fw/v2.bin frames=Numbers([1])
        "#]],
    );
}

#[test]
fn a_file_put_takes_the_servers_word_as_its_outcome() {
    check(
        &[
            (
                Client,
                "PUT /cfg/plc.zip HTTP/1.1\r\nHost: srv\r\nContent-Length: 6\r\n\r\nabcdef",
            ),
            (
                Server,
                "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
            ),
        ],
        expect![[r#"
            conversation protocol=http state=answered packets=1/1 bytes=65/45
            operation file-write "/cfg/plc.zip" refused content=6 sha256=bef57ec7 count=1 frames=[1, 2]
            file upload "/cfg/plc.zip" ()  10.0.0.1→10.0.0.2 6/6 text bef57ec7 refused frames=[1]
            name client=10.0.0.1 server=10.0.0.2 name=srv via=http-host path=/cfg/plc.zip frames=Numbers([1])
        "#]],
    );
}

#[test]
fn soap_procedures_that_configure_are_operations() {
    check(
        &[
            (
                Client,
                "POST /ctl HTTP/1.1\r\nHost: 10.0.0.2\r\nSOAPAction: \"urn:schemas-upnp-org:service:WANIPConnection:1#AddPortMapping\"\r\nContent-Length: 0\r\n\r\n",
            ),
            (Server, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ],
        expect![[r#"
            conversation protocol=http state=answered packets=1/1 bytes=134/38
            operation configure "AddPortMapping" (SOAPAction urn:schemas-upnp-org:service:WANIPConnection:1#AddPortMapping) ok count=1 frames=[1, 2]
            name client=10.0.0.1 server=10.0.0.2 name=10.0.0.2 via=http-host path=/ctl frames=Numbers([1])
        "#]],
    );
}

#[test]
fn a_tunnel_is_looked_into() {
    let hello = crate::testing::hex(&format!(
        "16 0301 003f 01 00003b 0303 {} 00 0002 1301 01 00 0010 0000 000c 000a 00 0007 706c632e6c616e",
        "11".repeat(32)
    ));
    let facts = run(
        &DECODER,
        Some(3128),
        &[
            (
                Client,
                b"CONNECT plc.lan:443 HTTP/1.1\r\nHost: plc.lan:443\r\n\r\n".to_vec(),
            ),
            (
                Server,
                b"HTTP/1.1 200 Connection established\r\n\r\n".to_vec(),
            ),
            (Client, hello),
        ],
    );
    expect![[r#"
        conversation protocol=http state=answered packets=2/1 bytes=119/39
        conversation protocol=tls state=answered packets=1/0 bytes=68/0
        identity 10.0.0.1 ja4=t12d010100_0f2cb44170f4_000000000000 stated
        name client=10.0.0.1 server=10.0.0.2 name=plc.lan via=http-host frames=Numbers([1])
        name client=10.0.0.1 server=10.0.0.2 name=plc.lan via=tls-sni frames=Numbers([3])
    "#]]
    .assert_eq(&render(&facts));
}

#[test]
fn a_tunnel_to_nowhere_that_can_be_read_is_no_page() {
    check(
        &[
            (
                Client,
                "CONNECT plc.lan:https HTTP/1.1\r\nHost: plc.lan\r\n\r\n",
            ),
            (Client, "without waiting"),
            (
                Server,
                "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n",
            ),
            (Client, "SSH-2.0-OpenSSH_9.6\r\n"),
            (Server, "SSH-2.0-dropbear_2019.78\r\n"),
        ],
        expect![[r#"
            conversation protocol=http state=answered packets=3/2 bytes=85/85
            name client=10.0.0.1 server=10.0.0.2 name=plc.lan via=http-host frames=Numbers([1])
        "#]],
    );
}

#[test]
fn what_only_looks_like_it_is_not_http() {
    for other in [
        "OPTIONS rtsp://10.0.0.2/ RTSP/1.0\r\n",
        "OPTIONS sip:a@b SIP/2.0\r\n",
        "GET lost\r\n",
        "HTTP/1.1 abc\r\n",
        "GETTING / HTTP/1.1\r\n",
    ] {
        let head = Head {
            bytes: other.as_bytes(),
            udp: false,
            from: 50000,
            to: 80,
            first: true,
            open: true,
        };
        assert_eq!(probe(&head), Probe::NotOurs, "{other}");
    }
}
