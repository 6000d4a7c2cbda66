//! How bad an event is: one table, with reasons.
use facts::Value;
use judge::{Subject, Verdict};

use super::{Gone, Trouble};

/// Ordered from harmless to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Good news, and what nobody has to act on.
    Info,
    /// To be noticed, not to be woken for.
    Low,
    /// Something is not as it was agreed, or sight was lost in part.
    Medium,
    /// Somebody is inside or can be, or nothing is seen or kept any more.
    High,
    /// What a crane does was changed or stopped, and nobody answers for it.
    Critical,
}

impl Severity {
    /// From harmless to worst.
    pub const ALL: [Severity; 5] = [
        Severity::Info,
        Severity::Low,
        Severity::Medium,
        Severity::High,
        Severity::Critical,
    ];

    /// The word in events.
    pub const fn word(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }

    /// 1 to 5, as OCSF counts (`severity_id`).
    pub const fn number(self) -> u8 {
        match self {
            Severity::Info => 1,
            Severity::Low => 2,
            Severity::Medium => 3,
            Severity::High => 4,
            Severity::Critical => 5,
        }
    }

    /// The severity of RFC 5424, 6.2.1, also that of the journal: informational, notice, warning, error, critical.
    /// Alert and emergency are left to those who speak for the whole system.
    pub const fn syslog(self) -> u8 {
        match self {
            Severity::Info => 6,
            Severity::Low => 5,
            Severity::Medium => 4,
            Severity::High => 3,
            Severity::Critical => 2,
        }
    }
}

/// A measure, what must hold of the finding, and how bad it then is.
type Line = (&'static str, fn(&Subject) -> bool, Severity);

/// Findings by measure. The first line whose measure fits, and whose condition holds, counts; the others are medium:
/// something is not as it was agreed, and no hand is shown on a crane.
const FINDINGS: &[Line] = &[
    // What a crane does was changed or stopped, and nobody answers for it: minutes count.
    ("C9", decisive_and_done, Severity::Critical),
    // Values were written, a program was read out, or someone tried and was refused: the hand is in the network.
    ("C9", always, Severity::High),
    // A person or a tool of theirs is inside, by a way that nobody agreed to.
    ("C6", always, Severity::High),
    // A modem, an access point, a bridge: a way in that no firewall sees.
    ("C12", always, Severity::High),
    // Data of the terminal goes to where the advisory forbids.
    ("T1", always, Severity::High),
    // Someone unknown can reach a crane from afar; that they did is C6 or C9.
    ("T3", always, Severity::High),
    // Paperwork: nothing in the network is at fault.
    ("A1", always, Severity::Low),
];

/// Operations after which a crane does something else, or nothing at all.
const DECISIVE: &[&str] = &[
    "program-download",
    "program-delete",
    "firmware-update",
    "start",
    "stop",
    "mode-change",
    "reset",
    "operate",
];

fn always(_: &Subject) -> bool {
    true
}

/// The operation is decisive and was not turned away. What the answer was may be unseen; then it counts as done.
fn decisive_and_done(subject: &Subject) -> bool {
    let fact = |name: &str| {
        let found = subject.facts.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value)
    };
    let number = |name: &str| match fact(name) {
        Some(Value::Int(number)) => *number,
        _ => 0,
    };
    let decisive =
        matches!(fact("operation"), Some(Value::Text(verb)) if DECISIVE.contains(&verb.as_str()));
    let turned_away = number("refused").saturating_add(number("unanswered"));
    let count = number("count").max(1);
    decisive && (number("carried_out") > 0 || turned_away < count)
}

pub(crate) fn of_finding(measure: &str, subject: &Subject) -> Severity {
    let line = FINDINGS
        .iter()
        .find(|(id, condition, _)| *id == measure && condition(subject));
    line.map_or(Severity::Medium, |(_, _, severity)| *severity)
}

/// A verdict. `worst` is that of its findings: they come as events of their own, so the verdict is never worse than high.
pub(super) fn of_verdict(
    from: Option<Verdict>,
    to: Option<Verdict>,
    worst: Option<Severity>,
) -> Severity {
    match (from, to) {
        // Announced at the first judging, with the findings beside it; nothing has just happened.
        (None, Some(Verdict::NotMet | Verdict::Unproven)) => Severity::Low,
        (_, Some(Verdict::NotMet)) => worst.unwrap_or(Severity::Medium).min(Severity::High),
        // No longer known: sight was lost, or taken.
        (_, Some(Verdict::Unproven)) => Severity::Medium,
        // Someone declared it away, or the pages changed: to be noticed, not to be woken for.
        (_, Some(Verdict::NotApplicable) | None) => Severity::Low,
        (_, Some(Verdict::Met)) => Severity::Info,
    }
}

pub(super) fn of_closed(gone: Gone) -> Severity {
    match gone {
        // Gone from sight, not from the network.
        Gone::Unproven => Severity::Medium,
        Gone::NotApplicable | Gone::NotJudged => Severity::Low,
        Gone::Met | Gone::NotSeen => Severity::Info,
    }
}

impl Trouble {
    /// How bad it is: what blinds the sensor or puts its ground in doubt is high, blindness in part medium, a changed
    /// site low, good news info.
    pub const fn severity(self) -> Severity {
        match self {
            // Blind: whatever happens now is not seen by anyone.
            Trouble::NotWatching | Trouble::InterfaceDown => Severity::High,
            // The old site goes on being judged, though someone meant another.
            Trouble::SiteRefused => Severity::High,
            // What somebody recorded does not count, or what did is gone.
            Trouble::LedgerTrouble => Severity::High,
            // What is judged now cannot be looked up later.
            Trouble::DiskFull => Severity::High,
            // In part blind; also a planned stop, which an intruder may have planned.
            Trouble::Drops
            | Trouble::Shedding
            | Trouble::ClockStepped
            | Trouble::EventsLost
            | Trouble::FindingsLeftOut
            | Trouble::SensorStopped => Severity::Medium,
            // What is allowed has changed: someone should know who did it.
            Trouble::SiteReloaded => Severity::Low,
            Trouble::SensorStarted
            | Trouble::InterfaceUp
            | Trouble::DiskWorks
            | Trouble::Watching => Severity::Info,
        }
    }
}
