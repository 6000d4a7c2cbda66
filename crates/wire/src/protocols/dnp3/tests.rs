use expect_test::{Expect, expect};

use super::{DECODER, link};
use crate::Side::{Client, Server};
use crate::protocols::asking::with_gap;
use crate::testing::{check, hex, render, run};
use crate::{Head, Probe, Side};

/// Messages of user data (transport header, application layer) as frames between master 1 and outstation 10.
fn framed<'a>(messages: &[(Side, &'a str)]) -> Vec<(Side, Vec<u8>)> {
    let frame = |(side, text): &(Side, &'a str)| match side {
        Client => (Client, link::frame(0xc4, 10, 1, &hex(text))),
        Server => (Server, link::frame(0x44, 1, 10, &hex(text))),
    };
    messages.iter().map(frame).collect()
}

fn dialogue(messages: &[(Side, &str)], expect: Expect) {
    expect.assert_eq(&render(&run(&DECODER, None, &framed(messages))));
}

#[test]
fn cyclic_reads_of_classes_are_one_row_with_a_count_at_any_port() {
    // Read of classes 1, 2, 3 and 0, and an answer without objects.
    let mut messages = Vec::new();
    for sequence in 0..3u8 {
        let number = format!("c{sequence} c{sequence}");
        messages.push((
            Client,
            format!("{number} 01 3c02 06 3c03 06 3c04 06 3c01 06"),
        ));
        messages.push((Server, format!("{number} 81 0000")));
    }
    let messages: Vec<(Side, &str)> = messages
        .iter()
        .map(|(side, text)| (*side, text.as_str()))
        .collect();
    expect![[r#"
        conversation protocol=dnp3 state=answered packets=3/3 bytes=81/51
        operation read "outstation 10 g60v2, g60v3, g60v4, g60v1" (function 1, read, classes) ok count=3 frames=[1, 2, 4, 6]
        identity 10.0.0.1 role=DNP3 master 1 stated
        identity 10.0.0.2 role=DNP3 outstation 10 stated
    "#]]
    .assert_eq(&render(&run(&DECODER, Some(4000), &framed(&messages))));
}

#[test]
fn controls_are_told_with_code_status_and_whether_they_were_allowed() {
    dialogue(
        &[
            // Select a relay: latch on. Echoed with status 0.
            (
                Client,
                "c0 c0 03 0c01 28 0100 0300 03 01 64000000 64000000 00",
            ),
            (
                Server,
                "c0 c0 81 0000 0c01 28 0100 0300 03 01 64000000 64000000 00",
            ),
            // Operate it: status 2, not selected.
            (
                Client,
                "c1 c1 04 0c01 28 0100 0300 03 01 64000000 64000000 00",
            ),
            (
                Server,
                "c1 c1 81 0000 0c01 28 0100 0300 03 01 64000000 64000000 02",
            ),
            // Direct operate two relays: trip; parameter error.
            (
                Client,
                "c2 c2 05 0c01 17 02 05 81 01 64000000 64000000 00 06 81 01 64000000 64000000 00",
            ),
            (Server, "c2 c2 81 0004"),
            // An analog output without an answer, one that is not answered.
            (Client, "c3 c3 06 2902 28 0100 0700 3412 00"),
            (Client, "c4 c4 05 2902 28 0100 0700 3412 00"),
        ],
        expect![[r#"
            conversation protocol=dnp3 state=answered packets=5/3 bytes=165/91
            operation operate "outstation 10 g12v1[3]" (function 3, select, control relay: latch on) ok count=1 frames=[1, 2]
            operation operate "outstation 10 g12v1[3]" (function 4, operate, control relay: latch on, not selected before) refused count=1 frames=[3, 4]
            operation operate "outstation 10 g12v1[5,6]" (function 5, direct operate, control relay: pulse on, trip, parameter error) refused count=1 frames=[5, 6]
            operation operate "outstation 10 g41v2[7]" (function 6, direct operate, no answer wanted, analog output) ? count=1 frames=[7]
            operation operate "outstation 10 g41v2[7]" (function 5, direct operate, analog output) unanswered count=1 frames=[8]
            identity 10.0.0.1 role=DNP3 master 1 stated
            identity 10.0.0.2 role=DNP3 outstation 10 stated
        "#]],
    );
}

#[test]
fn each_family_of_functions_has_its_verb() {
    let ok = "c0 c0 81 0000";
    let mut messages = Vec::new();
    for ask in [
        "c0 c0 02 3201 07 01 000000000000", // set the time
        "c0 c0 02 5001 00 07 07 00",        // clear the restart indication
        "c0 c0 02 2201 17 01 05 6400",      // dead band
        "c0 c0 07 1400 06",                 // freeze counters
        "c0 c0 0d",                         // cold restart
        "c0 c0 0e",                         // warm restart
        "c0 c0 11 5a01 06",                 // start application
        "c0 c0 12 5a01 06",                 // stop application
        "c0 c0 13",                         // save configuration
        "c0 c0 14 3c02 06",                 // enable unsolicited
        "c0 c0 15 3c02 06",                 // disable unsolicited
        "c0 c0 16 3c02 06 0100 06",         // assign class
        "c0 c0 17",                         // measure delay
        "c0 c0 18",                         // record time
        "c0 c0 1f 6e05 5b 01 0100 78",      // activate configuration
    ] {
        messages.push((Client, ask));
        messages.push((Server, ok));
    }
    // One that the outstation does not know.
    messages.push((Client, "c0 c0 0d"));
    messages.push((Server, "c0 c0 81 0001"));
    dialogue(
        &messages,
        expect![[r#"
            conversation protocol=dnp3 state=answered packets=16/16 bytes=291/272
            operation set-clock "outstation 10 g50v1" (function 2, write, time and date) ok count=1 frames=[1, 2]
            operation write "outstation 10 g80v1[7]" (function 2, write, internal indications) ok count=1 frames=[3, 4]
            operation parameter-change "outstation 10 g34v1[5]" (function 2, write, analog dead bands) ok count=1 frames=[5, 6]
            operation write "outstation 10 g20v0" (function 7, freeze, counters) ok count=1 frames=[7, 8]
            operation reset "outstation 10" (function 13, cold restart) ok count=1 frames=[9, 10]
            operation reset "outstation 10" (function 14, warm restart) ok count=1 frames=[11, 12]
            operation start "outstation 10 g90v1" (function 17, start application) ok count=1 frames=[13, 14]
            operation stop "outstation 10 g90v1" (function 18, stop application) ok count=1 frames=[15, 16]
            operation configure "outstation 10" (function 19, save configuration) ok count=1 frames=[17, 18]
            operation configure "outstation 10 g60v2" (function 20, enable unsolicited messages, classes) ok count=1 frames=[19, 20]
            operation configure "outstation 10 g60v2" (function 21, disable unsolicited messages, classes) ok count=1 frames=[21, 22]
            operation configure "outstation 10 g60v2, g1v0" (function 22, assign class, classes) ok count=1 frames=[23, 24]
            operation diagnose "outstation 10" (function 23, measure delay) ok count=1 frames=[25, 26]
            operation diagnose "outstation 10" (function 24, record current time) ok count=1 frames=[27, 28]
            operation configure "outstation 10 g110v5" (function 31, activate configuration, octet strings) ok count=1 frames=[29, 30]
            operation reset "outstation 10" (function 13, cold restart, function not supported) refused count=1 frames=[31, 32]
            identity 10.0.0.1 role=DNP3 master 1 stated
            identity 10.0.0.2 role=DNP3 outstation 10 stated
        "#]],
    );
}

#[test]
fn a_file_is_one_operation_with_the_hash_of_all_its_blocks() {
    dialogue(
        &[
            // User op with a password, answered with a key.
            (
                Client,
                "c0 c0 1d 4602 5b 01 1000 0c00 0200 0e00 0200 00000000 6f70 7077",
            ),
            (Server, "c0 c0 81 0000"),
            // Open a.txt to be read: handle 7.
            (
                Client,
                "c1 c1 19 4603 5b 01 1f00 1a00 0500 000000000000 0000 00000000 00000000 0100 0004 0100 612e747874",
            ),
            (
                Server,
                "c1 c1 81 0000 4604 5b 01 0d00 07000000 06000000 0004 0100 00",
            ),
            (Client, "c2 c2 01 4605 5b 01 0800 07000000 00000000"),
            (
                Server,
                "c2 c2 81 0000 4605 5b 01 0b00 07000000 00000000 616263",
            ),
            (Client, "c3 c3 01 4605 5b 01 0800 07000000 01000000"),
            (
                Server,
                "c3 c3 81 0000 4605 5b 01 0b00 07000000 01000080 646566",
            ),
            (
                Client,
                "c4 c4 1a 4604 5b 01 0d00 07000000 00000000 0000 0200 00",
            ),
            (
                Server,
                "c4 c4 81 0000 4604 5b 01 0d00 07000000 00000000 0000 0200 00",
            ),
            // Open b to be written: handle 8; the end is not seen.
            (
                Client,
                "c5 c5 19 4603 5b 01 1b00 1a00 0100 000000000000 0000 00000000 00000000 0200 0004 0300 62",
            ),
            (
                Server,
                "c5 c5 81 0000 4604 5b 01 0d00 08000000 00000000 0004 0300 00",
            ),
            (Client, "c6 c6 02 4605 5b 01 0a00 08000000 00000000 7879"),
            (Server, "c6 c6 81 0000 4606 5b 01 0900 08000000 00000000 00"),
            // Open c: not found. Delete a.txt.
            (
                Client,
                "c7 c7 19 4603 5b 01 1b00 1a00 0100 000000000000 0000 00000000 00000000 0100 0004 0400 63",
            ),
            (
                Server,
                "c7 c7 81 0000 4604 5b 01 0d00 00000000 00000000 0004 0400 03",
            ),
            (
                Client,
                "c8 c8 1b 4603 5b 01 1f00 1a00 0500 000000000000 0000 00000000 00000000 0000 0000 0500 612e747874",
            ),
            (
                Server,
                "c8 c8 81 0000 4604 5b 01 0d00 00000000 00000000 0000 0500 00",
            ),
        ],
        expect![[r#"
            conversation protocol=dnp3 state=answered packets=9/9 bytes=386/313
            operation authenticate "outstation 10 g70v2" (function 29, authenticate file, files) ok count=1 frames=[1, 2]
            operation file-read "outstation 10 a.txt" (function 25, open file, to be read) ok content=6 sha256=bef57ec7 count=1 frames=[3, 6, 8, 10]
            operation file-write "outstation 10 b" (function 25, open file, to be written, content incomplete) ? count=1 frames=[11, 13]
            operation file-read "outstation 10 c" (function 25, open file, to be read, file not found) refused count=1 frames=[15, 16]
            operation file-delete "outstation 10 a.txt" (function 27, delete file) ok count=1 frames=[17, 18]
            identity 10.0.0.1 role=DNP3 master 1 stated
            identity 10.0.0.2 role=DNP3 outstation 10 stated
            credential protocol=dnp3 client=10.0.0.1 server=10.0.0.2 what=password user=op frames=Numbers([1])
        "#]],
    );
}

#[test]
fn device_attributes_name_the_device_and_a_fragment_may_come_in_segments() {
    dialogue(
        &[
            // Read attribute 252 of set 0; the answer comes in two segments.
            (Client, "c0 c0 01 00fc 00 00 00"),
            (Server, "40 c0 81 0000 00fc 00 00 00 01 05 41 63"),
            (Server, "81 6d 65 21"),
            // The second segment of another answer never comes: the next message is read all the same.
            (Client, "c1 c1 01 00fa 00 00 00"),
            (Server, "42 c1 81 0000 00fa 00 00 00 01 05 52"),
            (Client, "c2 c2 17"),
            (Server, "c3 c2 81 0000"),
        ],
        expect![[r#"
            conversation protocol=dnp3 state=answered packets=3/4 bytes=55/84
            operation read "outstation 10 g0v252[0]" (function 1, read, device attributes) ok count=1 frames=[1, 3]
            operation read "outstation 10 g0v250[0]" (function 1, read, device attributes) unanswered count=1 frames=[4]
            operation diagnose "outstation 10" (function 23, measure delay) ok count=1 frames=[6, 7]
            identity 10.0.0.1 role=DNP3 master 1 stated
            identity 10.0.0.2 role=DNP3 outstation 10 stated
            identity 10.0.0.2 maker=Acme! stated
        "#]],
    );
}

#[test]
fn a_challenge_leaves_the_request_waiting_until_it_is_met() {
    dialogue(
        &[
            (
                Client,
                "c0 c0 05 0c01 28 0100 0100 03 01 64000000 64000000 00",
            ),
            (Server, "c0 c0 83 0000 7801 5b 01 0400 00000000"),
            (Client, "c1 c0 20 7802 5b 01 0400 00000000"),
            (
                Server,
                "c1 c0 81 0000 0c01 28 0100 0100 03 01 64000000 64000000 00",
            ),
            (
                Client,
                "c2 c1 05 0c01 28 0100 0100 03 01 64000000 64000000 00",
            ),
            (Server, "c2 c1 83 0000 7807 5b 01 0400 00000000"),
        ],
        expect![[r#"
            conversation protocol=dnp3 state=answered packets=3/3 bytes=95/91
            operation operate "outstation 10 g12v1[1]" (function 5, direct operate, control relay: latch on) ok count=1 frames=[1, 4]
            operation authenticate "outstation 10 g120v2" (function 32, authentication, authentication) ok count=1 frames=[3, 4]
            operation operate "outstation 10 g12v1[1]" (function 5, direct operate, control relay: latch on, authentication failed) refused count=1 frames=[5, 6]
            identity 10.0.0.1 role=DNP3 master 1 stated
            identity 10.0.0.2 role=DNP3 outstation 10 stated
        "#]],
    );
}

#[test]
fn an_answer_under_way_when_the_capture_begins_and_hostile_counts_invent_nothing() {
    dialogue(
        &[
            (Server, "c0 c5 81 0000"),
            // An outstation reports unasked, and is confirmed.
            (Server, "c1 f0 82 0000 0201 28 0100 0000 81"),
            (Client, "c0 d0 00"),
            // A count of 2^32-1 relays, a range that ends before it starts, an unknown function.
            (Client, "c1 c1 05 0c01 39 ffffffff 00000000 03"),
            (Client, "c2 c2 01 0100 01 0900 0100"),
            (Client, "c3 c3 7e"),
        ],
        expect![[r#"
            conversation protocol=dnp3 state=answered packets=4/2 bytes=79/42
            operation operate "outstation 10" (function 5, direct operate) unanswered count=1 frames=[4]
            operation read "outstation 10" (function 1, read) unanswered count=1 frames=[5]
            identity 10.0.0.2 role=DNP3 outstation 10 stated
            identity 10.0.0.1 role=DNP3 master 1 stated
            oddity what=dnp3.answer_without_request frames=Numbers([1])
            oddity what=dnp3.malformed detail=function frames=Numbers([6])
        "#]],
    );
    // A block whose checksum does not hold is not read.
    let mut broken = link::frame(0xc4, 10, 1, &hex("c0 c0 0d"));
    *broken.last_mut().unwrap() ^= 1;
    let good = link::frame(0xc4, 0xffff, 1, &hex("c1 c1 0e"));
    let facts = run(&DECODER, None, &[(Client, broken), (Client, good)]);
    expect![[r#"
        conversation protocol=dnp3 state=unanswered packets=2/0 bytes=30/0
        operation reset "all outstations" (function 14, warm restart) ? count=1 frames=[2]
        identity 10.0.0.1 role=DNP3 master 1 stated
        oddity what=dnp3.checksum frames=Numbers([1])
    "#]]
    .assert_eq(&render(&facts));
}

#[test]
fn what_is_not_dnp3_is_not_taken_for_it() {
    let told = |bytes: &[u8]| {
        (DECODER.probe)(&Head {
            bytes,
            udp: false,
            from: 50000,
            to: 20000,
            first: true,
            open: true,
        })
    };
    assert_eq!(told(&hex("05")), Probe::NeedMore);
    assert_eq!(told(&hex("0564 05c9")), Probe::NeedMore);
    assert_eq!(told(&hex("0565")), Probe::NotOurs);
    assert_eq!(told(&hex("0564 05 c9 0100 0000 de8f")), Probe::NotOurs);
    check(
        &DECODER,
        &[(Client, "0564 05 c9 0100 0000 de8e")], // request link status
        expect![[r#"
            conversation protocol=dnp3 state=unanswered packets=1/0 bytes=10/0
            identity 10.0.0.1 role=DNP3 master 0 stated
        "#]],
    );
}

#[test]
fn a_gap_leaves_open_how_it_ended_and_the_talk_goes_on() {
    let told = with_gap(
        &DECODER,
        &framed(&[
            // Open a file, which is handle 7, and its first block; a restart.
            (
                Client,
                "c1 c1 19 4603 5b 01 1b00 1a00 0100 000000000000 0000 00000000 00000000 0100 0004 0100 61",
            ),
            (
                Server,
                "c1 c1 81 0000 4604 5b 01 0d00 07000000 06000000 0004 0100 00",
            ),
            (Client, "c2 c2 01 4605 5b 01 0800 07000000 00000000"),
            (
                Server,
                "c2 c2 81 0000 4605 5b 01 0b00 07000000 00000000 616263",
            ),
            (Client, "c3 c3 0d"),
        ]),
        (Server, 40),
        &framed(&[
            (Client, "c4 c4 0e"),
            (Server, "c4 c4 81 0000"),
            (
                Client,
                "c5 c5 1a 4604 5b 01 0d00 07000000 00000000 0000 0200 00",
            ),
            (
                Server,
                "c5 c5 81 0000 4604 5b 01 0d00 07000000 00000000 0000 0200 00",
            ),
        ]),
    );
    expect![[r#"
        conversation protocol=dnp3 state=answered packets=5/4 bytes=149/129
        operation file-read "outstation 10 a" (function 25, open file, to be read, content incomplete) ok count=1 frames=[1, 4, 10]
        operation reset "outstation 10" (function 13, cold restart) ? count=1 frames=[5]
        operation reset "outstation 10" (function 14, warm restart) ok count=1 frames=[7, 8]
        identity 10.0.0.1 role=DNP3 master 1 stated
        identity 10.0.0.2 role=DNP3 outstation 10 stated
    "#]].assert_eq(&told);
}
