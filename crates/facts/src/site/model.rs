//! The resolved site: every name checked, every address read.
use std::net::IpAddr;

use ipnet::IpNet;

use super::{Index, Problem, Setting};
use crate::{Mac, Time};

/// A place in a site file, for messages and evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Base name of the file.
    pub file: String,
    /// Line, from 1; 0 stands for the file as a whole.
    pub line: u32,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => f.write_str(&self.file),
            line => write!(f, "{}:{line}", self.file),
        }
    }
}

/// A terminal as its site folder declares it. [`Site::default`] is the empty site: nothing declared, nothing allowed.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// Name of the terminal, as reports show it; empty where no file has `[terminal]`.
    pub name: String,
    /// IANA name of the time zone in which reports show times; UTC if the site names none.
    pub time_zone: String,
    /// Zones, in the order of the files; names are unique, and indexes elsewhere point into this list.
    pub zones: Vec<Zone>,
    /// Devices, in the order of the files; names are unique, and indexes elsewhere point into this list.
    pub assets: Vec<Asset>,
    /// What is allowed, in the order of the files, then as the ledger adds it.
    pub conduits: Vec<Conduit>,
    /// Who may modify what and when, in the order of the files, then as the ledger adds it.
    pub work_orders: Vec<WorkOrder>,
    /// Third parties, in the order of the files; names are unique, and indexes elsewhere point into this list.
    pub parties: Vec<Party>,
    /// Suppliers that the site judges itself; see [`Lists::with_site`](crate::lists::Lists::with_site).
    pub suppliers: Vec<Supplier>,
    /// Platforms that the site watches beside the built-in ones.
    pub platforms: Vec<Platform>,
    /// Vantage points; where the patterns of two fit a capture, it is the first one's.
    pub sensors: Vec<Sensor>,
    /// How `seawall run` runs; of what no file says, the usual values.
    pub run: Run,
    /// Where `seawall run` sends its events; empty stands for the journal.
    pub outputs: Vec<Output>,
    /// Parameters of measures that the site sets, in the order of the files.
    pub settings: Vec<Setting>,
    /// What loads but is probably not meant, in the order of the files.
    pub warnings: Vec<Problem>,
    /// Built by the first lookup. A site put together by hand leaves it at its default and is complete before it is asked.
    pub index: Index,
}

macro_rules! words {
    ($(#[doc = $tdoc:literal])+ $name:ident { $($(#[doc = $doc:literal])+ $variant:ident = $word:literal,)* }) => {
        $(#[doc = $tdoc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[doc = $doc])+ $variant,)* }
        impl $name {
            /// Every word that may stand, in the order of the reference.
            pub const ALL: &[$name] = &[$($name::$variant,)*];
            /// The word that the site file uses.
            pub const fn word(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }
            /// One line for the reference.
            pub const fn doc(self) -> &'static str {
                match self { $($name::$variant => concat!($($doc),+),)* }
            }
            /// The value of that word, in exactly that spelling; `None` for any other.
            pub fn parse(word: &str) -> Option<$name> {
                $name::ALL.iter().copied().find(|one| one.word() == word)
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.word()) }
        }
    };
}
pub(crate) use words;

words! {
    /// What a zone is for.
    ZoneKind {
        /// What moves a crane: controllers, drives, remote I/O, safety, the panels on board.
        CraneControl = "crane-control",
        /// What is on board but moves nothing: cameras, scanners, intercom, lights.
        CraneAuxiliary = "crane-auxiliary",
        /// Crane management on board: the crane management system, maintenance access.
        CraneManagement = "crane-management",
        /// Where cranes are driven or managed from afar: remote operator stations, the remote management system.
        RemoteOperations = "remote-operations",
        /// The port's own operation: terminal operating system, yard, gates.
        PortOperations = "port-operations",
        /// Offices.
        Business = "business",
        /// Between the networks: jump hosts, transfer gates, relays.
        Dmz = "dmz",
        /// Networks of vendors and other third parties.
        ThirdParty = "third-party",
        /// Everything else.
        Internet = "internet",
    }
}

impl ZoneKind {
    /// Zones of the crane network: control, auxiliary and management on board, and remote operations.
    pub const fn is_crane(self) -> bool {
        matches!(
            self,
            ZoneKind::CraneControl
                | ZoneKind::CraneAuxiliary
                | ZoneKind::CraneManagement
                | ZoneKind::RemoteOperations
        )
    }
}

