use expect_test::expect;

use super::{DECODER, plus};
use crate::Side::{self, Client, Server};
use crate::protocols::asking::with_gap;
use crate::testing::{check, check_at, hex};
use crate::{Head, Probe, Sender};

/// A message in its packet: kind 1 (job), 3 (answer, with an error of two bytes in front of the parameters), 7 (userdata).
fn s7(kind: u8, reference: &str, error: &str, param: &str, data: &str) -> String {
    let (param, data) = (param.replace(' ', ""), data.replace(' ', ""));
    let (lp, ld) = (param.len() / 2, data.len() / 2);
    let body = format!("32{kind:02x}0000{reference}{lp:04x}{ld:04x}{error}{param}{data}");
    format!("0300{:04x}02f080{body}", body.len() / 2 + 7)
}

fn job(reference: &str, param: &str, data: &str) -> String {
    s7(1, reference, "", param, data)
}

fn ack(reference: &str, param: &str, data: &str) -> String {
    s7(3, reference, "0000", param, data)
}

fn userdata(reference: &str, param: &str, data: &str) -> String {
    s7(7, reference, "", param, data)
}

fn said(messages: &[(Side, String)]) -> Vec<(Side, &str)> {
    messages
        .iter()
        .map(|(side, text)| (*side, text.as_str()))
        .collect()
}

/// `DB11.DBX0.0 BYTE 4` and the bit `M10.3`, as items of a request.
const ITEMS: &str = "02 120a1002 0004 000b 84 000000 120a1001 0001 0000 83 000053";

