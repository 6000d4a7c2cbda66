//! The assessment as JSON, for programs. Keys are those of the contract; what it adds is `summary`, `rests_on`,
//! `state` of a finding, `fact` of a citation, `not_judged`, `skipped` and `notes`. A key is always there: what is not known is `null`.
use facts::{Time, Value};
use judge::{Assessment, Cited, CitedRecord, Judged, Source, Subject};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value as Json, json};

use crate::Context;
use crate::visible::is_hidden;

/// The assessment as indented JSON with a final newline; the same bytes for the same input.
pub fn json(assessment: &Assessment, context: &Context<'_>) -> String {
    // Of thousands of subjects one tree at a time, since the text alone is long enough.
    let mut text = serde_json::to_string_pretty(&Whole(assessment, context)).unwrap_or_default();
    text.push('\n');
    match text.chars().any(|c| c != '\n' && is_hidden(c)) {
        true => escape_hidden(&text),
        false => text,
    }
}

struct Whole<'a>(&'a Assessment, &'a Context<'a>);

struct Measures<'a>(&'a [Judged], &'a Context<'a>);

struct Measure<'a>(&'a Judged, &'a Context<'a>);

struct Subjects<'a>(&'a [Subject], &'a Context<'a>);

impl Serialize for Whole<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Whole(assessment, context) = self;
        let not_judged = assessment.not_judged.iter().map(|one| {
            json!({
                "id": one.id, "title": one.title, "why": one.why,
            })
        });
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("seawall", context.version)?;
        map.serialize_entry("terminal", &assessment.terminal)?;
        map.serialize_entry("time_zone", &assessment.time_zone)?;
        map.serialize_entry("as_of", &time(assessment.as_of))?;
        map.serialize_entry("edition", &assessment.edition)?;
        let evidence = assessment.evidence.iter().map(source);
        map.serialize_entry("evidence", &evidence.collect::<Vec<_>>())?;
        map.serialize_entry("measures", &Measures(&assessment.measures, context))?;
        map.serialize_entry("not_judged", &not_judged.collect::<Vec<_>>())?;
        map.serialize_entry("skipped", context.skipped)?;
        map.serialize_entry("notes", context.notes)?;
        map.end()
    }
}

impl Serialize for Measures<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|one| Measure(one, self.1)))
    }
}

impl Serialize for Measure<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Measure(measure, context) = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &measure.id)?;
        map.serialize_entry("title", &measure.title)?;
        map.serialize_entry("verdict", measure.verdict.words())?;
        map.serialize_entry("summary", &measure.summary)?;
        map.serialize_entry("subjects", &Subjects(&measure.subjects, context))?;
        map.end()
    }
}

impl Serialize for Subjects<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|one| subject(one, self.1)))
    }
}

fn time(time: Time) -> Json {
    Json::String(time.to_string())
}

fn source(source: &Source) -> Json {
    json!({
        "capture": source.capture,
        "sha256": source.sha256,
        "packets": source.packets,
        "first": source.first.map(time),
        "last": source.last.map(time),
        "sensor": source.sensor,
        "problems": source.problems,
    })
}

fn subject(subject: &Subject, context: &Context<'_>) -> Json {
    let state = || context.standings?.of(subject.finding.as_deref()?);
    let facts: Map<String, Json> = subject
        .facts
        .iter()
        .map(|(name, one)| (name.to_string(), value(one)))
        .collect();
    json!({
        "subject": subject.subject,
        "verdict": subject.verdict.words(),
        "reason": subject.reason,
        "assets": subject.assets,
        "facts": facts,
        "finding": subject.finding,
        "state": state().map(crate::life::standing),
        "evidence": evidence(subject),
        "due": subject.due.map(|due| time(due.at)),
        "who": subject.who,
        "rests_on": subject.rests_on,
    })
}

/// Frames, then records.
fn evidence(subject: &Subject) -> Vec<Json> {
    let frames = subject.evidence.iter().map(cited);
    frames.chain(subject.records.iter().map(recorded)).collect()
}

pub(crate) fn recorded(cited: &CitedRecord) -> Json {
    json!({
        "record": cited.record,
        "entry": cited.entry,
        "sha256": cited.hash.strip_prefix("sha256:").unwrap_or(&cited.hash),
        "recorded_at": cited.recorded_at.map(time),
        "by": cited.by,
    })
}

pub(crate) fn cited(cited: &Cited) -> Json {
    json!({ "capture": cited.capture, "frames": cited.frames, "time": cited.time.map(time), "fact": cited.fact })
}

pub(crate) fn value(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(flag) => json!(flag),
        Value::Int(number) => json!(number),
        Value::Real(number) => json!(number),
        Value::Text(text) => json!(text),
        Value::List(texts) => json!(texts),
        Value::Numbers(numbers) => json!(numbers),
    }
}

/// Writes hidden characters as `\uNNNN`: the value is the same, and a terminal or an editor shows what is there.
/// In JSON they can stand in strings only; line feeds are the indentation's.
pub(crate) fn escape_hidden(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && is_hidden(c) {
            let mut units = [0u16; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}
