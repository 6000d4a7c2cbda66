//! Whether a finding that a judgement does not see is gone.
//!
//! There may be as many such findings as subjects, so what they are held against is looked up, not gone through for each.
use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};

use facts::records::FindingStep;

use super::Moment;
use super::steps::{MOST_CITED, beginning};
use crate::{Judged, Subject, Verdict};

/// A measure as it was judged.
pub(super) struct Measure<'a> {
    judged: &'a Judged,
    /// Worked out for the first finding that is out of sight: mostly none is.
    others: OnceCell<Others<'a>>,
}

/// The subjects of a measure that are no finding.
struct Others<'a> {
    /// By name; of two of a name the first.
    by_name: HashMap<&'a str, &'a Subject>,
    /// The first that nothing could be said of.
    unproven: Option<&'a Subject>,
    /// What those that are met rest on, as far as a step cites it.
    rest_on: Vec<String>,
}

/// What shows that a finding is gone.
pub(super) struct Gone<'m> {
    /// A sentence.
    pub(super) why: String,
    /// What that rests on, as far as a step cites it.
    pub(super) rests_on: &'m [String],
}

impl<'a> Measure<'a> {
    pub(super) fn of(judged: &'a Judged) -> Measure<'a> {
        Measure {
            judged,
            others: OnceCell::new(),
        }
    }

    fn others(&self) -> &Others<'a> {
        self.others.get_or_init(|| Others::of(self.judged))
    }
}

fn is_unsaid(subject: &Subject) -> bool {
    matches!(subject.verdict, Verdict::Unproven | Verdict::NotApplicable)
}

impl<'a> Others<'a> {
    fn of(judged: &'a Judged) -> Others<'a> {
        let mut by_name = HashMap::new();
        let mut cited = HashSet::new();
        let mut rest_on = Vec::new();
        for subject in judged.subjects.iter() {
            if subject.verdict != Verdict::NotMet {
                by_name.entry(subject.subject.as_str()).or_insert(subject);
            }
            if subject.verdict == Verdict::Met && rest_on.len() < MOST_CITED {
                let new = subject.rests_on.iter().filter(|one| cited.insert(*one));
                rest_on.extend(new.map(|one| beginning(one)));
            }
        }
        Others {
            by_name,
            unproven: judged.subjects.iter().find(|one| is_unsaid(one)),
            rest_on,
        }
    }
}

impl Moment<'_> {
    /// What shows that a finding is gone; or why that is not shown, a sentence.
    pub(super) fn gone(&self, step: &FindingStep) -> Result<Gone<'_>, String> {
        let assessment = self.assessment;
        let zone = assessment.time_zone.as_str();
        if assessment.as_of <= step.at {
            return Err(format!(
                "It was judged as of {}, which is later than this judgement.",
                step.at.local(zone)
            ));
        }
        let Some(measure) = self.measures.get(step.measure.as_str()) else {
            return Err(format!(
                "The measure {} is not judged any more.",
                step.measure
            ));
        };
        // Seen on the wire, it is gone only where the wire was looked at since. A declaration is looked at by judging.
        if step.on_wire
            && let Some(last) = step.last_seen
            && self.newest.is_none_or(|newest| newest <= last)
        {
            return Err(format!(
                "It is not in what was judged, and no evidence is later than {}, when it was last seen.",
                last.local(zone)
            ));
        }
        let others = measure.others();
        match (others.by_name.get(step.subject.as_str()), others.unproven) {
            // Nor does a declaration disprove it.
            (Some(one), _) if is_unsaid(one) => Err(format!(
                "It is out of sight and not disproved: {}",
                one.reason
            )),
            (Some(one), _) => Ok(Gone {
                why: one.reason.clone(),
                rests_on: &one.rests_on,
            }),
            (None, Some(one)) => Err(format!(
                "It is out of sight and not disproved, since {} is {}: {}",
                one.subject, one.verdict, one.reason
            )),
            (None, None) => Ok(Gone {
                why: format!(
                    "It is not among what was judged, and nothing of {} is unproven. {}",
                    measure.judged.id, measure.judged.summary
                ),
                rests_on: &others.rest_on,
            }),
        }
    }
}
