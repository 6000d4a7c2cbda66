//! An explanation for a terminal, and for programs.
use serde_json::{Value as Json, json};

use super::{Explanation, Looked, Party, Seen};
use crate::json::escape_hidden;
use crate::text::{Sheet, Style};
use crate::visible::show;
use crate::{life, words};

/// For a terminal.
pub fn text(one: &Explanation, style: Style) -> String {
    let mut out = Sheet::new(style);
    out.heading(&format!("Finding {}", show(&one.finding)));
    out.wrapped(0, 0, &show(&one.reason));
    out.blank();
    out.field(
        0,
        "Measure",
        &format!("{}: {}", show(&one.measure), show(&one.title)),
    );
    out.field(0, "Subject", &show(&one.subject));
    if !one.cranes.is_empty() {
        out.field(0, "Crane", &show(&one.cranes.join(", ")));
    }
    if let Some(standing) = &one.standing {
        out.field(0, "State", &life::state(standing, &one.zone));
        if let (Some(first), Some(last)) = (standing.first_seen, standing.last_seen) {
            out.field(0, "Seen", &words::span(first, last, &one.zone));
        }
    }
    out.field(0, "As of", &one.as_of.local(&one.zone));
    head(&mut out, "What was seen");
    for (number, seen) in one.seen.iter().enumerate() {
        if number > 0 {
            out.blank();
        }
        told(&mut out, seen, &one.zone);
    }
    if one.left_out > 0 {
        out.wrapped(
            2,
            2,
            &format!(
                "and {} more: see the report",
                words::count(words::size(one.left_out))
            ),
        );
    }
    if one.seen.is_empty() && one.records.is_empty() {
        out.wrapped(
            2,
            2,
            "Nothing on the wire: it rests on what was declared, or on what is missing.",
        );
    }
    if !one.site_lines.is_empty() {
        out.field(2, "Site file", &show(&one.site_lines.join(", ")));
    }
    for record in &one.records {
        out.field(2, "Record", &show(record));
    }
    if !one.looked_at.is_empty() {
        head(&mut out, "Who allowed it: nobody. Looked at:");
        for looked in &one.looked_at {
            let (what, why) = (words::capital(&show(&looked.what)), show(&looked.why));
            out.wrapped(2, 4, &format!("{what}: {why}"));
        }
    }
    head(&mut out, "What the measure asks");
    out.wrapped(2, 2, &show(&one.asks));
    for (paragraph, title) in &one.paragraphs {
        let line = format!(
            "Edition {}, {}: {}.",
            show(&one.edition),
            show(paragraph),
            show(title)
        );
        out.wrapped(2, 4, &line);
    }
    head(&mut out, "What would resolve it");
    for way in &one.resolved_by {
        out.wrapped(2, 4, &show(way));
    }
    head(&mut out, "What to do next");
    for step in &one.steps {
        out.wrapped(2, 4, &show(step));
    }
    for (what, command) in &one.commands {
        out.blank();
        out.wrapped(2, 2, &format!("{}:", show(what)));
        // Whole, however long: a command that is broken cannot be copied.
        out.line(&format!("    {}", show(command)));
    }
    out.text
}

fn head(out: &mut Sheet, title: &str) {
    out.blank();
    out.heading(title);
}

fn told(out: &mut Sheet, seen: &Seen, zone: &str) {
    let what = if seen.what.is_empty() {
        &seen.fact
    } else {
        &seen.what
    };
    out.wrapped(2, 4, &show(what));
    if let (Some(first), Some(last)) = (seen.first, seen.last) {
        out.field(4, "When", &words::span(first, last, zone));
    }
    for (label, party) in [("From", &seen.from), ("To", &seen.to)] {
        if let Some(party) = party {
            out.field(4, label, &show(&placed(party)));
        }
    }
    if let Some(vlan) = seen.vlan {
        out.field(4, "VLAN", &vlan.to_string());
    }
    for (name, value) in &seen.more {
        let (name, value) = (show(name), show(value));
        if name.chars().count() < 10 {
            out.field(4, &name, &value);
        } else {
            out.wrapped(4, 6, &format!("{name}: {value}"));
        }
    }
    out.field(
        4,
        "Frames",
        &format!("{} {}", show(&seen.capture), words::frames(&seen.frames)),
    );
    if let Some(hash) = &seen.sha256 {
        out.field(4, "", &format!("sha256 {hash}"));
    }
}

/// `rcms1, 10.20.40.5, a rcms in zone remote-operations`
fn placed(party: &Party) -> String {
    let mut parts = vec![party.name.clone()];
    if party.address != party.name {
        parts.push(party.address.clone());
    }
    if let Some(mac) = party.mac.as_ref().filter(|mac| **mac != party.address) {
        parts.push(mac.clone());
    }
    if let Some(role) = &party.role {
        parts.push(role.clone());
    }
    if let Some(zone) = &party.zone {
        parts.push(format!("zone {zone}"));
    }
    if let Some(crane) = &party.crane {
        parts.push(format!("crane {crane}"));
    }
    parts.extend(party.make.iter().cloned());
    match &party.third_party {
        Some(name) => parts.push(format!("third party {name}")),
        None if party.is_declared => {}
        None => parts.push("not declared in the site file".to_owned()),
    }
    parts.join(", ")
}

/// For programs.
pub fn json(one: &Explanation) -> String {
    let pairs = |pairs: &[(String, String)], names: (&str, &str)| -> Vec<Json> {
        let pair = |(first, then): &(String, String)| json!({ names.0: first, names.1: then });
        pairs.iter().map(pair).collect()
    };
    let tree = json!({
        "finding": one.finding,
        "measure": one.measure,
        "title": one.title,
        "subject": one.subject,
        "reason": one.reason,
        "cranes": one.cranes,
        "as_of": one.as_of.to_string(),
        "edition": one.edition,
        "state": one.standing.as_ref().map(life::standing),
        "seen": one.seen.iter().map(seen).collect::<Vec<_>>(),
        "seen_left_out": one.left_out,
        "site": one.site_lines,
        "records": one.records,
        "looked_at": one.looked_at.iter().map(looked).collect::<Vec<_>>(),
        "asks": one.asks,
        "paragraphs": pairs(&one.paragraphs, ("id", "title")),
        "resolved_by": one.resolved_by,
        "next": one.steps,
        "commands": pairs(&one.commands, ("for", "command")),
    });
    escape_hidden(&format!("{tree:#}\n"))
}

fn looked(one: &Looked) -> Json {
    json!({ "what": one.what, "why": one.why })
}

fn seen(one: &Seen) -> Json {
    let more: serde_json::Map<String, Json> = one
        .more
        .iter()
        .map(|(name, value)| (name.replace(' ', "_"), value.as_str().into()))
        .collect();
    json!({
        "fact": one.fact,
        "first": one.first.map(|time| time.to_string()),
        "last": one.last.map(|time| time.to_string()),
        "what": one.what,
        "from": one.from.as_ref().map(party),
        "to": one.to.as_ref().map(party),
        "vlan": one.vlan,
        "capture": one.capture,
        "sha256": one.sha256,
        "frames": one.frames,
        "more": more,
    })
}

fn party(one: &Party) -> Json {
    json!({
        "name": one.name, "address": one.address, "mac": one.mac, "zone": one.zone, "crane": one.crane,
        "role": one.role, "make": one.make, "third_party": one.third_party, "declared": one.is_declared,
    })
}
