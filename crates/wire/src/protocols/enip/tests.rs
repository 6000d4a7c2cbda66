use expect_test::expect;

use super::{DECODER, io};
use crate::Side::{self, Client, Server};
use crate::testing::{check, check_at, hex};
use crate::{Head, Probe, Sender};

fn size(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count() / 2
}

/// 16 bits, little endian.
fn le(number: usize) -> String {
    format!("{:02x}{:02x}", number & 0xff, number >> 8)
}

fn encapsulated(command: &str, context: &str, body: &str) -> String {
    let length = le(size(body));
    format!("{command} {length} 00020112 00000000 {context} 00000000 {body}")
}

/// A message outside of connections.
fn rr(context: u8, message: &str) -> String {
    let body = format!(
        "00000000 0a00 0200 0000 0000 b200 {} {message}",
        le(size(message))
    );
    encapsulated("6f00", &format!("{context:02x}00000000000000"), &body)
}

/// A message of a connection.
fn unit(connection: &str, sequence: u8, message: &str) -> String {
    let message = format!("{sequence:02x}00 {message}");
    let length = le(size(&message));
    let body = format!("00000000 0000 0200 a100 0400 {connection} b100 {length} {message}");
    encapsulated("7000", "0000000000000000", &body)
}

fn said(messages: &[(Side, String)]) -> Vec<(Side, &str)> {
    messages
        .iter()
        .map(|(side, text)| (*side, text.as_str()))
        .collect()
}

/// Class 0x8e instance 1.
const CONTROLLER: &str = "02 208e2401";
/// `CMD[0].Go` as segments.
const TAG: &str = "06 9103434d4400 2800 9102476f";

