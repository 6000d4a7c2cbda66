//! Dialogues of CODESYS, made by the layers that its research describes.
use expect_test::expect;

use super::{DECODER, v2};
use crate::Side::{Client, Server};
use crate::testing::{check, check_at, hex};
use crate::{Carrier, Decoder};

static UDP: Decoder = Decoder {
    carriers: &[Carrier::Udp(1740)],
    ..DECODER
};

/// A datagram behind the mark of TCP: addresses of three words each.
fn datagram(service: &str, payload: &str) -> String {
    let payload = payload.replace(' ', "");
    let datagram = format!("c5 6b 40 {service} 00 33 2ddc0a000001 2ddc0a000002 0000 {payload}")
        .replace(' ', "");
    format!("000117e8 {:02x}000000 {datagram}", datagram.len() / 2 + 8)
}

/// The first block of a service on channel 1, with its tags.
fn service(way: &str, group: &str, command: &str, tags: &str) -> String {
    let tags = tags.replace(' ', "");
    let length = tags.len() / 2;
    datagram(
        way,
        &format!(
            "01 81 0100 01000000 00000000 {:02x}000000 00000000 55cd 1000 {group}00 {command}00 11000000 {length:02x}000000 0000 0000 {tags}",
            length + 20
        ),
    )
}

fn ask(group: &str, command: &str, tags: &str) -> String {
    service("40", group, command, tags)
}

fn answer(group: &str, command: &str, tags: &str) -> String {
    service("41", group, command, tags)
}

