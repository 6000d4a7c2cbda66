//! Conversations of the same ends, service and explanation taken together.
//!
//! A crane network repeats itself: a million conversations are some thousand flows. Pages judge flows, and cite the
//! first conversations of each.
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

use facts::{Address, KindInfo, Value};

/// Conversations cited per flow.
const CITED: usize = 16;

/// What was learned of conversations from other kinds of fact before the conversations themselves are read.
#[derive(Debug, Default)]
pub(crate) struct Context {
    /// By community ID: what the conversation carried.
    carried: HashMap<String, Carried>,
    /// By address: watched platform whose name was answered with it.
    platform_ips: BTreeMap<String, String>,
    /// By MAC address: device with a sign of a hidden path, and whether the site file declares it.
    pub(crate) hidden_macs: BTreeMap<String, (String, bool)>,
    /// Broadcast addresses of the zones' subnets.
    pub(crate) broadcasts: BTreeSet<String>,
    /// Captures whose frames are shortened.
    snapped: BTreeSet<String>,
    /// By zone: kind, and whether it is of the crane network.
    pub(crate) zones: BTreeMap<String, (String, bool)>,
    /// By asset: role.
    pub(crate) roles: BTreeMap<String, String>,
}

#[derive(Debug, Default)]
struct Carried {
    work_order: Option<String>,
    /// Protocol of the remote session.
    session: Option<String>,
    unauthorised: bool,
    manages: bool,
    /// Platform of a name seen in it; `Some(None)` when names were seen and none is of a platform.
    platform: Option<Option<String>>,
}

/// A row with its columns by name.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) kind: &'a KindInfo,
    pub(crate) values: &'a [Value],
}

impl<'a> Row<'a> {
    pub(crate) fn get(self, column: &str) -> &'a Value {
        let index = self.kind.columns.iter().position(|c| c.name == column);
        index
            .and_then(|index| self.values.get(index))
            .unwrap_or(&Value::Null)
    }

    pub(crate) fn text(self, column: &str) -> Option<&'a str> {
        match self.get(column) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    fn flag(self, column: &str) -> bool {
        matches!(self.get(column), Value::Bool(true) | Value::Int(1))
    }
}

impl Context {
    /// Reads a fact that says something of a conversation: operations, names, remote sessions.
    pub(crate) fn learn(&mut self, row: Row<'_>) {
        match row.kind.name {
            "operation" => {
                let operation = row.text("operation").unwrap_or_default();
                let allowed = row.text("work_order").is_some() || row.text("conduit").is_some();
                let entry = self.entry(row);
                entry.unauthorised |=
                    row.flag("modifies") && operation != "authenticate" && !allowed;
                entry.manages |= operation == "diagnose" && !allowed;
                if entry.work_order.is_none() {
                    entry.work_order = row.text("work_order").map(str::to_owned);
                }
            }
            "remote_session" => {
                let entry = self.entry(row);
                if entry.session.is_none() {
                    entry.session = row.text("protocol").map(str::to_owned);
                }
                if entry.work_order.is_none() {
                    entry.work_order = row.text("work_order").map(str::to_owned);
                }
            }
            "name" => {
                let platform = row.text("platform").map(str::to_owned);
                if let (Some(platform), Value::List(answers)) = (&platform, row.get("answers")) {
                    let ips = answers
                        .iter()
                        .filter(|answer| answer.parse::<std::net::IpAddr>().is_ok_and(is_public));
                    self.platform_ips
                        .extend(ips.map(|ip| (ip.clone(), platform.clone())));
                }
                if matches!(row.text("via"), Some("tls-sni" | "http-host")) {
                    let seen = self.entry(row).platform.get_or_insert(None);
                    if seen.is_none() {
                        *seen = platform;
                    }
                }
            }
            "capture_file" => {
                if matches!(row.get("snapped"), Value::Int(n) if *n > 0) {
                    self.snapped.extend(row.text("name").map(str::to_owned));
                }
            }
            _ => {}
        }
    }

    /// An address that names no single host.
    fn is_local(&self, address: &str) -> bool {
        is_local(address) || self.broadcasts.contains(address)
    }

    fn entry(&mut self, row: Row<'_>) -> &mut Carried {
        self.carried
            .entry(row.text("community_id").unwrap_or_default().to_owned())
            .or_default()
    }

    fn carried(&self, community_id: Option<&str>) -> Option<&Carried> {
        community_id
            .filter(|id| !id.is_empty())
            .and_then(|id| self.carried.get(id))
    }
}

