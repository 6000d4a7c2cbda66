//! What can stop a command, with the step that failed; the chain printer adds the causes.
use std::fmt::Write;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The call's words are off: exit status 2.
    #[error("{0}")]
    Usage(String),
    #[error("cannot read the site {path}; give the folder that holds its site.toml", path = path.display())]
    ReadSite { path: PathBuf, source: io::Error },
    #[error("{path} is not UTF-8 text; save it as UTF-8", path = path.display())]
    SiteNotText { path: PathBuf },
    #[error("the site {path} does not load:\n  {}", problems.join("\n  "), path = path.display())]
    Site {
        path: PathBuf,
        problems: Vec<String>,
    },
    #[error(transparent)]
    Capture(#[from] sensor::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Judge(#[from] judge::Error),
    #[error("no finding is called {asked:?} on these captures; {known}")]
    NoSuchFinding { asked: String, known: String },
    #[error("no incident is called {asked:?}; {known}")]
    NoSuchIncident { asked: String, known: String },
    #[error("cannot write the output")]
    Output(#[source] io::Error),
    #[error("cannot write {path}", path = path.display())]
    WriteFile { path: PathBuf, source: io::Error },
    #[error("{path} holds no history; give the state folder of a seawall run", path = path.display())]
    NoHistory { path: PathBuf },
    #[error("the state folder cannot be used: {path}; give a folder that this user may write to, with --state or under [run]", path = path.display())]
    State { path: PathBuf, source: io::Error },
    #[error("another Seawall runs with the state folder {path}; stop it first, or give --state another one", path = path.display())]
    StateTaken { path: PathBuf },
    #[error("the site names no sensor with an interface or a folder; there is nothing to watch")]
    NothingToWatch,
    #[error("cannot watch")]
    Live(#[from] sensor::live::Error),
    #[error("history")]
    History(#[from] store::history::Error),
    #[error("output {name:?} cannot be opened")]
    Sink {
        name: String,
        source: crate::run::sinks::Error,
    },
    #[error("metrics cannot be served on {at}; give `metrics_listen` a free port above 1023")]
    Listen { at: String, source: io::Error },
    #[error("a thread cannot be started")]
    Thread(#[source] io::Error),
    #[error("a thread that witnesses ended; start Seawall again, and report what it said before")]
    WitnessLost,
    #[error("signals cannot be taken")]
    Signals(#[source] io::Error),
    #[error(transparent)]
    Ledger(#[from] store::ledger::Error),
    #[error("cannot read {path}", path = path.display())]
    ReadRecords { path: PathBuf, source: io::Error },
    #[error("nothing was recorded of {what}:\n  {}", problems.join("\n  "))]
    Records { what: String, problems: Vec<String> },
    #[error("{path} holds no ledger with entries; name the folder that does, with --ledger", path = path.display())]
    EmptyLedger { path: PathBuf },
    #[error("{path} is no checkpoint: {what}", path = path.display())]
    BadCheckpoint { path: PathBuf, what: String },
    #[error("{path} exists already; name another folder, or move it away", path = path.display())]
    Exists { path: PathBuf },
}

impl Error {
    /// 2 for usage errors, 1 for unreadable input and everything else.
    pub fn exit_code(&self) -> ExitCode {
        let usage = matches!(
            self,
            Error::Usage(_) | Error::Judge(judge::Error::NoSuchEdition { .. })
        );
        ExitCode::from(if usage { 2 } else { 1 })
    }

    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Error::Output(source) if source.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// An error and its causes, one sentence.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // A String takes everything.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
