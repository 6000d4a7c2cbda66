//! Flows that another protocol announced, until what they say was held against the protocol of their port.
//!
//! An announcement is the word of whoever sent it. A line of FTP that names a port from which a controller is then spoken
//! to must not take that conversation away from those who read it.
use super::recognition::{Found, MOST_HEAD, MOST_TRIES, open, probe_at};
use super::{Engine, MOST_FRAMES};
use crate::cx::At;
use crate::decoder::{Decoder, Head, Sender};
use crate::flow::{Flow, Talk, Transport};

impl Engine<'_> {
    /// The first bytes of an end in a flow that was announced. Whoever announces may lie: what the protocol of the port
    /// knows for its own goes to that, and is covered by nobody's announcement.
    pub(super) fn doubt(
        &mut self,
        flow: &mut Flow,
        talk: &mut Talk,
        which: usize,
        bytes: &[u8],
        at: At,
    ) {
        let (from, to) = (flow.key.end(which).1, flow.key.end(1 - which).1);
        let first = flow.dir(which).stream.initial().is_some();
        let held = talk.held(which);
        let mut known = std::mem::take(&mut held.bytes);
        known.extend_from_slice(bytes);
        held.frames.push(at.frame);
        held.frames.truncate(MOST_FRAMES);
        let head = Head {
            bytes: &known,
            udp: false,
            from,
            to,
            first,
            open: known.len() < MOST_HEAD,
        };
        flow.unweighed = true;
        match probe_at(&head, true) {
            Found::Maybe => {
                held.bytes = known;
                return;
            }
            Found::Is(decoder, sender) => self.instead(flow, talk, decoder, sender, which, at),
            Found::No => {}
        }
        let held = talk.held(which);
        held.doubt = false;
        let frames = std::mem::take(&mut held.frames);
        let frame = frames.first().copied().unwrap_or(at.frame);
        self.feed_kept(flow, talk, which, &known, At { frame, ..at });
    }

    /// Like [`Engine::doubt`], for datagrams: as many of them as one that nobody announced would be probed.
    pub(super) fn doubt_datagram(&mut self, flow: &mut Flow, which: usize, bytes: &[u8], at: At) {
        let (from, to) = (flow.key.end(which).1, flow.key.end(1 - which).1);
        let doubts = |talk: &mut Box<Talk>| talk.held(which).doubt;
        if !flow.talk.as_mut().is_some_and(doubts) {
            return;
        }
        let Some(mut talk) = flow.talk.take() else {
            return;
        };
        let tap = flow.tap_mut(which);
        tap.tries += 1;
        talk.held(which).doubt = tap.tries < MOST_TRIES;
        let head = Head {
            bytes,
            udp: true,
            from,
            to,
            first: !tap.started,
            open: false,
        };
        tap.started = true;
        if let Found::Is(decoder, sender) = probe_at(&head, true) {
            self.instead(flow, &mut talk, decoder, sender, which, at);
        }
        flow.talk = Some(talk);
    }

    /// A datagram that means nothing to who reads the flow, and that a decoder whose port it is knows for its own: that reads on.
    pub(super) fn port_knows(
        &mut self,
        flow: &mut Flow,
        talk: &mut Talk,
        which: usize,
        bytes: &[u8],
        at: At,
    ) -> bool {
        let head = Head {
            bytes,
            udp: true,
            from: flow.key.end(which).1,
            to: flow.key.end(1 - which).1,
            first: false,
            open: false,
        };
        let read_by = talk.decoder.map(|decoder| decoder.name);
        if flow.key.transport != Transport::Udp {
            return false;
        }
        match probe_at(&head, true) {
            Found::Is(decoder, sender) => {
                self.instead(flow, talk, decoder, sender, which, at);
                read_by != Some(decoder.name)
            }
            _ => false,
        }
    }

    /// Opens `decoder`'s dialogue in place of the one that was announced, unless that is its own.
    fn instead(
        &mut self,
        flow: &mut Flow,
        talk: &mut Talk,
        decoder: &'static Decoder,
        sender: Sender,
        which: usize,
        at: At,
    ) {
        if talk.decoder.is_some_and(|known| known.name == decoder.name) {
            return;
        }
        if let Some(mut announced) = talk.dialogue.take() {
            self.too_late(flow, talk, announced.as_mut(), None);
            self.with(flow, talk, at, &[], |cx| announced.close(cx));
        }
        for end in [0, 1] {
            talk.held(end).doubt = false;
        }
        open(flow, talk, decoder, sender, which);
    }

    /// No more comes that could raise a doubt: the announced dialogue gets what was kept from it.
    pub(super) fn trust(&mut self, flow: &mut Flow, which: usize, at: At) {
        let Some(mut talk) = flow.talk.take() else {
            return;
        };
        let held = talk.held(which);
        if std::mem::take(&mut held.doubt) && !held.bytes.is_empty() {
            let known = std::mem::take(&mut held.bytes);
            let frames = std::mem::take(&mut held.frames);
            let frame = frames.first().copied().unwrap_or(at.frame);
            self.feed_kept(flow, &mut talk, which, &known, At { frame, ..at });
        }
        flow.talk = Some(talk);
    }
}
