//! Reading finished captures as they come into the folders that sensors name: one thread for all folders.
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::Duration;

use facts::kinds::{Capture, Coverage};
use facts::{Facts, Time};
use report::events::{Event, Health, Trouble};
use sensor::live::{Seen, Watch};
use sensor::{Capture as OnDisk, Captures};
use wire::{Frame, Limits, Picture, Shard, Worker};

use store::history::ReadFile;

use super::listen::names::Names;
use super::report::{Read, Report, Untaken};
use crate::clock;
use crate::output;

/// The file in which the captures that were read are written down, for as long as history is shorter than that.
pub const READ: &str = "read.jsonl";
/// Time between two looks into the folders.
const LOOK: Duration = Duration::from_secs(1);
/// A file that was not changed for so many seconds is finished.
const SETTLED: u32 = 15;
/// A capture that cannot be read is tried again for so long before it is given up: rights are put right, shares come back.
const TRIED: Duration = Duration::from_secs(60);
/// Captures given up at a time that are told one by one.
const MOST_TOLD: usize = 3;
/// Captures of which it is known how far they were read, before those that are gone are forgotten.
const MOST_FILES: usize = 1 << 17;
/// Captures read lately of which it is known of what time they told.
const MOST_SPANS: usize = 1 << 12;
/// Frames between two looks at whether to stop.
const STRIDE: u64 = 1 << 14;

/// A folder into which a sensor's captures come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    pub sensor: String,
    pub path: PathBuf,
    /// Patterns on the base name; none: every capture.
    pub patterns: Vec<String>,
}

/// Starts the thread. `read` was read in an earlier run.
pub fn start(
    folders: Vec<Folder>,
    read: Vec<Read>,
    seed: u64,
    stop: Arc<AtomicBool>,
    reports: Sender<Report>,
) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name("folders".to_owned())
        .spawn(move || {
            let watch = |folder: Folder| Reader {
                watch: Watch::new(
                    vec![folder.path],
                    folder.patterns,
                    SETTLED,
                    read.iter().map(|read| read.seen.clone()),
                ),
                known: read
                    .iter()
                    .map(|read| (read.seen.path.clone(), Known::of(read)))
                    .collect(),
                next_sweep: MOST_FILES,
                sensor: folder.sensor,
                // Captures of one recorder follow each other: what began in one goes on in the next.
                seed,
                worker: fresh(seed),
                names: Names::default(),
                unread: BTreeMap::new(),
                spans: VecDeque::new(),
                heard: None,
                troubles: Vec::new(),
            };
            let mut readers: Vec<Reader> = folders.into_iter().map(watch).collect();
            let untaken = Untaken::default();
            let mut send = |mut report: Report| {
                while !untaken.has_room() && !stop.load(Ordering::Relaxed) {
                    std::thread::sleep(LOOK / 10);
                }
                report.receipt = Some(untaken.receipt());
                reports.send(report).is_ok()
            };
            while !stop.load(Ordering::Relaxed) {
                for reader in &mut readers {
                    if !reader.look(&stop, &mut send) {
                        return;
                    }
                }
                std::thread::sleep(LOOK);
            }
            for reader in readers {
                if !send(reader.end()) {
                    return;
                }
            }
        })
}

/// How far a capture was read.
#[derive(Clone, Copy, Debug)]
struct Known {
    frames: u64,
    /// Time of its first frame, which tells it from another capture that took its name.
    first: Option<Time>,
}

impl Known {
    fn of(read: &Read) -> Known {
        Known {
            frames: read.frames,
            first: read.first,
        }
    }

    /// Whether a capture with that first frame may be the one that was read.
    fn begins_as(&self, first: Option<Time>) -> bool {
        self.first.is_none() || self.first == first
    }
}

/// A worker that has read nothing.
fn fresh(seed: u64) -> Worker {
    let shard = Shard {
        seed,
        ..Shard::default()
    };
    Worker::new(shard, Limits::live())
}

/// The time of the first frame of captures.
fn first_of(captures: &Captures) -> Option<Time> {
    captures.list().iter().filter_map(OnDisk::first).min()
}

