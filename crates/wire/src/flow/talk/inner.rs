//! A stream inside another: what a proxy or a tunnel passes on, once its ends agreed on where to, or what frames hold.
//!
//! It is a flow by itself, with the same recognition, the same care for gaps and the same facts, between who asked for it
//! and where it goes; only its bytes come from the dialogue of another and not from packets. Where the destination is
//! known by name alone, it has the address of the one who passes it on beside the port that was asked for, and nothing is said
//! of that address. It counts as carried by the other, so that no sum takes its bytes twice and nobody takes it for frames of
//! the zone to which it goes.
//!
//! Frames are read by the dialogue that agreed on them. Who answers in them may be whoever was spoken to or somebody behind: so
//! nothing is said of that address either, and a stream of which nothing is understood is no conversation.
use std::net::IpAddr;

use super::{Engine, Flow, Talk};
use crate::cx::{At, Handover, Passed, Way};
use crate::decoder::{Dialogue, Side};
use crate::flow::{Key, Link, Told, Transport, number_of_ip};
use crate::net::link::{Ends, Tags};

/// Streams inside each other that are read.
const MOST_DEEP: u8 = 2;
/// Conversations of datagrams beside each other in one flow: of more, the oldest are over.
const MOST_BESIDE: usize = 8;
/// Any time to live: the stream has none.
const TTL: u8 = 64;

/// The stream that a flow carries.
pub(crate) struct Inner {
    pub(crate) flow: Flow,
    /// Its ends stand in the other order than those of the flow that carries it.
    turned: bool,
    /// Its bytes come out of frames, by the dialogue of the flow that carries it.
    pub(super) framed: bool,
    /// What the message just read holds of it.
    passed: Option<Passed>,
    /// Those with other destinations, where one flow carries datagrams to several.
    pub(crate) beside: Vec<Inner>,
}

impl Inner {
    /// The end of the stream that is this end of the flow.
    const fn end(&self, which: usize) -> usize {
        if self.turned { 1 - which } else { which }
    }

    /// Both go to the same place.
    fn leads_like(&self, other: &Inner) -> bool {
        let name = |flow: &Flow| {
            flow.talk
                .as_ref()
                .and_then(|talk| talk.learned.asked_for.clone())
        };
        self.flow.key == other.flow.key && name(&self.flow) == name(&other.flow)
    }

    /// Keeps what a message holds of the stream until the message is through.
    pub(super) fn put(&mut self, passed: Passed) {
        self.passed = Some(passed);
    }
}

/// The address that stands where a name could; some end it with a dot as they do names.
fn literal(host: &str) -> Option<IpAddr> {
    let ip: IpAddr = host.trim_end_matches('.').parse().ok()?;
    Some(ip.to_canonical())
}

