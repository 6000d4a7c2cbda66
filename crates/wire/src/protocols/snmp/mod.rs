//! SNMP: who reads and sets what on which device, by which version, and what devices say of themselves.
//!
//! Spec: RFC 1157 (version 1), RFC 1901 and 3416 (2c), RFC 3412 and 3414 (3), RFC 3417 (encoding), RFC 3418 (system group),
//! RFC 6933 (entity MIB).
//! Emits: reads and sets as operations; communities as clear-text credentials; name, description and inventory of
//! agents; engine ids.
//! Blind to: what version 3 encrypts; what traps say beyond their objects; SNMP over TCP.
mod pdu;

use std::collections::VecDeque;
use std::sync::Arc;

use self::pdu::{Binding, Kind, Message, Pdu, Version, dotted};
use crate::reader::text;
use crate::{
    Asked, At, Carrier, Cx, Decoder, Dialogue, Head, Malformed, Memo, Op, OpId, Outcome, Pending,
    Probe, Reader, Sender, Side, Step, Verb,
};

pub(crate) static DECODER: Decoder = Decoder {
    name: "snmp",
    title: "SNMP",
    carriers: &[Carrier::Udp(161), Carrier::Udp(162)],
    probe,
    open: || Box::new(Snmp::default()),
    remote: false,
    operations: &[Verb::Read, Verb::Write, Verb::Configure],
    about: "Reads and sets with their objects, communities as clear-text credentials (never the community itself), descriptions, names and inventory of devices, users that were refused; the version as variant.",
    spec: "RFC 1157; RFC 3412; RFC 3414; RFC 3416; RFC 3417; RFC 3418; RFC 6933",
    blind: "what version 3 encrypts, the content of traps, SNMP over TCP",
};

/// Requests that wait for their answers.
const MOST_WAITING: usize = 64;
/// Objects named of one request; the rest are counted.
const MOST_NAMED: usize = 4;
/// Different requests remembered.
const MOST_SUBJECTS: usize = 16;
/// Groups of objects that configure a device: system, interfaces, ip, bridge, ipForward, SNMP's own.
const CONFIGURATION: &[&[u8]] = &[
    &[0x2b, 6, 1, 2, 1, 1],
    &[0x2b, 6, 1, 2, 1, 2],
    &[0x2b, 6, 1, 2, 1, 4],
    &[0x2b, 6, 1, 2, 1, 17],
    &[0x2b, 6, 1, 2, 1, 24],
    &[0x2b, 6, 1, 6, 3],
];
/// Arcs kept of an object that a walk passes: the column of a table, as a rule.
const WALK_ARCS: usize = 10;

/// Version and shape tell, on any port; on SNMP's own the outermost element is enough, so that what is broken inside is
/// told as broken.
fn probe(head: &Head<'_>) -> Probe {
    if !head.udp {
        return Probe::NotOurs;
    }
    let by_port = if head.to == 161 || head.from == 162 {
        Sender::Client
    } else {
        Sender::Unknown
    };
    match Message::read(&mut Reader::new(head.bytes)) {
        Ok(message) => Probe::Ours(match message.pdu.map(|pdu| pdu.kind) {
            Some(Kind::Response | Kind::Report) => Sender::Server,
            Some(_) => Sender::Client,
            None => Sender::Unknown,
        }),
        Err(_) if (head.on(161) || head.on(162)) && head.bytes.first() == Some(&0x30) => {
            Probe::Ours(by_port)
        }
        Err(_) => Probe::NotOurs,
    }
}

/// What a request is about; shared by its repetitions.
struct Subject {
    verb: Verb,
    object: Option<String>,
    detail: &'static str,
    content: Option<u64>,
}

/// A request until its answer.
#[derive(Clone)]
struct Waiting {
    at: At,
    side: Side,
    fingerprint: u64,
    subject: Arc<Subject>,
}

#[derive(Default)]
struct Snmp {
    waiting: Pending<(bool, i64), Waiting, MOST_WAITING>,
    known: Memo,
    /// The last different requests, so that polling makes nothing out anew.
    subjects: VecDeque<(u64, Arc<Subject>)>,
    version: Option<Version>,
    engine: Option<Vec<u8>>,
}

