//! A sensor whose clock is set while it runs, and one over midnight. The program's time of day comes through a shim that adds
//! to the machine's what a file says; packets bear the machine's own time. Needs a C compiler; without one these tests say
//! "skipped".
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use lab::harborview;
use serde_json::Value;

use crate::rig::{
    Cable, Sensor, answered, events, now, offline, remembered, rows, shim, state, terminal, until,
};
use crate::support::folder;

const SHIM: &str = r#"
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec *now) {
    int result = syscall(SYS_clock_gettime, id, now);
    const char *path = getenv("CLOCK_AHEAD");
    if (result == 0 && id == CLOCK_REALTIME && path) {
        long long seconds = 0;
        FILE *file = fopen(path, "r");
        if (file) {
            if (fscanf(file, "%lld", &seconds) != 1) seconds = 0;
            fclose(file);
        }
        now->tv_sec += seconds;
    }
    return result;
}
"#;

/// A clock that goes ahead of the machine's.
struct Clock {
    shim: PathBuf,
    ahead: PathBuf,
}

impl Clock {
    fn new(name: &str) -> Option<Clock> {
        let folder = folder(name);
        let shim = shim(&folder, SHIM)?;
        let clock = Clock {
            shim,
            ahead: folder.join("ahead"),
        };
        clock.set(0);
        Some(clock)
    }

    fn set(&self, seconds: i64) {
        // Whole or not at all: it is read at any moment.
        let new = self.ahead.with_extension("new");
        fs::write(&new, seconds.to_string()).unwrap();
        fs::rename(new, &self.ahead).unwrap();
    }

    fn start(&self, cable: &Cable, site: &Path) -> Sensor {
        let given = [("LD_PRELOAD", &self.shim), ("CLOCK_AHEAD", &self.ahead)];
        Sensor::start_with(cable, site, &given)
    }
}

fn days(site: &Path) -> Vec<String> {
    let entries = fs::read_dir(state(site).join("history")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut days: Vec<String> = names.filter(|name| name.ends_with(".sqlite")).collect();
    days.sort();
    days
}

fn is_c9(event: &Value) -> bool {
    event["event"] == "finding-opened" && event["measure"]["id"] == "C9"
}

#[test]
fn over_midnight_the_next_day_has_a_file_of_its_own_and_nothing_is_lost_or_told_twice() {
    let (Some(cable), Some(clock)) = (Cable::new("midnight"), Clock::new("midnight-clock")) else {
        return;
    };
    let (site, capture) = terminal(&harborview::bad_day(), "midnight", "save_every = \"1 s\"");
    let now = now().duration_since(UNIX_EPOCH).unwrap();
    let to_midnight = 86_400 - i64::try_from(now.as_secs()).unwrap() % 86_400;
    clock.set(to_midnight - 30);
    let sensor = clock.start(&cable, &site);
    cable.play(&capture, 8);
    until("a change of a controller is told", || {
        events(&site).iter().any(is_c9)
    });
    assert_eq!(days(&site).len(), 1, "it is before midnight");
    until("the next day has a file", || days(&site).len() == 2);
    cable.play(&capture, 8);
    until("all of it is kept", || {
        answered(remembered(&site, "operation")) == answered(offline(&site, "operation"))
    });
    sensor.stop();
    let told = events(&site);
    let mut opened: Vec<String> = told
        .iter()
        .filter(|event| event["event"] == "finding-opened")
        .map(|event| event["finding"].to_string())
        .collect();
    let all = opened.len();
    opened.sort();
    opened.dedup();
    assert_eq!(opened.len(), all, "no finding is told as new twice");
    let coverage = remembered(&site, "coverage");
    assert!(
        !coverage.iter().any(|row| row.contains("\"watching\"")),
        "{coverage:?}"
    );
}

#[test]
fn a_clock_that_jumps_ten_years_ahead_deletes_nothing_and_set_back_finds_its_window_again() {
    let (Some(cable), Some(clock)) = (Cable::new("clock"), Clock::new("clock-clock")) else {
        return;
    };
    let (site, capture) = terminal(&harborview::bad_day(), "clock", "save_every = \"1 s\"");
    let sensor = clock.start(&cable, &site);
    cable.play(&capture, 8);
    until("a change of a controller is told", || {
        events(&site).iter().any(is_c9)
    });
    // What came last may still be on its way to the disk.
    until("all is saved", || {
        let there = offline(&site, "conversation").len() == rows(&[&capture], "conversation").len();
        there && answered(remembered(&site, "operation")) == answered(offline(&site, "operation"))
    });
    let whole = answered(remembered(&site, "operation")).len();
    let today = days(&site);

    let after = |word: &str, is: &dyn Fn(&Value) -> bool| {
        let told = events(&site);
        let since = told.iter().position(|event| {
            event["event"] == "clock-stepped" && event["detail"].as_str().unwrap().contains(word)
        });
        since.is_some_and(|since| told.iter().skip(since).any(is))
    };
    clock.set(3650 * 86_400);
    until("the window is another one", || {
        after("forward", &|event| event["event"] == "finding-closed")
    });
    until("a file of then is begun", || days(&site).len() == 2);
    assert_eq!(days(&site)[..1], today, "that of now is still there");
    clock.set(0);
    until("the window is the one before", || after("back", &is_c9));
    sensor.stop();
    assert_eq!(answered(remembered(&site, "operation")).len(), whole);
    let coverage = remembered(&site, "coverage");
    let steps = coverage.iter().filter(|row| row.contains("\"clock\""));
    assert!(steps.count() >= 1, "{coverage:?}");
}