impl Engine<'_> {
    /// The dialogue handed over: what follows is another stream.
    pub(super) fn enter(&mut self, flow: &mut Flow, talk: &mut Talk, to: &Handover, at: At) {
        if talk.depth >= MOST_DEEP {
            *self
                .picture
                .left_out
                .entry("streams inside streams")
                .or_default() += 1;
            for which in [0, 1] {
                flow.tap_mut(which).done = true;
            }
            return;
        }
        let asker = match to.asker {
            Side::Client => flow.client(),
            Side::Server => 1 - flow.client(),
        };
        let view = flow.view();
        let (near, (between, own_port)) = (*view.end(to.asker), flow.key.end(1 - asker));
        let (Some(client), Some(between)) = (near.address.ip(), between.ip()) else {
            return;
        };
        let carrier = talk.name();
        let by = carrier.unwrap_or("a proxy");
        let mut at_port = None;
        let ((server, hidden), port, way) = match &to.way {
            Way::Passed { host, port } => {
                let server = match literal(host) {
                    // Its own address as it is known here.
                    Some(ip) if ip.is_loopback() => (between, false),
                    Some(ip) if !ip.is_unspecified() => (ip, false),
                    _ => (between, true),
                };
                (
                    server,
                    *port,
                    format!("through {by} at {between} to {host}:{port}"),
                )
            }
            Way::Came { from, port, to } => {
                at_port = Some(*to);
                let way = format!("through {by} at {between} from {from}:{port}");
                ((from.to_canonical(), false), *port, way)
            }
            Way::Framed { told, .. } => {
                let way = match talk.learned.through.as_deref() {
                    Some(outer) => format!("{outer}; {told}"),
                    None => told.clone(),
                };
                ((between, true), own_port, way)
            }
        };
        let number = |(ip, port)| (number_of_ip(ip), port);
        let (own, other) = (
            number((client, at_port.unwrap_or(near.port))),
            number((server, port)),
        );
        let (client, server) = match at_port {
            None => (own, other),
            Some(_) => (other, own),
        };
        let (key, client) = Key::new(client, server, flow.key.transport);
        let key = key.in_realm(flow.key.realm);
        let own = at_port.map_or(client, |_| 1 - client);
        let mut inner = Flow::new(key, client, at.now, at.capture);
        inner.opened_in(at.frame);
        for which in [client, 1 - client] {
            if key.transport == Transport::Udp {
                inner.tell_client(client, Told::Role);
            } else {
                inner.shake(which, which != client);
                inner.dir_mut(which).stream.begin(0);
            }
            let (src, dst) = if which == own {
                (near.mac, None)
            } else {
                (None, near.mac)
            };
            let tags = Tags {
                vlan: view.vlan,
                ..Tags::default()
            };
            let hops = u8::from(which != own || !near.near);
            let link = Link::new(&Ends { src, dst, tags }, which);
            inner.see(which, link, (TTL, hops), 0, at);
        }
        let turned = own != asker;
        let own = inner.talk();
        (own.within, own.depth, own.hidden) = (carrier, talk.depth + 1, hidden);
        own.learned.detail = Some(way.clone());
        own.learned.through = Some(way.into_boxed_str());
        let framed = match &to.way {
            Way::Passed { host, .. } => {
                // Named by an address, it is the proxy's own.
                let named = hidden && literal(host).is_none();
                own.learned.asked_for =
                    named.then(|| host.trim_end_matches('.').to_ascii_lowercase().into());
                false
            }
            Way::Came { .. } => false,
            Way::Framed { agreed, .. } => {
                own.framed = true;
                own.named = agreed.map(|decoder| decoder.name);
                own.learned.session = agreed.is_some_and(|decoder| decoder.remote);
                true
            }
        };
        talk.inner = Some(Box::new(Inner {
            flow: inner,
            turned,
            framed,
            passed: None,
            beside: Vec::new(),
        }));
    }

    /// The next datagram belongs to a conversation with that destination, beside those with others.
    pub(super) fn enter_beside(&mut self, flow: &mut Flow, talk: &mut Talk, to: &Handover, at: At) {
        let Some(mut before) = talk.inner.take() else {
            return self.enter(flow, talk, to, at);
        };
        self.enter(flow, talk, to, at);
        let Some(next) = &mut talk.inner else {
            talk.inner = Some(before);
            return;
        };
        if before.leads_like(next) {
            talk.inner = Some(before);
            return;
        }
        let mut beside = std::mem::take(&mut before.beside);
        if let Some(place) = beside.iter().position(|one| one.leads_like(next)) {
            **next = beside.remove(place);
        }
        beside.push(*before);
        if beside.len() > MOST_BESIDE {
            let mut oldest = beside.remove(0);
            self.close(&mut oldest.flow);
            oldest.flow.tell(self.picture);
        }
        next.beside = beside;
    }

    /// Frames of the other end that were captured before it was agreed on them.
    pub(super) fn early_frames(
        &mut self,
        flow: &mut Flow,
        talk: &mut Talk,
        dialogue: &mut dyn Dialogue,
        which: usize,
        at: At,
    ) {
        let held = talk.held(which);
        let early = std::mem::take(&mut held.bytes);
        let frames = std::mem::take(&mut held.frames);
        let frame = frames.first().copied().unwrap_or(at.frame);
        self.feed(flow, talk, dialogue, which, &early, At { frame, ..at });
    }

    /// The conversations beside the one that a flow carries are over with it.
    pub(super) fn close_beside(&mut self, flow: &mut Flow) {
        let inner = flow.talk.as_mut().and_then(|talk| talk.inner.as_mut());
        for one in inner.into_iter().flat_map(|inner| &mut inner.beside) {
            self.close(&mut one.flow);
        }
    }

    /// What a message, which stands at the beginning of `bytes`, held of the stream in its frames.
    pub(super) fn carry(
        &mut self,
        flow: &mut Flow,
        talk: &mut Talk,
        which: usize,
        bytes: &[u8],
        at: At,
    ) {
        let Some(inner) = &mut talk.inner else { return };
        let Some(passed) = inner.passed.take() else {
            return;
        };
        let end = inner.end(which);
        let inner = &mut inner.flow;
        match passed {
            Passed::Bytes { from, to, mask } => {
                let content = bytes.get(from..to).unwrap_or(&[]);
                inner.count(end, content.len(), at);
                match mask.filter(|mask| *mask != [0; 4]) {
                    // What its end lacks, the capture or the sender cut off.
                    None if inner.key.transport == Transport::Udp => {
                        self.datagram(inner, end, content, true, at);
                    }
                    _ if content.is_empty() || inner.tap(end).is_done() => {}
                    None => self.stream(inner, end, content, at),
                    Some(mask) => {
                        let turns = mask.iter().cycle();
                        let plain: Vec<u8> =
                            content.iter().zip(turns).map(|(a, b)| a ^ b).collect();
                        self.stream(inner, end, &plain, at);
                    }
                }
            }
            Passed::Lost(lost) => {
                inner.dir_mut(end).stream.lose(lost);
                self.gap(inner, end, lost, at);
            }
            Passed::Unread(bytes) => {
                inner.count(end, usize::try_from(bytes).unwrap_or(usize::MAX), at);
                self.gap(inner, end, bytes, at);
            }
        }
        flow.unweighed = true;
    }

    /// Like [`Engine::carry`], after what was no message.
    pub(super) fn carry_on(&mut self, flow: &mut Flow, which: usize, at: At) {
        if let Some(mut talk) = flow.talk.take() {
            self.carry(flow, &mut talk, which, &[], at);
            flow.talk = Some(talk);
        }
    }

    /// What was there already when the dialogue handed over: `rest` of the one end, and before it what the other end sent
    /// without waiting.
    pub(super) fn enter_with(
        &mut self,
        flow: &mut Flow,
        talk: &mut Talk,
        which: usize,
        rest: &[u8],
        at: At,
    ) {
        let other = talk.held(1 - which);
        let early = std::mem::take(&mut other.bytes);
        let frames = std::mem::take(&mut other.frames);
        let frame = frames.first().copied().unwrap_or(at.frame);
        self.inside(flow, talk, 1 - which, &early, At { frame, ..at });
        self.inside(flow, talk, which, rest, at);
    }

    /// Bytes of the stream that the flow carries.
    pub(super) fn inside(
        &mut self,
        flow: &mut Flow,
        talk: &mut Talk,
        which: usize,
        bytes: &[u8],
        at: At,
    ) {
        if let Some(inner) = &mut talk.inner
            && !bytes.is_empty()
        {
            let end = inner.end(which);
            inner.flow.count(end, bytes.len(), at);
            self.stream(&mut inner.flow, end, bytes, at);
        }
        flow.unweighed = true;
    }

    /// Passes on to the stream that the flow carries what is no bytes; `false` where it carries none, or in frames, whose
    /// dialogue is to be told as well.
    pub(super) fn tell_inner(
        &mut self,
        flow: &mut Flow,
        which: usize,
        act: impl FnOnce(&mut Self, &mut Flow, usize),
    ) -> bool {
        let Some(talk) = &mut flow.talk else {
            return false;
        };
        let Some(inner) = &mut talk.inner else {
            return false;
        };
        let (end, framed) = (inner.end(which), inner.framed);
        act(self, &mut inner.flow, end);
        flow.unweighed = true;
        !framed
    }

    /// The flow carries a stream as it is, and its own dialogue has nothing more to read.
    pub(super) fn is_through(flow: &Flow) -> bool {
        let inner = flow.talk.as_ref().and_then(|talk| talk.inner.as_ref());
        inner.is_some_and(|inner| !inner.framed)
    }
}

