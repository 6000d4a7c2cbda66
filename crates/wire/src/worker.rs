//! A worker: the whole way of a frame, from its bytes to the picture, for one shard of the flows.
//!
//! No queue, no lock and, once its flows are known, no allocation per packet. Several workers read the same frames; each
//! keeps only the pairs of hosts that fall to its shard, so that all channels between two hosts meet in one worker.
use std::net::IpAddr;

use facts::{Address, Mac};
use hashbrown::HashTable;

use crate::cx::{At, Expectations};
use crate::decoder::Carrier;
use crate::flow::{
    Engine, Flow, Key, Sight, Told, Transport, is_stale, number_of_ip, number_of_mac,
    open_expected, open_layer2,
};
use crate::net::fragments::Fragments;
use crate::net::link::{self, Ends, Payload};
use crate::net::transport::{self, Tcp};
use crate::net::{control, ip};
use crate::picture::{self, AddressKey, OddityKey, Picture, RouteKey, limits};
use crate::reader::{Malformed, Reader};
use crate::{Frame, names, protocols};

/// Which part of the traffic a worker keeps.
#[derive(Clone, Copy, Debug)]
pub struct Shard {
    pub index: u32,
    pub of: u32,
    /// Salt of the flow table: unknown to whoever sends packets, without influence on any result.
    pub seed: u64,
}

impl Default for Shard {
    fn default() -> Shard {
        Shard {
            index: 0,
            of: 1,
            seed: 0,
        }
    }
}

/// Tunnels opened inside each other before the rest is left alone.
const MOST_TUNNELS: u8 = 4;

/// Where a packet lies: constant while one frame is read.
#[derive(Clone, Copy)]
struct Here {
    at: At,
    /// The capture cut the frame short.
    cut: bool,
    depth: u8,
    realm: u16,
}

pub struct Worker {
    shard: Shard,
    flows: Vec<Option<Flow>>,
    free: Vec<usize>,
    table: HashTable<usize>,
    /// Where the search for the oldest flow goes on.
    hand: usize,
    fragments: Fragments,
    expected: Expectations,
    picture: Picture,
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Worker {} of {}", self.shard.index, self.shard.of)
    }
}

/// A packet's place in the flow table and what the flow has to know of it.
struct Passing {
    key: Key,
    sender: usize,
    ttl: u8,
    hops: u8,
    /// Equal for copies of one packet.
    signature: u32,
    bytes: usize,
}

impl Worker {
    pub fn new(shard: Shard) -> Worker {
        Worker {
            shard,
            flows: Vec::new(),
            free: Vec::new(),
            table: HashTable::new(),
            hand: 0,
            fragments: Fragments::default(),
            expected: Expectations::new(),
            picture: Picture::default(),
        }
    }

    /// Reads one frame. Frames come in the order of their captures; times may go back a little.
    pub fn frame(&mut self, frame: &Frame<'_>) {
        let at = At {
            now: frame.time,
            capture: frame.capture,
            frame: frame.number,
        };
        let here = Here {
            at,
            cut: (frame.wire_len as usize) > frame.data.len(),
            depth: 0,
            realm: 0,
        };
        match link::open(frame.link, frame.data) {
            None => {
                self.picture
                    .frames
                    .entry(frame.capture)
                    .or_default()
                    .undecoded += u64::from(self.shard.index == 0)
            }
            Some(Ok((ends, payload, bytes))) => self.payload(here, &ends, payload, bytes),
            Some(Err(error)) if self.shard.index == 0 => {
                self.picture
                    .frames
                    .entry(frame.capture)
                    .or_default()
                    .unclassified += 1;
                if !(here.cut && error == Malformed::Short) {
                    self.odd(here, "link.malformed", None, None, None, error);
                }
            }
            Some(Err(_)) => {}
        }
    }

    /// Closes every flow and gives the picture.
    pub fn finish(mut self) -> Picture {
        for index in 0..self.flows.len() {
            self.close(index);
        }
        if self.fragments.dropped > 0 {
            *self.picture.left_out.entry("fragments").or_default() += self.fragments.dropped;
        }
        self.picture
    }

