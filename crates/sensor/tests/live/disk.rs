//! Packets on disk: the ring of segments, its budget, and the evidence cut out of it.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use facts::Time;
use sensor::Captures;
use sensor::live::{Cut, Keeper, Packet, Place, Rotation, SegmentInfo, Segments, trim};
use wire::Link;

/// A folder of its own for a test, empty.
pub fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("live")
        .join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

const LARGE: Rotation = Rotation {
    bytes: 1 << 40,
    seconds: 1 << 40,
};

fn start() -> Time {
    Time::parse("2026-11-22T01:16:44.5Z").unwrap()
}

/// The n-th packet, a second after the one before; its bytes begin with its number.
fn data(n: u32, length: usize) -> Vec<u8> {
    let mut bytes = n.to_be_bytes().to_vec();
    bytes.resize(length, 0xaa);
    bytes
}

fn write(segments: &mut Segments, n: u32, length: usize) -> Option<Place> {
    let data = data(n, length);
    segments.write(&Packet {
        time: start().plus_secs(i64::from(n)),
        data: &data,
        wire_len: length as u32 + 3,
        link: Link::Ethernet,
    })
}

/// Flushes until the disk is done with all that was handed to it.
fn settle(segments: &mut Segments, now: Time, until: impl Fn(&Segments) -> bool) {
    for _ in 0..500 {
        segments.flush(now);
        if until(segments) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the disk did not get that far");
}

fn names(segments: &[SegmentInfo]) -> Vec<&str> {
    segments.iter().map(|info| info.name.as_str()).collect()
}

/// Number, packet number and length of each frame of a file.
fn frames(path: &Path) -> Vec<(u32, u32, usize)> {
    let captures = Captures::open(&[path]).unwrap();
    let mut walk = captures.walk();
    let mut found = Vec::new();
    while let Some(frame) = walk.next() {
        let n = u32::from_be_bytes(*frame.data.first_chunk().unwrap());
        assert_eq!(frame.time, start().plus_secs(i64::from(n)));
        assert_eq!(frame.wire_len as usize, frame.data.len() + 3);
        found.push((frame.number, n, frame.data.len()));
    }
    found
}

#[test]
fn a_place_leads_to_its_packet_and_segments_are_cut_by_size_and_time() {
    let dir = folder("segments");
    let rotation = Rotation {
        bytes: 2_000_000,
        seconds: 600,
    };
    let mut segments = Segments::open(&dir, "STS-07", 2, rotation).unwrap();
    let mut places = Vec::new();
    for n in 0..3000 {
        // The disk is quick enough for a packet in a while, and it is waited for.
        let length = 60 + (n as usize * 37) % 9000;
        let place = loop {
            match write(&mut segments, n, length) {
                Some(place) => break place,
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        places.push((place, n, length));
    }
    let running = segments.current().unwrap().clone();
    assert_eq!(running.last, start().plus_secs(2999));
    let done = segments.close(start().plus_secs(3000));
    assert_eq!(done.last().unwrap().name, running.name);
    assert_eq!(done[0].name, "STS-07_20261122T011644Z_w2_000001.pcapng");
    assert!(done.is_sorted_by_key(|info| (info.name.clone(), info.number)));
    assert!(done.len() >= 5);
    assert!(
        done.iter()
            .all(|info| info.last.since(info.first) < 600 * 1_000_000_000)
    );
    assert!(
        done.iter().any(|info| info.bytes >= 2_000_000),
        "some were full"
    );
    let mut written = Vec::new();
    for info in &done {
        let path = dir.join(&info.name);
        assert_eq!(fs::metadata(&path).unwrap().len(), info.bytes);
        assert_eq!((info.written, &info.problem), (info.packets, &None));
        for (frame, n, length) in frames(&path) {
            let segment = info.number;
            written.push((Place { segment, frame }, n, length));
        }
    }
    assert!(written == places, "each packet is where it was said to be");

    // The next run goes on counting, another worker has its own count.
    let mut next = Segments::open(&dir, "STS-07", 2, rotation).unwrap();
    assert_eq!(
        write(&mut next, 0, 60).unwrap().segment,
        done.len() as u64 + 1
    );
    let mut other = Segments::open(&dir, "STS-07", 3, rotation).unwrap();
    assert_eq!(write(&mut other, 0, 60).unwrap().segment, 1);
}

#[test]
fn what_was_flushed_survives_a_kill_and_a_cut_block_costs_itself_only() {
    let dir = folder("killed");
    let mut segments = Segments::open(&dir, "span", 0, LARGE).unwrap();
    for n in 0..100 {
        write(&mut segments, n, 200).unwrap();
    }
    let now = start().plus_secs(100);
    settle(&mut segments, now, |s| s.current().unwrap().written == 100);
    let path = dir.join(&segments.current().unwrap().name);
    let whole = fs::read(&path).unwrap();
    // As it lies there, without an end.
    assert_eq!(frames(&path).len(), 100);
    for cut in [1, 5, 100, 231] {
        let killed = dir.join("killed.pcapng");
        fs::write(&killed, &whole[..whole.len() - cut]).unwrap();
        let left = frames(&killed);
        assert_eq!(left.len(), 99, "cut by {cut}");
        assert_eq!(left.last().unwrap(), &(99, 98, 200));
    }
}

#[test]
fn a_ring_that_somebody_deletes_is_said_to_be_gone_and_begun_anew() {
    let dir = folder("deleted");
    let mut segments = Segments::open(&dir, "span", 0, LARGE).unwrap();
    let all = |s: &Segments| s.current().is_some_and(|info| info.written == info.packets);
    assert!(write(&mut segments, 0, 100).is_some());
    settle(&mut segments, start(), all);
    fs::remove_dir_all(&dir).unwrap();
    assert!(write(&mut segments, 1, 100).is_some());
    settle(&mut segments, start().plus_secs(1), |s| {
        s.paused().is_some()
    });
    let reason = segments.paused().unwrap().reason.clone();
    assert!(reason.contains("deleted"), "{reason}");
    assert!(write(&mut segments, 30, 100).is_some());
    settle(&mut segments, start().plus_secs(30), all);
    assert_eq!(segments.paused(), None);
    let path = dir.join(&segments.current().unwrap().name);
    assert_eq!(frames(&path).len(), 1);
}

#[test]
fn a_full_disk_pauses_the_ring_says_so_and_is_tried_again() {
    let dir = folder("full");
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=3m", "tmpfs"])
        .arg(&dir)
        .output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        return println!("skipped: no small file system can be mounted (needs root)");
    }
    let unmount = Unmount(&dir);
    let mut segments = Segments::open(&dir, "span", 0, LARGE).unwrap();
    let mut n = 0;
    let mut kept = 0;
    while segments.paused().is_none() && n < 10_000 {
        kept += u32::from(write(&mut segments, n, 1000).is_some());
        if n % 50 == 49 {
            let all = |info: &SegmentInfo| info.written == info.packets;
            settle(&mut segments, start().plus_secs(i64::from(n)), |s| {
                s.paused().is_some() || s.current().is_some_and(all)
            });
        }
        n += 1;
    }
    let paused = segments.paused().unwrap().clone();
    assert!(
        paused.reason.contains("No space left on device"),
        "{}",
        paused.reason
    );
    assert_eq!(
        write(&mut segments, n, 1000),
        None,
        "packets go on, without the disk"
    );
    assert_eq!(segments.current(), None);

    // What had room can be read.
    let now = start().plus_secs(i64::from(n));
    let mut failed = Vec::new();
    for _ in 0..500 {
        segments.flush(now);
        failed.extend(segments.finished());
        if !failed.is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let [failed] = &failed[..] else {
        panic!("{failed:?}")
    };
    assert!(failed.problem.is_some() && failed.packets == kept);
    let path = dir.join(&failed.name);
    assert!(frames(&path).len() >= failed.written as usize && failed.written > 1000);
    assert_eq!(segments.left_out(), u64::from(n + 1 - failed.written));

    // Still full: one try, and the pause goes on since when it began.
    n += 20;
    assert!(write(&mut segments, n, 1000).is_some(), "tried again");
    settle(&mut segments, start().plus_secs(i64::from(n)), |s| {
        s.current().is_none()
    });
    assert_eq!(segments.paused().unwrap().since, paused.since);

    fs::remove_file(path).unwrap();
    n += 20;
    let place = write(&mut segments, n, 1000).unwrap();
    assert!(place.segment > 2 && place.frame == 1);
    settle(&mut segments, start().plus_secs(i64::from(n)), |s| {
        s.paused().is_none()
    });
    let name = segments.current().unwrap().name.clone();
    assert_eq!(frames(&dir.join(name)), [(1, n, 1000)]);
    drop(segments);
    drop(unmount);
}

struct Unmount<'a>(&'a Path);

impl Drop for Unmount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).output();
    }
}

