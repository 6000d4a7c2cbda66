//! PROFINET on layer 2: who names, addresses and resets stations by DCP; who exchanges cyclic data with whom, and alarms.
//!
//! Spec: IEC 61158-6-10, 4.3 (DCP), 4.2 (FrameID ranges), 4.7 (RTC), 4.8 (RTA); PROFINET specification V2.4.
//! Emits: one operation per block of a DCP Set, per Get and Identify; identity and address of stations from what they
//! answer; `dcp`, `alarm`, `rt`, `irt`, `fragment`, `sync` as the conversation's variant, the one that can do most;
//! lost cycles, stopped providers, invalid data and alarms, and that frames went by in pieces, as oddities.
//! Blind to: process values, what a diagnosis says, what frames in pieces carry; IO connections (DCE/RPC) are another protocol's.
pub(super) mod cm;
mod dcp;
pub(super) mod mrp;
mod rt;

use facts::Address;

pub(super) use self::cm::identification;

use self::dcp::{Block, Frame, Service, Status};
use crate::reader::Reader;
use crate::{Asked, Carrier, Cx, Decoder, Dialogue, Op, Outcome, Pending, Probe, Side, Step, Verb};

pub static DECODER: Decoder = Decoder {
    name: "profinet",
    title: "PROFINET (DCP and real-time)",
    carriers: &[Carrier::EtherType(0x8892)],
    probe: |_| Probe::NotOurs,
    open: || Box::new(Profinet::default()),
    remote: false,
    operations: &[
        Verb::Configure,
        Verb::Reset,
        Verb::Diagnose,
        Verb::Identify,
        Verb::Read,
    ],
    about: "Who names, addresses, resets and looks for stations by DCP, and what they say of themselves; \
            cyclic data by cycle counter and status, alarms.",
    spec: "IEC 61158-6-10, 4.2, 4.3, 4.7 and 4.8",
    blind: "process values, what a diagnosis says, what frames sent in pieces carry",
};

/// Requests that wait for their answers.
const MOST_WAITING: usize = 32;
/// A client repeats an unanswered request within this time, in nanoseconds (the DCP client's time-out is one second).
const REPEATED_WITHIN: i64 = 3_000_000_000;

/// What a conversation carries, by what it can do: the highest seen names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    #[default]
    Other,
    Sync,
    /// Pieces of other frames, sent between those of a tight cycle.
    Piece,
    Irt,
    Rt,
    Alarm,
    Dcp,
}

impl Class {
    /// IEC 61158-6-10, 4.2.2.2: ranges of the FrameID.
    const fn of(frame: u16) -> Class {
        match frame {
            0x0000..=0x00ff | 0xff00..=0xff43 => Class::Sync,
            0x0100..=0x7fff => Class::Irt,
            0x8000..=0xfbff => Class::Rt,
            0xfc01 | 0xfe01 | 0xfe02 => Class::Alarm,
            0xfefc..=0xfeff => Class::Dcp,
            0xff80..=0xff8f => Class::Piece,
            _ => Class::Other,
        }
    }

    const fn name(self) -> Option<&'static str> {
        Some(match self {
            Class::Other => return None,
            Class::Sync => "sync",
            Class::Piece => "fragment",
            Class::Irt => "irt",
            Class::Rt => "rt",
            Class::Alarm => "alarm",
            Class::Dcp => "dcp",
        })
    }
}

/// What passes between two MAC addresses.
#[derive(Default)]
struct Profinet {
    class: Class,
    /// That frames went by in pieces was told.
    pieces: bool,
    cyclic: rt::Cyclic,
    /// By the asking end and its transaction. The address and not the side: which end is the client may turn out later.
    waiting: Pending<(Address, u32), Request, MOST_WAITING>,
}

/// A request until its answer.
#[derive(Clone, Debug)]
struct Request {
    from: Address,
    blocks: Vec<Block>,
    asked: Asked,
}