words! {
    /// What an asset is for.
    Role {
        /// Controller.
        Plc = "plc",
        /// Drive or inverter.
        Drive = "drive",
        /// Remote inputs and outputs.
        RemoteIo = "remote-io",
        /// Safety controller.
        Safety = "safety",
        /// Operator panel on board.
        Hmi = "hmi",
        /// Station or laptop from which controllers are programmed.
        EngineeringStation = "engineering-station",
        /// Crane management system on board.
        Cms = "cms",
        /// Remote crane management system.
        Rcms = "rcms",
        /// Cabin view station of the crane management system.
        CabinView = "cabin-view",
        /// Ground view station of the crane management system.
        GroundView = "ground-view",
        /// Station from which a crane is driven remotely.
        OperatorStation = "operator-station",
        /// Camera or video recorder.
        Camera = "camera",
        /// Laser scanner, optical character recognition, other sensing of the load.
        Scanner = "scanner",
        /// Switch; joins networks by trade.
        Switch = "switch",
        /// Router; joins networks by trade.
        Router = "router",
        /// Firewall; joins networks by trade.
        Firewall = "firewall",
        /// Radio link or access point.
        Wireless = "wireless",
        /// Cellular or other modem.
        Modem = "modem",
        /// Jump host: the way in for people; joins networks by trade.
        JumpHost = "jump-host",
        /// Transfer gate: the way in for files; joins networks by trade.
        TransferGate = "transfer-gate",
        /// Server.
        Server = "server",
        /// Terminal operating system.
        Tos = "tos",
        /// Workstation.
        Workstation = "workstation",
        /// Printer.
        Printer = "printer",
        /// Anything else.
        Other = "other",
    }
}

impl Role {
    /// Joins networks by trade, so may have several homes.
    pub const fn joins_networks(self) -> bool {
        matches!(
            self,
            Role::Router | Role::Firewall | Role::Switch | Role::JumpHost | Role::TransferGate
        )
    }

    /// Core control (C15): what moves the crane.
    pub const fn is_core_control(self) -> bool {
        matches!(
            self,
            Role::Plc | Role::Drive | Role::RemoteIo | Role::Safety
        )
    }
}

words! {
    /// How far a supplier is trusted.
    Trust {
        /// Its devices belong on a VLAN set apart for untrusted suppliers.
        Untrusted = "untrusted",
        /// Named in reports; no VLAN of its own is asked.
        Watched = "watched",
        /// Nothing is held against it.
        Trusted = "trusted",
    }
}

/// Devices of like purpose, apart from others by VLAN and subnet.
#[derive(Clone, Debug)]
pub struct Zone {
    /// Name of the zone, unique in the site.
    pub name: String,
    /// What the zone is for.
    pub kind: ZoneKind,
    /// The crane whose zone it is; `None` if it is no one crane's.
    pub crane: Option<String>,
    /// Identifiers of its VLANs, 1 to 4094 (IEEE 802.1Q, 9.6); each belongs to one zone only.
    pub vlans: Vec<u16>,
    /// Its subnets, without bits beyond the prefix; of several zones that hold an address the longest prefix wins.
    pub subnets: Vec<IpNet>,
    /// Whether its VLANs are set apart for devices of untrusted suppliers.
    pub for_untrusted_suppliers: bool,
    /// Where it is declared.
    pub place: Place,
}

/// A device that the site declares.
#[derive(Clone, Debug)]
pub struct Asset {
    /// Name of the asset, unique in the site.
    pub name: String,
    /// What the asset is for.
    pub role: Role,
    /// The crane to which it belongs; `None` if it is no one crane's.
    pub crane: Option<String>,
    /// Its supplier as declared; `None` leaves it to what the device says or to its MAC address.
    pub supplier: Option<String>,
    /// Names by which it goes on the network, as written.
    pub hostnames: Vec<String>,
    /// Its network interfaces, in the order of the site; may be empty.
    pub interfaces: Vec<Interface>,
    /// Where it is declared.
    pub place: Place,
}

/// One network interface; at least one of the three is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// MAC address; recognises the device where there is no IP address or the interface declares none.
    pub mac: Option<Mac>,
    /// IP address; recognises the device in whatever VLAN.
    pub ip: Option<IpAddr>,
    /// Identifier of the VLAN in which it is, 1 to 4094.
    pub vlan: Option<u16>,
}

/// One end of a conduit or work order; indexes point into the site's own lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The asset of that index.
    Asset(usize),
    /// Whatever is in the zone of that index.
    Zone(usize),
    /// The third party of that index, by its addresses and domains.
    Party(usize),
    /// Whatever has an address of that prefix.
    Net(IpNet),
}

