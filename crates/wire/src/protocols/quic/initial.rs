//! The Initial packets of QUIC, which everyone on the way can open: their keys come from the client's first connection id.
//!
//! Spec: RFC 9001, 5 (keys, protection of header and payload); RFC 9369, 3.3 (version 2); draft-ietf-quic-tls-29.
use ring::{aead, hmac};

use crate::{Malformed, Reader};

/// Longest connection id of these versions (RFC 9000, 17.2).
pub(super) const MOST_ID: usize = 20;
/// Octets of a packet by which its header is masked (RFC 9001, 5.4.2).
const SAMPLE: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V2,
    /// The drafts 29 to 34, which share the salt of version "draft-29".
    Draft29,
    /// The drafts 23 to 28.
    Draft23,
}

impl Version {
    pub(super) const fn of(number: u32) -> Option<Version> {
        Some(match number {
            1 => Version::V1,
            0x6b33_43cf => Version::V2,
            0xff00_001d..=0xff00_0022 => Version::Draft29,
            0xff00_0017..=0xff00_001c => Version::Draft23,
            _ => return None,
        })
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Version::V1 => "1",
            Version::V2 => "2",
            Version::Draft29 | Version::Draft23 => "draft",
        }
    }

    /// RFC 9001, 5.2; RFC 9369, 3.3.1; the drafts' section 5.2.
    const fn salt(self) -> [u8; 20] {
        match self {
            Version::V1 => [
                0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8,
                0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a,
            ],
            Version::V2 => [
                0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26,
                0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9,
            ],
            Version::Draft29 => [
                0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61,
                0x11, 0xe0, 0x43, 0x90, 0xa8, 0x99,
            ],
            Version::Draft23 => [
                0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7, 0xd2, 0x43, 0x2b, 0xb4,
                0x63, 0x65, 0xbe, 0xf9, 0xf5, 0x02,
            ],
        }
    }

    /// RFC 9369, 3.3.2: version 2 has labels of its own.
    const fn labels(self) -> [&'static [u8]; 3] {
        match self {
            Version::V2 => [b"quicv2 key", b"quicv2 iv", b"quicv2 hp"],
            _ => [b"quic key", b"quic iv", b"quic hp"],
        }
    }

    /// The number of the Initial among the types of long headers (RFC 9000, 17.2.2; RFC 9369, 3.2).
    pub(super) const fn initial(self) -> u8 {
        match self {
            Version::V2 => 1,
            _ => 0,
        }
    }

    /// That of Retry, the one long packet without a length.
    const fn retry(self) -> u8 {
        match self {
            Version::V2 => 0,
            _ => 3,
        }
    }
}

/// A packet with a long header; what follows it in the datagram is the next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Long<'a> {
    pub version: Version,
    pub initial: bool,
    pub to: &'a [u8],
    /// The whole packet, its end by its length.
    packet: &'a [u8],
    /// Where the packet number begins.
    number: usize,
}

