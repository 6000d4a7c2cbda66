//! A flow at rest: one that has been silent for a while, without what only packets in close succession need, and of a
//! connection that is over without its dialogue. There may be a million of them.
//!
//! Nothing that is told changes by it: a packet that comes late wakes the flow, and finds it as it was. Where a connection
//! that is over brings new content all the same (its end was forged, or those who speak do not keep to it), who reads it begins
//! anew, as behind a gap.
use facts::Time;

use super::legs::{Legs, Trace};
use super::{Direction, Flow, Key, MOST_FRAMES, Talk, Tap, Told, Transport};
use crate::cx::Learned;
use crate::decoder::{Decoder, Dialogue};

/// A flow at rest.
pub(crate) struct Resting {
    pub key: Key,
    first: Time,
    pub last: Time,
    sent: [Direction; 2],
    legs: Trace,
    said: Said,
    capture: u32,
    frames: [u32; MOST_FRAMES],
    pub nth: u32,
    taps: [Tap; 2],
    frame_count: u8,
    client: u8,
    told: Told,
    marks: u8,
    icmp: (u8, u8),
}

/// What a flow at rest keeps of what it said.
enum Said {
    Nothing,
    /// Who reads it, and how far that is, unless it is over.
    Plain(&'static Decoder, Option<Box<dyn Dialogue>>),
    /// The same, and what was learned of it.
    Learned(Box<Lesson>),
    /// Everything: what is peculiar to it.
    All(Box<Talk>),
}

struct Lesson {
    decoder: Option<&'static Decoder>,
    dialogue: Option<Box<dyn Dialogue>>,
    learned: Learned,
}

impl Said {
    fn of(talk: Option<Box<Talk>>) -> Said {
        let Some(mut talk) = talk else {
            return Said::Nothing;
        };
        if !talk.is_plain() {
            return Said::All(talk);
        }
        let (decoder, dialogue) = (talk.decoder, talk.dialogue.take());
        match decoder {
            _ if !talk.learned.is_nothing() => Said::Learned(Box::new(Lesson {
                decoder,
                dialogue,
                learned: std::mem::take(&mut talk.learned),
            })),
            Some(decoder) => Said::Plain(decoder, dialogue),
            None => Said::Nothing,
        }
    }

    fn talk(self) -> Option<Box<Talk>> {
        match self {
            Said::Nothing => None,
            Said::Plain(decoder, dialogue) => Some(Box::new(Talk {
                decoder: Some(decoder),
                dialogue,
                ..Talk::default()
            })),
            Said::Learned(lesson) => {
                let Lesson {
                    decoder,
                    dialogue,
                    learned,
                } = *lesson;
                Some(Box::new(Talk {
                    decoder,
                    dialogue,
                    learned,
                    ..Talk::default()
                }))
            }
            Said::All(talk) => Some(talk),
        }
    }
}

impl Talk {
    /// Nothing is known but who reads it and what that learned, and nothing waits to be read. The view does not count.
    fn is_plain(&self) -> bool {
        let Talk {
            decoder: _,
            dialogue: _,
            view: _,
            learned: _,
            held,
            early,
            parent,
            named,
            opened,
            forwarders,
            inner,
            within,
            depth: _,
            framed: _,
            hidden: _,
        } = self;
        held.iter().all(super::Held::is_empty)
            && early.is_empty()
            && parent.is_none()
            && named.is_none()
            && opened.is_none()
            && forwarders.is_empty()
            && inner.is_none()
            && within.is_none()
    }
}

impl Flow {
    /// Whether a connection came to its end: both ends closed it, or one broke it off, and nothing lacks that was said until
    /// then.
    pub(crate) fn is_over(&self) -> bool {
        is_over(self.key.transport, &self.sent)
    }

    /// A connection that is over and was silent for a while needs its dialogue no longer, unless that has something to
    /// tell yet.
    pub(crate) fn leave_off(&mut self) {
        if !self.is_over() {
            return;
        }
        let Some(talk) = &mut self.talk else { return };
        let settled = talk
            .dialogue
            .as_ref()
            .is_none_or(|dialogue| dialogue.is_settled());
        let doubted = talk.held.iter().any(|held| held.doubt());
        if !settled || doubted || talk.inner.is_some() {
            return;
        }
        talk.dialogue = None;
        talk.held = Default::default();
        self.unweighed = true;
    }

    pub(crate) fn rest(self) -> Resting {
        let Flow {
            key,
            first,
            last,
            sent,
            legs,
            talk,
            capture,
            frames,
            nth,
            // Nothing waits in a flow at rest.
            held: _,
            unweighed: _,
            taps,
            frame_count,
            client,
            told,
            marks,
            icmp,
            changed: _,
        } = self;
        Resting {
            key,
            first,
            last,
            sent,
            legs: legs.rest(),
            said: Said::of(talk),
            capture,
            frames,
            nth,
            taps,
            frame_count,
            client,
            told,
            marks,
            icmp,
        }
    }
}

impl Resting {
    /// Its end may tell of what others share with it.
    pub(crate) const fn has_to_tell(&self) -> bool {
        !matches!(self.said, Said::Nothing | Said::Plain(_, None))
    }

    pub(crate) fn is_over(&self) -> bool {
        is_over(self.key.transport, &self.sent)
    }

    pub(crate) fn wake(self) -> Flow {
        let Resting {
            key,
            first,
            last,
            sent,
            legs,
            said,
            capture,
            frames,
            nth,
            taps,
            frame_count,
            client,
            told,
            marks,
            icmp,
        } = self;
        Flow {
            key,
            first,
            last,
            sent,
            legs: Legs::wake(legs),
            talk: said.talk(),
            capture,
            frames,
            nth,
            held: 0,
            unweighed: false,
            taps,
            frame_count,
            client,
            told,
            marks,
            icmp,
            // The view of it is worked out anew.
            changed: true,
        }
    }
}

fn is_over(transport: Transport, [one, other]: &[Direction; 2]) -> bool {
    let (one, other) = (&one.stream, &other.stream);
    transport == Transport::Tcp
        && one.is_whole()
        && other.is_whole()
        && (one.is_cut() || other.is_cut() || one.is_over() && other.is_over())
}

#[test]
fn a_flow_at_rest_stays_small() {
    assert!(size_of::<Resting>() <= 352, "{}", size_of::<Resting>());
}