    fn odd(
        &mut self,
        here: Here,
        what: &'static str,
        source: Option<Address>,
        target: Option<Address>,
        vlan: Option<u16>,
        error: Malformed,
    ) {
        let detail = match error {
            Malformed::Short => "too short".to_owned(),
            Malformed::Bad(what) => what.to_owned(),
        };
        let key = OddityKey {
            what,
            source,
            target,
            vlan,
            detail: Some(detail),
        };
        self.picture
            .oddity(key, here.at.now, here.at.capture, &[here.at.frame]);
    }

    fn payload(&mut self, here: Here, ends: &Ends, payload: Payload, bytes: &[u8]) {
        let opened = match payload {
            Payload::EtherType(0x0800) => ip::v4(bytes).map(Some),
            Payload::EtherType(0x86dd) => ip::v6(bytes).map(Some),
            _ => Ok(None),
        };
        match opened {
            Ok(Some(packet)) => self.ip(here, ends, &packet),
            Ok(None) => self.below_ip(here, ends, payload, bytes),
            Err(error) => {
                self.layer2(here, ends, payload, bytes, Some(error));
            }
        }
    }

    /// What is not IP: tunnels of layer 2, ARP, and the protocols that live there.
    fn below_ip(&mut self, here: Here, ends: &Ends, payload: Payload, bytes: &[u8]) {
        if here.depth < MOST_TUNNELS {
            let deeper = Here {
                depth: here.depth + 1,
                ..here
            };
            match payload {
                Payload::EtherType(0x8847 | 0x8848) => {
                    if let Some((payload, inner)) = mpls(bytes) {
                        return self.payload(deeper, ends, payload, inner);
                    }
                    if let Some(inner) = mpls_ethernet(bytes) {
                        return self.tunnelled(deeper, inner);
                    }
                }
                Payload::EtherType(0x8864) => {
                    if let Some((payload, inner)) = pppoe(bytes) {
                        return self.payload(deeper, ends, payload, inner);
                    }
                }
                _ => {}
            }
        }
        self.layer2(here, ends, payload, bytes, None);
    }

    /// A whole Ethernet frame inside another protocol.
    fn tunnelled(&mut self, here: Here, bytes: &[u8]) {
        if let Ok((ends, payload, inner)) = link::ethernet(&mut Reader::new(bytes)) {
            self.payload(here, &ends, payload, inner);
        }
    }

    /// A frame that stays on layer 2: a flow between two MAC addresses.
    fn layer2(
        &mut self,
        here: Here,
        ends: &Ends,
        payload: Payload,
        bytes: &[u8],
        error: Option<Malformed>,
    ) {
        let (src, dst) = (ends.src.unwrap_or_default(), ends.dst.unwrap_or_default());
        let (transport, carrier) = match payload {
            Payload::EtherType(kind) => (Transport::EtherType(kind), Carrier::EtherType(kind)),
            Payload::Llc(sap) => (Transport::Llc(sap), Carrier::Llc(sap)),
            Payload::Snap(oui, protocol) => {
                (Transport::Snap(oui, protocol), Carrier::Snap(oui, protocol))
            }
        };
        let (key, sender) = Key::new(
            (number_of_mac(src), 0),
            (number_of_mac(dst), 0),
            transport,
            here.realm,
        );
        let Some(pair) = self.mine(&key) else { return };
        if let Some(error) = error {
            self.odd(
                here,
                "ip.malformed",
                ends.src.map(Into::into),
                ends.dst.map(Into::into),
                ends.tags.vlan,
                error,
            );
        }
        self.count_frame(
            here,
            names::of_layer2(payload).is_some() || protocols::on(carrier).is_some(),
        );
        let passing = Passing {
            key,
            sender,
            ttl: 0,
            hops: 0,
            signature: 0,
            bytes: bytes.len(),
        };
        let Some((index, _)) = self.pass(here, ends, passing, pair, false) else {
            return;
        };
        if ends.tags.outer.is_some() {
            self.double_tag(here, ends, src.into(), dst.into());
        }
        let Some(mut flow) = self.flows.get_mut(index).and_then(Option::take) else {
            return;
        };
        if flow.decoder.is_none() && flow.named.is_none() {
            match protocols::on(carrier) {
                Some(decoder) => open_layer2(&mut flow, decoder),
                None => flow.named = names::of_layer2(payload),
            }
        }
        if transport == Transport::EtherType(0x0806) {
            if let Err(error) = control::arp(bytes, &mut flow, ends, &mut self.picture, here.at) {
                if !here.cut {
                    self.odd(
                        here,
                        "arp.malformed",
                        Some(src.into()),
                        Some(dst.into()),
                        ends.tags.vlan,
                        error,
                    );
                }
            }
        } else {
            let mut engine = Engine {
                picture: &mut self.picture,
                expected: &mut self.expected,
            };
            engine.datagram(&mut flow, sender, bytes, here.cut, here.at);
        }
        self.put_back(index, flow);
    }

