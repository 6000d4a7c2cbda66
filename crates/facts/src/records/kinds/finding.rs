//! The life of findings and verdicts. What is judged is recorded by who judges; what people say of it, by them.
use super::Person;
use crate::Time;
use crate::records::record::{choice, record};
use crate::records::{Filled, Ref};

/// Kinds that only judging may record: a finding is resolved by evidence, never by hand.
pub const BY_JUDGING: &[&str] = &["finding", "verdict"];

choice! {
    /// A step in the life of a finding.
    Step {
        /// Found for the first time.
        Opened = "opened",
        /// Somebody has it in hand, by an `acknowledgement`.
        Acknowledged = "acknowledged",
        /// Borne for a time, by an `exception`; the measure is not met all the same.
        Accepted = "accepted",
        /// Found again, or still there when its exception or acknowledgement had ended.
        Reopened = "reopened",
        /// Judged on later evidence, and not found.
        Resolved = "resolved",
    }
}

record! {
    /// The step that a finding has come to; its versions are its life. Seawall records it when it judges (`assess
    /// --record`, `run`), nobody by hand.
    FindingStep = "finding" ["G4", "I1"] {
        /// The measure, e.g. `C9`.
        measure: String,
        /// Its subject, as the report names it.
        subject: String,
        /// Where it stands.
        step: Step,
        /// As of when that was judged.
        at: Time,
        /// What the judgement said: of a finding its reason, of one resolved what shows that it is gone.
        why: String,
        /// First seen.
        first_seen: Option<Time>,
        /// Last seen before this step.
        last_seen: Option<Time>,
        /// Whether frames of captures show it; what was declared or left undone is shown by records and the site file.
        on_wire: bool,
        /// Time of the latest evidence that was judged; of steps that were recorded by an earlier Seawall it is not known.
        evidence_until: Option<Time>,
        /// What the step rests on: captures with frames and hashes, records, coverage.
        evidence: Vec<String>,
    }
    order { first_seen <= last_seen }
}

record! {
    /// The verdict of a measure, recorded whenever it changes; its versions are the measure's history. Seawall records it
    /// when it judges, nobody by hand. Its id is the measure's.
    VerdictStep = "verdict" ["G4"] {
        /// `met`, `not met`, `unproven` or `not applicable`.
        verdict: String,
        /// As of when that was judged.
        at: Time,
        /// Edition of the advisory that was followed.
        edition: String,
        /// Subjects by verdict.
        summary: String,
        /// Findings open then, by their names; of many the first.
        findings: Vec<String>,
    }
}

record! {
    /// Somebody has findings in hand until a time. They stay open; after that time they are as if nobody had.
    Acknowledgement = "acknowledgement" ["G4"] {
        /// The findings, by their names.
        findings: Filled<String>,
        /// Who has them in hand.
        who: Ref<Person>,
        /// Since when.
        since: Time,
        /// Until when.
        until: Time,
        /// What is being done.
        doing: Option<String>,
    }
    order { since <= until }
}
