//! Conversations of the same ends, service and explanation taken together, and those that carried a log.
//!
//! A crane network repeats itself: a million conversations are some thousand flows. Pages judge flows, and cite the
//! first conversations of each.
use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::IpAddr;

use facts::kinds::Conversation;
use facts::{Address, Cell, Mac, Plain, Term, Time, Uid, Value};
use hashbrown::HashMap;

use crate::Error;
use crate::context::{Context, Known, Row};
use crate::fold;
use crate::loading::Loader;

/// Conversations cited per flow.
const CITED: usize = 16;

/// An end as it is named: facts have an address, cases of pages may have any text.
#[derive(Clone, Copy)]
enum Named<'a> {
    Address(Address),
    Text(&'a str),
}

impl Named<'_> {
    fn text(self) -> String {
        match self {
            Named::Address(address) => address.to_string(),
            Named::Text(text) => text.to_owned(),
        }
    }

    fn ip(self) -> Option<IpAddr> {
        match self {
            Named::Address(address) => address.ip(),
            Named::Text(text) => text.parse().ok(),
        }
    }
}

/// MAC addresses, as they are kept or as a row of SQL spells them.
#[derive(Clone, Copy)]
enum Macs<'a> {
    Addresses(&'a [Mac]),
    Texts(&'a [String]),
}

/// What a flow takes of a conversation.
#[derive(Clone, Copy)]
pub(crate) struct Talk<'a> {
    time: Option<Time>,
    last: Option<Time>,
    uid: Uid,
    community_id: Option<&'a str>,
    transport: &'a str,
    client: Named<'a>,
    client_mac: Option<Mac>,
    server: Named<'a>,
    server_mac: Option<Mac>,
    server_port: Option<i64>,
    forwarders: Macs<'a>,
    protocol: Option<&'a str>,
    assumed: Option<&'a str>,
    variant: Option<&'a str>,
    state: &'a str,
    midstream: bool,
    packets_out: u64,
    packets_in: u64,
    bytes_out: u64,
    bytes_in: u64,
    gaps: u64,
    parent: Option<&'a str>,
    carried_by: Option<&'a str>,
    client_asset: Option<&'a str>,
    client_zone: Option<&'a str>,
    client_party: Option<&'a str>,
    server_asset: Option<&'a str>,
    server_zone: Option<&'a str>,
    server_party: Option<&'a str>,
    crosses: bool,
    conduit: Option<&'a str>,
    reason: Option<&'a str>,
    without_order: Option<Term>,
    capture: Option<&'a str>,
}

impl<'a> Talk<'a> {
    #[inline]
    pub(crate) fn of(one: &'a Conversation, captures: &'a [String]) -> Talk<'a> {
        let capture = one
            .evidence
            .capture
            .and_then(|at| captures.get(at as usize));
        Talk {
            time: Some(one.time),
            last: Some(one.last),
            uid: one.uid,
            community_id: one.community_id.as_deref(),
            transport: &one.transport,
            client: Named::Address(one.client),
            client_mac: one.client_mac,
            server: Named::Address(one.server),
            server_mac: one.server_mac,
            server_port: one.server_port.map(i64::from),
            forwarders: Macs::Addresses(&one.forwarders),
            protocol: one.protocol.as_deref(),
            assumed: one.assumed.as_deref(),
            variant: one.variant.as_deref(),
            state: &one.state,
            midstream: one.midstream,
            packets_out: one.packets_out,
            packets_in: one.packets_in,
            bytes_out: one.bytes_out,
            bytes_in: one.bytes_in,
            gaps: one.gaps.into(),
            parent: one.parent.as_deref(),
            carried_by: one.carried_by.as_deref(),
            client_asset: one.client_asset.as_deref(),
            client_zone: one.client_zone.as_deref(),
            client_party: one.client_party.as_deref(),
            server_asset: one.server_asset.as_deref(),
            server_zone: one.server_zone.as_deref(),
            server_party: one.server_party.as_deref(),
            crosses: one.crosses,
            conduit: one.conduit.as_deref(),
            reason: one.reason.as_deref(),
            without_order: one.without_order,
            capture: capture.map(String::as_str),
        }
    }

    pub(crate) fn of_row(row: Row<'a>) -> Talk<'a> {
        let number = |column: &str| match row.get(column) {
            Value::Int(n) => u64::try_from(*n).unwrap_or(0),
            _ => 0,
        };
        let time = |column: &str| row.text(column).and_then(Time::parse);
        let mac = |column: &str| row.text(column).and_then(|text| text.parse().ok());
        let named = |column: &str| Named::Text(row.text(column).unwrap_or_default());
        Talk {
            time: time("time"),
            last: time("last"),
            uid: row.uid(),
            community_id: row.text("community_id"),
            transport: row.text("transport").unwrap_or_default(),
            client: named("client"),
            client_mac: mac("client_mac"),
            server: named("server"),
            server_mac: mac("server_mac"),
            server_port: match row.get("server_port") {
                Value::Int(port) => Some(*port),
                _ => None,
            },
            forwarders: match row.get("forwarders") {
                Value::List(macs) => Macs::Texts(macs),
                _ => Macs::Texts(&[]),
            },
            protocol: row.text("protocol"),
            assumed: row.text("assumed"),
            variant: row.text("variant"),
            state: row.text("state").unwrap_or_default(),
            midstream: row.flag("midstream"),
            packets_out: number("packets_out"),
            packets_in: number("packets_in"),
            bytes_out: number("bytes_out"),
            bytes_in: number("bytes_in"),
            gaps: number("gaps"),
            parent: row.text("parent"),
            carried_by: row.text("carried_by"),
            client_asset: row.text("client_asset"),
            client_zone: row.text("client_zone"),
            client_party: row.text("client_party"),
            server_asset: row.text("server_asset"),
            server_zone: row.text("server_zone"),
            server_party: row.text("server_party"),
            crosses: row.flag("crosses"),
            conduit: row.text("conduit"),
            reason: row.text("reason"),
            without_order: row.text("without_order").and_then(Term::parse),
            capture: row.text("capture"),
        }
    }
}

