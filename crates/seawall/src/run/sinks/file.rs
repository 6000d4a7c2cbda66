//! A file of lines, appended to. It is opened anew when it was moved away, so that log rotation needs no signal.
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use report::events::{Event, Format, Origin};

use super::{Counts, Error, Sink};

/// Owner writes, group reads: the lines name what is wrong with the network.
const MODE: u32 = 0o640;

/// A file by its path.
#[derive(Debug)]
pub struct File {
    path: PathBuf,
    format: Format,
    file: Option<fs::File>,
    /// The file ends within a line: what follows begins a line of its own.
    torn: bool,
    counts: Counts,
}

impl File {
    pub fn open(path: PathBuf, format: Format) -> Result<File, Error> {
        let mut sink = File {
            path,
            format,
            file: None,
            torn: false,
            counts: Counts {
                working: true,
                ..Counts::default()
            },
        };
        if let Err(source) = sink.current() {
            return Err(sink.failed(source));
        }
        Ok(sink)
    }

    /// The file that the path names now.
    fn current(&mut self) -> io::Result<&mut fs::File> {
        let moved = self.file.as_ref().is_none_or(|file| {
            let same = |a: fs::Metadata, b: fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
            let there =
                fs::metadata(&self.path).and_then(|there| Ok(same(there, file.metadata()?)));
            !there.unwrap_or(false)
        });
        if moved {
            self.file = None;
            let file = OpenOptions::new()
                .append(true)
                .create(true)
                .mode(MODE)
                .open(&self.path)?;
            // The end of a crash, or of a full disk, may have left half a line.
            self.torn = ends_within_a_line(&self.path)?;
            return Ok(self.file.insert(file));
        }
        self.file
            .as_mut()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        self.current()?;
        let text = if self.torn {
            format!("\n{text}")
        } else {
            text.to_owned()
        };
        // One write for a batch: with O_APPEND nothing comes between its lines.
        let written = self.current()?.write_all(text.as_bytes());
        self.torn = false;
        if written.is_err() {
            // How much of it got there is seen when it is opened anew.
            self.file = None;
        }
        written
    }

    fn failed(&self, source: io::Error) -> Error {
        Error::File {
            path: self.path.clone(),
            source,
        }
    }
}

fn ends_within_a_line(path: &Path) -> io::Result<bool> {
    use std::io::{Read, Seek, SeekFrom};
    let there = fs::metadata(path)?;
    if there.len() == 0 || !there.is_file() {
        return Ok(false);
    }
    let mut file = fs::File::open(path)?;
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0u8; 1];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

impl Sink for File {
    fn send(&mut self, events: &[Event], origin: &Origin) -> Result<(), Error> {
        let mut text = String::new();
        for event in events {
            text.push_str(&self.format.line(event, origin));
            text.push('\n');
        }
        let written = self.write(&text);
        let number = u64::try_from(events.len()).unwrap_or(u64::MAX);
        self.counts.working = written.is_ok();
        let counter = if written.is_ok() {
            &mut self.counts.sent
        } else {
            &mut self.counts.lost
        };
        *counter = counter.saturating_add(number);
        written.map_err(|source| self.failed(source))
    }

    fn reopen(&mut self) {
        self.file = None;
    }

    fn counts(&self) -> Counts {
        self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{event, folder, origin};
    use super::*;

    fn lines(path: &Path) -> Vec<String> {
        fs::read_to_string(path)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn a_file_rotated_away_is_opened_anew_and_half_a_line_is_ended() {
        let folder = folder("file");
        let (path, old) = (folder.join("events.jsonl"), folder.join("events.jsonl.1"));
        let mut sink = File::open(path.clone(), Format::Json).unwrap();
        sink.send(&[event(1), event(2)], &origin()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
        fs::rename(&path, &old).unwrap();
        sink.send(&[event(3)], &origin()).unwrap();
        assert_eq!((lines(&old).len(), lines(&path).len()), (2, 1));
        let tree: serde_json::Value = serde_json::from_str(&lines(&path)[0]).unwrap();
        assert_eq!(tree["event"], "drops");

        // As a crash leaves it.
        fs::write(&path, "{\"event\":\"dro").unwrap();
        sink.reopen();
        sink.send(&[event(4)], &origin()).unwrap();
        assert_eq!(lines(&path)[0], "{\"event\":\"dro");
        assert_eq!(lines(&path)[1], Format::Json.line(&event(4), &origin()));
        assert_eq!((sink.counts().sent, sink.counts().lost), (4, 0));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_disk_without_room_is_told_and_counted_and_the_next_event_is_tried() {
        // The kernel's device that is always full.
        let mut sink = File::open(PathBuf::from("/dev/full"), Format::Text).unwrap();
        let error = sink.send(&[event(1), event(2)], &origin()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot write events to /dev/full; give it room and a folder that this user may write to"
        );
        assert_eq!(
            sink.counts(),
            Counts {
                lost: 2,
                ..Counts::default()
            }
        );
        let error = File::open(PathBuf::from("/nowhere/events.jsonl"), Format::Text).unwrap_err();
        assert!(error.to_string().contains("/nowhere/events.jsonl"));
    }
}
