//! Names of link types that are met in practice, for sentences about those that are not decoded.
//!
//! Numbers by the registry of link-layer header types (<https://www.tcpdump.org/linktypes.html>).
use wire::Link;

/// What a reader calls it, with the number where it is met seldom.
pub(crate) fn name(link: Link) -> String {
    let (Link::Other(number) | Link::Rare(number)) = link else {
        return link.to_string();
    };
    match NAMES.iter().find(|(known, _)| *known == number) {
        Some((_, name)) => format!("{name} (link type {number})"),
        None => link.to_string(),
    }
}

/// The number that a file gives it; raw IP has several, of which 101 says the least.
pub(crate) const fn number(link: Link) -> u32 {
    match link {
        Link::Ethernet => 1,
        Link::Null => 0,
        Link::Loop => 108,
        Link::Raw => 101,
        Link::Sll => 113,
        Link::Sll2 => 276,
        Link::Rare(number) | Link::Other(number) => number,
    }
}

const NAMES: &[(u32, &str)] = &[
    (6, "Token Ring"),
    (9, "PPP"),
    (10, "FDDI"),
    (50, "PPP in HDLC framing"),
    (51, "PPPoE"),
    (104, "Cisco HDLC"),
    (105, "IEEE 802.11"),
    (107, "Frame Relay"),
    (109, "OpenBSD IPsec"),
    (117, "OpenBSD pflog"),
    (119, "IEEE 802.11 with Prism header"),
    (127, "IEEE 802.11 radiotap"),
    (143, "DOCSIS"),
    (163, "IEEE 802.11 with AVS header"),
    (165, "BACnet MS/TP"),
    (187, "Bluetooth HCI"),
    (189, "USB on Linux"),
    (192, "PPI"),
    (195, "IEEE 802.15.4"),
    (201, "Bluetooth HCI with direction"),
    (220, "USB on Linux, padded"),
    (227, "SocketCAN"),
    (230, "IEEE 802.15.4 without checksum"),
    (231, "D-Bus"),
    (239, "NFLOG"),
    (240, "netANALYZER"),
    (241, "netANALYZER transparent"),
    (242, "IP over InfiniBand"),
    (249, "USBPcap"),
    (250, "RTAC serial"),
    (251, "Bluetooth LE"),
    (252, "Wireshark exported PDU"),
    (253, "Netlink"),
    (256, "Bluetooth LE with header"),
    (258, "Apple PKTAP"),
    (266, "USB on macOS"),
    (272, "Nordic BLE sniffer"),
    (274, "Ethernet mPackets"),
    (283, "IEEE 802.15.4 with TAP header"),
];

#[test]
fn every_decoded_link_type_keeps_its_meaning_when_written() {
    for link in [
        Link::Ethernet,
        Link::Null,
        Link::Loop,
        Link::Raw,
        Link::Sll,
        Link::Sll2,
        Link::Rare(127),
        Link::Other(220),
    ] {
        assert_eq!(Link::from_number(number(link)), link);
    }
    assert_eq!(
        name(Link::from_number(127)),
        "IEEE 802.11 radiotap (link type 127)"
    );
    assert_eq!(name(Link::Other(9999)), "link type 9999");
}
