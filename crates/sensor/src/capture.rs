//! One capture file: what it is, its frames, and what there is to say about it.
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use facts::{Evidence, Time, kinds};
use wire::Frame;

use crate::Error;
use crate::hashing::Hash;
use crate::identify::{self, Content, Packing, identify};
use crate::pcap::Pcap;
use crate::pcapng::Pcapng;
use crate::pool::{Block, Pool};
use crate::source::{self, Source};
use crate::tally::{Record, Summary, Tally};
use crate::tape::Tape;
use crate::unpack;

/// Files of at most so many bytes are not worth a thread.
const AT_ONCE: u64 = 1 << 16;

/// A capture file that begins as a capture does. It holds no open file: each walk opens it.
#[derive(Debug)]
pub struct Capture {
    path: PathBuf,
    name: String,
    bytes: u64,
    packing: Option<Packing>,
    format: String,
    first: Option<Time>,
    sha256: OnceLock<String>,
}

impl Capture {
    /// Opens a capture as far as its first frame.
    ///
    /// # Errors
    /// The file cannot be opened or read, is no regular file, is empty, or is no capture; damage behind its first
    /// bytes is no error.
    pub fn open(path: impl AsRef<Path>) -> Result<Capture, Error> {
        let path = path.as_ref();
        let open = |source| Error::Open {
            path: path.to_owned(),
            source,
        };
        let metadata = std::fs::metadata(path).map_err(open)?;
        if !metadata.is_file() {
            return Err(Error::NotAFile {
                path: path.to_owned(),
            });
        }
        let mut file = File::open(path).map_err(open)?;
        let mut head = Vec::new();
        file.by_ref()
            .take(identify::HEAD as u64)
            .read_to_end(&mut head)
            .map_err(|e| Error::read(path, e))?;
        let packing = match identify(&head) {
            Content::Packed(packing) => Some(packing),
            _ => None,
        };
        let base_name = path
            .file_name()
            .unwrap_or(path.as_os_str())
            .to_string_lossy()
            .into_owned();
        let mut capture = Capture {
            path: path.to_owned(),
            name: base_name,
            bytes: metadata.len(),
            packing,
            format: String::new(),
            first: None,
            sha256: OnceLock::new(),
        };
        let mut frames = capture.frames(0)?;
        capture.format = match packing {
            None => frames.format.describe(),
            Some(packing) => format!("{}, {}", frames.format.describe(), packing.name()),
        };
        frames.advance();
        capture.first = frames.tally.summary(None).first;
        Ok(capture)
    }

