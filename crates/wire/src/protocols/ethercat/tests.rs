//! Frames of EtherCAT as they return to the master: the first device set the second bit of its address.
use expect_test::expect;

use super::DECODER;
use crate::Side::Client;
use crate::testing::check;

/// A frame of datagrams: command, address, data, working counter.
fn frame(datagrams: &[(u8, &str, &str, u8)]) -> String {
    let mut body = String::new();
    for (nth, (command, address, data, counter)) in datagrams.iter().enumerate() {
        let data = data.replace(' ', "");
        let more = if nth + 1 < datagrams.len() { 0x80 } else { 0 };
        body.push_str(&format!(
            "{command:02x}00{}{:02x}{more:02x}0000{data}{counter:02x}00",
            address.replace(' ', ""),
            data.len() / 2
        ));
    }
    let length = body.len() / 2;
    format!("{:02x}{:02x}{body}", length & 0xff, 0x10 | length >> 8)
}

/// A mailbox message in a buffer of 32 octets.
fn mail(kind: &str, body: &str) -> String {
    let body = body.replace(' ', "");
    format!("{:02x}000000 00{kind}{body:0<52}", body.len() / 2)
}

#[test]
fn states_process_data_and_objects_are_told_by_what_returns() {
    let download = mail("13", "0020 2b 121c 01 00160000");
    let downloaded = mail("13", "0030 60 121c 01 00000000");
    let upload = mail("23", "0020 40 1810 01 00000000");
    let aborted = mail("23", "0020 80 1810 01 00000206");
    check(
        &DECODER,
        &[
            // On its way out, nothing is counted yet.
            (Client, &frame(&[(5, "e903 2001", "0800", 0)])),
            (
                Client,
                &frame(&[(5, "e903 2001", "0800", 1), (12, "00000100", "1122", 3)]),
            ),
            (Client, &frame(&[(12, "00000100", "3344", 3)])),
            (Client, &frame(&[(12, "00000100", "3344", 1)])),
            (Client, &frame(&[(5, "e903 0010", &download, 1)])),
            (Client, &frame(&[(4, "e903 8010", &downloaded, 1)])),
            (Client, &frame(&[(5, "e903 0010", &upload, 1)])),
            (Client, &frame(&[(4, "e903 8010", &aborted, 1)])),
            // A station that no longer answers, beside one that does.
            (
                Client,
                &frame(&[(4, "ea03 3001", "0000", 0), (7, "0000 3001", "0000", 1)]),
            ),
            (
                Client,
                &frame(&[(2, "0000 1000", "ea03", 1), (8, "0000 4000", "52", 2)]),
            ),
            (Client, &frame(&[(5, "e903 0205", "0002 3f00 0000", 1)])),
        ],
        expect![[r#"
            conversation protocol=ethercat state=one-way packets=11/0 bytes=341/0
            operation mode-change "station 1001" (state operational requested) ok count=1 frames=[2]
            operation write "process data 10000h, 2 octets" (LRW) ok count=3 frames=[2, 3, 4]
            operation parameter-change "station 1001 object 1c12h:1" (SDO download) ok count=1 frames=[5, 6]
            operation identify "station 1001 object 1018h:1" (SDO upload, aborted, code 06020000) refused count=1 frames=[7, 8]
            operation configure "a device by position" (station address 1002) ok count=1 frames=[10]
            operation reset "all devices" (reset register) ok count=1 frames=[10]
            operation configure "station 1001" (EEPROM word 3fh written) ok count=1 frames=[11]
            oddity what=ethercat.working_counter_fell detail=process data 10000h: 1 instead of 3 frames=Numbers([4])
            oddity what=ethercat.no_answer detail=station 1002 frames=Numbers([9])
        "#]],
    );
}

#[test]
fn firmware_goes_through_the_mailbox() {
    check(
        &DECODER,
        &[
            (
                Client,
                &frame(&[(5, "e903 0010", &mail("14", "0200 00000000 66772e62696e"), 1)]),
            ),
            (
                Client,
                &frame(&[(4, "e903 8010", &mail("14", "0400 00000000"), 1)]),
            ),
            (
                Client,
                &frame(&[(5, "e903 0010", &mail("24", "0300 01000000 61626364"), 1)]),
            ),
            (
                Client,
                &frame(&[(4, "e903 8010", &mail("24", "0400 01000000"), 1)]),
            ),
            (
                Client,
                &frame(&[(5, "e903 0010", &mail("34", "0300 02000000 6566"), 1)]),
            ),
            (
                Client,
                &frame(&[(4, "e903 8010", &mail("34", "0400 02000000"), 1)]),
            ),
            // One that the device does not want.
            (
                Client,
                &frame(&[(5, "ea03 0010", &mail("14", "0200 00000000 78"), 1)]),
            ),
            (
                Client,
                &frame(&[(4, "ea03 8010", &mail("14", "0500 02800000 6e6f"), 1)]),
            ),
            // A servo drive's parameter.
            (
                Client,
                &frame(&[(5, "e903 0010", &mail("15", "03 40 2c80 1027"), 1)]),
            ),
            (
                Client,
                &frame(&[(4, "e903 8010", &mail("15", "04 40 2c80"), 1)]),
            ),
        ],
        expect![[r#"
            conversation protocol=ethercat state=one-way packets=10/0 bytes=460/0
            operation firmware-update "station 1001 fw.bin" (FoE write) ok content=6 sha256=bef57ec7 count=1 frames=[1, 6]
            operation firmware-update "station 1002 x" (FoE write, error 8002h, no) refused count=1 frames=[7, 8]
            operation parameter-change "station 1001 drive 0 P-0-0044" (SoE write) ok count=1 frames=[9, 10]
        "#]],
    );
}
