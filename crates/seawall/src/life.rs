//! The life of findings, between the ledger and the judge: what the ledger says of them, and the steps that a judgement
//! adds to it.
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use facts::Time;
use facts::records::{FindingStep, Record, VerdictStep};
use judge::{Assessment, Lives, Standings};
use report::{Stepped, Turn};
use serde_json::{Map, Value as Json};
use store::ledger::{Content, Entry, Head, Ledger, New, Pending, Stamp};

use crate::commands::record::{begin, body_of, try_begin};
use crate::error::Error;

/// The kinds that judging makes, whose versions follow on each other in time.
const STEPS: [&str; 2] = [FindingStep::INFO.name, VerdictStep::INFO.name];

/// How findings stood at one time, by what was recorded by another.
pub fn lives(ledger: &Ledger, known: Time, as_of: Time) -> Lives {
    lives_of(ledger, known, as_of, as_of)
}

/// The same by the steps up to one time, and by what people said that holds at another.
fn lives_of(ledger: &Ledger, known: Time, as_of: Time, held: Time) -> Lives {
    let mut lives = Lives::default();
    let is_step = |kind: &str| STEPS.contains(&kind);
    // The last steps, of whatever time: those of an earlier Seawall do not say from when on they hold.
    let steps = ledger.held(known, None, is_step);
    let said = ledger.held(known, Some(held), |kind| {
        Lives::wants(kind) && !is_step(kind)
    });
    let mut entries: Vec<Entry<'_>> = steps.chain(said).collect();
    entries.sort_by(|a, b| (a.kind, a.id).cmp(&(b.kind, b.id)));
    // Of these the last step came later, so that an earlier one says how it stood.
    let mut later: BTreeSet<(&str, &str)> = BTreeSet::new();
    for entry in entries {
        let body = body_of(&entry).unwrap_or_default();
        if is_later(&entry, &body, as_of) {
            later.insert((entry.kind, entry.id));
        } else {
            lives.add(entry.kind, entry.id, &body, entry.recorded_at());
        }
    }
    for kind in STEPS {
        if !later.iter().any(|(of, _)| *of == kind) {
            continue;
        }
        for entry in ledger.entries_of(kind).rev() {
            let is_known = entry.recorded_at().is_none_or(|time| time <= known);
            if !is_known || !later.contains(&(kind, entry.id)) {
                continue;
            }
            if let Some(body) = body_of(&entry)
                && !is_later(&entry, &body, as_of)
            {
                later.remove(&(kind, entry.id));
                lives.add(kind, entry.id, &body, entry.recorded_at());
            }
        }
    }
    lives
}

/// Whether it is a step that was judged as of a later time; what was judged of a time to come counts as judged when it was
/// recorded, as in [`Lives::add`].
fn is_later(entry: &Entry<'_>, body: &Map<String, Json>, as_of: Time) -> bool {
    let at = Time::parse(&text(body, "at"));
    let at = [at, entry.recorded_at()].into_iter().flatten().min();
    STEPS.contains(&entry.kind) && at.is_some_and(|at| at > as_of)
}

/// Writes what the judgement adds, and gives how many records that were. Another's write is waited for, and counts.
pub fn record(
    ledger: &mut Ledger,
    assessment: &Assessment,
    means: &str,
    now: Time,
) -> Result<usize, Error> {
    // Mostly there is nothing to add, and then nothing is locked or made.
    if steps_of(ledger, assessment).is_empty() {
        return Ok(0);
    }
    let mut writing = begin(ledger)?;
    let new = news_of(steps_of(writing.ledger(), assessment), assessment, now);
    writing.append(&new, &stamp(means, now))?;
    Ok(new.len())
}

fn steps_of(ledger: &Ledger, assessment: &Assessment) -> Vec<judge::Recorded> {
    let lives = lives_of(ledger, Time::MAX, Time::MAX, assessment.as_of);
    lives.steps(assessment, &lives.standings(assessment))
}

/// The records that say so.
fn news_of(steps: Vec<judge::Recorded>, assessment: &Assessment, now: Time) -> Vec<New> {
    steps
        .into_iter()
        .map(|step| New {
            kind: step.kind.to_owned(),
            id: step.id,
            content: Content::Body(step.body),
            // So that tables of a time before show the step before.
            valid_from: Some(assessment.as_of.min(now)),
            valid_until: None,
            attachments: Vec::new(),
        })
        .collect()
}

