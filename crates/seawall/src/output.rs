//! Where a result goes: a file, or standard output; and what is said beside it, to standard error.
use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use crate::error::Error;

/// Writes `text` to the file, whole or not at all; to standard output without one.
pub fn write(path: Option<&Path>, text: &str) -> Result<(), Error> {
    let Some(path) = path else {
        let mut out = std::io::stdout().lock();
        return out
            .write_all(text.as_bytes())
            .and_then(|()| out.flush())
            .map_err(Error::Output);
    };
    let fail = |source| Error::WriteFile {
        path: path.to_owned(),
        source,
    };
    // A reader never meets half a report: it is written beside its place and moved there.
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let beside = Path::new(&beside);
    std::fs::write(beside, text).map_err(fail)?;
    std::fs::rename(beside, path).map_err(fail)
}

/// A line of standard output; not by `println!`, which ends the program with a panic where nobody reads any more.
pub fn line(text: &str) -> Result<(), Error> {
    write(None, &format!("{text}\n"))
}

/// Bytes that wait for standard error at most.
const MOST_WAITING: usize = 1 << 20;
/// How long the end of the program waits for it.
const LAST: Duration = Duration::from_secs(1);

/// Who writes to standard error beside the others, where that was asked for.
static VOICE: OnceLock<Voice> = OnceLock::new();

/// A line of standard error, for who runs the program; not by `eprintln!`, which ends it with a panic where the journal or the
/// terminal is gone: a sensor goes on without.
pub fn say(text: impl Display) {
    let _ = Said.write_all(format!("seawall: {text}\n").as_bytes());
}

/// From now on a thread of its own writes to standard error: a terminal that was stopped (Ctrl-S), a pager, or a journal that takes
/// nothing must not hold up a sensor. What finds no room meanwhile is missing, and counted.
pub fn say_beside() -> io::Result<()> {
    let voice = VOICE.get_or_init(Voice::default).clone();
    thread::Builder::new()
        .name("voice".to_owned())
        .spawn(move || {
            loop {
                voice.write_next(&mut io::stderr());
            }
        })
        .map(drop)
}

/// Waits a moment for what is still to be written.
pub fn finish() {
    if let Some(voice) = VOICE.get() {
        voice.wait(LAST);
    }
}

/// Standard error, as [`say`] writes to it: each write is all of a piece.
#[derive(Debug)]
pub struct Said;

impl Write for Said {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match VOICE.get() {
            Some(voice) => voice.put(bytes),
            None => io::stderr().write_all(bytes),
        }
        .map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Clone, Debug, Default)]
struct Voice(Arc<(Mutex<Waiting>, Condvar)>);

#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    /// Some of it is being written.
    writing: bool,
    /// Pieces that found no room.
    missing: u64,
    /// Why nothing was written last.
    failed: Option<io::ErrorKind>,
}

impl Voice {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, bytes: &[u8]) -> io::Result<()> {
        let mut waiting = self.lock();
        if waiting.bytes.len().saturating_add(bytes.len()) > MOST_WAITING {
            waiting.missing = waiting.missing.saturating_add(1);
            return Err(io::ErrorKind::WouldBlock.into());
        }
        waiting.bytes.extend_from_slice(bytes);
        self.0.1.notify_all();
        // It is known of the last write alone; what that says holds for this one as well.
        waiting.failed.map_or(Ok(()), |kind| Err(kind.into()))
    }

    fn write_next(&self, out: &mut impl Write) {
        let mut waiting = self.lock();
        while waiting.bytes.is_empty() {
            let woken = self.0.1.wait(waiting);
            waiting = woken.unwrap_or_else(PoisonError::into_inner);
        }
        let mut bytes = std::mem::take(&mut waiting.bytes);
        let missing = std::mem::take(&mut waiting.missing);
        waiting.writing = true;
        drop(waiting);
        if missing > 0 {
            let note = format!(
                "seawall: {missing} messages are missing here: nothing was taken for long\n"
            );
            bytes.extend_from_slice(note.as_bytes());
        }
        let written = out.write_all(&bytes);
        let mut waiting = self.lock();
        waiting.writing = false;
        waiting.failed = written.err().map(|error| error.kind());
        self.0.1.notify_all();
    }

    fn wait(&self, within: Duration) {
        let is_busy = |waiting: &mut Waiting| waiting.writing || !waiting.bytes.is_empty();
        let _ = self.0.1.wait_timeout_while(self.lock(), within, is_busy);
    }
}

#[test]
fn what_is_said_while_nobody_reads_waits_within_a_limit_and_what_is_missing_is_told() {
    let voice = Voice::default();
    let line = [b'x'; 1 << 10];
    let taken = (0..2_000).filter(|_| voice.put(&line).is_ok()).count();
    assert_eq!(taken, MOST_WAITING >> 10);
    let mut out = Vec::new();
    voice.write_next(&mut out);
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("976 messages are missing"));
    voice.put(b"on").unwrap();
    let mut out = Vec::new();
    voice.write_next(&mut out);
    assert_eq!(out, b"on");
    voice.wait(Duration::ZERO);
}
