use std::net::IpAddr;

use crate::{Grade, Mac, Time, kind};

kind! {
    /// One thing known of a device, with its source. Contradictions stand side by side.
    Identity = "identity" {
        /// When it was stated first.
        time: Time => first,
        /// When it was stated last.
        last: Time => last,
        /// MAC address of the device, where it is on this wire.
        mac: Option<Mac>,
        /// IP address of the device.
        ip: Option<IpAddr>,
        /// VLAN in which it was stated.
        vlan: Option<u16>,
        /// `maker`, `model`, `order_number`, `firmware`, `serial`, `hostname`, `role`, `os`, `software`, `key`
        /// (fingerprint of a host key or certificate), `ja4` (fingerprint of its TLS client), `hassh` (fingerprint of its
        /// SSH software), `dhcp` (fingerprint of its DHCP client), `user` (account used from it), `client_id` (MQTT; DHCP: its
        /// identifier, a DUID where it says so), `guid` (of an SMB server or client), `chassis` (LLDP: its chassis id, or the MAC address of the
        /// PROFINET interface that the port belongs to), `tcp_clock` (rate of its TCP timestamps and when they were 0, as
        /// each of a few peers saw them), `ntp_clock` (one of the moments in which its clock was set by NTP, as RFC 5905's 64 bits, and by
        /// whom), `service` (what it offers), `clock` (whom its PTP clock follows), `clock_id` (identity of its PTP clock), `engine` (SNMP engine id),
        /// `system` (free text), `vlans` (VLANs it is a member of, by number, with names in brackets), `domain` (VTP
        /// domain or MST region of a switch), `spanning_tree` (its bridge and the root it follows), `ssid` (wireless network that it offers
        /// or joins).
        attribute: String,
        /// The value as stated.
        value: String,
        /// Protocol that carried it, e.g. `lldp`, `cip`.
        source: String,
        /// How sure it is.
        grade: Option<Grade>,
        /// Judged: asset as named in the site file, else its address.
        asset: Option<String>,
    }
}
