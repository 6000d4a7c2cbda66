//! What a walk over one capture has counted and complained of.
use std::collections::BTreeMap;

use facts::Time;
use wire::Link;

use crate::link;

/// Sentences, link types and interface names kept per capture: enough to act on, bounded for a hostile file.
const MOST: usize = 64;

/// Captures reorder frames by milliseconds; a time that goes back by more than this, in nanoseconds, is a clock's doing.
const FAR_BACK: i64 = 1_000_000_000;

/// Nanoseconds without a frame from which on it is kept when they were. The site says how long is too long.
const SILENT: i64 = 60_000_000_000;

/// What one walk over a capture saw. Complete once the walk is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Frames, those that are not decoded included.
    pub packets: u64,
    /// Frames of link types that are not decoded, and entries that hold no frame.
    pub undecoded: u64,
    /// Frames shorter than they were on the wire.
    pub snapped: u64,
    /// Time of the earliest frame.
    pub first: Option<Time>,
    /// Time of the latest frame.
    pub last: Option<Time>,
    /// Link types, by name, in the order in which the file declares them.
    pub links: Vec<String>,
    /// Names of the interfaces, where the file gives them.
    pub interfaces: Vec<String>,
    /// From the frame before to the frame behind, where none came in between for long.
    pub silences: Vec<(Time, Time)>,
    /// What was wrong, a sentence each.
    pub problems: Vec<String>,
}

/// A frame as it stands on the tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// Where its bytes begin, and how many there are.
    pub(crate) at: u64,
    pub(crate) length: u32,
    pub(crate) wire_len: u32,
    pub(crate) time: Time,
    pub(crate) link: Link,
    pub(crate) number: u32,
}

impl Record {
    /// No frame yet.
    pub(crate) const NONE: Record = Record {
        at: 0,
        length: 0,
        wire_len: 0,
        time: Time(0),
        link: Link::Ethernet,
        number: 0,
    };
}

/// Counts of a walk that is under way.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    packets: u64,
    undecoded: u64,
    snapped: u64,
    span: Option<(Time, Time)>,
    silences: Vec<(Time, Time)>,
    links: Vec<Link>,
    interfaces: Vec<String>,
    /// Frames per link type that is not decoded; at most 65536 entries, since a file has 16 bits for it.
    unknown: BTreeMap<u32, u64>,
    timeless: u64,
    /// Frames whose time is long before that of one in front of them: how many, and by how much at most.
    backwards: (u64, i64),
    /// Frames of interfaces that the file does not describe, with the first such frame and its interface.
    undescribed: Option<(u64, u32, u32)>,
    no_frame: u64,
    dropped: u64,
    problems: Vec<String>,
    more_problems: u64,
    /// Offsets are those of the unpacked content.
    unpacked: bool,
}

impl Tally {
    pub(crate) fn new(unpacked: bool) -> Tally {
        Tally {
            unpacked,
            ..Tally::default()
        }
    }

    /// Number of the next frame.
    pub(crate) fn next_number(&self) -> u32 {
        u32::try_from(self.packets + 1).unwrap_or(u32::MAX)
    }

    #[inline]
    pub(crate) fn frame(&mut self, record: &Record) {
        self.packets += 1;
        self.snapped += u64::from(record.length < record.wire_len);
        if let Link::Other(number) = record.link {
            self.unknown(number);
        }
    }

    #[cold]
    fn unknown(&mut self, number: u32) {
        self.undecoded += 1;
        *self.unknown.entry(number).or_default() += 1;
    }

    #[inline]
    pub(crate) fn time(&mut self, time: Time) {
        match &mut self.span {
            Some((_, last)) if *last <= time && time.since(*last) <= SILENT => *last = time,
            _ => self.odd_time(time),
        }
    }

    /// The first time, one that goes back, or one long after the last.
    #[cold]
    fn odd_time(&mut self, time: Time) {
        self.span = match self.span {
            None => Some((time, time)),
            Some((first, last)) => {
                let back = last.since(time);
                if back > FAR_BACK {
                    self.backwards = (self.backwards.0 + 1, self.backwards.1.max(back));
                    self.spoke(time);
                }
                if back < -SILENT {
                    self.silent(last, time);
                }
                Some((first.min(time), last.max(time)))
            }
        };
    }

    /// No frame came for long. Where there are too many such times, the longest are kept.
    #[cold]
    fn silent(&mut self, from: Time, until: Time) {
        self.silences.push((from, until));
        if self.silences.len() > MOST {
            let length = |(from, until): &(Time, Time)| until.since(*from);
            let shortest = self.silences.iter().map(length).min();
            let place = self
                .silences
                .iter()
                .position(|one| Some(length(one)) == shortest);
            self.silences.remove(place.unwrap_or(0));
        }
    }

