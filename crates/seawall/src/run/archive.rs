//! What is put on disk of a judgement, on a thread of its own: the papers of the moment, and the packets behind what was found,
//! cut out of the ring.
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::time::Duration;

use facts::Time;
use sensor::live::{Cut, Keeper};

use super::errand::Errand;
use super::papers::Paper;
use crate::error::{self, Error};
use crate::{clock, output};

/// Findings whose packets wait to be cut out of the ring.
const MOST_CUTS: usize = 4096;
/// Looks at the ring for frames that are not there yet: they come a second or so after they were seen.
const MOST_TRIES: u8 = 10;
/// Time for cutting at one go.
const CUTTING: Duration = Duration::from_millis(500);
/// Papers that took long to word and write are not written again before so many times that has passed: a core of two must not be
/// busy with them alone.
const REST: u32 = 9;
/// Time for all that waits to be cut when the run ends.
const LEAVING: Duration = Duration::from_secs(5);

/// Packets to be cut out of the ring for a finding.
pub struct Wanted {
    pub finding: String,
    pub folder: PathBuf,
    pub frames: Vec<(String, Vec<u32>)>,
    /// Nothing was kept or asked for before: else what is missing was told.
    pub is_first: bool,
}

/// The folder of what is kept, and what is to be put there.
struct Folder {
    kept: Keeper,
    cuts: VecDeque<(Wanted, u8)>,
}

/// What is to be done at one go.
#[derive(Default)]
struct Task {
    papers: BTreeMap<PathBuf, Paper>,
    wanted: Vec<Wanted>,
    /// The budget, and the findings that are open.
    trim: Option<(u64, HashSet<String>)>,
    now: Time,
}

/// What was done.
struct Done {
    problems: Vec<String>,
    /// Until when papers that take long are not written again, on the steady clock, where there were any.
    rested: Option<Duration>,
    /// Cuts that wait for frames.
    waiting: usize,
    /// Findings of which packets are kept now, and of which none are any more.
    kept: Vec<String>,
    gone: Vec<String>,
}

pub struct Archive {
    errand: Errand<Folder, Task, Done>,
    /// What is to be done at the next go.
    next: Task,
    waiting: usize,
    rested: Duration,
    /// Findings of which packets are kept.
    has: HashSet<String>,
}

impl Archive {
    pub fn open(kept: Keeper) -> Result<Archive, Error> {
        let has = kept.findings().map(str::to_owned).collect();
        let folder = Folder {
            kept,
            cuts: VecDeque::new(),
        };
        let errand = Errand::new("archive", folder, Folder::put).map_err(Error::Thread)?;
        Ok(Archive {
            errand,
            next: Task::default(),
            waiting: 0,
            rested: Duration::ZERO,
            has,
        })
    }

    /// A file to be written anew. Only the latest of each is.
    pub fn paper(&mut self, path: PathBuf, paper: Paper) {
        self.next.papers.insert(path, paper);
    }

    pub fn has_packets(&self, finding: &str) -> bool {
        self.has.contains(finding)
    }

    /// Whether more cuts can be asked for.
    pub fn has_room(&self) -> bool {
        self.waiting + self.next.wanted.len() < MOST_CUTS
    }

    pub fn want(&mut self, wanted: Wanted) {
        self.next.wanted.push(wanted);
    }

    /// Packets of findings that are not open go, where what is kept takes more than the budget.
    pub fn trim(&mut self, budget: u64, open: HashSet<String>) {
        self.next.trim = Some((budget, open));
    }

    /// Sees to it that what is to be done is, without waiting for it. To be called once a judgement: frames that were not on the
    /// disk the last time may be by now. Gives what went wrong.
    pub fn tend(&mut self, now: Time) -> Vec<String> {
        let done = self.errand.back();
        let problems = self.note(done);
        let is_rested = clock::monotonic() >= self.rested;
        self.send(now, is_rested);
        problems
    }

    /// Does what is to be done, and waits for it: every paper, and as many cuts as there is time for. A finding of which a part
    /// of its packets is kept would not be looked at again by the next run.
    pub fn finish(&mut self, now: Time) -> Vec<String> {
        let end = clock::monotonic() + LEAVING;
        let mut problems = Vec::new();
        for round in 0u32.. {
            let done = self.errand.wait();
            problems.extend(self.note(done));
            let is_late = round > 0 && clock::monotonic() >= end;
            if self.is_idle() || self.is_lost() || is_late {
                break;
            }
            self.send(now, true);
        }
        problems
    }

    pub fn is_lost(&self) -> bool {
        self.errand.is_lost()
    }

