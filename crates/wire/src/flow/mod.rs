//! A flow: two ends, what each sent, and the dialogue they hold.
pub(crate) mod key;
mod legs;
#[cfg(test)]
mod model;
mod stream;
mod summary;
mod talk;

pub(crate) use key::{Key, Transport, number_of_ip, number_of_mac};
pub(crate) use legs::{Forwarded, Sight};
pub(crate) use stream::{Arrived, Deliver, Stream};
pub(crate) use summary::Summary;
pub(crate) use talk::{Engine, Held, Tap, is_stale, open_expected, open_layer2};

use facts::{Mac, Time, Uid};

use crate::cx::{At, End, FlowView, Learned};
use crate::decoder::{Decoder, Dialogue, Side};
use crate::net::link::Ends;

/// How client and server were told apart, surest last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Told {
    #[default]
    First,
    Port,
    Role,
    Handshake,
}

/// Carriers noted per flow.
const MOST_FORWARDERS: usize = 4;
/// Frames noted per flow: its evidence.
const MOST_FRAMES: usize = 8;

/// What one end sent.
#[derive(Debug, Default)]
pub(crate) struct Direction {
    pub packets: u64,
    pub bytes: u64,
    /// Where its packets were seen.
    pub legs: legs::Legs,
    pub stream: Stream,
    pub tap: Tap,
}

/// A flow. What nearly every packet needs stands here, what only content or something peculiar brings with it in
/// [`Talk`].
pub(crate) struct Flow {
    pub key: Key,
    pub uid: Uid,
    pub first: Time,
    pub last: Time,
    /// What each end sent, by [`Key`] order.
    pub sent: [Direction; 2],
    pub capture: u32,
    frames: [u32; MOST_FRAMES],
    frame_count: u8,
    /// Which end is the client.
    pub client: u8,
    pub told: Told,
    pub syn: bool,
    pub syn_ack: bool,
    pub reset_by: Option<u8>,
    pub unreachable: bool,
    /// ICMP type and code of the first message.
    pub icmp: (u8, u8),
    /// What [`Flow::view`] shows may be another than before.
    changed: bool,
    /// Bytes began to wait or ceased to since the worker counted them.
    pub unweighed: bool,
    /// Bytes that wait here, as the worker counted them last.
    pub held: usize,
    pub decoder: Option<&'static Decoder>,
    /// Name without a decoder: recognised by number alone, or announced by another protocol.
    pub named: Option<&'static str>,
    pub talk: Option<Box<Talk>>,
}

/// What a flow says, and what is peculiar to it.
#[derive(Default)]
pub(crate) struct Talk {
    pub dialogue: Option<Box<dyn Dialogue>>,
    /// The flow as its dialogue sees it, worked out anew when something of it changed.
    view: FlowView,
    pub learned: Learned,
    /// Bytes of each end that wait for the rest of their message.
    pub held: [Held; 2],
    /// The protocol that announced the flow.
    pub parent: Option<&'static str>,
    /// Who carried packets of it on, by the MAC address at which they came in.
    forwarders: Vec<Mac>,
}

impl Talk {
    pub(crate) fn held(&mut self, which: usize) -> &mut Held {
        let [low, high] = &mut self.held;
        if which == 0 { low } else { high }
    }
}

impl Flow {
    pub(crate) fn new(key: Key, sender: usize, now: Time, capture: u32) -> Flow {
        Flow {
            key,
            uid: key.uid(now),
            first: now,
            last: now,
            sent: [Direction::default(), Direction::default()],
            capture,
            frames: [0; MOST_FRAMES],
            frame_count: 0,
            client: u8::from(sender != 0),
            told: Told::First,
            syn: false,
            syn_ack: false,
            reset_by: None,
            unreachable: false,
            icmp: (0, 0),
            changed: true,
            unweighed: false,
            held: 0,
            decoder: None,
            named: None,
            talk: None,
        }
    }

    /// A frame of the flow says something that has no name: it waits for the name that the flow may get. Gives how many
    /// wait no longer, since they are too many.
    pub(crate) fn nameless(&mut self, which: usize) -> u64 {
        let waiting = &mut self.dir_mut(which).tap.nameless;
        match waiting.checked_add(1) {
            Some(more) => {
                *waiting = more;
                0
            }
            None => 1,
        }
    }

    /// How many frames stay without a name, now that the flow tells what it is.
    pub(crate) fn take_nameless(&mut self) -> u64 {
        let waiting = |tap: &mut Tap| u64::from(std::mem::take(&mut tap.nameless));
        let [low, high] = &mut self.sent;
        let count = waiting(&mut low.tap) + waiting(&mut high.tap);
        if self.protocol().is_some() { 0 } else { count }
    }

    pub(crate) fn talk(&mut self) -> &mut Talk {
        self.talk.get_or_insert_default()
    }

    /// When and where to say what is said without a packet at hand.
    pub(crate) fn place_in_time(&self) -> At {
        At {
            now: self.last,
            capture: self.capture,
            frame: self.frames.first().copied().unwrap_or(0),
        }
    }

    /// Bytes that wait for what comes before them, or for the rest of their message.
    pub(crate) fn waiting(&self) -> usize {
        let streams = self.sent.iter().map(|sent| sent.stream.waiting());
        let held = self.talk.iter().flat_map(|talk| &talk.held);
        streams.chain(held.map(Held::waiting)).sum()
    }