/// What is allowed from one to the other; everything else between zones is not.
#[derive(Clone, Debug)]
pub struct Conduit {
    /// Name of the conduit, as findings cite it.
    pub name: String,
    /// Who may ask: any of these; at least one.
    pub from: Vec<End>,
    /// Who may be asked: any of these; at least one.
    pub to: Vec<End>,
    /// What may be asked: any of these; at least one.
    pub services: Vec<Service>,
    /// Contract, ticket or design reference that allows it.
    pub because: String,
    /// Allowed only while a work order in force names source and target.
    pub during_work_order: bool,
    /// First moment at which it is allowed; `None` for always.
    pub valid_from: Option<Time>,
    /// Last moment at which it is allowed; `None` for ever.
    pub valid_until: Option<Time>,
    /// Where it is declared.
    pub place: Place,
}

/// What a conduit allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Service {
    /// Whatever is asked.
    Any,
    /// Transport and port of the server, e.g. `tcp/443`.
    Port {
        /// By UDP rather than TCP.
        udp: bool,
        /// Port of the server, from 1.
        port: u16,
    },
    /// Frames of that EtherType, from 0x0600 on, e.g. 0x8892 of PROFINET.
    EtherType(u16),
    /// A protocol, and after the colon what of it: an operation, a class, or a variant of the protocol.
    Protocol {
        /// Name of the protocol as decoders give it, in lower case; other usual names were replaced.
        protocol: String,
        /// What of the protocol; `None` for all of it.
        part: Option<Part>,
    },
}

/// What stands after the colon of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// One operation of the vocabulary.
    Operation(crate::kinds::Verb),
    /// Everything but read, diagnose, identify.
    Modify,
    /// What the protocol itself tells apart: `snmp:v3`, `tls:1.3`.
    Variant(String),
}

/// Who may modify what, when.
#[derive(Clone, Debug)]
pub struct WorkOrder {
    /// Number of the work order, unique in the site.
    pub id: String,
    /// Who may ask: any of these; at least one.
    pub sources: Vec<End>,
    /// Who may be asked: any of these; at least one.
    pub targets: Vec<End>,
    /// Operations allowed; `remote-session` and `file` are in the two flags.
    pub operations: Vec<crate::kinds::Verb>,
    /// Whether sessions of remote access are allowed.
    pub remote_session: bool,
    /// Whether carrying files is allowed.
    pub file: bool,
    /// First moment at which it is in force.
    pub from: Time,
    /// Last moment at which it is in force; not before `from`.
    pub until: Time,
    /// Where it is declared.
    pub place: Place,
}

/// A third party: a vendor, an integrator, an authority.
#[derive(Clone, Debug)]
pub struct Party {
    /// Name of the party, unique in the site.
    pub name: String,
    /// Its addresses; of several parties that hold an address the longest prefix wins.
    pub addresses: Vec<IpNet>,
    /// Its DNS domains, each with all that is below it, in lower case and without a final dot.
    pub domains: Vec<String>,
    /// The contract with it, as written.
    pub contract: Option<String>,
    /// The only way in: index of an asset.
    pub access: Option<usize>,
    /// Where it is declared.
    pub place: Place,
}

/// A supplier as the site declares it: adds to or overrides the built-in list.
#[derive(Clone, Debug)]
pub struct Supplier {
    /// As reports show it; overrides the entry of the built-in list that has this name.
    pub name: String,
    /// Names by which it goes: brands, former names, names in registers.
    pub names: Vec<String>,
    /// Prefixes of MAC addresses: the bits, left aligned in 48, and how many count.
    pub ouis: Vec<(u64, u8)>,
    /// How far it is trusted.
    pub trust: Trust,
    /// Public lists on which it stands, as written, e.g. `FY2019 NDAA 889`.
    pub lists: Vec<String>,
    /// Where it is declared.
    pub place: Place,
}

/// A logistics platform that the site watches beside the built-in ones.
#[derive(Clone, Debug)]
pub struct Platform {
    /// Name of the platform.
    pub name: String,
    /// Its DNS domains, each with all that is below it, in lower case and without a final dot; at least one.
    pub domains: Vec<String>,
    /// Where it is declared.
    pub place: Place,
}

