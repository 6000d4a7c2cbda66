//! Datagrams, and frames of layer 2: each holds whole messages, and the next is not hurt by what is wrong with it.
use super::Engine;
use super::recognition::is_others;
use crate::cx::At;
use crate::decoder::{Dialogue, Step};
use crate::flow::{Flow, Talk};

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
        if silent && !self.recognise_datagram(flow, which, bytes) {
            return;
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
            let fits =
                !done && self.datagrams(flow, &mut talk, dialogue.as_mut(), which, bytes, cut, at);
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
        talk.learned.cut = cut;
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
}
