//! Redaction at chosen levels: each thing hidden by a placeholder, the same one in all texts of an incident.
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

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
    /// In lower case, the longest first, so that `10.0.0.12` is not read as `10.0.0.1` and a digit.
    placeholders: Vec<(String, String, Hide)>,
}

impl Redactor {
    /// For one incident. `people` and `serials` are those that the ledger knows. The numbers depend on the incident alone,
    /// not on what is hidden: `[name 3]` is the same thing in every text.
    pub fn new(case: &Case<'_>, hide: &[Hide], people: &[Person], serials: &[String]) -> Redactor {
        let text = all_values(case);
        let mut found: BTreeMap<String, Hide> = BTreeMap::new();
        for token in text.split(|c: char| !(c.is_ascii_alphanumeric() || ".:-/_".contains(c))) {
            let token = token.trim_matches(|c: char| ".:-/_".contains(c));
            for (word, hide) in told_by_form(token) {
                found.insert(word.to_lowercase(), hide);
            }
        }
        let lower = text.to_lowercase();
        let mut add = |word: &str, hide: Hide| {
            let word = word.to_lowercase();
            if word.chars().count() > 1 && lower.contains(&word) {
                found.entry(word).or_insert(hide);
            }
        };
        for account in &case.incident.accounts {
            add(account, Hide::People);
        }
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
        let mut placeholders: Vec<(String, String, Hide)> = found
            .into_iter()
            .map(|(word, of)| {
                let count = counts.entry(of).or_default();
                *count += 1;
                (of, word, format!("[{} {count}]", of.one()))
            })
            .filter(|(of, ..)| hidden.contains(of))
            .map(|(of, word, placeholder)| (word, placeholder, of))
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
            let hit = self
                .placeholders
                .iter()
                .find_map(|(word, placeholder, of)| {
                    let is_free = |c: Option<char>| c.is_none_or(|c| !is_word(c, *of));
                    let after = without(rest, word).filter(|_| is_free(before))?;
                    is_free(after.chars().next()).then_some((placeholder, after))
                });
            if let Some((placeholder, after)) = hit {
                out.push_str(placeholder);
                // Of the last character it is enough to know that it was part of a word.
                (before, rest) = (Some('x'), after);
            } else {
                out.push(c);
                before = Some(c);
                rest = rest.get(c.len_utf8()..).unwrap_or_default();
            }
        }
        out
    }
}

/// What follows a word at the beginning of a text, whatever the case of its letters.
fn without<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let mut chars = text.chars();
    let mut wanted = word.chars().peekable();
    while wanted.peek().is_some() {
        for c in chars.next()?.to_lowercase() {
            if wanted.next() != Some(c) {
                return None;
            }
        }
    }
    Some(chars.as_str())
}

/// Part of a name: `plc1` is not hidden within `plc1-spare`. Addresses and hashes end at anything but letters and digits:
/// two with a dash between are a range.
fn is_word(c: char, of: Hide) -> bool {
    let in_name = !matches!(of, Hide::Addresses | Hide::Hashes);
    c.is_alphanumeric() || in_name && (c == '_' || c == '-')
}

/// What is to be hidden of a token, by its form: alone, with a port behind or a word before it, as two ends of a range.
fn told_by_form(token: &str) -> Vec<(&str, Hide)> {
    if is_address(token) {
        return vec![(token, Hide::Addresses)];
    }
    let is_hash = |part: &str| part.len() >= 32 && part.bytes().all(|b| b.is_ascii_hexdigit());
    let mut told = Vec::new();
    for part in token.split(['-', '/', '_']) {
        let (before, after) = part.rsplit_once(':').unwrap_or((part, part));
        if is_address(part) {
            told.push((part, Hide::Addresses));
        } else {
            let plain = [before, after].into_iter();
            let plain = plain.filter(|one| one.parse::<Ipv4Addr>().is_ok());
            told.extend(plain.map(|one| (one, Hide::Addresses)));
        }
        if is_hash(after) {
            told.push((after, Hide::Hashes));
        }
    }
    if [".pcap", ".pcapng"].iter().any(|end| token.contains(end)) {
        told.push((token, Hide::Names));
    }
    told
}

fn is_address(token: &str) -> bool {
    let alone = token.split('/').next().unwrap_or(token);
    // `::` alone, and times of day, are no addresses.
    let colons = alone.matches(':').count();
    let dashes = alone.matches('-').count();
    let mac = alone.replace('-', ":");
    let is_mac = colons.max(dashes) == 5 && mac.len() == 17 && mac.parse::<Mac>().is_ok();
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
