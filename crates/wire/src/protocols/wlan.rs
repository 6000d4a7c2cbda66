//! Management frames of wireless networks: which access points there are, what they call their network and how they
//! protect it, and who looks for them or joins.
//!
//! Spec: IEEE 802.11-2020, 9.2 (frame), 9.3.3 (management frames), 9.4.1 (fixed fields), 9.4.2 (elements); Wi-Fi Protected Access
//! (element 00:50:f2:1); Wi-Fi Simple Configuration 2.0, 8.3 and 12 (element 00:50:f2:4); Cisco's CCX1 element as observed.
//! Emits: identity of access points (role, `ssid`, channel and protection, and of what they tell by WPS maker, model, serial number
//! and name), of stations the networks that they ask for; oddities for stations that are thrown out.
//! Blind to: what is encrypted (protected management frames, all data), keys and whether they are right.
use facts::{Grade, Mac};

use crate::reader::{Malformed, Reader, text};
use crate::{Carrier, Cx, Decoder, Dialogue, Probe, Side, Step};

pub static DECODER: Decoder = Decoder {
    name: "wlan",
    title: "Wireless networks (IEEE 802.11 management)",
    carriers: &[Carrier::Radio],
    probe: |_| Probe::NotOurs,
    open: || Box::new(Wlan::default()),
    remote: false,
    operations: &[],
    about: "Access points with the name of their network, channel and protection, what they tell of maker and model; stations \
            and the networks that they ask for or join; stations that are thrown out.",
    spec: "IEEE 802.11-2020, 9.3.3 and 9.4; Wi-Fi Simple Configuration 2.0",
    blind: "what is encrypted, keys and whether they are right",
};

/// Elements of one frame that are looked at.
const MOST_ELEMENTS: usize = 64;
/// Cipher and key suites of one element that are looked at.
const MOST_SUITES: usize = 16;
/// IEEE 802.11-2020, 9.4.2.2.
const LONGEST_SSID: usize = 32;

/// One sender to one receiver, mostly to all.
#[derive(Default)]
struct Wlan {
    /// What it announced last: the same beacon comes ten times a second.
    announced: Option<Network>,
}

/// What elements tell of a network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Network {
    ssid: Option<String>,
    hidden: bool,
    channel: Option<u8>,
    /// In the words of the certificates: `WPA2`, `WPA3` …
    protection: Vec<&'static str>,
    known: Vec<(&'static str, String)>,
}

/// The head that all management frames share.
struct Frame<'a> {
    kind: u8,
    sender: Mac,
    /// The network: address of its access point.
    network: Mac,
    body: Reader<'a>,
}

impl Dialogue for Wlan {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        match self.frame(cx, side, bytes) {
            Ok(()) => Step::Took(bytes.len()),
            Err(error) => Step::from_error(error, bytes.len()),
        }
    }
}

