//! What falls due when: the verdicts that time will turn, and the duties behind them.
use std::collections::BTreeMap;

use facts::Due;
use sha2::{Digest, Sha256};

use crate::{Assessment, Verdict};

/// Something that falls due.
#[derive(Clone, Debug, PartialEq)]
pub struct Duty {
    /// Id of the measure and its title.
    pub measure: (String, String),
    /// Subject of the verdict.
    pub subject: String,
    /// The verdict as it is now, before time turns it.
    pub verdict: Verdict,
    /// Its reason, a full sentence.
    pub reason: String,
    /// When the verdict turns, or the duty falls due.
    pub due: Due,
    /// Person whose duty it is, by the id of their record.
    pub who: Option<String>,
    /// The same for as long as measure and subject are: calendars know it again by this.
    pub uid: String,
}

/// Every duty of an assessment, the first due first; with `within`, those alone that are overdue or fall due in so many
/// days.
pub fn duties(assessment: &Assessment, within: Option<i64>) -> Vec<Duty> {
    let (now, zone) = (assessment.as_of, assessment.time_zone.as_str());
    let mut times: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    let mut duties = Vec::new();
    for measure in &assessment.measures {
        for subject in &measure.subjects {
            let Some(due) = subject.due else {
                continue;
            };
            let nth = times.entry((&measure.id, &subject.subject)).or_default();
            *nth += 1;
            if within.is_some_and(|days| due.days_left(now, zone) > days) {
                continue;
            }
            let named = format!(
                "{}\0{}\0{}\0{nth}",
                assessment.terminal, measure.id, subject.subject
            );
            duties.push(Duty {
                measure: (measure.id.clone(), measure.title.clone()),
                subject: subject.subject.clone(),
                verdict: subject.verdict,
                reason: subject.reason.clone(),
                due,
                who: subject.who.clone(),
                uid: uid(&named),
            });
        }
    }
    duties.sort_by(|a, b| (a.due, &a.measure, &a.subject).cmp(&(b.due, &b.measure, &b.subject)));
    duties
}

fn uid(named: &str) -> String {
    let digest = Sha256::digest(named);
    let hex: String = digest
        .iter()
        .take(10)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{hex}@seawall")
}
