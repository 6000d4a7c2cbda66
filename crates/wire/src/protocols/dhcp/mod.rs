//! DHCP for IPv4, BOOTP before it: who hands out addresses, who got which, and what clients say of themselves.
//!
//! Spec: RFC 951 and 1542 (BOOTP, relays), RFC 2131 and 2132 (DHCP and its options), RFC 4361 (client identifiers), RFC 4702
//! (client FQDN), RFC 3442 (routes by class-less networks).
//! Emits: the lease as the client's address; host name, vendor class, identifier and fingerprint of the client; the server
//! as a route by each gateway that it names.
//! Blind to: leases renewed before the capture began; addresses of clients without an Ethernet address.
mod v6;

use std::net::{IpAddr, Ipv4Addr};

use facts::{Grade, Mac};

pub(crate) use self::v6::DECODER as DHCPV6;
use crate::reader::text;
use crate::{Carrier, Cx, Decoder, Dialogue, Head, Malformed, Probe, Reader, Sender, Side, Step};

pub(crate) static DECODER: Decoder = Decoder {
    name: "dhcp",
    title: "DHCP and BOOTP",
    carriers: &[Carrier::Udp(67), Carrier::Udp(68)],
    probe,
    open: || Box::new(Dhcp),
    remote: false,
    operations: &[],
    about: "Leases (which MAC got which address), host names, vendor classes, identifiers (option 61) and fingerprints (option 55) of clients, servers with the gateways, routes and name servers that they hand out.",
    spec: "RFC 951; RFC 1542; RFC 2131; RFC 2132; RFC 4361; RFC 4702; RFC 3442",
    blind: "leases given before the capture began",
};

/// RFC 2131, 3: what tells options from vendor data.
const COOKIE: [u8; 4] = [0x63, 0x82, 0x53, 0x63];
/// RFC 8415, 11.1: a DUID has at most 130 octets.
const MOST_ID: usize = 130;
/// Name servers listed of one offer.
const MOST_SERVERS: usize = 4;
/// Routers told of one offer.
const MOST_ROUTERS: usize = 8;

/// The magic cookie tells; without it (BOOTP) the port must.
fn probe(head: &Head<'_>) -> Probe {
    let Ok(message) = Message::read(head.bytes) else {
        return Probe::NotOurs;
    };
    let by_port = head.on(67) && head.on(68);
    if !message.cookie && !by_port {
        return Probe::NotOurs;
    }
    Probe::Ours(if message.reply {
        Sender::Server
    } else {
        Sender::Client
    })
}

/// RFC 2131, figure 1.
struct Message<'a> {
    reply: bool,
    /// `ciaddr`: the address that the client has already.
    current: Ipv4Addr,
    /// `yiaddr`: the address that it gets.
    given: Ipv4Addr,
    /// `giaddr`: the relay between client and server.
    relay: Ipv4Addr,
    /// `chaddr`, where it is an Ethernet address.
    client: Option<Mac>,
    cookie: bool,
    /// Options of the message, then those that option 52 put into `file` and `sname`.
    options: [&'a [u8]; 3],
}

impl<'a> Message<'a> {
    fn read(bytes: &'a [u8]) -> Result<Message<'a>, Malformed> {
        let mut r = Reader::new(bytes);
        let (op, hardware, length) = (r.u8()?, r.u8()?, r.u8()?);
        r.check(matches!(op, 1 | 2), "operation")?;
        r.check(length <= 16, "hardware address length")?;
        // hops, xid, secs, flags
        r.skip(1 + 4 + 2 + 2)?;
        let (current, given, _next, relay) = (r.ipv4()?, r.ipv4()?, r.ipv4()?, r.ipv4()?);
        let address = r.mac()?;
        r.skip(10)?;
        let (sname, file) = (r.bytes(64)?, r.bytes(128)?);
        let cookie = r.peek().starts_with(&COOKIE);
        let options = if cookie {
            r.skip(4)?;
            r.rest()
        } else {
            &[]
        };
        let mut message = Message {
            reply: op == 2,
            current,
            given,
            relay,
            client: (hardware == 1 && length == 6 && address.is_device()).then_some(address),
            cookie,
            options: [options, &[], &[]],
        };
        // RFC 2132, 9.3: 1 file, 2 sname, 3 both.
        if let Some([overload]) = message.option(52) {
            let [_, in_file, in_sname] = &mut message.options;
            if overload & 1 != 0 {
                *in_file = file;
            }
            if overload & 2 != 0 {
                *in_sname = sname;
            }
        }
        Ok(message)
    }

    /// The first option with that code, if its length holds.
    fn option(&self, wanted: u8) -> Option<&'a [u8]> {
        self.options.iter().find_map(|field| {
            let mut r = Reader::new(field);
            loop {
                match r.u8().ok()? {
                    0 => {}
                    255 => return None,
                    code => {
                        let length = usize::from(r.u8().ok()?);
                        let value = r.bytes(length).ok()?;
                        if code == wanted {
                            return Some(value);
                        }
                    }
                }
            }
        })
    }

