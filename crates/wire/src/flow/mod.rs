//! A flow: two ends, what each sent, and the dialogue they hold.
pub(crate) mod key;
mod legs;
mod stream;
mod talk;

pub(crate) use key::{Key, Transport, number_of_ip, number_of_mac};
pub(crate) use legs::{Forwarded, Sight};
pub(crate) use stream::{Arrived, Deliver, Stream};
pub(crate) use talk::{Engine, Held, Tap, is_stale, open_expected, open_layer2};

use facts::kinds::{Conversation, RemoteSession};
use facts::{Address, Evidence, Mac, Time, Uid};

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
    pub frames: [u32; MOST_FRAMES],
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

    pub(crate) fn talk(&mut self) -> &mut Talk {
        self.talk.get_or_insert_default()
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

    pub(crate) fn evidence(&self) -> Evidence {
        let frames = self
            .frames
            .iter()
            .take(usize::from(self.frame_count))
            .copied()
            .collect();
        Evidence {
            capture: Some(self.capture),
            frames,
        }
    }

    pub(crate) fn protocol(&self) -> Option<&'static str> {
        let decoder = self.decoder.map(|decoder| decoder.name);
        let learned = self.talk.as_ref().and_then(|talk| talk.learned.name);
        learned.or(decoder).or(self.named)
    }

    /// `true`: the acknowledgements of one end show bytes of the other, of which nothing was captured.
    fn one_sided(&self) -> bool {
        if self.key.transport != Transport::Tcp {
            return false;
        }
        let silent = |which: usize| {
            let (own, other) = (self.dir(which), self.dir(1 - which));
            own.packets == 0 && other.packets > 0 && other.stream.acknowledges
        };
        silent(0) || silent(1)
    }

    fn state(&self) -> &'static str {
        let (client, server) = (self.dir(self.client()), self.dir(1 - self.client()));
        let (target, _) = self.key.end(1 - self.client());
        let only_reset =
            self.reset_by == Some(1 - self.client) && !self.syn_ack && server.bytes == 0;
        if self.unreachable && server.packets == 0 || only_reset {
            "refused"
        } else if self.one_sided() {
            "one-sided"
        } else if server.packets > 0 && client.packets > 0 {
            "answered"
        } else if target.is_group()
            || client.legs.to_all()
            || !self.key.transport.has_ports() && !self.asks()
        {
            "one-way"
        } else if self.key.transport == Transport::Udp
            && client.packets > 3
            && self.parent().is_some()
        {
            // A stream that another protocol announced needs no answer.
            "one-way"
        } else {
            "unanswered"
        }
    }

    fn parent(&self) -> Option<&'static str> {
        self.talk.as_ref()?.parent
    }

    /// A flow without ports whose first message asks for an answer: echo request and its like.
    fn asks(&self) -> bool {
        match self.key.transport {
            Transport::Icmp => matches!(self.icmp.0, 8 | 10 | 13 | 15 | 17),
            Transport::Icmp6 => matches!(self.icmp.0, 128 | 139),
            Transport::EtherType(0x0806) => true,
            _ => false,
        }
    }

    fn community_id(&self, client: Address, server: Address) -> Option<String> {
        let protocol = self.key.transport.ip_protocol()?;
        let (client_ip, server_ip) = (client.ip()?, server.ip()?);
        let (from, to) = match self.key.transport {
            Transport::Icmp | Transport::Icmp6 => (u16::from(self.icmp.0), u16::from(self.icmp.1)),
            _ => (
                self.key.end(self.client()).1,
                self.key.end(1 - self.client()).1,
            ),
        };
        Some(crate::community_id(
            client_ip, server_ip, protocol, from, to,
        ))
    }

    /// The protocol whose port the server has, unless there was content that would have told.
    fn assumed(&self, server_port: u16, ports: bool) -> Option<String> {
        let lost = self.dir(0).stream.lost + self.dir(1).stream.lost > 0;
        let silent = self.dir(0).bytes + self.dir(1).bytes == 0;
        let unseen = silent || lost || self.midstream() || self.one_sided();
        if self.protocol().is_some() || !ports || !unseen {
            return None;
        }
        let decoder = crate::protocols::at_port(self.key.transport == Transport::Udp, server_port)?;
        Some(decoder.name.to_owned())
    }

    /// The flow as a fact.
    pub(crate) fn conversation(&self) -> Conversation {
        let view = self.view();
        let talk = self.talk.as_deref();
        let (out, back) = (self.dir(self.client()), self.dir(1 - self.client()));
        let mut vlans: Vec<u16> = out
            .legs
            .iter()
            .chain(back.legs.iter())
            .filter_map(legs::Leg::vlan)
            .collect();
        vlans.sort_unstable();
        vlans.dedup();
        let ports = self.key.transport.has_ports();
        Conversation {
            time: self.first,
            last: self.last,
            uid: self.uid,
            community_id: self.community_id(view.client.address, view.server.address),
            transport: self.key.transport.name(),
            client: view.client.address,
            client_port: ports.then_some(view.client.port),
            client_mac: view.client.mac,
            server: view.server.address,
            server_port: ports.then_some(view.server.port),
            server_mac: view.server.mac,
            vlan: view.vlan,
            vlans,
            forwarders: talk
                .iter()
                .flat_map(|talk| &talk.forwarders)
                .map(Mac::to_string)
                .collect(),
            protocol: self.protocol().map(str::to_owned),
            assumed: self.assumed(view.server.port, ports),
            variant: talk.and_then(|talk| talk.learned.variant.as_ref().map(ToString::to_string)),
            direction: match self.told {
                Told::Handshake => "handshake",
                Told::Role => "role",
                Told::Port => "port",
                Told::First => "first",
            }
            .to_owned(),
            state: self.state().to_owned(),
            midstream: self.midstream(),
            packets_out: out.packets,
            packets_in: back.packets,
            bytes_out: out.bytes,
            bytes_in: back.bytes,
            lost_bytes: out.stream.lost.saturating_add(back.stream.lost),
            gaps: u64::from(out.stream.gaps) + u64::from(back.stream.gaps),
            parent: self.parent().map(str::to_owned),
            evidence: self.evidence(),
            ..Conversation::default()
        }
    }

    /// The remote session that the flow is, if its protocol is one.
    pub(crate) fn remote_session(&self) -> Option<RemoteSession> {
        let learned = self.talk.as_ref().map(|talk| &talk.learned);
        let told = learned.is_some_and(|learned| learned.session);
        if !self.decoder.is_some_and(|decoder| decoder.remote) && !told {
            return None;
        }
        let view = self.view();
        Some(RemoteSession {
            time: self.first,
            last: self.last,
            uid: self.uid,
            protocol: self.protocol()?.to_owned(),
            client: view.client.address,
            client_mac: view.client.mac,
            server: view.server.address,
            server_port: self.key.transport.has_ports().then_some(view.server.port),
            vlan: view.vlan,
            user: learned.and_then(|learned| learned.user.clone()),
            detail: learned.and_then(|learned| learned.detail.clone()),
            bytes: self.dir(0).bytes + self.dir(1).bytes,
            community_id: self.community_id(view.client.address, view.server.address),
            evidence: self.evidence(),
            ..RemoteSession::default()
        })
    }
}
