//! NTP: who gives time to whom, from what source, and who queries or configures a time server.
//!
//! Spec: RFC 5905 (7.3 header), RFC 9327 (control messages), the reference implementation's private mode 7.
//! Emits: stratum and reference of servers; now and then the moment in which a clock was set, as a sign that two addresses are
//! one system; control and private requests as operations.
//! Blind to: whether a clock was set by it; authentication beyond its presence.
use std::net::Ipv4Addr;

use crate::reader::text;
use crate::{
    At, Carrier, Cx, Decoder, Dialogue, Head, Malformed, Op, Outcome, Pending, Probe, Reader,
    Sender, Side, Step, Verb,
};

pub(crate) static DECODER: Decoder = Decoder {
    name: "ntp",
    title: "NTP",
    carriers: &[Carrier::Udp(123)],
    probe,
    open: || Box::new(Ntp::default()),
    remote: false,
    operations: &[Verb::Diagnose, Verb::Configure],
    about: "Time servers with their stratum and reference; control (mode 6) and private (mode 7) requests as operations.",
    spec: "RFC 5905; RFC 9327",
    blind: "whether a client set its clock; NTP on other ports, since its content says too little",
};

/// Control requests that wait for their answers.
const MOST_WAITING: usize = 32;

/// One in so many of the moments in which a clock is set is told.
const MOMENTS: u64 = 16;

/// RFC 5905, figure 10.
mod mode {
    pub(crate) const SYMMETRIC_ACTIVE: u8 = 1;
    pub(crate) const CLIENT: u8 = 3;
    pub(crate) const SERVER: u8 = 4;
    pub(crate) const BROADCAST: u8 = 5;
    pub(crate) const CONTROL: u8 = 6;
    pub(crate) const PRIVATE: u8 = 7;
}

/// Two bits of mode and a length say too little: the port must agree.
fn probe(head: &Head<'_>) -> Probe {
    if !head.on(123) {
        return Probe::NotOurs;
    }
    match Message::read(head.bytes) {
        Ok(Message::Time(time)) => Probe::Ours(match time.mode {
            mode::CLIENT | mode::SYMMETRIC_ACTIVE => Sender::Client,
            mode::SERVER | mode::BROADCAST => Sender::Server,
            _ => Sender::Unknown,
        }),
        Ok(Message::Query(query)) => Probe::Ours(if query.answer {
            Sender::Server
        } else {
            Sender::Client
        }),
        Err(_) => Probe::NotOurs,
    }
}

struct Time {
    version: u8,
    mode: u8,
    stratum: u8,
    reference: [u8; 4],
    /// When its clock was set last: seconds since 1900, and their fraction in the lower half. 0 for never.
    set: u64,
}

struct Query {
    version: u8,
    private: bool,
    answer: bool,
    error: bool,
    /// Opcode, or request code of the private mode.
    code: u8,
    sequence: u16,
}

enum Message {
    Time(Time),
    Query(Query),
}

impl Message {
    fn read(bytes: &[u8]) -> Result<Message, Malformed> {
        let mut r = Reader::new(bytes);
        let first = r.u8()?;
        let (version, mode) = (first >> 3 & 7, first & 7);
        r.check((1..=4).contains(&version), "version")?;
        match mode {
            mode::CONTROL => {
                // RFC 9327, 2: no leap indicator; response, error, more and opcode; sequence; status, association and
                // offset; as many octets of data as there are.
                r.check(first >> 6 == 0, "leap indicator")?;
                let flags = r.u8()?;
                r.check(matches!(flags & 0x1f, 1..=12 | 31), "opcode")?;
                let sequence = r.u16()?;
                r.skip(6)?;
                let count = usize::from(r.u16()?);
                r.skip(count)?;
                Ok(Message::Query(Query {
                    version,
                    private: false,
                    answer: flags & 0x80 != 0,
                    error: flags & 0x40 != 0,
                    code: flags & 0x1f,
                    sequence,
                }))
            }
            mode::PRIVATE => {
                // Response bit, sequence, implementation (any, an old one, the present one), request code, error and
                // count, nothing and size of each item, the items.
                let sequence = r.u8()? & 0x7f;
                let implementation = r.u8()?;
                r.check(matches!(implementation, 0 | 2 | 3), "implementation")?;
                let code = r.u8()?;
                let items = r.u16()?;
                let error = items >> 12;
                r.check(error == 0 || first & 0x80 != 0, "error of a request")?;
                let size = r.u16()?;
                r.check(size >> 12 == 0, "item size")?;
                r.skip(usize::from(items & 0x0fff) * usize::from(size))?;
                Ok(Message::Query(Query {
                    version,
                    private: true,
                    answer: first & 0x80 != 0,
                    error: error != 0,
                    code,
                    sequence: u16::from(sequence),
                }))
            }
            // Version 1 had no modes.
            0 if version > 1 => Err(Malformed::Bad("mode")),
            _ => {
                let stratum = r.u8()?;
                r.check(stratum <= 16, "stratum")?;
                // Poll, precision, root delay, root dispersion.
                r.skip(2 + 4 + 4)?;
                let reference = r.array()?;
                let set = u64::from_be_bytes(r.array()?);
                // Three more time stamps.
                r.skip(24)?;
                Ok(Message::Time(Time {
                    version,
                    mode,
                    stratum,
                    reference,
                    set,
                }))
            }
        }
    }
}

