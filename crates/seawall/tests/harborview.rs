//! The sample terminal: verdicts and facts of its clean day and its bad day, held against what was played.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests may fail loudly"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use lab::truth::Planted;
use lab::{Scenario, harborview};
use serde_json::Value;
use support::{Assessment, Finding, facts, folder, text};

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

/// Who did what to whom, how often it was asked and how often refused.
type Count = BTreeMap<[String; 4], (u64, u64)>;

fn played(scenario: &Scenario) -> Count {
    let mut count = Count::new();
    for deed in &scenario.deeds {
        let [source, target] = [deed.source, deed.target].map(|host| called(&host));
        let place = count.entry([
            source,
            target,
            deed.protocol.to_owned(),
            deed.operation.to_owned(),
        ]);
        let (all, refused) = place.or_default();
        *all += 1;
        *refused += u64::from(deed.refused);
    }
    count
}

/// A host as facts call it: by its name in the site file, else by its address.
fn called(host: &lab::net::Host) -> String {
    if host.name.is_empty() {
        host.ip.to_string()
    } else {
        host.name.to_owned()
    }
}

fn observed(operations: &[Value]) -> Count {
    let mut count = Count::new();
    for row in operations {
        let place = count.entry(
            ["source_asset", "target_asset", "protocol", "operation"]
                .map(|column| text(&row[column])),
        );
        let (all, refused) = place.or_default();
        let times = row["count"].as_u64().unwrap();
        *all += times;
        *refused += if row["outcome"] == "refused" {
            times
        } else {
            0
        };
    }
    count
}

#[test]
fn operations_are_the_deeds_that_were_done() {
    for (name, day) in [
        ("clean deeds", harborview::clean_day()),
        ("bad deeds", harborview::bad_day()),
    ] {
        let site = written(name, &day);
        let facts = facts(&[
            "--site".as_ref(),
            site.as_os_str(),
            "--kind".as_ref(),
            "operation".as_ref(),
            "--kind".as_ref(),
            "credential".as_ref(),
        ]);
        let told: BTreeSet<&str> = day.deeds.iter().map(|deed| deed.protocol).collect();
        // Deeds are those of control protocols (others have operations too: files, logins), each asked of one host.
        let to_one = |row: &&Value| !text(&row["target"]).starts_with("01:0e:cf:");
        let operations: Vec<Value> = facts["operation"]
            .iter()
            .filter(|row| told.contains(text(&row["protocol"]).as_str()))
            .filter(to_one)
            .cloned()
            .collect();
        let (played, observed) = (played(&day), observed(&operations));
        let mut wrong = Vec::new();
        for key in played
            .keys()
            .chain(observed.keys())
            .collect::<BTreeSet<_>>()
        {
            let (one, two) = (played.get(key), observed.get(key));
            if one != two {
                wrong.push(format!("{key:?}: played {one:?}, observed {two:?}"));
            }
        }
        assert!(wrong.is_empty(), "{}:\n{}", day.name, wrong.join("\n"));

        let carried: BTreeSet<(String, u64)> = day
            .deeds
            .iter()
            .filter_map(|deed| deed.content.as_ref())
            .map(|(length, hash)| (hash.clone(), *length as u64))
            .collect();
        let seen: BTreeSet<(String, u64)> = operations
            .iter()
            .filter(|row| {
                matches!(
                    row["operation"].as_str(),
                    Some("program-download" | "program-upload")
                )
            })
            .map(|row| {
                (
                    text(&row["content_sha256"]),
                    row["content_bytes"].as_u64().unwrap_or(0),
                )
            })
            .collect();
        assert_eq!(carried, seen, "content of the {}", day.name);
    }
}

#[test]
fn conversations_are_the_connections_that_were_made() {
    for (name, day) in [
        ("clean connections", harborview::clean_day()),
        ("bad connections", harborview::bad_day()),
    ] {
        let site = written(name, &day);
        let facts = facts(&[
            "--site".as_ref(),
            site.as_os_str(),
            "--kind".as_ref(),
            "conversation".as_ref(),
            "--kind".as_ref(),
            "asset".as_ref(),
        ]);
        let mut seen: Vec<String> = facts["conversation"]
            .iter()
            .filter(|row| row["transport"] == "tcp")
            .map(|row| {
                format!(
                    "{}:{} → {}:{} {}",
                    text(&row["client"]),
                    row["client_port"],
                    text(&row["server"]),
                    row["server_port"],
                    row["direction"] == "handshake"
                )
            })
            .collect();
        let mut made: Vec<String> = day
            .connections
            .iter()
            .map(|one| {
                format!(
                    "{}:{} → {}:{} {}",
                    one.client.ip, one.client_port, one.server.ip, one.server_port, one.handshake
                )
            })
            .collect();
        seen.sort();
        made.sort();
        let missing: Vec<&String> = made.iter().filter(|one| !seen.contains(one)).collect();
        let surplus: Vec<&String> = seen.iter().filter(|one| !made.contains(one)).collect();
        assert!(
            missing.is_empty() && surplus.is_empty(),
            "{}: missing {missing:?}, surplus {surplus:?}",
            day.name
        );
        assert_eq!(seen.len(), made.len());
    }
}
