//! Operations: who asked what of whom, and which work order and conduit allow it.
//!
//! A counted row stands for all its repetitions: work orders must hold from the first to the last. Both limits of a
//! work order belong to it.

use facts::kinds::{Conversation, Operation, Verb};
use facts::site::{Allowed, Conduit, Near, Service, Site, Who, WorkKind, WorkOrder};
use facts::{Address, Time};
use hashbrown::{HashMap, HashSet};

use super::conversations::unfit;
use super::ends::Ends;
use super::others::text;
use crate::threads;

/// Operations for which a thread is worth it.
const LEAST: usize = 5_000;

/// Fills the judged columns.
pub(super) fn fill<'c>(
    operations: &mut [Operation],
    carriers: impl Iterator<Item = &'c Conversation>,
    ends: &Ends<'_>,
) {
    let carriers = Carriers::gather(operations, carriers);
    let make = ends.maker();
    threads::in_shares(operations, LEAST, |_, share| {
        fill_share(share, &carriers, &mut make());
    });
}

fn fill_share(operations: &mut [Operation], carriers: &Carriers<'_>, ends: &mut Ends<'_>) {
    let site = ends.places.site;
    for one in operations {
        let mut source = ends.at(one.source, one.source_mac, one.vlan);
        let carrier = carriers.of(one);
        // Where the target was asked for by name, its address is that of a proxy.
        let led = carrier.filter(|carrier| {
            carrier.server == one.target
                && carrier.protocol.as_deref() == Some(one.protocol.as_str())
        });
        let mut target = led
            .and_then(|carrier| ends.led_to(carrier))
            .unwrap_or_else(|| ends.at(one.target, one.target_mac, one.vlan));
        ends.by_names((one.source, &mut source), (one.target, &mut target));
        one.modifies = one.operation.modifies();
        one.crane = target
            .who
            .asset
            .and_then(|index| site.assets.get(index)?.crane.clone())
            .or_else(|| site.zones.get(target.who.zone?)?.crane.clone());

        let work = WorkKind::Operation(one.operation);
        let asked = |first, last| order_for(site, &source.who, &target.who, work, first, last);
        let order = asked(one.time, one.last).or_else(|near| match one.count {
            // Twice is at the first and at the last, each of which may have its own order.
            2 => asked(one.last, one.last).and_then(|_| asked(one.time, one.time)),
            _ => Err(near),
        });
        // Whoever fetches a file carries it the other way.
        let order = order.or_else(|near| match one.operation {
            Verb::FileRead => {
                let (from, to) = (&target.who, &source.who);
                order_for(site, from, to, WorkKind::File, one.time, one.last).map_err(|_| near)
            }
            _ => Err(near),
        });
        let by_conduit = |first, last| {
            conduit(
                site,
                (&one.protocol, one.operation),
                (first, last),
                carrier,
                &source.who,
                &target.who,
            )
        };
        let conduit = by_conduit(one.time, one.last).or_else(|| match one.count {
            2 => by_conduit(one.last, one.last).and_then(|_| by_conduit(one.time, one.time)),
            _ => None,
        });
        one.conduit = conduit.map(|conduit| conduit.name.clone());
        one.reason = match (&order, conduit) {
            (Err(near), None) => Some(
                out_of_time(site, one, carrier, &source.who, &target.who)
                    .or_else(|| near.as_ref().map(Near::to_string))
                    .unwrap_or_else(|| {
                        "no work order names source or target, and no conduit allows the operation"
                            .to_owned()
                    }),
            ),
            _ => None,
        };
        one.work_order = order.ok();
        (one.source_asset, one.source_zone) = (Some(source.asset.to_string()), text(&source.zone));
        (one.target_asset, one.target_zone) = (Some(target.asset.to_string()), text(&target.zone));
    }
}