/// An answer that names a host of the terminal itself (a sinkhole, a split-horizon resolver) says nothing of a platform.
fn is_public(ip: std::net::IpAddr) -> bool {
    match ip {
        std::net::IpAddr::V4(ip) => {
            !ip.is_private() && !ip.is_loopback() && !ip.is_unspecified() && !ip.is_link_local()
        }
        std::net::IpAddr::V6(ip) => {
            !ip.is_loopback() && !ip.is_unspecified() && (ip.segments()[0] & 0xfe00) != 0xfc00
        }
    }
}

/// Columns of a conversation, by their place in the row: looked up once, read a million times.
macro_rules! places {
    ($($field:ident,)*) => {
        #[derive(Debug)]
        struct Places { $($field: usize,)* }
        impl Places {
            fn of(kind: &KindInfo) -> Places {
                let place = |name: &str| kind.columns.iter().position(|c| c.name == name).unwrap_or(usize::MAX);
                Places { $($field: place(stringify!($field)),)* }
            }
        }
    };
}

places! {
    midstream, gaps, capture,
    time, last, community_id, transport, client, client_mac, server, server_port, server_mac, protocol, assumed, variant, state,
    forwarders, packets_out, packets_in, bytes_out, bytes_in, parent, client_asset, client_zone, client_party, server_asset,
    server_zone, server_party, crosses, conduit, reason,
}

#[derive(Debug)]
struct Sums {
    head: Vec<Value>,
    count: u64,
    exchanged: u64,
    attempts: u64,
    dim: u64,
    time: Option<String>,
    last: Option<String>,
    packets: u64,
    bytes_out: u64,
    bytes_in: u64,
    cited: Vec<String>,
    unexplained: bool,
}

/// Gathers conversations into flows.
#[derive(Debug)]
pub(crate) struct Flows {
    context: Context,
    places: Places,
    index: HashMap<String, usize>,
    flows: Vec<Sums>,
    key: String,
}

impl Flows {
    pub(crate) fn new(context: Context, conversation: &KindInfo) -> Flows {
        Flows {
            context,
            places: Places::of(conversation),
            index: HashMap::new(),
            flows: Vec::new(),
            key: String::new(),
        }
    }

