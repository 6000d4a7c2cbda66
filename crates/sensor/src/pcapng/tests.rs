//! pcapng by hand-made bytes: each form, each damage.
use super::*;
use crate::testing::{block, data, hex, interface, packet, section, walk};

const NONE: Vec<String> = Vec::new();

/// A section, an Ethernet interface, three frames of 61 bytes: blocks of 28, 20, and three of 96 bytes.
fn three() -> Vec<u8> {
    let mut bytes = [section(), interface(1, 0, "")].concat();
    for n in 0..3u8 {
        bytes.extend(packet(
            0,
            1_732_190_400_000_000 + u64::from(n),
            &data(n, 61),
            61,
        ));
    }
    bytes
}

#[test]
fn interfaces_have_their_own_link_type_resolution_offset_and_name() {
    let bytes = [
        section(),
        // if_name eth1
        interface(1, 0, "0200 0400 65746831 00000000"),
        // if_tsresol 9
        interface(113, 0, "0900 0100 09000000 00000000"),
        // if_tsresol 2 to the minus 10, if_tsoffset 100 s
        interface(
            101,
            0,
            "0900 0100 8a000000 0e00 0800 6400000000000000 00000000",
        ),
        // if_tsresol 12
        interface(1, 0, "0900 0100 0c000000"),
        packet(0, 5_000_001, &data(0, 3), 3),
        packet(1, 5_000_000_001, &data(1, 4), 90),
        packet(2, 1024 + 512, &data(2, 5), 5),
        packet(3, 5_000_000_001_999, &data(2, 5), 5),
    ]
    .concat();
    let (seen, summary) = walk(&bytes).unwrap();
    let got: Vec<_> = seen
        .iter()
        .map(|frame| (frame.number, frame.link, frame.nanoseconds))
        .collect();
    assert_eq!(
        got,
        [
            (1, Link::Ethernet, 5_000_001_000),
            (2, Link::Sll, 5_000_000_001),
            (3, Link::Raw, 101_500_000_000),
            (4, Link::Ethernet, 5_000_000_001)
        ]
    );
    assert_eq!(seen[1].data, data(1, 4));
    assert_eq!(summary.links, ["Ethernet", "Linux cooked v1", "raw IP"]);
    assert_eq!(summary.interfaces, ["eth1"]);
    assert_eq!((summary.packets, summary.snapped), (4, 1));
    assert_eq!(
        summary.problems,
        [
            "the times of 1 frame go back by up to 96 s: a clock was set, or files were put together out of order"
        ]
    );
}

#[test]
fn ticks_that_no_time_can_hold_stop_at_the_last_time() {
    assert_eq!(Resolution::from_option(0).nanoseconds(u64::MAX), i64::MAX);
    assert_eq!(Resolution::from_option(0x7f).nanoseconds(u64::MAX - 1), 0);
    assert_eq!(Resolution::from_option(0xff).nanoseconds(u64::MAX), 0);
    assert_eq!(Resolution::from_option(0x80).nanoseconds(3), 3_000_000_000);
}

#[test]
fn each_section_has_its_own_byte_order_and_interfaces() {
    let big = "0a0d0d0a 0000001c 1a2b3c4d 0001 0000 ffffffffffffffff 0000001c
        00000001 00000014 0001 0000 00000000 00000014
        00000006 00000024 00000000 00000000 00000001 00000004 00000004 aabbccdd 00000024";
    let bytes = [three(), hex(big), three()].concat();
    let (seen, summary) = walk(&bytes).unwrap();
    assert_eq!(seen.len(), 7);
    assert_eq!(
        (seen[3].nanoseconds, seen[3].data.as_slice()),
        (1000, hex("aabbccdd").as_slice())
    );
    assert_eq!(seen[6].number, 7);
    assert_eq!(
        summary.problems,
        [
            "the times of 1 frame go back by up to 1732190400 s: a clock was set, or files were put together out of order"
        ]
    );

    // The second section does not inherit the interface of the first.
    let bytes = [three(), section(), packet(0, 0, &data(1, 8), 8)].concat();
    let (seen, summary) = walk(&bytes).unwrap();
    assert_eq!((seen.len(), summary.packets, summary.undecoded), (3, 4, 1));
    assert_eq!(
        summary.problems,
        [
            "1 frame of an interface that the file does not describe, counted only (the first is frame 4, interface 0)"
        ]
    );
}

