//! From two judgings to the events between them.
use std::collections::{BTreeMap, BTreeSet};

use facts::{Time, Value};
use judge::{Assessment, Judged, Subject, Verdict};

use super::finding::{Closed, Finding, Gone, beginning};
use super::seen::{Open, Told};
use super::severity::{self, Severity};
use super::{Event, Health, Measure, Seen, Trouble, VerdictChange, What};
use crate::Context;
use crate::pick::{self, Picks};

/// Findings announced at once, and closed at once, the worst first. The others are not lost: what was not announced is
/// not remembered either, so the next judging announces it. Whoever makes a thousand findings to hide one only delays
/// the harmless ones.
const MOST_AT_ONCE: usize = 200;

/// After how long an open finding that goes on happening is announced again. Sooner only when it got worse.
const AGAIN_AFTER_SECS: i64 = 15 * 60;

/// What is to be announced of an assessment, and the memory for the next; `None` before the first.
///
/// Events come in the order in which a person should read them: findings, the worst first; verdicts; what was closed.
/// `context` is the one that a report of the same assessment would have.
pub fn changes(
    before: Option<&Seen>,
    now: &Assessment,
    context: &Context<'_>,
) -> (Vec<Event>, Seen) {
    let nothing = Seen::default();
    let before = before.unwrap_or(&nothing);
    let picks = Picks::new(now, context);
    let mut seen = Seen::default();
    // Before the new ones, since what is not announced as closed yet takes room.
    let closed = closed(before, &picks, &mut seen);
    let mut events = findings(before, &picks, &mut seen);
    if seen.left_out > 0 && before.left_out == 0 {
        events.push(left_out(now.as_of, seen.left_out));
    }
    verdicts(before, &picks, &mut seen, &mut events);
    events.extend(closed);
    (events, seen)
}

/// Announces findings that are new, got worse or went on, and remembers every one that was ever announced.
fn findings(before: &Seen, picks: &Picks<'_>, seen: &mut Seen) -> Vec<Event> {
    let as_of = picks.assessment.as_of;
    let mut new: Vec<(Severity, &Judged, &Subject, &str)> = Vec::new();
    let mut events = Vec::new();
    for measure in &picks.assessment.measures {
        for subject in &measure.subjects {
            let Some(id) = subject.finding.as_deref() else {
                continue;
            };
            let severity = severity::of_finding(&measure.id, subject);
            let Some(known) = before.findings.get(id) else {
                new.push((severity, measure, subject, id));
                continue;
            };
            let last = last(subject);
            let worse = severity.number() > known.severity;
            let went_on = last > known.last
                && as_of.since(Time(known.told)) >= AGAIN_AFTER_SECS.saturating_mul(1_000_000_000);
            let mut open = known.clone();
            if worse || went_on {
                open.told = as_of.0;
                open.last = last;
                open.severity = severity.number();
                let finding = Finding::new(picks, self::measure(picks, measure), id, subject);
                let what = What::Again(Box::new(finding));
                events.push(Event::new(as_of, severity, id, what));
            }
            seen.findings.insert(id.to_owned(), open);
        }
    }
    // Stable: findings of one severity stay in the order of the catalogue.
    new.sort_by_key(|(severity, ..)| std::cmp::Reverse(*severity));
    let (mut announced, mut room) = (0usize, Room::default());
    for (severity, measure, subject, id) in new {
        if seen.findings.contains_key(id) {
            continue;
        }
        if announced >= MOST_AT_ONCE {
            continue;
        }
        if seen.findings.len() >= Seen::MOST {
            seen.left_out = seen.left_out.saturating_add(1);
            if !room.make(seen, severity) {
                continue;
            }
        }
        announced = announced.saturating_add(1);
        let finding = Finding::new(picks, self::measure(picks, measure), id, subject);
        let open = Open {
            measure: measure.id.clone(),
            subject: subject.subject.clone(),
            cranes: finding.cranes.clone(),
            reason: beginning(&subject.reason),
            opened: as_of.0,
            told: as_of.0,
            last: last(subject),
            severity: severity.number(),
        };
        let what = What::Opened(Box::new(finding));
        events.push(Event::new(as_of, severity, id, what));
        seen.findings.insert(id.to_owned(), open);
    }
    events.sort_by_key(|event| std::cmp::Reverse(event.severity));
    events
}

