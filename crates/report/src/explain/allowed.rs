//! Which authorisations were looked at, and why none fits.
//!
//! The verdict was reached when facts were folded; here the same questions are asked of the site once more, to say what came
//! near. Where the two differ, the fact's own `reason` counts: it stands first.
use facts::kinds::{Conversation, Operation};
use facts::site::{Allowed, Conduit, End, Service, Site, Who, WorkKind};
use facts::{Address, Time};
use judge::Subject;

use super::seen::place;
use crate::pick::Picks;

/// Conduits and work orders told, of each way of coming near.
const MOST: usize = 4;

/// An authorisation that was looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Looked {
    /// `work order WO-7`, `conduit 'x' (site.toml:12)`, or what was looked for.
    pub what: String,
    /// Why it does not fit; a full sentence.
    pub why: String,
    /// Whether something could have allowed it.
    pub asks_for_authority: bool,
}

/// What is asked of the site.
struct Asked<'a> {
    from: Who,
    to: Who,
    names: (String, String),
    called: String,
    first: Time,
    last: Time,
    work: Option<WorkKind>,
    reason: Option<&'a str>,
    is_allowed: bool,
    fits: Box<dyn Fn(&Service) -> bool + 'a>,
}

pub(super) fn looked_at(picks: &Picks<'_>, subject: &Subject) -> Vec<Looked> {
    let facts = picks.context.facts;
    let site = picks.context.site;
    // What stands first is what the finding is about; where that is no flow, nothing was to be allowed.
    let asked = subject.evidence.first().and_then(|cited| {
        let (kind, index) = place(cited)?;
        let asked = match kind {
            "operation" => of_operation(site, facts.operations.get(index)?),
            "conversation" => of_conversation(site, facts.conversations.get(index)?),
            "remote_session" => {
                let one = facts.remote_sessions.get(index)?;
                let mut of = facts.conversations.iter();
                of_conversation(site, of.find(|other| other.uid == one.uid)?)
            }
            _ => return None,
        };
        Some(asked)
    });
    let Some(asked) = asked else {
        return Vec::new();
    };
    let mut looked = Vec::new();
    if asked.is_allowed {
        return looked;
    }
    let mut add = |what: String, why: String| {
        looked.push(Looked {
            what,
            why,
            asks_for_authority: true,
        });
    };
    if let Some(reason) = asked.reason {
        let why = format!("{}.", crate::words::capital(reason.trim_end_matches('.')));
        add("nearest".to_owned(), why);
    }
    conduits(site, &asked, &mut add);
    if let Some(work) = asked.work {
        work_orders(site, &asked, work, &mut add);
    }
    looked
}

fn of_operation<'a>(site: &Site, one: &'a Operation) -> Asked<'a> {
    let from = one.source_asset.as_deref();
    let to = one.target_asset.as_deref();
    Asked {
        from: who(site, from, one.source_zone.as_deref(), None, one.source),
        to: who(site, to, one.target_zone.as_deref(), None, one.target),
        names: (called(from, one.source), called(to, one.target)),
        called: format!("{}:{}", one.protocol, one.operation),
        first: one.time,
        last: one.last,
        work: Some(WorkKind::Operation(one.operation)),
        reason: one.reason.as_deref(),
        is_allowed: one.conduit.is_some() || one.work_order.is_some(),
        fits: Box::new(|service| {
            service.covers_operation(&one.protocol, one.operation) != Allowed::No
        }),
    }
}

fn of_conversation<'a>(site: &Site, one: &'a Conversation) -> Asked<'a> {
    let from = one.client_asset.as_deref();
    let to = one.server_asset.as_deref();
    let port = one
        .server_port
        .map_or(String::new(), |port| format!("/{port}"));
    Asked {
        from: who(
            site,
            from,
            one.client_zone.as_deref(),
            one.client_party.as_deref(),
            one.client,
        ),
        to: who(
            site,
            to,
            one.server_zone.as_deref(),
            one.server_party.as_deref(),
            one.server,
        ),
        names: (called(from, one.client), called(to, one.server)),
        called: one
            .protocol
            .as_deref()
            .map_or_else(|| format!("{}{port}", one.transport), str::to_owned),
        first: one.time,
        last: one.last,
        work: None,
        reason: one.reason.as_deref(),
        is_allowed: one.conduit.is_some(),
        fits: Box::new(|service| {
            let (protocol, variant) = (one.protocol.as_deref(), one.variant.as_deref());
            let parent = one.parent.as_deref();
            service.covers_flow(protocol, variant, parent, &one.transport, one.server_port)
        }),
    }
}

fn called(asset: Option<&str>, address: Address) -> String {
    asset.map_or_else(|| address.to_string(), str::to_owned)
}

