//! Everyone at Harborview: name, MAC address, IP address, VLAN, and the time to live that the system starts with.
use std::net::Ipv4Addr;

use crate::net::Host;
use crate::net::frame::Mac;

/// VLANs of the terminal; those of a crane end in its number.
pub mod vlan {
    pub const CONTROL_7: u16 = 107;
    pub const CONTROL_9: u16 = 109;
    pub const AUXILIARY_7: u16 = 117;
    pub const AUXILIARY_9: u16 = 119;
    pub const UNTRUSTED_7: u16 = 127;
    pub const UNTRUSTED_9: u16 = 129;
    pub const MANAGEMENT: u16 = 130;
    pub const VIDEO: u16 = 140;
    pub const REMOTE: u16 = 150;
    pub const PORT: u16 = 200;
    pub const BUSINESS: u16 = 210;
    pub const DMZ: u16 = 220;
    pub const SCREENING: u16 = 230;
}

const fn host(name: &'static str, mac: Mac, ip: [u8; 4], vlan: u16, ttl: u8) -> Host {
    let [a, b, c, d] = ip;
    Host {
        name,
        mac,
        ip: Ipv4Addr::new(a, b, c, d),
        vlan,
        ttl,
    }
}

const fn siemens(unit: u8, n: u8) -> Mac {
    [0x28, 0x63, 0x36, 0x8a, unit, n]
}

const fn abb(unit: u8, n: u8) -> Mac {
    [0x00, 0x1c, 0x01, 0x2c, unit, n]
}

const fn rockwell(n: u8) -> Mac {
    [0x00, 0x1d, 0x9c, 0xc4, 0x09, n]
}

const fn hirschmann(n: u8) -> Mac {
    [0xec, 0xe5, 0x55, 0x30, 0x00, n]
}

const fn axis(n: u8) -> Mac {
    [0xac, 0xcc, 0x8e, 0x51, 0x20, n]
}

const fn hikvision(n: u8) -> Mac {
    [0x44, 0x19, 0xb6, 0x7e, 0x10, n]
}

const fn dell(n: u8) -> Mac {
    [0x8c, 0xec, 0x4b, 0x60, 0x11, n]
}

const fn hewlett(n: u8) -> Mac {
    [0x3c, 0x52, 0x82, 0x0a, 0x33, n]
}

const fn vmware(n: u8) -> Mac {
    [0x00, 0x50, 0x56, 0x9a, 0x40, n]
}

/// The firewall that routes between all VLANs: one MAC address everywhere, address 1 of each subnet.
pub const FIREWALL_MAC: Mac = [0x00, 0x1b, 0x54, 0x9e, 0x00, 0x01];

pub const fn firewall(subnet: [u8; 3], vlan: u16) -> Host {
    let [a, b, c] = subnet;
    host("fw1", FIREWALL_MAC, [a, b, c, 1], vlan, 255)
}

pub const PLC7: Host = host(
    "plc7",
    siemens(7, 0x10),
    [10, 20, 7, 10],
    vlan::CONTROL_7,
    30,
);
pub const SAFETY7: Host = host(
    "safety7",
    siemens(7, 0x11),
    [10, 20, 7, 11],
    vlan::CONTROL_7,
    30,
);
pub const HOIST7: Host = host("hoist7", abb(7, 0x21), [10, 20, 7, 21], vlan::CONTROL_7, 64);
pub const GANTRY7: Host = host(
    "gantry7",
    abb(7, 0x22),
    [10, 20, 7, 22],
    vlan::CONTROL_7,
    64,
);
pub const RIO7: Host = host(
    "rio7",
    siemens(7, 0x31),
    [10, 20, 7, 31],
    vlan::CONTROL_7,
    30,
);
pub const HMI7: Host = host(
    "hmi7",
    siemens(7, 0x50),
    [10, 20, 7, 50],
    vlan::CONTROL_7,
    128,
);
pub const CABIN7: Host = host(
    "cabin7",
    dell(0x07),
    [10, 21, 7, 20],
    vlan::AUXILIARY_7,
    128,
);
pub const MASTCAM7: Host = host(
    "mastcam7",
    axis(0x07),
    [10, 21, 7, 41],
    vlan::AUXILIARY_7,
    64,
);
pub const QUAYCAM7: Host = host(
    "quaycam7",
    hikvision(0x07),
    [10, 22, 7, 41],
    vlan::UNTRUSTED_7,
    64,
);

