//! The power supply of the tests: it fails before the step that they choose, of all that change a file.
//!
//! Each step is on disk before the next begins, so a failure leaves those before it, and of the one itself a part: of
//! bytes to be written as many as the test says, or as many zeros, which is what a file system may leave of a block whose
//! length reached the disk before its content.
#![allow(clippy::indexing_slicing, reason = "tests may fail loudly")]
use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Write};

/// What goes wrong, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failure {
    /// Steps that still succeed.
    pub(super) after: u32,
    pub(super) what: What,
    /// Of bytes being written, so many per thousand are there.
    pub(super) part: usize,
    /// They are there as zeros.
    pub(super) zeros: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Nothing works any more, nor does what would take back.
    Power,
    /// This step fails, and those after it succeed.
    DiskFull,
}

/// The failure to come, and whether it was met.
#[derive(Clone, Copy, Debug)]
struct Armed {
    failure: Failure,
    met: bool,
}

thread_local! {
    static ARMED: RefCell<Option<Armed>> = const { RefCell::new(None) };
}

/// Runs with a failure ahead.
pub(super) fn with<T>(failure: Failure, run: impl FnOnce() -> T) -> T {
    let armed = Armed {
        failure,
        met: false,
    };
    ARMED.replace(Some(armed));
    let done = run();
    ARMED.replace(None);
    done
}

/// Counts a step. Gives whether a failure is ahead: such a test counts on its own disk, and waits for no real one.
pub(super) fn step() -> io::Result<bool> {
    ARMED.with_borrow_mut(|armed| match armed {
        None => Ok(false),
        Some(armed) if armed.met && armed.failure.what == What::DiskFull => Ok(true),
        Some(armed) if !armed.met && armed.failure.after > 0 => {
            armed.failure.after -= 1;
            Ok(true)
        }
        Some(armed) => {
            armed.met = true;
            Err(match armed.failure.what {
                What::Power => io::Error::other("the power failed"),
                What::DiskFull => io::ErrorKind::StorageFull.into(),
            })
        }
    })
}

/// Counts a step that writes; if it fails, a part of the bytes is there.
pub(super) fn step_within(mut file: &File, bytes: &[u8]) -> io::Result<()> {
    let failed_before = ARMED.with_borrow(|armed| armed.is_some_and(|armed| armed.met));
    let Err(error) = step() else {
        return Ok(());
    };
    let failure = ARMED.with_borrow(|armed| armed.map(|armed| armed.failure));
    if let Some(failure) = failure.filter(|_| !failed_before) {
        let part = bytes.len() * failure.part / 1000;
        match failure.zeros {
            true => file.write_all(&vec![0; part])?,
            false => file.write_all(&bytes[..part])?,
        }
    }
    Err(error)
}
