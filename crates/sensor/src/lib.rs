//! The shell around `wire`: where frames come from.
//!
//! [`Captures::open`] takes files and folders, puts them in time order and hands out a [`Walk`]: every frame of every
//! capture, once, in time order, as a [`wire::Frame`] that borrows from the block that its file was read into.
//! [`observe()`] lets any number of workers have their frames of one walk. What was wrong with a capture is read off the
//! walk when it is done ([`Walk::summaries`]), and its hash is computed on the way, so that a run reads each file once.
//!
//! Formats: pcap (both byte orders, microseconds and nanoseconds, the variant with longer record headers) and pcapng
//! (both byte orders, several sections and interfaces), each plain, gzip or zstd. A damaged or cut-off capture is read
//! as far as it goes, and each damage is a sentence with its byte and frame.
//!
//! On Linux, [`live`] captures from interfaces, keeps a ring of packets on disk, and watches folders.
//!
//! Absent here: any knowledge of what a frame holds; a clock; a frame that is copied or allocated for.
mod ahead;
mod bytes;
mod capture;
mod captures;
mod desk;
mod error;
mod hashing;
mod identify;
mod link;
#[cfg(target_os = "linux")]
pub mod live;
mod observe;
mod pattern;
mod pcap;
mod pcapng;
mod pool;
mod prefetch;
mod source;
mod tally;
mod tape;
mod unpack;
mod walk;
mod writer;

#[cfg(test)]
mod testing;

pub use capture::{Capture, Frames};
pub use captures::{Captures, Skipped};
pub use error::Error;
pub use observe::observe;
pub use pattern::claims;
pub use tally::Summary;
pub use walk::{Fetch, Walk};
pub use writer::Writer;
