//! The strangers of the bad day: devices that nobody declared, and declared ones where they do not belong.
use std::net::Ipv4Addr;

use crate::net::Host;

use super::hosts::{self, vlan};

const fn stranger(mac: [u8; 6], ip: [u8; 4], vlan: u16, ttl: u8) -> Host {
    let [a, b, c, d] = ip;
    Host {
        name: "",
        mac,
        ip: Ipv4Addr::new(a, b, c, d),
        vlan,
        ttl,
    }
}

/// A Hikvision camera on the control network of crane 9.
pub(super) const CAMERA: Host = stranger(
    [0x44, 0x19, 0xb6, 0x7e, 0x10, 0x99],
    [10, 20, 9, 99],
    vlan::CONTROL_9,
    64,
);
/// A device of Nuctech (a prefix of 28 bits) on the auxiliary network of crane 7.
pub(super) const NUCTECH: Host = stranger(
    [0xc0, 0x9b, 0xf4, 0xb2, 0x33, 0x01],
    [10, 21, 7, 66],
    vlan::AUXILIARY_7,
    64,
);
/// A cellular gateway with a module of Quectel on the control network of crane 7.
pub(super) const CELLULAR: Host = stranger(
    [0x24, 0x19, 0x72, 0x5b, 0x00, 0x01],
    [10, 20, 7, 254],
    vlan::CONTROL_7,
    64,
);
/// A router of Sierra Wireless in crane management.
pub(super) const MODEM: Host = stranger(
    [0x28, 0xa3, 0x31, 0x07, 0x00, 0x02],
    [10, 23, 0, 250],
    vlan::MANAGEMENT,
    64,
);
/// A home router that hands out addresses in remote operations.
pub(super) const ROGUE_DHCP: Host = stranger(
    [0x74, 0xda, 0x88, 0x61, 0x12, 0x34],
    [10, 25, 0, 200],
    vlan::REMOTE,
    64,
);
/// A laptop that nobody declared, on the control network of crane 7.
pub(super) const LAPTOP: Host = stranger(
    [0x3c, 0x52, 0x82, 0x7f, 0x00, 0x44],
    [10, 20, 7, 177],
    vlan::CONTROL_7,
    128,
);
/// A device on the control network of crane 9 with an address of no network of the terminal.
pub(super) const NOWHERE: Host = stranger(
    [0x00, 0x90, 0xe8, 0x40, 0x00, 0x17],
    [192, 168, 127, 254],
    vlan::CONTROL_9,
    64,
);
/// The second network card of crane 7's management system, in the business network.
pub(super) const CMS7_BUSINESS: Host = Host {
    name: "cms7",
    ip: Ipv4Addr::new(10, 40, 0, 177),
    vlan: vlan::BUSINESS,
    ..hosts::CMS7
};
/// Crane 9's management system as a forwarder: its card in the control network of the crane.
pub(super) const CMS9_CONTROL: Host = Host {
    name: "cms9",
    ip: Ipv4Addr::new(10, 20, 9, 9),
    vlan: vlan::CONTROL_9,
    ..hosts::CMS9
};

/// LOGINK's gateway, exchange server and API as seen from here.
pub(super) const LOGINK_GATEWAY: Host = hosts::outside([198, 51, 100, 81]);
pub(super) const LOGINK_EXCHANGE: Host = hosts::outside([198, 51, 100, 82]);
/// TeamViewer's and AnyDesk's servers.
pub(super) const TEAMVIEWER: Host = hosts::outside([198, 51, 100, 91]);
pub(super) const ANYDESK: Host = hosts::outside([198, 51, 100, 92]);
/// A place on the Internet that a cellular gateway leads to.
pub(super) const CLOUD: Host = hosts::outside([198, 51, 100, 99]);