#[test]
fn a_lone_stop_in_the_middle_of_a_session_is_told() {
    check_at(
        &DECODER,
        2404,
        &said(&[(Client, unit("22409500", 6, &format!("07 {CONTROLLER}")))]),
        expect![[r#"
            conversation protocol=enip state=unanswered packets=1/0 bytes=52/0
            operation stop "Controller" (Stop) ? count=1 frames=[1]
        "#]],
    );
}

#[test]
fn tags_are_named_and_paired_by_connection_and_sequence() {
    let read = format!("4c {TAG} 0100");
    check(
        &DECODER,
        &said(&[
            (
                Client,
                "6500 0400 00000000 00000000 0000000000000000 00000000 0100 0000".into(),
            ),
            (
                Server,
                "6500 0400 00020112 00000000 0000000000000000 00000000 0100 0000".into(),
            ),
            (Client, unit("01000000", 1, &read)),
            (Server, unit("99000000", 1, "cc 00 00 00 c400 07000000")),
            (Client, unit("01000000", 2, &read)),
            (Server, unit("99000000", 2, "cc 00 00 00 c400 08000000")),
            (
                Client,
                unit("01000000", 3, &format!("4d {TAG} c400 0100 09000000")),
            ),
            (Server, unit("99000000", 3, "cd 00 00 00")),
            (
                Client,
                unit("01000000", 4, &format!("4d {TAG} c400 0100 0a000000")),
            ),
            (Server, unit("99000000", 4, "cd 00 0f 00")),
            // Sent twice, answered once.
            (Client, unit("01000000", 5, &read)),
        ]),
        expect![[r#"
            conversation protocol=enip state=answered packets=6/5 bytes=350/240
            operation read "CMD[0].Go" (Read Tag) ok count=2 frames=[3, 4, 6]
            operation write "CMD[0].Go" (Write Tag) ok count=1 frames=[7, 8]
            operation write "CMD[0].Go" (Write Tag, status 0x0f privilege violation) refused count=1 frames=[9, 10]
            operation read "CMD[0].Go" (Read Tag) unanswered count=1 frames=[11]
        "#]],
    );
}

#[test]
fn services_in_one_packet_and_behind_a_route_are_told_each() {
    let several = format!("0a 02 20022401 0200 0600 1000 03 02 20012401 0100 0700 4c {TAG} 0100");
    let routed = |message: &str| {
        format!(
            "52 02 20062401 0a0e {} {message} 01 00 0100",
            le(size(message))
        )
    };
    check(
        &DECODER,
        &said(&[
            (Client, rr(1, &several)),
            (
                Server,
                rr(
                    1,
                    "8a 00 00 00 0200 0600 1100 83 00 00 00 0100 0700 0000 01 cc 00 05 00",
                ),
            ),
            (Client, rr(2, &routed("01 02 20012401"))),
            (
                Server,
                rr(
                    2,
                    "81 00 00 00 0100 0e00 3600 140b 6000 78563412 0a 313735362d4c36312f42",
                ),
            ),
            (Client, rr(3, &routed("05 02 20012401 00"))),
            (Server, rr(3, "d2 00 01 01 0402")),
            (Client, rr(4, "10 03 20f52401 3005 c0a80001")),
            (Server, rr(4, "90 00 00 00")),
        ]),
        expect![[r#"
            conversation protocol=enip state=answered packets=4/4 bytes=251/224
            operation identify "Identity 1" (Get Attribute List) ok count=1 frames=[1, 2]
            operation read "CMD[0].Go" (Read Tag, status 0x05 path destination unknown) refused count=1 frames=[1, 2]
            operation identify "Identity 1" (Get Attributes All, via port 1 address 0) ok count=1 frames=[3, 4]
            operation reset "Identity 1" (Reset, status 0x01 connection failure, 0x0204) refused count=1 frames=[5, 6]
            operation configure "TCP/IP Interface 1 attribute 5" (Set Attribute Single) ok count=1 frames=[7, 8]
            identity 10.0.0.2 system=port 1 address 0: 1756-L61/B, revision 20.011, serial 12345678 stated
        "#]],
    );
}

#[test]
fn a_program_download_is_one_operation_between_stop_and_start() {
    let message = |number: u8, service: &str| (Client, unit("01000000", number, service));
    let done = |number: u8, service: &str| {
        (
            Server,
            unit("99000000", number, &format!("{service} 00 00 00")),
        )
    };
    check(
        &DECODER,
        &said(&[
            message(1, "4b 04 208e2401 20742401 00"),
            done(1, "cb"),
            message(2, &format!("07 {CONTROLLER}")),
            done(2, "87"),
            // A setting of the controller, a program, a routine, its code, data.
            message(3, &format!("04 {CONTROLLER} 0100 0700 0100")),
            done(3, "84"),
            message(4, "08 03 2068 25002024 0000"),
            done(4, "88"),
            message(5, "08 06 2068 25002024 206d 25000100 0000"),
            done(5, "88"),
            message(6, "04 06 2068 25002024 206d 25000100 0100 0600 aabbccdd"),
            done(6, "84"),
            message(7, "50 03 206a 2500fa1b 00000000 11223344"),
            done(7, "d0"),
            message(8, &format!("06 {CONTROLLER}")),
            done(8, "86"),
            message(9, "4c 04 208e2401 20742401"),
            done(9, "cc"),
            message(10, "04 02 208b2401 0100 0600 0102030405060708"),
            done(10, "84"),
        ]),
        expect![[r#"
            conversation protocol=enip state=answered packets=10/10 bytes=587/500
            operation lock "Controller" (lock controller) ok count=1 frames=[1, 2]
            operation stop "Controller" (Stop) ok count=1 frames=[3, 4]
            operation program-download "controller program" (2 created, 3 set) ok count=1 frames=[5, 7, 9, 11, 13, 14]
            operation start "Controller" (Start) ok count=1 frames=[15, 16]
            operation unlock "Controller" (unlock controller) ok count=1 frames=[17, 18]
            operation set-clock "Wall Clock Time 1" (Set Attribute List) ok count=1 frames=[19, 20]
        "#]],
    );
}

#[test]
fn firmware_is_hashed_when_every_byte_came_and_blocks_sent_twice_count_once() {
    check(
        &DECODER,
        &said(&[
            (Client, rr(1, "4b 02 20a12401 06000000 00000000")),
            (Server, rr(1, "cb 00 00 00")),
            (Client, rr(2, "4d 02 20a12401 00000000 01020304")),
            (Server, rr(2, "cd 00 00 00")),
            (Client, rr(3, "4d 02 20a12401 04000000 0506")),
            (Client, rr(4, "4d 02 20a12401 04000000 0506")),
            (Server, rr(4, "cd 00 00 00")),
        ]),
        expect![[r#"
            conversation protocol=enip state=answered packets=4/3 bytes=212/132
            operation firmware-update "firmware" ok content=6 sha256=7192385c count=1 frames=[1, 7]
        "#]],
    );
}

#[test]
fn the_routine_being_read_makes_it_a_program_upload() {
    check(
        &DECODER,
        &said(&[
            (Client, rr(1, "4b 02 206b2400")),
            (Server, rr(1, "cb 00 00 00 01020304")),
            (Client, rr(2, "4c 06 2068 25002024 206d 25000100 0000")),
            (Server, rr(2, "cc 00 00 00 0a0b0c0d0e0f")),
        ]),
        expect![[r#"
            conversation protocol=enip state=answered packets=2/2 bytes=102/98
            operation program-upload "controller program" ok count=1 frames=[1, 3, 4]
        "#]],
    );
}

#[test]
fn list_identity_names_the_device() {
    let socket = "0002 af12 c0a80a78 0000000000000000";
    let identity =
        format!("0100 {socket} 0100 0e00 3600 140b 6000 78563412 0a 313735362d4c36312f42 03");
    let body = format!("0100 0c00 {} {identity}", le(size(&identity)));
    check(
        &DECODER,
        &said(&[
            (
                Client,
                "6300 0000 00000000 00000000 0000000000000000 00000000".into(),
            ),
            (Server, encapsulated("6300", "0000000000000000", &body)),
        ]),
        expect![[r#"
            conversation protocol=enip state=answered packets=1/1 bytes=24/74
            operation identify (ListIdentity) ok count=1 frames=[1, 2]
            identity 10.0.0.2 firmware=20.011 stated
            identity 10.0.0.2 maker=Rockwell Automation stated
            identity 10.0.0.2 model=1756-L61/B stated
            identity 10.0.0.2 role=plc stated
            identity 10.0.0.2 serial=12345678 stated
        "#]],
    );
}

#[test]
fn pccc_commands_and_their_own_status_are_read() {
    let pccc = |command: &str| format!("4b 02 20672401 07 0100 78563412 {command}");
    let answer = |text: &str| format!("cb 00 00 00 07 0100 78563412 {text}");
    check(
        &DECODER,
        &said(&[
            (Client, rr(1, &pccc("0f 00 0100 a2 02 07 89 05 00"))),
            (Server, rr(1, &answer("4f 00 0100 2a00"))),
            (Client, rr(2, &pccc("0f 00 0200 aa 02 07 89 05 00 2b00"))),
            (Server, rr(2, &answer("4f 10 0200"))),
            (Client, rr(3, &pccc("0f 00 0300 80 01"))),
            (Server, rr(3, &answer("4f 00 0300"))),
        ]),
        expect![[r#"
            conversation protocol=enip state=answered packets=3/3 bytes=187/167
            operation read "N7:5" (PCCC command 0x0f function 0xa2, read) ok count=1 frames=[1, 2]
            operation write "N7:5" (PCCC command 0x0f function 0xaa, write, PCCC status 0x10, illegal command or format) refused count=1 frames=[3, 4]
            operation stop (PCCC command 0x0f function 0x80, change mode to program) ok count=1 frames=[5, 6]
        "#]],
    );
}

#[test]
fn implicit_data_is_recognised_and_nothing_else_is() {
    check(
        &io::DECODER,
        &[
            (
                Client,
                "0200 0280 0800 787b3a00 e8cb5e04 b100 0400 03000000",
            ),
            (
                Server,
                "0200 0280 0800 787b3a01 e9cb5e04 b100 0600 030000000000",
            ),
        ],
        expect![[r#"
            conversation protocol=enip-io state=answered packets=1/1 bytes=22/24
        "#]],
    );
    let asked = |bytes: &str| {
        let bytes = hex(bytes);
        let head = Head {
            bytes: &bytes,
            udp: false,
            from: 50000,
            to: 50001,
            first: false,
            open: true,
        };
        (DECODER.probe)(&head)
    };
    assert_eq!(asked(&"00".repeat(64)), Probe::NotOurs, "silence");
    assert_eq!(
        asked("6500 0400 00000000 00000000 0000000000000000 00000000 0200 0000"),
        Probe::NotOurs
    );
    assert_eq!(asked("7000 1c00 01002a00 00000000 0000"), Probe::NeedMore);
    // Items that do not fill the body.
    assert_eq!(
        asked(
            "6f00 1200 00000000 00000000 0000000000000000 00000000 00000000 0000 0200 0000 0000 b200 0800 0000"
        ),
        Probe::NotOurs
    );
    assert_eq!(asked(&rr(1, "81 00 00 00")), Probe::Ours(Sender::Server));
}

#[test]
fn an_io_connection_tells_who_owns_outputs_and_how_often_and_a_second_owner_is_odd() {
    // Towards the target 10 ms, 10 bytes; back 20 ms; class 1. The answer agrees to 10 and 20 ms.
    let open = "54 02 20062401 0a f0 00000000 11223344 0100 0d00 78563412 00 000000 10270000 0a48 204e0000 2648 01 03 200424012c64";
    let agreed = "d4 00 00 00 01000000 02000000 0100 0d00 78563412 10270000 204e0000 00 00";
    let owned = "d4 00 01 01 0601 0100 0d00 78563412 00 00";
    check(
        &DECODER,
        &said(&[
            (
                Client,
                encapsulated("6500", "0000000000000000", "0100 0000"),
            ),
            (
                Server,
                encapsulated("6500", "0000000000000000", "0100 0000"),
            ),
            (Client, rr(1, open)),
            (Server, rr(1, agreed)),
            (Client, rr(2, open)),
            (Server, rr(2, owned)),
        ]),
        expect![[r#"
            conversation protocol=enip state=answered packets=3/3 bytes=204/154
            identity 10.0.0.2 service=I/O every 20000 µs to 10.0.0.1, which writes it every 10000 µs stated
            oddity what=cip.owned_by_another frames=Numbers([6])
        "#]],
    );
}

#[test]
fn what_older_tools_send_first_hides_none_of_the_lists_behind_it() {
    check(
        &DECODER,
        &said(&[
            (Client, encapsulated("0100", "0100000000000000", "")),
            (Client, encapsulated("0400", "0200000000000000", "")),
            (
                Server,
                encapsulated(
                    "0100",
                    "0100000000000000",
                    "0100 0100 0800 0000000000000000",
                ),
            ),
            (
                Server,
                encapsulated(
                    "0400",
                    "0200000000000000",
                    "0100 0001 1400 0100 2001 436f6d6d756e69636174696f6e730000",
                ),
            ),
        ]),
        expect![[r#"
            conversation protocol=enip state=answered packets=2/2 bytes=48/88
            operation diagnose (ListServices) ok count=1 frames=[2, 4]
        "#]],
    );
}