#[test]
fn a_log_in_a_download_and_a_stop_are_told() {
    check_at(
        &DECODER,
        40001,
        &[
            (
                Client,
                &datagram("40", "c3 00 0101 00000000 01000000 00000000"),
            ),
            // Log in: type of the secret, then user and secret, both in a tag of tags.
            (
                Client,
                &ask(
                    "01",
                    "02",
                    "22 04 01000000 8101 0c 10 04 6f703100 11 04 99887766",
                ),
            ),
            (Server, &answer("81", "02", "8201 04 20 02 0000")),
            (Client, &ask("02", "05", "01 04 41707000 20 04 01020304")),
            (
                Client,
                &datagram("40", "01 80 0100 02000000 00000000 0505050505"),
            ), // a further block
            (Server, &answer("82", "05", "01 02 0000")),
            (Client, &ask("02", "11", "01 04 41707000")),
            (Server, &answer("82", "11", "01 02 0000")),
            // A file that is not there.
            (
                Client,
                &ask("08", "05", "01 08 626f6f742e617070 02 08 0000000000000000"),
            ),
            (Server, &answer("88", "05", "8401 04 08 02 1000")),
            (Client, &ask("08", "0e", "01 06 612e62696e00")),
            (Server, &answer("88", "0e", "8401 04 08 02 0000")),
            (Client, &ask("11", "01", "10 06 72656c6f6164")),
            (Client, &ask("01", "04", "")),
        ],
        expect![[r#"
            conversation protocol=codesys state=answered packets=9/5 bytes=640/369
            operation authenticate "user op1" (device: log in (1h/2h)) ? count=1 frames=[2, 3]
            operation program-download "App" (application: download (2h/5h)) ? count=1 frames=[4, 6]
            operation stop "App" (application: stop (2h/11h)) ? count=1 frames=[7, 8]
            operation file-read "boot.app" (file: start read (8h/5h), error 10h) refused count=1 frames=[9, 10]
            operation file-delete "a.bin" (file: delete (8h/eh)) ok count=1 frames=[11, 12]
            operation reset "reload" (shell of the controller (11h/1h)) unanswered count=1 frames=[13]
            operation reset (device: reset to origin (1h/4h)) unanswered count=1 frames=[14]
        "#]],
    );
}

#[test]
fn encrypted_services_are_named_as_such() {
    check(
        &DECODER,
        &[(Client, &ask("02", "05", "").replace("55cd", "5775"))],
        expect![[r#"
            conversation protocol=codesys:secured state=unanswered packets=1/0 bytes=68/0
        "#]],
    );
}

#[test]
fn a_controller_answers_to_those_who_look_for_it() {
    check(
        &UDP,
        &[
            (
                Client,
                "c5 7c 40 03 00 10 0000 0001 0000 02c2 0004 11223344",
            ),
            (
                Server,
                "c5 7c 40 04 00 10 0000 0002 0000 80c2 0004 11223344 0800 01 00 0000
                 0300 0200 0200 00100000 01000000 00110503 00000000 03 00 05 00 0000000000000000
                 530054005300 0000 52005400 0000 33005300 0000 534e31 00 00",
            ),
        ],
        expect![[r#"
            conversation protocol=codesys state=answered packets=1/1 bytes=20/85
            operation identify (name service: look for controllers) ? count=1 frames=[1]
            identity 10.0.0.2 firmware=3.5.17.0 stated
            identity 10.0.0.2 hostname=STS stated
            identity 10.0.0.2 maker=3S stated
            identity 10.0.0.2 model=RT stated
            identity 10.0.0.2 serial=SN1 stated
        "#]],
    );
}

#[test]
fn version_two_says_what_it_runs_on() {
    let field = |name: &str| {
        let digits: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
        format!("{digits:0<64}")
    };
    let said = format!(
        "{} {} {} {}",
        "00".repeat(59),
        field("Nucleus PLUS"),
        field("1.14"),
        field("750-881")
    );
    let length = said.replace(' ', "").len() / 2;
    check(
        &v2::DECODER,
        &[
            (Client, "bbbb 01000000 01"),
            (Server, &format!("bbbb {length:02x}000000 {said}")),
        ],
        expect![[r#"
            conversation protocol=codesys2 state=answered packets=1/1 bytes=7/161
            operation identify (identification) ok count=1 frames=[2]
            identity 10.0.0.2 model=750-881 stated
            identity 10.0.0.2 os=Nucleus PLUS 1.14 stated
        "#]],
    );
}

/// A frame of a channel: its header, and a service.
fn channel(service: &str) -> String {
    let length = hex(service).len();
    format!("cccc 0100 {length:02x}000000 0000000000000000 01000000 23{length:02x}0000 {service}")
}

#[test]
fn version_two_carries_files_and_boot_projects_in_blocks() {
    let beside = "6666 0100 00000000 0000000000000000 01000000 06000000";
    let name = "44454641554c542e50524700"; // DEFAULT.PRG
    check(
        &v2::DECODER,
        &[
            // Written: three octets with the name, which is filled up by one, then two more.
            (
                Client,
                &format!("bbbb 16000000 2f 01 0300 0d00 {name} cd 616263"),
            ),
            (Server, "bbbb 02000000 0000"),
            (Client, "bbbb 06000000 30 00 0200 6465"),
            (Server, "bbbb 02000000 0000"),
            // Read, in two blocks.
            (Client, &channel("31 00 0400 612e6300")),
            (Server, &channel("0000 01 00 0300 616263")),
            (Client, beside),
            (Server, beside),
            (Client, &channel("32")),
            (Server, &channel("0000 00 00 0200 6465")),
            // By a controller of the other order, and cut short by the end.
            (Client, "bbbb 0000000f 2f 01 0003 0006 622e63686b00 616263"),
        ],
        expect![[r#"
            conversation protocol=codesys2 state=answered packets=6/5 bytes=142/105
            operation program-download "DEFAULT.PRG" (write boot project (2fh)) ? content=5 sha256=36bbe50e count=1 frames=[1, 3, 4]
            operation file-read "a.c" (read file (31h)) ok content=5 sha256=36bbe50e count=1 frames=[5, 6, 10]
            operation file-write "b.chk" (write file (2fh), content incomplete) ? count=1 frames=[11]
        "#]],
    );
}

#[test]
fn what_is_typed_into_the_shell_is_told_by_what_it_does_without_passwords() {
    let line = |line: &str| {
        let digits: String = line.bytes().map(|byte| format!("{byte:02x}")).collect();
        channel(&format!("92 00000000 {digits} 00"))
    };
    check(
        &v2::DECODER,
        &[
            (Client, "bbbb 01000000 01"),
            (Client, &line("stopprg")),
            (Server, &channel("0000 00 04 0000")),
            (Client, &line("setpwd secret")),
            (Server, &channel("0000 00 04 0000")),
            (Client, &channel("92 01 00 0100 00")),
            (Client, &line("pinf")),
        ],
        expect![[r#"
            conversation protocol=codesys2 state=answered packets=5/2 bytes=151/60
            operation stop "stopprg" (shell of the controller (92h)) ? count=1 frames=[2, 3]
            operation configure "setpwd" (shell of the controller (92h)) ? count=1 frames=[4, 5]
            operation identify "pinf" (shell of the controller (92h)) unanswered count=1 frames=[7]
        "#]],
    );
}
