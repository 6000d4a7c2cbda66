//! Packets: from byte strings to capture files.
pub mod bytes;
pub mod capture;
pub mod frame;
pub mod network;
pub mod tcp;

pub use bytes::{Bytes, Dice};
pub use capture::{Captured, Format};
pub use network::{Frame, Host, MILLI, MINUTE, Mark, Micros, Network, SECOND, Via};
pub use tcp::{Side, Tcp};
