//! A draft site file from what was seen: zones from VLANs and subnets, assets with guessed roles and why, and every
//! conversation as a conduit that a person must decide on.
//!
//! Seen is not allowed: conduits and sensors stand there as comments. What is written loads.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::IpAddr;

use facts::kinds::{Asset, Conversation, Operation};
use facts::{Facts, IpNet};

/// Conduits written out; a terminal with more is not decided conduit by conduit.
const MOST_CONDUITS: usize = 2000;

/// The text of `site.toml`. `facts` are folded without a site.
pub fn draft(facts: &Facts) -> String {
    let devices = Devices::new(facts);
    let zones = Zones::new(&devices);
    let mut out = String::new();
    head(&mut out, facts);
    for zone in &zones.all {
        zone.write(&mut out);
    }
    let outside = devices.ends_outside(facts);
    internet(&mut out, &outside);
    out.push_str("\n# ---- Assets ----\n");
    for device in &devices.all {
        device.write(&mut out);
    }
    conduits(&mut out, facts, &devices);
    sensors(&mut out, facts, &zones);
    out
}

fn head(out: &mut String, facts: &Facts) {
    let first = facts.files.iter().filter_map(|file| file.time).min();
    let last = facts.files.iter().filter_map(|file| file.last).max();
    let span = match (first, last) {
        (Some(first), Some(last)) => format!(", from {first} to {last}"),
        _ => String::new(),
    };
    let _ = writeln!(
        out,
        "# A draft, made from {} capture{}{span}.\n\
         #\n\
         # It says what was seen, not what is allowed. Go through every line marked \"decide\"; zones, roles and names are\n\
         # guesses with their reasons. Conduits and sensors are comments until a person stands behind them: uncomment what\n\
         # is meant to be, and give the contract, ticket or design that it is because of.\n\n\
         [terminal]\n\
         name = \"Terminal\"       # decide: the terminal's name\n\
         time_zone = \"UTC\"       # decide: e.g. America/New_York\n\n\
         # ---- Zones ----",
        facts.files.len(),
        if facts.files.len() == 1 { "" } else { "s" },
    );
}

/// A device with the name that the draft gives it.
struct Device<'a> {
    name: String,
    asset: &'a Asset,
    ips: Vec<IpAddr>,
}

struct Devices<'a> {
    all: Vec<Device<'a>>,
    /// Name in the draft by name in the facts.
    names: BTreeMap<&'a str, String>,
}

impl<'a> Devices<'a> {
    fn new(facts: &'a Facts) -> Devices<'a> {
        let mut taken = BTreeSet::new();
        let (mut all, mut names) = (Vec::new(), BTreeMap::new());
        // One address stands on one asset only: the first that has it.
        let mut placed: BTreeSet<String> = BTreeSet::new();
        for asset in &facts.assets {
            let ips: Vec<IpAddr> = asset
                .ips
                .iter()
                .filter(|ip| placed.insert((*ip).clone()))
                .filter_map(|ip| ip.parse().ok())
                .filter(|ip| is_of_a_device(*ip))
                .collect();
            let macs = asset
                .macs
                .iter()
                .filter(|mac| placed.insert((*mac).clone()))
                .count();
            if ips.is_empty() && macs == 0 {
                continue;
            }
            let name = unique(&mut taken, &name(asset));
            names.insert(asset.name.as_str(), name.clone());
            all.push(Device { name, asset, ips });
        }
        Devices { all, names }
    }

    fn name(&self, fact: Option<&str>) -> Option<&str> {
        self.names.get(fact?).map(String::as_str)
    }

    /// Public addresses that assets talked to.
    fn ends_outside(&self, facts: &Facts) -> BTreeSet<IpAddr> {
        let ends = facts
            .conversations
            .iter()
            .flat_map(|one| [one.client, one.server]);
        ends.filter(|end| !end.is_group())
            .filter_map(|end| end.ip())
            .filter(|ip| is_public(*ip))
            .collect()
    }
}

/// A word for a name: what the device calls itself, else its role or nothing, with the end of its address.
fn name(asset: &Asset) -> String {
    let plain = |text: &str| -> String {
        let short = text.split('.').next().unwrap_or(text);
        let word: String = short
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() {
                    c.to_ascii_lowercase()
                } else {
                    '-'
                }
            })
            .take(40)
            .collect();
        word.trim_matches('-').to_owned()
    };
    if let Some(own) = asset
        .hostnames
        .iter()
        .map(|name| plain(name))
        .find(|name| !name.is_empty())
    {
        return own;
    }
    let role = asset.role.as_deref().unwrap_or("device");
    let place = asset
        .ips
        .first()
        .or(asset.macs.first())
        .unwrap_or(&asset.name);
    let place: String = place
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    format!("{role}-{place}")
}

