//! Hashes as the ledger writes them: the algorithm, a colon, hexadecimal digits.
use std::fmt;

use sha2::{Digest, Sha256};

/// A SHA-256, written `sha256:…`. What stands before the first entry is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    const PREFIX: &'static str = "sha256:";

    /// The hash of the parts, one after the other.
    pub fn of(parts: &[&[u8]]) -> Hash {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part);
        }
        Hash(hash.finalize().into())
    }

    pub fn parse(text: &str) -> Option<Hash> {
        from_hex(text.strip_prefix(Hash::PREFIX)?).map(Hash)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Hash::PREFIX)?;
        f.write_str(&hex(&self.0))
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |n: u8| char::from_digit(u32::from(n), 16).unwrap_or('0');
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
    text
}

/// So many bytes, in lower-case digits only: a hash is written in one way.
pub(super) fn from_hex<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = value(*high)? << 4 | value(*low)?;
    }
    Some(bytes)
}
