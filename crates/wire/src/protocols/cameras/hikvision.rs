//! SADP, by which Hikvision's tools find and set up cameras and recorders of the maker and of those who sell them under their name.
//!
//! Spec: none is public; messages are XML, with elements that name what they hold. What they ask for as MatrixEditor (hiktools) and
//! Skylight Cyber (CVE-2023-28810) describe it.
//! Emits: maker, model, firmware and serial number, whether the device was set up; the role; one operation for each request. Most go
//! to everybody and name the one that is meant by its MAC address, which is then the target.
//! Blind to: what the private protocol of port 8000 says: it is recognised alone.
use facts::{Address, Grade, Mac};

use super::super::asking::Asks;
use super::super::carried::Document;
use super::super::lines;
use super::super::named::Reads;
use crate::{Carrier, Cx, Decoder, Dialogue, End, Head, Memo, Op, Probe, Sender, Side, Step, Verb};

pub(crate) static DECODER: Decoder = Decoder {
    name: "hikvision-sadp",
    title: "SADP (discovery and setting up of Hikvision cameras)",
    carriers: &[Carrier::Udp(37020)],
    probe,
    open: || Box::new(Sadp::default()),
    remote: false,
    operations: &[
        Verb::Identify,
        Verb::Read,
        Verb::Diagnose,
        Verb::Configure,
        Verb::Reset,
    ],
    about: "Cameras and recorders that answer: maker, model, firmware, serial number, and whether they still wait to be set up; who looks for them, gives them addresses and passwords, restarts or resets them.",
    spec: "no public specification; elements of the messages as observed",
    blind: "how a request to everybody ended",
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
    let answers = holds(b"<ProbeMatch>") && (holds(b"<DeviceSN>") || holds(b"<Types>"));
    super::super::named::ours(if answers {
        Some(Sender::Server)
    } else if holds(b"<Probe>") && holds(b"<Uuid>") && holds(b"<Types>") {
        Some(Sender::Client)
    } else {
        None
    })
}

/// Requests to one device that wait for their answers.
const MOST_WAITING: usize = 8;

#[derive(Default)]
struct Sadp {
    /// By the mark of a request, which its answer repeats.
    asks: Asks<u64, (), MOST_WAITING>,
}

impl Dialogue for Sadp {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let document = Document::read(bytes);
        let mark = Memo::fingerprint(document.value("Uuid").unwrap_or_default().as_bytes());
        if !lines::contains(bytes, b"<ProbeMatch>") {
            self.ask(cx, side, mark, &document);
            return Step::Took(bytes.len());
        }
        let result = document.value("Result");
        if document.value("DeviceSN").is_some() || result.is_some() {
            identify(cx, side, &document);
        }
        if let Some(asked) = self.asks.take(cx, side, mark) {
            match result {
                None => self.asks.done(cx, asked),
                Some(result) if result.to_ascii_lowercase().starts_with("succ") => {
                    self.asks.done(cx, asked);
                }
                Some(result) => {
                    let why: String = result.chars().take(MOST_VALUE).collect();
                    self.asks.refused(cx, asked, &why);
                }
            }
        }
        Step::Took(bytes.len())
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        self.asks.close(cx);
    }
}

impl Sadp {
    fn ask(&mut self, cx: &mut Cx<'_>, side: Side, mark: u64, document: &Document) {
        let types: String = (document.value("Types").unwrap_or_default().chars())
            .take(MOST_VALUE)
            .collect();
        let Some((verb, words)) = asked_for(&types) else {
            return;
        };
        let value = |name: &str| document.value(name).filter(|value| !value.is_empty());
        let object = (types == "update").then(|| {
            let named = [
                ("IPv4Address", "address"),
                ("IPv4SubnetMask", "mask"),
                ("IPv4Gateway", "gateway"),
                ("DHCP", "DHCP"),
            ];
            let given = named.iter().filter_map(|(element, word)| {
                let value: String = value(element)?.chars().take(MOST_VALUE).collect();
                Some(format!("{word} {value}"))
            });
            given.collect::<Vec<_>>().join(" ")
        });
        // Some devices took it all the same (CVE-2023-28810).
        let unguarded = types == "update" && value("Password").is_none();
        let detail = if unguarded {
            format!("{types}, {words}, without a password")
        } else {
            format!("{types}, {words}")
        };
        let op = Op {
            object,
            detail: Some(detail),
            ..Op::new(verb)
        };
        let to = *cx.flow.end(side.other());
        if !to.address.is_group() {
            let what = format!("{types} {}", op.object.as_deref().unwrap_or_default());
            return self
                .asks
                .ask(cx, side, mark, (), what.as_bytes(), || op.clone());
        }
        let mac = value("MAC").and_then(|mac| mac.parse::<Mac>().ok());
        let meant = mac.filter(|mac| mac.is_device()).map(|mac| End {
            address: Address::Mac(mac),
            mac: Some(mac),
            ..to
        });
        let from = *cx.flow.end(side);
        cx.operation_between(&from, &meant.unwrap_or(to), op);
    }
}

