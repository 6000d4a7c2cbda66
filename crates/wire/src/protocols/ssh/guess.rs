//! What can be guessed of a session that is encrypted: how often the login was refused, whether it succeeded, and whether
//! someone types in it or a file goes through it.
//!
//! A login is a strict turn-taking (RFC 4252): the client asks for the service, the server accepts; then each request has
//! its answer. The answer that all is well has a payload of one octet (RFC 4252, 5.1): no shorter packet exists, and its
//! length follows from cipher and MAC. A refusal lists the methods that can continue and is always of the same length.
//! Banners, answers put together in a segment, and servers that log in by other means can mislead: it stays a guess, and
//! says so.
use super::kex::Agreed;
use crate::Side;

/// Turns in which a login is looked for.
const MOST_TURNS: u32 = 64;
/// What goes one way after the login, before it is called a transfer and no longer counted.
const BULK: u64 = 256 * 1024;
/// A segment of the client that a few typed letters fill.
const TYPED: usize = 128;
/// Segments of that size that someone who types sends at least.
const MOST_TYPED: u32 = 10;

/// What was seen of one session since both ends began to encrypt.
#[derive(Debug, Default)]
pub(super) struct Guess {
    /// Length of the server's answer that the login succeeded; `None` while or where it cannot be told.
    success: Option<usize>,
    turns: u32,
    last: Option<Side>,
    /// Length of the first refusal: the answer to the client's question what methods there are.
    refusal: Option<usize>,
    refused: u32,
    in_since: bool,
    over: bool,
    up: u64,
    down: u64,
    typed: u32,
}

impl Guess {
    pub(super) fn begin(&mut self, agreed: &Agreed) {
        self.success = agreed.packet(1);
    }

    /// Bytes are missing: the turns cannot be counted any more.
    pub(super) const fn lost(&mut self) {
        self.over = true;
    }

    /// A segment's worth of encrypted bytes. `false`: what follows of this side adds nothing.
    pub(super) fn see(&mut self, side: Side, length: usize) -> bool {
        if self.over {
            return false;
        }
        if self.in_since {
            match side {
                Side::Client => self.up += length as u64,
                Side::Server => self.down += length as u64,
            }
            if side == Side::Client && length <= TYPED {
                self.typed = self.typed.saturating_add(1);
            }
            return self.up < BULK && self.down < BULK;
        }
        let Some(success) = self.success else {
            return false;
        };
        let turned = self.last != Some(side);
        self.last = Some(side);
        if side == Side::Client {
            self.turns += u32::from(turned);
            return self.turns < MOST_TURNS;
        }
        // The first turn asks for the service; what the server adds to an answer is not one.
        if !turned || self.turns < 2 {
            return true;
        }
        if length == success {
            self.in_since = true;
        } else if self.refusal.is_none() {
            // The client's first request names no method and is refused with the list (RFC 4252, 5.2).
            self.refusal = Some(length);
        } else if self.refusal == Some(length) {
            self.refused += 1;
        }
        true
    }

    /// How often the login was refused, where it never succeeded.
    pub(super) const fn turned_down(&self) -> u32 {
        if self.in_since { 0 } else { self.refused }
    }

    /// The guess in words, if there is anything to say.
    pub(super) fn words(&self) -> Option<String> {
        let times = |count: u32| match count {
            0 => String::new(),
            1 => " after 1 refusal".to_owned(),
            many => format!(" after {many} refusals"),
        };
        let login = if self.in_since {
            format!("logged in{}", times(self.refused))
        } else {
            match self.refused {
                0 => return None,
                1 => "login refused once".to_owned(),
                many => format!("login refused {many} times"),
            }
        };
        let doing = if self.up >= BULK {
            ", bulk to the server"
        } else if self.down >= BULK {
            ", bulk to the client"
        } else if self.typed >= MOST_TYPED {
            ", typed at"
        } else {
            ""
        };
        Some(format!("by sizes: {login}{doing}"))
    }
}
