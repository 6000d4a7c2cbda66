//! DLMS/COSEM: what is asked of energy meters and their gateways, over TCP and UDP.
//!
//! Spec: IEC 62056-47 (wrapper), -46 (HDLC), -53 (messages), -61 (names), -62 (classes).
//! Emits: one operation per request, answered or not; associations with a password or a challenge; logical device name,
//! serial number and firmware where they are read.
//! Blind to: the values read and written; ciphered messages; HDLC over serial lines; short names.
//! Tried on: the two captures that the tests are given, read by hand (tshark has no reader for it).
mod apdu;
mod frame;

use self::apdu::{Message, Object};
use super::asking::{Asking, Doing, Known, fingerprint};
use crate::{
    Carrier, Cx, Decoder, Dialogue, Head, Malformed, Outcome, Pending, Probe, Reader, Sender, Side,
    Step, Verb,
};

pub static DECODER: Decoder = Decoder {
    name: "dlms",
    title: "DLMS/COSEM (energy meters)",
    carriers: &[Carrier::Tcp(4059), Carrier::Udp(4059)],
    probe,
    open: || Box::new(Dlms::default()),
    remote: false,
    operations: &[
        Verb::Read,
        Verb::Write,
        Verb::Operate,
        Verb::Configure,
        Verb::SetClock,
        Verb::Authenticate,
        Verb::FirmwareUpdate,
    ],
    about: "Requests for attributes and methods by class and name, with their answers; associations and passwords (that they \
            were given); name, serial number and firmware.",
    spec: "IEC 62056-46, -47, -53, -61, -62",
    blind: "the values read and written, ciphered messages, serial lines, short names",
};

/// Requests that wait for their answers: the number has four bits.
const MOST_WAITING: usize = 16;
/// Octets of one message in several frames.
const MOST_MESSAGE: usize = 1 << 16;

/// The wrapper's eight octets are common elsewhere, HDLC's checksum is not: what is wrapped must begin an association at
/// another port.
fn probe(head: &Head<'_>) -> Probe {
    head.read(|r| {
        let hdlc = r.peek().first() == Some(&0x7e);
        let frame = frame::frame(r)?;
        if hdlc {
            return Ok(match frame.command {
                Some(true) => Sender::Client,
                Some(false) => Sender::Server,
                None => Sender::Unknown,
            });
        }
        let message = match apdu::message(&mut Reader::new(frame.content)) {
            Err(Malformed::Short) => return Err(Malformed::Bad("message")),
            read => read?,
        };
        let associates = matches!(
            message,
            Message::Associate { .. } | Message::Associated { .. }
        );
        // The application context's name begins with 2.16.756.5.8.
        let context = [0x06, 0x07, 0x60, 0x85, 0x74, 0x05, 0x08];
        let named = frame
            .content
            .windows(context.len())
            .any(|window| window == context);
        r.check(head.on(4059) || associates && named, "association")?;
        Ok(match message {
            Message::Associate { .. } | Message::Request(_) => Sender::Client,
            Message::Associated { .. } | Message::Answer { .. } => Sender::Server,
            Message::Other => Sender::Unknown,
        })
    })
}

/// A request until its answer.
struct Waiting {
    asking: Asking,
    /// What the value says of the device.
    says: Option<&'static str>,
    confirmed: bool,
}

/// One connection.
#[derive(Default)]
struct Dlms {
    /// By side and number; associations have none.
    waiting: Pending<(Side, Option<u8>), Waiting, MOST_WAITING>,
    known: Known,
    /// A message in several frames, by the side that sends it.
    joining: [Vec<u8>; 2],
}

impl Dialogue for Dlms {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let mut r = Reader::new(bytes);
        let frame = match frame::frame(&mut r) {
            Ok(frame) => frame,
            Err(error) => return Step::from_error(error, bytes.len()),
        };
        let joining = self.joiner(side);
        if frame.more || !joining.is_empty() {
            if joining.len() + frame.content.len() > MOST_MESSAGE {
                joining.clear();
                return Step::Took(r.at());
            }
            joining.extend_from_slice(frame.content);
            if !frame.more && !frame.content.is_empty() {
                let whole = std::mem::take(joining);
                self.content(cx, side, &whole);
            }
        } else if !frame.content.is_empty() {
            self.content(cx, side, frame.content);
        }
        Step::Took(r.at())
    }

    fn gap(&mut self, _cx: &mut Cx<'_>, side: Side, _lost: u64) {
        self.known.gap();
        self.joiner(side).clear();
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        let waiting: Vec<Waiting> = self.waiting.drain().collect();
        for waiting in waiting {
            self.lost(cx, waiting);
        }
    }
}