struct Reader {
    sensor: String,
    watch: Watch,
    /// How far each file was read: one that grew after it was taken for finished goes on there.
    known: HashMap<PathBuf, Known>,
    /// As many of them as there may be before those that are gone are forgotten.
    next_sweep: usize,
    worker: Worker,
    /// Of the workers.
    seed: u64,
    /// Base names of what was read, by the number that evidence uses.
    names: Names,
    /// Captures that could not be read, since when on the steady clock, and why.
    unread: BTreeMap<PathBuf, Unread>,
    /// The times of which captures told, first and last, the one read latest at the end.
    spans: VecDeque<(Time, Time)>,
    /// The last time of which a capture told.
    heard: Option<Time>,
    /// What could not be looked at, as it was said last.
    troubles: Vec<String>,
}

/// A capture that could not be read.
struct Unread {
    since: Duration,
    seen: Seen,
    why: String,
    /// It is none that is known, which what lies beside captures mostly is.
    is_foreign: bool,
}

impl Reader {
    /// Reads what has come; `false` when it is time to end.
    fn look(&mut self, stop: &AtomicBool, send: &mut dyn FnMut(Report) -> bool) -> bool {
        for finished in self.watch.poll(clock::now()) {
            let seen = finished.seen;
            let (facts, frames, first) = match Captures::open(&[&seen.path]) {
                Ok(captures) => {
                    let first = first_of(&captures);
                    let known = self.known(&seen.path, first);
                    // Left in the middle, it is read from its beginning by the next run; nothing of it was told yet.
                    let Some((facts, read)) = self.read(&captures, known, stop) else {
                        return false;
                    };
                    if self.known.len() >= self.next_sweep {
                        self.known.retain(|path, _| path.exists());
                        // Where most are still there, a look at each for every new one would be all that it does.
                        self.next_sweep = self.known.len().saturating_mul(2).max(MOST_FILES);
                    }
                    let frames = read;
                    self.known
                        .insert(seen.path.clone(), Known { frames, first });
                    (facts, frames, first)
                }
                Err(error) => {
                    let unread = Unread {
                        since: clock::monotonic(),
                        seen: seen.clone(),
                        why: crate::error::chain(&error),
                        is_foreign: matches!(error, sensor::Error::NotACapture { .. }),
                    };
                    self.watch.take_back(&seen.path);
                    self.unread.entry(seen.path).or_insert(unread);
                    continue;
                }
            };
            self.unread.remove(&seen.path);
            let last = facts.files.iter().filter_map(|file| file.last).max();
            self.heard = self.heard.max(last);
            if let Some(span) = first.zip(last) {
                self.spans.push_back(span);
                if self.spans.len() > MOST_SPANS {
                    self.spans.pop_front();
                }
            }
            let report = Report {
                at: clock::now(),
                facts,
                health: None,
                files: vec![Read {
                    seen,
                    frames,
                    first,
                }],
                events: Vec::new(),
                receipt: None,
            };
            if !send(report) {
                return false;
            }
        }
        self.say_what_is_wrong().is_none_or(send)
    }

    /// How many frames of a capture that begins then were read already: by that name, or by one that it bore before. A recorder
    /// that uses a name again begins another capture, of which none was.
    fn known(&self, path: &Path, first: Option<Time>) -> u64 {
        if let Some(known) = self.known.get(path)
            && known.begins_as(first)
        {
            return known.frames;
        }
        let was_called = |(other, known): &(&PathBuf, &Known)| {
            first.is_some() && known.first == first && other.as_path() != path
        };
        // A copy, beside the one that was read, is one of its own.
        let is_gone = |other: &Path| {
            Captures::open(&[other]).is_ok_and(|there| first_of(&there) != first) || !other.exists()
        };
        let mut before = self.known.iter().filter(was_called);
        let moved = before.find(|(other, _)| is_gone(other));
        moved.map_or(0, |(_, known)| known.frames)
    }

    /// Whether captures that begin then come after one that tells of a later time: one that could not be read at first, say. Where
    /// their time is shared with one that was read, they are another recorder's of the same traffic.
    fn are_late(&self, captures: &Captures, first: Time) -> bool {
        let is_shared = |until: Time| {
            let mut spans = self.spans.iter();
            spans.any(|(from, last)| *from <= until && first <= *last)
        };
        if self.heard.is_none_or(|heard| heard < first) || is_shared(first) {
            return false;
        }
        let (mut walk, mut last) = (captures.walk(), first);
        while let Some(frame) = walk.next() {
            last = last.max(frame.time);
        }
        !is_shared(last)
    }

