//! An event in the Open Cybersecurity Schema Framework 1.4.0 (schema.ocsf.io/1.4.0): a finding is a Detection Finding (2004), a
//! verdict a Compliance Finding (2003), the sensor's own life an Application Lifecycle (6002), what goes wrong with it an
//! Application Error (6008).
//!
//! Required of every class: `activity_id`, `category_uid`, `class_uid`, `type_uid`, `severity_id`, `time` and `metadata` with
//! `product` and `version`; of 2003 and 2004 `finding_info.uid`; of 2003 `compliance.standards`; of 6002 `app`. What has no
//! attribute stands in `unmapped`. Text that came off the wire has passed `visible` when it leaves.
use facts::Time;
use judge::Verdict;
use serde_json::{Map, Value as Json, json};

use super::ecs::ruleset;
use super::format::filled;
use super::{
    Closed, End, Event, Finding, Gone, Measure, Origin, Severity, Trouble, VerdictChange, What,
    json as own, text,
};

const VERSION: &str = "1.4.0";

/// A class with its category, and an activity of it.
struct Class {
    uid: u32,
    name: &'static str,
    category: (u32, &'static str),
    activity: (u32, &'static str),
}

const FINDINGS: (u32, &str) = (2, "Findings");
const APPLICATION: (u32, &str) = (6, "Application Activity");
const CREATE: (u32, &str) = (1, "Create");
const UPDATE: (u32, &str) = (2, "Update");
const CLOSE: (u32, &str) = (3, "Close");

/// `status_id` of findings.
const NEW: (u32, &str) = (1, "New");
const SUPPRESSED: (u32, &str) = (3, "Suppressed");
const RESOLVED: (u32, &str) = (4, "Resolved");
const ARCHIVED: (u32, &str) = (5, "Archived");

pub(super) fn tree(event: &Event, origin: &Origin) -> Json {
    let class = class(event);
    let (activity, activity_name) = class.activity;
    let (category, category_name) = class.category;
    let mut tree = json!({
        "activity_id": activity,
        "activity_name": activity_name,
        "category_uid": category,
        "category_name": category_name,
        "class_uid": class.uid,
        "class_name": class.name,
        "type_uid": class.uid.saturating_mul(100).saturating_add(activity),
        "type_name": format!("{}: {activity_name}", class.name),
        "time": millis(event.time),
        "severity_id": event.severity.number(),
        "severity": severity(event.severity),
        "message": text::line(event, origin),
        "metadata": {
            "version": VERSION,
            "product": product(origin),
            "uid": event.id,
            "event_code": event.kind(),
            "log_name": "seawall",
            "log_provider": origin.host,
            "original_time": event.time.to_string(),
        },
    });
    let own = match &event.what {
        What::Opened(finding) => self::finding(event, finding, true),
        What::Again(finding) => self::finding(event, finding, false),
        What::Closed(closed) => self::closed(event, closed),
        What::Verdict(change) => verdict(event, change, origin),
        What::Health(health) => json!({
            "app": (class.uid == 6002).then(|| product(origin)),
            "unmapped": {
                "trouble": health.trouble.word(), "about": health.about, "detail": health.detail,
                "facts": own::facts(&health.facts), "do_next": event.what.next(),
                "terminal": origin.terminal, "host": origin.host,
            },
        }),
    };
    if let (Json::Object(tree), Json::Object(own)) = (&mut tree, own) {
        tree.extend(own);
    }
    filled(tree)
}

fn class(event: &Event) -> Class {
    let finding = |activity| Class {
        uid: 2004,
        name: "Detection Finding",
        category: FINDINGS,
        activity,
    };
    let application = |uid, name, activity| Class {
        uid,
        name,
        category: APPLICATION,
        activity,
    };
    match &event.what {
        What::Opened(_) => finding(CREATE),
        What::Again(_) => finding(UPDATE),
        What::Closed(_) => finding(CLOSE),
        What::Verdict(change) => Class {
            uid: 2003,
            name: "Compliance Finding",
            category: FINDINGS,
            activity: match (change.from, change.to) {
                (None, _) => CREATE,
                (_, None) => CLOSE,
                _ => UPDATE,
            },
        },
        What::Health(health) => {
            let life = |activity| application(6002, "Application Lifecycle", activity);
            match health.trouble {
                Trouble::SensorStarted => life((3, "Start")),
                Trouble::SensorStopped => life((4, "Stop")),
                Trouble::SiteReloaded
                | Trouble::InterfaceUp
                | Trouble::DiskWorks
                | Trouble::Watching => life((99, health.trouble.word())),
                Trouble::InterfaceDown
                | Trouble::Drops
                | Trouble::Shedding
                | Trouble::DiskFull
                | Trouble::NotWatching
                | Trouble::ClockStepped
                | Trouble::SiteRefused
                | Trouble::LedgerTrouble
                | Trouble::EventsLost
                | Trouble::FindingsLeftOut => {
                    application(6008, "Application Error", (1, "General Error"))
                }
            }
        }
    }
}

fn finding(event: &Event, finding: &Finding, new: bool) -> Json {
    let ends = &finding.ends;
    let sides = [
        ("src_endpoint", &ends.source),
        ("dst_endpoint", &ends.target),
    ];
    let mut observables = Vec::new();
    let mut evidence = Map::new();
    for (name, end) in sides {
        let endpoint = filled(endpoint(end));
        // An endpoint needs an address or a name; one of neither was not seen.
        if endpoint.as_object().is_some_and(|map| !map.is_empty()) {
            evidence.insert(name.to_owned(), endpoint);
        }
        let ip = end.ip.map(|ip| (2, "IP Address", "ip", ip.to_string()));
        let mac = end
            .mac
            .map(|mac| (3, "MAC Address", "mac", mac.to_string()));
        for (number, kind, part, value) in [ip, mac].into_iter().flatten() {
            observables.push(json!({
                "name": format!("evidences[0].{name}.{part}"), "type_id": number, "type": kind, "value": value,
            }));
        }
    }
    if let Some(community_id) = &ends.community_id {
        // 0: a mirror port does not tell which way is in.
        let connection =
            json!({ "direction_id": 0, "direction": "Unknown", "community_uid": community_id });
        evidence.insert("connection_info".to_owned(), connection);
    }
    let cited: Vec<Json> = finding.evidence.iter().map(crate::json::cited).collect();
    let recorded = finding.records.iter().map(crate::json::recorded);
    let recorded: Vec<Json> = recorded.collect();
    evidence.insert(
        "data".to_owned(),
        json!({ "captures": cited, "records": recorded, "protocol": ends.protocol, "vlan": ends.vlan }),
    );
    let resources: Vec<Json> = finding
        .assets
        .iter()
        .map(|asset| json!({ "name": asset, "type": "asset" }))
        .collect();
    let (status, status_name) = NEW;
    json!({
        "status_id": status,
        "status": status_name,
        "is_alert": true,
        "start_time": finding.first.map(millis),
        "end_time": finding.last.map(millis),
        "finding_info": {
            "uid": finding.id,
            "title": title(&finding.measure),
            "desc": finding.reason,
            "created_time": new.then(|| millis(event.time)),
            "modified_time": (!new).then(|| millis(event.time)),
            "first_seen_time": finding.first.map(millis),
            "last_seen_time": finding.last.map(millis),
            "analytic": analytic(&finding.measure),
            "types": [finding.measure.id],
        },
        "evidences": [evidence],
        "observables": observables,
        "resources": resources,
        "remediation": { "desc": finding.next },
        "unmapped": {
            "subject": finding.subject,
            "cranes": finding.cranes,
            "facts": own::facts(&finding.facts),
            "evidence_left_out": finding.evidence_left_out,
        },
    })
}

fn closed(event: &Event, closed: &Closed) -> Json {
    let (status, status_name) = match closed.gone {
        Gone::NotApplicable => SUPPRESSED,
        // Resolved would mean that someone reviewed and mended it. It is laid aside, and `gone` says why.
        Gone::Met | Gone::Unproven | Gone::NotSeen | Gone::NotJudged => ARCHIVED,
    };
    json!({
        "status_id": status,
        "status": status_name,
        "status_detail": closed.why,
        "is_alert": false,
        "finding_info": {
            "uid": closed.id,
            "title": title(&closed.measure),
            "desc": closed.was,
            "created_time": millis(closed.opened),
            "modified_time": millis(event.time),
            "analytic": analytic(&closed.measure),
            "types": [closed.measure.id],
        },
        "remediation": { "desc": closed.next() },
        "unmapped": { "subject": closed.subject, "cranes": closed.cranes, "gone": closed.gone.word() },
    })
}

fn verdict(event: &Event, change: &VerdictChange, origin: &Origin) -> Json {
    let (status, status_name) = match change.to {
        Some(Verdict::NotMet | Verdict::Unproven) => NEW,
        Some(Verdict::Met) => RESOLVED,
        Some(Verdict::NotApplicable) => SUPPRESSED,
        None => ARCHIVED,
    };
    // Warning is defined as no result for want of information: unproven, to the word.
    let (compliance, compliance_name) = match change.to {
        Some(Verdict::Met) => (1, "Pass"),
        Some(Verdict::Unproven) => (2, "Warning"),
        Some(Verdict::NotMet) => (3, "Fail"),
        Some(Verdict::NotApplicable) => (99, Verdict::NotApplicable.words()),
        None => (0, "Unknown"),
    };
    let measure = &change.measure;
    let ids = |framework: &str, ids: &[String]| -> Vec<String> {
        ids.iter().map(|id| format!("{framework}: {id}")).collect()
    };
    let frameworks = measure
        .crosswalk
        .iter()
        .filter_map(|(name, of)| Some(ids(framework(name)?, of)));
    let mut requirements = ids(&ruleset(&measure.edition), &measure.paragraphs);
    requirements.extend(frameworks.flatten());
    let subjects = change.subjects.iter();
    let subjects: Map<String, Json> = subjects
        .map(|(verdict, number)| (verdict.words().replace(' ', "_"), json!(number)))
        .collect();
    json!({
        "status_id": status,
        "status": status_name,
        "finding_info": {
            // One finding per measure and terminal, updated with every change.
            "uid": format!("{}/{}", origin.terminal, measure.id),
            "title": title(measure),
            "desc": change.reason.as_ref().unwrap_or(&change.summary),
            "modified_time": millis(event.time),
            "analytic": analytic(measure),
            "types": [measure.id],
        },
        "compliance": {
            "standards": [ruleset(&measure.edition)],
            "requirements": requirements,
            "control": title(measure),
            "status_id": compliance,
            "status": compliance_name,
            "status_code": change.to.map(Verdict::words),
            "status_details": [change.summary],
        },
        "resources": [{ "name": origin.terminal, "type": "terminal" }],
        "remediation": { "desc": change.next },
        "unmapped": { "from": change.from.map(Verdict::words), "to": change.to.map(Verdict::words), "subjects": subjects },
    })
}

/// A framework of the pages by its own name. Techniques of attackers are not required of anyone.
fn framework(name: &str) -> Option<&str> {
    match name {
        "iec_62443_3_3" => Some("IEC 62443-3-3"),
        "cfr_33_101" => Some("33 CFR 101"),
        "nist_csf_2" => Some("NIST CSF 2.0"),
        "attack_ics" => None,
        other => Some(other),
    }
}

fn title(measure: &Measure) -> String {
    format!("{} {}", measure.id, measure.title)
        .trim()
        .to_owned()
}

/// Type 1 is a rule.
fn analytic(measure: &Measure) -> Json {
    json!({ "uid": measure.id, "name": measure.title, "type_id": 1, "type": "Rule" })
}

/// A name or an IP address is required there; who has neither is named by the MAC address.
fn endpoint(end: &End) -> Json {
    let mac = end.mac.map(|mac| mac.to_string());
    let name = end.name.clone();
    let name = name.or_else(|| mac.clone().filter(|_| end.ip.is_none()));
    json!({
        "name": name,
        "ip": end.ip.map(|ip| ip.to_string()),
        "mac": mac,
        "port": end.port,
    })
}

fn product(origin: &Origin) -> Json {
    json!({ "name": "Seawall", "vendor_name": "Seawall", "version": origin.version })
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "Informational",
        Severity::Low => "Low",
        Severity::Medium => "Medium",
        Severity::High => "High",
        Severity::Critical => "Critical",
    }
}

/// OCSF counts milliseconds since the Unix epoch.
const fn millis(time: Time) -> i64 {
    time.0.div_euclid(1_000_000)
}
