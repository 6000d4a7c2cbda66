//! Captures as files: what opens, what does not and why, order, names, overlap, compression, looking frames up.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // A helper that fails, fails its test.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use facts::Time;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use sensor::{Capture, Captures, Summary, Writer};
use wire::{Frame, Link};

/// A folder of its own for a test, empty.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("sensor")
        .join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

fn put(path: PathBuf, bytes: &[u8]) -> PathBuf {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    path
}

/// A pcap with frames at these seconds; each frame of 20 bytes begins with its second.
fn pcap(secs: &[u8]) -> Vec<u8> {
    let mut bytes = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0".to_vec();
    for sec in secs {
        for word in [u32::from(*sec), 0, 20, 20] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend([*sec; 20]);
    }
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

/// Capture, number and second of each frame of a walk, and the summaries after it.
fn walk(captures: &Captures) -> (Vec<(u32, u32, u8)>, Vec<Summary>) {
    let mut walk = captures.walk();
    let mut seen = Vec::new();
    while let Some(frame) = walk.next() {
        assert_eq!(frame.time, Time::from_secs(i64::from(frame.data[0])));
        seen.push((frame.capture, frame.number, frame.data[0]));
    }
    let (done, total) = walk.position();
    assert_eq!(done, total, "a walk that is over has passed every byte");
    (seen, walk.summaries())
}

fn error(path: &Path) -> String {
    Captures::open(&[path]).unwrap_err().to_string()
}

#[test]
fn what_is_no_capture_is_refused_with_what_was_found_and_what_to_do() {
    let dir = folder("refused");
    let d = dir.display();
    let empty = put(dir.join("empty.pcap"), b"");
    assert_eq!(
        error(&empty),
        format!(
            "{d}/empty.pcap is empty: expected a pcap or pcapng capture; check that the capture was written and copied whole"
        )
    );
    let text = put(dir.join("notes.pcap"), b"Notes on the visit\n");
    assert_eq!(
        error(&text),
        format!(
            "{d}/notes.pcap is not a capture that can be read: found text that begins with \"Notes on the visit\\n\"; expected pcap or pcapng, \
             plain or compressed with gzip or zstd; if it is a capture of another kind, convert it with `editcap -F pcapng IN OUT` of Wireshark"
        )
    );
    for (name, bytes, found) in [
        (
            "magic",
            b"\x01\x02\x03\x04\x05".to_vec(),
            "found data that begins with the bytes 01 02 03 04 05;",
        ),
        (
            "snoop",
            b"snoop\0\0\0\0\0\0\x02".to_vec(),
            "found a snoop capture;",
        ),
        (
            "text.gz",
            gzip(b"just text"),
            "found gzip data that holds text that begins with \"just text\";",
        ),
        (
            "empty.zst",
            zstd(b""),
            "found zstd data that holds nothing;",
        ),
        (
            "twice.gz",
            gzip(&gzip(&pcap(&[1]))),
            "found gzip data that holds gzip data once more;",
        ),
        (
            "cut.gz",
            gzip(&pcap(&[1]))[..12].to_vec(),
            "found gzip data that cannot be unpacked (",
        ),
    ] {
        let message = error(&put(dir.join(name), &bytes));
        assert!(message.contains(found), "{message}");
    }
    let missing = error(&dir.join("missing.pcap"));
    assert_eq!(
        missing,
        format!("cannot open {d}/missing.pcap: check the path and the permission to read it")
    );
    assert!(
        Capture::open(&dir)
            .unwrap_err()
            .to_string()
            .contains("is not a regular file")
    );
}

#[test]
fn a_file_cut_off_in_its_header_is_a_capture_without_frames() {
    let dir = folder("cut");
    let path = put(dir.join("a.pcap"), &pcap(&[])[..10]);
    let captures = Captures::open(&[path]).unwrap();
    let (seen, summaries) = walk(&captures);
    assert!(seen.is_empty());
    assert_eq!(
        summaries[0].problems,
        ["cut off inside the file header: 10 of 24 bytes are there"]
    );
}

#[test]
fn a_folder_gives_its_captures_in_time_order_and_lists_the_rest() {
    let dir = folder("order");
    put(dir.join("a.pcap"), &pcap(&[30, 31]));
    put(dir.join("b.dump"), &pcap(&[10, 11]));
    put(dir.join("day2/a.pcap"), &pcap(&[20]));
    put(dir.join("day2/deep/z.pcap"), &pcap(&[1]));
    put(dir.join("none.pcap"), &pcap(&[]));
    put(dir.join("readme.txt"), b"read me");
    put(dir.join("void.pcap"), b"");
    let named = dir.join("a.pcap");
    let captures = Captures::open(&[dir.clone(), named]).unwrap();
    assert_eq!(
        captures.names(),
        ["b.dump", "day2/a.pcap", "order/a.pcap", "none.pcap"],
        "each once, by first frame"
    );
    assert_eq!(captures.list()[1].base_name(), "a.pcap");
    let skipped: Vec<_> = captures
        .skipped()
        .iter()
        .map(|s| (s.path.strip_prefix(&dir).unwrap(), s.reason.as_str()))
        .collect();
    assert_eq!(
        skipped,
        [
            (
                Path::new("day2/deep"),
                "folder in a subfolder: name it to have it read"
            ),
            (
                Path::new("readme.txt"),
                "not a capture: text that begins with \"read me\""
            ),
            (Path::new("void.pcap"), "empty"),
        ]
    );
    let (seen, _) = walk(&captures);
    assert_eq!(
        seen,
        [(0, 1, 10), (0, 2, 11), (1, 1, 20), (2, 1, 30), (2, 2, 31)]
    );
}

#[test]
fn a_folder_without_a_file_is_told() {
    let dir = folder("void");
    fs::create_dir_all(dir.join("deep")).unwrap();
    let captures = Captures::open(&[&dir]).unwrap();
    let [skipped] = captures.skipped() else {
        panic!("{:?}", captures.skipped());
    };
    assert_eq!(
        (&skipped.path, skipped.reason.as_str()),
        (&dir, "no file lies in it")
    );
}

#[test]
fn captures_that_overlap_are_merged_and_each_keeps_its_own_order() {
    let dir = folder("overlap");
    put(dir.join("a.pcap"), &pcap(&[1, 4, 5, 9]));
    // Its clock was set back once.
    put(dir.join("b.pcap"), &pcap(&[2, 6, 3, 7]));
    put(dir.join("c.pcap"), &pcap(&[5, 5, 10]));
    put(dir.join("d.pcap"), &pcap(&[20]));
    let captures = Captures::open(&[dir]).unwrap();
    let (seen, summaries) = walk(&captures);
    assert_eq!(
        seen,
        [
            (0, 1, 1),
            (1, 1, 2),
            (0, 2, 4),
            (0, 3, 5),
            (2, 1, 5),
            (2, 2, 5),
            (1, 2, 6),
            (1, 3, 3),
            (1, 4, 7),
            (0, 4, 9),
            (2, 3, 10),
            (3, 1, 20)
        ]
    );
    assert_eq!(
        summaries.iter().map(|s| s.packets).collect::<Vec<_>>(),
        [4, 4, 3, 1]
    );
    assert_eq!(
        (summaries[1].first, summaries[1].last),
        (Some(Time::from_secs(2)), Some(Time::from_secs(7)))
    );
}

#[test]
fn several_workers_walk_the_same_captures_alike() {
    let dir = folder("workers");
    put(dir.join("a.pcap"), &pcap(&[1, 2, 3]));
    put(dir.join("b.pcap.gz"), &gzip(&pcap(&[2, 4])));
    let captures = Captures::open(&[dir]).unwrap();
    let alone = walk(&captures);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..3).map(|_| scope.spawn(|| walk(&captures))).collect();
        for worker in workers {
            assert_eq!(worker.join().unwrap(), alone);
        }
    });
}