    /// What could not be read and is given up, and folders that cannot be looked at, or can be again.
    fn say_what_is_wrong(&mut self) -> Option<Report> {
        let (now, steady) = (clock::now(), clock::monotonic());
        let mut report = Report {
            at: now,
            facts: Facts::default(),
            health: None,
            files: Vec::new(),
            events: Vec::new(),
            receipt: None,
        };
        let mut events = Vec::new();
        let sensor = self.sensor.as_str();
        let mut say = |trouble, detail: String| {
            let detail = format!("Sensor {sensor}: {detail}");
            let told = Health::new(trouble, Some(sensor), detail);
            let told = match trouble {
                Trouble::NotWatching => told.advise(
                    "Put right what is named; then see whether the recorder still writes into the folder.",
                ),
                _ => told,
            };
            events.push(Event::health(now, told));
        };
        let (watch, heard) = (&mut self.watch, self.heard);
        let mut given_up = 0usize;
        self.unread.retain(|path, unread| {
            let is_there = path.exists();
            if is_there && steady.saturating_sub(unread.since) < TRIED {
                return true;
            }
            if is_there {
                watch.give_up(path);
            }
            if unread.is_foreign {
                output::say(format_args!("sensor {sensor}: {}", unread.why));
                let seen = unread.seen.clone();
                report.files.push(Read {
                    seen,
                    frames: 0,
                    first: None,
                });
                return false;
            }
            // What it would have shown lies behind the one before, as far as is known.
            let changed = unread.seen.changed;
            let second = Time(changed.0.saturating_sub(1_000_000_000));
            let from = heard.filter(|heard| *heard < second).unwrap_or(second);
            let lost = Coverage::not_watching(Some(sensor), from, changed, "lost");
            report.facts.coverage.push(lost);
            let what = match is_there {
                true => "is given up until it is changed, or until the next start",
                false => "went away before it was read",
            };
            given_up += 1;
            if given_up <= MOST_TOLD {
                let (path, why) = (path.display(), &unread.why);
                say(
                    Trouble::NotWatching,
                    format!("{path} {what}: {why}. What it would have shown is unproven."),
                );
            }
            false
        });
        if given_up > MOST_TOLD {
            let more = given_up - MOST_TOLD;
            let detail = format!("{more} more captures could not be read either.");
            say(Trouble::NotWatching, detail);
        }
        if watch.problems() != self.troubles {
            self.troubles = watch.problems().to_vec();
            for trouble in &self.troubles {
                say(Trouble::NotWatching, format!("{trouble}."));
            }
            if self.troubles.is_empty() {
                let again = "its folder can be looked at again.";
                say(Trouble::Watching, again.to_owned());
            }
        }
        (!events.is_empty() || !report.files.is_empty()).then_some(Report { events, ..report })
    }

    /// What is known only once every conversation is over: whatever still waits for an answer did not get one.
    fn end(self) -> Report {
        let Reader {
            worker, mut names, ..
        } = self;
        let (now, picture) = (clock::now(), worker.finish());
        let coverage = names.coverage(&picture, now, now);
        let mut facts = picture.into_facts(Vec::new());
        facts.coverage.extend(coverage);
        names.spell_out(&mut facts);
        Report {
            at: clock::now(),
            facts,
            health: None,
            files: Vec::new(),
            events: Vec::new(),
            receipt: None,
        }
    }

    /// What was not understood of captures, in the time of which they tell.
    fn coverage(&self, picture: &Picture, files: &[Capture]) -> Vec<Coverage> {
        let first = files.iter().filter_map(|file| file.time).min();
        let last = files.iter().filter_map(|file| file.last).max();
        let now = clock::now();
        let (from, until) = first.zip(last).unwrap_or((now, now));
        self.names.coverage(picture, from, until)
    }

