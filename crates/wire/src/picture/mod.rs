//! The picture: everything observed so far, keyed so that repetition counts instead of growing.
//!
//! Each table has a limit ([`Limits`]) and counts what it had to leave out. Two pictures of two workers merge into the one
//! that a single worker would have drawn: every key adds up, the earliest time gives the evidence.
pub(crate) mod clocks;
mod limits;
mod merge;
mod rows;
mod table;
mod vlans;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU64;

use facts::kinds::{File, Operation, Outcome, RemoteSession, Verb};
use facts::{Address, Evidence, Grade, Mac, Time};
use hashbrown::HashMap;

use crate::flow::Summary;
use crate::protocols::carried::Budget;

pub(crate) use limits::ANSWERS;
pub use limits::Limits;
pub(crate) use rows::Moment;
use table::Table;
pub use vlans::Vlan;
use vlans::Vlans;

/// When and how often, and the frames that show it first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// Time of the earliest sighting, in whatever order they came.
    pub first: Time,
    /// Time of the latest sighting.
    pub last: Time,
    /// Sightings, the first one counted.
    pub count: u64,
    /// The frames that show it first.
    pub evidence: Evidence,
}

impl Tally {
    /// One sighting, of those frames of one capture.
    pub fn new(now: Time, capture: u32, frames: &[u32]) -> Tally {
        let mut evidence = Evidence::default();
        for frame in frames {
            evidence.add(capture, *frame);
        }
        Tally {
            first: now,
            last: now,
            count: 1,
            evidence,
        }
    }

    /// Adds frames to the evidence; those of an earlier capture take its place, as when pictures merge.
    pub(crate) fn cite(&mut self, capture: u32, frames: &[u32]) {
        if self.evidence.capture.is_some_and(|home| capture < home) {
            self.evidence = Evidence::default();
        }
        for frame in frames {
            self.evidence.add(capture, *frame);
        }
    }

    /// One more sighting; its frames are added while there is room.
    pub fn again(&mut self, now: Time, capture: u32, frames: &[u32]) {
        self.first = self.first.min(now);
        self.last = self.last.max(now);
        self.count += 1;
        self.cite(capture, frames);
    }
}

/// A row of operations, to count a repetition on. Numbers run on for the life of a worker, from 1, so that one whose row
/// was handed on ([`Worker::take`](crate::Worker::take)) names no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OpId(NonZeroU64);

