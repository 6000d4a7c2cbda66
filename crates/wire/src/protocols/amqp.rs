//! AMQP: what speaks to the broker, as whom.
//!
//! Spec: AMQP 0-9-1, 4.2 (header, frames) and 1.4.2 (connection); AMQP 1.0, 2.2 and 5.3 (SASL).
//! Emits: software of both ends, users and clear-text passwords of PLAIN log-ins, the version as variant.
//! Blind to: queues and messages; AMQP over TLS.
use super::named::ours;
use crate::reader::text;
use crate::{Carrier, Cx, Decoder, Dialogue, Head, Probe, Reader, Sender, Side, Step};

pub(super) static DECODER: Decoder = Decoder {
    name: "amqp",
    title: "AMQP",
    carriers: &[Carrier::Tcp(5672)],
    probe,
    open: || Box::new(Amqp),
    remote: false,
    operations: &[],
    about: "Version; software of both ends, users and clear-text passwords of PLAIN log-ins.",
    spec: "AMQP 0-9-1; AMQP 1.0",
    blind: "queues and messages; AMQP over TLS",
};

const MOST_NAME: usize = 96;
const MOST_FRAME: usize = 1 << 16;

/// The client's header: the name, then numbers that tell the version.
fn probe(head: &Head<'_>) -> Probe {
    ours(match head.bytes.split_at_checked(4) {
        Some((b"AMQP", [0 | 2 | 3, 1, 0, 0] | [0, 0, 9, 1] | [1, 1, 0 | 8 | 9, 0..=10])) => {
            Some(Sender::Client)
        }
        _ => None,
    })
}

struct Amqp;

impl Dialogue for Amqp {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        if bytes.starts_with(b"AMQP") {
            match bytes.get(4..8) {
                Some([0 | 3, 1, 0, 0]) => cx.variant("1.0"),
                Some([0, 0, 9, 1]) => cx.variant("0-9-1"),
                // TLS follows.
                Some([2, 1, 0, 0]) => return Step::Done,
                Some(_) => {}
                None => return Step::Need(8),
            }
            return Step::Took(8);
        }
        // Version 0-9-1: type, channel, size, payload, end. Only the methods of the connection are read.
        let mut r = Reader::new(bytes);
        let (Ok(kind), Ok(channel), Ok(size)) = (r.u8(), r.u16(), r.u32()) else {
            return Step::Need(7);
        };
        let whole = usize::try_from(size)
            .unwrap_or(usize::MAX)
            .saturating_add(8);
        if kind != 1 || channel != 0 || whole > MOST_FRAME {
            // Messages, or version 1.0, whose log-in is in its first frames.
            if kind == 0 && bytes.len() < MOST_FRAME {
                return sasl(cx, side, bytes);
            }
            return Step::Done;
        }
        let Some(payload) = bytes.get(7..whole - 1) else {
            return Step::Need(whole);
        };
        match payload {
            // Connection.Start: version, then a table of properties.
            [0, 10, 0, 10, _, _, rest @ ..] => software(cx, side, rest),
            // Start-Ok: a table of properties, mechanism, response.
            [0, 10, 0, 11, rest @ ..] => {
                software(cx, side, rest);
                plain(cx, side, after_table(rest));
            }
            // Tune-Ok, Open: the log-in is over.
            [0, 10, 0, 40 | 41, ..] => return Step::Done,
            _ => {}
        }
        Step::Took(whole)
    }
}

fn after_table(bytes: &[u8]) -> &[u8] {
    let mut r = Reader::new(bytes);
    let length = r
        .u32()
        .map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    match length.and_then(|length| r.skip(length)) {
        Ok(()) => r.rest(),
        Err(_) => &[],
    }
}

/// The properties `product` and `version`, long strings behind their names.
fn software(cx: &mut Cx<'_>, side: Side, table: &[u8]) {
    let property = |name: &[u8]| -> Option<String> {
        let mut key = vec![u8::try_from(name.len()).ok()?];
        key.extend_from_slice(name);
        key.push(b'S');
        let place = table.windows(key.len()).position(|part| part == key)?;
        let mut r = Reader::new(table.get(place + key.len()..)?);
        let length = usize::try_from(r.u32().ok()?).ok()?;
        text(r.bytes(length).ok()?, MOST_NAME)
    };
    if let Some(product) = property(b"product") {
        let version = property(b"version").map(|version| format!(" {version}"));
        cx.identity(side, "software", product + &version.unwrap_or_default());
    }
}

/// RFC 4616: an identity, the user and the password, apart by zeros.
fn plain(cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Option<()> {
    let rest = bytes.strip_prefix(b"\x05PLAIN")?;
    let mut r = Reader::new(rest);
    let length = usize::try_from(r.u32().ok()?).ok()?;
    credential(cx, side, r.bytes(length).ok()?);
    Some(())
}

fn credential(cx: &mut Cx<'_>, side: Side, response: &[u8]) {
    let mut parts = response.split(|byte| *byte == 0);
    let (Some(_), Some(user), Some(_)) = (parts.next(), parts.next(), parts.next()) else {
        return;
    };
    let user = text(user, MOST_NAME);
    if let Some(user) = &user {
        cx.identity(side, "user", user.clone());
    }
    cx.credential("password", user, false);
}

/// AMQP 1.0, 5.3.3.2: a frame of type 1; the mechanism as a symbol (a3), the response as binary (a0).
fn sasl(cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
    let mut r = Reader::new(bytes);
    let (Ok(size), Ok(_), Ok(kind)) = (r.u32(), r.u8(), r.u8()) else {
        return Step::Need(8);
    };
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if kind != 1 || !(8..MOST_FRAME).contains(&size) {
        return Step::Done;
    }
    let Some(frame) = bytes.get(..size) else {
        return Step::Need(size);
    };
    const PLAIN: &[u8] = b"\xa3\x05PLAIN\xa0";
    if side == Side::Client
        && let Some(place) = frame.windows(PLAIN.len()).position(|part| part == PLAIN)
        && let Some((length, rest)) = frame
            .get(place + PLAIN.len()..)
            .and_then(<[u8]>::split_first)
        && let Some(response) = rest.get(..usize::from(*length))
    {
        credential(cx, side, response);
    }
    Step::Took(size)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::{Client, Server};
    use crate::testing::check_at;

    #[test]
    fn the_broker_says_what_it_is_and_a_plain_log_in_gives_its_password_away() {
        check_at(
            &DECODER,
            25672,
            &[
                (Client, "414d5150 00 00 09 01"),
                // Start: product RMQ.
                (
                    Server,
                    "01 0000 0000001a 000a000a 0009 00000010 07 70726f64756374 53 00000003 524d51 ce",
                ),
                // Start-Ok: no properties, PLAIN, op and pw.
                (
                    Client,
                    "01 0000 00000019 000a000b 00000000 05 504c41494e 00000006 00 6f70 00 7077 00 ce",
                ),
            ],
            expect![[r#"
                conversation protocol=amqp:0-9-1 state=answered packets=2/1 bytes=41/34
                identity 10.0.0.2 software=RMQ stated
                identity 10.0.0.1 user=op stated
                credential protocol=amqp client=10.0.0.1 server=10.0.0.2 what=password user=op frames=Numbers([3])
            "#]],
        );
    }
}