    /// The facts of a capture behind its first `known` frames, and how many it has; `None` when there is no time to read
    /// it to its end.
    fn read(&mut self, captures: &Captures, known: u64, stop: &AtomicBool) -> Option<(Facts, u64)> {
        let names = captures.names();
        let sensor = Arc::from(self.sensor.as_str());
        let numbers: Vec<u32> = names
            .into_iter()
            .map(|name| self.names.add(name, &sensor))
            .collect();
        let index = |capture: u32| numbers.get(capture as usize).copied().unwrap_or(u32::MAX);
        // What the worker has read of a connection makes anything before it look like a repetition of what was there.
        let is_late = first_of(captures).is_some_and(|first| self.are_late(captures, first));
        let mut apart = is_late.then(|| fresh(self.seed));
        let worker = apart.as_mut().unwrap_or(&mut self.worker);
        let mut walk = captures.walk();
        let mut count = 0u64;
        while let Some(frame) = walk.next() {
            count += 1;
            if count > known {
                let capture = index(frame.capture);
                worker.frame(&Frame { capture, ..frame });
            }
            if count.is_multiple_of(STRIDE) && stop.load(Ordering::Relaxed) {
                return None;
            }
        }
        let summaries = walk.summaries();
        let picture = match apart {
            Some(worker) => worker.finish(),
            None => self.worker.take(),
        };
        let files = captures.infos(&summaries);
        let coverage = self.coverage(&picture, &files);
        let mut facts = picture.into_facts(Vec::new());
        facts.coverage.extend(coverage);
        let named = |mut file: Capture| {
            file.sensor = Some(self.sensor.clone());
            file.evidence.capture = file.evidence.capture.or(Some(0)).map(index);
            file
        };
        facts.files = files.into_iter().map(named).collect();
        self.names.spell_out(&mut facts);
        Some((facts, count))
    }
}

/// Captures that were read: by the file in which runs wrote them down, and by the history, which knows of the latest for
/// certain, as it holds what they showed. A line that cannot be read costs no more than reading a capture again.
pub fn read_before(path: &Path, known: Vec<ReadFile>) -> Vec<Read> {
    // A line may have been torn within a letter.
    let text = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let read = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        let seen = Seen {
            path: PathBuf::from(line.get("path")?.as_str()?),
            bytes: line.get("bytes")?.as_u64()?,
            changed: Time(line.get("changed")?.as_i64()?),
        };
        let read = Read {
            seen,
            frames: line.get("frames")?.as_u64()?,
            first: line.get("first").and_then(|first| first.as_i64()).map(Time),
        };
        Some((read.seen.path.clone(), read))
    };
    // The last line of a file counts.
    let mut last: BTreeMap<PathBuf, Read> = text.lines().filter_map(read).collect();
    for file in known {
        let path = PathBuf::from(file.path);
        let seen = Seen {
            path: path.clone(),
            bytes: file.bytes,
            changed: file.changed,
        };
        let read = Read {
            seen,
            frames: file.frames,
            first: file.first,
        };
        // History forgets what is old, and then it is the other that knows.
        let newer =
            last.get(&path)
                .is_none_or(|known| match Known::of(known).begins_as(read.first) {
                    true => known.frames <= read.frames,
                    false => known.seen.changed <= read.seen.changed,
                });
        if newer {
            last.insert(path, read);
        }
    }
    // One that is gone may come back under another name: packed, or put away.
    let mut read: Vec<Read> = last.into_values().collect();
    if read.len() > MOST_FILES {
        read.retain(|read| read.seen.path.exists());
    }
    read
}

/// Writes down captures whose facts are saved.
pub fn remember(path: &Path, read: &[Read]) -> std::io::Result<()> {
    if read.is_empty() {
        return Ok(());
    }
    let line = |read: &Read| {
        let Seen {
            path,
            bytes,
            changed,
        } = &read.seen;
        let (changed, frames, first) = (changed.0, read.frames, read.first.map(|first| first.0));
        let line = serde_json::json!({ "path": path, "bytes": bytes, "changed": changed, "frames": frames, "first": first });
        format!("{line}\n")
    };
    // On a line of its own, should the one before have been torn when the disk was full.
    let lines: String = std::iter::once("\n".to_owned())
        .chain(read.iter().map(line))
        .collect();
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)?;
    file.write_all(lines.as_bytes())
}

#[test]
fn a_line_that_was_torn_costs_no_other() {
    let path = std::env::temp_dir().join(format!("seawall-read-{}", std::process::id()));
    let read = |name: &str| Read {
        seen: Seen {
            path: PathBuf::from(name),
            bytes: 24,
            changed: Time(7),
        },
        frames: 3,
        first: Some(Time(5)),
    };
    let (first, torn, last) = (read("a"), read("gr\u{fc}n"), read("z"));
    std::fs::remove_file(&path).ok();
    remember(&path, &[first.clone(), torn]).unwrap();
    let text = std::fs::read(&path).unwrap();
    let within = text.iter().position(|byte| *byte == 0xc3).unwrap() + 1;
    std::fs::write(&path, &text[..within]).unwrap();
    remember(&path, std::slice::from_ref(&last)).unwrap();
    assert_eq!(read_before(&path, Vec::new()), [first, last]);
    std::fs::remove_file(&path).ok();
}
