//! Redaction at chosen levels: each thing hidden by a placeholder, the same one in all texts of an incident.
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use facts::Mac;
use facts::records::Person;
use facts::site::Site;

use super::Case;
use super::texts::all_values;

/// What is hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hide {
    /// IP and MAC addresses.
    Addresses,
    /// Names of devices, hosts, zones, cranes, third parties and captures.
    Names,
    /// People: names, telephones, mail.
    People,
    /// Serial numbers, as records of spares and the reporting profile name them.
    Serials,
    /// Hashes of content.
    Hashes,
}

impl Hide {
    pub const ALL: &[Hide] = &[
        Hide::Addresses,
        Hide::Names,
        Hide::People,
        Hide::Serials,
        Hide::Hashes,
    ];

    pub const fn word(self) -> &'static str {
        match self {
            Hide::Addresses => "addresses",
            Hide::Names => "names",
            Hide::People => "people",
            Hide::Serials => "serials",
            Hide::Hashes => "hashes",
        }
    }

    /// As it stands in a placeholder.
    const fn one(self) -> &'static str {
        match self {
            Hide::Addresses => "address",
            Hide::Names => "name",
            Hide::People => "person",
            Hide::Serials => "serial",
            Hide::Hashes => "hash",
        }
    }
}

/// Puts placeholders in the place of what is hidden.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    hidden: BTreeSet<Hide>,
    /// The longest first, so that `10.0.0.12` is not read as `10.0.0.1` and a digit.
    placeholders: Vec<(String, String)>,
}

impl Redactor {
    /// For one incident. `people` and `serials` are those that the ledger knows. The numbers depend on the incident alone,
    /// not on what is hidden: `[name 3]` is the same thing in every text.
    pub fn new(case: &Case<'_>, hide: &[Hide], people: &[Person], serials: &[String]) -> Redactor {
        let text = all_values(case);
        let mut found: BTreeMap<String, Hide> = BTreeMap::new();
        for token in text.split(|c: char| !(c.is_ascii_alphanumeric() || ".:-/_".contains(c))) {
            let token = token.trim_matches(|c: char| ".:-/_".contains(c));
            if is_address(token) {
                found.insert(token.to_owned(), Hide::Addresses);
            } else if token.len() >= 32 && token.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                found.insert(token.to_owned(), Hide::Hashes);
            } else if [".pcap", ".pcapng"].iter().any(|end| token.contains(end)) {
                found.insert(token.to_owned(), Hide::Names);
            }
        }
        let mut add = |word: &str, hide: Hide| {
            if word.chars().count() > 1 && text.contains(word) {
                found.entry(word.to_owned()).or_insert(hide);
            }
        };
        for person in people {
            let all = [
                Some(&person.name),
                person.phone.as_ref(),
                person.email.as_ref(),
            ];
            all.into_iter()
                .flatten()
                .for_each(|word| add(word, Hide::People));
        }
        let profile = case
            .profile
            .and_then(|profile| profile.facility_id.as_ref());
        serials
            .iter()
            .chain(profile)
            .for_each(|word| add(word, Hide::Serials));
        names(case.site).for_each(|word| add(word, Hide::Names));
        if let Some(reporter) = &case.incident.reporter {
            add(&reporter.0, Hide::People);
        }
        if let Some(profile) = case.profile {
            add(&profile.organisation, Hide::Names);
            add(&profile.location, Hide::Names);
        }
        let hidden: BTreeSet<Hide> = hide.iter().copied().collect();
        let mut counts: BTreeMap<Hide, usize> = BTreeMap::new();
        let mut placeholders: Vec<(String, String)> = found
            .into_iter()
            .map(|(word, of)| {
                let count = counts.entry(of).or_default();
                *count += 1;
                (of, word, format!("[{} {count}]", of.one()))
            })
            .filter(|(of, ..)| hidden.contains(of))
            .map(|(_, word, placeholder)| (word, placeholder))
            .collect();
        placeholders.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.0.cmp(&b.0)));
        Redactor {
            hidden,
            placeholders,
        }
    }

    pub fn is_any(&self) -> bool {
        !self.hidden.is_empty()
    }

    pub(super) fn note(&self) -> String {
        let words: Vec<&str> = self.hidden.iter().map(|hide| hide.word()).collect();
        format!(
            "Redacted: {}. A placeholder stands for the same thing in every report of this incident.",
            words.join(", ")
        )
    }

    /// The text with its placeholders.
    pub fn apply(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let (mut rest, mut before) = (text, None);
        while let Some(c) = rest.chars().next() {
            let free = before.is_none_or(|c: char| !is_word(c));
            let hit = self.placeholders.iter().find(|(word, _)| {
                let after = rest.strip_prefix(word.as_str());
                let ends = |after: &str| after.chars().next().is_none_or(|c| !is_word(c));
                free && after.is_some_and(ends)
            });
            let taken = match hit {
                Some((word, placeholder)) => {
                    out.push_str(placeholder);
                    before = word.chars().next_back();
                    word.len()
                }
                None => {
                    out.push(c);
                    before = Some(c);
                    c.len_utf8()
                }
            };
            rest = rest.get(taken..).unwrap_or_default();
        }
        out
    }
}

/// Part of a name: `plc1` is not hidden within `plc1-spare`.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

fn is_address(token: &str) -> bool {
    let alone = token.split('/').next().unwrap_or(token);
    // `::` alone, and times of day, are no addresses.
    let colons = alone.matches(':').count();
    let is_mac = colons == 5 && alone.len() == 17 && alone.parse::<Mac>().is_ok();
    is_mac || (alone.parse::<IpAddr>().is_ok() && colons != 1)
}

fn names(site: &Site) -> impl Iterator<Item = &str> {
    let assets = site.assets.iter().flat_map(|asset| {
        let own = std::iter::once(&asset.name).chain(&asset.hostnames);
        own.chain(asset.crane.as_ref())
    });
    let zones = site
        .zones
        .iter()
        .flat_map(|zone| std::iter::once(&zone.name).chain(zone.crane.as_ref()));
    let parties = site
        .parties
        .iter()
        .flat_map(|party| std::iter::once(&party.name).chain(&party.domains));
    let conduits = site.conduits.iter().map(|conduit| &conduit.name);
    let own = std::iter::once(&site.name);
    own.chain(assets)
        .chain(zones)
        .chain(parties)
        .chain(conduits)
        .map(String::as_str)
}