impl Talk<'_> {
    /// Syslog, in the clear or over TLS on its own port (RFC 5425).
    #[inline]
    pub(crate) fn hands_a_log_on(&self) -> bool {
        let is_log = match self.protocol {
            Some("syslog") => true,
            Some("tls") => self.server_port == Some(6514),
            _ => false,
        };
        is_log && self.packets_out > 0
    }
}

/// What counts of conversations that belong together.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    count: u64,
    exchanged: u64,
    attempts: u64,
    dim: u64,
    time: Option<Time>,
    last: Option<Time>,
    packets: u64,
    bytes_out: u64,
    bytes_in: u64,
    /// The first of them, ascending.
    cited: Vec<i64>,
}

impl Tally {
    /// Counts one more; they come by ascending number. `snapped`: its frames are shortened.
    #[inline]
    pub(crate) fn count(&mut self, id: i64, talk: &Talk<'_>, snapped: bool) {
        let exchanged = matches!(talk.state, "answered" | "one-way" | "one-sided");
        // A connection that was opened and closed without a byte is a knock at the door, not a use of the service.
        let empty = talk.state == "answered" && talk.bytes_out == 0 && talk.transport == "tcp";
        self.count += 1;
        if exchanged && !empty {
            self.exchanged += 1;
        } else {
            self.attempts += 1;
        }
        let dim = talk.state == "one-sided" || talk.midstream || talk.gaps > 0 || snapped;
        self.dim += u64::from(dim);
        self.time = self.time.into_iter().chain(talk.time).min();
        self.last = self.last.max(talk.last);
        let packets = talk.packets_out.saturating_add(talk.packets_in);
        self.packets = self.packets.saturating_add(packets);
        self.bytes_out = self.bytes_out.saturating_add(talk.bytes_out);
        self.bytes_in = self.bytes_in.saturating_add(talk.bytes_in);
        if self.cited.len() < CITED {
            self.cited.push(id);
        }
    }

    pub(crate) fn add(&mut self, other: Tally) {
        self.count += other.count;
        self.exchanged += other.exchanged;
        self.attempts += other.attempts;
        self.dim += other.dim;
        self.time = self.time.into_iter().chain(other.time).min();
        self.last = self.last.max(other.last);
        self.packets = self.packets.saturating_add(other.packets);
        self.bytes_out = self.bytes_out.saturating_add(other.bytes_out);
        self.bytes_in = self.bytes_in.saturating_add(other.bytes_in);
        self.cited.extend(other.cited);
        self.cited.sort_unstable();
        self.cited.truncate(CITED);
    }
}

/// The first conversation of a flow, and what counts of all.
struct Flow<'a> {
    talk: Talk<'a>,
    tally: Tally,
}

