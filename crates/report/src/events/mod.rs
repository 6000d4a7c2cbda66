//! What changed between two assessments, and how the sensor itself fares: events for the journal, files and SIEMs.
//!
//! [`changes()`] compares an assessment with what was [`Seen`] before and gives the [`Event`]s between them; [`Health`] are
//! those that the running sensor tells about itself. A [`Format`] makes one line of an event. Nothing here reads a
//! clock: an event has the time that the caller gives, so a replay announces the same events with the same ids.
mod changes;
mod ecs;
mod finding;
mod format;
mod health;
mod json;
mod ocsf;
mod seen;
pub(crate) mod severity;
mod text;

use facts::Time;
use judge::Verdict;
use sha2::{Digest, Sha256};

pub use changes::changes;
pub use finding::{Closed, End, Ends, Finding, Gone};
pub use format::{Format, Origin};
pub use health::{Health, Trouble};
pub use seen::Seen;
pub use severity::Severity;

/// Something that happened, to be told once.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The same change at the same time has the same id, over whatever way it is delivered and however often.
    pub id: String,
    /// When it was noticed, as the caller told the time.
    pub time: Time,
    /// How bad it is.
    pub severity: Severity,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A measure has another verdict than before.
    Verdict(Box<VerdictChange>),
    /// A finding was not open before.
    Opened(Box<Finding>),
    /// A finding that is open was seen once more, after a while.
    Again(Box<Finding>),
    /// A finding that was open is no longer.
    Closed(Box<Closed>),
    /// How the sensor itself fares.
    Health(Health),
}

/// The measure that an event is about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measure {
    /// Id of the measure, e.g. `C9`.
    pub id: String,
    /// The state that the measure asserts.
    pub title: String,
    /// The edition of the advisory followed, and its paragraphs that the measure answers.
    pub edition: String,
    /// Ids of the paragraphs.
    pub paragraphs: Vec<String>,
    /// Framework, and its requirements that the measure supports.
    pub crosswalk: Vec<(String, Vec<String>)>,
}

/// A measure's verdict is another one than before.
#[derive(Clone, Debug, PartialEq)]
pub struct VerdictChange {
    /// The measure whose verdict it is.
    pub measure: Measure,
    /// `None` when the measure is judged for the first time.
    pub from: Option<Verdict>,
    /// `None` when the measure is judged no longer.
    pub to: Option<Verdict>,
    /// Subjects by verdict, the worst first; those without any are left out.
    pub subjects: Vec<(Verdict, usize)>,
    /// One sentence that sums the subjects up.
    pub summary: String,
    /// Why, in the words of the worst subject; `None` where the verdict is good news.
    pub reason: Option<String>,
    /// What to do first.
    pub next: Option<String>,
}

impl Event {
    /// An event of the sensor's own health. `facts` are numbers worth sorting by.
    pub fn health(time: Time, health: Health) -> Event {
        let key = format!(
            "{}\0{}",
            health.about.as_deref().unwrap_or_default(),
            health.detail
        );
        Event::new(time, health.trouble.severity(), &key, What::Health(health))
    }

    fn new(time: Time, severity: Severity, key: &str, what: What) -> Event {
        let digest = Sha256::digest(format!("{}\0{key}\0{}", what.kind(), time.0));
        let id = digest
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Event {
            id,
            time,
            severity,
            what,
        }
    }

    /// The kind of event, a word that never changes.
    pub fn kind(&self) -> &'static str {
        self.what.kind()
    }
}

impl What {
    fn kind(&self) -> &'static str {
        match self {
            What::Verdict(_) => "verdict-changed",
            What::Opened(_) => "finding-opened",
            What::Again(_) => "finding-seen-again",
            What::Closed(_) => "finding-closed",
            What::Health(health) => health.trouble.word(),
        }
    }

    /// The measure, unless the event is about the sensor.
    fn measure(&self) -> Option<&Measure> {
        match self {
            What::Verdict(change) => Some(&change.measure),
            What::Opened(finding) | What::Again(finding) => Some(&finding.measure),
            What::Closed(closed) => Some(&closed.measure),
            What::Health(_) => None,
        }
    }

    /// Why, what exactly: the sentence of it.
    fn reason(&self) -> &str {
        match self {
            What::Verdict(change) => change.reason.as_deref().unwrap_or(&change.summary),
            What::Opened(finding) | What::Again(finding) => &finding.reason,
            What::Closed(closed) => &closed.why,
            What::Health(health) => &health.detail,
        }
    }

    /// What to do first.
    fn next(&self) -> Option<&str> {
        match self {
            What::Verdict(change) => change.next.as_deref(),
            What::Opened(finding) | What::Again(finding) => finding.next.as_deref(),
            What::Closed(closed) => closed.next(),
            What::Health(health) => health.advice.or(health.trouble.next()),
        }
    }
}