#[test]
fn simple_and_obsolete_packets_count_and_other_blocks_do_not() {
    let simple = |wire_len: u32, held: usize| {
        block(
            3,
            &[wire_len.to_le_bytes().to_vec(), data(7, held)].concat(),
        )
    };
    let obsolete = hex("0000 ffff 00000000 40420f00 04000000 04000000 aabbccdd");
    let bytes = [
        section(),
        interface(1, 8, ""),
        block(2, &obsolete),
        block(4, &hex("00000000")),           // name resolution
        block(0xbad, &hex("01020304")),       // custom
        block(0x8000_0001, &hex("01020304")), // local use
        simple(5, 5),
        simple(60, 8),
    ]
    .concat();
    let (seen, summary) = walk(&bytes).unwrap();
    let got: Vec<_> = seen
        .iter()
        .map(|f| (f.number, f.data.len(), f.wire_len, f.nanoseconds))
        .collect();
    assert_eq!(
        got,
        [
            (1, 4, 4, 1_000_000_000),
            (2, 5, 5, 1_000_000_000),
            (3, 8, 60, 1_000_000_000)
        ]
    );
    assert_eq!(
        summary.problems,
        ["2 frames without a time: each is given the time of the one before"]
    );
}

#[test]
fn entries_without_a_frame_are_numbered_as_wireshark_numbers_them() {
    let journal = block(9, b"__REALTIME_TIMESTAMP=1700000000000000\nMESSAGE=hi\n");
    let bytes = [
        section(),
        interface(1, 0, ""),
        journal,
        packet(0, 1, &data(1, 8), 8),
    ]
    .concat();
    let (seen, summary) = walk(&bytes).unwrap();
    assert_eq!(
        (
            seen.len(),
            seen[0].number,
            summary.packets,
            summary.undecoded
        ),
        (1, 2, 2, 1)
    );
}

#[test]
fn what_the_capturing_machine_dropped_is_told() {
    // isb_ifdrop 120, isb_osdrop 3; the later block holds the whole count again.
    let statistics = |drops: &str| block(5, &hex(&["00000000 00000000 00000000", drops].concat()));
    let bytes = [
        three(),
        statistics("0500 0800 0a00000000000000 00000000"),
        statistics("0500 0800 7800000000000000 0700 0800 0300000000000000 00000000"),
    ]
    .concat();
    let (_, summary) = walk(&bytes).unwrap();
    assert_eq!(
        summary.problems,
        ["the capturing machine dropped 123 frames: they are missing here"]
    );
}

/// A packet block with these options behind its data.
fn packet_with(data: &[u8], options: &str) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap().to_le_bytes();
    let mut body = [[0; 12].as_slice(), &length, &length, data].concat();
    body.resize(body.len().next_multiple_of(4), 0);
    body.extend(hex(options));
    block(6, &body)
}

#[test]
fn frames_that_packets_say_were_dropped_before_them_are_told_once_beside_the_statistics() {
    // epb_dropcount 5 and 2, a comment; isb_ifdrop 6, which are the same frames.
    let bytes = [
        section(),
        interface(1, 0, ""),
        packet_with(&data(1, 61), "0400 0800 0500000000000000 00000000"),
        packet_with(
            &data(2, 60),
            "0100 0200 68690000 0400 0800 0200000000000000",
        ),
        packet_with(&data(3, 60), "0400 0300 05000000 00000000"),
        block(
            5,
            &hex("00000000 00000000 00000000 0500 0800 0600000000000000 00000000"),
        ),
    ]
    .concat();
    let (seen, summary) = walk(&bytes).unwrap();
    assert_eq!((seen.len(), seen[0].data.len()), (3, 61));
    assert_eq!(
        summary.problems,
        ["the capturing machine dropped 7 frames: they are missing here"]
    );
}

