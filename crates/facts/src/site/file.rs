//! The tables of a site file, as written. These structs give the keys that may stand, the JSON Schema and the reference.
use std::net::IpAddr;

use super::reader::{At, Filled, List, May, MayTable, Tables, table};
use super::values::{
    CapturePattern, Domain, DuringWorkOrder, EndName, FilePattern, Net, Oui, Subnet, Vlan, Work,
    ZoneName,
};
use super::{Place, Role, Service, Trust, ZoneKind};
use crate::{Mac, Time};

table! {
    /// A file of a site folder.
    File = "" {
        /// Further files of the folder to read, by name or pattern; only in `site.toml`. Without it, every other `*.toml` of
        /// the folder is read, in the order of names.
        #[schemars(default)]
        include: List<FilePattern>,
        /// The terminal itself; once in all files.
        #[schemars(default)]
        terminal: MayTable<Terminal>,
        /// Zones of the networks.
        #[schemars(default)]
        zone: Tables<Zone>,
        /// Devices.
        #[schemars(default)]
        asset: Tables<Asset>,
        /// What is allowed.
        #[schemars(default)]
        conduit: Tables<Conduit>,
        /// Who may modify what, when.
        #[schemars(default)]
        work_order: Tables<WorkOrder>,
        /// Third parties.
        #[schemars(default)]
        party: Tables<Party>,
        /// Suppliers, beside the built-in list.
        #[schemars(default)]
        supplier: Tables<Supplier>,
        /// Watched platforms, beside the built-in list.
        #[schemars(default)]
        platform: Tables<Platform>,
        /// Vantage points.
        #[schemars(default)]
        sensor: Tables<Sensor>,
    }
}

impl File {
    /// A file in which nothing stands.
    pub(super) fn empty(name: &str) -> File {
        File {
            at: Place {
                file: name.to_owned(),
                line: 1,
            },
            include: List::default(),
            terminal: MayTable::default(),
            zone: Tables::default(),
            asset: Tables::default(),
            conduit: Tables::default(),
            work_order: Tables::default(),
            party: Tables::default(),
            supplier: Tables::default(),
            platform: Tables::default(),
            sensor: Tables::default(),
        }
    }
}

table! {
    /// The terminal that the site describes.
    Terminal = "[terminal]" {
        /// Name of the terminal, as reports show it.
        name: At<String>,
        /// Time zone in which reports show times; UTC if left out.
        #[schemars(default)]
        time_zone: May<ZoneName>,
    }
}

table! {
    /// A zone: devices of like purpose, apart from others by VLAN and subnet. An address belongs to the zone with the longest
    /// prefix that holds it, so that a subnet may lie within that of another zone; the same subnet may not stand in two, nor
    /// may a VLAN, and so exactly one zone may hold `0.0.0.0/0` and `::/0`. Addresses that never leave their link (link-local,
    /// multicast, broadcast, `0.0.0.0`), and frames without an IP address, belong to the zone of their VLAN.
    Zone = "[[zone]]" {
        /// Name of the zone.
        name: At<String>,
        /// What the zone is for.
        kind: At<ZoneKind>,
        /// The crane whose zone it is; left out if it is no one crane's.
        #[schemars(default)]
        crane: May<String>,
        /// VLANs of the zone.
        #[schemars(default)]
        vlans: List<Vlan>,
        /// Subnets of the zone.
        #[schemars(default)]
        subnets: List<Subnet>,
        /// Whether its VLANs are set apart for devices of untrusted suppliers.
        #[schemars(default)]
        for_untrusted_suppliers: May<bool>,
    }
}

table! {
    /// A device. One that no table names is unknown, and is reported as such by its address. Roles that join networks by trade
    /// (`router`, `firewall`, `switch`, `jump-host`, `transfer-gate`) may have interfaces in several zones; others may not.
    Asset = "[[asset]]" {
        /// Name of the asset.
        name: At<String>,
        /// What the asset is for.
        role: At<Role>,
        /// The crane to which it belongs.
        #[schemars(default)]
        crane: May<String>,
        /// Its supplier, as declared; otherwise concluded from what the device says or from its MAC address.
        #[schemars(default)]
        supplier: May<String>,
        /// Names by which it goes on the network.
        #[schemars(default)]
        hostnames: List<String>,
        /// Its network interfaces.
        #[schemars(default)]
        interface: Tables<Interface>,
    }
}

