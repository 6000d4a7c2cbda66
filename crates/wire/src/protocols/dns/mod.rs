//! Names: DNS and its kin (mDNS, LLMNR, NetBIOS name service), which share one message format.
//!
//! Spec: RFC 1035 (DNS), RFC 6762 and 6763 (mDNS), RFC 4795 (LLMNR), RFC 1001 and 1002 (NetBIOS name service).
//! Emits: names looked up with their answers; host names and models that devices state of themselves.
//! Blind to: DNS over TLS or HTTPS; zone transfers beyond their first message; DNSSEC.
mod message;

use self::message::{Data, HEADER, Header, Message, begins_plain, netbios_name};
use crate::{
    Carrier, Cx, Decoder, Dialogue, Head, Malformed, Pending, Probe, Reader, Sender, Side, Step,
};

pub(crate) static DNS: Decoder = Decoder {
    name: "dns",
    title: "DNS",
    carriers: &[Carrier::Udp(53), Carrier::Tcp(53)],
    probe: probe_dns,
    open: || Box::new(Names::new(Kin::Dns)),
    remote: false,
    operations: &[],
    about: "Names looked up, with the addresses and aliases of the answers, over UDP and TCP.",
    spec: "RFC 1035; RFC 3596; RFC 7766",
    blind: "DNS over TLS or HTTPS, dynamic updates, the content of zone transfers",
};

pub(crate) static MDNS: Decoder = Decoder {
    name: "mdns",
    title: "Multicast DNS",
    carriers: &[Carrier::Udp(5353)],
    probe: probe_mdns,
    open: || Box::new(Names::new(Kin::Mdns)),
    remote: false,
    operations: &[],
    about: "Names and services asked for; host name and model that a device announces of itself.",
    spec: "RFC 6762; RFC 6763",
    blind: "which of the multicast answers belongs to whose question",
};

pub(crate) static LLMNR: Decoder = Decoder {
    name: "llmnr",
    title: "Link-Local Multicast Name Resolution",
    carriers: &[Carrier::Udp(5355), Carrier::Tcp(5355)],
    probe: probe_llmnr,
    open: || Box::new(Names::new(Kin::Llmnr)),
    remote: false,
    operations: &[],
    about: "Names asked for; host name that an answer states of its sender.",
    spec: "RFC 4795",
    blind: "nothing known",
};

pub(crate) static NBNS: Decoder = Decoder {
    name: "nbns",
    title: "NetBIOS name service",
    carriers: &[Carrier::Udp(137)],
    probe: probe_nbns,
    open: || Box::new(Names::new(Kin::Nbns)),
    remote: false,
    operations: &[],
    about: "NetBIOS names asked for, registered and answered; host names from registrations, answers and node status.",
    spec: "RFC 1001; RFC 1002",
    blind: "the NetBIOS datagram and session services",
};

/// Questions that wait for their answers.
const MOST_WAITING: usize = 64;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kin {
    Dns,
    Mdns,
    Llmnr,
    Nbns,
}

impl Kin {
    const fn via(self) -> &'static str {
        match self {
            Kin::Dns => "dns",
            Kin::Mdns => "mdns",
            Kin::Llmnr => "llmnr",
            Kin::Nbns => "nbns",
        }
    }
}

const fn role(header: &Header) -> Sender {
    if header.is_response() {
        Sender::Server
    } else {
        Sender::Client
    }
}

/// On its own port the header must agree with itself; elsewhere the message must be ordinary from end to end.
fn probe_dns(head: &Head<'_>) -> Probe {
    // Its kin have ports of their own, and more in their headers.
    if head.udp && (head.on(5353) || head.on(5355) || head.on(137)) {
        return Probe::NotOurs;
    }
    let mut r = Reader::new(head.bytes);
    let length = if head.udp {
        head.bytes.len()
    } else {
        match r.u16() {
            Ok(length) => usize::from(length),
            Err(_) if head.open => return Probe::NeedMore,
            Err(_) => return Probe::NotOurs,
        }
    };
    let here = r.rest();
    let Ok(header) = Header::read(&mut Reader::new(here)) else {
        let may_come = !head.udp && head.open && length > HEADER && head.on(53);
        return if may_come {
            Probe::NeedMore
        } else {
            Probe::NotOurs
        };
    };
    if head.on(53) {
        return if header.fits() {
            Probe::Ours(role(&header))
        } else {
            Probe::NotOurs
        };
    }
    match here.get(..length) {
        Some(whole) if begins_plain(whole) => match Message::read(whole, false) {
            Ok(message) if message.is_plain() => Probe::Ours(role(&header)),
            _ => Probe::NotOurs,
        },
        None if head.open && begins_plain(here) => Probe::NeedMore,
        _ => Probe::NotOurs,
    }
}

