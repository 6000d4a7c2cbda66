//! From paths to facts.
use std::path::PathBuf;

use facts::Facts;
use sensor::Captures;

use crate::error::Error;
use crate::progress::Progress;

/// Opens captures and folders of captures; says on stderr what in a folder is none.
pub fn open(paths: &[PathBuf]) -> Result<Captures, Error> {
    let captures = Captures::open(paths)?;
    for skipped in captures.skipped() {
        eprintln!(
            "seawall: {}: skipped: {}",
            skipped.path.display(),
            skipped.reason
        );
    }
    Ok(captures)
}

/// Reads captures with that many workers (one per core if not said).
pub fn observe(captures: &Captures, workers: Option<usize>) -> Result<Facts, Error> {
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let bar = Progress::reading();
    // The salt keeps the flow table's layout from whoever sends packets; no result depends on it.
    let seed = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0u8);
    let facts = sensor::observe(
        captures,
        workers.unwrap_or_else(cores),
        seed,
        &|done, total| {
            bar.at(done, total);
        },
    );
    bar.done();
    Ok(facts?)
}
