//! The shell around `wire`: where frames come from.
//!
//! [`Captures::open`] takes files and folders, puts them in time order and hands out a [`Walk`]: every frame of every
//! capture, once, in time order, as a [`wire::Frame`] that borrows from the block that its file was read into.
//! [`observe()`] lets any number of workers have their frames of one walk. What was wrong with a capture is read off the
//! walk when it is done ([`Walk::summaries`]), and its hash is computed on the way, so that a run reads each file once.
//!
//! Formats: pcap (both byte orders, microseconds and nanoseconds, the variants with longer record headers) and pcapng
//! (both byte orders, several sections and interfaces), each plain, gzip or zstd. A damaged or cut-off capture is read
//! as far as it goes, and each damage is a sentence with its byte and frame.
//!
//! On Linux, [`live`] captures from interfaces, keeps a ring of packets on disk, and watches folders.
//!
//! Absent here: any knowledge of what a frame holds; a clock; a frame that is copied or allocated for.
//!
//! ```
//! use sensor::{Captures, Writer, observe};
//! use wire::{Frame, Link};
//!
//! // A capture of one frame: an ARP request of 10.20.10.10.
//! let folder = std::env::temp_dir().join(format!("seawall-sensor-{}", std::process::id()));
//! std::fs::create_dir_all(&folder)?;
//! let data = [
//!     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x28, 0x63, 0x36, 0x8a, 0x01, 0x10, 0x08, 0x06, // Ethernet
//!     0, 1, 8, 0, 6, 4, 0, 1, 0x28, 0x63, 0x36, 0x8a, 0x01, 0x10, 10, 20, 10, 10, 0, 0, 0, 0, 0, 0, 10, 20, 10, 20,
//! ];
//! let frame = Frame {
//!     link: Link::Ethernet,
//!     time: facts::Time::from_secs(1_795_248_000),
//!     data: &data,
//!     wire_len: 42,
//!     capture: 0,
//!     number: 1,
//! };
//! let mut file = Writer::create(folder.join("span.pcapng"))?;
//! file.frame("span.pcapng", &frame)?;
//! file.finish()?;
//!
//! // Every capture of the folder, read by two workers; nobody watches how far they are.
//! let captures = Captures::open(&[&folder])?;
//! let facts = observe(&captures, 2, 0, &|_read, _of| {})?;
//! assert_eq!(captures.names(), ["span.pcapng"]);
//! assert!(facts.addresses.iter().any(|row| row.ip == "10.20.10.10".parse().ok()));
//! // What was wrong with a capture stands in its own row.
//! assert!(facts.files.iter().all(|row| row.packets == 1 && row.problems.is_empty()));
//! std::fs::remove_dir_all(&folder)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
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
pub use tally::Summary;
pub use walk::{Fetch, Walk};
pub use writer::Writer;
