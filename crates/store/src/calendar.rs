//! SQL functions about days and due times, in the terminal's calendar and as of the time that is judged.
use facts::records::{Date, Zone};
use facts::{Due, Time};
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

use crate::functions::text;

/// A function as `seawall sql --tables` lists it.
pub(crate) const FUNCTIONS: &[(&str, &str)] = &[
    (
        "day(when)",
        "The day of a time in the terminal's calendar, `2026-11-21`; of a date the date itself.",
    ),
    (
        "plus_days(when, n)",
        "So many days later: of a time a time, of a date a date.",
    ),
    (
        "plus_hours(time, n)",
        "So many hours later; of a time only.",
    ),
    (
        "days_between(a, b)",
        "Days of the terminal's calendar from a to b, each a time or a date.",
    ),
    (
        "overdue(due)",
        "1 when the time is past, or the day has ended, as of the time that is judged; else 0. Null of null.",
    ),
    (
        "due_in(due)",
        "For a sentence: `due in 12 days`, `due today`, `12 days overdue`.",
    ),
];

pub(crate) fn register(db: &Connection, time_zone: &str, as_of: Time) -> rusqlite::Result<()> {
    let pure = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    let zone = Zone::named(time_zone);
    let day = move |text: Option<String>| {
        let text = text?;
        match moment(&text) {
            Some(time) => zone.day(time),
            None => Some(Due::within(&text, &zone)?.day),
        }
    };
    let one = day.clone();
    db.create_scalar_function("day", 1, pure, move |c| {
        Ok(one(text(c, 0)).map(|day| day.to_string()))
    })?;
    db.create_scalar_function("plus_days", 2, pure, |c| {
        Ok(later(text(c, 0).as_deref(), text(c, 1).as_deref()))
    })?;
    db.create_scalar_function("plus_hours", 2, pure, |c| {
        let (time, hours) = (text(c, 0), text(c, 1));
        let time = time.and_then(|time| Time::parse(&time));
        let seconds = hours.and_then(|hours| hours.parse::<i64>().ok()?.checked_mul(3600));
        let later = time.zip(seconds);
        Ok(later.map(|(time, seconds)| time.plus_secs(seconds).to_string()))
    })?;
    db.create_scalar_function("days_between", 2, pure, move |c| {
        let days = day(text(c, 0)).zip(day(text(c, 1)));
        Ok(days.map(|(a, b)| b.days_since(a)))
    })?;
    let zone = Zone::named(time_zone);
    db.create_scalar_function("overdue", 1, pure, move |c| {
        let Some(text) = text(c, 0) else {
            return Ok(None);
        };
        Ok(match moment(&text) {
            Some(time) => Some(time <= as_of),
            None => Due::within(&text, &zone).map(|due| due.is_over(as_of)),
        })
    })?;
    let zone = time_zone.to_owned();
    db.create_scalar_function("due_in", 1, pure, move |c| {
        let due = text(c, 0).and_then(|text| Due::read(&text, &zone));
        Ok(due.map(|due| due.words(as_of, &zone)))
    })
}

/// A time, where it is plainly one and no date: pages ask it of each of thousands of records.
fn moment(text: &str) -> Option<Time> {
    let is_one = text.as_bytes().get(10) == Some(&b'T');
    is_one.then(|| Time::parse(text)).flatten()
}

fn later(when: Option<&str>, days: Option<&str>) -> Option<String> {
    let (when, days) = (when?, days?.parse::<i64>().ok()?);
    let time = match moment(when) {
        Some(time) => time,
        None => match Date::parse(when) {
            Some(date) => return Some(date.plus_days(days)?.to_string()),
            None => Time::parse(when)?,
        },
    };
    Some(time.plus_secs(days.checked_mul(86_400)?).to_string())
}
