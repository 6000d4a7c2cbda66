//! CDP: what Cisco devices, and some that follow them, say of themselves to their neighbour on the cable.
//!
//! Spec: no public standard; the format as Cisco documents it for `show cdp neighbors detail` and as open decoders agree
//! on it (SNAP 00000C/2000; version, time to live, checksum, then type, length, value).
//! Emits: identity of the sender: host name, maker, model, firmware, description, role, VLANs, VTP domain.
//! Blind to: the neighbour relation itself, power negotiation, the checksum.
use std::net::IpAddr;

use facts::Grade;

use crate::reader::{Malformed, Reader, line, text};
use crate::{Carrier, Cx, Decoder, Dialogue, Probe, Side, Step};

pub static DECODER: Decoder = Decoder {
    name: "cdp",
    title: "CDP (Cisco Discovery Protocol)",
    carriers: &[Carrier::Snap(0x00_000c, 0x2000)],
    probe: |_| Probe::NotOurs,
    open: || Box::new(Cdp),
    remote: false,
    operations: &[],
    about: "What Cisco devices announce of themselves: name, platform, software, role, addresses, VLANs.",
    spec: "Cisco's documentation of CDP versions 1 and 2; no public standard",
    blind: "which port is cabled to which, power negotiation, the checksum",
};

/// Characters kept of a name.
const MOST_NAME: usize = 128;
/// Characters kept of a software description.
const MOST_DESCRIPTION: usize = 255;
/// Addresses looked at per list.
const MOST_ADDRESSES: u32 = 16;

/// Nothing is kept between announcements: each says all of it again.
struct Cdp;

impl Dialogue for Cdp {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let mut said = Said::default();
        let result = said.read(&mut Reader::new(bytes));
        // What stands before damage is still said.
        said.tell(cx, side);
        match result {
            Ok(()) => Step::Took(bytes.len()),
            Err(error) => Step::from_error(error, bytes.len()),
        }
    }
}

/// One announcement, as far as it says who the sender is.
#[derive(Default)]
struct Said {
    version: u8,
    device: Option<String>,
    platform: Option<String>,
    software: Option<String>,
    capabilities: u32,
    address: Option<IpAddr>,
    management: Option<IpAddr>,
    native: Option<u16>,
    voice: Option<u16>,
    domain: Option<String>,
}

