//! The real captures beside the project: each is read to its end with as many frames as the index says.
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use facts::Time;
use sensor::{Capture, Captures};

/// Captures that are cut off or hold what is not decoded, with what must be told of them.
const TROUBLED: &[(&str, &str)] = &[
    (
        "ITI__ICS-Security-Tools__melsoft_129_clean.pcap",
        "cut off inside frame 2042 at byte 331776: 95 of 157 bytes are there",
    ),
    (
        "ntop__nDPI__fuzz-2021-06-07-c6c72a0a56.pcap",
        "frame 1 at byte 24 says it was 4093509168 bytes long on the wire: taken for as long as it is here",
    ),
    (
        "ntop__nDPI__fuzz-2021-10-13.pcap",
        "cut off inside the header of frame 2 at byte 239: 2 of 16 bytes are there",
    ),
    (
        "seladb__PcapPlusPlus__microsecs_big_endian.pcap",
        "13 frames of Netlink (link type 253): link type not decoded, counted only",
    ),
    (
        "idaholab__Malcolm-Test-Artifacts__DHCP.pcap",
        "the times of 38 frames go back by up to 4294 s: a clock was set, or files were put together out of order",
    ),
    (
        "idaholab__Malcolm-Test-Artifacts__multiport_scan.pcap",
        "the times of 15 frames go back by up to 13460 s: a clock was set, or files were put together out of order",
    ),
    (
        "ntop__nDPI__can.pcap",
        "the times of 2 frames go back by up to 22 s: a clock was set, or files were put together out of order",
    ),
    (
        "ntop__nDPI__ipsec_isakmp_esp.pcap",
        "the times of 587 frames go back by up to 69414 s: a clock was set, or files were put together out of order",
    ),
    (
        "ntop__nDPI__knxip.pcapng",
        "the times of 1 frame go back by up to 83486911 s: a clock was set, or files were put together out of order",
    ),
];

#[test]
fn every_real_capture_has_the_frames_that_the_index_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures");
    let Ok(index) = fs::read_to_string(folder.join("INDEX.tsv")) else {
        println!("skipped: no captures");
        return;
    };
    let mut wrong = Vec::new();
    let mut troubled = BTreeMap::new();
    let mut files = 0;
    for line in index.lines().skip(1) {
        let mut columns = line.split('\t');
        let (Some(file), Some(_), Some(packets)) = (columns.next(), columns.next(), columns.next())
        else {
            continue;
        };
        let capture = match Capture::open(folder.join(file)) {
            Ok(capture) => capture,
            Err(error) => {
                wrong.push(error.to_string());
                continue;
            }
        };
        files += 1;
        let mut frames = capture.frames(0).unwrap();
        let mut handed_out = 0;
        while let Some(frame) = frames.next() {
            handed_out += 1;
            assert_eq!(frame.number, handed_out, "{file}");
        }
        let summary = frames.summary();
        if packets != summary.packets.to_string() {
            wrong.push(format!(
                "{file}: {packets} in the index, {} read",
                summary.packets
            ));
        }
        if !summary.problems.is_empty() {
            troubled.insert(file.to_owned(), summary.problems);
        }
    }
    println!("{files} captures");
    assert_eq!(wrong, Vec::<String>::new());
    let expect: BTreeMap<String, Vec<String>> = TROUBLED
        .iter()
        .map(|(file, problem)| ((*file).to_owned(), vec![(*problem).to_owned()]))
        .collect();
    assert_eq!(troubled, expect);
}

#[test]
fn a_walk_over_all_of_them_goes_back_in_time_only_within_a_capture() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures");
    if !folder.join("INDEX.tsv").exists() {
        println!("skipped: no captures");
        return;
    }
    let captures = Captures::open(&[folder]).unwrap();
    let mut walk = captures.walk();
    let mut before = (0, Time::MIN);
    let mut frames = 0u64;
    while let Some(frame) = walk.next() {
        let clock_set_back = frame.capture == before.0;
        assert!(
            frame.time >= before.1 || clock_set_back,
            "capture {} frame {}",
            frame.capture,
            frame.number
        );
        before = (frame.capture, frame.time);
        frames += 1;
    }
    assert_eq!(walk.position().0, walk.position().1);
    let summaries = walk.summaries();
    assert_eq!(
        summaries.iter().map(|summary| summary.packets).sum::<u64>(),
        frames
    );
}
