//! Measure pages, the engine that runs them, and the verdicts.
mod assessment;

pub use assessment::*;
