//! The site: what a terminal declares of itself. Zones, assets, conduits, work orders, third parties, sensors.
//!
//! `file` declares the tables of a site file, once for the reader, the JSON Schema and the reference; `parse` turns the
//! texts of a site folder into the resolved site of `model`, which everything else reads; `service` is the grammar of
//! `services`; `lookup` answers "which zone", "which asset", and `authority` "who allows this".
mod addresses;
mod authority;
mod doubts;
mod file;
mod index;
mod joined;
mod lookup;
mod model;
mod parse;
mod pattern;
mod problem;
mod quantities;
mod reader;
mod reference;
mod resolve;
mod running;
mod service;
mod setting;
pub(crate) mod spelling;
mod values;

pub use authority::{Near, Who, WorkKind};
pub use index::Index;
pub use joined::Joining;
pub use model::*;
pub use parse::read;
pub use pattern::matches as pattern_matches;
pub use problem::Problem;
pub use reference::{reference, schema};
pub use running::FACILITIES;
pub use service::{Allowed, NotAService};
pub use setting::Setting;
