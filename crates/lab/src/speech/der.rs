//! ASN.1 in DER: the few types that certificates and SNMP need, and a certificate in the form of X.509.
use crate::net::bytes::{Bytes, Dice, len16, small};

/// Tag, length, value.
pub fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = value.len();
    let head = Bytes::new().u8(tag);
    match length {
        0..0x80 => head.u8(small(length)),
        0x80..0x100 => head.u8(0x81).u8(small(length)),
        _ => head.u8(0x82).be16(len16(length)),
    }
    .raw(value)
    .done()
}

pub fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

pub fn integer(value: u32) -> Vec<u8> {
    let bytes = Bytes::new().u8(0).be32(value).done();
    // The shortest form whose first bit is the sign.
    let skip = bytes
        .iter()
        .zip(bytes.iter().skip(1))
        .take_while(|(first, second)| **first == 0 && **second < 0x80)
        .count();
    tlv(2, &bytes.into_iter().skip(skip).collect::<Vec<u8>>())
}

pub fn octets(value: &[u8]) -> Vec<u8> {
    tlv(4, value)
}

/// An object identifier from its content bytes in hexadecimal.
pub fn oid(hex: &str) -> Vec<u8> {
    tlv(6, &Bytes::hex(hex).done())
}

/// A certificate for the first of the names, with all of them as alternative names, issued by `issuer`. Well formed;
/// its key and signature are drawn from the names and prove nothing.
pub fn certificate(issuer: &str, names: &[&str]) -> Vec<u8> {
    let first = names.first().copied().unwrap_or("unnamed");
    let seed = first.bytes().fold(7u64, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(u64::from(byte))
    });
    let mut dice = Dice::new(seed);
    let common_name = |text: &str| {
        sequence(&[tlv(
            0x31,
            &sequence(&[oid("550403"), tlv(0x0c, text.as_bytes())]),
        )])
    };
    // sha256WithRSAEncryption
    let algorithm = sequence(&[oid("2a864886f70d01010b"), tlv(5, &[])]);
    let validity = sequence(&[tlv(0x17, b"260101000000Z"), tlv(0x17, b"271231235959Z")]);
    let mut modulus = dice.bytes(256);
    if let Some(high) = modulus.first_mut() {
        *high |= 0x80;
    }
    if let Some(low) = modulus.last_mut() {
        *low |= 1;
    }
    let modulus = tlv(2, &Bytes::new().u8(0).raw(&modulus).done());
    let key = sequence(&[modulus, integer(65_537)]);
    let key_info = sequence(&[
        sequence(&[oid("2a864886f70d010101"), tlv(5, &[])]),
        tlv(3, &Bytes::new().u8(0).raw(&key).done()),
    ]);
    let alternatives: Vec<Vec<u8>> = names
        .iter()
        .map(|name| tlv(0x82, name.as_bytes()))
        .collect();
    let extension = sequence(&[oid("551d11"), octets(&sequence(&alternatives))]);
    let serial = tlv(2, &Bytes::new().u8(0x5a).raw(&dice.bytes(15)).done());
    let body = sequence(&[
        tlv(0xa0, &integer(2)),
        serial,
        algorithm.clone(),
        common_name(issuer),
        validity,
        common_name(first),
        key_info,
        tlv(0xa3, &sequence(&[extension])),
    ]);
    let signature = tlv(3, &Bytes::new().u8(0).raw(&dice.bytes(256)).done());
    sequence(&[body, algorithm, signature])
}

#[test]
fn integers_take_the_shortest_form_that_keeps_their_sign() {
    assert_eq!(integer(0), [2, 1, 0]);
    assert_eq!(integer(127), [2, 1, 127]);
    assert_eq!(integer(128), [2, 2, 0, 128]);
    assert_eq!(integer(65_537), [2, 3, 1, 0, 1]);
    assert_eq!(integer(u32::MAX), [2, 5, 0, 255, 255, 255, 255]);
}