#[test]
fn compressed_captures_are_read_like_plain_ones() {
    let dir = folder("compressed");
    let secs: Vec<u8> = (1..=250).collect();
    let plain = pcap(&secs);
    let (front, back) = plain.split_at(1000);
    put(dir.join("plain"), &plain);
    put(dir.join("gz"), &gzip(&plain));
    put(dir.join("members"), &[gzip(front), gzip(back)].concat());
    put(dir.join("zst"), &zstd(&plain));
    put(dir.join("frames"), &[zstd(front), zstd(back)].concat());
    if let Ok(mut child) = Command::new("zstd")
        .args(["-19", "--long", "-q", "-o"])
        .arg(dir.join("tool"))
        .arg(dir.join("plain"))
        .spawn()
    {
        assert!(child.wait().unwrap().success());
    } else {
        println!("skipped in part: no zstd command");
    }
    for entry in fs::read_dir(&dir).unwrap() {
        let captures = Captures::open(&[entry.unwrap().path()]).unwrap();
        let (seen, summaries) = walk(&captures);
        assert_eq!(seen.len(), 250, "{}", captures.names()[0]);
        assert_eq!(
            summaries[0].problems,
            Vec::<String>::new(),
            "{}",
            captures.names()[0]
        );
    }
}

#[test]
fn a_compressed_capture_that_breaks_off_is_read_as_far_as_it_goes() {
    let dir = folder("broken");
    let plain = pcap(&(1..=250).collect::<Vec<u8>>());
    let whole = [gzip(&plain[..4000]), gzip(&plain[4000..])].concat();
    let path = put(
        dir.join("a.pcap.gz"),
        &whole[..gzip(&plain[..4000]).len() + 5],
    );
    let captures = Captures::open(&[path]).unwrap();
    let (seen, summaries) = walk(&captures);
    assert_eq!(seen.len(), (4000 - 24) / 36);
    let [cut, unpacking] = summaries[0].problems.as_slice() else {
        panic!("{:?}", summaries[0].problems)
    };
    assert_eq!(
        cut,
        "cut off inside frame 111 at byte 4000 of the unpacked content: 0 of 20 bytes are there"
    );
    assert!(
        unpacking.starts_with("could not be unpacked further after frame 110: "),
        "{unpacking}"
    );
}

