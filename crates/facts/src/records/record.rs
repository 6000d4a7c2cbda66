//! What every kind of record has, and the macro that declares one.
use serde_json::{Map, Value as Json};

use super::form::{Form, Wrong};
use crate::site::spelling::hint;
use crate::{KindInfo, Type, Value};

/// Most values of a list.
const MOST_VALUES: usize = 1000;

/// How many values a field has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One, which must stand.
    One,
    /// One, which may be missing.
    May,
    /// Any number.
    List,
    /// At least one.
    Filled,
}

impl Shape {
    /// Whether the field may not be left empty.
    pub const fn is_needed(self) -> bool {
        matches!(self, Shape::One | Shape::Filled)
    }

    /// Whether several values may stand.
    pub const fn is_list(self) -> bool {
        matches!(self, Shape::List | Shape::Filled)
    }
}

/// A field of a kind of record.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Name of the column, of the JSON key, and of the field on the command line.
    pub name: &'static str,
    /// The doc line of its declaration, beginning with a space.
    pub doc: &'static str,
    /// How a value is written; of a list, each of them.
    pub form: Form,
    /// How many values there may be, and whether one must stand.
    pub shape: Shape,
    /// Its type in the table of the kind.
    pub ty: Type,
}

/// A kind of record as data.
#[derive(Clone, Copy, Debug)]
pub struct RecordInfo {
    /// Name of the kind, as the command line and the ledger say it: `backup`.
    pub name: &'static str,
    /// The doc lines of its declaration.
    pub doc: &'static str,
    /// Measures that ask for it.
    pub measures: &'static [&'static str],
    /// Its own fields in the order of its CSV, after the id.
    pub fields: &'static [Field],
    /// Pairs of fields of which the first is not later than the second.
    pub order: &'static [(&'static str, &'static str)],
    /// Its own fields as columns of a table, which stand behind [`COMMON`](super::COMMON).
    pub table: KindInfo,
}

/// One kind of record.
pub trait Record: Sized {
    /// Its name, doc, fields and measures.
    const INFO: RecordInfo;
    /// The record of a ledger's body; the name of the field that holds something else if one does. Keys that this version
    /// does not know are passed over: a later one may have written them.
    ///
    /// # Errors
    /// The name of the first field whose value is missing or of another form.
    fn from_body(body: &Map<String, Json>) -> Result<Self, &'static str>;
    /// The body, without what is empty.
    fn body(&self) -> Map<String, Json>;
}

impl Field {
    /// Reads what stands in a cell: `None` if nothing does and nothing need. Values of a list stand apart by `;`.
    ///
    /// # Errors
    /// The cell is empty though a value must stand, a value is not of the field's form, or a list has one that is
    /// empty, stands twice, or is one too many.
    pub fn read(&self, text: &str) -> Result<Option<Json>, Wrong> {
        let text = text.trim();
        if text.is_empty() {
            return match self.shape.is_needed() {
                true => Err(Wrong::new(
                    "it is empty",
                    format!("fill it in: {}", self.form.describe().replace('`', "")),
                )),
                false => Ok(None),
            };
        }
        if !self.shape.is_list() {
            return self.form.read(text).map(Some);
        }
        let count = text.split(';').count();
        if count > MOST_VALUES {
            return Err(Wrong::new(
                format!("the list has {count} values, and {MOST_VALUES} are the most"),
                "make it several records",
            ));
        }
        let mut values = Vec::new();
        for part in text.split(';').map(str::trim) {
            if part.is_empty() {
                return Err(Wrong::new(
                    "a value of the list is empty",
                    "write the values with one ; between each two",
                ));
            }
            let value = self.form.read(part)?;
            if values.contains(&value) {
                return Err(Wrong::new(
                    format!("\"{part}\" stands twice in the list"),
                    "write it once",
                ));
            }
            values.push(value);
        }
        Ok(Some(values.into()))
    }

    /// Whether JSON may stand there.
    fn holds(&self, json: Option<&Json>) -> bool {
        match json {
            None => !self.shape.is_needed(),
            Some(Json::Array(values)) => {
                self.shape.is_list()
                    && (self.shape == Shape::List || !values.is_empty())
                    && values.iter().all(|value| self.form.holds(value))
            }
            Some(value) => !self.shape.is_list() && self.form.holds(value),
        }
    }

    /// The value as a cell of a CSV that can be read back.
    pub fn cell(json: &Json) -> String {
        match json {
            Json::Null => String::new(),
            Json::Bool(true) => "yes".to_owned(),
            Json::Bool(false) => "no".to_owned(),
            Json::String(text) => text.clone(),
            Json::Array(values) => {
                let cells: Vec<String> = values.iter().map(Field::cell).collect();
                cells.join("; ")
            }
            other => other.to_string(),
        }
    }
}

