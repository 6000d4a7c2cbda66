use expect_test::expect;

use super::DECODER;
use crate::Side::{self, Client, Server};
use crate::testing::{check, check_at, hex};
use crate::{Head, Probe};

/// A call: kind, flags, sequence number, operation, fragment, body. Big endian.
fn call(kind: u8, flags: u8, sequence: u32, operation: u16, part: u16, body: &str) -> String {
    let body = body.replace(' ', "");
    format!(
        "04{kind:02x}{flags:02x}00 000000 00 dea000006c9711d1827100010003015a dea000016c9711d1827100a02442df7d \
         13142f9000001000a994d2106890ca5a 00000000 00000001 {sequence:08x} {operation:04x} ffff ffff {:04x} {part:04x} 00 00 {body}",
        body.len() / 2
    )
}

/// Lengths and the array's, then the blocks.
fn blocks(blocks: &str) -> String {
    let length = blocks.replace(' ', "").len() / 2;
    format!("00001000 {length:08x} 00001000 00000000 {length:08x} {blocks}")
}

fn asks(sequence: u32, operation: u16, body: &str) -> (Side, String) {
    (Client, call(0, 0x20, sequence, operation, 0, &blocks(body)))
}

fn says(sequence: u32, operation: u16, status: &str, body: &str) -> (Side, String) {
    let length = body.replace(' ', "").len() / 2;
    let body = format!("{status} {length:08x} 00001000 00000000 {length:08x} {body}");
    (Server, call(2, 0x08, sequence, operation, 0, &body))
}

fn play(messages: &[(Side, String)], expect: expect_test::Expect) {
    let messages: Vec<(Side, &str)> = messages
        .iter()
        .map(|(side, text)| (*side, text.as_str()))
        .collect();
    check(&DECODER, &messages, expect);
}

const RELATION: &str = "7c74224e166c4a58bf6b6c25a75870f0";

fn connect() -> String {
    format!(
        "0101 003a 0100 0001 {RELATION} 0001 00a0456dd343 dea000006c9711d1827100010003015a 00000011 0258 8892 0004 706c6331 \
         0102 0014 0100 0001 0001 8892 00000001 0028 c002 0020 0008 0007"
    )
}

/// Header of a read or write of slot 1, subslot 1: kind, index, length, what follows it.
fn record(kind: &str, index: &str, length: u32, status: &str) -> String {
    format!(
        "{kind} 003c 0100 0001 {RELATION} 00000000 0001 0001 0000 {index} {length:08x} 0000 0000 {status} {}",
        "00".repeat(16)
    )
}

