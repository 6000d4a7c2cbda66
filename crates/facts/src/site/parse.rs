//! From the texts of a site folder to the site, or to everything that is wrong with it.
use std::collections::BTreeSet;

use toml::Spanned;
use toml::de::DeTable;

use super::file::File;
use super::pattern;
use super::reader::{Reader, Table};
use super::resolve::resolve;
use super::{Place, Problem, Site};

/// The file that every site folder holds.
const MAIN: &str = "site.toml";

/// Reads a site folder, given as base names and texts of its `*.toml` files.
///
/// `known_protocols` are the names that services may use; another one is a warning of the site, not an error. Nothing is
/// checked where the list is empty.
///
/// # Errors
/// Every mistake found, in the order of the files and their lines. A file that is not TOML at all hides what lies
/// across files (names that nothing declares, addresses declared twice) until it is mended.
pub fn read(files: &[(String, String)], known_protocols: &[&str]) -> Result<Site, Vec<Problem>> {
    let mut found = Found::default();
    let Some((_, text)) = files.iter().find(|(name, _)| name == MAIN) else {
        let place = Place {
            file: MAIN.to_owned(),
            line: 0,
        };
        return Err(vec![Problem::new(
            &place,
            "no such file",
            "a site is a folder that holds a site.toml",
        )]);
    };
    let (main, includes) = load(MAIN, text, &mut found);
    if !found.readable {
        return Err(found.problems);
    }
    let mut read = vec![main];
    let others = further(
        files,
        read.first().filter(|_| includes),
        &mut found.problems,
    );
    for (name, text) in &others {
        let (file, includes) = load(name, text, &mut found);
        if includes {
            let place = file
                .include
                .0
                .first()
                .map_or(&file.at, |at| &at.place)
                .clone();
            found.problems.push(Problem::new(
                &place,
                format!("include stands in {name}, which is itself included"),
                "name every file in the include of site.toml",
            ));
        }
        read.push(file);
    }
    let order: Vec<&str> = [MAIN]
        .into_iter()
        .chain(others.iter().map(|(name, _)| *name))
        .collect();
    let rank = |problem: &Problem| {
        (
            order
                .iter()
                .position(|name| *name == problem.place.file)
                .unwrap_or(usize::MAX),
            problem.place.line,
        )
    };
    let mut site = Site::default();
    if found.readable {
        site = resolve(read, &found.broken, known_protocols, &mut found.problems);
    }
    if found.problems.is_empty() {
        site.warnings.sort_by_key(rank);
        return Ok(site);
    }
    found.problems.sort_by_key(rank);
    found.problems.dedup();
    Err(found.problems)
}

/// What came to light while reading the files one by one.
struct Found {
    problems: Vec<Problem>,
    broken: Vec<(&'static str, String)>,
    /// Whether every file so far was TOML.
    readable: bool,
}

impl Default for Found {
    fn default() -> Found {
        Found {
            problems: Vec::new(),
            broken: Vec::new(),
            readable: true,
        }
    }
}

/// Reads one file; also tells whether it has the key `include`.
fn load(name: &str, text: &str, found: &mut Found) -> (File, bool) {
    let mut reader = Reader::new(name, text);
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut lines = BTreeSet::new();
    for error in &errors {
        let span = error.span().unwrap_or_default();
        // What follows the first mistake of a line is mostly its echo.
        if lines.insert(reader.place(span.clone()).line) {
            let said = lower_first(error.message());
            let remedy = match said.as_str() {
                said if said.contains("duplicate") => {
                    "each key and each [table] stands once; delete or rename one"
                }
                said if said.contains("quoted") => "put the text in quotes",
                _ => "mend the line; texts stand in quotes, lists in [ ], tables under [[NAME]]",
            };
            let culprit = text
                .get(span.clone())
                .map(str::trim)
                .filter(|text| !text.is_empty() && !text.contains('\n'));
            let at = culprit.map_or(String::new(), |text| format!(" at `{text}`"));
            reader.problem(span, format!("not TOML{at}: {said}"), remedy);
        }
    }
    let mut file = None;
    if errors.is_empty() {
        let entries = Spanned::new(document.span(), document.get_ref());
        file = File::read(
            &Place {
                file: name.to_owned(),
                line: 1,
            },
            &entries,
            &mut reader,
        );
    } else {
        found.readable = false;
    }
    found.problems.append(&mut reader.problems);
    found.broken.append(&mut reader.broken);
    let file = file.unwrap_or_else(|| File::empty(name));
    (
        file,
        errors.is_empty() && document.get_ref().contains_key("include"),
    )
}

fn lower_first(text: &str) -> String {
    let mut chars = text.trim().chars();
    chars
        .next()
        .map(char::to_lowercase)
        .into_iter()
        .flatten()
        .chain(chars)
        .collect()
}

/// The files to read beside `site.toml`: those that it includes, in the order in which it names them; every other
/// `*.toml` in the order of names where it includes none by name.
fn further<'f>(
    files: &'f [(String, String)],
    including: Option<&File>,
    problems: &mut Vec<Problem>,
) -> Vec<(&'f str, &'f str)> {
    let mut rest: Vec<(&str, &str)> = files
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .filter(|(name, _)| *name != MAIN)
        .collect();
    rest.sort_unstable();
    let Some(main) = including else {
        rest.retain(|(name, _)| name.ends_with(".toml"));
        return rest;
    };
    let mut chosen: Vec<(&str, &str)> = Vec::new();
    for wanted in &main.include.0 {
        let pattern = wanted.value.0.as_str();
        if pattern == MAIN {
            problems.push(Problem::new(
                &wanted.place,
                "site.toml includes itself",
                "name the other files only",
            ));
            continue;
        }
        let matching: Vec<_> = rest
            .iter()
            .filter(|(name, _)| pattern::matches(pattern, name))
            .collect();
        if matching.is_empty() {
            problems.push(Problem::new(
                &wanted.place,
                format!("include names \"{pattern}\", but the folder holds no such file"),
                super::spelling::hint(
                    pattern,
                    rest.iter().map(|(name, _)| *name),
                    "delete the entry; the folder holds",
                ),
            ));
        }
        for file in matching {
            if !chosen.contains(file) {
                chosen.push(*file);
            }
        }
    }
    chosen
}
