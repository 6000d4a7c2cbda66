//! Registered owners of MAC prefixes: IEEE MA-L (/24), MA-M (/28), MA-S and IAB (/36); the longest prefix wins.
//!
//! A /24 of the registry that is split into smaller blocks belongs to nobody by itself, and an owner who asked not to be
//! named is unknown: neither is kept. The built-in list is made by `cargo xtask lists`.
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use super::Problem;
use crate::Mac;

const BUILTIN: &str = include_str!("../../data/oui.txt");

/// Registry entries that name no maker.
const NOBODY: &[&str] = &["IEEE Registration Authority", "Private"];

/// Owner of a MAC address: the organisation as the registry spells it, and how many bits of the address matched.
pub type Owner<'a> = (&'a str, u8);

/// A registry of MAC prefixes.
#[derive(Debug, Default)]
pub struct Oui {
    /// Date of the registry, or whatever its header calls its version.
    pub version: Option<String>,
    /// Where it is from.
    pub source: Option<String>,
    /// What `entries` point into: names of organisations.
    text: Cow<'static, str>,
    /// Sorted by length, then by bits.
    entries: Vec<Entry>,
    /// Lengths in use, longest first.
    lengths: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    length: u8,
    bits: u64,
    name: Span,
}

/// Bytes of a name in the text.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    end: u32,
}

impl Oui {
    /// The registry that the program was built with; read on the first call.
    pub fn builtin() -> Arc<Oui> {
        static READ: OnceLock<Arc<Oui>> = OnceLock::new();
        Arc::clone(READ.get_or_init(|| Arc::new(grouped(Cow::Borrowed(BUILTIN)).0)))
    }

    /// Reads a registry: IEEE's CSV (`Registry,Assignment,Organization Name,…`), Wireshark's `manuf`
    /// (`PREFIX[/BITS]`, tab, short name, tab, long name), or the form of the built-in one (organisation, tab, prefixes).
    /// A prefix that is listed twice belongs to the first. Lines that cannot be read are reported, the others are kept.
    pub fn from_text(text: &str) -> (Oui, Vec<Problem>) {
        if text.starts_with(GROUPED) {
            return grouped(Cow::Owned(text.to_owned()));
        }
        let (mut oui, mut problems) = (Oui::default(), Vec::new());
        let mut names = Names::default();
        let (mut csv, mut open) = (false, false);
        for (index, line) in text.lines().enumerate() {
            let line = line.trim_end().trim_start_matches('\u{feff}');
            // An address may break its line inside its quotes; a line that begins like a record ends that.
            let is_rest = std::mem::take(&mut open) && !is_record(line);
            open = csv && is_rest == line.matches('"').count().is_multiple_of(2);
            if is_rest || line.is_empty() || line.starts_with('#') {
                continue;
            }
            if line.starts_with("Registry,") {
                csv = true;
                continue;
            }
            match if csv {
                csv_line(line)
            } else {
                manuf_line(line)
            } {
                Ok((bits, length, name)) => {
                    if let Some(name) = names.span(&name) {
                        oui.entries.push(Entry { length, bits, name });
                    }
                }
                Err(message) => problems.push(Problem {
                    line: index.saturating_add(1),
                    message,
                }),
            }
        }
        oui.text = Cow::Owned(names.text);
        (oui.sorted(), problems)
    }

