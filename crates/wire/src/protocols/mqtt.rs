//! MQTT: who publishes and reads what, under which name, and with what secrets.
//!
//! Spec: MQTT 3.1, 3.1.1 and 5.0 (sections as in 3.1.1).
//! Emits: client identifier and user, clear-text passwords (that they were sent), refused logins, topics written and
//! subscribed to.
//! Blind to: the content of messages; topics behind aliases (5.0); MQTT over TLS.
use super::named::ours;
use crate::reader::text;
use crate::{Carrier, Cx, Decoder, Dialogue, Head, Op, Probe, Reader, Sender, Side, Step, Verb};

pub(super) static DECODER: Decoder = Decoder {
    name: "mqtt",
    title: "MQTT",
    carriers: &[Carrier::Tcp(1883)],
    probe,
    open: || Box::new(Mqtt::default()),
    remote: false,
    operations: &[Verb::Read, Verb::Write],
    about: "Version, client identifiers and users, clear-text passwords, refused logins; topics that are published (write) and subscribed to (read).",
    spec: "MQTT 3.1, 3.1.1 and 5.0",
    blind: "the content of messages, topics behind aliases, MQTT over TLS",
};

const MOST_NAME: usize = 128;
/// Bytes of a message that are waited for: topics stand at its beginning.
const MOST_HEAD: usize = 4096;
/// Topics that are told of one subscription.
const MOST_TOPICS: usize = 16;

/// 2.2.1.
mod kind {
    pub(super) const CONNECT: u8 = 1;
    pub(super) const ACCEPTED: u8 = 2;
    pub(super) const PUBLISH: u8 = 3;
    pub(super) const SUBSCRIBE: u8 = 8;
}

/// 2.2.3: seven bits to an octet, least first.
fn remaining_length(r: &mut Reader<'_>) -> Option<usize> {
    let mut length = 0usize;
    for shift in [0, 7, 14, 21] {
        let octet = r.u8().ok()?;
        length |= usize::from(octet & 0x7f) << shift;
        if octet & 0x80 == 0 {
            return Some(length);
        }
    }
    None
}

/// A connection opens with the protocol's name; in the middle the port must agree, and the length with what is there.
fn probe(head: &Head<'_>) -> Probe {
    match sender(head) {
        None if head.open && head.first && could_connect(head.bytes) => Probe::NeedMore,
        sender => ours(sender),
    }
}

const NAMES: [&[u8]; 2] = [b"\0\x04MQTT", b"\0\x06MQIsdp"];

/// Bytes of which CONNECT may still come.
fn could_connect(bytes: &[u8]) -> bool {
    let Some((0x10, rest)) = bytes.split_first() else {
        return false;
    };
    let mut r = Reader::new(rest);
    match remaining_length(&mut r) {
        Some(_) => NAMES.iter().any(|name| name.starts_with(r.peek())),
        None => rest.len() < 4,
    }
}

fn sender(head: &Head<'_>) -> Option<Sender> {
    let mut r = Reader::new(head.bytes);
    let kind = r.u8().ok()?;
    let length = remaining_length(&mut r)?;
    if kind == 0x10 {
        let rest = r.peek();
        let named = NAMES.iter().any(|name| rest.starts_with(name));
        return named.then_some(Sender::Client);
    }
    if !head.on(1883) || length > r.left() {
        return None;
    }
    match (kind, length) {
        (0x20, 2..) | (0xd0, 0) | (0x90, 3..) | (0xb0, 2..) => Some(Sender::Server),
        (0xc0 | 0xe0, 0) | (0x82, 5..) | (0xa2, 4..) => Some(Sender::Client),
        (0x30..=0x3f, 3..) | (0x40 | 0x50 | 0x62 | 0x70, 2..=4) => Some(Sender::Unknown),
        _ => None,
    }
}

#[derive(Default)]
struct Mqtt {
    version: u8,
    user: Option<String>,
}

impl Dialogue for Mqtt {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let mut r = Reader::new(bytes);
        let Ok(first) = r.u8() else {
            return Step::Need(1);
        };
        let Some(length) = remaining_length(&mut r) else {
            return if bytes.len() < 5 {
                Step::Need(bytes.len() + 1)
            } else {
                Step::Bad("length")
            };
        };
        let whole = r.at() + length;
        let needed = whole.min(MOST_HEAD);
        if bytes.len() < needed {
            return Step::Need(needed);
        }
        let here = length.min(r.left());
        let mut body = Reader::new(r.peek().get(..here).unwrap_or(&[]));
        let _ = match (first >> 4, side) {
            (0 | 15, _) if self.version != 5 => return Step::Bad("type"),
            (kind::CONNECT, Side::Client) => self.connect(cx, &mut body),
            (kind::ACCEPTED, Side::Server) => self.accepted(cx, &body),
            // What a server publishes was published to it before, by someone else.
            (kind::PUBLISH, Side::Client) => published(cx, &mut body),
            (kind::SUBSCRIBE, Side::Client) => self.subscribed(cx, &mut body),
            _ => None,
        };
        if bytes.len() < whole {
            Step::Skip(whole as u64)
        } else {
            Step::Took(whole)
        }
    }
}

