//! Judging again and again: verdicts, what changed, the packets behind what was found, the report of the moment.
use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use facts::{Facts, Time};
use judge::{Assessment, Catalogue, Editions, Page};
use report::Context;
use report::events::{Event, Seen, What, changes};
use sensor::live::{Cut, Keeper as Kept};

use super::state::State;
use crate::error::Error;
use crate::input::Terminal;
use crate::{assessment, output};

/// Findings whose packets wait to be cut out of the ring.
const MOST_CUTS: usize = 4096;
/// Looks at the ring for frames that are not there yet: they come a second or so after they were seen.
const MOST_TRIES: u8 = 10;
/// Time between two writings of the report while nothing changes, in nanoseconds.
const REPORT_EVERY: i64 = 60_000_000_000;

/// The judge of a running sensor, and what it told already.
pub struct Verdicts {
    pages: Vec<Page>,
    editions: Editions,
    catalogue: Catalogue,
    seen: Option<Seen>,
    kept: Kept,
    cuts: VecDeque<Wanted>,
    files: Files,
    reported: Option<Time>,
}

/// Where the results of the moment lie.
struct Files {
    seen: PathBuf,
    verdicts: PathBuf,
    report: PathBuf,
}

/// Packets to be cut out of the ring for a finding.
struct Wanted {
    finding: String,
    folder: PathBuf,
    frames: Vec<(String, Vec<u32>)>,
    tries: u8,
}

/// What a judgement gave.
pub struct Judgement {
    pub assessment: Assessment,
    pub events: Vec<Event>,
    /// What is known once they are told.
    pub seen: Seen,
    /// What went wrong beside the judging: evidence that could not be kept, a report that could not be written.
    pub problems: Vec<String>,
}

impl Verdicts {
    pub fn open(state: &State) -> Result<Verdicts, Error> {
        let files = Files {
            seen: state.file("seen.json"),
            verdicts: state.file("verdicts.json"),
            report: state.file("report.html"),
        };
        // A memory that cannot be read only means that open findings are told once more.
        let seen = std::fs::read(&files.seen).ok();
        let seen = seen.and_then(|text| serde_json::from_slice(&text).ok());
        Ok(Verdicts {
            pages: judge::built_in()?,
            editions: Editions::built_in()?,
            catalogue: Catalogue::built_in()?,
            seen,
            kept: Kept::open(&state.kept())?,
            cuts: VecDeque::new(),
            files,
            reported: None,
        })
    }

    /// Judges what is remembered as of `now`.
    pub fn judge(
        &mut self,
        mut facts: Facts,
        terminal: &Terminal,
        now: Time,
    ) -> Result<Judgement, Error> {
        store::fold(&mut facts, &terminal.site, &terminal.lists);
        let snapshot = judge::snapshot(&facts, &terminal.site, now, &self.pages)?;
        let assessment = judge::assess(
            &snapshot,
            &self.pages,
            &self.editions,
            &self.catalogue,
            None,
        )?;
        let pages = assessment::page_texts(&self.pages);
        let context = Context {
            version: env!("CARGO_PKG_VERSION"),
            site: &terminal.site,
            facts: &facts,
            pages: &pages,
            skipped: &[],
            notes: &[],
        };
        let (events, seen) = changes(self.seen.as_ref(), &assessment, &context);
        for event in &events {
            if let What::Opened(finding) | What::Again(finding) = &event.what {
                self.want(&finding.id, &assessment, &facts);
            }
        }
        let mut problems = self.cut(now);
        let is_due = self
            .reported
            .is_none_or(|last| now.since(last).abs() >= REPORT_EVERY);
        if is_due || !events.is_empty() {
            let json = report::json(&assessment, &context);
            problems.extend(self.write(&self.files.verdicts, &json));
        }
        if is_due {
            let html = report::html(&assessment, &context);
            problems.extend(self.write(&self.files.report, &html));
            self.reported = Some(now);
        }
        Ok(Judgement {
            assessment,
            events,
            seen,
            problems,
        })
    }

    /// The events of a judgement were handed on: from now on they are known. A crash before this tells them once more, never
    /// none.
    pub fn told(&mut self, seen: Seen) -> Result<(), Error> {
        if self.seen.as_ref() == Some(&seen) {
            return Ok(());
        }
        let text = serde_json::to_string(&seen).unwrap_or_default();
        self.seen = Some(seen);
        output::write(Some(&self.files.seen), &text)
    }

    /// Notes the packets of a finding for cutting, by the folder in which their captures lie.
    fn want(&mut self, finding: &str, assessment: &Assessment, facts: &Facts) {
        let mut subjects = assessment
            .measures
            .iter()
            .flat_map(|measure| &measure.subjects);
        let Some(subject) = subjects.find(|subject| subject.finding.as_deref() == Some(finding))
        else {
            return;
        };
        for cited in &subject.evidence {
            let file = facts.files.iter().find(|file| file.name == cited.capture);
            let Some(folder) = file
                .and_then(|file| file.folder.as_deref())
                .map(PathBuf::from)
            else {
                continue;
            };
            let numbers = cited
                .frames
                .iter()
                .filter_map(|frame| u32::try_from(*frame).ok());
            let frames = (cited.capture.clone(), numbers.collect());
            let is_known =
                |wanted: &&mut Wanted| wanted.finding == finding && wanted.folder == folder;
            if let Some(wanted) = self.cuts.iter_mut().find(is_known) {
                wanted.frames.push(frames);
            } else if self.cuts.len() < MOST_CUTS {
                self.cuts.push_back(Wanted {
                    finding: finding.to_owned(),
                    folder,
                    frames: vec![frames],
                    tries: 0,
                });
            }
        }
    }

    /// Cuts out what is there by now; the rest is looked for again a few times.
    fn cut(&mut self, now: Time) -> Vec<String> {
        let mut problems = Vec::new();
        for _ in 0..self.cuts.len() {
            let Some(mut wanted) = self.cuts.pop_front() else {
                break;
            };
            let cut = Cut {
                finding: &wanted.finding,
                frames: &wanted.frames,
            };
            match self.kept.keep(&wanted.folder, &cut, now) {
                Ok(kept) if kept.missing.is_empty() => {}
                Ok(kept) if wanted.tries < MOST_TRIES => {
                    wanted.frames = kept.missing;
                    wanted.tries += 1;
                    self.cuts.push_back(wanted);
                }
                Ok(kept) => {
                    let missing: usize = kept.missing.iter().map(|(_, frames)| frames.len()).sum();
                    problems.push(format!(
                        "{missing} of the frames behind {} are in no capture any more",
                        wanted.finding
                    ));
                }
                Err(error) => problems.push(crate::error::chain(&error)),
            }
        }
        problems
    }

    fn write(&self, path: &Path, text: &str) -> Option<String> {
        output::write(Some(path), text)
            .err()
            .map(|error| crate::error::chain(&error))
    }
}
