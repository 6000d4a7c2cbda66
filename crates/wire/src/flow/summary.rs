//! What a flow tells of itself: kept small while the picture grows, and spelled out as facts at the end.
//!
//! A flow under way takes 384 bytes and its place in the table, one that is over 208 (a test holds both), and beside that
//! what is peculiar to it: a dialogue and what it waits for, further VLANs and legs, forwarders, what was lost.
use std::borrow::Cow;

use facts::kinds::{Conversation, RemoteSession};
use facts::{Evidence, Mac, Short, Term, Time, Uid, Words};

use super::{Flow, Key, MOST_FRAMES, Told, Transport, mark};
use crate::cx::Answer;
use crate::decoder::Decoder;
use crate::picture::{Moment, Picture};
use crate::protocols;

/// A conversation as it was when it was told.
pub(crate) struct Summary {
    key: Key,
    first: Time,
    last: Time,
    packets: [u64; 2],
    bytes: [u64; 2],
    /// Of the protocol, if the port alone tells it that is only assumed.
    name: Option<&'static str>,
    assumed: bool,
    state: State,
    ended: Option<Ended>,
    variant: Option<Cow<'static, str>>,
    peculiar: Option<Box<Peculiar>>,
    capture: u32,
    frames: [u32; MOST_FRAMES],
    frame_count: u8,
    client: u8,
    told: Told,
    midstream: bool,
    icmp: (u8, u8),
    vlan: Option<u16>,
    /// Of the client, and of the server.
    macs: [Option<Mac>; 2],
}

/// What most conversations do not have.
#[derive(Default, PartialEq)]
struct Peculiar {
    /// Where that does not follow from the time of the first packet.
    uid: Option<Uid>,
    lost: u64,
    gaps: u32,
    parent: Option<&'static str>,
    carried_by: Option<&'static str>,
    asked_for: Option<Box<str>>,
    /// All VLANs, where they are not just the one of the conversation.
    vlans: Option<Vec<u16>>,
    forwarders: Vec<Mac>,
}

/// What became of a conversation.
#[derive(Clone, Copy)]
enum State {
    Answered,
    Unanswered,
    Refused,
    OneSided,
    OneWay,
}

impl State {
    const fn name(self) -> &'static str {
        match self {
            State::Answered => "answered",
            State::Unanswered => "unanswered",
            State::Refused => "refused",
            State::OneSided => "one-sided",
            State::OneWay => "one-way",
        }
    }
}

/// How a connection ended.
#[derive(Clone, Copy)]
enum Ended {
    Closed,
    ClientClosed,
    ServerClosed,
    ClientReset,
    ServerReset,
}

impl Ended {
    const fn name(self) -> &'static str {
        match self {
            Ended::Closed => "closed",
            Ended::ClientClosed => "client-closed",
            Ended::ServerClosed => "server-closed",
            Ended::ClientReset => "client-reset",
            Ended::ServerReset => "server-reset",
        }
    }
}

fn evidence(capture: u32, frames: &[u32], count: u8) -> Evidence {
    let frames = frames.iter().take(usize::from(count)).copied().collect();
    Evidence {
        capture: Some(capture),
        frames,
    }
}

impl Key {
    /// The Community ID with that end as client; ICMP type and code stand for ports.
    fn community_id(&self, client: usize, icmp: (u8, u8)) -> Option<String> {
        let protocol = self.transport.ip_protocol()?;
        let ((from, from_port), (to, to_port)) = (self.end(client), self.end(1 - client));
        let (from_port, to_port) = match self.transport {
            Transport::Icmp | Transport::Icmp6 => (u16::from(icmp.0), u16::from(icmp.1)),
            _ => (from_port, to_port),
        };
        let (from, to) = (from.ip()?, to.ip()?);
        Some(crate::community_id(from, to, protocol, from_port, to_port))
    }
}

impl Summary {
    /// Something was said, not only asked for.
    pub(crate) fn said(&self) -> bool {
        self.bytes.iter().any(|bytes| *bytes > 0)
    }

    /// When it began, and what shows that.
    pub(crate) fn moment(&self) -> Moment {
        (
            self.first,
            Some(self.capture),
            self.shown().first().copied(),
        )
    }

    /// The frames that show it.
    fn shown(&self) -> &[u32] {
        let count = usize::from(self.frame_count);
        self.frames.get(..count).unwrap_or(&self.frames)
    }

