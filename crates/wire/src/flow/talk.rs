//! Between a flow's bytes and its dialogue: recognition by content, messages in place or put together, gaps, resync.
mod doubt;
mod inner;

use facts::Time;

pub(crate) use self::inner::Inner;
use super::{Deliver, Flow, Talk, Told, Transport};
use crate::cx::{At, Cx, Expectations};
use crate::decoder::{Carrier, Decoder, Dialogue, Head, Probe, Sender, Step};
use crate::picture::Picture;
use crate::protocols;

/// Bytes of an unrecognised direction kept for the probes.
const MOST_HEAD: usize = 2048;
/// Places at which an unrecognised direction is probed before it stays unrecognised.
const MOST_TRIES: u8 = 8;
/// Longest message put together from segments. Longer ones are skipped by their decoders, or are malformed.
const MOST_MESSAGE: usize = 1 << 20;
/// Frames remembered for one message.
const MOST_FRAMES: usize = 16;
/// Malformed messages after which a datagram flow is left alone.
const MOST_BAD: u8 = 16;

/// How far one direction is known.
#[derive(Debug, Default)]
pub(crate) struct Tap {
    tries: u8,
    bad: u8,
    lost: bool,
    done: bool,
    started: bool,
    /// Frames that have no name as long as the flow has none.
    pub nameless: u8,
}

impl Tap {
    /// Nothing of this direction is read any more.
    pub(crate) const fn is_done(&self) -> bool {
        self.done
    }
}

/// What the dialogue has not read yet of one direction.
#[derive(Debug, Default)]
pub(crate) struct Held {
    bytes: Vec<u8>,
    frames: Vec<u32>,
    /// Bytes still to pass unseen.
    skip: u64,
    need: usize,
    /// Another protocol announced the flow, and what this end says was not held against the protocol of its port yet.
    doubt: bool,
}

impl Held {
    /// Bytes that wait for the rest of their message.
    pub(crate) fn waiting(&self) -> usize {
        self.bytes.capacity()
    }
}

/// What the engine works with besides the flow.
pub(crate) struct Engine<'a> {
    pub picture: &'a mut Picture,
    pub expected: &'a mut Expectations,
}

