//! The name of a conversation that lasts longer than one look at it.
use std::fmt;

use crate::{Cell, Plain, Type, Value};

/// Names a conversation: the same in every run on the same traffic, with any number of workers, and from its first packet
/// to its last. Rows that are told while it is under way carry it, so that the later row takes the place of the earlier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid(pub u64);

impl fmt::Display for Uid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:016x}", self.0)
    }
}

impl Cell for Uid {
    const TYPE: Type = Type::Text;
    fn value(&self) -> Value {
        Value::Text(self.to_string())
    }
    fn plain<'a>(&'a self, scratch: &'a mut String) -> Plain<'a> {
        Plain::shown(self, scratch)
    }
    fn read(value: Value) -> Option<Uid> {
        match value {
            Value::Text(text) => u64::from_str_radix(&text, 16).ok().map(Uid),
            Value::Null => Some(Uid::default()),
            _ => None,
        }
    }
}