    fn double_tag(&mut self, here: Here, ends: &Ends, src: Address, dst: Address) {
        let (Some(outer), Some(inner)) = (ends.tags.outer, ends.tags.vlan) else {
            return;
        };
        let detail = Some(format!("outer {outer}, inner {inner}"));
        let key = OddityKey {
            what: "vlan.double_tag",
            source: Some(src),
            target: Some(dst),
            vlan: Some(inner),
            detail,
        };
        self.picture
            .oddity(key, here.at.now, here.at.capture, &[here.at.frame]);
    }

    fn ip(&mut self, here: Here, ends: &Ends, packet: &ip::Packet<'_>) {
        let (src, dst) = (number_of_ip(packet.src), number_of_ip(packet.dst));
        // The pair decides the shard before anything else is done.
        let (pair_key, _) = Key::new((src, 0), (dst, 0), Transport::Ip(0), here.realm);
        let Some(pair) = self.mine(&pair_key) else {
            return;
        };
        if packet.fragment.is_some() {
            // Every fragment is a frame of the flow; only the whole packet can be read.
            let whole = self.fragments.add(packet, ends.tags.vlan, here.at.now);
            match whole {
                Some(payload) => {
                    let whole = ip::Packet {
                        fragment: None,
                        payload: &payload,
                        missing: 0,
                        ..*packet
                    };
                    self.transport(here, ends, &whole, pair);
                }
                None => self.count_frame(here, true),
            }
            return;
        }
        if here.depth < MOST_TUNNELS {
            let deeper = Here {
                depth: here.depth + 1,
                ..here
            };
            match packet.protocol {
                4 => return self.payload(deeper, ends, Payload::EtherType(0x0800), packet.payload),
                41 => {
                    return self.payload(deeper, ends, Payload::EtherType(0x86dd), packet.payload);
                }
                47 => {
                    // The tunnel itself is a flow; what it carries is read as if it lay on the wire.
                    self.transport(here, ends, packet, pair);
                    if let Some((payload, inner)) = gre(packet.payload) {
                        match payload {
                            Payload::EtherType(0x6558) => self.tunnelled(deeper, inner),
                            payload => self.payload(
                                deeper,
                                &Ends {
                                    tags: ends.tags,
                                    ..Ends::default()
                                },
                                payload,
                                inner,
                            ),
                        }
                    }
                    return;
                }
                _ => {}
            }
        }
        self.transport(here, ends, packet, pair);
    }

