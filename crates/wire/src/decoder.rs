//! What every protocol is to the rest of the house: a [`Decoder`] in the one registry, and a [`Dialogue`] per flow.
//!
//! The engine hands a dialogue contiguous bytes of one side, at the start of a message, in place wherever the message
//! lies whole in a segment. The dialogue answers with a [`Step`]: it never copies, never waits, never sees a gap as a
//! surprise.
use facts::kinds::Verb;

use crate::Cx;
use crate::reader::Malformed;

/// A protocol, as one line of the registry.
#[derive(Clone, Copy)]
pub struct Decoder {
    /// The name that facts and the site file's services use, e.g. `s7comm`.
    pub name: &'static str,
    /// For people, e.g. `S7comm (Siemens S7-300/400)`.
    pub title: &'static str,
    /// Where it may be found. For layer 2 that decides; for TCP and UDP it is a hint only.
    pub carriers: &'static [Carrier],
    /// Tells by content whether a flow speaks it. Not asked on layer 2.
    pub probe: fn(&Head<'_>) -> Probe,
    /// A fresh dialogue for a flow.
    pub open: fn() -> Box<dyn Dialogue>,
    /// Someone can work on a host by it: its conversations are remote sessions.
    pub remote: bool,
    /// Operations it can emit.
    pub operations: &'static [Verb],
    /// What it reads and what it gives, in a sentence.
    pub about: &'static str,
    /// Standards and sources it was written from.
    pub spec: &'static str,
    /// What it does not see.
    pub blind: &'static str,
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Decoder({})", self.name)
    }
}

/// What carries a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// Port of the server.
    Tcp(u16),
    /// Port of the server.
    Udp(u16),
    /// EtherType of frames without an IP packet.
    EtherType(u16),
    /// LLC destination service access point.
    Llc(u8),
    /// SNAP organisation and protocol.
    Snap(u32, u16),
    /// Management frames of radio (IEEE 802.11).
    Radio,
}

/// Which end of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The end that asks.
    Client,
    /// The end that is asked.
    Server,
}

impl Side {
    /// The end opposite.
    #[must_use]
    pub const fn other(self) -> Side {
        match self {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        }
    }
}

/// The first bytes that one end sent, as a probe sees them.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// In order and without a gap among them.
    pub bytes: &'a [u8],
    /// By UDP: the bytes are one datagram.
    pub udp: bool,
    /// Port of the end that sent them.
    pub from: u16,
    /// Port of the other end.
    pub to: u16,
    /// The bytes are the first of their direction (false: picked up in the middle).
    pub first: bool,
    /// More bytes of the same message may still come (never so for UDP).
    pub open: bool,
}

impl Head<'_> {
    /// One of the ports is `port`: a hint, for content that says little of itself.
    pub const fn on(&self, port: u16) -> bool {
        self.from == port || self.to == port
    }

    /// Probe by reading: `Ok(role)` is ours, too short is "need more" while more may come, anything else is not.
    pub fn read(
        &self,
        read: impl FnOnce(&mut crate::Reader<'_>) -> Result<Sender, Malformed>,
    ) -> Probe {
        match read(&mut crate::Reader::new(self.bytes)) {
            Ok(sender) => Probe::Ours(sender),
            Err(Malformed::Short) if self.open => Probe::NeedMore,
            Err(_) => Probe::NotOurs,
        }
    }
}

/// What a probe says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// The flow speaks the protocol; who sent the bytes, where they tell.
    Ours(Sender),
    /// Fits so far, and the next bytes decide.
    NeedMore,
    /// It is some other protocol.
    NotOurs,
}

/// Who must have sent the bytes, by the protocol's roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// A request: they are the client's.
    Client,
    /// An answer: they are the server's.
    Server,
    /// Either end could have sent them.
    Unknown,
}

/// What a dialogue did with the bytes it was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Read a message of this many bytes (at least 1).
    Took(usize),
    /// The message has this many bytes in all, more than were shown.
    Need(usize),
    /// This many bytes from the start of those shown (and beyond them) need no look.
    Skip(u64),
    /// Not a message: an oddity of this name is noted, and the engine looks for the next message.
    Bad(&'static str),
    /// The rest of this direction is of no interest: encrypted, or bulk.
    Done,
}

impl Step {
    /// The step for a message of `length` bytes that could not be read: short ones wait for more.
    pub const fn from_error(error: Malformed, shown: usize) -> Step {
        match error {
            Malformed::Short => Step::Need(shown + 1),
            Malformed::Bad(what) => Step::Bad(what),
        }
    }
}

