//! Suricata's EVE JSON (docs.suricata.io, "Eve JSON Format"): `flow`, `dns`, `tls`, `quic`, `http`, `ssh`, `rdp`, `rfb`, `fileinfo`,
//! `anomaly`, and one event type per control protocol, named as the decoder. Their objects hold what Suricata would write of it, as far
//! as the facts tell it.
//!
//! `flow_id` is the facts' own name of the conversation, cut to 63 bits, and the same in every run; `community_id` is that
//! of every other tool. `seawall` holds what EVE has no field for: operation, object, outcome, content, how many of the same and until when.
use std::io::{self, Write};

use facts::kinds::Conversation;
use facts::{Evidence, Facts, Time};
use serde_json::{Map, Value as Json, json};

use super::certificates::{self, Shown};
use super::flows::{Ends, Flows};
use super::suricata;

/// Writes the facts as EVE events, one JSON object a line: flows first, then what was said in them.
///
/// # Errors
/// What `out` says; what was written by then stays.
pub fn eve(facts: &Facts, out: &mut dyn Write) -> io::Result<()> {
    let flows = Flows::of(facts);
    let asked = flows.asked(facts);
    let shown = Shown::of(facts);
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
                    "state": match (flow.ended.as_deref(), flow.packets_in) {
                        (Some("closed" | "client-reset" | "server-reset"), _) => "closed",
                        (_, 0) => "new",
                        _ => "established",
                    },
                }),
            );
        }
        put(event)?;
        if is_tls(flow) {
            let sni = asked.get(&flow.uid.0).copied();
            let certificate = shown.within(flow, sni, false);
            let mut body = certificate.map_or_else(|| json!({}), certificates::eve);
            if let Json::Object(fields) = &mut body {
                fields.insert("sni".to_owned(), sni.into());
                let version = suricata::tls_version(Some(flow));
                fields.insert("version".to_owned(), version.into());
            }
            let event = self::event(
                "tls",
                flow.time,
                Some(flow),
                Ends::of(flow),
                facts,
                &flow.evidence,
            );
            let own = json!({});
            put(event.map(|event| with(event, "tls", Some(body), own, 1, flow.last)))?;
        }
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
                let (kind, answers) = match answers.is_empty() {
                    true => ("query", None),
                    false => ("answer", Some(answers)),
                };
                (
                    "dns",
                    json!({ "type": kind, "rrname": name.name, "answers": answers }),
                )
            }
            // Its conversation has told of it.
            "tls-sni" if !flow.is_some_and(is_tls) => {
                let quic = flow.is_some_and(|flow| flow.protocol.as_deref() == Some("quic"));
                let kind = if quic { "quic" } else { "tls" };
                (kind, json!({ "sni": name.name }))
            }
            "http-host" => ("http", json!({ "hostname": name.name, "url": name.path })),
            _ => continue,
        };
        let event = event(kind, name.time, flow, ends, facts, &name.evidence);
        let own = json!({ "via": (kind == "dns").then_some(&name.via) });
        put(event.map(|event| with(event, kind, Some(body), own, name.count, name.last)))?;
    }
    for session in &facts.remote_sessions {
        let flow = flows.find(session.community_id.as_deref(), session.time);
        let ends = Ends::or(flow, session.client, session.server);
        let kind = suricata::protocol(&session.protocol);
        let own = json!({ "user": session.user, "detail": session.detail });
        let body = suricata::session(session);
        let event = event(kind, session.time, flow, ends, facts, &session.evidence);
        put(event.map(|event| with(event, kind, body, own, 1, session.last)))?;
    }
    for row in &facts.operations {
        let flow = flows.find(row.community_id.as_deref(), row.time);
        let mut ends = Ends::or(flow, row.source, row.target);
        if ends.client.0 != row.source {
            std::mem::swap(&mut ends.client, &mut ends.server);
        }
        let kind = suricata::protocol(&row.protocol);
        let own = json!({
            "operation": row.operation.name(), "object": row.object, "detail": row.detail,
            "outcome": row.outcome.map(facts::kinds::Outcome::name),
            "content_bytes": row.content_bytes, "content_sha256": row.content_sha256,
        });
        let body = suricata::operation(row, flow);
        let event = event(kind, row.time, flow, ends, facts, &row.evidence);
        put(event.map(|event| with(event, kind, body, own, row.count, row.last)))?;
    }
    for row in &facts.carried_files {
        let flow = flows.find(row.community_id.as_deref(), row.time);
        let mut ends = Ends::or(flow, row.source, row.target);
        if ends.client.0 != row.source {
            std::mem::swap(&mut ends.client, &mut ends.server);
        }
        let body = json!({
            "filename": row.path.as_ref().or(row.name.as_ref()), "size": row.size.unwrap_or(row.bytes),
            "sha256": row.sha256, "gaps": !row.complete, "stored": false,
            "state": if row.complete { "CLOSED" } else { "TRUNCATED" },
        });
        let event = event("fileinfo", row.time, flow, ends, facts, &row.evidence);
        let own =
            json!({ "mime_type": row.mime, "content": row.content, "direction": row.direction });
        put(event.map(|event| with(event, "fileinfo", Some(body), own, row.count, row.last)))?;
    }
    for row in &facts.oddities {
        let (Some(source), Some(target)) = (row.source, row.target) else {
            continue;
        };
        let ends = Ends::or(None, source, target);
        let body = json!({ "type": suricata::anomaly(&row.what), "event": row.what });
        let event = event("anomaly", row.time, None, ends, facts, &row.evidence);
        let own = json!({ "detail": row.detail });
        put(event.map(|event| with(event, "anomaly", Some(body), own, row.count, row.last)))?;
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
    let proto = flow.map(|flow| suricata::transport(&flow.transport));
    put("proto", proto.into());
    put(
        "app_proto",
        flow.and_then(|flow| flow.protocol.as_deref())
            .map(suricata::protocol)
            .into(),
    );
    put(
        "community_id",
        flow.and_then(|flow| flow.community_id.as_deref()).into(),
    );
    Some(event)
}

/// The event with the object that Suricata would give it, and with what EVE has no field for.
fn with(
    mut event: Map<String, Json>,
    kind: &str,
    body: Option<Json>,
    own: Json,
    count: u64,
    last: Time,
) -> Map<String, Json> {
    if let Some(body) = body {
        event.insert(kind.to_owned(), known(body));
    }
    let mut own = known(own);
    if let Json::Object(fields) = &mut own {
        fields.insert("count".to_owned(), count.into());
        fields.insert("last".to_owned(), stamp(last).into());
    }
    event.insert("seawall".to_owned(), own);
    event
}

/// Without what is not known.
fn known(body: Json) -> Json {
    let Json::Object(fields) = body else {
        return body;
    };
    let fields = fields.into_iter().map(|(name, value)| (name, known(value)));
    Json::Object(fields.filter(|(_, value)| !value.is_null()).collect())
}

fn is_tls(flow: &Conversation) -> bool {
    flow.protocol.as_deref() == Some("tls")
}

/// A time as Suricata writes it: microseconds and an offset.
fn stamp(time: Time) -> String {
    let text = time.to_string();
    let head = text.get(..26).unwrap_or(&text);
    format!("{head}+0000")
}