    fn transport(&mut self, here: Here, ends: &Ends, packet: &ip::Packet<'_>, pair: u64) {
        let read = match packet.protocol {
            6 => self.tcp(here, ends, packet, pair),
            17 => self.udp(here, ends, packet, pair),
            1 | 58 => self.icmp(here, ends, packet, pair),
            other => {
                let passing = self.passing(
                    packet,
                    Transport::Ip(other),
                    0,
                    0,
                    0,
                    packet.payload.len(),
                    here,
                );
                self.count_frame(here, names::of_ip(other).is_some());
                if let Some((index, _)) = self.pass(here, ends, passing, pair, false) {
                    if let Some(Some(flow)) = self.flows.get_mut(index) {
                        flow.named = names::of_ip(other);
                    }
                }
                Ok(())
            }
        };
        if let Err(error) = read {
            // A capture that cut the header off is not the sender's fault.
            if !(here.cut && error == Malformed::Short) {
                let (src, dst) = (Some(packet.src.into()), Some(packet.dst.into()));
                self.odd(here, "transport.malformed", src, dst, ends.tags.vlan, error);
            }
            let passing = self.passing(
                packet,
                Transport::Ip(packet.protocol),
                0,
                0,
                0,
                packet.payload.len(),
                here,
            );
            self.count_frame(here, names::of_ip(packet.protocol).is_some());
            if let Some((index, _)) = self.pass(here, ends, passing, pair, false) {
                if let Some(Some(flow)) = self.flows.get_mut(index) {
                    flow.named = names::of_ip(packet.protocol);
                }
            }
        }
    }

    fn passing(
        &self,
        packet: &ip::Packet<'_>,
        transport: Transport,
        src_port: u16,
        dst_port: u16,
        signature: u32,
        bytes: usize,
        here: Here,
    ) -> Passing {
        let (src, dst) = (number_of_ip(packet.src), number_of_ip(packet.dst));
        let (key, sender) = Key::new((src, src_port), (dst, dst_port), transport, here.realm);
        let signature = signature ^ packet.id.rotate_left(16) ^ u32::try_from(bytes).unwrap_or(0);
        Passing {
            key,
            sender,
            ttl: packet.ttl,
            hops: ip::hops(packet.ttl),
            signature,
            bytes,
        }
    }

    fn udp(
        &mut self,
        here: Here,
        ends: &Ends,
        packet: &ip::Packet<'_>,
        pair: u64,
    ) -> Result<(), Malformed> {
        let udp = transport::udp(packet.payload)?;
        if udp.dst == 4789 && here.depth < MOST_TUNNELS {
            // VXLAN (RFC 7348, 5): the flag says that a network identifier is there.
            if let Some((&[0x08, ..], inner)) = udp.payload.split_first_chunk::<8>() {
                self.tunnelled(
                    Here {
                        depth: here.depth + 1,
                        ..here
                    },
                    inner,
                );
            }
        }
        let signature = u32::from(udp.checksum).rotate_left(8);
        let bytes = udp.payload.len() + packet.missing;
        let passing = self.passing(
            packet,
            Transport::Udp,
            udp.src,
            udp.dst,
            signature,
            bytes,
            here,
        );
        let sender = passing.sender;
        let Some((index, again)) = self.pass(here, ends, passing, pair, false) else {
            return Ok(());
        };
        let Some(mut flow) = self.flows.get_mut(index).and_then(Option::take) else {
            return Ok(());
        };
        if !again {
            let mut engine = Engine {
                picture: &mut self.picture,
                expected: &mut self.expected,
            };
            let cut = here.cut || packet.missing > 0;
            engine.datagram(&mut flow, sender, udp.payload, cut, here.at);
        }
        let known = flow.protocol().is_some();
        self.put_back(index, flow);
        self.count_frame(here, known);
        Ok(())
    }

    fn tcp(
        &mut self,
        here: Here,
        ends: &Ends,
        packet: &ip::Packet<'_>,
        pair: u64,
    ) -> Result<(), Malformed> {
        let tcp = transport::tcp(packet.payload)?;
        let signature = tcp.seq
            ^ tcp.ack.rotate_left(16)
            ^ u32::from(tcp.flags).rotate_left(24)
            ^ u32::from(tcp.checksum);
        let length = tcp.payload.len() + packet.missing;
        let passing = self.passing(
            packet,
            Transport::Tcp,
            tcp.src,
            tcp.dst,
            signature,
            length,
            here,
        );
        let sender = passing.sender;
        let opening = tcp.has(Tcp::SYN) && !tcp.has(Tcp::ACK);
        if opening {
            self.replace_old(&passing, pair, tcp.seq);
        }
        let Some((index, again)) = self.pass(here, ends, passing, pair, true) else {
            return Ok(());
        };
        let Some(mut flow) = self.flows.get_mut(index).and_then(Option::take) else {
            return Ok(());
        };
        let fresh = if again {
            false
        } else {
            self.segment(here, &mut flow, sender, &tcp, packet.missing)
        };
        if !again {
            // Bytes count once: a retransmission is a packet, but carries nothing new.
            let counted = if fresh { length } else { 0 };
            flow.count(sender, counted, here.at.now, here.at.capture, here.at.frame);
        }
        let known = flow.protocol().is_some();
        self.put_back(index, flow);
        self.count_frame(here, known || tcp.payload.is_empty());
        Ok(())
    }