    /// Whether every option ends inside its field.
    fn options_hold(&self) -> bool {
        self.options.iter().all(|field| {
            let mut r = Reader::new(field);
            loop {
                match r.u8() {
                    Ok(0) => {}
                    Ok(255) | Err(_) => return true,
                    Ok(_) => {
                        let whole = r.u8().and_then(|length| r.skip(usize::from(length)));
                        if whole.is_err() {
                            return false;
                        }
                    }
                }
            }
        })
    }

    /// The routers that it names, each with the network to which it leads, where that is not everywhere. RFC 3442: a list of
    /// routes by class-less networks stands in place of options 3 and 33; Microsoft's clients asked for it by 249 before.
    fn routers(&self) -> Vec<(Ipv4Addr, Option<String>)> {
        if let Some(routes) = self.option(121).or_else(|| self.option(249)) {
            return classless(routes);
        }
        let everywhere = self.addresses(3).into_iter().map(|router| (router, None));
        let (pairs, _) = self.option(33).unwrap_or(&[]).as_chunks::<8>();
        let others = pairs.iter().map(|[a, b, c, d, router @ ..]| {
            let network = Ipv4Addr::new(*a, *b, *c, *d);
            (Ipv4Addr::from(*router), Some(format!("for {network}")))
        });
        let all = everywhere.chain(others);
        all.filter(|(router, _)| !router.is_unspecified())
            .take(MOST_ROUTERS)
            .collect()
    }

    fn addresses(&self, code: u8) -> Vec<Ipv4Addr> {
        let (fours, _) = self.option(code).unwrap_or(&[]).as_chunks::<4>();
        fours
            .iter()
            .take(MOST_SERVERS)
            .map(|four| Ipv4Addr::from(*four))
            .collect()
    }
}

/// RFC 3442: the width of a network, as many octets of it as that needs, its router. A router of 0.0.0.0 says that the
/// network is on the link.
fn classless(routes: &[u8]) -> Vec<(Ipv4Addr, Option<String>)> {
    let mut r = Reader::new(routes);
    let mut next = || -> Option<(u8, Ipv4Addr, Ipv4Addr)> {
        let width = r.u8().ok().filter(|width| *width <= 32)?;
        let given = r.bytes(usize::from(width.div_ceil(8))).ok()?;
        let mut network = [0; 4];
        for (octet, given) in network.iter_mut().zip(given) {
            *octet = *given;
        }
        Some((width, network.into(), r.ipv4().ok()?))
    };
    std::iter::from_fn(&mut next)
        .filter(|(_, _, router)| !router.is_unspecified())
        .map(|(width, network, router)| {
            let network = (width > 0).then(|| format!("for {network}/{width}"));
            (router, network)
        })
        .take(MOST_ROUTERS)
        .collect()
}

struct Dhcp;

impl Dialogue for Dhcp {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let message = match Message::read(bytes) {
            Ok(message) => message,
            Err(error) => return Step::from_error(error, bytes.len()),
        };
        let kind = message.option(53).and_then(|value| value.first().copied());
        // RFC 2131, 4.3.3 and 4.3.4: whoever declines or gives back an address is not answered.
        if matches!(kind, Some(4 | 7)) {
            cx.asks_nothing();
        }
        match (message.reply, kind) {
            (false, _) => of_client(cx, side, &message, kind),
            // OFFER and ACK; BOOTP has no kinds.
            (true, Some(2 | 5) | None) => of_server(cx, side, &message, kind != Some(2)),
            (true, _) => {}
        }
        if message.options_hold() {
            Step::Took(bytes.len())
        } else {
            Step::Bad("option length")
        }
    }
}

