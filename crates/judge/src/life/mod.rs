//! The life of findings: what the records say of them, and what a judgement makes of that.
//!
//! A finding is opened by being found, and resolved by evidence alone: by a judgement on later evidence that finds it no
//! more and misses nothing that it would have needed to see it. Until then it stays open, also while it is out of sight.
//! People may have it in hand (`acknowledgement`) or bear it for a time (`exception`); neither makes a measure met.
//!
//! Absent: where records lie, and a clock. Steps are told as bodies of records; whoever judges writes them.
mod gone;
mod steps;

use std::collections::BTreeMap;

use facts::Time;
use facts::records::{Acknowledgement, Date, Exception, FindingStep, Record, Step, VerdictStep};
use serde_json::{Map, Value as Json};

pub use steps::{MOST_STEPS, Recorded};

use self::gone::Measure;
use crate::{Assessment, Judged, Subject};

/// What the records say of findings.
#[derive(Clone, Debug, Default)]
pub struct Lives {
    steps: BTreeMap<String, FindingStep>,
    verdicts: BTreeMap<String, VerdictStep>,
    /// By measure and subject, or by finding where they name one ([`key`]), then by id; and what each id is of.
    exceptions: BTreeMap<(String, String), BTreeMap<String, Exception>>,
    excepted: BTreeMap<String, (String, String)>,
    /// By finding, then by id; and what each id is of.
    acknowledgements: BTreeMap<String, BTreeMap<String, Acknowledgement>>,
    in_hand: BTreeMap<String, Vec<String>>,
}

/// How a finding stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody has it in hand, and no exception holds.
    Open,
    /// Somebody has it in hand.
    Acknowledged {
        /// Person who has it in hand, by the id of their record.
        who: String,
        /// Last moment of it.
        until: Time,
        /// The record that says so: kind, slash, id.
        record: String,
    },
    /// Borne by an exception; the measure is not met all the same.
    Accepted {
        /// Person who approved it, by the id of their record.
        by: String,
        /// Last day.
        until: String,
        /// The exception's reason.
        because: String,
        /// The record that says so: kind, slash, id.
        record: String,
    },
    /// A judgement on later evidence no longer found it, and missed nothing that it needed to see it.
    Resolved,
}

impl State {
    /// As reports and JSON say it.
    pub const fn word(&self) -> &'static str {
        match self {
            State::Open => "open",
            State::Acknowledged { .. } => "acknowledged",
            State::Accepted { .. } => "accepted",
            State::Resolved => "resolved",
        }
    }
}

/// A finding and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Id of the finding.
    pub finding: String,
    /// Id of the measure.
    pub measure: String,
    /// The subject, as the page names it.
    pub subject: String,
    /// What the judgement says of it, or what the last one that saw it said.
    pub reason: String,
    /// As it holds at the time judged.
    pub state: State,
    /// Whether the judgement found it.
    pub is_seen: bool,
    /// When it was first seen, over all judgements: by its frames, else as judged. `None` where no record says.
    pub first_seen: Option<Time>,
    /// When it was seen latest, likewise.
    pub last_seen: Option<Time>,
    /// What a reader should know of the state, a sentence.
    pub note: Option<String>,
}

/// How the findings of an assessment stand, and those that the records know besides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standings(BTreeMap<String, Standing>);

impl Standings {
    /// How the finding of that id stands; `None` where neither assessment nor records know it.
    pub fn of(&self, finding: &str) -> Option<&Standing> {
        self.0.get(finding)
    }

    /// All, by measure and finding.
    pub fn all(&self) -> impl Iterator<Item = &Standing> {
        self.0.values()
    }
}

impl Lives {
    /// Whether records of that kind are asked for; the others need not be read.
    pub fn wants(kind: &str) -> bool {
        let kinds = [
            FindingStep::INFO.name,
            VerdictStep::INFO.name,
            Exception::INFO.name,
            Acknowledgement::INFO.name,
        ];
        kinds.contains(&kind)
    }

    /// A record was withdrawn, or has another version.
    pub fn forget(&mut self, kind: &str, id: &str) {
        if kind == Exception::INFO.name
            && let Some(of) = self.excepted.remove(id)
            && let Some(known) = self.exceptions.get_mut(&of)
        {
            known.remove(id);
        } else if kind == Acknowledgement::INFO.name {
            for finding in self.in_hand.remove(id).into_iter().flatten() {
                if let Some(known) = self.acknowledgements.get_mut(&finding) {
                    known.remove(id);
                }
            }
        }
    }