    /// A new handshake on the ends of an old connection: that one is over.
    fn replace_old(&mut self, passing: &Passing, _pair: u64, seq: u32) {
        let hash = passing.key.hash(self.shard.seed);
        let found = self
            .table
            .find(hash, |index| self.is_at(*index, &passing.key))
            .copied();
        let Some(index) = found else { return };
        let Some(Some(flow)) = self.flows.get(index) else {
            return;
        };
        let stream = &flow.dir(passing.sender).stream;
        if stream.started && stream.initial != Some(seq) {
            self.close(index);
        }
    }

    /// Takes a TCP segment; returns whether it carried bytes not seen before.
    fn segment(
        &mut self,
        here: Here,
        flow: &mut Flow,
        sender: usize,
        tcp: &Tcp<'_>,
        missing: usize,
    ) -> bool {
        let at = here.at;
        let mut engine = Engine {
            picture: &mut self.picture,
            expected: &mut self.expected,
        };
        let mut seq = tcp.seq;
        if tcp.has(Tcp::SYN) {
            seq = seq.wrapping_add(1);
            let answer = tcp.has(Tcp::ACK);
            flow.tell_client(if answer { 1 - sender } else { sender }, Told::Handshake);
            if answer {
                flow.syn_ack = true
            } else {
                flow.syn = true
            }
            let stream = &mut flow.dir_mut(sender).stream;
            stream.initial = Some(tcp.seq);
            stream.start(seq);
        }
        if tcp.has(Tcp::RST) && flow.reset_by.is_none() {
            flow.reset_by = Some(sender);
        }
        if tcp.has(Tcp::ACK) && !tcp.has(Tcp::RST) {
            flow.dir_mut(1 - sender).stream.acknowledge(tcp.ack);
            flow.dir_mut(sender).stream.acknowledges = true;
        }
        let mut fresh = false;
        // The payload of a reset is no data of the stream (RFC 9293, 3.5.3).
        let carries = (!tcp.payload.is_empty() || missing > 0) && !tcp.has(Tcp::RST);
        if carries {
            let stream = &mut flow.dir_mut(sender).stream;
            stream.start(seq);
            if stream.is_next(seq) {
                stream.advance(tcp.payload.len(), missing);
                if !tcp.payload.is_empty() {
                    engine.stream(flow, sender, tcp.payload, at);
                }
                if missing > 0 {
                    engine.gap(flow, sender, missing as u64, at);
                }
                fresh = true;
            } else {
                let mut stream = std::mem::take(&mut flow.dir_mut(sender).stream);
                fresh = stream.segment(seq, tcp.payload, missing, at.frame, &mut |delivered| {
                    engine.deliver(flow, sender, delivered, at);
                });
                flow.dir_mut(sender).stream = stream;
            }
        }
        if tcp.has(Tcp::FIN) {
            flow.dir_mut(sender).stream.fin = true;
        }
        for which in [0, 1] {
            if flow.dir(which).stream.waits() {
                let mut stream = std::mem::take(&mut flow.dir_mut(which).stream);
                stream.passed(&mut |delivered| engine.deliver(flow, which, delivered, at));
                flow.dir_mut(which).stream = stream;
            }
        }
        fresh
    }