impl Dialogue for Profinet {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let mut r = Reader::new(bytes);
        let Ok(frame) = r.u16() else {
            return Step::Bad("frame without FrameID");
        };
        let class = Class::of(frame);
        if class > self.class {
            self.class = class;
            if let Some(name) = class.name() {
                cx.variant(name);
            }
        }
        if class == Class::Piece && !std::mem::replace(&mut self.pieces, true) {
            let detail = format!("frame 0x{frame:04x}, not put together");
            cx.oddity("profinet.fragments", side, Some(detail));
        }
        if class == Class::Dcp {
            match Frame::read(&mut r) {
                Ok(frame) => self.dcp(cx, side, frame),
                Err(error) => return Step::from_error(error, bytes.len()),
            }
        }
        match class {
            Class::Rt | Class::Irt => self.cyclic.see(cx, side, frame, r.rest()),
            // 0xfe02 is an alarm of DCP's kind; the others are RTA.
            Class::Alarm if frame != 0xfe02 => {
                if let Err(error) = rt::alarm(cx, side, r.rest()) {
                    return Step::from_error(error, bytes.len());
                }
            }
            _ => {}
        }
        Step::Took(bytes.len())
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        let lost: Vec<Request> = self.waiting.drain().collect();
        for request in lost {
            self.unanswered(cx, request);
        }
    }
}

impl Profinet {
    fn dcp(&mut self, cx: &mut Cx<'_>, side: Side, frame: Frame) {
        let answers = frame.status != Status::Request && frame.service != Service::Hello;
        let key = (cx.flow.end(side.other()).address, frame.transaction);
        if answers && !self.waiting.holds(&key) && cx.comes_early() {
            if frame.service != Service::Set {
                identify(cx, side, &frame.blocks);
            }
            return;
        }
        if let Some(warning) = frame.conflict() {
            cx.oddity("profinet.address_conflict", side, Some(warning));
        }
        match (frame.service, frame.status) {
            (Service::Hello, _) => identify(cx, side, &frame.blocks),
            (_, Status::Request) => self.ask(cx, side, frame),
            (service, _) => {
                cx.server_is(side);
                if service != Service::Set {
                    identify(cx, side, &frame.blocks);
                }
                self.answer(cx, side, &frame);
            }
        }
    }

    fn ask(&mut self, cx: &mut Cx<'_>, side: Side, frame: Frame) {
        cx.server_is(side.other());
        let from = cx.flow.end(side).address;
        let key = (from, frame.transaction);
        let request = Request {
            from,
            blocks: frame.blocks,
            asked: cx.asked(),
        };
        // Answers to a multicast come from each device by itself.
        if cx.flow.end(side.other()).address.is_group() {
            tell(cx, side, &request, |_| (None, None));
            return;
        }
        if let Some(before) = self.waiting.take(&key) {
            let again = before.blocks == request.blocks
                && request.asked.time.since(before.asked.time) < REPEATED_WITHIN;
            let _ = self.waiting.put(key, before);
            if again {
                return;
            }
        }
        if let Some(lost) = self.waiting.put(key, request) {
            self.unanswered(cx, lost);
        }
    }

    fn answer(&mut self, cx: &mut Cx<'_>, side: Side, frame: &Frame) {
        let asker = side.other();
        let key = (cx.flow.end(asker).address, frame.transaction);
        // An answer to a multicast has no request here.
        let Some(request) = self.waiting.take(&key) else {
            return;
        };
        tell(cx, asker, &request, |block| {
            if frame.status == Status::NotSupported {
                return (Some(Outcome::Refused), Some("service not supported"));
            }
            match frame.error_of(block) {
                None | Some(0) => (Some(Outcome::Ok), None),
                Some(code) => (Some(Outcome::Refused), Some(dcp::error(code))),
            }
        });
    }

    fn unanswered(&self, cx: &mut Cx<'_>, request: Request) {
        let side = if cx.flow.client.address == request.from {
            Side::Client
        } else {
            Side::Server
        };
        let outcome = cx.unanswered(side.other());
        tell(cx, side, &request, |_| (outcome, None));
    }
}

