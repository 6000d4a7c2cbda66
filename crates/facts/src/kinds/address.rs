use std::net::IpAddr;

use crate::{Mac, Time, kind};

kind! {
    /// An address in use: which MAC carried which IP address in which VLAN, and how that is known.
    Address = "address" {
        /// First frame.
        time: Time => first,
        /// Last frame.
        last: Time => last,
        /// MAC address that sent the frames; null in captures without a link layer.
        mac: Option<Mac>,
        /// IP address; null where the MAC spoke without one.
        ip: Option<IpAddr>,
        /// VLAN; null when untagged or priority-tagged.
        vlan: Option<u16>,
        /// Whether the MAC claimed the IP address itself (ARP, neighbour discovery, DHCP).
        claimed: bool => any,
        /// Routers between the sender and this wire, by the TTL's distance from the usual start values (30, 32, 64, 128, 255);
        /// 0 is a neighbour; null without IP.
        hops: Option<u8> => least,
        /// Frames sent.
        packets: u64 => sum,
        /// Judged: whether the address is the MAC's own (false: the MAC is a router's and carries it).
        own: Option<bool>,
        /// Judged: asset as named in the site file, else the IP address, else the MAC.
        asset: Option<String>,
        /// Judged: zone by longest prefix of the IP, else by VLAN; null when it belongs to none.
        zone: Option<String>,
        /// Judged: zone to which the VLAN belongs.
        vlan_zone: Option<String>,
    }
}
