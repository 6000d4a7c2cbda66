use expect_test::expect;

use super::DECODER;
use crate::Side::{self, Client, Server};
use crate::testing::{check, check_at, hex};
use crate::{Head, Probe, Sender};

/// A unit in its packet: version, content, and the trailer that ends a message.
fn unit(version: u8, body: &str, last: bool) -> String {
    let body = body.replace(' ', "");
    // From version 3 on a digest stands in front.
    let body = match version {
        3 => format!("20{}{body}", "ab".repeat(32)),
        _ => body,
    };
    let trailer = if last {
        format!("72{version:02x}0000")
    } else {
        String::new()
    };
    let unit = format!("72{version:02x}{:04x}{body}{trailer}", body.len() / 2);
    format!("0300{:04x}02f080{unit}", unit.len() / 2 + 7)
}

/// A request of session 0x388.
fn ask(version: u8, function: &str, number: u16, body: &str) -> (Side, String) {
    let text = format!("31 0000 {function} 0000 {number:04x} 00000388 34 {body}");
    (Client, unit(version, &text, true))
}

fn reply(version: u8, function: &str, number: u16, body: &str) -> (Side, String) {
    let text = format!("32 0000 {function} 0000 {number:04x} 34 {body}");
    (Server, unit(version, &text, true))
}

fn play(messages: &[(Side, String)], expect: expect_test::Expect) {
    let messages: Vec<(Side, &str)> = messages
        .iter()
        .map(|(side, text)| (*side, text.as_str()))
        .collect();
    check(&DECODER, &messages, expect);
}

/// What stands behind a request's names: object qualifier, numbers of the integrity part.
const QUALIFIER: &str = "000004e88969001200000000896a001300896b000400 00 00000000";

fn string(text: &str) -> String {
    let bytes: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("0015{:02x}{bytes}", text.len())
}

