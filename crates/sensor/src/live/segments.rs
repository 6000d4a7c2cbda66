//! A ring of packets on disk: what came in, as pcapng files of bounded size, written beside the capture.
//!
//! Each worker has its own. Packets are gathered in chunks, and a thread of its own writes these, so that a disk that
//! hangs costs evidence, never sight: packets that find no chunk free are left out here, counted, and judged all the
//! same. A disk that fails pauses the ring, and is tried again.
//!
//! A segment is called `SENSOR_20261122T011644Z_w0_000123.pcapng`, after the sensor, the time of its first packet, the
//! worker, and a number that only grows. Frames count from 1 in each, as Wireshark counts them.
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use facts::Time;

use super::{Error, Packet};
use crate::Writer;

/// A chunk goes to the disk once it holds this much.
const CHUNK: usize = 1 << 20;
/// The largest frame that still fits behind that.
const MARGIN: usize = 128 << 10;
/// Chunks of one worker: the packets that wait while the disk is busy.
const MOST_CHUNKS: usize = 32;
/// After a failure, how long until the disk is tried again.
const RETRY_SECS: i64 = 10;
/// Finished segments that were not asked for.
const MOST_FINISHED: usize = 1 << 12;
/// Longest name of a sensor; the rest of the file's name has to fit behind it.
const MOST_NAME: usize = 100;

/// When a segment is full.
#[derive(Clone, Copy, Debug)]
pub struct Rotation {
    /// Size from which on a segment is ended, in bytes.
    pub bytes: u64,
    /// Age from which on it is ended, in seconds by the time of its packets; at least 1.
    pub seconds: i64,
}

/// Where a packet was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Number of the segment, as in its name and in [`SegmentInfo::number`].
    pub segment: u64,
    /// Number of the packet in the segment, from 1, as Wireshark counts.
    pub frame: u32,
}

/// What there is to say of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentInfo {
    /// Number of the segment among those of its worker, from 1; it goes on where segments of an earlier run end.
    pub number: u64,
    /// Base name of the file.
    pub name: String,
    /// Packets put into it.
    pub packets: u32,
    /// Bytes that it takes, those that wait to be written among them.
    pub bytes: u64,
    /// Times of the first packet and of the latest.
    pub first: Time,
    /// Time of the packet put in latest.
    pub last: Time,
    /// How many of the packets are in the file: those that were not handed to the disk yet cannot be read back.
    pub written: u32,
    /// Why the rest will never be.
    pub problem: Option<String>,
}

/// The disk failed; packets are not kept until it works again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paused {
    /// When the disk failed.
    pub since: Time,
    /// What the system says.
    pub reason: String,
}

/// What the thread is to do.
enum Job {
    Begin {
        number: u64,
        path: PathBuf,
    },
    /// `packets` of the segment are in it and in those before it.
    Chunk {
        bytes: Vec<u8>,
        packets: u32,
    },
    End,
}

/// What the thread did.
enum Done {
    /// A chunk to be used again.
    Chunk(Vec<u8>),
    Wrote {
        number: u64,
        packets: u32,
    },
    Failed {
        number: u64,
        reason: String,
    },
    Ended {
        number: u64,
    },
}

/// A segment being filled.
#[derive(Debug)]
struct Filling {
    info: SegmentInfo,
    writer: Writer<Vec<u8>>,
    /// Packets already handed to the thread.
    handed: u32,
}

/// A worker's ring of segments.
#[derive(Debug)]
pub struct Segments {
    folder: PathBuf,
    sensor: String,
    worker: usize,
    rotation: Rotation,
    next: u64,
    filling: Option<Filling>,
    /// Handed over whole, not all written yet.
    closing: Vec<SegmentInfo>,
    finished: Vec<SegmentInfo>,
    paused: Option<Paused>,
    retry: Time,
    left_out: u64,
    free: Vec<Vec<u8>>,
    chunks: usize,
    jobs: Option<Sender<Job>>,
    done: Receiver<Done>,
    thread: Option<JoinHandle<()>>,
}