/// A query until its answer.
#[derive(Clone, Copy)]
struct Waiting {
    at: At,
    side: Side,
    private: bool,
    code: u8,
}

/// Stratum and reference, as a server states them.
type Source = (u8, [u8; 4]);

#[derive(Default)]
struct Ntp {
    waiting: Pending<(bool, bool, u8, u16), Waiting, MOST_WAITING>,
    version: Option<u8>,
    /// What each end said last: most of what follows says the same.
    client: Option<Source>,
    server: Option<Source>,
    /// The moments that were told as `ntp_clock` last, by side.
    set: [u64; 2],
}

impl Dialogue for Ntp {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let message = match Message::read(bytes) {
            Ok(message) => message,
            Err(error) => return Step::from_error(error, bytes.len()),
        };
        let version = match &message {
            Message::Time(time) => time.version,
            Message::Query(query) => query.version,
        };
        if self.version != Some(version) {
            self.version = Some(version);
            cx.variant(format!("v{version}"));
        }
        match message {
            Message::Time(time) => self.time(cx, side, &time),
            Message::Query(query) => self.query(cx, side, &query),
        }
        Step::Took(bytes.len())
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        let lost: Vec<Waiting> = self.waiting.drain().collect();
        for waiting in lost {
            let outcome = cx.unanswered(waiting.side.other());
            tell(cx, &waiting, outcome);
        }
    }
}

impl Ntp {
    /// When a clock was set, to the fraction of a nanosecond, is told to whoever asks at any of its addresses, and by old
    /// clients to their servers: nobody else sets its own in the same moment by the same server. A clock is set every few
    /// minutes; all keep the same few of these moments.
    fn clock(&mut self, cx: &mut Cx<'_>, side: Side, time: &Time) {
        let fraction = time.set & 0xffff_ffff;
        let lot = (fraction ^ fraction >> 16).is_multiple_of(MOMENTS);
        let known = match side {
            Side::Client => self.set.first_mut(),
            Side::Server => self.set.last_mut(),
        };
        // Who sets whole seconds (or says 0) has nothing of its own.
        if fraction == 0 || !lot || !(1..=15).contains(&time.stratum) {
            return;
        }
        if let Some(known) = known.filter(|known| **known != time.set) {
            *known = time.set;
            let by = reference(time).unwrap_or_default();
            cx.identity(side, "ntp_clock", format!("set at {:016x}{by}", time.set));
        }
    }

    fn time(&mut self, cx: &mut Cx<'_>, side: Side, time: &Time) {
        self.clock(cx, side, time);
        // Stratum 0 is "unspecified", or a kiss code that tells the client to go away (RFC 5905, 7.4).
        if !matches!(time.mode, mode::SERVER | mode::BROADCAST) || time.stratum == 0 {
            return;
        }
        let source = (time.stratum, time.reference);
        let told = match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        if *told == Some(source) {
            return;
        }
        *told = Some(source);
        let reference = reference(time).unwrap_or_default();
        let stated = format!("time server of stratum {}{reference}", time.stratum);
        cx.identity(side, "system", stated);
    }

    fn query(&mut self, cx: &mut Cx<'_>, side: Side, query: &Query) {
        let asker = if query.answer { side.other() } else { side };
        let key = (
            asker == Side::Client,
            query.private,
            query.code,
            query.sequence,
        );
        if !query.answer {
            let waiting = Waiting {
                at: cx.at,
                side,
                private: query.private,
                code: query.code,
            };
            if let Some(lost) = self.waiting.put(key, waiting) {
                let outcome = cx.unanswered(side.other());
                tell(cx, &lost, outcome);
            }
        } else if let Some(waiting) = self.waiting.take(&key) {
            let outcome = if query.error {
                Outcome::Refused
            } else {
                Outcome::Ok
            };
            tell(cx, &waiting, Some(outcome));
        } else {
            cx.comes_early();
        }
    }
}

/// RFC 5905, 7.3: a clock by four letters at stratum 1, else the server's own server (for IPv6 a hash of it).
fn reference(time: &Time) -> Option<String> {
    match time.stratum {
        1 => text(&time.reference, 4).map(|clock| format!(", clock {clock}")),
        2..=15 => Some(format!(", server {}", Ipv4Addr::from(time.reference))),
        _ => Some(", not synchronised".to_owned()),
    }
}