/// A message between relay and server, not on the client's own network.
fn is_relayed(cx: &Cx<'_>, message: &Message<'_>) -> bool {
    !message.relay.is_unspecified() && cx.flow.client.port == cx.flow.server.port
}

/// The client's name, by itself or by the server.
fn host_name(message: &Message<'_>) -> Option<String> {
    let name = message.option(12).and_then(|name| text(name, 255));
    name.or_else(|| message.option(81).and_then(fqdn))
}

fn of_client(cx: &mut Cx<'_>, side: Side, message: &Message<'_>, kind: Option<u8>) {
    let Some(mac) = message.client else { return };
    let ip = (!message.current.is_unspecified()).then_some(IpAddr::V4(message.current));
    if let Some(name) = host_name(message) {
        cx.identity_of(Some(mac), ip, "hostname", name, Grade::Stated);
    }
    if let Some(class) = message.option(60).and_then(|class| text(class, 255)) {
        // Microsoft's clients say `MSFT 5.0`, Android's `android-dhcp-13`.
        let os = if class.starts_with("MSFT ") {
            Some("Windows".to_owned())
        } else {
            class
                .strip_prefix("android-dhcp-")
                .map(|version| format!("Android {version}"))
        };
        if let Some(os) = os {
            cx.identity_of(Some(mac), ip, "os", os, Grade::Inferred);
        }
        cx.identity_of(Some(mac), ip, "system", class, Grade::Stated);
    }
    // What a client asks for, in its order, tells its software from others.
    if let Some(asked) = message.option(55).filter(|asked| asked.len() >= 3) {
        let codes: Vec<String> = asked.iter().map(ToString::to_string).collect();
        cx.identity_of(Some(mac), ip, "dhcp", codes.join(","), Grade::Stated);
    }
    if let Some(id) = message.option(61).and_then(|value| client_id(value, mac)) {
        cx.identity_of(Some(mac), ip, "client_id", id, Grade::Stated);
    }
    // DECLINE: another device answers for the address that was offered.
    if kind == Some(4) {
        let address = message.addresses(50).first().map(ToString::to_string);
        cx.oddity("dhcp.address_in_use", side, address);
    }
}

/// RFC 2132, 9.14: a type, then what names the client: an address of that hardware, or a name for type 0. RFC 4361, 6.1:
/// type 255 has an IAID of the interface and the DUID of the host. What only repeats the MAC address says nothing.
fn client_id(value: &[u8], mac: Mac) -> Option<String> {
    let (kind, id) = value.split_first()?;
    match kind {
        1 if id == mac.0 => None,
        255 => duid(id.get(4..)?),
        0 if let Some(name) = text(id, 64) => Some(name),
        _ if (2..=MOST_ID).contains(&id.len()) => Some(crate::protocols::tls::hex(id)),
        _ => None,
    }
}

/// RFC 8415, 11: names a host, whichever interface it asks from; the same in DHCP and DHCPv6.
fn duid(id: &[u8]) -> Option<String> {
    (4..=MOST_ID)
        .contains(&id.len())
        .then(|| format!("DUID {}", crate::protocols::tls::hex(id)))
}