/// Room for a finding when there is none: one less severe is forgotten for it, so that nobody fills the memory with strangers
/// and then stops a crane unannounced. The one forgotten is not announced again: it finds no room either.
#[derive(Default)]
struct Room {
    /// The remembered, the least severe last; made when it is needed.
    order: Option<Vec<(u8, String)>>,
}

impl Room {
    fn make(&mut self, seen: &mut Seen, severity: Severity) -> bool {
        let order = self.order.get_or_insert_with(|| {
            let findings = seen.findings.iter();
            let mut order: Vec<(u8, String)> = findings
                .map(|(id, open)| (open.severity, id.clone()))
                .collect();
            order.sort_by(|a, b| b.cmp(a));
            order
        });
        match order.last() {
            Some((least, id)) if *least < severity.number() => {
                seen.findings.remove(id);
                order.pop();
                true
            }
            _ => false,
        }
    }
}

fn last(subject: &Subject) -> Option<i64> {
    pick::when(subject).map(|(_, last)| last.0)
}

fn left_out(as_of: Time, number: usize) -> Event {
    let detail = format!(
        "{number} findings are open beyond the {} that are announced one by one.",
        Seen::MOST
    );
    let number = i64::try_from(number).unwrap_or(i64::MAX);
    let health = Health::new(Trouble::FindingsLeftOut, None, detail);
    Event::health(as_of, health.with("findings_left_out", Value::Int(number)))
}

fn verdicts(before: &Seen, picks: &Picks<'_>, seen: &mut Seen, events: &mut Vec<Event>) {
    let as_of = picks.assessment.as_of;
    for judged in &picks.assessment.measures {
        let told = Told {
            title: judged.title.clone(),
            verdict: judged.verdict.words().to_owned(),
        };
        seen.verdicts.insert(judged.id.clone(), told);
        let from = before.verdicts.get(&judged.id).and_then(Told::verdict);
        if from == Some(judged.verdict) {
            continue;
        }
        let bad = matches!(judged.verdict, Verdict::NotMet | Verdict::Unproven);
        let worst = judged.subjects.first().filter(|_| bad);
        let change = VerdictChange {
            measure: measure(picks, judged),
            from,
            to: Some(judged.verdict),
            subjects: shares(judged),
            summary: judged.summary.clone(),
            reason: worst.map(told_of),
            next: picks
                .next_step(&judged.id)
                .filter(|_| judged.verdict == Verdict::NotMet),
        };
        let severity = severity::of_verdict(from, change.to, worst_finding(judged));
        events.push(Event::new(
            as_of,
            severity,
            &key(&judged.id, from, change.to),
            What::Verdict(Box::new(change)),
        ));
    }
    for (id, told) in &before.verdicts {
        if seen.verdicts.contains_key(id) {
            continue;
        }
        let from = told.verdict();
        let change = VerdictChange {
            measure: not_judged(picks, id, &told.title),
            from,
            to: None,
            subjects: Vec::new(),
            summary: "The measure is no longer judged.".to_owned(),
            reason: None,
            next: None,
        };
        let severity = severity::of_verdict(from, None, None);
        events.push(Event::new(
            as_of,
            severity,
            &key(id, from, None),
            What::Verdict(Box::new(change)),
        ));
    }
}

fn worst_finding(judged: &Judged) -> Option<Severity> {
    let findings = judged
        .subjects
        .iter()
        .filter(|subject| subject.finding.is_some());
    findings
        .map(|subject| severity::of_finding(&judged.id, subject))
        .max()
}

/// What tells one change of a verdict from another.
fn key(id: &str, from: Option<Verdict>, to: Option<Verdict>) -> String {
    let words = [from, to].map(|verdict| verdict.map_or("none", Verdict::words));
    format!("{id}\0{}", words.join("\0"))
}

/// The reason, with the subject before it where it does not name it.
fn told_of(subject: &Subject) -> String {
    if subject.reason.contains(&subject.subject) {
        subject.reason.clone()
    } else {
        format!("{}: {}", subject.subject, subject.reason)
    }
}

