//! What every kind of fact has: a name, columns with a doc line each, and a row of values.
//!
//! A kind is declared once with [`kind!`](macro@crate::kind); the SQL table, `seawall sql --tables`, the CSV header, the
//! JSON keys, and how rows are merged and kept all derive from that declaration.
use std::cmp::Ordering;
use std::fmt::{self, Write as _};
use std::hash::Hasher;
use std::net::IpAddr;

use crate::merge::Merge;
use crate::{Address, Few, Mac, Shared, Time, Words};

/// A value of a row, as SQL, CSV and JSON know it. What was not seen is `Null`, never an empty text.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub enum Value {
    /// Not seen, or not known.
    Null,
    /// In SQL 0 or 1.
    Bool(bool),
    /// Counts, sizes and identifiers; the column's doc line gives the unit.
    Int(i64),
    /// A number with a fraction, such as a parameter of a page.
    Real(f64),
    /// A text, a word of a vocabulary, an address, a SHA-256 in lower-case hex, or a time in RFC 3339 (UTC, nine
    /// fractional digits).
    Text(String),
    /// A list of texts, in JSON an array, in SQL a JSON text.
    List(Vec<String>),
    /// A list of numbers, in JSON an array, in SQL a JSON text.
    Numbers(Vec<u64>),
}

/// A value as SQL takes it. A text is borrowed, from the fact where it stands there as it is: a table of many rows is filled
/// without a copy of each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Plain<'a> {
    /// Not seen, or not known.
    Null,
    /// A whole number; of a flag 0 or 1.
    Int(i64),
    /// A number with a fraction.
    Real(f64),
    /// A text, a time (RFC 3339) or a list (JSON).
    Text(&'a str),
}

impl<'a> Plain<'a> {
    /// `scratch` takes what has to be written out.
    pub fn of(value: &'a Value, scratch: &'a mut String) -> Plain<'a> {
        match value {
            Value::Null => Plain::Null,
            Value::Bool(on) => Plain::Int(i64::from(*on)),
            Value::Int(n) => Plain::Int(*n),
            Value::Real(n) => Plain::Real(*n),
            Value::Text(text) => Plain::Text(text),
            Value::List(list) => Plain::list(list, scratch),
            Value::Numbers(list) => Plain::numbers(list.iter().copied(), scratch),
        }
    }

    /// A JSON list.
    fn list(list: &[String], scratch: &'a mut String) -> Plain<'a> {
        let json = serde_json::to_string(list);
        scratch.push_str(json.as_deref().unwrap_or("[]"));
        Plain::Text(scratch)
    }

    /// A JSON list.
    pub fn numbers(list: impl Iterator<Item = u64>, scratch: &'a mut String) -> Plain<'a> {
        scratch.push('[');
        for (nth, number) in list.enumerate() {
            let comma = if nth == 0 { "" } else { "," };
            // Writing to a text does not fail.
            let _ = write!(scratch, "{comma}{number}");
        }
        scratch.push(']');
        Plain::Text(scratch)
    }

    /// A JSON list of texts in which nothing has to be escaped.
    pub(crate) fn shown_list(
        list: impl IntoIterator<Item = impl fmt::Display>,
        scratch: &'a mut String,
    ) -> Plain<'a> {
        scratch.push('[');
        for (nth, text) in list.into_iter().enumerate() {
            let comma = if nth == 0 { "" } else { "," };
            let _ = write!(scratch, "{comma}\"{text}\"");
        }
        scratch.push(']');
        Plain::Text(scratch)
    }

    /// A value by its `Display`; `scratch` takes the text and must be empty.
    pub fn shown(value: &impl fmt::Display, scratch: &'a mut String) -> Plain<'a> {
        let _ = write!(scratch, "{value}");
        Plain::Text(scratch)
    }
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// A flag: 0 or 1 in SQL, `true` or `false` in JSON.
    Bool,
    /// A whole number of 64 bits with a sign.
    Int,
    /// A floating-point number.
    Real,
    /// Text in UTF-8.
    Text,
    /// RFC 3339 in UTC with nine fractional digits, so that text order is time order.
    Time,
    /// Texts, as a JSON array.
    List,
    /// Whole numbers, as a JSON array.
    Numbers,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Type::Bool => "0 or 1",
            Type::Int => "integer",
            Type::Real => "real",
            Type::Text => "text",
            Type::Time => "time",
            Type::List => "JSON list of text",
            Type::Numbers => "JSON list of integers",
        })
    }
}