#[test]
fn the_fact_about_a_capture_says_what_lies_there() {
    let dir = folder("info");
    let path = put(dir.join("a.pcap"), &pcap(&[7, 9]));
    let captures = Captures::open(&[path]).unwrap();
    let (_, summaries) = walk(&captures);
    let info = captures.infos(&summaries).remove(0);
    assert_eq!(
        (info.name.as_str(), info.folder),
        ("a.pcap", Some(dir.display().to_string()))
    );
    assert_eq!(
        (info.bytes, info.packets, info.undecoded, info.snapped),
        (96, 2, 0, 0)
    );
    assert_eq!(
        (info.format.as_str(), info.links),
        (
            "pcap, little endian, microseconds",
            vec!["Ethernet".to_owned()]
        )
    );
    assert_eq!(
        (info.time, info.last),
        (Some(Time::from_secs(7)), Some(Time::from_secs(9)))
    );
    // Of `sha256sum` over the same bytes.
    assert_eq!(
        info.sha256.unwrap(),
        "096c8581f9b3f7aeddf72f72ad8164e491c33c0f051198495c33145b6400c100"
    );
    let packed = put(
        dir.join("b.pcapng.zst"),
        &zstd(b"\x0a\x0d\x0d\x0a\x1c\0\0\0"),
    );
    let packed = Capture::open(packed).unwrap();
    assert_eq!(
        packed.info(0, &Summary::default(), false).format,
        "pcapng, zstd"
    );
}

