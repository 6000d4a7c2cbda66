//! A worker: the whole way of a frame, from its bytes to the picture, for one shard of the flows.
//!
//! No queue, no lock and, once its flows are known, no allocation per packet. Several workers may be given the same frames;
//! each keeps only the pairs of hosts that fall to its shard, so that all channels between two hosts meet in one worker.
mod alike;
mod flows;
mod plain;
mod shard;
mod shed;
mod slab;
mod table;
mod take;
mod transport;
mod tunnels;

use facts::{Address, Mac, Time};

use crate::cx::{At, Expectations};
use crate::decoder::Carrier;
use crate::flow::{Engine, Key, Link, Transport, number_of_mac, open_layer2};
use crate::net::fragments::Fragments;
use crate::net::link::{self, Ends, Payload};
use crate::net::{control, ip, rare};
use crate::picture::{Frames, Limits, OddityKey, Picture};
use crate::reader::{Malformed, Reader};
use crate::{Frame, names, protocols};

use self::flows::Flows;
pub use self::shard::owner;
pub use self::shed::Class;
use self::table::Passed;
pub use self::take::Load;

/// Which part of the traffic a worker keeps.
#[derive(Clone, Copy, Debug)]
pub struct Shard {
    /// Which worker it is, from 0.
    pub index: u32,
    /// How many workers share the traffic, from 1.
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
    /// Whoever handed the frame out knows that all of it is this worker's.
    own: bool,
    depth: u8,
}

impl Here {
    /// Inside of a tunnel.
    const fn deeper(self) -> Here {
        Here {
            depth: self.depth + 1,
            own: false,
            ..self
        }
    }
}

/// One worker: it is given frames, keeps those of its shard, and gives a [`Picture`] of them.
pub struct Worker {
    shard: Shard,
    flows: Flows,
    fragments: Fragments,
    expected: Expectations,
    picture: Picture,
    /// What the frames of the capture at hand were, until the next capture begins.
    counts: (u32, Frames),
    /// Frames read in all.
    frames: u64,
    /// VLAN of the frame at hand.
    vlan: Option<u16>,
    /// Bytes that wait in flows for what comes before them, or after.
    waiting: usize,
    /// Latest time of a frame.
    now: Time,
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Worker {} of {}", self.shard.index, self.shard.of)
    }
}

/// A packet's place in the flow table and what the flow has to know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Passing {
    key: Key,
    sender: usize,
    link: Link,
    /// The end that connects, where the packet tells.
    opener: Option<usize>,
    /// Of a segment its number and what it acknowledges.
    segment: Option<(u32, Option<u32>)>,
    ttl: u8,
    hops: u8,
    /// Equal for copies of one packet.
    signature: u32,
    bytes: usize,
}

impl Worker {
    /// A worker that has seen nothing; `limits` bound every table that it will keep.
    pub fn new(shard: Shard, limits: Limits) -> Worker {
        Worker {
            shard,
            flows: Flows::new(shard.seed),
            fragments: Fragments::default(),
            expected: Expectations::new(),
            picture: Picture::new(limits),
            counts: (0, Frames::default()),
            frames: 0,
            vlan: None,
            waiting: 0,
            now: Time::default(),
        }
    }

    /// Reads one frame. Frames come in the order of their captures; times may go back a little.
    pub fn frame(&mut self, frame: &Frame<'_>) {
        self.read(frame, self.shard.of <= 1);
    }

    /// Reads one frame that is this worker's alone, as [`owner`] told.
    pub fn own_frame(&mut self, frame: &Frame<'_>) {
        self.read(frame, true);
    }