    /// The owner of the address; `None` where it has none: group and locally administered addresses are nobody's.
    pub fn lookup(&self, mac: Mac) -> Option<Owner<'_>> {
        if mac.is_group() || mac.is_local() {
            return None;
        }
        self.lengths.iter().find_map(|&length| {
            let bits = mac.bits() & mask(length);
            let found = self
                .entries
                .binary_search_by_key(&(length, bits), |entry| (entry.length, entry.bits))
                .ok()?;
            Some((self.name(self.entries.get(found)?.name)?, length))
        })
    }

    /// How many prefixes it holds.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// No prefix at all, as of a list that could not be read.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Every prefix (bits left aligned in 48, how many count) with its owner, in order.
    pub fn entries(&self) -> impl Iterator<Item = (u64, u8, &str)> {
        self.entries
            .iter()
            .filter_map(|entry| Some((entry.bits, entry.length, self.name(entry.name)?)))
    }

    /// Adds the prefixes of `other` that this one lacks.
    #[must_use]
    pub fn with_older(self, other: &Oui) -> Oui {
        let mut names = Names::default();
        let mut entries = Vec::with_capacity(self.len().saturating_add(other.len()));
        for (bits, length, name) in self.entries().chain(other.entries()) {
            if let Some(name) = names.span(name) {
                entries.push(Entry { length, bits, name });
            }
        }
        Oui {
            text: Cow::Owned(names.text),
            entries,
            lengths: Vec::new(),
            ..self
        }
        .sorted()
    }

    /// The form of the built-in list: a header, then per organisation one line with its prefixes.
    pub fn to_text(&self) -> String {
        let mut owners: std::collections::BTreeMap<&str, Vec<String>> =
            std::collections::BTreeMap::new();
        for (bits, length, name) in self.entries() {
            let digits = usize::from(length / 4);
            owners
                .entry(name)
                .or_default()
                .push(format!("{bits:012X}").chars().take(digits).collect());
        }
        let mut out =
            format!("{GROUPED}: one organisation a line, a tab, its MAC prefixes in hex\n");
        for (key, value) in [("version", &self.version), ("source", &self.source)] {
            if let Some(value) = value {
                let _ = writeln!(out, "# {key}: {value}");
            }
        }
        for (name, prefixes) in owners {
            let _ = writeln!(out, "{name}\t{}", prefixes.join(" "));
        }
        out
    }

    fn name(&self, span: Span) -> Option<&str> {
        self.text.get(span.start as usize..span.end as usize)
    }

    /// Brings the entries in order. The sort is stable, so of two entries for a prefix the first read stays.
    fn sorted(mut self) -> Oui {
        self.entries.sort_by_key(|entry| (entry.length, entry.bits));
        self.entries
            .dedup_by_key(|entry| (entry.length, entry.bits));
        self.lengths = self.entries.iter().map(|entry| entry.length).collect();
        self.lengths.dedup();
        self.lengths.reverse();
        self
    }
}

/// First words of the built-in form.
const GROUPED: &str = "# MAC prefixes and their owners";

/// Reads the built-in form in place: the names stay where they stand in the text.
fn grouped(text: Cow<'static, str>) -> (Oui, Vec<Problem>) {
    let (mut oui, mut problems) = (Oui::default(), Vec::new());
    let mut start = 0usize;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let (at, line_number) = (start, index.saturating_add(1));
        start = start.saturating_add(line.len());
        let line = line.trim_end();
        if let Some(comment) = line.strip_prefix('#') {
            if let Some(version) = comment.trim().strip_prefix("version:") {
                oui.version = Some(version.trim().to_owned());
            } else if let Some(source) = comment.trim().strip_prefix("source:") {
                oui.source = Some(source.trim().to_owned());
            }
            continue;
        }
        if line.is_empty() {
            continue;
        }
        let Some((name, prefixes)) = line.split_once('\t') else {
            let message = "expected an organisation, a tab and its prefixes".to_owned();
            problems.push(Problem {
                line: line_number,
                message,
            });
            continue;
        };
        let (Ok(from), Ok(to)) = (
            u32::try_from(at),
            u32::try_from(at.saturating_add(name.len())),
        ) else {
            break;
        };
        for digits in prefixes.split(' ') {
            match hex_prefix(digits) {
                Some((bits, length)) => {
                    oui.entries.push(Entry {
                        length,
                        bits,
                        name: Span {
                            start: from,
                            end: to,
                        },
                    });
                }
                None => problems.push(Problem {
                    line: line_number,
                    message: not_a_prefix(digits),
                }),
            }
        }
    }
    oui.text = text;
    (oui.sorted(), problems)
}

/// Names of organisations in one text, each once.
#[derive(Debug, Default)]
struct Names {
    text: String,
    spans: HashMap<String, Span>,
}

impl Names {
    /// `None` for an entry that names nobody.
    fn span(&mut self, name: &str) -> Option<Span> {
        // A tab or line break would tear the built-in form; the registry has none.
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
        if name.is_empty()
            || NOBODY
                .iter()
                .any(|nobody| name.eq_ignore_ascii_case(nobody))
        {
            return None;
        }
        if let Some(span) = self.spans.get(&name) {
            return Some(*span);
        }
        let start = u32::try_from(self.text.len()).ok()?;
        self.text.push_str(&name);
        let span = Span {
            start,
            end: u32::try_from(self.text.len()).ok()?,
        };
        self.spans.insert(name, span);
        Some(span)
    }
}

fn not_a_prefix(text: &str) -> String {
    format!(
        "\"{text}\" is no MAC prefix: expected hex digits such as 4419B6, or 44:19:b6:10:00:00/28"
    )
}