    /// The row of facts.
    pub(crate) fn spell_out(self, words: &mut Words) -> Conversation {
        let frames = self.shown().into();
        let client = usize::from(self.client);
        let [(from, from_port), (to, to_port)] = [self.key.end(client), self.key.end(1 - client)];
        let ports = self.key.transport.counts_by_port();
        let ([packets_out, packets_in], [bytes_out, bytes_in]) = (self.packets, self.bytes);
        let [client_mac, server_mac] = self.macs;
        let peculiar = self.peculiar.map(|peculiar| *peculiar).unwrap_or_default();
        let vlans = match &peculiar.vlans {
            Some(vlans) => vlans.as_slice().into(),
            None => self.vlan.into_iter().collect(),
        };
        let name = self.name.map(|name| words.word(name));
        let (protocol, assumed) = if self.assumed {
            (None, name)
        } else {
            (name, None)
        };
        Conversation {
            time: self.first,
            last: self.last,
            uid: peculiar.uid.unwrap_or_else(|| self.key.uid(self.first)),
            community_id: self.key.community_id(client, self.icmp).map(Short::from),
            transport: words.word(&self.key.transport.name()),
            client: from,
            client_port: ports.then_some(from_port),
            client_mac,
            server: to,
            server_port: ports.then_some(to_port),
            server_mac,
            vlan: self.vlan,
            vlans,
            forwarders: peculiar.forwarders.as_slice().into(),
            protocol,
            assumed,
            variant: self.variant.map(|variant| words.word(&variant)),
            direction: Term::from(match self.told {
                Told::Handshake => "handshake",
                Told::Role => "role",
                Told::Port => "port",
                Told::First => "first",
            }),
            state: Term::from(self.state.name()),
            ended: self.ended.map(|ended| Term::from(ended.name())),
            midstream: self.midstream,
            packets_out,
            packets_in,
            bytes_out,
            bytes_in,
            lost_bytes: peculiar.lost,
            gaps: peculiar.gaps,
            parent: peculiar.parent.map(|name| words.word(name)),
            carried_by: peculiar.carried_by.map(|name| words.word(name)),
            asked_for: peculiar.asked_for.map(|host| words.word(&host)),
            evidence: Evidence {
                capture: Some(self.capture),
                frames,
            },
            ..Conversation::default()
        }
    }
}

impl Flow {
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

    fn state(&self) -> State {
        let (client, server) = (self.dir(self.client()), self.dir(1 - self.client()));
        let (target, _) = self.key.end(1 - self.client());
        let by_server = if self.client == 0 {
            mark::RESET_BY_HIGH
        } else {
            mark::RESET_BY_LOW
        };
        let only_reset = self.has(by_server) && !self.has(mark::SYN_ACK) && server.bytes == 0;
        if self.has(mark::UNREACHABLE) && server.packets == 0 || only_reset {
            State::Refused
        } else if self.one_sided() {
            State::OneSided
        } else if server.packets > 0 && client.packets > 0
            || self.carried_by().is_some() && self.key.transport == Transport::Tcp
        {
            // Of a stream inside another whoever passes it on said that it was reached.
            State::Answered
        } else if target.is_group()
            || self.legs.to_all(self.client())
            || !(self.key.transport.has_ports() || self.asks() && client.packets > 0)
        {
            State::OneWay
        } else if self.key.transport == Transport::Udp {
            self.state_of_datagrams()
        } else {
            State::Unanswered
        }
    }

    /// Of datagrams that went one way.
    fn state_of_datagrams(&self) -> State {
        let answer = self.talk.as_ref().map(|talk| talk.learned.answer);
        let asker = self.dir(self.client());
        match answer {
            Some(Answer::Elsewhere) => State::Answered,
            Some(Answer::NotDue) => State::OneWay,
            // Answers alone, as to a question that went to everybody, ask for none.
            Some(_) if asker.packets == 0 && self.told == Told::Role => State::OneWay,
            // A stream that another protocol announced needs no answer.
            Some(_) if asker.packets > 3 && self.parent().is_some() => State::OneWay,
            _ => State::Unanswered,
        }
    }

    fn ended(&self) -> Option<Ended> {
        let ends = |which| self.dir(which).stream.ends();
        let (by_client, by_server) = if self.client == 0 {
            (mark::RESET_BY_LOW, mark::RESET_BY_HIGH)
        } else {
            (mark::RESET_BY_HIGH, mark::RESET_BY_LOW)
        };
        match (ends(self.client()), ends(1 - self.client())) {
            (true, true) => Some(Ended::Closed),
            _ if self.has(by_client) => Some(Ended::ClientReset),
            _ if self.has(by_server) => Some(Ended::ServerReset),
            (true, false) => Some(Ended::ClientClosed),
            (false, true) => Some(Ended::ServerClosed),
            (false, false) => None,
        }
    }

