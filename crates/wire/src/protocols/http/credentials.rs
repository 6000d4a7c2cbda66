//! Secrets that requests carry in clear text: that they do, for whom, and whether they are a maker's default. The secret
//! itself is dropped here.
use super::super::lines;
use super::head::{First, Head};
use crate::reader::text;
use crate::{Cx, Side};

/// Longest form read for a password.
const MOST_FORM: usize = 4096;

/// Passwords that devices are delivered with, as their manuals print them.
const DEFAULTS: &[&[u8]] = &[
    b"",
    b"admin",
    b"administrator",
    b"root",
    b"user",
    b"guest",
    b"password",
    b"default",
    b"1234",
    b"12345",
    b"123456",
    b"888888",
    b"system",
    b"private",
    b"public",
];

/// RFC 7617 (basic), RFC 6750 (bearer).
/// Gives the user that the server itself is told.
pub(super) fn of_request(cx: &mut Cx<'_>, head: &Head<'_>) -> Option<String> {
    let mut told = None;
    for field in ["authorization", "proxy-authorization"] {
        let Some(value) = head.field(field) else {
            continue;
        };
        if let Some(encoded) = after(value, b"basic ") {
            let Some(pair) = decode(encoded) else {
                cx.oddity("http.malformed_authorization", Side::Client, None);
                continue;
            };
            let mut parts = pair.splitn(2, |byte| *byte == b':');
            let user = parts.next().unwrap_or(&[]);
            let default = parts.next().is_some_and(|secret| is_default(user, secret));
            let user = text(user, 64);
            if field == "authorization" {
                told.clone_from(&user);
            }
            cx.credential("basic", user, default);
        } else if after(value, b"bearer ").is_some() {
            cx.credential("token", None, false);
        }
    }
    told
}

/// Whether a request proves at once who asks: of schemes with several steps a refusal is a part.
pub(super) fn claims(head: &Head<'_>) -> bool {
    let value = head.field("authorization");
    value.is_some_and(|value| {
        let schemes: [&[u8]; 3] = [b"basic ", b"digest ", b"bearer "];
        schemes.iter().any(|scheme| after(value, scheme).is_some())
    })
}

/// RFC 7616, 3.4: the user of a digest.
pub(super) fn digest_user(head: &Head<'_>) -> Option<String> {
    let value = after(head.field("authorization")?, b"digest ")?;
    let mark = b"username=\"";
    let place = value.windows(mark.len()).position(|part| part == mark)?;
    let rest = value.get(place + mark.len()..)?;
    text(rest.split(|byte| *byte == b'"').next()?, 64)
}

/// What follows the name of the scheme.
fn after<'a>(value: &'a [u8], scheme: &[u8]) -> Option<&'a [u8]> {
    lines::after(value, scheme).map(<[u8]>::trim_ascii)
}

fn is_default(user: &[u8], secret: &[u8]) -> bool {
    user == secret || DEFAULTS.contains(&secret)
}

/// The length of a form's content, if the request is one that may hold a password.
pub(super) fn form(head: &Head<'_>) -> Option<usize> {
    if !matches!(head.first, First::Request { method: "POST", .. })
        || head.content_type()? != "application/x-www-form-urlencoded"
    {
        return None;
    }
    let length = usize::try_from(head.content_length()?).ok()?;
    (1..=MOST_FORM).contains(&length).then_some(length)
}

/// A form with a field that is named like a password.
pub(super) fn of_form(cx: &mut Cx<'_>, form: &[u8]) {
    let (mut user, mut secret) = (None, None);
    for pair in form.split(|byte| *byte == b'&') {
        let mut parts = pair.splitn(2, |byte| *byte == b'=');
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else {
            continue;
        };
        let name = name.to_ascii_lowercase();
        let has = |words: &[&[u8]]| {
            words
                .iter()
                .any(|word| name.windows(word.len()).any(|part| part == *word))
        };
        if has(&[b"passw", b"passwd", b"pwd"]) || name == b"pass" || name == b"psw" {
            secret = secret.or(Some(value));
        } else if has(&[b"user", b"login", b"account", b"email"]) {
            user = user.or(Some(value));
        }
    }
    if let Some(secret) = secret {
        let default = is_default(user.unwrap_or(b"\0"), secret);
        let user = user.and_then(|user| text(user, 64));
        cx.credential("password", user, default);
    }
}

/// RFC 4648, 4; padding may lack.
fn decode(encoded: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let (mut bits, mut count) = (0u32, 0);
    for digit in encoded {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => break,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from(bits >> count & 0xff).unwrap_or(0));
        }
    }
    Some(out)
}
