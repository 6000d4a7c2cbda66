//! From an IP packet to its flow: fragments, tunnels, UDP, TCP, ICMP.
use facts::Time;

use super::flows::Place;
use super::table::Passed;
use super::{Here, MOST_TUNNELS, Passing, Worker, tunnels};
use crate::cx::At;
use crate::flow::{Arrived, Deliver, Engine, Flow, Key, Link, Stream, Told, Transport};
use crate::names;
use crate::net::link::{Ends, Payload};
use crate::net::transport::{self, Tcp};
use crate::net::{control, ip};
use crate::picture::Picture;
use crate::picture::clocks::Sender;
use crate::reader::{Malformed, Reader};

/// Flows looked at where too many bytes wait.
const MOST_RELIEVED: u32 = 8;
/// A flow without a packet for this long, in nanoseconds, is not about to get what it waits for.
pub(super) const SILENT: i64 = 1_000_000_000;

impl Worker {
    pub(super) fn ip(&mut self, here: Here, ends: &Ends, packet: &ip::Packet<'_>) {
        // The pair decides the shard before anything else is done. The ends of a tunnel say nothing of whose flows are
        // inside: every worker looks into it and keeps its own.
        let mine = self.mine(here, packet.src, packet.dst);
        if !mine && !tunnels::may_carry(packet.protocol) {
            return;
        }
        if packet.fragment.is_none() {
            return self.whole_ip(here, ends, packet, mine);
        }
        // Every fragment is a frame of the flow; only the whole packet can be read.
        match self.fragments.add(packet, ends.tags.vlan, here.at.now) {
            Some(payload) => {
                let whole = ip::Packet {
                    fragment: None,
                    payload: &payload,
                    missing: 0,
                    ..*packet
                };
                self.whole_ip(here, ends, &whole, mine);
            }
            None if mine => self.count_frame(here, true),
            None => {}
        }
    }

    /// An IP packet that is no fragment; `mine` where its own flow is this worker's.
    fn whole_ip(&mut self, here: Here, ends: &Ends, packet: &ip::Packet<'_>, mine: bool) {
        if here.depth < MOST_TUNNELS {
            let deeper = here.deeper();
            match packet.protocol {
                4 | 41 => {
                    if mine {
                        self.count_frame(here, true);
                    }
                    let version = if packet.protocol == 4 { 0x0800 } else { 0x86dd };
                    let inner = Payload::EtherType(version);
                    return self.payload(deeper, ends, inner, packet.payload);
                }
                // The tunnel itself is a flow; what it carries is read as if it lay on the wire.
                47 => {
                    if let Some(inside) = tunnels::gre(packet.payload) {
                        self.inside(deeper, ends, inside);
                    }
                }
                17 => {
                    if let Some(inside) = tunnels::in_datagram(packet.payload) {
                        self.inside(deeper, ends, inside);
                    }
                }
                97 => {
                    if let Some(inside) = tunnels::ether_ip(packet.payload) {
                        self.inside(deeper, ends, inside);
                    }
                }
                115 => {
                    if let Some(inside) = tunnels::l2tp_session(packet.payload) {
                        self.inside(deeper, ends, inside);
                    }
                }
                137 => {
                    if let Some(inside) = tunnels::mpls_in_ip(packet.payload) {
                        self.inside(deeper, ends, inside);
                    }
                }
                _ => {}
            }
        }
        if mine {
            self.transport(here, ends, packet);
        }
    }

