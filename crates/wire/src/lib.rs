//! Bytes to observations: link, network, flows, protocols, and the picture they make.
//!
//! Sans-I/O: frames come in through [`Worker::frame`], facts go out through [`Picture::into_facts`]. No clock, no thread,
//! no `unsafe`; every table has a limit. The way of a frame is read top down: [`frame`](Frame), `net`, `flow`, `decoder`,
//! `protocols`, `picture`.
//!
//! A [`Worker`] is given frames and keeps those of its [`Shard`] of the host pairs; its [`Picture`] at the end, merged with
//! those of the other workers, becomes rows of the kinds of [`facts::kinds`].
//!
//! ```
//! use wire::{Frame, Limits, Link, Shard, Worker};
//!
//! // An ARP request: 10.20.10.10 asks for 10.20.10.20 (RFC 826).
//! let mut data = Vec::new();
//! data.extend([0xff; 6]); // to everybody
//! data.extend([0x28, 0x63, 0x36, 0x8a, 0x01, 0x10]); // from the device itself
//! data.extend([0x08, 0x06]); // EtherType ARP
//! data.extend([0, 1, 8, 0, 6, 4, 0, 1]); // Ethernet and IPv4, request
//! data.extend([0x28, 0x63, 0x36, 0x8a, 0x01, 0x10, 10, 20, 10, 10]);
//! data.extend([0, 0, 0, 0, 0, 0, 10, 20, 10, 20]);
//!
//! let mut worker = Worker::new(Shard::default(), Limits::default());
//! worker.frame(&Frame {
//!     link: Link::Ethernet,
//!     time: facts::Time::from_secs(1_795_248_000),
//!     data: &data,
//!     wire_len: 42,
//!     capture: 0,
//!     number: 1,
//! });
//! let facts = worker.finish().into_facts(vec!["span.pcap".to_owned()]);
//!
//! let row = facts.addresses.iter().find(|row| row.claimed).expect("the device said its address");
//! assert_eq!(row.ip.map(|ip| ip.to_string()).as_deref(), Some("10.20.10.10"));
//! assert_eq!(row.evidence.frames.as_slice(), [1]);
//! ```
mod community_id;
mod cx;
pub mod decoder;
mod flow;
mod frame;
pub mod fuzz;
mod names;
mod net;
mod picture;
pub mod protocols;
pub mod reader;
#[cfg(test)]
pub(crate) mod testing;
mod worker;

pub use community_id::community_id;
pub use cx::{Asked, At, Cx, End, FlowView, Op};
pub use decoder::{Carrier, Decoder, Dialogue, Head, Memo, Pending, Probe, Sender, Side, Step};
pub use facts::kinds::{Outcome, Verb};
pub use frame::{Frame, Link};
pub use picture::{Frames, Limits, OpId, Picture, Tally, Vlan};
pub use reader::{Malformed, Reader};
pub use worker::{Class, Load, Shard, Worker, owner};
