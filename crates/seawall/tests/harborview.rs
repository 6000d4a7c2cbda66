//! The sample terminal: verdicts and facts of its clean day and its bad day, held against what was played.
mod support;

use std::collections::BTreeSet;
use std::path::PathBuf;

use lab::truth::Planted;
use lab::{Scenario, harborview};
use support::{Assessment, Finding, folder};

fn written(name: &str, scenario: &Scenario) -> PathBuf {
    let folder = folder(name);
    scenario.write(&folder).unwrap();
    folder
}

/// Whether the finding cites a frame that shows the planted violation.
fn shows(finding: &Finding, planted: &Planted) -> bool {
    planted.sightings.iter().any(|sighting| {
        let cited = finding.frames.get(&sighting.capture);
        cited.is_some_and(|cited| {
            sighting
                .shows
                .iter()
                .any(|frame| cited.contains(&u64::from(*frame)))
        })
    })
}

fn is_of(finding: &Finding, planted: &Planted) -> bool {
    let measure =
        finding.measure == planted.measure || planted.also.contains(&finding.measure.as_str());
    measure
        && planted
            .assets
            .iter()
            .all(|asset| finding.assets.contains(asset))
        && shows(finding, planted)
}

#[test]
fn the_clean_day_has_no_finding() {
    let site = written("clean", &harborview::clean_day());
    let findings = Assessment::of(&site, &[]).findings();
    let told: Vec<String> = findings
        .iter()
        .map(|one| format!("{}: {}", one.measure, one.reason))
        .collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
}

#[test]
fn the_bad_day_shows_everything_planted_once_and_nothing_else() {
    let day = harborview::bad_day();
    let site = written("bad", &day);
    let findings = Assessment::of(&site, &[]).findings();
    let mut wrong = Vec::new();
    for planted in &day.planted {
        let told: Vec<&Finding> = findings
            .iter()
            .filter(|finding| is_of(finding, planted))
            .collect();
        let stories = told
            .iter()
            .map(|one| format!("    {}: {} {:?}", one.measure, one.reason, one.assets))
            .collect::<Vec<_>>()
            .join("\n");
        match told.as_slice() {
            [] => {
                wrong.push(format!(
                    "not found: {} ({}): {}",
                    planted.id, planted.measure, planted.what
                ));
                let near = findings.iter().filter(|finding| shows(finding, planted));
                wrong.extend(near.map(|one| {
                    format!("    near: {}: {} {:?}", one.measure, one.reason, one.assets)
                }));
            }
            [one] if one.measure == planted.measure => {}
            [_] => wrong.push(format!(
                "under another measure than {}: {}\n{stories}",
                planted.measure, planted.id
            )),
            _ => wrong.push(format!(
                "told more than once: {} ({})\n{stories}",
                planted.id, planted.measure
            )),
        }
    }
    for finding in &findings {
        let of: Vec<&Planted> = day
            .planted
            .iter()
            .filter(|planted| is_of(finding, planted))
            .collect();
        if of.is_empty() {
            wrong.push(format!(
                "not planted: {}: {} {:?}",
                finding.measure, finding.reason, finding.assets
            ));
            continue;
        }
        for (capture, frames) in &finding.frames {
            let belongs: BTreeSet<u64> = of
                .iter()
                .flat_map(|planted| &planted.sightings)
                .filter(|sighting| sighting.capture == *capture)
                .flat_map(|sighting| sighting.frames.iter().map(|frame| u64::from(*frame)))
                .collect();
            let strange: Vec<&u64> = frames.difference(&belongs).collect();
            if !strange.is_empty() {
                let ids: Vec<&str> = of.iter().map(|planted| planted.id).collect();
                wrong.push(format!(
                    "{capture} frames {strange:?} are not of {ids:?}: {}: {}",
                    finding.measure, finding.reason
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
