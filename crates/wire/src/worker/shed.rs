//! What may be put aside when more comes than there is time for: told from a frame's headers and its flow alone.
//!
//! The rule errs on one side. What cannot be told at a glance (another link layer, a fragment, a tunnel, anything odd)
//! counts as control, so that nobody hides control traffic by making it look strange.
use std::sync::LazyLock;

use super::{Here, Passing, Worker, tunnels};
use crate::cx::At;
use crate::flow::{self, Flow, Key, Transport, is_stale};
use crate::net::transport::{self, Tcp};
use crate::net::{ip, link};
use crate::{Carrier, Frame, Link, protocols};

const VLAN_TAGS: [[u8; 2]; 4] = [[0x81, 0x00], [0x88, 0xa8], [0x91, 0x00], [0x92, 0x00]];
const MOST_TAGS: usize = 2;

/// How much a frame may be missed, least first to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Of a protocol by which devices are read, changed or operated, or on its port; or not to be told at a glance.
    Control,
    /// Neither: what may still tell who is there, or become a finding.
    Other,
    /// Of a stream that is recognised and not read further: media, what is encrypted, files.
    Bulk,
}

/// What the headers say.
struct Glance {
    key: Key,
    sender: usize,
    ports: [u16; 2],
    payload: usize,
    tcp: Option<Segment>,
    ttl: u8,
    /// As the flow table has it: equal for copies of one packet.
    signature: u32,
}

struct Segment {
    seq: u32,
    ack: u32,
    /// Nothing but data and an acknowledgement.
    plain: bool,
}

impl Worker {
    /// What a frame is to be taken for under load. Changes nothing.
    pub fn class(&mut self, frame: &Frame<'_>) -> Class {
        let Some(glance) = glance(frame) else {
            return Class::Control;
        };
        let udp = glance.tcp.is_none();
        let place = self.flows.find(&glance.key);
        let flow = place.and_then(|place| self.flows.get(place));
        let known = flow.and_then(|flow| flow.decoder());
        // An announcement is a claim, not what the content shows: the ports still count.
        let announced = flow.is_some_and(Flow::is_announced);
        let on_port = || glance.ports.iter().any(|port| is_control_port(udp, *port));
        let is_control = match known {
            Some(decoder) => protocols::controls(decoder) || announced && on_port(),
            None => on_port() || flow.is_none() && self.is_announced(&glance),
        };
        let is_read = |flow: &Flow| {
            let done = |which| flow.tap(which).is_done();
            !done(glance.sender) && (glance.payload > 0 || !done(1 - glance.sender))
        };
        match flow {
            _ if is_control => Class::Control,
            Some(flow) if !is_read(flow) => Class::Bulk,
            _ => Class::Other,
        }
    }

    /// Counts a frame of bulk for its conversation, as reading it would, and does no more with it; `false` where that
    /// cannot be, so that it has to be read as any other.
    pub fn count_only(&mut self, frame: &Frame<'_>) -> bool {
        let (Some(glance), Some(Ok((ends, ..)))) =
            (glance(frame), link::open(frame.link, frame.data))
        else {
            return false;
        };
        let Some(place) = self.flows.find(&glance.key) else {
            return false;
        };
        let fits = |flow: &Flow| {
            let (own, other) = (flow.dir(glance.sender), flow.dir(1 - glance.sender));
            let in_order = glance.tcp.as_ref().is_none_or(|tcp| {
                let next = own
                    .stream
                    .is_next(tcp.seq, Some(tcp.ack), other.stream.reach());
                tcp.plain && (glance.payload == 0 || next)
            });
            in_order && !is_stale(flow, frame.time)
        };
        if !self.flows.get(place).is_some_and(fits) {
            return false;
        }
        let at = At {
            now: frame.time,
            capture: frame.capture,
            frame: frame.number,
        };
        let here = Here {
            at,
            cut: false,
            own: true,
            depth: 0,
        };
        let passing = Passing {
            key: glance.key,
            sender: glance.sender,
            link: flow::Link::new(&ends, glance.sender),
            opener: None,
            segment: glance.tcp.as_ref().map(|tcp| (tcp.seq, Some(tcp.ack))),
            ttl: glance.ttl,
            hops: ip::hops(glance.ttl),
            signature: glance.signature,
            bytes: glance.payload,
        };
        let Some(passed) = self.pass(here, &passing) else {
            return false;
        };
        let (flow, sender) = (passed.flow, glance.sender);
        if !passed.again {
            if let Some(tcp) = &glance.tcp {
                let (own, other) = flow.streams_mut(sender);
                other.acknowledge(tcp.ack);
                own.acknowledges = true;
                own.advance(glance.payload, 0);
            }
            flow.count(sender, glance.payload, at);
        }
        let known = glance.payload == 0 || flow.protocol().is_some();
        self.frames += 1;
        self.now = self.now.max(frame.time);
        if self.counts.0 != frame.capture {
            self.settle_counts();
            self.counts.0 = frame.capture;
        }
        self.vlan = ends.tags.vlan;
        self.count_frame(here, known);
        true
    }

