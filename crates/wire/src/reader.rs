//! Checked steps over bytes: the only way decoders read.
use std::net::{Ipv4Addr, Ipv6Addr};

use facts::Mac;

/// Why bytes could not be read as what they claim to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// They end too early.
    Short,
    /// They contradict the format; the word says what of it.
    Bad(&'static str),
}

/// A cursor that never steps outside its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    at: usize,
}

type Result<T> = std::result::Result<T, Malformed>;

macro_rules! numbers {
    ($($be:ident $le:ident $ty:ty, $size:literal;)*) => {
        $(
            /// Network byte order.
            ///
            /// # Errors
            /// [`Malformed::Short`] where fewer bytes are left; none is taken then.
            pub fn $be(&mut self) -> Result<$ty> { self.array::<$size>().map(<$ty>::from_be_bytes) }
            /// Little endian.
            ///
            /// # Errors
            /// [`Malformed::Short`] where fewer bytes are left; none is taken then.
            pub fn $le(&mut self) -> Result<$ty> { self.array::<$size>().map(<$ty>::from_le_bytes) }
        )*
    };
}

impl<'a> Reader<'a> {
    /// A reader at the first of these bytes.
    pub const fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes, at: 0 }
    }

    /// Bytes taken so far.
    pub const fn at(&self) -> usize {
        self.at
    }

    /// Bytes not taken yet.
    pub const fn left(&self) -> usize {
        self.rest.len()
    }

    /// Every byte was taken.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The bytes not taken yet, without taking them.
    pub const fn peek(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `count` bytes, where they lie.
    ///
    /// # Errors
    /// [`Malformed::Short`] where fewer bytes are left; none is taken then.
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Malformed::Short)?;
        self.rest = rest;
        self.at += count;
        Ok(taken)
    }

    /// A reader of exactly the next `count` bytes: what a length prefix opens.
    ///
    /// # Errors
    /// [`Malformed::Short`] where fewer bytes are left; none is taken then.
    pub fn sub(&mut self, count: usize) -> Result<Reader<'a>> {
        self.bytes(count).map(Reader::new)
    }

    /// Everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        let rest = self.rest;
        self.at += rest.len();
        self.rest = &[];
        rest
    }

    /// Takes `count` bytes without a look at them.
    ///
    /// # Errors
    /// [`Malformed::Short`] where fewer bytes are left; none is taken then.
    pub fn skip(&mut self, count: usize) -> Result<()> {
        self.bytes(count).map(|_| ())
    }

    /// The next `N` bytes as a copy.
    ///
    /// # Errors
    /// [`Malformed::Short`] where fewer bytes are left; none is taken then.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.chunk::<N>().copied()
    }

    /// The next `N` bytes where they lie: a header of fixed length costs one look at what is left.
    ///
    /// # Errors
    /// [`Malformed::Short`] where fewer bytes are left; none is taken then.
    #[inline]
    pub fn chunk<const N: usize>(&mut self) -> Result<&'a [u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Malformed::Short)?;
        self.rest = rest;
        self.at += N;
        Ok(taken)
    }

    /// The next byte.
    ///
    /// # Errors
    /// [`Malformed::Short`] where none is left.
    pub fn u8(&mut self) -> Result<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    numbers! {
        u16 u16_le u16, 2;
        u32 u32_le u32, 4;
        u64 u64_le u64, 8;
    }

    /// 24 bits, network byte order.
    ///
    /// # Errors
    /// [`Malformed::Short`] where fewer bytes are left; none is taken then.
    pub fn u24(&mut self) -> Result<u32> {
        let [a, b, c] = self.array()?;
        Ok(u32::from_be_bytes([0, a, b, c]))
    }

    /// The next 6 bytes as a MAC address.
    ///
    /// # Errors
    /// [`Malformed::Short`] where fewer bytes are left; none is taken then.
    pub fn mac(&mut self) -> Result<Mac> {
        self.array().map(Mac)
    }

    /// The next 4 bytes as an IPv4 address.
    ///
    /// # Errors
    /// [`Malformed::Short`] where fewer bytes are left; none is taken then.
    pub fn ipv4(&mut self) -> Result<Ipv4Addr> {
        self.array::<4>().map(Ipv4Addr::from)
    }

    /// The next 16 bytes as an IPv6 address.
    ///
    /// # Errors
    /// [`Malformed::Short`] where fewer bytes are left; none is taken then.
    pub fn ipv6(&mut self) -> Result<Ipv6Addr> {
        self.array::<16>().map(Ipv6Addr::from)
    }

    /// `Bad(what)` unless `holds`: `Bad` and not `Short`, since more bytes would not help.
    ///
    /// # Errors
    /// [`Malformed::Bad`] with `what` where it does not hold; nothing is taken in either case.
    pub fn check(&self, holds: bool, what: &'static str) -> Result<()> {
        if holds {
            Ok(())
        } else {
            Err(Malformed::Bad(what))
        }
    }
}

/// Text from the wire for people: printable characters kept, others dropped, trimmed, at most `most` characters; `None`
/// when nothing is left.
pub fn text(bytes: &[u8], most: usize) -> Option<String> {
    let lossy = String::from_utf8_lossy(bytes);
    let clean: String = lossy
        .chars()
        .filter(|c| !c.is_control() && *c != char::REPLACEMENT_CHARACTER)
        .take(most)
        .collect();
    let clean = clean.trim();
    if clean.is_empty() {
        None
    } else {
        Some(clean.to_owned())
    }
}

/// Text of several lines as one: line breaks and runs of blanks become one blank; else like [`text`].
pub fn line(bytes: &[u8], most: usize) -> Option<String> {
    let words: Vec<String> = bytes
        .split(u8::is_ascii_whitespace)
        .filter_map(|word| text(word, most))
        .collect();
    text(words.join(" ").as_bytes(), most)
}

#[test]
fn a_reader_never_steps_outside() {
    let mut r = Reader::new(&[1, 2, 3]);
    assert_eq!(r.u16(), Ok(0x0102));
    assert_eq!(r.u16(), Err(Malformed::Short));
    assert_eq!(r.u8(), Ok(3), "a failed step takes nothing");
    assert!(r.is_empty());
}

#[test]
fn text_from_the_wire_is_made_safe() {
    assert_eq!(
        text(b"  SIMATIC\x00\x1b[31m S7 \xff", 40).as_deref(),
        Some("SIMATIC[31m S7")
    );
    assert_eq!(text(b"\x00\x00 ", 40), None);
    assert_eq!(
        line(b"IOS (tm)\r\n  C1600 \n", 40).as_deref(),
        Some("IOS (tm) C1600")
    );
}