    /// Takes in a version of a record, in place of the one before. One that does not read says nothing. What was judged as
    /// of a time later than it was recorded is taken as judged then: nobody knew more, and else nothing could follow on
    /// it until that time has come.
    pub fn add(&mut self, kind: &str, id: &str, body: &Map<String, Json>, recorded: Option<Time>) {
        self.forget(kind, id);
        let no_later = |at: Time| recorded.map_or(at, |recorded| at.min(recorded));
        if kind == FindingStep::INFO.name {
            let step = FindingStep::from_body(body).ok().map(|mut step| {
                if step.at != no_later(step.at) {
                    // What no frame shows was seen when it was judged.
                    step.first_seen = step.first_seen.map(no_later);
                    step.last_seen = step.last_seen.map(no_later);
                }
                step.at = no_later(step.at);
                (id.to_owned(), step)
            });
            self.steps.extend(step);
        } else if kind == VerdictStep::INFO.name {
            let step = VerdictStep::from_body(body).ok().map(|mut step| {
                step.at = no_later(step.at);
                (id.to_owned(), step)
            });
            self.verdicts.extend(step);
        } else if kind == Exception::INFO.name
            && let Ok(one) = Exception::from_body(body)
        {
            let key = key(&one);
            self.excepted.insert(id.to_owned(), key.clone());
            let of_subject = self.exceptions.entry(key).or_default();
            of_subject.insert(id.to_owned(), one);
        } else if kind == Acknowledgement::INFO.name
            && let Ok(one) = Acknowledgement::from_body(body)
        {
            self.in_hand.insert(id.to_owned(), one.findings.0.clone());
            for finding in &one.findings.0 {
                let of_finding = self.acknowledgements.entry(finding.clone()).or_default();
                of_finding.insert(id.to_owned(), one.clone());
            }
        }
    }

    /// How every finding stands: those of the assessment, and those that were recorded before.
    pub fn standings(&self, assessment: &Assessment) -> Standings {
        let moment = Moment::of(assessment);
        let mut all = BTreeMap::new();
        for judged in &assessment.measures {
            for subject in &judged.subjects {
                if let Some(finding) = &subject.finding {
                    let standing = self.seen(&moment, judged, subject, finding);
                    all.insert(finding.clone(), standing);
                }
            }
        }
        for (finding, step) in &self.steps {
            if !all.contains_key(finding) {
                all.insert(finding.clone(), self.unseen(&moment, finding, step));
            }
        }
        Standings(all)
    }

    fn seen(
        &self,
        moment: &Moment<'_>,
        judged: &Judged,
        subject: &Subject,
        finding: &str,
    ) -> Standing {
        let assessment = moment.assessment;
        let (state, ended) = self.state(moment, &judged.id, &subject.subject, finding);
        let step = self.steps.get(finding);
        let (first, last) = times(assessment, subject);
        let again = step.is_some_and(|step| step.step == Step::Resolved);
        // Captures from before it was resolved show what was known then. On those that it was resolved by, or later ones, it
        // is there again: what resolved it, a declaration perhaps, was taken back.
        let is_old = again
            && step.is_some_and(|step| {
                let no_later = step.last_seen.is_some_and(|seen| last <= seen);
                no_later && moment.newest < Some(step.evidence_until.unwrap_or(step.at))
            });
        let state = if is_old { State::Resolved } else { state };
        let note = match (step, ended) {
            (Some(step), _) if is_old => Some(format!(
                "It was resolved on {}; what was judged here is from before that.",
                step.at.local(&assessment.time_zone)
            )),
            (Some(step), _) if again => Some(format!(
                "It was resolved on {} and is there again.",
                step.at.local(&assessment.time_zone)
            )),
            (_, ended) if state == State::Open => ended,
            _ => None,
        };
        let earlier = step.and_then(|step| step.first_seen);
        let later = step.and_then(|step| step.last_seen);
        Standing {
            finding: finding.to_owned(),
            measure: judged.id.clone(),
            subject: subject.subject.clone(),
            reason: subject.reason.clone(),
            state,
            is_seen: true,
            first_seen: Some(earlier.map_or(first, |earlier| earlier.min(first))),
            last_seen: Some(later.map_or(last, |later| later.max(last))),
            note,
        }
    }

