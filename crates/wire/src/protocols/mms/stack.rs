//! What stands between the transport and MMS: session, presentation, association control.
//!
//! Spec: ITU-T X.225, 8.3 (session units), X.226, 8.2 to 8.4 (presentation), X.227, 7.1 (association control).
use super::ber::{self, APPLICATION, CONSTRUCTED, PRIMITIVE, SEQUENCE, UNIVERSAL};
use crate::{Malformed, Reader, Sender};

/// Object identifier 1.0.9506.2, without its last number: MMS.
const MMS: [u8; 4] = [0x28, 0xca, 0x22, 0x02];
/// Give tokens, then data: what stands before each message once a session is up.
const DATA: [u8; 4] = [1, 0, 1, 0];

/// What a transport message carries.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Carried<'a> {
    /// The MMS message, if there is one.
    pub mms: Option<&'a [u8]>,
    /// Whoever associates gave a password; whether that was empty.
    pub password: Option<bool>,
}

/// Takes off what stands around an MMS message. Without a session the message stands by itself.
pub(super) fn open(content: &[u8]) -> Result<Carried<'_>, Malformed> {
    if let Some(data) = content.strip_prefix(&DATA) {
        let mms = presented(data).ok_or(Malformed::Bad("presentation"))?;
        return Ok(Carried {
            mms: Some(mms),
            password: None,
        });
    }
    match content.first() {
        Some(0x0d | 0x0e) => {
            let user = user_data(content).ok_or(Malformed::Bad("session parameters"))?;
            Ok(associated(user))
        }
        // Refuse, finish, disconnect, abort and their like.
        Some(0x01 | 0x08..=0x0c | 0x19 | 0x1a) => Ok(Carried::default()),
        Some(0xa0..=0xad) => Ok(Carried {
            mms: Some(content),
            password: None,
        }),
        Some(_) => Err(Malformed::Bad("session unit")),
        None => Ok(Carried::default()),
    }
}

/// The user data of a connect or an accept (X.225, 8.3.1.18, parameters 193 and 194).
fn user_data(content: &[u8]) -> Option<&[u8]> {
    let mut r = Reader::new(content);
    let _unit = r.u8().ok()?;
    let length = parameter_length(&mut r)?;
    let mut parameters = r.sub(length.min(r.left())).ok()?;
    loop {
        let code = parameters.u8().ok()?;
        let length = parameter_length(&mut parameters)?;
        let value = parameters.bytes(length.min(parameters.left())).ok()?;
        if matches!(code, 193 | 194) {
            return Some(value);
        }
    }
}

/// X.225, 8.2.5: one octet, or 255 and two more.
fn parameter_length(r: &mut Reader<'_>) -> Option<usize> {
    Some(match r.u8().ok()? {
        255 => usize::from(r.u16().ok()?),
        short => usize::from(short),
    })
}

/// The value in the first list of presented data: APPLICATION 1, a sequence, context and value.
fn presented(data: &[u8]) -> Option<&[u8]> {
    let list = ber::find(data, APPLICATION, 1)?;
    let first = ber::find(list, SEQUENCE, 16)?;
    ber::find(first, CONSTRUCTED, 0)
}

/// A presentation connect or accept holds an association request or answer, and that the first MMS message.
fn associated(user: &[u8]) -> Carried<'_> {
    let mut carried = Carried::default();
    let read = || {
        // CP and CPA are sets; the parameters of the normal mode are their element 2.
        let set = ber::elements(user).next()?;
        let normal = ber::find(set.content, CONSTRUCTED, 2)?;
        let value = presented(normal)?;
        ber::elements(value)
            .find(|element| element.form == APPLICATION)
            .map(|element| element.content)
    };
    let Some(association) = read() else {
        return carried;
    };
    // X.227: element 12 is the authentication value; 0 of it is text.
    if let Some(value) = ber::find(association, CONSTRUCTED, 12)
        && let Some(text) = ber::find(value, PRIMITIVE, 0)
    {
        carried.password = Some(text.is_empty());
    }
    let information = ber::find(association, CONSTRUCTED, 30);
    let external = information.and_then(|content| ber::find(content, SEQUENCE, 8));
    carried.mms = external.and_then(|content| ber::find(content, CONSTRUCTED, 0));
    carried
}

/// Whether what a transport message begins with is MMS, and who sends it. `whole`: nothing is missing of it.
pub(super) fn recognise(content: &[u8], whole: bool, at_port: bool) -> Result<Sender, Malformed> {
    let short = |read: Result<Sender, Malformed>| match read {
        Err(Malformed::Short) if whole => Err(Malformed::Bad("length")),
        read => read,
    };
    match content {
        // MMS names itself among the contexts, and as what the association is for.
        [unit @ (0x0d | 0x0e), ..] => {
            if content.windows(MMS.len()).any(|window| window == MMS) {
                Ok(if *unit == 0x0d {
                    Sender::Client
                } else {
                    Sender::Server
                })
            } else {
                short(Err(Malformed::Short))
            }
        }
        [1, 0, 1, 0, data @ ..] => {
            let mut r = Reader::new(data);
            short(head(&mut r, 0x61).and_then(|()| {
                head(&mut r, 0x30)?;
                let context = ber::element(&mut r)?;
                r.check(context.is(UNIVERSAL, 2), "presentation")?;
                head(&mut r, 0xa0)?;
                message(&mut r)
            }))
        }
        [1, ..] if content.len() < 4 => short(Err(Malformed::Short)),
        // Straight on the transport; so little tells nothing at another port.
        [0xa0 | 0xa8, ..] if at_port => short(message(&mut Reader::new(content))),
        _ => Err(Malformed::Bad("session unit")),
    }
}

/// Tag and length of an element, whose content need not be there yet.
fn head(r: &mut Reader<'_>, wanted: u8) -> Result<(), Malformed> {
    let tag = r.u8()?;
    r.check(tag == wanted, "element")?;
    match r.u8()? {
        0..=0x7f => Ok(()),
        0x81 => r.skip(1),
        0x82 => r.skip(2),
        0x83 => r.skip(3),
        _ => Err(Malformed::Bad("length of an element")),
    }
}

/// The begin of an MMS message.
fn message(r: &mut Reader<'_>) -> Result<Sender, Malformed> {
    let tag = r.peek().first().copied().ok_or(Malformed::Short)?;
    head(r, tag)?;
    // Behind: a number (requests, answers), or the first parameter.
    let next = r.u8()?;
    let fits = match tag {
        0xa0 | 0xa1 => next == 0x02,
        0xa2 => matches!(next, 0x80 | 0x81 | 0xa2),
        0xa3 => matches!(next, 0xa0..=0xa2),
        0xa4 => matches!(next, 0x80..=0x8b),
        0xa8 | 0xa9 => matches!(next, 0x80..=0x83),
        _ => false,
    };
    r.check(fits, "message")?;
    Ok(match tag {
        0xa0 | 0xa8 => Sender::Client,
        0xa1 | 0xa2 | 0xa3 | 0xa9 => Sender::Server,
        _ => Sender::Unknown,
    })
}