    /// Whether another protocol said that this conversation would come.
    fn is_announced(&self, glance: &Glance) -> bool {
        let udp = glance.tcp.is_none();
        !self.expected.is_empty()
            && [0, 1].into_iter().any(|which| {
                let (address, port) = glance.key.end(which);
                let other = glance.key.end(1 - which).0.ip();
                address.ip().is_some_and(|ip| {
                    self.expected.contains_key(&(ip, port, udp, other))
                        || self.expected.contains_key(&(ip, port, udp, None))
                })
            })
    }
}

/// `None` for what cannot be told at a glance.
fn glance(frame: &Frame<'_>) -> Option<Glance> {
    if !matches!(frame.link, Link::Ethernet) {
        return None;
    }
    let mut bytes = frame.data.get(12..)?;
    for _ in 0..=MOST_TAGS {
        let (kind, rest) = bytes.split_first_chunk::<2>()?;
        match kind {
            [0x08, 0x00] => return v4(rest),
            [0x86, 0xdd] => return v6(rest),
            tag if VLAN_TAGS.contains(tag) => bytes = rest.get(2..)?,
            _ => return None,
        }
    }
    None
}

fn v4(bytes: &[u8]) -> Option<Glance> {
    let head = bytes.first_chunk::<20>()?;
    let [
        first,
        _,
        high,
        low,
        i0,
        i1,
        flags,
        offset,
        ttl,
        protocol,
        _,
        _,
        ends @ ..,
    ] = head;
    let header = usize::from(first & 0x0f) * 4;
    let total = usize::from(u16::from_be_bytes([*high, *low]));
    if first >> 4 != 4 || header < 20 || flags & 0x3f != 0 || *offset != 0 {
        return None;
    }
    let [a, b, c, d, e, f, g, h] = *ends;
    let mapped = |address| 0xffff_0000_0000 | u128::from(u32::from_be_bytes(address));
    let ends = (mapped([a, b, c, d]), mapped([e, f, g, h]));
    let id = u32::from(u16::from_be_bytes([*i0, *i1]));
    packet(ends, *protocol, (*ttl, id), bytes.get(header..total)?)
}

fn v6(bytes: &[u8]) -> Option<Glance> {
    let (head, payload) = bytes.split_first_chunk::<40>()?;
    let (fixed, ends) = head.split_first_chunk::<8>()?;
    let [first, _, _, _, high, low, next, ttl] = fixed;
    if first >> 4 != 6 {
        return None;
    }
    let (src, dst) = (ends.first_chunk::<16>()?, ends.last_chunk::<16>()?);
    let ends = (u128::from_be_bytes(*src), u128::from_be_bytes(*dst));
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    packet(ends, *next, (*ttl, 0), payload.get(..length)?)
}

fn packet(
    (src, dst): (u128, u128),
    protocol: u8,
    (ttl, id): (u8, u32),
    bytes: &[u8],
) -> Option<Glance> {
    let [a, b, c, d] = *bytes.first_chunk::<4>()?;
    let ports = [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])];
    let (kind, header, signature, tcp) = match protocol {
        6 => {
            let tcp = transport::tcp(bytes).ok()?;
            let ends_or_begins = tcp.has(Tcp::SYN) || tcp.has(Tcp::FIN) || tcp.has(Tcp::RST);
            let segment = Segment {
                seq: tcp.seq,
                ack: tcp.ack,
                plain: !ends_or_begins && tcp.has(Tcp::ACK),
            };
            let header = bytes.len().saturating_sub(tcp.payload.len());
            (Transport::Tcp, header, tcp.signature(), Some(segment))
        }
        17 if !ports.into_iter().any(tunnels::leads_inside) => {
            let udp = transport::udp(bytes).ok()?;
            let header = bytes.len().saturating_sub(udp.payload.len());
            (Transport::Udp, header, u32::from(udp.checksum), None)
        }
        _ => return None,
    };
    let [from, to] = ports;
    let (key, sender) = Key::new((src, from), (dst, to), kind);
    let payload = bytes.len().checked_sub(header)?;
    Some(Glance {
        key,
        sender,
        ports,
        payload,
        tcp,
        ttl,
        signature: signature ^ id.rotate_left(16) ^ u32::try_from(payload).unwrap_or(0),
    })
}

