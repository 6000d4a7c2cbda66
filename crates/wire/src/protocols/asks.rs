//! Requests and their answers, told once: what controllers' protocols need between their messages and [`Cx`]; and content
//! that many messages carry piece after piece.
use std::collections::VecDeque;
use std::sync::Arc;

use facts::{Address, Grade};
use sha2::{Digest, Sha256};

use super::tls::hex;
use crate::{Asked, Cx, End, Memo, Op, Outcome, Pending, Side, Verb};

/// Different requests remembered, so that polling makes nothing out anew.
const MOST_SUBJECTS: usize = 16;

/// A request until its answer; `T` is what its decoder wants to know again by then.
#[derive(Debug)]
pub(super) struct Waiting<T> {
    pub side: Side,
    pub tag: T,
    pub asked: Asked,
    fingerprint: u64,
    op: Arc<Op>,
}

impl<T> Waiting<T> {
    pub(super) fn op(&self) -> &Op {
        &self.op
    }
}

/// The requests of one flow, at most `N` of them waiting, from either side.
#[derive(Debug)]
pub(super) struct Asks<K, T, const N: usize> {
    waiting: Pending<(bool, K), Waiting<T>, N>,
    known: Memo,
    subjects: VecDeque<(u64, Arc<Op>)>,
    /// Who really asks, where that is not the flow's own end.
    pub(super) asker: Option<End>,
}

impl<K: PartialEq, T, const N: usize> Default for Asks<K, T, N> {
    fn default() -> Self {
        Asks {
            waiting: Pending::default(),
            known: Memo::default(),
            subjects: VecDeque::new(),
            asker: None,
        }
    }
}

