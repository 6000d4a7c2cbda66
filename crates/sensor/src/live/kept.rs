//! Evidence that outlives the ring: the packets that a finding cites, cut out of the segments before these roll over.
//!
//! Each cut is a pcapng called after its own SHA-256, so that it shows by itself whether it was touched. Beside them lies
//! `index.jsonl`: a line per cut says which finding it is for, and which frames of which segments it holds. A frame is
//! kept once per finding: asking again writes only what came since.
//!
//! The folder has a budget ([`Keeper::trim`]). What findings that are still open cite stays; where that alone takes it up,
//! no more is kept until there is room, and that is said.
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use facts::Time;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Error;
use super::segments::names;
use crate::{Capture, Captures, Writer};

/// Findings of one folder.
const MOST_FINDINGS: usize = 100_000;
/// Frames kept for a finding: more prove no more.
const MOST_FRAMES: usize = 20_000;
const INDEX: &str = "index.jsonl";
/// A cut in the making.
const UNFINISHED: &str = ".unfinished.pcapng";
/// An index in the making.
const NEW_INDEX: &str = ".index.jsonl.new";

/// What to keep: frames by number, of segments by name.
#[derive(Clone, Copy, Debug)]
pub struct Cut<'a> {
    /// Id of the finding.
    pub finding: &'a str,
    /// Base names of segments, each with frame numbers from 1.
    pub frames: &'a [(String, Vec<u32>)],
}

/// What was kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// The file that was written, unless there was nothing new to keep.
    pub file: Option<String>,
    /// Frames that were written now.
    pub frames: usize,
    /// Frames that are in no segment any more, or not yet: those not handed to the disk are found a second later.
    pub missing: Vec<(String, Vec<u32>)>,
    /// Frames beyond the most that are kept for a finding.
    pub left_out: usize,
}

type Frames = BTreeMap<String, BTreeSet<u32>>;
/// Frames by index of their capture.
type Numbers = Vec<(u32, Vec<u32>)>;

/// The folder of cuts.
#[derive(Debug)]
pub struct Keeper {
    folder: PathBuf,
    /// What is kept already, by finding.
    known: BTreeMap<String, (Frames, Vec<String>)>,
    /// Finding and file of each cut, from the oldest.
    cuts: Vec<(String, String)>,
    /// What is kept takes up the budget, in bytes.
    full: Option<u64>,
    problems: Vec<String>,
    /// It was said that captures are kept since the index is damaged.
    spared: bool,
}

impl Keeper {
    /// Opens the folder, makes it if need be, and reads its index.
    ///
    /// # Errors
    /// The folder cannot be made, or its index cannot be read or mended. Lines of the index that cannot be read are
    /// no error: they stand in [`Keeper::problems`].
    pub fn open(folder: &Path) -> Result<Keeper, Error> {
        fs::create_dir_all(folder)
            .map_err(|e| Error::folder("make the folder of evidence", folder, e))?;
        let (keeper, cut_off) = Keeper::read(folder)?;
        // So that the next line stands by itself.
        if cut_off {
            keeper.append(b"\n")?;
        }
        Ok(keeper)
    }

    /// Reads the index of a folder that someone else may be writing to, and changes nothing. To look with.
    ///
    /// # Errors
    /// The index is there and cannot be read.
    pub fn look(folder: &Path) -> Result<Keeper, Error> {
        Keeper::read(folder).map(|(keeper, _)| keeper)
    }