impl Dlms {
    fn joiner(&mut self, side: Side) -> &mut Vec<u8> {
        let [client, server] = &mut self.joining;
        match side {
            Side::Client => client,
            Side::Server => server,
        }
    }

    fn content(&mut self, cx: &mut Cx<'_>, side: Side, content: &[u8]) {
        match apdu::message(&mut Reader::new(content)) {
            Ok(message) => self.heard(cx, side, content, &message),
            Err(_) => cx.oddity("dlms.malformed", side, None),
        }
    }

    fn put(&mut self, cx: &mut Cx<'_>, key: (Side, Option<u8>), waiting: Waiting) {
        if let Some(lost) = self.waiting.put(key, waiting) {
            self.lost(cx, lost);
        }
    }

    /// What is not confirmed goes without an answer.
    fn lost(&mut self, cx: &mut Cx<'_>, waiting: Waiting) {
        if waiting.confirmed {
            self.known.lost(cx, waiting.asking);
        } else {
            let frames = std::mem::take(&mut cx.frames);
            self.known.tell(cx, waiting.asking, None, None);
            cx.frames = frames;
        }
    }

    fn heard(&mut self, cx: &mut Cx<'_>, side: Side, content: &[u8], message: &Message<'_>) {
        let asker = side.other();
        match message {
            Message::Associate { mechanism: 0 } | Message::Other => {}
            Message::Associate { mechanism } => {
                if (*mechanism, side) == (1, Side::Client) {
                    cx.credential("password", None, false);
                }
                let detail = match mechanism {
                    1 => "association with a password",
                    _ => "association with a challenge",
                };
                let doing = Doing::new(Verb::Authenticate, None, detail);
                let asking = self.known.once(cx, side, doing);
                self.put(
                    cx,
                    (side, None),
                    Waiting {
                        asking,
                        says: None,
                        confirmed: true,
                    },
                );
            }
            Message::Associated { accepted } => {
                if let Some(asked) = self.waiting.take(&(asker, None)) {
                    let outcome = if *accepted {
                        Outcome::Ok
                    } else {
                        Outcome::Refused
                    };
                    self.known.tell(cx, asked.asking, Some(outcome), None);
                } else {
                    cx.comes_early();
                }
            }
            Message::Request(request) => {
                // Blocks belong to what asked for them.
                if request.goes_on() || request.objects().iter().any(Object::is_image_block) {
                    return;
                }
                // All but the number that counts up.
                let (head, rest) = (content.get(..2), content.get(3..));
                let same = fingerprint([head.unwrap_or_default(), rest.unwrap_or_default()]);
                let asking = self.known.ask(cx, side, same, || request.doing());
                let says = match request.objects().as_slice() {
                    [one] => one.says(),
                    _ => None,
                };
                let key = (side, Some(request.invoke));
                let confirmed = request.confirmed;
                if !confirmed {
                    cx.asks_nothing();
                }
                self.put(
                    cx,
                    key,
                    Waiting {
                        asking,
                        says,
                        confirmed,
                    },
                );
            }
            Message::Answer {
                invoke,
                error,
                value,
            } => {
                let Some(asked) = self.waiting.take(&(asker, Some(*invoke))) else {
                    cx.comes_early();
                    return;
                };
                if let (Some(attribute), Some(text)) = (asked.says, apdu::string(value)) {
                    cx.identity(side, attribute, text);
                }
                let (outcome, why) = match error {
                    None => (Outcome::Ok, None),
                    Some(code) => (Outcome::Refused, Some(apdu::error(*code))),
                };
                self.known.tell(cx, asked.asking, Some(outcome), why);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::{Client, Server};
    use crate::testing::{check, check_at, hex};
    use crate::{Head, Probe};

    fn wrapped(apdu: &str) -> String {
        format!("0001 0001 0001 {:04x} {apdu}", hex(apdu).len())
    }

    #[test]
    fn meters_are_read_and_written_after_a_password_at_any_port() {
        let messages = [
            // Association by password, given; the logical device name.
            (
                Client,
                "60 1e a1 09 0607 60857405080101 8b 07 60857405080201 ac 04 8002 7077 80 02 0780",
            ),
            (
                Server,
                "61 14 a1 09 0607 60857405080101 a2 03 020100 80 02 0780",
            ),
            (Client, "c0 01 c1 0001 00002a0000ff 02 00"),
            (Server, "c4 01 c1 00 09 03 414243"),
            // Energy, twice; an object that is not there; the clock is set; the supply is cut, refused.
            (Client, "c0 01 42 0003 0100010800ff 02 00"),
            (Server, "c4 01 42 00 06 00000007"),
            (Client, "c0 01 43 0003 0100010800ff 02 00"),
            (Server, "c4 01 43 00 06 00000008"),
            (Client, "c0 01 44 0003 0100630800ff 02 00"),
            (Server, "c4 01 44 01 04"),
            (Client, "c1 01 45 0008 0000010000ff 02 00 09 01 00"),
            (Server, "c5 01 45 00"),
            (Client, "c3 01 46 0046 0000600300ff 01 00"),
            (Server, "c7 01 46 03"),
            // Firmware: begun, a block, activated without an answer; a list of two.
            (Client, "c3 01 47 0012 00002c0000ff 01 01 0900"),
            (Server, "c7 01 47 00"),
            (Client, "c3 01 48 0012 00002c0000ff 02 01 0900"),
            (Server, "c7 01 48 00"),
            (Client, "c3 01 49 0012 00002c0000ff 04 01 0f00"),
            (
                Client,
                "c0 03 4a 02 0003 0100010800ff 02 00 0003 0100020800ff 02 00",
            ),
            (Server, "c4 03 4a 02 00 0600000001 00 0600000002"),
            // Supply cut once more, unconfirmed.
            (Client, "c3 01 0b 0046 0000600300ff 01 00"),
        ];
        let messages: Vec<_> = messages
            .iter()
            .map(|(side, apdu)| (*side, wrapped(apdu)))
            .collect();
        let messages: Vec<_> = messages
            .iter()
            .map(|(side, text)| (*side, text.as_str()))
            .collect();
        check_at(
            &DECODER,
            5000,
            &messages,
            expect![[r#"
                conversation protocol=dlms state=answered packets=12/10 bytes=291/166
                operation authenticate (association with a password) ok count=1 frames=[1, 2]
                operation read "class 1 0.0.42.0.0.255 attribute 2" (get) ok count=1 frames=[3, 4]
                operation read "class 3 1.0.1.8.0.255 attribute 2" (get) ok count=2 frames=[5, 6, 8]
                operation read "class 3 1.0.99.8.0.255 attribute 2" (get, object undefined) refused count=1 frames=[9, 10]
                operation set-clock "class 8 0.0.1.0.0.255 attribute 2" (set) ok count=1 frames=[11, 12]
                operation operate "class 70 0.0.96.3.0.255 method 1" (action, disconnect, read-write denied) refused count=1 frames=[13, 14]
                operation firmware-update "class 18 0.0.44.0.0.255 method 1" (action, image transfer) ok count=1 frames=[15, 16]
                operation firmware-update "class 18 0.0.44.0.0.255 method 4" (action, image transfer) unanswered count=1 frames=[19]
                operation read "class 3 1.0.1.8.0.255 attribute 2, class 3 1.0.2.8.0.255 attribute 2" (get) ok count=1 frames=[20, 21]
                operation operate "class 70 0.0.96.3.0.255 method 1" (action, disconnect) ? count=1 frames=[22]
                identity 10.0.0.2 system=ABC stated
                credential protocol=dlms client=10.0.0.1 server=10.0.0.2 what=password frames=Numbers([1])
            "#]],
        );
    }

    #[test]
    fn frames_of_a_serial_line_are_read_and_what_means_nothing_is_odd() {
        check(
            &DECODER,
            &[
                (Client, "7ea0 0703 2193 0f01 7e"), // normal response mode
                // Get of class 15, attribute 2.
                (
                    Client,
                    "7ea0 1903 2132 6fd8 e6e600 c001c1 000f 0000280000ff 02 00 9153 7e",
                ),
                (Server, &wrapped("c4 01 c1 01 03")),
                (Client, &wrapped("ff 00")),        // no such message
                (Client, "7ea0 0703 2193 0f02 7e"), // a checksum that does not hold
            ],
            expect![[r#"
                conversation protocol=dlms state=answered packets=4/1 bytes=55/13
                operation read "class 15 0.0.40.0.0.255 attribute 2" (get, read-write denied) refused count=1 frames=[2, 3]
                oddity what=dlms.malformed frames=Numbers([4])
                oddity what=protocol.malformed detail=dlms: checksum frames=Numbers([5])
            "#]],
        );
    }

    #[test]
    fn eight_octets_of_a_wrapper_prove_nothing() {
        let told = |text: &str| {
            (DECODER.probe)(&Head {
                bytes: &hex(text),
                udp: false,
                from: 50000,
                to: 5000,
                first: true,
                open: true,
            })
        };
        assert_eq!(
            told(&wrapped("c0 01 c1 0001 00002a0000ff 02 00")),
            Probe::NotOurs
        );
        assert_eq!(told(&wrapped("00")), Probe::NotOurs);
        assert_eq!(told("0001 0001"), Probe::NeedMore);
        assert_eq!(told("0002"), Probe::NotOurs);
        assert_eq!(told("7ea0 0703 2193 0f02 7e"), Probe::NotOurs);
    }
}
