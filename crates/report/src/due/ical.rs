//! A calendar (RFC 5545) of what is due: an event of a whole day each, since calendars show events where few show tasks.
use super::Agenda;
use crate::visible::is_hidden;

/// Octets of a line, without its end (RFC 5545, 3.1).
const LONGEST: usize = 75;

/// The agenda as an iCalendar object, lines of at most 75 octets with CRLF; a duty keeps its `UID` for as long as it
/// is the same.
pub fn ical(agenda: &Agenda<'_>) -> String {
    let mut out = String::new();
    let mut line = |text: &str| fold(&mut out, text);
    line("BEGIN:VCALENDAR");
    line("VERSION:2.0");
    line("PRODID:-//Seawall//Seawall//EN");
    line("CALSCALE:GREGORIAN");
    line("METHOD:PUBLISH");
    line(&format!(
        "X-WR-CALNAME:{}: what is due",
        escape(agenda.terminal)
    ));
    let stamp = digits(&agenda.as_of.to_string());
    for duty in agenda.duties {
        let (id, title) = &duty.measure;
        let day = duty.due.day;
        line("BEGIN:VEVENT");
        line(&format!("UID:{}", duty.uid));
        line(&format!("DTSTAMP:{stamp}"));
        line(&format!("DTSTART;VALUE=DATE:{}", digits(&day.to_string())));
        // The end is not part of the event (3.6.1).
        if let Some(next) = day.plus_days(1) {
            line(&format!("DTEND;VALUE=DATE:{}", digits(&next.to_string())));
        }
        line(&format!(
            "SUMMARY:{}",
            escape(&format!("{id}: {} is due", duty.subject))
        ));
        let who = agenda.person(duty);
        let who = who.map_or(String::new(), |who| format!("\n{who}"));
        line(&format!(
            "DESCRIPTION:{}",
            escape(&format!("{}\n{id} {title}{who}", duty.reason))
        ));
        line(&format!("CATEGORIES:{}", escape(id)));
        line("TRANSP:TRANSPARENT");
        line("END:VEVENT");
    }
    line("END:VCALENDAR");
    out
}

/// `2026-11-21T08:00:00.000000000Z` as `20261121T080000Z`, `2026-11-21` as `20261121`.
fn digits(text: &str) -> String {
    let (whole, end) = match text.split_once('.') {
        Some((whole, _)) => (whole, "Z"),
        None => (text, ""),
    };
    whole.replace(['-', ':'], "") + end
}

/// A text (3.3.11): what separates values is escaped; what a screen would act on is left out.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if is_hidden(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// Adds a line; a long one goes on in lines that begin with a space, and no character is cut in two.
fn fold(out: &mut String, text: &str) {
    let mut room = LONGEST;
    for c in text.chars() {
        if c.len_utf8() > room {
            out.push_str("\r\n ");
            room = LONGEST - 1;
        }
        room -= c.len_utf8();
        out.push(c);
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use facts::{Due, Time};
    use judge::{Duty, Verdict};

    use super::*;

    /// What a calendar makes of the lines: unfolded, then unescaped.
    fn value(calendar: &str, name: &str) -> String {
        let unfolded = calendar.replace("\r\n ", "");
        let line = unfolded
            .split("\r\n")
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let mut letters = line.unwrap().chars();
        let mut out = String::new();
        while let Some(c) = letters.next() {
            match (c, c == '\\') {
                (_, true) => match letters.next().unwrap() {
                    'n' => out.push('\n'),
                    other => out.push(other),
                },
                (c, false) => out.push(c),
            }
        }
        out
    }

    #[test]
    fn a_calendar_gives_back_what_was_put_in_whatever_it_holds() {
        let reason = "Zoë's backup; of \\\\nas, \"disk\"\nis due – ".repeat(9);
        let duty = Duty {
            measure: ("R3".to_owned(), "Backups are tested".to_owned()),
            subject: "crane 7, disk; C:\\".to_owned(),
            verdict: Verdict::Met,
            reason: reason.clone(),
            due: Due::read("2026-12-31", "America/New_York").unwrap(),
            who: Some("ada".to_owned()),
            uid: "00ff@seawall".to_owned(),
        };
        let persons = BTreeMap::from([("ada".to_owned(), "Ada L.".to_owned())]);
        let agenda = Agenda {
            terminal: "Harborview",
            time_zone: "America/New_York",
            as_of: Time::parse("2026-11-22T04:00:00Z").unwrap(),
            duties: &[duty],
            persons: &persons,
        };
        let calendar = ical(&agenda);
        assert!(calendar.ends_with("END:VCALENDAR\r\n"));
        for line in calendar.split("\r\n") {
            assert!(line.len() <= LONGEST, "{line}");
            assert!(!line.contains('\n'), "{line}");
        }
        assert_eq!(value(&calendar, "UID"), "00ff@seawall");
        assert_eq!(value(&calendar, "DTSTAMP"), "20261122T040000Z");
        assert_eq!(value(&calendar, "DTSTART;VALUE=DATE"), "20261231");
        assert_eq!(value(&calendar, "DTEND;VALUE=DATE"), "20270101");
        assert_eq!(
            value(&calendar, "SUMMARY"),
            "R3: crane 7, disk; C:\\ is due"
        );
        assert_eq!(
            value(&calendar, "DESCRIPTION"),
            format!("{reason}\nR3 Backups are tested\nAda L. (ada)")
        );
    }
}
