//! What can be wrong with a page, an edition or a query.

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{file}:{line}: {message}")]
    Page {
        file: String,
        line: usize,
        message: String,
    },
    #[error("{file}: {message}")]
    Data { file: String, message: String },
    #[error("{file}:{line}: the query of measure {id} does not run")]
    Query {
        id: String,
        file: String,
        line: usize,
        source: store::Error,
    },
    /// The query ran, but what it gave breaks the contract between page and engine.
    #[error("{file}:{line}: measure {id}, subject {subject:?}: {message}")]
    Row {
        id: String,
        file: String,
        line: usize,
        subject: String,
        message: String,
    },
    /// The site sets parameters that are not there, or to what they cannot be.
    #[error("parameters that the site sets:\n{}", .problems.join("\n"))]
    Parameters { problems: Vec<String> },
    #[error("cannot read the snapshot")]
    Snapshot(#[from] store::Error),
    #[error("no edition of the advisory is called {asked:?}; known are {known}")]
    NoSuchEdition { asked: String, known: String },
}