#[test]
fn variables_are_named_and_each_item_counts() {
    check(
        &DECODER,
        &said(&[
            // To rack 0, slot 2 as an operator panel.
            (
                Client,
                "0300001611e00000000100c0010ac1020200c2020202".into(),
            ),
            (
                Server,
                "0300001611d00001000200c0010ac1020200c2020202".into(),
            ),
            (Client, job("0100", "f0 00 0001 0001 01e0", "")),
            (Server, ack("0100", "f0 00 0001 0001 00f0", "")),
            (Client, job("0200", &format!("04 {ITEMS}"), "")),
            (Server, ack("0200", "04 02", "ff04 0020 01020304 0a00 0004")),
            (
                Client,
                job(
                    "0300",
                    &format!("05 {ITEMS}"),
                    "0004 0020 01020304 0003 0001 01",
                ),
            ),
            (Server, ack("0300", "05 02", "ff ff")),
            (
                Client,
                job(
                    "0400",
                    &format!("05 {ITEMS}"),
                    "0004 0020 05060708 0003 0001 00",
                ),
            ),
            (Server, ack("0400", "05 02", "ff ff")),
            (
                Client,
                job(
                    "0500",
                    &format!("05 {ITEMS}"),
                    "0004 0020 01020304 0003 0001 01",
                ),
            ),
            (Server, s7(3, "0500", "8104", "", "")),
        ]),
        expect![[r#"
            conversation protocol=s7comm:op state=answered packets=6/6 bytes=258/147
            operation read "DB11.DBX0.0 BYTE 4, M10.3" (function 0x04, read variables, 1 of 2 items refused: object does not exist) ok count=1 frames=[5, 6]
            operation write "DB11.DBX0.0 BYTE 4, M10.3" (function 0x05, write variables) ok count=2 frames=[7, 8, 10]
            operation write "DB11.DBX0.0 BYTE 4, M10.3" (function 0x05, write variables, error 0x8104 not implemented or bad frame) refused count=1 frames=[11, 12]
            identity 10.0.0.2 system=rack 0, slot 2 stated
        "#]],
    );
}

#[test]
fn a_download_is_one_operation_though_the_controller_asks_for_the_parts() {
    // A block of 40 bytes: signature, DB 11, its length, content.
    let block = format!("70700101050a000b00000028{}", "00".repeat(28));
    let (first, rest) = block.split_at(40);
    check(
        &DECODER,
        &said(&[
            (
                Client,
                job(
                    "0100",
                    "1a 00 0100 00000000 09 5f30413030303131 50 0d 31 303030303430 303030303034",
                    "",
                ),
            ),
            (Server, ack("0100", "1a", "")),
            (
                Server,
                job("0001", "1b 00 0000 00000000 09 5f30413030303131 50", ""),
            ),
            (Client, ack("0001", "1b 01", &format!("0014 00fb {first}"))),
            (
                Server,
                job("0002", "1b 00 0000 00000000 09 5f30413030303131 50", ""),
            ),
            (Client, ack("0002", "1b 00", &format!("0014 00fb {rest}"))),
            (
                Server,
                job("0003", "1c 00 0000 00000000 09 5f30413030303131 50", ""),
            ),
            (Client, ack("0003", "1c", "")),
            (
                Client,
                job(
                    "0200",
                    "28 000000000000fd 000a 0100 3041 3030303131 50 05 5f494e5345",
                    "",
                ),
            ),
            (Server, ack("0200", "28", "")),
            // The same again, but the controller ends it with an error.
            (
                Client,
                job(
                    "0300",
                    "1a 00 0100 00000000 09 5f30413030303131 50 0d 31 303030303430 303030303034",
                    "",
                ),
            ),
            (Server, ack("0300", "1a", "")),
            (
                Server,
                job("0004", "1c 00 d240 00000000 09 5f30413030303131 50", ""),
            ),
            (Client, ack("0004", "1c", "")),
        ]),
        expect![[r#"
            conversation protocol=s7comm state=answered packets=7/7 bytes=271/200
            operation program-download "DB11" (inserted, DB, 0 bytes of data) ok content=40 sha256=7517d3a0 count=1 frames=[1, 2, 4, 6, 7, 9, 10]
            operation program-download "DB11" (error 0xd240 coordination rules violated) refused count=1 frames=[11, 12, 13]
        "#]],
    );
}

#[test]
fn a_download_that_lost_some_of_its_parts_is_one_operation() {
    let bytes = |messages: &[(Side, String)]| {
        let messages = messages.iter();
        messages
            .map(|(side, text)| (*side, hex(text)))
            .collect::<Vec<_>>()
    };
    const START: &str =
        "1a 00 0100 00000000 09 5f30413030303131 50 0d 31 303030303430 303030303034";
    const PART: &str = "1b 00 0000 00000000 09 5f30413030303131 50";
    let content = format!("0014 00fb 70700101050a000b00000028{}", "00".repeat(8));
    let end = format!("0014 00fb {}", "00".repeat(20));
    let insert = [
        (
            Client,
            job(
                "0900",
                "28 000000000000fd 000a 0100 3041 3030303131 50 05 5f494e5345",
                "",
            ),
        ),
        (Server, ack("0900", "28", "")),
    ];
    let begin = [
        (Client, job("0100", START, "")),
        (Server, ack("0100", "1a", "")),
        (Server, job("0001", PART, "")),
        (Client, ack("0001", "1b 01", &content)),
    ];
    // The last part and the end are lost.
    expect![[r#"
        conversation protocol=s7comm state=answered packets=3/3 bytes=137/75
        operation program-download "DB11" (content incomplete, inserted) ok count=1 frames=[1, 2, 4, 6, 7]
    "#]]
    .assert_eq(&with_gap(
        &DECODER,
        &bytes(&begin),
        (Client, 60),
        &bytes(&insert),
    ));
    // The begin is lost, and with it the name, until the controller asks for the next part.
    let mut rest = vec![
        (Client, ack("0001", "1b 01", &content)),
        (Server, job("0002", PART, "")),
        (Client, ack("0002", "1b 00", &end)),
        (Server, job("0003", &PART.replacen("1b", "1c", 1), "")),
        (Client, ack("0003", "1c", "")),
    ];
    rest.extend(insert);
    let before = [
        (
            Client,
            job("0050", "04 01 120a1002 0004 000b 84 000000", ""),
        ),
        (Server, ack("0050", "04 01", "ff04 0020 01020304")),
    ];
    expect![[r#"
        conversation protocol=s7comm state=answered packets=5/4 bytes=184/119
        operation read "DB11.DBX0.0 BYTE 4" (function 0x04, read variables) ok count=1 frames=[1, 2]
        operation program-download "DB11" (inserted, DB, 0 bytes of data) ok content=40 sha256=7517d3a0 count=1 frames=[4, 6, 7, 9, 10]
    "#]]
    .assert_eq(&with_gap(
        &DECODER,
        &bytes(&before),
        (Server, 60),
        &bytes(&rest),
    ));
}

#[test]
fn an_upload_is_one_operation_and_a_refused_one_says_why() {
    let block = format!("707001010108000100000028{}", "11".repeat(28));
    let (first, rest) = block.split_at(40);
    check(
        &DECODER,
        &said(&[
            (
                Client,
                job("0100", "1d 00 0000 00000000 09 5f30383030303031 41", ""),
            ),
            (
                Server,
                ack("0100", "1d 00 0100 00000007 07 30303030303430", ""),
            ),
            (Client, job("0200", "1e 00 0000 00000007", "")),
            (Server, ack("0200", "1e 01", &format!("0014 00fb {first}"))),
            (Client, job("0300", "1e 00 0000 00000007", "")),
            (Server, ack("0300", "1e 00", &format!("0014 00fb {rest}"))),
            (Client, job("0400", "1f 00 0000 00000007", "")),
            (Server, ack("0400", "1f", "")),
            (
                Client,
                job("0500", "1d 00 0000 00000000 09 5f30423030303030 41", ""),
            ),
            (Server, s7(3, "0500", "d241", "", "")),
        ]),
        expect![[r#"
            conversation protocol=s7comm state=answered packets=5/5 bytes=145/164
            operation program-upload "OB1" (STL, know-how protected, changed 1995-12-21T07:32:11, 4369 bytes of code) ok content=40 sha256=86d19b92 count=1 frames=[1, 2, 4, 6, 8]
            operation program-upload "SDB0" (error 0xd241 not permitted at the current protection level) refused count=1 frames=[9, 10]
        "#]],
    );
}

#[test]
fn start_stop_delete_and_clock_are_told_without_any_handshake() {
    check_at(
        &DECODER,
        10102,
        &said(&[
            (
                Client,
                job("0100", "29 0000000000 09 505f50524f4752414d", ""),
            ),
            (Server, ack("0100", "29", "")),
            (
                Client,
                job("0200", "28 000000000000fd 0000 09 505f50524f4752414d", ""),
            ),
            (Server, s7(3, "0200", "8104", "28", "")),
            (
                Client,
                job(
                    "0300",
                    "28 000000000000fd 0002 4320 09 505f50524f4752414d",
                    "",
                ),
            ),
            (Server, ack("0300", "28", "")),
            (
                Client,
                job(
                    "0400",
                    "28 000000000000fd 0012 0200 3043 3030303037 42 3045 3030303038 42 05 5f44454c45",
                    "",
                ),
            ),
            (Server, ack("0400", "28", "")),
            (
                Client,
                userdata(
                    "0500",
                    "000112 04 11 47 02 00",
                    "ff09 000a 00191408201159330400",
                ),
            ),
            (
                Server,
                userdata("0500", "000112 08 12 87 02 01 0000 0000", "0a00 0000"),
            ),
            (
                Client,
                job("0600", "29 0000000000 09 505f50524f4752414d", ""),
            ),
        ]),
        expect![[r#"
            conversation protocol=s7comm state=answered packets=6/5 bytes=232/113
            operation stop (function 0x29, stop) ok count=1 frames=[1, 2]
            operation start (program service P_PROGRAM, restart, error 0x8104 not implemented or bad frame) refused count=1 frames=[3, 4]
            operation start (program service P_PROGRAM, cold restart) ok count=1 frames=[5, 6]
            operation program-delete "FC7, FB8" (program service _DELE, delete blocks) ok count=1 frames=[7, 8]
            operation set-clock "clock" (set clock) ok count=1 frames=[9, 10]
            operation stop (function 0x29, stop) unanswered count=1 frames=[11]
        "#]],
    );
}

#[test]
fn a_lone_stop_whose_other_side_was_not_captured_has_no_outcome() {
    check(
        &DECODER,
        &said(&[(
            Client,
            job("0000", "29 0000000000 09 505f50524f4752414d", ""),
        )]),
        expect![[r#"
            conversation protocol=s7comm state=unanswered packets=1/0 bytes=33/0
            operation stop (function 0x29, stop) ? count=1 frames=[1]
        "#]],
    );
}

#[test]
fn status_lists_in_parts_name_the_device_and_passwords_stay_out() {
    let entry = |index: &str, value: &[u8]| {
        let mut text: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
        text.push_str(&"00".repeat(32 - value.len()));
        format!("{index}{text}")
    };
    let list = format!(
        "001c0000 0022 0002 {} {}",
        entry("0005", b"S C-C2UR28922012"),
        entry("0007", b"CPU 315-2 PN/DP")
    )
    .replace(' ', "");
    let (first, rest) = list.split_at(60);
    let answer = |text: &str| format!("ff09 {:04x} {text}", text.len() / 2);
    check(
        &DECODER,
        &said(&[
            (
                Client,
                userdata("0100", "000112 04 11 44 01 00", "ff09 0004 001c0000"),
            ),
            (
                Server,
                userdata("0100", "000112 08 12 84 01 03 0201 0000", &answer(first)),
            ),
            (
                Client,
                userdata("0200", "000112 08 12 44 01 03 0000 0000", "0a00 0000"),
            ),
            (
                Server,
                userdata("0200", "000112 08 12 84 01 03 0200 0000", &answer(rest)),
            ),
            (
                Client,
                userdata(
                    "0300",
                    "000112 04 11 45 01 00",
                    "ff09 0008 6464646464646464",
                ),
            ),
            (
                Server,
                userdata("0300", "000112 08 12 85 01 00 0000 d602", "0a00 0000"),
            ),
        ]),
        expect![[r#"
            conversation protocol=s7comm state=answered packets=3/3 bytes=103/175
            operation identify "SZL 0x001c index 0x0000" (component identification) ok count=1 frames=[1, 2]
            operation authenticate (password, error 0xd602 wrong password) refused count=1 frames=[5, 6]
            identity 10.0.0.2 model=CPU 315-2 PN/DP stated
            identity 10.0.0.2 serial=S C-C2UR28922012 stated
            credential protocol=s7comm client=10.0.0.1 server=10.0.0.2 what=password frames=Numbers([5])
            oddity what=login.refused detail=s7comm: password, error 0xd602 wrong password frames=Numbers([6])
        "#]],
    );
}

#[test]
fn a_list_of_blocks_in_two_parts_is_asked_for_once() {
    check(
        &DECODER,
        &said(&[
            (
                Client,
                userdata("0100", "000112 04 11 43 02 00", "ff09 0002 3044"),
            ),
            (
                Server,
                userdata(
                    "0100",
                    "000112 08 12 83 02 01 b301 0000",
                    "ff09 0004 00004201",
                ),
            ),
            (
                Client,
                userdata("0200", "000112 04 11 43 02 01", "0a00 0000"),
            ),
            (
                Server,
                userdata(
                    "0200",
                    "000112 08 12 83 02 01 b300 0000",
                    "ff09 0004 00014201",
                ),
            ),
        ]),
        expect![[r#"
            conversation protocol=s7comm state=answered packets=2/2 bytes=60/74
            operation diagnose "SFC" (list blocks of type) ok count=1 frames=[1, 2]
        "#]],
    );
}

#[test]
fn a_message_in_several_data_units_is_put_together() {
    let whole = job("0100", &format!("04 {ITEMS}"), "");
    let (_, body) = whole.split_at(14);
    let (first, rest) = body.split_at(20);
    let unit = |last: &str, body: &str| format!("0300{:04x}02f0{last}{body}", body.len() / 2 + 7);
    check(
        &DECODER,
        &said(&[
            (Client, unit("00", "")),
            (Client, unit("00", first) + &unit("80", rest)),
            (
                Server,
                ack("0100", "04 02", "ff04 0020 01020304 ff03 0001 01"),
            ),
        ]),
        expect![[r#"
            conversation protocol=s7comm state=answered packets=2/1 bytes=57/34
            operation read "DB11.DBX0.0 BYTE 4, M10.3" (function 0x04, read variables) ok count=1 frames=[1, 3]
        "#]],
    );
}

#[test]
fn s7comm_plus_has_its_own_name() {
    check(
        &plus::DECODER,
        &said(&[(
            Client,
            "0300001a02f080 7201000b 31 0000 04ca 0000 0002 36".to_owned() + "00 72010000",
        )]),
        expect![[r#"
            conversation protocol=s7comm-plus:v1 state=unanswered packets=1/0 bytes=26/0
            oddity what=s7comm.malformed detail=length frames=Numbers([1])
        "#]],
    );
}

#[test]
fn others_on_the_same_transport_are_left_alone() {
    let asked = |bytes: &str| {
        let bytes = hex(bytes);
        let head = Head {
            bytes: &bytes,
            udp: false,
            from: 50000,
            to: 102,
            first: true,
            open: true,
        };
        ((DECODER.probe)(&head), (plus::DECODER.probe)(&head))
    };
    let neither = (Probe::NotOurs, Probe::NotOurs);
    // MMS: a session data unit.
    assert_eq!(asked("0300000d02f080 01000100 6142"), neither);
    // RDP: a fast-path packet, and a slow-path one with T.125.
    assert_eq!(asked("030000 0c 02f080 0401000100"), neither);
    assert_eq!(asked("44040102030405060708"), neither);
    // A connection request may still become either.
    assert_eq!(
        asked("0300001611e00000000100c0010ac1020100c2020102"),
        (Probe::NeedMore, Probe::NeedMore)
    );
    // A length that does not fit its parts.
    assert_eq!(
        asked("0300001402f080 3201000001000002000404000000").0,
        Probe::NotOurs
    );
    assert_eq!(
        asked(&job("0100", &format!("04 {ITEMS}"), "")).0,
        Probe::Ours(Sender::Client)
    );
}

#[test]
fn a_program_service_is_known_by_its_name_where_the_lengths_before_it_are_wrong() {
    check(
        &DECODER,
        &[
            (
                Client,
                "03000027 02f080 3201 0000 0014 0016 0000 28 000000000008 0500 3431303030303505 5f44454c45",
            ),
            (Server, "03000014 02f080 3203 0000 0014 0001 0000 0000 28"),
        ],
        expect![[r#"
            conversation protocol=s7comm state=answered packets=1/1 bytes=39/20
            operation program-delete (program service _DELE, delete blocks) ok count=1 frames=[1, 2]
        "#]],
    );
}
