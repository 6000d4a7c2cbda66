//! The pages that this version ships: the one place that lists them, in the order of the catalogue.
use crate::{Error, Page};

const PAGES: &[(&str, &str)] = &[
    (
        "measures/threat/T1-logistics-platforms.md",
        include_str!("../../../measures/threat/T1-logistics-platforms.md"),
    ),
    (
        "measures/threat/T2-screening.md",
        include_str!("../../../measures/threat/T2-screening.md"),
    ),
    (
        "measures/threat/T3-remote-exposure.md",
        include_str!("../../../measures/threat/T3-remote-exposure.md"),
    ),
    (
        "measures/general/G1-access.md",
        include_str!("../../../measures/general/G1-access.md"),
    ),
    (
        "measures/general/G2-vulnerabilities.md",
        include_str!("../../../measures/general/G2-vulnerabilities.md"),
    ),
    (
        "measures/general/G3-baselines.md",
        include_str!("../../../measures/general/G3-baselines.md"),
    ),
    (
        "measures/general/G4-response.md",
        include_str!("../../../measures/general/G4-response.md"),
    ),
    (
        "measures/general/G5-contracts.md",
        include_str!("../../../measures/general/G5-contracts.md"),
    ),
    (
        "measures/general/G6-who-maintains-access.md",
        include_str!("../../../measures/general/G6-who-maintains-access.md"),
    ),
    (
        "measures/general/G7-validated-traffic.md",
        include_str!("../../../measures/general/G7-validated-traffic.md"),
    ),
    (
        "measures/general/G8-sourcing.md",
        include_str!("../../../measures/general/G8-sourcing.md"),
    ),
    (
        "measures/general/G9-recovery.md",
        include_str!("../../../measures/general/G9-recovery.md"),
    ),
    (
        "measures/general/G10-sharing-and-drills.md",
        include_str!("../../../measures/general/G10-sharing-and-drills.md"),
    ),
    (
        "measures/crane/C1-segmented.md",
        include_str!("../../../measures/crane/C1-segmented.md"),
    ),
    (
        "measures/crane/C2-needless-services.md",
        include_str!("../../../measures/crane/C2-needless-services.md"),
    ),
    (
        "measures/crane/C3-multi-homed.md",
        include_str!("../../../measures/crane/C3-multi-homed.md"),
    ),
    (
        "measures/crane/C4-secure-transfer.md",
        include_str!("../../../measures/crane/C4-secure-transfer.md"),
    ),
    (
        "measures/crane/C5-removable-media.md",
        include_str!("../../../measures/crane/C5-removable-media.md"),
    ),
    (
        "measures/crane/C6-remote-access.md",
        include_str!("../../../measures/crane/C6-remote-access.md"),
    ),
    (
        "measures/crane/C7-firewall-rules.md",
        include_str!("../../../measures/crane/C7-firewall-rules.md"),
    ),
    (
        "measures/crane/C8-management-segments.md",
        include_str!("../../../measures/crane/C8-management-segments.md"),
    ),
    (
        "measures/crane/C9-modifications.md",
        include_str!("../../../measures/crane/C9-modifications.md"),
    ),
    (
        "measures/crane/C10-monitored.md",
        include_str!("../../../measures/crane/C10-monitored.md"),
    ),
    (
        "measures/crane/C11-crossings.md",
        include_str!("../../../measures/crane/C11-crossings.md"),
    ),
    (
        "measures/crane/C12-hidden-paths.md",
        include_str!("../../../measures/crane/C12-hidden-paths.md"),
    ),
    (
        "measures/crane/C13-host-activity.md",
        include_str!("../../../measures/crane/C13-host-activity.md"),
    ),
    (
        "measures/crane/C14-updates-on-site.md",
        include_str!("../../../measures/crane/C14-updates-on-site.md"),
    ),
    (
        "measures/crane/C15-core-control.md",
        include_str!("../../../measures/crane/C15-core-control.md"),
    ),
    (
        "measures/crane/C16-untrusted-suppliers.md",
        include_str!("../../../measures/crane/C16-untrusted-suppliers.md"),
    ),
    (
        "measures/integrity/R0-programs-checked.md",
        include_str!("../../../measures/integrity/R0-programs-checked.md"),
    ),
    (
        "measures/integrity/R1-backups-exist.md",
        include_str!("../../../measures/integrity/R1-backups-exist.md"),
    ),
    (
        "measures/integrity/R2-backups-offline.md",
        include_str!("../../../measures/integrity/R2-backups-offline.md"),
    ),
    (
        "measures/integrity/R3-backups-tested.md",
        include_str!("../../../measures/integrity/R3-backups-tested.md"),
    ),
    (
        "measures/integrity/R4-spares.md",
        include_str!("../../../measures/integrity/R4-spares.md"),
    ),
    (
        "measures/integrity/R5-rebuilds.md",
        include_str!("../../../measures/integrity/R5-rebuilds.md"),
    ),
    (
        "measures/physical/P1-ground-facilities.md",
        include_str!("../../../measures/physical/P1-ground-facilities.md"),
    ),
    (
        "measures/physical/P2-locked-cabinets.md",
        include_str!("../../../measures/physical/P2-locked-cabinets.md"),
    ),
    (
        "measures/reporting/I1-reported.md",
        include_str!("../../../measures/reporting/I1-reported.md"),
    ),
    (
        "measures/editions/A1-edition-in-force.md",
        include_str!("../../../measures/editions/A1-edition-in-force.md"),
    ),
];

