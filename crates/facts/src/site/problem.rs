//! What is wrong with a site folder: where, what, and what to do.
use std::fmt;

use super::Place;

/// One mistake in a site file. Written `site.toml:12: WHAT; REMEDY`, in lower case and without a final full stop.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// File and line of the mistake.
    pub place: Place,
    /// What is wrong, with the value that is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl Problem {
    /// A mistake at that place; what is wrong and what to do are in lower case and without a full stop.
    pub fn new(place: &Place, what: impl Into<String>, remedy: impl Into<String>) -> Problem {
        Problem {
            place: place.clone(),
            what: what.into(),
            remedy: remedy.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.place, self.what, self.remedy)
    }
}

impl std::error::Error for Problem {}
