//! Small values that stand in their row: a list of a few items, and a short text. A million rows with a list each would be a
//! million allocations more, most of them larger than what they hold.
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use smallvec::SmallVec;

use crate::{Cell, Mac, Plain, Type, Value};

/// A list that has up to `N` items in place, and more of them elsewhere.
pub type Few<T, const N: usize> = SmallVec<[T; N]>;

impl<const N: usize> Cell for Few<u16, N> {
    const TYPE: Type = Type::Numbers;
    fn value(&self) -> Value {
        Value::Numbers(self.iter().map(|n| u64::from(*n)).collect())
    }
    fn plain<'a>(&'a self, scratch: &'a mut String) -> Plain<'a> {
        Plain::numbers(self.iter().map(|n| u64::from(*n)), scratch)
    }
    fn read(value: Value) -> Option<Few<u16, N>> {
        match value {
            Value::Numbers(list) => list.into_iter().map(|n| n.try_into().ok()).collect(),
            Value::Null => Some(Few::default()),
            _ => None,
        }
    }
}

impl<const N: usize> Cell for Few<Mac, N> {
    const TYPE: Type = Type::List;
    fn value(&self) -> Value {
        Value::List(self.iter().map(Mac::to_string).collect())
    }
    fn plain<'a>(&'a self, scratch: &'a mut String) -> Plain<'a> {
        Plain::shown_list(self, scratch)
    }
    fn read(value: Value) -> Option<Few<Mac, N>> {
        match value {
            Value::List(list) => list.iter().map(|text| text.parse().ok()).collect(),
            Value::Null => Some(Few::default()),
            _ => None,
        }
    }
}

/// Bytes of a text that stand in place.
const SHORT: usize = 30;

/// A text that mostly is short, such as a Community ID.
#[derive(Clone)]
pub struct Short(Letters);

#[derive(Clone)]
enum Letters {
    Here(u8, [u8; SHORT]),
    Elsewhere(Box<str>),
}

impl Default for Short {
    fn default() -> Short {
        Short(Letters::Here(0, [0; SHORT]))
    }
}

impl From<&str> for Short {
    fn from(text: &str) -> Short {
        let mut bytes = [0; SHORT];
        let place = bytes.get_mut(..text.len());
        match (place, u8::try_from(text.len())) {
            (Some(place), Ok(count)) => {
                place.copy_from_slice(text.as_bytes());
                Short(Letters::Here(count, bytes))
            }
            _ => Short(Letters::Elsewhere(text.into())),
        }
    }
}

impl From<String> for Short {
    fn from(text: String) -> Short {
        text.as_str().into()
    }
}

impl Deref for Short {
    type Target = str;

    fn deref(&self) -> &str {
        match &self.0 {
            Letters::Here(count, bytes) => {
                let bytes = bytes.get(..usize::from(*count)).unwrap_or_default();
                str::from_utf8(bytes).unwrap_or_default()
            }
            Letters::Elsewhere(text) => text,
        }
    }
}

impl PartialEq for Short {
    fn eq(&self, other: &Short) -> bool {
        **self == **other
    }
}

impl Eq for Short {}

impl PartialEq<&str> for Short {
    fn eq(&self, other: &&str) -> bool {
        **self == **other
    }
}

impl Hash for Short {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl fmt::Debug for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl Cell for Short {
    const TYPE: Type = Type::Text;
    fn value(&self) -> Value {
        Value::Text(self.to_string())
    }
    fn plain<'a>(&'a self, _scratch: &'a mut String) -> Plain<'a> {
        Plain::Text(self)
    }
    fn read(value: Value) -> Option<Short> {
        match value {
            Value::Text(text) => Some(text.into()),
            Value::Null => Some(Short::default()),
            _ => None,
        }
    }
}

#[test]
fn a_text_is_the_same_whatever_its_length() {
    for length in [0, 1, SHORT - 1, SHORT, SHORT + 1, 300] {
        // A letter of two bytes, so that the end may fall into one.
        let text = "é".repeat(length / 2) + &"e".repeat(length % 2);
        assert_eq!(*Short::from(text.as_str()), text);
    }
}
