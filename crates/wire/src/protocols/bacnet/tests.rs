use expect_test::{Expect, expect};

use super::DECODER;
use crate::Side::{Client, Server};
use crate::testing::{check, hex};
use crate::{Head, Probe, Sender, Side};

/// Application messages as unicast between two stations of one network.
fn dialogue(messages: &[(Side, &str)], expect: Expect) {
    let messages: Vec<(Side, String)> = messages
        .iter()
        .map(|(side, apdu)| {
            let length = hex(apdu).len() + 6;
            (*side, format!("810a {length:04x} 0100 {apdu}"))
        })
        .collect();
    let messages: Vec<(Side, &str)> = messages
        .iter()
        .map(|(side, text)| (*side, text.as_str()))
        .collect();
    check(&DECODER, &messages, expect);
}

#[test]
fn reads_are_counted_and_device_objects_say_who_they_are() {
    dialogue(
        &[
            // Who is 1 to 9? Device 4 of vendor 5.
            (Client, "10 08 09 01 19 09"),
            (Server, "10 00 c4 02000004 22 05c4 91 00 21 05"),
            // Present value of analog value 4, twice.
            (Client, "00 05 01 0c 0c 00800004 19 55"),
            (Server, "30 01 0c 0c 00800004 19 55 3e 44 00000000 3f"),
            (Client, "00 05 02 0c 0c 00800004 19 55"),
            (Server, "30 02 0c 0c 00800004 19 55 3e 44 00000000 3f"),
            // Model name of the device; name of an input, which says nothing of the device.
            (Client, "00 05 03 0c 0c 02000004 19 46"),
            (Server, "30 03 0c 0c 02000004 19 46 3e 73 00 4d31 3f"),
            (Client, "00 05 04 0c 0c 00000001 19 4d"),
            (Server, "30 04 0c 0c 00000001 19 4d 3e 73 00 5331 3f"),
            // Several at once: vendor name and, refused, serial number.
            (Client, "00 05 05 0e 0c 02000004 1e 09 79 0a 0174 1f"),
            (
                Server,
                "30 05 0e 0c 02000004 1e 29 79 4e 74 00 414243 4f 2a 0174 5e 91 02 91 20 5f 1f",
            ),
            // An element of an array that is not there.
            (Client, "00 05 06 0c 0c 02000004 19 4c 29 63"),
            (Server, "50 06 0c 91 02 91 2a"),
        ],
        expect![[r#"
            conversation protocol=bacnet state=answered packets=7/7 bytes=121/157
            operation identify "devices 1 to 9" (who-Is) ? count=1 frames=[1]
            operation read "analog-value 4 present-value" (readProperty) ok count=2 frames=[3, 4, 6]
            operation read "device 4 model-name" (readProperty) ok count=1 frames=[7, 8]
            operation read "analog-input 1 object-name" (readProperty) ok count=1 frames=[9, 10]
            operation read "device 4 vendor-name, device 4 serial-number" (readPropertyMultiple) ok count=1 frames=[11, 12]
            operation read "device 4 object-list[99]" (readProperty, invalid array index) refused count=1 frames=[13, 14]
            identity 10.0.0.2 maker=Johnson Controls stated
            identity 10.0.0.2 role=BACnet device 4 stated
            identity 10.0.0.2 model=M1 stated
            identity 10.0.0.2 maker=ABC stated
        "#]],
    );
}

#[test]
fn what_changes_a_device_has_its_verb_and_its_outcome() {
    dialogue(
        &[
            // Write present value of binary output 2 with priority 8; several properties; refused.
            (Client, "00 05 01 0f 0c 01000002 19 55 3e 91 01 3f 49 08"),
            (Server, "20 01 0f"),
            (
                Client,
                "00 05 02 10 0c 00800004 1e 09 55 2e 44 00000000 2f 39 08 09 1c 2e 75 05 00 41424344 2f 1f",
            ),
            (Server, "60 02 09"),
            // Reinitialize: warm start with a password, start of a backup.
            (Client, "00 05 03 14 09 01 1d 05 00 74657374"),
            (Server, "50 03 14 91 04 91 1a"),
            (Client, "00 05 04 14 09 02"),
            (Server, "20 04 14"),
            // Communication off for 5 minutes. Life safety. Object created and deleted.
            (Client, "00 05 05 11 09 05 19 01"),
            (Server, "20 05 11"),
            (Client, "00 05 06 1b 09 01 1a 0041 29 04 3c 05400001"),
            (Server, "71 06 00"),
            (Client, "00 05 07 0a 0e 09 02 0f"),
            (Server, "30 07 0a c4 00800005"),
            (Client, "00 05 08 0b c4 00800005"),
            (Server, "20 08 0b"),
            // Subscription for changes, its end; a list grows; a private service; time for all.
            (Client, "00 05 09 05 09 01 1c 00000001 29 01 39 00"),
            (Server, "20 09 05"),
            (Client, "00 05 0a 05 09 01 1c 00000001"),
            (Server, "20 0a 05"),
            (Client, "00 05 0b 12 09 63 19 07"),
            (Server, "71 0b 04"),
            (Client, "10 06 a4 7e010101 b4 00000000"),
            // Never answered, but sent again.
            (Client, "00 05 0c 0f 0c 01000002 19 55 3e 91 00 3f"),
            (Client, "00 05 0c 0f 0c 01000002 19 55 3e 91 00 3f"),
        ],
        expect![[r#"
            conversation protocol=bacnet state=answered packets=14/11 bytes=270/108
            operation write "binary-output 2 present-value" (writeProperty) ok count=1 frames=[1, 2]
            operation write "analog-value 4 present-value, analog-value 4 description" (writePropertyMultiple, rejected: unrecognized service) refused count=1 frames=[3, 4]
            operation reset (reinitializeDevice, warm start, password failure) refused count=1 frames=[5, 6]
            operation reset (reinitializeDevice, start backup) ok count=1 frames=[7, 8]
            operation mode-change (deviceCommunicationControl, disable, 5 minutes) ok count=1 frames=[9, 10]
            operation operate "life-safety-point 1" (lifeSafetyOperation, operation 4, aborted) refused count=1 frames=[11, 12]
            operation configure "analog-value 0" (createObject) ok count=1 frames=[13, 14]
            operation configure "analog-value 5" (deleteObject) ok count=1 frames=[15, 16]
            operation read "analog-input 1" (subscribeCOV) ok count=1 frames=[17, 18]
            operation read "analog-input 1" (subscribeCOV, cancelled) ok count=1 frames=[19, 20]
            operation write (confirmedPrivateTransfer, vendor 99, service 7, aborted: segmentation not supported) refused count=1 frames=[21, 22]
            operation set-clock (timeSynchronization) ? count=1 frames=[23]
            operation write "binary-output 2 present-value" (writeProperty) unanswered count=1 frames=[24]
            credential protocol=bacnet client=10.0.0.1 server=10.0.0.2 what=password frames=Numbers([5])
        "#]],
    );
}

#[test]
fn files_are_one_operation_with_a_hash_and_segments_are_put_together() {
    dialogue(
        &[
            // File 1 is read in two parts, the second being the last.
            (Client, "00 05 01 06 c4 02800001 0e 31 00 21 03 0f"),
            (Server, "30 01 06 10 0e 31 00 63 616263 0f"),
            (Client, "00 05 02 06 c4 02800001 0e 31 03 21 03 0f"),
            (Server, "30 02 06 11 0e 31 03 63 646566 0f"),
            // File 2 is written; nothing says that it ends.
            (Client, "00 05 03 07 c4 02800002 0e 31 00 62 7879 0f"),
            (Server, "30 03 07 09 00"),
            // File 5 may not be written; file 6 is not answered.
            (Client, "00 05 13 07 c4 02800005 0e 31 00 62 7879 0f"),
            (Server, "50 13 07 91 05 91 05"),
            (Client, "00 05 14 07 c4 02800006 0e 31 00 62 7879 0f"),
            // A part of file 3 that does not begin where it should; access denied.
            (Client, "00 05 04 06 c4 02800003 0e 31 09 21 03 0f"),
            (Server, "30 04 06 11 0e 31 09 61 61 0f"),
            (Client, "00 05 05 06 c4 02800004 0e 31 00 21 03 0f"),
            (Server, "50 05 06 91 05 91 05"),
            // The name of device 4 in two segments, the first one twice.
            (Client, "02 75 06 0c 0c 02000004 19 4d"),
            (Server, "3c 06 00 01 0c 0c 02000004 19 4d 3e"),
            (Server, "3c 06 00 01 0c 0c 02000004 19 4d 3e"),
            (Client, "40 06 00 01"),
            (Server, "38 06 01 01 0c 73 00 4e31 3f"),
        ],
        expect![[r#"
            conversation protocol=bacnet state=answered packets=9/9 bytes=177/143
            operation file-read "file 1" (atomicReadFile) ok content=6 sha256=bef57ec7 count=1 frames=[1, 2, 4]
            operation file-write "file 2" (atomicWriteFile) ok content=2 sha256=769a4e6d count=1 frames=[5]
            operation file-write "file 5" (atomicWriteFile, content incomplete, file access denied) refused count=1 frames=[7, 8]
            operation file-write "file 6" (atomicWriteFile, content incomplete) unanswered count=1 frames=[9]
            operation file-read "file 3" (atomicReadFile, content incomplete) ok count=1 frames=[10, 11]
            operation file-read "file 4" (atomicReadFile, file access denied) refused count=1 frames=[12, 13]
            operation read "device 4 object-name" (readProperty) ok count=1 frames=[14, 18]
            identity 10.0.0.2 hostname=N1 stated
        "#]],
    );
}

#[test]
fn routers_broadcast_managers_and_foreign_devices_are_told() {
    check(
        &DECODER,
        &[
            // A foreign device registers for 60 seconds; done.
            (Client, "8105 0006 003c"),
            (Server, "8100 0006 0000"),
            // The distribution table is read; written, which is refused.
            (Client, "8102 0004"),
            (Server, "8103 000e 0a000002 bac0 ffffffff"),
            (Client, "8101 000e 0a000003 bac0 ffffffff"),
            (Server, "8100 0006 0010"),
            // A router to networks 3 and 5; a request to station 9 on network 3, and its answer.
            (Server, "810a 000b 0180 01 0003 0005"),
            (
                Client,
                "810a 0016 0124 0003 01 09 ff 00 05 01 0c 0c 02000007 19 46",
            ),
            (
                Server,
                "810a 001a 0108 0003 01 09 30 01 0c 0c 02000007 19 46 3e 73 00 4d32 3f",
            ),
            // The manager passes on the I-Am of 10.0.0.9, and its time.
            (
                Server,
                "8104 001a 0a000009 bac0 0100 10 00 c4 02000008 22 05c4 91 00 21 63",
            ),
            (
                Server,
                "8104 0018 0a000009 bac0 0100 10 06 a4 7e010101 b4 00000000",
            ),
        ],
        expect![[r#"
            conversation protocol=bacnet state=answered packets=4/7 bytes=46/113
            operation diagnose (read broadcast distribution table) ok count=1 frames=[3, 4]
            operation configure (write broadcast distribution table, not acknowledged) refused count=1 frames=[5, 6]
            operation read "network 3 station 9 device 7 model-name" (readProperty) ok count=1 frames=[8, 9]
            operation set-clock (timeSynchronization, passed on) ? count=1 frames=[11]
            identity 10.0.0.2 role=BACnet broadcast manager stated
            identity 10.0.0.2 role=BACnet router to networks 3, 5 stated
            identity 10.0.0.9 role=BACnet device 8 stated
            oddity what=bacnet.foreign_device detail=registered for 60 s frames=Numbers([1])
        "#]],
    );
}

#[test]
fn hostile_lengths_and_tags_end_in_an_oddity_or_without_an_object() {
    dialogue(
        &[
            (Client, "10 08"),
            (Client, "00 05 01 0c 0d ff ffff"), // a length beyond the message
            (Client, "00 05 02 0e 0c 02000004 1e 1e 1e"), // groups that never close
            (Client, "90 00"),                  // no such message
            (Client, "00 05"),                  // ends in its head
            (Server, "30 77 0c"),               // answers what nobody asked
        ],
        expect![[r#"
            conversation protocol=bacnet state=answered packets=5/1 bytes=56/9
            operation identify (who-Is) ? count=1 frames=[1]
            operation read (readProperty) unanswered count=1 frames=[2]
            operation read (readPropertyMultiple) unanswered count=1 frames=[3]
            oddity what=protocol.malformed detail=bacnet: application message frames=Numbers([4])
            oddity what=protocol.malformed detail=bacnet: truncated frames=Numbers([5])
        "#]],
    );
}

#[test]
fn content_tells_it_from_others() {
    let told = |port: u16, text: &str| {
        (DECODER.probe)(&Head {
            bytes: &hex(text),
            udp: true,
            from: 50000,
            to: port,
            first: true,
            open: false,
        })
    };
    assert_eq!(
        told(4000, "810b 0008 0100 10 08"),
        Probe::Ours(Sender::Client)
    );
    assert_eq!(
        told(4000, "810a 0009 0100 20 01 0f"),
        Probe::Ours(Sender::Server)
    );
    assert_eq!(told(4000, "810b 0009 0100 10 08"), Probe::NotOurs);
    assert_eq!(
        told(47808, "810b 0009 0100 10 08"),
        Probe::Ours(Sender::Client)
    );
    assert_eq!(told(4000, "8105 0006 003c"), Probe::NotOurs);
    assert_eq!(told(47808, "8105 0006 003c"), Probe::Ours(Sender::Unknown));
    assert_eq!(told(47808, "810b 0008 0200 10 08"), Probe::NotOurs);
    assert_eq!(told(47808, "810b 0008 0100 f0 08"), Probe::NotOurs);
}

#[test]
fn of_the_serial_bus_only_frames_with_data_are_read() {
    use super::pdu::on_the_bus;
    let read = |text: &str| on_the_bus(&hex(text)).map(|content| content.map(<[u8]>::to_vec));
    // A token, as a capture has it, with the filling of the frame.
    let token = "000080 00 01 72 0000 84 000000000000";
    assert_eq!(read(token), Ok(None));
    // Who-Is to all from station 7: data that expect no reply, with their own checksum behind them.
    let sums = |head: &str| {
        let sum = super::pdu::header_sum(&hex(head));
        format!("000080 {head} {sum:02x}")
    };
    let asks = format!("{} 01 00 10 08 1234", sums("06 ff 07 0004"));
    assert_eq!(read(&asks), Ok(Some(hex("01 00 10 08"))));
    // A wrong checksum, and what needs more than there is.
    assert!(read("000080 00 01 72 0000 85").is_err());
    assert!(read(&sums("05 ff 07 0040")).is_err());
    // Without the wrapper it is the network layer itself.
    assert_eq!(read("01 00 10 08"), Ok(Some(hex("01 00 10 08"))));
}
