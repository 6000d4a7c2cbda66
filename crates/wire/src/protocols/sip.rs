//! SIP: whose telephones are there, and who was not let in.
//!
//! Spec: RFC 3261; credentials as in HTTP (RFC 3261, 22; RFC 7616).
//! Emits: software and users of telephones, by their registrations and calls; who was not let in: a registration or a call that was
//! refused with the credentials that it bore, or forbidden, and a registration as somebody whom the registrar does not know.
//! Blind to: what is said in calls and messages; SIP over TLS; that somebody was busy, away or did not want to talk, which refuses no
//! access.
use super::rtsp::{Message, quoted, split};
use super::{lines, named};
use crate::reader::text;
use crate::{Carrier, Cx, Decoder, Dialogue, Head, Memo, Pending, Probe, Sender, Side, Step};

pub static DECODER: Decoder = Decoder {
    name: "sip",
    title: "SIP (telephony)",
    carriers: &[Carrier::Udp(5060), Carrier::Tcp(5060)],
    probe,
    open: || Box::new(Sip::default()),
    remote: false,
    operations: &[],
    about: "Software and users of telephones, by their registrations and calls; registrations and calls that were refused with the credentials that they bore, or forbidden.",
    spec: "RFC 3261",
    blind: "what is said in calls and messages, SIP over TLS",
};

/// Requests that wait for their answers.
const MOST_WAITING: usize = 32;

fn probe(head: &Head<'_>) -> Probe {
    if head.bytes.starts_with(b"SIP/2.0 ") {
        return Probe::Ours(Sender::Server);
    }
    let request = lines::line(head.bytes).is_some_and(|(line, _)| method(line).is_some());
    named::ours(request.then_some(Sender::Client))
}

/// The method of a request line.
fn method(line: &[u8]) -> Option<&[u8]> {
    let method = line.split(|byte| *byte == b' ').next()?;
    let is_request = line.ends_with(b" SIP/2.0") && method.iter().all(u8::is_ascii_uppercase);
    is_request.then_some(method)
}

/// What is remembered of a registration or a call.
#[derive(Debug)]
struct Asked {
    registers: bool,
    /// It bore credentials.
    claims: bool,
    user: Option<String>,
}

#[derive(Default)]
struct Sip {
    waiting: Pending<(Side, u64), Asked, MOST_WAITING>,
}

impl Dialogue for Sip {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        // Between messages telephones keep the way open with empty lines, over UDP with a zero as well (RFC 5626, 3.5.1).
        let blank = bytes
            .iter()
            .take_while(|byte| matches!(byte, b'\r' | b'\n' | 0));
        match blank.count() {
            0 => {}
            blank => return Step::Took(blank),
        }
        if cx.flow.udp {
            let (start, length) = lines::line(bytes).unwrap_or((bytes, bytes.len()));
            self.read(cx, side, start, bytes.get(length..).unwrap_or(&[]));
            return Step::Took(bytes.len());
        }
        match Message::read(bytes) {
            Ok(message) => {
                self.read(cx, side, message.start, message.headers);
                Step::Took(message.length)
            }
            Err(step) => step,
        }
    }
}

impl Sip {
    fn read(&mut self, cx: &mut Cx<'_>, side: Side, start: &[u8], headers: &[u8]) {
        let software = header(headers, &["User-Agent", "Server"]);
        if let Some(software) = software.and_then(|value| text(value, 96)) {
            cx.identity(side, "software", software);
        }
        let Some(key) = key(headers) else { return };
        if let Some(answer) = start.strip_prefix(b"SIP/2.0 ") {
            // What is under way is answered once more (RFC 3261, 7.2).
            if !answer.starts_with(b"1") {
                match self.waiting.take(&(side.other(), key)) {
                    Some(asked) => answered(cx, side, &asked, answer, headers),
                    None => {
                        cx.comes_early();
                    }
                }
            }
            return;
        }
        let registers = match method(start) {
            Some(b"REGISTER") => true,
            Some(b"INVITE") => false,
            _ => return,
        };
        let user = header(headers, &["From", "f"]).and_then(address);
        if let Some(user) = &user {
            cx.identity(side, "user", user.clone());
        }
        let claims = header(headers, &["Authorization", "Proxy-Authorization"]);
        let (scheme, value) = claims.and_then(split).unwrap_or_default();
        let basic = scheme.eq_ignore_ascii_case(b"basic");
        let name = if basic {
            lines::basic_user(value)
        } else {
            quoted(value, b"username=")
        };
        if basic {
            cx.credential("basic", name.clone(), false);
        }
        let asked = Asked {
            registers,
            claims: claims.is_some(),
            user: name.or(user),
        };
        self.waiting.put((side, key), asked);
    }
}