    /// Name by which facts cite it: the base name, or `folder/name` where several captures are called the same.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn rename(&mut self, name: String) {
        self.name = name;
    }

    /// Base name of the file: what the pattern of a sensor is held against.
    pub fn base_name(&self) -> String {
        self.path
            .file_name()
            .unwrap_or(self.path.as_os_str())
            .to_string_lossy()
            .into_owned()
    }

    /// The path by which it was named or found.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Size of the file as it lies there.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Time of the first frame, as the file has it.
    pub fn first(&self) -> Option<Time> {
        self.first
    }

    /// SHA-256 of the file as it lies there, in hex. Known once the file was walked to its end with its hash; before
    /// that, it is read for it.
    ///
    /// # Errors
    /// The file cannot be opened or read any more, where it has to be read for it; a later call tries again.
    pub fn sha256(&self) -> Result<&str, Error> {
        if let Some(known) = self.sha256.get() {
            return Ok(known);
        }
        let hash = source::sha256(self.open_file()?, self.bytes)
            .map_err(|e| Error::read(&self.path, e))?;
        Ok(self.sha256.get_or_init(|| hash))
    }

    /// That is its SHA-256.
    pub(crate) fn hashed(&self, hex: String) {
        let _ = self.sha256.set(hex);
    }

    fn open_file(&self) -> Result<File, Error> {
        File::open(&self.path).map_err(|source| Error::Open {
            path: self.path.clone(),
            source,
        })
    }

    /// The frames from the first to the last, said to be of the capture with that index.
    ///
    /// # Errors
    /// The file cannot be opened or read any more, or no longer begins like a capture.
    pub fn frames(&self, index: u32) -> Result<Frames, Error> {
        self.read(index, &Pool::default(), &Hash::No)
    }

    /// The same, in memory of that pool.
    pub(crate) fn read(&self, index: u32, pool: &Pool, hash: &Hash) -> Result<Frames, Error> {
        // What is unpacked is not what is hashed; so a packed file is hashed while it is read.
        let (here, ledger) = match (hash, self.packing) {
            (Hash::No, _) => (false, None),
            (Hash::Later(entries), None) => (false, Some(entries.of(index))),
            (Hash::Here | Hash::Ahead(_) | Hash::Later(_), _) => (true, None),
        };
        let source = Source::new(self.open_file()?, self.bytes, here);
        let mut bytes: Box<dyn Read + Send> = match self.packing {
            None => Box::new(source.clone()),
            Some(packing) => unpack::unpack(source.clone(), packing),
        };
        // A few bytes are read sooner than somebody else is told to read them.
        if let Hash::Ahead(orders) = hash
            && self.bytes > AT_ONCE
        {
            bytes = orders.fetch(index, bytes);
        }
        let known = self.packing.is_none().then_some(self.bytes);
        let mut tape = Tape::new(bytes, known, pool, ledger);
        let mut tally = Tally::new(self.packing.is_some());
        let format = match identify(tape.view(0, identify::HEAD).bytes) {
            Content::Pcap => Format::Pcap(Pcap::open(&mut tape, &mut tally)),
            Content::Pcapng => Format::Pcapng(Pcapng::open()),
            other => return Err(self.refuse(other, &tape)),
        };
        Ok(Frames {
            tape,
            source: Some(source),
            format,
            tally,
            record: Record::NONE,
            index,
        })
    }

    fn refuse(&self, content: Content, tape: &Tape) -> Error {
        let path = self.path.clone();
        let within = |found: &str| match self.packing {
            None => found.to_owned(),
            Some(packing) => format!("{} data that holds {found}", packing.name()),
        };
        match (content, tape.problem(), self.packing) {
            (_, Some(error), Some(packing)) => Error::NotACapture {
                path,
                found: format!("{} data that cannot be unpacked ({error})", packing.name()),
                remedy: "check that it was written and copied whole".to_owned(),
            },
            (_, Some(error), None) => {
                Error::read(&self.path, io::Error::new(error.kind(), error.to_string()))
            }
            (Content::Empty, None, None) => Error::Empty { path },
            (Content::Empty, None, Some(_)) => Error::NotACapture {
                path,
                found: within("nothing"),
                remedy: "check that the capture was written before it was compressed".to_owned(),
            },
            (Content::Packed(inner), ..) => Error::NotACapture {
                path,
                found: within(&format!("{} data once more", inner.name())),
                remedy: "unpack it once".to_owned(),
            },
            (Content::Other { found, remedy }, ..) => Error::NotACapture {
                path,
                found: within(&found),
                remedy,
            },
            // Only where the file was changed between two looks at it.
            (Content::Pcap | Content::Pcapng, ..) => Error::NotACapture {
                path,
                found: "a file that is being changed".to_owned(),
                remedy: "read it when it is complete".to_owned(),
            },
        }
    }

    /// The fact about this capture, from the summary of a walk. With its hash, it is read for that unless it was already.
    pub fn info(&self, index: u32, summary: &Summary, hashed: bool) -> kinds::Capture {
        let mut problems = summary.problems.clone();
        let sha256 = match hashed.then(|| self.sha256()) {
            None => None,
            Some(Ok(hash)) => Some(hash.to_owned()),
            Some(Err(error)) => {
                problems.push(format!(
                    "its SHA-256 is not known: the file {}",
                    error.reason()
                ));
                None
            }
        };
        let folder = self
            .path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        kinds::Capture {
            name: self.name.clone(),
            folder: folder.map(|folder| folder.display().to_string()),
            sha256,
            bytes: self.bytes,
            format: self.format.clone(),
            links: summary.links.clone(),
            packets: summary.packets,
            undecoded: summary.undecoded,
            snapped: summary.snapped,
            time: summary.first,
            last: summary.last,
            sensor: None,
            problems,
            evidence: Evidence::whole(index),
        }
    }
}

enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

impl Format {
    fn describe(&self) -> String {
        match self {
            Format::Pcap(pcap) => pcap.describe(),
            Format::Pcapng(_) => "pcapng".to_owned(),
        }
    }
}

/// A walk over the frames of one capture.
///
/// Frames of link types that are not decoded come along (as [`wire::Link::Other`]) and are counted here already.
pub struct Frames {
    tape: Tape,
    /// `None` where the bytes come from no file.
    source: Option<Source>,
    format: Format,
    tally: Tally,
    record: Record,
    index: u32,
}

impl std::fmt::Debug for Frames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frames")
            .field("capture", &self.index)
            .field("tally", &self.tally)
            .finish_non_exhaustive()
    }
}

impl Frames {
    #[cfg(test)]
    pub(crate) fn over(mut tape: Tape) -> Option<Frames> {
        let mut tally = Tally::new(false);
        let format = match identify(tape.view(0, identify::HEAD).bytes) {
            Content::Pcap => Format::Pcap(Pcap::open(&mut tape, &mut tally)),
            Content::Pcapng => Format::Pcapng(Pcapng::open()),
            _ => return None,
        };
        Some(Frames {
            tape,
            source: None,
            format,
            tally,
            record: Record::NONE,
            index: 0,
        })
    }

    /// The next frame; it borrows from the capture until the one after is asked for. `None` at the end, for good.
    #[expect(clippy::should_implement_trait)] // An iterator could not lend from itself.
    pub fn next(&mut self) -> Option<Frame<'_>> {
        self.advance().then(|| self.frame())
    }

    /// Goes to the next frame, if there is one.
    #[inline]
    pub(crate) fn advance(&mut self) -> bool {
        let (tape, tally, record) = (&mut self.tape, &mut self.tally, &mut self.record);
        match &mut self.format {
            Format::Pcap(pcap) => pcap.next(tape, tally, record),
            Format::Pcapng(pcapng) => pcapng.next(tape, tally, record),
        }
    }

    /// The frame that [`Frames::advance`] went to last.
    #[inline]
    pub(crate) fn frame(&self) -> Frame<'_> {
        self.place().0
    }

    /// The same, the block that it lies in, and where.
    #[inline]
    pub(crate) fn place(&self) -> (Frame<'_>, &Arc<Block>, u32) {
        let record = &self.record;
        let (block, at) = self.tape.place(record.at);
        let frame = Frame {
            link: record.link,
            time: record.time,
            data: block.part(at, record.length).unwrap_or(&[]),
            wire_len: record.wire_len,
            capture: self.index,
            number: record.number,
        };
        (frame, block, at)
    }

    pub(crate) fn record(&self) -> &Record {
        &self.record
    }

    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    /// All frames were taken: gives the file's hash if it was hashed here.
    pub(crate) fn close(&mut self) -> Option<String> {
        self.tape.close();
        self.source.as_ref()?.finish().ok()?
    }

    /// Counts and problems so far; complete once [`Frames::next`] has given `None`.
    pub fn summary(&self) -> Summary {
        self.tally.summary(self.tape.problem())
    }

    /// Bytes of the file that were read.
    pub fn position(&self) -> u64 {
        self.source.as_ref().map_or(0, Source::taken)
    }
}
