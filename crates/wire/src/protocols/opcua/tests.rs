//! Dialogues by behaviour. Bodies are written as hex, the headers around them are made here.
use expect_test::expect;

use super::{DECODER, probe};
use crate::Side::{Client, Server};
use crate::testing::{check, check_at, hex};
use crate::{Head, Probe};

/// Session token, time, handle, diagnostics, audit entry, timeout, additional header.
const ASKS: &str = "0000 0000000000000000 01000000 00000000 ffffffff 00000000 0000 00";
/// Time, handle, good, no diagnostics, no strings, additional header.
const GOOD: &str = "0000000000000000 01000000 00000000 00 ffffffff 0000 00";
/// The same with BadUserAccessDenied.
const DENIED: &str = "0000000000000000 01000000 00001f80 00 ffffffff 0000 00";
/// One node `ns=2;s=Hoist`, its value, no range.
const HOIST: &str = "01000000 03 0200 05000000 486f697374 0d000000 ffffffff";

fn chunk(kind: &str, head: &str, body: &str) -> String {
    let size = u32::try_from(8 + hex(head).len() + hex(body).len()).unwrap();
    let letters: String = kind.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("{letters} {:08x} {head} {body}", size.swap_bytes())
}

/// A chunk of the symmetric kind, on channel 1 with token 1.
fn message(kind: &str, request: u8, body: &str) -> String {
    chunk(
        kind,
        &format!("01000000 01000000 01000000 {request:02x}000000"),
        body,
    )
}

/// The service's number, its header, its parameters.
fn service(number: u16, header: &str, parameters: &str) -> String {
    format!("0100 {:04x} {header} {parameters}", number.swap_bytes())
}

fn open(policy: &str, body: &str) -> String {
    let uri = format!("http://opcfoundation.org/UA/SecurityPolicy#{policy}");
    let letters: String = uri.bytes().map(|byte| format!("{byte:02x}")).collect();
    let length = u32::try_from(uri.len()).unwrap().swap_bytes();
    let head = format!("00000000 {length:08x} {letters} ffffffff ffffffff 01000000 01000000");
    chunk("OPNF", &head, body)
}

