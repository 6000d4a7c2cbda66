//! What is remembered, and how it is brought into shape for judging: facts folded against the site, and snapshots of
//! them as SQL tables as of a time.
//!
//! The only crate that opens a database. It knows what happened and what the site declares, and which of the things
//! that happened nothing declared explains; it knows no measure.
//!
//! What a witness told goes through [`fold()`], which works out every column that needs the site, and then into a
//! [`Snapshot`], which only reads: the same facts, site and time give the same answers. A live sensor's facts gather in
//! [`Memory`] and are kept by day in [`history`]; what people recorded comes from the [`ledger`] and stands in the same
//! snapshot.
//!
//! ```
//! use facts::kinds::{Operation, Verb};
//! use facts::lists::Lists;
//! use facts::{Address, Facts, Time, Value, site};
//! use store::{Snapshot, fold};
//!
//! // One operation was seen, and the site knows who was asked.
//! let address = |ip: &str| Address::Ip(ip.parse().expect("an address"));
//! let now = Time::from_secs(1_795_248_000);
//! let mut facts = Facts {
//!     operations: vec![Operation {
//!         time: now,
//!         last: now,
//!         count: 1,
//!         source: address("10.20.10.99"),
//!         target: address("10.20.10.10"),
//!         protocol: "s7comm".to_owned(),
//!         operation: Verb::ProgramDownload,
//!         ..Operation::default()
//!     }],
//!     ..Facts::default()
//! };
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
//! "#;
//! let site = site::read(&[("site.toml".to_owned(), text.to_owned())], &[]).expect("a site");
//!
//! fold(&mut facts, &site, &Lists::builtin().with_site(&site));
//! let snapshot = Snapshot::new(&facts, &site, now)?;
//! let rows = snapshot.query("SELECT source_asset, target_asset, work_order FROM operation")?;
//! assert_eq!(rows.columns, ["source_asset", "target_asset", "work_order"]);
//! let text = |text: &str| Value::Text(text.to_owned());
//! assert_eq!(rows.rows, [[text("10.20.10.99"), text("plc1"), Value::Null]]);
//! # Ok::<(), store::Error>(())
//! ```
mod alike;
mod calendar;
mod context;
mod error;
mod flow;
mod fold;
mod functions;
pub mod history;
pub mod ledger;
mod loading;
mod memory;
mod pages;
mod readers;
mod reads;
mod records_cells;
mod records_cited;
mod records_kept;
mod records_pages;
mod records_rows;
mod schema;
mod shown;
mod site_rows;
mod snapshot;
mod threads;

pub use error::Error;
pub use fold::fold;
pub use history::History;
pub use memory::{Limits, Memory};
pub use reads::tables_of;
pub use records_cited::CitedEntry;
pub use records_kept::Kept;
pub use records_rows::{Records, record_table};
pub use schema::{TableDoc, columns, tables};
pub use shown::Shown;
pub use snapshot::{Rows, Snapshot, Table};
