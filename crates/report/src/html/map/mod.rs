//! The map of zones and conduits: which zones talk to which, what explains it, and what breaks it.
//!
//! Here the picture is worked out from the facts; `layout` gives it places, `draw` makes the SVG and the table that
//! says the same in words. An edge is red only where a finding says so, so that the map never contradicts a verdict.
mod draw;
mod layout;

use std::collections::{BTreeMap, BTreeSet};

use facts::kinds::Conversation;
use facts::site::{Conduit, End, Part, Service, Site, ZoneKind};
use judge::{Subject, Verdict};

pub(super) use draw::section;

use crate::pick::Picks;
use crate::visible::show;

/// What an edge stands for, the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// A finding is open on it.
    Breaks,
    /// No conduit names it, and no measure objects.
    Unnamed,
    /// A conduit explains it, or it needs none.
    Explained,
    /// Declared, never seen.
    Unused,
}

/// Where a zone stands on the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Band {
    Crane,
    Shore,
    Outside,
}

#[derive(Debug)]
struct Node {
    name: String,
    kind: &'static str,
    band: Band,
    group: String,
    /// Assets with an address in the zone.
    assets: usize,
    /// Findings that concern one of these.
    findings: usize,
}

#[derive(Debug)]
struct Edge {
    from: usize,
    to: usize,
    class: Class,
    /// Service, and how many conversations.
    services: BTreeMap<String, u64>,
    conduits: BTreeSet<String>,
    measures: BTreeSet<String>,
    conversations: u64,
    answered: u64,
}

#[derive(Debug)]
struct Picture<'a> {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    unused: Vec<&'a Conduit>,
}

/// The zone of an address that belongs to none.
const NO_ZONE: &str = "no zone";

fn picture<'a>(picks: &Picks<'a>) -> Picture<'a> {
    let (site, facts) = (picks.context.site, picks.context.facts);
    let mut nodes: Vec<Node> = site
        .zones
        .iter()
        .map(|zone| {
            let (band, group) = match (&zone.crane, zone.kind) {
                (Some(crane), kind) if kind.is_crane() => (Band::Crane, crane.clone()),
                (
                    None,
                    ZoneKind::CraneControl | ZoneKind::CraneAuxiliary | ZoneKind::CraneManagement,
                ) => (Band::Crane, "Cranes, shared".to_owned()),
                (_, ZoneKind::RemoteOperations) => (Band::Shore, "Shore: crane network".to_owned()),
                (_, ZoneKind::ThirdParty | ZoneKind::Internet) => {
                    (Band::Outside, "Outside".to_owned())
                }
                _ => (Band::Shore, "Shore: port and business".to_owned()),
            };
            Node {
                name: zone.name.clone(),
                kind: zone.kind.word(),
                band,
                group,
                assets: 0,
                findings: 0,
            }
        })
        .collect();
    let mut index: BTreeMap<String, usize> = nodes
        .iter()
        .enumerate()
        .map(|(index, node)| (node.name.clone(), index))
        .collect();
    let mut node_of = |nodes: &mut Vec<Node>, name: Option<&str>| -> usize {
        let name = name.unwrap_or(NO_ZONE);
        *index.entry(name.to_owned()).or_insert_with(|| {
            nodes.push(Node {
                name: name.to_owned(),
                kind: "declared nowhere",
                band: Band::Outside,
                group: "Outside".to_owned(),
                assets: 0,
                findings: 0,
            });
            nodes.len() - 1
        })
    };
    let broken = Broken::new(picks);
    let mut edges: BTreeMap<(usize, usize, Class), Edge> = BTreeMap::new();
    for talk in facts.conversations.iter().filter(|talk| talk.crosses) {
        if talk.server_zone.is_none() && talk.server.is_group() {
            continue;
        }
        let from = node_of(&mut nodes, talk.client_zone.as_deref());
        let to = node_of(&mut nodes, talk.server_zone.as_deref());
        if from == to {
            continue;
        }
        let excused = talk.conduit.is_some()
            || matches!(talk.reason.as_deref(), Some("housekeeping" | "answers"));
        let measures = broken.by(talk, &facts.captures, excused);
        let class = match (measures.is_empty(), excused) {
            (false, _) => Class::Breaks,
            (true, true) => Class::Explained,
            (true, false) => Class::Unnamed,
        };
        let edge = edges
            .entry((from, to, class))
            .or_insert_with(|| Edge::new(from, to, class));
        *edge.services.entry(service_seen(talk)).or_default() += 1;
        edge.conduits
            .extend(talk.conduit.as_deref().map(str::to_owned));
        edge.measures
            .extend(measures.into_iter().map(str::to_owned));
        edge.conversations += 1;
        edge.answered += u64::from(!matches!(talk.state.as_str(), "unanswered" | "refused"));
    }
    let unused = unused(picks);
    for conduit in &unused {
        for (from, to) in ends(site, conduit) {
            let edge = edges
                .entry((from, to, Class::Unused))
                .or_insert_with(|| Edge::new(from, to, Class::Unused));
            edge.conduits.insert(conduit.name.clone());
            for service in &conduit.services {
                edge.services.entry(service_declared(service)).or_default();
            }
        }
    }
    count_assets(picks, &mut nodes, &index);
    Picture {
        nodes,
        edges: edges.into_values().collect(),
        unused,
    }
}

