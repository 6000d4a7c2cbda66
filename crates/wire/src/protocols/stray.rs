//! Traffic that a crane network seldom needs: recognised by content, so that it has a name and does not hide among the unknown.
//!
//! Spec: RFC 6143, 7.6.1 (RFB), RFC 7348 (VXLAN), RFC 8926 (Geneve), 3GPP TS 29.281 (GTP), IPMI 2.0 13.1 and DSP0136 (RMCP), ISO 22510 (KNXnet/IP); the others as observed.
//! Blind to: what is said in it.
use super::named::{Reads, named, ours, sends_only};
use crate::Carrier::{Tcp, Udp};
use crate::{Cx, Decoder, Head, Probe, Reader, Sender, Side, Step};

pub static VXLAN: Decoder = Decoder {
    open: sends_only,
    about: "The tunnel by name; what it carries is read as if it lay on the wire.",
    blind: "the network identifier",
    ..named("vxlan", "VXLAN (tunnel)", &[Udp(4789)], vxlan, "RFC 7348")
};
pub static GENEVE: Decoder = Decoder {
    open: sends_only,
    about: "The tunnel by name; what it carries is read as if it lay on the wire.",
    blind: "the network identifier, options",
    ..named(
        "geneve",
        "Geneve (tunnel)",
        &[Udp(6081)],
        geneve,
        "RFC 8926",
    )
};
pub static GTP: Decoder = Decoder {
    open: || Box::new(Reads(gtp_told)),
    about: "The tunnel of cellular networks by name; what it carries is read as if it lay on the wire.",
    blind: "the tunnel's end, signalling (GTP-C)",
    ..named(
        "gtp",
        "GTP-U (cellular networks)",
        &[Udp(2152)],
        gtp,
        "3GPP TS 29.281",
    )
};
pub static TZSP: Decoder = Decoder {
    open: sends_only,
    about: "Mirrored traffic by name; what it carries is read as if it lay on the wire.",
    blind: "frames of radio networks, signal strength",
    ..named(
        "tzsp",
        "TZSP (mirrored traffic)",
        &[Udp(37008)],
        tzsp,
        "no public specification; messages as observed",
    )
};
pub static RMCP: Decoder = named(
    "rmcp",
    "RMCP and IPMI (server management)",
    &[Udp(623), Udp(664)],
    rmcp,
    "DSP0136, IPMI 2.0",
);
pub static KNX: Decoder = named(
    "knxnet-ip",
    "KNXnet/IP (building)",
    &[Udp(3671), Tcp(3671)],
    knx,
    "ISO 22510",
);
pub static KASA: Decoder = named(
    "tplink-smarthome",
    "TP-Link plugs and lamps",
    &[Udp(9999), Tcp(9999)],
    kasa,
    "no public specification; messages as observed",
);
pub static CAN: Decoder = named(
    "can-ethernet",
    "CAN over Ethernet (Linear, Proemion)",
    &[Udp(11898)],
    can,
    "no public specification; messages as observed",
);
pub static RFB: Decoder = Decoder {
    remote: true,
    about: "A remote screen that was under way when the capture began, or that greets otherwise than VNC does.",
    ..named(
        "rfb",
        "RFB (remote screens under way)",
        &[Tcp(5900)],
        rfb,
        "RFC 6143, 7.6.1",
    )
};

/// Rectangles in a row that must agree.
const RECTANGLES: u16 = 3;
/// No screen is wider or higher.
const WIDEST: u32 = 16_384;

