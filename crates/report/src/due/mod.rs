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
    pub terminal: &'a str,
    pub time_zone: &'a str,
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

/// By person, each with what is due first on top; what nobody is named for comes last.
pub fn text(agenda: &Agenda<'_>) -> String {
    if agenda.duties.is_empty() {
        return "Nothing falls due.\n".to_owned();
    }
    let mut by_person: BTreeMap<(bool, String), Vec<&Duty>> = BTreeMap::new();
    for duty in agenda.duties {
        let person = agenda.person(duty);
        let key = (person.is_none(), person.unwrap_or_default());
        by_person.entry(key).or_default().push(duty);
    }
    let mut text = String::new();
    for ((nobody, person), duties) in by_person {
        if !text.is_empty() {
            text.push('\n');
        }
        match nobody {
            true => text.push_str("Nobody is named for\n"),
            false => text.push_str(&format!("{}\n", show(&person))),
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