impl Edge {
    fn new(from: usize, to: usize, class: Class) -> Edge {
        Edge {
            from,
            to,
            class,
            services: BTreeMap::new(),
            conduits: BTreeSet::new(),
            measures: BTreeSet::new(),
            conversations: 0,
            answered: 0,
        }
    }

    /// The services, the most used first, all of them.
    fn service_names(&self) -> Vec<String> {
        let mut names: Vec<(&String, &u64)> = self.services.iter().collect();
        // A scan tries each port once: what was recognised says more.
        names.sort_by_key(|(name, times)| (std::cmp::Reverse(**times), name.contains('/')));
        names.into_iter().map(|(name, _)| show(name)).collect()
    }

    /// The same in words, without the rest of what a scan tried.
    fn services_told(&self) -> String {
        let mut names = self.service_names();
        let rest = names.len().saturating_sub(MOST_TOLD);
        names.truncate(MOST_TOLD);
        match rest {
            0 => names.join(", "),
            _ => format!("{} and {rest} more", names.join(", ")),
        }
    }
}

/// Services of a connection that are named in words.
const MOST_TOLD: usize = 12;

/// Which conversations a finding is about.
struct Broken<'a> {
    /// By cited frame.
    frames: BTreeMap<(&'a str, u64), BTreeSet<&'a str>>,
    /// By the two assets that a finding names, and no third.
    exactly: BTreeMap<(&'a str, &'a str), BTreeSet<&'a str>>,
    /// Findings by each asset they name: an unexplained conversation between two of them is theirs.
    named: BTreeMap<&'a str, BTreeSet<(&'a str, usize)>>,
}

impl<'a> Broken<'a> {
    fn new(picks: &Picks<'a>) -> Broken<'a> {
        let mut broken = Broken {
            frames: BTreeMap::new(),
            exactly: BTreeMap::new(),
            named: BTreeMap::new(),
        };
        for measure in &picks.assessment.measures {
            let findings = measure
                .subjects
                .iter()
                .enumerate()
                .filter(|(_, one)| one.verdict == Verdict::NotMet);
            for (number, subject) in findings {
                broken.add(&measure.id, number, subject);
            }
        }
        broken
    }

    fn add(&mut self, measure: &'a str, number: usize, subject: &'a Subject) {
        for cited in &subject.evidence {
            for frame in &cited.frames {
                self.frames
                    .entry((&cited.capture, *frame))
                    .or_default()
                    .insert(measure);
            }
        }
        if let [one, other] = subject.assets.as_slice() {
            self.exactly
                .entry((one, other))
                .or_default()
                .insert(measure);
            self.exactly
                .entry((other, one))
                .or_default()
                .insert(measure);
        }
        for asset in &subject.assets {
            self.named
                .entry(asset)
                .or_default()
                .insert((measure, number));
        }
    }

    /// The measures that a conversation breaks.
    fn by(&self, talk: &Conversation, captures: &[String], excused: bool) -> BTreeSet<&'a str> {
        let mut measures = BTreeSet::new();
        let capture = talk
            .evidence
            .capture
            .and_then(|index| captures.get(index as usize));
        for frame in &talk.evidence.frames {
            let place = capture.map(|name| (name.as_str(), u64::from(*frame)));
            measures.extend(
                place
                    .and_then(|place| self.frames.get(&place))
                    .into_iter()
                    .flatten()
                    .copied(),
            );
        }
        let (Some(client), Some(server)) =
            (talk.client_asset.as_deref(), talk.server_asset.as_deref())
        else {
            return measures;
        };
        measures.extend(
            self.exactly
                .get(&(client, server))
                .into_iter()
                .flatten()
                .copied(),
        );
        if !excused
            && let (Some(ours), Some(theirs)) = (self.named.get(client), self.named.get(server))
        {
            measures.extend(ours.intersection(theirs).map(|(measure, _)| *measure));
        }
        measures
    }
}

