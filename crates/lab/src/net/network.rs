//! Hosts on VLANs, a router between them, and the frames that a trunk would carry.
//!
//! A packet between two VLANs goes to the router's MAC address in the sender's VLAN and leaves it, with one hop less, in
//! the receiver's: whoever listens to both sees it twice. VLAN 0 is the world outside, where nobody listens.
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::bytes::Dice;
use super::frame::{self, BROADCAST, Ends, Ipv4, Mac, Tag};
use crate::truth::{Connection, Deed};

/// Microseconds since 1970-01-01T00:00:00Z.
pub type Micros = i64;

pub const MILLI: Micros = 1_000;
pub const SECOND: Micros = 1_000_000;
pub const MINUTE: Micros = 60 * SECOND;

/// One network interface of a host, which is all that the wire knows of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Host {
    /// The asset that it belongs to, as the site file names it.
    pub name: &'static str,
    pub mac: Mac,
    pub ip: Ipv4Addr,
    /// 0 for a host outside.
    pub vlan: u16,
    /// Time to live with which its packets start.
    pub ttl: u8,
}

/// A planted violation that frames belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub plant: usize,
    /// Whether the frame itself shows it, or only belongs to the conversation around it.
    pub shows: bool,
}

/// A frame on the trunk.
#[derive(Clone, Debug)]
pub struct Frame {
    pub at: Micros,
    /// VLAN in which it travels, whether tagged or not: what decides who sees it.
    pub vlan: u16,
    pub bytes: Vec<u8>,
    pub mark: Option<Mark>,
    /// For frames of TCP: whether the client sent it.
    pub from_client: Option<bool>,
}

/// The way that a packet takes between two VLANs: the MAC addresses of the forwarder in the sender's and in the
/// receiver's VLAN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Via {
    pub near: Mac,
    pub far: Mac,
}

/// The network: keeps the counters that real hosts keep, and every frame said.
#[derive(Clone, Debug)]
pub struct Network {
    router: Mac,
    frames: Vec<Frame>,
    ip_ids: BTreeMap<Mac, u16>,
    ports: BTreeMap<Mac, u16>,
    mark: Option<Mark>,
    from_client: Option<bool>,
    deeds: Vec<Deed>,
    connections: Vec<Connection>,
    pub dice: Dice,
}

impl Network {
    pub fn new(router: Mac, seed: u64) -> Network {
        Network {
            router,
            frames: Vec::new(),
            ip_ids: BTreeMap::new(),
            ports: BTreeMap::new(),
            mark: None,
            from_client: None,
            deeds: Vec::new(),
            connections: Vec::new(),
            dice: Dice::new(seed),
        }
    }

    /// The frames in the order of time (of the same time, in the order in which they were said), and the truth.
    pub fn finish(mut self) -> (Vec<Frame>, Vec<Deed>, Vec<Connection>) {
        self.frames.sort_by_key(|frame| frame.at);
        self.deeds.sort_by_key(|deed| deed.at);
        self.connections.sort_by_key(|connection| connection.at);
        (self.frames, self.deeds, self.connections)
    }

    /// Notes an operation as the truth.
    pub fn deed(&mut self, deed: Deed) {
        self.deeds.push(deed);
    }

    /// Notes a TCP connection as the truth.
    pub(super) fn connection(&mut self, connection: Connection) {
        self.connections.push(connection);
    }

    /// From here on every frame belongs to this mark.
    pub fn mark(&mut self, mark: Option<Mark>) {
        self.mark = mark;
    }

    /// Frames said while `speak` runs belong to the current mark, but do not show it themselves.
    pub fn around<T>(&mut self, speak: impl FnOnce(&mut Network) -> T) -> T {
        let before = self.mark;
        self.mark = before.map(|mark| Mark {
            shows: false,
            ..mark
        });
        let spoken = speak(self);
        self.mark = before;
        spoken
    }

    pub(super) fn side(&mut self, from_client: Option<bool>) {
        self.from_client = from_client;
    }

    /// The way through the router.
    pub fn by_router(&self) -> Via {
        Via {
            near: self.router,
            far: self.router,
        }
    }

    /// A port for a new conversation of this host, from the dynamic range.
    pub fn port(&mut self, host: Host) -> u16 {
        let [.., a, b] = host.mac;
        let start = 49_152 + (u16::from_be_bytes([a, b]) % 8_000);
        let port = self.ports.entry(host.mac).or_insert(start);
        *port = port.checked_add(1).unwrap_or(49_152);
        *port
    }

