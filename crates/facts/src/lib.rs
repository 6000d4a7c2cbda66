//! The vocabulary of Seawall: what can be witnessed, what a site declares, and how both are named.
//!
//! Everything that witnesses writes the kinds of [`kinds`]; everything that judges reads them. One file per
//! kind; each column has a doc line with its unit. Nothing here does I/O or reads a clock.
mod due;
mod few;
pub mod kind;
pub mod kinds;
pub mod lists;
pub mod merge;
pub mod records;
mod shared;
pub mod site;
mod time;
mod uid;

mod addr;

pub use addr::{Address, Mac};
pub use due::Due;
pub use few::{Few, Short};
pub use ipnet::IpNet;
pub use kind::{
    Cell, Column, Evidence, Frames, Grade, Kind, KindInfo, Plain, Type, Value, in_order, order,
};
pub use kinds::Facts;
pub use merge::Merge;
pub use shared::{Shared, Words};
pub use time::Time;
pub use uid::Uid;
