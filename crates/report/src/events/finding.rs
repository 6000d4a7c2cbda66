//! A finding as an event: what a person needs at three in the morning, bounded, with the addresses behind the names.
use std::net::IpAddr;

use facts::kinds::Facts;
use facts::{Address, Mac, Time, Value};
use judge::{Cited, CitedRecord, Subject};

use super::Measure;
use crate::pick::{self, Picks};

/// What an event carries at most: it has to fit a datagram, and the report has all of it.
const MOST_CITED: usize = 8;
const MOST_FRAMES: usize = 32;
const MOST_ASSETS: usize = 16;
const MOST_ITEMS: usize = 16;
const MOST_CHARS: usize = 1000;

/// A finding that is open.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Finding {
    /// Its stable id.
    pub id: String,
    /// The measure that it breaks.
    pub measure: Measure,
    /// What is judged, as the page names it.
    pub subject: String,
    /// A full sentence.
    pub reason: String,
    /// Assets concerned, as named in the site file, else by address; the first of them.
    pub assets: Vec<String>,
    /// Cranes that it is about; the first of them, and empty where it is about none.
    pub cranes: Vec<String>,
    /// The telling values, by column name, in the page's order; long ones are cut.
    pub facts: Vec<(String, Value)>,
    /// Frames that show it; the first citations, each with its first frames.
    pub evidence: Vec<Cited>,
    /// Records of the ledger that it rests on.
    pub records: Vec<CitedRecord>,
    /// Citations that are in the report only.
    pub evidence_left_out: usize,
    /// Time of the earliest fact cited; `None` where no frame shows it.
    pub first: Option<Time>,
    /// Time of the latest fact cited.
    pub last: Option<Time>,
    /// Both ends by address; all unknown where no fact cited has two.
    pub ends: Ends,
    /// What to do first, in the page's words; `None` where the page says nothing.
    pub next: Option<String>,
}

/// A finding that was open.
#[derive(Clone, Debug, PartialEq)]
pub struct Closed {
    /// The finding's stable id.
    pub id: String,
    /// The measure that it broke.
    pub measure: Measure,
    /// What was judged, as the page names it.
    pub subject: String,
    /// Cranes that it was about, as when it was announced.
    pub cranes: Vec<String>,
    /// The beginning of what it said when it was announced.
    pub was: String,
    /// Time as of which it was first judged open.
    pub opened: Time,
    /// Why it is no longer open.
    pub gone: Gone,
    /// A full sentence.
    pub why: String,
}

/// Why a finding is no longer open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// The subject is judged, and the measure holds for it.
    Met,
    /// The subject is judged, but its evidence no longer suffices: it may go on unseen.
    Unproven,
    /// A record says that the measure does not apply.
    NotApplicable,
    /// It is not in what was judged: out of the window, or the subject is gone.
    NotSeen,
    /// The measure itself is no longer judged.
    NotJudged,
}

impl Gone {
    /// The word in events.
    pub const fn word(self) -> &'static str {
        match self {
            Gone::Met => "met",
            Gone::Unproven => "unproven",
            Gone::NotApplicable => "not-applicable",
            Gone::NotSeen => "not-seen",
            Gone::NotJudged => "not-judged",
        }
    }
}

impl Closed {
    pub(super) const fn next(&self) -> Option<&'static str> {
        match self.gone {
            Gone::Unproven => Some("Restore what the sensor lacks before taking this as settled."),
            _ => None,
        }
    }
}

/// Who and whom, by address, of the first fact that the finding cites.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ends {
    /// Who asked.
    pub source: End,
    /// Who was asked.
    pub target: End,
    /// Identifier of the VLAN; `None` when untagged.
    pub vlan: Option<u16>,
    /// Name of the protocol, recognised or assumed; `None` where neither is known.
    pub protocol: Option<String>,
    /// Community ID of the conversation; `None` where there is no IP.
    pub community_id: Option<String>,
}

/// One end; what was not seen is `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct End {
    /// Asset as named in the site file, else its address.
    pub name: Option<String>,
    /// Its IP address.
    pub ip: Option<IpAddr>,
    /// Its MAC address, or that which carried its packets.
    pub mac: Option<Mac>,
    /// Port of UDP or TCP; only of conversations, and of who was asked in a remote session.
    pub port: Option<u16>,
}

impl End {
    fn new(name: Option<&str>, address: Address, mac: Option<Mac>, port: Option<u16>) -> End {
        let own = match address {
            Address::Mac(mac) => Some(mac),
            Address::Ip(_) => None,
        };
        End {
            name: name.map(str::to_owned),
            ip: address.ip(),
            mac: own.or(mac),
            port,
        }
    }
}