#[test]
fn a_declared_checksum_is_no_part_of_the_frame() {
    let bytes = [
        section(),
        interface(1, 0, "0d00 0100 04000000"),
        packet(0, 1, &data(1, 64), 64),
        // epb_flags: inbound; inbound, with a checksum of two bytes.
        packet_with(&data(1, 64), "0200 0400 01000000 00000000"),
        packet_with(&data(1, 64), "0200 0400 41000000 00000000"),
    ]
    .concat();
    let (seen, _) = walk(&bytes).unwrap();
    let lengths: Vec<_> = seen
        .iter()
        .map(|one| (one.data.len(), one.wire_len))
        .collect();
    assert_eq!(lengths, [(60, 60), (60, 60), (62, 62)]);
}

#[test]
fn a_cut_says_where_and_how_much_is_there() {
    let whole = three();
    for (length, frames, problem) in [
        (48, 0, None),
        (48 + 96 * 2, 2, None),
        (
            48 + 96 * 2 + 5,
            2,
            Some("cut off inside the header of a block at byte 245 after frame 2"),
        ),
        (
            48 + 96 * 3 - 1,
            2,
            Some("cut off inside frame 3 at byte 335: 95 of the 96 bytes of its block are there"),
        ),
        (
            40,
            0,
            Some(
                "cut off inside a block at byte 40 before the first frame: 12 of its 20 bytes are there",
            ),
        ),
        (
            6,
            0,
            Some("cut off inside the header of a block at byte 6 before the first frame"),
        ),
    ] {
        let (seen, summary) = walk(&whole[..length]).unwrap();
        assert_eq!(seen.len(), frames, "{length} bytes");
        assert_eq!(summary.problems, Vec::from_iter(problem.map(str::to_owned)));
    }
}

#[test]
fn reading_goes_on_behind_a_damaged_block() {
    let second = 48 + 96;
    for value in [0, 8, 97, 4096, u32::MAX] {
        let mut bytes = three();
        bytes[second + 4..second + 8].copy_from_slice(&u32::to_le_bytes(value));
        let (seen, summary) = walk(&bytes).unwrap();
        assert_eq!(
            seen.iter().map(|frame| frame.number).collect::<Vec<_>>(),
            [1, 2],
            "length := {value}"
        );
        assert_eq!(
            seen[1].data,
            data(2, 61),
            "the second read is the third written"
        );
        assert_eq!(
            summary.problems,
            [
                "damaged at byte 144 after frame 1: no block begins there; skipped 96 bytes and read on at byte 240"
            ]
        );
    }
}

#[test]
fn a_wrong_second_length_alone_loses_no_frame() {
    for block in 0..3 {
        let mut bytes = three();
        let end = 48 + 96 * (block + 1);
        bytes[end - 4..end].copy_from_slice(&5u32.to_le_bytes());
        let (seen, summary) = walk(&bytes).unwrap();
        assert_eq!(seen.len(), 3);
        let at = end - 96;
        let expect = format!(
            "the two lengths of the block at byte {at} disagree (96 and 5): the first was taken"
        );
        assert_eq!(summary.problems, [expect]);
    }
}

#[test]
fn padding_left_out_of_the_length_is_there_all_the_same() {
    let mut bytes = three();
    for at in [48 + 4, 48 + 92] {
        bytes[at..at + 4].copy_from_slice(&93u32.to_le_bytes());
    }
    let (seen, summary) = walk(&bytes).unwrap();
    assert_eq!(
        (seen.len(), seen[0].data.len(), summary.problems),
        (3, 61, NONE)
    );
}

#[test]
fn a_frame_ends_where_its_block_ends() {
    let mut bytes = three();
    bytes[48 + 20..48 + 24].copy_from_slice(&100u32.to_le_bytes());
    let (seen, summary) = walk(&bytes).unwrap();
    assert_eq!(
        (seen.len(), seen[0].data.len(), seen[0].wire_len),
        (3, 64, 64)
    );
    assert_eq!(
        summary.problems,
        [
            "frame 1 at byte 48 says it holds 100 bytes, its block has 64: read as far as the block goes"
        ]
    );
}

#[test]
fn text_behind_the_last_block_is_told() {
    let bytes = [three(), b"-- end of capture, copied by hand --".to_vec()].concat();
    let (seen, summary) = walk(&bytes).unwrap();
    assert_eq!(seen.len(), 3);
    assert_eq!(
        summary.problems,
        ["damaged at byte 336 after frame 3: no further block in the 36 bytes that follow"]
    );
}