fn stamp(means: &str, now: Time) -> Stamp<'_> {
    Stamp {
        by: "seawall",
        means,
        now,
    }
}

fn text(body: &Map<String, Json>, name: &str) -> String {
    let text = body.get(name).and_then(Json::as_str);
    text.unwrap_or_default().to_owned()
}

fn list(body: &Map<String, Json>, name: &str) -> Vec<String> {
    let list = body
        .get(name)
        .and_then(Json::as_array)
        .into_iter()
        .flatten();
    list.filter_map(Json::as_str).map(str::to_owned).collect()
}

/// The entries of a kind that judging makes, recorded by one time and told of what was by another, with their bodies.
fn told<'l>(
    ledger: &'l Ledger,
    kind: &'static str,
    known: Time,
    as_of: Time,
) -> impl Iterator<Item = (Entry<'l>, Map<String, Json>)> {
    let by = |time: Option<Time>, end: Time| time.is_none_or(|time| time <= end);
    ledger
        .entries_of(kind)
        .filter(move |entry| by(entry.recorded_at(), known))
        .filter_map(|entry| body_of(&entry).map(|body| (entry, body)))
        .filter(move |(_, body)| by(Time::parse(&text(body, "at")), as_of))
}

/// The steps of findings up to a time, as recorded by another, by finding, the oldest first.
pub fn steps(ledger: &Ledger, known: Time, as_of: Time) -> BTreeMap<String, Vec<Stepped>> {
    let mut steps: BTreeMap<String, Vec<Stepped>> = BTreeMap::new();
    for (entry, body) in told(ledger, "finding", known, as_of) {
        steps.entry(entry.id.to_owned()).or_default().push(Stepped {
            step: text(&body, "step"),
            at: Time::parse(&text(&body, "at")),
            why: text(&body, "why"),
            evidence: list(&body, "evidence"),
            entry: entry.seq,
            by: entry.by.to_owned(),
        });
    }
    steps
}

/// The verdicts up to a time, as recorded by another, by measure and then from the oldest; of one measure if it is named.
pub fn series(ledger: &Ledger, measure: Option<&str>, known: Time, as_of: Time) -> Vec<Turn> {
    let wanted = |entry: &Entry<'_>| measure.is_none_or(|id| entry.id.eq_ignore_ascii_case(id));
    let mut turns: Vec<Turn> = told(ledger, "verdict", known, as_of)
        .filter(|(entry, _)| wanted(entry))
        .map(|(entry, body)| Turn {
            measure: entry.id.to_owned(),
            at: Time::parse(&text(&body, "at")),
            verdict: text(&body, "verdict"),
            summary: text(&body, "summary"),
            edition: text(&body, "edition"),
            findings: list(&body, "findings"),
            entry: entry.seq,
        })
        .collect();
    turns.sort_by(|a, b| a.measure.cmp(&b.measure).then(a.entry.cmp(&b.entry)));
    turns
}

/// Keeps up with the life of findings while Seawall runs, where the site has a ledger. It writes at most once a minute, so
/// that what flaps does not fill the ledger.
#[derive(Debug, Default)]
pub struct Recorder {
    lives: Lives,
    /// How far the ledger was read.
    read: Option<Head>,
    /// When it was read last, and when the next record of those begins or ends to hold.
    at: Option<Time>,
    until: Option<Time>,
    last: Option<Time>,
    /// Since when others have been writing whenever it wanted to.
    busy: Option<Time>,
    problem: Option<String>,
}

/// So long another may write before that is told, in nanoseconds.
const BUSY: i64 = 600_000_000_000;
/// Nanoseconds between two writes.
const EVERY: i64 = 60_000_000_000;

impl Recorder {
    pub fn is_due(&self, now: Time) -> bool {
        self.last.is_none_or(|last| now.since(last).abs() >= EVERY)
    }