impl Engine<'_> {
    /// Bytes of a stream, in order.
    pub(crate) fn stream(&mut self, flow: &mut Flow, which: usize, bytes: &[u8], at: At) {
        // Bulk and what is encrypted are never looked at.
        if flow.tap(which).done {
            return;
        }
        let mut talk = flow.talk.take().unwrap_or_default();
        if talk.inner.as_ref().is_some_and(|inner| !inner.framed) {
            self.inside(flow, &mut talk, which, bytes, at);
        } else if talk.held(which).doubt {
            self.doubt(flow, &mut talk, which, bytes, at);
        } else if let Some(mut dialogue) = talk.dialogue.take() {
            self.feed(flow, &mut talk, dialogue.as_mut(), which, bytes, at);
            talk.dialogue = Some(dialogue);
        } else {
            self.recognise(flow, &mut talk, which, bytes, at);
        }
        flow.talk = Some(talk);
    }

    /// Bytes of a stream are missing.
    pub(crate) fn gap(&mut self, flow: &mut Flow, which: usize, lost: u64, at: At) {
        if Engine::is_through(flow)
            && self.tell_inner(flow, which, |engine, inner, end| {
                inner.dir_mut(end).stream.lose(lost);
                engine.gap(inner, end, lost, at);
            })
        {
            return;
        }
        // A message that began and lost its end cannot be gone on with.
        let mut broken = false;
        if let Some(talk) = &mut flow.talk {
            flow.unweighed = true;
            let held = talk.held(which);
            broken = !held.bytes.is_empty();
            (held.bytes, held.frames) = (Vec::new(), Vec::new());
            if held.skip >= lost {
                held.skip -= lost;
                return;
            }
            held.skip = 0;
        }
        let began = flow
            .talk
            .as_ref()
            .is_some_and(|talk| talk.dialogue.is_some());
        if began && !broken && !flow.tap(which).lost && self.bridge(flow, which, lost, at) {
            self.carry_on(flow, which, at);
            return;
        }
        flow.tap_mut(which).lost = true;
        let Some(mut talk) = flow.talk.take() else {
            return;
        };
        if let Some(mut dialogue) = talk.dialogue.take() {
            let side = flow.side(which);
            self.with(flow, &mut talk, at, &[at.frame], |cx| {
                dialogue.gap(cx, side, lost)
            });
            talk.dialogue = Some(dialogue);
        }
        flow.talk = Some(talk);
        self.carry_on(flow, which, at);
    }

    /// Whether the dialogue knows where it is although bytes are missing.
    fn bridge(&mut self, flow: &mut Flow, which: usize, lost: u64, at: At) -> bool {
        let side = flow.side(which);
        self.ask(flow, at, |dialogue, cx| dialogue.bridge(cx, side, lost))
            .unwrap_or(false)
    }

    /// A stream came to its end, and all of it was handed on.
    pub(crate) fn over(&mut self, flow: &mut Flow, which: usize, at: At) {
        if self.tell_inner(flow, which, |engine, inner, end| {
            engine.over(inner, end, at)
        }) {
            return;
        }
        self.trust(flow, which, at);
        let side = flow.side(which);
        self.ask(flow, at, |dialogue, cx| dialogue.over(cx, side));
    }

    /// Tells the dialogue of something that is no message.
    fn ask<T>(
        &mut self,
        flow: &mut Flow,
        at: At,
        act: impl FnOnce(&mut dyn Dialogue, &mut Cx<'_>) -> T,
    ) -> Option<T> {
        let mut talk = flow.talk.take()?;
        let answer = talk.dialogue.take().map(|mut dialogue| {
            let answer = self.with(flow, &mut talk, at, &[at.frame], |cx| {
                act(dialogue.as_mut(), cx)
            });
            talk.dialogue = Some(dialogue);
            answer
        });
        flow.talk = Some(talk);
        answer
    }

    /// Bytes of a message that is not whole will not be kept any longer.
    pub(crate) fn forget(&mut self, flow: &mut Flow, which: usize, at: At) {
        if self.tell_inner(flow, which, |engine, inner, end| {
            engine.forget(inner, end, at)
        }) {
            return;
        }
        let held = flow.talk.as_mut().map(|talk| talk.held(which));
        let Some(held) = held.filter(|held| held.bytes.capacity() > 0) else {
            return;
        };
        let lost = held.bytes.len() as u64;
        self.gap(flow, which, lost, at);
    }

    /// What a stream hands on.
    pub(crate) fn deliver(
        &mut self,
        flow: &mut Flow,
        which: usize,
        delivered: Deliver<'_>,
        at: At,
    ) {
        match delivered {
            Deliver::Bytes {
                bytes,
                at: (now, frame),
            } => {
                self.stream(flow, which, bytes, At { now, frame, ..at });
            }
            Deliver::Gap(lost) => self.gap(flow, which, lost, at),
        }
    }

    /// The flow is over.
    pub(crate) fn close(&mut self, flow: &mut Flow) {
        self.tell_inner(flow, 0, |engine, inner, _| engine.close(inner));
        self.close_beside(flow);
        let at = At {
            now: flow.last,
            capture: flow.capture,
            frame: 0,
        };
        for which in [0, 1] {
            self.trust(flow, which, at);
        }
        let Some(mut talk) = flow.talk.take() else {
            return;
        };
        if let Some(mut dialogue) = talk.dialogue.take() {
            self.with(flow, &mut talk, at, &[], |cx| dialogue.close(cx));
        }
        flow.talk = Some(talk);
    }

    /// A datagram, or a frame's payload: whole messages only. `cut`: the capture lacks its end.
    pub(crate) fn datagram(
        &mut self,
        flow: &mut Flow,
        which: usize,
        bytes: &[u8],
        cut: bool,
        at: At,
    ) {
        if bytes.is_empty() {
            return;
        }
        let silent = flow
            .talk
            .as_ref()
            .is_none_or(|talk| talk.dialogue.is_none());
        if silent && !self.recognise_datagram(flow, which, bytes) {
            return;
        }
        self.doubt_datagram(flow, which, bytes, at);
        if flow.tap(which).done {
            return;
        }
        let Some(mut talk) = flow.talk.take() else {
            return;
        };
        if let Some(mut dialogue) = talk.dialogue.take() {
            self.datagrams(flow, &mut talk, dialogue.as_mut(), which, bytes, cut, at);
            // On layer 2 the number in the frame names the protocol: garbage there must not buy silence for what follows.
            if flow.tap(which).bad < MOST_BAD || !flow.key.transport.has_ports() {
                talk.dialogue = Some(dialogue);
            } else {
                self.with(flow, &mut talk, at, &[], |cx| dialogue.close(cx));
                flow.tap_mut(0).tries = MOST_TRIES;
                flow.tap_mut(1).tries = MOST_TRIES;
            }
        }
        flow.talk = Some(talk);
    }

    /// A datagram of a flow that nobody recognised yet.
    fn recognise_datagram(&mut self, flow: &mut Flow, which: usize, bytes: &[u8]) -> bool {
        let (from, to) = (flow.key.end(which).1, flow.key.end(1 - which).1);
        let tap = flow.tap_mut(which);
        if tap.tries >= MOST_TRIES {
            return false;
        }
        let first = !tap.started;
        tap.started = true;
        tap.tries += 1;
        let head = Head {
            bytes,
            udp: true,
            from,
            to,
            first,
            open: false,
        };
        let Found::Is(decoder, sender) = probe(&head) else {
            return false;
        };
        let mut talk = flow.talk.take().unwrap_or_default();
        open(flow, &mut talk, decoder, sender, which);
        flow.talk = Some(talk);
        true
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of a flow at work, and a datagram"
    )]
    fn datagrams(
        &mut self,
        flow: &mut Flow,
        talk: &mut Talk,
        dialogue: &mut dyn Dialogue,
        which: usize,
        bytes: &[u8],
        cut: bool,
        at: At,
    ) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let side = flow.side(which);
            let step = self.with(flow, talk, at, &[at.frame], |cx| {
                dialogue.message(cx, side, rest)
            });
            match step {
                Step::Took(count) if count > 0 => {
                    if talk.inner.is_some() {
                        self.carry(flow, talk, which, rest, at);
                    }
                    rest = rest.get(count..).unwrap_or(&[]);
                    if let Some(handover) = talk.learned.handover.take() {
                        self.enter_beside(flow, talk, &handover, at);
                    }
                }
                Step::Skip(count) => {
                    rest = usize::try_from(count)
                        .ok()
                        .and_then(|n| rest.get(n..))
                        .unwrap_or(&[])
                }
                Step::Done => {
                    flow.tap_mut(which).done = true;
                    break;
                }
                // A datagram holds whole messages: what needs more was cut off, by the capture or by the sender.
                Step::Need(_) if cut => break,
                Step::Need(_) | Step::Took(_) => {
                    self.malformed(flow, talk, which, "truncated", at);
                    break;
                }
                Step::Bad(what) => {
                    self.malformed(flow, talk, which, what, at);
                    break;
                }
            }
        }
    }

    fn malformed(
        &mut self,
        flow: &mut Flow,
        talk: &mut Talk,
        which: usize,
        what: &'static str,
        at: At,
    ) {
        let tap = flow.tap_mut(which);
        tap.bad = tap.bad.saturating_add(1);
        let name = talk.name().or_else(|| flow.key.transport.named());
        let (side, name) = (flow.side(which), name.unwrap_or_default());
        self.with(flow, talk, at, &[at.frame], |cx| {
            cx.oddity("protocol.malformed", side, Some(format!("{name}: {what}")))
        });
    }

    fn with<T>(
        &mut self,
        flow: &mut Flow,
        talk: &mut Talk,
        at: At,
        frames: &[u32],
        act: impl FnOnce(&mut Cx<'_>) -> T,
    ) -> T {
        if std::mem::take(&mut flow.changed) {
            talk.view = flow.view();
            talk.view.server.hides = talk.hidden;
        }
        let mut cx = Cx {
            flow: &talk.view,
            at,
            frames,
            decoder: talk.decoder.unwrap_or(&protocols::NONE),
            picture: self.picture,
            expected: self.expected,
            learned: &mut talk.learned,
            passed: None,
        };
        let result = act(&mut cx);
        if let Some(passed) = cx.passed
            && let Some(inner) = &mut talk.inner
        {
            inner.put(passed);
        }
        if talk.learned.swap {
            talk.learned.swap = false;
            flow.swap();
        }
        result
    }

    /// An unrecognised stream: probes its head, and the starts of later segments.
    fn recognise(&mut self, flow: &mut Flow, talk: &mut Talk, which: usize, bytes: &[u8], at: At) {
        let (from, to) = (flow.key.end(which).1, flow.key.end(1 - which).1);
        let midstream = flow.dir(which).stream.initial().is_none();
        let (tap, held) = (flow.tap_mut(which), talk.held(which));
        let first = !tap.started && !midstream;
        let head = if held.bytes.is_empty() {
            Head {
                bytes,
                udp: false,
                from,
                to,
                first,
                open: bytes.len() < MOST_HEAD,
            }
        } else {
            let more = bytes.get(..MOST_HEAD.min(bytes.len())).unwrap_or(&[]);
            held.bytes.extend_from_slice(more);
            Head {
                bytes: &held.bytes,
                udp: false,
                from,
                to,
                first: !midstream,
                open: held.bytes.len() < MOST_HEAD,
            }
        };
        match probe(&head) {
            Found::Is(decoder, sender) => {
                let known = std::mem::take(&mut held.bytes);
                let known = if known.is_empty() {
                    bytes.to_vec()
                } else {
                    known
                };
                open(flow, talk, decoder, sender, which);
                // What the other end said before, unrecognised, comes first: it spoke first.
                let fresh = !flow.tap(1 - which).lost;
                let other = talk.held(1 - which);
                let earlier = std::mem::take(&mut other.bytes);
                let frames = std::mem::take(&mut other.frames);
                if !earlier.is_empty() && fresh {
                    let frame = frames.first().copied().unwrap_or(at.frame);
                    self.feed_kept(flow, talk, 1 - which, &earlier, At { frame, ..at });
                }
                let frames = std::mem::take(&mut talk.held(which).frames);
                let frame = frames.first().copied().unwrap_or(at.frame);
                self.feed_kept(flow, talk, which, &known, At { frame, ..at });
            }
            Found::Maybe => {
                if held.bytes.is_empty() {
                    held.bytes = bytes.to_vec();
                }
                held.frames.push(at.frame);
                held.frames.truncate(MOST_FRAMES);
                tap.started = true;
            }
            Found::No => {
                // Kept while the other end may still tell what this is.
                if first && tap.tries == 0 {
                    let kept = bytes.get(..MOST_HEAD.min(bytes.len())).unwrap_or(&[]);
                    held.bytes = kept.to_vec();
                    held.frames = vec![at.frame];
                } else if !(tap.tries == 1
                    && !held.bytes.is_empty()
                    && held.bytes.len() < MOST_HEAD)
                {
                    held.bytes.clear();
                    held.frames.clear();
                }
                tap.started = true;
                tap.tries += 1;
                if tap.tries >= MOST_TRIES {
                    tap.done = true;
                    held.bytes = Vec::new();
                }
            }
        }
        flow.unweighed = true;
    }

    /// Bytes that were kept until the flow was recognised.
    fn feed_kept(&mut self, flow: &mut Flow, talk: &mut Talk, which: usize, bytes: &[u8], at: At) {
        if flow.tap(which).done {
            return;
        }
        if let Some(mut dialogue) = talk.dialogue.take() {
            self.feed(flow, talk, dialogue.as_mut(), which, bytes, at);
            talk.dialogue = Some(dialogue);
        }
    }

    /// Bytes of a stream that is recognised.
    fn feed(
        &mut self,
        flow: &mut Flow,
        talk: &mut Talk,
        dialogue: &mut dyn Dialogue,
        which: usize,
        bytes: &[u8],
        at: At,
    ) {
        let mut bytes = bytes;
        let held = talk.held(which);
        if held.skip > 0 {
            let count = usize::try_from(held.skip)
                .unwrap_or(usize::MAX)
                .min(bytes.len());
            held.skip -= count as u64;
            bytes = bytes.get(count..).unwrap_or(&[]);
        }
        if bytes.is_empty() {
            return;
        }
        if flow.tap(which).lost {
            let Some(decoder) = talk.decoder else { return };
            let (from, to) = (flow.key.end(which).1, flow.key.end(1 - which).1);
            let (from, to) = match own_port(decoder, from, to) {
                Some(own) if which == flow.client() => (from, own),
                Some(own) => (own, to),
                None => (from, to),
            };
            let head = Head {
                bytes,
                udp: false,
                from,
                to,
                first: false,
                open: true,
            };
            if (decoder.probe)(&head) == Probe::NotOurs {
                return;
            }
            flow.tap_mut(which).lost = false;
        }
        let held = talk.held(which);
        if held.bytes.is_empty() {
            let frames = [at.frame];
            let left = self.messages(flow, talk, dialogue, which, bytes, &frames, at);
            if left > 0 {
                let rest = bytes.get(bytes.len() - left..).unwrap_or(&[]);
                let held = talk.held(which);
                held.bytes.extend_from_slice(rest);
                held.frames = vec![at.frame];
                flow.unweighed = true;
            }
            return;
        }
        flow.unweighed = true;
        held.bytes.extend_from_slice(bytes);
        if held.frames.len() < MOST_FRAMES && held.frames.last() != Some(&at.frame) {
            held.frames.push(at.frame);
        }
        if held.bytes.len() < held.need {
            return;
        }
        let whole = std::mem::take(&mut held.bytes);
        let frames = std::mem::take(&mut held.frames);
        let left = self.messages(flow, talk, dialogue, which, &whole, &frames, at);
        if left > 0 {
            let mut rest = whole;
            rest.drain(..rest.len() - left);
            let held = talk.held(which);
            held.bytes = rest;
            held.frames = if left < bytes.len() {
                vec![at.frame]
            } else {
                frames
            };
        }
    }

    /// Hands message after message to the dialogue; returns how many bytes at the end wait for more.
    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of a flow at work, and its bytes"
    )]
    fn messages(
        &mut self,
        flow: &mut Flow,
        talk: &mut Talk,
        dialogue: &mut dyn Dialogue,
        which: usize,
        bytes: &[u8],
        frames: &[u32],
        at: At,
    ) -> usize {
        let mut rest = bytes;
        // Only the first message began in an earlier frame.
        let mut frames = frames;
        let last = [at.frame];
        while !rest.is_empty() {
            let side = flow.side(which);
            let step = self.with(flow, talk, at, frames, |cx| {
                dialogue.message(cx, side, rest)
            });
            match step {
                Step::Took(count) if count > 0 && count <= rest.len() => {
                    if talk.inner.is_some() {
                        self.carry(flow, talk, which, rest, at);
                    }
                    rest = rest.get(count..).unwrap_or(&[]);
                    frames = &last;
                    if talk.learned.handover.is_some()
                        && let Some(handover) = talk.learned.handover.take()
                    {
                        self.enter(flow, talk, &handover, at);
                        if talk.inner.as_ref().is_none_or(|inner| !inner.framed) {
                            self.enter_with(flow, talk, which, rest, at);
                            return 0;
                        }
                        self.early_frames(flow, talk, dialogue, 1 - which, at);
                    }
                }
                Step::Skip(count) if count > 0 => {
                    let here = usize::try_from(count).unwrap_or(usize::MAX).min(rest.len());
                    talk.held(which).skip = count - here as u64;
                    rest = rest.get(here..).unwrap_or(&[]);
                    frames = &last;
                }
                Step::Need(count) if count > rest.len() && count <= MOST_MESSAGE => {
                    talk.held(which).need = count;
                    return rest.len();
                }
                Step::Done => {
                    flow.tap_mut(which).done = true;
                    return 0;
                }
                Step::Bad(what) => {
                    self.lose(flow, talk, which, what, at);
                    return 0;
                }
                Step::Took(_) | Step::Skip(_) | Step::Need(_) => {
                    self.lose(flow, talk, which, "length", at);
                    return 0;
                }
            }
        }
        0
    }

    fn lose(&mut self, flow: &mut Flow, talk: &mut Talk, which: usize, what: &'static str, at: At) {
        self.malformed(flow, talk, which, what, at);
        flow.tap_mut(which).lost = true;
    }
}