fn of_server(cx: &mut Cx<'_>, side: Side, message: &Message<'_>, granted: bool) {
    let relayed = is_relayed(cx, message);
    // RFC 2131, 4.3.5: the answer to INFORM leaves `yiaddr` empty and repeats the client's own address.
    let leased = if message.given.is_unspecified() {
        message.current
    } else {
        message.given
    };
    if let Some(mac) = message.client
        && granted
        && !relayed
    {
        cx.claim(mac, leased.into());
        if let Some(name) = host_name(message) {
            cx.identity_of(
                Some(mac),
                Some(leased.into()),
                "hostname",
                name,
                Grade::Inferred,
            );
        }
    }
    let end = *cx.flow.end(side);
    let sender = end.address.ip().filter(|ip| !ip.is_unspecified());
    let named = message
        .addresses(54)
        .first()
        .copied()
        .filter(|ip| !ip.is_unspecified());
    // Behind a relay the packet's addresses are the relay's, except on the way between relay and server.
    let (mac, ip) = match (message.relay.is_unspecified(), relayed) {
        (true, _) | (_, true) => (end.mac.filter(|_| end.near), sender),
        (false, false) => (None, named.map(IpAddr::V4).or(sender)),
    };
    let resolvers: Vec<String> = message
        .addresses(6)
        .iter()
        .map(ToString::to_string)
        .collect();
    let resolvers = (!resolvers.is_empty()).then(|| format!("dns {}", resolvers.join(", ")));
    let relay = (!message.relay.is_unspecified()).then(|| format!("by relay {}", message.relay));
    let mut tell = |gateway: Option<Ipv4Addr>, network: Option<String>| {
        let detail: Vec<String> = [network, resolvers.clone(), relay.clone()]
            .into_iter()
            .flatten()
            .collect();
        let detail = (!detail.is_empty()).then(|| detail.join("; "));
        cx.route("dhcp", mac, ip, gateway.map(IpAddr::V4), detail);
    };
    let routers = message.routers();
    if routers.is_empty() {
        tell(None, None);
    }
    for (router, network) in routers {
        tell(Some(router), network);
    }
}

/// RFC 4702, 2: flags, two old response codes, then the name, in DNS wire format if flag E is set.
fn fqdn(value: &[u8]) -> Option<String> {
    let (flags, name) = (value.first()?, value.get(3..)?);
    if flags & 0x04 == 0 {
        return text(name, 255);
    }
    wire_name(name)
}

