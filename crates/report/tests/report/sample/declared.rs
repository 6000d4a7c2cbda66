//! What the terminal declares.

use facts::site::{Asset, Conduit, End, Place, Role, Service, Site, Zone, ZoneKind};

fn place(line: u32) -> Place {
    Place {
        file: "site.toml".to_owned(),
        line,
    }
}

fn zone(name: &str, kind: ZoneKind, crane: Option<&str>, vlan: u16, subnet: &str) -> Zone {
    Zone {
        name: name.to_owned(),
        kind,
        crane: crane.map(str::to_owned),
        vlans: vec![vlan],
        subnets: subnet.parse().into_iter().collect(),
        for_untrusted_suppliers: vlan == 30,
        place: place(u32::from(vlan)),
    }
}

pub(super) fn site() -> Site {
    use ZoneKind::{
        Business, CraneAuxiliary, CraneControl, Internet, PortOperations, RemoteOperations,
        ThirdParty,
    };
    let conduit = |name: &str, from, to, service: &str| Conduit {
        name: name.to_owned(),
        from: vec![from],
        to: vec![to],
        services: vec![Service::Protocol {
            protocol: service.to_owned(),
            part: None,
        }],
        because: "FAT 2024-11".to_owned(),
        during_work_order: false,
        valid_from: None,
        valid_until: None,
        place: place(60),
    };
    Site {
        name: "Harborview".to_owned(),
        time_zone: "America/New_York".to_owned(),
        zones: vec![
            zone(
                "sts07-control",
                CraneControl,
                Some("STS-07"),
                10,
                "10.20.10.0/24",
            ),
            zone(
                "sts07-video",
                CraneAuxiliary,
                Some("STS-07"),
                30,
                "10.20.30.0/24",
            ),
            zone(
                "sts08-control",
                CraneControl,
                Some("STS-08"),
                11,
                "10.21.10.0/24",
            ),
            zone("remote-ops", RemoteOperations, None, 40, "10.40.0.0/24"),
            zone("tos", PortOperations, None, 50, "10.50.0.0/24"),
            zone("business", Business, None, 60, "10.60.0.0/24"),
            zone("vendor", ThirdParty, None, 0, "203.0.113.0/24"),
            zone("internet", Internet, None, 0, "0.0.0.0/0"),
        ],
        assets: vec![Asset {
            name: "cam3".to_owned(),
            role: Role::Camera,
            crane: Some("STS-07".to_owned()),
            supplier: None,
            hostnames: Vec::new(),
            interfaces: Vec::new(),
            place: place(41),
        }],
        conduits: vec![
            conduit("RCMS reads", End::Zone(3), End::Zone(0), "s7comm"),
            conduit("TOS job", End::Zone(4), End::Zone(0), "modbus"),
            conduit("Cabin video", End::Zone(3), End::Zone(1), "rtsp"),
            conduit("Vendor support", End::Zone(6), End::Zone(3), "rdp"),
        ],
        ..Site::default()
    }
}