#[test]
fn a_session_tells_who_both_ends_are() {
    let name = string("STS9-ENG_4711");
    let client = format!(
        "31 0000 04ca 0000 0001 00000120 36 0000011d 000400 00000000 a1 000000d3 821f 00 00 \
         a38169{} a38221{} a3822a{name} a3822b000401 \
         a1 000000d3 817f 00 00 a38169{} a2 a2 00000000",
        string("ServerSession_1"),
        string("0.0.0.0:0Some Adapter.TCPIP.1"),
        string("SubscriptionContainer"),
    );
    let version = string("1;6ES7 511-1AK00-0AB0;V1.0");
    let server = format!(
        "32 0000 04ca 0000 0001 36 00 02 8708 8709 a1 00000120 821f 01 00 a3822d{} \
         a3823200 17 0000013a 823b000402 823f{version} 00 a2 00000000",
        string("OMSP_1"),
    );
    play(
        &[
            // COTP connects to SIMATIC-ROOT-ES.
            (
                Client,
                "0300 0022 1d e0 0000 0001 00 c10106 c20f 53494d415449432d524f4f542d4553 c0010a"
                    .replace(' ', ""),
            ),
            (
                Server,
                "0300 0016 11 d0 0001 0001 00 c10106 c20106 c0010a 0000".replace(' ', ""),
            ),
            (Client, unit(1, &client, true)),
            (Server, unit(1, &server, true)),
        ],
        expect![[r#"
            conversation protocol=s7comm-plus:v1 state=answered packets=2/2 bytes=206/125
            identity 10.0.0.1 hostname=STS9-ENG stated
            identity 10.0.0.1 role=engineering station stated
            identity 10.0.0.1 system=network adapter Some Adapter stated
            identity 10.0.0.2 firmware=V1.0 stated
            identity 10.0.0.2 maker=Siemens stated
            identity 10.0.0.2 order_number=6ES7 511-1AK00-0AB0 stated
            identity 10.0.0.2 software=OMSP_1 stated
        "#]],
    );
}

#[test]
fn variables_are_named_cyclic_reads_counted_and_items_refused() {
    // M32.5 absolute, and the tenth member of DB2 by its symbol.
    let both = "00000000 02 0d 00 52 05 9d18 03 20 01 05 83a1e98006 88d0b88002 02 9376 0a";
    let one = "00000000 01 05 83a1e98006 88d0b88002 02 9376 0a";
    play(
        &[
            ask(2, "054c", 5, &format!("{one} {QUALIFIER}")),
            reply(2, "054c", 5, "00 01 0008 05 00 00 00000000"),
            ask(2, "054c", 6, &format!("{one} {QUALIFIER}")),
            reply(2, "054c", 6, "00 01 0008 07 00 00 00000000"),
            // The second item of a write does not exist.
            ask(
                2,
                "0542",
                7,
                &format!("{both} 01 0001 01 02 0008 09 {QUALIFIER}"),
            ),
            reply(2, "0542", 7, "00 02 c08895b080ef91fff4 00 00 00000000"),
            // A whole request is refused; one is never answered.
            ask(2, "054c", 8, &format!("{one} {QUALIFIER}")),
            reply(2, "054c", 8, "c08895b080ef91fff4 00 00000000"),
            ask(2, "0586", 9, &format!("00000032 2004 01 9a7b {QUALIFIER}")),
        ],
        expect![[r#"
            conversation protocol=s7comm-plus:v2 state=answered packets=5/4 bytes=386/153
            operation read "DB2[10]" (GetMultiVariables) ok count=2 frames=[1, 2, 4]
            operation write "M32.5, DB2[10]" (SetMultiVariables, 1 item refused: error -12 object not found) ok count=1 frames=[5, 6]
            operation read "DB2[10]" (GetMultiVariables, error -12 object not found) refused count=1 frames=[7, 8]
            operation read "CPU common protection level" (GetVarSubStreamed) unanswered count=1 frames=[9]
        "#]],
    );
}

#[test]
fn the_operating_state_is_started_stopped_and_reset() {
    let state = |value: &str| format!("00000034 01 9077 0008 {value} {QUALIFIER}");
    play(
        &[
            ask(3, "04f2", 1, &state("01")),
            reply(3, "04f2", 1, "00 05 00000000"),
            ask(3, "04f2", 2, &state("03")),
            reply(3, "04f2", 2, "00 06 00000000"),
            ask(3, "04f2", 3, &state("02")),
            // Code -134.
            reply(3, "04f2", 3, "c08895b080ef91ff7a 00000000"),
            // The same by SetMultiVariables, with something harmless beside it.
            ask(
                3,
                "0542",
                4,
                &format!(
                    "00000000 02 09 00 34 01 9077 00 52 02 9d18 09 01 0008 01 02 0001 01 {QUALIFIER}"
                ),
            ),
            reply(3, "0542", 4, "00 00 00000000"),
            // The clock, and a legitimation: the session's own attribute 1846.
            ask(
                3,
                "04f2",
                5,
                &format!("00000032 01 9275 0010 0011223344556677 {QUALIFIER}"),
            ),
            reply(3, "04f2", 5, "00 07 00000000"),
            ask(
                3,
                "04f2",
                6,
                &format!("00000388 01 8e36 0014 00 04 aabbccdd {QUALIFIER}"),
            ),
            // 17: a result, not a refusal.
            reply(3, "04f2", 6, "11 08 00000000"),
        ],
        expect![[r#"
            conversation protocol=s7comm-plus:v3 state=answered packets=6/6 bytes=621/391
            operation stop (SetVariable, operating state request STOP) ok count=1 frames=[1, 2]
            operation start (SetVariable, operating state request RUN) ok count=1 frames=[3, 4]
            operation reset (SetVariable, operating state request reset, error -134 more than one engineering station not supported) refused count=1 frames=[5, 6]
            operation stop "CPU execution unit operating state request, M[9]" (SetMultiVariables) ok count=1 frames=[7, 8]
            operation set-clock "CPU common system time" (SetVariable) ok count=1 frames=[9, 10]
            operation authenticate "session" (SetVariable) ok count=1 frames=[11, 12]
        "#]],
    );
}

/// OB1 as an object: name, number, language, time of change, know-how protection, code.
fn block() -> String {
    format!(
        "a1 8a320001 9457 20 00 a38169{} a393590003 0001 a3935b0003 0004 \
         a39315 0005 89d0b2d1b5919f8ce8 a3935c0017 00000d77 9a78000b 0003 00 a394140014 00 04 18400001 a2",
        string("Main")
    )
}

#[test]
fn a_block_is_downloaded_in_fragments_uploaded_and_deleted_with_one_hash() {
    let request = format!(
        "31 0000 04ca 0000 0027 00000388 34 00000003 000400 00000000 {} 00000000",
        block()
    )
    .replace(' ', "");
    let (first, rest) = request.split_at(80);
    let (second, third) = rest.split_at(60);
    let explored = format!("00 00000003 21 {} 00000000", block());
    play(
        &[
            (Client, unit(2, first, false)),
            (Client, unit(2, second, false)),
            (Client, unit(2, third, true)),
            reply(2, "04ca", 0x27, "00 00 00000000"),
            // The hardware configuration is made anew, from version 3 on with a number in front of the object.
            ask(
                3,
                "04ca",
                0x28,
                &format!(
                    "00000001 000400 00000000 05 a1 00000002 9340 30 00 a38169{} a2 00000000",
                    string("HWConfiguration")
                ),
            ),
            reply(3, "04ca", 0x28, "00 00 06 00000000"),
            ask(3, "04bb", 0x29, "00000003 00 01 00 01 00 00 07 00000000"),
            reply(3, "04bb", 0x29, &explored),
            ask(3, "04d4", 0x2a, "8a320001 00 00000000"),
            reply(3, "04d4", 0x2a, "00 8a320001 00000000"),
            // Its own session is no program.
            ask(3, "04d4", 0x2b, "00000388 00 00000000"),
            reply(3, "04d4", 0x2b, "00 00000388 00000000"),
        ],
        expect![[r#"
            conversation protocol=s7comm-plus:v3 state=answered packets=7/5 bytes=469/373
            operation program-download "OB1" (“Main”, SCL, know-how protected, changed 2013-12-20T15:41:24Z, 4 bytes of code, code SHA-256 a6cae338b3d60e17dc2646a20ab37f46214c32a428a0ff7ff4b23aa7aefce8f2) ok content=75 sha256=6f1d800f count=1 frames=[1, 2, 3, 4]
            operation program-download "hardware configuration" ok content=31 sha256=e2ce39f6 count=1 frames=[5, 6]
            operation program-upload "OB1" (“Main”, SCL, know-how protected, changed 2013-12-20T15:41:24Z, 4 bytes of code, code SHA-256 a6cae338b3d60e17dc2646a20ab37f46214c32a428a0ff7ff4b23aa7aefce8f2) ok content=75 sha256=6f1d800f count=1 frames=[7, 8]
            operation program-delete "OB1" (DeleteObject) ok count=1 frames=[9, 10]
        "#]],
    );
}

#[test]
fn a_subscription_counts_its_notifications() {
    // Head, its parts: 0x80010000, 0, 1; then 0x80040002, 1, 0, area M, checksum 0, way 3736.10.
    let create = format!(
        "000003af 000400 00000000 a1 7fffc001 8769 00 00 a38169{} \
         a38818 2004 0a 8880848000 00 01 8880908002 01 00 52 00 9d18 0a a2 00000000",
        string("Subscription_1")
    );
    let push = |count: &str| {
        (
            Server,
            unit(
                2,
                &format!("33 1000006a 0400 0000 {count} 0192ffffffff0007 03e9 00 00000000"),
                true,
            ),
        )
    };
    play(
        &[
            ask(2, "04ca", 4, &create),
            reply(2, "04ca", 4, "00 01 818080806a 00 00000000"),
            push("0001"),
            push("0002"),
            // More credit, with no answer wanted.
            (
                Client,
                unit(
                    2,
                    &format!(
                        "31 0000 04f2 0000 0005 00000388 74 1000006a 01 881d 0007 0006 {QUALIFIER}"
                    ),
                    true,
                ),
            ),
        ],
        expect![[r#"
            conversation protocol=s7comm-plus:v2 state=answered packets=2/3 bytes=166/119
            operation read "M[10]" (CreateObject, subscribe) ok count=3 frames=[1, 2, 3, 4]
            operation read "session object subscription" (SetVariable) ? count=1 frames=[5]
        "#]],
    );
}

#[test]
fn after_a_gap_whole_messages_count_again_and_tails_do_not() {
    let whole = |side, body: &str| (side, unit(2, body, true));
    play(
        &[
            // The tail of something, then an answer to what was not captured, then a request.
            whole(Server, "be52277b862b4d74"),
            whole(Server, "32 0000 0542 0000 0007 34 00 00 00000000"),
            ask(2, "0586", 9, &format!("00000031 2004 01 9d29 {QUALIFIER}")),
            reply(
                2,
                "0586",
                9,
                "00 00 0014 00 3c 0020 0038 0100 002a 36455337203231342d31484533302d30584230 20 535a5644425958583031373638352020 0002 56020200 0000 0000 0000 0101 001e 00000000",
            ),
        ],
        expect![[r#"
            conversation protocol=s7comm-plus:v2 state=answered packets=1/3 bytes=65/149
            operation write (SetMultiVariables, request not seen) ok count=1 frames=[2]
            operation identify "CPU proxy identification" (GetVarSubStreamed) ok count=1 frames=[3, 4]
            identity 10.0.0.2 firmware=V2.2.0 stated
            identity 10.0.0.2 maker=Siemens stated
            identity 10.0.0.2 order_number=6ES7 214-1HE30-0XB0 stated
            identity 10.0.0.2 serial=SZVDBYXX017685 stated
        "#]],
    );
}

#[test]
fn tls_inside_cotp_is_a_variant() {
    let init = unit(1, "31 0000 05b3 0000 0001 00000120 30 00000000", true);
    let ready = unit(1, "32 0000 05b3 0000 0001 30 00 00000000", true);
    let hello = "0300 0010 02f080 16 0301 0004 01000000".replace(' ', "");
    check(
        &DECODER,
        &[(Client, &init), (Server, &ready), (Client, &hello)],
        expect![[r#"
            conversation protocol=s7comm-plus:tls state=answered packets=2/1 bytes=49/30
        "#]],
    );
    // Picked up in the middle there are only records.
    check_at(
        &DECODER,
        4102,
        &[(Client, "0300 000d 02f080 17 0303 0020 aa")],
        expect![[r#"
            conversation protocol=s7comm-plus:tls state=unanswered packets=1/0 bytes=13/0
        "#]],
    );
}

#[test]
fn hostile_lengths_are_noted_and_harmless() {
    play(
        &[
            ask(2, "059a", 1, ""),
            // Unit longer than its packet; counts of 2^31; an object that never ends; structures without end.
            (
                Client,
                "0300 0015 02f080 7202 ffff 31000004f20000000100".replace(' ', ""),
            ),
            ask(2, "054c", 2, "00000000 8fffffff7f 8fffffff7f"),
            ask(
                2,
                "04ca",
                3,
                &format!(
                    "00000003 000400 00000000 {}",
                    "a1 8a320001 9457 20 00 ".repeat(40)
                ),
            ),
            ask(
                2,
                "04f2",
                4,
                &format!("00000034 01 9077 {}", "0017 00000001 01".repeat(60)),
            ),
            ask(2, "04f2", 5, "00000034"),
            reply(2, "04f2", 4, ""),
        ],
        expect![[r#"
            conversation protocol=s7comm-plus:v2 state=answered packets=6/1 bytes=982/25
            operation program-download "OB1" (CreateObject) unanswered count=1 frames=[4]
            operation mode-change (SetVariable, operating state request) unanswered count=1 frames=[5]
            oddity count=2 what=s7comm.malformed detail=length frames=Numbers([2, 6])
            oddity what=s7comm.malformed detail=count of items frames=Numbers([3])
            oddity what=s7comm.malformed detail=length frames=Numbers([7])
        "#]],
    );
}

#[test]
fn only_its_own_bytes_are_taken_for_it() {
    let probe = |text: &str| {
        let bytes = hex(text);
        (DECODER.probe)(&Head {
            bytes: &bytes,
            udp: false,
            from: 50000,
            to: 102,
            first: true,
            open: true,
        })
    };
    assert_eq!(probe("0300 0008 02f080 7203"), Probe::NotOurs);
    assert_eq!(probe("0300 0008 02f080"), Probe::NeedMore);
    // S7comm, RDP's X.224 and MCS, MMS.
    assert_eq!(
        probe("0300 0019 02f080 32010000000100080000f0000001000101e0"),
        Probe::NotOurs
    );
    assert_eq!(probe("0300 000c 02f080 0400010001"), Probe::NotOurs);
    assert_eq!(probe("0300 000b 02f080 0d0101c1"), Probe::NotOurs);
    assert_eq!(probe("0300 000c 02f080 17 0303 0000"), Probe::NotOurs);
    assert_eq!(
        probe("0300 0019 02f080 7201 000a 31000004ca0000000100 72010000"),
        Probe::Ours(Sender::Client)
    );
}