fn shares(judged: &Judged) -> Vec<(Verdict, usize)> {
    let count = |verdict| {
        let subjects = judged.subjects.iter();
        subjects
            .filter(|subject| subject.verdict == verdict)
            .count()
    };
    let shares = Verdict::ALL.map(|verdict| (verdict, count(verdict)));
    shares
        .into_iter()
        .filter(|(_, number)| *number > 0)
        .collect()
}

/// Announces what was open and is not any more.
fn closed(before: &Seen, picks: &Picks<'_>, seen: &mut Seen) -> Vec<Event> {
    let mut events = Vec::new();
    let as_of = picks.assessment.as_of;
    let measures: BTreeMap<&str, &Judged> = picks
        .assessment
        .measures
        .iter()
        .map(|judged| (judged.id.as_str(), judged))
        .collect();
    let mut open: BTreeSet<&str> = BTreeSet::new();
    for judged in measures.values() {
        open.extend(
            judged
                .subjects
                .iter()
                .filter_map(|subject| subject.finding.as_deref()),
        );
    }
    let gone = before
        .findings
        .iter()
        .filter(|(id, _)| !open.contains(id.as_str()));
    for (number, (id, known)) in gone.enumerate() {
        if number >= MOST_AT_ONCE {
            seen.findings.insert(id.clone(), known.clone());
            continue;
        }
        let judged = measures.get(known.measure.as_str()).copied();
        let (gone, why) = why_gone(judged, known);
        let closed = Closed {
            id: id.clone(),
            measure: judged.map_or_else(
                || {
                    let told = before.verdicts.get(&known.measure);
                    let title = told.map(|told| told.title.as_str());
                    not_judged(picks, &known.measure, title.unwrap_or_default())
                },
                |judged| measure(picks, judged),
            ),
            subject: known.subject.clone(),
            cranes: known.cranes.clone(),
            was: known.reason.clone(),
            opened: known.opened(),
            gone,
            why,
        };
        let severity = severity::of_closed(gone);
        events.push(Event::new(
            as_of,
            severity,
            id,
            What::Closed(Box::new(closed)),
        ));
    }
    events
}

fn why_gone(judged: Option<&Judged>, known: &Open) -> (Gone, String) {
    let Some(judged) = judged else {
        let why = format!("The measure {} is no longer judged.", known.measure);
        return (Gone::NotJudged, why);
    };
    let mut same = judged.subjects.iter();
    // A subject with another finding is still wrong, but not in this way.
    let still = same.find(|one| one.subject == known.subject && one.verdict != Verdict::NotMet);
    let gone = match still.map(|subject| subject.verdict) {
        Some(Verdict::Met) => Gone::Met,
        Some(Verdict::Unproven) => Gone::Unproven,
        Some(Verdict::NotApplicable) => Gone::NotApplicable,
        Some(Verdict::NotMet) | None => Gone::NotSeen,
    };
    let why = still.map_or_else(
        || "It is no longer seen in what is judged.".to_owned(),
        told_of,
    );
    (gone, why)
}

/// A measure of which the memory is all that is left.
fn not_judged(picks: &Picks<'_>, id: &str, title: &str) -> Measure {
    Measure {
        id: id.to_owned(),
        title: title.to_owned(),
        edition: picks.assessment.edition.clone(),
        ..Measure::default()
    }
}

/// The measure as its events name it.
fn measure(picks: &Picks<'_>, judged: &Judged) -> Measure {
    let edition = &picks.assessment.edition;
    let page = picks.page(&judged.id);
    let paragraphs = page.and_then(|page| {
        let mut editions = page.paragraphs.iter();
        editions
            .find(|(known, _)| known == edition)
            .map(|(_, paragraphs)| paragraphs.clone())
    });
    Measure {
        id: judged.id.clone(),
        title: judged.title.clone(),
        edition: edition.clone(),
        paragraphs: paragraphs.unwrap_or_default(),
        crosswalk: page.map(|page| page.crosswalk.clone()).unwrap_or_default(),
    }
}
