//! The tables: one per kind of fact, those of the site, and those worked out from both.
use facts::kinds::KINDS;
use facts::{Column, KindInfo, Type};

use crate::functions::FUNCTIONS;
use crate::{calendar, records_rows};

/// A table or function as the reference shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct TableDoc {
    /// Name of the table; of a function, how it is called.
    pub name: String,
    /// What a row is, or what the function gives, in one text.
    pub doc: String,
    /// Name, type, doc line. Empty for a function.
    pub columns: Vec<(String, String, String)>,
}

/// Every table in the order of the reference, then the functions.
pub fn tables() -> Vec<TableDoc> {
    let table = |kind: &KindInfo, id: Option<&str>| {
        let id = id.map(|doc| ("id".to_owned(), Type::Int.to_string(), doc.to_owned()));
        let columns = kind
            .columns
            .iter()
            .map(|c| (c.name.to_owned(), c.ty.to_string(), tidy(c.doc)));
        TableDoc {
            name: kind.name.to_owned(),
            doc: tidy(kind.doc),
            columns: id.into_iter().chain(columns).collect(),
        }
    };
    KINDS
        .iter()
        .map(|kind| {
            table(
                kind,
                Some("Number of the fact, from 1; evidence cites it as `kind:id`."),
            )
        })
        .chain(SITE.iter().map(|kind| table(kind, None)))
        .chain(records_rows::docs())
        .chain([
            table(&FLOW, Some("Number of the flow, from 1.")),
            table(&LOG_SENT, Some("Number of the row, from 1.")),
        ])
        .chain(DERIVED.iter().map(|kind| table(kind, None)))
        .chain(
            FUNCTIONS
                .iter()
                .chain(calendar::FUNCTIONS)
                .map(|(name, doc)| TableDoc {
                    name: (*name).to_owned(),
                    doc: (*doc).to_owned(),
                    columns: Vec::new(),
                }),
        )
        .collect()
}

pub(crate) fn tidy(doc: &str) -> String {
    doc.lines()
        .map(str::trim)
        .collect::<Vec<_>>()
        .join(" ")
        .trim()
        .to_owned()
}

/// The kind of fact or site table of that name: those that rows can be put into.
pub(crate) fn find(name: &str) -> Option<&'static KindInfo> {
    KINDS.iter().chain(SITE).find(|kind| kind.name == name)
}

pub(crate) fn affinity(ty: Type) -> &'static str {
    match ty {
        Type::Bool | Type::Int => "INTEGER",
        Type::Real => "REAL",
        Type::Text | Type::Time | Type::List | Type::Numbers => "TEXT",
    }
}

pub(crate) fn create(kind: &KindInfo) -> String {
    let columns: Vec<String> = kind
        .columns
        .iter()
        .map(|c| format!("\"{}\" {}", c.name, affinity(c.ty)))
        .collect();
    format!(
        "CREATE TABLE \"{}\" (id INTEGER PRIMARY KEY, {})",
        kind.name,
        columns.join(", ")
    )
}

pub(crate) fn insert(kind: &KindInfo) -> String {
    let places = vec!["?"; kind.columns.len()].join(", ");
    format!("INSERT INTO \"{}\" VALUES (?, {places})", kind.name)
}

macro_rules! columns {
    ($($name:ident : $ty:ident = $doc:literal,)*) => {
        &[$(Column { name: stringify!($name), ty: Type::$ty, doc: $doc },)*]
    };
}