    /// A frame that stands behind later ones: nobody was silent when it came.
    #[cold]
    fn spoke(&mut self, time: Time) {
        let within = |(from, until): &(Time, Time)| *from < time && time < *until;
        if let Some(place) = self.silences.iter().position(within) {
            let (from, until) = self.silences.remove(place);
            for (from, until) in [(from, time), (time, until)] {
                if until.since(from) > SILENT {
                    self.silent(from, until);
                }
            }
        }
    }

    /// A frame without a time of its own.
    pub(crate) fn timeless(&mut self) {
        self.timeless += 1;
    }

    /// A frame of an interface that the file does not describe: numbered, and not read.
    pub(crate) fn undescribed(&mut self, interface: u32) {
        let number = self.next_number();
        self.packets += 1;
        self.undecoded += 1;
        self.undescribed.get_or_insert((0, number, interface)).0 += 1;
    }

    /// An entry that is numbered among the frames and holds none, such as a log entry.
    pub(crate) fn no_frame(&mut self) {
        self.packets += 1;
        self.undecoded += 1;
        self.no_frame += 1;
    }

    /// Frames that the capturing machine says it lost, of all interfaces so far.
    pub(crate) fn dropped(&mut self, total: u64) {
        self.dropped = total;
    }

    pub(crate) fn link(&mut self, link: Link) {
        if self.links.len() < MOST && !self.links.contains(&link) {
            self.links.push(link);
        }
    }

    pub(crate) fn interface(&mut self, name: String) {
        if self.interfaces.len() < MOST && !self.interfaces.contains(&name) {
            self.interfaces.push(name);
        }
    }

    pub(crate) fn problem(&mut self, sentence: String) {
        if self.problems.len() < MOST {
            self.problems.push(sentence);
        } else {
            self.more_problems += 1;
        }
    }

    /// `byte 65536`, said so that the reader looks in the right file.
    pub(crate) fn byte(&self, at: u64) -> String {
        if self.unpacked {
            format!("byte {at} of the unpacked content")
        } else {
            format!("byte {at}")
        }
    }

    /// `before the first frame`, `after frame 812`.
    pub(crate) fn after(&self) -> String {
        if self.packets == 0 {
            "before the first frame".to_owned()
        } else {
            format!("after frame {}", self.packets)
        }
    }

    /// `reading`: what ended the stream before its end.
    pub(crate) fn summary(&self, reading: Option<&std::io::Error>) -> Summary {
        let mut problems = self.problems.clone();
        if self.more_problems > 0 {
            problems.push(format!("{} more problems like these", self.more_problems));
        }
        if let Some(error) = reading {
            let verb = if self.unpacked { "unpacked" } else { "read" };
            problems.push(format!(
                "could not be {verb} further {}: {error}",
                self.after()
            ));
        }
        let frames = |count: u64| {
            if count == 1 {
                "1 frame".to_owned()
            } else {
                format!("{count} frames")
            }
        };
        for (number, count) in self.unknown.iter().take(MOST) {
            let name = link::name(Link::Other(*number));
            problems.push(format!(
                "{} of {name}: link type not decoded, counted only",
                frames(*count)
            ));
        }
        if let Some((count, frame, interface)) = self.undescribed {
            problems.push(format!(
                "{} of an interface that the file does not describe, counted only (the first is frame {frame}, interface {interface})",
                frames(count)
            ));
        }
        if self.no_frame > 0 {
            problems.push(format!(
                "{} of the numbered entries hold no network frame (log entries or system calls)",
                self.no_frame
            ));
        }
        if self.backwards.0 > 0 {
            problems.push(format!(
                "the times of {} go back by up to {} s: a clock was set, or files were put together out of order",
                frames(self.backwards.0),
                self.backwards.1 / 1_000_000_000
            ));
        }
        if self.timeless > 0 {
            problems.push(format!(
                "{} without a time: each is given the time of the one before",
                frames(self.timeless)
            ));
        }
        if self.dropped > 0 {
            problems.push(format!(
                "the capturing machine dropped {}: they are missing here",
                frames(self.dropped)
            ));
        }
        Summary {
            packets: self.packets,
            undecoded: self.undecoded,
            snapped: self.snapped,
            first: self.span.map(|(first, _)| first),
            last: self.span.map(|(_, last)| last),
            links: self.links.iter().map(|link| link::name(*link)).collect(),
            interfaces: self.interfaces.clone(),
            silences: self.silences.clone(),
            problems,
        }
    }
}
