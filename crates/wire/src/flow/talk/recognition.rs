//! Which protocol a flow speaks: the decoders are asked what its first bytes are, and whoever knows them reads on.
use super::{Engine, MOST_FRAMES};
use crate::cx::{Answer, At};
use crate::decoder::{Carrier, Decoder, Dialogue, Head, Probe, Sender};
use crate::flow::{Flow, Talk, Told, Transport};
use crate::protocols;

/// Bytes of an unrecognised direction kept for the probes.
pub(super) const MOST_HEAD: usize = 2048;
/// Places at which an unrecognised direction is probed before it stays unrecognised.
pub(super) const MOST_TRIES: u8 = 8;

impl Engine<'_> {
    /// A datagram of a flow that nobody recognised yet.
    pub(super) fn recognise_datagram(
        &mut self,
        flow: &mut Flow,
        which: usize,
        bytes: &[u8],
        at: At,
    ) -> bool {
        if self.announced_since(flow, at) {
            return true;
        }
        let (from, to) = (flow.key.end(which).1, flow.key.end(1 - which).1);
        let again = flow.dir(which).packets.is_power_of_two();
        let tap = flow.tap_mut(which);
        if tap.tries > MOST_TRIES && !again {
            return false;
        }
        let worn = tap.tries >= MOST_TRIES;
        let first = !tap.started;
        tap.started = true;
        tap.tries += u8::from(!worn);
        let head = Head {
            bytes,
            udp: true,
            from,
            to,
            first,
            open: false,
        };
        // Those whose port it is are asked for as long as the flow lasts: garbage ahead must not buy silence for what
        // follows. The others are asked ever more seldom, as in enough datagrams anything can be found.
        let found = if worn && !again {
            probe_at(&head, true)
        } else {
            probe(&head)
        };
        let Found::Is(decoder, sender) = found else {
            let tap = flow.tap_mut(which);
            if !worn && tap.tries == MOST_TRIES && !hinted(&head) {
                tap.tries += 1;
            }
            return false;
        };
        let mut talk = flow.talk.take().unwrap_or_default();
        open(flow, &mut talk, decoder, sender, which);
        flow.talk = Some(talk);
        true
    }

    /// A flow of datagrams may overtake its announcement, where a sensor hears both ways on different paths: so the first of
    /// them are held against what was announced since.
    pub(super) fn announced_since(&mut self, flow: &mut Flow, at: At) -> bool {
        let young = flow.tap(0).tries.max(flow.tap(1).tries) < MOST_TRIES;
        let known = flow.talk.as_ref().is_some_and(|talk| talk.parent.is_some());
        if self.expected.is_empty() || !young || known || flow.key.transport != Transport::Udp {
            return false;
        }
        for which in [0, 1] {
            let ((address, port), other) = (flow.key.end(which), flow.key.end(1 - which).0);
            let Some(ip) = address.ip() else { continue };
            let expected = self.expected.get_mut(&(ip, port, true, other.ip()));
            let Some(expected) = expected.filter(|expected| expected.until >= at.now) else {
                continue;
            };
            // What has no dialogue has nothing to catch up with.
            if let (Some(decoder), Some(dialogue)) = (expected.decoder, expected.dialogue.take()) {
                flow.talk().parent = Some(expected.parent);
                open_expected(flow, decoder, Some(dialogue));
                return true;
            }
        }
        false
    }

    /// An unrecognised stream: probes its head, and the starts of later segments.
    pub(super) fn recognise(
        &mut self,
        flow: &mut Flow,
        talk: &mut Talk,
        which: usize,
        bytes: &[u8],
        at: At,
    ) {
        if let Some(decoder) = talk.decoder {
            return self.resume(flow, talk, decoder, which, bytes, at);
        }
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
}

impl Engine<'_> {
    /// New content of a connection that was over: whoever read it begins anew, as behind a gap.
    #[cold]
    fn resume(
        &mut self,
        flow: &mut Flow,
        talk: &mut Talk,
        decoder: &'static Decoder,
        which: usize,
        bytes: &[u8],
        at: At,
    ) {
        talk.dialogue = Some((decoder.open)());
        for end in [0, 1] {
            flow.tap_mut(end).lost = true;
        }
        flow.unweighed = true;
        self.feed_kept(flow, talk, which, bytes, at);
    }
}

pub(super) enum Found {
    Is(&'static Decoder, Sender),
    Maybe,
    No,
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
pub(super) fn probe_at(head: &Head<'_>, hinted: bool) -> Found {
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

/// There is a decoder whose port it is.
fn hinted(head: &Head<'_>) -> bool {
    let mut all = protocols::ALL.iter();
    all.any(|decoder| decoder.is_at(head.udp, head.from, head.to))
}

/// It is the port of a decoder for datagrams, and not of the one that reads the flow.
pub(super) fn is_others(flow: &Flow, talk: &Talk) -> bool {
    let (from, to) = (flow.key.end(0).1, flow.key.end(1).1);
    let here = |decoder: &Decoder| decoder.is_at(true, from, to);
    flow.key.transport == Transport::Udp
        && !talk.decoder.is_some_and(here)
        && protocols::ALL.iter().any(|decoder| here(decoder))
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
pub(super) fn open(
    flow: &mut Flow,
    talk: &mut Talk,
    decoder: &'static Decoder,
    sender: Sender,
    which: usize,
) {
    talk.decoder = Some(decoder);
    talk.dialogue = Some((decoder.open)());
    talk.learned.answer = Answer::Open;
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
    talk.learned.answer = Answer::Open;
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
