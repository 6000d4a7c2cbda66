//! A measure page: front matter, prose that an inspector reads, one query, and the cases that prove it.
//!
//! The same text is the check, its test, the console's page and the report's section. It is read line by line so that
//! every complaint names its place.
use std::collections::BTreeMap;

use serde::Deserialize;

use crate::cases::Case;
use crate::parameters::{self, Parameter};
use crate::{Error, Verdict};

/// A measure as its page gives it.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// E.g. `C9`.
    pub id: String,
    /// The state that the measure asserts.
    pub title: String,
    /// Area of the advisory: `threat`, `general`, `crane`, and so on.
    pub area: String,
    /// What one of its subjects is called, and several.
    pub subjects: (String, String),
    /// Paragraphs that it answers, by edition.
    pub paragraphs: BTreeMap<String, Vec<String>>,
    /// Kinds of coverage that a `met` rests on.
    pub needs: Vec<String>,
    /// Kinds of record that it rests on, first the one that makes its subjects. Without any of them there is nothing to judge.
    pub records: Vec<String>,
    /// Values that the query names (`:name`).
    pub parameters: Vec<Parameter>,
    /// Ids of other frameworks, by framework.
    pub crosswalk: BTreeMap<String, Vec<String>>,
    /// Markdown of the sections.
    pub asks: String,
    /// Markdown of how it is judged.
    pub judged: String,
    /// Markdown of what to do when it fails.
    pub fails: String,
    /// The one query, as it stands on the page.
    pub sql: String,
    /// At least one with each of the verdicts met, not met and unproven.
    pub cases: Vec<Case>,
    /// The file, for messages.
    pub file: String,
    /// Line of the query's first line.
    pub sql_line: usize,
    /// The whole page.
    pub text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Front {
    id: String,
    title: String,
    area: String,
    subjects: [String; 2],
    #[serde(default)]
    paragraphs: BTreeMap<String, Vec<String>>,
    needs: Vec<String>,
    #[serde(default)]
    records: Vec<String>,
    #[serde(default)]
    parameters: BTreeMap<String, parameters::Written>,
    #[serde(default)]
    crosswalk: BTreeMap<String, Vec<String>>,
}

/// Areas, in the order of the catalogue.
pub(crate) const AREAS: &[&str] = &[
    "threat",
    "general",
    "crane",
    "integrity",
    "physical",
    "reporting",
    "editions",
];
/// Kinds of coverage that a page may need, of the values of `coverage.what`. Limits that were hit count for every page.
pub(crate) const NEEDS: &[&str] = &["capture", "frames", "streams", "directions", "classified"];
const SECTIONS: [&str; 4] = ["What it asks", "How it is judged", "When it fails", "Cases"];

/// A line of the page and its number from 1.
pub(crate) type Line<'a> = (usize, &'a str);

impl Page {
    /// Whether it rests on records and the site file alone, so that nothing seen changes its verdict.
    ///
    /// # Errors
    /// The step at which the empty tables could not be made to ask.
    pub fn is_declared(&self) -> Result<bool, Error> {
        if !self.needs.is_empty() {
            return Ok(false);
        }
        let known = store::tables();
        let of_people = |table: &String| {
            let is_table = known.iter().any(|one| one.name == *table);
            let made = ["record_", "site_"];
            made.iter().any(|begin| table.starts_with(begin))
                || ["json_each", "terminal"].contains(&table.as_str())
                // A part of the query that is only counted is told as a table of its name.
                || (!is_table && self.sql.contains(&format!("{table} AS (")))
        };
        let tables = store::tables_of(&self.sql)?;
        Ok(!tables.is_empty() && tables.iter().all(of_people))
    }

