//! Datagrams, and frames of layer 2: each holds whole messages, and the next is not hurt by what is wrong with it.
use super::Engine;
use super::recognition::is_others;
use crate::cx::{self, At};
use crate::decoder::{Dialogue, Step};
use crate::flow::{Flow, Talk};

/// Answers that wait for their requests, in one flow.
const MOST_EARLY: usize = 4;
/// Octets of the longest that waits: what Ethernet carries.
const MOST_EARLY_BYTES: usize = 1500;
/// How long an answer waits, in nanoseconds of the capture: two mirror ports, and the switch between them, do not hold a frame
/// back for longer.
const EARLY_FOR: i64 = 20_000_000;

/// An answer that overtook its request.
#[derive(Debug)]
pub(crate) struct Early {
    which: usize,
    bytes: Box<[u8]>,
    at: At,
}

impl Early {
    pub(crate) fn waiting(&self) -> usize {
        self.bytes.len()
    }
}

impl Engine<'_> {
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
        if silent && !self.recognise_datagram(flow, which, bytes, at) {
            return;
        }
        // What waits for its request may be of a channel that was announced since.
        let waits = |talk: &Talk| !talk.early.is_empty();
        if !silent && flow.talk.as_deref().is_some_and(waits) {
            self.announced_since(flow, at);
        }
        self.doubt_datagram(flow, which, bytes, at);
        let done = flow.tap(which).done;
        if done && !flow.tap(which).contested {
            return;
        }
        let Some(mut talk) = flow.talk.take() else {
            return;
        };
        if let Some(mut dialogue) = talk.dialogue.take() {
            if !talk.early.is_empty() {
                self.too_late(flow, &mut talk, dialogue.as_mut(), Some(at));
            }
            let fits =
                !done && self.datagrams(flow, &mut talk, dialogue.as_mut(), which, bytes, cut, at);
            if !talk.early.is_empty() {
                self.once_more(flow, &mut talk, dialogue.as_mut(), 1 - which);
            }
            // However much of it is malformed: garbage must not buy silence for what follows.
            talk.dialogue = Some(dialogue);
            // Nor must what looks like another protocol's, where the one whose port it is knows this for its own.
            if !fits
                && self.port_knows(flow, &mut talk, which, bytes, at)
                && let Some(mut dialogue) = talk.dialogue.take()
            {
                self.datagrams(flow, &mut talk, dialogue.as_mut(), which, bytes, cut, at);
                talk.dialogue = Some(dialogue);
            }
        }
        flow.talk = Some(talk);
    }

    /// `false`: the datagram is malformed.
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
    ) -> bool {
        let waits = !cut && bytes.len() <= MOST_EARLY_BYTES;
        self.read(flow, talk, dialogue, which, bytes, (cut, waits), at)
    }

    /// `cut`: the capture lacks its end. `waits`: what it answers may still come.
    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of a flow at work, and a datagram"
    )]
    fn read(
        &mut self,
        flow: &mut Flow,
        talk: &mut Talk,
        dialogue: &mut dyn Dialogue,
        which: usize,
        bytes: &[u8],
        (cut, waits): (bool, bool),
        at: At,
    ) -> bool {
        talk.learned.cut = cut;
        let mut rest = bytes;
        while !rest.is_empty() {
            let side = flow.side(which);
            if waits {
                talk.learned.early = cx::Early::May;
            }
            let step = self.with(flow, talk, at, &[at.frame], |cx| {
                dialogue.message(cx, side, rest)
            });
            let early = std::mem::take(&mut talk.learned.early) == cx::Early::Does;
            if !early {
                talk.learned.read_one();
            }
            match step {
                Step::Took(count) if count > 0 => {
                    if early {
                        self.wait(
                            flow,
                            talk,
                            dialogue,
                            which,
                            rest.get(..count).unwrap_or(rest),
                            at,
                        );
                    }
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
                    let contested = is_others(flow, talk);
                    let tap = flow.tap_mut(which);
                    (tap.done, tap.contested) = (true, contested);
                    break;
                }
                // A datagram holds whole messages: what needs more was cut off, by the capture or by the sender.
                Step::Need(_) if cut => break,
                Step::Need(_) | Step::Took(_) => {
                    self.malformed(flow, talk, which, "truncated", at);
                    return false;
                }
                Step::Bad(what) => {
                    self.malformed(flow, talk, which, what, at);
                    return false;
                }
            }
        }
        true
    }

    /// An answer waits for its request. Where too many do, the oldest of them does so no longer.
    #[cold]
    fn wait(
        &mut self,
        flow: &mut Flow,
        talk: &mut Talk,
        dialogue: &mut dyn Dialogue,
        which: usize,
        bytes: &[u8],
        at: At,
    ) {
        flow.unweighed = true;
        if talk.early.len() >= MOST_EARLY {
            let oldest = talk.early.remove(0);
            self.as_it_is(flow, talk, dialogue, &oldest);
        }
        talk.early.push(Early {
            which,
            bytes: bytes.into(),
            at,
        });
    }

    /// Answers of that end are shown again: what they answer may be what was read just now.
    #[cold]
    fn once_more(
        &mut self,
        flow: &mut Flow,
        talk: &mut Talk,
        dialogue: &mut dyn Dialogue,
        which: usize,
    ) {
        for one in std::mem::take(&mut talk.early) {
            if one.which == which {
                flow.unweighed = true;
                self.datagrams(flow, talk, dialogue, which, &one.bytes, false, one.at);
            } else {
                talk.early.push(one);
            }
        }
    }

    /// Answers that waited for too long by now, or all of them, are read without their requests.
    #[cold]
    pub(super) fn too_late(
        &mut self,
        flow: &mut Flow,
        talk: &mut Talk,
        dialogue: &mut dyn Dialogue,
        now: Option<At>,
    ) {
        for one in std::mem::take(&mut talk.early) {
            if now.is_some_and(|at| at.now.since(one.at.now) <= EARLY_FOR) {
                talk.early.push(one);
            } else {
                self.as_it_is(flow, talk, dialogue, &one);
            }
        }
    }

    /// Answers do not wait any longer, since too much does.
    pub(super) fn give_up_early(&mut self, flow: &mut Flow) {
        if flow.talk.as_ref().is_none_or(|talk| talk.early.is_empty()) {
            return;
        }
        let Some(mut talk) = flow.talk.take() else {
            return;
        };
        if let Some(mut dialogue) = talk.dialogue.take() {
            self.too_late(flow, &mut talk, dialogue.as_mut(), None);
            talk.dialogue = Some(dialogue);
        }
        flow.talk = Some(talk);
    }

    fn as_it_is(
        &mut self,
        flow: &mut Flow,
        talk: &mut Talk,
        dialogue: &mut dyn Dialogue,
        one: &Early,
    ) {
        flow.unweighed = true;
        self.read(
            flow,
            talk,
            dialogue,
            one.which,
            &one.bytes,
            (false, false),
            one.at,
        );
    }
}
