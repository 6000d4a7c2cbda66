//! Dialogues of ADS: symbols, states, files, refusals; the UDP service.
use expect_test::expect;

use super::DECODER;
use crate::Side::{Client, Server};
use crate::testing::{check, check_at, hex, render};
use crate::{Carrier, Decoder};

static UDP: Decoder = Decoder {
    carriers: &[Carrier::Udp(48899)],
    ..DECODER
};

fn frame(to: &str, from: &str, command: u8, flags: u8, invoke: u8, data: &str) -> String {
    let length = data.replace(' ', "").len() / 2;
    format!(
        "0000 {:02x}000000 {to} {from} {command:02x}00 {flags:02x}00 {length:02x}000000 00000000 {invoke:02x}000000 {data}",
        length + 32
    )
}

/// From the programming station to `port` of the controller.
fn ask(port: &str, command: u8, invoke: u8, data: &str) -> String {
    frame(
        &format!("050d75600101 {port}"),
        "c0a801630101 0380",
        command,
        4,
        invoke,
        data,
    )
}

fn answer(port: &str, command: u8, invoke: u8, data: &str) -> String {
    frame(
        "c0a801630101 0380",
        &format!("050d75600101 {port}"),
        command,
        5,
        invoke,
        data,
    )
}

const PLC: &str = "5303";
const SYSTEM: &str = "1027";