fn unique(taken: &mut BTreeSet<String>, wanted: &str) -> String {
    let mut name = wanted.to_owned();
    let mut number = 2;
    while !taken.insert(name.clone()) {
        name = format!("{wanted}-{number}");
        number += 1;
    }
    name
}

impl Device<'_> {
    fn write(&self, out: &mut String) {
        let asset = self.asset;
        let mut notes = Vec::new();
        if let (Some(maker), Some(why)) = (&asset.maker, &asset.maker_why) {
            notes.push(format!("maker {maker} ({why})"));
        }
        if let (Some(supplier), Some(trust)) = (&asset.supplier, &asset.trust) {
            notes.push(format!(
                "supplier {supplier}, {trust}: {}",
                asset.lists.join(", ")
            ));
        }
        notes.extend(asset.model.iter().map(|model| format!("model {model}")));
        notes.extend(
            asset
                .order_number
                .iter()
                .map(|number| format!("order number {number}")),
        );
        notes.extend(
            asset
                .firmware
                .iter()
                .map(|version| format!("firmware {version}")),
        );
        out.push('\n');
        if !notes.is_empty() {
            let _ = writeln!(out, "# {}", comment(&notes.join("; ")));
        }
        if asset.routes {
            out.push_str(
                "# decide: it carries packets of other addresses; is it meant to join networks?\n",
            );
        }
        let role = asset.role.as_deref().unwrap_or("other");
        let why = match &asset.role_why {
            Some(why) => format!("guessed: {why}"),
            None => "nothing tells what it is".to_owned(),
        };
        let _ = writeln!(
            out,
            "[[asset]]\nname = {}\nrole = {}   # decide: {}",
            quoted(&self.name),
            quoted(role),
            comment(&why)
        );
        if !asset.hostnames.is_empty() {
            let names: Vec<String> = asset.hostnames.iter().map(|name| quoted(name)).collect();
            let _ = writeln!(out, "hostnames = [{}]", names.join(", "));
        }
        let _ = writeln!(out, "interface = [{}]", self.interfaces().join(", "));
    }

    fn interfaces(&self) -> Vec<String> {
        let macs = &self.asset.macs;
        let vlan = match self.asset.vlans.as_slice() {
            [only] => format!(", vlan = {only}"),
            _ => String::new(),
        };
        // One MAC with its addresses is the common case. With several, which has which is for a person to say.
        match (macs.as_slice(), self.ips.as_slice()) {
            ([mac], []) => vec![format!("{{ mac = {}{vlan} }}", quoted(mac))],
            ([mac], ips) => ips
                .iter()
                .map(|ip| format!("{{ mac = {}, ip = \"{ip}\"{vlan} }}", quoted(mac)))
                .collect(),
            (macs, ips) => {
                let macs = macs
                    .iter()
                    .map(|mac| format!("{{ mac = {} }}", quoted(mac)));
                macs.chain(ips.iter().map(|ip| format!("{{ ip = \"{ip}\" }}")))
                    .collect()
            }
        }
    }
}

/// A zone of the draft: a VLAN with its subnets, or a subnet without VLAN.
struct Zone {
    name: String,
    vlan: Option<u16>,
    subnets: Vec<IpNet>,
    roles: BTreeMap<String, usize>,
}

struct Zones {
    all: Vec<Zone>,
}

impl Zones {
    fn new(devices: &Devices<'_>) -> Zones {
        // A subnet belongs to the VLAN in which most of its addresses were seen.
        let mut votes: BTreeMap<IpNet, BTreeMap<Option<u16>, usize>> = BTreeMap::new();
        let mut vlans: BTreeMap<u16, BTreeMap<String, usize>> = BTreeMap::new();
        for device in &devices.all {
            let role = device
                .asset
                .role
                .clone()
                .unwrap_or_else(|| "unknown".to_owned());
            for vlan in &device.asset.vlans {
                *vlans
                    .entry(*vlan)
                    .or_default()
                    .entry(role.clone())
                    .or_default() += 1;
            }
            let only = match device.asset.vlans.as_slice() {
                [vlan] => Some(*vlan),
                _ => None,
            };
            for ip in device.ips.iter().filter(|ip| !is_public(**ip)) {
                if let Some(net) = network(*ip) {
                    *votes.entry(net).or_default().entry(only).or_default() += 1;
                }
            }
        }
        let mut all: Vec<Zone> = vlans
            .into_iter()
            .map(|(vlan, roles)| Zone {
                name: format!("vlan{vlan}"),
                vlan: Some(vlan),
                subnets: Vec::new(),
                roles,
            })
            .collect();
        for (net, votes) in votes {
            let winner = votes
                .iter()
                .max_by_key(|(vlan, count)| (**count, vlan.is_some()))
                .and_then(|(vlan, _)| *vlan);
            match all
                .iter_mut()
                .find(|zone| zone.vlan.is_some() && zone.vlan == winner)
            {
                Some(zone) => zone.subnets.push(net),
                None => {
                    let mut roles = BTreeMap::new();
                    for device in devices
                        .all
                        .iter()
                        .filter(|device| device.ips.iter().any(|ip| net.contains(ip)))
                    {
                        let role = device
                            .asset
                            .role
                            .clone()
                            .unwrap_or_else(|| "unknown".to_owned());
                        *roles.entry(role).or_default() += 1;
                    }
                    let name =
                        format!("net-{}", net.network().to_string().replace([':', '.'], "-"));
                    all.push(Zone {
                        name: name.trim_end_matches('-').to_owned(),
                        vlan: None,
                        subnets: vec![net],
                        roles,
                    });
                }
            }
        }
        Zones { all }
    }
}

