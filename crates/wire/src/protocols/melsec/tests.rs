//! Dialogues of SLMP in octets and in characters, and of MELSOFT.
use expect_test::expect;

use super::{DECODER, melsoft};
use crate::Side::{Client, Server};
use crate::testing::{check, check_at, render};

/// Characters as hexadecimal octets.
fn text(characters: &str) -> String {
    characters
        .bytes()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A 3E frame to the own station: the body follows its length.
fn ask(body: &str) -> String {
    let length = body.replace(' ', "").len() / 2 + 2;
    format!("5000 00 ff ff03 00 {:02x}00 1000 {body}", length)
}

fn answer(body: &str) -> String {
    let length = body.replace(' ', "").len() / 2;
    format!("d000 00 ff ff03 00 {:02x}00 {body}", length)
}

#[test]
fn three_e_frames_are_answered_in_order() {
    check_at(
        &DECODER,
        40001,
        &[
            (Client, &ask("0104 0000 640000 a8 0a00")), // D100-109
            (Server, &answer("0000 0100 0200")),
            (Client, &ask("0104 0000 640000 a8 0a00")),
            (Server, &answer("0000 0300 0400")),
            (Client, &ask("0114 0100 100000 9d 0300 1010")), // Y10-12 as bits
            (Server, &answer("0000")),
            (
                Client,
                &ask("0214 0000 02 01 000000 a8 0100 640000 90 0200 000000 b4 03000000"),
            ),
            (Server, &answer("59c0 00 ff ff03 00 0214 0000")),
            (Client, &ask("0101 0000")),
            (
                Server,
                &answer("0000 5130334544 4350 55 2020202020202020 6802"),
            ),
        ],
        expect![[r#"
            conversation protocol=slmp state=answered packets=5/5 bytes=117/90
            operation read "D100-109" (0401 read) ok count=2 frames=[1, 2, 4]
            operation write "Y10-12" (1401 write, bits) ok count=1 frames=[5, 6]
            operation write "D0, M100, W0" (1402 write random, wrong command (end code c059)) refused count=1 frames=[7, 8]
            operation identify (0101 read type name) ok count=1 frames=[9, 10]
            identity 10.0.0.2 maker=Mitsubishi Electric inferred
            identity 10.0.0.2 model=Q03EDCPU stated
        "#]],
    );
}

#[test]
fn remote_control_passwords_and_files_are_told() {
    check(
        &DECODER,
        &[
            (Client, &ask("3016 0000 0400 31323334")),
            (Server, &answer("00c2 00 ff ff03 00 3016 0000")),
            (Client, &ask("0210 0000 0100")),
            (Server, &answer("0000")),
            (Client, &ask("0110 0000 0300 02 00")),
            (Server, &answer("0000")),
            (Client, &ask("0610 0000 0100")),
            // To another station on network 1: 4E, answered by number.
            (
                Client,
                "5400 0100 0000 01 02 ff03 00 0e00 1000 2218 0000 0000 0400 412e 5152",
            ),
            (Server, "d400 0100 0000 01 02 ff03 00 0200 0000"),
        ],
        expect![[r#"
            conversation protocol=slmp state=answered packets=5/4 bytes=101/57
            operation unlock (1630 remote password unlock, wrong password (end code c200)) refused count=1 frames=[1, 2]
            operation stop (1002 remote stop) ok count=1 frames=[3, 4]
            operation start (1001 remote run, forced, devices cleared) ok count=1 frames=[5, 6]
            operation reset (1006 remote reset) unanswered count=1 frames=[7]
            operation file-delete "A.QR" (1822 delete file, to network 1 station 2 module 03ff drop 0) ok count=1 frames=[8, 9]
            credential protocol=slmp client=10.0.0.1 server=10.0.0.2 what=password frames=Numbers([1])
        "#]],
    );
}

#[test]
fn the_examples_of_the_manual_are_read() {
    // SH-080008, 3E frames: M100 to M107 read bit by bit, in characters and in octets, and the answers that it gives to them.
    let read = |ask: &str, answer: &str, way: &str| {
        check_at(
            &DECODER,
            40001,
            &[(Client, ask), (Server, answer)],
            match way {
                "characters" => expect![[r#"
                    conversation protocol=slmp:ascii state=answered packets=1/1 bytes=42/30
                    operation read "M100-107" (0401 read, bits) ok count=1 frames=[1, 2]
                "#]],
                _ => expect![[r#"
                    conversation protocol=slmp state=answered packets=1/1 bytes=21/15
                    operation read "M100-107" (0401 read, bits) ok count=1 frames=[1, 2]
                "#]],
            },
        );
    };
    read(
        &text("500000FF03FF000018001004010001M*0001000008"),
        &text("D00000FF03FF00000C000000010011"),
        "characters",
    );
    read(
        "5000 00 ff ff03 00 0c00 1000 0104 0100 640000 90 0800",
        "d000 00 ff ff03 00 0600 0000 00010011",
        "octets",
    );
}

#[test]
fn frames_in_characters_say_the_same() {
    check_at(
        &DECODER,
        40001,
        &[
            (Client, &text("500000FF03FF00001800100401")),
            (Client, &text("0000D*0001000002")),
            (Server, &text("D00000FF03FF00000C000000010002")),
            (
                Client,
                &text("500000FF03FF00001C001014010000W*0001A00001ABCD"),
            ),
            (Server, &text("D00000FF03FF000004C059")),
        ],
        expect![[r#"
            conversation protocol=slmp:ascii state=answered packets=3/2 bytes=88/52
            operation read "D100-101" (0401 read) ok count=1 frames=[1, 3]
            operation write "W1A0" (1401 write, wrong command (end code c059)) refused count=1 frames=[4, 5]
        "#]],
    );
}

#[test]
fn after_a_gap_answers_are_not_given_to_other_requests() {
    let bytes = |text: &str| crate::testing::hex(text);
    let (read, stop) = (
        bytes(&ask("0104 0000 640000 a8 0a00")),
        bytes(&ask("0210 0000 0100")),
    );
    let done = bytes(&answer("0000"));
    let mut script = crate::fuzz::script(true, &[(Client, &read), (Client, &stop)]);
    // The server's first answer is lost (bit 1), the second arrives.
    script.extend([3, 0, 13]);
    let rest = crate::fuzz::script(true, &[(Server, &done)]);
    script.extend(rest.get(1..).unwrap());
    expect![[r#"
        conversation protocol=slmp state=answered packets=2/1 bytes=38/11
        operation read "D100-109" (0401 read) ? count=1 frames=[1]
        operation stop (1002 remote stop) ? count=1 frames=[2]
    "#]]
    .assert_eq(&render(&crate::fuzz::dialogue(&DECODER, &script)));
}

/// A request of the programming software: command and number, then its data.
fn soft(command: &str, number: &str, data: &str) -> String {
    let length = 28 + data.replace(' ', "").len() / 2;
    format!(
        "57 0000 0000 1111 07 0000 ffff0300 00fe0300 00 {length:02x}00 1c0a1614 {} 00000000 {command} {number} {data}",
        "00".repeat(16)
    )
}

fn soft_answer(command: &str, number: &str, data: &str) -> String {
    let length = 30 + data.replace(' ', "").len() / 2;
    format!(
        "d7 0000 0000 1111 7f 0000 00a80300 ffff0300 00 {length:02x}00 9c0a1814 {} 000000000000 {command} {number} {data}",
        "00".repeat(16)
    )
}

#[test]
fn files_of_the_programming_software_are_told_when_they_are_closed() {
    let name = "1000 4d00410049004e002e00500052004700"; // MAIN.PRG
    check(
        &melsoft::DECODER,
        &[
            (Client, &soft("0121", "0100", "0000 0001")),
            (
                Server,
                &soft_answer(
                    "0121",
                    "0100",
                    "0000 465835552d33324d542f455300000000 294a 0008",
                ),
            ),
            (
                Client,
                &soft(
                    "1867",
                    "0300",
                    &format!("3200 0000 0000 0000 0400 0000 0000 {name}"),
                ),
            ),
            (Server, &soft_answer("1867", "0300", "3200 9100")),
            (
                Client,
                &soft("1869", "0400", "0000 9100 00000000 0400 61626364"),
            ),
            (Server, &soft_answer("1869", "0400", "0000 0400")),
            (
                Client,
                &soft("1869", "0500", "0000 9100 04000000 0400 65666768"),
            ),
            (Server, &soft_answer("1869", "0500", "0000 0400")),
            (Client, &soft("186a", "0600", "0000 9100 0000")),
            (Server, &soft_answer("186a", "0600", "0000")),
            (Client, &soft("1002", "0700", "0000 0100")),
            (Server, &soft_answer("1002", "0700", "0000")),
        ],
        expect![[r#"
            conversation protocol=melsoft state=answered packets=6/6 bytes=368/344
            operation identify (0121 read type name) ? count=1 frames=[1, 2]
            operation program-download "MAIN.PRG" (1869 write file) ? content=8 sha256=9c56cc51 count=1 frames=[5, 9]
            operation stop (1002 remote stop) ? count=1 frames=[11, 12]
            identity 10.0.0.2 maker=Mitsubishi Electric inferred
            identity 10.0.0.2 model=FX5U-32MT/ES stated
        "#]],
    );
}
