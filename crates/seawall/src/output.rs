//! Where a result goes: a file, or standard output.
use std::fmt::Display;
use std::io::Write;
use std::path::Path;

use crate::error::Error;

/// Writes `text` to the file, whole or not at all; to standard output without one.
pub fn write(path: Option<&Path>, text: &str) -> Result<(), Error> {
    let Some(path) = path else {
        let mut out = std::io::stdout().lock();
        return out
            .write_all(text.as_bytes())
            .and_then(|()| out.flush())
            .map_err(Error::Output);
    };
    let fail = |source| Error::WriteFile {
        path: path.to_owned(),
        source,
    };
    // A reader never meets half a report: it is written beside its place and moved there.
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let beside = Path::new(&beside);
    std::fs::write(beside, text).map_err(fail)?;
    std::fs::rename(beside, path).map_err(fail)
}

/// A line of standard output; not by `println!`, which ends the program with a panic where nobody reads any more.
pub fn line(text: &str) -> Result<(), Error> {
    write(None, &format!("{text}\n"))
}

/// A line of standard error, for who runs the program; not by `eprintln!`, which ends it with a panic where the journal or the
/// terminal is gone: a sensor goes on without.
pub fn say(text: impl Display) {
    let _ = std::io::stderr().write_all(format!("seawall: {text}\n").as_bytes());
}