#[test]
fn a_symbol_is_told_by_its_name_once_its_handle_is_known() {
    let name = "4d41494e2e73706565640 0".replace(' ', ""); // MAIN.speed
    check_at(
        &DECODER,
        40001,
        &[
            (
                Client,
                &ask(
                    PLC,
                    9,
                    1,
                    &format!("03f00000 00000000 04000000 0b000000 {name}"),
                ),
            ),
            (Server, &answer(PLC, 9, 1, "00000000 04000000 2a000000")),
            (Client, &ask(PLC, 3, 2, "05f00000 2a000000 02000000 1100")),
            (Server, &answer(PLC, 3, 2, "00000000")),
            (Client, &ask(PLC, 3, 3, "05f00000 2a000000 02000000 2200")),
            (Server, &answer(PLC, 3, 3, "00000000")),
            (Client, &ask(PLC, 2, 4, "20400000 64000000 04000000")),
            (Server, &answer(PLC, 2, 4, "03070000 00000000")), // invalid index offset
            // Notifications are not operations.
            (
                Server,
                &frame(
                    "c0a801630101 0380",
                    "050d75600101 5303",
                    8,
                    4,
                    0,
                    "04000000 00000000",
                ),
            ),
        ],
        expect![[r#"
            conversation protocol=ads state=answered packets=4/5 bytes=219/226
            operation read "MAIN.speed" (read write, PLC 851, symbol handle) ok count=1 frames=[1, 2]
            operation write "MAIN.speed" (write, PLC 851, symbol value by handle) ok count=2 frames=[3, 4, 6]
            operation read "flags 64h" (read, PLC 851, flags, invalid index offset (code 703h)) refused count=1 frames=[7, 8]
            identity 10.0.0.1 system=AMS net id 192.168.1.99.1.1 stated
            identity 10.0.0.2 system=AMS net id 5.13.117.96.1.1 stated
        "#]],
    );
}

#[test]
fn states_are_set_and_programs_are_written_as_files() {
    let path = "433a5c426f6f745c506f72745f3835312e617070 00"; // C:\Boot\Port_851.app
    check(
        &DECODER,
        &[
            (Client, &ask(PLC, 5, 1, "0600 0000 00000000")),
            (Server, &answer(PLC, 5, 1, "00000000")),
            (
                Client,
                &ask(
                    SYSTEM,
                    9,
                    2,
                    &format!("78000000 12000000 04000000 15000000 {path}"),
                ),
            ),
            (Server, &answer(SYSTEM, 9, 2, "00000000 04000000 07000000")),
            (
                Client,
                &ask(SYSTEM, 9, 3, "7b000000 07000000 00000000 04000000 61626364"),
            ),
            (Server, &answer(SYSTEM, 9, 3, "00000000 00000000")),
            (
                Client,
                &ask(SYSTEM, 9, 4, "7b000000 07000000 00000000 04000000 65666768"),
            ),
            (Server, &answer(SYSTEM, 9, 4, "00000000 00000000")),
            (
                Client,
                &ask(SYSTEM, 9, 5, "79000000 07000000 00000000 00000000"),
            ),
            (Server, &answer(SYSTEM, 9, 5, "00000000 00000000")),
            (Client, &ask(PLC, 5, 6, "0500 0000 00000000")),
            (Server, &answer(PLC, 5, 6, "12070000")), // the device is not in a state for it
            (Client, &ask(SYSTEM, 5, 7, "1000 0000 00000000")),
            (Client, &ask(PLC, 1, 8, "")),
            (
                Server,
                &answer(
                    PLC,
                    1,
                    8,
                    "00000000 03 01 b80f 506c6333304170700000000000000000",
                ),
            ),
        ],
        expect![[r#"
            conversation protocol=ads state=answered packets=8/7 bytes=421/334
            operation stop "PLC 851" (write control, PLC 851, to stop) ok count=1 frames=[1, 2]
            operation program-download "C:\\Boot\\Port_851.app" (system service, file write) ok content=8 sha256=9c56cc51 count=1 frames=[5, 10]
            operation start "PLC 851" (write control, PLC 851, to run, device in wrong state (code 712h)) refused count=1 frames=[11, 12]
            operation mode-change "system service" (write control, system service, to reconfig) unanswered count=1 frames=[13]
            operation identify "PLC 851" (read device info, PLC 851) ok count=1 frames=[14, 15]
            identity 10.0.0.1 system=AMS net id 192.168.1.99.1.1 stated
            identity 10.0.0.2 system=AMS net id 5.13.117.96.1.1 stated
            identity 10.0.0.2 maker=Beckhoff inferred
            identity 10.0.0.2 software=Plc30App 3.1.4024 (PLC 851) stated
        "#]],
    );
}

#[test]
fn a_gap_loses_the_hash_and_not_the_connection() {
    let open = hex(&ask(
        SYSTEM,
        9,
        2,
        "78000000 12000000 04000000 02000000 6100",
    ));
    let opened = hex(&answer(SYSTEM, 9, 2, "00000000 04000000 07000000"));
    let write = hex(&ask(
        SYSTEM,
        9,
        4,
        "7b000000 07000000 00000000 04000000 65666768",
    ));
    let written = hex(&answer(SYSTEM, 9, 4, "00000000 00000000"));
    let close = hex(&ask(SYSTEM, 9, 5, "79000000 07000000 00000000 00000000"));
    let closed = hex(&answer(SYSTEM, 9, 5, "00000000 00000000"));
    let mut script = crate::fuzz::script(
        true,
        &[
            (Client, &open),
            (Server, &opened),
            (Client, &write),
            (Server, &written),
        ],
    );
    script.extend([2, 0, 58]);
    let rest = crate::fuzz::script(true, &[(Client, &close), (Server, &closed)]);
    script.extend(rest.get(1..).unwrap());
    expect![[r#"
        conversation protocol=ads state=answered packets=3/3 bytes=168/142
        operation file-write "a" (system service, file write) ok count=1 frames=[3, 7]
        identity 10.0.0.1 system=AMS net id 192.168.1.99.1.1 stated
        identity 10.0.0.2 system=AMS net id 5.13.117.96.1.1 stated
    "#]]
    .assert_eq(&render(&crate::fuzz::dialogue(&DECODER, &script)));
}

#[test]
fn a_route_is_added_with_a_password_in_clear() {
    check(
        &UDP,
        &[
            (Client, "03661471 00000000 01000000 c0a801c70101 1027 00000000"),
            (
                Server,
                "03661471 00000000 01000080 050d75600101 1027 03000000
                 0500 0a00 43585f30443735363000 0400 1400 14000000 06000000 00000000 00000000 03000000
                 0300 0400 020bb408",
            ),
            (
                Client,
                "03661471 01000000 06000000 c0a801c70101 1027 05000000 0c00 0300 504300 0700 0600 c0a801c70101
                 0d00 0300 6f7000 0200 0300 707700 0500 0900 31302e302e302e3100",
            ),
            (Server, "03661471 01000000 06000080 050d75600101 1027 01000000 0100 0400 04070000"),
        ],
        expect![[r#"
            conversation protocol=ads state=answered packets=2/2 bytes=92/102
            operation identify (server info) ok count=1 frames=[1, 2]
            operation configure "route PC at 10.0.0.1 (192.168.1.199.1.1)" (add route, as user op, access not permitted (code 704h)) refused count=1 frames=[3, 4]
            identity 10.0.0.1 system=AMS net id 192.168.1.199.1.1 stated
            identity 10.0.0.2 hostname=CX_0D7560 stated
            identity 10.0.0.2 maker=Beckhoff inferred
            identity 10.0.0.2 os=Windows CE 6.0.0 stated
            identity 10.0.0.2 software=TwinCAT 2.11.2228 stated
            identity 10.0.0.2 system=AMS net id 5.13.117.96.1.1 stated
            credential protocol=ads client=10.0.0.1 server=10.0.0.2 what=password user=op frames=Numbers([3])
        "#]],
    );
}