/// What a flow takes from elsewhere than its conversations.
struct Seen<'s> {
    client_asset: Option<Cow<'s, str>>,
    server_asset: Option<Cow<'s, str>>,
    protocol: Option<&'s str>,
    port: Option<i64>,
    work_order: Option<&'s str>,
    session: Option<&'s str>,
    unauthorised: bool,
    manages: bool,
    platform: Option<&'s str>,
    hidden_by: Option<&'s str>,
}

impl<'f> Context<'f> {
    /// The platform whose name was answered with that address.
    fn platform_of(&self, server: Named<'_>) -> Option<&'f str> {
        if self.platform_ips.is_empty() {
            return None;
        }
        self.platform_ips.get(&server.ip()?).copied()
    }
}

impl Known {
    /// The device with a sign of a hidden path that carried the conversation.
    fn hidden_by(
        &self,
        talk: &Talk<'_>,
        client_asset: Option<&str>,
        server_asset: Option<&str>,
    ) -> Option<&str> {
        if self.hidden_macs.is_empty() {
            return None;
        }
        // A declared device is no hidden path to itself: what it does is told on its own.
        let hidden = |mac: Mac| {
            let (device, declared) = self.hidden_macs.get(&mac)?;
            let itself = client_asset == Some(device) || server_asset == Some(device);
            (!declared || !itself).then_some(device.as_str())
        };
        let ends = [talk.server_mac, talk.client_mac].into_iter().flatten();
        let (addresses, texts) = match talk.forwarders {
            Macs::Addresses(macs) => (macs, &[][..]),
            Macs::Texts(texts) => (&[][..], texts),
        };
        let texts = texts.iter().filter_map(|mac| mac.parse().ok());
        let forwarders = addresses.iter().copied().chain(texts);
        ends.chain(forwarders).find_map(hidden)
    }

    /// An address that names no single host.
    fn is_local(&self, address: &str) -> bool {
        is_local(address) || self.broadcasts.contains(address)
    }
}

/// Gathers conversations into flows.
pub(crate) struct Flows<'a> {
    context: Context<'a>,
    known: Known,
    index: HashMap<Vec<u8>, usize>,
    flows: Vec<Flow<'a>>,
    logs: Vec<LogSent>,
    key: Vec<u8>,
}

/// A row of `log_sent`.
#[derive(Debug)]
struct LogSent {
    conversation: i64,
    host: Option<String>,
    collector: Option<String>,
    time: Option<Time>,
    last: Option<Time>,
}