    pub(super) fn transport(&mut self, here: Here, ends: &Ends, packet: &ip::Packet<'_>) {
        let read = match packet.protocol {
            6 => self.tcp(here, ends, packet),
            17 => self.udp(here, ends, packet),
            1 | 58 => self.icmp(here, ends, packet),
            other => {
                let passing = passing(
                    packet,
                    Transport::Ip(other),
                    sctp_ports(packet),
                    0,
                    packet.payload.len(),
                    ends,
                );
                self.count_frame(here, names::of_ip(other).is_some());
                if let Some(passed) = self.pass_and_count(here, &passing)
                    && let Some(name) =
                        control::routers(packet, ends, passed.engine.picture, here.at)
                {
                    passed.flow.talk().named = Some(name);
                }
                Ok(())
            }
        };
        if let Err(error) = read {
            // A capture that cut the header off is not the sender's fault.
            if !(here.cut && error == Malformed::Short) {
                let (src, dst) = (Some(packet.src_ip().into()), Some(packet.dst_ip().into()));
                self.odd(here, "transport.malformed", src, dst, ends.tags.vlan, error);
            }
            let passing = passing(
                packet,
                Transport::Ip(packet.protocol),
                (0, 0),
                0,
                packet.payload.len(),
                ends,
            );
            self.count_frame(here, names::of_ip(packet.protocol).is_some());
            self.pass_and_count(here, &passing);
        }
    }

    pub(super) fn udp(
        &mut self,
        here: Here,
        ends: &Ends,
        packet: &ip::Packet<'_>,
    ) -> Result<(), Malformed> {
        let udp = transport::udp(packet.payload)?;
        // The packet's number stands in the other half: where both count up, one must not take back the other.
        let signature = u32::from(udp.checksum);
        let bytes = udp.payload.len() + packet.missing;
        let passing = passing(
            packet,
            Transport::Udp,
            (udp.src, udp.dst),
            signature,
            bytes,
            ends,
        );
        let Some(passed) = self.pass_and_count(here, &passing) else {
            return Ok(());
        };
        let Passed {
            place,
            flow,
            mut engine,
            again,
        } = passed;
        if !again {
            let cut = here.cut || packet.missing > 0;
            engine.datagram(flow, passing.sender, udp.payload, cut, here.at);
        }
        let unweighed = flow.unweighed;
        let known = udp.payload.is_empty() || flow.protocol().is_some();
        let nameless = if known || here.depth > 0 {
            0
        } else {
            flow.nameless(passing.sender)
        };
        self.count_frame_of(here, nameless);
        if unweighed {
            self.weigh(here, place);
        }
        Ok(())
    }

    pub(super) fn tcp(
        &mut self,
        here: Here,
        ends: &Ends,
        packet: &ip::Packet<'_>,
    ) -> Result<(), Malformed> {
        let tcp = transport::tcp(packet.payload)?;
        let passing = passing(
            packet,
            Transport::Tcp,
            (tcp.src, tcp.dst),
            tcp.signature(),
            tcp.payload.len() + packet.missing,
            ends,
        );
        let passing = passing.of_segment(&tcp);
        self.segment(here, &passing, &tcp, packet.missing, || {
            Some((*ends, *packet))
        });
        Ok(())
    }

    /// A TCP segment on its way through the flow table. `open` tells what its frame was, for what few segments need.
    #[inline(always)] // Twice: for nearly each frame, and for what is left.
    pub(super) fn segment<'a>(
        &mut self,
        here: Here,
        passing: &Passing,
        tcp: &Tcp<'_>,
        missing: usize,
        open: impl FnOnce() -> Option<(Ends, ip::Packet<'a>)>,
    ) {
        if tcp.has(Tcp::SYN) && !tcp.has(Tcp::ACK) {
            self.replace_old(passing, tcp.seq, here.at.now);
        }
        let Some(passed) = self.pass(here, passing) else {
            return;
        };
        let Passed {
            place,
            flow,
            mut engine,
            again,
        } = passed;
        // A keep-alive says nothing, whatever its one byte is.
        let mut said = !tcp.payload.is_empty();
        if !again {
            let sender = passing.sender;
            // Bytes count once: a retransmission is a packet, but carries nothing new.
            let fresh = segment(here, &mut engine, flow, sender, tcp, missing);
            flow.count(sender, if fresh { passing.bytes } else { 0 }, here.at);
            if shows_clock(tcp, flow.dir(sender).packets)
                && let Some((ends, packet)) = open()
            {
                clock(engine.picture, &packet, &ends, passing.hops == 0, here);
            }
            said &= fresh || !tcp.may_keep_alive();
        }
        let unweighed = flow.unweighed;
        let known = !said || flow.protocol().is_some();
        let nameless = if known || here.depth > 0 {
            0
        } else {
            flow.nameless(passing.sender)
        };
        self.count_frame_of(here, nameless);
        if unweighed {
            self.weigh(here, place);
        }
    }

