//! What other facts say of conversations, gathered before the conversations are looked at.
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, Hash};
use std::net::IpAddr;

use facts::kinds::Verb;
use facts::{Facts, KindInfo, Mac, Uid, Value};
use hashbrown::{DefaultHashBuilder, HashTable};

/// What was learned of conversations from other kinds of fact before the conversations themselves are read.
#[derive(Debug, Default)]
pub(crate) struct Context<'f> {
    /// By community ID: what the conversation carried. Most carried nothing, and such a table says so without a look at an ID.
    carried: HashTable<(&'f str, Carried<'f>)>,
    hasher: DefaultHashBuilder,
    /// By address: watched platform whose name was answered with it.
    pub(crate) platform_ips: BTreeMap<IpAddr, &'f str>,
    /// Captures whose frames are shortened.
    snapped: BTreeSet<&'f str>,
}

/// What is known of zones and devices once their tables are filled.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// By MAC address: device with a sign of a hidden path, and whether the site file declares it.
    pub(crate) hidden_macs: BTreeMap<Mac, (String, bool)>,
    /// Broadcast addresses of the zones' subnets.
    pub(crate) broadcasts: BTreeSet<String>,
    /// By zone: kind, and whether it is of the crane network.
    pub(crate) zones: BTreeMap<String, (String, bool)>,
    /// By asset: role.
    pub(crate) roles: BTreeMap<String, String>,
}

#[derive(Debug, Default)]
pub(crate) struct Carried<'f> {
    pub(crate) work_order: Option<&'f str>,
    /// Protocol of the remote session.
    pub(crate) session: Option<&'f str>,
    /// The conversations that were remote sessions, where that is known: one inside another may have its community ID.
    sessions: BTreeSet<Uid>,
    pub(crate) unauthorised: bool,
    pub(crate) manages: bool,
    /// Platform of a name seen in it; `Some(None)` when names were seen and none is of a platform.
    pub(crate) platform: Option<Option<&'f str>>,
}

impl<'f> Carried<'f> {
    /// Protocol of the remote session that the conversation was.
    pub(crate) fn session(&self, uid: Uid) -> Option<&'f str> {
        let known = uid != Uid::default() && !self.sessions.is_empty();
        self.session
            .filter(|_| !known || self.sessions.contains(&uid))
    }

    /// All that a flow takes of it for that conversation.
    pub(crate) fn said(&self, uid: Uid) -> impl Hash + use<'f> {
        (
            self.work_order,
            self.session(uid),
            self.unauthorised,
            self.manages,
            self.platform,
        )
    }
}

/// A row with its columns by name.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) kind: &'a KindInfo,
    pub(crate) values: &'a [Value],
}

impl<'a> Row<'a> {
    pub(crate) fn get(self, column: &str) -> &'a Value {
        let index = self.kind.columns.iter().position(|c| c.name == column);
        index
            .and_then(|index| self.values.get(index))
            .unwrap_or(&Value::Null)
    }

    pub(crate) fn text(self, column: &str) -> Option<&'a str> {
        match self.get(column) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn uid(self) -> Uid {
        let number = |text| u64::from_str_radix(text, 16).ok();
        Uid(self.text("uid").and_then(number).unwrap_or_default())
    }

    pub(crate) fn flag(self, column: &str) -> bool {
        matches!(self.get(column), Value::Bool(true) | Value::Int(1))
    }
}

/// What a fact says of the conversation that carried it.
enum Said<'a> {
    Operation {
        modifies: bool,
        operation: &'a str,
        work_order: Option<&'a str>,
        conduit: Option<&'a str>,
    },
    Session {
        uid: Uid,
        protocol: Option<&'a str>,
        work_order: Option<&'a str>,
    },
    File {
        work_order: Option<&'a str>,
    },
    Name {
        platform: Option<&'a str>,
        via: &'a str,
        answers: &'a [String],
    },
}

