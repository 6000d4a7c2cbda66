//! A flow: two ends, what each sent, and the dialogue they hold.
pub(crate) mod key;
mod legs;
#[cfg(test)]
mod model;
mod rest;
mod stream;
mod summary;
mod talk;

pub(crate) use key::{Key, Transport, number_of_ip, number_of_mac};
pub(crate) use legs::{Forwarded, Leg, Link, Sight};
pub(crate) use rest::Resting;
pub(crate) use stream::{Arrived, Deliver, Stream};
pub(crate) use summary::Summary;
use talk::Early;
pub(crate) use talk::{
    Engine, Held, Inner, Tap, is_long_ago, is_stale, open_expected, open_layer2,
};

use facts::{Mac, Time, Uid};

use crate::cx::{At, End, FlowView, Learned};
use crate::decoder::{Decoder, Dialogue, Side};

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
    pub stream: Stream,
}

/// What else was seen of a flow, a bit each.
mod mark {
    pub(super) const SYN: u8 = 1;
    pub(super) const SYN_ACK: u8 = 2;
    /// Which end broke the connection off.
    pub(super) const RESET_BY_LOW: u8 = 4;
    pub(super) const RESET_BY_HIGH: u8 = 8;
    /// Somebody on the way said that a packet did not arrive.
    pub(super) const UNREACHABLE: u8 = 16;
}

/// A flow. What nearly every packet needs stands here, what only content or something peculiar brings with it in
/// [`Talk`]: there may be a million flows without either.
pub(crate) struct Flow {
    pub key: Key,
    pub first: Time,
    pub last: Time,
    /// What each end sent, by [`Key`] order.
    pub sent: [Direction; 2],
    /// Where its packets were seen.
    pub legs: legs::Legs,
    pub talk: Option<Box<Talk>>,
    pub capture: u32,
    frames: [u32; MOST_FRAMES],
    /// How many were opened before it: in that order flows are ended, and so told of what they share.
    pub nth: u32,
    /// Bytes that wait here, as the worker counted them last.
    held: u32,
    taps: [Tap; 2],
    frame_count: u8,
    /// Which end is the client.
    pub client: u8,
    pub told: Told,
    marks: u8,
    /// ICMP type and code of the first message.
    pub icmp: (u8, u8),
    /// What [`Flow::view`] shows may be another than before.
    changed: bool,
    /// Bytes began to wait or ceased to since the worker counted them.
    pub unweighed: bool,
}

/// What a flow says, and what is peculiar to it.
#[derive(Default)]
pub(crate) struct Talk {
    pub decoder: Option<&'static Decoder>,
    pub dialogue: Option<Box<dyn Dialogue>>,
    /// The flow as its dialogue sees it, worked out anew when something of it changed.
    view: FlowView,
    pub learned: Learned,
    /// Bytes of each end that wait for the rest of their message.
    pub held: [Held; 2],
    /// Answers that wait for their requests.
    early: Vec<Early>,
    /// The protocol that announced the flow.
    pub parent: Option<&'static str>,
    /// What it called the flow, where no decoder reads it.
    pub named: Option<&'static str>,
    /// When the flow was opened, where packets of before then were read later.
    opened: Option<Time>,
    /// Who carried packets of it on, by the MAC address at which they came in.
    forwarders: Vec<Mac>,
    /// The stream that the flow carries, since its dialogue handed over.
    pub(crate) inner: Option<Box<Inner>>,
    /// The flow is such a stream itself: the protocol that carries it.
    within: Option<&'static str>,
    /// How many streams it is inside of.
    depth: u8,
    /// It comes out of frames, and not as it is.
    framed: bool,
    /// Where it goes is known by name alone: the address of the server is that of who passes it on.
    hidden: bool,
}

impl Talk {
    /// The name of the protocol, as far as content or an announcement tell.
    pub(crate) fn name(&self) -> Option<&'static str> {
        let decoder = self.decoder.map(|decoder| decoder.name);
        self.learned.name.or(decoder).or(self.named)
    }

    pub(crate) fn held(&mut self, which: usize) -> &mut Held {
        let [low, high] = &mut self.held;
        if which == 0 { low } else { high }
    }
}

impl Flow {
    pub(crate) fn new(key: Key, sender: usize, now: Time, capture: u32) -> Flow {
        Flow {
            key,
            first: now,
            last: now,
            sent: [Direction::default(), Direction::default()],
            legs: legs::Legs::default(),
            talk: None,
            capture,
            frames: [0; MOST_FRAMES],
            nth: 0,
            held: 0,
            taps: [Tap::default(), Tap::default()],
            frame_count: 0,
            client: u8::from(sender != 0),
            told: Told::First,
            marks: 0,
            icmp: (0, 0),
            changed: true,
            unweighed: false,
        }
    }

    /// A frame of the flow says something that has no name: it waits for the name that the flow may get. Gives how many
    /// wait no longer, since they are too many.
    pub(crate) fn nameless(&mut self, which: usize) -> u64 {
        let waiting = &mut self.tap_mut(which).nameless;
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
        let taps = self.taps.iter_mut();
        let count = taps
            .map(|tap| u64::from(std::mem::take(&mut tap.nameless)))
            .sum();
        if self.protocol().is_some() { 0 } else { count }
    }

    /// The same in every run: made of the ends and of the time of the packet that opened the flow.
    pub(crate) fn uid(&self) -> Uid {
        let opened = self.talk.as_ref().and_then(|talk| talk.opened);
        let own = self.key.uid(opened.unwrap_or(self.first));
        let depth = self.talk.as_ref().map_or(0, |talk| talk.depth);
        key::uid_inside(own, depth)
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

    /// The flow is a stream inside another: the protocol that carries it.
    fn carried_by(&self) -> Option<&'static str> {
        self.talk.as_ref()?.within
    }