impl<K: PartialEq, T, const N: usize> Asks<K, T, N> {
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
        let waiting = self.request(cx, side, tag, what, op);
        if let Some(lost) = self.waiting.put((side == Side::Client, key), waiting) {
            let outcome = cx.unanswered(lost.side.other());
            self.tell(cx, lost, outcome, None);
        }
    }

    /// A request that wants no answer: told at once, with no outcome.
    pub(super) fn ask_only(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        tag: T,
        what: &[u8],
        op: impl FnOnce() -> Op,
    ) {
        let waiting = self.request(cx, side, tag, what, op);
        self.tell(cx, waiting, None, None);
    }

    fn request(
        &mut self,
        cx: &Cx<'_>,
        side: Side,
        tag: T,
        what: &[u8],
        op: impl FnOnce() -> Op,
    ) -> Waiting<T> {
        // Both ends may ask the same of each other: their rows differ.
        let fingerprint = Memo::fingerprint(what) ^ u64::from(side == Side::Client);
        let known = self
            .subjects
            .iter()
            .find(|(known, _)| *known == fingerprint);
        let op = match known {
            Some((_, op)) => Arc::clone(op),
            None => {
                let op = Arc::new(op());
                self.subjects.push_back((fingerprint, Arc::clone(&op)));
                if self.subjects.len() > MOST_SUBJECTS {
                    self.subjects.pop_front();
                }
                op
            }
        };
        Waiting {
            side,
            tag,
            asked: cx.asked(),
            fingerprint,
            op,
        }
    }

    /// The request of the other end that `answerer` answers, if it was seen.
    pub(super) fn take(&mut self, answerer: Side, key: K) -> Option<Waiting<T>> {
        self.waiting.take(&(answerer == Side::Server, key))
    }

    /// It was done.
    pub(super) fn done(&mut self, cx: &mut Cx<'_>, waiting: Waiting<T>) {
        self.tell(cx, waiting, Some(Outcome::Ok), None);
    }

    /// It was refused, for this reason.
    pub(super) fn refused(&mut self, cx: &mut Cx<'_>, waiting: Waiting<T>, why: &str) {
        self.tell(cx, waiting, Some(Outcome::Refused), Some(why));
    }

    /// It was answered, and the answer does not say whether it was done.
    pub(super) fn answered(&mut self, cx: &mut Cx<'_>, waiting: Waiting<T>) {
        self.tell(cx, waiting, None, None);
    }

    /// The order of answers was lost: what waits is told without an outcome.
    pub(super) fn forget(&mut self, cx: &mut Cx<'_>) {
        let lost: Vec<Waiting<T>> = self.waiting.drain().collect();
        for waiting in lost {
            self.tell(cx, waiting, None, None);
        }
    }

    fn tell(
        &mut self,
        cx: &mut Cx<'_>,
        waiting: Waiting<T>,
        outcome: Option<Outcome>,
        why: Option<&str>,
    ) {
        let Waiting {
            side,
            asked,
            fingerprint,
            op,
            ..
        } = waiting;
        // Rows that count repetitions are told apart by outcome: the short path is for what was done, or needs no answer.
        let repeats = op.verb.is_cyclic() && op.content_sha256.is_none() && why.is_none();
        let fingerprint = fingerprint.rotate_left(u32::from(outcome.is_none()));
        let short = repeats && outcome != Some(Outcome::Unanswered);
        if short
            && let Some(id) = self.known.get(fingerprint)
            && cx.again(id, asked.time)
        {
            return;
        }
        let mut op = Op::clone(&op);
        op.outcome = outcome;
        op.asked = Some(asked);
        if let Some(why) = why {
            op.detail = Some(match op.detail {
                Some(detail) => format!("{detail}, {why}"),
                None => why.to_owned(),
            });
        }
        let id = match self.asker {
            Some(asker) => {
                let to = *cx.flow.end(side.other());
                cx.operation_between(&asker, &to, op)
            }
            None => cx.operation(side, op),
        };
        if short {
            self.known.put(fingerprint, id);
        }
    }

    /// The flow is over: what still waits did not get an answer.
    pub(super) fn close(&mut self, cx: &mut Cx<'_>) {
        let lost: Vec<Waiting<T>> = self.waiting.drain().collect();
        for waiting in lost {
            let outcome = cx.unanswered(waiting.side.other());
            self.tell(cx, waiting, outcome, None);
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

/// Content that comes in pieces: a program, a file.
#[derive(Debug)]
pub(super) struct Carried {
    asked: Asked,
    hash: Sha256,
    bytes: u64,
    /// Where the next piece must begin for the content to be whole.
    next: u64,
    whole: bool,
}

impl Carried {
    /// Begins with the message at hand.
    pub(super) fn new(cx: &Cx<'_>) -> Carried {
        Carried::since(cx.asked())
    }

    /// Begins with an earlier request.
    pub(super) fn since(asked: Asked) -> Carried {
        Carried {
            asked,
            hash: Sha256::new(),
            bytes: 0,
            next: 0,
            whole: true,
        }
    }

    /// The next piece; `place` is where it belongs, if the protocol says so, in units of which it fills `length`.
    pub(super) fn piece(&mut self, place: Option<u64>, length: u64, content: &[u8]) {
        let place = place.unwrap_or(self.next);
        self.whole &= place == self.next;
        self.next = place.saturating_add(length);
        self.bytes = self.bytes.saturating_add(content.len() as u64);
        self.hash.update(content);
    }

    /// Something of it is missing.
    pub(super) const fn broken(&mut self) {
        self.whole = false;
    }

    /// One operation for all of it. `ended`: its last piece was seen.
    #[expect(clippy::too_many_arguments, reason = "an operation's parts")]
    pub(super) fn tell(
        self,
        cx: &mut Cx<'_>,
        asker: Side,
        verb: Verb,
        object: Option<String>,
        detail: Option<String>,
        outcome: Option<Outcome>,
        ended: bool,
    ) {
        let op = self.op(verb, object, detail, outcome, ended);
        cx.operation(asker, op);
    }

    /// The same, to be told by the caller.
    pub(super) fn op(
        self,
        verb: Verb,
        object: Option<String>,
        detail: Option<String>,
        outcome: Option<Outcome>,
        ended: bool,
    ) -> Op {
        let whole = self.whole && ended && self.bytes > 0;
        Op {
            verb,
            object,
            detail,
            outcome,
            content_bytes: (self.bytes > 0).then_some(self.bytes),
            content_sha256: whole.then(|| hex(&self.hash.finalize())),
            asked: Some(self.asked),
        }
    }
}
