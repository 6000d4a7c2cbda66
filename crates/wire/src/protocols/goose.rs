//! GOOSE: who publishes which events of a substation or a crane's power supply, and whether they come without holes.
//!
//! Spec: IEC 61850-8-1, 18 (service), annex A (coding), annex C (frame).
//! Emits: the publisher's control block, data set and identifier; oddities where its numbers jump, go back or stand still,
//! where it is simulated, reconfigured, or leaves out what it must say.
//! Blind to: the values published; signatures (IEC 62351-6); routable GOOSE over UDP.
//! Tried on: every capture that the tests are given; publishers and numbers as tshark has them.
use super::ber::{self, APPLICATION, CONSTRUCTED, PRIMITIVE};
use crate::reader::text;
use crate::{Carrier, Cx, Decoder, Dialogue, Malformed, Probe, Reader, Side, Step};

pub static DECODER: Decoder = Decoder {
    name: "goose",
    title: "GOOSE (IEC 61850)",
    carriers: &[Carrier::EtherType(0x88b8)],
    probe: |_| Probe::NotOurs,
    open: || Box::new(Goose::default()),
    remote: false,
    operations: &[],
    about: "Who publishes which control block; lost, repeated and out-of-order messages; simulation and changes of \
            configuration.",
    spec: "IEC 61850-8-1, 18 and annexes A, C",
    blind: "the values published, signatures (IEC 62351-6), routable GOOSE",
};

/// Application identifier, length, two reserved fields.
const HEADER: usize = 8;
/// Control blocks followed between two addresses.
const MOST_PUBLISHED: usize = 32;
/// Characters of a reference: IEC 61850-8-1 allows 129.
const MOST_NAME: usize = 129;

/// What of a message is looked at.
struct Message<'a> {
    appid: u16,
    simulated: bool,
    reference: &'a [u8],
    data_set: Option<&'a [u8]>,
    id: Option<&'a [u8]>,
    state: u32,
    sequence: u32,
    revision: u32,
    needs_commissioning: bool,
    /// What must be there, and is not; or what contradicts itself.
    wrong: Option<&'static str>,
}

/// Annex A: elements that every message must have, with their names.
const MUST: &[(u32, &str)] = &[
    (1, "no time allowed to live"),
    (2, "no data set"),
    (4, "no time"),
    (8, "no configuration revision"),
    (10, "no number of entries"),
];

impl<'a> Message<'a> {
    fn read(r: &mut Reader<'a>) -> Result<Message<'a>, Malformed> {
        let appid = r.u16()?;
        let length = usize::from(r.u16()?);
        let [reserved, _, _, _] = r.array::<4>()?;
        let Some(length) = length.checked_sub(HEADER) else {
            return Err(Malformed::Bad("length"));
        };
        let mut content = r.sub(length)?;
        let pdu = inside(ber::element(&mut content))?;
        r.check(pdu.is(APPLICATION, 1), "message")?;
        let mut message = Message {
            appid,
            simulated: reserved & 0x80 != 0,
            reference: &[],
            data_set: None,
            id: None,
            state: 0,
            sequence: 0,
            revision: 0,
            needs_commissioning: false,
            wrong: None,
        };
        let (mut seen, mut entries, mut wanted) = (0u32, None, None);
        let mut fields = Reader::new(pdu.content);
        while !fields.is_empty() {
            let field = inside(ber::element(&mut fields))?;
            let number = || ber::number(field.content).unwrap_or(0);
            let truth = || field.content.iter().any(|octet| *octet != 0);
            match (field.form, field.number) {
                (PRIMITIVE, 0) => message.reference = field.content,
                (PRIMITIVE, 2) => message.data_set = Some(field.content),
                (PRIMITIVE, 3) => message.id = Some(field.content),
                (PRIMITIVE, 5) => message.state = number(),
                (PRIMITIVE, 6) => message.sequence = number(),
                (PRIMITIVE, 7) => message.simulated |= truth(),
                (PRIMITIVE, 8) => message.revision = number(),
                (PRIMITIVE, 9) => message.needs_commissioning = truth(),
                (PRIMITIVE, 10) => wanted = Some(number()),
                (CONSTRUCTED, 11) => {
                    entries = Some(
                        u32::try_from(ber::elements(field.content).count()).unwrap_or(u32::MAX),
                    );
                }
                (PRIMITIVE, 1 | 4) => {}
                _ => message.wrong = Some("unknown element"),
            }
            seen |= 1u32.checked_shl(field.number).unwrap_or(0);
        }
        let has = |number: u32| seen & 1 << number != 0;
        r.check(has(0) && has(5) && has(6), "control block or numbers")?;
        if let (Some(wanted), Some(entries)) = (wanted, entries)
            && wanted != entries
        {
            message.wrong = Some("number of entries");
        }
        if let Some((_, missing)) = MUST.iter().find(|(number, _)| !has(*number)) {
            message.wrong = Some(missing);
        }
        Ok(message)
    }
}

/// The frame is whole by its own length: what is missing inside it will not come.
fn inside<T>(read: Result<T, Malformed>) -> Result<T, Malformed> {
    read.map_err(|_| Malformed::Bad("element"))
}

/// One control block of one publisher.
struct Published {
    reference: Vec<u8>,
    /// The same for people.
    name: String,
    state: u32,
    sequence: u32,
    revision: u32,
    simulated: bool,
}

/// What passes from one address to a group.
#[derive(Default)]
struct Goose {
    published: Vec<Published>,
}

impl Dialogue for Goose {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        match Message::read(&mut Reader::new(bytes)) {
            Ok(message) => self.heard(cx, side, &message),
            Err(error) => return Step::from_error(error, bytes.len()),
        }
        // What follows is padding, or a signature.
        Step::Took(bytes.len())
    }
}

