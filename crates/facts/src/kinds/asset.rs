use crate::{Grade, Mac, Time, kind};

kind! {
    /// A device: what the site file declares joined with what was seen of it. One row per declared asset and per
    /// device that nobody declared.
    Asset = "asset" (judged) {
        /// Name as in the site file, else its IP address, else its MAC address.
        name: String,
        /// Whether the site file names it.
        declared: bool,
        /// Whether any packet of it was seen.
        seen: bool,
        /// First packet from it; null when it was not seen.
        time: Option<Time>,
        /// Last packet from it.
        last: Option<Time>,
        /// Packets from it.
        packets: u64,
        /// MAC addresses of its own (not those of a router in front of it).
        macs: Vec<String>,
        /// IP addresses of its own.
        ips: Vec<String>,
        /// VLANs in which its own packets were seen.
        vlans: Vec<u16>,
        /// Zones that its addresses belong to.
        zones: Vec<String>,
        /// Zone of its first address; null when it belongs to none.
        zone: Option<String>,
        /// Crane it is declared for, or that its zone is of; null where its zones are of several.
        crane: Option<String>,
        /// Role, declared or guessed from what it did, e.g. `plc`; null when nothing tells.
        role: Option<String>,
        /// How sure the role is.
        role_grade: Option<Grade>,
        /// What the role was guessed from.
        role_why: Option<String>,
        /// Host names it stated or was given.
        hostnames: Vec<String>,
        /// Maker: declared, stated by the device, or the registered owner of its MAC address.
        maker: Option<String>,
        /// How sure the maker is.
        maker_grade: Option<Grade>,
        /// Source of the maker, e.g. `lldp`, `oui 44:19:b6/24`.
        maker_why: Option<String>,
        /// Supplier on a list that the maker resolves to.
        supplier: Option<String>,
        /// `untrusted`, `watched` or `trusted`; null when the supplier is on no list.
        trust: Option<String>,
        /// Lists that name the supplier, e.g. `FY2019 NDAA 889`.
        lists: Vec<String>,
        /// Model as the device stated it.
        model: Option<String>,
        /// Order number as the device stated it.
        order_number: Option<String>,
        /// Firmware version as the device stated it.
        firmware: Option<String>,
        /// Serial number as the device stated it.
        serial: Option<String>,
        /// What it stated of maker, model, order number, firmware and serial number beside these: the value, its source and
        /// when it was stated first. Table `identity` has them with their frames.
        otherwise: Vec<String>,
        /// Whether its MAC carries packets of other addresses (it routes).
        routes: bool,
        /// Address behind a router: its own MAC is not seen.
        remote: bool,
        /// MAC address of the first packet; null for an address behind a router.
        mac: Option<Mac>,
    }
}
