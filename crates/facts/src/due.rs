//! Days and when things fall due, in the terminal's own calendar.
use crate::Time;
use crate::records::{Date, Zone};

/// When something is due: a point in time, or the end of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// From then on it is overdue.
    pub at: Time,
    /// The day of the terminal's calendar by which people know it.
    pub day: Date,
}

impl Due {
    /// Reads RFC 3339 or a date; a date is due until its day ends in that time zone.
    pub fn read(text: &str, zone: &str) -> Option<Due> {
        Due::within(text, &Zone::named(zone))
    }

    /// The same, for those who read many.
    pub fn within(text: &str, zone: &Zone) -> Option<Due> {
        if let Some(day) = Date::parse(text) {
            let at = zone.end_of(day)?;
            return Some(Due { at, day });
        }
        let at = Time::parse(text)?;
        let day = zone.day(at)?;
        Some(Due { at, day })
    }

    /// Whether the moment is reached; at the very moment it is over.
    pub fn is_over(&self, now: Time) -> bool {
        self.at <= now
    }

    /// Days of the calendar from now; negative when the day is past.
    pub fn days_left(&self, now: Time, zone: &str) -> i64 {
        Date::of(now, zone).map_or(0, |today| self.day.days_since(today))
    }

    /// `due in 12 days`, `due today`, `12 days overdue`.
    pub fn words(&self, now: Time, zone: &str) -> String {
        let days = self.days_left(now, zone);
        match (self.is_over(now), days) {
            (false, ..=0) => "due today".to_owned(),
            (false, 1) => "due tomorrow".to_owned(),
            (false, days) => format!("due in {days} days"),
            (true, 0..) => "overdue since today".to_owned(),
            (true, -1) => "1 day overdue".to_owned(),
            (true, days) => format!("{} days overdue", days.unsigned_abs()),
        }
    }
}

#[test]
fn a_day_is_over_when_it_ends_where_the_terminal_is() {
    let zone = "America/New_York";
    let at = |text: &str| Time::parse(text).unwrap();
    let due = Due::read("2026-11-21", zone).unwrap();
    assert_eq!(due.at, at("2026-11-22T00:00:00-05:00"));
    for (now, words) in [
        ("2026-11-09T12:00:00-05:00", "due in 12 days"),
        ("2026-11-20T23:59:59-05:00", "due tomorrow"),
        ("2026-11-21T23:59:59-05:00", "due today"),
        ("2026-11-22T00:00:00-05:00", "1 day overdue"),
        ("2026-12-03T00:00:00-05:00", "12 days overdue"),
    ] {
        assert_eq!(due.words(at(now), zone), words, "{now}");
    }
    let moment = Due::read("2026-11-21T15:00:00Z", zone).unwrap();
    assert_eq!(
        moment.words(at("2026-11-21T15:00:01Z"), zone),
        "overdue since today"
    );
    assert_eq!(moment.words(at("2026-11-21T14:00:00Z"), zone), "due today");
    assert_eq!(Due::read("soon", zone), None);
}
