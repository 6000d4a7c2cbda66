//! Byte strings by steps: what every recipe of a message is written with.

/// A message under construction. Every step takes and gives the message, so that a recipe reads like a table of fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bytes(Vec<u8>);

impl Bytes {
    pub fn new() -> Bytes {
        Bytes::default()
    }

    /// From hexadecimal digits; anything else (blanks, colons, dashes) only separates.
    pub fn hex(text: &str) -> Bytes {
        Bytes(unhex(text))
    }

    #[must_use]
    pub fn u8(mut self, value: u8) -> Bytes {
        self.0.push(value);
        self
    }

    #[must_use]
    pub fn be16(self, value: u16) -> Bytes {
        self.raw(&value.to_be_bytes())
    }

    #[must_use]
    pub fn be32(self, value: u32) -> Bytes {
        self.raw(&value.to_be_bytes())
    }

    #[must_use]
    pub fn be64(self, value: u64) -> Bytes {
        self.raw(&value.to_be_bytes())
    }

    #[must_use]
    pub fn le16(self, value: u16) -> Bytes {
        self.raw(&value.to_le_bytes())
    }

    #[must_use]
    pub fn le32(self, value: u32) -> Bytes {
        self.raw(&value.to_le_bytes())
    }

    #[must_use]
    pub fn le64(self, value: u64) -> Bytes {
        self.raw(&value.to_le_bytes())
    }

    #[must_use]
    pub fn raw(mut self, bytes: &[u8]) -> Bytes {
        self.0.extend_from_slice(bytes);
        self
    }

    #[must_use]
    pub fn text(self, text: &str) -> Bytes {
        self.raw(text.as_bytes())
    }

    /// Text as UTF-16, little endian, without a final zero.
    #[must_use]
    pub fn utf16(mut self, text: &str) -> Bytes {
        self.0
            .extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        self
    }

    #[must_use]
    pub fn zeros(mut self, count: usize) -> Bytes {
        self.0.resize(self.0.len().saturating_add(count), 0);
        self
    }

    /// The bytes, cut or filled with zeros to exactly `width`.
    #[must_use]
    pub fn field(self, bytes: &[u8], width: usize) -> Bytes {
        let mut fixed: Vec<u8> = bytes.iter().copied().take(width).collect();
        fixed.resize(width, 0);
        self.raw(&fixed)
    }

    /// Length in one byte, then the bytes.
    #[must_use]
    pub fn len8(self, bytes: &[u8]) -> Bytes {
        self.u8(small(bytes.len())).raw(bytes)
    }

    /// Length in two bytes, then the bytes.
    #[must_use]
    pub fn len16(self, bytes: &[u8]) -> Bytes {
        self.be16(len16(bytes.len())).raw(bytes)
    }

    /// Length in three bytes, then the bytes.
    #[must_use]
    pub fn len24(self, bytes: &[u8]) -> Bytes {
        let [_, a, b, c] = len32(bytes.len()).to_be_bytes();
        self.raw(&[a, b, c]).raw(bytes)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn done(self) -> Vec<u8> {
        self.0
    }
}

/// Reads hexadecimal digits, skipping everything else.
pub fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter_map(|one| one.to_digit(16))
        .map(|digit| small(usize::try_from(digit).unwrap_or(0)))
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |byte: u8, digit| (byte << 4) | digit))
        .collect()
}

/// A length that the recipe keeps below 256.
pub fn small(value: usize) -> u8 {
    u8::try_from(value).unwrap_or(u8::MAX)
}

/// A length that the recipe keeps below 65,536.
pub fn len16(value: usize) -> u16 {
    u16::try_from(value).unwrap_or(u16::MAX)
}

/// A length that the recipe keeps below 4 GiB.
pub fn len32(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// The Internet checksum of RFC 1071 over all parts, each of even length but the last.
pub fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum: u64 = 0;
    for part in parts {
        // A sum of longer words, folded in the end, is the same sum (RFC 1071, section 2(C)).
        let (words, rest) = part.as_chunks::<4>();
        for word in words {
            sum = sum.wrapping_add(u64::from(u32::from_be_bytes(*word)));
        }
        let mut last = [0; 4];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        sum = sum.wrapping_add(u64::from(u32::from_be_bytes(last)));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

/// A stream of numbers that depends on the seed alone (SplitMix64): jitter, session keys, losses.
#[derive(Clone, Copy, Debug)]
pub struct Dice(u64);

impl Dice {
    pub const fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    pub const fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`; 0 for a limit of 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.roll().checked_rem(limit).unwrap_or(0)
    }

    /// As [`Dice::bytes`], without an allocation; a multiple of eight bytes.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        for word in out.as_chunks_mut::<8>().0 {
            *word = self.roll().to_be_bytes();
        }
        out
    }

    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(count.saturating_add(8));
        while out.len() < count {
            out.extend_from_slice(&self.roll().to_be_bytes());
        }
        out.truncate(count);
        out
    }
}

#[test]
fn the_checksum_of_a_header_that_carries_its_checksum_is_zero() {
    let header = unhex("4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7");
    assert_eq!(checksum(&[&header]), 0);
}