/// What a request is for, by its kind: what it does, in words.
fn asked_for(types: &str) -> Option<(Verb, &'static str)> {
    let lower = types.to_ascii_lowercase();
    Some(match lower.as_str() {
        "inquiry" | "inquiry_v32" | "hello" => (Verb::Identify, "look for devices"),
        "update" => (Verb::Configure, "set network addresses"),
        "activate" | "activate_v31" => (Verb::Configure, "set the first password"),
        "reset" | "guidreset" | "mailreset" | "answerreset" | "resetpassword" | "securitycode" => {
            (Verb::Configure, "set the password anew")
        }
        "setchanneldefaultpassword" => (Verb::Configure, "set the password of cameras"),
        "restore" | "restoreinactive" => (Verb::Reset, "reset to factory settings"),
        "reboot" => (Verb::Reset, "restart"),
        "ehomeenable" | "sethcplatform" | "setbindlist" | "ezvizunbind" => {
            (Verb::Configure, "set the platform that it calls")
        }
        "wifiparamcfg" | "setwifiregion" => (Verb::Configure, "set wireless network"),
        "setmailbox" | "setsecurityquestion" | "setverificationcode" | "devicetypecustom" => {
            (Verb::Configure, "set")
        }
        "lamp" | "selfcheck" | "disklocate" => (Verb::Diagnose, "signal or self-test"),
        "exchangecode" | "exportguid" => (Verb::Read, "read"),
        other if other.starts_with("get") => (Verb::Read, "read"),
        _ => return None,
    })
}

/// What a device says of itself.
fn identify(cx: &mut Cx<'_>, side: Side, document: &Document) {
    let end = *cx.flow.end(side);
    let mac = end.mac.filter(|_| end.near);
    // Who answers so was made by Hikvision, whatever name stands on it.
    cx.identity_of(mac, end.address.ip(), "maker", "Hikvision", Grade::Inferred);
    cx.identity(side, "role", "camera");
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
            operation identify (inquiry, look for devices) ok count=1 frames=[1, 2]
            identity 10.0.0.2 firmware=V5.5.0build 1 stated
            identity 10.0.0.2 maker=Hikvision inferred
            identity 10.0.0.2 model=DS-2CD0000 stated
            identity 10.0.0.2 role=camera stated
            identity 10.0.0.2 serial=DS-2CD0000-X1 stated
            oddity what=camera.not_set_up detail=not activated: whoever comes first sets its password frames=Numbers([2])
        "#]].assert_eq(&render(&facts));
    }

    #[test]
    fn who_gives_addresses_and_passwords_is_told_and_no_password() {
        let ask = |mark: &str, inner: &str| {
            format!("<?xml version=\"1.0\" encoding=\"utf-8\"?><Probe><Uuid>{mark}</Uuid><MAC>44-19-b6-00-00-07</MAC>{inner}</Probe>")
                .into_bytes()
        };
        let answer = |mark: &str, result: &str| {
            format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><ProbeMatch><Uuid>{mark}</Uuid><MAC>44-19-b6-00-00-07</MAC><Types>x</Types><Result>{result}</Result></ProbeMatch>")
                .into_bytes()
        };
        let update = "<Types>update</Types><IPv4Address>10.20.7.60</IPv4Address><IPv4SubnetMask>255.255.255.0</IPv4SubnetMask><IPv4Gateway>10.20.7.66</IPv4Gateway><DHCP>false</DHCP>";
        let facts = run(
            &DECODER,
            None,
            &[
                (
                    Client,
                    ask("1", &format!("{update}<Password>c2VjcmV0</Password>")),
                ),
                (Server, answer("1", "success")),
                (Client, ask("2", update)),
                (Server, answer("2", "Password error!")),
                (
                    Client,
                    ask("3", "<Types>activate</Types><Password>c2VjcmV0</Password>"),
                ),
                (Client, ask("4", "<Types>getencryptstring</Types>")),
                (Client, ask("5", "<Types>nothing known</Types>")),
            ],
        );
        let told = render(&facts);
        assert!(!told.contains("c2VjcmV0"));
        expect![[r#"
            conversation protocol=hikvision-sadp state=answered packets=5/2 bytes=933/298
            operation configure "address 10.20.7.60 mask 255.255.255.0 gateway 10.20.7.66 DHCP false" (update, set network addresses) ok count=1 frames=[1, 2]
            operation configure "address 10.20.7.60 mask 255.255.255.0 gateway 10.20.7.66 DHCP false" (update, set network addresses, without a password, Password error!) refused count=1 frames=[3, 4]
            operation configure (activate, set the first password) unanswered count=1 frames=[5]
            operation read (getencryptstring, read) unanswered count=1 frames=[6]
            identity 10.0.0.2 maker=Hikvision inferred
            identity 10.0.0.2 role=camera stated
        "#]].assert_eq(&told);
    }
}
