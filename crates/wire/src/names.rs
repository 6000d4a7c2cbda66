//! Protocols that are recognised by number alone: named and counted, not read.
use crate::net::link::Payload;

/// IEEE registration authority EtherTypes and LLC service access points.
pub(crate) const fn of_layer2(payload: Payload) -> Option<&'static str> {
    Some(match payload {
        Payload::EtherType(kind) => match kind {
            0x0800 | 0x86dd => "ip-malformed",
            0x0806 => "arp",
            0x0842 => "wake-on-lan",
            0x8035 => "rarp",
            0x8137 | 0x8138 => "ipx",
            0x8808 => "ethernet-flow-control",
            0x8809 => "slow-protocols",
            0x8847 | 0x8848 => "mpls",
            0x8863 | 0x8864 => "pppoe",
            0x886d => "intel-ans",
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
            0x42 => "stp",
            0xe0 => "ipx",
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
            (0x00_000c, 0x0111) => "udld",
            (0x00_80c2, _) => "bridged",
            (0x08_0007, _) => "appletalk",
            _ => return None,
        },
    })
}

/// IANA protocol numbers.
pub(crate) const fn of_ip(protocol: u8) -> Option<&'static str> {
    Some(match protocol {
        0 => "hop-by-hop",
        1 => "icmp",
        2 => "igmp",
        4 | 41 => "ip-in-ip",
        6 => "tcp-malformed",
        17 => "udp-malformed",
        46 => "rsvp",
        47 => "gre",
        50 => "esp",
        51 => "ah",
        58 => "icmp6",
        59 => "no-next-header",
        88 => "eigrp",
        89 => "ospf",
        103 => "pim",
        112 => "vrrp",
        115 => "l2tp",
        132 => "sctp",
        _ => return None,
    })
}

/// Every name of this file.
pub(crate) fn all() -> impl Iterator<Item = &'static str> {
    let kinds = (0..=u16::MAX).filter_map(|kind| of_layer2(Payload::EtherType(kind)));
    let saps = (0..=u8::MAX).filter_map(|sap| of_layer2(Payload::Llc(sap)));
    let cisco = (0..=u16::MAX).filter_map(|protocol| of_layer2(Payload::Snap(0x00_000c, protocol)));
    let others = [0x00_80c2, 0x08_0007]
        .into_iter()
        .filter_map(|oui| of_layer2(Payload::Snap(oui, 0)));
    kinds
        .chain(saps)
        .chain(cisco)
        .chain(others)
        .chain((0..=u8::MAX).filter_map(of_ip))
}
