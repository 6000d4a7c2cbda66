//! An incident opened from findings: what they show, and no more.
use std::collections::BTreeSet;

use facts::Time;
use facts::records::IncidentKind;
use judge::{Assessment, Subject};
use serde_json::{Map, Value as Json, json};

use crate::explain::{self, Call, Explanation};
use crate::{Context, words};

/// Findings told one by one, and values of a list.
const MOST: usize = 20;
const MOST_VALUES: usize = 100;
/// Characters of a narrative: a record takes 10,000.
const MOST_CHARS: usize = 8_000;

/// What is opened, and by whom.
#[derive(Clone, Copy, Debug)]
pub struct Opening<'a> {
    /// What kind of incident it is to be.
    pub what: IncidentKind,
    /// Id of a person.
    pub reporter: Option<&'a str>,
    /// Ids of findings of the assessment.
    pub findings: &'a [String],
    /// When the findings were first recorded, or now.
    pub detected: Time,
    /// Whether it holds sensitive security information (49 CFR part 1520).
    pub ssi: bool,
    /// Version of the program.
    pub version: &'a str,
}

/// The body of a record of kind `incident`.
///
/// # Errors
/// A finding that the assessment does not have.
pub fn draft(
    assessment: &Assessment,
    context: &Context<'_>,
    opening: &Opening<'_>,
) -> Result<Map<String, Json>, String> {
    let mut explained: Vec<Explanation> = Vec::new();
    for finding in opening.findings {
        let one = explain::explain(assessment, context, finding, &Call::default());
        explained.push(one.ok_or_else(|| finding.clone())?);
    }
    let subjects: Vec<&Subject> = opening
        .findings
        .iter()
        .filter_map(|id| subject(assessment, id))
        .collect();
    let zone = assessment.time_zone.as_str();
    let seen = || explained.iter().flat_map(|one| &one.seen);
    let first = seen().filter_map(|seen| seen.first).min();
    let last = seen().filter_map(|seen| seen.last).max();
    // Noticed is never before it began, whatever the clocks of capture and program say.
    let detected = first.map_or(opening.detected, |first| first.max(opening.detected));
    let mut narrative = format!(
        "As of {}, a passive monitor of the crane network found:",
        assessment.as_of.local(zone)
    );
    for (number, one) in explained.iter().take(MOST).enumerate() {
        let told = format!(
            "\n({}) {} [finding {}]",
            number + 1,
            one.reason,
            one.finding
        );
        if narrative.chars().count() + told.chars().count() > MOST_CHARS {
            narrative.push_str("\nand more, told by the findings named");
            break;
        }
        narrative.push_str(&told);
    }
    if let (Some(first), Some(last)) = (first, last) {
        narrative.push_str(&format!("\nSeen {}.", words::span(first, last, zone)));
    }
    let mut body = Map::new();
    let mut put = |name: &str, value: Json| body.insert(name.to_owned(), value);
    put("what", opening.what.word().into());
    if let Some(first) = first {
        put("occurred", first.to_string().into());
    }
    put("detected", detected.to_string().into());
    put("narrative", clean(&narrative).into());
    let findings = opening.findings.join(", ");
    put(
        "noticed_by",
        format!("Seawall {}, findings {findings}", opening.version).into(),
    );
    if let Some(reporter) = opening.reporter {
        put("reporter", reporter.into());
    }
    put("ssi", opening.ssi.into());
    // The field holds one; of several a person says which.
    let ends = explained.iter().flat_map(|one| &one.seen);
    let ends = ends.flat_map(|seen| [&seen.from, &seen.to]).flatten();
    let parties: BTreeSet<&String> = ends.filter_map(|end| end.third_party.as_ref()).collect();
    if let (Some(party), 1) = (parties.first(), parties.len()) {
        put("party", party.as_str().into());
    }
    let lists = [
        ("systems", systems(context, &subjects, &explained)),
        ("indicators", indicators(&explained)),
        ("accounts", accounts(&explained)),
        ("findings", opening.findings.to_vec()),
        ("evidence", evidence(&explained)),
    ];
    for (name, values) in lists {
        let mut known = BTreeSet::new();
        let mut values: Vec<String> = values.iter().map(|value| clean(value)).collect();
        values.retain(|value| !value.is_empty() && known.insert(value.clone()));
        values.truncate(MOST_VALUES);
        if !values.is_empty() {
            put(name, json!(values));
        }
    }
    Ok(body)
}

fn subject<'a>(assessment: &'a Assessment, finding: &str) -> Option<&'a Subject> {
    let mut subjects = assessment.measures.iter().flat_map(|one| &one.subjects);
    subjects.find(|one| one.finding.as_deref() == Some(finding))
}

/// Devices and cranes that the site declares; a stranger is an indicator.
fn systems(context: &Context<'_>, subjects: &[&Subject], explained: &[Explanation]) -> Vec<String> {
    let declared = |name: &&String| context.site.assets.iter().any(|asset| asset.name == **name);
    let assets = subjects
        .iter()
        .flat_map(|subject| &subject.assets)
        .filter(declared)
        .cloned();
    let cranes = explained.iter().flat_map(|one| one.cranes.iter().cloned());
    let known = |crane: &String| {
        let zones = context
            .site
            .zones
            .iter()
            .filter_map(|zone| zone.crane.as_ref());
        let assets = context
            .site
            .assets
            .iter()
            .filter_map(|asset| asset.crane.as_ref());
        zones.chain(assets).any(|one| one == crane)
    };
    assets.chain(cranes.filter(known)).collect()
}

/// What others can look for: addresses of ends that nobody declared, content, names asked for.
fn indicators(explained: &[Explanation]) -> Vec<String> {
    let mut found = Vec::new();
    for seen in explained.iter().flat_map(|one| &one.seen) {
        for party in [&seen.from, &seen.to].into_iter().flatten() {
            if !party.is_declared {
                found.push(format!("address {}", party.address));
                found.extend(party.mac.as_ref().map(|mac| format!("mac {mac}")));
            }
        }
        for (name, value) in &seen.more {
            match name.as_str() {
                "content sha256" | "sha256" => found.push(format!("sha256 {value}")),
                "name" => found.push(format!("name {value}")),
                _ => {}
            }
        }
    }
    found
}

fn accounts(explained: &[Explanation]) -> Vec<String> {
    let more = explained
        .iter()
        .flat_map(|one| &one.seen)
        .flat_map(|seen| &seen.more);
    more.filter(|(name, _)| name == "user")
        .map(|(_, user)| user.clone())
        .collect()
}

fn evidence(explained: &[Explanation]) -> Vec<String> {
    let seen = explained.iter().flat_map(|one| &one.seen);
    seen.map(|seen| {
        let hash = seen
            .sha256
            .as_ref()
            .map_or(String::new(), |hash| format!(", sha256 {hash}"));
        format!("{} {}{hash}", seen.capture, words::frames(&seen.frames))
    })
    .collect()
}

/// Without what a record may not hold.
fn clean(text: &str) -> String {
    let plain = |c: char| {
        if c.is_control() && c != '\n' {
            '\u{fffd}'
        } else {
            c
        }
    };
    text.chars()
        .map(plain)
        .collect::<String>()
        .trim()
        .to_owned()
}