impl<'a> Long<'a> {
    pub(super) fn read(r: &mut Reader<'a>) -> Result<Long<'a>, Malformed> {
        let whole = r.peek();
        let mut p = Reader::new(whole);
        let first = p.u8()?;
        p.check(first & 0xc0 == 0xc0, "long header")?;
        let version = Version::of(p.u32()?).ok_or(Malformed::Bad("version"))?;
        let to = id(&mut p)?;
        id(&mut p)?;
        let kind = (first >> 4) & 3;
        let initial = kind == version.initial();
        if kind == version.retry() {
            r.rest();
            return Ok(Long {
                version,
                initial: false,
                to,
                packet: whole,
                number: p.at(),
            });
        }
        if initial {
            let token = varint(&mut p)?;
            p.skip(token)?;
        }
        let length = varint(&mut p)?;
        let number = p.at();
        p.skip(length)?;
        let packet = r.bytes(number + length)?;
        Ok(Long {
            version,
            initial,
            to,
            packet,
            number,
        })
    }

    /// The frames of an Initial that was sent under `keys`; `None` where they do not fit.
    pub(super) fn open(&self, keys: &Keys) -> Option<Vec<u8>> {
        let sample = self.number + 4;
        let mask = keys
            .header
            .new_mask(self.packet.get(sample..sample + SAMPLE)?)
            .ok()?;
        let mut packet = self.packet.to_vec();
        let [first_mask, number_mask @ ..] = mask;
        let first = packet.first_mut()?;
        *first ^= first_mask & 0x0f;
        let digits = usize::from(*first & 3) + 1;
        let mut number = 0u64;
        let places = packet.get_mut(self.number..self.number + digits)?;
        for (octet, mask) in places.iter_mut().zip(number_mask) {
            *octet ^= mask;
            number = number << 8 | u64::from(*octet);
        }
        // RFC 9001, 5.3: the packet number, on the right, over the vector. The first packets are not shortened.
        let mut nonce = keys.vector;
        for (octet, digit) in nonce.iter_mut().skip(4).zip(number.to_be_bytes()) {
            *octet ^= digit;
        }
        let (head, sealed) = packet.split_at_mut_checked(self.number + digits)?;
        let nonce = aead::Nonce::assume_unique_for_key(nonce);
        let open = keys
            .payload
            .open_in_place(nonce, aead::Aad::from(&*head), sealed)
            .ok()?;
        Some(open.to_vec())
    }
}

fn id<'a>(r: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    let length = usize::from(r.u8()?);
    r.check(length <= MOST_ID, "connection id length")?;
    r.bytes(length)
}

/// RFC 9000, 16: two bits of length, then the number.
pub(super) fn varint(r: &mut Reader<'_>) -> Result<usize, Malformed> {
    let first = r.u8()?;
    let mut number = u64::from(first & 0x3f);
    for _ in 1..(1u8 << (first >> 6)) {
        number = number << 8 | u64::from(r.u8()?);
    }
    Ok(usize::try_from(number).unwrap_or(usize::MAX))
}

/// What one end's Initials are sent under.
pub(super) struct Keys {
    payload: aead::LessSafeKey,
    vector: [u8; aead::NONCE_LEN],
    header: aead::quic::HeaderProtectionKey,
}

impl Keys {
    /// Of the client, or of the server, in the connection that the client opened to `id`.
    pub(super) fn new(version: Version, id: &[u8], client: bool) -> Option<Keys> {
        let initial = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &version.salt()), id);
        let label: &[u8] = if client { b"client in" } else { b"server in" };
        let secret = expand::<32>(initial.as_ref(), label)?;
        let [key, vector, header] = version.labels();
        let key = expand::<16>(&secret, key)?;
        let payload = aead::UnboundKey::new(&aead::AES_128_GCM, &key).ok()?;
        let header = expand::<16>(&secret, header)?;
        Some(Keys {
            payload: aead::LessSafeKey::new(payload),
            vector: expand(&secret, vector)?,
            header: aead::quic::HeaderProtectionKey::new(&aead::quic::AES_128, &header).ok()?,
        })
    }
}

/// HKDF-Expand-Label (RFC 8446, 7.1) without context, for at most the 32 octets that one round gives.
fn expand<const N: usize>(secret: &[u8], label: &[u8]) -> Option<[u8; N]> {
    let (length, labelled) = (u8::try_from(N).ok()?, u8::try_from(6 + label.len()).ok()?);
    let info = [
        &[0, length, labelled][..],
        b"tls13 ",
        label,
        // No context; the first round (RFC 5869, 2.3).
        &[0, 1],
    ]
    .concat();
    let round = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), &info);
    round.as_ref().first_chunk().copied()
}

/// What tests seal packets with.
#[cfg(test)]
impl Keys {
    pub(super) fn vector(&self) -> [u8; aead::NONCE_LEN] {
        self.vector
    }

    pub(super) fn mask(&self, sample: &[u8]) -> [u8; 5] {
        self.header.new_mask(sample).unwrap()
    }

    pub(super) fn seal(&self, nonce: [u8; aead::NONCE_LEN], head: &[u8], frames: &mut Vec<u8>) {
        let nonce = aead::Nonce::assume_unique_for_key(nonce);
        self.payload
            .seal_in_place_append_tag(nonce, aead::Aad::from(head), frames)
            .unwrap();
    }
}