/// What the site file declares, a table per array of the file.
pub(crate) const SITE: &[KindInfo] = &[
    KindInfo {
        name: "terminal",
        doc: "The terminal: one row.",
        columns: columns! {
            name: Text = "Name.",
            time_zone: Text = "IANA time zone in which times are shown.",
            as_of: Time = "Time as of which is judged.",
        },
    },
    KindInfo {
        name: "site_zone",
        doc: "Zones.",
        columns: columns! {
            name: Text = "Name.",
            kind: Text = "Kind, e.g. `crane-control`.",
            is_crane: Bool = "Whether it belongs to the crane network: control, auxiliary, management, remote operations.",
            crane: Text = "Crane that it belongs to.",
            vlans: Numbers = "VLANs.",
            subnets: List = "Subnets.",
            for_untrusted_suppliers: Bool = "Whether it is set apart for devices of untrusted suppliers.",
            file: Text = "Site file that declares it.",
            line: Int = "Line in that file.",
        },
    },
    KindInfo {
        name: "site_asset",
        doc: "Assets as declared.",
        columns: columns! {
            name: Text = "Name.",
            role: Text = "Role, e.g. `plc`.",
            crane: Text = "Crane.",
            supplier: Text = "Supplier.",
            hostnames: List = "Host names.",
            zones: List = "Zones that its declared interfaces belong to.",
            joins_networks: Bool = "Whether its role joins networks by trade, so that it may have several homes.",
            is_core_control: Bool = "Whether it moves the crane: PLC, drive, remote I/O, safety.",
            file: Text = "Site file that declares it.",
            line: Int = "Line in that file.",
        },
    },
    KindInfo {
        name: "site_interface",
        doc: "Interfaces of declared assets.",
        columns: columns! {
            asset: Text = "Asset.",
            mac: Text = "MAC address.",
            ip: Text = "IP address.",
            vlan: Int = "VLAN.",
            zone: Text = "Zone by the longest prefix of the IP address, else by VLAN.",
        },
    },
    KindInfo {
        name: "site_conduit",
        doc: "Conduits: what is allowed.",
        columns: columns! {
            name: Text = "Name.",
            sources: List = "Ends that may ask, as the site file writes them.",
            targets: List = "Ends that may be asked.",
            services: List = "Services allowed.",
            because: Text = "Contract, ticket or design reference.",
            during_work_order: Bool = "Whether it is allowed only while a work order names source and target.",
            valid_from: Time = "Begin; null for always.",
            valid_until: Time = "End; null for ever.",
            file: Text = "Site file that declares it.",
            line: Int = "Line in that file.",
        },
    },
    KindInfo {
        name: "site_conduit_pair",
        doc: "Which ends each conduit joins, a row per pair of ends.",
        columns: columns! {
            conduit: Text = "Conduit.",
            from_end: Text = "End that may ask, as the site file writes it.",
            from_asset: Text = "Asset, where the end is one.",
            from_zone: Text = "Zone of the end.",
            from_party: Text = "Third party, where the end is one.",
            to_end: Text = "End that may be asked.",
            to_asset: Text = "Asset, where the end is one.",
            to_zone: Text = "Zone of the end.",
            to_party: Text = "Third party, where the end is one.",
        },
    },
    KindInfo {
        name: "site_work_order",
        doc: "Work orders: who may modify what, when.",
        columns: columns! {
            name: Text = "Its id.",
            sources: List = "Ends that may ask.",
            targets: List = "Ends that may be asked.",
            operations: List = "Operations allowed, with `remote-session` and `file`.",
            valid_from: Time = "Begin.",
            valid_until: Time = "End.",
            file: Text = "Site file that declares it.",
            line: Int = "Line in that file.",
        },
    },
    KindInfo {
        name: "site_party",
        doc: "Third parties.",
        columns: columns! {
            name: Text = "Name.",
            addresses: List = "Addresses and prefixes.",
            domains: List = "Domains.",
            contract: Text = "Contract.",
            access: Text = "The only way in: an asset.",
            file: Text = "Site file that declares it.",
            line: Int = "Line in that file.",
        },
    },
    KindInfo {
        name: "site_supplier",
        doc: "Suppliers that the site adds or overrides.",
        columns: columns! {
            name: Text = "Name.",
            names: List = "Names under which it is registered.",
            trust: Text = "`untrusted`, `watched` or `trusted`.",
            lists: List = "Lists that name it.",
            file: Text = "Site file that declares it.",
            line: Int = "Line in that file.",
        },
    },
    KindInfo {
        name: "site_platform",
        doc: "Watched platforms that the site adds.",
        columns: columns! {
            name: Text = "Name.",
            domains: List = "Domains.",
            file: Text = "Site file that declares it.",
            line: Int = "Line in that file.",
        },
    },
    KindInfo {
        name: "site_sensor",
        doc: "Sensors: vantage points.",
        columns: columns! {
            name: Text = "Name.",
            sees: List = "Zones whose every frame it should see.",
            captures: List = "Patterns of the captures that come from it.",
            interface: Text = "Interface that it captures on.",
            file: Text = "Site file that declares it.",
            line: Int = "Line in that file.",
        },
    },
];

/// What is gathered of all conversations in one walk, so that no page has to read a million rows.
pub(crate) const GATHERED: &[KindInfo] = &[FLOW, LOG_SENT];

/// Conversations that carried log messages.
pub(crate) const LOG_SENT: KindInfo = KindInfo {
    name: "log_sent",
    doc: "Conversations in which a host handed its log on: syslog, in the clear or over TLS on its own port (RFC 5425).",
    columns: columns! {
        conversation: Int = "Number of the conversation; evidence cites it as `conversation:NUMBER`.",
        host: Text = "Asset that sent, else its address.",
        collector: Text = "Asset that was sent to, else its address.",
        time: Time = "First packet.",
        last: Time = "Last packet.",
    },
};