impl Zone {
    /// What the zone is for, by what is in it.
    fn kind(&self) -> (&'static str, &'static str) {
        let has = |roles: &[&str]| roles.iter().any(|role| self.roles.contains_key(*role));
        if has(&["plc", "drive", "remote-io", "safety"]) {
            (
                "crane-control",
                "a controller, drive or remote I/O is in it",
            )
        } else if has(&["camera"]) {
            ("crane-auxiliary", "a camera is in it")
        } else if has(&["engineering-station"]) {
            ("crane-management", "an engineering station is in it")
        } else {
            ("port-operations", "nothing of a crane was recognised in it")
        }
    }

    fn write(&self, out: &mut String) {
        let (kind, why) = self.kind();
        let inside: Vec<String> = self
            .roles
            .iter()
            .map(|(role, count)| format!("{count} {role}"))
            .collect();
        let inside = if inside.is_empty() {
            "no device of its own".to_owned()
        } else {
            inside.join(", ")
        };
        let _ = writeln!(out, "\n# seen in it: {}", comment(&inside));
        let _ = writeln!(out, "[[zone]]\nname = {}", quoted(&self.name));
        let _ = writeln!(
            out,
            "kind = \"{kind}\"   # decide: guessed, {why}\n# crane = \"\"   # decide: which crane's, if any"
        );
        if let Some(vlan) = self.vlan {
            let _ = writeln!(out, "vlans = [{vlan}]");
        }
        if !self.subnets.is_empty() {
            let nets: Vec<String> = self
                .subnets
                .iter()
                .map(|net| format!("\"{net}\""))
                .collect();
            let _ = writeln!(
                out,
                "subnets = [{}]   # decide: the real prefix length",
                nets.join(", ")
            );
        }
    }
}

fn internet(out: &mut String, outside: &BTreeSet<IpAddr>) {
    let _ = writeln!(
        out,
        "\n# {} public address{} seen",
        outside.len(),
        if outside.len() == 1 { "" } else { "es" }
    );
    out.push_str(
        "[[zone]]\nname = \"internet\"\nkind = \"internet\"\nsubnets = [\"0.0.0.0/0\", \"::/0\"]\n",
    );
}

/// What a pair was seen to do, by service.
#[derive(Default)]
struct Use<'a> {
    count: u64,
    bytes: u64,
    verbs: BTreeSet<&'static str>,
    first: Option<&'a Conversation>,
}

