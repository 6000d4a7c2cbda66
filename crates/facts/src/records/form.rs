//! The forms of values: how each is written, read from text, and described.
use serde_json::{Value as Json, json};

use super::types::{Date, Sha256};
use crate::Time;
use crate::site::Service;
use crate::site::spelling::{closest, hint};

/// The longest text of a field, in characters. What is longer is attached.
const LONGEST: usize = 10_000;
/// The largest number: every reader of JSON reads it alike.
const MOST: u64 = (1 << 53) - 1;

/// How a value is written.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// Free text of at most 10,000 characters; line breaks may stand in it.
    Text,
    /// From 0.
    Whole,
    /// `yes` or `no` in CSV, true or false in JSON.
    YesNo,
    /// `2026-11-21`, a day of the terminal's calendar.
    Date,
    /// RFC 3339 with offset.
    Time,
    /// 64 hexadecimal digits, kept in lower case.
    Sha256,
    /// A service as conduits of the site file name it.
    Service,
    /// One of these words, each with its meaning.
    Words(fn() -> Vec<(&'static str, &'static str)>),
    /// The name of something declared elsewhere.
    Name(&'static [Target]),
}

/// What a name refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// An asset of the site file.
    Asset,
    /// A crane that zones or assets of the site file name.
    Crane,
    /// A zone of the site file.
    Zone,
    /// A third party of the site file.
    Party,
    /// A conduit of the site file.
    Conduit,
    /// A work order of the site file.
    WorkOrder,
    /// A record of that kind, by its id.
    Record(&'static str),
}

impl Target {
    /// What it is, after "no": `asset`.
    pub const fn name(self) -> &'static str {
        match self {
            Target::Asset => "asset",
            Target::Crane => "crane",
            Target::Zone => "zone",
            Target::Party => "party",
            Target::Conduit => "conduit",
            Target::WorkOrder => "work order",
            Target::Record(kind) => kind,
        }
    }

    /// Whether the site file declares it.
    pub const fn is_of_site(self) -> bool {
        !matches!(self, Target::Record(_))
    }
}

/// Why a value cannot stand, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// What is wrong, in lower case and without a full stop.
    pub what: String,
    /// What to do about it, in the same form; it stands behind a semicolon.
    pub remedy: String,
}

impl Wrong {
    /// Both halves of the message.
    pub fn new(what: impl Into<String>, remedy: impl Into<String>) -> Wrong {
        Wrong {
            what: what.into(),
            remedy: remedy.into(),
        }
    }
}