    /// The client's place in [`Key`] order.
    pub(crate) fn client(&self) -> usize {
        usize::from(self.client)
    }

    pub(crate) fn dir(&self, which: usize) -> &Direction {
        let [low, high] = &self.sent;
        if which == 0 { low } else { high }
    }

    pub(crate) fn dir_mut(&mut self, which: usize) -> &mut Direction {
        let [low, high] = &mut self.sent;
        if which == 0 { low } else { high }
    }

    /// The streams of one direction and the other.
    pub(crate) fn streams_mut(&mut self, which: usize) -> (&mut Stream, &mut Stream) {
        let [low, high] = &mut self.sent;
        if which == 0 {
            (&mut low.stream, &mut high.stream)
        } else {
            (&mut high.stream, &mut low.stream)
        }
    }

    /// Notes where a packet was seen; see [`legs::Legs::see`].
    pub(crate) fn see(
        &mut self,
        which: usize,
        ends: &Ends,
        (ttl, hops): (u8, u8),
        signature: u32,
        at: At,
    ) -> Sight {
        let legs = &mut self.dir_mut(which).legs;
        let (sight, changed) = legs.see(ends, ttl, hops, signature, at);
        self.changed |= changed;
        sight
    }

    /// The handshake went by: a SYN, or the answer to one.
    pub(crate) fn shake(&mut self, sender: usize, answer: bool) {
        self.tell_client(if answer { 1 - sender } else { sender }, Told::Handshake);
        if answer {
            self.syn_ack = true;
        } else {
            self.syn = true;
        }
        self.changed = true;
    }

    /// Notes who is the client, unless something surer is known.
    pub(crate) fn tell_client(&mut self, client: usize, told: Told) {
        if told > self.told || (told == self.told && told != Told::First) {
            self.client = u8::from(client != 0);
            self.told = told;
            self.changed = true;
        }
    }

    pub(crate) fn side(&self, which: usize) -> Side {
        if which == self.client() {
            Side::Client
        } else {
            Side::Server
        }
    }

    fn view_end(&self, which: usize) -> End {
        let (address, port) = self.key.end(which);
        let (own, other) = (self.dir(which), self.dir(1 - which));
        let leg = own.legs.nearest();
        // Before an end has spoken, its MAC is the one that the other end sends to.
        let mac = leg
            .and_then(legs::Leg::src)
            .or_else(|| other.legs.farthest().and_then(legs::Leg::dst));
        End {
            address,
            port,
            mac: mac.filter(|mac| mac.is_device()),
            near: leg.is_some_and(|leg| leg.hops == 0),
            seen: own.packets > 0,
            begun: own.stream.initial.is_some(),
        }
    }

    /// Notes who carried a packet from one leg to another.
    pub(crate) fn forwarded_by(&mut self, step: &Forwarded) {
        let carrier = step
            .from
            .dst()
            .or(step.to.src())
            .filter(|mac| mac.is_device());
        let Some(mac) = carrier else { return };
        let forwarders = &mut self.talk().forwarders;
        if forwarders.len() < MOST_FORWARDERS && !forwarders.contains(&mac) {
            forwarders.push(mac);
            forwarders.sort_unstable();
        }
    }

    pub(crate) fn vlan(&self) -> Option<u16> {
        let client = self.dir(self.client()).legs.nearest();
        client
            .or_else(|| self.dir(1 - self.client()).legs.farthest())
            .and_then(legs::Leg::vlan)
    }

    pub(crate) fn view(&self) -> FlowView {
        FlowView {
            client: self.view_end(self.client()),
            server: self.view_end(1 - self.client()),
            vlan: self.vlan(),
            udp: self.key.transport == Transport::Udp,
            ip_protocol: self.key.transport.ip_protocol(),
            midstream: self.midstream(),
        }
    }

    /// The content shows that client and server are the other way round.
    fn swap(&mut self) {
        if self.told < Told::Role {
            self.client = 1 - self.client;
            self.told = Told::Role;
            self.changed = true;
        }
    }

    fn midstream(&self) -> bool {
        self.key.transport == Transport::Tcp && !self.syn && !self.syn_ack
    }

    fn note_frame(&mut self, frame: u32) {
        if let Some(place) = self.frames.get_mut(usize::from(self.frame_count)) {
            *place = frame;
            self.frame_count += 1;
        }
    }

    /// Counts a packet that is not a copy of one counted already.
    pub(crate) fn count(&mut self, which: usize, bytes: usize, at: At) {
        self.first = self.first.min(at.now);
        self.last = self.last.max(at.now);
        if at.capture == self.capture {
            self.note_frame(at.frame);
        }
        let sent = self.dir_mut(which);
        sent.packets += 1;
        sent.bytes += bytes as u64;
        self.changed |= self.dir(which).packets == 1;
    }

    pub(crate) fn protocol(&self) -> Option<&'static str> {
        let decoder = self.decoder.map(|decoder| decoder.name);
        let learned = self.talk.as_ref().and_then(|talk| talk.learned.name);
        learned.or(decoder).or(self.named)
    }
}
