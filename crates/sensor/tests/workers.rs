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
