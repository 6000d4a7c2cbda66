//! Community ID: the same short name for a flow in every tool.
//!
//! Spec: Community ID Flow Hashing, version 1, seed 0: `1:` and base64 of SHA-1 over seed, ends in order, protocol, a zero
//! byte, and ports in order. ICMP types that answer each other stand in for ports.
use std::net::IpAddr;

use sha1::{Digest, Sha1};

/// The id of a flow, in whichever direction. For ICMP pass the type as source and the code as destination port.
pub fn community_id(
    src: IpAddr,
    dst: IpAddr,
    protocol: u8,
    src_port: u16,
    dst_port: u16,
) -> String {
    let (src_port, dst_port, one_way) = match protocol {
        1 | 58 => icmp_ports(protocol == 58, src_port, dst_port),
        _ => (src_port, dst_port, false),
    };
    let has_ports = matches!(protocol, 1 | 6 | 17 | 58 | 132);
    let forward = one_way || (octets(src), src_port) <= (octets(dst), dst_port);
    let (a, b) = if forward {
        ((src, src_port), (dst, dst_port))
    } else {
        ((dst, dst_port), (src, src_port))
    };
    let mut hash = Sha1::new();
    hash.update([0, 0]);
    hash.update(octets(a.0));
    hash.update(octets(b.0));
    hash.update([protocol, 0]);
    if has_ports {
        hash.update(a.1.to_be_bytes());
        hash.update(b.1.to_be_bytes());
    }
    format!("1:{}", base64(&hash.finalize()))
}

fn octets(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    }
}

/// Type and its answer's type; a type without answer is one-way and keeps its code.
fn icmp_ports(six: bool, kind: u16, code: u16) -> (u16, u16, bool) {
    const PAIRS_4: &[(u16, u16)] = &[(8, 0), (13, 14), (15, 16), (10, 9), (17, 18)];
    const PAIRS_6: &[(u16, u16)] = &[
        (128, 129),
        (133, 134),
        (135, 136),
        (130, 131),
        (144, 145),
        (139, 140),
    ];
    let pairs = if six { PAIRS_6 } else { PAIRS_4 };
    for (ask, answer) in pairs {
        if kind == *ask {
            return (*ask, *answer, false);
        }
        if kind == *answer {
            return (*answer, *ask, false);
        }
    }
    (kind, code, true)
}

/// RFC 4648, section 4, with padding.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let mut bits = [0u8; 4];
        for (place, byte) in bits.iter_mut().skip(1).zip(chunk) {
            *place = *byte;
        }
        let bits = u32::from_be_bytes(bits);
        for place in 0..4 {
            if place > chunk.len() {
                out.push('=');
            } else {
                let digit = usize::try_from(bits >> (18 - 6 * place) & 0x3f).unwrap_or(0);
                out.push(DIGITS.get(digit).copied().map_or('A', char::from));
            }
        }
    }
    out
}

#[test]
fn ids_equal_those_of_the_specification() {
    // Test vectors published with the specification (baseline, seed 0).
    let id = |a: &str, b: &str, proto, p, q| {
        community_id(a.parse().unwrap(), b.parse().unwrap(), proto, p, q)
    };
    let tcp = "1:LQU9qZlK+B5F3KDmev6m5PMibrg=";
    assert_eq!(id("128.232.110.120", "66.35.250.204", 6, 34855, 80), tcp);
    assert_eq!(id("66.35.250.204", "128.232.110.120", 6, 80, 34855), tcp);
    assert_eq!(
        id("192.168.1.52", "8.8.8.8", 17, 54585, 53),
        "1:d/FP5EW3wiY1vCndhwleRRKHowQ="
    );
    assert_eq!(
        id("192.168.0.89", "192.168.0.1", 1, 8, 0),
        "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="
    );
}
