//! DCE/RPC: which interfaces of a Windows host are used, by whom, and where the endpoint mapper sends them.
//!
//! Spec: C706 (DCE 1.1 RPC), 12.5 and 12.6 (headers, bind), appendix L (towers); [MS-RPCE] 2.2.2.11 (security trailer).
//! Emits: interfaces as services of the server, users and hosts of NTLM log-ins, ports that the endpoint mapper gives out;
//! a remote session where the interface is one to work on the host with (services, tasks, WMI, registry).
//! Blind to: what is called, but for the mapper's answers; pipes over SMB; what is encrypted.
use std::net::IpAddr;

use super::ntlm;
use crate::{Carrier, Cx, Decoder, Dialogue, Head, Malformed, Probe, Reader, Sender, Side, Step};

pub(super) static DECODER: Decoder = Decoder {
    name: "dcerpc",
    title: "DCE/RPC (DCOM, OPC classic, PROFINET context management)",
    carriers: &[Carrier::Tcp(135), Carrier::Udp(135)],
    probe,
    open: || Box::new(Rpc::default()),
    remote: false,
    operations: &[],
    about: "Interfaces bound to, by name where it is known (OPC classic, DCOM, services, tasks, WMI, registry); users and hosts of NTLM; the channels that the endpoint mapper gives out belong to it.",
    spec: "C706; [MS-RPCE]; IEC 61158-6-10 for PROFINET",
    blind: "what is called; pipes over SMB; what is encrypted",
};

const HEADER: usize = 16;
/// Contexts of a bind that are read.
const MOST_CONTEXTS: usize = 16;
/// Longest packet that is read; the length field allows no more.
const MOST_PACKET: usize = 1 << 16;

/// C706, 12.6.4.
mod packet {
    pub(super) const RESPONSE: u8 = 2;
    pub(super) const BIND: u8 = 11;
    pub(super) const BIND_ACK: u8 = 12;
    pub(super) const ALTER: u8 = 14;
    pub(super) const AUTH3: u8 = 16;
}

/// What an interface is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Plain,
    Mapper,
    /// OPC classic.
    Opc,
    /// Someone works on the host with it.
    Work,
}

/// Interfaces by the first field of their UUID and the rest in order: [MS-DCOM], [MS-SCMR], [MS-TSCH], [MS-WMI], [MS-RRP],
/// [MS-SAMR], [MS-LSAD], [MS-NRPC], [MS-DRSR], [MS-SRVS], [MS-WKST], [MS-EVEN6], [MS-PAR]; OPC DA 3.0, HDA 1.2, AE 1.1.
const INTERFACES: &[(u128, &str, Use)] = &[
    (
        0xe1af8308_5d1f_11c9_91a4_08002b14a0fa,
        "endpoint mapper",
        Use::Mapper,
    ),
    (
        0x99fcfec4_5260_101b_bbcb_00aa0021347a,
        "DCOM object exporter",
        Use::Plain,
    ),
    (
        0x000001a0_0000_0000_c000_000000000046,
        "DCOM activation",
        Use::Plain,
    ),
    (
        0x4d9f4ab8_7d1c_11cf_861e_0020af6e7c57,
        "DCOM activation",
        Use::Plain,
    ),
    (
        0x00000131_0000_0000_c000_000000000046,
        "DCOM remote objects",
        Use::Plain,
    ),
    (
        0x00000143_0000_0000_c000_000000000046,
        "DCOM remote objects",
        Use::Plain,
    ),
    (
        0x00020400_0000_0000_c000_000000000046,
        "DCOM automation",
        Use::Plain,
    ),
    (
        0x367abb81_9844_35f1_ad32_98f038001003,
        "service control",
        Use::Work,
    ),
    (
        0x1ff70682_0a51_30e8_076d_740be8cee98b,
        "task scheduler",
        Use::Work,
    ),
    (
        0x86d35949_83c9_4044_b424_db363231fd0c,
        "task scheduler",
        Use::Work,
    ),
    (
        0x378e52b0_c0a9_11cf_822d_00aa0051e40f,
        "task scheduler",
        Use::Work,
    ),
    (
        0x338cd001_2244_31f1_aaaa_900038001003,
        "remote registry",
        Use::Work,
    ),
    (0x9556dc99_828c_11cf_a37e_00aa003240c7, "WMI", Use::Work),
    (
        0xf309ad18_d86a_11d0_a075_00c04fb68820,
        "WMI log-in",
        Use::Work,
    ),
    (
        0x4b324fc8_1670_01d3_1278_5a47bf6ee188,
        "file server",
        Use::Plain,
    ),
    (
        0x6bffd098_a112_3610_9833_46c3f87e345a,
        "workstation",
        Use::Plain,
    ),
    (
        0x12345778_1234_abcd_ef00_0123456789ac,
        "account database",
        Use::Plain,
    ),
    (
        0x12345778_1234_abcd_ef00_0123456789ab,
        "security authority",
        Use::Plain,
    ),
    (
        0x12345678_1234_abcd_ef00_01234567cffb,
        "domain log-on",
        Use::Plain,
    ),
    (
        0x12345678_1234_abcd_ef00_0123456789ab,
        "print spooler",
        Use::Plain,
    ),
    (
        0x76f03f96_cdfd_44fc_a22c_64950a001209,
        "print spooler",
        Use::Plain,
    ),
    (
        0xe3514235_4b06_11d1_ab04_00c04fc2dcd2,
        "directory replication",
        Use::Plain,
    ),
    (
        0x82273fdc_e32a_18c3_3f78_827929dc23ea,
        "event log",
        Use::Plain,
    ),
    (
        0xf6beaff7_1e19_4fbb_9f8f_b89e2018337c,
        "event log",
        Use::Plain,
    ),
    (
        0x39c13a4d_011e_11d0_9675_0020afd8adb3,
        "OPC DA server",
        Use::Opc,
    ),
    (
        0x39c13a54_011e_11d0_9675_0020afd8adb3,
        "OPC DA items",
        Use::Opc,
    ),
    (
        0x39c13a52_011e_11d0_9675_0020afd8adb3,
        "OPC DA synchronous access",
        Use::Opc,
    ),
    (
        0x39c13a53_011e_11d0_9675_0020afd8adb3,
        "OPC DA asynchronous access",
        Use::Opc,
    ),
    (
        0x39c13a71_011e_11d0_9675_0020afd8adb3,
        "OPC DA asynchronous access",
        Use::Opc,
    ),
    (
        0x39c13a70_011e_11d0_9675_0020afd8adb3,
        "OPC DA callback",
        Use::Opc,
    ),
    (
        0x39c13a50_011e_11d0_9675_0020afd8adb3,
        "OPC DA groups",
        Use::Opc,
    ),
    (
        0x39c13a4f_011e_11d0_9675_0020afd8adb3,
        "OPC DA browsing",
        Use::Opc,
    ),
    (
        0xf31dfde1_07b6_11d2_b2d8_0060083ba1fb,
        "OPC shutdown notice",
        Use::Opc,
    ),
    (
        0xf31dfde2_07b6_11d2_b2d8_0060083ba1fb,
        "OPC server",
        Use::Opc,
    ),
    (
        0x13486d50_4821_11d2_a494_3cb306c10000,
        "OPC server list",
        Use::Opc,
    ),
    (
        0x9dd0b56c_ad9e_43ee_8305_487f3188bf7a,
        "OPC server list",
        Use::Opc,
    ),
    (
        0x1f1217b0_dee0_11d2_a5e5_000086339399,
        "OPC HDA server",
        Use::Opc,
    ),
    (
        0x65168851_5783_11d1_84a0_00608cb8a7e9,
        "OPC AE server",
        Use::Opc,
    ),
];

