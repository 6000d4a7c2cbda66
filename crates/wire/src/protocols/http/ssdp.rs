//! SSDP, the discovery of UPnP: HTTP heads in datagrams.
//!
//! Spec: UPnP Device Architecture 1.1, 1 (discovery).
//! Emits: software and device type that a device announces of itself.
//! Blind to: the description that `LOCATION` leads to (HTTP tells when it is fetched).
use super::head::{self, First, Head as Message};
use crate::reader::text;
use crate::{Carrier, Cx, Decoder, Dialogue, Head, Probe, Sender, Side, Step};

pub(crate) static DECODER: Decoder = Decoder {
    name: "ssdp",
    title: "SSDP (UPnP discovery)",
    carriers: &[Carrier::Udp(1900)],
    probe,
    open: || Box::new(Ssdp),
    remote: false,
    operations: &[],
    about: "Searches and announcements of UPnP devices: software and device type of who answers.",
    spec: "UPnP Device Architecture 1.1, 1",
    blind: "the device description, which is fetched by HTTP",
};

/// Other discovery protocols borrow the first line; elsewhere than on its port the fields must be SSDP's.
fn probe(at: &Head<'_>) -> Probe {
    let named = |field: &[u8]| {
        at.bytes
            .windows(field.len())
            .any(|part| part.eq_ignore_ascii_case(field))
    };
    if !at.udp || !at.on(1900) && !named(b"\nst:") && !named(b"\nnt:") {
        return Probe::NotOurs;
    }
    match head::first(at.bytes) {
        Ok(First::Request {
            method: "NOTIFY" | "M-SEARCH",
            ..
        }) => Probe::Ours(Sender::Client),
        Ok(First::Status(_)) => Probe::Ours(Sender::Server),
        _ => Probe::NotOurs,
    }
}

struct Ssdp;

impl Dialogue for Ssdp {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let head = match Message::read(bytes) {
            Ok(head) => head,
            // Some devices leave out the empty line at the end.
            Err(Step::Need(_)) if head::first(bytes).is_ok() => {
                // A line that the capture cut off says something else.
                let lines = bytes.iter().rposition(|byte| *byte == b'\n');
                let whole = lines.filter(|_| cx.is_cut()).map(|end| end + 1);
                let mut ended = bytes
                    .get(..whole.unwrap_or(bytes.len()))
                    .unwrap_or(bytes)
                    .to_vec();
                ended.extend_from_slice(b"\r\n\r\n");
                if let Ok(head) = Message::read(&ended) {
                    tell(cx, side, &head);
                }
                return Step::Took(bytes.len());
            }
            Err(step) => return step,
        };
        tell(cx, side, &head);
        Step::Took(bytes.len())
    }
}

fn tell(cx: &mut Cx<'_>, side: Side, head: &Message<'_>) {
    let kind = match head.first {
        First::Request {
            method: "NOTIFY", ..
        } => {
            cx.asks_nothing();
            head.field("nt")
        }
        First::Status(_) => head.field("st"),
        // A search states nothing but its sender's software.
        First::Request { .. } => {
            if let Some(software) = head.text("user-agent") {
                cx.identity(side, "software", software);
            }
            return;
        }
    };
    if let Some(software) = head.text("server") {
        cx.identity(side, "software", software);
    }
    let device = kind
        .and_then(|kind| text(kind, 200))
        .filter(|kind| kind.contains(":device:"));
    if let Some(device) = device {
        cx.identity(side, "system", format!("UPnP device {device}"));
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::testing::{render, run};

    #[test]
    fn an_announcement_names_software_and_device_and_an_answer_its_asker() {
        let notify = "NOTIFY * HTTP/1.1 \r\nHOST: 239.255.255.250:1900\r\nNTS: ssdp:alive\r\n\
            NT: urn:schemas-upnp-org:device:Basic:1\r\nSERVER: Linux/4.9 UPnP/1.0 Cam/2.1\r\n\r\n";
        let facts = run(
            &DECODER,
            None,
            &[(Side::Client, notify.as_bytes().to_vec())],
        );
        expect![[r#"
            conversation protocol=ssdp state=one-way packets=1/0 bytes=144/0
            identity 10.0.0.1 software=Linux/4.9 UPnP/1.0 Cam/2.1 stated
            identity 10.0.0.1 system=UPnP device urn:schemas-upnp-org:device:Basic:1 stated
        "#]]
        .assert_eq(&render(&facts));
        let found = "HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nSERVER: Router/1 UPnP/1.1\r\n";
        let facts = run(
            &DECODER,
            Some(40000),
            &[(Side::Server, found.as_bytes().to_vec())],
        );
        expect![[r#"
            conversation protocol=ssdp state=one-way packets=0/1 bytes=0/65
            identity 10.0.0.2 software=Router/1 UPnP/1.1 stated
        "#]]
        .assert_eq(&render(&facts));
    }
}