/// A string behind its length.
fn word<'a>(r: &mut Reader<'a>) -> Option<&'a [u8]> {
    let length = r.u16().ok()?;
    r.bytes(usize::from(length)).ok()
}

impl Mqtt {
    /// Version 5 has properties before most payloads.
    fn properties(&self, r: &mut Reader<'_>) -> Option<()> {
        if self.version < 5 {
            return Some(());
        }
        let length = remaining_length(r)?;
        r.skip(length).ok()
    }

    /// 3.1: the flags tell which of the fields are there.
    fn connect(&mut self, cx: &mut Cx<'_>, r: &mut Reader<'_>) -> Option<()> {
        word(r)?;
        self.version = r.u8().ok()?;
        match self.version {
            3 => cx.variant("3.1"),
            4 => cx.variant("3.1.1"),
            5 => cx.variant("5"),
            _ => {}
        }
        let flags = r.u8().ok()?;
        r.skip(2).ok()?;
        self.properties(r)?;
        if let Some(id) = text(word(r)?, MOST_NAME) {
            cx.identity(Side::Client, "client_id", id);
        }
        if flags & 0x04 != 0 {
            self.properties(r)?;
            word(r)?;
            word(r)?;
        }
        if flags & 0x80 != 0 {
            self.user = text(word(r)?, MOST_NAME);
            if let Some(user) = &self.user {
                cx.identity(Side::Client, "user", user.clone());
            }
        }
        if flags & 0x40 != 0 {
            cx.credential("password", self.user.clone(), false);
        }
        Some(())
    }

    /// 3.2.2.3 and 5.0, 3.2.2.2: bad user name or password, not authorised.
    fn accepted(&self, cx: &mut Cx<'_>, r: &Reader<'_>) -> Option<()> {
        if let [_, 4 | 5 | 0x86 | 0x87, ..] = r.peek() {
            cx.login_refused(Side::Client, "not authorised", self.user.as_deref());
        }
        Some(())
    }

    /// 3.8: topics, each with what is wanted of it.
    fn subscribed(&self, cx: &mut Cx<'_>, r: &mut Reader<'_>) -> Option<()> {
        r.skip(2).ok()?;
        self.properties(r)?;
        for _ in 0..MOST_TOPICS {
            let topic = text(word(r)?, MOST_NAME)?;
            r.skip(1).ok()?;
            told(cx, Verb::Read, topic);
        }
        Some(())
    }
}

/// 3.3: the topic stands first.
fn published(cx: &mut Cx<'_>, r: &mut Reader<'_>) -> Option<()> {
    let topic = text(word(r)?, MOST_NAME)?;
    told(cx, Verb::Write, topic);
    Some(())
}

fn told(cx: &mut Cx<'_>, verb: Verb, topic: String) {
    let op = Op {
        object: Some(topic),
        detail: Some("topic".to_owned()),
        ..Op::new(verb)
    };
    cx.operation(Side::Client, op);
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::{Client, Server};
    use crate::testing::check_at;

    #[test]
    fn client_user_password_and_topics_are_told() {
        check_at(
            &DECODER,
            41883,
            &[
                // Client id c, user op, password pw; refused.
                (
                    Client,
                    "10 15 0004 4d515454 04 c2 003c 0001 63 0002 6f70 0002 7077",
                ),
                (Server, "20 02 00 05"),
                // Publishes crane/1 and subscribes to yard/#.
                (Client, "30 0b 0007 6372616e652f31 3432"),
                (Client, "82 0b 0001 0006 796172642f23 00"),
            ],
            expect![[r#"
                conversation protocol=mqtt:3.1.1 state=answered packets=3/1 bytes=49/4
                operation write "crane/1" (topic) ? count=1 frames=[3]
                operation read "yard/#" (topic) ? count=1 frames=[4]
                identity 10.0.0.1 client_id=c stated
                identity 10.0.0.1 user=op stated
                credential protocol=mqtt client=10.0.0.1 server=10.0.0.2 what=password user=op frames=Numbers([1])
                oddity what=login.refused detail=mqtt: not authorised (op) frames=Numbers([2])
            "#]],
        );
    }
}