    /// Keeps account of the bytes that wait in a flow. Where they are too many in all, flows that fell silent while they
    /// held some go on without; where that is not enough, so does the one that wants more.
    pub(super) fn weigh(&mut self, here: Here, place: Place) {
        let Some(flow) = self.flows.get_mut(place) else {
            return;
        };
        let (waits, before) = flow.weigh();
        self.waiting = self.waiting.saturating_sub(before) + waits;
        if waits <= before || self.waiting <= self.picture.limits.waiting_bytes {
            return;
        }
        for other in self.flows.turn(MOST_RELIEVED) {
            let flow = self.flows.get(other).filter(|flow| flow.held() > 0);
            if flow.is_some_and(|flow| here.at.now.since(flow.last) > SILENT) {
                self.relieve(other);
            }
        }
        if self.waiting > self.picture.limits.waiting_bytes {
            self.relieve(place);
        }
    }

    /// What waits in a flow is read as far as it goes, and kept no longer.
    fn relieve(&mut self, place: Place) {
        let Worker {
            flows,
            picture,
            expected,
            ..
        } = self;
        let Some(flow) = flows.touch(place) else {
            return;
        };
        *picture.left_out.entry("bytes out of order").or_default() += flow.held() as u64;
        let at = flow.place_in_time();
        let mut engine = Engine { picture, expected };
        settle(&mut engine, flow, at, Stream::waits);
        for which in [0, 1] {
            engine.forget(flow, which, at);
        }
        flow.unweighed = true;
        self.reweigh(place);
    }

    /// Counts what waits in a flow anew, where that is called for.
    pub(super) fn reweigh(&mut self, place: Place) {
        let flow = self.flows.get_mut(place).filter(|flow| flow.unweighed);
        if let Some((waits, before)) = flow.map(Flow::weigh) {
            self.waiting = self.waiting.saturating_sub(before) + waits;
        }
    }

    /// A new handshake on the ends of an old connection: that one is over.
    pub(super) fn replace_old(&mut self, passing: &Passing, seq: u32, now: Time) {
        let Ok((place, _)) = self.find(passing, now) else {
            return;
        };
        let Some(flow) = self.flows.get(place) else {
            return;
        };
        let stream = &flow.dir(passing.sender).stream;
        if stream.started && stream.initial() != Some(seq) {
            self.close(place);
        }
    }

    pub(super) fn icmp(
        &mut self,
        here: Here,
        ends: &Ends,
        packet: &ip::Packet<'_>,
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
        let passing = passing(
            packet,
            transport,
            (0, 0),
            checksum,
            packet.payload.len(),
            ends,
        );
        self.count_frame(here, true);
        let Some(passed) = self.pass_and_count(here, &passing) else {
            return Ok(());
        };
        if passed.again {
            return Ok(());
        }
        let Passed { flow, engine, .. } = passed;
        let picture = engine.picture;
        if flow.is_first_packet() {
            flow.icmp = (kind, code);
            // The one who answers is the server, even when the question was not captured; then it goes by what was asked.
            let asked = match (six, kind) {
                (false, 0) => Some(8),
                (true, 129) => Some(128),
                _ => None,
            };
            if let Some(asked) = asked {
                flow.icmp.0 = asked;
                flow.tell_client(1 - passing.sender, Told::Role);
            }
        }
        let refused = control::icmp(six, kind, code, packet, flow, ends, picture, here.at);
        if let Some(inner) = refused {
            self.mark_refused(&inner, passing.link);
        }
        Ok(())
    }

