//! RADIUS: who logs in where, and who is refused.
//!
//! Spec: RFC 2865, 3 (packets) and 5 (attributes), RFC 2866 (accounting), RFC 3579 (EAP), RFC 5176 (changes).
//! Emits: users at the device from which they log in (by its MAC or address where the server is told, else at the access
//! server), names of access servers, refused logins.
//! Blind to: passwords, which are hidden; EAP behind its identity; RADIUS over TLS.
use facts::{Grade, Mac};

use crate::reader::text;
use crate::{
    Carrier, Cx, Decoder, Dialogue, Head, Malformed, Pending, Probe, Reader, Sender, Side, Step,
};

pub(super) static DECODER: Decoder = Decoder {
    name: "radius",
    title: "RADIUS",
    carriers: &[
        Carrier::Udp(1812),
        Carrier::Udp(1813),
        Carrier::Udp(1645),
        Carrier::Udp(1646),
        Carrier::Udp(3799),
    ],
    probe,
    open: || Box::new(Radius::default()),
    remote: false,
    operations: &[],
    about: "Users with the device that they log in from, names of access servers, refused logins.",
    spec: "RFC 2865; RFC 2866; RFC 3579; RFC 5176",
    blind: "passwords, EAP behind its identity, RADIUS over TLS",
};

const PORTS: [u16; 5] = [1812, 1813, 1645, 1646, 3799];
const MOST_NAME: usize = 128;
/// Requests that wait for their answers.
const MOST_WAITING: usize = 32;

/// Code, identifier, length, authenticator, then attributes that fill the length.
fn probe(head: &Head<'_>) -> Probe {
    let at_port = PORTS.iter().any(|port| head.on(*port));
    let sender = Message::read(head.bytes).ok().map(|message| message.code);
    super::named::ours(sender.filter(|_| at_port).and_then(|code| match code {
        1 | 4 | 12 | 40 | 43 => Some(Sender::Client),
        2 | 3 | 5 | 11 | 41 | 42 | 44 | 45 => Some(Sender::Server),
        _ => None,
    }))
}

#[derive(Default)]
struct Message<'a> {
    code: u8,
    id: u8,
    user: Option<&'a [u8]>,
    access_server: Option<&'a [u8]>,
    calling: Option<&'a [u8]>,
    called: Option<&'a [u8]>,
    framed: Option<[u8; 4]>,
}

impl<'a> Message<'a> {
    fn read(bytes: &'a [u8]) -> Result<Message<'a>, Malformed> {
        let mut r = Reader::new(bytes);
        let (code, id) = (r.u8()?, r.u8()?);
        let length = usize::from(r.u16()?);
        r.skip(16)?;
        r.check(length >= 20, "length")?;
        let mut attributes = r.sub(length - 20)?;
        let mut message = Message {
            code,
            id,
            ..Message::default()
        };
        while !attributes.is_empty() {
            let (kind, length) = (attributes.u8()?, usize::from(attributes.u8()?));
            attributes.check(kind != 0 && length >= 2, "attribute")?;
            let value = attributes.bytes(length - 2)?;
            // RFC 2865, 5.
            match kind {
                1 => message.user = Some(value),
                8 => message.framed = value.first_chunk().copied(),
                30 => message.called = Some(value),
                31 => message.calling = Some(value),
                32 => message.access_server = Some(value),
                _ => {}
            }
        }
        Ok(message)
    }
}

/// RFC 3580, 3.20 and 3.21: a MAC address in capital hex digits with dashes; others write it in other ways.
fn mac(value: &[u8]) -> Option<Mac> {
    let mut digits = value
        .iter()
        .take(17)
        .filter(|byte| !matches!(byte, b'-' | b':' | b'.'))
        .map(|byte| {
            char::from(*byte)
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        });
    let mut octets = [0u8; 6];
    for octet in &mut octets {
        *octet = digits.next()?? << 4 | digits.next()??;
    }
    digits
        .next()
        .is_none()
        .then_some(Mac(octets))
        .filter(|mac| mac.is_device())
}

#[derive(Default)]
struct Radius {
    waiting: Pending<u8, String, MOST_WAITING>,
}

impl Dialogue for Radius {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let message = match Message::read(bytes) {
            Ok(message) => message,
            Err(error) => return Step::from_error(error, bytes.len()),
        };
        match message.code {
            1 | 4 => self.asked(cx, side, &message),
            2 | 3 => {
                let user = self.waiting.take(&message.id);
                if user.is_none() && cx.comes_early() {
                    return Step::Took(bytes.len());
                }
                if message.code == 3 {
                    cx.login_refused(side.other(), "access rejected", user.as_deref());
                }
            }
            _ => {}
        }
        Step::Took(bytes.len())
    }
}

impl Radius {
    fn asked(&mut self, cx: &mut Cx<'_>, side: Side, message: &Message<'_>) {
        if let Some(name) = message.access_server.and_then(|name| text(name, MOST_NAME)) {
            // A proxy passes on what others are called.
            cx.identity(side, "service", format!("access server {name}"));
        }
        let Some(user) = message.user.and_then(|user| text(user, MOST_NAME)) else {
            return;
        };
        let from = message.calling.and_then(mac);
        let ip = message.framed.map(std::net::IpAddr::from);
        if from.is_some() || ip.is_some() {
            cx.identity_of(from, ip, "user", user.clone(), Grade::Inferred);
        } else {
            cx.identity(side, "user", user.clone());
        }
        // The called station ends with the name of the radio network (RFC 3580, 3.20).
        let network = message.called.and_then(|called| called.get(18..));
        if let Some(network) = network.and_then(|network| text(network, 32))
            && message
                .called
                .and_then(|called| called.get(..17))
                .is_some_and(|called| mac(called).is_some())
        {
            cx.identity(side, "service", format!("radio network {network}"));
        }
        if message.code == 1 {
            self.waiting.put(message.id, user);
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::{Client, Server};
    use crate::testing::check;

    #[test]
    fn the_user_is_told_at_the_station_and_a_rejection_with_its_name() {
        let authenticator = "00".repeat(16);
        // User op, access server SW1, called 02-…-09:YARD, calling 02-…-07.
        let request = format!(
            "01 07 0048 {authenticator} 0104 6f70 2005 535731 1e18 30322d30302d30302d30302d30302d30393a59415244 \
             1f13 30322d30302d30302d30302d30302d3037"
        );
        let reject = format!("03 07 0014 {authenticator}");
        check(
            &DECODER,
            &[(Client, &request), (Server, &reject)],
            expect![[r#"
                conversation protocol=radius state=answered packets=1/1 bytes=72/20
                identity 10.0.0.1 service=access server SW1 stated
                identity 10.0.0.1 service=radio network YARD stated
                identity 02:00:00:00:00:07 user=op inferred
                oddity what=login.refused detail=radius: access rejected (op) frames=Numbers([2])
            "#]],
        );
    }
}
