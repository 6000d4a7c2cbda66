//! Hashes as the ledger writes them: the algorithm, a colon, hexadecimal digits.
use std::fmt;

use sha2::{Digest, Sha256};

/// A SHA-256, written `sha256:…`. What stands before the first entry is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    const PREFIX: &'static str = "sha256:";
    /// Bytes of one as it is written.
    pub(super) const WRITTEN: usize = Hash::PREFIX.len() + 64;

    /// The hash of the parts, one after the other.
    pub fn of(parts: &[&[u8]]) -> Hash {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part);
        }
        Hash(hash.finalize().into())
    }

    /// Reads `sha256:` and 64 hexadecimal digits in lower case; `None` for anything else.
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
    // Of each entry that evidence cites the hash is written out: a digit is what is added to its kind's first.
    let digit = |n: u8| n + if n < 10 { b'0' } else { b'a' - 10 };
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    String::from_utf8(digits.map(digit).collect()).unwrap_or_default()
}

/// So many bytes, in lower-case digits only: a hash is written in one way.
pub(super) fn from_hex<const N: usize>(digits: &str) -> Option<[u8; N]> {
    // Each line of a ledger has two of these: without a branch for each digit the compiler takes many at a time.
    let value = |digit: u8| {
        let (decimal, letter) = (digit.wrapping_sub(b'0'), digit.wrapping_sub(b'a'));
        let letter = if letter < 6 { letter + 10 } else { NONE };
        if decimal < 10 { decimal } else { letter }
    };
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let (mut bytes, mut seen) = ([0; N], 0);
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        let (high, low) = (value(*high), value(*low));
        seen |= high | low;
        *byte = high << 4 | (low & 15);
    }
    (seen & NONE == 0).then_some(bytes)
}

/// What is no digit: a bit that no digit has.
const NONE: u8 = 0x80;

#[test]
fn a_digit_that_is_none_is_found_wherever_it_stands() {
    assert_eq!(from_hex("09af"), Some([0x09, 0xaf]));
    assert_eq!(from_hex::<2>("09a"), None);
    for other in (0..=127u8).filter(|byte| !b"0123456789abcdef".contains(byte)) {
        for place in 0..4 {
            let mut digits = *b"09af";
            digits[place] = other;
            let digits = str::from_utf8(&digits).unwrap();
            assert_eq!(from_hex::<2>(digits), None, "{digits:?}");
        }
    }
}
