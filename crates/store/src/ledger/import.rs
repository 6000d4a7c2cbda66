//! Another ledger's export, brought into this one.
//!
//! Into an empty ledger it goes byte by byte. Into one with entries it goes record by record: what this ledger knows is
//! passed over, what follows on what it knows is added, and where both went on by themselves nothing is imported at all.
//! So importing twice is importing once, and the order of two exports of the same ledger does not matter.
use std::collections::BTreeMap;

use facts::records::BY_JUDGING;

use super::book::Book;
use super::entry::{Draft, Entry, Origin};
use super::replacing;

/// What an import would do.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Indexes of the entries to add, in order.
    pub(super) add: Vec<usize>,
    /// Records that both know alike.
    pub(super) known: usize,
    /// Records on which both went on by themselves, a sentence each.
    pub(super) conflicts: Vec<String>,
}

pub(super) fn plan(ours: &Book, theirs: &Book) -> Plan {
    let mut records: BTreeMap<(&str, &str), Vec<(usize, Entry<'_>)>> = BTreeMap::new();
    for (index, entry) in theirs.entries().enumerate() {
        let record = records.entry((entry.kind, entry.id)).or_default();
        record.push((index, entry));
    }
    let mut own: BTreeMap<(&str, &str), Vec<Entry<'_>>> = BTreeMap::new();
    for entry in ours.entries() {
        let name = (entry.kind, entry.id);
        if records.contains_key(&name) {
            own.entry(name).or_default().push(entry);
        }
    }
    let mut plan = Plan::default();
    for (name, versions) in &records {
        // The key of the other ledger is its own affair.
        if name.0 == replacing::KIND {
            plan.known += 1;
            continue;
        }
        // What each installation judged of the same wire may differ, and no one is asked to choose: ours stays.
        if BY_JUDGING.contains(&name.0) && own.contains_key(name) {
            plan.known += 1;
            continue;
        }
        let own = own.get(name).map(Vec::as_slice).unwrap_or_default();
        let (Some(here), Some((_, there))) = (own.last(), versions.last()) else {
            plan.add.extend(versions.iter().map(|(index, _)| *index));
            continue;
        };
        let same =
            |(ours, theirs): (&Entry<'_>, &(usize, Entry<'_>))| ours.says_the_same(&theirs.1);
        let together = own.iter().zip(versions).all(same);
        // Histories may differ and yet meet: we stand where they once stood, or the other way round.
        let stood = versions
            .iter()
            .rposition(|(_, version)| version.says_the_same(here));
        let passed = own.iter().any(|version| version.says_the_same(there));
        let follows = match (together, stood) {
            _ if here.says_the_same(there) => None,
            (true, _) if versions.len() > own.len() => Some(own.len()),
            (true, _) => None,
            (false, Some(stood)) if !passed => Some(stood + 1),
            _ => None,
        };
        if let Some(follows) = follows {
            let following = versions.iter().skip(follows);
            plan.add.extend(following.map(|(index, _)| *index));
        } else if here.says_the_same(there) || together || (passed && stood.is_none()) {
            plan.known += 1;
        } else {
            plan.conflicts.push(format!(
                "{} {}: here version {} by {}, there version {} by {}",
                name.0, name.1, here.version, here.by, there.version, there.by
            ));
        }
    }
    plan.add.sort_unstable();
    plan
}

/// An entry of theirs as one to add here. Who recorded it stays its author; `origin` says where it was first.
pub(super) fn draft<'a>(
    entry: &'a Entry<'a>,
    attachments: &'a [super::Attached<'a>],
    means: &'a str,
) -> Draft<'a> {
    Draft {
        kind: entry.kind,
        id: entry.id,
        body: entry.body_text(),
        withdrawn: entry.withdrawn.as_deref(),
        valid_from: entry.valid_from(),
        valid_until: entry.valid_until(),
        attachments,
        by: entry.by,
        means,
        origin: Some(entry.first()),
    }
}

impl<'a> Entry<'a> {
    /// Where it was first: its own origin, if it has one.
    fn first(&self) -> Origin<'a> {
        self.origin.unwrap_or_else(|| self.as_origin())
    }
}