    #[inline]
    fn read(&mut self, frame: &Frame<'_>, own: bool) {
        self.frames += 1;
        self.now = self.now.max(frame.time);
        if self.counts.0 != frame.capture {
            self.settle_counts();
            self.counts.0 = frame.capture;
        }
        let at = At {
            now: frame.time,
            capture: frame.capture,
            frame: frame.number,
        };
        let here = Here {
            at,
            cut: (frame.wire_len as usize) > frame.data.len(),
            own,
            depth: 0,
        };
        if matches!(frame.link, crate::Link::Ethernet)
            && let Some(plain) = plain::open(frame.data)
        {
            let key = &plain.passing.key;
            if !self.mine(here, key.low, key.high) {
                return;
            }
            self.vlan = plain.vlan;
            return self.segment(here, &plain.passing, &plain.tcp, 0, || {
                let (ends, _, packet) = link::open(frame.link, frame.data)?.ok()?;
                Some((ends, ip::v4(packet).ok()?))
            });
        }
        match link::open(frame.link, frame.data) {
            None => self.counts.1.undecoded += u64::from(self.shard.index == 0),
            Some(Ok((ends, payload, bytes))) => {
                self.vlan = ends.tags.vlan;
                self.payload(here, &ends, payload, bytes);
            }
            Some(Err(error)) if self.shard.index == 0 => {
                self.counts.1.unclassified += 1;
                if !(here.cut && error == Malformed::Short) {
                    self.odd(here, "link.malformed", None, None, None, error);
                }
            }
            Some(Err(_)) => {}
        }
    }

