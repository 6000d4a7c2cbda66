//! Conversations: both ends, whether they cross zones, and the conduit that explains them or why none does.
//!
//! A conduit explains a conversation if its ends cover both, a service covers it, and it is in force from the first packet
//! to the last; `during = "work-order"` asks for work orders that name source and target all that time. The first such
//! conduit in the order of the site counts, one that names the service before one that allows `any`. Where no order holds for
//! a while between first and last, it is not known whether anything passed then; `without_order` says so, and `unordered` what
//! operations tell of it.
//!
//! Where the capture cannot tell who asked (no handshake, no role: the first to speak was taken for the client), a conduit
//! of the other direction explains it too; `reason` then says `answers`.
//!
//! What a proxy passes on is judged by its own ends, and not by what allows one to speak to the proxy.
use std::rc::Rc;

use facts::kinds::Conversation;
use facts::site::{Conduit, Role, Service, Site, Who};
use facts::{Address, Shared, Term, Time};
use hashbrown::HashMap;

use super::ends::{End, Ends};
use super::places::Places;

/// What needs no conduit and is witnessed all the same.
pub(super) const HOUSEKEEPING: &str = "housekeeping";

/// A conduit explains the other direction, and the capture does not tell which it was.
const ANSWERS: &str = "answers";

/// What stands behind the name of a conduit in a reason, where no work order holds that it asks for.
pub(super) const ONLY_DURING: &str = "' holds only during a work order, and ";

/// What stands in `without_order` where packets passed when no work order was in force, and where nobody knows.
pub(super) const PASSED: &str = "passed";
pub(crate) const UNCLEAR: &str = "unclear";

/// Protocols that keep a network running.
const KEEPS_HOUSE: &[&str] = &["arp", "lldp", "cdp", "stp", "mrp", "igmp"];

/// Fills the judged columns, and gives each conversation on with its ends.
pub(super) fn fill<'c>(
    conversations: &'c mut [Conversation],
    ends: &mut Ends<'_>,
    mut told: impl FnMut(&'c Conversation, &End, &End),
) {
    let mut conduits = Conduits::new(ends.places.site);
    let housekeeping = Shared::from(HOUSEKEEPING);
    for one in conversations {
        let (client, server) = both(one, ends);
        one.crosses = client.who.zone != server.who.zone;
        (one.conduit, one.reason, one.without_order) =
            if is_housekeeping(one, &client, &server, ends) {
                (None, Some(housekeeping.clone()), None)
            } else {
                conduits.explain(one, &client, &server, ends.places)
            };
        one.client_asset = Some(client.asset.clone());
        (one.client_zone, one.client_party) = (client.zone.clone(), client.party.clone());
        one.server_asset = Some(server.asset.clone());
        (one.server_zone, one.server_party) = (server.zone.clone(), server.party.clone());
        told(one, &client, &server);
    }
}

/// Both ends, each with what the other tells of it.
pub(super) fn both(one: &Conversation, ends: &mut Ends<'_>) -> (Rc<End>, Rc<End>) {
    let mut client = ends.at(one.client, one.client_mac, one.vlan);
    let mut server = match ends.led_to(one) {
        Some(server) => return (client, server),
        None => ends.at(one.server, one.server_mac, one.vlan),
    };
    // A group is heard where it is spoken to. Layer 2 leads nowhere else: an end of which nothing is known is where the
    // other is.
    let is_link = matches!((one.client, one.server), (Address::Mac(_), Address::Mac(_)));
    if server.group || (is_link && server.who.zone.is_none()) {
        share_zone(&client, &mut server);
    } else if is_link && client.who.zone.is_none() {
        share_zone(&server, &mut client);
    }
    ends.by_names((one.client, &mut client), (one.server, &mut server));
    (client, server)
}

fn share_zone(from: &End, to: &mut Rc<End>) {
    if to.who.zone != from.who.zone {
        let to = Rc::make_mut(to);
        to.who.zone = from.who.zone;
        to.zone.clone_from(&from.zone);
    }
}

fn is_housekeeping(one: &Conversation, client: &End, server: &End, ends: &Ends<'_>) -> bool {
    let protocol = one.protocol.as_deref().unwrap_or_default();
    let variant = one.variant.as_deref().unwrap_or_default();
    match protocol {
        "icmp" => variant == "error",
        "icmp6" => matches!(
            variant,
            "error" | "neighbour-discovery" | "multicast-listener"
        ),
        // A client that calls for a server is no harm; who answers must be declared to hand out addresses.
        "dhcp" | "dhcpv6" => {
            let serves = |port| matches!(port, Some(67 | 547));
            match (serves(one.server_port), serves(one.client_port)) {
                (true, _) => server.group || hands_out(server, ends),
                (false, true) => hands_out(client, ends),
                (false, false) => false,
            }
        }
        _ => KEEPS_HOUSE.contains(&protocol),
    }
}