impl Goose {
    fn heard(&mut self, cx: &mut Cx<'_>, side: Side, message: &Message<'_>) {
        let known = self
            .published
            .iter_mut()
            .find(|known| known.reference == message.reference);
        let Some(known) = known else {
            self.first(cx, side, message);
            return;
        };
        let name = &known.name;
        let mut odd = |what| cx.oddity(what, side, Some(name.clone()));
        if message.state == known.state {
            let next = known.sequence.wrapping_add(1);
            match message.sequence {
                sequence if sequence == next => {}
                // After the highest number comes 1: 0 is that of a change (IEC 61850-8-1, 18.1.2).
                1 if next == 0 => {}
                sequence if sequence == known.sequence => odd("goose.repeated"),
                sequence if sequence < known.sequence => odd("goose.sequence_back"),
                _ => odd("goose.lost"),
            }
        } else if message.state < known.state {
            odd("goose.state_back");
        } else if message.state > known.state.wrapping_add(1) {
            odd("goose.state_jump");
        } else if message.sequence > 1 {
            odd("goose.lost");
        }
        if message.revision != known.revision {
            odd("goose.reconfigured");
        }
        if message.simulated && !known.simulated {
            odd("goose.simulated");
        }
        known.state = message.state;
        known.sequence = message.sequence;
        known.revision = message.revision;
        known.simulated = message.simulated;
        let name = known.name.clone();
        wrong(cx, side, message, &name);
    }

    fn first(&mut self, cx: &mut Cx<'_>, side: Side, message: &Message<'_>) {
        let say = |content: &[u8]| text(content, MOST_NAME);
        let name = say(message.reference).unwrap_or_else(|| "unnamed control block".to_owned());
        let mut says = format!("GOOSE {name}");
        if let Some(set) = message.data_set.and_then(say) {
            says.push_str(&format!(", data set {set}"));
        }
        if let Some(id) = message.id.and_then(say) {
            says.push_str(&format!(", identifier {id}"));
        }
        says.push_str(&format!(", APPID 0x{:04x}", message.appid));
        cx.identity(side, "role", "GOOSE publisher");
        cx.identity(side, "system", says);
        if message.simulated {
            cx.oddity("goose.simulated", side, Some(name.clone()));
        }
        wrong(cx, side, message, &name);
        if self.published.len() < MOST_PUBLISHED {
            self.published.push(Published {
                reference: message.reference.to_vec(),
                name,
                state: message.state,
                sequence: message.sequence,
                revision: message.revision,
                simulated: message.simulated,
            });
        }
    }
}

