//! LLDP: what a device says of itself to its neighbour on the cable.
//!
//! Spec: IEEE 802.1AB-2016, 8 and 9 (LLDPDU, TLVs); IEEE 802.1Q-2018 annex D (port VLAN, VLAN names, link aggregation);
//! ANSI/TIA-1057 (LLDP-MED: inventory, network policy); IEC 61158-6-10 (PROFINET TLVs, organisation 00-0E-CF).
//! Emits: identity of the sender: chassis id, host name, description, role, maker, model, order number, firmware, serial,
//! VLANs; the name of the PROFINET device that the sending port belongs to.
//! Blind to: the neighbour relation itself (which port is on which cable), power and timing TLVs, shutdown LLDPDUs.
use std::net::IpAddr;

use facts::{Grade, Mac};

use crate::reader::{Malformed, Reader, line, text};
use crate::{Carrier, Cx, Decoder, Dialogue, Probe, Side, Step};

pub static DECODER: Decoder = Decoder {
    name: "lldp",
    title: "LLDP (IEEE 802.1AB)",
    carriers: &[Carrier::EtherType(0x88cc)],
    probe: |_| Probe::NotOurs,
    open: || Box::new(Lldp),
    remote: false,
    operations: &[],
    about: "What switches and devices announce of themselves: chassis id, name, description, role, inventory, VLANs, management address.",
    spec: "IEEE 802.1AB-2016; IEEE 802.1Q-2018 annex D; ANSI/TIA-1057 (LLDP-MED); IEC 61158-6-10 (PROFINET)",
    blind: "which port is cabled to which, power and timing TLVs",
};

/// VLANs that are kept of one announcement.
const MOST_VLANS: usize = 64;
/// Characters kept of a name.
const MOST_NAME: usize = 128;
/// IEEE 802.1AB, 8.5.7: a system description has at most 255 octets.
const MOST_DESCRIPTION: usize = 255;

/// Organisations of specific TLVs.
const IEEE_8021: u32 = 0x00_80c2;
const TIA: u32 = 0x00_12bb;
const PROFINET: u32 = 0x00_0ecf;

/// Nothing is kept between announcements: each says all of it again.
struct Lldp;

impl Dialogue for Lldp {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let mut said = Said::default();
        let result = said.read(&mut Reader::new(bytes));
        // What stands before damage is still said.
        said.tell(cx, side);
        match result {
            // What follows the end is padding.
            Ok(()) => Step::Took(bytes.len()),
            Err(error) => Step::from_error(error, bytes.len()),
        }
    }
}

/// One announcement, as far as it says who the sender is.
#[derive(Default)]
struct Said {
    /// Chassis id where it is a name that people gave (subtypes 1, 6 and 7), e.g. a PROFINET name of station.
    chassis: Option<String>,
    /// Chassis id of whatever subtype.
    id: Option<String>,
    name: Option<String>,
    description: Option<String>,
    enabled: u16,
    address: Option<IpAddr>,
    /// VLANs and what they are called.
    vlans: Vec<(u16, Option<String>)>,
    inventory: Vec<(&'static str, String)>,
    profinet: bool,
    /// A PROFINET device's own MAC: each of its ports may send with another.
    device: Option<Mac>,
}

impl Said {
    fn read(&mut self, r: &mut Reader<'_>) -> Result<(), Malformed> {
        // 8.2: the mandatory TLVs stand first, in this order.
        for wanted in 1..=3 {
            let (kind, value) = tlv(r)?;
            r.check(kind == wanted, "mandatory TLVs")?;
            r.check(!value.is_empty(), "empty mandatory TLV")?;
            if kind == 1 {
                self.chassis = chassis(value);
                self.id = self.chassis.clone().or_else(|| chassis_id(value));
            }
        }
        // The End TLV is often left out; the frame's end serves as well.
        while !r.is_empty() {
            let (kind, value) = tlv(r)?;
            match kind {
                0 => break,
                5 => self.name = text(value, MOST_NAME),
                6 => self.description = line(value, MOST_DESCRIPTION),
                7 => {
                    let mut value = Reader::new(value);
                    value.skip(2)?;
                    self.enabled = value.u16()?;
                }
                8 => self.address = self.address.or(management(value)?),
                127 => self.specific(&mut Reader::new(value))?,
                _ => {}
            }
        }
        Ok(())
    }

