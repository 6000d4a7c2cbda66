//! DHCP for IPv6: who hands out addresses, and what clients say of themselves.
//!
//! Spec: RFC 8415 (messages 7.3, options 21), RFC 3646 (name servers), RFC 4704 (client FQDN).
//! Emits: the lease as the client's address; host name and vendor class of the client; the server as a route.
//! Blind to: messages inside a relay's beyond the first level; delegated prefixes.
use std::net::{IpAddr, Ipv6Addr};

use crate::reader::text;
use crate::{Carrier, Cx, Decoder, Dialogue, Head, Malformed, Probe, Reader, Sender, Side, Step};

pub(crate) static DECODER: Decoder = Decoder {
    name: "dhcpv6",
    title: "DHCPv6",
    carriers: &[Carrier::Udp(547), Carrier::Udp(546)],
    probe,
    open: || Box::new(Dhcpv6),
    remote: false,
    operations: &[],
    about: "Leases, host names and vendor classes of clients, servers with the name servers that they hand out.",
    spec: "RFC 8415; RFC 3646; RFC 4704",
    blind: "clients behind more than one relay, delegated prefixes",
};

/// RFC 8415, 7.3.
mod kind {
    pub(crate) const ADVERTISE: u8 = 2;
    pub(crate) const REPLY: u8 = 7;
    pub(crate) const RECONFIGURE: u8 = 10;
    pub(crate) const RELAY_FORWARD: u8 = 12;
    pub(crate) const RELAY_REPLY: u8 = 13;
}

/// Options read of one message.
const MOST_OPTIONS: usize = 64;

/// The message types are few, but the port must agree, and the options must fill the message.
fn probe(head: &Head<'_>) -> Probe {
    if !head.on(547) && !head.on(546) {
        return Probe::NotOurs;
    }
    head.read(|r| {
        let message = Message::read(r)?;
        Ok(match message.kind {
            kind::ADVERTISE | kind::REPLY | kind::RECONFIGURE | kind::RELAY_REPLY => Sender::Server,
            _ => Sender::Client,
        })
    })
}

struct Message<'a> {
    kind: u8,
    relayed: bool,
    options: Vec<(u16, &'a [u8])>,
}

impl<'a> Message<'a> {
    fn read(r: &mut Reader<'a>) -> Result<Message<'a>, Malformed> {
        let kind = r.u8()?;
        r.check(matches!(kind, 1..=13), "message type")?;
        let relayed = matches!(kind, kind::RELAY_FORWARD | kind::RELAY_REPLY);
        // Hop count, link address and peer address of a relay; else a transaction.
        r.skip(if relayed { 1 + 16 + 16 } else { 3 })?;
        let mut message = Message {
            kind,
            relayed,
            options: options(r)?,
        };
        if relayed && let Some(inner) = message.option(9) {
            // Type and transaction of the message that the relay carries.
            let mut r = Reader::new(inner);
            let kind = r.u8()?;
            if matches!(kind, 1..=11) {
                r.skip(3)?;
                message.options = options(&mut r)?;
            }
        }
        Ok(message)
    }

    fn option(&self, wanted: u16) -> Option<&'a [u8]> {
        self.options
            .iter()
            .find(|(code, _)| *code == wanted)
            .map(|(_, value)| *value)
    }
}

fn options<'a>(r: &mut Reader<'a>) -> Result<Vec<(u16, &'a [u8])>, Malformed> {
    let mut options = Vec::new();
    while !r.is_empty() {
        r.check(options.len() < MOST_OPTIONS, "too many options")?;
        let (code, length) = (r.u16()?, usize::from(r.u16()?));
        options.push((code, r.bytes(length)?));
    }
    Ok(options)
}

struct Dhcpv6;

impl Dialogue for Dhcpv6 {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let message = match Message::read(&mut Reader::new(bytes)) {
            Ok(message) => message,
            Err(error) => return Step::from_error(error, bytes.len()),
        };
        match message.kind {
            kind::ADVERTISE | kind::REPLY | kind::RELAY_REPLY => of_server(cx, side, &message),
            kind::RECONFIGURE => {}
            _ if !message.relayed => of_client(cx, side, &message),
            _ => {}
        }
        Step::Took(bytes.len())
    }
}

fn of_client(cx: &mut Cx<'_>, side: Side, message: &Message<'_>) {
    // RFC 4704, 4: flags, then the name.
    if let Some(name) = message
        .option(39)
        .and_then(|value| value.get(1..))
        .and_then(super::wire_name)
    {
        cx.identity(side, "hostname", name);
    }
    if let Some(id) = message.option(1).and_then(super::duid) {
        cx.identity(side, "client_id", id);
    }
    // Enterprise number, then one class or more with a length each.
    if let Some(class) = message.option(16)
        && let Some(class) = class.get(6..).and_then(|class| text(class, 128))
    {
        cx.identity(side, "system", class);
    }
}

fn of_server(cx: &mut Cx<'_>, side: Side, message: &Message<'_>) {
    let end = *cx.flow.end(side);
    let client = *cx.flow.end(side.other());
    if message.kind == kind::REPLY
        && let Some(mac) = client.mac
        && let Some(lease) = message.option(3).and_then(lease)
    {
        cx.claim(mac, lease.into());
    }
    let (sixteens, _) = message.option(23).unwrap_or(&[]).as_chunks::<16>();
    let resolvers: Vec<String> = sixteens
        .iter()
        .take(4)
        .map(|address| Ipv6Addr::from(*address).to_string())
        .collect();
    let detail = (!resolvers.is_empty()).then(|| format!("dns {}", resolvers.join(", ")));
    let mac = end.mac.filter(|_| end.near);
    let ip: Option<IpAddr> = end.address.ip();
    cx.route("dhcp", mac, ip, None, detail);
}

/// RFC 8415, 21.4: IAID, T1, T2, then options, of which 5 holds an address with its lifetimes.
fn lease(value: &[u8]) -> Option<Ipv6Addr> {
    let mut r = Reader::new(value);
    r.skip(12).ok()?;
    let options = options(&mut r).ok()?;
    let (_, address) = options.iter().find(|(code, _)| *code == 5)?;
    Reader::new(address).ipv6().ok()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::Side::{Client, Server};
    use crate::testing::check;

    #[test]
    fn a_lease_names_the_client_and_the_server() {
        // SOLICIT with client id, FQDN "hmi.", vendor class "MSFT 5.0".
        let solicit = "01 abcdef 0001 000a 00030001020000000001
            0027 0005 00 03 686d69 0010 000e 00000137 0008 4d53465420352e30";
        // REPLY with an address in IA_NA and a resolver.
        let reply = "07 abcdef 0001 000a 00030001020000000001
            0003 0028 00000001 00000000 00000000 0005 0018 fd000000000000000000000000000077 00000e10 00000e10
            0017 0010 fd000000000000000000000000000005";
        check(
            &DECODER,
            &[(Client, solicit), (Server, reply)],
            expect![[r#"
                conversation protocol=dhcpv6 state=answered packets=1/1 bytes=45/82
                identity 10.0.0.1 client_id=DUID 00030001020000000001 stated
                identity 10.0.0.1 hostname=hmi stated
                identity 10.0.0.1 system=MSFT 5.0 stated
                route via=dhcp mac=02:00:00:00:00:02 ip=10.0.0.2 detail=dns fd00::5 frames=Numbers([2])
                address mac=02:00:00:00:00:01 ip=fd00::77 claimed=Bool(true) frames=Numbers([2])
            "#]],
        );
    }
}