/// One bit per port, TCP and UDP.
type Ports = [Vec<u64>; 2];

fn is_control_port(udp: bool, port: u16) -> bool {
    static PORTS: LazyLock<Ports> = LazyLock::new(|| {
        let mut ports = [vec![0; 1024], vec![0; 1024]];
        let [tcp, udp] = &mut ports;
        let control = protocols::ALL.iter().filter(|one| protocols::controls(one));
        for carrier in control.flat_map(|decoder| decoder.carriers) {
            let (table, port) = match carrier {
                Carrier::Tcp(port) => (&mut *tcp, *port),
                Carrier::Udp(port) => (&mut *udp, *port),
                _ => continue,
            };
            if let Some(word) = table.get_mut(usize::from(port >> 6)) {
                *word |= 1 << (port & 63);
            }
        }
        ports
    });
    let [tcp, datagrams] = &*PORTS;
    let table = if udp { datagrams } else { tcp };
    let word = table.get(usize::from(port >> 6)).copied().unwrap_or(0);
    word >> (port & 63) & 1 != 0
}

#[cfg(test)]
mod tests {
    use facts::{Facts, Time};

    use super::*;
    use crate::{Limits, Shard};

    /// What comes of the bad day of the sample terminal when each frame goes the way that `rule` says, and how many of
    /// each class there were.
    fn day(rule: impl Fn(&mut Worker, &Frame<'_>, Class)) -> (Facts, [u64; 3]) {
        let mut worker = Worker::new(Shard::default(), Limits::live());
        let mut classes = [0; 3];
        let mut number = 0;
        for capture in lab::harborview::bad_day().captures {
            for frame in capture.frames {
                number += 1;
                let frame = Frame {
                    link: Link::Ethernet,
                    time: Time(frame.at * 1000),
                    wire_len: u32::try_from(frame.bytes.len()).unwrap(),
                    data: &frame.bytes,
                    capture: 0,
                    number,
                };
                let class = worker.class(&frame);
                classes[class as usize] += 1;
                rule(&mut worker, &frame, class);
            }
        }
        (worker.finish().into_facts(vec!["day".to_owned()]), classes)
    }

    /// What of `a` is not in `b`, in short.
    fn lacking<T: PartialEq>(a: &[T], b: &[T], say: impl Fn(&T) -> String) -> Vec<String> {
        let lacking = a.iter().filter(|one| !b.contains(one));
        lacking.map(say).take(5).collect()
    }

    #[test]
    fn bulk_that_is_only_counted_changes_no_conversation_and_no_operation() {
        let (whole, classes) = day(|worker, frame, _| worker.frame(frame));
        assert!(classes.iter().all(|count| *count > 50), "{classes:?}");
        let (counted, _) = day(|worker, frame, class| {
            if class != Class::Bulk || !worker.count_only(frame) {
                worker.frame(frame);
            }
        });
        let sizes = |facts: &Facts| -> Vec<_> {
            let size = |one: &facts::kinds::Conversation| {
                let sums = [one.packets_out, one.bytes_out, one.packets_in, one.bytes_in];
                (one.uid, one.state, one.lost_bytes, sums)
            };
            facts.conversations.iter().map(size).collect()
        };
        let (a, b) = (sizes(&counted), sizes(&whole));
        assert_eq!(lacking(&a, &b, |one| format!("{one:?}")), [""; 0]);
        assert_eq!(a.len(), b.len());
        assert!(counted.operations == whole.operations);
    }

    #[test]
    fn with_all_but_control_put_aside_every_operation_is_told() {
        let (whole, _) = day(|worker, frame, _| worker.frame(frame));
        let (control, _) = day(|worker, frame, class| {
            if class == Class::Control {
                worker.frame(frame);
            }
        });
        assert!(control.conversations.len() < whole.conversations.len());
        // What was put aside of a file cannot be hashed; that it was carried is told all the same.
        let told = |facts: &Facts| -> Vec<_> {
            let told = facts.operations.iter().cloned().map(|mut one| {
                (one.content_sha256, one.content_bytes) = (None, None);
                one
            });
            told.collect()
        };
        let (a, b) = (&told(&whole), &told(&control));
        let say = |one: &facts::kinds::Operation| {
            format!(
                "{} {:?} {:?} {:?}",
                one.protocol, one.operation, one.object, one.evidence
            )
        };
        assert_eq!((lacking(a, b, say), lacking(b, a, say)), (vec![], vec![]));
    }
}
