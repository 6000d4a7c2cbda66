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
    pub name: String,
    /// IANA name of the time zone in which reports show times; UTC if the site names none.
    pub time_zone: String,
    pub zones: Vec<Zone>,
    pub assets: Vec<Asset>,
    pub conduits: Vec<Conduit>,
    pub work_orders: Vec<WorkOrder>,
    pub parties: Vec<Party>,
    pub suppliers: Vec<Supplier>,
    pub platforms: Vec<Platform>,
    pub sensors: Vec<Sensor>,
    pub run: Run,
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
            pub const ALL: &[$name] = &[$($name::$variant,)*];
            /// The word that the site file uses.
            pub const fn word(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }
            /// One line for the reference.
            pub const fn doc(self) -> &'static str {
                match self { $($name::$variant => concat!($($doc),+),)* }
            }
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

#[derive(Clone, Debug)]
pub struct Zone {
    pub name: String,
    pub kind: ZoneKind,
    pub crane: Option<String>,
    pub vlans: Vec<u16>,
    pub subnets: Vec<IpNet>,
    pub for_untrusted_suppliers: bool,
    pub place: Place,
}

#[derive(Clone, Debug)]
pub struct Asset {
    pub name: String,
    pub role: Role,
    pub crane: Option<String>,
    pub supplier: Option<String>,
    pub hostnames: Vec<String>,
    pub interfaces: Vec<Interface>,
    pub place: Place,
}

/// One network interface; at least one of the three is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    pub mac: Option<Mac>,
    pub ip: Option<IpAddr>,
    pub vlan: Option<u16>,
}

/// One end of a conduit or work order; indexes point into the site's own lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    Asset(usize),
    Zone(usize),
    Party(usize),
    Net(IpNet),
}

#[derive(Clone, Debug)]
pub struct Conduit {
    pub name: String,
    pub from: Vec<End>,
    pub to: Vec<End>,
    pub services: Vec<Service>,
    pub because: String,
    pub during_work_order: bool,
    pub valid_from: Option<Time>,
    pub valid_until: Option<Time>,
    pub place: Place,
}

/// What a conduit allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Service {
    Any,
    /// Transport and port of the server, e.g. `tcp/443`.
    Port {
        udp: bool,
        port: u16,
    },
    EtherType(u16),
    /// A protocol, and after the colon what of it: an operation, a class, or a variant of the protocol.
    Protocol {
        protocol: String,
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

#[derive(Clone, Debug)]
pub struct WorkOrder {
    pub id: String,
    pub sources: Vec<End>,
    pub targets: Vec<End>,
    /// Operations allowed; `remote-session` and `file` are in the two flags.
    pub operations: Vec<crate::kinds::Verb>,
    pub remote_session: bool,
    pub file: bool,
    pub from: Time,
    pub until: Time,
    pub place: Place,
}

#[derive(Clone, Debug)]
pub struct Party {
    pub name: String,
    pub addresses: Vec<IpNet>,
    pub domains: Vec<String>,
    pub contract: Option<String>,
    /// The only way in: index of an asset.
    pub access: Option<usize>,
    pub place: Place,
}

/// A supplier as the site declares it: adds to or overrides the built-in list.
#[derive(Clone, Debug)]
pub struct Supplier {
    pub name: String,
    pub names: Vec<String>,
    /// Prefixes of MAC addresses: the bits, left aligned in 48, and how many count.
    pub ouis: Vec<(u64, u8)>,
    pub trust: Trust,
    pub lists: Vec<String>,
    pub place: Place,
}

#[derive(Clone, Debug)]
pub struct Platform {
    pub name: String,
    pub domains: Vec<String>,
    pub place: Place,
}

/// A vantage point. It sees the frames of its zones; its captures are files by pattern, or a live interface.
#[derive(Clone, Debug)]
pub struct Sensor {
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
    pub judge_every: i64,
    pub save_every: i64,
    /// How long a sensor may see nothing before that is told.
    pub silence: i64,
    pub history_age: i64,
    pub history_size: u64,
    pub packets_size: u64,
    pub kept_size: u64,
    pub metrics_file: Option<String>,
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
    pub name: String,
    pub to: OutputKind,
    pub format: EventFormat,
    /// The file, of `file`.
    pub path: Option<String>,
    /// Host and port, of the syslog kinds.
    pub address: Option<String>,
    pub facility: Option<String>,
    pub ca: Option<String>,
    pub certificate: Option<String>,
    pub key: Option<String>,
    pub server_name: Option<String>,
    pub place: Place,
}