/// Conversations of the same ends, service and explanation, as one.
pub(crate) const FLOW: KindInfo = KindInfo {
    name: "flow",
    doc: "Conversations of the same ends, service and explanation taken together, with the one story that each tells.",
    columns: columns! {
        client: Text = "Address of the end that asked.",
        client_asset: Text = "Its asset as named in the site file, else its address.",
        client_zone: Text = "Its zone; null when it belongs to none.",
        client_kind: Text = "Kind of that zone.",
        client_crane: Bool = "Whether that zone belongs to the crane network.",
        client_party: Text = "Third party that owns it.",
        client_role: Text = "Its role, declared or guessed.",
        client_local: Bool = "Whether the address is link-local or unspecified, so says nothing of a zone.",
        server: Text = "Address of the end that was asked.",
        server_asset: Text = "Its asset, else its address.",
        server_zone: Text = "Its zone.",
        server_kind: Text = "Kind of that zone.",
        server_crane: Bool = "Whether that zone belongs to the crane network.",
        server_party: Text = "Third party that owns it.",
        server_role: Text = "Its role.",
        server_local: Bool = "Whether the address is link-local, multicast or broadcast.",
        transport: Text = "As in `conversation`.",
        server_port: Int = "Port of the server.",
        protocol: Text = "Protocol; for a negotiated channel, that of its parent.",
        variant: Text = "Finer name of the protocol.",
        service: Text = "What a person calls it: `snmp v2c`, `rdp`, `tcp/4444`.",
        needless: Text = "Which of the services that a crane network does not need it is; null when none.",
        crosses: Bool = "Whether the ends are in different zones.",
        conduit: Text = "Conduit that explains it.",
        work_order: Text = "Work order that covers what it carried.",
        reason: Text = "Why it needs no conduit, or why none explains it.",
        platform: Text = "Watched platform whose name or address it went to.",
        hidden_by: Text = "Device with a sign of a hidden path that carried it.",
        session: Text = "Protocol of the remote session that it carried.",
        carried_by: Text = "Protocol of the conversations that it came out of, whose bytes hold its own.",
        unauthorised: Bool = "Whether it carried an operation that modifies and that nothing authorises.",
        manages: Bool = "Whether it carried diagnosis or another function of management.",
        count: Int = "Conversations.",
        exchanged: Int = "Conversations in which something came back, or which expect no answer.",
        attempts: Int = "Conversations that were refused or unanswered, or carried nothing at all.",
        dim: Int = "Conversations that the capture shows in part only: one way, from the middle, with gaps, or shortened.",
        time: Time = "First packet.",
        last: Time = "Last packet.",
        packets: Int = "Packets both ways.",
        bytes_out: Int = "Payload bytes from client to server.",
        bytes_in: Int = "Payload bytes from server to client.",
        evidence: List = "The first conversations, as evidence.",
        unexplained: Bool = "Whether nothing explains it: no conduit, no work order, no housekeeping, no answer.",
        between_orders: Bool = "Whether the work orders that it rests on held at its first and last packet and not all the time between, so that it is not known whether anything passed without one.",
        story: Text = "What an unexplained flow tells, first of: `scan`, `hidden-path`, `platform`, `remote-session`, `modification`, `stranger`, `unclear`, `needless-service`, `third-party`, `management`, `segment`, `crossing`; `attempt` when it was refused or unanswered; null when it tells nothing. One flow tells one story.",
    },
};

