//! Workers over captures: each keeps its shard of the host pairs; together they draw one picture.
use std::thread::Builder;

use facts::kinds::Coverage;
use facts::{Evidence, Facts, Time};
use wire::{Limits, Picture, Shard, Worker};

use crate::ahead::Ahead;
use crate::desk::Desk;
use crate::hashing::Hash;
use crate::{Captures, Error, Summary};

/// More workers than that find nothing to do: hashing and looking frames up take a share of the time.
const MOST_WORKERS: usize = 64;

/// Frames between two reports of progress.
const STRIDE: u64 = 1 << 14;

/// Reads every frame of the captures with `workers` workers (at least one) and gives the facts.
///
/// The result is the same for any number of workers. `progress` is told, now and then, the bytes read and the bytes in
/// all; `seed` salts the flow tables and has no influence on the result.
///
/// # Errors
/// None at present: a capture that cannot be read any more, or is damaged, is read as far as it goes, and its facts
/// say so.
pub fn observe(
    captures: &Captures,
    workers: usize,
    seed: u64,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Facts, Error> {
    let of = u32::try_from(workers.clamp(1, MOST_WORKERS)).unwrap_or(1);
    let (picture, summaries) = if of == 1 {
        alone(captures, seed, progress)
    } else {
        together(captures, of, seed, progress)
    };
    let files = captures.infos(&summaries);
    let mut coverage = own_coverage(&picture);
    coverage.extend(silences(&summaries));
    let mut facts = picture.into_facts(captures.names());
    facts.files = files;
    facts.coverage.extend(coverage);
    Ok(facts)
}

/// One worker. What cannot be shared out goes on beside it, where the machine has a core to spare and hashes are asked for.
fn alone(captures: &Captures, seed: u64, progress: &dyn Fn(u64, u64)) -> (Picture, Vec<Summary>) {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    if cores == 1 {
        return work(captures, seed, Hash::Here, progress);
    }
    let (ahead, orders) = Ahead::new();
    std::thread::scope(|scope| {
        let beside = Builder::new().spawn_scoped(scope, || ahead.serve());
        // Where the system gives no thread, it takes longer.
        let hash = beside.map_or(Hash::Here, |_| Hash::Ahead(orders));
        work(captures, seed, hash, progress)
    })
}

fn work(
    captures: &Captures,
    seed: u64,
    hash: Hash,
    progress: &dyn Fn(u64, u64),
) -> (Picture, Vec<Summary>) {
    let shard = Shard {
        seed,
        ..Shard::default()
    };
    let mut worker = Worker::new(shard, Limits::default());
    let mut walk = captures.walk_hashing(hash);
    let mut count = 0u64;
    while let Some(frame) = walk.next() {
        worker.frame(&frame);
        count += 1;
        if count.is_multiple_of(STRIDE) {
            let (bytes, total) = walk.position();
            progress(bytes, total);
        }
    }
    let (_, total) = walk.position();
    progress(total, total);
    (worker.finish(), walk.summaries())
}

/// As many threads as workers, at one desk.
fn together(
    captures: &Captures,
    of: u32,
    seed: u64,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> (Picture, Vec<Summary>) {
    let desk = Desk::new(captures, of);
    let work = |index| {
        let mut worker = Worker::new(Shard { index, of, seed }, Limits::default());
        desk.serve(index, progress, |frame, shared| {
            if shared {
                worker.frame(frame);
            } else {
                worker.own_frame(frame);
            }
        });
        worker.finish()
    };
    let picture = std::thread::scope(|scope| {
        let work = &work;
        let others: Vec<_> = (1..of)
            .map(|index| scope.spawn(move || work(index)))
            .collect();
        let mut picture = work(0);
        for other in others {
            // A worker that panicked has lost its shard: going on would be a verdict on half the traffic.
            match other.join() {
                Ok(other) => picture.merge(other),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        picture
    });
    (picture, desk.finish())
}

/// When captures had no frame for long. Whether that is too long is for the site to say, and for what others saw meanwhile.
fn silences(summaries: &[Summary]) -> Vec<Coverage> {
    let row = |capture: u32, (from, until): &(Time, Time)| Coverage {
        evidence: Evidence::whole(capture),
        sensor: None,
        ..Coverage::silence("", None, *from, *until)
    };
    let captures = (0u32..).zip(summaries);
    captures
        .flat_map(|(capture, summary)| summary.silences.iter().map(move |one| row(capture, one)))
        .collect()
}

/// What the wire itself knows of its blindness: frames without a name, and tables that were full.
fn own_coverage(picture: &Picture) -> Vec<Coverage> {
    let mut rows = Vec::new();
    for (capture, frames) in picture.frames() {
        if frames.copies > 0 {
            rows.push(Coverage {
                what: "once".to_owned(),
                good: frames.total.saturating_sub(frames.copies),
                total: frames.total,
                state: "complete".to_owned(),
                evidence: Evidence::whole(*capture),
                ..Coverage::default()
            });
        }
        let named = frames.total.saturating_sub(frames.unclassified);
        rows.push(Coverage {
            what: "classified".to_owned(),
            good: named,
            total: frames.total,
            state: match (frames.unclassified, frames.total) {
                (_, 0) => "none",
                (0, _) => "complete",
                _ => "partial",
            }
            .to_owned(),
            detail: (frames.unclassified > 0).then(|| {
                format!(
                    "{} of {} frames carry a protocol that has no name here",
                    frames.unclassified, frames.total
                )
            }),
            evidence: Evidence::whole(*capture),
            ..Coverage::default()
        });
    }
    let vlans = picture.vlans().into_iter();
    rows.extend(vlans.map(|(capture, vlan, seen)| {
        Coverage::vlan(capture, vlan, seen.first, seen.last, seen.frames)
    }));
    for (table, count) in picture.left_out() {
        rows.push(Coverage {
            what: "limits".to_owned(),
            part: Some(table.to_owned()),
            good: 0,
            total: count,
            state: "partial".to_owned(),
            detail: Some(format!(
                "the table of {table} was full: {count} did not fit"
            )),
            ..Coverage::default()
        });
    }
    rows
}
