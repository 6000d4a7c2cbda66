//! What is due when, by person: as text, as JSON, and as a calendar.
mod ical;

use std::collections::BTreeMap;

use facts::Time;
use judge::Duty;
use serde_json::{Value as Json, json};

use crate::visible::show;

pub use ical::ical;

/// What there is to tell.
#[derive(Clone, Copy, Debug)]
pub struct Agenda<'a> {
    /// Name of the terminal.
    pub terminal: &'a str,
    /// IANA name of the time zone in which days are counted.
    pub time_zone: &'a str,
    /// The moment from which "overdue" and "in 12 days" are told.
    pub as_of: Time,
    /// The first due first.
    pub duties: &'a [Duty],
    /// Names of persons, by the ids of their records.
    pub persons: &'a BTreeMap<String, String>,
}

impl Agenda<'_> {
    fn words(&self, duty: &Duty) -> String {
        duty.due.words(self.as_of, self.time_zone)
    }

    /// Who is to see to it, as people call them.
    fn person(&self, duty: &Duty) -> Option<String> {
        let id = duty.who.as_ref()?;
        Some(match self.persons.get(id) {
            Some(name) => format!("{name} ({id})"),
            None => id.clone(),
        })
    }
}

/// Days within which something counts as soon.
const SOON: i64 = 30;

/// How much is overdue, soon due and later.
fn summary(agenda: &Agenda<'_>) -> String {
    let (mut overdue, mut soon, mut later) = (0, 0, 0);
    for duty in agenda.duties {
        if duty.due.is_over(agenda.as_of) {
            overdue += 1;
        } else if duty.due.days_left(agenda.as_of, agenda.time_zone) <= SOON {
            soon += 1;
        } else {
            later += 1;
        }
    }
    format!(
        "As of {}: {overdue} overdue, {soon} due within {SOON} days, {later} later\n",
        agenda.as_of.local(agenda.time_zone)
    )
}

/// What the measures' ids stand for, in the order of letter and number.
fn measures(agenda: &Agenda<'_>) -> String {
    let letters = |id: &str| id.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
    let titles: BTreeMap<_, _> = agenda
        .duties
        .iter()
        .map(|duty| &duty.measure)
        .map(|(id, title)| ((letters(id), id.len(), id), title))
        .collect();
    titles
        .iter()
        .map(|((_, _, id), title)| format!("  {id:<4} {}\n", show(title)))
        .collect()
}

/// By person, who has what is due first before the others, each with what is due first on top; what nobody is named for comes
/// last, and behind it what the measures are.
pub fn text(agenda: &Agenda<'_>) -> String {
    if agenda.duties.is_empty() {
        return "Nothing falls due.\n".to_owned();
    }
    let mut by_person: Vec<(Option<String>, Vec<&Duty>)> = Vec::new();
    for duty in agenda.duties {
        let person = agenda.person(duty);
        match by_person.iter_mut().find(|(known, _)| *known == person) {
            Some((_, duties)) => duties.push(duty),
            None => by_person.push((person, vec![duty])),
        }
    }
    by_person.sort_by_key(|(person, _)| person.is_none());
    let mut text = summary(agenda);
    for (person, duties) in by_person {
        text.push('\n');
        match person {
            None => text.push_str("Nobody is named for\n"),
            Some(person) => text.push_str(&format!("{}\n", show(&person))),
        }
        for duty in duties {
            text.push_str(&format!(
                "  {}  {:<19} {:<4} {}\n",
                duty.due.day,
                agenda.words(duty),
                duty.measure.0,
                show(&duty.subject)
            ));
        }
    }
    text.push_str("\nMeasures\n");
    text.push_str(&measures(agenda));
    text
}

/// One object with the list `due`, the first due first.
pub fn json(agenda: &Agenda<'_>) -> String {
    let one = |duty: &Duty| {
        json!({
            "due": duty.due.at.to_string(),
            "day": duty.due.day.to_string(),
            "in_words": agenda.words(duty),
            "days_left": duty.due.days_left(agenda.as_of, agenda.time_zone),
            "overdue": duty.due.is_over(agenda.as_of),
            "who": duty.who,
            "name": duty.who.as_ref().and_then(|id| agenda.persons.get(id)),
            "measure": duty.measure.0,
            "subject": duty.subject,
            "verdict": duty.verdict.words(),
            "reason": duty.reason,
            "uid": duty.uid,
        })
    };
    let tree = json!({
        "terminal": agenda.terminal,
        "time_zone": agenda.time_zone,
        "as_of": agenda.as_of.to_string(),
        "due": agenda.duties.iter().map(one).collect::<Vec<Json>>(),
    });
    crate::json::escape_hidden(&format!("{tree:#}\n"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests may fail loudly")]

    use facts::Due;
    use judge::Verdict;

    use super::*;

    #[test]
    fn whoever_is_late_comes_first_and_what_nobody_is_named_for_last() {
        let as_of = Time::parse("2026-11-20T12:00:00Z").unwrap();
        let duty = |day: &str, who: Option<&str>| Duty {
            measure: ("R3".to_owned(), "Backups are tested".to_owned()),
            subject: format!("disk of {}", who.unwrap_or("nobody")),
            verdict: Verdict::Met,
            reason: String::new(),
            due: Due::read(day, "UTC").unwrap(),
            who: who.map(str::to_owned),
            uid: String::new(),
        };
        let duties = [
            duty("2026-09-01", None),
            duty("2026-10-01", Some("zoe")),
            duty("2026-12-24", Some("ada")),
            duty("2027-10-01", Some("zoe")),
        ];
        let text = text(&Agenda {
            terminal: "Harborview",
            time_zone: "UTC",
            as_of,
            duties: &duties,
            persons: &BTreeMap::new(),
        });
        let told: Vec<&str> = text.lines().filter(|line| line.contains("R3")).collect();
        let whose: Vec<&str> = told
            .iter()
            .filter_map(|line| line.rsplit(' ').next())
            .collect();
        assert_eq!(whose[..4], ["zoe", "zoe", "ada", "nobody"], "{text}");
    }
}
