//! A disk that does not answer: what is told does not wait for it.
use std::fs;
use std::path::Path;

use lab::harborview;

use crate::rig::{Cable, Sensor, answered, events, offline, remembered, shim, terminal, until};
use crate::support::folder;

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