/// Whether the line begins with the name of one of IEEE's registries.
fn is_record(line: &str) -> bool {
    ["MA-L,", "MA-M,", "MA-S,", "IAB,", "CID,"]
        .iter()
        .any(|registry| line.starts_with(registry))
}

/// A line of IEEE's CSV. Only the first three fields matter; the address after them may hold anything.
fn csv_line(line: &str) -> Result<(u64, u8, String), String> {
    let mut fields = CsvFields { rest: Some(line) };
    let (Some(_registry), Some(assignment), Some(name)) =
        (fields.next(), fields.next(), fields.next())
    else {
        return Err(
            "expected at least three fields: registry, assignment, organisation".to_owned(),
        );
    };
    let (bits, length) = hex_prefix(assignment.trim()).ok_or_else(|| not_a_prefix(&assignment))?;
    Ok((bits, length, name))
}

struct CsvFields<'a> {
    rest: Option<&'a str>,
}

impl Iterator for CsvFields<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let rest = self.rest?;
        let Some(quoted) = rest.strip_prefix('"') else {
            let (field, after) = rest
                .split_once(',')
                .map_or((rest, None), |(field, after)| (field, Some(after)));
            self.rest = after;
            return Some(field.to_owned());
        };
        // RFC 4180, 2.7: a quote inside a quoted field is doubled.
        let (mut field, mut rest) = (String::new(), quoted);
        loop {
            let Some((part, after)) = rest.split_once('"') else {
                field.push_str(rest);
                self.rest = None;
                return Some(field);
            };
            field.push_str(part);
            if let Some(after) = after.strip_prefix('"') {
                field.push('"');
                rest = after;
            } else {
                self.rest = after.strip_prefix(',');
                return Some(field);
            }
        }
    }
}

/// A line of Wireshark's `manuf`: the long name if there is one, else the short one.
fn manuf_line(line: &str) -> Result<(u64, u8, String), String> {
    let mut fields = line
        .split('\t')
        .map(str::trim)
        .filter(|field| !field.is_empty());
    let (Some(digits), Some(short)) = (fields.next(), fields.next()) else {
        return Err(
            "expected a prefix, a tab and a name, or the header of IEEE's CSV before this line"
                .to_owned(),
        );
    };
    let (bits, length) = prefix(digits).ok_or_else(|| not_a_prefix(digits))?;
    Ok((bits, length, fields.next().unwrap_or(short).to_owned()))
}

const fn mask(length: u8) -> u64 {
    let length = if length > 48 { 48 } else { length };
    0xffff_ffff_ffff & !(0xffff_ffff_ffff_u64 >> length)
}

/// Bare hex digits, four bits each.
fn hex_prefix(digits: &str) -> Option<(u64, u8)> {
    let count = u8::try_from(digits.len())
        .ok()
        .filter(|count| (1..=12).contains(count))?;
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let value = u64::from_str_radix(digits, 16).ok()?;
    let length = count.checked_mul(4)?;
    Some((value << (48u8.checked_sub(length)?), length))
}

/// Reads a MAC prefix, e.g. `44:19:b6`, `4419B61`, `c0:9b:f4:b0:00:00/28`: the bits, left aligned in 48, and how many
/// count.
pub fn prefix(text: &str) -> Option<(u64, u8)> {
    let (digits, length) = match text.split_once('/') {
        Some((digits, length)) => (
            digits,
            Some(
                length
                    .parse::<u8>()
                    .ok()
                    .filter(|length| (1..=48).contains(length))?,
            ),
        ),
        None => (text, None),
    };
    let digits: String = digits
        .chars()
        .filter(|c| !matches!(c, ':' | '-' | '.'))
        .collect();
    let (bits, given) = hex_prefix(&digits)?;
    let length = length.unwrap_or(given);
    Some((bits & mask(length), length))
}

/// The prefix of that many bits of an address as it is shown: `c0:9b:f4:b/28`.
pub fn prefix_text(mac: Mac, length: u8) -> String {
    let bits = mac.bits() & mask(length);
    let mut out = String::new();
    for (index, digit) in format!("{bits:012x}")
        .chars()
        .take(usize::from(length.div_ceil(4)))
        .enumerate()
    {
        if index > 0 && index.is_multiple_of(2) {
            out.push(':');
        }
        out.push(digit);
    }
    let _ = write!(out, "/{length}");
    out
}
