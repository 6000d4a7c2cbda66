use std::net::IpAddr;

use crate::{Mac, Time, kind};

kind! {
    /// A sign that a device offers a way out of its network: hands out addresses, announces itself as gateway, or was
    /// seen to forward packets.
    Route = "route" {
        /// First time.
        time: Time => first,
        /// Last time.
        last: Time => last,
        /// How many times.
        count: u64 => sum,
        /// `dhcp` (hands out addresses), `ra` (router advertisement of IPv6, or of ICMP for IPv4), `redirect` (ICMP),
        /// `forwards` (the same packet entered and left it), `default-route` (brought a host of this
        /// network what a host of the internet sent it),
        /// `vrrp`, `carp`, `hsrp`, `glbp` (shares a gateway with others), `ospf`, `eigrp`, `rip` (tells other routers of
        /// routes).
        via: String,
        /// MAC address of the device.
        mac: Option<Mac>,
        /// IP address of the device.
        ip: Option<IpAddr>,
        /// VLAN in which it offers the way.
        vlan: Option<u16>,
        /// VLAN to which it forwards (`forwards` only).
        to_vlan: Option<u16>,
        /// Gateway that it names, itself or another.
        gateway: Option<IpAddr>,
        /// More: DNS servers handed out, network forwarded.
        detail: Option<String>,
        /// Judged: asset of the device, else its address.
        asset: Option<String>,
        /// Judged: zone in which it offers the way.
        zone: Option<String>,
        /// Judged: zone to which the way leads (`forwards` only).
        to_zone: Option<String>,
    }
}
