//! `docs/records.md`, and the JSON Schemas of bodies, both made from the registry.
use std::fmt::Write as _;

use serde_json::{Map, Value as Json, json};

use super::form::Form;
use super::kinds::RECORDS;
use super::record::{Field, RecordInfo};

/// The prose of the reference; `{{…}}` marks where generated parts stand.
const PROSE: &str = include_str!("reference.md");

/// `docs/records.md`.
pub fn reference() -> String {
    PROSE
        .replace("{{forms}}", forms().trim_end())
        .replace("{{kinds}}\n", &kinds())
}

fn forms() -> String {
    let mut table = "| form | e.g. | |\n|---|---|---|\n".to_owned();
    for (form, more) in [
        (
            Form::Text,
            "at most 10,000 characters; longer things are attached as files (`--attach FILE`)",
        ),
        (Form::Whole, "from 0, digits alone"),
        (Form::YesNo, "`true` and `false` do as well"),
        (Form::Date, "a day of the terminal's calendar"),
        (Form::Time, "RFC 3339 with offset"),
        (
            Form::Sha256,
            "64 hexadecimal digits, as `sha256sum` prints them",
        ),
    ] {
        // A String takes everything.
        let _ = writeln!(
            table,
            "| {} | `{}` | {more} |",
            form.describe(),
            form.example()
        );
    }
    table
}

fn kinds() -> String {
    let mut text = "## Kinds\n\n| kind | | for |\n|---|---|---|\n".to_owned();
    for info in RECORDS {
        let _ = writeln!(
            text,
            "| [`{0}`](#{0}) | {1} | {2} |",
            info.name,
            info.summary(),
            info.measures.join(", ")
        );
    }
    for info in RECORDS {
        let _ = write!(
            text,
            "\n## {}\n{}\n\n{}",
            info.name,
            info.summary(),
            info.table()
        );
        for field in info.fields {
            let Form::Words(words) = field.form else {
                continue;
            };
            let _ = writeln!(text, "\n`{}`:", field.name);
            for (word, doc) in words() {
                let _ = writeln!(text, "- `{word}`: {}", doc.trim());
            }
        }
        for (first, then) in info.order {
            let _ = writeln!(text, "\n`{then}` is not before `{first}`.");
        }
    }
    text
}

impl RecordInfo {
    /// Its doc in one line.
    pub fn summary(&self) -> String {
        let lines: Vec<&str> = self.doc.lines().map(str::trim).collect();
        lines.join(" ").trim().to_owned()
    }

    /// Its fields as a Markdown table.
    pub fn table(&self) -> String {
        let mut table = "| field | | holds | |\n|---|---|---|---|\n".to_owned();
        for field in self.fields {
            let _ = writeln!(
                table,
                "| `{}` | {} | {} | {} |",
                field.name,
                if field.shape.is_needed() { "•" } else { "" },
                field.holds_words(),
                field.doc.trim()
            );
        }
        table
    }
}

impl Field {
    /// What it takes: `list of name: asset`.
    pub fn holds_words(&self) -> String {
        let form = self.form.describe();
        match self.shape.is_list() {
            true => format!("list of {form}"),
            false => form,
        }
    }
}

/// The JSON Schema of a kind's body.
pub fn schema(info: &RecordInfo) -> Json {
    let mut properties = Map::new();
    for field in info.fields {
        let mut one = field.form.schema();
        if field.shape.is_list() {
            one = json!({ "type": "array", "items": one, "uniqueItems": true });
        }
        if let Json::Object(one) = &mut one {
            if field.shape.is_needed() && field.shape.is_list() {
                one.insert("minItems".to_owned(), 1.into());
            }
            one.insert("description".to_owned(), field.doc.trim().into());
        }
        properties.insert(field.name.to_owned(), one);
    }
    let needed = info.fields.iter().filter(|field| field.shape.is_needed());
    let needed: Vec<&str> = needed.map(|field| field.name).collect();
    json!({
        "title": info.name,
        "description": info.summary(),
        "type": "object",
        "properties": properties,
        "required": needed,
        "additionalProperties": false,
    })
}

/// Those of all kinds, in one document (draft 2020-12).
pub fn schemas() -> Json {
    let kinds: Map<String, Json> = RECORDS
        .iter()
        .map(|info| (info.name.to_owned(), schema(info)))
        .collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Seawall records: the bodies of a ledger's entries, by kind",
        "$defs": kinds,
    })
}