/// The number of the first work order that names source and target, allows the work and holds from `first` to `last`, or
/// of the first of those that do so one after the other; else the nearest.
pub(super) fn order_for(
    site: &Site,
    source: &Who,
    target: &Who,
    work: WorkKind,
    first: Time,
    last: Time,
) -> Result<String, Option<Near>> {
    let allows = |order: &WorkOrder| order.allows(work);
    let asked = |at| site.work_order_for(source, target, work, at);
    if let Some(bare) = site.without_order(source, target, allows, first, last) {
        // An order belongs to its last moment still.
        let at = if bare > first {
            bare.plus_secs(1).min(last)
        } else {
            first
        };
        return Err(asked(at).err().flatten());
    }
    let covers =
        |ends: &[facts::site::End], who: &Who| ends.iter().any(|end| site.end_covers(end, who));
    let whole = site.work_orders_at(first).find(|order| {
        order.is_valid_at(last)
            && allows(order)
            && covers(&order.sources, source)
            && covers(&order.targets, target)
    });
    whole
        .map_or_else(|| asked(first), Ok)
        .map(|order| order.id.clone())
}

/// What carried an operation: a service may name its port or EtherType.
struct Carriers<'a> {
    by_id: HashMap<&'a str, &'a Conversation>,
    by_ends: HashMap<(Address, Address), &'a Conversation>,
}

impl<'a> Carriers<'a> {
    fn gather(
        operations: &[Operation],
        conversations: impl Iterator<Item = &'a Conversation>,
    ) -> Carriers<'a> {
        let wanted: HashSet<&str> = operations
            .iter()
            .filter_map(|one| one.community_id.as_deref())
            .collect();
        let mut carriers = Carriers {
            by_id: HashMap::new(),
            by_ends: HashMap::new(),
        };
        for one in conversations {
            match one.community_id.as_deref() {
                // Only the port and the transport matter, and those are the same for the same id.
                Some(id) if wanted.contains(id) => {
                    carriers.by_id.insert(id, one);
                }
                None if one.protocol.is_some() => {
                    carriers.by_ends.insert((one.client, one.server), one);
                }
                Some(_) | None => {}
            }
        }
        carriers
    }

    fn of(&self, one: &Operation) -> Option<&'a Conversation> {
        let by_ends = || {
            let forth = self.by_ends.get(&(one.source, one.target));
            forth.or_else(|| self.by_ends.get(&(one.target, one.source)))
        };
        match &one.community_id {
            Some(id) => self.by_id.get(id.as_str()).copied(),
            None => by_ends()
                .filter(|carrier| carrier.protocol.as_deref() == Some(one.protocol.as_str()))
                .copied(),
        }
    }
}

/// The conduit that allows the operation: one that names it or its class before one that allows it with its protocol.
pub(super) fn conduit<'s>(
    site: &'s Site,
    (protocol, operation): (&str, Verb),
    (first, last): (Time, Time),
    carrier: Option<&Conversation>,
    source: &Who,
    target: &Who,
) -> Option<&'s Conduit> {
    let mut by_protocol = None;
    for conduit in site.conduits_for(source, target) {
        let how = how_far(conduit, (protocol, operation), carrier);
        if how == Allowed::No || unfit(site, conduit, source, target, first, last).is_some() {
            continue;
        }
        if how == Allowed::Named {
            return Some(conduit);
        }
        by_protocol = by_protocol.or(Some(conduit));
    }
    by_protocol
}

/// How far the services of a conduit allow an operation, whenever that is.
fn how_far(
    conduit: &Conduit,
    (protocol, operation): (&str, Verb),
    carrier: Option<&Conversation>,
) -> Allowed {
    let allows = |service: &Service| match service {
        Service::Port { .. } | Service::EtherType(_)
            if !carrier.is_some_and(|on| {
                service.covers_flow(None, None, None, &on.transport, on.server_port)
            }) =>
        {
            Allowed::No
        }
        _ => service.covers_operation(protocol, operation),
    };
    let services = conduit.services.iter();
    services.map(allows).max().unwrap_or(Allowed::No)
}

/// The conduit that would allow the operation at another time, and why it does not at this one: nearer than a work order
/// that names others.
fn out_of_time(
    site: &Site,
    one: &Operation,
    carrier: Option<&Conversation>,
    source: &Who,
    target: &Who,
) -> Option<String> {
    let asked = (one.protocol.as_str(), one.operation);
    let mut conduits = site.conduits_for(source, target);
    conduits.find_map(|conduit| {
        let is_over = conduit.valid_until.is_some_and(|until| one.last > until)
            || conduit.valid_from.is_some_and(|from| one.time < from);
        let fits = is_over && how_far(conduit, asked, carrier) != Allowed::No;
        fits.then(|| unfit(site, conduit, source, target, one.time, one.last))?
            .map(|unfit| unfit.why)
    })
}
