//! LDAP: who binds how, who is refused, and what the directory says of itself.
//!
//! Spec: RFC 4511, 4 (messages), 4.2 (bind), 4.14 (StartTLS); RFC 4513 (methods); RFC 4512, 5.1 (root entry).
//! Emits: users of binds, clear-text passwords (that they were sent), refused binds, the directory's host name.
//! Blind to: what is searched and changed; what SASL or TLS encrypts.
use super::ber::{
    self, APPLICATION, CONSTRUCTED, Element, PRIMITIVE, SEQUENCE, UNIVERSAL, element, elements,
};
use super::ntlm;
use super::tls::Tls;
use crate::reader::text;
use crate::{Carrier, Cx, Decoder, Dialogue, Head, Malformed, Probe, Reader, Sender, Side, Step};

pub(super) static DECODER: Decoder = Decoder {
    name: "ldap",
    title: "LDAP",
    carriers: &[Carrier::Tcp(389), Carrier::Udp(389), Carrier::Tcp(3268)],
    probe,
    open: || Box::new(Ldap::default()),
    remote: false,
    operations: &[],
    about: "Binds with their users and methods, clear-text passwords of simple binds, refused binds; the directory's host name.",
    spec: "RFC 4511; RFC 4512; RFC 4513",
    blind: "what is searched and changed; what SASL or TLS encrypts",
};

const MOST_NAME: usize = 120;
/// Longest message that is waited for: longer ones are results.
const MOST_MESSAGE: usize = 1 << 16;

/// The tag of the operation, of which only the beginning may be there, and the bytes behind its length.
fn operation(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let mut r = Reader::new(bytes);
    let mut tagged = |wanted: Option<u8>| -> Option<(u8, usize)> {
        let tag = r.u8().ok()?;
        let length = match r.u8().ok()? {
            length @ 0..=0x7f => usize::from(length),
            0x81 => usize::from(r.u8().ok()?),
            0x82 => usize::from(r.u16().ok()?),
            0x83 => usize::try_from(r.u24().ok()?).ok()?,
            0x84 => usize::try_from(r.u32().ok()?).ok()?,
            _ => return None,
        };
        if wanted == Some(2) {
            r.skip(length).ok()?;
        }
        wanted
            .is_none_or(|wanted| wanted == tag)
            .then_some((tag, length))
    };
    tagged(Some(0x30))?;
    let (_, length) = tagged(Some(2))?;
    if !(1..=4).contains(&length) {
        return None;
    }
    let (tag, _) = tagged(None)?;
    Some((tag, r.rest()))
}

/// A bind says enough; other operations need the port.
fn probe(head: &Head<'_>) -> Probe {
    let at_port = head.on(389) || head.on(3268);
    super::named::ours(match operation(head.bytes) {
        Some((0x60, [2, 1, 3, 4, ..])) => Some(Sender::Client),
        Some((0x61, [0x0a, 1, _, 4, ..])) => Some(Sender::Server),
        Some((0x60 | 0x42 | 0x63 | 0x66 | 0x68 | 0x4a | 0x6c | 0x6e | 0x50 | 0x77, _))
            if at_port =>
        {
            Some(Sender::Client)
        }
        Some((0x61 | 0x64 | 0x65 | 0x67 | 0x69 | 0x6b | 0x6d | 0x6f | 0x73 | 0x78, _))
            if at_port =>
        {
            Some(Sender::Server)
        }
        _ => None,
    })
}

/// One connection: who binds, until the directory answers; what StartTLS hands over.
#[derive(Default)]
struct Ldap {
    user: Option<String>,
    tls: Option<Tls>,
}

impl Dialogue for Ldap {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        if matches!(bytes, [0x16, 3, ..]) || self.tls.is_some() {
            return self
                .tls
                .get_or_insert_with(Tls::inside)
                .message(cx, side, bytes);
        }
        let mut r = Reader::new(bytes);
        let message = match element(&mut r) {
            Ok(message) if message.is(SEQUENCE, 16) => message,
            // SASL protects what follows: a length and what means nothing.
            Ok(_) | Err(Malformed::Bad(_)) => return Step::Done,
            Err(Malformed::Short) if bytes.len() < MOST_MESSAGE => {
                return Step::Need(bytes.len() + 1);
            }
            Err(Malformed::Short) => return Step::Done,
        };
        let mut parts = elements(message.content);
        let (Some(_), Some(operation)) = (parts.next(), parts.next()) else {
            return Step::Bad("operation");
        };
        if operation.form == APPLICATION {
            self.operation(cx, side, &operation);
        }
        Step::Took(r.at())
    }
}

