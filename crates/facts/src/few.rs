//! Small values that stand in their row: a list of a few items, and a short text. A million rows with a list each would be a
//! million allocations more, most of them larger than what they hold.
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Deref, DerefMut};

use crate::{Cell, Mac, Plain, Type, Value};

/// A list that has up to `N` items in place, and more of them elsewhere.
#[derive(Clone)]
pub struct Few<T, const N: usize>(Items<T, N>);

#[derive(Clone)]
enum Items<T, const N: usize> {
    Here(u8, [T; N]),
    Elsewhere(Box<Long<T>>),
}

/// A place of its own for what a list has beside its items: the rows that need it are few.
#[derive(Clone)]
struct Long<T>(Vec<T>);

impl<T: Copy + Default, const N: usize> Few<T, N> {
    /// Without items, and without an allocation.
    pub fn new() -> Few<T, N> {
        Few::default()
    }

    /// Behind those that are there; the first one beyond `N` takes all of them elsewhere.
    pub fn push(&mut self, item: T) {
        match &mut self.0 {
            Items::Here(count, items) => match items.get_mut(usize::from(*count)) {
                Some(place) => {
                    *place = item;
                    *count += 1;
                }
                None => {
                    let mut long = items.to_vec();
                    long.push(item);
                    self.0 = Items::Elsewhere(Box::new(Long(long)));
                }
            },
            Items::Elsewhere(long) => long.0.push(item),
        }
    }

    /// Keeps the first `most` items, where they are.
    pub fn truncate(&mut self, most: usize) {
        match &mut self.0 {
            Items::Here(count, _) => {
                *count = u8::try_from(most).map_or(*count, |most| most.min(*count));
            }
            Items::Elsewhere(long) => long.0.truncate(most),
        }
    }

    /// Takes all items out, and gives back what they took elsewhere.
    pub fn clear(&mut self) {
        *self = Few::default();
    }
}

impl<T: Copy + Default, const N: usize> Default for Few<T, N> {
    fn default() -> Few<T, N> {
        // What counts its items in one byte has no more of them in place.
        const { assert!(N <= u8::MAX as usize) };
        Few(Items::Here(0, [T::default(); N]))
    }
}

impl<T, const N: usize> Deref for Few<T, N> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match &self.0 {
            Items::Here(count, items) => items.get(..usize::from(*count)).unwrap_or_default(),
            Items::Elsewhere(long) => &long.0,
        }
    }
}

impl<T, const N: usize> DerefMut for Few<T, N> {
    fn deref_mut(&mut self) -> &mut [T] {
        match &mut self.0 {
            Items::Here(count, items) => items.get_mut(..usize::from(*count)).unwrap_or_default(),
            Items::Elsewhere(long) => &mut long.0,
        }
    }
}

impl<T: Copy + Default, const N: usize> Extend<T> for Few<T, N> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        items.into_iter().for_each(|item| self.push(item));
    }
}

impl<T: Copy + Default, const N: usize> FromIterator<T> for Few<T, N> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Few<T, N> {
        let mut few = Few::default();
        few.extend(items);
        few
    }
}

impl<T: Copy + Default, const N: usize> From<&[T]> for Few<T, N> {
    fn from(items: &[T]) -> Few<T, N> {
        items.iter().copied().collect()
    }
}

impl<T: Copy + Default, const N: usize> From<Vec<T>> for Few<T, N> {
    fn from(items: Vec<T>) -> Few<T, N> {
        items.as_slice().into()
    }
}

impl<'a, T, const N: usize> IntoIterator for &'a Few<T, N> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

// As lists: what lies behind the last item does not count.

impl<T: PartialEq, const N: usize> PartialEq for Few<T, N> {
    fn eq(&self, other: &Few<T, N>) -> bool {
        **self == **other
    }
}

impl<T: Eq, const N: usize> Eq for Few<T, N> {}

impl<T: PartialEq, const N: usize> PartialEq<[T]> for Few<T, N> {
    fn eq(&self, other: &[T]) -> bool {
        **self == *other
    }
}

impl<T: PartialEq, const N: usize, const M: usize> PartialEq<[T; M]> for Few<T, N> {
    fn eq(&self, other: &[T; M]) -> bool {
        **self == *other
    }
}

impl<T: Ord, const N: usize> PartialOrd for Few<T, N> {
    fn partial_cmp(&self, other: &Few<T, N>) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Ord, const N: usize> Ord for Few<T, N> {
    fn cmp(&self, other: &Few<T, N>) -> std::cmp::Ordering {
        (**self).cmp(&**other)
    }
}

impl<T: Hash, const N: usize> Hash for Few<T, N> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl<T: fmt::Debug, const N: usize> fmt::Debug for Few<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

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
fn a_list_is_the_same_in_place_and_elsewhere() {
    let mut few = Few::<u32, 3>::default();
    for count in 0..7u32 {
        let all: Vec<u32> = (0..count).collect();
        assert_eq!(few, *all, "{count} items");
        assert_eq!(few, Few::from(all), "{count} items at once");
        few.push(count);
    }
    few.truncate(2);
    assert_eq!(few, Few::from(vec![0, 1]), "what came back from elsewhere");
}

#[test]
fn a_text_is_the_same_whatever_its_length() {
    for length in [0, 1, SHORT - 1, SHORT, SHORT + 1, 300] {
        // A letter of two bytes, so that the end may fall into one.
        let text = "é".repeat(length / 2) + &"e".repeat(length % 2);
        assert_eq!(*Short::from(text.as_str()), text);
    }
}
