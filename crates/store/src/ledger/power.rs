//! The power supply of the tests: it fails before the step that they choose, of all that change a file.
//!
//! A failure leaves the steps before it, and of the one itself a part: of bytes to be written as many as the test says, or as
//! many zeros, which is what a file system may leave of a block whose length reached the disk before its content.
//!
//! Of steps that nobody brought to disk the failure leaves all, or nothing, as the test says: files are as they were when they
//! were last synced, and folders list what they listed when they were. A machine may leave anything between the two.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests may fail loudly"
)]
use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

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
    /// What was not brought to disk is lost with the power.
    pub(super) loses: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Nothing works any more, nor does what would take back.
    Power,
    /// This step fails, and those after it succeed.
    DiskFull,
}

/// A step that is about to be made.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step<'a> {
    Make(&'a Path),
    Write(&'a File),
    Cut(&'a File, u64),
    /// Of a file or of a folder.
    Sync(&'a File),
    Rename(&'a Path, &'a Path),
    Remove(&'a Path),
}

/// What is not on disk yet.
#[derive(Debug, Default)]
struct Pending {
    files: Vec<Changed>,
    /// In the order in which it was done.
    folders: Vec<Listed>,
}

/// A file that was written to or cut since it was brought to disk.
#[derive(Debug)]
struct Changed {
    /// Opened anew, so that no lock is shared.
    file: File,
    id: (u64, u64),
    /// On disk are so many bytes of it, and these behind them.
    length: u64,
    tail: Vec<u8>,
}

/// A change of a folder, and what was there before.
#[derive(Debug)]
struct Listed {
    folder: PathBuf,
    /// Where what is there now came from.
    from: Option<PathBuf>,
    path: PathBuf,
    before: Option<(Vec<u8>, u32)>,
}

impl Pending {
    fn note(&mut self, step: Step<'_>) -> io::Result<()> {
        match step {
            Step::Make(path) => self.list(None, path, None),
            Step::Remove(path) if path.exists() => self.list(None, path, there(path)?),
            Step::Remove(_) => {}
            Step::Rename(from, to) => self.list(Some(from.to_owned()), to, there(to)?),
            Step::Write(file) => {
                let length = file.metadata()?.len();
                self.changed(file, length)?;
            }
            Step::Cut(file, length) => {
                let whole = file.metadata()?.len();
                let changed = self.changed(file, whole)?;
                // What was written since and is on no disk is lost all the same.
                if let Some(cut) = changed.length.checked_sub(length) {
                    let mut tail = vec![0; usize::try_from(cut).unwrap()];
                    changed.file.read_exact_at(&mut tail, length)?;
                    tail.append(&mut changed.tail);
                    (changed.length, changed.tail) = (length, tail);
                }
            }
            Step::Sync(file) => {
                let id = id(file)?;
                self.files.retain(|changed| changed.id != id);
                let synced =
                    |listed: &Listed| File::open(&listed.folder).and_then(|one| self::id(&one));
                self.folders
                    .retain(|listed| synced(listed).is_ok_and(|of| of != id));
            }
        }
        Ok(())
    }

    fn list(&mut self, from: Option<PathBuf>, path: &Path, before: Option<(Vec<u8>, u32)>) {
        self.folders.push(Listed {
            folder: path.parent().unwrap().to_owned(),
            from,
            path: path.to_owned(),
            before,
        });
    }

    fn changed(&mut self, file: &File, length: u64) -> io::Result<&mut Changed> {
        let id = id(file)?;
        let known = self.files.iter().position(|changed| changed.id == id);
        let place = match known {
            Some(place) => place,
            None => {
                let path = format!("/proc/self/fd/{}", file.as_raw_fd());
                self.files.push(Changed {
                    file: File::options().read(true).write(true).open(path)?,
                    id,
                    length,
                    tail: Vec::new(),
                });
                self.files.len() - 1
            }
        };
        Ok(&mut self.files[place])
    }

    /// Takes it all back, the last first.
    fn lose(&mut self) -> io::Result<()> {
        for changed in self.files.drain(..) {
            changed.file.set_len(changed.length)?;
            changed.file.write_all_at(&changed.tail, changed.length)?;
        }
        for listed in self.folders.drain(..).rev() {
            match listed.from {
                Some(from) => fs::rename(&listed.path, from)?,
                None if listed.path.exists() => fs::remove_file(&listed.path)?,
                None => {}
            }
            if let Some((bytes, mode)) = listed.before {
                fs::write(&listed.path, bytes)?;
                fs::set_permissions(&listed.path, fs::Permissions::from_mode(mode))?;
            }
        }
        Ok(())
    }
}

fn there(path: &Path) -> io::Result<Option<(Vec<u8>, u32)>> {
    match path.exists() {
        true => Ok(Some((fs::read(path)?, fs::metadata(path)?.mode()))),
        false => Ok(None),
    }
}

fn id(file: &File) -> io::Result<(u64, u64)> {
    let about = file.metadata()?;
    Ok((about.dev(), about.ino()))
}

/// The failure to come, and whether it was met.
#[derive(Clone, Copy, Debug)]
struct Armed {
    failure: Failure,
    met: bool,
}

thread_local! {
    static ARMED: RefCell<Option<Armed>> = const { RefCell::new(None) };
    /// What one run leaves is not on disk in the next either.
    static PENDING: RefCell<Pending> = RefCell::default();
}

/// Runs with a failure ahead. Once the power failed, what was not on disk is gone.
pub(super) fn with<T>(failure: Failure, run: impl FnOnce() -> T) -> T {
    let armed = Armed {
        failure,
        met: false,
    };
    ARMED.replace(Some(armed));
    let done = run();
    let armed = ARMED.replace(None);
    let is_off = armed.is_some_and(|armed| armed.met && failure.what == What::Power);
    if is_off && failure.loses {
        PENDING.with_borrow_mut(Pending::lose).unwrap();
    } else if is_off {
        // All of it came to the disk by itself.
        PENDING.take();
    }
    done
}

/// Counts a step. Gives whether a failure is ahead: such a test counts on its own disk, and waits for no real one.
pub(super) fn step(step: Step<'_>) -> io::Result<bool> {
    let is_made = counted()?;
    if is_made {
        PENDING.with_borrow_mut(|pending| pending.note(step))?;
    }
    Ok(is_made)
}

fn counted() -> io::Result<bool> {
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
    let Err(error) = step(Step::Write(file)) else {
        return Ok(());
    };
    let failure = ARMED.with_borrow(|armed| armed.map(|armed| armed.failure));
    if let Some(failure) = failure.filter(|_| !failed_before) {
        PENDING.with_borrow_mut(|pending| pending.note(Step::Write(file)))?;
        let part = bytes.len() * failure.part / 1000;
        match failure.zeros {
            true => file.write_all(&vec![0; part])?,
            false => file.write_all(&bytes[..part])?,
        }
    }
    Err(error)
}
