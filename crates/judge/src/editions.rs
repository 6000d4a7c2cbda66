//! The editions of the advisory as data: which paragraphs each has, what answers them, and how long it was in force.
use serde::{Deserialize, Serialize};

use crate::Error;

/// Every edition that this version knows, from the oldest.
const FILES: &[(&str, &str)] = &[
    (
        "2023-009.toml",
        include_str!("../../../measures/editions/2023-009.toml"),
    ),
    (
        "2024.toml",
        include_str!("../../../measures/editions/2024.toml"),
    ),
    (
        "2025-013.toml",
        include_str!("../../../measures/editions/2025-013.toml"),
    ),
    (
        "2026-007.toml",
        include_str!("../../../measures/editions/2026-007.toml"),
    ),
];

/// The edition followed where nobody names another: the newest whose text was compared.
const DEFAULT: &str = "2024";

/// An edition of the advisory.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Edition {
    /// Its number, e.g. `2025-013`; of the one without a number its year.
    pub id: String,
    /// The name by which reports cite it.
    pub title: String,
    /// Day from which it counts, as far as known.
    pub issued: Option<String>,
    /// Last day on which it is in force by its own words.
    pub expires: Option<String>,
    /// Editions that it supersedes, by its own words.
    #[serde(default)]
    pub supersedes: Vec<String>,
    /// Whether this project read its whole text and mapped each paragraph.
    pub compared: bool,
    /// What a reader should know.
    pub note: String,
    /// Where the text is from.
    pub source: String,
    /// In the order of the text.
    #[serde(default, rename = "paragraph")]
    pub paragraphs: Vec<Paragraph>,
}

/// One paragraph or bullet.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Paragraph {
    /// Its id within the edition, e.g. `2-practices`.
    pub id: String,
    /// What it asks or says, in our words.
    pub title: String,
    /// Measures that answer it.
    pub measures: Vec<String>,
}

/// The editions known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Editions {
    /// In the order in which this version lists them, the oldest first.
    pub all: Vec<Edition>,
}

impl Editions {
    /// Those that this version ships.
    ///
    /// # Errors
    /// [`Error::Data`] with the file that does not read; a test reads all.
    pub fn built_in() -> Result<Editions, Error> {
        let read = |(file, text): &(&str, &str)| {
            toml::from_str::<Edition>(text).map_err(|error| Error::Data {
                file: format!("measures/editions/{file}"),
                message: error.to_string(),
            })
        };
        Ok(Editions {
            all: FILES.iter().map(read).collect::<Result<_, _>>()?,
        })
    }

    /// As a version knew them to which that edition was the newest; all of them where there is none of that id.
    #[must_use]
    pub fn up_to(&self, newest: Option<&str>) -> Editions {
        let mut all = self.all.clone();
        let place = all.iter().position(|one| Some(one.id.as_str()) == newest);
        if let Some(place) = place {
            all.truncate(place.saturating_add(1));
        }
        Editions { all }
    }

    /// The edition of that id, or the default one.
    ///
    /// # Errors
    /// [`Error::NoSuchEdition`] with the ids that are known.
    pub fn followed(&self, id: Option<&str>) -> Result<&Edition, Error> {
        let asked = id.unwrap_or(DEFAULT);
        self.all
            .iter()
            .find(|edition| edition.id == asked)
            .ok_or_else(|| Error::NoSuchEdition {
                asked: asked.to_owned(),
                known: self
                    .all
                    .iter()
                    .map(|edition| edition.id.as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
            })
    }

    /// For queries: `json_each(:editions)`.
    pub(crate) fn as_json(&self) -> String {
        serde_json::to_string(&self.all).unwrap_or_else(|_| "[]".to_owned())
    }
}
