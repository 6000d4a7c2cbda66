//! Requests and their answers, told once: what protocols share whose requests are worth more than a number.
//!
//! A decoder that knows by itself which answer belongs to which request has [`Known`]; [`Asks`] pairs them as well. A cyclic
//! request takes the short path: its words are made once and shared, its row is found again by fingerprint. Content that comes
//! piece after piece is in [`Carried`].
mod carried;

use std::sync::Arc;

use facts::{Address, Grade};

pub(super) use self::carried::Carried;
use crate::{Asked, Cx, End, Memo, Op, OpId, Outcome, Pending, Side, Verb};

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

impl From<Doing> for Op {
    fn from(doing: Doing) -> Op {
        Op {
            object: doing.object,
            detail: Some(doing.detail),
            ..Op::new(doing.verb)
        }
    }
}

/// A request until its answer; `T` is what its decoder wants to know again by then.
#[derive(Clone, Debug)]
pub(super) struct Asking<T = ()> {
    pub side: Side,
    pub tag: T,
    pub asked: Asked,
    op: Arc<Op>,
    /// Equal for requests that ask the same; `None` where they are never counted together.
    same: Option<u64>,
    /// Gaps that were known when it was asked.
    gaps: u32,
}

impl Asking {
    /// A request that is not looked up again, and of which another tells how it ended.
    pub(super) fn once(cx: &Cx<'_>, side: Side, op: impl Into<Op>) -> Asking {
        Asking {
            side,
            tag: (),
            asked: cx.asked(),
            op: Arc::new(op.into()),
            same: None,
            gaps: 0,
        }
    }
}

impl<T> Asking<T> {
    /// The request in words.
    pub(super) fn op(&self) -> &Op {
        &self.op
    }

    fn with<U>(self, tag: U) -> Asking<U> {
        Asking {
            side: self.side,
            tag,
            asked: self.asked,
            op: self.op,
            same: self.same,
            gaps: self.gaps,
        }
    }
}

/// A request that was asked before, in words, and its rows: of what was done, and of what needs no answer.
#[derive(Debug)]
struct Before {
    same: u64,
    op: Arc<Op>,
    rows: [Option<OpId>; 2],
}

/// What was asked lately in one flow.
#[derive(Debug, Default)]
pub(super) struct Known {
    known: Vec<Before>,
    next: usize,
    /// Gaps so far: the answer to what was asked before one may have been lost.
    gaps: u32,
    /// Who really asks, where that is not the flow's own end.
    asker: Option<End>,
}

impl Known {
    /// A request that is not looked up again.
    pub(super) fn once(&self, cx: &Cx<'_>, side: Side, op: impl Into<Op>) -> Asking {
        Asking {
            gaps: self.gaps,
            ..Asking::once(cx, side, op)
        }
    }

    /// Bytes are missing.
    pub(super) const fn gap(&mut self) {
        self.gaps = self.gaps.saturating_add(1);
    }

    /// A request whose words `make` gives, unless the same bytes were asked lately. `same` are the bytes without whatever
    /// counts up.
    pub(super) fn ask<W: Into<Op>>(
        &mut self,
        cx: &Cx<'_>,
        side: Side,
        same: u64,
        make: impl FnOnce() -> W,
    ) -> Asking {
        // Both ends may ask the same of each other: their rows differ.
        let same = same ^ u64::from(side == Side::Server);
        let (op, same) = match self.known.iter().find(|before| before.same == same) {
            Some(before) => (Arc::clone(&before.op), Some(same)),
            None => {
                let op = Arc::new(make().into());
                let repeats = op.verb.is_cyclic() && op.content_sha256.is_none();
                if repeats {
                    self.remember(same, &op);
                }
                (op, repeats.then_some(same))
            }
        };
        Asking {
            side,
            tag: (),
            asked: cx.asked(),
            op,
            same,
            gaps: self.gaps,
        }
    }

    fn remember(&mut self, same: u64, op: &Arc<Op>) {
        let before = Before {
            same,
            op: Arc::clone(op),
            rows: [None; 2],
        };
        if self.known.len() < MOST_KNOWN {
            self.known.push(before);
            return;
        }
        if let Some(place) = self.known.get_mut(self.next) {
            *place = before;
        }
        self.next = (self.next + 1) % MOST_KNOWN;
    }