pub const PLC9: Host = host(
    "plc9",
    siemens(9, 0x10),
    [10, 20, 9, 10],
    vlan::CONTROL_9,
    30,
);
pub const SAFETY9: Host = host(
    "safety9",
    siemens(9, 0x11),
    [10, 20, 9, 11],
    vlan::CONTROL_9,
    30,
);
pub const HOIST9: Host = host("hoist9", abb(9, 0x21), [10, 20, 9, 21], vlan::CONTROL_9, 64);
pub const GANTRY9: Host = host(
    "gantry9",
    abb(9, 0x22),
    [10, 20, 9, 22],
    vlan::CONTROL_9,
    64,
);
pub const RIO9: Host = host(
    "rio9",
    siemens(9, 0x31),
    [10, 20, 9, 31],
    vlan::CONTROL_9,
    30,
);
pub const HMI9: Host = host(
    "hmi9",
    siemens(9, 0x50),
    [10, 20, 9, 50],
    vlan::CONTROL_9,
    128,
);
pub const SPREADER9: Host = host(
    "spreader9",
    rockwell(0x60),
    [10, 20, 9, 60],
    vlan::CONTROL_9,
    64,
);
pub const TWISTLOCK9: Host = host(
    "twistlock9",
    rockwell(0x61),
    [10, 20, 9, 61],
    vlan::CONTROL_9,
    64,
);
pub const CABIN9: Host = host(
    "cabin9",
    dell(0x09),
    [10, 21, 9, 20],
    vlan::AUXILIARY_9,
    128,
);
pub const MASTCAM9: Host = host(
    "mastcam9",
    axis(0x09),
    [10, 21, 9, 41],
    vlan::AUXILIARY_9,
    64,
);
pub const QUAYCAM9: Host = host(
    "quaycam9",
    hikvision(0x09),
    [10, 22, 9, 41],
    vlan::UNTRUSTED_9,
    64,
);

pub const SWITCH7: Host = host(
    "switch7",
    hirschmann(0x07),
    [10, 23, 0, 107],
    vlan::MANAGEMENT,
    64,
);
pub const SWITCH9: Host = host(
    "switch9",
    hirschmann(0x09),
    [10, 23, 0, 109],
    vlan::MANAGEMENT,
    64,
);
pub const ENG1: Host = host("eng1", dell(0x30), [10, 23, 0, 30], vlan::MANAGEMENT, 128);
pub const CMS7: Host = host("cms7", dell(0x77), [10, 23, 0, 7], vlan::MANAGEMENT, 128);
pub const CMS9: Host = host("cms9", dell(0x79), [10, 23, 0, 9], vlan::MANAGEMENT, 128);
pub const SERVICES1: Host = host(
    "services1",
    dell(0x05),
    [10, 23, 0, 5],
    vlan::MANAGEMENT,
    64,
);
pub const RECORDER1: Host = host("recorder1", dell(0x40), [10, 24, 0, 10], vlan::VIDEO, 64);
pub const RCMS1: Host = host("rcms1", dell(0x50), [10, 25, 0, 10], vlan::REMOTE, 128);
pub const OPERATOR1: Host = host("operator1", dell(0x51), [10, 25, 0, 21], vlan::REMOTE, 128);
pub const OPERATOR2: Host = host("operator2", dell(0x52), [10, 25, 0, 22], vlan::REMOTE, 128);

pub const TOS1: Host = host("tos1", vmware(0x01), [10, 30, 0, 10], vlan::PORT, 64);
pub const PLANNER1: Host = host("planner1", hewlett(0x01), [10, 30, 0, 51], vlan::PORT, 128);
pub const OFFICE1: Host = host(
    "office1",
    hewlett(0x11),
    [10, 40, 0, 51],
    vlan::BUSINESS,
    128,
);
pub const OFFICE2: Host = host(
    "office2",
    hewlett(0x12),
    [10, 40, 0, 52],
    vlan::BUSINESS,
    128,
);
pub const DOMAIN1: Host = host("domain1", vmware(0x10), [10, 40, 0, 5], vlan::BUSINESS, 128);
pub const PRINTER1: Host = host(
    "printer1",
    hewlett(0x90),
    [10, 40, 0, 90],
    vlan::BUSINESS,
    64,
);
pub const JUMP1: Host = host("jump1", vmware(0x20), [10, 50, 0, 10], vlan::DMZ, 64);
pub const GATE1: Host = host("gate1", vmware(0x21), [10, 50, 0, 20], vlan::DMZ, 64);
pub const RESOLVER1: Host = host("resolver1", vmware(0x22), [10, 50, 0, 53], vlan::DMZ, 64);
pub const SCANNER1: Host = host(
    "scanner1",
    [0xc0, 0x9b, 0xf4, 0xb1, 0x00, 0x15],
    [10, 60, 0, 15],
    vlan::SCREENING,
    64,
);
pub const IMAGES1: Host = host("images1", dell(0x60), [10, 60, 0, 10], vlan::SCREENING, 128);

/// Everything that the site file declares, one entry per interface; the firewall is beside it.
pub const DECLARED: &[Host] = &[
    PLC7, SAFETY7, HOIST7, GANTRY7, RIO7, HMI7, CABIN7, MASTCAM7, QUAYCAM7, PLC9, SAFETY9, HOIST9,
    GANTRY9, RIO9, HMI9, SPREADER9, TWISTLOCK9, CABIN9, MASTCAM9, QUAYCAM9, SWITCH7, SWITCH9, ENG1,
    CMS7, CMS9, SERVICES1, RECORDER1, RCMS1, OPERATOR1, OPERATOR2, TOS1, PLANNER1, OFFICE1,
    OFFICE2, DOMAIN1, PRINTER1, JUMP1, GATE1, RESOLVER1, SCANNER1, IMAGES1,
];

/// A host outside the terminal.
pub const fn outside(ip: [u8; 4]) -> Host {
    host("", FIREWALL_MAC, ip, 0, 64)
}

/// The maintenance centre of the crane's vendor.
pub const VENDOR: Host = outside([203, 0, 113, 45]);
/// A resolver on the Internet.
pub const QUAD9: Host = outside([9, 9, 9, 9]);