/// A column of a kind: its name, its type, its doc line with the unit.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// As the table, the CSV header and the JSON key have it.
    pub name: &'static str,
    /// What its values are in SQL, CSV and JSON; any of them may be null.
    pub ty: Type,
    /// The doc line of its declaration, with the unit; it begins with a space, and with ` Judged:` where the column
    /// is worked out.
    pub doc: &'static str,
}

/// A kind of fact as data: what the registry, the SQL schema and the reference are made of.
#[derive(Clone, Copy, Debug)]
pub struct KindInfo {
    /// Name of the kind and of its table: `remote_session`.
    pub name: &'static str,
    /// The doc lines of its declaration, a line each, each beginning with a space.
    pub doc: &'static str,
    /// In the order of the row; `capture` and `frames` are the last two.
    pub columns: &'static [Column],
}

/// One kind of fact.
pub trait Kind: Sized {
    /// Its name, doc and columns.
    const INFO: KindInfo;
    /// What becomes of each column when its row is told again, in the order of [`Kind::INFO`]; of `capture` and `frames` it
    /// is [`Merge::Latest`] or [`Merge::Join`], both alike.
    const MERGE: &[Merge];

    /// Whether it is witnessed, and so remembered; a kind of judged columns alone is worked out when facts are folded.
    const WITNESSED: bool = {
        let (mut rules, mut witnessed) = (Self::MERGE, false);
        while let [rule, rest @ ..] = rules {
            witnessed |= rule.is_key();
            rules = rest;
        }
        witnessed
    };

    /// Which frames show it; they stand in the columns `capture` and `frames`.
    fn evidence(&self) -> &Evidence;
    /// The same, to be added to or renumbered.
    fn evidence_mut(&mut self) -> &mut Evidence;
    /// First and last time of which it tells.
    fn span(&self) -> (Option<Time>, Option<Time>);
    /// The row, one value per column of [`Kind::INFO`]; `captures` names the captures by index.
    fn row(&self, captures: &[String]) -> Vec<Value>;
    /// The same values, one after the other, without a copy of each; `scratch` takes what has to be written out.
    ///
    /// # Errors
    /// The first one that `each` gives; no cell after it is told.
    fn each_cell<E>(
        &self,
        captures: &[String],
        scratch: &mut String,
        each: impl FnMut(Plain<'_>) -> Result<(), E>,
    ) -> Result<(), E>;
    /// The fact of a row as [`Kind::row`] gives it, but without the judged columns, `capture` and `frames`; the last two are
    /// `evidence`. An error names the column that holds something else.
    ///
    /// # Errors
    /// The name of the first column whose value is missing or of another type.
    fn from_row(
        values: &mut dyn Iterator<Item = Value>,
        evidence: Evidence,
    ) -> Result<Self, &'static str>;

    /// Whether telling it again counts on the same row. What does not is an event of its own: every column tells it apart
    /// from others, so that the very same row told twice is still one.
    fn is_counted(&self) -> bool;
    /// Hashes what tells the row apart.
    fn hash_key(&self, state: &mut impl Hasher);
    /// Whether both speak of the same thing.
    fn is_same(&self, other: &Self) -> bool;
    /// Takes over what a newer row of the same key says.
    fn merge(&mut self, newer: Self);
    /// Shares words with other rows: who keeps many that came one by one asks for it.
    fn share(&mut self, words: &mut Words);
}

/// A total order, so that it never hangs on hashing or on who saw which part.
fn order<K: Kind>(a: &K, b: &K) -> Ordering {
    let place = |fact: &K| {
        let (time, Evidence { capture, frames }) = (fact.span().0, fact.evidence());
        (time.is_none(), time, *capture, frames.first().copied())
    };
    let values = || {
        let (a, b) = (a.row(&[]), b.row(&[]));
        a.partial_cmp(&b).unwrap_or(Ordering::Equal)
    };
    let frames = || a.evidence().frames.cmp(&b.evidence().frames);
    place(a).cmp(&place(b)).then_with(values).then_with(frames)
}

/// Puts facts in the order in which every list of them stands, by time, then by what shows them, then by value; in place, since a
/// list may be most of the memory there is.
pub fn in_order<K: Kind>(facts: &mut [K]) {
    facts.sort_unstable_by(order);
}

/// Where a fact can be looked up: frames of one capture, numbered from 1 as they stand in the file.
///
/// Only the first few are kept ([`Evidence::MOST`]): enough to find the place, bounded for a fact seen a million times.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Evidence {
    /// Index of the capture in the order in which the captures were read.
    pub capture: Option<u32>,
    /// Frame numbers from 1, as Wireshark counts them; at most [`Evidence::MOST`], each once.
    pub frames: Frames,
}