impl<'a> Flows<'a> {
    pub(crate) fn new(context: Context<'a>, known: Known) -> Flows<'a> {
        Flows {
            context,
            known,
            index: HashMap::new(),
            flows: Vec::new(),
            logs: Vec::new(),
            key: Vec::new(),
        }
    }

    /// Adds a conversation.
    pub(crate) fn add(&mut self, id: i64, talk: &Talk<'a>) {
        let snapped = talk
            .capture
            .is_some_and(|capture| self.context.is_snapped(capture));
        let mut tally = Tally::default();
        tally.count(id, talk, snapped);
        self.add_alike(talk, tally);
        if talk.hands_a_log_on() {
            self.add_log(id, talk);
        }
    }

    /// Adds conversations of which that is the first, and the others differ in nothing that flows are told apart by.
    /// Firsts come in the order of the conversations.
    pub(crate) fn add_alike(&mut self, talk: &Talk<'a>, tally: Tally) {
        let seen = see(&self.context, &self.known, talk);
        self.key.clear();
        for part in [
            seen.client_asset.as_deref(),
            talk.client_zone,
            talk.client_party,
            seen.server_asset.as_deref(),
            talk.server_zone,
            talk.server_party,
            Some(talk.transport),
            seen.protocol,
            talk.variant,
            talk.conduit,
            talk.reason,
            seen.work_order,
            seen.platform,
            seen.hidden_by,
            seen.session,
            talk.carried_by,
            talk.without_order.as_ref().map(Term::as_str),
        ] {
            self.key
                .extend_from_slice(part.unwrap_or("\u{1}").as_bytes());
            self.key.push(0);
        }
        let marks = [
            seen.unauthorised,
            seen.manages,
            talk.crosses,
            seen.port.is_some(),
        ];
        self.key.extend(marks.map(u8::from));
        self.key
            .extend_from_slice(&seen.port.unwrap_or_default().to_le_bytes());

        let index = match self.index.get(&self.key) {
            Some(index) => *index,
            None => {
                let (talk, tally) = (*talk, Tally::default());
                self.flows.push(Flow { talk, tally });
                let index = self.flows.len().saturating_sub(1);
                self.index.insert(self.key.clone(), index);
                index
            }
        };
        if let Some(flow) = self.flows.get_mut(index) {
            flow.tally.add(tally);
        }
    }

    /// Notes a conversation that hands a log on, after it was added.
    pub(crate) fn add_log(&mut self, id: i64, talk: &Talk<'_>) {
        let collector = talk.server_asset.map(str::to_owned);
        self.logs.push(LogSent {
            conversation: id,
            host: talk.client_asset.map(str::to_owned),
            collector: collector.or_else(|| unnamed(None, talk.server)),
            time: talk.time,
            last: talk.last,
        });
    }

    /// Numbers of the conversations that a row names, ascending.
    pub(crate) fn cited(&self) -> Vec<i64> {
        let by_flows = self.flows.iter().flat_map(|flow| &flow.tally.cited);
        let by_logs = self.logs.iter().map(|log| &log.conversation);
        let mut cited: Vec<i64> = by_flows.chain(by_logs).copied().collect();
        cited.sort_unstable();
        cited.dedup();
        cited
    }

    /// Fills `flow`, without `story`, which SQL tells.
    pub(crate) fn load(&self, flow: &mut Loader<'_>) -> Result<(), Error> {
        let mut scratch = String::new();
        let known = &self.known;
        let zone = |zone: Option<&str>| zone.and_then(|zone| known.zones.get(zone));
        let role = |asset: Option<&str>| known.roles.get(asset?).map(String::as_str);
        for Flow { talk, tally: sums } in &self.flows {
            let seen = see(&self.context, known, talk);
            let unexplained = talk.conduit.is_none()
                && !matches!(talk.reason, Some("housekeeping" | "answers"))
                && (seen.work_order.is_none() || seen.unauthorised || talk.without_order.is_some());
            let ends = [
                (
                    talk.client,
                    seen.client_asset.as_deref(),
                    talk.client_zone,
                    talk.client_party,
                ),
                (
                    talk.server,
                    seen.server_asset.as_deref(),
                    talk.server_zone,
                    talk.server_party,
                ),
            ];
            for (address, asset, zone_name, party) in ends {
                let (address, zone) = (address.text(), zone(zone_name));
                flow.cell(Plain::Text(&address))?;
                flow.text(asset)?;
                flow.text(zone_name)?;
                flow.text(zone.map(|(kind, _)| kind.as_str()))?;
                flow.flag(zone.is_some_and(|(_, is_crane)| *is_crane))?;
                flow.text(party)?;
                flow.text(role(asset))?;
                flow.flag(known.is_local(&address))?;
            }
            flow.text(Some(talk.transport))?;
            flow.cell(seen.port.plain(&mut scratch))?;
            flow.text(seen.protocol)?;
            flow.text(talk.variant)?;
            let named = service(seen.protocol, talk.variant, talk.transport, seen.port);
            flow.cell(Plain::Text(&named))?;
            let needless = needless(seen.protocol, talk.variant, talk.transport, seen.port);
            flow.text(needless)?;
            flow.flag(talk.crosses)?;
            for text in [
                talk.conduit,
                seen.work_order,
                talk.reason,
                seen.platform,
                seen.hidden_by,
                seen.session,
                talk.carried_by,
            ] {
                flow.text(text)?;
            }
            flow.flag(seen.unauthorised)?;
            flow.flag(seen.manages)?;
            for number in [sums.count, sums.exchanged, sums.attempts, sums.dim] {
                flow.cell(number.plain(&mut scratch))?;
            }
            flow.time(sums.time, &mut scratch)?;
            flow.time(sums.last, &mut scratch)?;
            for number in [sums.packets, sums.bytes_out, sums.bytes_in] {
                flow.cell(number.plain(&mut scratch))?;
            }
            scratch.clear();
            for (nth, id) in sums.cited.iter().enumerate() {
                let begin = if nth == 0 { '[' } else { ',' };
                // Writing to a text does not fail.
                let _ = write!(scratch, "{begin}\"conversation:{id}\"");
            }
            scratch.push(']');
            flow.cell(Plain::Text(&scratch))?;
            flow.flag(unexplained)?;
            flow.flag(talk.without_order.is_some_and(|word| word == fold::UNCLEAR))?;
            flow.cell(Plain::Null)?;
            flow.end()?;
        }
        Ok(())
    }

    /// Fills `log_sent`.
    pub(crate) fn load_logs(&self, log_sent: &mut Loader<'_>) -> Result<(), Error> {
        let mut scratch = String::new();
        for log in &self.logs {
            log_sent.cell(Plain::Int(log.conversation))?;
            log_sent.cell(log.host.plain(&mut scratch))?;
            log_sent.cell(log.collector.plain(&mut scratch))?;
            log_sent.time(log.time, &mut scratch)?;
            log_sent.time(log.last, &mut scratch)?;
            log_sent.end()?;
        }
        Ok(())
    }
}

fn see<'s>(context: &'s Context<'_>, known: &'s Known, talk: &'s Talk<'_>) -> Seen<'s> {
    let carried = context.carried(talk.community_id);
    let work_order = carried.and_then(|c| c.work_order);
    let session = carried.and_then(|c| c.session(talk.uid));
    let (unauthorised, manages) = carried.map_or((false, false), |c| (c.unauthorised, c.manages));
    let platform = match carried.and_then(|c| c.platform) {
        Some(named) => named,
        None => context.platform_of(talk.server),
    };
    let named = |asset: Option<&'s str>, end| match asset {
        Some(asset) => Some(Cow::Borrowed(asset)),
        None => unnamed(None, end).map(Cow::Owned),
    };
    let client_asset = named(talk.client_asset, talk.client);
    let server_asset = named(talk.server_asset, talk.server);
    let hidden_by = known.hidden_by(talk, client_asset.as_deref(), server_asset.as_deref());
    let protocol = talk
        .parent
        .or(talk.protocol)
        .or(talk.assumed)
        // A transport whose header was cut off names no protocol.
        .filter(|protocol| !protocol.ends_with("-malformed"));
    // The port of a negotiated channel changes with every session: it is no part of what the flow is.
    let port = talk.server_port.filter(|_| talk.parent.is_none());
    Seen {
        client_asset,
        server_asset,
        protocol,
        port,
        work_order,
        session,
        unauthorised,
        manages,
        platform,
        hidden_by,
    }
}