/// Version 5.0 or 5.1, a known type, little-endian ASCII IEEE representation, a length that can be (12.6.3.1). Over UDP
/// version 4 (12.6.3.2), which PROFINET and OPC use too.
fn probe(head: &Head<'_>) -> Probe {
    super::named::ours(if head.udp {
        connectionless(head.bytes)
    } else {
        sender(head.bytes)
    })
}

fn connectionless(bytes: &[u8]) -> Option<Sender> {
    let mut r = Reader::new(bytes);
    let (version, kind) = (r.u8().ok()?, r.u8().ok()?);
    r.skip(2).ok()?;
    let representation = r.array::<3>().ok()?;
    r.skip(67).ok()?;
    let length = match representation {
        [0x10, 0, 0] => r.u16_le().ok()?,
        [0, 0, 0] => r.u16().ok()?,
        _ => return None,
    };
    r.skip(4).ok()?;
    if version != 4 || r.left() != usize::from(length) {
        return None;
    }
    match kind {
        0 | 1 | 8 => Some(Sender::Client),
        2..=6 | 10 => Some(Sender::Server),
        7 | 9 => Some(Sender::Unknown),
        _ => None,
    }
}

fn sender(bytes: &[u8]) -> Option<Sender> {
    let header = Header::read(&mut Reader::new(bytes)).ok()?;
    match header.kind {
        0 | 11 | 14 | 16 | 18 | 19 => Some(Sender::Client),
        2 | 3 | 12 | 13 | 15 => Some(Sender::Server),
        17 => Some(Sender::Unknown),
        _ => None,
    }
}

/// C706, 12.6.3.1.
struct Header {
    kind: u8,
    length: usize,
    signed: bool,
}

impl Header {
    fn read(r: &mut Reader<'_>) -> Result<Header, Malformed> {
        let (major, minor, kind, _flags) = (r.u8()?, r.u8()?, r.u8()?, r.u8()?);
        r.check(major == 5 && minor <= 1, "version")?;
        let representation = r.u32()?;
        r.check(representation == 0x1000_0000, "representation")?;
        let (length, trailer) = (r.u16_le()?, r.u16_le()?);
        r.check(usize::from(length) >= HEADER && trailer < length, "length")?;
        r.skip(4)?;
        Ok(Header {
            kind,
            length: usize::from(length),
            signed: trailer > 0,
        })
    }
}