    fn icmp(
        &mut self,
        here: Here,
        ends: &Ends,
        packet: &ip::Packet<'_>,
        pair: u64,
    ) -> Result<(), Malformed> {
        let mut r = Reader::new(packet.payload);
        let (kind, code) = (r.u8()?, r.u8()?);
        let six = packet.protocol == 58;
        let transport = if six {
            Transport::Icmp6
        } else {
            Transport::Icmp
        };
        let checksum = u32::from(r.u16()?);
        let passing = self.passing(
            packet,
            transport,
            0,
            0,
            checksum,
            packet.payload.len(),
            here,
        );
        let sender = passing.sender;
        self.count_frame(here, true);
        let Some((index, again)) = self.pass(here, ends, passing, pair, false) else {
            return Ok(());
        };
        let Some(mut flow) = self.flows.get_mut(index).and_then(Option::take) else {
            return Ok(());
        };
        if !again {
            if flow.named.is_none() {
                flow.named = Some(if six { "icmp6" } else { "icmp" });
                flow.icmp = (kind, code);
                // The one who answers is the server, even when the question was not captured.
                if matches!((six, kind), (false, 0) | (true, 129)) {
                    flow.tell_client(1 - sender, Told::Role);
                }
            }
            let refused = control::icmp(
                six,
                kind,
                code,
                packet,
                &mut flow,
                ends,
                &mut self.picture,
                here.at,
            );
            self.put_back(index, flow);
            if let Some(inner) = refused {
                self.mark_refused(here, &inner);
            }
        } else {
            self.put_back(index, flow);
        }
        Ok(())
    }

    /// An ICMP error quotes the packet that could not be delivered: its flow was refused.
    fn mark_refused(&mut self, here: Here, inner: &ip::Packet<'_>) {
        let transport = match inner.protocol {
            6 => Transport::Tcp,
            17 => Transport::Udp,
            _ => return,
        };
        let mut r = Reader::new(inner.payload);
        let (Ok(src), Ok(dst)) = (r.u16(), r.u16()) else {
            return;
        };
        let (low, high) = (
            (number_of_ip(inner.src), src),
            (number_of_ip(inner.dst), dst),
        );
        let (key, _) = Key::new(low, high, transport, here.realm);
        let found = self
            .table
            .find(key.hash(self.shard.seed), |index| self.is_at(*index, &key))
            .copied();
        if let Some(Some(flow)) = found.and_then(|index| self.flows.get_mut(index)) {
            flow.unreachable = true;
        }
    }

    /// Whether the flows of this pair of hosts are this worker's.
    fn mine(&self, key: &Key) -> Option<u64> {
        let pair = key.pair_hash();
        (self.shard.of <= 1 || pair % u64::from(self.shard.of) == u64::from(self.shard.index))
            .then_some(pair)
    }

    fn count_frame(&mut self, here: Here, classified: bool) {
        if here.depth > 0 {
            return;
        }
        let counts = self.picture.frames.entry(here.at.capture).or_default();
        counts.total += 1;
        counts.unclassified += u64::from(!classified);
    }

    fn is_at(&self, index: usize, key: &Key) -> bool {
        matches!(self.flows.get(index), Some(Some(flow)) if flow.key == *key)
    }

    /// Finds or opens the flow and counts the packet on it (TCP counts for itself: `late`). Gives its place and whether the
    /// packet is the second sight of one that was counted.
    fn pass(
        &mut self,
        here: Here,
        ends: &Ends,
        passing: Passing,
        _pair: u64,
        late: bool,
    ) -> Option<(usize, bool)> {
        let hash = passing.key.hash(self.shard.seed);
        let found = self
            .table
            .find(hash, |index| self.is_at(*index, &passing.key))
            .copied();
        let stale = found.filter(|index| {
            matches!(self.flows.get(*index), Some(Some(flow)) if is_stale(flow, here.at.now))
        });
        if let Some(index) = stale {
            self.close(index);
        }
        let index = match found.filter(|_| stale.is_none()) {
            Some(index) => index,
            None => self.open(here, &passing, hash),
        };
        let Some(Some(flow)) = self.flows.get_mut(index) else {
            return None;
        };
        let At {
            now,
            capture,
            frame,
        } = here.at;
        let sent = flow.dir_mut(passing.sender);
        let sight = sent.legs.see(
            ends,
            passing.ttl,
            passing.hops,
            passing.signature,
            now,
            capture,
            frame,
        );
        match sight {
            Sight::First => {
                if !late {
                    flow.count(passing.sender, passing.bytes, now, capture, frame);
                }
                Some((index, false))
            }
            Sight::Again(forwarded) => {
                if let Some(step) = forwarded {
                    self.forwarded(here, &step);
                }
                Some((index, true))
            }
        }
    }