/// What a single message gets wrong by itself.
fn wrong(cx: &mut Cx<'_>, side: Side, message: &Message<'_>, name: &str) {
    if message.needs_commissioning {
        cx.oddity("goose.needs_commissioning", side, Some(name.to_owned()));
    }
    if let Some(what) = message.wrong {
        cx.oddity("goose.malformed", side, Some(format!("{name}: {what}")));
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::Client;
    use crate::testing::check;

    /// A message of control block `G`, with its numbers; `simulated` in the frame's reserved field.
    fn message(state: u8, sequence: u8, more: &str) -> String {
        let fields = format!(
            "80 01 47 81 02 07d0 82 01 44 83 01 49 84 08 0000000000000000 85 01 {state:02x} 86 01 {sequence:02x} {more} 8a 01 01 ab 03 83 01 00"
        );
        let size = fields.chars().filter(|c| !c.is_whitespace()).count() / 2;
        format!("0001 {:04x} 0000 0000 61 {size:02x} {fields}", size + 10)
    }

    #[test]
    fn a_publisher_is_named_once_and_numbers_in_order_are_nothing_odd() {
        let numbers = [(1, 7), (1, 8), (2, 0), (2, 1), (3, 0)];
        let messages: Vec<String> = numbers
            .iter()
            .map(|(state, sequence)| message(*state, *sequence, "87 01 00 88 01 01 89 01 00"))
            .collect();
        let messages: Vec<_> = messages.iter().map(|one| (Client, one.as_str())).collect();
        check(
            &DECODER,
            &messages,
            expect![[r#"
            conversation protocol=goose state=one-way packets=5/0 bytes=280/0
            identity 02:00:00:00:00:01 role=GOOSE publisher stated
            identity 02:00:00:00:00:01 system=GOOSE G, data set D, identifier I, APPID 0x0001 stated
        "#]],
        );
    }

    #[test]
    fn jumps_repetitions_simulation_and_new_configurations_are_odd() {
        let plain = "88 01 01";
        let messages = [
            message(1, 1, plain),
            message(1, 4, plain),               // two are lost
            message(1, 4, plain),               // once more
            message(1, 2, plain),               // one that was before
            message(4, 0, plain),               // two changes are lost
            message(2, 0, plain),               // and back
            message(2, 1, "88 01 02"),          // another revision
            message(2, 2, "87 01 01 88 01 02"), // simulated
            message(2, 3, "88 01 02 89 01 01"), // needs commissioning
            message(2, 4, ""),                  // without revision
        ];
        let messages: Vec<_> = messages.iter().map(|one| (Client, one.as_str())).collect();
        check(
            &DECODER,
            &messages,
            expect![[r#"
            conversation protocol=goose state=one-way packets=10/0 bytes=503/0
            identity 02:00:00:00:00:01 role=GOOSE publisher stated
            identity 02:00:00:00:00:01 system=GOOSE G, data set D, identifier I, APPID 0x0001 stated
            oddity what=goose.lost detail=G frames=Numbers([2])
            oddity what=goose.repeated detail=G frames=Numbers([3])
            oddity what=goose.sequence_back detail=G frames=Numbers([4])
            oddity what=goose.state_jump detail=G frames=Numbers([5])
            oddity what=goose.state_back detail=G frames=Numbers([6])
            oddity count=2 what=goose.reconfigured detail=G frames=Numbers([7, 10])
            oddity what=goose.simulated detail=G frames=Numbers([8])
            oddity what=goose.needs_commissioning detail=G frames=Numbers([9])
            oddity what=goose.malformed detail=G: no configuration revision frames=Numbers([10])
        "#]],
        );
    }

    #[test]
    fn frames_that_contradict_themselves_are_told_and_the_next_is_read() {
        let cut = message(1, 1, "88 01 01");
        let whole = message(1, 2, "88 01 01");
        check(
            &DECODER,
            &[
                (Client, cut.get(..cut.len() - 8).unwrap()), // ends too early
                (Client, "0001 0004 0000 0000"),             // a length below the header
                (Client, "0001 000e 0000 0000 61 04 80 02 47 47"), // no numbers
                (Client, "0001 000e 0000 0000 61 04 80 22 47 47"), // an element beyond its frame
                (Client, &whole),
            ],
            expect![[r#"
                conversation protocol=goose state=one-way packets=5/0 bytes=133/0
                identity 02:00:00:00:00:01 role=GOOSE publisher stated
                identity 02:00:00:00:00:01 system=GOOSE G, data set D, identifier I, APPID 0x0001 stated
                oddity what=protocol.malformed detail=goose: truncated frames=Numbers([1])
                oddity what=protocol.malformed detail=goose: length frames=Numbers([2])
                oddity what=protocol.malformed detail=goose: control block or numbers frames=Numbers([3])
                oddity what=protocol.malformed detail=goose: element frames=Numbers([4])
            "#]],
        );
    }
}