table! {
    /// A network interface of an asset; at least one key must stand. A device is recognised by its IP address in whatever VLAN,
    /// since routed packets are seen in several. It is recognised by its MAC address where there is no IP address, where that
    /// is link-local, or where the interface declares none; the VLAN must then agree where both are known.
    Interface = "interface of [[asset]]" {
        /// MAC address.
        #[schemars(default)]
        mac: May<Mac>,
        /// IP address; a second address is a second interface.
        #[schemars(default)]
        ip: May<IpAddr>,
        /// VLAN in which it is.
        #[schemars(default)]
        vlan: May<Vlan>,
    }
}

table! {
    /// What is allowed from one to the other; everything else between zones is not.
    Conduit = "[[conduit]]" {
        /// Name of the conduit, as findings cite it.
        name: At<String>,
        /// Who may ask: any of these.
        from: Filled<EndName>,
        /// Who may be asked: any of these.
        to: Filled<EndName>,
        /// What may be asked: any of these.
        services: Filled<Service>,
        /// Contract, ticket or design reference that allows it.
        because: At<String>,
        /// `work-order`: allowed only while a work order names source and target.
        #[schemars(default)]
        during: May<DuringWorkOrder>,
        /// Not allowed before.
        #[schemars(default)]
        valid_from: May<Time>,
        /// Not allowed after.
        #[schemars(default)]
        valid_until: May<Time>,
    }
}

table! {
    /// Who may modify what, when.
    WorkOrder = "[[work_order]]" {
        /// Number of the work order.
        id: At<String>,
        /// Who may ask: any of these.
        sources: Filled<EndName>,
        /// Who may be asked: any of these.
        targets: Filled<EndName>,
        /// Operations that it allows.
        operations: Filled<Work>,
        /// When it begins.
        from: At<Time>,
        /// When it ends.
        until: At<Time>,
    }
}

table! {
    /// A third party: a vendor, an integrator, an authority.
    Party = "[[party]]" {
        /// Name of the party.
        name: At<String>,
        /// Its addresses; the longest prefix wins.
        #[schemars(default)]
        addresses: List<Net>,
        /// Its domains, each with all that is below it.
        #[schemars(default)]
        domains: List<Domain>,
        /// The contract with it.
        #[schemars(default)]
        contract: May<String>,
        /// The only way in for it, by the name of an asset.
        #[schemars(default)]
        access: May<String>,
    }
}

table! {
    /// A supplier; adds to the built-in list, or overrides the entry of that name.
    Supplier = "[[supplier]]" {
        /// Name of the supplier.
        name: At<String>,
        /// Names by which it goes: brands, former names, names in registers.
        #[schemars(default)]
        names: List<String>,
        /// Prefixes of MAC addresses registered for it, 24 bits or longer.
        #[schemars(default)]
        ouis: List<Oui>,
        /// How far it is trusted.
        trust: At<Trust>,
        /// Public lists on which it stands, e.g. `FY2019 NDAA 889`.
        #[schemars(default)]
        lists: List<String>,
    }
}

table! {
    /// A watched platform, such as LOGINK; adds to the built-in list.
    Platform = "[[platform]]" {
        /// Name of the platform.
        name: At<String>,
        /// Its domains, each with all that is below it; matched label by label, never by part of a label.
        domains: Filled<Domain>,
    }
}

table! {
    /// A vantage point: a mirror port, a tap, a recording. Its captures are files by pattern, or a live interface.
    Sensor = "[[sensor]]" {
        /// Name of the sensor.
        name: At<String>,
        /// Zones whose every frame it should see.
        sees: Filled<String>,
        /// Files that it wrote: patterns on the base name, `*` any run of characters, `?` any one.
        #[schemars(default)]
        captures: List<CapturePattern>,
        /// Network interface of the machine that runs Seawall, e.g. `eth1`.
        #[schemars(default)]
        interface: May<String>,
    }
}