/// A challenge is no refusal, unless it comes again; nor is one for a digest that is only too old (RFC 7616, 3.3).
fn answered(cx: &mut Cx<'_>, side: Side, asked: &Asked, answer: &[u8], headers: &[u8]) {
    let challenge = header(headers, &["WWW-Authenticate", "Proxy-Authenticate"]);
    let stale = challenge.is_some_and(|value| lines::contains(value, b"stale=true"));
    let refused = match answer.get(..3) {
        Some(b"401" | b"407") => asked.claims && !stale,
        Some(b"403") => true,
        // Nobody of that name may register; a call to such a one has the wrong number.
        Some(b"404" | b"604") => asked.registers,
        _ => false,
    };
    if refused {
        let what = if asked.registers {
            "registration"
        } else {
            "call"
        };
        let why = text(answer, 60).unwrap_or_default();
        let why = format!("{what} refused, {why}");
        cx.login_refused(side.other(), &why, asked.user.as_deref());
    }
}

/// Which transaction a message belongs to: the call and the number within it.
fn key(headers: &[u8]) -> Option<u64> {
    let (call, number) = (
        header(headers, &["Call-ID", "i"])?,
        header(headers, &["CSeq"])?,
    );
    Some(Memo::fingerprint(call).rotate_left(7) ^ Memo::fingerprint(number))
}

/// The value of the first of these headers; some have a short name, too (RFC 3261, 7.3.3).
fn header<'a>(headers: &'a [u8], names: &[&str]) -> Option<&'a [u8]> {
    let mut rest = headers;
    while let Some((line, length)) = lines::line(rest) {
        if line.is_empty() {
            return None;
        }
        rest = rest.get(length..).unwrap_or(&[]);
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = line.split_at_checked(colon)?;
        let name = name.trim_ascii_end();
        if names
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
        {
            return Some(value.get(1..).unwrap_or(&[]).trim_ascii());
        }
    }
    None
}

/// `"Desk 1" <sip:201@pbx>;tag=1` → `201@pbx`.
fn address(value: &[u8]) -> Option<String> {
    let place = value.windows(4).position(|part| part == b"sip:")?;
    let address = value.get(place + 4..)?;
    let end = address
        .iter()
        .position(|byte| matches!(byte, b'>' | b';' | b' '));
    text(address.get(..end.unwrap_or(address.len()))?, 96)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::Side::{Client, Server};
    use crate::testing::check;

    fn hex(text: &str) -> String {
        text.bytes().map(|byte| format!("{byte:02x}")).collect()
    }

    /// A request of telephone 201 in its place of the call, with more headers.
    fn asks(method: &str, number: u32, more: &str) -> String {
        hex(&format!(
            "{method} sip:pbx SIP/2.0\r\nFrom: \"Desk\" <sip:201@pbx>;tag=1\r\nCall-ID: c1\r\nCSeq: {number} {method}\r\nUser-Agent: Phone 1.2\r\n{more}\r\n"
        ))
    }

    fn says(status: &str, number: u32, method: &str, more: &str) -> String {
        hex(&format!(
            "SIP/2.0 {status}\r\nf: <sip:201@pbx>;tag=1\r\ni: c1\r\nCSeq: {number} {method}\r\nServer: pbx 3\r\n{more}\r\n"
        ))
    }

    const DIGEST: &str = "Authorization: Digest username=\"201\", nonce=\"n\"\r\n";

    #[test]
    fn a_registration_with_a_wrong_password_is_refused_and_a_challenge_is_not() {
        let lines = [
            (Client, asks("REGISTER", 1, "")),
            (Server, says("401 Unauthorized", 1, "REGISTER", "")),
            (Client, asks("REGISTER", 2, DIGEST)),
            (
                Server,
                says(
                    "401 Unauthorized",
                    2,
                    "REGISTER",
                    "WWW-Authenticate: Digest stale=TRUE\r\n",
                ),
            ),
            (Client, asks("REGISTER", 3, DIGEST)),
            (Server, says("401 Unauthorized", 3, "REGISTER", "")),
            (Client, "0d0a0d0a".to_owned()),
            (Client, asks("INVITE", 4, DIGEST)),
            (Server, says("100 Trying", 4, "INVITE", "")),
            (Server, says("403 Forbidden", 4, "INVITE", "")),
            (Client, asks("INVITE", 5, DIGEST)),
            (Server, says("486 Busy Here", 5, "INVITE", "")),
            (Client, asks("REGISTER", 6, DIGEST)),
            (Server, says("200 OK", 6, "REGISTER", "")),
        ];
        let lines: Vec<(Side, &str)> = lines
            .iter()
            .map(|(side, text)| (*side, text.as_str()))
            .collect();
        check(
            &DECODER,
            &lines,
            expect![[r#"
            conversation protocol=sip state=answered packets=7/7 bytes=937/653
            identity 10.0.0.1 software=Phone 1.2 stated
            identity 10.0.0.1 user=201@pbx stated
            identity 10.0.0.2 software=pbx 3 stated
            oddity what=login.refused detail=sip: registration refused, 401 Unauthorized (201) frames=Numbers([6])
            oddity what=login.refused detail=sip: call refused, 403 Forbidden (201) frames=Numbers([10])
        "#]],
        );
    }
}
