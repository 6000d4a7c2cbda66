//! Which answer belongs to which request: by the sender's mark outside of connections, by connection and sequence count
//! inside of them.
use std::collections::VecDeque;
use std::sync::Arc;

use super::batch::Work;
use super::ops::Doing;
use crate::{At, Side};

/// Requests that wait for their answers.
const MOST_WAITING: usize = 128;
/// Connections inside of one session.
const MOST_LINKS: usize = 32;

/// What a request is found again by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// The sender's own mark, outside of connections.
    Context(u16, [u8; 8]),
    /// Connection towards the target, and sequence count.
    Connected(u32, u16),
}

pub(super) struct Waiting {
    pub key: Key,
    pub side: Side,
    pub asked: Asked,
    pub at: At,
    gaps: u32,
}

/// What was asked, until it is answered.
pub(super) enum Asked {
    Told {
        doing: Arc<Doing>,
        fingerprint: u64,
        route: Option<Arc<str>>,
    },
    Part(Work),
    Several(Vec<Asked>),
    Open {
        route: Option<Arc<str>>,
        implicit: bool,
        writes: bool,
    },
    Nothing,
}

/// A connection of class 3: its two numbers, and where it leads.
struct Link {
    to_target: u32,
    to_origin: Option<u32>,
    route: Option<Arc<str>>,
}

/// The requests of one session that wait, and its connections.
#[derive(Default)]
pub(super) struct Pairing {
    waiting: VecDeque<Waiting>,
    links: VecDeque<Link>,
    /// Gaps so far: an answer to what was asked before one may have been lost.
    gaps: u32,
}

impl Pairing {
    /// No request waits, and no link is open.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.links.is_empty()
    }

    /// Adds a request; gives the one that lost its place.
    pub(super) fn put(&mut self, key: Key, side: Side, asked: Asked, at: At) -> Option<Waiting> {
        let gaps = self.gaps;
        self.waiting.push_back(Waiting {
            key,
            side,
            asked,
            at,
            gaps,
        });
        if self.waiting.len() > MOST_WAITING {
            self.waiting.pop_front()
        } else {
            None
        }
    }

    pub(super) fn next(&mut self) -> Option<Waiting> {
        self.waiting.pop_front()
    }

    pub(super) const fn gap(&mut self) {
        self.gaps = self.gaps.saturating_add(1);
    }

    /// Nothing was lost since the request.
    pub(super) const fn complete_since(&self, waiting: &Waiting) -> bool {
        waiting.gaps == self.gaps
    }

    /// A request of the client with that key waits.
    pub(super) fn waits(&self, is: impl Fn(Key) -> bool) -> bool {
        self.waiting
            .iter()
            .any(|waiting| waiting.side == Side::Client && is(waiting.key))
    }

    /// The oldest request of the other side with that key; after a gap the youngest, since answers may be missing.
    pub(super) fn take(&mut self, side: Side, is: impl Fn(Key) -> bool) -> Option<Waiting> {
        let asker = side.other();
        let fits = |waiting: &Waiting| waiting.side == asker && is(waiting.key);
        let oldest = self.waiting.iter().position(fits)?;
        let before_gap = self
            .waiting
            .get(oldest)
            .is_some_and(|waiting| waiting.gaps != self.gaps);
        let place = if before_gap {
            self.waiting.iter().rposition(fits)?
        } else {
            oldest
        };
        if place == 0 {
            return self.waiting.pop_front();
        }
        self.waiting.remove(place)
    }

    /// The answer comes on the connection's other number: which one belongs to which is learned here.
    pub(super) fn take_connected(
        &mut self,
        side: Side,
        connection: u32,
        sequence: u16,
    ) -> Option<Waiting> {
        let target = self
            .links
            .iter()
            .find(|link| link.to_origin == Some(connection))
            .map(|link| link.to_target);
        if let Some(target) = target {
            return self.take(side, |key| key == Key::Connected(target, sequence));
        }
        let waiting = self.take(
            side,
            |key| matches!(key, Key::Connected(_, known) if known == sequence),
        )?;
        if let Key::Connected(to_target, _) = waiting.key {
            let known = self
                .links
                .iter_mut()
                .find(|link| link.to_target == to_target);
            match known {
                Some(link) => link.to_origin = Some(connection),
                None => self.link(Link {
                    to_target,
                    to_origin: Some(connection),
                    route: None,
                }),
            }
        }
        Some(waiting)
    }

    /// Where a connection towards the target leads.
    pub(super) fn route(&self, to_target: u32) -> Option<Arc<str>> {
        self.links
            .iter()
            .find(|link| link.to_target == to_target)
            .and_then(|link| link.route.clone())
    }

    /// A connection was opened.
    pub(super) fn opened(&mut self, to_target: u32, to_origin: u32, route: Option<Arc<str>>) {
        self.links.retain(|link| link.to_target != to_target);
        self.link(Link {
            to_target,
            to_origin: Some(to_origin),
            route,
        });
    }

    fn link(&mut self, link: Link) {
        if self.links.len() >= MOST_LINKS {
            self.links.pop_front();
        }
        self.links.push_back(link);
    }
}