#[test]
fn a_sensor_whose_name_is_no_file_name_is_refused() {
    for name in ["", "a/b", "../up", ".hidden", "Kran 7", &"x".repeat(101)] {
        let error = Segments::open(&folder("names"), name, 0, LARGE).unwrap_err();
        assert!(
            error.to_string().contains("cannot begin a file name"),
            "{error}"
        );
    }
}

#[test]
fn the_oldest_segments_go_first_and_the_one_being_written_never() {
    let dir = folder("trim");
    let put = |name: &str| fs::write(dir.join(name), [0; 1000]).unwrap();
    for name in [
        "span_20261122T000000Z_w0_000007.pcapng",
        "span_20261122T000500Z_w0_000008.pcapng",
        "span_20261122T001000Z_w0_000009.pcapng",
        // Another sensor's. Its second was written while the clock was wrong.
        "east_yard_20261122T000200Z_w1_000003.pcapng",
        "east_yard_20990101T000000Z_w1_000004.pcapng",
        "east_yard_20261122T000700Z_w1_000005.pcapng",
        "east_yard_20261122T000900Z_w1_000006.pcapng",
        // None of the ring's.
        "notes.txt",
        "span_yesterday_w0_000001.pcapng",
        "span_20261122T000000Z_w0_000001.pcap",
    ] {
        put(name);
    }
    let trimmed = trim(&dir, 4500).unwrap();
    assert_eq!(
        trimmed.deleted,
        [
            "span_20261122T000000Z_w0_000007.pcapng",
            "east_yard_20261122T000200Z_w1_000003.pcapng",
            "span_20261122T000500Z_w0_000008.pcapng",
        ]
    );
    assert_eq!(trimmed.bytes, 4000);
    let trimmed = trim(&dir, 0).unwrap();
    assert_eq!(trimmed.bytes, 2000, "the newest of each worker stays");
    assert_eq!(trimmed.deleted.len(), 2);
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 5);
}