/// A vantage point. It sees the frames of its zones; its captures are files by pattern, or a live interface.
#[derive(Clone, Debug)]
pub struct Sensor {
    /// Name of the sensor, unique in the site.
    pub name: String,
    /// Indexes of zones.
    pub sees: Vec<usize>,
    /// Patterns on the base name of a capture: `*` any run, `?` any one character.
    pub captures: Vec<String>,
    /// Network interface on which `seawall run` listens.
    pub interface: Option<String>,
    /// Whose time stamps the packets of the interface bear.
    pub timestamps: Timestamps,
    /// Folder in which finished captures appear.
    pub folder: Option<String>,
    /// Where it is declared.
    pub place: Place,
}

/// How `seawall run` runs. Spans are in nanoseconds, sizes in bytes, paths as written.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Folder of what it remembers.
    pub state: String,
    /// User to become.
    pub user: Option<String>,
    /// Workers per interface.
    pub workers: u16,
    /// Memory of the ring of one worker.
    pub ring: u64,
    /// How far judging looks back.
    pub window: i64,
    /// Between two judgements, while they take less than that.
    pub judge_every: i64,
    /// Between two writings to the history: what a crash may lose.
    pub save_every: i64,
    /// How long a sensor may see nothing before that is told.
    pub silence: i64,
    /// Age at which days of the history are deleted.
    pub history_age: i64,
    /// Disk that the history may take; the oldest day goes first.
    pub history_size: u64,
    /// Disk that the ring of packets may take; the oldest go first.
    pub packets_size: u64,
    /// Disk that the packets behind findings may take; those of findings no longer open go first.
    pub kept_size: u64,
    /// File for metrics in the text format of Prometheus; `None` for `seawall.prom` of the state folder.
    pub metrics_file: Option<String>,
    /// Address or Unix socket that serves metrics and health by HTTP; nothing listens where `None`.
    pub metrics_listen: Option<String>,
}

impl Default for Run {
    fn default() -> Run {
        const SECOND: i64 = 1_000_000_000;
        const DAY: i64 = 86_400 * SECOND;
        Run {
            state: "/var/lib/seawall".to_owned(),
            user: None,
            workers: 1,
            ring: 64_000_000,
            window: 7 * DAY,
            judge_every: SECOND,
            save_every: 5 * SECOND,
            silence: 600 * SECOND,
            history_age: 400 * DAY,
            history_size: 20_000_000_000,
            packets_size: 20_000_000_000,
            kept_size: 5_000_000_000,
            metrics_file: None,
            metrics_listen: None,
        }
    }
}

words! {
    /// Where events go.
    OutputKind {
        /// Standard error, as the journal reads it.
        Journal = "journal",
        /// A file, one event a line.
        File = "file",
        /// Syslog by UDP (RFC 5426).
        SyslogUdp = "syslog-udp",
        /// Syslog by TCP (RFC 6587, with counts).
        SyslogTcp = "syslog-tcp",
        /// Syslog by TLS (RFC 5425).
        SyslogTls = "syslog-tls",
    }
}

words! {
    /// Whose time stamps packets bear.
    Timestamps {
        /// The kernel's, when it takes the packet from the card.
        Kernel = "kernel",
        /// The card's, when the packet came off the wire: the card is set to stamp every frame, for which starting needs
        /// CAP_NET_ADMIN, and its clock must be kept at UTC. Where it cannot, the kernel's.
        Hardware = "hardware",
    }
}

words! {
    /// How an event is written.
    EventFormat {
        /// A sentence, for people.
        Text = "text",
        /// JSON in Seawall's own names.
        Json = "json",
        /// JSON in the Elastic Common Schema.
        Ecs = "ecs",
        /// JSON in the Open Cybersecurity Schema Framework.
        Ocsf = "ocsf",
    }
}

/// Where events go. What a kind of output needs is there: the site loads only with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// As messages and metrics call it; unique in the site.
    pub name: String,
    /// Which way events go.
    pub to: OutputKind,
    /// How an event is written; of the journal always text.
    pub format: EventFormat,
    /// The file, of `file`.
    pub path: Option<String>,
    /// Host and port, of the syslog kinds.
    pub address: Option<String>,
    /// Keyword of [`FACILITIES`](super::FACILITIES), of the syslog kinds; `None` for `local0`.
    pub facility: Option<String>,
    /// Certificates of the authorities to trust, a PEM file; always there for `syslog-tls`.
    pub ca: Option<String>,
    /// Certificate to show, a PEM file; there exactly where `key` is.
    pub certificate: Option<String>,
    /// Key of that certificate, a PEM file.
    pub key: Option<String>,
    /// Name that the receiver's certificate must bear, of `syslog-tls`; `None` for the host of `address`.
    pub server_name: Option<String>,
    /// Where it is declared.
    pub place: Place,
}
