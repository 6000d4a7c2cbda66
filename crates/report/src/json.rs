//! The assessment as JSON, for programs. Keys are those of the contract; what it adds is `summary`, `rests_on`,
//! `state` of a finding, `fact` of a citation, `not_judged`, `skipped` and `notes`. A key is always there: what is not known is `null`.
use facts::{Time, Value};
use judge::{Assessment, Cited, CitedRecord, Judged, Source, Subject};
use serde_json::{Map, Value as Json, json};

use crate::Context;
use crate::visible::is_hidden;

/// The assessment as indented JSON with a final newline; the same bytes for the same input.
pub fn json(assessment: &Assessment, context: &Context<'_>) -> String {
    let tree = json!({
        "seawall": context.version,
        "terminal": assessment.terminal,
        "time_zone": assessment.time_zone,
        "as_of": time(assessment.as_of),
        "edition": assessment.edition,
        "evidence": assessment.evidence.iter().map(source).collect::<Vec<_>>(),
        "measures": assessment.measures.iter().map(|one| measure(one, context)).collect::<Vec<_>>(),
        "not_judged": assessment.not_judged.iter().map(|one| json!({
            "id": one.id, "title": one.title, "why": one.why,
        })).collect::<Vec<_>>(),
        "skipped": context.skipped,
        "notes": context.notes,
    });
    escape_hidden(&format!("{tree:#}\n"))
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

fn measure(measure: &Judged, context: &Context<'_>) -> Json {
    json!({
        "id": measure.id,
        "title": measure.title,
        "verdict": measure.verdict.words(),
        "summary": measure.summary,
        "subjects": measure.subjects.iter().map(|one| subject(one, context)).collect::<Vec<_>>(),
    })
}

fn subject(subject: &Subject, context: &Context<'_>) -> Json {
    let state = || context.standings?.of(subject.finding.as_deref()?);
    let facts: Map<String, Json> = subject
        .facts
        .iter()
        .map(|(name, one)| (name.clone(), value(one)))
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