    /// Reads a page; `file` is for messages. A page without cases of all three kinds does not load.
    ///
    /// # Errors
    /// [`Error::Page`] with the first thing that is wrong and its line.
    pub fn parse(file: &str, text: &str) -> Result<Page, Error> {
        let wrong = |line: usize, message: String| Error::Page {
            file: file.to_owned(),
            line,
            message,
        };
        let lines: Vec<Line<'_>> = (1..).zip(text.lines()).collect();
        let (front, body) = front_matter(&lines).map_err(|(line, message)| wrong(line, message))?;
        let front: Front = toml::from_str(&front).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            let before = front
                .get(..offset)
                .unwrap_or_default()
                .matches('\n')
                .count();
            wrong(before + 2, error.message().to_owned())
        })?;
        if !AREAS.contains(&front.area.as_str()) {
            return Err(wrong(
                1,
                format!("area {:?} is not one of {}", front.area, AREAS.join(", ")),
            ));
        }
        if let Some(need) = front
            .needs
            .iter()
            .find(|need| !NEEDS.contains(&need.as_str()))
        {
            return Err(wrong(
                1,
                format!(
                    "{need:?} is no kind of coverage; known are {}",
                    NEEDS.join(", ")
                ),
            ));
        }
        if let Some(kind) = front
            .records
            .iter()
            .find(|kind| facts::records::kind(kind).is_none())
        {
            return Err(wrong(
                1,
                format!("{kind:?} is no kind of record; `seawall record` lists them"),
            ));
        }
        let parameters: Vec<Parameter> = front
            .parameters
            .into_iter()
            .map(|(name, written)| {
                parameters::read(&name, written).map_err(|message| wrong(1, message))
            })
            .collect::<Result<_, Error>>()?;

        let sections = sections(body);
        let find = |title: &str| {
            let found = sections.iter().find(|section| section.title == title);
            found.ok_or_else(|| {
                wrong(
                    lines.len().max(1),
                    format!("section `## {title}` is missing"),
                )
            })
        };
        if let Some(odd) = sections
            .iter()
            .find(|section| !SECTIONS.contains(&section.title))
        {
            return Err(wrong(
                odd.line,
                format!(
                    "section {:?} is not one of {}",
                    odd.title,
                    SECTIONS.join(", ")
                ),
            ));
        }
        let [asks, judged, fails, cases] = SECTIONS;
        let (asks, judged, fails, cases) = (find(asks)?, find(judged)?, find(fails)?, find(cases)?);
        let queries: Vec<Block<'_>> = blocks(judged.lines)
            .into_iter()
            .filter(|block| block.language == "sql")
            .collect();
        let [query] = queries.as_slice() else {
            return Err(wrong(
                judged.line,
                format!("one `sql` block is expected here, {} found", queries.len()),
            ));
        };
        let read = crate::cases::parse(cases.lines, &front.needs)
            .map_err(|(line, message)| wrong(line, message))?;
        for verdict in [Verdict::Met, Verdict::NotMet, Verdict::Unproven] {
            if !read.iter().any(|case| case.verdict == verdict) {
                return Err(wrong(
                    cases.line,
                    format!(
                        "no case is {verdict}: a page needs one that is met, one not met, one unproven"
                    ),
                ));
            }
        }
        let prose = |section: &Section<'_>| {
            let mut inside = false;
            let keep = section.lines.iter().filter(|(_, line)| {
                let fence = line.starts_with("```");
                let skip = inside || fence;
                inside ^= fence;
                !skip
            });
            keep.map(|(_, line)| *line)
                .collect::<Vec<_>>()
                .join("\n")
                .trim()
                .to_owned()
        };
        let [one, several] = front.subjects;
        Ok(Page {
            id: front.id,
            title: front.title,
            area: front.area,
            subjects: (one, several),
            paragraphs: front.paragraphs,
            needs: front.needs,
            records: front.records,
            parameters,
            crosswalk: front.crosswalk,
            asks: prose(asks),
            judged: prose(judged),
            fails: prose(fails),
            sql: query
                .lines
                .iter()
                .map(|(_, line)| *line)
                .collect::<Vec<_>>()
                .join("\n"),
            sql_line: query.lines.first().map_or(query.line, |(line, _)| *line),
            cases: read,
            file: file.to_owned(),
            text: text.to_owned(),
        })
    }
}

/// The TOML between the two `+++` lines, and the lines after it.
fn front_matter<'a, 'b>(
    lines: &'b [Line<'a>],
) -> Result<(String, &'b [Line<'a>]), (usize, String)> {
    let Some(((_, first), rest)) = lines.split_first() else {
        return Err((1, "the page is empty".to_owned()));
    };
    if first.trim_end() != "+++" {
        return Err((
            1,
            "a page begins with a line `+++` and its front matter in TOML".to_owned(),
        ));
    }
    let end = rest.iter().position(|(_, line)| line.trim_end() == "+++");
    let Some(end) = end else {
        return Err((
            1,
            "the front matter is not closed by a line `+++`".to_owned(),
        ));
    };
    let (front, body) = rest.split_at(end);
    Ok((
        front.iter().map(|(_, line)| format!("{line}\n")).collect(),
        body.get(1..).unwrap_or_default(),
    ))
}

struct Section<'a> {
    title: &'a str,
    line: usize,
    lines: &'a [Line<'a>],
}

fn sections<'a>(body: &'a [Line<'a>]) -> Vec<Section<'a>> {
    let mut inside = false;
    let mut starts = Vec::new();
    for (index, (_, line)) in body.iter().enumerate() {
        inside ^= line.starts_with("```");
        if !inside && line.starts_with("## ") {
            starts.push(index);
        }
    }
    let ends = starts.iter().copied().skip(1).chain([body.len()]);
    starts
        .iter()
        .zip(ends)
        .filter_map(|(start, end)| {
            let (head, lines) = body.get(*start..end)?.split_first()?;
            Some(Section {
                title: head.1.trim_start_matches('#').trim(),
                line: head.0,
                lines,
            })
        })
        .collect()
}

/// A fenced block: its language, the line of its fence, the lines within.
pub(crate) struct Block<'a> {
    pub(crate) language: &'a str,
    pub(crate) line: usize,
    pub(crate) lines: Vec<Line<'a>>,
}

pub(crate) fn blocks<'a>(lines: &[Line<'a>]) -> Vec<Block<'a>> {
    let mut blocks = Vec::new();
    let mut open: Option<Block<'a>> = None;
    for (number, line) in lines {
        match (line.strip_prefix("```"), open.as_mut()) {
            (Some(language), None) => {
                open = Some(Block {
                    language: language.trim(),
                    line: *number,
                    lines: Vec::new(),
                })
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => block.lines.push((*number, line)),
            (None, None) => {}
        }
    }
    blocks
}
