//! An event in the Elastic Common Schema 8.17: the field reference, and the allowed values of `event.kind`,
//! `event.category` and `event.type` (elastic.co/guide/en/ecs/8.17).
//!
//! A finding is an alert; a verdict is a state; health is an event of the sensor's process or its host. What has no field there
//! stands below `seawall`, the one name of our own. Text that came off the wire has passed `visible` when it leaves.
use serde_json::{Value as Json, json};

use super::format::filled;
use super::{End, Event, Finding, Origin, Trouble, What, json as own, text};

const VERSION: &str = "8.17.0";

pub(super) fn tree(event: &Event, origin: &Origin) -> Json {
    let (kind, category, types, dataset) = categories(&event.what);
    let mut tree = json!({
        "@timestamp": event.time.to_string(),
        "ecs": { "version": VERSION },
        "message": text::line(event, origin),
        "log": { "level": event.severity.word() },
        "event": {
            "kind": kind,
            "category": category,
            "type": types,
            "action": event.kind(),
            "id": event.id,
            "severity": event.severity.number(),
            "dataset": dataset,
            "module": "seawall",
            "provider": "seawall",
            "reason": event.what.reason(),
        },
        "observer": {
            "vendor": "Seawall", "product": "Seawall", "type": "sensor",
            "version": origin.version, "hostname": origin.host, "name": origin.host,
        },
        "organization": { "name": origin.terminal },
        "seawall": { "do_next": event.what.next() },
    });
    if let Some(measure) = event.what.measure() {
        put(
            &mut tree,
            "rule",
            json!({
                "id": measure.id,
                "name": measure.title,
                "ruleset": ruleset(&measure.edition),
            }),
        );
    }
    match &event.what {
        What::Opened(finding) | What::Again(finding) => self::finding(&mut tree, finding),
        What::Closed(closed) => {
            merge(
                &mut tree,
                "event",
                json!({ "start": closed.opened.to_string(), "end": event.time.to_string() }),
            );
            merge(
                &mut tree,
                "seawall",
                json!({ "finding": {
                    "finding": closed.id, "subject": closed.subject, "gone": closed.gone.word(), "was": closed.was,
                }}),
            );
            put(
                &mut tree,
                "labels",
                json!({
                    "finding": closed.id, "crane": closed.cranes.join(", "),
                }),
            );
        }
        What::Verdict(change) => {
            let (from, to) = (
                change.from.map(judge::Verdict::words),
                change.to.map(judge::Verdict::words),
            );
            put(
                &mut tree,
                "labels",
                json!({ "verdict": to, "verdict_before": from }),
            );
            let subjects = change.subjects.iter();
            let subjects: Json = subjects
                .map(|(verdict, number)| (verdict.words().replace(' ', "_"), json!(number)))
                .collect::<serde_json::Map<_, _>>()
                .into();
            merge(
                &mut tree,
                "seawall",
                json!({ "verdict": {
                    "from": from, "to": to, "subjects": subjects, "summary": change.summary,
                }}),
            );
        }
        What::Health(health) => {
            put(
                &mut tree,
                "host",
                json!({ "name": origin.host, "hostname": origin.host }),
            );
            merge(
                &mut tree,
                "seawall",
                json!({ "health": {
                    "about": health.about, "facts": own::facts(&health.facts),
                }}),
            );
        }
    }
    filled(tree)
}

/// `event.kind`, `event.category`, `event.type` and the data set. A type stands with a category that allows it.
fn categories(
    what: &What,
) -> (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
    &'static str,
) {
    const PROCESS: &[&str] = &["process"];
    const HOST: &[&str] = &["host"];
    const CONFIGURATION: &[&str] = &["configuration"];
    const INFO: &[&str] = &["info"];
    const CHANGE: &[&str] = &["change"];
    match what {
        What::Opened(_) | What::Again(_) => {
            ("alert", &["intrusion_detection"], INFO, "seawall.finding")
        }
        What::Closed(_) => ("event", &["intrusion_detection"], INFO, "seawall.finding"),
        What::Verdict(_) => ("state", CONFIGURATION, INFO, "seawall.verdict"),
        What::Health(health) => {
            let (category, types) = match health.trouble {
                Trouble::SensorStarted => (PROCESS, &["start"][..]),
                Trouble::SensorStopped => (PROCESS, &["end"][..]),
                Trouble::SiteReloaded => (CONFIGURATION, CHANGE),
                Trouble::SiteRefused | Trouble::LedgerTrouble => (CONFIGURATION, INFO),
                Trouble::ClockStepped | Trouble::InterfaceDown | Trouble::InterfaceUp => {
                    (HOST, CHANGE)
                }
                Trouble::Drops
                | Trouble::Shedding
                | Trouble::DiskFull
                | Trouble::DiskWorks
                | Trouble::Watching
                | Trouble::NotWatching
                | Trouble::EventsLost
                | Trouble::FindingsLeftOut => (HOST, INFO),
            };
            ("event", category, types, "seawall.health")
        }
    }
}

fn finding(tree: &mut Json, finding: &Finding) {
    let ends = &finding.ends;
    let time = |time: Option<facts::Time>| time.map(|time| time.to_string());
    merge(
        tree,
        "event",
        json!({ "start": time(finding.first), "end": time(finding.last) }),
    );
    put(tree, "source", end(&ends.source));
    put(tree, "destination", end(&ends.target));
    put(
        tree,
        "network",
        json!({
            "vlan": { "id": ends.vlan.map(|vlan| vlan.to_string()) },
            "protocol": ends.protocol,
            "community_id": ends.community_id,
        }),
    );
    let ips: Vec<String> = [&ends.source, &ends.target]
        .iter()
        .filter_map(|end| end.ip)
        .map(|ip| ip.to_string())
        .collect();
    put(
        tree,
        "related",
        json!({ "ip": ips, "hosts": finding.assets }),
    );
    put(
        tree,
        "labels",
        json!({ "finding": finding.id, "crane": finding.cranes.join(", ") }),
    );
    let mut whole = own::finding(finding);
    put(&mut whole, "facts", keywords(own::facts(&finding.facts)));
    merge(tree, "seawall", json!({ "finding": whole }));
}

/// Every value as text. Pages name their facts as they like; one that is a number here and a text there would make
/// Elasticsearch refuse the whole event.
fn keywords(value: Json) -> Json {
    match value {
        Json::Object(map) => map
            .into_iter()
            .map(|(name, value)| (name, keywords(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Json::Array(items) => items.into_iter().map(keywords).collect::<Vec<_>>().into(),
        Json::Number(_) | Json::Bool(_) => Json::String(value.to_string()),
        Json::Null | Json::String(_) => value,
    }
}

/// MAC addresses are written in upper case with hyphens there (RFC 7042).
fn end(end: &End) -> Json {
    let mac = end
        .mac
        .map(|mac| mac.to_string().to_uppercase().replace(':', "-"));
    let ip = end.ip.map(|ip| ip.to_string());
    json!({ "address": ip.as_ref().or(mac.as_ref()), "ip": ip, "mac": mac, "port": end.port })
}

pub(super) fn ruleset(edition: &str) -> String {
    format!("US Maritime Advisory {edition}")
}

fn put(tree: &mut Json, name: &str, value: Json) {
    if let Json::Object(map) = tree {
        map.insert(name.to_owned(), value);
    }
}

fn merge(tree: &mut Json, name: &str, more: Json) {
    if let (Some(Json::Object(map)), Json::Object(more)) = (tree.get_mut(name), more) {
        map.extend(more);
    }
}
