//! Requests in words, kept until they are answered: what protocols share whose requests are worth more than a number.
//!
//! A cyclic request takes the short path: its words are made once and shared, its row is found again by fingerprint.
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::tls::hex;
use crate::{Asked, Cx, Memo, Op, OpId, Outcome, Side, Verb};

/// Cyclic requests whose words and rows are remembered per flow.
const MOST_KNOWN: usize = 16;

/// An operation in words.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Doing {
    pub verb: Verb,
    pub object: Option<String>,
    pub detail: String,
}

impl Doing {
    pub(super) fn new(verb: Verb, object: Option<String>, detail: impl Into<String>) -> Doing {
        Doing {
            verb,
            object,
            detail: detail.into(),
        }
    }
}

/// A request until its answer.
#[derive(Clone, Debug)]
pub(super) struct Asking {
    pub side: Side,
    pub doing: Arc<Doing>,
    pub asked: Asked,
    /// Equal for requests that ask the same; `None` where they are never counted together.
    same: Option<u64>,
    /// Gaps that were known when it was asked.
    gaps: u32,
}

impl Asking {
    /// A request that is not looked up again, and of which another tells how it ended.
    pub(super) fn once(cx: &Cx<'_>, side: Side, doing: Doing) -> Asking {
        Asking {
            side,
            doing: Arc::new(doing),
            asked: cx.asked(),
            same: None,
            gaps: 0,
        }
    }
}

/// What was asked lately in one flow.
#[derive(Debug, Default)]
pub(super) struct Known {
    known: Vec<(u64, Arc<Doing>, Option<OpId>)>,
    next: usize,
    /// Gaps so far: the answer to what was asked before one may have been lost.
    gaps: u32,
}

impl Known {
    /// A request that is not looked up again.
    pub(super) fn once(&self, cx: &Cx<'_>, side: Side, doing: Doing) -> Asking {
        Asking {
            gaps: self.gaps,
            ..Asking::once(cx, side, doing)
        }
    }

    /// Bytes are missing.
    pub(super) const fn gap(&mut self) {
        self.gaps = self.gaps.saturating_add(1);
    }

    /// A request whose words `make` gives, unless the same bytes were asked lately. `same` are the bytes without whatever
    /// counts up.
    pub(super) fn ask(
        &mut self,
        cx: &Cx<'_>,
        side: Side,
        same: u64,
        make: impl FnOnce() -> Doing,
    ) -> Asking {
        let same = same ^ u64::from(side == Side::Server);
        let doing = match self.known.iter().find(|(known, ..)| *known == same) {
            Some((_, doing, _)) => Arc::clone(doing),
            None => Arc::new(make()),
        };
        Asking {
            side,
            same: doing.verb.is_cyclic().then_some(same),
            doing,
            asked: cx.asked(),
            gaps: self.gaps,
        }
    }

    /// A request as it ended; `why` says more where it did not end well.
    pub(super) fn tell(
        &mut self,
        cx: &mut Cx<'_>,
        asking: Asking,
        outcome: Option<Outcome>,
        why: Option<&str>,
    ) {
        let plain = outcome == Some(Outcome::Ok) && why.is_none();
        let same = asking.same.filter(|_| plain);
        let row = |(known, _, id): &(u64, _, Option<OpId>)| (Some(*known) == same).then_some(*id);
        if let Some(Some(id)) = self.known.iter().find_map(row)
            && cx.again(id, asking.asked.time)
        {
            return;
        }
        let Doing {
            verb,
            object,
            detail,
        } = &*asking.doing;
        let detail = match why {
            Some(why) => format!("{detail}: {why}"),
            None => detail.clone(),
        };
        let op = Op {
            object: object.clone(),
            detail: Some(detail),
            outcome,
            asked: Some(asking.asked),
            ..Op::new(*verb)
        };
        let id = cx.operation(asking.side, op);
        if let Some(same) = same {
            self.put((same, asking.doing, id));
        }
    }

    /// A request that got no answer, as far as was seen.
    pub(super) fn lost(&mut self, cx: &mut Cx<'_>, asking: Asking) {
        let outcome = if asking.gaps == self.gaps {
            cx.unanswered(asking.side.other())
        } else {
            None
        };
        // The message at which this is noticed is none of its own.
        let frames = std::mem::take(&mut cx.frames);
        self.tell(cx, asking, outcome, None);
        cx.frames = frames;
    }

