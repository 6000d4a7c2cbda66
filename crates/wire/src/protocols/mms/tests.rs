use expect_test::{Expect, expect};

use super::DECODER;
use crate::Side::{Client, Server};
use crate::protocols::asking::with_gap;
use crate::testing::{check, check_at, hex};
use crate::{Head, Probe, Sender, Side};

/// Connection request and its confirmation (RFC 905, 13.3 and 13.4).
const CONNECT: [(Side, &str); 2] = [
    (Client, "0300 000b 06 e0 0000 0001 00"),
    (Server, "0300 000b 06 d0 0001 0001 00"),
];

fn packet(content: &str) -> String {
    let length = hex(content).len() + 7;
    format!("0300 {length:04x} 02 f0 80 {content}")
}

/// An element of fewer than 128 octets.
fn element(tag: &str, content: &str) -> String {
    format!("{tag} {:02x} {content}", hex(content).len())
}

/// An MMS message with session and presentation around it.
fn presented(mms: &str) -> String {
    let value = element("a0", mms);
    let list = element("30", &format!("020103 {value}"));
    format!("0100 0100 {}", element("61", &list))
}

fn dialogue(messages: &[(Side, &str)], expect: Expect) {
    let messages: Vec<(Side, String)> = messages
        .iter()
        .map(|(side, mms)| (*side, packet(&presented(mms))))
        .collect();
    let messages: Vec<(Side, &str)> = CONNECT
        .into_iter()
        .chain(messages.iter().map(|(side, text)| (*side, text.as_str())))
        .collect();
    check(&DECODER, &messages, expect);
}

/// A variable of domain `D`, as a list of one.
fn variable(item: &str) -> String {
    let item: String = item.bytes().map(|byte| format!("{byte:02x}")).collect();
    let name = element("a1", &format!("1a 01 44 {}", element("1a", &item)));
    element("a0", &element("30", &element("a0", &name)))
}

fn request(number: u8, service: &str, content: &str) -> String {
    element(
        "a0",
        &format!("0201 {number:02x} {}", element(service, content)),
    )
}

fn answer(number: u8, service: &str, content: &str) -> String {
    element(
        "a1",
        &format!("0201 {number:02x} {}", element(service, content)),
    )
}

/// An error, of class (its tag) and code.
fn error(number: u8, class: &str, code: u8) -> String {
    let class = element("a0", &format!("{class} 01 {code:02x}"));
    element(
        "a2",
        &format!("80 01 {number:02x} {}", element("a2", &class)),
    )
}

fn played(messages: &[(Side, String)], expect: Expect) {
    let messages: Vec<(Side, &str)> = messages
        .iter()
        .map(|(side, text)| (*side, text.as_str()))
        .collect();
    dialogue(&messages, expect);
}