impl Segments {
    /// Makes the folder if need be, and goes on counting where segments that lie there end.
    ///
    /// Begins a thread, so privileges are to be given up before.
    ///
    /// # Errors
    /// The sensor's name cannot begin a file name, the folder cannot be made or listed, or no thread can begin.
    pub fn open(
        folder: &Path,
        sensor: &str,
        worker: usize,
        rotation: Rotation,
    ) -> Result<Segments, Error> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if sensor.is_empty()
            || sensor.starts_with('.')
            || sensor.len() > MOST_NAME
            || !sensor.chars().all(plain)
        {
            return Err(Error::SensorName {
                name: sensor.to_owned(),
            });
        }
        fs::create_dir_all(folder)
            .map_err(|e| Error::folder("make the folder of the packet ring", folder, e))?;
        let mut next = 1;
        for name in names(folder)? {
            if let Some(named) = Named::of(&name)
                && named.sensor == sensor
                && named.worker == worker
            {
                next = next.max(named.number.saturating_add(1));
            }
        }
        let (jobs, todo) = channel();
        let (tell, done) = channel();
        let thread = std::thread::Builder::new()
            .name(format!("segments-{worker}"))
            .spawn(move || write_all(&todo, &tell))
            .map_err(|e| Error::folder("begin a thread that writes to", folder, e))?;
        Ok(Segments {
            folder: folder.to_owned(),
            sensor: sensor.to_owned(),
            worker,
            rotation,
            next,
            filling: None,
            closing: Vec::new(),
            finished: Vec::new(),
            paused: None,
            retry: Time::MIN,
            left_out: 0,
            free: Vec::new(),
            chunks: 0,
            jobs: Some(jobs),
            done,
            thread: Some(thread),
        })
    }

    /// Puts a packet into the ring; `None` if it was left out, because the disk failed or is too slow.
    #[inline]
    pub fn write(&mut self, packet: &Packet<'_>) -> Option<Place> {
        let place = self.put(packet);
        self.left_out += u64::from(place.is_none());
        place
    }

    fn put(&mut self, packet: &Packet<'_>) -> Option<Place> {
        if let Some(filling) = &mut self.filling {
            let info = &filling.info;
            let age = packet.time.since(info.first).unsigned_abs() / 1_000_000_000;
            // A clock that was set back by more ends a segment too.
            let old = age >= self.rotation.seconds.unsigned_abs().max(1);
            if old || info.bytes >= self.rotation.bytes || info.packets == u32::MAX {
                self.end(packet.time)?;
            } else if filling.writer.out().len() >= CHUNK {
                self.hand_over(packet.time)?;
            }
        }
        if self.filling.is_none() {
            self.begin(packet.time)?;
        }
        let filling = self.filling.as_mut()?;
        let info = &mut filling.info;
        let frame = info.packets.checked_add(1)?;
        let before = filling.writer.out().len();
        // What cannot be written is a packet of a length that no block holds; there is none.
        filling
            .writer
            .captured(&self.sensor, &packet.frame(0, frame))
            .ok()?;
        let after = filling.writer.out().len();
        info.bytes += after.saturating_sub(before) as u64;
        info.packets = frame;
        info.last = packet.time;
        Some(Place {
            segment: info.number,
            frame,
        })
    }

    /// Hands what was gathered to the disk, ends a segment whose time is over, and takes note of what the disk did. To be
    /// called every second or so; it does not wait for the disk.
    pub fn flush(&mut self, now: Time) {
        self.take_note(now);
        let Some(filling) = &self.filling else {
            return;
        };
        let age = now.since(filling.info.first).unsigned_abs() / 1_000_000_000;
        let _ = if age >= self.rotation.seconds.unsigned_abs().max(1) {
            self.end(now)
        } else if filling.handed < filling.info.packets {
            self.hand_over(now)
        } else {
            None
        };
    }

    /// The segment being filled, unless none is.
    pub fn current(&self) -> Option<&SegmentInfo> {
        self.filling.as_ref().map(|filling| &filling.info)
    }

    /// The segments that were finished since this was last asked, as [`Segments::flush`] took note of them.
    pub fn finished(&mut self) -> Vec<SegmentInfo> {
        std::mem::take(&mut self.finished)
    }

    /// Whether packets are not kept, since when and why.
    pub fn paused(&self) -> Option<&Paused> {
        self.paused.as_ref()
    }

    /// Packets that were not kept: the disk failed, or was too slow.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Hands over everything, waits until it is on its way to the disk, and gives the last segments.
    pub fn close(mut self, now: Time) -> Vec<SegmentInfo> {
        self.stop(now);
        self.finished()
    }

    fn stop(&mut self, now: Time) {
        if let Some(filling) = self.filling.take() {
            self.hand_over_last(filling);
        }
        // The thread ends when there is no one left to give it a job.
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        self.take_note(now);
    }

    fn begin(&mut self, now: Time) -> Option<()> {
        self.take_note(now);
        if self.paused.is_some() {
            // A clock that was set back must not keep the disk from being tried.
            let early = now < self.retry
                && self.retry.since(now) <= RETRY_SECS.saturating_mul(1_000_000_000);
            if early {
                return None;
            }
            self.retry = now.plus_secs(RETRY_SECS);
        }
        let chunk = self.chunk()?;
        let number = self.next;
        let name = format!(
            "{}_{}_w{}_{number:06}.pcapng",
            self.sensor,
            compact(now),
            self.worker
        );
        let path = self.folder.join(&name);
        self.send(Job::Begin { number, path });
        self.next = self.next.saturating_add(1);
        let mut writer = Writer::new(chunk).ok()?;
        self.filling = Some(Filling {
            info: SegmentInfo {
                number,
                name,
                packets: 0,
                bytes: writer.out().len() as u64,
                first: now,
                last: now,
                written: 0,
                problem: None,
            },
            writer,
            handed: 0,
        });
        Some(())
    }

    /// Ends the segment being filled. `None`: there is no chunk for the next one yet, so it stays.
    fn end(&mut self, now: Time) -> Option<()> {
        self.take_note(now);
        // Not one more packet may go in, so this waits until the next segment can begin.
        if self.free.is_empty() && self.chunks >= MOST_CHUNKS {
            return None;
        }
        let filling = self.filling.take()?;
        self.hand_over_last(filling);
        Some(())
    }

    fn hand_over_last(&mut self, mut filling: Filling) {
        let bytes = std::mem::take(filling.writer.out());
        let packets = filling.info.packets;
        self.send(Job::Chunk { bytes, packets });
        self.send(Job::End);
        self.closing.push(filling.info);
    }

    /// Gives the thread what was gathered. `None`: there is no chunk to go on with, or the segment failed.
    fn hand_over(&mut self, now: Time) -> Option<()> {
        self.take_note(now);
        let fresh = self.chunk()?;
        let Some(filling) = &mut self.filling else {
            self.free.push(fresh);
            return None;
        };
        let bytes = std::mem::replace(filling.writer.out(), fresh);
        let packets = filling.info.packets;
        filling.handed = packets;
        self.send(Job::Chunk { bytes, packets });
        Some(())
    }

    fn send(&self, job: Job) {
        if let Some(jobs) = &self.jobs {
            // The thread ends only after us.
            let _ = jobs.send(job);
        }
    }

    /// An empty chunk, if fewer than all are under way.
    fn chunk(&mut self) -> Option<Vec<u8>> {
        if let Some(chunk) = self.free.pop() {
            return Some(chunk);
        }
        if self.chunks >= MOST_CHUNKS {
            return None;
        }
        self.chunks += 1;
        Some(Vec::with_capacity(CHUNK + MARGIN))
    }

    fn take_note(&mut self, now: Time) {
        while let Ok(done) = self.done.try_recv() {
            match done {
                Done::Chunk(mut chunk) => {
                    chunk.clear();
                    self.free.push(chunk);
                }
                Done::Wrote { number, packets } => {
                    if let Some(info) = self.of(number) {
                        info.written = packets;
                        // A later segment than the one that failed: the disk works again.
                        self.paused = None;
                    }
                }
                Done::Failed { number, reason } => self.failed(number, reason, now),
                Done::Ended { number } => {
                    if let Some(at) = self.closing.iter().position(|info| info.number == number) {
                        let info = self.closing.remove(at);
                        self.finish(info);
                    }
                }
            }
        }
    }

    fn of(&mut self, number: u64) -> Option<&mut SegmentInfo> {
        let filling = self.filling.iter_mut().map(|filling| &mut filling.info);
        filling
            .chain(&mut self.closing)
            .find(|info| info.number == number && info.problem.is_none())
    }

    fn failed(&mut self, number: u64, reason: String, now: Time) {
        if let Some(info) = self.of(number) {
            info.problem = Some(reason.clone());
        }
        let since = self.paused.take().map_or(now, |paused| paused.since);
        self.paused = Some(Paused { since, reason });
        self.retry = now.plus_secs(RETRY_SECS);
        if let Some(mut filling) = self
            .filling
            .take_if(|filling| filling.info.number == number)
        {
            // What was gathered has nowhere to go.
            let mut chunk = std::mem::take(filling.writer.out());
            chunk.clear();
            self.free.push(chunk);
            self.send(Job::End);
            self.closing.push(filling.info);
        }
    }

    fn finish(&mut self, info: SegmentInfo) {
        self.left_out += u64::from(info.packets.saturating_sub(info.written));
        if self.finished.len() >= MOST_FINISHED {
            self.finished.remove(0);
        }
        self.finished.push(info);
    }
}