    /// An ICMP error quotes the packet that could not be delivered: its flow was refused.
    fn mark_refused(&mut self, inner: &ip::Packet<'_>, link: Link) {
        let transport = match inner.protocol {
            6 => Transport::Tcp,
            17 => Transport::Udp,
            _ => return,
        };
        let mut r = Reader::new(inner.payload);
        let (Ok(src), Ok(dst)) = (r.u16(), r.u16()) else {
            return;
        };
        let (low, high) = ((inner.src, src), (inner.dst, dst));
        let (key, _) = Key::new(low, high, transport);
        let Some(place) = self.find_beside(&key, link) else {
            return;
        };
        if let Some(flow) = self.flows.touch(place) {
            flow.refuse();
        }
    }
}

/// Takes a TCP segment; returns whether it carried bytes not seen before.
fn segment(
    here: Here,
    engine: &mut Engine<'_>,
    flow: &mut Flow,
    sender: usize,
    tcp: &Tcp<'_>,
    missing: usize,
) -> bool {
    let at = here.at;
    let mut seq = tcp.seq;
    if tcp.has(Tcp::SYN) {
        seq = seq.wrapping_add(1);
        flow.shake(sender, tcp.has(Tcp::ACK));
        let stream = &mut flow.dir_mut(sender).stream;
        stream.begin(tcp.seq);
        stream.start(seq);
    }
    if tcp.has(Tcp::RST) {
        flow.reset(sender);
        flow.dir_mut(sender).stream.cut(seq);
    }
    let (own, other) = flow.streams_mut(sender);
    let after = tcp.has(Tcp::ACK).then_some(tcp.ack);
    if after.is_some() && !tcp.has(Tcp::RST) {
        other.acknowledge(tcp.ack);
        own.acknowledges = true;
    }
    let mut fresh = false;
    // The payload of a reset is no data of the stream (RFC 9293, 3.5.3).
    if (!tcp.payload.is_empty() || missing > 0) && !tcp.has(Tcp::RST) {
        let reach = other.reach();
        // Where a stream is picked up at a keep-alive, what it says next begins behind that byte.
        let before = !own.started && missing == 0 && tcp.may_keep_alive();
        own.start(seq.wrapping_add(u32::from(before)));
        if own.is_next(seq, after, reach) {
            own.advance(tcp.payload.len(), missing);
            if !tcp.payload.is_empty() {
                engine.stream(flow, sender, tcp.payload, at);
            }
            if missing > 0 {
                engine.gap(flow, sender, missing as u64, at);
            }
            fresh = true;
        } else {
            let arrived = Arrived {
                seq,
                bytes: tcp.payload,
                missing,
                at: (at.now, at.frame),
                after,
            };
            fresh = with_stream(flow, engine, sender, at, |stream, deliver| {
                stream.segment(arrived, reach, deliver)
            });
        }
    }
    let (own, other) = flow.streams_mut(sender);
    if tcp.has(Tcp::FIN) {
        let length = u32::try_from(tcp.payload.len() + missing).unwrap_or(0);
        own.finish(seq.wrapping_add(length));
    }
    if own.is_smooth() && other.is_smooth() {
        return fresh;
    }
    own.tick();
    other.tick();
    settle(engine, flow, at, Stream::is_overdue);
    for which in [0, 1] {
        if flow.dir_mut(which).stream.is_over_now() {
            engine.over(flow, which, at);
        }
    }
    fresh
}

/// Hands on what waits in both directions, in the order in which the ends spoke. What stands in the way is given up where
/// `late` says so, the longest waiting first.
pub(super) fn settle(
    engine: &mut Engine<'_>,
    flow: &mut Flow,
    at: At,
    late: impl Fn(&Stream) -> bool,
) {
    while flow.dir(0).stream.waits() || flow.dir(1).stream.waits() {
        let mut moved = false;
        for which in [0, 1] {
            let reach = flow.dir(1 - which).stream.reach();
            moved |= with_stream(flow, engine, which, at, |stream, deliver| {
                stream.flush(reach, deliver)
            });
        }
        if moved {
            continue;
        }
        let oldest = [0, 1]
            .into_iter()
            .filter(|which| late(&flow.dir(*which).stream))
            .max_by_key(|which| flow.dir(*which).stream.age());
        let Some(which) = oldest else { return };
        let reach = flow.dir(1 - which).stream.reach();
        with_stream(flow, engine, which, at, |stream, deliver| {
            stream.give_up(reach, deliver);
        });
    }
}

