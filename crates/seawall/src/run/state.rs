//! The state folder: what `seawall run` remembers between one start and the next, and the lock that keeps two runs apart.
use std::fs::{self, DirBuilder, File, TryLockError};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::error::Error;

/// A state folder of a running Seawall. The lock ends with the process, however that ends.
#[derive(Debug)]
pub struct State {
    root: PathBuf,
    lock: File,
}

impl State {
    /// Makes the folder where it is not there, and takes its lock.
    pub fn open(root: &Path) -> Result<State, Error> {
        let fail = |path: &Path| {
            let path = path.to_owned();
            move |source| Error::State { path, source }
        };
        let folders = [root.to_owned(), history(root), packets(root), kept(root)];
        // What passes on the network is nobody else's business.
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o750);
        for folder in &folders {
            builder.create(folder).map_err(fail(folder))?;
        }
        let path = root.join("lock");
        let lock = File::create(&path).map_err(fail(&path))?;
        match lock.try_lock() {
            Ok(()) => Ok(State {
                root: root.to_owned(),
                lock,
            }),
            Err(TryLockError::WouldBlock) => Err(Error::StateTaken {
                path: root.to_owned(),
            }),
            Err(TryLockError::Error(source)) => Err(Error::State { path, source }),
        }
    }

    /// Whether it is still the folder that was opened: it may be removed, or another mounted over it.
    pub fn is_there(&self) -> bool {
        let (held, there) = (self.lock.metadata(), fs::metadata(self.file("lock")));
        matches!((held, there), (Ok(held), Ok(there)) if (held.dev(), held.ino()) == (there.dev(), there.ino()))
    }

    /// Makes it anew where it is not there any more.
    pub fn again(&self) -> Result<State, Error> {
        State::open(&self.root)
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn history(&self) -> PathBuf {
        history(&self.root)
    }

    pub fn packets(&self) -> PathBuf {
        packets(&self.root)
    }

    pub fn kept(&self) -> PathBuf {
        kept(&self.root)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Hands the folder and what is in it to the user that the process is about to become.
    pub fn give_to(&self, user: u32, group: u32) -> Result<(), Error> {
        give(&self.root, user, group)
    }
}

fn give(path: &Path, user: u32, group: u32) -> Result<(), Error> {
    let fail = |source| Error::State {
        path: path.to_owned(),
        source,
    };
    std::os::unix::fs::lchown(path, Some(user), Some(group)).map_err(fail)?;
    if path.is_dir() && !path.is_symlink() {
        for entry in fs::read_dir(path).map_err(fail)? {
            give(&entry.map_err(fail)?.path(), user, group)?;
        }
    }
    Ok(())
}

/// Where a state folder has its history.
pub fn history(root: &Path) -> PathBuf {
    root.join("history")
}

/// Where a state folder has its ring of packets.
pub fn packets(root: &Path) -> PathBuf {
    root.join("packets")
}

/// Where a state folder has the packets behind findings.
pub fn kept(root: &Path) -> PathBuf {
    root.join("kept")
}
