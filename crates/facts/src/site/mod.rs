//! The site: what a terminal declares of itself. Zones, assets, conduits, work orders, third parties, sensors.
//!
//! `model` is the resolved site that everything else reads; `service` the grammar of `services`; `lookup` answers
//! "which zone", "which asset", "who allows this".
mod model;

pub use model::*;