/// Every page of this version. A page that does not hold together is an error here, and fails the tests.
///
/// # Errors
/// The first page that does not read; a test reads all.
pub fn built_in() -> Result<Vec<Page>, Error> {
    PAGES
        .iter()
        .map(|(file, text)| Page::parse(file, text))
        .collect()
}

/// The page of that id.
///
/// # Errors
/// As of [`built_in`]; that no page has the id is none.
pub fn page(id: &str) -> Result<Option<Page>, Error> {
    Ok(built_in()?
        .into_iter()
        .find(|page| page.id.eq_ignore_ascii_case(id)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::{Catalogue, Editions, Page, Verdict, built_in};

    #[test]
    fn every_case_of_every_page_gives_what_it_says() {
        let editions = Editions::built_in().unwrap();
        let mut differences = Vec::new();
        for page in built_in().unwrap() {
            for case in &page.cases {
                let found = case.run(&page, &editions).unwrap_or_else(|error| {
                    let source = std::error::Error::source(&error).map(ToString::to_string);
                    vec![format!("{error} {}", source.unwrap_or_default())]
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

    /// No evidence is never a pass: whichever account of coverage is lost, no subject turns to met.
    #[test]
    fn losing_coverage_never_improves_a_verdict() {
        let editions = Editions::built_in().unwrap();
        let mut tried = 0;
        for page in built_in().unwrap() {
            for case in &page.cases {
                let met = |case: &crate::Case| -> BTreeSet<String> {
                    let judged = case
                        .judge(&page, &editions, &case.snapshot().unwrap())
                        .unwrap();
                    let met = judged
                        .subjects
                        .into_iter()
                        .filter(|subject| subject.verdict == Verdict::Met)
                        // What rests on records alone loses nothing with the captures.
                        .filter(|subject| subject.records.is_empty());
                    met.map(|subject| subject.subject).collect()
                };
                let whole = met(case);
                let rows = case
                    .tables
                    .iter()
                    .find(|t| t.name == "coverage")
                    .map_or(0, |t| t.rows.len());
                for lost in 0..rows {
                    let mut poorer = case.clone();
                    let coverage = poorer
                        .tables
                        .iter_mut()
                        .find(|t| t.name == "coverage")
                        .unwrap();
                    coverage.rows.remove(lost);
                    let left = met(&poorer);
                    assert!(
                        left.is_subset(&whole),
                        "{}: {}: without row {lost} of coverage {left:?}",
                        page.id,
                        case.name
                    );
                    tried += 1;
                }
                let mut blind = case.clone();
                blind.tables.retain(|table| table.name != "coverage");
                if !page.needs.is_empty() {
                    assert_eq!(
                        met(&blind),
                        BTreeSet::new(),
                        "{}: {}: met without any coverage",
                        page.id,
                        case.name
                    );
                    // Nor do records make whole what nobody looked at.
                    let judged = blind.judge(&page, &editions, &blind.snapshot().unwrap());
                    assert!(
                        judged.unwrap().verdict > Verdict::Met,
                        "{}: {}: the measure is met without any coverage",
                        page.id,
                        case.name
                    );
                }
            }
        }
        assert!(tried > 50, "only {tried} cases have coverage to lose");
    }

    /// Nor is the absence of records.
    #[test]
    fn without_records_no_page_that_rests_on_them_is_met() {
        let editions = Editions::built_in().unwrap();
        for page in built_in().unwrap() {
            if page.records.is_empty() {
                continue;
            }
            for case in &page.cases {
                let mut bare = case.clone();
                bare.tables
                    .retain(|table| !table.name.starts_with("record_"));
                let judged = bare.judge(&page, &editions, &bare.snapshot().unwrap());
                let judged = judged.unwrap();
                let met = judged
                    .subjects
                    .iter()
                    .find(|one| one.verdict == Verdict::Met);
                assert_eq!(met, None, "{}: {}", page.id, case.name);
            }
        }
    }

    #[test]
    fn pages_editions_and_catalogue_agree() {
        let (pages, catalogue, editions) = (
            built_in().unwrap(),
            Catalogue::built_in().unwrap(),
            Editions::built_in().unwrap(),
        );
        let listed: Vec<&str> = catalogue
            .measures
            .iter()
            .map(|measure| measure.id.as_str())
            .collect();
        let places: Vec<_> = pages
            .iter()
            .map(|page| listed.iter().position(|id| *id == page.id))
            .collect();
        assert!(
            places.is_sorted() && !places.contains(&None),
            "pages stand in the order of the catalogue: {places:?}"
        );
        for measure in &catalogue.measures {
            match pages.iter().find(|page| page.id == measure.id) {
                Some(page) => {
                    assert_eq!((&page.title, &page.area), (&measure.title, &measure.area));
                    assert_eq!(measure.why, "", "{} has a page", measure.id);
                }
                None => assert!(
                    measure.why.starts_with("needs "),
                    "{} says why it is not judged",
                    measure.id
                ),
            }
        }
        let mut answered = BTreeSet::new();
        for edition in &editions.all {
            assert_eq!(
                edition.compared,
                !edition.paragraphs.is_empty(),
                "{}",
                edition.id
            );
            let ids: BTreeSet<_> = edition
                .paragraphs
                .iter()
                .map(|paragraph| &paragraph.id)
                .collect();
            assert_eq!(
                ids.len(),
                edition.paragraphs.len(),
                "{}: an id stands twice",
                edition.id
            );
            for paragraph in &edition.paragraphs {
                assert!(
                    !paragraph.measures.is_empty(),
                    "{} {} is answered by none",
                    edition.id,
                    paragraph.id
                );
                for id in &paragraph.measures {
                    assert!(
                        listed.contains(&id.as_str()),
                        "{} {}: {id}",
                        edition.id,
                        paragraph.id
                    );
                    answered.insert(id.as_str());
                }
            }
            for page in &pages {
                let from_edition: Vec<&String> = edition
                    .paragraphs
                    .iter()
                    .filter(|p| p.measures.contains(&page.id))
                    .map(|p| &p.id)
                    .collect();
                let from_page: Vec<&String> = page
                    .paragraphs
                    .get(&edition.id)
                    .into_iter()
                    .flatten()
                    .collect();
                assert_eq!(
                    from_page, from_edition,
                    "{} and edition {}",
                    page.id, edition.id
                );
            }
        }
        assert_eq!(
            answered,
            listed.iter().copied().collect(),
            "every measure answers a paragraph"
        );
    }

    /// The catalogue holds every measure of the list that the project works from.
    #[test]
    fn no_measure_is_left_out() {
        let list = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/MEASURES.md");
        let Ok(list) = std::fs::read_to_string(list) else {
            println!("skipped: no list of measures");
            return;
        };
        let wanted: Vec<&str> = list
            .lines()
            .filter_map(|line| line.strip_prefix("| ")?.split(" |").next())
            .filter(|id| id.len() < 4 && id.ends_with(|c: char| c.is_ascii_digit()))
            .collect();
        let catalogue = Catalogue::built_in().unwrap();
        let mut have: Vec<&str> = catalogue
            .measures
            .iter()
            .map(|measure| measure.id.as_str())
            .collect();
        let mut wanted_sorted = wanted.clone();
        have.sort_unstable();
        wanted_sorted.sort_unstable();
        assert!(wanted.len() > 30, "the list was not understood: {wanted:?}");
        assert_eq!(have, wanted_sorted);
    }

    #[test]
    fn a_page_that_proves_nothing_does_not_load() {
        let whole = include_str!("../../../measures/crane/C10-monitored.md");
        let says = |text: &str| Page::parse("C10.md", text).unwrap_err().to_string();
        let without = whole.replace("### not met:", "### met:");
        let line = whole.lines().position(|line| line == "## Cases").unwrap() + 1;
        assert_eq!(
            says(&without),
            format!(
                "C10.md:{line}: no case is not met: a page needs one that is met, one not met, one unproven"
            )
        );
        assert!(
            says(&whole.replace(
                "site_sensor: name | sees\nspan",
                "site_sensor: name | saw\nspan"
            ))
            .contains("no column \"saw\"")
        );
        assert!(
            says(&whole.replace("\"directions\"]", "\"luck\"]"))
                .contains("\"luck\" is no kind of coverage")
        );
        assert!(says(&whole.replace("```sql", "```text")).contains("one `sql` block is expected"));
        assert!(
            says(&whole.replace("area = ", "aera = "))
                .starts_with("C10.md:4: unknown field `aera`")
        );
        assert!(says("# C10").starts_with("C10.md:1: a page begins with"));
    }
}
