//! The reference pages that are made from the code: protocols, tables, measures, records. They are kept in the tree so
//! that they can be read there; a test holds them against the code.
use std::collections::BTreeMap;
use std::fmt::Write;

use judge::{Catalogue, Editions, Page};
use wire::{Carrier, protocols};

use crate::run;

/// Every page: its file below `docs/`, and its text.
pub(crate) fn pages() -> Result<Vec<(&'static str, String)>, String> {
    Ok(vec![
        ("protocols.md", protocols_page()?),
        ("tables.md", tables_page()?),
        ("measures.md", measures_page()?),
        ("records.md", records_page()),
        ("records.schema.json", records_schema()?),
    ])
}

pub(crate) fn write() -> Result<(), String> {
    for (file, text) in pages()? {
        let path = run::root().join("docs").join(file);
        std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        eprintln!("wrote docs/{file}");
    }
    // The site's reference is held by the crate that reads sites.
    run::run(
        run::cargo()
            .args([
                "test",
                "--quiet",
                "--package",
                "facts",
                "--test",
                "site_docs",
            ])
            .env("UPDATE", "1"),
    )
}

/// What the real captures showed of a protocol: a line of `docs/tried.tsv`.
#[derive(Default)]
struct Tried {
    captures: u64,
    frames: u64,
    operations: u64,
    oddities: String,
}

/// By protocol. A test of `sensor` holds the file against the captures, and `cargo xtask tried` writes it.
fn tried() -> Result<BTreeMap<String, Tried>, String> {
    let path = run::root().join("docs/tried.tsv");
    let sheet =
        std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let read = |line: &str| {
        let cells: Vec<&str> = line.split('\t').collect();
        let [name, captures, frames, operations, oddities] = cells[..] else {
            return None;
        };
        let tried = Tried {
            captures: captures.parse().ok()?,
            frames: frames.parse().ok()?,
            operations: operations.parse().ok()?,
            oddities: oddities.to_owned(),
        };
        Some((name.to_owned(), tried))
    };
    let lines = sheet.lines().skip(1);
    lines
        .map(|line| {
            read(line).ok_or_else(|| {
                format!("docs/tried.tsv: `{line}` is no line of five cells; `cargo xtask tried` writes it anew")
            })
        })
        .collect()
}

impl Tried {
    /// How many, of every name.
    fn odd(&self) -> u64 {
        let counts = self.oddities.split(", ");
        counts
            .filter_map(|one| one.rsplit(' ').next()?.parse::<u64>().ok())
            .sum()
    }

    fn sentence(&self) -> String {
        if self.captures == 0 {
            return "no real capture; dialogues made by hand from the specification".to_owned();
        }
        let odd = match &*self.oddities {
            "" => "no oddity".to_owned(),
            oddities => format!("oddities: {oddities}"),
        };
        let count = |number: u64, of: &str| match number {
            1 => format!("1 {of}"),
            _ => format!("{number} {of}s"),
        };
        format!(
            "{}, {}, {}; {odd}",
            count(self.captures, "capture"),
            count(self.frames, "frame"),
            count(self.operations, "operation")
        )
    }
}

/// Measures anew what the captures beside the project show of each protocol, and writes the pages with it.
pub(crate) fn tried_anew() -> Result<(), String> {
    let test = [
        "test",
        "--quiet",
        "--package",
        "sensor",
        "--test",
        "classes",
    ];
    run::run(run::cargo().args(test).env("UPDATE", "1"))?;
    write()
}

