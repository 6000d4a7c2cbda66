//! WebSocket by behaviour.
use expect_test::{Expect, expect};
use lab::speech::websocket::{BINARY, CLOSE, LAST, PING, TEXT, answer, frame, request};

use crate::Side::{self, Client, Server};
use crate::protocols::http::DECODER;
use crate::testing::{hex, render, run};

const MASK: Option<[u8; 4]> = Some([0x37, 0xfa, 0x21, 0x3d]);

fn asked(path: &str, more: &str) -> (Side, Vec<u8>) {
    (Client, request("hmi", path, more).into_bytes())
}

fn agreed(more: &str) -> (Side, Vec<u8>) {
    (Server, answer(more).into_bytes())
}

/// What both ends said after the handshake, in a frame each.
fn check(path: &str, more: &str, said: &[(Side, &[u8])], expect: Expect) {
    let said = said.iter().map(|(side, content)| match side {
        Client => (Client, frame(BINARY, MASK, content)),
        Server => (Server, frame(BINARY, None, content)),
    });
    let messages: Vec<_> = [asked(path, more), agreed(more)]
        .into_iter()
        .chain(said)
        .collect();
    expect.assert_eq(&render(&run(&DECODER, Some(6080), &messages)));
}

#[test]
fn a_desktop_in_a_browser_is_a_remote_session_and_its_refused_login_is_told() {
    check(
        "/websockify?token=secret",
        "Sec-WebSocket-Protocol: binary\r\n",
        &[
            (Server, b"RFB 003.008\n"),
            (Client, b"RFB 003.008\n"),
            (Server, &[1, 2]),
            (Client, &[2]),
            (Server, &[7; 16]),
            (Client, &[9; 16]),
            (Server, &[0, 0, 0, 1]),
        ],
        expect![[r#"
            conversation protocol=http:websocket state=answered packets=4/5 bytes=244/203
            conversation protocol=vnc:vnc-auth state=answered packets=3/4 bytes=29/34
            name client=10.0.0.1 server=10.0.0.2 name=hmi via=http-host path=/websockify frames=Numbers([1])
            remote_session protocol=vnc client=10.0.0.1 server=10.0.0.2 server_port=6080 detail=over WebSocket at /websockify as binary; version 3.8; offers vnc-auth; security vnc-auth; authentication refused bytes=63 frames=Numbers([3, 4, 5, 6, 7, 8, 9])
            oddity what=login.refused detail=vnc: authentication refused frames=Numbers([9])
        "#]],
    );
}

#[test]
fn topics_of_mqtt_are_told_as_on_a_stream_of_its_own() {
    check(
        "/mqtt",
        "Sec-WebSocket-Protocol: mqtt\r\n",
        &[
            (
                Client,
                &hex("10 13 0004 4d515454 04 82 003c 0002 6331 0003 6f7065"),
            ),
            (Server, &hex("20 02 00 00")),
            (Client, &hex("30 09 0005 742f6c6573 3132")),
        ],
        expect![[r#"
            conversation protocol=http:websocket state=answered packets=3/2 bytes=220/165
            conversation protocol=mqtt:3.1.1 state=answered packets=2/1 bytes=32/4
            operation write "t/les" (topic; over WebSocket at /mqtt as mqtt) ? count=1 frames=[5]
            identity 10.0.0.1 client_id=c1 stated
            identity 10.0.0.1 user=ope stated
            name client=10.0.0.1 server=10.0.0.2 name=hmi via=http-host path=/mqtt frames=Numbers([1])
        "#]],
    );
}

#[test]
fn what_the_ends_agreed_on_names_a_session_of_which_nothing_else_is_understood() {
    let compressed =
        "Sec-WebSocket-Protocol: guacamole\r\nSec-WebSocket-Extensions: permessage-deflate\r\n";
    let messages = [
        asked("/guacamole/websocket-tunnel?token=secret", compressed),
        agreed(compressed),
        (Server, frame(TEXT | 0x40, None, &[0x55; 40])),
        (Client, frame(TEXT | 0x40, MASK, &[0x55; 10])),
    ];
    expect![[r#"
        conversation protocol=http:websocket state=answered packets=2/2 bytes=278/252
        conversation protocol=guacamole state=answered packets=1/1 bytes=10/40
        name client=10.0.0.1 server=10.0.0.2 name=hmi via=http-host path=/guacamole/websocket-tunnel frames=Numbers([1])
        remote_session protocol=guacamole client=10.0.0.1 server=10.0.0.2 server_port=8080 detail=over WebSocket at /guacamole/websocket-tunnel as guacamole, compressed messages unread bytes=50 frames=Numbers([3, 4])
    "#]].assert_eq(&render(&run(&DECODER, Some(8080), &messages)));
    check(
        "/ws",
        "Sec-WebSocket-Protocol: tty\r\n",
        &[(Server, b"0$ ")],
        expect![[r#"
            conversation protocol=http:websocket state=answered packets=1/2 bytes=173/163
            conversation protocol=web-terminal state=answered packets=0/1 bytes=0/3
            name client=10.0.0.1 server=10.0.0.2 name=hmi via=http-host path=/ws frames=Numbers([1])
            remote_session protocol=web-terminal client=10.0.0.1 server=10.0.0.2 server_port=6080 detail=over WebSocket at /ws as tty bytes=3 frames=Numbers([3])
        "#]],
    );
    check(
        "/wetty/socket.io/?transport=websocket",
        "",
        &[(Server, b"0{\"sid\":\"x\"}")],
        expect![[r#"
            conversation protocol=http:websocket state=answered packets=1/2 bytes=178/143
            conversation protocol=web-terminal state=answered packets=0/1 bytes=0/12
            name client=10.0.0.1 server=10.0.0.2 name=hmi via=http-host path=/wetty/socket.io/ frames=Numbers([1])
            remote_session protocol=web-terminal client=10.0.0.1 server=10.0.0.2 server_port=6080 detail=over WebSocket at /wetty/socket.io/ bytes=12 frames=Numbers([3])
        "#]],
    );
}

#[test]
fn a_name_agreed_on_does_not_hide_what_is_really_said() {
    check(
        "/ws",
        "Sec-WebSocket-Protocol: tty\r\n",
        &[
            (
                Client,
                &hex("0300 0016 11 e0 0000 0001 00 c0 01 0a c1 02 0100 c2 02 0102"),
            ),
            (
                Server,
                &hex("0300 0016 11 d0 0001 0001 00 c0 01 0a c1 02 0100 c2 02 0102"),
            ),
            (
                Client,
                &hex(
                    "0300 0021 02f080 32 01 0000 0001 0010 0000 29 0000000000 09 505f50524f4752414d",
                ),
            ),
            (
                Server,
                &hex("0300 0014 02f080 32 03 0000 0001 0001 0000 0000 29"),
            ),
        ],
        expect![[r#"
            conversation protocol=http:websocket state=answered packets=3/3 bytes=240/204
            conversation protocol=s7comm:pg state=answered packets=2/2 bytes=55/42
            operation stop (function 0x29, stop; over WebSocket at /ws as tty) ok count=1 frames=[3, 6]
            name client=10.0.0.1 server=10.0.0.2 name=hmi via=http-host path=/ws frames=Numbers([1])
        "#]],
    );
}

#[test]
fn fragments_pings_and_long_frames_are_one_stream() {
    let hello = [b"SSH-2.0-OpenSSH_9.6\r\n".as_slice(), &[0x61; 70_000]].concat();
    let messages = [
        asked("/ssh", ""),
        // Sent without waiting, and captured before the server's word.
        (Client, frame(0x02, MASK, &hello[..5])),
        agreed(""),
        (Client, frame(PING, MASK, b"RFB 003.008\n")),
        (Client, frame(0, MASK, &hello[5..135])),
        (Client, frame(LAST, MASK, &hello[135..])),
        (Server, frame(BINARY, None, b"SSH-2.0-dropbear_2019.78\r\n")),
        (Server, frame(CLOSE, None, &[3, 0xe8])),
        (Server, b"SSH-2.0-nothing\r\n".to_vec()),
    ];
    expect![[r#"
        conversation protocol=http:websocket state=answered packets=5/4 bytes=70212/178
        conversation protocol=ssh:2.0 state=answered packets=3/1 bytes=70021/26
        identity 10.0.0.1 software=OpenSSH_9.6 stated
        name client=10.0.0.1 server=10.0.0.2 name=hmi via=http-host path=/ssh frames=Numbers([1])
        remote_session protocol=ssh client=10.0.0.1 server=10.0.0.2 server_port=80 detail=over WebSocket at /ssh; client OpenSSH_9.6; server dropbear_2019.78 bytes=70047 frames=Numbers([2, 5, 6, 7])
        oddity what=protocol.malformed detail=ssh: packet length frames=Numbers([5])
    "#]].assert_eq(&render(&run(&DECODER, Some(80), &messages)));
}

#[test]
fn rules_of_the_handshake_and_of_masks_may_be_broken_and_hide_nothing() {
    let messages = [
        asked("/", ""),
        (
            Server,
            b"HTTP/1.1 101 Go\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n".to_vec(),
        ),
        (Server, frame(BINARY, MASK, b"RFB 003.008\n")),
        (Client, frame(BINARY, None, b"RFB 003.008\n")),
        (Server, frame(BINARY, MASK, &[1, 1])),
        (Client, frame(BINARY, None, &[1])),
    ];
    expect![[r#"
        conversation protocol=http:websocket state=answered packets=3/3 bytes=159/90
        conversation protocol=vnc:none state=answered packets=2/2 bytes=13/14
        name client=10.0.0.1 server=10.0.0.2 name=hmi via=http-host path=/ frames=Numbers([1])
        remote_session protocol=vnc client=10.0.0.1 server=10.0.0.2 server_port=80 detail=over WebSocket at /; version 3.8; offers none; no authentication bytes=27 frames=Numbers([3, 4, 5, 6])
        oddity what=websocket.accept frames=Numbers([2])
        oddity what=websocket.mask frames=Numbers([3])
        oddity what=websocket.mask frames=Numbers([4])
    "#]].assert_eq(&render(&run(&DECODER, Some(80), &messages)));
}

#[test]
fn what_is_no_frame_ends_the_reading_and_nothing_is_invented() {
    let vnc = frame(BINARY, None, b"RFB 003.008\n");
    for (what, bytes) in [
        ("reserved bits", vec![0xc2, 3, 1, 2, 3]),
        ("fragments", vec![0x80, 1, 1]),
        ("control frame", vec![0x89, 126, 0, 1, 1]),
        ("control frame", vec![0x09, 1, 1]),
        ("opcode", vec![0x83, 1, 1]),
        ("length", [vec![0x82, 127], vec![0xff; 8]].concat()),
    ] {
        let messages = [
            asked("/", ""),
            agreed(""),
            (Server, bytes),
            (Server, vnc.clone()),
        ];
        let facts = run(&DECODER, Some(80), &messages);
        assert_eq!(facts.conversations.len(), 1, "{what}");
        let odd: Vec<_> = facts
            .oddities
            .iter()
            .map(|odd| odd.detail.clone())
            .collect();
        assert_eq!(odd, [Some(format!("http: {what}"))]);
    }
}
