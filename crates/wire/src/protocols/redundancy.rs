//! First-hop redundancy and routing between routers: whoever speaks it is a router, and says for which gateway.
//!
//! Spec: RFC 2281 (HSRP version 0); the type-length-value form of version 2 has no public specification and is
//! read as observed; RFC 2453 (RIP version 2), RFC 1058 (version 1). VRRP, CARP and what else has an IP protocol of its own
//! is in [`crate::net::control`].
//! Blind to: keys and passwords of HSRP; GLBP; routes that RIP announces, but for the default one.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::Carrier::Udp;
use crate::decoder::Step;
use crate::reader::Malformed;
use crate::{Cx, Decoder, Dialogue, Head, Probe, Reader, Sender, Side};

const ABOUT: &str = "Each speaker as a router, with the gateway that it stands for.";

pub static HSRP: Decoder = Decoder {
    name: "hsrp",
    title: "HSRP (Cisco's shared gateways)",
    carriers: &[Udp(1985), Udp(2029)],
    probe: by_hello,
    open: || Box::new(Speaker(Kind::Hsrp)),
    remote: false,
    operations: &[],
    about: ABOUT,
    spec: "RFC 2281; version 2 as observed",
    blind: "keys and passwords",
};

pub static RIP: Decoder = Decoder {
    name: "rip",
    title: "RIP (routing)",
    carriers: &[Udp(520)],
    probe: rip,
    open: || Box::new(Speaker(Kind::Rip)),
    about: "Each host that announces routes, as a router, with its default route.",
    spec: "RFC 1058, RFC 2453",
    blind: "the other routes announced, authentication",
    ..HSRP
};

#[derive(Clone, Copy)]
enum Kind {
    Hsrp,
    Rip,
}

struct Speaker(Kind);

impl Dialogue for Speaker {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let end = *cx.flow.end(side);
        let (mac, ip) = (end.mac.filter(|_| end.near), end.address.ip());
        match self.0 {
            Kind::Hsrp => match hsrp(bytes) {
                Ok(hello) => {
                    let detail = format!("group {}, priority {}", hello.group, hello.priority);
                    cx.route("hsrp", mac, ip, hello.gateway, Some(detail));
                }
                Err(Malformed::Short) => return Step::Bad("too short"),
                Err(Malformed::Bad(what)) => return Step::Bad(what),
            },
            // A response announces; a request only asks.
            Kind::Rip if bytes.first() == Some(&2) => {
                cx.asks_nothing();
                let gateway = default_route(bytes).and_then(|next| next.or(ip));
                let detail = gateway.map(|_| "default route".to_owned());
                cx.route("rip", mac, ip, gateway, detail);
            }
            Kind::Rip => {}
        }
        Step::Took(bytes.len())
    }
}

/// At its port: little in a hello is peculiar to it.
fn by_hello(head: &Head<'_>) -> Probe {
    let at_home = head.on(1985) || head.on(2029);
    if head.udp && at_home && hsrp(head.bytes).is_ok() {
        Probe::Ours(Sender::Unknown)
    } else {
        Probe::NotOurs
    }
}

/// What a router says of its group.
#[derive(Debug, PartialEq, Eq)]
struct Hello {
    group: u16,
    priority: u32,
    gateway: Option<IpAddr>,
}

fn hsrp(bytes: &[u8]) -> Result<Hello, Malformed> {
    let mut r = Reader::new(bytes);
    let (first, second) = (r.u8()?, r.u8()?);
    if first == 1 {
        return hsrp2(&mut r, second);
    }
    // RFC 2281, 5.1: version 0; operations hello, coup, resign; states by powers of two.
    let (state, hello, hold, priority, group, reserved) =
        (r.u8()?, r.u8()?, r.u8()?, r.u8()?, r.u8()?, r.u8()?);
    let sane = first == 0
        && second <= 2
        && reserved == 0
        && (state == 0 || state.is_power_of_two())
        && state <= 16
        && hello > 0
        && hello <= hold;
    r.check(sane, "HSRP header")?;
    r.skip(8)?;
    let gateway = r.ipv4()?;
    Ok(Hello {
        group: group.into(),
        priority: priority.into(),
        gateway: Some(gateway.into()).filter(|ip: &IpAddr| !ip.is_unspecified()),
    })
}

fn hsrp2(r: &mut Reader<'_>, length: u8) -> Result<Hello, Malformed> {
    let (version, operation, state, family) = (r.u8()?, r.u8()?, r.u8()?, r.u8()?);
    let sane =
        length == 40 && version == 2 && operation <= 2 && state <= 6 && matches!(family, 4 | 6);
    r.check(sane, "HSRP header")?;
    let group = r.u16()?;
    // Identifier; hello and hold time after the priority.
    r.skip(6)?;
    let priority = r.u32()?;
    r.skip(8)?;
    let address: [u8; 16] = r.array()?;
    let gateway: IpAddr = match (family, address) {
        (4, [a, b, c, d, ..]) => Ipv4Addr::new(a, b, c, d).into(),
        _ => Ipv6Addr::from(address).into(),
    };
    Ok(Hello {
        group,
        priority,
        gateway: Some(gateway).filter(|ip| !ip.is_unspecified()),
    })
}

