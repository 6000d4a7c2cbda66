//! DHCP: the four steps by which a host gets its address, gateway and name servers.
use std::net::Ipv4Addr;

use crate::net::bytes::{Bytes, len32};
use crate::net::frame::{self, BROADCAST, Ends, Mac};
use crate::net::{Host, Micros, Network};

/// What a server hands out.
#[derive(Clone, Copy, Debug)]
pub struct Lease {
    pub ip: Ipv4Addr,
    pub gateway: Ipv4Addr,
    pub dns: Ipv4Addr,
}

fn message(operation: u8, mac: Mac, transaction: u32, yours: Ipv4Addr, options: &[u8]) -> Vec<u8> {
    Bytes::new()
        .u8(operation)
        .raw(&[1, 6, 0])
        .be32(transaction)
        .be16(0)
        .be16(0)
        .zeros(4)
        .raw(&yours.octets())
        .zeros(8)
        .field(&mac, 16)
        .zeros(192)
        .be32(0x6382_5363)
        .raw(options)
        .u8(255)
        .zeros(8)
        .done()
}

fn option(code: u8, value: &[u8]) -> Vec<u8> {
    Bytes::new().u8(code).len8(value).done()
}

/// Discover, offer, request, acknowledgement. The client has no address yet and broadcasts.
pub fn lease(net: &mut Network, at: Micros, client: Host, server: Host, lease: Lease) {
    let transaction = len32(usize::from(client.mac[5])) ^ 0x3903_f326;
    let nameless = Host {
        ip: Ipv4Addr::UNSPECIFIED,
        ..client
    };
    let name = client.name.to_uppercase();
    let wishes = option(55, &[1, 3, 6, 15]);
    let said = |kind: u8, more: &[Vec<u8>]| {
        let mut options = option(53, &[kind]);
        options.extend(more.concat());
        options
    };
    let granted = [
        option(54, &server.ip.octets()),
        option(51, &86_400u32.to_be_bytes()),
        option(1, &[255, 255, 255, 0]),
        option(3, &lease.gateway.octets()),
        option(6, &lease.dns.octets()),
    ];
    let discover = said(1, &[option(12, name.as_bytes()), wishes.clone()]);
    let request = said(
        3,
        &[
            option(50, &lease.ip.octets()),
            option(54, &server.ip.octets()),
            option(12, name.as_bytes()),
            wishes,
        ],
    );
    let none = Ipv4Addr::UNSPECIFIED;
    broadcast(
        net,
        at,
        nameless,
        (68, 67),
        &message(1, client.mac, transaction, none, &discover),
    );
    broadcast(
        net,
        at + 8_000,
        server,
        (67, 68),
        &message(2, client.mac, transaction, lease.ip, &said(2, &granted)),
    );
    broadcast(
        net,
        at + 12_000,
        nameless,
        (68, 67),
        &message(1, client.mac, transaction, none, &request),
    );
    broadcast(
        net,
        at + 19_000,
        server,
        (67, 68),
        &message(2, client.mac, transaction, lease.ip, &said(5, &granted)),
    );
}

fn broadcast(net: &mut Network, at: Micros, from: Host, ports: (u16, u16), data: &[u8]) {
    let to = Ipv4Addr::BROADCAST;
    let datagram = frame::udp(Ends::V4(from.ip, to), ports.0, ports.1, data);
    let header = frame::Ipv4 {
        from: from.ip,
        to,
        protocol: frame::UDP,
        ttl: 128,
        id: 0x0100,
        tos: 0,
        dont_fragment: false,
    };
    net.layer2(at, from, BROADCAST, frame::IPV4, &header.whole(&datagram));
}
