//! From the tables as written to the resolved site: names become indexes, each name stands once.
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::reader::{At, Filled, May};
use super::spelling::{closest, listed};
use super::values::{EndName, Work, net};
use super::{
    Asset, Conduit, End, Interface, Party, Place, Platform, Problem, Sensor, Service, Setting,
    Site, Supplier, Timestamps, WorkOrder, Zone, addresses, doubts, file, running,
};
use crate::Time;
use crate::site::reader::Wrong;

/// Puts the files of a site together. `broken` are tables that were read but not understood, by label and name: what
/// refers to them is not called dangling. The site is of use only if `problems` stays empty.
pub(super) fn resolve(
    files: Vec<file::File>,
    broken: &[(&'static str, String)],
    known_protocols: &[&str],
    problems: &mut Vec<Problem>,
) -> Site {
    let mut all = file::File::empty("");
    let (mut terminals, mut runs) = (Vec::new(), Vec::new());
    for file in files {
        terminals.extend(file.terminal.0);
        all.zone.0.extend(file.zone.0);
        all.asset.0.extend(file.asset.0);
        all.conduit.0.extend(file.conduit.0);
        all.work_order.0.extend(file.work_order.0);
        all.party.0.extend(file.party.0);
        all.supplier.0.extend(file.supplier.0);
        all.platform.0.extend(file.platform.0);
        all.sensor.0.extend(file.sensor.0);
        runs.extend(file.run.0);
        all.output.0.extend(file.output.0);
        all.parameters.0.extend(file.parameters.0);
    }
    let mut warnings = Vec::new();
    addresses::check(&all, problems);
    doubts::protocols(&all, known_protocols, &mut warnings);

    let mut names =
        |what, label, all: Vec<&At<String>>| Names::new(what, label, &all, broken, problems);
    let zones = names(
        "zone",
        "[[zone]]",
        all.zone.0.iter().map(|one| &one.name).collect(),
    );
    let assets = names(
        "asset",
        "[[asset]]",
        all.asset.0.iter().map(|one| &one.name).collect(),
    );
    let parties = names(
        "party",
        "[[party]]",
        all.party.0.iter().map(|one| &one.name).collect(),
    );
    names(
        "conduit",
        "[[conduit]]",
        all.conduit.0.iter().map(|one| &one.name).collect(),
    );
    names(
        "work order",
        "[[work_order]]",
        all.work_order.0.iter().map(|one| &one.id).collect(),
    );
    names(
        "supplier",
        "[[supplier]]",
        all.supplier.0.iter().map(|one| &one.name).collect(),
    );
    names(
        "platform",
        "[[platform]]",
        all.platform.0.iter().map(|one| &one.name).collect(),
    );
    names(
        "sensor",
        "[[sensor]]",
        all.sensor.0.iter().map(|one| &one.name).collect(),
    );
    names(
        "output",
        "[[output]]",
        all.output.0.iter().map(|one| &one.name).collect(),
    );

    let mut resolver = Resolver {
        zones,
        assets,
        parties,
        problems,
    };
    let mut site = Site {
        time_zone: "UTC".to_owned(),
        ..Site::default()
    };
    resolver.terminal(terminals, &mut site);
    site.zones = all.zone.0.into_iter().map(zone).collect();
    site.assets = all
        .asset
        .0
        .into_iter()
        .map(|one| resolver.asset(one))
        .collect();
    site.conduits = all
        .conduit
        .0
        .into_iter()
        .map(|one| resolver.conduit(one))
        .collect();
    site.work_orders = all
        .work_order
        .0
        .into_iter()
        .map(|one| resolver.work_order(one))
        .collect();
    site.parties = all
        .party
        .0
        .into_iter()
        .map(|one| resolver.party(one))
        .collect();
    site.suppliers = all.supplier.0.into_iter().map(supplier).collect();
    site.platforms = all.platform.0.into_iter().map(platform).collect();
    site.sensors = all
        .sensor
        .0
        .into_iter()
        .map(|one| resolver.sensor(one))
        .collect();
    site.run = running::run(runs, problems);
    site.settings = settings(all.parameters.0, problems);
    site.outputs = all
        .output
        .0
        .into_iter()
        .map(|one| running::output(one, problems))
        .collect();
    if problems.is_empty() {
        doubts::of(&site, &mut warnings);
        site.warnings = warnings;
    }
    site
}

/// Every parameter that is set, each once.
fn settings(written: Vec<Setting>, problems: &mut Vec<Problem>) -> Vec<Setting> {
    let mut kept: Vec<Setting> = Vec::new();
    for one in written {
        let same = |other: &&Setting| {
            other.measure.eq_ignore_ascii_case(&one.measure) && other.parameter == one.parameter
        };
        match kept.iter().find(same) {
            Some(first) => problems.push(one.problem(
                format!(
                    "{}.{} is set twice, first at {}",
                    one.measure, one.parameter, first.place
                ),
                "keep one",
            )),
            None => kept.push(one),
        }
    }
    kept
}

/// The names of one kind of table.
struct Names {
    what: &'static str,
    /// Index by name.
    index: BTreeMap<String, usize>,
    broken: BTreeSet<String>,
}

enum Found {
    At(usize),
    /// Declared, but by a table with a mistake of its own.
    Broken,
    Nowhere,
}

impl Names {
    fn new(
        what: &'static str,
        label: &'static str,
        declared: &[&At<String>],
        broken: &[(&'static str, String)],
        problems: &mut Vec<Problem>,
    ) -> Names {
        let mut first: BTreeMap<&str, (usize, &Place)> = BTreeMap::new();
        for (index, name) in declared.iter().enumerate() {
            if let Some((_, earlier)) = first.get(name.value.as_str()) {
                problems.push(Problem::new(
                    &name.place,
                    format!(
                        "{what} \"{}\" is declared twice, first at {earlier}",
                        name.value
                    ),
                    "rename one of them or delete it",
                ));
                continue;
            }
            first.insert(&name.value, (index, &name.place));
        }
        let index = first
            .into_iter()
            .map(|(name, (index, _))| (name.to_owned(), index))
            .collect();
        let broken = broken
            .iter()
            .filter(|(of, _)| *of == label)
            .map(|(_, name)| name.clone())
            .collect();
        Names {
            what,
            index,
            broken,
        }
    }

    fn find(&self, name: &str) -> Found {
        match self.index.get(name) {
            Some(index) => Found::At(*index),
            None if self.broken.contains(name) => Found::Broken,
            None => Found::Nowhere,
        }
    }

    fn all(&self) -> impl Iterator<Item = &str> + Clone {
        self.index.keys().chain(&self.broken).map(String::as_str)
    }

    /// What to do about a name that nothing declares; `prefix` stands before names of this kind.
    fn remedy(&self, name: &str, prefix: &str) -> String {
        match closest(name, self.all()) {
            Some(meant) => format!("did you mean \"{prefix}{meant}\"?"),
            None if self.all().next().is_none() => {
                format!("declare it as [[{}]]; none is declared yet", self.what)
            }
            None => format!(
                "declare it as [[{}]], or name one of {}",
                self.what,
                listed(self.all())
            ),
        }
    }
}

struct Resolver<'p> {
    zones: Names,
    assets: Names,
    parties: Names,
    problems: &'p mut Vec<Problem>,
}

impl Resolver<'_> {
    fn terminal(&mut self, terminals: Vec<file::Terminal>, site: &mut Site) {
        let mut first: Option<Place> = None;
        for terminal in terminals {
            if let Some(first) = &first {
                self.problems.push(Problem::new(
                    &terminal.at,
                    format!("[terminal] stands twice, first at {first}"),
                    "keep one; a site folder describes one terminal",
                ));
                continue;
            }
            first = Some(terminal.at);
            site.name = terminal.name.value;
            if let Some(zone) = terminal.time_zone.value() {
                site.time_zone = zone.0;
            }
        }
    }

    fn asset(&mut self, asset: file::Asset) -> Asset {
        let interfaces = asset.interface.0.into_iter().map(|one| {
            let interface = Interface {
                mac: one.mac.value(),
                ip: one.ip.value(),
                vlan: one.vlan.value().map(|vlan| vlan.0),
            };
            if interface == Interface::default() {
                self.problems.push(Problem::new(
                    &one.at,
                    format!("an interface of \"{}\" says nothing", asset.name.value),
                    "give it mac, ip or vlan, or delete it",
                ));
            }
            interface
        });
        let interfaces = interfaces.collect();
        Asset {
            name: asset.name.value,
            role: asset.role.value,
            crane: asset.crane.value(),
            supplier: asset.supplier.value(),
            hostnames: asset.hostnames.values(),
            interfaces,
            place: asset.at,
        }
    }

    fn conduit(&mut self, conduit: file::Conduit) -> Conduit {
        let (valid_from, valid_until) = (&conduit.valid_from.0, &conduit.valid_until.0);
        if let (Some(from), Some(until)) = (valid_from, valid_until) {
            self.window(("valid_from", from), ("valid_until", until));
        }
        Conduit {
            from: self.ends(conduit.from),
            to: self.ends(conduit.to),
            services: conduit
                .services
                .0
                .into_iter()
                .map(|at| at.value)
                .collect::<Vec<Service>>(),
            name: conduit.name.value,
            because: conduit.because.value,
            during_work_order: conduit.during.0.is_some(),
            valid_from: conduit.valid_from.value(),
            valid_until: conduit.valid_until.value(),
            place: conduit.at,
        }
    }

    fn work_order(&mut self, order: file::WorkOrder) -> WorkOrder {
        self.window(("from", &order.from), ("until", &order.until));
        let works: Vec<Work> = order.operations.0.into_iter().map(|at| at.value).collect();
        let operations = works.iter().filter_map(|work| match work {
            Work::Operation(verb) => Some(*verb),
            Work::RemoteSession | Work::File => None,
        });
        WorkOrder {
            sources: self.ends(order.sources),
            targets: self.ends(order.targets),
            operations: operations.collect(),
            remote_session: works.contains(&Work::RemoteSession),
            file: works.contains(&Work::File),
            id: order.id.value,
            from: order.from.value,
            until: order.until.value,
            place: order.at,
        }
    }

    fn window(&mut self, (begin, from): (&str, &At<Time>), (end, until): (&str, &At<Time>)) {
        if until.value <= from.value {
            self.problems.push(Problem::new(
                &until.place,
                format!(
                    "{end} {} is not after {begin} {}",
                    seconds(until.value),
                    seconds(from.value)
                ),
                "swap them or mend the one that is wrong",
            ));
        }
    }

    fn party(&mut self, party: file::Party) -> Party {
        let access = party
            .access
            .0
            .and_then(|asset| self.named_asset(&asset, &party.name.value));
        Party {
            name: party.name.value,
            addresses: party
                .addresses
                .values()
                .into_iter()
                .map(|net| net.0)
                .collect(),
            domains: party
                .domains
                .values()
                .into_iter()
                .map(|domain| domain.0)
                .collect(),
            contract: party.contract.value(),
            access,
            place: party.at,
        }
    }

    fn named_asset(&mut self, asset: &At<String>, party: &str) -> Option<usize> {
        match self.assets.find(&asset.value) {
            Found::At(index) => Some(index),
            Found::Broken => None,
            Found::Nowhere => {
                self.problems.push(Problem::new(
                    &asset.place,
                    format!(
                        "access of party \"{party}\" names \"{}\", which is no asset",
                        asset.value
                    ),
                    self.assets.remedy(&asset.value, ""),
                ));
                None
            }
        }
    }

    fn sensor(&mut self, sensor: file::Sensor) -> Sensor {
        let mut sees = Vec::new();
        for zone in &sensor.sees.0 {
            match self.zones.find(&zone.value) {
                Found::At(index) => sees.push(index),
                Found::Broken => {}
                Found::Nowhere => {
                    let remedy = match zone.value.strip_prefix("zone:") {
                        Some(bare) if self.zones.index.contains_key(bare) => {
                            format!("write \"{bare}\" alone")
                        }
                        _ => self.zones.remedy(&zone.value, ""),
                    };
                    self.problems.push(Problem::new(
                        &zone.place,
                        format!(
                            "sensor \"{}\" sees \"{}\", which is no zone",
                            sensor.name.value, zone.value
                        ),
                        remedy,
                    ));
                }
            }
        }
        Sensor {
            name: sensor.name.value,
            sees,
            captures: sensor
                .captures
                .values()
                .into_iter()
                .map(|pattern| pattern.0)
                .collect(),
            interface: sensor.interface.value(),
            timestamps: sensor.timestamps.value().unwrap_or(Timestamps::Kernel),
            folder: sensor.folder.value(),
            place: sensor.at,
        }
    }

    fn ends(&mut self, ends: Filled<EndName>) -> Vec<End> {
        ends.0
            .iter()
            .filter_map(|end| self.end(&end.value.0, &end.place))
            .collect()
    }

    /// What a text names: `zone:NAME`, `party:NAME`, an asset, or else an address or prefix.
    fn end(&mut self, text: &str, place: &Place) -> Option<End> {
        for (prefix, names, end) in [
            ("zone:", &self.zones, End::Zone as fn(usize) -> End),
            ("party:", &self.parties, End::Party as fn(usize) -> End),
        ] {
            let Some(name) = text.strip_prefix(prefix) else {
                continue;
            };
            return match names.find(name) {
                Found::At(index) => Some(end(index)),
                Found::Broken => None,
                Found::Nowhere => {
                    let what = format!("\"{text}\" names no {}", names.what);
                    self.problems
                        .push(Problem::new(place, what, names.remedy(name, prefix)));
                    None
                }
            };
        }
        match self.assets.find(text) {
            Found::At(index) => return Some(End::Asset(index)),
            Found::Broken => return None,
            Found::Nowhere => {}
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Some(End::Net(IpNet::from(address)));
        }
        match net(text) {
            Ok(net) => return Some(End::Net(net)),
            // Looks like an address with its prefix: what is wrong with it is the better message.
            Err(Wrong::Value { what, remedy }) if text.parse::<IpNet>().is_ok() => {
                self.problems.push(Problem::new(place, what, remedy));
                return None;
            }
            Err(_) => {}
        }
        let remedy = match (self.zones.find(text), self.parties.find(text)) {
            (Found::At(_) | Found::Broken, _) => format!("did you mean \"zone:{text}\"?"),
            (_, Found::At(_) | Found::Broken) => format!("did you mean \"party:{text}\"?"),
            (Found::Nowhere, Found::Nowhere) => match closest(text, self.assets.all()) {
                Some(meant) => format!("did you mean \"{meant}\"?"),
                None => {
                    "declare it as [[asset]], or write \"zone:NAME\", \"party:NAME\" or an address"
                        .to_owned()
                }
            },
        };
        self.problems.push(Problem::new(
            place,
            format!("\"{text}\" is neither an asset nor an address"),
            remedy,
        ));
        None
    }
}

/// A time for messages: RFC 3339 in UTC, without a fraction where there is none.
fn seconds(time: Time) -> String {
    time.to_string().replace(".000000000", "")
}

fn zone(zone: file::Zone) -> Zone {
    Zone {
        name: zone.name.value,
        kind: zone.kind.value,
        crane: zone.crane.value(),
        vlans: zone.vlans.values().into_iter().map(|vlan| vlan.0).collect(),
        subnets: zone
            .subnets
            .values()
            .into_iter()
            .map(|subnet| subnet.0)
            .collect(),
        for_untrusted_suppliers: May::value(zone.for_untrusted_suppliers).unwrap_or(false),
        place: zone.at,
    }
}

fn supplier(supplier: file::Supplier) -> Supplier {
    Supplier {
        name: supplier.name.value,
        names: supplier.names.values(),
        ouis: supplier
            .ouis
            .values()
            .into_iter()
            .map(|oui| (oui.0, oui.1))
            .collect(),
        trust: supplier.trust.value,
        lists: supplier.lists.values(),
        place: supplier.at,
    }
}

fn platform(platform: file::Platform) -> Platform {
    Platform {
        name: platform.name.value,
        domains: platform
            .domains
            .0
            .into_iter()
            .map(|at| at.value.0)
            .collect(),
        place: platform.at,
    }
}
