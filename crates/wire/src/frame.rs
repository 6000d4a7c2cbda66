//! What the shell hands to the wire: a frame as it was captured.
use facts::Time;

/// One captured frame. `data` may be shorter than the frame was on the wire (`wire_len`): the capture was snapped.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// How the data begins.
    pub link: Link,
    /// When it was captured, by the capture's own clock.
    pub time: Time,
    /// The bytes captured, from the link layer's header on.
    pub data: &'a [u8],
    /// Length on the wire in bytes, without the checksum.
    pub wire_len: u32,
    /// Index of the capture in reading order.
    pub capture: u32,
    /// Number in the capture, from 1.
    pub number: u32,
}

/// Link layer of a capture, by the registry of link-layer header types (LINKTYPE_ values).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Link {
    /// 1
    Ethernet,
    /// 0: BSD loopback, protocol family in the byte order of the capturing machine.
    Null,
    /// 108: OpenBSD loopback, protocol family in network byte order.
    Loop,
    /// 101, 228, 229: IPv4 or IPv6 without a link layer (also 12 and 14, as some systems write it).
    Raw,
    /// 113: Linux cooked capture v1.
    Sll,
    /// 276: Linux cooked capture v2.
    Sll2,
    /// Met seldom, and opened all the same: radio, rings, serial lines, logs of firewalls.
    Rare(u32),
    /// Not decoded: counted and reported.
    Other(u32),
}

impl Link {
    /// The link layer of that number; one that is not decoded stays as its number.
    pub const fn from_number(number: u32) -> Link {
        match number {
            1 => Link::Ethernet,
            0 => Link::Null,
            108 => Link::Loop,
            12 | 14 | 101 | 228 | 229 => Link::Raw,
            113 => Link::Sll,
            276 => Link::Sll2,
            other if crate::net::rare::knows(other) => Link::Rare(other),
            other => Link::Other(other),
        }
    }
}

impl std::fmt::Display for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Link::Ethernet => f.write_str("Ethernet"),
            Link::Null => f.write_str("BSD loopback"),
            Link::Loop => f.write_str("OpenBSD loopback"),
            Link::Raw => f.write_str("raw IP"),
            Link::Sll => f.write_str("Linux cooked v1"),
            Link::Sll2 => f.write_str("Linux cooked v2"),
            Link::Rare(number) | Link::Other(number) => write!(f, "link type {number}"),
        }
    }
}