#[test]
fn a_controller_connects_writes_reads_and_releases() {
    let several = format!(
        "{} 11223344 {} 5566",
        record("0008", "8071", 4, "00000000"),
        record("0008", "0001", 2, "00000000")
    );
    let length = u32::try_from(several.replace(' ', "").len() / 2).unwrap();
    let several = format!("{} {several}", record("0008", "e040", length, "00000000"));
    let done = format!(
        "{} {}",
        record("8008", "8071", 0, "00000000"),
        record("8008", "0001", 0, "df80b500")
    );
    let who = "0020 0038 0100 002a 36455337203135352d36415530302d30434e3020 532041424331323334353637383930 20 0001 56040203 0000 0000 0000 0101 001e";
    play(
        &[
            asks(0, 0, &connect()),
            says(0, 0, "00000000", ""),
            asks(
                1,
                4,
                &format!("0110 001c 0100 0000 {RELATION} 0001 0000 0001 0000"),
            ),
            says(1, 4, "00000000", ""),
            asks(2, 3, &several),
            says(2, 3, "00000000", &done),
            asks(3, 2, &record("0009", "aff0", 0x1000, "00000000")),
            says(
                3,
                2,
                "00000000",
                &format!("{} {who}", record("8009", "aff0", 60, "00000000")),
            ),
            // The same connect fails twice, and once in other words.
            asks(4, 0, &connect()),
            says(4, 0, "db814004", ""),
            asks(5, 0, &connect()),
            says(5, 0, "db814004", ""),
            asks(6, 0, &connect()),
            (Server, call(6, 0, 6, 0, 0, "1c010003")),
            asks(7, 1, "0114 001c 0100 0000"),
        ],
        expect![[r#"
            conversation protocol=profinet-cm state=answered packets=8/7 bytes=1454/936
            operation configure "IO connection" (connect, io-controller plc1, input 40 bytes every 8000 µs frame 0xc002) ok count=1 frames=[1, 2]
            operation diagnose "IO connection" (control, end of parameters) ok count=1 frames=[3, 4]
            operation parameter-change "slot 1 subslot 0x1 record 0x8071 (interface adjust), slot 1 subslot 0x1 record 0x0001" (write of 2 records, 1 of 2 records refused, error 0xdf80b500) ok content=6 sha256=bb000ddd count=1 frames=[5, 6]
            operation identify "slot 1 subslot 0x1 record 0xaff0 (I&M0)" ok count=1 frames=[7, 8]
            operation configure "IO connection" (connect, io-controller plc1, input 40 bytes every 8000 µs frame 0xc002, error 0xdb814004) refused count=2 frames=[9, 10, 12]
            operation configure "IO connection" (connect, io-controller plc1, input 40 bytes every 8000 µs frame 0xc002, RPC fault) refused count=1 frames=[13, 14]
            operation configure "IO connection" (release) unanswered count=1 frames=[15]
            identity 10.0.0.2 role=io-device stated
            identity 10.0.0.2 system=PROFINET vendor 0x015a device 0x0003 stated
            identity 10.0.0.1 hostname=plc1 stated
            identity 10.0.0.1 role=io-controller stated
            identity 10.0.0.2 system=PROFINET vendor 0x015a device 0x0003 stated
            identity 10.0.0.2 firmware=V4.2.3 stated
            identity 10.0.0.2 maker=Siemens stated
            identity 10.0.0.2 order_number=6ES7 155-6AU00-0CN0 stated
            identity 10.0.0.2 serial=S ABC1234567890 stated
            identity 10.0.0.2 role=io-device stated
        "#]],
    );
}

#[test]
fn a_call_in_fragments_is_one_and_what_is_missing_takes_it() {
    let body = blocks(&format!(
        "{} 11223344",
        record("0008", "0002", 4, "00000000")
    ))
    .replace(' ', "");
    let (first, second) = body.split_at(60);
    play(
        &[
            (Client, call(0, 0x24, 1, 3, 0, first)),
            (Client, call(0, 0x24, 1, 3, 0, first)),
            (Client, call(0, 0x2e, 1, 3, 1, second)),
            says(1, 3, "00000000", ""),
            (Client, call(0, 0x24, 2, 3, 0, first)),
            (Client, call(0, 0x2e, 2, 3, 2, second)),
            // Lengths that lie, and a body that ends too early.
            asks(3, 3, "0008 003c 0100"),
            asks(4, 3, &record("0008", "0002", 0xffff_ffff, "00000000")),
        ],
        expect![[r#"
            conversation protocol=profinet-cm state=answered packets=7/1 bytes=876/100
            operation parameter-change "slot 1 subslot 0x1 record 0x0002" (write) ok content=4 sha256=1a835ed8 count=1 frames=[2, 3, 4]
            identity 10.0.0.2 system=PROFINET vendor 0x015a device 0x0003 stated
            identity 10.0.0.2 system=PROFINET vendor 0x015a device 0x0003 stated
            oddity count=2 what=profinet.bad_request frames=Numbers([7, 8])
        "#]],
    );
}

#[test]
fn at_any_port_the_interface_is_the_proof() {
    let (side, text) = asks(0, 0, &connect());
    check_at(
        &DECODER,
        49155,
        &[(side, &text)],
        expect![[r#"
        conversation protocol=profinet-cm state=unanswered packets=1/0 bytes=188/0
        operation configure "IO connection" (connect, io-controller plc1, input 40 bytes every 8000 µs frame 0xc002) ? count=1 frames=[1]
        identity 10.0.0.2 role=io-device stated
        identity 10.0.0.2 system=PROFINET vendor 0x015a device 0x0003 stated
        identity 10.0.0.1 hostname=plc1 stated
        identity 10.0.0.1 role=io-controller stated
    "#]],
    );
    let probe = |text: &str| {
        (DECODER.probe)(&Head {
            bytes: &hex(text),
            udp: true,
            from: 50000,
            to: 34964,
            first: true,
            open: false,
        })
    };
    assert_eq!(
        probe(&text.replace("6c9711d1827100a02442df7d", "6c9711d1827100a02442df7e")),
        Probe::NotOurs
    );
    assert_eq!(probe("04000000 000000"), Probe::NotOurs);
}

#[test]
fn the_end_of_parameters_is_told_and_what_a_ready_device_has_otherwise() {
    let ends = format!("0110 001c 0100 0000 {RELATION} 0001 0000 0001 0000");
    // Ready, but slot 2 is empty and slot 3 holds another module; slot 1 is as it should be.
    let ready = format!(
        "0112 001c 0100 0000 {RELATION} 0001 0000 0002 0000 \
         8104 0030 0100 0001 00000000 0003 0001 00000011 0002 0000 0002 00000012 0000 0001 0001 00000001 0004 \
         0003 00000013 0001 0000"
    );
    let back = call(0, 0x20, 9, 4, 0, &blocks(&ready)).replace("dea000016c97", "dea000026c97");
    play(
        &[
            asks(1, 4, &ends),
            says(1, 4, "00000000", ""),
            asks(2, 4, &ends),
            says(2, 4, "db816002", ""),
            (Server, back),
        ],
        expect![[r#"
            conversation protocol=profinet-cm state=answered packets=2/3 bytes=264/384
            operation diagnose "IO connection" (control, end of parameters) ok count=1 frames=[1, 2]
            operation diagnose "IO connection" (control, end of parameters, error 0xdb816002) refused count=1 frames=[3, 4]
            identity 10.0.0.2 system=PROFINET vendor 0x015a device 0x0003 stated
            identity 10.0.0.2 system=PROFINET vendor 0x015a device 0x0003 stated
            identity 10.0.0.1 system=PROFINET vendor 0x015a device 0x0003 stated
            oddity what=profinet.other_modules detail=slot 2: no module, slot 3: wrong module frames=Numbers([5])
        "#]],
    );
}