fn who(
    site: &Site,
    asset: Option<&str>,
    zone: Option<&str>,
    party: Option<&str>,
    address: Address,
) -> Who {
    Who {
        asset: asset.and_then(|name| site.assets.iter().position(|one| one.name == name)),
        zone: zone.and_then(|name| site.zones.iter().position(|one| one.name == name)),
        party: party.and_then(|name| site.parties.iter().position(|one| one.name == name)),
        ip: address.ip(),
    }
}

fn conduits(site: &Site, asked: &Asked<'_>, add: &mut impl FnMut(String, String)) {
    let (from, to) = (&asked.names.0, &asked.names.1);
    let both: Vec<&Conduit> = site.conduits_for(&asked.from, &asked.to).collect();
    for conduit in both.iter().take(MOST) {
        let why = if !conduit.services.iter().any(|service| (asked.fits)(service)) {
            format!(
                "It joins {from} and {to}, but allows {}, not {}.",
                services(conduit),
                asked.called
            )
        } else if let Some(until) = conduit.valid_until.filter(|until| asked.last > *until) {
            format!(
                "It allows that, but ended on {}.",
                until.local(&site.time_zone)
            )
        } else if let Some(begin) = conduit.valid_from.filter(|begin| asked.first < *begin) {
            format!(
                "It allows that, but does not hold before {}.",
                begin.local(&site.time_zone)
            )
        } else if conduit.during_work_order {
            "It allows that during a work order, and none named both ends then.".to_owned()
        } else {
            format!(
                "It allows {} there, which does not cover what was done.",
                services(conduit)
            )
        };
        add(name(conduit), why);
    }
    if both.is_empty() {
        add(
            "conduits".to_owned(),
            format!("None leads from {from} to {to}."),
        );
    }
    // Who else may: that tells a mistaken address from a stranger.
    let others = site.conduits.iter().filter(|conduit| {
        let covers = |ends: &[End], who: &Who| ends.iter().any(|end| site.end_covers(end, who));
        covers(&conduit.to, &asked.to)
            && !covers(&conduit.from, &asked.from)
            && conduit.services.iter().any(|service| (asked.fits)(service))
    });
    for conduit in others.take(MOST) {
        let allowed = ends(site, &conduit.from);
        add(
            name(conduit),
            format!("It allows that to {to} from {allowed}, not from {from}."),
        );
    }
}

fn work_orders(
    site: &Site,
    asked: &Asked<'_>,
    work: WorkKind,
    add: &mut impl FnMut(String, String),
) {
    let near = match site.work_order_for(&asked.from, &asked.to, work, asked.first) {
        Ok(_) => site
            .work_order_for(&asked.from, &asked.to, work, asked.last)
            .err()
            .flatten(),
        Err(near) => near,
    };
    let told = near.as_ref().map(|near| near.order);
    if let Some(near) = &near
        && asked.reason.is_none_or(|reason| !reason.contains(&near.id))
    {
        add(
            format!("work order {}", near.id),
            format!("It {}.", near.why),
        );
    }
    let in_force = site
        .work_orders
        .iter()
        .enumerate()
        .filter(|(index, order)| {
            Some(*index) != told && order.from <= asked.last && asked.first <= order.until
        });
    for (_, order) in in_force.take(MOST) {
        let why = format!(
            "It was in force, and names {} as source and {} as target.",
            ends(site, &order.sources),
            ends(site, &order.targets)
        );
        add(format!("work order {} ({})", order.id, order.place), why);
    }
    if near.is_none() {
        let (from, to) = (&asked.names.0, &asked.names.1);
        add(
            "work orders".to_owned(),
            format!("None names {from} or {to}."),
        );
    }
}

fn name(conduit: &Conduit) -> String {
    format!("conduit '{}' ({})", conduit.name, conduit.place)
}

fn services(conduit: &Conduit) -> String {
    let services: Vec<String> = conduit.services.iter().map(Service::to_string).collect();
    services.join(", ")
}

fn ends(site: &Site, ends: &[End]) -> String {
    let name = |end: &End| match end {
        End::Asset(index) => site.assets.get(*index).map(|one| one.name.clone()),
        End::Zone(index) => site
            .zones
            .get(*index)
            .map(|one| format!("zone {}", one.name)),
        End::Party(index) => site
            .parties
            .get(*index)
            .map(|one| format!("party {}", one.name)),
        End::Net(net) => Some(net.to_string()),
    };
    let mut names: Vec<String> = ends.iter().filter_map(name).collect();
    let more = names.len().saturating_sub(MOST);
    names.truncate(MOST);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    names.join(", ")
}