/// Command, version, two zeros, and entries of 20 bytes whose family is IP, an authentication, or (asking) none.
fn rip(head: &Head<'_>) -> Probe {
    let entries = || -> Option<Sender> {
        let mut r = Reader::new(head.bytes);
        let (command, version, zero) = (r.u8().ok()?, r.u8().ok()?, r.u16().ok()?);
        let sane = matches!(command, 1 | 2) && matches!(version, 1 | 2) && zero == 0;
        let (entries, rest) = r.rest().as_chunks::<20>();
        let known = entries
            .iter()
            .all(|[high, low, ..]| matches!(u16::from_be_bytes([*high, *low]), 0 | 2 | 0xffff));
        let all = sane && head.udp && head.on(520) && rest.is_empty();
        (all && known && (1..=25).contains(&entries.len())).then_some(Sender::Unknown)
    };
    entries().map_or(Probe::NotOurs, Probe::Ours)
}

/// RFC 2453, 4: an entry for 0.0.0.0 that can be reached is a default route, by the sender itself or by the next hop named.
fn default_route(bytes: &[u8]) -> Option<Option<IpAddr>> {
    let (entries, _) = bytes.get(4..)?.as_chunks::<20>();
    entries.iter().find_map(|entry| {
        let mut r = Reader::new(entry);
        let (family, _tag) = (r.u16().ok()?, r.u16().ok()?);
        let (network, _mask, next) = (r.ipv4().ok()?, r.ipv4().ok()?, r.ipv4().ok()?);
        let reached = matches!(r.u32().ok()?, 1..=15);
        let found = family == 2 && network.is_unspecified() && reached;
        found.then(|| Some(next.into()).filter(|_| !next.is_unspecified()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::hex;

    /// What the hello says, where it is told for one between these ports.
    fn heard(from: u16, to: u16, text: &str) -> Option<(u16, u32, String)> {
        let bytes = hex(text);
        let head = Head {
            bytes: &bytes,
            udp: true,
            from,
            to,
            first: true,
            open: false,
        };
        let hello = hsrp(&bytes)
            .ok()
            .filter(|_| by_hello(&head) != Probe::NotOurs)?;
        Some((hello.group, hello.priority, hello.gateway?.to_string()))
    }

    #[test]
    fn who_speaks_of_a_shared_gateway_names_it() {
        // Version 0, hello, active, 3 s, 10 s, priority 110, group 7, "cisco", 10.20.7.1
        let hello = "00 00 10 03 0a 6e 07 00 636973636f000000 0a140701";
        let gateway = || "10.20.7.1".to_owned();
        assert_eq!(heard(1985, 1985, hello), Some((7, 110, gateway())));
        assert_eq!(heard(1986, 1986, hello), None, "at its port alone");
        assert_eq!(
            heard(1985, 1985, &hello.replacen("10", "03", 1)),
            None,
            "no such state"
        );
        // Version 2: a piece of 40 bytes, active, IPv4, group 1031, its MAC, priority 110, then text that signs it.
        let hello = "01 28 02 00 06 04 0407 00000c9ff407 0000006e 00000bb8 00002710 \
                     0a140701000000000000000000000000 03 08 636973636f000000";
        assert_eq!(heard(1985, 1985, hello), Some((1031, 110, gateway())));
    }

    #[test]
    fn entries_of_routes_are_rip_and_a_damaged_one_is_not() {
        // A response with one entry: family 2, tag 0, 10.0.0.0/8, next hop 0, metric 1.
        let routes = "02 02 0000 0002 0000 0a000000 ff000000 00000000 00000001";
        let told = |text: &str| {
            let bytes = hex(text);
            let head = Head {
                bytes: &bytes,
                udp: true,
                from: 520,
                to: 520,
                first: true,
                open: false,
            };
            rip(&head) != Probe::NotOurs
        };
        assert!(told(routes));
        let route = |text: &str| default_route(&hex(text));
        let everywhere = "02 02 0000 0002 0000 0a000000 ff000000 00000000 00000001 0002 0000 00000000 00000000 0a000042 00000001";
        assert_eq!(route(routes), None);
        assert_eq!(route(everywhere), Some(Some([10, 0, 0, 66].into())));
        assert_eq!(
            route(&everywhere.replacen("0a000042", "00000000", 1)),
            Some(None)
        );
        assert_eq!(
            route(&everywhere.replacen("00000001 0002", "00000001 ffff", 1)),
            None
        );
        assert!(!told(&routes.replacen("0002", "0003", 1)));
        assert!(!told(&format!("{routes} 00")));
    }
}