/// Frames by their numbers. A conversation shows no more than those that have room here.
pub type Frames = Few<u32, 8>;

impl Evidence {
    /// Frames kept per fact.
    pub const MOST: usize = 16;

    /// One frame of the capture of that index; frames count from 1.
    pub fn one(capture: u32, frame: u32) -> Evidence {
        Evidence {
            capture: Some(capture),
            frames: [frame].as_slice().into(),
        }
    }

    /// A whole capture, of which no frame stands out.
    pub fn whole(capture: u32) -> Evidence {
        Evidence {
            capture: Some(capture),
            frames: Frames::default(),
        }
    }

    /// Adds a frame: the same one once, those of a later capture and those beyond [`Evidence::MOST`] not at all.
    pub fn add(&mut self, capture: u32, frame: u32) {
        let home = *self.capture.get_or_insert(capture);
        if home == capture && self.frames.len() < Evidence::MOST && !self.frames.contains(&frame) {
            self.frames.push(frame);
        }
    }
}

/// How sure an identity is, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grade {
    /// The site file says so.
    Declared,
    /// The device itself said so, in a protocol.
    Stated,
    /// Concluded from something else, such as the MAC address's registered owner.
    Inferred,
}

impl Grade {
    /// Best first.
    pub const ALL: [Grade; 3] = [Grade::Declared, Grade::Stated, Grade::Inferred];

    /// The word that stands in columns and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Grade::Declared => "declared",
            Grade::Stated => "stated",
            Grade::Inferred => "inferred",
        }
    }
}

/// A Rust type that can stand in a column.
pub trait Cell: Sized {
    /// What SQL, CSV and the reference say that it holds.
    const TYPE: Type;
    /// The value of a row; null where nothing was seen.
    fn value(&self) -> Value;
    /// The same as SQL takes it; `scratch` is empty.
    fn plain<'a>(&'a self, scratch: &'a mut String) -> Plain<'a>;
    /// The other way round. Null is the usual value of the type, since a column may be younger than the row; `None` is for
    /// anything that is no such value.
    fn read(value: Value) -> Option<Self>;
    /// Shares what may be shared with other rows.
    fn share(&mut self, _words: &mut Words) {}
}

impl<T: Cell> Cell for Option<T> {
    const TYPE: Type = T::TYPE;
    fn value(&self) -> Value {
        self.as_ref().map_or(Value::Null, Cell::value)
    }
    fn plain<'a>(&'a self, scratch: &'a mut String) -> Plain<'a> {
        match self {
            Some(cell) => cell.plain(scratch),
            None => Plain::Null,
        }
    }
    fn read(value: Value) -> Option<Option<T>> {
        match value {
            Value::Null => Some(None),
            value => T::read(value).map(Some),
        }
    }
    fn share(&mut self, words: &mut Words) {
        self.iter_mut().for_each(|cell| cell.share(words));
    }
}

macro_rules! cells {
    ($($rust:ty => $ty:ident, |$v:ident| $value:expr, |$scratch:ident| $plain:expr, $($pattern:pat => $read:expr),+;)*) => {
        $(impl Cell for $rust {
            const TYPE: Type = Type::$ty;
            fn value(&self) -> Value { let $v = self; $value }
            fn plain<'a>(&'a self, $scratch: &'a mut String) -> Plain<'a> { let $v = self; $plain }
            fn read(value: Value) -> Option<$rust> {
                match value {
                    $($pattern => $read,)+
                    Value::Null => Some(<$rust>::default()),
                    _ => None,
                }
            }
        })*
    };
}