#[test]
fn a_write_that_the_node_refuses_and_a_call_name_who_did_them() {
    let token = "ffffffff 03000000 6f7065 04000000 61626364 ffffffff";
    let activation = format!(
        "ffffffff ffffffff ffffffff ffffffff 0100 4401 01 {:08x} {token} ffffffff ffffffff",
        u32::try_from(hex(token).len()).unwrap().swap_bytes()
    );
    let write = format!("{HOIST} 01 06 2a000000");
    check(
        &DECODER,
        &[
            (
                Client,
                &open(
                    "None",
                    &service(446, ASKS, "00000000 00000000 01000000 ffffffff 80ee3600"),
                ),
            ),
            (
                Client,
                &message("MSGF", 2, &service(467, ASKS, &activation)),
            ),
            (
                Server,
                &message("MSGF", 2, &service(470, GOOD, "ffffffff ffffffff ffffffff")),
            ),
            (Client, &message("MSGF", 3, &service(673, ASKS, &write))),
            (
                Server,
                &message("MSGF", 3, &service(676, GOOD, "01000000 00003b80 ffffffff")),
            ),
            (
                Client,
                &message(
                    "MSGF",
                    4,
                    &service(712, ASKS, "01000000 0055 01014ef4 00000000"),
                ),
            ),
            (
                Server,
                &message(
                    "MSGF",
                    4,
                    &service(
                        715,
                        GOOD,
                        "01000000 00000000 ffffffff ffffffff ffffffff ffffffff",
                    ),
                ),
            ),
            (
                Client,
                &message("MSGF", 5, &service(500, ASKS, "01000000 01014ef4 01")),
            ),
            (Server, &message("MSGF", 5, &service(397, DENIED, ""))),
        ],
        expect![[r#"
            conversation protocol=opcua:none state=answered packets=5/4 bytes=469/256
            operation write "ns=2;s=Hoist" (user ope, not writable) refused count=1 frames=[4, 5]
            operation operate "method ns=1;i=62542 of i=85" (user ope) ok count=1 frames=[6, 7]
            operation configure "ns=1;i=62542" (delete nodes, user ope, user access denied) refused count=1 frames=[8, 9]
            credential protocol=opcua client=10.0.0.1 server=10.0.0.2 what=password user=ope frames=Numbers([2])
        "#]],
    );
}

#[test]
fn repeated_reads_count_and_what_the_server_says_of_itself_is_kept() {
    let read = |nodes: &str| service(631, ASKS, &format!("0000000000000000 03000000 {nodes}"));
    let hoist = read(&format!("{HOIST} 0000 ffffffff"));
    let info = read("01000000 0100d808 0d000000 ffffffff 0000 ffffffff");
    check(
        &DECODER,
        &[
            (Client, &message("MSGF", 1, &hoist)),
            (
                Server,
                &message(
                    "MSGF",
                    1,
                    &service(634, GOOD, "01000000 01 06 2a000000 ffffffff"),
                ),
            ),
            (Client, &message("MSGF", 2, &hoist)),
            (
                Server,
                &message(
                    "MSGF",
                    2,
                    &service(634, GOOD, "01000000 01 06 2b000000 ffffffff"),
                ),
            ),
            (Client, &message("MSGF", 3, &info)),
            (
                Server,
                &message(
                    "MSGF",
                    3,
                    &service(634, GOOD, "01000000 01 0c 03000000 312e37 ffffffff"),
                ),
            ),
            (Client, &message("MSGF", 4, &hoist)),
        ],
        expect![[r#"
            conversation protocol=opcua:none state=answered packets=4/3 bytes=388/201
            operation read "ns=2;s=Hoist" ok count=2 frames=[1, 2, 4]
            operation read "i=2264" ok count=1 frames=[5, 6]
            operation read "ns=2;s=Hoist" unanswered count=1 frames=[7]
            identity 10.0.0.2 firmware=1.7 stated
        "#]],
    );
}

#[test]
fn chunks_make_a_message_in_the_middle_of_a_session_on_any_port() {
    let body = service(673, ASKS, &format!("{HOIST} 01 06 2a000000"));
    let bytes = hex(&body);
    let (first, last) = bytes.split_at(50);
    let text =
        |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
    check_at(
        &DECODER,
        55555,
        &[
            (
                Server,
                &message("MSGF", 8, &service(676, GOOD, "01000000 00000000 ffffffff")),
            ),
            (Client, &message("MSGC", 9, &text(first))),
            (Client, &message("MSGF", 9, &text(last))),
            (
                Server,
                &message("MSGF", 9, &service(676, GOOD, "01000000 00000000 ffffffff")),
            ),
        ],
        expect![[r#"
            conversation protocol=opcua:none state=answered packets=2/2 bytes=111/128
            operation write "ns=2;s=Hoist" ok count=1 frames=[2, 3, 4]
        "#]],
    );
}

#[test]
fn a_protected_channel_shows_with_its_first_message_whether_it_can_be_read() {
    let cipher = "a7".repeat(64);
    check(
        &DECODER,
        &[
            (Client, &open("Basic256Sha256", &cipher)),
            (Client, &message("MSGF", 2, &cipher)),
            (Server, &message("MSGF", 2, &cipher)),
        ],
        expect![[r#"
            conversation protocol=opcua:encrypt state=answered packets=2/1 bytes=241/88
        "#]],
    );
    let browse = service(
        527,
        ASKS,
        "0000 0000000000000000 00000000 00000000 00000000",
    );
    check(
        &DECODER,
        &[
            (Client, &open("Basic256Sha256", &cipher)),
            (
                Client,
                &message("MSGF", 2, &format!("{browse} {}", "5a".repeat(32))),
            ),
        ],
        expect![[r#"
            conversation protocol=opcua:sign state=unanswered packets=2/0 bytes=264/0
            operation read (browse) ? count=1 frames=[2]
        "#]],
    );
}

#[test]
fn what_only_begins_like_it_is_not_it() {
    let ask = |bytes: &[u8]| {
        probe(&Head {
            bytes,
            udp: false,
            from: 50000,
            to: 4840,
            first: true,
            open: true,
        })
    };
    assert_eq!(ask(b"HELO mail.example\r\n"), Probe::NotOurs);
    assert_eq!(
        ask(b"MSGFabcdefghijklmnop"),
        Probe::NotOurs,
        "a size out of all proportion"
    );
    assert_eq!(
        ask(&hex(
            "48454c46 24000000 00000000 00000100 00000100 00000000 00000000 09000000"
        )),
        Probe::NotOurs,
        "a URL that does not fill the message"
    );
    assert_eq!(ask(b"HEL"), Probe::NeedMore);
}
