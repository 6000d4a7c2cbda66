use expect_test::expect;

use super::DECODER;
use crate::Side::{Client, Server};
use crate::protocols::asking::with_gap;
use crate::testing::{check, check_at, hex};
use crate::{Head, Probe, Sender, Side};

/// Frames around service data units, numbered by side; a text of one octet is an unnumbered frame.
fn framed(units: &[(Side, &str)]) -> Vec<(Side, String)> {
    let mut sent = [0u8, 0];
    let frame = |(side, unit): &(Side, &str)| {
        let length = hex(unit).len();
        if length == 1 {
            return (*side, format!("6804 {unit} 000000"));
        }
        let number = &mut sent[usize::from(*side == Server)];
        *number += 2;
        (
            *side,
            format!("68{:02x} {:02x}00 0000 {unit}", length + 4, *number - 2),
        )
    };
    units.iter().map(frame).collect()
}

fn dialogue(units: &[(Side, &str)], expect: expect_test::Expect) {
    let messages = framed(units);
    let messages: Vec<(Side, &str)> = messages
        .iter()
        .map(|(side, text)| (*side, text.as_str()))
        .collect();
    check(&DECODER, &messages, expect);
}

#[test]
fn commands_end_as_their_confirmation_says() {
    dialogue(
        &[
            (Client, "07"), // start of data transfer
            (Server, "0b"),
            // Single command 1001: select on, execute on; both confirmed, the second ended.
            (Client, "2d 01 0600 0300 e90300 81"),
            (Server, "2d 01 0700 0300 e90300 81"),
            (Client, "2d 01 0600 0300 e90300 01"),
            (Server, "2d 01 0700 0300 e90300 01"),
            (Server, "2d 01 0a00 0300 e90300 01"),
            // Double command off: negative confirmation.
            (Client, "2e 01 0600 0300 ea0300 01"),
            (Server, "2e 01 4700 0300 ea0300 01"),
            // Step higher: unknown object. Floating set-point: cancelled. Scaled with time: ended without confirmation.
            (Client, "2f 01 0600 0300 eb0300 02"),
            (Server, "2f 01 6f00 0300 eb0300 02"),
            (Client, "32 01 0800 0300 ec0300 0000803f 00"),
            (Server, "32 01 0900 0300 ec0300 0000803f 00"),
            (Client, "3e 01 0600 0300 ed0300 6400 00 00000000000000"),
            (Server, "3e 01 0a00 0300 ed0300 6400 00 00000000000000"),
            // One that is not confirmed.
            (Client, "2d 01 0600 0300 ee0300 00"),
        ],
        expect![[r#"
            conversation protocol=iec104 state=answered packets=8/8 bytes=131/131
            operation operate "CA 3 IOA 1001" (type 45 C_SC_NA_1, single command, select, on) ok count=1 frames=[3, 4]
            operation operate "CA 3 IOA 1001" (type 45 C_SC_NA_1, single command, execute, on) ok count=1 frames=[5, 6]
            operation operate "CA 3 IOA 1002" (type 46 C_DC_NA_1, double command, execute, off, negative confirmation) refused count=1 frames=[8, 9]
            operation operate "CA 3 IOA 1003" (type 47 C_RC_NA_1, regulating step command, execute, higher, unknown object) refused count=1 frames=[10, 11]
            operation operate "CA 3 IOA 1004" (type 50 C_SE_NC_1, set-point, floating point, cancelled) ok count=1 frames=[12, 13]
            operation operate "CA 3 IOA 1005" (type 62 C_SE_TB_1, set-point, scaled, with time, execute) ok count=1 frames=[14, 15]
            operation operate "CA 3 IOA 1006" (type 45 C_SC_NA_1, single command, execute, off) unanswered count=1 frames=[16]
            identity 10.0.0.2 role=IEC 104 station with common address 3 stated
        "#]],
    );
}

#[test]
fn system_commands_parameters_and_reads_have_their_verbs_and_polls_are_counted() {
    dialogue(
        &[
            // Interrogation of every station, which two confirm; data, end.
            (Client, "64 01 0600 ffff 000000 14"),
            (Server, "64 01 0700 0300 000000 14"),
            (Server, "64 01 0700 0400 000000 14"),
            (Server, "01 01 1400 0300 010000 01"),
            (Server, "64 01 0a00 0300 000000 14"),
            // Again.
            (Client, "64 01 0600 ffff 000000 14"),
            (Server, "64 01 0700 0300 000000 14"),
            // Counters, with freeze; read of object 7, answered with its value.
            (Client, "65 01 0600 0300 000000 05"),
            (Server, "65 01 0700 0300 000000 05"),
            (Client, "65 01 0600 0300 000000 45"),
            (Server, "65 01 0700 0300 000000 45"),
            (Client, "66 01 0500 0300 070000"),
            (Server, "01 01 0500 0300 070000 01"),
            // Clock, reset, test, parameter.
            (Client, "67 01 0600 0300 000000 00000000000000"),
            (Server, "67 01 0700 0300 000000 00000000000000"),
            (Client, "69 01 0600 0300 000000 01"),
            (Server, "69 01 0700 0300 000000 01"),
            (Client, "68 01 0600 0300 000000 aa55"),
            (Server, "68 01 6c00 0300 000000 aa55"),
            (Client, "6e 01 0600 0300 640000 0100 01"),
            (Server, "6e 01 0700 0300 640000 0100 01"),
        ],
        expect![[r#"
            conversation protocol=iec104 state=answered packets=9/12 bytes=152/201
            operation read "every CA" (type 100 C_IC_NA_1, interrogation) ok count=2 frames=[1, 2, 7]
            operation read "CA 3" (type 101 C_CI_NA_1, counter interrogation) ok count=1 frames=[8, 9]
            operation write "CA 3" (type 101 C_CI_NA_1, counter freeze or reset) ok count=1 frames=[10, 11]
            operation read "CA 3 IOA 7" (type 102 C_RD_NA_1, read) ok count=1 frames=[12, 13]
            operation set-clock "CA 3" (type 103 C_CS_NA_1, clock synchronisation) ok count=1 frames=[14, 15]
            operation reset "CA 3" (type 105 C_RP_NA_1, reset process, general reset) ok count=1 frames=[16, 17]
            operation diagnose "CA 3" (type 104 C_TS_NA_1, test, unknown type) refused count=1 frames=[18, 19]
            operation parameter-change "CA 3 IOA 100" (type 110 P_ME_NA_1, parameter, normalised) ok count=1 frames=[20, 21]
            identity 10.0.0.2 role=IEC 104 station with common address 3 stated
            identity 10.0.0.2 role=IEC 104 station with common address 4 stated
        "#]],
    );
}

#[test]
fn files_are_one_operation_each_with_the_hash_of_their_segments() {
    dialogue(
        &[
            // Read file 1 of object 9: select, ready (6 octets), call, section, segments, last, acknowledged.
            (Client, "7a 01 0d00 0300 090000 0100 00 01"),
            (Server, "78 01 0d00 0300 090000 0100 060000 00"),
            (Client, "7a 01 0d00 0300 090000 0100 00 02"),
            (Server, "79 01 0d00 0300 090000 0100 01 060000 00"),
            (Client, "7a 01 0d00 0300 090000 0100 01 06"),
            (Server, "7d 01 0d00 0300 090000 0100 01 03 616263"),
            (Server, "7d 01 0d00 0300 090000 0100 01 03 646566"),
            (Server, "7b 01 0d00 0300 090000 0100 01 03 55"),
            (Client, "7c 01 0d00 0300 090000 0100 01 03"),
            (Server, "7b 01 0d00 0300 090000 0100 01 01 55"),
            (Client, "7c 01 0d00 0300 090000 0100 00 01"),
            // Write file 2: its end is not seen. File 3 is not ready. File 4 is deleted. The directory is called.
            (Client, "78 01 0d00 0300 090000 0200 040000 00"),
            (Server, "7a 01 0d00 0300 090000 0200 00 02"),
            (Client, "7d 01 0d00 0300 090000 0200 01 02 7879"),
            (Client, "7a 01 0d00 0300 090000 0300 00 01"),
            (Server, "78 01 0d00 0300 090000 0300 000000 80"),
            (Client, "7a 01 0d00 0300 090000 0400 00 04"),
            (Client, "7a 01 0500 0300 090000 0000 00 00"),
            (
                Server,
                "7e 01 0500 0300 090000 0100 060000 00 00000000000000",
            ),
            // A segment longer than its frame.
            (Server, "7d 01 0d00 0300 090000 0500 01 ff 00"),
        ],
        expect![[r#"
            conversation protocol=iec104 state=answered packets=10/10 bytes=194/215
            operation file-read "CA 3 IOA 9 file 1" (type 122 F_SC_NA_1, file selected) ok content=6 sha256=bef57ec7 count=1 frames=[1, 6, 7, 11]
            operation file-write "CA 3 IOA 9 file 2" (type 120 F_FR_NA_1, file given, content incomplete) ? count=1 frames=[12, 14]
            operation file-read "CA 3 IOA 9 file 3" (type 122 F_SC_NA_1, file selected, file not ready) refused count=1 frames=[15, 16]
            operation file-delete "CA 3 IOA 9 file 4" (type 122 F_SC_NA_1, file deleted) ? count=1 frames=[17]
            operation read "CA 3 IOA 9" (type 122 F_SC_NA_1, directory called) ok count=1 frames=[18, 19]
            oddity what=iec104.malformed detail=length frames=Numbers([20])
        "#]],
    );
}

#[test]
fn numbers_that_jump_and_units_that_mean_nothing_are_odd_and_the_talk_goes_on() {
    check_at(
        &DECODER,
        2404,
        &[
            (Server, "680e 0000 0000 01 01 0300 0300 010000 01"),
            (Server, "680e 0800 0000 01 01 0300 0300 010000 01"), // number 4 after 0
            (Client, "6804 0100 0a00"),                           // receipt
            (Client, "680e 0000 0000 5f 01 0600 0300 000000 00"), // a type that nobody defined
            (Client, "680a 0200 0000 00 01 0600 0300"),           // type 0, cut
            (Server, "69"),                                       // no frame at all
            (Server, "6804 4300 0000"),                           // a test, at the next segment
            (Server, "680e 0a00 0000 2d 01 0700 0300 e90300 01"), // confirms what nobody asked
        ],
        expect![[r#"
            conversation protocol=iec104 state=answered packets=3/5 bytes=34/55
            identity 10.0.0.2 role=IEC 104 station with common address 3 stated
            oddity what=iec104.sequence frames=Numbers([2])
            oddity what=iec104.unknown_command detail=type 95 frames=Numbers([4])
            oddity what=iec104.malformed detail=type frames=Numbers([5])
            oddity what=protocol.malformed detail=iec104: start octet frames=Numbers([6])
            oddity what=iec104.confirmation_without_request frames=Numbers([8])
        "#]],
    );
}

#[test]
fn content_tells_it_from_others() {
    let told = |port: u16, text: &str| {
        (DECODER.probe)(&Head {
            bytes: &hex(text),
            udp: false,
            from: 50000,
            to: port,
            first: true,
            open: true,
        })
    };
    assert_eq!(told(4000, "6804 07 000000"), Probe::Ours(Sender::Client));
    assert_eq!(told(4000, "6804 0b 000000"), Probe::Ours(Sender::Server));
    assert_eq!(told(4000, "68"), Probe::NeedMore);
    assert_eq!(told(4000, "6804 07 000000 16"), Probe::NotOurs);
    // Data only at the port, and the cause tells who speaks.
    let (act, con) = (
        "680e 0000 0000 2d 01 0600 0300 e90300 01",
        "680e 0000 0000 2d 01 0700 0300 e90300 01",
    );
    assert_eq!(told(4000, act), Probe::NotOurs);
    assert_eq!(told(2404, act), Probe::Ours(Sender::Client));
    assert_eq!(told(2404, con), Probe::Ours(Sender::Server));
    assert_eq!(told(2404, "6803 07 000000"), Probe::NotOurs);
}

#[test]
fn a_gap_leaves_open_how_it_ended_and_is_no_jump_of_numbers() {
    let frame = |side: Side, text: &str| (side, hex(text));
    let told = with_gap(
        &DECODER,
        &[
            frame(Client, "680e 0000 0000 2d 01 0600 0300 e90300 01"),
            frame(Server, "680e 0000 0000 01 01 0300 0300 010000 01"),
        ],
        (Server, 16),
        &[
            // Confirms what was asked in the gap; the next is asked and confirmed as ever.
            frame(Server, "680e 0600 0000 2d 01 0700 0300 ea0300 01"),
            frame(Client, "680e 0400 0000 2d 01 0600 0300 eb0300 01"),
            frame(Server, "680e 0800 0000 2d 01 0700 0300 eb0300 01"),
        ],
    );
    expect![[r#"
        conversation protocol=iec104 state=answered packets=2/3 bytes=32/48
        operation operate "CA 3 IOA 1001" (type 45 C_SC_NA_1, single command, execute, on) ? count=1 frames=[1]
        operation operate "CA 3 IOA 1002" (type 45 C_SC_NA_1, single command, execute, on) ok count=1 frames=[4]
        operation operate "CA 3 IOA 1003" (type 45 C_SC_NA_1, single command, execute, on) ok count=1 frames=[5, 6]
        identity 10.0.0.2 role=IEC 104 station with common address 3 stated
    "#]].assert_eq(&told);
}
