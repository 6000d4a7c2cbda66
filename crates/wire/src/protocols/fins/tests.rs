//! Dialogues of FINS: commands by family, refusals, programs in pieces, the TCP carrier.
use expect_test::expect;

use super::DECODER;
use crate::Side::{Client, Server};
use crate::testing::{check, check_at};
use crate::{Carrier, Decoder};

static TCP: Decoder = Decoder {
    carriers: &[Carrier::Tcp(9600)],
    ..DECODER
};

/// A command to node 2, its service number, command code and what follows.
fn ask(service: &str, rest: &str) -> String {
    format!("80 00 02 00 02 00 00 01 00 {service} {rest}")
}

fn answer(service: &str, rest: &str) -> String {
    format!("c0 00 02 00 01 00 00 02 00 {service} {rest}")
}

#[test]
fn cyclic_reads_are_counted_and_writes_keep_no_values() {
    check(
        &DECODER,
        &[
            (Client, &ask("01", "0101 82 0064 00 0002")),
            (Server, &answer("01", "0101 0000 1111 2222")),
            (Client, &ask("02", "0101 82 0064 00 0002")),
            (Server, &answer("02", "0101 0000 3333 4444")),
            (Client, &ask("03", "0102 30 0005 0f 0001 01")), // CIO 5.15 := 1
            (Server, &answer("03", "0102 0000")),
            (Client, &ask("04", "0102 b1 0010 00 0001 abcd")),
            (Server, &answer("04", "0102 2108")), // write not possible
            (Client, &ask("05", "0105 82 0000 00 b2 0010 00 0004")),
            (Server, &answer("05", "0105 0040")), // done, while the controller reports an error of its own
        ],
        expect![[r#"
            conversation protocol=fins state=answered packets=5/5 bytes=97/78
            operation read "D100-101" (0101 memory area read) ok count=2 frames=[1, 2, 4]
            operation write "CIO5.15" (0102 memory area write) ok count=1 frames=[5, 6]
            operation write "W16" (0102 memory area write, write not possible (end code 2108)) refused count=1 frames=[7, 8]
            operation write "H16-19" (0105 memory area transfer, from D0-3) ok count=1 frames=[9, 10]
        "#]],
    );
}

#[test]
fn a_program_in_pieces_is_one_transfer_with_its_hash() {
    check(
        &DECODER,
        &[
            (Client, &ask("01", "0307 0000 00000000 0004 61626364")),
            (Server, &answer("01", "0307 0000 0000 00000000 0004")),
            (Client, &ask("02", "0307 0000 00000004 8004 65666768")),
            (Server, &answer("02", "0307 0000 0000 00000004 8004")),
            (Client, &ask("03", "0306 0000 00000000 03e0")),
            (
                Server,
                &answer("03", "0306 0000 0000 00000000 8008 6162636465666768"),
            ),
            // A piece that another's access right keeps out.
            (Client, &ask("04", "0307 0001 00000000 8004 61626364")),
            (Server, &answer("04", "0307 3001")),
            // The second of two pieces only: no hash.
            (Client, &ask("05", "0307 0002 00000004 8004 65666768")),
            (Server, &answer("05", "0307 0000 0002 00000004 8004")),
            (Client, &ask("06", "0308 0000 00")),
            (Server, &answer("06", "0308 0000")),
        ],
        expect![[r#"
            conversation protocol=fins state=answered packets=6/6 bytes=131/124
            operation program-download "program 0" (0307 program area write) ok content=8 sha256=9c56cc51 count=1 frames=[1, 4]
            operation program-upload "program 0" (0306 program area read) ok content=8 sha256=9c56cc51 count=1 frames=[5, 6]
            operation program-download "program 1" (0307 program area write, access right held by another (end code 3001)) refused count=1 frames=[7, 8]
            operation program-download "program 2" (0307 program area write) ok count=1 frames=[9, 10]
            operation program-delete "program 0" (0308 program area clear) ok count=1 frames=[11, 12]
        "#]],
    );
}

#[test]
fn modes_clock_access_and_files_are_told() {
    check(
        &DECODER,
        &[
            (Client, &ask("01", "0402")),
            (Server, &answer("01", "0402 0000")),
            (Client, &ask("02", "0401 ffff 04")),
            (Server, &answer("02", "0401 2201")),
            (Client, &ask("03", "0702 26 11 22 01 02 03 00")),
            (Server, &answer("03", "0702 0000")),
            (Client, &ask("04", "0c02 0000")),
            (Server, &answer("04", "0c02 0000")),
            (Client, &ask("05", "0c03 0000")),
            (
                Client,
                &ask(
                    "06",
                    "2203 8000 505247202020202e4f424a 20 0002 00000000 0004 00000000 61626364",
                ),
            ),
            (Server, &answer("06", "2203 0000")),
            (Client, &ask("07", "2301 0001 0001 30 0000 03")),
            (Server, &answer("07", "2301 0000")),
            // An answer whose request was lost still says that the controller was stopped.
            (Server, &answer("77", "0402 0000")),
            // One that wants no answer gets none.
            (Client, "81 00 02 00 02 00 00 01 00 08 0402"),
        ],
        expect![[r#"
            conversation protocol=fins state=answered packets=8/7 bytes=148/98
            operation stop (0402 stop) ok count=1 frames=[1, 2]
            operation start "program 65535" (0401 run, run mode, not possible in this mode (end code 2201)) refused count=1 frames=[3, 4]
            operation set-clock (0702 clock write) ok count=1 frames=[5, 6]
            operation lock (0c02 access right forced acquire) ok count=1 frames=[7, 8]
            operation unlock (0c03 access right release) unanswered count=1 frames=[9]
            operation file-write "PRG    .OBJ" (2203 single file write, disk 32768) ok count=1 frames=[10, 11]
            operation write "CIO0.03" (2301 forced set or reset, force set) ok count=1 frames=[12, 13]
            operation stop (0402 stop) ok count=1 frames=[14]
            operation stop (0402 stop) ? count=1 frames=[15]
        "#]],
    );
}

#[test]
fn tcp_frames_split_by_segments_carry_the_same_and_the_controller_names_itself() {
    let model = "434a324d2d4350553331202020202020202020 20"; // CJ2M-CPU31
    let version = "30322e3031202020202020202020202020202020"; // 02.01
    let data = format!(
        "0000005c 00000002 00000000 {} {model} {version} {}",
        answer("01", "0501 0000"),
        "00".repeat(92 - 8 - 14 - 40)
    );
    check_at(
        &TCP,
        40001,
        &[
            (Client, "46494e53 0000000c 00000000 00000000 00000000"),
            (
                Server,
                "46494e53 00000010 00000001 00000000 00000001 00000002",
            ),
            (Client, "46494e53 00000014 00000002 00000000 8000 0200 0200"),
            (Client, "0001 0001 0501"),
            (Server, &format!("46494e53 {data}")),
            (Server, "46494e53 00000008 00000003 00000023"), // all connections in use
        ],
        expect![[r#"
            conversation protocol=fins state=answered packets=3/3 bytes=48/140
            operation identify (0501 controller data read) ok count=1 frames=[3, 4, 5]
            identity 10.0.0.2 firmware=02.01 stated
            identity 10.0.0.2 maker=Omron inferred
            identity 10.0.0.2 model=CJ2M-CPU31 stated
            oddity what=fins.tcp_error detail=error code 35 frames=Numbers([6])
        "#]],
    );
}