fn tell(cx: &mut Cx<'_>, waiting: &Waiting, outcome: Option<Outcome>) {
    let Waiting {
        at,
        side,
        private,
        code,
    } = *waiting;
    // RFC 9327, 2.1 and 4; request codes of the reference implementation's private mode.
    let (verb, what) = match (private, code) {
        (false, 1) => (Verb::Diagnose, "read status"),
        (false, 2) => (Verb::Diagnose, "read variables"),
        (false, 3) => (Verb::Configure, "write variables"),
        (false, 4) => (Verb::Diagnose, "read clock variables"),
        (false, 5) => (Verb::Configure, "write clock variables"),
        (false, 6) => (Verb::Configure, "set trap"),
        (false, 8) => (Verb::Configure, "configure"),
        (false, 9) => (Verb::Diagnose, "save configuration"),
        (false, 10) => (Verb::Diagnose, "list of clients"),
        (false, 31) => (Verb::Configure, "unset trap"),
        (true, 16 | 20 | 42) => (Verb::Diagnose, "list of clients"),
        (true, 10..=14 | 17..=19 | 21..=29 | 31..=34) => (Verb::Configure, "configure"),
        _ => (Verb::Diagnose, "query"),
    };
    let kind = if private { "private" } else { "control" };
    let op = Op {
        object: Some(what.to_owned()),
        detail: Some(format!("{kind} request {code}")),
        outcome,
        asked: Some(crate::Asked {
            time: at.now,
            capture: at.capture,
            frames: vec![at.frame],
        }),
        ..Op::new(verb)
    };
    cx.operation(side, op);
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::Side::{Client, Server};
    use crate::testing::check;

    fn time(first: &str, stratum: &str, reference: &str) -> String {
        format!(
            "{first} {stratum} 06 ec 00000000 00000000 {reference} {}",
            "00".repeat(32)
        )
    }

    #[test]
    fn the_moment_in_which_a_clock_was_set_is_told_of_few_and_of_whole_seconds_never() {
        let at = |first: &str, fraction: &str| {
            format!(
                "{first} 02 06 ec 00000000 00000000 c0000201 ea0c8d70{fraction} {}",
                "00".repeat(24)
            )
        };
        let said = [
            (Client, at("23", "1234123f")),
            (Server, at("24", "12341234")),
            (Server, at("24", "12341234")),
            (Server, at("24", "00000000")),
            (Client, at("23", "56785678")),
        ];
        let said: Vec<_> = said
            .iter()
            .map(|(side, hex)| (*side, crate::testing::hex(hex)))
            .collect();
        let told = crate::testing::render(&crate::testing::run(&DECODER, Some(123), &said));
        let clocks: Vec<&str> = told
            .lines()
            .filter(|line| line.contains("ntp_clock"))
            .collect();
        assert_eq!(
            clocks,
            [
                "identity 10.0.0.2 ntp_clock=set at ea0c8d7012341234, server 192.0.2.1 stated",
                "identity 10.0.0.1 ntp_clock=set at ea0c8d7056785678, server 192.0.2.1 stated",
            ]
        );
    }

    #[test]
    fn a_server_states_stratum_and_source_once() {
        let (ask, tell) = (time("23", "00", "00000000"), time("24", "01", "47505300"));
        let (later, other) = (time("24", "01", "47505300"), time("24", "03", "c0000201"));
        check(
            &DECODER,
            &[
                (Client, &ask),
                (Server, &tell),
                (Server, &later),
                (Server, &other),
            ],
            expect![[r#"
                conversation protocol=ntp:v4 state=answered packets=1/3 bytes=48/144
                identity 10.0.0.2 system=time server of stratum 1, clock GPS stated
                identity 10.0.0.2 system=time server of stratum 3, server 192.0.2.1 stated
            "#]],
        );
    }

    #[test]
    fn control_and_private_requests_are_operations() {
        check(
            &DECODER,
            &[
                (Client, "16 02 0001 0000 0000 0000 0000"),
                (Server, "16 82 0001 0000 0000 0000 0000"),
                (Client, "17 00 03 2a 0000 0000"),
                (Client, "16 08 0002 0000 0000 0000 0000"),
                (Server, "16 c8 0002 0000 0000 0000 0000"),
            ],
            expect![[r#"
                conversation protocol=ntp:v2 state=answered packets=3/2 bytes=32/24
                operation diagnose "read variables" (control request 2) ok count=1 frames=[1, 2]
                operation diagnose "list of clients" (private request 42) unanswered count=1 frames=[3]
                operation configure "configure" (control request 8) refused count=1 frames=[4, 5]
            "#]],
        );
    }
}