impl Wlan {
    fn frame(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Result<(), Malformed> {
        let Some(mut frame) = head(bytes)? else {
            return Ok(());
        };
        let sender = frame.sender;
        match frame.kind {
            5 | 8 => {
                frame.body.skip(8 + 2)?; // timestamp, interval
                let capability = frame.body.u16_le()?;
                let network = elements(&mut frame.body, Some(capability));
                if self.announced.as_ref() != Some(&network) {
                    cx.variant("access-point");
                }
                announce(cx, frame.network, capability, &network);
                self.announced = Some(network);
            }
            4 => {
                let asked = elements(&mut frame.body, None);
                if let Some(ssid) = asked.ssid {
                    let words = format!("asks for the wireless network {ssid}");
                    cx.identity_of(Some(sender), None, "system", words, Grade::Stated);
                }
                for (attribute, value) in asked.known {
                    cx.identity_of(Some(sender), None, attribute, value, Grade::Stated);
                }
            }
            0 | 2 => {
                frame.body.skip(2 + 2)?; // capability, listen interval
                if frame.kind == 2 {
                    frame.body.skip(6)?; // the access point that it comes from
                }
                let asked = elements(&mut frame.body, None);
                if let Some(ssid) = asked.ssid {
                    cx.identity_of(Some(sender), None, "ssid", ssid.clone(), Grade::Stated);
                    let words = format!("joins the wireless network {ssid} of {}", frame.network);
                    cx.identity_of(Some(sender), None, "system", words, Grade::Stated);
                }
                cx.variant("association");
            }
            10 | 12 => {
                let reason = frame.body.u16_le()?;
                // 9.4.1.7: who leaves of itself says so.
                if !matches!(reason, 3 | 8) {
                    let detail = Some(format!("reason {reason}"));
                    cx.oddity("wlan.thrown_out", side, detail);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// `None` where the rest cannot be read: it is encrypted, or the piece of a frame after the first.
fn head(bytes: &[u8]) -> Result<Option<Frame<'_>>, Malformed> {
    const PROTECTED: u8 = 0x40;
    const ORDER: u8 = 0x80;
    let mut r = Reader::new(bytes);
    let [mut first, mut flags] = r.array::<2>()?;
    // As in `net::rare`: one maker's controllers send the two octets the other way round.
    if first & 0x03 != 0 && flags & 0x03 == 0 {
        (first, flags) = (flags, first);
    }
    r.skip(2 + 6)?; // duration, receiver
    let (sender, network) = (r.mac()?, r.mac()?);
    let piece = r.u16_le()? & 0x0f != 0;
    if flags & PROTECTED != 0 || piece {
        return Ok(None);
    }
    if flags & ORDER != 0 {
        r.skip(4)?;
    }
    Ok(Some(Frame {
        kind: first >> 4,
        sender,
        network,
        body: r,
    }))
}

fn announce(cx: &mut Cx<'_>, network: Mac, capability: u16, told: &Network) {
    const AD_HOC: u16 = 0x0002;
    let mac = Some(network).filter(|mac| mac.is_device());
    if mac.is_none() {
        return;
    }
    let mut say = |attribute, value: String| {
        cx.identity_of(mac, None, attribute, value, Grade::Stated);
    };
    let role = if capability & AD_HOC != 0 {
        "wireless network without an access point"
    } else {
        "wlan-access-point"
    };
    say("role", role.to_owned());
    if let Some(ssid) = &told.ssid {
        say("ssid", ssid.clone());
    }
    let mut words = vec!["wireless network".to_owned()];
    if told.hidden {
        words.push("with a hidden name".to_owned());
    }
    if let Some(channel) = told.channel {
        words.push(format!("on channel {channel}"));
    }
    words.push(match told.protection.as_slice() {
        [] => "open to everyone".to_owned(),
        all => format!("protected by {}", all.join(" and ")),
    });
    say("system", words.join(" "));
    for (attribute, value) in &told.known {
        say(attribute, value.clone());
    }
}

/// The elements as far as they go: some captures have the frame's checksum behind them, which is none.
fn elements(r: &mut Reader<'_>, capability: Option<u16>) -> Network {
    const PRIVACY: u16 = 0x0010;
    let mut told = Network::default();
    for _ in 0..MOST_ELEMENTS {
        let (Ok(kind), Ok(length)) = (r.u8(), r.u8()) else {
            break;
        };
        let Ok(body) = r.bytes(usize::from(length)) else {
            break;
        };
        element(&mut told, kind, body);
    }
    let private = capability.is_some_and(|capability| capability & PRIVACY != 0);
    if private && told.protection.is_empty() {
        told.protection.push("WEP");
    }
    told
}

fn element(told: &mut Network, kind: u8, body: &[u8]) {
    match (kind, body) {
        (0, name) => {
            told.hidden = name.iter().all(|octet| *octet == 0);
            if !told.hidden {
                told.ssid = text(name, LONGEST_SSID);
            }
        }
        // Of direct sequence, and of high throughput, which also says it on 5 GHz.
        (3, [channel, ..]) | (61, [channel, ..]) => told.channel = Some(*channel),
        (48, suites) => {
            for word in key_management(&mut Reader::new(suites)).unwrap_or_default() {
                protect(told, word);
            }
        }
        // Cisco: the name of the access point, in sixteen octets.
        (133, body) => {
            let name = body.get(10..26).and_then(|name| text(name, 16));
            told.known.extend(name.map(|name| ("hostname", name)));
        }
        (221, [0x00, 0x50, 0xf2, 1, ..]) => protect(told, "WPA"),
        (221, [0x00, 0x50, 0xf2, 4, wps @ ..]) => simple_configuration(told, wps),
        _ => {}
    }
}

fn protect(told: &mut Network, word: &'static str) {
    if !told.protection.contains(&word) {
        told.protection.push(word);
    }
}

/// 9.4.2.24: version, the cipher for all, those for each, then how keys are agreed on.
fn key_management(r: &mut Reader<'_>) -> Result<Vec<&'static str>, Malformed> {
    r.skip(2 + 4)?;
    let ciphers = usize::from(r.u16_le()?);
    r.skip(ciphers.saturating_mul(4))?;
    let count = usize::from(r.u16_le()?).min(MOST_SUITES);
    let mut words = Vec::new();
    for _ in 0..count {
        let [a, b, c, kind] = r.array::<4>()?;
        let word = match ([a, b, c], kind) {
            ([0x00, 0x0f, 0xac], 1 | 3 | 5) => "WPA2 with accounts (802.1X)",
            ([0x00, 0x0f, 0xac], 2 | 4 | 6) => "WPA2 with a shared key",
            ([0x00, 0x0f, 0xac], 8 | 9 | 24 | 25) => "WPA3 with a shared key",
            ([0x00, 0x0f, 0xac], 11..=13) => "WPA3 with accounts (802.1X)",
            ([0x00, 0x0f, 0xac], 18) => "encryption without a key (OWE)",
            _ => "a key of another kind",
        };
        if !words.contains(&word) {
            words.push(word);
        }
    }
    Ok(words)
}

/// Wi-Fi Simple Configuration, 12: attributes with a type and a length of two octets each.
fn simple_configuration(told: &mut Network, wps: &[u8]) {
    let mut r = Reader::new(wps);
    for _ in 0..MOST_ELEMENTS {
        let (Ok(kind), Ok(length)) = (r.u16(), r.u16()) else {
            break;
        };
        let Ok(value) = r.bytes(usize::from(length)) else {
            break;
        };
        let attribute = match kind {
            0x1021 => "maker",
            0x1023 => "model",
            0x1024 => "order_number",
            0x1042 => "serial",
            0x1011 => "hostname",
            _ => continue,
        };
        // Many leave them blank, or as the sample code of the standard has them.
        let value = text(value, 64).filter(|value| !value.trim().is_empty());
        told.known.extend(value.map(|value| (attribute, value)));
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::Side::Client;
    use crate::testing::check;

    const TO_ALL: &str = "ffffffffffff";
    const POINT: &str = "020000000001";
    /// Timestamp, interval.
    const SINCE: &str = "0000000000000000 6400";

    #[test]
    fn a_beacon_says_what_the_network_is_called_and_how_it_is_protected() {
        let wps = "dd 3d 0050f204 104a 0001 10 1021 0008 4d6f786120496e63 1023 0008 41574b2d33313331 \
                   1042 0005 3132333435 1011 000a 5354532d30372d415031 1024 0001 20";
        let rsn = "30 14 0100 000fac04 0100 000fac04 0100 000fac02 0000";
        let beacon = format!(
            "8000 0000 {TO_ALL} {POINT} {POINT} 1000 {SINCE} 1104 \
             00 05 5354533037 01 02 8284 03 01 06 {rsn} {wps} 11223344"
        );
        let again = beacon.replace(" 1000 ", " 2000 ");
        check(
            &DECODER,
            &[(Client, &beacon), (Client, &again)],
            expect![[r#"
                conversation protocol=wlan:access-point state=one-way packets=2/0 bytes=278/0
                identity 02:00:00:00:00:01 hostname=STS-07-AP1 stated
                identity 02:00:00:00:00:01 maker=Moxa Inc stated
                identity 02:00:00:00:00:01 model=AWK-3131 stated
                identity 02:00:00:00:00:01 role=wlan-access-point stated
                identity 02:00:00:00:00:01 serial=12345 stated
                identity 02:00:00:00:00:01 ssid=STS07 stated
                identity 02:00:00:00:00:01 system=wireless network on channel 6 protected by WPA2 with a shared key stated
            "#]],
        );
    }

    #[test]
    fn stations_that_ask_join_or_are_thrown_out_are_told() {
        let of =
            |kind: &str, to: &str| format!("{kind}00 0000 {to} 020000000001 0200000000aa 1000");
        let messages = [
            // Asks for a network by name, and for any.
            format!("{} 00 04 53484950 01 01 82", of("40", TO_ALL)),
            format!("{} 00 00", of("40", TO_ALL)),
            // Joins; comes over from another access point.
            format!("{} 1104 0a00 00 05 5354533037", of("00", "020000000002")),
            format!(
                "{} 1104 0a00 0200000000bb 00 05 5354533037",
                of("20", "020000000002")
            ),
            // Leaves; is thrown out (class 3 frame from who has not joined).
            format!("{} 0300", of("c0", "020000000002")),
            format!("{} 0700", of("c0", "020000000002")),
            // What is encrypted, and a kind that tells nothing.
            "c040 0000 020000000002 020000000001 0200000000aa 1000 99999999".to_owned(),
            format!("{} 00", of("d0", "020000000002")),
        ];
        let messages: Vec<_> = messages.iter().map(|hex| (Client, hex.as_str())).collect();
        check(
            &DECODER,
            &messages,
            expect![[r#"
            conversation protocol=wlan:association state=one-way packets=8/0 bytes=240/0
            identity 02:00:00:00:00:01 system=asks for the wireless network SHIP stated
            identity 02:00:00:00:00:01 ssid=STS07 stated
            identity 02:00:00:00:00:01 system=joins the wireless network STS07 of 02:00:00:00:00:aa stated
            oddity what=wlan.thrown_out detail=reason 7 frames=Numbers([6])
        "#]],
        );
    }

    #[test]
    fn protection_is_told_apart() {
        let told = |capability: u16, elements_hex: &str| {
            let bytes = crate::testing::hex(elements_hex);
            elements(&mut Reader::new(&bytes), Some(capability)).protection
        };
        assert_eq!(told(0x0001, "00 01 61"), [] as [&str; 0]);
        assert_eq!(told(0x0011, "00 01 61"), ["WEP"]);
        assert_eq!(told(0x0011, "dd 06 0050f201 0100"), ["WPA"]);
        let both = "30 18 0100 000fac04 0100 000fac04 0200 000fac02 000fac08 cc00";
        assert_eq!(
            told(0x0011, both),
            ["WPA2 with a shared key", "WPA3 with a shared key"]
        );
        let accounts = "30 14 0100 000fac04 0100 000fac04 0100 000fac01 0000";
        assert_eq!(told(0x0011, accounts), ["WPA2 with accounts (802.1X)"]);
        // A list that does not hold what it promises tells nothing; the bit that says so stays.
        assert_eq!(told(0x0011, "30 06 0100 000fac04"), ["WEP"]);
    }
}
