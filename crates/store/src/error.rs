//! What can go wrong between facts and rows.

/// A step that failed, with what it was about.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot build the tables ({step})")]
    Build {
        step: String,
        source: Box<rusqlite::Error>,
    },
    #[error("no table is called {table:?}; `seawall sql --tables` lists them")]
    NoSuchTable { table: String },
    #[error("a row of {table:?} has {given} values, the table has {expected} columns")]
    Width {
        table: String,
        given: usize,
        expected: usize,
    },
    #[error("the query does not run: {message}{hint}")]
    Query { message: String, hint: &'static str },
    #[error("give one statement only; this text holds several")]
    SeveralStatements,
    #[error("give a query; this text holds none")]
    Empty,
    #[error("the query only may read; this one writes")]
    Writes,
    #[error(
        "the query was stopped after {steps} million steps; narrow it with WHERE, or join on `id`, `community_id` or an asset"
    )]
    TooMuchWork { steps: u64 },
}

impl Error {
    /// Whether a database reached the most that it may hold.
    pub(crate) fn is_full(&self) -> bool {
        let Error::Build { source, .. } = self else {
            return false;
        };
        source.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
    }

    pub(crate) fn build(step: &str) -> impl FnOnce(rusqlite::Error) -> Error + '_ {
        move |source| Error::Build {
            step: step.to_owned(),
            source: Box::new(source),
        }
    }
}
