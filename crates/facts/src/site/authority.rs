//! Who allowed this: conduits and work orders between two ends.
use std::fmt;
use std::net::IpAddr;

use super::{Conduit, End, Site, WorkOrder};
use crate::Time;
use crate::kinds::Verb;

/// What the site knows of one end of a conversation; see [`Site::who`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Who {
    /// Index of the asset; `None` where the site names none of that address.
    pub asset: Option<usize>,
    /// Index of the zone; `None` where no subnet and no VLAN of the site holds it.
    pub zone: Option<usize>,
    /// Index of the third party that holds the address, by the longest prefix, or that was found to be it by name.
    pub party: Option<usize>,
    /// `None` for an end that has only a MAC address.
    pub ip: Option<IpAddr>,
}

/// What a work order is asked to allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkKind {
    /// An operation on a device.
    Operation(Verb),
    /// A session of remote access.
    RemoteSession,
    /// A file that is carried.
    File,
}

impl fmt::Display for WorkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WorkKind::Operation(verb) => verb.fmt(f),
            WorkKind::RemoteSession => f.write_str("remote-session"),
            WorkKind::File => f.write_str("file"),
        }
    }
}

/// The work order that comes nearest, and what does not fit: `WO-7 allows stop, start, not program-download`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Near {
    /// Index of the work order.
    pub order: usize,
    /// The work order's own number.
    pub id: String,
    /// What does not fit, to stand after the number.
    pub why: String,
}

impl fmt::Display for Near {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id, self.why)
    }
}

impl Conduit {
    /// Whether the conduit is in force at that time, work orders aside.
    pub fn is_valid_at(&self, at: Time) -> bool {
        self.valid_from.is_none_or(|from| from <= at)
            && self.valid_until.is_none_or(|until| at <= until)
    }
}

impl WorkOrder {
    /// Whether the work is among what it allows, ends and time aside.
    pub fn allows(&self, work: WorkKind) -> bool {
        match work {
            // Whoever may carry a file may write it where it is to be, and read it where it is.
            WorkKind::Operation(verb @ (Verb::FileRead | Verb::FileWrite)) => {
                self.file || self.operations.contains(&verb)
            }
            WorkKind::Operation(verb) => self.operations.contains(&verb),
            WorkKind::RemoteSession => self.remote_session,
            WorkKind::File => self.file,
        }
    }

    /// Whether the work order is in force at that time; both limits belong to it.
    pub fn is_valid_at(&self, at: Time) -> bool {
        self.from <= at && at <= self.until
    }

    /// Everything allowed, as the site file writes it.
    fn allowed(&self) -> String {
        let verbs = self.operations.iter().map(|verb| verb.name());
        let session = self.remote_session.then_some("remote-session");
        verbs
            .chain(session)
            .chain(self.file.then_some("file"))
            .collect::<Vec<_>>()
            .join(", ")
    }
}

impl Site {
    /// Whether an end of a conduit or work order covers someone. A zone covers what is in it, by address or VLAN, or by the
    /// interfaces of the asset where neither is known; a party covers its addresses, and whoever was found to be it by name.
    pub fn end_covers(&self, end: &End, who: &Who) -> bool {
        match end {
            End::Asset(index) => who.asset == Some(*index),
            End::Zone(index) => self.zones_of(who).contains(index),
            End::Party(index) => {
                who.party == Some(*index)
                    || who.ip.is_some_and(|ip| {
                        self.parties.get(*index).is_some_and(|party| {
                            party.addresses.iter().any(|net| net.contains(&ip))
                        })
                    })
            }
            End::Net(net) => who.ip.is_some_and(|ip| net.contains(&ip)),
        }
    }

    fn zones_of<'w>(&'w self, who: &'w Who) -> &'w [usize] {
        match (&who.zone, who.asset) {
            (Some(zone), _) => std::slice::from_ref(zone),
            (None, Some(asset)) if who.ip.is_none() => self.zones_of_asset(asset),
            (None, _) => &[],
        }
    }

    fn covers(&self, ends: &[End], who: &Who) -> bool {
        ends.iter().any(|end| self.end_covers(end, who))
    }

