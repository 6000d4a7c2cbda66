//! The main job on the sample terminal, on a clean day and on a bad one.
use std::path::Path;

use crate::run;

/// Judged as of the evening of the day that the captures are from, so that the demo always says the same.
const AS_OF: &str = "2026-11-20T23:00:00Z";
/// Lines of the bad day's verdicts that are printed.
const SHOWN: usize = 48;

pub(crate) fn run() -> Result<(), String> {
    run::run(run::cargo().args(["build", "--package", "seawall"]))?;
    let folder = run::target().join("demo");
    let days = [
        ("clean-day", lab::harborview::clean_day()),
        ("bad-day", lab::harborview::bad_day()),
    ];
    let mut texts = Vec::new();
    for (name, scenario) in days {
        let site = folder.join(name);
        scenario
            .write(&site)
            .map_err(|error| format!("{}: {error}", site.display()))?;
        let text = assess(&site, "text", "report.txt")?;
        assess(&site, "html", "report.html")?;
        assess(&site, "json", "report.json")?;
        texts.push((site, text));
    }
    for (site, text) in &texts {
        println!(
            "\n\u{2500}\u{2500}\u{2500} {} \u{2500}\u{2500}\u{2500}\n",
            site.display()
        );
        for line in text.lines().take(SHOWN) {
            println!("{line}");
        }
        println!("\u{2026}");
    }
    println!(
        "\nThe sample terminal on two days: everything as declared, and with some forty violations planted."
    );
    for (site, _) in &texts {
        println!("  {}", site.join("report.html").display());
        println!("  {}", site.join("report.txt").display());
    }
    println!("Go on with the program itself, e.g.");
    println!(
        "  {} facts {} --kind operation --format table",
        seawall().display(),
        folder.join("bad-day/captures").display()
    );
    Ok(())
}

fn seawall() -> std::path::PathBuf {
    run::target().join("debug").join("seawall")
}

/// Judges a site into a file beside it and gives the text.
fn assess(site: &Path, format: &str, file: &str) -> Result<String, String> {
    let path = site.join(file);
    let mut command = run::command(&seawall().to_string_lossy());
    command.arg("assess").arg(site);
    command
        .args(["--as-of", AS_OF, "--format", format, "--output"])
        .arg(&path);
    run::output(&mut command)?;
    std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
}