impl Said {
    fn read(&mut self, r: &mut Reader<'_>) -> Result<(), Malformed> {
        self.version = r.u8()?;
        r.check(matches!(self.version, 1 | 2), "version")?;
        r.skip(1 + 2)?;
        while !r.is_empty() {
            let kind = r.u16()?;
            // The length counts the type and itself.
            let length = usize::from(r.u16()?);
            let Some(length) = length.checked_sub(4) else {
                return Err(Malformed::Bad("TLV length"));
            };
            let mut value = r.sub(length)?;
            match kind {
                0x0001 => self.device = text(value.rest(), MOST_NAME),
                0x0002 => self.address = first_address(&mut value)?,
                0x0004 => self.capabilities = value.u32()?,
                0x0005 => self.software = line(value.rest(), MOST_DESCRIPTION),
                0x0006 => self.platform = text(value.rest(), MOST_NAME),
                0x0009 => self.domain = text(value.rest(), MOST_NAME),
                0x000a => self.native = Some(value.u16()?),
                // The voice VLAN that the switch hands to a telephone: kind, VLAN.
                0x000e if value.left() >= 3 => {
                    value.skip(1)?;
                    self.voice = Some(value.u16()?);
                }
                0x0016 => self.management = first_address(&mut value)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn tell(self, cx: &mut Cx<'_>, side: Side) {
        if matches!(self.version, 1 | 2) {
            cx.variant(format!("v{}", self.version));
        }
        let mac = match cx.flow.end(side).address {
            facts::Address::Mac(mac) => Some(mac),
            facts::Address::Ip(_) => None,
        };
        let address = self.management.or(self.address);
        let mut say = |attribute, value: String| {
            cx.identity_of(mac, address, attribute, value, Grade::Stated);
        };
        if let Some(device) = self.device {
            say("hostname", device);
        }
        if let Some(platform) = self.platform {
            // `cisco WS-C2950-12`: maker and model in one.
            match platform.split_once(' ') {
                Some((maker, model)) if maker.eq_ignore_ascii_case("cisco") => {
                    say("maker", "Cisco".to_owned());
                    say("model", model.trim().to_owned());
                }
                _ => say("model", platform),
            }
        }
        if let Some(software) = self.software {
            if let Some(version) = version(&software) {
                say("firmware", version.to_owned());
            }
            say("system", software);
        }
        if let Some(role) = role(self.capabilities) {
            say("role", role);
        }
        let mut vlans: Vec<String> = Vec::new();
        vlans.extend(
            self.native
                .filter(|vlan| *vlan > 0)
                .map(|vlan| vlan.to_string()),
        );
        vlans.extend(
            self.voice
                .filter(|vlan| (1..=4094).contains(vlan))
                .map(|vlan| format!("{vlan} (voice)")),
        );
        if !vlans.is_empty() {
            say("vlans", vlans.join(", "));
        }
        if let Some(domain) = self.domain {
            say("domain", domain);
        }
    }
}

/// Count, then per address: kind and length of the protocol, the protocol (NLPID CC is IP, an LLC header with EtherType
/// 86DD is IPv6), length of the address, the address. The first that a host can have.
fn first_address(r: &mut Reader<'_>) -> Result<Option<IpAddr>, Malformed> {
    let count = r.u32()?;
    for _ in 0..count.min(MOST_ADDRESSES) {
        r.skip(1)?;
        let length = usize::from(r.u8()?);
        let protocol = r.bytes(length)?;
        let length = usize::from(r.u16()?);
        let mut address = r.sub(length)?;
        let ip = match (protocol, length) {
            ([0xcc], 4) => IpAddr::V4(address.ipv4()?),
            ([.., 0x86, 0xdd], 16) => IpAddr::V6(address.ipv6()?),
            _ => continue,
        };
        if !(ip.is_unspecified() || ip.is_loopback() || ip.is_multicast()) {
            return Ok(Some(ip));
        }
    }
    Ok(None)
}

/// `… Version 12.2(44)SE, RELEASE SOFTWARE (fc1)`.
fn version(software: &str) -> Option<&str> {
    let (_, rest) = software.split_once("Version ")?;
    rest.split([',', ' '])
        .next()
        .filter(|version| !version.is_empty())
}

/// The capabilities in the words of roles, the most telling first.
fn role(capabilities: u32) -> Option<String> {
    let bit = |bits: u32| capabilities & bits != 0;
    let mut words = Vec::new();
    if bit(0x80) {
        words.push("telephone");
    }
    if bit(0x200) && !bit(0x01 | 0x08) {
        words.push("camera");
    }
    // Bridges of either kind, and switches.
    if bit(0x02 | 0x04 | 0x08) {
        words.push("switch");
    }
    if bit(0x01) {
        words.push("router");
    }
    if bit(0x40) && words.is_empty() {
        words.push("repeater");
    }
    (!words.is_empty()).then(|| words.join(", "))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::Client;
    use crate::testing::check;

    #[test]
    fn a_switch_says_who_it_is() {
        check(
            &DECODER,
            &[(
                Client,
                "02 b4 0000
                 0001 0007 737731
                 0005 0021 494f532c2056657273696f6e2031322e32283434295345 0a 436f6d70 2e
                 0006 000e 636973636f2057532d43
                 0002 0011 00000001 01 01 cc 0004 00000000
                 0004 0008 00000028
                 000a 0006 0003
                 0009 0008 59415244
                 000e 0007 01 0032
                 0016 0011 00000001 01 01 cc 0004 0a000afe",
            )],
            expect![[r#"
                conversation protocol=cdp:v2 state=one-way packets=1/0 bytes=121/0
                identity 10.0.10.254 domain=YARD stated
                identity 10.0.10.254 firmware=12.2(44)SE stated
                identity 10.0.10.254 hostname=sw1 stated
                identity 10.0.10.254 maker=Cisco stated
                identity 10.0.10.254 model=WS-C stated
                identity 10.0.10.254 role=switch stated
                identity 10.0.10.254 system=IOS, Version 12.2(44)SE Comp. stated
                identity 10.0.10.254 vlans=3, 50 (voice) stated
            "#]],
        );
    }

    #[test]
    fn a_length_below_its_own_header_ends_the_reading() {
        check(
            &DECODER,
            &[
                (Client, "01 b4 0000 0001 0006 5231 0002 0003 00"),
                (Client, "07 b4 0000"),
            ],
            expect![[r#"
                conversation protocol=cdp:v1 state=one-way packets=2/0 bytes=19/0
                identity 02:00:00:00:00:01 hostname=R1 stated
                oddity what=protocol.malformed detail=cdp: TLV length frames=Numbers([1])
                oddity what=protocol.malformed detail=cdp: version frames=Numbers([2])
            "#]],
        );
    }
}