    /// The conduits whose ends cover both, in the order of the site. Service, time and work order are still to be asked.
    pub fn conduits_for<'s>(
        &'s self,
        from: &Who,
        to: &Who,
    ) -> impl Iterator<Item = &'s Conduit> + use<'s> {
        let (from, to) = (*from, *to);
        let tables = self.tables();
        let words = 0..self.conduits.len().div_ceil(64);
        let candidates = words.flat_map(move |word| {
            let asking = tables.from.candidates(
                word,
                from.asset,
                self.zones_of(&from),
                from.party,
                from.ip.is_some(),
            );
            let asked = tables.to.candidates(
                word,
                to.asset,
                self.zones_of(&to),
                to.party,
                to.ip.is_some(),
            );
            bits(asking & asked).map(move |bit| 64 * word + bit)
        });
        candidates
            .filter_map(|index| self.conduits.get(index))
            .filter(move |conduit| {
                self.covers(&conduit.from, &from) && self.covers(&conduit.to, &to)
            })
    }

    /// Since when, from `first` to `last`, no work order is in force that names source and target and of which `fits` holds;
    /// `None` where one holds throughout, or several that follow on one another.
    pub fn without_order(
        &self,
        source: &Who,
        target: &Who,
        fits: impl Fn(&WorkOrder) -> bool,
        first: Time,
        last: Time,
    ) -> Option<Time> {
        let until = |at: Time| {
            let fitting = self.work_orders_at(at).filter(|order| {
                fits(order)
                    && self.covers(&order.sources, source)
                    && self.covers(&order.targets, target)
            });
            fitting.map(|order| order.until).max()
        };
        // Each step goes to the end of the order that holds longest, so that there are no more steps than orders.
        let mut now = until(first).ok_or(first);
        while let Ok(end) = now {
            if end >= last {
                return None;
            }
            // Whoever writes whole seconds ends one order at 09:59:59 and begins the next at 10:00:00.
            let next = until(end.plus_secs(1)).or_else(|| until(end));
            now = next.filter(|next| *next > end).ok_or(end);
        }
        now.err()
    }

    /// The work orders in force at that time, in the order of the site.
    pub fn work_orders_at(&self, at: Time) -> impl Iterator<Item = &WorkOrder> {
        let orders = self.tables().orders.at(at);
        orders
            .filter_map(|index| self.work_orders.get(index))
            .filter(move |order| order.is_valid_at(at))
    }

    /// The first work order that names source and target, allows the work, and is in force at that time.
    ///
    /// # Errors
    /// The work order that comes nearest; nothing where none names either end.
    pub fn work_order_for(
        &self,
        source: &Who,
        target: &Who,
        work: WorkKind,
        at: Time,
    ) -> Result<&WorkOrder, Option<Near>> {
        let fits = |order: &&WorkOrder| {
            order.allows(work)
                && self.covers(&order.sources, source)
                && self.covers(&order.targets, target)
        };
        if let Some(order) = self.work_orders_at(at).find(fits) {
            return Ok(order);
        }
        let mut nearest: Option<((u8, i64), usize, &WorkOrder)> = None;
        for (index, order) in self.work_orders.iter().enumerate() {
            let (by, to) = (
                self.covers(&order.sources, source),
                self.covers(&order.targets, target),
            );
            let (allows, in_force) = (order.allows(work), order.is_valid_at(at));
            let rank = match (by, to, allows, in_force) {
                (true, true, true, _) => 0,
                (true, true, false, true) => 1,
                (true, true, false, false) => 2,
                (false, true, true, true) => 3,
                (true, false, true, true) => 4,
                (false, true, ..) => 5,
                (true, false, ..) => 6,
                (false, false, ..) => continue,
            };
            let away = order.from.since(at).max(at.since(order.until)).max(0);
            if nearest.is_none_or(|(best, ..)| (rank, away) < best) {
                nearest = Some(((rank, away), index, order));
            }
        }
        Err(nearest.map(|(_, index, order)| Near {
            order: index,
            id: order.id.clone(),
            why: self.misfit(order, source, target, work, at),
        }))
    }

    /// What of a work order does not fit, in words that follow its number.
    fn misfit(
        &self,
        order: &WorkOrder,
        source: &Who,
        target: &Who,
        work: WorkKind,
        at: Time,
    ) -> String {
        let time = if at > order.until {
            format!("ended at {}", order.until.local(&self.time_zone))
        } else {
            format!(
                "does not begin before {}",
                order.from.local(&self.time_zone)
            )
        };
        match (
            self.covers(&order.sources, source),
            self.covers(&order.targets, target),
        ) {
            (true, true) => match (order.allows(work), order.is_valid_at(at)) {
                (true, _) => format!("names source and target but {time}"),
                (false, true) => format!("allows {}, not {work}", order.allowed()),
                (false, false) => format!("allows {}, not {work}, and {time}", order.allowed()),
            },
            (false, _) => format!(
                "names {} as target, but not {} as source",
                self.called(target),
                self.called(source)
            ),
            (true, false) => {
                format!(
                    "names {} as source, but not {} as target",
                    self.called(source),
                    self.called(target)
                )
            }
        }
    }

    fn called(&self, who: &Who) -> String {
        let asset = who
            .asset
            .and_then(|index| self.assets.get(index))
            .map(|asset| asset.name.clone());
        let party = || {
            who.party
                .and_then(|index| self.parties.get(index))
                .map(|party| party.name.clone())
        };
        asset
            .or_else(|| who.ip.map(|ip| ip.to_string()))
            .or_else(party)
            .unwrap_or_else(|| "this device".to_owned())
    }
}

/// Places of the bits that are set, from the lowest on.
fn bits(word: u64) -> impl Iterator<Item = usize> {
    let mut left = word;
    std::iter::from_fn(move || {
        let lowest = (left != 0).then(|| left.trailing_zeros() as usize);
        left &= left.wrapping_sub(1);
        lowest
    })
}