impl Drop for Segments {
    fn drop(&mut self) {
        let now = self.current().map_or(Time::MIN, |info| info.last);
        self.stop(now);
    }
}

/// The thread: does one job after the other, and goes on after a failure with the next segment.
fn write_all(todo: &Receiver<Job>, tell: &Sender<Done>) {
    let mut number = 0;
    let mut file: Option<File> = None;
    // Whoever gave the jobs may be gone already; what is left is written all the same.
    let say = |done| drop(tell.send(done));
    while let Ok(job) = todo.recv() {
        match job {
            Job::Begin { number: new, path } => {
                number = new;
                file = match make(&path) {
                    Ok(file) => Some(file),
                    Err(error) => {
                        let reason = reason("make", &path, &error);
                        say(Done::Failed { number, reason });
                        None
                    }
                };
            }
            Job::Chunk { bytes, packets } => {
                if let Some(open) = &mut file {
                    match open.write_all(&bytes) {
                        Ok(()) if is_deleted(open) => {
                            file = None;
                            let reason = "packets were not kept: their file was deleted while it was written; another is begun";
                            let reason = reason.to_owned();
                            say(Done::Failed { number, reason });
                        }
                        Ok(()) => say(Done::Wrote { number, packets }),
                        Err(error) => {
                            // Nothing may follow what was cut off: frames would get other numbers.
                            file = None;
                            let reason = format!("cannot write packets to disk: {error}");
                            say(Done::Failed { number, reason });
                        }
                    }
                }
                say(Done::Chunk(bytes));
            }
            Job::End => {
                file = None;
                say(Done::Ended { number });
            }
        }
    }
}

