//! What can go wrong between facts and rows.

/// A step that failed, with what it was about.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A table could not be made or filled.
    #[error("cannot build the tables ({step})")]
    Build {
        /// The table, or the step before there were tables.
        step: String,
        /// What SQLite says.
        source: Box<rusqlite::Error>,
    },
    /// A table was named that the schema does not have.
    #[error("no table is called {table:?}; `seawall sql --tables` lists them")]
    NoSuchTable {
        /// The name, as it was given.
        table: String,
    },
    /// A row given for a table does not fit its columns; it is not taken in.
    #[error("a row of {table:?} has {given} values, the table has {expected} columns")]
    Width {
        /// Name of the table.
        table: String,
        /// Values of the row.
        given: usize,
        /// Columns of the table.
        expected: usize,
    },
    /// The statement cannot be prepared or run, or asks for what the reader may not do.
    #[error("the query does not run: {message}{hint}")]
    Query {
        /// What SQLite says.
        message: String,
        /// What to do, to stand right behind the message; empty where nothing helps.
        hint: &'static str,
    },
    /// More than one statement; none of them ran.
    #[error("give one statement only; this text holds several")]
    SeveralStatements,
    /// No statement, or nothing that gives rows.
    #[error("give a query; this text holds none")]
    Empty,
    /// The statement would write; it did not run.
    #[error("the query only may read; this one writes")]
    Writes,
    /// The statement took more steps of SQLite's machine than a query may; what it gave is dropped.
    #[error(
        "the query was stopped after {steps} million steps; narrow it with WHERE, or join on `id`, `community_id` or an asset"
    )]
    TooMuchWork {
        /// The limit, in millions.
        steps: u64,
    },
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
