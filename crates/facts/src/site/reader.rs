//! Reads tables of a site file into structs, noting every mistake with its line.
//!
//! A table is declared once with [`table!`]: its struct gives the keys that may stand, the JSON Schema and the reference.
use std::borrow::Cow;
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::file::File;
use super::spelling::hint;
use super::{Place, Problem};

/// Reads one file; what is wrong gathers in `problems`.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    file: &'a str,
    /// Offsets of line ends, ascending.
    line_ends: Vec<usize>,
    pub(super) problems: Vec<Problem>,
    /// Names of tables that could not be read, with their labels: what refers to them is not dangling.
    pub(super) broken: Vec<(&'static str, String)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: &'a str, text: &str) -> Reader<'a> {
        let line_ends = text.match_indices('\n').map(|(at, _)| at).collect();
        Reader {
            file,
            line_ends,
            problems: Vec::new(),
            broken: Vec::new(),
        }
    }

    pub(super) fn place(&self, span: Range<usize>) -> Place {
        let line = self.line_ends.partition_point(|end| *end < span.start) + 1;
        Place {
            file: self.file.to_owned(),
            line: u32::try_from(line).unwrap_or(u32::MAX),
        }
    }

    pub(super) fn problem(
        &mut self,
        span: Range<usize>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let place = self.place(span);
        self.problems.push(Problem::new(&place, what, remedy));
    }

    /// Notes every key of the table that may not stand there.
    pub(super) fn unknown_keys<T: Table>(&mut self, entries: &DeTable<'_>) {
        for (key, value) in entries {
            let name: &str = key.get_ref();
            if T::KEYS.iter().any(|(known, _)| *known == name) {
                continue;
            }
            let place = if T::LABEL.is_empty() {
                "at the top level".to_owned()
            } else {
                format!("in {}", T::LABEL)
            };
            let remedy = if name == "include" {
                "it stands at the top of site.toml, above the first table".to_owned()
            } else if File::KEYS.iter().any(|(known, _)| *known == name)
                && matches!(value.get_ref(), DeValue::Array(_) | DeValue::Table(_))
            {
                // TOML counts what follows `[terminal]` to it, until the next heading.
                let heading = match value.get_ref() {
                    DeValue::Array(_) => format!("[[{name}]]"),
                    _ => format!("[{name}]"),
                };
                format!(
                    "it is no part of {}: write {heading}, or put it above the first table",
                    T::LABEL
                )
            } else {
                hint(name, T::KEYS.iter().map(|(known, _)| *known), "keys are")
            };
            self.problem(
                key.span(),
                format!("unknown key \"{name}\" {place}"),
                remedy,
            );
        }
    }
}

/// A table of a site file.
pub(super) trait Table: Sized {
    /// How messages call it: `[[zone]]`; empty for the file itself.
    const LABEL: &'static str;
    /// The keys that may stand, each with its doc.
    const KEYS: &'static [(&'static str, &'static str)];
    /// Reads the table; `None` when something in it is wrong, which is then noted.
    fn read(at: &Place, entries: &Spanned<&DeTable<'_>>, reader: &mut Reader<'_>) -> Option<Self>;
}

/// What stands behind a key. A list drops what cannot be read in it, and so stays there for the checks across tables: the
/// problem noted refuses the site anyway.
pub(super) trait Field: Sized {
    fn read(
        entry: Option<&Spanned<DeValue<'_>>>,
        key: &Key,
        reader: &mut Reader<'_>,
    ) -> Option<Self>;
}

/// The key being read, for messages.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) table: &'static str,
    pub(super) name: &'static str,
    pub(super) doc: &'static str,
    /// Where the table begins.
    pub(super) span: Range<usize>,
}

impl Key {
    /// `vlans of [[zone]]`; at the top level the key alone.
    fn of_table(&self) -> String {
        match self.table {
            "" => self.name.to_owned(),
            table => format!("{} of {table}", self.name),
        }
    }

    fn missing(&self, reader: &mut Reader<'_>) {
        let doc = self.doc.trim();
        let first = doc
            .split_once(". ")
            .map_or(doc, |(first, _)| first)
            .trim_end_matches('.');
        let (what, name) = (
            format!("{} has no \"{}\"", self.table, self.name),
            self.name,
        );
        reader.problem(
            self.span.clone(),
            what,
            format!("add {name} = …, {}", lower_first(first)),
        );
    }
}

/// `Name of it` becomes `name of it`; `MAC address` stays.
fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => {
            first.to_lowercase().chain([second]).chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}

