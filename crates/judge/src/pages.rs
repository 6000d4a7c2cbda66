//! The pages that this version ships: the one place that lists them, in the order of the catalogue.
use crate::{Error, Page};

const PAGES: &[(&str, &str)] = &[
    (
        "measures/crane/C9-modifications.md",
        include_str!("../../../measures/crane/C9-modifications.md"),
    ),
    (
        "measures/crane/C10-monitored.md",
        include_str!("../../../measures/crane/C10-monitored.md"),
    ),
];

/// Every page of this version. A page that does not hold together is an error here, and fails the tests.
pub fn built_in() -> Result<Vec<Page>, Error> {
    PAGES
        .iter()
        .map(|(file, text)| Page::parse(file, text))
        .collect()
}

/// The page of that id.
pub fn page(id: &str) -> Result<Option<Page>, Error> {
    Ok(built_in()?
        .into_iter()
        .find(|page| page.id.eq_ignore_ascii_case(id)))
}

#[cfg(test)]
mod tests {
    use crate::{Editions, built_in};

    #[test]
    fn every_case_of_every_page_gives_what_it_says() {
        let editions = Editions::built_in().unwrap();
        let mut differences = Vec::new();
        for page in built_in().unwrap() {
            for case in &page.cases {
                let found = case.run(&page, &editions).unwrap_or_else(|error| {
                    panic!(
                        "{}:{}: {}: {error} ({:?})",
                        page.file,
                        case.line,
                        case.name,
                        std::error::Error::source(&error).map(ToString::to_string)
                    )
                });
                if !found.is_empty() {
                    differences.push(format!(
                        "{}: {}\n  {}",
                        page.id,
                        case.name,
                        found.join("\n  ")
                    ));
                }
            }
        }
        assert!(differences.is_empty(), "\n{}", differences.join("\n"));
    }
}
