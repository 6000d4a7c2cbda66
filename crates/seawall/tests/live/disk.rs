//! A disk that does not answer: what is told does not wait for it.
use std::fs;
use std::path::Path;

use lab::harborview;

use crate::load::{capture, write_of};
use crate::rig::{
    Cable, Sensor, answered, arriving, events, now, offline, remembered, shim, state, terminal,
    until,
};
use crate::support::{folder, seawall, text};

/// Put before the C library: what is to reach the disk does not, as long as the file that DISK_HANGS names is there.
const SHIM: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static void hang(void) {
    const char *sign = getenv("DISK_HANGS");
    while (sign && access(sign, F_OK) == 0) usleep(20000);
}

int fsync(int file) {
    hang();
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    return real(file);
}

int fdatasync(int file) {
    hang();
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    return real(file);
}
"#;

/// Put before the C library: whatever lies in the folder `state` cannot be changed, as long as the file that DISK_READ_ONLY
/// names is there; neither can what is open already, as on a disk that the kernel makes read-only after an error.
const READ_ONLY: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int is_shut(const char *path) {
    const char *sign = getenv("DISK_READ_ONLY");
    return sign && path && strstr(path, "/state/") && access(sign, F_OK) == 0;
}

static int is_shut_file(int file) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return is_shut(path);
}

#define SHUT(test) if (test) { errno = EROFS; return -1; }
#define REAL(name, ...) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))(__VA_ARGS__)

static int changes(int flags) { return (flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)) != 0; }

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        va_list more; va_start(more, flags); int mode = va_arg(more, int); va_end(more); \
        if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL) && access(path, F_OK) == 0) { errno = EEXIST; return -1; } \
        SHUT(changes(flags) && is_shut(path)) \
        return REAL(name, path, flags, mode); \
    }
OPEN(open)
OPEN(open64)
ssize_t write(int file, const void *bytes, size_t count) { SHUT(is_shut_file(file)) return REAL(write, file, bytes, count); }
ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) { SHUT(is_shut_file(file)) return REAL(pwrite64, file, bytes, count, at); }
int ftruncate64(int file, off64_t length) { SHUT(is_shut_file(file)) return REAL(ftruncate64, file, length); }
int rename(const char *from, const char *to) { SHUT(is_shut(from)) return REAL(rename, from, to); }
int unlink(const char *path) { SHUT(is_shut(path)) return REAL(unlink, path); }
int mkdir(const char *path, mode_t mode) { SHUT(is_shut(path)) return REAL(mkdir, path, mode); }
"#;