    /// How the findings stand by what the ledger says now. What was read before is not read again.
    pub fn standings(&mut self, ledger: Option<&Ledger>, assessment: &Assessment) -> Standings {
        if let Some(ledger) = ledger {
            let as_of = assessment.as_of;
            // Or the clock was set back to before something began to hold.
            let is_over = self.until.is_some_and(|until| until <= as_of)
                || self.at.is_some_and(|at| as_of < at);
            // Another ledger was put in its place.
            let is_other = self.read.is_some_and(|read| !ledger.holds(&read));
            let read = self.read.map_or(0, |read| read.seq);
            let read = usize::try_from(read).unwrap_or(usize::MAX);
            let new = ledger.entries().rev();
            let new = new.take(ledger.len().saturating_sub(read));
            let mut new: Vec<Entry<'_>> = new.filter(|entry| Lives::wants(entry.kind)).collect();
            new.reverse();
            let holds_for_a_while = |entry: &Entry<'_>| {
                let begins = entry.valid_from().is_some_and(|from| as_of < from);
                begins || entry.valid_until().is_some()
            };
            if is_other || is_over || new.iter().any(holds_for_a_while) {
                self.lives = lives_of(ledger, Time::MAX, Time::MAX, as_of);
                self.until = Some(ledger.next_turns(Time::MAX, as_of).1);
            } else {
                for entry in new {
                    match body_of(&entry) {
                        Some(body) => {
                            let recorded = entry.recorded_at();
                            self.lives.add(entry.kind, entry.id, &body, recorded);
                        }
                        None => self.lives.forget(entry.kind, entry.id),
                    }
                }
            }
            (self.read, self.at) = (Some(ledger.head()), Some(as_of));
        }
        self.lives.standings(assessment)
    }

    /// What is to be written down of what is new, by whoever can wait for the disk, and what went wrong: once as long as it stays
    /// the same.
    pub fn record(
        &mut self,
        ledger: Option<&mut Ledger>,
        assessment: &Assessment,
        now: Time,
    ) -> (Option<Pending>, Option<String>) {
        self.last = Some(now);
        let Some(ledger) = ledger else {
            return (None, None);
        };
        let standings = self.standings(Some(&*ledger), assessment);
        if self.lives.steps(assessment, &standings).is_empty() {
            self.busy = None;
            return (None, None);
        }
        let folder = ledger.folder().to_owned();
        let begun = match try_begin(ledger) {
            // Who judges does not wait for who writes; there is another try in a minute.
            Ok(None) => {
                let since = *self.busy.get_or_insert(now);
                if now.since(since).abs() < BUSY {
                    return (None, None);
                }
                let problem = format!(
                    "the steps of findings are not recorded: another program has been writing to {} since {since}; end it if it hangs",
                    folder.display()
                );
                return (None, self.once(Some(problem)));
            }
            Ok(Some(writing)) => Ok(writing),
            Err(error) => Err(error),
        };
        self.busy = None;
        let prepared = begun.and_then(|writing| {
            // Others may have written since.
            let standings = self.standings(Some(writing.ledger()), assessment);
            let steps = self.lives.steps(assessment, &standings);
            let new = news_of(steps, assessment, now);
            Ok(writing.prepare(&new, &stamp("run", now))?)
        });
        match prepared {
            Ok(Some(pending)) => (Some(pending), None),
            Ok(None) => (None, self.once(None)),
            Err(error) => (None, self.once(Some(not_recorded(&folder, &error)))),
        }
    }

    /// What was to be written down is, or not: what went wrong.
    pub fn written(&mut self, folder: &Path, outcome: Result<(), Error>) -> Option<String> {
        let problem = outcome.err().map(|error| not_recorded(folder, &error));
        self.once(problem)
    }

    fn once(&mut self, problem: Option<String>) -> Option<String> {
        let is_known = self.problem == problem;
        self.problem.clone_from(&problem);
        problem.filter(|_| !is_known)
    }
}

fn not_recorded(folder: &Path, error: &Error) -> String {
    format!(
        "the steps of findings are not recorded: {}; let this user write to {}",
        crate::error::chain(error),
        folder.display()
    )
}

#[cfg(test)]
mod tests {
    use judge::{Assessment, Judged, Subject, Verdict};

    use super::*;

