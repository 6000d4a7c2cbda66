//! Checked reads of numbers in either byte order.

/// Byte order of a file or a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endian {
    Big,
    Little,
}

impl Endian {
    pub(crate) fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let raw: [u8; 2] = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Endian::Big => u16::from_be_bytes(raw),
            Endian::Little => u16::from_le_bytes(raw),
        })
    }

    pub(crate) fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let raw: [u8; 4] = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Endian::Big => u32::from_be_bytes(raw),
            Endian::Little => u32::from_le_bytes(raw),
        })
    }

    /// Four numbers of 32 bits that the bytes begin with.
    #[inline]
    pub(crate) fn four(self, bytes: &[u8]) -> Option<[u32; 4]> {
        let (raw, []) = bytes.first_chunk::<16>()?.as_chunks::<4>() else {
            return None;
        };
        let [a, b, c, d] = *raw.first_chunk::<4>()?;
        Some(match self {
            Endian::Big => [a, b, c, d].map(u32::from_be_bytes),
            Endian::Little => [a, b, c, d].map(u32::from_le_bytes),
        })
    }

    pub(crate) fn u64(self, bytes: &[u8], at: usize) -> Option<u64> {
        let raw: [u8; 8] = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Endian::Big => u64::from_be_bytes(raw),
            Endian::Little => u64::from_le_bytes(raw),
        })
    }
}