/// Works on one direction's stream; what it hands on goes to the flow's dialogue.
fn with_stream<T>(
    flow: &mut Flow,
    engine: &mut Engine<'_>,
    which: usize,
    at: At,
    act: impl FnOnce(&mut Stream, &mut dyn FnMut(Deliver<'_>)) -> T,
) -> T {
    flow.unweighed = true;
    let mut stream = std::mem::take(&mut flow.dir_mut(which).stream);
    let result = act(&mut stream, &mut |delivered| {
        engine.deliver(flow, which, delivered, at)
    });
    flow.dir_mut(which).stream = stream;
    result
}

/// Whether to look at the sender's clock: at a handshake, and ever more seldom later, so that it costs nothing.
const fn shows_clock(tcp: &Tcp<'_>, packets: u64) -> bool {
    /// 16, 64, 256 and so on.
    const FOURS: u64 = 0x5555_5555_5555_5550;
    let alone = packets & packets.wrapping_sub(1) == 0;
    tcp.has(Tcp::SYN) || (packets & FOURS != 0 && alone)
}

/// Tells of the sender's clock, where the segment shows it.
#[cold]
fn clock(picture: &mut Picture, packet: &ip::Packet<'_>, ends: &Ends, near: bool, here: Here) {
    let Some(value) = transport::timestamp(packet.payload) else {
        return;
    };
    let from = Sender {
        mac: ends.src.filter(|mac| near && mac.is_device()),
        ip: packet.src_ip(),
        vlan: ends.tags.vlan,
    };
    picture.clock(from, packet.dst_ip(), value, here.at);
}

/// RFC 9260, 3.1: SCTP begins with its ports, as UDP does.
fn sctp_ports(packet: &ip::Packet<'_>) -> (u16, u16) {
    let mut r = Reader::new(packet.payload);
    match (packet.protocol, r.u16(), r.u16()) {
        (132, Ok(src), Ok(dst)) => (src, dst),
        _ => (0, 0),
    }
}

/// What the flow table has to know of a packet.
pub(super) fn passing(
    packet: &ip::Packet<'_>,
    transport: Transport,
    ports: (u16, u16),
    signature: u32,
    bytes: usize,
    ends: &Ends,
) -> Passing {
    Passing::new(
        [(packet.src, ports.0), (packet.dst, ports.1)],
        transport,
        (packet.ttl, packet.id),
        signature,
        bytes,
        |sender| Link::new(ends, sender),
    )
}

impl Passing {
    /// A packet from the first end to the second, that many bytes of content; `signature` tells it from others with its number
    /// and length.
    #[inline(always)] // For each packet: what it is made of is at hand.
    pub(super) fn new(
        [src, dst]: [(u128, u16); 2],
        transport: Transport,
        (ttl, id): (u8, u32),
        signature: u32,
        bytes: usize,
        link: impl FnOnce(usize) -> Link,
    ) -> Passing {
        let (key, sender) = Key::new(src, dst, transport);
        Passing {
            key,
            sender,
            link: link(sender),
            opener: None,
            segment: None,
            ttl,
            hops: ip::hops(ttl),
            signature: signature ^ id.rotate_left(16) ^ u32::try_from(bytes).unwrap_or(0),
            bytes,
        }
    }

    /// The packet holds that segment.
    #[inline(always)] // As above.
    pub(super) fn of_segment(self, tcp: &Tcp<'_>) -> Passing {
        let sender = self.sender;
        let opener = if tcp.has(Tcp::ACK) {
            1 - sender
        } else {
            sender
        };
        Passing {
            opener: tcp.has(Tcp::SYN).then_some(opener),
            segment: Some((tcp.seq, tcp.has(Tcp::ACK).then_some(tcp.ack))),
            ..self
        }
    }
}