impl Dialogue for Snmp {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let mut r = Reader::new(bytes);
        let message = match Message::read(&mut r) {
            Ok(message) => message,
            Err(error) => return Step::from_error(error, bytes.len()),
        };
        if let Some(pdu) = message
            .pdu
            .as_ref()
            .filter(|pdu| pdu.kind == Kind::Response)
            && !self.waiting.holds(&(side == Side::Server, pdu.request))
            && cx.comes_early()
        {
            if let Some(engine) = message.engine {
                self.engine(cx, side, Some(pdu.kind), engine);
            }
            if pdu.error == 0 && !informed(cx) {
                for binding in &pdu.bindings().0 {
                    inventory(cx, side, binding);
                }
            }
            return Step::Took(bytes.len());
        }
        if !message.wants_answer() {
            cx.asks_nothing();
        }
        if self.version != Some(message.version) {
            self.version = Some(message.version);
            cx.variant(message.version.name());
        }
        let kind = message.pdu.as_ref().map(|pdu| pdu.kind);
        let answers = matches!(kind, Some(Kind::Response | Kind::Report));
        // An answer repeats the community of its request.
        if let Some(community) = message.community
            && (!answers || !cx.flow.end(side.other()).seen)
        {
            let default = matches!(community, b"" | b"public" | b"private");
            cx.credential("community", None, default);
        }
        if let Some(engine) = message.engine {
            self.engine(cx, side, kind, engine);
        }
        let malformed = match &message.pdu {
            Some(pdu) if pdu.kind == Kind::Response => self.answer(cx, side, pdu),
            Some(pdu) if pdu.kind.reads_or_sets() => self.ask(cx, side, pdu),
            Some(pdu) if pdu.kind == Kind::Report => report(cx, side, pdu),
            Some(pdu) => pdu.bindings().1,
            None => None,
        };
        match malformed {
            Some(error) => Step::from_error(error, bytes.len()),
            None => Step::Took(bytes.len()),
        }
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        let lost: Vec<Waiting> = self.waiting.drain().collect();
        for waiting in lost {
            let outcome = cx.unanswered(waiting.side.other());
            tell(cx, &waiting, outcome, None);
        }
    }
}

impl Snmp {
    /// RFC 3414, 1.5.1: of requests and answers the answering end's engine is the authoritative one, of traps the sender's.
    fn engine(&mut self, cx: &mut Cx<'_>, side: Side, kind: Option<Kind>, engine: &[u8]) {
        let own = match kind {
            Some(Kind::Trap) => true,
            Some(Kind::Response | Kind::Report) | None => {
                side == Side::Server && cx.flow.server.port != 162
            }
            Some(_) => false,
        };
        if own && self.engine.as_deref() != Some(engine) {
            self.engine = Some(engine.to_vec());
            cx.identity(side, "engine", crate::protocols::tls::hex(engine));
        }
    }

    fn ask(&mut self, cx: &mut Cx<'_>, side: Side, pdu: &Pdu<'_>) -> Option<Malformed> {
        let fingerprint = Memo::fingerprint(pdu.rest) ^ pdu.kind as u64;
        let known = self
            .subjects
            .iter()
            .find(|(known, _)| *known == fingerprint)
            .map(|(_, subject)| Arc::clone(subject));
        let (subject, malformed) = match known {
            Some(subject) => (subject, None),
            None => {
                let (bindings, malformed) = pdu.bindings();
                let subject = Arc::new(Subject::new(pdu.kind, &bindings));
                if malformed.is_none() {
                    self.subjects.push_back((fingerprint, Arc::clone(&subject)));
                    if self.subjects.len() > MOST_SUBJECTS {
                        self.subjects.pop_front();
                    }
                }
                (subject, malformed)
            }
        };
        let waiting = Waiting {
            at: cx.at,
            side,
            fingerprint,
            subject,
        };
        let lost = self
            .waiting
            .put((side == Side::Client, pdu.request), waiting);
        if let Some(lost) = lost {
            let outcome = cx.unanswered(lost.side.other());
            tell(cx, &lost, outcome, None);
        }
        malformed
    }

    fn answer(&mut self, cx: &mut Cx<'_>, side: Side, pdu: &Pdu<'_>) -> Option<Malformed> {
        let asker = side.other();
        let waiting = self.waiting.take(&(asker == Side::Client, pdu.request));
        let (bindings, malformed) = pdu.bindings();
        // An error repeats what was asked; the answer to an inform repeats what the informer said of itself.
        if pdu.error == 0 && (waiting.is_some() || !informed(cx)) {
            for binding in &bindings {
                inventory(cx, side, binding);
            }
        }
        let Some(waiting) = waiting else {
            return malformed;
        };
        if pdu.error != 0 {
            tell(cx, &waiting, Some(Outcome::Refused), Some(pdu.error));
        } else if !self
            .known
            .get(waiting.fingerprint)
            .is_some_and(|id| cx.again(id, waiting.at.now))
        {
            let id = tell(cx, &waiting, Some(Outcome::Ok), None);
            if waiting.subject.verb.is_cyclic() {
                self.known.put(waiting.fingerprint, id);
            }
        }
        malformed
    }
}