impl RecordInfo {
    /// The field of that name, letter by letter; what every record has beside its own fields is not among them.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// `did you mean "x"?`, or the list of fields; `also` are words that may stand beside them.
    pub fn field_hint(&self, name: &str, also: &'static [&'static str]) -> String {
        let known = self.fields.iter().map(|field| field.name);
        hint(name, known.chain(also.iter().copied()), "fields are")
    }

    /// What is wrong with a body as a whole: values of another form, order of times. With the field.
    pub fn check(&self, body: &Map<String, Json>) -> Vec<(&'static str, Wrong)> {
        let mut wrongs = Vec::new();
        for field in self.fields {
            if !field.holds(body.get(field.name)) {
                let wants = field.form.describe();
                let what = match body.get(field.name) {
                    None => "it is missing".to_owned(),
                    Some(json) => format!("{json} cannot stand here"),
                };
                wrongs.push((
                    field.name,
                    Wrong::new(what, format!("it takes: {}", wants.replace('`', ""))),
                ));
            }
        }
        wrongs.extend(self.out_of_order(body));
        wrongs
    }

    /// Times and dates are written so that text order is time order.
    pub(super) fn out_of_order(&self, body: &Map<String, Json>) -> Vec<(&'static str, Wrong)> {
        let text = |name: &str| body.get(name).and_then(Json::as_str);
        self.order
            .iter()
            .filter_map(|(first, then)| {
                let (early, late) = (text(first)?, text(then)?);
                (early > late).then(|| {
                    let what = format!("{late} is before {first}, {early}");
                    (*then, Wrong::new(what, "look at both"))
                })
            })
            .collect()
    }

    /// The body as a row, a value per column of the kind's own table.
    pub fn row(&self, body: &Map<String, Json>) -> Vec<Value> {
        self.fields
            .iter()
            .map(|field| match (body.get(field.name), field.ty) {
                (None, Type::List) => Value::List(Vec::new()),
                (None | Some(Json::Null), _) => Value::Null,
                (Some(Json::Bool(yes)), _) => Value::Bool(*yes),
                (Some(Json::Number(number)), _) => number.as_i64().map_or(Value::Null, Value::Int),
                (Some(Json::String(text)), _) => Value::Text(text.clone()),
                (Some(Json::Array(values)), _) => {
                    Value::List(values.iter().map(Field::cell).collect())
                }
                (Some(other), _) => Value::Text(other.to_string()),
            })
            .collect()
    }
}

/// Declares a kind of record: a struct whose doc lines are its reference. In brackets the measures that ask for it; behind
/// the fields, pairs of which the first may not be later than the second.
///
/// A field is `T`, which must stand, `Option<T>`, which may, `Vec<T>`, any number, or [`Filled<T>`](super::Filled), at least
/// one.
macro_rules! record {
    (
        $(#[doc = $doc:literal])+
        $name:ident = $kind:literal [$($measure:literal),+] {
            $( $(#[doc = $fdoc:literal])+ $field:ident : $ty:ty, )*
        }
        $( order { $($first:ident <= $then:ident),+ } )?
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $( $(#[doc = $fdoc])+ pub $field: $ty, )*
        }

        impl $crate::records::types::Declared for $name {
            const TARGET: $crate::records::Target = $crate::records::Target::Record($kind);
        }

        impl $crate::records::Record for $name {
            const INFO: $crate::records::RecordInfo = $crate::records::RecordInfo {
                name: $kind,
                doc: concat!($($doc, "\n"),+),
                measures: &[$($measure),+],
                fields: &[$( $crate::records::Field {
                    name: stringify!($field),
                    doc: concat!($($fdoc),+),
                    form: <$ty as $crate::records::types::Content>::FORM,
                    shape: <$ty as $crate::records::types::Content>::SHAPE,
                    ty: <$ty as $crate::records::types::Content>::TYPE,
                }, )*],
                order: &[$( $((stringify!($first), stringify!($then))),+ )?],
                table: $crate::KindInfo {
                    name: $kind,
                    doc: concat!($($doc, "\n"),+),
                    columns: &[$( $crate::Column {
                        name: stringify!($field),
                        ty: <$ty as $crate::records::types::Content>::TYPE,
                        doc: concat!($($fdoc),+),
                    }, )*],
                },
            };

            fn from_body(
                body: &serde_json::Map<String, serde_json::Value>,
            ) -> Result<$name, &'static str> {
                Ok($name { $(
                    $field: $crate::records::types::Content::read(body.get(stringify!($field)))
                        .ok_or(stringify!($field))?,
                )* })
            }

            fn body(&self) -> serde_json::Map<String, serde_json::Value> {
                let mut body = serde_json::Map::new();
                $( if let Some(value) = $crate::records::types::Content::json(&self.$field) {
                    body.insert(stringify!($field).to_owned(), value);
                } )*
                body
            }
        }
    };
}
pub(super) use record;

/// Declares the words that may stand in a field, each with its meaning.
macro_rules! choice {
    ($(#[doc = $tdoc:literal])+ $name:ident { $($(#[doc = $doc:literal])+ $variant:ident = $word:literal,)* }) => {
        $crate::site::words! { $(#[doc = $tdoc])+ $name { $($(#[doc = $doc])+ $variant = $word,)* } }

        impl $crate::records::types::Value for $name {
            const FORM: $crate::records::Form = $crate::records::Form::Words(|| {
                $name::ALL.iter().map(|one| (one.word(), one.doc())).collect()
            });
            fn read(json: &serde_json::Value) -> Option<$name> {
                $name::parse(json.as_str()?)
            }
            fn json(&self) -> serde_json::Value {
                self.word().into()
            }
        }
    };
}
pub(super) use choice;
