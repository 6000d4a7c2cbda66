//! Measure pages, the engine that runs them, and the verdicts.
//!
//! Pure: asks only the snapshot that it is handed. A page says what a measure asks, selects a row per subject, and
//! proves itself by cases; the engine turns rows into verdicts, resolves what they cite, and takes back every `met`
//! whose coverage is missing.
mod assessment;
mod cases;
mod catalogue;
mod coverage;
mod due;
mod editions;
mod engine;
mod error;
mod evidence;
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
