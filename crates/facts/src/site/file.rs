//! The tables of a site file, as written. These structs give the keys that may stand, the JSON Schema and the reference.
use std::net::IpAddr;

use super::quantities::{Size, Span, Workers};
use super::reader::{At, Filled, List, May, MayTable, Tables, table};
use super::setting::Settings;
use super::values::{
    CapturePattern, Domain, DuringWorkOrder, EndName, FilePattern, Net, Oui, Subnet, Vlan, Work,
    ZoneName,
};
use super::{EventFormat, OutputKind, Place, Role, Service, Timestamps, Trust, ZoneKind};
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
        /// How `seawall run` runs; once in all files.
        #[schemars(default)]
        run: MayTable<Run>,
        /// Where `seawall run` sends its events.
        #[schemars(default)]
        output: Tables<Output>,
        /// Periods and thresholds of measures that the terminal sets for itself: `R3.notice_days = 14`. `seawall measures ID`
        /// shows what a measure has.
        #[schemars(default)]
        parameters: Settings,
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
            run: MayTable::default(),
            output: Tables::default(),
            parameters: Settings::default(),
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
        /// `work-order`: allowed only while a work order names source and target, from the first packet to the last.
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
        /// Network interface of the machine that runs Seawall, e.g. `eth1`: `seawall run` listens there.
        #[schemars(default)]
        interface: May<String>,
        /// Whose time stamps the packets of the interface bear; `kernel` if left out.
        #[schemars(default)]
        timestamps: May<Timestamps>,
        /// Folder into which another program puts finished captures: `seawall run` reads each as it comes.
        #[schemars(default)]
        folder: May<String>,
    }
}

table! {
    /// How `seawall run` runs. Paths are those of the machine that runs it; a path that does not begin with `/` starts from the
    /// site folder.
    Run = "[run]" {
        /// Folder in which it keeps what it remembers: history, packets, kept evidence; `/var/lib/seawall` if left out.
        #[schemars(default)]
        state: May<String>,
        /// User to become once the interfaces are open, when it was started as root.
        #[schemars(default)]
        user: May<String>,
        /// Workers per interface, each on its own share of the traffic; 1 if left out.
        #[schemars(default)]
        workers: May<Workers>,
        /// Memory of the ring between kernel and each worker; `64 MB` if left out.
        #[schemars(default)]
        ring: May<Size>,
        /// How far judging looks back; `7 d` if left out.
        #[schemars(default)]
        window: May<Span>,
        /// Time between two judgements, while they take less than that; `1 s` if left out.
        #[schemars(default)]
        judge_every: May<Span>,
        /// Time between two writings to the history; a crash loses no more than that. `5 s` if left out.
        #[schemars(default)]
        save_every: May<Span>,
        /// A sensor, or a VLAN that it should see, without a frame for so long is silent, and what it might have shown is
        /// unproven; `10 min` if left out.
        #[schemars(default)]
        silence: May<Span>,
        /// Days of history older than this are deleted; `400 d` if left out.
        #[schemars(default)]
        history_age: May<Span>,
        /// Disk that the history may take; the oldest day goes first. `20 GB` if left out.
        #[schemars(default)]
        history_size: May<Size>,
        /// Disk that the ring of packets may take; the oldest go first. `20 GB` if left out.
        #[schemars(default)]
        packets_size: May<Size>,
        /// Disk that the packets behind findings may take; those of findings that are no longer open go first, oldest first.
        /// `5 GB` if left out.
        #[schemars(default)]
        kept_size: May<Size>,
        /// File into which metrics are written for Prometheus (text format), e.g. that of the node exporter's folder;
        /// `seawall.prom` of the state folder if left out.
        #[schemars(default)]
        metrics_file: May<String>,
        /// Address on which metrics and health are served by HTTP, such as `127.0.0.1:9469`, or the path of a Unix socket;
        /// nothing listens if left out.
        #[schemars(default)]
        metrics_listen: May<String>,
    }
}

table! {
    /// Where `seawall run` sends its events: a verdict that changed, a finding opened or closed, the state of the sensor itself.
    /// Without any, they go to the journal.
    Output = "[[output]]" {
        /// Name of the output, as messages and metrics call it.
        name: At<String>,
        /// What it is.
        to: At<OutputKind>,
        /// How an event is written; `text` for the journal, else `json`, if left out.
        #[schemars(default)]
        format: May<EventFormat>,
        /// Of `file`: the file, one event a line.
        #[schemars(default)]
        path: May<String>,
        /// Of the syslog kinds: host and port of the receiver, e.g. `siem.port.example:6514`.
        #[schemars(default)]
        address: May<String>,
        /// Of the syslog kinds: facility, `local0` if left out.
        #[schemars(default)]
        facility: May<String>,
        /// Of `syslog-tls`: file with the certificates of the authorities to trust, PEM.
        #[schemars(default)]
        ca: May<String>,
        /// Of `syslog-tls`: file with the certificate to show, PEM.
        #[schemars(default)]
        certificate: May<String>,
        /// Of `syslog-tls`: file with the key of that certificate, PEM.
        #[schemars(default)]
        key: May<String>,
        /// Of `syslog-tls`: name that the receiver's certificate must bear; the host of `address` if left out.
        #[schemars(default)]
        server_name: May<String>,
    }
}
