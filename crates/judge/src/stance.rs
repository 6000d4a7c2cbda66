//! What a record declares not to concern the terminal: a measure, or one subject of it, for a time.
//!
//! Such a declaration stands in the place of what holds or is unproven. It never stands in the place of a finding: what was
//! found concerns the terminal, whatever was declared of it.
use facts::{Due, Value};
use store::Snapshot;

use crate::evidence::{self, Citation};
use crate::{CitedRecord, Error, Subject, Verdict};

/// Those that hold; the dates within are the terminal's.
pub(crate) const QUERY: &str = "SELECT n.id, n.measure, n.subject, n.reason, n.declared_by, COALESCE(p.name, n.declared_by), n.declared, n.ends
    FROM record_not_applicable n LEFT JOIN record_person p ON p.id = n.declared_by
    WHERE n.declared <= day(:as_of) AND n.ends >= day(:as_of) ORDER BY n.id";

/// Declarations that hold.
#[derive(Debug)]
pub(crate) struct Stances(Vec<Declared>);

#[derive(Debug)]
struct Declared {
    id: String,
    measure: String,
    /// `None` for the whole measure.
    subject: Option<String>,
    reason: String,
    /// Id of a person.
    by: String,
    /// A sentence without its end: who declared it when, and until when.
    told: String,
    due: Option<Due>,
    records: Vec<CitedRecord>,
}

impl Stances {
    pub(crate) fn read(
        snapshot: &Snapshot,
        as_of: &Value,
        time_zone: &str,
    ) -> Result<Stances, Error> {
        let rows = snapshot.query_with(QUERY, &[("as_of", as_of.clone())])?;
        let mut declared = Vec::new();
        for row in &rows.rows {
            let text = |at: usize| match row.get(at) {
                Some(Value::Text(text)) => text.clone(),
                _ => String::new(),
            };
            let id = text(0);
            let citation = Citation::parse(&format!("record:not-applicable/{id}"));
            let citations: Vec<Citation> = citation.into_iter().collect();
            let recorded = evidence::recorded(snapshot, &[citations.as_slice()])?;
            let (by, name, day, ends) = (text(4), text(5), text(6), text(7));
            declared.push(Declared {
                told: format!("declared by {name} on {day}, until {ends} ({id})"),
                measure: text(1),
                subject: Some(text(2)).filter(|subject| !subject.is_empty()),
                reason: text(3),
                by,
                due: Due::read(&ends, time_zone),
                records: evidence::records(&recorded, &citations),
                id,
            });
        }
        Ok(Stances(declared))
    }

    /// The subjects of a measure as the declarations leave them; `summary` tells them in short.
    pub(crate) fn applied(
        &self,
        measure: &str,
        mut subjects: Vec<Subject>,
        summary: impl Fn(&[Subject]) -> String,
    ) -> Vec<Subject> {
        let of_it = || self.0.iter().filter(|one| is(&one.measure, measure));
        for one in of_it() {
            let Some(named) = &one.subject else {
                continue;
            };
            for subject in &mut subjects {
                if is(&subject.subject, named) {
                    one.over(subject);
                }
            }
        }
        let Some(whole) = of_it().find(|one| one.subject.is_none()) else {
            return subjects;
        };
        let found = |subject: &Subject| subject.verdict == Verdict::NotMet;
        if subjects.iter().any(found) {
            let found = subjects.iter_mut().filter(|subject| found(subject));
            found.for_each(|subject| whole.contradicted_by(subject));
            return subjects;
        }
        let mut instead = Subject::terminal(summary(&subjects));
        whole.over(&mut instead);
        vec![instead]
    }
}

impl Declared {
    fn over(&self, subject: &mut Subject) {
        if subject.verdict == Verdict::NotMet {
            self.contradicted_by(subject);
            return;
        }
        let otherwise = format!("Without that declaration: {}", subject.reason);
        subject.verdict = Verdict::NotApplicable;
        subject.reason = format!(
            "This does not concern the terminal, as {}: {}.",
            self.told,
            self.reason.trim_end_matches('.')
        );
        subject.records.clone_from(&self.records);
        subject.evidence.clear();
        (subject.due, subject.who) = (self.due, Some(self.by.clone()));
        subject.rests_on = vec![otherwise];
    }

    fn contradicted_by(&self, subject: &mut Subject) {
        subject.reason = format!(
            "{} {} declares that this does not concern the terminal, which what was found contradicts.",
            subject.reason, self.id
        );
        subject.records.extend(self.records.iter().cloned());
    }
}

/// As people write names: letters large or small, spaces around.
fn is(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}
