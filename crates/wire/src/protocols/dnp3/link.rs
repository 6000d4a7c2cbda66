//! DNP3's data link and transport function: frames with checksums, put together to fragments.
use crate::{Malformed, Reader, Side};

/// Start, length, control, destination, source, checksum.
pub(super) const HEADER: usize = 10;
/// User data between two checksums.
const BLOCK: usize = 16;
/// Octets of a checksum.
const CHECK: usize = 2;
/// Largest application fragment put together. IEEE 1815, 4.2.2 asks of devices to take 2048 octets; some give more.
const MOST_FRAGMENT: usize = 8 * 1024;
/// Fragments under way in one flow: a gateway speaks for several stations.
const MOST_JOINING: usize = 16;

/// IEEE 1815, 9.2.1.8: polynomial 3D65, least bit first, inverted.
const TABLE: [u16; 256] = {
    let mut table = [0u16; 256];
    let mut at = 0;
    // A `const` knows neither iterators nor `get_mut`: the index stays below 256 by the loop.
    #[expect(
        clippy::indexing_slicing,
        reason = "worked out by the compiler, within 0..256"
    )]
    while at < 256 {
        let mut crc = at as u16;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 0 {
                crc >> 1
            } else {
                crc >> 1 ^ 0xa6bc
            };
            bit += 1;
        }
        table[at] = crc;
        at += 1;
    }
    table
};

fn checksum(bytes: &[u8]) -> u16 {
    !bytes.iter().fold(0u16, |crc, byte| {
        let [low, _] = crc.to_le_bytes();
        let place = usize::from(low ^ byte);
        crc >> 8 ^ TABLE.get(place).copied().unwrap_or_default()
    })
}

fn checked(block: &[u8]) -> Option<&[u8]> {
    let (data, check) = block.split_last_chunk::<CHECK>()?;
    (checksum(data) == u16::from_le_bytes(*check)).then_some(data)
}

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link {
    control: u8,
    pub to: u16,
    pub from: u16,
    /// Octets of user data, without checksums.
    data: usize,
}

impl Link {
    /// IEEE 1815, 9.2.1: start octets, a length, and a checksum that random octets do not meet.
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Link, Malformed> {
        for (place, start) in [0x05, 0x64].into_iter().enumerate() {
            if let Some(byte) = r.peek().get(place) {
                r.check(*byte == start, "start octets")?;
            }
        }
        let header = r.bytes(HEADER)?;
        let Some(checked) = checked(header) else {
            return Err(Malformed::Bad("checksum of the header"));
        };
        let mut r = Reader::new(checked);
        r.skip(2)?;
        let length = usize::from(r.u8()?);
        let control = r.u8()?;
        let Some(data) = length.checked_sub(5) else {
            return Err(Malformed::Bad("length"));
        };
        Ok(Link {
            control,
            to: r.u16_le()?,
            from: r.u16_le()?,
            data,
        })
    }

    /// DIR: set in what a master sends.
    pub(super) const fn is_of_master(&self) -> bool {
        self.control & 0x80 != 0
    }

    /// IEEE 1815, 9.2.4.1.3: confirmed and unconfirmed user data, of the primary.
    pub(super) const fn has_user_data(&self) -> bool {
        self.control & 0x40 != 0 && matches!(self.control & 0x0f, 3 | 4) && self.data > 0
    }

    /// To every station of the line.
    pub(super) const fn is_broadcast(&self) -> bool {
        self.to >= 0xfffd
    }

    /// Octets of the whole frame.
    pub(super) const fn size(&self) -> usize {
        HEADER + self.data + self.data.div_ceil(BLOCK) * CHECK
    }

    /// The user data in `blocks`, without the checksums between; `None` if one of them does not hold.
    pub(super) fn user_data(&self, blocks: &[u8], into: &mut Vec<u8>) -> Option<()> {
        into.clear();
        for block in blocks.chunks(BLOCK + CHECK) {
            into.extend_from_slice(checked(block)?);
        }
        Some(())
    }
}

/// Which station speaks to which.
pub(super) type Ends = (Side, u16, u16);

/// What became of a transport segment.
pub(super) enum Joined {
    /// The fragment is whole.
    Whole(Vec<u8>),
    More,
    /// A segment before it is missing, or it grew too long.
    Lost,
}

/// Fragments that are under way.
#[derive(Debug, Default)]
pub(super) struct Joining {
    list: Vec<(Ends, u8, Vec<u8>)>,
}

impl Joining {
    /// IEEE 1815, 8.2: FIN, FIR and a sequence number stand before each segment.
    pub(super) fn add(&mut self, ends: Ends, head: u8, data: &[u8]) -> Joined {
        let (fin, fir, sequence) = (head & 0x80 != 0, head & 0x40 != 0, head & 0x3f);
        let place = self.list.iter().position(|(known, ..)| *known == ends);
        if fir {
            if let Some(place) = place {
                self.list.remove(place);
            }
            if fin {
                return Joined::Whole(data.to_vec());
            }
            if self.list.len() >= MOST_JOINING {
                self.list.remove(0);
            }
            self.list.push((ends, sequence, data.to_vec()));
            return Joined::More;
        }
        let Some(place) = place else {
            return Joined::Lost;
        };
        let Some((_, last, held)) = self.list.get_mut(place) else {
            return Joined::Lost;
        };
        // Repeated segments are passed over (IEEE 1815, 8.2.3).
        if sequence == *last {
            return Joined::More;
        }
        if sequence != (*last + 1) & 0x3f || held.len() + data.len() > MOST_FRAGMENT {
            self.list.remove(place);
            return Joined::Lost;
        }
        *last = sequence;
        held.extend_from_slice(data);
        if fin {
            return Joined::Whole(self.list.remove(place).2);
        }
        Joined::More
    }

    /// Bytes of one side are missing.
    pub(super) fn gap(&mut self, side: Side) {
        self.list.retain(|((of, ..), ..)| *of != side);
    }
}

/// A frame around user data, as a test needs it.
#[cfg(test)]
pub(super) fn frame(control: u8, to: u16, from: u16, data: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x05, 0x64, u8::try_from(data.len() + 5).unwrap(), control];
    frame.extend(to.to_le_bytes());
    frame.extend(from.to_le_bytes());
    frame.extend(checksum(&frame).to_le_bytes());
    for block in data.chunks(BLOCK) {
        frame.extend(block);
        frame.extend(checksum(block).to_le_bytes());
    }
    frame
}

#[test]
fn a_header_is_read_with_its_checksum_only() {
    // Request link status, 0 to 1.
    let frame = crate::testing::hex("0564 05 c9 0100 0000 de8e");
    let link = Link::read(&mut Reader::new(&frame)).unwrap();
    assert_eq!((link.to, link.from, link.size()), (1, 0, HEADER));
    let mut turned = frame;
    turned[4] ^= 1;
    let read = Link::read(&mut Reader::new(&turned));
    assert_eq!(read, Err(Malformed::Bad("checksum of the header")));
}