enum Found {
    Is(&'static Decoder, Sender),
    Maybe,
    No,
}

/// The decoder's port, where neither end is at one: that a flow spoke the protocol before is as good a hint for content
/// that says little of itself.
fn own_port(decoder: &Decoder, from: u16, to: u16) -> Option<u16> {
    let mut ports = decoder.carriers.iter().filter_map(|carrier| match carrier {
        Carrier::Tcp(port) => Some(*port),
        _ => None,
    });
    if ports.clone().any(|port| port == from || port == to) {
        return None;
    }
    ports.next()
}

/// Asks the decoders: those whose port it is first, then all others in the order of the registry.
fn probe(head: &Head<'_>) -> Found {
    match probe_at(head, true) {
        Found::No => probe_at(head, false),
        // One whose port it is may still recognise it: the others wait.
        found => found,
    }
}

/// Asks the decoders whose port it is, or all others.
fn probe_at(head: &Head<'_>, hinted: bool) -> Found {
    let mut maybe = false;
    for decoder in protocols::ALL {
        if decoder.is_at(head.udp, head.from, head.to) != hinted || !decoder.carried_by(head.udp) {
            continue;
        }
        match (decoder.probe)(head) {
            Probe::Ours(sender) => return Found::Is(decoder, sender),
            Probe::NeedMore => maybe = true,
            Probe::NotOurs => {}
        }
    }
    if maybe { Found::Maybe } else { Found::No }
}

impl Decoder {
    fn is_at(&self, udp: bool, from: u16, to: u16) -> bool {
        self.carriers.iter().any(|carrier| match carrier {
            Carrier::Tcp(port) => !udp && (*port == from || *port == to),
            Carrier::Udp(port) => udp && (*port == from || *port == to),
            _ => false,
        })
    }

