//! Crane-network traffic with known truth, made by recipes in code: for the demo, the tests and the benches.
//!
//! Nothing here reads what the project writes: packets are built by hand, so that the truth is independent of the code
//! that is held against it. Same recipe, same bytes, always.
#![allow(
    missing_docs,
    reason = "the names are those of the sample terminal and of the formats, and modules say what they are"
)]
pub mod harborview;
pub mod load;
pub mod net;
pub mod oddments;
pub mod speech;
pub mod truth;

mod disturb;
mod scenario;

pub use disturb::*;
pub use scenario::{Capture, Scenario, Stage, Tap};