/// A name in DNS wire format, uncompressed; its last, empty label may lack.
fn wire_name(name: &[u8]) -> Option<String> {
    let mut labels = Vec::new();
    let mut r = Reader::new(name);
    while let Ok(length @ 1..=63) = r.u8() {
        labels.push(text(r.bytes(usize::from(length)).ok()?, 63)?);
    }
    (!labels.is_empty()).then(|| labels.join("."))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::Side::{Client, Server};
    use crate::testing::check;

    /// `op`, then current, given and relay address, then options.
    fn message(op: &str, current: &str, given: &str, relay: &str, options: &str) -> String {
        let zeros = "00".repeat(10 + 64 + 128);
        format!(
            "{op} 01 06 00 12345678 0000 0000 {current} {given} 00000000 {relay} 020000000001 {zeros} 63825363 {options} ff"
        )
    }

    #[test]
    fn a_lease_names_the_client_its_address_and_the_server() {
        // DISCOVER by host "hmi1" of class "MSFT 5.0", which asks for mask, router, name servers and domain.
        let ask = message(
            "01",
            "00000000",
            "00000000",
            "00000000",
            "350101 0c04 686d6931 3c08 4d53465420352e30 3704 0103060f",
        );
        // ACK of 10.0.0.77 by 10.0.0.2: router 10.0.0.254, resolvers 10.0.0.5 and .6.
        let tell = message(
            "02",
            "00000000",
            "0a00004d",
            "00000000",
            "350105 36040a000002 03040a0000fe 06080a0000050a000006",
        );
        check(
            &DECODER,
            &[(Client, &ask), (Server, &tell)],
            expect![[r#"
                conversation protocol=dhcp state=answered packets=1/1 bytes=266/266
                identity 02:00:00:00:00:01 dhcp=1,3,6,15 stated
                identity 02:00:00:00:00:01 hostname=hmi1 stated
                identity 02:00:00:00:00:01 os=Windows inferred
                identity 02:00:00:00:00:01 system=MSFT 5.0 stated
                route via=dhcp mac=02:00:00:00:00:02 ip=10.0.0.2 gateway=10.0.0.254 detail=dns 10.0.0.5, 10.0.0.6 frames=Numbers([2])
                address mac=02:00:00:00:00:01 ip=10.0.0.77 claimed=Bool(true) frames=Numbers([2])
            "#]],
        );
    }

    #[test]
    fn each_gateway_of_a_list_of_routes_is_told_and_the_list_stands_before_the_router() {
        let ack = |options: &str| {
            let options = format!("350105 36040a000002 03040a0000fe {options}");
            message("02", "00000000", "0a00004d", "00000000", &options)
        };
        // Everywhere by 10.0.0.66, 10.20/14 by 10.0.0.67, what is on the link, and a width that cannot be.
        let list = "79 19 00 0a000042 0e 0a14 0a000043 18 0a0001 00000000 21 0a000044";
        let told = |message: &str| {
            let bytes = crate::testing::hex(message);
            let message = Message::read(&bytes).unwrap();
            let routers = message.routers().into_iter();
            let words =
                routers.map(|(ip, network)| format!("{ip} {}", network.unwrap_or_default()));
            words.collect::<Vec<_>>()
        };
        let expected = ["10.0.0.66 ", "10.0.0.67 for 10.20.0.0/14"];
        assert_eq!(told(&ack(list)), expected);
        assert_eq!(told(&ack(&list.replacen("79", "f9", 1))), expected);
        let old = "21 08 0a140000 0a000043";
        assert_eq!(told(&ack(old)), ["10.0.0.254 ", "10.0.0.67 for 10.20.0.0"]);
        check(
            &DECODER,
            &[(Server, &ack(list))],
            expect![[r#"
            conversation protocol=dhcp state=one-way packets=0/1 bytes=0/283
            route via=dhcp mac=02:00:00:00:00:02 ip=10.0.0.2 gateway=10.0.0.66 frames=Numbers([1])
            route via=dhcp mac=02:00:00:00:00:02 ip=10.0.0.2 gateway=10.0.0.67 detail=for 10.20.0.0/14 frames=Numbers([1])
            address mac=02:00:00:00:00:01 ip=10.0.0.77 claimed=Bool(true) frames=Numbers([1])
        "#]],
        );
    }

    #[test]
    fn an_offer_through_a_relay_is_the_servers_and_no_lease_yet() {
        let offer = message(
            "02",
            "00000000",
            "0a01004d",
            "0a010001",
            "350102 36040a090909 03040a0100fe",
        );
        check(
            &DECODER,
            &[(Server, &offer)],
            expect![[r#"
            conversation protocol=dhcp state=one-way packets=0/1 bytes=0/256
            route via=dhcp ip=10.9.9.9 gateway=10.1.0.254 detail=by relay 10.1.0.1 frames=Numbers([1])
        "#]],
        );
    }

    #[test]
    fn options_that_run_over_the_end_are_malformed_but_those_before_count() {
        let mut ask = message(
            "01",
            "0a000001",
            "00000000",
            "00000000",
            "350103 0c04 686d6931 3c40 41",
        );
        ask.truncate(ask.len() - 3);
        check(
            &DECODER,
            &[(Client, &ask)],
            expect![[r#"
            conversation protocol=dhcp state=unanswered packets=1/0 bytes=252/0
            identity 10.0.0.1 hostname=hmi1 stated
            oddity what=protocol.malformed detail=dhcp: option length frames=Numbers([1])
        "#]],
        );
    }

    #[test]
    fn an_identifier_is_told_where_it_is_more_than_the_mac_address() {
        let mac = Mac([2, 0, 0, 0, 0, 1]);
        let read = |digits: &str| client_id(&crate::testing::hex(digits), mac);
        assert_eq!(read("01 020000000001"), None);
        assert_eq!(read("01 020000000002").as_deref(), Some("020000000002"));
        assert_eq!(read("00 686d6931").as_deref(), Some("hmi1"));
        // IAID, then DUID-EN of enterprise 43793.
        assert_eq!(
            read("ff 12345678 0002 0000ab11 0102030405060708").as_deref(),
            Some("DUID 00020000ab110102030405060708")
        );
        assert_eq!(read("ff 12345678"), None);
    }

    #[test]
    fn a_name_in_wire_format_is_read() {
        assert_eq!(
            fqdn(&crate::testing::hex("05 00 00 03 686d69 04 706f7274 00")).as_deref(),
            Some("hmi.port")
        );
        assert_eq!(
            fqdn(&crate::testing::hex("00 00 00 686d69")).as_deref(),
            Some("hmi")
        );
    }
}
