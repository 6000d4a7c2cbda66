//! The resolved site: every name checked, every address read.
use std::net::IpAddr;

use ipnet::IpNet;

use crate::{Mac, Time};

/// A place in a site file, for messages and evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Base name of the file.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
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
}

macro_rules! words {
    ($(#[doc = $tdoc:literal])+ $name:ident { $($(#[doc = $doc:literal])* $variant:ident = $word:literal,)* }) => {
        $(#[doc = $tdoc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[doc = $doc])* $variant,)* }
        impl $name {
            pub const ALL: &[$name] = &[$($name::$variant,)*];
            /// The word that the site file uses.
            pub const fn word(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
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

words! {
    /// What a zone is for.
    ZoneKind {
        CraneControl = "crane-control",
        CraneAuxiliary = "crane-auxiliary",
        CraneManagement = "crane-management",
        RemoteOperations = "remote-operations",
        PortOperations = "port-operations",
        Business = "business",
        Dmz = "dmz",
        ThirdParty = "third-party",
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
        Plc = "plc",
        Drive = "drive",
        RemoteIo = "remote-io",
        Safety = "safety",
        Hmi = "hmi",
        EngineeringStation = "engineering-station",
        Cms = "cms",
        Rcms = "rcms",
        CabinView = "cabin-view",
        GroundView = "ground-view",
        OperatorStation = "operator-station",
        Camera = "camera",
        Scanner = "scanner",
        Switch = "switch",
        Router = "router",
        Firewall = "firewall",
        Wireless = "wireless",
        Modem = "modem",
        JumpHost = "jump-host",
        TransferGate = "transfer-gate",
        Server = "server",
        Tos = "tos",
        Workstation = "workstation",
        Printer = "printer",
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
    Trust { Untrusted = "untrusted", Watched = "watched", Trusted = "trusted", }
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
    /// Transport and port, e.g. `tcp/443`; `None` for every port.
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
    pub interface: Option<String>,
    pub place: Place,
}
