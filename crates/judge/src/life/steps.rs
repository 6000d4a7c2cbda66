//! What a judgement adds to the record: the steps that findings took, the verdicts that changed.
use std::collections::{BTreeMap, BTreeSet};

use facts::records::{FindingStep, Record, Step, VerdictStep};
use serde_json::{Map, Value as Json};

use super::{Lives, Moment, Standing, Standings, State};
use crate::{Assessment, Subject};

/// Steps of one judgement. What is beyond them comes with the next: a flood of findings must not fill a disk at once.
pub const MOST_STEPS: usize = 2_000;
/// What a step lists of its evidence, of its findings, and of a text.
pub(super) const MOST_CITED: usize = 32;
const MOST_FINDINGS: usize = 100;
const MOST_FRAMES: usize = 16;
const MOST_CHARS: usize = 1_000;

/// A record to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Kind of record.
    pub kind: &'static str,
    /// Id of the record: that of the finding, or of the measure whose verdict changed.
    pub id: String,
    /// Its fields by name, without what is empty.
    pub body: Map<String, Json>,
}

impl Lives {
    /// The records that this judgement asks for: nothing where it says what the records say already, or judges as of an
    /// earlier time than they did.
    pub fn steps(&self, assessment: &Assessment, standings: &Standings) -> Vec<Recorded> {
        let moment = Moment::of(assessment);
        let mut subjects: BTreeMap<&str, &Subject> = BTreeMap::new();
        for subject in assessment.measures.iter().flat_map(|one| &one.subjects) {
            if let Some(finding) = &subject.finding {
                subjects.insert(finding, subject);
            }
        }
        let findings = standings.all().filter_map(|standing| {
            let subject = subjects.get(standing.finding.as_str()).copied();
            let step = self.step(&moment, standing, subject)?;
            Some(Recorded {
                kind: FindingStep::INFO.name,
                id: standing.finding.clone(),
                body: step.body(),
            })
        });
        let verdicts = self.verdicts(assessment);
        verdicts
            .into_iter()
            .chain(findings)
            .take(MOST_STEPS)
            .collect()
    }

    fn step(
        &self,
        moment: &Moment<'_>,
        standing: &Standing,
        subject: Option<&Subject>,
    ) -> Option<FindingStep> {
        let assessment = moment.assessment;
        let before = self.steps.get(&standing.finding);
        if before.is_some_and(|before| assessment.as_of <= before.at) {
            return None;
        }
        let was = before.map(|before| before.step);
        let step = match (&standing.state, was) {
            (State::Resolved, Some(Step::Resolved) | None) => return None,
            (State::Resolved, _) => Step::Resolved,
            // Out of sight, and not disproved: nothing happened to it.
            _ if !standing.is_seen => return None,
            (State::Accepted { .. }, Some(Step::Accepted))
            | (State::Acknowledged { .. }, Some(Step::Acknowledged))
            | (State::Open, Some(Step::Opened | Step::Reopened)) => return None,
            (State::Accepted { .. }, _) => Step::Accepted,
            (State::Acknowledged { .. }, _) => Step::Acknowledged,
            (State::Open, None) => Step::Opened,
            (State::Open, Some(_)) => Step::Reopened,
        };
        let (why, evidence) = match (step, subject) {
            (Step::Resolved, _) => {
                let gone = moment.gone(before?).ok()?;
                (gone.why, gone.rests_on.to_vec())
            }
            (_, Some(subject)) => {
                let mut why = standing.reason.clone();
                if let Some(note) = &standing.note {
                    why = format!("{note} {why}");
                }
                let mut evidence = cited(assessment, subject);
                match &standing.state {
                    State::Accepted { record, .. } | State::Acknowledged { record, .. } => {
                        evidence.insert(0, record.clone());
                    }
                    State::Open | State::Resolved => {}
                }
                (why, evidence)
            }
            (_, None) => return None,
        };
        let told = BTreeSet::from_iter(evidence.iter().map(|one: &String| beginning(one)));
        let mut evidence: Vec<String> = evidence.iter().map(|one| beginning(one)).collect();
        // In the order cited, each once.
        let mut left = told;
        evidence.retain(|one| left.remove(one));
        evidence.truncate(MOST_CITED);
        Some(FindingStep {
            measure: standing.measure.clone(),
            subject: standing.subject.clone(),
            step,
            at: assessment.as_of,
            why: beginning(&why),
            first_seen: standing.first_seen,
            last_seen: standing.last_seen,
            evidence_until: moment.newest,
            on_wire: match subject {
                Some(subject) => !subject.evidence.is_empty(),
                None => before.is_some_and(|before| before.on_wire),
            },
            evidence,
        })
    }

    fn verdicts(&self, assessment: &Assessment) -> Vec<Recorded> {
        let changed = assessment.measures.iter().filter_map(|judged| {
            let words = judged.verdict.words();
            let same = self
                .verdicts
                .get(&judged.id)
                .is_some_and(|before| before.verdict == words || assessment.as_of <= before.at);
            let findings = judged.subjects.iter();
            let findings = findings.filter_map(|subject| subject.finding.clone());
            let step = VerdictStep {
                verdict: words.to_owned(),
                at: assessment.as_of,
                edition: assessment.edition.clone(),
                summary: judged.summary.clone(),
                findings: findings.take(MOST_FINDINGS).collect(),
            };
            (!same).then(|| Recorded {
                kind: VerdictStep::INFO.name,
                id: judged.id.clone(),
                body: step.body(),
            })
        });
        changed.collect()
    }
}

/// What a subject cites: captures with frames and hash, records with their entry, lines of the site file.
fn cited(assessment: &Assessment, subject: &Subject) -> Vec<String> {
    let hash = |capture: &str| {
        let source = assessment
            .evidence
            .iter()
            .find(|one| one.capture == capture);
        source.and_then(|source| source.sha256.clone())
    };
    let mut frames: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    for cited in &subject.evidence {
        let of_capture = frames.entry(cited.capture.as_str()).or_default();
        of_capture.extend(&cited.frames);
    }
    let captures = frames.into_iter().map(|(capture, frames)| {
        let told: Vec<String> = frames
            .iter()
            .take(MOST_FRAMES)
            .map(u64::to_string)
            .collect();
        let more = match frames.len().saturating_sub(MOST_FRAMES) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let hash = hash(capture).map_or(String::new(), |hash| format!(", sha256 {hash}"));
        format!("{capture} frames {}{more}{hash}", told.join(" "))
    });
    let mut all: Vec<String> = captures.collect();
    all.extend(
        subject
            .records
            .iter()
            .map(|one| format!("record {}, entry {}, {}", one.record, one.entry, one.hash)),
    );
    for (name, value) in &subject.facts {
        if let (true, facts::Value::List(places)) = (name == "site", value) {
            all.extend(places.iter().cloned());
        }
    }
    all
}

/// As much of a text as a record keeps, without what a record may not hold.
pub(super) fn beginning(text: &str) -> String {
    let plain = text
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c });
    let mut kept: String = plain.clone().take(MOST_CHARS).collect();
    if plain.count() > MOST_CHARS {
        kept.push('…');
    }
    kept.trim().to_owned()
}