    fn ip_id(&mut self, mac: Mac) -> u16 {
        let [.., a, b] = mac;
        let id = self.ip_ids.entry(mac).or_insert(u16::from_be_bytes([b, a]));
        *id = id.wrapping_add(1);
        *id
    }

    /// Puts a finished frame on the trunk; `vlan` says where it travels, whatever its tags say.
    pub fn put(&mut self, at: Micros, vlan: u16, bytes: Vec<u8>) {
        let (mark, from_client) = (self.mark, self.from_client);
        self.frames.push(Frame {
            at,
            vlan,
            bytes,
            mark,
            from_client,
        });
    }

    /// An Ethernet II frame, tagged with its VLAN.
    pub fn layer2(&mut self, at: Micros, from: Host, to: Mac, ethertype: u16, payload: &[u8]) {
        let bytes = frame::ethernet(to, from.mac, &[Tag::vlan(from.vlan)], ethertype, payload);
        self.put(at, from.vlan, bytes);
    }

    /// An IPv4 packet from host to host, through the router where their VLANs differ.
    pub fn ip(&mut self, at: Micros, from: Host, to: Host, protocol: u8, payload: &[u8]) {
        let via = self.by_router();
        self.ip_via(at, from, to, via, protocol, payload);
    }

    /// An IPv4 packet that some other forwarder than the router carries.
    pub fn ip_via(
        &mut self,
        at: Micros,
        from: Host,
        to: Host,
        via: Via,
        protocol: u8,
        payload: &[u8],
    ) {
        let mut header = Ipv4 {
            from: from.ip,
            to: to.ip,
            protocol,
            ttl: from.ttl,
            id: self.ip_id(from.mac),
            tos: 0,
            dont_fragment: protocol == frame::TCP,
        };
        let tag = |host: Host| [Tag::vlan(host.vlan)];
        if from.vlan == to.vlan {
            let packet = header.whole(payload);
            let bytes = frame::ethernet(to.mac, from.mac, &tag(from), frame::IPV4, &packet);
            self.put(at, from.vlan, bytes);
            return;
        }
        if from.vlan != 0 {
            let packet = header.whole(payload);
            let bytes = frame::ethernet(via.near, from.mac, &tag(from), frame::IPV4, &packet);
            self.put(at, from.vlan, bytes);
        } else {
            // Packets from outside have crossed a few routers already.
            header.ttl = header.ttl.saturating_sub(11);
        }
        if to.vlan != 0 {
            header.ttl = header.ttl.saturating_sub(1);
            let packet = header.whole(payload);
            let bytes = frame::ethernet(to.mac, via.far, &tag(to), frame::IPV4, &packet);
            self.put(at.saturating_add(35), to.vlan, bytes);
        }
    }

    pub fn udp(
        &mut self,
        at: Micros,
        from: Host,
        from_port: u16,
        to: Host,
        port: u16,
        data: &[u8],
    ) {
        let datagram = frame::udp(Ends::V4(from.ip, to.ip), from_port, port, data);
        self.ip(at, from, to, frame::UDP, &datagram);
    }

    /// A datagram to a group or to everyone, which no router carries on.
    pub fn udp_group(
        &mut self,
        at: Micros,
        from: Host,
        from_port: u16,
        group: (Ipv4Addr, u16),
        ttl: u8,
        data: &[u8],
    ) {
        let datagram = frame::udp(Ends::V4(from.ip, group.0), from_port, group.1, data);
        self.ip_group(at, from, group.0, frame::UDP, ttl, &datagram);
    }

    /// An IPv4 packet to a group (its MAC address by RFC 1112) or to everyone.
    pub fn ip_group(
        &mut self,
        at: Micros,
        from: Host,
        group: Ipv4Addr,
        protocol: u8,
        ttl: u8,
        payload: &[u8],
    ) {
        let [_, b, c, d] = group.octets();
        let to = if group.is_multicast() {
            [0x01, 0x00, 0x5e, b & 0x7f, c, d]
        } else {
            BROADCAST
        };
        let id = self.ip_id(from.mac);
        let header = Ipv4 {
            from: from.ip,
            to: group,
            protocol,
            ttl,
            id,
            tos: 0,
            dont_fragment: false,
        };
        let packet = header.whole(payload);
        self.layer2(at, from, to, frame::IPV4, &packet);
    }
}