fn protocols_page() -> Result<String, String> {
    let mut page = generated(
        "the decoders' own lines in `crates/wire/src/protocols` and the figures in `docs/tried.tsv`",
    );
    page.push_str(
        "# Protocols\n\n\
         What is read on the wire, in the order in which content is probed where no port hints. A protocol is recognised by\n\
         its content; ports only say what to try first. The names in the first column are those of facts and of the site\n\
         file's `services`. What is decoded and what is not seen stands below for each.\n\n\
         Captures, frames and oddities are those of the captures of real equipment that the tests read where they are at\n\
         hand (`cargo xtask tried`): in how many the protocol was recognised, how many frames its conversations had, and how\n\
         often something was told that should not be on a healthy wire. Many of these captures were made to show it.\n\n\
         | name | protocol | carried by | operations | captures | frames | oddities |\n\
         |---|---|---|---|--:|--:|--:|\n",
    );
    let (tried, none) = (tried()?, Tried::default());
    let of = |decoder: &wire::Decoder| tried.get(decoder.name).unwrap_or(&none);
    for decoder in protocols::ALL {
        let tried = of(decoder);
        row(
            &mut page,
            &[
                &format!("[`{0}`](#{0})", decoder.name),
                &escape(decoder.title),
                &carriers(decoder.carriers),
                &operations(decoder),
                &tried.captures.to_string(),
                &tried.frames.to_string(),
                &tried.odd().to_string(),
            ],
        )?;
    }
    for decoder in protocols::ALL {
        let remote = if decoder.remote {
            " Its conversations are remote sessions."
        } else {
            ""
        };
        write!(
            page,
            "\n## {}\n{}\n\n- Reads: {}{remote}\n- Does not see: {}\n- Tried on: {}\n- Written from: {}\n",
            decoder.name,
            decoder.title,
            sentence(decoder.about),
            sentence(decoder.blind),
            sentence(&of(decoder).sentence()),
            sentence(decoder.spec),
        )
        .map_err(text)?;
    }
    let read: Vec<&str> = protocols::ALL.iter().map(|decoder| decoder.name).collect();
    let named: Vec<String> = protocols::names()
        .into_iter()
        .filter(|name| !read.contains(name))
        .map(|name| format!("`{name}`"))
        .collect();
    write!(
        page,
        "\n## Named, not read\nThese are known by their number alone (EtherType, LLC, IP protocol): their frames are counted and their ends\n\
         known, their content is not looked into.\n\n{}\n",
        named.join(", ")
    )
    .map_err(text)?;
    Ok(page)
}

fn carriers(carriers: &[Carrier]) -> String {
    let name = |carrier: &Carrier| match carrier {
        Carrier::Tcp(port) => format!("tcp/{port}"),
        Carrier::Udp(port) => format!("udp/{port}"),
        Carrier::EtherType(kind) => format!("ethertype/{kind:#06x}"),
        Carrier::Llc(sap) => format!("llc/{sap:#04x}"),
        Carrier::Snap(oui, protocol) => format!("snap/{oui:06x}:{protocol:04x}"),
        Carrier::Radio => "radio".to_owned(),
    };
    let names: Vec<String> = carriers.iter().map(name).collect();
    names.join(", ")
}

fn operations(decoder: &wire::Decoder) -> String {
    let names: Vec<String> = decoder.operations.iter().map(ToString::to_string).collect();
    names.join(", ")
}

fn tables_page() -> Result<String, String> {
    let mut page = generated("`store::tables`; `seawall sql --tables` prints the same");
    page.push_str(
        "# Tables\n\n\
         What measure pages and `seawall sql` can ask. Times are RFC 3339 in UTC, lists are JSON arrays, booleans are 0 or 1.\n\
         Columns whose description begins with \"Judged:\" are worked out against the site file; without a site they are empty.\n\
         Every fact's `capture` and `frames` say where it can be looked at.\n",
    );
    let mut functions = Vec::new();
    for table in store::tables() {
        if table.columns.is_empty() {
            functions.push(table);
            continue;
        }
        write!(
            page,
            "\n## {}\n{}\n\n| column | type | |\n|---|---|---|\n",
            table.name, table.doc
        )
        .map_err(text)?;
        for (name, ty, doc) in &table.columns {
            row(&mut page, &[&format!("`{name}`"), ty, &escape(doc)])?;
        }
    }
    page.push_str("\n## Functions\nBesides those of SQLite.\n\n| function | |\n|---|---|\n");
    for function in functions {
        row(
            &mut page,
            &[&format!("`{}`", function.name), &escape(&function.doc)],
        )?;
    }
    Ok(page)
}

