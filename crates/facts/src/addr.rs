//! Addresses: a MAC address, and the address by which an end of a conversation is named.
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A 48-bit IEEE 802 MAC address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// `ff:ff:ff:ff:ff:ff`, every station of the link.
    pub const BROADCAST: Mac = Mac([0xff; 6]);

    /// Group bit (I/G): broadcast or multicast, never a device's own address (IEEE 802, 8.2.2).
    pub const fn is_group(self) -> bool {
        self.0[0] & 1 != 0
    }

    /// Locally administered bit (U/L): not given by a registered maker (IEEE 802, 8.2.2).
    pub const fn is_local(self) -> bool {
        self.0[0] & 2 != 0
    }

    /// All 48 bits zero: a placeholder (the target of an ARP request), never a device's own address.
    pub const fn is_zero(self) -> bool {
        matches!(self.0, [0, 0, 0, 0, 0, 0])
    }

    /// Could stand for one device: neither group nor all zero.
    pub const fn is_device(self) -> bool {
        !self.is_group() && !self.is_zero()
    }

    /// A group whose frames go no further than the next bridge: those that IEEE 802.1Q reserves (table 8-1,
    /// `01:80:c2:00:00:00` to `:0f`), and that of Cisco's discovery (CDP, `01:00:0c:cc:cc:cc`).
    pub const fn stays_on_cable(self) -> bool {
        matches!(
            self.0,
            [0x01, 0x80, 0xc2, 0, 0, 0..=0x0f] | [0x01, 0x00, 0x0c, 0xcc, 0xcc, 0xcc]
        )
    }

    /// The 48 bits as a number, first octet highest.
    pub const fn bits(self) -> u64 {
        let [a, b, c, d, e, f] = self.0;
        // In the two pieces in which six bytes are moved: a load across both would have to wait for them.
        let (high, low) = (u32::from_be_bytes([a, b, c, d]), u16::from_be_bytes([e, f]));
        (high as u64) << 16 | low as u64
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, f] = self.0;
        write!(out, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
    }
}

/// The text was not six octets in hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAMac;

impl FromStr for Mac {
    type Err = NotAMac;

    /// Accepts `28:63:36:8a:01:10`, dashes, `2863.368a.0110`, and bare hex.
    fn from_str(text: &str) -> Result<Mac, NotAMac> {
        let mut out = [0u8; 6];
        let mut digits = text.chars().filter(|c| !matches!(c, ':' | '-' | '.'));
        for octet in &mut out {
            let (high, low) = (digits.next().ok_or(NotAMac)?, digits.next().ok_or(NotAMac)?);
            let (high, low) = (
                high.to_digit(16).ok_or(NotAMac)?,
                low.to_digit(16).ok_or(NotAMac)?,
            );
            *octet = u8::try_from(high * 16 + low).map_err(|_| NotAMac)?;
        }
        if digits.next().is_some() {
            Err(NotAMac)
        } else {
            Ok(Mac(out))
        }
    }
}

/// How an end is named: its IP address, or its MAC address where it has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// IPv4 or IPv6, as it stood in the packet.
    Ip(IpAddr),
    /// Of a frame without an IP packet, or of a device whose IP address is not known.
    Mac(Mac),
}

impl Default for Address {
    fn default() -> Address {
        Address::Mac(Mac::default())
    }
}

impl Address {
    /// The IP address; `None` for an end that has only a MAC address.
    pub const fn ip(self) -> Option<IpAddr> {
        match self {
            Address::Ip(ip) => Some(ip),
            Address::Mac(_) => None,
        }
    }

    /// Broadcast or multicast: no single device.
    pub fn is_group(self) -> bool {
        match self {
            Address::Ip(IpAddr::V4(ip)) => ip.is_multicast() || ip.is_broadcast(),
            Address::Ip(IpAddr::V6(ip)) => ip.is_multicast(),
            Address::Mac(mac) => mac.is_group(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Ip(ip) => ip.fmt(f),
            Address::Mac(mac) => mac.fmt(f),
        }
    }
}

/// The text was neither an IP nor a MAC address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnAddress;

impl FromStr for Address {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Address, NotAnAddress> {
        let ip = text.parse().map(Address::Ip);
        ip.or_else(|_| text.parse().map(Address::Mac))
            .map_err(|_| NotAnAddress)
    }
}

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Address {
        Address::Ip(ip)
    }
}

impl From<Mac> for Address {
    fn from(mac: Mac) -> Address {
        Address::Mac(mac)
    }
}

#[test]
fn macs_are_read_in_every_common_spelling() {
    let mac = Mac([0x28, 0x63, 0x36, 0x8a, 0x01, 0x10]);
    for text in [
        "28:63:36:8a:01:10",
        "28-63-36-8A-01-10",
        "2863.368a.0110",
        "2863368a0110",
    ] {
        assert_eq!(text.parse(), Ok(mac), "{text}");
    }
    assert_eq!("28:63:36:8a:01".parse::<Mac>(), Err(NotAMac));
    assert_eq!("28:63:36:8a:01:10:11".parse::<Mac>(), Err(NotAMac));
    assert_eq!(mac.to_string(), "28:63:36:8a:01:10");
}
