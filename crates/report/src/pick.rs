//! Picks out of assessment and context what both the text and the HTML report show.
use std::collections::{BTreeMap, BTreeSet};

use facts::{Time, Value};
use judge::{Assessment, Judged, Standing, State, Subject, Verdict};

use crate::events::Severity;
use crate::events::severity::of_finding;
use crate::{Context, PageText, life, words};

/// The areas of the advisory, by the first letter of a measure's id.
const AREAS: &[(char, &str)] = &[
    ('T', "Threat"),
    ('G', "General"),
    ('C', "Crane network"),
    ('R', "Integrity, response and recovery"),
    ('P', "Physical"),
    ('I', "Reporting"),
    ('A', "Editions"),
];

/// Name of the area of a measure; a site's own measures may have any id.
pub(crate) fn area(id: &str) -> &'static str {
    let mut chars = id.chars();
    let letter = chars.next();
    let numbered = chars.next().is_some_and(|c| c.is_ascii_digit());
    AREAS
        .iter()
        .find(|(first, _)| numbered && letter == Some(*first))
        .map_or("The site's own", |(_, name)| name)
}

/// The areas in order of the advisory, the site's own last.
pub(crate) fn areas() -> impl Iterator<Item = &'static str> {
    AREAS
        .iter()
        .map(|(_, name)| *name)
        .chain(["The site's own"])
}

/// Things looked up by name many times.
pub(crate) struct Picks<'a> {
    pub(crate) assessment: &'a Assessment,
    pub(crate) context: &'a Context<'a>,
    /// The terminal's time zone.
    pub(crate) zone: &'a str,
    /// By asset; one that joins zones of several is of all of them.
    cranes_of: BTreeMap<&'a str, Vec<&'a str>>,
    cranes: BTreeSet<&'a str>,
    pages: BTreeMap<&'a str, &'a PageText>,
}

impl<'a> Picks<'a> {
    pub(crate) fn new(assessment: &'a Assessment, context: &'a Context<'a>) -> Picks<'a> {
        let of_zone: BTreeMap<&str, &str> = context
            .site
            .zones
            .iter()
            .filter_map(|zone| Some((zone.name.as_str(), zone.crane.as_deref()?)))
            .collect();
        let declared = context.site.assets.iter().filter_map(|asset| {
            let crane = asset.crane.as_deref()?;
            Some((asset.name.as_str(), vec![crane]))
        });
        let seen = context.facts.assets.iter().filter_map(|asset| {
            let cranes: BTreeSet<&str> = match asset.crane.as_deref() {
                Some(crane) => BTreeSet::from([crane]),
                None => {
                    let zones = asset.zones.iter();
                    zones
                        .filter_map(|zone| of_zone.get(zone.as_str()).copied())
                        .collect()
                }
            };
            // Without a crane of its own, one of its zones says little of it; several say that it joins them.
            let known = asset.crane.is_some() || cranes.len() > 1;
            known.then(|| (asset.name.as_str(), cranes.into_iter().collect()))
        });
        let cranes_of: BTreeMap<&str, Vec<&str>> = seen.chain(declared).collect();
        Picks {
            assessment,
            context,
            zone: if assessment.time_zone.is_empty() {
                "UTC"
            } else {
                &assessment.time_zone
            },
            cranes: cranes_of
                .values()
                .flatten()
                .chain(of_zone.values())
                .copied()
                .collect(),
            cranes_of,
            pages: context
                .pages
                .iter()
                .map(|page| (page.id.as_str(), page))
                .collect(),
        }
    }

    pub(crate) fn page(&self, id: &str) -> Option<&'a PageText> {
        self.pages.get(id).copied()
    }

    /// The step that comes first when the measure fails.
    pub(crate) fn next_step(&self, id: &str) -> Option<String> {
        self.page(id)
            .and_then(|page| words::first_sentence(&page.when_it_fails_markdown))
    }

    /// Cranes that a subject is about: as its facts say, else those of its assets, else itself.
    pub(crate) fn cranes(&self, subject: &'a Subject) -> Vec<&'a str> {
        let told = subject.facts.iter().find_map(|(name, value)| match value {
            Value::Text(crane) if name == "crane" && !crane.is_empty() => Some(crane.as_str()),
            _ => None,
        });
        if let Some(crane) = told {
            return vec![crane];
        }
        let of_assets: BTreeSet<&str> = subject
            .assets
            .iter()
            .filter_map(|asset| self.cranes_of.get(asset.as_str()))
            .flatten()
            .copied()
            .collect();
        if of_assets.is_empty() {
            self.cranes
                .get(subject.subject.as_str())
                .into_iter()
                .copied()
                .collect()
        } else {
            of_assets.into_iter().collect()
        }
    }

    /// How a subject's finding stands, where there is more to say than that it is open.
    pub(crate) fn standing(&self, subject: &Subject) -> Option<&'a Standing> {
        let standing = self.context.standings?.of(subject.finding.as_deref()?)?;
        life::is_told(standing).then_some(standing)
    }

