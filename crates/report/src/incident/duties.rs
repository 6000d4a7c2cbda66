//! Which reports an incident asks for, by which rule, and how long they have been owed.
use facts::Time;

use super::Case;

/// A report that a rule asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duty {
    /// The rule as it is cited, e.g. `33 CFR 6.16-1`.
    pub rule: String,
    /// What the rule asks, in a sentence.
    pub asks: String,
    /// Addressee, by its word.
    pub to: String,
    /// How soon, in the rule's words.
    pub when: String,
    /// Where the rule names a number: by then.
    pub due: Option<Time>,
    /// The regulation or notice that the duty is taken from.
    pub source: String,
    /// The rule is proposed: shown, and owed by nobody.
    pub is_proposed: bool,
    /// Whether it was done.
    pub told: Told,
}

/// Whether the addressee was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// A report to the addressee is recorded; of several the first.
    Sent {
        /// Id of the report's record.
        report: String,
        /// When it was sent.
        at: Time,
        /// Number that the addressee gave it, where one was recorded.
        case_number: Option<String>,
    },
    /// A report to another counts, by this source.
    ByOthers {
        /// The rule by which it counts.
        source: String,
    },
    /// No report is recorded that counts.
    No,
}

impl Duty {
    /// Owed, and not done.
    pub fn is_owed(&self) -> bool {
        self.told == Told::No && !self.is_proposed
    }

    /// Done, but after the time that the rule names.
    pub fn is_late(&self, now: Time) -> bool {
        let done = match &self.told {
            Told::Sent { at, .. } => *at,
            Told::ByOthers { .. } => return false,
            Told::No => now,
        };
        self.due.is_some_and(|due| done > due)
    }
}

/// What the rules ask for, in their order.
pub fn duties(case: &Case<'_>) -> Vec<Duty> {
    let kind = case.incident.what.word();
    let told = |to: &str| case.first_to(to).is_some();
    let rules = case.lists.rules.iter().filter(|rule| rule.is_about(kind));
    let each = rules.flat_map(|rule| rule.to.iter().map(move |to| (rule, to)));
    each.map(|(rule, to)| Duty {
        rule: rule.id.clone(),
        asks: rule.asks.clone(),
        to: to.clone(),
        when: rule.when.clone(),
        due: rule
            .within_hours
            .map(|hours| case.incident.detected.plus_secs(i64::from(hours) * 3600)),
        source: rule.source.clone(),
        is_proposed: rule.proposed,
        told: match case.first_to(to) {
            Some((id, sent)) => Told::Sent {
                report: id.clone(),
                at: sent.sent,
                case_number: sent.case_number.clone(),
            },
            None if rule.is_met_by_others(to, &told) => Told::ByOthers {
                source: rule.also_source.clone().unwrap_or_default(),
            },
            None => Told::No,
        },
    })
    .collect()
}

/// `3 d 4 h`, `2 h 5 min`, `12 min`.
pub(super) fn length(from: Time, until: Time) -> String {
    let minutes = (until.since(from) / 60_000_000_000).max(0);
    let (days, hours, left) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    match (days, hours) {
        (0, 0) => format!("{left} min"),
        (0, hours) => format!("{hours} h {left} min"),
        (days, hours) => format!("{days} d {hours} h"),
    }
}