fn probe_mdns(head: &Head<'_>) -> Probe {
    let Ok(header) = Header::read(&mut Reader::new(head.bytes)) else {
        return Probe::NotOurs;
    };
    if !head.on(5353) || !header.fits() {
        return Probe::NotOurs;
    }
    // Between two ports 5353 both ask and both answer.
    match (header.is_response(), head.from == head.to) {
        (_, true) => Probe::Ours(Sender::Unknown),
        (response, false) if (head.from == 5353) == response => Probe::Ours(role(&header)),
        _ => Probe::Ours(Sender::Unknown),
    }
}

fn probe_llmnr(head: &Head<'_>) -> Probe {
    let bytes = if head.udp {
        head.bytes
    } else {
        head.bytes.get(2..).unwrap_or(&[])
    };
    match Header::read(&mut Reader::new(bytes)) {
        Ok(header) if head.on(5355) && header.fits() => Probe::Ours(role(&header)),
        Err(_) if head.on(5355) && head.open => Probe::NeedMore,
        _ => Probe::NotOurs,
    }
}

/// RFC 1002, 4.2.1: every message names a NetBIOS name first, 32 letters from `A` to `P`.
fn probe_nbns(head: &Head<'_>) -> Probe {
    let mut r = Reader::new(head.bytes);
    let Ok(header) = Header::read(&mut r) else {
        return Probe::NotOurs;
    };
    let letters = matches!(r.u8(), Ok(32))
        && r.bytes(32)
            .is_ok_and(|name| name.iter().all(|letter| (b'A'..=b'P').contains(letter)));
    if head.on(137) && letters && matches!(header.opcode(), 0 | 5..=9 | 15) {
        Probe::Ours(role(&header))
    } else {
        Probe::NotOurs
    }
}

/// One flow: the questions still waiting for an answer.
struct Names {
    kin: Kin,
    waiting: Pending<(bool, u16), Asked, MOST_WAITING>,
}

/// Names that were asked for, and the VLAN in which the question was seen first.
struct Asked {
    names: Vec<String>,
    vlan: Option<u16>,
}

impl Names {
    fn new(kin: Kin) -> Names {
        Names {
            kin,
            waiting: Pending::default(),
        }
    }
}

impl Dialogue for Names {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let mut r = Reader::new(bytes);
        let mut length = bytes.len();
        if !cx.flow.udp {
            let Ok(prefix) = r.u16() else {
                return Step::Need(2);
            };
            length = usize::from(prefix);
            if length < HEADER {
                return Step::Bad("length");
            }
            if r.left() < length {
                return Step::Need(2 + length);
            }
        }
        let Ok(whole) = r.bytes(length) else {
            return Step::Need(length);
        };
        let message = match Message::read(whole, self.kin == Kin::Nbns) {
            Ok(message) => message,
            Err(error) => return Step::from_error(error, bytes.len()),
        };
        if message.header.is_response() {
            let key = (side == Side::Server, message.header.id);
            if message.header.opcode() == 0 && !self.waiting.holds(&key) && cx.comes_early() {
                self.own(cx, side, &message);
                return Step::Took(r.at());
            }
            self.answer(cx, side, &message);
        } else {
            self.question(cx, side, &message);
        }
        match message.stopped {
            // A length prefix was kept: what is short is wrong, and the next message is not lost.
            Some(error) if !cx.flow.udp => {
                let what = match error {
                    Malformed::Short => "truncated",
                    Malformed::Bad(what) => what,
                };
                let detail = Some(format!("{}: {what}", self.kin.via()));
                cx.oddity("protocol.malformed", side, detail);
                Step::Took(r.at())
            }
            Some(error) => Step::from_error(error, bytes.len()),
            None => Step::Took(r.at()),
        }
    }
}

