//! Every sentence that a page can say is said in one of its cases: each way to fail has its case.
#![allow(clippy::unwrap_used, reason = "tests may fail loudly")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use judge::{Catalogue, Editions, Page};
use store::Snapshot;

/// The pages as they lie in the tree, by file.
fn pages() -> Vec<Page> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../measures");
    let files = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    };
    let areas = files(&folder).into_iter().filter(|path| path.is_dir());
    let all = areas.flat_map(|area| files(&area));
    all.filter(|path| path.extension().is_some_and(|end| end == "md"))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            Page::parse(&name, &fs::read_to_string(&path).unwrap()).unwrap()
        })
        .collect()
}

/// The literals of a query that read like a part of a sentence.
fn sentences(sql: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in sql.lines() {
        let line = line.split(" -- ").next().unwrap_or_default();
        let parts: Vec<&str> = line.split('\'').collect();
        for (index, part) in parts.iter().enumerate() {
            let words = part
                .split_whitespace()
                .filter(|word| word.chars().all(char::is_alphabetic));
            // `not met` is a verdict, and a pattern is no sentence.
            let is_verdict = ["not met", "not applicable"].contains(part);
            if index % 2 == 1 && words.count() >= 2 && !is_verdict && !part.contains('%') {
                found.insert((*part).to_owned());
            }
        }
    }
    found
}

fn reasons(page: &Page, editions: &Editions, catalogue: &Catalogue) -> Vec<String> {
    let mut all = Vec::new();
    for case in &page.cases {
        let snapshot = Snapshot::from_tables(&case.tables).unwrap();
        let pages = std::slice::from_ref(page);
        let edition = case.edition.as_deref();
        let editions = editions.up_to(case.newest.as_deref());
        let judged = judge::assess(&snapshot, pages, &editions, catalogue, edition).unwrap();
        let subjects = judged.measures.into_iter().flat_map(|one| one.subjects);
        // With its name and its further columns.
        all.extend(subjects.map(|one| format!("{one:?}").replace("\\\"", "\"")));
    }
    all
}

#[test]
fn every_sentence_of_a_page_is_said_in_one_of_its_cases() {
    let (editions, catalogue) = (
        Editions::built_in().unwrap(),
        Catalogue::built_in().unwrap(),
    );
    let mut unsaid = Vec::new();
    for page in pages() {
        let said = reasons(&page, &editions, &catalogue);
        for sentence in sentences(&page.sql) {
            if !said.iter().any(|reason| reason.contains(&sentence)) {
                unsaid.push(format!("{}: {sentence:?}", page.file));
            }
        }
    }
    assert!(unsaid.is_empty(), "{}\n{}", unsaid.len(), unsaid.join("\n"));
}