/// One value of a site file, with its schema.
pub(super) trait Value: Sized {
    /// What it is, for the reference and messages: `subnet`.
    const FORM: &'static str;
    /// How it is written in TOML.
    const EXAMPLE: &'static str;
    /// The TOML type that messages ask for.
    const WANTS: &'static str = "a text";
    fn schema() -> Schema {
        let example = Self::EXAMPLE.trim_matches('"');
        json_schema!({ "type": "string", "title": Self::FORM, "examples": [example] })
    }
    fn read(value: &DeValue<'_>) -> Result<Self, Wrong>;
}

/// Why a value cannot be read.
#[derive(Debug)]
pub(super) enum Wrong {
    /// It is of another TOML type.
    Type,
    /// It is a text in which nothing stands.
    Empty,
    /// It says something impossible.
    Value { what: String, remedy: String },
}

impl Wrong {
    pub(super) fn value<T>(what: impl Into<String>, remedy: impl Into<String>) -> Result<T, Wrong> {
        Err(Wrong::Value {
            what: what.into(),
            remedy: remedy.into(),
        })
    }
}

/// What a TOML value is, in words.
fn found(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn read_one<T: Value>(
    entry: &Spanned<DeValue<'_>>,
    key: &Key,
    listed: bool,
    reader: &mut Reader<'_>,
) -> Option<At<T>> {
    match T::read(entry.get_ref()) {
        Ok(value) => Some(At {
            value,
            place: reader.place(entry.span()),
        }),
        Err(Wrong::Value { what, remedy }) => {
            reader.problem(entry.span(), what, remedy);
            None
        }
        Err(Wrong::Empty) => {
            let what = format!(
                "{} {} empty",
                key.of_table(),
                if listed { "holds a text that is" } else { "is" }
            );
            reader.problem(entry.span(), what, "fill it in or delete it");
            None
        }
        Err(Wrong::Type) => {
            let (verb, open, close) = if listed {
                ("holds", "[", "]")
            } else {
                ("is", "", "")
            };
            reader.problem(
                entry.span(),
                format!(
                    "{} {verb} {}, not {}",
                    key.of_table(),
                    found(entry.get_ref()),
                    T::WANTS
                ),
                format!("write e.g. {} = {open}{}{close}", key.name, T::EXAMPLE),
            );
            None
        }
    }
}

/// A value that must stand, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) place: Place,
}

/// A value that may stand.
#[derive(Debug)]
pub(super) struct May<T>(pub(super) Option<At<T>>);

impl<T> May<T> {
    pub(super) fn value(self) -> Option<T> {
        self.0.map(|at| at.value)
    }
}

/// Values that may stand, each with its place.
#[derive(Debug)]
pub(super) struct List<T>(pub(super) Vec<At<T>>);

impl<T> List<T> {
    pub(super) fn values(self) -> Vec<T> {
        self.0.into_iter().map(|at| at.value).collect()
    }
}

/// Values of which at least one must stand.
#[derive(Debug)]
pub(super) struct Filled<T>(pub(super) Vec<At<T>>);

/// Tables that may stand: `[[zone]]`, or an inline list of them.
#[derive(Debug)]
pub(super) struct Tables<T>(pub(super) Vec<T>);

/// One table that may stand: `[terminal]`.
#[derive(Debug)]
pub(super) struct MayTable<T>(pub(super) Option<T>);

impl<T: Value> Field for At<T> {
    fn read(
        entry: Option<&Spanned<DeValue<'_>>>,
        key: &Key,
        reader: &mut Reader<'_>,
    ) -> Option<Self> {
        let Some(entry) = entry else {
            key.missing(reader);
            return None;
        };
        read_one(entry, key, false, reader)
    }
}

impl<T: Value> Field for May<T> {
    fn read(
        entry: Option<&Spanned<DeValue<'_>>>,
        key: &Key,
        reader: &mut Reader<'_>,
    ) -> Option<Self> {
        match entry {
            None => Some(May(None)),
            Some(entry) => read_one(entry, key, false, reader).map(|at| May(Some(at))),
        }
    }
}

impl<T: Value> Field for List<T> {
    fn read(
        entry: Option<&Spanned<DeValue<'_>>>,
        key: &Key,
        reader: &mut Reader<'_>,
    ) -> Option<Self> {
        let Some(entry) = entry else {
            return Some(List(Vec::new()));
        };
        let DeValue::Array(items) = entry.get_ref() else {
            reader.problem(
                entry.span(),
                format!(
                    "{} is {}, not a list",
                    key.of_table(),
                    found(entry.get_ref())
                ),
                format!("write e.g. {} = [{}]", key.name, T::EXAMPLE),
            );
            return Some(List(Vec::new()));
        };
        Some(List(
            items
                .iter()
                .filter_map(|item| read_one(item, key, true, reader))
                .collect(),
        ))
    }
}

impl<T: Value> Field for Filled<T> {
    fn read(
        entry: Option<&Spanned<DeValue<'_>>>,
        key: &Key,
        reader: &mut Reader<'_>,
    ) -> Option<Self> {
        let Some(present) = entry else {
            key.missing(reader);
            return None;
        };
        if present
            .get_ref()
            .as_array()
            .is_some_and(|items| items.is_empty())
        {
            reader.problem(
                present.span(),
                format!("{} is empty", key.of_table()),
                format!("name at least one, e.g. {} = [{}]", key.name, T::EXAMPLE),
            );
        }
        List::read(entry, key, reader).map(|List(items)| Filled(items))
    }
}

impl<T: Table> Field for Tables<T> {
    fn read(
        entry: Option<&Spanned<DeValue<'_>>>,
        key: &Key,
        reader: &mut Reader<'_>,
    ) -> Option<Self> {
        let Some(entry) = entry else {
            return Some(Tables(Vec::new()));
        };
        let DeValue::Array(items) = entry.get_ref() else {
            let (remedy, is) = match (key.table, entry.get_ref()) {
                ("", DeValue::Table(_)) => (
                    format!("write [[{}]], with two brackets", key.name),
                    "one table",
                ),
                ("", other) => (format!("write [[{}]]", key.name), found(other)),
                (_, other) => (format!("write {} = [{{ … }}]", key.name), found(other)),
            };
            reader.problem(
                entry.span(),
                format!("\"{}\" is {is}, not a list of tables", key.name),
                remedy,
            );
            return Some(Tables(Vec::new()));
        };
        let mut all = Vec::new();
        for item in items.iter() {
            let DeValue::Table(entries) = item.get_ref() else {
                let what = format!("{} holds {}, not a table", key.name, found(item.get_ref()));
                reader.problem(
                    item.span(),
                    what,
                    format!("write a table with the keys of {}", T::LABEL),
                );
                continue;
            };
            let at = reader.place(item.span());
            match T::read(&at, &Spanned::new(item.span(), entries), reader) {
                Some(one) => all.push(one),
                None => {
                    let name = ["name", "id"]
                        .iter()
                        .find_map(|key| entries.get(*key)?.get_ref().as_str());
                    reader
                        .broken
                        .extend(name.map(|name| (T::LABEL, name.to_owned())));
                }
            }
        }
        Some(Tables(all))
    }
}

impl<T: Table> Field for MayTable<T> {
    fn read(
        entry: Option<&Spanned<DeValue<'_>>>,
        key: &Key,
        reader: &mut Reader<'_>,
    ) -> Option<Self> {
        let Some(entry) = entry else {
            return Some(MayTable(None));
        };
        let DeValue::Table(entries) = entry.get_ref() else {
            let name = key.name;
            let what = format!("\"{name}\" is {}, not a table", found(entry.get_ref()));
            reader.problem(entry.span(), what, format!("write [{name}]"));
            return Some(MayTable(None));
        };
        let at = reader.place(entry.span());
        Some(MayTable(T::read(
            &at,
            &Spanned::new(entry.span(), entries),
            reader,
        )))
    }
}

macro_rules! defaults {
    ($($name:ident => $empty:expr),*) => { $(impl<T> Default for $name<T> { fn default() -> Self { $name($empty) } })* };
}
defaults!(May => None, List => Vec::new(), Tables => Vec::new(), MayTable => None);

macro_rules! schemas {
    ($($name:ident <$bound:ident> |$generator:ident| $schema:expr;)*) => { $(
        impl<T: $bound> JsonSchema for $name<T> {
            fn inline_schema() -> bool { true }
            fn schema_name() -> Cow<'static, str> { stringify!($name).into() }
            fn json_schema($generator: &mut SchemaGenerator) -> Schema { $schema }
        }
    )* };
}
schemas! {
    At<Value> |_generator| T::schema();
    May<Value> |_generator| T::schema();
    List<Value> |_generator| json_schema!({ "type": "array", "items": T::schema() });
    Filled<Value> |_generator| json_schema!({ "type": "array", "items": T::schema(), "minItems": 1 });
    Tables<JsonSchema> |generator| json_schema!({ "type": "array", "items": generator.subschema_for::<T>() });
    MayTable<JsonSchema> |generator| generator.subschema_for::<T>();
}

/// Declares a table of a site file: a struct whose fields are its keys and whose doc lines are its reference. A field
/// that may be left out carries `#[schemars(default)]`.
macro_rules! table {
    (
        $(#[doc = $doc:literal])+
        $name:ident = $label:literal {
            $( $(#[doc = $fdoc:literal])+ $(#[schemars($attr:ident)])? $field:ident : $ty:ty, )*
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, schemars::JsonSchema)]
        #[schemars(deny_unknown_fields)]
        pub(super) struct $name {
            /// Where the table begins.
            #[schemars(skip)]
            pub(super) at: $crate::site::Place,
            $( $(#[doc = $fdoc])+ $(#[schemars($attr)])? pub(super) $field: $ty, )*
        }

        impl $crate::site::reader::Table for $name {
            const LABEL: &'static str = $label;
            const KEYS: &'static [(&'static str, &'static str)] =
                &[$( (stringify!($field), concat!($($fdoc),+)), )*];

            fn read(
                at: &$crate::site::Place,
                entries: &toml::Spanned<&toml::de::DeTable<'_>>,
                reader: &mut $crate::site::reader::Reader<'_>,
            ) -> Option<$name> {
                reader.unknown_keys::<$name>(entries.get_ref());
                $( let $field = <$ty as $crate::site::reader::Field>::read(
                    entries.get_ref().get(stringify!($field)),
                    &$crate::site::reader::Key {
                        table: $label,
                        name: stringify!($field),
                        doc: concat!($($fdoc),+),
                        span: entries.span(),
                    },
                    reader,
                ); )*
                Some($name { at: at.clone(), $( $field: $field?, )* })
            }
        }
    };
}
pub(super) use table;