#[test]
fn evidence_outlives_the_ring_and_is_kept_once() {
    let dir = folder("kept");
    let (ring, evidence) = (dir.join("ring"), dir.join("evidence"));
    let rotation = Rotation {
        bytes: 1 << 40,
        seconds: 10,
    };
    let mut segments = Segments::open(&ring, "span", 0, rotation).unwrap();
    for n in 0..30 {
        write(&mut segments, n, 100).unwrap();
    }
    let done = segments.close(start());
    let [first, second, third] = names(&done)[..] else {
        panic!("{done:?}")
    };
    let of = |name: &str, frames: &[u32]| (name.to_owned(), frames.to_vec());
    let now = start().plus_secs(60);
    let mut keeper = Keeper::open(&evidence).unwrap();
    let cited = [of(first, &[2, 3]), of(third, &[10, 1, 11])];
    let cut = Cut {
        finding: "C9-1a2b",
        frames: &cited,
    };
    let kept = keeper.keep(&ring, &cut, now).unwrap();
    assert_eq!(
        (kept.frames, &kept.missing[..]),
        (4, &[of(third, &[11])][..])
    );
    let file = kept.file.unwrap();
    let hash = Command::new("sha256sum")
        .arg(evidence.join(&file))
        .output()
        .unwrap();
    let hash = String::from_utf8(hash.stdout).unwrap();
    let hash = hash.split(' ').next().unwrap();
    assert_eq!(file, format!("{hash}.pcapng"));
    let held: Vec<u32> = frames(&evidence.join(&file))
        .iter()
        .map(|(_, n, _)| *n)
        .collect();
    assert_eq!(held, [1, 2, 20, 29]);

    // Again, and with more: only what is new is written. A rolled-over segment takes nothing away.
    fs::remove_file(ring.join(first)).unwrap();
    assert_eq!(keeper.keep(&ring, &cut, now).unwrap().file, None);
    let more = [of(first, &[2, 3, 4]), of(second, &[1])];
    let cut = Cut {
        finding: "C9-1a2b",
        frames: &more,
    };
    let kept = keeper.keep(&ring, &cut, now).unwrap();
    assert_eq!(
        (kept.frames, &kept.missing[..]),
        (1, &[of(first, &[4])][..])
    );
    assert_eq!(keeper.files("C9-1a2b").len(), 2);
    drop(keeper);

    // Killed in the middle of a line; the index is read without it, and goes on.
    let index = evidence.join("index.jsonl");
    let mut text = fs::read_to_string(&index).unwrap();
    text.push_str("{\"finding\":\"C9-");
    fs::write(&index, text).unwrap();
    let mut keeper = Keeper::open(&evidence).unwrap();
    assert!(keeper.problems()[0].contains("index.jsonl:3: not a line of the index"));
    assert_eq!(keeper.keep(&ring, &cut, now).unwrap().file, None);
    let only = [of(second, &[5])];
    let cut = Cut {
        finding: "C2-ffff",
        frames: &only,
    };
    assert!(keeper.keep(&ring, &cut, now).unwrap().file.is_some());
    assert_eq!(Keeper::open(&evidence).unwrap().files("C2-ffff").len(), 1);
    let lines = fs::read_to_string(&index).unwrap();
    assert_eq!(lines.lines().count(), 4);
    assert!(lines.contains(&format!(
        "\"missing\":[{{\"segment\":\"{third}\",\"frames\":[11]}}]"
    )));
}

