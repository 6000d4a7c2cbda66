//! What a dialogue learns of its flow, for the engine and for the row of the conversation.
use std::borrow::Cow;

use super::Handover;

/// What a dialogue learned of its flow itself.
#[derive(Debug, Default)]
pub(crate) struct Learned {
    pub variant: Option<Cow<'static, str>>,
    pub user: Option<String>,
    pub detail: Option<String>,
    pub swap: bool,
    pub session: bool,
    /// What the flow is, finer than its decoder's name.
    pub name: Option<&'static str>,
    /// The last echo request of ICMP, if this is such a flow.
    pub echo: Option<Box<crate::net::control::Echo>>,
    /// Where what follows goes, until the engine took note of it.
    pub handover: Option<Box<Handover>>,
    /// The way that this flow takes inside another.
    pub through: Option<Box<str>>,
    /// Where the flow goes, if that is known by name alone: the address of the server is that of who passes it on.
    pub asked_for: Option<Box<str>>,
    /// The capture lacks the end of the datagram at hand.
    pub cut: bool,
    /// What becomes of the datagram at hand if its request was not seen.
    pub early: Early,
    /// The datagram at hand asks for no answer.
    pub quiet: bool,
    /// What answer the datagrams so far ask for.
    pub answer: Answer,
}

impl Learned {
    /// Nothing that outlasts a message.
    pub(crate) fn is_nothing(&self) -> bool {
        let Learned {
            variant,
            user,
            detail,
            swap,
            session,
            name,
            echo,
            handover,
            through,
            asked_for,
            cut: _,
            early: _,
            quiet: _,
            answer,
        } = self;
        variant.is_none()
            && user.is_none()
            && detail.is_none()
            && !swap
            && !session
            && name.is_none()
            && echo.is_none()
            && handover.is_none()
            && through.is_none()
            && asked_for.is_none()
            && matches!(answer, Answer::Due | Answer::Open)
    }

    /// A datagram was read.
    pub(crate) fn read_one(&mut self) {
        let quiet = std::mem::take(&mut self.quiet);
        self.answer = match self.answer {
            Answer::Open | Answer::NotDue if quiet => Answer::NotDue,
            Answer::Elsewhere => Answer::Elsewhere,
            _ => Answer::Due,
        };
    }
}

/// What answer the datagrams of a flow ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Answer {
    /// At least one of them asks for one.
    #[default]
    Due,
    /// None was read yet.
    Open,
    /// None of them asks for any.
    NotDue,
    /// It came in a conversation of its own.
    Elsewhere,
}

/// Whether a datagram may answer what was not asked yet: where a sensor hears both ways on different paths, an answer can overtake
/// its request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Early {
    /// It has to be read as it is.
    #[default]
    No,
    May,
    /// It does, and is shown again when more is known.
    Does,
}