    /// The same packet came and went: who carried it joins the two networks.
    fn forwarded(&mut self, here: Here, step: &crate::flow::Forwarded) {
        let detail = match (step.from.dst, step.to.src) {
            (Some(in_by), Some(out_by)) if in_by != out_by => Some(format!("leaves by {out_by}")),
            _ => None,
        };
        let key = RouteKey {
            via: "forwards",
            mac: step.from.dst.or(step.to.src).filter(|mac| mac.is_device()),
            ip: None,
            vlan: step.from.vlan,
            to_vlan: step.to.vlan,
            gateway: None,
            detail,
        };
        self.picture.route(key, here.at, &[here.at.frame]);
    }

    fn open(&mut self, here: Here, passing: &Passing, hash: u64) -> usize {
        if self.table.len() >= limits::FLOWS {
            self.evict();
        }
        let mut flow = Flow::new(passing.key, passing.sender, here.at.now, here.at.capture);
        self.announced(here, &mut flow, passing.sender);
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                self.flows.push(None);
                self.flows.len() - 1
            }
        };
        self.put_back(index, flow);
        let (flows, seed) = (&self.flows, self.shard.seed);
        self.table
            .insert_unique(hash, index, |index| match flows.get(*index) {
                Some(Some(flow)) => flow.key.hash(seed),
                _ => 0,
            });
        index
    }

    /// Whether another protocol announced this flow.
    fn announced(&mut self, here: Here, flow: &mut Flow, sender: usize) {
        if self.expected.is_empty() || !flow.key.transport.has_ports() {
            return;
        }
        let udp = flow.key.transport == Transport::Udp;
        for which in [1 - sender, sender] {
            let (address, port) = flow.key.end(which);
            let Some(ip) = address.ip() else { continue };
            let Some(expected) = self.expected.get_mut(&(ip, port, udp)) else {
                continue;
            };
            if expected.until < here.at.now {
                continue;
            }
            flow.parent = Some(expected.parent);
            match expected.decoder {
                Some(decoder) => open_expected(flow, decoder, expected.dialogue.take()),
                None => flow.named = Some(expected.name),
            }
            return;
        }
    }

    /// Makes room: of eight flows in a row the one that was silent longest gives way.
    fn evict(&mut self) {
        let mut oldest: Option<(usize, facts::Time)> = None;
        for _ in 0..64 {
            self.hand = if self.hand + 1 >= self.flows.len() {
                0
            } else {
                self.hand + 1
            };
            if let Some(Some(flow)) = self.flows.get(self.hand) {
                if oldest.is_none_or(|(_, last)| flow.last < last) {
                    oldest = Some((self.hand, flow.last));
                }
            }
        }
        if let Some((index, _)) = oldest {
            *self.picture.left_out.entry("flows cut short").or_default() += 1;
            self.close(index);
        }
    }

    fn put_back(&mut self, index: usize, flow: Flow) {
        if let Some(place) = self.flows.get_mut(index) {
            *place = Some(flow);
        }
    }

    /// Ends a flow: what waits is read, what was asked stays unanswered, and the picture gets its facts.
    fn close(&mut self, index: usize) {
        let Some(mut flow) = self.flows.get_mut(index).and_then(Option::take) else {
            return;
        };
        let hash = flow.key.hash(self.shard.seed);
        if let Ok(entry) = self.table.find_entry(hash, |other| *other == index) {
            entry.remove();
        }
        self.free.push(index);
        let at = At {
            now: flow.last,
            capture: flow.capture,
            frame: flow.frames.first().copied().unwrap_or(0),
        };
        let mut engine = Engine {
            picture: &mut self.picture,
            expected: &mut self.expected,
        };
        for which in [0, 1] {
            let mut stream = std::mem::take(&mut flow.dir_mut(which).stream);
            stream.close(&mut |delivered| engine.deliver(&mut flow, which, delivered, at));
            flow.dir_mut(which).stream = stream;
        }
        engine.close(&mut flow);
        for which in [0, 1] {
            self.addresses(&flow, which);
        }
        self.picture.conversation(flow.conversation());
        if let Some(session) = flow.remote_session() {
            self.picture.sessions.push(session);
        }
    }

    /// The addresses that the packets of one direction came from.
    fn addresses(&mut self, flow: &Flow, which: usize) {
        let (address, _) = flow.key.end(which);
        let ip = address
            .ip()
            .filter(|ip| !ip.is_unspecified() && !is_group(*ip));
        for leg in flow.dir(which).legs.iter() {
            let mac = leg.src.filter(|mac| mac.is_device());
            if mac.is_none() && ip.is_none() {
                continue;
            }
            let key = AddressKey {
                mac,
                ip,
                vlan: leg.vlan,
            };
            let Picture {
                addresses,
                left_out,
                ..
            } = &mut self.picture;
            let Some(row) = picture::row(addresses, key, "addresses", limits::ADDRESSES, left_out)
            else {
                return;
            };
            row.hops = match (row.hops, ip.is_some().then_some(leg.hops)) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
            let evidence = facts::Evidence::one(leg.capture, leg.frame);
            let tally = picture::Tally {
                first: leg.first,
                last: leg.last,
                count: leg.packets,
                evidence,
            };
            row.tally.take(tally);
        }
    }
}

