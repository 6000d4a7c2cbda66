//! Files: who sent what to whom, whether it came into the crane network, and by whose leave.
//!
//! A file is carried because someone asked for it or put it there. A work order counts whether it names the sender and the
//! receiver or who asked and who was asked; a conduit stands between those who asked and were asked.
//!
//! What a gate released, by hash, is not known here yet: it will be a judged column beside `gate`.

use facts::kinds::{Conversation, File, Verb};
use facts::site::{Near, Role, Site, Who, WorkKind};
use facts::{Address, Time};
use hashbrown::{HashMap, HashSet};

use super::ends::Ends;
use super::operations::{conduit, order_for};
use super::others::text;

/// Fills the judged columns.
/// `carriers` are those of the conversations that carried a fact by its community ID.
pub(super) fn fill<'c>(
    files: &mut [File],
    conversations: &'c [Conversation],
    carriers: impl Iterator<Item = &'c Conversation>,
    ends: &mut Ends<'_>,
) {
    let site = ends.places.site;
    let carriers = Carriers::gather(files, conversations, carriers);
    for one in files {
        let mut source = ends.at(one.source, one.source_mac, one.vlan);
        let mut target = ends.at(one.target, one.target_mac, one.vlan);
        let upload = one.direction == "upload";
        // Who was asked by name stands behind the proxy whose address is seen.
        if let Some(end) = ends.named(one.asked_for.as_deref()) {
            *(if upload { &mut target } else { &mut source }) = end;
        }
        let sender = (one.source, &mut source);
        let receiver = (one.target, &mut target);
        if upload {
            ends.by_names(sender, receiver);
        } else {
            ends.by_names(receiver, sender);
        }
        let verb = if upload {
            Verb::FileWrite
        } else {
            Verb::FileRead
        };
        let (asker, asked) = if upload {
            (&source.who, &target.who)
        } else {
            (&target.who, &source.who)
        };
        one.crane = crane(site, &target.who);
        one.enters = is_crane(site, &target.who) && !is_crane(site, &source.who);
        one.gate = source.who.asset.and_then(|index| {
            let asset = site.assets.get(index)?;
            (asset.role == Role::TransferGate).then(|| asset.name.clone())
        });

        let span = (one.time, one.last);
        let order = order(site, (&source.who, &target.who), (asker, asked), verb, span);
        let carrier = carriers.of(one);
        let held = conduit(site, (&one.protocol, verb), span, carrier, asker, asked);
        one.conduit = held.map(|conduit| conduit.name.clone());
        one.reason = match (&order, held) {
            (Err(near), None) if one.gate.is_none() => Some(near.as_ref().map_or_else(
                || {
                    "no work order names sender and receiver, and no conduit allows files by it"
                        .to_owned()
                },
                Near::to_string,
            )),
            _ => None,
        };
        one.work_order = order.ok();
        (one.source_asset, one.source_zone) = (Some(source.asset.to_string()), text(&source.zone));
        (one.target_asset, one.target_zone) = (Some(target.asset.to_string()), text(&target.zone));
    }
}

/// The work order that allows files between the two, or the very operation by which one was carried; else the nearest.
fn order(
    site: &Site,
    (from, to): (&Who, &Who),
    (asker, asked): (&Who, &Who),
    verb: Verb,
    (first, last): (Time, Time),
) -> Result<String, Option<Near>> {
    let nearest = match order_for(site, from, to, WorkKind::File, first, last) {
        Ok(order) => return Ok(order),
        Err(nearest) => nearest,
    };
    order_for(site, asker, asked, WorkKind::File, first, last)
        .or_else(|_| order_for(site, asker, asked, WorkKind::Operation(verb), first, last))
        .map_err(|_| nearest)
}

fn crane(site: &Site, who: &Who) -> Option<String> {
    who.asset
        .and_then(|index| site.assets.get(index)?.crane.clone())
        .or_else(|| site.zones.get(who.zone?)?.crane.clone())
}

/// Of the crane network, by its zone; one of no zone by its crane.
fn is_crane(site: &Site, who: &Who) -> bool {
    match who.zone.and_then(|index| site.zones.get(index)) {
        Some(zone) => zone.kind.is_crane(),
        None => crane(site, who).is_some(),
    }
}

/// What carried a file: a service may name its port. A data channel has one of its own, so there that of the connection which
/// announced it counts.
struct Carriers<'a> {
    by_id: HashMap<&'a str, &'a Conversation>,
    by_ends: HashMap<(Address, Address, &'a str), &'a Conversation>,
}

impl<'a> Carriers<'a> {
    fn gather(
        files: &[File],
        conversations: &'a [Conversation],
        by_id: impl Iterator<Item = &'a Conversation>,
    ) -> Carriers<'a> {
        let mut carriers = Carriers {
            by_id: HashMap::new(),
            by_ends: HashMap::new(),
        };
        if files.is_empty() {
            return carriers;
        }
        for one in by_id.filter(|one| one.protocol.is_some()) {
            if let Some(id) = one.community_id.as_deref() {
                carriers.by_id.insert(id, one);
            }
        }
        let asked: HashSet<_> = files.iter().map(asked).collect();
        for one in conversations.iter().filter(|one| one.parent.is_none()) {
            let Some(protocol) = one.protocol.as_deref() else {
                continue;
            };
            let ends = (one.client, one.server, protocol);
            if asked.contains(&ends) {
                carriers.by_ends.insert(ends, one);
            }
        }
        carriers
    }

    fn of(&self, one: &File) -> Option<&'a Conversation> {
        let by_id = || self.by_id.get(one.community_id.as_deref()?).copied();
        if let Some(on) = by_id().filter(|on| on.parent.is_none()) {
            return Some(on);
        }
        self.by_ends.get(&asked(one)).copied()
    }
}

/// Who asked whom for the file, and by which protocol.
fn asked(one: &File) -> (Address, Address, &str) {
    match one.direction.as_str() {
        "upload" => (one.source, one.target, &one.protocol),
        _ => (one.target, one.source, &one.protocol),
    }
}
