//! What can be wrong with a page, an edition or a query.

/// What is wrong with a page, with data beside the pages, or with what a page's query gives.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A page does not read.
    #[error("{file}:{line}: {message}")]
    Page {
        /// File of the page.
        file: String,
        /// Line, from 1.
        line: usize,
        /// What is wrong, and what is expected.
        message: String,
    },
    /// Data beside the pages does not read.
    #[error("{file}: {message}")]
    Data {
        /// The file.
        file: String,
        /// What is wrong, as the TOML reader says it.
        message: String,
    },
    /// The query of a page does not run.
    #[error("{file}:{line}: the query of measure {id} does not run")]
    Query {
        /// Id of the measure.
        id: String,
        /// File of the page.
        file: String,
        /// Line of the query's first line, from 1.
        line: usize,
        /// What the store says.
        source: store::Error,
    },
    /// The query ran, but what it gave breaks the contract between page and engine.
    #[error("{file}:{line}: measure {id}, subject {subject:?}: {message}")]
    Row {
        /// Id of the measure.
        id: String,
        /// File of the page.
        file: String,
        /// Line of the query's first line, from 1.
        line: usize,
        /// Subject of the row, as it stands there.
        subject: String,
        /// What is missing or contradicts.
        message: String,
    },
    /// The site sets parameters that are not there, or to what they cannot be.
    #[error("parameters that the site sets:\n{}", .problems.join("\n"))]
    Parameters {
        /// One a line, each with file and line of the site file.
        problems: Vec<String>,
    },
    /// A question of the engine itself failed.
    #[error("cannot read the snapshot")]
    Snapshot(#[from] store::Error),
    /// An edition was named that this version does not have.
    #[error("no edition of the advisory is called {asked:?}; known are {known}")]
    NoSuchEdition {
        /// The name, as it was given.
        asked: String,
        /// Ids of those that there are, with commas between.
        known: String,
    },
}