/// The state of one flow that speaks a protocol. Bounded: whatever it keeps has a named limit.
pub trait Dialogue: Send {
    /// Bytes of one side from the start of a message on; a whole datagram, frame or as much of a stream as is there.
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step;

    /// `lost` bytes of this side are missing; the next message starts somewhere in what follows.
    fn gap(&mut self, _cx: &mut Cx<'_>, _side: Side, _lost: u64) {}

    /// `lost` bytes of this side are missing. `true`: they lie in content of known length, so that it is known what the next
    /// bytes are; [`Dialogue::gap`] is not called then.
    fn bridge(&mut self, _cx: &mut Cx<'_>, _side: Side, _lost: u64) -> bool {
        false
    }

    /// This side closed its stream, and all of it was handed on.
    fn over(&mut self, _cx: &mut Cx<'_>, _side: Side) {}

    /// The flow is over, or the capture is: whatever still waits for an answer did not get one.
    fn close(&mut self, _cx: &mut Cx<'_>) {}

    /// [`Dialogue::close`] would tell nothing, and what is known of the connection matters to nothing else: once it is over, the
    /// dialogue need not be kept. `false` costs no more than memory.
    fn is_settled(&self) -> bool {
        false
    }
}

/// Requests that wait for their answers, at most `N`: the oldest gives way.
#[derive(Clone, Debug)]
pub struct Pending<K, V, const N: usize> {
    waiting: std::collections::VecDeque<(K, V)>,
}

impl<K, V, const N: usize> Default for Pending<K, V, N> {
    fn default() -> Self {
        Pending {
            waiting: std::collections::VecDeque::new(),
        }
    }
}

impl<K: PartialEq, V, const N: usize> Pending<K, V, N> {
    /// Adds a request; gives the one that lost its place, unanswered. A repeated key replaces nothing: both wait.
    pub fn put(&mut self, key: K, value: V) -> Option<V> {
        // Mostly one at a time waits, and there may be a million flows: room for several comes with the second.
        if self.waiting.capacity() == 0 {
            self.waiting.reserve_exact(1);
        }
        self.waiting.push_back((key, value));
        if self.waiting.len() > N {
            self.waiting.pop_front().map(|(_, value)| value)
        } else {
            None
        }
    }

    /// The oldest request with that key.
    pub fn take(&mut self, key: &K) -> Option<V> {
        // Nearly always the answer is to the oldest.
        if self
            .waiting
            .front()
            .is_some_and(|(waiting, _)| waiting == key)
        {
            return self.waiting.pop_front().map(|(_, value)| value);
        }
        let place = self
            .waiting
            .iter()
            .position(|(waiting, _)| waiting == key)?;
        self.waiting.remove(place).map(|(_, value)| value)
    }

    /// Whether a request with that key waits.
    pub fn holds(&self, key: &K) -> bool {
        self.waiting.iter().any(|(waiting, _)| waiting == key)
    }

    /// All that still wait, the oldest first; none waits afterwards.
    pub fn drain(&mut self) -> impl Iterator<Item = V> + '_ {
        self.waiting.drain(..).map(|(_, value)| value)
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// No request waits for its answer.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

/// The short path for cyclic requests: what was asked last, and which row counts it. Eight are remembered.
#[derive(Clone, Debug, Default)]
pub struct Memo {
    known: [(u64, Option<crate::OpId>); 8],
    next: usize,
}

impl Memo {
    /// The row of a request with these bytes (without its transaction number), if it was seen lately.
    pub fn get(&self, request: u64) -> Option<crate::OpId> {
        self.known
            .iter()
            .find(|(known, _)| *known == request)
            .and_then(|(_, id)| *id)
    }

    /// Remembers the row of a request, in place of the one that it had before.
    pub fn put(&mut self, request: u64, id: Option<crate::OpId>) {
        if let Some(place) = self.known.iter_mut().find(|(known, _)| *known == request) {
            *place = (request, id);
            return;
        }
        if let Some(place) = self.known.get_mut(self.next) {
            *place = (request, id);
        }
        self.next = (self.next + 1) % self.known.len();
    }

    /// A fingerprint of bytes; equal bytes give equal fingerprints, different ones collide once in 2^64.
    pub fn fingerprint(bytes: &[u8]) -> u64 {
        // FNV-1a by words with a final mix: requests are short, and this is called for each.
        let mut hash = 0xcbf2_9ce4_8422_2325u64;
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            hash = (hash ^ u64::from_le_bytes(*word)).wrapping_mul(0x0000_0100_0000_01b3);
            hash ^= hash >> 29;
        }
        for byte in rest {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        hash ^= bytes.len() as u64;
        hash = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash ^ (hash >> 32)
    }
}
