//! Protocols that are recognised by number alone: named and counted, not read.
use crate::net::link::{Class, Payload};

/// IEEE registration authority EtherTypes and LLC service access points.
pub(crate) const fn of_layer2(payload: Payload) -> Option<&'static str> {
    Some(match payload {
        Payload::EtherType(kind) => match kind {
            0x0800 | 0x86dd => "ip-malformed",
            0x0806 => "arp",
            0x0842 => "wake-on-lan",
            0x22ea => "stream-reservation",
            0x22f0 => "avtp",
            0x22f3 | 0x8946 => "trill",
            0x6001 | 0x6002 => "mop",
            0x6003 => "decnet",
            0x6004 => "lat",
            0x8035 => "rarp",
            0x809b => "appletalk",
            0x80f3 => "appletalk-arp",
            0x8137 | 0x8138 => "ipx",
            0x814c => "snmp-ethernet",
            0x8204 => "qnet",
            0x8819 => "cobranet",
            0x8870 => "jumbo-llc",
            0x880b => "ppp",
            0x8808 => "ethernet-flow-control",
            0x8809 => "slow-protocols",
            0x8847 | 0x8848 => "mpls",
            0x8863 | 0x8864 => "pppoe",
            0x886d => "intel-ans",
            0x8874 => "broadcom",
            0x88a2 => "aoe",
            0x88b5 | 0x88b6 => "local-experimental",
            0x88b7 => "oui-extended",
            0x88bf => "romon",
            0x88d9 => "lltd",
            0x88dc => "wsmp",
            0x88e7 => "provider-backbone",
            0x88ee => "e-lmi",
            0x88f8 => "nc-si",
            0x8906 => "fcoe",
            0x890d => "wlan-management",
            0x8914 => "fcoe-initialization",
            0x8915 => "roce",
            0x891d => "ttethernet",
            0x893a => "ieee-1905",
            0x8940 => "edge-virtual-bridging",
            0x894f => "nsh",
            0x887b => "homeplug",
            0x888e => "eapol",
            0x8892 => "profinet",
            0x8899 => "realtek",
            0x88a4 => "ethercat",
            0x88ab => "powerlink",
            0x88b8 => "goose",
            0x88b9 => "gse",
            0x88ba => "sv",
            0x88cc => "lldp",
            0x88cd => "sercos",
            0x88e1 | 0x8912 => "homeplug-av",
            0x88e3 => "mrp",
            0x88e5 => "macsec",
            0x88f5 => "mvrp",
            0x88f6 => "mmrp",
            0x88f7 => "ptp",
            0x88fb => "prp",
            0x8902 => "cfm",
            0x892f => "hsr",
            0x8903 => "fabricpath",
            0x9000 => "loopback-test",
            _ => return None,
        },
        Payload::Llc(sap) => match sap {
            0x02 => "llc-management",
            0x04 | 0x08 => "sna",
            0x42 => "stp",
            0x4e => "rs-511",
            0x7e => "x25",
            0x80 => "xns",
            0x8e => "proway",
            0xbc => "vines",
            0xf4 => "ibm-network-management",
            0xf8 => "remote-program-load",
            // The raw 802.3 of Novell begins with a checksum of all ones where others have their SAPs.
            0xe0 | 0xff => "ipx",
            0xf0 => "netbios",
            0xfe => "osi-routing",
            0x06 => "llc-ip",
            0x98 => "llc-arp",
            0x82 => "bacnet",
            0xaa => "snap",
            0x00 => "llc-null",
            _ => return None,
        },
        Payload::Snap(oui, protocol) => match (oui, protocol) {
            (0x00_000c, 0x2000) => "cdp",
            (0x00_000c, 0x2003) => "vtp",
            (0x00_000c, 0x2004) => "dtp",
            (0x00_000c, 0x010b) => "stp",
            (0x00_000c, 0x0104) => "pagp",
            (0x00_000c, 0x010c) => "vlan-bridge",
            (0x00_000c, 0x2001) => "cgmp",
            (0x00_000c, 0x0111) => "udld",
            (0x00_80c2, _) => "bridged",
            (0x08_0007, _) => "appletalk",
            (0x00_1090, _) => "bacnet-mstp",
            (0x00_0081, 0x01a1 | 0x01a2) => "nortel-discovery",
            (0x00_e02b, 0x00bb) => "edp",
            (0x00_e052, 0x2000) => "fdp",
            _ => return None,
        },
        Payload::Named(class) => class.name(),
    })
}

/// IANA protocol numbers.
pub(crate) const fn of_ip(protocol: u8) -> Option<&'static str> {
    Some(match protocol {
        0 => "hop-by-hop",
        1 => "icmp",
        2 => "igmp",
        3 => "ggp",
        8 => "egp",
        9 => "igrp",
        4 | 41 => "ip-in-ip",
        6 => "tcp-malformed",
        17 => "udp-malformed",
        33 => "dccp",
        43 | 44 | 60 => "ip6-extension",
        46 => "rsvp",
        47 => "gre",
        50 => "esp",
        51 => "ah",
        55 => "mobile-ip",
        58 => "icmp6",
        59 => "no-next-header",
        88 => "eigrp",
        89 => "ospf",
        97 => "etherip",
        98 => "ip-encap",
        103 => "pim",
        108 => "ipcomp",
        112 => "vrrp",
        113 => "pgm",
        115 => "l2tp",
        124 => "isis-over-ip",
        132 => "sctp",
        133 => "fibre-channel",
        135 => "mobility",
        136 => "udp-lite",
        137 => "mpls-in-ip",
        139 => "hip",
        140 => "shim6",
        _ => return None,
    })
}

/// Every name of this file.
pub(crate) fn all() -> impl Iterator<Item = &'static str> {
    let kinds = (0..=u16::MAX).filter_map(|kind| of_layer2(Payload::EtherType(kind)));
    let saps = (0..=u8::MAX).filter_map(|sap| of_layer2(Payload::Llc(sap)));
    let cisco = (0..=u16::MAX).filter_map(|protocol| of_layer2(Payload::Snap(0x00_000c, protocol)));
    let others = [
        (0x00_80c2, 0),
        (0x08_0007, 0),
        (0x00_1090, 1),
        (0x00_0081, 0x01a2),
        (0x00_e02b, 0x00bb),
        (0x00_e052, 0x2000),
    ]
    .into_iter()
    .filter_map(|(oui, protocol)| of_layer2(Payload::Snap(oui, protocol)));
    kinds
        .chain(saps)
        .chain(cisco)
        .chain(others)
        .chain((0..=u8::MAX).filter_map(of_ip))
        .chain(Class::ALL.map(Class::name))
        .chain(["carp"])
}