/// A declared server, router or firewall.
fn hands_out(end: &End, ends: &Ends<'_>) -> bool {
    let asset = end.who.asset.and_then(|index| ends.places.asset(index));
    asset.is_some_and(|asset| matches!(asset.role, Role::Server | Role::Router | Role::Firewall))
}

/// Conduits between two ends, looked up once. What is known of a server depends on the client that asks (a group is in
/// the client's zone, a third party may be known by a name), so the pair is kept per direction of asking.
struct Conduits<'a> {
    site: &'a Site,
    names: HashMap<&'a str, Shared>,
    forth: HashMap<(usize, usize), Ways<'a>>,
    back: HashMap<(usize, usize), Ways<'a>>,
    /// Why nothing leads from one end to another.
    nowhere: HashMap<(usize, usize), Shared>,
    answers: Shared,
}

/// Conduits from one end to another, each with its name as rows share it.
type Ways<'a> = Rc<[(&'a Conduit, Shared)]>;

impl<'a> Conduits<'a> {
    fn new(site: &'a Site) -> Conduits<'a> {
        let names = site.conduits.iter().map(|conduit| conduit.name.as_str());
        Conduits {
            site,
            names: names.map(|name| (name, Shared::from(name))).collect(),
            forth: HashMap::new(),
            back: HashMap::new(),
            nowhere: HashMap::new(),
            answers: Shared::from(ANSWERS),
        }
    }

    /// The conduit, why it needs none or the nearest does not do, and whether that is for want of a work order.
    fn explain(
        &mut self,
        one: &Conversation,
        client: &End,
        server: &End,
        places: &Places<'_>,
    ) -> (Option<Shared>, Option<Shared>, Option<Term>) {
        let (site, key) = (self.site, (client.id, server.id));
        let names = &self.names;
        let between = |from: &Who, to: &Who| -> Ways<'a> {
            let named = |conduit: &'a Conduit| {
                let name = names.get(conduit.name.as_str()).cloned();
                (
                    conduit,
                    name.unwrap_or_else(|| conduit.name.as_str().into()),
                )
            };
            site.conduits_for(from, to).map(named).collect()
        };
        let forth = Rc::clone(
            self.forth
                .entry(key)
                .or_insert_with(|| between(&client.who, &server.who)),
        );
        let (mut late, mut other, mut by_any) = (None, None, None);
        for (conduit, name) in forth.iter() {
            if !covers(conduit, one, one.server_port) {
                other = other.or(Some(*conduit));
                continue;
            }
            let at = |first, last| unfit(site, conduit, &client.who, &server.who, first, last);
            let why = at(one.time, one.last)
                // Of two packets it is known when they passed.
                .filter(|why| !(why.is_unclear() && packets(one) <= 2))
                .map(|why| {
                    let [begins, ends] = [one.time, one.last].map(|time| at(time, time).is_none());
                    let untimed = places.untimed(one.time, one.last);
                    let untimed = untimed.filter(|_| begins || ends);
                    untimed.map_or(why, |sensors| Unfit {
                        why: format!(
                            "conduit '{}' does not hold all that time, and {}",
                            conduit.name,
                            two_clocks(sensors)
                        ),
                        without_order: Term::parse(UNCLEAR),
                    })
                });
            match why {
                None if conduit.services.contains(&Service::Any) => {
                    by_any = by_any.or(Some(name));
                }
                None => return (Some(name.clone()), None, None),
                Some(why) => late = late.or(Some(why)),
            }
        }
        if let Some(name) = by_any {
            return (Some(name.clone()), None, None);
        }
        let back = Rc::clone(
            self.back
                .entry(key)
                .or_insert_with(|| between(&server.who, &client.who)),
        );
        if one.direction == "first" {
            let fits = |(conduit, _): &&(&Conduit, Shared)| {
                covers(conduit, one, one.client_port)
                    && unfit(site, conduit, &server.who, &client.who, one.time, one.last).is_none()
            };
            if let Some((_, name)) = back.iter().find(fits) {
                return (Some(name.clone()), Some(self.answers.clone()), None);
            }
        }
        if let Some(late) = late {
            return (None, Some(late.why.into()), late.without_order);
        }
        let reason: Shared = if let Some((conduit, _)) = back
            .iter()
            .find(|(conduit, _)| covers(conduit, one, one.server_port))
        {
            format!("conduit '{}' is the other way round", conduit.name).into()
        } else if let Some(conduit) = other {
            format!(
                "conduit '{}' allows {}, not {}",
                conduit.name,
                allowed(conduit),
                called(one)
            )
            .into()
        } else {
            let way = || {
                format!(
                    "no conduit leads from {} to {}",
                    place(client),
                    place(server)
                )
            };
            let known = self.nowhere.entry(key);
            known.or_insert_with(|| way().into()).clone()
        };
        (None, Some(reason), None)
    }
}

