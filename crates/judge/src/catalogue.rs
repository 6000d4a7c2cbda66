//! Every measure of the advisory, those without a page included: what is not judged is listed, never left out.
use serde::Deserialize;

use crate::Error;

const FILE: &str = "measures/catalogue.toml";
const TEXT: &str = include_str!("../../../measures/catalogue.toml");

/// The measures in the order of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    #[serde(rename = "measure")]
    pub measures: Vec<Listed>,
}

/// A measure as listed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    pub id: String,
    pub title: String,
    pub area: String,
    /// Which evidence would be needed, where this version has no page; empty where it has one.
    #[serde(default)]
    pub why: String,
}

impl Catalogue {
    pub fn built_in() -> Result<Catalogue, Error> {
        toml::from_str(TEXT).map_err(|error| Error::Data {
            file: FILE.to_owned(),
            message: error.to_string(),
        })
    }
}