    /// Findings of a measure, in the page's order.
    pub(crate) fn findings(measure: &Judged) -> impl Iterator<Item = &Subject> {
        measure
            .subjects
            .iter()
            .filter(|subject| subject.verdict == Verdict::NotMet)
    }

    /// Findings that should not wait: a hand on a crane, a way in, data on its way out, unless somebody answers for it. The worst
    /// first, then in the order of the measures.
    pub(crate) fn urgent(&self) -> Vec<Urgent<'a>> {
        let mut urgent = Vec::new();
        for (nth, measure) in self.assessment.measures.iter().enumerate() {
            let found = measure.subjects.iter().enumerate();
            let found = found.filter(|(_, subject)| subject.verdict == Verdict::NotMet);
            for (order, (index, subject)) in found.enumerate() {
                let severity = of_finding(&measure.id, subject);
                let waits = self.standing(subject).is_some_and(|standing| {
                    matches!(standing.state, State::Accepted { .. } | State::Resolved)
                });
                if severity >= Severity::High && !waits {
                    urgent.push(Urgent {
                        severity,
                        measure,
                        subject,
                        at: (nth, index),
                        order,
                    });
                }
            }
        }
        urgent.sort_by_key(|one| std::cmp::Reverse(one.severity));
        urgent
    }

    /// Measures of a verdict, in the order of the catalogue.
    pub(crate) fn measures(&self, verdict: Verdict) -> impl Iterator<Item = &'a Judged> {
        self.assessment
            .measures
            .iter()
            .filter(move |measure| measure.verdict == verdict)
    }

    /// What was read: captures, packets, and the time from first to last.
    pub(crate) fn read(&self) -> String {
        let sources = &self.assessment.evidence;
        if sources.is_empty() {
            return "no capture; nothing on the wire was witnessed".to_owned();
        }
        let packets = sources
            .iter()
            .fold(0u64, |sum, source| sum.saturating_add(source.packets));
        let first = sources.iter().filter_map(|source| source.first).min();
        let last = sources.iter().filter_map(|source| source.last).max();
        let what = format!(
            "{}, {}",
            words::many(words::size(sources.len()), "capture", "captures"),
            words::many(packets, "packet", "packets")
        );
        match (first, last) {
            (Some(first), Some(last)) => format!("{what}, {}", words::span(first, last, self.zone)),
            _ => what,
        }
    }

    /// Why captures may have shown less than there was, a sentence per problem.
    pub(crate) fn problems(&self) -> impl Iterator<Item = String> {
        self.assessment.evidence.iter().flat_map(|source| {
            source
                .problems
                .iter()
                .map(move |problem| format!("{}: {problem}", source.capture))
        })
    }
}

/// A finding that should not wait.
pub(crate) struct Urgent<'a> {
    pub(crate) severity: Severity,
    pub(crate) measure: &'a Judged,
    pub(crate) subject: &'a Subject,
    /// Places of measure and subject in the assessment.
    pub(crate) at: (usize, usize),
    /// How many findings of the measure come before it.
    pub(crate) order: usize,
}

/// The frames cited, those of each capture together: something to look up, where the list of evidence has a line per fact.
pub(crate) fn by_capture(subject: &Subject) -> Vec<(&str, Vec<u64>)> {
    let mut captures: Vec<(&str, Vec<u64>)> = Vec::new();
    for cited in &subject.evidence {
        let known = captures.iter_mut().find(|(name, _)| *name == cited.capture);
        match known {
            Some((_, frames)) => frames.extend(&cited.frames),
            None => captures.push((&cited.capture, cited.frames.clone())),
        }
    }
    for (_, frames) in &mut captures {
        frames.sort_unstable();
        frames.dedup();
    }
    captures
}

/// First and last time of what a subject cites; else of its facts.
pub(crate) fn when(subject: &Subject) -> Option<(Time, Time)> {
    let fact = |names: &[&str]| {
        subject.facts.iter().find_map(|(name, value)| match value {
            Value::Text(text) if names.contains(&name.as_str()) => Time::parse(text),
            _ => None,
        })
    };
    let cited = || subject.evidence.iter().filter_map(|cited| cited.time);
    let first = cited().chain(fact(&["time", "first"])).min()?;
    let last = cited().chain(fact(&["last"])).max().unwrap_or(first);
    Some((first, last.max(first)))
}
