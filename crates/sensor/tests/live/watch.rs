//! Watched folders: each capture once, when nobody writes to it any more.
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use facts::Time;
use sensor::live::{Finished, Seen, Watch};

use crate::disk::folder;

fn names(found: &[Finished]) -> Vec<&str> {
    let paths = found.iter().map(|one| one.seen.path.as_path());
    paths
        .map(|path| path.file_name().unwrap().to_str().unwrap())
        .collect()
}

/// Time of the last change, in the clock of the file system.
fn changed(path: &Path) -> Time {
    let time = fs::metadata(path).unwrap().modified().unwrap();
    Time(time.duration_since(UNIX_EPOCH).unwrap().as_nanos() as i64)
}

fn watch(folder: &Path, seen: Vec<Seen>) -> Watch {
    let patterns = vec!["*.pcap".to_owned()];
    Watch::new(vec![folder.to_owned()], patterns, 30, seen)
}

fn put(path: PathBuf) -> PathBuf {
    fs::write(&path, b"bytes").unwrap();
    path
}

#[test]
fn a_capture_is_given_once_when_it_has_stood_still() {
    let dir = folder("watch still");
    let path = put(dir.join("span.pcap"));
    for other in ["notes.txt", ".span.pcap"] {
        put(dir.join(other));
    }
    File::create(dir.join("empty.pcap")).unwrap();
    // A clock behind that of the file system, as a share may have it: what counts is that it stands still.
    let now = changed(&path).plus_secs(-3600);
    let mut watch = watch(&dir, Vec::new());
    assert!(watch.poll(now).is_empty());
    File::options()
        .append(true)
        .open(&path)
        .unwrap()
        .write_all(b"more")
        .unwrap();
    assert!(watch.poll(now.plus_secs(29)).is_empty());
    assert!(
        watch.poll(now.plus_secs(31)).is_empty(),
        "changed meanwhile"
    );
    let found = watch.poll(now.plus_secs(60));
    assert_eq!(names(&found), ["span.pcap"]);
    assert!(!found[0].again && found[0].seen.bytes == 9);
    assert!(watch.poll(now.plus_secs(600)).is_empty());
    File::options()
        .append(true)
        .open(&path)
        .unwrap()
        .write_all(b"!")
        .unwrap();
    assert!(watch.poll(now.plus_secs(601)).is_empty());
    let found = watch.poll(now.plus_secs(631));
    assert!(names(&found) == ["span.pcap"] && found[0].again);
}

#[test]
fn a_younger_sibling_and_an_old_time_mean_finished_and_a_restart_gives_nothing_twice() {
    let dir = folder("watch siblings");
    let old = put(dir.join("moved-in.pcap"));
    let ago = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    File::options()
        .append(true)
        .open(&old)
        .unwrap()
        .set_modified(ago)
        .unwrap();
    // Two writers at a time, each with its own series; the clock of files ticks in milliseconds.
    let tick = || std::thread::sleep(Duration::from_millis(20));
    let mut last = old;
    for name in ["a-1.pcap", "b-1.pcap", "a-2.pcap"] {
        last = put(dir.join(name));
        tick();
    }
    let now = changed(&last);
    let mut first = watch(&dir, Vec::new());
    let found = first.poll(now);
    assert_eq!(names(&found), ["moved-in.pcap", "a-1.pcap"]);
    let given: Vec<Seen> = found.into_iter().map(|one| one.seen).collect();
    let mut second = watch(&dir, given);
    assert!(second.poll(now).is_empty());
    assert_eq!(
        names(&second.poll(now.plus_secs(31))),
        ["b-1.pcap", "a-2.pcap"]
    );
}

#[test]
fn a_folder_that_is_away_is_told_and_forgets_nothing() {
    let dir = folder("watch away");
    let share = dir.join("share");
    fs::create_dir(&share).unwrap();
    let now = changed(&put(share.join("span.pcap")));
    let mut watch = watch(&share, Vec::new());
    assert_eq!(watch.poll(now.plus_secs(31)).len(), 1);
    fs::rename(&share, dir.join("away")).unwrap();
    assert!(watch.poll(now.plus_secs(60)).is_empty());
    assert!(
        watch.problems()[0].contains("cannot list"),
        "{:?}",
        watch.problems()
    );
    fs::rename(dir.join("away"), &share).unwrap();
    assert!(watch.poll(now.plus_secs(90)).is_empty());
    assert!(watch.problems().is_empty());
}

#[test]
fn what_was_moved_or_packed_since_is_not_given_again_and_a_copy_is() {
    let dir = folder("watch moved");
    let paths = ["one.pcap", "two.pcap", "three.pcap"].map(|name| put(dir.join(name)));
    // Apart in time, as captures are.
    for (path, hours) in paths.iter().zip(1..) {
        let time = UNIX_EPOCH + Duration::from_secs(1_790_000_000 + hours * 3600);
        File::options()
            .append(true)
            .open(path)
            .unwrap()
            .set_modified(time)
            .unwrap();
    }
    let now = Time::from_secs(1_795_000_000);
    let mut watch = Watch::new(vec![dir.clone()], Vec::new(), 30, Vec::new());
    assert_eq!(watch.poll(now).len(), 3);
    let as_old = |path: &Path, of: &Path, bytes: &[u8]| {
        let time = fs::metadata(of).unwrap().modified().unwrap();
        fs::write(path, bytes).unwrap();
        let file = File::options().append(true).open(path).unwrap();
        file.set_modified(time).unwrap();
    };
    let [one, two, three] = paths;
    fs::rename(&one, dir.join("old-one.pcap")).unwrap();
    as_old(&dir.join("two.pcap.gz"), &two, b"packed");
    fs::remove_file(&two).unwrap();
    as_old(&dir.join("copy.pcap"), &three, b"bytes");
    assert_eq!(names(&watch.poll(now.plus_secs(1))), ["copy.pcap"]);
    assert!(watch.poll(now.plus_secs(100)).is_empty());
}

#[test]
fn what_could_not_be_read_is_given_again_until_it_is_given_up() {
    let dir = folder("watch unread");
    let path = put(dir.join("span.pcap"));
    let now = changed(&path).plus_secs(3600);
    let mut watch = watch(&dir, Vec::new());
    for second in 0..3 {
        assert_eq!(names(&watch.poll(now.plus_secs(second))), ["span.pcap"]);
        watch.take_back(&path);
    }
    watch.give_up(&path);
    assert!(watch.poll(now.plus_secs(4)).is_empty());
    fs::write(&path, b"longer bytes").unwrap();
    let found = watch.poll(now.plus_secs(3700));
    assert_eq!(names(&found), ["span.pcap"]);
}
