//! How findings stand, in words and as JSON: in every report beside the finding, and as a list of its own.
use judge::{Standing, Standings, State, Verdict};
use serde_json::{Value as Json, json};

use crate::json::escape_hidden;
use crate::text::{Sheet, Style};
use crate::visible::show;
use crate::words;

/// A change of a measure's verdict, as it was recorded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Turn {
    /// Id of the measure.
    pub measure: String,
    /// As of when it was judged.
    pub at: Option<facts::Time>,
    /// The verdict in the words of the contract.
    pub verdict: String,
    /// Subjects by verdict, in a sentence.
    pub summary: String,
    /// Id of the edition of the advisory that was followed.
    pub edition: String,
    /// Findings open then.
    pub findings: Vec<String>,
    /// Entry of the ledger.
    pub entry: u64,
}

/// A step of a finding, as it was recorded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stepped {
    /// `opened`, `acknowledged`, `accepted`, `reopened` or `resolved`.
    pub step: String,
    /// As of when it was judged.
    pub at: Option<facts::Time>,
    /// What the judgement said: the reason of a finding, or what shows that it is gone.
    pub why: String,
    /// What the step rests on: captures with frames and hashes, records, coverage.
    pub evidence: Vec<String>,
    /// Entry of the ledger, and who recorded it.
    pub entry: u64,
    /// Who recorded it.
    pub by: String,
}

/// The state in words: `accepted until 2026-12-31 by jane (exception/EX-1): spare part ordered`.
pub(crate) fn state(standing: &Standing, zone: &str) -> String {
    let mut text = match &standing.state {
        State::Acknowledged { who, until, record } => {
            let until = until.local(zone);
            format!(
                "acknowledged by {} until {until} ({})",
                show(who),
                show(record)
            )
        }
        State::Accepted {
            by,
            until,
            because,
            record,
        } => format!(
            "accepted until {} by {} ({}): {}",
            show(until),
            show(by),
            show(record),
            show(because)
        ),
        other => other.word().to_owned(),
    };
    if let Some(note) = &standing.note {
        if !text.ends_with('.') {
            text.push('.');
        }
        text = format!("{text} {}", show(note));
    }
    text
}

/// Whether there is more to say than that it is open.
pub(crate) fn is_told(standing: &Standing) -> bool {
    standing.state != State::Open || standing.note.is_some()
}

pub(crate) fn standing(standing: &Standing) -> Json {
    let mut json = json!({
        "state": standing.state.word(),
        "first_seen": standing.first_seen.map(|time| time.to_string()),
        "last_seen": standing.last_seen.map(|time| time.to_string()),
        "who": null, "until": null, "because": null, "record": null,
        "note": standing.note,
    });
    let more = match &standing.state {
        State::Acknowledged { who, until, record } => {
            json!({ "who": who, "until": until.to_string(), "record": record })
        }
        State::Accepted {
            by,
            until,
            because,
            record,
        } => {
            json!({ "who": by, "until": until, "because": because, "record": record })
        }
        State::Open | State::Resolved => Json::Null,
    };
    if let (Json::Object(json), Json::Object(more)) = (&mut json, more) {
        json.extend(more);
    }
    json
}

/// Standings that are asked for: those that are not resolved, or all.
fn wanted(standings: &Standings, all: bool) -> impl Iterator<Item = &Standing> {
    standings
        .all()
        .filter(move |one| all || one.state != State::Resolved)
}

/// `seawall findings` for a terminal. `steps` gives what was recorded of a finding, the oldest first.
pub fn findings_text(
    standings: &Standings,
    all: bool,
    zone: &str,
    steps: &dyn Fn(&str) -> Vec<Stepped>,
    style: Style,
) -> String {
    let mut out = Sheet::new(style);
    let count = |word: &str| {
        let of = standings.all().filter(|one| one.state.word() == word);
        format!("{} {word}", of.count())
    };
    let counts = ["open", "acknowledged", "accepted", "resolved"].map(count);
    out.wrapped(0, 0, &counts.join(", "));
    for one in wanted(standings, all) {
        out.blank();
        out.heading(&format!("{}  {}", show(&one.finding), show(&one.subject)));
        out.wrapped(2, 2, &show(&one.reason));
        out.field(2, "State", &state(one, zone));
        if let (Some(first), Some(last)) = (one.first_seen, one.last_seen) {
            out.field(2, "Seen", &words::span(first, last, zone));
        }
        for step in steps(&one.finding) {
            let at = step
                .at
                .map_or_else(|| "not known".to_owned(), |at| at.local(zone));
            let line = format!("{at} {} (entry {})", show(&step.step), step.entry);
            out.field(2, "Recorded", &line);
        }
    }
    if standings.all().any(|one| one.state != State::Resolved) {
        out.blank();
        out.wrapped(
            0,
            2,
            "What is behind one: seawall explain SITE CAPTURE... FINDING",
        );
    }
    out.text
}

/// The same for programs.
pub fn findings_json(
    standings: &Standings,
    all: bool,
    steps: &dyn Fn(&str) -> Vec<Stepped>,
) -> String {
    let stepped = |one: &Stepped| {
        json!({
            "step": one.step, "at": one.at.map(|at| at.to_string()), "why": one.why, "evidence": one.evidence,
            "entry": one.entry, "by": one.by,
        })
    };
    let findings = wanted(standings, all).map(|one| {
        let mut json = standing(one);
        if let Json::Object(json) = &mut json {
            let steps = steps(&one.finding);
            json.insert("finding".to_owned(), one.finding.as_str().into());
            json.insert("measure".to_owned(), one.measure.as_str().into());
            json.insert("subject".to_owned(), one.subject.as_str().into());
            json.insert("reason".to_owned(), one.reason.as_str().into());
            json.insert("seen".to_owned(), one.is_seen.into());
            json.insert("steps".to_owned(), steps.iter().map(stepped).collect());
        }
        json
    });
    let tree = json!({ "findings": findings.collect::<Vec<_>>() });
    escape_hidden(&format!("{tree:#}\n"))
}

/// The verdicts over time, for a terminal.
pub fn series_text(turns: &[Turn], zone: &str, style: Style) -> String {
    let mut out = Sheet::new(style);
    if turns.is_empty() {
        out.wrapped(
            0,
            2,
            "No verdict was recorded yet: seawall assess SITE --record does, and seawall run.",
        );
    }
    let mut measure = "";
    for turn in turns {
        if turn.measure != measure {
            if !measure.is_empty() {
                out.blank();
            }
            out.heading(&show(&turn.measure));
            measure = &turn.measure;
        }
        let at = turn
            .at
            .map_or_else(|| "not known".to_owned(), |at| at.local(zone));
        let widest = Verdict::NotApplicable.words().len();
        let line = format!(
            "{at}  {:<widest$}  {}",
            show(&turn.verdict),
            show(&turn.summary)
        );
        out.wrapped(2, 4, &line);
    }
    out.text
}

/// The same for programs.
pub fn series_json(turns: &[Turn]) -> String {
    let turn = |one: &Turn| {
        json!({
            "measure": one.measure, "at": one.at.map(|at| at.to_string()), "verdict": one.verdict,
            "summary": one.summary, "edition": one.edition, "findings": one.findings, "entry": one.entry,
        })
    };
    let tree = json!({ "verdicts": turns.iter().map(turn).collect::<Vec<_>>() });
    escape_hidden(&format!("{tree:#}\n"))
}
