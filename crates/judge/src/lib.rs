//! Measure pages, the engine that runs them, and the verdicts.
//!
//! Pure: asks only the snapshot that it is handed. A page says what a measure asks, selects a row per subject, and
//! proves itself by cases; the engine turns rows into verdicts, resolves what they cite, and takes back every `met`
//! whose coverage is missing.
//!
//! Pages are read once ([`built_in()`]) and take what a site sets ([`set_parameters()`]). A [`snapshot()`] holds what they ask for,
//! [`assess()`] makes one [`Assessment`] of it, and [`Lives`] says how its findings stand by what was recorded.
//!
//! ```
//! use facts::site::Site;
//! use facts::{Facts, Time};
//! use judge::{Catalogue, Editions, Verdict};
//!
//! // A page proves itself by its cases.
//! let editions = Editions::built_in()?;
//! let page = judge::page("C9")?.expect("every version has it");
//! for case in &page.cases {
//!     let differences = case.run(&page, &editions)?;
//!     assert!(differences.is_empty(), "{differences:?}");
//! }
//!
//! // Nothing was seen: that is never a pass.
//! let (facts, site, pages) = (Facts::default(), Site::default(), [page]);
//! let now = Time::from_secs(1_795_248_000);
//! let snapshot = judge::snapshot(&facts, &site, store::Records::NONE, now, &pages)?;
//! let assessment = judge::assess(&snapshot, &pages, &editions, &Catalogue::built_in()?, None)?;
//! assert_eq!(assessment.measures.len(), 1);
//! assert_eq!(assessment.measures[0].verdict, Verdict::Unproven);
//! # Ok::<(), judge::Error>(())
//! ```
mod assessment;
mod cases;
mod catalogue;
mod coverage;
mod due;
mod editions;
mod engine;
mod error;
mod evidence;
mod found;
mod life;
mod page;
mod pages;
mod parameters;
mod stance;

pub use assessment::*;
pub use cases::{Case, Expected};
pub use catalogue::{Catalogue, Listed};
pub use due::{Duty, duties};
pub use editions::{Edition, Editions, Paragraph};
pub use engine::{assess, assess_timed, snapshot};
pub use error::Error;
pub use life::{Lives, MOST_STEPS, Recorded, Standing, Standings, State};
pub use page::Page;
pub use pages::{built_in, page};
pub use parameters::{Parameter, set as set_parameters};