#[test]
fn a_file_that_vanishes_after_it_was_opened_is_a_problem_and_the_others_are_read() {
    let dir = folder("vanished");
    let gone = put(dir.join("a.pcap"), &pcap(&[1]));
    put(dir.join("b.pcap"), &pcap(&[2]));
    let captures = Captures::open(&[&dir]).unwrap();
    fs::remove_file(gone).unwrap();
    let (seen, summaries) = walk(&captures);
    assert_eq!(seen, [(1, 1, 2)]);
    assert!(
        summaries[0].problems[0].starts_with("no longer readable: the file cannot be opened: ")
    );
}

#[test]
fn frames_are_looked_up_by_number() {
    let dir = folder("fetch");
    put(dir.join("a.pcap"), &pcap(&[1, 3, 5, 7]));
    put(dir.join("b.pcap"), &pcap(&[2, 4, 6]));
    let captures = Captures::open(&[dir]).unwrap();
    let mut fetch = captures.fetch(&[(1, vec![3, 1]), (0, vec![2]), (0, vec![2, 9]), (5, vec![1])]);
    let mut seen = Vec::new();
    while let Some(frame) = fetch.next() {
        seen.push((frame.capture, frame.number, frame.data[0]));
    }
    assert_eq!(seen, [(1, 1, 2), (0, 2, 3), (1, 3, 6)]);
    assert_eq!(fetch.missing(), [(0, 9), (5, 1)]);
}

#[test]
fn what_the_writer_writes_is_read_back() {
    let dir = folder("written");
    let path = dir.join("out.pcapng");
    let mut writer = Writer::create(&path).unwrap();
    let frame = |link, nanoseconds, data, capture, number| Frame {
        link,
        time: Time(nanoseconds),
        data,
        wire_len: 1500,
        capture,
        number,
    };
    let sent = [
        (
            "span.pcap",
            frame(
                Link::Ethernet,
                1_732_190_400_123_456_789,
                b"abcde".as_slice(),
                0,
                812,
            ),
        ),
        (
            "east/span.pcap",
            frame(
                Link::Raw,
                1_732_190_400_123_456_790,
                b"fghi".as_slice(),
                1,
                3,
            ),
        ),
        (
            "span.pcap",
            frame(
                Link::Other(220),
                1_732_190_400_123_456_791,
                b"".as_slice(),
                0,
                815,
            ),
        ),
        (
            "span.pcap",
            frame(
                Link::Ethernet,
                1_732_190_400_123_456_792,
                b"xyz".as_slice(),
                0,
                816,
            ),
        ),
    ];
    for (name, frame) in &sent {
        writer.frame(name, frame).unwrap();
    }
    writer.finish().unwrap();

    let captures = Captures::open(&[&path]).unwrap();
    let mut walk = captures.walk();
    for (number, (_, sent)) in (1..).zip(&sent) {
        let back = walk.next().unwrap();
        assert_eq!(
            (back.link, back.time, back.data, back.wire_len),
            (sent.link, sent.time, sent.data, sent.wire_len)
        );
        assert_eq!(back.number, number);
    }
    assert!(walk.next().is_none());
    let summary = walk.summaries().remove(0);
    assert_eq!(summary.interfaces, ["span.pcap", "east/span.pcap"]);
    assert_eq!(
        summary.links,
        ["Ethernet", "raw IP", "USB on Linux, padded (link type 220)"]
    );
    let bytes = fs::read(&path).unwrap();
    let comment = b"\x01\0\x13\0span.pcap frame 812\0\0\0\0\0";
    assert!(bytes.windows(comment.len()).any(|window| window == comment));

    let tshark = [
        "-T",
        "fields",
        "-e",
        "frame.interface_name",
        "-e",
        "frame.comment",
        "-e",
        "frame.len",
        "-e",
        "frame.time_epoch",
    ];
    match Command::new("tshark")
        .arg("-r")
        .arg(&path)
        .args(tshark)
        .output()
    {
        Ok(output) => {
            let text = String::from_utf8(output.stdout).unwrap();
            assert_eq!(
                text.lines().next(),
                Some("span.pcap\tspan.pcap frame 812\t1500\t1732190400.123456789")
            );
            assert_eq!(text.lines().count(), 4);
        }
        Err(_) => println!("skipped in part: no tshark"),
    }
}
