//! Bytes to observations.
mod frame;

pub use frame::{Frame, Link};
