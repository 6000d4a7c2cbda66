//! What went on without the work order that it had.
//!
//! A work order explains what it names while it lasts. Of a conversation that no conduit explains, and in which an operation or
//! a session had a work order, packets before and after those orders have none: its first and its last packet, and what was
//! done in it, tell of their own time, and of a time between two orders nobody knows. What is done tells the same of a
//! conversation that its conduit allows during work orders only.
use facts::kinds::Conversation;
use facts::site::{Site, Who};
use facts::{Facts, Shared, Term, Time};
use hashbrown::HashMap;

use super::conversations::{
    HOUSEKEEPING, ONLY_DURING, PASSED, UNCLEAR, both, nobody_knows, packets, two_clocks,
};
use super::ends::Ends;
use super::shares::Picked;

/// Something that was done, and the work order that allowed it.
struct Deed<'a> {
    first: Time,
    last: Time,
    work_order: Option<&'a str>,
}

/// Fills `without_order` of the conversations that carried something, and `reason` with it.
pub(super) fn fill(facts: &mut Facts, picked: &Picked, ends: &mut Ends<'_>) {
    let site = ends.places.site;
    if site.work_orders.is_empty() {
        return;
    }
    let deeds = deeds(facts, picked);
    let mut told = Vec::new();
    for at in picked.carriers_at() {
        let Some(one) = facts.conversations.get(at).filter(|one| is_asked(one)) else {
            continue;
        };
        let deeds = one.community_id.as_deref().and_then(|id| deeds.get(id));
        if let Some(deeds) = deeds.filter(|deeds| !deeds.is_empty()) {
            let (client, server) = both(one, ends);
            let untimed = ends.places.untimed(one.time, one.last);
            let judged = judge(site, one, deeds, (&client.who, &server.who), untimed);
            told.extend(judged.map(|(word, reason)| (at, word, reason)));
        }
    }
    drop(deeds);
    for (at, word, reason) in told {
        if let Some(one) = facts.conversations.get_mut(at) {
            (one.without_order, one.reason) = (Term::parse(word), Some(reason));
        }
    }
}

/// Whether nothing but a work order may explain it, all the time that it lasted.
fn is_asked(one: &Conversation) -> bool {
    one.conduit.is_none()
        && one.reason.as_deref() != Some(HOUSEKEEPING)
        && one.without_order != Term::parse(PASSED)
}

/// By community ID: what was done in the conversations that are asked about.
fn deeds<'a>(facts: &'a Facts, picked: &Picked) -> HashMap<&'a str, Vec<Deed<'a>>> {
    let asked = picked
        .carriers(&facts.conversations)
        .filter(|one| is_asked(one));
    let ids = asked.filter_map(|one| one.community_id.as_deref());
    let mut deeds: HashMap<&str, Vec<Deed<'_>>> = ids.map(|id| (id, Vec::new())).collect();
    let operations = facts.operations.iter().map(|one| {
        let order = one.work_order.as_deref();
        (one.community_id.as_deref(), one.time, one.last, order)
    });
    let sessions = facts.remote_sessions.iter().map(|one| {
        let order = one.work_order.as_deref();
        (one.community_id.as_deref(), one.time, one.last, order)
    });
    for (id, first, last, work_order) in operations.chain(sessions) {
        if let Some(deeds) = id.and_then(|id| deeds.get_mut(id)) {
            deeds.push(Deed {
                first,
                last,
                work_order,
            });
        }
    }
    deeds
}

/// What is to be said of it: whether packets passed without a work order or may have, and why nothing explains it then.
fn judge(
    site: &Site,
    one: &Conversation,
    deeds: &[Deed<'_>],
    (client, server): (&Who, &Who),
    untimed: Option<[&str; 2]>,
) -> Option<(&'static str, Shared)> {
    let reason = one.reason.as_deref().unwrap_or_default();
    let forth = |first, last| site.without_order(client, server, |_| true, first, last);
    let within = |at: &Time| (one.time..=one.last).contains(at);
    // One community ID may stand for several conversations, one after the other.
    let moments = || {
        deeds
            .iter()
            .flat_map(|deed| [deed.first, deed.last])
            .filter(within)
    };
    if one.without_order.is_some() {
        let (conduit, _) = reason.split_once(ONLY_DURING)?;
        let bare = moments().any(|at| forth(at, at).is_some());
        let why = || format!("{conduit}{ONLY_DURING}none named both ends when some of it was done");
        return bare.then(|| (PASSED, why().into()));
    }
    // Who is asked may also be who works: a server that reads from a client.
    let bare = |first, last| {
        let back = || site.without_order(server, client, |_| true, first, last);
        Some(forth(first, last)?.max(back()?))
    };
    // An order that names others than the two that are seen here says nothing of when these may speak.
    let order = deeds.iter().find_map(|deed| {
        let order = deed.work_order?;
        bare(deed.first, deed.first).is_none().then_some(order)
    })?;
    let since = bare(one.time, one.last)?;
    if let Some(sensors) = untimed {
        let why = format!(
            "{reason}, work order {order} covers what was done, and {}",
            two_clocks(sensors)
        );
        return Some((UNCLEAR, why.into()));
    }
    let at_its_ends = [one.time, one.last].into_iter();
    // No time of its own stands in it: what is told of many conversations alike is one flow.
    if at_its_ends
        .chain(moments())
        .any(|at| bare(at, at).is_some())
    {
        let why = "covers what was done, but not all the time that packets passed";
        return Some((
            PASSED,
            format!("{reason}, and work order {order} {why}").into(),
        ));
    }
    // Of two packets it is known when they passed.
    (packets(one) > 2).then(|| {
        let unknown = nobody_knows(since, site);
        let why = format!("{reason}, work order {order} covers what was done, and {unknown}");
        (UNCLEAR, why.into())
    })
}
