//! What was seen: the facts that a finding cites, with both ends placed in the terminal.
use facts::kinds::{Asset, KINDS};
use facts::{Address, Mac, Time, Value};
use judge::{Cited, Subject};

use crate::pick::Picks;
use crate::words;

/// Facts explained one by one.
const MOST: usize = 6;
/// Columns of a fact that are told, and values of them.
const MOST_COLUMNS: usize = 12;
/// Columns that say where a fact is from, not what it says; and those that are told as ends.
const ELSEWHERE: &[&str] = &["capture", "frames", "uid", "time", "last", "community_id"];

/// One end.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Party {
    /// As the site names it, else its address.
    pub name: String,
    /// IP or MAC address.
    pub address: String,
    /// Its MAC address; `None` where its packets came by a router.
    pub mac: Option<String>,
    /// Zone of the site that holds it.
    pub zone: Option<String>,
    /// Crane of the asset, else of its zone.
    pub crane: Option<String>,
    /// Role as the site declares it, else as it was concluded.
    pub role: Option<String>,
    /// Maker, supplier, model as far as they are known.
    pub make: Vec<String>,
    /// Third party of the site that owns the address.
    pub third_party: Option<String>,
    /// Whether the site file declares it as an asset.
    pub is_declared: bool,
}

/// One fact that a finding rests on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// The fact, e.g. `operation 12`.
    pub fact: String,
    /// Begin of the fact; `None` where it has no time.
    pub first: Option<Time>,
    /// End of the fact; equal to `first` where it has none of its own.
    pub last: Option<Time>,
    /// In a few words: `s7comm program-download of DB11, 65,536 bytes, carried out`.
    pub what: String,
    /// Who asked; `None` of facts that have no two ends.
    pub from: Option<Party>,
    /// Who was asked.
    pub to: Option<Party>,
    /// Identifier of the VLAN.
    pub vlan: Option<u16>,
    /// Base name of the capture.
    pub capture: String,
    /// SHA-256 of the capture's file, lower-case hex; `None` where it was not hashed.
    pub sha256: Option<String>,
    /// Frame numbers from 1, ascending.
    pub frames: Vec<u64>,
    /// What else is known, by column.
    pub more: Vec<(String, String)>,
}

/// The first facts that a subject cites, and how many there are besides.
pub(super) fn seen(picks: &Picks<'_>, subject: &Subject) -> (Vec<Seen>, usize) {
    let told = subject.evidence.iter().take(MOST);
    let seen: Vec<Seen> = told.map(|cited| one(picks, cited)).collect();
    (seen, subject.evidence.len().saturating_sub(MOST))
}

/// Kind and index of a cited fact.
pub(super) fn place(cited: &Cited) -> Option<(&str, usize)> {
    let (kind, number) = cited.fact.split_once(' ')?;
    Some((kind, number.parse::<usize>().ok()?.checked_sub(1)?))
}

fn one(picks: &Picks<'_>, cited: &Cited) -> Seen {
    let sources = picks.assessment.evidence.iter();
    let source = sources.clone().find(|one| one.capture == cited.capture);
    let mut seen = Seen {
        fact: cited.fact.clone(),
        first: cited.time,
        last: cited.time,
        capture: cited.capture.clone(),
        sha256: source.and_then(|source| source.sha256.clone()),
        frames: cited.frames.clone(),
        ..Seen::default()
    };
    let Some((kind, index)) = place(cited) else {
        return seen;
    };
    let facts = picks.context.facts;
    let party = |name: Option<&str>, address: Address, mac: Option<Mac>, zone: Option<&str>| {
        Some(party(picks, name, address, mac, zone))
    };
    match kind {
        "operation" => {
            let Some(one) = facts.operations.get(index) else {
                return seen;
            };
            (seen.first, seen.last, seen.vlan) = (Some(one.time), Some(one.last), one.vlan);
            let (from, to) = (one.source_asset.as_deref(), one.target_asset.as_deref());
            seen.from = party(from, one.source, one.source_mac, one.source_zone.as_deref());
            seen.to = party(to, one.target, one.target_mac, one.target_zone.as_deref());
            let mut what = format!("{} {}", one.protocol, one.operation);
            if let Some(object) = &one.object {
                what.push_str(&format!(" of {object}"));
            }
            if one.count > 1 {
                what.push_str(&format!(", {} times", words::count(one.count)));
            }
            if let Some(bytes) = one.content_bytes {
                what.push_str(&format!(", {}", words::many(bytes, "byte", "bytes")));
            }
            what.push_str(match one.outcome.as_ref().map(|outcome| outcome.name()) {
                Some("ok") => ", carried out",
                Some("refused") => ", refused by the device",
                Some("unanswered") => ", without an answer",
                _ => ", answer not seen",
            });
            seen.what = what;
            let content = one.content_sha256.clone();
            seen.more
                .extend(content.map(|hash| ("content sha256".to_owned(), hash)));
            let detail = one.detail.clone();
            seen.more
                .extend(detail.map(|detail| ("detail".to_owned(), detail)));
        }
        "conversation" => {
            let Some(one) = facts.conversations.get(index) else {
                return seen;
            };
            (seen.first, seen.last, seen.vlan) = (Some(one.time), Some(one.last), one.vlan);
            let (from, to) = (one.client_asset.as_deref(), one.server_asset.as_deref());
            seen.from = party(from, one.client, one.client_mac, one.client_zone.as_deref());
            seen.to = party(to, one.server, one.server_mac, one.server_zone.as_deref());
            let spoken = one.protocol.as_deref().map(str::to_owned).or_else(|| {
                let assumed = one.assumed.as_ref();
                assumed.map(|assumed| format!("probably {assumed}"))
            });
            let port = one
                .server_port
                .map_or(String::new(), |port| format!("/{port}"));
            let carried = format!("{}{port}", one.transport);
            seen.what = format!(
                "{}, {}; {} bytes there, {} back",
                spoken.map_or(carried.clone(), |spoken| format!("{spoken} on {carried}")),
                one.state,
                words::count(one.bytes_out),
                words::count(one.bytes_in)
            );
        }
        "remote_session" => {
            let Some(one) = facts.remote_sessions.get(index) else {
                return seen;
            };
            (seen.first, seen.last, seen.vlan) = (Some(one.time), Some(one.last), one.vlan);
            let (from, to) = (one.client_asset.as_deref(), one.server_asset.as_deref());
            seen.from = party(from, one.client, one.client_mac, one.client_zone.as_deref());
            seen.to = party(to, one.server, None, one.server_zone.as_deref());
            seen.what = format!("remote session by {}", one.protocol);
            let user = one.user.clone();
            seen.more.extend(user.map(|user| ("user".to_owned(), user)));
        }
        "name" => {
            let Some(one) = facts.names.get(index) else {
                return seen;
            };
            (seen.first, seen.last, seen.vlan) = (Some(one.time), Some(one.last), one.vlan);
            let from = one.client_asset.as_deref();
            seen.from = party(from, one.client, one.client_mac, one.client_zone.as_deref());
            // The fact does not place the server; the asset of that address is known from elsewhere.
            let server = one.server.to_string();
            let of_it = facts
                .assets
                .iter()
                .find(|asset| asset.ips.contains(&server));
            let (name, zone) = (
                of_it.map(|asset| asset.name.as_str()),
                of_it.and_then(|asset| asset.zone.as_deref()),
            );
            seen.to = party(name, one.server, None, zone);
            seen.what = format!(
                "name told by {}, {}",
                one.via,
                words::many(one.count, "time", "times")
            );
            seen.more.push(("name".to_owned(), one.name.clone()));
        }
        _ => columns(picks, kind, index, &mut seen),
    }
    seen
}

