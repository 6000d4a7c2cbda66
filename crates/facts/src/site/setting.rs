//! `[parameters]`: periods and thresholds of measures that the terminal sets for itself. Which pages and parameters there
//! are is not known here; who judges checks it.
use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::reader::{Field, Key, Reader};
use super::{Place, Problem};
use crate::Value;

/// A parameter of a measure's page as the site sets it.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// Id of the measure, e.g. `R3`.
    pub measure: String,
    /// Name of the parameter, as the page's front matter has it.
    pub parameter: String,
    /// As written; whether it suits the parameter is not known here.
    pub value: Value,
    /// Where it stands, for messages.
    pub place: Place,
}

impl Setting {
    /// What is wrong with it, where it stands.
    pub fn problem(&self, what: impl Into<String>, remedy: impl Into<String>) -> Problem {
        Problem::new(&self.place, what, remedy)
    }
}

/// Every setting of a file.
#[derive(Debug, Default)]
pub(super) struct Settings(pub(super) Vec<Setting>);

impl Field for Settings {
    fn read(
        entry: Option<&Spanned<DeValue<'_>>>,
        key: &Key,
        reader: &mut Reader<'_>,
    ) -> Option<Self> {
        const HOW: &str = "write the measure, a point and the parameter, e.g. R3.notice_days = 14";
        let mut all = Vec::new();
        let Some(entry) = entry else {
            return Some(Settings(all));
        };
        let DeValue::Table(measures) = entry.get_ref() else {
            let what = format!("\"{}\" is not a table", key.name);
            reader.problem(entry.span(), what, "write [parameters]");
            return Some(Settings(all));
        };
        for (measure, settings) in sorted(measures) {
            let id: &str = measure.get_ref();
            let DeValue::Table(settings) = settings.get_ref() else {
                reader.problem(
                    measure.span(),
                    format!("\"{id}\" in [parameters] names no parameter"),
                    HOW,
                );
                continue;
            };
            for (name, value) in sorted(settings) {
                let parameter: &str = name.get_ref();
                match read_value(value.get_ref()) {
                    Some(value) => all.push(Setting {
                        measure: id.to_owned(),
                        parameter: parameter.to_owned(),
                        value,
                        place: reader.place(name.span()),
                    }),
                    None => reader.problem(
                        value.span(),
                        format!("{id}.{parameter} is no value of a parameter"),
                        "write a number, a text, true or false, or a list of texts",
                    ),
                }
            }
        }
        Some(Settings(all))
    }
}

/// In the order of the file.
fn sorted<'t, 'a>(
    table: &'t DeTable<'a>,
) -> Vec<(&'t Spanned<Cow<'a, str>>, &'t Spanned<DeValue<'a>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

fn read_value(value: &DeValue<'_>) -> Option<Value> {
    Some(match value {
        DeValue::String(text) => Value::Text(text.trim().to_owned()),
        DeValue::Integer(number) => {
            Value::Int(i64::from_str_radix(number.as_str(), number.radix()).ok()?)
        }
        DeValue::Float(number) => Value::Real(number.as_str().parse().ok()?),
        DeValue::Boolean(on) => Value::Bool(*on),
        DeValue::Array(items) => Value::List(
            items
                .iter()
                .map(|item| item.get_ref().as_str().map(str::to_owned))
                .collect::<Option<_>>()?,
        ),
        DeValue::Datetime(_) | DeValue::Table(_) => return None,
    })
}

impl JsonSchema for Settings {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Settings".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "additionalProperties": { "type": ["number", "string", "boolean", "array"] },
            },
        })
    }
}
