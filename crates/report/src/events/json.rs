//! An event in Seawall's own names: those of `assess --format json` where it has them. A key that a kind of event has is
//! always there; what is not known is `null`.
use serde_json::{Map, Value as Json, json};

use super::{Closed, End, Event, Finding, Origin, VerdictChange, What, text};
use crate::json::{cited, recorded, value};
use facts::Value;

pub(super) fn tree(event: &Event, origin: &Origin) -> Json {
    let mut tree = Map::new();
    let mut put = |name: &str, value: Json| {
        tree.insert(name.to_owned(), value);
    };
    put("seawall", json!(origin.version));
    put("event", json!(event.kind()));
    put("id", json!(event.id));
    put("time", json!(event.time.to_string()));
    put("severity", json!(event.severity.word()));
    put("terminal", json!(origin.terminal));
    put("host", json!(origin.host));
    put("message", json!(text::line(event, origin)));
    if let Some(measure) = event.what.measure() {
        put(
            "measure",
            json!({ "id": measure.id, "title": measure.title, "edition": measure.edition }),
        );
    }
    let own = match &event.what {
        What::Verdict(change) => verdict(change),
        What::Opened(finding) | What::Again(finding) => self::finding(finding),
        What::Closed(closed) => self::closed(closed),
        What::Health(health) => json!({
            "about": health.about, "detail": health.detail, "facts": facts(&health.facts),
        }),
    };
    if let Json::Object(own) = own {
        tree.extend(own);
    }
    tree.insert("do_next".to_owned(), json!(event.what.next()));
    Json::Object(tree)
}

fn verdict(change: &VerdictChange) -> Json {
    let subjects: Map<String, Json> = change
        .subjects
        .iter()
        .map(|(verdict, number)| (verdict.words().to_owned(), json!(number)))
        .collect();
    json!({
        "from": change.from.map(judge::Verdict::words),
        "to": change.to.map(judge::Verdict::words),
        "subjects": subjects,
        "summary": change.summary,
        "reason": change.reason,
    })
}

/// Also what the other formats put into a field of their own choice.
pub(super) fn finding(finding: &Finding) -> Json {
    let frames = finding.evidence.iter().map(cited);
    let records = finding.records.iter().map(recorded);
    json!({
        "finding": finding.id,
        "subject": finding.subject,
        "reason": finding.reason,
        "cranes": finding.cranes,
        "assets": finding.assets,
        "facts": facts(&finding.facts),
        "first": finding.first.map(|time| time.to_string()),
        "last": finding.last.map(|time| time.to_string()),
        "source": end(&finding.ends.source),
        "target": end(&finding.ends.target),
        "vlan": finding.ends.vlan,
        "protocol": finding.ends.protocol,
        "community_id": finding.ends.community_id,
        "evidence": frames.chain(records).collect::<Vec<_>>(),
        "evidence_left_out": finding.evidence_left_out,
    })
}

fn closed(closed: &Closed) -> Json {
    json!({
        "finding": closed.id,
        "subject": closed.subject,
        "cranes": closed.cranes,
        "opened": closed.opened.to_string(),
        "gone": closed.gone.word(),
        "reason": closed.why,
        "was": closed.was,
    })
}

fn end(end: &End) -> Json {
    json!({
        "asset": end.name,
        "ip": end.ip.map(|ip| ip.to_string()),
        "mac": end.mac.map(|mac| mac.to_string()),
        "port": end.port,
    })
}

pub(super) fn facts(facts: &[(String, Value)]) -> Json {
    let facts = facts.iter().map(|(name, one)| (name.clone(), value(one)));
    Json::Object(facts.collect())
}