/// A new file; and its folder, should somebody have deleted that.
fn make(path: &Path) -> io::Result<File> {
    let make = || OpenOptions::new().write(true).create_new(true).open(path);
    match (make(), path.parent()) {
        (Err(error), Some(folder)) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(folder)?;
            make()
        }
        (made, _) => made,
    }
}

/// Whether nobody will find the file again.
fn is_deleted(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.nlink() == 0)
}

fn reason(step: &str, path: &Path, error: &io::Error) -> String {
    format!("cannot {step} {}: {error}", path.display())
}

/// `20261122T011644Z`
fn compact(time: Time) -> String {
    let text = time.to_string();
    let second = text.split('.').next().unwrap_or(&text);
    let digits: String = second.chars().filter(|c| !matches!(c, '-' | ':')).collect();
    format!("{digits}Z")
}

/// The names of what lies in a folder.
pub(super) fn names(folder: &Path) -> Result<Vec<String>, Error> {
    let fail = |e| Error::folder("list", folder, e);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(fail)? {
        if let Ok(name) = entry.map_err(fail)?.file_name().into_string() {
            names.push(name);
        }
    }
    Ok(names)
}

/// What the name of a segment says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Named<'a> {
    pub(super) sensor: &'a str,
    pub(super) time: &'a str,
    pub(super) worker: usize,
    pub(super) number: u64,
}

impl<'a> Named<'a> {
    /// `None` if no segment is called so.
    pub(super) fn of(name: &'a str) -> Option<Named<'a>> {
        let mut parts = name.strip_suffix(".pcapng")?.rsplitn(4, '_');
        let (number, worker, time) = (parts.next()?, parts.next()?, parts.next()?);
        let stamp = |(at, c): (usize, char)| match at {
            8 => c == 'T',
            15 => c == 'Z',
            _ => c.is_ascii_digit(),
        };
        if time.len() != 16 || !time.chars().enumerate().all(stamp) || number.len() < 6 {
            return None;
        }
        Some(Named {
            sensor: parts.next()?,
            time,
            worker: worker.strip_prefix('w')?.parse().ok()?,
            number: number.parse().ok()?,
        })
    }
}

#[test]
fn a_disk_that_hangs_costs_packets_that_are_counted_and_never_more_than_the_chunks() {
    let dir = std::env::temp_dir().join(format!("seawall-hangs-{}", std::process::id()));
    let whole = Rotation {
        bytes: u64::MAX,
        seconds: i64::MAX,
    };
    let mut segments = Segments::open(&dir, "span", 0, whole).unwrap();
    // In place of the thread: no one, so that no chunk comes back.
    let (jobs, todo) = channel();
    let (tell, done) = channel();
    segments.jobs = Some(jobs);
    segments.done = done;
    let data = vec![0; 60_000];
    let write = |segments: &mut Segments, n: i64| {
        let packet = Packet {
            time: Time::from_secs(n),
            data: &data,
            wire_len: 60_000,
            link: wire::Link::Ethernet,
        };
        segments.write(&packet)
    };
    let tried: i64 = 1000;
    let kept = (0..tried)
        .filter(|n| write(&mut segments, *n).is_some())
        .count() as u64;
    assert_eq!(segments.left_out(), tried as u64 - kept);
    let room = (MOST_CHUNKS * CHUNK / data.len()) as u64;
    assert!(kept >= room && segments.left_out() > 100, "{kept}");
    assert_eq!(segments.chunks, MOST_CHUNKS);

    // One chunk is done: there is room for that much more, and numbers go on without a hole.
    let Some(Job::Chunk { bytes, .. }) = todo.try_iter().nth(1) else {
        panic!("a segment is begun, then comes its first chunk");
    };
    tell.send(Done::Chunk(bytes)).unwrap();
    let place = write(&mut segments, tried).unwrap();
    assert_eq!(u64::from(place.frame), kept + 1);
    drop(segments);
    fs::remove_dir_all(dir).unwrap();
}