#[cfg(test)]
mod tests {
    use facts::{Facts, Time};

    use crate::cx::{At, Expectations};
    use crate::flow::{Engine, Flow, Key, Transport, number_of_ip};
    use crate::picture::Picture;
    use crate::testing::hex;

    /// A connection to a proxy at its port 1080 by which `host` is reached, then bytes of either end in turn, or a number of
    /// bytes that the server sent and nobody captured, all at one moment.
    fn through_a_proxy(host: &str, inside: &[Result<&[u8], u64>]) -> Facts {
        let ip = |text: &str| number_of_ip(text.parse().unwrap());
        let ends = ((ip("10.0.0.1"), 50_000), (ip("10.0.0.2"), 1080));
        let (key, client) = Key::new(ends.0, ends.1, Transport::Tcp);
        let mut flow = Flow::new(key, client, Time::from_secs(1), 0);
        flow.shake(client, false);
        let (mut picture, mut expected) = (Picture::default(), Expectations::new());
        let opening = [
            hex("05 01 00"),
            hex("05 00"),
            hex(&format!("05 01 00 {host}")),
            hex("05 00 00 01 00000000 0000"),
        ];
        let opening = opening.iter().map(|bytes| Ok(bytes.as_slice()));
        for (number, sent) in opening.chain(inside.iter().copied()).enumerate() {
            let frame = u32::try_from(number + 1).unwrap();
            let at = At {
                now: Time::from_secs(1),
                capture: 0,
                frame,
            };
            let mut engine = Engine {
                picture: &mut picture,
                expected: &mut expected,
            };
            let which = if number % 2 == 0 { client } else { 1 - client };
            match sent {
                Ok(bytes) => {
                    flow.dir_mut(which).stream.begin(0);
                    flow.count(which, bytes.len(), at);
                    engine.stream(&mut flow, which, bytes, at);
                }
                Err(lost) => engine.gap(&mut flow, which, lost, at),
            }
        }
        let mut engine = Engine {
            picture: &mut picture,
            expected: &mut expected,
        };
        engine.close(&mut flow);
        flow.tell(&mut picture);
        picture.into_facts(vec!["test.pcap".to_owned()])
    }