/// The flow is one of traps and informs.
const fn informed(cx: &Cx<'_>) -> bool {
    cx.flow.client.port == 162 || cx.flow.server.port == 162
}

/// RFC 3414, 5: which of its counters a request made an agent count up. That its engine or time was not known is the
/// ordinary way to learn them.
fn report(cx: &mut Cx<'_>, side: Side, pdu: &Pdu<'_>) -> Option<Malformed> {
    let (bindings, malformed) = pdu.bindings();
    // 1.3.6.1.6.3.15.1.1: usmStats.
    let counter = bindings
        .first()
        .and_then(|binding| binding.object.strip_prefix(&[0x2b, 6, 1, 6, 3, 15, 1, 1]));
    let why = match counter {
        Some([3, 0]) => "unknown user",
        Some([5, 0]) => "wrong digest",
        Some([6, 0]) => "wrong key",
        _ => return malformed,
    };
    cx.login_refused(side.other(), why, None);
    malformed
}

impl Subject {
    fn new(kind: Kind, bindings: &[Binding<'_>]) -> Subject {
        let (detail, arcs) = match kind {
            Kind::GetNext => ("get-next", WALK_ARCS),
            Kind::GetBulk => ("get-bulk", WALK_ARCS),
            Kind::Set => ("set", usize::MAX),
            _ => ("get", usize::MAX),
        };
        let mut named: Vec<String> = Vec::new();
        for binding in bindings.iter().take(MOST_NAMED) {
            let object = dotted(binding.object, arcs).unwrap_or_else(|| "malformed".to_owned());
            if !named.contains(&object) {
                named.push(object);
            }
        }
        let mut object = named.join(", ");
        if bindings.len() > MOST_NAMED {
            object.push_str(&format!(" and {} more", bindings.len() - MOST_NAMED));
        }
        let set = kind == Kind::Set;
        let configures = bindings.iter().any(|binding| {
            CONFIGURATION
                .iter()
                .any(|group| binding.object.starts_with(group))
        });
        Subject {
            verb: match (set, configures) {
                (true, true) => Verb::Configure,
                (true, false) => Verb::Write,
                (false, _) => Verb::Read,
            },
            object: (!object.is_empty()).then_some(object),
            detail,
            content: set.then(|| bindings.iter().map(|b| b.length() as u64).sum()),
        }
    }
}

fn tell(
    cx: &mut Cx<'_>,
    waiting: &Waiting,
    outcome: Option<Outcome>,
    error: Option<i64>,
) -> Option<OpId> {
    let subject = &waiting.subject;
    let detail = match error {
        Some(error) => format!("{}, {}", subject.detail, error_name(error)),
        None => subject.detail.to_owned(),
    };
    let op = Op {
        object: subject.object.clone(),
        detail: Some(detail),
        outcome,
        content_bytes: subject.content,
        asked: Some(Asked {
            time: waiting.at.now,
            capture: waiting.at.capture,
            frames: vec![waiting.at.frame],
        }),
        ..Op::new(subject.verb)
    };
    cx.operation(waiting.side, op)
}

/// RFC 3416, 3.
const fn error_name(error: i64) -> &'static str {
    match error {
        1 => "too big",
        2 => "no such name",
        3 => "bad value",
        4 => "read only",
        5 => "general error",
        6 => "no access",
        7 => "wrong type",
        8 => "wrong length",
        9 => "wrong encoding",
        10 => "wrong value",
        11 => "no creation",
        12 => "inconsistent value",
        13 => "resource unavailable",
        14 => "commit failed",
        15 => "undo failed",
        16 => "authorization error",
        17 => "not writable",
        18 => "inconsistent name",
        _ => "error",
    }
}

