//! Rebuilds the registry of MAC prefixes from files of the IEEE registry: its CSVs, Wireshark's `manuf`, or the JSON of
//! npm's `oui-data` (`{"4419B6": "organisation\naddress…"}`).
use std::path::{Path, PathBuf};

use facts::lists::Oui;

pub(crate) fn run(args: impl Iterator<Item = String>) -> Result<(), String> {
    let (mut version, mut source, mut files) = (None, None, Vec::new());
    let mut args = args;
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--version" => version = args.next(),
            "--source" => source = args.next(),
            _ => files.push(PathBuf::from(arg)),
        }
    }
    let (Some(version), Some(source), false) = (version, source, files.is_empty()) else {
        return Err("lists needs --version DATE, --source TEXT and at least one file".to_owned());
    };

    let mut all = Oui::default();
    for file in &files {
        let oui = read(file)?;
        let before = all.len();
        all = all.with_older(&oui);
        println!(
            "{}: {} prefixes, {} of them new",
            file.display(),
            oui.len(),
            all.len() - before
        );
    }
    all.version = Some(version);
    all.source = Some(source);

    let target = crate::run::root().join("crates/facts/data/oui.txt");
    let text = all.to_text();
    std::fs::write(&target, &text).map_err(|error| format!("{}: {error}", target.display()))?;
    println!(
        "{}: {} prefixes, {} bytes",
        target.display(),
        all.len(),
        text.len()
    );
    Ok(())
}

fn read(file: &Path) -> Result<Oui, String> {
    let bytes = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    // The registry's CSVs are not clean UTF-8 in every place.
    let text = String::from_utf8_lossy(&bytes);
    let json = file
        .extension()
        .is_some_and(|extension| extension == "json");
    let text = if json {
        from_json(&text).map_err(|error| format!("{}: {error}", file.display()))?
    } else {
        text.into_owned()
    };
    let (oui, problems) = Oui::from_text(&text);
    for problem in problems.iter().take(20) {
        eprintln!("{}: {problem}", file.display());
    }
    if problems.len() > 20 {
        eprintln!(
            "{}: {} more lines could not be read",
            file.display(),
            problems.len() - 20
        );
    }
    Ok(oui)
}

/// The JSON as IEEE's CSV: the first line of each text is the organisation.
fn from_json(text: &str) -> Result<String, String> {
    let entries: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(text).map_err(|error| error.to_string())?;
    let mut out = String::from("Registry,Assignment,Organization Name\n");
    for (prefix, value) in &entries {
        let name = value
            .as_str()
            .and_then(|text| text.lines().next())
            .unwrap_or_default();
        out.push_str(&format!(
            "JSON,{prefix},\"{}\"\n",
            name.replace('"', "\"\"")
        ));
    }
    Ok(out)
}