    pub(crate) fn add(&mut self, id: i64, values: &[Value]) {
        let p = &self.places;
        let text = |place: usize| match values.get(place) {
            Some(Value::Text(text)) => Some(text.as_str()),
            _ => None,
        };
        let number = |place: usize| match values.get(place) {
            Some(Value::Int(n)) => u64::try_from(*n).unwrap_or(0),
            _ => 0,
        };
        let carried = self.context.carried(text(p.community_id));
        let work_order = carried.and_then(|c| c.work_order.as_deref());
        let session = carried.and_then(|c| c.session.as_deref());
        let (unauthorised, manages) =
            carried.map_or((false, false), |c| (c.unauthorised, c.manages));
        let server = text(p.server).unwrap_or_default();
        let platform = match carried.and_then(|c| c.platform.as_ref()) {
            Some(named) => named.as_deref(),
            None => self.context.platform_ips.get(server).map(String::as_str),
        };
        let client_asset = text(p.client_asset).or_else(|| text(p.client));
        let server_asset = text(p.server_asset).or_else(|| text(p.server));
        // A declared device is no hidden path to itself: what it does is told on its own.
        let hidden = |mac: &str| {
            let (device, declared) = self.context.hidden_macs.get(mac)?;
            let device = Some(device.as_str());
            (!declared || (client_asset != device && server_asset != device)).then_some(device)?
        };
        let carriers = match values.get(p.forwarders) {
            Some(Value::List(macs)) => macs.as_slice(),
            _ => &[],
        };
        let mut ends = [p.server_mac, p.client_mac].into_iter().filter_map(text);
        let hidden_by = ends
            .find_map(hidden)
            .or_else(|| carriers.iter().find_map(|mac| hidden(mac)));
        let port = values.get(p.server_port).cloned().unwrap_or(Value::Null);
        let protocol = text(p.parent)
            .or_else(|| text(p.protocol))
            .or_else(|| text(p.assumed))
            // A transport whose header was cut off names no protocol.
            .filter(|protocol| !protocol.ends_with("-malformed"));
        let crosses = matches!(
            values.get(p.crosses),
            Some(Value::Bool(true) | Value::Int(1))
        );
        // The port of a negotiated channel changes with every session: it is no part of what the flow is.
        let port = if text(p.parent).is_some() {
            Value::Null
        } else {
            port
        };

        self.key.clear();
        for part in [
            client_asset,
            text(p.client_zone),
            text(p.client_party),
            server_asset,
            text(p.server_zone),
            text(p.server_party),
            text(p.transport),
            protocol,
            text(p.variant),
            text(p.conduit),
            text(p.reason),
            work_order,
            platform,
            hidden_by,
            session,
        ] {
            self.key.push_str(part.unwrap_or("\u{1}"));
            self.key.push('\u{0}');
        }
        let _ = write!(self.key, "{port:?} {unauthorised} {manages} {crosses}");

        let state = text(p.state).unwrap_or_default();
        let (bytes_out, bytes_in) = (number(p.bytes_out), number(p.bytes_in));
        let exchanged = matches!(state, "answered" | "one-way" | "one-sided");
        // A connection that was opened and closed without a byte is a knock at the door, not a use of the service.
        let empty = state == "answered" && bytes_out == 0 && text(p.transport) == Some("tcp");
        let (time, last) = (text(p.time), text(p.last));
        let index = match self.index.get(&self.key) {
            Some(index) => *index,
            None => {
                let unexplained = text(p.conduit).is_none()
                    && !matches!(text(p.reason), Some("housekeeping" | "answers"))
                    && (work_order.is_none() || unauthorised);
                let owned = |text: Option<&str>| {
                    text.map_or(Value::Null, |text| Value::Text(text.to_owned()))
                };
                let zone = |zone: Option<&str>| zone.and_then(|zone| self.context.zones.get(zone));
                let role =
                    |asset: Option<&str>| asset.and_then(|asset| self.context.roles.get(asset));
                let transport = text(p.transport).unwrap_or_default();
                let named = service(protocol, text(p.variant), transport, &port);
                let (from, to) = (zone(text(p.client_zone)), zone(text(p.server_zone)));
                let client = text(p.client).unwrap_or_default();
                let head = vec![
                    owned(Some(client)),
                    owned(client_asset),
                    owned(text(p.client_zone)),
                    owned(from.map(|z| z.0.as_str())),
                    Value::Bool(from.is_some_and(|z| z.1)),
                    owned(text(p.client_party)),
                    owned(role(client_asset).map(String::as_str)),
                    Value::Bool(self.context.is_local(client)),
                    owned(Some(server)),
                    owned(server_asset),
                    owned(text(p.server_zone)),
                    owned(to.map(|z| z.0.as_str())),
                    Value::Bool(to.is_some_and(|z| z.1)),
                    owned(text(p.server_party)),
                    owned(role(server_asset).map(String::as_str)),
                    Value::Bool(self.context.is_local(server)),
                    owned(Some(transport)),
                    port.clone(),
                    owned(protocol),
                    owned(text(p.variant)),
                    Value::Text(named),
                    owned(needless(protocol, text(p.variant), transport, &port)),
                    Value::Bool(crosses),
                    owned(text(p.conduit)),
                    owned(work_order),
                    owned(text(p.reason)),
                    owned(platform),
                    owned(hidden_by),
                    owned(session),
                    Value::Bool(unauthorised),
                    Value::Bool(manages),
                ];
                self.flows.push(Sums {
                    head,
                    count: 0,
                    exchanged: 0,
                    attempts: 0,
                    dim: 0,
                    time: time.map(str::to_owned),
                    last: None,
                    packets: 0,
                    bytes_out: 0,
                    bytes_in: 0,
                    cited: Vec::new(),
                    unexplained,
                });
                let index = self.flows.len().saturating_sub(1);
                self.index.insert(self.key.clone(), index);
                index
            }
        };
        let Some(sums) = self.flows.get_mut(index) else {
            return;
        };
        sums.count += 1;
        if exchanged && !empty {
            sums.exchanged += 1;
        } else {
            sums.attempts += 1;
        }
        let flag =
            |place: usize| matches!(values.get(place), Some(Value::Bool(true) | Value::Int(1)));
        let dim = state == "one-sided"
            || flag(p.midstream)
            || number(p.gaps) > 0
            || text(p.capture).is_some_and(|capture| self.context.snapped.contains(capture));
        sums.dim += u64::from(dim);
        // Text order is time order.
        if sums.time.as_deref() > time && time.is_some() {
            sums.time = time.map(str::to_owned);
        }
        if sums.last.as_deref() < last {
            sums.last = last.map(str::to_owned);
        }
        sums.packets = sums
            .packets
            .saturating_add(number(p.packets_out))
            .saturating_add(number(p.packets_in));
        sums.bytes_out = sums.bytes_out.saturating_add(bytes_out);
        sums.bytes_in = sums.bytes_in.saturating_add(bytes_in);
        if sums.cited.len() < CITED {
            sums.cited.push(format!("conversation:{id}"));
        }
    }