/// Who reports traffic of whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ReportedKey {
    pub exporter: IpAddr,
    pub address: IpAddr,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct AddressKey {
    pub mac: Option<Mac>,
    pub ip: Option<IpAddr>,
    pub vlan: Option<u16>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct AddressRow {
    pub tally: Tally,
    pub claimed: bool,
    pub hops: Option<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct IdentityKey {
    pub mac: Option<Mac>,
    pub ip: Option<IpAddr>,
    pub vlan: Option<u16>,
    pub attribute: &'static str,
    pub value: String,
    pub source: &'static str,
    pub grade: Grade,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NameKey {
    pub client: Address,
    pub server: Address,
    pub vlan: Option<u16>,
    pub name: String,
    pub via: &'static str,
    pub path: Option<String>,
    /// Connections stay apart (each has its bytes); look-ups of the same name add up.
    pub community_id: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct NameRow {
    pub tally: Tally,
    pub client_mac: Option<Mac>,
    pub answers: Vec<String>,
    pub answered: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct CredentialKey {
    pub protocol: &'static str,
    pub client: Address,
    pub server: Address,
    pub asked_for: Option<Box<str>>,
    pub vlan: Option<u16>,
    pub what: &'static str,
    pub user: Option<String>,
    pub is_default: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CertificateKey {
    pub client: Address,
    pub server: Address,
    pub server_port: Option<u16>,
    pub vlan: Option<u16>,
    pub asked_for: Option<Box<str>>,
    pub by_client: bool,
    pub sha256: [u8; 32],
}

/// A certificate as it says, and how often it was shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct CertificateRow {
    pub says: Option<Box<Says>>,
    pub tally: Tally,
}

/// What follows from the certificate itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Says {
    pub sha1: [u8; 20],
    pub version: Option<u64>,
    pub serial: Option<String>,
    pub subject: Option<String>,
    pub issuer: Option<String>,
    pub not_before: Option<String>,
    pub not_after: Option<String>,
    pub names: Vec<String>,
    pub key_algorithm: Option<String>,
    pub key_bits: Option<u64>,
    pub curve: Option<String>,
    pub signature: Option<String>,
    pub is_ca: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RouteKey {
    pub via: &'static str,
    pub mac: Option<Mac>,
    pub ip: Option<IpAddr>,
    pub vlan: Option<u16>,
    pub to_vlan: Option<u16>,
    pub gateway: Option<IpAddr>,
    pub detail: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct OddityKey {
    pub what: &'static str,
    pub source: Option<Address>,
    pub target: Option<Address>,
    pub vlan: Option<u16>,
    pub detail: Option<String>,
}

/// Cyclic operations with the same key are one row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct CyclicKey {
    source: Address,
    target: Address,
    /// Of source and target: devices may share an address.
    macs: [Option<Mac>; 2],
    vlan: Option<u16>,
    protocol: &'static str,
    verb: Verb,
    object: Option<String>,
    detail: Option<String>,
    outcome: Option<Outcome>,
}

/// Pages with the same key are one row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct PageKey {
    source: Address,
    target: Address,
    vlan: Option<u16>,
    protocol: String,
    direction: String,
    path: Option<String>,
    sha256: Option<String>,
    complete: bool,
    user: Option<String>,
    outcome: Option<Outcome>,
    asked_for: Option<String>,
}

/// What frames were, by capture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frames {
    /// Frames whose link layer was read, copies among them.
    pub total: u64,
    /// Frames that are copies of others, seen at the same place within a moment.
    pub copies: u64,
    /// Frames of a link type that is not decoded.
    pub undecoded: u64,
    /// Frames whose protocol has no name here: by EtherType, LLC or port.
    pub unclassified: u64,
}

/// Everything observed so far.
#[derive(Default)]
pub struct Picture {
    pub(crate) addresses: Table<AddressKey, AddressRow>,
    pub(crate) identities: HashMap<IdentityKey, Tally>,
    pub(crate) names: Table<NameKey, NameRow>,
    pub(crate) credentials: HashMap<CredentialKey, Tally>,
    pub(crate) certificates: HashMap<CertificateKey, CertificateRow>,
    pub(crate) routes: HashMap<RouteKey, Tally>,
    pub(crate) oddities: HashMap<OddityKey, Tally>,
    /// Addresses of which somebody else reports traffic.
    pub(crate) reported: HashMap<ReportedKey, Tally>,
    operations: Vec<Operation>,
    /// Operations of this worker that were handed on before.
    told: u64,
    cyclic: HashMap<CyclicKey, OpId>,
    pub(crate) files: Vec<File>,
    pages: HashMap<PageKey, usize>,
    pub(crate) clocks: clocks::Clocks,
    /// What the flows of the worker keep of files under way.
    pub(crate) budget: Budget,
    pub(crate) conversations: Vec<Summary>,
    pub(crate) sessions: Vec<RemoteSession>,
    pub(crate) frames: BTreeMap<u32, Frames>,
    pub(crate) vlans: Vlans,
    /// What did not fit, by table.
    pub(crate) left_out: BTreeMap<&'static str, u64>,
    pub(crate) limits: Limits,
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Picture")
            .field("conversations", &self.conversations.len())
            .finish_non_exhaustive()
    }
}

/// Counts on the row of `key`, or adds it while `table` has room; `None` when it has not.
pub(crate) fn row<'a, K: std::hash::Hash + Eq, V: Default>(
    table: &'a mut HashMap<K, V>,
    key: K,
    name: &'static str,
    limit: usize,
    left_out: &mut BTreeMap<&'static str, u64>,
) -> Option<&'a mut V> {
    if table.len() >= limit && !table.contains_key(&key) {
        *left_out.entry(name).or_default() += 1;
        return None;
    }
    Some(table.entry(key).or_default())
}

impl Picture {
    pub(crate) fn new(limits: Limits) -> Picture {
        Picture {
            limits,
            ..Picture::default()
        }
    }

    /// Everything observed so far; what follows is drawn on an empty picture.
    pub(crate) fn take(&mut self) -> Picture {
        let told = self.clocks.take_news(self.limits.clocks);
        let clocks = std::mem::replace(&mut self.clocks, told);
        let next = Picture {
            clocks,
            told: self.told + self.operations.len() as u64,
            budget: self.budget.clone(),
            ..Picture::new(self.limits)
        };
        std::mem::replace(self, next)
    }

    /// The row that `id` names, if it is still here.
    fn operation_at(&mut self, id: OpId) -> Option<&mut Operation> {
        let place = id.0.get().checked_sub(self.told + 1)?;
        self.operations.get_mut(usize::try_from(place).ok()?)
    }

