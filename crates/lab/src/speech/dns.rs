//! Names: DNS, and what hosts shout when nobody answers them: mDNS, LLMNR, NBNS.
use std::net::Ipv4Addr;

use crate::net::bytes::{Bytes, len16};
use crate::net::{Host, Micros, Network};

pub const PORT: u16 = 53;

fn encoded(name: &str) -> Bytes {
    name.split('.')
        .filter(|label| !label.is_empty())
        .fold(Bytes::new(), |bytes, label| bytes.len8(label.as_bytes()))
        .u8(0)
}

fn message(
    id: u16,
    flags: u16,
    name: &str,
    kind: u16,
    class: u16,
    answers: &[Ipv4Addr],
) -> Vec<u8> {
    let head = Bytes::new()
        .be16(id)
        .be16(flags)
        .be16(1)
        .be16(len16(answers.len()))
        .be32(0);
    let question = head.raw(&encoded(name).done()).be16(kind).be16(class);
    answers
        .iter()
        .fold(question, |bytes, ip| {
            bytes
                .be16(0xc00c)
                .be16(kind)
                .be16(1)
                .be32(300)
                .len16(&ip.octets())
        })
        .done()
}

/// Looks up the address of a name; without `answers` the name does not exist.
pub fn lookup(
    net: &mut Network,
    at: Micros,
    client: Host,
    server: Host,
    name: &str,
    answers: &[Ipv4Addr],
) {
    lookup_within(net, at, 1_800, client, server, name, answers);
}

/// The same, answered after `wait`: a resolver that asks another one answers later than that one does.
pub fn lookup_within(
    net: &mut Network,
    at: Micros,
    wait: Micros,
    client: Host,
    server: Host,
    name: &str,
    answers: &[Ipv4Addr],
) {
    let id = (net.dice.roll() & 0xffff) as u16;
    let port = net.port(client);
    net.udp(
        at,
        client,
        port,
        server,
        PORT,
        &message(id, 0x0100, name, 1, 1, &[]),
    );
    let flags = if answers.is_empty() { 0x8183 } else { 0x8180 };
    net.udp(
        at.saturating_add(wait),
        server,
        PORT,
        client,
        port,
        &message(id, flags, name, 1, 1, answers),
    );
}

/// A question to everyone on the link by mDNS, for the services of a type.
pub fn mdns_question(net: &mut Network, at: Micros, from: Host, name: &str) {
    let data = message(0, 0, name, 12, 1, &[]);
    net.udp_group(
        at,
        from,
        5353,
        (Ipv4Addr::new(224, 0, 0, 251), 5353),
        255,
        &data,
    );
}

/// A host announces its own name by mDNS.
pub fn mdns_announcement(net: &mut Network, at: Micros, from: Host, name: &str) {
    let data = Bytes::new()
        .be32(0x0000_8400)
        .be16(0)
        .be16(1)
        .be32(0)
        .raw(&encoded(name).done())
        .be16(1)
        .be16(0x8001)
        .be32(120)
        .len16(&from.ip.octets())
        .done();
    net.udp_group(
        at,
        from,
        5353,
        (Ipv4Addr::new(224, 0, 0, 251), 5353),
        255,
        &data,
    );
}

/// Asks everyone on the link for a name by LLMNR; nobody answers.
pub fn llmnr(net: &mut Network, at: Micros, from: Host, name: &str) {
    let id = (net.dice.roll() & 0xffff) as u16;
    let port = net.port(from);
    net.udp_group(
        at,
        from,
        port,
        (Ipv4Addr::new(224, 0, 0, 252), 5355),
        1,
        &message(id, 0, name, 1, 1, &[]),
    );
}

/// Asks everyone on the link for a name by NetBIOS; nobody answers.
pub fn nbns(net: &mut Network, at: Micros, from: Host, name: &str) {
    let [a, b, c, _] = from.ip.octets();
    let id = (net.dice.roll() & 0xffff) as u16;
    // RFC 1001: sixteen bytes, each as two letters from A.
    let padded: String = format!("{:<15}\0", name.to_uppercase())
        .chars()
        .take(16)
        .collect();
    let letters: Vec<u8> = padded
        .bytes()
        .flat_map(|byte| [b'A' + (byte >> 4), b'A' + (byte & 0x0f)])
        .collect();
    let data = Bytes::new()
        .be16(id)
        .be16(0x0110)
        .be16(1)
        .be16(0)
        .be32(0)
        .len8(&letters)
        .u8(0)
        .be16(0x20)
        .be16(1)
        .done();
    net.udp_group(
        at,
        from,
        137,
        (Ipv4Addr::new(a, b, c, 255), 137),
        from.ttl,
        &data,
    );
}