#[test]
fn evidence_beyond_its_budget_goes_by_age_and_that_of_open_findings_never() {
    let dir = folder("budget");
    let (ring, evidence) = (dir.join("ring"), dir.join("evidence"));
    let rotation = Rotation {
        bytes: 1 << 40,
        seconds: 60,
    };
    let mut segments = Segments::open(&ring, "span", 0, rotation).unwrap();
    for n in 0..8 {
        write(&mut segments, n, 1000).unwrap();
    }
    let done = segments.close(start());
    let segment = done[0].name.clone();
    let mut keeper = Keeper::open(&evidence).unwrap();
    let keep = |keeper: &mut Keeper, finding: &str, frames: &[u32]| {
        let frames = [(segment.clone(), frames.to_vec())];
        let cut = Cut {
            finding,
            frames: &frames,
        };
        keeper.keep(&ring, &cut, start())
    };
    for (finding, frames) in [
        ("a", &[1u32][..]),
        ("b", &[2]),
        ("c", &[3]),
        ("again", &[3]),
        ("d", &[4]),
        ("e", &[5]),
    ] {
        keep(&mut keeper, finding, frames).unwrap();
    }
    // A cut that no line of the index names, as a crash leaves it.
    fs::write(evidence.join("0123.pcapng"), vec![0; 1200]).unwrap();
    let bytes = || -> u64 {
        let entries = fs::read_dir(&evidence).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let cuts = paths.filter(|path| path.extension().is_some_and(|end| end == "pcapng"));
        cuts.map(|path| path.metadata().unwrap().len()).sum()
    };
    let one = (bytes() - 1200) / 5;
    assert_eq!(keeper.trim(u64::MAX, &|_| false).unwrap(), []);
    // Room for three: what nothing names goes, then b, the oldest that is not open; c's file is that of another finding too.
    let is_open = |finding: &str| matches!(finding, "a" | "again");
    let deleted = keeper.trim(one * 3, &is_open).unwrap();
    let findings: Vec<&str> = deleted
        .iter()
        .map(|(finding, _)| finding.as_str())
        .collect();
    assert_eq!((findings, bytes()), (vec!["b", "d"], one * 3));
    let there = |keeper: &Keeper| {
        ["a", "b", "c", "again", "d", "e"].map(|finding| keeper.files(finding).len())
    };
    assert_eq!(there(&keeper), [1, 0, 0, 1, 0, 1]);
    assert_eq!(there(&Keeper::look(&evidence).unwrap()), there(&keeper));

    // Where open findings alone take it up, nothing goes, and nothing comes.
    assert_eq!(keeper.trim(one, &|_| true).unwrap(), []);
    let refused = keep(&mut keeper, "f", &[6]).unwrap_err().to_string();
    assert!(
        refused.contains("more than `kept_size` of [run] allows"),
        "{refused}"
    );
    keeper.trim(one * 4, &|_| true).unwrap();
    keep(&mut keeper, "f", &[6]).unwrap();

    // What a line names that cannot be read is not taken for a leftover.
    let index = evidence.join("index.jsonl");
    let mut lines = fs::read(&index).unwrap();
    lines.extend_from_slice(b"{\"finding\": \"g\", \"fi\n");
    fs::write(&index, lines).unwrap();
    fs::write(evidence.join("4567.pcapng"), vec![0; 1200]).unwrap();
    let mut keeper = Keeper::open(&evidence).unwrap();
    keeper.trim(one, &|_| true).unwrap();
    assert!(evidence.join("4567.pcapng").exists());
    assert!(keeper.problems()[1].contains("1 captures that no line names are kept"));

    // To look changes nothing, not even where there is nothing.
    Keeper::look(&dir.join("nowhere")).unwrap();
    assert!(!dir.join("nowhere").exists());
}
