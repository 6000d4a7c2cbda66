//! Judging again and again: verdicts, what changed, the packets behind what was found, the report of the moment.
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::time::Duration;

use facts::{Facts, Time};
use judge::{Assessment, Catalogue, Editions, Page};
use report::Context;
use report::events::{Event, Seen, What, changes};
use sensor::live::{Cut, Keeper as Kept};

use super::state::State;
use crate::error::Error;
use crate::input::Terminal;
use crate::{assessment, clock, output};

/// Findings whose packets wait to be cut out of the ring.
const MOST_CUTS: usize = 4096;
/// Looks at the ring for frames that are not there yet: they come a second or so after they were seen.
const MOST_TRIES: u8 = 10;
/// Time for cutting after one judgement.
const CUTTING: Duration = Duration::from_millis(500);
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
    /// Findings whose packets were asked for since the start.
    wanted: HashSet<String>,
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
    pub papers: Papers,
}

/// Reports of the moment, where one is due.
pub struct Papers {
    json: Option<String>,
    html: Option<String>,
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
            wanted: HashSet::new(),
            files,
            reported: None,
        })
    }

    /// Judges what is remembered as of `now`.
    pub fn judge(
        &mut self,
        facts: &mut Facts,
        terminal: &Terminal,
        now: Time,
    ) -> Result<Judgement, Error> {
        store::fold(facts, &terminal.site, &terminal.lists);
        let snapshot = judge::snapshot(facts, &terminal.site, now, &self.pages)?;
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
            facts,
            pages: &pages,
            skipped: &[],
            notes: &[],
        };
        let (events, seen) = changes(self.seen.as_ref(), &assessment, &context);
        self.want(&assessment, facts, &events);
        let is_due = self
            .reported
            .is_none_or(|last| now.since(last).abs() >= REPORT_EVERY);
        let papers = Papers {
            json: (is_due || !events.is_empty()).then(|| report::json(&assessment, &context)),
            html: is_due.then(|| report::html(&assessment, &context)),
        };
        Ok(Judgement {
            assessment,
            events,
            seen,
            papers,
        })
    }

    /// What can wait until the events are told: the report of the moment, and the packets behind what was found. Gives what
    /// went wrong with it.
    pub fn file(&mut self, papers: &Papers, now: Time) -> Vec<String> {
        let mut problems = Vec::new();
        if let Some(json) = &papers.json {
            problems.extend(self.write(&self.files.verdicts, json));
        }
        if let Some(html) = &papers.html {
            problems.extend(self.write(&self.files.report, html));
            self.reported = Some(now);
        }
        problems.extend(self.cut(now));
        problems
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

    /// Notes for cutting what is not kept yet of the findings that are open, and what is new of those told again.
    fn want(&mut self, assessment: &Assessment, facts: &Facts, events: &[Event]) {
        let again: HashSet<&str> = events
            .iter()
            .filter_map(|event| match &event.what {
                What::Again(finding) => Some(finding.id.as_str()),
                _ => None,
            })
            .collect();
        let folders: HashMap<&str, &str> = facts
            .files
            .iter()
            .filter_map(|file| Some((file.name.as_str(), file.folder.as_deref()?)))
            .collect();
        let subjects = assessment
            .measures
            .iter()
            .flat_map(|measure| &measure.subjects);
        for subject in subjects {
            let Some(finding) = &subject.finding else {
                continue;
            };
            let is_new = !self.wanted.contains(finding) && self.kept.files(finding).is_empty();
            if !is_new && !again.contains(finding.as_str()) || self.cuts.len() >= MOST_CUTS {
                continue;
            }
            let mut by_folder: BTreeMap<&str, Vec<(String, Vec<u32>)>> = BTreeMap::new();
            for cited in &subject.evidence {
                if let Some(folder) = folders.get(cited.capture.as_str()) {
                    let numbers = cited
                        .frames
                        .iter()
                        .filter_map(|frame| u32::try_from(*frame).ok());
                    let frames = (cited.capture.clone(), numbers.collect());
                    by_folder.entry(folder).or_default().push(frames);
                }
            }
            self.wanted.insert(finding.clone());
            self.cuts
                .extend(by_folder.into_iter().map(|(folder, frames)| Wanted {
                    finding: finding.clone(),
                    folder: PathBuf::from(folder),
                    frames,
                    tries: 0,
                }));
        }
    }

    /// Cuts out what is there by now, for as long as there is time; the rest is looked for again a few times.
    fn cut(&mut self, now: Time) -> Vec<String> {
        let mut problems = Vec::new();
        let end = clock::monotonic() + CUTTING;
        for _ in 0..self.cuts.len() {
            let Some(mut wanted) = self.cuts.pop_front() else {
                break;
            };
            if clock::monotonic() >= end {
                self.cuts.push_front(wanted);
                break;
            }
            let cut = Cut {
                finding: &wanted.finding,
                frames: &wanted.frames,
            };
            let problem = match self.kept.keep(&wanted.folder, &cut, now) {
                Ok(kept) if kept.missing.is_empty() => continue,
                Ok(kept) => {
                    let missing: usize = kept.missing.iter().map(|(_, frames)| frames.len()).sum();
                    wanted.frames = kept.missing;
                    format!(
                        "{missing} of the frames behind {} are in no capture any more",
                        wanted.finding
                    )
                }
                Err(error) => crate::error::chain(&error),
            };
            if wanted.tries < MOST_TRIES {
                wanted.tries += 1;
                self.cuts.push_back(wanted);
            } else {
                problems.push(problem);
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