/// What an agent says of itself: the system group (RFC 3418) and the first entry of the entity MIB (RFC 6933).
fn inventory(cx: &mut Cx<'_>, side: Side, binding: &Binding<'_>) {
    let attribute = match binding.object {
        // 1.3.6.1.2.1.1.x.0
        [0x2b, 6, 1, 2, 1, 1, 1, 0] => "system",
        [0x2b, 6, 1, 2, 1, 1, 5, 0] => "hostname",
        [0x2b, 6, 1, 2, 1, 1, 2, 0] => {
            if let Some(object) = binding.object_value() {
                cx.identity(side, "system", format!("sysObjectID {object}"));
            }
            return;
        }
        // 1.3.6.1.2.1.47.1.1.1.1.x.1
        [0x2b, 6, 1, 2, 1, 47, 1, 1, 1, 1, 10, 1] => "firmware",
        [0x2b, 6, 1, 2, 1, 47, 1, 1, 1, 1, 11, 1] => "serial",
        [0x2b, 6, 1, 2, 1, 47, 1, 1, 1, 1, 12, 1] => "maker",
        [0x2b, 6, 1, 2, 1, 47, 1, 1, 1, 1, 13, 1] => "model",
        _ => return,
    };
    if let Some(value) = binding.octets().and_then(|value| text(value, 255)) {
        cx.identity(side, attribute, value);
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::Side::{Client, Server};
    use crate::testing::{check, check_at, hex};

    fn wrap(tag: &str, inner: &str) -> String {
        format!("{tag} {:02x} {inner}", hex(inner).len())
    }

    fn pdu(kind: &str, request: u8, error: u8, bindings: &str) -> String {
        let bindings = wrap("30", bindings);
        wrap(
            kind,
            &format!("020101 0201{error:02x} 020100 {bindings}").replacen(
                "020101",
                &format!("0201{request:02x}"),
                1,
            ),
        )
    }

    fn message(community: &str, pdu: &str) -> String {
        wrap("30", &format!("020101 {} {pdu}", wrap("04", community)))
    }

    const PUBLIC: &str = "7075626c6963";

    #[test]
    fn a_description_read_with_the_default_community() {
        let ask = wrap("30", "0608 2b06010201010100 0500");
        let tell = wrap("30", "0608 2b06010201010100 0405 5043342d31");
        check_at(
            &DECODER,
            30161,
            &[
                (Client, &message(PUBLIC, &pdu("a0", 1, 0, &ask))),
                (Server, &message(PUBLIC, &pdu("a2", 1, 0, &tell))),
                (Client, &message(PUBLIC, &pdu("a0", 2, 0, &ask))),
                (Server, &message(PUBLIC, &pdu("a2", 2, 0, &tell))),
            ],
            expect![[r#"
                conversation protocol=snmp:v2c state=answered packets=2/2 bytes=80/90
                operation read "1.3.6.1.2.1.1.1.0" (get) ok count=2 frames=[1, 2, 4]
                identity 10.0.0.2 system=PC4-1 stated
                credential count=2 protocol=snmp client=10.0.0.1 server=10.0.0.2 what=community is_default=Bool(true) frames=Numbers([1, 3])
            "#]],
        );
    }

    #[test]
    fn sets_are_told_with_their_outcome() {
        // sysName, refused; an enterprise's object, unanswered.
        let name = wrap("30", "0608 2b06010201010500 0402 6162");
        let own = wrap("30", "0609 2b06010401d3150101 020101");
        check(
            &DECODER,
            &[
                (Client, &message("73656372", &pdu("a3", 1, 0, &name))),
                (Server, &message("73656372", &pdu("a2", 1, 17, &name))),
                (Client, &message("73656372", &pdu("a3", 2, 0, &own))),
            ],
            expect![[r#"
                conversation protocol=snmp:v2c state=answered packets=2/1 bytes=80/40
                operation configure "1.3.6.1.2.1.1.5.0" (set, not writable) refused count=1 frames=[1, 2]
                operation write "1.3.6.1.4.1.10645.1.1" (set) unanswered count=1 frames=[3]
                credential count=2 protocol=snmp client=10.0.0.1 server=10.0.0.2 what=community frames=Numbers([1, 3])
            "#]],
        );
    }

    #[test]
    fn a_walk_is_one_row_per_column() {
        let at = |index: u8| wrap("30", &format!("060a 2b060102010202010a{index:02x} 0500"));
        let to = |index: u8| wrap("30", &format!("060a 2b060102010202010a{index:02x} 4101 05"));
        check(
            &DECODER,
            &[
                (Client, &message(PUBLIC, &pdu("a1", 1, 0, &at(1)))),
                (Server, &message(PUBLIC, &pdu("a2", 1, 0, &to(2)))),
                (Client, &message(PUBLIC, &pdu("a1", 2, 0, &at(2)))),
                (Server, &message(PUBLIC, &pdu("a2", 2, 0, &to(3)))),
            ],
            expect![[r#"
                conversation protocol=snmp:v2c state=answered packets=2/2 bytes=84/86
                operation read "1.3.6.1.2.1.2.2.1.10" (get-next) ok count=2 frames=[1, 2, 3, 4]
                credential count=2 protocol=snmp client=10.0.0.1 server=10.0.0.2 what=community is_default=Bool(true) frames=Numbers([1, 3])
            "#]],
        );
    }

    #[test]
    fn version_3_tells_its_engine_and_no_more() {
        let security = wrap("30", "0405 8000000001 020100 020100 0400 0400 0400");
        let v3 = |flags: &str, data: &str| {
            wrap(
                "30",
                &format!(
                    "020103 {} {} {data}",
                    wrap("30", &format!("020101 020205dc 0401{flags} 020103")),
                    wrap("04", &security)
                ),
            )
        };
        check(
            &DECODER,
            &[
                (Client, &v3("07", "0404 deadbeef")),
                (Server, &v3("03", "0404 deadbeef")),
            ],
            expect![[r#"
                conversation protocol=snmp:v3 state=answered packets=1/1 bytes=49/49
                identity 10.0.0.2 engine=8000000001 stated
            "#]],
        );
    }

    #[test]
    fn a_report_tells_who_was_not_let_in_and_not_who_asked_for_the_engine() {
        let security = wrap("30", "0405 8000000001 020100 020100 0400 0400 0400");
        let report = |counter: u8| {
            let binding = wrap(
                "30",
                &format!("060a 2b060106030f0101{counter:02x}00 410101"),
            );
            let header = wrap("30", "020101 020205dc 040100 020103");
            let scoped = wrap(
                "30",
                &format!("0405 8000000001 0400 {}", pdu("a8", 1, 0, &binding)),
            );
            let security = wrap("04", &security);
            wrap("30", &format!("020103 {header} {security} {scoped}"))
        };
        check(
            &DECODER,
            &[
                (Server, &report(4)),
                (Server, &report(2)),
                (Server, &report(5)),
            ],
            expect![[r#"
                conversation protocol=snmp:v3 state=one-way packets=0/3 bytes=0/252
                identity 10.0.0.2 engine=8000000001 stated
                oddity what=login.refused detail=snmp: wrong digest frames=Numbers([3])
            "#]],
        );
    }

    #[test]
    fn traps_ask_for_nothing_and_what_else_is_said_does() {
        let told = |messages: &[String]| {
            let messages: Vec<_> = messages.iter().map(|text| (Client, hex(text))).collect();
            let facts = crate::testing::run(&DECODER, Some(162), &messages);
            let [flow] = facts.conversations.as_slice() else {
                panic!("one conversation");
            };
            flow.state.to_string()
        };
        let binding = wrap("30", "0608 2b06010201010300 430164");
        let of = |kind: &str| message(PUBLIC, &pdu(kind, 1, 0, &binding));
        let (trap, inform, get) = (of("a7"), of("a6"), of("a0"));
        let first = wrap("a4", "0603 2b0601 4004 0a000001 020106 020101 430164 3000");
        let first = wrap("30", &format!("020100 {} {first}", wrap("04", PUBLIC)));
        // Encrypted: what may be reported of is confirmed.
        let sealed = |flags: &str| {
            let header = wrap("30", &format!("020101 020205dc 0401{flags} 020103"));
            let security = wrap("30", "0405 8000000001 020101 020101 040161 0400 0400");
            let security = wrap("04", &security);
            wrap("30", &format!("020103 {header} {security} 0404 01020304"))
        };
        for quiet in [&trap, &first, &sealed("03")] {
            assert_eq!(told(&[quiet.clone(), quiet.clone()]), "one-way");
        }
        for asks in [&inform, &get, &sealed("07")] {
            assert_eq!(told(std::slice::from_ref(asks)), "unanswered");
            assert_eq!(told(&[asks.clone(), trap.clone()]), "unanswered");
            assert_eq!(told(&[trap.clone(), asks.clone()]), "unanswered");
        }
    }

    #[test]
    fn broken_encodings_are_oddities() {
        let ask = wrap("30", "0608 2b06010201010100 0500");
        check(
            &DECODER,
            &[
                (Client, &message(PUBLIC, &pdu("a0", 1, 0, &ask))),
                // A length of 4 GiB, one of indefinite form, one past the end.
                (Client, "30 84 ffffffff 020100"),
                (Client, "30 80 020100 0000"),
                (Client, "30 0b 020100 0406 7075626c6963"),
            ],
            expect![[r#"
                conversation protocol=snmp:v2c state=unanswered packets=4/0 bytes=69/0
                operation read "1.3.6.1.2.1.1.1.0" (get) ? count=1 frames=[1]
                credential protocol=snmp client=10.0.0.1 server=10.0.0.2 what=community is_default=Bool(true) frames=Numbers([1])
                oddity count=2 what=protocol.malformed detail=snmp: truncated frames=Numbers([2, 4])
                oddity what=protocol.malformed detail=snmp: length frames=Numbers([3])
            "#]],
        );
    }
}
