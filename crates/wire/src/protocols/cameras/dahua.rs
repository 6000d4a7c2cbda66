//! Dahua's own protocols: the binary one of port 37777 and DHIP, by which its devices are found.
//!
//! Spec: none is public; both headers have 32 octets and a mark, and DHIP carries JSON.
//! Emits: maker, model, firmware, serial number and role of who answers a search.
//! Blind to: what is watched and set by either.
use facts::Grade;

use super::super::lines;
use crate::reader::text;
use crate::{Carrier, Cx, Decoder, Dialogue, Head, Probe, Sender, Side, Step};

pub(crate) static DECODER: Decoder = Decoder {
    name: "dahua",
    title: "Dahua cameras (DHIP and port 37777)",
    carriers: &[Carrier::Tcp(37777), Carrier::Udp(37810)],
    probe,
    open: || Box::new(Dahua::default()),
    remote: false,
    operations: &[],
    about: "Cameras and recorders with maker, model, firmware and serial number where they answer a search; conversations of both protocols.",
    spec: "no public specification; headers as observed",
    blind: "what is watched and set",
};

const HEADER: usize = 32;
const MOST_VALUE: usize = 64;
/// Longest JSON that is waited for.
const MOST_BODY: usize = 1 << 16;

/// DHIP: the length of its header, then its name.
const DHIP: &[u8] = b"\x20\0\0\0DHIP";

/// A log-in in the binary protocol begins with a0 and ends its header with a1 aa; the answer begins with b0.
fn login(bytes: &[u8]) -> bool {
    matches!(
        bytes.split_at_checked(HEADER),
        Some(([0xa0, .., 0xa1, 0xaa], _))
    )
}

fn probe(head: &Head<'_>) -> Probe {
    let found = head.bytes.starts_with(DHIP) && head.bytes.len() >= HEADER || login(head.bytes);
    if !found {
        return Probe::NotOurs;
    }
    Probe::Ours(match (head.from, head.to) {
        (37777 | 37810, _) => Sender::Server,
        (_, 37777 | 37810) => Sender::Client,
        _ if login(head.bytes) => Sender::Client,
        _ => Sender::Unknown,
    })
}

#[derive(Default)]
struct Dahua {
    told: bool,
}

impl Dialogue for Dahua {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let Some(length) = bytes
            .get(16..20)
            .and_then(<[u8]>::first_chunk)
            .filter(|_| bytes.starts_with(DHIP))
        else {
            // The binary protocol: that it is spoken is all.
            return Step::Done;
        };
        let whole = HEADER
            + usize::try_from(u32::from_le_bytes(*length))
                .unwrap_or(usize::MAX)
                .min(MOST_BODY);
        let Some(body) = bytes.get(HEADER..whole) else {
            return Step::Need(whole);
        };
        if !self.told && lines::contains(body, b"\"deviceInfo\"") {
            self.told = true;
            tell(cx, side, body);
        }
        Step::Took(whole)
    }
}

/// The string behind a key of JSON.
fn value(json: &[u8], key: &str) -> Option<String> {
    let quoted = format!("\"{key}\"");
    let place = json
        .windows(quoted.len())
        .position(|part| part == quoted.as_bytes())?;
    let rest = json.get(place + quoted.len()..)?.trim_ascii_start();
    let rest = rest
        .strip_prefix(b":")?
        .trim_ascii_start()
        .strip_prefix(b"\"")?;
    let end = rest.iter().position(|byte| *byte == b'"')?;
    text(rest.get(..end)?, MOST_VALUE)
}

fn tell(cx: &mut Cx<'_>, side: Side, json: &[u8]) {
    let end = *cx.flow.end(side);
    let mac = end.mac.filter(|_| end.near);
    // Devices sold under other names say whose they are in `Vendor`; the protocol is Dahua's.
    cx.identity_of(mac, end.address.ip(), "maker", "Dahua", Grade::Inferred);
    cx.identity(side, "role", "camera");
    for (key, attribute) in [
        ("Vendor", "maker"),
        ("DeviceType", "model"),
        ("Version", "firmware"),
        ("SerialNo", "serial"),
        ("MachineName", "hostname"),
    ] {
        if let Some(value) = value(json, key) {
            cx.identity(side, attribute, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::{Client, Server};
    use crate::testing::{hex, render, run};

    fn dhip(json: &str) -> Vec<u8> {
        let mut packet = hex("20000000 44484950 00000000 00000000");
        let length = u32::try_from(json.len()).unwrap().to_le_bytes();
        packet.extend(length);
        packet.extend([0; 4]);
        packet.extend(length);
        packet.extend([0; 4]);
        packet.extend(json.as_bytes());
        packet
    }

    #[test]
    fn an_answer_to_a_search_tells_the_device() {
        let ask = dhip("{\"method\":\"DHDiscover.search\",\"params\":{\"mac\":\"\",\"uni\":1}}");
        let answer = dhip(
            "{\"mac\":\"02:00:00:00:00:02\",\"method\":\"client.notifyDevInfo\",\"params\":{\"deviceInfo\":\
             {\"DeviceType\":\"IPC-X\",\"SerialNo\":\"5A1\",\"Version\":\"2.800\",\"Vendor\":\"Private\"}}}",
        );
        let facts = run(
            &DECODER,
            Some(37810),
            &[(Client, ask.clone()), (Server, answer.clone())],
        );
        // Its first carrier is TCP; datagrams are read alike.
        expect![[r#"
            conversation protocol=dahua state=answered packets=1/1 bytes=90/192
            identity 10.0.0.2 firmware=2.800 stated
            identity 10.0.0.2 maker=Dahua inferred
            identity 10.0.0.2 maker=Private stated
            identity 10.0.0.2 model=IPC-X stated
            identity 10.0.0.2 role=camera stated
            identity 10.0.0.2 serial=5A1 stated
        "#]]
        .assert_eq(&render(&facts));
    }
}