    #[test]
    fn a_busy_ledger_is_not_waited_for_and_told_after_ten_minutes() {
        let folder = std::env::temp_dir().join(format!("seawall-busy-{}", std::process::id()));
        std::fs::remove_dir_all(&folder).ok();
        let now = Time::from_secs(1_790_000_000);
        let later = |seconds: i64| Time(now.0 + seconds * 1_000_000_000);
        let assessment = assessment(now, Verdict::Met, Vec::new());
        let (mut ledger, mut other) = (
            Ledger::open(&folder).unwrap(),
            Ledger::open(&folder).unwrap(),
        );
        let mut recorder = Recorder::default();
        let writing = other.begin().unwrap();
        for seconds in [0, 60, 599] {
            let (pending, told) = recorder.record(Some(&mut ledger), &assessment, later(seconds));
            assert!(pending.is_none() && told.is_none());
        }
        let (_, told) = recorder.record(Some(&mut ledger), &assessment, later(600));
        assert!(told.unwrap().contains("another program has been writing"));
        assert_eq!(ledger.len(), 0);
        drop(writing);
        let (pending, told) = recorder.record(Some(&mut ledger), &assessment, later(660));
        assert_eq!((told, ledger.len()), (None, 0), "not on disk yet");
        // Until it is, nobody else writes, and what was read before is judged.
        assert!(other.try_begin().unwrap().is_none());
        assert!(!ledger.try_follow().unwrap());
        pending.unwrap().put().unwrap();
        assert!(ledger.try_follow().unwrap());
        assert_eq!(ledger.len(), 1);
        let (pending, told) = recorder.record(Some(&mut ledger), &assessment, later(720));
        assert!(pending.is_none() && told.is_none(), "it is said");
        std::fs::remove_dir_all(&folder).ok();
    }

    #[test]
    fn an_exception_counts_while_it_is_valid_and_what_was_judged_before_shows_the_step_before() {
        let folder = std::env::temp_dir().join(format!("seawall-valid-{}", std::process::id()));
        std::fs::remove_dir_all(&folder).ok();
        let at = |seconds: i64| Time::from_secs(1_790_000_000 + seconds);
        let found = |seconds| {
            let subject = Subject {
                subject: "rcms1 → plc9".to_owned(),
                verdict: Verdict::NotMet,
                reason: "A block was loaded.".to_owned(),
                assets: Vec::new(),
                facts: Vec::new(),
                finding: Some("C9-1".to_owned()),
                evidence: Vec::new(),
                records: Vec::new(),
                due: None,
                who: None,
                rests_on: Vec::new(),
            };
            assessment(at(seconds), Verdict::NotMet, vec![subject])
        };
        let mut ledger = Ledger::open(&folder).unwrap();
        record(&mut ledger, &found(0), "cli", at(0)).unwrap();
        let body = serde_json::json!({
            "measure": "C9", "subject": "rcms1 → plc9", "finding": "C9-1", "risk": "r", "reason": "r", "approved_by": "ada",
            "decided": "2026-01-01", "ends": "2027-01-01",
        });
        let new = New {
            kind: "exception".to_owned(),
            id: "EX-1".to_owned(),
            content: Content::Body(body.as_object().unwrap().clone()),
            valid_from: Some(at(10)),
            valid_until: Some(at(20)),
            attachments: Vec::new(),
        };
        let stamp = Stamp {
            by: "tester",
            means: "cli",
            now: at(1),
        };
        ledger.append(&[new], &stamp).unwrap();
        let mut recorder = Recorder::default();
        for (seconds, state) in [
            (5, "open"),
            (10, "accepted"),
            (19, "accepted"),
            (20, "open"),
            // The clock was set back.
            (15, "accepted"),
            (5, "open"),
        ] {
            let standings = recorder.standings(Some(&ledger), &found(seconds));
            let running = standings.of("C9-1").unwrap().state.word();
            let lives = lives(&ledger, Time::MAX, at(seconds));
            let judged = lives.standings(&found(seconds));
            let judged = judged.of("C9-1").unwrap().state.word();
            assert_eq!((running, judged), (state, state), "at {seconds}");
        }
        record(&mut ledger, &found(12), "cli", at(12)).unwrap();
        let step = |seconds| {
            let mut held = ledger.held(Time::MAX, Some(at(seconds)), |kind| kind == "finding");
            let body = held.next().and_then(|entry| body_of(&entry));
            body.map(|body| text(&body, "step"))
        };
        assert_eq!(step(-1), None);
        assert_eq!(step(11).as_deref(), Some("opened"));
        assert_eq!(step(12).as_deref(), Some("accepted"));
        std::fs::remove_dir_all(&folder).ok();
    }

    fn assessment(as_of: Time, verdict: Verdict, subjects: Vec<Subject>) -> Assessment {
        Assessment {
            terminal: "T".to_owned(),
            time_zone: "UTC".to_owned(),
            as_of,
            edition: "2024".to_owned(),
            evidence: Vec::new(),
            measures: vec![Judged {
                id: "C9".to_owned(),
                title: String::new(),
                verdict,
                summary: String::new(),
                subjects: subjects.into(),
            }],
            not_judged: Vec::new(),
        }
    }
}