/// Tables and views worked out in SQL; `derived_*.sql` makes them.
pub(crate) const DERIVED: &[KindInfo] = &[
    KindInfo {
        name: "presence",
        doc: "Where each device is on the wire: an address of its own in a VLAN or zone.",
        columns: columns! {
            asset: Text = "Asset, else its address.",
            declared: Bool = "Whether the site file names it.",
            role: Text = "Role, declared or guessed.",
            zone: Text = "Zone of the segment in which it spoke.",
            zone_kind: Text = "Kind of that zone.",
            is_crane: Bool = "Whether that zone belongs to the crane network.",
            vlan: Int = "VLAN.",
            ip: Text = "IP address; null without one, and for link-local ones.",
            ip_zone: Text = "Zone by the IP address.",
            ip_kind: Text = "Kind of that zone.",
            mac: Text = "MAC address.",
            time: Time = "First frame.",
            last: Time = "Last frame.",
            evidence: Text = "The address, as evidence.",
        },
    },
    KindInfo {
        name: "path_sign",
        doc: "Signs of a hidden path into or out of the crane network, a row per device and sign.",
        columns: columns! {
            asset: Text = "Device, by asset name, else address.",
            sign: Text = "`cellular`, `dhcp`, `gateway`, `names-gateway`, `forwards`, `address`.",
            zone: Text = "Zone in which it shows.",
            detail: Text = "The sign in words, to follow the name of the device.",
            time: Time = "First time.",
            last: Time = "Last time.",
            evidence: Text = "The fact, as evidence.",
        },
    },
    KindInfo {
        name: "multi_homed",
        doc: "Signs that one system has homes in two zones, one of them of the crane network; only roles that do not join networks by trade.",
        columns: columns! {
            asset: Text = "System.",
            other: Text = "The other asset that is the same system, where two seem to be one.",
            zone: Text = "One zone.",
            other_zone: Text = "The other.",
            sign: Text = "`addresses`, `hostname`, `key`, `engine`, `serial`, `client_id` (DHCP), `guid` (SMB), `chassis` (LLDP), `clock_id` (PTP), `declared`.",
            detail: Text = "The sign in words.",
            time: Time = "First time.",
            last: Time = "Last time.",
            evidence: List = "Facts or site lines, as evidence.",
        },
    },
    KindInfo {
        name: "sign",
        doc: "Signs that a system has a second home or is a hidden path, with their weight: 10 is proof, 6 is enough alone, 3 is strong (two are enough), 1 is a hint. Those of `path_sign` and `multi_homed` are among them.",
        columns: columns! {
            asset: Text = "System, by asset name, else address.",
            tells: Text = "`homes` (a second home) or `path` (a hidden path).",
            kind: Text = "Of a path, beside those of `path_sign`: `carries`, `proxy-arp`, `answers-for-many`, `conflict`, `dns`, `ntp`, `role`, `home-router`, `local-mac`, `names`, `systems`, `distance`. Of homes, beside those of `multi_homed`: `mac`, `common-hostname`, `common-key`, `common-engine`, `common-serial`, `common-client_id`, `common-guid`, `common-chassis`, `common-clock_id`, `tcp_clock`, `ntp_clock`.",
            weight: Int = "10, 6, 3 or 1.",
            zone: Text = "Zone in which it shows.",
            other: Text = "The other asset, where two seem to be one.",
            other_zone: Text = "The other zone.",
            detail: Text = "The sign in words, to follow the name of the system.",
            time: Time = "First time; null when only the site file says so.",
            last: Time = "Last time.",
            evidence: List = "Facts or site lines, as evidence.",
        },
    },
    KindInfo {
        name: "sign_sum",
        doc: "What the signs of one system weigh together; of one kind the heaviest counts, once.",
        columns: columns! {
            asset: Text = "System.",
            tells: Text = "`homes` or `path`.",
            weight: Int = "Sum of the weights.",
        },
    },
    KindInfo {
        name: "core_shared",
        doc: "Devices that are not of core control and share a zone of the crane with core control, or the other way round.",
        columns: columns! {
            asset: Text = "The device out of place.",
            role: Text = "Its role.",
            zone: Text = "The zone that they share.",
            core: List = "Devices of core control there (the other devices, where the device of core control is out of place).",
            vlan: Int = "VLAN.",
            time: Time = "First time; null when only the site file says so.",
            last: Time = "Last time.",
            evidence: List = "Facts or site lines, as evidence.",
        },
    },
    KindInfo {
        name: "beyond",
        doc: "Pairs of zones between which an agreed path was used for a change that nothing authorises.",
        columns: columns! {
            client_zone: Text = "Zone from which it was done.",
            server_zone: Text = "Zone of the crane network in which it was done.",
            told_under: Text = "The measure of which the pair is a subject: `C1` or `C11`.",
            count: Int = "Conversations.",
            bytes_out: Int = "Payload bytes from client to server.",
            bytes_in: Int = "Payload bytes from server to client.",
            time: Time = "First packet.",
            last: Time = "Last packet.",
            what: List = "Who did it to whom, and by what service.",
            allowed_by: List = "The conduits of these paths.",
        },
    },
    KindInfo {
        name: "prober",
        doc: "Hosts that tried many ports or hosts without an exchange that anything explains.",
        columns: columns! {
            asset: Text = "The host.",
            zone: Text = "Its zone.",
            targets: Int = "Hosts tried.",
            doors: Int = "Pairs of host and port tried.",
            host: Text = "The host tried, where it is one alone.",
            aims: List = "Hosts of which it tried eight ports or more.",
            toward: List = "Zones of the hosts tried.",
            time: Time = "First try.",
            last: Time = "Last try.",
        },
    },
];

/// Columns of a fact or site table, without `id`, or of a table of records; `None` where no such table takes rows.
pub fn columns(table: &str) -> Option<Vec<(String, Type)>> {
    let columns = match find(table) {
        Some(kind) => kind.columns,
        None => &records_rows::find(table)?.columns,
    };
    let named = columns
        .iter()
        .map(|column| (column.name.to_owned(), column.ty));
    Some(named.collect())
}