impl Names {
    fn question(&mut self, cx: &mut Cx<'_>, side: Side, message: &Message) {
        if message.header.opcode() == 0 {
            // To a group nobody has to answer, and who does answers in a flow of its own.
            let to_group = cx.flow.end(side.other()).address.is_group();
            let answered = (!to_group && self.kin != Kin::Nbns).then_some(false);
            let mut asked = Asked {
                names: Vec::new(),
                vlan: cx.flow.vlan,
            };
            for question in &message.questions {
                if let Some(name) = self.spelled(&question.name) {
                    cx.name_looked_up(side, self.kin.via(), &name, Vec::new(), answered);
                    asked.names.push(name);
                }
            }
            if !to_group {
                self.waiting
                    .put((side == Side::Client, message.header.id), asked);
            }
        }
        // Registrations (RFC 1002, 4.2.2) and probes (RFC 6762, 8.1) carry the sender's own records; only those of the
        // former are its own for sure.
        if self.kin == Kin::Nbns {
            self.own_names(cx, side, message);
        }
    }

    fn answer(&mut self, cx: &mut Cx<'_>, side: Side, message: &Message) {
        let (asker, via) = (side.other(), self.kin.via());
        if message.header.opcode() == 0 && !cx.flow.end(asker).address.is_group() {
            let asked = self
                .waiting
                .take(&(asker == Side::Client, message.header.id));
            let vlan = asked.as_ref().map_or(cx.flow.vlan, |asked| asked.vlan);
            let asked = asked.map(|asked| asked.names);
            let of_question = asked.clone().unwrap_or_default();
            let stated: Vec<String> = match self.kin {
                // RFC 1002, 4.2.13: an answer names what it answers in its record alone.
                Kin::Nbns => {
                    let answers = message.records.iter().filter(|record| record.answer);
                    answers
                        .filter_map(|record| self.spelled(&record.name))
                        .collect()
                }
                _ => {
                    let questions = message.questions.iter();
                    questions
                        .filter_map(|question| self.spelled(&question.name))
                        .collect()
                }
            };
            let differ = |asked: &[String]| {
                !stated.is_empty()
                    && !asked
                        .iter()
                        .any(|a| stated.iter().any(|s| a.eq_ignore_ascii_case(s)))
            };
            if asked
                .as_deref()
                .is_some_and(|asked| !asked.is_empty() && differ(asked))
            {
                cx.oddity(
                    "dns.answers_another_question",
                    side,
                    stated.first().cloned(),
                );
            }
            let names = if stated.is_empty() {
                asked.unwrap_or_default()
            } else {
                stated
            };
            let answers = message.answers();
            for name in names {
                let counted = of_question.iter().any(|a| a.eq_ignore_ascii_case(&name));
                cx.name_answered(asker, via, &name, answers.clone(), vlan, counted);
            }
        }
        self.own(cx, side, message);
    }

    /// What an answer says of its sender.
    fn own(&self, cx: &mut Cx<'_>, side: Side, message: &Message) {
        match self.kin {
            // A resolver speaks of others.
            Kin::Dns => {}
            Kin::Mdns | Kin::Llmnr => self.own_records(cx, side, message),
            Kin::Nbns => self.own_names(cx, side, message),
        }
    }

    /// The name as people know it. A node status asks for `*`, which is no name.
    fn spelled(&self, name: &str) -> Option<String> {
        match self.kin {
            Kin::Nbns => netbios_name(name)
                .map(|(name, _)| name)
                .filter(|name| name != "*"),
            _ => (!name.is_empty()).then(|| name.to_owned()),
        }
    }

