//! What a sensor that runs on needs around it: where events go, how it fares, and its supervisor.
pub mod metrics;
pub mod notify;
pub mod sinks;