fn is_group(ip: IpAddr) -> bool {
    Address::Ip(ip).is_group()
}

/// RFC 3032: labels of 4 octets up to the bottom of the stack, then IP by its first nibble.
fn mpls(bytes: &[u8]) -> Option<(Payload, &[u8])> {
    let rest = after_labels(bytes)?;
    match rest.first()? >> 4 {
        4 => Some((Payload::EtherType(0x0800), rest)),
        6 => Some((Payload::EtherType(0x86dd), rest)),
        _ => None,
    }
}

/// RFC 4448: an Ethernet pseudowire begins with a control word of first nibble 0.
fn mpls_ethernet(bytes: &[u8]) -> Option<&[u8]> {
    let rest = after_labels(bytes)?;
    if rest.first()? >> 4 == 0 {
        rest.get(4..)
    } else {
        None
    }
}

fn after_labels(bytes: &[u8]) -> Option<&[u8]> {
    let mut r = Reader::new(bytes);
    for _ in 0..16 {
        if r.u32().ok()? & 0x100 != 0 {
            return Some(r.rest());
        }
    }
    None
}

/// RFC 2516, 4, and RFC 1661, 2: session stage, then the PPP protocol.
fn pppoe(bytes: &[u8]) -> Option<(Payload, &[u8])> {
    let mut r = Reader::new(bytes);
    r.skip(6).ok()?;
    match r.u16().ok()? {
        0x0021 => Some((Payload::EtherType(0x0800), r.rest())),
        0x0057 => Some((Payload::EtherType(0x86dd), r.rest())),
        _ => None,
    }
}

/// RFC 2784 and RFC 2890: version 0 with optional checksum, key and sequence number.
fn gre(bytes: &[u8]) -> Option<(Payload, &[u8])> {
    let mut r = Reader::new(bytes);
    let flags = r.u16().ok()?;
    let protocol = r.u16().ok()?;
    if flags & 0x0007 != 0 {
        return None;
    }
    for (flag, length) in [(0x8000, 4), (0x2000, 4), (0x1000, 4)] {
        if flags & flag != 0 {
            r.skip(length).ok()?;
        }
    }
    Some((Payload::EtherType(protocol), r.rest()))
}

/// The MAC of a flow's end, for those who decode control messages.
pub(crate) fn device(mac: Option<Mac>) -> Option<Mac> {
    mac.filter(|mac| mac.is_device())
}