    fn carried_by(&self, udp: bool) -> bool {
        self.carriers.iter().any(|carrier| {
            matches!(
                (carrier, udp),
                (Carrier::Udp(_), true) | (Carrier::Tcp(_), false)
            )
        })
    }

    fn serves(&self, udp: bool, port: u16) -> bool {
        let here = if udp {
            Carrier::Udp(port)
        } else {
            Carrier::Tcp(port)
        };
        self.carriers.contains(&here)
    }
}

/// The flow speaks `decoder`'s protocol; `which` sent the bytes that showed it.
fn open(flow: &mut Flow, talk: &mut Talk, decoder: &'static Decoder, sender: Sender, which: usize) {
    talk.decoder = Some(decoder);
    talk.dialogue = Some((decoder.open)());
    // It speaks for itself: no announcement covers it.
    talk.parent = None;
    if talk.named.take().is_some() {
        talk.learned.session = false;
    }
    let udp = flow.key.transport == Transport::Udp;
    let serves = |end: usize| decoder.serves(udp, flow.key.end(end).1);
    let by_port = match (serves(which), serves(1 - which)) {
        (true, false) => Some(1 - which),
        (false, true) => Some(which),
        _ => None,
    };
    match sender {
        Sender::Client => flow.tell_client(which, Told::Role),
        // What a server sends to a group was not asked by the group.
        Sender::Server if flow.key.end(1 - which).0.is_group() => {}
        Sender::Server => flow.tell_client(1 - which, Told::Role),
        Sender::Unknown => {
            if let Some(client) = by_port {
                flow.tell_client(client, Told::Port);
            }
        }
    }
    for end in [0, 1] {
        let tap = flow.tap_mut(end);
        tap.done = false;
        tap.started = true;
    }
}

/// Opens a dialogue that another protocol announced: the one that it prepared, or a fresh one.
pub(crate) fn open_expected(
    flow: &mut Flow,
    decoder: &'static Decoder,
    prepared: Option<Box<dyn Dialogue>>,
) {
    let talk = flow.talk();
    talk.decoder = Some(decoder);
    talk.dialogue = Some(prepared.unwrap_or_else(decoder.open));
    for which in [0, 1] {
        talk.held(which).doubt = true;
    }
}

/// Opens a dialogue beyond doubt, as on layer 2, where the number in the frame names the protocol.
pub(crate) fn open_layer2(flow: &mut Flow, decoder: &'static Decoder) {
    let talk = flow.talk();
    talk.decoder = Some(decoder);
    talk.dialogue = Some((decoder.open)());
}

/// Flows without packets for longer than this are over; the same ends start a new conversation.
pub(crate) fn is_stale(flow: &Flow, now: Time) -> bool {
    let patience = if flow.key.transport == Transport::Tcp {
        2 * 3600
    } else {
        600
    };
    now.since(flow.last) > patience * 1_000_000_000
}