    /// Remembers the row of a request, in place of the one that it had before.
    fn put(&mut self, entry: (u64, Arc<Doing>, Option<OpId>)) {
        if let Some(known) = self.known.iter_mut().find(|known| known.0 == entry.0) {
            *known = entry;
            return;
        }
        if self.known.len() < MOST_KNOWN {
            self.known.push(entry);
            return;
        }
        if let Some(place) = self.known.get_mut(self.next) {
            *place = entry;
        }
        self.next = (self.next + 1) % MOST_KNOWN;
    }
}

/// A fingerprint of several parts, in their order.
pub(super) fn fingerprint<const N: usize>(parts: [&[u8]; N]) -> u64 {
    parts.iter().fold(0, |hash, part| {
        hash.rotate_left(7) ^ Memo::fingerprint(part)
    })
}

/// Frames remembered of a file or program, besides those of its begin and its end.
const MOST_FRAMES: usize = 12;

/// A file or program that crosses in pieces.
#[derive(Debug)]
pub(super) struct Carried {
    pub asking: Asking,
    hash: Sha256,
    bytes: u64,
    broken: bool,
    /// Captures and frames of the pieces.
    frames: Vec<(u32, u32)>,
}

impl Carried {
    /// `from_start`: the first piece that comes is the first there is.
    pub(super) fn new(asking: Asking, from_start: bool) -> Carried {
        Carried {
            asking,
            hash: Sha256::new(),
            bytes: 0,
            broken: !from_start,
            frames: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, cx: &Cx<'_>, piece: &[u8]) {
        self.hash.update(piece);
        self.bytes += piece.len() as u64;
        let room = MOST_FRAMES.saturating_sub(self.frames.len());
        let here = cx.frames.iter().map(|frame| (cx.at.capture, *frame));
        self.frames.extend(here.take(room));
    }

    /// A piece is missing.
    pub(super) const fn broke(&mut self) {
        self.broken = true;
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Told as it ended. `ended`: every piece was there, if none was seen to be missing.
    pub(super) fn tell(
        self,
        cx: &mut Cx<'_>,
        ended: bool,
        outcome: Option<Outcome>,
        why: Option<&str>,
    ) {
        let whole = ended && !self.broken;
        let Doing {
            verb,
            object,
            detail,
        } = &*self.asking.doing;
        let mut detail = detail.clone();
        let incomplete = (!whole && self.bytes > 0).then_some("content incomplete");
        for more in [incomplete, why].into_iter().flatten() {
            detail.push_str(": ");
            detail.push_str(more);
        }
        let op = Op {
            object: object.clone(),
            detail: Some(detail),
            outcome,
            content_bytes: (self.bytes > 0 || whole).then_some(self.bytes),
            content_sha256: whole.then(|| hex(&self.hash.finalize())),
            asked: Some(self.asking.asked),
            ..Op::new(*verb)
        };
        // The pieces belong to it as much as what ended it.
        let pieces = self.frames.iter().filter(|(of, _)| *of == cx.at.capture);
        let frames: Vec<u32> = pieces
            .map(|(_, frame)| *frame)
            .chain(cx.frames.iter().copied())
            .collect();
        let mut with_pieces = Cx {
            flow: cx.flow,
            at: cx.at,
            frames: &frames,
            decoder: cx.decoder,
            picture: &mut *cx.picture,
            expected: &mut *cx.expected,
            learned: &mut *cx.learned,
            passed: None,
        };
        with_pieces.operation(self.asking.side, op);
    }

    /// Told at a message that is none of its own, or at the end of the flow: its end was not seen.
    pub(super) fn tell_late(self, cx: &mut Cx<'_>, ended: bool, outcome: Option<Outcome>) {
        let frames = std::mem::take(&mut cx.frames);
        self.tell(cx, ended, outcome, None);
        cx.frames = frames;
    }
}

/// What comes of a dialogue of which `lost` octets are missing in the middle, for the tests of those who use this.
#[cfg(test)]
pub(super) fn with_gap(
    decoder: &'static crate::Decoder,
    before: &[(Side, Vec<u8>)],
    lost: (Side, u16),
    after: &[(Side, Vec<u8>)],
) -> String {
    let script = |messages: &[(Side, Vec<u8>)]| {
        let messages: Vec<(Side, &[u8])> = messages
            .iter()
            .map(|(side, bytes)| (*side, bytes.as_slice()))
            .collect();
        crate::fuzz::script(false, &messages)
    };
    let mut whole = script(before);
    // Bit 1 says that as many octets are lost.
    whole.push(2 | u8::from(lost.0 == Side::Server));
    whole.extend(lost.1.to_be_bytes());
    whole.extend(script(after).iter().skip(1));
    crate::testing::render(&crate::fuzz::dialogue(decoder, &whole))
}