    /// What the index says, and whether its last line lacks its end.
    fn read(folder: &Path) -> Result<(Keeper, bool), Error> {
        let path = folder.join(INDEX);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(Error::folder("read", &path, error)),
        };
        let mut keeper = Keeper {
            folder: folder.to_owned(),
            known: BTreeMap::new(),
            cuts: Vec::new(),
            full: None,
            problems: Vec::new(),
            spared: false,
        };
        for (line, number) in text.split(|byte| *byte == b'\n').zip(1..) {
            if !line.is_empty() && keeper.remember(line).is_none() {
                keeper.problems.push(format!(
                    "{}:{number}: not a line of the index, most likely cut off when the machine stopped: passed over",
                    path.display()
                ));
            }
        }
        Ok((keeper, text.last().is_some_and(|byte| *byte != b'\n')))
    }

    /// Lines of the index that could not be read, and what is kept for that.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// The findings of which packets are kept.
    pub fn findings(&self) -> impl Iterator<Item = &str> {
        self.known.keys().map(String::as_str)
    }

    /// The files that hold what a finding cites.
    pub fn files(&self, finding: &str) -> &[String] {
        self.known.get(finding).map_or(&[], |(_, files)| files)
    }

    /// Whether that frame of that segment is in the files of the finding.
    pub fn holds(&self, finding: &str, segment: &str, frame: u32) -> bool {
        let frames = self
            .known
            .get(finding)
            .and_then(|(frames, _)| frames.get(segment));
        frames.is_some_and(|frames| frames.contains(&frame))
    }

    /// Cuts out what is not kept for the finding yet.
    ///
    /// # Errors
    /// The limit of findings or the budget is reached, or the folder cannot be written. The index then names nothing
    /// new; an unfinished file may be left, and the next cut replaces it. A segment that is gone is no error: its frames
    /// are missing.
    pub fn keep(&mut self, ring: &Path, cut: &Cut<'_>, now: Time) -> Result<Kept, Error> {
        let mut kept = Kept::default();
        let known = self.known.get(cut.finding).map(|(frames, _)| frames);
        if known.is_none() && self.known.len() >= MOST_FINDINGS {
            return Err(Error::EvidenceFull {
                path: self.folder.clone(),
                findings: self.known.len(),
            });
        }
        if let Some(bytes) = self.full {
            return Err(Error::EvidenceOverBudget {
                path: self.folder.clone(),
                bytes,
            });
        }
        let mut room = MOST_FRAMES
            .saturating_sub(known.map_or(0, |known| known.values().map(BTreeSet::len).sum()));
        let mut wanted = Frames::new();
        for (segment, numbers) in cut.frames {
            let has = |number: &u32| {
                known
                    .and_then(|known| known.get(segment))
                    .is_some_and(|numbers| numbers.contains(number))
            };
            for number in numbers.iter().filter(|number| !has(number)) {
                let of = wanted.entry(segment.clone()).or_default();
                if room > 0 && of.insert(*number) {
                    room -= 1;
                } else if room == 0 && !of.contains(number) {
                    kept.left_out += 1;
                }
            }
        }
        wanted.retain(|_, numbers| !numbers.is_empty());
        if wanted.is_empty() {
            return Ok(kept);
        }

        let (captures, numbers) = open(ring, &wanted)?;
        let unfinished = self.folder.join(UNFINISHED);
        let (hash, held) = self
            .write(&unfinished, &captures, &numbers)
            .map_err(|e| Error::folder("write", &unfinished, e))?;
        for (segment, numbers) in &wanted {
            let held = held.get(segment);
            let missing: Vec<u32> = numbers
                .iter()
                .filter(|number| !held.is_some_and(|held| held.contains(number)))
                .copied()
                .collect();
            if !missing.is_empty() {
                kept.missing.push((segment.clone(), missing));
            }
        }
        kept.frames = held.values().map(BTreeSet::len).sum();
        if held.is_empty() {
            fs::remove_file(&unfinished).map_err(|e| Error::folder("delete", &unfinished, e))?;
            return Ok(kept);
        }
        let file = format!("{hash}.pcapng");
        fs::rename(&unfinished, self.folder.join(&file))
            .and_then(|()| File::open(&self.folder)?.sync_all())
            .map_err(|e| Error::folder("put a file into", &self.folder, e))?;
        let list = |frames: &Frames| -> Vec<Value> {
            let one = |(segment, numbers)| json!({"segment": segment, "frames": numbers});
            frames.iter().map(one).collect()
        };
        let missing: Frames = kept
            .missing
            .iter()
            .map(|(segment, numbers)| (segment.clone(), numbers.iter().copied().collect()))
            .collect();
        let line = json!({
            "finding": cut.finding,
            "file": file,
            "sha256": hash,
            "kept_at": now.to_string(),
            "from": list(&held),
            "missing": list(&missing),
        });
        let line = format!("{line}\n");
        self.append(line.as_bytes())?;
        self.remember(line.as_bytes());
        kept.file = Some(file);
        Ok(kept)
    }

    /// Deletes cuts of findings that are not open, the oldest first, until the folder is within its budget. Gives their
    /// findings, each with the bytes that it took.
    ///
    /// # Errors
    /// The folder cannot be listed, or its index or a file of it cannot be changed. Lines go out of the index before
    /// their files do, so that it never names a file that is gone.
    pub fn trim(
        &mut self,
        budget_bytes: u64,
        is_open: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<(String, u64)>, Error> {
        let mut sizes: BTreeMap<String, u64> = BTreeMap::new();
        for name in names(&self.folder)? {
            // One that is gone since is no concern.
            if name.ends_with(".pcapng")
                && name != UNFINISHED
                && let Ok(metadata) = fs::metadata(self.folder.join(&name))
            {
                sizes.insert(name, metadata.len());
            }
        }
        let mut bytes: u64 = sizes.values().sum();
        let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, file) in &self.cuts {
            *uses.entry(file).or_default() += 1;
        }
        let (mut gone, mut deleted) = (BTreeSet::new(), Vec::new());
        // What no line of the index names was left by a crash.
        let mut files: Vec<String> = sizes
            .keys()
            .filter(|file| bytes > budget_bytes && !uses.contains_key(file.as_str()))
            .cloned()
            .collect();
        // Or by a line that nobody can read: then it may be the evidence of a finding.
        if !self.problems.is_empty() && !files.is_empty() {
            if !self.spared {
                self.spared = true;
                self.problems.push(format!(
                    "{}: {} captures that no line names are kept, since lines of it cannot be read; put it back from a backup, or move them away",
                    self.folder.join(INDEX).display(),
                    files.len()
                ));
            }
            files.clear();
        }
        let size = |file: &str| sizes.get(file).copied().unwrap_or(0);
        bytes -= files.iter().map(|file| size(file)).sum::<u64>();
        for (finding, file) in &self.cuts {
            if bytes <= budget_bytes {
                break;
            }
            if is_open(finding) {
                continue;
            }
            let Some(left) = uses.get_mut(file.as_str()) else {
                continue;
            };
            *left -= 1;
            gone.insert((finding.clone(), file.clone()));
            if *left == 0 {
                bytes = bytes.saturating_sub(size(file));
                deleted.push((finding.clone(), size(file)));
                files.push(file.clone());
            }
        }
        if !gone.is_empty() {
            self.strike(&gone)?;
        }
        for file in files {
            let path = self.folder.join(file);
            fs::remove_file(&path).map_err(|e| Error::folder("delete", &path, e))?;
        }
        self.full = (bytes > budget_bytes).then_some(bytes);
        Ok(deleted)
    }

    /// Takes lines out of the index, before the files that they name go: a file without a line does no harm.
    fn strike(&mut self, gone: &BTreeSet<(String, String)>) -> Result<(), Error> {
        let (path, new) = (self.folder.join(INDEX), self.folder.join(NEW_INDEX));
        let text = fs::read(&path).map_err(|e| Error::folder("read", &path, e))?;
        let stays = |line: &&[u8]| {
            let line: Value = serde_json::from_slice(line).unwrap_or_default();
            let word = |key: &str| line.get(key).and_then(Value::as_str).map(str::to_owned);
            let cut = word("finding").zip(word("file"));
            cut.is_none_or(|cut| !gone.contains(&cut))
        };
        let lines: Vec<&[u8]> = text
            .split_inclusive(|byte| *byte == b'\n')
            .filter(stays)
            .collect();
        let write = || {
            let mut file = File::create(&new)?;
            file.write_all(&lines.concat())?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            File::open(&self.folder)?.sync_all()
        };
        write().map_err(|e| Error::folder("write", &path, e))?;
        (self.known, self.cuts) = (BTreeMap::new(), Vec::new());
        for line in lines {
            self.remember(line);
        }
        Ok(())
    }

    /// Writes the frames that are there; gives the hash of the file, and which frames it holds.
    fn write(
        &self,
        path: &Path,
        captures: &Captures,
        wanted: &[(u32, Vec<u32>)],
    ) -> io::Result<(String, Frames)> {
        let file = Hashing {
            out: BufWriter::new(File::create(path)?),
            hash: Sha256::new(),
        };
        let mut writer = Writer::new(file)?;
        let names = captures.names();
        let mut held = Frames::new();
        let mut fetch = captures.fetch(wanted);
        while let Some(frame) = fetch.next() {
            let Some(name) = names.get(frame.capture as usize) else {
                continue;
            };
            writer.frame(name, &frame)?;
            held.entry(name.clone()).or_default().insert(frame.number);
        }
        let written = writer.finish()?;
        written.out.get_ref().sync_all()?;
        let hash = written.hash.finalize();
        let hex = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok((hex, held))
    }

    fn append(&self, line: &[u8]) -> Result<(), Error> {
        let path = self.folder.join(INDEX);
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .and_then(|mut index| {
                index.write_all(line)?;
                index.sync_all()
            })
            .map_err(|e| Error::folder("write", &path, e))
    }

    /// Takes note of a line of the index; `None` if it is none.
    fn remember(&mut self, line: &[u8]) -> Option<()> {
        let line: Value = serde_json::from_slice(line).ok()?;
        let finding = line.get("finding")?.as_str()?;
        let file = line.get("file")?.as_str()?;
        let from = line.get("from")?.as_array()?;
        let (frames, files) = self.known.entry(finding.to_owned()).or_default();
        files.push(file.to_owned());
        self.cuts.push((finding.to_owned(), file.to_owned()));
        for part in from {
            let numbers = part.get("frames")?.as_array()?;
            let numbers = numbers
                .iter()
                .filter_map(|number| u32::try_from(number.as_u64()?).ok());
            frames
                .entry(part.get("segment")?.as_str()?.to_owned())
                .or_default()
                .extend(numbers);
        }
        Some(())
    }
}

/// The segments that are still there, with the frames wanted of each by its index.
fn open(ring: &Path, wanted: &Frames) -> Result<(Captures, Numbers), Error> {
    let is_plain = |name: &&String| !name.contains('/') && !name.starts_with('.');
    let there: Vec<PathBuf> = wanted
        .keys()
        .filter(is_plain)
        .map(|name| ring.join(name))
        // One that rolled over, or was begun and holds nothing yet.
        .filter(|path| Capture::open(path).is_ok())
        .collect();
    let captures = Captures::open(&there)?;
    let numbers = captures
        .list()
        .iter()
        .zip(0u32..)
        .filter_map(|(capture, index)| {
            let numbers = wanted.get(&capture.base_name())?;
            Some((index, numbers.iter().copied().collect()))
        })
        .collect();
    Ok((captures, numbers))
}

/// Hashes what it passes on.
struct Hashing {
    out: BufWriter<File>,
    hash: Sha256,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.hash.update(bytes.get(..count).unwrap_or(&[]));
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