/// `s7comm`, `snmp v2c`, else `tcp/8443`, `ethertype/0x8892`.
fn service_seen(talk: &Conversation) -> String {
    match (&talk.protocol, &talk.variant, talk.server_port) {
        (Some(protocol), Some(variant), _) => format!("{protocol} {variant}"),
        (Some(protocol), None, _) => protocol.to_string(),
        (None, _, Some(port)) => format!("{}/{port}", talk.transport),
        (None, _, None) => talk.transport.to_string(),
    }
}

fn service_declared(service: &Service) -> String {
    match service {
        Service::Any => "any".to_owned(),
        Service::Port { udp, port } => format!("{}/{port}", if *udp { "udp" } else { "tcp" }),
        Service::EtherType(number) => format!("ethertype/0x{number:04x}"),
        Service::Protocol { protocol, part } => match part {
            None => protocol.clone(),
            Some(Part::Operation(verb)) => format!("{protocol}:{verb}"),
            Some(Part::Modify) => format!("{protocol}:modify"),
            Some(Part::Variant(variant)) => format!("{protocol}:{variant}"),
        },
    }
}

/// Conduits that nothing seen went by.
fn unused<'a>(picks: &Picks<'a>) -> Vec<&'a Conduit> {
    let facts = picks.context.facts;
    let talks = facts
        .conversations
        .iter()
        .filter_map(|one| one.conduit.as_deref());
    let operations = facts
        .operations
        .iter()
        .filter_map(|one| one.conduit.as_deref());
    let sessions = facts
        .remote_sessions
        .iter()
        .filter_map(|one| one.conduit.as_deref());
    let used: BTreeSet<&str> = talks.chain(operations).chain(sessions).collect();
    picks
        .context
        .site
        .conduits
        .iter()
        .filter(|conduit| !used.contains(conduit.name.as_str()))
        .collect()
}

/// The pairs of different zones that a conduit joins.
fn ends(site: &Site, conduit: &Conduit) -> BTreeSet<(usize, usize)> {
    let zones = |ends: &[End]| -> BTreeSet<usize> {
        ends.iter().flat_map(|end| zones_of(site, end)).collect()
    };
    let to = zones(&conduit.to);
    let pairs = zones(&conduit.from)
        .into_iter()
        .flat_map(|from| to.iter().map(move |to| (from, *to)));
    pairs.filter(|(from, to)| from != to).collect()
}

fn zones_of(site: &Site, end: &End) -> Vec<usize> {
    match end {
        End::Zone(index) => vec![*index],
        End::Net(net) => site.zone_of_ip(net.addr()).into_iter().collect(),
        End::Party(index) => {
            let nets = site
                .parties
                .get(*index)
                .map_or(&[][..], |party| &party.addresses);
            nets.iter()
                .filter_map(|net| site.zone_of_ip(net.addr()))
                .collect()
        }
        End::Asset(index) => site.zones_of_asset(*index).to_vec(),
    }
}

fn count_assets(picks: &Picks<'_>, nodes: &mut [Node], index: &BTreeMap<String, usize>) {
    let mut homes: BTreeMap<&str, &[String]> = BTreeMap::new();
    for asset in &picks.context.facts.assets {
        homes.insert(&asset.name, &asset.zones);
        for node in asset.zones.iter().filter_map(|zone| index.get(zone)) {
            if let Some(node) = nodes.get_mut(*node) {
                node.assets += 1;
            }
        }
    }
    for subject in picks.assessment.measures.iter().flat_map(Picks::findings) {
        let zones = subject
            .assets
            .iter()
            .filter_map(|asset| homes.get(asset.as_str()))
            .copied()
            .flatten();
        let touched: BTreeSet<usize> = zones.filter_map(|zone| index.get(zone)).copied().collect();
        for node in touched {
            if let Some(node) = nodes.get_mut(node) {
                node.findings += 1;
            }
        }
    }
}