impl Finding {
    pub(super) fn new(picks: &Picks<'_>, measure: Measure, id: &str, subject: &Subject) -> Finding {
        let when = pick::when(subject);
        let cited = |cited: &Cited| Cited {
            frames: cited.frames.iter().copied().take(MOST_FRAMES).collect(),
            ..cited.clone()
        };
        let facts = subject.facts.iter();
        Finding {
            id: id.to_owned(),
            subject: subject.subject.clone(),
            reason: subject.reason.clone(),
            assets: subject.assets.iter().take(MOST_ASSETS).cloned().collect(),
            cranes: cranes(picks, subject),
            facts: facts
                .map(|(name, value)| (name.to_string(), bounded(value)))
                .collect(),
            evidence: subject
                .evidence
                .iter()
                .take(MOST_CITED)
                .map(cited)
                .collect(),
            records: subject.records.iter().take(MOST_CITED).cloned().collect(),
            evidence_left_out: subject.evidence.len().saturating_sub(MOST_CITED)
                + subject.records.len().saturating_sub(MOST_CITED),
            first: when.map(|(first, _)| first),
            last: when.map(|(_, last)| last),
            ends: ends(picks.context.facts, subject),
            next: picks.next_step(&measure.id),
            measure,
        }
    }
}

/// The beginning of a sentence, as much as is worth keeping once it no longer holds.
pub(super) fn beginning(text: &str) -> String {
    const KEPT: usize = 200;
    if text.chars().count() <= KEPT {
        return text.to_owned();
    }
    let kept: String = text.chars().take(KEPT).collect();
    format!("{kept}…")
}

/// The cranes that a subject is about, as many as an event carries.
fn cranes(picks: &Picks<'_>, subject: &Subject) -> Vec<String> {
    let cranes = picks.cranes(subject).into_iter().take(MOST_ITEMS);
    cranes.map(str::to_owned).collect()
}

fn bounded(value: &Value) -> Value {
    match value {
        Value::Text(text) if text.chars().count() > MOST_CHARS => {
            let kept: String = text.chars().take(MOST_CHARS).collect();
            Value::Text(format!("{kept}…"))
        }
        Value::List(items) if items.len() > MOST_ITEMS => {
            let left = items.len().saturating_sub(MOST_ITEMS);
            let mut kept: Vec<String> = items.iter().take(MOST_ITEMS).cloned().collect();
            kept.push(format!("and {left} more"));
            Value::List(kept)
        }
        Value::Numbers(numbers) => {
            Value::Numbers(numbers.iter().copied().take(MOST_FRAMES).collect())
        }
        other => other.clone(),
    }
}

/// Looks the first cited fact up. A citation names kind and number (`operation 12`); that its time agrees guards against
/// facts that are not those judged, since a wrong address in an alarm is worse than none.
fn ends(facts: &Facts, subject: &Subject) -> Ends {
    let found = subject.evidence.iter().find_map(|cited| {
        let (kind, number) = cited.fact.split_once(' ')?;
        let index = number.parse::<usize>().ok()?.checked_sub(1)?;
        let (time, ends) = match kind {
            "operation" => {
                let one = facts.operations.get(index)?;
                let source = End::new(
                    one.source_asset.as_deref(),
                    one.source,
                    one.source_mac,
                    None,
                );
                let target = End::new(
                    one.target_asset.as_deref(),
                    one.target,
                    one.target_mac,
                    None,
                );
                let ends = Ends {
                    source,
                    target,
                    vlan: one.vlan,
                    protocol: Some(one.protocol.clone()),
                    community_id: one.community_id.clone(),
                };
                (one.time, ends)
            }
            "file" => {
                let one = facts.carried_files.get(index)?;
                let ends = Ends {
                    source: End::new(
                        one.source_asset.as_deref(),
                        one.source,
                        one.source_mac,
                        None,
                    ),
                    target: End::new(
                        one.target_asset.as_deref(),
                        one.target,
                        one.target_mac,
                        None,
                    ),
                    vlan: one.vlan,
                    protocol: Some(one.protocol.clone()),
                    community_id: one.community_id.clone(),
                };
                (one.time, ends)
            }
            "conversation" => {
                let one = facts.conversations.get(index)?;
                let ends = Ends {
                    source: End::new(
                        one.client_asset.as_deref(),
                        one.client,
                        one.client_mac,
                        one.client_port,
                    ),
                    target: End::new(
                        one.server_asset.as_deref(),
                        one.server,
                        one.server_mac,
                        one.server_port,
                    ),
                    vlan: one.vlan,
                    protocol: one
                        .protocol
                        .as_ref()
                        .or(one.assumed.as_ref())
                        .map(|name| name.to_string()),
                    community_id: one.community_id.as_deref().map(str::to_owned),
                };
                (one.time, ends)
            }
            "remote_session" => {
                let one = facts.remote_sessions.get(index)?;
                let ends = Ends {
                    source: End::new(
                        one.client_asset.as_deref(),
                        one.client,
                        one.client_mac,
                        None,
                    ),
                    target: End::new(
                        one.server_asset.as_deref(),
                        one.server,
                        None,
                        one.server_port,
                    ),
                    vlan: one.vlan,
                    protocol: Some(one.protocol.clone()),
                    community_id: one.community_id.clone(),
                };
                (one.time, ends)
            }
            "name" => {
                let one = facts.names.get(index)?;
                let ends = Ends {
                    source: End::new(
                        one.client_asset.as_deref(),
                        one.client,
                        one.client_mac,
                        None,
                    ),
                    target: End::new(None, one.server, None, None),
                    vlan: one.vlan,
                    protocol: None,
                    community_id: one.community_id.clone(),
                };
                (one.time, ends)
            }
            _ => return None,
        };
        (cited.time == Some(time)).then_some(ends)
    });
    found.unwrap_or_default()
}
