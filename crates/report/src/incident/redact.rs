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
    /// Names of the terminal, its place, devices, hosts, zones, cranes, third parties, sensors and captures.
    Names,
    /// People: names, telephones, mail, accounts.
    People,
    /// Serial numbers, as records of spares and the reporting profile name them.
    Serials,
    /// Hashes: of content, and the names of findings, which are hashes of the names of what was found.
    Hashes,
}

impl Hide {
    /// In the order of the reference.
    pub const ALL: &[Hide] = &[
        Hide::Addresses,
        Hide::Names,
        Hide::People,
        Hide::Serials,
        Hide::Hashes,
    ];

    /// The word of the command line.
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
    placeholders: Vec<(String, String)>,
}

impl Redactor {
    /// For one incident. `people`, with their ids, and `serials` are those that the ledger knows. The numbers depend on the
    /// incident alone, not on what is hidden: `[name 3]` is the same thing in every text.
    pub fn new(
        case: &Case<'_>,
        hide: &[Hide],
        people: &[(String, Person)],
        serials: &[String],
    ) -> Redactor {
        let text = all_values(case);
        let mut found: BTreeMap<String, Hide> = BTreeMap::new();
        for token in text.split(|c: char| !(c.is_ascii_alphanumeric() || ".:-/_".contains(c))) {
            let token = token.trim_matches(|c: char| ".:-/_".contains(c));
            for (word, hide) in told_by_form(token) {
                found.insert(word.to_lowercase(), hide);
            }
        }
        for mail in mails(&text) {
            found.insert(mail.to_lowercase(), Hide::People);
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
            // A narrative may leave the domain out.
            parts(account, &['\\', '@']).for_each(|part| add(part, Hide::People));
        }
        for (id, person) in people {
            let all = [
                Some(id),
                Some(&person.name),
                person.phone.as_ref(),
                person.email.as_ref(),
            ];
            all.into_iter()
                .flatten()
                .for_each(|word| add(word, Hide::People));
            parts(&person.name, &[' ']).for_each(|part| add(part, Hide::People));
        }
        for contact in case.contacts {
            if let Some(person) = &contact.1.person {
                add(person, Hide::People);
            }
        }
        if let Some(reporter) = &case.incident.reporter {
            add(&reporter.0, Hide::People);
        }
        // The number of the facility is one of its names, and a number that a record gives.
        let facility = case
            .profile
            .and_then(|profile| profile.facility_id.as_deref());
        let serials = serials.iter().map(String::as_str);
        serials
            .filter(|word| Some(*word) != facility)
            .for_each(|word| add(word, Hide::Serials));
        names(case.site).for_each(|word| add(word, Hide::Names));
        let kept = case.incident.evidence.iter();
        kept.filter_map(|kept| Some(kept.split_once(" frame")?.0))
            .for_each(|capture| add(capture, Hide::Names));
        if let Some(profile) = case.profile {
            let own = [
                Some(&profile.organisation),
                Some(&profile.location),
                profile.cotp_zone.as_ref(),
                profile.facility_id.as_ref(),
            ];
            own.into_iter()
                .flatten()
                .for_each(|word| add(word, Hide::Names));
        }
        let facility = facility.map(str::to_lowercase);
        let hidden: BTreeSet<Hide> = hide.iter().copied().collect();
        let mut counts: BTreeMap<Hide, usize> = BTreeMap::new();
        let mut placeholders: Vec<(String, String)> = found
            .into_iter()
            .map(|(word, of)| {
                let count = counts.entry(of).or_default();
                *count += 1;
                (of, word, format!("[{} {count}]", of.one()))
            })
            .filter(|(of, word, _)| {
                let is_number = facility.as_ref() == Some(word);
                hidden.contains(of)
                    || is_number && hidden.contains(&Hide::Serials)
                    // Whoever guesses the names can try the hash.
                    || is_finding(word) && hidden.contains(&Hide::Names)
            })
            .map(|(_, word, placeholder)| (word, placeholder))
            .collect();
        placeholders.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.0.cmp(&b.0)));
        Redactor {
            hidden,
            placeholders,
        }
    }

    /// Whether anything is hidden at all.
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
            let hit = self.placeholders.iter().find_map(|(word, placeholder)| {
                let is_free = |c: Option<char>| c.is_none_or(|c| !is_word(c));
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

/// Part of a word: `plc1` is not hidden within `plc10`, but within `plc1-spare`, which tells of it. Two addresses with a dash
/// between are a range.
fn is_word(c: char) -> bool {
    c.is_alphanumeric()
}

/// Shorter parts of names are too many other words.
const SHORTEST: usize = 3;

fn parts<'t>(name: &'t str, at: &'static [char]) -> impl Iterator<Item = &'t str> {
    let parts = name.split(at).map(|part| part.trim_matches(['.', ',']));
    parts.filter(|part| part.chars().count() >= SHORTEST)
}

/// Addresses of electronic mail, whether a record has them or not.
fn mails(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !(c.is_alphanumeric() || "@._%+-".contains(c)));
    let words = words.map(|word| word.trim_matches(['.', '-']));
    words.filter(|word| {
        let ends = word.split_once('@');
        ends.is_some_and(|(who, host)| !who.is_empty() && host.contains('.'))
    })
}

/// What is to be hidden of a token, by its form: alone, with a port behind or a word before it, as two ends of a range.
fn told_by_form(token: &str) -> Vec<(&str, Hide)> {
    if is_address(token) {
        return vec![(token, Hide::Addresses)];
    }
    let is_hash = |part: &str| part.len() >= 32 && is_hex(part);
    if is_finding(token) {
        return vec![(token, Hide::Hashes)];
    }
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

fn is_hex(part: &str) -> bool {
    part.bytes().all(|b| b.is_ascii_hexdigit())
}

/// `C9-3849aa7b0c`: measure and hash of a finding.
fn is_finding(token: &str) -> bool {
    token.rsplit_once('-').is_some_and(|(measure, hash)| {
        (2..=3).contains(&measure.len()) && hash.len() == 10 && is_hex(hash)
    })
}

fn is_address(token: &str) -> bool {
    let alone = token.split('/').next().unwrap_or(token);
    // `::` alone, and times of day, are no addresses.
    let colons = alone.matches(':').count();
    let dashes = alone.matches('-').count();
    let mac = alone.replace('-', ":");
    let is_mac = colons.max(dashes) == 5 && mac.len() == 17 && mac.parse::<Mac>().is_ok();
    // As switches write it (0011.22aa.bbcc), and without anything between; twelve digits alone may be anything.
    let plain = alone.replace('.', "");
    let dotted = alone.split('.').count() == 3 && alone.split('.').all(|part| part.len() == 4);
    let is_plain = plain.len() == 12
        && plain.bytes().all(|b| b.is_ascii_hexdigit())
        && (dotted || alone == plain && plain.bytes().any(|b| b.is_ascii_alphabetic()));
    is_mac || is_plain || (alone.parse::<IpAddr>().is_ok() && colons != 1)
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
    let sensors = site.sensors.iter().map(|sensor| &sensor.name);
    let own = std::iter::once(&site.name);
    own.chain(assets)
        .chain(zones)
        .chain(parties)
        .chain(conduits)
        .chain(sensors)
        .map(String::as_str)
}
