//! The main job on the sample terminal, on a clean day and on a bad one.
use std::path::{Path, PathBuf};

use crate::{records, run};

/// Judged as of the evening of the day that the captures are from, so that the demo always says the same.
const AS_OF: &str = "2026-11-20T23:00:00Z";
/// When the records were recorded: before that, so that they count.
const RECORDED: &str = "2026-11-20T22:00:00Z";
/// Lines of each day's verdicts that are printed.
const SHOWN: usize = 44;

/// A day of the sample terminal: the folder, what is so about it, and its recipe.
struct Day {
    name: &'static str,
    what: &'static str,
    play: fn() -> lab::Scenario,
    /// Folders of records, one after the other.
    records: &'static [&'static str],
}

const DAYS: &[Day] = &[
    Day {
        name: "clean-day",
        what: "everything is as declared",
        play: lab::harborview::clean_day,
        records: &["demo/records", "demo/records/set-right"],
    },
    Day {
        name: "bad-day",
        what: "the same ten minutes with some forty violations planted, after a year with eighteen lapses in its records",
        play: lab::harborview::bad_day,
        records: &["demo/records"],
    },
];

pub(crate) fn run() -> Result<(), String> {
    make()?;
    for Day { name, what, .. } in DAYS {
        let file = folder().join(name).join("report.txt");
        let text = std::fs::read_to_string(&file)
            .map_err(|error| format!("{}: {error}", file.display()))?;
        println!("\n==== {name}: {what} ====\n");
        for line in text.lines().take(SHOWN) {
            println!("{line}");
        }
        println!("\u{2026} and on in report.txt");
    }
    println!("\n==== the reports ====\n");
    for Day { name, .. } in DAYS {
        println!("  {}", folder().join(name).join("report.html").display());
    }
    let (seawall, day) = (seawall(), folder().join("bad-day"));
    let (seawall, day) = (seawall.display(), day.display());
    println!("\nGo on with the program itself, for example");
    println!("  {seawall} assess {day} --as-of {AS_OF} | less");
    println!("  {seawall} due {day} --as-of {AS_OF}");
    println!("  {seawall} records restore-test --site {day} --as-of {AS_OF}");
    println!("  {seawall} facts {day}/captures --kind operation --format table");
    Ok(())
}

/// Where the sample terminal's days are made.
pub(crate) fn folder() -> PathBuf {
    run::target().join("demo")
}

/// Builds the program, writes both days with their records, and judges them.
pub(crate) fn make() -> Result<(), String> {
    run::run(run::cargo().args(["build", "--package", "seawall"]))?;
    for day in DAYS {
        let site = folder().join(day.name);
        (day.play)()
            .write(&site)
            .map_err(|error| format!("{}: {error}", site.display()))?;
        let sheets: Vec<PathBuf> = day
            .records
            .iter()
            .map(|one| run::root().join(one))
            .collect();
        records::write(&site.join("ledger"), &sheets, RECORDED)?;
        for (format, file) in [
            ("text", "report.txt"),
            ("html", "report.html"),
            ("json", "report.json"),
        ] {
            assess(&site, format, &site.join(file))?;
        }
    }
    Ok(())
}

fn seawall() -> PathBuf {
    run::target().join("debug").join("seawall")
}

fn assess(site: &Path, format: &str, file: &Path) -> Result<(), String> {
    let mut command = run::command(&seawall().to_string_lossy());
    command.arg("assess").arg(site);
    command
        .args(["--as-of", AS_OF, "--format", format, "--output"])
        .arg(file);
    run::output(&mut command).map(drop)
}
