//! What judging gives: a verdict per measure, per subject, each with its reason and what it cites.
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use facts::{Due, Shared, Time, Value};

/// What is known of a measure or one of its subjects. Ordered from best to worst, so that `max` gives the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// A record says that the measure does not apply: who, why, until when.
    NotApplicable,
    /// The evidence covers the subject and shows that the measure holds.
    Met,
    /// No finding, but evidence is missing, stale or partial.
    Unproven,
    /// At least one finding is open.
    NotMet,
}

impl Verdict {
    /// In the order in which reports count them, the worst first.
    pub const ALL: [Verdict; 4] = [
        Verdict::NotMet,
        Verdict::Unproven,
        Verdict::Met,
        Verdict::NotApplicable,
    ];

    /// As reports and JSON say it (contract, "JSON of `assess`").
    pub const fn words(self) -> &'static str {
        match self {
            Verdict::Met => "met",
            Verdict::NotMet => "not met",
            Verdict::Unproven => "unproven",
            Verdict::NotApplicable => "not applicable",
        }
    }

    /// The verdict of these words, in exactly that spelling.
    pub fn parse(words: &str) -> Option<Verdict> {
        Verdict::ALL
            .into_iter()
            .find(|verdict| verdict.words() == words)
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.words())
    }
}

/// The whole result: same facts, same site, same pages, same time give the same value.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// Name of the terminal; empty where the site file gives none.
    pub terminal: String,
    /// IANA time zone in which times are shown to people.
    pub time_zone: String,
    /// The time as of which was judged.
    pub as_of: Time,
    /// Id of the edition of the advisory that was followed.
    pub edition: String,
    /// The captures it rests on, in the order read.
    pub evidence: Vec<Source>,
    /// One per page, in the order of the catalogue.
    pub measures: Vec<Judged>,
    /// Measures of the edition that this version has no page for.
    pub not_judged: Vec<NotJudged>,
}

/// A capture that the assessment rests on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Source {
    /// Base name of the capture, as citations have it.
    pub capture: String,
    /// SHA-256 of the file as it lies there, lower-case hex; `None` where it was not hashed.
    pub sha256: Option<String>,
    /// Frames read.
    pub packets: u64,
    /// Time of the earliest frame; `None` where it has none.
    pub first: Option<Time>,
    /// Time of the latest frame.
    pub last: Option<Time>,
    /// Sensor of the site whose pattern claims it; `None` where none does.
    pub sensor: Option<String>,
    /// What was wrong with it, a sentence each.
    pub problems: Vec<String>,
}

/// A measure of the advisory that is listed, never silently left out.
#[derive(Clone, Debug, PartialEq)]
pub struct NotJudged {
    /// Id of the measure, e.g. `G2`.
    pub id: String,
    /// The state that the measure asserts.
    pub title: String,
    /// What evidence would be needed.
    pub why: String,
}

/// A measure with its verdict: the worst of its subjects'.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// Id of the measure, e.g. `C9`.
    pub id: String,
    /// The state that the measure asserts.
    pub title: String,
    /// The worst of its subjects'.
    pub verdict: Verdict,
    /// One sentence that sums the subjects up.
    pub summary: String,
    /// The worst first, then by name; at least one.
    pub subjects: Subjects,
}

/// The subjects of a measure. A copy of them is the same ones: who judges every second keeps most of tens of thousands as they
/// are. Who changes a copy has it alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Subjects(Arc<Vec<Subject>>);

impl From<Vec<Subject>> for Subjects {
    fn from(subjects: Vec<Subject>) -> Subjects {
        Subjects(Arc::new(subjects))
    }
}

impl FromIterator<Subject> for Subjects {
    fn from_iter<I: IntoIterator<Item = Subject>>(subjects: I) -> Subjects {
        Vec::from_iter(subjects).into()
    }
}

impl Deref for Subjects {
    type Target = Vec<Subject>;

    fn deref(&self) -> &Vec<Subject> {
        &self.0
    }
}

impl DerefMut for Subjects {
    fn deref_mut(&mut self) -> &mut Vec<Subject> {
        Arc::make_mut(&mut self.0)
    }
}

impl<'a> IntoIterator for &'a Subjects {
    type Item = &'a Subject;
    type IntoIter = std::slice::Iter<'a, Subject>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a> IntoIterator for &'a mut Subjects {
    type Item = &'a mut Subject;
    type IntoIter = std::slice::IterMut<'a, Subject>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

impl IntoIterator for Subjects {
    type Item = Subject;
    type IntoIter = std::vec::IntoIter<Subject>;

    fn into_iter(self) -> Self::IntoIter {
        Arc::unwrap_or_clone(self.0).into_iter()
    }
}

/// One subject's verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// What is judged, as the page names it: `rcms1 → plc1`.
    pub subject: String,
    /// What is left once coverage was looked at: a `met` without it became `unproven`.
    pub verdict: Verdict,
    /// A full sentence.
    pub reason: String,
    /// Assets concerned, as named in the site file; unknown ones by address.
    pub assets: Vec<String>,
    /// The telling values, by column name, in the page's order.
    pub facts: Vec<(Shared, Value)>,
    /// Stable id, of a `not met` only.
    pub finding: Option<String>,
    /// Where it can be looked up. A `not met` has at least one, or cites the site file in `facts`.
    pub evidence: Vec<Cited>,
    /// Records of the ledger that it rests on, where it does.
    pub records: Vec<CitedRecord>,
    /// When the verdict will turn, or a duty falls due.
    pub due: Option<Due>,
    /// Person whose duty that is, by the id of their record.
    pub who: Option<String>,
    /// Coverage that a `met` rests on, or whose lack made it `unproven`; a sentence each.
    pub rests_on: Vec<String>,
}

impl Subject {
    /// The terminal as a whole, of which nothing is proven, for that reason.
    pub(crate) fn terminal(reason: String) -> Subject {
        Subject {
            subject: "the terminal".to_owned(),
            verdict: Verdict::Unproven,
            reason,
            assets: Vec::new(),
            facts: Vec::new(),
            finding: None,
            evidence: Vec::new(),
            records: Vec::new(),
            due: None,
            who: None,
            rests_on: Vec::new(),
        }
    }
}

/// Frames of one capture.
#[derive(Clone, Debug, PartialEq)]
pub struct Cited {
    /// Base name of the capture.
    pub capture: String,
    /// Numbers from 1, ascending.
    pub frames: Vec<u64>,
    /// Time of the first.
    pub time: Option<Time>,
    /// The fact that cites them, e.g. `operation 12`.
    pub fact: String,
}

/// A version of a record in the ledger.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CitedRecord {
    /// Kind and id, e.g. `restore-test/RT-1`.
    pub record: String,
    /// Number of the entry, from 1.
    pub entry: u64,
    /// Hash of the entry, with the name of its algorithm.
    pub hash: String,
    /// When it was recorded; `None` where the snapshot does not tell.
    pub recorded_at: Option<Time>,
    /// Who recorded it.
    pub by: String,
}