fn covers(conduit: &Conduit, one: &Conversation, port: Option<u16>) -> bool {
    let (protocol, variant, parent) = (
        one.protocol.as_deref().or(one.assumed.as_deref()),
        one.variant.as_deref(),
        one.parent.as_deref(),
    );
    conduit
        .services
        .iter()
        .any(|service| service.covers_flow(protocol, variant, parent, &one.transport, port))
}

pub(super) fn packets(one: &Conversation) -> u64 {
    one.packets_out.saturating_add(one.packets_in)
}

/// Why a conduit with the right ends is not in force.
pub(super) struct Unfit {
    pub(super) why: String,
    /// Where it holds only during a work order: whether packets passed without one.
    without_order: Option<Term>,
}

impl Unfit {
    fn is_unclear(&self) -> bool {
        self.without_order == Term::parse(UNCLEAR)
    }
}

/// Why a conduit with the right ends is not in force from `first` to `last`.
pub(super) fn unfit(
    site: &Site,
    conduit: &Conduit,
    from: &Who,
    to: &Who,
    first: Time,
    last: Time,
) -> Option<Unfit> {
    let name = &conduit.name;
    let out_of_date = |why| {
        let without_order = None;
        Some(Unfit { why, without_order })
    };
    if let Some(until) = conduit.valid_until.filter(|until| last > *until) {
        return out_of_date(format!(
            "conduit '{name}' expired on {}",
            until.local(&site.time_zone)
        ));
    }
    if let Some(begin) = conduit.valid_from.filter(|begin| first < *begin) {
        return out_of_date(format!(
            "conduit '{name}' is not valid before {}",
            begin.local(&site.time_zone)
        ));
    }
    if !conduit.during_work_order {
        return None;
    }
    let ordered = |first, last| site.without_order(from, to, |_| true, first, last);
    let bare = ordered(first, last)?;
    // No time of its own stands in it: what is told of many conversations alike is one flow.
    let apart = [first, last].iter().any(|at| ordered(*at, *at).is_some());
    let (word, why) = if apart {
        (PASSED, "none names both ends at that time".to_owned())
    } else {
        (UNCLEAR, nobody_knows(bare, site))
    };
    Some(Unfit {
        why: format!("conduit '{name}{ONLY_DURING}{why}"),
        without_order: Term::parse(word),
    })
}

/// Where packets of a time without an order, from `bare` on, cannot be told from the others.
pub(super) fn nobody_knows(bare: Time, site: &Site) -> String {
    format!(
        "whether anything passed when the one of {} was over and the next had not begun is not known",
        bare.local(&site.time_zone)
    )
}

/// Where the times of two sensors that never watched together do not say when something passed.
pub(super) fn two_clocks([early, late]: [&str; 2]) -> String {
    format!(
        "{early} and {late}, which show its beginning and its end, never watched at the same time: whether it lasted that long or one clock is wrong is not known"
    )
}

/// The services of a conduit as the site file writes them.
fn allowed(conduit: &Conduit) -> String {
    conduit
        .services
        .iter()
        .map(Service::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

/// What a conversation is, as a service would name it.
fn called(one: &Conversation) -> String {
    match (&one.protocol, &one.variant, one.server_port) {
        (Some(protocol), Some(variant), _) => format!("{protocol}:{variant}"),
        (Some(protocol), None, _) => protocol.to_string(),
        (None, _, Some(port)) => format!("{}/{port}", one.transport),
        (None, _, None) => one.transport.to_string(),
    }
}

fn place(end: &End) -> String {
    match &end.zone {
        Some(zone) => format!("{} ({zone})", end.asset),
        None => format!("{} (in no zone)", end.asset),
    }
}
