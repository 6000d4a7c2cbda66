//! SADP, by which Hikvision's tools find cameras and recorders of the maker and of those who sell them under their name.
//!
//! Spec: none is public; messages are XML, with elements that name what they hold.
//! Emits: maker, model, firmware and serial number, whether the device was set up; the role.
//! Blind to: what the private protocol of port 8000 says: it is recognised alone.
use facts::Grade;

use super::super::carried::Document;
use super::super::lines;
use super::super::named::Reads;
use crate::{Carrier, Cx, Decoder, Head, Probe, Sender, Side, Step};

pub(crate) static DECODER: Decoder = Decoder {
    name: "hikvision-sadp",
    title: "SADP (discovery of Hikvision cameras)",
    carriers: &[Carrier::Udp(37020)],
    probe,
    open: || Box::new(Reads(message)),
    remote: false,
    operations: &[],
    about: "Cameras and recorders that answer: maker, model, firmware, serial number, and whether they still wait to be set up.",
    spec: "no public specification; elements of the messages as observed",
    blind: "nothing known",
};

/// What the maker's own tools and recorders speak.
pub(crate) static SDK: Decoder = Decoder {
    name: "hikvision",
    title: "Hikvision cameras (port 8000)",
    carriers: &[Carrier::Tcp(8000)],
    probe: private,
    open: || Box::new(Reads(told)),
    remote: false,
    operations: &[],
    about: "Conversations of the maker's own protocol: cameras and recorders are named as such.",
    spec: "no public specification; first messages as observed",
    blind: "log-ins, what is watched and set",
};

/// Length of the whole message, then the kind: who comes first is known by the kinds that begin a log-in.
fn private(head: &Head<'_>) -> Probe {
    let begins = !head.udp && head.first && head.to == 8000;
    let sane = match head.bytes {
        [0, 0, high, low, 0x5a | 0x63, 0, 0, 0, ..] => {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            (16..=1024).contains(&length) && length == head.bytes.len()
        }
        _ => false,
    };
    super::super::named::ours((begins && sane).then_some(Sender::Client))
}

fn told(cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
    // The server says how long its answer is, and so that it speaks the same.
    let answers = matches!(bytes, [0, 0, high, low, ..] if usize::from(u16::from_be_bytes([*high, *low])) == bytes.len());
    if side == Side::Server && answers {
        let end = *cx.flow.end(side);
        let mac = end.mac.filter(|_| end.near);
        cx.identity_of(mac, end.address.ip(), "maker", "Hikvision", Grade::Inferred);
        cx.identity(side, "role", "camera");
    }
    Step::Done
}

const MOST_VALUE: usize = 96;

fn probe(head: &Head<'_>) -> Probe {
    let begins = head.udp && head.bytes.starts_with(b"<?xml");
    if !begins || lines::contains(head.bytes, b":Envelope") {
        return Probe::NotOurs;
    }
    let holds = |part: &[u8]| lines::contains(head.bytes, part);
    super::super::named::ours(if holds(b"<ProbeMatch>") && holds(b"<DeviceSN>") {
        Some(Sender::Server)
    } else if holds(b"<Probe>") && holds(b"<Uuid>") && holds(b"<Types>") {
        Some(Sender::Client)
    } else {
        None
    })
}

fn message(cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
    if lines::contains(bytes, b"<ProbeMatch>") {
        let end = *cx.flow.end(side);
        let mac = end.mac.filter(|_| end.near);
        // Who answers so was made by Hikvision, whatever name stands on it.
        cx.identity_of(mac, end.address.ip(), "maker", "Hikvision", Grade::Inferred);
        cx.identity(side, "role", "camera");
        let document = Document::read(bytes);
        for (element, attribute) in [
            ("DeviceDescription", "model"),
            ("SoftwareVersion", "firmware"),
            ("DeviceSN", "serial"),
        ] {
            if let Some(value) = document.value(element) {
                let value: String = value.chars().take(MOST_VALUE).collect();
                cx.identity(side, attribute, value);
            }
        }
        if document.value("Activated") == Some("false") {
            let detail = "not activated: whoever comes first sets its password".to_owned();
            cx.oddity("camera.not_set_up", side, Some(detail));
        }
    }
    Step::Took(bytes.len())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::{Client, Server};
    use crate::testing::{render, run};

    #[test]
    fn an_answer_tells_maker_model_firmware_and_serial_number() {
        let ask = b"<?xml version=\"1.0\" encoding=\"utf-8\"?><Probe><Uuid>1</Uuid><Types>inquiry</Types></Probe>";
        let answer = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?><ProbeMatch><Uuid>1</Uuid><Types>inquiry</Types>\
            <DeviceDescription>DS-2CD0000</DeviceDescription><DeviceSN>DS-2CD0000-X1</DeviceSN>\
            <SoftwareVersion>V5.5.0build 1</SoftwareVersion><Activated>false</Activated></ProbeMatch>";
        let facts = run(
            &DECODER,
            None,
            &[(Client, ask.to_vec()), (Server, answer.to_vec())],
        );
        expect![[r#"
            conversation protocol=hikvision-sadp state=answered packets=1/1 bytes=89/258
            identity 10.0.0.2 firmware=V5.5.0build 1 stated
            identity 10.0.0.2 maker=Hikvision inferred
            identity 10.0.0.2 model=DS-2CD0000 stated
            identity 10.0.0.2 role=camera stated
            identity 10.0.0.2 serial=DS-2CD0000-X1 stated
            oddity what=camera.not_set_up detail=not activated: whoever comes first sets its password frames=Numbers([2])
        "#]].assert_eq(&render(&facts));
    }
}