/// An update of the screen: rectangles one behind the other, in one encoding that states its length (as zlib and ZRLE do,
/// RFC 6143, 7.7.6; others fill up to four bytes).
fn rfb(head: &Head<'_>) -> Probe {
    if head.udp {
        return Probe::NotOurs;
    }
    let update = |filled: u32| {
        head.read(|r| {
            let (kind, padding, count) = (r.u8()?, r.u8()?, r.u16()?);
            r.check((kind, padding) == (0, 0) && count >= RECTANGLES, "update")?;
            let mut encoding = None;
            for _ in 0..RECTANGLES {
                let (x, y, width, height) = (r.u16()?, r.u16()?, r.u16()?, r.u16()?);
                let fits =
                    |from: u16, size: u16| size > 0 && u32::from(from) + u32::from(size) <= WIDEST;
                r.check(fits(x, width) && fits(y, height), "rectangle")?;
                let (this, length) = (r.u32()?, r.u32()?);
                let same = *encoding.get_or_insert(this) == this && this != 0;
                r.check(same && (1..1 << 20).contains(&length), "encoding")?;
                r.skip(usize::try_from(length.next_multiple_of(filled)).unwrap_or(usize::MAX))?;
            }
            Ok(Sender::Server)
        })
    };
    match (update(1), update(4)) {
        (Probe::NotOurs, other) | (other @ Probe::Ours(_), _) => other,
        (Probe::NeedMore, Probe::NotOurs) => Probe::NeedMore,
        (Probe::NeedMore, other) => other,
    }
}

/// The port, and a header in which nothing but the flag and the identifier stands.
fn vxlan(head: &Head<'_>) -> Probe {
    let tunnel = match head.bytes.split_first_chunk::<8>() {
        Some((&[0x08, 0, 0, 0, _, _, _, 0], inner)) => {
            head.udp && head.to == 4789 && inner.len() >= 14
        }
        _ => false,
    };
    ours(tunnel.then_some(Sender::Unknown))
}

/// Version 0, options of whole words, and an Ethernet frame or an IP packet in what is left.
fn geneve(head: &Head<'_>) -> Probe {
    let tunnel = match head.bytes.split_first_chunk::<8>() {
        Some((&[first, flags, high, low, _, _, _, 0], inner)) => {
            let kind = u16::from_be_bytes([high, low]);
            let options = usize::from(first & 0x3f) * 4;
            first >> 6 == 0
                && flags & 0x3f == 0
                && matches!(kind, 0x6558 | 0x0800 | 0x86dd)
                && head.udp
                && head.to == 6081
                && inner.len() > options
        }
        _ => false,
    };
    ours(tunnel.then_some(Sender::Unknown))
}

/// Version 1 of the user plane, a message that is known, and the length of all that follows.
fn gtp(head: &Head<'_>) -> Probe {
    let tunnel = match head.bytes.split_first_chunk::<8>() {
        Some((&[flags, 1 | 2 | 26 | 31 | 254 | 255, high, low, ..], rest)) => {
            flags & 0xf0 == 0x30
                && usize::from(u16::from_be_bytes([high, low])) == rest.len()
                && head.udp
                && head.to == 2152
        }
        _ => false,
    };
    ours(tunnel.then_some(Sender::Unknown))
}

/// TS 29.281, 7.2 and 7.3: of these, an echo request (1) alone has a response.
fn gtp_told(cx: &mut Cx<'_>, _: Side, bytes: &[u8]) -> Step {
    if bytes.get(1) != Some(&1) {
        cx.asks_nothing();
    }
    Step::Took(bytes.len())
}

/// Version 1, a packet received or to be sent, and one of the kinds of frame that are known: Ethernet, and three of radio.
fn tzsp(head: &Head<'_>) -> Probe {
    let mirrored = matches!(head.bytes, [1, 0 | 1, 0, 1 | 18 | 119 | 126, _, ..]);
    ours((mirrored && head.udp && head.to == 37008).then_some(Sender::Unknown))
}

/// Version 6, no reserved bit, and a class: ASF with its enterprise number 4542, or IPMI with a session or none.
fn rmcp(head: &Head<'_>) -> Probe {
    let known = match head.bytes {
        [6, 0, _, 6, 0, 0, 0x11, 0xbe, ..] => head.bytes.len() >= 12,
        // Authentication kinds of IPMI 1.5, and the session header of 2.0.
        [6, 0, 0xff, 7, kind, ..] => head.bytes.len() >= 14 && matches!(kind, 0..=2 | 4..=6),
        _ => false,
    };
    ours((known && head.udp).then_some(Sender::Unknown))
}

/// Header of six bytes, version 1.0, a service, and the length of all.
fn knx(head: &Head<'_>) -> Probe {
    let read = || -> Option<Sender> {
        let mut r = Reader::new(head.bytes);
        let (size, version, service, length) =
            (r.u8().ok()?, r.u8().ok()?, r.u16().ok()?, r.u16().ok()?);
        let known = matches!(service >> 8, 0x02..=0x07 | 0x09);
        let fits = if head.udp {
            usize::from(length) == head.bytes.len()
        } else {
            usize::from(length) <= head.bytes.len()
        };
        (size == 6 && version == 0x10 && known && fits && length > 6).then_some(Sender::Unknown)
    };
    ours(read())
}

