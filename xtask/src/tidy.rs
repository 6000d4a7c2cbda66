//! What holds for the tree as a whole, and what no compiler sees: everything registered, documented and in its place.
#![cfg(test)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use judge::Catalogue;
use wire::protocols;

use crate::run::root;

/// Longest file of code without a reason. A reason is a line of its own: `// Long because …`.
const MOST_LINES: usize = 800;

/// Files of the project with one of these endings, tests and tools included.
fn files(endings: &[&str]) -> Vec<(PathBuf, String)> {
    let listed = crate::run::output(crate::run::command("git").args([
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
    ]));
    let listed = match listed {
        Ok(listed) => listed.lines().map(|line| root().join(line)).collect(),
        // Not a clone: an unpacked archive has no build products yet, and what it has is the project.
        Err(_) => walk(&root()),
    };
    listed
        .into_iter()
        .filter(|path| {
            endings
                .iter()
                .any(|ending| path.to_string_lossy().ends_with(ending))
        })
        .filter_map(|path| {
            let text = std::fs::read_to_string(&path).ok()?;
            let name = path.strip_prefix(root()).unwrap_or(&path).to_owned();
            Some((name, text))
        })
        .collect()
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() && name != "target" && name != ".git" {
            found.extend(walk(&path));
        } else if path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn assert_none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

#[test]
fn every_decoder_says_what_it_reads_and_what_it_does_not() {
    let mut found = Vec::new();
    for decoder in protocols::ALL {
        let name = decoder.name;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || !name.chars().all(plain) {
            found.push(format!("{name:?} is not a plain lower-case name"));
        }
        for (field, text) in [
            ("title", decoder.title),
            ("about", decoder.about),
            ("spec", decoder.spec),
            ("blind", decoder.blind),
        ] {
            if text.trim().len() < 3 {
                found.push(format!("{name} has no {field}"));
            }
        }
        if decoder.carriers.is_empty() {
            found.push(format!("{name} has no carrier: nothing leads to it"));
        }
    }
    assert_none("decoders", &found);
}

#[test]
fn every_decoder_is_registered_and_no_name_is_given_twice() {
    let names: BTreeSet<&str> = protocols::ALL.iter().map(|decoder| decoder.name).collect();
    assert_eq!(names.len(), protocols::ALL.len(), "a name is given twice");
    // Those of tests stand indented; one more is the stand-in for flows without a decoder.
    let is_decoder = |line: &&str| {
        line.contains("static ") && line.contains(": Decoder = ") && !line.starts_with(' ')
    };
    let declared: usize = files(&[".rs"])
        .iter()
        .filter(|(path, _)| {
            path.starts_with("crates/wire/src/protocols") && !path.ends_with("tests.rs")
        })
        .map(|(_, text)| text.lines().filter(is_decoder).count())
        .sum();
    assert_eq!(
        declared - 1,
        protocols::ALL.len(),
        "decoders declared, and decoders in the registry"
    );
}

#[test]
fn every_measure_page_is_registered_and_listed_once() {
    let pages = judge::built_in().unwrap();
    let registered: BTreeSet<String> = pages.iter().map(|page| page.file.clone()).collect();
    let there: BTreeSet<String> = files(&[".md"])
        .iter()
        .filter(|(path, _)| path.starts_with("measures"))
        .map(|(path, _)| path.to_string_lossy().into_owned())
        .collect();
    assert_eq!(
        registered, there,
        "pages registered in crates/judge/src/pages.rs, and pages in measures/"
    );

    let catalogue = Catalogue::built_in().unwrap();
    let ids: BTreeSet<&str> = catalogue
        .measures
        .iter()
        .map(|one| one.id.as_str())
        .collect();
    assert_eq!(
        ids.len(),
        catalogue.measures.len(),
        "a measure is listed twice in measures/catalogue.toml"
    );
    for listed in &catalogue.measures {
        let judged = pages.iter().filter(|page| page.id == listed.id).count();
        assert_eq!(
            judged,
            usize::from(listed.why.is_empty()),
            "{}: a measure has one page, or the catalogue says why it has none",
            listed.id
        );
    }
}

#[test]
fn every_kind_of_record_is_asked_for_by_measures_that_are_listed() {
    let catalogue = Catalogue::built_in().unwrap();
    let listed = |id: &&&str| catalogue.measures.iter().any(|one| one.id == **id);
    let unknown = |info: &facts::records::RecordInfo| {
        let ids = info.measures.iter().filter(|id| !listed(id));
        ids.map(|id| format!("{}: {id}", info.name))
            .collect::<Vec<_>>()
    };
    let found: Vec<String> = facts::records::RECORDS.iter().flat_map(unknown).collect();
    assert_none("measures that the catalogue does not list", &found);
}

#[test]
fn every_table_and_column_is_explained() {
    let mut found = Vec::new();
    for table in store::tables() {
        if table.doc.is_empty() {
            found.push(table.name.clone());
        }
        let bare = table.columns.iter().filter(|(_, _, doc)| doc.is_empty());
        found.extend(bare.map(|(column, _, _)| format!("{}.{column}", table.name)));
    }
    assert_none("without a word of what it is", &found);
}

#[test]
fn no_file_of_code_is_long_without_a_reason() {
    let long = |(path, text): &(PathBuf, String)| {
        let lines = text.lines().count();
        let reason = text
            .lines()
            .any(|line| line.starts_with("// Long because "));
        (lines > MOST_LINES && !reason).then(|| format!("{}: {lines} lines", path.display()))
    };
    let found: Vec<String> = files(&[".rs", ".sql", ".css", ".js"])
        .iter()
        .filter_map(long)
        .collect();
    assert_none("split these, or say `// Long because …`", &found);
}

#[test]
fn every_module_says_what_it_is_for() {
    let silent = |(path, text): &(PathBuf, String)| {
        let spoken = text.lines().any(|line| line.starts_with("//! "));
        // A kind of fact is explained by its own doc, which the reference shows; the parts of a test by its `main.rs`.
        let kind = path.starts_with("crates/facts/src/kinds");
        let test =
            path.components().any(|part| part.as_os_str() == "tests") || path.ends_with("tests.rs");
        (!spoken && !kind && !test).then(|| path.display().to_string())
    };
    let found: Vec<String> = files(&[".rs"]).iter().filter_map(silent).collect();
    assert_none("without a module doc", &found);
}

#[test]
fn nothing_is_left_for_later_and_no_one_s_machine_is_named() {
    // Put together here, so that this file does not find itself.
    let signs = [
        ["TO", "DO"].concat(),
        ["FIX", "ME"].concat(),
        ["X", "XX:"].concat(),
        ["/ro", "ot/"].concat(),
        ["/ho", "me/"].concat(),
        ["/tm", "p/"].concat(),
        ["/wo", "rk/"].concat(),
    ];
    let mut found = Vec::new();
    for (path, text) in files(&[".rs", ".md", ".toml", ".sql", ".sh", ".yml", "run"]) {
        for (number, line) in text.lines().enumerate() {
            if let Some(sign) = signs.iter().find(|sign| line.contains(sign.as_str())) {
                found.push(format!("{}:{}: {sign}", path.display(), number + 1));
            }
        }
    }
    assert_none("left over", &found);
}

#[test]
fn the_site_file_of_the_readme_loads() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let block = readme
        .split("```toml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let files = [(
        "site.toml".to_owned(),
        block.expect("a site file").to_owned(),
    )];
    let site = facts::site::read(&files, &protocols::names());
    let site = site.unwrap_or_else(|problems| {
        panic!(
            "{}",
            problems
                .first()
                .map(ToString::to_string)
                .unwrap_or_default()
        )
    });
    assert_eq!(
        site.warnings.len(),
        0,
        "{}",
        site.warnings
            .first()
            .map(ToString::to_string)
            .unwrap_or_default()
    );
}