fn records_page() -> String {
    generated("`crates/facts/src/records`") + &facts::records::reference()
}

fn records_schema() -> Result<String, String> {
    let schemas = facts::records::schemas();
    serde_json::to_string_pretty(&schemas)
        .map(|text| text + "\n")
        .map_err(text)
}

fn measures_page() -> Result<String, String> {
    let catalogue = Catalogue::built_in().map_err(text)?;
    let pages = judge::built_in().map_err(text)?;
    let editions = Editions::built_in().map_err(text)?;
    let mut page = generated("`measures/`");
    write!(
        page,
        "# Measures\n\nEvery bullet of the advisory, once. {} are judged by this version; the others are listed in every report with the\n\
         evidence that they wait for.\n",
        pages.len()
    )
    .map_err(text)?;
    let mut area = "";
    for listed in &catalogue.measures {
        if listed.area != area {
            area = &listed.area;
            write!(
                page,
                "\n## {area}\n| id | measure | subjects | rests on |\n|---|---|---|---|\n"
            )
            .map_err(text)?;
        }
        let judged = pages.iter().find(|page| page.id == listed.id);
        let (id, subjects, needs) = match judged {
            Some(page) => (
                format!("[{}](../{})", page.id, page.file),
                page.subjects.1.clone(),
                page.needs.join(", "),
            ),
            None => (
                listed.id.clone(),
                String::new(),
                format!("*not judged yet:* {}", listed.why),
            ),
        };
        row(
            &mut page,
            &[
                &id,
                &escape(&listed.title),
                &escape(&subjects),
                &escape(&needs),
            ],
        )?;
    }
    page.push_str("\n## editions of the advisory\n");
    for edition in &editions.all {
        write!(
            page,
            "\n### {}\n{}. {}\n",
            edition.id,
            edition.title.trim_end_matches('.'),
            edition.note
        )
        .map_err(text)?;
        if edition.paragraphs.is_empty() {
            continue;
        }
        page.push_str("\n| paragraph | asks | answered by |\n|---|---|---|\n");
        for paragraph in &edition.paragraphs {
            let measures: Vec<String> = paragraph
                .measures
                .iter()
                .map(|id| answered(id, &pages))
                .collect();
            row(
                &mut page,
                &[
                    &format!("`{}`", paragraph.id),
                    &escape(&paragraph.title),
                    &measures.join(", "),
                ],
            )?;
        }
    }
    Ok(page)
}

fn answered(id: &str, pages: &[Page]) -> String {
    if pages.iter().any(|page| page.id == id) {
        format!("**{id}**")
    } else {
        id.to_owned()
    }
}

fn generated(from: &str) -> String {
    format!("<!-- Made by `cargo xtask docs` from {from}; change it there. -->\n")
}

fn row(page: &mut String, cells: &[&str]) -> Result<(), String> {
    writeln!(page, "| {} |", cells.join(" | ")).map_err(text)
}

fn escape(cell: &str) -> String {
    cell.replace('|', "\\|").replace('\n', " ")
}

fn sentence(words: &str) -> String {
    let words = words.trim();
    if words.ends_with('.') {
        words.to_owned()
    } else {
        format!("{words}.")
    }
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_pages_in_the_tree_are_those_that_the_code_gives() {
        for (file, made) in super::pages().unwrap() {
            let kept = std::fs::read_to_string(crate::run::root().join("docs").join(file));
            assert!(
                kept.is_ok_and(|kept| kept == made),
                "docs/{file} is not what the code gives; run `cargo xtask docs` and read the diff"
            );
        }
    }
}