/// JSON, each byte mixed with the one before it as sent, the first with 171; over TCP with its length in front.
fn kasa(head: &Head<'_>) -> Probe {
    let bytes = if head.udp {
        head.bytes
    } else {
        match head.bytes.split_first_chunk::<4>() {
            Some((length, rest)) if u32::from_be_bytes(*length) as usize >= rest.len() => rest,
            _ => return Probe::NotOurs,
        }
    };
    let before = [171].into_iter().chain(bytes.iter().copied());
    let mut plain = bytes.iter().zip(before).map(|(byte, before)| byte ^ before);
    let opens = plain.next() == Some(b'{') && matches!(plain.next(), Some(b'"' | b'}'));
    let text = plain.all(|byte| byte.is_ascii_graphic() || byte == b' ' || byte >= 0x80);
    ours((opens && text && bytes.len() > 8).then_some(Sender::Unknown))
}

fn can(head: &Head<'_>) -> Probe {
    let marked = head.udp && head.bytes.starts_with(b"ISO11898");
    ours(marked.then_some(Sender::Unknown))
}

#[test]
fn each_is_told_by_content_and_not_by_its_port() {
    use crate::testing::hex;
    let told = |probe: fn(&Head<'_>) -> Probe, udp: bool, port: u16, text: &str| {
        let bytes = hex(text);
        let head = Head {
            bytes: &bytes,
            udp,
            from: 50_000,
            to: port,
            first: true,
            open: false,
        };
        probe(&head) != Probe::NotOurs
    };
    // {"system":{"get_sysinfo":{}}} as a lamp is asked.
    let lamp = "d0f281f88bff9af7d5ef94b6d1b4c09fec95e68fe187e8caf08bf68bf6";
    assert!(told(kasa, true, 9999, lamp));
    assert!(!told(kasa, true, 9999, &lamp.replace("d0f2", "d1f2")));
    // ASF presence ping; the same with another enterprise.
    assert!(told(rmcp, true, 623, "0600ff06 000011be 80000000"));
    assert!(!told(rmcp, true, 623, "0600ff06 000011bf 80000000"));
    // Search request with the address to answer to; one that claims more than is there.
    let search = "06 10 0201 000e 0801 c0a8010a 0e57";
    assert!(told(knx, true, 3671, search));
    assert!(!told(knx, true, 3671, &search.replace("000e", "000f")));
    // Four rectangles of 16 x 16 in ZRLE, 5 bytes each; the same with one that begins a byte late; filled up.
    let rectangle = "0010 0020 0010 0010 00000010 00000005 0102030405";
    let update = |between: &str| {
        let all = [rectangle; 4].join(between);
        format!("00 00 0004 {all}")
    };
    assert!(told(rfb, false, 443, &update("")));
    assert!(!told(rfb, false, 443, &update("00")));
    assert!(told(rfb, false, 443, &update("000000")));
    let inner = "ff".repeat(14);
    assert!(told(
        vxlan,
        true,
        4789,
        &format!("08000000 00007b00 {inner}")
    ));
    assert!(!told(
        vxlan,
        true,
        4789,
        &format!("08000000 00007b01 {inner}")
    ));
    // Options of one word; as many as there are bytes.
    let geneve_of = |first: &str| format!("{first} 00 6558 00007b00 01020304 {inner}");
    assert!(told(geneve, true, 6081, &geneve_of("01")));
    assert!(!told(geneve, true, 6081, &geneve_of("05")));
    // The length that is there, and another.
    assert!(told(
        gtp,
        true,
        2152,
        &format!("30 ff 000e 00000001 {inner}")
    ));
    assert!(!told(
        gtp,
        true,
        2152,
        &format!("30 ff 000f 00000001 {inner}")
    ));
    assert!(told(tzsp, true, 37008, &format!("01 00 0001 01 {inner}")));
    assert!(!told(tzsp, true, 37008, &format!("01 05 0001 01 {inner}")));
}
