//! Between a flow's bytes and its dialogue: recognition by content, messages in place or put together, gaps, resync.
mod datagrams;
mod doubt;
mod inner;
mod recognition;

use facts::Time;

pub(crate) use self::datagrams::Early;
pub(crate) use self::inner::Inner;
pub(crate) use self::recognition::{open_expected, open_layer2};
use super::{Deliver, Flow, Talk, Transport};
use crate::cx::{At, Cx, Expectations};
use crate::decoder::{Carrier, Decoder, Dialogue, Head, Probe, Step};
use crate::picture::Picture;
use crate::protocols;

/// Longest message put together from segments. Longer ones are skipped by their decoders, or are malformed.
const MOST_MESSAGE: usize = 1 << 20;
/// Frames remembered for one message.
const MOST_FRAMES: usize = 16;

/// How far one direction is known.
#[derive(Debug, Default)]
pub(crate) struct Tap {
    tries: u8,
    lost: bool,
    done: bool,
    /// Where datagrams are done with, a decoder whose port it is was not heard: it may know the next for its own.
    contested: bool,
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

    /// What the end says was not held against the protocol of its port yet.
    pub(crate) const fn doubt(&self) -> bool {
        self.doubt
    }

    /// Nothing waits, and the next byte begins a message that nobody doubts.
    pub(crate) fn is_empty(&self) -> bool {
        let Held {
            bytes,
            frames,
            skip,
            // Of bytes that wait.
            need: _,
            doubt,
        } = self;
        bytes.capacity() == 0 && frames.is_empty() && *skip == 0 && !doubt
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
        self.give_up_early(flow);
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
            self.too_late(flow, &mut talk, dialogue.as_mut(), None);
            self.with(flow, &mut talk, at, &[], |cx| dialogue.close(cx));
        }
        flow.talk = Some(talk);
    }

    fn malformed(
        &mut self,
        flow: &mut Flow,
        talk: &mut Talk,
        which: usize,
        what: &'static str,
        at: At,
    ) {
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

/// Flows without packets for longer than this are over; the same ends start a new conversation.
pub(crate) fn is_stale(flow: &Flow, now: Time) -> bool {
    is_long_ago(flow.key.transport, flow.last, now)
}

/// As [`is_stale`], of a flow whose last packet came at that time.
pub(crate) fn is_long_ago(transport: Transport, last: Time, now: Time) -> bool {
    let patience = if transport == Transport::Tcp {
        2 * 3600
    } else {
        600
    };
    now.since(last) > patience * 1_000_000_000
}