    /// The stream that the flow carries, or the conversations of datagrams.
    fn inner(&self) -> impl Iterator<Item = &Flow> {
        let talk = self.talk.as_ref();
        let inner = talk.and_then(|talk| talk.inner.as_deref()).into_iter();
        inner.flat_map(|inner| {
            let beside = inner.beside.iter().map(|one| &one.flow);
            beside.chain(std::iter::once(&inner.flow))
        })
    }

    pub(crate) fn decoder(&self) -> Option<&'static Decoder> {
        self.talk.as_ref()?.decoder
    }

    /// Another protocol announced it.
    pub(crate) fn is_announced(&self) -> bool {
        self.talk.as_ref().is_some_and(|talk| talk.parent.is_some())
    }

    pub(crate) fn tap(&self, which: usize) -> &Tap {
        let [low, high] = &self.taps;
        if which == 0 { low } else { high }
    }

    pub(crate) fn tap_mut(&mut self, which: usize) -> &mut Tap {
        let [low, high] = &mut self.taps;
        if which == 0 { low } else { high }
    }

    /// Bytes that waited when the worker counted them last.
    pub(crate) const fn held(&self) -> usize {
        self.held as usize
    }

    /// Counts the bytes that wait: how many there are, and how many there were.
    pub(crate) fn weigh(&mut self) -> (usize, usize) {
        self.unweighed = false;
        let (now, before) = (self.waiting(), self.held());
        self.held = u32::try_from(now).unwrap_or(u32::MAX);
        (self.held(), before)
    }

    const fn has(&self, mark: u8) -> bool {
        self.marks & mark != 0
    }

    /// A packet of it did not arrive, as somebody on the way said.
    pub(crate) fn refuse(&mut self) {
        self.marks |= mark::UNREACHABLE;
    }

    /// That end breaks the connection off; the first to do so counts.
    pub(crate) fn reset(&mut self, sender: usize) {
        let by = if sender == 0 {
            mark::RESET_BY_LOW
        } else {
            mark::RESET_BY_HIGH
        };
        if !self.has(mark::RESET_BY_LOW) && !self.has(mark::RESET_BY_HIGH) {
            self.marks |= by;
        }
    }

    /// Bytes that wait for what comes before them, or for the rest of their message.
    fn waiting(&self) -> usize {
        let streams = self.sent.iter().map(|sent| sent.stream.waiting());
        let held = self.talk.iter().flat_map(|talk| &talk.held);
        let early = self.talk.iter().flat_map(|talk| &talk.early);
        let inside = self.inner().map(Flow::waiting).sum::<usize>();
        let own = streams.chain(held.map(Held::waiting));
        own.chain(early.map(Early::waiting)).sum::<usize>() + inside
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
    #[inline(always)] // For each packet; streams inside others ask once.
    pub(crate) fn see(
        &mut self,
        which: usize,
        link: Link,
        distance: (u8, u8),
        signature: u32,
        at: At,
    ) -> Sight {
        let (sight, changed) = self.legs.see(which, link, distance, signature, at);
        self.changed |= changed;
        sight
    }

    /// The handshake went by: a SYN, or the answer to one.
    pub(crate) fn shake(&mut self, sender: usize, answer: bool) {
        self.tell_client(if answer { 1 - sender } else { sender }, Told::Handshake);
        if answer {
            self.marks |= mark::SYN_ACK;
        } else {
            self.marks |= mark::SYN;
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
        let leg = self.legs.nearest(which);
        // Before an end has spoken, its MAC is the one that the other end sends to.
        let mac = leg
            .and_then(|leg| leg.src())
            .or_else(|| self.legs.farthest(1 - which)?.dst());
        End {
            address,
            port,
            mac: mac.filter(|mac| mac.is_device()),
            near: leg.is_some_and(|leg| leg.hops == 0),
            seen: self.dir(which).packets > 0,
            begun: self.dir(which).stream.initial().is_some(),
            hides: false,
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
        let client = self.legs.nearest(self.client());
        client
            .or_else(|| self.legs.farthest(1 - self.client()))?
            .vlan()
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
        self.key.transport == Transport::Tcp && self.marks & (mark::SYN | mark::SYN_ACK) == 0
    }

    fn note_frame(&mut self, frame: u32) {
        if let Some(place) = self.frames.get_mut(usize::from(self.frame_count)) {
            *place = frame;
            self.frame_count += 1;
        }
    }

    /// The frame that opened a stream inside another: its evidence as long as nothing is said in it.
    fn opened_in(&mut self, frame: u32) {
        if let Some(place) = self.frames.first_mut() {
            *place = frame;
        }
    }

    /// Counts a packet that is not a copy of one counted already.
    pub(crate) fn count(&mut self, which: usize, bytes: usize, at: At) {
        if at.now < self.first {
            let opened = self.first;
            self.talk().opened.get_or_insert(opened);
            self.first = at.now;
        }
        self.last = self.last.max(at.now);
        if at.capture == self.capture {
            self.note_frame(at.frame);
        }
        let sent = self.dir_mut(which);
        sent.packets += 1;
        sent.bytes += bytes as u64;
        self.changed |= self.dir(which).packets == 1;
    }

    /// One packet was counted so far.
    pub(crate) fn is_first_packet(&self) -> bool {
        self.dir(0).packets + self.dir(1).packets == 1
    }

    pub(crate) fn protocol(&self) -> Option<&'static str> {
        let told = self.talk.as_ref().and_then(|talk| talk.name());
        told.or_else(|| self.key.transport.named())
    }
}
