//! A stream inside another: what a proxy or a tunnel passes on, once its ends agreed on where to.
//!
//! It is a flow by itself, with the same recognition, the same care for gaps and the same facts, between who asked for it
//! and where it goes; only its bytes come from the dialogue of another and not from packets. Where the destination is
//! known by name alone, it has the address of the one who passes it on, and nothing is said of that address.
use std::net::IpAddr;

use super::{Engine, Flow, Talk};
use crate::cx::{At, Handover};
use crate::decoder::Side;
use crate::flow::{Key, number_of_ip};
use crate::net::link::{Ends, Tags};

/// Streams inside each other that are read.
const MOST_DEEP: u8 = 2;
/// Any time to live: the stream has none.
const TTL: u8 = 64;

/// The stream that a flow carries.
pub(crate) struct Inner {
    pub(crate) flow: Flow,
    /// Its ends stand in the other order than those of the flow that carries it.
    turned: bool,
}

impl Inner {
    /// The end of the stream that is this end of the flow.
    const fn end(&self, which: usize) -> usize {
        if self.turned { 1 - which } else { which }
    }
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
        let (near, (between, port)) = (*view.end(to.asker), flow.key.end(1 - asker));
        let (Some(client), Some(between)) = (near.address.ip(), between.ip()) else {
            return;
        };
        let (server, hidden) = match to.host.parse::<IpAddr>() {
            // Its own address as it is known here.
            Ok(ip) if ip.is_loopback() => ((between, to.port), None),
            Ok(ip) if !ip.is_unspecified() => ((ip.to_canonical(), to.port), None),
            _ => ((between, port), Some(to.port)),
        };
        let number = |(ip, port)| (number_of_ip(ip), port);
        let (key, client) = Key::new(
            number((client, near.port)),
            number(server),
            flow.key.transport,
            flow.key.realm,
        );
        let mut inner = Flow::new(key, client, at.now, at.capture);
        for which in [client, 1 - client] {
            inner.shake(which, which != client);
            inner.dir_mut(which).stream.begin(0);
            let (src, dst) = if which == client {
                (near.mac, None)
            } else {
                (None, near.mac)
            };
            let tags = Tags {
                vlan: view.vlan,
                ..Tags::default()
            };
            let hops = u8::from(which != client || !near.near);
            inner.see(which, &Ends { src, dst, tags }, (TTL, hops), 0, at);
        }
        let carrier = talk.name();
        let way = format!(
            "through {} at {between} to {}:{}",
            carrier.unwrap_or("a proxy"),
            to.host,
            to.port
        );
        let own = inner.talk();
        (own.within, own.depth, own.hidden) = (carrier, talk.depth + 1, hidden);
        own.learned.detail = Some(way.clone());
        own.learned.through = Some(way.into_boxed_str());
        talk.inner = Some(Box::new(Inner {
            flow: inner,
            turned: client != asker,
        }));
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

    /// Passes on to the stream that the flow carries what is no bytes; `false` where it carries none.
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
        let end = inner.end(which);
        act(self, &mut inner.flow, end);
        flow.unweighed = true;
        true
    }
}