    /// Whether nothing is to be done.
    fn is_idle(&self) -> bool {
        let Task {
            papers,
            wanted,
            trim,
            ..
        } = &self.next;
        papers.is_empty() && wanted.is_empty() && trim.is_none() && self.waiting == 0
    }

    /// Papers that take long go with it only `with_long`; else the last of each waits.
    fn send(&mut self, now: Time, with_long: bool) {
        if self.is_idle() || self.errand.here().is_none() {
            return;
        }
        let mut task = std::mem::take(&mut self.next);
        if !with_long {
            let papers = std::mem::take(&mut task.papers).into_iter();
            (self.next.papers, task.papers) = papers.partition(|(_, paper)| paper.is_long());
        }
        self.waiting += task.wanted.len();
        task.now = now;
        self.errand.send(task);
    }

    fn note(&mut self, done: Option<Done>) -> Vec<String> {
        let Some(done) = done else {
            return Vec::new();
        };
        self.waiting = done.waiting;
        self.rested = done.rested.unwrap_or(self.rested);
        self.has.extend(done.kept);
        for finding in &done.gone {
            self.has.remove(finding);
        }
        done.problems
    }
}

impl Folder {
    fn put(&mut self, task: Task) -> Done {
        let mut problems = Vec::new();
        let (began, mut is_long) = (clock::monotonic(), false);
        for (path, paper) in task.papers {
            is_long |= paper.is_long();
            let written = output::write(Some(&path), &paper.into_text());
            problems.extend(written.err().map(|error| error::chain(&error)));
        }
        let rested = is_long.then(|| {
            let now = clock::monotonic();
            now + now.saturating_sub(began).saturating_mul(REST)
        });
        self.cuts
            .extend(task.wanted.into_iter().map(|wanted| (wanted, 0)));
        let kept = self.cut(task.now, &mut problems);
        let mut gone = Vec::new();
        if let Some((budget, open)) = task.trim {
            gone = self.trim(budget, &open, &mut problems);
        }
        Done {
            problems,
            rested,
            waiting: self.cuts.len(),
            kept,
            gone,
        }
    }

    /// Cuts out what is there by now, for as long as there is time; the rest is looked for again a few times.
    fn cut(&mut self, now: Time, problems: &mut Vec<String>) -> Vec<String> {
        let mut done = Vec::new();
        let end = clock::monotonic() + CUTTING;
        for _ in 0..self.cuts.len() {
            let Some((mut wanted, tries)) = self.cuts.pop_front() else {
                break;
            };
            if clock::monotonic() >= end {
                self.cuts.push_front((wanted, tries));
                break;
            }
            let cut = Cut {
                finding: &wanted.finding,
                frames: &wanted.frames,
            };
            let kept = self.kept.keep(&wanted.folder, &cut, now);
            if !self.kept.files(&wanted.finding).is_empty() {
                done.push(wanted.finding.clone());
            }
            let is_told = tries >= MOST_TRIES && !wanted.is_first;
            let problem = match kept {
                Ok(kept) if kept.missing.is_empty() => continue,
                Ok(_) if is_told => continue,
                Ok(kept) => {
                    let missing: usize = kept.missing.iter().map(|(_, frames)| frames.len()).sum();
                    wanted.frames = kept.missing;
                    format!(
                        "{missing} of the frames behind {} are in no capture any more",
                        wanted.finding
                    )
                }
                Err(error) => error::chain(&error),
            };
            if tries < MOST_TRIES {
                self.cuts.push_back((wanted, tries + 1));
            } else {
                problems.push(problem);
            }
        }
        done
    }

    /// Keeps the packets behind findings within their budget; says what went.
    fn trim(
        &mut self,
        budget: u64,
        open: &HashSet<String>,
        problems: &mut Vec<String>,
    ) -> Vec<String> {
        let before = self.kept.problems().len();
        let trimmed = self.kept.trim(budget, &|finding| open.contains(finding));
        problems.extend(self.kept.problems().iter().skip(before).cloned());
        let deleted = match trimmed {
            Ok(deleted) => deleted,
            Err(error) => {
                problems.push(error::chain(&error));
                return Vec::new();
            }
        };
        if !deleted.is_empty() {
            let bytes: u64 = deleted.iter().map(|(_, bytes)| bytes).sum();
            let findings: Vec<&str> = deleted.iter().map(|(one, _)| one.as_str()).collect();
            problems.push(format!(
                "the packets behind {} were deleted ({bytes} bytes), as `kept_size` of [run] says: these findings are no \
                 longer open",
                findings.join(", ")
            ));
        }
        let findings = deleted.into_iter().map(|(finding, _)| finding);
        findings
            .filter(|finding| self.kept.files(finding).is_empty())
            .collect()
    }
}
