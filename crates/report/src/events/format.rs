//! The formats of an event: which there are, and what all of them say besides the event.
use std::fmt;

use serde_json::{Map, Value as Json};

use super::{Event, What, ecs, json, ocsf, text};
use crate::json::escape_hidden;
use crate::visible::show;

/// How an event is written; always one line, without a line feed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// A sentence for people.
    #[default]
    Text,
    /// Seawall's own names, those of `assess --format json`.
    Json,
    /// Elastic Common Schema.
    Ecs,
    /// Open Cybersecurity Schema Framework.
    Ocsf,
}

impl Format {
    /// In the order of the reference.
    pub const ALL: [Format; 4] = [Format::Text, Format::Json, Format::Ecs, Format::Ocsf];

    /// The word of the site file.
    pub const fn word(self) -> &'static str {
        match self {
            Format::Text => "text",
            Format::Json => "json",
            Format::Ecs => "ecs",
            Format::Ocsf => "ocsf",
        }
    }

    /// The format of that word; `None` for any other.
    pub fn parse(word: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.word() == word)
    }

    /// The event as a line.
    pub fn line(self, event: &Event, origin: &Origin) -> String {
        match self {
            Format::Text => text::line(event, origin),
            Format::Json => escape_hidden(&json::tree(event, origin).to_string()),
            Format::Ecs => shown_line(ecs::tree(event, origin)),
            Format::Ocsf => shown_line(ocsf::tree(event, origin)),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Who tells: the same for every event of a sensor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Origin {
    /// Version of the program.
    pub version: String,
    /// The terminal, as the site names it.
    pub terminal: String,
    /// IANA name of the time zone in which people are shown times.
    pub time_zone: String,
    /// Name of the machine that the sensor runs on.
    pub host: String,
}

impl Origin {
    pub(super) fn zone(&self) -> &str {
        if self.time_zone.is_empty() {
            "UTC"
        } else {
            &self.time_zone
        }
    }
}

impl Event {
    /// The few names and values by which a log server sorts, none of them with a character that hides.
    pub fn labels(&self) -> Vec<(&'static str, String)> {
        let mut labels = vec![
            ("id", self.id.clone()),
            ("severity", self.severity.word().to_owned()),
        ];
        let mut label = |name, value: &str| {
            if !value.is_empty() {
                labels.push((name, show(value)));
            }
        };
        if let Some(measure) = self.what.measure() {
            label("measure", &measure.id);
        }
        match &self.what {
            What::Opened(finding) | What::Again(finding) => {
                label("finding", &finding.id);
                label("crane", &finding.cranes.join(","));
                label("subject", &finding.subject);
            }
            What::Closed(closed) => {
                label("finding", &closed.id);
                label("crane", &closed.cranes.join(","));
                label("subject", &closed.subject);
                label("gone", closed.gone.word());
            }
            What::Verdict(change) => {
                label("from", change.from.map_or("", judge::Verdict::words));
                label("to", change.to.map_or("", judge::Verdict::words));
            }
            What::Health(health) => label("about", health.about.as_deref().unwrap_or_default()),
        }
        labels
    }
}

/// Lines of a SIEM are shown to people by a program that is not ours: what hides is shown in the values themselves.
fn shown_line(tree: Json) -> String {
    shown(tree).to_string()
}

fn shown(tree: Json) -> Json {
    match tree {
        Json::String(text) => Json::String(show(&text)),
        Json::Array(items) => Json::Array(items.into_iter().map(shown).collect()),
        Json::Object(map) => {
            let pairs = map
                .into_iter()
                .map(|(name, value)| (show(&name), shown(value)));
            Json::Object(pairs.collect())
        }
        other => other,
    }
}

/// An object without what is null or empty: a SIEM takes an empty field for one that was seen.
pub(super) fn filled(tree: Json) -> Json {
    match tree {
        Json::Object(map) => {
            let pairs = map.into_iter().map(|(name, value)| (name, filled(value)));
            Json::Object(
                pairs
                    .filter(|(_, value)| !is_empty(value))
                    .collect::<Map<_, _>>(),
            )
        }
        Json::Array(items) => Json::Array(
            items
                .into_iter()
                .map(filled)
                .filter(|value| !is_empty(value))
                .collect(),
        ),
        other => other,
    }
}

fn is_empty(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(map) => map.is_empty(),
        Json::Bool(_) | Json::Number(_) => false,
    }
}
