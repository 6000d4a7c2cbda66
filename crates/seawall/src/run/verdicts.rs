//! Judging again and again: verdicts, what changed, the packets behind what was found, the report of the moment.
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use facts::kinds::Coverage;
use facts::{Facts, Time};
use judge::{Assessment, Catalogue, Editions};
use report::Context;
use report::events::{Event, Seen, What, changes};
use sensor::live::Keeper;
use store::Records;
use store::ledger::{self, Pending};

use super::archive::{Archive, Wanted};
use super::errand::Errand;
use super::papers::{Paper, Shown, Verdict};
use super::recorded::{Joined, Recorded};
use super::rounds::{Round, Rounds};
use super::state::State;
use crate::error::Error;
use crate::input::Terminal;
use crate::life::Recorder;
use crate::{assessment, clock};

/// Time between two writings of the report while nothing changes, in nanoseconds.
const REPORT_EVERY: i64 = 60_000_000_000;

/// The judge of a running sensor, and what it told already.
pub struct Verdicts {
    editions: Editions,
    catalogue: Catalogue,
    seen: Option<Seen>,
    /// Whether that is on disk.
    is_kept: bool,
    archive: Archive,
    /// Findings that are open.
    open: HashSet<String>,
    /// Findings whose packets were asked for since the start.
    wanted: HashMap<String, Asked>,
    files: Files,
    reported: Option<Time>,
    life: Recorder,
    /// Steps of findings on their way to the ledger, whose disk nobody waits for.
    steps: Errand<(), Pending, Result<(), ledger::Error>>,
    records: Recorded,
    rounds: Rounds,
}

/// After the machine's clock was set, nothing is recorded for so long, in nanoseconds: if it was set wrong, somebody may
/// set it right, and an entry of the future stands in the way of all that follow.
const SETTLED: i64 = 3_600_000_000_000;
/// A clock that was set by less does no harm.
const SMALL_STEP: i64 = 60_000_000_000;

/// Whether history says that the clock jumped lately, or jumped back from times that are still to come.
fn clock_jumped(facts: &Facts, now: Time) -> bool {
    let times = |row: &Coverage| row.time.zip(row.last);
    let jumps = facts
        .coverage
        .iter()
        .filter(|row| row.what == "watching" && row.part.as_deref() == Some("clock"));
    jumps
        .filter_map(times)
        .any(|(from, until)| until.since(from) > SMALL_STEP && now.since(until) < SETTLED)
}

/// What a finding cited beyond what was asked for is asked for after this long, and then after twice as long each time, up to
/// the longest: a ring lasts for longer, and each time writes a file.
const REST: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(3600));

/// The packets of a finding as they were asked for last.
#[derive(Clone, Copy, Debug)]
struct Asked {
    frames: usize,
    rest: Duration,
    /// On the steady clock.
    due: Duration,
}

impl Asked {
    /// Whether so many frames are worth asking for now, the first time included.
    fn is_due(before: Option<&Asked>, frames: usize, steady: Duration, at_once: bool) -> bool {
        before.is_none_or(|asked| frames != asked.frames && (at_once || steady >= asked.due))
    }

    fn next(before: Option<&Asked>, frames: usize, steady: Duration) -> Asked {
        let (first, longest) = REST;
        let rest = before.map_or(first, |asked| asked.rest.saturating_mul(2).min(longest));
        Asked {
            frames,
            rest,
            due: steady + rest,
        }
    }
}

/// Where the results of the moment lie.
struct Files {
    seen: PathBuf,
    verdicts: PathBuf,
    report: PathBuf,
}

/// What a judgement gave.
pub struct Judgement {
    pub assessment: Arc<Assessment>,
    pub events: Vec<Event>,
    /// What is known once they are told.
    pub seen: Seen,
    pub papers: Papers,
}