cells! {
    bool => Bool, |v| Value::Bool(*v), |_scratch| Plain::Int(i64::from(*v)), Value::Bool(v) => Some(v);
    u8 => Int, |v| Value::Int(i64::from(*v)), |_scratch| Plain::Int(i64::from(*v)), Value::Int(n) => n.try_into().ok();
    u16 => Int, |v| Value::Int(i64::from(*v)), |_scratch| Plain::Int(i64::from(*v)), Value::Int(n) => n.try_into().ok();
    u32 => Int, |v| Value::Int(i64::from(*v)), |_scratch| Plain::Int(i64::from(*v)), Value::Int(n) => n.try_into().ok();
    u64 => Int, |v| Value::Int(i64::try_from(*v).unwrap_or(i64::MAX)),
        |_scratch| Plain::Int(i64::try_from(*v).unwrap_or(i64::MAX)), Value::Int(n) => n.try_into().ok();
    i64 => Int, |v| Value::Int(*v), |_scratch| Plain::Int(*v), Value::Int(n) => Some(n);
    String => Text, |v| Value::Text(v.clone()), |_scratch| Plain::Text(v), Value::Text(text) => Some(text);
    Time => Time, |v| Value::Text(v.to_string()), |scratch| Plain::shown(v, scratch), Value::Text(text) => Time::parse(&text);
    Mac => Text, |v| Value::Text(v.to_string()), |scratch| Plain::shown(v, scratch), Value::Text(text) => text.parse().ok();
    Address => Text, |v| Value::Text(v.to_string()), |scratch| Plain::shown(v, scratch), Value::Text(text) => text.parse().ok();
    Vec<String> => List, |v| Value::List(v.clone()), |scratch| Plain::list(v, scratch), Value::List(list) => Some(list);
    Vec<u16> => Numbers, |v| Value::Numbers(v.iter().map(|n| u64::from(*n)).collect()),
        |scratch| Plain::numbers(v.iter().map(|n| u64::from(*n)), scratch),
        Value::Numbers(list) => list.into_iter().map(|n| n.try_into().ok()).collect();
}

