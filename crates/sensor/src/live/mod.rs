//! Live capture on Linux: from an interface or a watched folder to packets, and from packets to a ring of them on disk.
//!
//! The parts are for a command that puts them together in this order: [`open`] gives one [`Tap`] per worker of an
//! interface; [`drop_privileges`] gives up everything but what reopening needs; then threads begin, each with its tap and
//! its own [`Segments`]; [`trim()`] keeps the segments below a budget, [`Keeper`] cuts out what findings cite, [`Watch`]
//! hands over captures that others finish writing.
//!
//! Passive: nothing here sends. The kernel itself would, so the interface is to be silenced once, by who sets up the
//! machine: no address, `ip link set dev eth1 arp off addrgenmode none`, `sysctl net.ipv6.conf.eth1.disable_ipv6=1`, up.
//!
//! Absent here: what a packet holds; the time of day (it comes in as an argument, or with the packet).
mod block;
mod card;
mod error;
mod kept;
mod privilege;
mod ring;
mod segments;
mod steer;
mod sys;
mod trim;
mod watch;

use facts::Time;
use wire::{Frame, Link};

pub use card::Card;
pub use error::Error;
pub use kept::{Cut, Keeper, Kept};
pub use privilege::{Dropped, User, drop_privileges};
pub use ring::{Counts, Options, State, Tap, open, wait};
pub use segments::{Paused, Place, Rotation, SegmentInfo, Segments};
pub use trim::{Trimmed, trim};
pub use watch::{Finished, Seen, Watch};

/// A packet that came in. It borrows from the ring: copy what has to outlive the call.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// When it came, by the kernel's clock or the card's, as [`Options::hardware_time`] asks.
    pub time: Time,
    /// The frame as it was on the wire, VLAN tags included. Segments that the network card or the kernel put together are
    /// one frame of up to 64 KiB.
    pub data: &'a [u8],
    /// Length of the frame on the wire in bytes; more than `data` holds where a packet was longer than a block of the
    /// ring.
    pub wire_len: u32,
    /// Link layer of the interface: how `data` begins.
    pub link: Link,
}

impl<'a> Packet<'a> {
    /// As a worker takes it: the frame with that number of the capture with that index.
    pub const fn frame(&self, capture: u32, number: u32) -> Frame<'a> {
        Frame {
            link: self.link,
            time: self.time,
            data: self.data,
            wire_len: self.wire_len,
            capture,
            number,
        }
    }
}
