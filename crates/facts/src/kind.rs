//! What every kind of fact has: a name, columns with a doc line each, and a row of values.
//!
//! A kind is declared once with [`kind!`](macro@crate::kind); the SQL table, `seawall sql --tables`, the CSV header and the
//! JSON keys all derive from that declaration.
use std::fmt;
use std::net::IpAddr;

use crate::{Address, Mac, Time};

/// A value of a row, as SQL, CSV and JSON know it. What was not seen is `Null`, never an empty text.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Real(f64),
    Text(String),
    /// A list of texts, in JSON an array, in SQL a JSON text.
    List(Vec<String>),
    /// A list of numbers, in JSON an array, in SQL a JSON text.
    Numbers(Vec<u64>),
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Bool,
    Int,
    Real,
    Text,
    Time,
    List,
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
    pub name: &'static str,
    pub ty: Type,
    pub doc: &'static str,
}

/// A kind of fact as data: what the registry, the SQL schema and the reference are made of.
#[derive(Clone, Copy, Debug)]
pub struct KindInfo {
    pub name: &'static str,
    pub doc: &'static str,
    pub columns: &'static [Column],
}

/// One kind of fact.
pub trait Kind {
    const INFO: KindInfo;
    fn evidence(&self) -> &Evidence;
    /// The row, one value per column of [`Kind::INFO`]; `captures` names the captures by index.
    fn row(&self, captures: &[String]) -> Vec<Value>;
}

/// Where a fact can be looked up: frames of one capture, numbered from 1 as they stand in the file.
///
/// Only the first few are kept ([`Evidence::MOST`]): enough to find the place, bounded for a fact seen a million times.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Evidence {
    /// Index of the capture in the order in which the captures were read.
    pub capture: Option<u32>,
    pub frames: Vec<u32>,
}

impl Evidence {
    /// Frames kept per fact.
    pub const MOST: usize = 16;

    pub fn one(capture: u32, frame: u32) -> Evidence {
        Evidence {
            capture: Some(capture),
            frames: vec![frame],
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
    pub const fn name(self) -> &'static str {
        match self {
            Grade::Declared => "declared",
            Grade::Stated => "stated",
            Grade::Inferred => "inferred",
        }
    }
}

/// A Rust type that can stand in a column.
pub trait Cell {
    const TYPE: Type;
    fn value(&self) -> Value;
}

impl<T: Cell> Cell for Option<T> {
    const TYPE: Type = T::TYPE;
    fn value(&self) -> Value {
        self.as_ref().map_or(Value::Null, Cell::value)
    }
}

macro_rules! cells {
    ($($rust:ty => $ty:ident, |$v:ident| $value:expr;)*) => {
        $(impl Cell for $rust {
            const TYPE: Type = Type::$ty;
            fn value(&self) -> Value { let $v = self; $value }
        })*
    };
}

cells! {
    bool => Bool, |v| Value::Bool(*v);
    u8 => Int, |v| Value::Int(i64::from(*v));
    u16 => Int, |v| Value::Int(i64::from(*v));
    u32 => Int, |v| Value::Int(i64::from(*v));
    u64 => Int, |v| Value::Int(i64::try_from(*v).unwrap_or(i64::MAX));
    i64 => Int, |v| Value::Int(*v);
    f64 => Real, |v| Value::Real(*v);
    String => Text, |v| Value::Text(v.clone());
    &'static str => Text, |v| Value::Text((*v).to_owned());
    Time => Time, |v| Value::Text(v.to_string());
    Mac => Text, |v| Value::Text(v.to_string());
    IpAddr => Text, |v| Value::Text(v.to_string());
    Address => Text, |v| Value::Text(v.to_string());
    Grade => Text, |v| Value::Text(v.name().to_owned());
    Vec<String> => List, |v| Value::List(v.clone());
    Vec<u16> => Numbers, |v| Value::Numbers(v.iter().map(|n| u64::from(*n)).collect());
}

/// Declares a kind of fact: a struct whose doc lines are its reference, plus `evidence`, which every fact has and which
/// stands in the columns `capture` and `frames`.
#[macro_export]
macro_rules! kind {
    (
        $(#[doc = $doc:literal])+
        $name:ident = $table:literal {
            $( $(#[doc = $fdoc:literal])+ $field:ident : $ty:ty, )*
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name {
            $( $(#[doc = $fdoc])+ pub $field: $ty, )*
            /// The frames that show it.
            pub evidence: $crate::Evidence,
        }

        impl $crate::Kind for $name {
            const INFO: $crate::KindInfo = $crate::KindInfo {
                name: $table,
                doc: concat!($($doc, "\n"),+),
                columns: &[
                    $( $crate::Column {
                        name: stringify!($field),
                        ty: <$ty as $crate::Cell>::TYPE,
                        doc: concat!($($fdoc),+),
                    }, )*
                    $crate::Column { name: "capture", ty: $crate::Type::Text, doc: " Capture that shows it." },
                    $crate::Column {
                        name: "frames",
                        ty: $crate::Type::Numbers,
                        doc: " Frame numbers in that capture, from 1; the first few.",
                    },
                ],
            };
            fn evidence(&self) -> &$crate::Evidence {
                &self.evidence
            }
            fn row(&self, captures: &[String]) -> Vec<$crate::Value> {
                let capture = self.evidence.capture.and_then(|index| captures.get(index as usize));
                let frames = &self.evidence.frames;
                vec![
                    $( $crate::Cell::value(&self.$field), )*
                    capture.map_or($crate::Value::Null, |name| $crate::Value::Text(name.clone())),
                    if capture.is_none() { $crate::Value::Null }
                    else { $crate::Value::Numbers(frames.iter().map(|n| u64::from(*n)).collect()) },
                ]
            }
        }
    };
}
