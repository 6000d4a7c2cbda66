//! The sample terminal's year of records: its CSV files, put into a ledger as if recorded at one fixed time. `seawall record`
//! takes the time of day, by which the demo would say something else every day.
use std::path::{Path, PathBuf};

use facts::Time;
use facts::records::{self, Known, RecordInfo, Target};
use store::ledger::{Content, Ledger, New, Stamp};

/// Takes every name as known: that the files refer to what is there is tried by the test of the program that records them.
struct Anything;

impl Known for Anything {
    fn has(&self, _: Target, _: &str) -> bool {
        true
    }

    fn names(&self, _: Target) -> Vec<&str> {
        Vec::new()
    }
}

/// Makes the ledger anew from those folders, file by file in the order of their names.
pub(crate) fn write(ledger: &Path, folders: &[PathBuf], recorded: &str) -> Result<(), String> {
    if ledger.exists() {
        std::fs::remove_dir_all(ledger).map_err(|error| at(ledger, error))?;
    }
    let now = Time::parse(recorded).ok_or_else(|| format!("\"{recorded}\" is no time"))?;
    let mut book = Ledger::open(ledger).map_err(|error| at(ledger, error))?;
    for folder in folders {
        for file in sheets(folder)? {
            let (info, name) = kind(&file)?;
            let bytes = std::fs::read(&file).map_err(|error| at(&file, error))?;
            let rows = records::read_sheet(info, &name, &bytes, &Anything).map_err(|problems| {
                let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
                told.join("\n")
            })?;
            let new = rows.into_iter().map(|row| New {
                kind: info.name.to_owned(),
                id: row.id,
                content: Content::Body(row.body),
                valid_from: row.valid_from,
                valid_until: row.valid_until,
                attachments: Vec::new(),
            });
            let stamp = Stamp {
                by: "sample terminal",
                means: &format!("csv:{name}"),
                now,
            };
            book.append(&new.collect::<Vec<_>>(), &stamp)
                .map_err(|error| at(&file, error))?;
        }
    }
    Ok(())
}

/// The CSV files of a folder in the order of their names, which is the one in which they refer to each other.
fn sheets(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| at(folder, error))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| at(folder, error))?.path();
        if path.extension().is_some_and(|extension| extension == "csv") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The kind of record that a file is named after, behind its number: `14-backup.csv`.
fn kind(file: &Path) -> Result<(&'static RecordInfo, String), String> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.split_once('-')
        .and_then(|(_, rest)| records::kind(rest.strip_suffix(".csv")?))
        .map(|info| (info, name.clone().into_owned()))
        .ok_or_else(|| {
            at(
                file,
                "no kind of record is called so; name it like 14-backup.csv",
            )
        })
}

fn at(path: &Path, error: impl std::fmt::Display) -> String {
    format!("{}: {error}", path.display())
}
