//! The vocabulary of Seawall: what can be witnessed, what a site declares, and how both are named.
//!
//! Everything that witnesses writes the kinds of [`kinds`]; everything that judges reads them. One file per
//! kind; each column has a doc line with its unit. Nothing here does I/O or reads a clock.
//!
//! Two things flow through it. Facts go from witness to judge: rows of [`Facts`], each with the capture and frames that show
//! it ([`Evidence`]), put in one order by [`in_order`] and merged by the rules that their columns declare ([`merge`]). What
//! the terminal says comes in as text: a site folder becomes a [`site::Site`] or every problem with file and line, and a
//! sheet of [`records`] becomes rows or every problem likewise. [`lists`] is data from outside the terminal.
//!
//! ```
//! use facts::{Time, site};
//!
//! let text = r#"
//! [terminal]
//! name = "Harborview"
//!
//! [[zone]]
//! name = "sts07-control"
//! kind = "crane-control"
//! subnets = ["10.20.10.0/24"]
//!
//! [[asset]]
//! name = "plc1"
//! role = "plc"
//! interface = [{ ip = "10.20.10.10" }]
//!
//! [[asset]]
//! name = "hmi1"
//! role = "hmi"
//! interface = [{ ip = "10.20.10.20" }]
//!
//! [[conduit]]
//! name = "HMI reads the controller"
//! from = ["hmi1"]
//! to = ["plc1"]
//! services = ["s7comm:read"]
//! because = "FAT 2024-11"
//! "#;
//! let files = [("site.toml".to_owned(), text.to_owned())];
//! let site = site::read(&files, &["s7comm"]).expect("nothing is wrong with it");
//!
//! let who = |ip: &str| site.who(ip.parse().ok(), None, None);
//! let (hmi, plc) = (who("10.20.10.20"), who("10.20.10.10"));
//! let allowing: Vec<_> = site.conduits_for(&hmi, &plc).map(|conduit| &conduit.name).collect();
//! assert_eq!(allowing, ["HMI reads the controller"]);
//! assert_eq!(site.conduits_for(&plc, &hmi).count(), 0);
//!
//! // A mistake says where, what, and what to do.
//! let wrong = [("site.toml".to_owned(), text.replace("[\"plc1\"]", "[\"plc2\"]"))];
//! let problems = site::read(&wrong, &["s7comm"]).expect_err("plc2 is not declared");
//! assert_eq!(problems[0].place.to_string(), "site.toml:23");
//!
//! // Times are nanoseconds in UTC, written so that text order is time order.
//! let time = Time::parse("2026-11-21T08:00:00-05:00").expect("RFC 3339 with an offset");
//! assert_eq!(time.to_string(), "2026-11-21T13:00:00.000000000Z");
//! ```
mod due;
mod few;
pub mod kind;
pub mod kinds;
pub mod lists;
pub mod merge;
pub mod records;
mod shared;
pub mod site;
mod term;
mod time;
mod uid;

mod addr;

pub use addr::{Address, Mac};
pub use due::Due;
pub use few::{Few, Short};
pub use ipnet::IpNet;
pub use kind::{
    Cell, Column, Evidence, Frames, Grade, Kind, KindInfo, Plain, Type, Value, in_order,
};
pub use kinds::Facts;
pub use merge::Merge;
pub use shared::{Shared, Words};
pub use term::Term;
pub use time::Time;
pub use uid::Uid;