    /// Adds an operation as a row, or counts it on its row if it is cyclic. `operation.count` repetitions are added.
    pub(crate) fn operation(
        &mut self,
        operation: Operation,
        protocol: &'static str,
    ) -> Option<OpId> {
        let id = OpId(NonZeroU64::new(
            self.told + self.operations.len() as u64 + 1,
        )?);
        if operation.is_cyclic() {
            let key = CyclicKey {
                source: operation.source,
                target: operation.target,
                macs: [operation.source_mac, operation.target_mac],
                vlan: operation.vlan,
                protocol,
                verb: operation.operation,
                object: operation.object.clone(),
                detail: operation.detail.clone(),
                outcome: operation.outcome,
            };
            if let Some(known) = self.cyclic.get(&key) {
                let known = *known;
                let row = self.operation_at(known)?;
                merge::operation(row, operation);
                return Some(known);
            }
            if self.operations.len() >= self.limits.cyclic_operations() {
                *self.left_out.entry("operations").or_default() += 1;
                return None;
            }
            self.cyclic.insert(key, id);
        } else if self.operations.len() >= self.limits.single_operations(operation.operation) {
            *self.left_out.entry("operations").or_default() += 1;
            return None;
        }
        self.operations.push(operation);
        Some(id)
    }

    /// The same cyclic operation once more; `false` where its row was handed on.
    pub(crate) fn again(&mut self, id: OpId, now: Time, capture: u32, frames: &[u32]) -> bool {
        let Some(row) = self.operation_at(id) else {
            return false;
        };
        row.count += 1;
        row.last = row.last.max(now);
        row.time = row.time.min(now);
        if row.evidence.frames.len() < Evidence::MOST {
            for frame in frames {
                row.evidence.add(capture, *frame);
            }
        }
        true
    }

    /// Adds a file as a row, or counts it on its row if it is a page seen before.
    pub(crate) fn file(&mut self, file: File) {
        if !file.page {
            if self.files.len() >= self.limits.files {
                *self.left_out.entry("files").or_default() += 1;
            } else {
                self.files.push(file);
            }
            return;
        }
        let key = PageKey {
            source: file.source,
            target: file.target,
            vlan: file.vlan,
            protocol: file.protocol.clone(),
            direction: file.direction.clone(),
            path: file.path.clone(),
            sha256: file.sha256.clone(),
            complete: file.complete,
            user: file.user.clone(),
            outcome: file.outcome,
            asked_for: file.asked_for.clone(),
        };
        if let Some(row) = self.pages.get(&key).and_then(|at| self.files.get_mut(*at)) {
            facts::Kind::merge(row, file);
        } else if self.files.len() >= self.limits.pages() {
            *self.left_out.entry("files").or_default() += 1;
        } else {
            self.pages.insert(key, self.files.len());
            self.files.push(file);
        }
    }

    pub(crate) fn conversation(&mut self, conversation: Summary) {
        let room = self.limits.conversations_for(conversation.said());
        if self.conversations.len() >= room {
            *self.left_out.entry("conversations").or_default() += 1;
        } else {
            self.conversations.push(conversation);
        }
    }

    pub(crate) fn session(&mut self, session: RemoteSession) {
        if self.sessions.len() >= self.limits.conversations {
            *self.left_out.entry("remote sessions").or_default() += 1;
        } else {
            self.sessions.push(session);
        }
    }

    pub(crate) fn oddity(&mut self, key: OddityKey, now: Time, capture: u32, frames: &[u32]) {
        if let Some(row) = row(
            &mut self.oddities,
            key,
            "oddities",
            self.limits.oddities,
            &mut self.left_out,
        ) {
            row.count_one(now, capture, frames);
        }
    }

    pub(crate) fn count_frames(&mut self, capture: u32, counts: Frames) {
        let into = self.frames.entry(capture).or_default();
        into.total += counts.total;
        into.copies += counts.copies;
        into.undecoded += counts.undecoded;
        into.unclassified += counts.unclassified;
    }

    /// What did not fit in which table.
    pub fn left_out(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let vlans = Some(("vlans", self.vlans.left_out())).filter(|(_, count)| *count > 0);
        let others = self.left_out.iter().map(|(table, count)| (*table, *count));
        others.chain(vlans)
    }

    /// What the frames of each capture were.
    pub fn frames(&self) -> &BTreeMap<u32, Frames> {
        &self.frames
    }

    /// What each capture showed of each VLAN, by capture and VLAN.
    pub fn vlans(&self) -> Vec<(u32, u16, Vlan)> {
        self.vlans.rows()
    }
}

impl Tally {
    /// Adds what was tallied elsewhere.
    pub(crate) fn take(&mut self, other: Tally) {
        merge::tally(self, other);
    }

    /// Counts on a row that may be new.
    pub(crate) fn count_one(&mut self, now: Time, capture: u32, frames: &[u32]) {
        if self.count == 0 {
            *self = Tally::new(now, capture, frames);
        } else {
            self.again(now, capture, frames);
        }
    }
}