impl Ldap {
    fn operation(&mut self, cx: &mut Cx<'_>, side: Side, operation: &Element<'_>) {
        match operation.number {
            0 => self.bind(cx, side, operation.content),
            1 => self.bound(cx, side, operation.content),
            4 => entry(cx, side, operation.content),
            _ => {}
        }
    }

    /// RFC 4511, 4.2: version, name, and a password (0) or a SASL mechanism with its message (3).
    fn bind(&mut self, cx: &mut Cx<'_>, side: Side, content: &[u8]) {
        let mut parts = elements(content);
        let (version, name) = (parts.next(), parts.next());
        match version.and_then(|version| ber::number(version.content)) {
            Some(2) => cx.variant("2"),
            Some(3) => cx.variant("3"),
            _ => {}
        }
        self.user = name.and_then(|name| text(name.content, MOST_NAME));
        match parts.next() {
            Some(simple) if simple.is(PRIMITIVE, 0) && !simple.content.is_empty() => {
                cx.credential("password", self.user.clone(), false);
                if let Some(user) = &self.user {
                    cx.identity(side, "user", user.clone());
                }
            }
            Some(sasl) if sasl.is(CONSTRUCTED, 3) => {
                if let Some(user) = ntlm::tell(cx, side, sasl.content) {
                    self.user = Some(user);
                }
            }
            _ => {}
        }
    }

    fn bound(&mut self, cx: &mut Cx<'_>, side: Side, content: &[u8]) {
        ntlm::tell(cx, side, content);
        let result = elements(content).next();
        // invalidCredentials.
        if result.and_then(|result| ber::number(result.content)) == Some(49) {
            cx.login_refused(side.other(), "wrong name or password", self.user.as_deref());
        }
    }
}

/// RFC 4511, 4.5.2. The root entry (no name) is what the directory says of itself.
fn entry(cx: &mut Cx<'_>, side: Side, content: &[u8]) {
    let mut parts = elements(content);
    let root = parts.next().is_some_and(|name| name.content.is_empty());
    let Some(attributes) = parts.next().filter(|_| root) else {
        return;
    };
    for attribute in elements(attributes.content).take(64) {
        let mut parts = elements(attribute.content);
        let (Some(kind), Some(values)) = (parts.next(), parts.next()) else {
            continue;
        };
        let value = elements(values.content).next();
        let value = value.filter(|value| value.is(UNIVERSAL, 4));
        let value = value.and_then(|value| text(value.content, MOST_NAME));
        if kind.content.eq_ignore_ascii_case(b"dnsHostName")
            && let Some(value) = value
        {
            cx.identity(side, "hostname", value);
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::{Client, Server};
    use crate::testing::check_at;

    #[test]
    fn a_simple_bind_tells_its_user_and_its_refusal() {
        check_at(
            &DECODER,
            10389,
            &[
                // Bind as cn=op with a password of two letters; invalid credentials.
                (Client, "3013 020101 600e 020103 0405 636e3d6f70 8002 7077"),
                (Server, "300c 020101 6107 0a0131 0400 0400"),
                // Anonymously, with the lengths of Windows; then the root entry with dnsHostName dc1.
                (Client, "308400000010 020102 608400000007 020103 0400 8000"),
                (
                    Server,
                    "3022 020102 641d 0400 3019 3017 040b 646e73486f73744e616d65 3108 0403 646331 0401 78",
                ),
            ],
            expect![[r#"
                conversation protocol=ldap:3 state=answered packets=2/2 bytes=43/50
                identity 10.0.0.1 user=cn=op stated
                identity 10.0.0.2 hostname=dc1 stated
                credential protocol=ldap client=10.0.0.1 server=10.0.0.2 what=password user=cn=op frames=Numbers([1])
                oddity what=login.refused detail=ldap: wrong name or password (cn=op) frames=Numbers([2])
            "#]],
        );
    }
}
