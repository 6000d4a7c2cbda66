//! Keeps the ring of packets on disk below its budget.
use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::Path;

use super::Error;
use super::segments::{Named, names};

/// What [`trim`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trimmed {
    /// Names of the segments that are gone, oldest first.
    pub deleted: Vec<String>,
    /// What is left, in bytes.
    pub bytes: u64,
    /// What could not be deleted, and why.
    pub problems: Vec<String>,
}

struct Segment<'a> {
    name: &'a str,
    named: Named<'a>,
    bytes: u64,
}

/// Deletes the oldest segments of a folder until all together are within the budget. Files that are no segments are
/// neither counted nor touched, nor is the newest segment of each worker, which may still be written.
///
/// Within a worker's segments the number tells which is older, between workers the time: so a clock that was once set
/// wrong does not keep its segments for ever.
///
/// # Errors
/// The folder cannot be listed. A segment that cannot be deleted is no error: it stands in [`Trimmed::problems`].
pub fn trim(folder: &Path, budget_bytes: u64) -> Result<Trimmed, Error> {
    let mut trimmed = Trimmed::default();
    let mut names = names(folder)?;
    names.sort();
    let mut by_worker: BTreeMap<(&str, usize), Vec<Segment<'_>>> = BTreeMap::new();
    for name in &names {
        let Some(named) = Named::of(name) else {
            continue;
        };
        // One that is gone since is no concern.
        let Ok(metadata) = fs::metadata(folder.join(name)) else {
            continue;
        };
        let bytes = metadata.len();
        trimmed.bytes += bytes;
        let of = by_worker.entry((named.sensor, named.worker)).or_default();
        of.push(Segment { name, named, bytes });
    }
    let mut queues: Vec<VecDeque<_>> = Vec::new();
    for mut segments in by_worker.into_values() {
        segments.sort_by_key(|segment| segment.named.number);
        segments.pop();
        queues.push(segments.into());
    }
    while trimmed.bytes > budget_bytes {
        let oldest = queues
            .iter_mut()
            .filter(|queue| !queue.is_empty())
            .min_by_key(|queue| queue.front().map(|segment| segment.named.time));
        let Some(Segment { name, bytes, .. }) = oldest.and_then(VecDeque::pop_front) else {
            break;
        };
        match fs::remove_file(folder.join(name)) {
            Ok(()) => {
                trimmed.bytes = trimmed.bytes.saturating_sub(bytes);
                trimmed.deleted.push(name.to_owned());
            }
            Err(error) => trimmed
                .problems
                .push(format!("cannot delete {name}: {error}")),
        }
    }
    Ok(trimmed)
}