impl<'f> Context<'f> {
    /// What operations, names, files and remote sessions say, and captures of themselves.
    pub(crate) fn learn(&mut self, facts: &'f Facts) {
        for one in &facts.operations {
            let said = Said::Operation {
                modifies: one.modifies,
                operation: one.operation.name(),
                work_order: one.work_order.as_deref(),
                conduit: one.conduit.as_deref(),
            };
            self.hear(one.community_id.as_deref(), &said);
        }
        for one in &facts.remote_sessions {
            let said = Said::Session {
                uid: one.uid,
                protocol: Some(&one.protocol),
                work_order: one.work_order.as_deref(),
            };
            self.hear(one.community_id.as_deref(), &said);
        }
        for one in &facts.carried_files {
            let said = Said::File {
                work_order: one.work_order.as_deref(),
            };
            self.hear(one.community_id.as_deref(), &said);
        }
        for one in &facts.names {
            let said = Said::Name {
                platform: one.platform.as_deref(),
                via: &one.via,
                answers: &one.answers,
            };
            self.hear(one.community_id.as_deref(), &said);
        }
        let snapped = facts.files.iter().filter(|file| file.snapped > 0);
        self.snapped.extend(snapped.map(|file| file.name.as_str()));
    }

    /// The same of a row.
    pub(crate) fn learn_row(&mut self, row: Row<'f>) {
        let said = match row.kind.name {
            "operation" => Said::Operation {
                modifies: row.flag("modifies"),
                operation: row.text("operation").unwrap_or_default(),
                work_order: row.text("work_order"),
                conduit: row.text("conduit"),
            },
            "remote_session" => Said::Session {
                uid: row.uid(),
                protocol: row.text("protocol"),
                work_order: row.text("work_order"),
            },
            "file" => Said::File {
                work_order: row.text("work_order"),
            },
            "name" => Said::Name {
                platform: row.text("platform"),
                via: row.text("via").unwrap_or_default(),
                answers: match row.get("answers") {
                    Value::List(answers) => answers,
                    _ => &[],
                },
            },
            "capture_file" => {
                if matches!(row.get("snapped"), Value::Int(n) if *n > 0) {
                    self.snapped.extend(row.text("name"));
                }
                return;
            }
            _ => return,
        };
        self.hear(row.text("community_id"), &said);
    }

    fn hear(&mut self, community_id: Option<&'f str>, said: &Said<'f>) {
        if let Said::Name {
            platform: Some(platform),
            answers,
            ..
        } = said
        {
            let ips = answers.iter().filter_map(|answer| answer.parse().ok());
            let ips = ips.filter(|ip| is_public(*ip));
            self.platform_ips.extend(ips.map(|ip| (ip, *platform)));
        }
        let Some(id) = community_id.filter(|id| !id.is_empty()) else {
            return;
        };
        let hasher = &self.hasher;
        let entry = self.carried.entry(
            hasher.hash_one(id),
            |(known, _)| *known == id,
            |(known, _)| hasher.hash_one(known),
        );
        let mut entry = entry.or_insert_with(|| (id, Carried::default()));
        let (_, entry) = entry.get_mut();
        let order = |known: &mut Option<&'f str>, order: Option<&'f str>| *known = known.or(order);
        match *said {
            Said::Operation {
                modifies,
                operation,
                work_order,
                conduit,
            } => {
                let allowed = work_order.is_some() || conduit.is_some();
                let login = operation == Verb::Authenticate.name();
                entry.unauthorised |= modifies && !login && !allowed;
                entry.manages |= operation == Verb::Diagnose.name() && !allowed;
                order(&mut entry.work_order, work_order);
            }
            Said::Session {
                uid,
                protocol,
                work_order,
            } => {
                if uid != Uid::default() {
                    entry.sessions.insert(uid);
                }
                order(&mut entry.session, protocol);
                order(&mut entry.work_order, work_order);
            }
            Said::File { work_order } => order(&mut entry.work_order, work_order),
            Said::Name { platform, via, .. } => {
                if matches!(via, "tls-sni" | "http-host" | "socks") {
                    order(entry.platform.get_or_insert(None), platform);
                }
            }
        }
    }

    /// Whether frames of that capture are shortened.
    pub(crate) fn is_snapped(&self, capture: &str) -> bool {
        self.snapped.contains(capture)
    }

    pub(crate) fn carried(&self, community_id: Option<&str>) -> Option<&Carried<'f>> {
        let id = community_id.filter(|id| !id.is_empty() && !self.carried.is_empty())?;
        let hash = self.hasher.hash_one(id);
        let known = self.carried.find(hash, |(known, _)| *known == id);
        known.map(|(_, carried)| carried)
    }
}

/// An answer that names a host of the terminal itself (a sinkhole, a split-horizon resolver) says nothing of a platform.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            !ip.is_private() && !ip.is_loopback() && !ip.is_unspecified() && !ip.is_link_local()
        }
        IpAddr::V6(ip) => {
            !ip.is_loopback() && !ip.is_unspecified() && (ip.segments()[0] & 0xfe00) != 0xfc00
        }
    }
}
