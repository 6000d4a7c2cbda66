//! pcap by hand-made bytes: each form, each damage.
use super::*;
use crate::testing::{Seen, data, hex, pcap, record, walk};

const NOON: u32 = 1_732_190_400;

fn numbers(seen: &[Seen]) -> Vec<u32> {
    seen.iter().map(|frame| frame.number).collect()
}

/// Five frames of 60 bytes, a second apart.
fn five() -> Vec<u8> {
    let mut bytes = pcap(65_535, 1);
    for n in 0..5u8 {
        bytes.extend(record(NOON + u32::from(n), 7, &data(n, 60), 60));
    }
    bytes
}

#[test]
fn both_byte_orders_and_both_units_say_the_same_time() {
    let frame = "aabbccdd";
    for (head, header, nanoseconds) in [
        (
            "a1b2c3d4 0002 0004 00000000 00000000 0000ffff 00000001",
            "00000001 00000002 00000004 00000009",
            1_000_002_000,
        ),
        (
            "d4c3b2a1 0200 0400 00000000 00000000 ffff0000 01000000",
            "01000000 02000000 04000000 09000000",
            1_000_002_000,
        ),
        (
            "a1b23c4d 0002 0004 00000000 00000000 0000ffff 00000001",
            "00000001 00000002 00000004 00000009",
            1_000_000_002,
        ),
        (
            "4d3cb2a1 0200 0400 00000000 00000000 ffff0000 01000000",
            "01000000 02000000 04000000 09000000",
            1_000_000_002,
        ),
        // Long record headers: interface 3, protocol 0800, packet type 0, padding.
        (
            "a1b2cd34 0002 0004 00000000 00000000 0000ffff 00000001",
            "00000001 00000002 00000004 00000009 00000003 0800 00 00",
            1_000_002_000,
        ),
        // Version 2.2 has the length on the wire first.
        (
            "a1b2c3d4 0002 0002 00000000 00000000 0000ffff 00000001",
            "00000001 00000002 00000009 00000004",
            1_000_002_000,
        ),
    ] {
        let bytes = hex(&[head, header, frame].concat());
        let (seen, summary) = walk(&bytes).unwrap();
        let expect = Seen {
            number: 1,
            nanoseconds,
            link: Link::Ethernet,
            data: hex(frame),
            wire_len: 9,
        };
        assert_eq!(seen, [expect], "{head}");
        assert_eq!(summary.problems, Vec::<String>::new());
        assert_eq!((summary.packets, summary.snapped), (1, 1));
    }
}

#[test]
fn record_headers_that_are_longer_than_the_file_says_are_found_by_the_records() {
    for (magic, more) in [(0xa1b2_c3d4_u32, 4), (0xa1b2_c3d4, 8), (0xa1b2_cd34, 12)] {
        let mut bytes = pcap(65_535, 1);
        bytes[..4].copy_from_slice(&magic.to_le_bytes());
        for n in 0..5u8 {
            let record = record(NOON + u32::from(n), 7, &data(n, 60), 60);
            bytes.extend(&record[..16]);
            bytes.extend(vec![n; more]);
            bytes.extend(&record[16..]);
        }
        let (seen, summary) = walk(&bytes).unwrap();
        assert_eq!(numbers(&seen), [1, 2, 3, 4, 5], "{more}");
        assert_eq!(seen[4].data, data(4, 60));
        assert_eq!(summary.problems, Vec::<String>::new());
    }
}

#[test]
fn a_checksum_that_the_file_declares_is_no_part_of_the_frame() {
    // Link type 1, bit 26, two units of two bytes.
    let mut bytes = pcap(65_535, 1 | 1 << 26 | 2 << 28);
    bytes.extend(record(NOON, 0, &data(1, 64), 64));
    bytes.extend(record(NOON, 0, &data(1, 40), 64));
    let (seen, summary) = walk(&bytes).unwrap();
    assert_eq!((seen[0].data.len(), seen[0].wire_len), (60, 60));
    assert_eq!((seen[1].data.len(), seen[1].wire_len), (40, 60));
    assert_eq!(seen[0].link, Link::Ethernet);
    assert_eq!(summary.snapped, 1, "a frame without its checksum is whole");
}

#[test]
fn an_unknown_link_type_is_counted_and_named() {
    let mut bytes = pcap(65_535, 220);
    bytes.extend(record(NOON, 0, &data(1, 64), 64));
    bytes.extend(record(NOON, 0, &data(2, 64), 64));
    let (seen, summary) = walk(&bytes).unwrap();
    assert_eq!(seen[1].link, Link::Other(220));
    assert_eq!((summary.packets, summary.undecoded), (2, 2));
    assert_eq!(summary.links, ["USB on Linux, padded (link type 220)"]);
    assert_eq!(
        summary.problems,
        ["2 frames of USB on Linux, padded (link type 220): link type not decoded, counted only"]
    );
}

#[test]
fn a_cut_says_where_and_how_much_is_there() {
    let whole = five();
    for (length, frames, problem) in [
        (
            10,
            0,
            Some("cut off inside the file header: 10 of 24 bytes are there"),
        ),
        (24, 0, None),
        (
            29,
            0,
            Some("cut off inside the header of frame 1 at byte 29: 5 of 16 bytes are there"),
        ),
        (
            24 + 4 * 76 + 16 + 40,
            4,
            Some("cut off inside frame 5 at byte 384: 40 of 60 bytes are there"),
        ),
        (24 + 4 * 76, 4, None),
    ] {
        let (seen, summary) = walk(&whole[..length]).unwrap();
        assert_eq!(seen.len(), frames, "{length} bytes");
        assert_eq!(summary.problems, Vec::from_iter(problem.map(str::to_owned)));
    }
}

