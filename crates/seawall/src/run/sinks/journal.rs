//! Standard error: a line per event, with the level that `sd-daemon(3)` defines where systemd's journal reads it.
use std::io::Write;
use std::os::unix::fs::MetadataExt;

use report::events::{Event, Format, Origin};

use super::{Counts, Error, Sink};
use crate::output::Said;

/// Lines for people. Lines that say `<3>` in front get the priority in the journal; elsewhere it would only be noise.
#[derive(Debug)]
pub struct Journal<W = Said> {
    out: W,
    level: bool,
    counts: Counts,
}

impl Journal {
    pub fn new() -> Journal {
        Journal::to(
            Said,
            reads_stderr(std::env::var("JOURNAL_STREAM").ok().as_deref()),
        )
    }
}

impl<W: Write + Send> Journal<W> {
    fn to(out: W, level: bool) -> Journal<W> {
        let counts = Counts {
            working: true,
            ..Counts::default()
        };
        Journal { out, level, counts }
    }
}

/// Whether the journal is what standard error leads to. `JOURNAL_STREAM` names device and inode of the stream that systemd
/// laid; a program further down may have put another in its place, so `systemd.exec(5)` asks to compare.
fn reads_stderr(stream: Option<&str>) -> bool {
    let Some((device, inode)) = stream.and_then(|stream| stream.split_once(':')) else {
        return false;
    };
    let ours = std::fs::metadata("/proc/self/fd/2");
    ours.is_ok_and(|ours| device.parse() == Ok(ours.dev()) && inode.parse() == Ok(ours.ino()))
}

impl<W: Write + Send> Sink for Journal<W> {
    fn send(&mut self, events: &[Event], origin: &Origin) -> Result<(), Error> {
        let mut text = String::new();
        for event in events {
            if self.level {
                text.push_str(&format!("<{}>", event.severity.syslog()));
            } else {
                // The journal notes when a line came, a terminal does not.
                text.push_str(&format!("{} ", event.time.local(&origin.time_zone)));
            }
            text.push_str(&Format::Text.line(event, origin));
            text.push('\n');
        }
        let written = self
            .out
            .write_all(text.as_bytes())
            .and_then(|()| self.out.flush());
        let number = u64::try_from(events.len()).unwrap_or(u64::MAX);
        self.counts.working = written.is_ok();
        let counter = if written.is_ok() {
            &mut self.counts.sent
        } else {
            &mut self.counts.lost
        };
        *counter = counter.saturating_add(number);
        written.map_err(Error::Journal)
    }

    fn counts(&self) -> Counts {
        self.counts
    }
}

#[test]
fn the_journal_gets_the_level_and_a_terminal_the_time() {
    use super::testing::{event, origin};
    let line = |level| {
        let mut journal = Journal::to(Vec::new(), level);
        journal.send(&[event(1)], &origin()).unwrap();
        assert_eq!(journal.counts().sent, 1);
        String::from_utf8(journal.out).unwrap()
    };
    let timed = line(false);
    let bare = timed.strip_prefix("2026-11-21 02:12:45 EST ");
    let bare = bare.expect(&timed);
    assert!(
        bare.starts_with("MEDIUM drops eth1: 1,204 packets were lost on eth1, number 1. Do next: "),
        "{bare}"
    );
    assert!(bare.ends_with('\n') && bare.lines().count() == 1);
    assert_eq!(line(true), format!("<4>{bare}"));

    let stderr = std::fs::metadata("/proc/self/fd/2").unwrap();
    assert!(reads_stderr(Some(&format!(
        "{}:{}",
        stderr.dev(),
        stderr.ino()
    ))));
    assert!(!reads_stderr(Some(&format!(
        "{}:{}",
        stderr.dev(),
        stderr.ino() + 1
    ))));
    assert!(!reads_stderr(None) && !reads_stderr(Some("nonsense")));
}
