//! Suricata's EVE JSON (docs.suricata.io, "Eve JSON Format"): `flow`, `dns`, `tls`, `http`, `ssh`, `rdp`, `rfb`, `fileinfo`, `anomaly`, and
//! one event type per control protocol, named as the decoder.
//!
//! `flow_id` is the facts' own name of the conversation, cut to 63 bits, and the same in every run; `community_id` is that
//! of every other tool. `seawall` holds what EVE has no field for.
use std::io::{self, Write};

use facts::kinds::Conversation;
use facts::{Evidence, Facts, Time};
use serde_json::{Map, Value as Json, json};

use super::flows::{Ends, Flows};

/// Writes the facts as EVE events, one JSON object a line: flows first, then what was said in them.
///
/// # Errors
/// What `out` says; what was written by then stays.
pub fn eve(facts: &Facts, out: &mut dyn Write) -> io::Result<()> {
    let flows = Flows::of(facts);
    let mut put = |event: Option<Map<String, Json>>| -> io::Result<()> {
        let Some(event) = event else { return Ok(()) };
        serde_json::to_writer(&mut *out, &event)?;
        out.write_all(b"\n")
    };
    for flow in &facts.conversations {
        let mut event = event(
            "flow",
            flow.time,
            Some(flow),
            Ends::of(flow),
            facts,
            &flow.evidence,
        );
        if let Some(event) = &mut event {
            event.insert(
                "flow".to_owned(),
                json!({
                    "pkts_toserver": flow.packets_out, "pkts_toclient": flow.packets_in,
                    "bytes_toserver": flow.bytes_out, "bytes_toclient": flow.bytes_in,
                    "start": stamp(flow.time), "end": stamp(flow.last),
                    "age": flow.last.0.saturating_sub(flow.time.0) / 1_000_000_000,
                    "state": if flow.packets_in > 0 { "established" } else { "new" },
                }),
            );
        }
        put(event)?;
    }
    for name in &facts.names {
        let flow = flows.of_name(name);
        let ends = Ends::or(flow, name.client, name.server);
        let (kind, body) = match name.via.as_str() {
            "dns" | "mdns" | "llmnr" => {
                let answers: Vec<Json> = name
                    .answers
                    .iter()
                    .map(|answer| json!({ "rdata": answer }))
                    .collect();
                let kind = if answers.is_empty() {
                    "query"
                } else {
                    "answer"
                };
                (
                    "dns",
                    json!({ "type": kind, "rrname": name.name, "answers": answers }),
                )
            }
            "tls-sni" => (
                "tls",
                json!({ "sni": name.name, "version": flow.and_then(|flow| flow.variant.as_deref()) }),
            ),
            "http-host" => ("http", json!({ "hostname": name.name, "url": name.path })),
            _ => continue,
        };
        let event = event(kind, name.time, flow, ends, facts, &name.evidence);
        put(event.map(|event| with(event, kind, body, name.count, name.last)))?;
    }
    for session in &facts.remote_sessions {
        let flow = flows.find(session.community_id.as_deref(), session.time);
        let ends = Ends::or(flow, session.client, session.server);
        let kind = match session.protocol.as_str() {
            "vnc" => "rfb",
            other => other,
        };
        let body = json!({ "user": session.user, "detail": session.detail });
        let event = event(kind, session.time, flow, ends, facts, &session.evidence);
        put(event.map(|event| with(event, kind, body, 1, session.last)))?;
    }
    for row in &facts.operations {
        let flow = flows.find(row.community_id.as_deref(), row.time);
        let mut ends = Ends::or(flow, row.source, row.target);
        if ends.client.0 != row.source {
            std::mem::swap(&mut ends.client, &mut ends.server);
        }
        let body = json!({
            "operation": row.operation.name(), "object": row.object, "detail": row.detail,
            "outcome": row.outcome.map(facts::kinds::Outcome::name),
            "content_bytes": row.content_bytes, "content_sha256": row.content_sha256,
        });
        let event = event(&row.protocol, row.time, flow, ends, facts, &row.evidence);
        put(event.map(|event| with(event, &row.protocol, body, row.count, row.last)))?;
    }
    for row in &facts.carried_files {
        let flow = flows.find(row.community_id.as_deref(), row.time);
        let mut ends = Ends::or(flow, row.source, row.target);
        if ends.client.0 != row.source {
            std::mem::swap(&mut ends.client, &mut ends.server);
        }
        let body = json!({
            "filename": row.path.as_ref().or(row.name.as_ref()), "magic": row.mime, "size": row.size.unwrap_or(row.bytes),
            "sha256": row.sha256, "gaps": !row.complete, "stored": false,
            "state": if row.complete { "CLOSED" } else { "TRUNCATED" },
        });
        let event = event("fileinfo", row.time, flow, ends, facts, &row.evidence);
        put(event.map(|event| with(event, "fileinfo", body, row.count, row.last)))?;
    }
    for row in &facts.oddities {
        let (Some(source), Some(target)) = (row.source, row.target) else {
            continue;
        };
        let ends = Ends::or(None, source, target);
        let body = json!({ "type": "applayer", "event": row.what });
        let event = event("anomaly", row.time, None, ends, facts, &row.evidence);
        put(event.map(|event| with(event, "anomaly", body, row.count, row.last)))?;
    }
    out.flush()
}

/// What every event begins with; `None` where an end has no internet address, which EVE cannot say.
fn event(
    kind: &str,
    time: Time,
    flow: Option<&Conversation>,
    ends: Ends,
    facts: &Facts,
    evidence: &Evidence,
) -> Option<Map<String, Json>> {
    let (source, target) = (ends.client.0.ip()?, ends.server.0.ip()?);
    let mut event = Map::new();
    let mut put = |name: &str, value: Json| {
        if !value.is_null() {
            event.insert(name.to_owned(), value);
        }
    };
    put("timestamp", stamp(time).into());
    put("flow_id", flow.map(|flow| flow.uid.0 >> 1).into());
    let capture = evidence
        .capture
        .and_then(|index| facts.captures.get(usize::try_from(index).ok()?));
    put("pcap_filename", capture.cloned().into());
    put("pcap_cnt", evidence.frames.first().copied().into());
    put("event_type", kind.into());
    put(
        "vlan",
        flow.and_then(|flow| flow.vlan)
            .map(|vlan| vec![vlan])
            .into(),
    );
    put("src_ip", source.to_string().into());
    put("src_port", ends.client.1.into());
    put("dest_ip", target.to_string().into());
    put("dest_port", ends.server.1.into());
    let proto = flow.map(|flow| match flow.transport.as_str() {
        "icmp6" => "IPv6-ICMP".to_owned(),
        other => other.to_uppercase(),
    });
    put("proto", proto.into());
    put(
        "app_proto",
        flow.and_then(|flow| flow.protocol.as_deref()).into(),
    );
    put(
        "community_id",
        flow.and_then(|flow| flow.community_id.as_deref()).into(),
    );
    Some(event)
}

fn with(
    mut event: Map<String, Json>,
    kind: &str,
    body: Json,
    count: u64,
    last: Time,
) -> Map<String, Json> {
    let body = match body {
        Json::Object(fields) => Json::Object(
            fields
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .collect(),
        ),
        other => other,
    };
    event.insert(kind.to_owned(), body);
    event.insert(
        "seawall".to_owned(),
        json!({ "count": count, "last": stamp(last) }),
    );
    event
}

/// A time as Suricata writes it: microseconds and an offset.
fn stamp(time: Time) -> String {
    let text = time.to_string();
    let head = text.get(..26).unwrap_or(&text);
    format!("{head}+0000")
}