    const TALK: &[Result<&[u8], u64>] = &[Ok(b"SSH-2.0-OpenSSH_9.6\r\n"), Ok(b"SSH-2.0-d\r\n")];

    #[test]
    fn what_goes_to_a_name_is_another_conversation_than_what_carries_it() {
        // plc.lan at port 22, and at the port that the proxy has itself.
        for (port, same_ends) in [("0016", false), ("0438", true)] {
            let facts = through_a_proxy(&format!("03 07 706c632e6c616e {port}"), TALK);
            let [outer, inner] = facts.conversations.as_slice() else {
                panic!("{:?}", facts.conversations);
            };
            assert_eq!(outer.carried_by, None);
            assert_eq!(inner.carried_by.as_deref(), Some("socks"));
            assert_eq!(inner.server, outer.server);
            assert_ne!(inner.uid, outer.uid);
            assert_eq!(inner.community_id == outer.community_id, same_ends);
            assert_eq!(facts.remote_sessions[0].uid, inner.uid);
        }
    }

    #[test]
    fn an_address_that_a_proxy_reached_is_told_whatever_was_said_there_and_a_name_only_if_it_is_understood()
     {
        let facts = through_a_proxy("01 0a090005 1f40", &[]);
        let inner = &facts.conversations[1];
        assert_eq!(inner.server.to_string(), "10.9.0.5");
        assert_eq!(
            (inner.server_port, inner.protocol.as_ref()),
            (Some(8000), None)
        );
        assert_eq!((inner.state.as_str(), inner.packets_in), ("answered", 0));
        assert_eq!(inner.evidence.frames.as_slice(), [4]);
        // Whoever writes the address where a name goes, and ends it as one, means the address.
        let facts = through_a_proxy("03 09 31302e392e302e352e 1f40", &[]);
        assert_eq!(facts.conversations[1].server.to_string(), "10.9.0.5");
        let facts = through_a_proxy("03 07 706c632e6c616e 1f40", &[Ok(b"\x01\x02\x03")]);
        assert_eq!(facts.conversations.len(), 1);
    }

    #[test]
    fn files_and_passwords_behind_a_proxy_say_which_name_was_asked_for() {
        let asks = b"GET /fw.bin HTTP/1.1\r\nHost: a\r\nAuthorization: Basic dTpw\r\n\r\n";
        let gets = b"HTTP/1.1 200 OK\r\nContent-Type: application/zip\r\nContent-Length: 4\r\n\r\nPK\x03\x04";
        let told = |host: &str| {
            let facts = through_a_proxy(host, &[Ok(asks), Ok(gets)]);
            (
                facts.credentials[0].asked_for.clone(),
                facts.carried_files[0].asked_for.clone(),
            )
        };
        let name = Some("plc.lan".to_owned());
        assert_eq!(told("03 07 706c632e6c616e 0050"), (name.clone(), name));
        assert_eq!(told("01 0a090005 0050"), (None, None));
    }

    #[test]
    fn bytes_lost_on_the_way_to_a_proxy_are_lost_of_what_it_passes_on() {
        let facts = through_a_proxy("01 0a090005 0016", &[TALK[0], TALK[1], TALK[0], Err(700)]);
        let inner = &facts.conversations[1];
        assert_eq!((inner.lost_bytes, inner.gaps), (700, 1));
    }
}