    /// Address records of the sender's own address name the sender; texts of its services name its model.
    fn own_records(&self, cx: &mut Cx<'_>, side: Side, message: &Message) {
        let own = cx.flow.end(side).address.ip();
        for record in &message.records {
            match &record.data {
                Data::Address(ip) if Some(*ip) == own => {
                    let name = record
                        .name
                        .strip_suffix(".local")
                        .unwrap_or(&record.name)
                        .to_owned();
                    cx.identity(side, "hostname", name);
                }
                // `_device-info._tcp` has `model`; printers have `ty` (Bonjour Printing Specification 1.2, 9.4).
                Data::Texts(texts) if self.kin == Kin::Mdns => {
                    for (key, value) in texts {
                        if key == "model" || key == "ty" {
                            cx.identity(side, "model", value.as_str());
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// Unique names of workstation (00) and server (20) that the sender holds itself.
    fn own_names(&self, cx: &mut Cx<'_>, side: Side, message: &Message) {
        let own = cx.flow.end(side).address.ip();
        for record in &message.records {
            match &record.data {
                Data::NetBios { group: false, ip } if Some(*ip) == own => {
                    if let Some((name, 0x00 | 0x20)) = netbios_name(&record.name) {
                        cx.identity(side, "hostname", name);
                    }
                }
                Data::NodeStatus(names) => {
                    for (name, _) in names.iter().filter(|(_, suffix)| *suffix == 0) {
                        cx.identity(side, "hostname", name.as_str());
                    }
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::Side::{Client, Server};
    use crate::testing::{check, check_at};

    // Query 0x1a2b for plc.example, type A.
    const ASK: &str = "1a2b 0100 0001 0000 0000 0000 03706c63 076578616d706c65 00 0001 0001";
    // Its answer: an alias to b.example (by pointer), and 10.0.0.9.
    const TELL: &str = "1a2b 8180 0001 0002 0000 0000 03706c63 076578616d706c65 00 0001 0001
        c00c 0005 0001 00000e10 0004 0162 c010
        c029 0001 0001 00000e10 0004 0a000009";

    #[test]
    fn a_name_is_told_with_aliases_and_addresses() {
        check(
            &DNS,
            &[(Client, ASK), (Server, TELL)],
            expect![[r#"
            conversation protocol=dns state=answered packets=1/1 bytes=29/61
            name client=10.0.0.1 server=10.0.0.2 name=plc.example via=dns answers=List(["10.0.0.9", "b.example"]) answered=Bool(true) frames=Numbers([1, 2])
        "#]],
        );
    }

    #[test]
    fn an_answer_alone_still_tells_who_asked_on_any_port() {
        check_at(
            &DNS,
            9953,
            &[(Server, TELL)],
            expect![[r#"
                conversation protocol=dns state=one-way packets=0/1 bytes=0/61
                name client=10.0.0.1 server=10.0.0.2 name=plc.example via=dns answers=List(["10.0.0.9", "b.example"]) answered=Bool(true) frames=Numbers([1])
            "#]],
        );
    }

    #[test]
    fn a_name_that_does_not_exist_was_answered_and_a_lost_question_was_not() {
        let no = "1a2b 8183 0001 0000 0000 0000 03706c63 076578616d706c65 00 0001 0001";
        let other = "0001 0100 0001 0000 0000 0000 0178 00 0001 0001";
        check(
            &DNS,
            &[(Client, ASK), (Server, no), (Client, other)],
            expect![[r#"
                conversation protocol=dns state=answered packets=2/1 bytes=48/29
                name client=10.0.0.1 server=10.0.0.2 name=plc.example via=dns answered=Bool(true) frames=Numbers([1, 2])
                name client=10.0.0.1 server=10.0.0.2 name=x via=dns frames=Numbers([3])
            "#]],
        );
    }

    #[test]
    fn an_answer_that_names_another_question_counts_as_one_of_its_own() {
        let other =
            "1a2b 8180 0001 0001 0000 0000 0178 00 0001 0001 c00c 0001 0001 00000e10 0004 0a000009";
        check(
            &DNS,
            &[(Client, ASK), (Server, other)],
            expect![[r#"
            conversation protocol=dns state=answered packets=1/1 bytes=29/35
            name client=10.0.0.1 server=10.0.0.2 name=plc.example via=dns frames=Numbers([1])
            name client=10.0.0.1 server=10.0.0.2 name=x via=dns answers=List(["10.0.0.9"]) answered=Bool(true) frames=Numbers([2])
            oddity what=dns.answers_another_question detail=x frames=Numbers([2])
        "#]],
        );
    }

    #[test]
    fn pointers_that_loop_or_lead_forward_are_malformed() {
        let to_itself = "0001 0100 0001 0000 0000 0000 c00c 0001 0001";
        let forward = "0002 0100 0001 0000 0000 0000 c012 0001 0001 0178 00";
        check(
            &DNS,
            &[(Client, ASK), (Client, to_itself), (Client, forward)],
            expect![[r#"
                conversation protocol=dns state=unanswered packets=3/0 bytes=68/0
                name client=10.0.0.1 server=10.0.0.2 name=plc.example via=dns frames=Numbers([1])
                oddity count=2 what=protocol.malformed detail=dns: name pointer frames=Numbers([2, 3])
            "#]],
        );
    }

    #[test]
    fn what_stands_before_a_malformed_record_counts() {
        let cut = "1a2b 8180 0001 0002 0000 0000 03706c63 076578616d706c65 00 0001 0001
            c00c 0001 0001 00000e10 0004 0a000009
            c00c 0001 0001 00000e10 0040 0a";
        check(
            &DNS,
            &[(Client, ASK), (Server, cut)],
            expect![[r#"
            conversation protocol=dns state=answered packets=1/1 bytes=29/58
            name client=10.0.0.1 server=10.0.0.2 name=plc.example via=dns answers=List(["10.0.0.9"]) answered=Bool(true) frames=Numbers([1, 2])
            oddity what=protocol.malformed detail=dns: truncated frames=Numbers([2])
        "#]],
        );
    }

    #[test]
    fn over_tcp_messages_have_a_length() {
        let asked = crate::testing::hex(ASK);
        let told = crate::testing::hex(TELL);
        let framed = |bytes: &[u8]| {
            let mut out = u16::try_from(bytes.len()).unwrap().to_be_bytes().to_vec();
            out.extend(bytes);
            out
        };
        static TCP: Decoder = Decoder {
            carriers: &[Carrier::Tcp(53)],
            ..DNS
        };
        let told = framed(&told);
        let (head, tail) = told.split_at(20);
        let facts = crate::testing::run(
            &TCP,
            None,
            &[
                (Client, framed(&asked)),
                (Server, head.to_vec()),
                (Server, tail.to_vec()),
            ],
        );
        expect![[r#"
            conversation protocol=dns state=answered packets=1/2 bytes=31/63
            name client=10.0.0.1 server=10.0.0.2 name=plc.example via=dns answers=List(["10.0.0.9", "b.example"]) answered=Bool(true) frames=Numbers([1, 2, 3])
        "#]].assert_eq(&crate::testing::render(&facts));
    }

    #[test]
    fn an_mdns_announcement_names_its_sender_and_nobody_else() {
        // crane-hmi.local A 10.0.0.1 (the sender), other.local A 10.0.0.7, TXT model=HMI700.
        let announced = "0000 8400 0000 0003 0000 0000
            09 6372616e652d686d69 05 6c6f63616c 00 0001 8001 00000078 0004 0a000001
            05 6f74686572 c016 0001 8001 00000078 0004 0a000007
            c00c 0010 8001 00000078 000d 0c 6d6f64656c3d484d49373030";
        check(
            &MDNS,
            &[(Client, announced)],
            expect![[r#"
            conversation protocol=mdns state=unanswered packets=1/0 bytes=90/0
            identity 10.0.0.1 hostname=crane-hmi stated
            identity 10.0.0.1 model=HMI700 stated
        "#]],
        );
    }

    #[test]
    fn an_llmnr_answer_names_asker_and_responder() {
        let answer = "77aa 8000 0001 0001 0000 0000 04 68 6d 69 31 00 0001 0001
            04 68 6d 69 31 00 0001 0001 0000001e 0004 0a000002";
        check(
            &LLMNR,
            &[(Server, answer)],
            expect![[r#"
                conversation protocol=llmnr state=one-way packets=0/1 bytes=0/42
                identity 10.0.0.2 hostname=hmi1 stated
                name client=10.0.0.1 server=10.0.0.2 name=hmi1 via=llmnr answers=List(["10.0.0.2"]) answered=Bool(true) frames=Numbers([1])
            "#]],
        );
    }

    #[test]
    fn netbios_names_are_decoded() {
        // FILESRV<20>: asked, then answered by its holder.
        let name = "20 4547454a454d4546464446434647434143414341434143414341434143414341 00";
        let asked = format!("8001 0110 0001 0000 0000 0000 {name} 0020 0001");
        let told =
            format!("8001 8500 0000 0001 0000 0000 {name} 0020 0001 000493e0 0006 0000 0a000002");
        check(
            &NBNS,
            &[(Client, &asked), (Server, &told)],
            expect![[r#"
            conversation protocol=nbns state=answered packets=1/1 bytes=50/62
            identity 10.0.0.2 hostname=FILESRV stated
            name client=10.0.0.1 server=10.0.0.2 name=filesrv via=nbns answers=List(["10.0.0.2"]) answered=Bool(true) frames=Numbers([1, 2])
        "#]],
        );
        // A registration by 10.0.0.1 of HMI<00>, and one as a group.
        let hmi = "20 4549454e454a434143414341434143414341434143414341434143414341 4141 00";
        let own = format!(
            "8002 2910 0001 0000 0000 0001 {hmi} 0020 0001 c00c 0020 0001 000493e0 0006 0000 0a000001"
        );
        let group = format!(
            "8003 2910 0001 0000 0000 0001 {name} 0020 0001 c00c 0020 0001 000493e0 0006 8000 0a000001"
        );
        check(
            &NBNS,
            &[(Client, &own), (Client, &group)],
            expect![[r#"
            conversation protocol=nbns state=unanswered packets=2/0 bytes=136/0
            identity 10.0.0.1 hostname=HMI stated
        "#]],
        );
    }
}