/// `asset or zone`
pub(super) fn either(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

impl Form {
    /// What is asked for, in words: `a whole number`.
    pub fn describe(&self) -> String {
        match self {
            Form::Text => "text".to_owned(),
            Form::Whole => "whole number".to_owned(),
            Form::YesNo => "yes or no".to_owned(),
            Form::Date => "date".to_owned(),
            Form::Time => "time".to_owned(),
            Form::Sha256 => "SHA-256".to_owned(),
            Form::Service => "service".to_owned(),
            Form::Words(words) => {
                let words: Vec<String> = words()
                    .iter()
                    .map(|(word, _)| format!("`{word}`"))
                    .collect();
                words.join(", ")
            }
            Form::Name(targets) => {
                let names: Vec<&str> = targets.iter().map(|target| target.name()).collect();
                format!("name: {}", either(&names))
            }
        }
    }

    /// One value read from text, as JSON. Whether a name is known is not asked here.
    ///
    /// # Errors
    /// The text has a control character or is not of this form; the message says which form it takes.
    pub fn read(&self, text: &str) -> Result<Json, Wrong> {
        if let Some(odd) = text.chars().find(|c| c.is_control() && *c != '\n') {
            return Err(Wrong::new(
                format!("it holds the control character U+{:04X}", u32::from(odd)),
                "take it out",
            ));
        }
        match self {
            Form::Text | Form::Name(_) => {
                let length = text.chars().count();
                if length > LONGEST {
                    return Err(Wrong::new(
                        format!("it has {length} characters, and {LONGEST} are the most"),
                        "attach what is longer as a file",
                    ));
                }
                Ok(text.into())
            }
            Form::Whole => whole(text),
            Form::YesNo => match text.to_ascii_lowercase().as_str() {
                "yes" | "true" => Ok(true.into()),
                "no" | "false" => Ok(false.into()),
                _ => Err(Wrong::new(
                    format!("\"{text}\" is neither yes nor no"),
                    "write yes or no",
                )),
            },
            Form::Date => date(text),
            Form::Time => time(text).map(|time| time.to_string().into()),
            Form::Sha256 => match Sha256::parse(text) {
                Some(hash) => Ok(hash.to_string().into()),
                None => Err(Wrong::new(
                    format!("\"{text}\" is no SHA-256"),
                    "a SHA-256 has 64 hexadecimal digits; sha256sum FILE prints it",
                )),
            },
            Form::Service => match text.parse::<Service>() {
                Ok(_) => Ok(text.into()),
                Err(error) => Err(Wrong::new(
                    format!("\"{text}\" is no service: {error}"),
                    "write it as in the site file, e.g. s7comm, s7comm:write, tcp/443",
                )),
            },
            Form::Words(words) => {
                let words = words();
                match words.iter().find(|(word, _)| *word == text) {
                    Some((word, _)) => Ok((*word).into()),
                    None => Err(Wrong::new(
                        format!("\"{text}\" is none of the words that may stand here"),
                        hint(text, words.iter().map(|(word, _)| *word), "they are"),
                    )),
                }
            }
        }
    }

    /// Whether a JSON value is of this form.
    pub(super) fn holds(&self, json: &Json) -> bool {
        match (self, json) {
            (Form::Whole, Json::Number(number)) => number.as_u64().is_some_and(|n| n <= MOST),
            (Form::YesNo, Json::Bool(_)) => true,
            (Form::Whole | Form::YesNo, _) => false,
            (_, Json::String(text)) => self.read(text).is_ok_and(|read| read == *json),
            _ => false,
        }
    }

    /// An example, as it stands in a CSV cell.
    pub fn example(&self) -> String {
        match self {
            Form::Text => "…".to_owned(),
            Form::Whole => "30".to_owned(),
            Form::YesNo => "yes".to_owned(),
            Form::Date => "2026-11-21".to_owned(),
            Form::Time => "2026-11-21T08:00:00-05:00".to_owned(),
            Form::Sha256 => {
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".to_owned()
            }
            Form::Service => "tcp/443".to_owned(),
            Form::Words(words) => words().first().map_or("", |(word, _)| word).to_owned(),
            Form::Name(_) => "NAME".to_owned(),
        }
    }

    pub(super) fn schema(&self) -> Json {
        match self {
            Form::Text => json!({ "type": "string", "minLength": 1, "maxLength": LONGEST }),
            Form::Whole => json!({ "type": "integer", "minimum": 0, "maximum": MOST }),
            Form::YesNo => json!({ "type": "boolean" }),
            Form::Date => json!({ "type": "string", "format": "date" }),
            Form::Time => json!({ "type": "string", "format": "date-time" }),
            Form::Service => json!({ "type": "string", "minLength": 1, "title": "service" }),
            Form::Sha256 => json!({ "type": "string", "pattern": "^[0-9a-f]{64}$" }),
            Form::Words(words) => {
                let words: Vec<&str> = words().iter().map(|(word, _)| *word).collect();
                json!({ "type": "string", "enum": words })
            }
            Form::Name(targets) => {
                let names: Vec<&str> = targets.iter().map(|target| target.name()).collect();
                json!({ "type": "string", "minLength": 1, "title": format!("name: {}", either(&names)) })
            }
        }
    }
}

fn whole(text: &str) -> Result<Json, Wrong> {
    let wrong = |what: &str, remedy: &str| Err(Wrong::new(format!("\"{text}\" {what}"), remedy));
    if text
        .strip_prefix('-')
        .is_some_and(|rest| rest.bytes().all(|c| c.is_ascii_digit()))
    {
        return wrong("is below zero", "write a whole number from 0");
    }
    if text.is_empty() || !text.bytes().all(|c| c.is_ascii_digit()) {
        return wrong("is no whole number", "write digits alone, e.g. 1200");
    }
    match text.parse::<u64>() {
        Ok(number) if number <= MOST => Ok(number.into()),
        _ => wrong("is too large", "the largest number is 9007199254740991"),
    }
}

fn date(text: &str) -> Result<Json, Wrong> {
    if Date::parse(text).is_some() {
        return Ok(text.into());
    }
    let digits = |part: &str, count: usize| {
        part.len() == count && part.bytes().all(|digit| digit.is_ascii_digit())
    };
    let formed = matches!(text.split('-').collect::<Vec<_>>().as_slice(),
        [year, month, day] if digits(year, 4) && digits(month, 2) && digits(day, 2));
    Err(if formed {
        Wrong::new(
            format!("there is no {text} in the calendar"),
            "look at month and day; a date is written YEAR-MONTH-DAY",
        )
    } else {
        Wrong::new(
            format!("\"{text}\" is no date"),
            "write it as YEAR-MONTH-DAY, e.g. 2026-11-21",
        )
    })
}

pub(super) fn time(text: &str) -> Result<Time, Wrong> {
    if let Some(time) = Time::parse(text) {
        return Ok(time);
    }
    let with_offset = format!("{text}Z");
    Err(if Time::is_beyond(text) {
        Wrong::new(
            format!("\"{text}\" is further away than a time can be"),
            format!("write one {}", Time::RANGE),
        )
    } else if Time::parse(&with_offset).is_some() || Time::is_beyond(&with_offset) {
        Wrong::new(
            format!("\"{text}\" has no offset from UTC"),
            format!("add it, e.g. {text}-05:00, or {with_offset} for UTC"),
        )
    } else {
        Wrong::new(
            format!("\"{text}\" is no time"),
            "write it as RFC 3339, e.g. 2026-11-21T08:00:00-05:00",
        )
    })
}

/// `did you mean "x"?`, or where names stand.
pub(super) fn name_hint(name: &str, targets: &[Target], known: &[&str]) -> String {
    if let Some(meant) = closest(name, known.iter().copied()) {
        return format!("did you mean \"{meant}\"?");
    }
    let places: Vec<String> = targets
        .iter()
        .map(|target| match target {
            Target::Record(kind) => format!("record a {kind} of that id"),
            Target::WorkOrder | Target::Conduit => {
                format!(
                    "declare the {0} in the site file or record it",
                    target.name()
                )
            }
            other => format!("declare the {} in the site file", other.name()),
        })
        .collect();
    let places: Vec<&str> = places.iter().map(String::as_str).collect();
    format!("{} first", either(&places))
}
