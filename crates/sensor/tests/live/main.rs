//! Live capture on links that the tests make themselves, and the packets that it leaves on disk.
//!
//! The links are pairs of virtual interfaces in network namespaces, so they need root and iproute2; without, these tests
//! say "skipped". Nothing is sent anywhere else.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // A helper that fails, fails its test.

mod disk;
mod net;
mod rate;
mod ring;
mod watch;
