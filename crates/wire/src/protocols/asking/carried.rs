//! Content that crosses in pieces: a program, a file.
use sha2::{Digest, Sha256};

use super::Asking;
use crate::protocols::tls::hex;
use crate::{Asked, Cx, Op, Outcome, Side, Verb};

/// Frames remembered of a file or program, besides those of its begin and its end.
const MOST_FRAMES: usize = 12;

/// Content that comes in pieces, and the request that it belongs to: `A` is that in words, or only where it was seen.
#[derive(Debug)]
pub(in crate::protocols) struct Carried<A = Asking> {
    pub(in crate::protocols) asking: A,
    hash: Sha256,
    bytes: u64,
    /// Where the next piece must begin for the content to be whole.
    next: u64,
    whole: bool,
    /// Captures and frames of the pieces.
    frames: Vec<(u32, u32)>,
}

impl<A> Carried<A> {
    /// `from_start`: the first piece that comes is the first there is.
    fn begin(asking: A, from_start: bool) -> Carried<A> {
        Carried {
            asking,
            hash: Sha256::new(),
            bytes: 0,
            next: 0,
            whole: from_start,
            frames: Vec::new(),
        }
    }

    /// The next piece; `place` is where it belongs, if the protocol says so, in units of which it fills `length`.
    pub(in crate::protocols) fn piece(&mut self, place: Option<u64>, length: u64, content: &[u8]) {
        let place = place.unwrap_or(self.next);
        self.whole &= place == self.next;
        self.next = place.saturating_add(length);
        self.bytes = self.bytes.saturating_add(content.len() as u64);
        self.hash.update(content);
    }

    /// A piece is missing.
    pub(in crate::protocols) const fn broke(&mut self) {
        self.whole = false;
    }

    pub(in crate::protocols) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Size and hash, of content that came to its end.
    fn sums(&mut self, ended: bool) -> (Option<u64>, Option<String>) {
        let whole = ended && self.whole;
        let hash = whole.then(|| hex(&self.hash.finalize_reset()));
        ((self.bytes > 0 || whole).then_some(self.bytes), hash)
    }
}

impl Carried<Asked> {
    /// Begins with the message at hand.
    pub(in crate::protocols) fn here(cx: &Cx<'_>) -> Carried<Asked> {
        Carried::since(cx.asked())
    }

    /// Begins with an earlier request.
    pub(in crate::protocols) fn since(asked: Asked) -> Carried<Asked> {
        Carried::begin(asked, true)
    }

    /// One operation for all of it. `ended`: its last piece was seen.
    #[expect(clippy::too_many_arguments, reason = "an operation's parts")]
    pub(in crate::protocols) fn tell_as(
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
    pub(in crate::protocols) fn op(
        mut self,
        verb: Verb,
        object: Option<String>,
        detail: Option<String>,
        outcome: Option<Outcome>,
        ended: bool,
    ) -> Op {
        let (content_bytes, content_sha256) = self.sums(ended && self.bytes > 0);
        Op {
            verb,
            object,
            detail,
            outcome,
            content_bytes,
            content_sha256,
            asked: Some(self.asking),
        }
    }
}

impl Carried {
    pub(in crate::protocols) fn new(asking: Asking, from_start: bool) -> Carried {
        Carried::begin(asking, from_start)
    }

    /// The next piece, which the message at hand carries.
    pub(in crate::protocols) fn add(&mut self, cx: &Cx<'_>, piece: &[u8]) {
        self.piece(None, piece.len() as u64, piece);
        let room = MOST_FRAMES.saturating_sub(self.frames.len());
        let here = cx.frames.iter().map(|frame| (cx.at.capture, *frame));
        self.frames.extend(here.take(room));
    }

    /// Told as it ended. `ended`: every piece was there, if none was seen to be missing.
    pub(in crate::protocols) fn tell(
        mut self,
        cx: &mut Cx<'_>,
        ended: bool,
        outcome: Option<Outcome>,
        why: Option<&str>,
    ) {
        let (content_bytes, content_sha256) = self.sums(ended);
        let incomplete = content_sha256.is_none() && self.bytes > 0;
        let words = self.asking.op().detail.as_deref();
        let more = incomplete.then_some("content incomplete");
        let detail: Vec<&str> = [words, more, why].into_iter().flatten().collect();
        let op = Op {
            object: self.asking.op().object.clone(),
            detail: Some(detail.join(", ")),
            outcome,
            content_bytes,
            content_sha256,
            ..Op::new(self.asking.op().verb)
        };
        let op = Op {
            asked: Some(self.asking.asked),
            ..op
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
    pub(in crate::protocols) fn tell_late(
        self,
        cx: &mut Cx<'_>,
        ended: bool,
        outcome: Option<Outcome>,
    ) {
        let frames = std::mem::take(&mut cx.frames);
        self.tell(cx, ended, outcome, None);
        cx.frames = frames;
    }
}