    fn specific(&mut self, r: &mut Reader<'_>) -> Result<(), Malformed> {
        match (r.u24()?, r.u8()?) {
            // 802.1Q D.2.1: VID 0 says that the port has none.
            (IEEE_8021, 1) => self.vlan(r.u16()?, None),
            (IEEE_8021, 3) => {
                let vlan = r.u16()?;
                let length = usize::from(r.u8()?);
                self.vlan(vlan, text(r.bytes(length)?, 32));
            }
            // TIA-1057, 10.2.3.2: application type, then policy unknown, tagged, reserved, 12 bits of VLAN, priorities.
            (TIA, 2) => {
                let application = r.u8()?;
                let policy = r.u24()?;
                let vlan = u16::try_from(policy >> 9 & 0x0fff).unwrap_or(0);
                if policy & 0x80_0000 == 0 {
                    self.vlan(vlan, (application == 1).then(|| "voice".to_owned()));
                }
            }
            (TIA, 6) => self.stock("firmware", r),
            (TIA, 7) => self.stock("software", r),
            (TIA, 8) => self.stock("serial", r),
            (TIA, 9) => self.stock("maker", r),
            (TIA, 10) => self.stock("model", r),
            // IEC 61158-6-10: subtype 5 is the MAC of the device's interface.
            (PROFINET, subtype) => {
                self.profinet = true;
                if subtype == 5 {
                    self.device = Some(r.mac()?);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn stock(&mut self, attribute: &'static str, r: &mut Reader<'_>) {
        if let Some(value) = text(r.rest(), MOST_NAME)
            && !self.inventory.iter().any(|(known, _)| *known == attribute)
        {
            self.inventory.push((attribute, value));
        }
    }

    fn vlan(&mut self, vlan: u16, name: Option<String>) {
        if !(1..=4094).contains(&vlan) {
            return;
        }
        if let Some((_, known)) = self.vlans.iter_mut().find(|(known, _)| *known == vlan) {
            *known = name.or(known.take());
        } else if self.vlans.len() < MOST_VLANS {
            self.vlans.push((vlan, name));
        }
    }

    fn tell(self, cx: &mut Cx<'_>, side: Side) {
        let mac = match cx.flow.end(side).address {
            facts::Address::Mac(mac) => Some(mac),
            facts::Address::Ip(_) => None,
        };
        let address = self.address;
        let device = self
            .device
            .filter(|device| device.is_device() && Some(*device) != mac);
        if let (Some(device), Some(name)) = (device, &self.chassis) {
            cx.identity_of(
                Some(device),
                address,
                "hostname",
                name.clone(),
                Grade::Stated,
            );
        }
        // The ports of a device send with a MAC address each; this tells that they are one.
        let id = self.device.filter(|device| device.is_device());
        let id = id.map(|device| device.to_string()).or(self.id);
        let mut say = |attribute, value: String| {
            cx.identity_of(mac, address, attribute, value, Grade::Stated);
        };
        if let Some(id) = id {
            say("chassis", id);
        }
        // Siemens switches ship with this as their system name.
        let name = self.name.filter(|name| name != "sysName Not Set");
        // PROFINET devices give their name of station as chassis id.
        let station = self.chassis.filter(|_| self.profinet);
        if let Some(station) = station {
            let same = name
                .as_ref()
                .is_some_and(|name| name.eq_ignore_ascii_case(&station));
            if !same {
                say("hostname", station);
            }
        }
        if let Some(name) = name {
            say("hostname", name);
        }
        if let Some(role) = role(self.enabled) {
            say("role", role);
        }
        if let Some(description) = self.description {
            for (attribute, value) in siemens(&description) {
                say(attribute, value);
            }
            say("system", description);
        }
        for (attribute, value) in self.inventory {
            say(attribute, value);
        }
        if !self.vlans.is_empty() {
            say("vlans", vlans(self.vlans));
        }
    }
}

/// 8.4: 7 bits of type, 9 bits of length. Always takes its two bytes, so that no loop over TLVs can stand still.
fn tlv<'a>(r: &mut Reader<'a>) -> Result<(u16, &'a [u8]), Malformed> {
    let head = r.u16()?;
    Ok((head >> 9, r.bytes(usize::from(head & 0x01ff))?))
}

/// 8.5.2.2: subtypes 1 (chassis component), 6 (interface name) and 7 (locally assigned) are text.
fn chassis(value: &[u8]) -> Option<String> {
    let (subtype, id) = value.split_first()?;
    text(id, MOST_NAME).filter(|_| matches!(subtype, 1 | 6 | 7))
}

/// 8.5.2.2: subtype 4 is a MAC address, 5 a network address with its family number before it.
fn chassis_id(value: &[u8]) -> Option<String> {
    let mut r = Reader::new(value);
    match (r.u8().ok()?, r.left()) {
        (4, 6) => Some(r.mac().ok()?.to_string()),
        (5, 5 | 17) => {
            let address = match (r.u8().ok()?, r.left()) {
                (1, 4) => IpAddr::V4(r.ipv4().ok()?),
                (2, 16) => IpAddr::V6(r.ipv6().ok()?),
                _ => return None,
            };
            Some(address.to_string())
        }
        _ => None,
    }
}

/// 8.5.9: length of what follows, address family number (1 IPv4, 2 IPv6), address.
fn management(value: &[u8]) -> Result<Option<IpAddr>, Malformed> {
    let mut r = Reader::new(value);
    let length = usize::from(r.u8()?);
    let mut r = r.sub(length)?;
    let address = match (r.u8()?, r.left()) {
        (1, 4) => IpAddr::V4(r.ipv4()?),
        (2, 16) => IpAddr::V6(r.ipv6()?),
        _ => return Ok(None),
    };
    let stands_for_none =
        address.is_unspecified() || address.is_loopback() || address.is_multicast();
    Ok((!stands_for_none).then_some(address))
}

/// 8.5.8: the enabled capabilities, in the words of roles, the most telling first.
///
/// A station with a second port bridges too (PLCs do); it is no switch for that.
fn role(enabled: u16) -> Option<String> {
    const WORDS: [(u16, &str); 6] = [
        (1 << 3, "wireless"),
        (1 << 6, "modem"),
        (1 << 5, "telephone"),
        (1 << 2, "switch"),
        (1 << 4, "router"),
        (1 << 1, "repeater"),
    ];
    const STATION: u16 = 1 << 7;
    const BRIDGE: u16 = 1 << 2;
    let counts = if enabled & STATION == 0 {
        enabled
    } else {
        enabled & !BRIDGE
    };
    let words: Vec<&str> = WORDS
        .iter()
        .filter(|(bit, _)| counts & bit != 0)
        .map(|(_, word)| *word)
        .collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// `1, 10 (crane-control), 20`: by number, with the names that were given.
fn vlans(mut vlans: Vec<(u16, Option<String>)>) -> String {
    vlans.sort_unstable();
    let words: Vec<String> = vlans
        .into_iter()
        .map(|(vlan, name)| match name {
            Some(name) => format!("{vlan} ({})", name.replace(',', " ")),
            None => vlan.to_string(),
        })
        .collect();
    words.join(", ")
}

/// Siemens devices describe themselves as `Siemens, SIMATIC S7, CPU-1200, 6ES7 …, HW: 3, FW: V.4.2.1, S C-…`.
fn siemens(description: &str) -> Vec<(&'static str, String)> {
    let parts: Vec<&str> = description.split(',').map(str::trim).collect();
    let mut found = Vec::new();
    if parts.first() != Some(&"Siemens") {
        return found;
    }
    found.push(("maker", "Siemens".to_owned()));
    let (mut before, mut ended) = (None, false);
    for part in parts {
        if is_order_number(part) {
            found.push(("order_number", part.to_owned()));
            if let Some(model) = before {
                found.push(("model", model));
            }
        } else if let Some(firmware) = part.strip_prefix("FW:") {
            let firmware = firmware.trim().trim_start_matches("Version").trim();
            found.push(("firmware", firmware.to_owned()));
            ended = true;
        } else if let Some(serial) = part.strip_prefix('S').filter(|_| ended && is_serial(part)) {
            found.push(("serial", serial.trim().to_owned()));
        }
        before = Some(part.to_owned());
    }
    found
}

/// `6ES7 215-1AG40-0XB0`: a digit, two letters, and groups joined by dashes.
fn is_order_number(part: &str) -> bool {
    let mut chars = part.chars();
    chars.next().is_some_and(|c| c.is_ascii_digit())
        && chars.by_ref().take(2).all(|c| c.is_ascii_alphanumeric())
        && part.matches('-').count() == 2
        && part.len() >= 15
}

/// `S C-J6U123452020` or `SVPLN128756`: the letter S, then digits among capitals.
fn is_serial(part: &str) -> bool {
    part.len() >= 8
        && part.chars().any(|c| c.is_ascii_digit())
        && part
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || matches!(c, ' ' | '-'))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::Client;
    use crate::testing::check;

    /// Chassis id (MAC), port id `1`, time to live.
    const MANDATORY: &str = "0207 04 020000000001  0402 07 31  0602 0078";

    #[test]
    fn a_switch_names_itself_its_address_and_its_vlans() {
        let pdu = format!(
            "{MANDATORY}
             0a03 737731                          # system name sw1
             0c07 48502d320d0a62                  # description, with a line break
             0e04 0014 0014                       # bridge and router, both enabled
             100c 05 01 0a000afe 02 00000001 00   # management address 10.0.10.254
             fe06 0080c2 01 000a                  # port VLAN 10
             fe0c 0080c2 03 0014 05 6472697665    # VLAN 20 is called drive
             fe08 0012bb 02 01 4065ae             # voice in VLAN 50
             fe06 0012bb 08 3132                  # serial 12
             0000"
        );
        check(
            &DECODER,
            &[(Client, &uncommented(&pdu))],
            expect![[r#"
                conversation protocol=lldp state=one-way packets=1/0 bytes=93/0
                identity 10.0.10.254 chassis=02:00:00:00:00:01 stated
                identity 10.0.10.254 hostname=sw1 stated
                identity 10.0.10.254 role=switch, router stated
                identity 10.0.10.254 serial=12 stated
                identity 10.0.10.254 system=HP-2 b stated
                identity 10.0.10.254 vlans=10, 20 (drive), 50 (voice) stated
            "#]],
        );
    }

    #[test]
    fn a_controller_with_two_ports_is_no_switch_and_its_inventory_is_read() {
        let description =
            "Siemens, SIMATIC S7, CPU-1200, 6ES7 215-1AG40-0XB0, HW: 10, FW: V.4.3.1, S V-L8BT7803";
        let hex: String = description
            .bytes()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let pdu = format!(
            "0205 07 706c6331  0409 07 706f72742d303031  0602 0014
             0c{:02x} {hex}
             0e04 0084 0084
             fe0a 000ecf 05 286336112233",
            description.len()
        );
        check(
            &DECODER,
            &[(Client, &pdu)],
            expect![[r#"
                conversation protocol=lldp state=one-way packets=1/0 bytes=127/0
                identity 02:00:00:00:00:01 chassis=28:63:36:11:22:33 stated
                identity 02:00:00:00:00:01 firmware=V.4.3.1 stated
                identity 02:00:00:00:00:01 hostname=plc1 stated
                identity 02:00:00:00:00:01 maker=Siemens stated
                identity 02:00:00:00:00:01 model=CPU-1200 stated
                identity 02:00:00:00:00:01 order_number=6ES7 215-1AG40-0XB0 stated
                identity 02:00:00:00:00:01 serial=V-L8BT7803 stated
                identity 02:00:00:00:00:01 system=Siemens, SIMATIC S7, CPU-1200, 6ES7 215-1AG40-0XB0, HW: 10, FW: V.4.3.1, S V-L8BT7803 stated
                identity 28:63:36:11:22:33 hostname=plc1 stated
            "#]],
        );
    }

    #[test]
    fn damage_is_noted_and_what_stands_before_it_is_kept() {
        check(
            &DECODER,
            &[
                (Client, &format!("{MANDATORY} 0a02 7377 0c40 41")), // a description longer than the frame
                (Client, "fe04 00120f 01"),                          // no mandatory TLVs
                (Client, &format!("{MANDATORY} 0a00 0a00 0a00")),    // empty TLVs, no End
            ],
            expect![[r#"
                conversation protocol=lldp state=one-way packets=3/0 bytes=53/0
                identity 02:00:00:00:00:01 hostname=sw stated
                identity 02:00:00:00:00:01 chassis=02:00:00:00:00:01 stated
                oddity what=protocol.malformed detail=lldp: truncated frames=Numbers([1])
                oddity what=protocol.malformed detail=lldp: mandatory TLVs frames=Numbers([2])
            "#]],
        );
    }

    fn uncommented(text: &str) -> String {
        text.lines()
            .map(|line| line.split('#').next().unwrap_or_default())
            .collect()
    }
}