    /// Closes every flow and gives the picture: all of it, or what was not taken before.
    pub fn finish(mut self) -> Picture {
        for place in self.flows.talking() {
            if let Some(flow) = self.flows.take_out(place) {
                self.end(flow);
            }
        }
        for flow in self.flows.drain() {
            self.end(flow);
        }
        self.settle_counts();
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
            Payload::EtherType(0x0800) => ip::v4(bytes),
            Payload::EtherType(0x86dd) => ip::v6(bytes),
            _ => return self.below_ip(here, ends, payload, bytes),
        };
        match opened {
            Ok(packet) => self.ip(here, ends, &packet),
            Err(error) => self.layer2(here, ends, payload, bytes, Some(error)),
        }
    }

    /// What is not IP: tunnels of layer 2, ARP, and the protocols that live there.
    fn below_ip(&mut self, here: Here, ends: &Ends, payload: Payload, bytes: &[u8]) {
        if here.depth < MOST_TUNNELS {
            let deeper = here.deeper();
            match payload {
                Payload::EtherType(0x8847 | 0x8848) => {
                    if let Some((payload, inner)) = tunnels::mpls(bytes) {
                        self.count_opened(here);
                        return self.payload(deeper, ends, payload, inner);
                    }
                    if let Some(inner) = tunnels::mpls_ethernet(bytes) {
                        self.count_opened(here);
                        return self.tunnelled(deeper, inner);
                    }
                }
                Payload::EtherType(0x8864) => {
                    if let Some((payload, inner)) = tunnels::pppoe(bytes) {
                        self.count_opened(here);
                        return self.payload(deeper, ends, payload, inner);
                    }
                }
                Payload::EtherType(0x892f | 0xf1c1) => {
                    if let Some((payload, inner)) = tunnels::doubled(bytes) {
                        self.count_opened(here);
                        return self.payload(deeper, ends, payload, inner);
                    }
                }
                Payload::EtherType(0x88e7) => {
                    if let Some(inner) = tunnels::backbone(bytes) {
                        self.count_opened(here);
                        return self.tunnelled(deeper, inner);
                    }
                }
                Payload::Named(link::Class::RadioAggregate) => {
                    self.count_opened(here);
                    for (ends, payload, inner) in rare::aggregated(bytes) {
                        self.payload(deeper, &ends, payload, inner);
                    }
                    return;
                }
                _ => {}
            }
        }
        self.layer2(here, ends, payload, bytes, None);
    }

    /// What a tunnel over IP carries, read as if it lay on the wire.
    fn inside(&mut self, here: Here, outside: &Ends, inside: tunnels::Inside<'_>) {
        match inside {
            tunnels::Inside::Frame(bytes) => self.tunnelled(here, bytes),
            tunnels::Inside::Mirrored(bytes, vlan) => {
                if let Ok((mut ends, payload, inner)) = link::ethernet(&mut Reader::new(bytes)) {
                    ends.tags.vlan = ends.tags.vlan.or(vlan);
                    self.payload(here, &ends, payload, inner);
                }
            }
            tunnels::Inside::Radio(bytes) => {
                if let Ok((ends, payload, inner)) = rare::wlan(bytes) {
                    self.payload(here, &ends, payload, inner);
                }
            }
            tunnels::Inside::Packet(payload, bytes) => {
                let ends = Ends {
                    tags: outside.tags,
                    ..Ends::default()
                };
                self.payload(here, &ends, payload, bytes);
            }
        }
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
            Payload::EtherType(kind) => {
                (Transport::EtherType(kind), Some(Carrier::EtherType(kind)))
            }
            Payload::Llc(sap) => (Transport::Llc(sap), Some(Carrier::Llc(sap))),
            Payload::Snap(oui, protocol) => (
                Transport::Snap(oui, protocol),
                Some(Carrier::Snap(oui, protocol)),
            ),
            Payload::Named(class) => {
                let radio = class == link::Class::RadioManagement;
                (Transport::Named(class), radio.then_some(Carrier::Radio))
            }
        };
        let (key, sender) = Key::new((number_of_mac(src), 0), (number_of_mac(dst), 0), transport);
        if !self.mine(here, key.low, key.high) {
            return;
        }
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
            names::of_layer2(payload).is_some() || carrier.and_then(protocols::on).is_some(),
        );
        let passing = Passing {
            key,
            sender,
            link: Link::new(ends, sender),
            opener: None,
            segment: None,
            ttl: 0,
            hops: 0,
            signature: signature(bytes),
            bytes: bytes.len(),
        };
        let Some(passed) = self.pass_and_count(here, &passing) else {
            return;
        };
        if passed.again {
            return;
        }
        let Passed {
            place,
            flow,
            engine: Engine { picture, expected },
            ..
        } = passed;
        if ends.tags.outer.is_some() {
            double_tag(picture, here, ends, src.into(), dst.into());
        }
        if flow.is_first_packet()
            && let Some(decoder) = carrier.and_then(protocols::on)
        {
            open_layer2(flow, decoder);
        }
        if transport == Transport::EtherType(0x0806) {
            let read = control::arp(bytes, flow, ends, picture, here.at);
            if let (Err(error), false) = (read, here.cut) {
                let (src, dst) = (Some(src.into()), Some(dst.into()));
                self.odd(here, "arp.malformed", src, dst, ends.tags.vlan, error);
            }
        } else {
            let mut engine = Engine { picture, expected };
            engine.datagram(flow, sender, bytes, here.cut, here.at);
            if flow.unweighed {
                self.weigh(here, place);
            }
        }
    }

    /// A frame of layer 2 that only carries another: every worker opens it, one counts it.
    fn count_opened(&mut self, here: Here) {
        if self.shard.index == 0 {
            self.count_frame(here, true);
        }
    }

    fn count_frame(&mut self, here: Here, classified: bool) {
        if here.depth > 0 {
            return;
        }
        self.counts.1.total += 1;
        self.counts.1.unclassified += u64::from(!classified);
        if let Some(vlan) = self.vlan {
            let vlans = &mut self.picture.vlans;
            vlans.count(here.at.capture, vlan, here.at.now);
        }
    }

    /// A frame of a flow. One without a name may get it with its flow: then `nameless` is 0, and it is counted at the
    /// flow's end, in the capture in which that began.
    fn count_frame_of(&mut self, here: Here, nameless: u64) {
        self.count_frame(here, true);
        self.counts.1.unclassified += nameless;
    }
}

fn double_tag(picture: &mut Picture, here: Here, ends: &Ends, src: Address, dst: Address) {
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
    picture.oddity(key, here.at.now, here.at.capture, &[here.at.frame]);
}

/// Tells frames of layer 2 apart by their length, head and tail, where those that repeat have what counts up; never zero.
fn signature(bytes: &[u8]) -> u32 {
    let head = bytes.iter().take(24);
    let tail = bytes.iter().rev().take(8);
    let length = u32::try_from(bytes.len()).unwrap_or(0);
    // FNV-1a, 32 bits.
    let mixed = head.chain(tail).fold(0x811c_9dc5 ^ length, |mixed, byte| {
        (mixed ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    });
    mixed | 1
}

/// The MAC of a flow's end, for those who decode control messages.
pub(crate) fn device(mac: Option<Mac>) -> Option<Mac> {
    mac.filter(|mac| mac.is_device())
}