/// One row per block that does something; Get and Identify name all their blocks in one.
fn tell(
    cx: &mut Cx<'_>,
    side: Side,
    request: &Request,
    ended: impl Fn(&Block) -> (Option<Outcome>, Option<&'static str>),
) {
    for block in dcp::grouped(&request.blocks) {
        let (outcome, why) = ended(&block);
        let detail = match (block.detail(), why) {
            (Some(detail), Some(why)) => Some(format!("{detail}, {why}")),
            (detail, why) => detail.or(why.map(str::to_owned)),
        };
        let op = Op {
            verb: block.verb(),
            object: Some(block.object()),
            detail,
            outcome,
            asked: Some(request.asked.clone()),
            ..Op::default()
        };
        cx.operation(side, op);
    }
}

/// What a station says of itself.
fn identify(cx: &mut Cx<'_>, side: Side, blocks: &[Block]) {
    for block in blocks {
        if let (Some(ip), Address::Mac(mac)) = (block.address(), cx.flow.end(side).address) {
            cx.claim(mac, ip.into());
        }
        for (attribute, value) in block.says() {
            cx.identity(side, attribute, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::{Client, Server};
    use crate::testing::check;

    const PADDING: &str = "000000000000000000000000";

    #[test]
    fn a_set_of_name_and_address_is_two_operations_with_their_own_outcomes() {
        check(
            &DECODER,
            &[
                (
                    Client,
                    &format!(
                        "fefd 04 00 00000001 0000 0020 0202 0009 0000 6d616c6c6f7279 00 0102 000e 0001 c0a8000a ffffff00 c0a80001 {PADDING}"
                    ),
                ),
                (
                    Server,
                    &format!(
                        "fefd 04 01 00000001 0000 0010 0504 0003 0202 00 00 0504 0003 0102 06 00 {PADDING}"
                    ),
                ),
            ],
            expect![[r#"
                conversation protocol=profinet:dcp state=answered packets=1/1 bytes=56/40
                operation configure "IP address" (192.168.0.10 mask 255.255.255.0 gateway 192.168.0.1, permanent, not possible in operation) refused count=1 frames=[1, 2]
                operation configure "name of station" (mallory, until restart) ok count=1 frames=[1, 2]
            "#]],
        );
    }

    #[test]
    fn a_reset_without_an_answer_and_a_signal_are_told_and_a_repetition_counts_once() {
        let reset = format!("fefd 04 00 00000007 0000 0006 0506 0002 0004 {PADDING}");
        check(
            &DECODER,
            &[
                (Client, &reset),
                (Client, &reset),
                (
                    Client,
                    &format!("fefd 04 00 00000008 0000 0008 0503 0004 0000 0100 {PADDING}"),
                ),
                (
                    Server,
                    &format!("fefd 04 01 00000008 0000 0008 0504 0003 0503 00 00 {PADDING}"),
                ),
            ],
            expect![[r#"
                conversation protocol=profinet:dcp state=answered packets=3/1 bytes=92/32
                operation reset "reset to factory settings" (mode 2) unanswered count=1 frames=[1]
                operation diagnose "signal" ok count=1 frames=[3, 4]
            "#]],
        );
    }

    #[test]
    fn a_station_that_answers_names_itself_and_claims_its_address() {
        check(
            &DECODER,
            &[
                (
                    Client,
                    &format!("fefe 05 00 01000001 0001 0004 ffff 0000 {PADDING}"),
                ),
                (
                    Server,
                    "feff 05 01 01000001 0000 0044
                    0201 000a 0000 5343414c414e4345
                    0202 0006 0000 73773031
                    0203 0006 0000 002a 0a06
                    0204 0004 0000 0300
                    0207 0004 0000 0001
                    0102 000e 0001 c0a82914 ffffff00 c0a82901",
                ),
                (
                    Client,
                    &format!("fefd 03 00 00000002 0000 0004 0202 0102 {PADDING}"),
                ),
                (
                    Server,
                    &format!("fefd 03 01 00000002 0000 000a 0202 0006 0000 73773031 {PADDING}"),
                ),
            ],
            expect![[r#"
                conversation protocol=profinet:dcp state=answered packets=2/2 bytes=56/114
                operation identify "all" ok count=1 frames=[1, 2]
                operation read "name of station, IP address" ok count=1 frames=[3, 4]
                identity 02:00:00:00:00:02 maker=Siemens stated
                identity 02:00:00:00:00:02 model=SCALANCE stated
                identity 02:00:00:00:00:02 role=io-controller, io-device stated
                identity 02:00:00:00:00:02 system=PROFINET vendor 0x002a device 0x0a06 stated
                identity 02:00:00:00:00:02 hostname=sw01 stated
                address mac=02:00:00:00:00:02 ip=192.168.41.20 claimed=Bool(true) frames=Numbers([2])
            "#]],
        );
    }

    #[test]
    fn lost_cycles_a_stopped_provider_and_alarms_are_noted() {
        let cyclic = |counter: u16, status: &str| {
            format!("8000 {} {counter:04x} {status} 00", "80".repeat(40))
        };
        // Twenty cycles of 64, then one after nine that are missing, then the provider stops.
        let mut frames: Vec<String> = (0..20).map(|n| cyclic(n * 64, "35")).collect();
        frames.push(cyclic(29 * 64, "35"));
        frames.push(cyclic(30 * 64, "25"));
        // One that is missing may be the capture's.
        frames.push(cyclic(32 * 64, "25"));
        // A diagnosis at slot 2; a process alarm, which is ordinary; the end of the connection.
        frames.push("fc01 0001 0002 11 01 0001 ffff 001a 0001 0016 0100 0001 00000000 0002 0001 00000010 00000001 a800".to_owned());
        frames.push("fc01 0001 0002 11 01 0002 ffff 001a 0001 0016 0100 0002 00000000 0002 0001 00000010 00000001 a800".to_owned());
        frames.push("fe01 0001 0002 14 01 0003 ffff 0004 cf81fd05".to_owned());
        let messages: Vec<_> = frames
            .iter()
            .map(|frame| (Client, frame.as_str()))
            .collect();
        check(
            &DECODER,
            &messages,
            expect![[r#"
            conversation protocol=profinet:alarm state=one-way packets=26/0 bytes=1156/0
            oddity what=profinet.lost_cycles detail=frame 0x8000, 9 cycles missing frames=Numbers([21])
            oddity what=profinet.provider_stopped detail=frame 0x8000 frames=Numbers([22])
            oddity what=profinet.alarm detail=diagnosis appears, slot 2 subslot 0x1 frames=Numbers([24])
            oddity what=profinet.connection_error detail=connection ended, error 0xcf81fd05 frames=Numbers([26])
        "#]],
        );
    }

    #[test]
    fn frames_in_pieces_are_told_once() {
        // More follows, number 0; the last, number 1.
        let first = format!("ff81 05 80 0800 4500 {}", "00".repeat(36));
        let last = format!("ff81 00 01 {}", "00".repeat(44));
        check(
            &DECODER,
            &[(Client, &first), (Client, &last)],
            expect![[r#"
                conversation protocol=profinet:fragment state=one-way packets=2/0 bytes=92/0
                oddity what=profinet.fragments detail=frame 0xff81, not put together frames=Numbers([1])
            "#]],
        );
    }

    #[test]
    fn cyclic_data_is_counted_and_damage_is_noted() {
        check(
            &DECODER,
            &[
                (Server, &format!("8000 80808080 {PADDING} 1000 35 00")),
                (Client, &format!("8000 80808080 {PADDING} 1000 35 00")),
                (Client, "fefd 04 00 00000001 0000 0030 0202 0040 0000 6d61"), // a name longer than the frame
            ],
            expect![[r#"
                conversation protocol=profinet:dcp state=answered packets=2/1 bytes=42/22
                oddity what=protocol.malformed detail=profinet: truncated frames=Numbers([3])
            "#]],
        );
    }
}