/// One connection: whether the endpoint mapper is asked in it.
#[derive(Default)]
struct Rpc {
    mapper: bool,
    work: bool,
}

impl Dialogue for Rpc {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        if cx.flow.udp {
            return Step::Done;
        }
        let mut r = Reader::new(bytes);
        let header = match Header::read(&mut r) {
            Ok(header) => header,
            Err(error) => return Step::from_error(error, bytes.len()),
        };
        let telling = matches!(
            header.kind,
            packet::BIND | packet::BIND_ACK | packet::ALTER | packet::AUTH3
        ) || self.mapper && header.kind == packet::RESPONSE;
        if !telling {
            return Step::Skip(header.length as u64);
        }
        let Some(whole) = bytes.get(..header.length.min(MOST_PACKET)) else {
            return Step::Need(header.length);
        };
        if header.signed
            && let Some(user) = ntlm::tell(cx, side, whole)
            && self.work
        {
            cx.session(Some(user), None);
        }
        let body = whole.get(HEADER..).unwrap_or(&[]);
        match header.kind {
            packet::BIND | packet::ALTER => {
                let _ = self.bind(cx, side, &mut Reader::new(body));
            }
            packet::RESPONSE => mapped(cx, body),
            _ => {}
        }
        Step::Took(header.length)
    }
}

impl Rpc {
    /// C706, 12.6.4.3: sizes and group, then the contexts, each an interface and the ways to write it down.
    fn bind(&mut self, cx: &mut Cx<'_>, side: Side, r: &mut Reader<'_>) -> Result<(), Malformed> {
        r.skip(8)?;
        let count = usize::from(r.u8()?);
        r.skip(3)?;
        for _ in 0..count.min(MOST_CONTEXTS) {
            r.skip(2)?;
            let ways = usize::from(r.u8()?);
            r.skip(1)?;
            let interface = uuid(r)?;
            r.skip(4 + ways * 20)?;
            let known = INTERFACES.iter().find(|(id, ..)| *id == interface);
            let Some((_, name, good_for)) = known else {
                continue;
            };
            cx.identity(side.other(), "service", *name);
            match good_for {
                Use::Plain => {}
                Use::Mapper => self.mapper = true,
                Use::Opc => cx.variant("opc"),
                Use::Work => {
                    self.work = true;
                    cx.session(None, Some((*name).to_owned()));
                }
            }
        }
        Ok(())
    }
}

/// The first three fields are little endian here (12.6.3.1); gives all as they are written.
fn uuid(r: &mut Reader<'_>) -> Result<u128, Malformed> {
    let (first, second, third) = (r.u32_le()?, r.u16_le()?, r.u16_le()?);
    let rest = r.u64()?;
    Ok(u128::from(first) << 96
        | u128::from(second) << 80
        | u128::from(third) << 64
        | u128::from(rest))
}

/// C706, appendix L: the mapper's answer is a tower of floors; those of TCP (07) and IP (09) say where the server waits.
fn mapped(cx: &mut Cx<'_>, body: &[u8]) {
    for (place, part) in body.windows(5).enumerate() {
        if part != [1, 0, 7, 2, 0] {
            continue;
        }
        let floor = body.get(place + 5..place + 16);
        if let Some([high, low, 1, 0, 9, 4, 0, a, b, c, d]) = floor {
            let port = u16::from_be_bytes([*high, *low]);
            let ip = IpAddr::from([*a, *b, *c, *d]);
            let server = cx.flow.server.address.ip();
            let ip = if ip.is_unspecified() {
                server
            } else {
                Some(ip)
            };
            if let (Some(ip), 1..) = (ip, port) {
                cx.expect(ip, port, false, DECODER.name, Some(&DECODER));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::{Client, Server};
    use crate::testing::check_at;

    #[test]
    fn an_interface_to_work_with_makes_a_remote_session_and_opc_a_variant() {
        let bind = |uuid: &str| {
            format!(
                "05000b03 10000000 4800 0000 01000000 d016d016 00000000 01000000 0000 01 00 {uuid} 02000000 \
                 045d888aeb1cc9119fe808002b104860 02000000"
            )
        };
        // Service control, then OPC DA server.
        let work = bind("81bb7a36 4498 f135 ad3298f038001003");
        let opc = bind("4d3ac1391e01d01196750020afd8adb3");
        check_at(
            &DECODER,
            49700,
            &[
                (Client, &work),
                (Client, &opc),
                (
                    Server,
                    "05000203 10000000 1800 0000 01000000 0000000000000000",
                ),
            ],
            expect![[r#"
                conversation protocol=dcerpc:opc state=answered packets=2/1 bytes=144/24
                identity 10.0.0.2 service=service control stated
                identity 10.0.0.2 service=OPC DA server stated
                remote_session protocol=dcerpc client=10.0.0.1 server=10.0.0.2 server_port=49700 detail=service control bytes=168 frames=Numbers([1, 2, 3])
            "#]],
        );
    }
}