/// Put before the C library: the file that DISK_LACKS names is not opened, as long as the file that DISK_HANGS names is there.
const SLOW: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void hang(const char *path) {
    const char *sign = getenv("DISK_HANGS"), *lacks = getenv("DISK_LACKS");
    while (sign && lacks && path && strcmp(path, lacks) == 0 && access(sign, F_OK) == 0) usleep(20000);
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        va_list more; va_start(more, flags); int mode = va_arg(more, int); va_end(more); \
        hang(path); \
        return ((__typeof__(&name))dlsym(RTLD_NEXT, #name))(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)
"#;

#[test]
fn what_passes_while_history_is_loaded_is_read() {
    let made = folder("loads-shim");
    let (Some(cable), Some(shim)) = (Cable::new("loads"), shim(&made, SLOW)) else {
        return;
    };
    let sign = made.join("hangs");
    let (site, _) = terminal(
        &harborview::clean_day(),
        "loads",
        "save_every = \"1 s\"\nring = \"4 MB\"",
    );
    // More than the ring holds.
    let (load, writes) = (site.join("load.pcap"), 20_000u16);
    capture(&load, (0..writes).flat_map(write_of));
    Sensor::start(&cable, &site).stop();
    // A file of the day before, which takes long.
    let history = state(&site).join("history");
    let day = |ago: i64| {
        let now = jiff::Timestamp::try_from(now()).unwrap();
        let day = now - jiff::SignedDuration::from_hours(24 * ago);
        history.join(format!("history-{}.sqlite", day.strftime("%Y-%m-%d")))
    };
    fs::copy(day(0), day(1)).unwrap();
    fs::write(&sign, "").unwrap();
    let lacks = day(1);
    let given = [
        ("LD_PRELOAD", &shim),
        ("DISK_HANGS", &sign),
        ("DISK_LACKS", &lacks),
    ];
    let sensor = Sensor::launch_with(&cable, &site, &given);
    let rings = || {
        let output = cable.inside("cat").arg("/proc/net/packet").output();
        String::from_utf8_lossy(&output.unwrap().stdout)
            .lines()
            .count()
            - 1
    };
    until("its ring is open", || rings() > 0);
    let started = || {
        let events = events(&site);
        events
            .iter()
            .filter(|event| event["event"] == "sensor-started")
            .count()
    };
    cable.play(&load, 2);
    assert_eq!(started(), 1, "it still loads");
    fs::remove_file(&sign).unwrap();
    until("it has begun", || started() == 2);
    sensor.stop();
    let told = remembered(&site, "operation");
    let told = told.iter().filter(|row| row.contains("\"write\"")).count();
    // On a busy machine a ring this small may lose some, and says so.
    let coverage = remembered(&site, "coverage").into_iter();
    let coverage = coverage.map(|row| serde_json::from_str::<serde_json::Value>(&row).unwrap());
    let drops = coverage.filter(|row| row["what"] == "drops");
    let lost =
        |row: serde_json::Value| row["total"].as_u64().unwrap() - row["good"].as_u64().unwrap();
    let dropped = usize::try_from(drops.map(lost).sum::<u64>()).unwrap();
    assert!(
        told + dropped >= usize::from(writes),
        "{told} and {dropped}"
    );
    assert!(dropped < usize::from(writes) / 20, "{dropped}");
}

#[test]
fn a_disk_that_becomes_read_only_stops_history_and_packets_and_gets_all_of_history_later() {
    let made = folder("shut-shim");
    let (Some(cable), Some(shim)) = (Cable::new("shut"), shim(&made, READ_ONLY)) else {
        return;
    };
    let sign = made.join("shut");
    let (site, capture) = terminal(&harborview::bad_day(), "shut", "save_every = \"1 s\"");
    let given = [("LD_PRELOAD", &shim), ("DISK_READ_ONLY", &sign)];
    let sensor = Sensor::start_with(&cable, &site, &given);
    until("it is written to", || {
        !remembered(&site, "coverage").is_empty()
    });
    let begun = state(&site).join("packets");
    cable.play(&capture, 40);
    until("packets are kept", || {
        fs::read_dir(&begun).unwrap().next().is_some()
    });
    fs::write(&sign, "").unwrap();
    cable.play(&capture, 8);
    let said = |trouble: &str, about: &str| {
        let events = events(&site);
        let mut of_it = events
            .into_iter()
            .filter(|event| event["event"] == trouble && event["about"] == about);
        of_it.next().map(|event| text(&event["detail"]))
    };
    until("a change of a controller is told", || is_told(&site));
    for (about, why) in [
        ("history", "read-only; see that"),
        ("span0", "Read-only file"),
    ] {
        until("that nothing is kept is told", || {
            said("disk-full", about).is_some_and(|detail| detail.contains(why))
        });
    }
    fs::remove_file(&sign).unwrap();
    until("that history is written again is told", || {
        said("disk-works", "history").is_some()
    });
    // The disk is tried again when there is something to keep, and not each time.
    until("that packets are kept again is told", || {
        cable.play(&capture, 40);
        said("disk-works", "span0").is_some()
    });
    sensor.stop();
    // What came while the disk was shut is in the history.
    let operations = remembered(&site, "operation");
    assert!(!operations.is_empty());
    let coverage = remembered(&site, "coverage");
    let mut gaps = coverage.iter().filter(|row| row.contains("\"watching\""));
    assert!(gaps.all(|row| row.contains("\"stopped\"")), "{coverage:?}");
    // Read, or counted as lost on a machine that is busy.
    let drops = coverage.iter().filter(|row| row.contains("\"drops\""));
    let total = |row: &String| {
        let row: serde_json::Value = serde_json::from_str(row).unwrap();
        row["total"].as_u64().unwrap()
    };
    let counted: u64 = drops.map(total).sum();
    assert_eq!(counted, cable.count("rx_packets"));
}

fn is_told(site: &Path) -> bool {
    let mut told = events(site).into_iter();
    told.any(|event| event["event"] == "finding-opened" && event["measure"]["id"] == "C9")
}

#[test]
fn a_disk_that_does_not_answer_keeps_nobody_from_being_told_and_gets_all_of_it_later() {
    let made = folder("hangs-shim");
    let (Some(cable), Some(shim)) = (Cable::new("hangs"), shim(&made, SHIM)) else {
        return;
    };
    let sign = made.join("hangs");
    let (site, capture) = terminal(&harborview::bad_day(), "hangs", "save_every = \"1 s\"");
    let given = [("LD_PRELOAD", &shim), ("DISK_HANGS", &sign)];
    let sensor = Sensor::start_with(&cable, &site, &given);
    fs::write(&sign, "").unwrap();
    cable.play(&capture, 8);
    until("a change of a controller is told", || is_told(&site));
    until("that history waits is told", || {
        events(&site)
            .iter()
            .any(|event| event["event"] == "disk-full")
    });
    fs::remove_file(&sign).unwrap();
    until("that it is written again is told", || {
        events(&site)
            .iter()
            .any(|event| event["event"] == "disk-works")
    });
    sensor.stop();
    assert_eq!(
        answered(remembered(&site, "operation")),
        answered(offline(&site, "operation"))
    );
    // Somebody was watching all the time.
    let coverage = remembered(&site, "coverage");
    let mut gaps = coverage.iter().filter(|row| row.contains("\"watching\""));
    assert!(gaps.all(|row| row.contains("\"stopped\"")), "{coverage:?}");
}

#[test]
fn a_state_folder_that_is_removed_is_told_of_and_made_anew() {
    let scenario = harborview::bad_day();
    let (site, arrive) = arriving(&scenario, "removed", "save_every = \"1 s\"");
    let sensor = Sensor::begin(&site);
    let history = state(&site).join("history");
    let saved = || fs::read_dir(&history).is_ok_and(|files| files.count() > 1);
    until("it has saved", saved);
    fs::remove_dir_all(state(&site)).unwrap();
    until("that it is gone is told", || {
        events(&site)
            .iter()
            .any(|event| event["about"] == "state" && text(&event["detail"]).contains("made anew"))
    });
    let second = seawall(["run".as_ref(), site.as_os_str()]);
    assert_eq!(second.status, 1, "it is locked again: {}", second.err);
    let capture = scenario
        .captures
        .iter()
        .find(|capture| capture.name.starts_with("crane-span"))
        .unwrap();
    let coming = arrive.join(".coming");
    fs::write(&coming, capture.file()).unwrap();
    let long_ago = now() - std::time::Duration::from_secs(3600);
    fs::File::open(&coming)
        .unwrap()
        .set_modified(long_ago)
        .unwrap();
    fs::rename(&coming, arrive.join(&capture.name)).unwrap();
    until("what comes is remembered", || {
        saved() && !remembered(&site, "operation").is_empty()
    });
    sensor.stop();
}