/// Reports of the moment, where one is due.
pub struct Papers {
    json: Option<Paper>,
    html: Option<Paper>,
    /// Where the life of findings is to be recorded: the judgement.
    life: Option<Arc<Assessment>>,
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
            editions: Editions::built_in()?,
            catalogue: Catalogue::built_in()?,
            seen,
            is_kept: true,
            archive: Archive::open(Keeper::open(&state.kept())?)?,
            open: HashSet::new(),
            wanted: HashMap::new(),
            files,
            reported: None,
            life: Recorder::default(),
            steps: Errand::new("ledger", (), |(), pending: Pending| pending.put())
                .map_err(Error::Thread)?,
            records: Recorded::default(),
            rounds: Rounds::default(),
        })
    }

    /// Judges what is remembered as of the round's time. `None` at the start while others write to the ledger: it is not waited for, since
    /// who waits is taken for one that hangs.
    pub fn judge(
        &mut self,
        facts: &mut Facts,
        terminal: &Terminal,
        round: &Round,
    ) -> Result<Option<Judgement>, Error> {
        let now = round.now;
        self.records
            .refresh(terminal.folder(), now, || terminal.try_ledger());
        if self.records.is_awaited() {
            return Ok(None);
        }
        self.records.join(&terminal.site, now);
        let joined = self.records.joined.take();
        let judged = self.judge_joined(facts, terminal, joined.as_ref(), round);
        self.records.joined = joined;
        judged.map(Some)
    }

    /// Whether something was recorded that is not judged by yet.
    pub fn is_recorded_anew(&self, terminal: &Terminal, now: Time) -> bool {
        self.records.is_due(terminal.folder(), now)
    }

    /// Whether pages wait for the next round.
    pub fn is_behind(&self) -> bool {
        self.rounds.is_behind()
    }

    /// What went wrong with the ledger and is not told yet.
    pub fn trouble(&mut self) -> Option<String> {
        self.records.trouble.take()
    }

    fn judge_joined(
        &mut self,
        facts: &mut Facts,
        terminal: &Terminal,
        joined: Option<&Joined>,
        round: &Round,
    ) -> Result<Judgement, Error> {
        let now = round.now;
        let records = match &self.records.ledger {
            Some(ledger) => Records::of(ledger, now, now).kept_in(&self.records.tables),
            None => Records::NONE,
        };
        let joined = joined
            .and_then(|joined| joined.site.as_ref())
            .unwrap_or(&terminal.site);
        let is_unsure = clock_jumped(facts, now);
        store::fold(facts, joined, &terminal.lists);
        let snapshot = judge::snapshot(facts, joined, records, now, &terminal.pages)?;
        let (editions, catalogue) = (&self.editions, &self.catalogue);
        let ledger = self.records.ledger.as_ref();
        let assessment = self
            .rounds
            .assess(&terminal.pages, ledger, round, |pages| {
                let clock = &clock::monotonic;
                judge::assess_timed(&snapshot, pages, editions, catalogue, None, clock)
            })?;
        let standings = self
            .life
            .standings(self.records.ledger.as_ref(), &assessment);
        let pages = assessment::page_texts(&terminal.pages);
        let context = Context {
            version: env!("CARGO_PKG_VERSION"),
            site: joined,
            facts,
            pages: &pages,
            skipped: &[],
            notes: &[],
            standings: Some(&standings),
        };
        let (events, seen) = changes(self.seen.as_ref(), &assessment, &context);
        self.want(&assessment, facts, &events, round);
        let is_due = self
            .reported
            .is_none_or(|last| now.since(last).abs() >= REPORT_EVERY);
        let assessment = Arc::new(assessment);
        let verdict = Verdict {
            assessment: Arc::clone(&assessment),
            standings: Arc::new(standings),
        };
        let html = |verdict| Paper::Html(verdict, Box::new(Shown::of(joined, facts, pages)));
        let papers = Papers {
            json: (is_due || !events.is_empty()).then(|| Paper::Json(verdict.clone())),
            html: is_due.then(|| html(verdict)),
            life: (!is_unsure && self.life.is_due(now)).then(|| Arc::clone(&assessment)),
        };
        Ok(Judgement {
            assessment,
            events,
            seen,
            papers,
        })
    }

    /// The site was read anew.
    pub fn forget_site(&mut self) {
        self.records.joined = None;
        self.rounds.forget();
    }

    /// What can wait until the events are told: the report of the moment, and the packets behind what was found. Gives what
    /// went wrong with it.
    pub fn file(&mut self, papers: Papers, now: Time) -> Vec<String> {
        if let Some(json) = papers.json {
            self.archive.paper(self.files.verdicts.clone(), json);
        }
        if let Some(html) = papers.html {
            self.archive.paper(self.files.report.clone(), html);
            self.reported = Some(now);
        }
        let mut problems = self.tend(now);
        if let Some(assessment) = papers.life.filter(|_| self.steps.here().is_some()) {
            let ledger = self.records.ledger.as_mut();
            let (pending, problem) = self.life.record(ledger, &assessment, now);
            problems.extend(problem);
            pending.map(|pending| self.steps.send(pending));
        }
        problems.extend(self.records.trouble.take());
        problems
    }

    /// Takes note of steps of findings that are on disk now, or could not be put there.
    fn note_steps(&mut self, outcome: Option<Result<(), ledger::Error>>) -> Option<String> {
        let folder = self.records.ledger.as_ref()?.folder();
        let outcome = outcome?.map_err(Error::from);
        self.life.written(folder, outcome)
    }

    /// Sees to what is to be put on disk, without waiting for it; once a judgement, or in place of one.
    pub fn tend(&mut self, now: Time) -> Vec<String> {
        let outcome = self.steps.back();
        let mut problems = self.archive.tend(now);
        problems.extend(self.note_steps(outcome));
        problems
    }

    /// Puts all of it on disk, at the end.
    pub fn finish(&mut self, now: Time) -> Vec<String> {
        let outcome = self.steps.wait();
        let mut problems = self.archive.finish(now);
        problems.extend(self.note_steps(outcome));
        problems
    }

    /// Whether nothing can be put on disk any more.
    pub fn is_lost(&self) -> bool {
        self.archive.is_lost() || self.steps.is_lost()
    }

    /// The events of a judgement were handed on: from now on they are known. A crash before this tells them once more, never
    /// none.
    pub fn told(&mut self, seen: Seen) {
        if self.seen.as_ref() != Some(&seen) {
            self.seen = Some(seen);
            self.is_kept = false;
        }
    }

    /// Writes down what is known, for the next start. What cannot be written is tried again when something changes, not each
    /// time.
    pub fn keep_told(&mut self) {
        if !std::mem::replace(&mut self.is_kept, true) {
            let text = serde_json::to_string(&self.seen).unwrap_or_default();
            self.archive
                .paper(self.files.seen.clone(), Paper::Text(text));
        }
    }

    /// Notes for cutting what is not kept yet of the findings that are open: all of it when one opens, is told again, or the run
    /// ends, and what it cites besides from time to time.
    fn want(&mut self, assessment: &Assessment, facts: &Facts, events: &[Event], round: &Round) {
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
        let subjects = || {
            let measures = assessment.measures.iter();
            measures.flat_map(|measure| &measure.subjects)
        };
        self.open = subjects().filter_map(|one| one.finding.clone()).collect();
        // What closed may open again, with packets of its own.
        self.wanted.retain(|finding, _| self.open.contains(finding));
        for subject in subjects() {
            let Some(finding) = &subject.finding else {
                continue;
            };
            let before = self.wanted.get(finding);
            let frames = subject
                .evidence
                .iter()
                .map(|cited| cited.frames.len())
                .sum();
            let at_once = round.is_last || again.contains(finding.as_str());
            if !Asked::is_due(before, frames, round.steady, at_once) || !self.archive.has_room() {
                continue;
            }
            let is_first = before.is_none() && !self.archive.has_packets(finding);
            let asked = Asked::next(before, frames, round.steady);
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
            self.wanted.insert(finding.clone(), asked);
            for (folder, frames) in by_folder {
                self.archive.want(Wanted {
                    finding: finding.clone(),
                    folder: PathBuf::from(folder),
                    frames,
                    is_first,
                });
            }
        }
    }

    /// Keeps the packets behind findings within their budget.
    pub fn trim(&mut self, budget: u64) {
        self.archive.trim(budget, self.open.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000_000;

    #[test]
    fn nothing_is_recorded_while_the_clock_is_not_to_be_trusted() {
        let at = |hours: i64| Time(1_790_000_000_000_000_000 + hours * HOUR);
        let set = |from, until| Facts {
            coverage: vec![Coverage::not_watching(None, from, until, "clock")],
            ..Facts::default()
        };
        let jumped = set(at(0), at(48));
        assert!(clock_jumped(&jumped, at(48)), "forward, just now");
        assert!(clock_jumped(&jumped, at(0)), "and back");
        assert!(!clock_jumped(&jumped, at(49)));
        let steered = set(at(0), Time(at(0).0 + SMALL_STEP));
        assert!(!clock_jumped(&steered, at(0)));
        assert!(!clock_jumped(&Facts::default(), at(0)));
    }
}

#[test]
fn what_a_finding_cites_more_is_asked_for_ever_more_seldom_and_at_once_in_the_end() {
    let at = Duration::from_secs;
    assert!(Asked::is_due(None, 0, at(0), false), "when it opens");
    let asked = Asked::next(None, 2, at(0));
    let due = |asked: &Asked, frames, second, at_once| {
        Asked::is_due(Some(asked), frames, at(second), at_once)
    };
    assert!(!due(&asked, 2, 100, true), "nothing more");
    assert!(!due(&asked, 4, 9, false) && due(&asked, 4, 10, false));
    assert!(due(&asked, 4, 1, true));
    let asked = Asked::next(Some(&asked), 4, at(10));
    assert!(!due(&asked, 5, 29, false) && due(&asked, 5, 30, false));
    let often = (0..20).fold(asked, |asked, _| Asked::next(Some(&asked), 5, at(0)));
    assert_eq!(often.due, REST.1);
}
