//! Every measure of the advisory, those without a page included: what is not judged is listed, never left out.
use serde::Deserialize;

use crate::Error;

const FILE: &str = "measures/catalogue.toml";
const TEXT: &str = include_str!("../../../measures/catalogue.toml");

/// The measures in the order of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// In the order in which reports show them.
    #[serde(rename = "measure")]
    pub measures: Vec<Listed>,
}

/// A measure as listed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// Id of the measure, e.g. `C9`.
    pub id: String,
    /// The state that the measure asserts.
    pub title: String,
    /// Area of the advisory: `threat`, `general`, `crane`, and so on.
    pub area: String,
    /// Which evidence would be needed, where this version has no page; empty where it has one.
    #[serde(default)]
    pub why: String,
}

impl Catalogue {
    /// The catalogue that this version ships.
    ///
    /// # Errors
    /// [`Error::Data`] where it does not read; a test reads it.
    pub fn built_in() -> Result<Catalogue, Error> {
        toml::from_str(TEXT).map_err(|error| Error::Data {
            file: FILE.to_owned(),
            message: error.to_string(),
        })
    }
}