#[test]
fn reading_goes_on_behind_a_damaged_record() {
    let record_3 = 24 + 2 * 76;
    // A length beyond all bounds; one that is too long by a little; one that would reach past the end.
    for (value, field) in [(0xffff_fff0_u32, 8), (61, 8), (200_000, 8)] {
        let mut bytes = five();
        bytes[record_3 + field..record_3 + field + 4].copy_from_slice(&value.to_le_bytes());
        let (seen, summary) = walk(&bytes).unwrap();
        assert_eq!(numbers(&seen), [1, 2, 3, 4], "field {field} := {value}");
        assert_eq!(
            seen[2].data,
            data(3, 60),
            "the third read is the fourth written"
        );
        assert_eq!(
            summary.problems,
            [
                "damaged at byte 176 after frame 2: no record begins there; skipped 76 bytes and read on at byte 252"
            ]
        );
    }
}

#[test]
fn an_absurd_length_on_the_wire_loses_no_frame() {
    let mut bytes = five();
    bytes[24 + 12..24 + 16].copy_from_slice(&0xf000_0000_u32.to_le_bytes());
    let (seen, summary) = walk(&bytes).unwrap();
    assert_eq!((seen.len(), seen[0].wire_len, summary.snapped), (5, 60, 0));
    assert_eq!(
        summary.problems,
        [
            "frame 1 at byte 24 says it was 4026531840 bytes long on the wire: taken for as long as it is here"
        ]
    );
}

#[test]
fn holes_and_garbage_between_records_are_passed_and_told() {
    let mut bytes = five();
    let end = bytes.len();
    bytes.extend([0; 4096]);
    bytes.extend(b"GET / HTTP/1.1 and other text that is no record at all");
    let middle = bytes.len();
    bytes.extend(record(NOON + 9, 0, &data(9, 60), 60));
    bytes.extend(record(NOON + 10, 0, &data(9, 60), 60));
    let after = bytes.len();
    bytes.extend([0; 100]);
    let (seen, summary) = walk(&bytes).unwrap();
    assert_eq!(numbers(&seen), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(
        summary.problems,
        [
            format!(
                "damaged at byte {end} after frame 5: no record begins there; skipped {} bytes and read on at byte {middle}",
                middle - end
            ),
            format!(
                "damaged at byte {after} after frame 7: no further record in the 100 bytes that follow"
            ),
        ]
    );
}

#[test]
fn odd_but_consistent_records_are_read_like_any_others() {
    let mut bytes = pcap(96, 1);
    // Fractions beyond a second, a length beyond the snap length, an empty frame, years between, time going back.
    bytes.extend(record(NOON, 5_000_000, &data(1, 60), 60));
    bytes.extend(record(NOON, 5_000_000, &data(2, 1500), 1500));
    bytes.extend(record(NOON, 0, &[], 60));
    bytes.extend(record(NOON + 400_000_000, 0, &data(3, 60), 60));
    bytes.extend(record(NOON, 0, &data(4, 60), 0));
    let (seen, summary) = walk(&bytes).unwrap();
    assert_eq!(numbers(&seen), [1, 2, 3, 4, 5]);
    assert_eq!(
        seen[4].wire_len, 60,
        "no frame was shorter on the wire than here"
    );
    assert_eq!(
        summary.problems,
        [
            "the times of 2 frames go back by up to 400000000 s: a clock was set, or files were put together out of order"
        ]
    );
    assert_eq!(summary.first, Some(Time(i64::from(NOON) * 1_000_000_000)));
    assert_eq!(
        summary.last,
        Some(Time(i64::from(NOON + 400_000_000) * 1_000_000_000))
    );
}

#[test]
fn a_length_that_asks_for_gigabytes_takes_none() {
    let mut bytes = pcap(u32::MAX, 1);
    bytes.extend(record(NOON, 0, &data(1, 60), 60));
    bytes.extend(hex("00000000 00000000 ffffff0f ffffff0f 00"));
    let (seen, summary) = walk(&bytes).unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!(
        summary.problems,
        ["cut off inside frame 2 at byte 117: 1 of 268435455 bytes are there"]
    );
}

#[test]
fn a_damaged_length_that_is_possible_does_not_lead_out_of_step() {
    // Frames that carry numbers, so that a header read out of step is possible too.
    let mut bytes = pcap(65_535, 1);
    let frame: Vec<u8> = (0..24).flat_map(|n: u32| n.to_le_bytes()).collect();
    for n in 0..100 {
        bytes.extend(record(NOON + n, 7, &frame, 96));
    }
    for (length, lost) in [(92u32, 0), (1, 0), (200, 1), (4660, 1)] {
        let mut bytes = bytes.clone();
        let fiftieth = 24 + 50 * 112;
        bytes[fiftieth + 8..fiftieth + 12].copy_from_slice(&length.to_le_bytes());
        let (seen, summary) = walk(&bytes).unwrap();
        assert_eq!(seen.len(), 100 - lost, "length := {length}");
        assert_eq!(summary.problems.len(), 1, "length := {length}");
    }
}

#[test]
fn odd_records_between_proper_ones_are_kept_if_they_lead_to_them() {
    let mut bytes = pcap(65_535, 1);
    for n in 0..300 {
        bytes.extend(record(NOON + n, 7, &data(1, 60), 60));
        for _ in 0..n {
            bytes.extend(record(NOON + n, 7, &[], 60));
        }
    }
    let (seen, summary) = walk(&bytes).unwrap();
    assert_eq!(
        (seen.len(), summary.problems),
        (300 + 299 * 300 / 2, Vec::new())
    );
}