impl Cell for Shared {
    const TYPE: Type = Type::Text;
    fn value(&self) -> Value {
        Value::Text(self.to_string())
    }
    fn plain<'a>(&'a self, _scratch: &'a mut String) -> Plain<'a> {
        Plain::Text(self)
    }
    fn read(value: Value) -> Option<Shared> {
        match value {
            Value::Text(text) => Some(text.into()),
            Value::Null => Some(Shared::default()),
            _ => None,
        }
    }
    fn share(&mut self, words: &mut Words) {
        *self = words.word(self);
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Types without a usual value: they stand in a column only as `Option`.
macro_rules! cells_that_may_lack {
    ($($rust:ty => $text:ident => $read:expr;)*) => {
        $(impl Cell for $rust {
            const TYPE: Type = Type::Text;
            fn value(&self) -> Value { Value::Text(self.to_string()) }
            fn plain<'a>(&'a self, scratch: &'a mut String) -> Plain<'a> { Plain::shown(self, scratch) }
            fn read(value: Value) -> Option<$rust> {
                match value {
                    Value::Text($text) => $read,
                    _ => None,
                }
            }
        })*
    };
}

cells_that_may_lack! {
    IpAddr => text => text.parse().ok();
    Grade => text => Grade::ALL.into_iter().find(|grade| grade.name() == text);
}

/// Declares a kind of fact: a struct whose doc lines are its reference, plus `evidence`, which every fact has and which
/// stands in the columns `capture` and `frames`.
///
/// A column says after `=>` what becomes of it when its row is told again ([`Merge`]): `first`, `last`, `sum`, `any`, `least`,
/// `latest`, `opening` (that of the row which began first), `join`. One that says nothing is part of the key; one whose doc
/// begins with "Judged:" is neither merged nor kept. After the table's name may stand, in brackets:
/// - `latest`: columns that say nothing take the newest value; the key is what says `key`;
/// - `judged`: the whole kind is worked out when facts are folded;
/// - `counted if FUNCTION`: rows of which the function says no are events, each a row of its own.
#[macro_export]
macro_rules! kind {
    ($(#[doc = $doc:literal])+ $name:ident = $table:literal { $($columns:tt)* }) => {
        $crate::kind! { @key |_| true; $(#[doc = $doc])+ $name = $table { $($columns)* } }
    };
    ($(#[doc = $doc:literal])+ $name:ident = $table:literal (latest) { $($columns:tt)* }) => {
        $crate::kind! { @latest |_| true; $(#[doc = $doc])+ $name = $table { $($columns)* } }
    };
    ($(#[doc = $doc:literal])+ $name:ident = $table:literal (judged) { $($columns:tt)* }) => {
        $crate::kind! { @judged |_| true; $(#[doc = $doc])+ $name = $table { $($columns)* } }
    };
    ($(#[doc = $doc:literal])+ $name:ident = $table:literal (counted if $counted:path) { $($columns:tt)* }) => {
        $crate::kind! { @key $counted; $(#[doc = $doc])+ $name = $table { $($columns)* } }
    };
    (
        @$usual:ident $counted:expr;
        $(#[doc = $doc:literal])+
        $name:ident = $table:literal {
            $( $(#[doc = $fdoc:literal])+ $field:ident : $ty:ty $(=> $own:ident)?, )*
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name {
            $( $(#[doc = $fdoc])+ pub $field: $ty, )*
            /// The frames that show it.
            pub evidence: $crate::Evidence,
        }

        const _: () = {
            use $crate::merge::Merge;
            use $crate::{Cell, Column, Evidence, Kind, KindInfo, Plain, Time, Type, Value, Words};

            /// The rule of each column.
            #[allow(non_upper_case_globals, reason = "named like the columns")]
            mod rule {
                use $crate::merge::Merge;
                $( pub(super) const $field: Merge =
                    Merge::of(concat!($($fdoc),+), $crate::merge_rule!($usual $($own)?)); )*
            }
            const EVIDENCE: Merge = match $crate::merge_rule!($usual) {
                Merge::Key => Merge::Join,
                other => other,
            };

            impl Kind for $name {
                const INFO: KindInfo = KindInfo {
                    name: $table,
                    doc: concat!($($doc, "\n"),+),
                    columns: &[
                        $( Column {
                            name: stringify!($field),
                            ty: <$ty as Cell>::TYPE,
                            doc: concat!($($fdoc),+),
                        }, )*
                        Column { name: "capture", ty: Type::Text, doc: " Capture that shows it." },
                        Column {
                            name: "frames",
                            ty: Type::Numbers,
                            doc: " Frame numbers in that capture, from 1; the first few.",
                        },
                    ],
                };
                const MERGE: &[Merge] = &[$( rule::$field, )* EVIDENCE, EVIDENCE];

                fn evidence(&self) -> &Evidence {
                    &self.evidence
                }
                fn evidence_mut(&mut self) -> &mut Evidence {
                    &mut self.evidence
                }
                fn span(&self) -> (Option<Time>, Option<Time>) {
                    (self.time.into(), self.last.into())
                }
                fn row(&self, captures: &[String]) -> Vec<Value> {
                    let capture = self.evidence.capture.and_then(|index| captures.get(index as usize));
                    let frames = &self.evidence.frames;
                    vec![
                        $( Cell::value(&self.$field), )*
                        capture.map_or(Value::Null, |name| Value::Text(name.clone())),
                        if capture.is_none() { Value::Null }
                        else { Value::Numbers(frames.iter().map(|n| u64::from(*n)).collect()) },
                    ]
                }
                fn each_cell<E>(
                    &self,
                    captures: &[String],
                    scratch: &mut String,
                    mut each: impl FnMut(Plain<'_>) -> Result<(), E>,
                ) -> Result<(), E> {
                    $(
                        scratch.clear();
                        each(self.$field.plain(scratch))?;
                    )*
                    scratch.clear();
                    let capture = self.evidence.capture.and_then(|index| captures.get(index as usize));
                    let Some(capture) = capture else {
                        each(Plain::Null)?;
                        return each(Plain::Null);
                    };
                    each(Plain::Text(capture))?;
                    let frames = self.evidence.frames.iter().map(|n| u64::from(*n));
                    each(Plain::numbers(frames, scratch))
                }
                fn from_row(values: &mut dyn Iterator<Item = Value>, evidence: Evidence) -> Result<$name, &'static str> {
                    Ok($name {
                        $( $field: if rule::$field.is_judged() { Default::default() } else {
                            values.next().and_then(Cell::read).ok_or(stringify!($field))?
                        }, )*
                        evidence,
                    })
                }
                fn is_counted(&self) -> bool {
                    let counted: fn(&$name) -> bool = $counted;
                    counted(self)
                }
                fn hash_key(&self, state: &mut impl std::hash::Hasher) {
                    let event = !self.is_counted();
                    $( if rule::$field.is_key() || event && !rule::$field.is_judged() {
                        std::hash::Hash::hash(&self.$field, state);
                    } )*
                    // Not the capture: its place in the list of captures may change.
                    if event {
                        std::hash::Hash::hash(&self.evidence.frames, state);
                    }
                }
                fn is_same(&self, other: &$name) -> bool {
                    let event = !self.is_counted();
                    event == !other.is_counted()
                        $( && (rule::$field.is_judged() || !rule::$field.is_key() && !event || self.$field == other.$field) )*
                        && (!event || self.evidence == other.evidence)
                }
                fn share(&mut self, words: &mut Words) {
                    $( Cell::share(&mut self.$field, words); )*
                }
                fn merge(&mut self, newer: $name) {
                    if !self.is_counted() {
                        return;
                    }
                    let opens = newer.span().0 < self.span().0;
                    $( if !rule::$field.is_judged() {
                        $crate::merge_column!($usual $($own)?: self.$field, newer.$field, opens);
                    } )*
                    let _ = opens;
                    match EVIDENCE {
                        Merge::Latest => self.evidence = newer.evidence,
                        _ => self.evidence.merge(newer.evidence),
                    }
                }
            }
        };
    };
}