#[test]
fn an_association_with_a_password_is_recognised_at_any_port() {
    // Initiate, in an association request with password "pw", in a presentation connect, in a session connect.
    let initiate = element("a0", &element("a8", "80 01 05 81 02 0005"));
    let information = element("be", &element("28", &format!("020103 {initiate}")));
    let password = element("ac", "80 02 7077");
    let association = element(
        "60",
        &format!("a1 07 0605 28ca220203 {password} {information}"),
    );
    let list = element("30", &format!("020101 {}", element("a0", &association)));
    let normal = element("a2", &element("61", &list));
    let connect = element("c1", &element("31", &format!("a0 03 8001 01 {normal}")));
    let connect = element("0d", &connect);
    let (connect, ask, told) = (
        packet(&connect),
        packet(&presented("a0 05 0201 01 82 00")),
        packet(&presented(
            "a1 11 0201 01 a2 0c 80 02 4142 81 02 4d31 82 02 5231",
        )),
    );
    check_at(
        &DECODER,
        4000,
        &[
            CONNECT[0],
            CONNECT[1],
            (Client, &connect),
            (Client, &ask),
            (Server, &told),
        ],
        expect![[r#"
            conversation protocol=mms state=answered packets=3/2 bytes=102/50
            operation identify (identify) ok count=1 frames=[4, 5]
            identity 10.0.0.2 firmware=R1 stated
            identity 10.0.0.2 maker=AB stated
            identity 10.0.0.2 model=M1 stated
            credential protocol=mms client=10.0.0.1 server=10.0.0.2 what=password frames=Numbers([1])
        "#]],
    );
}

#[test]
fn writes_to_controls_settings_and_control_blocks_have_their_verbs() {
    let mut messages = Vec::new();
    for (number, item) in [
        "X$CO$Pos$SBOw",
        "X$CO$Pos$Oper",
        "X$CO$Pos$Cancel",
        "X$SP$Lim",
        "X$CF$Mod",
        "X$BR$b01$RptEna",
        "X$ST$v",
    ]
    .into_iter()
    .enumerate()
    {
        let number = u8::try_from(number).unwrap() + 1;
        let content = format!("{} a0 03 83 01 01", variable(item));
        messages.push((Client, request(number, "a5", &content)));
        messages.push((Server, answer(number, "a5", "81 00")));
    }
    // Refused: object access denied. And the select before operate, which is a read.
    let content = format!("{} a0 03 83 01 01", variable("X$CO$Pos$Oper"));
    messages.push((Client, request(9, "a5", &content)));
    messages.push((Server, answer(9, "a5", "80 01 03")));
    let inner = variable("X$CO$Pos$SBO");
    let content = element("a1", &inner);
    messages.push((Client, request(10, "a4", &content)));
    messages.push((Server, answer(10, "a4", "a1 03 8a 01 41")));
    played(
        &messages,
        expect![[r#"
            conversation protocol=mms state=answered packets=10/10 bytes=516/276
            operation operate "D/X$CO$Pos$SBOw" (write, control: select with value) ok count=1 frames=[1, 4]
            operation operate "D/X$CO$Pos$Oper" (write, control: operate) ok count=1 frames=[5, 6]
            operation operate "D/X$CO$Pos$Cancel" (write, control: cancel) ok count=1 frames=[7, 8]
            operation parameter-change "D/X$SP$Lim" (write, setting) ok count=1 frames=[9, 10]
            operation configure "D/X$CF$Mod" (write, configuration) ok count=1 frames=[11, 12]
            operation configure "D/X$BR$b01$RptEna" (write, control block) ok count=1 frames=[13, 14]
            operation write "D/X$ST$v" (write) ok count=1 frames=[15, 16]
            operation operate "D/X$CO$Pos$Oper" (write, control: operate, object access denied) refused count=1 frames=[17, 18]
            operation operate "D/X$CO$Pos$SBO" (read, control: select) ok count=1 frames=[19, 20]
        "#]],
    );
}

#[test]
fn reads_are_counted_and_name_plates_name_the_device() {
    let ask = |number: u8, item: &str| {
        let inner = variable(item);
        let content = element("a1", &inner);
        (Client, request(number, "a4", &content))
    };
    let messages = vec![
        ask(1, "L$MX$A"),
        (Server, answer(1, "a4", "a1 03 85 01 07")),
        ask(2, "L$MX$A"),
        (Server, answer(2, "a4", "a1 03 85 01 08")),
        ask(3, "L$DC$PhyNam$vendor"),
        (Server, answer(3, "a4", "a1 05 8a 03 414243")),
        ask(4, "L$MX$B"),
        // Object non-existent, as a result and as an error of access.
        (Server, answer(4, "a4", "a1 03 80 01 0a")),
        ask(5, "L$MX$B"),
        (Server, error(5, "87", 2)),
        ask(6, "L$MX$C"),
    ];
    played(
        &messages,
        expect![[r#"
            conversation protocol=mms state=answered packets=7/6 bytes=311/173
            operation read "D/L$MX$A" (read) ok count=2 frames=[1, 4, 6]
            operation read "D/L$DC$PhyNam$vendor" (read) ok count=1 frames=[7, 8]
            operation read "D/L$MX$B" (read, object non-existent) refused count=2 frames=[9, 10, 11, 12]
            operation read "D/L$MX$C" (read) unanswered count=1 frames=[13]
            identity 10.0.0.2 maker=ABC stated
        "#]],
    );
}

#[test]
fn programs_domains_and_control_have_their_verbs() {
    let named = "80 02 5031"; // P1
    let messages = vec![
        (Client, request(1, "bf28", named)), // start
        (Server, answer(1, "bf28", "")),
        (Client, request(2, "bf29", named)), // stop, refused: service error 1
        (Server, error(2, "84", 1)),
        (Client, request(3, "bf2b", named)), // reset
        (Server, answer(3, "bf2b", "")),
        (Client, request(4, "bf2c", named)), // kill, rejected
        (Server, "a4 06 80 01 04 81 01 01".to_owned()),
        (Client, request(5, "9f24", "4431")), // delete domain D1
        (Server, answer(5, "9f24", "")),
        (Client, request(6, "b3", "a0 05 80 03 534531")), // take control of semaphore SE1
        (Server, answer(6, "b3", "80 00")),
        (Client, request(7, "b4", "80 03 534531")), // give it back
        (Server, answer(7, "b4", "")),
        (Client, request(8, "a1", "a0 03 80 01 09 a1 02 80 00")), // names of domains
        (Server, answer(8, "a1", "a0 00")),
    ];
    played(
        &messages,
        expect![[r#"
            conversation protocol=mms state=answered packets=9/9 bytes=271/240
            operation start "P1" (start) ok count=1 frames=[1, 4]
            operation stop "P1" (stop, service error 1) refused count=1 frames=[5, 6]
            operation reset "P1" (reset) ok count=1 frames=[7, 8]
            operation stop "P1" (kill, rejected) refused count=1 frames=[9, 10]
            operation program-delete "D1" (deleteDomain) ok count=1 frames=[11, 12]
            operation lock "SE1" (takeControl) ok count=1 frames=[13, 14]
            operation unlock "SE1" (relinquishControl) ok count=1 frames=[15, 16]
            operation read (getNameList, domains) ok count=1 frames=[17, 18]
        "#]],
    );
}

#[test]
fn files_and_domains_are_one_operation_each_with_a_hash() {
    let messages = vec![
        // Open a.txt of 6 octets, read it in two pieces, close it.
        (
            Client,
            request(1, "bf48", "a0 07 19 05 612e747874 81 01 00"),
        ),
        (Server, answer(1, "bf48", "80 01 07 a1 03 80 01 06")),
        (Client, request(2, "9f49", "07")),
        (Server, answer(2, "bf49", "80 03 616263")),
        (Client, request(3, "9f49", "07")),
        (Server, answer(3, "bf49", "80 03 646566 81 01 00")),
        (Client, request(4, "9f4a", "07")),
        (Server, answer(4, "9f4a", "")),
        // One that is not there, one deleted, one given.
        (Client, request(5, "bf48", "a0 03 19 01 62 81 01 00")),
        (Server, error(5, "8b", 7)),
        (Client, request(6, "bf4c", "19 01 63")),
        (Server, answer(6, "9f4c", "")),
        (Client, request(7, "bf2e", "a1 03 19 01 64 a2 03 19 01 65")),
        (Server, answer(7, "9f2e", "")),
        // Domain D1 goes down: the server asks for the pieces.
        (Client, request(8, "ba", "80 02 4431 a1 00 82 01 00")),
        (Server, answer(8, "9a", "")),
        (Server, request(1, "9b", "4431")),
        (Client, answer(1, "bb", "80 03 616263 81 01 00")),
        (Server, request(2, "bc", "80 02 4431")),
        (Client, answer(2, "9c", "")),
        // And up again, but a piece is refused.
        (Client, request(9, "9d", "4431")),
        (Server, answer(9, "bd", "80 01 03 a1 00")),
        (Client, request(10, "9e", "03")),
        (Server, answer(10, "be", "80 02 6162")),
        (Client, request(11, "9e", "03")),
        (Server, error(11, "83", 0)),
        (Client, request(12, "9f1f", "03")),
        (Server, answer(12, "9f1f", "")),
    ];
    played(
        &messages,
        expect![[r#"
            conversation protocol=mms state=answered packets=15/15 bytes=455/442
            operation file-read "a.txt" (fileOpen) ok content=6 sha256=bef57ec7 count=1 frames=[1, 6, 8, 10]
            operation file-read "b" (fileOpen, file non-existent) refused count=1 frames=[11, 12]
            operation file-delete "c" (fileDelete) ok count=1 frames=[13, 14]
            operation file-write "e" (obtainFile) ok count=1 frames=[15, 16]
            operation program-download "D1" (initiateDownloadSequence) ok content=3 sha256=ba7816bf count=1 frames=[17, 20, 22]
            operation program-upload "D1" (initiateUploadSequence, content incomplete) ok count=1 frames=[23, 26, 30]
        "#]],
    );
}

#[test]
fn units_in_parts_hostile_lengths_and_answers_alone_invent_nothing() {
    let whole = presented(&request(1, "82", ""));
    let octets: Vec<String> = hex(&whole)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let (first, second) = octets.split_at(9);
    let first = format!("0300 {:04x} 02 f0 00 {}", first.len() + 7, first.concat());
    let second = packet(&second.concat());
    let (alone, long, report) = (
        packet(&presented(&answer(9, "a4", "a1 00"))),
        packet("0100 0100 61 84 ffffffff"),
        packet(&presented("a3 08 a0 06 80 01 41 a0 01 00")),
    );
    check(
        &DECODER,
        &[
            CONNECT[0],
            CONNECT[1],
            (Client, &first),
            (Client, &second),
            (Server, &alone),
            (Server, &long),
            (Server, &report),
        ],
        expect![[r#"
            conversation protocol=mms state=answered packets=3/4 bytes=45/87
            operation identify (identify) unanswered count=1 frames=[1]
            oddity what=mms.answer_without_request frames=Numbers([2])
            oddity what=mms.malformed detail=presentation frames=Numbers([6])
        "#]],
    );
}

#[test]
fn the_port_that_it_shares_does_not_make_it_mms() {
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
    // S7comm set-up, S7comm-plus, a connection request only.
    assert_eq!(
        told(
            102,
            "0300 0019 02 f0 80 32 01 0000 0400 0008 0000 f0 00 0001 0001 01e0"
        ),
        Probe::NotOurs
    );
    assert_eq!(told(102, "0300 000b 02 f0 80 72 01 0000"), Probe::NotOurs);
    assert_eq!(told(102, CONNECT[0].1), Probe::NeedMore);
    // A request with its session at any port, without one only where MMS is at home.
    let identify = request(1, "82", "");
    assert_eq!(
        told(4000, &packet(&presented(&identify))),
        Probe::Ours(Sender::Client)
    );
    assert_eq!(told(102, &packet(&identify)), Probe::Ours(Sender::Client));
    assert_eq!(told(4000, &packet(&identify)), Probe::NotOurs);
    // A session for something else.
    assert_eq!(
        told(102, &packet("0d 08 c1 06 31 04 a0 02 80 00")),
        Probe::NotOurs
    );
}

#[test]
fn a_gap_leaves_open_how_it_ended_and_a_file_without_its_hash() {
    let message = |side: Side, mms: String| (side, hex(&packet(&presented(&mms))));
    let told = with_gap(
        &DECODER,
        &[
            message(Client, request(1, "bf48", "a0 03 19 01 61 81 01 00")),
            message(Server, answer(1, "bf48", "80 01 07")),
            message(Client, request(2, "82", "")),
        ],
        (Server, 60),
        &[
            message(Client, request(4, "9f49", "07")),
            message(Server, answer(4, "bf49", "80 03 646566 81 01 00")),
            message(Client, request(5, "9f4a", "07")),
            message(Server, answer(5, "9f4a", "")),
        ],
    );
    expect![[r#"
        conversation protocol=mms state=answered packets=4/3 bytes=121/95
        operation file-read "a" (fileOpen, content incomplete) ok count=1 frames=[1, 6, 8]
        operation identify (identify) ? count=1 frames=[3]
    "#]]
    .assert_eq(&told);
}
