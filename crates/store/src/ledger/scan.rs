//! The line of an entry as Seawall itself writes it, read from its end.
//!
//! A ledger of years has a million lines, and each is read whenever it is opened. All but the body are a few short texts in a
//! fixed order, so they are taken off the end one by one, and what is left is the body: but for a brace that could end it
//! early, nobody looks at its bytes until somebody asks for them. Whatever is written in another way, attached files and
//! withdrawals among it, is left to the reader of JSON. Of a line that this takes, that one reads the same, or it takes it for
//! no JSON at all.
//!
//! That the body is JSON is not looked at here. What stands in a line that was opened was hashed, and the head that signs
//! for it was made of lines that were written as JSON; whether they still are is asked by `verify`.
use memchr::{memchr, memrchr};

use super::entry::Origin;

/// The parts of a line, but for what few entries have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    pub(super) body: &'a str,
    pub(super) by: &'a str,
    pub(super) hash: &'a str,
    pub(super) id: &'a str,
    pub(super) kind: &'a str,
    pub(super) means: &'a str,
    pub(super) origin: Option<Origin<'a>>,
    pub(super) previous: &'a str,
    pub(super) recorded_at: &'a str,
    pub(super) seq: u64,
    pub(super) valid_from: Option<&'a str>,
    pub(super) valid_until: Option<&'a str>,
    pub(super) version: u32,
}

/// Takes a line apart; `None` where it is written in any other way.
pub(super) fn parts(line: &str) -> Option<Parts<'_>> {
    let mut rest = line.strip_suffix('}')?;
    let version = whole(&mut rest, ",\"version\":")?;
    let valid_until = text(&mut rest, ",\"valid_until\":\"");
    let valid_from = text(&mut rest, ",\"valid_from\":\"");
    let seq = whole(&mut rest, ",\"seq\":")?;
    let recorded_at = text(&mut rest, ",\"recorded_at\":\"")?;
    let previous = text(&mut rest, ",\"previous\":\"")?;
    let mut origin = None;
    if let Some(mut inside) = rest.strip_suffix('}') {
        let recorded_at = text(&mut inside, ",\"recorded_at\":\"")?;
        let hash = text(&mut inside, ",\"hash\":\"")?;
        let by = text(&mut inside, ",\"origin\":{\"by\":\"")?;
        rest = inside;
        origin = Some(Origin {
            by,
            hash,
            recorded_at,
        });
    }
    let means = text(&mut rest, ",\"means\":\"")?;
    let kind = text(&mut rest, ",\"kind\":\"")?;
    let id = text(&mut rest, ",\"id\":\"")?;
    let hash = text(&mut rest, ",\"hash\":\"")?;
    let by = text(&mut rest, ",\"by\":\"")?;
    let body = rest.strip_prefix("{\"body\":")?;
    // Where a brace within could end it, other parts of the entry may stand behind that. Records are flat: nearly none has one.
    let inside = body.strip_prefix('{')?.strip_suffix('}')?;
    if memchr(b'}', inside.as_bytes()).is_some() {
        return None;
    }
    Some(Parts {
        body,
        by,
        hash,
        id,
        kind,
        means,
        origin,
        previous,
        recorded_at,
        seq,
        valid_from,
        valid_until,
        version,
    })
}

/// Takes a text off the end, with the key in front of it. None with an escape: the quote that begins it could be within one.
fn text<'a>(rest: &mut &'a str, key: &str) -> Option<&'a str> {
    let inside = rest.strip_suffix('"')?;
    let (before, text) = inside.split_at_checked(memrchr(b'"', inside.as_bytes())?)?;
    let text = text.strip_prefix('"')?;
    let before = before.strip_suffix(key.strip_suffix('"')?)?;
    if !is_plain(text) {
        return None;
    }
    *rest = before;
    Some(text)
}

/// Whether what stands in quotes says itself: without an escape or what has to be one. All of it is looked at without a branch
/// for each byte, of which the compiler takes many at a time.
pub(crate) fn is_plain(text: &str) -> bool {
    let odd = text.bytes().fold(0, |odd, byte| {
        odd | u8::from(byte == b'\\') | u8::from(byte < b' ')
    });
    odd == 0
}

/// Takes a number off the end, with the key in front of it. Written as JSON and as everybody else writes it.
fn whole<N: std::str::FromStr>(rest: &mut &str, key: &str) -> Option<N> {
    let (before, digits) = rest.rsplit_once(':')?;
    let before = before.strip_suffix(key.strip_suffix(':')?)?;
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits.len() == 1 || !digits.starts_with('0'));
    let number = digits.parse().ok().filter(|_| is_plain)?;
    *rest = before;
    Some(number)
}
