//! What is remembered, and how it is brought into shape for judging: facts folded against the site, and snapshots of
//! them as SQL tables as of a time.
//!
//! The only crate that opens a database. It knows what happened and what the site declares, and which of the things
//! that happened nothing declared explains; it knows no measure.
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