fn conduits(out: &mut String, facts: &Facts, devices: &Devices<'_>) {
    let mut uses: BTreeMap<(String, String, String), Use<'_>> = BTreeMap::new();
    let mut left_out = 0u64;
    for one in facts
        .conversations
        .iter()
        .filter(|one| matches!(one.state.as_str(), "answered" | "one-way" | "one-sided"))
    {
        if one.reason.as_deref() == Some("housekeeping") || one.server.is_group() {
            continue;
        }
        let end = |asset: Option<&str>, address: facts::Address| match devices.name(asset) {
            Some(name) => name.to_owned(),
            None if address.ip().is_some_and(is_public) => "zone:internet".to_owned(),
            None => address.to_string(),
        };
        let (from, to) = (
            end(one.client_asset.as_deref(), one.client),
            end(one.server_asset.as_deref(), one.server),
        );
        let Some(service) = service(one) else {
            continue;
        };
        // Ends without an address that a site file can name: layer 2 towards a group, a MAC that is nobody's.
        if [&from, &to]
            .iter()
            .any(|end| end.parse::<facts::Mac>().is_ok())
        {
            continue;
        }
        if uses.len() >= MOST_CONDUITS
            && !uses.contains_key(&(from.clone(), to.clone(), service.clone()))
        {
            left_out += 1;
            continue;
        }
        let entry = uses.entry((from, to, service)).or_default();
        entry.count += 1;
        entry.bytes += one.bytes_out + one.bytes_in;
        entry.first.get_or_insert(one);
    }
    verbs(&mut uses, &facts.operations, devices);
    out.push_str("\n# ---- Conduits seen: uncomment what is meant to be ----\n");
    for ((from, to, service), seen) in &uses {
        let services: Vec<String> = if seen.verbs.is_empty() {
            vec![quoted(service)]
        } else {
            seen.verbs
                .iter()
                .map(|verb| quoted(&format!("{service}:{verb}")))
                .collect()
        };
        let since = seen
            .first
            .map(|one| one.time.to_string())
            .unwrap_or_default();
        let _ = writeln!(
            out,
            "\n# seen {} time{} since {since}, {} bytes\n# [[conduit]]\n# name = {}\n# from = [{}]\n# to = [{}]\n# services = [{}]\n# because = \"\"   # decide: contract, ticket or design",
            seen.count,
            if seen.count == 1 { "" } else { "s" },
            seen.bytes,
            quoted(&format!("{from} to {to}: {service}")),
            quoted(from),
            quoted(to),
            services.join(", "),
        );
    }
    if left_out > 0 {
        let _ = writeln!(
            out,
            "\n# {left_out} more conversations are not listed: decide by zone"
        );
    }
}

/// The service of a conversation as a site file names it.
fn service(one: &Conversation) -> Option<String> {
    let plain = |protocol: &str| {
        protocol
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    if let Some(protocol) = one.protocol.as_deref().filter(|protocol| plain(protocol)) {
        return Some(protocol.to_owned());
    }
    match (one.transport.as_str(), one.server_port) {
        ("tcp" | "udp", Some(port)) => Some(format!("{}/{port}", one.transport)),
        (other, _) if other.starts_with("ethertype/") => Some(other.to_owned()),
        _ => None,
    }
}

fn verbs(
    uses: &mut BTreeMap<(String, String, String), Use<'_>>,
    operations: &[Operation],
    devices: &Devices<'_>,
) {
    for one in operations {
        let (Some(from), Some(to)) = (
            devices.name(one.source_asset.as_deref()),
            devices.name(one.target_asset.as_deref()),
        ) else {
            continue;
        };
        if let Some(seen) = uses.get_mut(&(from.to_owned(), to.to_owned(), one.protocol.clone())) {
            seen.verbs.insert(one.operation.name());
        }
    }
}

fn sensors(out: &mut String, facts: &Facts, zones: &Zones) {
    let names: Vec<String> = zones.all.iter().map(|zone| quoted(&zone.name)).collect();
    let captures: Vec<String> = facts
        .captures
        .iter()
        .map(|name| quoted(name.rsplit('/').next().unwrap_or(name)))
        .collect();
    let _ = writeln!(
        out,
        "\n# ---- Sensors: without one that sees a zone, nothing about that zone is ever \"met\" ----\n\n\
         # [[sensor]]\n\
         # name = \"span\"\n\
         # sees = [{}]   # decide: the zones whose every frame it gets\n\
         # captures = [{}]   # decide: patterns such as \"span*.pcap*\"",
        names.join(", "),
        captures.join(", "),
    );
}

/// An address that a device can have on a network: what a site file takes.
fn is_of_a_device(ip: IpAddr) -> bool {
    let broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    !(ip.is_multicast() || ip.is_unspecified() || ip.is_loopback() || broadcast)
}

/// The network that an address is guessed to be in: /24, or /64 of IPv6. Link-local ones are in none.
fn network(ip: IpAddr) -> Option<IpNet> {
    let local = match ip {
        IpAddr::V4(ip) => ip.is_link_local() || ip.is_loopback() || ip.is_unspecified(),
        IpAddr::V6(ip) => ip.is_unicast_link_local() || ip.is_loopback() || ip.is_unspecified(),
    };
    if local {
        return None;
    }
    IpNet::new(ip, if ip.is_ipv4() { 24 } else { 64 })
        .ok()
        .map(|net| net.trunc())
}

fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            // RFC 6598: between a provider and its customers, on no side public.
            let shared = matches!(ip.octets(), [100, second, ..] if second & 0xc0 == 64);
            !(shared
                || ip.is_private()
                || ip.is_link_local()
                || ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_broadcast()
                || ip.is_multicast())
        }
        IpAddr::V6(ip) => {
            !(ip.is_unique_local()
                || ip.is_unicast_link_local()
                || ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_multicast())
        }
    }
}

/// A TOML basic string: JSON's escapes are a part of TOML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Text from the wire in a comment must not end the line.
fn comment(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