/// What nobody named is called by its address.
fn unnamed(asset: Option<&str>, end: Named<'_>) -> Option<String> {
    let text = asset.is_none().then(|| end.text());
    text.filter(|text| !text.is_empty())
}

/// Link-local, unspecified, multicast or broadcast: an address that says nothing of a zone.
fn is_local(address: &str) -> bool {
    match address.parse::<IpAddr>() {
        Ok(ip) if Address::Ip(ip).is_group() => true,
        Ok(IpAddr::V4(ip)) => ip.is_link_local() || ip.is_unspecified(),
        Ok(IpAddr::V6(ip)) => ip.is_unspecified() || (ip.segments()[0] & 0xffc0) == 0xfe80,
        Err(_) => address.parse().is_ok_and(|mac: facts::Mac| mac.is_group()),
    }
}

/// What a person calls it.
fn service(
    protocol: Option<&str>,
    variant: Option<&str>,
    transport: &str,
    port: Option<i64>,
) -> String {
    match (protocol, variant, port) {
        (Some(protocol @ "snmp"), Some(variant), _) => format!("{protocol} {variant}"),
        (Some(protocol), _, _) => protocol.to_owned(),
        (None, _, Some(port)) => format!("{transport}/{port}"),
        (None, _, _) => transport.to_owned(),
    }
}

/// The services that a crane network does not need unless a conduit names them, by protocol. Where no content was
/// recognised, by those registered ports that no other protocol of a crane shares.
fn needless(
    protocol: Option<&str>,
    variant: Option<&str>,
    transport: &str,
    port: Option<i64>,
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
            ("tcp", Some(23)) => "telnet",
            ("tcp", Some(21)) => "ftp",
            ("udp", Some(69)) => "tftp",
            ("udp", Some(137 | 138)) => "nbns",
            ("udp", Some(1900)) => "ssdp",
            ("udp", Some(5353)) => "mdns",
            ("udp", Some(5355)) => "llmnr",
            ("tcp", Some(3389 | 5900)) => REMOTE_DESKTOP,
            ("tcp", Some(515 | 631 | 9100)) => PRINTING,
            ("tcp", Some(139 | 445)) => SMB,
            _ => return None,
        },
    })
}