    /// A request as it ended; `why` says more where it did not end well.
    pub(super) fn tell<T>(
        &mut self,
        cx: &mut Cx<'_>,
        asking: Asking<T>,
        outcome: Option<Outcome>,
        why: Option<&str>,
    ) {
        // Rows that count repetitions are told apart by outcome: the short path is for what was done, or needs no answer.
        let kind = match outcome {
            Some(Outcome::Ok) => Some(0),
            None => Some(1),
            _ => None,
        };
        let same = asking.same.filter(|_| why.is_none());
        let mut known = self.known.iter_mut();
        let row = same
            .and_then(|same| known.find(|before| before.same == same))
            .zip(kind)
            .and_then(|(before, kind)| before.rows.get_mut(kind));
        if let Some(Some(id)) = row
            && cx.again(*id, asking.asked.time)
        {
            return;
        }
        let mut op = Op::clone(&asking.op);
        op.outcome = outcome;
        op.asked = Some(asking.asked);
        if let Some(why) = why {
            op.detail = Some(match op.detail {
                Some(detail) => format!("{detail}, {why}"),
                None => why.to_owned(),
            });
        }
        let id = match self.asker {
            Some(asker) => {
                let to = *cx.flow.end(asking.side.other());
                cx.operation_between(&asker, &to, op)
            }
            None => cx.operation(asking.side, op),
        };
        if let Some(row) = row {
            *row = id;
        }
    }

    /// A request that got no answer, as far as was seen.
    pub(super) fn lost<T>(&mut self, cx: &mut Cx<'_>, asking: Asking<T>) {
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
}

/// The requests of one flow until their answers, at most `N` of them waiting, from either side.
#[derive(Debug)]
pub(super) struct Asks<K, T, const N: usize> {
    waiting: Pending<(bool, K), Asking<T>, N>,
    known: Known,
}

impl<K: PartialEq, T, const N: usize> Default for Asks<K, T, N> {
    fn default() -> Self {
        Asks {
            waiting: Pending::default(),
            known: Known::default(),
        }
    }
}

impl<K: PartialEq, T, const N: usize> Asks<K, T, N> {
    /// Whoever really asks, where that is not the flow's own end.
    pub(super) const fn asks_for(&mut self, asker: End) {
        self.known.asker = Some(asker);
    }

    /// `side` asks. `what` are the bytes that tell this request from others (no transaction number, no values); `op` says
    /// it in words, and is called only for requests that were not seen lately.
    pub(super) fn ask(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        key: K,
        tag: T,
        what: &[u8],
        op: impl FnOnce() -> Op,
    ) {
        let asking = self.known.ask(cx, side, Memo::fingerprint(what), op);
        let asking = asking.with(tag);
        if let Some(lost) = self.waiting.put((side == Side::Client, key), asking) {
            self.known.lost(cx, lost);
        }
    }

    /// A request that wants no answer: told at once, with no outcome.
    pub(super) fn ask_only(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        what: &[u8],
        op: impl FnOnce() -> Op,
    ) {
        cx.asks_nothing();
        let asking = self.known.ask(cx, side, Memo::fingerprint(what), op);
        self.known.tell(cx, asking, None, None);
    }

    /// The request of the other end that `answerer` answers, if it was seen. Where it was not, it may come yet: see
    /// [`Cx::comes_early`].
    pub(super) fn take(&mut self, cx: &mut Cx<'_>, answerer: Side, key: K) -> Option<Asking<T>> {
        let asking = self.waiting.take(&(answerer == Side::Server, key));
        if asking.is_none() && cx.flow.udp {
            cx.comes_early();
        }
        asking
    }

    /// It was done.
    pub(super) fn done(&mut self, cx: &mut Cx<'_>, asking: Asking<T>) {
        self.known.tell(cx, asking, Some(Outcome::Ok), None);
    }

    /// It was refused, for this reason.
    pub(super) fn refused(&mut self, cx: &mut Cx<'_>, asking: Asking<T>, why: &str) {
        self.known
            .tell(cx, asking, Some(Outcome::Refused), Some(why));
    }

    /// It was answered, and the answer does not say whether it was done.
    pub(super) fn answered(&mut self, cx: &mut Cx<'_>, asking: Asking<T>) {
        self.known.tell(cx, asking, None, None);
    }

    /// The order of answers was lost: what waits is told without an outcome.
    pub(super) fn forget(&mut self, cx: &mut Cx<'_>) {
        self.known.gap();
        self.close(cx);
    }

    /// The flow is over: what still waits did not get an answer.
    pub(super) fn close(&mut self, cx: &mut Cx<'_>) {
        let lost: Vec<Asking<T>> = self.waiting.drain().collect();
        for asking in lost {
            self.known.lost(cx, asking);
        }
    }
}

/// Only this maker's devices speak the protocol: concluded, not said by the device.
pub(super) fn maker(cx: &mut Cx<'_>, side: Side, name: &'static str) {
    let end = *cx.flow.end(side);
    let mac = match end.address {
        Address::Mac(mac) => Some(mac),
        Address::Ip(_) => end.mac.filter(|_| end.near),
    };
    cx.identity_of(mac, end.address.ip(), "maker", name, Grade::Inferred);
}

/// A fingerprint of several parts, in their order.
pub(super) fn fingerprint<const N: usize>(parts: [&[u8]; N]) -> u64 {
    parts.iter().fold(0, |hash, part| {
        hash.rotate_left(7) ^ Memo::fingerprint(part)
    })
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