/// A fact of another kind: its columns as they are.
fn columns(picks: &Picks<'_>, kind: &str, index: usize, seen: &mut Seen) {
    let Some(info) = KINDS.iter().find(|info| info.name == kind) else {
        return;
    };
    seen.what = kind.replace('_', " ");
    let mut at = 0;
    picks.context.facts.rows(kind, |row| {
        if at == index {
            let named = info.columns.iter().zip(&row);
            let told = named.filter(|(column, value)| {
                !ELSEWHERE.contains(&column.name)
                    && **value != Value::Null
                    && !matches!(value, Value::List(list) if list.is_empty())
            });
            seen.more
                .extend(told.take(MOST_COLUMNS).map(|(column, value)| {
                    (words::column(column.name), words::value(value, picks.zone))
                }));
        }
        at += 1;
    });
}

/// Whether that MAC address only carried packets of the address: what others are to look for is not the terminal's own firewall.
fn is_routers(picks: &Picks<'_>, mac: Mac, address: Address) -> bool {
    let Some(ip) = address.ip() else { return false };
    let rows = picks.context.facts.addresses.iter();
    let mut own = rows
        .filter(|row| row.mac == Some(mac) && row.ip == Some(ip))
        .filter_map(|row| row.own)
        .peekable();
    own.peek().is_some() && !own.any(|own| own)
}

fn party(
    picks: &Picks<'_>,
    name: Option<&str>,
    address: Address,
    mac: Option<Mac>,
    zone: Option<&str>,
) -> Party {
    let name = name.map_or_else(|| address.to_string(), str::to_owned);
    let site = picks.context.site;
    let declared = site.assets.iter().find(|asset| asset.name == name);
    let known: Option<&Asset> = picks
        .context
        .facts
        .assets
        .iter()
        .find(|asset| asset.name == name);
    let mut make = Vec::new();
    if let Some(known) = known {
        let told = [&known.maker, &known.supplier, &known.model, &known.firmware];
        for value in told.into_iter().flatten() {
            if !make.contains(value) {
                make.push(value.clone());
            }
        }
    }
    let crane_of_zone = || {
        let zone = site
            .zones
            .iter()
            .find(|one| Some(one.name.as_str()) == zone)?;
        zone.crane.clone()
    };
    Party {
        address: address.to_string(),
        mac: mac
            .filter(|mac| !is_routers(picks, *mac, address))
            .map(|mac| mac.to_string()),
        third_party: address
            .ip()
            .and_then(|ip| site.parties.get(site.party_of_ip(ip)?))
            .map(|party| party.name.clone()),
        zone: zone.map(str::to_owned),
        crane: declared
            .and_then(|asset| asset.crane.clone())
            .or_else(crane_of_zone),
        role: declared
            .map(|asset| asset.role.to_string())
            .or_else(|| known.and_then(|asset| asset.role.clone())),
        make,
        is_declared: declared.is_some(),
        name,
    }
}
