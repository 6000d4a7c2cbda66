//! Bytes to observations: link, network, flows, protocols, and the picture they make.
//!
//! Sans-I/O: frames come in through [`Worker::frame`], facts go out through [`Picture::into_facts`]. No clock, no thread,
//! no `unsafe`; every table has a limit. The way of a frame is read top down: [`frame`](Frame), `net`, `flow`, `decoder`,
//! `protocols`, `picture`.
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
