//! The reference of the site format: JSON Schema and `docs/site.md`, both made from the types of `file`.
use std::fmt::Write as _;

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::file::File;
use super::{Role, Trust, ZoneKind};
use crate::kinds::Verb;

/// The prose of the reference; `{{…}}` marks where generated parts stand.
const PROSE: &str = include_str!("reference.md");

/// A whole site, as the reference shows it.
const EXAMPLE: &str = include_str!("example.toml");

/// The JSON Schema of a site file (draft 7, which editors know best), as text.
pub fn schema() -> String {
    let mut text = serde_json::to_string_pretty(&document()).unwrap_or_default();
    text.push('\n');
    text
}

fn document() -> Value {
    let mut schema = SchemaSettings::draft07()
        .into_generator()
        .into_root_schema_for::<File>();
    schema.insert("title".to_owned(), "Seawall site file".into());
    schema.to_value()
}

/// `docs/site.md`.
pub fn reference() -> String {
    let words = |rows: Vec<(&str, &str)>| {
        let mut table = "| word | meaning |\n|---|---|\n".to_owned();
        for (word, doc) in rows {
            let _ = writeln!(table, "| `{word}` | {} |", doc.trim());
        }
        table
    };
    let verbs: Vec<_> = Verb::ALL.iter().map(|verb| (verb.name(), *verb)).collect();
    let mut operations = "| operation | meaning | `modify` | allowed by protocol, port or `any` |\n|---|---|---|---|\n".to_owned();
    for (name, verb) in verbs {
        let yes = |holds: bool| if holds { "yes" } else { "" };
        let (modify, plane) = (yes(verb.modifies()), yes(verb.is_data_plane()));
        let _ = writeln!(
            operations,
            "| `{name}` | {} | {modify} | {plane} |",
            verb.doc().trim()
        );
    }
    PROSE
        .replace("{{example}}", EXAMPLE.trim_end())
        .replace("{{tables}}", tables().trim_end())
        .replace(
            "{{kinds}}",
            words(
                ZoneKind::ALL
                    .iter()
                    .map(|one| (one.word(), one.doc()))
                    .collect(),
            )
            .trim_end(),
        )
        .replace(
            "{{roles}}",
            words(
                Role::ALL
                    .iter()
                    .map(|one| (one.word(), one.doc()))
                    .collect(),
            )
            .trim_end(),
        )
        .replace(
            "{{trust}}",
            words(
                Trust::ALL
                    .iter()
                    .map(|one| (one.word(), one.doc()))
                    .collect(),
            )
            .trim_end(),
        )
        .replace("{{operations}}", operations.trim_end())
}

/// A section per table, in the order of the file's keys.
fn tables() -> String {
    let schema = document();
    let mut out = String::new();
    for (name, property) in schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let array = property.get("items");
        let Some(target) = array
            .unwrap_or(property)
            .get("$ref")
            .or_else(|| first_ref(property))
        else {
            continue;
        };
        let heading = if array.is_some() {
            format!("[[{name}]]")
        } else {
            format!("[{name}]")
        };
        section(&mut out, &format!("`{heading}`"), &schema, target);
        if name == "asset" {
            section(
                &mut out,
                "`interface` of `[[asset]]`",
                &schema,
                &Value::from("#/definitions/Interface"),
            );
        }
    }
    out
}

/// Draft 7 wraps a reference that stands beside other keys.
fn first_ref(property: &Value) -> Option<&Value> {
    property.get("allOf")?.as_array()?.first()?.get("$ref")
}

fn section(out: &mut String, heading: &str, schema: &Value, target: &Value) {
    let pointer = target.as_str().unwrap_or_default().trim_start_matches('#');
    let Some(table) = schema.pointer(pointer) else {
        return;
    };
    let required: Vec<&str> = table
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let _ = writeln!(
        out,
        "### {heading}\n{}\n\n| key | value | meaning |\n|---|---|---|",
        text_of(table, "description")
    );
    for (key, property) in table
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let need = if required.contains(&key.as_str()) {
            ", required"
        } else {
            ""
        };
        let form = match property.get("items") {
            Some(items) if items.get("$ref").is_some() => "list of tables".to_owned(),
            Some(items) => format!("list of: {}", text_of(items, "title")),
            None => text_of(property, "title"),
        };
        let _ = writeln!(
            out,
            "| `{key}` | {form}{need} | {} |",
            text_of(property, "description")
        );
    }
    out.push('\n');
}

/// A text of the schema in one line.
fn text_of(schema: &Value, key: &str) -> String {
    let text = schema.get(key).and_then(Value::as_str).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn schema_and_reader_ask_for_the_same_keys() {
    let schema = document();
    let properties = schema["properties"].as_object().unwrap();
    let keys: Vec<&str> = <File as super::reader::Table>::KEYS
        .iter()
        .map(|(key, _)| *key)
        .collect();
    assert_eq!(
        properties.keys().map(String::as_str).collect::<Vec<_>>(),
        keys
    );
    // An empty table of each kind: the reader complains of exactly the keys that the schema requires.
    for (name, property) in properties
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "include" | "parameters"))
    {
        let array = property.get("items");
        let target = array
            .unwrap_or(property)
            .get("$ref")
            .or_else(|| first_ref(property))
            .unwrap();
        let table = schema
            .pointer(target.as_str().unwrap().trim_start_matches('#'))
            .unwrap();
        assert_eq!(table["additionalProperties"], false, "{name}");
        let text = if array.is_some() {
            format!("[[{name}]]")
        } else {
            format!("[{name}]")
        };
        let read = super::read(&[("site.toml".to_owned(), text)], &[]);
        let problems = read.err().unwrap_or_default();
        let asked: Vec<String> = problems.iter().map(|one| one.what.clone()).collect();
        let required: Vec<String> = table["required"]
            .as_array()
            .into_iter()
            .flatten()
            .map(Value::to_string)
            .collect();
        assert_eq!(asked.len(), required.len(), "{name}: {asked:?}");
        for (asked, required) in asked.iter().zip(&required) {
            assert!(asked.ends_with(required), "{asked} / {required}");
        }
    }
}