    /// The rows of table `flow`, without `story`, which SQL tells.
    pub(crate) fn rows(self) -> impl Iterator<Item = Vec<Value>> {
        self.flows.into_iter().map(|sums| {
            let int = |n: u64| Value::Int(i64::try_from(n).unwrap_or(i64::MAX));
            let text = |text: Option<String>| text.map_or(Value::Null, Value::Text);
            let mut row = sums.head;
            row.extend([
                int(sums.count),
                int(sums.exchanged),
                int(sums.attempts),
                int(sums.dim),
                text(sums.time),
                text(sums.last),
                int(sums.packets),
                int(sums.bytes_out),
                int(sums.bytes_in),
                Value::List(sums.cited),
                Value::Bool(sums.unexplained),
                Value::Null,
            ]);
            row
        })
    }
}

/// Link-local, unspecified, multicast or broadcast: an address that says nothing of a zone.
fn is_local(address: &str) -> bool {
    use std::net::IpAddr;
    match address.parse::<IpAddr>() {
        Ok(ip) if Address::Ip(ip).is_group() => true,
        Ok(IpAddr::V4(ip)) => ip.is_link_local() || ip.is_unspecified(),
        Ok(IpAddr::V6(ip)) => ip.is_unspecified() || (ip.segments()[0] & 0xffc0) == 0xfe80,
        Err(_) => address.parse().is_ok_and(|mac: facts::Mac| mac.is_group()),
    }
}

/// What a person calls it.
fn service(protocol: Option<&str>, variant: Option<&str>, transport: &str, port: &Value) -> String {
    match (protocol, variant, port) {
        (Some(protocol @ "snmp"), Some(variant), _) => format!("{protocol} {variant}"),
        (Some(protocol), _, _) => protocol.to_owned(),
        (None, _, Value::Int(port)) => format!("{transport}/{port}"),
        (None, _, _) => transport.to_owned(),
    }
}

/// The services that a crane network does not need unless a conduit names them, by protocol. Where no content was
/// recognised, by those registered ports that no other protocol of a crane shares.
fn needless(
    protocol: Option<&str>,
    variant: Option<&str>,
    transport: &str,
    port: &Value,
) -> Option<&'static str> {
    const REMOTE_DESKTOP: &str = "remote desktop";
    const PRINTING: &str = "printing";
    const SMB: &str = "file sharing";
    Some(match protocol {
        Some("telnet") => "telnet",
        Some("ftp") => "ftp",
        Some("tftp") => "tftp",
        Some("snmp") if variant.is_some_and(|v| !v.contains('3')) => "snmp without encryption",
        Some("mdns") => "mdns",
        Some("llmnr") => "llmnr",
        Some("nbns" | "nbt" | "netbios") => "nbns",
        Some("ssdp") => "ssdp",
        Some("upnp") => "upnp",
        Some("rdp" | "vnc" | "rfb" | "teamviewer" | "anydesk") => REMOTE_DESKTOP,
        Some("ipp" | "lpd" | "jetdirect") => PRINTING,
        Some("smb" | "smb2" | "cifs" | "nfs" | "afp") => SMB,
        Some("ntp") => "time from the internet",
        Some("dns") => "names from the internet",
        Some(_) => return None,
        None => match (transport, port) {
            ("tcp", Value::Int(23)) => "telnet",
            ("tcp", Value::Int(21)) => "ftp",
            ("udp", Value::Int(69)) => "tftp",
            ("udp", Value::Int(137 | 138)) => "nbns",
            ("udp", Value::Int(1900)) => "ssdp",
            ("udp", Value::Int(5353)) => "mdns",
            ("udp", Value::Int(5355)) => "llmnr",
            ("tcp", Value::Int(3389 | 5900)) => REMOTE_DESKTOP,
            ("tcp", Value::Int(515 | 631 | 9100)) => PRINTING,
            ("tcp", Value::Int(139 | 445)) => SMB,
            _ => return None,
        },
    })
}
