//! PTP: whose clock a network follows.
//!
//! Spec: IEEE 1588-2019, 13.3 (header), 13.5 (Announce), 7.6.2 (clock quality); annexes C to E (carriers).
//! Emits: of each port that announces, the identity of its clock, its grandmaster with class, priorities and domain; management requests that set.
//! Blind to: the time itself; version 1.
use super::named::{Reads, ours};
use crate::{Carrier, Cx, Decoder, Head, Malformed, Op, Probe, Reader, Sender, Side, Step, Verb};

pub(super) static DECODER: Decoder = Decoder {
    name: "ptp",
    title: "PTP (IEEE 1588)",
    carriers: &[
        Carrier::EtherType(0x88f7),
        Carrier::Udp(319),
        Carrier::Udp(320),
    ],
    probe,
    open: || Box::new(Reads(message)),
    remote: false,
    operations: &[Verb::Configure],
    about: "Clocks that announce themselves, with the grandmaster that they follow, its class and domain; management messages that set something.",
    spec: "IEEE 1588-2019; IEEE 802.1AS",
    blind: "the time itself; version 1",
};

/// 13.3.2.3.
mod kind {
    pub(super) const ANNOUNCE: u8 = 0xb;
    pub(super) const SIGNALLING: u8 = 0xc;
    pub(super) const MANAGEMENT: u8 = 0xd;
    /// Requests for a delay, 1 and 2, and what may negotiate or set something.
    pub(super) const ASK: [u8; 4] = [1, 2, SIGNALLING, MANAGEMENT];
}

struct Header {
    kind: u8,
    domain: u8,
    /// Of the clock that sends: the same on all its ports.
    source: [u8; 8],
}

impl Header {
    fn read(r: &mut Reader<'_>) -> Result<Header, Malformed> {
        let left = r.left();
        let (kind, version) = (r.u8()? & 0x0f, r.u8()? & 0x0f);
        r.check(version == 2, "version")?;
        r.check(matches!(kind, 0..=3 | 8..=0xd), "message type")?;
        let length = usize::from(r.u16()?);
        r.check((34..=left).contains(&length), "length")?;
        let domain = r.u8()?;
        // Minor type, flags, correction, type-specific.
        r.skip(1 + 2 + 8 + 4)?;
        let source = r.array()?;
        // Port, sequence, control, interval.
        r.skip(2 + 2 + 1 + 1)?;
        Ok(Header {
            kind,
            domain,
            source,
        })
    }
}

fn probe(head: &Head<'_>) -> Probe {
    let at_port = head.on(319) || head.on(320);
    let header = Header::read(&mut Reader::new(head.bytes));
    ours((head.udp && at_port && header.is_ok()).then_some(Sender::Unknown))
}

fn message(cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
    let mut r = Reader::new(bytes);
    let read = Header::read(&mut r).and_then(|header| {
        if !kind::ASK.contains(&header.kind) {
            cx.asks_nothing();
        }
        match header.kind {
            kind::ANNOUNCE => announce(cx, side, &header, &mut r),
            kind::MANAGEMENT => management(cx, side, &mut r),
            _ => Ok(()),
        }
    });
    match read {
        Ok(()) => Step::Took(bytes.len()),
        Err(error) => Step::from_error(error, bytes.len()),
    }
}

/// 13.5.1: the grandmaster is what the sender follows, or the sender itself.
fn announce(
    cx: &mut Cx<'_>,
    side: Side,
    header: &Header,
    r: &mut Reader<'_>,
) -> Result<(), Malformed> {
    r.skip(10 + 2 + 1)?;
    let first = r.u8()?;
    let class = r.u8()?;
    r.skip(1 + 2)?;
    let second = r.u8()?;
    let clock = r.array::<8>()?;
    let steps = r.u16()?;
    // 7.6.2.5: 6 and 7 follow a primary reference, 255 only follows.
    let way = match steps {
        0 => "is".to_owned(),
        1 => "1 step from".to_owned(),
        many => format!("{many} steps from"),
    };
    let stated = format!(
        "{way} grandmaster {} of domain {}, class {class}, priorities {first} and {second}",
        digits(clock),
        header.domain
    );
    cx.identity(side, "clock", stated);
    cx.identity(side, "clock_id", digits(header.source));
    Ok(())
}

fn digits(clock: [u8; 8]) -> String {
    clock.map(|octet| format!("{octet:02x}")).join(":")
}

/// 15.4.1: behind the target port and two counts the action; 1 sets, 3 commands.
fn management(cx: &mut Cx<'_>, side: Side, r: &mut Reader<'_>) -> Result<(), Malformed> {
    r.skip(10 + 1 + 1)?;
    let action = r.u8()? & 0x0f;
    r.skip(1)?;
    // A TLV: type 1 is management, then its length and what it is of.
    let (kind, _, what) = (r.u16()?, r.u16()?, r.u16()?);
    if kind == 1 && matches!(action, 1 | 3) {
        let op = Op {
            object: Some(format!("management id {what:#06x}")),
            detail: Some(if action == 1 { "set" } else { "command" }.to_owned()),
            ..Op::new(Verb::Configure)
        };
        cx.operation(side, op);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::Client;
    use crate::testing::check;

    #[test]
    fn an_announcement_tells_the_grandmaster_and_a_management_message_what_it_sets() {
        let header = |kind: &str, length: &str| {
            format!(
                "{kind} 02 {length} 05 00 0000 0000000000000000 00000000 020000fffe0000010001 0001 05 01"
            )
        };
        let announce = format!(
            "{} 00000000000000000000 0025 00 80 06 21 4e5d 80 001dc1fffe0a0b0c 0000 20",
            header("0b", "0040")
        );
        // SET of id 2005 (priority 1).
        let set = format!(
            "{} ffffffffffffffffffff 01 01 01 00 0001 0004 2005 6400",
            header("0d", "0036")
        );
        check(
            &DECODER,
            &[(Client, &announce), (Client, &set)],
            expect![[r#"
                conversation protocol=ptp state=one-way packets=2/0 bytes=120/0
                operation configure "management id 0x2005" (set) ? count=1 frames=[2]
                identity 02:00:00:00:00:01 clock=is grandmaster 00:1d:c1:ff:fe:0a:0b:0c of domain 5, class 6, priorities 128 and 128 stated
                identity 02:00:00:00:00:01 clock_id=02:00:00:ff:fe:00:00:01 stated
            "#]],
        );
    }
}