    /// The protocol that announced the flow, or that carries it. Whoever allows a proxy allows what proxies are for by
    /// that, but neither work on another host nor control, nor what is hidden in frames.
    fn parent(&self) -> Option<&'static str> {
        let talk = self.talk.as_ref()?;
        let ordinary = || {
            let assumed = || self.assumed(self.key.end(1 - self.client()).1, true);
            let spoken = self.decoder().or_else(assumed);
            !talk.framed && !talk.learned.session && spoken.is_some_and(protocols::is_proxied)
        };
        talk.parent.or(talk.within.filter(|_| ordinary()))
    }

    /// Tells of the flow as it is now, and of the stream that it carries, where that is recognised or an address is known that
    /// was reached.
    pub(crate) fn tell(&self, picture: &mut Picture) {
        picture.conversation(self.summary());
        if let Some(session) = self.remote_session() {
            picture.session(session);
        }
        let hidden = |inner: &&Flow| inner.talk.as_ref().is_some_and(|talk| talk.hidden);
        let inner = self.inner();
        for inner in inner.filter(|inner| inner.protocol().is_some() || !hidden(inner)) {
            inner.tell(picture);
        }
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

    /// The protocol whose port the server has, unless there was content that would have told.
    fn assumed(&self, server_port: u16, ports: bool) -> Option<&'static Decoder> {
        let lost = self.dir(0).stream.lost().0 + self.dir(1).stream.lost().0 > 0;
        let silent = self.dir(0).bytes + self.dir(1).bytes == 0;
        let unseen = silent || lost || self.midstream() || self.one_sided();
        if self.protocol().is_some() || !ports || !unseen {
            return None;
        }
        protocols::at_port(self.key.transport == Transport::Udp, server_port)
    }

    /// The flow as it is now.
    pub(crate) fn summary(&self) -> Summary {
        let view = self.view();
        let talk = self.talk.as_deref();
        let (out, back) = (self.dir(self.client()), self.dir(1 - self.client()));
        let legs = self.legs.iter(0).chain(self.legs.iter(1));
        let mut vlans: Vec<u16> = legs.filter_map(|leg| leg.vlan()).collect();
        vlans.sort_unstable();
        vlans.dedup();
        let plain = vlans == view.vlan.as_slice();
        let (lost, lost_back) = (out.stream.lost(), back.stream.lost());
        let uid = self.uid();
        let peculiar = Peculiar {
            uid: (uid != self.key.uid(self.first)).then_some(uid),
            lost: lost.0.saturating_add(lost_back.0),
            gaps: lost.1.saturating_add(lost_back.1),
            parent: self.parent(),
            carried_by: self.carried_by(),
            asked_for: talk.and_then(|talk| talk.learned.asked_for.clone()),
            vlans: (!plain).then_some(vlans),
            forwarders: talk.map(|talk| talk.forwarders.clone()).unwrap_or_default(),
        };
        let assumed = self.assumed(view.server.port, self.key.transport.has_ports());
        Summary {
            key: self.key,
            first: self.first,
            last: self.last,
            packets: [out.packets, back.packets],
            bytes: [out.bytes, back.bytes],
            name: self.protocol().or(assumed.map(|decoder| decoder.name)),
            assumed: assumed.is_some(),
            state: self.state(),
            ended: self.ended(),
            variant: talk.and_then(|talk| talk.learned.variant.clone()),
            peculiar: (peculiar != Peculiar::default()).then(|| Box::new(peculiar)),
            capture: self.capture,
            frames: self.frames,
            frame_count: self.frame_count.max(u8::from(self.carried_by().is_some())),
            client: self.client,
            told: self.told,
            midstream: self.midstream(),
            icmp: self.icmp,
            vlan: view.vlan,
            macs: [view.client.mac, view.server.mac],
        }
    }

    /// The remote session that the flow is, if its protocol is one.
    pub(crate) fn remote_session(&self) -> Option<RemoteSession> {
        let learned = self.talk.as_ref().map(|talk| &talk.learned);
        let told = learned.is_some_and(|learned| learned.session);
        if !self.decoder().is_some_and(|decoder| decoder.remote) && !told {
            return None;
        }
        let view = self.view();
        Some(RemoteSession {
            time: self.first,
            last: self.last,
            uid: self.uid(),
            protocol: self.protocol()?.to_owned(),
            client: view.client.address,
            client_mac: view.client.mac,
            server: view.server.address,
            server_port: self
                .key
                .transport
                .counts_by_port()
                .then_some(view.server.port),
            vlan: view.vlan,
            user: learned.and_then(|learned| learned.user.clone()),
            detail: learned.and_then(|learned| learned.detail.clone()),
            bytes: self.dir(0).bytes + self.dir(1).bytes,
            community_id: self.key.community_id(self.client(), self.icmp),
            evidence: evidence(self.capture, &self.frames, self.frame_count),
            ..RemoteSession::default()
        })
    }
}

#[test]
fn a_flow_without_content_and_one_that_is_over_stay_small() {
    assert!(size_of::<Flow>() <= 384, "{}", size_of::<Flow>());
    assert!(size_of::<Summary>() <= 208, "{}", size_of::<Summary>());
}
