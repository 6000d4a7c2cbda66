//! WS-Discovery: devices that look for each other; cameras say by it what they are.
//!
//! Spec: OASIS WS-Discovery 1.1, 4 and 5; ONVIF Core Specification, 7.3 (types and scopes).
//! Emits: name, model and place of ONVIF devices, their role; types of others.
//! Blind to: discovery by a proxy.
use facts::Grade;

use super::super::carried::Document;
use super::super::lines;
use super::super::named::Reads;
use crate::reader::text;
use crate::{Carrier, Cx, Decoder, Head, Probe, Sender, Side, Step};

pub(crate) static DECODER: Decoder = Decoder {
    name: "ws-discovery",
    title: "WS-Discovery (ONVIF)",
    carriers: &[Carrier::Udp(3702)],
    probe,
    open: || Box::new(Reads(message)),
    remote: false,
    operations: &[],
    about: "Devices that announce themselves or answer: name, model and role of ONVIF cameras, types of others.",
    spec: "OASIS WS-Discovery 1.1; ONVIF Core Specification, 7.3",
    blind: "what a device says over HTTP",
};

const MOST_VALUE: usize = 96;

/// A SOAP envelope that names the discovery; Windows and ONVIF cameras look for devices by it.
fn probe(head: &Head<'_>) -> Probe {
    let start = head.bytes.trim_ascii_start();
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    let envelope = start.starts_with(b"<") && lines::contains(start, b":Envelope");
    if !envelope || !lines::contains(start, b"/ws/2005/04/discovery") && !head.on(3702) {
        return Probe::NotOurs;
    }
    let asks = lines::contains(start, b"/discovery/Probe<")
        || lines::contains(start, b"/discovery/Resolve<");
    Probe::Ours(if asks || head.to == 3702 {
        Sender::Client
    } else {
        Sender::Server
    })
}

fn message(cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
    // A question lists the types that it looks for: only what answers or announces speaks of its sender.
    let own = [&b"ProbeMatches>"[..], b"ResolveMatches>", b"Hello>"]
        .iter()
        .any(|element| lines::contains(bytes, element));
    if own {
        let document = Document::read(bytes);
        let types = document.value("Types").unwrap_or_default();
        tell(
            cx,
            side,
            types,
            document.value("Scopes").unwrap_or_default(),
        );
    }
    Step::Took(bytes.len())
}

fn tell(cx: &mut Cx<'_>, side: Side, types: &str, scopes: &str) {
    let local = |word: &str| word.rsplit(':').next().unwrap_or(word).to_owned();
    let mut onvif = false;
    for scope in scopes.split_ascii_whitespace() {
        // ONVIF Core, 7.3.2.2: the parts that all devices have.
        let Some(path) = scope.strip_prefix("onvif://www.onvif.org/") else {
            continue;
        };
        onvif = true;
        let Some((part, value)) = path.split_once('/') else {
            continue;
        };
        let Some(value) = text(&decoded(value), MOST_VALUE) else {
            continue;
        };
        match part {
            "hardware" => cx.identity(side, "model", value),
            "name" => cx.identity(side, "system", format!("ONVIF device {value}")),
            "location" => cx.identity(side, "system", format!("ONVIF place {value}")),
            _ => {}
        }
    }
    let types: Vec<String> = types.split_ascii_whitespace().map(local).collect();
    if onvif && types.iter().any(|kind| kind == "NetworkVideoTransmitter") {
        let end = *cx.flow.end(side);
        let mac = end.mac.filter(|_| end.near);
        cx.identity_of(mac, end.address.ip(), "role", "camera", Grade::Stated);
    } else if !types.is_empty() {
        let types = types.join(" ");
        if let Some(types) = text(types.as_bytes(), MOST_VALUE) {
            cx.identity(side, "service", format!("WS-Discovery {types}"));
        }
    }
}

/// RFC 3986, 2.1: octets behind percent signs.
fn decoded(value: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    loop {
        match rest {
            [b'%', high, low, after @ ..] => {
                let digit = |digit: &u8| char::from(*digit).to_digit(16).unwrap_or(0);
                out.extend(u8::try_from(digit(high) * 16 + digit(low)));
                rest = after;
            }
            [octet, after @ ..] => {
                out.push(*octet);
                rest = after;
            }
            [] => return out,
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::{Client, Server};
    use crate::testing::{render, run};

    #[test]
    fn an_onvif_camera_says_what_it_is_and_a_question_says_nothing() {
        let envelope = |body: &str| {
            format!(
                "<?xml version=\"1.0\"?><s:Envelope xmlns:d=\"http://schemas.xmlsoap.org/ws/2005/04/discovery\"><s:Body>{body}</s:Body></s:Envelope>"
            )
            .into_bytes()
        };
        let ask = envelope("<d:Probe><d:Types>dn:NetworkVideoTransmitter</d:Types></d:Probe>");
        let answer = envelope(
            "<d:ProbeMatches><d:ProbeMatch><d:Types>dn:NetworkVideoTransmitter tds:Device</d:Types>\
             <d:Scopes>onvif://www.onvif.org/type/video_encoder onvif://www.onvif.org/name/Crane%20cam \
             onvif://www.onvif.org/hardware/CAM-200</d:Scopes></d:ProbeMatch></d:ProbeMatches>",
        );
        let facts = run(&DECODER, None, &[(Client, ask), (Server, answer)]);
        expect![[r#"
            conversation protocol=ws-discovery state=answered packets=1/1 bytes=185/378
            identity 10.0.0.2 model=CAM-200 stated
            identity 10.0.0.2 role=camera stated
            identity 10.0.0.2 system=ONVIF device Crane cam stated
        "#]]
        .assert_eq(&render(&facts));
    }
}
