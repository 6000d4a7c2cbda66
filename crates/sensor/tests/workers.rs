//! Many workers at one desk: the same facts and the same hashes, from files of every form that change and break off.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // A helper that fails, fails its test.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use facts::Facts;
use lab::load::{Load, write};
use sensor::{Capture, Captures, observe};

/// A folder of its own for a test, empty.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("workers")
        .join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

/// Control traffic of some hundred connections.
fn traffic(packets: u64, video_percent: u8) -> Vec<u8> {
    let load = Load {
        packets,
        video_percent,
        ..Load::default()
    };
    let mut bytes = Vec::new();
    write(load, &mut bytes).unwrap();
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn facts(captures: &Captures, workers: usize) -> Facts {
    observe(captures, workers, 0, &|_, _| {}).unwrap()
}

#[test]
fn any_number_of_workers_sees_and_hashes_the_same() {
    let dir = folder("same");
    // More batches than the fastest worker may be ahead, and files that overlap in time; one is packed, with something
    // behind that is no capture, one ends in a frame.
    let control = traffic(60_000, 0);
    fs::write(dir.join("a.pcap"), &control[..control.len() - 30]).unwrap();
    fs::write(dir.join("b.pcap"), traffic(20_000, 40)).unwrap();
    let packed = [gzip(&traffic(9_000, 5)), vec![7; 100_000]].concat();
    fs::write(dir.join("c.pcap.gz"), packed).unwrap();
    let one = facts(&Captures::open(&[&dir]).unwrap(), 1);
    assert!(one.conversations.len() > 600 && one.operations.len() > 100);
    for file in &one.files {
        // On a pass of its own, which knows nothing of walks and workers.
        let alone = Capture::open(dir.join(&file.name)).unwrap();
        assert_eq!(file.sha256.as_deref(), Some(alone.sha256().unwrap()));
    }
    for workers in [2, 3, 8] {
        let many = facts(&Captures::open(&[&dir]).unwrap(), workers);
        assert!(one == many, "{workers} workers");
    }
}

#[test]
fn a_file_is_read_once_for_its_frames_and_its_hash() {
    for workers in [1, 2] {
        let dir = folder("once");
        for (name, bytes) in [
            ("a.pcap", traffic(3_000, 0)),
            ("b.pcap.gz", gzip(&traffic(3_000, 0))),
        ] {
            fs::write(dir.join(name), bytes).unwrap();
        }
        let captures = Captures::open(&[&dir]).unwrap();
        let seen = facts(&captures, workers);
        fs::remove_dir_all(&dir).unwrap();
        let known: Vec<_> = captures
            .list()
            .iter()
            .map(|one| one.sha256().ok())
            .collect();
        let told: Vec<_> = seen
            .files
            .iter()
            .map(|file| file.sha256.as_deref())
            .collect();
        assert_eq!(known, told, "{workers} workers");
    }
}

/// A pcap of UDP packets between two hosts of a VLAN at these seconds.
fn tagged(frames: &[(u32, u16)]) -> Vec<u8> {
    let mut bytes = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0".to_vec();
    for (second, vlan) in frames {
        let own = second.to_be_bytes();
        let host = (vlan % 100) as u8;
        let frame = [
            &[2, 0, 0, 0, 1, host, 2, 0, 0, 0, 0, host, 0x81, 0][..],
            &vlan.to_be_bytes(),
            &[8, 0, 0x45, 0, 0, 32, own[2], own[3], 0, 0, 64, 17, 0, 0],
            &[10, 0, host, 1, 10, 0, host, 2, 0x9c, 0x40, 0x9c, 0x41],
            &[0, 12, 0, 0, own[0], own[1], own[2], own[3]],
        ]
        .concat();
        let length = frame.len() as u32;
        for word in [*second, 0, length, length] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(frame);
    }
    bytes
}

#[test]
fn each_capture_tells_when_it_had_no_frame_and_until_when_it_showed_each_vlan() {
    let dir = folder("silent");
    let every = |from: u32, until: u32, vlan| (from..until).step_by(10).map(move |at| (at, vlan));
    // VLAN 10 all the time; VLAN 20 until 600 on this mirror port, which had nothing at all between 1000 and 1990.
    let mut span: Vec<_> = every(0, 1001, 10).chain(every(1990, 3000, 10)).collect();
    span.extend(every(5, 600, 20));
    span.sort_unstable();
    fs::write(dir.join("span.pcap"), tagged(&span)).unwrap();
    // The same hosts elsewhere; two parts that were put together in the wrong order are no silence.
    let tap: Vec<_> = [
        every(0, 500, 20),
        every(2000, 3000, 20),
        every(500, 2000, 20),
    ]
    .into_iter()
    .flatten()
    .collect();
    fs::write(dir.join("tap.pcap"), tagged(&tap)).unwrap();
    let captures = Captures::open(&[&dir]).unwrap();
    let told = |workers| {
        let rows = facts(&captures, workers).coverage.into_iter();
        rows.filter(|row| ["silence", "vlan"].contains(&row.what.as_str()))
            .map(|row| {
                let part = row.part.unwrap_or(row.what);
                let second = |time: Option<facts::Time>| time.unwrap().0 / 1_000_000_000;
                let (from, until) = (second(row.time), second(row.last));
                (row.evidence.capture.unwrap(), part, from, until, row.total)
            })
            .collect::<Vec<_>>()
    };
    let row =
        |capture, part: &str, from, until, total| (capture, part.to_owned(), from, until, total);
    let expected = [
        row(0, "vlan/10", 0, 2990, 202),
        row(0, "vlan/20", 5, 595, 60),
        row(1, "vlan/20", 0, 2990, 300),
        row(0, "silence", 1000, 1990, 990),
    ];
    assert_eq!(told(1), expected);
    assert_eq!(told(3), expected);
}

#[test]
fn a_file_that_is_cut_while_it_is_read_is_read_as_far_as_it_goes() {
    for workers in [1, 2] {
        let path = folder("cut").join("a.pcap");
        fs::write(&path, traffic(20_000, 0)).unwrap();
        let captures = Captures::open(&[&path]).unwrap();
        let cut = 24 + 16 + 20;
        fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(cut)
            .unwrap();
        let file = facts(&captures, workers).files.remove(0);
        assert_eq!(file.packets, 0);
        assert_eq!(
            file.problems,
            ["cut off inside frame 1 at byte 60: 20 of 60 bytes are there"]
        );
    }
}

#[test]
fn the_bytes_read_go_up_to_all_of_them() {
    let path = folder("progress").join("a.pcap");
    fs::write(&path, traffic(20_000, 0)).unwrap();
    let captures = Captures::open(&[&path]).unwrap();
    for workers in [1, 2] {
        let told = std::sync::Mutex::new(Vec::new());
        observe(&captures, workers, 0, &|done, total| {
            told.lock().unwrap().push((done, total));
        })
        .unwrap();
        let told = told.into_inner().unwrap();
        assert!(told.is_sorted() && told.len() > 1, "{told:?}");
        let bytes = captures.list()[0].bytes();
        assert_eq!(told.last(), Some(&(bytes, bytes)));
    }
}
