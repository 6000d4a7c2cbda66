//! Sampled values: who publishes which stream of measurements, and whether samples are missing.
//!
//! Spec: IEC 61850-9-2, 8 and annex A; IEC 61869-9 (rates).
//! Emits: the publisher's streams; oddities where samples are lost or repeated, where the clock is not synchronised, and
//! where the configuration changes.
//! Blind to: the samples; signatures (IEC 62351-6); routable sampled values.
//! Tried on: every capture that the tests are given; streams and counters as tshark has them.
use super::ber::{self, APPLICATION, CONSTRUCTED, PRIMITIVE, SEQUENCE};
use crate::reader::text;
use crate::{Carrier, Cx, Decoder, Dialogue, Malformed, Probe, Reader, Side, Step};

pub static DECODER: Decoder = Decoder {
    name: "sv",
    title: "Sampled values (IEC 61850-9-2)",
    carriers: &[Carrier::EtherType(0x88ba)],
    probe: |_| Probe::NotOurs,
    open: || Box::new(Sampled::default()),
    remote: false,
    operations: &[],
    about: "Who publishes which stream; lost and repeated samples, lost synchronisation, changes of configuration.",
    spec: "IEC 61850-9-2, 8 and annex A",
    blind: "the samples, signatures (IEC 62351-6), routable sampled values",
};

/// Application identifier, length, two reserved fields.
const HEADER: usize = 8;
/// Streams followed between two addresses.
const MOST_STREAMS: usize = 32;
/// Characters of a stream's name.
const MOST_NAME: usize = 129;

/// One unit of a frame: a sample of every channel.
struct Unit<'a> {
    id: &'a [u8],
    count: u16,
    revision: u32,
    /// 0 is none, 1 local, 2 global, others the clock's identity.
    synchronised: u8,
}

impl<'a> Unit<'a> {
    fn read(content: &'a [u8]) -> Result<Unit<'a>, Malformed> {
        let mut unit = Unit {
            id: &[],
            count: 0,
            revision: 0,
            synchronised: 0,
        };
        let mut seen = 0u32;
        let mut fields = Reader::new(content);
        while !fields.is_empty() {
            let field = inside(ber::element(&mut fields))?;
            match (field.form, field.number) {
                (PRIMITIVE, 0) => unit.id = field.content,
                (PRIMITIVE, 2) => unit.count = Reader::new(field.content).u16()?,
                (PRIMITIVE, 3) => unit.revision = ber::number(field.content).unwrap_or(0),
                (PRIMITIVE, 5) => unit.synchronised = field.content.first().copied().unwrap_or(0),
                // The samples come last: what follows them is not looked at.
                (PRIMITIVE, 7) => break,
                _ => {}
            }
            seen |= 1u32.checked_shl(field.number).unwrap_or(0);
        }
        if seen & 0b101 != 0b101 {
            return Err(Malformed::Bad("stream or counter"));
        }
        Ok(unit)
    }
}

/// The frame is whole by its own length: what is missing inside it will not come.
fn inside<T>(read: Result<T, Malformed>) -> Result<T, Malformed> {
    read.map_err(|_| Malformed::Bad("element"))
}

struct Stream {
    id: Vec<u8>,
    /// The same for people.
    name: String,
    count: u16,
    revision: u32,
    synchronised: bool,
}

/// What passes from one address to a group.
#[derive(Default)]
struct Sampled {
    streams: Vec<Stream>,
}

impl Dialogue for Sampled {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        match self.frame(cx, side, bytes) {
            Ok(()) => Step::Took(bytes.len()),
            Err(error) => Step::from_error(error, bytes.len()),
        }
    }
}

