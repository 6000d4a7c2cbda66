//! A capture file as it lies on the disk: read once, from the first byte to the last, and hashed on the way.
use std::fs::File;
use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

/// Bytes read at a time where nothing but the hash wants them.
const AT_ONCE: usize = 1 << 16;

/// Handle to a file that is being read: the unpacker has one, and whoever wants to know how far it came has another.
#[derive(Clone, Debug)]
pub(crate) struct Source(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    reading: Mutex<Reading>,
    /// Bytes taken from the file. Who asks for it does not wait for who reads.
    taken: AtomicU64,
}

#[derive(Debug)]
struct Reading {
    /// At most the first bytes of the file, so that a file still being written gives the same to everyone.
    /// `None` once all was read: then its place under the limit of open files is free.
    file: Option<io::Take<File>>,
    hash: Option<Sha256>,
}

impl Source {
    /// Reads the first `bytes` of the file. `hashed`: here and as it goes.
    pub(crate) fn new(file: File, bytes: u64, hashed: bool) -> Source {
        let reading = Mutex::new(Reading {
            file: Some(file.take(bytes)),
            hash: hashed.then(Sha256::new),
        });
        let taken = AtomicU64::new(0);
        Source(Arc::new(Shared { reading, taken }))
    }

    fn lock(&self) -> MutexGuard<'_, Reading> {
        let reading = self.0.reading.lock();
        reading.unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes taken from the file so far.
    pub(crate) fn taken(&self) -> u64 {
        self.0.taken.load(Ordering::Relaxed)
    }

    /// Reads what is left, and gives the SHA-256 of the file in hex; `None` where it is not hashed here.
    pub(crate) fn finish(&self) -> io::Result<Option<String>> {
        let mut reading = self.lock();
        let Some(mut hash) = reading.hash.take() else {
            return Ok(None);
        };
        if let Some(file) = reading.file.take() {
            hash_all(&mut hash, file)?;
        }
        Ok(Some(hex(hash)))
    }
}

/// The SHA-256 of the first `bytes` of a file, in hex.
pub(crate) fn sha256(file: File, bytes: u64) -> io::Result<String> {
    let mut hash = Sha256::new();
    hash_all(&mut hash, file.take(bytes))?;
    Ok(hex(hash))
}

fn hash_all(hash: &mut Sha256, mut source: impl Read) -> io::Result<()> {
    let mut buffer = vec![0; AT_ONCE];
    loop {
        match source.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => hash.update(buffer.get(..count).unwrap_or(&[])),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.lock().read(buffer)?;
        self.0.taken.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

impl Reading {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(file) = self.file.as_mut().filter(|_| !buffer.is_empty()) else {
            return Ok(0);
        };
        let count = file.read(buffer)?;
        if count == 0 || file.limit() == 0 {
            self.file = None;
        }
        if let Some(hash) = &mut self.hash {
            hash.update(buffer.get(..count).unwrap_or(&[]));
        }
        Ok(count)
    }
}

/// The digest as people compare it.
pub(crate) fn hex(hash: Sha256) -> String {
    let digest = hash.finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