    fn unseen(&self, moment: &Moment<'_>, finding: &str, step: &FindingStep) -> Standing {
        let (mut state, _) = self.state(moment, &step.measure, &step.subject, finding);
        let note = if step.step == Step::Resolved {
            state = State::Resolved;
            None
        } else {
            match moment.gone(step) {
                Ok(_) => {
                    state = State::Resolved;
                    Some("It is resolved by this judgement.".to_owned())
                }
                Err(why) => Some(why),
            }
        };
        Standing {
            finding: finding.to_owned(),
            measure: step.measure.clone(),
            subject: step.subject.clone(),
            reason: step.why.clone(),
            state,
            is_seen: false,
            first_seen: step.first_seen,
            last_seen: step.last_seen,
            note,
        }
    }

    /// What people said of a finding, as it holds at the time judged; and what no longer does.
    fn state(
        &self,
        moment: &Moment<'_>,
        measure: &str,
        subject: &str,
        finding: &str,
    ) -> (State, Option<String>) {
        let (now, today) = (moment.assessment.as_of, moment.today);
        let zone = moment.assessment.time_zone.as_str();
        // Mostly nothing is borne, and there are tens of thousands to be asked for.
        let keys = (!self.exceptions.is_empty()).then(|| {
            [
                (measure.to_owned(), subject.to_owned()),
                (String::new(), finding.to_owned()),
            ]
        });
        let keys = keys.iter().flatten();
        let exceptions = keys.filter_map(|key| self.exceptions.get(key)).flatten();
        let mut of_it: Vec<(&String, &Exception)> = exceptions
            .filter(|(_, one)| today.is_some_and(|today| one.decided <= today))
            .collect();
        of_it.sort_by_key(|(id, one)| (one.ends, *id));
        let mut ended = None;
        if let Some((id, one)) = of_it.last() {
            if today.is_some_and(|today| today <= one.ends) {
                let state = State::Accepted {
                    by: one.approved_by.0.clone(),
                    until: one.ends.to_string(),
                    because: one.reason.clone(),
                    record: format!("exception/{id}"),
                };
                return (state, None);
            }
            ended = Some(format!(
                "The exception {id} ended on {}, and it is still there.",
                one.ends
            ));
        }
        let acknowledged = self.acknowledgements.get(finding).into_iter().flatten();
        let mut in_hand: Vec<(&String, &Acknowledgement)> =
            acknowledged.filter(|(_, one)| one.since <= now).collect();
        in_hand.sort_by_key(|(id, one)| (one.until, *id));
        if let Some((id, one)) = in_hand.last() {
            if now <= one.until {
                let state = State::Acknowledged {
                    who: one.who.0.clone(),
                    until: one.until,
                    record: format!("acknowledgement/{id}"),
                };
                return (state, ended);
            }
            ended = ended.or_else(|| {
                Some(format!(
                    "{} had it in hand until {}, and it is still there.",
                    one.who.0,
                    one.until.local(zone)
                ))
            });
        }
        (State::Open, ended)
    }
}

/// What an assessment says of all findings alike.
struct Moment<'a> {
    assessment: &'a Assessment,
    /// The day of the terminal.
    today: Option<Date>,
    /// Time of the latest evidence.
    newest: Option<Time>,
    measures: BTreeMap<&'a str, Measure<'a>>,
}

impl Moment<'_> {
    fn of(assessment: &Assessment) -> Moment<'_> {
        let measures = assessment.measures.iter();
        Moment {
            assessment,
            today: day(assessment.as_of, &assessment.time_zone),
            newest: assessment.evidence.iter().filter_map(|one| one.last).max(),
            measures: measures
                .map(|judged| (judged.id.as_str(), Measure::of(judged)))
                .collect(),
        }
    }
}

/// What an exception is of. One that names its finding needs no subject spelled as the report spells it.
fn key(one: &Exception) -> (String, String) {
    match &one.finding {
        Some(finding) => (String::new(), finding.clone()),
        None => (one.measure.clone(), one.subject.clone()),
    }
}

/// The day of a time in the terminal's calendar.
fn day(time: Time, zone: &str) -> Option<Date> {
    Date::parse(time.local(zone).get(..10)?)
}

/// When a subject's finding was seen first and last; what rests on no capture is seen when it is judged.
fn times(assessment: &Assessment, subject: &Subject) -> (Time, Time) {
    let cited = || subject.evidence.iter().filter_map(|cited| cited.time);
    let fact = |names: &[&str]| {
        subject.facts.iter().find_map(|(name, value)| match value {
            facts::Value::Text(text) if names.contains(&name.as_str()) => Time::parse(text),
            _ => None,
        })
    };
    let first = cited().chain(fact(&["time", "first"])).min();
    let last = cited().chain(fact(&["last"])).max();
    let first = first.unwrap_or(assessment.as_of);
    (first, last.unwrap_or(assessment.as_of).max(first))
}