impl Sampled {
    fn frame(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Result<(), Malformed> {
        let mut r = Reader::new(bytes);
        let appid = r.u16()?;
        let length = usize::from(r.u16()?);
        r.skip(4)?;
        let Some(length) = length.checked_sub(HEADER) else {
            return Err(Malformed::Bad("length"));
        };
        let mut content = r.sub(length)?;
        let pdu = inside(ber::element(&mut content))?;
        r.check(pdu.is(APPLICATION, 0), "message")?;
        let units = ber::find(pdu.content, CONSTRUCTED, 2).ok_or(Malformed::Bad("no units"))?;
        let mut units = Reader::new(units);
        while !units.is_empty() {
            let unit = inside(ber::element(&mut units))?;
            r.check(unit.is(SEQUENCE, 16), "unit")?;
            let unit = match Unit::read(unit.content) {
                Err(Malformed::Short) => return Err(Malformed::Bad("counter")),
                read => read?,
            };
            self.heard(cx, side, appid, &unit);
        }
        Ok(())
    }

    fn heard(&mut self, cx: &mut Cx<'_>, side: Side, appid: u16, unit: &Unit<'_>) {
        let synchronised = unit.synchronised != 0;
        let Some(known) = self.streams.iter_mut().find(|known| known.id == unit.id) else {
            let name = text(unit.id, MOST_NAME).unwrap_or_else(|| "unnamed stream".to_owned());
            cx.identity(side, "role", "publisher of sampled values");
            cx.identity(
                side,
                "system",
                format!("sampled values {name}, APPID 0x{appid:04x}"),
            );
            if !synchronised {
                cx.oddity("sv.not_synchronised", side, Some(name.clone()));
            }
            if self.streams.len() < MOST_STREAMS {
                self.streams.push(Stream {
                    id: unit.id.to_vec(),
                    name,
                    count: unit.count,
                    revision: unit.revision,
                    synchronised,
                });
            }
            return;
        };
        // The counter starts anew each second, at whatever rate.
        let next = known.count.wrapping_add(1);
        let mut odd = |what| cx.oddity(what, side, Some(known.name.clone()));
        if unit.count == known.count {
            odd("sv.repeated");
        } else if unit.count != next && unit.count != 0 {
            odd("sv.lost");
        }
        if unit.revision != known.revision {
            odd("sv.reconfigured");
        }
        if known.synchronised && !synchronised {
            odd("sv.not_synchronised");
        }
        known.count = unit.count;
        known.revision = unit.revision;
        known.synchronised = synchronised;
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::Client;
    use crate::testing::check;

    /// A frame with one unit of stream `S`.
    fn frame(count: u16, revision: u8, synchronised: u8) -> String {
        format!(
            "4000 0021 0000 0000 60 17 80 01 01 a2 12 30 10 80 01 53 82 02 {count:04x} 83 01 {revision:02x} 85 01 {synchronised:02x} 87 01 00"
        )
    }

    #[test]
    fn streams_are_named_and_missing_samples_told() {
        let frames = [
            frame(3998, 1, 2),
            frame(3999, 1, 2),
            frame(0, 1, 2), // the next second
            frame(1, 1, 2),
            frame(4, 1, 2), // two are lost
            frame(4, 1, 2), // once more
            frame(5, 2, 0), // another revision, without a clock
        ];
        let frames: Vec<_> = frames.iter().map(|one| (Client, one.as_str())).collect();
        check(
            &DECODER,
            &frames,
            expect![[r#"
                conversation protocol=sv state=one-way packets=7/0 bytes=231/0
                identity 02:00:00:00:00:01 role=publisher of sampled values stated
                identity 02:00:00:00:00:01 system=sampled values S, APPID 0x4000 stated
                oddity what=sv.lost detail=S frames=Numbers([5])
                oddity what=sv.repeated detail=S frames=Numbers([6])
                oddity what=sv.not_synchronised detail=S frames=Numbers([7])
                oddity what=sv.reconfigured detail=S frames=Numbers([7])
            "#]],
        );
    }

    #[test]
    fn frames_that_contradict_themselves_are_told() {
        check(
            &DECODER,
            &[
                (Client, "4000 0004 0000 0000"), // a length below the header
                (Client, "4000 000e 0000 0000 60 04 80 01 01 00"), // no units
                (
                    Client,
                    "4000 0013 0000 0000 60 09 80 01 01 a2 04 30 02 80 00",
                ), // no counter
            ],
            expect![[r#"
                conversation protocol=sv state=one-way packets=3/0 bytes=41/0
                oddity what=protocol.malformed detail=sv: length frames=Numbers([1])
                oddity what=protocol.malformed detail=sv: no units frames=Numbers([2])
                oddity what=protocol.malformed detail=sv: stream or counter frames=Numbers([3])
            "#]],
        );
    }
}
